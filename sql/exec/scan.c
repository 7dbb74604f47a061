/* scan.c: rows of tables and views as batches: sequential, and the decoding that index scans
 * share. Only the columns wanted are decoded; bytes are borrowed from the pinned page.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/exec/scan.h"

#define TUPLE_HEADER_BYTES 4U
#define PAGE_ROWS_MAX 512U

void
decoder__init(struct decoder *decoder, const struct plan_node *plan, struct arena *arena)
{
    const struct table_def *table = plan->scan.table;
    decoder->fixed_only = true;
    decoder->row_slot = decoder->tuple_slot = -1;
    for (unsigned i = 0; i < plan->column_count; i++) {
        unsigned column_no = plan->scan.columns[i].column_no;
        if (column_no == COLUMN_NO_ROW_ID) {
            decoder->row_slot = (int)i;
        } else if (column_no == COLUMN_NO_TUPLE) {
            decoder->tuple_slot = (int)i;
            decoder->fixed_only = false;
        } else {
            decoder->count = MAX(decoder->count, column_no + 1);
        }
    }
    decoder->steps = arena_array(arena, struct decode_step, MAX(decoder->count, 1U));
    for (unsigned c = 0; c < decoder->count; c++) {
        decoder->steps[c].slot = -1;
        decoder->steps[c].size = column_kind_size(table->storage.kinds[c]);
    }
    for (unsigned i = 0; i < plan->column_count; i++) {
        unsigned column_no = plan->scan.columns[i].column_no;
        if (column_no >= COLUMN_NO_ROW_ID) {
            continue;
        }
        struct decode_step *step = &decoder->steps[column_no];
        unsigned size = physical_size(type_info(plan->types[i])->physical);
        step->slot = (int)i;
        ASSERT(step->size == 0 ? size == sizeof(struct slice) : size == step->size);
        decoder->fixed_only = decoder->fixed_only && step->size != 0;
    }
}

static inline uint64_t
next_varint(const uint8_t **at)
{
    const uint8_t *next = *at;
    uint64_t value = *next & 0x7fU;
    for (unsigned shift = 7; (*next++ & 0x80U) != 0; shift += 7) {
        value |= (uint64_t)(*next & 0x7fU) << shift;
    }
    *at = next;
    return value;
}

static inline void
put_fixed(void *data, unsigned row, unsigned size, const uint8_t *bytes)
{
    switch (size) {
    case 1:
        ((uint8_t *)data)[row] = *bytes;
        return;
    case 2:
        memcpy((uint8_t *)data + (size_t)row * 2, bytes, 2);
        return;
    case 4:
        memcpy((uint8_t *)data + (size_t)row * 4, bytes, 4);
        return;
    default:
        memcpy((uint8_t *)data + (size_t)row * 8, bytes, 8);
    }
}

static void
put_null(struct vector *column, unsigned row, unsigned capacity, struct arena *arena)
{
    vector__set_any(column, row, &(struct value){.is_null = true}, capacity, arena);
}

/* Walks the tuple once (storage/heap/tuple.h has its layout); storage checked it. */
static void
decode_columns(const struct decoder *decoder, struct slice tuple, unsigned row,
               unsigned capacity, struct vector *columns, struct arena *arena)
{
    unsigned stored = tuple_column_count(tuple);
    const uint8_t *bitmap = tuple.data + TUPLE_HEADER_BYTES;
    const uint8_t *next = bitmap + (stored + 7U) / 8U;
    for (unsigned c = 0; c < decoder->count; c++) {
        const struct decode_step *step = &decoder->steps[c];
        struct vector *column = step->slot < 0 ? NULL : &columns[step->slot];
        if (UNLIKELY(c >= stored || ((unsigned)bitmap[c / 8] >> (c % 8) & 1U) != 0)) {
            if (column != NULL) {
                put_null(column, row, capacity, arena);
            }
            continue;
        }
        if (step->size != 0) {
            if (column != NULL) {
                put_fixed(column->data, row, step->size, next);
            }
            next += step->size;
            continue;
        }
        size_t size = (size_t)(next_varint(&next) >> 1);
        if (column != NULL) {
            ((struct slice *)column->data)[row] = slice_make(next, size);
        }
        next += size;
    }
    ASSERT(next <= tuple.data + tuple.size);
}

