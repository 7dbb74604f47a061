/* datetime.c: the calendar and its text output. Input is in datetime_text.c and
 * interval_text.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/types/datetime.h"
#include "base/errors.h"

/* Days from civil and back (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
int32_t
date_from_calendar(int year, int month, int day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int32_t)(era * 146097 + day_of_era - 719468 - EPOCH_DAYS);
}

void
date_to_calendar(int32_t date, struct calendar *out)
{
    int64_t z = (int64_t)date + EPOCH_DAYS + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    *out = (struct calendar){0};
    out->day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    out->month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    out->year = (int)(year_of_era + era * 400 + (out->month <= 2));
}

int32_t
timestamp_date(int64_t timestamp, int64_t *time_of_day_out)
{
    int64_t days = timestamp / DAY_US, rest = timestamp % DAY_US;
    if (rest < 0) {
        rest += DAY_US;
        days--;
    }
    *time_of_day_out = rest;
    return (int32_t)days;
}

void
timestamp_to_calendar(int64_t timestamp, struct calendar *out)
{
    int64_t time = 0;
    date_to_calendar(timestamp_date(timestamp, &time), out);
    out->hour = (int)(time / HOUR_US);
    out->minute = (int)(time / MINUTE_US % 60);
    out->second = (int)(time / SECOND_US % 60);
    out->microsecond = (int)(time % SECOND_US);
}

int
days_in_month(int year, int month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (leap && month == 2);
}

static enum status
out_of_range(struct diag *diag)
{
    return diag_fail(diag, STATUS_INVALID, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                     "timestamp out of range");
}

enum status
timestamp_from_date(int32_t date, int64_t *out, struct diag *diag)
{
    *out = date == DATE_INFINITY ? TIMESTAMP_INFINITY : TIMESTAMP_MINUS_INFINITY;
    if (!date_is_finite(date)) {
        return STATUS_OK;
    }
    if (date >= TIMESTAMP_END / DAY_US) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                         "date out of range for timestamp");
    }
    *out = date * DAY_US;
    return STATUS_OK;
}

enum status
timestamp_add_interval(int64_t timestamp, const struct interval *interval, int64_t *out,
                       struct diag *diag)
{
    *out = timestamp;
    if (!timestamp_is_finite(timestamp)) {
        return STATUS_OK;
    }
    int64_t sum = timestamp;
    if (interval->months != 0) {
        struct calendar at;
        int64_t time = 0;
        date_to_calendar(timestamp_date(timestamp, &time), &at);
        int64_t months = (int64_t)at.year * 12 + at.month - 1 + interval->months;
        int64_t year = months >= 0 ? months / 12 : -((-months + 11) / 12);
        if (year > 294276 || year < -4800) {
            return out_of_range(diag);
        }
        int month = (int)(months - year * 12) + 1;
        int day = MIN(at.day, days_in_month((int)year, month));
        sum = date_from_calendar((int)year, month, day) * DAY_US + time;
    }
    int64_t days = 0;
    if (__builtin_mul_overflow((int64_t)interval->days, DAY_US, &days) ||
        __builtin_add_overflow(sum, days, &sum) ||
        __builtin_add_overflow(sum, interval->microseconds, &sum) || sum < TIMESTAMP_MIN ||
        sum >= TIMESTAMP_END) {
        return out_of_range(diag);
    }
    *out = sum;
    return STATUS_OK;
}

/* Years, months and days between two moments, as age() counts them: borrowed days are those of
 * the month of the earlier one. */
struct interval
timestamp_age(int64_t a, int64_t b)
{
    struct calendar x, y;
    bool minus = a < b;
    timestamp_to_calendar(minus ? b : a, &x);
    timestamp_to_calendar(minus ? a : b, &y);
    int64_t time = (x.hour - y.hour) * HOUR_US + (x.minute - y.minute) * MINUTE_US +
                   (x.second - y.second) * SECOND_US + (x.microsecond - y.microsecond);
    int days = x.day - y.day, months = x.month - y.month, years = x.year - y.year;
    if (time < 0) {
        time += DAY_US;
        days--;
    }
    while (days < 0) {
        days += days_in_month(y.year, y.month);
        months--;
    }
    while (months < 0) {
        months += 12;
        years--;
    }
    int sign = minus ? -1 : 1;
    return (struct interval){.microseconds = sign * time,
                             .days = sign * days,
                             .months = sign * (years * 12 + months)};
}

void
interval_justify_hours(struct interval *interval)
{
    interval->days += (int32_t)(interval->microseconds / DAY_US);
    interval->microseconds %= DAY_US;
    if (interval->days > 0 && interval->microseconds < 0) {
        interval->microseconds += DAY_US;
        interval->days--;
    } else if (interval->days < 0 && interval->microseconds > 0) {
        interval->microseconds -= DAY_US;
        interval->days++;
    }
}

