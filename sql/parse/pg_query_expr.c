/* pg_query_expr.c: expressions, type names and sort lists.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/parse/pg_query_adapter.h"

#include <stdlib.h>

static struct ast_expr *
new_expr(struct reader *reader, enum ast_expr_kind kind, int location)
{
    struct ast_expr *expr = arena_new(reader->arena, struct ast_expr);
    expr->kind = kind;
    expr->position = parse__position(reader, location);
    return expr;
}

enum status
parse__exprs(struct reader *reader, size_t count, PgQuery__Node **nodes,
             struct ast_expr_list *list_out)
{
    list_out->count = (unsigned)count;
    list_out->items = arena_array(reader->arena, struct ast_expr *, count);
    for (size_t i = 0; i < count; i++) {
        TRY(parse__expr(reader, nodes[i], &list_out->items[i]));
    }
    return STATUS_OK;
}

/* Up to two names: schema (or NULL) and name. */
static enum status
read_qualified(struct reader *reader, size_t count, PgQuery__Node **nodes, const char **schema,
               const char **name)
{
    if (count == 0 || count > 3) {
        return diag_fail(reader->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                         "improper qualified name (too many dotted names)");
    }
    *schema = count >= 2 ? parse__string(reader, nodes[count - 2]) : NULL;
    *name = parse__string(reader, nodes[count - 1]);
    return STATUS_OK;
}

static enum status
read_modifier(struct reader *reader, const PgQuery__Node *node, int location,
              int32_t *value_out)
{
    if (node->node_case != PG_QUERY__NODE__NODE_A_CONST ||
        node->a_const->val_case != PG_QUERY__A__CONST__VAL_IVAL) {
        diag_position(reader->diag, parse__position(reader, location));
        enum status status =
            diag_fail(reader->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                      "type modifiers must be simple constants or identifiers");
        diag_position(reader->diag, parse__position(reader, location));
        return status;
    }
    *value_out = node->a_const->ival->ival;
    return STATUS_OK;
}

enum status
parse__type(struct reader *reader, const PgQuery__TypeName *node,
            struct ast_type_name *type_out)
{
    memset(type_out, 0, sizeof(*type_out));
    if (node->pct_type) {
        return parse__unsupported(reader, "%TYPE", node->location);
    }
    TRY(read_qualified(reader, node->n_names, node->names, &type_out->schema, &type_out->name));
    type_out->is_array = node->n_array_bounds > 0;
    type_out->is_setof = node->setof;
    type_out->position = parse__position(reader, node->location);
    if (node->n_typmods > ARRAY_SIZE(type_out->modifiers)) {
        return diag_fail(reader->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                         "invalid type modifier");
    }
    type_out->modifier_count = (unsigned)node->n_typmods;
    for (size_t i = 0; i < node->n_typmods; i++) {
        TRY(read_modifier(reader, node->typmods[i], node->location, &type_out->modifiers[i]));
    }
    return STATUS_OK;
}

enum status
parse__sort(struct reader *reader, size_t count, PgQuery__Node **nodes,
            struct ast_sort_list *list_out)
{
    list_out->count = (unsigned)count;
    list_out->items = arena_array(reader->arena, struct ast_sort, count);
    for (size_t i = 0; i < count; i++) {
        const PgQuery__SortBy *by = nodes[i]->sort_by;
        struct ast_sort *sort = &list_out->items[i];
        if (by->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_USING) {
            return parse__unsupported(reader, "ORDER BY USING", by->location);
        }
        TRY(parse__expr(reader, by->node, &sort->expr));
        sort->descending = by->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
        sort->nulls_given = by->sortby_nulls != PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT;
        sort->nulls_first =
            sort->nulls_given ? by->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST
                              : sort->descending;
        sort->position = sort->expr->position;
    }
    return STATUS_OK;
}

