/* plan_internal.h: the operators of a plan and their scalars: what sql/plan makes and sql/exec
 * runs.
 *
 * Picture:  a node gives batches; its columns are numbered slots. A scalar (`px`) names slots
 *           of the batch it is evaluated over, $n of the client, or a parameter of the
 *           executor: a value of an outer row, set before an inner plan is run again.
 * Owns:     everything lies in one arena, immutable once plan_query() is done.
 * Thread:   read by any.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/errors.h"
#include "sql/plan/plan.h"

#define RANGES_MAX 64 /* in one FROM: sets of ranges are words */

/* Slots of a table scan that are no columns. */
#define COLUMN_NO_ROW_ID 0xfffffff0U /* int8 */
#define COLUMN_NO_TUPLE 0xfffffff1U  /* bytea: the stored row */

struct plan_node;

/* A scalar. Kinds are expr_kind's with these readings: EXPR_COLUMN is a slot; EXPR_PARAM is
 * $no+1, or the executor's parameter `no`. Aggregates are slots by now. */
struct px {
    enum expr_kind kind;
    enum type_id type;
    int32_t typmod;
    int position;
    enum physical physical;
    bool is_safe;     /* cannot fail and is cheap: may be evaluated on rows nobody asks for */
    bool is_volatile; /* two rows may differ though the arguments do not */
    bool of_executor; /* EXPR_PARAM */
    bool cast_explicit, negated;
    unsigned no;       /* slot or parameter, from 0 */
    unsigned state_no; /* of functions: their memory between batches */
    struct value constant;
    const struct func *func;
    struct cast cast;
    struct subplan *subplan;
    unsigned arg_count;
    struct px **args;
    unsigned slot_count; /* slots that it reads, each once */
    uint16_t *slots;
};

/* An executor's parameter and what it is set to, over the outer row. */
struct param_set {
    unsigned param_no;
    struct px *px;
};

/* A query inside a scalar. */
struct subplan {
    unsigned no; /* of its state in an execution */
    struct plan_node *root;
    unsigned set_count;
    struct param_set *sets;
    bool is_constant; /* reads no outer row: runs once */
};

enum plan_kind {
    PLAN_RESULT, /* one row without columns */
    PLAN_SEQ_SCAN,
    PLAN_INDEX_SCAN,
    PLAN_VIEW_SCAN,
    PLAN_FUNCTION_SCAN,
    PLAN_VALUES_SCAN,
    PLAN_FILTER,
    PLAN_PROJECT,
    PLAN_NEST_LOOP,
    PLAN_HASH_JOIN,
    PLAN_AGGREGATE,
    PLAN_SORT,
    PLAN_LIMIT,
    PLAN_DISTINCT,
    PLAN_SET_OPERATION,
    PLAN_LOCK_ROWS,
    PLAN_INSERT,
    PLAN_UPDATE,
    PLAN_DELETE,
};

struct scan_column {
    unsigned column_no; /* or COLUMN_NO_* */
    enum type_id type;
};

/* The bounds of an index scan: equality on the first columns, then a range of the next one. */
struct index_bounds {
    unsigned equal_count;
    struct px *equal[INDEX_COLUMNS_MAX];
    struct px *low, *high; /* of column `equal_count`; NULL: none */
    bool low_inclusive, high_inclusive;
    struct px *any; /* equal[0] is one of a list (EXPR_IN_LIST, EXPR_ANY_ARRAY); else NULL */
    bool backward;
    bool is_single; /* all columns of a unique index: at most one row */
};

struct plan_aggregate {
    const struct aggregate *aggregate;
    enum type_id type;
    unsigned arg_count;
    struct px *args[2];
    struct px *filter;
    bool distinct;
    unsigned state_offset; /* in a group's states */
    unsigned state_no;
};

struct plan_sort_key {
    struct px *px;
    bool descending, nulls_first;
};

/* A row of a table range among the slots: for locking and for the newest version of a row. */
struct row_slots {
    const struct table_def *table;
    unsigned row_slot, tuple_slot;
    unsigned column_count; /* its columns among the slots */
    struct {
        unsigned slot, column_no;
    } * columns;
};

struct plan_node {
    enum plan_kind kind;
    unsigned no; /* in the plan, from 0 */
    double rows, cost;
    unsigned column_count;
    enum type_id *types;
    struct plan_node *left, *right; /* outer and inner; the only input is `left` */
    struct px *filter; /* on the rows given out; of an UPDATE: on a newer version */
    union {
        struct { /* scans */
            const struct table_def *table;
            const char *alias;
            const struct index_def *index;
            struct index_bounds *bounds;
            struct scan_column *columns; /* column_count */
        } scan;
        struct {
            const struct set_func *function;
            struct px *scalar;
            unsigned arg_count;
            struct px **args;
            bool with_ordinality;
            const char *alias;
        } function;
        struct {
            unsigned row_count;
            struct px ***rows;
        } values;
        struct {
            struct px **targets; /* column_count */
        } project;
        struct { /* NEST_LOOP, HASH_JOIN: columns are left's, then right's */
            enum join_kind kind;
            unsigned set_count;
            struct param_set *sets; /* over left's row, before right is run again */
            bool depends;           /* right depends on parameters: no keeping of its rows */
            struct px *on;          /* what the keys do not say */
            unsigned key_count;
            struct px **left_keys, **right_keys;
        } join;
        struct {
            unsigned group_count;
            struct px **groups;
            unsigned aggregate_count;
            struct plan_aggregate *aggregates;
            unsigned states_size;
        } aggregate;
        struct {
            unsigned key_count;
            struct plan_sort_key *keys;
        } sort;
        struct {
            struct px *limit, *offset;
        } limit;
        struct {
            enum set_operation operation;
        } set;
        struct {
            enum row_lock_mode mode;
            enum lock_wait wait;
            unsigned range_count;
            struct row_slots *ranges;
        } lock;
        struct {
            const struct table_def *table;
            struct row_slots slots;
            unsigned value_count; /* UPDATE: assigned columns; INSERT: all columns */
            unsigned *column_nos;
            struct px **values;     /* over the input; NULL: NULL */
            struct px **returning;  /* column_count; over the input and, INSERT: the new row */
            int *new_value_of_slot; /* UPDATE RETURNING: index into values, or -1 */
        } modify;
    };
};

struct plan_lock {
    struct object_id table;
    enum table_lock_mode mode;
};

struct plan {
    struct plan_node *root;
    unsigned node_count, param_count, state_count, subplan_count;
    unsigned lock_count;
    struct plan_lock *locks;
    bool changes; /* INSERT, UPDATE, DELETE */
};

/* A scalar without a plan around it; `plan` counts its states and subqueries. */
struct px_scope {
    struct plan *plan;
    struct px *px;
};
MUST_CHECK enum status plan_scalar(struct sql_context *cx, const struct expr *expr,
                                   struct px_scope *scope_out);
/* Integers of different widths compare as int8. */
bool type__is_integer(enum type_id type);
