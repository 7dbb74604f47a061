/* value.c: one value: text in and out, order, hash, columns of tuples. See type.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "base/hash.h"
#include "sql/types/array.h"
#include "sql/types/datetime.h"
#include "sql/types/number_text.h"
#include "sql/types/numeric.h"
#include "sql/types/type.h"
#include "sql/types/utf8.h"
#include <strings.h>

static const struct type_info *
info_of(enum type_id type)
{
    const struct type_info *info = type_info(type);
    ASSERT(info != NULL);
    return info;
}

static enum status
bad_syntax(struct slice text, const char *type, struct diag *diag)
{
    return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_TEXT_REPRESENTATION,
                     "invalid input syntax for type %s: \"%.*s\"", type,
                     number_text_shown(text), (const char *)text.data);
}

/* ---- text in ---- */

/* Any beginning of true, false, yes, no; on, off or of; 1, 0. */
static enum status
bool_from_text(struct slice whole, uint8_t *out, struct diag *diag)
{
    static const struct {
        const char *word;
        size_t least;
        uint8_t value;
    } words[] = {{"true", 1, 1}, {"false", 1, 0}, {"yes", 1, 1}, {"no", 1, 0},
                 {"on", 2, 1},   {"off", 2, 0},   {"1", 1, 1},   {"0", 1, 0}};
    struct slice text = number_text_trim(whole);
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        if (text.size >= words[i].least && text.size <= strlen(words[i].word) &&
            strncasecmp((const char *)text.data, words[i].word, text.size) == 0) {
            *out = words[i].value;
            return STATUS_OK;
        }
    }
    return bad_syntax(whole, "boolean", diag);
}

static int
hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

static enum status
bytea_from_hex(struct slice text, struct arena *arena, struct slice *out, struct diag *diag)
{
    uint8_t *bytes = arena_alloc(arena, text.size / 2 + 1);
    size_t size = 0;
    for (size_t i = 2; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
            continue;
        }
        int high = hex_digit(c);
        if (high >= 0 && i + 1 == text.size) {
            return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                             "invalid hexadecimal data: odd number of digits");
        }
        int low = high < 0 ? -1 : hex_digit(text.data[i + 1]);
        if (low < 0) {
            const uint8_t *wrong = text.data + i + (high >= 0);
            return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                             "invalid hexadecimal digit: \"%.*s\"", (int)utf8_size(*wrong),
                             (const char *)wrong);
        }
        bytes[size++] = (uint8_t)(high << 4 | low);
        i++;
    }
    *out = slice_make(bytes, size);
    return STATUS_OK;
}

static bool
is_octal(const uint8_t *p)
{
    return p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' &&
           p[2] <= '7';
}

static enum status
bytea_from_text(struct slice text, struct arena *arena, struct slice *out, struct diag *diag)
{
    if (text.size >= 2 && text.data[0] == '\\' && text.data[1] == 'x') {
        return bytea_from_hex(text, arena, out, diag);
    }
    uint8_t *bytes = arena_alloc(arena, text.size + 1);
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t *p = text.data + i;
        if (*p != '\\') {
            bytes[size++] = *p;
        } else if (i + 3 < text.size && is_octal(p + 1)) {
            bytes[size++] = (uint8_t)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
            i += 3;
        } else if (i + 1 < text.size && p[1] == '\\') {
            bytes[size++] = '\\';
            i++;
        } else {
            return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_TEXT_REPRESENTATION,
                             "invalid input syntax for type bytea");
        }
    }
    *out = slice_make(bytes, size);
    return STATUS_OK;
}

/* Borrowed, but cut at 63 bytes as PostgreSQL does. */
static struct slice
name_from_text(struct slice text)
{
    size_t size = MIN(text.size, 63U);
    while (size > 0 && size < text.size && (text.data[size] & 0xc0) == 0x80) {
        size--;
    }
    return slice_make(text.data, size);
}

