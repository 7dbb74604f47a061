/* join.c: FROM: which ranges are joined in what order, and how.
 *
 * Inner joins and comma lists are one group of parts; a part is a range or an outer join. A
 * group is joined greedily: the cheapest part first, then always the join that costs least now.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/plan/planner.h"

static enum status plan_group(struct planner *pl, struct from_item *const *items,
                              unsigned item_count, struct conjuncts *conds,
                              struct rel *rel_out);

static uint64_t
item_mask(const struct from_item *item)
{
    return item->is_join ? item_mask(item->left) | item_mask(item->right)
                         : UINT64_C(1) << item->range_no;
}

static void
join_layouts(struct planner *pl, const struct rel *left, const struct rel *right,
             struct rel *rel_out)
{
    struct plan_node *node = rel_out->node;
    plan__set_types(pl, node, left->layout.count + right->layout.count);
    for (unsigned i = 0; i < left->layout.count; i++) {
        layout__add(pl, &rel_out->layout, left->layout.slots[i]);
        node->types[i] = left->node->types[i];
    }
    for (unsigned i = 0; i < right->layout.count; i++) {
        layout__add(pl, &rel_out->layout, right->layout.slots[i]);
        node->types[left->layout.count + i] = right->node->types[i];
    }
}

struct join_request {
    struct planner *pl;
    const struct rel *left, *right;
    enum join_kind kind; /* INNER, LEFT, FULL */
    const struct conjunct *conds;
    unsigned count;
};

static struct rel
start_join(const struct join_request *request, enum plan_kind kind, const struct rel *right)
{
    struct rel rel = {.mask = request->left->mask | right->mask};
    rel.depends = (request->left->depends | right->depends) & ~rel.mask;
    rel.node = plan__node(request->pl, kind);
    rel.node->left = request->left->node;
    rel.node->right = right->node;
    rel.node->join.kind = request->kind;
    join_layouts(request->pl, request->left, right, &rel);
    return rel;
}

/* Parameters that the left side knows are set by this join, the others by one around it. */
static enum status
set_loop_params(const struct join_request *request, const struct rel *right, struct rel *rel)
{
    struct planner *pl = request->pl;
    struct outer_refs here = {0};
    for (unsigned i = 0; i < right->loop.count; i++) {
        const struct outer_ref *ref = &right->loop.refs[i];
        bool known = (request->left->mask >> ref->range_no & 1) != 0;
        outer_refs__add(pl, known ? &here : &rel->loop, *ref);
    }
    for (unsigned i = 0; i < request->left->loop.count; i++) {
        outer_refs__add(pl, &rel->loop, request->left->loop.refs[i]);
    }
    rel->node->join.depends = here.count > 0;
    return plan__param_sets(pl, &here, &request->left->layout, &rel->node->join.set_count,
                            &rel->node->join.sets);
}

static enum status
residual(const struct join_request *request, const bool *taken, struct rel *rel)
{
    const struct expr **exprs =
        arena_array(request->pl->cx->arena, const struct expr *, MAX(request->count, 1U));
    unsigned count = 0;
    for (unsigned i = 0; i < request->count; i++) {
        if (!taken[i]) {
            exprs[count++] = request->conds[i].expr;
            if (request->kind == JOIN_INNER) {
                rel->node->rows *= plan__selectivity(exprs[count - 1]);
            }
        }
    }
    rel->node->rows = MAX(rel->node->rows, 1);
    if (request->kind != JOIN_INNER) {
        rel->node->rows = MAX(rel->node->rows, request->left->node->rows);
    }
    return plan__conjunction(request->pl, exprs, count, &rel->layout, &rel->node->join.on);
}

/* The right side is a table with an index on what the left side knows. */
static enum status
try_index_loop(const struct join_request *request, bool *found_out, struct rel *rel_out)
{
    struct planner *pl = request->pl;
    const struct rel *right = request->right;
    *found_out = false;
    if (!right->is_leaf || request->kind == JOIN_FULL) {
        return STATUS_OK;
    }
    unsigned own = right->own.count, count = own + request->count;
    struct conjunct *all = arena_array(pl->cx->arena, struct conjunct, MAX(count, 1U));
    bool *taken = arena_array(pl->cx->arena, bool, MAX(count, 1U));
    if (own > 0) {
        memcpy(all, right->own.list, own * sizeof(*all));
    }
    if (request->count > 0) {
        memcpy(all + own, request->conds, request->count * sizeof(*all));
    }
    struct rel inner;
    bool index_used;
    bool wants_order = pl->wants_order;
    pl->wants_order = false;
    enum status status = plan__scan_table(pl, right->range_no, all, count, request->left->mask,
                                          &index_used, taken, &inner);
    pl->wants_order = wants_order;
    TRY(status);
    if (!index_used || inner.loop.count == 0) {
        return STATUS_OK;
    }
    *found_out = true;
    *rel_out = start_join(request, PLAN_NEST_LOOP, &inner);
    struct plan_node *node = rel_out->node;
    node->rows = request->left->node->rows * inner.node->rows;
    node->cost = request->left->node->cost + request->left->node->rows * inner.node->cost;
    TRY(set_loop_params(request, &inner, rel_out));
    return residual(request, taken + own, rel_out);
}

