/* rows.c: rows kept in memory, by column, and a hash over them. The query's memory is counted
 * here (53200 beyond it).
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/exec/exec_internal.h"

#include <stdlib.h>

#define ROWS_CAPACITY_MIN 16U

void
rows__init(struct rows *rows, struct execution *ex, const enum type_id *types,
           unsigned column_count)
{
    *rows = (struct rows){.ex = ex, .column_count = column_count};
    rows->columns = arena_array(&ex->arena, struct rows_column, MAX(column_count, 1U));
    for (unsigned i = 0; i < column_count; i++) {
        const struct type_info *info = type_info(types[i]);
        ASSERT(info != NULL);
        rows->columns[i].type = types[i];
        rows->columns[i].size = physical_size(info->physical);
        rows->columns[i].is_bytes = info->physical == PHYSICAL_BYTES;
    }
    arena_init(&rows->bytes);
}

static void
account(struct rows *rows, size_t bytes)
{
    rows->ex->memory_used += bytes;
    rows->ex->memory_used -= rows->accounted;
    rows->accounted = bytes;
}

static void
free_columns(struct rows *rows)
{
    for (unsigned i = 0; i < rows->column_count; i++) {
        free(rows->columns[i].data);
        free(rows->columns[i].nulls);
        rows->columns[i].data = NULL;
        rows->columns[i].nulls = NULL;
    }
    rows->capacity = 0;
}

void
rows__reset(struct rows *rows)
{
    rows->count = 0;
    arena_reset(&rows->bytes);
    if (rows->capacity > BATCH_ROWS_MAX) {
        free_columns(rows);
    }
    for (unsigned i = 0; i < rows->column_count; i++) {
        free(rows->columns[i].nulls);
        rows->columns[i].nulls = NULL;
    }
    account(rows, 0);
}

void
rows__deinit(struct rows *rows)
{
    if (rows->ex == NULL) {
        return;
    }
    free_columns(rows);
    arena_deinit(&rows->bytes);
    account(rows, 0);
    rows->count = 0;
}

static enum status
grow(struct rows *rows, uint32_t needed)
{
    if (needed > UINT32_MAX / 2) {
        return sql_out_of_memory(rows->ex->cx);
    }
    uint32_t capacity = MAX(rows->capacity, ROWS_CAPACITY_MIN);
    while (capacity < needed) {
        capacity *= 2;
    }
    for (unsigned i = 0; i < rows->column_count; i++) {
        struct rows_column *column = &rows->columns[i];
        void *data = realloc(column->data, (size_t)capacity * column->size);
        if (data == NULL) {
            return sql_out_of_memory(rows->ex->cx);
        }
        column->data = data;
        if (column->nulls == NULL) {
            continue;
        }
        void *nulls = realloc(column->nulls, capacity);
        if (nulls == NULL) {
            return sql_out_of_memory(rows->ex->cx);
        }
        column->nulls = nulls;
        memset(column->nulls + rows->capacity, 0, capacity - rows->capacity);
    }
    rows->capacity = capacity;
    return STATUS_OK;
}

static enum status
check_memory(struct rows *rows)
{
    size_t bytes = rows->bytes.used_bytes;
    for (unsigned i = 0; i < rows->column_count; i++) {
        const struct rows_column *column = &rows->columns[i];
        bytes += (size_t)rows->capacity * (column->size + (column->nulls != NULL ? 1U : 0U));
    }
    if (rows->hash != NULL) {
        bytes += (sizeof(*rows->hash->next) + sizeof(*rows->hash->hashes)) *
                     (size_t)rows->hash->capacity +
                 sizeof(*rows->hash->heads) * (size_t)rows->hash->head_count;
    }
    account(rows, bytes);
    uint64_t limit = rows->ex->cx->memory_limit_bytes;
    return limit != 0 && rows->ex->memory_used > limit ? sql_out_of_memory(rows->ex->cx)
                                                       : STATUS_OK;
}

static void
mark_null(struct rows *rows, struct rows_column *column, uint32_t at)
{
    if (column->nulls == NULL) {
        column->nulls = calloc(rows->capacity, 1);
        ASSERT(column->nulls != NULL);
    }
    column->nulls[at] = true;
    memset(column->data + (size_t)at * column->size, 0, column->size);
}

static inline void
store_value(struct rows *rows, struct rows_column *column, const struct vector *vector,
            unsigned row, uint32_t at)
{
    if (vector_is_null(vector, row)) {
        mark_null(rows, column, at);
        return;
    }
    if (column->nulls != NULL) {
        column->nulls[at] = false;
    }
    unsigned from = vector->is_constant ? 0 : row;
    if (column->is_bytes) {
        struct slice bytes = ((const struct slice *)vector->data)[from];
        ((struct slice *)(void *)column->data)[at] =
            bytes.size == 0 ? slice_make("", 0) : arena_copy(&rows->bytes, bytes);
        return;
    }
    const uint8_t *data = (const uint8_t *)vector->data + (size_t)from * column->size;
    memcpy(column->data + (size_t)at * column->size, data, column->size);
}

enum status
rows__append(struct rows *rows, const struct vector *vectors, unsigned count)
{
    if (rows->count + count > rows->capacity) {
        TRY(grow(rows, rows->count + count));
    }
    for (unsigned c = 0; c < rows->column_count; c++) {
        struct rows_column *column = &rows->columns[c];
        const struct vector *vector = &vectors[c];
        if (!column->is_bytes && !vector->is_constant && vector->nulls == NULL) {
            memcpy(column->data + (size_t)rows->count * column->size, vector->data,
                   (size_t)count * column->size);
            if (column->nulls != NULL) {
                memset(column->nulls + rows->count, 0, count);
            }
            continue;
        }
        for (unsigned i = 0; i < count; i++) {
            store_value(rows, column, vector, i, rows->count + i);
        }
    }
    rows->count += count;
    return check_memory(rows);
}

enum status
rows__append_row(struct rows *rows, const struct vector *vectors, unsigned row)
{
    bool grows = rows->count == rows->capacity;
    if (grows) {
        TRY(grow(rows, rows->count + 1));
    }
    for (unsigned c = 0; c < rows->column_count; c++) {
        store_value(rows, &rows->columns[c], &vectors[c], row, rows->count);
    }
    rows->count++;
    return grows || rows->count % 256 == 0 ? check_memory(rows) : STATUS_OK;
}

#define GATHER_LOOP(ctype)                                                                     \
    do {                                                                                       \
        ctype *to = out->data;                                                                 \
        const ctype *from = (const ctype *)(const void *)column->data;                         \
        for (unsigned i = 0; i < count; i++) {                                                 \
            if (LIKELY(numbers[i] != ROW_NONE)) {                                              \
                to[i] = from[numbers[i]];                                                      \
            }                                                                                  \
        }                                                                                      \
    } while (0)

struct wide {
    uint64_t word[2];
};

void
rows__gather(const struct rows *rows, unsigned column_no, const uint32_t *numbers,
             unsigned count, struct vector *out, struct arena *arena)
{
    const struct rows_column *column = &rows->columns[column_no];
    vector_init(out, column->type, count, arena);
    switch (column->size) {
    case 1:
        GATHER_LOOP(uint8_t);
        break;
    case 2:
        GATHER_LOOP(uint16_t);
        break;
    case 4:
        GATHER_LOOP(uint32_t);
        break;
    case 8:
        GATHER_LOOP(uint64_t);
        break;
    default:
        GATHER_LOOP(struct wide);
        break;
    }
    for (unsigned i = 0; i < count; i++) {
        if (numbers[i] == ROW_NONE) {
            vector__set_any(out, i, &(struct value){.is_null = true}, count, arena);
        } else if (column->nulls != NULL && column->nulls[numbers[i]]) {
            vector_nulls(out, count, arena)[i] = true;
        }
    }
}

void
rows__window(const struct rows *rows, unsigned column_no, uint32_t first, struct vector *out)
{
    const struct rows_column *column = &rows->columns[column_no];
    *out = (struct vector){
        .type = column->type,
        .nulls = column->nulls == NULL ? NULL : column->nulls + first,
        .data = column->data + (size_t)first * column->size,
    };
}

static bool
column_equal(const struct rows_column *column, uint32_t number, const struct vector *vector,
             unsigned row)
{
    bool a_null = column->nulls != NULL && column->nulls[number];
    bool b_null = vector_is_null(vector, row);
    if (a_null || b_null) {
        return a_null && b_null;
    }
    const uint8_t *a = column->data + (size_t)number * column->size;
    if (!type_compares_bytes(column->type)) {
        struct vector stored = {.type = column->type, .data = column->data};
        struct value x, y;
        vector_get(&stored, number, &x);
        vector_get(vector, row, &y);
        return value_compare(column->type, &x, &y) == 0;
    }
    if (column->is_bytes) {
        return slice_equal(*(const struct slice *)(const void *)a,
                           VECTOR_AT(vector, struct slice, row));
    }
    unsigned from = vector->is_constant ? 0 : row;
    const uint8_t *b = (const uint8_t *)vector->data + (size_t)from * column->size;
    return column->size == 8   ? memcmp(a, b, 8) == 0
           : column->size == 4 ? memcmp(a, b, 4) == 0
                               : memcmp(a, b, column->size) == 0;
}

bool
rows__equal(const struct rows *rows, uint32_t number, unsigned first_column,
            const struct vector *vectors, unsigned vector_count, unsigned row)
{
    for (unsigned i = 0; i < vector_count; i++) {
        if (!column_equal(&rows->columns[first_column + i], number, &vectors[i], row)) {
            return false;
        }
    }
    return true;
}

#define COMPARE(ctype)                                                                         \
    do {                                                                                       \
        const ctype *data = (const ctype *)(const void *)column->data;                         \
        return data[a] < data[b] ? -1 : data[a] > data[b];                                     \
    } while (0)

/* Both not NULL. */
int
rows__compare_column(const struct rows *rows, unsigned column_no, uint32_t a, uint32_t b)
{
    const struct rows_column *column = &rows->columns[column_no];
    switch (column->type) {
    case TYPE_INT2:
        COMPARE(int16_t);
    case TYPE_INT4:
    case TYPE_DATE:
        COMPARE(int32_t);
    case TYPE_INT8:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        COMPARE(int64_t);
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_NAME:
    case TYPE_BYTEA: {
        const struct slice *data = (const struct slice *)(const void *)column->data;
        return slice_compare(data[a], data[b]);
    }
    case TYPE_BPCHAR: {
        const struct slice *data = (const struct slice *)(const void *)column->data;
        if (slice_equal(data[a], data[b])) {
            return 0; /* spares looking for trailing spaces */
        }
        break;
    }
    default:
        break;
    }
    struct vector stored = {.type = column->type, .data = column->data};
    struct value x, y;
    vector_get(&stored, a, &x);
    vector_get(&stored, b, &y);
    return value_compare(column->type, &x, &y);
}