static enum status
check_utf8(struct slice text, struct diag *diag)
{
    size_t valid = utf8_valid_prefix(text);
    if (LIKELY(valid == text.size)) {
        return STATUS_OK;
    }
    char shown[32] = "";
    size_t count = MIN(text.size - valid, utf8_size(text.data[valid]));
    for (size_t i = 0; i < count; i++) {
        static const char hex[] = "0123456789abcdef";
        uint8_t c = text.data[valid + i];
        memcpy(shown + i * 5, " 0x", 3);
        shown[i * 5 + 3] = hex[c >> 4];
        shown[i * 5 + 4] = hex[c & 15];
    }
    return diag_fail(diag, STATUS_INVALID, SQLSTATE_CHARACTER_NOT_IN_REPERTOIRE,
                     "invalid byte sequence for encoding \"UTF8\": %s", shown + 1);
}

static enum status
oid_from_text(struct slice text, enum type_id type, uint32_t *out, struct diag *diag)
{
    int64_t value = 0;
    struct slice trimmed = number_text_trim(text);
    if (type != TYPE_OID && trimmed.size == 1 && trimmed.data[0] == '-') {
        *out = 0;
        return STATUS_OK;
    }
    if (type == TYPE_REGTYPE && trimmed.size > 0 && trimmed.size < 64 &&
        (trimmed.data[0] < '0' || trimmed.data[0] > '9')) {
        char name[64];
        memcpy(name, trimmed.data, trimmed.size);
        name[trimmed.size] = 0;
        const struct type_info *info = type_by_name(name);
        if (info == NULL) {
            return diag_fail(diag, STATUS_INVALID, SQLSTATE_UNDEFINED_OBJECT,
                             "type \"%s\" does not exist", name);
        }
        *out = (uint32_t)info->id;
        return STATUS_OK;
    }
    TRY(int_from_text(text, INT32_MIN, UINT32_MAX, "oid", &value, diag));
    *out = (uint32_t)value;
    return STATUS_OK;
}

static enum status
int_type_from_text(enum type_id type, struct slice text, struct value *out, struct diag *diag)
{
    int64_t value = 0;
    if (type == TYPE_INT8) {
        return int_from_text(text, INT64_MIN, INT64_MAX, "bigint", &out->i64, diag);
    }
    if (type == TYPE_INT4) {
        TRY(int_from_text(text, INT32_MIN, INT32_MAX, "integer", &value, diag));
        out->i32 = (int32_t)value;
        return STATUS_OK;
    }
    TRY(int_from_text(text, INT16_MIN, INT16_MAX, "smallint", &value, diag));
    out->i16 = (int16_t)value;
    return STATUS_OK;
}

static enum status
numeric_value_from_text(int32_t typmod, struct slice text, struct arena *arena,
                        struct slice *out, struct diag *diag)
{
    struct numeric n;
    TRY(numeric_from_text(text, arena, &n, diag));
    TRY(numeric_apply_typmod(&n, typmod, arena, diag));
    return numeric_encode(&n, arena, out, diag);
}

static enum status
datetime_from_text(enum type_id type, int32_t typmod, struct slice text, struct value *out,
                   struct diag *diag)
{
    if (type == TYPE_DATE) {
        return date_from_text(text, &out->i32, diag);
    }
    if (type == TYPE_INTERVAL) {
        return interval_from_text(text, &out->interval, diag);
    }
    TRY(timestamp_from_text(text, type == TYPE_TIMESTAMPTZ, &out->i64, diag));
    out->i64 = timestamp_round(out->i64, typmod);
    return STATUS_OK;
}

static enum status array_from_text(enum type_id type, struct slice text, struct arena *arena,
                                   struct slice *out, struct diag *diag);

