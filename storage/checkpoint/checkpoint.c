/* checkpoint.c: pages_checkpoint().
 *
 *   gate closed: cut() and a new epoch        <- an instant
 *   pages of the old epoch -> their slots     <- writers go on; evictions help
 *   images set aside       -> their slots
 *   map pages, directory, meta -> slots       <- of the cut's view
 *   sync slots
 *   log durable through the applied index     <- rule 10
 *   root, sync; void the old root, sync
 *   slots that only the old root needed: free
 *
 * Until the root is written any refusal (full disk, log not durable) folds the epoch back into
 * the current one, and the next checkpoint does it all. From the root on, and for any failure
 * of the disk, there is no way back: damage.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/codec.h"
#include "base/env.h"
#include "base/fault.h"
#include "base/log.h"
#include "storage/checkpoint/checkpoint_internal.h"

#include <stdlib.h>

#define PUNCHES_MAX 256u /* extents given back after one checkpoint */

struct cut {
    uint64_t applied_index, applied_term, epoch;
    uint32_t next_space_id;
    struct buf meta, directory;
    int64_t gate_closed_ns;
    bool changed; /* since the newest root */
};

static void
swap_bytes(struct buf *a, struct buf *b)
{
    struct buf other = *a;
    *a = *b;
    *b = other;
}

static int64_t
now_ns(const struct pages *pages)
{
    return clock_monotonic_ns(pages->env->clock);
}

static bool
anything_new(struct pages *pages, const struct cut *cut)
{
    mutex_lock(&pages->spaces.mu);
    bool changed = pages->spaces.changed;
    mutex_unlock(&pages->spaces.mu);
    return changed || pages->record.sequence == 0 ||
           atomic_load(&pages->pool.dirty_count) != 0 ||
           cut->applied_index != pages->record.applied_index ||
           cut->applied_term != pages->record.applied_term ||
           !slice_equal(buf_slice(&cut->meta), buf_slice(&pages->meta_bytes));
}

static void
take_cut(struct pages *pages, checkpoint_cut_fn fill, void *arg, struct cut *cut)
{
    gate_close(pages);
    int64_t closed_at = now_ns(pages);
    fill(arg, &cut->applied_index, &cut->applied_term, &cut->meta);
    cut->changed = anything_new(pages, cut);
    if (cut->changed) {
        spaces_cut(&pages->spaces);
        cut->epoch = pages->spaces.cut_epoch;
        cut->next_space_id = pages->spaces.cut_next_id;
        atomic_store(&pages->cut_epoch, cut->epoch);
        atomic_store(&pages->epoch, cut->epoch + 1);
    }
    cut->gate_closed_ns = now_ns(pages) - closed_at;
    gate_open(pages);
}

/* ---- pages ---- */

struct candidate {
    uint64_t key;
    struct page *page;
};

static int
by_key(const void *a, const void *b)
{
    uint64_t x = ((const struct candidate *)a)->key, y = ((const struct candidate *)b)->key;
    return (x > y) - (x < y);
}

/* Frames that may hold pages of the cut: dirty since, or on their way to disk right now. An
 * evictor sets busy, then clean, then idle when the map knows: we look in the other order. */
static size_t
find_candidates(struct pages *pages, uint64_t epoch, struct candidate *list)
{
    size_t count = 0;
    for (uint32_t i = 0; i < pages->pool.frame_count; i++) {
        struct page *page = &pages->pool.frames[i];
        uint64_t dirty = atomic_load(&page->dirty_epoch);
        if ((dirty != 0 && dirty <= epoch) || atomic_load(&page->busy) != 0) {
            list[count++] = (struct candidate){.key = atomic_load(&page->key), .page = page};
        }
    }
    qsort(list, count, sizeof(*list), by_key);
    return count;
}

static enum status
write_candidates(struct pages *pages, uint64_t epoch, const struct candidate *list,
                 size_t count, struct diag *diag)
{
    struct page *batch[WRITE_BATCH_MAX];
    unsigned most = MAX(MIN(WRITE_BATCH_MAX, pages->pool.frame_count / 4), 1u); /* pinned */
    for (size_t i = 0; i < count;) {
        unsigned batched = 0;
        for (; i < count && batched < most; i++) {
            if (list[i].key != KEY_NONE && pool_try_pin(list[i].page, list[i].key)) {
                batch[batched++] = list[i].page;
            }
        }
        TRY(pages__write_out(pages, batch, batched, epoch, true, diag));
    }
    return STATUS_OK;
}

