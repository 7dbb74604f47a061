/* numeric.c: representation, comparison, addition, rounding. Multiplication and division are in
 * numeric_divide.c, text in numeric_text.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "base/hash.h"
#include "sql/types/numeric_internal.h"
#include <math.h>

#define HEADER_BYTES 7
#define WEIGHT_MAX 32767
#define DIGITS_PER 4 /* decimal digits in a digit of base 10000 */

int
numeric_sign(const struct numeric *n)
{
    if (numeric_is_special(n)) {
        return n->flags == NUMERIC_INFINITY ? 1 : -1;
    }
    return n->count == 0 ? 0 : (n->flags == NUMERIC_MINUS ? -1 : 1);
}

void
numeric_decode(struct slice bytes, struct arena *arena, struct numeric *out)
{
    ASSERT(bytes.size >= HEADER_BYTES);
    out->flags = bytes.data[0];
    out->scale = get_u16(bytes.data + 1);
    out->weight = (int16_t)get_u16(bytes.data + 3);
    out->count = get_u16(bytes.data + 5);
    ASSERT(bytes.size == HEADER_BYTES + 2 * (size_t)out->count);
    out->digits = NULL;
    if (out->count > 0) {
        out->digits = arena_alloc(arena, 2 * (size_t)out->count);
        memcpy(out->digits, bytes.data + HEADER_BYTES, 2 * (size_t)out->count);
    }
}

void
numeric__strip(struct numeric *n)
{
    while (n->count > 0 && n->digits[0] == 0) {
        n->digits++;
        n->count--;
        n->weight--;
    }
    while (n->count > 0 && n->digits[n->count - 1] == 0) {
        n->count--;
    }
    if (n->count == 0) {
        n->flags = NUMERIC_PLUS;
        n->weight = 0;
    }
}

enum status
numeric_encode(const struct numeric *n, struct arena *arena, struct slice *out,
               struct diag *diag)
{
    struct numeric copy = *n;
    if (numeric_is_special(n)) {
        copy = (struct numeric){.flags = n->flags};
    } else {
        numeric__strip(&copy);
    }
    if (copy.weight > WEIGHT_MAX || copy.weight < -WEIGHT_MAX ||
        copy.scale > NUMERIC_SCALE_MAX || copy.count > UINT16_MAX) {
        *out = (struct slice){0};
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                         "value overflows numeric format");
    }
    size_t size = HEADER_BYTES + 2 * (size_t)copy.count;
    uint8_t *bytes = arena_alloc(arena, size);
    bytes[0] = copy.flags;
    put_u16(bytes + 1, (uint16_t)copy.scale);
    put_u16(bytes + 3, (uint16_t)copy.weight);
    put_u16(bytes + 5, (uint16_t)copy.count);
    if (copy.count > 0) {
        memcpy(bytes + HEADER_BYTES, copy.digits, 2 * (size_t)copy.count);
    }
    *out = slice_make(bytes, size);
    return STATUS_OK;
}

void
numeric_from_int128(__int128 value, struct arena *arena, struct numeric *out)
{
    uint16_t digits[10];
    int count = 0;
    unsigned __int128 rest = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    while (rest != 0) {
        if (rest <= UINT64_MAX) {
            uint64_t low = (uint64_t)rest;
            for (; low != 0; low /= NUMERIC_BASE) {
                digits[count++] = (uint16_t)(low % NUMERIC_BASE);
            }
            break;
        }
        digits[count++] = (uint16_t)(rest % NUMERIC_BASE);
        rest /= NUMERIC_BASE;
    }
    *out = (struct numeric){
        .flags = value < 0 ? NUMERIC_MINUS : NUMERIC_PLUS, .weight = count - 1, .count = count};
    out->digits = arena_alloc(arena, 2 * (size_t)MAX(count, 1));
    for (int i = 0; i < count; i++) {
        out->digits[i] = digits[count - 1 - i];
    }
    numeric__strip(out);
}

void
numeric_from_int64(int64_t value, struct arena *arena, struct numeric *out)
{
    numeric_from_int128(value, arena, out);
}

