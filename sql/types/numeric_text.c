/* numeric_text.c: text in and out, and doubles, which go through text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "sql/types/number_text.h"
#include "sql/types/numeric_internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define DIGITS_PER 4
#define WHOLE_DIGITS_MAX 131072
#define EXPONENT_MAX 200000

static enum status
bad_syntax(struct slice text, struct diag *diag)
{
    return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_TEXT_REPRESENTATION,
                     "invalid input syntax for type numeric: \"%.*s\"", number_text_shown(text),
                     (const char *)text.data);
}

static bool
word_is(struct slice text, const char *word)
{
    return text.size == strlen(word) &&
           strncasecmp((const char *)text.data, word, text.size) == 0;
}

static bool
parse_special(struct slice text, uint8_t *flags_out)
{
    static const struct {
        const char *word;
        uint8_t flags;
    } words[] = {
        {"nan", NUMERIC_NAN},
        {"infinity", NUMERIC_INFINITY},
        {"inf", NUMERIC_INFINITY},
        {"+infinity", NUMERIC_INFINITY},
        {"+inf", NUMERIC_INFINITY},
        {"-infinity", NUMERIC_MINUS_INFINITY},
        {"-inf", NUMERIC_MINUS_INFINITY},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        if (word_is(text, words[i].word)) {
            *flags_out = words[i].flags;
            return true;
        }
    }
    return false;
}

/* What stands in the text: decimal digits without the point, and where the point is. */
struct scanned {
    bool minus;
    const uint8_t *begin, *end; /* digits and at most one point */
    long digit_count;
    long whole_count; /* digits before the point */
    long exponent;
};

static bool
scan_exponent(const uint8_t **at, const uint8_t *end, long *exponent_out)
{
    const uint8_t *p = *at + 1;
    bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) {
        p++;
    }
    if (p == end || *p < '0' || *p > '9') {
        return false;
    }
    long exponent = 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        exponent = MIN(exponent * 10 + (*p - '0'), 1000000000L);
    }
    *exponent_out = minus ? -exponent : exponent;
    *at = p;
    return true;
}

static bool
scan(struct slice text, struct scanned *out)
{
    *out = (struct scanned){0};
    const uint8_t *p = text.data, *end = text.data + text.size;
    if (p < end && (*p == '-' || *p == '+')) {
        out->minus = *p == '-';
        p++;
    }
    out->begin = p;
    bool point = false;
    for (; p < end && ((*p >= '0' && *p <= '9') || (*p == '.' && !point)); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        out->digit_count++;
        out->whole_count += !point;
    }
    out->end = p;
    if (out->digit_count == 0) {
        return false;
    }
    if (p < end && (*p == 'e' || *p == 'E') && !scan_exponent(&p, end, &out->exponent)) {
        return false;
    }
    return p == end;
}

/* Decimal digits into digits of base 10000. */
static void
pack(const struct scanned *scanned, struct arena *arena, struct numeric *out)
{
    static const uint16_t powers[] = {1000, 100, 10, 1};
    long whole = scanned->whole_count + scanned->exponent; /* decimals before the point */
    long weight = whole > 0 ? (whole - 1) / DIGITS_PER : -((-whole) / DIGITS_PER) - 1;
    long skew = (weight + 1) * DIGITS_PER - whole; /* zeros in front of the first digit */
    long count = (skew + scanned->digit_count + DIGITS_PER - 1) / DIGITS_PER;
    uint16_t *digits = arena_zalloc(arena, 2 * (size_t)count);
    long at = skew;
    for (const uint8_t *p = scanned->begin; p < scanned->end; p++) {
        if (*p != '.') {
            digits[at / DIGITS_PER] =
                (uint16_t)(digits[at / DIGITS_PER] + (*p - '0') * powers[at % DIGITS_PER]);
            at++;
        }
    }
    long scale = scanned->digit_count - whole;
    *out = (struct numeric){.flags = scanned->minus ? NUMERIC_MINUS : NUMERIC_PLUS,
                            .scale = (int)MAX(scale, 0),
                            .weight = (int)weight,
                            .count = (int)count,
                            .digits = digits};
    numeric__strip(out);
}

