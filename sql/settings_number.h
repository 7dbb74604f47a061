/* settings_number.h: integers of settings with their units, read and shown as PostgreSQL does.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define NUMBER_TEXT_MAX 32

/* `unit` is what the number counts: "ms", "MB", or NULL. "1min" is 60000 of "ms". False: no
 * number, or *hint_out (may be NULL) says what of it is wrong. */
bool number_read(const char *text, const char *unit, int64_t *value_out, const char **hint_out);
/* In the largest unit that leaves no rest: 60000 of "ms" is "1min". */
void number_show(int64_t value, const char *unit, char out[NUMBER_TEXT_MAX]);
