/* btree.h: an index tree: entries (key, row id) in order.
 *
 * Promises: readers and writers go on together (Lehman and Yao: every page knows its right
 *           sibling and the key where that begins; we never merge or free pages, so a page
 *           number once read stays good). Page 0 is the root for ever. A split is whole within
 *           one hold of the gate; the parent hears of it in a later one, and if a crash comes
 *           between, the right link serves.
 * Does not: know rows: the unique check and vacuum's look at the row are callbacks that run
 *           under the leaf's exclusive latch, inside the gate (rule 8).  Borrows: pages.
 * Thread:   any.
 * Fails:    as pages.h; STATUS_LIMIT 54000 for a key beyond btree_key_max().
 * See:      storage/btree/README.md, docs/format/btree.md.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/btree/btree_page.h"

#include <stdatomic.h>

struct btree {
    struct pages *pages;
    struct space_id space;
    uint32_t page_size;
    /* Number of the last leaf, once an entry went to its end; 0: unknown. Rising keys need no
     * descent then. Kept by the owner with the tree; NULL: nowhere. */
    _Atomic(uint32_t) *last_leaf;
};

/* Pages that must be in memory for a step inside the gate: pinned outside, kept until the
 * operation ends. */
#define WARM_PAGES_MAX 6
struct warm {
    struct page *pinned[WARM_PAGES_MAX];
    unsigned count, next;
    /* set by a step that answers STATUS_AGAIN: what it lacked */
    bool need_room, need_page;
    struct space_id space;
    struct page_no no;
};
/* As page_pin(PIN_IN_GATE); a miss is noted in warm and answered with STATUS_AGAIN. */
MUST_CHECK enum status warm_pin(struct warm *warm, struct pages *pages, struct space_id space,
                                struct page_no no, struct page **page_out, struct diag *diag);
/* As page_append(). */
MUST_CHECK enum status warm_append(struct warm *warm, struct pages *pages,
                                   struct space_id space, struct page_no *no_out,
                                   struct page **page_out, struct diag *diag);
/* Outside the gate, after STATUS_AGAIN: fetches what was lacking. */
MUST_CHECK enum status warm_fetch(struct warm *warm, struct pages *pages, struct diag *diag);
void warm_release(struct warm *warm);

/* What an insertion asks of its caller. */
struct btree_hooks {
    void *arg;
    struct warm *warm;
    /* Right after each gate_enter(): may this writer still write? (rule 3) NULL: yes. */
    enum status (*admit)(void *arg, struct diag *diag);
    /* Unique check, NULL for none: an entry of the same key belongs to `other`. STATUS_OK: not
     * in the way. Any other status ends the insertion with it, except STATUS_AGAIN with
     * something noted in warm, which is fetched before the insertion starts over. */
    enum status (*check)(void *arg, struct row_id other, struct diag *diag);
};

/* Outside the gate. An entry that is there already stays (after the check). */
MUST_CHECK enum status btree_insert(const struct btree *tree, struct btree_entry entry,
                                    const struct btree_hooks *hooks, struct diag *diag);

/* Outside the gate. Asks `keep` under the leaf latch whether the entry must stay; statuses as
 * for check above. *removed_out: it was there and is gone. */
typedef enum status (*btree_keep_fn)(void *arg, bool *keep_out, struct diag *diag);
MUST_CHECK enum status btree_remove(const struct btree *tree, struct btree_entry entry,
                                    struct warm *warm, btree_keep_fn keep, void *arg,
                                    bool *removed_out, struct diag *diag);

/* ---- reading: a leaf at a time, copied ---- */
struct btree_bound {
    struct slice key; /* data NULL: unbounded; compared over its own length */
    bool inclusive;
};

struct btree_copied {
    uint32_t offset, size; /* of the key in `bytes` */
    struct row_id row;
};

struct btree_cursor {
    struct btree tree;
    bool backward, done;
    struct buf from, to; /* keys in [from, to); to empty: no end */
    struct page_no next; /* forward: leaf to read next; PAGE_NO_NONE: find `from` */
    struct buf upper;    /* backward: go on below this entry */
    struct row_id upper_row;
    bool upper_open;              /* backward: from the very end */
    struct buf bytes;             /* keys of the entries */
    struct btree_copied *entries; /* of the leaf last read, in the cursor's direction */
    unsigned count, capacity;
};

void btree_cursor_init(struct btree_cursor *cursor);
void btree_cursor_deinit(struct btree_cursor *cursor);
/* Starts (over), keeping memory. The bounds are copied. */
void btree_cursor_start(struct btree_cursor *cursor, const struct btree *tree,
                        struct btree_bound low, struct btree_bound high, bool backward);
/* Copies the entries within the bounds of the next leaf that has some; count 0: the end. */
MUST_CHECK enum status btree_cursor_next(struct btree_cursor *cursor, struct diag *diag);

static inline struct btree_entry
btree_cursor_entry(const struct btree_cursor *cursor, unsigned i)
{
    const struct btree_copied *copied = &cursor->entries[i];
    return (struct btree_entry){
        .key = slice_make(cursor->bytes.data + copied->offset, copied->size),
        .row = copied->row};
}

/* ---- bulk build into an empty tree that nobody else knows yet; outside the gate ---- */
struct btree_build;
struct btree_build *btree_build_new(const struct btree *tree, size_t longest_key);
/* In rising order. */
MUST_CHECK enum status btree_build_add(struct btree_build *build, struct btree_entry entry,
                                       struct diag *diag);
MUST_CHECK enum status btree_build_finish(struct btree_build *build, struct diag *diag);
void btree_build_delete(struct btree_build *build);

/* Is the entry there? For verify. */
MUST_CHECK enum status btree_contains(const struct btree *tree, struct btree_entry entry,
                                      bool *found_out, struct diag *diag);

/* Inside the package. */
MUST_CHECK enum status btree__descend(const struct btree *tree, struct btree_entry entry,
                                      unsigned level, struct page **page_out,
                                      struct diag *diag);
