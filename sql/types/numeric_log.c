/* numeric_log.c: see numeric_log.h.
 *
 * ln x: a number far from 1 is brought into [1, 10000) by whole powers of 10000, then near 1 by
 * square roots; there ln x = 2 (z + z^3/3 + z^5/5 ..), z = (x - 1) / (x + 1). exp x: x is
 * halved until it is small, the series taken, and the result squared as often.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/types/numeric_log.h"
#include "base/errors.h"

#include <math.h>

#define SIGNIFICANT_MIN 16
#define GUARD_DIGITS 15
#define EXP_ARGUMENT_MAX 6000 /* as PostgreSQL: beyond it the result overflows, or is zero */
#define LOG10_E 0.434294481903252

static void
multiply(const struct numeric *a, const struct numeric *b, int scale, struct arena *arena,
         struct numeric *out)
{
    struct numeric product;
    numeric_multiply(a, b, arena, &product);
    if (product.scale > scale) {
        numeric_round(&product, scale, arena);
    }
    *out = product;
}

static void
multiply_int(struct numeric *n, int64_t factor, struct arena *arena)
{
    struct numeric by, product;
    numeric_from_int64(factor, arena, &by);
    numeric_multiply(n, &by, arena, &product);
    *n = product;
}

static void
divide_int(const struct numeric *n, int64_t divisor, int scale, struct arena *arena,
           struct numeric *out)
{
    struct numeric by;
    numeric_from_int64(divisor, arena, &by);
    numeric_divide_scale(n, &by, scale, true, arena, out);
}

/* The result as PostgreSQL shows it: with all digits of its scale. */
static void
finish(struct numeric *n, int scale, struct arena *arena)
{
    if (n->scale > scale) {
        numeric_round(n, scale, arena);
    }
    n->scale = scale;
}

static int
result_scale(int weight, int scale)
{
    int wanted = MAX(SIGNIFICANT_MIN - weight, scale);
    return MIN(MAX(wanted, 0), NUMERIC_RESULT_SCALE_MAX);
}

/* ---- logarithms ---- */
static bool
is_between(const struct numeric *n, double low, double high)
{
    double value = numeric_to_double(n);
    return value >= low && value <= high;
}

double
numeric_log10_estimate(const struct numeric *n)
{
    double first = n->digits[0];
    int weight = n->weight * 4;
    for (int i = 1; i < n->count && i < 4; i++) {
        first = first * NUMERIC_BASE + n->digits[i];
        weight -= 4;
    }
    return log10(first) + weight;
}

/* Of the logarithm's first digit, as PostgreSQL estimates it. */
static int
ln_weight(const struct numeric *n, struct arena *arena)
{
    if (is_between(n, 0.9, 1.1)) {
        struct numeric one, rest;
        numeric_from_int64(1, arena, &one);
        numeric_subtract(n, &one, arena, &rest);
        return rest.count == 0 ? 0 : rest.weight * 4 + (int)log10(rest.digits[0]);
    }
    int weight = n->weight * 4;
    double digits = n->digits[0];
    if (n->count > 1) {
        digits = digits * NUMERIC_BASE + n->digits[1];
        weight -= 4;
    }
    return (int)log10(fabs(log(digits) + weight * 2.302585092994046));
}

/* 2 (z + z^3/3 + ..) of a number near 1. */
static void
ln_near_one(const struct numeric *n, int scale, struct arena *arena, struct numeric *out)
{
    struct numeric one, above, below, z, square, power, term;
    numeric_from_int64(1, arena, &one);
    numeric_subtract(n, &one, arena, &above);
    numeric_add(n, &one, arena, &below);
    numeric_divide_scale(&above, &below, scale, true, arena, &z);
    multiply(&z, &z, scale, arena, &square);
    *out = power = z;
    for (int64_t i = 3; power.count > 0; i += 2) {
        struct numeric sum;
        multiply(&power, &square, scale, arena, &power);
        divide_int(&power, i, scale, arena, &term);
        numeric_add(out, &term, arena, &sum);
        *out = sum;
    }
    multiply_int(out, 2, arena);
}

/* Square roots bring it near 1; each doubles the logarithm of what is left. */
static void
ln_by_roots(const struct numeric *n, int scale, struct arena *arena, struct numeric *out)
{
    struct numeric x = *n;
    int64_t factor = 1;
    while (!is_between(&x, 0.95, 1.05)) {
        struct numeric root;
        numeric_square_root(&x, scale, arena, &root);
        x = root;
        factor *= 2;
    }
    ln_near_one(&x, scale, arena, out);
    multiply_int(out, factor, arena);
}

