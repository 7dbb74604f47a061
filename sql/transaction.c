/* transaction.c: blocks of transactions as PostgreSQL has them; snapshots; commits.
 *
 *   NONE --statement--> IMPLICIT --end of message--> commit
 *     |                    | BEGIN
 *     +------BEGIN-------> OPEN --error--> FAILED --ROLLBACK, COMMIT--> NONE
 *                           ^----ROLLBACK TO-----+
 *
 * The catalog that goes with a snapshot: the catalog CSN is published before the visible one,
 * so that no snapshot sees a change which a catalog CSN read after it does not tell of. If that
 * CSN is not above the snapshot, its shared generation shows what the snapshot shows. Otherwise
 * a private one is read with the snapshot itself.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/env.h"
#include "sql/session_internal.h"

#include <stdio.h>

#define CATALOG_UNSEEN UINT64_MAX /* no catalog CSN: the next look finds another one */
#define SNAPSHOT_ATTEMPTS 3u

/* client_min_messages: errors are always told. */
static bool
wants_notice(const struct sql_session *session, const char *severity)
{
    const char *least = settings_get(&session->settings, "client_min_messages");
    bool only_errors = strcmp(least, "error") == 0;
    return !only_errors && (strcmp(severity, "NOTICE") != 0 || strcmp(least, "warning") != 0);
}