static enum status
write_asides(struct pages *pages, struct diag *diag)
{
    enum status status = STATUS_OK;
    for (struct aside *aside = pages__take_asides(pages); aside != NULL;) {
        struct aside *next = aside->next;
        if (status == STATUS_OK) {
            status = pages__write_image(pages, aside->key, aside->epoch, aside->data, diag);
        }
        free(aside);
        aside = next;
    }
    return status;
}

static enum status
write_pages(struct pages *pages, uint64_t epoch, struct diag *diag)
{
    struct candidate *list = malloc(pages->pool.frame_count * sizeof(*list));
    ASSERT(list != NULL);
    size_t count = find_candidates(pages, epoch, list);
    enum status status = write_candidates(pages, epoch, list, count, diag);
    free(list);
    TRY(status);
    /* no frame is of the cut's epoch any more: nothing new can be set aside */
    return write_asides(pages, diag);
}

/* ---- maps ---- */

static int
by_id(const void *a, const void *b)
{
    uint32_t x = (*(struct space *const *)a)->id, y = (*(struct space *const *)b)->id;
    return (x > y) - (x < y);
}

/* Spaces that the cut knows, by id. Only the checkpoint frees spaces, so they stay. */
static struct space **
list_spaces(struct pages *pages, size_t *count_out)
{
    struct spaces *spaces = &pages->spaces;
    mutex_lock(&spaces->mu);
    struct space **list = malloc((spaces->count + 1) * sizeof(struct space *));
    ASSERT(list != NULL);
    size_t count = 0;
    for (uint32_t i = 0; i < spaces->table_size; i++) {
        if (spaces->table[i] != NULL && spaces->table[i]->created_epoch <= spaces->cut_epoch) {
            list[count++] = spaces->table[i];
        }
    }
    mutex_unlock(&spaces->mu);
    qsort(list, count, sizeof(struct space *), by_id);
    *count_out = count;
    return list;
}

static bool
dropped_by(struct pages *pages, const struct space *space, uint64_t epoch)
{
    mutex_lock(&pages->spaces.mu);
    bool dropped = space->dropped_epoch != 0 && space->dropped_epoch <= epoch;
    mutex_unlock(&pages->spaces.mu);
    return dropped;
}

static enum status
write_maps(struct pages *pages, struct cut *cut, struct diag *diag)
{
    size_t count = 0;
    struct space **list = list_spaces(pages, &count);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct page_ref top;
        if (dropped_by(pages, list[i], cut->epoch)) {
            map__kill(pages, list[i]);
            continue;
        }
        status = map__write(pages, list[i], list[i]->cut_page_count, &top, diag);
        buf_u32(&cut->directory, list[i]->id);
        buf_u32(&cut->directory, list[i]->cut_page_count);
        buf_u32(&cut->directory, top.slot);
        buf_u32(&cut->directory, top.sum);
    }
    free(list);
    return status;
}

/* ---- the root ---- */

static enum status
prepare_root(struct pages *pages, struct cut *cut, struct root_record *record,
             struct diag *diag)
{
    struct spaces *spaces = &pages->spaces;
    TRY(write_pages(pages, cut->epoch, diag));
    TRY(write_maps(pages, cut, diag));
    *record = (struct root_record){
        .sequence = pages->record.sequence + 1,
        .epoch = cut->epoch,
        .applied_index = cut->applied_index,
        .applied_term = cut->applied_term,
        .page_size = pages->page_size,
        .next_space_id = cut->next_space_id,
        .directory_bytes = cut->directory.size,
        .meta_bytes = cut->meta.size,
    };
    TRY(blob__write(pages, &spaces->directory, buf_slice(&cut->directory),
                    buf_slice(&pages->directory_bytes), &record->directory, diag));
    TRY(blob__write(pages, &spaces->meta, buf_slice(&cut->meta), buf_slice(&pages->meta_bytes),
                    &record->meta, diag));
    if (fault_fires(pages->env->faults, FAULT_CANARY_EARLY_ROOT)) {
        return STATUS_OK;
    }
    return pages__note(pages, slots_sync(&pages->slots, diag), diag);
}

