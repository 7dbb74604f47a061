/* bind_scope.c: names of columns, from the innermost query outwards.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/bind/bind_internal.h"

static void
raise_level(void *arg, struct expr *expr, unsigned depth)
{
    const unsigned *level = arg;
    if (expr->kind == EXPR_COLUMN && expr->column.level == depth) {
        expr->column.level += *level;
    }
}

static struct expr *
copy_tree(struct binder *b, const struct expr *expr)
{
    struct expr *copy = arena_alloc(b->arena, sizeof(*copy));
    *copy = *expr;
    if (expr->arg_count > 0) {
        copy->args = arena_array(b->arena, struct expr *, expr->arg_count);
        for (unsigned i = 0; i < expr->arg_count; i++) {
            copy->args[i] = copy_tree(b, expr->args[i]);
        }
    }
    return copy;
}

/* Only ever columns and what USING makes of two columns: no sub-queries inside. */
struct expr *
bind__copy(struct binder *b, const struct expr *expr, unsigned level)
{
    struct expr *copy = copy_tree(b, expr);
    bind__walk(copy, 0, raise_level, &level);
    return copy;
}

const struct visible_column *
bind__find_visible(const struct name_space *names, const char *name, unsigned *count_out)
{
    const struct visible_column *found = NULL;
    *count_out = 0;
    for (unsigned i = 0; i < names->column_count; i++) {
        if (strcmp(names->columns[i].name, name) == 0) {
            found = &names->columns[i];
            (*count_out)++;
        }
    }
    return found;
}

struct name_space *
bind__join_names(struct binder *b, const struct name_space *left,
                 const struct name_space *right)
{
    static const struct name_space none = {0};
    left = left == NULL ? &none : left;
    right = right == NULL ? &none : right;
    struct name_space *both = arena_new(b->arena, struct name_space);
    both->table_count = left->table_count + right->table_count;
    both->column_count = left->column_count + right->column_count;
    both->tables = arena_array(b->arena, struct visible_table, both->table_count);
    both->columns = arena_array(b->arena, struct visible_column, both->column_count);
    for (unsigned i = 0; i < both->table_count; i++) {
        both->tables[i] =
            i < left->table_count ? left->tables[i] : right->tables[i - left->table_count];
    }
    for (unsigned i = 0; i < both->column_count; i++) {
        both->columns[i] =
            i < left->column_count ? left->columns[i] : right->columns[i - left->column_count];
    }
    return both;
}

static enum status
ambiguous(struct binder *b, const char *name, int position)
{
    return bind__fail_at(b, position,
                         diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_AMBIGUOUS_COLUMN,
                                   "column reference \"%s\" is ambiguous", name));
}

static struct expr *
use_column(struct binder *b, const struct visible_column *column, unsigned level, int position)
{
    struct expr *expr = bind__copy(b, column->expr, level);
    expr->position = b->no_positions ? 0 : position;
    return expr;
}

static const struct visible_table *
find_table(const struct name_space *names, const char *schema, const char *alias,
           unsigned *count_out)
{
    const struct visible_table *found = NULL;
    *count_out = 0;
    for (unsigned i = 0; i < names->table_count; i++) {
        const struct visible_table *table = &names->tables[i];
        bool same_schema =
            schema == NULL || (table->schema != NULL && strcmp(table->schema, schema) == 0);
        if (same_schema && table->alias != NULL && strcmp(table->alias, alias) == 0) {
            found = table;
            (*count_out)++;
        }
    }
    return found;
}

/* A range that is there, but under another name or out of reach from here. */
static const struct range *
find_hidden_range(const struct scope *scope, const char *alias)
{
    for (const struct scope *at = scope; at != NULL; at = at->parent) {
        for (unsigned i = 0; at->query != NULL && i < at->query->range_count; i++) {
            const struct range *range = &at->query->ranges[i];
            bool is_named = range->alias != NULL && strcmp(range->alias, alias) == 0;
            bool is_of_name = range->table != NULL && strcmp(range->table->name, alias) == 0;
            if (is_named || is_of_name) {
                return range;
            }
        }
    }
    return NULL;
}

