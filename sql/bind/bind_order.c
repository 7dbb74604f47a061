/* bind_order.c: ORDER BY, GROUP BY, LIMIT: by name, by position, by expression; and the rule
 * that columns are grouped or aggregated.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/bind/bind_internal.h"

static unsigned
add_junk_target(struct binder *b, struct query *query, struct expr *expr)
{
    struct target *grown = arena_array(b->arena, struct target, query->target_count + 1);
    if (query->target_count > 0) {
        memcpy(grown, query->targets, query->target_count * sizeof(*grown));
    }
    grown[query->target_count] =
        (struct target){.expr = expr, .name = "?column?", .junk = true};
    query->targets = grown;
    return query->target_count++;
}

/* A constant in ORDER BY or GROUP BY: an integer is a position, others make no sense. */
static enum status
find_position(struct binder *b, const struct query *query, const struct ast_expr *ast,
              const char *clause, unsigned *target_no_out, bool *found_out)
{
    *found_out = true;
    switch (ast->kind) {
    case AST_INTEGER:
        if (ast->integer >= 1 && (unsigned)ast->integer <= bind__visible_count(query)) {
            *target_no_out = (unsigned)ast->integer - 1;
            return STATUS_OK;
        }
        return bind__fail_at(
            b, ast->position,
            diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_INVALID_COLUMN_REFERENCE,
                      "%s position %d is not in select list", clause, ast->integer));
    case AST_NUMBER:
    case AST_STRING:
    case AST_BOOLEAN:
    case AST_NULL:
        return bind__fail_at(b, ast->position,
                             diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                                       "non-integer constant in %s", clause));
    default:
        *found_out = false;
        return STATUS_OK;
    }
}

/* A name of the result list. */
static enum status
find_output_name(struct binder *b, const struct query *query, const struct ast_expr *ast,
                 const char *clause, unsigned *target_no_out, bool *found_out)
{
    *found_out = false;
    if (ast->kind != AST_COLUMN || ast->column.star || ast->column.name_count != 1) {
        return STATUS_OK;
    }
    const char *name = ast->column.names[0];
    unsigned count = bind__visible_count(query);
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(query->targets[i].name, name) != 0) {
            continue;
        }
        if (*found_out &&
            !expr_equal(query->targets[i].expr, query->targets[*target_no_out].expr)) {
            return bind__fail_at(b, ast->position,
                                 diag_fail(b->cx->diag, STATUS_INVALID,
                                           SQLSTATE_AMBIGUOUS_COLUMN, "%s \"%s\" is ambiguous",
                                           clause, name));
        }
        if (!*found_out) {
            *target_no_out = i;
        }
        *found_out = true;
    }
    return STATUS_OK;
}

static enum status
find_expression(struct binder *b, struct scope *scope, const struct ast_expr *ast,
                unsigned *target_no_out)
{
    struct query *query = scope->query;
    struct expr *expr = NULL;
    TRY(bind__expr(b, scope, ast, &expr));
    TRY(bind__resolve_unknown(b, &expr));
    for (unsigned i = 0; i < query->target_count; i++) {
        if (expr_equal(query->targets[i].expr, expr)) {
            *target_no_out = i;
            return STATUS_OK;
        }
    }
    *target_no_out = add_junk_target(b, query, expr);
    return STATUS_OK;
}

/* ---- ORDER BY ---- */

/* Where an expression that was not bound begins. */
static int
begin_of(const struct ast_expr *ast)
{
    int position = ast->position;
    bool starts_inside = ast->args.count > 0 && ast->kind != AST_FUNC && ast->kind != AST_CASE;
    if (starts_inside) {
        int inner = begin_of(ast->args.items[0]);
        position = inner > 0 && inner < position ? inner : position;
    }
    return position;
}

static void
add_sort_key(struct query *query, const struct ast_sort *ast, unsigned target_no)
{
    for (unsigned i = 0; i < query->sort_count; i++) {
        if (query->sort_keys[i].target_no == target_no) {
            return; /* equal there, equal here */
        }
    }
    query->sort_keys[query->sort_count++] = (struct sort_key){
        .target_no = target_no, .descending = ast->descending, .nulls_first = ast->nulls_first};
}

/* A number or a name of the result's columns. */
static enum status
find_output(struct binder *b, const struct query *query, const struct ast_expr *ast,
            unsigned *target_no_out, bool *found_out)
{
    TRY(find_position(b, query, ast, "ORDER BY", target_no_out, found_out));
    return *found_out ? STATUS_OK
                      : find_output_name(b, query, ast, "ORDER BY", target_no_out, found_out);
}

enum status
bind__order_by(struct binder *b, struct scope *scope, const struct ast_select *ast)
{
    struct query *query = scope->query;
    scope->clause = CLAUSE_ORDER_BY;
    query->sort_keys = arena_array(b->arena, struct sort_key, ast->order_by.count);
    for (unsigned i = 0; i < ast->order_by.count; i++) {
        const struct ast_sort *sort = &ast->order_by.items[i];
        unsigned target_no = 0;
        bool found;
        TRY(find_output(b, query, sort->expr, &target_no, &found));
        if (!found) {
            TRY(find_expression(b, scope, sort->expr, &target_no));
        }
        if (query->distinct && query->targets[target_no].junk) {
            return bind__fail_at(
                b, begin_of(sort->expr),
                diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_INVALID_COLUMN_REFERENCE,
                          "for SELECT DISTINCT, ORDER BY expressions must appear in select "
                          "list"));
        }
        add_sort_key(query, sort, target_no);
    }
    return STATUS_OK;
}

