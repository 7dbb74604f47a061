/* plan.h: how a bound query will be run: a tree of operators.
 *
 * Promises: index look-ups for equality and ranges on prefixes of an index, hash joins and
 *           aggregates where they pay, row order from an index where it serves ORDER BY.
 * Owns:     the plan lies in cx->arena, immutable after planning; a prepared statement keeps it
 *           and runs it many times, also at the same time (execution state is exec's).
 * Thread:   planned on one session's thread, read by any.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/bind/tree.h"

struct plan; /* nodes: plan_internal.h, shared by sql/plan and sql/exec */

MUST_CHECK enum status plan_query(struct sql_context *cx, const struct query *query,
                                  struct plan **plan_out);
/* EXPLAIN's text, one line an operator. */
void plan_explain(const struct plan *plan, bool costs, struct buf *out);
