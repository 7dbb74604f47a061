/* catalog_rows.c: rows of catalog tables as values. SPDX-License-Identifier: Apache-2.0 */
#include "sql/catalog/catalog_internal.h"

#define FIXED_BYTES                                                                            \
    16 /* of a value that lies in its tuple at full length (value_to_column)                   \
        */

static const struct table_def *
builtin_table(struct sql_context *cx, uint32_t id)
{
    const struct table_def *table = catalog__builtin_by_id(cx->catalog->catalogs, id);
    ASSERT(table != NULL);
    ASSERT(table->kind == RELATION_TABLE);
    return table;
}

static const struct index_def *
builtin_index(struct sql_context *cx, uint32_t id, const struct table_def **table_out)
{
    unsigned count;
    const struct builtin_index *all = builtin_indexes(&count);
    for (unsigned i = 0; i < count; i++) {
        if (all[i].id == id) {
            *table_out = builtin_table(cx, all[i].table);
            break;
        }
    }
    ASSERT(*table_out != NULL);
    for (unsigned i = 0; i < (*table_out)->index_count; i++) {
        if ((*table_out)->indexes[i].id.v == id) {
            return &(*table_out)->indexes[i];
        }
    }
    return NULL;
}

enum status
catalog__scan(struct sql_context *cx, uint32_t index_id, const struct value *keys,
              unsigned key_count, struct catalog_scan *scan)
{
    scan->index = NULL;
    scan->heap = NULL;
    scan->row_count = scan->next_row = 0;
    scan->table = NULL;
    const struct index_def *index = builtin_index(cx, index_id, &scan->table);
    ASSERT(index != NULL);
    ASSERT(key_count <= index->storage.column_count);
    struct column_value columns[3];
    uint8_t scratch[3][FIXED_BYTES];
    for (unsigned i = 0; i < key_count; i++) {
        unsigned no = index->storage.columns[i].column_no;
        value_to_column(scan->table->columns[no].type, &keys[i], scratch[i], &columns[i]);
    }
    struct buf key = BUF_EMPTY;
    index_key_encode(&key, &index->storage, columns, key_count);
    struct index_range range = {.low = buf_slice(&key),
                                .high = buf_slice(&key),
                                .low_inclusive = true,
                                .high_inclusive = true};
    enum status status =
        index_scan_open(cx->txn, index->storage.index, &range, &scan->index, cx->diag);
    buf_deinit(&key);
    return status;
}

enum status
catalog__scan_all(struct sql_context *cx, uint32_t table_id, struct catalog_scan *scan)
{
    scan->index = NULL;
    scan->heap = NULL;
    scan->row_count = scan->next_row = 0;
    scan->table = builtin_table(cx, table_id);
    return table_scan_open(cx->txn, scan->table->id, &scan->heap, cx->diag);
}

enum status
catalog__scan_next(struct sql_context *cx, struct catalog_scan *scan, bool *found_out)
{
    *found_out = false;
    if (scan->next_row == scan->row_count) {
        scan->next_row = scan->row_count = 0;
        if (scan->index != NULL) {
            TRY(index_scan_next(scan->index, scan->rows, ARRAY_SIZE(scan->rows),
                                &scan->row_count, cx->diag));
        } else {
            TRY(table_scan_next(scan->heap, scan->rows, ARRAY_SIZE(scan->rows),
                                &scan->row_count, cx->diag));
        }
        if (scan->row_count == 0) {
            return STATUS_OK;
        }
    }
    const struct row_view *view = &scan->rows[scan->next_row++];
    const struct table_def *table = scan->table;
    struct column_value columns[CATALOG_COLUMNS_MAX];
    tuple_decode(view->tuple, table->storage.kinds, table->column_count, columns);
    for (unsigned i = 0; i < table->column_count; i++) {
        if (columns[i].is_null || columns[i].bytes.data == NULL) {
            scan->values[i] = (struct value){.is_null = true};
        } else {
            value_from_column(table->columns[i].type, &columns[i], &scan->values[i]);
        }
    }
    scan->row = view->row;
    *found_out = true;
    return STATUS_OK;
}

void
catalog__scan_close(struct catalog_scan *scan)
{
    index_scan_close(scan->index);
    table_scan_close(scan->heap);
    scan->index = NULL;
    scan->heap = NULL;
}

