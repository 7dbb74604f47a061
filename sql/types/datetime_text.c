/* datetime_text.c: dates and timestamps from text. One pass over the words of the text; each
 * word fills a part of the result.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "sql/types/datetime.h"
#include "sql/types/number_text.h"
#include <strings.h>

#define YEAR_MAX 5874897

enum special { SPECIAL_NONE, SPECIAL_INFINITY, SPECIAL_MINUS_INFINITY, SPECIAL_EPOCH };

enum fault { /* how a text can be wrong, as PostgreSQL tells them apart */
             FAULT_NONE,
             FAULT_SYNTAX,
             FAULT_FIELD,
             FAULT_MONTH_DAY,
             FAULT_ZONE_RANGE,
             FAULT_ZONE_NAME,
};

struct parsed {
    enum special special;
    int year, month, day; /* -1: not seen */
    bool year_short, bc, has_time, has_zone, pm, am, leap_minute;
    int64_t time_us;
    int zone_seconds;
};

struct scanner {
    const uint8_t *p, *end;
};

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool
is_letter(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static uint8_t
peek(const struct scanner *s)
{
    return s->p < s->end ? *s->p : 0;
}

/* A run of digits; *size_out 0 when there is none. */
static int
read_number(struct scanner *s, unsigned *size_out)
{
    int64_t value = 0;
    unsigned size = 0;
    for (; s->p < s->end && is_digit(*s->p); s->p++, size++) {
        value = MIN(value * 10 + (*s->p - '0'), (int64_t)INT32_MAX);
    }
    *size_out = size;
    return (int)value;
}

static struct slice
read_word(struct scanner *s)
{
    const uint8_t *begin = s->p;
    while (s->p < s->end && is_letter(*s->p)) {
        s->p++;
    }
    return slice_make(begin, (size_t)(s->p - begin));
}

static bool
same_word(struct slice word, const char *text)
{
    return word.size == strlen(text) &&
           strncasecmp((const char *)word.data, text, word.size) == 0;
}

/* 1..12 or 0. Three letters or the whole name; "sept", too. */
static int
month_of(struct slice word)
{
    static const char *const names[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};
    if (same_word(word, "sept")) {
        return 9;
    }
    for (int i = 0; i < 12; i++) {
        if (same_word(word, names[i]) ||
            (word.size == 3 && strncasecmp((const char *)word.data, names[i], 3) == 0)) {
            return i + 1;
        }
    }
    return 0;
}

static bool
is_weekday(struct slice word)
{
    static const char *const names[] = {"sunday",   "sun",      "monday",    "mon",   "tuesday",
                                        "tue",      "tues",     "wednesday", "wed",   "weds",
                                        "thursday", "thu",      "thur",      "thurs", "friday",
                                        "fri",      "saturday", "sat"};
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (same_word(word, names[i])) {
            return true;
        }
    }
    return false;
}

static const struct {
    const char *name;
    int minutes;
} zones[] = {
    {"z", 0},      {"utc", 0},     {"gmt", 0},     {"ut", 0},     {"uct", 0},    {"zulu", 0},
    {"wet", 0},    {"bst", 60},    {"cet", 60},    {"met", 60},   {"west", 60},  {"cest", 120},
    {"eet", 120},  {"eest", 180},  {"msk", 180},   {"est", -300}, {"edt", -240}, {"cst", -360},
    {"cdt", -300}, {"mst", -420},  {"mdt", -360},  {"pst", -480}, {"pdt", -420}, {"jst", 540},
    {"kst", 540},  {"akst", -540}, {"akdt", -480}, {"hst", -600}, {"nzst", 720}, {"nzdt", 780},
    {"aest", 600}, {"aedt", 660},  {"awst", 480},  {"acst", 570}, {"acdt", 630}, {"sgt", 480},
};

