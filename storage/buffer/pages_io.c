/* pages_io.c: from frames to slots. See pages_internal.h for the calls.
 *
 * Writing a frame out: pin, mark busy, latch shared, find a slot, copy, mark clean, unlatch;
 * write the copies in runs of neighbouring slots; tell the map; not busy, unpin. A writer may
 * dirty the page again as soon as it is unlatched. The pin keeps the frame, so that nobody
 * reads the page from its old slot before the map knows the new one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "base/log.h"
#include "base/thread.h"
#include "storage/buffer/pages_internal.h"

#include <stdlib.h>
#include <string.h>

enum status
pages__note(struct pages *pages, enum status status, struct diag *diag)
{
    if ((status != STATUS_IO && status != STATUS_CORRUPT) ||
        atomic_exchange(&pages->damaged, true)) {
        return status;
    }
    struct diag unknown = {0};
    if (diag == NULL) { /* nobody hears of it but the log and the node */
        diag = &unknown;
        STATUS_IGNORED(
            diag_fail(diag, status, SQLSTATE_IO_ERROR, "a page could not be written"));
    }
    log_error(pages->env->log, "storage", "pages are damaged, this node stops serving: %s %s",
              diag->message, diag->detail);
    if (pages->options.on_damage != NULL) {
        pages->options.on_damage(pages->options.arg, diag);
    }
    return status;
}

enum status
pages__refuse_damaged(struct pages *pages, struct diag *diag)
{
    if (UNLIKELY(atomic_load_explicit(&pages->damaged, memory_order_relaxed))) {
        return diag_fail(diag, STATUS_IO, SQLSTATE_IO_ERROR,
                         "the pages of this node are damaged");
    }
    return STATUS_OK;
}

void
pages__begin_run(struct pages *pages)
{
    mutex_lock(&pages->run_mu);
    while (pages->running) {
        cond_wait(&pages->run_over, &pages->run_mu);
    }
    pages->running = true;
    mutex_unlock(&pages->run_mu);
}

void
pages__end_run(struct pages *pages)
{
    mutex_lock(&pages->run_mu);
    pages->running = false;
    cond_signal(&pages->run_over);
    mutex_unlock(&pages->run_mu);
}

/* ---- memory for copies ---- */

struct staging *
pages__borrow_staging(struct pages *pages)
{
    mutex_lock(&pages->aside_mu);
    struct staging *staging = pages->staging;
    if (staging != NULL) {
        pages->staging = staging->next;
    }
    mutex_unlock(&pages->aside_mu);
    if (staging == NULL) {
        size_t size = sizeof(*staging) + (size_t)WRITE_BATCH_MAX * pages->page_size;
        staging = aligned_alloc(64, (size + 63) / 64 * 64);
        ASSERT(staging != NULL);
    }
    return staging;
}

void
pages__return_staging(struct pages *pages, struct staging *staging)
{
    mutex_lock(&pages->aside_mu);
    staging->next = pages->staging;
    pages->staging = staging;
    mutex_unlock(&pages->aside_mu);
}

static void
keep_aside(struct pages *pages, uint64_t key, uint64_t epoch, const uint8_t *data)
{
    struct aside *aside = malloc(sizeof(*aside) + pages->page_size);
    ASSERT(aside != NULL);
    aside->key = key;
    aside->epoch = epoch;
    memcpy(aside->data, data, pages->page_size);
    mutex_lock(&pages->aside_mu);
    aside->next = pages->asides;
    pages->asides = aside;
    mutex_unlock(&pages->aside_mu);
    atomic_fetch_add(&pages->aside_count, 1);
}

struct aside *
pages__take_asides(struct pages *pages)
{
    mutex_lock(&pages->aside_mu);
    struct aside *all = pages->asides;
    pages->asides = NULL;
    atomic_store(&pages->aside_count, 0);
    mutex_unlock(&pages->aside_mu);
    return all;
}

static struct page_identity
identity_of(uint64_t key)
{
    return (struct page_identity){
        .kind = PAGE_KIND_DATA, .space = (uint32_t)(key >> 32), .number = (uint32_t)key};
}

enum status
pages__write_image(struct pages *pages, uint64_t key, uint64_t epoch, uint8_t *image,
                   struct diag *diag)
{
    struct page_identity identity = identity_of(key);
    struct page_ref ref = {0};
    TRY(spaces_place(&pages->spaces, identity.space, identity.number, epoch, &ref.slot, diag));
    if (ref.slot == SLOT_NONE) {
        return STATUS_OK;
    }
    ref.sum = page_stamp(image, pages->page_size, identity, epoch);
    struct iovec part = {.iov_base = image, .iov_len = pages->page_size};
    enum status status = slots_write(&pages->slots, ref.slot, &part, 1, diag);
    spaces_placed(&pages->spaces, identity.space, identity.number, epoch, ref,
                  status == STATUS_OK);
    atomic_fetch_add(&pages->write_count, 1);
    return pages__note(pages, status, diag);
}

