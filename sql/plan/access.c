/* access.c: how the rows of one range are reached: which index, if any; and leaves of FROM.
 *
 * Costs count rows touched; a look-up by a whole unique key always wins, for statistics may be
 * old and dead versions are not counted.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/plan/planner.h"

#define ROWS_UNKNOWN 1000.0
#define EQUAL_SELECTIVITY 0.005
#define RANGE_SELECTIVITY 0.33
#define LOOK_UP_COST 4.0
#define LOOP_LOOK_UP_COST                                                                      \
    25.0               /* of each row of a loop, in rows of a sequential scan: measured */
#define FETCH_COST 3.0 /* a row through an index, in rows of a sequential scan */

double
plan__selectivity(const struct expr *expr)
{
    if (expr->kind == EXPR_OR) {
        return 0.5;
    }
    if (expr->kind == EXPR_FUNC && expr->arg_count == 2) {
        const char *name = func_operator_name(expr->op.func);
        if (name != NULL) {
            return strcmp(name, "=") == 0 ? EQUAL_SELECTIVITY : RANGE_SELECTIVITY;
        }
    }
    if (expr->kind == EXPR_IS_NULL) {
        return EQUAL_SELECTIVITY;
    }
    return expr->kind == EXPR_IN_LIST ? 0.02 : 0.33;
}

static double
table_rows(struct planner *pl, const struct table_def *table)
{
    if (table->row_count >= 0) {
        return MAX(table->row_count, 1.0);
    }
    struct object_size size = {0};
    if (table->view_rows == NULL && pl->cx->store != NULL &&
        object_size(pl->cx->store, table->id, &size, NULL) == STATUS_OK) {
        return MAX((double)size.live_rows, ROWS_UNKNOWN);
    }
    return ROWS_UNKNOWN;
}

static bool
is_text(enum type_id type)
{
    return type == TYPE_TEXT || type == TYPE_VARCHAR || type == TYPE_NAME;
}

static bool
is_oid(enum type_id type)
{
    const struct type_info *info = type_info(type);
    return info != NULL && info->physical == PHYSICAL_U32;
}

/* Equality and order of the two types are those of the index's keys. */
static bool
types_fit(enum type_id column, enum type_id value)
{
    return column == value || (type__is_integer(column) && type__is_integer(value)) ||
           (is_text(column) && is_text(value)) || (is_oid(column) && is_oid(value));
}

static const struct expr *
without_relabel(const struct expr *expr)
{
    while (expr->kind == EXPR_CAST && expr->op.cast.method == CAST_RELABEL &&
           expr->typmod < 0) {
        expr = expr->args[0];
    }
    return expr;
}

struct bound_match {
    char operator; /* '=', '<' or '>'; 0: none */
    bool inclusive;
    const struct expr *value;
};

static bool
is_column(const struct expr *expr, unsigned range_no, unsigned column_no)
{
    const struct expr *bare = without_relabel(expr);
    return bare->kind == EXPR_COLUMN && bare->column.level == 0 &&
           bare->column.range_no == range_no && bare->column.column_no == column_no;
}

static bool
value_usable(const struct expr *value, const struct column_def *column, uint64_t outer_mask)
{
    return (expr__mask(value) & ~outer_mask) == 0 && types_fit(column->type, value->type) &&
           !expr__is_volatile(value);
}

/* Does the condition bound the column by something known before the scan? */
static struct bound_match
match_bound(const struct expr *expr, unsigned range_no, unsigned column_no,
            const struct column_def *column, uint64_t outer_mask)
{
    struct bound_match match = {0};
    if (expr->kind != EXPR_FUNC || expr->arg_count != 2) {
        return match;
    }
    const char *name = func_operator_name(expr->op.func);
    if (name == NULL || strcmp(name, "<>") == 0) {
        return match;
    }
    bool flipped = false;
    if (is_column(expr->args[0], range_no, column_no)) {
        match.value = expr->args[1];
    } else if (is_column(expr->args[1], range_no, column_no)) {
        match.value = expr->args[0];
        flipped = true;
    } else {
        return match;
    }
    if (!value_usable(match.value, column, outer_mask)) {
        return match;
    }
    match.operator= name[0];
    match.inclusive = name[1] == '=';
    if (flipped && name[0] != '=') {
        match.operator= name[0] == '<' ? '>' : '<';
    }
    return match;
}

