/* lock_rows.c: SELECT .. FOR UPDATE and its kin: rows are locked as they are given out, no more
 * of them than LIMIT asks for.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/exec/exec_internal.h"

struct lock_rows_node {
    struct node node;
    struct buf newest;
    uint64_t given;
    const struct batch **newer; /* by row of the batch; NULL: as it was */
};

static void
lock_rows_restart(struct node *node)
{
    ((struct lock_rows_node *)node)->given = 0;
    exec__restart(node->left);
}

static void
lock_rows_close(struct node *node)
{
    buf_deinit(&((struct lock_rows_node *)node)->newest);
}

static enum status
is_busy(struct lock_rows_node *lock, const struct row_slots *slots)
{
    if (lock->node.plan->lock.wait == LOCK_SKIP_LOCKED) {
        return STATUS_OK;
    }
    return diag_fail(lock->node.ex->cx->diag, STATUS_CONFLICT, SQLSTATE_LOCK_NOT_AVAILABLE,
                     "could not obtain lock on row in relation \"%s\"", slots->table->name);
}

/* Locks one range's row of row `row`; `*in` moves to the newest version if there is a newer. */
static enum status
lock_range(struct lock_rows_node *lock, const struct row_slots *slots, const struct batch **in,
           unsigned *row, bool *keep)
{
    struct node *node = &lock->node;
    struct sql_context *cx = node->ex->cx;
    const struct vector *ids = &(*in)->columns[slots->row_slot];
    if (vector_is_null(ids, *row)) {
        return STATUS_OK; /* the empty side of an outer join */
    }
    struct row_id id = {(uint64_t)VECTOR_AT(ids, int64_t, *row)};
    struct change_result result = {0};
    TRY(table_lock_row(cx->txn, slots->table->id, id, node->plan->lock.mode,
                       node->plan->lock.wait, &lock->newest, &result, cx->diag));
    if (result.outcome == ROW_DONE) {
        return STATUS_OK;
    }
    *keep = false;
    if (result.outcome != ROW_CHANGED) {
        return result.outcome == ROW_BUSY ? is_busy(lock, slots) : STATUS_OK;
    }
    struct arena *arena = &node->scratch.arena;
    struct batch *newer = arena_new(arena, struct batch);
    row__newer(*in, *row, slots, buf_slice(&lock->newest), arena, newer);
    uint16_t kept;
    unsigned count = 1;
    if (node->plan->filter != NULL) {
        TRY(px__select(node->ex, node->plan->filter, newer, arena, &kept, &count));
    }
    *keep = count > 0;
    *in = newer;
    *row = 0;
    return STATUS_OK;
}

static enum status
lock_row(struct lock_rows_node *lock, const struct batch *in, unsigned row, bool *keep)
{
    const struct plan_node *plan = lock->node.plan;
    const struct batch *now = in;
    unsigned now_row = row;
    *keep = true;
    for (unsigned i = 0; *keep && i < plan->lock.range_count; i++) {
        TRY(lock_range(lock, &plan->lock.ranges[i], &now, &now_row, keep));
    }
    lock->newer[row] = now == in ? NULL : now;
    return STATUS_OK;
}

static void
give_locked(struct lock_rows_node *lock, const struct batch *in, const uint16_t *rows,
            unsigned count)
{
    struct node *node = &lock->node;
    struct arena *arena = &node->scratch.arena;
    batch__gather(&node->out, in, rows, count, NULL, 0, arena);
    for (unsigned i = 0; i < count; i++) {
        const struct batch *newer = lock->newer[rows[i]];
        for (unsigned c = 0; newer != NULL && c < in->column_count; c++) {
            struct value value;
            vector_get(&newer->columns[c], 0, &value);
            vector__set_any(&node->out.columns[c], i, &value, count, arena);
        }
    }
}

static enum status
lock_rows_next(struct node *node, struct batch **batch_out)
{
    struct lock_rows_node *lock = (struct lock_rows_node *)node;
    unsigned count = 0;
    while (count == 0 && lock->given < node->bound) {
        struct batch *in;
        TRY(exec__next(node->left, &in));
        if (in == NULL) {
            return STATUS_OK;
        }
        TRY(txn_check(node->ex->cx->txn, node->ex->cx->diag));
        scratch__reset(&node->scratch);
        uint16_t rows[BATCH_ROWS_MAX];
        lock->newer = arena_alloc(&node->scratch.arena, in->row_count * sizeof(*lock->newer));
        for (unsigned row = 0; row < in->row_count && lock->given < node->bound; row++) {
            bool keep;
            TRY(lock_row(lock, in, row, &keep));
            if (keep) {
                rows[count++] = (uint16_t)row;
                lock->given++;
            }
        }
        if (count > 0) {
            give_locked(lock, in, rows, count);
            *batch_out = &node->out;
        }
    }
    return STATUS_OK;
}

const struct node_ops exec__lock_rows_ops = {.size = sizeof(struct lock_rows_node),
                                             .restart = lock_rows_restart,
                                             .next = lock_rows_next,
                                             .close = lock_rows_close};
