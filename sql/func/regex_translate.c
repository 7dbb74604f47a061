/* regex_translate.c: see regex_translate.h.
 *
 * One pass over the pattern. `atom` says whether a quantifier may stand here: PostgreSQL
 * refuses one after another one and after what matches no text, where PCRE2 has possessive
 * quantifiers and verbs. For the choice between the longest and the shortest match each open
 * parenthesis keeps the preference of its first quantifier that has one; alternatives make it
 * the longest.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/regex_translate.h"
#include "base/macros.h"
#include "sql/types/utf8.h"
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 250 /* PCRE2's own bound of nested parentheses */
#define REPEAT_MAX 255
#define CODE_POINT_MAX 0x10ffff

#define BAD_ESCAPE "invalid escape \\ sequence"
#define BAD_QUANTIFIER "quantifier operand invalid"
#define BAD_COUNT "invalid repetition count(s)"

enum preference { PREFER_NOTHING, PREFER_LONGEST, PREFER_SHORTEST };

struct level {
    enum preference preference; /* of its branch so far */
    bool alternatives, lookaround;
};

struct translation {
    struct regex_source *source;
    struct slice pattern;
    size_t at;
    bool atom;                       /* a quantifier may follow */
    enum preference atom_preference; /* of what `atom` stands for */
    unsigned depth, group_count;
    struct level levels[DEPTH_MAX + 1];
};

static int
peek(const struct translation *t, size_t ahead)
{
    return t->at + ahead < t->pattern.size ? t->pattern.data[t->at + ahead] : -1;
}

static void
fault(struct translation *t, const char *what)
{
    if (t->source->fault == NULL) {
        t->source->fault = what;
    }
}

static void
put(struct translation *t, const char *text)
{
    buf_append_text(&t->source->text, text);
}

static void
put_code(struct translation *t, uint32_t code)
{
    char text[16];
    if (code > CODE_POINT_MAX || (code >= 0xd800 && code < 0xe000)) {
        fault(t, BAD_ESCAPE);
        return;
    }
    (void)snprintf(text, sizeof text, "\\x{%x}", code);
    put(t, text);
}

/* One character of the pattern as it is, quoted if PCRE2 could take it for more. */
static void
put_literal(struct translation *t)
{
    uint8_t c = t->pattern.data[t->at];
    size_t size = MIN((size_t)utf8_size(c), t->pattern.size - t->at);
    bool is_word = (c >= '0' && c <= '9') || (uint8_t)((c | 0x20) - 'a') < 26 || c >= 0x80;
    if (is_word) {
        buf_append(&t->source->text, t->pattern.data + t->at, size);
    } else {
        put_code(t, c);
    }
    t->at += size;
}

/* The atom before is over: its preference counts if it is the branch's first. */
static void
close_atom(struct translation *t)
{
    struct level *level = &t->levels[t->depth];
    if (level->preference == PREFER_NOTHING) {
        level->preference = t->atom_preference;
    }
    t->atom_preference = PREFER_NOTHING;
    t->atom = false;
}

static void
begin_atom(struct translation *t)
{
    close_atom(t);
    t->atom = true;
}

/* ---- escapes ---- */

