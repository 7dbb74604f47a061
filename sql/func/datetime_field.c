/* datetime_field.c: extract(), date_part() and date_trunc().
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"
#include <strings.h>

enum field {
    FIELD_MICROSECONDS,
    FIELD_MILLISECONDS,
    FIELD_SECOND,
    FIELD_MINUTE,
    FIELD_HOUR,
    FIELD_DAY,
    FIELD_WEEK,
    FIELD_MONTH,
    FIELD_QUARTER,
    FIELD_YEAR,
    FIELD_DECADE,
    FIELD_CENTURY,
    FIELD_MILLENNIUM,
    FIELD_DOW,
    FIELD_ISODOW,
    FIELD_DOY,
    FIELD_ISOYEAR,
    FIELD_EPOCH,
    FIELD_JULIAN,
    FIELD_TIMEZONE,
    FIELD_UNKNOWN,
};

static const struct {
    const char *word;
    enum field field;
} words[] = {
    {"microseconds", FIELD_MICROSECONDS},
    {"microsecond", FIELD_MICROSECONDS},
    {"us", FIELD_MICROSECONDS},
    {"usec", FIELD_MICROSECONDS},
    {"milliseconds", FIELD_MILLISECONDS},
    {"millisecond", FIELD_MILLISECONDS},
    {"ms", FIELD_MILLISECONDS},
    {"msec", FIELD_MILLISECONDS},
    {"second", FIELD_SECOND},
    {"seconds", FIELD_SECOND},
    {"sec", FIELD_SECOND},
    {"secs", FIELD_SECOND},
    {"s", FIELD_SECOND},
    {"minute", FIELD_MINUTE},
    {"minutes", FIELD_MINUTE},
    {"min", FIELD_MINUTE},
    {"mins", FIELD_MINUTE},
    {"m", FIELD_MINUTE},
    {"hour", FIELD_HOUR},
    {"hours", FIELD_HOUR},
    {"hr", FIELD_HOUR},
    {"h", FIELD_HOUR},
    {"day", FIELD_DAY},
    {"days", FIELD_DAY},
    {"d", FIELD_DAY},
    {"week", FIELD_WEEK},
    {"weeks", FIELD_WEEK},
    {"w", FIELD_WEEK},
    {"month", FIELD_MONTH},
    {"months", FIELD_MONTH},
    {"mon", FIELD_MONTH},
    {"mons", FIELD_MONTH},
    {"quarter", FIELD_QUARTER},
    {"qtr", FIELD_QUARTER},
    {"year", FIELD_YEAR},
    {"years", FIELD_YEAR},
    {"y", FIELD_YEAR},
    {"yr", FIELD_YEAR},
    {"decade", FIELD_DECADE},
    {"decades", FIELD_DECADE},
    {"century", FIELD_CENTURY},
    {"centuries", FIELD_CENTURY},
    {"c", FIELD_CENTURY},
    {"millennium", FIELD_MILLENNIUM},
    {"millennia", FIELD_MILLENNIUM},
    {"mil", FIELD_MILLENNIUM},
    {"dow", FIELD_DOW},
    {"isodow", FIELD_ISODOW},
    {"doy", FIELD_DOY},
    {"isoyear", FIELD_ISOYEAR},
    {"epoch", FIELD_EPOCH},
    {"julian", FIELD_JULIAN},
    {"timezone", FIELD_TIMEZONE},
    {"timezone_hour", FIELD_TIMEZONE},
    {"timezone_minute", FIELD_TIMEZONE},
};

/* value * 10^-scale; is_null for the fields of an infinity that have no value. */
struct field_value {
    __int128 value; /* microseconds of 178 million years do not fit 64 bits */
    int scale;
    bool is_null;
    int infinity; /* 1, -1: epoch, year and larger ones of an infinite timestamp */
};

static enum field
field_of(struct slice name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        if (strlen(words[i].word) == name.size &&
            strncasecmp((const char *)name.data, words[i].word, name.size) == 0) {
            return words[i].field;
        }
    }
    return FIELD_UNKNOWN;
}

static enum status
wrong_unit(struct func_call *call, struct slice name, const char *type, bool known)
{
    struct buf lower = BUF_EMPTY;
    for (size_t i = 0; i < name.size && i < 60; i++) {
        uint8_t c = name.data[i];
        c = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
        buf_append(&lower, &c, 1);
    }
    enum status status =
        diag_fail(call->diag, STATUS_INVALID,
                  known ? SQLSTATE_FEATURE_NOT_SUPPORTED : SQLSTATE_INVALID_PARAMETER_VALUE,
                  known ? "unit \"%.*s\" not supported for type %s"
                        : "unit \"%.*s\" not recognized for type %s",
                  (int)lower.size, lower.data != NULL ? (const char *)lower.data : "", type);
    buf_deinit(&lower);
    return status;
}

