/* session.c: a client's session: its life, its settings, its functions' hooks.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/env.h"
#include "sql/func/func_catalog.h"
#include "sql/func/func_session.h"
#include "sql/session_internal.h"

#include <stdlib.h>

/* The role and the database, looked up in a transaction of their own. */
static enum status
check_login(struct sql_session *session, struct diag *diag)
{
    TRY(session__begin(session, BLOCK_IMPLICIT, diag));
    session->cx.diag = diag;
    session->cx.arena = &session->statement;
    enum status status = session__snapshot(session, diag);
    if (status == STATUS_OK) {
        status = catalog_check_login(&session->cx, session->user, session->database);
    }
    session__abort(session, BLOCK_NONE);
    return status;
}

static void
fill_context(struct sql_session *session)
{
    struct sql_engine *engine = session->engine;
    session->cx = (struct sql_context){
        .engine = engine,
        .session = session,
        .store = engine->options.store,
        .host = engine->options.host,
        .host_arg = engine->options.host_arg,
        .session_hooks = session__hooks(),
        .catalog_hooks = catalog_func_hooks(),
        .arena = &session->statement,
        .rng = &session->rng,
        .user = session->user,
        .database = session->database,
    };
}

enum status
sql_session_open(struct sql_engine *engine, const struct sql_session_options *options,
                 struct sql_session **session_out, struct diag *diag)
{
    *session_out = NULL;
    if (!sql_engine_ready(engine)) {
        return diag_fail(diag, STATUS_AGAIN, SQLSTATE_CANNOT_CONNECT_NOW,
                         "the database system is starting up");
    }
    struct sql_session *session = calloc(1, sizeof(*session));
    if (session == NULL) {
        return diag_fail(diag, STATUS_LIMIT, SQLSTATE_OUT_OF_MEMORY, "out of memory");
    }
    session->engine = engine;
    session->user = strdup(options->user);
    session->database = strdup(options->database);
    ASSERT(session->user != NULL && session->database != NULL);
    session->session_no = options->session_no;
    session->waiter = options->waiter;
    session->committed = options->committed;
    session->submitting = options->submitting;
    session->terminate = options->terminate;
    session->node_arg = options->arg;
    session->client = options->client;
    session->server = options->server;
    arena_init(&session->statement);
    arena_init(&session->txn_arena);
    list_init(&session->texts);
    list_init(&session->names);
    list_init(&session->portals);
    rng_seed(&session->rng, engine->options.env->seed ^ hash_word(options->session_no + 1) ^
                                (uint64_t)clock_wall_us(engine->options.env->clock));
    const struct sql_host *host = engine->options.host;
    struct settings_facts facts = {
        .server_version = host->server_version == NULL
                              ? "15.0"
                              : host->server_version(engine->options.host_arg),
        .cluster_name = engine->options.cluster_name,
        .user = session->user,
        .max_connections = engine->options.max_connections,
        .port = options->server.port,
    };
    settings_init(&session->settings, &facts);
    fill_context(session);
    mutex_lock(&engine->sessions_mu);
    list_push_back(&engine->sessions, &session->link);
    mutex_unlock(&engine->sessions_mu);
    enum status status = check_login(session, diag);
    if (status != STATUS_OK) {
        sql_session_close(session);
        return status;
    }
    *session_out = session;
    return STATUS_OK;
}

void
sql_session_close(struct sql_session *session)
{
    if (session == NULL) {
        return;
    }
    ASSERT(session->commit == NULL);
    mutex_lock(&session->engine->sessions_mu);
    list_remove(&session->link);
    mutex_unlock(&session->engine->sessions_mu);
    sql_script_close(&session->script);
    session__abort(session, BLOCK_NONE);
    portal__free_spare(session);
    prepared__close_all(session);
    prepared__drop_texts(session);
    catalog_unref(session->cx.catalog);
    settings_deinit(&session->settings);
    arena_deinit(&session->statement);
    arena_deinit(&session->txn_arena);
    commit_delete(session->spare_commit);
    free(session->sequences);
    free(session->user);
    free(session->database);
    free(session);
}

void
sql_session_cancel(struct sql_session *session)
{
    waiter_cancel(session->waiter);
}

enum sql_txn_status
sql_txn_status(const struct sql_session *session)
{
    switch (session->block) {
    case BLOCK_OPEN:
        return SQL_TXN_BLOCK;
    case BLOCK_FAILED:
        return SQL_TXN_FAILED;
    default:
        return SQL_TXN_IDLE;
    }
}

static bool
hook_in_recovery(struct sql_context *cx)
{
    return cx->host->is_primary != NULL && !cx->host->is_primary(cx->host_arg);
}

const struct settings *
session__settings(struct sql_session *session)
{
    struct settings_now *now = &session->settings.now;
    *now = (struct settings_now){.in_hot_standby = hook_in_recovery(&session->cx)};
    if (session->txn != NULL) {
        now->isolation = session->repeatable_read ? "repeatable read" : "read committed";
        now->read_only = txn_read_only(session->txn) ? "on" : "off";
    }
    return &session->settings;
}

const char *
sql_setting(struct sql_session *session, const char *name)
{
    return settings_get(session__settings(session), name);
}

enum status
sql_set(struct sql_session *session, const char *name, const char *value, struct diag *diag)
{
    return settings_set_startup(&session->settings, name, value, diag);
}

