/* datetime_func.c: arithmetic of dates, timestamps and intervals; the current time; AT TIME
 * ZONE. Fields (extract, date_trunc) are in datetime_field.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"
#include "sql/func/func_session.h"
#include <math.h>

static enum status
date_overflow(struct func_call *call)
{
    return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                     "date out of range");
}

static enum status
interval_overflow(struct func_call *call)
{
    return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                     "interval out of range");
}

/* ---- dates and days ---- */

static enum status
shift_days(struct func_call *call, int32_t date, int64_t days, struct value *out)
{
    out->i32 = date;
    if (!date_is_finite(date)) {
        return STATUS_OK;
    }
    int64_t sum = date + days;
    if (sum < DATE_MIN || sum >= DATE_END) {
        return date_overflow(call);
    }
    out->i32 = (int32_t)sum;
    return STATUS_OK;
}
DEFINE_ROWS(date_add_days, 2)
{
    return shift_days(call, v[0].i32, v[1].i32, out);
}
DEFINE_ROWS(days_add_date, 2)
{
    return shift_days(call, v[1].i32, v[0].i32, out);
}
DEFINE_ROWS(date_subtract_days, 2)
{
    return shift_days(call, v[0].i32, -(int64_t)v[1].i32, out);
}
DEFINE_ROWS(date_subtract, 2)
{
    if (!date_is_finite(v[0].i32) || !date_is_finite(v[1].i32)) {
        return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                         "cannot subtract infinite dates");
    }
    out->i32 = v[0].i32 - v[1].i32;
    return STATUS_OK;
}

/* ---- timestamps and intervals ---- */

static enum status
negate(struct func_call *call, const struct interval *x, struct interval *out)
{
    if (__builtin_sub_overflow(0, x->months, &out->months) ||
        __builtin_sub_overflow(0, x->days, &out->days) ||
        __builtin_sub_overflow((int64_t)0, x->microseconds, &out->microseconds)) {
        return interval_overflow(call);
    }
    return STATUS_OK;
}
static enum status
plus(struct func_call *call, int64_t timestamp, const struct interval *interval,
     struct value *out)
{
    return timestamp_add_interval(timestamp, interval, &out->i64, call->diag);
}
static enum status
minus(struct func_call *call, int64_t timestamp, const struct interval *interval,
      struct value *out)
{
    struct interval back;
    TRY(negate(call, interval, &back));
    return plus(call, timestamp, &back, out);
}
DEFINE_ROWS(timestamp_plus_interval, 2)
{
    return plus(call, v[0].i64, &v[1].interval, out);
}
DEFINE_ROWS(interval_plus_timestamp, 2)
{
    return plus(call, v[1].i64, &v[0].interval, out);
}
DEFINE_ROWS(timestamp_minus_interval, 2)
{
    return minus(call, v[0].i64, &v[1].interval, out);
}
DEFINE_ROWS(date_plus_interval, 2)
{
    int64_t timestamp = 0;
    TRY(timestamp_from_date(v[0].i32, &timestamp, call->diag));
    return plus(call, timestamp, &v[1].interval, out);
}
DEFINE_ROWS(interval_plus_date, 2)
{
    int64_t timestamp = 0;
    TRY(timestamp_from_date(v[1].i32, &timestamp, call->diag));
    return plus(call, timestamp, &v[0].interval, out);
}
DEFINE_ROWS(date_minus_interval, 2)
{
    int64_t timestamp = 0;
    TRY(timestamp_from_date(v[0].i32, &timestamp, call->diag));
    return minus(call, timestamp, &v[1].interval, out);
}
DEFINE_ROWS(timestamp_subtract, 2)
{
    if (!timestamp_is_finite(v[0].i64) || !timestamp_is_finite(v[1].i64)) {
        return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                         "cannot subtract infinite timestamps");
    }
    struct interval interval = {0};
    if (__builtin_sub_overflow(v[0].i64, v[1].i64, &interval.microseconds)) {
        return interval_overflow(call);
    }
    interval_justify_hours(&interval);
    out->interval = interval;
    return STATUS_OK;
}
DEFINE_ROWS(interval_negate, 1)
{
    return negate(call, &v[0].interval, &out->interval);
}
DEFINE_ROWS(interval_add, 2)
{
    struct interval a = v[0].interval, b = v[1].interval, sum;
    if (__builtin_add_overflow(a.months, b.months, &sum.months) ||
        __builtin_add_overflow(a.days, b.days, &sum.days) ||
        __builtin_add_overflow(a.microseconds, b.microseconds, &sum.microseconds)) {
        return interval_overflow(call);
    }
    out->interval = sum;
    return STATUS_OK;
}
DEFINE_ROWS(interval_subtract, 2)
{
    struct interval a = v[0].interval, b = v[1].interval, rest;
    if (__builtin_sub_overflow(a.months, b.months, &rest.months) ||
        __builtin_sub_overflow(a.days, b.days, &rest.days) ||
        __builtin_sub_overflow(a.microseconds, b.microseconds, &rest.microseconds)) {
        return interval_overflow(call);
    }
    out->interval = rest;
    return STATUS_OK;
}