static enum status
read_constant(struct reader *reader, const PgQuery__AConst *node, struct ast_expr **expr_out)
{
    struct ast_expr *expr = new_expr(reader, AST_NULL, node->location);
    *expr_out = expr;
    if (node->isnull) {
        return STATUS_OK;
    }
    switch (node->val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL:
        expr->kind = AST_INTEGER;
        expr->integer = node->ival->ival;
        return STATUS_OK;
    case PG_QUERY__A__CONST__VAL_FVAL:
        expr->kind = AST_NUMBER;
        expr->text = arena_strdup(reader->arena, node->fval->fval);
        return STATUS_OK;
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
        expr->kind = AST_BOOLEAN;
        expr->boolean = node->boolval->boolval != 0;
        return STATUS_OK;
    case PG_QUERY__A__CONST__VAL_SVAL:
        expr->kind = AST_STRING;
        expr->text = arena_strdup(reader->arena, node->sval->sval);
        return STATUS_OK;
    default:
        return parse__unsupported(reader, "a bit string constant", node->location);
    }
}

static enum status
read_column(struct reader *reader, const PgQuery__ColumnRef *node, struct ast_expr **expr_out)
{
    struct ast_expr *expr = new_expr(reader, AST_COLUMN, node->location);
    *expr_out = expr;
    for (size_t i = 0; i < node->n_fields; i++) {
        if (node->fields[i]->node_case == PG_QUERY__NODE__NODE_A_STAR) {
            expr->column.star = true;
            continue;
        }
        if (expr->column.name_count == ARRAY_SIZE(expr->column.names)) {
            enum status status = diag_fail(reader->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                                           "improper qualified name (too many dotted names)");
            diag_position(reader->diag, expr->position);
            return status;
        }
        expr->column.names[expr->column.name_count++] = parse__string(reader, node->fields[i]);
    }
    return STATUS_OK;
}

static enum status
read_function(struct reader *reader, const PgQuery__FuncCall *node, struct ast_expr **expr_out)
{
    if (node->over != NULL) {
        return parse__unsupported(reader, "a window function (OVER)", node->location);
    }
    if (node->agg_within_group) {
        return parse__unsupported(reader, "WITHIN GROUP", node->location);
    }
    struct ast_expr *expr = new_expr(reader, AST_FUNC, node->location);
    *expr_out = expr;
    TRY(read_qualified(reader, node->n_funcname, node->funcname, &expr->op.schema,
                       &expr->op.name));
    expr->op.star = node->agg_star;
    expr->op.distinct = node->agg_distinct;
    expr->op.variadic = node->func_variadic;
    TRY(parse__exprs(reader, node->n_args, node->args, &expr->args));
    TRY(parse__sort(reader, node->n_agg_order, node->agg_order, &expr->op.order_by));
    return parse__expr(reader, node->agg_filter, &expr->op.filter);
}

static enum status
read_two_args(struct reader *reader, const PgQuery__Node *left, const PgQuery__Node *right,
              struct ast_expr *expr)
{
    expr->args.items = arena_array(reader->arena, struct ast_expr *, 2);
    if (left != NULL) {
        TRY(parse__expr(reader, left, &expr->args.items[expr->args.count++]));
    }
    if (right != NULL) {
        TRY(parse__expr(reader, right, &expr->args.items[expr->args.count++]));
    }
    return STATUS_OK;
}

/* args[0] = `first`, the others are a List's items. */
static enum status
read_first_and_list(struct reader *reader, const PgQuery__Node *first,
                    const PgQuery__Node *list_node, struct ast_expr *expr)
{
    const PgQuery__List *list = list_node->list;
    expr->args.count = (unsigned)list->n_items + 1;
    expr->args.items = arena_array(reader->arena, struct ast_expr *, expr->args.count);
    TRY(parse__expr(reader, first, &expr->args.items[0]));
    for (size_t i = 0; i < list->n_items; i++) {
        TRY(parse__expr(reader, list->items[i], &expr->args.items[i + 1]));
    }
    return STATUS_OK;
}

static bool
is_negated_operator(const char *name)
{
    return name[0] == '!' || strcmp(name, "<>") == 0;
}

