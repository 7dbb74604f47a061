/* btree_cursor.c: reading entries in order. Forward it follows right links; backward it comes
 * down again for each leaf, below the lower fence of the one before: a page's lower fence never
 * changes, whatever splits.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "storage/btree/btree.h"
#include <stdlib.h>

void
btree_cursor_init(struct btree_cursor *cursor)
{
    memset(cursor, 0, sizeof(*cursor));
}

void
btree_cursor_deinit(struct btree_cursor *cursor)
{
    buf_deinit(&cursor->from);
    buf_deinit(&cursor->to);
    buf_deinit(&cursor->upper);
    buf_deinit(&cursor->bytes);
    free(cursor->entries);
    memset(cursor, 0, sizeof(*cursor));
}

/* The smallest key above all that begin with `prefix`; empty when there is none. */
static void
set_after(struct buf *out, struct slice prefix)
{
    buf_append(out, prefix.data, prefix.size);
    while (out->size > 0 && out->data[out->size - 1] == 0xff) {
        out->size--;
    }
    if (out->size > 0) {
        out->data[out->size - 1]++;
    }
}

void
btree_cursor_start(struct btree_cursor *cursor, const struct btree *tree,
                   struct btree_bound low, struct btree_bound high, bool backward)
{
    cursor->tree = *tree;
    cursor->backward = backward;
    cursor->done = false;
    cursor->next.v = PAGE_NO_NONE;
    cursor->upper_open = false;
    buf_clear(&cursor->from);
    buf_clear(&cursor->to);
    buf_clear(&cursor->upper);
    if (low.key.data != NULL && low.inclusive) {
        buf_append(&cursor->from, low.key.data, low.key.size);
    } else if (low.key.data != NULL) {
        set_after(&cursor->from, low.key);
        cursor->done = cursor->from.size == 0;
    }
    if (high.key.data != NULL && !high.inclusive) {
        buf_append(&cursor->to, high.key.data, high.key.size);
        cursor->done = cursor->done || high.key.size == 0;
    } else if (high.key.data != NULL) {
        set_after(&cursor->to, high.key);
    }
    cursor->upper_row.v = 0;
    cursor->upper_open = cursor->to.size == 0;
    if (!cursor->upper_open) {
        buf_append(&cursor->upper, cursor->to.data, cursor->to.size);
    }
    cursor->count = 0;
}

static void
keep_entry(struct btree_cursor *cursor, struct btree_entry entry)
{
    if (cursor->count == cursor->capacity) {
        cursor->capacity = MAX(16U, cursor->capacity * 2);
        cursor->entries = realloc(cursor->entries, cursor->capacity * sizeof(*cursor->entries));
        ASSERT(cursor->entries != NULL);
    }
    cursor->entries[cursor->count++] =
        (struct btree_copied){.offset = (uint32_t)cursor->bytes.size,
                              .size = (uint32_t)entry.key.size,
                              .row = entry.row};
    buf_append(&cursor->bytes, entry.key.data, entry.key.size);
}

static enum status
pin_shared(const struct btree_cursor *cursor, struct page_no no, struct page **page_out,
           struct diag *diag)
{
    TRY(page_pin(cursor->tree.pages, cursor->tree.space, no, 0, page_out, diag));
    page_latch_shared(*page_out);
    return STATUS_OK;
}

static void
let_go(struct page *page)
{
    page_unlatch(page);
    page_unpin(page);
}

/* ---- forward ---- */
static void
copy_forward(struct btree_cursor *cursor, const uint8_t *data, unsigned slot)
{
    unsigned count = btree_page_count(data);
    struct slice to = buf_slice(&cursor->to);
    for (; slot < count; slot++) {
        struct btree_entry entry = btree_page_item(data, slot).entry;
        if (to.size > 0 && slice_compare(entry.key, to) >= 0) {
            cursor->done = true;
            return;
        }
        keep_entry(cursor, entry);
    }
    struct btree_entry high;
    cursor->next = btree_page_right(data);
    if (cursor->next.v == PAGE_NO_NONE ||
        (to.size > 0 && btree_page_high(data, &high) && slice_compare(high.key, to) >= 0)) {
        cursor->done = true;
    }
}

static enum status
find_first(struct btree_cursor *cursor, struct diag *diag)
{
    struct btree_entry from = {.key = buf_slice(&cursor->from)}, high;
    struct page_no no = {0};
    for (;;) {
        struct page *page = NULL;
        TRY(pin_shared(cursor, no, &page, diag));
        const uint8_t *data = page_data(page);
        if (btree_page_high(data, &high) && btree_compare(from, high) >= 0) {
            no = btree_page_right(data);
        } else if (btree_page_level(data) > 0) {
            no = btree_page_item(data, btree_page_child_slot(data, from)).child;
        } else {
            copy_forward(cursor, data, btree_page_lower_bound(data, from));
            let_go(page);
            return STATUS_OK;
        }
        let_go(page);
    }
}