/* Monday is 1, Sunday 7. 2000-01-01 was a Saturday. */
static int
iso_weekday(int32_t date)
{
    int64_t day = ((int64_t)date + 5) % 7;
    return (int)(day < 0 ? day + 7 : day) + 1;
}

/* The Monday of week 1: the week that has January 4. */
static int32_t
iso_year_start(int year)
{
    int32_t fourth = date_from_calendar(year, 1, 4);
    return fourth - (iso_weekday(fourth) - 1);
}

static int
iso_year(int32_t date, int year)
{
    if (date >= iso_year_start(year + 1)) {
        return year + 1;
    }
    return date < iso_year_start(year) ? year - 1 : year;
}

static int64_t
shown_year(int year)
{
    return year > 0 ? year : year - 1; /* there is no year 0: 1 BC is -1 */
}

static int64_t
decade_of(int year)
{
    return year >= 0 ? year / 10 : -((8 - (year - 1)) / 10);
}

static int64_t
count_of(int year, int unit) /* centuries, millennia: the first is 1, the one before -1 */
{
    return year > 0 ? (year + unit - 1) / unit : -((unit - 1 - (year - 1)) / unit);
}

static struct field_value
clock_field(enum field field, int64_t time)
{
    struct field_value out = {0};
    int64_t in_minute = time % MINUTE_US;
    switch (field) {
    case FIELD_MICROSECONDS:
        out.value = in_minute;
        return out;
    case FIELD_MILLISECONDS:
        out.value = in_minute;
        out.scale = 3;
        return out;
    case FIELD_SECOND:
        out.value = in_minute;
        out.scale = 6;
        return out;
    case FIELD_MINUTE:
        out.value = time / MINUTE_US % 60;
        return out;
    default:
        out.value = time / HOUR_US;
        return out;
    }
}

static int64_t
date_field(enum field field, const struct calendar *at, int32_t date)
{
    int year = at->year;
    switch (field) {
    case FIELD_DAY:
        return at->day;
    case FIELD_MONTH:
        return at->month;
    case FIELD_QUARTER:
        return (at->month - 1) / 3 + 1;
    case FIELD_WEEK:
        return (date - iso_year_start(iso_year(date, year))) / 7 + 1;
    case FIELD_YEAR:
        return shown_year(year);
    case FIELD_DECADE:
        return decade_of(year);
    case FIELD_CENTURY:
        return count_of(year, 100);
    case FIELD_MILLENNIUM:
        return count_of(year, 1000);
    case FIELD_ISOYEAR:
        return shown_year(iso_year(date, year));
    case FIELD_DOW:
        return iso_weekday(date) % 7;
    case FIELD_ISODOW:
        return iso_weekday(date);
    case FIELD_DOY:
        return date - date_from_calendar(year, 1, 1) + 1;
    default:
        return 0;
    }
}

static struct field_value
timestamp_field(enum field field, int64_t timestamp)
{
    struct field_value out = {0};
    if (!timestamp_is_finite(timestamp)) {
        bool rises = field == FIELD_YEAR || field == FIELD_DECADE || field == FIELD_CENTURY ||
                     field == FIELD_MILLENNIUM || field == FIELD_ISOYEAR ||
                     field == FIELD_EPOCH || field == FIELD_JULIAN;
        out.is_null = !rises;
        out.infinity = timestamp == TIMESTAMP_INFINITY ? 1 : -1;
        return out;
    }
    if (field == FIELD_EPOCH) {
        out.value = (__int128)timestamp + EPOCH_US;
        out.scale = 6;
        return out;
    }
    int64_t time = 0;
    int32_t date = timestamp_date(timestamp, &time);
    if (field <= FIELD_HOUR) {
        return clock_field(field, time);
    }
    struct calendar at;
    date_to_calendar(date, &at);
    out.value = date_field(field, &at, date);
    return out;
}

static struct field_value
interval_field(enum field field, const struct interval *x)
{
    int years = x->months / 12;
    struct field_value out = {0};
    switch (field) {
    case FIELD_DAY:
        out.value = x->days;
        return out;
    case FIELD_MONTH:
        out.value = x->months % 12;
        return out;
    case FIELD_QUARTER:
        out.value = x->months % 12 / 3 + 1;
        return out;
    case FIELD_YEAR:
        out.value = years;
        return out;
    case FIELD_DECADE:
        out.value = years / 10;
        return out;
    case FIELD_CENTURY:
        out.value = years / 100;
        return out;
    case FIELD_MILLENNIUM:
        out.value = years / 1000;
        return out;
    case FIELD_EPOCH: /* a year has 365.25 days here, a month 30 */
        out.value = ((__int128)years * 1461 * DAY_US) / 4 +
                    ((__int128)(x->months % 12) * 30 + x->days) * DAY_US + x->microseconds;
        out.scale = 6;
        return out;
    default:
        return clock_field(field, x->microseconds);
    }
}

