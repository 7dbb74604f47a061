/* explain.c: a plan as PostgreSQL's EXPLAIN shows it. SPDX-License-Identifier: Apache-2.0 */
#include "sql/plan/plan_internal.h"

static const char *
join_name(const struct plan_node *node)
{
    bool hash = node->kind == PLAN_HASH_JOIN;
    switch (node->join.kind) {
    case JOIN_LEFT:
        return hash ? "Hash Left Join" : "Nested Loop Left Join";
    case JOIN_FULL:
        return hash ? "Hash Full Join" : "Nested Loop Full Join";
    default:
        return hash ? "Hash Join" : "Nested Loop";
    }
}

static void
name_of_node(const struct plan_node *node, struct buf *out)
{
    static const char *const names[] = {
        [PLAN_RESULT] = "Result",
        [PLAN_SEQ_SCAN] = "Seq Scan",
        [PLAN_INDEX_SCAN] = "Index Scan",
        [PLAN_VIEW_SCAN] = "View Scan",
        [PLAN_FUNCTION_SCAN] = "Function Scan",
        [PLAN_VALUES_SCAN] = "Values Scan",
        [PLAN_FILTER] = "Filter",
        [PLAN_PROJECT] = "Projection",
        [PLAN_SORT] = "Sort",
        [PLAN_LIMIT] = "Limit",
        [PLAN_DISTINCT] = "Unique (hashed)",
        [PLAN_LOCK_ROWS] = "LockRows",
        [PLAN_INSERT] = "Insert",
        [PLAN_UPDATE] = "Update",
        [PLAN_DELETE] = "Delete",
    };
    switch (node->kind) {
    case PLAN_NEST_LOOP:
    case PLAN_HASH_JOIN:
        buf_append_text(out, join_name(node));
        return;
    case PLAN_AGGREGATE:
        buf_append_text(out, node->aggregate.group_count > 0 ? "HashAggregate" : "Aggregate");
        return;
    case PLAN_SET_OPERATION:
        buf_append_text(out, node->set.operation == SET_UNION_ALL   ? "Append"
                             : node->set.operation == SET_INTERSECT ? "HashSetOp Intersect"
                                                                    : "HashSetOp Except");
        return;
    default:
        buf_append_text(out, names[node->kind]);
    }
}

static void
subject_of_node(const struct plan_node *node, struct buf *out)
{
    switch (node->kind) {
    case PLAN_INDEX_SCAN:
        buf_printf(out, "%s using %s", node->scan.bounds->backward ? " Backward" : "",
                   node->scan.index->name);
        /* fall through */
    case PLAN_SEQ_SCAN:
    case PLAN_VIEW_SCAN:
        buf_printf(out, " on %s", node->scan.table->name);
        if (node->scan.alias != NULL && strcmp(node->scan.alias, node->scan.table->name) != 0) {
            buf_printf(out, " %s", node->scan.alias);
        }
        return;
    case PLAN_FUNCTION_SCAN:
        buf_printf(out, " on %s",
                   node->function.alias != NULL ? node->function.alias : "function");
        return;
    case PLAN_INSERT:
    case PLAN_UPDATE:
    case PLAN_DELETE:
        buf_printf(out, " on %s", node->modify.table->name);
        return;
    default:
        return;
    }
}

/* Bytes of a row, as a guess: 32 for what varies. */
static unsigned
width_of(const struct plan_node *node)
{
    unsigned width = 0;
    for (unsigned i = 0; i < node->column_count; i++) {
        const struct type_info *info = type_info(node->types[i]);
        width += info == NULL || info->physical == PHYSICAL_BYTES
                     ? 32
                     : physical_size(info->physical);
    }
    return width;
}

static void
explain_node(const struct plan_node *node, unsigned depth, bool costs, struct buf *out)
{
    bool is_plain_project = node->kind == PLAN_PROJECT || node->kind == PLAN_FILTER;
    if (is_plain_project) { /* PostgreSQL shows these as part of the operator below */
        explain_node(node->left, depth, costs, out);
        return;
    }
    if (depth > 0) {
        buf_printf(out, "%*s->  ", (int)(depth * 6 - 4), "");
    }
    name_of_node(node, out);
    subject_of_node(node, out);
    if (costs) {
        buf_printf(out, "  (cost=0.00..%.2f rows=%.0f width=%u)", node->cost, node->rows,
                   width_of(node));
    }
    buf_append_text(out, "\n");
    if (node->left != NULL) {
        explain_node(node->left, depth + 1, costs, out);
    }
    if (node->right != NULL) {
        explain_node(node->right, depth + 1, costs, out);
    }
}

void
plan_explain(const struct plan *plan, bool costs, struct buf *out)
{
    explain_node(plan->root, 0, costs, out);
}
