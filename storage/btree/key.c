/* key.c: see key.h. SPDX-License-Identifier: Apache-2.0 */
#include "storage/btree/key.h"

enum { MARK_NULL_FIRST = 1, MARK_VALUE = 2, MARK_NULL_LAST = 3 };

/* Numerics are first told apart by class; see docs/format/btree.md. */
enum {
    NUMERIC_MINUS_INFINITY = 1,
    NUMERIC_MINUS = 2,
    NUMERIC_ZERO = 3,
    NUMERIC_PLUS = 4,
    NUMERIC_PLUS_INFINITY = 5,
    NUMERIC_NAN = 6,
};
/* The flags byte of a stored numeric (tuple.h). */
enum { STORED_MINUS = 1, STORED_NAN = 2, STORED_INFINITY = 4, STORED_MINUS_INFINITY = 8 };
#define NUMERIC_HEADER_BYTES 7

#define SIGN_64 ((uint64_t)1 << 63)
#define SIGN_32 ((uint32_t)1 << 31)

/* IEEE bits as an unsigned number in the order of the values: NaN above all, -0 as 0. */
static uint64_t
ordered_float8(uint64_t bits)
{
    if ((bits & ~SIGN_64) > UINT64_C(0x7ff0000000000000)) {
        return UINT64_MAX;
    }
    if (bits == SIGN_64) {
        bits = 0;
    }
    return (bits & SIGN_64) != 0 ? ~bits : bits | SIGN_64;
}

static uint32_t
ordered_float4(uint32_t bits)
{
    if ((bits & ~SIGN_32) > 0x7f800000U) {
        return UINT32_MAX;
    }
    if (bits == SIGN_32) {
        bits = 0;
    }
    return (bits & SIGN_32) != 0 ? ~bits : bits | SIGN_32;
}

/* A zero byte becomes 00 ff, the end is 00 01: a shorter text sorts before its continuations.
 */
static void
encode_bytes(struct buf *out, struct slice bytes)
{
    uint8_t *at = buf_reserve(out, bytes.size * 2 + 2);
    uint8_t *begin = at;
    const uint8_t *from = bytes.data, *end = from + bytes.size;
    while (from < end) {
        const uint8_t *zero = memchr(from, 0, (size_t)(end - from));
        size_t run = (size_t)((zero != NULL ? zero : end) - from);
        memcpy(at, from, run);
        at += run;
        from += run;
        if (zero != NULL) {
            *at++ = 0;
            *at++ = 0xff;
            from++;
        }
    }
    *at++ = 0;
    *at++ = 1;
    out->size += (size_t)(at - begin);
}

static void
encode_digits(struct buf *out, struct slice bytes, bool negative)
{
    int weight = (int16_t)get_u16(bytes.data + 3);
    size_t count = get_u16(bytes.data + 5);
    const uint8_t *digits = bytes.data + NUMERIC_HEADER_BYTES;
    while (count > 0 && get_u16(digits) == 0) { /* tolerated: the format has none */
        digits += 2;
        count--;
        weight--;
    }
    while (count > 0 && get_u16(digits + 2 * (count - 1)) == 0) {
        count--;
    }
    if (count == 0) {
        buf_u8(out, NUMERIC_ZERO);
        return;
    }
    buf_u8(out, negative ? NUMERIC_MINUS : NUMERIC_PLUS);
    uint16_t invert = negative ? 0xffffU : 0;
    buf_be32(out, (uint32_t)(weight + 0x10000) ^ (negative ? UINT32_MAX : 0));
    for (size_t i = 0; i < count; i++) {
        buf_be16(out, (uint16_t)((get_u16(digits + 2 * i) + 1U) ^ invert));
    }
    buf_be16(out, invert); /* below every digit: 1 sorts before 1.5 */
}

