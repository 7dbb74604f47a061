/* numeric_func.c: operators and functions of numeric. SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"
#include "sql/types/numeric_log.h"
#include <math.h>

typedef void (*numeric_operation)(const struct numeric *a, const struct numeric *b,
                                  struct arena *arena, struct numeric *out);

static enum status
run_operation(FUNC_PARAMETERS, numeric_operation operation)
{
    struct slice *r = result->data;
    EACH_ROW(i)
    {
        struct numeric a, b, out;
        numeric_decode(VECTOR_AT(&args[0], struct slice, i), call->arena, &a);
        numeric_decode(VECTOR_AT(&args[1], struct slice, i), call->arena, &b);
        operation(&a, &b, call->arena, &out);
        TRY(numeric_encode(&out, call->arena, &r[i], call->diag));
    }
    return STATUS_OK;
}

enum status
add_numeric(FUNC_PARAMETERS)
{
    return run_operation(call, args, count, result, numeric_add);
}
enum status
subtract_numeric(FUNC_PARAMETERS)
{
    return run_operation(call, args, count, result, numeric_subtract);
}
enum status
multiply_numeric(FUNC_PARAMETERS)
{
    return run_operation(call, args, count, result, numeric_multiply);
}

DEFINE_ROWS(divide_numeric, 2)
{
    struct numeric a, b, quotient;
    numeric_decode(v[0].bytes, call->arena, &a);
    numeric_decode(v[1].bytes, call->arena, &b);
    TRY(numeric_divide(&a, &b, call->arena, &quotient, call->diag));
    return func__numeric_result(call, &quotient, out);
}
DEFINE_ROWS(modulo_numeric, 2)
{
    struct numeric a, b, rest;
    numeric_decode(v[0].bytes, call->arena, &a);
    numeric_decode(v[1].bytes, call->arena, &b);
    TRY(numeric_modulo(&a, &b, call->arena, &rest, call->diag));
    return func__numeric_result(call, &rest, out);
}
/* div(a, b): the whole quotient, cut. */
DEFINE_ROWS(div_numeric, 2)
{
    struct numeric a, b, quotient;
    numeric_decode(v[0].bytes, call->arena, &a);
    numeric_decode(v[1].bytes, call->arena, &b);
    if (numeric_is_special(&a) || numeric_is_special(&b) || numeric_is_zero(&b)) {
        TRY(numeric_divide(&a, &b, call->arena, &quotient, call->diag));
    } else {
        numeric_divide_scale(&a, &b, 0, false, call->arena, &quotient);
    }
    return func__numeric_result(call, &quotient, out);
}
DEFINE_ROWS(negate_numeric, 1)
{
    struct numeric n;
    numeric_decode(v[0].bytes, call->arena, &n);
    numeric_negate(&n);
    return func__numeric_result(call, &n, out);
}
DEFINE_ROWS(plus_numeric, 1)
{
    UNUSED(call);
    out->bytes = v[0].bytes;
    return STATUS_OK;
}
DEFINE_ROWS(abs_numeric, 1)
{
    struct numeric n;
    numeric_decode(v[0].bytes, call->arena, &n);
    if (n.flags == NUMERIC_MINUS || n.flags == NUMERIC_MINUS_INFINITY) {
        numeric_negate(&n);
    }
    return func__numeric_result(call, &n, out);
}
DEFINE_ROWS(sign_numeric, 1)
{
    struct numeric n, sign;
    numeric_decode(v[0].bytes, call->arena, &n);
    if (n.flags == NUMERIC_NAN) {
        return func__numeric_result(call, &n, out);
    }
    numeric_from_int64(numeric_sign(&n), call->arena, &sign);
    return func__numeric_result(call, &sign, out);
}
DEFINE_ROWS(ceil_numeric, 1)
{
    struct numeric n;
    numeric_decode(v[0].bytes, call->arena, &n);
    numeric_ceil(&n, call->arena);
    return func__numeric_result(call, &n, out);
}
DEFINE_ROWS(floor_numeric, 1)
{
    struct numeric n;
    numeric_decode(v[0].bytes, call->arena, &n);
    numeric_floor(&n, call->arena);
    return func__numeric_result(call, &n, out);
}

