/* bind_internal.h: insides of the binder.
 *
 * Picture:  each query being bound has a scope; scopes point outwards:
 *
 *             scope (level 0) -> parent (level 1) -> parent (level 2) ...
 *               names: what FROM made visible so far, ctes: WITH entries, innermost first
 *
 * Invariants: expressions in `names` are at level 0 of their scope and are copied when used; a
 *             type TYPE_UNKNOWN is only carried by constants and by parameters.
 * Thread:   the session's.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/errors.h"
#include "sql/bind/bind.h"
#include "sql/parse/parse.h"

/* Sub-queries bound for one statement, each use of a WITH query counted; and how often one
 * expression may be repeated by BETWEEN and CASE inside each other. */
#define BIND_QUERIES_MAX 2000
#define BIND_COPIES_MAX 4096

enum clause {
    CLAUSE_TARGETS,
    CLAUSE_WHERE,
    CLAUSE_ON,
    CLAUSE_FROM,
    CLAUSE_GROUP_BY,
    CLAUSE_HAVING,
    CLAUSE_ORDER_BY,
    CLAUSE_LIMIT,
    CLAUSE_OFFSET,
    CLAUSE_VALUES,
    CLAUSE_SET,
    CLAUSE_RETURNING,
    CLAUSE_DEFAULT,
    CLAUSE_TABLE_EXPR,
    CLAUSE_AGGREGATE, /* inside an aggregate's arguments */
    CLAUSE_FILTER,
    CLAUSE_COUNT
};

struct visible_column {
    const char *name;
    struct expr *expr; /* at level 0; copied when used */
};

struct visible_table {
    const char *alias;
    const char *schema; /* of a table without an alias; else NULL */
    unsigned column_count;
    struct visible_column *columns;
};

/* What FROM makes visible. `columns` is what an unqualified name and `*` see: a column merged
 * by USING is there once. */
struct name_space {
    unsigned table_count, column_count;
    struct visible_table *tables;
    struct visible_column *columns;
};

struct scope;

struct with_entry {
    const struct ast_cte *cte;
    struct scope *scope; /* that WITH belongs to */
    struct with_entry *outer;
};

/* What PostgreSQL advises where a set-returning function cannot stand. */
#define SET_FUNCTION_HINT                                                                      \
    "You might be able to move the set-returning function into a LATERAL FROM item."

struct scope {
    struct scope *parent;
    struct query *query;
    const struct name_space *names; /* NULL: nothing */
    struct with_entry *with;
    enum clause clause;
    int set_function_position; /* of a set function in the targets; 0: none */
    bool has_set_function;
};

struct param_use { /* a $n whose type was not known when it was met */
    struct expr *expr;
    struct param_use *next;
};

struct binder {
    struct sql_context *cx;
    struct arena *arena;
    struct bind_params *params; /* NULL: none allowed */
    struct param_use *open_params;
    unsigned query_count, copies;
    unsigned effect_count; /* changes, locks, functions with effects */
    const char *effect;    /* the first: "nextval()", "SELECT FOR UPDATE" */
    bool no_positions;     /* the text is not the client's: a column's default */
};

/* ---- bind_type.c: types and conversions ---- */
MUST_CHECK enum status bind__fail_at(struct binder *b, int position, enum status status);
const char *bind__type_text(struct binder *b, enum type_id type);
struct expr *bind__new(struct binder *b, enum expr_kind kind, enum type_id type, int position);
/* The leftmost of an operator's place and its arguments': where PostgreSQL points. */
int bind__leftmost(int position, unsigned count, struct expr *const *args);
struct expr *bind__null(struct binder *b, enum type_id type);
struct expr *bind__bool(struct binder *b, bool value);
/* To `type`, if `context` allows; NULL in *expr_out when there is no such conversion. */
MUST_CHECK enum status bind__try_coerce(struct binder *b, struct expr *expr, enum type_id type,
                                        int32_t typmod, enum cast_context context,
                                        struct expr **expr_out);
