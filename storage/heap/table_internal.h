/* table_internal.h: what the files of heap, vacuum and verify share.
 *
 * Picture:  row map [row id] -> head -> previous -> .. (older versions). Undone versions
 *           (aborted, or VERSION_DEAD) may stand at the head, never behind a live one; those
 *           linked over are orphans: on a page, in no chain.
 * Claim:    who sets xmax on the newest version that is not undone, under its page's latch, has
 *           the row; linking the successor comes after and may cross several holds of the gate.
 * Latches:  index leaf, then row map page, then heap page; one heap page at a time.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/btree/btree.h"
#include "storage/btree/key.h"
#include "storage/heap/heap_page.h"
#include "storage/heap/table_apply.h"
#include "storage/store_internal.h"

/* ---- one generation of a table, as the heap needs it; a value ---- */
struct heap {
    struct store *store;
    struct pages *pages;
    uint32_t page_size;
    struct object_id table;
    struct space_id space, row_map;
    struct body *body;
    struct table_memory *memory;
    const struct table_definition *definition;
};
struct heap heap_of(struct store *store, struct generation *table);
struct btree btree_of(struct store *store, const struct generation *index);

/* ---- heap_memory.c: where free space is; lost at restart, found again by use and vacuum ----
 */
struct page_no heap_memory_target(struct table_memory *memory); /* of this thread */
void heap_memory_set_target(struct table_memory *memory, struct page_no no);
/* The page's free bytes (with compaction) are now `room`. */
void heap_memory_note(struct table_memory *memory, struct page_no no, size_t room,
                      uint32_t page_size);
/* A page that may have `need` bytes, taken out of the map; PAGE_NO_NONE: none known. */
struct page_no heap_memory_find(struct table_memory *memory, size_t need, uint32_t page_size);
/* False: another vacuum of this table is under way. */
bool heap_memory_begin_vacuum(struct table_memory *memory);
void heap_memory_end_vacuum(struct table_memory *memory);

/* ---- row_map.c ---- */
/* `warm` NULL: outside the gate; else inside it. */
MUST_CHECK enum status row_map_read(const struct heap *heap, struct row_id row,
                                    struct warm *warm, struct version_at *at_out,
                                    struct diag *diag);
/* Pins the page of the row's entry, making it if need be. Outside the gate. */
MUST_CHECK enum status row_map_pin(const struct heap *heap, struct row_id row,
                                   struct warm *warm, struct page **page_out,
                                   struct diag *diag);
struct version_at row_map_get(const struct heap *heap, struct page *page, struct row_id row);
/* Under the exclusive latch, dirty. */
void row_map_put(const struct heap *heap, struct page *page, struct row_id row,
                 struct version_at at);
/* Inside the gate; latches. */
void row_map_set(const struct heap *heap, struct page *page, struct row_id row,
                 struct version_at at);
uint64_t row_map_rows_per_page(const struct heap *heap);

/* ---- walk.c: along a row's versions, newest first ---- */
struct walk {
    const struct heap *heap;
    struct warm *warm; /* NULL: outside the gate */
    struct row_id row;
    struct version_at head; /* what the row map said */
    struct version_at at;   /* of the version */
    struct page *page;      /* pinned while `version` is used */
    struct version version; /* as of one look; the tuple is borrowed from the page */
    unsigned restarts;
};
void walk_init(struct walk *walk, const struct heap *heap, struct row_id row,
               struct warm *warm);
/* The head, or the next older version. After a restart newer ones may come again.
 * *there_out false: the end. */
MUST_CHECK enum status walk_step(struct walk *walk, bool *there_out, struct diag *diag);
void walk_end(struct walk *walk);
/* Steps to the newest version that is not undone. */
MUST_CHECK enum status walk_newest(struct walk *walk, bool *there_out, struct diag *diag);
/* Steps to the version that the snapshot sees. */
MUST_CHECK enum status walk_visible(struct walk *walk, const struct txn *txn, bool *there_out,
                                    struct diag *diag);

/* ---- version.c: who sees what ---- */
bool version_undone(struct store *store, const struct version *version);
bool version_visible(const struct txn *txn, const struct version *version);
/* What a writer makes of the xid in xmin or xmax; `is_csn`: of the flags. */
enum xid_state version_writer_state(struct store *store, uint64_t value, bool is_csn,
                                    struct csn *csn_out);
/* Superseded or deleted at or below the horizon: nobody can see it. */
bool version_expired(struct store *store, const struct version *version, struct csn horizon);
/* Live for a builder: not undone, not superseded by what committed or is the builder's own. */
typedef bool (*version_own_fn)(const void *arg, struct xid xid);
bool version_live(struct store *store, const struct version *version, version_own_fn own,
                  const void *arg);

/* ---- place.c: putting versions on pages, inside the gate ---- */
/* Makes room on the page (latched exclusive) for a tuple of `need` bytes if that is possible:
 * prunes, compacts. Slices into the page are void after it. */
bool place_make_room(const struct heap *heap, struct page *page, size_t need);
bool place_stamp(const struct heap *heap, struct version *version, struct csn horizon);
void place_prune(const struct heap *heap, struct page *page, struct csn horizon);
/* Puts the version on *target (pinned, or NULL) or another page that takes its place: this
 * thread's, one with room, a new one. */
MUST_CHECK enum status place_version(const struct heap *heap, struct warm *warm,
                                     const struct version *version, struct page **target,
                                     struct version_at *at_out, struct diag *diag);
MUST_CHECK enum status place_check_size(const struct heap *heap, struct slice tuple,
                                        struct diag *diag);

/* ---- keys.c: the indexes of a changed row ---- */
/* A buf on the stack while it is small. */
struct scratch {
    struct buf buf;
    uint8_t space[512];
};
void scratch_init(struct scratch *scratch, size_t bound);
void scratch_deinit(struct scratch *scratch);
size_t key_bound(const struct index_definition *definition, struct slice tuple);

/* Do both tuples have the same key in the index? */
bool keys_equal(const struct heap *heap, const struct index_definition *definition,
                struct slice a, struct slice b);

struct key_writer {
    const struct heap *heap;
    struct txn *txn; /* NULL at apply: no admission, no unique check */
    struct warm *warm;
    struct row_id row;
    struct slice tuple;
    struct change_result *result; /* 23505: who is in the way */
};
/* Inserts the row's entry; waits for writers whose fate decides a unique conflict. Outside the
 * gate. */
MUST_CHECK enum status key_insert(const struct key_writer *writer, struct generation *index,
                                  struct diag *diag);
