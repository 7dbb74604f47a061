/* to_char_date.c: to_char() of timestamps, dates and intervals. A format is a run of words
 * (HH24, Month, ...) with FM before and TH after; other characters stand for themselves.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"

enum word {
    WORD_NONE,
    WORD_HH12,
    WORD_HH24,
    WORD_MI,
    WORD_SS,
    WORD_SSSS,
    WORD_MS,
    WORD_US,
    WORD_FF,
    WORD_AM,
    WORD_AM_DOTS,
    WORD_BC,
    WORD_BC_DOTS,
    WORD_Y_COMMA,
    WORD_YYYY,
    WORD_YYY,
    WORD_YY,
    WORD_Y,
    WORD_IYYY,
    WORD_IYY,
    WORD_IY,
    WORD_I,
    WORD_MONTH,
    WORD_MON,
    WORD_MM,
    WORD_RM,
    WORD_DAY,
    WORD_DY,
    WORD_DDD,
    WORD_IDDD,
    WORD_DD,
    WORD_D,
    WORD_ID,
    WORD_WW,
    WORD_IW,
    WORD_W,
    WORD_Q,
    WORD_CC,
    WORD_J,
    WORD_TZ,
    WORD_TZH,
    WORD_TZM,
    WORD_OF,
};
enum letters { LETTERS_UPPER, LETTERS_TITLE, LETTERS_LOWER };

/* Longer words before their beginnings. Those whose letters say how the result is written are
 * listed in each form; the others match in either case. */
static const struct {
    const char *text;
    enum word word;
    enum letters letters;
    bool exact;
} words[] = {
    {"SSSSS", WORD_SSSS, 0, false},
    {"SSSS", WORD_SSSS, 0, false},
    {"Y,YYY", WORD_Y_COMMA, 0, false},
    {"IYYY", WORD_IYYY, 0, false},
    {"YYYY", WORD_YYYY, 0, false},
    {"IDDD", WORD_IDDD, 0, false},
    {"HH24", WORD_HH24, 0, false},
    {"HH12", WORD_HH12, 0, false},
    {"MONTH", WORD_MONTH, LETTERS_UPPER, true},
    {"Month", WORD_MONTH, LETTERS_TITLE, true},
    {"month", WORD_MONTH, LETTERS_LOWER, true},
    {"A.M.", WORD_AM_DOTS, LETTERS_UPPER, true},
    {"P.M.", WORD_AM_DOTS, LETTERS_UPPER, true},
    {"a.m.", WORD_AM_DOTS, LETTERS_LOWER, true},
    {"p.m.", WORD_AM_DOTS, LETTERS_LOWER, true},
    {"B.C.", WORD_BC_DOTS, LETTERS_UPPER, true},
    {"A.D.", WORD_BC_DOTS, LETTERS_UPPER, true},
    {"b.c.", WORD_BC_DOTS, LETTERS_LOWER, true},
    {"a.d.", WORD_BC_DOTS, LETTERS_LOWER, true},
    {"YYY", WORD_YYY, 0, false},
    {"IYY", WORD_IYY, 0, false},
    {"DDD", WORD_DDD, 0, false},
    {"DAY", WORD_DAY, LETTERS_UPPER, true},
    {"Day", WORD_DAY, LETTERS_TITLE, true},
    {"day", WORD_DAY, LETTERS_LOWER, true},
    {"MON", WORD_MON, LETTERS_UPPER, true},
    {"Mon", WORD_MON, LETTERS_TITLE, true},
    {"mon", WORD_MON, LETTERS_LOWER, true},
    {"TZH", WORD_TZH, 0, false},
    {"TZM", WORD_TZM, 0, false},
    {"TZ", WORD_TZ, LETTERS_UPPER, true},
    {"tz", WORD_TZ, LETTERS_LOWER, true},
    {"AM", WORD_AM, LETTERS_UPPER, true},
    {"PM", WORD_AM, LETTERS_UPPER, true},
    {"am", WORD_AM, LETTERS_LOWER, true},
    {"pm", WORD_AM, LETTERS_LOWER, true},
    {"BC", WORD_BC, LETTERS_UPPER, true},
    {"AD", WORD_BC, LETTERS_UPPER, true},
    {"bc", WORD_BC, LETTERS_LOWER, true},
    {"ad", WORD_BC, LETTERS_LOWER, true},
    {"DY", WORD_DY, LETTERS_UPPER, true},
    {"Dy", WORD_DY, LETTERS_TITLE, true},
    {"dy", WORD_DY, LETTERS_LOWER, true},
    {"RM", WORD_RM, LETTERS_UPPER, true},
    {"rm", WORD_RM, LETTERS_LOWER, true},
    {"HH", WORD_HH12, 0, false},
    {"MI", WORD_MI, 0, false},
    {"SS", WORD_SS, 0, false},
    {"MS", WORD_MS, 0, false},
    {"US", WORD_US, 0, false},
    {"YY", WORD_YY, 0, false},
    {"IY", WORD_IY, 0, false},
    {"MM", WORD_MM, 0, false},
    {"DD", WORD_DD, 0, false},
    {"ID", WORD_ID, 0, false},
    {"IW", WORD_IW, 0, false},
    {"WW", WORD_WW, 0, false},
    {"CC", WORD_CC, 0, false},
    {"OF", WORD_OF, 0, false},
    {"Y", WORD_Y, 0, false},
    {"I", WORD_I, 0, false},
    {"D", WORD_D, 0, false},
    {"W", WORD_W, 0, false},
    {"Q", WORD_Q, 0, false},
    {"J", WORD_J, 0, false},
};

