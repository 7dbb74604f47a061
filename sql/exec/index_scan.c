/* index_scan.c: rows by an index: one key, a range, or a list of keys. The look-up of a single
 * row is the short path of every prepared statement: no allocation once it has run.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/exec/scan.h"

#include <stdlib.h>

#define INDEX_ROWS_MAX 128U

struct index_scan_node {
    struct node node;
    struct index_scan *scan;
    struct decoder decoder;
    struct row_view *views;
    unsigned view_capacity;
    bool started, ended;
    struct buf low, high;
    bool has_low, has_high;
    /* IN (..): keys in order, each once, behind one another in `low` */
    struct slice *keys;
    unsigned key_count, next_key;
};

static enum status
index_scan_node_open(struct node *node)
{
    struct index_scan_node *scan = (struct index_scan_node *)node;
    decoder__init(&scan->decoder, node->plan, &node->ex->arena);
    scan->view_capacity = node->plan->scan.bounds->is_single ? 1 : INDEX_ROWS_MAX;
    scan->views = arena_array(&node->ex->arena, struct row_view, scan->view_capacity);
    return STATUS_OK;
}

static void
index_scan_node_stop(struct node *node)
{
    struct index_scan_node *scan = (struct index_scan_node *)node;
    index_scan_close(scan->scan);
    scan->scan = NULL;
}

static void
index_scan_node_close(struct node *node)
{
    struct index_scan_node *scan = (struct index_scan_node *)node;
    buf_deinit(&scan->low);
    buf_deinit(&scan->high);
}

static void
index_scan_node_restart(struct node *node)
{
    struct index_scan_node *scan = (struct index_scan_node *)node;
    scan->started = scan->ended = false;
}

/* Where a value lies against what the column's type can hold. */
enum fit { FIT_BELOW = -1, FIT_INSIDE = 0, FIT_ABOVE = 1 };

static enum fit
fit_integer(enum type_id column, enum type_id type, struct value *value)
{
    int64_t v = type == TYPE_INT2 ? value->i16 : type == TYPE_INT4 ? value->i32 : value->i64;
    int64_t low = column == TYPE_INT2 ? INT16_MIN : column == TYPE_INT4 ? INT32_MIN : INT64_MIN;
    int64_t high = column == TYPE_INT2   ? INT16_MAX
                   : column == TYPE_INT4 ? INT32_MAX
                                         : INT64_MAX;
    if (v < low || v > high) {
        return v < low ? FIT_BELOW : FIT_ABOVE;
    }
    if (column == TYPE_INT2) {
        value->i16 = (int16_t)v;
    } else if (column == TYPE_INT4) {
        value->i32 = (int32_t)v;
    } else {
        value->i64 = v;
    }
    return FIT_INSIDE;
}

static const struct column_def *
index_column_def(const struct index_scan_node *scan, unsigned no)
{
    const struct plan_node *plan = scan->node.plan;
    return &plan->scan.table->columns[plan->scan.index->storage.columns[no].column_no];
}

static enum fit
encode_column(const struct index_scan_node *scan, unsigned no, enum type_id type,
              struct value value, struct buf *out)
{
    const struct index_definition *index = &scan->node.plan->scan.index->storage;
    const struct column_def *column = index_column_def(scan, no);
    if (type != column->type && type__is_integer(type)) {
        enum fit fit = fit_integer(column->type, type, &value);
        if (fit != FIT_INSIDE) {
            return fit;
        }
    }
    uint8_t fixed[16];
    struct column_value stored;
    value_to_column(column->type, &value, fixed, &stored);
    struct index_definition one; /* a key is its columns' keys behind one another */
    one.column_count = 1;
    one.columns[0] = index->columns[no];
    index_key_encode(out, &one, &stored, 1);
    return FIT_INSIDE;
}

