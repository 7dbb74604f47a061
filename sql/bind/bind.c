/* bind.c: the binder's doors. SPDX-License-Identifier: Apache-2.0 */
#include "sql/bind/bind.h"

#include "sql/bind/bind_internal.h"

/* Every parameter has a type by now, or the statement cannot tell it. */
static enum status
close_params(struct binder *b)
{
    if (b->params == NULL) {
        return STATUS_OK;
    }
    for (struct param_use *use = b->open_params; use != NULL; use = use->next) {
        enum type_id type = b->params->types[use->expr->param_no - 1];
        if (use->expr->type == TYPE_UNKNOWN && type != TYPE_INVALID) {
            use->expr->type = type; /* another use of it told */
        }
    }
    for (unsigned i = 0; i < b->params->count; i++) {
        enum type_id type = b->params->types[i];
        if (type == TYPE_INVALID || type == TYPE_UNKNOWN) {
            return diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_INDETERMINATE_DATATYPE,
                             "could not determine data type of parameter $%u", i + 1);
        }
    }
    return STATUS_OK;
}

enum status
bind_query(struct sql_context *cx, const struct ast_statement *statement,
           struct bind_params *params, struct query **query_out)
{
    struct binder b = {.cx = cx, .arena = cx->arena, .params = params};
    *query_out = NULL;
    struct query *query = NULL;
    switch (statement->kind) {
    case AST_SELECT:
        TRY(bind__select(&b, NULL, NULL, &statement->select, false, &query));
        break;
    case AST_INSERT:
        TRY(bind__insert(&b, &statement->insert, &query));
        break;
    case AST_UPDATE:
        TRY(bind__update(&b, &statement->update, &query));
        break;
    case AST_DELETE:
        TRY(bind__delete(&b, &statement->delete_from, &query));
        break;
    case AST_UNSUPPORTED:
        if (cx->diag != NULL && cx->diag->status == STATUS_OK) {
            *cx->diag = *statement->unsupported;
        }
        return STATUS_UNSUPPORTED;
    default:
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INTERNAL_ERROR,
                         "this kind of statement is not a query");
    }
    TRY(close_params(&b));
    *query_out = query;
    return STATUS_OK;
}

enum status
bind_scalar(struct sql_context *cx, const struct ast_expr *ast, enum type_id type,
            int32_t typmod, struct expr **expr_out)
{
    struct binder b = {.cx = cx, .arena = cx->arena};
    struct scope scope = {.clause = CLAUSE_DEFAULT};
    TRY(bind__expr(&b, &scope, ast, expr_out));
    const struct column_def column = {.name = "?column?", .type = type, .typmod = typmod};
    return bind__assign(&b, *expr_out, &column, expr_out);
}

enum status
bind_over_table(struct sql_context *cx, const struct ast_expr *ast,
                const struct table_def *table, struct expr **expr_out)
{
    struct binder b = {.cx = cx, .arena = cx->arena};
    struct query *query = bind__new_query(&b, QUERY_SELECT);
    const struct ast_relation relation = {.name = table->name};
    unsigned range_no;
    TRY(bind__table_range(&b, query, &relation, table, &range_no));
    struct scope scope = {.query = query, .clause = CLAUSE_TABLE_EXPR};
    scope.names = bind__range_names(&b, query, range_no, table->schema_name);
    TRY(bind__expr(&b, &scope, ast, expr_out));
    return bind__resolve_unknown(&b, expr_out);
}

enum status
bind_type_name(struct sql_context *cx, const struct ast_type_name *name, enum type_id *type_out,
               int32_t *typmod_out)
{
    struct binder b = {.cx = cx, .arena = cx->arena};
    return bind__type_name(&b, name, type_out, typmod_out);
}