static double
round_to_microsecond(double seconds)
{
    return rint(seconds * 1e6) / 1e6;
}

/* Fractions of months become days, fractions of days microseconds (PostgreSQL's interval_mul).
 */
static enum status
scale_interval(struct func_call *call, const struct interval *x, double factor, bool divide,
               struct interval *out)
{
    double months = divide ? x->months / factor : x->months * factor;
    double days = divide ? x->days / factor : x->days * factor;
    if (__builtin_isnan(months) || months > INT32_MAX || months < INT32_MIN ||
        __builtin_isnan(days) || days > INT32_MAX || days < INT32_MIN) {
        return interval_overflow(call);
    }
    out->months = (int32_t)months;
    out->days = (int32_t)days;
    double month_days = round_to_microsecond((months - out->months) * 30);
    double seconds =
        round_to_microsecond((days - out->days + month_days - (int)month_days) * 86400);
    if (fabs(seconds) >= 86400) {
        out->days += (int32_t)(seconds / 86400);
        seconds -= (int32_t)(seconds / 86400) * 86400.0;
    }
    out->days += (int32_t)month_days;
    double time = divide ? (double)x->microseconds / factor : (double)x->microseconds * factor;
    double total = rint(time + seconds * 1e6);
    if (__builtin_isnan(total) || fabs(total) >= 9223372036854775807.0) {
        return interval_overflow(call);
    }
    out->microseconds = (int64_t)total;
    return STATUS_OK;
}
DEFINE_ROWS(interval_multiply, 2)
{
    return scale_interval(call, &v[0].interval, v[1].f64, false, &out->interval);
}
DEFINE_ROWS(multiply_interval, 2)
{
    return scale_interval(call, &v[1].interval, v[0].f64, false, &out->interval);
}
enum status
func__interval_divide(struct func_call *call, const struct interval *x, double divisor,
                      struct interval *out)
{
    if (divisor == 0) {
        return func__division_by_zero(call);
    }
    return scale_interval(call, x, divisor, true, out);
}
DEFINE_ROWS(interval_divide, 2)
{
    return func__interval_divide(call, &v[0].interval, v[1].f64, &out->interval);
}
DEFINE_ROWS(justify_hours, 1)
{
    UNUSED(call);
    out->interval = v[0].interval;
    interval_justify_hours(&out->interval);
    return STATUS_OK;
}
DEFINE_ROWS(age_two, 2)
{
    if (!timestamp_is_finite(v[0].i64) || !timestamp_is_finite(v[1].i64)) {
        return func__unsupported(call, "age() of an infinite timestamp");
    }
    out->interval = timestamp_age(v[0].i64, v[1].i64);
    return STATUS_OK;
}

/* ---- now ---- */

