/* bind_walk.c: walks over bound expressions; whether two are the same.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/bind/bind_internal.h"

bool
bind__has_subquery(const struct expr *expr)
{
    return expr->kind == EXPR_SUBQUERY || expr->kind == EXPR_EXISTS ||
           expr->kind == EXPR_IN_SUBQUERY || expr->kind == EXPR_ARRAY_SUBQUERY;
}

void
bind__walk(struct expr *expr, unsigned depth, bind_visit_fn visit, void *arg)
{
    if (expr == NULL) {
        return;
    }
    visit(arg, expr, depth);
    for (unsigned i = 0; i < expr->arg_count; i++) {
        bind__walk(expr->args[i], depth, visit, arg);
    }
    if (expr->kind == EXPR_AGGREGATE) {
        bind__walk(expr->op.filter, depth, visit, arg);
    }
    if (bind__has_subquery(expr)) {
        bind__walk_query(expr->op.subquery, depth + 1, visit, arg);
    }
}

static void
walk_from(struct from_item *item, unsigned depth, bind_visit_fn visit, void *arg)
{
    if (item->is_join) {
        walk_from(item->left, depth, visit, arg);
        walk_from(item->right, depth, visit, arg);
        bind__walk(item->on, depth, visit, arg);
    }
}

static void
walk_range(struct range *range, unsigned depth, bind_visit_fn visit, void *arg)
{
    if (range->kind == RANGE_SUBQUERY) {
        bind__walk_query(range->subquery, depth + 1, visit, arg);
    }
    bind__walk(range->scalar, depth, visit, arg);
    for (unsigned i = 0; i < range->arg_count; i++) {
        bind__walk(range->args[i], depth, visit, arg);
    }
    for (unsigned r = 0; r < range->row_count; r++) {
        for (unsigned c = 0; c < range->column_count; c++) {
            bind__walk(range->rows[r][c], depth, visit, arg);
        }
    }
}

void
bind__walk_query(struct query *query, unsigned depth, bind_visit_fn visit, void *arg)
{
    if (query == NULL) {
        return;
    }
    for (unsigned i = 0; i < query->range_count; i++) {
        walk_range(&query->ranges[i], depth, visit, arg);
    }
    for (unsigned i = 0; i < query->from_count; i++) {
        walk_from(query->from[i], depth, visit, arg);
    }
    for (unsigned i = 0; i < query->target_count; i++) {
        bind__walk(query->targets[i].expr, depth, visit, arg);
    }
    bind__walk(query->where, depth, visit, arg);
    bind__walk(query->having, depth, visit, arg);
    bind__walk(query->limit, depth, visit, arg);
    bind__walk(query->offset, depth, visit, arg);
    bind__walk_query(query->left, depth + 1, visit, arg);
    bind__walk_query(query->right, depth + 1, visit, arg);
}

unsigned
bind__visible_count(const struct query *query)
{
    unsigned count = 0;
    for (unsigned i = 0; i < query->target_count; i++) {
        count += !query->targets[i].junk;
    }
    return count;
}

/* ---- relations named ---- */
struct named_relations {
    struct object_id *ids;
    unsigned count, capacity;
};

static void
note_relation(void *arg, struct expr *expr, unsigned depth)
{
    UNUSED(depth);
    struct named_relations *named = arg;
    if (expr->kind != EXPR_CONST || expr->type != TYPE_REGCLASS || expr->constant.is_null) {
        return;
    }
    for (unsigned i = 0; i < MIN(named->count, named->capacity); i++) {
        if (named->ids[i].v == expr->constant.u32) {
            return;
        }
    }
    if (named->count < named->capacity) {
        named->ids[named->count].v = expr->constant.u32;
    }
    named->count++;
}

const struct object_id *
bind_named_relations(struct expr *expr, struct arena *arena, unsigned *count_out)
{
    struct named_relations all = {0}; /* counts first, each time it is named */
    bind__walk(expr, 0, note_relation, &all);
    struct named_relations named = {.capacity = all.count};
    if (all.count > 0) {
        named.ids = arena_array(arena, struct object_id, all.count);
        bind__walk(expr, 0, note_relation, &named);
    }
    *count_out = named.count;
    return named.ids;
}

/* ---- equality ---- */
static bool
value_equal(enum type_id type, const struct value *a, const struct value *b)
{
    if (a->is_null || b->is_null) {
        return a->is_null == b->is_null;
    }
    const struct type_info *info = type_info(type);
    if (info == NULL || info->physical == PHYSICAL_BYTES) {
        return slice_equal(a->bytes, b->bytes);
    }
    return memcmp(&a->b, &b->b, physical_size(info->physical)) == 0;
}

static bool
op_equal(const struct expr *a, const struct expr *b)
{
    bool same_filter =
        a->op.filter == b->op.filter || (a->op.filter != NULL && b->op.filter != NULL &&
                                         expr_equal(a->op.filter, b->op.filter));
    return same_filter && a->op.func == b->op.func && a->op.aggregate == b->op.aggregate &&
           a->op.negated == b->op.negated && a->op.distinct == b->op.distinct &&
           a->op.subquery == b->op.subquery && a->op.cast_explicit == b->op.cast_explicit;
}

bool
expr_equal(const struct expr *a, const struct expr *b)
{
    if (a == b) {
        return true;
    }
    if (a->kind != b->kind || a->type != b->type || a->typmod != b->typmod ||
        a->arg_count != b->arg_count) {
        return false;
    }
    bool same;
    switch (a->kind) {
    case EXPR_CONST:
        same = value_equal(a->type, &a->constant, &b->constant);
        break;
    case EXPR_PARAM:
        same = a->param_no == b->param_no;
        break;
    case EXPR_COLUMN:
        same = a->column.level == b->column.level && a->column.range_no == b->column.range_no &&
               a->column.column_no == b->column.column_no;
        break;
    default:
        same = op_equal(a, b);
        break;
    }
    for (unsigned i = 0; same && i < a->arg_count; i++) {
        same = expr_equal(a->args[i], b->args[i]);
    }
    return same;
}
