/* func_internal.h: how the functions of this folder are written: loops over vectors,
 * prototypes.
 *
 * Promises: fixed-size types run in loops that a compiler can unroll, one for each shape
 * (vector or constant on either side); they may compute rows that are NULL, for any bits are a
 *           valid input; errors are looked for again row by row, NULL ones left out. Types with
 *           memory skip NULL rows.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/errors.h"
#include "sql/context.h"
#include "sql/func/func.h"
#include "sql/types/datetime.h"
#include "sql/types/number_text.h"
#include "sql/types/numeric.h"
#include "sql/types/utf8.h"
#include <locale.h>

#define FUNC_PARAMETERS                                                                        \
    struct func_call *call, const struct vector *args, unsigned count, struct vector *result
#define FUNC_UNUSED()                                                                          \
    UNUSED(call);                                                                              \
    UNUSED(args);                                                                              \
    UNUSED(count);                                                                             \
    UNUSED(result)

/* Rows that are not NULL already (a strict function's). */
#define ROW_SKIPPED(i) (result->nulls != NULL && result->nulls[i])
#define EACH_ROW(i)                                                                            \
    for (unsigned i = 0; i < count; i++)                                                       \
        if (!ROW_SKIPPED(i))

/* result[i] = EXPR of x and y, for all rows. */
#define DEFINE_BINARY(name, TA, TB, TR, EXPR)                                                  \
    enum status name(FUNC_PARAMETERS)                                                          \
    {                                                                                          \
        UNUSED(call);                                                                          \
        const TA *a = args[0].data;                                                            \
        const TB *b = args[1].data;                                                            \
        TR *r = result->data;                                                                  \
        if (args[1].is_constant) {                                                             \
            const TB y = b[0];                                                                 \
            if (args[0].is_constant) {                                                         \
                const TA x = a[0];                                                             \
                TR one = (TR)(EXPR);                                                           \
                for (unsigned i = 0; i < count; i++) {                                         \
                    r[i] = one;                                                                \
                }                                                                              \
                return STATUS_OK;                                                              \
            }                                                                                  \
            for (unsigned i = 0; i < count; i++) {                                             \
                const TA x = a[i];                                                             \
                r[i] = (TR)(EXPR);                                                             \
            }                                                                                  \
        } else if (args[0].is_constant) {                                                      \
            const TA x = a[0];                                                                 \
            for (unsigned i = 0; i < count; i++) {                                             \
                const TB y = b[i];                                                             \
                r[i] = (TR)(EXPR);                                                             \
            }                                                                                  \
        } else {                                                                               \
            for (unsigned i = 0; i < count; i++) {                                             \
                const TA x = a[i];                                                             \
                const TB y = b[i];                                                             \
                r[i] = (TR)(EXPR);                                                             \
            }                                                                                  \
        }                                                                                      \
        return STATUS_OK;                                                                      \
    }

#define DEFINE_UNARY(name, TA, TR, EXPR)                                                       \
    enum status name(FUNC_PARAMETERS)                                                          \
    {                                                                                          \
        UNUSED(call);                                                                          \
        TR *r = result->data;                                                                  \
        for (unsigned i = 0; i < count; i++) {                                                 \
            const TA x = VECTOR_AT(&args[0], TA, i);                                           \
            r[i] = (TR)(EXPR);                                                                 \
        }                                                                                      \
        return STATUS_OK;                                                                      \
    }

/* FAILS(x, y, &r) computes into r and answers whether it could not. A row that is NULL may
 * fail: then all rows are looked at one by one. */
#define DEFINE_CHECKED_BINARY(name, TA, TB, TR, FAILS, REPORT)                                 \
    enum status name(FUNC_PARAMETERS)                                                          \
    {                                                                                          \
        const TA *a = args[0].data;                                                            \
        const TB *b = args[1].data;                                                            \
        TR *r = result->data;                                                                  \
        size_t step_a = !args[0].is_constant, step_b = !args[1].is_constant;                   \
        bool failed = false;                                                                   \
        for (unsigned i = 0; i < count; i++) {                                                 \
            failed |= FAILS(a[i * step_a], b[i * step_b], &r[i]);                              \
        }                                                                                      \
        if (LIKELY(!failed)) {                                                                 \
            return STATUS_OK;                                                                  \
        }                                                                                      \
        EACH_ROW(i)                                                                            \
        {                                                                                      \
            if (FAILS(a[i * step_a], b[i * step_b], &r[i])) {                                  \
                return REPORT(call, b[i * step_b] == 0);                                       \
            }                                                                                  \
        }                                                                                      \
        return STATUS_OK;                                                                      \
    }