static enum status
read_forward(struct btree_cursor *cursor, struct diag *diag)
{
    if (cursor->next.v == PAGE_NO_NONE) {
        return find_first(cursor, diag);
    }
    struct page *page = NULL;
    TRY(pin_shared(cursor, cursor->next, &page, diag));
    copy_forward(cursor, page_data(page), 0);
    let_go(page);
    return STATUS_OK;
}

/* ---- backward ---- */
struct fence {
    struct buf key;
    struct row_id row;
    bool there; /* false: the leftmost page of its level */
};

static void
fence_set(struct fence *fence, struct btree_entry entry)
{
    buf_clear(&fence->key);
    buf_append(&fence->key, entry.key.data, entry.key.size);
    fence->row = entry.row;
    fence->there = true;
}

static bool
below_upper(const struct btree_cursor *cursor, struct btree_entry entry)
{
    struct btree_entry upper = {.key = buf_slice(&cursor->upper), .row = cursor->upper_row};
    return cursor->upper_open || btree_compare(entry, upper) < 0;
}

/* The last child that begins below the upper bound. */
static unsigned
last_child_below(const struct btree_cursor *cursor, const uint8_t *data)
{
    unsigned low = 0, high = btree_page_count(data);
    while (high - low > 1) {
        unsigned middle = (low + high) / 2;
        if (below_upper(cursor, btree_page_item(data, middle).entry)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static void
copy_backward(struct btree_cursor *cursor, const uint8_t *data)
{
    struct slice from = buf_slice(&cursor->from);
    for (unsigned slot = btree_page_count(data); slot-- > 0;) {
        struct btree_entry entry = btree_page_item(data, slot).entry;
        if (!below_upper(cursor, entry)) {
            continue;
        }
        if (slice_compare(entry.key, from) < 0) {
            cursor->done = true;
            return;
        }
        keep_entry(cursor, entry);
    }
}

static enum status
descend_backward(struct btree_cursor *cursor, struct fence *fence, struct diag *diag)
{
    struct page_no no = {0};
    struct btree_entry high;
    for (;;) {
        struct page *page = NULL;
        TRY(pin_shared(cursor, no, &page, diag));
        const uint8_t *data = page_data(page);
        if (btree_page_high(data, &high) && below_upper(cursor, high)) {
            fence_set(fence, high);
            no = btree_page_right(data);
        } else if (btree_page_level(data) > 0) {
            unsigned slot = last_child_below(cursor, data);
            struct btree_item item = btree_page_item(data, slot);
            if (slot > 0) {
                fence_set(fence, item.entry);
            }
            no = item.child;
        } else {
            copy_backward(cursor, data);
            let_go(page);
            return STATUS_OK;
        }
        let_go(page);
    }
}

static enum status
read_backward(struct btree_cursor *cursor, struct diag *diag)
{
    struct fence fence = {0};
    enum status status = descend_backward(cursor, &fence, diag);
    if (!fence.there || slice_compare(buf_slice(&fence.key), buf_slice(&cursor->from)) < 0) {
        cursor->done = true;
    }
    buf_deinit(&cursor->upper);
    cursor->upper = fence.key;
    cursor->upper_row = fence.row;
    cursor->upper_open = false;
    return status;
}

enum status
btree_cursor_next(struct btree_cursor *cursor, struct diag *diag)
{
    cursor->count = 0;
    buf_clear(&cursor->bytes);
    while (cursor->count == 0 && !cursor->done) {
        if (space_page_count(cursor->tree.pages, cursor->tree.space) == 0) {
            cursor->done = true;
            break;
        }
        TRY(cursor->backward ? read_backward(cursor, diag) : read_forward(cursor, diag));
    }
    return STATUS_OK;
}

enum status
btree_contains(const struct btree *tree, struct btree_entry entry, bool *found_out,
               struct diag *diag)
{
    struct btree_cursor cursor;
    struct btree_bound bound = {.key = entry.key, .inclusive = true};
    *found_out = false;
    btree_cursor_init(&cursor);
    btree_cursor_start(&cursor, tree, bound, bound, false);
    enum status status = STATUS_OK;
    while (!*found_out) {
        status = btree_cursor_next(&cursor, diag);
        if (status != STATUS_OK || cursor.count == 0) {
            break;
        }
        for (unsigned i = 0; i < cursor.count; i++) {
            *found_out =
                *found_out || btree_compare(btree_cursor_entry(&cursor, i), entry) == 0;
        }
    }
    btree_cursor_deinit(&cursor);
    return status;
}
