/* plan.c: from a query to its operators: FROM, WHERE, groups, targets, order, limit.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/plan/planner.h"

struct plan_node *
plan__node(struct planner *pl, enum plan_kind kind)
{
    struct plan_node *node = arena_new(pl->cx->arena, struct plan_node);
    node->kind = kind;
    node->no = pl->plan->node_count++;
    return node;
}

void
plan__set_types(struct planner *pl, struct plan_node *node, unsigned count)
{
    node->column_count = count;
    node->types = arena_array(pl->cx->arena, enum type_id, MAX(count, 1U));
}

/* Locks are taken once, in the strongest mode that the statement needs, in order of mention. */
void
plan__lock_table(struct planner *pl, struct object_id table, enum table_lock_mode mode)
{
    struct plan *plan = pl->plan;
    for (unsigned i = 0; i < plan->lock_count; i++) {
        if (plan->locks[i].table.v == table.v) {
            plan->locks[i].mode = MAX(plan->locks[i].mode, mode);
            return;
        }
    }
    struct plan_lock *grown =
        arena_array(pl->cx->arena, struct plan_lock, plan->lock_count + 1);
    if (plan->lock_count > 0) {
        memcpy(grown, plan->locks, plan->lock_count * sizeof(*grown));
    }
    grown[plan->lock_count++] = (struct plan_lock){table, mode};
    plan->locks = grown;
}

static void
visit_used(void *arg, const struct expr *expr, unsigned depth)
{
    struct planner *pl = arg;
    if (expr->kind == EXPR_COLUMN && expr->column.level == depth) {
        ASSERT(expr->column.range_no < pl->query->range_count);
        pl->used[expr->column.range_no][expr->column.column_no] = true;
    }
}

static enum status
note_ranges(struct planner *pl)
{
    const struct query *query = pl->query;
    if (query->range_count > RANGES_MAX) {
        return diag_fail(pl->cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "more than %d relations in one FROM are not supported", RANGES_MAX);
    }
    pl->used = arena_array(pl->cx->arena, bool *, MAX(query->range_count, 1U));
    pl->needs_row = arena_array(pl->cx->arena, bool, MAX(query->range_count, 1U));
    for (unsigned i = 0; i < query->range_count; i++) {
        const struct range *range = &query->ranges[i];
        pl->used[i] = arena_array(pl->cx->arena, bool, MAX(range->column_count, 1U));
        if (range->kind != RANGE_TABLE || range->table->view_rows != NULL) {
            continue;
        }
        bool changed = query->table != NULL && i == 0;
        pl->needs_row[i] = query->lock_mode != 0 || (changed && query->kind != QUERY_INSERT);
        plan__lock_table(pl, range->table->id,
                         changed                 ? TABLE_LOCK_ROW_EXCLUSIVE
                         : query->lock_mode != 0 ? TABLE_LOCK_ROW_SHARE
                                                 : TABLE_LOCK_ACCESS_SHARE);
    }
    query__walk(query, 0, visit_used, pl);
    return STATUS_OK;
}

static bool
may_scan_in_order(const struct query *query)
{
    return query->sort_count > 0 && !query->has_aggregates && query->group_count == 0 &&
           query->having == NULL && !query->distinct && query->set_operation == SET_NONE &&
           query->from_count == 1 && !query->from[0]->is_join;
}

static enum status
plan_input(struct planner *pl, struct rel *rel_out)
{
    const struct query *query = pl->query;
    if (query->from_count > 0) {
        pl->wants_order = may_scan_in_order(query);
        enum status status = plan__from(pl, rel_out);
        pl->wants_order = false;
        return status;
    }
    *rel_out = (struct rel){.node = plan__node(pl, PLAN_RESULT)};
    rel_out->node->rows = 1;
    plan__set_types(pl, rel_out->node, 0);
    if (query->where != NULL) {
        return plan__scalar(pl, query->where, &rel_out->layout, &rel_out->node->filter);
    }
    return STATUS_OK;
}

/* ---- groups ---- */

struct group_parts {
    struct planner *pl;
    struct layout layout; /* of the aggregate's result: group expressions, then aggregates */
    unsigned group_count;
    bool in_aggregate;
};

static bool
layout_has(const struct layout *layout, const struct expr *expr)
{
    for (unsigned i = 0; i < layout->count; i++) {
        if (expr_equal(layout->slots[i].expr, expr)) {
            return true;
        }
    }
    return false;
}

static void
add_expr(struct group_parts *parts, const struct expr *expr)
{
    if (!layout_has(&parts->layout, expr)) {
        layout__add(parts->pl, &parts->layout,
                    (struct slot_ref){.range_no = RANGE_NO_EXPR, .expr = expr});
    }
}

static void find_ungrouped(struct group_parts *parts, const struct expr *expr);