#define DEFINE_CHECKED_UNARY(name, TA, TR, FAILS, REPORT)                                      \
    enum status name(FUNC_PARAMETERS)                                                          \
    {                                                                                          \
        TR *r = result->data;                                                                  \
        bool failed = false;                                                                   \
        for (unsigned i = 0; i < count; i++) {                                                 \
            failed |= FAILS(VECTOR_AT(&args[0], TA, i), &r[i]);                                \
        }                                                                                      \
        if (LIKELY(!failed)) {                                                                 \
            return STATUS_OK;                                                                  \
        }                                                                                      \
        EACH_ROW(i)                                                                            \
        {                                                                                      \
            if (FAILS(VECTOR_AT(&args[0], TA, i), &r[i])) {                                    \
                return REPORT(call, r[i] == 0);                                                \
            }                                                                                  \
        }                                                                                      \
        return STATUS_OK;                                                                      \
    }

/* For what is not worth a loop of its own: one row at a time. `v` are the row's arguments;
 * setting out->is_null makes a NULL. Strict functions see no NULL. */
typedef enum status (*func_row_fn)(struct func_call *call, const struct value *v,
                                   struct value *out);
MUST_CHECK enum status func__run_rows(FUNC_PARAMETERS, unsigned arg_count, func_row_fn row);
#define DEFINE_ROWS(name, arg_count)                                                           \
    static enum status name##_row(struct func_call *call, const struct value *v,               \
                                  struct value *out);                                          \
    enum status name(FUNC_PARAMETERS)                                                          \
    {                                                                                          \
        return func__run_rows(call, args, count, result, arg_count, name##_row);               \
    }                                                                                          \
    static enum status name##_row(struct func_call *call, const struct value *v,               \
                                  struct value *out)

/* Marks row i NULL. */
void func__set_null(struct func_call *call, struct vector *result, unsigned row,
                    unsigned count);

MUST_CHECK enum status func__out_of_range(struct func_call *call, const char *type);
/* For DEFINE_CHECKED_..: what the result does not fit; `zero`: the divisor, or the result, is.
 */
MUST_CHECK enum status func__report_i16(struct func_call *call, bool zero);
MUST_CHECK enum status func__report_i32(struct func_call *call, bool zero);
MUST_CHECK enum status func__report_i64(struct func_call *call, bool zero);
MUST_CHECK enum status func__report_float(struct func_call *call, bool zero);
MUST_CHECK enum status func__division_by_zero(struct func_call *call);
MUST_CHECK enum status func__unsupported(struct func_call *call, const char *what);
MUST_CHECK enum status func__invalid(struct func_call *call, const char *message);
/* 53200 when `size` more bytes in the arena (the batch's, or that of states) would pass the
 * statement's memory: a small row may ask for a large result, and a batch has a thousand. */
MUST_CHECK enum status func__check_room(const struct func_call *call, const struct arena *arena,
                                        size_t size);
/* A result in the batch's memory. */
struct slice func__text(struct func_call *call, const char *text);
MUST_CHECK enum status func__numeric_result(struct func_call *call, const struct numeric *n,
                                            struct value *out);

MUST_CHECK enum status func__interval_divide(struct func_call *call, const struct interval *x,
                                             double divisor, struct interval *out);

/* C.UTF-8, whose case rules PostgreSQL uses here; the caller frees it. */
locale_t func__utf8_locale(void);
void func__md5(struct slice bytes, uint8_t digest[16]);
/* Appends a value's text as concat() shows it: like its output function. */
MUST_CHECK enum status func__append_value(struct func_call *call, const struct vector *arg,
                                          unsigned row, struct buf *out);
/* Appends an identifier, quoted if it must be; a literal, quoted. */
void func__quote_identifier(struct slice name, struct buf *out);
void func__quote_literal(struct slice text, struct buf *out);

/* Three-way comparison of doubles as PostgreSQL orders them: NaN above all, equal to itself. */
static inline int
func__compare_double(double a, double b)
{
    if (__builtin_expect(__builtin_isnan(a) || __builtin_isnan(b), 0)) {
        return (__builtin_isnan(a) != 0) - (__builtin_isnan(b) != 0);
    }
    return (a > b) - (a < b);
}

const struct set_func *func__set_funcs(unsigned *count_out);
/* Would the value go there without being asked to? */
bool func__can_coerce(enum type_id from, enum type_id to);

#define PROTOTYPE(name) enum status name(FUNC_PARAMETERS)
#define OPERATOR(oid, sign, proc, proc_name, left, right, result, strict, run) PROTOTYPE(run);
#include "sql/func/operators.def"
#undef OPERATOR
#define FUNCTION(oid, name, result, run, volatility, strict, effects, arg_count, ...)          \
    PROTOTYPE(run);
#include "sql/func/functions.def"
#undef FUNCTION
#define CAST(from, to, context, method, oid, name, run) PROTOTYPE(run);
#define CAST_NO_FUNC(from, to, context, method)
#include "sql/func/casts.def"
#undef CAST
#undef CAST_NO_FUNC
