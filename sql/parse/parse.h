/* parse.h: SQL text to our own tree, by PostgreSQL's grammar.
 *
 * Promises: texts that PostgreSQL 15 parses are parsed; a syntax error has PostgreSQL's message
 *           and position. No text harms the node: nesting and operator chains are bounded
 *           before the grammar sees them (54001). What the tree cannot express is a statement
 *           of its own (AST_UNSUPPORTED) that answers 0A000 when it is run.
 * Does not: look at names or types (sql/bind).
 * Owns:     the tree lies in `arena`.
 * Thread:   any with an 8 MiB stack.
 * See:      ast.h for the tree; README.md for who may include pg_query.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "sql/parse/ast.h"

/* All statements of a text; an empty one has none. Each knows where its text lies. */
struct parsed_script {
    unsigned count;
    struct ast_statement **statements;
};

MUST_CHECK enum status parse_script(const char *text, struct arena *arena,
                                    struct parsed_script *script_out, struct diag *diag);
/* One expression: column defaults kept as text in the catalog. */
MUST_CHECK enum status parse_expression(const char *text, struct arena *arena,
                                        struct ast_expr **expr_out, struct diag *diag);
