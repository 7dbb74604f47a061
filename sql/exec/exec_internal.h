/* exec_internal.h: operators being run, scalars over batches, rows kept in memory (sql/exec
 * only).
 *
 * Picture:  execution -- node (one a plan_node) -- scratch (memory of the batch it gave last)
 *           \- subplan_state (a query inside a scalar: nodes of its own)
 * Promises: a node gives batches of at least one row, NULL at the end; a batch lies in the
 *           node's scratch or is borrowed from below, and holds until the node's next call.
 * Thread:   the session's.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/exec/exec.h"
#include "sql/func/value_text.h"
#include "sql/plan/plan_internal.h"

#define ROWS_UNBOUNDED UINT64_MAX

/* An arena that is emptied for each batch and keeps its memory. */
struct scratch {
    struct arena arena;
    struct arena_mark mark;
    bool has_mark;
};
void scratch__reset(struct scratch *scratch);
void scratch__deinit(struct scratch *scratch);

struct node;

struct node_ops {
    size_t size; /* of the operator's struct, which begins with a node */
    MUST_CHECK enum status (*open)(struct node *node); /* once; NULL: nothing to do */
    void (*restart)(struct node *node); /* from the first row again; children too */
    MUST_CHECK enum status (*next)(struct node *node, struct batch **batch_out);
    void (*stop)(struct node *node);  /* gives pins and scans back; NULL: has none */
    void (*close)(struct node *node); /* frees what it allocated; NULL: nothing */
};

struct node {
    const struct node_ops *ops;
    const struct plan_node *plan;
    struct execution *ex;
    struct node *left, *right;
    struct node *older; /* all nodes of the execution */
    struct scratch scratch;
    struct batch out;
    uint64_t bound; /* nobody will ask for more rows; ROWS_UNBOUNDED */
};

struct subplan_state;

struct execution {
    struct sql_context *cx;
    const struct plan *plan;
    struct arena arena;     /* of the operators */
    struct arena run_arena; /* what functions keep until the run ends */
    struct value *params;   /* set by loops and subqueries */
    void **func_states;
    struct subplan_state **subplans;
    struct node *root, *newest;
    bool done;
    uint64_t changed;
    uint64_t run_no;      /* what was kept from an older run is void */
    uint64_t memory_used; /* by rows kept, of all operators */
};

/* ---- exec.c ---- */
MUST_CHECK enum status exec__open_node(struct execution *ex, const struct plan_node *plan,
                                       struct node **node_out);
static inline void
exec__restart(struct node *node)
{
    node->bound = ROWS_UNBOUNDED;
    node->ops->restart(node);
}
static inline enum status
exec__next(struct node *node, struct batch **batch_out)
{
    *batch_out = NULL;
    return node->ops->next(node, batch_out);
}
/* Nobody will read more than `rows`: sorts keep no more, locks take no more. */
void exec__set_bound(struct node *node, uint64_t rows);
const struct node_ops *exec__ops_of(enum plan_kind kind);
/* An execution of a scalar's subqueries and functions only. */
struct execution *execution__make(struct sql_context *cx, const struct plan *plan);

/* ---- vectors.c ---- */
void vector__gather(struct vector *out, const struct vector *from, const uint16_t *rows,
                    unsigned count, struct arena *arena);
/* Row i of `from` becomes row rows[i] of `to`, which has room for `capacity` rows. */
void vector__scatter(struct vector *to, const struct vector *from, const uint16_t *rows,
                     unsigned count, unsigned capacity, struct arena *arena);
void vector__set_any(struct vector *vector, unsigned row, const struct value *value,
                     unsigned capacity, struct arena *arena); /* NULLs, constants too */
struct value value__copy(enum type_id type, const struct value *value, struct arena *arena);
/* A constant that borrows `value`. */
struct vector vector__borrow(enum type_id type, struct value *value);
/* All columns of `in` at `rows`; those not in `slots` stay empty. slots NULL: all. */
void batch__gather(struct batch *out, const struct batch *in, const uint16_t *rows,
                   unsigned count, const uint16_t *slots, unsigned slot_count,
                   struct arena *arena);
/* Integers of any width as int8. */
void vector__widen(struct vector *vector, unsigned count, struct arena *arena);
void vector__hash_all(const struct vector *vectors, unsigned column_count, unsigned row_count,
                      uint64_t *hashes_out);

/* ---- eval.c, eval_logic.c, eval_list.c, subplan.c ---- */
MUST_CHECK enum status px__eval(struct execution *ex, const struct px *px,
                                const struct batch *in, struct arena *arena,
                                struct vector *out);
/* Only for the rows listed: result row i is of row rows[i]. */
MUST_CHECK enum status px__eval_rows(struct execution *ex, const struct px *px,
                                     const struct batch *in, const uint16_t *rows,
                                     unsigned count, struct arena *arena, struct vector *out);
/* The rows for which it is true. */
MUST_CHECK enum status px__select(struct execution *ex, const struct px *px,
                                  const struct batch *in, struct arena *arena,
                                  uint16_t *rows_out, unsigned *count_out);
/* One that reads no slot. */
MUST_CHECK enum status px__value(struct execution *ex, const struct px *px, struct arena *arena,
                                 struct value *value_out);
MUST_CHECK enum status px__call(struct execution *ex, const struct px *px,
                                const struct func *func, enum type_id type,
                                const struct vector *args, unsigned arg_count, unsigned count,
                                struct arena *arena, struct vector *out);
