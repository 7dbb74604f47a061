/* page.c: pin, latch, dirty, append: the calls of pages.h that statements make.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "base/thread.h"
#include "base/wait.h"
#include "storage/buffer/pages_internal.h"

#include <string.h>

#define DIRTY_MET_MAX 32u    /* cold dirty frames written in one go when a frame is needed */
#define DIRTY_MET_ENOUGH 16u /* as many are written even if a clean frame was found */
#define GATE_STEPS_MAX 2048u /* frames looked at inside the gate */
#define ROOM_FRAMES 16u      /* that pages_make_room() makes */

/* ---- the gate ---- */

void
gate_enter(struct pages *pages)
{
    gate__enter(&pages->gate);
}

void
gate_leave(struct pages *pages)
{
    gate__leave(&pages->gate);
}

bool
gate_held(struct pages *pages)
{
    return gate__held(&pages->gate);
}

void
gate_close(struct pages *pages)
{
    gate__close(&pages->gate);
}

void
gate_open(struct pages *pages)
{
    gate__open(&pages->gate);
}

/* ---- spaces ---- */

struct space_id
space_create(struct pages *pages)
{
    ASSERT(gate_held(pages));
    return spaces_create(&pages->spaces);
}

void
space_drop(struct pages *pages, struct space_id space)
{
    ASSERT(gate_held(pages));
    spaces_drop(&pages->spaces, space.v);
}

uint32_t
space_page_count(struct pages *pages, struct space_id space)
{
    return spaces_page_count(&pages->spaces, space.v);
}

uint64_t
space_bytes(struct pages *pages, struct space_id space)
{
    return (uint64_t)spaces_page_count(&pages->spaces, space.v) * pages->page_size;
}

void
space_truncate(struct pages *pages, struct space_id space, uint32_t page_count)
{
    ASSERT(gate_held(pages));
    uint32_t old_count = spaces_page_count(&pages->spaces, space.v);
    ASSERT(page_count <= old_count);
    pages__discard(pages, space.v, page_count, old_count);
    spaces_truncate(&pages->spaces, space.v, page_count);
}

/* ---- frames ---- */

static void
unpin_all(struct page **list, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        pool_unpin(list[i]);
    }
}

/* Sweeps that find nothing at all before every frame is said to be in use. */
#define IDLE_SWEEPS_MAX 50
#define IDLE_PAUSE_US 200

/* Unpins them. The write may have to wait for the disk. */
static enum status
write_met(struct pages *pages, struct page **dirty, unsigned dirty_count, struct diag *diag)
{
    enum status status = waiter_before_io(diag);
    if (status != STATUS_OK) {
        unpin_all(dirty, dirty_count);
        return status;
    }
    return pages__write_out(pages, dirty, dirty_count, UINT64_MAX, false, diag);
}

/* What failed counts only if it was in vain: a diag keeps the first error it is told. */
static enum status
report(enum status status, const struct diag *met, struct diag *diag)
{
    if (diag != NULL && diag->status == STATUS_OK) {
        *diag = *met;
    }
    return status;
}

/* A taken frame; writes dirty ones out to get it. Outside the gate. */
static enum status
acquire_frame(struct pages *pages, bool scan, struct page **page_out, struct diag *diag)
{
    struct pool *pool = &pages->pool;
    uint32_t steps = pool->frame_count * (USAGE_MAX + 2);
    struct page *dirty[DIRTY_MET_MAX];
    unsigned dirty_count = 0, met_max = MIN(DIRTY_MET_MAX, pool->frame_count / 4);
    unsigned idle_count = 0;
    enum status status = STATUS_OK;
    struct diag met;
    diag_clear(&met);
    for (unsigned sweeps = 0;; sweeps++) {
        bool full = status == STATUS_LIMIT; /* no write can help */
        *page_out = pool_take(pool, scan, steps, dirty, full ? 0 : met_max, &dirty_count);
        if (*page_out != NULL && dirty_count < DIRTY_MET_ENOUGH) {
            unpin_all(dirty, dirty_count);
            return STATUS_OK;
        }
        if (*page_out == NULL && dirty_count == 0) {
            if (status == STATUS_OK && ++idle_count < IDLE_SWEEPS_MAX) {
                thread_sleep_us(IDLE_PAUSE_US); /* others may hold the rest while they write */
                continue;
            }
            break;
        }
        status = write_met(pages, dirty, dirty_count, &met);
        if (*page_out != NULL) {
            return STATUS_OK; /* the frame is clean, whatever became of the others */
        }
        if (status != STATUS_OK && status != STATUS_LIMIT) {
            return report(status, &met, diag);
        }
        if (sweeps > pool->frame_count) {
            break;
        }
    }
    return status != STATUS_OK
               ? report(status, &met, diag)
               : diag_fail(diag, STATUS_LIMIT, SQLSTATE_OUT_OF_MEMORY,
                           "all %u pages of the buffer pool are in use", pool->frame_count);
}

