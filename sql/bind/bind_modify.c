/* bind_modify.c: INSERT, UPDATE, DELETE. SPDX-License-Identifier: Apache-2.0 */
#include "sql/bind/bind_internal.h"

/* ---- the table changed ---- */

static enum status
open_changed_table(struct binder *b, struct query *query, const struct ast_relation *relation)
{
    const struct table_def *table = NULL;
    TRY(bind__table(b, relation, &table));
    if (table->kind == RELATION_SEQUENCE) {
        return diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_WRONG_OBJECT_TYPE,
                         "cannot change sequence \"%s\"", table->name);
    }
    if (table->kind == RELATION_TABLE && table->schema == SCHEMA_PG_CATALOG) {
        return bind__fail_at(
            b, relation->position,
            diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_INSUFFICIENT_PRIVILEGE,
                      "permission denied: \"%s\" is a system catalog", table->name));
    }
    unsigned range_no;
    TRY(bind__table_range(b, query, relation, table, &range_no));
    ASSERT(range_no == 0);
    query->table = table;
    b->effect_count++;
    return STATUS_OK;
}

static enum status
find_changed_column(struct binder *b, const struct table_def *table, const char *name,
                    int position, unsigned *column_no_out)
{
    for (unsigned i = 0; i < table->column_count; i++) {
        if (!table->columns[i].dropped && strcmp(table->columns[i].name, name) == 0) {
            *column_no_out = i;
            return STATUS_OK;
        }
    }
    return bind__fail_at(b, position,
                         diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_UNDEFINED_COLUMN,
                                   "column \"%s\" of relation \"%s\" does not exist", name,
                                   table->name));
}

/* A column's default as it is now in the catalog; NULL constant if it has none. */
static enum status
bind_default(struct binder *b, const struct column_def *column, struct expr **expr_out)
{
    if (column->default_sql == NULL) {
        *expr_out = bind__null(b, column->type);
        return STATUS_OK;
    }
    struct ast_expr *ast = NULL;
    TRY(parse_expression(column->default_sql, b->arena, &ast, b->cx->diag));
    bool before = b->no_positions;
    struct scope scope = {.clause = CLAUSE_DEFAULT};
    b->no_positions = true;
    enum status status = bind__expr(b, &scope, ast, expr_out);
    if (status == STATUS_OK) {
        status = bind__assign(b, *expr_out, column, expr_out);
    }
    b->no_positions = before;
    return status;
}

static enum status
bind_returning(struct binder *b, struct scope *scope, const struct ast_target_list *list)
{
    struct query *query = scope->query;
    scope->clause = CLAUSE_RETURNING;
    TRY(bind__targets(b, scope, list, &query->returning, &query->returning_count));
    for (unsigned i = 0; i < query->returning_count; i++) {
        TRY(bind__resolve_unknown(b, &query->returning[i].expr));
    }
    return STATUS_OK;
}

/* ---- INSERT ---- */

static enum status
list_insert_columns(struct binder *b, const struct ast_insert *ast, struct query *query)
{
    const struct table_def *table = query->table;
    query->insert_columns =
        arena_array(b->arena, unsigned, MAX(table->column_count, ast->columns.count));
    if (ast->columns.count == 0) {
        for (unsigned i = 0; i < table->column_count; i++) {
            if (!table->columns[i].dropped) {
                query->insert_columns[query->insert_column_count++] = i;
            }
        }
        return STATUS_OK;
    }
    for (unsigned i = 0; i < ast->columns.count; i++) {
        const struct ast_name *name = &ast->columns.items[i];
        unsigned column_no;
        TRY(find_changed_column(b, table, name->name, name->position, &column_no));
        for (unsigned j = 0; j < i; j++) {
            if (query->insert_columns[j] == column_no) {
                return bind__fail_at(
                    b, name->position,
                    diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_DUPLICATE_COLUMN,
                              "column \"%s\" specified more than once", name->name));
            }
        }
        query->insert_columns[query->insert_column_count++] = column_no;
    }
    return STATUS_OK;
}

/* `count` values are given; `extra` is the first beyond the columns. */
static enum status
match_value_count(struct binder *b, const struct ast_insert *ast, struct query *query,
                  unsigned count, int extra_position)
{
    if (count > query->insert_column_count) {
        return bind__fail_at(b, extra_position,
                             diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                                       "INSERT has more expressions than target columns"));
    }
    if (count < query->insert_column_count && ast->columns.count > 0) {
        return bind__fail_at(b, ast->columns.items[count].position,
                             diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                                       "INSERT has more target columns than expressions"));
    }
    query->insert_column_count = count; /* without a list the last columns get their defaults */
    return STATUS_OK;
}