enum status
value_from_text(enum type_id type, int32_t typmod, struct slice text, struct arena *arena,
                struct value *out, struct diag *diag)
{
    *out = (struct value){0};
    switch (type) {
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
        return int_type_from_text(type, text, out, diag);
    case TYPE_TEXT:
    case TYPE_UNKNOWN:
        out->bytes = text;
        return check_utf8(text, diag);
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
        TRY(check_utf8(text, diag));
        out->bytes = text;
        return value_apply_typmod(type, typmod, false, out, arena, diag);
    case TYPE_NUMERIC:
        return numeric_value_from_text(typmod, text, arena, &out->bytes, diag);
    case TYPE_BOOL:
        return bool_from_text(text, &out->b, diag);
    case TYPE_FLOAT4:
        return float_from_text(text, &out->f32, diag);
    case TYPE_FLOAT8:
        return double_from_text(text, &out->f64, diag);
    case TYPE_DATE:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
    case TYPE_INTERVAL:
        return datetime_from_text(type, typmod, text, out, diag);
    case TYPE_BYTEA:
        return bytea_from_text(text, arena, &out->bytes, diag);
    case TYPE_NAME:
        out->bytes = name_from_text(text);
        return check_utf8(text, diag);
    case TYPE_CHAR:
        out->b = text.size > 0 ? text.data[0] : 0;
        return STATUS_OK;
    case TYPE_OID:
    case TYPE_REGCLASS:
    case TYPE_REGTYPE:
    case TYPE_REGPROC:
    case TYPE_REGROLE:
    case TYPE_REGNAMESPACE:
        return oid_from_text(text, type, &out->u32, diag);
    case TYPE_VOID:
        return STATUS_OK;
    case TYPE_INT2VECTOR:
    case TYPE_OIDVECTOR:
        out->bytes = number_text_trim(text);
        return STATUS_OK;
    default:
        break;
    }
    if (info_of(type)->category == 'A') {
        return array_from_text(type, text, arena, &out->bytes, diag);
    }
    return diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "cannot accept a value of type %s", info_of(type)->sql_name);
}

/* ---- arrays ---- */

/* "{{1,2},{3,4}}" */
static bool
is_nested_array(struct slice text)
{
    size_t at = 0;
    unsigned braces = 0;
    while (at < text.size && (text.data[at] == '{' || text.data[at] == ' ')) {
        braces += text.data[at++] == '{';
    }
    return braces > 1;
}

static enum status
array_from_text(enum type_id type, struct slice text, struct arena *arena, struct slice *out,
                struct diag *diag)
{
    enum type_id element_type = info_of(type)->element_type;
    struct array_reader reader = array_read(text);
    struct buf element = BUF_EMPTY, canonical = BUF_EMPTY, shown = BUF_EMPTY;
    enum status status = STATUS_OK;
    buf_append(&canonical, "{", 1);
    bool is_null = false;
    while (status == STATUS_OK && !reader.spaces && array_next(&reader, &is_null, &element)) {
        struct value value;
        buf_clear(&shown);
        if (!is_null) {
            status =
                value_from_text(element_type, -1, buf_slice(&element), arena, &value, diag);
        }
        if (status == STATUS_OK && !is_null) {
            value_to_text(element_type, &value, &shown);
        }
        array_append(&canonical, is_null, buf_slice(&shown));
    }
    buf_append(&canonical, "}", 1);
    bool is_nested = reader.failed && is_nested_array(text);
    if (status == STATUS_OK && is_nested) {
        status = diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                           "arrays of more than one dimension are not supported");
    } else if (status == STATUS_OK && (reader.failed || reader.spaces)) {
        status = diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_TEXT_REPRESENTATION,
                           "malformed array literal: \"%.*s\"", number_text_shown(text),
                           (const char *)text.data);
        if (reader.spaces) {
            diag_detail(diag, "Array value must start with \"{\" or dimension information.");
        }
    }
    *out = arena_copy(arena, buf_slice(&canonical));
    buf_deinit(&shown);
    buf_deinit(&canonical);
    buf_deinit(&element);
    return status;
}

/* ---- text out ---- */

