/* place.c: room for versions. A page is pruned by whoever needs room on it: a superseded
 * version that no snapshot can see goes without a look at the indexes when its successor, on
 * the same page, has the same keys. The rest is vacuum's.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "storage/heap/table_internal.h"

#define PAGES_TRIED_MAX 8 /* pages said to have room, before the heap grows */

/* Replaces xids by their CSNs where every snapshot sees them: later readers need no look at the
 * xid table. True when something changed. */
bool
place_stamp(const struct heap *heap, struct version *version, struct csn horizon)
{
    struct csn csn;
    bool changed = false;
    if ((version->flags & (VERSION_XMIN_IS_CSN | VERSION_DEAD)) == 0 &&
        xid_state_for_writer(heap->store, (struct xid){version->xmin}, &csn) == XID_COMMITTED &&
        csn.v <= horizon.v) {
        version->xmin = csn.v;
        version->flags |= VERSION_XMIN_IS_CSN;
        changed = true;
    }
    if (version->xmax == 0 || (version->flags & VERSION_XMAX_IS_CSN) != 0) {
        return changed;
    }
    enum xid_state state = xid_state_for_writer(heap->store, (struct xid){version->xmax}, &csn);
    if (state == XID_COMMITTED && csn.v <= horizon.v) {
        version->xmax = csn.v;
        version->flags |= VERSION_XMAX_IS_CSN;
        changed = true;
    } else if (state == XID_ABORTED) {
        version->xmax = 0;
        version->flags &= (uint8_t)~VERSION_DELETED;
        changed = true;
    }
    return changed;
}

/* Drops what `version` superseded on this page, as far as that goes without the indexes. */
static bool
prune_behind(const struct heap *heap, uint8_t *data, struct page_no no, struct version *version,
             struct csn horizon)
{
    bool changed = false;
    struct version old;
    while ((version->flags & VERSION_KEYS_SAME) != 0 && version->prev.page.v == no.v &&
           heap_page_read(data, heap->page_size, version->prev.line, &old) &&
           old.row.v == version->row.v && version_expired(heap->store, &old, horizon)) {
        heap_page_free(data, version->prev.line);
        atomic_fetch_sub_explicit(&heap->body->dead_rows, 1, memory_order_relaxed);
        version->prev = old.prev;
        if ((old.flags & VERSION_KEYS_SAME) == 0) {
            version->flags &= (uint8_t)~VERSION_KEYS_SAME;
        }
        changed = true;
    }
    return changed;
}

/* Under the exclusive latch, dirty. */
void
place_prune(const struct heap *heap, struct page *page, struct csn horizon)
{
    uint8_t *data = page_data(page);
    for (unsigned line = 0; line < heap_page_line_count(data); line++) {
        struct version version;
        if (!heap_page_read(data, heap->page_size, line, &version) ||
            version_undone(heap->store, &version)) {
            continue; /* an undone one is nobody's successor */
        }
        bool changed = false;
        if (!version_expired(heap->store, &version, horizon)) { /* else it may be an orphan */
            changed = prune_behind(heap, data, page_number(page), &version, horizon);
        }
        changed = place_stamp(heap, &version, horizon) || changed;
        if (changed) {
            heap_page_write_header(data, line, &version);
        }
    }
}

bool
place_make_room(const struct heap *heap, struct page *page, size_t need)
{
    uint8_t *data = page_data(page);
    if (heap_page_room(data, heap->page_size) >= need) {
        return true;
    }
    page_dirty(page);
    if (heap_page_room_compacted(data, heap->page_size) < need) {
        place_prune(heap, page, store_horizon(heap->store));
    }
    if (heap_page_room_compacted(data, heap->page_size) < need || !page_only_mine(page)) {
        return false;
    }
    heap_page_compact(data, heap->page_size);
    return heap_page_room(data, heap->page_size) >= need;
}

enum status
place_check_size(const struct heap *heap, struct slice tuple, struct diag *diag)
{
    if (tuple.size <= heap_tuple_max(heap->page_size)) {
        return STATUS_OK;
    }
    return diag_fail(diag, STATUS_LIMIT, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                     "row is too big: size %zu, maximum size %zu", tuple.size,
                     heap_tuple_max(heap->page_size));
}

/* Tries *target; when the version does not fit there the page is let go. */
static bool
add_to_target(const struct heap *heap, const struct version *version, struct page **target,
              struct version_at *at_out)
{
    struct page *page = *target;
    size_t need = version->tuple.size;
    uint8_t *data = page_data(page);
    page_latch_exclusive(page);
    bool fits = heap_page_room(data, heap->page_size) >= need;
    if (!fits && heap_page_room_compacted(data, heap->page_size) >= need) {
        fits = place_make_room(heap, page, need);
    }
    if (fits) {
        page_dirty(page);
        at_out->line = (uint16_t)heap_page_add(data, heap->page_size, version);
        at_out->page = page_number(page);
    } else {
        /* what a pin keeps from compaction is no room now: vacuum will note it */
        heap_memory_note(heap->memory, page_number(page), heap_page_room(data, heap->page_size),
                         heap->page_size);
    }
    page_unlatch(page);
    if (!fits) {
        page_unpin(page);
        *target = NULL;
    }
    return fits;
}

static enum status
add_to_new_page(const struct heap *heap, struct warm *warm, const struct version *version,
                struct page **target, struct version_at *at_out, struct diag *diag)
{
    TRY(warm_append(warm, heap->pages, heap->space, &at_out->page, target, diag));
    at_out->line = (uint16_t)heap_page_add(page_data(*target), heap->page_size, version);
    heap_memory_set_target(heap->memory, at_out->page);
    page_unlatch(*target);
    return STATUS_OK;
}

/* This thread's own page first, then those said to have room; PAGE_NO_NONE: grow. */
static struct page_no
next_candidate(const struct heap *heap, size_t need, unsigned tries)
{
    struct page_no no = {PAGE_NO_NONE};
    if (tries == 0) {
        no = heap_memory_target(heap->memory);
    } else if (tries < PAGES_TRIED_MAX) {
        no = heap_memory_find(heap->memory, need, heap->page_size);
    }
    if (no.v != PAGE_NO_NONE && no.v >= space_page_count(heap->pages, heap->space)) {
        no.v = PAGE_NO_NONE;
    }
    return no;
}

enum status
place_version(const struct heap *heap, struct warm *warm, const struct version *version,
              struct page **target, struct version_at *at_out, struct diag *diag)
{
    for (unsigned tries = 0;; tries++) {
        if (*target != NULL && add_to_target(heap, version, target, at_out)) {
            return STATUS_OK;
        }
        struct page_no no = next_candidate(heap, version->tuple.size, tries);
        if (no.v == PAGE_NO_NONE && tries == 0) {
            continue;
        }
        enum status status;
        if (no.v == PAGE_NO_NONE) {
            status = add_to_new_page(heap, warm, version, target, at_out, diag);
        } else {
            heap_memory_set_target(heap->memory, no);
            status = warm_pin(warm, heap->pages, heap->space, no, target, diag);
        }
        if (status != STATUS_OK) {
            *target = NULL;
            return status;
        }
        if (no.v == PAGE_NO_NONE) {
            return STATUS_OK;
        }
    }
}