static bool
hashable_types(enum type_id a, enum type_id b)
{
    return a == b || (type__is_integer(a) && type__is_integer(b));
}

/* Is it left = right? *flipped_out: its arguments are the other way round. */
static bool
is_hash_key(const struct join_request *request, const struct expr *expr, bool *flipped_out)
{
    if (expr->kind != EXPR_FUNC || expr->arg_count != 2) {
        return false;
    }
    const char *name = func_operator_name(expr->op.func);
    if (name == NULL || strcmp(name, "=") != 0 ||
        !hashable_types(expr->args[0]->type, expr->args[1]->type)) {
        return false;
    }
    uint64_t left = request->left->mask, right = request->right->mask;
    uint64_t a = expr__mask(expr->args[0]), b = expr__mask(expr->args[1]);
    *flipped_out = (a & ~right) == 0;
    bool straight = a != 0 && b != 0 && (a & ~left) == 0 && (b & ~right) == 0;
    bool flipped = a != 0 && b != 0 && (a & ~right) == 0 && (b & ~left) == 0;
    return straight || flipped;
}

static enum status
hash_keys(const struct join_request *request, bool *taken, struct plan_node *node)
{
    struct planner *pl = request->pl;
    node->join.left_keys = arena_array(pl->cx->arena, struct px *, MAX(request->count, 1U));
    node->join.right_keys = arena_array(pl->cx->arena, struct px *, MAX(request->count, 1U));
    for (unsigned i = 0; i < request->count; i++) {
        bool flipped;
        const struct expr *expr = request->conds[i].expr;
        if (!is_hash_key(request, expr, &flipped)) {
            continue;
        }
        unsigned no = node->join.key_count++;
        TRY(plan__scalar(pl, expr->args[flipped ? 1 : 0], &request->left->layout,
                         &node->join.left_keys[no]));
        TRY(plan__scalar(pl, expr->args[flipped ? 0 : 1], &request->right->layout,
                         &node->join.right_keys[no]));
        taken[i] = true;
    }
    return STATUS_OK;
}

static enum status
make_hash(const struct join_request *request, struct rel *rel_out)
{
    struct join_request swapped = *request;
    if (request->kind == JOIN_INNER && request->left->node->rows < request->right->node->rows) {
        swapped.left = request->right; /* the smaller side is kept in memory */
        swapped.right = request->left;
        request = &swapped;
    }
    double left = request->left->node->rows, right = request->right->node->rows;
    *rel_out = start_join(request, PLAN_HASH_JOIN, request->right);
    bool *taken = arena_array(request->pl->cx->arena, bool, MAX(request->count, 1U));
    TRY(hash_keys(request, taken, rel_out->node));
    TRY(set_loop_params(request, request->right, rel_out));
    ASSERT(rel_out->node->join.set_count == 0); /* else it is a loop */
    rel_out->node->rows = rel_out->node->join.key_count > 0 ? MAX(left, right) : left * right;
    rel_out->node->cost =
        request->left->node->cost + request->right->node->cost + left * 1.2 + right * 1.5;
    if (rel_out->node->join.key_count == 0) {
        rel_out->node->cost += left * right * 0.1;
    }
    return residual(request, taken, rel_out);
}

static enum status
make_loop(const struct join_request *request, struct rel *rel_out)
{
    double left = request->left->node->rows;
    *rel_out = start_join(request, PLAN_NEST_LOOP, request->right);
    TRY(set_loop_params(request, request->right, rel_out));
    struct plan_node *node = rel_out->node;
    node->rows = left * request->right->node->rows;
    node->cost = request->left->node->cost + request->right->node->cost + node->rows * 0.1;
    if (node->join.depends) {
        node->cost += left * request->right->node->cost;
    }
    bool *taken = arena_array(request->pl->cx->arena, bool, MAX(request->count, 1U));
    return residual(request, taken, rel_out);
}

static bool
has_hash_key(const struct join_request *request)
{
    bool flipped;
    for (unsigned i = 0; i < request->count; i++) {
        if (is_hash_key(request, request->conds[i].expr, &flipped)) {
            return true;
        }
    }
    return false;
}

