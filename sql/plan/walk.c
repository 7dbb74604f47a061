/* walk.c: questions about expressions: what they read, whether two are the same.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/plan/planner.h"

static bool
has_subquery(const struct expr *expr)
{
    return expr->kind == EXPR_SUBQUERY || expr->kind == EXPR_EXISTS ||
           expr->kind == EXPR_IN_SUBQUERY || expr->kind == EXPR_ARRAY_SUBQUERY;
}

void
expr__walk(const struct expr *expr, unsigned depth, expr_visit_fn visit, void *arg)
{
    if (expr == NULL) {
        return;
    }
    visit(arg, expr, depth);
    for (unsigned i = 0; i < expr->arg_count; i++) {
        expr__walk(expr->args[i], depth, visit, arg);
    }
    if (expr->kind == EXPR_AGGREGATE) {
        expr__walk(expr->op.filter, depth, visit, arg);
    }
    if (has_subquery(expr)) {
        query__walk(expr->op.subquery, depth + 1, visit, arg);
    }
}

static void
walk_from(const struct from_item *item, unsigned depth, expr_visit_fn visit, void *arg)
{
    if (item != NULL && item->is_join) {
        walk_from(item->left, depth, visit, arg);
        walk_from(item->right, depth, visit, arg);
        expr__walk(item->on, depth, visit, arg);
    }
}

static void
walk_range(const struct range *range, unsigned depth, expr_visit_fn visit, void *arg)
{
    if (range->kind == RANGE_SUBQUERY) {
        query__walk(range->subquery, depth + 1, visit, arg);
    }
    if (range->kind == RANGE_FUNCTION) {
        expr__walk(range->scalar, depth, visit, arg);
        for (unsigned i = 0; i < range->arg_count; i++) {
            expr__walk(range->args[i], depth, visit, arg);
        }
    }
    for (unsigned r = 0; range->kind == RANGE_VALUES && r < range->row_count; r++) {
        for (unsigned c = 0; c < range->column_count; c++) {
            expr__walk(range->rows[r][c], depth, visit, arg);
        }
    }
}

static void
walk_targets(const struct target *targets, unsigned count, unsigned depth, expr_visit_fn visit,
             void *arg)
{
    for (unsigned i = 0; i < count; i++) {
        expr__walk(targets[i].expr, depth, visit, arg);
    }
}

void
query__walk(const struct query *query, unsigned depth, expr_visit_fn visit, void *arg)
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
    walk_targets(query->targets, query->target_count, depth, visit, arg);
    walk_targets(query->returning, query->returning_count, depth, visit, arg);
    expr__walk(query->where, depth, visit, arg);
    expr__walk(query->having, depth, visit, arg);
    expr__walk(query->limit, depth, visit, arg);
    expr__walk(query->offset, depth, visit, arg);
    for (unsigned i = 0; i < query->assignment_count; i++) {
        expr__walk(query->assignments[i].expr, depth, visit, arg);
    }
    query__walk(query->left, depth + 1, visit, arg);
    query__walk(query->right, depth + 1, visit, arg);
    query__walk(query->source, depth + 1, visit, arg);
}

static void
visit_mask(void *arg, const struct expr *expr, unsigned depth)
{
    uint64_t *mask = arg;
    if (expr->kind == EXPR_COLUMN && expr->column.level == depth) {
        *mask |= UINT64_C(1) << expr->column.range_no;
    }
}

uint64_t
expr__mask(const struct expr *expr)
{
    uint64_t mask = 0;
    expr__walk(expr, 0, visit_mask, &mask);
    return mask;
}

uint64_t
query__mask(const struct query *query)
{
    uint64_t mask = 0;
    query__walk(query, 1, visit_mask, &mask);
    return mask;
}

static void
visit_volatile(void *arg, const struct expr *expr, unsigned depth)
{
    bool *found = arg;
    UNUSED(depth);
    if (expr->kind == EXPR_FUNC && expr->op.func->volatility == VOLATILITY_VOLATILE) {
        *found = true;
    }
}

bool
expr__is_volatile(const struct expr *expr)
{
    bool found = false;
    expr__walk(expr, 0, visit_volatile, &found);
    return found;
}

/* AND of conditions becomes several. */
void
conjuncts__add(struct planner *pl, struct conjuncts *list, const struct expr *expr)
{
    if (expr == NULL) {
        return;
    }
    if (expr->kind == EXPR_AND) {
        for (unsigned i = 0; i < expr->arg_count; i++) {
            conjuncts__add(pl, list, expr->args[i]);
        }
        return;
    }
    if (list->count == list->capacity) {
        list->capacity = MAX(8U, list->capacity * 2);
        struct conjunct *grown = arena_array(pl->cx->arena, struct conjunct, list->capacity);
        if (list->count > 0) {
            memcpy(grown, list->list, list->count * sizeof(*grown));
        }
        list->list = grown;
    }
    list->list[list->count++] = (struct conjunct){.expr = expr, .mask = expr__mask(expr)};
}