void
session__notice(struct sql_session *session, struct sql_sink *sink, const char *severity,
                const char *sqlstate, const char *format, ...)
{
    if (sink == NULL || sink->notice == NULL || !wants_notice(session, severity)) {
        return;
    }
    struct diag diag;
    diag_clear(&diag);
    char text[DIAG_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    diag_fail(&diag, STATUS_INVALID, sqlstate, "%s", text);
    sink->notice(sink, severity, &diag);
}

static int64_t
now_us(struct sql_session *session)
{
    return clock_wall_us(session->engine->options.env->clock) - EPOCH_2000_US;
}

enum status
session__begin(struct sql_session *session, enum block block, struct diag *diag)
{
    ASSERT(session->txn == NULL);
    ASSERT(session->block == BLOCK_NONE);
    session->repeatable_read = session->settings.repeatable_read;
    struct txn_options options = {
        .isolation =
            session->repeatable_read ? ISOLATION_REPEATABLE_READ : ISOLATION_READ_COMMITTED,
        .read_only = session->settings.read_only,
        .waiter = session->waiter,
    };
    TRY(txn_begin(session->cx.store, &options, &session->txn, diag));
    txn_set_lock_timeout(session->txn, session->settings.lock_timeout_ns);
    session->block = block;
    session->snapshot_taken = false;
    session->cx.txn = session->txn;
    session->cx.txn_start_us = now_us(session);
    session->cx.statement_start_us = session->cx.txn_start_us;
    return STATUS_OK;
}

static void
set_catalog(struct sql_session *session, struct catalog *catalog)
{
    catalog_unref(session->cx.catalog);
    session->cx.catalog = catalog;
}

/* Definitions as the snapshot sees them. A snapshot taken between the two publications (above)
 * has not seen the newest change: what is loaded by it must not pass for the definitions of
 * that catalog CSN, neither in the shared cache nor at the session's next statement. */
static void
choose_catalog(struct sql_session *session)
{
    uint64_t newest = store_catalog_csn(session->cx.store);
    bool old = txn_snapshot_csn(session->txn).v < newest;
    uint64_t seen_before = session->catalog_seen;
    struct catalog *catalog = session->cx.catalog;
    session->catalog_seen = old ? CATALOG_UNSEEN : newest;
    if (catalog != NULL && catalog_is_private(catalog) && txn_has_writes(session->txn)) {
        if (seen_before != newest) { /* others changed definitions meanwhile */
            catalog_touch(&session->cx);
        }
    } else if (old) {
        set_catalog(session, catalogs_private(session->engine->catalogs, NULL));
    } else if (catalog == NULL || catalog_is_private(catalog) ||
               catalog_csn(catalog).v != newest) {
        set_catalog(session, catalogs_at(session->engine->catalogs, (struct csn){newest}));
    }
}

enum status
session__snapshot(struct sql_session *session, struct diag *diag)
{
    ASSERT(session->txn != NULL);
    if (session->snapshot_taken) {
        TRY(portal__store_all(session, diag));
        txn_next_command(session->txn);
        if (session->repeatable_read) {
            txn_take_snapshot(session->txn);
            return STATUS_OK;
        }
    }
    unsigned attempts_left = SNAPSHOT_ATTEMPTS; /* the visible CSN follows at once */
    do {
        txn_take_snapshot(session->txn);
    } while (txn_snapshot_csn(session->txn).v < store_catalog_csn(session->cx.store) &&
             --attempts_left > 0);
    session->snapshot_taken = true;
    choose_catalog(session);
    return STATUS_OK;
}

enum status
session__refresh_latest(struct sql_session *session, struct diag *diag)
{
    return session__snapshot(session, diag);
}

/* The transaction is over, one way or the other. */
static void
forget_transaction(struct sql_session *session, enum block block_after)
{
    session->txn = NULL;
    session->cx.txn = NULL;
    session->block = block_after;
    session->snapshot_taken = false;
    session->savepoints = NULL;
    arena_reset(&session->txn_arena);
    if (session->cx.catalog != NULL && catalog_is_private(session->cx.catalog)) {
        set_catalog(session, NULL);
    }
}

void
session__abort(struct sql_session *session, enum block block_after)
{
    portal__close_all(session);
    if (session->txn != NULL) {
        txn_abort(session->txn);
    }
    settings_rollback(&session->settings, 0);
    forget_transaction(session, block_after);
}

void
session__fail(struct sql_session *session)
{
    switch (session->block) {
    case BLOCK_NONE:
    case BLOCK_FAILED:
        return;
    case BLOCK_IMPLICIT:
        session__abort(session, BLOCK_NONE);
        return;
    case BLOCK_OPEN:
        if (session->savepoints == NULL) {
            session__abort(session, BLOCK_FAILED);
            return;
        }
        /* An outer savepoint may still be gone back to: the inner part alone is undone. */
        portal__close_all(session);
        txn_rollback_to(session->txn, session->savepoints->number);
        session->block = BLOCK_FAILED;
        return;
    }
}

void
sql_fail(struct sql_session *session)
{
    session__fail(session);
}

void
sql_enter_failed_block(struct sql_session *session)
{
    ASSERT(session->block == BLOCK_NONE);
    ASSERT(session->txn == NULL);
    session->block = BLOCK_FAILED;
}

static enum sql_state
start_next_of_chain(struct sql_session *session, struct diag *diag)
{
    if (!session->chain) {
        return SQL_DONE;
    }
    session->chain = false;
    if (session__begin(session, BLOCK_OPEN, diag) != STATUS_OK) {
        return SQL_FAILED;
    }
    session->repeatable_read = session->chain_isolation == ISOLATION_REPEATABLE_READ;
    txn_set_read_only(session->txn, session->chain_read_only);
    return SQL_DONE;
}

enum sql_state
session__commit(struct sql_session *session, const char *tag, struct diag *diag)
{
    ASSERT(session->txn != NULL);
    ASSERT(session->commit == NULL);
    portal__close_all(session);
    struct txn *txn = session->txn;
    if (!txn_has_writes(txn)) {
        txn_end_read_only(txn);
        settings_commit(&session->settings);
        forget_transaction(session, BLOCK_NONE);
        return start_next_of_chain(session, diag);
    }
    if (session->spare_commit == NULL) {
        session->spare_commit = commit_new();
    }
    snprintf(session->commit_tag, sizeof(session->commit_tag), "%s", tag);
    session->commit = session->spare_commit;
    session->spare_commit = NULL;
    session->commit->txn = txn;
    if (session->submitting != NULL) {
        session->submitting(session->node_arg);
    }
    if (commit_start(session->commit, session->engine, txn, session->committed,
                     session->node_arg, diag) != STATUS_OK) {
        session->spare_commit = session->commit;
        session->commit = NULL;
        session__abort(session, BLOCK_NONE);
        return SQL_FAILED;
    }
    return SQL_COMMITTING;
}

void
sql_gtid(struct sql_session *session, char text_out[GTID_TEXT_MAX])
{
    ASSERT(session->commit != NULL);
    gtid_format(txn_gtid(session->commit->txn), text_out);
}

bool
sql_commit_give_up(struct sql_session *session)
{
    struct pending_commit *commit = session->commit;
    ASSERT(commit != NULL);
    struct gtid gtid = txn_gtid(commit->txn);
    if (!commit_leave(commit, session->engine)) {
        return false;
    }
    session->commit = NULL;
    session->doubt = gtid;
    return true;
}

/* The log has not said yet and the session would not wait longer. */
static void
report_doubt(struct sql_session *session, struct sql_result *result)
{
    char text[GTID_TEXT_MAX];
    gtid_format(session->doubt, text);
    session->doubt = (struct gtid){0};
    result->state = SQL_FAILED;
    diag_fail(&result->diag, STATUS_OUTCOME_UNKNOWN, SQLSTATE_TRANSACTION_RESOLUTION_UNKNOWN,
              "the outcome of the transaction is not known yet");
    diag_detail(&result->diag, "Transaction %s was submitted; it may be committed later.",
                text);
    diag_hint(&result->diag, "Ask rustydb_transaction_status('%s') on any node.", text);
}

static void
finish_known(struct sql_session *session, struct pending_commit *commit,
             struct sql_result *result)
{
    struct csn csn;
    if (commit_fate(commit, &csn) == COMMIT_COMMITTED) {
        session->last_commit_index = csn.v;
    } else {
        result->state = SQL_FAILED;
        diag_fail(&result->diag, STATUS_NOT_LEADER, SQLSTATE_SERIALIZATION_FAILURE,
                  "could not commit: the primary changed before the transaction was agreed");
    }
    if (commit_finish(commit, session->engine)) {
        session->spare_commit = commit;
    }
}

void
sql_commit_finish(struct sql_session *session, struct sql_sink *sink, struct sql_result *result)
{
    UNUSED(sink);
    struct pending_commit *commit = session->commit;
    session->commit = NULL;
    diag_clear(&result->diag);
    result->empty_query = false;
    result->state = SQL_DONE;
    snprintf(result->tag, sizeof(result->tag), "%s", session->commit_tag);
    if (commit == NULL) {
        ASSERT(session->doubt.number != 0);
        report_doubt(session, result);
    } else {
        finish_known(session, commit, result);
    }
    if (result->state == SQL_DONE) {
        settings_commit(&session->settings);
    } else {
        settings_rollback(&session->settings, 0);
    }
    forget_transaction(session, BLOCK_NONE);
    if (result->state == SQL_DONE) {
        result->state = start_next_of_chain(session, &result->diag);
    }
    session->chain = false;
}

bool
session__in_block(const struct sql_session *session)
{
    const struct sql_script *script = &session->script;
    return session->block == BLOCK_OPEN ||
           (session->block == BLOCK_IMPLICIT && script->open && script->prepared->count > 1);
}

enum status
session__forbid_block(struct sql_session *session, const char *what, struct diag *diag)
{
    if (session__in_block(session)) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_ACTIVE_SQL_TRANSACTION,
                         "%s cannot run inside a transaction block", what);
    }
    return STATUS_OK;
}