static bool
zone_of(struct slice word, int *seconds_out)
{
    for (unsigned i = 0; i < ARRAY_SIZE(zones); i++) {
        if (same_word(word, zones[i].name)) {
            *seconds_out = zones[i].minutes * 60;
            return true;
        }
    }
    return false;
}

/* .ffffff: microseconds, rounded. */
static int64_t
read_fraction(struct scanner *s)
{
    int64_t value = 0, unit = 1000000;
    bool round_up = false;
    s->p++;
    for (; s->p < s->end && is_digit(*s->p); s->p++) {
        if (unit > 1) {
            unit /= 10;
            value += (*s->p - '0') * unit;
        } else if (unit == 1) {
            round_up = *s->p >= '5';
            unit = 0;
        }
    }
    return value + round_up;
}

static enum fault
read_time(struct scanner *s, int hour, struct parsed *out)
{
    unsigned size = 0;
    s->p++;
    int minute = read_number(s, &size);
    if (size == 0 || out->has_time) {
        return FAULT_SYNTAX;
    }
    int second = 0;
    int64_t fraction = 0;
    if (peek(s) == ':') {
        s->p++;
        second = read_number(s, &size);
        if (size == 0) {
            return FAULT_SYNTAX;
        }
    }
    if (peek(s) == '.') {
        fraction = read_fraction(s);
    }
    out->time_us = hour * HOUR_US + minute * MINUTE_US + second * SECOND_US + fraction;
    out->has_time = true;
    bool fits = hour < 24 && minute < 60 && second <= 60;
    return fits || out->time_us == DAY_US ? FAULT_NONE : FAULT_FIELD;
}

/* +hh[:mm[:ss]] or +hhmm */
static enum fault
read_zone(struct scanner *s, struct parsed *out)
{
    int sign = *s->p == '-' ? -1 : 1;
    s->p++;
    unsigned size = 0;
    int hour = read_number(s, &size), minute = 0, second = 0;
    if (size == 0 || out->has_zone) {
        return FAULT_SYNTAX;
    }
    if (size > 2) {
        minute = hour % 100;
        hour /= 100;
    }
    if (peek(s) == ':') {
        s->p++;
        minute = read_number(s, &size);
        if (peek(s) == ':') {
            s->p++;
            second = read_number(s, &size);
        }
    }
    if (hour > 15 || minute > 59 || second > 59) {
        return FAULT_ZONE_RANGE;
    }
    out->zone_seconds = sign * (hour * 3600 + minute * 60 + second);
    out->has_zone = true;
    return FAULT_NONE;
}

static void
set_year(struct parsed *out, int value, unsigned size)
{
    out->year = value;
    out->year_short = size <= 2;
}

static void
set_days(struct parsed *out, int32_t date)
{
    struct calendar calendar;
    date_to_calendar(date, &calendar);
    out->year = calendar.year;
    out->month = calendar.month;
    out->day = calendar.day;
}

/* The second and third part of a date like 1999-01-08, 1/8/1999, 8-Jan-1999. */
static enum fault
read_date(struct scanner *s, int first, unsigned first_size, struct parsed *out)
{
    uint8_t separator = *s->p++;
    unsigned sizes[3] = {first_size, 0, 0};
    int values[3] = {first, 0, 0}, month = 0;
    if (is_letter(peek(s))) {
        month = month_of(read_word(s));
        if (month == 0) {
            return FAULT_SYNTAX;
        }
    } else {
        values[1] = read_number(s, &sizes[1]);
        if (sizes[1] == 0) {
            return FAULT_SYNTAX;
        }
    }
    if (out->day >= 0 || out->month >= 0) {
        return FAULT_SYNTAX;
    }
    if (peek(s) != separator) {
        if (sizes[0] >= 3 && sizes[1] == 3 && month == 0 && values[1] >= 1 &&
            values[1] <= 366) { /* 1999-008 */
            set_year(out, first, first_size);
            out->month = out->day = 1;
            if (first <= YEAR_MAX) { /* else the year is refused later */
                set_days(out, date_from_calendar(first, 1, 1) + values[1] - 1);
            }
            return FAULT_NONE;
        }
        return FAULT_SYNTAX;
    }
    s->p++;
    values[2] = read_number(s, &sizes[2]);
    if (sizes[2] == 0) {
        return FAULT_SYNTAX;
    }
    if (sizes[0] >= 3) {
        set_year(out, values[0], sizes[0]);
        out->month = month != 0 ? month : values[1];
        out->day = values[2];
    } else {
        set_year(out, values[2], sizes[2]);
        out->month = month != 0 ? month : values[0];
        out->day = month != 0 ? values[0] : values[1];
    }
    return FAULT_NONE;
}