static enum status
fill_i64(int64_t value, unsigned count, struct vector *result)
{
    for (unsigned i = 0; i < count; i++) {
        ((int64_t *)result->data)[i] = value;
    }
    return STATUS_OK;
}
enum status
now(FUNC_PARAMETERS)
{
    UNUSED(args);
    ASSERT(call->cx != NULL);
    return fill_i64(call->cx->txn_start_us, count, result);
}
enum status
statement_timestamp(FUNC_PARAMETERS)
{
    UNUSED(args);
    ASSERT(call->cx != NULL);
    return fill_i64(call->cx->statement_start_us, count, result);
}
enum status
clock_timestamp(FUNC_PARAMETERS)
{
    UNUSED(args);
    const struct func_session_hooks *hooks = call->cx->session_hooks;
    if (hooks == NULL || hooks->now_us == NULL) {
        return func__unsupported(call, "clock_timestamp()");
    }
    return fill_i64(hooks->now_us(call->cx), count, result);
}
static int64_t
start_of_today(struct func_call *call)
{
    int64_t time = 0;
    ASSERT(call->cx != NULL);
    return timestamp_date(call->cx->txn_start_us, &time) * DAY_US;
}
enum status
current_date(FUNC_PARAMETERS)
{
    UNUSED(args);
    for (unsigned i = 0; i < count; i++) {
        ((int32_t *)result->data)[i] = (int32_t)(start_of_today(call) / DAY_US);
    }
    return STATUS_OK;
}
DEFINE_ROWS(age_one, 1)
{
    if (!timestamp_is_finite(v[0].i64)) {
        return func__unsupported(call, "age() of an infinite timestamp");
    }
    out->interval = timestamp_age(start_of_today(call), v[0].i64);
    return STATUS_OK;
}

/* ---- made from other things ---- */

DEFINE_ROWS(to_timestamp_epoch, 1)
{
    double seconds = v[0].f64;
    if (__builtin_isinf(seconds)) {
        out->i64 = seconds > 0 ? TIMESTAMP_INFINITY : TIMESTAMP_MINUS_INFINITY;
        return STATUS_OK;
    }
    if (__builtin_isnan(seconds)) {
        return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                         "timestamp cannot be NaN");
    }
    double since = rint((seconds - EPOCH_DAYS * 86400.0) * 1e6);
    if (since < (double)TIMESTAMP_MIN || since >= (double)TIMESTAMP_END) {
        struct buf text = BUF_EMPTY;
        double_to_text(seconds, &text);
        enum status status =
            diag_fail(call->diag, STATUS_INVALID, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                      "timestamp out of range: \"%.*s\"", (int)text.size, (char *)text.data);
        buf_deinit(&text);
        return status;
    }
    out->i64 = (int64_t)since;
    return STATUS_OK;
}
DEFINE_ROWS(make_date, 3)
{
    int year = v[0].i32 < 0 ? v[0].i32 + 1 : v[0].i32, month = v[1].i32, day = v[2].i32;
    if (v[0].i32 == 0 || month < 1 || month > 12 || day < 1 || year > 5874897 || year < -4713 ||
        day > days_in_month(year, month)) {
        return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                         "date field value out of range: %d-%02d-%02d", v[0].i32, month, day);
    }
    out->i32 = date_from_calendar(year, month, day);
    return STATUS_OK;
}

static enum status
offset_of(struct func_call *call, struct slice name, int64_t *us_out)
{
    int seconds = 0;
    if (!zone_offset(name, &seconds)) {
        return diag_fail(call->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "time zone \"%.*s\" is not supported: only UTC, abbreviations and "
                         "fixed offsets are",
                         number_text_shown(name), (const char *)name.data);
    }
    *us_out = seconds * SECOND_US;
    return STATUS_OK;
}
/* timestamptz AT TIME ZONE z: the clock on the wall there. */
DEFINE_ROWS(timezone_of_timestamptz, 2)
{
    int64_t offset = 0;
    TRY(offset_of(call, v[0].bytes, &offset));
    out->i64 = timestamp_is_finite(v[1].i64) ? v[1].i64 + offset : v[1].i64;
    return STATUS_OK;
}
DEFINE_ROWS(timezone_of_timestamp, 2)
{
    int64_t offset = 0;
    TRY(offset_of(call, v[0].bytes, &offset));
    out->i64 = timestamp_is_finite(v[1].i64) ? v[1].i64 - offset : v[1].i64;
    return STATUS_OK;
}