static enum status
round_to(struct func_call *call, struct slice bytes, int32_t scale, bool cut, struct value *out)
{
    struct numeric n;
    int limited = MAX(MIN(scale, 2000), -2000);
    numeric_decode(bytes, call->arena, &n);
    if (cut) {
        numeric_truncate(&n, limited);
    } else {
        numeric_round(&n, limited, call->arena);
    }
    n.scale = numeric_is_special(&n) ? 0 : MAX(limited, 0);
    return func__numeric_result(call, &n, out);
}
DEFINE_ROWS(round_numeric, 1)
{
    return round_to(call, v[0].bytes, 0, false, out);
}
DEFINE_ROWS(round_numeric_to, 2)
{
    return round_to(call, v[0].bytes, v[1].i32, false, out);
}
DEFINE_ROWS(trunc_numeric, 1)
{
    return round_to(call, v[0].bytes, 0, true, out);
}
DEFINE_ROWS(trunc_numeric_to, 2)
{
    return round_to(call, v[0].bytes, v[1].i32, true, out);
}
DEFINE_ROWS(scale_numeric, 1)
{
    UNUSED(call);
    out->is_null = v[0].bytes.data[0] >= NUMERIC_NAN;
    out->i32 = get_u16(v[0].bytes.data + 1);
    return STATUS_OK;
}

/* ---- powers ---- */

static enum status
power_error(struct func_call *call, const char *message)
{
    return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                     "%s", message);
}

#define POWER_SCALE_MIN 16
#define POWER_DIGITS_MAX 131073 /* a numeric has fewer before its point */

static void
multiply_round(const struct numeric *a, const struct numeric *b, int scale, struct arena *arena,
               struct numeric *out)
{
    struct numeric product;
    numeric_multiply(a, b, arena, &product);
    if (product.scale > scale) {
        numeric_round(&product, MAX(scale, 0), arena);
        product.scale = MAX(scale, 0);
    }
    *out = product;
}

/* |x|^n, n > 0, by squaring, each step with `digits` significant digits. false: it has more
 * digits before the point than a numeric can hold. */
static bool
power_whole(const struct numeric *base, uint32_t exponent, int digits, struct arena *arena,
            struct numeric *out)
{
    struct numeric square = *base;
    numeric_from_int64(1, arena, out);
    for (;; exponent >>= 1) {
        if ((exponent & 1) != 0) {
            multiply_round(out, &square, digits - (square.weight + out->weight) * 4, arena,
                           out);
        }
        if (exponent <= 1) {
            return out->weight <= INT16_MAX;
        }
        multiply_round(&square, &square, digits - square.weight * 8, arena, &square);
        if (square.weight > INT16_MAX || out->weight > INT16_MAX) {
            return false;
        }
    }
}

static enum status
power_overflow(struct func_call *call)
{
    return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                     "value overflows numeric format");
}

/* With the scale that PostgreSQL chooses, and from as many digits as that takes. */
static enum status
power_to_int(struct func_call *call, const struct numeric *base, int32_t exponent,
             struct value *out)
{
    struct numeric raised, one, inverse;
    int scale = MIN(MAX(POWER_SCALE_MIN, base->scale), NUMERIC_RESULT_SCALE_MAX);
    numeric_from_int64(exponent == 0, call->arena, &raised);
    if (base->count == 0 && exponent < 0) {
        return power_error(call, "zero raised to a negative power is undefined");
    }
    /* decimal digits of the result before the point, below 0 when it begins behind it */
    double digits = base->count == 0 ? 0 : exponent * numeric_log10_estimate(base);
    if (digits > POWER_DIGITS_MAX) {
        return power_overflow(call);
    }
    if (base->count != 0 && exponent != 0 && digits + 1 >= -scale) {
        uint32_t magnitude = exponent < 0 ? 0U - (uint32_t)exponent : (uint32_t)exponent;
        int significant = 1 + scale + (int)digits + (int)log(magnitude) + 8;
        if (power_whole(base, magnitude, significant, call->arena, &raised)) {
            if (exponent < 0) {
                numeric_from_int64(1, call->arena, &one);
                numeric_divide_scale(&one, &raised, scale, true, call->arena, &inverse);
                raised = inverse;
            }
        } else if (exponent > 0) {
            return power_overflow(call);
        } else {
            numeric_from_int64(0, call->arena, &raised);
        }
    }
    numeric_round(&raised, scale, call->arena);
    raised.scale = scale;
    return func__numeric_result(call, &raised, out);
}

