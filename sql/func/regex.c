/* regex.c: ~ ~* !~ !~*, regexp_replace and friends, by PCRE2.
 *
 * PostgreSQL's advanced regular expressions are translated: the same text means the same in
 * both for what people write. Differences that are bridged here: the embedded options (?..), \m
 * \M \y \Y word borders, \A \Z, the directors ***: and ***=, [[:<:]] [[:>:]]. One that is not:
 * PostgreSQL takes the longest match of alternatives, PCRE2 the first; it matters to
 * regexp_replace only. A compiled constant pattern is kept in call->state.
 * SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "sql/func/func_internal.h"
#include <pcre2.h>
#include <stdlib.h>

/* In the statement's arena; PCRE2 allocates from there, too, so nothing has to be freed. */
struct regex {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    struct slice pattern;
    uint32_t options;
};

static void *
allocate(size_t size, void *arena)
{
    return arena_alloc(arena, size);
}
static void
release(void *memory, void *arena)
{
    UNUSED(memory);
    UNUSED(arena);
}

/* The border escapes that PCRE2 spells otherwise. */
static const char *
border_of(uint8_t c)
{
    switch (c) {
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

static void
translate(struct slice pattern, struct buf *out)
{
    bool in_class = false;
    for (size_t i = 0; i < pattern.size; i++) {
        uint8_t c = pattern.data[i];
        struct slice rest = slice_make(pattern.data + i, pattern.size - i);
        if (c == '\\' && i + 1 < pattern.size) {
            const char *border = in_class ? NULL : border_of(pattern.data[i + 1]);
            if (border != NULL) {
                buf_append_text(out, border);
            } else {
                buf_append(out, pattern.data + i, 2);
            }
            i++;
        } else if (!in_class && rest.size >= 7 &&
                   (memcmp(rest.data, "[[:<:]]", 7) == 0 ||
                    memcmp(rest.data, "[[:>:]]", 7) == 0)) {
            buf_append_text(out, rest.data[3] == '<' ? "\\b(?=\\w)" : "\\b(?<=\\w)");
            i += 6;
        } else if (!in_class && c == '[') {
            in_class = true;
            buf_append(out, &c, 1);
            if (i + 1 < pattern.size && pattern.data[i + 1] == '^') {
                buf_append(out, "^", 1);
                i++;
            }
            if (i + 1 < pattern.size && pattern.data[i + 1] == ']') {
                buf_append(out, "\\]", 2);
                i++;
            }
        } else if (in_class && rest.size > 1 && c == '[' &&
                   (rest.data[1] == ':' || rest.data[1] == '.' || rest.data[1] == '=')) {
            const uint8_t *end = memchr(rest.data + 2, ']', rest.size - 2);
            size_t size = end != NULL ? (size_t)(end - rest.data) + 1 : 1;
            buf_append(out, rest.data, size);
            i += size - 1;
        } else if (in_class && c == '[') {
            buf_append(out, "\\[", 2);
        } else {
            in_class = in_class && c != ']';
            buf_append(out, &c, 1);
        }
    }
}

static enum status
bad_regex(struct func_call *call, const char *message)
{
    return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_REGULAR_EXPRESSION,
                     "invalid regular expression: %s", message);
}

/* What PostgreSQL calls the mistakes that people make most. */
static const char *
message_of(int error)
{
    switch (error) {
    case PCRE2_ERROR_MISSING_CLOSING_PARENTHESIS:
    case PCRE2_ERROR_UNMATCHED_CLOSING_PARENTHESIS:
        return "parentheses () not balanced";
    case PCRE2_ERROR_MISSING_SQUARE_BRACKET:
        return "brackets [] not balanced";
    case PCRE2_ERROR_QUANTIFIER_INVALID:
        return "quantifier operand invalid";
    case PCRE2_ERROR_CLASS_RANGE_ORDER:
        return "invalid character range";
    case PCRE2_ERROR_QUANTIFIER_OUT_OF_ORDER:
    case PCRE2_ERROR_QUANTIFIER_TOO_BIG:
        return "invalid repetition count(s)";
    case PCRE2_ERROR_END_BACKSLASH:
        return "invalid escape \\ sequence";
    case PCRE2_ERROR_UNKNOWN_POSIX_CLASS:
        return "invalid character class";
    default:
        return NULL;
    }
}

static enum status
compile(struct func_call *call, struct arena *arena, struct slice pattern, uint32_t options,
        struct regex *out)
{
    struct slice body = pattern;
    if (body.size >= 4 && memcmp(body.data, "***=", 4) == 0) {
        options |= PCRE2_LITERAL;
        body = slice_make(body.data + 4, body.size - 4);
    } else if (body.size >= 4 && memcmp(body.data, "***:", 4) == 0) {
        body = slice_make(body.data + 4, body.size - 4);
    }
    struct buf text = BUF_EMPTY;
    if ((options & PCRE2_LITERAL) != 0) {
        options &= PCRE2_LITERAL | PCRE2_CASELESS; /* PCRE2 takes no others beside it */
        buf_append(&text, body.data, body.size);
    } else {
        translate(body, &text);
    }
    int error = 0;
    PCRE2_SIZE at = 0;
    pcre2_general_context *memory = pcre2_general_context_create(allocate, release, arena);
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    uint8_t empty = 0;
    out->code = pcre2_compile(text.data != NULL ? text.data : &empty, text.size,
                              PCRE2_UTF | PCRE2_NO_UTF_CHECK | options, &error, &at, context);
    buf_deinit(&text);
    if (out->code == NULL) {
        char message[128] = "";
        const char *known = message_of(error);
        (void)pcre2_get_error_message(error, (PCRE2_UCHAR *)message, sizeof message);
        return bad_regex(call, known != NULL ? known : message);
    }
    out->match = pcre2_match_data_create_from_pattern(out->code, memory);
    out->limits = pcre2_match_context_create(memory);
    (void)pcre2_set_match_limit(out->limits, 20000000);
    out->options = options;
    out->pattern = arena_copy(arena, pattern);
    return STATUS_OK;
}

#define BASE_OPTIONS (PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_UCP)

/* The pattern compiled, from the last call if it was the same. */
static enum status
get_regex(struct func_call *call, struct slice pattern, uint32_t options, struct regex **out)
{
    struct regex *regex = call->state;
    *out = regex;
    if (regex != NULL && regex->options == options && slice_equal(regex->pattern, pattern)) {
        return STATUS_OK;
    }
    /* a pattern of each row's own would fill the statement's memory: it goes to the batch's */
    bool keep = regex == NULL && call->state_arena != NULL;
    struct arena *arena = keep ? call->state_arena : call->arena;
    regex = arena_new(arena, struct regex);
    TRY(compile(call, arena, pattern, options, regex));
    regex->options = options;
    if (keep) {
        call->state = regex;
    }
    *out = regex;
    return STATUS_OK;
}

static enum status
run_match(struct func_call *call, const struct regex *regex, struct slice text, size_t from,
          bool *found)
{
    uint8_t empty = 0;
    int rc = pcre2_match(regex->code, text.data != NULL ? text.data : &empty, text.size, from,
                         PCRE2_NO_UTF_CHECK, regex->match, regex->limits);
    *found = rc >= 0;
    if (rc < 0 && rc != PCRE2_ERROR_NOMATCH) {
        return diag_fail(call->diag, STATUS_LIMIT, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                         "regular expression failed: regular expression is too complex");
    }
    return STATUS_OK;
}

static enum status
run_regex(FUNC_PARAMETERS, uint32_t options, bool wanted)
{
    uint8_t *r = result->data;
    struct regex *regex = NULL;
    EACH_ROW(i)
    {
        bool found = false;
        if (regex == NULL || !args[1].is_constant) {
            TRY(get_regex(call, VECTOR_AT(&args[1], struct slice, i), options, &regex));
        }
        TRY(run_match(call, regex, VECTOR_AT(&args[0], struct slice, i), 0, &found));
        r[i] = found == wanted;
    }
    return STATUS_OK;
}
enum status
text_regex(FUNC_PARAMETERS)
{
    return run_regex(call, args, count, result, BASE_OPTIONS, true);
}
enum status
text_not_regex(FUNC_PARAMETERS)
{
    return run_regex(call, args, count, result, BASE_OPTIONS, false);
}
enum status
text_iregex(FUNC_PARAMETERS)
{
    return run_regex(call, args, count, result, BASE_OPTIONS | PCRE2_CASELESS, true);
}
enum status
text_not_iregex(FUNC_PARAMETERS)
{
    return run_regex(call, args, count, result, BASE_OPTIONS | PCRE2_CASELESS, false);
}

/* ---- regexp_replace, substring(text from pattern) ---- */

static enum status
parse_flags(struct func_call *call, struct slice flags, uint32_t *options, bool *global)
{
    *options = BASE_OPTIONS;
    *global = false;
    for (size_t i = 0; i < flags.size; i++) {
        switch (flags.data[i]) {
        case 'g':
            *global = true;
            break;
        case 'i':
            *options |= PCRE2_CASELESS;
            break;
        case 'c':
            *options &= ~(uint32_t)PCRE2_CASELESS;
            break;
        case 's':
            *options = (*options | PCRE2_DOTALL) & ~(uint32_t)PCRE2_MULTILINE;
            break;
        case 'n':
        case 'm':
            *options = (*options | PCRE2_MULTILINE) & ~(uint32_t)PCRE2_DOTALL;
            break;
        case 'q':
            *options |= PCRE2_LITERAL;
            break;
        case 'x':
            *options |= PCRE2_EXTENDED;
            break;
        default:
            return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                             "invalid regular expression option: \"%.*s\"",
                             (int)utf8_size(flags.data[i]), (const char *)flags.data + i);
        }
    }
    return STATUS_OK;
}