static void
bytea_to_text(struct slice bytes, struct buf *out)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t *at = buf_extend(out, 2 + 2 * bytes.size);
    *at++ = '\\';
    *at++ = 'x';
    for (size_t i = 0; i < bytes.size; i++) {
        *at++ = (uint8_t)hex[bytes.data[i] >> 4];
        *at++ = (uint8_t)hex[bytes.data[i] & 15];
    }
}

static void
numeric_value_to_text(struct slice bytes, struct buf *out)
{
    uint8_t space[512];
    struct arena arena = {.next = space, .end = space + sizeof space};
    bool small = bytes.size < sizeof space / 2;
    if (!small) {
        arena_init(&arena);
    } else {
        arena.next += (16 - ((uintptr_t)space & 15)) & 15;
    }
    struct numeric n;
    numeric_decode(bytes, &arena, &n);
    numeric_to_text(&n, out);
    if (!small) {
        arena_deinit(&arena);
    }
}

void
value_to_text(enum type_id type, const struct value *value, struct buf *out)
{
    ASSERT(!value->is_null);
    switch (type) {
    case TYPE_BOOL:
        buf_append(out, value->b != 0 ? "t" : "f", 1);
        return;
    case TYPE_CHAR:
        buf_append(out, &value->b, value->b != 0);
        return;
    case TYPE_INT2:
        int_to_text(value->i16, out);
        return;
    case TYPE_INT4:
        int_to_text(value->i32, out);
        return;
    case TYPE_INT8:
        int_to_text(value->i64, out);
        return;
    case TYPE_FLOAT4:
        float_to_text(value->f32, out);
        return;
    case TYPE_FLOAT8:
        double_to_text(value->f64, out);
        return;
    case TYPE_NUMERIC:
        numeric_value_to_text(value->bytes, out);
        return;
    case TYPE_BYTEA:
        bytea_to_text(value->bytes, out);
        return;
    case TYPE_DATE:
        date_to_text(value->i32, out);
        return;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        timestamp_to_text(value->i64, type == TYPE_TIMESTAMPTZ, out);
        return;
    case TYPE_INTERVAL:
        interval_to_text(&value->interval, out);
        return;
    case TYPE_REGTYPE:
        if (value->u32 != 0 && type_info(value->u32) == NULL) {
            int_to_text(value->u32, out);
        } else if (value->u32 == TYPE_BPCHAR) {
            buf_append_text(out,
                            "character"); /* regtype shows no modifier, not even its lack */
        } else {
            type_format(value->u32, -1, out);
        }
        return;
    case TYPE_REGCLASS:
    case TYPE_REGPROC:
    case TYPE_REGROLE:
    case TYPE_REGNAMESPACE:
        if (value->u32 == 0) {
            buf_append(out, "-", 1);
            return;
        }
        int_to_text(value->u32, out);
        return;
    case TYPE_OID:
        int_to_text(value->u32, out);
        return;
    case TYPE_VOID:
        return;
    default:
        buf_append(out, value->bytes.data, value->bytes.size);
        return;
    }
}

/* ---- order and hash ---- */

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

/* NaN above all, and equal to itself. */
static int
compare_double(double a, double b)
{
    if (__builtin_isnan(a) || __builtin_isnan(b)) {
        return (__builtin_isnan(a) != 0) - (__builtin_isnan(b) != 0);
    }
    return ORDER(a, b);
}

static struct slice
without_padding(struct slice text)
{
    while (text.size > 0 && text.data[text.size - 1] == ' ') {
        text.size--;
    }
    return text;
}

bool
type_is_array(enum type_id type)
{
    return info_of(type)->category == 'A' && array_lower_bound(type) == 1;
}

bool
type_compares_bytes(enum type_id type)
{
    return type != TYPE_FLOAT4 && type != TYPE_FLOAT8 && type != TYPE_NUMERIC &&
           type != TYPE_BPCHAR && type != TYPE_INTERVAL && !type_is_array(type);
}

