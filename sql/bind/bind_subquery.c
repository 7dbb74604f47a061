/* bind_subquery.c: queries inside expressions: scalar, EXISTS, IN, ARRAY.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/bind/bind_internal.h"

static enum status
fail(struct binder *b, int position, const char *sqlstate, const char *message)
{
    return bind__fail_at(b, position,
                         diag_fail(b->cx->diag, STATUS_INVALID, sqlstate, "%s", message));
}

/* x op ANY (query) where op is "=": IN; and <> ALL, which is NOT IN. */
static enum status
bind_in(struct binder *b, struct scope *scope, const struct ast_expr *ast, struct query *query,
        struct expr **expr_out)
{
    const char *name = ast->op.name;
    bool is_in = ast->kind == AST_ANY_SUBQUERY && strcmp(name, "=") == 0;
    bool is_not_in = ast->kind == AST_ALL_SUBQUERY && strcmp(name, "<>") == 0;
    if (!is_in && !is_not_in) {
        return bind__fail_at(b, ast->position,
                             diag_fail(b->cx->diag, STATUS_UNSUPPORTED,
                                       SQLSTATE_FEATURE_NOT_SUPPORTED,
                                       "%s %s (sub-query) is not supported", name,
                                       ast->kind == AST_ANY_SUBQUERY ? "ANY" : "ALL"));
    }
    if (ast->args.items[0]->kind == AST_ROW) {
        return bind__fail_at(b, ast->position,
                             diag_fail(b->cx->diag, STATUS_UNSUPPORTED,
                                       SQLSTATE_FEATURE_NOT_SUPPORTED,
                                       "IN of a row and a sub-query is not supported"));
    }
    if (bind__visible_count(query) != 1) {
        return fail(b, ast->position, SQLSTATE_SYNTAX_ERROR,
                    bind__visible_count(query) > 1 ? "subquery has too many columns"
                                                   : "subquery has too few columns");
    }
    struct expr *left = NULL;
    TRY(bind__expr(b, scope, ast->args.items[0], &left));
    /* Types meet by a stand-in for the column, so that a cast of it can be hung on the query.
     */
    struct expr *column = bind__new(b, EXPR_COLUMN, query->targets[0].expr->type, 0);
    column->typmod = query->targets[0].expr->typmod;
    struct expr *as_operand = column;
    const struct func *func = NULL;
    TRY(bind__operator_of(b, "=", &left, &as_operand, ast->position, &func));
    if (as_operand != column) {
        if (!bind__targets_are_free(query)) {
            query = bind__wrap(b, query);
        }
        as_operand->args[0] = query->targets[0].expr;
        query->targets[0].expr = as_operand;
    }
    struct expr *expr =
        bind__new(b, EXPR_IN_SUBQUERY, TYPE_BOOL, bind__leftmost(ast->position, 1, &left));
    expr->op.func = func;
    expr->op.negated = is_not_in;
    expr->op.subquery = query;
    expr->arg_count = 1;
    expr->args = arena_array(b->arena, struct expr *, 1);
    expr->args[0] = left;
    *expr_out = expr;
    return STATUS_OK;
}

static enum status
bind_scalar_subquery(struct binder *b, const struct ast_expr *ast, struct query *query,
                     struct expr **expr_out)
{
    if (bind__visible_count(query) != 1) {
        return fail(b, ast->position, SQLSTATE_SYNTAX_ERROR,
                    "subquery must return only one column");
    }
    const struct expr *target = query->targets[0].expr;
    struct expr *expr = bind__new(b, EXPR_SUBQUERY, target->type, ast->position);
    expr->typmod = target->typmod;
    expr->op.subquery = query;
    *expr_out = expr;
    if (ast->kind == AST_SUBQUERY) {
        return STATUS_OK;
    }
    const struct type_info *info = type_info(target->type);
    if (info == NULL || info->array_type == TYPE_INVALID) {
        return bind__fail_at(b, ast->position,
                             diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_UNDEFINED_OBJECT,
                                       "could not find array type for data type %s",
                                       bind__type_text(b, target->type)));
    }
    expr->kind = EXPR_ARRAY_SUBQUERY;
    expr->type = info->array_type;
    expr->typmod = -1;
    return STATUS_OK;
}

enum status
bind__sublink(struct binder *b, struct scope *scope, const struct ast_expr *ast,
              struct expr **expr_out)
{
    if (scope == NULL || scope->clause == CLAUSE_DEFAULT ||
        scope->clause == CLAUSE_TABLE_EXPR) {
        return bind__fail_at(
            b, ast->position,
            diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "cannot use subquery in %s",
                      scope == NULL || scope->clause == CLAUSE_DEFAULT ? "DEFAULT expression"
                                                                       : "index expression"));
    }
    struct query *query = NULL;
    TRY(bind__select(b, scope, scope->with, ast->op.subquery, false, &query));
    switch (ast->kind) {
    case AST_EXISTS:
        *expr_out = bind__new(b, EXPR_EXISTS, TYPE_BOOL, ast->position);
        (*expr_out)->op.subquery = query;
        return STATUS_OK;
    case AST_ANY_SUBQUERY:
    case AST_ALL_SUBQUERY:
        return bind_in(b, scope, ast, query, expr_out);
    default:
        return bind_scalar_subquery(b, ast, query, expr_out);
    }
}