static void
encode_row(const struct table_def *table, const struct value *values, struct buf *out)
{
    struct column_value columns[CATALOG_COLUMNS_MAX];
    uint8_t scratch[CATALOG_COLUMNS_MAX][FIXED_BYTES];
    for (unsigned i = 0; i < table->column_count; i++) {
        columns[i] = (struct column_value){.is_null = values[i].is_null};
        if (!values[i].is_null) {
            value_to_column(table->columns[i].type, &values[i], scratch[i], &columns[i]);
        }
    }
    tuple_encode(out, table->storage.kinds, columns, table->column_count);
}

/* Names the index that a change to a catalog table ran into. */
static enum status
report_conflict(struct sql_context *cx, const struct table_def *table,
                const struct change_result *result, enum status status)
{
    for (unsigned i = 0; i < table->index_count; i++) {
        if (table->indexes[i].id.v == result->conflicting.v && result->conflicting.v != 0) {
            diag_clear(cx->diag);
            return diag_fail(cx->diag, status, SQLSTATE_UNIQUE_VIOLATION,
                             "duplicate key value violates unique constraint \"%s\"",
                             table->indexes[i].name);
        }
    }
    return status;
}

/* Another transaction changed the row since our snapshot: PostgreSQL's words for it. */
static enum status
check_outcome(struct sql_context *cx, enum row_outcome outcome)
{
    if (outcome == ROW_DONE) {
        return STATUS_OK;
    }
    return diag_fail(cx->diag, STATUS_CONFLICT, SQLSTATE_INTERNAL_ERROR,
                     "tuple concurrently updated");
}

enum status
catalog__insert(struct sql_context *cx, uint32_t table_id, const struct value *values)
{
    const struct table_def *table = builtin_table(cx, table_id);
    struct buf tuple = BUF_EMPTY;
    encode_row(table, values, &tuple);
    struct change_result result = {0};
    enum status status = table_insert(cx->txn, table->id, buf_slice(&tuple), &result, cx->diag);
    buf_deinit(&tuple);
    if (status == STATUS_CONFLICT) {
        return report_conflict(cx, table, &result, status);
    }
    return status;
}

enum status
catalog__update(struct sql_context *cx, uint32_t table_id, struct row_id row,
                const struct value *values)
{
    const struct table_def *table = builtin_table(cx, table_id);
    struct buf tuple = BUF_EMPTY, newest = BUF_EMPTY;
    encode_row(table, values, &tuple);
    struct change_result result = {0};
    enum status status =
        table_update(cx->txn, table->id, row, buf_slice(&tuple), &newest, &result, cx->diag);
    buf_deinit(&tuple);
    buf_deinit(&newest);
    if (status == STATUS_CONFLICT) {
        return report_conflict(cx, table, &result, status);
    }
    return status == STATUS_OK ? check_outcome(cx, result.outcome) : status;
}

enum status
catalog__delete(struct sql_context *cx, uint32_t table_id, struct row_id row)
{
    struct buf newest = BUF_EMPTY;
    struct change_result result = {0};
    enum status status =
        table_delete(cx->txn, (struct object_id){table_id}, row, &newest, &result, cx->diag);
    buf_deinit(&newest);
    return status == STATUS_OK ? check_outcome(cx, result.outcome) : status;
}

enum status
catalog__delete_where(struct sql_context *cx, uint32_t index_id, const struct value *keys,
                      unsigned key_count)
{
    /* Collect first: a delete may move what the scan stands on. */
    struct catalog_scan scan;
    TRY(catalog__scan(cx, index_id, keys, key_count, &scan));
    struct buf rows = BUF_EMPTY;
    bool found = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && found) {
        status = catalog__scan_next(cx, &scan, &found);
        if (status == STATUS_OK && found) {
            buf_append(&rows, &scan.row, sizeof(scan.row));
        }
    }
    uint32_t table_id = scan.table->id.v;
    catalog__scan_close(&scan);
    for (size_t at = 0; status == STATUS_OK && at < rows.size; at += sizeof(struct row_id)) {
        struct row_id row;
        memcpy(&row, rows.data + at, sizeof(row));
        status = catalog__delete(cx, table_id, row);
    }
    buf_deinit(&rows);
    return status;
}

void
catalog__row_init(const struct catalogs *catalogs, struct catalog_row *row, uint32_t table_id)
{
    row->table = catalog__builtin_by_id(catalogs, table_id);
    ASSERT(row->table != NULL);
    for (unsigned i = 0; i < row->table->column_count; i++) {
        row->values[i] = (struct value){.is_null = !row->table->columns[i].not_null};
    }
}
