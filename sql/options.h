/* options.h: lists of options in parentheses: VACUUM (..), EXPLAIN (..), COPY .. WITH (..).
 *
 * Promises: PostgreSQL's reading of values, and its errors: 42601 for an option that there is
 *           not, with its place, and for a value that is none; 0A000 for what is not built.
 * Thread:   the session's.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/context.h"
#include "sql/parse/ast.h"

/* true, false, on, off, 1, 0 without case; no value means true. */
MUST_CHECK enum status option_bool(struct sql_context *cx, const struct ast_option *option,
                                   bool *value_out);
/* "unrecognized VACUUM option "x"" */
MUST_CHECK enum status option_unknown(struct sql_context *cx, const struct ast_option *option,
                                      const char *statement);
/* "VACUUM option "full" is not supported" */
MUST_CHECK enum status option_unsupported(struct sql_context *cx,
                                          const struct ast_option *option,
                                          const char *statement);
/* Storage parameters of a table or index. Those that say what is so anyway (a table's
 * fillfactor = 100) are kept as text for pg_class.reloptions, "{fillfactor=100}"; NULL: none.
 */
MUST_CHECK enum status storage_options(struct sql_context *cx,
                                       const struct ast_option_list *options, bool is_index,
                                       const char **text_out);
