/* aggregate.c: groups by hash, and aggregates over them; without GROUP BY one group, always.
 *
 * A group's states lie behind one another in one block; an aggregate is fed a batch at a time
 * with the states of each row's group.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/exec/scan.h"

#include <stdlib.h>

/* DISTINCT: (group, arguments) seen so far. */
struct seen {
    struct rows rows;
    struct row_hash hash;
};

struct aggregate_node {
    struct node node;
    bool built;
    struct rows groups;
    struct row_hash hash;
    uint8_t **states; /* by group */
    uint32_t state_count, state_capacity, next_group;
    struct arena arena; /* of states and what they keep */
    struct seen *seen;  /* by aggregate; not used without DISTINCT */
    struct scratch input;
    void *batch_states[BATCH_ROWS_MAX];
    uint32_t batch_groups[BATCH_ROWS_MAX];
};

static enum status
aggregate_open(struct node *node)
{
    struct aggregate_node *agg = (struct aggregate_node *)node;
    const struct plan_node *plan = node->plan;
    rows__init(&agg->groups, node->ex, plan->types, plan->aggregate.group_count);
    agg->seen =
        arena_array(&node->ex->arena, struct seen, MAX(plan->aggregate.aggregate_count, 1U));
    for (unsigned i = 0; i < plan->aggregate.aggregate_count; i++) {
        const struct plan_aggregate *one = &plan->aggregate.aggregates[i];
        enum type_id types[1 + ARRAY_SIZE(one->args)] = {TYPE_INT8};
        for (unsigned a = 0; a < one->arg_count; a++) {
            types[1 + a] = one->args[a]->type;
        }
        if (one->distinct) {
            rows__init(&agg->seen[i].rows, node->ex, types, 1 + one->arg_count);
        }
    }
    return STATUS_OK;
}

static void
aggregate_close(struct node *node)
{
    struct aggregate_node *agg = (struct aggregate_node *)node;
    rows__deinit(&agg->groups);
    row_hash__deinit(&agg->hash);
    for (unsigned i = 0; i < node->plan->aggregate.aggregate_count; i++) {
        rows__deinit(&agg->seen[i].rows);
        row_hash__deinit(&agg->seen[i].hash);
    }
    free(agg->states);
    arena_deinit(&agg->arena);
    scratch__deinit(&agg->input);
}

static void
aggregate_restart(struct node *node)
{
    struct aggregate_node *agg = (struct aggregate_node *)node;
    exec__restart(node->left);
    agg->built = false;
    agg->next_group = agg->state_count = 0;
    rows__reset(&agg->groups);
    row_hash__reset(&agg->hash);
    for (unsigned i = 0; i < node->plan->aggregate.aggregate_count; i++) {
        /* it lay in the arena that is emptied below */
        node->ex->func_states[node->plan->aggregate.aggregates[i].state_no] = NULL;
        if (agg->seen[i].rows.ex != NULL) {
            rows__reset(&agg->seen[i].rows);
            row_hash__reset(&agg->seen[i].hash);
        }
    }
    arena_reset(&agg->arena);
}

static void
add_group(struct aggregate_node *agg)
{
    const struct plan_node *plan = agg->node.plan;
    if (agg->state_count == agg->state_capacity) {
        agg->state_capacity = MAX(16U, agg->state_capacity * 2);
        agg->states = realloc(agg->states, agg->state_capacity * sizeof(*agg->states));
        ASSERT(agg->states != NULL);
    }
    uint8_t *states = arena_zalloc(&agg->arena, MAX(plan->aggregate.states_size, 1U));
    for (unsigned i = 0; i < plan->aggregate.aggregate_count; i++) {
        const struct plan_aggregate *one = &plan->aggregate.aggregates[i];
        if (one->aggregate->init != NULL) {
            one->aggregate->init(states + one->state_offset);
        }
    }
    agg->states[agg->state_count++] = states;
}

