/* bind.h: names to tables and columns, literals to types, operators to functions.
 *
 * Promises: a tree of tree.h that the planner can run, or PostgreSQL's error with its position:
 *           42P01, 42703, 42702, 42883, 42804, 42803, 42846, 42P18 ...
 * Owns:     the tree lies in cx->arena.
 * Borrows:  names and texts of the statement's tree, which must live as long as the query.
 * Thread:   the session's. Needs a transaction in cx->txn for catalog look-ups.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/bind/tree.h"
#include "sql/parse/ast.h"

/* Types of $1 ..: given ones (TYPE_INVALID: not given) are kept, the others inferred; all are
 * known afterwards, or 42P18. */
struct bind_params {
    unsigned count, capacity;
    enum type_id *types; /* in cx->arena; grows */
};

/* SELECT, INSERT, UPDATE, DELETE, VALUES. */
MUST_CHECK enum status bind_query(struct sql_context *cx, const struct ast_statement *statement,
                                  struct bind_params *params, struct query **query_out);
/* A default or similar: no columns, no parameters, cast to `type` by assignment. */
MUST_CHECK enum status bind_scalar(struct sql_context *cx, const struct ast_expr *ast,
                                   enum type_id type, int32_t typmod, struct expr **expr_out);
/* The relations that constants of type regclass name, each once, in the arena; NULL: none. What
 * such a constant names must stay as long as the expression is used. */
const struct object_id *bind_named_relations(struct expr *expr, struct arena *arena,
                                             unsigned *count_out);
/* An expression over one table's columns (range 0). */
MUST_CHECK enum status bind_over_table(struct sql_context *cx, const struct ast_expr *ast,
                                       const struct table_def *table, struct expr **expr_out);
/* Type of a type name with its modifiers; 42704. */
MUST_CHECK enum status bind_type_name(struct sql_context *cx, const struct ast_type_name *name,
                                      enum type_id *type_out, int32_t *typmod_out);
