/* parse_limits.c: see parse_limits.h.
 *
 * A lexer just good enough to skip strings, quoted names and comments as PostgreSQL's does. It
 * keeps, for each open parenthesis, bracket or CASE, how deep the tree below it may be:
 *
 *   levels:   statement > ( > CASE > (        depth = sum over the open levels of
 *   each:     operators since the last          operators + joins + unions + 1
 *             comma, AND or OR; unions since
 *             the level opened
 *
 * AND, OR and commas make flat lists in the grammar, so that they start a new count; operators
 * and UNIONs lean to one side and nest.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/parse/parse_limits.h"

#include "base/errors.h"
#include <strings.h>

#define SELECT_WEIGHT 8
#define UNION_WEIGHT 2

enum byte_class {
    BYTE_OTHER,
    BYTE_SPACE,
    BYTE_WORD, /* letters, digits, _, above ASCII */
    BYTE_OPEN,
    BYTE_CLOSE,
    BYTE_COMMA,
    BYTE_SEMICOLON,
    BYTE_QUOTE,
    BYTE_DOUBLE_QUOTE,
    BYTE_DOLLAR,
    BYTE_OPERATOR,
    BYTE_COLON,
};

struct level {
    unsigned operators, unions;
    bool is_case;
};

struct limits_scan {
    const uint8_t *at, *end;
    struct diag *diag;
    unsigned level_no, depth;
    struct level levels[PARSE_DEPTH_MAX + 2];
};

static enum byte_class
classify(uint8_t byte)
{
    if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte >= 0x80 ||
        byte == '_' || (byte >= '0' && byte <= '9')) {
        return BYTE_WORD;
    }
    switch (byte) {
    case ' ':
    case '\t':
    case '\n':
    case '\r':
    case '\f':
        return BYTE_SPACE;
    case '(':
    case '[':
        return BYTE_OPEN;
    case ')':
    case ']':
        return BYTE_CLOSE;
    case ',':
        return BYTE_COMMA;
    case ';':
        return BYTE_SEMICOLON;
    case '\'':
        return BYTE_QUOTE;
    case '"':
        return BYTE_DOUBLE_QUOTE;
    case '$':
        return BYTE_DOLLAR;
    case ':':
        return BYTE_COLON;
    case '+':
    case '-':
    case '*':
    case '/':
    case '<':
    case '>':
    case '=':
    case '~':
    case '!':
    case '@':
    case '#':
    case '%':
    case '^':
    case '&':
    case '|':
    case '`':
    case '?':
        return BYTE_OPERATOR;
    default:
        return BYTE_OTHER;
    }
}

static enum status
too_deep(struct limits_scan *scan)
{
    (void)diag_fail(scan->diag, STATUS_LIMIT, SQLSTATE_STATEMENT_TOO_COMPLEX,
                    "stack depth limit exceeded");
    diag_hint(scan->diag,
              "Expressions and queries may nest up to %d levels deep; write a long chain of "
              "operators or set operations as several statements.",
              PARSE_DEPTH_MAX);
    return STATUS_LIMIT;
}

static enum status
add_depth(struct limits_scan *scan, unsigned weight)
{
    scan->depth += weight;
    return UNLIKELY(scan->depth > PARSE_DEPTH_MAX) ? too_deep(scan) : STATUS_OK;
}

static enum status
add_operator(struct limits_scan *scan)
{
    scan->levels[scan->level_no].operators++;
    return add_depth(scan, 1);
}

static enum status
add_union(struct limits_scan *scan, unsigned weight)
{
    scan->levels[scan->level_no].unions += weight;
    return add_depth(scan, weight);
}

static enum status
open_level(struct limits_scan *scan, bool is_case)
{
    TRY(add_depth(scan, 1)); /* so level_no stays below the array's end */
    scan->level_no++;
    scan->levels[scan->level_no] = (struct level){.is_case = is_case};
    return STATUS_OK;
}

static void
end_list_item(struct limits_scan *scan)
{
    struct level *level = &scan->levels[scan->level_no];
    scan->depth -= level->operators;
    level->operators = 0;
}

static void
leave_level(struct limits_scan *scan)
{
    struct level *level = &scan->levels[scan->level_no];
    scan->depth -= level->operators + level->unions + 1;
    scan->level_no--;
}

/* `)` and `]` also end a CASE that was left open: the grammar will complain. */
static void
close_bracket(struct limits_scan *scan)
{
    while (scan->level_no > 0 && scan->levels[scan->level_no].is_case) {
        leave_level(scan);
    }
    if (scan->level_no > 0) {
        leave_level(scan);
    }
}

static void
end_statement(struct limits_scan *scan)
{
    scan->level_no = 0;
    scan->depth = 0;
    scan->levels[0] = (struct level){0};
}

/* ---- words ---- */
enum word_effect { WORD_OPERATOR, WORD_LIST, WORD_CASE, WORD_END, WORD_SELECT, WORD_UNION };