static bool
matches_any(const struct expr *expr, unsigned range_no, unsigned column_no,
            const struct column_def *column, uint64_t outer_mask)
{
    bool kind = expr->kind == EXPR_IN_LIST || expr->kind == EXPR_ANY_ARRAY;
    if (!kind || expr->op.negated || !is_column(expr->args[0], range_no, column_no)) {
        return false;
    }
    const char *name = func_operator_name(expr->op.func);
    if (name == NULL || strcmp(name, "=") != 0) {
        return false;
    }
    if (expr->kind == EXPR_ANY_ARRAY) {
        const struct type_info *info = type_info(expr->args[1]->type);
        return info != NULL && types_fit(column->type, info->element_type) &&
               (expr__mask(expr->args[1]) & ~outer_mask) == 0;
    }
    for (unsigned i = 1; i < expr->arg_count; i++) {
        if (!value_usable(expr->args[i], column, outer_mask)) {
            return false;
        }
    }
    return true;
}

/* One way to scan: conditions by their number in the list, -1 none. */
struct path {
    const struct index_def *index;
    unsigned equal_count;
    int equal[INDEX_COLUMNS_MAX];
    int any, low, high;
    bool single, ordered, backward;
    double rows, cost;
};

struct scan_request {
    struct planner *pl;
    unsigned range_no;
    const struct table_def *table;
    const struct conjunct *conjuncts;
    unsigned count;
    uint64_t outer_mask;
    double table_rows;
};

static int
find_condition(const struct scan_request *request, unsigned column_no, char operator)
{
    const struct column_def *column = &request->table->columns[column_no];
    for (unsigned i = 0; i < request->count; i++) {
        struct bound_match match = match_bound(request->conjuncts[i].expr, request->range_no,
                                               column_no, column, request->outer_mask);
        if (match.operator== operator) {
            return (int)i;
        }
    }
    return -1;
}

static int
find_any(const struct scan_request *request, unsigned column_no)
{
    const struct column_def *column = &request->table->columns[column_no];
    for (unsigned i = 0; i < request->count; i++) {
        if (matches_any(request->conjuncts[i].expr, request->range_no, column_no, column,
                        request->outer_mask)) {
            return (int)i;
        }
    }
    return -1;
}

static bool
is_equal_column(const struct path *path, const struct index_definition *index,
                unsigned column_no)
{
    for (unsigned i = 0; i < path->equal_count; i++) {
        if (index->columns[i].column_no == column_no) {
            return true;
        }
    }
    return false;
}

/* Do rows come in ORDER BY's order, forward or backward? */
static bool
serves_order(const struct scan_request *request, struct path *path)
{
    const struct query *query = request->pl->query;
    const struct index_definition *index = &path->index->storage;
    unsigned next = path->equal_count;
    bool decided = false;
    if (!request->pl->wants_order || path->any >= 0) {
        return false;
    }
    for (unsigned i = 0; i < query->sort_count; i++) {
        const struct sort_key *key = &query->sort_keys[i];
        const struct expr *expr = query->targets[key->target_no].expr;
        if (expr->kind != EXPR_COLUMN || expr->column.level != 0 ||
            expr->column.range_no != request->range_no) {
            return false;
        }
        if (is_equal_column(path, index, expr->column.column_no)) {
            continue;
        }
        if (next == index->column_count ||
            index->columns[next].column_no != expr->column.column_no) {
            return false;
        }
        const struct index_column *column = &index->columns[next++];
        bool backward = column->descending != key->descending;
        bool nulls_fit = (column->nulls_first != backward) == key->nulls_first ||
                         request->table->columns[column->column_no].not_null;
        if (!nulls_fit || (decided && backward != path->backward)) {
            return false;
        }
        path->backward = backward;
        decided = true;
    }
    return true;
}