__int128
interval_span(const struct interval *interval)
{
    return (__int128)interval->microseconds +
           ((__int128)interval->days + (__int128)interval->months * 30) * DAY_US;
}

int64_t
timestamp_round(int64_t timestamp, int precision)
{
    static const int64_t units[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    if (precision < 0 || precision >= 6 || !timestamp_is_finite(timestamp)) {
        return timestamp;
    }
    int64_t unit = units[precision];
    int64_t half = timestamp < 0 ? -unit / 2 : unit / 2, sum = 0;
    if (__builtin_add_overflow(timestamp, half, &sum)) {
        return timestamp; /* an interval at its limit */
    }
    return sum / unit * unit;
}

/* ---- output ---- */

static void
put_two(uint8_t *at, int value)
{
    at[0] = (uint8_t)('0' + value / 10);
    at[1] = (uint8_t)('0' + value % 10);
}

static void
put_year_month_day(const struct calendar *at, struct buf *out)
{
    int year = at->year > 0 ? at->year : 1 - at->year;
    if (year > 9999) {
        buf_printf(out, "%d", year);
    } else {
        uint8_t *text = buf_extend(out, 4);
        put_two(text, year / 100);
        put_two(text + 2, year % 100);
    }
    uint8_t *text = buf_extend(out, 6);
    text[0] = '-';
    put_two(text + 1, at->month);
    text[3] = '-';
    put_two(text + 4, at->day);
}

static void
put_fraction(int microsecond, struct buf *out)
{
    if (microsecond == 0) {
        return;
    }
    char text[8] = ".000000";
    for (int i = 6; i > 0; i--, microsecond /= 10) {
        text[i] = (char)('0' + microsecond % 10);
    }
    size_t size = 7;
    while (text[size - 1] == '0') {
        size--;
    }
    buf_append(out, text, size);
}

void
date_to_text(int32_t date, struct buf *out)
{
    if (!date_is_finite(date)) {
        buf_append_text(out, date == DATE_INFINITY ? "infinity" : "-infinity");
        return;
    }
    struct calendar at;
    date_to_calendar(date, &at);
    put_year_month_day(&at, out);
    if (at.year <= 0) {
        buf_append_text(out, " BC");
    }
}

void
timestamp_to_text(int64_t timestamp, bool with_zone, struct buf *out)
{
    if (!timestamp_is_finite(timestamp)) {
        buf_append_text(out, timestamp == TIMESTAMP_INFINITY ? "infinity" : "-infinity");
        return;
    }
    struct calendar at;
    timestamp_to_calendar(timestamp, &at);
    put_year_month_day(&at, out);
    uint8_t *text = buf_extend(out, 9);
    text[0] = ' ';
    put_two(text + 1, at.hour);
    text[3] = ':';
    put_two(text + 4, at.minute);
    text[6] = ':';
    put_two(text + 7, at.second);
    put_fraction(at.microsecond, out);
    if (with_zone) {
        buf_append(out, "+00", 3);
    }
    if (at.year <= 0) {
        buf_append_text(out, " BC");
    }
}

/* After a negative part a positive one gets its plus sign. */
static void
put_unit(int value, const char *unit, bool *first, bool *after_minus, struct buf *out)
{
    if (value == 0) {
        return;
    }
    buf_printf(out, "%s%s%d %s%s", *first ? "" : " ", *after_minus && value > 0 ? "+" : "",
               value, unit, value != 1 ? "s" : "");
    *after_minus = value < 0;
    *first = false;
}

void
interval_to_text(const struct interval *interval, struct buf *out)
{
    bool first = true, after_minus = false;
    put_unit(interval->months / 12, "year", &first, &after_minus, out);
    put_unit(interval->months % 12, "mon", &first, &after_minus, out);
    put_unit(interval->days, "day", &first, &after_minus, out);
    int64_t time = interval->microseconds;
    if (time == 0 && !first) {
        return;
    }
    uint64_t magnitude = time < 0 ? (uint64_t)0 - (uint64_t)time : (uint64_t)time;
    buf_printf(out, "%s%s%02ld:%02d:%02d", first ? "" : " ",
               time < 0 ? "-" : (after_minus ? "+" : ""), (long)(magnitude / (uint64_t)HOUR_US),
               (int)(magnitude / (uint64_t)MINUTE_US % 60),
               (int)(magnitude / (uint64_t)SECOND_US % 60));
    put_fraction((int)(magnitude % (uint64_t)SECOND_US), out);
}