static enum status
find_groups(struct aggregate_node *agg, const struct batch *in, struct arena *arena)
{
    const struct plan_node *plan = agg->node.plan;
    unsigned group_count = plan->aggregate.group_count;
    if (group_count == 0) {
        memset(agg->batch_groups, 0, sizeof(agg->batch_groups));
        return STATUS_OK;
    }
    struct vector *keys = arena_array(arena, struct vector, group_count);
    uint64_t *hashes = arena_alloc(arena, in->row_count * sizeof(*hashes));
    for (unsigned i = 0; i < group_count; i++) {
        TRY(px__eval(agg->node.ex, plan->aggregate.groups[i], in, arena, &keys[i]));
    }
    vector__hash_all(keys, group_count, in->row_count, hashes);
    for (unsigned i = 0; i < in->row_count; i++) {
        bool added;
        TRY(row_set__find_or_add(&agg->groups, &agg->hash, keys, group_count, i, hashes[i],
                                 &agg->batch_groups[i], &added));
        if (added) {
            add_group(agg);
        }
    }
    return STATUS_OK;
}

/* Rows that this aggregate has not seen in their group yet. */
static enum status
select_new(struct aggregate_node *agg, unsigned no, const struct vector *args, uint16_t *rows,
           unsigned *count, struct arena *arena)
{
    const struct plan_aggregate *one = &agg->node.plan->aggregate.aggregates[no];
    struct vector keys[1 + ARRAY_SIZE(one->args)];
    uint64_t *hashes = arena_alloc(arena, MAX(*count, 1U) * sizeof(*hashes));
    vector_init(&keys[0], TYPE_INT8, *count, arena);
    for (unsigned i = 0; i < *count; i++) {
        ((int64_t *)keys[0].data)[i] = agg->batch_groups[rows[i]];
    }
    for (unsigned a = 0; a < one->arg_count; a++) {
        keys[1 + a] = args[a];
    }
    vector__hash_all(keys, 1 + one->arg_count, *count, hashes);
    unsigned kept = 0;
    for (unsigned i = 0; i < *count; i++) {
        uint32_t number;
        bool added;
        TRY(row_set__find_or_add(&agg->seen[no].rows, &agg->seen[no].hash, keys,
                                 1 + one->arg_count, i, hashes[i], &number, &added));
        if (added) {
            rows[kept++] = (uint16_t)i; /* now an index into the rows evaluated */
        }
    }
    *count = kept;
    return STATUS_OK;
}

/* One aggregate, all rows of a batch that its FILTER and DISTINCT leave. */
static enum status
feed(struct aggregate_node *agg, unsigned no, const struct batch *in, struct arena *arena)
{
    const struct plan_aggregate *one = &agg->node.plan->aggregate.aggregates[no];
    struct execution *ex = agg->node.ex;
    uint16_t rows[BATCH_ROWS_MAX], picks[BATCH_ROWS_MAX];
    unsigned count = in->row_count;
    for (unsigned i = 0; i < count; i++) {
        rows[i] = (uint16_t)i;
    }
    if (one->filter != NULL) {
        TRY(px__select(ex, one->filter, in, arena, rows, &count));
    }
    if (count == 0) {
        return STATUS_OK;
    }
    struct vector args[ARRAY_SIZE(one->args)] = {0};
    for (unsigned a = 0; a < one->arg_count; a++) {
        TRY(px__eval_rows(ex, one->args[a], in, rows, count, arena, &args[a]));
    }
    if (one->distinct) {
        unsigned kept = count;
        memcpy(picks, rows, count * sizeof(*picks));
        TRY(select_new(agg, no, args, picks, &kept, arena));
        for (unsigned a = 0; a < one->arg_count; a++) {
            struct vector all = args[a];
            vector__gather(&args[a], &all, picks, kept, arena);
        }
        for (unsigned i = 0; i < kept; i++) {
            rows[i] = rows[picks[i]];
        }
        count = kept;
    }
    for (unsigned i = 0; i < count; i++) {
        agg->batch_states[i] = agg->states[agg->batch_groups[rows[i]]] + one->state_offset;
    }
    struct func_call call = {.cx = ex->cx,
                             .arena = arena,
                             .diag = ex->cx->diag,
                             .result_type = one->type,
                             .typmod = -1,
                             .state = ex->func_states[one->state_no],
                             .state_arena = &agg->arena};
    enum status status =
        count == 0 ? STATUS_OK : one->aggregate->update(&call, agg->batch_states, args, count);
    ex->func_states[one->state_no] = call.state;
    return status;
}