/* From here on every failure is damage: the disk may hold either root. */
static enum status
publish_root(struct pages *pages, struct cut *cut, const struct root_record *record,
             struct diag *diag)
{
    enum status status = root_write(&pages->root, record, diag);
    if (status == STATUS_OK && pages->record.sequence > 0) {
        status = root_void(&pages->root, pages->record.sequence, diag);
    }
    if (status != STATUS_OK) {
        diag_while(diag, "writing the root of a checkpoint");
        pages__note(pages, STATUS_IO, diag);
        return status;
    }
    pages->record = *record;
    swap_bytes(&pages->directory_bytes, &cut->directory);
    swap_bytes(&pages->meta_bytes, &cut->meta);
    atomic_store(&pages->cut_epoch, 0);
    spaces_cut_done(&pages->spaces);
    atomic_fetch_add(&pages->checkpoint_count, 1);
    return STATUS_OK;
}

static void
fold_back(struct pages *pages)
{
    gate_close(pages);
    spaces_cut_failed(&pages->spaces);
    atomic_store(&pages->cut_epoch, 0);
    for (struct aside *aside = pages__take_asides(pages); aside != NULL;) {
        struct aside *next = aside->next; /* the page has changed since: that version counts */
        free(aside);
        aside = next;
    }
    buf_clear(&pages->directory_bytes); /* some pages of it may say other things now */
    buf_clear(&pages->meta_bytes);
    gate_open(pages);
}

static enum status
punch_free(struct pages *pages, struct diag *diag)
{
    for (unsigned i = 0; i < PUNCHES_MAX; i++) {
        mutex_lock(&pages->spaces.mu);
        uint32_t extent = slots_punch_begin(&pages->slots);
        mutex_unlock(&pages->spaces.mu);
        if (extent == 0) {
            return STATUS_OK;
        }
        enum status status = pages__note(pages, slots_punch(&pages->slots, extent, diag), diag);
        mutex_lock(&pages->spaces.mu);
        slots_punch_done(&pages->slots, extent);
        mutex_unlock(&pages->spaces.mu);
        TRY(status);
    }
    return STATUS_OK;
}

static enum status
run_checkpoint(struct pages *pages, struct cut *cut, checkpoint_log_fn log_durable, void *arg,
               struct diag *diag)
{
    struct root_record record;
    enum status status = prepare_root(pages, cut, &record, diag);
    if (status == STATUS_OK && log_durable != NULL &&
        !fault_fires(pages->env->faults, FAULT_CANARY_ROOT_AHEAD)) {
        status = log_durable(arg, cut->applied_index, diag);
    }
    if (status == STATUS_OK) {
        status = pages__refuse_damaged(pages, diag);
    }
    if (status != STATUS_OK) {
        if (!pages_damaged(pages)) {
            fold_back(pages);
        }
        return status;
    }
    TRY(publish_root(pages, cut, &record, diag));
    return punch_free(pages, diag);
}

enum status
pages_checkpoint(struct pages *pages, checkpoint_cut_fn cut_fn, checkpoint_log_fn log_durable,
                 void *arg, struct checkpoint_result *result_out, struct diag *diag)
{
    struct cut cut = {0};
    int64_t begun_ns = now_ns(pages);
    *result_out = (struct checkpoint_result){0};
    pages__begin_run(pages);
    swap_bytes(&cut.meta, &pages->meta_spare); /* memory of an earlier cut: touched already */
    buf_clear(&cut.meta);
    enum status status = pages__refuse_damaged(pages, diag);
    if (status == STATUS_OK) {
        uint64_t written = atomic_load(&pages->write_count);
        take_cut(pages, cut_fn, arg, &cut);
        if (cut.changed) {
            status = run_checkpoint(pages, &cut, log_durable, arg, diag);
        }
        result_out->applied_index = cut.applied_index;
        result_out->page_count = atomic_load(&pages->write_count) - written;
        result_out->bytes_written = result_out->page_count * pages->page_size;
        result_out->gate_closed_ns = cut.gate_closed_ns;
        result_out->total_ns = now_ns(pages) - begun_ns;
    }
    swap_bytes(&cut.meta, &pages->meta_spare);
    pages__end_run(pages);
    buf_deinit(&cut.directory);
    return status;
}
