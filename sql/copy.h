/* copy.h: what COPY FROM and COPY TO share: options and columns.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/session_internal.h"

struct copy_options {
    char delimiter;
    struct slice null_text;
    bool header, header_match, freeze;
};
MUST_CHECK enum status copy__read_options(struct sql_context *cx,
                                          const struct ast_copy *statement,
                                          struct copy_options *options_out);
/* Numbers (from 0) of the columns copied, in their order, in cx->arena. */
MUST_CHECK enum status copy__columns(struct sql_context *cx, const struct table_def *table,
                                     const struct ast_name_list *names, unsigned **numbers_out,
                                     unsigned *count_out);