enum status
bind__set_order_by(struct binder *b, const struct ast_select *ast, struct query *query)
{
    query->sort_keys = arena_array(b->arena, struct sort_key, ast->order_by.count);
    for (unsigned i = 0; i < ast->order_by.count; i++) {
        const struct ast_sort *sort = &ast->order_by.items[i];
        unsigned target_no = 0;
        bool found;
        TRY(find_output(b, query, sort->expr, &target_no, &found));
        if (!found && sort->expr->kind == AST_COLUMN && sort->expr->column.name_count == 1 &&
            !sort->expr->column.star) {
            return bind__fail_at(
                b, sort->position,
                diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_UNDEFINED_COLUMN,
                          "column \"%s\" does not exist", sort->expr->column.names[0]));
        }
        if (!found) {
            enum status status =
                diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_FEATURE_NOT_SUPPORTED,
                          "invalid UNION/INTERSECT/EXCEPT ORDER BY clause");
            diag_detail(b->cx->diag,
                        "Only result column names can be used, not expressions or functions.");
            diag_hint(b->cx->diag, "Add the expression/function to every SELECT, or move the "
                                   "UNION into a FROM clause.");
            return bind__fail_at(b, begin_of(sort->expr), status);
        }
        add_sort_key(query, sort, target_no);
    }
    return STATUS_OK;
}

/* ---- GROUP BY ---- */

static bool
names_input_column(const struct scope *scope, const struct ast_expr *ast)
{
    unsigned count;
    return ast->kind == AST_COLUMN && ast->column.name_count == 1 && scope->names != NULL &&
           bind__find_visible(scope->names, ast->column.names[0], &count) != NULL;
}

struct aggregate_search {
    int position;
    bool found;
};

static void
note_aggregate(void *arg, struct expr *expr, unsigned depth)
{
    struct aggregate_search *search = arg;
    if (expr->kind == EXPR_AGGREGATE && depth == 0 && !search->found) {
        search->found = true;
        search->position = expr->position;
    }
}

static enum status
add_group(struct binder *b, struct query *query, unsigned target_no)
{
    struct aggregate_search search = {0};
    bind__walk(query->targets[target_no].expr, 0, note_aggregate, &search);
    if (search.found) {
        return bind__fail_at(b, search.position,
                             diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_GROUPING_ERROR,
                                       "aggregate functions are not allowed in GROUP BY"));
    }
    for (unsigned i = 0; i < query->group_count; i++) {
        if (query->group_targets[i] == target_no) {
            return STATUS_OK;
        }
    }
    unsigned *grown = arena_array(b->arena, unsigned, query->group_count + 1);
    if (query->group_count > 0) {
        memcpy(grown, query->group_targets, query->group_count * sizeof(*grown));
    }
    grown[query->group_count++] = target_no;
    query->group_targets = grown;
    return STATUS_OK;
}

static enum status
group_by_one(struct binder *b, struct scope *scope, const struct ast_expr *ast)
{
    if (ast->kind == AST_ROW) { /* GROUP BY (a, b) */
        for (unsigned i = 0; i < ast->args.count; i++) {
            TRY(group_by_one(b, scope, ast->args.items[i]));
        }
        return STATUS_OK;
    }
    struct query *query = scope->query;
    unsigned target_no = 0;
    bool found;
    TRY(find_position(b, query, ast, "GROUP BY", &target_no, &found));
    if (!found && !names_input_column(scope, ast)) {
        TRY(find_output_name(b, query, ast, "GROUP BY", &target_no, &found));
    }
    if (!found) {
        TRY(find_expression(b, scope, ast, &target_no));
    }
    return add_group(b, query, target_no);
}

enum status
bind__group_by(struct binder *b, struct scope *scope, const struct ast_select *ast)
{
    scope->clause = CLAUSE_GROUP_BY;
    for (unsigned i = 0; i < ast->group_by.count; i++) {
        TRY(group_by_one(b, scope, ast->group_by.items[i]));
    }
    return STATUS_OK;
}

/* ---- the rule of GROUP BY ---- */

struct group_check {
    struct binder *b;
    const struct query *query;
    enum status status;
};

static bool
is_grouped(const struct query *query, const struct expr *expr)
{
    for (unsigned i = 0; i < query->group_count; i++) {
        if (expr_equal(query->targets[query->group_targets[i]].expr, expr)) {
            return true;
        }
    }
    return false;
}

static bool
is_grouped_column(const struct query *query, unsigned range_no, unsigned column_no)
{
    struct expr column = {.kind = EXPR_COLUMN,
                          .type = query->ranges[range_no].columns[column_no].type,
                          .typmod = query->ranges[range_no].columns[column_no].typmod};
    column.column.range_no = range_no;
    column.column.column_no = column_no;
    return is_grouped(query, &column);
}

