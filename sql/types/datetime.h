/* datetime.h: the calendar: days and microseconds since 2000-01-01 UTC, and intervals.
 *
 * Promises: PostgreSQL's proleptic Gregorian calendar, its limits and its text forms (ISO, MDY,
 *           TimeZone UTC). Zones are UTC, fixed offsets and the usual abbreviations.
 * Thread:   pure functions.
 * Fails:    22007, 22008, 22009 with PostgreSQL's messages; a named zone is 0A000.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/types/type.h"

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)
#define EPOCH_DAYS 10957 /* from 1970-01-01 to 2000-01-01 */
#define EPOCH_US (EPOCH_DAYS * DAY_US)

#define DATE_INFINITY INT32_MAX
#define DATE_MINUS_INFINITY INT32_MIN
#define TIMESTAMP_INFINITY INT64_MAX
#define TIMESTAMP_MINUS_INFINITY INT64_MIN
#define TIMESTAMP_MIN INT64_C(-211813488000000000) /* 4714-11-24 BC */
#define TIMESTAMP_END INT64_C(9223371331200000000) /* 294277-01-01 */
#define DATE_MIN (-2451545)
#define DATE_END (2147483494 - 2451545) /* 5874898-01-01 */

struct calendar {
    int year; /* astronomical: 0 is 1 BC */
    int month, day, hour, minute, second, microsecond;
};

static inline bool
timestamp_is_finite(int64_t timestamp)
{
    return timestamp != TIMESTAMP_INFINITY && timestamp != TIMESTAMP_MINUS_INFINITY;
}
static inline bool
date_is_finite(int32_t date)
{
    return date != DATE_INFINITY && date != DATE_MINUS_INFINITY;
}

int32_t date_from_calendar(int year, int month, int day);
void date_to_calendar(int32_t date, struct calendar *out); /* time of day is zero */
void timestamp_to_calendar(int64_t timestamp, struct calendar *out);
int days_in_month(int year, int month);
/* Days and the rest, which is never negative. */
int32_t timestamp_date(int64_t timestamp, int64_t *time_of_day_out);
/* 22008 "timestamp out of range". */
MUST_CHECK enum status timestamp_add_interval(int64_t timestamp,
                                              const struct interval *interval, int64_t *out,
                                              struct diag *diag);
MUST_CHECK enum status timestamp_from_date(int32_t date, int64_t *out, struct diag *diag);
struct interval timestamp_age(int64_t a, int64_t b);
/* Whole days of the microseconds become days: as timestamp - timestamp has it. */
void interval_justify_hours(struct interval *interval);
__int128 interval_span(const struct interval *interval); /* microseconds; months have 30 days */

MUST_CHECK enum status date_from_text(struct slice text, int32_t *out, struct diag *diag);
/* `with_zone`: timestamptz, where a zone in the text counts. */
MUST_CHECK enum status timestamp_from_text(struct slice text, bool with_zone, int64_t *out,
                                           struct diag *diag);
MUST_CHECK enum status interval_from_text(struct slice text, struct interval *out,
                                          struct diag *diag);
void date_to_text(int32_t date, struct buf *out);
void timestamp_to_text(int64_t timestamp, bool with_zone, struct buf *out);
void interval_to_text(const struct interval *interval, struct buf *out);
/* Rounds to `precision` decimals of a second, 0..6. */
int64_t timestamp_round(int64_t timestamp, int precision);
/* Seconds east of Greenwich of an abbreviation or an offset as AT TIME ZONE takes it (POSIX: +
 * is west); false: unknown. */
bool zone_offset(struct slice name, int *seconds_out);
