/* bind_func.c: calls: functions, aggregates, set functions, CURRENT_TIMESTAMP and its like; and
 * the name that a result column gets from its expression.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/bind/bind_internal.h"

const char *
bind__clause_name(enum clause clause)
{
    static const char *const names[CLAUSE_COUNT] = {
        [CLAUSE_TARGETS] = "SELECT",
        [CLAUSE_WHERE] = "WHERE",
        [CLAUSE_ON] = "JOIN conditions",
        [CLAUSE_FROM] = "functions in FROM",
        [CLAUSE_GROUP_BY] = "GROUP BY",
        [CLAUSE_HAVING] = "HAVING",
        [CLAUSE_ORDER_BY] = "ORDER BY",
        [CLAUSE_LIMIT] = "LIMIT",
        [CLAUSE_OFFSET] = "OFFSET",
        [CLAUSE_VALUES] = "VALUES",
        [CLAUSE_SET] = "UPDATE",
        [CLAUSE_RETURNING] = "RETURNING",
        [CLAUSE_DEFAULT] = "DEFAULT expressions",
        [CLAUSE_TABLE_EXPR] = "index expressions",
        [CLAUSE_AGGREGATE] = "aggregate functions",
        [CLAUSE_FILTER] = "FILTER",
    };
    return names[clause];
}

/* All functions are in pg_catalog. */
static enum status
check_schema(struct binder *b, const struct ast_expr *ast)
{
    const char *schema = ast->op.schema;
    if (schema == NULL || strcmp(schema, "pg_catalog") == 0) {
        return STATUS_OK;
    }
    bool is_known = strcmp(schema, "public") == 0 || strcmp(schema, "information_schema") == 0;
    enum status status;
    if (is_known) {
        status = diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_UNDEFINED_FUNCTION,
                           "function %s.%s does not exist", schema, ast->op.name);
    } else {
        status = diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_INVALID_SCHEMA_NAME,
                           "schema \"%s\" does not exist", schema);
    }
    return bind__fail_at(b, ast->position, status);
}

static enum status
bind_args(struct binder *b, struct scope *scope, const struct ast_expr *ast, struct expr **args)
{
    for (unsigned i = 0; i < ast->args.count; i++) {
        TRY(bind__expr(b, scope, ast->args.items[i], &args[i]));
    }
    return STATUS_OK;
}

/* text(x), int4(x): a type's name called like a function is a cast. */
static enum status
try_cast_call(struct binder *b, const struct ast_expr *ast, struct expr *arg,
              struct expr **expr_out)
{
    const struct type_info *info = type_by_name(ast->op.name);
    if (info == NULL || strcmp(info->name, ast->op.name) != 0) {
        return STATUS_OK;
    }
    return bind__try_coerce(b, arg, info->id, -1, CAST_EXPLICIT, expr_out);
}

/* Finds the function; where there is none but a cast of the name, *cast_out is that. */
static enum status
resolve(struct binder *b, const struct ast_expr *ast, struct expr **args,
        struct func_match *match_out, struct expr **cast_out)
{
    unsigned count = ast->args.count;
    enum type_id types[FUNC_ARGS_MAX] = {TYPE_INVALID};
    if (count > FUNC_ARGS_MAX) {
        return bind__fail_at(
            b, ast->position,
            diag_fail(b->cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "calls with more than %d arguments are not supported", FUNC_ARGS_MAX));
    }
    for (unsigned i = 0; i < count; i++) {
        types[i] = args[i]->type;
    }
    *cast_out = NULL;
    memset(match_out, 0, sizeof(*match_out));
    if (count == 1 && func_resolve(ast->op.name, types, count, match_out, NULL) != STATUS_OK) {
        TRY(try_cast_call(b, ast, args[0], cast_out));
        if (*cast_out != NULL) {
            return STATUS_OK;
        }
    }
    enum status status = func_resolve(ast->op.name, types, count, match_out, b->cx->diag);
    if (status != STATUS_OK) {
        return bind__fail_at(b, ast->position, status);
    }
    bool asks_type = strcmp(ast->op.name, "pg_typeof") == 0; /* a literal has none yet */
    for (unsigned i = 0; i < count; i++) {
        if (asks_type && args[i]->type == TYPE_UNKNOWN) {
            continue;
        }
        TRY(bind__coerce(b, args[i], match_out->arg_types[i], -1, CAST_IMPLICIT, ast->position,
                         &args[i]));
        TRY(bind__resolve_unknown(b, &args[i]));
    }
    return STATUS_OK;
}

