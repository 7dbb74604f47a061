/* utility.c: statements that are neither queries nor transaction control.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/options.h"
#include "sql/session_internal.h"

#include <stdio.h>
#include <strings.h>

/* ---- SET, SHOW ---- */
static enum status
apply_setting(struct sql_session *session, const char *name, const char *value, bool is_local,
              struct sql_sink *sink)
{
    const char *reported = NULL;
    TRY(settings_set(&session->settings, name, value, is_local, true, &reported,
                     session->cx.diag));
    txn_set_lock_timeout(session->txn, session->settings.lock_timeout_ns);
    if (reported != NULL && sink->parameter != NULL) {
        sink->parameter(sink, reported, sql_setting(session, reported));
    }
    return STATUS_OK;
}

/* SET x TO a, b: one text. */
static const char *
join_values(struct arena *arena, const struct ast_set *set)
{
    const char *text = set->value_count == 0 ? "" : set->values[0].text;
    for (unsigned i = 1; i < set->value_count; i++) {
        text = arena_printf(arena, "%s, %s", text, set->values[i].text);
    }
    return text;
}

static enum status
set_defaults(struct sql_session *session, const struct ast_transaction_modes *modes,
             struct sql_sink *sink)
{
    if (modes->isolation == AST_ISOLATION_SERIALIZABLE) {
        return diag_fail(session->cx.diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "isolation level SERIALIZABLE is not supported");
    }
    if (modes->isolation != AST_ISOLATION_DEFAULT) {
        bool repeatable = modes->isolation == AST_ISOLATION_REPEATABLE_READ;
        TRY(apply_setting(session, "default_transaction_isolation",
                          repeatable ? "repeatable read" : "read committed", false, sink));
    }
    if (modes->read_only != AST_CHOICE_DEFAULT) {
        TRY(apply_setting(session, "default_transaction_read_only",
                          modes->read_only == AST_CHOICE_YES ? "on" : "off", false, sink));
    }
    return STATUS_OK;
}

static enum status
set_transaction(struct sql_session *session, const struct ast_transaction_modes *modes,
                struct sql_sink *sink)
{
    if (!session__in_block(session)) {
        session__notice(session, sink, "WARNING", SQLSTATE_NO_ACTIVE_SQL_TRANSACTION,
                        "SET TRANSACTION can only be used in transaction blocks");
    }
    return session__set_modes(session, modes, session->cx.diag);
}

/* SET transaction_isolation = .. and SET transaction_read_only = .. are SET TRANSACTION.
 * *is_one_out false: another setting. */
static enum status
read_transaction_setting(struct sql_context *cx, const struct ast_set *set,
                         struct ast_transaction_modes *modes, bool *is_one_out)
{
    static const struct {
        const char *text;
        enum ast_isolation isolation;
    } levels[] = {{"serializable", AST_ISOLATION_SERIALIZABLE},
                  {"repeatable read", AST_ISOLATION_REPEATABLE_READ},
                  {"read committed", AST_ISOLATION_READ_COMMITTED},
                  {"read uncommitted", AST_ISOLATION_READ_UNCOMMITTED}};
    *modes = (struct ast_transaction_modes){0};
    *is_one_out = false;
    if (set->value_count != 1 || set->kind != AST_SET_VALUE) {
        return STATUS_OK;
    }
    const char *value = set->values[0].text;
    if (strcmp(set->name, "transaction_read_only") == 0) {
        struct ast_option as_option = {.name = set->name, .value = value};
        bool on = true;
        *is_one_out = true;
        if (option_bool(cx, &as_option, &on) != STATUS_OK) {
            diag_clear(cx->diag);
            return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                             "parameter \"%s\" requires a Boolean value", set->name);
        }
        modes->read_only = on ? AST_CHOICE_YES : AST_CHOICE_NO;
        return STATUS_OK;
    }
    if (strcmp(set->name, "transaction_isolation") != 0) {
        return STATUS_OK;
    }
    *is_one_out = true;
    for (unsigned i = 0; i < ARRAY_SIZE(levels); i++) {
        if (strcasecmp(value, levels[i].text) == 0) {
            modes->isolation = levels[i].isolation;
            return STATUS_OK;
        }
    }
    diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
              "invalid value for parameter \"%s\": \"%s\"", set->name, value);
    diag_hint(cx->diag, "Available values: serializable, repeatable read, read committed, read "
                        "uncommitted.");
    return STATUS_INVALID;
}

