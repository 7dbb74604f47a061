/* btree_check.c: level by level along the right links. SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "storage/verify/verify.h"

#include <stdlib.h>

struct tree_check {
    const struct btree *tree;
    uint8_t *data; /* of the page at hand */
    struct buf fence;
    struct row_id fence_row; /* everything to come is at or above it */
    uint64_t entry_count;
    uint32_t page_count;
    struct diag *diag;
};

static bool
broken(struct tree_check *check, struct page_no no, const char *why)
{
    (void)diag_fail(check->diag, STATUS_CORRUPT, SQLSTATE_INDEX_CORRUPTED,
                    "index page %u of space %u: %s", no.v, check->tree->space.v, why);
    return false;
}

static bool
load(struct tree_check *check, struct page_no no)
{
    struct page *page = NULL;
    if (no.v >= space_page_count(check->tree->pages, check->tree->space)) {
        return broken(check, no, "a link leads beyond the last page");
    }
    if (page_pin(check->tree->pages, check->tree->space, no, PIN_SCAN, &page, check->diag) !=
        STATUS_OK) {
        return false;
    }
    page_latch_shared(page);
    memcpy(check->data, page_data(page), check->tree->page_size);
    page_unlatch(page);
    page_unpin(page);
    return true;
}

static bool
check_page(struct tree_check *check, struct page_no no, unsigned level)
{
    const char *why = NULL;
    if (!btree_page_check(check->data, check->tree->page_size, &why)) {
        return broken(check, no, why);
    }
    if (btree_page_level(check->data) != level) {
        return broken(check, no, "the level is not that of its siblings");
    }
    unsigned count = btree_page_count(check->data);
    unsigned first = level == 0 ? 0 : 1;
    struct btree_entry fence = {.key = buf_slice(&check->fence), .row = check->fence_row};
    if (count > first && btree_compare(btree_page_item(check->data, first).entry, fence) < 0) {
        return broken(check, no, "an item lies below the page's lower fence");
    }
    if (level > 0 && count == 0) {
        return broken(check, no, "an inner page is empty");
    }
    check->entry_count += level == 0 ? count : 0;
    return true;
}

/* Follows the right links of one level from its first page. */
static bool
check_level(struct tree_check *check, struct page_no no, unsigned level,
            struct page_no *below_out)
{
    buf_clear(&check->fence);
    check->fence_row.v = 0;
    for (bool first = true; no.v != PAGE_NO_NONE; first = false) {
        if (!load(check, no) || !check_page(check, no, level)) {
            return false;
        }
        if (first && level > 0) {
            *below_out = btree_page_item(check->data, 0).child;
        }
        struct btree_entry high;
        if (btree_page_high(check->data, &high)) {
            buf_clear(&check->fence);
            buf_append(&check->fence, high.key.data, high.key.size);
            check->fence_row = high.row;
        }
        if (++check->page_count > space_page_count(check->tree->pages, check->tree->space)) {
            return broken(check, no, "the right links go in a circle");
        }
        no = btree_page_right(check->data);
    }
    return true;
}

bool
btree_check(const struct btree *tree, uint64_t *entry_count_out, struct diag *diag)
{
    *entry_count_out = 0;
    if (space_page_count(tree->pages, tree->space) == 0) {
        return true;
    }
    struct tree_check check = {.tree = tree, .diag = diag, .data = malloc(tree->page_size)};
    ASSERT(check.data != NULL);
    struct page_no no = {0};
    bool good = load(&check, no);
    for (unsigned level = btree_page_level(check.data) + 1; good && level-- > 0;) {
        struct page_no below = {PAGE_NO_NONE};
        good = check_level(&check, no, level, &below);
        no = below;
    }
    *entry_count_out = check.entry_count;
    buf_deinit(&check.fence);
    free(check.data);
    return good;
}
