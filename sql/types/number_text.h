/* number_text.h: integers and binary fractions as text, as PostgreSQL reads and writes them.
 * Thread:   pure functions.
 * Fails:    22P02, 22003 with PostgreSQL's messages.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/slice.h"
#include "base/status.h"

/* Without white space at both ends. */
struct slice number_text_trim(struct slice text);
/* Bytes of a text that fit into an error message. */
int number_text_shown(struct slice text);
/* `type` is the SQL name for the message: "integer". */
MUST_CHECK enum status int_from_text(struct slice text, int64_t min, int64_t max,
                                     const char *type, int64_t *out, struct diag *diag);
void int_to_text(int64_t value, struct buf *out);
MUST_CHECK enum status double_from_text(struct slice text, double *out, struct diag *diag);
MUST_CHECK enum status float_from_text(struct slice text, float *out, struct diag *diag);
/* The shortest digits that read back as the same number. */
void double_to_text(double value, struct buf *out);
void float_to_text(float value, struct buf *out);
