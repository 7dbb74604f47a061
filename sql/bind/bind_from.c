/* bind_from.c: FROM: tables, sub-queries, WITH queries, functions, joins, and what they make
 * visible.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/bind/bind_internal.h"

/* ---- ranges ---- */

unsigned
bind__add_range(struct binder *b, struct query *query, const struct range *range)
{
    struct range *grown = arena_array(b->arena, struct range, query->range_count + 1);
    if (query->range_count > 0) {
        memcpy(grown, query->ranges, query->range_count * sizeof(*grown));
    }
    grown[query->range_count] = *range;
    query->ranges = grown;
    return query->range_count++;
}

struct from_item *
bind__leaf(struct binder *b, unsigned range_no)
{
    struct from_item *item = arena_new(b->arena, struct from_item);
    item->range_no = range_no;
    return item;
}

void
bind__add_from(struct binder *b, struct query *query, struct from_item *item)
{
    struct from_item **grown = arena_array(b->arena, struct from_item *, query->from_count + 1);
    if (query->from_count > 0) {
        memcpy(grown, query->from, query->from_count * sizeof(*grown));
    }
    grown[query->from_count++] = item;
    query->from = grown;
}

struct expr *
bind__range_column(struct binder *b, const struct query *query, unsigned range_no,
                   unsigned column_no)
{
    const struct range_column *column = &query->ranges[range_no].columns[column_no];
    struct expr *expr = bind__new(b, EXPR_COLUMN, column->type, 0);
    expr->typmod = column->typmod;
    expr->column.range_no = range_no;
    expr->column.column_no = column_no;
    return expr;
}

static bool
is_dropped(const struct range *range, unsigned column_no)
{
    return range->kind == RANGE_TABLE && range->table->columns[column_no].dropped;
}

struct name_space *
bind__range_names(struct binder *b, const struct query *query, unsigned range_no,
                  const char *schema)
{
    const struct range *range = &query->ranges[range_no];
    struct name_space *names = arena_new(b->arena, struct name_space);
    names->columns = arena_array(b->arena, struct visible_column, range->column_count);
    for (unsigned i = 0; i < range->column_count; i++) {
        if (!is_dropped(range, i)) {
            names->columns[names->column_count++] = (struct visible_column){
                .name = range->columns[i].name,
                .expr = bind__range_column(b, query, range_no, i),
            };
        }
    }
    names->table_count = 1;
    names->tables = arena_array(b->arena, struct visible_table, 1);
    names->tables[0] = (struct visible_table){
        .alias = range->alias,
        .schema = schema,
        .column_count = names->column_count,
        .columns = names->columns,
    };
    return names;
}

/* FROM t AS a (x, y): the first columns get new names. */
static enum status
apply_column_aliases(struct binder *b, struct range *range, const struct ast_name_list *aliases)
{
    unsigned at = 0;
    for (unsigned i = 0; i < range->column_count && at < aliases->count; i++) {
        if (!is_dropped(range, i)) {
            range->columns[i].name = aliases->items[at++].name;
        }
    }
    if (at == aliases->count) {
        return STATUS_OK;
    }
    return diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_INVALID_COLUMN_REFERENCE,
                     "table \"%s\" has %u columns available but %u columns specified",
                     range->alias, at, aliases->count);
}

/* ---- tables ---- */

enum status
bind__table(struct binder *b, const struct ast_relation *relation,
            const struct table_def **table_out)
{
    *table_out = NULL;
    if (relation->database != NULL && strcmp(relation->database, b->cx->database) != 0) {
        return bind__fail_at(
            b, relation->position,
            diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "cross-database references are not implemented: \"%s.%s.%s\"",
                      relation->database, relation->schema, relation->name));
    }
    enum status status = catalog_get_table(b->cx, relation->schema, relation->name, table_out);
    if (status != STATUS_OK) {
        if (relation->schema == NULL && strcmp(relation->name, "v") == 0) {
            diag_hint(b->cx->diag,
                      "The shell may have expanded v$name before it came here: quote it with "
                      "single quotes, or use the name v_name.");
        }
        return bind__fail_at(b, relation->position, status);
    }
    if ((*table_out)->kind == RELATION_INDEX) {
        status = diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_WRONG_OBJECT_TYPE,
                           "cannot open relation \"%s\"", relation->name);
        diag_detail(b->cx->diag, "This operation is not supported for indexes.");
        return bind__fail_at(b, relation->position, status);
    }
    return STATUS_OK;
}