enum status
session__set_modes(struct sql_session *session, const struct ast_transaction_modes *modes,
                   struct diag *diag)
{
    if (modes->isolation == AST_ISOLATION_SERIALIZABLE) {
        return diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "isolation level SERIALIZABLE is not supported");
    }
    bool repeatable_read = modes->isolation == AST_ISOLATION_REPEATABLE_READ;
    if (modes->isolation != AST_ISOLATION_DEFAULT &&
        repeatable_read != session->repeatable_read) {
        if (session->snapshot_taken || txn_has_writes(session->txn)) {
            return diag_fail(diag, STATUS_INVALID, SQLSTATE_ACTIVE_SQL_TRANSACTION,
                             "SET TRANSACTION ISOLATION LEVEL must be called before any query");
        }
        /* No snapshot and no write yet: the transaction is begun anew at the other level. */
        bool read_only = txn_read_only(session->txn);
        struct txn_options options = {
            .isolation = repeatable_read ? ISOLATION_REPEATABLE_READ : ISOLATION_READ_COMMITTED,
            .read_only = read_only,
            .waiter = session->waiter,
        };
        struct txn *txn = NULL;
        TRY(txn_begin(session->cx.store, &options, &txn, diag));
        txn_end_read_only(session->txn);
        session->txn = session->cx.txn = txn;
        session->repeatable_read = repeatable_read;
        txn_set_lock_timeout(txn, session->settings.lock_timeout_ns);
    }
    if (modes->read_only == AST_CHOICE_NO && txn_read_only(session->txn) &&
        session->snapshot_taken) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_ACTIVE_SQL_TRANSACTION,
                         "transaction read-write mode must be set before any query");
    }
    if (modes->read_only != AST_CHOICE_DEFAULT) {
        txn_set_read_only(session->txn, modes->read_only == AST_CHOICE_YES);
    }
    return STATUS_OK;
}

