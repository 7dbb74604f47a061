/* bind_expr.c: expressions: operators, conditions, CASE, lists.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/bind/bind_internal.h"

#include <errno.h>
#include <stdlib.h>

static enum status
unsupported(struct binder *b, const char *what, int position)
{
    return bind__fail_at(b, position,
                         diag_fail(b->cx->diag, STATUS_UNSUPPORTED,
                                   SQLSTATE_FEATURE_NOT_SUPPORTED, "%s not supported", what));
}

/* ---- constants and parameters ---- */

static enum status
bind_number(struct binder *b, const struct ast_expr *ast, struct expr **expr_out)
{
    struct expr *expr = bind__new(b, EXPR_CONST, TYPE_INT8, ast->position);
    *expr_out = expr;
    char *end = NULL;
    errno = 0;
    long long number = strtoll(ast->text, &end, 10);
    if (errno == 0 && *end == '\0' && end != ast->text) {
        if (number == INT32_MIN) { /* the grammar reads its digits before the sign: too many */
            expr->type = TYPE_INT4;
            expr->constant.i32 = INT32_MIN;
            return STATUS_OK;
        }
        expr->constant.i64 = number;
        return STATUS_OK;
    }
    expr->type = TYPE_NUMERIC;
    enum status status = value_from_text(TYPE_NUMERIC, -1, slice_from_text(ast->text), b->arena,
                                         &expr->constant, b->cx->diag);
    return bind__fail_at(b, status == STATUS_OK ? 0 : ast->position, status);
}

static enum status
bind_param(struct binder *b, const struct ast_expr *ast, struct expr **expr_out)
{
    unsigned no = ast->param_no;
    struct bind_params *params = b->params;
    if (params == NULL || no == 0 || no > UINT16_MAX) {
        return bind__fail_at(b, ast->position,
                             diag_fail(b->cx->diag, STATUS_INVALID,
                                       SQLSTATE_UNDEFINED_PARAMETER,
                                       "there is no parameter $%u", no));
    }
    if (no > params->capacity) {
        unsigned capacity = MAX(no, params->capacity * 2 + 8);
        enum type_id *types = arena_array(b->arena, enum type_id, capacity);
        if (params->count > 0) {
            memcpy(types, params->types, params->count * sizeof(*types));
        }
        params->types = types;
        params->capacity = capacity;
    }
    for (; params->count < no; params->count++) {
        params->types[params->count] = TYPE_INVALID;
    }
    enum type_id type = params->types[no - 1];
    struct expr *expr =
        bind__new(b, EXPR_PARAM, type == TYPE_INVALID ? TYPE_UNKNOWN : type, ast->position);
    expr->param_no = no;
    *expr_out = expr;
    if (expr->type == TYPE_UNKNOWN) {
        struct param_use *use = arena_new(b->arena, struct param_use);
        *use = (struct param_use){.expr = expr, .next = b->open_params};
        b->open_params = use;
    }
    return STATUS_OK;
}

static enum status
bind_constant(struct binder *b, const struct ast_expr *ast, struct expr **expr_out)
{
    struct expr *expr;
    switch (ast->kind) {
    case AST_BOOLEAN:
        expr = bind__new(b, EXPR_CONST, TYPE_BOOL, ast->position);
        expr->constant.b = ast->boolean;
        break;
    case AST_INTEGER:
        expr = bind__new(b, EXPR_CONST, TYPE_INT4, ast->position);
        expr->constant.i32 = ast->integer;
        break;
    case AST_NUMBER:
        return bind_number(b, ast, expr_out);
    case AST_STRING:
        expr = bind__new(b, EXPR_CONST, TYPE_UNKNOWN, ast->position);
        expr->constant.bytes = slice_from_text(ast->text);
        break;
    default:
        expr = bind__new(b, EXPR_CONST, TYPE_UNKNOWN, ast->position);
        expr->constant.is_null = true;
        break;
    }
    *expr_out = expr;
    return STATUS_OK;
}

/* ---- operators ---- */

static enum status
check_schema(struct binder *b, const char *schema, const char *name, int position)
{
    if (schema == NULL || strcmp(schema, "pg_catalog") == 0) {
        return STATUS_OK;
    }
    return bind__fail_at(b, position,
                         diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_UNDEFINED_FUNCTION,
                                   "operator does not exist: %s.%s", schema, name));
}

