/* exec.h: a plan being run: rows in batches, able to stop after any batch.
 *
 * Promises: each call of execution_next() gives one batch, or none at the end; changes are made
 *           by the time the first batch of RETURNING (or the end) is reported.
 * Owns:     its state, pins and scans, in `arena` and `holds`; execution_close() gives all
 *           back.  Borrows: plan, cx (cx->txn with a snapshot taken).
 * Thread:   the session's.
 * Fails:    SQL errors in cx->diag; afterwards only close is allowed. 57014 between batches.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/plan/plan.h"

struct execution;

MUST_CHECK enum status execution_open(struct sql_context *cx, const struct plan *plan,
                                      struct execution **execution_out);
/* *batch_out NULL at the end. Borrowed until the next call. Holds result columns only. */
MUST_CHECK enum status execution_next(struct execution *execution, struct batch **batch_out);
/* Rows changed (INSERT, UPDATE, DELETE) so far. */
uint64_t execution_changed_count(const struct execution *execution);
void execution_close(struct execution *execution); /* takes execution; NULL is fine */
/* Gives pins and scans back before the end was reached, keeping memory for execution_restart():
 * for one that is kept beyond its transaction. The end of the rows does the same. */
void execution_stop(struct execution *execution);
/* Makes the execution of a closed-off run ready again: same plan, new parameters in cx. For
 * prepared statements: no allocation in the common case. */
MUST_CHECK enum status execution_restart(struct execution *execution, struct sql_context *cx);

/* A scalar without columns (defaults, LIMIT, EXECUTE arguments). */
MUST_CHECK enum status expr_evaluate(struct sql_context *cx, const struct expr *expr,
                                     struct value *value_out);
/* One row into a table with its defaults, checks and conversions: COPY. Values by column_no;
 * `given[i]` false: the default. Returns what table_insert reports; 23502, 23505 with detail.
 */
struct row_inserter;
MUST_CHECK enum status row_inserter_open(struct sql_context *cx, const struct table_def *table,
                                         const bool *given, struct row_inserter **inserter_out);
MUST_CHECK enum status row_inserter_insert(struct row_inserter *inserter,
                                           const struct value *values);
void row_inserter_close(struct row_inserter *inserter);
