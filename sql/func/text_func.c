/* text_func.c: functions of texts and byte strings: parts, lengths, case, trimming, padding.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"
#include <wctype.h>

static enum status
too_long(struct func_call *call)
{
    return diag_fail(call->diag, STATUS_LIMIT, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                     "requested length too large");
}
#define TEXT_MAX ((size_t)1 << 28)

DEFINE_ROWS(text_concat, 2)
{
    struct slice a = v[0].bytes, b = v[1].bytes;
    uint8_t *bytes = arena_alloc(call->arena, a.size + b.size + 1);
    if (a.size > 0) {
        memcpy(bytes, a.data, a.size);
    }
    if (b.size > 0) {
        memcpy(bytes + a.size, b.data, b.size);
    }
    out->bytes = slice_make(bytes, a.size + b.size);
    return STATUS_OK;
}

/* ---- lengths ---- */

DEFINE_ROWS(text_length, 1)
{
    UNUSED(call);
    out->i32 = (int32_t)utf8_length(v[0].bytes);
    return STATUS_OK;
}
DEFINE_ROWS(bpchar_length, 1)
{
    UNUSED(call);
    struct slice text = v[0].bytes;
    while (text.size > 0 && text.data[text.size - 1] == ' ') {
        text.size--;
    }
    out->i32 = (int32_t)utf8_length(text);
    return STATUS_OK;
}
DEFINE_ROWS(octet_length, 1)
{
    UNUSED(call);
    out->i32 = (int32_t)v[0].bytes.size;
    return STATUS_OK;
}
DEFINE_ROWS(bit_length, 1)
{
    UNUSED(call);
    out->i32 = (int32_t)(v[0].bytes.size * 8);
    return STATUS_OK;
}

/* ---- case ---- */

enum { CASE_LOWER, CASE_UPPER, CASE_TITLE };

static struct slice
change_ascii(struct func_call *call, struct slice text, int mode)
{
    uint8_t *bytes = arena_alloc(call->arena, text.size + 1);
    uint8_t first = mode == CASE_UPPER ? 'a' : 'A';
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bytes[i] = (uint8_t)(c - first) < 26 ? c ^ 0x20 : c;
    }
    return slice_make(bytes, text.size);
}

static struct slice
change_case(struct func_call *call, struct slice text, int mode)
{
    if (mode != CASE_TITLE && utf8_is_ascii(text)) {
        return change_ascii(call, text, mode);
    }
    uint8_t *bytes = arena_alloc(call->arena, text.size * 2 + 4); /* at most 2 -> 3 bytes */
    size_t size = 0;
    bool in_word = false;
    locale_t locale = func__utf8_locale();
    for (size_t at = 0; at < text.size; at += utf8_size(text.data[at])) {
        wint_t code = utf8_decode(text.data + at);
        bool upper = mode == CASE_UPPER || (mode == CASE_TITLE && !in_word);
        wint_t changed = upper ? towupper_l(code, locale) : towlower_l(code, locale);
        in_word = iswalnum_l(code, locale);
        size += utf8_encode((uint32_t)changed, bytes + size);
    }
    freelocale(locale);
    return slice_make(bytes, size);
}
DEFINE_ROWS(text_lower, 1)
{
    out->bytes = change_case(call, v[0].bytes, CASE_LOWER);
    return STATUS_OK;
}
DEFINE_ROWS(text_upper, 1)
{
    out->bytes = change_case(call, v[0].bytes, CASE_UPPER);
    return STATUS_OK;
}
DEFINE_ROWS(text_initcap, 1)
{
    out->bytes = change_case(call, v[0].bytes, CASE_TITLE);
    return STATUS_OK;
}

/* ---- parts ---- */

