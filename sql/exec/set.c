/* set.c: DISTINCT, and UNION ALL, INTERSECT, EXCEPT. Rows are the same where NULLs are, too.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/exec/exec_internal.h"

/* Rows seen so far. */
struct seen {
    struct rows rows;
    struct row_hash hash;
};

static void
forget(struct seen *seen)
{
    rows__reset(&seen->rows);
    row_hash__reset(&seen->hash);
}

static void
free_seen(struct seen *seen)
{
    rows__deinit(&seen->rows);
    row_hash__deinit(&seen->hash);
}

struct distinct_node {
    struct node node;
    struct seen seen;
};

static enum status
distinct_open(struct node *node)
{
    struct distinct_node *distinct = (struct distinct_node *)node;
    rows__init(&distinct->seen.rows, node->ex, node->plan->types, node->plan->column_count);
    return STATUS_OK;
}

static void
distinct_restart(struct node *node)
{
    exec__restart(node->left);
    forget(&((struct distinct_node *)node)->seen);
}

static void
distinct_close(struct node *node)
{
    free_seen(&((struct distinct_node *)node)->seen);
}

/* Numbers of the rows that are new, and (wanted != NULL) in `wanted`, or not in it. */
static enum status
select_new(struct node *node, struct seen *seen, const struct seen *other, bool must_be_in,
           const struct batch *in, uint16_t *rows, unsigned *count_out)
{
    uint64_t hashes[BATCH_ROWS_MAX];
    unsigned columns = node->plan->column_count, count = 0;
    vector__hash_all(in->columns, columns, in->row_count, hashes);
    for (unsigned i = 0; i < in->row_count; i++) {
        uint32_t number;
        bool added;
        if (other != NULL && row_set__contains(&other->rows, &other->hash, in->columns, columns,
                                               i, hashes[i]) != must_be_in) {
            continue;
        }
        TRY(row_set__find_or_add(&seen->rows, &seen->hash, in->columns, columns, i, hashes[i],
                                 &number, &added));
        if (added) {
            rows[count++] = (uint16_t)i;
        }
    }
    *count_out = count;
    return STATUS_OK;
}

static enum status
give_new(struct node *node, struct seen *seen, const struct seen *other, bool must_be_in,
         struct batch **batch_out)
{
    for (;;) {
        struct batch *in;
        uint16_t rows[BATCH_ROWS_MAX];
        unsigned count;
        TRY(exec__next(node->left, &in));
        if (in == NULL) {
            return STATUS_OK;
        }
        TRY(txn_check(node->ex->cx->txn, node->ex->cx->diag));
        TRY(select_new(node, seen, other, must_be_in, in, rows, &count));
        if (count == in->row_count) {
            *batch_out = in;
            return STATUS_OK;
        }
        if (count > 0) {
            scratch__reset(&node->scratch);
            batch__gather(&node->out, in, rows, count, NULL, 0, &node->scratch.arena);
            *batch_out = &node->out;
            return STATUS_OK;
        }
    }
}

static enum status
distinct_next(struct node *node, struct batch **batch_out)
{
    return give_new(node, &((struct distinct_node *)node)->seen, NULL, false, batch_out);
}

const struct node_ops exec__distinct_ops = {.size = sizeof(struct distinct_node),
                                            .open = distinct_open,
                                            .restart = distinct_restart,
                                            .next = distinct_next,
                                            .close = distinct_close};

/* ---- two inputs ---- */

struct set_node {
    struct node node;
    bool on_right;   /* UNION ALL */
    bool right_kept; /* INTERSECT, EXCEPT */
    struct seen left, right;
};

static enum status
set_open(struct node *node)
{
    struct set_node *set = (struct set_node *)node;
    rows__init(&set->left.rows, node->ex, node->plan->types, node->plan->column_count);
    rows__init(&set->right.rows, node->ex, node->plan->types, node->plan->column_count);
    return STATUS_OK;
}

static void
set_restart(struct node *node)
{
    struct set_node *set = (struct set_node *)node;
    exec__restart(node->left);
    exec__restart(node->right);
    set->on_right = set->right_kept = false;
    forget(&set->left);
    forget(&set->right);
}

static void
set_close(struct node *node)
{
    struct set_node *set = (struct set_node *)node;
    free_seen(&set->left);
    free_seen(&set->right);
}

static enum status
next_of_all(struct set_node *set, struct batch **batch_out)
{
    struct node *node = &set->node;
    if (!set->on_right) {
        TRY(exec__next(node->left, batch_out));
        set->on_right = *batch_out == NULL;
    }
    return set->on_right ? exec__next(node->right, batch_out) : STATUS_OK;
}

static enum status
keep_right(struct set_node *set)
{
    for (;;) {
        struct batch *in;
        uint16_t rows[BATCH_ROWS_MAX];
        unsigned count;
        TRY(exec__next(set->node.right, &in));
        if (in == NULL) {
            set->right_kept = true;
            return STATUS_OK;
        }
        TRY(select_new(&set->node, &set->right, NULL, false, in, rows, &count));
    }
}

static enum status
set_next(struct node *node, struct batch **batch_out)
{
    struct set_node *set = (struct set_node *)node;
    if (node->plan->set.operation == SET_UNION_ALL) {
        return next_of_all(set, batch_out);
    }
    if (!set->right_kept) {
        TRY(keep_right(set));
    }
    return give_new(node, &set->left, &set->right, node->plan->set.operation == SET_INTERSECT,
                    batch_out);
}

const struct node_ops exec__set_operation_ops = {.size = sizeof(struct set_node),
                                                 .open = set_open,
                                                 .restart = set_restart,
                                                 .next = set_next,
                                                 .close = set_close};