void
decoder__begin(const struct decoder *decoder, const struct plan_node *plan, unsigned capacity,
               struct vector *columns, struct arena *arena)
{
    UNUSED(decoder);
    for (unsigned i = 0; i < plan->column_count; i++) {
        vector_init(&columns[i], plan->types[i], capacity, arena);
    }
}

void
decoder__add(const struct decoder *decoder, const struct row_view *views, unsigned count,
             unsigned first, unsigned capacity, struct vector *columns, struct arena *arena)
{
    for (unsigned i = 0; i < count; i++) {
        decode_columns(decoder, views[i].tuple, first + i, capacity, columns, arena);
    }
    if (decoder->row_slot >= 0) {
        int64_t *rows = columns[decoder->row_slot].data;
        for (unsigned i = 0; i < count; i++) {
            rows[first + i] = (int64_t)views[i].row.v;
        }
    }
    if (decoder->tuple_slot >= 0) {
        struct slice *tuples = columns[decoder->tuple_slot].data;
        for (unsigned i = 0; i < count; i++) {
            tuples[first + i] = views[i].tuple;
        }
    }
}

enum status
scan__filter_batch(struct node *node, bool *any_out)
{
    struct batch *out = &node->out;
    *any_out = out->row_count > 0;
    if (node->plan->filter == NULL || out->row_count == 0) {
        return STATUS_OK;
    }
    struct arena *arena = &node->scratch.arena;
    uint16_t *rows = arena_alloc(arena, out->row_count * sizeof(*rows));
    unsigned count;
    TRY(px__select(node->ex, node->plan->filter, out, arena, rows, &count));
    if (count < out->row_count) {
        for (unsigned i = 0; count > 0 && i < out->column_count; i++) {
            vector_select(&out->columns[i], rows, count);
        }
        out->row_count = count;
    }
    *any_out = count > 0;
    return STATUS_OK;
}

/* ---- sequential ---- */

struct seq_scan_node {
    struct node node;
    struct table_scan *scan;
    struct decoder decoder;
    struct row_view *views; /* PAGE_ROWS_MAX */
    unsigned target;        /* rows wanted in a batch: few at first, LIMIT may stop us */
    bool ended;
};

static enum status
seq_scan_open(struct node *node)
{
    struct seq_scan_node *scan = (struct seq_scan_node *)node;
    decoder__init(&scan->decoder, node->plan, &node->ex->arena);
    scan->views = arena_array(&node->ex->arena, struct row_view, PAGE_ROWS_MAX);
    return STATUS_OK;
}

static void
seq_scan_stop(struct node *node)
{
    struct seq_scan_node *scan = (struct seq_scan_node *)node;
    table_scan_close(scan->scan);
    scan->scan = NULL;
}

static void
seq_scan_restart(struct node *node)
{
    struct seq_scan_node *scan = (struct seq_scan_node *)node;
    seq_scan_stop(node);
    scan->ended = false;
    scan->target = 1;
}

/* One page borrows its bytes; columns of fixed size are copied, so that several pages make one
 * batch. */
