/* sort.c: ORDER BY in memory; with a bound only the first rows are kept (top-N).
 *
 * Row numbers are sorted, not rows. The first key of each row is turned into a word whose order
 * agrees with the key's order (bytes: their first eight); equal words are compared in full.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/exec/exec_internal.h"

#include <stdlib.h>

#define COMPARISONS_UNCHECKED 65536U
#define SORT_BYTES_FREE ((size_t)1 << 20) /* a small sort never fails for its order alone */

struct sort_item {
    uint64_t word;
    uint32_t row;
    bool exact; /* equal words are equal first keys */
};

struct sort_node {
    struct node node;
    bool sorted;
    struct rows rows, spare; /* input columns, then the keys; spare: for cutting to the bound */
    unsigned *key_columns;   /* in rows */
    enum type_id *types;
    unsigned column_count;
    struct sort_item *items;
    uint32_t next;
    uint32_t comparisons;
    bool cancelled; /* while sorting: the order does not matter any more */
    struct scratch input;
};

static enum status
sort_open(struct node *node)
{
    struct sort_node *sort = (struct sort_node *)node;
    const struct plan_node *plan = node->plan;
    struct arena *arena = &node->ex->arena;
    unsigned key_count = plan->sort.key_count;
    sort->types = arena_array(arena, enum type_id, plan->column_count + key_count + 1);
    sort->key_columns = arena_array(arena, unsigned, MAX(key_count, 1U));
    memcpy(sort->types, plan->types, plan->column_count * sizeof(*plan->types));
    sort->column_count = plan->column_count;
    for (unsigned i = 0; i < key_count; i++) {
        const struct px *px = plan->sort.keys[i].px;
        if (px->kind == EXPR_COLUMN) {
            sort->key_columns[i] = px->no;
        } else {
            sort->types[sort->column_count] = px->type;
            sort->key_columns[i] = sort->column_count++;
        }
    }
    rows__init(&sort->rows, node->ex, sort->types, sort->column_count);
    rows__init(&sort->spare, node->ex, sort->types, sort->column_count);
    return STATUS_OK;
}

static void
sort_close(struct node *node)
{
    struct sort_node *sort = (struct sort_node *)node;
    rows__deinit(&sort->rows);
    rows__deinit(&sort->spare);
    free(sort->items);
    scratch__deinit(&sort->input);
}

static void
sort_restart(struct node *node)
{
    struct sort_node *sort = (struct sort_node *)node;
    exec__restart(node->left);
    rows__reset(&sort->rows);
    rows__reset(&sort->spare);
    free(sort->items);
    sort->items = NULL;
    sort->sorted = false;
    sort->next = 0;
}

/* ---- order ---- */

static uint64_t
word_of_double(double value)
{
    uint64_t bits;
    if (value != value) {
        return UINT64_MAX - 1; /* NaN: above all */
    }
    value = value == 0 ? 0 : value;
    memcpy(&bits, &value, sizeof(bits));
    return (bits >> 63) != 0 ? ~bits : bits | (uint64_t)1 << 63;
}

static uint64_t
word_of_bytes(struct slice bytes)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++) {
        word = word << 8 | (i < bytes.size ? bytes.data[i] : 0U);
    }
    return word;
}

/* False: equal words say nothing. */
static bool
word_of(enum type_id type, const struct value *value, uint64_t *word_out)
{
    switch (type_info(type)->physical) {
    case PHYSICAL_BOOL:
        *word_out = value->b;
        return true;
    case PHYSICAL_I16:
        *word_out = (uint64_t)(int64_t)value->i16 ^ (uint64_t)1 << 63;
        return true;
    case PHYSICAL_I32:
        *word_out = (uint64_t)(int64_t)value->i32 ^ (uint64_t)1 << 63;
        return true;
    case PHYSICAL_U32:
        *word_out = value->u32;
        return true;
    case PHYSICAL_I64:
        *word_out = (uint64_t)value->i64 ^ (uint64_t)1 << 63;
        return true;
    case PHYSICAL_F32:
        *word_out = word_of_double((double)value->f32);
        return true;
    case PHYSICAL_F64:
        *word_out = word_of_double(value->f64);
        return true;
    case PHYSICAL_INTERVAL:
        break;
    case PHYSICAL_BYTES:
        if (type == TYPE_TEXT || type == TYPE_VARCHAR || type == TYPE_NAME ||
            type == TYPE_BYTEA) {
            *word_out = word_of_bytes(value->bytes);
            return false;
        }
        if (type == TYPE_BPCHAR) { /* trailing spaces do not count */
            struct slice bytes = value->bytes;
            while (bytes.size > 0 && bytes.data[bytes.size - 1] == ' ') {
                bytes.size--;
            }
            *word_out = word_of_bytes(bytes);
            return false;
        }
        break;
    }
    *word_out = (uint64_t)1 << 63;
    return false;
}

