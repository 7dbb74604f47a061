/* show.h: a bound expression as SQL text, as PostgreSQL's pg_get_expr() writes it.
 *
 * Promises: bound again by bind_scalar() for the same type the text means the same. Literals
 *           carry their type where it is not plain; implicit conversions at the top are left
 *           out.
 * Does not: know queries, CASE and other special forms: it says so, and the caller keeps the
 *           text that was written.
 * Thread:   the session's; names of relations need a transaction in cx->txn.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/bind/tree.h"

/* Appends to `out`. *shown_out false: the expression has something that is not shown here. */
MUST_CHECK enum status expr_show(struct sql_context *cx, const struct expr *expr,
                                 struct buf *out, bool *shown_out);