static void
visit_inner_column(void *arg, const struct expr *expr, unsigned depth)
{
    struct group_parts *parts = arg;
    if (expr->kind == EXPR_COLUMN && expr->column.level == depth && depth > 0) {
        struct expr *column = arena_new(parts->pl->cx->arena, struct expr);
        *column = *expr;
        column->column.level = 0;
        add_expr(parts, column);
    }
}

/* Columns outside of aggregates that no group expression covers depend on the groups (the
 * binder made sure): they join the key. */
static void
find_ungrouped(struct group_parts *parts, const struct expr *expr)
{
    if (expr == NULL || expr->kind == EXPR_AGGREGATE || layout_has(&parts->layout, expr)) {
        return;
    }
    if (expr->kind == EXPR_COLUMN && expr->column.level == 0) {
        add_expr(parts, expr);
        return;
    }
    for (unsigned i = 0; i < expr->arg_count; i++) {
        find_ungrouped(parts, expr->args[i]);
    }
    if (expr->kind == EXPR_SUBQUERY || expr->kind == EXPR_EXISTS ||
        expr->kind == EXPR_IN_SUBQUERY || expr->kind == EXPR_ARRAY_SUBQUERY) {
        query__walk(expr->op.subquery, 1, visit_inner_column, parts);
    }
}

static void
visit_aggregate(void *arg, const struct expr *expr, unsigned depth)
{
    if (expr->kind == EXPR_AGGREGATE && depth == 0) {
        add_expr(arg, expr);
    }
}

static enum status
compile_aggregate(struct planner *pl, const struct expr *expr, const struct layout *input,
                  struct plan_aggregate *out)
{
    ASSERT(expr->arg_count <= ARRAY_SIZE(out->args));
    out->aggregate = expr->op.aggregate;
    out->type = expr->type;
    out->arg_count = expr->arg_count;
    out->distinct = expr->op.distinct;
    out->state_no = pl->plan->state_count++;
    for (unsigned i = 0; i < expr->arg_count; i++) {
        TRY(plan__scalar(pl, expr->args[i], input, &out->args[i]));
    }
    if (expr->op.filter != NULL) {
        TRY(plan__scalar(pl, expr->op.filter, input, &out->filter));
    }
    return STATUS_OK;
}

static enum status
compile_groups(struct planner *pl, const struct group_parts *parts, const struct layout *input,
               struct plan_node *node)
{
    struct arena *arena = pl->cx->arena;
    unsigned count = parts->layout.count, group_count = parts->group_count;
    node->aggregate.group_count = group_count;
    node->aggregate.groups = arena_array(arena, struct px *, MAX(group_count, 1U));
    node->aggregate.aggregate_count = count - group_count;
    node->aggregate.aggregates =
        arena_array(arena, struct plan_aggregate, MAX(count - group_count, 1U));
    plan__set_types(pl, node, count);
    for (unsigned i = 0; i < count; i++) {
        const struct expr *expr = parts->layout.slots[i].expr;
        node->types[i] = expr->type;
        if (i < group_count) {
            TRY(plan__scalar(pl, expr, input, &node->aggregate.groups[i]));
            continue;
        }
        struct plan_aggregate *aggregate = &node->aggregate.aggregates[i - group_count];
        TRY(compile_aggregate(pl, expr, input, aggregate));
        aggregate->state_offset = node->aggregate.states_size;
        unsigned size = (unsigned)aggregate->aggregate->state_size;
        node->aggregate.states_size += (size + 15U) & ~15U;
    }
    return STATUS_OK;
}

static enum status
plan_groups(struct planner *pl, struct rel *rel)
{
    const struct query *query = pl->query;
    if (!query->has_aggregates && query->group_count == 0 && query->having == NULL) {
        return STATUS_OK;
    }
    struct group_parts parts = {.pl = pl};
    for (unsigned i = 0; i < query->group_count; i++) {
        add_expr(&parts, query->targets[query->group_targets[i]].expr);
    }
    if (query->group_count > 0) {
        for (unsigned i = 0; i < query->target_count; i++) {
            find_ungrouped(&parts, query->targets[i].expr);
        }
        find_ungrouped(&parts, query->having);
    }
    parts.group_count = parts.layout.count;
    for (unsigned i = 0; i < query->target_count; i++) {
        expr__walk(query->targets[i].expr, 0, visit_aggregate, &parts);
    }
    expr__walk(query->having, 0, visit_aggregate, &parts);
    struct plan_node *node = plan__node(pl, PLAN_AGGREGATE);
    node->left = rel->node;
    node->rows = query->group_count == 0 ? 1 : MAX(rel->node->rows / 10, 1);
    node->cost = rel->node->cost + rel->node->rows;
    TRY(compile_groups(pl, &parts, &rel->layout, node));
    *rel = (struct rel){.node = node, .layout = parts.layout};
    if (query->having != NULL) {
        return plan__scalar(pl, query->having, &rel->layout, &node->filter);
    }
    return STATUS_OK;
}

