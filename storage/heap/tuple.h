/* tuple.h: a row's columns as bytes: in pages, in the log and in the state hash the same.
 *
 * Layout:   u8 version (TUPLE_VERSION) | u8 flags, min_reader | u16 column count | null bitmap
 * ((count+7)/8 bytes, bit set = NULL) | columns in order, unaligned little-endian. A fixed-size
 *           column has its kind's size; a varying one is a varint V and its bytes: V = size <<
 * 1, or V & 1 = overflow tag, then an 18-byte reference (reserved; nothing writes it yet).
 *           Columns added by ALTER TABLE later are simply missing at the end.
 * Promises: one row of given values has exactly one encoding.
 * Thread:   pure functions.
 * See:      docs/format/tuple.md.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/codec.h"
#include "base/status.h"

#define TUPLE_VERSION 1
/* In the flags: the lowest TUPLE_VERSION that reads the row, less 1. */
#define TUPLE_MIN_READER_SHIFT 4
#define TUPLE_COLUMNS_MAX 1600

/* How a column lies in a tuple and how it compares in an index. Numbers are stored. */
enum column_kind {
    COLUMN_BOOL = 1, /* 1 byte */
    COLUMN_INT2 = 2,
    COLUMN_INT4 = 3,
    COLUMN_INT8 = 4,
    COLUMN_UINT4 = 5,   /* oid */
    COLUMN_FLOAT8 = 6,  /* NaN above all; -0 = 0 */
    COLUMN_BYTES = 7,   /* text, varchar, bytea, name: memcmp order */
    COLUMN_BPCHAR = 8,  /* char(n): trailing spaces do not count when compared */
    COLUMN_NUMERIC = 9, /* see docs/format/tuple.md: sign, weight, scale, base-10000 digits */
    COLUMN_DATE = 10,   /* int32 days since 2000-01-01 */
    COLUMN_TIMESTAMP = 11, /* int64 microseconds since 2000-01-01; also timestamptz (UTC) */
    COLUMN_FLOAT4 = 12,
};

/* Bytes of a fixed-size kind; 0 for a varying one. */
unsigned column_kind_size(enum column_kind kind);

/* NUMERIC column bytes: u8 flags (0 +, 1 -, 2 NaN, 4 +Infinity, 8 -Infinity) | u16 display
 * scale | i16 weight of the first digit | u16 digits, each 0..9999, base 10000, most
 * significant first, no leading or trailing zero digits (zero has none). As PostgreSQL's
 * NumericVar. */

/* One column's value, borrowed: fixed kinds point at their little-endian bytes. */
struct column_value {
    bool is_null;
    struct slice bytes;
};

void tuple_encode(struct buf *out, const enum column_kind *kinds,
                  const struct column_value *values, unsigned count);
/* Reads the first `count` columns of a tuple that passed tuple_check(); those beyond the stored
 * ones come as `missing` (is_null false, bytes.data NULL): the caller puts the default there.
 */
void tuple_decode(struct slice tuple, const enum column_kind *kinds, unsigned count,
                  struct column_value *values_out);
unsigned tuple_column_count(struct slice tuple);
/* Bytes from disk or network are checked before they are decoded. */
MUST_CHECK enum status tuple_check(struct slice tuple, const enum column_kind *kinds,
                                   unsigned count, struct diag *diag);
