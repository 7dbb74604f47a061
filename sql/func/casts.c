/* casts.c: from one type of number to another, and the few casts of texts and dates that change
 * bytes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"
#include "sql/func/value_text.h"
#include <math.h>

static enum status
report_oid(struct func_call *call, bool zero)
{
    UNUSED(zero);
    return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                     "OID out of range");
}

DEFINE_UNARY(cast_i16_i32, int16_t, int32_t, x)
DEFINE_UNARY(cast_i16_i64, int16_t, int64_t, x)
DEFINE_UNARY(cast_i32_i64, int32_t, int64_t, x)
DEFINE_UNARY(cast_u32_i64, uint32_t, int64_t, x)
DEFINE_UNARY(cast_i16_f32, int16_t, float, x)
DEFINE_UNARY(cast_i32_f32, int32_t, float, x)
DEFINE_UNARY(cast_i64_f32, int64_t, float, x)
DEFINE_UNARY(cast_i16_f64, int16_t, double, x)
DEFINE_UNARY(cast_i32_f64, int32_t, double, x)
DEFINE_UNARY(cast_i64_f64, int64_t, double, x)
DEFINE_UNARY(cast_f32_f64, float, double, x)
DEFINE_UNARY(cast_bool_i32, uint8_t, int32_t, x)
DEFINE_UNARY(cast_i32_bool, int32_t, uint8_t, x != 0)
DEFINE_UNARY(cast_char_i32, uint8_t, int32_t, (int8_t)x)
DEFINE_UNARY(cast_i16_u32, int16_t, uint32_t, (uint32_t)(int32_t)x)

#define NARROW(x, r) __builtin_add_overflow((x), 0, (r))
DEFINE_CHECKED_UNARY(cast_i32_i16, int32_t, int16_t, NARROW, func__report_i16)
DEFINE_CHECKED_UNARY(cast_i64_i16, int64_t, int16_t, NARROW, func__report_i16)
DEFINE_CHECKED_UNARY(cast_i64_i32, int64_t, int32_t, NARROW, func__report_i32)
DEFINE_CHECKED_UNARY(cast_i64_u32, int64_t, uint32_t, NARROW, report_oid)

static inline bool
narrow_char(int32_t x, uint8_t *r)
{
    *r = (uint8_t)x;
    return x < INT8_MIN || x > INT8_MAX;
}
static enum status
report_char(struct func_call *call, bool zero)
{
    UNUSED(zero);
    return func__out_of_range(call, "\"char\"");
}
DEFINE_CHECKED_UNARY(cast_i32_char, int32_t, uint8_t, narrow_char, report_char)

/* Halves round to even, as rint() does. The bounds are exact in double. */
#define ROUND_TO(T, low, end)                                                                  \
    static inline bool round_to_##T(double x, T *r)                                            \
    {                                                                                          \
        double whole = rint(x);                                                                \
        bool fits = whole >= (low) && whole < (end);                                           \
        *r = fits ? (T)whole : 0;                                                              \
        return !fits;                                                                          \
    }
ROUND_TO(int16_t, -32768.0, 32768.0)
ROUND_TO(int32_t, -2147483648.0, 2147483648.0)
ROUND_TO(int64_t, -9223372036854775808.0, 9223372036854775808.0)
DEFINE_CHECKED_UNARY(cast_f64_i16, double, int16_t, round_to_int16_t, func__report_i16)
DEFINE_CHECKED_UNARY(cast_f64_i32, double, int32_t, round_to_int32_t, func__report_i32)
DEFINE_CHECKED_UNARY(cast_f64_i64, double, int64_t, round_to_int64_t, func__report_i64)
DEFINE_CHECKED_UNARY(cast_f32_i16, float, int16_t, round_to_int16_t, func__report_i16)
DEFINE_CHECKED_UNARY(cast_f32_i32, float, int32_t, round_to_int32_t, func__report_i32)
DEFINE_CHECKED_UNARY(cast_f32_i64, float, int64_t, round_to_int64_t, func__report_i64)

static inline bool
narrow_float(double x, float *r)
{
    *r = (float)x;
    return (__builtin_isinf(*r) && !__builtin_isinf(x)) || (*r == 0 && x != 0);
}
DEFINE_CHECKED_UNARY(cast_f64_f32, double, float, narrow_float, func__report_float)

/* ---- numeric ---- */

static enum status
numeric_of_int(FUNC_PARAMETERS, int64_t (*read)(const struct vector *, unsigned))
{
    struct slice *r = result->data;
    EACH_ROW(i)
    {
        struct numeric n;
        numeric_from_int64(read(&args[0], i), call->arena, &n);
        TRY(numeric_encode(&n, call->arena, &r[i], call->diag));
    }
    return STATUS_OK;
}
static int64_t
read_i16(const struct vector *v, unsigned i)
{
    return VECTOR_AT(v, int16_t, i);
}
static int64_t
read_i32(const struct vector *v, unsigned i)
{
    return VECTOR_AT(v, int32_t, i);
}
static int64_t
read_i64(const struct vector *v, unsigned i)
{
    return VECTOR_AT(v, int64_t, i);
}
enum status
cast_i16_numeric(FUNC_PARAMETERS)
{
    return numeric_of_int(call, args, count, result, read_i16);
}
enum status
cast_i32_numeric(FUNC_PARAMETERS)
{
    return numeric_of_int(call, args, count, result, read_i32);
}
enum status
cast_i64_numeric(FUNC_PARAMETERS)
{
    return numeric_of_int(call, args, count, result, read_i64);
}