/* What is shown: a moment, or an interval, which has no day of the week. */
struct moment {
    int64_t year; /* astronomical */
    int month, day, minute, second, microsecond;
    int64_t hour;
    int32_t date;
    bool is_interval, has_zone;
};

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                   "Thursday", "Friday", "Saturday"};

static bool
same_letters(const uint8_t *text, const char *word, size_t size, bool exact)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t c = text[i];
        c = !exact && c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c;
        if (c != (uint8_t)word[i]) {
            return false;
        }
    }
    return true;
}

/* Index of the word at `at`, or -1. */
static int
find_word(struct slice format, size_t at)
{
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        size_t size = strlen(words[i].text);
        if (size <= format.size - at &&
            same_letters(format.data + at, words[i].text, size, words[i].exact)) {
            return (int)i;
        }
    }
    return -1;
}

static bool
has_prefix(struct slice format, size_t at, const char *prefix)
{
    size_t size = strlen(prefix);
    return size <= format.size - at && same_letters(format.data + at, prefix, size, false);
}

static void
put_number(int64_t value, int width, bool fill, struct buf *out)
{
    buf_printf(out, "%0*ld", fill ? width : 0, (long)value);
}

/* 1st, 2nd, 3rd, 4th; 11th to 13th; of the number that begins there. */
static void
put_ordinal(struct buf *out, size_t begin, bool upper)
{
    static const char *const endings[] = {"TH", "ST", "ND", "RD", "th", "st", "nd", "rd"};
    unsigned last = out->data[out->size - 1] - '0', which = last >= 1 && last <= 3 ? last : 0;
    if (out->size > begin + 1 && out->data[out->size - 2] == '1') {
        which = 0;
    }
    buf_append_text(out, endings[which + (upper ? 0 : 4)]);
}

static void
put_name(const char *name, size_t size, enum letters letters, int width, struct buf *out)
{
    int shown = 0;
    for (size_t i = 0; i < size && name[i] != 0; i++, shown++) {
        char c = name[i];
        if (letters == LETTERS_UPPER && c >= 'a') {
            c = (char)(c - 32);
        } else if (letters == LETTERS_LOWER && c < 'a') {
            c = (char)(c + 32);
        }
        buf_append(out, &c, 1);
    }
    for (; shown < width; shown++) {
        buf_append(out, " ", 1);
    }
}

/* Monday 1 .. Sunday 7 */
static int
iso_weekday(int32_t date)
{
    int64_t day = ((int64_t)date + 5) % 7;
    return (int)(day < 0 ? day + 7 : day) + 1;
}

