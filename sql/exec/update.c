/* update.c: UPDATE and DELETE.
 *
 * A row that another transaction changed since our snapshot comes back locked, in its newest
 * version: WHERE is asked again of that version and SET computed from it, then the change is
 * tried again. A row that is gone, or that this statement changed already, is passed over.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/exec/returning.h"

struct change_node {
    struct node node;
    struct row_writer writer;
    struct returning returning;
    bool changed;
    struct vector *values; /* UPDATE: of the assigned columns */
    struct buf newest;
};

static enum status
change_open(struct node *node)
{
    struct change_node *change = (struct change_node *)node;
    row_writer__init(&change->writer, node->plan->modify.table, &node->ex->arena);
    returning__init(&change->returning, node);
    change->values =
        arena_array(&node->ex->arena, struct vector, MAX(node->plan->modify.value_count, 1U));
    return STATUS_OK;
}

static void
change_close(struct node *node)
{
    struct change_node *change = (struct change_node *)node;
    row_writer__deinit(&change->writer);
    returning__deinit(&change->returning);
    buf_deinit(&change->newest);
}

static void
change_restart(struct node *node)
{
    struct change_node *change = (struct change_node *)node;
    exec__restart(node->left);
    change->changed = false;
    returning__restart(&change->returning);
}

static enum status
eval_values(struct change_node *change, const struct batch *in, struct vector *values)
{
    const struct plan_node *plan = change->node.plan;
    for (unsigned i = 0; i < plan->modify.value_count; i++) {
        TRY(px__eval(change->node.ex, plan->modify.values[i], in, &change->node.scratch.arena,
                     &values[i]));
    }
    return STATUS_OK;
}

/* One try at row `row` of `in`. */
static enum status
try_change(struct change_node *change, const struct batch *in, unsigned row,
           const struct vector *values, struct change_result *result)
{
    const struct plan_node *plan = change->node.plan;
    struct sql_context *cx = change->node.ex->cx;
    const struct row_slots *slots = &plan->modify.slots;
    struct row_id id = {(uint64_t)VECTOR_AT(&in->columns[slots->row_slot], int64_t, row)};
    *result = (struct change_result){0};
    if (plan->kind == PLAN_DELETE) {
        return table_delete(cx->txn, slots->table->id, id, &change->newest, result, cx->diag);
    }
    struct slice tuple;
    row_writer__load(&change->writer,
                     VECTOR_AT(&in->columns[slots->tuple_slot], struct slice, row));
    for (unsigned i = 0; i < plan->modify.value_count; i++) {
        row_writer__set(&change->writer, plan->modify.column_nos[i], &values[i], row);
    }
    TRY(row_writer__encode(&change->writer, cx, &tuple));
    enum status status =
        table_update(cx->txn, slots->table->id, id, tuple, &change->newest, result, cx->diag);
    return status == STATUS_OK ? STATUS_OK
                               : row_writer__refused(&change->writer, cx, result, status);
}

static enum status
add_returning(struct change_node *change, const struct batch *in, unsigned row,
              const struct vector *values)
{
    struct node *node = &change->node;
    if (node->plan->column_count == 0) {
        return STATUS_OK;
    }
    struct batch one;
    uint16_t number = (uint16_t)row;
    struct arena *arena = &node->scratch.arena;
    batch__gather(&one, in, &number, 1, NULL, 0, arena);
    for (unsigned i = 0; i < one.column_count; i++) {
        int value_no = node->plan->modify.new_value_of_slot[i];
        if (value_no >= 0) {
            vector__gather(&one.columns[i], &values[value_no], &number, 1, arena);
        }
    }
    return returning__add(&change->returning, node, &one);
}

static enum status
change_row(struct change_node *change, const struct batch *in, unsigned row)
{
    struct node *node = &change->node;
    const struct vector *values = change->values;
    struct batch newer;
    for (;;) {
        struct change_result result;
        TRY(try_change(change, in, row, values, &result));
        if (result.outcome == ROW_DONE) {
            node->ex->changed++;
            return add_returning(change, in, row, values);
        }
        if (result.outcome != ROW_CHANGED) {
            return STATUS_OK;
        }
        struct arena *arena = &node->scratch.arena;
        row__newer(in, row, &node->plan->modify.slots, buf_slice(&change->newest), arena,
                   &newer);
        if (node->plan->filter != NULL) {
            uint16_t kept;
            unsigned count;
            TRY(px__select(node->ex, node->plan->filter, &newer, arena, &kept, &count));
            if (count == 0) {
                return STATUS_OK; /* it no longer fits */
            }
        }
        struct vector *again =
            arena_array(arena, struct vector, MAX(node->plan->modify.value_count, 1U));
        TRY(eval_values(change, &newer, again));
        struct batch *moved = arena_new(arena, struct batch);
        *moved = newer;
        in = moved;
        row = 0;
        values = again;
    }
}

static enum status
change_next(struct node *node, struct batch **batch_out)
{
    struct change_node *change = (struct change_node *)node;
    while (!change->changed) {
        struct batch *in;
        TRY(exec__next(node->left, &in));
        if (in == NULL) {
            change->changed = true;
            break;
        }
        TRY(txn_check(node->ex->cx->txn, node->ex->cx->diag));
        scratch__reset(&node->scratch);
        TRY(eval_values(change, in, change->values));
        for (unsigned row = 0; row < in->row_count; row++) {
            TRY(change_row(change, in, row));
        }
    }
    returning__next(&change->returning, node, batch_out);
    return STATUS_OK;
}

const struct node_ops exec__update_ops = {.size = sizeof(struct change_node),
                                          .open = change_open,
                                          .restart = change_restart,
                                          .next = change_next,
                                          .close = change_close};
const struct node_ops exec__delete_ops = {.size = sizeof(struct change_node),
                                          .open = change_open,
                                          .restart = change_restart,
                                          .next = change_next,
                                          .close = change_close};