/* \1..\9 and \& of the replacement are parts of the match; \\ is a backslash. */
static void
append_replacement(const struct regex *regex, struct slice text, struct slice replacement,
                   struct buf *out)
{
    const PCRE2_SIZE *spans = pcre2_get_ovector_pointer(regex->match);
    uint32_t span_count = pcre2_get_ovector_count(regex->match);
    for (size_t i = 0; i < replacement.size; i++) {
        uint8_t c = replacement.data[i];
        if (c != '\\' || i + 1 == replacement.size) {
            buf_append(out, &c, 1);
            continue;
        }
        uint8_t next = replacement.data[++i];
        uint32_t group = next == '&' ? 0 : (uint32_t)(next - '0');
        if (next == '&' || (next >= '1' && next <= '9')) {
            if (group < span_count && spans[2 * group] != PCRE2_UNSET) {
                buf_append(out, text.data + spans[2 * group],
                           spans[2 * group + 1] - spans[2 * group]);
            }
        } else if (next == '\\') {
            buf_append(out, "\\", 1);
        } else {
            buf_append(out, "\\", 1);
            buf_append(out, &next, 1);
        }
    }
}

static enum status
replace(struct func_call *call, struct slice text, struct slice pattern,
        struct slice replacement, struct slice flags, struct value *out)
{
    uint32_t options = 0;
    bool global = false, found = false;
    struct regex *regex = NULL;
    TRY(parse_flags(call, flags, &options, &global));
    TRY(get_regex(call, pattern, options, &regex));
    struct buf built = BUF_EMPTY;
    size_t at = 0;
    enum status status = STATUS_OK;
    while (at <= text.size) {
        status = run_match(call, regex, text, at, &found);
        if (status != STATUS_OK || !found) {
            break;
        }
        const PCRE2_SIZE *spans = pcre2_get_ovector_pointer(regex->match);
        size_t begin = spans[0], end = spans[1];
        buf_append(&built, text.data + at, begin - at);
        append_replacement(regex, text, replacement, &built);
        at = end;
        if (end == begin && at < text.size) { /* empty: step over one character */
            size_t size = utf8_size(text.data[at]);
            buf_append(&built, text.data + at, size);
            at += size;
        } else if (end == begin) {
            break;
        }
        if (!global) {
            break;
        }
    }
    if (at < text.size) {
        buf_append(&built, text.data + at, text.size - at);
    }
    out->bytes = arena_copy(call->arena, buf_slice(&built));
    buf_deinit(&built);
    return status;
}
DEFINE_ROWS(regexp_replace, 3)
{
    return replace(call, v[0].bytes, v[1].bytes, v[2].bytes, slice_make(NULL, 0), out);
}
DEFINE_ROWS(regexp_replace_flags, 4)
{
    return replace(call, v[0].bytes, v[1].bytes, v[2].bytes, v[3].bytes, out);
}
/* The first parenthesised part if there is one, else the whole match. */
DEFINE_ROWS(regexp_substring, 2)
{
    struct regex *regex = NULL;
    bool found = false;
    TRY(get_regex(call, v[1].bytes, BASE_OPTIONS, &regex));
    TRY(run_match(call, regex, v[0].bytes, 0, &found));
    out->is_null = !found;
    if (found) {
        const PCRE2_SIZE *spans = pcre2_get_ovector_pointer(regex->match);
        uint32_t group = pcre2_get_ovector_count(regex->match) > 1 ? 1 : 0;
        out->is_null = spans[2 * group] == PCRE2_UNSET;
        if (!out->is_null) {
            out->bytes = slice_make(v[0].bytes.data + spans[2 * group],
                                    spans[2 * group + 1] - spans[2 * group]);
        }
    }
    return STATUS_OK;
}