/* ---- order, locks, targets ---- */

static struct plan_node *
above(struct planner *pl, enum plan_kind kind, struct plan_node *input)
{
    struct plan_node *node = plan__node(pl, kind);
    node->left = input;
    node->rows = input->rows;
    node->cost = input->cost + input->rows * 0.01;
    plan__set_types(pl, node, input->column_count);
    memcpy(node->types, input->types, input->column_count * sizeof(*node->types));
    return node;
}

static struct plan_node *
sort_above(struct planner *pl, struct plan_node *input)
{
    const struct query *query = pl->query;
    struct plan_node *node = above(pl, PLAN_SORT, input);
    node->cost = input->cost + input->rows * 2;
    node->sort.key_count = query->sort_count;
    node->sort.keys = arena_array(pl->cx->arena, struct plan_sort_key, query->sort_count);
    for (unsigned i = 0; i < query->sort_count; i++) {
        node->sort.keys[i].descending = query->sort_keys[i].descending;
        node->sort.keys[i].nulls_first = query->sort_keys[i].nulls_first;
    }
    return node;
}

/* Rows are locked before targets are computed, and only those that LIMIT asks for. */
static enum status
plan_locks(struct planner *pl, struct rel *rel)
{
    const struct query *query = pl->query;
    if (query->sort_count > 0 && !rel->ordered) {
        rel->node = sort_above(pl, rel->node);
        for (unsigned i = 0; i < query->sort_count; i++) {
            const struct expr *expr = query->targets[query->sort_keys[i].target_no].expr;
            TRY(plan__scalar(pl, expr, &rel->layout, &rel->node->sort.keys[i].px));
        }
        rel->ordered = true;
    }
    struct plan_node *node = rel->node = above(pl, PLAN_LOCK_ROWS, rel->node);
    node->lock.mode = query->lock_mode;
    node->lock.wait = query->lock_wait;
    node->lock.ranges =
        arena_array(pl->cx->arena, struct row_slots, MAX(query->range_count, 1U));
    for (unsigned i = 0; i < query->range_count; i++) {
        if (pl->needs_row[i]) {
            TRY(plan__row_slots(pl, i, &rel->layout,
                                &node->lock.ranges[node->lock.range_count++]));
        }
    }
    if (query->where != NULL) {
        return plan__scalar(pl, query->where, &rel->layout, &node->filter);
    }
    return STATUS_OK;
}

static enum status
project_targets(struct planner *pl, const struct rel *rel, const unsigned *targets,
                unsigned count, struct plan_node **node_out)
{
    struct plan_node *node = plan__node(pl, PLAN_PROJECT);
    node->left = rel->node;
    node->rows = rel->node->rows;
    node->cost = rel->node->cost + rel->node->rows * 0.1;
    node->project.targets = arena_array(pl->cx->arena, struct px *, MAX(count, 1U));
    plan__set_types(pl, node, count);
    for (unsigned i = 0; i < count; i++) {
        const struct expr *expr = pl->query->targets[targets[i]].expr;
        node->types[i] = expr->type;
        TRY(plan__scalar(pl, expr, &rel->layout, &node->project.targets[i]));
    }
    *node_out = node;
    return STATUS_OK;
}

/* The first `count` columns. */
static struct plan_node *
strip(struct planner *pl, struct plan_node *input, unsigned count)
{
    struct plan_node *node = above(pl, PLAN_PROJECT, input);
    node->column_count = count;
    node->project.targets = arena_array(pl->cx->arena, struct px *, MAX(count, 1U));
    for (unsigned i = 0; i < count; i++) {
        node->project.targets[i] = plan__slot(pl, i, node->types[i], -1);
    }
    return node;
}