static enum status
make_join(const struct join_request *request, struct rel *rel_out)
{
    bool depends = (request->right->depends & request->left->mask) != 0;
    if (depends) {
        return make_loop(request, rel_out);
    }
    bool found;
    struct rel index_loop;
    TRY(try_index_loop(request, &found, &index_loop));
    if (has_hash_key(request) || request->kind == JOIN_FULL) {
        TRY(make_hash(request, rel_out));
    } else {
        TRY(make_loop(request, rel_out));
    }
    if (found && index_loop.node->cost <= rel_out->node->cost) {
        *rel_out = index_loop;
    }
    return STATUS_OK;
}

static enum status
add_filter(struct planner *pl, const struct conjunct *conds, unsigned count, struct rel *rel)
{
    if (count == 0) {
        return STATUS_OK;
    }
    const struct expr **exprs = arena_array(pl->cx->arena, const struct expr *, count);
    struct plan_node *node = plan__node(pl, PLAN_FILTER);
    node->rows = rel->node->rows;
    for (unsigned i = 0; i < count; i++) {
        exprs[i] = conds[i].expr;
        node->rows = MAX(node->rows * plan__selectivity(exprs[i]), 1);
    }
    node->left = rel->node;
    node->cost = rel->node->cost + rel->node->rows * 0.1;
    plan__set_types(pl, node, rel->layout.count);
    memcpy(node->types, rel->node->types, rel->layout.count * sizeof(*node->types));
    rel->node = node;
    rel->is_leaf = false; /* its own conditions alone no longer tell its rows */
    return plan__conjunction(pl, exprs, count, &rel->layout, &node->filter);
}

/* Conditions of `from` on nothing but `mask` move to `to`. */
static void
move_conditions(struct planner *pl, struct conjuncts *from, uint64_t mask, struct conjuncts *to)
{
    for (unsigned i = 0; i < from->count; i++) {
        struct conjunct *cond = &from->list[i];
        if (!cond->placed && cond->mask != 0 && (cond->mask & ~mask) == 0) {
            cond->placed = true;
            conjuncts__add(pl, to, cond->expr);
        }
    }
}

static unsigned
unplaced(struct planner *pl, const struct conjuncts *conds, uint64_t mask,
         struct conjunct **list_out)
{
    unsigned count = 0;
    *list_out = arena_array(pl->cx->arena, struct conjunct, MAX(conds->count, 1U));
    for (unsigned i = 0; i < conds->count; i++) {
        if (!conds->list[i].placed && (conds->list[i].mask & ~mask) == 0) {
            (*list_out)[count++] = conds->list[i];
        }
    }
    return count;
}

/* `conds`: conditions of WHERE on this join alone; all of them are applied here. */
static enum status
plan_outer(struct planner *pl, const struct from_item *item, struct conjuncts *conds,
           struct rel *rel_out)
{
    struct from_item *left = item->join == JOIN_RIGHT ? item->right : item->left;
    struct from_item *right = item->join == JOIN_RIGHT ? item->left : item->right;
    bool full = item->join == JOIN_FULL;
    struct conjuncts on = {0}, left_conds = {0}, right_conds = {0};
    conjuncts__add(pl, &on, item->on);
    if (!full) {
        move_conditions(pl, conds, item_mask(left), &left_conds);
        move_conditions(pl, &on, item_mask(right), &right_conds);
    }
    struct rel left_rel, right_rel;
    TRY(plan_group(pl, &left, 1, &left_conds, &left_rel));
    TRY(plan_group(pl, &right, 1, &right_conds, &right_rel));
    struct conjunct *list;
    struct join_request request = {
        .pl = pl,
        .left = &left_rel,
        .right = &right_rel,
        .kind = full ? JOIN_FULL : JOIN_LEFT,
        .count = unplaced(pl, &on, UINT64_MAX, &list),
    };
    request.conds = list;
    TRY(make_join(&request, rel_out));
    unsigned count = unplaced(pl, conds, UINT64_MAX, &list);
    return add_filter(pl, list, count, rel_out);
}

struct parts {
    unsigned count;
    struct from_item *items[RANGES_MAX];
};

static void
flatten(struct planner *pl, struct from_item *item, struct parts *parts,
        struct conjuncts *conds)
{
    if (item->is_join && (item->join == JOIN_INNER || item->join == JOIN_CROSS)) {
        flatten(pl, item->left, parts, conds);
        flatten(pl, item->right, parts, conds);
        conjuncts__add(pl, conds, item->on);
        return;
    }
    ASSERT(parts->count < RANGES_MAX);
    parts->items[parts->count++] = item;
}

