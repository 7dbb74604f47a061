/* eval.c: scalars over batches: columns, parameters, functions, casts.
 *
 * NULL first: a strict function never sees a row with a NULL argument; it is marked in the
 * result beforehand. What is the same for all rows is computed once (a constant vector).
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/exec/exec_internal.h"

/* NULL in any argument is NULL in the result. True: in all rows. */
static bool
mark_strict_nulls(const struct vector *args, unsigned arg_count, unsigned count,
                  struct arena *arena, struct vector *out)
{
    for (unsigned a = 0; a < arg_count; a++) {
        if (args[a].nulls == NULL) {
            continue;
        }
        if (args[a].is_constant) {
            if (args[a].nulls[0]) {
                return true;
            }
            continue;
        }
        bool *nulls = vector_nulls(out, count, arena);
        for (unsigned i = 0; i < count; i++) {
            nulls[i] = nulls[i] || args[a].nulls[i];
        }
    }
    return false;
}

static void
set_null_constant(struct vector *out, enum type_id type, struct arena *arena)
{
    vector_set_constant(out, type, &(struct value){.is_null = true}, arena);
}

static bool
all_constant(const struct vector *args, unsigned arg_count)
{
    for (unsigned i = 0; i < arg_count; i++) {
        if (!args[i].is_constant) {
            return false;
        }
    }
    return true;
}

enum status
px__call(struct execution *ex, const struct px *px, const struct func *func, enum type_id type,
         const struct vector *args, unsigned arg_count, unsigned count, struct arena *arena,
         struct vector *out)
{
    bool once = func->volatility != VOLATILITY_VOLATILE && all_constant(args, arg_count);
    unsigned rows = once ? 1 : count;
    vector_init(out, type, rows, arena);
    if (func->strict && mark_strict_nulls(args, arg_count, rows, arena, out)) {
        set_null_constant(out, type, arena);
        return STATUS_OK;
    }
    struct func_call call = {
        .cx = ex->cx,
        .arena = arena,
        .diag = ex->cx->diag,
        .result_type = type,
        .typmod = px->kind == EXPR_CAST ? px->typmod : -1,
        .state = ex->func_states[px->state_no],
        .state_arena = &ex->run_arena,
    };
    enum status status = func->run(&call, args, rows, out);
    ex->func_states[px->state_no] = call.state;
    if (status != STATUS_OK) {
        return status;
    }
    if (ex->cx->memory_limit_bytes != 0 && arena->used_bytes > ex->cx->memory_limit_bytes) {
        return sql_out_of_memory(ex->cx);
    }
    out->type = type;
    out->is_constant = once;
    return STATUS_OK;
}

static enum status
eval_func(struct execution *ex, const struct px *px, const struct batch *in,
          struct arena *arena, struct vector *out)
{
    struct vector few[FUNC_ARGS_MAX];
    struct vector *args = px->arg_count <= ARRAY_SIZE(few)
                              ? few
                              : arena_array(arena, struct vector, px->arg_count);
    for (unsigned i = 0; i < px->arg_count; i++) {
        TRY(px__eval(ex, px->args[i], in, arena, &args[i]));
    }
    if (UNLIKELY(px->func->run == NULL)) {
        return diag_fail(ex->cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "function %s is not supported here", px->func->name);
    }
    return px__call(ex, px, px->func, px->type, args, px->arg_count, in->row_count, arena, out);
}

static enum status
apply_typmod(struct execution *ex, const struct px *px, unsigned count, struct arena *arena,
             struct vector *out)
{
    if (px->typmod < 0) {
        return STATUS_OK;
    }
    unsigned rows = out->is_constant ? 1 : count;
    struct vector source = *out;
    vector_init(out, px->type, rows, arena);
    out->is_constant = source.is_constant;
    for (unsigned i = 0; i < rows; i++) {
        struct value value;
        vector_get(&source, i, &value);
        if (!value.is_null) {
            TRY(value_apply_typmod(px->type, px->typmod, px->cast_explicit, &value, arena,
                                   ex->cx->diag));
        } else {
            vector_nulls(out, rows, arena);
        }
        vector_set(out, i, &value);
    }
    return STATUS_OK;
}

/* Through the text form. */
static enum status
cast_by_text(struct execution *ex, const struct px *px, const struct vector *from,
             unsigned count, struct arena *arena, struct vector *out)
{
    unsigned rows = from->is_constant ? 1 : count;
    enum status status = STATUS_OK;
    struct buf text = BUF_EMPTY;
    vector_init(out, px->type, rows, arena);
    out->is_constant = from->is_constant;
    for (unsigned i = 0; i < rows && status == STATUS_OK; i++) {
        struct value value;
        vector_get(from, i, &value);
        if (value.is_null) {
            vector_nulls(out, rows, arena);
        } else {
            buf_clear(&text);
            status = value_show(ex->cx, from->type, &value, &text);
            struct value_source source = {px->type, px->cast_explicit ? -1 : px->typmod,
                                          arena_copy(arena, buf_slice(&text))};
            if (status == STATUS_OK) { /* results may borrow the copy */
                status = value_read(ex->cx, &source, arena, &value, ex->cx->diag);
            }
        }
        if (status == STATUS_OK) {
            vector_set(out, i, &value);
        }
    }
    buf_deinit(&text);
    return status;
}

