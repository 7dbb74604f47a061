/* modify.c: INSERT, UPDATE and DELETE as the topmost operator over the rows they change.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/plan/planner.h"

enum status
plan__row_slots(struct planner *pl, unsigned range_no, const struct layout *layout,
                struct row_slots *slots_out)
{
    const struct range *range = &pl->query->ranges[range_no];
    int row = layout__find(layout, range_no, COLUMN_NO_ROW_ID);
    int tuple = layout__find(layout, range_no, COLUMN_NO_TUPLE);
    if (row < 0 || tuple < 0) {
        return diag_fail(pl->cx->diag, STATUS_INVALID, SQLSTATE_INTERNAL_ERROR,
                         "rows of \"%s\" are not at hand", range->alias);
    }
    slots_out->table = range->table;
    slots_out->row_slot = (unsigned)row;
    slots_out->tuple_slot = (unsigned)tuple;
    slots_out->columns =
        arena_alloc(pl->cx->arena, MAX(layout->count, 1U) * sizeof(*slots_out->columns));
    slots_out->column_count = 0;
    for (unsigned i = 0; i < layout->count; i++) {
        const struct slot_ref *slot = &layout->slots[i];
        if (slot->range_no == range_no && slot->column_no < COLUMN_NO_ROW_ID) {
            unsigned at = slots_out->column_count++;
            slots_out->columns[at].slot = i;
            slots_out->columns[at].column_no = slot->column_no;
        }
    }
    return STATUS_OK;
}

static enum status
plan_returning(struct planner *pl, const struct layout *layout, struct plan_node *node)
{
    const struct query *query = pl->query;
    plan__set_types(pl, node, query->returning_count);
    node->modify.returning =
        arena_array(pl->cx->arena, struct px *, MAX(query->returning_count, 1U));
    for (unsigned i = 0; i < query->returning_count; i++) {
        const struct expr *expr = query->returning[i].expr;
        node->types[i] = expr->type;
        TRY(plan__scalar(pl, expr, layout, &node->modify.returning[i]));
    }
    return STATUS_OK;
}

/* Values of all columns over the source's row; RETURNING over the new row. */
static enum status
plan_insert(struct planner *pl, struct plan_node *node)
{
    static const struct layout none = {0};
    const struct query *query = pl->query;
    const struct table_def *table = query->table;
    struct planner child = {0};
    if (query->source != NULL) {
        TRY(plan__child(pl, query->source, &child, &node->left));
    } else { /* DEFAULT VALUES */
        node->left = plan__node(pl, PLAN_RESULT);
        node->left->rows = 1;
        plan__set_types(pl, node->left, 0);
    }
    node->rows = node->left->rows;
    node->cost = node->left->cost + node->rows;
    node->modify.value_count = table->column_count;
    node->modify.values = arena_array(pl->cx->arena, struct px *, MAX(table->column_count, 1U));
    for (unsigned i = 0; i < query->insert_column_count; i++) {
        unsigned column_no = query->insert_columns[i];
        ASSERT(i < node->left->column_count);
        node->modify.values[column_no] = plan__slot(pl, i, node->left->types[i], -1);
    }
    for (unsigned i = 0; i < table->column_count; i++) {
        bool given = node->modify.values[i] != NULL;
        if (!given && query->defaults != NULL && query->defaults[i] != NULL) {
            TRY(plan__scalar(pl, query->defaults[i], &none, &node->modify.values[i]));
        }
    }
    struct layout row = {0};
    for (unsigned i = 0; i < table->column_count; i++) {
        layout__add(pl, &row, (struct slot_ref){.range_no = 0, .column_no = i});
    }
    return plan_returning(pl, &row, node);
}

static int
assignment_of(const struct query *query, unsigned column_no)
{
    for (unsigned i = 0; i < query->assignment_count; i++) {
        if (query->assignments[i].column_no == column_no) {
            return (int)i;
        }
    }
    return -1;
}

static enum status
plan_update_or_delete(struct planner *pl, struct plan_node *node)
{
    const struct query *query = pl->query;
    struct rel rel;
    TRY(plan__from(pl, &rel));
    node->left = rel.node;
    node->rows = rel.node->rows;
    node->cost = rel.node->cost + rel.node->rows;
    TRY(plan__row_slots(pl, 0, &rel.layout, &node->modify.slots));
    if (query->where != NULL) { /* asked again of a newer version */
        TRY(plan__scalar(pl, query->where, &rel.layout, &node->filter));
    }
    unsigned count = query->assignment_count;
    node->modify.value_count = count;
    node->modify.column_nos = arena_array(pl->cx->arena, unsigned, MAX(count, 1U));
    node->modify.values = arena_array(pl->cx->arena, struct px *, MAX(count, 1U));
    for (unsigned i = 0; i < count; i++) {
        node->modify.column_nos[i] = query->assignments[i].column_no;
        TRY(plan__scalar(pl, query->assignments[i].expr, &rel.layout, &node->modify.values[i]));
    }
    node->modify.new_value_of_slot = arena_array(pl->cx->arena, int, MAX(rel.layout.count, 1U));
    for (unsigned i = 0; i < rel.layout.count; i++) {
        const struct slot_ref *slot = &rel.layout.slots[i];
        node->modify.new_value_of_slot[i] =
            slot->range_no == 0 ? assignment_of(query, slot->column_no) : -1;
    }
    return plan_returning(pl, &rel.layout, node);
}

enum status
plan__modify(struct planner *pl, struct plan_node **node_out)
{
    const struct query *query = pl->query;
    if (query->table->view_rows != NULL || query->table->kind != RELATION_TABLE) {
        return diag_fail(pl->cx->diag, STATUS_INVALID,
                         SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                         "cannot change \"%s\": it is not a table", query->table->name);
    }
    struct plan_node *node = plan__node(pl, query->kind == QUERY_INSERT   ? PLAN_INSERT
                                            : query->kind == QUERY_UPDATE ? PLAN_UPDATE
                                                                          : PLAN_DELETE);
    node->modify.table = query->table;
    *node_out = node;
    plan__lock_table(pl, query->table->id, TABLE_LOCK_ROW_EXCLUSIVE);
    return query->kind == QUERY_INSERT ? plan_insert(pl, node)
                                       : plan_update_or_delete(pl, node);
}