MUST_CHECK enum status px__eval_logic(struct execution *ex, const struct px *px,
                                      const struct batch *in, struct arena *arena,
                                      struct vector *out);
MUST_CHECK enum status px__eval_list(struct execution *ex, const struct px *px,
                                     const struct batch *in, struct arena *arena,
                                     struct vector *out);
MUST_CHECK enum status px__eval_subplan(struct execution *ex, const struct px *px,
                                        const struct batch *in, struct arena *arena,
                                        struct vector *out);
void subplan__forget(struct subplan_state *state); /* results of an older run */
void subplan__close(struct subplan_state *state);
/* Elements of an array's text form as values of `type`, in `arena`. */
MUST_CHECK enum status array__values(struct execution *ex, enum type_id type, struct slice text,
                                     struct arena *arena, struct value **values_out,
                                     unsigned *count_out);

/* ---- rows.c: rows kept in memory, by column ---- */
struct row_hash;
struct rows_column {
    enum type_id type;
    unsigned size;
    bool is_bytes;
    uint8_t *data;
    bool *nulls; /* NULL: none so far */
};
struct rows {
    struct execution *ex;
    unsigned column_count;
    struct rows_column *columns;
    uint32_t count, capacity;
    struct arena bytes;
    const struct row_hash *hash; /* over them, counted with them; NULL: none */
    size_t accounted;
};
void rows__init(struct rows *rows, struct execution *ex, const enum type_id *types,
                unsigned column_count);
void rows__reset(struct rows *rows);
void rows__deinit(struct rows *rows);
/* LIMIT (53200) above the query's memory. */
MUST_CHECK enum status rows__append(struct rows *rows, const struct vector *vectors,
                                    unsigned count);
MUST_CHECK enum status rows__append_row(struct rows *rows, const struct vector *vectors,
                                        unsigned row);
/* Row numbers to vectors; ROW_NONE: NULLs. */
#define ROW_NONE UINT32_MAX
void rows__gather(const struct rows *rows, unsigned column, const uint32_t *numbers,
                  unsigned count, struct vector *out, struct arena *arena);
/* Borrows rows first .. first + count. */
void rows__window(const struct rows *rows, unsigned column, uint32_t first, struct vector *out);
/* NULL equals NULL. */
bool rows__equal(const struct rows *rows, uint32_t number, unsigned first_column,
                 const struct vector *vectors, unsigned vector_count, unsigned row);
int rows__compare_column(const struct rows *rows, unsigned column, uint32_t a, uint32_t b);

/* From hash to row numbers. */
struct row_hash {
    uint32_t *heads, *next;
    uint64_t *hashes;
    uint32_t head_count, count, capacity;
};
void row_hash__reset(struct row_hash *hash);
void row_hash__deinit(struct row_hash *hash);
void row_hash__add(struct row_hash *hash, uint64_t value); /* row number = count so far */
static inline uint32_t
row_hash__first(const struct row_hash *hash, uint64_t value)
{
    return hash->head_count == 0 ? ROW_NONE : hash->heads[value & (hash->head_count - 1)];
}
/* Finds the row or adds it; *added_out tells. */
MUST_CHECK enum status row_set__find_or_add(struct rows *rows, struct row_hash *hash,
                                            const struct vector *vectors, unsigned column_count,
                                            unsigned row, uint64_t value, uint32_t *number_out,
                                            bool *added_out);
bool row_set__contains(const struct rows *rows, const struct row_hash *hash,
                       const struct vector *vectors, unsigned column_count, unsigned row,
                       uint64_t value);

/* ---- write.c: rows to tuples, and what a refusal says ---- */
struct row_writer {
    const struct table_def *table;
    struct column_value *values; /* by column_no */
    struct buf tuple;
};
void row_writer__init(struct row_writer *writer, const struct table_def *table,
                      struct arena *arena);
void row_writer__deinit(struct row_writer *writer);
void row_writer__set(struct row_writer *writer, unsigned column_no, const struct vector *vector,
                     unsigned row);
void row_writer__set_value(struct row_writer *writer, unsigned column_no,
                           const struct value *value);
/* All columns from a stored row; those it does not hold are NULL. */
void row_writer__load(struct row_writer *writer, struct slice tuple);
/* NOT NULL is checked (23502). */
MUST_CHECK enum status row_writer__encode(struct row_writer *writer, struct sql_context *cx,
                                          struct slice *tuple_out);
/* After table_insert() or table_update() refused: 23505 as PostgreSQL words it. */
enum status row_writer__refused(const struct row_writer *writer, struct sql_context *cx,
                                const struct change_result *result, enum status status);

/* ---- newer.c: a row that another transaction changed first ---- */
/* Row `row` of `in` with the newest version of one range in it, as a batch of one row. */
void row__newer(const struct batch *in, unsigned row, const struct row_slots *slots,
                struct slice newest, struct arena *arena, struct batch *out);

extern const struct node_ops exec__result_ops, exec__filter_ops, exec__project_ops,
    exec__limit_ops, exec__values_ops, exec__function_ops, exec__view_scan_ops,
    exec__seq_scan_ops, exec__index_scan_ops, exec__nest_loop_ops, exec__hash_join_ops,
    exec__aggregate_ops, exec__sort_ops, exec__distinct_ops, exec__set_operation_ops,
    exec__lock_rows_ops, exec__insert_ops, exec__update_ops, exec__delete_ops;