/* A number that stands alone: 19990108, 990108, 040506 after a date, or beside a month's name.
 */
static enum fault
take_number(struct scanner *s, int value, unsigned size, struct parsed *out)
{
    bool has_date = out->year >= 0 && out->month >= 0 && out->day >= 0;
    if (has_date && !out->has_time && (size == 6 || size == 4)) {
        int seconds = size == 6 ? value % 100 : 0;
        int minutes = size == 6 ? value / 100 % 100 : value % 100;
        int hours = size == 6 ? value / 10000 : value / 100;
        out->time_us = hours * HOUR_US + minutes * MINUTE_US + seconds * SECOND_US;
        out->time_us += peek(s) == '.' ? read_fraction(s) : 0;
        out->has_time = true;
        return hours < 24 && minutes < 60 && seconds <= 60 ? FAULT_NONE : FAULT_FIELD;
    }
    if (!has_date && out->month < 0 && (size == 8 || size == 6)) {
        set_year(out, value / 10000, size - 4);
        out->month = value / 100 % 100;
        out->day = value % 100;
        return FAULT_NONE;
    }
    if (out->month >= 0 && out->day < 0 && size <= 2) {
        out->day = value;
    } else if (out->year < 0 && (size > 2 || out->day >= 0)) {
        set_year(out, value, size);
    } else if (out->day < 0 && size <= 2) {
        out->day = value;
    } else {
        return FAULT_SYNTAX;
    }
    return FAULT_NONE;
}

static enum fault
take_word(struct scanner *s, struct parsed *out)
{
    struct slice word = read_word(s);
    int month = month_of(word);
    if (month != 0) {
        if (out->month >= 0) {
            return FAULT_SYNTAX;
        }
        out->month = month;
        s->p += peek(s) == '-'; /* Jan-08-1999 */
        if (s->p[-1] == '-' && is_digit(peek(s))) {
            unsigned size = 0;
            out->day = read_number(s, &size);
            s->p += peek(s) == '-';
        }
    } else if (same_word(word, "bc")) {
        out->bc = true;
    } else if (same_word(word, "am") || same_word(word, "pm")) {
        out->am = same_word(word, "am");
        out->pm = !out->am;
    } else if (same_word(word, "t") && is_digit(peek(s)) && out->day >= 0) {
        return FAULT_NONE;
    } else if (same_word(word, "infinity") || same_word(word, "inf")) {
        out->special = SPECIAL_INFINITY;
    } else if (same_word(word, "epoch")) {
        out->special = SPECIAL_EPOCH;
    } else if (same_word(word, "allballs") && !out->has_time) {
        out->has_time = out->has_zone = true;
    } else if (zone_of(word, &out->zone_seconds) && !out->has_zone) {
        out->has_zone = true;
    } else if (peek(s) == '/' || peek(s) == '_' || same_word(word, "now") ||
               same_word(word, "today") || same_word(word, "tomorrow") ||
               same_word(word, "yesterday")) {
        return FAULT_ZONE_NAME;
    } else if (!is_weekday(word) && !same_word(word, "ad") && !same_word(word, "at") &&
               !same_word(word, "on")) {
        return FAULT_SYNTAX;
    }
    return FAULT_NONE;
}

