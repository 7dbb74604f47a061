/* regex.c: ~ ~* !~ !~*, regexp_replace and friends, by PCRE2.
 *
 * regex_translate.c brings the pattern into PCRE2's spelling. Whether there is a match, PCRE2
 * tells as PostgreSQL does; where it ends, it does not: it takes the first alternative that
 * matches, PostgreSQL the longest match (or the shortest, by the pattern's first quantifier).
 * So PCRE2's other matcher, which finds all matches at a place, tells the end, and the common
 * one is then held to that end, for the groups. Patterns with back references, which the other
 * matcher does not know, keep PCRE2's choice. A compiled constant pattern is kept in
 * call->state.
 * SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "sql/func/func_internal.h"
#include "sql/func/regex_translate.h"
#include <pcre2.h>
#include <stdlib.h>

#define MATCH_STEPS_MAX 20000000
#define WORKSPACE_MIN 1024
#define WORKSPACE_MAX (1 << 20)

/* In the statement's arena; PCRE2 allocates from there, too, so nothing has to be freed. */
struct regex {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    struct slice pattern;
    struct regex_options options;
    bool by_length, shortest;
    size_t wanted_end; /* SIZE_MAX: any */
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

static enum status
bad_regex(struct func_call *call, const char *message)
{
    return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_REGULAR_EXPRESSION,
                     "invalid regular expression: %s", message);
}

/* What PostgreSQL calls those mistakes that are left to PCRE2. */
static const char *
message_of(int error)
{
    switch (error) {
    case PCRE2_ERROR_CLASS_RANGE_ORDER:
    case PCRE2_ERROR_CLASS_INVALID_RANGE:
        return "invalid character range";
    case PCRE2_ERROR_UNKNOWN_POSIX_CLASS:
        return "invalid character class";
    case PCRE2_ERROR_PATTERN_TOO_LARGE:
        return "regular expression is too complex";
    default:
        return NULL;
    }
}

/* PCRE2 asks this where the whole pattern has matched: not 0 sends it on searching. */
static int
check_end(pcre2_callout_block *block, void *data)
{
    const struct regex *regex = data;
    return regex->wanted_end != SIZE_MAX && block->current_position != regex->wanted_end;
}

static uint32_t
pcre2_options_of(const struct regex_options *options)
{
    uint32_t caseless = options->caseless ? PCRE2_CASELESS : 0;
    return PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY |
           PCRE2_NO_AUTO_POSSESS | caseless | /* check_end() makes it give digits back */
           (options->dot_excludes_newline ? 0 : PCRE2_DOTALL) |
           (options->multiline ? PCRE2_MULTILINE : 0);
}

static enum status
compile_source(struct func_call *call, struct arena *arena, const struct regex_source *source,
               struct regex *out)
{
    if (source->unsupported != NULL) {
        return func__unsupported(call, source->unsupported);
    }
    if (source->fault != NULL) {
        return bad_regex(call, source->fault);
    }
    int error = 0;
    PCRE2_SIZE at = 0;
    const char *text =
        arena_printf(arena, "(?:%.*s)(?C1)", (int)source->text.size,
                     source->text.size > 0 ? (const char *)source->text.data : "");
    pcre2_general_context *memory = pcre2_general_context_create(allocate, release, arena);
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    out->code = pcre2_compile((PCRE2_SPTR)text, strlen(text),
                              pcre2_options_of(&source->options), &error, &at, context);
    if (out->code == NULL && error == PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH) {
        return func__unsupported(call, "a lookbehind of no fixed length");
    }
    if (out->code == NULL) {
        char message[128] = "";
        const char *known = message_of(error);
        (void)pcre2_get_error_message(error, (PCRE2_UCHAR *)message, sizeof message);
        return bad_regex(call, known != NULL ? known : message);
    }
    out->match = pcre2_match_data_create_from_pattern(out->code, memory);
    out->limits = pcre2_match_context_create(memory);
    (void)pcre2_set_match_limit(out->limits, MATCH_STEPS_MAX);
    (void)pcre2_set_callout(out->limits, check_end, out);
    out->by_length = !source->has_backreference;
    out->shortest = source->shortest;
    out->wanted_end = SIZE_MAX;
    return STATUS_OK;
}

