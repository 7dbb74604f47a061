/* bind_select.c: SELECT, VALUES and set operations. SPDX-License-Identifier: Apache-2.0 */
#include "sql/bind/bind_internal.h"

#define TARGETS_MAX 1664u /* as PostgreSQL's MaxTupleAttributeNumber */

struct query *
bind__new_query(struct binder *b, enum query_kind kind)
{
    struct query *query = arena_new(b->arena, struct query);
    query->kind = kind;
    return query;
}

/* WITH queries are bound once for each use, and may use each other: 2^n of them. */
enum status
bind__open_query(struct binder *b)
{
    if (++b->query_count <= BIND_QUERIES_MAX) {
        return STATUS_OK;
    }
    return diag_fail(
        b->cx->diag, STATUS_LIMIT, SQLSTATE_STATEMENT_TOO_COMPLEX,
        "a statement may have at most %d queries, each use of a WITH query counted",
        BIND_QUERIES_MAX);
}

/* ---- targets ---- */

struct target_builder {
    struct target *targets;
    unsigned count, capacity;
};

static void
add_target(struct binder *b, struct target_builder *builder, struct target target)
{
    if (builder->count == builder->capacity) {
        builder->capacity = MAX(8U, builder->capacity * 2);
        struct target *grown = arena_array(b->arena, struct target, builder->capacity);
        if (builder->count > 0) {
            memcpy(grown, builder->targets, builder->count * sizeof(*grown));
        }
        builder->targets = grown;
    }
    builder->targets[builder->count++] = target;
}

/* The table column that a target plainly is, for clients. */
static void
note_origin(const struct query *query, struct target *target)
{
    const struct expr *expr = target->expr;
    if (expr->kind != EXPR_COLUMN || expr->column.level != 0 ||
        expr->column.range_no >= query->range_count) {
        return;
    }
    const struct range *range = &query->ranges[expr->column.range_no];
    if (range->kind == RANGE_TABLE) {
        target->table_id = (uint32_t)range->table->id.v;
        target->attribute_no = range->table->columns[expr->column.column_no].attribute_no;
    }
}

static enum status
add_star(struct binder *b, struct scope *scope, const struct ast_expr *ast,
         struct target_builder *builder)
{
    const struct visible_column *columns = NULL;
    unsigned count = 0, level = 0;
    TRY(bind__star(b, scope, ast, &columns, &count, &level));
    for (unsigned i = 0; i < count; i++) {
        struct target target = {.name = columns[i].name,
                                .expr = bind__copy(b, columns[i].expr, level)};
        target.expr->position = ast->position;
        note_origin(scope->query, &target);
        add_target(b, builder, target);
    }
    return STATUS_OK;
}

/* More would not fit the count in a row's description either. */
static enum status
check_target_count(struct binder *b, unsigned count)
{
    return count <= TARGETS_MAX
               ? STATUS_OK
               : diag_fail(b->cx->diag, STATUS_LIMIT, SQLSTATE_TOO_MANY_COLUMNS,
                           "target lists can have at most %u entries", TARGETS_MAX);
}

enum status
bind__targets(struct binder *b, struct scope *scope, const struct ast_target_list *list,
              struct target **targets_out, unsigned *count_out)
{
    struct target_builder builder = {0};
    for (unsigned i = 0; i < list->count; i++) {
        const struct ast_target *ast = &list->items[i];
        if (ast->expr->kind == AST_COLUMN && ast->expr->column.star) {
            TRY(add_star(b, scope, ast->expr, &builder));
            continue;
        }
        struct target target = {.name = ast->name};
        TRY(bind__expr(b, scope, ast->expr, &target.expr));
        if (target.name == NULL) {
            target.name = bind__column_name(ast->expr);
        }
        note_origin(scope->query, &target);
        add_target(b, &builder, target);
    }
    *targets_out = builder.targets;
    *count_out = builder.count;
    return check_target_count(b, builder.count);
}