static enum status
resolve_operator(struct binder *b, const char *name, struct expr **args, unsigned count,
                 int position, struct func_match *match_out)
{
    enum type_id types[2] = {TYPE_INVALID, TYPE_INVALID};
    for (unsigned i = 0; i < count; i++) {
        types[i] = args[i]->type;
    }
    enum status status = operator_resolve(name, types, count, match_out, b->cx->diag);
    if (status != STATUS_OK) {
        return bind__fail_at(b, position, status);
    }
    for (unsigned i = 0; i < count; i++) {
        TRY(bind__coerce(b, args[i], match_out->arg_types[i], -1, CAST_IMPLICIT, position,
                         &args[i]));
    }
    return STATUS_OK;
}

enum status
bind__operator(struct binder *b, const char *schema, const char *name, struct expr *left,
               struct expr *right, int position, struct expr **expr_out)
{
    TRY(check_schema(b, schema, name, position));
    unsigned count = left == NULL ? 1 : 2;
    struct expr **args = arena_array(b->arena, struct expr *, count);
    args[0] = left == NULL ? right : left;
    if (count == 2) {
        args[1] = right;
    }
    struct func_match match = {0};
    TRY(resolve_operator(b, name, args, count, position, &match));
    struct expr *expr =
        bind__new(b, EXPR_FUNC, match.result, bind__leftmost(position, count, args));
    expr->op.func = match.func;
    expr->arg_count = count;
    expr->args = args;
    *expr_out = expr;
    return STATUS_OK;
}

enum status
bind__operator_of(struct binder *b, const char *name, struct expr **left, struct expr **right,
                  int position, const struct func **func_out)
{
    struct expr *args[2] = {*left, *right};
    struct func_match match = {0};
    TRY(resolve_operator(b, name, args, 2, position, &match));
    *left = args[0];
    *right = args[1];
    *func_out = match.func;
    return STATUS_OK;
}

static struct expr *
new_logic(struct binder *b, enum expr_kind kind, struct expr *first, struct expr *second)
{
    struct expr *expr = bind__new(b, kind, TYPE_BOOL, first->position);
    expr->arg_count = second == NULL ? 1 : 2;
    expr->args = arena_array(b->arena, struct expr *, 2);
    expr->args[0] = first;
    expr->args[1] = second;
    return expr;
}

/* (a, b) = (c, d) is a = c AND b = d; <> the opposite. */
static enum status
bind_row_equality(struct binder *b, struct scope *scope, const struct ast_expr *left,
                  const struct ast_expr *right, int position, bool negated,
                  struct expr **expr_out)
{
    if (left->args.count != right->args.count) {
        return bind__fail_at(b, position,
                             diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                                       "unequal number of entries in row expressions"));
    }
    *expr_out = NULL;
    for (unsigned i = 0; i < left->args.count; i++) {
        struct expr *one = NULL, *other = NULL, *equal = NULL;
        TRY(bind__expr(b, scope, left->args.items[i], &one));
        TRY(bind__expr(b, scope, right->args.items[i], &other));
        TRY(bind__operator(b, NULL, negated ? "<>" : "=", one, other, position, &equal));
        *expr_out = *expr_out == NULL
                        ? equal
                        : new_logic(b, negated ? EXPR_OR : EXPR_AND, *expr_out, equal);
    }
    return *expr_out != NULL ? STATUS_OK
                             : bind__fail_at(b, position,
                                             diag_fail(b->cx->diag, STATUS_UNSUPPORTED,
                                                       SQLSTATE_FEATURE_NOT_SUPPORTED,
                                                       "cannot compare rows of zero length"));
}

static enum status
bind_operator_ast(struct binder *b, struct scope *scope, const struct ast_expr *ast,
                  struct expr **expr_out)
{
    const struct ast_expr *first = ast->args.items[0];
    const struct ast_expr *last = ast->args.items[ast->args.count - 1];
    if (ast->args.count == 2 && first->kind == AST_ROW && last->kind == AST_ROW) {
        bool negated = strcmp(ast->op.name, "<>") == 0;
        if (!negated && strcmp(ast->op.name, "=") != 0) {
            return unsupported(b, "ordering of rows by < or > is", ast->position);
        }
        return bind_row_equality(b, scope, first, last, ast->position, negated, expr_out);
    }
    struct expr *left = NULL, *right = NULL;
    if (ast->args.count == 2) {
        TRY(bind__expr(b, scope, first, &left));
    }
    TRY(bind__expr(b, scope, last, &right));
    return bind__operator(b, ast->op.schema, ast->op.name, left, right, ast->position,
                          expr_out);
}

