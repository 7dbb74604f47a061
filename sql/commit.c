/* commit.c: see commit.h. SPDX-License-Identifier: Apache-2.0 */
#include "sql/commit.h"
#include "sql/session_internal.h"

#include <stdlib.h>

struct pending_commit *
commit_new(void)
{
    struct pending_commit *commit = calloc(1, sizeof(*commit));
    ASSERT(commit != NULL);
    list_init(&commit->link);
    mutex_init(&commit->mu, LOCK_RANK_LEAF);
    return commit;
}

void
commit_delete(struct pending_commit *commit)
{
    if (commit != NULL) {
        mutex_deinit(&commit->mu);
        free(commit);
    }
}

/* Apply thread: the log has spoken. */
static void
commit_done(void *arg, enum txn_state state, struct csn csn)
{
    struct pending_commit *commit = arg;
    mutex_lock(&commit->mu);
    ASSERT(commit->fate == COMMIT_PENDING);
    void (*committed)(void *) = commit->committed;
    void *committed_arg = commit->arg;
    struct txn *txn = commit->txn;
    bool left = commit->left;
    commit->csn = csn;
    commit->fate = state == TXN_COMMITTED ? COMMIT_COMMITTED : COMMIT_ABORTED;
    mutex_unlock(&commit->mu);
    if (left) {
        txn_free(txn);
    } else {
        committed(committed_arg);
    }
}

/* Cluster loop: the log never gets it. A newer term may have been faster, and the session
 * through with it: then there is nothing to do. */
static void
commit_refused(void *arg)
{
    struct pending_commit *commit = arg;
    mutex_lock(&commit->mu);
    bool mine = commit->fate == COMMIT_PENDING && txn_submit_refused(commit->txn);
    if (mine) {
        commit->fate = COMMIT_REFUSED;
    }
    bool tell = mine && !commit->left;
    void (*committed)(void *) = commit->committed;
    void *committed_arg = commit->arg;
    struct txn *orphan = mine && commit->left ? commit->txn : NULL;
    mutex_unlock(&commit->mu);
    if (orphan != NULL) {
        txn_abort(orphan);
    }
    if (tell) {
        committed(committed_arg);
    }
}

enum status
commit_start(struct pending_commit *commit, struct sql_engine *engine, struct txn *txn,
             void (*committed)(void *), void *arg, struct diag *diag)
{
    commit->fate = COMMIT_PENDING;
    commit->left = false;
    commit->txn = txn;
    commit->committed = committed;
    commit->arg = arg;
    struct buf record = BUF_EMPTY;
    enum status status = txn_submit(txn, commit_done, commit, &record, diag);
    if (status == STATUS_OK) {
        const struct sql_options *options = &engine->options;
        options->host->propose_commit(options->host_arg, txn_term(txn), buf_slice(&record),
                                      commit_refused, commit);
    }
    buf_deinit(&record);
    return status;
}

enum commit_fate
commit_fate(struct pending_commit *commit, struct csn *csn_out)
{
    mutex_lock(&commit->mu);
    enum commit_fate fate = commit->fate;
    *csn_out = commit->csn;
    mutex_unlock(&commit->mu);
    return fate;
}

static void
give_to_engine(struct pending_commit *commit, struct sql_engine *engine)
{
    mutex_lock(&engine->sessions_mu);
    list_push_back(&engine->left, &commit->link);
    mutex_unlock(&engine->sessions_mu);
}

bool
commit_finish(struct pending_commit *commit, struct sql_engine *engine)
{
    struct csn csn;
    enum commit_fate fate = commit_fate(commit, &csn);
    ASSERT(fate != COMMIT_PENDING);
    if (fate == COMMIT_REFUSED) {
        txn_abort(commit->txn);
    } else {
        txn_free(commit->txn);
    }
    commit->txn = NULL;
    if (fate == COMMIT_COMMITTED) {
        return true;
    }
    give_to_engine(commit, engine);
    return false;
}

bool
commit_leave(struct pending_commit *commit, struct sql_engine *engine)
{
    mutex_lock(&commit->mu);
    bool pending = commit->fate == COMMIT_PENDING;
    commit->left = pending;
    mutex_unlock(&commit->mu);
    if (pending) {
        give_to_engine(commit, engine);
    }
    return pending;
}
