/* wire.c: see wire.h. SPDX-License-Identifier: Apache-2.0 */
#include "node/wire.h"
#include "base/errors.h"

enum status
wire_read(struct slice bytes, bool startup, struct wire_message *message_out, size_t *size_out,
          struct diag *diag)
{
    size_t type_size = startup ? 0 : 1;
    if (bytes.size < type_size + 4) {
        return STATUS_AGAIN;
    }
    uint32_t length = get_be32(bytes.data + type_size);
    uint32_t length_max = startup ? WIRE_STARTUP_BYTES_MAX : WIRE_MESSAGE_BYTES_MAX;
    if (length < (startup ? 8u : 4u) || length > length_max) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_PROTOCOL_VIOLATION,
                         startup ? "invalid length of startup packet"
                                 : "invalid message length");
    }
    if (bytes.size < type_size + length) {
        return STATUS_AGAIN;
    }
    message_out->type = startup ? 0 : (char)bytes.data[0];
    message_out->body = slice_make(bytes.data + type_size + 4, length - 4);
    *size_out = type_size + length;
    return STATUS_OK;
}

size_t
wire_begin(struct buf *out, char type)
{
    uint8_t *at = buf_extend(out, 5);
    at[0] = (uint8_t)type;
    return out->size - 4;
}

void
wire_end(struct buf *out, size_t start)
{
    put_be32(out->data + start, (uint32_t)(out->size - start));
}

void
wire_cstring(struct buf *out, const char *text)
{
    buf_append(out, text, strlen(text) + 1);
}

void
wire_empty(struct buf *out, char type)
{
    wire_end(out, wire_begin(out, type));
}

void
wire_authentication_ok(struct buf *out)
{
    size_t start = wire_begin(out, 'R');
    buf_be32(out, 0);
    wire_end(out, start);
}

void
wire_parameter(struct buf *out, const char *name, const char *value)
{
    size_t start = wire_begin(out, 'S');
    wire_cstring(out, name);
    wire_cstring(out, value);
    wire_end(out, start);
}

void
wire_key_data(struct buf *out, uint32_t pid, uint32_t secret)
{
    size_t start = wire_begin(out, 'K');
    buf_be32(out, pid);
    buf_be32(out, secret);
    wire_end(out, start);
}

void
wire_ready(struct buf *out, enum sql_txn_status status)
{
    size_t start = wire_begin(out, 'Z');
    buf_u8(out, (uint8_t)status);
    wire_end(out, start);
}

void
wire_complete(struct buf *out, const char *tag)
{
    size_t start = wire_begin(out, 'C');
    wire_cstring(out, tag);
    wire_end(out, start);
}

static void
report_field(struct buf *out, char field, const char *text)
{
    if (text[0] != '\0') {
        buf_u8(out, (uint8_t)field);
        wire_cstring(out, text);
    }
}

void
wire_report(struct buf *out, char type, const char *severity, const struct diag *diag)
{
    size_t start = wire_begin(out, type);
    report_field(out, 'S', severity);
    report_field(out, 'V', severity);
    report_field(out, 'C', diag->sqlstate);
    report_field(out, 'M', diag->message);
    report_field(out, 'D', diag->detail);
    report_field(out, 'H', diag->hint);
    if (diag->position > 0) {
        buf_u8(out, 'P');
        buf_printf(out, "%d", diag->position);
        buf_u8(out, 0);
    }
    report_field(out, 'W', diag->while_chain);
    report_field(out, 's', diag->schema_name);
    report_field(out, 't', diag->table_name);
    report_field(out, 'c', diag->column_name);
    report_field(out, 'd', diag->data_type_name);
    report_field(out, 'n', diag->constraint_name);
    buf_u8(out, 0);
    wire_end(out, start);
}

/* Bind's rule: no format is text for all, one holds for all, else one a column. */
static uint16_t
format_of(const uint16_t *formats, unsigned format_count, unsigned column)
{
    if (format_count == 0) {
        return 0;
    }
    return format_count == 1 ? formats[0] : formats[MIN(column, format_count - 1)];
}

