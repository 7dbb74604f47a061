/* value_binary.c: values in the wire's binary form: PostgreSQL's send and receive functions.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "sql/types/array.h"
#include "sql/types/number_text.h"
#include "sql/types/numeric.h"
#include "sql/types/type.h"

#define NUMERIC_SIGN_MINUS 0x4000U
#define NUMERIC_SIGN_NAN 0xc000U
#define NUMERIC_SIGN_INFINITY 0xd000U
#define NUMERIC_SIGN_MINUS_INFINITY 0xf000U

static enum status
unsupported(enum type_id type, const char *direction, struct diag *diag)
{
    const struct type_info *info = type_info(type);
    return diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "no binary %s function available for type %s", direction,
                     info != NULL ? info->sql_name : "unknown");
}

static enum status
wrong_size(struct diag *diag)
{
    return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_BINARY_REPRESENTATION,
                     "incorrect binary data format");
}

static bool
is_bytes_as_they_are(enum type_id type)
{
    return type == TYPE_TEXT || type == TYPE_VARCHAR || type == TYPE_BPCHAR ||
           type == TYPE_NAME || type == TYPE_BYTEA || type == TYPE_UNKNOWN || type == TYPE_VOID;
}

static uint8_t
flags_of_sign(unsigned sign, bool *ok)
{
    switch (sign) {
    case 0:
        return NUMERIC_PLUS;
    case NUMERIC_SIGN_MINUS:
        return NUMERIC_MINUS;
    case NUMERIC_SIGN_NAN:
        return NUMERIC_NAN;
    case NUMERIC_SIGN_INFINITY:
        return NUMERIC_INFINITY;
    case NUMERIC_SIGN_MINUS_INFINITY:
        return NUMERIC_MINUS_INFINITY;
    default:
        *ok = false;
        return NUMERIC_NAN;
    }
}

static enum status
numeric_receive(int32_t typmod, struct slice bytes, struct arena *arena, struct slice *out,
                struct diag *diag)
{
    struct reader reader = reader_make(bytes);
    unsigned count = read_be16(&reader);
    struct numeric n = {.weight = (int16_t)read_be16(&reader)};
    bool ok = true;
    n.flags = flags_of_sign(read_be16(&reader), &ok);
    n.scale = read_be16(&reader);
    if (reader.failed || reader_left(&reader) != 2 * (size_t)count || !ok) {
        return wrong_size(diag);
    }
    n.count = numeric_is_special(&n) ? 0 : (int)count;
    n.digits = arena_alloc(arena, 2 * (size_t)MAX(count, 1U));
    for (unsigned i = 0; i < count; i++) {
        n.digits[i] = read_be16(&reader);
        ok &= n.digits[i] < NUMERIC_BASE;
    }
    if (!ok) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_BINARY_REPRESENTATION,
                         "invalid digit in external \"numeric\" value");
    }
    if (!numeric_is_special(&n)) {
        numeric_truncate(&n, n.scale); /* digits beyond the scale are hidden: drop them */
    }
    TRY(numeric_apply_typmod(&n, typmod, arena, diag));
    return numeric_encode(&n, arena, out, diag);
}

static enum status
receive_fixed(enum physical physical, struct slice bytes, struct value *out, struct diag *diag)
{
    if (bytes.size != physical_size(physical)) {
        return wrong_size(diag);
    }
    uint32_t word = bytes.size == 4 ? get_be32(bytes.data) : 0;
    uint64_t wide = bytes.size >= 8 ? get_be64(bytes.data) : 0;
    switch (physical) {
    case PHYSICAL_BOOL:
        out->b = bytes.data[0];
        return STATUS_OK;
    case PHYSICAL_I16:
        out->i16 = (int16_t)get_be16(bytes.data);
        return STATUS_OK;
    case PHYSICAL_I32:
    case PHYSICAL_U32:
        out->u32 = word;
        return STATUS_OK;
    case PHYSICAL_F32:
        memcpy(&out->f32, &word, 4);
        return STATUS_OK;
    case PHYSICAL_I64:
        out->i64 = (int64_t)wide;
        return STATUS_OK;
    case PHYSICAL_F64:
        memcpy(&out->f64, &wide, 8);
        return STATUS_OK;
    case PHYSICAL_INTERVAL:
        out->interval = (struct interval){.microseconds = (int64_t)wide,
                                          .days = (int32_t)get_be32(bytes.data + 8),
                                          .months = (int32_t)get_be32(bytes.data + 12)};
        return STATUS_OK;
    case PHYSICAL_BYTES:
        break;
    }
    return wrong_size(diag);
}

