/* btree_page.h: one page of an index tree, as bytes. See docs/format/btree.md.
 *
 * Promises: items lie in (key, row) order; a zeroed page is an empty leaf without siblings.
 * Does not: latch or dirty.
 * Thread:   the caller holds the latch, exclusive for changes.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/codec.h"
#include "storage/page/pages.h"

#define BTREE_SLOTS_AT 48
#define BTREE_LEVELS_MAX 32

/* A place in the order of an index. */
struct btree_entry {
    struct slice key;
    struct row_id row;
};

/* What a page holds in a slot; `child` of inner pages only. Borrowed from the page. */
struct btree_item {
    struct btree_entry entry;
    struct page_no child;
};

static inline int
btree_compare(struct btree_entry a, struct btree_entry b)
{
    int order = slice_compare(a.key, b.key);
    return order != 0 ? order : (a.row.v > b.row.v) - (a.row.v < b.row.v);
}

/* Longest key an index takes: five of them fit a page, so that a split always can. */
size_t btree_key_max(uint32_t page_size);

unsigned btree_page_level(const uint8_t *page); /* 0: leaf */
unsigned btree_page_count(const uint8_t *page);
struct page_no btree_page_right(const uint8_t *page); /* PAGE_NO_NONE: the last of its level */
/* Everything on the page and under it is below the high key. False: there is none. */
bool btree_page_high(const uint8_t *page, struct btree_entry *high_out);
struct btree_item btree_page_item(const uint8_t *page, unsigned slot);
/* First slot whose entry is >= `entry`; the count when none is. Leaves. */
unsigned btree_page_lower_bound(const uint8_t *page, struct btree_entry entry);
/* Inner pages: the slot whose child covers `entry`; slot 0 stands for everything below slot 1.
 */
unsigned btree_page_child_slot(const uint8_t *page, struct btree_entry entry);

void btree_page_init(uint8_t *page, unsigned level);
bool btree_page_fits(const uint8_t *page, uint32_t page_size, size_t key_size);
/* It fits; compacts when it must. */
void btree_page_insert(uint8_t *page, uint32_t page_size, unsigned slot,
                       const struct btree_item *item);
void btree_page_delete(uint8_t *page, unsigned slot);
/* Moves the upper part of `left` to the empty page `right` (numbered right_no), so that `item`,
 * which belongs at `slot`, likely fits on its side; links them. An item beyond all others of
 * the last page leaves `left` full and `right` empty. The separator (new high key of left) is
 * appended to `separator_out`, its row is returned. */
struct row_id btree_page_split(uint8_t *left, uint8_t *right, struct page_no right_no,
                               uint32_t page_size, unsigned slot, const struct btree_item *item,
                               struct buf *separator_out);
/* For bulk builds: the high key and right link of a page that is complete. It fits. */
void btree_page_close(uint8_t *page, uint32_t page_size, struct btree_entry high,
                      struct page_no right);
size_t btree_page_used(const uint8_t *page, uint32_t page_size);
/* Shortest key that is > `left` and <= `right`: its size as a prefix of right's key; its row.
 */
size_t btree_separator(struct btree_entry left, struct btree_entry right,
                       struct row_id *row_out);
MUST_CHECK bool btree_page_check(const uint8_t *page, uint32_t page_size, const char **why_out);