static const struct word {
    const char *name;
    enum word_effect effect;
} words[] = {
    {"and", WORD_LIST},         {"or", WORD_LIST},           {"case", WORD_CASE},
    {"end", WORD_END},          {"select", WORD_SELECT},     {"values", WORD_SELECT},
    {"table", WORD_SELECT},     {"union", WORD_UNION},       {"intersect", WORD_UNION},
    {"except", WORD_UNION},     {"join", WORD_OPERATOR},     {"not", WORD_OPERATOR},
    {"is", WORD_OPERATOR},      {"isnull", WORD_OPERATOR},   {"notnull", WORD_OPERATOR},
    {"in", WORD_OPERATOR},      {"like", WORD_OPERATOR},     {"ilike", WORD_OPERATOR},
    {"similar", WORD_OPERATOR}, {"between", WORD_OPERATOR},  {"collate", WORD_OPERATOR},
    {"at", WORD_OPERATOR},      {"operator", WORD_OPERATOR}, {"overlaps", WORD_OPERATOR},
    {"explain", WORD_OPERATOR},
};

static enum status
count_word(struct limits_scan *scan, const uint8_t *word, size_t size)
{
    if (size < 2 || size > 9) {
        return STATUS_OK;
    }
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if ((words[i].name[0] | 32) != (word[0] | 32) || strlen(words[i].name) != size ||
            strncasecmp(words[i].name, (const char *)word, size) != 0) {
            continue;
        }
        switch (words[i].effect) {
        case WORD_OPERATOR:
            return add_operator(scan);
        case WORD_LIST:
            end_list_item(scan);
            return STATUS_OK;
        case WORD_CASE:
            return open_level(scan, true);
        case WORD_END:
            if (scan->levels[scan->level_no].is_case) {
                leave_level(scan);
            }
            return STATUS_OK;
        case WORD_SELECT:
            return scan->levels[scan->level_no].unions >= SELECT_WEIGHT
                       ? STATUS_OK /* a branch of a UNION that is counted already */
                       : add_union(scan, SELECT_WEIGHT);
        case WORD_UNION:
            end_list_item(scan);
            return add_union(scan, UNION_WEIGHT);
        }
    }
    return STATUS_OK;
}

/* ---- what is skipped ---- */
static void
skip_quoted(struct limits_scan *scan, uint8_t quote, bool has_escapes)
{
    const uint8_t *at = scan->at + 1;
    while (at < scan->end) {
        if (has_escapes && *at == '\\') {
            at += at + 1 < scan->end ? 2 : 1;
        } else if (*at == quote) {
            if (at + 1 < scan->end && at[1] == quote) {
                at += 2;
                continue;
            }
            scan->at = at + 1;
            return;
        } else {
            at++;
        }
    }
    scan->at = scan->end;
}

/* $1, $$..$$ or $tag$..$tag$. */
static void
skip_dollar(struct limits_scan *scan)
{
    const uint8_t *tag = scan->at++;
    const uint8_t *at = scan->at;
    if (at < scan->end && *at >= '0' && *at <= '9') {
        return;
    }
    while (at < scan->end && classify(*at) == BYTE_WORD) {
        at++;
    }
    if (at == scan->end || *at != '$') {
        return;
    }
    size_t tag_size = (size_t)(at - tag) + 1;
    const uint8_t *close = memmem(at + 1, (size_t)(scan->end - at - 1), tag, tag_size);
    scan->at = close == NULL ? scan->end : close + tag_size;
}

static void
skip_line_comment(struct limits_scan *scan)
{
    while (scan->at < scan->end && *scan->at != '\n' && *scan->at != '\r') {
        scan->at++;
    }
}

static void
skip_block_comment(struct limits_scan *scan)
{
    unsigned open_count = 0;
    while (scan->at + 1 < scan->end) {
        if (scan->at[0] == '/' && scan->at[1] == '*') {
            open_count++;
            scan->at += 2;
        } else if (scan->at[0] == '*' && scan->at[1] == '/') {
            scan->at += 2;
            if (--open_count == 0) {
                return;
            }
        } else {
            scan->at++;
        }
    }
    scan->at = scan->end;
}

static bool
starts_with(const struct limits_scan *scan, char first, char second)
{
    return scan->end - scan->at >= 2 && scan->at[0] == (uint8_t)first &&
           scan->at[1] == (uint8_t)second;
}

/* A run of operator bytes is one token for the grammar, or several prefix operators: each byte
 * counts, but for the second of <=, >=, <>, ||, ::, !~ and the like only by being cheap. */