/* *empty_out: no row can match. */
static enum status
encode_equal(struct index_scan_node *scan, bool *empty_out)
{
    const struct index_bounds *bounds = scan->node.plan->scan.bounds;
    *empty_out = false;
    for (unsigned i = 0; i < bounds->equal_count; i++) {
        struct value value;
        TRY(px__value(scan->node.ex, bounds->equal[i], &scan->node.scratch.arena, &value));
        if (value.is_null ||
            encode_column(scan, i, bounds->equal[i]->type, value, &scan->low) != FIT_INSIDE) {
            *empty_out = true;
            return STATUS_OK;
        }
    }
    return STATUS_OK;
}

/* One side of the range; `end` is the key so far. A value outside of the column's type bounds
 * either nothing or everything. */
static enum status
encode_side(struct index_scan_node *scan, const struct px *px, bool is_low, struct buf *end,
            bool *bounded_out, bool *empty_out)
{
    *bounded_out = false;
    if (px == NULL) {
        return STATUS_OK;
    }
    struct value value;
    TRY(px__value(scan->node.ex, px, &scan->node.scratch.arena, &value));
    if (value.is_null) {
        *empty_out = true;
        return STATUS_OK;
    }
    unsigned no = scan->node.plan->scan.bounds->equal_count;
    enum fit fit = encode_column(scan, no, px->type, value, end);
    *bounded_out = fit == FIT_INSIDE;
    *empty_out = *empty_out || fit == (is_low ? FIT_ABOVE : FIT_BELOW);
    return STATUS_OK;
}

static enum status
make_range(struct index_scan_node *scan, struct index_range *range, bool *empty_out)
{
    const struct plan_node *plan = scan->node.plan;
    const struct index_bounds *bounds = plan->scan.bounds;
    *range = (struct index_range){
        .low_inclusive = true, .high_inclusive = true, .backward = bounds->backward};
    buf_clear(&scan->low);
    TRY(encode_equal(scan, empty_out));
    if (*empty_out || (bounds->low == NULL && bounds->high == NULL)) {
        if (bounds->equal_count > 0) {
            range->low = range->high = buf_slice(&scan->low);
        }
        return STATUS_OK;
    }
    buf_clear(&scan->high);
    buf_append(&scan->high, scan->low.data, scan->low.size);
    bool swapped = plan->scan.index->storage.columns[bounds->equal_count].descending;
    bool low_bounded, high_bounded;
    TRY(encode_side(scan, bounds->low, true, swapped ? &scan->high : &scan->low, &low_bounded,
                    empty_out));
    TRY(encode_side(scan, bounds->high, false, swapped ? &scan->low : &scan->high,
                    &high_bounded, empty_out));
    bool first_bounded = swapped ? high_bounded : low_bounded;
    bool last_bounded = swapped ? low_bounded : high_bounded;
    if (first_bounded) {
        range->low_inclusive = swapped ? bounds->high_inclusive : bounds->low_inclusive;
    }
    if (last_bounded) {
        range->high_inclusive = swapped ? bounds->low_inclusive : bounds->high_inclusive;
    }
    if (first_bounded || bounds->equal_count > 0) {
        range->low = buf_slice(&scan->low);
    }
    if (last_bounded || bounds->equal_count > 0) {
        range->high = buf_slice(&scan->high);
    }
    return STATUS_OK;
}

static enum status
seek(struct index_scan_node *scan, const struct index_range *range)
{
    struct execution *ex = scan->node.ex;
    if (scan->scan != NULL) {
        return index_scan_restart(scan->scan, range, ex->cx->diag);
    }
    return index_scan_open(ex->cx->txn, scan->node.plan->scan.index->id, range, &scan->scan,
                           ex->cx->diag);
}

/* ---- a list of keys ---- */

