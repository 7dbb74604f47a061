/* definition.c: tables and indexes as bytes of the log (see table.h, docs/format/tuple.md).
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "storage/heap/table.h"

#define DEFINITION_VERSION 1

enum { INDEX_UNIQUE = 1 };
enum { COLUMN_DESCENDING = 1, COLUMN_NULLS_FIRST = 2 };

static bool
kind_known(unsigned kind)
{
    return kind >= COLUMN_BOOL && kind <= COLUMN_FLOAT4;
}

void
table_definition_encode(struct buf *out, const struct table_definition *definition)
{
    ASSERT(definition->column_count <= TUPLE_COLUMNS_MAX);
    buf_u8(out, DEFINITION_VERSION);
    buf_u16(out, (uint16_t)definition->column_count);
    for (unsigned i = 0; i < definition->column_count; i++) {
        buf_u8(out, (uint8_t)definition->kinds[i]);
    }
}

enum status
table_definition_decode(struct slice bytes, struct table_definition *definition_out,
                        struct diag *diag)
{
    memset(definition_out, 0, sizeof(*definition_out));
    struct reader reader = reader_make(bytes);
    unsigned version = read_u8(&reader);
    unsigned count = read_u16(&reader);
    bool good = version == DEFINITION_VERSION && count <= TUPLE_COLUMNS_MAX;
    for (unsigned i = 0; good && i < count; i++) {
        unsigned kind = read_u8(&reader);
        good = kind_known(kind);
        definition_out->kinds[i] = (enum column_kind)kind;
    }
    definition_out->column_count = good ? count : 0;
    if (!good || !reader_done(&reader)) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "bytes that are no table definition (%zu bytes, version %u)",
                         bytes.size, version);
    }
    return STATUS_OK;
}

void
index_definition_encode(struct buf *out, const struct index_definition *definition)
{
    ASSERT(definition->column_count <= INDEX_COLUMNS_MAX);
    buf_u8(out, DEFINITION_VERSION);
    buf_u8(out, definition->unique ? INDEX_UNIQUE : 0);
    buf_u32(out, definition->index.v);
    buf_u32(out, definition->table.v);
    buf_u8(out, (uint8_t)definition->column_count);
    for (unsigned i = 0; i < definition->column_count; i++) {
        const struct index_column *column = &definition->columns[i];
        buf_u16(out, column->column_no);
        buf_u8(out, (uint8_t)column->kind);
        buf_u8(out, (uint8_t)((column->descending ? COLUMN_DESCENDING : 0) |
                              (column->nulls_first ? COLUMN_NULLS_FIRST : 0)));
    }
}

static bool
read_index_column(struct reader *reader, struct index_column *column)
{
    column->column_no = read_u16(reader);
    unsigned kind = read_u8(reader);
    unsigned flags = read_u8(reader);
    column->kind = (enum column_kind)kind;
    column->descending = (flags & COLUMN_DESCENDING) != 0;
    column->nulls_first = (flags & COLUMN_NULLS_FIRST) != 0;
    return kind_known(kind) && flags <= (COLUMN_DESCENDING | COLUMN_NULLS_FIRST) &&
           column->column_no < TUPLE_COLUMNS_MAX;
}

enum status
index_definition_decode(struct slice bytes, struct index_definition *definition_out,
                        struct diag *diag)
{
    memset(definition_out, 0, sizeof(*definition_out));
    struct reader reader = reader_make(bytes);
    unsigned version = read_u8(&reader);
    unsigned flags = read_u8(&reader);
    definition_out->unique = (flags & INDEX_UNIQUE) != 0;
    definition_out->index.v = read_u32(&reader);
    definition_out->table.v = read_u32(&reader);
    unsigned count = read_u8(&reader);
    bool good = version == DEFINITION_VERSION && flags <= INDEX_UNIQUE && count > 0 &&
                count <= INDEX_COLUMNS_MAX;
    for (unsigned i = 0; good && i < count; i++) {
        good = read_index_column(&reader, &definition_out->columns[i]);
    }
    definition_out->column_count = good ? count : 0;
    if (!good || !reader_done(&reader)) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "bytes that are no index definition (%zu bytes, version %u)",
                         bytes.size, version);
    }
    return STATUS_OK;
}