static enum status
resolve_targets(struct binder *b, struct query *query)
{
    for (unsigned i = 0; i < query->target_count; i++) {
        TRY(bind__resolve_unknown(b, &query->targets[i].expr));
    }
    return STATUS_OK;
}

/* ---- casts of a whole query's columns ---- */

bool
bind__targets_are_free(const struct query *query)
{
    return query->set_operation == SET_NONE && query->group_count == 0 &&
           query->sort_count == 0 && !query->distinct;
}

/* Levels that point outside of the query are marked first and raised then: a node that is used
 * twice (BETWEEN) is met twice. */
#define LEVEL_MARK (1U << 31)

static void
mark_outer(void *arg, struct expr *expr, unsigned depth)
{
    UNUSED(arg);
    if (expr->kind == EXPR_COLUMN && expr->column.level > depth) {
        expr->column.level |= LEVEL_MARK;
    }
}

static void
raise_marked(void *arg, struct expr *expr, unsigned depth)
{
    UNUSED(arg);
    UNUSED(depth);
    if (expr->kind == EXPR_COLUMN && (expr->column.level & LEVEL_MARK) != 0) {
        expr->column.level = (expr->column.level & ~LEVEL_MARK) + 1;
    }
}

struct query *
bind__wrap(struct binder *b, struct query *query)
{
    bind__walk_query(query, 0, mark_outer, NULL);
    bind__walk_query(query, 0, raise_marked, NULL);
    struct query *outer = bind__new_query(b, QUERY_SELECT);
    outer->reads_only = query->reads_only;
    outer->effect = query->effect;
    struct range range = {
        .kind = RANGE_SUBQUERY,
        .alias = "query",
        .subquery = query,
        .columns = arena_array(b->arena, struct range_column, query->target_count),
    };
    outer->targets = arena_array(b->arena, struct target, query->target_count);
    for (unsigned i = 0; i < query->target_count; i++) {
        const struct target *target = &query->targets[i];
        if (!target->junk) {
            range.columns[range.column_count++] = (struct range_column){
                .name = target->name,
                .type = target->expr->type,
                .typmod = target->expr->typmod,
            };
            outer->targets[outer->target_count] = *target;
            struct expr *column =
                bind__new(b, EXPR_COLUMN, target->expr->type, target->expr->position);
            column->typmod = target->expr->typmod;
            column->column.column_no = outer->target_count;
            outer->targets[outer->target_count++].expr = column;
        }
    }
    unsigned range_no = bind__add_range(b, outer, &range);
    bind__add_from(b, outer, bind__leaf(b, range_no));
    return outer;
}

/* ---- set operations ---- */

static const char *
set_operation_name(enum ast_set_operation operation)
{
    return operation == AST_SET_UNION       ? "UNION"
           : operation == AST_SET_INTERSECT ? "INTERSECT"
                                            : "EXCEPT";
}

/* Casts column `i` of a branch; *query may become a query around it. */
static enum status
cast_branch(struct binder *b, struct query **query, unsigned i, enum type_id type,
            const char *what)
{
    if ((*query)->targets[i].expr->type == type) {
        return STATUS_OK;
    }
    if (!bind__targets_are_free(*query)) {
        *query = bind__wrap(b, *query);
    }
    struct expr *as_type = NULL;
    struct expr *expr = (*query)->targets[i].expr;
    TRY(bind__try_coerce(b, expr, type, -1, CAST_IMPLICIT, &as_type));
    if (as_type == NULL) {
        return bind__fail_at(b, expr->position,
                             diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_CANNOT_COERCE,
                                       "%s could not convert type %s to %s", what,
                                       bind__type_text(b, expr->type),
                                       bind__type_text(b, type)));
    }
    (*query)->targets[i].expr = as_type;
    return STATUS_OK;
}