/* Beyond the bound the writer pays with a write of its own; with a full disk, with memory. */
void
pages__set_aside(struct pages *pages, uint64_t key, uint64_t epoch, const uint8_t *data)
{
    if (atomic_load(&pages->aside_count) < pages->aside_max) {
        keep_aside(pages, key, epoch, data);
        return;
    }
    struct staging *staging = pages__borrow_staging(pages);
    memcpy(staging->data, data, pages->page_size);
    if (pages__write_image(pages, key, epoch, staging->data, NULL) != STATUS_OK) {
        keep_aside(pages, key, epoch, data);
    }
    pages__return_staging(pages, staging);
}

/* ---- writing frames out ---- */

struct batch_item {
    struct page *page;
    uint64_t key, epoch;
    struct page_ref ref;
    uint8_t *copy;
    bool written;
};

struct batch {
    struct batch_item items[WRITE_BATCH_MAX];
    unsigned count;
};

static int
by_key(const void *a, const void *b)
{
    uint64_t x = atomic_load(&(*(struct page *const *)a)->key);
    uint64_t y = atomic_load(&(*(struct page *const *)b)->key);
    return (x > y) - (x < y);
}

static void
clean(struct pages *pages, struct page *page)
{
    atomic_store(&page->dirty_epoch, 0);
    atomic_fetch_sub(&pages->pool.dirty_count, 1);
}

static bool
try_hold(struct pages *pages, struct page *page)
{
    if (!pool_try_busy(page)) {
        return false;
    }
    if (latch_try_shared(&page->latch)) {
        return true;
    }
    pool_idle(&pages->pool, page);
    return false;
}

/* The caller holds no frame busy: a truncation may wait for those while it holds latches. */
static void
hold(struct pages *pages, struct page *page)
{
    for (;;) {
        latch_shared(&page->latch);
        if (pool_try_busy(page)) {
            return;
        }
        latch_release(&page->latch);
        pool_wait_idle(&pages->pool, page);
    }
}

/* Busy and latched: copies the page if it must be written. `*taken_out`: the item is in use. */
static enum status
copy_page(struct pages *pages, struct page *page, uint64_t epoch_max, uint8_t *copy,
          struct batch_item *item, bool *taken_out, struct diag *diag)
{
    *taken_out = false;
    uint64_t epoch = atomic_load(&page->dirty_epoch);
    if (epoch == 0 || epoch > epoch_max) {
        return STATUS_OK;
    }
    uint64_t key = atomic_load(&page->key);
    *item = (struct batch_item){.page = page, .key = key, .epoch = epoch, .copy = copy};
    struct page_identity identity = identity_of(key);
    TRY(spaces_place(&pages->spaces, identity.space, identity.number, epoch, &item->ref.slot,
                     diag));
    if (item->ref.slot != SLOT_NONE) {
        memcpy(copy, page->data, pages->page_size);
        *taken_out = true;
    }
    clean(pages, page);
    return STATUS_OK;
}

/* A page that is held: it becomes an item (and stays busy and pinned), or is let go. */
static enum status
add_page(struct pages *pages, struct page *page, uint64_t epoch_max, struct staging *staging,
         struct batch *batch, struct diag *diag)
{
    bool taken = false;
    uint8_t *copy = staging->data + (size_t)batch->count * pages->page_size;
    enum status status =
        copy_page(pages, page, epoch_max, copy, &batch->items[batch->count], &taken, diag);
    latch_release(&page->latch);
    batch->count += taken;
    if (!taken) {
        pool_idle(&pages->pool, page);
        pool_unpin(page);
    }
    return status;
}

/* Pages that could not be held go to the front of `list`, still pinned. */
static enum status
gather(struct pages *pages, struct page **list, unsigned count, uint64_t epoch_max,
       struct staging *staging, struct batch *batch, unsigned *left_out, struct diag *diag)
{
    enum status status = STATUS_OK;
    *left_out = 0;
    batch->count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (status != STATUS_OK) {
            pool_unpin(list[i]);
        } else if (try_hold(pages, list[i])) {
            status = add_page(pages, list[i], epoch_max, staging, batch, diag);
        } else {
            list[(*left_out)++] = list[i];
        }
    }
    return status;
}

static int
by_slot(const void *a, const void *b)
{
    uint32_t x = ((const struct batch_item *)a)->ref.slot;
    uint32_t y = ((const struct batch_item *)b)->ref.slot;
    return (x > y) - (x < y);
}

