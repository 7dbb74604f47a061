/* insert.c: INSERT, and rows one by one for COPY. SPDX-License-Identifier: Apache-2.0 */
#include "sql/bind/bind.h"
#include "sql/exec/returning.h"
#include "sql/parse/parse.h"

#include <stdlib.h>

struct insert_node {
    struct node node;
    struct row_writer writer;
    struct returning returning;
    bool changed;
    struct vector *columns; /* of the new rows, by column_no */
};

static enum status
insert_open(struct node *node)
{
    struct insert_node *insert = (struct insert_node *)node;
    const struct table_def *table = node->plan->modify.table;
    row_writer__init(&insert->writer, table, &node->ex->arena);
    returning__init(&insert->returning, node);
    insert->columns =
        arena_array(&node->ex->arena, struct vector, MAX(table->column_count, 1U));
    return STATUS_OK;
}

static void
insert_close(struct node *node)
{
    struct insert_node *insert = (struct insert_node *)node;
    row_writer__deinit(&insert->writer);
    returning__deinit(&insert->returning);
}

static void
insert_restart(struct node *node)
{
    struct insert_node *insert = (struct insert_node *)node;
    exec__restart(node->left);
    insert->changed = false;
    returning__restart(&insert->returning);
}

static enum status
eval_columns(struct insert_node *insert, const struct batch *in)
{
    struct node *node = &insert->node;
    const struct table_def *table = node->plan->modify.table;
    for (unsigned i = 0; i < table->column_count; i++) {
        const struct px *px = node->plan->modify.values[i];
        if (px != NULL) {
            TRY(px__eval(node->ex, px, in, &node->scratch.arena, &insert->columns[i]));
            continue;
        }
        const struct type_info *info = type_info(table->columns[i].type);
        vector_set_constant(&insert->columns[i], info == NULL ? TYPE_TEXT : info->id,
                            &(struct value){.is_null = true}, &node->scratch.arena);
    }
    return STATUS_OK;
}

static enum status
insert_row(struct row_writer *writer, struct sql_context *cx)
{
    struct slice tuple;
    struct change_result result = {0};
    TRY(row_writer__encode(writer, cx, &tuple));
    enum status status = table_insert(cx->txn, writer->table->id, tuple, &result, cx->diag);
    return status == STATUS_OK ? STATUS_OK : row_writer__refused(writer, cx, &result, status);
}

static enum status
insert_batch(struct insert_node *insert, const struct batch *in)
{
    struct node *node = &insert->node;
    struct execution *ex = node->ex;
    const struct table_def *table = node->plan->modify.table;
    scratch__reset(&node->scratch);
    TRY(eval_columns(insert, in));
    for (unsigned row = 0; row < in->row_count; row++) {
        for (unsigned c = 0; c < table->column_count; c++) {
            row_writer__set(&insert->writer, c, &insert->columns[c], row);
        }
        TRY(insert_row(&insert->writer, ex->cx));
        ex->changed++;
    }
    struct batch rows = {.row_count = in->row_count,
                         .column_count = table->column_count,
                         .columns = insert->columns};
    return returning__add(&insert->returning, node, &rows);
}

static enum status
insert_next(struct node *node, struct batch **batch_out)
{
    struct insert_node *insert = (struct insert_node *)node;
    while (!insert->changed) {
        struct batch *in;
        TRY(exec__next(node->left, &in));
        if (in == NULL) {
            insert->changed = true;
            break;
        }
        TRY(txn_check(node->ex->cx->txn, node->ex->cx->diag));
        TRY(insert_batch(insert, in));
    }
    returning__next(&insert->returning, node, batch_out);
    return STATUS_OK;
}

const struct node_ops exec__insert_ops = {.size = sizeof(struct insert_node),
                                          .open = insert_open,
                                          .restart = insert_restart,
                                          .next = insert_next,
                                          .close = insert_close};

/* ---- COPY ---- */

struct default_value {
    unsigned column_no;
    struct px *px;
    struct value value; /* of a constant */
};