void
wire_row_description(struct buf *out, const struct sql_column *columns, unsigned count,
                     const uint16_t *formats, unsigned format_count)
{
    size_t start = wire_begin(out, 'T');
    buf_be16(out, (uint16_t)count);
    for (unsigned i = 0; i < count; i++) {
        const struct type_info *type = type_info(columns[i].type);
        wire_cstring(out, columns[i].name);
        buf_be32(out, columns[i].table_id);
        buf_be16(out, columns[i].attribute_no);
        buf_be32(out, (uint32_t)columns[i].type);
        buf_be16(out, (uint16_t)(type == NULL ? -1 : type->length));
        buf_be32(out, (uint32_t)columns[i].typmod);
        buf_be16(out, format_of(formats, format_count, i));
    }
    wire_end(out, start);
}

void
wire_parameter_description(struct buf *out, const enum type_id *types, unsigned count)
{
    size_t start = wire_begin(out, 't');
    buf_be16(out, (uint16_t)count);
    for (unsigned i = 0; i < count; i++) {
        buf_be32(out, (uint32_t)types[i]);
    }
    wire_end(out, start);
}

void
wire_copy_response(struct buf *out, char type, unsigned column_count)
{
    size_t start = wire_begin(out, type);
    buf_u8(out, 0);
    buf_be16(out, (uint16_t)column_count);
    for (unsigned i = 0; i < column_count; i++) {
        buf_be16(out, 0);
    }
    wire_end(out, start);
}

static void
integer_text(struct buf *out, int64_t value)
{
    char digits[24];
    char *at = digits + sizeof(digits);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (value < 0) {
        *--at = '-';
    }
    buf_append(out, at, (size_t)(digits + sizeof(digits) - at));
}

/* The text form; common types without the detour over a value. */
static enum status
cell_text(struct buf *out, const struct vector *vector, unsigned row,
          struct sql_session *session, struct diag *diag)
{
    struct value value;
    switch (vector->type) {
    case TYPE_INT4:
        integer_text(out, VECTOR_AT(vector, int32_t, row));
        return STATUS_OK;
    case TYPE_INT8:
        integer_text(out, VECTOR_AT(vector, int64_t, row));
        return STATUS_OK;
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BPCHAR: {
        struct slice text = VECTOR_AT(vector, struct slice, row);
        buf_append(out, text.data, text.size);
        return STATUS_OK;
    }
    default:
        vector_get(vector, row, &value);
        return sql_value_show(session, vector->type, &value, out, diag);
    }
}

static enum status
cell(struct buf *out, const struct vector *vector, unsigned row, uint16_t format,
     struct sql_session *session, struct diag *diag)
{
    if (vector_is_null(vector, row)) {
        buf_be32(out, UINT32_MAX);
        return STATUS_OK;
    }
    size_t start = out->size;
    buf_be32(out, 0);
    if (format == 0) {
        TRY(cell_text(out, vector, row, session, diag));
    } else {
        struct value value;
        vector_get(vector, row, &value);
        TRY(value_to_binary(vector->type, &value, out, diag));
    }
    put_be32(out->data + start, (uint32_t)(out->size - start - 4));
    return STATUS_OK;
}

enum status
wire_rows(struct buf *out, const struct batch *batch, const struct wire_cells *cells,
          struct diag *diag)
{
    for (unsigned row = 0; row < batch->row_count; row++) {
        size_t start = wire_begin(out, 'D');
        buf_be16(out, (uint16_t)batch->column_count);
        for (unsigned i = 0; i < batch->column_count; i++) {
            uint16_t format = format_of(cells->formats, cells->format_count, i);
            enum status status =
                cell(out, &batch->columns[i], row, format, cells->session, diag);
            if (status != STATUS_OK) {
                out->size = start - 1; /* half a message is none: the error comes next */
                return status;
            }
        }
        wire_end(out, start);
    }
    return STATUS_OK;
}