/* ---- conditions ---- */

enum status
bind__condition(struct binder *b, struct scope *scope, const struct ast_expr *ast,
                const char *what, struct expr **expr_out)
{
    *expr_out = NULL;
    if (ast == NULL) {
        return STATUS_OK;
    }
    TRY(bind__expr(b, scope, ast, expr_out));
    return bind__require(b, *expr_out, TYPE_BOOL, what, expr_out);
}

static enum status
bind_logic(struct binder *b, struct scope *scope, const struct ast_expr *ast,
           struct expr **expr_out)
{
    const char *what = ast->kind == AST_AND ? "AND" : ast->kind == AST_OR ? "OR" : "NOT";
    if (ast->kind == AST_NOT && ast->args.items[0]->kind == AST_ANY_SUBQUERY) {
        TRY(bind__sublink(b, scope, ast->args.items[0], expr_out));
        if ((*expr_out)->kind == EXPR_IN_SUBQUERY) { /* NOT IN is one node */
            (*expr_out)->op.negated = !(*expr_out)->op.negated;
            return STATUS_OK;
        }
        *expr_out = new_logic(b, EXPR_NOT, *expr_out, NULL);
        return STATUS_OK;
    }
    struct expr *expr = bind__new(b,
                                  ast->kind == AST_AND  ? EXPR_AND
                                  : ast->kind == AST_OR ? EXPR_OR
                                                        : EXPR_NOT,
                                  TYPE_BOOL, ast->position);
    expr->arg_count = ast->args.count;
    expr->args = arena_array(b->arena, struct expr *, ast->args.count);
    for (unsigned i = 0; i < ast->args.count; i++) {
        TRY(bind__condition(b, scope, ast->args.items[i], what, &expr->args[i]));
    }
    expr->position = bind__leftmost(ast->position, expr->arg_count, expr->args);
    *expr_out = expr;
    return STATUS_OK;
}

static enum status
bind_null_test(struct binder *b, struct scope *scope, const struct ast_expr *ast,
               struct expr **expr_out)
{
    if (ast->args.items[0]->kind == AST_ROW) {
        return unsupported(b, "IS NULL of a row is", ast->position);
    }
    struct expr *arg = NULL;
    TRY(bind__expr(b, scope, ast->args.items[0], &arg));
    if (arg->kind == EXPR_CONST) { /* a parameter stays open: another use may give its type */
        TRY(bind__resolve_unknown(b, &arg));
    }
    *expr_out =
        new_logic(b, ast->kind == AST_IS_NULL ? EXPR_IS_NULL : EXPR_IS_NOT_NULL, arg, NULL);
    return STATUS_OK;
}

static enum status
bind_boolean_test(struct binder *b, struct scope *scope, const struct ast_expr *ast,
                  struct expr **expr_out)
{
    static const struct boolean_test {
        enum ast_expr_kind ast;
        enum expr_kind kind;
        const char *name;
    } tests[] = {
        {AST_IS_TRUE, EXPR_IS_TRUE, "IS TRUE"},
        {AST_IS_NOT_TRUE, EXPR_IS_NOT_TRUE, "IS NOT TRUE"},
        {AST_IS_FALSE, EXPR_IS_FALSE, "IS FALSE"},
        {AST_IS_NOT_FALSE, EXPR_IS_NOT_FALSE, "IS NOT FALSE"},
        {AST_IS_UNKNOWN, EXPR_IS_NULL, "IS UNKNOWN"},
        {AST_IS_NOT_UNKNOWN, EXPR_IS_NOT_NULL, "IS NOT UNKNOWN"},
    };
    size_t i = 0;
    while (tests[i].ast != ast->kind) {
        i++;
        ASSERT(i < ARRAY_SIZE(tests));
    }
    struct expr *arg = NULL;
    TRY(bind__condition(b, scope, ast->args.items[0], tests[i].name, &arg));
    *expr_out = new_logic(b, tests[i].kind, arg, NULL);
    return STATUS_OK;
}

static enum status
bind_distinct(struct binder *b, struct scope *scope, const struct ast_expr *ast,
              struct expr **expr_out)
{
    struct expr *left = NULL, *right = NULL;
    const struct func *func = NULL;
    if (ast->args.items[0]->kind == AST_ROW) {
        return unsupported(b, "IS DISTINCT FROM of rows is", ast->position);
    }
    TRY(bind__expr(b, scope, ast->args.items[0], &left));
    TRY(bind__expr(b, scope, ast->args.items[1], &right));
    TRY(bind__operator_of(b, "=", &left, &right, ast->position, &func));
    *expr_out = new_logic(b, EXPR_DISTINCT, left, right);
    (*expr_out)->op.func = func;
    if (ast->kind == AST_NOT_DISTINCT_FROM) {
        *expr_out = new_logic(b, EXPR_NOT, *expr_out, NULL);
    }
    return STATUS_OK;
}

