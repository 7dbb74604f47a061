/* table_check.c: heap pages, chains, and rows against indexes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "storage/heap/table_internal.h"
#include "storage/verify/verify.h"

#include <stdlib.h>

#define INDEXES_MAX 256

struct checking {
    struct store *store;
    struct heap heap;
    struct generation *indexes[INDEXES_MAX];
    unsigned index_count;
    struct buf key;
    struct diag *diag;
};

static bool
broken(struct checking *c, struct row_id row, const char *why)
{
    (void)diag_fail(c->diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                    "row %llu of table %u: %s", (unsigned long long)row.v, c->heap.table.v,
                    why);
    return false;
}

static bool
nobody(const void *arg, struct xid xid)
{
    UNUSED(arg);
    UNUSED(xid);
    return false;
}

/* The row map leads to the live version, and no other live one comes before it. */
static bool
check_reachable(struct checking *c, const struct version *version, struct version_at at)
{
    struct walk walk;
    bool there = false;
    walk_init(&walk, &c->heap, version->row, NULL);
    enum status status = walk_newest(&walk, &there, c->diag);
    while (status == STATUS_OK && there && !version_at_equal(walk.at, at) &&
           !version_live(c->store, &walk.version, nobody, NULL)) {
        status = walk_step(&walk, &there, c->diag); /* an open transaction's may come first */
    }
    bool good = status == STATUS_OK && there && version_at_equal(walk.at, at);
    walk_end(&walk);
    return good || broken(c, version->row, "the row map does not lead to the live version");
}

static bool
check_entries(struct checking *c, const struct version *version)
{
    for (unsigned i = 0; i < c->index_count; i++) {
        struct btree tree = btree_of(c->store, c->indexes[i]);
        bool found = false;
        (void)key_from_tuple(&c->key, c->indexes[i]->index_def, c->heap.definition,
                             version->tuple);
        struct btree_entry entry = {.key = buf_slice(&c->key), .row = version->row};
        if (btree_contains(&tree, entry, &found, c->diag) != STATUS_OK) {
            return false;
        }
        if (!found) {
            return broken(c, version->row, "an index has no entry for the live version");
        }
    }
    return true;
}

static bool
check_version(struct checking *c, const struct version *version, struct version_at at)
{
    if (tuple_check(version->tuple, c->heap.definition->kinds, c->heap.definition->column_count,
                    c->diag) != STATUS_OK) {
        return false;
    }
    if (!version_live(c->store, version, nobody, NULL)) {
        return true;
    }
    return check_reachable(c, version, at) && check_entries(c, version);
}

static bool
check_heap_page(struct checking *c, struct page_no no)
{
    struct page *page = NULL;
    const char *why = NULL;
    if (page_pin(c->heap.pages, c->heap.space, no, PIN_SCAN, &page, c->diag) != STATUS_OK) {
        return false;
    }
    page_latch_shared(page);
    bool good = heap_page_check(page_data(page), c->heap.page_size, &why);
    unsigned count = good ? heap_page_line_count(page_data(page)) : 0;
    page_unlatch(page);
    if (!good) {
        (void)diag_fail(c->diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                        "page %u of table %u: %s", no.v, c->heap.table.v, why);
    }
    for (unsigned line = 0; good && line < count; line++) {
        struct version version;
        struct version_at at = {.page = no, .line = (uint16_t)line};
        page_latch_shared(page);
        bool there = heap_page_read(page_data(page), c->heap.page_size, line, &version);
        page_unlatch(page);
        good = !there || check_version(c, &version, at);
    }
    page_unpin(page);
    return good;
}

/* An entry may have outlived its version until vacuum comes, but its row was given out once. */
static bool
check_entry(struct checking *c, struct btree_entry entry)
{
    if (entry.row.v == 0 || entry.row.v >= atomic_load(&c->heap.body->next_row)) {
        return broken(c, entry.row, "an index has an entry for a row that never was");
    }
    return true;
}

static bool
check_index(struct checking *c, struct generation *index)
{
    struct btree tree = btree_of(c->store, index);
    struct btree_cursor cursor;
    struct btree_bound all = {0};
    uint64_t entry_count = 0, seen = 0;
    if (!btree_check(&tree, &entry_count, c->diag)) {
        return false;
    }
    btree_cursor_init(&cursor);
    btree_cursor_start(&cursor, &tree, all, all, false);
    bool good = true;
    for (;;) {
        good = good && btree_cursor_next(&cursor, c->diag) == STATUS_OK;
        if (!good || cursor.count == 0) {
            break;
        }
        for (unsigned i = 0; good && i < cursor.count; i++) {
            good = check_entry(c, btree_cursor_entry(&cursor, i));
            seen++;
        }
    }
    btree_cursor_deinit(&cursor);
    if (good && seen != entry_count) {
        return broken(c, (struct row_id){0}, "the leaves of an index do not hold its entries");
    }
    return good;
}

/* Those that writers keep up: not dropped ones, nor those that failed here. */
static void
pin_indexes(struct checking *c, struct object_id table)
{
    struct generation *all[INDEXES_MAX];
    unsigned count = objects_pin_indexes(c->store, table, all, INDEXES_MAX);
    for (unsigned i = 0; i < count; i++) {
        if (all[i]->dropped_csn.v == 0 && all[i]->dropped_by.v == 0 &&
            !all[i]->created_aborted && !atomic_load(&all[i]->invalid)) {
            c->indexes[c->index_count++] = all[i];
        } else {
            generation_unpin(all[i]);
        }
    }
}

bool
table_check(struct store *store, struct object_id table, struct diag *diag)
{
    struct generation *generation = objects_pin(store, table);
    if (generation == NULL) {
        return true;
    }
    struct checking c = {.store = store, .heap = heap_of(store, generation), .diag = diag};
    pin_indexes(&c, table);
    uint32_t page_count = space_page_count(c.heap.pages, c.heap.space);
    bool good = true;
    for (uint32_t no = 0; good && no < page_count; no++) {
        good = check_heap_page(&c, (struct page_no){no});
    }
    for (unsigned i = 0; i < c.index_count; i++) {
        good = good && check_index(&c, c.indexes[i]);
        generation_unpin(c.indexes[i]);
    }
    buf_deinit(&c.key);
    generation_unpin(generation);
    return good;
}

bool
tables_check(struct store *store, struct diag *diag)
{
    unsigned count = objects_tables(store, NULL, 0);
    struct object_id *tables = malloc((count + 1) * sizeof(tables[0]));
    ASSERT(tables != NULL);
    count = MIN(objects_tables(store, tables, count), count);
    bool good = true;
    for (unsigned i = 0; good && i < count; i++) {
        good = table_check(store, tables[i], diag);
    }
    free(tables);
    return good;
}