/* Only search_path and DateStyle are lists. */
static enum status
check_one_value(struct sql_context *cx, const struct ast_set *set)
{
    if (set->value_count <= 1 || strcasecmp(set->name, "search_path") == 0 ||
        strcasecmp(set->name, "datestyle") == 0 || settings_name(set->name) == NULL) {
        return STATUS_OK;
    }
    return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                     "SET %s takes only one argument", settings_name(set->name));
}

static enum status
run_set(struct sql_session *session, const struct ast_set *set, struct sql_sink *sink)
{
    struct ast_transaction_modes modes;
    if (set->local && !session__in_block(session)) {
        session__notice(session, sink, "WARNING", SQLSTATE_NO_ACTIVE_SQL_TRANSACTION,
                        "SET LOCAL can only be used in transaction blocks");
    }
    bool of_transaction = false;
    TRY(read_transaction_setting(&session->cx, set, &modes, &of_transaction));
    if (of_transaction) {
        return session__set_modes(session, &modes, session->cx.diag);
    }
    switch (set->kind) {
    case AST_SET_VALUE:
        TRY(check_one_value(&session->cx, set));
        return apply_setting(session, set->name, join_values(session->cx.arena, set),
                             set->local, sink);
    case AST_SET_DEFAULT:
    case AST_SET_RESET:
        return apply_setting(session, set->name, NULL, set->local, sink);
    case AST_SET_CURRENT:
        return diag_fail(session->cx.diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "SET FROM CURRENT is not supported");
    case AST_SET_RESET_ALL:
        settings_reset_all(&session->settings, true);
        return STATUS_OK;
    case AST_SET_TRANSACTION:
        return set_transaction(session, &set->modes, sink);
    case AST_SET_SESSION_CHARACTERISTICS:
        return set_defaults(session, &set->modes, sink);
    }
    return STATUS_OK;
}

static enum status
show_one(void *arg, const char *name, const char *value, const char *about)
{
    const char *const values[] = {name, value, about};
    return text_rows__send(arg, values);
}

static enum status
run_show(struct sql_session *session, const struct ast_show *show, struct sql_sink *sink)
{
    struct text_rows rows;
    if (strcmp(show->name, "all") == 0) {
        static const char *const names[] = {"name", "setting", "description"};
        text_rows__init(&rows, sink, &session->cx, names, 3);
        return settings_each(session__settings(session), show_one, &rows);
    }
    const char *value = sql_setting(session, show->name);
    if (value == NULL) {
        return diag_fail(session->cx.diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_OBJECT,
                         "unrecognized configuration parameter \"%s\"", show->name);
    }
    const char *name = settings_name(show->name);
    text_rows__init(&rows, sink, &session->cx, &name, 1);
    return text_rows__send(&rows, &value);
}

/* ---- PREPARE, EXECUTE, DEALLOCATE, DISCARD ---- */
static enum status
run_prepare(struct sql_session *session, struct run *run, const struct ast_prepare *prepare)
{
    struct sql_context *cx = &session->cx;
    if (prepared__find(session, prepare->name) != NULL) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_DUPLICATE_PREPARED_STATEMENT,
                         "prepared statement \"%s\" already exists", prepare->name);
    }
    if (!statement__is_query(prepare->statement)) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                         "utility statements cannot be prepared");
    }
    uint32_t *types = arena_array(cx->arena, uint32_t, prepare->type_count + 1);
    for (unsigned i = 0; i < prepare->type_count; i++) {
        enum type_id type;
        int32_t typmod;
        TRY(bind_type_name(cx, &prepare->types[i], &type, &typmod));
        types[i] = type;
    }
    struct sql_prepared *prepared =
        prepared__within(run->prepared, prepare->statement, types, prepare->type_count);
    enum status status = session__snapshot(session, cx->diag);
    if (status == STATUS_OK) {
        status = prepared__compile(session, prepared, &prepared->statements[0], cx->diag);
    }
    if (status != STATUS_OK) {
        prepared__unref(prepared);
        return status;
    }
    prepared->statements[0].described = true;
    return prepared__add_name(session, prepare->name, prepared);
}