/* BETWEEN and CASE repeat an operand; inside each other they would repeat without end. */
static enum status
begin_copies(struct binder *b, unsigned times, int position, unsigned *before_out)
{
    *before_out = b->copies;
    b->copies = MIN(MAX(b->copies, 1U) * MAX(times, 1U), BIND_COPIES_MAX + 1U);
    if (b->copies > BIND_COPIES_MAX && *before_out > 1) {
        return bind__fail_at(b, position,
                             diag_fail(b->cx->diag, STATUS_LIMIT,
                                       SQLSTATE_STATEMENT_TOO_COMPLEX,
                                       "BETWEEN and CASE are nested too deeply"));
    }
    return STATUS_OK;
}

static enum status
bind_between_pair(struct binder *b, struct expr *value, struct expr *low, struct expr *high,
                  const struct ast_expr *ast, struct expr **expr_out)
{
    bool negated = ast->op.negated;
    struct expr *above = NULL, *below = NULL;
    TRY(bind__operator(b, NULL, negated ? "<" : ">=", value, low, ast->position, &above));
    TRY(bind__operator(b, NULL, negated ? ">" : "<=", value, high, ast->position, &below));
    *expr_out = new_logic(b, negated ? EXPR_OR : EXPR_AND, above, below);
    return STATUS_OK;
}

static enum status
bind_between(struct binder *b, struct scope *scope, const struct ast_expr *ast,
             struct expr **expr_out)
{
    struct expr *args[3];
    unsigned copies;
    TRY(begin_copies(b, ast->op.symmetric ? 4 : 2, ast->position, &copies));
    for (unsigned i = 0; i < 3; i++) {
        TRY(bind__expr(b, scope, ast->args.items[i], &args[i]));
    }
    b->copies = copies;
    TRY(bind_between_pair(b, args[0], args[1], args[2], ast, expr_out));
    if (ast->op.symmetric) {
        struct expr *other = NULL;
        TRY(bind_between_pair(b, args[0], args[2], args[1], ast, &other));
        *expr_out = new_logic(b, ast->op.negated ? EXPR_AND : EXPR_OR, *expr_out, other);
    }
    return STATUS_OK;
}

/* ---- IN, ANY, ALL ---- */

static enum status
in_as_comparisons(struct binder *b, struct expr **args, unsigned count,
                  const struct ast_expr *ast, struct expr **expr_out)
{
    bool negated = ast->op.negated;
    struct expr *all = bind__new(b, negated ? EXPR_AND : EXPR_OR, TYPE_BOOL, ast->position);
    all->arg_count = count - 1;
    all->args = arena_array(b->arena, struct expr *, count - 1);
    for (unsigned i = 1; i < count; i++) {
        TRY(bind__operator(b, NULL, negated ? "<>" : "=", args[0], args[i], ast->position,
                           &all->args[i - 1]));
    }
    *expr_out = count == 2 ? all->args[0] : all;
    return STATUS_OK;
}

static enum status
bind_in_rows(struct binder *b, struct scope *scope, const struct ast_expr *ast,
             struct expr **expr_out)
{
    bool negated = ast->op.negated;
    *expr_out = NULL;
    unsigned copies;
    TRY(begin_copies(b, ast->args.count, ast->position, &copies));
    for (unsigned i = 1; i < ast->args.count; i++) {
        struct expr *one = NULL;
        if (ast->args.items[i]->kind != AST_ROW) {
            return unsupported(b, "IN of a row and a single value is", ast->position);
        }
        TRY(bind_row_equality(b, scope, ast->args.items[0], ast->args.items[i], ast->position,
                              negated, &one));
        *expr_out = *expr_out == NULL
                        ? one
                        : new_logic(b, negated ? EXPR_AND : EXPR_OR, *expr_out, one);
    }
    b->copies = copies;
    return STATUS_OK;
}