/* NULLs take the ends; a value never does, so that the word decides between them. */
static struct sort_item
make_item(const struct sort_node *sort, uint32_t row)
{
    const struct plan_sort_key *key = &sort->node.plan->sort.keys[0];
    const struct rows_column *column = &sort->rows.columns[sort->key_columns[0]];
    struct sort_item item = {.row = row, .exact = true};
    if (column->nulls != NULL && column->nulls[row]) {
        item.word = key->nulls_first ? 0 : UINT64_MAX;
        return item;
    }
    struct vector stored = {.type = column->type, .data = column->data};
    struct value value;
    vector_get(&stored, row, &value);
    item.exact = word_of(column->type, &value, &item.word);
    if (key->descending) {
        item.word = ~item.word;
    }
    if (item.word == 0 || item.word == UINT64_MAX) { /* the NULLs' places */
        item.word = item.word == 0 ? 1 : UINT64_MAX - 1;
        item.exact = false;
    }
    if (item.word == 1 || item.word == UINT64_MAX - 1) {
        item.exact = false;
    }
    return item;
}

static int
compare_key(const struct sort_node *sort, unsigned no, uint32_t a, uint32_t b)
{
    const struct plan_sort_key *key = &sort->node.plan->sort.keys[no];
    const struct rows_column *column = &sort->rows.columns[sort->key_columns[no]];
    bool a_null = column->nulls != NULL && column->nulls[a];
    bool b_null = column->nulls != NULL && column->nulls[b];
    if (a_null || b_null) {
        return a_null == b_null ? 0 : (a_null == key->nulls_first ? -1 : 1);
    }
    int order = rows__compare_column(&sort->rows, sort->key_columns[no], a, b);
    return key->descending ? -order : order;
}

static int
compare_items(const void *a, const void *b, void *arg)
{
    const struct sort_item *x = a, *y = b;
    struct sort_node *sort = arg;
    if (UNLIKELY(++sort->comparisons % COMPARISONS_UNCHECKED == 0)) {
        sort->cancelled = sort->cancelled || waiter_check(txn_waiter(sort->node.ex->cx->txn));
    }
    if (UNLIKELY(sort->cancelled)) {
        return 0; /* the rest is quickly done */
    }
    if (x->word != y->word) {
        return x->word < y->word ? -1 : 1;
    }
    unsigned first = x->exact && y->exact ? 1 : 0;
    for (unsigned i = first; i < sort->node.plan->sort.key_count; i++) {
        int order = compare_key(sort, i, x->row, y->row);
        if (order != 0) {
            return order;
        }
    }
    return x->row < y->row ? -1 : x->row > y->row; /* as they came */
}

static enum status
sort_rows(struct sort_node *sort)
{
    struct execution *ex = sort->node.ex;
    size_t bytes = sizeof(*sort->items) * MAX(sort->rows.count, 1U);
    uint64_t limit = ex->cx->memory_limit_bytes;
    free(sort->items);
    sort->items =
        limit != 0 && ex->memory_used + bytes > limit + SORT_BYTES_FREE ? NULL : malloc(bytes);
    if (sort->items == NULL) {
        return sql_out_of_memory(ex->cx);
    }
    sort->cancelled = false;
    for (uint32_t i = 0; i < sort->rows.count; i++) {
        sort->items[i] = make_item(sort, i);
    }
    qsort_r(sort->items, sort->rows.count, sizeof(*sort->items), compare_items, sort);
    return sort->cancelled ? txn_check(ex->cx->txn, ex->cx->diag) : STATUS_OK;
}