enum status
bind__table_range(struct binder *b, struct query *query, const struct ast_relation *relation,
                  const struct table_def *table, unsigned *range_no_out)
{
    struct range range = {
        .kind = RANGE_TABLE,
        .alias = relation->alias != NULL ? relation->alias : relation->name,
        .table = table,
        .column_count = table->column_count,
        .columns = arena_array(b->arena, struct range_column, table->column_count),
    };
    for (unsigned i = 0; i < table->column_count; i++) {
        range.columns[i] = (struct range_column){
            .name = table->columns[i].name,
            .type = table->columns[i].type,
            .typmod = table->columns[i].typmod,
        };
    }
    TRY(apply_column_aliases(b, &range, &relation->column_aliases));
    *range_no_out = bind__add_range(b, query, &range);
    return STATUS_OK;
}

/* ---- sub-queries ---- */

static void
describe_subquery(struct binder *b, const struct query *subquery, struct range *range)
{
    range->columns = arena_array(b->arena, struct range_column, subquery->target_count);
    for (unsigned i = 0; i < subquery->target_count; i++) {
        const struct target *target = &subquery->targets[i];
        if (!target->junk) {
            range->columns[range->column_count++] = (struct range_column){
                .name = target->name,
                .type = target->expr->type,
                .typmod = target->expr->typmod,
            };
        }
    }
}

static enum status
add_subquery(struct binder *b, struct scope *scope, struct query *subquery,
             const struct ast_from *ast, const char *alias, bool lateral,
             unsigned *range_no_out)
{
    struct range range = {
        .kind = RANGE_SUBQUERY, .alias = alias, .subquery = subquery, .lateral = lateral};
    describe_subquery(b, subquery, &range);
    TRY(apply_column_aliases(b, &range, &ast->column_aliases));
    *range_no_out = bind__add_range(b, scope->query, &range);
    return STATUS_OK;
}

static enum status
bind_from_subquery(struct binder *b, struct scope *scope, const struct ast_from *ast,
                   unsigned *range_no_out)
{
    if (ast->alias == NULL) {
        enum status status =
            diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                      ast->subquery->row_count > 0 ? "VALUES in FROM must have an alias"
                                                   : "subquery in FROM must have an alias");
        diag_hint(b->cx->diag, ast->subquery->row_count > 0
                                   ? "For example, FROM (VALUES ...) [AS] foo."
                                   : "For example, FROM (SELECT ...) [AS] foo.");
        return bind__fail_at(b, ast->position, status);
    }
    /* Without LATERAL the tables beside it are not visible, those around us are. */
    const struct name_space *names = scope->names;
    scope->names = ast->lateral ? names : NULL;
    struct query *subquery = NULL;
    enum status status = bind__select(b, scope, scope->with, ast->subquery, false, &subquery);
    scope->names = names;
    TRY(status);
    return add_subquery(b, scope, subquery, ast, ast->alias, ast->lateral, range_no_out);
}

/* ---- WITH ---- */

enum status
bind__push_with(struct binder *b, struct scope *scope, const struct ast_cte_list *list)
{
    struct with_entry *outer = scope->with;
    for (unsigned i = 0; i < list->count; i++) {
        const struct ast_cte *cte = &list->items[i];
        for (const struct with_entry *at = scope->with; at != outer; at = at->outer) {
            if (strcmp(at->cte->name, cte->name) == 0) {
                return bind__fail_at(
                    b, cte->position,
                    diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_DUPLICATE_ALIAS,
                              "WITH query name \"%s\" specified more than once", cte->name));
            }
        }
        struct with_entry *entry = arena_new(b->arena, struct with_entry);
        *entry = (struct with_entry){.cte = cte, .scope = scope, .outer = scope->with};
        scope->with = entry;
    }
    return STATUS_OK;
}

/* A WITH query is bound anew for each use, as if it stood there; what is visible at the place
 * of use, down to the query that has the WITH, is not visible to it. */