static enum status
bind_in_list(struct binder *b, struct scope *scope, const struct ast_expr *ast,
             struct expr **expr_out)
{
    unsigned count = ast->args.count;
    if (ast->args.items[0]->kind == AST_ROW) {
        return bind_in_rows(b, scope, ast, expr_out);
    }
    struct expr **args = arena_array(b->arena, struct expr *, count);
    enum type_id *types = arena_array(b->arena, enum type_id, count);
    for (unsigned i = 0; i < count; i++) {
        TRY(bind__expr(b, scope, ast->args.items[i], &args[i]));
        types[i] = args[i]->type;
    }
    enum type_id common = TYPE_INVALID;
    bool is_plain =
        count > 2 && type_common(types, count, "IN types", &common, NULL) == STATUS_OK;
    if (!is_plain || common == TYPE_UNKNOWN) {
        return in_as_comparisons(b, args, count, ast, expr_out);
    }
    struct func_match match = {0};
    enum type_id pair[2] = {common, common};
    enum status status = operator_resolve("=", pair, 2, &match, b->cx->diag);
    if (status != STATUS_OK) {
        return bind__fail_at(b, ast->position, status);
    }
    for (unsigned i = 0; i < count; i++) {
        TRY(bind__coerce(b, args[i], match.arg_types[i == 0 ? 0 : 1], -1, CAST_IMPLICIT,
                         ast->position, &args[i]));
    }
    struct expr *expr =
        bind__new(b, EXPR_IN_LIST, TYPE_BOOL, bind__leftmost(ast->position, count, args));
    expr->op.func = match.func;
    expr->op.negated = ast->op.negated;
    expr->arg_count = count;
    expr->args = args;
    *expr_out = expr;
    return STATUS_OK;
}

static enum status
element_type(struct binder *b, const struct expr *array, const struct ast_expr *ast,
             enum type_id *element_out)
{
    const struct type_info *info = type_info(array->type);
    *element_out = array->type == TYPE_UNKNOWN             ? TYPE_UNKNOWN
                   : info == NULL || info->category != 'A' ? TYPE_INVALID
                                                           : info->element_type;
    if (*element_out != TYPE_INVALID) {
        return STATUS_OK;
    }
    return bind__fail_at(b, ast->position,
                         diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_WRONG_OBJECT_TYPE,
                                   "op ANY/ALL (array) requires array on right side"));
}

static enum status
bind_any_array(struct binder *b, struct scope *scope, const struct ast_expr *ast,
               struct expr **expr_out)
{
    struct expr *left = NULL, *array = NULL;
    enum type_id element;
    TRY(check_schema(b, ast->op.schema, ast->op.name, ast->position));
    TRY(bind__expr(b, scope, ast->args.items[0], &left));
    TRY(bind__expr(b, scope, ast->args.items[1], &array));
    TRY(element_type(b, array, ast, &element));
    enum type_id pair[2] = {left->type, element};
    struct func_match match = {0};
    enum status status = operator_resolve(ast->op.name, pair, 2, &match, b->cx->diag);
    if (status != STATUS_OK) {
        return bind__fail_at(b, ast->position, status);
    }
    if (match.result != TYPE_BOOL) {
        return bind__fail_at(
            b, ast->position,
            diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_WRONG_OBJECT_TYPE,
                      "op ANY/ALL (array) requires operator to yield boolean"));
    }
    TRY(bind__coerce(b, left, match.arg_types[0], -1, CAST_IMPLICIT, ast->position, &left));
    bool same_elements = element == match.arg_types[1];
    const struct type_info *wanted = type_info(match.arg_types[1]);
    if (!same_elements && wanted != NULL && wanted->array_type != TYPE_INVALID) {
        TRY(bind__coerce(b, array, wanted->array_type, -1, CAST_IMPLICIT, ast->position,
                         &array));
    }
    struct expr *expr = new_logic(b, EXPR_ANY_ARRAY, left, array);
    expr->op.func = match.func;
    expr->op.negated = ast->kind == AST_ALL_ARRAY;
    *expr_out = expr;
    return STATUS_OK;
}

/* ---- CASE, COALESCE and others that find a common type ---- */

static enum status
bind_case_condition(struct binder *b, struct scope *scope, struct expr *operand,
                    const struct ast_expr *ast, const struct ast_expr *when,
                    struct expr **expr_out)
{
    if (operand == NULL) {
        return bind__condition(b, scope, when, "CASE/WHEN", expr_out);
    }
    struct expr *value = NULL;
    TRY(bind__expr(b, scope, when, &value));
    return bind__operator(b, NULL, "=", operand, value, ast->position, expr_out);
}