/* Characters [from, from + length), from 1; what lies before the text counts. */
static enum status
substring(struct func_call *call, struct slice text, int64_t from, int64_t length, bool bytes,
          struct value *out)
{
    if (length < 0) {
        return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_SUBSTRING_ERROR,
                         "negative substring length not allowed");
    }
    int64_t end = from + length; /* both within 33 bits */
    int64_t begin = MAX(from, 1);
    if (end <= begin) {
        out->bytes = slice_make(text.data, 0);
        return STATUS_OK;
    }
    size_t first, last;
    if (bytes || utf8_is_ascii(text)) {
        first = MIN((size_t)(begin - 1), text.size);
        last = MIN((size_t)(end - 1), text.size);
    } else {
        first = utf8_offset(text, (size_t)(begin - 1));
        struct slice rest = slice_make(text.data + first, text.size - first);
        last = first + utf8_offset(rest, (size_t)(end - begin));
    }
    out->bytes = slice_make(text.data + first, last - first);
    return STATUS_OK;
}
DEFINE_ROWS(text_substr, 3)
{
    return substring(call, v[0].bytes, v[1].i32, v[2].i32, false, out);
}
DEFINE_ROWS(text_substr_from, 2)
{
    return substring(call, v[0].bytes, v[1].i32, INT32_MAX, false, out);
}
DEFINE_ROWS(bytea_substr, 3)
{
    return substring(call, v[0].bytes, v[1].i32, v[2].i32, true, out);
}
DEFINE_ROWS(bytea_substr_from, 2)
{
    return substring(call, v[0].bytes, v[1].i32, INT32_MAX, true, out);
}
/* A negative count leaves so many off at the other end. */
DEFINE_ROWS(text_left, 2)
{
    UNUSED(call);
    int64_t n = v[1].i32 >= 0 ? v[1].i32 : (int64_t)utf8_length(v[0].bytes) + v[1].i32;
    out->bytes = slice_make(v[0].bytes.data, utf8_offset(v[0].bytes, (size_t)MAX(n, 0)));
    return STATUS_OK;
}
DEFINE_ROWS(text_right, 2)
{
    UNUSED(call);
    int64_t skip =
        v[1].i32 >= 0 ? (int64_t)utf8_length(v[0].bytes) - v[1].i32 : -(int64_t)v[1].i32;
    size_t at = utf8_offset(v[0].bytes, (size_t)MAX(skip, 0));
    out->bytes = slice_make(v[0].bytes.data + at, v[0].bytes.size - at);
    return STATUS_OK;
}

/* overlay(text placing part from n for m) */
static enum status
overlay(struct func_call *call, struct slice text, struct slice part, int64_t from,
        int64_t length, struct value *out)
{
    struct value head, tail;
    if (from <= 0) {
        return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_SUBSTRING_ERROR,
                         "negative substring length not allowed");
    }
    if (from + length > INT32_MAX) {
        return func__out_of_range(call, "integer");
    }
    TRY(substring(call, text, 1, from - 1, false, &head));
    TRY(substring(call, text, from + length, INT32_MAX, false, &tail));
    struct buf built = BUF_EMPTY;
    buf_append(&built, head.bytes.data, head.bytes.size);
    buf_append(&built, part.data, part.size);
    buf_append(&built, tail.bytes.data, tail.bytes.size);
    out->bytes = arena_copy(call->arena, buf_slice(&built));
    buf_deinit(&built);
    return STATUS_OK;
}
DEFINE_ROWS(text_overlay, 4)
{
    return overlay(call, v[0].bytes, v[1].bytes, v[2].i32, v[3].i32, out);
}
DEFINE_ROWS(text_overlay_all, 3)
{
    return overlay(call, v[0].bytes, v[1].bytes, v[2].i32, (int64_t)utf8_length(v[1].bytes),
                   out);
}