static enum status
to_numeric(struct func_call *call, const struct field_value *field, struct value *out)
{
    struct numeric n = {.flags =
                            field->infinity > 0 ? NUMERIC_INFINITY : NUMERIC_MINUS_INFINITY};
    out->is_null = field->is_null;
    if (field->is_null || field->infinity != 0) {
        return field->is_null ? STATUS_OK : func__numeric_result(call, &n, out);
    }
    static const int64_t units[] = {1, 0, 0, 1000, 0, 0, 1000000};
    struct numeric value, unit;
    numeric_from_int128(field->value, call->arena, &value);
    numeric_from_int64(units[field->scale], call->arena, &unit);
    numeric_divide_scale(&value, &unit, field->scale, true, call->arena, &n);
    n.scale = field->scale;
    return func__numeric_result(call, &n, out);
}

static void
to_double(const struct field_value *field, struct value *out)
{
    static const double units[] = {1, 0, 0, 1e3, 0, 0, 1e6};
    out->is_null = field->is_null;
    out->f64 = field->infinity != 0 ? field->infinity * __builtin_inf()
                                    : (double)field->value / units[field->scale];
}

static enum status
read_timestamp(struct func_call *call, const struct value *v, const char *type, bool zone,
               struct field_value *out)
{
    enum field field = field_of(v[0].bytes);
    if (field == FIELD_TIMEZONE && (zone || !timestamp_is_finite(v[1].i64))) {
        /* the zone is UTC; infinities have none */
        *out = (struct field_value){.is_null = !timestamp_is_finite(v[1].i64)};
        return STATUS_OK;
    }
    if (field == FIELD_UNKNOWN || field == FIELD_TIMEZONE || field == FIELD_JULIAN) {
        return wrong_unit(call, v[0].bytes, type, field != FIELD_UNKNOWN);
    }
    *out = timestamp_field(field, v[1].i64);
    return STATUS_OK;
}