/* CASE and COALESCE do not evaluate all they hold, and rows are made for all of a query. */
static enum status
refuse_set_function(struct binder *b, const struct scope *scope, bool had_one, const char *what)
{
    if (scope == NULL || had_one || !scope->has_set_function) {
        return STATUS_OK;
    }
    enum status status =
        bind__fail_at(b, scope->set_function_position,
                      diag_fail(b->cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                                "set-returning functions are not allowed in %s", what));
    diag_hint(b->cx->diag, SET_FUNCTION_HINT);
    return status;
}

static enum status
bind_case(struct binder *b, struct scope *scope, const struct ast_expr *ast,
          struct expr **expr_out)
{
    unsigned when_count = ast->args.count / 2;
    bool had_set = scope != NULL && scope->has_set_function;
    struct expr *operand = NULL;
    unsigned copies = b->copies;
    if (ast->case_of.operand != NULL) {
        TRY(begin_copies(b, when_count, ast->position, &copies));
        TRY(bind__expr(b, scope, ast->case_of.operand, &operand));
        TRY(bind__resolve_unknown(b, &operand));
    }
    struct expr *expr = bind__new(b, EXPR_CASE, TYPE_INVALID, ast->position);
    expr->arg_count = when_count * 2 + 1;
    expr->args = arena_array(b->arena, struct expr *, expr->arg_count);
    /* Results in PostgreSQL's order: ELSE first. */
    struct expr **results = arena_array(b->arena, struct expr *, when_count + 1);
    for (unsigned i = 0; i < when_count; i++) {
        TRY(bind_case_condition(b, scope, operand, ast, ast->args.items[2 * i],
                                &expr->args[2 * i]));
        TRY(bind__expr(b, scope, ast->args.items[2 * i + 1], &results[i + 1]));
    }
    b->copies = copies;
    results[0] = bind__null(b, TYPE_UNKNOWN);
    if (ast->case_of.has_else) {
        TRY(bind__expr(b, scope, ast->args.items[when_count * 2], &results[0]));
    }
    TRY(bind__common(b, when_count + 1, results, "CASE types", ast->position, &expr->type));
    for (unsigned i = 0; i < when_count; i++) {
        expr->args[2 * i + 1] = results[i + 1];
    }
    expr->args[when_count * 2] = results[0];
    expr->typmod = bind__common_typmod(when_count + 1, results);
    *expr_out = expr;
    return refuse_set_function(b, scope, had_set, "CASE");
}

static enum status
bind_common_list(struct binder *b, struct scope *scope, const struct ast_expr *ast,
                 struct expr **expr_out)
{
    const char *what = ast->kind == AST_COALESCE   ? "COALESCE types"
                       : ast->kind == AST_GREATEST ? "GREATEST types"
                                                   : "LEAST types";
    bool had_set = scope != NULL && scope->has_set_function;
    struct expr *expr = bind__new(b,
                                  ast->kind == AST_COALESCE   ? EXPR_COALESCE
                                  : ast->kind == AST_GREATEST ? EXPR_GREATEST
                                                              : EXPR_LEAST,
                                  TYPE_INVALID, ast->position);
    expr->arg_count = ast->args.count;
    expr->args = arena_array(b->arena, struct expr *, ast->args.count);
    for (unsigned i = 0; i < ast->args.count; i++) {
        TRY(bind__expr(b, scope, ast->args.items[i], &expr->args[i]));
    }
    *expr_out = expr;
    TRY(bind__common(b, expr->arg_count, expr->args, what, ast->position, &expr->type));
    expr->typmod = bind__common_typmod(expr->arg_count, expr->args);
    return ast->kind == AST_COALESCE ? refuse_set_function(b, scope, had_set, "COALESCE")
                                     : STATUS_OK;
}

static enum status
bind_nullif(struct binder *b, struct scope *scope, const struct ast_expr *ast,
            struct expr **expr_out)
{
    struct expr *left = NULL, *right = NULL;
    const struct func *func = NULL;
    TRY(bind__expr(b, scope, ast->args.items[0], &left));
    TRY(bind__expr(b, scope, ast->args.items[1], &right));
    TRY(bind__operator_of(b, "=", &left, &right, ast->position, &func));
    *expr_out = new_logic(b, EXPR_NULLIF, left, right);
    (*expr_out)->type = left->type;
    (*expr_out)->op.func = func;
    return STATUS_OK;
}