static void
run_execute(struct sql_session *session, const struct ast_execute *execute,
            struct sql_sink *sink, struct sql_result *result)
{
    struct sql_context *cx = &session->cx;
    struct named_prepared *named = prepared__find(session, execute->name);
    result->state = SQL_FAILED;
    if (named == NULL) {
        diag_fail(cx->diag, STATUS_NOT_FOUND, SQLSTATE_INVALID_SQL_STATEMENT_NAME,
                  "prepared statement \"%s\" does not exist", execute->name);
        return;
    }
    struct sql_prepared *prepared = named->prepared;
    if (prepared->count == 0) {
        result->state = SQL_DONE;
        return;
    }
    struct compiled *compiled = &prepared->statements[0];
    unsigned count = compiled->params.count;
    if (execute->args.count != count) {
        diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                  "wrong number of parameters for prepared statement \"%s\"", execute->name);
        diag_detail(cx->diag, "Expected %u parameters but got %u.", count, execute->args.count);
        return;
    }
    struct value *values = arena_array(cx->arena, struct value, count + 1);
    enum type_id *types = arena_array(cx->arena, enum type_id, count + 1);
    for (unsigned i = 0; i < count; i++) {
        struct expr *expr = NULL;
        types[i] = compiled->params.types[i];
        if (bind_scalar(cx, execute->args.items[i], types[i], -1, &expr) != STATUS_OK ||
            expr_evaluate(cx, expr, &values[i]) != STATUS_OK) {
            return;
        }
    }
    struct run inner;
    run__init(&inner, session, prepared, compiled, cx->arena);
    inner.cx.params = values;
    inner.cx.param_types = types;
    inner.cx.param_count = count;
    run__step(session, &inner, 0, sink, result);
    run__close(&inner);
}

static enum status
run_deallocate(struct sql_session *session, const char *name)
{
    if (name == NULL) {
        prepared__close_all(session);
        return STATUS_OK;
    }
    struct named_prepared *named = prepared__find(session, name);
    if (named == NULL) {
        return diag_fail(session->cx.diag, STATUS_NOT_FOUND,
                         SQLSTATE_INVALID_SQL_STATEMENT_NAME,
                         "prepared statement \"%s\" does not exist", name);
    }
    prepared__remove_name(named);
    return STATUS_OK;
}

static enum status
run_discard(struct sql_session *session, enum ast_discard_target target)
{
    switch (target) {
    case AST_DISCARD_ALL:
        TRY(session__forbid_block(session, "DISCARD ALL", session->cx.diag));
        settings_reset_all(&session->settings, true);
        prepared__close_all(session);
        session->sequence_count = 0;
        session->last_sequence = 0;
        return STATUS_OK;
    case AST_DISCARD_SEQUENCES:
        session->sequence_count = 0;
        session->last_sequence = 0;
        return STATUS_OK;
    case AST_DISCARD_PLANS: /* the texts' plans; those with a name are made anew by version */
        prepared__drop_texts(session);
        return STATUS_OK;
    case AST_DISCARD_TEMP: /* there are no temporary tables */
        return STATUS_OK;
    }
    return STATUS_OK;
}

