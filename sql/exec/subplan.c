/* subplan.c: queries inside scalars. One that reads no outer row runs once and its answer is
 * kept; the others run again for each row, with the row's values as parameters.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/exec/exec_internal.h"
#include "sql/types/array.h"

struct subplan_state {
    struct node *root;
    bool ran; /* the answer below is of this run */
    uint64_t run_no;
    struct arena arena; /* of kept answers */
    struct value answer;
    bool found;       /* EXISTS */
    struct rows rows; /* IN: the column, for a hash look-up */
    struct row_hash hash;
    bool has_null, has_rows;
};

void
subplan__close(struct subplan_state *state)
{
    if (state != NULL) {
        arena_deinit(&state->arena);
        rows__deinit(&state->rows);
        row_hash__deinit(&state->hash);
    }
}

void
subplan__forget(struct subplan_state *state)
{
    if (state != NULL) {
        state->ran = false;
    }
}

static enum status
state_of(struct execution *ex, const struct subplan *subplan, struct subplan_state **state_out)
{
    struct subplan_state **state = &ex->subplans[subplan->no];
    if (*state == NULL) {
        *state = arena_new(&ex->arena, struct subplan_state);
        TRY(exec__open_node(ex, subplan->root, &(*state)->root));
    }
    *state_out = *state;
    return STATUS_OK;
}

/* Columns of the outer row become the query's parameters. */
static enum status
set_params(struct execution *ex, const struct subplan *subplan, const struct batch *in,
           unsigned row, struct arena *arena)
{
    uint16_t number = (uint16_t)row;
    for (unsigned i = 0; i < subplan->set_count; i++) {
        struct vector vector;
        TRY(px__eval_rows(ex, subplan->sets[i].px, in, &number, 1, arena, &vector));
        vector_get(&vector, 0, &ex->params[subplan->sets[i].param_no]);
    }
    return STATUS_OK;
}

/* ---- scalar, EXISTS, ARRAY ---- */

static enum status
run_scalar(struct execution *ex, struct node *root, enum type_id type, struct arena *arena,
           struct value *value_out)
{
    struct batch *batch;
    *value_out = (struct value){.is_null = true};
    TRY(exec__next(root, &batch));
    if (batch == NULL) {
        return STATUS_OK;
    }
    bool several = batch->row_count > 1;
    struct value value;
    vector_get(&batch->columns[0], 0, &value);
    *value_out = value__copy(type, &value, arena);
    if (!several) {
        TRY(exec__next(root, &batch));
        several = batch != NULL;
    }
    if (several) {
        return diag_fail(ex->cx->diag, STATUS_INVALID, SQLSTATE_CARDINALITY_VIOLATION,
                         "more than one row returned by a subquery used as an expression");
    }
    return STATUS_OK;
}

static enum status
run_exists(struct node *root, struct value *value_out)
{
    struct batch *batch;
    exec__set_bound(root, 1);
    TRY(exec__next(root, &batch));
    *value_out = (struct value){.b = batch != NULL};
    return STATUS_OK;
}

static enum status
append_elements(struct execution *ex, const struct batch *batch, struct buf *text,
                struct buf *element)
{
    const struct vector *column = &batch->columns[0];
    for (unsigned i = 0; i < batch->row_count; i++) {
        struct value value;
        vector_get(column, i, &value);
        buf_clear(element);
        if (!value.is_null) {
            TRY(value_show(ex->cx, column->type, &value, element));
        }
        array_append(text, value.is_null, buf_slice(element));
    }
    return STATUS_OK;
}

static enum status
run_array(struct node *root, struct arena *arena, struct value *value_out)
{
    struct buf text = BUF_EMPTY, element = BUF_EMPTY;
    struct batch *batch;
    enum status status = exec__next(root, &batch);
    while (status == STATUS_OK && batch != NULL) {
        status = append_elements(root->ex, batch, &text, &element);
        if (status == STATUS_OK) {
            status = exec__next(root, &batch);
        }
    }
    buf_append_text(&text, text.size == 0 ? "{}" : "}");
    *value_out = (struct value){.bytes = arena_copy(arena, buf_slice(&text))};
    buf_deinit(&text);
    buf_deinit(&element);
    return status;
}

static enum status
run_once(struct execution *ex, const struct px *px, struct node *root, struct arena *arena,
         struct value *value_out)
{
    exec__restart(root);
    switch (px->kind) {
    case EXPR_SUBQUERY:
        return run_scalar(ex, root, px->type, arena, value_out);
    case EXPR_EXISTS:
        TRY(run_exists(root, value_out));
        value_out->b = value_out->b != px->negated;
        return STATUS_OK;
    default:
        return run_array(root, arena, value_out);
    }
}

static enum status
eval_plain(struct execution *ex, const struct px *px, struct subplan_state *state,
           const struct batch *in, struct arena *arena, struct vector *out)
{
    const struct subplan *subplan = px->subplan;
    if (subplan->is_constant) {
        if (!state->ran) {
            arena_reset(&state->arena);
            TRY(run_once(ex, px, state->root, &state->arena, &state->answer));
            state->ran = true;
        }
        *out = vector__borrow(px->type, &state->answer);
        return STATUS_OK;
    }
    vector_init(out, px->type, in->row_count, arena);
    for (unsigned i = 0; i < in->row_count; i++) {
        struct value value;
        TRY(txn_check(ex->cx->txn, ex->cx->diag));
        TRY(set_params(ex, subplan, in, i, arena));
        TRY(run_once(ex, px, state->root, arena, &value));
        vector__set_any(out, i, &value, in->row_count, arena);
    }
    return STATUS_OK;
}