enum status
numeric_from_text(struct slice whole_text, struct arena *arena, struct numeric *out,
                  struct diag *diag)
{
    struct slice text = number_text_trim(whole_text);
    *out = (struct numeric){0};
    struct scanned scanned;
    if (!scan(text, &scanned)) {
        if (parse_special(text, &out->flags)) {
            return STATUS_OK;
        }
        return bad_syntax(whole_text, diag);
    }
    long scale = scanned.digit_count - scanned.whole_count - scanned.exponent;
    if (scanned.exponent > EXPONENT_MAX || scanned.exponent < -EXPONENT_MAX ||
        scale > NUMERIC_SCALE_MAX ||
        scanned.whole_count + scanned.exponent > WHOLE_DIGITS_MAX) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                         "value overflows numeric format");
    }
    pack(&scanned, arena, out);
    return STATUS_OK;
}

/* Four digits of `digit` at `at`. */
static inline void
put_digit(uint8_t *at, unsigned digit)
{
    at[0] = (uint8_t)('0' + digit / 1000);
    at[1] = (uint8_t)('0' + digit / 100 % 10);
    at[2] = (uint8_t)('0' + digit / 10 % 10);
    at[3] = (uint8_t)('0' + digit % 10);
}

static uint8_t *
put_whole(const struct numeric *n, uint8_t *at)
{
    if (n->weight < 0 || n->count == 0) {
        *at++ = '0';
        return at;
    }
    uint8_t first[DIGITS_PER];
    put_digit(first, n->digits[0]);
    int skip = n->digits[0] < 10 ? 3 : n->digits[0] < 100 ? 2 : n->digits[0] < 1000 ? 1 : 0;
    memcpy(at, first + skip, (size_t)(DIGITS_PER - skip));
    at += DIGITS_PER - skip;
    for (int i = 1; i <= n->weight; i++, at += DIGITS_PER) {
        put_digit(at, i < n->count ? n->digits[i] : 0);
    }
    return at;
}

void
numeric_to_text(const struct numeric *n, struct buf *out)
{
    if (numeric_is_special(n)) {
        buf_append_text(out, n->flags == NUMERIC_NAN        ? "NaN"
                             : n->flags == NUMERIC_INFINITY ? "Infinity"
                                                            : "-Infinity");
        return;
    }
    int weight = n->count > 0 ? MAX(n->weight, 0) : 0;
    size_t room = (size_t)(weight + 1) * DIGITS_PER + (size_t)n->scale + DIGITS_PER + 2;
    uint8_t *begin = buf_reserve(out, room), *at = begin;
    if (n->flags == NUMERIC_MINUS) {
        *at++ = '-';
    }
    at = put_whole(n, at);
    if (n->scale > 0) {
        *at++ = '.';
        uint8_t *end = at + n->scale;
        for (int i = n->count > 0 ? n->weight + 1 : 0; at < end; i++, at += DIGITS_PER) {
            put_digit(at, i >= 0 && i < n->count ? n->digits[i] : 0);
        }
        at = end;
    }
    out->size += (size_t)(at - begin);
}

/* PostgreSQL casts by printing `digits` significant digits: 15 of a float8, 6 of a float4. */
void
numeric_from_double(double value, int digits, struct arena *arena, struct numeric *out)
{
    if (isnan(value) || isinf(value)) {
        uint8_t infinity = value > 0 ? NUMERIC_INFINITY : NUMERIC_MINUS_INFINITY;
        *out = (struct numeric){.flags = isnan(value) ? NUMERIC_NAN : infinity};
        return;
    }
    char text[64];
    int size = snprintf(text, sizeof text, "%.*g", digits, value);
    enum status status = numeric_from_text(slice_make(text, (size_t)size), arena, out, NULL);
    ASSERT(status == STATUS_OK);
}

double
numeric_to_double(const struct numeric *n)
{
    if (numeric_is_special(n)) {
        return n->flags == NUMERIC_NAN        ? (double)NAN
               : n->flags == NUMERIC_INFINITY ? (double)INFINITY
                                              : -(double)INFINITY;
    }
    struct buf text = BUF_EMPTY;
    numeric_to_text(n, &text);
    *buf_extend(&text, 1) = 0;
    double value = strtod((const char *)text.data, NULL);
    buf_deinit(&text);
    return value;
}