static int32_t
iso_year_start(int64_t year)
{
    int32_t fourth = date_from_calendar((int)year, 1, 4);
    return fourth - (iso_weekday(fourth) - 1);
}

static int64_t
iso_year(const struct moment *m)
{
    if (m->date >= iso_year_start(m->year + 1)) {
        return m->year + 1;
    }
    return m->date < iso_year_start(m->year) ? m->year - 1 : m->year;
}

/* 1 BC is year 0 inside and 1 outside. */
static int64_t
shown_year(const struct moment *m, int64_t year)
{
    return year <= 0 && !m->is_interval ? 1 - year : year;
}

static void
put_year(enum word word, const struct moment *m, bool fill, struct buf *out)
{
    bool iso = word >= WORD_IYYY && word <= WORD_I;
    int64_t year = shown_year(m, iso && !m->is_interval ? iso_year(m) : m->year);
    switch (word) {
    case WORD_Y_COMMA:
        buf_printf(out, "%ld,%03ld", (long)(year / 1000), (long)(year % 1000));
        return;
    case WORD_YYYY:
    case WORD_IYYY:
        put_number(year, 4, fill, out);
        return;
    case WORD_YYY:
    case WORD_IYY:
        put_number(year % 1000, 3, fill, out);
        return;
    case WORD_YY:
    case WORD_IY:
        put_number(year % 100, 2, fill, out);
        return;
    default:
        put_number(year % 10, 1, fill, out);
        return;
    }
}

