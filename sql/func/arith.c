/* arith.c: arithmetic of integers and binary fractions. SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"
#include <math.h>

#define ARITHMETIC(suffix, TA, TB, TR, report)                                                 \
    DEFINE_CHECKED_BINARY(add_##suffix, TA, TB, TR, __builtin_add_overflow, report)            \
    DEFINE_CHECKED_BINARY(subtract_##suffix, TA, TB, TR, __builtin_sub_overflow, report)       \
    DEFINE_CHECKED_BINARY(multiply_##suffix, TA, TB, TR, __builtin_mul_overflow, report)
ARITHMETIC(i16, int16_t, int16_t, int16_t, func__report_i16)
ARITHMETIC(i16_i32, int16_t, int32_t, int32_t, func__report_i32)
ARITHMETIC(i32_i16, int32_t, int16_t, int32_t, func__report_i32)
ARITHMETIC(i32, int32_t, int32_t, int32_t, func__report_i32)
ARITHMETIC(i16_i64, int16_t, int64_t, int64_t, func__report_i64)
ARITHMETIC(i64_i16, int64_t, int16_t, int64_t, func__report_i64)
ARITHMETIC(i32_i64, int32_t, int64_t, int64_t, func__report_i64)
ARITHMETIC(i64_i32, int64_t, int32_t, int64_t, func__report_i64)
ARITHMETIC(i64, int64_t, int64_t, int64_t, func__report_i64)

/* Division fails by zero, and where the quotient is one too large. */
#define DIVISION(suffix, TA, TB, TR, type_name)                                                \
    static inline bool quotient_fails_##suffix(TA x, TB y, TR *r)                              \
    {                                                                                          \
        bool fails = y == 0;                                                                   \
        if (!fails && y == -1) {                                                               \
            return __builtin_sub_overflow((TR)0, (TR)x, r);                                    \
        }                                                                                      \
        *r = (TR)(fails ? 0 : (TR)x / (TR)y);                                                  \
        return fails;                                                                          \
    }                                                                                          \
    static enum status report_division_##suffix(struct func_call *call, bool zero)             \
    {                                                                                          \
        return zero ? func__division_by_zero(call) : func__out_of_range(call, type_name);      \
    }                                                                                          \
    DEFINE_CHECKED_BINARY(divide_##suffix, TA, TB, TR, quotient_fails_##suffix,                \
                          report_division_##suffix)
/* PostgreSQL has % of equal types only. */
#define REMAINDER(suffix, TA, TB, TR)                                                          \
    static inline bool remainder_fails_##suffix(TA x, TB y, TR *r)                             \
    {                                                                                          \
        bool fails = y == 0;                                                                   \
        *r = (TR)(fails || y == -1 ? 0 : (TR)x % (TR)y);                                       \
        return fails;                                                                          \
    }                                                                                          \
    DEFINE_CHECKED_BINARY(modulo_##suffix, TA, TB, TR, remainder_fails_##suffix,               \
                          report_division_##suffix)
DIVISION(i16, int16_t, int16_t, int16_t, "smallint")
DIVISION(i16_i32, int16_t, int32_t, int32_t, "integer")
DIVISION(i32_i16, int32_t, int16_t, int32_t, "integer")
DIVISION(i32, int32_t, int32_t, int32_t, "integer")
DIVISION(i16_i64, int16_t, int64_t, int64_t, "bigint")
DIVISION(i64_i16, int64_t, int16_t, int64_t, "bigint")
DIVISION(i32_i64, int32_t, int64_t, int64_t, "bigint")
DIVISION(i64_i32, int64_t, int32_t, int64_t, "bigint")
DIVISION(i64, int64_t, int64_t, int64_t, "bigint")
REMAINDER(i16, int16_t, int16_t, int16_t)
REMAINDER(i32, int32_t, int32_t, int32_t)
REMAINDER(i64, int64_t, int64_t, int64_t)

#define SIGNED_UNARY(suffix, T, report)                                                        \
    static inline bool negate_fails_##suffix(T x, T *r)                                        \
    {                                                                                          \
        return __builtin_sub_overflow((T)0, x, r);                                             \
    }                                                                                          \
    static inline bool abs_fails_##suffix(T x, T *r)                                           \
    {                                                                                          \
        *r = x;                                                                                \
        return x < 0 && __builtin_sub_overflow((T)0, x, r);                                    \
    }                                                                                          \
    DEFINE_CHECKED_UNARY(negate_##suffix, T, T, negate_fails_##suffix, report)                 \
    DEFINE_CHECKED_UNARY(abs_##suffix, T, T, abs_fails_##suffix, report)                       \
    DEFINE_UNARY(plus_##suffix, T, T, x)                                                       \
    DEFINE_UNARY(bit_not_##suffix, T, T, ~x)                                                   \
    DEFINE_BINARY(bit_and_##suffix, T, T, T, x &y)                                             \
    DEFINE_BINARY(bit_or_##suffix, T, T, T, x | y)                                             \
    DEFINE_BINARY(bit_xor_##suffix, T, T, T, x ^ y)
SIGNED_UNARY(i16, int16_t, func__report_i16)
SIGNED_UNARY(i32, int32_t, func__report_i32)
SIGNED_UNARY(i64, int64_t, func__report_i64)

/* As the processor shifts: the count modulo the width. */
DEFINE_BINARY(shift_left_i16, int16_t, int32_t, int16_t, (uint32_t)x << (y & 31))
DEFINE_BINARY(shift_right_i16, int16_t, int32_t, int16_t, x >> (y & 31))
DEFINE_BINARY(shift_left_i32, int32_t, int32_t, int32_t, (uint32_t)x << (y & 31))
DEFINE_BINARY(shift_right_i32, int32_t, int32_t, int32_t, x >> (y & 31))
DEFINE_BINARY(shift_left_i64, int64_t, int32_t, int64_t, (uint64_t)x << (y & 63))
DEFINE_BINARY(shift_right_i64, int64_t, int32_t, int64_t, x >> (y & 63))

/* ---- binary fractions: an infinity out of finite operands is an overflow ---- */

#define FLOAT_OPERATION(name, TA, TB, TR, EXPR, ZERO_FAILS, DIVIDES)                           \
    enum status name(FUNC_PARAMETERS)                                                          \
    {                                                                                          \
        const TA *a = args[0].data;                                                            \
        const TB *b = args[1].data;                                                            \
        TR *r = result->data;                                                                  \
        size_t step_a = !args[0].is_constant, step_b = !args[1].is_constant;                   \
        bool suspect = false;                                                                  \
        for (unsigned i = 0; i < count; i++) {                                                 \
            const TR x = (TR)a[i * step_a], y = (TR)b[i * step_b];                             \
            r[i] = EXPR;                                                                       \
            suspect |=                                                                         \
                !__builtin_isfinite(r[i]) || (ZERO_FAILS && r[i] == 0) || (DIVIDES && y == 0); \
        }                                                                                      \
        if (LIKELY(!suspect)) {                                                                \
            return STATUS_OK;                                                                  \
        }                                                                                      \
        EACH_ROW(i)                                                                            \
        {                                                                                      \
            const TR x = (TR)a[i * step_a], y = (TR)b[i * step_b];                             \
            if (DIVIDES && y == 0 && !__builtin_isnan(x)) {                                    \
                return func__division_by_zero(call);                                           \
            }                                                                                  \
            if (__builtin_isinf(r[i]) && !__builtin_isinf(x) && !__builtin_isinf(y)) {         \
                return func__report_float(call, false);                                        \
            }                                                                                  \
            if (ZERO_FAILS && r[i] == 0 && x != 0 &&                                           \
                (DIVIDES ? !__builtin_isinf(y) : y != 0)) {                                    \
                return func__report_float(call, true);                                         \
            }                                                                                  \
        }                                                                                      \
        return STATUS_OK;                                                                      \
    }
#define FLOAT_OPERATIONS(suffix, TA, TB, TR)                                                   \
    FLOAT_OPERATION(add_##suffix, TA, TB, TR, x + y, false, false)                             \
    FLOAT_OPERATION(subtract_##suffix, TA, TB, TR, x - y, false, false)                        \
    FLOAT_OPERATION(multiply_##suffix, TA, TB, TR, x *y, true, false)                          \
    FLOAT_OPERATION(divide_##suffix, TA, TB, TR, x / y, true, true)
FLOAT_OPERATIONS(f32, float, float, float)
FLOAT_OPERATIONS(f32_f64, float, double, double)
FLOAT_OPERATIONS(f64_f32, double, float, double)
FLOAT_OPERATIONS(f64, double, double, double)

DEFINE_UNARY(negate_f32, float, float, -x)
DEFINE_UNARY(negate_f64, double, double, -x)
DEFINE_UNARY(plus_f32, float, float, x)
DEFINE_UNARY(plus_f64, double, double, x)
DEFINE_UNARY(abs_f32, float, float, __builtin_fabsf(x))
DEFINE_UNARY(abs_f64, double, double, __builtin_fabs(x))
DEFINE_UNARY(ceil_f64, double, double, ceil(x))
DEFINE_UNARY(floor_f64, double, double, floor(x))
DEFINE_UNARY(round_f64, double, double, rint(x))
DEFINE_UNARY(trunc_f64, double, double, trunc(x))
DEFINE_UNARY(sign_f64, double, double, (double)(x > 0) - (double)(x < 0)) /* NaN: 0 */