/* ---- IN ---- */

/* One look-up a row needs one order of values on both sides. */
static bool
may_hash(const struct px *px)
{
    enum type_id left = px->args[0]->type, right = px->subplan->root->types[0];
    return left == right || (type__is_integer(left) && type__is_integer(right));
}

static enum status
keep_column(struct execution *ex, const struct px *px, struct subplan_state *state)
{
    enum type_id type = px->subplan->root->types[0];
    type = type__is_integer(type) ? TYPE_INT8 : type;
    if (state->rows.ex == NULL) {
        rows__init(&state->rows, ex, &type, 1);
    }
    rows__reset(&state->rows);
    row_hash__reset(&state->hash);
    state->has_null = state->has_rows = false;
    exec__restart(state->root);
    for (;;) {
        struct batch *batch;
        uint64_t hashes[BATCH_ROWS_MAX];
        TRY(exec__next(state->root, &batch));
        if (batch == NULL) {
            break;
        }
        TRY(txn_check(ex->cx->txn, ex->cx->diag));
        struct vector column = batch->columns[0];
        state->has_rows = true;
        if (type == TYPE_INT8) {
            vector__widen(&column, batch->row_count, &state->root->scratch.arena);
        }
        vector__hash_all(&column, 1, batch->row_count, hashes);
        for (unsigned i = 0; i < batch->row_count; i++) {
            uint32_t number;
            bool added;
            if (vector_is_null(&column, i)) {
                state->has_null = true;
                continue;
            }
            TRY(row_set__find_or_add(&state->rows, &state->hash, &column, 1, i, hashes[i],
                                     &number, &added));
        }
    }
    state->ran = true;
    return STATUS_OK;
}

static enum status
eval_in_hashed(struct execution *ex, const struct px *px, struct subplan_state *state,
               const struct batch *in, struct arena *arena, struct vector *out)
{
    if (!state->ran) {
        TRY(keep_column(ex, px, state));
    }
    struct vector left;
    uint64_t hashes[BATCH_ROWS_MAX];
    TRY(px__eval(ex, px->args[0], in, arena, &left));
    if (type__is_integer(left.type)) {
        vector__widen(&left, in->row_count, arena);
    }
    vector__hash_all(&left, 1, in->row_count, hashes);
    vector_init(out, TYPE_BOOL, in->row_count, arena);
    for (unsigned i = 0; i < in->row_count; i++) {
        struct value value = {.b = px->negated};
        bool is_null = vector_is_null(&left, i);
        if (!is_null && row_set__contains(&state->rows, &state->hash, &left, 1, i, hashes[i])) {
            value.b = !px->negated;
        } else {
            value.is_null = state->has_null || (is_null && state->has_rows);
        }
        vector__set_any(out, i, &value, in->row_count, arena);
    }
    return STATUS_OK;
}

/* Is `left` (one row) among the rows that the query gives? */
static enum status
search_rows(struct execution *ex, const struct px *px, struct node *root,
            const struct vector *left, struct arena *arena, struct value *value_out)
{
    bool unknown = false;
    *value_out = (struct value){.b = px->negated};
    exec__restart(root);
    for (;;) {
        struct batch *batch;
        TRY(exec__next(root, &batch));
        if (batch == NULL) {
            value_out->is_null = unknown;
            return STATUS_OK;
        }
        struct vector args[2] = {*left, batch->columns[0]}, equal;
        args[0].is_constant = true;
        TRY(px__call(ex, px, px->func, TYPE_BOOL, args, 2, batch->row_count, arena, &equal));
        for (unsigned i = 0; i < batch->row_count; i++) {
            if (vector_is_null(&equal, i)) {
                unknown = true;
            } else if (VECTOR_AT(&equal, uint8_t, i) != 0) {
                value_out->b = !px->negated;
                return STATUS_OK;
            }
        }
    }
}

static enum status
eval_in_searched(struct execution *ex, const struct px *px, struct subplan_state *state,
                 const struct batch *in, struct arena *arena, struct vector *out)
{
    struct vector left;
    TRY(px__eval(ex, px->args[0], in, arena, &left));
    vector_init(out, TYPE_BOOL, in->row_count, arena);
    for (unsigned i = 0; i < in->row_count; i++) {
        uint16_t number = (uint16_t)i;
        struct vector one;
        struct value value;
        TRY(txn_check(ex->cx->txn, ex->cx->diag));
        TRY(set_params(ex, px->subplan, in, i, arena));
        vector__gather(&one, &left, &number, 1, arena);
        TRY(search_rows(ex, px, state->root, &one, arena, &value));
        vector__set_any(out, i, &value, in->row_count, arena);
    }
    return STATUS_OK;
}

enum status
px__eval_subplan(struct execution *ex, const struct px *px, const struct batch *in,
                 struct arena *arena, struct vector *out)
{
    struct subplan_state *state;
    TRY(state_of(ex, px->subplan, &state));
    if (px->kind != EXPR_IN_SUBQUERY) {
        return eval_plain(ex, px, state, in, arena, out);
    }
    return px->subplan->is_constant && may_hash(px)
               ? eval_in_hashed(ex, px, state, in, arena, out)
               : eval_in_searched(ex, px, state, in, arena, out);
}