/* ---- hash ---- */

void
row_hash__reset(struct row_hash *hash)
{
    hash->count = 0;
    for (uint32_t i = 0; i < hash->head_count; i++) {
        hash->heads[i] = ROW_NONE;
    }
}

void
row_hash__deinit(struct row_hash *hash)
{
    free(hash->heads);
    free(hash->next);
    free(hash->hashes);
    *hash = (struct row_hash){0};
}

static void
link_row(struct row_hash *hash, uint32_t number)
{
    uint32_t *head = &hash->heads[hash->hashes[number] & (hash->head_count - 1)];
    hash->next[number] = *head;
    *head = number;
}

static void
grow_hash(struct row_hash *hash)
{
    hash->capacity = MAX(hash->capacity * 2, ROWS_CAPACITY_MIN);
    hash->head_count = hash->capacity * 2; /* a power of two */
    hash->next = realloc(hash->next, sizeof(*hash->next) * hash->capacity);
    hash->hashes = realloc(hash->hashes, sizeof(*hash->hashes) * hash->capacity);
    hash->heads = realloc(hash->heads, sizeof(*hash->heads) * hash->head_count);
    ASSERT(hash->next != NULL && hash->hashes != NULL && hash->heads != NULL);
    memset(hash->heads, 0xff, sizeof(*hash->heads) * hash->head_count);
    for (uint32_t i = 0; i < hash->count; i++) {
        link_row(hash, i);
    }
}