static enum fault
take_sign(struct scanner *s, struct parsed *out)
{
    bool minus = *s->p == '-';
    struct scanner ahead = {.p = s->p + 1, .end = s->end};
    struct slice word = read_word(&ahead);
    if (same_word(word, "infinity") || same_word(word, "inf")) {
        out->special = minus ? SPECIAL_MINUS_INFINITY : SPECIAL_INFINITY;
        s->p = ahead.p;
        return FAULT_NONE;
    }
    return out->has_time ? read_zone(s, out) : FAULT_SYNTAX;
}

static enum fault
take_digits(struct scanner *s, struct parsed *out)
{
    unsigned size = 0;
    int value = read_number(s, &size);
    uint8_t next = peek(s);
    if (next == ':') {
        return read_time(s, value, out);
    }
    bool has_date = out->month >= 0 && out->day >= 0;
    if ((next == '-' || next == '/' || next == '.') && !has_date) {
        return read_date(s, value, size, out);
    }
    return take_number(s, value, size, out);
}

static enum fault
parse(struct slice text, struct parsed *out)
{
    *out = (struct parsed){.year = -1, .month = -1, .day = -1};
    struct scanner s = {.p = text.data, .end = text.data + text.size};
    enum fault fault = text.size == 0 ? FAULT_SYNTAX : FAULT_NONE;
    while (s.p < s.end && fault == FAULT_NONE) {
        uint8_t c = *s.p;
        if (c == ' ' || c == ',' || (c >= '\t' && c <= '\r')) {
            s.p++;
        } else if (is_digit(c)) {
            fault = take_digits(&s, out);
        } else if (is_letter(c)) {
            fault = take_word(&s, out);
        } else if (c == '+' || c == '-') {
            fault = take_sign(&s, out);
        } else {
            fault = FAULT_SYNTAX;
        }
    }
    return fault;
}

/* Two-digit years, BC, AM and PM; then the ranges. */
static enum fault
settle(struct parsed *out)
{
    if (out->special != SPECIAL_NONE) {
        return FAULT_NONE;
    }
    if (out->year < 0 || out->month < 0 || out->day < 0) {
        return FAULT_SYNTAX;
    }
    if (out->bc) {
        if (out->year == 0) {
            return FAULT_FIELD;
        }
        out->year = 1 - out->year;
    } else if (out->year_short) {
        out->year += out->year < 70 ? 2000 : 1900;
    } else if (out->year == 0) {
        return FAULT_FIELD;
    }
    if (out->month < 1 || out->month > 12 || out->day < 1 || out->day > 31) {
        return FAULT_MONTH_DAY;
    }
    if (out->day > days_in_month(out->year, out->month)) {
        return FAULT_FIELD;
    }
    int64_t hour = out->time_us / HOUR_US;
    if ((out->am || out->pm) && hour > 12) {
        return FAULT_FIELD;
    }
    if (out->pm && hour < 12) {
        out->time_us += 12 * HOUR_US;
    } else if (out->am && hour == 12) {
        out->time_us -= 12 * HOUR_US;
    }
    return FAULT_NONE;
}

static enum status
report(enum fault fault, struct slice text, const char *type, struct diag *diag)
{
    int shown = number_text_shown(text);
    const char *data = (const char *)text.data;
    switch (fault) {
    case FAULT_NONE:
        return STATUS_OK;
    case FAULT_FIELD:
    case FAULT_MONTH_DAY:
        (void)diag_fail(diag, STATUS_INVALID, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                        "date/time field value out of range: \"%.*s\"", shown, data);
        if (fault == FAULT_MONTH_DAY) {
            diag_hint(diag, "Perhaps you need a different \"datestyle\" setting.");
        }
        return STATUS_INVALID;
    case FAULT_ZONE_RANGE:
        return diag_fail(diag, STATUS_INVALID, "22009",
                         "time zone displacement out of range: \"%.*s\"", shown, data);
    case FAULT_ZONE_NAME:
        return diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "named time zones and relative words (now, today) in date and time "
                         "texts are not supported: \"%.*s\"",
                         shown, data);
    case FAULT_SYNTAX:
        break;
    }
    return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_DATETIME_FORMAT,
                     "invalid input syntax for type %s: \"%.*s\"", type, shown, data);
}

