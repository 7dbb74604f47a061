/* evaluate.h: calls a function or operator by name with arguments given as text, as the binder
 * and the executor would: resolve, cast, run.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/context.h"
#include "sql/func/func.h"

struct evaluation_arg {
    enum type_id type; /* TYPE_UNKNOWN: a literal */
    const char *text;  /* NULL: SQL's NULL */
};

/* Appends the result's text, or "NULL". Runs the call on constants, on vectors, and on vectors
 * with a NULL row among them, and asserts that all agree. */
enum status evaluate(struct sql_context *cx, bool is_operator, const char *name,
                     const struct evaluation_arg *args, unsigned arg_count, struct buf *out,
                     enum type_id *type_out, struct diag *diag);
/* One cast of one value, as an explicit cast. */
enum status evaluate_cast(struct sql_context *cx, enum type_id from, enum type_id to,
                          const char *text, struct buf *out, struct diag *diag);
