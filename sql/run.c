/* run.c: one statement from its first batch to its tag.
 *
 * Errors: the first one of a statement fails its transaction (session__fail) here, in one
 * place.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/env.h"
#include "sql/session_internal.h"

#include <stdio.h>

#define STORED_BYTES_MAX ((size_t)64 << 20) /* of one suspended portal */
#define RESTARTS_MAX 16 /* of a statement whose tables changed while it waited for a lock */

void
run__init(struct run *run, struct sql_session *session, struct sql_prepared *prepared,
          struct compiled *compiled, struct arena *arena)
{
    run->prepared = prepared__ref(prepared);
    run->compiled = compiled;
    run->unit = NULL;
    run->cx = session->cx;
    run->cx.arena = arena;
    run->cx.params = NULL;
    run->cx.param_types = NULL;
    run->cx.param_count = 0;
    run->execution = NULL;
    run->stored = NULL;
    run->is_stored = false;
    run->batch = NULL;
    run->first_row = 0;
    run->started = run->finished = run->sent_columns = false;
    run->row_count = 0;
    run->copy_in = NULL;
}

void
run__close(struct run *run)
{
    copy__close_in(run->copy_in);
    run->copy_in = NULL;
    execution_close(run->execution);
    run->execution = NULL;
    run->batch = NULL;
    plan_unit__unref(run->unit);
    run->unit = NULL;
    prepared__unref(run->prepared);
    run->prepared = NULL;
}

/* What of the session's context moves on between statements. */
static void
refresh_context(struct sql_session *session, struct run *run, struct sql_result *result)
{
    run->cx.catalog = session->cx.catalog;
    run->cx.txn = session->cx.txn;
    run->cx.txn_start_us = session->cx.txn_start_us;
    run->cx.statement_start_us = session->cx.statement_start_us;
    run->cx.memory_limit_bytes = session->settings.statement_memory_bytes;
    run->cx.diag = &result->diag;
    session->cx.diag = &result->diag;
}

/* A plan that has run before keeps its execution: starting again allocates nothing. */
static enum status
open_or_restart(struct run *run)
{
    struct plan_unit *unit = run->unit;
    if (unit->idle == NULL) {
        return execution_open(&run->cx, unit->plan, &run->execution);
    }
    run->execution = unit->idle;
    unit->idle = NULL;
    return execution_restart(run->execution, &run->cx);
}

static void
keep_execution(struct run *run)
{
    if (run->unit->idle == NULL) {
        run->unit->idle = run->execution;
    } else {
        execution_close(run->execution);
    }
    run->execution = NULL;
}

static bool
changes_rows(const struct query *query)
{
    return query->kind == QUERY_INSERT || query->kind == QUERY_UPDATE ||
           query->kind == QUERY_DELETE;
}

/* execution_open() locks the tables and may wait for it; what others committed meanwhile may
 * have changed them: then plan and snapshot are taken anew, as PostgreSQL plans after locking.
 */
static enum status
open_execution(struct sql_session *session, struct run *run, struct sql_result *result)
{
    for (unsigned attempt = 0;; attempt++) {
        struct compiled *compiled = run->compiled;
        TRY(prepared__compile(session, run->prepared, compiled, &result->diag));
        if (session->block != BLOCK_NONE && !compiled->unit->query->reads_only &&
            txn_read_only(session->txn)) {
            const struct query *query = compiled->unit->query;
            const char *what = query->kind == QUERY_INSERT   ? "INSERT"
                               : query->kind == QUERY_UPDATE ? "UPDATE"
                               : query->kind == QUERY_DELETE ? "DELETE"
                                                             : query->effect;
            return diag_fail(&result->diag, STATUS_INVALID, SQLSTATE_READ_ONLY_SQL_TRANSACTION,
                             "cannot execute %s in a read-only transaction", what);
        }
        run->unit = plan_unit__ref(compiled->unit);
        TRY(open_or_restart(run));
        if (session->repeatable_read && changes_rows(compiled->unit->query)) {
            return catalog_check_unchanged(&run->cx, compiled->unit->query->table);
        }
        if (session->repeatable_read || attempt == RESTARTS_MAX ||
            store_catalog_csn(session->cx.store) == session->catalog_seen) {
            return STATUS_OK;
        }
        execution_close(run->execution);
        run->execution = NULL;
        plan_unit__unref(run->unit);
        run->unit = NULL;
        TRY(session__snapshot(session, &result->diag));
        refresh_context(session, run, result);
    }
}