static enum status
no_such_table(struct binder *b, const struct scope *scope, const char *alias, int position)
{
    const struct range *hidden = find_hidden_range(scope, alias);
    enum status status;
    if (hidden == NULL) {
        status = diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_UNDEFINED_TABLE,
                           "missing FROM-clause entry for table \"%s\"", alias);
        return bind__fail_at(b, position, status);
    }
    status = diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_UNDEFINED_TABLE,
                       "invalid reference to FROM-clause entry for table \"%s\"", alias);
    if (strcmp(hidden->alias, alias) != 0) {
        diag_hint(b->cx->diag, "Perhaps you meant to reference the table alias \"%s\".",
                  hidden->alias);
    } else {
        diag_hint(b->cx->diag,
                  "There is an entry for table \"%s\", but it cannot be referenced from this "
                  "part of the query.",
                  alias);
    }
    return bind__fail_at(b, position, status);
}

static enum status
search_table(struct binder *b, struct scope *scope, const char *schema, const char *alias,
             int position, const struct visible_table **table_out, unsigned *level_out)
{
    *table_out = NULL;
    *level_out = 0;
    for (struct scope *at = scope; at != NULL; at = at->parent, (*level_out)++) {
        if (at->names == NULL) {
            continue;
        }
        unsigned count = 0;
        *table_out = find_table(at->names, schema, alias, &count);
        if (count > 1) {
            return bind__fail_at(b, position,
                                 diag_fail(b->cx->diag, STATUS_INVALID,
                                           SQLSTATE_AMBIGUOUS_ALIAS,
                                           "table reference \"%s\" is ambiguous", alias));
        }
        if (count == 1) {
            return STATUS_OK;
        }
    }
    return no_such_table(b, scope, alias, position);
}

static enum status
no_such_column(struct binder *b, const char *table, const char *name, int position)
{
    static const char *const system[] = {"tableoid", "ctid", "cmin", "xmin", "cmax", "xmax"};
    enum status status;
    for (unsigned i = 0; i < ARRAY_SIZE(system); i++) {
        if (strcmp(name, system[i]) == 0) {
            return bind__fail_at(b, position,
                                 diag_fail(b->cx->diag, STATUS_UNSUPPORTED,
                                           SQLSTATE_FEATURE_NOT_SUPPORTED,
                                           "system column \"%s\" is not supported", name));
        }
    }
    if (table != NULL) {
        status = diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_UNDEFINED_COLUMN,
                           "column %s.%s does not exist", table, name);
    } else {
        status = diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_UNDEFINED_COLUMN,
                           "column \"%s\" does not exist", name);
    }
    return bind__fail_at(b, position, status);
}

/* Is the column NULL only where there is no row? Built-in views do not say so of theirs. */
static bool
tells_rows_apart(const struct table_def *table, unsigned column_no)
{
    return table != NULL && (table->columns[column_no].not_null ||
                             (table->id.v < CATALOG_OBJECT_ID_END &&
                              strcmp(table->columns[column_no].name, "oid") == 0));
}

/* t.tableoid: the table's number, NULL where an outer join has no row of it. A column that is
 * never NULL in a row tells. */
static enum status
bind_tableoid(struct binder *b, const struct query *query, const struct visible_table *table,
              unsigned level, int position, struct expr **expr_out)
{
    for (unsigned i = 0; i < table->column_count; i++) {
        const struct expr *column = table->columns[i].expr;
        const struct range *range =
            column->kind == EXPR_COLUMN ? &query->ranges[column->column.range_no] : NULL;
        if (range == NULL || !tells_rows_apart(range->table, column->column.column_no)) {
            continue;
        }
        struct expr *is_null = bind__new(b, EXPR_IS_NULL, TYPE_BOOL, position);
        is_null->arg_count = 1;
        is_null->args = arena_array(b->arena, struct expr *, 1);
        is_null->args[0] = use_column(b, &table->columns[i], level, position);
        struct expr *number = bind__new(b, EXPR_CONST, TYPE_OID, position);
        number->constant.u32 = range->table->id.v;
        struct expr *expr = bind__new(b, EXPR_CASE, TYPE_OID, position);
        expr->arg_count = 3;
        expr->args = arena_array(b->arena, struct expr *, 3);
        expr->args[0] = is_null;
        expr->args[1] = bind__null(b, TYPE_OID);
        expr->args[2] = number;
        *expr_out = expr;
        return STATUS_OK;
    }
    return bind__fail_at(b, position,
                         diag_fail(b->cx->diag, STATUS_UNSUPPORTED,
                                   SQLSTATE_FEATURE_NOT_SUPPORTED,
                                   "tableoid of a table without a NOT NULL column is not "
                                   "supported"));
}

