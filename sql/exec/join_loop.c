/* join_loop.c: nested loop: for each row of the left side the right side is run again, with the
 * row's values as parameters; a right side that needs none is run once and its rows are kept.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/exec/exec_internal.h"

struct nest_loop_node {
    struct node node;
    struct batch *outer; /* NULL: none yet, or at the end */
    unsigned outer_row;
    bool ended, kept, inner_open, matched;
    struct rows inner;
    uint32_t inner_next;        /* kept rows: the next to look at */
    struct vector *set_vectors; /* parameters of the outer batch's rows */
    struct scratch outer_scratch;
    struct batch pair; /* the outer row, and inner rows */
    struct scratch pair_scratch;
    uint16_t selected[BATCH_ROWS_MAX]; /* of the pair: joined, not given out yet */
    unsigned selected_count, selected_at;
};

static enum status
nest_loop_open(struct node *node)
{
    struct nest_loop_node *loop = (struct nest_loop_node *)node;
    const struct plan_node *plan = node->plan;
    struct arena *arena = &node->ex->arena;
    loop->set_vectors = arena_array(arena, struct vector, MAX(plan->join.set_count, 1U));
    loop->pair.column_count = plan->column_count;
    loop->pair.columns = arena_array(arena, struct vector, MAX(plan->column_count, 1U));
    rows__init(&loop->inner, node->ex, plan->right->types, plan->right->column_count);
    return STATUS_OK;
}

static void
nest_loop_close(struct node *node)
{
    struct nest_loop_node *loop = (struct nest_loop_node *)node;
    rows__deinit(&loop->inner);
    scratch__deinit(&loop->outer_scratch);
    scratch__deinit(&loop->pair_scratch);
}

static void
nest_loop_restart(struct node *node)
{
    struct nest_loop_node *loop = (struct nest_loop_node *)node;
    exec__restart(node->left);
    loop->outer = NULL;
    loop->ended = loop->kept = loop->inner_open = false;
    loop->selected_count = loop->selected_at = 0;
    rows__reset(&loop->inner);
}

static enum status
next_outer_batch(struct nest_loop_node *loop)
{
    struct node *node = &loop->node;
    const struct plan_node *plan = node->plan;
    TRY(exec__next(node->left, &loop->outer));
    loop->outer_row = 0;
    loop->ended = loop->outer == NULL;
    scratch__reset(&loop->outer_scratch);
    for (unsigned i = 0; !loop->ended && i < plan->join.set_count; i++) {
        TRY(px__eval(node->ex, plan->join.sets[i].px, loop->outer, &loop->outer_scratch.arena,
                     &loop->set_vectors[i]));
    }
    return STATUS_OK;
}

static enum status
keep_inner(struct nest_loop_node *loop)
{
    struct node *node = &loop->node;
    exec__restart(node->right);
    for (;;) {
        struct batch *batch;
        TRY(exec__next(node->right, &batch));
        if (batch == NULL) {
            loop->kept = true;
            return STATUS_OK;
        }
        TRY(rows__append(&loop->inner, batch->columns, batch->row_count));
    }
}

static enum status
open_inner(struct nest_loop_node *loop)
{
    struct node *node = &loop->node;
    const struct plan_node *plan = node->plan;
    loop->inner_open = true;
    loop->matched = false;
    loop->inner_next = 0;
    if (!plan->join.depends) {
        return loop->kept ? STATUS_OK : keep_inner(loop);
    }
    for (unsigned i = 0; i < plan->join.set_count; i++) {
        vector_get(&loop->set_vectors[i], loop->outer_row,
                   &node->ex->params[plan->join.sets[i].param_no]);
    }
    exec__restart(node->right);
    return STATUS_OK;
}

/* Inner rows for the outer one, behind the outer columns; row_count 0 at the end. */
static enum status
next_inner(struct nest_loop_node *loop)
{
    struct node *node = &loop->node;
    unsigned left_count = node->plan->left->column_count;
    unsigned right_count = node->plan->right->column_count;
    struct vector *columns = loop->pair.columns + left_count;
    if (node->plan->join.depends) {
        struct batch *batch;
        TRY(exec__next(node->right, &batch));
        loop->pair.row_count = batch == NULL ? 0 : batch->row_count;
        if (batch != NULL && right_count > 0) {
            memcpy(columns, batch->columns, right_count * sizeof(*columns));
        }
        return STATUS_OK;
    }
    unsigned count =
        (unsigned)MIN(loop->inner.count - loop->inner_next, (uint32_t)BATCH_ROWS_MAX);
    for (unsigned i = 0; count > 0 && i < right_count; i++) {
        rows__window(&loop->inner, i, loop->inner_next, &columns[i]);
    }
    loop->pair.row_count = count;
    loop->inner_next += count;
    return STATUS_OK;
}

