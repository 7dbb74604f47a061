/* btree_build.c: a tree from sorted entries, bottom up. Each level has one page in memory that
 * fills; a full one is written, and its successor told to the level above. Page 0 was taken
 * first and becomes the root at the end: until then the tree is empty.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "storage/btree/btree.h"
#include <stdlib.h>

struct build_level {
    uint8_t *data;     /* a page image; NULL: the level is not there yet */
    struct page_no no; /* PAGE_NO_NONE until the level's first page is full */
};

struct btree_build {
    struct btree tree;
    struct warm warm;
    size_t reserve_bytes; /* left free on a page: for the high key, and for later inserts */
    struct build_level levels[BTREE_LEVELS_MAX];
    unsigned level_count;
    struct buf last_key; /* of level 0 */
    struct row_id last_row;
    struct buf separator;
};

struct btree_build *
btree_build_new(const struct btree *tree, size_t longest_key)
{
    struct btree_build *build = calloc(1, sizeof(*build));
    ASSERT(build != NULL);
    build->tree = *tree;
    build->reserve_bytes = MAX(tree->page_size / 10, longest_key + 16);
    return build;
}

void
btree_build_delete(struct btree_build *build)
{
    if (build == NULL) {
        return;
    }
    warm_release(&build->warm);
    for (unsigned i = 0; i < build->level_count; i++) {
        free(build->levels[i].data);
    }
    buf_deinit(&build->last_key);
    buf_deinit(&build->separator);
    free(build);
}

static enum status
append_page(struct btree_build *build, struct page_no *no_out, struct diag *diag)
{
    struct pages *pages = build->tree.pages;
    for (;;) {
        struct page *page = NULL;
        gate_enter(pages);
        enum status status =
            warm_append(&build->warm, pages, build->tree.space, no_out, &page, diag);
        if (status == STATUS_OK) {
            page_unlatch(page);
            page_unpin(page);
        }
        gate_leave(pages);
        if (status != STATUS_AGAIN) {
            return status;
        }
        TRY(warm_fetch(&build->warm, pages, diag));
    }
}

static enum status
write_page(struct btree_build *build, struct page_no no, const uint8_t *data, struct diag *diag)
{
    struct page *page = NULL;
    TRY(page_pin(build->tree.pages, build->tree.space, no, 0, &page, diag));
    gate_enter(build->tree.pages);
    page_latch_exclusive(page);
    page_dirty(page);
    memcpy(page_data(page) + PAGE_HEADER_BYTES, data + PAGE_HEADER_BYTES,
           build->tree.page_size - PAGE_HEADER_BYTES);
    page_unlatch(page);
    gate_leave(build->tree.pages);
    page_unpin(page);
    return STATUS_OK;
}

static void
start_level(struct btree_build *build, unsigned level)
{
    ASSERT(level == build->level_count && level < BTREE_LEVELS_MAX);
    build->levels[level].data = calloc(1, build->tree.page_size);
    ASSERT(build->levels[level].data != NULL);
    build->levels[level].no.v = PAGE_NO_NONE;
    btree_page_init(build->levels[level].data, level);
    build->level_count++;
}

static bool
is_full(const struct btree_build *build, unsigned level, size_t key_size)
{
    const uint8_t *data = build->levels[level].data;
    return btree_page_count(data) > 1 &&
           !btree_page_fits(data, build->tree.page_size, key_size + build->reserve_bytes);
}

static void
append_item(struct btree_build *build, unsigned level, const struct btree_item *item)
{
    uint8_t *data = build->levels[level].data;
    btree_page_insert(data, build->tree.page_size, btree_page_count(data), item);
}

/* Adds to `level`, from 0 or with the separator of a page that was begun below. */
static enum status
add(struct btree_build *build, unsigned level, struct btree_item item,
    struct btree_entry separator, struct diag *diag)
{
    for (;; level++) {
        struct build_level *at = &build->levels[level];
        if (!is_full(build, level, item.entry.key.size)) {
            append_item(build, level, &item);
            return STATUS_OK;
        }
        struct page_no next;
        if (at->no.v == PAGE_NO_NONE) {
            TRY(append_page(build, &at->no, diag));
        }
        TRY(append_page(build, &next, diag));
        btree_page_close(at->data, build->tree.page_size, separator, next);
        TRY(write_page(build, at->no, at->data, diag));
        if (level + 1 == build->level_count) {
            start_level(build, level + 1);
            append_item(build, level + 1, &(struct btree_item){.child = at->no});
        }
        btree_page_init(at->data, level);
        append_item(build, level, &item);
        at->no = next;
        item = (struct btree_item){.entry = separator, .child = next};
    }
}

enum status
btree_build_add(struct btree_build *build, struct btree_entry entry, struct diag *diag)
{
    if (entry.key.size > btree_key_max(build->tree.page_size)) {
        return diag_fail(diag, STATUS_LIMIT, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                         "index row size %zu exceeds btree maximum %zu", entry.key.size,
                         btree_key_max(build->tree.page_size));
    }
    if (build->level_count == 0) {
        struct page_no root;
        TRY(append_page(build, &root, diag));
        ASSERT(root.v == 0);
        start_level(build, 0);
    }
    struct btree_entry last = {.key = buf_slice(&build->last_key), .row = build->last_row};
    ASSERT(build->last_row.v == 0 || btree_compare(last, entry) < 0);
    struct btree_entry separator = entry;
    separator.key.size = btree_separator(last, entry, &separator.row);
    TRY(add(build, 0, (struct btree_item){.entry = entry}, separator, diag));
    buf_clear(&build->last_key);
    buf_append(&build->last_key, entry.key.data, entry.key.size);
    build->last_row = entry.row;
    return STATUS_OK;
}

enum status
btree_build_finish(struct btree_build *build, struct diag *diag)
{
    for (unsigned level = 0; level < build->level_count; level++) {
        struct build_level *at = &build->levels[level];
        bool root = level + 1 == build->level_count;
        ASSERT(root == (at->no.v == PAGE_NO_NONE));
        TRY(write_page(build, root ? (struct page_no){0} : at->no, at->data, diag));
    }
    return STATUS_OK;
}