static enum status
read_text(struct slice text, const char *type, struct parsed *out, struct diag *diag)
{
    enum fault fault = parse(number_text_trim(text), out);
    fault = fault == FAULT_NONE ? settle(out) : fault;
    return fault == FAULT_NONE ? STATUS_OK : report(fault, text, type, diag);
}

static enum status
report_range(struct slice text, const char *type, struct diag *diag)
{
    return diag_fail(diag, STATUS_INVALID, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                     "%s out of range: \"%.*s\"", type, number_text_shown(text),
                     (const char *)text.data);
}

enum status
date_from_text(struct slice text, int32_t *out, struct diag *diag)
{
    struct parsed parsed;
    *out = 0;
    TRY(read_text(text, "date", &parsed, diag));
    switch (parsed.special) {
    case SPECIAL_INFINITY:
        *out = DATE_INFINITY;
        return STATUS_OK;
    case SPECIAL_MINUS_INFINITY:
        *out = DATE_MINUS_INFINITY;
        return STATUS_OK;
    case SPECIAL_EPOCH:
        *out = -EPOCH_DAYS;
        return STATUS_OK;
    case SPECIAL_NONE:
        break;
    }
    bool fits = parsed.year > -4714 && parsed.year <= YEAR_MAX;
    int32_t date = fits ? date_from_calendar(parsed.year, parsed.month, parsed.day) : 0;
    if (!fits || date < DATE_MIN) {
        return report_range(text, "date", diag);
    }
    *out = date;
    return STATUS_OK;
}

enum status
timestamp_from_text(struct slice text, bool with_zone, int64_t *out, struct diag *diag)
{
    struct parsed parsed;
    *out = 0;
    TRY(read_text(text, with_zone ? "timestamp with time zone" : "timestamp", &parsed, diag));
    switch (parsed.special) {
    case SPECIAL_INFINITY:
        *out = TIMESTAMP_INFINITY;
        return STATUS_OK;
    case SPECIAL_MINUS_INFINITY:
        *out = TIMESTAMP_MINUS_INFINITY;
        return STATUS_OK;
    case SPECIAL_EPOCH:
        *out = -EPOCH_US;
        return STATUS_OK;
    case SPECIAL_NONE:
        break;
    }
    bool fits = parsed.year > -4714 && parsed.year <= 294277;
    int64_t date = fits ? date_from_calendar(parsed.year, parsed.month, parsed.day) : 0;
    int64_t value = 0;
    fits = fits && date <= TIMESTAMP_END / DAY_US; /* a zone may take a day off again */
    if (fits) {
        value = date * DAY_US + parsed.time_us;
        value -= with_zone ? parsed.zone_seconds * SECOND_US : 0;
    }
    if (!fits || value < TIMESTAMP_MIN || value >= TIMESTAMP_END) {
        return report_range(text, "timestamp", diag);
    }
    *out = value;
    return STATUS_OK;
}

bool
zone_offset(struct slice name, int *seconds_out)
{
    struct slice word = number_text_trim(name);
    *seconds_out = 0;
    if (word.size > 0 && (word.data[0] == '+' || word.data[0] == '-')) {
        struct scanner s = {.p = word.data, .end = word.data + word.size};
        struct parsed parsed = {0};
        bool ok = read_zone(&s, &parsed) == FAULT_NONE && s.p == s.end;
        *seconds_out = -parsed.zone_seconds;
        return ok;
    }
    return zone_of(word, seconds_out) || (same_word(word, "etc/utc"));
}