static const uint8_t *
find(struct slice text, struct slice needle)
{
    return needle.size == 0 ? text.data
                            : memmem(text.data, text.size, needle.data, needle.size);
}
DEFINE_ROWS(text_position, 2)
{
    UNUSED(call);
    const uint8_t *at = v[1].bytes.size == 0 ? v[0].bytes.data : find(v[0].bytes, v[1].bytes);
    bool found = at != NULL || v[1].bytes.size == 0;
    size_t before = at != NULL ? (size_t)(at - v[0].bytes.data) : 0;
    out->i32 = found ? (int32_t)utf8_length(slice_make(v[0].bytes.data, before)) + 1 : 0;
    return STATUS_OK;
}
DEFINE_ROWS(text_starts_with, 2)
{
    UNUSED(call);
    out->b = v[0].bytes.size >= v[1].bytes.size &&
             slice_equal(slice_make(v[0].bytes.data, v[1].bytes.size), v[1].bytes);
    return STATUS_OK;
}
DEFINE_ROWS(text_replace, 3)
{
    struct slice rest = v[0].bytes, from = v[1].bytes;
    if (from.size == 0 || find(rest, from) == NULL) {
        out->bytes = v[0].bytes;
        return STATUS_OK;
    }
    struct buf text = BUF_EMPTY;
    enum status status = STATUS_OK;
    for (const uint8_t *at; status == STATUS_OK && (at = find(rest, from)) != NULL;) {
        size_t before = (size_t)(at - rest.data);
        buf_append(&text, rest.data, before);
        buf_append(&text, v[2].bytes.data, v[2].bytes.size);
        rest = slice_make(at + from.size, rest.size - before - from.size);
        status = func__check_room(call, call->arena, text.size);
    }
    if (status == STATUS_OK) {
        buf_append(&text, rest.data, rest.size);
        out->bytes = arena_copy(call->arena, buf_slice(&text));
    }
    buf_deinit(&text);
    return status;
}
/* Each character of `from` becomes the one at its place in `to`, or nothing. */
DEFINE_ROWS(text_translate, 3)
{
    struct buf text = BUF_EMPTY;
    struct slice from = v[1].bytes, to = v[2].bytes;
    for (size_t at = 0; at < v[0].bytes.size;) {
        struct slice c = slice_make(v[0].bytes.data + at, utf8_size(v[0].bytes.data[at]));
        at += c.size;
        size_t place = 0, index = 0;
        while (place < from.size &&
               !slice_equal(c, slice_make(from.data + place, utf8_size(from.data[place])))) {
            place += utf8_size(from.data[place]);
            index++;
        }
        if (place < from.size) {
            size_t target = utf8_offset(to, index);
            c = target < to.size ? slice_make(to.data + target, utf8_size(to.data[target]))
                                 : slice_make(NULL, 0);
        }
        buf_append(&text, c.data, c.size);
    }
    out->bytes = arena_copy(call->arena, buf_slice(&text));
    buf_deinit(&text);
    return STATUS_OK;
}
DEFINE_ROWS(text_split_part, 3)
{
    struct slice rest = v[0].bytes, separator = v[1].bytes;
    int64_t field = v[2].i32;
    if (field == 0) {
        return func__invalid(call, "field position must not be zero");
    }
    if (field < 0) { /* from the end: count the fields */
        int64_t fields = 1;
        struct slice scan = rest;
        for (const uint8_t *at; separator.size > 0 && (at = find(scan, separator)) != NULL;) {
            size_t used = (size_t)(at - scan.data) + separator.size;
            scan = slice_make(scan.data + used, scan.size - used);
            fields++;
        }
        field += fields + 1;
    }
    out->bytes = slice_make(rest.data, 0);
    for (int64_t i = 1; field > 0; i++) {
        const uint8_t *at = separator.size > 0 ? find(rest, separator) : NULL;
        size_t size = at != NULL ? (size_t)(at - rest.data) : rest.size;
        if (i == field) {
            out->bytes = slice_make(rest.data, size);
            break;
        }
        if (at == NULL) {
            break;
        }
        rest = slice_make(at + separator.size, rest.size - size - separator.size);
    }
    return STATUS_OK;
}

/* ---- trimming ---- */

static bool
has_char(struct slice set, struct slice c)
{
    for (size_t at = 0; at < set.size; at += utf8_size(set.data[at])) {
        if (slice_equal(slice_make(set.data + at, utf8_size(set.data[at])), c)) {
            return true;
        }
    }
    return false;
}