static enum status
write_runs(struct pages *pages, struct batch *batch, struct diag *diag)
{
    qsort(batch->items, batch->count, sizeof(batch->items[0]), by_slot);
    for (unsigned i = 0; i < batch->count;) {
        struct iovec parts[WRITE_BATCH_MAX];
        unsigned run = 0;
        uint32_t first = batch->items[i].ref.slot;
        do {
            parts[run] = (struct iovec){.iov_base = batch->items[i + run].copy,
                                        .iov_len = pages->page_size};
            run++;
        } while (i + run < batch->count && batch->items[i + run].ref.slot == first + run &&
                 (first + run) % pages->slots.segment_slots != 0);
        TRY(slots_write(&pages->slots, first, parts, run, diag));
        for (unsigned end = i + run; i < end; i++) {
            batch->items[i].written = true;
        }
        atomic_fetch_add(&pages->write_count, run);
    }
    return STATUS_OK;
}

/* The write failed: the frame is dirty again, or (dirtied since) its old image is kept. */
static void
restore_dirty(struct pages *pages, struct batch_item *item)
{
    uint64_t now = 0;
    if (atomic_compare_exchange_strong(&item->page->dirty_epoch, &now, item->epoch)) {
        atomic_fetch_add(&pages->pool.dirty_count, 1);
    } else if (now != item->epoch) {
        keep_aside(pages, item->key, item->epoch, item->copy);
    }
}

static void
settle(struct pages *pages, struct batch *batch)
{
    for (unsigned i = 0; i < batch->count; i++) {
        struct batch_item *item = &batch->items[i];
        spaces_placed(&pages->spaces, (uint32_t)(item->key >> 32), (uint32_t)item->key,
                      item->epoch, item->ref, item->written);
        if (!item->written) {
            restore_dirty(pages, item);
        }
        pool_idle(&pages->pool, item->page);
        pool_unpin(item->page);
    }
}

static enum status
write_batch(struct pages *pages, struct batch *batch, struct diag *diag)
{
    for (unsigned i = 0; i < batch->count; i++) {
        struct batch_item *item = &batch->items[i];
        item->ref.sum =
            page_stamp(item->copy, pages->page_size, identity_of(item->key), item->epoch);
    }
    enum status status = write_runs(pages, batch, diag);
    settle(pages, batch);
    return status;
}

enum status
pages__write_out(struct pages *pages, struct page **list, unsigned count, uint64_t epoch_max,
                 bool wait, struct diag *diag)
{
    ASSERT(count <= WRITE_BATCH_MAX);
    if (count == 0) {
        return STATUS_OK;
    }
    struct batch batch;
    struct staging *staging = pages__borrow_staging(pages);
    unsigned left = 0;
    qsort(list, count, sizeof(struct page *), by_key);
    enum status status = gather(pages, list, count, epoch_max, staging, &batch, &left, diag);
    enum status written = write_batch(pages, &batch, diag);
    status = status != STATUS_OK ? status : written;
    for (unsigned i = 0; i < left; i++) {
        if (!wait || status != STATUS_OK) {
            pool_unpin(list[i]);
            continue;
        }
        hold(pages, list[i]);
        batch.count = 0;
        status = add_page(pages, list[i], epoch_max, staging, &batch, diag);
        written = write_batch(pages, &batch, diag);
        status = status != STATUS_OK ? status : written;
    }
    pages__return_staging(pages, staging);
    return pages__note(pages, status, diag);
}

/* ---- forgetting frames ---- */

static void
discard_frame(struct pages *pages, struct page *page, uint64_t key)
{
    for (;;) { /* a writer-out holds it for an instant at most */
        pool_wait_idle(&pages->pool, page);
        uint32_t nobody = 0;
        if (atomic_load(&page->key) != key) {
            return; /* evicted meanwhile */
        }
        if (!atomic_compare_exchange_weak(&page->state, &nobody, 1)) {
            continue;
        }
        if (atomic_load(&page->key) == key && pool_try_busy(page)) {
            break;
        }
        pool_unpin(page);
    }
    uint64_t epoch = atomic_load(&page->dirty_epoch);
    if (epoch != 0) {
        uint64_t cut = atomic_load(&pages->cut_epoch);
        if (cut != 0 && epoch <= cut) {
            pages__set_aside(pages, key, epoch, page->data);
        }
        clean(pages, page);
    }
    pool_idle(&pages->pool, page);
    pool_unpin(page);
    while (atomic_load(&page->key) == key) {
        if (pool_claim(&pages->pool, page)) {
            pool_give_back(&pages->pool, page);
            return;
        }
        thread_yield();
    }
}

void
pages__discard(struct pages *pages, uint32_t space, uint32_t from, uint32_t to)
{
    struct pool *pool = &pages->pool;
    if (to - from <= pool->frame_count) {
        for (uint32_t no = from; no < to; no++) {
            struct page *page = pool_find_locked(pool, pool_key(space, no));
            if (page != NULL) {
                pool_unpin(page);
                discard_frame(pages, page, pool_key(space, no));
            }
        }
        return;
    }
    for (uint32_t i = 0; i < pool->frame_count; i++) {
        uint64_t key = atomic_load(&pool->frames[i].key);
        if (key >= pool_key(space, from) && key < pool_key(space, to)) {
            discard_frame(pages, &pool->frames[i], key);
        }
    }
}