static bool
read_hex(struct translation *t, unsigned digits_min, unsigned digits_max, uint32_t *out)
{
    unsigned count = 0;
    *out = 0;
    for (; count < digits_max; count++, t->at++) {
        int c = peek(t, 0);
        int digit = c >= '0' && c <= '9'                               ? c - '0'
                    : c >= 0 && (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                                       : -1;
        if (digit < 0) {
            break;
        }
        *out = MIN(*out, (uint32_t)CODE_POINT_MAX) * 16 + (uint32_t)digit;
    }
    return count >= digits_min;
}

/* \a \cX \uwxyz and their like; false: no such escape. */
static bool
take_character_escape(struct translation *t, int c)
{
    static const char letters[] = "abefnrtv", codes[] = "\a\b\033\f\n\r\t\v";
    const char *known = strchr(letters, c);
    uint32_t code = 0;
    if (known != NULL) {
        code = (uint32_t)codes[known - letters];
    } else if (c == 'B') {
        code = '\\';
    } else if (c == 'c' && peek(t, 0) >= 0) {
        code = t->pattern.data[t->at++] & 0x1f;
    } else if (c == 'u' || c == 'U' || c == 'x') {
        unsigned digits = c == 'u' ? 4 : 8;
        if (!read_hex(t, c == 'x' ? 1 : digits, c == 'x' ? REPEAT_MAX : digits, &code)) {
            return false;
        }
    } else {
        return false;
    }
    put_code(t, code);
    return true;
}

/* \n a back reference where there is such a group, or for one digit; else octal. */
static void
take_number_escape(struct translation *t, bool in_brackets)
{
    size_t begin = t->at;
    uint32_t number = 0, octal = 0;
    for (; peek(t, 0) >= '0' && peek(t, 0) <= '9'; t->at++) {
        number = MIN(number, (uint32_t)CODE_POINT_MAX) * 10 + (uint32_t)(peek(t, 0) - '0');
    }
    bool one_digit = t->at - begin == 1;
    if (!in_brackets && t->pattern.data[begin] != '0' &&
        (one_digit || number <= t->group_count)) {
        char text[16];
        (void)snprintf(text, sizeof text, "\\g{%u}", number);
        put(t, text);
        t->source->has_backreference = true;
        if (number > t->group_count) {
            fault(t, "invalid backreference number");
        }
        return;
    }
    for (t->at = begin; t->at - begin < 3 && peek(t, 0) >= '0' && peek(t, 0) <= '7'; t->at++) {
        octal = octal * 8 + (uint32_t)(peek(t, 0) - '0');
    }
    if (t->at == begin) {
        fault(t, BAD_ESCAPE);
    }
    put_code(t, octal);
}

/* Borders: they match no text. */
static const char *
border_of(int c)
{
    switch (c) {
    case 'A':
        return "\\A";
    case 'm':
        return "\\b(?=\\w)";
    case 'M':
        return "\\b(?<=\\w)";
    case 'y':
        return "\\b";
    case 'Y':
        return "\\B";
    case 'Z':
        return "\\z";
    default:
        return NULL;
    }
}

/* Of C.UTF-8, where PCRE2 goes by Unicode: ranges for use between brackets. */
#define DIGITS "0-9"
#define NO_DIGITS "\\x{0}-\\x{2f}\\x{3a}-\\x{10ffff}"
#define SPACES                                                                                 \
    "\\x{9}-\\x{d}\\x{20}\\x{1680}\\x{2000}-\\x{2006}\\x{2008}-\\x{200a}"                      \
    "\\x{2028}\\x{2029}\\x{205f}\\x{3000}"
#define NO_SPACES                                                                              \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{167f}\\x{1681}-\\x{1fff}\\x{2007}"                 \
    "\\x{200b}-\\x{2027}\\x{202a}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}"

static void
put_class(struct translation *t, int letter, bool in_brackets)
{
    const char *ranges = letter == 'd'   ? DIGITS
                         : letter == 'D' ? NO_DIGITS
                         : letter == 's' ? SPACES
                         : letter == 'S' ? NO_SPACES
                         : letter == 'w' ? "\\w"
                                         : "\\W";
    put(t, in_brackets ? "" : "[");
    put(t, ranges);
    put(t, in_brackets ? "" : "]");
}

static void
take_escape(struct translation *t, bool in_brackets)
{
    int c = peek(t, 1);
    bool is_word = (c >= '0' && c <= '9') || (c >= 0 && (uint8_t)((c | 0x20) - 'a') < 26);
    const char *border = in_brackets ? NULL : border_of(c);
    t->at++;
    if (c < 0) {
        fault(t, BAD_ESCAPE);
        return;
    }
    if (border != NULL) {
        close_atom(t);
        put(t, border);
        t->at++;
        return;
    }
    if (!in_brackets) {
        begin_atom(t);
    }
    if (!is_word) {
        put_literal(t);
    } else if (c >= '0' && c <= '9') {
        take_number_escape(t, in_brackets);
    } else if (strchr("dswDSW", c) != NULL) {
        put_class(t, c, in_brackets);
        t->at++;
    } else {
        t->at++;
        if (!take_character_escape(t, c)) {
            fault(t, BAD_ESCAPE);
        }
    }
}

/* ---- brackets ---- */

/* Letters of one case are letters of both where case does not count. */
static void
put_named_class(struct translation *t, struct slice name)
{
    bool one_case = slice_equal(name, slice_from_text("lower")) ||
                    slice_equal(name, slice_from_text("upper"));
    if (name.size == 0 || name.data[0] == '^') {
        fault(t, "invalid character class");
    } else if (slice_equal(name, slice_from_text("digit"))) {
        put_class(t, 'd', true);
    } else if (slice_equal(name, slice_from_text("space"))) {
        put_class(t, 's', true);
    } else if (one_case && t->source->options.caseless) {
        put(t, "[:alpha:]");
    } else {
        put(t, "[:");
        buf_append(&t->source->text, name.data, name.size);
        put(t, ":]");
    }
}

/* [:alpha:], [.a.], [=a=]; stands at the inner bracket. */
static void
take_bracket_name(struct translation *t)
{
    uint8_t kind = t->pattern.data[t->at + 1];
    size_t begin = t->at + 2, end = begin;
    while (end + 1 < t->pattern.size &&
           !(t->pattern.data[end] == kind && t->pattern.data[end + 1] == ']')) {
        end++;
    }
    if (end + 1 >= t->pattern.size) {
        fault(t, "brackets [] not balanced");
        t->at = t->pattern.size;
        return;
    }
    if (kind == ':') {
        put_named_class(t, slice_make(t->pattern.data + begin, end - begin));
    } else if (end > begin && utf8_size(t->pattern.data[begin]) == end - begin) {
        t->at = begin;
        put_literal(t);
    } else {
        t->source->unsupported = "a regular expression with a named collating element";
    }
    t->at = end + 2;
}

static void
take_brackets(struct translation *t)
{
    bool negated = peek(t, 1) == '^';
    begin_atom(t);
    t->at += negated ? 2 : 1;
    put(t, negated ? "[^" : "[");
    if (negated && t->source->options.dot_excludes_newline) {
        put(t, "\\n");
    }
    for (bool first = true;; first = false) {
        int c = peek(t, 0), next = peek(t, 1);
        if (c < 0) {
            fault(t, "brackets [] not balanced");
            return;
        }
        if (c == ']' && !first) {
            t->at++;
            put(t, "]");
            return;
        }
        if (c == '\\') {
            take_escape(t, true);
        } else if (c == '[' && (next == ':' || next == '.' || next == '=')) {
            take_bracket_name(t);
        } else if (c == '-' && !first && next != ']') { /* of a range */
            put(t, "-");
            t->at++;
        } else {
            put_literal(t);
        }
    }
}

/* ---- quantifiers ---- */

/* {m}, {m,}, {m,n}; copies it. *fixed_out: {m}. */
static void
take_bounds(struct translation *t, bool *fixed_out)
{
    unsigned values[2] = {0, REPEAT_MAX}, count = 0;
    size_t begin = t->at++;
    while (count < 2) {
        unsigned digits = 0, value = 0;
        for (; peek(t, 0) >= '0' && peek(t, 0) <= '9'; t->at++, digits++) {
            value = MIN(value * 10 + (unsigned)(peek(t, 0) - '0'), REPEAT_MAX + 1U);
        }
        values[count] = digits > 0 ? value : values[count];
        count++;
        if (count == 2 || peek(t, 0) != ',') {
            break;
        }
        t->at++;
    }
    *fixed_out = count == 1;
    int c = peek(t, 0);
    if (c != '}') {
        fault(t, c < 0 ? "braces {} not balanced" : BAD_COUNT);
        return;
    }
    t->at++;
    if (values[0] > REPEAT_MAX || values[1] > REPEAT_MAX ||
        (count == 2 && values[0] > values[1])) {
        fault(t, BAD_COUNT);
    }
    buf_append(&t->source->text, t->pattern.data + begin, t->at - begin);
}

static void
take_quantifier(struct translation *t)
{
    bool fixed = false;
    if (!t->atom) {
        fault(t, BAD_QUANTIFIER);
    }
    if (peek(t, 0) == '{') {
        take_bounds(t, &fixed);
    } else {
        buf_append(&t->source->text, t->pattern.data + t->at++, 1);
    }
    bool shortest = peek(t, 0) == '?';
    if (shortest) {
        put(t, "?");
        t->at++;
    }
    if (!fixed) {
        t->atom_preference = shortest ? PREFER_SHORTEST : PREFER_LONGEST;
    }
    close_atom(t);
}

/* ---- parentheses ---- */

static void
take_open(struct translation *t)
{
    static const char *const kinds[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!"};
    const char *kind = "(";
    struct slice rest = slice_make(t->pattern.data + t->at, t->pattern.size - t->at);
    if (peek(t, 1) == '?' && peek(t, 2) == '#') {
        while (peek(t, 0) >= 0 && peek(t, 0) != ')') {
            t->at++;
        }
        t->at += peek(t, 0) == ')';
        return;
    }
    if (peek(t, 1) == '?') {
        kind = NULL;
        for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
            size_t size = strlen(kinds[i]);
            if (rest.size >= size && memcmp(rest.data, kinds[i], size) == 0) {
                kind = kinds[i];
            }
        }
    }
    if (kind == NULL || t->depth == DEPTH_MAX) {
        fault(t, kind == NULL ? BAD_QUANTIFIER : "regular expression is too complex");
        t->at++;
        return;
    }
    close_atom(t);
    t->group_count += kind[1] == '\0';
    t->levels[++t->depth] =
        (struct level){.lookaround = kind[1] != '\0' && strcmp(kind, "(?:") != 0};
    put(t, kind);
    t->at += strlen(kind);
}

static enum preference
preference_of(const struct level *level)
{
    return level->alternatives ? PREFER_LONGEST : level->preference;
}

static void
take_close(struct translation *t)
{
    t->at++;
    put(t, ")");
    close_atom(t);
    if (t->depth == 0) {
        fault(t, "parentheses () not balanced");
        return;
    }
    struct level level = t->levels[t->depth--];
    t->atom = !level.lookaround;
    t->atom_preference = level.lookaround ? PREFER_NOTHING : preference_of(&level);
}

static void
take_bar(struct translation *t)
{
    close_atom(t);
    t->levels[t->depth].alternatives = true;
    put(t, "|");
    t->at++;
}

/* ---- the whole ---- */

bool
regex_option(struct regex_options *options, uint8_t letter, bool *basic_out)
{
    switch (letter) {
    case 'b':
    case 'e':
        *basic_out = true;
        break;
    case 'c':
        options->caseless = false;
        break;
    case 'i':
        options->caseless = true;
        break;
    case 'm':
    case 'n':
        options->dot_excludes_newline = options->multiline = true;
        break;
    case 'p':
        options->dot_excludes_newline = true;
        options->multiline = false;
        break;
    case 'q':
        options->literal = true;
        break;
    case 's':
        options->dot_excludes_newline = options->multiline = false;
        break;
    case 't':
        options->extended = false;
        break;
    case 'w':
        options->dot_excludes_newline = false;
        options->multiline = true;
        break;
    case 'x':
        options->extended = true;
        break;
    default:
        return false;
    }
    return true;
}

static bool
starts_with(const struct translation *t, const char *text)
{
    return t->pattern.size >= strlen(text) && memcmp(t->pattern.data, text, strlen(text)) == 0;
}

/* ***= and ***: and (?letters). */
static void
take_prefix(struct translation *t)
{
    struct regex_options *options = &t->source->options;
    bool basic = false;
    if (starts_with(t, "***=") || starts_with(t, "***:")) {
        options->literal = t->pattern.data[3] == '=';
        t->at = 4;
    }
    int first = peek(t, 2);
    if (options->literal || peek(t, 0) != '(' || peek(t, 1) != '?' || first < 0 ||
        (uint8_t)((first | 0x20) - 'a') >= 26) {
        return;
    }
    for (t->at += 2; peek(t, 0) >= 0 && peek(t, 0) != ')'; t->at++) {
        if (!regex_option(options, t->pattern.data[t->at], &basic)) {
            fault(t, "invalid embedded option");
        }
    }
    if (peek(t, 0) < 0) {
        fault(t, "invalid embedded option");
    }
    t->at++;
    if (basic) {
        t->source->unsupported = "a basic or extended regular expression (?b) (?e)";
    }
}

static bool
skip_in_extended(struct translation *t, int c)
{
    if (!t->source->options.extended) {
        return false;
    }
    if (c == '#') {
        while (peek(t, 0) >= 0 && peek(t, 0) != '\n') {
            t->at++;
        }
        return true;
    }
    bool is_space = c == ' ' || (c >= '\t' && c <= '\r');
    t->at += is_space;
    return is_space;
}

static void
take_one(struct translation *t)
{
    int c = peek(t, 0), next = peek(t, 1);
    struct slice rest = slice_make(t->pattern.data + t->at, t->pattern.size - t->at);
    bool border = rest.size >= 7 && (memcmp(rest.data, "[[:<:]]", 7) == 0 ||
                                     memcmp(rest.data, "[[:>:]]", 7) == 0);
    if (skip_in_extended(t, c)) {
        return;
    }
    if (c == '\\') {
        take_escape(t, false);
    } else if (border) {
        close_atom(t);
        put(t, border_of(rest.data[3] == '<' ? 'm' : 'M'));
        t->at += 7;
    } else if (c == '[') {
        take_brackets(t);
    } else if (c == '(') {
        take_open(t);
    } else if (c == ')') {
        take_close(t);
    } else if (c == '|') {
        take_bar(t);
    } else if (c == '*' || c == '+' || c == '?' || (c == '{' && next >= '0' && next <= '9')) {
        take_quantifier(t);
    } else if (c == '^' || c == '$') {
        close_atom(t);
        buf_append(&t->source->text, t->pattern.data + t->at++, 1);
    } else if (c == '.') {
        begin_atom(t);
        put(t, ".");
        t->at++;
    } else {
        begin_atom(t);
        put_literal(t);
    }
}

void
regex_translate(struct slice pattern, struct regex_options options, struct regex_source *out)
{
    *out = (struct regex_source){.text = BUF_EMPTY, .options = options};
    struct translation t = {.source = out, .pattern = pattern};
    take_prefix(&t);
    while (t.at < pattern.size && out->fault == NULL) {
        if (out->options.literal) {
            put_literal(&t);
        } else {
            take_one(&t);
        }
    }
    close_atom(&t);
    if (t.depth > 0) {
        fault(&t, "parentheses () not balanced");
    }
    out->shortest = preference_of(&t.levels[0]) == PREFER_SHORTEST;
}

void
regex_source_deinit(struct regex_source *source)
{
    buf_deinit(&source->text);
}