static const struct query *
query_at(const struct scope *scope, unsigned level)
{
    for (; level > 0; level--) {
        scope = scope->parent;
    }
    return scope->query;
}

static enum status
qualified_column(struct binder *b, struct scope *scope, const struct ast_expr *ast,
                 struct expr **expr_out)
{
    unsigned count = ast->column.name_count;
    const char *schema = count >= 3 ? ast->column.names[count - 3] : NULL;
    const char *alias = ast->column.names[count - 2];
    const char *name = ast->column.names[count - 1];
    const struct visible_table *table;
    unsigned level;
    TRY(search_table(b, scope, schema, alias, ast->position, &table, &level));
    const struct visible_column *found = NULL;
    for (unsigned i = 0; i < table->column_count; i++) {
        if (strcmp(table->columns[i].name, name) == 0) {
            if (found != NULL) {
                return ambiguous(b, name, ast->position);
            }
            found = &table->columns[i];
        }
    }
    if (found == NULL && strcmp(name, "tableoid") == 0) {
        const struct query *query = query_at(scope, level);
        return bind_tableoid(b, query, table, level, ast->position, expr_out);
    }
    if (found == NULL) {
        return no_such_column(b, alias, name, ast->position);
    }
    *expr_out = use_column(b, found, level, ast->position);
    return STATUS_OK;
}

/* Is a bare name that is no column a table's: a whole row? */
static bool
names_a_table(const struct scope *scope, const char *name)
{
    for (const struct scope *at = scope; at != NULL; at = at->parent) {
        unsigned count = 0;
        if (at->names != NULL && find_table(at->names, NULL, name, &count) != NULL) {
            return true;
        }
    }
    return false;
}

enum status
bind__column(struct binder *b, struct scope *scope, const struct ast_expr *ast,
             struct expr **expr_out)
{
    if (scope != NULL && scope->clause == CLAUSE_DEFAULT) {
        return bind__fail_at(b, ast->position,
                             diag_fail(b->cx->diag, STATUS_INVALID,
                                       SQLSTATE_FEATURE_NOT_SUPPORTED,
                                       "cannot use column reference in DEFAULT expression"));
    }
    if (ast->column.name_count > 1) {
        return qualified_column(b, scope, ast, expr_out);
    }
    const char *name = ast->column.names[0];
    unsigned level = 0;
    for (struct scope *at = scope; at != NULL; at = at->parent, level++) {
        if (at->names == NULL) {
            continue;
        }
        unsigned count;
        const struct visible_column *found = bind__find_visible(at->names, name, &count);
        if (count > 1) {
            return ambiguous(b, name, ast->position);
        }
        if (found != NULL) {
            *expr_out = use_column(b, found, level, ast->position);
            return STATUS_OK;
        }
    }
    if (names_a_table(scope, name)) {
        return bind__fail_at(
            b, ast->position,
            diag_fail(b->cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "a whole row as a value (\"%s\") is not supported", name));
    }
    return no_such_column(b, NULL, name, ast->position);
}

enum status
bind__star(struct binder *b, struct scope *scope, const struct ast_expr *ast,
           const struct visible_column **columns_out, unsigned *count_out, unsigned *level_out)
{
    *level_out = 0;
    unsigned name_count = ast->column.name_count;
    if (name_count == 0) {
        if (scope->names == NULL || scope->names->table_count == 0) {
            return bind__fail_at(b, ast->position,
                                 diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                                           "SELECT * with no tables specified is not valid"));
        }
        *columns_out = scope->names->columns;
        *count_out = scope->names->column_count;
        return STATUS_OK;
    }
    const char *schema = name_count >= 2 ? ast->column.names[name_count - 2] : NULL;
    const struct visible_table *table;
    TRY(search_table(b, scope, schema, ast->column.names[name_count - 1], ast->position, &table,
                     level_out));
    *columns_out = table->columns;
    *count_out = table->column_count;
    return STATUS_OK;
}
