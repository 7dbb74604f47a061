/* interval_text.c: intervals from text: "1 year 2 mons 3 days 04:05:06.7", "1-2", "P1Y2M3DT4H",
 * "1.5 hours ago".
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "sql/types/datetime.h"
#include "sql/types/number_text.h"
#include <math.h>
#include <strings.h>

enum unit {
    UNIT_NONE,
    UNIT_MICROSECOND,
    UNIT_MILLISECOND,
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_YEAR,
    UNIT_DECADE,
    UNIT_CENTURY,
    UNIT_MILLENNIUM,
};

static const struct {
    const char *word;
    enum unit unit;
} words[] = {
    {"us", UNIT_MICROSECOND},
    {"usec", UNIT_MICROSECOND},
    {"usecs", UNIT_MICROSECOND},
    {"usecond", UNIT_MICROSECOND},
    {"useconds", UNIT_MICROSECOND},
    {"microsecond", UNIT_MICROSECOND},
    {"microseconds", UNIT_MICROSECOND},
    {"microsecon", UNIT_MICROSECOND},
    {"ms", UNIT_MILLISECOND},
    {"msec", UNIT_MILLISECOND},
    {"msecs", UNIT_MILLISECOND},
    {"mseconds", UNIT_MILLISECOND},
    {"msecond", UNIT_MILLISECOND},
    {"millisecond", UNIT_MILLISECOND},
    {"milliseconds", UNIT_MILLISECOND},
    {"millisecon", UNIT_MILLISECOND},
    {"s", UNIT_SECOND},
    {"sec", UNIT_SECOND},
    {"secs", UNIT_SECOND},
    {"second", UNIT_SECOND},
    {"seconds", UNIT_SECOND},
    {"m", UNIT_MINUTE},
    {"min", UNIT_MINUTE},
    {"mins", UNIT_MINUTE},
    {"minute", UNIT_MINUTE},
    {"minutes", UNIT_MINUTE},
    {"h", UNIT_HOUR},
    {"hr", UNIT_HOUR},
    {"hrs", UNIT_HOUR},
    {"hour", UNIT_HOUR},
    {"hours", UNIT_HOUR},
    {"d", UNIT_DAY},
    {"day", UNIT_DAY},
    {"days", UNIT_DAY},
    {"w", UNIT_WEEK},
    {"week", UNIT_WEEK},
    {"weeks", UNIT_WEEK},
    {"mon", UNIT_MONTH},
    {"mons", UNIT_MONTH},
    {"month", UNIT_MONTH},
    {"months", UNIT_MONTH},
    {"y", UNIT_YEAR},
    {"yr", UNIT_YEAR},
    {"yrs", UNIT_YEAR},
    {"year", UNIT_YEAR},
    {"years", UNIT_YEAR},
    {"dec", UNIT_DECADE},
    {"decs", UNIT_DECADE},
    {"decade", UNIT_DECADE},
    {"decades", UNIT_DECADE},
    {"c", UNIT_CENTURY},
    {"cent", UNIT_CENTURY},
    {"century", UNIT_CENTURY},
    {"centuries", UNIT_CENTURY},
    {"mil", UNIT_MILLENNIUM},
    {"mils", UNIT_MILLENNIUM},
    {"millennia", UNIT_MILLENNIUM},
    {"millennium", UNIT_MILLENNIUM},
};

/* Sums that are checked at the end. */
struct sums {
    int64_t months, days;
    __int128 microseconds;
    unsigned seen; /* bit set of units: none counts twice */
    bool any, too_large;
};

struct number {
    bool minus;
    int64_t whole;
    double fraction; /* 0 <= fraction < 1, without the sign */
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

static enum unit
unit_of(struct slice word)
{
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        if (strlen(words[i].word) == word.size &&
            strncasecmp((const char *)word.data, words[i].word, word.size) == 0) {
            return words[i].unit;
        }
    }
    return UNIT_NONE;
}

static void
add_microseconds(struct sums *sums, double seconds)
{
    sums->microseconds += (__int128)rint(seconds * 1e6);
}

static void
add_days(struct sums *sums, double days)
{
    double whole = trunc(days);
    sums->days += (int64_t)whole;
    add_microseconds(sums, (days - whole) * 86400);
}