static struct path
index_path(const struct scan_request *request, const struct index_def *index)
{
    struct path path = {.index = index, .any = -1, .low = -1, .high = -1};
    const struct index_definition *storage = &index->storage;
    double rows = request->table_rows;
    for (unsigned i = 0; i < storage->column_count; i++) {
        int found = find_condition(request, storage->columns[i].column_no, '=');
        if (found < 0) {
            break;
        }
        path.equal[path.equal_count++] = found;
        rows *= EQUAL_SELECTIVITY;
    }
    path.single = storage->unique && path.equal_count == storage->column_count;
    if (path.equal_count == 0) {
        path.any = find_any(request, storage->columns[0].column_no);
        rows *= path.any >= 0 ? 2 * EQUAL_SELECTIVITY : 1;
    }
    if (path.equal_count < storage->column_count && path.any < 0) {
        unsigned column_no = storage->columns[path.equal_count].column_no;
        path.low = find_condition(request, column_no, '>');
        path.high = find_condition(request, column_no, '<');
        rows *= path.low >= 0 && path.high >= 0 ? 0.05 : 1;
        rows *= (path.low >= 0) != (path.high >= 0) ? RANGE_SELECTIVITY : 1;
    }
    path.rows = path.single ? 1 : MAX(rows, 1);
    path.cost = path.single ? 0.5 : LOOK_UP_COST + path.rows * FETCH_COST;
    if (request->outer_mask != 0) { /* against a hash join, which touches each row twice */
        path.cost = LOOP_LOOK_UP_COST + path.rows * FETCH_COST;
    }
    path.ordered = serves_order(request, &path);
    return path;
}

/* Sorting what a sequential scan gives is counted as a few more rows each. */
static double
sort_cost(const struct planner *pl, double rows)
{
    return pl->wants_order ? rows * 2 : 0;
}

static struct path
best_path(const struct scan_request *request)
{
    const struct planner *pl = request->pl;
    struct path best = {.any = -1, .low = -1, .high = -1, .rows = request->table_rows};
    best.cost = best.rows + sort_cost(pl, best.rows);
    for (unsigned i = 0; i < request->table->index_count; i++) {
        struct path path = index_path(request, &request->table->indexes[i]);
        bool bounded = path.equal_count > 0 || path.any >= 0 || path.low >= 0 || path.high >= 0;
        if (!bounded && !path.ordered) {
            continue;
        }
        if (path.ordered && pl->query->limit != NULL) {
            path.cost = MIN(path.cost, LOOK_UP_COST + path.rows * 0.1); /* stops early */
        } else if (!path.ordered) {
            path.cost += sort_cost(pl, path.rows);
        }
        if (path.cost < best.cost) {
            best = path;
        }
    }
    return best;
}

static enum status
bound_scalar(const struct scan_request *request, int condition, unsigned column_no,
             struct px **px_out)
{
    *px_out = NULL;
    if (condition < 0) {
        return STATUS_OK;
    }
    static const struct layout none = {0};
    struct bound_match match =
        match_bound(request->conjuncts[condition].expr, request->range_no, column_no,
                    &request->table->columns[column_no], request->outer_mask);
    return plan__scalar(request->pl, match.value, &none, px_out);
}

static bool
condition_inclusive(const struct scan_request *request, int condition, unsigned column_no)
{
    return condition >= 0 &&
           match_bound(request->conjuncts[condition].expr, request->range_no, column_no,
                       &request->table->columns[column_no], request->outer_mask)
               .inclusive;
}

