/* variance.c: variance and standard deviation. Exact sums for whole numbers and numerics, with
 * PostgreSQL's scale of the quotient; for binary fractions its method (Youngs and Cramer,
 * 1971).
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/aggregate_internal.h"
#include <math.h>

void
func__keep(struct kept *kept, struct arena *arena, struct slice bytes)
{
    size_t needed = kept->size + bytes.size;
    if (needed > kept->capacity) {
        size_t capacity = MAX(needed, MAX(kept->capacity * 2, (size_t)32));
        uint8_t *data = arena_alloc(arena, capacity);
        if (kept->size > 0) {
            memcpy(data, kept->data, kept->size);
        }
        kept->data = data;
        kept->capacity = capacity;
    }
    if (bytes.size > 0) {
        memcpy(kept->data + kept->size, bytes.data, bytes.size);
    }
    kept->size = needed;
}

enum status
func__moments_int_update(UPDATE_PARAMETERS)
{
    UNUSED(call);
    bool is_short = args[0].type == TYPE_INT2;
    EACH_VALUE(i)
    {
        struct moments_state *s = states[i];
        int64_t x =
            is_short ? VECTOR_AT(&args[0], int16_t, i) : VECTOR_AT(&args[0], int32_t, i);
        s->count++;
        s->sum += x;
        s->squares += (__int128)x * x;
    }
    return STATUS_OK;
}

static enum status
add_kept(struct func_call *call, struct kept *kept, const struct numeric *n)
{
    struct numeric sum = *n, before;
    struct slice bytes;
    if (kept->size > 0) {
        numeric_decode(slice_make(kept->data, kept->size), call->arena, &before);
        numeric_add(&before, n, call->arena, &sum);
    }
    TRY(numeric_encode(&sum, call->arena, &bytes, call->diag));
    kept->size = 0;
    func__keep(kept, call->state_arena, bytes);
    return STATUS_OK;
}

enum status
func__moments_numeric_update(UPDATE_PARAMETERS)
{
    EACH_VALUE(i)
    {
        struct moments_state *s = states[i];
        struct numeric x, square;
        if (args[0].type == TYPE_INT8) {
            numeric_from_int64(VECTOR_AT(&args[0], int64_t, i), call->arena, &x);
        } else {
            numeric_decode(VECTOR_AT(&args[0], struct slice, i), call->arena, &x);
        }
        s->count++;
        if (numeric_is_special(&x)) {
            s->is_nan = true;
            continue;
        }
        numeric_multiply(&x, &x, call->arena, &square);
        TRY(add_kept(call, &s->numeric_sum, &x));
        TRY(add_kept(call, &s->numeric_squares, &square));
    }
    return STATUS_OK;
}

enum status
func__moments_float_update(UPDATE_PARAMETERS)
{
    bool single = args[0].type == TYPE_FLOAT4;
    EACH_VALUE(i)
    {
        struct moments_state *s = states[i];
        double x =
            single ? (double)VECTOR_AT(&args[0], float, i) : VECTOR_AT(&args[0], double, i);
        double before = (double)s->count, n = before + 1, old_sum = s->float_sum;
        s->count++;
        s->float_sum += x;
        if (before == 0) {
            s->float_squares = isnan(x) || isinf(x) ? (double)NAN : 0;
            continue;
        }
        double difference = x * n - s->float_sum;
        s->float_squares += difference * difference / (n * before);
        if (isinf(s->float_sum) || isinf(s->float_squares)) {
            if (!isinf(old_sum) && !isinf(x)) {
                return func__report_float(call, false);
            }
            s->float_squares = (double)NAN;
        }
    }
    return STATUS_OK;
}

static void
sums_of(struct func_call *call, const struct moments_state *s, struct numeric *sum,
        struct numeric *squares)
{
    if (s->numeric_sum.size > 0) {
        numeric_decode(slice_make(s->numeric_sum.data, s->numeric_sum.size), call->arena, sum);
        numeric_decode(slice_make(s->numeric_squares.data, s->numeric_squares.size),
                       call->arena, squares);
    } else {
        numeric_from_int128(s->sum, call->arena, sum);
        numeric_from_int128(s->squares, call->arena, squares);
    }
}

/* (n * squares - sum^2) / (n * (n - 1)), or / n^2 of a population. */
static enum status
finish_numeric(struct func_call *call, const struct moments_state *s, bool sample, bool root,
               struct value *out)
{
    struct arena *arena = call->arena;
    struct numeric sum, squares, n, divisor, left, right, rest, result;
    if (s->is_nan) {
        result = (struct numeric){.flags = NUMERIC_NAN};
        return func__numeric_result(call, &result, out);
    }
    sums_of(call, s, &sum, &squares);
    numeric_from_int64(s->count, arena, &n);
    numeric_from_int128((__int128)s->count * (s->count - (sample ? 1 : 0)), arena, &divisor);
    numeric_multiply(&squares, &n, arena, &left);
    numeric_multiply(&sum, &sum, arena, &right);
    numeric_subtract(&left, &right, arena, &rest);
    if (numeric_sign(&rest) <= 0) {
        numeric_from_int64(0, arena, &result);
        return func__numeric_result(call, &result, out);
    }
    TRY(numeric_divide(&rest, &divisor, arena, &result, call->diag));
    if (root) {
        numeric_square_root(&result, result.scale, arena, &result);
    }
    return func__numeric_result(call, &result, out);
}

static enum status
finish(FINISH_PARAMETERS, bool sample, bool root)
{
    const struct moments_state *s = state;
    *out = (struct value){.is_null = s->count <= (sample ? 1 : 0)};
    if (out->is_null) {
        return STATUS_OK;
    }
    if (call->result_type == TYPE_NUMERIC) {
        return finish_numeric(call, s, sample, root, out);
    }
    double variance = s->float_squares / (double)(s->count - (sample ? 1 : 0));
    out->f64 = root ? sqrt(variance) : variance;
    return STATUS_OK;
}
enum status
func__var_samp_finish(FINISH_PARAMETERS)
{
    return finish(call, state, out, true, false);
}
enum status
func__var_pop_finish(FINISH_PARAMETERS)
{
    return finish(call, state, out, false, false);
}
enum status
func__stddev_samp_finish(FINISH_PARAMETERS)
{
    return finish(call, state, out, true, true);
}
enum status
func__stddev_pop_finish(FINISH_PARAMETERS)
{
    return finish(call, state, out, false, true);
}
