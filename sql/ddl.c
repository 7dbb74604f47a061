/* ddl.c: CREATE TABLE, ALTER TABLE, TRUNCATE. SPDX-License-Identifier: Apache-2.0 */
#include "sql/bind/show.h"
#include "sql/options.h"
#include "sql/session_internal.h"

#include <stdio.h>

/* The binder speaks of an assignment; PostgreSQL has other words here, and no place. */
static enum status
reword_mismatch(struct sql_context *cx, const char *column, enum status status)
{
    const char *rest = strstr(cx->diag->message, " is of type ");
    if (status == STATUS_OK || rest == NULL ||
        strcmp(cx->diag->sqlstate, SQLSTATE_DATATYPE_MISMATCH) != 0) {
        return status;
    }
    char types[DIAG_TEXT_MAX];
    snprintf(types, sizeof(types), "%s", rest);
    const char *but = strstr(types, " but ");
    ASSERT(but != NULL);
    snprintf(cx->diag->message, sizeof(cx->diag->message), "column \"%s\"%.*s but default %s",
             column, (int)(but - types), types, but + strlen(" but "));
    cx->diag->position = 0;
    return status;
}

/* A default as PostgreSQL keeps and shows it, NULL for NULL, which is none; and what it needs.
 */
static enum status
show_default(struct sql_context *cx, const struct ast_column_def *column,
             struct new_column *out)
{
    const struct ast_expr *ast = column->default_expr;
    const char **sql_out = &out->default_sql;
    struct expr *expr = NULL;
    /* whether it fits the column's length shows when it is used */
    TRY(reword_mismatch(cx, column->name, bind_scalar(cx, ast, out->type, -1, &expr)));
    out->default_needs = bind_named_relations(expr, cx->arena, &out->default_need_count);
    if (ast->kind == AST_VALUE_FUNC) {
        char *name = arena_strdup(cx->arena, column->default_sql);
        for (char *at = name; *at != 0; at++) {
            *at = (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
        }
        *sql_out = name;
        return STATUS_OK;
    }
    if (expr->kind == EXPR_CONST && expr->constant.is_null) {
        *sql_out = NULL;
        return STATUS_OK;
    }
    struct buf text = BUF_EMPTY;
    bool shown = false;
    enum status status = expr_show(cx, expr, &text, &shown);
    if (status == STATUS_OK && shown) {
        *sql_out = arena_strndup(cx->arena, text.data, text.size);
    }
    buf_deinit(&text);
    return status;
}

enum status
ddl__bind_columns(struct sql_session *session, const struct ast_column_def *column,
                  struct new_column *out)
{
    struct sql_context *cx = &session->cx;
    enum type_id type;
    int32_t typmod;
    static const char *const system[] = {"tableoid", "ctid", "cmin", "xmin", "cmax", "xmax"};
    for (unsigned i = 0; i < ARRAY_SIZE(system); i++) {
        if (strcmp(column->name, system[i]) == 0) {
            return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_DUPLICATE_COLUMN,
                             "column name \"%s\" conflicts with a system column name",
                             column->name);
        }
    }
    TRY(bind_type_name(cx, &column->type, &type, &typmod));
    const struct type_info *info = type_info(type);
    if (info->category == 'P') {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_TABLE_DEFINITION,
                         "column \"%s\" has pseudo-type %s", column->name, info->sql_name);
    }
    if (info->column_kind == 0) {
        return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "columns of type %s are not supported", info->sql_name);
    }
    *out = (struct new_column){.name = column->name,
                               .type = type,
                               .typmod = typmod,
                               .not_null = column->not_null || column->serial_bytes != 0,
                               .default_sql = column->default_sql};
    if (column->default_expr != NULL && column->serial_bytes != 0) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                         "multiple default values specified for column \"%s\"", column->name);
    }
    if (column->default_expr != NULL) {
        TRY(show_default(cx, column, out));
    }
    return STATUS_OK;
}