static enum status
refuse_aggregate_syntax(struct binder *b, const struct ast_expr *ast)
{
    const char *what = ast->op.star                 ? "(*)"
                       : ast->op.distinct           ? "DISTINCT"
                       : ast->op.filter != NULL     ? "FILTER"
                       : ast->op.order_by.count > 0 ? "ORDER BY"
                                                    : NULL;
    if (what == NULL) {
        return STATUS_OK;
    }
    return bind__fail_at(b, ast->position,
                         diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_WRONG_OBJECT_TYPE,
                                   "%s specified, but %s is not an aggregate function", what,
                                   ast->op.name));
}

/* ---- aggregates ---- */

struct level_range {
    bool has_own, has_outer;
};

static void
note_level(void *arg, struct expr *expr, unsigned depth)
{
    struct level_range *range = arg;
    if (expr->kind == EXPR_COLUMN) {
        range->has_own = range->has_own || expr->column.level == depth;
        range->has_outer = range->has_outer || expr->column.level > depth;
    }
}

/* sum(outer.x) in a sub-query is an aggregate of the outer query, by the standard. */
static enum status
refuse_outer_aggregate(struct binder *b, const struct ast_expr *ast, struct expr **args,
                       unsigned arg_count)
{
    struct level_range range = {0};
    for (unsigned i = 0; i < arg_count; i++) {
        bind__walk(args[i], 0, note_level, &range);
    }
    if (range.has_own || !range.has_outer) {
        return STATUS_OK;
    }
    return bind__fail_at(b, ast->position,
                         diag_fail(b->cx->diag, STATUS_UNSUPPORTED,
                                   SQLSTATE_FEATURE_NOT_SUPPORTED,
                                   "an aggregate over columns of an outer query only is not "
                                   "supported"));
}

static enum status
check_aggregate_place(struct binder *b, const struct scope *scope, const struct ast_expr *ast)
{
    enum clause clause = scope == NULL ? CLAUSE_DEFAULT : scope->clause;
    if (clause == CLAUSE_TARGETS || clause == CLAUSE_HAVING || clause == CLAUSE_ORDER_BY) {
        return STATUS_OK;
    }
    enum status status;
    if (clause == CLAUSE_AGGREGATE) {
        status = diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_GROUPING_ERROR,
                           "aggregate function calls cannot be nested");
    } else {
        status =
            diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_GROUPING_ERROR,
                      "aggregate functions are not allowed in %s", bind__clause_name(clause));
    }
    return bind__fail_at(b, ast->position, status);
}

static enum status
bind_aggregate(struct binder *b, struct scope *scope, const struct ast_expr *ast,
               const struct func_match *match, struct expr **args, struct expr **expr_out)
{
    TRY(refuse_outer_aggregate(b, ast, args, ast->args.count));
    TRY(check_aggregate_place(b, scope, ast));
    if (ast->op.order_by.count > 0) {
        return bind__fail_at(b, ast->position,
                             diag_fail(b->cx->diag, STATUS_UNSUPPORTED,
                                       SQLSTATE_FEATURE_NOT_SUPPORTED,
                                       "ORDER BY in an aggregate is not supported"));
    }
    if (ast->args.count == 0 && !ast->op.star) {
        return bind__fail_at(
            b, ast->position,
            diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_WRONG_OBJECT_TYPE,
                      "%s(*) must be used to call a parameterless aggregate function",
                      ast->op.name));
    }
    struct expr *expr = bind__new(b, EXPR_AGGREGATE, match->result, ast->position);
    expr->op.aggregate = match->aggregate;
    expr->op.distinct = ast->op.distinct;
    expr->arg_count = ast->args.count;
    expr->args = args;
    if (ast->op.filter != NULL) {
        enum clause outer = scope->clause;
        scope->clause = CLAUSE_FILTER;
        enum status status =
            bind__condition(b, scope, ast->op.filter, "FILTER", &expr->op.filter);
        scope->clause = outer;
        TRY(status);
    }
    scope->query->has_aggregates = true;
    *expr_out = expr;
    return STATUS_OK;
}

