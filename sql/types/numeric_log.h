/* numeric_log.h: exponentials and logarithms of decimal numbers.
 *
 * Promises: right to the scale asked for, rounded from at least ten digits more; the scales
 *           that PostgreSQL 15 chooses for exp(), ln(), log() and power().
 * Thread:   pure functions; digits lie in the arena given.
 * Fails:    22003 "value overflows numeric format".
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/types/numeric.h"

/* log10 |n| to about 15 digits, also where n is beyond a double; n is not zero nor special. */
double numeric_log10_estimate(const struct numeric *n);
/* The scale that PostgreSQL gives to ln(n); n > 0. */
int numeric_ln_scale(const struct numeric *n);
void numeric_ln(const struct numeric *n, int scale, struct arena *arena, struct numeric *out);
/* log(n) to a base; both > 0, the base not 1. */
void numeric_log(const struct numeric *base, const struct numeric *n, struct arena *arena,
                 struct numeric *out);
int numeric_exp_scale(const struct numeric *n);
MUST_CHECK enum status numeric_exp(const struct numeric *n, int scale, struct arena *arena,
                                   struct numeric *out, struct diag *diag);
/* base > 0, an exponent that is no whole number, neither special. */
MUST_CHECK enum status numeric_power(const struct numeric *base, const struct numeric *exponent,
                                     struct arena *arena, struct numeric *out,
                                     struct diag *diag);