/* A unit's whole part counts exactly; its fraction spills into the smaller units. */
static bool
add(struct sums *sums, const struct number *n, enum unit unit)
{
    int64_t whole = n->minus ? -n->whole : n->whole;
    double fraction = n->minus ? -n->fraction : n->fraction;
    static const int64_t time_units[] = {[UNIT_MICROSECOND] = 1,
                                         [UNIT_MILLISECOND] = 1000,
                                         [UNIT_SECOND] = SECOND_US,
                                         [UNIT_MINUTE] = MINUTE_US,
                                         [UNIT_HOUR] = HOUR_US};
    static const int month_units[] = {[UNIT_YEAR] = 12,
                                      [UNIT_DECADE] = 120,
                                      [UNIT_CENTURY] = 1200,
                                      [UNIT_MILLENNIUM] = 12000};
    sums->any = true;
    if ((sums->seen >> unit & 1U) != 0) {
        return false;
    }
    sums->seen |= 1U << unit;
    if (whole > INT32_MAX || whole < INT32_MIN) {
        if (unit > UNIT_HOUR) {
            sums->too_large = true;
            return false;
        }
    }
    if (unit <= UNIT_HOUR) {
        sums->microseconds += (__int128)whole * time_units[unit];
        sums->microseconds += (__int128)rint(fraction * (double)time_units[unit]);
    } else if (unit == UNIT_DAY) {
        sums->days += whole;
        add_microseconds(sums, fraction * 86400);
    } else if (unit == UNIT_WEEK) {
        sums->days += whole * 7;
        add_days(sums, fraction * 7);
    } else if (unit == UNIT_MONTH) {
        sums->months += whole;
        add_days(sums, fraction * 30);
    } else {
        sums->months += whole * month_units[unit] + (int64_t)rint(fraction * month_units[unit]);
    }
    return true;
}

static bool
read_number(const uint8_t **at, const uint8_t *end, struct number *out)
{
    const uint8_t *p = *at;
    *out = (struct number){0};
    if (p < end && (*p == '-' || *p == '+')) {
        out->minus = *p++ == '-';
    }
    const uint8_t *begin = p;
    for (; p < end && is_digit(*p); p++) {
        if (out->whole > INT64_MAX / 10 - 10) {
            return false;
        }
        out->whole = out->whole * 10 + (*p - '0');
    }
    bool any = p > begin;
    if (p < end && *p == '.') {
        double unit = 1, value = 0;
        for (p++; p < end && is_digit(*p); p++, any = true) {
            if (unit < 1e15) {
                unit *= 10;
                value = value * 10 + (*p - '0');
            }
        }
        out->fraction = value / unit;
    }
    *at = p;
    return any;
}

/* hh:mm[:ss[.ffffff]] after `hours` was read; *at is at the colon. */
static bool
read_clock(const uint8_t **at, const uint8_t *end, const struct number *hours,
           struct sums *sums)
{
    const uint8_t *p = *at + 1;
    struct number minutes, seconds = {0};
    if (hours->fraction != 0 || p == end || !is_digit(*p) || !read_number(&p, end, &minutes)) {
        return false;
    }
    struct number h = *hours, m = minutes;
    if (p < end && *p == ':') {
        p++;
        if (p == end || !is_digit(*p) || !read_number(&p, end, &seconds)) {
            return false;
        }
    } else if (minutes.fraction != 0) { /* mm:ss.ffffff */
        seconds = minutes;
        m = *hours;
        h = (struct number){0};
    }
    if (m.whole > 59 || seconds.whole > 60) {
        sums->too_large = true;
        return false;
    }
    m.fraction = 0;
    m.minus = seconds.minus = hours->minus;
    *at = p;
    return add(sums, &h, UNIT_HOUR) && add(sums, &m, UNIT_MINUTE) &&
           add(sums, &seconds, UNIT_SECOND);
}

static struct slice
read_word(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *begin = *at;
    while (*at < end && is_letter(**at)) {
        (*at)++;
    }
    return slice_make(begin, (size_t)(*at - begin));
}

static void
skip_spaces(const uint8_t **at, const uint8_t *end)
{
    while (*at < end && (**at == ' ' || **at == ',' || (**at >= '\t' && **at <= '\r'))) {
        (*at)++;
    }
}

