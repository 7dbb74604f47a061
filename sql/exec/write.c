/* write.c: rows to tuples, and the errors of PostgreSQL when one is refused.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/catalog/catalog_change.h"
#include "sql/exec/exec_internal.h"

#include <stdio.h>

#define DETAIL_VALUE_MAX 64U /* bytes of a value in "Failing row contains" */

void
row_writer__init(struct row_writer *writer, const struct table_def *table, struct arena *arena)
{
    *writer = (struct row_writer){.table = table};
    writer->values = arena_array(arena, struct column_value, MAX(table->column_count, 1U));
    for (unsigned i = 0; i < table->column_count; i++) {
        writer->values[i].is_null = true;
    }
}

void
row_writer__deinit(struct row_writer *writer)
{
    buf_deinit(&writer->tuple);
}

static enum physical
column_physical(const struct row_writer *writer, unsigned column_no)
{
    return type_info(writer->table->columns[column_no].type)->physical;
}

/* Values lie in vectors as they lie in tuples: little-endian, of the same size. */
void
row_writer__set(struct row_writer *writer, unsigned column_no, const struct vector *vector,
                unsigned row)
{
    struct column_value *value = &writer->values[column_no];
    enum physical physical = column_physical(writer, column_no);
    value->is_null = vector_is_null(vector, row);
    if (value->is_null) {
        value->bytes = (struct slice){0};
        return;
    }
    ASSERT(type_info(vector->type)->physical == physical);
    if (physical == PHYSICAL_BYTES) {
        value->bytes = VECTOR_AT(vector, struct slice, row);
        return;
    }
    unsigned size = physical_size(physical);
    unsigned from = vector->is_constant ? 0 : row;
    value->bytes = slice_make((const uint8_t *)vector->data + (size_t)from * size, size);
}

void
row_writer__set_value(struct row_writer *writer, unsigned column_no, const struct value *value)
{
    struct column_value *to = &writer->values[column_no];
    enum physical physical = column_physical(writer, column_no);
    to->is_null = value->is_null;
    to->bytes = value->is_null ? (struct slice){0}
                : physical == PHYSICAL_BYTES
                    ? value->bytes
                    : slice_make(&value->bytes, physical_size(physical)); /* the union */
}

void
row_writer__load(struct row_writer *writer, struct slice tuple)
{
    const struct table_def *table = writer->table;
    tuple_decode(tuple, table->storage.kinds, table->column_count, writer->values);
    for (unsigned i = tuple_column_count(tuple); i < table->column_count; i++) {
        writer->values[i].is_null = true;
    }
}

static void
append_value(const struct row_writer *writer, unsigned column_no, struct buf *out)
{
    const struct column_value *column = &writer->values[column_no];
    enum type_id type = writer->table->columns[column_no].type;
    if (column->is_null) {
        buf_append_text(out, "null");
        return;
    }
    struct value value;
    value_from_column(type, column, &value);
    value_to_text(type, &value, out);
}

static enum status
null_violation(const struct row_writer *writer, unsigned column_no, struct diag *diag)
{
    const struct table_def *table = writer->table;
    const struct column_def *column = &table->columns[column_no];
    enum status status =
        diag_fail(diag, STATUS_INVALID, SQLSTATE_NOT_NULL_VIOLATION,
                  "null value in column \"%s\" of relation \"%s\" violates not-null constraint",
                  column->name, table->name);
    struct buf row = BUF_EMPTY;
    for (unsigned i = 0; i < table->column_count; i++) {
        if (table->columns[i].dropped) {
            continue;
        }
        buf_append_text(&row, row.size > 0 ? ", " : "");
        size_t begin = row.size;
        append_value(writer, i, &row);
        if (row.size - begin > DETAIL_VALUE_MAX) {
            row.size = begin + DETAIL_VALUE_MAX;
            while ((row.data[row.size] & 0xc0U) == 0x80) { /* not within a character */
                row.size--;
            }
            buf_append_text(&row, "...");
        }
    }
    diag_detail(diag, "Failing row contains (%.*s).", (int)row.size, (const char *)row.data);
    buf_deinit(&row);
    if (diag != NULL) {
        catalog_name_table(diag, table);
        snprintf(diag->column_name, sizeof(diag->column_name), "%s", column->name);
    }
    return status;
}

enum status
row_writer__encode(struct row_writer *writer, struct sql_context *cx, struct slice *tuple_out)
{
    const struct table_def *table = writer->table;
    for (unsigned i = 0; i < table->column_count; i++) {
        if (UNLIKELY(writer->values[i].is_null && table->columns[i].not_null &&
                     !table->columns[i].dropped)) {
            return null_violation(writer, i, cx->diag);
        }
    }
    buf_clear(&writer->tuple);
    tuple_encode(&writer->tuple, table->storage.kinds, writer->values, table->column_count);
    *tuple_out = buf_slice(&writer->tuple);
    return STATUS_OK;
}

static const struct index_def *
find_index(const struct table_def *table, struct object_id id)
{
    for (unsigned i = 0; i < table->index_count; i++) {
        if (table->indexes[i].id.v == id.v) {
            return &table->indexes[i];
        }
    }
    return NULL;
}

/* Storage knows numbers only: the names are put in here. */
enum status
row_writer__refused(const struct row_writer *writer, struct sql_context *cx,
                    const struct change_result *result, enum status status)
{
    const struct index_def *index = find_index(writer->table, result->conflicting);
    if (result->conflicting.v == 0 || index == NULL || cx->diag == NULL) {
        return status;
    }
    const char *name = index->constraint_name != NULL ? index->constraint_name : index->name;
    struct buf names = BUF_EMPTY, values = BUF_EMPTY;
    for (unsigned i = 0; i < index->storage.column_count; i++) {
        unsigned column_no = index->storage.columns[i].column_no;
        buf_append_text(&names, i > 0 ? ", " : "");
        buf_append_text(&values, i > 0 ? ", " : "");
        catalog_quote_identifier(writer->table->columns[column_no].name, &names);
        append_value(writer, column_no, &values);
    }
    diag_clear(cx->diag);
    status = diag_fail(cx->diag, STATUS_CONFLICT, SQLSTATE_UNIQUE_VIOLATION,
                       "duplicate key value violates unique constraint \"%s\"", name);
    diag_detail(cx->diag, "Key (%.*s)=(%.*s) already exists.", (int)names.size,
                (const char *)names.data, (int)values.size, (const char *)values.data);
    catalog_name_table(cx->diag, writer->table);
    snprintf(cx->diag->constraint_name, sizeof(cx->diag->constraint_name), "%s", name);
    buf_deinit(&names);
    buf_deinit(&values);
    return status;
}