static enum status
bind_insert_row(struct binder *b, struct scope *scope, const struct query *insert,
                const struct ast_expr_list *row, struct expr **values)
{
    for (unsigned i = 0; i < row->count; i++) {
        const struct column_def *column = &insert->table->columns[insert->insert_columns[i]];
        if (row->items[i]->kind == AST_DEFAULT) {
            TRY(bind_default(b, column, &values[i]));
            continue;
        }
        TRY(bind__expr(b, scope, row->items[i], &values[i]));
        TRY(bind__assign(b, values[i], column, &values[i]));
    }
    return STATUS_OK;
}

static void
set_insert_targets(struct binder *b, const struct query *insert, struct query *source,
                   struct expr **values)
{
    source->target_count = insert->insert_column_count;
    source->targets = arena_array(b->arena, struct target, source->target_count);
    for (unsigned i = 0; i < source->target_count; i++) {
        source->targets[i] = (struct target){
            .name = insert->table->columns[insert->insert_columns[i]].name,
            .expr = values != NULL ? values[i] : bind__range_column(b, source, 0, i),
        };
    }
}

/* One row is a SELECT without FROM; several are a list in FROM, of the columns' types already.
 */
static enum status
bind_insert_values(struct binder *b, struct scope *outer, const struct ast_insert *ast,
                   struct query *insert)
{
    const struct ast_select *select = ast->source;
    unsigned count = select->rows[0].count;
    for (unsigned r = 1; r < select->row_count; r++) {
        if (select->rows[r].count != count) {
            return bind__fail_at(b, select->rows[r].items[0]->position,
                                 diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                                           "VALUES lists must all be the same length"));
        }
    }
    int extra = count > insert->insert_column_count
                    ? select->rows[0].items[insert->insert_column_count]->position
                    : 0;
    TRY(match_value_count(b, ast, insert, count, extra));
    TRY(bind__open_query(b));
    bool is_single = select->row_count == 1;
    struct query *source = bind__new_query(b, is_single ? QUERY_SELECT : QUERY_VALUES);
    struct scope scope = {
        .parent = outer, .query = source, .with = outer->with, .clause = CLAUSE_VALUES};
    struct expr ***rows = arena_array(b->arena, struct expr **, select->row_count);
    for (unsigned r = 0; r < select->row_count; r++) {
        rows[r] = arena_array(b->arena, struct expr *, count);
        TRY(bind_insert_row(b, &scope, insert, &select->rows[r], rows[r]));
    }
    insert->source = source;
    if (is_single) {
        set_insert_targets(b, insert, source, rows[0]);
        return STATUS_OK;
    }
    struct range range = {
        .kind = RANGE_VALUES,
        .alias = "*VALUES*",
        .column_count = count,
        .columns = arena_array(b->arena, struct range_column, count),
        .rows = rows,
        .row_count = select->row_count,
    };
    for (unsigned i = 0; i < count; i++) {
        const struct column_def *column = &insert->table->columns[insert->insert_columns[i]];
        range.columns[i] = (struct range_column){
            .name = column->name, .type = column->type, .typmod = column->typmod};
    }
    (void)bind__add_range(b, source, &range);
    bind__add_from(b, source, bind__leaf(b, 0));
    set_insert_targets(b, insert, source, NULL);
    return STATUS_OK;
}

static bool
needs_assignment(const struct expr *expr, const struct column_def *column)
{
    return expr->type != column->type ||
           (column->typmod >= 0 && expr->typmod != column->typmod);
}

static enum status
bind_insert_select(struct binder *b, struct scope *outer, const struct ast_insert *ast,
                   struct query *insert)
{
    const struct ast_select *select = ast->source;
    bool keeps_unknown = select->order_by.count == 0 && select->group_by.count == 0 &&
                         !select->distinct && select->set_operation == AST_SET_NONE;
    struct query *source = NULL;
    TRY(bind__select(b, outer, outer->with, select, keeps_unknown, &source));
    unsigned count = bind__visible_count(source);
    int extra = count > insert->insert_column_count
                    ? source->targets[insert->insert_column_count].expr->position
                    : 0;
    TRY(match_value_count(b, ast, insert, count, extra));
    for (unsigned i = 0; i < count; i++) {
        const struct column_def *column = &insert->table->columns[insert->insert_columns[i]];
        if (!needs_assignment(source->targets[i].expr, column)) {
            continue;
        }
        if (!bind__targets_are_free(source)) {
            source = bind__wrap(b, source);
        }
        TRY(bind__assign(b, source->targets[i].expr, column, &source->targets[i].expr));
    }
    insert->source = source;
    return STATUS_OK;
}

