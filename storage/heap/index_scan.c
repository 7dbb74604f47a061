/* index_scan.c: rows by key. An entry only says that some version of its row had this key: the
 * version that the snapshot sees is found through the row map and its key compared (rule 8).
 * The tuples are copied into the scan, which holds no page between calls.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "storage/heap/table_internal.h"
#include <stdlib.h>

/* Where the visible version of a row with a long chain lies: its other entries need not walk.
 */
#define REMEMBERED 64

struct remembered {
    struct row_id row; /* 0: nothing */
    struct version_at at;
};

struct index_scan {
    struct txn *txn;
    struct generation *index, *table; /* pinned */
    struct heap heap;
    struct btree tree;
    struct btree_cursor cursor;
    unsigned next_entry;
    struct buf tuples;             /* what the rows lent point into */
    struct buf key;                /* of the version at hand */
    struct remembered *remembered; /* NULL until a long chain was met */
    uint64_t remembered_csn;       /* snapshot and command for which they hold */
    uint32_t remembered_command;
};

static void
start(struct index_scan *scan, const struct index_range *range)
{
    struct btree_bound low = {.key = range->low, .inclusive = range->low_inclusive};
    struct btree_bound high = {.key = range->high, .inclusive = range->high_inclusive};
    btree_cursor_start(&scan->cursor, &scan->tree, low, high, range->backward);
    scan->next_entry = 0;
}

enum status
index_scan_open(struct txn *txn, struct object_id index, const struct index_range *range,
                struct index_scan **scan_out, struct diag *diag)
{
    *scan_out = NULL;
    struct generation *found = objects_index_read(txn, index);
    if (found == NULL || atomic_load(&found->invalid)) {
        return diag_fail(diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_OBJECT,
                         "index %u does not exist for this snapshot", index.v);
    }
    generation_pin(found);
    const struct table_view *view = objects_table_read(txn, found->table);
    if (view == NULL) {
        generation_unpin(found);
        return diag_fail(diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_TABLE,
                         "the table of index %u does not exist for this snapshot", index.v);
    }
    struct index_scan *scan = calloc(1, sizeof(*scan));
    ASSERT(scan != NULL);
    scan->txn = txn;
    scan->index = found;
    scan->table = view->table;
    generation_pin(scan->table);
    scan->heap = heap_of(txn_store(txn), scan->table);
    scan->tree = btree_of(txn_store(txn), found);
    btree_cursor_init(&scan->cursor);
    start(scan, range);
    *scan_out = scan;
    return STATUS_OK;
}

enum status
index_scan_restart(struct index_scan *scan, const struct index_range *range, struct diag *diag)
{
    UNUSED(diag);
    start(scan, range);
    return STATUS_OK;
}

static void
remember(struct index_scan *scan, const struct walk *walk)
{
    if (scan->remembered == NULL) {
        scan->remembered = calloc(REMEMBERED, sizeof(scan->remembered[0]));
        ASSERT(scan->remembered != NULL);
    }
    scan->remembered[walk->row.v % REMEMBERED] =
        (struct remembered){.row = walk->row, .at = walk->at};
}

static void
forget(struct index_scan *scan)
{
    if (scan->remembered != NULL) {
        memset(scan->remembered, 0, REMEMBERED * sizeof(scan->remembered[0]));
    }
}

/* The place may have been swung or vacuumed since: it only counts if what lies there is seen.
 */
