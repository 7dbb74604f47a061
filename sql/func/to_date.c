/* to_date.c: to_date() with the words of a calendar date: YYYY YY MM MON MONTH DD DDD, FM
 * before them, and separators. What else PostgreSQL's formats have is refused.
 *
 * Rules (PostgreSQL's): blanks before and after fields are skipped; a separator of the format
 * eats one of the input if there is one; a number has as many digits as its word has letters,
 * or any number of them when no number follows it in the format.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

enum field { FIELD_YEAR, FIELD_MONTH, FIELD_DAY, FIELD_DAY_OF_YEAR, FIELD_COUNT };

static const struct word {
    const char *text;
    enum field field;
    unsigned digits; /* 0: a name */
} words[] = {
    {"YYYY", FIELD_YEAR, 4}, {"YY", FIELD_YEAR, 2},  {"MONTH", FIELD_MONTH, 0},
    {"MON", FIELD_MONTH, 0}, {"MM", FIELD_MONTH, 2}, {"DDD", FIELD_DAY_OF_YEAR, 3},
    {"DD", FIELD_DAY, 2},
};

/* One piece of the format: a word, or a blank or separator (word NULL). */
struct node {
    const struct word *word;
    bool fills; /* FM: any number of digits */
    const char *text;
};

struct reading {
    struct func_call *call;
    const char *at; /* of the input, which ends with a zero */
    int64_t fields[FIELD_COUNT];
};

static bool
is_separator(char c)
{
    return c > ' ' && c < 0x7f && !isalnum((unsigned char)c);
}

static const struct word *
find_word(const char *at)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strncasecmp(at, words[i].text, strlen(words[i].text)) == 0) {
            return &words[i];
        }
    }
    return NULL;
}

static enum status
read_format(struct func_call *call, const char *format, struct node **nodes_out,
            unsigned *count_out)
{
    struct node *nodes = arena_array(call->arena, struct node, strlen(format) + 1);
    unsigned count = 0;
    for (const char *at = format; *at != '\0';) {
        struct node node = {.fills = strncasecmp(at, "FM", 2) == 0};
        at += node.fills ? 2 : 0;
        node.word = find_word(at);
        bool is_blank = isspace((unsigned char)*at) || (is_separator(*at) && *at != '"');
        if (node.word == NULL && (!is_blank || *at == '\\' || node.fills)) {
            return diag_fail(call->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                             "\"%.40s\" in a format of to_date() is not supported", at);
        }
        size_t size = node.word == NULL ? 1 : strlen(node.word->text);
        node.text = arena_strndup(call->arena, at, size);
        nodes[count++] = node;
        at += size;
    }
    *nodes_out = nodes;
    *count_out = count;
    return STATUS_OK;
}

static enum status
invalid_value(struct reading *reading, const char *value, const struct node *node,
              const char *detail)
{
    enum status status =
        diag_fail(reading->call->diag, STATUS_INVALID, SQLSTATE_INVALID_DATETIME_FORMAT,
                  "invalid value \"%.60s\" for \"%s\"", value, node->text);
    diag_detail(reading->call->diag, "%s", detail);
    return status;
}

/* A number of exactly `digits` bytes. */
static enum status
read_exact(struct reading *reading, const struct node *node, int64_t *value_out)
{
    struct diag *diag = reading->call->diag;
    unsigned digits = node->word->digits;
    size_t there = strnlen(reading->at, digits);
    if (there < digits) {
        enum status status =
            diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_DATETIME_FORMAT,
                      "source string too short for \"%s\" formatting field", node->text);
        diag_detail(diag, "Field requires %u characters, but only %zu remain.", digits, there);
        diag_hint(diag,
                  "If your source string is not fixed-width, try using the \"FM\" modifier.");
        return status;
    }
    char copy[8] = "", *end;
    memcpy(copy, reading->at, digits);
    *value_out = strtol(copy, &end, 10);
    if (end == copy) {
        return invalid_value(reading, copy, node, "Value must be an integer.");
    }
    if (end < copy + digits) {
        enum status status = invalid_value(reading, copy, node, "");
        diag_detail(diag, "Field requires %u characters, but only %td could be parsed.", digits,
                    end - copy);
        diag_hint(diag,
                  "If your source string is not fixed-width, try using the \"FM\" modifier.");
        return status;
    }
    reading->at += digits;
    return STATUS_OK;
}

static enum status
read_number(struct reading *reading, const struct node *node, bool exact, int64_t *value_out)
{
    const char *start = reading->at;
    if (exact) {
        TRY(read_exact(reading, node, value_out));
    } else {
        char *end, copy[8] = "";
        *value_out = strtol(start, &end, 10);
        if (end == start) {
            memcpy(copy, start, strnlen(start, node->word->digits));
            return invalid_value(reading, copy, node, "Value must be an integer.");
        }
        reading->at = end;
    }
    if (*value_out < INT32_MIN || *value_out > INT32_MAX) {
        enum status status =
            diag_fail(reading->call->diag, STATUS_INVALID, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                      "value for \"%s\" in source string is out of range", node->text);
        diag_detail(reading->call->diag, "Value must be in the range %d to %d.", INT32_MIN,
                    INT32_MAX);
        return status;
    }
    if (strcasecmp(node->word->text, "YY") == 0 && reading->at - start < 4 &&
        *value_out < 100) {
        *value_out += *value_out < 70 ? 2000 : 1900; /* nearest to 2020 */
    }
    return STATUS_OK;
}

