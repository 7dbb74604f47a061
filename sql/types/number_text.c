/* number_text.c: see number_text.h. SPDX-License-Identifier: Apache-2.0 */
#include "sql/types/number_text.h"
#include "base/errors.h"
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

static bool
is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct slice
number_text_trim(struct slice text)
{
    while (text.size > 0 && is_space(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && is_space(text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

int
number_text_shown(struct slice text)
{
    return (int)MIN(text.size, 450U);
}

static enum status
bad_syntax(struct slice text, const char *type, struct diag *diag)
{
    return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_TEXT_REPRESENTATION,
                     "invalid input syntax for type %s: \"%.*s\"", type,
                     number_text_shown(text), (const char *)text.data);
}

enum status
int_from_text(struct slice text, int64_t min, int64_t max, const char *type, int64_t *out,
              struct diag *diag)
{
    struct slice digits = number_text_trim(text);
    const uint8_t *p = digits.data, *end = digits.data + digits.size;
    *out = 0;
    bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) {
        p++;
    }
    if (p == end) {
        return bad_syntax(text, type, diag);
    }
    uint64_t sum = 0, limit = minus ? (uint64_t)0 - (uint64_t)min : (uint64_t)max;
    bool too_large = false;
    for (; p < end; p++) {
        unsigned digit = (unsigned)*p - '0';
        if (digit > 9) {
            return bad_syntax(text, type, diag);
        }
        too_large |= sum > (UINT64_MAX - 9) / 10;
        sum = sum * 10 + digit;
        too_large |= sum > limit;
    }
    if (too_large) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                         "value \"%.*s\" is out of range for type %s", number_text_shown(text),
                         (const char *)text.data, type);
    }
    *out = minus ? (int64_t)((uint64_t)0 - sum) : (int64_t)sum;
    return STATUS_OK;
}

void
int_to_text(int64_t value, struct buf *out)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    uint8_t text[24], *at = text + sizeof text;
    uint64_t rest = value < 0 ? (uint64_t)0 - (uint64_t)value : (uint64_t)value;
    for (; rest >= 100; rest /= 100) {
        at -= 2;
        memcpy(at, pairs + rest % 100 * 2, 2);
    }
    if (rest >= 10) {
        at -= 2;
        memcpy(at, pairs + rest * 2, 2);
    } else {
        *--at = (uint8_t)('0' + rest);
    }
    if (value < 0) {
        *--at = '-';
    }
    buf_append(out, at, (size_t)(text + sizeof text - at));
}

static bool
parse_word(struct slice text, double *out)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {
        {"nan", __builtin_nan("")}, {"infinity", __builtin_inf()},
        {"inf", __builtin_inf()},   {"+infinity", __builtin_inf()},
        {"+inf", __builtin_inf()},  {"-infinity", -__builtin_inf()},
        {"-inf", -__builtin_inf()},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        if (text.size == strlen(words[i].word) &&
            strncasecmp((const char *)text.data, words[i].word, text.size) == 0) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

/* strtod takes more than PostgreSQL documents; what it takes (hex) PostgreSQL takes as well. */
static enum status
from_text(struct slice whole, bool single, const char *type, double *out, struct diag *diag)
{
    struct slice text = number_text_trim(whole);
    *out = 0;
    if (text.size == 0) {
        return bad_syntax(whole, type, diag);
    }
    if (parse_word(text, out)) {
        return STATUS_OK;
    }
    char small[64], *copy = text.size < sizeof small ? small : malloc(text.size + 1);
    ASSERT(copy != NULL);
    memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    char *end = NULL;
    errno = 0;
    double value = single ? (double)strtof(copy, &end) : strtod(copy, &end);
    bool whole_read = end == copy + text.size;
    bool out_of_range = errno == ERANGE && (value == 0 || __builtin_isinf(value));
    if (copy != small) {
        free(copy);
    }
    if (!whole_read) {
        return bad_syntax(whole, type, diag);
    }
    if (out_of_range) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                         "\"%.*s\" is out of range for type %s", number_text_shown(text),
                         (const char *)text.data, type);
    }
    *out = value;
    return STATUS_OK;
}

enum status
double_from_text(struct slice text, double *out, struct diag *diag)
{
    return from_text(text, false, "double precision", out, diag);
}

enum status
float_from_text(struct slice text, float *out, struct diag *diag)
{
    double value = 0;
    enum status status = from_text(text, true, "real", &value, diag);
    *out = (float)value;
    return status;
}