static enum status
bind_with_query(struct binder *b, struct scope *scope, const struct with_entry *entry,
                struct query **query_out)
{
    struct scope *end = entry->scope->parent;
    unsigned count = 0;
    for (struct scope *at = scope; at != end; at = at->parent) {
        count++;
    }
    const struct name_space **hidden = arena_array(b->arena, const struct name_space *, count);
    count = 0;
    for (struct scope *at = scope; at != end; at = at->parent) {
        hidden[count++] = at->names;
        at->names = NULL;
    }
    enum status status =
        bind__select(b, scope, entry->outer, entry->cte->query, false, query_out);
    count = 0;
    for (struct scope *at = scope; at != end; at = at->parent) {
        at->names = hidden[count++];
    }
    return status;
}

static const struct with_entry *
find_with(const struct scope *scope, const struct ast_relation *relation)
{
    if (relation->schema != NULL) {
        return NULL;
    }
    for (const struct with_entry *entry = scope->with; entry != NULL; entry = entry->outer) {
        if (strcmp(entry->cte->name, relation->name) == 0) {
            return entry;
        }
    }
    return NULL;
}

static enum status
bind_from_with(struct binder *b, struct scope *scope, const struct ast_from *ast,
               const struct with_entry *entry, unsigned *range_no_out)
{
    struct query *subquery = NULL;
    TRY(bind_with_query(b, scope, entry, &subquery));
    struct range range = {.kind = RANGE_SUBQUERY, .alias = entry->cte->name};
    range.subquery = subquery;
    describe_subquery(b, subquery, &range);
    if (entry->cte->column_aliases.count > range.column_count) {
        return bind__fail_at(
            b, entry->cte->position,
            diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_INVALID_COLUMN_REFERENCE,
                      "WITH query \"%s\" has %u columns available but %u columns specified",
                      entry->cte->name, range.column_count, entry->cte->column_aliases.count));
    }
    TRY(apply_column_aliases(b, &range, &entry->cte->column_aliases));
    range.alias = ast->alias != NULL ? ast->alias : entry->cte->name;
    TRY(apply_column_aliases(b, &range, &ast->column_aliases));
    *range_no_out = bind__add_range(b, scope->query, &range);
    return STATUS_OK;
}

/* ---- functions ---- */

static enum status
bind_from_function(struct binder *b, struct scope *scope, const struct ast_from *ast,
                   unsigned *range_no_out)
{
    struct range range = {.kind = RANGE_FUNCTION, .lateral = true};
    enum clause outer = scope->clause;
    scope->clause = CLAUSE_FROM;
    enum status status = bind__range_function(b, scope, ast->function.call, &range);
    scope->clause = outer;
    TRY(status);
    range.alias = ast->alias != NULL ? ast->alias : range.columns[0].name;
    range.columns[0].name = range.alias;
    range.with_ordinality = ast->function.with_ordinality;
    if (range.with_ordinality) {
        range.columns[range.column_count++] =
            (struct range_column){.name = "ordinality", .type = TYPE_INT8, .typmod = -1};
    }
    TRY(apply_column_aliases(b, &range, &ast->column_aliases));
    *range_no_out = bind__add_range(b, scope->query, &range);
    return STATUS_OK;
}

/* ---- joins ---- */

struct joined {
    struct from_item *item;
    struct name_space *names;
};

static enum status bind_item(struct binder *b, struct scope *scope, const struct ast_from *ast,
                             struct joined *out);

static enum status
find_using_column(struct binder *b, const struct name_space *names, const char *name,
                  const char *side, const struct visible_column **column_out)
{
    unsigned count;
    *column_out = bind__find_visible(names, name, &count);
    if (count > 1) {
        return diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_AMBIGUOUS_COLUMN,
                         "common column name \"%s\" appears more than once in %s table", name,
                         side);
    }
    if (count == 0) {
        return diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_UNDEFINED_COLUMN,
                         "column \"%s\" specified in USING clause does not exist in %s table",
                         name, side);
    }
    return STATUS_OK;
}

/* What the merged column of a USING is: the side that has no NULLs made by the join. */
static enum status
merge_column(struct binder *b, enum ast_join_kind kind, struct expr *left, struct expr *right,
             struct expr **expr_out)
{
    struct expr *sides[2] = {left, right};
    enum type_id type;
    TRY(bind__common(b, 2, sides, "JOIN/USING types", 0, &type));
    if (bind__common_typmod(2, sides) < 0) {
        sides[0] = bind__forget_typmod(b, sides[0]);
        sides[1] = bind__forget_typmod(b, sides[1]);
    }
    if (kind == AST_JOIN_FULL) {
        struct expr *expr = bind__new(b, EXPR_COALESCE, type, 0);
        expr->arg_count = 2;
        expr->args = arena_array(b->arena, struct expr *, 2);
        memcpy(expr->args, sides, sizeof(sides));
        *expr_out = expr;
    } else {
        *expr_out = kind == AST_JOIN_RIGHT ? sides[1] : sides[0];
    }
    return STATUS_OK;
}