/* As above, with 42846 at `position`. */
MUST_CHECK enum status bind__coerce(struct binder *b, struct expr *expr, enum type_id type,
                                    int32_t typmod, enum cast_context context, int position,
                                    struct expr **expr_out);
/* "argument of WHERE must be type boolean, not type integer". */
MUST_CHECK enum status bind__require(struct binder *b, struct expr *expr, enum type_id type,
                                     const char *what, struct expr **expr_out);
/* An unknown literal that nobody gave a type is text. */
MUST_CHECK enum status bind__resolve_unknown(struct binder *b, struct expr **expr);
/* Casts all to their common type. */
MUST_CHECK enum status bind__common(struct binder *b, unsigned count, struct expr **exprs,
                                    const char *what, int position, enum type_id *type_out);
/* The typmod that all have, else -1. */
int32_t bind__common_typmod(unsigned count, struct expr *const *exprs);
struct expr *bind__forget_typmod(struct binder *b, struct expr *expr);
/* Value for a column, 42804 with the column's name. */
MUST_CHECK enum status bind__assign(struct binder *b, struct expr *expr,
                                    const struct column_def *column, struct expr **expr_out);
MUST_CHECK enum status bind__type_name(struct binder *b, const struct ast_type_name *name,
                                       enum type_id *type_out, int32_t *typmod_out);

/* ---- bind_scope.c: names ---- */
MUST_CHECK enum status bind__column(struct binder *b, struct scope *scope,
                                    const struct ast_expr *ast, struct expr **expr_out);
/* Tables that `*` (no names) or `t.*` stands for. */
MUST_CHECK enum status bind__star(struct binder *b, struct scope *scope,
                                  const struct ast_expr *ast,
                                  const struct visible_column **columns_out,
                                  unsigned *count_out, unsigned *level_out);
/* With levels of level-0 columns raised. */
struct expr *bind__copy(struct binder *b, const struct expr *expr, unsigned level);
const struct visible_column *bind__find_visible(const struct name_space *names,
                                                const char *name, unsigned *count_out);
struct name_space *bind__join_names(struct binder *b, const struct name_space *left,
                                    const struct name_space *right);

/* ---- bind_expr.c, bind_func.c, bind_subquery.c ---- */
MUST_CHECK enum status bind__expr(struct binder *b, struct scope *scope,
                                  const struct ast_expr *ast, struct expr **expr_out);
/* And to boolean: `what` is "WHERE", "AND", ... */
MUST_CHECK enum status bind__condition(struct binder *b, struct scope *scope,
                                       const struct ast_expr *ast, const char *what,
                                       struct expr **expr_out);
/* An operator over bound operands; `left` NULL: prefix. */
MUST_CHECK enum status bind__operator(struct binder *b, const char *schema, const char *name,
                                      struct expr *left, struct expr *right, int position,
                                      struct expr **expr_out);
/* The function of operator `name` over two types; both casted to its arguments. */
MUST_CHECK enum status bind__operator_of(struct binder *b, const char *name, struct expr **left,
                                         struct expr **right, int position,
                                         const struct func **func_out);
MUST_CHECK enum status bind__function(struct binder *b, struct scope *scope,
                                      const struct ast_expr *ast, struct expr **expr_out);
/* As an item of FROM. */
MUST_CHECK enum status bind__range_function(struct binder *b, struct scope *scope,
                                            const struct ast_expr *ast, struct range *range);
MUST_CHECK enum status bind__value_function(struct binder *b, const struct ast_expr *ast,
                                            struct expr **expr_out);
MUST_CHECK enum status bind__sublink(struct binder *b, struct scope *scope,
                                     const struct ast_expr *ast, struct expr **expr_out);
MUST_CHECK enum status bind__array(struct binder *b, struct scope *scope,
                                   const struct ast_expr *ast, enum type_id element,
                                   struct expr **expr_out);