/* ---- LOCK ---- */
static enum status
run_lock(struct sql_session *session, const struct ast_lock *lock)
{
    struct sql_context *cx = &session->cx;
    if (!session__in_block(session)) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_NO_ACTIVE_SQL_TRANSACTION,
                         "LOCK TABLE can only be used in transaction blocks");
    }
    for (unsigned i = 0; i < lock->tables.count; i++) {
        const struct ast_relation *relation = &lock->tables.items[i];
        const struct table_def *table;
        TRY(catalog_get_table(cx, relation->schema, relation->name, &table));
        if (table->kind != RELATION_TABLE) {
            return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_WRONG_OBJECT_TYPE,
                             "\"%s\" is not a table", table->name);
        }
        enum status status = table_lock(cx->txn, table->id, (enum table_lock_mode)lock->mode,
                                        lock->nowait ? LOCK_NOWAIT : LOCK_WAIT, cx->diag);
        if (status == STATUS_CONFLICT && lock->nowait) {
            diag_clear(cx->diag); /* storage knows no names */
            return diag_fail(cx->diag, status, SQLSTATE_LOCK_NOT_AVAILABLE,
                             "could not obtain lock on relation \"%s\"", table->name);
        }
        TRY(status);
    }
    return STATUS_OK;
}

/* ---- all of them ---- */
static enum status
forbid_read_only(struct sql_session *session, const char *command)
{
    if (!txn_read_only(session->txn)) {
        return STATUS_OK;
    }
    return diag_fail(session->cx.diag, STATUS_INVALID, SQLSTATE_READ_ONLY_SQL_TRANSACTION,
                     "cannot execute %s in a read-only transaction", command);
}

static const char *
command_tag(const struct ast_statement *ast)
{
    static const char *const drops[] = {"DROP TABLE", "DROP INDEX", "DROP SEQUENCE",
                                        "DROP VIEW"};
    static const char *const discards[] = {"DISCARD ALL", "DISCARD PLANS", "DISCARD SEQUENCES",
                                           "DISCARD TEMP"};
    switch (ast->kind) {
    case AST_CREATE_TABLE:
        return "CREATE TABLE";
    case AST_CREATE_INDEX:
        return "CREATE INDEX";
    case AST_CREATE_SEQUENCE:
        return "CREATE SEQUENCE";
    case AST_ALTER_TABLE:
        return "ALTER TABLE";
    case AST_DROP:
        return drops[ast->drop.object];
    case AST_TRUNCATE:
        return "TRUNCATE TABLE";
    case AST_SET:
        return ast->set.kind == AST_SET_RESET || ast->set.kind == AST_SET_RESET_ALL ? "RESET"
                                                                                    : "SET";
    case AST_SHOW:
        return "SHOW";
    case AST_VACUUM:
        return "VACUUM";
    case AST_ANALYZE:
        return "ANALYZE";
    case AST_CHECKPOINT:
        return "CHECKPOINT";
    case AST_EXPLAIN:
        return "EXPLAIN";
    case AST_PREPARE:
        return "PREPARE";
    case AST_DEALLOCATE:
        return ast->deallocate.name == NULL ? "DEALLOCATE ALL" : "DEALLOCATE";
    case AST_DISCARD:
        return discards[ast->discard.target];
    case AST_LOCK:
        return "LOCK TABLE";
    case AST_COPY:
        return "COPY";
    default:
        return "";
    }
}

static enum status
run_definition(struct sql_session *session, const struct ast_statement *ast,
               struct sql_sink *sink)
{
    TRY(forbid_read_only(session, command_tag(ast)));
    switch (ast->kind) {
    case AST_CREATE_TABLE:
        return ddl__create_table(session, &ast->create_table, sink);
    case AST_CREATE_INDEX:
        return ddl__create_index(session, &ast->create_index, sink);
    case AST_CREATE_SEQUENCE:
        return ddl__create_sequence(session, &ast->create_sequence, sink);
    case AST_ALTER_TABLE:
        return ddl__alter_table(session, &ast->alter_table, sink);
    case AST_DROP:
        return ddl__drop(session, &ast->drop, sink);
    default:
        ASSERT(ast->kind == AST_TRUNCATE);
        return ddl__truncate(session, &ast->truncate, sink);
    }
}

static enum status
run_copy(struct sql_session *session, struct run *run, const struct ast_copy *copy,
         struct sql_sink *sink, struct sql_result *result)
{
    if (copy->from) {
        TRY(forbid_read_only(session, "COPY FROM"));
        TRY(copy__start_in(session, run, copy, sink));
        result->state = SQL_COPY_IN;
        return STATUS_OK;
    }
    uint64_t rows = 0;
    TRY(copy__out(session, copy, sink, &rows));
    snprintf(result->tag, sizeof(result->tag), "COPY %llu", (unsigned long long)rows);
    return STATUS_OK;
}