DEFINE_ROWS(power_numeric, 2)
{
    struct numeric base, exponent, result;
    numeric_decode(v[0].bytes, call->arena, &base);
    numeric_decode(v[1].bytes, call->arena, &exponent);
    if (numeric_is_special(&base) || numeric_is_special(&exponent)) {
        return func__unsupported(call, "power() of NaN or infinity (cast to double precision)");
    }
    int64_t whole = 0;
    if (exponent.count <= exponent.weight + 1 && numeric_to_int64(&exponent, &whole) &&
        whole >= INT32_MIN && whole <= INT32_MAX) {
        return power_to_int(call, &base, (int32_t)whole, out);
    }
    if (base.count == 0) {
        if (exponent.flags == NUMERIC_MINUS) {
            return power_error(call, "zero raised to a negative power is undefined");
        }
        base.scale = POWER_SCALE_MIN;
        return func__numeric_result(call, &base, out);
    }
    bool is_whole = exponent.count <= exponent.weight + 1, negate = false;
    if (base.flags == NUMERIC_MINUS && !is_whole) {
        return power_error(call, "a negative number raised to a non-integer power yields a "
                                 "complex result");
    }
    if (base.flags == NUMERIC_MINUS) { /* whole, but beyond power_to_int() */
        negate = exponent.count == exponent.weight + 1 &&
                 exponent.digits[exponent.count - 1] % 2 != 0;
        base.flags = NUMERIC_PLUS;
    }
    TRY(numeric_power(&base, &exponent, call->arena, &result, call->diag));
    if (negate && result.count > 0) {
        numeric_negate(&result);
    }
    return func__numeric_result(call, &result, out);
}

/* ---- exponentials and logarithms ---- */
DEFINE_ROWS(exp_numeric, 1)
{
    struct numeric n, result;
    numeric_decode(v[0].bytes, call->arena, &n);
    if (numeric_is_special(&n)) {
        numeric_from_int64(0, call->arena, &result);
        return func__numeric_result(call, n.flags == NUMERIC_MINUS_INFINITY ? &result : &n,
                                    out);
    }
    TRY(numeric_exp(&n, numeric_exp_scale(&n), call->arena, &result, call->diag));
    return func__numeric_result(call, &result, out);
}

static enum status
check_logarithm(struct func_call *call, const struct numeric *n)
{
    const char *what = n->flags == NUMERIC_MINUS || n->flags == NUMERIC_MINUS_INFINITY
                           ? "a negative number"
                       : numeric_is_zero(n) ? "zero"
                                            : NULL;
    return what == NULL
               ? STATUS_OK
               : diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_ARGUMENT_FOR_LOGARITHM,
                           "cannot take logarithm of %s", what);
}
DEFINE_ROWS(ln_numeric, 1)
{
    struct numeric n, result;
    numeric_decode(v[0].bytes, call->arena, &n);
    TRY(check_logarithm(call, &n));
    if (numeric_is_special(&n)) {
        return func__numeric_result(call, &n, out);
    }
    numeric_ln(&n, numeric_ln_scale(&n), call->arena, &result);
    return func__numeric_result(call, &result, out);
}

static enum status
logarithm(struct func_call *call, const struct numeric *base, const struct numeric *n,
          struct value *out)
{
    struct numeric one, result;
    TRY(check_logarithm(call, base));
    TRY(check_logarithm(call, n));
    numeric_from_int64(1, call->arena, &one);
    if (numeric_is_special(base) || numeric_is_special(n)) {
        return func__unsupported(call, "log() of NaN or infinity (cast to double precision)");
    }
    if (numeric_compare(base, &one) == 0) {
        return func__division_by_zero(call);
    }
    numeric_log(base, n, call->arena, &result);
    return func__numeric_result(call, &result, out);
}
DEFINE_ROWS(log_numeric, 1)
{
    struct numeric base, n;
    numeric_from_int64(10, call->arena, &base);
    numeric_decode(v[0].bytes, call->arena, &n);
    return logarithm(call, &base, &n, out);
}
DEFINE_ROWS(log_base_numeric, 2)
{
    struct numeric base, n;
    numeric_decode(v[0].bytes, call->arena, &base);
    numeric_decode(v[1].bytes, call->arena, &n);
    return logarithm(call, &base, &n, out);
}

DEFINE_ROWS(sqrt_numeric, 1)
{
    struct numeric n, root;
    numeric_decode(v[0].bytes, call->arena, &n);
    if (n.flags == NUMERIC_MINUS || n.flags == NUMERIC_MINUS_INFINITY) {
        return power_error(call, "cannot take square root of a negative number");
    }
    if (numeric_is_special(&n)) {
        return func__numeric_result(call, &n, out);
    }
    int weight = n.weight * 2 + 1; /* decimal weight of the root */
    int scale = MIN(MAX(MAX(16 - weight, n.scale), 0), NUMERIC_RESULT_SCALE_MAX);
    numeric_square_root(&n, scale, call->arena, &root);
    return func__numeric_result(call, &root, out);
}
