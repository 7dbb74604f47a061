/* func.h: functions, operators, casts and aggregates: one table, found by name and types.
 *
 * Promises: names, argument types, strictness and results are PostgreSQL 15's; a name that is
 *           not here is 42883. Functions work on vectors: one call a batch.
 * Thread:   constant tables; a call's state is its caller's.
 * See:      functions.def, operators.def, casts.def, aggregates.def.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/rng.h"
#include "sql/types/vector.h"

#define FUNC_ARGS_MAX 8

struct sql_context; /* sql/context.h: session, transaction, settings, clock */

struct func_call {
    struct sql_context *cx;
    struct arena *arena; /* of the batch: results that need memory */
    struct diag *diag;
    enum type_id result_type;
    int32_t typmod; /* of a cast's target, else -1 */
    void *state;    /* the node's memory between batches (a compiled pattern); starts NULL */
    struct arena *state_arena; /* of the statement: lives as long as `state` */
};

/* Fills `result` (initialised to `count` rows; if the function is strict, rows with a NULL
 * argument are marked NULL already and are to be skipped). */
typedef enum status (*func_fn)(struct func_call *call, const struct vector *args,
                               unsigned count, struct vector *result);

enum volatility { VOLATILITY_IMMUTABLE, VOLATILITY_STABLE, VOLATILITY_VOLATILE };

struct func {
    uint32_t oid; /* PostgreSQL's where it has one */
    const char *name;
    enum type_id result;
    unsigned arg_count;
    enum type_id args[FUNC_ARGS_MAX];
    bool strict, variadic; /* variadic: the last type repeats */
    enum volatility volatility;
    bool has_effects; /* nextval, setval: the statement writes and must run on the primary */
    func_fn run;      /* NULL for a set-returning one */
};

/* A function in FROM: generate_series. Rows come in batches. */
struct set_func_call {
    struct func_call call;
    const struct value *args;
    void *state;
};
struct set_func {
    struct func func;
    /* Up to BATCH_ROWS_MAX rows into `result`; *count_out 0 at the end. */
    enum status (*next)(struct set_func_call *call, struct vector *result, unsigned *count_out);
};

struct aggregate {
    uint32_t oid;
    const char *name;
    enum type_id result;
    unsigned arg_count;
    enum type_id args[2];
    bool counts_nulls; /* count(*) only: rows with a NULL argument are fed, too */
    size_t state_size; /* zeroed before init */
    void (*init)(void *state);
    /* `states[i]` is the group of row i. Rows with NULL arguments are skipped by it unless
     * counts_nulls. Memory that a state keeps comes from call->state_arena. */
    enum status (*update)(struct func_call *call, void **states, const struct vector *args,
                          unsigned count);
    enum status (*finish)(struct func_call *call, const void *state, struct value *value_out);
};

enum cast_context { CAST_IMPLICIT, CAST_ASSIGNMENT, CAST_EXPLICIT };

/* How to turn one type into another. */
enum cast_method {
    CAST_NONE,    /* there is no such cast (42846) */
    CAST_RELABEL, /* same bytes */
    CAST_FUNC,
    CAST_TEXT, /* through the text form: value_to_text, value_from_text */
};
struct cast {
    enum cast_method method;
    const struct func *func;
};
struct cast cast_find(enum type_id from, enum type_id to, enum cast_context context);

enum func_kind { FUNC_KIND_PLAIN, FUNC_KIND_OPERATOR, FUNC_KIND_AGGREGATE, FUNC_KIND_SET };

struct func_match {
    enum func_kind kind;
    const struct func *func;           /* PLAIN, OPERATOR */
    const struct set_func *set_func;   /* SET */
    const struct aggregate *aggregate; /* AGGREGATE */
    enum type_id
        arg_types[FUNC_ARGS_MAX]; /* the caller casts its arguments to these, implicitly */
    enum type_id result;
};

/* PostgreSQL's rules (exact, then fewest conversions, preferred types, unknown literals as the
 * other side's type). 42883 none, 42725 ambiguous. `name` of an operator: "+", "~~", "||"; a
 * prefix operator has one argument. */
MUST_CHECK enum status operator_resolve(const char *name, const enum type_id *args,
                                        unsigned arg_count, struct func_match *match_out,
                                        struct diag *diag);
/* Plain functions, aggregates and set functions; count(*) is "count" with no argument. */
MUST_CHECK enum status func_resolve(const char *name, const enum type_id *args,
                                    unsigned arg_count, struct func_match *match_out,
                                    struct diag *diag);
/* The common type of CASE, COALESCE, VALUES, UNION, IN; `what` for the message ("CASE types").
 */
MUST_CHECK enum status type_common(const enum type_id *types, unsigned count, const char *what,
                                   enum type_id *type_out, struct diag *diag);
/* The comparison function of "=" or "<" for sorting, hashing and index look-ups; NULL: none. */
const struct func *operator_func(const char *name, enum type_id left, enum type_id right);

/* One operator: a func with the name that people write. */
struct operator_entry {
    uint32_t oid;
    const char *name;
    struct func func;
};
/* One cast between two types. */
struct cast_entry {
    enum type_id from, to;
    enum cast_context context;
    enum cast_method method;
    struct func func; /* of CAST_FUNC */
};
/* All of them, for pg_proc and friends. */
const struct func *func_table(unsigned *count_out);
const struct aggregate *aggregate_table(unsigned *count_out);
const struct operator_entry *operator_table(unsigned *count_out);
const struct cast_entry *cast_table(unsigned *count_out);
/* The operator ("=", "<", "<=", ">", ">=") that a function computes, else NULL: for the
 * planner. */
const char *func_operator_name(const struct func *func);
/* The sign of the operator that a function is ("+", "||"), else NULL. */
const char *func_operator_sign(const struct func *func);
