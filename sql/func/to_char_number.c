/* to_char_number.c: to_char() of numbers: 9 0 . , D G S MI PL PR FM and literal text. V, EEEE,
 * RN, TH and L are refused by name.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

#define NODES_MAX 256
#define DOUBLE_TEXT_MAX 400 /* 309 digits before the point, 15 behind it */

enum node_kind { NODE_DIGIT, NODE_POINT, NODE_COMMA, NODE_SIGN, NODE_MI, NODE_PL, NODE_TEXT };
enum sign_style { SIGN_PLAIN, SIGN_S_FRONT, SIGN_S_BACK, SIGN_MI, SIGN_PR };

struct node {
    enum node_kind kind;
    bool zero; /* 0, not 9 */
    struct slice text;
};

struct format {
    unsigned count;
    struct node nodes[NODES_MAX];
    int whole, decimals; /* digits before and after the point */
    int first_zero;      /* number of the first 0 before the point, from 0; -1: none */
    int last_zero;       /* decimals up to the last 0 */
    bool fill_mode_off, point, bracket, has_sign, sign_back, has_minus, has_plus;
};

static bool
takes(struct slice text, size_t at, const char *word)
{
    size_t size = strlen(word);
    if (size > text.size - at) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        uint8_t c = text.data[at + i];
        if ((c >= 'a' && c <= 'z' ? c - 32 : c) != word[i]) {
            return false;
        }
    }
    return true;
}

static enum status
add_node(struct func_call *call, struct format *format, const struct node *node)
{
    if (format->count == NODES_MAX) {
        return diag_fail(call->diag, STATUS_LIMIT, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                         "number format has more than %d parts", NODES_MAX);
    }
    format->nodes[format->count++] = *node;
    return STATUS_OK;
}

static void
count_digit(struct format *format, bool zero)
{
    if (format->point) {
        format->decimals++;
        format->last_zero = zero ? format->decimals : format->last_zero;
    } else {
        format->first_zero =
            zero && format->first_zero < 0 ? format->whole : format->first_zero;
        format->whole++;
    }
}

static enum status
bad_format(struct func_call *call, const char *message)
{
    return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR, "%s", message);
}

/* PR, S */
static enum status
take_sign_style(struct func_call *call, struct slice text, size_t *at, struct format *format)
{
    bool others = format->has_minus || format->has_plus;
    bool bracket = takes(text, *at, "PR");
    if (bracket && (others || format->has_sign)) {
        return bad_format(call, "cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together");
    }
    if (!bracket && format->has_sign) {
        return bad_format(call, "cannot use \"S\" twice");
    }
    if (!bracket && (others || format->bracket)) {
        return bad_format(call, "cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together");
    }
    if (bracket) {
        format->bracket = true;
    } else {
        format->has_sign = true;
        format->sign_back = format->whole + format->decimals > 0 || format->point;
    }
    *at += bracket ? 2 : 1;
    return STATUS_OK;
}

/* MI, SG, PL: a sign of its own in its place. */
static enum status
take_sign_node(struct func_call *call, struct slice text, size_t *at, struct format *format)
{
    bool plus = takes(text, *at, "PL");
    struct node node = {.kind = plus ? NODE_PL : takes(text, *at, "SG") ? NODE_SIGN : NODE_MI};
    if (format->bracket) {
        return func__unsupported(call, "to_char() with PR before MI, PL or SG");
    }
    if (format->has_sign) {
        return bad_format(call,
                          arena_printf(call->arena, "cannot use \"S\" and \"%c%c\" together",
                                       text.data[*at] & ~0x20, text.data[*at + 1] & ~0x20));
    }
    format->has_plus |= plus;
    format->has_minus |= !plus;
    *at += 2;
    return add_node(call, format, &node);
}

