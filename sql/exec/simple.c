/* simple.c: operators of few lines: one row, filter, projection, limit, VALUES, functions.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/exec/exec_internal.h"

/* ---- RESULT: one row without columns ---- */

struct result_node {
    struct node node;
    bool given;
};

static void
result_restart(struct node *node)
{
    ((struct result_node *)node)->given = false;
}

static enum status
result_next(struct node *node, struct batch **batch_out)
{
    struct result_node *result = (struct result_node *)node;
    if (result->given) {
        return STATUS_OK;
    }
    result->given = true;
    node->out.row_count = 1;
    if (node->plan->filter != NULL) {
        uint16_t row;
        unsigned count;
        scratch__reset(&node->scratch);
        TRY(px__select(node->ex, node->plan->filter, &node->out, &node->scratch.arena, &row,
                       &count));
        if (count == 0) {
            return STATUS_OK;
        }
    }
    *batch_out = &node->out;
    return STATUS_OK;
}

const struct node_ops exec__result_ops = {
    .size = sizeof(struct result_node), .restart = result_restart, .next = result_next};

/* ---- FILTER ---- */

static void
restart_left(struct node *node)
{
    exec__restart(node->left);
}

static enum status
filter_next(struct node *node, struct batch **batch_out)
{
    for (;;) {
        struct batch *in;
        TRY(exec__next(node->left, &in));
        if (in == NULL) {
            return STATUS_OK;
        }
        TRY(txn_check(node->ex->cx->txn, node->ex->cx->diag));
        scratch__reset(&node->scratch);
        struct arena *arena = &node->scratch.arena;
        uint16_t *rows = arena_alloc(arena, in->row_count * sizeof(*rows));
        unsigned count;
        TRY(px__select(node->ex, node->plan->filter, in, arena, rows, &count));
        if (count == in->row_count) {
            *batch_out = in;
            return STATUS_OK;
        }
        if (count > 0) {
            batch__gather(&node->out, in, rows, count, NULL, 0, arena);
            *batch_out = &node->out;
            return STATUS_OK;
        }
    }
}

const struct node_ops exec__filter_ops = {
    .size = sizeof(struct node), .restart = restart_left, .next = filter_next};

/* ---- PROJECT ---- */

static enum status
project_next(struct node *node, struct batch **batch_out)
{
    struct batch *in;
    TRY(exec__next(node->left, &in));
    if (in == NULL) {
        return STATUS_OK;
    }
    scratch__reset(&node->scratch);
    node->out.row_count = in->row_count;
    for (unsigned i = 0; i < node->out.column_count; i++) {
        TRY(px__eval(node->ex, node->plan->project.targets[i], in, &node->scratch.arena,
                     &node->out.columns[i]));
    }
    *batch_out = &node->out;
    return STATUS_OK;
}

const struct node_ops exec__project_ops = {
    .size = sizeof(struct node), .restart = restart_left, .next = project_next};

/* ---- LIMIT ---- */

struct limit_node {
    struct node node;
    bool started;
    uint64_t skip, left; /* rows */
};

static void
limit_restart(struct node *node)
{
    ((struct limit_node *)node)->started = false;
    exec__restart(node->left);
}

static enum status
limit_value(struct node *node, const struct px *px, const char *name, const char *sqlstate,
            uint64_t if_null, uint64_t *rows_out)
{
    *rows_out = if_null;
    if (px == NULL) {
        return STATUS_OK;
    }
    struct value value;
    TRY(px__value(node->ex, px, &node->scratch.arena, &value));
    if (value.is_null) {
        return STATUS_OK;
    }
    int64_t rows = px->physical == PHYSICAL_I32   ? value.i32
                   : px->physical == PHYSICAL_I16 ? value.i16
                                                  : value.i64;
    if (rows < 0) {
        return diag_fail(node->ex->cx->diag, STATUS_INVALID, sqlstate,
                         "%s must not be negative", name);
    }
    *rows_out = (uint64_t)rows;
    return STATUS_OK;
}

static enum status
limit_start(struct limit_node *limit)
{
    struct node *node = &limit->node;
    TRY(limit_value(node, node->plan->limit.offset, "OFFSET",
                    SQLSTATE_INVALID_ROW_COUNT_IN_OFFSET, 0, &limit->skip));
    TRY(limit_value(node, node->plan->limit.limit, "LIMIT", SQLSTATE_INVALID_ROW_COUNT_IN_LIMIT,
                    ROWS_UNBOUNDED, &limit->left));
    if (limit->left < ROWS_UNBOUNDED - limit->skip) {
        exec__set_bound(node->left, limit->left + limit->skip);
    }
    limit->started = true;
    return STATUS_OK;
}

static enum status
limit_next(struct node *node, struct batch **batch_out)
{
    struct limit_node *limit = (struct limit_node *)node;
    scratch__reset(&node->scratch);
    if (!limit->started) {
        TRY(limit_start(limit));
    }
    while (limit->left > 0) {
        struct batch *in;
        TRY(exec__next(node->left, &in));
        if (in == NULL) {
            return STATUS_OK;
        }
        if (limit->skip >= in->row_count) {
            limit->skip -= in->row_count;
            continue;
        }
        unsigned first = (unsigned)limit->skip;
        unsigned count = (unsigned)MIN(limit->left, in->row_count - first);
        limit->skip = 0;
        limit->left -= count;
        *batch_out = in;
        if (count < in->row_count) {
            struct arena *arena = &node->scratch.arena;
            uint16_t *rows = arena_alloc(arena, count * sizeof(*rows));
            for (unsigned i = 0; i < count; i++) {
                rows[i] = (uint16_t)(first + i);
            }
            batch__gather(&node->out, in, rows, count, NULL, 0, arena);
            *batch_out = &node->out;
        }
        return STATUS_OK;
    }
    return STATUS_OK;
}