void
numeric_ln(const struct numeric *n, int scale, struct arena *arena, struct numeric *out)
{
    int work = scale + GUARD_DIGITS;
    if (is_between(n, 0.5, 2)) { /* no powers of 10000: their logarithms would cancel */
        ln_by_roots(n, work, arena, out);
        finish(out, scale, arena);
        return;
    }
    struct numeric mantissa = *n, base, power, sum;
    mantissa.weight = 0;
    mantissa.scale = MAX((n->count - 1) * 4, 0);
    ln_by_roots(&mantissa, work, arena, out);
    if (n->weight != 0) {
        numeric_from_int64(NUMERIC_BASE, arena, &base);
        ln_by_roots(&base, work, arena, &power);
        multiply_int(&power, n->weight, arena);
        numeric_add(out, &power, arena, &sum);
        *out = sum;
    }
    finish(out, scale, arena);
}

int
numeric_ln_scale(const struct numeric *n)
{
    struct arena arena;
    arena_init(&arena);
    int scale = result_scale(ln_weight(n, &arena), n->scale);
    arena_deinit(&arena);
    return scale;
}

void
numeric_log(const struct numeric *base, const struct numeric *n, struct arena *arena,
            struct numeric *out)
{
    struct numeric above, below;
    int above_weight = ln_weight(n, arena), below_weight = ln_weight(base, arena);
    int weight = above_weight - below_weight;
    int scale = result_scale(weight, MAX(base->scale, n->scale));
    numeric_ln(base, MAX(scale + weight - below_weight + 8, 0), arena, &below);
    numeric_ln(n, MAX(scale + weight - above_weight + 8, 0), arena, &above);
    numeric_divide_scale(&above, &below, scale, true, arena, out);
    finish(out, scale, arena);
}

/* ---- exponentials ---- */
int
numeric_exp_scale(const struct numeric *n)
{
    double weight = numeric_to_double(n) * LOG10_E;
    weight = fmax(fmin(weight, 2000), -2000);
    return result_scale((int)weight, n->scale);
}

/* 1 + x + x^2/2! + .. of a small number. */
static void
exp_series(const struct numeric *x, int scale, struct arena *arena, struct numeric *out)
{
    struct numeric term;
    numeric_from_int64(1, arena, out);
    term = *out;
    for (int64_t i = 1; term.count > 0; i++) {
        struct numeric product, sum;
        multiply(&term, x, scale, arena, &product);
        divide_int(&product, i, scale, arena, &term);
        numeric_add(out, &term, arena, &sum);
        *out = sum;
    }
}

enum status
numeric_exp(const struct numeric *n, int scale, struct arena *arena, struct numeric *out,
            struct diag *diag)
{
    double value = numeric_to_double(n);
    numeric_from_int64(0, arena, out);
    out->scale = scale;
    if (fabs(value) >= EXP_ARGUMENT_MAX) {
        return value < 0 ? STATUS_OK
                         : diag_fail(diag, STATUS_INVALID, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                                     "value overflows numeric format");
    }
    int halvings = 0;
    for (double size = fabs(value); size > 0.01; size /= 2) {
        halvings++;
    }
    int work = scale + MAX((int)(value * LOG10_E) + 1, 0) + GUARD_DIGITS + halvings;
    struct numeric small, result;
    divide_int(n, (int64_t)1 << halvings, work, arena, &small);
    exp_series(&small, work, arena, &result);
    for (; halvings > 0; halvings--) {
        struct numeric square;
        multiply(&result, &result, work, arena, &square);
        result = square;
    }
    finish(&result, scale, arena);
    *out = result;
    return STATUS_OK;
}

enum status
numeric_power(const struct numeric *base, const struct numeric *exponent, struct arena *arena,
              struct numeric *out, struct diag *diag)
{
    struct numeric ln, product;
    int weight = ln_weight(base, arena);
    numeric_ln(base, MIN(MAX(8 - weight, 0), NUMERIC_RESULT_SCALE_MAX), arena, &ln);
    numeric_multiply(&ln, exponent, arena, &product);
    double value = numeric_to_double(&product);
    if (value < -2000 * 3.01) {
        numeric_from_int64(0, arena, out);
        out->scale = NUMERIC_RESULT_SCALE_MAX;
        return STATUS_OK;
    }
    if (value > 2000 * 3.01) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                         "value overflows numeric format");
    }
    int result_weight = (int)(value * LOG10_E);
    int scale = result_scale(result_weight, MAX(base->scale, exponent->scale));
    int digits = MAX(scale + result_weight, 0);
    numeric_ln(base, MAX(digits - weight + 8 + exponent->weight * 4 + 4, 0), arena, &ln);
    numeric_multiply(&ln, exponent, arena, &product);
    return numeric_exp(&product, scale, arena, out, diag);
}
