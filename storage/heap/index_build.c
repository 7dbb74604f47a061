/* index_build.c: scan, sort, build bottom up. Keys are sorted in memory up to a bound; the
 * first run becomes the tree, later ones are inserted in their order.
 * SPDX-License-Identifier: Apache-2.0 */
#include "storage/heap/index_build.h"
#include "base/errors.h"

#include <stdlib.h>

#define RUN_BYTES_MAX ((size_t)256 << 20)

struct run_item {
    uint64_t prefix; /* first bytes of the key, so that most comparisons touch nothing else */
    size_t key_at;   /* in run.keys */
    const uint8_t *key; /* once all keys are there */
    uint32_t key_size;
    bool has_null;
    struct row_id row;
};

struct run {
    const struct index_build *build;
    struct btree tree;
    struct buf keys;
    struct run_item *items;
    size_t count, capacity, longest_key;
    struct buf key; /* of the row at hand */
    bool first_done;
};

static void
run_deinit(struct run *run)
{
    buf_deinit(&run->keys);
    buf_deinit(&run->key);
    free(run->items);
}

static uint64_t
key_prefix(struct slice key)
{
    uint8_t bytes[8] = {0};
    memcpy(bytes, key.data, MIN(key.size, sizeof(bytes)));
    return get_be64(bytes);
}

static void
add_row(struct run *run, const struct version *version)
{
    bool has_null = key_from_tuple(&run->key, run->build->index->index_def,
                                   run->build->heap->definition, version->tuple);
    if (run->count == run->capacity) {
        run->capacity = MAX((size_t)1024, run->capacity * 2);
        run->items = realloc(run->items, run->capacity * sizeof(run->items[0]));
        ASSERT(run->items != NULL);
    }
    struct slice key = buf_slice(&run->key);
    run->items[run->count++] = (struct run_item){.prefix = key_prefix(key),
                                                 .key_at = run->keys.size,
                                                 .key_size = (uint32_t)key.size,
                                                 .has_null = has_null,
                                                 .row = version->row};
    buf_append(&run->keys, key.data, key.size);
    run->longest_key = MAX(run->longest_key, key.size);
}

static int
compare_items(const void *a, const void *b)
{
    const struct run_item *x = a, *y = b;
    if (x->prefix != y->prefix) {
        return x->prefix < y->prefix ? -1 : 1;
    }
    return btree_compare((struct btree_entry){slice_make(x->key, x->key_size), x->row},
                         (struct btree_entry){slice_make(y->key, y->key_size), y->row});
}

static struct btree_entry
item_entry(const struct run_item *item)
{
    return (struct btree_entry){slice_make(item->key, item->key_size), item->row};
}

static enum status
duplicate(const struct index_build *build, struct row_id row, struct diag *diag)
{
    build->result->conflicting = build->index->id;
    build->result->conflicting_row = row;
    return diag_fail(diag, STATUS_CONFLICT, SQLSTATE_UNIQUE_VIOLATION,
                     "could not create unique index %u: a key is there twice",
                     build->index->id.v);
}

static bool
checks_unique(const struct index_build *build)
{
    return build->txn != NULL && build->index->index_def->unique;
}

static enum status
check_neighbours(const struct run *run, struct diag *diag)
{
    for (size_t i = 1; checks_unique(run->build) && i < run->count; i++) {
        const struct run_item *a = &run->items[i - 1], *b = &run->items[i];
        if (!b->has_null && a->prefix == b->prefix && a->key_size == b->key_size &&
            memcmp(a->key, b->key, a->key_size) == 0) {
            return duplicate(run->build, b->row, diag);
        }
    }
    return STATUS_OK;
}

static enum status
build_tree(struct run *run, struct diag *diag)
{
    struct btree_build *tree = btree_build_new(&run->tree, run->longest_key);
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < run->count; i++) {
        status = btree_build_add(tree, item_entry(&run->items[i]), diag);
    }
    if (status == STATUS_OK) {
        status = btree_build_finish(tree, diag);
    }
    btree_build_delete(tree);
    return status;
}

/* An equal key of an earlier run: all entries of the tree are of live rows. */
static enum status
other_run_has_key(void *arg, struct row_id other, struct diag *diag)
{
    return duplicate(arg, other, diag);
}

static enum status
insert_run(struct run *run, struct diag *diag)
{
    struct warm warm = {0};
    struct index_build build = *run->build;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < run->count; i++) {
        struct btree_hooks hooks = {.arg = &build, .warm = &warm};
        if (checks_unique(run->build) && !run->items[i].has_null) {
            hooks.check = other_run_has_key;
        }
        status = btree_insert(&run->tree, item_entry(&run->items[i]), &hooks, diag);
    }
    warm_release(&warm);
    return status;
}

static enum status
flush_run(struct run *run, struct diag *diag)
{
    if (run->count == 0) {
        return STATUS_OK;
    }
    for (size_t i = 0; i < run->count; i++) {
        run->items[i].key = run->keys.data + run->items[i].key_at;
    }
    qsort(run->items, run->count, sizeof(run->items[0]), compare_items);
    TRY(check_neighbours(run, diag));
    TRY(run->first_done ? insert_run(run, diag) : build_tree(run, diag));
    run->first_done = true;
    run->count = 0;
    buf_clear(&run->keys);
    return STATUS_OK;
}

/* Under REPEATABLE READ the snapshot may show versions that others have superseded. The index
 * would not have their keys, and this transaction would look for them in vain. */
static enum status
add_page(struct run *run, struct page *page, struct diag *diag)
{
    const struct index_build *build = run->build;
    const uint8_t *data = page_data(page);
    struct version version;
    bool misses = false;
    page_latch_shared(page);
    for (unsigned line = 0; line < heap_page_line_count(data); line++) {
        if (!heap_page_read(data, build->heap->page_size, line, &version)) {
            continue;
        }
        if (version_live(build->heap->store, &version, build->own, build->own_arg)) {
            add_row(run, &version);
        } else {
            misses |= build->txn != NULL && version_visible(build->txn, &version);
        }
    }
    page_unlatch(page);
    return misses ? diag_fail(diag, STATUS_CONFLICT, SQLSTATE_SERIALIZATION_FAILURE,
                              "could not serialize access due to concurrent update")
                  : STATUS_OK;
}

static enum status
scan_table(struct run *run, struct diag *diag)
{
    const struct heap *heap = run->build->heap;
    uint32_t page_count = space_page_count(heap->pages, heap->space);
    for (uint32_t no = 0; no < page_count; no++) {
        struct page *page = NULL;
        if (run->build->txn != NULL) {
            TRY(txn_check(run->build->txn, diag));
        }
        TRY(page_pin(heap->pages, heap->space, (struct page_no){no}, PIN_SCAN, &page, diag));
        enum status status = add_page(run, page, diag);
        page_unpin(page);
        TRY(status);
        if (run->keys.size + run->count * sizeof(run->items[0]) > RUN_BYTES_MAX) {
            TRY(flush_run(run, diag));
        }
    }
    return flush_run(run, diag);
}

enum status
index_build_run(const struct index_build *build, struct diag *diag)
{
    struct run run = {.build = build, .tree = btree_of(build->heap->store, build->index)};
    enum status status = scan_table(&run, diag);
    run_deinit(&run);
    return status;
}