static enum status
any_scalar(const struct scan_request *request, int condition, struct px **px_out)
{
    /* the column itself is not looked at: give it a slot that nobody reads */
    const struct expr *expr = request->conjuncts[condition].expr;
    struct layout layout = {0};
    const struct expr *column = without_relabel(expr->args[0]);
    layout__add(request->pl, &layout,
                (struct slot_ref){.range_no = column->column.range_no,
                                  .column_no = column->column.column_no});
    return plan__scalar(request->pl, expr, &layout, px_out);
}

static enum status
make_bounds(const struct scan_request *request, const struct path *path, bool *taken,
            struct index_bounds *bounds)
{
    const struct index_column *columns = path->index->storage.columns;
    bounds->equal_count = path->equal_count;
    bounds->backward = path->ordered && path->backward;
    bounds->is_single = path->single;
    for (unsigned i = 0; i < path->equal_count; i++) {
        TRY(bound_scalar(request, path->equal[i], columns[i].column_no, &bounds->equal[i]));
        taken[path->equal[i]] = true;
    }
    if (path->any >= 0) {
        TRY(any_scalar(request, path->any, &bounds->any));
        taken[path->any] = true;
    }
    if (path->low >= 0 || path->high >= 0) {
        unsigned column_no = columns[path->equal_count].column_no;
        TRY(bound_scalar(request, path->low, column_no, &bounds->low));
        TRY(bound_scalar(request, path->high, column_no, &bounds->high));
        bounds->low_inclusive = condition_inclusive(request, path->low, column_no);
        bounds->high_inclusive = condition_inclusive(request, path->high, column_no);
    }
    return STATUS_OK; /* ranges stay in the filter: an open side lets NULLs in */
}

static void
scan_columns(struct planner *pl, unsigned range_no, struct plan_node *node,
             struct layout *layout)
{
    const struct range *range = &pl->query->ranges[range_no];
    node->scan.columns =
        arena_array(pl->cx->arena, struct scan_column, range->column_count + 2);
    for (unsigned i = 0; i < range->column_count; i++) {
        if (pl->used[range_no][i]) {
            node->scan.columns[layout->count] = (struct scan_column){i, range->columns[i].type};
            layout__add(pl, layout, (struct slot_ref){.range_no = range_no, .column_no = i});
        }
    }
    static const struct scan_column row_columns[2] = {{COLUMN_NO_ROW_ID, TYPE_INT8},
                                                      {COLUMN_NO_TUPLE, TYPE_BYTEA}};
    for (unsigned i = 0; i < 2 && pl->needs_row[range_no]; i++) {
        node->scan.columns[layout->count] = row_columns[i];
        layout__add(
            pl, layout,
            (struct slot_ref){.range_no = range_no, .column_no = row_columns[i].column_no});
    }
    plan__set_types(pl, node, layout->count);
    for (unsigned i = 0; i < layout->count; i++) {
        node->types[i] = node->scan.columns[i].type;
    }
}

/* Conditions on this range alone that no bound takes. */
static enum status
scan_filter(const struct scan_request *request, const bool *taken, const struct layout *layout,
            double *rows, struct px **filter_out)
{
    const struct expr **exprs =
        arena_array(request->pl->cx->arena, const struct expr *, MAX(request->count, 1U));
    unsigned count = 0;
    for (unsigned i = 0; i < request->count; i++) {
        uint64_t own = UINT64_C(1) << request->range_no;
        if (!taken[i] && (request->conjuncts[i].mask & ~own) == 0) {
            exprs[count++] = request->conjuncts[i].expr;
            *rows = MAX(*rows * plan__selectivity(exprs[count - 1]), 1);
        }
    }
    struct outer_refs *loop = request->pl->loop;
    request->pl->loop = NULL; /* everything it reads is in its own row */
    enum status status = plan__conjunction(request->pl, exprs, count, layout, filter_out);
    request->pl->loop = loop;
    return status;
}