/* Rows [first, first + count) of a batch as a batch of their own, in the run's arena. */
static struct batch *
cut_batch(struct arena *arena, const struct batch *batch, unsigned first, unsigned count)
{
    struct batch *cut = arena_new(arena, struct batch);
    cut->row_count = count;
    cut->column_count = batch->column_count;
    cut->columns = arena_array(arena, struct vector, batch->column_count);
    for (unsigned i = 0; i < batch->column_count; i++) {
        cut->columns[i] = batch->columns[i];
        if (!batch->columns[i].is_constant) {
            size_t size = physical_size(type_info(batch->columns[i].type)->physical);
            cut->columns[i].data = (uint8_t *)batch->columns[i].data + first * size;
            if (batch->columns[i].nulls != NULL) {
                cut->columns[i].nulls = batch->columns[i].nulls + first;
            }
        }
    }
    return cut;
}

/* ---- rows kept in memory ---- */
/* Rows [first, ..) of a batch, copied whole. */
static struct stored_batch *
store_batch(struct arena *arena, const struct batch *batch, unsigned first)
{
    unsigned count = batch->row_count - first;
    struct stored_batch *stored = arena_new(arena, struct stored_batch);
    stored->batch.row_count = count;
    stored->batch.column_count = batch->column_count;
    stored->batch.columns = arena_array(arena, struct vector, batch->column_count);
    for (unsigned c = 0; c < batch->column_count; c++) {
        const struct vector *from = &batch->columns[c];
        struct vector *to = &stored->batch.columns[c];
        bool is_bytes = type_info(from->type)->physical == PHYSICAL_BYTES;
        vector_init(to, from->type, count, arena);
        for (unsigned row = 0; row < count; row++) {
            if (vector_is_null(from, first + row)) {
                vector_nulls(to, count, arena)[row] = true;
                continue;
            }
            struct value value;
            vector_get(from, first + row, &value);
            if (is_bytes) {
                value.bytes = arena_copy(arena, value.bytes);
            }
            vector_set(to, row, &value);
        }
    }
    return stored;
}

enum status
run__store_rest(struct run *run, struct diag *diag)
{
    struct arena *arena = run->cx.arena;
    struct stored_batch **end = &run->stored;
    run->cx.diag = diag;
    size_t used_before = arena->used_bytes;
    if (run->batch != NULL) {
        *end = store_batch(arena, run->batch, run->first_row);
        end = &(*end)->next;
        run->batch = NULL;
    }
    for (;;) {
        struct batch *batch = NULL;
        TRY(execution_next(run->execution, &batch));
        if (batch == NULL) {
            break;
        }
        if (batch->row_count > 0) {
            *end = store_batch(arena, batch, 0);
            end = &(*end)->next;
        }
        if (arena->used_bytes - used_before > STORED_BYTES_MAX) {
            return diag_fail(diag, STATUS_LIMIT, SQLSTATE_OUT_OF_MEMORY,
                             "rows of a suspended portal take more than %zu MiB",
                             STORED_BYTES_MAX >> 20);
        }
    }
    run->is_stored = true;
    keep_execution(run);
    return STATUS_OK;
}

/* The next batch to send; NULL at the end. */
static enum status
next_batch(struct run *run)
{
    run->first_row = 0;
    if (!run->is_stored) {
        return execution_next(run->execution, &run->batch);
    }
    struct stored_batch *stored = run->stored;
    run->batch = stored == NULL ? NULL : &stored->batch;
    run->stored = stored == NULL ? NULL : stored->next;
    return STATUS_OK;
}

enum status
run__sink_status(const struct sql_context *cx, enum status status)
{
    if (cx->diag->sqlstate[0] != '\0') {
        return status; /* a value that cannot be sent */
    }
    switch (status) {
    case STATUS_OK:
        return STATUS_OK;
    case STATUS_CANCELLED: /* while the client was slow to read */
        return waiter_report_cancel(cx->session->waiter, cx->diag);
    case STATUS_LIMIT:
        return diag_fail(cx->diag, status, SQLSTATE_OUT_OF_MEMORY,
                         "no thread is left to wait for the client");
    default:
        return diag_fail(cx->diag, status, SQLSTATE_CONNECTION_FAILURE,
                         "connection to client lost");
    }
}