static enum status
refuse_table_features(struct sql_context *cx, const struct ast_create_table *statement)
{
    const char *what = NULL;
    if (statement->persistence == 't') {
        what = "temporary tables";
    } else if (statement->persistence == 'u') {
        what = "unlogged tables";
    } else if (statement->on_commit != AST_ON_COMMIT_NONE) {
        what = "ON COMMIT";
    }
    if (what != NULL) {
        return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "%s: not supported", what);
    }
    TRY(ddl__check_tablespace(cx, statement->tablespace));
    if (statement->column_count > TUPLE_COLUMNS_MAX) {
        return diag_fail(cx->diag, STATUS_LIMIT, SQLSTATE_TOO_MANY_COLUMNS,
                         "tables can have at most %d columns", TUPLE_COLUMNS_MAX);
    }
    return STATUS_OK;
}

static enum status
check_duplicates(struct sql_context *cx, const struct ast_create_table *statement)
{
    for (unsigned i = 0; i < statement->column_count; i++) {
        for (unsigned k = 0; k < i; k++) {
            if (strcmp(statement->columns[i].name, statement->columns[k].name) == 0) {
                return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_DUPLICATE_COLUMN,
                                 "column \"%s\" specified more than once",
                                 statement->columns[i].name);
            }
        }
    }
    return STATUS_OK;
}

/* PostgreSQL shows the place here, and none in ALTER TABLE. */
static enum status
check_primary_keys(struct sql_context *cx, const struct ast_create_table *statement)
{
    unsigned count = 0;
    for (unsigned i = 0; i < statement->constraint_count; i++) {
        count += statement->constraints[i].kind == AST_CONSTRAINT_PRIMARY;
        if (count == 2) {
            diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_TABLE_DEFINITION,
                      "multiple primary keys for table \"%s\" are not allowed",
                      statement->table.name);
            diag_position(cx->diag, statement->constraints[i].position);
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

static enum type_id
serial_type(unsigned bytes)
{
    return bytes == 2 ? TYPE_INT2 : bytes == 4 ? TYPE_INT4 : TYPE_INT8;
}

/* The sequences of serial columns come first: the columns' defaults name them. */
static enum status
add_serial_sequences(struct sql_session *session, const struct ast_create_table *statement,
                     uint32_t schema, struct new_column *columns, struct object_id *sequences)
{
    struct sql_context *cx = &session->cx;
    for (unsigned i = 0; i < statement->column_count; i++) {
        unsigned bytes = statement->columns[i].serial_bytes;
        if (bytes == 0) {
            continue;
        }
        const char *name;
        TRY(ddl__make_name(session, schema, statement->table.name, columns[i].name, "seq",
                           &name));
        TRY(ddl__add_sequence(session, schema, name, serial_type(bytes), NULL, &sequences[i]));
        struct buf quoted = BUF_EMPTY;
        if (schema != SCHEMA_PUBLIC) {
            catalog_quote_identifier(statement->table.schema, &quoted);
            buf_append_text(&quoted, ".");
        }
        catalog_quote_identifier(name, &quoted);
        struct buf literal = BUF_EMPTY; /* quotes within are doubled */
        for (size_t k = 0; k < quoted.size; k++) {
            buf_append(&literal, &quoted.data[k], 1);
            if (quoted.data[k] == '\'') {
                buf_append_text(&literal, "'");
            }
        }
        columns[i].default_sql = arena_printf(cx->arena, "nextval('%.*s'::regclass)",
                                              (int)literal.size, (const char *)literal.data);
        columns[i].default_needs = &sequences[i];
        columns[i].default_need_count = 1;
        buf_deinit(&quoted);
        buf_deinit(&literal);
    }
    return STATUS_OK;
}

static void
mark_primary_columns(const struct ast_create_table *statement, struct new_column *columns)
{
    for (unsigned i = 0; i < statement->constraint_count; i++) {
        const struct ast_constraint *constraint = &statement->constraints[i];
        if (constraint->kind != AST_CONSTRAINT_PRIMARY) {
            continue;
        }
        for (unsigned k = 0; k < constraint->columns.count; k++) {
            for (unsigned c = 0; c < statement->column_count; c++) {
                if (strcmp(columns[c].name, constraint->columns.items[k].name) == 0) {
                    columns[c].not_null = true;
                }
            }
        }
    }
}

static bool
same_columns(const struct ast_constraint *a, const struct ast_constraint *b)
{
    bool same = a->columns.count == b->columns.count;
    for (unsigned i = 0; same && i < a->columns.count; i++) {
        same = strcmp(a->columns.items[i].name, b->columns.items[i].name) == 0;
    }
    return same;
}

/* As PostgreSQL, one index serves constraints over the same columns: the primary key, else the
 * first one stays, and takes a name from the others if it has none. */
static bool
is_redundant(const struct ast_create_table *statement, unsigned no)
{
    for (unsigned i = 0; i < statement->constraint_count; i++) {
        struct ast_constraint *other = &statement->constraints[i];
        bool before = other->kind == AST_CONSTRAINT_PRIMARY || i < no;
        if (i != no && before && statement->constraints[no].kind != AST_CONSTRAINT_PRIMARY &&
            same_columns(other, &statement->constraints[no])) {
            other->name = other->name != NULL ? other->name : statement->constraints[no].name;
            return true;
        }
    }
    return false;
}

/* Primary key first, as PostgreSQL numbers them. */
static enum status
add_constraints(struct sql_session *session, const struct ast_create_table *statement,
                struct object_id table, struct sql_sink *sink)
{
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < statement->constraint_count; i++) {
            bool primary = statement->constraints[i].kind == AST_CONSTRAINT_PRIMARY;
            if (primary == (pass == 0) && !is_redundant(statement, i)) {
                TRY(ddl__add_constraint(session, table, &statement->constraints[i], sink));
            }
        }
    }
    return STATUS_OK;
}