#define TIMESTAMP_NAME "timestamp without time zone"
#define TIMESTAMPTZ_NAME "timestamp with time zone"
#define FIELD_FUNCTIONS(suffix, type, zone)                                                    \
    DEFINE_ROWS(extract_##suffix, 2)                                                           \
    {                                                                                          \
        struct field_value field;                                                              \
        TRY(read_timestamp(call, v, type, zone, &field));                                      \
        return to_numeric(call, &field, out);                                                  \
    }                                                                                          \
    DEFINE_ROWS(date_part_##suffix, 2)                                                         \
    {                                                                                          \
        struct field_value field;                                                              \
        TRY(read_timestamp(call, v, type, zone, &field));                                      \
        to_double(&field, out);                                                                \
        return STATUS_OK;                                                                      \
    }
FIELD_FUNCTIONS(timestamp, TIMESTAMP_NAME, false)
FIELD_FUNCTIONS(timestamptz, TIMESTAMPTZ_NAME, true)

static enum status
read_date(struct func_call *call, const struct value *v, struct field_value *out)
{
    enum field field = field_of(v[0].bytes);
    if (field <= FIELD_HOUR || field == FIELD_TIMEZONE || field == FIELD_UNKNOWN ||
        field == FIELD_JULIAN) {
        return wrong_unit(call, v[0].bytes, "date", field != FIELD_UNKNOWN);
    }
    int64_t timestamp = v[1].i32 == DATE_INFINITY         ? TIMESTAMP_INFINITY
                        : v[1].i32 == DATE_MINUS_INFINITY ? TIMESTAMP_MINUS_INFINITY
                                                          : 0;
    if (!date_is_finite(v[1].i32)) {
        *out = timestamp_field(field, timestamp);
        return STATUS_OK;
    }
    struct calendar at;
    date_to_calendar(v[1].i32, &at);
    *out = (struct field_value){0};
    out->value = field == FIELD_EPOCH ? (v[1].i32 + INT64_C(10957)) * 86400
                                      : date_field(field, &at, v[1].i32);
    return STATUS_OK;
}
DEFINE_ROWS(extract_date, 2)
{
    struct field_value field;
    TRY(read_date(call, v, &field));
    return to_numeric(call, &field, out);
}
/* date_part() has no code of its own for dates: it sees a timestamp. */
DEFINE_ROWS(date_part_date, 2)
{
    struct field_value field;
    struct value at_midnight[2] = {v[0]};
    TRY(timestamp_from_date(v[1].i32, &at_midnight[1].i64, call->diag));
    TRY(read_timestamp(call, at_midnight, TIMESTAMP_NAME, false, &field));
    to_double(&field, out);
    return STATUS_OK;
}

static enum status
read_interval(struct func_call *call, const struct value *v, struct field_value *out)
{
    enum field field = field_of(v[0].bytes);
    if (field == FIELD_UNKNOWN || field == FIELD_WEEK ||
        (field >= FIELD_DOW && field != FIELD_EPOCH)) {
        return wrong_unit(call, v[0].bytes, "interval", field != FIELD_UNKNOWN);
    }
    *out = interval_field(field, &v[1].interval);
    return STATUS_OK;
}
DEFINE_ROWS(extract_interval, 2)
{
    struct field_value field;
    TRY(read_interval(call, v, &field));
    return to_numeric(call, &field, out);
}
DEFINE_ROWS(date_part_interval, 2)
{
    struct field_value field;
    TRY(read_interval(call, v, &field));
    to_double(&field, out);
    if (field_of(v[0].bytes) == FIELD_EPOCH) { /* PostgreSQL adds up in double precision */
        struct interval x = v[1].interval;
        int32_t years = x.months / 12;
        out->f64 = (double)x.microseconds / 1e6;
        out->f64 += 365.25 * 86400.0 * years;
        out->f64 += 30.0 * 86400.0 * (x.months % 12);
        out->f64 += 86400.0 * x.days;
    }
    return STATUS_OK;
}

/* ---- date_trunc ---- */

static const int64_t clock_units[] = {[FIELD_MICROSECONDS] = 1,
                                      [FIELD_MILLISECONDS] = 1000,
                                      [FIELD_SECOND] = SECOND_US,
                                      [FIELD_MINUTE] = MINUTE_US,
                                      [FIELD_HOUR] = HOUR_US};

/* First year of the decade, century or millennium. */
static int
truncate_year(enum field field, int year)
{
    switch (field) {
    case FIELD_DECADE:
        return year >= 0 ? year / 10 * 10 : -((9 - year) / 10 * 10);
    case FIELD_CENTURY:
        return year > 0 ? (year + 99) / 100 * 100 - 99 : -((-year) / 100 * 100 + 99);
    case FIELD_MILLENNIUM:
        return year > 0 ? (year + 999) / 1000 * 1000 - 999 : -((-year) / 1000 * 1000 + 999);
    default:
        return year;
    }
}

static enum status
truncate_timestamp(struct func_call *call, const struct value *v, const char *type,
                   struct value *out)
{
    enum field field = field_of(v[0].bytes);
    out->i64 = v[1].i64;
    if (!timestamp_is_finite(v[1].i64)) {
        return STATUS_OK;
    }
    if (field > FIELD_MILLENNIUM) {
        return wrong_unit(call, v[0].bytes, type, field == FIELD_TIMEZONE);
    }
    int64_t time = 0;
    int32_t date = timestamp_date(v[1].i64, &time);
    if (field <= FIELD_HOUR) {
        out->i64 -= time % clock_units[field];
        return STATUS_OK;
    }
    struct calendar at;
    date_to_calendar(date, &at);
    if (field == FIELD_WEEK) {
        date -= iso_weekday(date) - 1;
    } else if (field == FIELD_MONTH || field == FIELD_QUARTER) {
        int month = field == FIELD_MONTH ? at.month : (at.month - 1) / 3 * 3 + 1;
        date = date_from_calendar(at.year, month, 1);
    } else if (field != FIELD_DAY) {
        date = date_from_calendar(truncate_year(field, at.year), 1, 1);
    }
    out->i64 = date * DAY_US;
    return STATUS_OK;
}
DEFINE_ROWS(date_trunc_timestamp, 2)
{
    return truncate_timestamp(call, v, TIMESTAMP_NAME, out);
}
DEFINE_ROWS(date_trunc_timestamptz, 2)
{
    return truncate_timestamp(call, v, TIMESTAMPTZ_NAME, out);
}
DEFINE_ROWS(date_trunc_interval, 2)
{
    enum field field = field_of(v[0].bytes);
    if (field > FIELD_MILLENNIUM || field == FIELD_WEEK) {
        return wrong_unit(call, v[0].bytes, "interval",
                          field == FIELD_WEEK || field == FIELD_TIMEZONE);
    }
    struct interval x = v[1].interval;
    static const int month_units[] = {
        [FIELD_MONTH] = 1,    [FIELD_QUARTER] = 3,    [FIELD_YEAR] = 12,
        [FIELD_DECADE] = 120, [FIELD_CENTURY] = 1200, [FIELD_MILLENNIUM] = 12000};
    if (field <= FIELD_HOUR) {
        x.microseconds -= x.microseconds % clock_units[field];
    } else {
        x.microseconds = 0;
        if (field != FIELD_DAY) {
            x.days = 0;
            x.months -= x.months % month_units[field];
        }
    }
    out->interval = x;
    return STATUS_OK;
}