void
row_hash__add(struct row_hash *hash, uint64_t value)
{
    if (hash->count == hash->capacity) {
        grow_hash(hash);
    }
    hash->hashes[hash->count] = value;
    link_row(hash, hash->count++);
}

static uint32_t
find(const struct rows *rows, const struct row_hash *hash, const struct vector *vectors,
     unsigned column_count, unsigned row, uint64_t value)
{
    uint32_t number = row_hash__first(hash, value);
    while (number != ROW_NONE && (hash->hashes[number] != value ||
                                  !rows__equal(rows, number, 0, vectors, column_count, row))) {
        number = hash->next[number];
    }
    return number;
}

bool
row_set__contains(const struct rows *rows, const struct row_hash *hash,
                  const struct vector *vectors, unsigned column_count, unsigned row,
                  uint64_t value)
{
    return find(rows, hash, vectors, column_count, row, value) != ROW_NONE;
}

enum status
row_set__find_or_add(struct rows *rows, struct row_hash *hash, const struct vector *vectors,
                     unsigned column_count, unsigned row, uint64_t value, uint32_t *number_out,
                     bool *added_out)
{
    *number_out = find(rows, hash, vectors, column_count, row, value);
    *added_out = *number_out == ROW_NONE;
    if (*added_out) {
        *number_out = rows->count;
        rows->hash = hash;
        TRY(rows__append_row(rows, vectors, row));
        row_hash__add(hash, value);
    }
    return STATUS_OK;
}