/* All columns of the primary key are grouped: the others depend on them. */
static bool
is_dependent(const struct query *query, unsigned range_no)
{
    const struct range *range = &query->ranges[range_no];
    if (range->kind != RANGE_TABLE) {
        return false;
    }
    for (unsigned i = 0; i < range->table->index_count; i++) {
        const struct index_def *index = &range->table->indexes[i];
        if (index->constraint != CONSTRAINT_PRIMARY) {
            continue;
        }
        for (unsigned k = 0; k < index->storage.column_count; k++) {
            if (!is_grouped_column(query, range_no, index->storage.columns[k].column_no)) {
                return false;
            }
        }
        return true;
    }
    return false;
}

/* Two texts of one sub-query are not seen to be the same. */
static bool
groups_by_subquery(const struct query *query)
{
    for (unsigned i = 0; i < query->group_count; i++) {
        if (bind__has_subquery(query->targets[query->group_targets[i]].expr)) {
            return true;
        }
    }
    return false;
}

static void
check_column(struct group_check *check, const struct expr *expr, bool in_subquery)
{
    const struct query *query = check->query;
    unsigned range_no = expr->column.range_no, column_no = expr->column.column_no;
    if (check->status != STATUS_OK || is_grouped_column(query, range_no, column_no) ||
        is_dependent(query, range_no)) {
        return;
    }
    const struct range *range = &query->ranges[range_no];
    struct diag *diag = check->b->cx->diag;
    if (in_subquery && groups_by_subquery(query)) {
        check->status = diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                                  "writing a sub-query of GROUP BY again is not supported");
        diag_hint(diag, "Group by the number of the column.");
    } else if (in_subquery) {
        check->status = diag_fail(diag, STATUS_INVALID, SQLSTATE_GROUPING_ERROR,
                                  "subquery uses ungrouped column \"%s.%s\" from outer query",
                                  range->alias, range->columns[column_no].name);
    } else {
        check->status =
            diag_fail(diag, STATUS_INVALID, SQLSTATE_GROUPING_ERROR,
                      "column \"%s.%s\" must appear in the GROUP BY clause or be used in an "
                      "aggregate function",
                      range->alias, range->columns[column_no].name);
    }
    check->status = bind__fail_at(check->b, expr->position, check->status);
}

static void
check_inner_column(void *arg, struct expr *expr, unsigned depth)
{
    if (expr->kind == EXPR_COLUMN && depth > 0 && expr->column.level == depth) {
        check_column(arg, expr, true);
    }
}

static void
check_expr(struct group_check *check, struct expr *expr)
{
    if (expr == NULL || check->status != STATUS_OK || expr->kind == EXPR_AGGREGATE ||
        is_grouped(check->query, expr)) {
        return;
    }
    if (expr->kind == EXPR_COLUMN) {
        if (expr->column.level == 0) {
            check_column(check, expr, false);
        }
        return;
    }
    for (unsigned i = 0; i < expr->arg_count; i++) {
        check_expr(check, expr->args[i]);
    }
    if (bind__has_subquery(expr)) {
        bind__walk_query(expr->op.subquery, 1, check_inner_column, check);
    }
}

enum status
bind__check_groups(struct binder *b, const struct query *query)
{
    if (!query->has_aggregates && query->group_count == 0 && query->having == NULL) {
        return STATUS_OK;
    }
    struct group_check check = {.b = b, .query = query};
    for (unsigned i = 0; i < query->target_count; i++) {
        check_expr(&check, query->targets[i].expr);
    }
    check_expr(&check, query->having);
    return check.status;
}

/* ---- LIMIT ---- */

static void
note_column(void *arg, struct expr *expr, unsigned depth)
{
    struct expr **found = arg;
    if (expr->kind == EXPR_COLUMN && expr->column.level == depth) {
        *found = expr;
    }
}

static enum status
bind_limit_expr(struct binder *b, struct scope *scope, const struct ast_expr *ast,
                enum clause clause, struct expr **expr_out)
{
    *expr_out = NULL;
    if (ast == NULL) {
        return STATUS_OK;
    }
    scope->clause = clause;
    TRY(bind__expr(b, scope, ast, expr_out));
    TRY(bind__require(b, *expr_out, TYPE_INT8, bind__clause_name(clause), expr_out));
    struct expr *column = NULL;
    bind__walk(*expr_out, 0, note_column, &column);
    if (column == NULL) {
        return STATUS_OK;
    }
    return bind__fail_at(
        b, column->position,
        diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_INVALID_COLUMN_REFERENCE,
                  "argument of %s must not contain variables", bind__clause_name(clause)));
}

enum status
bind__limit(struct binder *b, struct scope *scope, const struct ast_select *ast)
{
    struct query *query = scope->query;
    TRY(bind_limit_expr(b, scope, ast->limit, CLAUSE_LIMIT, &query->limit));
    return bind_limit_expr(b, scope, ast->offset, CLAUSE_OFFSET, &query->offset);
}
