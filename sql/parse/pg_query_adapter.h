/* pg_query_adapter.h: insides of the adapter: from libpg_query's tree to ours.
 *
 * Promises: each function copies what it keeps into the reader's arena; libpg_query's tree may
 *           go afterwards. What our tree cannot say is 0A000 with the construct's name.
 * Thread:   that of the parse. Only files pg_query_*.c and parse_pg_query.c include this.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/errors.h"
#include "sql/parse/parse.h"
#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

/* One parse. Positions come in about rising order: the last answer is where the next count
 * starts.
 */
struct reader {
    const char *text;
    bool is_ascii;
    struct arena *arena;
    struct diag *diag;
    int counted_bytes, counted_characters;
};

/* Byte offset to 1-based character position; below 0: 0. */
int parse__position(struct reader *reader, int location);
MUST_CHECK enum status parse__unsupported(struct reader *reader, const char *what,
                                          int location);
/* NULL for "", which is how protobuf says NULL. */
const char *parse__text(struct reader *reader, const char *text);
const char *parse__string(struct reader *reader, const PgQuery__Node *node);
struct ast_name_list parse__names(struct reader *reader, size_t count, PgQuery__Node **nodes);

/* pg_query_expr.c */
MUST_CHECK enum status parse__expr(struct reader *reader, const PgQuery__Node *node,
                                   struct ast_expr **expr_out); /* NULL gives NULL */
MUST_CHECK enum status parse__exprs(struct reader *reader, size_t count, PgQuery__Node **nodes,
                                    struct ast_expr_list *list_out);
MUST_CHECK enum status parse__type(struct reader *reader, const PgQuery__TypeName *node,
                                   struct ast_type_name *type_out);
MUST_CHECK enum status parse__sort(struct reader *reader, size_t count, PgQuery__Node **nodes,
                                   struct ast_sort_list *list_out);

/* pg_query_select.c */
MUST_CHECK enum status parse__select(struct reader *reader, const PgQuery__SelectStmt *node,
                                     struct ast_select *select_out);
MUST_CHECK enum status parse__relation(struct reader *reader, const PgQuery__RangeVar *node,
                                       struct ast_relation *relation_out);
MUST_CHECK enum status parse__insert(struct reader *reader, const PgQuery__InsertStmt *node,
                                     struct ast_insert *insert_out);
MUST_CHECK enum status parse__update(struct reader *reader, const PgQuery__UpdateStmt *node,
                                     struct ast_update *update_out);
MUST_CHECK enum status parse__delete(struct reader *reader, const PgQuery__DeleteStmt *node,
                                     struct ast_delete *delete_out);

/* pg_query_ddl.c */
MUST_CHECK enum status parse__options(struct reader *reader, size_t count,
                                      PgQuery__Node **nodes, struct ast_option_list *list_out);
MUST_CHECK enum status parse__relations(struct reader *reader, size_t count,
                                        PgQuery__Node **nodes,
                                        struct ast_relation_list *list_out);
MUST_CHECK enum status parse__definition(struct reader *reader, const PgQuery__Node *node,
                                         struct ast_statement *statement);

/* pg_query_session.c: transactions, settings, COPY, upkeep, prepared statements. */
MUST_CHECK enum status parse__session(struct reader *reader, const PgQuery__Node *node,
                                      struct ast_statement *statement);

/* parse_pg_query.c: any statement, also one inside EXPLAIN or PREPARE. */
MUST_CHECK enum status parse__statement(struct reader *reader, const PgQuery__Node *node,
                                        struct ast_statement *statement);