enum status
bind__array(struct binder *b, struct scope *scope, const struct ast_expr *ast,
            enum type_id element, struct expr **expr_out)
{
    struct expr *expr = bind__new(b, EXPR_ARRAY, TYPE_INVALID, ast->position);
    expr->arg_count = ast->args.count;
    expr->args = arena_array(b->arena, struct expr *, ast->args.count);
    for (unsigned i = 0; i < ast->args.count; i++) {
        if (ast->args.items[i]->kind == AST_ARRAY) {
            return unsupported(b, "arrays of more than one dimension are", ast->position);
        }
        TRY(bind__expr(b, scope, ast->args.items[i], &expr->args[i]));
    }
    if (element != TYPE_INVALID) { /* ARRAY[..]::int[]: each element is cast */
        for (unsigned i = 0; i < expr->arg_count; i++) {
            TRY(bind__coerce(b, expr->args[i], element, -1, CAST_EXPLICIT, ast->position,
                             &expr->args[i]));
        }
    } else if (expr->arg_count == 0) {
        enum status status =
            diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_INDETERMINATE_DATATYPE,
                      "cannot determine type of empty array");
        diag_hint(b->cx->diag,
                  "Explicitly cast to the desired type, for example ARRAY[]::integer[].");
        return bind__fail_at(b, ast->position, status);
    } else {
        TRY(bind__common(b, expr->arg_count, expr->args, "ARRAY types", ast->position,
                         &element));
    }
    const struct type_info *info = type_info(element);
    if (info == NULL || info->array_type == TYPE_INVALID) {
        return bind__fail_at(b, ast->position,
                             diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_UNDEFINED_OBJECT,
                                       "could not find array type for data type %s",
                                       bind__type_text(b, element)));
    }
    expr->type = info->array_type;
    *expr_out = expr;
    return STATUS_OK;
}

/* ---- casts ---- */

static enum status
bind_cast(struct binder *b, struct scope *scope, const struct ast_expr *ast,
          struct expr **expr_out)
{
    enum type_id type;
    int32_t typmod;
    TRY(bind__type_name(b, &ast->type, &type, &typmod));
    const struct ast_expr *arg_ast = ast->args.items[0];
    const struct type_info *info = type_info(type);
    struct expr *arg = NULL;
    if (arg_ast->kind == AST_ARRAY && info->element_type != TYPE_INVALID) {
        TRY(bind__array(b, scope, arg_ast, info->element_type, &arg));
    } else {
        TRY(bind__expr(b, scope, arg_ast, &arg));
    }
    TRY(bind__coerce(b, arg, type, typmod, CAST_EXPLICIT, ast->position, expr_out));
    int position = bind__leftmost(ast->position, 1, &arg);
    if ((*expr_out)->kind == EXPR_CAST && *expr_out != arg) {
        (*expr_out)->position = b->no_positions ? 0 : position;
    }
    return STATUS_OK;
}

static enum status
bind_collate(struct binder *b, struct scope *scope, const struct ast_expr *ast,
             struct expr **expr_out)
{
    static const char *const known[] = {"default", "C",      "POSIX",
                                        "C.UTF-8", "C.utf8", "ucs_basic"};
    TRY(bind__expr(b, scope, ast->args.items[0], expr_out));
    TRY(bind__resolve_unknown(b, expr_out));
    const struct type_info *info = type_info((*expr_out)->type);
    bool is_text = info != NULL && info->category == 'S';
    if (!is_text) {
        return bind__fail_at(b, ast->position,
                             diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_DATATYPE_MISMATCH,
                                       "collations are not supported by type %s",
                                       bind__type_text(b, (*expr_out)->type)));
    }
    bool is_ours = ast->op.schema == NULL || strcmp(ast->op.schema, "pg_catalog") == 0;
    for (size_t i = 0; is_ours && i < ARRAY_SIZE(known); i++) {
        if (strcmp(ast->op.name, known[i]) == 0) {
            return STATUS_OK; /* all are the order of C.UTF-8, the only one here */
        }
    }
    return bind__fail_at(b, ast->position,
                         diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_UNDEFINED_OBJECT,
                                   "collation \"%s\" for encoding \"UTF8\" does not exist",
                                   ast->op.name));
}

