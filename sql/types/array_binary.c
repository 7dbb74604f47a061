/* array_binary.c: arrays in the wire's binary form, as PostgreSQL's array_send() and
 * array_recv(): dimensions, has-NULL flag, element type; per dimension size and lower bound;
 * per element its size (-1: NULL) and its own binary form.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "sql/types/array.h"

#define SIZE_OF_NULL UINT32_MAX

/* Appends one element with its size. */
static enum status
send_element(enum type_id type, bool is_null, struct slice text, struct buf *out,
             struct diag *diag)
{
    size_t start = out->size;
    buf_be32(out, SIZE_OF_NULL);
    if (is_null) {
        return STATUS_OK;
    }
    struct arena arena;
    arena_init(&arena);
    struct value value;
    enum status status = value_from_text(type, -1, text, &arena, &value, diag);
    if (status == STATUS_OK) {
        status = value_to_binary(type, &value, out, diag);
    }
    arena_deinit(&arena);
    put_be32(out->data + start, (uint32_t)(out->size - start - 4));
    return status;
}

enum status
array_to_binary(enum type_id type, struct slice array, struct buf *out, struct diag *diag)
{
    enum type_id element_type = type_info(type)->element_type;
    struct array_reader reader = array_read(array);
    struct buf element = BUF_EMPTY, elements = BUF_EMPTY;
    uint32_t count = 0;
    bool is_null, has_null = false;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && array_next(&reader, &is_null, &element)) {
        status = send_element(element_type, is_null, buf_slice(&element), &elements, diag);
        has_null |= is_null;
        count++;
    }
    buf_be32(out, count > 0 ? 1 : 0);
    buf_be32(out, has_null);
    buf_be32(out, element_type);
    if (count > 0) {
        buf_be32(out, count);
        buf_be32(out, (uint32_t)array_lower_bound(type));
        buf_append(out, elements.data, elements.size);
    }
    buf_deinit(&element);
    buf_deinit(&elements);
    return status;
}

static enum status
bad_array(struct diag *diag, const char *message)
{
    return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_BINARY_REPRESENTATION, "%s",
                     message);
}

/* The elements after the header, as the text form. */
static enum status
read_elements(enum type_id type, uint32_t count, struct reader *reader, struct buf *text,
              struct diag *diag)
{
    struct arena arena;
    arena_init(&arena);
    struct buf element = BUF_EMPTY;
    enum status status = STATUS_OK;
    for (uint32_t i = 0; status == STATUS_OK && i < count; i++) {
        uint32_t size = read_be32(reader);
        bool is_null = size == SIZE_OF_NULL;
        struct slice bytes = is_null ? slice_make(NULL, 0) : read_slice(reader, size);
        struct value value;
        if (reader->failed) {
            status = bad_array(diag, "insufficient data left in message");
        } else if (!is_null) {
            status = value_from_binary(type, -1, bytes, &arena, &value, diag);
        }
        if (status == STATUS_OK) {
            buf_clear(&element);
            if (!is_null) {
                value_to_text(type, &value, &element);
            }
            array_append(text, is_null, buf_slice(&element));
            arena_reset(&arena);
        }
    }
    buf_deinit(&element);
    arena_deinit(&arena);
    return status;
}

enum status
array_from_binary(enum type_id type, struct slice bytes, struct arena *arena,
                  struct slice *array_out, struct diag *diag)
{
    enum type_id element_type = type_info(type)->element_type;
    struct reader reader = reader_make(bytes);
    uint32_t dimensions = read_be32(&reader);
    (void)read_be32(&reader); /* has a NULL: the elements say so themselves */
    uint32_t sent_type = read_be32(&reader);
    uint32_t count = dimensions == 0 ? 0 : read_be32(&reader);
    uint32_t lower_bound = dimensions == 0 ? 1 : read_be32(&reader);
    if (dimensions > 1 || (!reader.failed && lower_bound != 1)) {
        return diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "arrays of more than one dimension, or that do not begin with 1, are "
                         "not supported");
    }
    if (reader.failed) {
        return bad_array(diag, "insufficient data left in message");
    }
    if (sent_type != element_type) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_DATATYPE_MISMATCH,
                         "binary data has array element type %u instead of expected %u",
                         sent_type, (unsigned)element_type);
    }
    struct buf text = BUF_EMPTY;
    buf_append_text(&text, "{");
    enum status status = read_elements(element_type, count, &reader, &text, diag);
    buf_append_text(&text, "}");
    if (status == STATUS_OK && reader_left(&reader) != 0) {
        status = bad_array(diag, "incorrect binary data format");
    }
    if (status == STATUS_OK) {
        *array_out = arena_copy(arena, buf_slice(&text));
    }
    buf_deinit(&text);
    return status;
}
