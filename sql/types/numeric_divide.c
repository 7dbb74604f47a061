/* numeric_divide.c: products, quotients, remainders. Both work on digits of base 10000 by the
 * school's methods (Knuth, The Art of Computer Programming 2, algorithms M and D): exact, so
 * that the only rounding is the last one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "sql/types/numeric_internal.h"

#define DIGITS_PER 4
#define SIGNIFICANT_MIN 16 /* decimal digits that a quotient has at least */

/* Products with a special: Infinity * 0 is NaN. */
static uint8_t
multiply_special(const struct numeric *a, const struct numeric *b)
{
    if (a->flags == NUMERIC_NAN || b->flags == NUMERIC_NAN) {
        return NUMERIC_NAN;
    }
    int sign = numeric_sign(a) * numeric_sign(b);
    return sign == 0 ? NUMERIC_NAN : (sign > 0 ? NUMERIC_INFINITY : NUMERIC_MINUS_INFINITY);
}

void
numeric_multiply(const struct numeric *a, const struct numeric *b, struct arena *arena,
                 struct numeric *out)
{
    if (numeric_is_special(a) || numeric_is_special(b)) {
        *out = (struct numeric){.flags = multiply_special(a, b)};
        return;
    }
    int scale = a->scale + b->scale;
    if (a->count == 0 || b->count == 0) {
        *out = (struct numeric){.scale = MIN(scale, NUMERIC_SCALE_MAX)};
        return;
    }
    int count = a->count + b->count;
    uint16_t *digits = arena_zalloc(arena, 2 * (size_t)count);
    for (int i = a->count - 1; i >= 0; i--) {
        uint32_t carry = 0;
        for (int j = b->count - 1; j >= 0; j--) {
            uint32_t sum = (uint32_t)a->digits[i] * b->digits[j] + digits[i + j + 1] + carry;
            digits[i + j + 1] = (uint16_t)(sum % NUMERIC_BASE);
            carry = sum / NUMERIC_BASE;
        }
        digits[i] = (uint16_t)carry;
    }
    *out = (struct numeric){.flags = a->flags == b->flags ? NUMERIC_PLUS : NUMERIC_MINUS,
                            .scale = scale,
                            .weight = a->weight + b->weight + 1,
                            .count = count,
                            .digits = digits};
    numeric__strip(out);
    if (scale > NUMERIC_SCALE_MAX) {
        numeric_round(out, NUMERIC_SCALE_MAX, arena);
    }
}

/* One digit of the quotient: rest[0 .. n] -= q * divisor[0 .. n-1]; answers q.
 * The divisor is normalised (first digit >= BASE / 2), rest[0] <= divisor[0]. */
static uint16_t
divide_step(uint32_t *rest, const uint32_t *divisor, int n)
{
    uint32_t top = rest[0] * NUMERIC_BASE + rest[1];
    uint32_t q = top / divisor[0];
    if (q >= NUMERIC_BASE) {
        q = NUMERIC_BASE - 1;
    }
    if (n > 1) {
        while ((uint64_t)q * divisor[1] >
               (uint64_t)(top - q * divisor[0]) * NUMERIC_BASE + rest[2]) {
            q--;
        }
    }
    int64_t borrow = 0;
    for (int i = n - 1; i >= 0; i--) {
        int64_t left = (int64_t)rest[i + 1] - (int64_t)q * divisor[i] - borrow;
        borrow = left < 0 ? (-left + NUMERIC_BASE - 1) / NUMERIC_BASE : 0;
        rest[i + 1] = (uint32_t)(left + borrow * NUMERIC_BASE);
    }
    int64_t left = (int64_t)rest[0] - borrow;
    rest[0] = 0;
    if (left < 0) { /* q was one too large */
        q--;
        uint32_t carry = 0;
        for (int i = n - 1; i >= 0; i--) {
            uint32_t sum = rest[i + 1] + divisor[i] + carry;
            carry = sum >= NUMERIC_BASE;
            rest[i + 1] = sum % NUMERIC_BASE;
        }
    }
    return (uint16_t)q;
}

/* digits[] times `factor` into out[1 ..], the carry in out[0]. */
static void
scale_digits(const struct numeric *n, uint32_t factor, uint32_t *out)
{
    uint32_t carry = 0;
    for (int i = n->count - 1; i >= 0; i--) {
        uint32_t product = n->digits[i] * factor + carry;
        out[i + 1] = product % NUMERIC_BASE;
        carry = product / NUMERIC_BASE;
    }
    out[0] = carry;
}

/* `count` digits of |a| / |b|, cut; the first has weight a.weight - b.weight. */
static void
divide_digits(const struct numeric *a, const struct numeric *b, int count, struct arena *arena,
              uint16_t *digits)
{
    uint32_t factor = NUMERIC_BASE / (b->digits[0] + 1U);
    uint32_t *divisor = arena_zalloc(arena, 4 * (size_t)(b->count + 1));
    scale_digits(b, factor, divisor);
    ASSERT(divisor[0] == 0);
    int length = MAX(a->count + 1, count + b->count + 1);
    uint32_t *rest = arena_zalloc(arena, 4 * (size_t)(length + 1));
    scale_digits(a, factor, rest);
    for (int i = 0; i < count; i++) {
        digits[i] = divide_step(rest + i, divisor + 1, b->count);
    }
}