static int
compare_keys(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

static enum status
list_values(struct index_scan_node *scan, enum type_id *type_out, struct value **values_out,
            unsigned *count_out)
{
    struct execution *ex = scan->node.ex;
    struct arena *arena = &scan->node.scratch.arena;
    const struct px *any = scan->node.plan->scan.bounds->any;
    *type_out = any->args[1]->type;
    *count_out = 0;
    if (any->kind == EXPR_IN_LIST) {
        *values_out = arena_array(arena, struct value, any->arg_count);
        for (unsigned i = 1; i < any->arg_count; i++) {
            TRY(px__value(ex, any->args[i], arena, &(*values_out)[(*count_out)++]));
        }
        return STATUS_OK;
    }
    struct value array;
    TRY(px__value(ex, any->args[1], arena, &array));
    *type_out = type_info(*type_out)->element_type;
    return array.is_null
               ? STATUS_OK
               : array__values(ex, *type_out, array.bytes, arena, values_out, count_out);
}

static enum status
make_keys(struct index_scan_node *scan)
{
    struct value *values = NULL;
    unsigned count;
    enum type_id type;
    TRY(list_values(scan, &type, &values, &count));
    struct arena *arena = &scan->node.ex->run_arena;
    scan->keys = arena_array(arena, struct slice, MAX(count, 1U));
    scan->key_count = scan->next_key = 0;
    for (unsigned i = 0; i < count; i++) {
        buf_clear(&scan->low);
        if (!values[i].is_null &&
            encode_column(scan, 0, type, values[i], &scan->low) == FIT_INSIDE) {
            scan->keys[scan->key_count++] = arena_copy(arena, buf_slice(&scan->low));
        }
    }
    qsort(scan->keys, scan->key_count, sizeof(*scan->keys), compare_keys);
    unsigned kept = 0;
    for (unsigned i = 0; i < scan->key_count; i++) {
        if (kept == 0 || !slice_equal(scan->keys[kept - 1], scan->keys[i])) {
            scan->keys[kept++] = scan->keys[i];
        }
    }
    scan->key_count = kept;
    return STATUS_OK;
}

static enum status
next_key(struct index_scan_node *scan)
{
    if (scan->next_key == scan->key_count) {
        scan->ended = true;
        return STATUS_OK;
    }
    struct slice key = scan->keys[scan->next_key++];
    struct index_range range = {
        .low = key, .high = key, .low_inclusive = true, .high_inclusive = true};
    return seek(scan, &range);
}

/* ---- rows ---- */

static enum status
start(struct index_scan_node *scan)
{
    scan->started = true;
    if (scan->node.plan->scan.bounds->any != NULL) {
        TRY(make_keys(scan));
        return next_key(scan);
    }
    struct index_range range;
    bool empty;
    TRY(make_range(scan, &range, &empty));
    if (empty) {
        scan->ended = true;
        return STATUS_OK;
    }
    return seek(scan, &range);
}

static enum status
fetch(struct index_scan_node *scan)
{
    struct node *node = &scan->node;
    unsigned capacity = (unsigned)MIN(scan->view_capacity, MAX(node->bound, 1));
    unsigned count;
    TRY(index_scan_next(scan->scan, scan->views, capacity, &count, node->ex->cx->diag));
    node->out.row_count = count;
    if (count == 0) {
        if (node->plan->scan.bounds->any != NULL) {
            return next_key(scan);
        }
        scan->ended = true;
        return STATUS_OK;
    }
    scan->ended = node->plan->scan.bounds->is_single; /* there is no second row */
    decoder__begin(&scan->decoder, node->plan, count, node->out.columns, &node->scratch.arena);
    decoder__add(&scan->decoder, scan->views, count, 0, count, node->out.columns,
                 &node->scratch.arena);
    return STATUS_OK;
}

static enum status
index_scan_node_next(struct node *node, struct batch **batch_out)
{
    struct index_scan_node *scan = (struct index_scan_node *)node;
    bool any = false;
    scratch__reset(&node->scratch);
    if (!scan->started) {
        TRY(start(scan));
    }
    while (!any && !scan->ended) {
        TRY(txn_check(node->ex->cx->txn, node->ex->cx->diag));
        scratch__reset(&node->scratch);
        TRY(fetch(scan));
        TRY(scan__filter_batch(node, &any));
    }
    *batch_out = any ? &node->out : NULL;
    return STATUS_OK;
}

const struct node_ops exec__index_scan_ops = {.size = sizeof(struct index_scan_node),
                                              .open = index_scan_node_open,
                                              .restart = index_scan_node_restart,
                                              .next = index_scan_node_next,
                                              .stop = index_scan_node_stop,
                                              .close = index_scan_node_close};