static enum status
bind_subscript(struct binder *b, struct scope *scope, const struct ast_expr *ast,
               struct expr **expr_out)
{
    struct expr *args[2];
    TRY(bind__expr(b, scope, ast->args.items[0], &args[0]));
    TRY(bind__expr(b, scope, ast->args.items[1], &args[1]));
    const struct type_info *info = type_info(args[0]->type);
    if (info == NULL || info->element_type == TYPE_INVALID || info->category != 'A') {
        return bind__fail_at(
            b, ast->position,
            diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_DATATYPE_MISMATCH,
                      "cannot subscript type %s because it does not support subscripting",
                      bind__type_text(b, args[0]->type)));
    }
    struct func_match match = {0};
    enum type_id types[2] = {args[0]->type, TYPE_INT4};
    if (func_resolve("array_subscript", types, 2, &match, NULL) != STATUS_OK) {
        return unsupported(b, "subscripts of arrays are", ast->position);
    }
    struct expr *expr = bind__new(b, EXPR_FUNC, match.result, args[0]->position);
    expr->op.func = match.func;
    expr->arg_count = 2;
    expr->args = arena_array(b->arena, struct expr *, 2);
    for (unsigned i = 0; i < 2; i++) {
        TRY(bind__coerce(b, args[i], match.arg_types[i], -1, CAST_ASSIGNMENT, ast->position,
                         &expr->args[i]));
    }
    *expr_out = expr;
    return STATUS_OK;
}

/* The forms that need nothing said beside them. */
typedef enum status (*bind_form)(struct binder *b, struct scope *scope,
                                 const struct ast_expr *ast, struct expr **expr_out);
static const bind_form forms[] = {
    [AST_AND] = bind_logic,
    [AST_OR] = bind_logic,
    [AST_NOT] = bind_logic,
    [AST_IS_NULL] = bind_null_test,
    [AST_IS_NOT_NULL] = bind_null_test,
    [AST_IS_TRUE] = bind_boolean_test,
    [AST_IS_NOT_TRUE] = bind_boolean_test,
    [AST_IS_FALSE] = bind_boolean_test,
    [AST_IS_NOT_FALSE] = bind_boolean_test,
    [AST_IS_UNKNOWN] = bind_boolean_test,
    [AST_IS_NOT_UNKNOWN] = bind_boolean_test,
    [AST_DISTINCT_FROM] = bind_distinct,
    [AST_NOT_DISTINCT_FROM] = bind_distinct,
    [AST_IN_LIST] = bind_in_list,
    [AST_BETWEEN] = bind_between,
    [AST_ANY_ARRAY] = bind_any_array,
    [AST_ALL_ARRAY] = bind_any_array,
    [AST_FUNC] = bind__function,
    [AST_OPERATOR] = bind_operator_ast,
    [AST_NULLIF] = bind_nullif,
    [AST_COALESCE] = bind_common_list,
    [AST_GREATEST] = bind_common_list,
    [AST_LEAST] = bind_common_list,
    [AST_CASE] = bind_case,
    [AST_CAST] = bind_cast,
    [AST_COLLATE] = bind_collate,
    [AST_SUBQUERY] = bind__sublink,
    [AST_EXISTS] = bind__sublink,
    [AST_ANY_SUBQUERY] = bind__sublink,
    [AST_ALL_SUBQUERY] = bind__sublink,
    [AST_ARRAY_SUBQUERY] = bind__sublink,
    [AST_SUBSCRIPT] = bind_subscript,
};

enum status
bind__expr(struct binder *b, struct scope *scope, const struct ast_expr *ast,
           struct expr **expr_out)
{
    *expr_out = NULL;
    switch (ast->kind) {
    case AST_NULL:
    case AST_BOOLEAN:
    case AST_INTEGER:
    case AST_NUMBER:
    case AST_STRING:
        return bind_constant(b, ast, expr_out);
    case AST_PARAM:
        return bind_param(b, ast, expr_out);
    case AST_COLUMN:
        if (ast->column.star) {
            return unsupported(b, "a row (\"*\") as a value is", ast->position);
        }
        return bind__column(b, scope, ast, expr_out);
    case AST_ARRAY:
        return bind__array(b, scope, ast, TYPE_INVALID, expr_out);
    case AST_ROW:
        return unsupported(b, "a row as a value is", ast->position);
    case AST_VALUE_FUNC:
        return bind__value_function(b, ast, expr_out);
    case AST_DEFAULT:
        return bind__fail_at(b, ast->position,
                             diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                                       "DEFAULT is not allowed in this context"));
    default:
        ASSERT((size_t)ast->kind < ARRAY_SIZE(forms));
        ASSERT(forms[ast->kind] != NULL);
        return forms[ast->kind](b, scope, ast, expr_out);
    }
}