/* Is there an aggregate of this name? Then its arguments are bound as such. */
static bool
is_aggregate_name(const char *name)
{
    static const char *const names[] = {"count",     "sum",        "avg",     "min",
                                        "max",       "bool_and",   "bool_or", "every",
                                        "array_agg", "string_agg", "stddev",  "variance"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- set functions in the select list ---- */

static enum status
add_set_function(struct binder *b, struct scope *scope, const struct ast_expr *ast,
                 const struct func_match *match, struct expr **args, struct expr **expr_out)
{
    if (scope != NULL && scope->clause == CLAUSE_AGGREGATE) {
        enum status status = bind__fail_at(
            b, ast->position,
            diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "aggregate function calls cannot contain set-returning function calls"));
        diag_hint(b->cx->diag, SET_FUNCTION_HINT);
        return status;
    }
    if (scope == NULL || scope->clause != CLAUSE_TARGETS || scope->query == NULL) {
        return bind__fail_at(
            b, ast->position,
            diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "set-returning functions are not allowed in %s",
                      bind__clause_name(scope == NULL ? CLAUSE_DEFAULT : scope->clause)));
    }
    if (scope->has_set_function) {
        return bind__fail_at(b, ast->position,
                             diag_fail(b->cx->diag, STATUS_UNSUPPORTED,
                                       SQLSTATE_FEATURE_NOT_SUPPORTED,
                                       "more than one set-returning function in a select list "
                                       "is not supported"));
    }
    scope->has_set_function = true;
    scope->set_function_position = ast->position;
    struct range range = {
        .kind = RANGE_FUNCTION,
        .alias = arena_strdup(b->arena, ast->op.name),
        .column_count = 1,
        .columns = arena_array(b->arena, struct range_column, 1),
        .lateral = true,
        .function = match->set_func,
        .args = args,
        .arg_count = ast->args.count,
    };
    range.columns[0] =
        (struct range_column){.name = range.alias, .type = match->result, .typmod = -1};
    unsigned range_no = bind__add_range(b, scope->query, &range);
    bind__add_from(b, scope->query, bind__leaf(b, range_no));
    *expr_out = bind__range_column(b, scope->query, range_no, 0);
    (*expr_out)->position = ast->position;
    return STATUS_OK;
}

/* ---- calls ---- */

static struct expr *
new_call(struct binder *b, const struct ast_expr *ast, const struct func_match *match,
         struct expr **args)
{
    struct expr *expr = bind__new(b, EXPR_FUNC, match->result,
                                  bind__leftmost(ast->position, ast->args.count, args));
    expr->op.func = match->func;
    expr->arg_count = ast->args.count;
    expr->args = args;
    if (match->func->has_effects) {
        b->effect_count++;
        b->effect =
            b->effect != NULL ? b->effect : arena_printf(b->arena, "%s()", match->func->name);
    }
    return expr;
}

enum status
bind__function(struct binder *b, struct scope *scope, const struct ast_expr *ast,
               struct expr **expr_out)
{
    TRY(check_schema(b, ast));
    if (ast->op.variadic) {
        return bind__fail_at(b, ast->position,
                             diag_fail(b->cx->diag, STATUS_UNSUPPORTED,
                                       SQLSTATE_FEATURE_NOT_SUPPORTED,
                                       "VARIADIC arguments are not supported"));
    }
    struct expr **args = arena_array(b->arena, struct expr *, ast->args.count);
    enum clause outer = scope == NULL ? CLAUSE_DEFAULT : scope->clause;
    bool may_nest =
        outer == CLAUSE_TARGETS || outer == CLAUSE_HAVING || outer == CLAUSE_ORDER_BY;
    if (may_nest && is_aggregate_name(ast->op.name)) {
        scope->clause = CLAUSE_AGGREGATE;
    }
    enum status status = bind_args(b, scope, ast, args);
    if (scope != NULL) {
        scope->clause = outer;
    }
    TRY(status);
    struct func_match match;
    struct expr *cast = NULL;
    TRY(resolve(b, ast, args, &match, &cast));
    if (cast != NULL) {
        TRY(refuse_aggregate_syntax(b, ast));
        *expr_out = cast;
        return STATUS_OK;
    }
    switch (match.kind) {
    case FUNC_KIND_AGGREGATE:
        return bind_aggregate(b, scope, ast, &match, args, expr_out);
    case FUNC_KIND_SET:
        TRY(refuse_aggregate_syntax(b, ast));
        return add_set_function(b, scope, ast, &match, args, expr_out);
    default:
        TRY(refuse_aggregate_syntax(b, ast));
        *expr_out = new_call(b, ast, &match, args);
        return STATUS_OK;
    }
}

enum status
bind__range_function(struct binder *b, struct scope *scope, const struct ast_expr *ast,
                     struct range *range)
{
    struct func_match match = {0};
    struct expr *scalar = NULL;
    if (ast->kind == AST_FUNC) {
        TRY(check_schema(b, ast));
        range->args = arena_array(b->arena, struct expr *, ast->args.count);
        TRY(bind_args(b, scope, ast, range->args));
        TRY(resolve(b, ast, range->args, &match, &scalar));
        TRY(refuse_aggregate_syntax(b, ast));
    } else { /* CURRENT_DATE and its like */
        TRY(bind__expr(b, scope, ast, &scalar));
        match.result = scalar->type;
    }
    if (scalar == NULL && match.kind == FUNC_KIND_AGGREGATE) {
        TRY(check_aggregate_place(b, scope, ast));
    }
    if (scalar == NULL && match.kind == FUNC_KIND_SET) {
        range->function = match.set_func;
        range->arg_count = ast->args.count;
    } else {
        range->scalar = scalar != NULL ? scalar : new_call(b, ast, &match, range->args);
        range->args = NULL;
    }
    range->column_count = 1;
    range->columns = arena_array(b->arena, struct range_column, 2);
    range->columns[0] = (struct range_column){
        .name = bind__column_name(ast),
        .type = range->scalar != NULL ? range->scalar->type : match.result,
        .typmod = -1};
    return STATUS_OK;
}

