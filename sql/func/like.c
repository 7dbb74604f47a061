/* like.c: LIKE and ILIKE. % is any run of characters, _ one character, \ quotes the next one.
 *
 * The matcher keeps one point to come back to, that of the last %: an earlier % never has to be
 * tried again, for what follows it matched already (as in globs). So it needs no recursion and
 * its work is at most text times pattern.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"
#include <wctype.h>

/* What a pattern without _ and \ comes down to. */
enum shape { SHAPE_GENERAL, SHAPE_EXACT, SHAPE_PREFIX, SHAPE_SUFFIX, SHAPE_CONTAINS };

struct like_pattern {
    enum shape shape;
    struct slice text; /* of the shape: without its % */
};

static struct like_pattern
shape_of(struct slice p)
{
    bool front = p.size > 0 && p.data[0] == '%';
    bool back = p.size > (front ? 1U : 0U) && p.data[p.size - 1] == '%';
    struct slice inner =
        slice_make(p.data + front, p.size - (front ? 1U : 0U) - (back ? 1U : 0U));
    for (size_t i = 0; i < inner.size; i++) {
        if (inner.data[i] == '%' || inner.data[i] == '_' || inner.data[i] == '\\') {
            return (struct like_pattern){.shape = SHAPE_GENERAL, .text = p};
        }
    }
    enum shape shape = front && back ? SHAPE_CONTAINS
                       : front       ? SHAPE_SUFFIX
                       : back        ? SHAPE_PREFIX
                                     : SHAPE_EXACT;
    return (struct like_pattern){.shape = shape, .text = inner};
}

static enum status
bad_escape(struct func_call *call)
{
    return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_ESCAPE_SEQUENCE,
                     "LIKE pattern must not end with escape character");
}

/* One step of the pattern against one of the text: bytes compare alone, _ takes a character. */
static enum status
match_general(struct func_call *call, struct slice text, struct slice pattern, bool *out)
{
    size_t t = 0, p = 0, back_t = 0, back_p = SIZE_MAX;
    *out = false;
    while (t < text.size || p < pattern.size) {
        if (p < pattern.size && pattern.data[p] == '%') {
            back_p = ++p;
            back_t = t;
            if (p == pattern.size) {
                *out = true;
                return STATUS_OK;
            }
            continue;
        }
        bool quoted = p < pattern.size && pattern.data[p] == '\\';
        if (quoted && p + 1 == pattern.size) {
            if (t < text.size) {
                return bad_escape(call);
            }
            return STATUS_OK;
        }
        if (t < text.size && p < pattern.size) {
            if (!quoted && pattern.data[p] == '_') {
                t += utf8_size(text.data[t]);
                p++;
                continue;
            }
            if (pattern.data[p + quoted] == text.data[t]) {
                t++;
                p += 1U + quoted;
                continue;
            }
        }
        if (back_p == SIZE_MAX || back_t >= text.size) {
            return STATUS_OK;
        }
        back_t += utf8_size(text.data[back_t]);
        t = back_t;
        p = back_p;
    }
    *out = true;
    return STATUS_OK;
}

/* memmem() prepares itself for long needles; people look for short ones in short texts. */
static bool
contains(struct slice text, struct slice needle)
{
    if (needle.size == 0) {
        return true;
    }
    if (needle.size > 32) {
        return memmem(text.data, text.size, needle.data, needle.size) != NULL;
    }
    const uint8_t *at = text.data;
    size_t left = text.size;
    while (left >= needle.size) {
        const uint8_t *found = memchr(at, needle.data[0], left - needle.size + 1);
        if (found == NULL) {
            return false;
        }
        if (memcmp(found, needle.data, needle.size) == 0) {
            return true;
        }
        left -= (size_t)(found - at) + 1;
        at = found + 1;
    }
    return false;
}

static enum status
match(struct func_call *call, struct slice text, const struct like_pattern *like, bool *out)
{
    size_t size = like->text.size;
    switch (like->shape) {
    case SHAPE_EXACT:
        *out = slice_equal(text, like->text);
        return STATUS_OK;
    case SHAPE_PREFIX:
        *out = text.size >= size && memcmp(text.data, like->text.data, size) == 0;
        return STATUS_OK;
    case SHAPE_SUFFIX:
        *out = text.size >= size &&
               memcmp(text.data + text.size - size, like->text.data, size) == 0;
        return STATUS_OK;
    case SHAPE_CONTAINS:
        *out = contains(text, like->text);
        return STATUS_OK;
    case SHAPE_GENERAL:
        break;
    }
    return match_general(call, text, like->text, out);
}