void
sql_each_startup_setting(const struct sql_session *session,
                         void (*each)(void *arg, const char *name, const char *value),
                         void *arg)
{
    settings_each_startup(&session->settings, each, arg);
}

int64_t
sql_statement_timeout_ns(const struct sql_session *session)
{
    return session->settings.statement_timeout_ns;
}

int64_t
sql_idle_in_transaction_timeout_ns(const struct sql_session *session)
{
    return session->settings.idle_in_transaction_timeout_ns;
}

uint64_t
sql_last_commit_index(const struct sql_session *session)
{
    return session->last_commit_index;
}

/* ---- hooks of functions ---- */
static struct sequence_seen *
find_sequence(struct sql_session *session, uint32_t sequence)
{
    for (unsigned i = 0; i < session->sequence_count; i++) {
        if (session->sequences[i].sequence == sequence) {
            return &session->sequences[i];
        }
    }
    return NULL;
}

static void
note_sequence(struct sql_context *cx, uint32_t sequence, int64_t value)
{
    struct sql_session *session = cx->session;
    struct sequence_seen *seen = find_sequence(session, sequence);
    if (seen == NULL) {
        if (session->sequence_count == session->sequence_capacity) {
            session->sequence_capacity = session->sequence_capacity * 2 + 4;
            session->sequences = realloc(session->sequences, session->sequence_capacity *
                                                                 sizeof(*session->sequences));
            ASSERT(session->sequences != NULL);
        }
        seen = &session->sequences[session->sequence_count++];
        seen->sequence = sequence;
    }
    seen->value = value;
    session->last_sequence = sequence;
}

static bool
current_of_sequence(struct sql_context *cx, uint32_t sequence, int64_t *value_out)
{
    const struct sequence_seen *seen = find_sequence(cx->session, sequence);
    if (seen != NULL) {
        *value_out = seen->value;
    }
    return seen != NULL;
}

static bool
last_of_sequences(struct sql_context *cx, uint32_t *sequence_out, int64_t *value_out)
{
    *sequence_out = cx->session->last_sequence;
    return *sequence_out != 0 && current_of_sequence(cx, *sequence_out, value_out);
}

static int64_t
hook_now_us(struct sql_context *cx)
{
    return clock_wall_us(cx->engine->options.env->clock) - EPOCH_2000_US;
}

static uint64_t
hook_session_no(struct sql_context *cx)
{
    return cx->session->session_no;
}

static const char *
hook_setting(struct sql_context *cx, const char *name)
{
    return sql_setting(cx->session, name);
}

static enum status
hook_set_setting(struct sql_context *cx, const char *name, const char *value, bool is_local)
{
    const char *reported;
    return settings_set(&cx->session->settings, name, value, is_local, true, &reported,
                        cx->diag);
}

static const char *
hook_current_schema(struct sql_context *cx)
{
    UNUSED(cx);
    return "public";
}

/* The mutex keeps the session, and so its connection, from going away meanwhile. */
static bool
interrupt(struct sql_session *session, bool terminates)
{
    if (!terminates) {
        waiter_cancel(session->waiter);
        return true;
    }
    if (session->terminate == NULL) {
        return false;
    }
    waiter_cancel_for(session->waiter, CANCEL_SHUTDOWN);
    session->terminate(session->node_arg);
    return true;
}

static bool
hook_interrupt(struct sql_context *cx, uint64_t session_no, bool terminates)
{
    struct sql_engine *engine = cx->engine;
    bool found = false;
    mutex_lock(&engine->sessions_mu);
    LIST_EACH(it, &engine->sessions)
    {
        struct sql_session *session = LIST_ITEM(it, struct sql_session, link);
        if (session->session_no == session_no) {
            found = interrupt(session, terminates);
        }
    }
    mutex_unlock(&engine->sessions_mu);
    return found;
}

static enum status
hook_sleep(struct sql_context *cx, int64_t duration_ns)
{
    struct waiter *waiter = cx->session->waiter;
    int64_t end_ns = clock_monotonic_ns(cx->engine->options.env->clock) + duration_ns;
    waiter_arm(waiter);
    enum status status;
    do {
        status = waiter_wait(waiter, end_ns);
        waiter_arm(waiter);
    } while (status == STATUS_OK); /* woken for something else */
    if (status == STATUS_CANCELLED) {
        return waiter_report_cancel(waiter, cx->diag);
    }
    return status == STATUS_TIMEOUT ? STATUS_OK : status;
}

static const struct sql_end *
hook_end(struct sql_context *cx, bool is_server)
{
    const struct sql_end *end = is_server ? &cx->session->server : &cx->session->client;
    return end->host[0] == '\0' ? NULL : end;
}

const struct func_session_hooks *
session__hooks(void)
{
    static const struct func_session_hooks hooks = {
        .sequence_note = note_sequence,
        .sequence_current = current_of_sequence,
        .sequence_last = last_of_sequences,
        .now_us = hook_now_us,
        .session_no = hook_session_no,
        .setting = hook_setting,
        .set_setting = hook_set_setting,
        .current_schema = hook_current_schema,
        .in_recovery = hook_in_recovery,
        .interrupt = hook_interrupt,
        .sleep = hook_sleep,
        .end = hook_end,
    };
    return &hooks;
}