/* ---- CURRENT_TIMESTAMP and its like ---- */

static enum status
call_without_args(struct binder *b, const char *name, int position, struct expr **expr_out)
{
    static const enum type_id none[1] = {TYPE_INVALID};
    struct func_match match = {0};
    enum status status = func_resolve(name, none, 0, &match, b->cx->diag);
    if (status != STATUS_OK) {
        return bind__fail_at(b, position, status);
    }
    *expr_out = bind__new(b, EXPR_FUNC, match.result, position);
    (*expr_out)->op.func = match.func;
    return STATUS_OK;
}

enum status
bind__value_function(struct binder *b, const struct ast_expr *ast, struct expr **expr_out)
{
    static const struct value_function {
        const char *name, *func;
        enum type_id type; /* cast to; TYPE_INVALID: as it is */
    } functions[] = {
        {"current_timestamp", "now", TYPE_TIMESTAMPTZ},
        {"localtimestamp", "now", TYPE_TIMESTAMP},
        {"current_date", "now", TYPE_DATE},
        {"current_user", "current_user", TYPE_INVALID},
        {"current_role", "current_user", TYPE_INVALID},
        {"user", "current_user", TYPE_INVALID},
        {"session_user", "session_user", TYPE_INVALID},
        {"current_catalog", "current_database", TYPE_INVALID},
        {"current_schema", "current_schema", TYPE_INVALID},
    };
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
        if (strcmp(functions[i].name, ast->op.name) != 0) {
            continue;
        }
        TRY(call_without_args(b, functions[i].func, ast->position, expr_out));
        if (functions[i].type == TYPE_INVALID) {
            return STATUS_OK;
        }
        int32_t typmod = functions[i].type == TYPE_DATE ? -1 : MIN(ast->op.precision, 6);
        return bind__coerce(b, *expr_out, functions[i].type, typmod, CAST_EXPLICIT,
                            ast->position, expr_out);
    }
    return bind__fail_at(b, ast->position,
                         diag_fail(b->cx->diag, STATUS_UNSUPPORTED,
                                   SQLSTATE_FEATURE_NOT_SUPPORTED, "%s is not supported",
                                   ast->op.name));
}

/* ---- names of result columns ---- */

/* Strength 2: a name; 1: only a guess (a cast's type, CASE); 0: none. */
static const char *
figure_name(const struct ast_expr *ast, unsigned *strength_out)
{
    *strength_out = 2;
    switch (ast->kind) {
    case AST_COLUMN:
        if (ast->column.star) {
            break;
        }
        return ast->column.names[ast->column.name_count - 1];
    case AST_FUNC:
    case AST_VALUE_FUNC:
        return ast->op.name;
    case AST_NULLIF:
        return "nullif";
    case AST_COALESCE:
        return "coalesce";
    case AST_GREATEST:
        return "greatest";
    case AST_LEAST:
        return "least";
    case AST_EXISTS:
        return "exists";
    case AST_ARRAY:
    case AST_ARRAY_SUBQUERY:
        return "array";
    case AST_ROW:
        return "row";
    case AST_COLLATE:
    case AST_SUBSCRIPT:
        return figure_name(ast->args.items[0], strength_out);
    case AST_CAST: {
        const char *name = figure_name(ast->args.items[0], strength_out);
        if (*strength_out <= 1) {
            *strength_out = 1;
            return ast->type.name;
        }
        return name;
    }
    case AST_CASE: {
        const char *name = NULL;
        *strength_out = 0;
        if (ast->case_of.has_else) {
            name = figure_name(ast->args.items[ast->args.count - 1], strength_out);
        }
        if (*strength_out <= 1) {
            *strength_out = 1;
            return "case";
        }
        return name;
    }
    case AST_SUBQUERY: {
        const struct ast_select *select = ast->op.subquery;
        while (select->set_operation != AST_SET_NONE) {
            select = select->left;
        }
        if (select->row_count > 0) {
            return "column1";
        }
        if (select->targets.count == 0) {
            break;
        }
        const struct ast_target *target = &select->targets.items[0];
        return target->name != NULL ? target->name : bind__column_name(target->expr);
    }
    default:
        break;
    }
    *strength_out = 0;
    return NULL;
}

const char *
bind__column_name(const struct ast_expr *ast)
{
    unsigned strength;
    const char *name = figure_name(ast, &strength);
    return name == NULL ? "?column?" : name;
}