static enum status
compile(struct func_call *call, struct arena *arena, struct slice pattern,
        const struct regex_options *options, struct regex *out)
{
    struct regex_source source;
    regex_translate(pattern, *options, &source);
    enum status status = compile_source(call, arena, &source, out);
    regex_source_deinit(&source);
    out->options = *options;
    out->pattern = arena_copy(arena, pattern);
    return status;
}

static bool
same_options(const struct regex_options *a, const struct regex_options *b)
{
    return a->caseless == b->caseless && a->literal == b->literal &&
           a->extended == b->extended && a->multiline == b->multiline &&
           a->dot_excludes_newline == b->dot_excludes_newline;
}

/* The pattern compiled, from the last call if it was the same. */
static enum status
get_regex(struct func_call *call, struct slice pattern, const struct regex_options *options,
          struct regex **out)
{
    struct regex *regex = call->state;
    *out = regex;
    if (regex != NULL && same_options(&regex->options, options) &&
        slice_equal(regex->pattern, pattern)) {
        return STATUS_OK;
    }
    /* a pattern of each row's own would fill the statement's memory: it goes to the batch's */
    bool keep = regex == NULL && call->state_arena != NULL;
    struct arena *arena = keep ? call->state_arena : call->arena;
    regex = arena_new(arena, struct regex);
    TRY(compile(call, arena, pattern, options, regex));
    if (keep) {
        call->state = regex;
    }
    *out = regex;
    return STATUS_OK;
}

static enum status
report_match(struct func_call *call, int rc, bool *found)
{
    *found = rc >= 0;
    if (rc < 0 && rc != PCRE2_ERROR_NOMATCH) {
        return diag_fail(call->diag, STATUS_LIMIT, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                         "regular expression failed: regular expression is too complex");
    }
    return STATUS_OK;
}

static const uint8_t *
subject_of(struct slice text)
{
    static const uint8_t empty[1] = {0};
    return text.data != NULL ? text.data : empty;
}

/* Is there a match? */
static enum status
run_match(struct func_call *call, struct regex *regex, struct slice text, bool *found)
{
    regex->wanted_end = SIZE_MAX;
    return report_match(call,
                        pcre2_match(regex->code, subject_of(text), text.size, 0,
                                    PCRE2_NO_UTF_CHECK, regex->match, regex->limits),
                        found);
}

/* The place of the match that PostgreSQL takes, in the first two of regex->match's offsets. */
static enum status
find_place(struct func_call *call, struct regex *regex, struct slice text, size_t from,
           bool *found)
{
    uint32_t options = PCRE2_NO_UTF_CHECK | (regex->shortest ? PCRE2_DFA_SHORTEST : 0);
    int rc = PCRE2_ERROR_DFA_WSSIZE;
    regex->wanted_end = SIZE_MAX;
    for (size_t size = WORKSPACE_MIN; rc == PCRE2_ERROR_DFA_WSSIZE && size <= WORKSPACE_MAX;
         size *= 4) {
        struct arena_mark mark = arena_mark(call->arena);
        int *workspace = arena_array(call->arena, int, size);
        rc = pcre2_dfa_match(regex->code, subject_of(text), text.size, from, options,
                             regex->match, regex->limits, workspace, size);
        arena_rewind(call->arena, mark);
    }
    return report_match(call, rc, found);
}

/* The match that PostgreSQL takes, with its groups. */
static enum status
run_search(struct func_call *call, struct regex *regex, struct slice text, size_t from,
           bool *found)
{
    uint32_t options = PCRE2_NO_UTF_CHECK;
    regex->wanted_end = SIZE_MAX;
    if (regex->by_length) {
        TRY(find_place(call, regex, text, from, found));
        if (!*found) {
            return STATUS_OK;
        }
        const PCRE2_SIZE *spans = pcre2_get_ovector_pointer(regex->match);
        from = spans[0];
        regex->wanted_end = spans[1];
        options |= PCRE2_ANCHORED;
    }
    return report_match(call,
                        pcre2_match(regex->code, subject_of(text), text.size, from, options,
                                    regex->match, regex->limits),
                        found);
}