enum status
ddl__create_table(struct sql_session *session, const struct ast_create_table *statement,
                  struct sql_sink *sink)
{
    struct sql_context *cx = &session->cx;
    TRY(refuse_table_features(cx, statement));
    uint32_t schema;
    TRY(ddl__schema(session, &statement->table, &schema));
    bool taken = false;
    TRY(catalog_name_taken(cx, schema, statement->table.name, &taken));
    if (taken && statement->if_not_exists) {
        session__notice(session, sink, "NOTICE", SQLSTATE_DUPLICATE_TABLE,
                        "relation \"%s\" already exists, skipping", statement->table.name);
        return STATUS_OK;
    }
    if (taken) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_DUPLICATE_TABLE,
                         "relation \"%s\" already exists", statement->table.name);
    }
    TRY(check_duplicates(cx, statement));
    TRY(check_primary_keys(cx, statement));
    const char *options;
    TRY(storage_options(cx, &statement->options, false, &options));
    struct new_column *columns =
        arena_array(cx->arena, struct new_column, statement->column_count + 1);
    for (unsigned i = 0; i < statement->column_count; i++) {
        TRY(ddl__bind_columns(session, &statement->columns[i], &columns[i]));
    }
    struct object_id *sequences =
        arena_array(cx->arena, struct object_id, statement->column_count + 1);
    TRY(add_serial_sequences(session, statement, schema, columns, sequences));
    mark_primary_columns(statement, columns);
    struct object_id table;
    TRY(catalog_add_table(cx, schema, statement->table.name, columns, statement->column_count,
                          options, &table));
    TRY(table_lock(cx->txn, table, TABLE_LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, cx->diag));
    for (unsigned i = 0; i < statement->column_count; i++) {
        if (sequences[i].v != 0) {
            TRY(catalog_own_sequence(cx, sequences[i], table, i + 1));
        }
    }
    return add_constraints(session, statement, table, sink);
}