static enum status
read_a_expr(struct reader *reader, const PgQuery__AExpr *node, struct ast_expr **expr_out)
{
    struct ast_expr *expr = new_expr(reader, AST_OPERATOR, node->location);
    *expr_out = expr;
    TRY(read_qualified(reader, node->n_name, node->name, &expr->op.schema, &expr->op.name));
    switch (node->kind) {
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
    case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE:
    case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE:
        break;
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY:
        expr->kind = AST_ANY_ARRAY;
        break;
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL:
        expr->kind = AST_ALL_ARRAY;
        break;
    case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT:
        expr->kind = AST_DISTINCT_FROM;
        break;
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT:
        expr->kind = AST_NOT_DISTINCT_FROM;
        break;
    case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF:
        expr->kind = AST_NULLIF;
        break;
    case PG_QUERY__A__EXPR__KIND__AEXPR_IN:
        expr->kind = AST_IN_LIST;
        expr->op.negated = is_negated_operator(expr->op.name);
        return read_first_and_list(reader, node->lexpr, node->rexpr, expr);
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM:
        expr->kind = AST_BETWEEN;
        expr->op.negated = node->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN ||
                           node->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
        expr->op.symmetric = node->kind == PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM ||
                             node->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
        return read_first_and_list(reader, node->lexpr, node->rexpr, expr);
    default:
        return parse__unsupported(reader, "SIMILAR TO", node->location);
    }
    return read_two_args(reader, node->lexpr, node->rexpr, expr);
}

static enum status
read_sublink(struct reader *reader, const PgQuery__SubLink *node, struct ast_expr **expr_out)
{
    struct ast_expr *expr = new_expr(reader, AST_SUBQUERY, node->location);
    *expr_out = expr;
    switch (node->sub_link_type) {
    case PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK:
        expr->kind = AST_EXISTS;
        break;
    case PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK:
        expr->kind = AST_ANY_SUBQUERY;
        break;
    case PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK:
        expr->kind = AST_ALL_SUBQUERY;
        break;
    case PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK:
        break;
    case PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK:
        expr->kind = AST_ARRAY_SUBQUERY;
        break;
    default:
        return parse__unsupported(reader, "this form of sub-query", node->location);
    }
    if (node->n_oper_name > 0) {
        TRY(read_qualified(reader, node->n_oper_name, node->oper_name, &expr->op.schema,
                           &expr->op.name));
    } else if (expr->kind == AST_ANY_SUBQUERY) {
        expr->op.name = "=";
    }
    TRY(read_two_args(reader, node->testexpr, NULL, expr));
    expr->op.subquery = arena_new(reader->arena, struct ast_select);
    return parse__select(reader, node->subselect->select_stmt, expr->op.subquery);
}

static enum status
read_case(struct reader *reader, const PgQuery__CaseExpr *node, struct ast_expr **expr_out)
{
    struct ast_expr *expr = new_expr(reader, AST_CASE, node->location);
    *expr_out = expr;
    expr->args.items = arena_array(reader->arena, struct ast_expr *, node->n_args * 2 + 1);
    TRY(parse__expr(reader, node->arg, &expr->case_of.operand));
    for (size_t i = 0; i < node->n_args; i++) {
        const PgQuery__CaseWhen *when = node->args[i]->case_when;
        TRY(parse__expr(reader, when->expr, &expr->args.items[expr->args.count++]));
        TRY(parse__expr(reader, when->result, &expr->args.items[expr->args.count++]));
    }
    expr->case_of.has_else = node->defresult != NULL;
    if (expr->case_of.has_else) {
        TRY(parse__expr(reader, node->defresult, &expr->args.items[expr->args.count++]));
    }
    return STATUS_OK;
}

static enum status
read_cast(struct reader *reader, const PgQuery__TypeCast *node, struct ast_expr **expr_out)
{
    struct ast_expr *expr = new_expr(reader, AST_CAST, node->location);
    *expr_out = expr;
    TRY(parse__type(reader, node->type_name, &expr->type));
    return read_two_args(reader, node->arg, NULL, expr);
}

static enum status
read_collate(struct reader *reader, const PgQuery__CollateClause *node,
             struct ast_expr **expr_out)
{
    struct ast_expr *expr = new_expr(reader, AST_COLLATE, node->location);
    *expr_out = expr;
    TRY(read_qualified(reader, node->n_collname, node->collname, &expr->op.schema,
                       &expr->op.name));
    return read_two_args(reader, node->arg, NULL, expr);
}

