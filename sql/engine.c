/* engine.c: what sessions share, and the cluster's first transaction.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/env.h"
#include "base/lock.h"
#include "sql/session_internal.h"

#include <stdlib.h>

#define PG_CLASS_ID 1259 /* builtin.def */

static enum status
settings_rows(struct sql_context *cx, struct view_rows *rows)
{
    settings_view(session__settings(cx->session), rows);
    return STATUS_OK;
}

enum status
sql_engine_open(const struct sql_options *options, struct sql_engine **engine_out,
                struct diag *diag)
{
    *engine_out = NULL;
    struct sql_engine *engine = calloc(1, sizeof(*engine));
    if (engine == NULL) {
        return diag_fail(diag, STATUS_LIMIT, SQLSTATE_OUT_OF_MEMORY, "out of memory");
    }
    engine->options = *options;
    enum status status =
        catalogs_open(options->host, options->host_arg, &engine->catalogs, diag);
    if (status != STATUS_OK) {
        free(engine);
        return status;
    }
    catalogs_set_settings(engine->catalogs, settings_rows);
    mutex_init(&engine->sessions_mu, LOCK_RANK_SESSIONS);
    list_init(&engine->sessions);
    list_init(&engine->left);
    *engine_out = engine;
    return STATUS_OK;
}

void
sql_engine_close(struct sql_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    ASSERT(list_empty(&engine->sessions));
    LIST_EACH(it, &engine->left)
    {
        commit_delete(LIST_ITEM(it, struct pending_commit, link));
    }
    catalogs_close(engine->catalogs);
    mutex_deinit(&engine->sessions_mu);
    free(engine);
}

bool
sql_engine_ready(struct sql_engine *engine)
{
    if (atomic_load_explicit(&engine->ready, memory_order_acquire)) {
        return true;
    }
    /* The bootstrap makes all catalogs in one transaction: one of them tells for all. */
    struct object_size size;
    struct diag ignored;
    diag_clear(&ignored);
    struct object_id pg_class = {PG_CLASS_ID};
    bool ready = store_catalog_csn(engine->options.store) != 0 &&
                 object_size(engine->options.store, pg_class, &size, &ignored) == STATUS_OK;
    if (ready) {
        atomic_store_explicit(&engine->ready, true, memory_order_release);
    }
    return ready;
}

static void
wake_waiter(void *arg)
{
    waiter_wake(arg);
}

/* Submits and waits on this thread; the only commit of sql that does. Takes txn. */
static enum status
commit_and_wait(struct sql_engine *engine, struct txn *txn, struct waiter *waiter,
                struct diag *diag)
{
    struct pending_commit *commit = commit_new();
    waiter_arm(waiter);
    enum status status = commit_start(commit, engine, txn, wake_waiter, waiter, diag);
    if (status != STATUS_OK) {
        commit_delete(commit);
        txn_abort(txn);
        return status;
    }
    struct csn csn;
    enum commit_fate fate;
    while ((fate = commit_fate(commit, &csn)) == COMMIT_PENDING) {
        if (waiter_wait(waiter, WAIT_FOREVER) != STATUS_OK) {
            waiter_reset_cancel(waiter); /* the log alone decides now */
        }
    }
    if (commit_finish(commit, engine)) {
        commit_delete(commit);
    }
    return fate == COMMIT_COMMITTED
               ? STATUS_OK
               : diag_fail(diag, STATUS_NOT_LEADER, SQLSTATE_SERIALIZATION_FAILURE,
                           "the transaction was not committed: the primary changed");
}

enum status
sql_engine_bootstrap(struct sql_engine *engine, struct waiter *waiter, struct diag *diag)
{
    if (sql_engine_ready(engine)) {
        return STATUS_OK;
    }
    struct txn *txn = NULL;
    struct txn_options options = {.isolation = ISOLATION_READ_COMMITTED, .waiter = waiter};
    TRY(txn_begin(engine->options.store, &options, &txn, diag));
    txn_take_snapshot(txn);
    struct arena arena;
    arena_init(&arena);
    struct sql_context cx = {
        .engine = engine,
        .store = engine->options.store,
        .host = engine->options.host,
        .host_arg = engine->options.host_arg,
        .catalog = catalogs_private(engine->catalogs, NULL),
        .txn = txn,
        .arena = &arena,
        .diag = diag,
        .user = "postgres",
        .database = "postgres",
    };
    enum status status = catalog_bootstrap(&cx);
    catalog_unref(cx.catalog);
    arena_deinit(&arena);
    if (status != STATUS_OK) {
        txn_abort(txn);
        diag_while(diag, "creating the catalogs");
        return status;
    }
    return commit_and_wait(engine, txn, waiter, diag);
}