static void
run_begin(struct sql_session *session, const struct ast_transaction *statement,
          struct sql_sink *sink, struct sql_result *result)
{
    if (session->block == BLOCK_OPEN) {
        session__notice(session, sink, "WARNING", SQLSTATE_ACTIVE_SQL_TRANSACTION,
                        "there is already a transaction in progress");
    } else if (session->block == BLOCK_IMPLICIT) {
        session->block = BLOCK_OPEN;
    } else if (session__begin(session, BLOCK_OPEN, &result->diag) != STATUS_OK) {
        result->state = SQL_FAILED;
        return;
    }
    if (session__set_modes(session, &statement->modes, &result->diag) != STATUS_OK) {
        result->state = SQL_FAILED;
        session__fail(session);
    }
}

static void
note_chain(struct sql_session *session, bool chain)
{
    session->chain = chain;
    if (chain) {
        session->chain_isolation =
            session->repeatable_read ? ISOLATION_REPEATABLE_READ : ISOLATION_READ_COMMITTED;
        session->chain_read_only = session->txn != NULL && txn_read_only(session->txn);
    }
}

static void
run_end(struct sql_session *session, const struct ast_transaction *statement,
        struct sql_sink *sink, struct sql_result *result)
{
    bool commits = statement->kind == AST_TXN_COMMIT;
    const char *tag = commits && session->block != BLOCK_FAILED ? "COMMIT" : "ROLLBACK";
    snprintf(result->tag, sizeof(result->tag), "%s", tag);
    if (session->block == BLOCK_NONE || session->block == BLOCK_IMPLICIT) {
        if (statement->chain) {
            result->state = SQL_FAILED;
            diag_fail(&result->diag, STATUS_INVALID, SQLSTATE_NO_ACTIVE_SQL_TRANSACTION,
                      "%s AND CHAIN can only be used in transaction blocks", tag);
            session__fail(session);
            return;
        }
        session__notice(session, sink, "WARNING", SQLSTATE_NO_ACTIVE_SQL_TRANSACTION,
                        "there is no transaction in progress");
        if (session->block == BLOCK_NONE) {
            return;
        }
    }
    note_chain(session, statement->chain);
    if (commits && session->block != BLOCK_FAILED) {
        result->state = session__commit(session, tag, &result->diag);
        return;
    }
    session__abort(session, BLOCK_NONE);
    result->state = start_next_of_chain(session, &result->diag);
}