static enum status
run_regex(FUNC_PARAMETERS, bool caseless, bool wanted)
{
    uint8_t *r = result->data;
    struct regex *regex = NULL;
    struct regex_options options = {.caseless = caseless};
    EACH_ROW(i)
    {
        bool found = false;
        if (regex == NULL || !args[1].is_constant) {
            TRY(get_regex(call, VECTOR_AT(&args[1], struct slice, i), &options, &regex));
        }
        TRY(run_match(call, regex, VECTOR_AT(&args[0], struct slice, i), &found));
        r[i] = found == wanted;
    }
    return STATUS_OK;
}
enum status
text_regex(FUNC_PARAMETERS)
{
    return run_regex(call, args, count, result, false, true);
}
enum status
text_not_regex(FUNC_PARAMETERS)
{
    return run_regex(call, args, count, result, false, false);
}
enum status
text_iregex(FUNC_PARAMETERS)
{
    return run_regex(call, args, count, result, true, true);
}
enum status
text_not_iregex(FUNC_PARAMETERS)
{
    return run_regex(call, args, count, result, true, false);
}

/* ---- regexp_replace, substring(text from pattern) ---- */

static enum status
parse_flags(struct func_call *call, struct slice flags, struct regex_options *options,
            bool *global)
{
    bool basic = false;
    *options = (struct regex_options){0};
    *global = false;
    for (size_t i = 0; i < flags.size; i++) {
        if (flags.data[i] == 'g') {
            *global = true;
        } else if (!regex_option(options, flags.data[i], &basic)) {
            return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                             "invalid regular expression option: \"%.*s\"",
                             (int)utf8_size(flags.data[i]), (const char *)flags.data + i);
        }
    }
    return basic ? func__unsupported(call, "a basic or extended regular expression (b, e)")
                 : STATUS_OK;
}

/* \1..\9 and \& of the replacement are parts of the match; \\ is a backslash. */
static enum status
append_replacement(struct func_call *call, const struct regex *regex, struct slice text,
                   struct slice replacement, struct buf *out)
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
                TRY(func__check_room(call, call->arena, out->size));
            }
        } else if (next == '\\') {
            buf_append(out, "\\", 1);
        } else {
            buf_append(out, "\\", 1);
            buf_append(out, &next, 1);
        }
    }
    return func__check_room(call, call->arena, out->size);
}

static enum status
replace(struct func_call *call, struct slice text, struct slice pattern,
        struct slice replacement, struct slice flags, struct value *out)
{
    struct regex_options options;
    bool global = false, found = false;
    struct regex *regex = NULL;
    TRY(parse_flags(call, flags, &options, &global));
    TRY(get_regex(call, pattern, &options, &regex));
    struct buf built = BUF_EMPTY;
    size_t at = 0;
    enum status status = STATUS_OK;
    while (at <= text.size) {
        status = run_search(call, regex, text, at, &found);
        if (status != STATUS_OK || !found) {
            break;
        }
        const PCRE2_SIZE *spans = pcre2_get_ovector_pointer(regex->match);
        size_t begin = spans[0], end = spans[1];
        buf_append(&built, text.data + at, begin - at);
        status = append_replacement(call, regex, text, replacement, &built);
        if (status != STATUS_OK) {
            break;
        }
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
    struct regex_options options = {0};
    TRY(get_regex(call, v[1].bytes, &options, &regex));
    TRY(run_search(call, regex, v[0].bytes, 0, &found));
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
/* substring(text SIMILAR pattern ESCAPE escape), and the same as a call. */
enum status
no_similar_substring(FUNC_PARAMETERS)
{
    UNUSED(args);
    UNUSED(count);
    UNUSED(result);
    return func__unsupported(call, "substring() with an SQL regular expression (SIMILAR)");
}