static enum status
take_place(struct func_call *call, uint8_t c, struct format *format)
{
    struct node node = {.kind = NODE_DIGIT, .zero = c == '0'};
    if (c == ',' || (c | 0x20) == 'g') {
        node.kind = NODE_COMMA;
    } else if (c == '.' || (c | 0x20) == 'd') {
        if (format->point) {
            return bad_format(call, "multiple decimal points");
        }
        node.kind = NODE_POINT;
        format->point = true;
    } else if (format->bracket) {
        return bad_format(call, arena_printf(call->arena, "\"%c\" must be ahead of \"PR\"", c));
    } else {
        count_digit(format, node.zero);
    }
    return add_node(call, format, &node);
}

/* Words, and the places of digits; *taken false: literal text. */
static enum status
take_word(struct func_call *call, struct slice text, size_t *at, struct format *format,
          bool *taken)
{
    static const char *const refused[] = {"EEEE", "RN", "TH", "V", "L"};
    *taken = true;
    for (unsigned i = 0; i < ARRAY_SIZE(refused); i++) {
        if (takes(text, *at, refused[i])) {
            return func__unsupported(
                call,
                arena_printf(call->arena, "to_char() with %s in a number format", refused[i]));
        }
    }
    if (takes(text, *at, "FM")) {
        format->fill_mode_off = true;
        *at += 2;
    } else if (takes(text, *at, "B") || takes(text, *at, "C") || takes(text, *at, "SP")) {
        *at += takes(text, *at, "SP") ? 2 : 1; /* words that PostgreSQL takes and shows not */
    } else if (takes(text, *at, "MI") || takes(text, *at, "SG") || takes(text, *at, "PL")) {
        return take_sign_node(call, text, at, format);
    } else if (takes(text, *at, "PR") || takes(text, *at, "S")) {
        return take_sign_style(call, text, at, format);
    } else if (memchr("90.,DdGg", text.data[*at], 8) != NULL) {
        return take_place(call, text.data[(*at)++], format);
    } else {
        *taken = false;
    }
    return STATUS_OK;
}

static enum status
parse(struct func_call *call, struct slice text, struct format *format)
{
    *format = (struct format){.first_zero = -1};
    for (size_t at = 0; at < text.size;) {
        bool taken = false;
        TRY(take_word(call, text, &at, format, &taken));
        if (taken) {
            continue;
        }
        struct node node = {.kind = NODE_TEXT, .text = slice_make(text.data + at, 1)};
        if (text.data[at] == '"') {
            size_t end = at + 1;
            while (end < text.size && text.data[end] != '"') {
                end++;
            }
            node.text = slice_make(text.data + at + 1, end - at - 1);
            at = end + 1;
        } else {
            node.text.size = utf8_size(text.data[at]);
            at += node.text.size;
        }
        TRY(add_node(call, format, &node));
    }
    return STATUS_OK;
}

/* The number's digits, cut into the format's places. */
struct digits {
    bool minus, too_wide;
    char whole[NODES_MAX + 1], decimals[NODES_MAX + 1];
    int whole_count;   /* of significant digits; 0 for 0.x */
    int decimals_used; /* up to the last that is not 0 */
};

static void
cut_digits(const struct numeric *n, const struct format *format, struct arena *arena,
           struct digits *out)
{
    struct numeric copy = *n;
    struct buf text = BUF_EMPTY;
    *out = (struct digits){0};
    numeric_round(&copy, format->decimals, arena);
    copy.scale = format->decimals;
    out->minus = numeric_sign(&copy) < 0;
    copy.flags = copy.flags == NUMERIC_MINUS ? NUMERIC_PLUS : copy.flags;
    numeric_to_text(&copy, &text);
    const uint8_t *point = memchr(text.data, '.', text.size);
    size_t whole = point != NULL ? (size_t)(point - text.data) : text.size;
    bool is_zero = whole == 1 && text.data[0] == '0';
    out->whole_count = is_zero ? 0 : (int)MIN(whole, (size_t)NODES_MAX);
    out->too_wide = (!is_zero && whole > (size_t)format->whole) || format->whole == 0;
    if (!out->too_wide && !is_zero) {
        memcpy(out->whole, text.data, whole);
    }
    for (int i = 0; i < format->decimals && point != NULL; i++) {
        out->decimals[i] = (char)point[1 + i];
        out->decimals_used = out->decimals[i] != '0' ? i + 1 : out->decimals_used;
    }
    buf_deinit(&text);
}