static enum status
read_month(struct reading *reading, const struct node *node, int64_t *value_out)
{
    static const char *const names[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
    bool whole = strlen(node->word->text) > 3;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        size_t size = whole ? strlen(names[i]) : 3;
        if (strncasecmp(reading->at, names[i], size) == 0) {
            *value_out = (int64_t)i + 1;
            reading->at += size;
            return STATUS_OK;
        }
    }
    const char *word =
        arena_strndup(reading->call->arena, reading->at, strcspn(reading->at, " \t\n\v\f\r"));
    return invalid_value(reading, word, node,
                         "The given value did not match any of the allowed values for this "
                         "field.");
}

static enum status
read_field(struct reading *reading, const struct node *node, bool exact)
{
    int64_t value = 0, *field = &reading->fields[node->word->field];
    TRY(node->word->digits == 0 ? read_month(reading, node, &value)
                                : read_number(reading, node, exact, &value));
    if (*field != 0 && *field != value) {
        enum status status =
            diag_fail(reading->call->diag, STATUS_INVALID, SQLSTATE_INVALID_DATETIME_FORMAT,
                      "conflicting values for \"%s\" field in formatting string", node->text);
        diag_detail(reading->call->diag,
                    "This value contradicts a previous setting for the same "
                    "field type.");
        return status;
    }
    *field = value;
    return STATUS_OK;
}

static void
skip_blanks(struct reading *reading)
{
    while (isspace((unsigned char)*reading->at)) {
        reading->at++;
    }
}

static enum status
read_fields(struct reading *reading, const struct node *nodes, unsigned count)
{
    for (unsigned i = 0; i < count && *reading->at != '\0'; i++) {
        const struct node *node = &nodes[i];
        if (node->word == NULL) {
            if (i == 0 && node->text[0] != ' ') {
                skip_blanks(reading);
            }
            char c = *reading->at;
            reading->at += isspace((unsigned char)c) || is_separator(c);
            continue;
        }
        skip_blanks(reading);
        if (*reading->at == '\0') {
            break;
        }
        bool number_follows =
            i + 1 < count && nodes[i + 1].word != NULL && nodes[i + 1].word->digits > 0;
        TRY(read_field(reading, node, number_follows && !node->fills));
        skip_blanks(reading);
    }
    return STATUS_OK;
}

/* Fields that the input has not are the first day of the year 1 BC. As in PostgreSQL, a day is
 * looked up in its month only where a year was given: 30 February is then 1 March. */
static enum status
make_date_of(struct reading *reading, const char *text, int32_t *date_out)
{
    const int64_t *fields = reading->fields;
    struct diag *diag = reading->call->diag;
    bool has_year = fields[FIELD_YEAR] != 0;
    int64_t of_year = fields[FIELD_DAY_OF_YEAR];
    int64_t year = fields[FIELD_YEAR] + (fields[FIELD_YEAR] < 0); /* -44 is 44 BC */
    int64_t month = fields[FIELD_MONTH] != 0 ? fields[FIELD_MONTH] : 1;
    int64_t day = fields[FIELD_DAY] != 0 ? fields[FIELD_DAY] : 1;
    bool counts_days = of_year != 0 && (month <= 1 || day <= 1);
    if (counts_days && !has_year) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_DATETIME_FORMAT,
                         "cannot calculate day of year without year information");
    }
    if (year < -4713 || year > 5874897) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                         "date out of range: \"%s\"", text);
    }
    bool in_range = false;
    if (counts_days) {
        int64_t days = days_in_month((int)year, 2) == 29 ? 366 : 365;
        in_range = of_year >= 1 && of_year <= days;
        month = day = 1;
    } else {
        in_range = month >= 1 && month <= 12 && day >= 1 &&
                   day <= (has_year ? days_in_month((int)year, (int)month) : 31);
    }
    if (!in_range) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                         "date/time field value out of range: \"%s\"", text);
    }
    *date_out = date_from_calendar((int)year, (int)month, 1) +
                (int32_t)(counts_days ? of_year : day) - 1;
    return STATUS_OK;
}

DEFINE_ROWS(to_date, 2)
{
    struct node *nodes = NULL;
    unsigned count = 0;
    const char *text = arena_strndup(call->arena, v[0].bytes.data, v[0].bytes.size);
    const char *format = arena_strndup(call->arena, v[1].bytes.data, v[1].bytes.size);
    TRY(read_format(call, format, &nodes, &count));
    struct reading reading = {.call = call, .at = text};
    TRY(read_fields(&reading, nodes, count));
    return make_date_of(&reading, text, &out->i32);
}