bool
numeric_to_int64(const struct numeric *n, int64_t *out)
{
    *out = 0;
    if (numeric_is_special(n)) {
        return false;
    }
    unsigned __int128 sum = 0;
    bool round_up = false;
    if (n->weight > 5) {
        return n->count == 0;
    }
    for (int i = 0; i <= n->weight; i++) {
        sum = sum * NUMERIC_BASE + (i < n->count ? n->digits[i] : 0U);
    }
    int fraction = n->weight + 1; /* index of the first digit after the point */
    if (fraction >= 0 && fraction < n->count) {
        round_up = n->digits[fraction] >= NUMERIC_BASE / 2;
    }
    sum += round_up ? 1 : 0;
    unsigned __int128 limit = (unsigned __int128)INT64_MAX + (n->flags == NUMERIC_MINUS);
    if (sum > limit) {
        return false;
    }
    *out = n->flags == NUMERIC_MINUS ? (int64_t)(0 - (uint64_t)sum) : (int64_t)sum;
    return true;
}

/* ---- order ---- */

/* -Infinity, numbers, Infinity, NaN. */
static int
class_of(uint8_t flags)
{
    return flags == NUMERIC_NAN              ? 3
           : flags == NUMERIC_INFINITY       ? 2
           : flags == NUMERIC_MINUS_INFINITY ? 0
                                             : 1;
}

static int
compare_magnitude(const struct numeric *a, const struct numeric *b)
{
    if (a->count == 0 || b->count == 0) {
        return (a->count != 0) - (b->count != 0);
    }
    if (a->weight != b->weight) {
        return a->weight > b->weight ? 1 : -1;
    }
    int common = MIN(a->count, b->count);
    for (int i = 0; i < common; i++) {
        if (a->digits[i] != b->digits[i]) {
            return a->digits[i] > b->digits[i] ? 1 : -1;
        }
    }
    return (a->count > b->count) - (a->count < b->count);
}

int
numeric_compare(const struct numeric *a, const struct numeric *b)
{
    int class_a = class_of(a->flags), class_b = class_of(b->flags);
    if (class_a != 1 || class_b != 1) {
        return (class_a > class_b) - (class_a < class_b);
    }
    int sign_a = numeric_sign(a), sign_b = numeric_sign(b);
    if (sign_a != sign_b) {
        return sign_a > sign_b ? 1 : -1;
    }
    int order = compare_magnitude(a, b);
    return sign_a < 0 ? -order : order;
}

int
numeric_compare_bytes(struct slice a, struct slice b)
{
    ASSERT(a.size >= HEADER_BYTES && b.size >= HEADER_BYTES);
    int class_a = class_of(a.data[0]), class_b = class_of(b.data[0]);
    if (class_a != 1 || class_b != 1) {
        return (class_a > class_b) - (class_a < class_b);
    }
    int count_a = get_u16(a.data + 5), count_b = get_u16(b.data + 5);
    int sign_a = count_a == 0 ? 0 : (a.data[0] == NUMERIC_MINUS ? -1 : 1);
    int sign_b = count_b == 0 ? 0 : (b.data[0] == NUMERIC_MINUS ? -1 : 1);
    if (sign_a != sign_b || sign_a == 0) {
        return (sign_a > sign_b) - (sign_a < sign_b);
    }
    int weight_a = (int16_t)get_u16(a.data + 3), weight_b = (int16_t)get_u16(b.data + 3);
    if (weight_a != weight_b) {
        return weight_a > weight_b ? sign_a : -sign_a;
    }
    int common = MIN(count_a, count_b);
    for (int i = 0; i < common; i++) {
        unsigned digit_a = get_u16(a.data + HEADER_BYTES + 2 * i);
        unsigned digit_b = get_u16(b.data + HEADER_BYTES + 2 * i);
        if (digit_a != digit_b) {
            return digit_a > digit_b ? sign_a : -sign_a;
        }
    }
    return count_a == count_b ? 0 : (count_a > count_b ? sign_a : -sign_a);
}

/* All but the scale, which does not count when values are compared. */
uint64_t
numeric_hash_bytes(struct slice bytes)
{
    ASSERT(bytes.size >= HEADER_BYTES);
    return hash64(slice_make(bytes.data + 3, bytes.size - 3), bytes.data[0]);
}

/* ---- addition ---- */

/* The digit of weight `weight`, 0 outside. */
static inline int
digit_at(const struct numeric *n, int weight)
{
    int i = n->weight - weight;
    return i >= 0 && i < n->count ? n->digits[i] : 0;
}

static inline int
lowest_weight(const struct numeric *n)
{
    return n->weight - n->count + 1;
}