void
numeric_divide_scale(const struct numeric *a, const struct numeric *b, int scale, bool round,
                     struct arena *arena, struct numeric *out)
{
    ASSERT(b->count > 0 && !numeric_is_special(a) && !numeric_is_special(b));
    if (a->count == 0) {
        *out = (struct numeric){.scale = scale};
        return;
    }
    int weight = a->weight - b->weight;
    /* whole digits, those after the point, and one more to round by */
    int count = weight + 1 + (scale + DIGITS_PER - 1) / DIGITS_PER + 1;
    if (count <= 0) {
        *out = (struct numeric){.scale = scale};
        return;
    }
    uint16_t *digits = arena_alloc(arena, 2 * (size_t)count);
    divide_digits(a, b, count, arena, digits);
    *out = (struct numeric){.flags = a->flags == b->flags ? NUMERIC_PLUS : NUMERIC_MINUS,
                            .scale = scale,
                            .weight = weight,
                            .count = count,
                            .digits = digits};
    if (round) {
        numeric_round(out, scale, arena);
    } else {
        numeric_truncate(out, scale);
    }
}

static int
quotient_scale(const struct numeric *a, const struct numeric *b)
{
    int weight_a = a->count > 0 ? a->weight : 0, weight_b = b->count > 0 ? b->weight : 0;
    int first_a = a->count > 0 ? a->digits[0] : 0, first_b = b->count > 0 ? b->digits[0] : 0;
    int weight = weight_a - weight_b - (first_a <= first_b);
    int scale = SIGNIFICANT_MIN - weight * DIGITS_PER;
    scale = MAX(scale, MAX(a->scale, b->scale));
    scale = MAX(scale, 0);
    return MIN(scale, NUMERIC_RESULT_SCALE_MAX);
}

static enum status
division_by_zero(struct diag *diag)
{
    return diag_fail(diag, STATUS_INVALID, SQLSTATE_DIVISION_BY_ZERO, "division by zero");
}

static enum status
divide_special(const struct numeric *a, const struct numeric *b, struct numeric *out,
               struct diag *diag)
{
    *out = (struct numeric){.flags = NUMERIC_NAN};
    if (a->flags == NUMERIC_NAN || b->flags == NUMERIC_NAN) {
        return STATUS_OK;
    }
    if (numeric_is_special(a)) {
        if (numeric_is_special(b)) {
            return STATUS_OK;
        }
        if (numeric_sign(b) == 0) {
            return division_by_zero(diag);
        }
        out->flags =
            numeric_sign(a) * numeric_sign(b) > 0 ? NUMERIC_INFINITY : NUMERIC_MINUS_INFINITY;
        return STATUS_OK;
    }
    out->flags = NUMERIC_PLUS; /* a number by an infinity */
    return STATUS_OK;
}

enum status
numeric_divide(const struct numeric *a, const struct numeric *b, struct arena *arena,
               struct numeric *out, struct diag *diag)
{
    if (numeric_is_special(a) || numeric_is_special(b)) {
        return divide_special(a, b, out, diag);
    }
    if (b->count == 0) {
        return division_by_zero(diag);
    }
    numeric_divide_scale(a, b, quotient_scale(a, b), true, arena, out);
    return STATUS_OK;
}

enum status
numeric_modulo(const struct numeric *a, const struct numeric *b, struct arena *arena,
               struct numeric *out, struct diag *diag)
{
    if (a->flags == NUMERIC_NAN || b->flags == NUMERIC_NAN) {
        *out = (struct numeric){.flags = NUMERIC_NAN};
        return STATUS_OK;
    }
    if (numeric_sign(b) == 0) {
        return division_by_zero(diag);
    }
    if (numeric_is_special(a)) {
        *out = (struct numeric){.flags = NUMERIC_NAN};
        return STATUS_OK;
    }
    if (numeric_is_special(b)) {
        *out = *a;
        return STATUS_OK;
    }
    struct numeric quotient, product;
    numeric_divide_scale(a, b, 0, false, arena, &quotient);
    numeric_multiply(&quotient, b, arena, &product);
    numeric_subtract(a, &product, arena, out);
    out->scale = MAX(a->scale, b->scale);
    return STATUS_OK;
}

/* A first guess of the root, good to 15 digits, whatever the size. */
static void
guess_root(const struct numeric *n, struct arena *arena, struct numeric *out)
{
    bool odd = n->weight % 2 != 0;
    double leading = 0;
    for (int i = 0; i < 4 + odd; i++) {
        leading = leading * NUMERIC_BASE + (i < n->count ? n->digits[i] : 0);
    }
    /* leading * 10000^(weight - 3 - odd), an even power either way */
    int power = n->weight - 3 - odd;
    if (power % 2 != 0) {
        leading *= NUMERIC_BASE;
        power--;
    }
    numeric_from_double(__builtin_sqrt(leading), 15, arena, out);
    out->weight += power / 2;
}

/* Newton's method: right digits double each time. The guess is a little off, so the last step
 * is done with more digits than asked for. */
void
numeric_square_root(const struct numeric *n, int scale, struct arena *arena,
                    struct numeric *out)
{
    ASSERT(n->flags == NUMERIC_PLUS);
    if (n->count == 0) {
        *out = (struct numeric){.scale = scale};
        return;
    }
    struct numeric x, quotient, sum, next, two;
    int work = scale + 8;
    guess_root(n, arena, &x);
    numeric_from_int64(2, arena, &two);
    for (int i = 0; i < 16; i++) {
        numeric_divide_scale(n, &x, work, true, arena, &quotient);
        numeric_add(&x, &quotient, arena, &sum);
        numeric_divide_scale(&sum, &two, work, true, arena, &next);
        bool done = numeric_compare(&next, &x) == 0;
        x = next;
        if (done) {
            break;
        }
    }
    numeric_round(&x, scale, arena);
    x.scale = scale;
    *out = x;
}