static enum status
read_bool_expr(struct reader *reader, const PgQuery__BoolExpr *node, struct ast_expr **expr_out)
{
    enum ast_expr_kind kind = node->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR  ? AST_AND
                              : node->boolop == PG_QUERY__BOOL_EXPR_TYPE__OR_EXPR ? AST_OR
                                                                                  : AST_NOT;
    *expr_out = new_expr(reader, kind, node->location);
    return parse__exprs(reader, node->n_args, node->args, &(*expr_out)->args);
}

static enum status
read_boolean_test(struct reader *reader, const PgQuery__BooleanTest *node,
                  struct ast_expr **expr_out)
{
    static const enum ast_expr_kind kinds[] = {
        [PG_QUERY__BOOL_TEST_TYPE__IS_TRUE] = AST_IS_TRUE,
        [PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE] = AST_IS_NOT_TRUE,
        [PG_QUERY__BOOL_TEST_TYPE__IS_FALSE] = AST_IS_FALSE,
        [PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE] = AST_IS_NOT_FALSE,
        [PG_QUERY__BOOL_TEST_TYPE__IS_UNKNOWN] = AST_IS_UNKNOWN,
        [PG_QUERY__BOOL_TEST_TYPE__IS_NOT_UNKNOWN] = AST_IS_NOT_UNKNOWN,
    };
    *expr_out = new_expr(reader, kinds[node->booltesttype], node->location);
    return read_two_args(reader, node->arg, NULL, *expr_out);
}

static enum status
read_null_test(struct reader *reader, const PgQuery__NullTest *node, struct ast_expr **expr_out)
{
    bool is_null = node->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NULL;
    *expr_out = new_expr(reader, is_null ? AST_IS_NULL : AST_IS_NOT_NULL, node->location);
    return read_two_args(reader, node->arg, NULL, *expr_out);
}

static enum status
read_value_function(struct reader *reader, const PgQuery__SQLValueFunction *node,
                    struct ast_expr **expr_out)
{
    static const char *const names[] = {
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE] = "current_date",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIME] = "current_time",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIME_N] = "current_time",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP] = "current_timestamp",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP_N] = "current_timestamp",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME] = "localtime",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME_N] = "localtime",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP] = "localtimestamp",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP_N] = "localtimestamp",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE] = "current_role",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_USER] = "current_user",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_USER] = "user",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_SESSION_USER] = "session_user",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_CATALOG] = "current_catalog",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA] = "current_schema",
    };
    struct ast_expr *expr = new_expr(reader, AST_VALUE_FUNC, node->location);
    *expr_out = expr;
    bool is_known = (size_t)node->op < ARRAY_SIZE(names) && names[node->op] != NULL;
    if (!is_known) {
        return parse__unsupported(reader, "this SQL value function", node->location);
    }
    expr->op.name = names[node->op];
    expr->op.precision = node->typmod;
    return STATUS_OK;
}

/* a[1][2]: one subscript around the other. */
static enum status
read_indirection(struct reader *reader, const PgQuery__AIndirection *node,
                 struct ast_expr **expr_out)
{
    struct ast_expr *inner = NULL;
    TRY(parse__expr(reader, node->arg, &inner));
    for (size_t i = 0; i < node->n_indirection; i++) {
        const PgQuery__Node *step = node->indirection[i];
        if (step->node_case != PG_QUERY__NODE__NODE_A_INDICES) {
            return parse__unsupported(reader, "selecting a field of a composite value", -1);
        }
        if (step->a_indices->is_slice) {
            return parse__unsupported(reader, "an array slice", -1);
        }
        struct ast_expr *outer = new_expr(reader, AST_SUBSCRIPT, -1);
        outer->position = inner->position;
        outer->args.count = 2;
        outer->args.items = arena_array(reader->arena, struct ast_expr *, 2);
        outer->args.items[0] = inner;
        TRY(parse__expr(reader, step->a_indices->uidx, &outer->args.items[1]));
        inner = outer;
    }
    *expr_out = inner;
    return STATUS_OK;
}

static enum status
read_list_expr(struct reader *reader, enum ast_expr_kind kind, int location, size_t count,
               PgQuery__Node **nodes, struct ast_expr **expr_out)
{
    *expr_out = new_expr(reader, kind, location);
    return parse__exprs(reader, count, nodes, &(*expr_out)->args);
}

