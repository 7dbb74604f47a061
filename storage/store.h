/* store.h: one node's durable state, whole: pages, transactions, tables; and how the log drives
 * it.
 *
 * Promises: store_apply() is a pure function of (state, entry), idempotent, and moves the
 * applied index in the same step as everything else (rule 6). After a crash store_open() shows
 *           the newest checkpoint; the log is replayed after applied_index. Equal applied index
 *           means equal state hash on every node.
 * Owns:     data/pages and data/meta of the node.  Borrows: env.
 * Thread:   store_apply() on apply only; sessions use txn.h, table.h, locks.h; the rest any.
 * Fails:    STATUS_CORRUPT from apply is divergence: the node stops serving.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/env.h"
#include "storage/heap/table.h"
#include "storage/page/pages.h"
#include "storage/txn/txn.h"

struct store;

struct store_options {
    struct env *env;
    const char *dir; /* the data directory */
    uint32_t page_size, pool_pages;
    uint64_t origin;      /* Raft id of this node */
    uint64_t incarnation; /* durable, new at each start */
    /* Reads the entry at `index` for parts of large transactions. Borrowed context. */
    enum status (*read_entry)(void *arg, uint64_t index, struct buf *bytes_out, struct diag *);
    enum status (*log_durable)(void *arg, uint64_t index,
                               struct diag *); /* rule 10; may wait */
    void *log_arg;
    /* The store is damaged from now on; may be NULL. Once or twice, any thread. */
    void (*on_damage)(void *arg, const struct diag *diag);
    void *damage_arg;
};

MUST_CHECK enum status store_open(const struct store_options *options, struct store **store_out,
                                  struct diag *diag);
/* Running transactions must have ended. Takes store. */
void store_close(struct store *store);

/* ---- driven by the log (apply thread) ---- */
/* Applies entry `index` = applied + 1. `bytes` is an envelope (proto/entry.h), or empty for the
 * consensus core's own entries. Calls the done functions of this node's transactions. */
MUST_CHECK enum status store_apply(struct store *store, uint64_t index, uint64_t term,
                                   struct slice bytes, struct diag *diag);
uint64_t store_applied_index(struct store *store);
uint64_t store_applied_term(struct store *store);
int64_t
store_applied_commit_time_us(struct store *store); /* of the newest applied transaction */
/* Called with the store still consistent after each applied entry; for replies and views. */

/* ---- leadership ---- */
/* This node leads `term` and its TERM_START is applied: admits writers of that term (rule 5).
 */
void store_admit_writers(struct store *store, uint64_t term);
/* No longer: running transactions of the term get 40001 at their next step; submitted ones wait
 * for the log. */
void store_refuse_writers(struct store *store);
uint64_t store_writer_term(struct store *store); /* 0: refused */

/* ---- room ---- */
/* The disk is nearly full: new row versions are refused with 53100 until it is not. Deletes,
 * DROP, TRUNCATE, checkpoints and what the log brings go on: they have the rest. Any thread. */
void store_refuse_growth(struct store *store, bool refuse);

/* ---- in doubt ---- */
enum txn_outcome { OUTCOME_UNKNOWN, OUTCOME_IN_PROGRESS, OUTCOME_COMMITTED, OUTCOME_ABORTED };
enum txn_outcome store_txn_outcome(struct store *store, struct gtid gtid);

/* ---- sequences: a value reaches a client only after its range's entry is committed ---- */
/* Proposes ENTRY_SEQUENCE payload `payload` and returns when it is applied here; set by node.
 */
typedef enum status (*store_propose_fn)(void *arg, enum entry_kind kind, struct slice payload,
                                        struct waiter *waiter, struct diag *diag);
void store_set_propose(struct store *store, store_propose_fn propose, void *arg);
struct sequence_definition {
    int64_t start, increment, min, max;
    bool cycle;
    int64_t cache; /* values reserved by one entry, >= 1; at least 32 are taken anyway */
};
MUST_CHECK enum status sequence_create(struct txn *txn, struct object_id sequence,
                                       const struct sequence_definition *definition,
                                       struct diag *diag);
MUST_CHECK enum status sequence_next(struct txn *txn, struct object_id sequence,
                                     int64_t *value_out, struct diag *diag);
MUST_CHECK enum status sequence_set(struct txn *txn, struct object_id sequence, int64_t value,
                                    bool is_called, struct diag *diag);
/* last_value and is_called as PostgreSQL shows them. */
MUST_CHECK enum status sequence_read(struct store *store, struct object_id sequence,
                                     int64_t *last_value_out, bool *is_called_out,
                                     struct diag *diag);
/* Cluster-wide object ids for the catalog: like sequence_next on a built-in sequence. */
MUST_CHECK enum status object_id_next(struct txn *txn, struct object_id *id_out,
                                      struct diag *diag);

/* ---- upkeep ---- */
MUST_CHECK enum status
store_checkpoint(struct store *store, struct checkpoint_result *result_out, struct diag *diag);
/* The newest durable root's applied index: log up to it may go (minus retention). */
uint64_t store_checkpoint_index(struct store *store);
/* The oldest log entry that the newest durable root still needs, besides those after its index:
 * the oldest part of a transaction that was running then. 0: none. */
uint64_t store_checkpoint_needs(struct store *store);
struct vacuum_result {
    uint64_t pages_scanned, versions_removed, index_entries_removed, rows_live;
};
MUST_CHECK enum status store_vacuum(struct store *store, struct object_id table,
                                    struct waiter *waiter, struct vacuum_result *result_out,
                                    struct diag *diag);
/* Tables that ask for a vacuum, by their dead versions or their old xids; for the background
 * worker. */
unsigned store_vacuum_candidates(struct store *store, struct object_id *tables_out,
                                 unsigned capacity);

/* Tables with ids below this are catalogs: a change to one moves store_catalog_csn(). */
#define CATALOG_OBJECT_ID_END 16384
/* ---- observers ---- */
/* CSN of the newest transaction that changed a catalog table or an object. It is published just
 * before that transaction becomes visible: definitions loaded by a snapshot at or above it, and
 * taken before it was read, are still good. A load. */
uint64_t store_catalog_csn(struct store *store);
/* Sum over all tables at the applied index; both taken in one step. */
void store_state_hash(struct store *store, uint64_t *index_out, struct hash128 *hash_out);
void store_stats(struct store *store, struct pages_stats *stats_out);
bool store_damaged(struct store *store);
bool store_check(struct store *store, bool deep, struct diag *diag);