/* ---- ALTER TABLE ---- */
/* Sets a new column in all rows there are, as an UPDATE of this transaction would. */
static enum status
fill_column(struct sql_session *session, const struct table_def *table, const char *column)
{
    struct sql_context *cx = &session->cx;
    if (session->repeatable_read) { /* rows that its snapshot does not show would stay empty */
        return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "ADD COLUMN with a default in a REPEATABLE READ transaction is not "
                         "supported");
    }
    struct buf text = BUF_EMPTY;
    buf_append_text(&text, "UPDATE ");
    catalog_quote_identifier(table->schema_name, &text);
    buf_append_text(&text, ".");
    catalog_quote_identifier(table->name, &text);
    buf_append_text(&text, " SET ");
    catalog_quote_identifier(column, &text);
    buf_append_text(&text, " = DEFAULT");
    const char *sql = arena_strndup(cx->arena, text.data, text.size);
    buf_deinit(&text);
    struct parsed_script script = {0};
    TRY(parse_script(sql, cx->arena, &script, cx->diag));
    TRY(session__refresh_latest(session, cx->diag));
    struct query *query = NULL;
    struct plan *plan = NULL;
    TRY(run__plan_query(session, script.statements[0], &query, &plan));
    struct execution *execution = NULL;
    TRY(execution_open(cx, plan, &execution));
    struct batch *batch = NULL;
    enum status status;
    do {
        status = execution_next(execution, &batch);
    } while (status == STATUS_OK && batch != NULL);
    execution_close(execution);
    TRY(status);
    return session__refresh_latest(session, cx->diag);
}

/* The column is NULL in the rows there are until its default has been put into them. */
static enum status
add_filled_column(struct sql_session *session, const struct table_def *table,
                  const struct ast_column_def *ast)
{
    struct sql_context *cx = &session->cx;
    struct object_id table_id = table->id, sequence = {0};
    unsigned column_no = table->column_count;
    struct new_column column;
    TRY(ddl__bind_columns(session, ast, &column));
    struct ast_column_def one = *ast;
    struct ast_create_table alone = {.column_count = 1, .columns = &one};
    alone.table = (struct ast_relation){.schema = table->schema_name, .name = table->name};
    TRY(add_serial_sequences(session, &alone, table->schema, &column, &sequence));
    bool not_null = column.not_null;
    column.not_null = false;
    TRY(catalog_add_column(cx, table, &column));
    if (sequence.v != 0) {
        TRY(catalog_own_sequence(cx, sequence, table_id, column_no + 1));
    }
    TRY(catalog_table_by_id(cx, table_id, &table));
    if (column.default_sql != NULL) {
        TRY(fill_column(session, table, column.name));
        TRY(catalog_table_by_id(cx, table_id, &table));
    }
    return not_null ? ddl__set_not_null(session, table_id, column_no) : STATUS_OK;
}

static enum status
add_column(struct sql_session *session, struct object_id table_id,
           const struct ast_alter_command *command, struct sql_sink *sink)
{
    struct sql_context *cx = &session->cx;
    const struct table_def *table;
    TRY(catalog_table_by_id(cx, table_id, &table));
    for (unsigned i = 0; i < table->column_count; i++) {
        if (table->columns[i].dropped ||
            strcmp(table->columns[i].name, command->column.name) != 0) {
            continue;
        }
        if (command->if_not_exists) {
            session__notice(session, sink, "NOTICE", SQLSTATE_DUPLICATE_COLUMN,
                            "column \"%s\" of relation \"%s\" already exists, skipping",
                            command->column.name, table->name);
            return STATUS_OK;
        }
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_DUPLICATE_COLUMN,
                         "column \"%s\" of relation \"%s\" already exists",
                         command->column.name, table->name);
    }
    if (table->column_count >= TUPLE_COLUMNS_MAX) {
        return diag_fail(cx->diag, STATUS_LIMIT, SQLSTATE_TOO_MANY_COLUMNS,
                         "tables can have at most %d columns", TUPLE_COLUMNS_MAX);
    }
    TRY(add_filled_column(session, table, &command->column));
    for (unsigned i = 0; i < command->constraint_count; i++) {
        TRY(ddl__add_constraint(session, table_id, &command->constraints[i], sink));
    }
    return STATUS_OK;
}