/* ---- rows ---- */

static void
gather_items(const struct sort_node *sort, const struct rows *rows, uint32_t first,
             unsigned count, unsigned column_count, struct vector *out, struct arena *arena)
{
    uint32_t numbers[BATCH_ROWS_MAX];
    for (unsigned i = 0; i < count; i++) {
        numbers[i] = sort->items[first + i].row;
    }
    for (unsigned i = 0; i < column_count; i++) {
        rows__gather(rows, i, numbers, count, &out[i], arena);
    }
}

/* Keeps the first `bound` rows in order. */
static enum status
cut_to_bound(struct sort_node *sort)
{
    TRY(sort_rows(sort));
    uint32_t keep = (uint32_t)MIN(sort->node.bound, sort->rows.count);
    rows__reset(&sort->spare);
    for (uint32_t first = 0; first < keep; first += BATCH_ROWS_MAX) {
        unsigned count = MIN(keep - first, (uint32_t)BATCH_ROWS_MAX);
        scratch__reset(&sort->input);
        struct arena *arena = &sort->input.arena;
        struct vector *columns = arena_array(arena, struct vector, sort->column_count + 1);
        gather_items(sort, &sort->rows, first, count, sort->column_count, columns, arena);
        TRY(rows__append(&sort->spare, columns, count));
    }
    struct rows swap = sort->rows;
    sort->rows = sort->spare;
    sort->spare = swap;
    rows__reset(&sort->spare);
    return STATUS_OK;
}

static enum status
take_batch(struct sort_node *sort, const struct batch *in)
{
    const struct plan_node *plan = sort->node.plan;
    scratch__reset(&sort->input);
    struct arena *arena = &sort->input.arena;
    struct vector *columns = arena_array(arena, struct vector, sort->column_count + 1);
    if (plan->column_count > 0) {
        memcpy(columns, in->columns, plan->column_count * sizeof(*columns));
    }
    for (unsigned i = 0; i < plan->sort.key_count; i++) {
        if (sort->key_columns[i] >= plan->column_count) {
            TRY(px__eval(sort->node.ex, plan->sort.keys[i].px, in, arena,
                         &columns[sort->key_columns[i]]));
        }
    }
    return rows__append(&sort->rows, columns, in->row_count);
}

static enum status
build(struct sort_node *sort)
{
    struct node *node = &sort->node;
    uint64_t cut_at =
        node->bound > UINT32_MAX / 4 ? UINT64_MAX : node->bound * 2 + 4 * BATCH_ROWS_MAX;
    for (;;) {
        struct batch *in;
        TRY(exec__next(node->left, &in));
        if (in == NULL) {
            break;
        }
        TRY(txn_check(node->ex->cx->txn, node->ex->cx->diag));
        TRY(take_batch(sort, in));
        if (sort->rows.count >= cut_at) {
            TRY(cut_to_bound(sort));
        }
    }
    TRY(sort_rows(sort));
    sort->sorted = true;
    return STATUS_OK;
}

static enum status
sort_next(struct node *node, struct batch **batch_out)
{
    struct sort_node *sort = (struct sort_node *)node;
    if (!sort->sorted) {
        TRY(build(sort));
    }
    unsigned count = (unsigned)MIN(sort->rows.count - sort->next, (uint32_t)BATCH_ROWS_MAX);
    if (count == 0) {
        return STATUS_OK;
    }
    scratch__reset(&node->scratch);
    gather_items(sort, &sort->rows, sort->next, count, node->plan->column_count,
                 node->out.columns, &node->scratch.arena);
    node->out.row_count = count;
    sort->next += count;
    *batch_out = &node->out;
    return STATUS_OK;
}

const struct node_ops exec__sort_ops = {.size = sizeof(struct sort_node),
                                        .open = sort_open,
                                        .restart = sort_restart,
                                        .next = sort_next,
                                        .close = sort_close};
