/* math.c: functions of double precision, random(), gcd, and the sizes people print.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"
#include "sql/func/func_session.h"
#include <math.h>

static enum status
power_error(struct func_call *call, const char *message)
{
    return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                     "%s", message);
}
static enum status
logarithm_error(struct func_call *call, double x)
{
    return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_ARGUMENT_FOR_LOGARITHM,
                     x == 0 ? "cannot take logarithm of zero"
                            : "cannot take logarithm of a negative number");
}

DEFINE_ROWS(sqrt_f64, 1)
{
    if (v[0].f64 < 0) {
        return power_error(call, "cannot take square root of a negative number");
    }
    out->f64 = sqrt(v[0].f64);
    return STATUS_OK;
}
DEFINE_ROWS(cbrt_f64, 1)
{
    UNUSED(call);
    out->f64 = cbrt(v[0].f64);
    return STATUS_OK;
}
DEFINE_ROWS(exp_f64, 1)
{
    out->f64 = exp(v[0].f64);
    if (isinf(out->f64) && !isinf(v[0].f64)) {
        return func__report_float(call, false);
    }
    return out->f64 == 0 && !isinf(v[0].f64) ? func__report_float(call, true) : STATUS_OK;
}
DEFINE_ROWS(ln_f64, 1)
{
    if (v[0].f64 <= 0) {
        return logarithm_error(call, v[0].f64);
    }
    out->f64 = log(v[0].f64);
    return STATUS_OK;
}
DEFINE_ROWS(log_f64, 1)
{
    if (v[0].f64 <= 0) {
        return logarithm_error(call, v[0].f64);
    }
    out->f64 = log10(v[0].f64);
    return STATUS_OK;
}
DEFINE_ROWS(power_f64, 2)
{
    double x = v[0].f64, y = v[1].f64;
    if (x == 0 && y < 0) {
        return power_error(call, "zero raised to a negative power is undefined");
    }
    if (x < 0 && !isinf(x) && !isinf(y) && !isnan(y) && floor(y) != y) {
        return power_error(call,
                           "a negative number raised to a non-integer power yields a complex "
                           "result");
    }
    out->f64 = pow(x, y);
    if (isinf(out->f64) && !isinf(x) && !isinf(y)) {
        return func__report_float(call, false);
    }
    return out->f64 == 0 && x != 0 && !isinf(x) && !isinf(y) ? func__report_float(call, true)
                                                             : STATUS_OK;
}

#define PLAIN(name, expression)                                                                \
    DEFINE_ROWS(name, 1)                                                                       \
    {                                                                                          \
        UNUSED(call);                                                                          \
        const double x = v[0].f64;                                                             \
        out->f64 = (expression);                                                               \
        return STATUS_OK;                                                                      \
    }
#define CIRCULAR(name, expression)                                                             \
    DEFINE_ROWS(name, 1)                                                                       \
    {                                                                                          \
        const double x = v[0].f64;                                                             \
        if (isinf(x)) {                                                                        \
            return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,  \
                             "input is out of range");                                         \
        }                                                                                      \
        out->f64 = (expression);                                                               \
        return STATUS_OK;                                                                      \
    }
CIRCULAR(sin_f64, sin(x))
CIRCULAR(cos_f64, cos(x))
CIRCULAR(tan_f64, tan(x))
PLAIN(atan_f64, atan(x))
PLAIN(degrees_f64, x / (M_PI / 180.0))
PLAIN(radians_f64, x *(M_PI / 180.0))
DEFINE_ROWS(atan2_f64, 2)
{
    UNUSED(call);
    out->f64 = atan2(v[0].f64, v[1].f64);
    return STATUS_OK;
}
enum status
pi_f64(FUNC_PARAMETERS)
{
    UNUSED(call);
    UNUSED(args);
    for (unsigned i = 0; i < count; i++) {
        ((double *)result->data)[i] = M_PI;
    }
    return STATUS_OK;
}
enum status
random_f64(FUNC_PARAMETERS)
{
    UNUSED(args);
    ASSERT(call->cx != NULL && call->cx->rng != NULL);
    for (unsigned i = 0; i < count; i++) {
        ((double *)result->data)[i] = rng_double(call->cx->rng);
    }
    return STATUS_OK;
}
DEFINE_ROWS(setseed, 1)
{
    if (call->cx == NULL || !(v[0].f64 >= -1 && v[0].f64 <= 1)) {
        struct buf text = BUF_EMPTY;
        double_to_text(v[0].f64, &text);
        enum status status =
            diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                      "setseed parameter %.*s is out of allowed range [-1,1]", (int)text.size,
                      (const char *)text.data);
        buf_deinit(&text);
        return status;
    }
    uint64_t bits = 0;
    memcpy(&bits, &v[0].f64, 8);
    rng_seed(call->cx->rng, bits);
    out->bytes = slice_make(NULL, 0);
    return STATUS_OK;
}

/* width_bucket, gcd and lcm are rare; gcd is what ORMs' tests ask for. */
static uint64_t
magnitude(int64_t x)
{
    return x < 0 ? (uint64_t)0 - (uint64_t)x : (uint64_t)x;
}
static uint64_t
gcd(int64_t a, int64_t b)
{
    uint64_t x = magnitude(a), y = magnitude(b);
    while (y != 0) {
        uint64_t rest = x % y;
        x = y;
        y = rest;
    }
    return x;
}
DEFINE_ROWS(gcd_i32, 2)
{
    uint64_t x = gcd(v[0].i32, v[1].i32);
    out->i32 = (int32_t)x;
    return x > INT32_MAX ? func__out_of_range(call, "integer") : STATUS_OK;
}
DEFINE_ROWS(gcd_i64, 2)
{
    uint64_t x = gcd(v[0].i64, v[1].i64);
    out->i64 = (int64_t)x;
    return x > INT64_MAX ? func__out_of_range(call, "bigint") : STATUS_OK;
}

/* Up to 10 of the next unit it stays in a unit; halves round away from zero. */
DEFINE_ROWS(size_pretty_i64, 1)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    int64_t size = v[0].i64;
    unsigned unit = 0;
    if (magnitude(size) >= 10 * 1024) {
        size /= 512; /* one bit more, to round by */
        for (unit = 1; unit + 1 < ARRAY_SIZE(units) && magnitude(size) >= 20 * 1024 - 1;
             unit++) {
            size /= 1024;
        }
        size = (size + (size < 0 ? -1 : 1)) / 2;
    }
    out->bytes = slice_from_text(arena_printf(call->arena, "%ld %s", (long)size, units[unit]));
    return STATUS_OK;
}