enum status
plan__scan_table(struct planner *pl, unsigned range_no, const struct conjunct *conjuncts,
                 unsigned count, uint64_t outer_mask, bool *index_used_out, bool *taken,
                 struct rel *rel_out)
{
    const struct range *range = &pl->query->ranges[range_no];
    struct scan_request request = {
        .pl = pl,
        .range_no = range_no,
        .table = range->table,
        .conjuncts = conjuncts,
        .count = count,
        .outer_mask = outer_mask,
        .table_rows = table_rows(pl, range->table),
    };
    memset(taken, 0, count * sizeof(*taken));
    struct path path = best_path(&request);
    *index_used_out = path.index != NULL;
    struct plan_node *node = plan__node(pl, range->table->view_rows != NULL ? PLAN_VIEW_SCAN
                                            : path.index != NULL            ? PLAN_INDEX_SCAN
                                                                            : PLAN_SEQ_SCAN);
    node->scan.table = range->table;
    node->scan.alias = range->alias;
    node->scan.index = path.index;
    *rel_out = (struct rel){
        .mask = UINT64_C(1) << range_no,
        .node = node,
        .is_leaf = true,
        .range_no = range_no,
        .ordered = path.ordered,
    };
    scan_columns(pl, range_no, node, &rel_out->layout);
    node->rows = path.rows;
    node->cost = path.cost;
    if (path.index != NULL) {
        node->scan.bounds = arena_new(pl->cx->arena, struct index_bounds);
        struct outer_refs *loop = pl->loop;
        pl->loop = &rel_out->loop;
        enum status status = make_bounds(&request, &path, taken, node->scan.bounds);
        pl->loop = loop;
        TRY(status);
    }
    if (rel_out->loop.count > 0) {
        rel_out->depends = outer_mask;
    }
    return scan_filter(&request, taken, &rel_out->layout, &node->rows, &node->filter);
}

static void
plain_columns(struct planner *pl, unsigned range_no, struct plan_node *node,
              struct layout *layout)
{
    const struct range *range = &pl->query->ranges[range_no];
    plan__set_types(pl, node, range->column_count);
    for (unsigned i = 0; i < range->column_count; i++) {
        node->types[i] = range->columns[i].type;
        layout__add(pl, layout, (struct slot_ref){.range_no = range_no, .column_no = i});
    }
}

static enum status
values_leaf(struct planner *pl, unsigned range_no, struct rel *rel)
{
    static const struct layout none = {0};
    const struct range *range = &pl->query->ranges[range_no];
    struct plan_node *node = rel->node = plan__node(pl, PLAN_VALUES_SCAN);
    node->values.row_count = range->row_count;
    node->values.rows = arena_array(pl->cx->arena, struct px **, MAX(range->row_count, 1U));
    for (unsigned r = 0; r < range->row_count; r++) {
        node->values.rows[r] =
            arena_array(pl->cx->arena, struct px *, MAX(range->column_count, 1U));
        for (unsigned c = 0; c < range->column_count; c++) {
            TRY(plan__scalar(pl, range->rows[r][c], &none, &node->values.rows[r][c]));
        }
    }
    node->rows = range->row_count;
    node->cost = range->row_count;
    plain_columns(pl, range_no, node, &rel->layout);
    return STATUS_OK;
}

static enum status
function_leaf(struct planner *pl, unsigned range_no, struct rel *rel)
{
    static const struct layout none = {0};
    const struct range *range = &pl->query->ranges[range_no];
    struct plan_node *node = rel->node = plan__node(pl, PLAN_FUNCTION_SCAN);
    node->function.function = range->function;
    node->function.alias = range->alias;
    node->function.with_ordinality = range->with_ordinality;
    node->function.arg_count = range->arg_count;
    node->function.args = arena_array(pl->cx->arena, struct px *, MAX(range->arg_count, 1U));
    if (range->function == NULL) {
        TRY(plan__scalar(pl, range->scalar, &none, &node->function.scalar));
    }
    for (unsigned i = 0; range->function != NULL && i < range->arg_count; i++) {
        TRY(plan__scalar(pl, range->args[i], &none, &node->function.args[i]));
    }
    node->rows = range->function == NULL ? 1 : 1000;
    node->cost = node->rows;
    plain_columns(pl, range_no, node, &rel->layout);
    return STATUS_OK;
}