static void
put_clock(enum word word, const struct moment *m, int precision, bool fill, struct buf *out)
{
    int hour_width = m->hour < 0 ? 3 : 2;
    static const int units[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    switch (word) {
    case WORD_HH12:
        put_number(m->hour % 12 == 0 ? 12 : m->hour % 12, hour_width, fill, out);
        return;
    case WORD_HH24:
        put_number(m->hour, hour_width, fill, out);
        return;
    case WORD_MI:
        put_number(m->minute, m->minute < 0 ? 3 : 2, fill, out);
        return;
    case WORD_SS:
        put_number(m->second, m->second < 0 ? 3 : 2, fill, out);
        return;
    case WORD_SSSS:
        buf_printf(out, "%ld", (long)(m->hour * 3600 + m->minute * 60 + m->second));
        return;
    case WORD_MS:
        buf_printf(out, "%03d", m->microsecond / 1000);
        return;
    case WORD_US:
        buf_printf(out, "%06d", m->microsecond);
        return;
    default:
        buf_printf(out, "%0*d", precision, m->microsecond / units[precision]);
        return;
    }
}

static void
put_day(enum word word, const struct moment *m, bool fill, struct buf *out)
{
    int32_t first = m->is_interval ? 0 : date_from_calendar((int)m->year, 1, 1);
    int day_of_year = m->date - first + 1;
    switch (word) {
    case WORD_DDD:
        put_number(m->is_interval ? (m->year * 12 + m->month) * 30 + m->day : day_of_year, 3,
                   fill, out);
        return;
    case WORD_IDDD:
        put_number(m->date - iso_year_start(iso_year(m)) + 1, 3, fill, out);
        return;
    case WORD_DD:
        put_number(m->day, 2, fill, out);
        return;
    case WORD_D:
        buf_printf(out, "%d", iso_weekday(m->date) % 7 + 1);
        return;
    case WORD_ID:
        buf_printf(out, "%d", iso_weekday(m->date));
        return;
    case WORD_WW:
        put_number((day_of_year - 1) / 7 + 1, 2, fill, out);
        return;
    case WORD_IW:
        put_number((m->date - iso_year_start(iso_year(m))) / 7 + 1, 2, fill, out);
        return;
    case WORD_W:
        buf_printf(out, "%d", (m->day - 1) / 7 + 1);
        return;
    case WORD_J:
        buf_printf(out, "%d", m->date + 2451545);
        return;
    default:
        if (m->month != 0) { /* an interval may have none */
            buf_printf(out, "%d", (m->month - 1) / 3 + 1);
        }
        return;
    }
}

static void
put_century(const struct moment *m, bool fill, struct buf *out)
{
    int64_t century = m->is_interval ? m->year / 100
                      : m->year > 0  ? (m->year - 1) / 100 + 1
                                     : m->year / 100 - 1;
    put_number(century, century < 0 ? 3 : 2, fill, out);
}

static void
put_half(enum word word, const struct moment *m, enum letters letters, struct buf *out)
{
    bool is_am = word == WORD_AM || word == WORD_AM_DOTS;
    bool dots = word == WORD_AM_DOTS || word == WORD_BC_DOTS;
    const char *text =
        is_am ? (m->hour % 24 >= 12 ? (dots ? "P.M." : "PM") : (dots ? "A.M." : "AM"))
              : (m->year <= 0 ? (dots ? "B.C." : "BC") : (dots ? "A.D." : "AD"));
    for (; *text != 0; text++) {
        char c = letters == LETTERS_LOWER && *text != '.' ? (char)(*text + 32) : *text;
        buf_append(out, &c, 1);
    }
}

static void
put_zone(enum word word, const struct moment *m, enum letters letters, bool fill,
         struct buf *out)
{
    switch (word) {
    case WORD_TZ:
        buf_append_text(out, !m->has_zone ? "" : letters == LETTERS_UPPER ? "UTC" : "utc");
        return;
    case WORD_TZM:
        buf_append_text(out, "00");
        return;
    default:
        buf_append_text(out, word == WORD_OF && !fill ? "+0" : "+00");
        return;
    }
}

static enum status
put_month(struct func_call *call, enum word word, const struct moment *m, enum letters letters,
          bool fill, struct buf *out)
{
    static const char *const roman[] = {"I",   "II",   "III", "IV", "V",  "VI",
                                        "VII", "VIII", "IX",  "X",  "XI", "XII"};
    if (word == WORD_MM) {
        put_number(m->month, 2, fill, out);
        return STATUS_OK;
    }
    if (m->month < 1 || m->month > 12) {
        return word == WORD_RM ? STATUS_OK
                               : func__unsupported(call, "the name of an interval's month");
    }
    if (word == WORD_RM) {
        put_name(roman[m->month - 1], 4, letters, fill ? 4 : 0, out);
    } else {
        bool whole = word == WORD_MONTH;
        put_name(months[m->month - 1], whole ? 9 : 3, letters, whole && fill ? 9 : 0, out);
    }
    return STATUS_OK;
}

static enum status
put_word(struct func_call *call, enum word word, const struct moment *m, enum letters letters,
         int precision, bool fill, struct buf *out)
{
    bool needs_date = (word >= WORD_DAY && word <= WORD_DY) || word == WORD_IDDD ||
                      (word >= WORD_D && word <= WORD_J) || (word >= WORD_TZ) ||
                      word == WORD_BC || word == WORD_BC_DOTS;
    if (m->is_interval && needs_date && word != WORD_CC && word != WORD_Q) {
        (void)diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_DATETIME_FORMAT,
                        "invalid format specification for an interval value");
        diag_hint(call->diag, "Intervals are not tied to specific calendar dates.");
        return STATUS_INVALID;
    }
    if (word >= WORD_HH12 && word <= WORD_FF) {
        put_clock(word, m, precision, fill, out);
    } else if (word <= WORD_BC_DOTS) {
        put_half(word, m, letters, out);
    } else if (word <= WORD_I) {
        put_year(word, m, fill, out);
    } else if (word <= WORD_RM) {
        return put_month(call, word, m, letters, fill, out);
    } else if (word == WORD_DAY || word == WORD_DY) {
        bool whole = word == WORD_DAY;
        put_name(days[iso_weekday(m->date) % 7], whole ? 9 : 3, letters, whole && fill ? 9 : 0,
                 out);
    } else if (word == WORD_CC) {
        put_century(m, fill, out);
    } else if (word >= WORD_TZ) {
        put_zone(word, m, letters, fill, out);
    } else {
        put_day(word, m, fill, out);
    }
    return STATUS_OK;
}