int
value_compare(enum type_id type, const struct value *a, const struct value *b)
{
    switch (info_of(type)->physical) {
    case PHYSICAL_BOOL:
        return ORDER(a->b, b->b);
    case PHYSICAL_I16:
        return ORDER(a->i16, b->i16);
    case PHYSICAL_I32:
        return ORDER(a->i32, b->i32);
    case PHYSICAL_U32:
        return ORDER(a->u32, b->u32);
    case PHYSICAL_I64:
        return ORDER(a->i64, b->i64);
    case PHYSICAL_F32:
        return compare_double((double)a->f32, (double)b->f32);
    case PHYSICAL_F64:
        return compare_double(a->f64, b->f64);
    case PHYSICAL_INTERVAL:
        return ORDER(interval_span(&a->interval), interval_span(&b->interval));
    case PHYSICAL_BYTES:
        break;
    }
    if (type == TYPE_NUMERIC) {
        return numeric_compare_bytes(a->bytes, b->bytes);
    }
    if (type == TYPE_BPCHAR) {
        return slice_compare(without_padding(a->bytes), without_padding(b->bytes));
    }
    if (type_is_array(type)) {
        return array_compare(info_of(type)->element_type, a->bytes, b->bytes);
    }
    return slice_compare(a->bytes, b->bytes);
}

static uint64_t
hash_double(double value)
{
    uint64_t bits = 0;
    if (__builtin_isnan(value)) {
        value = __builtin_nan("");
    } else if (value == 0) {
        value = 0;
    }
    memcpy(&bits, &value, 8);
    return hash_word(bits);
}

uint64_t
value_hash(enum type_id type, const struct value *value)
{
    switch (info_of(type)->physical) {
    case PHYSICAL_BOOL:
        return hash_word(value->b);
    case PHYSICAL_I16:
        return hash_word((uint64_t)value->i16);
    case PHYSICAL_I32:
        return hash_word((uint64_t)value->i32);
    case PHYSICAL_U32:
        return hash_word(value->u32);
    case PHYSICAL_I64:
        return hash_word((uint64_t)value->i64);
    case PHYSICAL_F32:
        return hash_double((double)value->f32);
    case PHYSICAL_F64:
        return hash_double(value->f64);
    case PHYSICAL_INTERVAL: {
        __int128 span = interval_span(&value->interval);
        return hash_word((uint64_t)span ^ hash_word((uint64_t)(span >> 64)));
    }
    case PHYSICAL_BYTES:
        break;
    }
    if (type == TYPE_NUMERIC) {
        return numeric_hash_bytes(value->bytes);
    }
    if (type_is_array(type)) {
        return array_hash(info_of(type)->element_type, value->bytes);
    }
    return hash64(type == TYPE_BPCHAR ? without_padding(value->bytes) : value->bytes, 0);
}

/* ---- columns of tuples ---- */

void
value_from_column(enum type_id type, const struct column_value *column, struct value *out)
{
    *out = (struct value){.is_null = column->is_null};
    if (column->is_null) {
        return;
    }
    enum physical physical = info_of(type)->physical;
    if (physical == PHYSICAL_BYTES) {
        out->bytes = column->bytes;
        return;
    }
    ASSERT(column->bytes.size == physical_size(physical));
    memcpy(&out->b, column->bytes.data, column->bytes.size); /* all members begin here */
}

void
value_to_column(enum type_id type, const struct value *value, uint8_t *scratch,
                struct column_value *column_out)
{
    *column_out = (struct column_value){.is_null = value->is_null};
    if (value->is_null) {
        return;
    }
    enum physical physical = info_of(type)->physical;
    if (physical == PHYSICAL_BYTES) {
        column_out->bytes = value->bytes;
        return;
    }
    unsigned size = physical_size(physical);
    memcpy(scratch, &value->b, size);
    column_out->bytes = slice_make(scratch, size);
}
