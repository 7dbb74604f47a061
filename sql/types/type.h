/* type.h: the SQL types: their numbers, how their values lie in memory, text in and text out.
 *
 * Promises: numbers, names, lengths and text forms are PostgreSQL 15's (DateStyle ISO, TimeZone
 *           UTC, extra_float_digits 1).
 * Thread:   constant tables and pure functions.
 * Fails:    bad text is 22P02, 22007, 22003 ... with PostgreSQL's message.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "storage/heap/tuple.h"

/* PostgreSQL's type oids: they go over the wire and into catalogs. */
enum type_id {
    TYPE_INVALID = 0,
    TYPE_BOOL = 16,
    TYPE_BYTEA = 17,
    TYPE_CHAR = 18, /* "char": one byte, catalogs only */
    TYPE_NAME = 19,
    TYPE_INT8 = 20,
    TYPE_INT2 = 21,
    TYPE_INT2VECTOR = 22,
    TYPE_INT4 = 23,
    TYPE_REGPROC = 24,
    TYPE_TEXT = 25,
    TYPE_OID = 26,
    TYPE_OIDVECTOR = 30,
    TYPE_FLOAT4 = 700,
    TYPE_FLOAT8 = 701,
    TYPE_UNKNOWN = 705, /* a literal before it has a type */
    TYPE_BPCHAR = 1042,
    TYPE_VARCHAR = 1043,
    TYPE_DATE = 1082,
    TYPE_TIMESTAMP = 1114,
    TYPE_TIMESTAMPTZ = 1184,
    TYPE_INTERVAL = 1186,
    TYPE_NUMERIC = 1700,
    TYPE_REGCLASS = 2205,
    TYPE_REGTYPE = 2206,
    TYPE_RECORD = 2249,
    TYPE_VOID = 2278,
    TYPE_REGROLE = 4096,
    TYPE_REGNAMESPACE = 4089,
    TYPE_ANY = 2276, /* count(any) */
    TYPE_ANYELEMENT = 2283,
    TYPE_BOOL_ARRAY = 1000,
    TYPE_CHAR_ARRAY = 1002,
    TYPE_NAME_ARRAY = 1003,
    TYPE_INT2_ARRAY = 1005,
    TYPE_INT4_ARRAY = 1007,
    TYPE_TEXT_ARRAY = 1009,
    TYPE_INT8_ARRAY = 1016,
    TYPE_OID_ARRAY = 1028,
    TYPE_ANYARRAY = 2277,
    TYPE_BYTEA_ARRAY = 1001,
    TYPE_BPCHAR_ARRAY = 1014,
    TYPE_VARCHAR_ARRAY = 1015,
    TYPE_FLOAT4_ARRAY = 1021,
    TYPE_FLOAT8_ARRAY = 1022,
    TYPE_TIMESTAMP_ARRAY = 1115,
    TYPE_DATE_ARRAY = 1182,
    TYPE_TIMESTAMPTZ_ARRAY = 1185,
    TYPE_INTERVAL_ARRAY = 1187,
    TYPE_NUMERIC_ARRAY = 1231,
    TYPE_REGCLASS_ARRAY = 2210,
    TYPE_REGTYPE_ARRAY = 2211,
};

/* How values of a type lie in a vector. */
enum physical {
    PHYSICAL_BOOL, /* uint8_t 0 or 1; also "char" as uint8_t */
    PHYSICAL_I16,
    PHYSICAL_I32, /* int4, date (days since 2000-01-01) */
    PHYSICAL_U32, /* oid and reg types */
    PHYSICAL_I64, /* int8, timestamp, timestamptz (microseconds since 2000-01-01) */
    PHYSICAL_F32,
    PHYSICAL_F64,
    PHYSICAL_INTERVAL, /* struct interval */
    PHYSICAL_BYTES,    /* struct slice: text, varchar, bpchar, bytea, name, numeric (tuple.h's
                          bytes), arrays (text form) */
};

struct interval {
    int64_t microseconds;
    int32_t days, months;
};

struct type_info {
    enum type_id id;
    const char *name;     /* pg_type.typname: "int4" */
    const char *sql_name; /* format_type: "integer" */
    enum physical physical;
    enum column_kind column_kind; /* 0: cannot be stored in a table */
    int16_t length;               /* pg_type.typlen */
    char category;                /* pg_type.typcategory */
    bool preferred;
    enum type_id array_type, element_type;
};

const struct type_info *type_info(enum type_id id);     /* NULL: unknown number */
const struct type_info *type_by_name(const char *name); /* typname or a SQL spelling; NULL */
unsigned physical_size(enum physical physical);
/* All types, for pg_type. */
const struct type_info *type_table(unsigned *count_out);

/* One value. `bytes` borrows. */
struct value {
    bool is_null;
    union {
        uint8_t b;
        int16_t i16;
        int32_t i32;
        uint32_t u32;
        int64_t i64;
        float f32;
        double f64;
        struct interval interval;
        struct slice bytes;
    };
};

/* regclass, regproc, regrole and regnamespace read and show numbers only here; names go through
 * the catalog by the casts from and to text (cast_find: CAST_FUNC), which have a context. */
/* typmod as PostgreSQL's: varchar(n), char(n): n + 4; numeric(p,s): ((p << 16) | s) + 4; -1
 * none */
MUST_CHECK enum status value_from_text(enum type_id type, int32_t typmod, struct slice text,
                                       struct arena *arena, struct value *value_out,
                                       struct diag *diag);
/* Appends the text form; the value is not NULL. */
void value_to_text(enum type_id type, const struct value *value, struct buf *out);
/* The wire's binary form. STATUS_UNSUPPORTED (0A000) for a type that has none here yet. */
MUST_CHECK enum status value_from_binary(enum type_id type, int32_t typmod, struct slice bytes,
                                         struct arena *arena, struct value *value_out,
                                         struct diag *diag);
MUST_CHECK enum status value_to_binary(enum type_id type, const struct value *value,
                                       struct buf *out, struct diag *diag);
/* Applies a length or precision: explicit casts cut, assignments fail (22001). */
MUST_CHECK enum status value_apply_typmod(enum type_id type, int32_t typmod, bool is_explicit,
                                          struct value *value, struct arena *arena,
                                          struct diag *diag);
/* Order as ORDER BY has it; both not NULL, of one type. */
int value_compare(enum type_id type, const struct value *a, const struct value *b);
/* Do values of the type that are equal always have the same bytes, and no others? */
bool type_compares_bytes(enum type_id type);
/* "integer[]", not the vectors of the catalogs, which compare as the texts that they are. */
bool type_is_array(enum type_id type);
uint64_t value_hash(enum type_id type,
                    const struct value *value); /* equal values, equal hash */
/* "numeric(10,2)", "character varying(20)". */
void type_format(enum type_id type, int32_t typmod, struct buf *out);

/* A column of a tuple. */
void value_from_column(enum type_id type, const struct column_value *column,
                       struct value *value_out);
/* `scratch` (16 bytes) holds a fixed-size value's bytes. */
void value_to_column(enum type_id type, const struct value *value, uint8_t *scratch,
                     struct column_value *column_out);