static enum status
bind_other_defaults(struct binder *b, struct query *query)
{
    const struct table_def *table = query->table;
    bool *given = arena_array(b->arena, bool, table->column_count);
    query->defaults = arena_array(b->arena, struct expr *, table->column_count);
    for (unsigned i = 0; i < query->insert_column_count; i++) {
        given[query->insert_columns[i]] = true;
    }
    for (unsigned i = 0; i < table->column_count; i++) {
        const struct column_def *column = &table->columns[i];
        if (!given[i] && !column->dropped && column->default_sql != NULL) {
            TRY(bind_default(b, column, &query->defaults[i]));
        }
    }
    return STATUS_OK;
}

static bool
is_plain_values(const struct ast_select *select)
{
    return select->row_count > 0 && select->order_by.count == 0 && select->limit == NULL &&
           select->offset == NULL && select->with.count == 0;
}

enum status
bind__insert(struct binder *b, const struct ast_insert *ast, struct query **query_out)
{
    struct query *query = *query_out = bind__new_query(b, QUERY_INSERT);
    struct scope scope = {.query = query};
    TRY(bind__push_with(b, &scope, &ast->with));
    TRY(open_changed_table(b, query, &ast->table));
    TRY(list_insert_columns(b, ast, query));
    if (ast->source == NULL) {
        query->insert_column_count = 0;
    } else if (is_plain_values(ast->source)) {
        TRY(bind_insert_values(b, &scope, ast, query));
    } else {
        TRY(bind_insert_select(b, &scope, ast, query));
    }
    TRY(bind_other_defaults(b, query));
    scope.names = bind__range_names(
        b, query, 0, ast->table.alias == NULL ? query->table->schema_name : NULL);
    return bind_returning(b, &scope, &ast->returning);
}

/* ---- UPDATE, DELETE ---- */

/* The table changed is range 0 and the first of FROM; the others are joined to it. */
static enum status
bind_changed_from(struct binder *b, struct scope *scope, const struct ast_relation *table,
                  const struct ast_from_list *others)
{
    struct query *query = scope->query;
    TRY(open_changed_table(b, query, table));
    bind__add_from(b, query, bind__leaf(b, 0));
    scope->names =
        bind__range_names(b, query, 0, table->alias == NULL ? query->table->schema_name : NULL);
    scope->clause = CLAUSE_FROM;
    return bind__from(b, scope, others);
}

static enum status
bind_assignment(struct binder *b, struct scope *scope, const struct ast_target *ast)
{
    struct query *query = scope->query;
    unsigned column_no;
    TRY(find_changed_column(b, query->table, ast->name, ast->position, &column_no));
    for (unsigned i = 0; i < query->assignment_count; i++) {
        if (query->assignments[i].column_no == column_no) {
            return diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                             "multiple assignments to same column \"%s\"", ast->name);
        }
    }
    const struct column_def *column = &query->table->columns[column_no];
    struct expr *expr = NULL;
    if (ast->expr->kind == AST_DEFAULT) {
        TRY(bind_default(b, column, &expr));
    } else {
        TRY(bind__expr(b, scope, ast->expr, &expr));
        TRY(bind__assign(b, expr, column, &expr));
    }
    query->assignments[query->assignment_count++] =
        (struct assignment){.column_no = column_no, .expr = expr};
    return STATUS_OK;
}

enum status
bind__update(struct binder *b, const struct ast_update *ast, struct query **query_out)
{
    struct query *query = *query_out = bind__new_query(b, QUERY_UPDATE);
    struct scope scope = {.query = query};
    TRY(bind__push_with(b, &scope, &ast->with));
    TRY(bind_changed_from(b, &scope, &ast->table, &ast->from));
    query->assignments = arena_array(b->arena, struct assignment, ast->set.count);
    scope.clause = CLAUSE_SET;
    for (unsigned i = 0; i < ast->set.count; i++) {
        TRY(bind_assignment(b, &scope, &ast->set.items[i]));
    }
    scope.clause = CLAUSE_WHERE;
    TRY(bind__condition(b, &scope, ast->where, "WHERE", &query->where));
    return bind_returning(b, &scope, &ast->returning);
}

enum status
bind__delete(struct binder *b, const struct ast_delete *ast, struct query **query_out)
{
    struct query *query = *query_out = bind__new_query(b, QUERY_DELETE);
    struct scope scope = {.query = query};
    TRY(bind__push_with(b, &scope, &ast->with));
    TRY(bind_changed_from(b, &scope, &ast->table, &ast->using_from));
    scope.clause = CLAUSE_WHERE;
    TRY(bind__condition(b, &scope, ast->where, "WHERE", &query->where));
    return bind_returning(b, &scope, &ast->returning);
}
