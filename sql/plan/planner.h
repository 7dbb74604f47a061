/* planner.h: what the planner knows while it plans one query (this folder only).
 * Owns:   nothing beyond cx->arena; a planner lives on the stack of plan_query().
 * Thread: one.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/plan/plan_internal.h"

#define RANGE_NO_EXPR UINT32_MAX /* a slot that holds an expression: of an aggregate */

struct slot_ref {
    unsigned range_no, column_no;
    const struct expr *expr;
};

/* What the slots of a batch mean in the query. */
struct layout {
    unsigned count, capacity;
    struct slot_ref *slots;
};

/* A column outside of what is being planned, and the executor's parameter that brings it. */
struct outer_ref {
    unsigned level, range_no, column_no; /* level 0: of this query, the left side of a loop */
    enum type_id type;
    int32_t typmod;
    unsigned param_no;
};
struct outer_refs {
    unsigned count, capacity;
    struct outer_ref *refs;
};

struct conjunct {
    const struct expr *expr;
    uint64_t mask; /* ranges of this query that it reads */
    bool placed;
};
struct conjuncts {
    unsigned count, capacity;
    struct conjunct *list;
};

/* A part of FROM that is planned: its operator, and what its slots mean. */
struct rel {
    uint64_t mask;
    uint64_t depends; /* ranges that must be on the left of a loop around it */
    struct plan_node *node;
    struct layout layout;
    struct outer_refs loop; /* parameters that the loop sets */
    bool is_leaf;
    unsigned range_no;
    struct conjuncts own; /* leaf: conditions on it alone */
    bool ordered;         /* rows come in the order that ORDER BY wants */
};

struct planner {
    struct sql_context *cx;
    struct plan *plan;
    struct planner *parent;
    const struct query *query;
    struct outer_refs outer; /* columns of queries around this one */
    struct outer_refs *loop; /* while the inner side of a loop is compiled; NULL: none */
    bool **used;             /* [range][column] */
    bool *needs_row;         /* [range]: row id and stored row are wanted */
    bool wants_order;        /* a scan may serve ORDER BY */
};

/* ---- walk.c ---- */
typedef void (*expr_visit_fn)(void *arg, const struct expr *expr, unsigned depth);
/* Every expression below, subqueries too; `depth` counts the queries between. */
void expr__walk(const struct expr *expr, unsigned depth, expr_visit_fn visit, void *arg);
void query__walk(const struct query *query, unsigned depth, expr_visit_fn visit, void *arg);
uint64_t expr__mask(const struct expr *expr);    /* ranges at its own level */
uint64_t query__mask(const struct query *query); /* ranges of the query around it */
bool expr__is_volatile(const struct expr *expr);
void conjuncts__add(struct planner *pl, struct conjuncts *list, const struct expr *expr);

/* ---- scalar.c ---- */
MUST_CHECK enum status plan__scalar(struct planner *pl, const struct expr *expr,
                                    const struct layout *layout, struct px **px_out);
/* All of them, joined by AND; *px_out NULL for none. */
MUST_CHECK enum status plan__conjunction(struct planner *pl, const struct expr *const *exprs,
                                         unsigned count, const struct layout *layout,
                                         struct px **px_out);
struct px *plan__slot(struct planner *pl, unsigned slot, enum type_id type, int32_t typmod);
struct px *plan__and(struct planner *pl, struct px *a, struct px *b); /* either may be NULL */
void layout__add(struct planner *pl, struct layout *layout, struct slot_ref slot);
/* -1: not there. */
int layout__find(const struct layout *layout, unsigned range_no, unsigned column_no);
void outer_refs__add(struct planner *pl, struct outer_refs *refs, struct outer_ref ref);
/* What an inner query reads further out becomes what `pl` reads of the queries around it; what
 * it reads of `pl`'s own ranges goes to `beside`, if given. Parameters keep their numbers. */
void plan__inherit(struct planner *pl, const struct outer_refs *refs,
                   struct outer_refs *beside);
/* Turns parameters (levels 0 and 1) into assignments over `layout`. */
MUST_CHECK enum status plan__param_sets(struct planner *pl, const struct outer_refs *refs,
                                        const struct layout *layout, unsigned *count_out,
                                        struct param_set **sets_out);

/* ---- fold.c ---- */
/* Constants in, a constant out, where that cannot fail. */
void plan__fold(struct sql_context *cx, struct px *px);

/* ---- plan.c ---- */
struct plan_node *plan__node(struct planner *pl, enum plan_kind kind);
void plan__set_types(struct planner *pl, struct plan_node *node, unsigned count);
/* `query` inside `pl`'s; what it reads of outer queries is in child_out->outer. */
MUST_CHECK enum status plan__child(struct planner *pl, const struct query *query,
                                   struct planner *child_out, struct plan_node **node_out);
void plan__lock_table(struct planner *pl, struct object_id table, enum table_lock_mode mode);

/* ---- access.c ---- */
/* Scans of a table: the best of all, knowing that `outer_mask` is on the left of a loop. */
MUST_CHECK enum status plan__scan_table(struct planner *pl, unsigned range_no,
                                        const struct conjunct *conjuncts, unsigned count,
                                        uint64_t outer_mask, bool *index_used_out, bool *taken,
                                        struct rel *rel_out);
MUST_CHECK enum status plan__leaf(struct planner *pl, unsigned range_no,
                                  const struct conjuncts *conjuncts, struct rel *rel_out);
double plan__selectivity(const struct expr *expr);

/* ---- join.c ---- */
MUST_CHECK enum status plan__from(struct planner *pl, struct rel *rel_out);

/* ---- modify.c ---- */
MUST_CHECK enum status plan__modify(struct planner *pl, struct plan_node **node_out);
MUST_CHECK enum status plan__row_slots(struct planner *pl, unsigned range_no,
                                       const struct layout *layout,
                                       struct row_slots *slots_out);