/* Sends up to `limit` rows of the batch in hand; returns how many in *sent_out. */
static enum status
send_rows(struct run *run, uint64_t limit, struct sql_sink *sink, uint64_t *sent_out)
{
    unsigned left = run->batch->row_count - run->first_row;
    unsigned count = limit == 0 || limit >= left ? left : (unsigned)limit;
    const struct batch *part = run->batch;
    struct arena_mark mark = arena_mark(run->cx.arena);
    if (count != run->batch->row_count) {
        part = cut_batch(run->cx.arena, run->batch, run->first_row, count);
    }
    enum status status = sink->rows(sink, part, run->cx.diag);
    if (part != run->batch) {
        arena_rewind(run->cx.arena, mark);
    }
    run->first_row += count;
    if (run->first_row == run->batch->row_count) {
        run->batch = NULL;
    }
    run->row_count += count;
    *sent_out = count;
    return run__sink_status(&run->cx, status);
}

/* By hand: printf shows up in the profile of point queries. */
static void
write_tag(char *tag, const char *words, uint64_t number)
{
    char digits[20];
    unsigned count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    size_t size = strlen(words);
    memcpy(tag, words, size);
    while (count > 0) {
        tag[size++] = digits[--count];
    }
    tag[size] = 0;
}

static void
make_tag(const struct run *run, struct sql_result *result)
{
    static const char *const words[] = {[QUERY_SELECT] = "SELECT ",
                                        [QUERY_INSERT] = "INSERT 0 ",
                                        [QUERY_UPDATE] = "UPDATE ",
                                        [QUERY_DELETE] = "DELETE ",
                                        [QUERY_VALUES] = "SELECT "};
    const struct query *query = run->unit->query;
    uint64_t rows =
        changes_rows(query) ? execution_changed_count(run->execution) : run->row_count;
    write_tag(result->tag, words[query->kind], rows);
}

static enum status
pump(struct sql_session *session, struct run *run, uint64_t row_limit, struct sql_sink *sink,
     struct sql_result *result)
{
    UNUSED(session);
    bool has_result = run->unit->has_result;
    uint64_t left = row_limit;
    run->row_count = 0; /* the tag counts the rows of this call, as PostgreSQL's does */
    for (;;) {
        if (run->batch == NULL) {
            TRY(next_batch(run));
            if (has_result && !run->sent_columns) {
                run->sent_columns = true;
                sink->columns(sink, run->unit->columns, run->unit->column_count);
            }
            if (run->batch == NULL) {
                result->state = SQL_DONE;
                return STATUS_OK;
            }
            if (run->batch->row_count == 0 || !has_result) {
                run->batch = NULL;
                continue;
            }
        }
        uint64_t sent = 0;
        TRY(send_rows(run, left, sink, &sent));
        if (row_limit != 0) {
            left -= sent;
            if (left == 0) {
                result->state = SQL_SUSPENDED;
                return STATUS_OK;
            }
        }
    }
}

static enum status
run_query(struct sql_session *session, struct run *run, uint64_t row_limit,
          struct sql_sink *sink, struct sql_result *result)
{
    if (!run->started) {
        TRY(open_execution(session, run, result));
        run->started = true;
    }
    TRY(pump(session, run, row_limit, sink, result));
    if (result->state == SQL_DONE) {
        make_tag(run, result);
        run->finished = true;
        if (run->execution != NULL) {
            keep_execution(run);
        }
    }
    return STATUS_OK;
}

/* May it run now? Opens the implicit transaction that it needs. */
static enum status
prepare_transaction(struct sql_session *session, const struct ast_statement *ast,
                    struct sql_result *result)
{
    if (session->block == BLOCK_FAILED) {
        bool allowed =
            ast->kind == AST_TRANSACTION && (ast->transaction.kind == AST_TXN_COMMIT ||
                                             ast->transaction.kind == AST_TXN_ROLLBACK ||
                                             ast->transaction.kind == AST_TXN_ROLLBACK_TO);
        if (!allowed) {
            return diag_fail(&result->diag, STATUS_INVALID, SQLSTATE_IN_FAILED_SQL_TRANSACTION,
                             "current transaction is aborted, commands ignored until end of "
                             "transaction block");
        }
        return STATUS_OK;
    }
    if (ast->kind == AST_UNSUPPORTED) {
        result->diag = *ast->unsupported;
        return result->diag.status == STATUS_OK ? STATUS_UNSUPPORTED : result->diag.status;
    }
    if (ast->kind != AST_TRANSACTION && session->block == BLOCK_NONE) {
        TRY(session__begin(session, BLOCK_IMPLICIT, &result->diag));
    }
    return STATUS_OK;
}