/* FF1 .. FF6: decimals of the second; 0: no such word here. */
static int
fraction_word(struct slice format, size_t at)
{
    if (!has_prefix(format, at, "FF") || at + 2 >= format.size) {
        return 0;
    }
    int digits = format.data[at + 2] - '0';
    return digits >= 1 && digits <= 6 ? digits : 0;
}

/* A character that stands for itself; "quoted" text; \" is a quote. */
static size_t
put_literal(struct slice format, size_t at, struct buf *out)
{
    if (format.data[at] == '"') {
        for (at++; at < format.size && format.data[at] != '"'; at++) {
            at += format.data[at] == '\\' && at + 1 < format.size;
            buf_append(out, format.data + at, 1);
        }
        return at + 1;
    }
    at += format.data[at] == '\\' && at + 1 < format.size && format.data[at + 1] == '"';
    buf_append(out, format.data + at, 1);
    return at + 1;
}

static enum status
run_format(struct func_call *call, const struct moment *m, struct slice format, struct buf *out)
{
    for (size_t at = 0; at < format.size;) {
        bool fill = true;
        while (has_prefix(format, at, "FM") || has_prefix(format, at, "TM")) {
            fill = false;
            at += 2;
        }
        if (at == format.size) {
            break;
        }
        int precision = fraction_word(format, at);
        int found = precision > 0 ? -1 : find_word(format, at);
        if (precision == 0 && found < 0) {
            at = put_literal(format, at, out);
            continue;
        }
        enum word word = precision > 0 ? WORD_FF : words[found].word;
        enum letters letters = precision > 0 ? LETTERS_UPPER : words[found].letters;
        at += precision > 0 ? 3 : strlen(words[found].text);
        size_t before = out->size;
        TRY(put_word(call, word, m, letters, precision, fill, out));
        bool is_number = out->size > before && out->data[out->size - 1] >= '0' &&
                         out->data[out->size - 1] <= '9';
        if (has_prefix(format, at, "TH")) {
            if (is_number) {
                put_ordinal(out, before, format.data[at] == 'T');
            }
            at += 2;
        }
    }
    return STATUS_OK;
}

static enum status
show(struct func_call *call, const struct moment *m, struct slice format, struct value *out)
{
    struct buf text = BUF_EMPTY;
    enum status status = run_format(call, m, format, &text);
    out->bytes = arena_copy(call->arena, buf_slice(&text));
    buf_deinit(&text);
    return status;
}

static enum status
show_timestamp(struct func_call *call, const struct value *v, bool has_zone, struct value *out)
{
    out->is_null = !timestamp_is_finite(v[0].i64) || v[1].bytes.size == 0;
    if (out->is_null) {
        return STATUS_OK;
    }
    struct calendar at;
    int64_t time = 0;
    timestamp_to_calendar(v[0].i64, &at);
    struct moment m = {.year = at.year,
                       .month = at.month,
                       .day = at.day,
                       .hour = at.hour,
                       .minute = at.minute,
                       .second = at.second,
                       .microsecond = at.microsecond,
                       .date = timestamp_date(v[0].i64, &time),
                       .has_zone = has_zone};
    return show(call, &m, v[1].bytes, out);
}
DEFINE_ROWS(to_char_timestamp, 2)
{
    return show_timestamp(call, v, false, out);
}
DEFINE_ROWS(to_char_timestamptz, 2)
{
    return show_timestamp(call, v, true, out);
}
DEFINE_ROWS(to_char_interval, 2)
{
    const struct interval *x = &v[0].interval;
    out->is_null = v[1].bytes.size == 0;
    if (out->is_null) {
        return STATUS_OK;
    }
    struct moment m = {.year = x->months / 12,
                       .month = x->months % 12,
                       .day = x->days,
                       .hour = x->microseconds / HOUR_US,
                       .minute = (int)(x->microseconds / MINUTE_US % 60),
                       .second = (int)(x->microseconds / SECOND_US % 60),
                       .microsecond = (int)(x->microseconds % SECOND_US),
                       .is_interval = true};
    return show(call, &m, v[1].bytes, out);
}