static bool
parse_iso(const uint8_t *p, const uint8_t *end, struct sums *sums)
{
    bool time = false;
    while (p < end) {
        if (*p == 'T' && !time) {
            time = true;
            p++;
            continue;
        }
        struct number n;
        if (!read_number(&p, end, &n) || p == end) {
            return false;
        }
        enum unit unit = UNIT_NONE;
        switch (*p++) {
        case 'Y':
            unit = UNIT_YEAR;
            break;
        case 'M':
            unit = time ? UNIT_MINUTE : UNIT_MONTH;
            break;
        case 'W':
            unit = UNIT_WEEK;
            break;
        case 'D':
            unit = UNIT_DAY;
            break;
        case 'H':
            unit = UNIT_HOUR;
            break;
        case 'S':
            unit = UNIT_SECOND;
            break;
        default:
            return false;
        }
        if (!add(sums, &n, unit)) {
            return false;
        }
    }
    return sums->any;
}

static bool
parse_verbose(const uint8_t *p, const uint8_t *end, struct sums *sums)
{
    skip_spaces(&p, end);
    if (p < end && *p == '@') {
        p++;
    }
    bool clock = false;
    for (skip_spaces(&p, end); p < end; skip_spaces(&p, end)) {
        if (is_letter(*p)) {
            struct slice word = read_word(&p, end);
            skip_spaces(&p, end);
            if (word.size != 3 || strncasecmp((const char *)word.data, "ago", 3) != 0 ||
                p != end || !sums->any) {
                return false;
            }
            sums->months = -sums->months;
            sums->days = -sums->days;
            sums->microseconds = -sums->microseconds;
            return true;
        }
        struct number n;
        if (!read_number(&p, end, &n)) {
            return false;
        }
        if (p < end && *p == ':') {
            if (!read_clock(&p, end, &n, sums)) {
                return false;
            }
            clock = true;
            continue;
        }
        if (p < end && *p == '-' && n.fraction == 0 && p + 1 < end && is_digit(p[1])) {
            struct number months; /* years-months */
            p++;
            if (!read_number(&p, end, &months) || months.whole > 11) {
                return false;
            }
            months.minus = n.minus;
            if (!add(sums, &n, UNIT_YEAR) || !add(sums, &months, UNIT_MONTH)) {
                return false;
            }
            continue;
        }
        skip_spaces(&p, end);
        enum unit unit = UNIT_SECOND;
        if (p < end && is_letter(*p)) {
            unit = unit_of(read_word(&p, end));
        } else if (p < end) {
            unit = UNIT_DAY; /* "1 02:03:04" */
        }
        __int128 before = sums->microseconds;
        if (unit == UNIT_NONE || !add(sums, &n, unit)) {
            return false;
        }
        if (clock) { /* "02:03 0.5 days": PostgreSQL loses the half day, too */
            sums->microseconds = before;
        }
    }
    return sums->any;
}

enum status
interval_from_text(struct slice whole, struct interval *out, struct diag *diag)
{
    struct slice text = number_text_trim(whole);
    const uint8_t *end = text.data + text.size;
    struct sums sums = {0};
    *out = (struct interval){0};
    bool ok = text.size > 1 && text.data[0] == 'P' ? parse_iso(text.data + 1, end, &sums)
                                                   : parse_verbose(text.data, end, &sums);
    if (!ok && !sums.too_large) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_DATETIME_FORMAT,
                         "invalid input syntax for type interval: \"%.*s\"",
                         number_text_shown(whole), (const char *)whole.data);
    }
    if (sums.too_large || sums.months > INT32_MAX || sums.months < INT32_MIN ||
        sums.days > INT32_MAX || sums.days < INT32_MIN || sums.microseconds > INT64_MAX ||
        sums.microseconds < INT64_MIN) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_INTERVAL_FIELD_OVERFLOW,
                         "interval field value out of range: \"%.*s\"",
                         number_text_shown(whole), (const char *)whole.data);
    }
    *out = (struct interval){.microseconds = (int64_t)sums.microseconds,
                             .days = (int32_t)sums.days,
                             .months = (int32_t)sums.months};
    return STATUS_OK;
}