static enum status
run_simple(struct sql_session *session, struct run *run, const struct ast_statement *ast,
           struct sql_sink *sink)
{
    struct sql_context *cx = &session->cx;
    switch (ast->kind) {
    case AST_SET:
        return run_set(session, &ast->set, sink);
    case AST_SHOW:
        return run_show(session, &ast->show, sink);
    case AST_ANALYZE:
        TRY(forbid_read_only(session, "ANALYZE"));
        return upkeep__analyze(session, &ast->vacuum, sink);
    case AST_CHECKPOINT:
        return cx->host->checkpoint(cx->host_arg, session->waiter, cx->diag);
    case AST_EXPLAIN:
        return explain__run(session, &ast->explain, sink);
    case AST_PREPARE:
        return run_prepare(session, run, &ast->prepare);
    case AST_DEALLOCATE:
        return run_deallocate(session, ast->deallocate.name);
    case AST_DISCARD:
        return run_discard(session, ast->discard.target);
    case AST_LOCK:
        return run_lock(session, &ast->lock);
    default:
        return run_definition(session, ast, sink);
    }
}

void
utility__run(struct sql_session *session, struct run *run, struct sql_sink *sink,
             struct sql_result *result)
{
    const struct ast_statement *ast = run->compiled->ast;
    session->cx.arena = run->cx.arena;
    snprintf(result->tag, sizeof(result->tag), "%s", command_tag(ast));
    if (ast->kind == AST_EXECUTE) {
        run_execute(session, &ast->execute, sink, result);
    } else if (ast->kind == AST_VACUUM) {
        upkeep__vacuum(session, &ast->vacuum, sink, result);
        return;
    } else {
        enum status status = ast->kind == AST_COPY
                                 ? run_copy(session, run, &ast->copy, sink, result)
                                 : run_simple(session, run, ast, sink);
        if (status != STATUS_OK) {
            result->state = SQL_FAILED;
            diag_fail(&result->diag, status, SQLSTATE_INTERNAL_ERROR, "%s",
                      status_name(status)); /* unless a layer below has said more */
        }
    }
    if (result->state != SQL_COPY_IN && result->state != SQL_FAILED) {
        run->finished = true;
    }
}

enum status
utility__describe(struct sql_session *session, struct sql_prepared *prepared,
                  struct compiled *compiled)
{
    const struct ast_statement *ast = compiled->ast;
    struct arena *arena = &prepared->arena;
    static const char *const all[] = {"name", "setting", "description"};
    const char *name = NULL;
    const char *const *names = &name;
    unsigned count = 0;
    if (ast->kind == AST_SHOW && strcmp(ast->show.name, "all") == 0) {
        names = all;
        count = 3;
    } else if (ast->kind == AST_SHOW) {
        name = settings_name(ast->show.name);
        count = name == NULL ? 0 : 1;
    } else if (ast->kind == AST_EXPLAIN) {
        name = "QUERY PLAN";
        count = 1;
    } else if (ast->kind == AST_EXECUTE) {
        struct named_prepared *named = prepared__find(session, ast->execute.name);
        if (named != NULL && named->prepared->count > 0 &&
            named->prepared->statements[0].unit != NULL) {
            const struct plan_unit *unit = named->prepared->statements[0].unit;
            struct sql_column *columns =
                arena_array(arena, struct sql_column, unit->column_count);
            for (unsigned i = 0; i < unit->column_count; i++) {
                columns[i] = unit->columns[i];
                columns[i].name = arena_strdup(arena, unit->columns[i].name);
            }
            compiled->columns = columns;
            compiled->column_count = unit->column_count;
        }
        return STATUS_OK;
    }
    struct sql_column *columns = arena_array(arena, struct sql_column, count);
    for (unsigned i = 0; i < count; i++) {
        columns[i] = (struct sql_column){.name = names[i], .type = TYPE_TEXT, .typmod = -1};
    }
    compiled->columns = columns;
    compiled->column_count = count;
    return STATUS_OK;
}
