/* tree.h: a statement with all names and types resolved: the binder's result, the planner's
 * input.
 *
 * Owns:   all nodes lie in one arena, immutable after binding; a prepared statement keeps it.
 *         Table definitions are borrowed from the catalog while catalog_version() stands.
 * Thread: read by any.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/catalog/catalog.h"
#include "sql/func/func.h"

enum expr_kind {
    EXPR_CONST,
    EXPR_PARAM,  /* $n */
    EXPR_COLUMN, /* of a range of this query or, level > 0, of an outer one */
    EXPR_FUNC,   /* functions and operators */
    EXPR_AGGREGATE,
    EXPR_AND, /* args */
    EXPR_OR,
    EXPR_NOT,
    EXPR_IS_NULL, /* args[0] */
    EXPR_IS_NOT_NULL,
    EXPR_IS_TRUE, /* test: IS [NOT] TRUE/FALSE/UNKNOWN */
    EXPR_IS_NOT_TRUE,
    EXPR_IS_FALSE,
    EXPR_IS_NOT_FALSE,
    EXPR_DISTINCT, /* args[0] IS DISTINCT FROM args[1]; `func` is the "=" of their type */
    EXPR_CASE,     /* args: when1, then1, when2, then2 ..., else last (always there) */
    EXPR_COALESCE,
    EXPR_NULLIF, /* `func` is the "=" */
    EXPR_GREATEST,
    EXPR_LEAST,
    EXPR_CAST,      /* args[0] to `type` by `cast` */
    EXPR_IN_LIST,   /* args[0] IN (args[1] ...); all of one type; `func` is the "=" ; negated */
    EXPR_ANY_ARRAY, /* args[0] = ANY (args[1], an array): `func` the operator; `negated`: ALL */
    EXPR_SUBQUERY,  /* scalar */
    EXPR_EXISTS,
    EXPR_IN_SUBQUERY,    /* args[0] IN (subquery's only column); `func` is the "="; negated */
    EXPR_ARRAY_SUBQUERY, /* ARRAY(SELECT ..) */
    EXPR_ARRAY,          /* ARRAY[..] */
};

struct query;

struct expr {
    enum expr_kind kind;
    enum type_id type;
    int32_t typmod;
    int position; /* in the text, 1-based; 0: none */
    union {
        struct value constant;
        unsigned param_no; /* from 1 */
        struct {
            unsigned level, range_no, column_no; /* column_no from 0 */
        } column;
        struct {
            const struct func *func;
            const struct aggregate *aggregate;
            struct cast cast;
            bool cast_explicit;
            bool distinct; /* aggregate: count(DISTINCT x) */
            bool negated;
            struct expr *filter; /* aggregate: FILTER (WHERE ..); NULL: none */
            struct query *subquery;
        } op;
    };
    unsigned arg_count;
    struct expr **args;
};

/* Something with columns in FROM. */
enum range_kind { RANGE_TABLE, RANGE_SUBQUERY, RANGE_FUNCTION, RANGE_VALUES };

struct range_column {
    const char *name;
    enum type_id type;
    int32_t typmod;
};

struct range {
    enum range_kind kind;
    const char *alias;
    unsigned column_count;
    struct range_column *columns;  /* for a table: all its attributes in order, dropped too */
    const struct table_def *table; /* TABLE */
    struct query *subquery;        /* SUBQUERY; `lateral` may see earlier ranges (level 1) */
    bool lateral;
    const struct set_func *function; /* FUNCTION that returns a set */
    struct expr *scalar;             /* FUNCTION that returns one value: one row */
    struct expr **args;
    unsigned arg_count;
    bool with_ordinality;
    struct expr ***rows; /* VALUES: row_count rows of column_count */
    unsigned row_count;
};

enum join_kind { JOIN_INNER, JOIN_LEFT, JOIN_RIGHT, JOIN_FULL, JOIN_CROSS };

/* FROM as a tree; leaves are ranges. */
struct from_item {
    bool is_join;
    unsigned range_no; /* leaf */
    enum join_kind join;
    struct from_item *left, *right;
    struct expr *on; /* NULL for CROSS */
};

struct target {
    struct expr *expr;
    const char *name;
    bool junk;         /* only for ORDER BY or GROUP BY: not in the result */
    uint32_t table_id; /* of a plain column, for RowDescription; 0 */
    uint16_t attribute_no;
};

struct sort_key {
    unsigned target_no; /* index into targets */
    bool descending, nulls_first;
};

enum query_kind { QUERY_SELECT, QUERY_INSERT, QUERY_UPDATE, QUERY_DELETE, QUERY_VALUES };
enum set_operation { SET_NONE, SET_UNION, SET_UNION_ALL, SET_INTERSECT, SET_EXCEPT };

struct assignment {     /* UPDATE SET, one a changed column */
    unsigned column_no; /* from 0 */
    struct expr *expr;
};

struct query {
    enum query_kind kind;
    unsigned range_count;
    struct range *ranges;
    unsigned from_count; /* comma list: cross joined */
    struct from_item **from;
    struct expr *where;
    unsigned target_count;
    struct target *targets;
    bool has_aggregates;
    unsigned group_count;
    unsigned *group_targets; /* indexes into targets */
    struct expr *having;
    bool distinct;
    unsigned sort_count;
    struct sort_key *sort_keys;
    struct expr *limit, *offset; /* int8; NULL: none */
    /* SELECT .. FOR UPDATE: 0 = none */
    enum row_lock_mode lock_mode;
    enum lock_wait lock_wait;
    /* set operation of two queries with the same column types; ORDER BY and LIMIT are ours. Its
     * targets only tell names and types (their expressions are NULL constants). The two queries
     * are one level further in than this one. */
    enum set_operation set_operation;
    struct query *left, *right;
    /* INSERT, UPDATE, DELETE: range 0 is the table changed */
    const struct table_def *table;
    struct query *source; /* INSERT: one target for each column of the table that gets a
                             value, in `insert_columns` order */
    unsigned insert_column_count;
    unsigned *insert_columns; /* column_no from 0 */
    struct expr **defaults;   /* INSERT: by column_no; NULL = NULL */
    unsigned assignment_count;
    struct assignment *assignments;
    unsigned returning_count;
    struct target *returning; /* over range 0 (new row; DELETE: old row) and FROM */
    bool reads_only;    /* no change, no lock, no function with effects: may run on a replica */
    const char *effect; /* of a SELECT that is not: "nextval()", "SELECT FOR UPDATE" */
};

/* Do they mean the same, for one row? Sub-queries only if they are one and the same. */
bool expr_equal(const struct expr *a, const struct expr *b);
