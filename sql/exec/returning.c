/* returning.c: see returning.h. SPDX-License-Identifier: Apache-2.0 */
#include "sql/exec/returning.h"

void
returning__init(struct returning *returning, struct node *node)
{
    rows__init(&returning->rows, node->ex, node->plan->types, node->plan->column_count);
}

void
returning__deinit(struct returning *returning)
{
    rows__deinit(&returning->rows);
    scratch__deinit(&returning->scratch);
}

void
returning__restart(struct returning *returning)
{
    rows__reset(&returning->rows);
    returning->next = 0;
}

enum status
returning__add(struct returning *returning, struct node *node, const struct batch *in)
{
    if (node->plan->column_count == 0) {
        return STATUS_OK;
    }
    scratch__reset(&returning->scratch);
    struct arena *arena = &returning->scratch.arena;
    struct vector *columns = arena_array(arena, struct vector, node->plan->column_count);
    for (unsigned i = 0; i < node->plan->column_count; i++) {
        TRY(px__eval(node->ex, node->plan->modify.returning[i], in, arena, &columns[i]));
    }
    return rows__append(&returning->rows, columns, in->row_count);
}

void
returning__next(struct returning *returning, struct node *node, struct batch **batch_out)
{
    unsigned count =
        (unsigned)MIN(returning->rows.count - returning->next, (uint32_t)BATCH_ROWS_MAX);
    if (node->plan->column_count == 0 || count == 0) {
        return;
    }
    for (unsigned i = 0; i < node->plan->column_count; i++) {
        rows__window(&returning->rows, i, returning->next, &node->out.columns[i]);
    }
    node->out.row_count = count;
    returning->next += count;
    *batch_out = &node->out;
}