enum status
pages_make_room(struct pages *pages, struct diag *diag)
{
    ASSERT(!gate_held(pages));
    TRY(pages__refuse_damaged(pages, diag));
    struct page *taken[ROOM_FRAMES];
    unsigned count = 0;
    enum status status = STATUS_OK;
    unsigned want = MAX(MIN(ROOM_FRAMES, pages->pool.frame_count / 8), 1u);
    while (count < want && status == STATUS_OK) {
        status = acquire_frame(pages, false, &taken[count], count == 0 ? diag : NULL);
        count += status == STATUS_OK;
    }
    for (unsigned i = 0; i < count; i++) {
        pool_give_back(&pages->pool, taken[i]);
    }
    return count > 0 ? STATUS_OK : status;
}

/* ---- pins ---- */

/* Which file and what it belongs to: for who has to look at the disk. */
static void
say_where(struct pages *pages, struct page_identity identity, uint32_t slot, struct diag *diag)
{
    char what[64] = "unknown";
    if (pages->options.describe != NULL) {
        pages->options.describe(pages->options.arg, (struct space_id){identity.space}, what,
                                sizeof(what));
    }
    uint64_t offset = (uint64_t)(slot % pages->slots.segment_slots) * pages->page_size;
    diag_detail(diag,
                "Page %u of space %u (%s), slot %u of tablespace pg_default: file slots.%04u, "
                "offset %llu.",
                identity.number, identity.space, what, slot, slot / pages->slots.segment_slots,
                (unsigned long long)offset);
}

static enum status
load_page(struct pages *pages, struct page *page, uint64_t key, struct diag *diag)
{
    struct page_identity identity = {
        .kind = PAGE_KIND_DATA, .space = (uint32_t)(key >> 32), .number = (uint32_t)key};
    struct page_ref ref;
    TRY(spaces_ref(&pages->spaces, identity.space, identity.number, &ref, diag));
    enum status status = slots_read(&pages->slots, ref.slot, page->data, diag);
    atomic_fetch_add(&pages->read_count, 1);
    if (status == STATUS_OK) {
        status = page_verify(page->data, pages->page_size, identity, ref.sum, diag);
    }
    if (status == STATUS_CORRUPT || status == STATUS_IO) {
        say_where(pages, identity, ref.slot, diag);
    }
    return status;
}

static enum status
bring_page(struct pages *pages, uint64_t key, bool scan, struct page **page_out,
           struct diag *diag)
{
    struct page *page = NULL;
    TRY(acquire_frame(pages, scan, &page, diag));
    if (!pool_link(&pages->pool, page, key, true, scan)) {
        pool_give_back(&pages->pool, page); /* another was faster */
        return STATUS_OK;
    }
    enum status status = load_page(pages, page, key, diag);
    pool_loaded(&pages->pool, page, status == STATUS_OK);
    if (status != STATUS_OK) {
        pool_unpin(page);
        return pages__note(pages, status, diag);
    }
    *page_out = page;
    return STATUS_OK;
}

/* Pinned, but perhaps not read yet. Keeps the pin only with STATUS_OK and true. */
static enum status
await_page(struct pages *pages, struct page *page, uint64_t key, unsigned flags, bool *good_out,
           struct diag *diag)
{
    *good_out = false;
    if ((atomic_load(&page->state) & FRAME_LOADING) != 0) {
        if ((flags & PIN_IN_GATE) != 0) {
            pool_unpin(page);
            return STATUS_AGAIN;
        }
        enum status status = waiter_before_io(diag); /* another reads it */
        if (status != STATUS_OK) {
            pool_unpin(page);
            return status;
        }
        pool_wait_loaded(&pages->pool, page);
    }
    *good_out = atomic_load(&page->key) == key; /* else the read failed: try it ourselves */
    if (!*good_out) {
        pool_unpin(page);
    }
    return STATUS_OK;
}

static enum status
pin_slowly(struct pages *pages, uint64_t key, unsigned flags, struct page **page_out,
           struct diag *diag)
{
    for (;;) {
        struct page *page = pool_find_locked(&pages->pool, key);
        if (page != NULL) {
            bool good = false;
            TRY(await_page(pages, page, key, flags, &good, diag));
            if (good) {
                pool_touch(page, (flags & PIN_SCAN) != 0);
                *page_out = page;
                return STATUS_OK;
            }
            TRY(pages__refuse_damaged(pages, diag));
        }
        if ((flags & PIN_IN_GATE) != 0) {
            return STATUS_AGAIN;
        }
        TRY(bring_page(pages, key, (flags & PIN_SCAN) != 0, page_out, diag));
        if (*page_out != NULL) {
            return STATUS_OK;
        }
    }
}