static enum status
read_rare(struct reader *reader, const PgQuery__Node *node, struct ast_expr **expr_out)
{
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_SET_TO_DEFAULT:
        *expr_out = new_expr(reader, AST_DEFAULT, node->set_to_default->location);
        return STATUS_OK;
    case PG_QUERY__NODE__NODE_A_INDIRECTION:
        return read_indirection(reader, node->a_indirection, expr_out);
    case PG_QUERY__NODE__NODE_GROUPING_SET:
        return parse__unsupported(reader, "GROUP BY with GROUPING SETS, ROLLUP or CUBE",
                                  node->grouping_set->location);
    case PG_QUERY__NODE__NODE_GROUPING_FUNC:
        return parse__unsupported(reader, "GROUPING", node->grouping_func->location);
    case PG_QUERY__NODE__NODE_CURRENT_OF_EXPR:
        return parse__unsupported(reader, "WHERE CURRENT OF", -1);
    case PG_QUERY__NODE__NODE_NAMED_ARG_EXPR:
        return parse__unsupported(reader, "a named argument", node->named_arg_expr->location);
    case PG_QUERY__NODE__NODE_XML_EXPR:
    case PG_QUERY__NODE__NODE_XML_SERIALIZE:
        return parse__unsupported(reader, "an XML expression", -1);
    default:
        return parse__unsupported(reader, "this kind of expression", -1);
    }
}

enum status
parse__expr(struct reader *reader, const PgQuery__Node *node, struct ast_expr **expr_out)
{
    *expr_out = NULL;
    if (node == NULL) {
        return STATUS_OK;
    }
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_A_CONST:
        return read_constant(reader, node->a_const, expr_out);
    case PG_QUERY__NODE__NODE_COLUMN_REF:
        return read_column(reader, node->column_ref, expr_out);
    case PG_QUERY__NODE__NODE_PARAM_REF:
        *expr_out = new_expr(reader, AST_PARAM, node->param_ref->location);
        (*expr_out)->param_no = (unsigned)node->param_ref->number;
        return STATUS_OK;
    case PG_QUERY__NODE__NODE_A_EXPR:
        return read_a_expr(reader, node->a_expr, expr_out);
    case PG_QUERY__NODE__NODE_FUNC_CALL:
        return read_function(reader, node->func_call, expr_out);
    case PG_QUERY__NODE__NODE_BOOL_EXPR:
        return read_bool_expr(reader, node->bool_expr, expr_out);
    case PG_QUERY__NODE__NODE_TYPE_CAST:
        return read_cast(reader, node->type_cast, expr_out);
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
        return read_collate(reader, node->collate_clause, expr_out);
    case PG_QUERY__NODE__NODE_SUB_LINK:
        return read_sublink(reader, node->sub_link, expr_out);
    case PG_QUERY__NODE__NODE_CASE_EXPR:
        return read_case(reader, node->case_expr, expr_out);
    case PG_QUERY__NODE__NODE_NULL_TEST:
        return read_null_test(reader, node->null_test, expr_out);
    case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
        return read_boolean_test(reader, node->boolean_test, expr_out);
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
        return read_value_function(reader, node->sqlvalue_function, expr_out);
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
        return read_list_expr(reader, AST_ARRAY, node->a_array_expr->location,
                              node->a_array_expr->n_elements, node->a_array_expr->elements,
                              expr_out);
    case PG_QUERY__NODE__NODE_ROW_EXPR:
        return read_list_expr(reader, AST_ROW, node->row_expr->location, node->row_expr->n_args,
                              node->row_expr->args, expr_out);
    case PG_QUERY__NODE__NODE_COALESCE_EXPR:
        return read_list_expr(reader, AST_COALESCE, node->coalesce_expr->location,
                              node->coalesce_expr->n_args, node->coalesce_expr->args, expr_out);
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
        return read_list_expr(reader,
                              node->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST
                                  ? AST_GREATEST
                                  : AST_LEAST,
                              node->min_max_expr->location, node->min_max_expr->n_args,
                              node->min_max_expr->args, expr_out);
    default:
        return read_rare(reader, node, expr_out);
    }
}
