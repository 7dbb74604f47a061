/* script.c: texts of the simple protocol: statement after statement in one implicit
 * transaction.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/session_internal.h"

enum status
sql_script_open(struct sql_session *session, const char *text, struct sql_script **script_out,
                struct diag *diag)
{
    *script_out = NULL;
    struct sql_script *script = &session->script;
    ASSERT(!script->open);
    waiter_reset_cancel(session->waiter);
    struct sql_prepared *prepared = NULL;
    enum status status = prepared__parse(session, text, NULL, 0, &prepared, diag);
    if (status != STATUS_OK) {
        session__fail(session);
        return status;
    }
    /* A simple query drops the unnamed statement, as PostgreSQL's does. */
    sql_prepared_close(session, "");
    *script = (struct sql_script){.session = session, .prepared = prepared, .open = true};
    *script_out = script;
    return STATUS_OK;
}

unsigned
sql_script_count(const struct sql_script *script)
{
    return script->prepared->count;
}

/* The last statement is done: the implicit transaction ends. */
static void
end_implicit(struct sql_session *session, struct sql_result *result)
{
    if (session->block != BLOCK_IMPLICIT) {
        return;
    }
    char tag[sizeof(result->tag)];
    memcpy(tag, result->tag, sizeof(tag));
    result->state = session__commit(session, tag, &result->diag);
}

void
sql_script_run_next(struct sql_script *script, struct sql_sink *sink, struct sql_result *result)
{
    struct sql_session *session = script->session;
    if (script->prepared->count == 0) {
        diag_clear(&result->diag);
        result->state = SQL_DONE;
        result->tag[0] = 0;
        result->empty_query = true;
        return;
    }
    ASSERT(script->next_no < script->prepared->count);
    struct compiled *compiled = &script->prepared->statements[script->next_no++];
    arena_reset(&session->statement);
    struct run *run = &session->script_run;
    run__init(run, session, script->prepared, compiled, &session->statement);
    session->cx.arena = &session->statement;
    run__step(session, run, 0, sink, result);
    session->read_gate = READ_GATE_SHUT;
    if (result->state == SQL_READING) {
        script->next_no--;
        run__close(run);
        return;
    }
    if (result->state == SQL_COPY_IN) {
        session->copying = run;
        return; /* sql_copy_end() goes on */
    }
    run__close(run);
    if (result->state == SQL_DONE && script->next_no == script->prepared->count) {
        end_implicit(session, result);
    }
}

/* COPY FROM of a script has ended well. */
void
script__copy_done(struct sql_session *session, struct sql_result *result)
{
    run__close(&session->script_run);
    if (session->script.next_no == session->script.prepared->count) {
        end_implicit(session, result);
    }
}

void
sql_script_close(struct sql_script *script)
{
    if (script == NULL || !script->open) {
        return;
    }
    struct sql_session *session = script->session;
    if (session->copying == &session->script_run) {
        session->copying = NULL;
    }
    if (session->script_run.prepared != NULL) {
        run__close(&session->script_run);
    }
    prepared__unref(script->prepared);
    script->prepared = NULL;
    script->open = false;
    if (session->block == BLOCK_IMPLICIT && session->commit == NULL) {
        session__abort(session, BLOCK_NONE); /* left before its end */
    }
}
