/* exec.c: the life of an execution: open, next, restart, close. See exec.h.
 *
 * Picture:  open or restart --> RUNNING --next() gives NULL--> DONE --restart--> RUNNING ...
 *           Pins and scans are given back when DONE, by restart and by close; memory is kept
 * until close, so that a prepared statement runs again without allocating.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/exec/exec_internal.h"

#include <stdlib.h>

const struct node_ops *
exec__ops_of(enum plan_kind kind)
{
    static const struct node_ops *const ops[] = {
        [PLAN_RESULT] = &exec__result_ops,
        [PLAN_SEQ_SCAN] = &exec__seq_scan_ops,
        [PLAN_INDEX_SCAN] = &exec__index_scan_ops,
        [PLAN_VIEW_SCAN] = &exec__view_scan_ops,
        [PLAN_FUNCTION_SCAN] = &exec__function_ops,
        [PLAN_VALUES_SCAN] = &exec__values_ops,
        [PLAN_FILTER] = &exec__filter_ops,
        [PLAN_PROJECT] = &exec__project_ops,
        [PLAN_NEST_LOOP] = &exec__nest_loop_ops,
        [PLAN_HASH_JOIN] = &exec__hash_join_ops,
        [PLAN_AGGREGATE] = &exec__aggregate_ops,
        [PLAN_SORT] = &exec__sort_ops,
        [PLAN_LIMIT] = &exec__limit_ops,
        [PLAN_DISTINCT] = &exec__distinct_ops,
        [PLAN_SET_OPERATION] = &exec__set_operation_ops,
        [PLAN_LOCK_ROWS] = &exec__lock_rows_ops,
        [PLAN_INSERT] = &exec__insert_ops,
        [PLAN_UPDATE] = &exec__update_ops,
        [PLAN_DELETE] = &exec__delete_ops,
    };
    ASSERT((unsigned)kind < ARRAY_SIZE(ops) && ops[kind] != NULL);
    return ops[kind];
}

enum status
exec__open_node(struct execution *ex, const struct plan_node *plan, struct node **node_out)
{
    const struct node_ops *ops = exec__ops_of(plan->kind);
    struct node *node = arena_zalloc(&ex->arena, ops->size);
    *node_out = node;
    node->ops = ops;
    node->plan = plan;
    node->ex = ex;
    node->bound = ROWS_UNBOUNDED;
    node->out.column_count = plan->column_count;
    node->out.columns = arena_array(&ex->arena, struct vector, MAX(plan->column_count, 1U));
    node->older = ex->newest;
    ex->newest = node;
    if (plan->left != NULL) {
        TRY(exec__open_node(ex, plan->left, &node->left));
    }
    if (plan->right != NULL) {
        TRY(exec__open_node(ex, plan->right, &node->right));
    }
    return ops->open == NULL ? STATUS_OK : ops->open(node);
}

void
exec__set_bound(struct node *node, uint64_t rows)
{
    node->bound = MIN(node->bound, rows);
    switch (node->plan->kind) {
    case PLAN_PROJECT:
        exec__set_bound(node->left, rows);
        return;
    case PLAN_SEQ_SCAN:
    case PLAN_INDEX_SCAN:
        if (node->plan->filter != NULL) {
            node->bound = ROWS_UNBOUNDED; /* rows scanned are more than rows given */
        }
        return;
    default:
        return;
    }
}

struct execution *
execution__make(struct sql_context *cx, const struct plan *plan)
{
    struct execution *ex = calloc(1, sizeof(*ex));
    ASSERT(ex != NULL);
    ex->cx = cx;
    ex->plan = plan;
    ex->run_no = 1;
    arena_init(&ex->arena);
    arena_init(&ex->run_arena);
    ex->params = arena_array(&ex->arena, struct value, MAX(plan->param_count, 1U));
    ex->func_states = arena_array(&ex->arena, void *, MAX(plan->state_count, 1U));
    ex->subplans =
        arena_array(&ex->arena, struct subplan_state *, MAX(plan->subplan_count, 1U));
    return ex;
}

static enum status
lock_tables(struct execution *ex)
{
    for (unsigned i = 0; i < ex->plan->lock_count; i++) {
        const struct plan_lock *lock = &ex->plan->locks[i];
        TRY(table_lock(ex->cx->txn, lock->table, lock->mode, LOCK_WAIT, ex->cx->diag));
    }
    return STATUS_OK;
}

enum status
execution_open(struct sql_context *cx, const struct plan *plan,
               struct execution **execution_out)
{
    *execution_out = NULL;
    struct execution *ex = execution__make(cx, plan);
    enum status status = lock_tables(ex);
    if (status == STATUS_OK) {
        status = exec__open_node(ex, plan->root, &ex->root);
    }
    if (status != STATUS_OK) {
        execution_close(ex);
        return status;
    }
    exec__restart(ex->root);
    *execution_out = ex;
    return STATUS_OK;
}

enum status
execution_next(struct execution *ex, struct batch **batch_out)
{
    *batch_out = NULL;
    if (ex->done) {
        return STATUS_OK;
    }
    TRY(txn_check(ex->cx->txn, ex->cx->diag));
    TRY(exec__next(ex->root, batch_out));
    if (*batch_out == NULL) {
        execution_stop(ex);
    }
    return STATUS_OK;
}

uint64_t
execution_changed_count(const struct execution *ex)
{
    return ex->changed;
}

void
execution_stop(struct execution *ex)
{
    for (struct node *node = ex->newest; node != NULL; node = node->older) {
        if (node->ops->stop != NULL) {
            node->ops->stop(node);
        }
    }
    ex->done = true;
}

void
execution_close(struct execution *ex)
{
    if (ex == NULL) {
        return;
    }
    execution_stop(ex);
    for (struct node *node = ex->newest; node != NULL; node = node->older) {
        if (node->ops->close != NULL) {
            node->ops->close(node);
        }
        scratch__deinit(&node->scratch);
    }
    for (unsigned i = 0; i < ex->plan->subplan_count; i++) {
        subplan__close(ex->subplans[i]);
    }
    arena_deinit(&ex->run_arena);
    arena_deinit(&ex->arena);
    free(ex);
}

enum status
execution_restart(struct execution *ex, struct sql_context *cx)
{
    execution_stop(ex);
    ex->cx = cx;
    ex->changed = 0;
    ex->run_no++;
    for (unsigned i = 0; i < ex->plan->subplan_count; i++) {
        subplan__forget(ex->subplans[i]);
    }
    if (ex->plan->state_count > 0) {
        memset(ex->func_states, 0, sizeof(void *) * ex->plan->state_count);
    }
    arena_reset(&ex->run_arena);
    TRY(lock_tables(ex));
    exec__restart(ex->root);
    ex->done = false;
    return STATUS_OK;
}

enum status
expr_evaluate(struct sql_context *cx, const struct expr *expr, struct value *value_out)
{
    struct px_scope scope;
    *value_out = (struct value){.is_null = true};
    TRY(plan_scalar(cx, expr, &scope));
    struct execution *ex = execution__make(cx, scope.plan);
    struct value value;
    enum status status = lock_tables(ex);
    if (status == STATUS_OK) {
        status = px__value(ex, scope.px, cx->arena, &value);
    }
    if (status == STATUS_OK) {
        *value_out = value__copy(expr->type, &value, cx->arena);
    }
    execution_close(ex);
    return status;
}
