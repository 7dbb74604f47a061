/* compare.c: = <> < <= > >= of all types. SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"

#define COMPARE(suffix, TA, TB, EQ, NE, LT, LE, GT, GE)                                        \
    DEFINE_BINARY(compare_eq_##suffix, TA, TB, uint8_t, EQ)                                    \
    DEFINE_BINARY(compare_ne_##suffix, TA, TB, uint8_t, NE)                                    \
    DEFINE_BINARY(compare_lt_##suffix, TA, TB, uint8_t, LT)                                    \
    DEFINE_BINARY(compare_le_##suffix, TA, TB, uint8_t, LE)                                    \
    DEFINE_BINARY(compare_gt_##suffix, TA, TB, uint8_t, GT)                                    \
    DEFINE_BINARY(compare_ge_##suffix, TA, TB, uint8_t, GE)

#define COMPARE_PLAIN(suffix, TA, TB)                                                          \
    COMPARE(suffix, TA, TB, x == y, x != y, x<y, x <= y, x> y, x >= y)

COMPARE_PLAIN(u8, uint8_t, uint8_t)
COMPARE_PLAIN(i16, int16_t, int16_t)
COMPARE_PLAIN(i16_i32, int16_t, int32_t)
COMPARE_PLAIN(i16_i64, int16_t, int64_t)
COMPARE_PLAIN(i32_i16, int32_t, int16_t)
COMPARE_PLAIN(i32, int32_t, int32_t)
COMPARE_PLAIN(i32_i64, int32_t, int64_t)
COMPARE_PLAIN(i64_i16, int64_t, int16_t)
COMPARE_PLAIN(i64_i32, int64_t, int32_t)
COMPARE_PLAIN(i64, int64_t, int64_t)
COMPARE_PLAIN(u32, uint32_t, uint32_t)

/* NaN is equal to itself and above all else: !(x < y) is not (x >= y). */
#define COMPARE_FLOAT(suffix, TA, TB)                                                          \
    COMPARE(suffix, TA, TB, func__compare_double((double)x, (double)y) == 0,                   \
            func__compare_double((double)x, (double)y) != 0,                                   \
            func__compare_double((double)x, (double)y) < 0,                                    \
            func__compare_double((double)x, (double)y) <= 0,                                   \
            func__compare_double((double)x, (double)y) > 0,                                    \
            func__compare_double((double)x, (double)y) >= 0)

COMPARE_FLOAT(f32, float, float)
COMPARE_FLOAT(f32_f64, float, double)
COMPARE_FLOAT(f64_f32, double, float)
COMPARE_FLOAT(f64, double, double)

/* Types whose rows must not be touched when NULL. ORDER(x, y) is below, equal to or above 0. */
#define COMPARE_ROWS(name, T, ORDER, TEST)                                                     \
    enum status name(FUNC_PARAMETERS)                                                          \
    {                                                                                          \
        UNUSED(call);                                                                          \
        uint8_t *r = result->data;                                                             \
        const T *a = args[0].data, *b = args[1].data;                                          \
        size_t step_a = !args[0].is_constant, step_b = !args[1].is_constant;                   \
        EACH_ROW(i)                                                                            \
        {                                                                                      \
            r[i] = ORDER(&a[i * step_a], &b[i * step_b]) TEST;                                 \
        }                                                                                      \
        return STATUS_OK;                                                                      \
    }
#define COMPARE_ORDERED(suffix, T, ORDER)                                                      \
    COMPARE_ROWS(compare_lt_##suffix, T, ORDER, < 0)                                           \
    COMPARE_ROWS(compare_le_##suffix, T, ORDER, <= 0)                                          \
    COMPARE_ROWS(compare_gt_##suffix, T, ORDER, > 0)                                           \
    COMPARE_ROWS(compare_ge_##suffix, T, ORDER, >= 0)

static inline int
order_bytes(const struct slice *a, const struct slice *b)
{
    return slice_compare(*a, *b);
}

/* 0 when equal: lengths tell most texts apart without reading them. */
static inline int
differ_bytes(const struct slice *a, const struct slice *b)
{
    return a->size != b->size || (a->size != 0 && memcmp(a->data, b->data, a->size) != 0);
}

static inline struct slice
unpadded(struct slice text)
{
    while (text.size > 0 && text.data[text.size - 1] == ' ') {
        text.size--;
    }
    return text;
}

static inline int
order_bpchar(const struct slice *a, const struct slice *b)
{
    return slice_compare(unpadded(*a), unpadded(*b));
}

static inline int
order_numeric(const struct slice *a, const struct slice *b)
{
    return numeric_compare_bytes(*a, *b);
}

static inline int
order_interval(const struct interval *a, const struct interval *b)
{
    __int128 x = interval_span(a), y = interval_span(b);
    return (x > y) - (x < y);
}

COMPARE_ORDERED(bytes, struct slice, order_bytes)
COMPARE_ROWS(compare_eq_bytes, struct slice, differ_bytes, == 0)
COMPARE_ROWS(compare_ne_bytes, struct slice, differ_bytes, != 0)
COMPARE_ORDERED(bpchar, struct slice, order_bpchar)
COMPARE_ROWS(compare_eq_bpchar, struct slice, order_bpchar, == 0)
COMPARE_ROWS(compare_ne_bpchar, struct slice, order_bpchar, != 0)
COMPARE_ORDERED(numeric, struct slice, order_numeric)
COMPARE_ROWS(compare_eq_numeric, struct slice, order_numeric, == 0)
COMPARE_ROWS(compare_ne_numeric, struct slice, order_numeric, != 0)
COMPARE_ORDERED(interval, struct interval, order_interval)
COMPARE_ROWS(compare_eq_interval, struct interval, order_interval, == 0)
COMPARE_ROWS(compare_ne_interval, struct interval, order_interval, != 0)