/* The outer row as constants. */
static void
set_outer_columns(struct nest_loop_node *loop)
{
    unsigned left_count = loop->node.plan->left->column_count;
    for (unsigned i = 0; i < left_count; i++) {
        const struct vector *from = &loop->outer->columns[i];
        unsigned row = from->is_constant ? 0 : loop->outer_row;
        unsigned size = physical_size(type_info(from->type)->physical);
        loop->pair.columns[i] = (struct vector){
            .type = from->type,
            .is_constant = true,
            .nulls = from->nulls == NULL ? NULL : from->nulls + row,
            .data = (uint8_t *)from->data + (size_t)row * size,
        };
    }
}

/* Copies pairs into the batch that is given out; bytes of the inner side may move on. */
static void
give_pairs(struct nest_loop_node *loop, const uint16_t *rows, unsigned count)
{
    struct node *node = &loop->node;
    struct arena *arena = &node->scratch.arena;
    bool copies = node->plan->join.depends;
    unsigned left_count = node->plan->left->column_count;
    for (unsigned c = 0; c < node->plan->column_count; c++) {
        struct vector *out = &node->out.columns[c];
        bool is_bytes = type_info(out->type)->physical == PHYSICAL_BYTES;
        for (unsigned i = 0; i < count; i++) {
            struct value value;
            vector_get(&loop->pair.columns[c], rows[i], &value);
            if (is_bytes && copies && c >= left_count) {
                value = value__copy(out->type, &value, arena);
            }
            vector__set_any(out, node->out.row_count + i, &value, BATCH_ROWS_MAX, arena);
        }
    }
    node->out.row_count += count;
}

static void
give_unmatched(struct nest_loop_node *loop)
{
    struct node *node = &loop->node;
    unsigned left_count = node->plan->left->column_count;
    for (unsigned c = left_count; c < node->plan->column_count; c++) {
        vector_set_constant(&loop->pair.columns[c], node->plan->types[c],
                            &(struct value){.is_null = true}, &loop->pair_scratch.arena);
    }
    uint16_t row = 0;
    give_pairs(loop, &row, 1);
}

/* A batch of inner rows for the outer row, or its end. */
static enum status
join_some(struct nest_loop_node *loop)
{
    struct node *node = &loop->node;
    if (!loop->inner_open) {
        TRY(open_inner(loop));
    }
    TRY(next_inner(loop));
    scratch__reset(&loop->pair_scratch);
    set_outer_columns(loop);
    loop->selected_at = loop->selected_count = 0;
    if (loop->pair.row_count == 0) {
        if (node->plan->join.kind == JOIN_LEFT && !loop->matched) {
            give_unmatched(loop);
        }
        loop->inner_open = false;
        loop->outer_row++;
        return STATUS_OK;
    }
    if (node->plan->join.on != NULL) {
        TRY(px__select(node->ex, node->plan->join.on, &loop->pair, &loop->pair_scratch.arena,
                       loop->selected, &loop->selected_count));
    } else {
        loop->selected_count = loop->pair.row_count;
        for (unsigned i = 0; i < loop->selected_count; i++) {
            loop->selected[i] = (uint16_t)i;
        }
    }
    loop->matched = loop->matched || loop->selected_count > 0;
    return STATUS_OK;
}

static void
start_batch(struct node *node)
{
    scratch__reset(&node->scratch);
    node->out.row_count = 0;
    for (unsigned c = 0; c < node->plan->column_count; c++) {
        vector_init(&node->out.columns[c], node->plan->types[c], BATCH_ROWS_MAX,
                    &node->scratch.arena);
    }
}

/* A batch is given when it is full, and before the outer batch that it borrows from moves on.
 */
static enum status
nest_loop_next(struct node *node, struct batch **batch_out)
{
    struct nest_loop_node *loop = (struct nest_loop_node *)node;
    uint64_t full = MIN(node->bound, (uint64_t)BATCH_ROWS_MAX);
    start_batch(node);
    while (!loop->ended && node->out.row_count < full) {
        if (loop->selected_at < loop->selected_count) {
            unsigned count = MIN(loop->selected_count - loop->selected_at,
                                 BATCH_ROWS_MAX - node->out.row_count);
            give_pairs(loop, loop->selected + loop->selected_at, count);
            loop->selected_at += count;
        } else if (loop->outer != NULL && loop->outer_row < loop->outer->row_count) {
            TRY(txn_check(node->ex->cx->txn, node->ex->cx->diag));
            TRY(join_some(loop));
        } else if (node->out.row_count > 0) {
            break;
        } else {
            TRY(next_outer_batch(loop));
        }
    }
    *batch_out = node->out.row_count > 0 ? &node->out : NULL;
    return STATUS_OK;
}

const struct node_ops exec__nest_loop_ops = {.size = sizeof(struct nest_loop_node),
                                             .open = nest_loop_open,
                                             .restart = nest_loop_restart,
                                             .next = nest_loop_next,
                                             .close = nest_loop_close};