static enum status
add_using_condition(struct binder *b, struct expr *left, struct expr *right, struct expr **on)
{
    struct expr *equal = NULL;
    TRY(bind__operator(b, NULL, "=", bind__copy(b, left, 0), bind__copy(b, right, 0), 0,
                       &equal));
    if (*on == NULL) {
        *on = equal;
        return STATUS_OK;
    }
    struct expr *both = bind__new(b, EXPR_AND, TYPE_BOOL, 0);
    both->arg_count = 2;
    both->args = arena_array(b->arena, struct expr *, 2);
    both->args[0] = *on;
    both->args[1] = equal;
    *on = both;
    return STATUS_OK;
}

static bool
is_merged(const struct ast_name_list *names, const char *name)
{
    for (unsigned i = 0; i < names->count; i++) {
        if (strcmp(names->items[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Merged columns first, then the others of the left, then of the right. */
static enum status
join_using(struct binder *b, const struct ast_from *ast, const struct ast_name_list *columns,
           const struct joined *left, const struct joined *right, struct joined *out)
{
    struct name_space *names = bind__join_names(b, left->names, right->names);
    unsigned at = 0;
    for (unsigned i = 0; i < columns->count; i++) {
        const char *name = columns->items[i].name;
        const struct visible_column *from_left, *from_right;
        TRY(find_using_column(b, left->names, name, "left", &from_left));
        TRY(find_using_column(b, right->names, name, "right", &from_right));
        TRY(add_using_condition(b, from_left->expr, from_right->expr, &out->item->on));
        names->columns[at].name = name;
        TRY(merge_column(b, ast->join.kind, from_left->expr, from_right->expr,
                         &names->columns[at++].expr));
    }
    const struct name_space *sides[2] = {left->names, right->names};
    for (unsigned side = 0; side < 2; side++) {
        for (unsigned i = 0; i < sides[side]->column_count; i++) {
            if (!is_merged(columns, sides[side]->columns[i].name)) {
                names->columns[at++] = sides[side]->columns[i];
            }
        }
    }
    names->column_count = at;
    out->names = names;
    return STATUS_OK;
}

static struct ast_name_list
common_names(struct binder *b, const struct name_space *left, const struct name_space *right)
{
    struct ast_name_list list = {
        .items = arena_array(b->arena, struct ast_name, left->column_count)};
    for (unsigned i = 0; i < left->column_count; i++) {
        unsigned count;
        const char *name = left->columns[i].name;
        if (bind__find_visible(right, name, &count) != NULL && !is_merged(&list, name)) {
            list.items[list.count++].name = name;
        }
    }
    return list;
}

static enum status
check_aliases(struct binder *b, const struct name_space *left, const struct name_space *right)
{
    for (unsigned i = 0; i < left->table_count; i++) {
        for (unsigned j = 0; j < right->table_count; j++) {
            const struct visible_table *one = &left->tables[i], *other = &right->tables[j];
            /* s1.t and s2.t may stand beside each other, unless they are called by alias. */
            bool both_plain = one->schema != NULL && other->schema != NULL &&
                              strcmp(one->schema, other->schema) != 0;
            if (one->alias != NULL && other->alias != NULL && !both_plain &&
                strcmp(one->alias, other->alias) == 0) {
                return diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_DUPLICATE_ALIAS,
                                 "table name \"%s\" specified more than once", other->alias);
            }
        }
    }
    return STATUS_OK;
}

static enum join_kind
join_kind_of(enum ast_join_kind kind)
{
    switch (kind) {
    case AST_JOIN_LEFT:
        return JOIN_LEFT;
    case AST_JOIN_RIGHT:
        return JOIN_RIGHT;
    case AST_JOIN_FULL:
        return JOIN_FULL;
    case AST_JOIN_CROSS:
        return JOIN_CROSS;
    default:
        return JOIN_INNER;
    }
}

/* (a JOIN b ..) AS j (x, y) */
static enum status
alias_join(struct binder *b, const struct ast_from *ast, struct name_space *names)
{
    if (ast->alias == NULL) {
        return STATUS_OK;
    }
    if (ast->column_aliases.count > names->column_count) {
        return diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_INVALID_COLUMN_REFERENCE,
                         "column alias list for \"%s\" has too many entries", ast->alias);
    }
    for (unsigned i = 0; i < ast->column_aliases.count; i++) {
        names->columns[i].name = ast->column_aliases.items[i].name;
    }
    names->table_count = 1;
    names->tables = arena_array(b->arena, struct visible_table, 1);
    names->tables[0] = (struct visible_table){
        .alias = ast->alias, .column_count = names->column_count, .columns = names->columns};
    return STATUS_OK;
}

static enum status
bind_join_condition(struct binder *b, struct scope *scope, const struct ast_from *ast,
                    const struct joined *left, const struct joined *right, struct joined *out)
{
    if (ast->join.natural || ast->join.using_columns.count > 0) {
        struct ast_name_list columns = ast->join.natural
                                           ? common_names(b, left->names, right->names)
                                           : ast->join.using_columns;
        TRY(join_using(b, ast, &columns, left, right, out));
        if (columns.count == 0) {
            out->item->on = bind__bool(b, true);
        }
        return STATUS_OK;
    }
    out->names = bind__join_names(b, left->names, right->names);
    if (ast->join.on == NULL) {
        return STATUS_OK;
    }
    const struct name_space *names = scope->names;
    enum clause outer = scope->clause;
    scope->names = out->names;
    scope->clause = CLAUSE_ON;
    enum status status = bind__condition(b, scope, ast->join.on, "JOIN/ON", &out->item->on);
    scope->names = names;
    scope->clause = outer;
    return status;
}

static enum status
bind_join(struct binder *b, struct scope *scope, const struct ast_from *ast, struct joined *out)
{
    struct joined left = {0}, right = {0};
    TRY(bind_item(b, scope, ast->join.left, &left));
    const struct name_space *before = scope->names;
    scope->names = bind__join_names(b, before, left.names); /* for LATERAL on the right */
    enum status status = bind_item(b, scope, ast->join.right, &right);
    scope->names = before;
    TRY(status);
    TRY(check_aliases(b, left.names, right.names));
    out->item = arena_new(b->arena, struct from_item);
    out->item->is_join = true;
    out->item->join = join_kind_of(ast->join.kind);
    out->item->left = left.item;
    out->item->right = right.item;
    TRY(bind_join_condition(b, scope, ast, &left, &right, out));
    return alias_join(b, ast, out->names);
}

static enum status
bind_item(struct binder *b, struct scope *scope, const struct ast_from *ast, struct joined *out)
{
    unsigned range_no = 0;
    const char *schema = NULL;
    switch (ast->kind) {
    case AST_FROM_JOIN:
        return bind_join(b, scope, ast, out);
    case AST_FROM_SUBQUERY:
        TRY(bind_from_subquery(b, scope, ast, &range_no));
        break;
    case AST_FROM_FUNCTION:
        TRY(bind_from_function(b, scope, ast, &range_no));
        break;
    case AST_FROM_TABLE: {
        const struct with_entry *entry = find_with(scope, &ast->table);
        if (entry != NULL) {
            TRY(bind_from_with(b, scope, ast, entry, &range_no));
            break;
        }
        const struct table_def *table;
        TRY(bind__table(b, &ast->table, &table));
        TRY(bind__table_range(b, scope->query, &ast->table, table, &range_no));
        schema = ast->alias == NULL ? table->schema_name : NULL;
        break;
    }
    }
    out->item = bind__leaf(b, range_no);
    out->names = bind__range_names(b, scope->query, range_no, schema);
    return STATUS_OK;
}

enum status
bind__from(struct binder *b, struct scope *scope, const struct ast_from_list *list)
{
    for (unsigned i = 0; i < list->count; i++) {
        struct joined joined = {0};
        TRY(bind_item(b, scope, list->items[i], &joined));
        if (scope->names != NULL) {
            TRY(check_aliases(b, scope->names, joined.names));
        }
        scope->names = scope->names == NULL ? joined.names
                                            : bind__join_names(b, scope->names, joined.names);
        bind__add_from(b, scope->query, joined.item);
    }
    return STATUS_OK;
}
