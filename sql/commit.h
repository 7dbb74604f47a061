/* commit.h: a transaction on its way through the log, known to three threads.
 *
 * Promises: `committed` is called once, when the fate is known. The apply thread (done) and the
 *           cluster loop (refused) may come in any order, also after the session is through
 *           with it: after COMMITTED nobody comes any more; after anything else the memory
 *           stays with the engine until it closes.
 * Picture:
 *
 *   PENDING --done--> COMMITTED | ABORTED      the session frees the transaction
 *      |  \--refused--> REFUSED                the session aborts it
 *      +--commit_leave()--> LEFT               the apply thread frees it
 *
 * Thread:   start, state, finish, leave: the session's.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/list.h"
#include "base/lock.h"
#include "sql/sql.h"

enum commit_fate { COMMIT_PENDING, COMMIT_COMMITTED, COMMIT_ABORTED, COMMIT_REFUSED };

struct pending_commit {
    struct list link; /* in engine->left, once it may be met by a late call */
    struct mutex mu;  /* rank LEAF; below it: fate, csn, left */
    enum commit_fate fate;
    struct csn csn;
    bool left;
    struct txn *txn;
    void (*committed)(void *arg);
    void *arg;
};

struct pending_commit *commit_new(void);
void commit_delete(struct pending_commit *commit); /* NULL is fine */
/* Submits and proposes. On failure the transaction is still the caller's to abort. */
MUST_CHECK enum status commit_start(struct pending_commit *commit, struct sql_engine *engine,
                                    struct txn *txn, void (*committed)(void *), void *arg,
                                    struct diag *diag);
enum commit_fate commit_fate(struct pending_commit *commit, struct csn *csn_out);
/* The fate is known: ends the transaction. True: the commit may be used again; false: it is the
 * engine's now. */
bool commit_finish(struct pending_commit *commit, struct sql_engine *engine);
/* The session goes on without knowing. False: the fate has just become known. The commit is the
 * engine's afterwards. */
bool commit_leave(struct pending_commit *commit, struct sql_engine *engine);