static enum status
run_like(FUNC_PARAMETERS, bool wanted)
{
    uint8_t *r = result->data;
    struct like_pattern like = {0};
    if (args[1].is_constant && !vector_is_null(&args[1], 0)) {
        like = shape_of(VECTOR_AT(&args[1], struct slice, 0));
    }
    EACH_ROW(i)
    {
        bool matches = false;
        if (!args[1].is_constant) {
            like = shape_of(VECTOR_AT(&args[1], struct slice, i));
        }
        TRY(match(call, VECTOR_AT(&args[0], struct slice, i), &like, &matches));
        r[i] = matches == wanted;
    }
    return STATUS_OK;
}
enum status
text_like(FUNC_PARAMETERS)
{
    return run_like(call, args, count, result, true);
}
enum status
text_not_like(FUNC_PARAMETERS)
{
    return run_like(call, args, count, result, false);
}

/* ---- without regard to case: both sides in lower case first ---- */

static struct slice
lower(struct func_call *call, struct slice text)
{
    uint8_t *bytes = arena_alloc(call->arena, text.size * 2 + 4);
    size_t size = 0;
    locale_t locale = utf8_is_ascii(text) ? (locale_t)0 : func__utf8_locale();
    for (size_t at = 0; at < text.size; at += utf8_size(text.data[at])) {
        uint8_t c = text.data[at];
        if (c < 0x80) {
            bytes[size++] = (uint8_t)(c - 'A') < 26 ? c | 0x20 : c;
        } else {
            wint_t code = towlower_l(utf8_decode(text.data + at), locale);
            size += utf8_encode((uint32_t)code, bytes + size);
        }
    }
    if (locale != (locale_t)0) {
        freelocale(locale);
    }
    return slice_make(bytes, size);
}

static enum status
run_ilike(FUNC_PARAMETERS, bool wanted)
{
    uint8_t *r = result->data;
    EACH_ROW(i)
    {
        struct arena_mark mark = arena_mark(call->arena);
        struct slice text = lower(call, VECTOR_AT(&args[0], struct slice, i));
        struct like_pattern like = shape_of(lower(call, VECTOR_AT(&args[1], struct slice, i)));
        bool matches = false;
        TRY(match(call, text, &like, &matches));
        r[i] = matches == wanted;
        arena_rewind(call->arena, mark);
    }
    return STATUS_OK;
}
enum status
text_ilike(FUNC_PARAMETERS)
{
    return run_ilike(call, args, count, result, true);
}
enum status
text_not_ilike(FUNC_PARAMETERS)
{
    return run_ilike(call, args, count, result, false);
}

/* LIKE .. ESCAPE: the pattern with the escape character turned into a backslash. */
DEFINE_ROWS(like_escape, 2)
{
    struct slice pattern = v[0].bytes, escape = v[1].bytes;
    if (escape.size > 0 && utf8_size(escape.data[0]) != escape.size) {
        (void)diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_ESCAPE_SEQUENCE,
                        "invalid escape string");
        diag_hint(call->diag, "Escape string must be empty or one character.");
        return STATUS_INVALID;
    }
    if (escape.size == 1 && escape.data[0] == '\\') {
        out->bytes = pattern;
        return STATUS_OK;
    }
    uint8_t *bytes = arena_alloc(call->arena, pattern.size * 2 + 1);
    size_t size = 0;
    bool after_escape = false;
    for (size_t at = 0; at < pattern.size;) {
        size_t width = utf8_size(pattern.data[at]);
        struct slice c = slice_make(pattern.data + at, width);
        if (escape.size > 0 && slice_equal(c, escape) && !after_escape) {
            bytes[size++] = '\\';
            after_escape = true;
        } else {
            if (c.data[0] == '\\' && !after_escape) {
                bytes[size++] = '\\'; /* an ordinary character here */
            }
            memcpy(bytes + size, c.data, width);
            size += width;
            after_escape = false;
        }
        at += width;
    }
    out->bytes = slice_make(bytes, size);
    return STATUS_OK;
}