static enum status
join_branches(struct binder *b, const struct ast_select *ast, struct query *query)
{
    const char *what = set_operation_name(ast->set_operation);
    unsigned count = bind__visible_count(query->left);
    if (count != bind__visible_count(query->right)) {
        return bind__fail_at(b, ast->right->position,
                             diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                                       "each %s query must have the same number of columns",
                                       what));
    }
    query->target_count = count;
    query->targets = arena_array(b->arena, struct target, count);
    for (unsigned i = 0; i < count; i++) {
        const struct target *left = &query->left->targets[i];
        const struct target *right = &query->right->targets[i];
        enum type_id types[2] = {left->expr->type, right->expr->type};
        int32_t typmod = left->expr->typmod == right->expr->typmod ? left->expr->typmod : -1;
        enum type_id type = TYPE_INVALID;
        const char *whose = arena_printf(b->arena, "%s types", what);
        enum status status = type_common(types, 2, whose, &type, b->cx->diag);
        if (status != STATUS_OK) {
            return bind__fail_at(b, right->expr->position, status);
        }
        typmod = types[0] == types[1] ? typmod : -1;
        query->targets[i].name = left->name;
        query->targets[i].expr = bind__null(b, type);
        query->targets[i].expr->typmod = typmod;
        TRY(cast_branch(b, &query->left, i, type, what));
        TRY(cast_branch(b, &query->right, i, type, what));
    }
    return STATUS_OK;
}

/* Literals stay open in a branch whose targets nothing else looks at. */
static bool
may_keep_unknown(const struct ast_select *ast)
{
    return ast->set_operation == AST_SET_NONE && ast->order_by.count == 0 &&
           ast->group_by.count == 0 && !ast->distinct;
}

static enum status
bind_set_operation(struct binder *b, struct scope *scope, const struct ast_select *ast)
{
    struct query *query = scope->query;
    if (ast->set_all && ast->set_operation != AST_SET_UNION) {
        return bind__fail_at(
            b, ast->right->position,
            diag_fail(b->cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "%s ALL is not supported", set_operation_name(ast->set_operation)));
    }
    query->set_operation = ast->set_operation == AST_SET_INTERSECT ? SET_INTERSECT
                           : ast->set_operation == AST_SET_EXCEPT  ? SET_EXCEPT
                           : ast->set_all                          ? SET_UNION_ALL
                                                                   : SET_UNION;
    TRY(bind__select(b, scope, scope->with, ast->left, may_keep_unknown(ast->left),
                     &query->left));
    TRY(bind__select(b, scope, scope->with, ast->right, may_keep_unknown(ast->right),
                     &query->right));
    TRY(join_branches(b, ast, query));
    TRY(bind__set_order_by(b, ast, query));
    return bind__limit(b, scope, ast);
}

/* ---- VALUES ---- */

static enum status
bind_value_rows(struct binder *b, struct scope *scope, const struct ast_select *ast,
                struct range *range)
{
    range->row_count = ast->row_count;
    range->rows = arena_array(b->arena, struct expr **, ast->row_count);
    for (unsigned r = 0; r < ast->row_count; r++) {
        const struct ast_expr_list *row = &ast->rows[r];
        if (row->count != range->column_count) {
            int position = row->count > 0 ? row->items[0]->position : 0;
            return bind__fail_at(b, position,
                                 diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                                           "VALUES lists must all be the same length"));
        }
        range->rows[r] = arena_array(b->arena, struct expr *, row->count);
        for (unsigned c = 0; c < row->count; c++) {
            TRY(bind__expr(b, scope, row->items[c], &range->rows[r][c]));
        }
    }
    return STATUS_OK;
}

static enum status
find_value_types(struct binder *b, struct range *range)
{
    struct expr **column = arena_array(b->arena, struct expr *, range->row_count);
    for (unsigned c = 0; c < range->column_count; c++) {
        for (unsigned r = 0; r < range->row_count; r++) {
            column[r] = range->rows[r][c];
        }
        enum type_id type;
        TRY(bind__common(b, range->row_count, column, "VALUES types", column[0]->position,
                         &type));
        int32_t typmod = bind__common_typmod(range->row_count, column);
        for (unsigned r = 0; r < range->row_count; r++) {
            range->rows[r][c] = column[r];
        }
        range->columns[c] = (struct range_column){
            .name = arena_printf(b->arena, "column%u", c + 1), .type = type, .typmod = typmod};
    }
    return STATUS_OK;
}