const struct node_ops exec__limit_ops = {
    .size = sizeof(struct limit_node), .restart = limit_restart, .next = limit_next};

/* ---- VALUES ---- */

struct values_node {
    struct node node;
    unsigned next_row;
};

static void
values_restart(struct node *node)
{
    ((struct values_node *)node)->next_row = 0;
}

static enum status
values_next(struct node *node, struct batch **batch_out)
{
    struct values_node *values = (struct values_node *)node;
    const struct plan_node *plan = node->plan;
    unsigned count = MIN(plan->values.row_count - values->next_row, BATCH_ROWS_MAX);
    if (count == 0) {
        return STATUS_OK;
    }
    scratch__reset(&node->scratch);
    struct arena *arena = &node->scratch.arena;
    struct batch one = {.row_count = 1};
    node->out.row_count = count;
    for (unsigned c = 0; c < plan->column_count; c++) {
        struct vector *column = &node->out.columns[c];
        if (count == 1) {
            const struct px *px = plan->values.rows[values->next_row][c];
            TRY(px__eval(node->ex, px, &one, arena, column));
            column->type = plan->types[c];
            continue;
        }
        vector_init(column, plan->types[c], count, arena);
        for (unsigned i = 0; i < count; i++) {
            struct value value;
            TRY(px__value(node->ex, plan->values.rows[values->next_row + i][c], arena, &value));
            vector__set_any(column, i, &value, count, arena);
        }
    }
    values->next_row += count;
    *batch_out = &node->out;
    return STATUS_OK;
}

const struct node_ops exec__values_ops = {
    .size = sizeof(struct values_node), .restart = values_restart, .next = values_next};

/* ---- functions in FROM ---- */

struct function_node {
    struct node node;
    bool started, ended;
    struct set_func_call call;
    struct value *args;
    struct scratch state; /* what the call keeps between batches */
    int64_t ordinal;
};

static void
function_restart(struct node *node)
{
    struct function_node *function = (struct function_node *)node;
    function->started = function->ended = false;
}

static void
function_close(struct node *node)
{
    scratch__deinit(&((struct function_node *)node)->state);
}

static enum status
function_start(struct function_node *function)
{
    const struct plan_node *plan = function->node.plan;
    struct arena *arena = &function->state.arena;
    scratch__reset(&function->state);
    function->args = arena_array(arena, struct value, MAX(plan->function.arg_count, 1U));
    for (unsigned i = 0; i < plan->function.arg_count; i++) {
        struct value value;
        const struct px *px = plan->function.args[i];
        TRY(px__value(function->node.ex, px, arena, &value));
        function->args[i] = value__copy(px->type, &value, arena);
        if (value.is_null && plan->function.function->func.strict) {
            function->ended = true;
        }
    }
    function->call = (struct set_func_call){
        .call = {.cx = function->node.ex->cx,
                 .diag = function->node.ex->cx->diag,
                 .result_type = plan->types[0],
                 .typmod = -1,
                 .state_arena = arena},
        .args = function->args,
    };
    function->ordinal = 0;
    function->started = true;
    return STATUS_OK;
}

static void
add_ordinals(struct function_node *function)
{
    struct batch *out = &function->node.out;
    struct vector *column = &out->columns[out->column_count - 1];
    vector_init(column, TYPE_INT8, out->row_count, &function->node.scratch.arena);
    for (unsigned i = 0; i < out->row_count; i++) {
        ((int64_t *)column->data)[i] = ++function->ordinal;
    }
}

static enum status
function_next(struct node *node, struct batch **batch_out)
{
    struct function_node *function = (struct function_node *)node;
    const struct plan_node *plan = node->plan;
    TRY(txn_check(node->ex->cx->txn, node->ex->cx->diag));
    scratch__reset(&node->scratch);
    if (!function->started) {
        if (plan->function.function != NULL) {
            TRY(function_start(function));
        }
        function->started = true;
    }
    if (function->ended) {
        return STATUS_OK;
    }
    unsigned count = 1;
    if (plan->function.function != NULL) {
        function->call.call.arena = &node->scratch.arena;
        vector_init(&node->out.columns[0], plan->types[0], BATCH_ROWS_MAX,
                    &node->scratch.arena);
        TRY(plan->function.function->next(&function->call, &node->out.columns[0], &count));
    } else {
        struct batch one = {.row_count = 1};
        TRY(px__eval(node->ex, plan->function.scalar, &one, &node->scratch.arena,
                     &node->out.columns[0]));
        function->ended = true;
        function->ordinal = 0;
    }
    if (count == 0) {
        function->ended = true;
        return STATUS_OK;
    }
    node->out.row_count = count;
    if (plan->function.with_ordinality) {
        add_ordinals(function);
    }
    *batch_out = &node->out;
    return STATUS_OK;
}

const struct node_ops exec__function_ops = {.size = sizeof(struct function_node),
                                            .restart = function_restart,
                                            .next = function_next,
                                            .close = function_close};
