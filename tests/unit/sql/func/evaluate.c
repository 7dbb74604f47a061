/* evaluate.c: see evaluate.h. SPDX-License-Identifier: Apache-2.0 */
#include "evaluate.h"
#include "base/errors.h"

#define ROWS 5
#define NULL_ROW 2

static void
show(enum type_id type, const struct value *value, struct buf *out)
{
    if (value->is_null) {
        buf_append_text(out, "NULL");
    } else {
        value_to_text(type, value, out);
    }
}

static enum status
cast_value(struct sql_context *cx, enum type_id from, enum type_id to,
           enum cast_context context, struct value *value, struct diag *diag)
{
    if (from == to || value->is_null) {
        return STATUS_OK;
    }
    struct cast cast = cast_find(from, to, context);
    struct buf text = BUF_EMPTY;
    enum status status = STATUS_OK;
    switch (cast.method) {
    case CAST_NONE:
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_CANNOT_COERCE, "no cast");
    case CAST_RELABEL:
        return STATUS_OK;
    case CAST_TEXT:
        if (from == TYPE_UNKNOWN) {
            return value_from_text(to, -1, value->bytes, cx->arena, value, diag);
        }
        value_to_text(from, value, &text);
        status = value_from_text(to, -1, arena_copy(cx->arena, buf_slice(&text)), cx->arena,
                                 value, diag);
        buf_deinit(&text);
        return status;
    case CAST_FUNC:
        break;
    }
    struct vector arg, result;
    struct func_call call = {.cx = cx,
                             .arena = cx->arena,
                             .diag = diag,
                             .result_type = to,
                             .typmod = -1,
                             .state_arena = cx->arena};
    vector_set_constant(&arg, from, value, cx->arena);
    vector_init(&result, to, 1, cx->arena);
    TRY(cast.func->run(&call, &arg, 1, &result));
    vector_get(&result, 0, value);
    return STATUS_OK;
}

/* shape: bit a set: argument a is a vector of ROWS, else a constant. */
static enum status
run_shape(struct sql_context *cx, const struct func *func, enum type_id result_type,
          const enum type_id *types, const struct value *values, unsigned arg_count,
          unsigned shape, bool with_null, struct value *out, struct diag *diag)
{
    struct vector args[FUNC_ARGS_MAX], result;
    bool any_null = false;
    for (unsigned a = 0; a < arg_count; a++) {
        any_null |= values[a].is_null;
        if ((shape >> a & 1U) == 0) {
            vector_set_constant(&args[a], types[a], &values[a], cx->arena);
            continue;
        }
        vector_init(&args[a], types[a], ROWS, cx->arena);
        memset(args[a].data, 0xee, ROWS * physical_size(type_info(types[a])->physical));
        if (with_null || values[a].is_null) {
            (void)vector_nulls(&args[a], ROWS, cx->arena);
        }
        for (unsigned i = 0; i < ROWS; i++) {
            struct value null = {.is_null = true};
            vector_set(&args[a], i, with_null && i == NULL_ROW ? &null : &values[a]);
        }
    }
    struct func_call call = {.cx = cx,
                             .arena = cx->arena,
                             .diag = diag,
                             .result_type = result_type,
                             .typmod = -1,
                             .state_arena = cx->arena};
    vector_init(&result, result_type, ROWS, cx->arena);
    if (func->strict) {
        bool null_row = with_null && shape != 0;
        if (any_null || null_row) {
            bool *nulls = vector_nulls(&result, ROWS, cx->arena);
            for (unsigned i = 0; i < ROWS; i++) {
                nulls[i] = any_null || (null_row && i == NULL_ROW);
            }
        }
    }
    TRY(func->run(&call, args, ROWS, &result));
    vector_get(&result, 4, out);
    return STATUS_OK;
}

static enum status
run_all_shapes(struct sql_context *cx, const struct func *func, enum type_id result_type,
               const enum type_id *types, const struct value *values, unsigned arg_count,
               struct buf *out, struct diag *diag)
{
    struct value value = {.is_null = true};
    struct buf first = BUF_EMPTY, again = BUF_EMPTY;
    enum status status =
        run_shape(cx, func, result_type, types, values, arg_count, 0, false, &value, diag);
    if (status == STATUS_OK) {
        show(result_type, &value, &first);
    }
    unsigned shapes = func->volatility == VOLATILITY_VOLATILE ? 0 : 1U << arg_count;
    unsigned end = func->strict ? shapes * 2 : shapes; /* others may refuse a NULL */
    for (unsigned shape = 1; shape < end; shape++) {
        struct diag other = {0};
        bool with_null = shape >= shapes;
        enum status repeat = run_shape(cx, func, result_type, types, values, arg_count,
                                       shape % shapes, with_null, &value, &other);
        ASSERT(repeat == status);
        ASSERT(diag == NULL || strcmp(other.message, diag->message) == 0);
        if (repeat == STATUS_OK) {
            buf_clear(&again);
            show(result_type, &value, &again);
            ASSERT(slice_equal(buf_slice(&first), buf_slice(&again)));
        }
    }
    buf_append(out, first.data, first.size);
    buf_deinit(&first);
    buf_deinit(&again);
    return status;
}

enum status
evaluate(struct sql_context *cx, bool is_operator, const char *name,
         const struct evaluation_arg *args, unsigned arg_count, struct buf *out,
         enum type_id *type_out, struct diag *diag)
{
    enum type_id types[FUNC_ARGS_MAX];
    struct value values[FUNC_ARGS_MAX] = {0};
    for (unsigned a = 0; a < arg_count; a++) {
        types[a] = args[a].type;
    }
    struct func_match match;
    TRY(is_operator ? operator_resolve(name, types, arg_count, &match, diag)
                    : func_resolve(name, types, arg_count, &match, diag));
    *type_out = match.result;
    ASSERT(match.func != NULL);
    for (unsigned a = 0; a < arg_count; a++) {
        values[a].is_null = args[a].text == NULL;
        if (args[a].text != NULL) {
            TRY(value_from_text(types[a], -1, slice_from_text(args[a].text), cx->arena,
                                &values[a], diag));
        }
        TRY(cast_value(cx, types[a], match.arg_types[a], CAST_IMPLICIT, &values[a], diag));
    }
    return run_all_shapes(cx, match.func, match.result, match.arg_types, values, arg_count, out,
                          diag);
}

enum status
evaluate_cast(struct sql_context *cx, enum type_id from, enum type_id to, const char *text,
              struct buf *out, struct diag *diag)
{
    struct value value = {0};
    TRY(value_from_text(from, -1, slice_from_text(text), cx->arena, &value, diag));
    TRY(cast_value(cx, from, to, CAST_EXPLICIT, &value, diag));
    show(to, &value, out);
    return STATUS_OK;
}