static bool
reads_for_client(const struct ast_statement *ast)
{
    return ast->kind == AST_SELECT || ast->kind == AST_EXECUTE ||
           (ast->kind == AST_COPY && !ast->copy.from);
}

/* A strong read asks the voters whether this node still leads before it takes its snapshot. A
 * transaction that has written finds that out at its commit, and one that reads its first
 * snapshot again has asked already. */
static bool
must_ask(struct sql_session *session, const struct ast_statement *ast)
{
    const struct sql_options *options = &session->engine->options;
    return reads_for_client(ast) && session->read_gate == READ_GATE_SHUT &&
           session->settings.is_strong && options->host->reads_at_once != NULL &&
           session->block != BLOCK_FAILED &&
           !(session->repeatable_read && session->snapshot_taken) &&
           !(session->txn != NULL && txn_has_writes(session->txn)) &&
           !options->host->reads_at_once(options->host_arg);
}

void
sql_read_admitted(struct sql_session *session, bool admitted)
{
    session->read_gate = admitted ? READ_GATE_OPEN : READ_GATE_REFUSED;
}

/* Statements that neither read nor change rows do without a snapshot. */
static bool
needs_snapshot(const struct ast_statement *ast)
{
    switch (ast->kind) {
    case AST_SET:
    case AST_SHOW:
    case AST_TRANSACTION:
    case AST_DEALLOCATE:
    case AST_DISCARD:
    case AST_CHECKPOINT:
    case AST_PREPARE:
        return false;
    default:
        return true;
    }
}

static int64_t
now_ns(const struct sql_session *session)
{
    return clock_monotonic_ns(session->engine->options.env->clock);
}

/* statement_timeout counts from here; a resumed portal's from its resumption. */
static int64_t
start_clock(struct sql_session *session)
{
    const struct settings *settings = &session->settings;
    bool timed = settings->statement_timeout_ns != 0 || settings->slow_statement_ns >= 0;
    int64_t begin_ns = timed ? now_ns(session) : 0;
    session->waiter->limit_ns = settings->statement_timeout_ns == 0
                                    ? WAIT_FOREVER
                                    : begin_ns + settings->statement_timeout_ns;
    return begin_ns;
}

static void
report_slow(struct sql_session *session, const char *text, int64_t begin_ns,
            const struct sql_result *result)
{
    const struct sql_options *options = &session->engine->options;
    int64_t limit_ns = session->settings.slow_statement_ns;
    if (limit_ns < 0 || begin_ns == 0 || options->host->slow_statement == NULL) {
        return;
    }
    int64_t duration_ns = now_ns(session) - begin_ns;
    if (duration_ns >= limit_ns) {
        struct slow_statement slow = {.user = session->user,
                                      .database = session->database,
                                      .text = text,
                                      .tag = result->tag,
                                      .session_no = session->session_no,
                                      .duration_ns = duration_ns};
        options->host->slow_statement(options->host_arg, &slow);
    }
}

static enum status
start(struct sql_session *session, struct run *run, struct sql_result *result)
{
    const struct ast_statement *ast = run->compiled->ast;
    if (session->block != BLOCK_NONE) { /* else the transaction begins now, too */
        session->cx.statement_start_us =
            clock_wall_us(session->engine->options.env->clock) - EPOCH_2000_US;
    }
    TRY(prepare_transaction(session, ast, result));
    if (session->block == BLOCK_FAILED || ast->kind == AST_TRANSACTION) {
        return STATUS_OK;
    }
    TRY(txn_check(session->txn, &result->diag));
    txn_set_lock_timeout(session->txn, session->settings.lock_timeout_ns);
    if (session->read_gate == READ_GATE_REFUSED) {
        return diag_fail(&result->diag, STATUS_NOT_LEADER, SQLSTATE_SERIALIZATION_FAILURE,
                         "this node is not the primary any more");
    }
    if (needs_snapshot(ast)) {
        TRY(session__snapshot(session, &result->diag));
    }
    return STATUS_OK;
}