const char *bind__column_name(const struct ast_expr *ast); /* "?column?" if nothing better */
const char *bind__clause_name(enum clause clause);

/* ---- bind_from.c ---- */
MUST_CHECK enum status bind__from(struct binder *b, struct scope *scope,
                                  const struct ast_from_list *list);
/* Adds a range and returns its number; the array may move. */
unsigned bind__add_range(struct binder *b, struct query *query, const struct range *range);
struct from_item *bind__leaf(struct binder *b, unsigned range_no);
void bind__add_from(struct binder *b, struct query *query, struct from_item *item);
struct expr *bind__range_column(struct binder *b, const struct query *query, unsigned range_no,
                                unsigned column_no);
/* Everything a range shows, under `alias`. */
struct name_space *bind__range_names(struct binder *b, const struct query *query,
                                     unsigned range_no, const char *schema);
MUST_CHECK enum status bind__table(struct binder *b, const struct ast_relation *relation,
                                   const struct table_def **table_out);
MUST_CHECK enum status bind__table_range(struct binder *b, struct query *query,
                                         const struct ast_relation *relation,
                                         const struct table_def *table, unsigned *range_no_out);
MUST_CHECK enum status bind__push_with(struct binder *b, struct scope *scope,
                                       const struct ast_cte_list *list);

/* ---- bind_select.c ---- */
/* `keep_unknown`: literals without a type stay so (INSERT, UNION give them one). */
MUST_CHECK enum status bind__select(struct binder *b, struct scope *parent,
                                    struct with_entry *with, const struct ast_select *ast,
                                    bool keep_unknown, struct query **query_out);
MUST_CHECK enum status bind__targets(struct binder *b, struct scope *scope,
                                     const struct ast_target_list *list,
                                     struct target **targets_out, unsigned *count_out);
struct query *bind__new_query(struct binder *b, enum query_kind kind);
MUST_CHECK enum status bind__open_query(struct binder *b);
/* Is it sure that a target may be replaced by a cast of it? Not where it orders, groups or is
 * made distinct, nor of a set operation. */
bool bind__targets_are_free(const struct query *query);
/* A query around it: SELECT * FROM (query), to hang casts on. */
struct query *bind__wrap(struct binder *b, struct query *query);

/* ---- bind_order.c: GROUP BY, ORDER BY, DISTINCT, LIMIT ---- */
MUST_CHECK enum status bind__group_by(struct binder *b, struct scope *scope,
                                      const struct ast_select *ast);
MUST_CHECK enum status bind__order_by(struct binder *b, struct scope *scope,
                                      const struct ast_select *ast);
MUST_CHECK enum status bind__set_order_by(struct binder *b, const struct ast_select *ast,
                                          struct query *query);
MUST_CHECK enum status bind__limit(struct binder *b, struct scope *scope,
                                   const struct ast_select *ast);
/* 42803 for columns neither grouped nor aggregated. */
MUST_CHECK enum status bind__check_groups(struct binder *b, const struct query *query);

/* ---- bind_walk.c ---- */
/* Targets that are in the result. */
unsigned bind__visible_count(const struct query *query);
typedef void (*bind_visit_fn)(void *arg, struct expr *expr, unsigned depth);
void bind__walk(struct expr *expr, unsigned depth, bind_visit_fn visit, void *arg);
void bind__walk_query(struct query *query, unsigned depth, bind_visit_fn visit, void *arg);
bool bind__has_subquery(const struct expr *expr);

/* ---- bind_modify.c ---- */
MUST_CHECK enum status bind__insert(struct binder *b, const struct ast_insert *ast,
                                    struct query **query_out);
MUST_CHECK enum status bind__update(struct binder *b, const struct ast_update *ast,
                                    struct query **query_out);
MUST_CHECK enum status bind__delete(struct binder *b, const struct ast_delete *ast,
                                    struct query **query_out);