static enum status
read_operator(struct limits_scan *scan)
{
    if (starts_with(scan, '-', '-')) {
        skip_line_comment(scan);
        return STATUS_OK;
    }
    if (starts_with(scan, '/', '*')) {
        skip_block_comment(scan);
        return STATUS_OK;
    }
    bool is_long = false; /* a run counts once and each + or - in it, which may stand alone */
    while (scan->at < scan->end && classify(*scan->at) == BYTE_OPERATOR &&
           !starts_with(scan, '-', '-') && !starts_with(scan, '/', '*')) {
        if (!is_long || *scan->at == '+' || *scan->at == '-') {
            TRY(add_operator(scan));
        }
        is_long = true;
        scan->at++;
    }
    return STATUS_OK;
}

static enum status
read_word(struct limits_scan *scan)
{
    const uint8_t *word = scan->at;
    while (scan->at < scan->end &&
           (classify(*scan->at) == BYTE_WORD || *scan->at == '$')) { /* a$b is a name */
        scan->at++;
    }
    size_t size = (size_t)(scan->at - word);
    if (scan->at < scan->end && *scan->at == '\'' && size == 1 && (*word | 32) == 'e') {
        skip_quoted(scan, '\'', true);
        return STATUS_OK;
    }
    return count_word(scan, word, size);
}

static enum status
read_token(struct limits_scan *scan)
{
    switch (classify(*scan->at)) {
    case BYTE_WORD:
        return read_word(scan);
    case BYTE_OPEN:
        scan->at++;
        return open_level(scan, false);
    case BYTE_CLOSE:
        close_bracket(scan);
        break;
    case BYTE_COMMA:
        end_list_item(scan);
        break;
    case BYTE_SEMICOLON:
        if (scan->level_no == 0) { /* inside parentheses: CREATE RULE, or an error */
            end_statement(scan);
        }
        break;
    case BYTE_QUOTE:
        skip_quoted(scan, '\'', false);
        return STATUS_OK;
    case BYTE_DOUBLE_QUOTE:
        skip_quoted(scan, '"', false);
        return STATUS_OK;
    case BYTE_DOLLAR:
        skip_dollar(scan);
        return STATUS_OK;
    case BYTE_COLON:
        scan->at++;
        return starts_with(scan, ':', ':') ? STATUS_OK : add_operator(scan); /* once for "::" */
    case BYTE_OPERATOR:
        return read_operator(scan);
    case BYTE_SPACE:
    case BYTE_OTHER:
        break;
    }
    scan->at++;
    return STATUS_OK;
}

/* ---- encoding ---- */

/* Bytes of the UTF-8 character at `at`; 0: it is none. */
static size_t
character_size(const uint8_t *at, size_t left)
{
    if (at[0] < 0x80) {
        return 1;
    }
    size_t size = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || size > left) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool is_overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool is_surrogate = at[0] == 0xed && at[1] >= 0xa0;
    bool is_beyond = at[0] == 0xf4 && at[1] >= 0x90;
    return is_overlong || is_surrogate || is_beyond ? 0 : size;
}

static enum status
bad_encoding(const uint8_t *at, size_t left, struct diag *diag)
{
    size_t wanted = at[0] >= 0xf8   ? 1
                    : at[0] >= 0xf0 ? 4
                    : at[0] >= 0xe0 ? 3
                    : at[0] >= 0xc0 ? 2
                                    : 1;
    char bytes[32] = "";
    size_t used = 0;
    for (size_t i = 0; i < MIN(wanted, left); i++) {
        static const char digits[] = "0123456789abcdef";
        memcpy(bytes + used, i == 0 ? "0x" : " 0x", i == 0 ? 2 : 3);
        used += i == 0 ? 2 : 3;
        bytes[used++] = digits[at[i] >> 4];
        bytes[used++] = digits[at[i] & 15];
    }
    bytes[used] = '\0';
    return diag_fail(diag, STATUS_INVALID, SQLSTATE_CHARACTER_NOT_IN_REPERTOIRE,
                     "invalid byte sequence for encoding \"UTF8\": %s", bytes);
}

static enum status
check_encoding(struct slice text, struct diag *diag)
{
    const uint8_t *at = text.data, *end = text.data + text.size;
    while (at < end) {
        uint64_t word;
        if (end - at >= 8 && (memcpy(&word, at, 8), (word & 0x8080808080808080) == 0)) {
            if (memchr(at, 0, 8) == NULL) {
                at += 8;
                continue;
            }
        }
        size_t size = *at == 0 ? 0 : character_size(at, (size_t)(end - at));
        if (size == 0) {
            return bad_encoding(at, (size_t)(end - at), diag);
        }
        at += size;
    }
    return STATUS_OK;
}

enum status
parse_limits_check(struct slice text, struct diag *diag)
{
    TRY(check_encoding(text, diag));
    struct limits_scan scan; /* not cleared whole: levels are, as they open */
    scan.at = text.data;
    scan.end = text.data + text.size;
    scan.diag = diag;
    end_statement(&scan);
    while (scan.at < scan.end) {
        TRY(read_token(&scan));
    }
    return STATUS_OK;
}