/* PostgreSQL shows no place in the text here, and has words of its own for a primary key. */
static enum status
alter_add_constraint(struct sql_session *session, struct object_id table_id,
                     const struct ast_constraint *constraint, struct sql_sink *sink)
{
    struct sql_context *cx = &session->cx;
    const struct table_def *table;
    TRY(catalog_table_by_id(cx, table_id, &table));
    for (unsigned i = 0; i < constraint->columns.count; i++) {
        const char *name = constraint->columns.items[i].name;
        if (constraint->kind == AST_CONSTRAINT_PRIMARY && !ddl__has_column(table, name)) {
            return diag_fail(cx->diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_COLUMN,
                             "column \"%s\" of relation \"%s\" does not exist", name,
                             table->name);
        }
    }
    enum status status = ddl__add_constraint(session, table_id, constraint, sink);
    if (status != STATUS_OK) {
        cx->diag->position = 0;
    }
    return status;
}

enum status
ddl__alter_table(struct sql_session *session, const struct ast_alter_table *statement,
                 struct sql_sink *sink)
{
    struct sql_context *cx = &session->cx;
    const struct table_def *table;
    if (statement->if_exists) {
        TRY(catalog_find_table(cx, statement->table.schema, statement->table.name, &table));
        if (table == NULL) {
            session__notice(session, sink, "NOTICE", SQLSTATE_SUCCESS,
                            "relation \"%s\" does not exist, skipping", statement->table.name);
            return STATUS_OK;
        }
    }
    TRY(ddl__find_table(session, &statement->table, "ALTER TABLE", &table));
    TRY(ddl__lock(session, table->id, TABLE_LOCK_ACCESS_EXCLUSIVE));
    TRY(ddl__find_table(session, &statement->table, "ALTER TABLE", &table));
    struct object_id id = table->id;
    for (unsigned i = 0; i < statement->command_count; i++) {
        const struct ast_alter_command *command = &statement->commands[i];
        if (command->kind == AST_ALTER_ADD_CONSTRAINT) {
            TRY(alter_add_constraint(session, id, &command->constraint, sink));
        } else {
            TRY(add_column(session, id, command, sink));
        }
    }
    return STATUS_OK;
}

/* ---- TRUNCATE ---- */
static enum status
restart_sequence(void *arg, struct sql_context *cx, const struct table_def *sequence)
{
    const struct object_id *table = arg;
    if (sequence->kind != RELATION_SEQUENCE) {
        return STATUS_OK;
    }
    struct object_id owner;
    unsigned no;
    TRY(catalog_sequence_owner(cx, sequence->id, &owner, &no));
    if (owner.v != table->v) {
        return STATUS_OK;
    }
    enum type_id type;
    struct sequence_definition definition;
    TRY(catalog_read_sequence(cx, sequence->id, &type, &definition));
    return sequence_set(cx->txn, sequence->id, definition.start, false, cx->diag);
}

enum status
ddl__truncate(struct sql_session *session, const struct ast_truncate *statement,
              struct sql_sink *sink)
{
    UNUSED(sink);
    struct sql_context *cx = &session->cx;
    for (unsigned i = 0; i < statement->tables.count; i++) {
        const struct ast_relation *relation = &statement->tables.items[i];
        const struct table_def *table;
        TRY(ddl__find_table(session, relation, "TRUNCATE", &table));
        TRY(ddl__lock(session, table->id, TABLE_LOCK_ACCESS_EXCLUSIVE));
        TRY(ddl__find_table(session, relation, "TRUNCATE", &table));
        TRY(table_truncate(cx->txn, table->id, cx->diag));
        struct object_id id = table->id;
        if (statement->restart_identity) {
            TRY(catalog_each_table(cx, restart_sequence, &id));
        }
    }
    return STATUS_OK;
}