static void
encode_numeric(struct buf *out, struct slice bytes)
{
    unsigned flags = bytes.size >= NUMERIC_HEADER_BYTES ? bytes.data[0] : STORED_NAN;
    if ((flags & STORED_NAN) != 0) {
        buf_u8(out, NUMERIC_NAN);
    } else if ((flags & STORED_INFINITY) != 0) {
        buf_u8(out, NUMERIC_PLUS_INFINITY);
    } else if ((flags & STORED_MINUS_INFINITY) != 0) {
        buf_u8(out, NUMERIC_MINUS_INFINITY);
    } else if (bytes.size < NUMERIC_HEADER_BYTES + 2 * (size_t)get_u16(bytes.data + 5)) {
        buf_u8(out, NUMERIC_NAN); /* damaged: sorted somewhere, read nowhere */
    } else {
        encode_digits(out, bytes, (flags & STORED_MINUS) != 0);
    }
}

static struct slice
without_trailing_spaces(struct slice bytes)
{
    while (bytes.size > 0 && bytes.data[bytes.size - 1] == ' ') {
        bytes.size--;
    }
    return bytes;
}

static void
encode_value(struct buf *out, enum column_kind kind, struct slice bytes)
{
    switch (kind) {
    case COLUMN_BOOL:
        buf_u8(out, bytes.data[0]);
        return;
    case COLUMN_INT2:
        buf_be16(out, (uint16_t)(get_u16(bytes.data) ^ 0x8000U));
        return;
    case COLUMN_INT4:
    case COLUMN_DATE:
        buf_be32(out, get_u32(bytes.data) ^ SIGN_32);
        return;
    case COLUMN_INT8:
    case COLUMN_TIMESTAMP:
        buf_be64(out, get_u64(bytes.data) ^ SIGN_64);
        return;
    case COLUMN_UINT4:
        buf_be32(out, get_u32(bytes.data));
        return;
    case COLUMN_FLOAT8:
        buf_be64(out, ordered_float8(get_u64(bytes.data)));
        return;
    case COLUMN_FLOAT4:
        buf_be32(out, ordered_float4(get_u32(bytes.data)));
        return;
    case COLUMN_BYTES:
        encode_bytes(out, bytes);
        return;
    case COLUMN_BPCHAR:
        encode_bytes(out, without_trailing_spaces(bytes));
        return;
    case COLUMN_NUMERIC:
        encode_numeric(out, bytes);
        return;
    }
    ASSERT(false);
}

void
key_encode_column(struct buf *out, const struct index_column *column,
                  const struct column_value *value)
{
    if (value->is_null) {
        buf_u8(out, column->nulls_first ? MARK_NULL_FIRST : MARK_NULL_LAST);
        return;
    }
    buf_u8(out, MARK_VALUE);
    size_t begin = out->size;
    encode_value(out, column->kind, value->bytes);
    if (column->descending) {
        for (size_t i = begin; i < out->size; i++) {
            out->data[i] = (uint8_t)~out->data[i];
        }
    }
}

void
index_key_encode(struct buf *out, const struct index_definition *definition,
                 const struct column_value *values, unsigned count)
{
    ASSERT(count <= definition->column_count);
    for (unsigned i = 0; i < count; i++) {
        key_encode_column(out, &definition->columns[i], &values[i]);
    }
}

bool
key_from_tuple(struct buf *out, const struct index_definition *definition,
               const struct table_definition *table, struct slice tuple)
{
    struct column_value values[TUPLE_COLUMNS_MAX]; /* only the first ones are touched */
    unsigned count = 0;
    for (unsigned i = 0; i < definition->column_count; i++) {
        count = MAX(count, definition->columns[i].column_no + 1U);
    }
    ASSERT(count <= table->column_count);
    tuple_decode(tuple, table->kinds, count, values);
    buf_clear(out);
    bool has_null = false;
    for (unsigned i = 0; i < definition->column_count; i++) {
        struct column_value *value = &values[definition->columns[i].column_no];
        value->is_null = value->is_null || value->bytes.data == NULL;
        has_null = has_null || value->is_null;
        key_encode_column(out, &definition->columns[i], value);
    }
    return has_null;
}