static enum status
eval_cast(struct execution *ex, const struct px *px, const struct batch *in,
          struct arena *arena, struct vector *out)
{
    struct vector from;
    TRY(px__eval(ex, px->args[0], in, arena, &from));
    switch (px->cast.method) {
    case CAST_RELABEL:
        *out = from;
        out->type = px->type;
        break;
    case CAST_FUNC:
        TRY(px__call(ex, px, px->cast.func, px->type, &from, 1, in->row_count, arena, out));
        break;
    case CAST_TEXT:
        TRY(cast_by_text(ex, px, &from, in->row_count, arena, out));
        break;
    case CAST_NONE:
        return diag_fail(ex->cx->diag, STATUS_INVALID, SQLSTATE_CANNOT_COERCE,
                         "cannot cast type %s to %s", type_info(from.type)->sql_name,
                         type_info(px->type)->sql_name);
    }
    return apply_typmod(ex, px, in->row_count, arena, out);
}

static enum status
eval_param(struct execution *ex, const struct px *px, struct arena *arena, struct vector *out)
{
    if (px->of_executor) {
        *out = vector__borrow(px->type, &ex->params[px->no]);
        return STATUS_OK;
    }
    if (px->no >= ex->cx->param_count) {
        return diag_fail(ex->cx->diag, STATUS_INVALID, SQLSTATE_UNDEFINED_PARAMETER,
                         "there is no parameter $%u", px->no + 1);
    }
    struct value *copy = arena_new(arena, struct value);
    *copy = ex->cx->params[px->no];
    *out = vector__borrow(px->type, copy);
    return STATUS_OK;
}

static enum status
eval_constant(const struct px *px, struct arena *arena, struct vector *out)
{
    struct value *copy = arena_alloc(arena, sizeof(*copy)); /* the plan is shared: no writes */
    *copy = px->constant;
    *out = vector__borrow(px->type, copy);
    return STATUS_OK;
}

enum status
px__eval(struct execution *ex, const struct px *px, const struct batch *in, struct arena *arena,
         struct vector *out)
{
    switch (px->kind) {
    case EXPR_COLUMN:
        ASSERT(px->no < in->column_count);
        *out = in->columns[px->no];
        return STATUS_OK;
    case EXPR_CONST:
        return eval_constant(px, arena, out);
    case EXPR_PARAM:
        return eval_param(ex, px, arena, out);
    case EXPR_FUNC:
        return eval_func(ex, px, in, arena, out);
    case EXPR_CAST:
        return eval_cast(ex, px, in, arena, out);
    case EXPR_SUBQUERY:
    case EXPR_EXISTS:
    case EXPR_IN_SUBQUERY:
    case EXPR_ARRAY_SUBQUERY:
        return px__eval_subplan(ex, px, in, arena, out);
    case EXPR_IN_LIST:
    case EXPR_ANY_ARRAY:
    case EXPR_ARRAY:
        return px__eval_list(ex, px, in, arena, out);
    default:
        return px__eval_logic(ex, px, in, arena, out);
    }
}

enum status
px__eval_rows(struct execution *ex, const struct px *px, const struct batch *in,
              const uint16_t *rows, unsigned count, struct arena *arena, struct vector *out)
{
    if (count == in->row_count) {
        return px__eval(ex, px, in, arena, out);
    }
    struct batch part;
    batch__gather(&part, in, rows, count, px->slots == NULL ? rows : px->slots, px->slot_count,
                  arena);
    return px__eval(ex, px, &part, arena, out);
}

enum status
px__select(struct execution *ex, const struct px *px, const struct batch *in,
           struct arena *arena, uint16_t *rows_out, unsigned *count_out)
{
    struct vector result;
    *count_out = 0;
    TRY(px__eval(ex, px, in, arena, &result));
    if (result.is_constant) {
        bool all = !vector_is_null(&result, 0) && VECTOR_AT(&result, uint8_t, 0) != 0;
        for (unsigned i = 0; all && i < in->row_count; i++) {
            rows_out[i] = (uint16_t)i;
        }
        *count_out = all ? in->row_count : 0;
        return STATUS_OK;
    }
    const uint8_t *data = result.data;
    unsigned count = 0;
    for (unsigned i = 0; i < in->row_count; i++) {
        rows_out[count] = (uint16_t)i;
        count += data[i] != 0 && (result.nulls == NULL || !result.nulls[i]);
    }
    *count_out = count;
    return STATUS_OK;
}

enum status
px__value(struct execution *ex, const struct px *px, struct arena *arena,
          struct value *value_out)
{
    if (px->kind == EXPR_CONST) {
        *value_out = px->constant;
        return STATUS_OK;
    }
    struct batch one = {.row_count = 1};
    struct vector result;
    TRY(px__eval(ex, px, &one, arena, &result));
    vector_get(&result, 0, value_out);
    return STATUS_OK;
}
