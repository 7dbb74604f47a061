/* lab.h: stores driven by a log in memory, for the tests of this folder.
 *
 * A `lab_log` stands for the agreed log of a cluster; a `lab` is one node on it. Commits go to
 * the log and, unless the node is held, are applied to it by the committing thread under one
 * mutex (which stands for the apply thread). Disk is a sim_vfs: lab_crash() loses power.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/lib/unit.h"

#include "base/clock.h"
#include "base/env.h"
#include "base/vfs.h"
#include "storage/store.h"
#include "storage/store_internal.h"
#include "storage/txn/locks.h"
#include "tests/lib/sim_vfs.h"

#define LAB_TABLE ((struct object_id){20000})

struct lab_entry {
    struct buf bytes;
    uint64_t term;
};

struct lab_log {
    struct lab_entry *entries; /* entries[0] has index 1 */
    size_t count, capacity;
    uint64_t term;
    pthread_mutex_t mu; /* not a ranked mutex: apply runs under it */
};

struct lab {
    struct lab_log *log;
    struct sim_vfs *disk;
    struct env env;
    struct store *store;
    uint64_t origin, incarnation;
    bool held;            /* entries pile up in the log and are not applied here */
    struct waiter waiter; /* for single-threaded tests */
    struct diag diag;
};

struct lab_log *lab_log_new(void);
void lab_log_delete(struct lab_log *log);
/* Appends an entry of the log's term; returns its index. */
uint64_t lab_log_append(struct lab_log *log, enum entry_kind kind, struct slice payload);

/* A node with an empty disk. Leads the log's term when `primary`. */
void lab_init(struct lab *lab, struct lab_log *log, uint64_t origin, bool primary);
void lab_deinit(struct lab *lab);
/* Applies what the log has and this node has not; all of it up to `index` (0: everything). */
void lab_catch_up(struct lab *lab, uint64_t index);
/* A new term begins: TERM_START is appended; nobody leads it yet. */
void lab_log_new_term(struct lab_log *log);
void lab_lead(struct lab *lab); /* catches up and admits writers */
/* Power loss and restart: a new incarnation on what the disk kept; catches up. */
void lab_crash(struct lab *lab);
void lab_checkpoint(struct lab *lab);
struct hash128 lab_hash(struct lab *lab);
void lab_same_state(struct lab *a, struct lab *b);

/* ---- transactions on the lab's own waiter or another ---- */
struct txn *lab_begin(struct lab *lab);
struct txn *lab_begin_as(struct lab *lab, enum isolation isolation, struct waiter *waiter);
/* Submits, appends, applies unless held. Frees txn unless held. */
void lab_commit(struct lab *lab, struct txn *txn);
/* What `done` said last for transactions committed while held. */
struct lab_fate {
    enum txn_state state;
    struct csn csn;
    unsigned calls;
};
void lab_submit(struct lab *lab, struct txn *txn, struct lab_fate *fate);

void lab_create_table(struct lab *lab);
struct row_id lab_insert(struct lab *lab, struct txn *txn, int64_t key, const char *text);
enum row_outcome lab_update(struct lab *lab, struct txn *txn, struct row_id row, int64_t key,
                            const char *text);
enum row_outcome lab_delete(struct lab *lab, struct txn *txn, struct row_id row);
/* The key of the row as txn sees it; -1: not there. */
int64_t lab_read(struct lab *lab, struct txn *txn, struct row_id row);
/* Rows that a scan sees. */
unsigned lab_count(struct lab *lab, struct txn *txn);
unsigned lab_count_now(struct lab *lab);

/* ---- for cmocka: a node that leads and has LAB_TABLE, alone or with a follower ---- */
struct lab_pair {
    struct lab_log *log;
    struct lab primary, follower; /* the follower has applied nothing yet */
    bool has_follower;
};
int lab_pair_setup(void **state);
int lab_pair_setup_alone(void **state);
int lab_pair_teardown(void **state);
