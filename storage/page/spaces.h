/* spaces.h: all spaces of a node, their maps, and the life of every slot.
 *
 * Promises: a slot that a durable root needs is not written and not given out again.
 * Owns:     maps, slot bitmaps, lists of dead slots.  Borrows: slots.
 * Thread:   any; takes its own lock where the name has no `_locked`.
 * Fails:    STATUS_LIMIT of slots_take(); STATUS_NOT_FOUND for a space or page that is not
 * there.
 *
 * Epochs. The current epoch begins with a cut and ends with the next. While the checkpoint of
 * epoch c runs ("in flight"), the current epoch is c + 1, and the maps have two views.
 *   - a slot is young in the epoch that took it: no root has it, it may be written again;
 *   - a slot replaced in epoch e is dead in e: it is free when the root of e is durable.
 * When the cut's view gets a page after the current view has moved on, the slot of the cut's
 * view dies with the current epoch, and the one before it is on that list already.
 * A checkpoint that fails (disk full, log not durable) folds its epoch into the current one.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/lock.h"
#include "storage/page/page_map.h"
#include "storage/page/slots.h"

#define SPACE_DIRECTORY UINT32_MAX   /* hidden: the list of spaces, as pages */
#define SPACE_META (UINT32_MAX - 1u) /* hidden: the meta bytes of the cut */
#define SPACE_ID_MAX (UINT32_MAX - 2u)

struct space {
    uint32_t id;
    uint32_t page_count, cut_page_count;
    uint32_t arriving_count; /* of page_count, the last ones: not in the pool yet */
    uint64_t created_epoch, dropped_epoch; /* dropped: 0 = it lives */

    uint32_t extent, map_extent; /* hints for slots_take() */
    struct page_map map;
};

struct slot_list {
    uint32_t *items;
    size_t count, capacity;
};

struct spaces {
    struct mutex mu; /* guards all below, and the bitmaps of slots */
    struct slots *slots;
    uint32_t page_size;
    struct space **table; /* open addressing by id; a power of two */
    uint32_t table_size, count;
    uint32_t next_id, cut_next_id;
    uint64_t epoch, cut_epoch;
    bool in_flight;
    bool changed;             /* something the next root must say, since the last cut */
    struct slot_list dead[2]; /* by parity of the epoch */
    struct space directory, meta;
    uint64_t placed_count; /* slots chosen by spaces_place() whose spaces_placed() is to come */
};

void spaces_init(struct spaces *spaces, struct slots *slots, uint32_t page_size);
void spaces_deinit(struct spaces *spaces);
/* NULL: never made, or gone. A dropped one is found until its drop is durable. */
struct space *spaces_find_locked(struct spaces *spaces, uint32_t id);
struct space *spaces_add_locked(struct spaces *spaces, uint32_t id);

/* ---- pages ---- */
struct space_id spaces_create(struct spaces *spaces);
void spaces_drop(struct spaces *spaces, uint32_t id);
uint32_t spaces_page_count(struct spaces *spaces, uint32_t id);
/* The page counts for others once spaces_appended() said that it is in the pool. */
MUST_CHECK enum status spaces_append(struct spaces *spaces, uint32_t id, uint32_t *no_out,
                                     struct diag *diag);
void spaces_appended(struct spaces *spaces, uint32_t id, uint32_t no);
void spaces_truncate(struct spaces *spaces, uint32_t id, uint32_t page_count);
MUST_CHECK enum status spaces_ref(struct spaces *spaces, uint32_t id, uint32_t no,
                                  struct page_ref *ref_out, struct diag *diag);

/* Where to write a page that was changed in `epoch` (the current or the cut's). `*slot_out` is
 * SLOT_NONE when the page is gone and need not be written. After the write: spaces_placed(),
 * with `written` false if it failed. */
MUST_CHECK enum status spaces_place(struct spaces *spaces, uint32_t id, uint32_t no,
                                    uint64_t epoch, uint32_t *slot_out, struct diag *diag);
void spaces_placed(struct spaces *spaces, uint32_t id, uint32_t no, uint64_t epoch,
                   struct page_ref ref, bool written);

/* ---- checkpoints ---- */
void spaces_cut(struct spaces *spaces); /* gate closed: begins a new epoch */
/* A slot for the next writing of a map page that now lies in `old`. */
MUST_CHECK enum status spaces_replace_locked(struct spaces *spaces, struct space *space,
                                             struct page_ref old, uint32_t *slot_out,
                                             struct diag *diag);
/* Puts a slot of the cut's view on the right list; SLOT_NONE is fine. */
void spaces_kill_cut_locked(struct spaces *spaces, uint32_t slot);
/* The root of the cut is durable and its predecessor void: frees what only that one needed. */
void spaces_cut_done(struct spaces *spaces);
/* The checkpoint failed; gate closed. */
void spaces_cut_failed(struct spaces *spaces);

/* Every slot has one owner, and no more slots are used than have one. */
bool spaces_check(struct spaces *spaces, struct diag *diag);