static enum status
bind_values(struct binder *b, struct scope *scope, const struct ast_select *ast)
{
    struct query *query = scope->query;
    query->kind = QUERY_VALUES;
    struct range range = {
        .kind = RANGE_VALUES, .alias = "*VALUES*", .column_count = ast->rows[0].count};
    TRY(check_target_count(b, range.column_count));
    range.columns = arena_array(b->arena, struct range_column, range.column_count);
    scope->clause = CLAUSE_VALUES;
    TRY(bind_value_rows(b, scope, ast, &range));
    TRY(find_value_types(b, &range));
    unsigned range_no = bind__add_range(b, query, &range);
    bind__add_from(b, query, bind__leaf(b, range_no));
    struct name_space *names = bind__range_names(b, query, range_no, NULL);
    scope->names = names;
    query->target_count = range.column_count;
    query->targets = arena_array(b->arena, struct target, range.column_count);
    for (unsigned i = 0; i < range.column_count; i++) {
        query->targets[i] =
            (struct target){.name = range.columns[i].name, .expr = names->columns[i].expr};
    }
    TRY(bind__order_by(b, scope, ast));
    return bind__limit(b, scope, ast);
}

/* ---- SELECT ---- */

static enum status
check_set_function(struct binder *b, const struct scope *scope)
{
    const struct query *query = scope->query;
    if (!scope->has_set_function || (!query->has_aggregates && query->group_count == 0)) {
        return STATUS_OK;
    }
    return bind__fail_at(b, scope->set_function_position,
                         diag_fail(b->cx->diag, STATUS_UNSUPPORTED,
                                   SQLSTATE_FEATURE_NOT_SUPPORTED,
                                   "a set-returning function beside aggregates or GROUP BY is "
                                   "not supported"));
}

static enum status
bind_core(struct binder *b, struct scope *scope, const struct ast_select *ast,
          bool keep_unknown)
{
    struct query *query = scope->query;
    scope->clause = CLAUSE_FROM;
    TRY(bind__from(b, scope, &ast->from));
    scope->clause = CLAUSE_TARGETS;
    TRY(bind__targets(b, scope, &ast->targets, &query->targets, &query->target_count));
    scope->clause = CLAUSE_WHERE;
    TRY(bind__condition(b, scope, ast->where, "WHERE", &query->where));
    scope->clause = CLAUSE_HAVING;
    TRY(bind__condition(b, scope, ast->having, "HAVING", &query->having));
    if (!keep_unknown) {
        TRY(resolve_targets(b, query));
    }
    query->distinct = ast->distinct;
    TRY(bind__order_by(b, scope, ast));
    TRY(bind__group_by(b, scope, ast));
    TRY(bind__limit(b, scope, ast));
    TRY(check_set_function(b, scope));
    return bind__check_groups(b, query);
}

static const char *
lock_name(enum ast_row_lock row_lock)
{
    static const char *const names[] = {
        [AST_LOCK_NONE] = "",
        [AST_LOCK_KEY_SHARE] = "FOR KEY SHARE",
        [AST_LOCK_SHARE] = "FOR SHARE",
        [AST_LOCK_NO_KEY_UPDATE] = "FOR NO KEY UPDATE",
        [AST_LOCK_UPDATE] = "FOR UPDATE",
    };
    return names[row_lock];
}

static enum status
refuse_lock(struct binder *b, const struct ast_select *ast, const char *with_what)
{
    return diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "%s is not allowed with %s", lock_name(ast->row_lock), with_what);
}

/* FOR UPDATE OF names: each must be there; as locks are the query's, all tables must be named.
 */