enum status
value_from_binary(enum type_id type, int32_t typmod, struct slice bytes, struct arena *arena,
                  struct value *out, struct diag *diag)
{
    *out = (struct value){0};
    const struct type_info *info = type_info(type);
    if (info == NULL) {
        return unsupported(type, "input", diag);
    }
    if (type == TYPE_BYTEA) {
        out->bytes = bytes;
        return STATUS_OK;
    }
    if (is_bytes_as_they_are(type)) {
        return value_from_text(type, typmod, bytes, arena, out, diag);
    }
    if (type == TYPE_NUMERIC) {
        return numeric_receive(typmod, bytes, arena, &out->bytes, diag);
    }
    if (info->category == 'A' && info->element_type != TYPE_INVALID) {
        return array_from_binary(type, bytes, arena, &out->bytes, diag);
    }
    if (info->physical == PHYSICAL_BYTES) {
        return unsupported(type, "input", diag);
    }
    TRY(receive_fixed(info->physical, bytes, out, diag));
    if (type == TYPE_BOOL) {
        out->b = out->b != 0;
    }
    return value_apply_typmod(type, typmod, false, out, arena, diag);
}

static void
put_big(struct buf *out, uint64_t value, unsigned size)
{
    uint8_t *at = buf_extend(out, size);
    for (unsigned i = 0; i < size; i++) {
        at[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    }
}

static void
numeric_send(struct slice bytes, struct buf *out)
{
    static const uint16_t signs[] = {[NUMERIC_PLUS] = 0,
                                     [NUMERIC_MINUS] = NUMERIC_SIGN_MINUS,
                                     [NUMERIC_NAN] = NUMERIC_SIGN_NAN,
                                     [NUMERIC_INFINITY] = NUMERIC_SIGN_INFINITY,
                                     [NUMERIC_MINUS_INFINITY] = NUMERIC_SIGN_MINUS_INFINITY};
    unsigned count = get_u16(bytes.data + 5);
    put_big(out, count, 2);
    put_big(out, get_u16(bytes.data + 3), 2);
    put_big(out, signs[bytes.data[0]], 2);
    put_big(out, get_u16(bytes.data + 1), 2);
    for (unsigned i = 0; i < count; i++) {
        put_big(out, get_u16(bytes.data + 7 + 2 * i), 2);
    }
}

enum status
value_to_binary(enum type_id type, const struct value *value, struct buf *out,
                struct diag *diag)
{
    ASSERT(!value->is_null);
    const struct type_info *info = type_info(type);
    if (info == NULL) {
        return unsupported(type, "output", diag);
    }
    switch (info->physical) {
    case PHYSICAL_BOOL:
        put_big(out, value->b, 1);
        return STATUS_OK;
    case PHYSICAL_I16:
        put_big(out, (uint16_t)value->i16, 2);
        return STATUS_OK;
    case PHYSICAL_I32:
    case PHYSICAL_U32:
    case PHYSICAL_F32:
        put_big(out, value->u32, 4); /* the same bytes, whatever they mean */
        return STATUS_OK;
    case PHYSICAL_I64:
    case PHYSICAL_F64:
        put_big(out, (uint64_t)value->i64, 8);
        return STATUS_OK;
    case PHYSICAL_INTERVAL:
        put_big(out, (uint64_t)value->interval.microseconds, 8);
        put_big(out, (uint32_t)value->interval.days, 4);
        put_big(out, (uint32_t)value->interval.months, 4);
        return STATUS_OK;
    case PHYSICAL_BYTES:
        break;
    }
    if (type == TYPE_NUMERIC) {
        numeric_send(value->bytes, out);
        return STATUS_OK;
    }
    if (is_bytes_as_they_are(type)) {
        buf_append(out, value->bytes.data, value->bytes.size);
        return STATUS_OK;
    }
    if (info->category == 'A' && info->element_type != TYPE_INVALID) {
        return array_to_binary(type, value->bytes, out, diag);
    }
    return unsupported(type, "output", diag);
}