static bool
joins_something(const struct conjunct *conds, unsigned count, const struct rel *left,
                const struct rel *right)
{
    for (unsigned i = 0; i < count; i++) {
        if ((conds[i].mask & left->mask) != 0 && (conds[i].mask & right->mask) != 0) {
            return true;
        }
    }
    return (right->depends & left->mask) != 0;
}

/* The best next part to join; those that share a condition come before the others. */
static enum status
join_next(struct planner *pl, struct rel *joined, const struct rel *rels, bool *done,
          unsigned count, uint64_t group_mask, struct conjuncts *conds)
{
    unsigned best = count;
    bool best_linked = false;
    struct rel best_rel = {0};
    for (unsigned i = 0; i < count; i++) {
        if (done[i] || (rels[i].depends & group_mask & ~joined->mask) != 0) {
            continue;
        }
        struct conjunct *list;
        struct join_request request = {
            .pl = pl, .left = joined, .right = &rels[i], .kind = JOIN_INNER};
        request.count = unplaced(pl, conds, joined->mask | rels[i].mask, &list);
        request.conds = list;
        bool linked = joins_something(list, request.count, joined, &rels[i]);
        if (best < count && best_linked && !linked) {
            continue;
        }
        struct rel rel;
        TRY(make_join(&request, &rel));
        if (best == count || (linked && !best_linked) ||
            rel.node->cost + rel.node->rows < best_rel.node->cost + best_rel.node->rows) {
            best = i;
            best_linked = linked;
            best_rel = rel;
        }
    }
    if (best == count) {
        return diag_fail(pl->cx->diag, STATUS_INVALID, SQLSTATE_INTERNAL_ERROR,
                         "lateral references of FROM go round in a circle");
    }
    done[best] = true;
    *joined = best_rel;
    for (unsigned i = 0; i < conds->count; i++) {
        if ((conds->list[i].mask & ~joined->mask) == 0 && (conds->list[i].mask != 0)) {
            conds->list[i].placed = true;
        }
    }
    return STATUS_OK;
}

static enum status
plan_part(struct planner *pl, const struct from_item *item, struct conjuncts *conds,
          struct rel *rel_out)
{
    struct conjuncts own = {0};
    move_conditions(pl, conds, item_mask(item), &own);
    return item->is_join ? plan_outer(pl, item, &own, rel_out)
                         : plan__leaf(pl, item->range_no, &own, rel_out);
}

static enum status
plan_group(struct planner *pl, struct from_item *const *items, unsigned item_count,
           struct conjuncts *conds, struct rel *rel_out)
{
    struct parts parts = {0};
    for (unsigned i = 0; i < item_count; i++) {
        flatten(pl, items[i], &parts, conds);
    }
    struct rel *rels = arena_array(pl->cx->arena, struct rel, parts.count);
    bool *done = arena_array(pl->cx->arena, bool, parts.count);
    uint64_t group_mask = 0;
    for (unsigned i = 0; i < parts.count; i++) {
        TRY(plan_part(pl, parts.items[i], conds, &rels[i]));
        group_mask |= rels[i].mask;
    }
    unsigned first = parts.count;
    for (unsigned i = 0; i < parts.count; i++) {
        bool free = (rels[i].depends & group_mask) == 0;
        if (free && (first == parts.count || rels[i].node->rows < rels[first].node->rows)) {
            first = i;
        }
    }
    if (first == parts.count) {
        return diag_fail(pl->cx->diag, STATUS_INVALID, SQLSTATE_INTERNAL_ERROR,
                         "lateral references of FROM go round in a circle");
    }
    *rel_out = rels[first];
    done[first] = true;
    for (unsigned i = 1; i < parts.count; i++) {
        TRY(join_next(pl, rel_out, rels, done, parts.count, group_mask, conds));
    }
    struct conjunct *rest;
    unsigned rest_count = unplaced(pl, conds, UINT64_MAX, &rest);
    return add_filter(pl, rest, rest_count, rel_out);
}

enum status
plan__from(struct planner *pl, struct rel *rel_out)
{
    const struct query *query = pl->query;
    struct conjuncts conds = {0};
    conjuncts__add(pl, &conds, query->where);
    struct from_item **items =
        arena_array(pl->cx->arena, struct from_item *, query->from_count + 1);
    unsigned count = query->from_count;
    if (count > 0) {
        memcpy(items, query->from, count * sizeof(*items));
    }
    if (query->table != NULL) { /* the table changed need not be in FROM */
        uint64_t mask = 0;
        for (unsigned i = 0; i < count; i++) {
            mask |= item_mask(items[i]);
        }
        if ((mask & 1) == 0) {
            items[count] = arena_new(pl->cx->arena, struct from_item);
            count++;
        }
    }
    return plan_group(pl, items, count, &conds, rel_out);
}