static void
put_char(struct buf *out, char c)
{
    buf_append(out, &c, 1);
}

/* The sign that stands right before the first digit shown. */
static void
put_floating_sign(const struct format *format, const struct digits *digits, struct buf *out)
{
    if (format->bracket) {
        if (digits->minus) {
            put_char(out, '<');
        } else if (!format->fill_mode_off) {
            put_char(out, ' ');
        }
    } else if (format->has_sign && !format->sign_back) {
        put_char(out, digits->minus ? '-' : '+');
    } else if (!format->has_sign && !format->has_minus) {
        if (digits->minus) {
            put_char(out, '-');
        } else if (!format->fill_mode_off) {
            put_char(out, ' ');
        }
    }
}

struct writer {
    const struct format *format;
    const struct digits *digits;
    int whole_at, decimal_at;
    bool started; /* a digit was shown, or the sign */
    bool digit;   /* the last place showed a digit: a comma may follow */
};

static void
write_whole_digit(struct writer *w, struct buf *out)
{
    const struct format *f = w->format;
    int place = w->whole_at++; /* from the left */
    int significant = f->whole - w->digits->whole_count;
    bool shown = place >= significant || (f->first_zero >= 0 && place >= f->first_zero);
    /* 0.5 in 9.9: the last place before the point shows nothing; but 0 alone shows itself */
    bool no_decimals = f->decimals == 0 ||
                       (f->fill_mode_off && f->last_zero == 0 && w->digits->decimals_used == 0);
    bool last_of_zero = place == f->whole - 1 && w->digits->whole_count == 0 && no_decimals;
    if (!shown && !last_of_zero) {
        if (!f->fill_mode_off) {
            put_char(out, ' ');
        }
        return;
    }
    if (!w->started) {
        put_floating_sign(f, w->digits, out);
        w->started = true;
    }
    w->digit = true;
    if (w->digits->too_wide) {
        put_char(out, '#');
    } else {
        put_char(out, place >= significant ? w->digits->whole[place - significant] : '0');
    }
}

static void
write_decimal_digit(struct writer *w, struct buf *out)
{
    const struct format *f = w->format;
    int place = w->decimal_at++;
    if (place >= f->decimals) { /* a double has no digits left for it */
        return;
    }
    if (f->fill_mode_off && !w->digits->too_wide && place >= w->digits->decimals_used &&
        place >= f->last_zero) {
        return;
    }
    w->digit = true;
    put_char(out, w->digits->too_wide ? '#' : w->digits->decimals[place]);
}

static void
write_point(struct writer *w, struct buf *out)
{
    if (!w->started) {
        put_floating_sign(w->format, w->digits, out);
        w->started = true;
    }
    if (w->format->decimals > 0 || w->digits->too_wide) { /* a point at the end is not shown */
        put_char(out, '.');
    }
}

static void
write_node(struct writer *w, const struct node *node, struct buf *out)
{
    const struct format *f = w->format;
    switch (node->kind) {
    case NODE_DIGIT:
        w->digit = false;
        if (w->whole_at < f->whole) {
            write_whole_digit(w, out);
        } else {
            write_decimal_digit(w, out);
        }
        return;
    case NODE_POINT:
        w->digit = false;
        write_point(w, out);
        return;
    case NODE_COMMA:
        if (w->digit) {
            put_char(out, ',');
        } else if (!f->fill_mode_off) {
            put_char(out, ' ');
        }
        return;
    case NODE_MI:
        if (w->digits->minus) {
            put_char(out, '-');
        } else if (!f->fill_mode_off) {
            put_char(out, ' ');
        }
        return;
    case NODE_PL:
        if (!w->digits->minus) {
            put_char(out, '+');
        } else if (!f->fill_mode_off) {
            put_char(out, ' ');
        }
        return;
    case NODE_SIGN:
        put_char(out, w->digits->minus ? '-' : '+');
        return;
    case NODE_TEXT:
        buf_append(out, node->text.data, node->text.size);
        return;
    }
}

