/* typmod.c: lengths and precisions of columns and casts. SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "sql/types/datetime.h"
#include "sql/types/numeric.h"
#include "sql/types/utf8.h"

static bool
only_spaces(struct slice text, size_t from)
{
    for (size_t i = from; i < text.size; i++) {
        if (text.data[i] != ' ') {
            return false;
        }
    }
    return true;
}

static enum status
apply_length(enum type_id type, size_t limit, bool is_explicit, struct slice *text,
             struct arena *arena, struct diag *diag)
{
    if (type == TYPE_VARCHAR && text->size <= limit) {
        return STATUS_OK; /* bytes are never fewer than characters */
    }
    size_t length = utf8_length(*text);
    if (length > limit) {
        size_t kept = utf8_offset(*text, limit);
        if (!is_explicit && !only_spaces(*text, kept)) {
            return diag_fail(diag, STATUS_INVALID, SQLSTATE_STRING_DATA_RIGHT_TRUNCATION,
                             "value too long for type %s(%zu)",
                             type == TYPE_VARCHAR ? "character varying" : "character", limit);
        }
        text->size = kept;
    } else if (type == TYPE_BPCHAR && length < limit) {
        size_t padding = limit - length;
        uint8_t *padded = arena_alloc(arena, text->size + padding);
        if (text->size > 0) {
            memcpy(padded, text->data, text->size);
        }
        memset(padded + text->size, ' ', padding);
        *text = slice_make(padded, text->size + padding);
    }
    return STATUS_OK;
}

enum status
value_apply_typmod(enum type_id type, int32_t typmod, bool is_explicit, struct value *value,
                   struct arena *arena, struct diag *diag)
{
    if (typmod < 0 || value->is_null) {
        return STATUS_OK;
    }
    switch (type) {
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
        ASSERT(typmod > 4);
        return apply_length(type, (size_t)typmod - 4, is_explicit, &value->bytes, arena, diag);
    case TYPE_NUMERIC: {
        struct numeric n;
        numeric_decode(value->bytes, arena, &n);
        TRY(numeric_apply_typmod(&n, typmod, arena, diag));
        return numeric_encode(&n, arena, &value->bytes, diag);
    }
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        value->i64 = timestamp_round(value->i64, typmod);
        return STATUS_OK;
    case TYPE_INTERVAL:
        value->interval.microseconds =
            timestamp_round(value->interval.microseconds, typmod & 0xffff);
        return STATUS_OK;
    default:
        return STATUS_OK;
    }
}