static struct savepoint *
find_savepoint(struct sql_session *session, const char *name)
{
    struct savepoint *savepoint = session->savepoints;
    while (savepoint != NULL && strcmp(savepoint->name, name) != 0) {
        savepoint = savepoint->outer;
    }
    return savepoint;
}

static void
run_savepoint(struct sql_session *session, const struct ast_transaction *statement,
              struct sql_result *result)
{
    if (statement->kind == AST_TXN_SAVEPOINT) {
        if (portal__store_all(session, &result->diag) != STATUS_OK) {
            result->state = SQL_FAILED;
            session__fail(session);
            return;
        }
        struct savepoint *savepoint = arena_new(&session->txn_arena, struct savepoint);
        savepoint->outer = session->savepoints;
        savepoint->name = arena_strdup(&session->txn_arena, statement->savepoint);
        savepoint->settings_mark = settings_mark(&session->settings);
        if (session->snapshot_taken) {
            txn_next_command(session->txn);
        }
        savepoint->number = txn_savepoint(session->txn);
        session->savepoints = savepoint;
        return;
    }
    struct savepoint *savepoint = find_savepoint(session, statement->savepoint);
    if (savepoint == NULL) {
        result->state = SQL_FAILED;
        diag_fail(&result->diag, STATUS_NOT_FOUND, SQLSTATE_INVALID_SAVEPOINT_SPECIFICATION,
                  "savepoint \"%s\" does not exist", statement->savepoint);
        session__fail(session);
        return;
    }
    if (statement->kind == AST_TXN_RELEASE) {
        txn_release(session->txn, savepoint->number);
        session->savepoints = savepoint->outer;
        return;
    }
    portal__close_all(session);
    txn_rollback_to(session->txn, savepoint->number);
    settings_rollback(&session->settings, savepoint->settings_mark);
    session->savepoints = savepoint;
    session->block = BLOCK_OPEN;
    if (session->cx.catalog != NULL && catalog_is_private(session->cx.catalog)) {
        catalog_touch(&session->cx); /* definitions made since are gone */
    }
}

void
session__run_transaction(struct sql_session *session, const struct ast_transaction *statement,
                         struct sql_sink *sink, struct sql_result *result)
{
    static const char *const tags[] = {
        [AST_TXN_BEGIN] = "BEGIN",         [AST_TXN_START] = "START TRANSACTION",
        [AST_TXN_COMMIT] = "COMMIT",       [AST_TXN_ROLLBACK] = "ROLLBACK",
        [AST_TXN_SAVEPOINT] = "SAVEPOINT", [AST_TXN_RELEASE] = "RELEASE",
        [AST_TXN_ROLLBACK_TO] = "ROLLBACK"};
    static const char *const names[] = {[AST_TXN_SAVEPOINT] = "SAVEPOINT",
                                        [AST_TXN_RELEASE] = "RELEASE SAVEPOINT",
                                        [AST_TXN_ROLLBACK_TO] = "ROLLBACK TO SAVEPOINT"};
    result->state = SQL_DONE;
    snprintf(result->tag, sizeof(result->tag), "%s", tags[statement->kind]);
    switch (statement->kind) {
    case AST_TXN_BEGIN:
    case AST_TXN_START:
        run_begin(session, statement, sink, result);
        return;
    case AST_TXN_COMMIT:
    case AST_TXN_ROLLBACK:
        run_end(session, statement, sink, result);
        return;
    case AST_TXN_SAVEPOINT:
    case AST_TXN_RELEASE:
    case AST_TXN_ROLLBACK_TO:
        if (session->block == BLOCK_NONE || session->block == BLOCK_IMPLICIT) {
            result->state = SQL_FAILED;
            diag_fail(&result->diag, STATUS_INVALID, SQLSTATE_NO_ACTIVE_SQL_TRANSACTION,
                      "%s can only be used in transaction blocks", names[statement->kind]);
            session__fail(session);
            return;
        }
        run_savepoint(session, statement, result);
        return;
    }
}