static struct slice
trim(struct slice text, struct slice set, bool left, bool right)
{
    while (left && text.size > 0 &&
           has_char(set, slice_make(text.data, utf8_size(text.data[0])))) {
        size_t size = utf8_size(text.data[0]);
        text = slice_make(text.data + size, text.size - size);
    }
    while (right && text.size > 0) {
        size_t last = text.size - 1;
        while (last > 0 && (text.data[last] & 0xc0) == 0x80) {
            last--;
        }
        if (!has_char(set, slice_make(text.data + last, text.size - last))) {
            break;
        }
        text.size = last;
    }
    return text;
}
static const struct slice one_space = {.data = (const uint8_t *)" ", .size = 1};
#define TRIM_FUNCTIONS(name, left, right)                                                      \
    DEFINE_ROWS(name, 1)                                                                       \
    {                                                                                          \
        UNUSED(call);                                                                          \
        out->bytes = trim(v[0].bytes, one_space, left, right);                                 \
        return STATUS_OK;                                                                      \
    }                                                                                          \
    DEFINE_ROWS(name##_set, 2)                                                                 \
    {                                                                                          \
        UNUSED(call);                                                                          \
        out->bytes = trim(v[0].bytes, v[1].bytes, left, right);                                \
        return STATUS_OK;                                                                      \
    }
TRIM_FUNCTIONS(text_btrim, true, true)
TRIM_FUNCTIONS(text_ltrim, true, false)
TRIM_FUNCTIONS(text_rtrim, false, true)

/* ---- padding ---- */

static enum status
pad(struct func_call *call, struct slice text, int32_t wanted, struct slice fill, bool left,
    struct value *out)
{
    size_t length = utf8_length(text), target = (size_t)MAX(wanted, 0);
    if (target <= length || fill.size == 0) {
        out->bytes = slice_make(text.data, utf8_offset(text, target));
        return STATUS_OK;
    }
    if (target > TEXT_MAX / 4) {
        return too_long(call);
    }
    TRY(func__check_room(call, call->arena, target));
    struct buf padding = BUF_EMPTY;
    size_t at = 0;
    for (size_t i = length; i < target; i++) {
        size_t size = utf8_size(fill.data[at]);
        buf_append(&padding, fill.data + at, size);
        at = at + size < fill.size ? at + size : 0;
    }
    uint8_t *bytes = arena_alloc(call->arena, text.size + padding.size);
    memcpy(bytes + (left ? 0 : text.size), padding.data, padding.size);
    if (text.size > 0) {
        memcpy(bytes + (left ? padding.size : 0), text.data, text.size);
    }
    out->bytes = slice_make(bytes, text.size + padding.size);
    buf_deinit(&padding);
    return STATUS_OK;
}
DEFINE_ROWS(text_lpad, 3)
{
    return pad(call, v[0].bytes, v[1].i32, v[2].bytes, true, out);
}
DEFINE_ROWS(text_lpad_space, 2)
{
    return pad(call, v[0].bytes, v[1].i32, one_space, true, out);
}
DEFINE_ROWS(text_rpad, 3)
{
    return pad(call, v[0].bytes, v[1].i32, v[2].bytes, false, out);
}
DEFINE_ROWS(text_rpad_space, 2)
{
    return pad(call, v[0].bytes, v[1].i32, one_space, false, out);
}
DEFINE_ROWS(text_repeat, 2)
{
    size_t times = (size_t)MAX(v[1].i32, 0), size = v[0].bytes.size;
    if (times > 0 && size > TEXT_MAX / times) {
        return too_long(call);
    }
    TRY(func__check_room(call, call->arena, size * times));
    uint8_t *bytes = arena_alloc(call->arena, size * times + 1);
    for (size_t i = 0; i < times && size > 0; i++) {
        memcpy(bytes + i * size, v[0].bytes.data, size);
    }
    out->bytes = slice_make(bytes, size * times);
    return STATUS_OK;
}
DEFINE_ROWS(text_reverse, 1)
{
    struct slice text = v[0].bytes;
    uint8_t *bytes = arena_alloc(call->arena, text.size + 1);
    for (size_t at = 0; at < text.size;) {
        size_t size = utf8_size(text.data[at]);
        memcpy(bytes + text.size - at - size, text.data + at, size);
        at += size;
    }
    out->bytes = slice_make(bytes, text.size);
    return STATUS_OK;
}

/* ---- codes ---- */

DEFINE_ROWS(text_ascii, 1)
{
    UNUSED(call);
    out->i32 = v[0].bytes.size > 0 ? (int32_t)utf8_decode(v[0].bytes.data) : 0;
    return STATUS_OK;
}
DEFINE_ROWS(text_chr, 1)
{
    int32_t code = v[0].i32;
    if (code == 0) {
        return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                         "null character not permitted");
    }
    if (code < 0) {
        return func__invalid(call, "character number must be positive");
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                         code > 0x10ffff ? "requested character too large for encoding: %d"
                                         : "requested character not valid for encoding: %d",
                         code);
    }
    uint8_t *bytes = arena_alloc(call->arena, 4);
    out->bytes = slice_make(bytes, utf8_encode((uint32_t)code, bytes));
    return STATUS_OK;
}
static struct slice
to_hex(struct func_call *call, uint64_t value)
{
    return slice_from_text(arena_printf(call->arena, "%lx", (unsigned long)value));
}
DEFINE_ROWS(to_hex_i32, 1)
{
    out->bytes = to_hex(call, (uint32_t)v[0].i32);
    return STATUS_OK;
}
DEFINE_ROWS(to_hex_i64, 1)
{
    out->bytes = to_hex(call, (uint64_t)v[0].i64);
    return STATUS_OK;
}
DEFINE_ROWS(text_md5, 1)
{
    uint8_t digest[16];
    static const char hex[] = "0123456789abcdef";
    func__md5(v[0].bytes, digest);
    uint8_t *text = arena_alloc(call->arena, 32);
    for (unsigned i = 0; i < 16; i++) {
        text[2 * i] = (uint8_t)hex[digest[i] >> 4];
        text[2 * i + 1] = (uint8_t)hex[digest[i] & 15];
    }
    out->bytes = slice_make(text, 32);
    return STATUS_OK;
}