static enum status
subquery_leaf(struct planner *pl, unsigned range_no, struct rel *rel)
{
    struct planner child;
    const struct range *range = &pl->query->ranges[range_no];
    TRY(plan__child(pl, range->subquery, &child, &rel->node));
    for (unsigned i = 0; i < range->column_count; i++) {
        layout__add(pl, &rel->layout, (struct slot_ref){.range_no = range_no, .column_no = i});
    }
    plan__inherit(pl, &child.outer, &rel->loop);
    return STATUS_OK;
}

static enum status
filter_leaf(struct planner *pl, const struct conjuncts *conjuncts, struct rel *rel)
{
    if (conjuncts->count == 0) {
        return STATUS_OK;
    }
    const struct expr **exprs =
        arena_array(pl->cx->arena, const struct expr *, conjuncts->count);
    struct plan_node *node = plan__node(pl, PLAN_FILTER);
    node->rows = rel->node->rows;
    for (unsigned i = 0; i < conjuncts->count; i++) {
        exprs[i] = conjuncts->list[i].expr;
        node->rows = MAX(node->rows * plan__selectivity(exprs[i]), 1);
    }
    node->left = rel->node;
    node->cost = rel->node->cost + rel->node->rows * 0.1;
    plan__set_types(pl, node, rel->layout.count);
    memcpy(node->types, rel->node->types, node->column_count * sizeof(*node->types));
    rel->node = node;
    return plan__conjunction(pl, exprs, conjuncts->count, &rel->layout, &node->filter);
}

static uint64_t
range_depends(const struct range *range)
{
    uint64_t mask = 0;
    if (range->kind == RANGE_SUBQUERY) {
        return query__mask(range->subquery);
    }
    if (range->kind == RANGE_FUNCTION && range->scalar != NULL) {
        mask |= expr__mask(range->scalar);
    }
    for (unsigned i = 0; range->kind == RANGE_FUNCTION && i < range->arg_count; i++) {
        mask |= expr__mask(range->args[i]);
    }
    for (unsigned r = 0; range->kind == RANGE_VALUES && r < range->row_count; r++) {
        for (unsigned c = 0; c < range->column_count; c++) {
            mask |= expr__mask(range->rows[r][c]);
        }
    }
    return mask;
}

enum status
plan__leaf(struct planner *pl, unsigned range_no, const struct conjuncts *conjuncts,
           struct rel *rel_out)
{
    const struct range *range = &pl->query->ranges[range_no];
    if (range->kind == RANGE_TABLE) {
        bool *taken = arena_array(pl->cx->arena, bool, MAX(conjuncts->count, 1U));
        bool index_used;
        TRY(plan__scan_table(pl, range_no, conjuncts->list, conjuncts->count, 0, &index_used,
                             taken, rel_out));
        rel_out->own = *conjuncts;
        return STATUS_OK;
    }
    *rel_out = (struct rel){.mask = UINT64_C(1) << range_no, .range_no = range_no};
    rel_out->depends = range_depends(range);
    struct outer_refs *loop = pl->loop;
    pl->loop = rel_out->depends != 0 ? &rel_out->loop : NULL;
    enum status status = range->kind == RANGE_SUBQUERY ? subquery_leaf(pl, range_no, rel_out)
                         : range->kind == RANGE_VALUES ? values_leaf(pl, range_no, rel_out)
                                                       : function_leaf(pl, range_no, rel_out);
    pl->loop = loop;
    TRY(status);
    return filter_leaf(pl, conjuncts, rel_out);
}