struct row_inserter {
    struct sql_context *cx;
    struct execution *ex; /* of the defaults */
    struct row_writer writer;
    struct arena arena;
    struct scratch scratch;
    bool *given;
    unsigned default_count;
    struct default_value *defaults;
    uint64_t count;
};

#define ROWS_BETWEEN_CHECKS 1024U

/* All defaults are planned into one plan, for their functions' states. */
static enum status
plan_defaults(struct row_inserter *inserter, struct px_scope *scope)
{
    struct sql_context *cx = inserter->cx;
    const struct table_def *table = inserter->writer.table;
    inserter->defaults =
        arena_array(&inserter->arena, struct default_value, MAX(table->column_count, 1U));
    struct expr *all = arena_new(cx->arena, struct expr);
    *all = (struct expr){.kind = EXPR_COALESCE, .type = TYPE_TEXT, .typmod = -1};
    all->args = arena_array(cx->arena, struct expr *, MAX(table->column_count, 1U));
    for (unsigned i = 0; i < table->column_count; i++) {
        const struct column_def *column = &table->columns[i];
        if (inserter->given[i] || column->dropped || column->default_sql == NULL) {
            continue;
        }
        struct ast_expr *ast;
        TRY(parse_expression(column->default_sql, cx->arena, &ast, cx->diag));
        TRY(bind_scalar(cx, ast, column->type, column->typmod, &all->args[all->arg_count++]));
        inserter->defaults[inserter->default_count++].column_no = i;
    }
    TRY(plan_scalar(cx, all, scope));
    for (unsigned i = 0; i < inserter->default_count; i++) {
        inserter->defaults[i].px = scope->px->args[i];
    }
    return STATUS_OK;
}

enum status
row_inserter_open(struct sql_context *cx, const struct table_def *table, const bool *given,
                  struct row_inserter **inserter_out)
{
    *inserter_out = NULL;
    TRY(table_lock(cx->txn, table->id, TABLE_LOCK_ROW_EXCLUSIVE, LOCK_WAIT, cx->diag));
    struct row_inserter *inserter = calloc(1, sizeof(*inserter));
    ASSERT(inserter != NULL);
    inserter->cx = cx;
    arena_init(&inserter->arena);
    row_writer__init(&inserter->writer, table, &inserter->arena);
    inserter->given = arena_array(&inserter->arena, bool, MAX(table->column_count, 1U));
    memcpy(inserter->given, given, table->column_count * sizeof(*given));
    struct px_scope scope;
    enum status status = plan_defaults(inserter, &scope);
    if (status != STATUS_OK) {
        row_inserter_close(inserter);
        return status;
    }
    inserter->ex = execution__make(cx, scope.plan);
    *inserter_out = inserter;
    return STATUS_OK;
}

enum status
row_inserter_insert(struct row_inserter *inserter, const struct value *values)
{
    struct sql_context *cx = inserter->cx;
    const struct table_def *table = inserter->writer.table;
    if (++inserter->count % ROWS_BETWEEN_CHECKS == 0) {
        TRY(txn_check(cx->txn, cx->diag));
    }
    for (unsigned i = 0; i < table->column_count; i++) {
        if (inserter->given[i]) {
            row_writer__set_value(&inserter->writer, i, &values[i]);
        }
    }
    if (inserter->default_count > 0) {
        scratch__reset(&inserter->scratch);
    }
    for (unsigned i = 0; i < inserter->default_count; i++) {
        struct default_value *one = &inserter->defaults[i];
        TRY(px__value(inserter->ex, one->px, &inserter->scratch.arena, &one->value));
        row_writer__set_value(&inserter->writer, one->column_no, &one->value);
    }
    return insert_row(&inserter->writer, cx);
}

void
row_inserter_close(struct row_inserter *inserter)
{
    if (inserter == NULL) {
        return;
    }
    execution_close(inserter->ex);
    row_writer__deinit(&inserter->writer);
    scratch__deinit(&inserter->scratch);
    arena_deinit(&inserter->arena);
    free(inserter);
}