static void
step(struct sql_session *session, struct run *run, uint64_t row_limit, struct sql_sink *sink,
     struct sql_result *result)
{
    const struct ast_statement *ast = run->compiled->ast;
    const bool is_vacuum = ast->kind == AST_VACUUM;
    enum status status = run->started ? STATUS_OK : start(session, run, result);
    refresh_context(session, run, result);
    if (status == STATUS_OK) {
        if (ast->kind == AST_TRANSACTION) {
            run->started = run->finished = true;
            session__run_transaction(session, &ast->transaction, sink, result);
            return; /* it fails by itself */
        }
        if (statement__is_query(ast)) {
            status = run_query(session, run, row_limit, sink, result);
        } else {
            run->started = true;
            utility__run(session, run, sink, result);
            status = result->state == SQL_FAILED ? result->diag.status : STATUS_OK;
            if (result->state == SQL_FAILED && status == STATUS_OK) {
                status = STATUS_INVALID;
            }
        }
    }
    if (status != STATUS_OK) {
        ASSERT(result->diag.status != STATUS_OK);
        result->state = SQL_FAILED;
        if (is_vacuum) { /* it ended the first transaction, and the portal may be gone */
            session__fail(session);
            return;
        }
        execution_close(run->execution);
        run->execution = NULL;
        copy__close_in(run->copy_in);
        run->copy_in = NULL;
        run->finished = true;
        session__fail(session);
    }
}

void
run__step(struct sql_session *session, struct run *run, uint64_t row_limit,
          struct sql_sink *sink, struct sql_result *result)
{
    ASSERT(session->commit == NULL);
    diag_clear(&result->diag);
    result->empty_query = false;
    result->tag[0] = 0;
    result->state = SQL_DONE;
    if (!run->started && must_ask(session, run->compiled->ast)) {
        result->state = SQL_READING;
        return;
    }
    int64_t begin_ns = start_clock(session);
    struct sql_prepared *prepared = prepared__ref(run->prepared); /* DEALLOCATE, VACUUM */
    step(session, run, row_limit, sink, result);
    report_slow(session, prepared->text, begin_ns, result);
    prepared__unref(prepared);
    if (result->state != SQL_COPY_IN) {
        session->waiter->limit_ns = WAIT_FOREVER;
    }
}

enum status
run__plan_query(struct sql_session *session, const struct ast_statement *statement,
                struct query **query_out, struct plan **plan_out)
{
    struct bind_params params = {0};
    TRY(bind_query(&session->cx, statement, &params, query_out));
    return plan_query(&session->cx, *query_out, plan_out);
}

/* ---- rows that a utility statement makes ---- */
void
text_rows__init(struct text_rows *rows, struct sql_sink *sink, const struct sql_context *cx,
                const char *const *names, unsigned column_count)
{
    struct arena *arena = cx->arena;
    rows->sink = sink;
    rows->cx = cx;
    rows->column_count = column_count;
    rows->columns = arena_array(arena, struct sql_column, column_count);
    for (unsigned i = 0; i < column_count; i++) {
        rows->columns[i] =
            (struct sql_column){.name = names[i], .type = TYPE_TEXT, .typmod = -1};
    }
    rows->batch.row_count = 1;
    rows->batch.column_count = column_count;
    rows->batch.columns = arena_array(arena, struct vector, column_count);
    for (unsigned i = 0; i < column_count; i++) {
        vector_init(&rows->batch.columns[i], TYPE_TEXT, 1, arena);
    }
    sink->columns(sink, rows->columns, column_count);
}

enum status
text_rows__send(struct text_rows *rows, const char *const *values)
{
    for (unsigned i = 0; i < rows->column_count; i++) {
        struct value value = {.is_null = values[i] == NULL};
        if (values[i] != NULL) {
            value.bytes = slice_from_text(values[i]);
        }
        vector_nulls(&rows->batch.columns[i], 1, rows->cx->arena)[0] = value.is_null;
        if (!value.is_null) {
            vector_set(&rows->batch.columns[i], 0, &value);
        }
    }
    return run__sink_status(rows->cx,
                            rows->sink->rows(rows->sink, &rows->batch, rows->cx->diag));
}