static enum status
seq_scan_fill(struct seq_scan_node *scan)
{
    struct node *node = &scan->node;
    struct arena *arena = &node->scratch.arena;
    struct batch *out = &node->out;
    unsigned capacity = scan->decoder.fixed_only ? BATCH_ROWS_MAX : PAGE_ROWS_MAX;
    unsigned target = scan->decoder.fixed_only ? scan->target : 1;
    out->row_count = 0;
    decoder__begin(&scan->decoder, node->plan, capacity, out->columns, arena);
    while (out->row_count < target && out->row_count + PAGE_ROWS_MAX <= capacity) {
        unsigned count;
        TRY(table_scan_next(scan->scan, scan->views, PAGE_ROWS_MAX, &count,
                            node->ex->cx->diag));
        if (count == 0) {
            scan->ended = true;
            break;
        }
        decoder__add(&scan->decoder, scan->views, count, out->row_count, capacity, out->columns,
                     arena);
        out->row_count += count;
    }
    if (node->bound == ROWS_UNBOUNDED) {
        scan->target = MIN(scan->target * 8, (unsigned)BATCH_ROWS_MAX);
    }
    return STATUS_OK;
}

static enum status
seq_scan_next(struct node *node, struct batch **batch_out)
{
    struct seq_scan_node *scan = (struct seq_scan_node *)node;
    struct execution *ex = node->ex;
    bool any = false;
    while (!any && !scan->ended) {
        TRY(txn_check(ex->cx->txn, ex->cx->diag));
        if (scan->scan == NULL) {
            TRY(table_scan_open(ex->cx->txn, node->plan->scan.table->id, &scan->scan,
                                ex->cx->diag));
        }
        scratch__reset(&node->scratch);
        TRY(seq_scan_fill(scan));
        TRY(scan__filter_batch(node, &any));
    }
    if (any) {
        *batch_out = &node->out;
    } else {
        seq_scan_stop(node);
    }
    return STATUS_OK;
}

const struct node_ops exec__seq_scan_ops = {.size = sizeof(struct seq_scan_node),
                                            .open = seq_scan_open,
                                            .restart = seq_scan_restart,
                                            .next = seq_scan_next,
                                            .stop = seq_scan_stop};

/* ---- views: rows made by a function, all at once ---- */

struct view_scan_node {
    struct node node;
    uint64_t run_no; /* of the values */
    struct value *values;
    unsigned row_count, next_row;
};

static void
view_scan_restart(struct node *node)
{
    ((struct view_scan_node *)node)->next_row = 0;
}

static enum status
view_scan_fetch(struct view_scan_node *view)
{
    struct execution *ex = view->node.ex;
    const struct table_def *table = view->node.plan->scan.table;
    if (view->run_no != ex->run_no) {
        TRY(table->view_rows(table, ex->cx, &view->values, &view->row_count));
        view->run_no = ex->run_no;
    }
    return STATUS_OK;
}

static void
view_scan_column(struct view_scan_node *view, unsigned slot, unsigned count)
{
    struct node *node = &view->node;
    const struct table_def *table = node->plan->scan.table;
    unsigned column_no = node->plan->scan.columns[slot].column_no;
    struct vector *column = &node->out.columns[slot];
    vector_init(column, node->plan->types[slot], count, &node->scratch.arena);
    for (unsigned i = 0; i < count; i++) {
        size_t at = (size_t)(view->next_row + i) * table->column_count + column_no;
        vector__set_any(column, i, &view->values[at], count, &node->scratch.arena);
    }
}

static enum status
view_scan_next(struct node *node, struct batch **batch_out)
{
    struct view_scan_node *view = (struct view_scan_node *)node;
    TRY(view_scan_fetch(view));
    bool any = false;
    while (!any && view->next_row < view->row_count) {
        TRY(txn_check(node->ex->cx->txn, node->ex->cx->diag));
        scratch__reset(&node->scratch);
        unsigned count = MIN(view->row_count - view->next_row, BATCH_ROWS_MAX);
        for (unsigned i = 0; i < node->plan->column_count; i++) {
            view_scan_column(view, i, count);
        }
        node->out.row_count = count;
        view->next_row += count;
        TRY(scan__filter_batch(node, &any));
    }
    *batch_out = any ? &node->out : NULL;
    return STATUS_OK;
}

const struct node_ops exec__view_scan_ops = {.size = sizeof(struct view_scan_node),
                                             .restart = view_scan_restart,
                                             .next = view_scan_next};