static enum status
check_lock_of(struct binder *b, const struct ast_select *ast, const struct query *query)
{
    for (unsigned i = 0; i < ast->lock_of.count; i++) {
        bool found = false;
        for (unsigned r = 0; r < query->range_count; r++) {
            found = found || strcmp(query->ranges[r].alias, ast->lock_of.items[i].name) == 0;
        }
        if (!found) {
            return bind__fail_at(
                b, ast->lock_of.items[i].position,
                diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_UNDEFINED_TABLE,
                          "relation \"%s\" in %s clause not found in FROM clause",
                          ast->lock_of.items[i].name, lock_name(ast->row_lock)));
        }
    }
    for (unsigned r = 0; r < query->range_count; r++) {
        bool named = ast->lock_of.count == 0;
        for (unsigned i = 0; i < ast->lock_of.count; i++) {
            named = named || strcmp(query->ranges[r].alias, ast->lock_of.items[i].name) == 0;
        }
        bool is_table = query->ranges[r].kind == RANGE_TABLE;
        if ((is_table && !named) || (query->ranges[r].kind == RANGE_SUBQUERY && named)) {
            return diag_fail(b->cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                             "%s of %s is not supported", lock_name(ast->row_lock),
                             is_table ? "some of several tables" : "a sub-query");
        }
    }
    return STATUS_OK;
}

static enum status
bind_locks(struct binder *b, const struct ast_select *ast, struct query *query)
{
    if (ast->row_lock == AST_LOCK_NONE) {
        return STATUS_OK;
    }
    const char *with_what = query->set_operation != SET_NONE ? "UNION/INTERSECT/EXCEPT"
                            : query->kind == QUERY_VALUES    ? "VALUES"
                            : query->distinct                ? "DISTINCT clause"
                            : query->group_count > 0         ? "GROUP BY clause"
                            : query->having != NULL          ? "HAVING clause"
                            : query->has_aggregates          ? "aggregate functions"
                                                             : NULL;
    if (with_what != NULL) {
        return refuse_lock(b, ast, with_what);
    }
    TRY(check_lock_of(b, ast, query));
    static const enum row_lock_mode modes[] = {
        [AST_LOCK_KEY_SHARE] = ROW_LOCK_KEY_SHARE,
        [AST_LOCK_SHARE] = ROW_LOCK_SHARE,
        [AST_LOCK_NO_KEY_UPDATE] = ROW_LOCK_NO_KEY_UPDATE,
        [AST_LOCK_UPDATE] = ROW_LOCK_UPDATE,
    };
    query->lock_mode = modes[ast->row_lock];
    query->lock_wait = ast->lock_wait == AST_LOCK_NOWAIT        ? LOCK_NOWAIT
                       : ast->lock_wait == AST_LOCK_SKIP_LOCKED ? LOCK_SKIP_LOCKED
                                                                : LOCK_WAIT;
    static const char *const names[] = {
        [AST_LOCK_KEY_SHARE] = "SELECT FOR KEY SHARE",
        [AST_LOCK_SHARE] = "SELECT FOR SHARE",
        [AST_LOCK_NO_KEY_UPDATE] = "SELECT FOR NO KEY UPDATE",
        [AST_LOCK_UPDATE] = "SELECT FOR UPDATE",
    };
    b->effect_count++;
    b->effect = b->effect != NULL ? b->effect : names[ast->row_lock];
    return STATUS_OK;
}

enum status
bind__select(struct binder *b, struct scope *parent, struct with_entry *with,
             const struct ast_select *ast, bool keep_unknown, struct query **query_out)
{
    TRY(bind__open_query(b));
    unsigned effects = b->effect_count;
    struct query *query = bind__new_query(b, QUERY_SELECT);
    struct scope scope = {.parent = parent, .query = query, .with = with};
    TRY(bind__push_with(b, &scope, &ast->with));
    if (ast->set_operation != AST_SET_NONE) {
        TRY(bind_set_operation(b, &scope, ast));
    } else if (ast->row_count > 0) {
        TRY(bind_values(b, &scope, ast));
    } else {
        TRY(bind_core(b, &scope, ast, keep_unknown));
    }
    TRY(bind_locks(b, ast, query));
    query->reads_only = effects == b->effect_count;
    query->effect = query->reads_only ? NULL : b->effect;
    *query_out = query;
    return STATUS_OK;
}