static void
write_number(const struct format *format, const struct digits *digits, struct buf *out)
{
    struct writer w = {.format = format, .digits = digits};
    for (unsigned i = 0; i < format->count; i++) {
        write_node(&w, &format->nodes[i], out);
    }
    if (format->bracket && w.started) {
        if (digits->minus) {
            put_char(out, '>');
        } else if (!format->fill_mode_off) {
            put_char(out, ' ');
        }
    } else if (format->has_sign && format->sign_back) {
        put_char(out, digits->minus ? '-' : '+');
    }
}

static void
show_parsed(struct func_call *call, const struct numeric *n, const struct format *format,
            bool minus, struct value *out)
{
    struct digits digits;
    struct buf shown = BUF_EMPTY;
    cut_digits(n, format, call->arena, &digits);
    digits.minus |= minus;
    write_number(format, &digits, &shown);
    out->bytes = arena_copy(call->arena, buf_slice(&shown));
    buf_deinit(&shown);
}
static enum status
show(struct func_call *call, const struct numeric *n, struct slice text, struct value *out)
{
    struct format format;
    TRY(parse(call, text, &format));
    if (numeric_is_special(n)) {
        return func__unsupported(call, "to_char() of NaN or an infinity");
    }
    show_parsed(call, n, &format, false, out);
    return STATUS_OK;
}

/* A double shows no more digits than its type has for sure, and keeps its sign when they are
 * all zero. */
static enum status
show_double(struct func_call *call, double value, int digits_max, struct slice text,
            struct value *out)
{
    struct format format;
    struct numeric n;
    char shown[DOUBLE_TEXT_MAX];
    TRY(parse(call, text, &format));
    if (!isfinite(value)) {
        return func__unsupported(call, "to_char() of NaN or an infinity");
    }
    int whole = snprintf(shown, sizeof shown, "%.0f", fabs(value));
    format.decimals = MIN(format.decimals, MAX(digits_max - whole, 0));
    format.last_zero = MIN(format.last_zero, format.decimals);
    int size = snprintf(shown, sizeof shown, "%.*f", format.decimals, fabs(value));
    ASSERT(size > 0 && (size_t)size < sizeof shown);
    TRY(numeric_from_text(slice_make(shown, (size_t)size), call->arena, &n, call->diag));
    show_parsed(call, &n, &format, value < 0, out);
    return STATUS_OK;
}
DEFINE_ROWS(to_char_numeric, 2)
{
    struct numeric n;
    numeric_decode(v[0].bytes, call->arena, &n);
    return show(call, &n, v[1].bytes, out);
}
DEFINE_ROWS(to_char_i32, 2)
{
    struct numeric n;
    numeric_from_int64(v[0].i32, call->arena, &n);
    return show(call, &n, v[1].bytes, out);
}
DEFINE_ROWS(to_char_i64, 2)
{
    struct numeric n;
    numeric_from_int64(v[0].i64, call->arena, &n);
    return show(call, &n, v[1].bytes, out);
}
DEFINE_ROWS(to_char_f32, 2)
{
    return show_double(call, (double)v[0].f32, FLT_DIG, v[1].bytes, out);
}
DEFINE_ROWS(to_char_f64, 2)
{
    return show_double(call, v[0].f64, DBL_DIG, v[1].bytes, out);
}