static enum status
try_remembered(struct index_scan *scan, struct walk *walk, bool *there_out, struct diag *diag)
{
    *there_out = false;
    if (LIKELY(scan->remembered == NULL)) {
        return STATUS_OK;
    }
    const struct remembered *known = &scan->remembered[walk->row.v % REMEMBERED];
    if (known->row.v != walk->row.v ||
        known->at.page.v >= space_page_count(scan->heap.pages, scan->heap.space)) {
        return STATUS_OK;
    }
    TRY(page_pin(scan->heap.pages, scan->heap.space, known->at.page, 0, &walk->page, diag));
    page_latch_shared(walk->page);
    *there_out = heap_page_read(page_data(walk->page), scan->heap.page_size, known->at.line,
                                &walk->version) &&
                 walk->version.row.v == walk->row.v &&
                 version_visible(scan->txn, &walk->version);
    page_unlatch(walk->page);
    if (!*there_out) {
        walk_end(walk);
    }
    return STATUS_OK;
}

static enum status
find_visible(struct index_scan *scan, struct walk *walk, bool *there_out, struct diag *diag)
{
    TRY(try_remembered(scan, walk, there_out, diag));
    if (*there_out) {
        return STATUS_OK;
    }
    unsigned steps = 0;
    do {
        TRY(walk_step(walk, there_out, diag));
        steps++;
    } while (*there_out && !version_visible(scan->txn, &walk->version));
    if (*there_out && steps > 2) {
        remember(scan, walk);
    }
    return STATUS_OK;
}

/* Appends the row's tuple if the version seen has the entry's key. */
static enum status
take_row(struct index_scan *scan, struct btree_entry entry, bool *taken_out, struct diag *diag)
{
    struct walk walk;
    bool there = false;
    *taken_out = false;
    walk_init(&walk, &scan->heap, entry.row, NULL);
    enum status status = find_visible(scan, &walk, &there, diag);
    if (status == STATUS_OK && there) {
        struct slice tuple = walk.version.tuple;
        (void)key_from_tuple(&scan->key, scan->index->index_def, scan->heap.definition, tuple);
        if (slice_equal(buf_slice(&scan->key), entry.key)) {
            buf_append(&scan->tuples, tuple.data, tuple.size);
            *taken_out = true;
        }
    }
    walk_end(&walk);
    return status;
}

/* Sizes first, for the buffer moves as it grows; then the places. */
static void
place_rows(struct index_scan *scan, struct row_view *rows, unsigned count)
{
    const uint8_t *at = scan->tuples.data;
    for (unsigned i = 0; i < count; i++) {
        rows[i].tuple.data = at;
        at += rows[i].tuple.size;
    }
}

enum status
index_scan_next(struct index_scan *scan, struct row_view *rows, unsigned capacity,
                unsigned *count_out, struct diag *diag)
{
    unsigned count = 0;
    *count_out = 0;
    buf_clear(&scan->tuples);
    if (scan->remembered_csn != txn_snapshot_csn(scan->txn).v ||
        scan->remembered_command != txn_command_id(scan->txn)) {
        forget(scan);
        scan->remembered_csn = txn_snapshot_csn(scan->txn).v;
        scan->remembered_command = txn_command_id(scan->txn);
    }
    while (count < capacity) {
        if (scan->next_entry == scan->cursor.count) {
            if (count > 0 && !scan->cursor.done) {
                break; /* a leaf at a time is enough */
            }
            scan->next_entry = 0;
            TRY(btree_cursor_next(&scan->cursor, diag));
            if (scan->cursor.count == 0) {
                break;
            }
        }
        struct btree_entry entry = btree_cursor_entry(&scan->cursor, scan->next_entry++);
        size_t before = scan->tuples.size;
        bool taken = false;
        TRY(take_row(scan, entry, &taken, diag));
        if (taken) {
            rows[count].row = entry.row;
            rows[count++].tuple.size = scan->tuples.size - before;
        }
    }
    place_rows(scan, rows, count);
    *count_out = count;
    return STATUS_OK;
}

void
index_scan_close(struct index_scan *scan)
{
    if (scan != NULL) {
        btree_cursor_deinit(&scan->cursor);
        buf_deinit(&scan->tuples);
        buf_deinit(&scan->key);
        free(scan->remembered);
        generation_unpin(scan->index);
        generation_unpin(scan->table);
        free(scan);
    }
}
