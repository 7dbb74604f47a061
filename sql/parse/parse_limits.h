/* parse_limits.h: what is refused before the grammar reads a text.
 *
 * Promises: a text that passes makes no tree deeper than PARSE_DEPTH_MAX, whatever recursion
 * later walks it (libpg_query has none of PostgreSQL's stack checks: 10,000 terms of `1+1+..`
 *           kill it). 54001 otherwise. Bytes that are not UTF-8 are 22021. Linear in the text.
 * Thread:   pure function.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/slice.h"
#include "base/status.h"

/* Levels of a tree: an operator counts one, a parenthesis one, a nested SELECT eight. Frames of
 * libpg_query, of our binder and executor must fit 8 MiB at this depth, sanitizers included. */
#define PARSE_DEPTH_MAX 1200

MUST_CHECK enum status parse_limits_check(struct slice text, struct diag *diag);