static void
add_magnitudes(const struct numeric *a, const struct numeric *b, struct arena *arena,
               struct numeric *out)
{
    int top = MAX(a->weight, b->weight) + 1;
    int bottom = MIN(lowest_weight(a), lowest_weight(b));
    int count = top - bottom + 1;
    uint16_t *digits = arena_alloc(arena, 2 * (size_t)count);
    int carry = 0;
    for (int i = count - 1; i >= 0; i--) {
        int sum = digit_at(a, top - i) + digit_at(b, top - i) + carry;
        carry = sum >= NUMERIC_BASE;
        digits[i] = (uint16_t)(carry != 0 ? sum - NUMERIC_BASE : sum);
    }
    out->weight = top;
    out->count = count;
    out->digits = digits;
}

/* |a| >= |b| */
static void
subtract_magnitudes(const struct numeric *a, const struct numeric *b, struct arena *arena,
                    struct numeric *out)
{
    int top = a->weight;
    int bottom = MIN(lowest_weight(a), lowest_weight(b));
    int count = top - bottom + 1;
    uint16_t *digits = arena_alloc(arena, 2 * (size_t)MAX(count, 1));
    int borrow = 0;
    for (int i = count - 1; i >= 0; i--) {
        int rest = digit_at(a, top - i) - digit_at(b, top - i) - borrow;
        borrow = rest < 0;
        digits[i] = (uint16_t)(borrow != 0 ? rest + NUMERIC_BASE : rest);
    }
    ASSERT(borrow == 0);
    out->weight = top;
    out->count = MAX(count, 0);
    out->digits = digits;
}

static void
copy_digits(const struct numeric *n, struct arena *arena, struct numeric *out)
{
    *out = *n;
    if (n->count > 0) {
        out->digits = arena_alloc(arena, 2 * (size_t)n->count);
        memcpy(out->digits, n->digits, 2 * (size_t)n->count);
    }
}

static void
add_signed(const struct numeric *a, const struct numeric *b, uint8_t flags_b,
           struct arena *arena, struct numeric *out)
{
    int scale = MAX(a->scale, b->scale);
    struct numeric sum = {.scale = scale};
    if (a->count == 0 || b->count == 0) {
        copy_digits(a->count == 0 ? b : a, arena, &sum);
        sum.flags = a->count == 0 ? flags_b : a->flags;
    } else if (a->flags == flags_b) {
        sum.flags = a->flags;
        add_magnitudes(a, b, arena, &sum);
    } else if (compare_magnitude(a, b) >= 0) {
        sum.flags = a->flags;
        subtract_magnitudes(a, b, arena, &sum);
    } else {
        sum.flags = flags_b;
        subtract_magnitudes(b, a, arena, &sum);
    }
    sum.scale = scale;
    numeric__strip(&sum);
    *out = sum;
}

static uint8_t
negated(uint8_t flags)
{
    switch (flags) {
    case NUMERIC_PLUS:
        return NUMERIC_MINUS;
    case NUMERIC_MINUS:
        return NUMERIC_PLUS;
    case NUMERIC_INFINITY:
        return NUMERIC_MINUS_INFINITY;
    case NUMERIC_MINUS_INFINITY:
        return NUMERIC_INFINITY;
    default:
        return flags;
    }
}

/* Infinity + -Infinity is NaN. */
static uint8_t
add_special(uint8_t a, uint8_t b)
{
    if (a == NUMERIC_NAN || b == NUMERIC_NAN) {
        return NUMERIC_NAN;
    }
    if (a < NUMERIC_NAN) {
        return b;
    }
    return b < NUMERIC_NAN || a == b ? a : NUMERIC_NAN;
}

static void
add(const struct numeric *a, const struct numeric *b, uint8_t flags_b, struct arena *arena,
    struct numeric *out)
{
    if (numeric_is_special(a) || numeric_is_special(b)) {
        *out = (struct numeric){.flags = add_special(a->flags, flags_b)};
        return;
    }
    add_signed(a, b, flags_b, arena, out);
}

void
numeric_add(const struct numeric *a, const struct numeric *b, struct arena *arena,
            struct numeric *out)
{
    add(a, b, b->flags, arena, out);
}

void
numeric_subtract(const struct numeric *a, const struct numeric *b, struct arena *arena,
                 struct numeric *out)
{
    add(a, b, negated(b->flags), arena, out);
}

void
numeric_negate(struct numeric *n)
{
    if (n->count > 0 || numeric_is_special(n)) {
        n->flags = negated(n->flags);
    }
}

/* ---- rounding ---- */

static const uint16_t powers[] = {1, 10, 100, 1000, 10000};

