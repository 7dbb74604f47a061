/* tuple.c: see tuple.h. SPDX-License-Identifier: Apache-2.0 */
#include "storage/heap/tuple.h"
#include "base/errors.h"

#define TUPLE_HEADER_BYTES 4 /* version, flags, column count */
#define OVERFLOW_REFERENCE_BYTES 18

unsigned
column_kind_size(enum column_kind kind)
{
    static const uint8_t sizes[] = {
        [COLUMN_BOOL] = 1,    [COLUMN_INT2] = 2,   [COLUMN_INT4] = 4,      [COLUMN_INT8] = 8,
        [COLUMN_UINT4] = 4,   [COLUMN_FLOAT8] = 8, [COLUMN_BYTES] = 0,     [COLUMN_BPCHAR] = 0,
        [COLUMN_NUMERIC] = 0, [COLUMN_DATE] = 4,   [COLUMN_TIMESTAMP] = 8, [COLUMN_FLOAT4] = 4,
    };
    ASSERT((unsigned)kind < ARRAY_SIZE(sizes));
    return sizes[kind];
}

void
tuple_encode(struct buf *out, const enum column_kind *kinds, const struct column_value *values,
             unsigned count)
{
    ASSERT(count <= TUPLE_COLUMNS_MAX);
    buf_u8(out, TUPLE_VERSION);
    buf_u8(out, 0);
    buf_u16(out, (uint16_t)count);
    size_t bitmap_size = (count + 7U) / 8U;
    size_t bitmap_at = out->size;
    memset(buf_extend(out, bitmap_size), 0, bitmap_size);
    for (unsigned i = 0; i < count; i++) {
        if (values[i].is_null) {
            out->data[bitmap_at + i / 8] |= (uint8_t)(1U << (i % 8));
            continue;
        }
        unsigned size = column_kind_size(kinds[i]);
        if (size == 0) {
            buf_varint(out, (uint64_t)values[i].bytes.size << 1);
        } else {
            ASSERT(values[i].bytes.size == size);
        }
        buf_append(out, values[i].bytes.data, values[i].bytes.size);
    }
}

unsigned
tuple_column_count(struct slice tuple)
{
    ASSERT(tuple.size >= TUPLE_HEADER_BYTES);
    return get_u16(tuple.data + 2);
}

/* The fast form for tuples that were checked: sizes below 64 take one byte. */
static uint64_t
next_varint(const uint8_t **at)
{
    const uint8_t *next = *at;
    uint64_t value = *next & 0x7fU;
    for (unsigned shift = 7; (*next++ & 0x80U) != 0; shift += 7) {
        value |= (uint64_t)(*next & 0x7fU) << shift;
    }
    *at = next;
    return value;
}

void
tuple_decode(struct slice tuple, const enum column_kind *kinds, unsigned count,
             struct column_value *values_out)
{
    unsigned stored = tuple_column_count(tuple);
    const uint8_t *bitmap = tuple.data + TUPLE_HEADER_BYTES;
    const uint8_t *next = bitmap + (stored + 7U) / 8U;
    for (unsigned i = 0; i < count; i++) {
        values_out[i] = (struct column_value){0};
        if (i >= stored) {
            continue;
        }
        if (((unsigned)bitmap[i / 8] >> (i % 8) & 1U) != 0) {
            values_out[i].is_null = true;
            continue;
        }
        uint64_t size = column_kind_size(kinds[i]);
        if (size == 0) {
            size = next_varint(&next);
            ASSERT((size & 1) == 0); /* tuple_check() lets no overflow reference in */
            size >>= 1;
        }
        values_out[i].bytes = slice_make(next, (size_t)size);
        next += size;
    }
    ASSERT(next <= tuple.data + tuple.size);
}

static enum status
check_varying(struct reader *reader, unsigned column, struct diag *diag)
{
    uint64_t size = read_varint(reader);
    if (!reader->failed && (size & 1) != 0) {
        return diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "column %u of a stored row lies in an overflow chain, which this "
                         "version does not read",
                         column + 1);
    }
    if (size >> 1 > reader_left(reader)) {
        reader->failed = true;
    }
    (void)read_slice(reader, (size_t)(size >> 1));
    return STATUS_OK;
}

static enum status
check_columns(struct slice tuple, struct reader *reader, const enum column_kind *kinds,
              unsigned stored, struct diag *diag)
{
    size_t bitmap_size = (stored + 7U) / 8U;
    struct slice bitmap = read_slice(reader, bitmap_size);
    if (reader->failed) {
        goto corrupt;
    }
    if (stored % 8 != 0 && bitmap.data[bitmap_size - 1] >> (stored % 8) != 0) {
        goto corrupt; /* one encoding only: spare bits are zero */
    }
    for (unsigned i = 0; i < stored; i++) {
        if (((unsigned)bitmap.data[i / 8] >> (i % 8) & 1U) != 0) {
            continue;
        }
        unsigned size = column_kind_size(kinds[i]);
        if (size != 0) {
            (void)read_slice(reader, size);
        } else {
            TRY(check_varying(reader, i, diag));
        }
    }
    if (reader_done(reader)) {
        return STATUS_OK;
    }
corrupt:
    return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                     "a stored row of %zu bytes does not hold the %u columns it names",
                     tuple.size, stored);
}

enum status
tuple_check(struct slice tuple, const enum column_kind *kinds, unsigned count,
            struct diag *diag)
{
    struct reader reader = reader_make(tuple);
    unsigned version = read_u8(&reader);
    unsigned flags = read_u8(&reader);
    unsigned stored = read_u16(&reader);
    if (reader.failed || version == 0 || stored > count) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "bytes that are no row: %zu bytes, version %u, %u of %u columns",
                         tuple.size, version, stored, count);
    }
    unsigned min_reader = (flags >> TUPLE_MIN_READER_SHIFT) + 1;
    if (min_reader > TUPLE_VERSION || (version <= TUPLE_VERSION && flags != 0)) {
        return diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "a stored row of format %u asks for a reader of format %u; this "
                         "version reads format %d",
                         version, MAX(min_reader, version), TUPLE_VERSION);
    }
    return check_columns(tuple, &reader, kinds, stored, diag);
}