static enum status
check_memory(struct aggregate_node *agg)
{
    struct execution *ex = agg->node.ex;
    uint64_t limit = ex->cx->memory_limit_bytes;
    if (limit == 0 || ex->memory_used + agg->arena.used_bytes <= limit) {
        return STATUS_OK;
    }
    return sql_out_of_memory(ex->cx);
}

static enum status
build(struct aggregate_node *agg)
{
    struct node *node = &agg->node;
    const struct plan_node *plan = node->plan;
    if (plan->aggregate.group_count == 0) {
        add_group(agg);
    }
    for (;;) {
        struct batch *in;
        TRY(exec__next(node->left, &in));
        if (in == NULL) {
            break;
        }
        TRY(txn_check(node->ex->cx->txn, node->ex->cx->diag));
        scratch__reset(&agg->input);
        TRY(find_groups(agg, in, &agg->input.arena));
        for (unsigned i = 0; i < plan->aggregate.aggregate_count; i++) {
            TRY(feed(agg, i, in, &agg->input.arena));
        }
        TRY(check_memory(agg));
    }
    agg->built = true;
    return STATUS_OK;
}

static enum status
finish(struct aggregate_node *agg, unsigned no, unsigned count, struct vector *out)
{
    struct node *node = &agg->node;
    const struct plan_aggregate *one = &node->plan->aggregate.aggregates[no];
    struct arena *arena = &node->scratch.arena;
    struct func_call call = {.cx = node->ex->cx,
                             .arena = arena,
                             .diag = node->ex->cx->diag,
                             .result_type = one->type,
                             .typmod = -1,
                             .state_arena = &agg->arena};
    vector_init(out, one->type, count, arena);
    for (unsigned i = 0; i < count; i++) {
        struct value value;
        TRY(one->aggregate->finish(&call, agg->states[agg->next_group + i] + one->state_offset,
                                   &value));
        vector__set_any(out, i, &value, count, arena);
    }
    return STATUS_OK;
}

static enum status
give_groups(struct aggregate_node *agg)
{
    struct node *node = &agg->node;
    const struct plan_node *plan = node->plan;
    unsigned group_count = plan->aggregate.group_count;
    unsigned count =
        (unsigned)MIN(agg->state_count - agg->next_group, (uint32_t)BATCH_ROWS_MAX);
    scratch__reset(&node->scratch);
    for (unsigned i = 0; i < group_count; i++) {
        rows__window(&agg->groups, i, agg->next_group, &node->out.columns[i]);
        if (plan->filter != NULL) { /* a window must not be narrowed in place */
            struct vector window = node->out.columns[i];
            uint16_t *all = arena_alloc(&node->scratch.arena, count * sizeof(*all));
            for (unsigned r = 0; r < count; r++) {
                all[r] = (uint16_t)r;
            }
            vector__gather(&node->out.columns[i], &window, all, count, &node->scratch.arena);
        }
    }
    for (unsigned i = 0; i < plan->aggregate.aggregate_count; i++) {
        TRY(finish(agg, i, count, &node->out.columns[group_count + i]));
    }
    node->out.row_count = count;
    agg->next_group += count;
    return STATUS_OK;
}

static enum status
aggregate_next(struct node *node, struct batch **batch_out)
{
    struct aggregate_node *agg = (struct aggregate_node *)node;
    if (!agg->built) {
        TRY(build(agg));
    }
    bool any = false;
    while (!any && agg->next_group < agg->state_count) {
        TRY(give_groups(agg));
        TRY(scan__filter_batch(node, &any));
    }
    *batch_out = any ? &node->out : NULL;
    return STATUS_OK;
}

const struct node_ops exec__aggregate_ops = {.size = sizeof(struct aggregate_node),
                                             .open = aggregate_open,
                                             .restart = aggregate_restart,
                                             .next = aggregate_next,
                                             .close = aggregate_close};
