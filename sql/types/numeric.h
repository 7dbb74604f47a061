/* numeric.h: decimal numbers of any length, as PostgreSQL's NUMERIC.
 *
 * Promises: results have PostgreSQL's digits and display scale: base 10000, halves round away
 *           from zero, quotients have at least 16 significant digits.
 * Owns:     nothing: digits lie in the arena given, or are borrowed.
 * Thread:   pure functions.
 * Fails:    22003 beyond the format's limits, 22012 for a zero divisor.
 * See:      docs/format/tuple.md for the stored bytes.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/types/type.h"

#define NUMERIC_BASE 10000
#define NUMERIC_SCALE_MAX 16383
#define NUMERIC_RESULT_SCALE_MAX 1000 /* of a quotient and the like */

enum { /* flags, as stored */
       NUMERIC_PLUS = 0,
       NUMERIC_MINUS = 1,
       NUMERIC_NAN = 2,
       NUMERIC_INFINITY = 4,
       NUMERIC_MINUS_INFINITY = 8,
};

/* digits[0] has the weight 10000 ^ weight; no leading or trailing zeros; zero has none. */
struct numeric {
    uint8_t flags;
    int scale; /* digits shown after the point */
    int weight;
    int count;
    uint16_t *digits;
};

static inline bool
numeric_is_special(const struct numeric *n)
{
    return n->flags >= NUMERIC_NAN;
}
static inline bool
numeric_is_zero(const struct numeric *n)
{
    return n->count == 0 && n->flags < NUMERIC_NAN;
}
/* -1, 0, 1; infinities too; not NaN. */
int numeric_sign(const struct numeric *n);

/* Digits are copied to the arena (a slice is not aligned). */
void numeric_decode(struct slice bytes, struct arena *arena, struct numeric *out);
/* 22003 "value overflows numeric format". */
MUST_CHECK enum status numeric_encode(const struct numeric *n, struct arena *arena,
                                      struct slice *out, struct diag *diag);

MUST_CHECK enum status numeric_from_text(struct slice text, struct arena *arena,
                                         struct numeric *out, struct diag *diag);
void numeric_to_text(const struct numeric *n, struct buf *out);
void numeric_from_int64(int64_t value, struct arena *arena, struct numeric *out);
void numeric_from_int128(__int128 value, struct arena *arena, struct numeric *out);
/* Rounds; false: does not fit, or is no number. */
bool numeric_to_int64(const struct numeric *n, int64_t *out);
void numeric_from_double(double value, int digits, struct arena *arena, struct numeric *out);
double numeric_to_double(const struct numeric *n);

int numeric_compare(const struct numeric *a, const struct numeric *b);
int numeric_compare_bytes(struct slice a, struct slice b); /* stored forms, no copy */
uint64_t numeric_hash_bytes(struct slice bytes);

void numeric_add(const struct numeric *a, const struct numeric *b, struct arena *arena,
                 struct numeric *out);
void numeric_subtract(const struct numeric *a, const struct numeric *b, struct arena *arena,
                      struct numeric *out);
void numeric_multiply(const struct numeric *a, const struct numeric *b, struct arena *arena,
                      struct numeric *out);
/* The quotient with the scale that PostgreSQL chooses. */
MUST_CHECK enum status numeric_divide(const struct numeric *a, const struct numeric *b,
                                      struct arena *arena, struct numeric *out,
                                      struct diag *diag);
/* Rounded to `scale` digits, or cut; b is not zero, neither is special. */
void numeric_divide_scale(const struct numeric *a, const struct numeric *b, int scale,
                          bool round, struct arena *arena, struct numeric *out);
MUST_CHECK enum status numeric_modulo(const struct numeric *a, const struct numeric *b,
                                      struct arena *arena, struct numeric *out,
                                      struct diag *diag);
/* Rounded to `scale` digits; not negative, not special. */
void numeric_square_root(const struct numeric *n, int scale, struct arena *arena,
                         struct numeric *out);
void numeric_negate(struct numeric *n);
/* In place: the digits are the caller's own. Scales may be negative: tens, hundreds. */
void numeric_round(struct numeric *n, int scale, struct arena *arena);
void numeric_truncate(struct numeric *n, int scale);
void numeric_floor(struct numeric *n, struct arena *arena);
void numeric_ceil(struct numeric *n, struct arena *arena);
/* numeric(precision, scale); -1: nothing to do. */
MUST_CHECK enum status numeric_apply_typmod(struct numeric *n, int32_t typmod,
                                            struct arena *arena, struct diag *diag);
