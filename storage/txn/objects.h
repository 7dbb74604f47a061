/* objects.h: the directory of storage objects: object id -> generations -> spaces.
 *
 * Promises: a snapshot finds the generation of its time; a writer and apply find the newest
 *           that is neither aborted nor dropped. What a transaction created or dropped takes
 *           effect with its xid, and is undone with it (savepoints too). The spaces of a
 *           generation go when no snapshot can need them (objects_collect).
 * Picture:
 *
 *   object 4711 -> generation (dropped by TRUNCATE) -> body: heap, row map, hash, row ids
 *               -> generation (current)             -> body
 *               -> generation after ALTER shares the body of its predecessor
 *
 * Owns:     generations and bodies; a pointer to one is good while the caller's snapshot is
 *           announced, or while generation_pin() holds it.
 * Thread:   any; making, dropping and collecting only inside the gate.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "storage/heap/table.h"
#include "storage/heap/table_apply.h"

#include <stdatomic.h>

enum object_kind { OBJECT_TABLE = 1, OBJECT_INDEX = 2, OBJECT_SEQUENCE = 3 }; /* stored */

struct sequence_state; /* sequences.c */

/* What generations share when only the definition changed: the pages and what sums them up. */
struct body {
    enum object_kind kind;
    bool is_catalog;            /* a change to it moves store_catalog_csn() */
    unsigned reference_count;   /* generations; under the directory's mutex */
    struct space_id heap;       /* a table's versions, or an index's tree */
    struct space_id row_map;    /* tables only */
    _Atomic(uint64_t) next_row; /* tables: the row id to give out next, from 1 */
    _Atomic(int64_t) live_rows; /* rows of committed transactions, moved at commit */
    _Atomic(int64_t) dead_rows; /* estimate; the heap and vacuum keep it */
    /* tables: versions name xids below this by their CSN only; raised by vacuum */
    _Atomic(uint64_t) oldest_xid;
    _Atomic(uint64_t) vacuumed_at; /* the next xid when a vacuum last began */
    _Atomic(uint64_t) vacuumed_to; /* its horizon */
    _Atomic(int64_t) dead_left;    /* dead rows that it had to leave */
    _Atomic(uint32_t) last_leaf;   /* indexes: see struct btree */
    struct hash128 hash;           /* under store.state_mu: sum over the live rows */
    struct sequence_state *sequence;
    struct table_memory *memory; /* tables: what the heap keeps beside the pages */
};

struct generation {
    struct object_id id, table; /* table: of an index; else the same as id */
    enum object_kind kind;
    struct body *body;
    struct generation *older;
    struct xid created_by, dropped_by;   /* 0: settled, see the CSNs; changed under the mutex */
    struct csn created_csn, dropped_csn; /* dropped 0: alive */
    bool created_aborted;
    _Atomic(bool) invalid; /* an index that failed here (rule 9): not read, to be rebuilt */
    _Atomic(unsigned) pin_count;
    struct slice definition;            /* owned */
    struct table_definition *table_def; /* tables */
    struct index_definition *index_def; /* indexes */
};

/* A table and its indexes at one look. */
struct table_view {
    struct generation *table;
    unsigned index_count;
    struct generation **indexes;
};

/* As the transaction's snapshot sees it; NULL: there is none. The view is the transaction's own
 * and good until its next objects_*() call; the generations live longer (above). Cheap: cached
 * until the directory changes. */
const struct table_view *objects_table_read(struct txn *txn, struct object_id table);
/* What a writer changes: the newest; all its indexes that must be kept up, also those this
 * transaction just made. Inside the gate or under a table lock. */
const struct table_view *objects_table_write(struct txn *txn, struct object_id table);
struct generation *objects_index_read(struct txn *txn, struct object_id index);
/* For apply: what the log says at this point, with what `xid` itself made. */
const struct table_view *objects_table_apply(struct store *store, struct xid xid,
                                             struct object_id table);
/* For vacuum, verify and sizes: the newest committed generation, pinned (generation_unpin), or
 * NULL. Indexes of a table come with objects_pin_indexes. */
struct generation *objects_pin(struct store *store, struct object_id object);
/* Fills `out` with up to `capacity` pinned index generations of the table: all that pages may
 * still be read through, dropped but not yet collected ones included. */
unsigned objects_pin_indexes(struct store *store, struct object_id table,
                             struct generation **out, unsigned capacity);
void generation_unpin(struct generation *generation);
/* Ids of all tables that have a committed generation; returns the count, fills up to capacity.
 */
unsigned objects_tables(struct store *store, struct object_id *out, unsigned capacity);

/* ---- making and dropping: inside the gate ----
 * `txn` is NULL at apply; then `xid` is the apply xid. With a txn, xid comes from
 * txn_write_xid(). Spaces are made (empty); trees and heaps are the caller's to fill. Logging
 * the effect is the caller's too (txn_log_effect). */
/* CREATE: a table; its definition bytes as in the effect. */
MUST_CHECK enum status objects_create_table(struct store *store, struct txn *txn,
                                            struct xid xid, struct object_id table,
                                            struct slice definition, struct generation **out,
                                            struct diag *diag);
/* TRUNCATE and REWRITE: a new body for the table and for each of its indexes. */
MUST_CHECK enum status objects_replace_table(struct store *store, struct txn *txn,
                                             struct xid xid, struct object_id table,
                                             struct diag *diag);
/* ALTER: a new definition over the same body. */
MUST_CHECK enum status objects_alter_table(struct store *store, struct txn *txn, struct xid xid,
                                           struct object_id table, struct slice definition,
                                           struct diag *diag);
MUST_CHECK enum status objects_create_index(struct store *store, struct txn *txn,
                                            struct xid xid, struct slice definition,
                                            struct generation **out, struct diag *diag);
/* A table takes its indexes along. Dropping what is dropped already by this transaction: OK. */
MUST_CHECK enum status objects_drop(struct store *store, struct txn *txn, struct xid xid,
                                    struct object_id object, struct diag *diag);
/* Was the current generation of the table made by this transaction, at its present savepoint?
 */
bool objects_is_new_in(struct txn *txn, struct object_id table);

/* Frees the generations (and spaces) that nobody can need: aborted, or dropped at or below the
 * horizon, and not pinned. Enters the gate itself. */
void objects_collect(struct store *store);

static inline void
generation_pin(struct generation *generation)
{
    atomic_fetch_add(&generation->pin_count, 1);
}