static enum status
numeric_of_double(struct func_call *call, double value, int digits, struct value *out)
{
    struct numeric n;
    numeric_from_double(value, digits, call->arena, &n);
    return func__numeric_result(call, &n, out);
}
DEFINE_ROWS(cast_f64_numeric, 1)
{
    return numeric_of_double(call, v[0].f64, 15, out);
}
DEFINE_ROWS(cast_f32_numeric, 1)
{
    return numeric_of_double(call, (double)v[0].f32, 6, out);
}

static enum status
int_of_numeric(struct func_call *call, struct slice bytes, int64_t min, int64_t max,
               const char *type, int64_t *out)
{
    struct numeric n;
    numeric_decode(bytes, call->arena, &n);
    if (numeric_is_special(&n)) {
        return diag_fail(call->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "cannot convert %s to %s", n.flags == NUMERIC_NAN ? "NaN" : "infinity",
                         type);
    }
    if (!numeric_to_int64(&n, out) || *out < min || *out > max) {
        return func__out_of_range(call, type);
    }
    return STATUS_OK;
}
DEFINE_ROWS(cast_numeric_i16, 1)
{
    int64_t value = 0;
    TRY(int_of_numeric(call, v[0].bytes, INT16_MIN, INT16_MAX, "smallint", &value));
    out->i16 = (int16_t)value;
    return STATUS_OK;
}
DEFINE_ROWS(cast_numeric_i32, 1)
{
    int64_t value = 0;
    TRY(int_of_numeric(call, v[0].bytes, INT32_MIN, INT32_MAX, "integer", &value));
    out->i32 = (int32_t)value;
    return STATUS_OK;
}
DEFINE_ROWS(cast_numeric_i64, 1)
{
    return int_of_numeric(call, v[0].bytes, INT64_MIN, INT64_MAX, "bigint", &out->i64);
}

static enum status
numeric_beyond(struct func_call *call, const struct numeric *n, const char *type)
{
    struct buf text = BUF_EMPTY;
    numeric_to_text(n, &text);
    enum status status =
        diag_fail(call->diag, STATUS_INVALID, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                  "\"%.*s\" is out of range for type %s", number_text_shown(buf_slice(&text)),
                  (const char *)text.data, type);
    buf_deinit(&text);
    return status;
}
DEFINE_ROWS(cast_numeric_f64, 1)
{
    struct numeric n;
    numeric_decode(v[0].bytes, call->arena, &n);
    out->f64 = numeric_to_double(&n);
    bool beyond = __builtin_isinf(out->f64) && !numeric_is_special(&n);
    return beyond ? numeric_beyond(call, &n, "double precision") : STATUS_OK;
}
DEFINE_ROWS(cast_numeric_f32, 1)
{
    struct numeric n;
    struct buf text = BUF_EMPTY;
    numeric_decode(v[0].bytes, call->arena, &n);
    numeric_to_text(&n, &text); /* by way of a double it would be rounded twice */
    enum status status =
        value_from_text(TYPE_FLOAT4, -1, buf_slice(&text), call->arena, out, call->diag);
    buf_deinit(&text);
    return status;
}

/* ---- texts ---- */

DEFINE_ROWS(cast_bpchar_text, 1)
{
    UNUSED(call);
    out->bytes = v[0].bytes;
    while (out->bytes.size > 0 && out->bytes.data[out->bytes.size - 1] == ' ') {
        out->bytes.size--;
    }
    return STATUS_OK;
}
DEFINE_ROWS(cast_char_text, 1)
{
    uint8_t *byte = arena_alloc(call->arena, 1);
    *byte = v[0].b;
    out->bytes = slice_make(byte, v[0].b != 0);
    return STATUS_OK;
}
DEFINE_ROWS(cast_text_char, 1)
{
    UNUSED(call);
    out->b = v[0].bytes.size > 0 ? v[0].bytes.data[0] : 0;
    return STATUS_OK;
}
DEFINE_ROWS(cast_text_name, 1)
{
    return value_from_text(TYPE_NAME, -1, v[0].bytes, call->arena, out, call->diag);
}
DEFINE_ROWS(cast_bool_text, 1)
{
    out->bytes = func__text(call, v[0].b != 0 ? "true" : "false");
    return STATUS_OK;
}

/* ---- dates ---- */

DEFINE_ROWS(cast_date_timestamp, 1)
{
    return timestamp_from_date(v[0].i32, &out->i64, call->diag);
}
DEFINE_ROWS(cast_timestamp_date, 1)
{
    UNUSED(call);
    int64_t time = 0;
    out->i32 = v[0].i64 == TIMESTAMP_INFINITY         ? DATE_INFINITY
               : v[0].i64 == TIMESTAMP_MINUS_INFINITY ? DATE_MINUS_INFINITY
                                                      : timestamp_date(v[0].i64, &time);
    return STATUS_OK;
}

/* ---- names of relations ---- */

DEFINE_ROWS(cast_text_regclass, 1)
{
    struct value_source source = {TYPE_REGCLASS, -1, number_text_trim(v[0].bytes)};
    return value_read(call->cx, &source, call->arena, out, call->diag);
}
