/* walk.c: see table_internal.h. A step copies the version's header under the shared latch and
 * keeps the page pinned, so that the tuple stays readable. Between two steps vacuum may free
 * the next line and others may use it again: a line that is free or of another row sends the
 * walk back to the row map (rule 8).
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "base/thread.h"
#include "storage/heap/table_internal.h"

#define RESTARTS_MAX 1000000 /* beyond: the chain is damaged */

void
walk_init(struct walk *walk, const struct heap *heap, struct row_id row, struct warm *warm)
{
    *walk = (struct walk){.heap = heap, .warm = warm, .row = row};
    walk->head = walk->at = VERSION_AT_NONE;
}

void
walk_end(struct walk *walk)
{
    page_unpin(walk->page);
    walk->page = NULL;
}

static enum status
pin_at(struct walk *walk, struct version_at at, struct diag *diag)
{
    const struct heap *heap = walk->heap;
    if (walk->page != NULL) {
        if (page_number(walk->page).v == at.page.v) {
            return STATUS_OK;
        }
        walk_end(walk);
    }
    if (walk->warm == NULL) {
        return page_pin(heap->pages, heap->space, at.page, 0, &walk->page, diag);
    }
    return warm_pin(walk->warm, heap->pages, heap->space, at.page, &walk->page, diag);
}

static enum status
read_at(struct walk *walk, struct version_at at, bool *good_out, struct diag *diag)
{
    *good_out = false;
    if (at.page.v >= space_page_count(walk->heap->pages, walk->heap->space)) {
        return STATUS_OK; /* vacuum cut the tail meanwhile */
    }
    enum status status = pin_at(walk, at, diag);
    if (status != STATUS_OK) {
        walk->page = NULL;
        return status;
    }
    page_latch_shared(walk->page);
    *good_out =
        heap_page_read(page_data(walk->page), walk->heap->page_size, at.line, &walk->version) &&
        walk->version.row.v == walk->row.v;
    page_unlatch(walk->page);
    walk->at = at;
    return STATUS_OK;
}

enum status
walk_step(struct walk *walk, bool *there_out, struct diag *diag)
{
    struct version_at next = walk->version.prev;
    bool from_map = walk->page == NULL;
    *there_out = false;
    for (;;) {
        if (from_map) {
            TRY(row_map_read(walk->heap, walk->row, walk->warm, &walk->head, diag));
            next = walk->head;
        }
        if (version_at_none(next)) {
            walk_end(walk);
            return STATUS_OK;
        }
        TRY(read_at(walk, next, there_out, diag));
        if (*there_out) {
            return STATUS_OK;
        }
        from_map = true;
        if (++walk->restarts > RESTARTS_MAX) {
            return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                             "the versions of row %llu of table %u do not hang together",
                             (unsigned long long)walk->row.v, walk->heap->table.v);
        }
        if (walk->restarts % 64 == 0) {
            thread_yield();
        }
    }
}

enum status
walk_newest(struct walk *walk, bool *there_out, struct diag *diag)
{
    do {
        TRY(walk_step(walk, there_out, diag));
    } while (*there_out && version_undone(walk->heap->store, &walk->version));
    return STATUS_OK;
}

enum status
walk_visible(struct walk *walk, const struct txn *txn, bool *there_out, struct diag *diag)
{
    do {
        TRY(walk_step(walk, there_out, diag));
    } while (*there_out && !version_visible(txn, &walk->version));
    return STATUS_OK;
}
