/* txn.h: transactions of one node: xids, snapshots, visibility, waiting, redo.
 *
 * Promises: a snapshot is one CSN and sees exactly the transactions of log entries up to it,
 *           and the transaction's own earlier commands; taking one is a load (rule 7). running
 *           -> submitted is one compare-and-swap against abort, cancel and term change (rule
 *           2); after it only the log decides.
 * Picture:
 *
 *   begin -> RUNNING --txn_submit()--> SUBMITTED --apply of its entry--> COMMITTED
 *               |                          |
 *               +--abort, new term---------+--an entry of a newer term--> ABORTED
 *
 * Owns:     its redo, savepoints, locks.  Borrows: waiter (the session's), store.
 * Thread:   one session's at a time; txn_kill() from any.
 * Fails:    40001 after a term change (STATUS_NOT_LEADER), 40P01 deadlock and 55P03 not
 *           available (STATUS_CONFLICT), 57014 cancel (STATUS_CANCELLED), 25006 write in a
 *           read-only one.
 * See:      docs/rules.md 1 to 7, storage/txn/README.md.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/hash.h"
#include "base/wait.h"
#include "proto/entry.h"
#include "storage/ids.h"

struct store;
struct txn;

enum isolation { ISOLATION_READ_COMMITTED, ISOLATION_REPEATABLE_READ };

struct txn_options {
    enum isolation isolation;
    bool read_only;
    struct waiter *waiter; /* borrowed for the transaction's life */
};

enum txn_state { TXN_RUNNING, TXN_SUBMITTED, TXN_COMMITTED, TXN_ABORTED };

/* ---- life, called by sql ---- */
MUST_CHECK enum status txn_begin(struct store *store, const struct txn_options *options,
                                 struct txn **txn_out, struct diag *diag);
/* A new snapshot at the visible CSN: each statement under READ COMMITTED, the first one only
 * under REPEATABLE READ (later calls keep it). ReadIndex, if wanted, comes before. */
void txn_take_snapshot(struct txn *txn);
/* Makes earlier commands of this transaction visible to the next. */
void txn_next_command(struct txn *txn);
/* Checks that a statement may still run: killed by a term change (40001), cancelled. */
MUST_CHECK enum status txn_check(struct txn *txn, struct diag *diag);
enum txn_state txn_state(const struct txn *txn);
bool txn_has_writes(const struct txn *txn);
uint64_t txn_term(const struct txn *txn); /* 0 before the first write or lock */
struct gtid txn_gtid(struct txn *txn);    /* assigns one if need be */
void txn_set_read_only(struct txn *txn, bool read_only);
bool txn_read_only(const struct txn *txn);
struct waiter *txn_waiter(struct txn *txn);
void txn_set_lock_timeout(struct txn *txn, int64_t timeout_ns); /* 0: none */

/* Savepoints nest; numbers rise from 1 in a transaction. */
uint64_t txn_savepoint(struct txn *txn);
void txn_rollback_to(struct txn *txn, uint64_t savepoint); /* it stays, empty */
void txn_release(struct txn *txn, uint64_t savepoint);

/* ---- end ---- */
/* A transaction without writes ends at once. Takes txn. */
void txn_end_read_only(struct txn *txn);
/* Undoes: its versions become dead, locks go, waiters wake. Takes txn. RUNNING only. */
void txn_abort(struct txn *txn);
/* Point of no return: the record to propose, appended to `record_out` (txn_record_encode), and
 * `done` called once its fate is known: on the apply thread, after its effects are visible and
 * its locks gone (COMMITTED), or when a newer term dropped it (ABORTED). STATUS_NOT_LEADER with
 * 40001 when it was killed first; then it is still the caller's to abort. */
typedef void (*txn_done_fn)(void *arg, enum txn_state state, struct csn csn);
MUST_CHECK enum status txn_submit(struct txn *txn, txn_done_fn done, void *arg,
                                  struct buf *record_out, struct diag *diag);
/* After txn_submit() succeeded: the cluster refused the record before logging it (not leader,
 * full): true: the transaction is RUNNING again and must be aborted by the caller; false: a
 * newer term was faster, its `done` was or is being called. */
bool txn_submit_refused(struct txn *txn);
/* Frees a COMMITTED or ABORTED transaction; after `done`. Takes txn. */
void txn_free(struct txn *txn);

/* ---- for heap and btree (storage/ only) ---- */
enum xid_state { XID_RUNNING, XID_COMMITTED, XID_ABORTED };
enum xid_state xid_state(struct store *store, struct xid xid, struct csn *csn_out);
/* RUNNING also covers COMMITTED with a CSN above the visible one (rule 6). */
enum xid_state xid_state_for_writer(struct store *store, struct xid xid, struct csn *csn_out);

/* The xid that new versions carry: of the innermost savepoint; assigned at the first write.
 * Inside the gate: checks term and read-only (rules 1, 3). */
MUST_CHECK enum status txn_write_xid(struct txn *txn, struct xid *xid_out, struct diag *diag);
bool txn_is_mine(const struct txn *txn, struct xid xid); /* its own or a live savepoint's */
uint32_t txn_command_id(const struct txn *txn);
struct csn txn_snapshot_csn(const struct txn *txn);
struct store *txn_store(struct txn *txn);

/* Does the snapshot see a version made by (xmin, command)? And is it gone for it by xmax? */
bool txn_sees(const struct txn *txn, struct xid xid, uint32_t command_id);

/* Outside the gate, no latch: sleeps until xid ended. 40P01, 57014, 55P03 by lock_timeout. */
MUST_CHECK enum status txn_wait_xid(struct txn *txn, struct xid xid, struct diag *diag);

/* Redo, inside the gate, at the change it describes. They also move the transaction's share of
 * the state hash. `old` is the tuple superseded. */
void txn_log_insert(struct txn *txn, struct object_id table, struct row_id row,
                    struct slice tuple);
void txn_log_update(struct txn *txn, struct object_id table, struct row_id row,
                    struct slice old, struct slice tuple);
void txn_log_delete(struct txn *txn, struct object_id table, struct row_id row,
                    struct slice old);
void txn_log_effect(struct txn *txn, const struct effect *effect);