/* Targets, then DISTINCT, then order. Those that only ORDER BY wants come last and go again. */
static enum status
plan_targets(struct planner *pl, const struct rel *rel, struct plan_node **node_out)
{
    const struct query *query = pl->query;
    struct arena *arena = pl->cx->arena;
    unsigned *emit = arena_array(arena, unsigned, query->target_count + query->sort_count + 1);
    unsigned *place = arena_array(arena, unsigned, query->target_count + 1);
    unsigned count = 0;
    for (unsigned i = 0; i < query->target_count; i++) {
        place[i] = UINT32_MAX;
        if (!query->targets[i].junk) {
            place[i] = count;
            emit[count++] = i;
        }
    }
    unsigned result_count = count;
    bool sorts = query->sort_count > 0 && !rel->ordered;
    for (unsigned i = 0; sorts && i < query->sort_count; i++) {
        unsigned target_no = query->sort_keys[i].target_no;
        if (place[target_no] == UINT32_MAX) {
            place[target_no] = count;
            emit[count++] = target_no;
        }
    }
    TRY(project_targets(pl, rel, emit, count, node_out));
    if (query->distinct) {
        *node_out = above(pl, PLAN_DISTINCT, *node_out);
        (*node_out)->rows = MAX((*node_out)->rows / 2, 1);
    }
    if (sorts) {
        *node_out = sort_above(pl, *node_out);
        for (unsigned i = 0; i < query->sort_count; i++) {
            unsigned slot = place[query->sort_keys[i].target_no];
            (*node_out)->sort.keys[i].px = plan__slot(pl, slot, (*node_out)->types[slot], -1);
        }
    }
    if (count > result_count) {
        *node_out = strip(pl, *node_out, result_count);
    }
    return STATUS_OK;
}

static enum status
plan_limit(struct planner *pl, struct plan_node **node)
{
    static const struct layout none = {0};
    const struct query *query = pl->query;
    if (query->limit == NULL && query->offset == NULL) {
        return STATUS_OK;
    }
    *node = above(pl, PLAN_LIMIT, *node);
    if (query->limit != NULL) {
        TRY(plan__scalar(pl, query->limit, &none, &(*node)->limit.limit));
        const struct px *limit = (*node)->limit.limit;
        if (limit->kind == EXPR_CONST && !limit->constant.is_null) {
            (*node)->rows = MIN((*node)->rows, (double)limit->constant.i64);
        }
    }
    return query->offset == NULL
               ? STATUS_OK
               : plan__scalar(pl, query->offset, &none, &(*node)->limit.offset);
}

static enum status plan_any(struct planner *pl, struct plan_node **node_out);

enum status
plan__child(struct planner *pl, const struct query *query, struct planner *child_out,
            struct plan_node **node_out)
{
    *child_out = (struct planner){.cx = pl->cx, .plan = pl->plan, .parent = pl, .query = query};
    return plan_any(child_out, node_out);
}

static enum status
plan_set_operation(struct planner *pl, struct plan_node **node_out)
{
    const struct query *query = pl->query;
    struct planner left, right;
    struct plan_node *node = plan__node(pl, PLAN_SET_OPERATION);
    TRY(plan__child(pl, query->left, &left, &node->left));
    TRY(plan__child(pl, query->right, &right, &node->right));
    plan__inherit(pl, &left.outer, NULL);
    plan__inherit(pl, &right.outer, NULL);
    node->set.operation = query->set_operation;
    node->rows = node->left->rows + node->right->rows;
    node->cost = node->left->cost + node->right->cost;
    plan__set_types(pl, node, node->left->column_count);
    memcpy(node->types, node->left->types, node->column_count * sizeof(*node->types));
    if (query->set_operation == SET_UNION) {
        node->set.operation = SET_UNION_ALL;
        node = above(pl, PLAN_DISTINCT, node);
    }
    if (query->sort_count > 0) {
        node = sort_above(pl, node);
        for (unsigned i = 0; i < query->sort_count; i++) {
            unsigned slot = query->sort_keys[i].target_no;
            ASSERT(slot < node->column_count);
            node->sort.keys[i].px = plan__slot(pl, slot, node->types[slot], -1);
        }
    }
    *node_out = node;
    return plan_limit(pl, node_out);
}

static enum status
plan_select(struct planner *pl, struct plan_node **node_out)
{
    struct rel rel;
    TRY(plan_input(pl, &rel));
    TRY(plan_groups(pl, &rel));
    if (pl->query->lock_mode != 0) {
        TRY(plan_locks(pl, &rel));
    }
    TRY(plan_targets(pl, &rel, node_out));
    return plan_limit(pl, node_out);
}

static enum status
plan_any(struct planner *pl, struct plan_node **node_out)
{
    TRY(note_ranges(pl));
    if (pl->query->set_operation != SET_NONE) {
        return plan_set_operation(pl, node_out);
    }
    switch (pl->query->kind) {
    case QUERY_SELECT:
    case QUERY_VALUES:
        return plan_select(pl, node_out);
    case QUERY_INSERT:
    case QUERY_UPDATE:
    case QUERY_DELETE:
        pl->plan->changes = true;
        return plan__modify(pl, node_out);
    }
    ASSERT(false);
    return STATUS_INVALID;
}

enum status
plan_query(struct sql_context *cx, const struct query *query, struct plan **plan_out)
{
    *plan_out = NULL;
    struct plan *plan = arena_new(cx->arena, struct plan);
    struct planner pl = {.cx = cx, .plan = plan, .query = query};
    TRY(plan_any(&pl, &plan->root));
    *plan_out = plan;
    return STATUS_OK;
}