/* Cuts after `scale` decimals; answers whether the first digit cut off was 5 or more. */
static bool
cut(struct numeric *n, int scale)
{
    int decimals = (n->weight + 1) * DIGITS_PER + scale; /* decimal digits kept */
    n->scale = MAX(scale, 0);
    if (decimals < 0 || n->count == 0) {
        n->count = 0;
        return false;
    }
    int whole = decimals / DIGITS_PER, part = decimals % DIGITS_PER;
    if (whole >= n->count) {
        return false;
    }
    uint16_t unit = powers[DIGITS_PER - part];
    bool half = n->digits[whole] % unit >= unit / 2;
    if (part == 0) {
        n->count = whole;
        return half;
    }
    n->digits[whole] = (uint16_t)(n->digits[whole] - n->digits[whole] % unit);
    n->count = whole + 1;
    return half;
}

/* Adds one unit of the last kept decimal. */
static void
bump(struct numeric *n, int scale, struct arena *arena)
{
    int decimals = (n->weight + 1) * DIGITS_PER + scale;
    int last = decimals > 0 ? (decimals - 1) / DIGITS_PER : -1; /* its digit */
    int part = decimals > 0 ? (decimals - 1) % DIGITS_PER : 3;
    int count = last + 2;
    uint16_t *digits = arena_zalloc(arena, 2 * (size_t)count);
    for (int i = 0; i < n->count && i + 1 < count; i++) {
        digits[i + 1] = n->digits[i];
    }
    unsigned add_here = powers[DIGITS_PER - 1 - part];
    for (int i = count - 1; i >= 0 && add_here != 0; i--) {
        unsigned sum = digits[i] + add_here;
        add_here = sum >= NUMERIC_BASE;
        digits[i] = (uint16_t)(sum % NUMERIC_BASE);
    }
    n->digits = digits;
    n->count = count;
    n->weight++;
}

void
numeric_truncate(struct numeric *n, int scale)
{
    if (numeric_is_special(n)) {
        return;
    }
    (void)cut(n, scale);
    numeric__strip(n);
}

void
numeric_round(struct numeric *n, int scale, struct arena *arena)
{
    if (numeric_is_special(n)) {
        return;
    }
    if (cut(n, scale)) {
        bump(n, scale, arena);
    }
    numeric__strip(n);
}

static bool
has_fraction(const struct numeric *n)
{
    return n->count > n->weight + 1 && n->count > 0;
}

/* Towards the sign given: away from zero if the number has it. */
static void
to_integer(struct numeric *n, uint8_t flags_away, struct arena *arena)
{
    if (numeric_is_special(n)) {
        return;
    }
    bool away = has_fraction(n) && n->flags == flags_away;
    uint8_t flags = n->flags;
    numeric_truncate(n, 0);
    if (away) {
        struct numeric one, sum;
        numeric_from_int64(1, arena, &one);
        n->flags = NUMERIC_PLUS;
        numeric_add(n, &one, arena, &sum);
        sum.flags = flags;
        sum.scale = 0;
        *n = sum;
    }
}

void
numeric_floor(struct numeric *n, struct arena *arena)
{
    to_integer(n, NUMERIC_MINUS, arena);
}

void
numeric_ceil(struct numeric *n, struct arena *arena)
{
    to_integer(n, NUMERIC_PLUS, arena);
}

/* Decimal digits before the point, leading zeros not counted; may be negative. */
static int
whole_digits(const struct numeric *n)
{
    int digits = (n->weight + 1) * DIGITS_PER;
    unsigned first = n->digits[0];
    return digits - (first < 10 ? 3 : first < 100 ? 2 : first < 1000 ? 1 : 0);
}

enum status
numeric_apply_typmod(struct numeric *n, int32_t typmod, struct arena *arena, struct diag *diag)
{
    if (typmod < 4 || n->flags == NUMERIC_NAN) {
        return STATUS_OK;
    }
    int precision = ((typmod - 4) >> 16) & 0xffff;
    int scale = (((typmod - 4) & 0x7ff) ^ 1024) - 1024;
    if (numeric_is_special(n)) {
        (void)diag_fail(diag, STATUS_INVALID, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                        "numeric field overflow");
        diag_detail(diag, "A field with precision %d, scale %d cannot hold an infinite value.",
                    precision, scale);
        return STATUS_INVALID;
    }
    numeric_round(n, scale, arena);
    int limit = precision - scale;
    if (n->count > 0 && whole_digits(n) > limit) {
        (void)diag_fail(diag, STATUS_INVALID, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                        "numeric field overflow");
        diag_detail(diag,
                    "A field with precision %d, scale %d must round to an absolute value less "
                    "than %s%d.",
                    precision, scale, limit != 0 ? "10^" : "", limit != 0 ? limit : 1);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}
