/* table_read.c: scans of the heap, and one row by its id. A scan reads one page at a time:
 * under the shared latch it notes which versions the snapshot sees, then lends them from the
 * pinned page. Exactly one version of a row is visible to a snapshot, so no row comes twice.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "storage/heap/table_internal.h"
#include <stdlib.h>

struct table_scan {
    struct txn *txn;
    struct generation *generation; /* pinned */
    struct heap heap;
    uint32_t page_count; /* later pages hold nothing that the snapshot sees */
    uint32_t next_page;
    unsigned pin_flags;
    struct page *page; /* what the rows lent lie on */
    unsigned found_count, found_next;
    struct row_view found[]; /* of that page */
};

static unsigned
rows_per_page_max(uint32_t page_size)
{
    return (page_size - HEAP_LINES_AT) / VERSION_HEADER_BYTES;
}

static enum status
no_table(struct diag *diag, struct object_id table)
{
    return diag_fail(diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_TABLE,
                     "table %u does not exist for this snapshot", table.v);
}

enum status
table_scan_open(struct txn *txn, struct object_id table, struct table_scan **scan_out,
                struct diag *diag)
{
    *scan_out = NULL;
    const struct table_view *view = objects_table_read(txn, table);
    if (view == NULL) {
        return no_table(diag, table);
    }
    struct store *store = txn_store(txn);
    size_t rows = rows_per_page_max(pages_page_size(store->pages));
    struct table_scan *scan = malloc(sizeof(*scan) + rows * sizeof(scan->found[0]));
    ASSERT(scan != NULL);
    *scan = (struct table_scan){.txn = txn, .generation = view->table};
    generation_pin(scan->generation);
    scan->heap = heap_of(store, scan->generation);
    scan->page_count = space_page_count(scan->heap.pages, scan->heap.space);
    if (scan->page_count > store->options.pool_pages / 4) {
        scan->pin_flags = PIN_SCAN;
    }
    *scan_out = scan;
    return STATUS_OK;
}

static void
find_visible(struct table_scan *scan)
{
    const uint8_t *data = page_data(scan->page);
    struct version version;
    scan->found_count = scan->found_next = 0;
    page_latch_shared(scan->page);
    unsigned line_count = heap_page_line_count(data);
    for (unsigned line = 0; line < line_count; line++) {
        if (heap_page_read(data, scan->heap.page_size, line, &version) &&
            version_visible(scan->txn, &version)) {
            scan->found[scan->found_count++] =
                (struct row_view){.row = version.row, .tuple = version.tuple};
        }
    }
    page_unlatch(scan->page);
}

static enum status
next_page(struct table_scan *scan, struct diag *diag)
{
    page_unpin(scan->page);
    scan->page = NULL;
    if (scan->next_page >= space_page_count(scan->heap.pages, scan->heap.space)) {
        scan->next_page = scan->page_count; /* vacuum cut an empty tail meanwhile */
        return STATUS_OK;
    }
    struct page_no no = {scan->next_page++};
    TRY(page_pin(scan->heap.pages, scan->heap.space, no, scan->pin_flags, &scan->page, diag));
    find_visible(scan);
    return STATUS_OK;
}

enum status
table_scan_next(struct table_scan *scan, struct row_view *rows, unsigned capacity,
                unsigned *count_out, struct diag *diag)
{
    *count_out = 0;
    while (scan->found_next == scan->found_count) {
        if (scan->next_page >= scan->page_count) {
            return STATUS_OK;
        }
        TRY(next_page(scan, diag));
    }
    unsigned count = MIN(capacity, scan->found_count - scan->found_next);
    memcpy(rows, scan->found + scan->found_next, count * sizeof(rows[0]));
    scan->found_next += count;
    *count_out = count;
    return STATUS_OK;
}

void
table_scan_close(struct table_scan *scan)
{
    if (scan != NULL) {
        page_unpin(scan->page);
        generation_unpin(scan->generation);
        free(scan);
    }
}

enum status
table_fetch(struct txn *txn, struct object_id table, struct row_id row, struct buf *copy_out,
            bool *found_out, struct diag *diag)
{
    *found_out = false;
    buf_clear(copy_out);
    const struct table_view *view = objects_table_read(txn, table);
    if (view == NULL) {
        return no_table(diag, table);
    }
    struct heap heap = heap_of(txn_store(txn), view->table);
    struct walk walk;
    walk_init(&walk, &heap, row, NULL);
    enum status status = walk_visible(&walk, txn, found_out, diag);
    if (status == STATUS_OK && *found_out) {
        buf_append(copy_out, walk.version.tuple.data, walk.version.tuple.size);
    }
    walk_end(&walk);
    return status;
}