static void
count_hit(struct pool *pool)
{
    atomic_fetch_add_explicit(&pool->counters[thread_number() % POOL_COUNTERS].hits, 1,
                              memory_order_relaxed);
}

enum status
page_pin(struct pages *pages, struct space_id space, struct page_no no, unsigned flags,
         struct page **page_out, struct diag *diag)
{
    *page_out = NULL;
    TRY(pages__refuse_damaged(pages, diag));
    uint64_t key = pool_key(space.v, no.v);
    struct page *page = pool_find(&pages->pool, key);
    if (LIKELY(page != NULL)) {
        if (LIKELY((atomic_load_explicit(&page->state, memory_order_acquire) & FRAME_LOADING) ==
                       0 &&
                   atomic_load_explicit(&page->key, memory_order_relaxed) == key)) {
            pool_touch(page, (flags & PIN_SCAN) != 0);
            count_hit(&pages->pool);
            *page_out = page;
            return STATUS_OK;
        }
        pool_unpin(page);
    }
    ASSERT((flags & PIN_IN_GATE) != 0 || !gate_held(pages)); /* I/O inside the gate */
    return pin_slowly(pages, key, flags, page_out, diag);
}

enum status
page_append(struct pages *pages, struct space_id space, struct page_no *no_out,
            struct page **page_out, struct diag *diag)
{
    ASSERT(gate_held(pages));
    *page_out = NULL;
    no_out->v = PAGE_NO_NONE;
    TRY(pages__refuse_damaged(pages, diag));
    struct pool *pool = &pages->pool;
    unsigned dirty_count = 0;
    uint32_t steps = MIN(pool->frame_count * (USAGE_MAX + 2), GATE_STEPS_MAX);
    struct page *page = pool_take(pool, false, steps, NULL, 0, &dirty_count);
    if (page == NULL) {
        return STATUS_AGAIN;
    }
    enum status status = spaces_append(&pages->spaces, space.v, &no_out->v, diag);
    if (status != STATUS_OK) {
        pool_give_back(pool, page);
        return status;
    }
    memset(page->data, 0, pages->page_size);
    ASSERT(latch_try_exclusive(&page->latch));
    atomic_store(&page->dirty_epoch, atomic_load(&pages->epoch));
    atomic_fetch_add(&pool->dirty_count, 1);
    ASSERT(pool_link(pool, page, pool_key(space.v, no_out->v), false, false));
    spaces_appended(&pages->spaces, space.v, no_out->v);
    *page_out = page;
    return STATUS_OK;
}

void
page_unpin(struct page *page)
{
    if (page != NULL) {
        pool_unpin(page);
    }
}

void
page_ref(struct page *page)
{
    uint32_t before = atomic_fetch_add_explicit(&page->state, 1, memory_order_relaxed);
    ASSERT((before & FRAME_PINS) > 0);
}

bool
page_only_mine(const struct page *page)
{
    return (atomic_load_explicit(&page->state, memory_order_acquire) & FRAME_PINS) == 1;
}

/* ---- latches ---- */

void
page_latch_shared(struct page *page)
{
    latch_shared(&page->latch);
}

void
page_latch_exclusive(struct page *page)
{
    latch_exclusive(&page->latch);
}

bool
page_try_latch_exclusive(struct page *page)
{
    return latch_try_exclusive(&page->latch);
}

void
page_unlatch(struct page *page)
{
    latch_release(&page->latch);
}

/* ---- content ---- */

void
page_dirty(struct page *page)
{
    struct pages *pages = page->pages;
    ASSERT(latch_is_exclusive(&page->latch));
    ASSERT(gate_held(pages));
    uint64_t epoch = atomic_load_explicit(&pages->epoch, memory_order_relaxed);
    uint64_t was = atomic_load_explicit(&page->dirty_epoch, memory_order_relaxed);
    if (LIKELY(was == epoch)) {
        return;
    }
    /* `was` goes from 0 back up only when a write failed: then the frame is as it was */
    if (was == 0 && atomic_compare_exchange_strong(&page->dirty_epoch, &was, epoch)) {
        atomic_fetch_add_explicit(&pages->pool.dirty_count, 1, memory_order_relaxed);
        return;
    }
    if (was == epoch) {
        return;
    }
    uint64_t cut = atomic_load(&pages->cut_epoch);
    if (cut != 0 && was <= cut) {
        pages__set_aside(pages, atomic_load(&page->key), was, page->data);
    }
    atomic_store(&page->dirty_epoch, epoch);
}

uint8_t *
page_data(struct page *page)
{
    return page->data;
}

struct page_no
page_number(const struct page *page)
{
    return (struct page_no){
        .v = (uint32_t)atomic_load_explicit(&page->key, memory_order_relaxed)};
}
