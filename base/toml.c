/* toml.c: see toml.h. A recursive-descent reader over one cursor; no value nests.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/toml.h"
#include "base/errors.h"

#include <ctype.h>

#define NAME_MAX_BYTES 128
#define SECTIONS_MAX 64

struct cursor {
    const char *at, *end;
    int line;
    struct arena *arena;
    struct toml_document *document;
    const char *section;
    const char *sections[SECTIONS_MAX];
    unsigned section_count;
    struct diag *diag;
};

static enum status
refuse(struct cursor *c, const char *what)
{
    return diag_fail(c->diag, STATUS_INVALID, SQLSTATE_CONFIG_FILE_ERROR, "line %d: %s",
                     c->line, what);
}

static char
peek(const struct cursor *c)
{
    return c->at < c->end ? *c->at : '\0';
}

static void
skip_blanks(struct cursor *c)
{
    while (peek(c) == ' ' || peek(c) == '\t') {
        c->at++;
    }
}

static void
skip_comment(struct cursor *c)
{
    if (peek(c) == '#') {
        while (c->at < c->end && *c->at != '\n') {
            c->at++;
        }
    }
}

/* Blanks, comments and line ends: between values of an array, and between lines. */
static void
skip_space(struct cursor *c)
{
    for (;;) {
        skip_blanks(c);
        skip_comment(c);
        if (peek(c) == '\r') {
            c->at++;
        } else if (peek(c) == '\n') {
            c->at++;
            c->line++;
        } else {
            return;
        }
    }
}

static bool
is_bare(char ch)
{
    return isalnum((unsigned char)ch) || ch == '_' || ch == '-';
}

static enum status
read_name(struct cursor *c, bool dotted, const char **name_out)
{
    const char *start = c->at;
    while (is_bare(peek(c)) || (dotted && peek(c) == '.')) {
        c->at++;
    }
    size_t size = (size_t)(c->at - start);
    if (size == 0 || size > NAME_MAX_BYTES || start[0] == '.' || c->at[-1] == '.') {
        return refuse(c, "a name of letters, digits, _ and - is expected");
    }
    *name_out = arena_strndup(c->arena, start, size);
    return STATUS_OK;
}

static bool
unescape(char ch, uint8_t *byte_out)
{
    static const char from[] = "\"\\ntrbf", to[] = "\"\\\n\t\r\b\f";
    const char *found = ch == '\0' ? NULL : strchr(from, ch);
    if (found != NULL) {
        *byte_out = (uint8_t)to[found - from];
    }
    return found != NULL;
}

static enum status
read_string(struct cursor *c, const char **text_out)
{
    struct buf text = BUF_EMPTY;
    enum status status = STATUS_OK;
    c->at++; /* the opening quote */
    while (peek(c) != '"') {
        uint8_t byte = (uint8_t)peek(c);
        if (c->at >= c->end || byte < 0x20) {
            status = refuse(c, "a string is not closed on its line");
            break;
        }
        if (byte == '\\') {
            c->at++;
            if (!unescape(peek(c), &byte)) {
                status = refuse(c, "unknown escape in a string");
                break;
            }
        }
        buf_append(&text, &byte, 1);
        c->at++;
    }
    if (status == STATUS_OK) {
        c->at++;
        *text_out = arena_strndup(c->arena, text.data, text.size);
    }
    buf_deinit(&text);
    return status;
}

static enum status
read_integer(struct cursor *c, int64_t *integer_out)
{
    bool negative = peek(c) == '-';
    if (negative || peek(c) == '+') {
        c->at++;
    }
    if (!isdigit((unsigned char)peek(c))) {
        return refuse(c, "a string, integer, boolean or array of strings is expected");
    }
    int64_t value = 0;
    while (isdigit((unsigned char)peek(c)) || peek(c) == '_') {
        if (*c->at != '_') {
            if (__builtin_mul_overflow(value, 10, &value) ||
                __builtin_add_overflow(value, *c->at - '0', &value)) {
                return refuse(c, "integer out of range");
            }
        }
        c->at++;
    }
    *integer_out = negative ? -value : value;
    return STATUS_OK;
}

static enum status
read_strings(struct cursor *c, struct toml_value *value)
{
    unsigned capacity = 0;
    c->at++; /* [ */
    for (skip_space(c); peek(c) != ']'; skip_space(c)) {
        if (peek(c) != '"') {
            return refuse(c, "an array may hold strings only");
        }
        if (value->string_count == capacity) {
            capacity = MAX(capacity * 2, 8u);
            const char **grown = arena_array(c->arena, const char *, capacity);
            if (value->string_count > 0) {
                memcpy(grown, value->strings, value->string_count * sizeof(*grown));
            }
            value->strings = grown;
        }
        TRY(read_string(c, &value->strings[value->string_count++]));
        skip_space(c);
        if (peek(c) == ',') {
            c->at++;
        } else if (peek(c) != ']') {
            return refuse(c, "',' or ']' is expected");
        }
    }
    c->at++;
    return STATUS_OK;
}

static bool
take_word(struct cursor *c, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(c->end - c->at) < size || memcmp(c->at, word, size) != 0) {
        return false;
    }
    c->at += size;
    return true;
}

static enum status
read_value(struct cursor *c, struct toml_value *value)
{
    if (peek(c) == '"') {
        value->kind = TOML_STRING;
        return read_string(c, &value->string);
    }
    if (peek(c) == '[') {
        value->kind = TOML_STRINGS;
        return read_strings(c, value);
    }
    bool yes = take_word(c, "true");
    if (yes || take_word(c, "false")) {
        value->kind = TOML_BOOLEAN;
        value->integer = yes;
        return STATUS_OK;
    }
    value->kind = TOML_INTEGER;
    return read_integer(c, &value->integer);
}

static struct toml_value *
add_value(struct cursor *c)
{
    struct toml_document *document = c->document;
    if (document->count == document->capacity) {
        document->capacity = MAX(document->capacity * 2, 32u);
        struct toml_value *grown = arena_array(c->arena, struct toml_value, document->capacity);
        if (document->count > 0) {
            memcpy(grown, document->values, document->count * sizeof(*grown));
        }
        document->values = grown;
    }
    return &document->values[document->count++];
}

static enum status
read_pair(struct cursor *c)
{
    struct toml_value value = {.section = c->section, .line = c->line};
    TRY(read_name(c, false, &value.key));
    for (unsigned i = 0; i < c->document->count; i++) {
        const struct toml_value *other = &c->document->values[i];
        if (strcmp(other->section, value.section) == 0 && strcmp(other->key, value.key) == 0) {
            return diag_fail(c->diag, STATUS_INVALID, SQLSTATE_CONFIG_FILE_ERROR,
                             "line %d: key \"%s\" is set twice, first on line %d", c->line,
                             value.key, other->line);
        }
    }
    skip_blanks(c);
    if (peek(c) != '=') {
        return refuse(c, "'=' is expected after the key");
    }
    c->at++;
    skip_blanks(c);
    TRY(read_value(c, &value));
    *add_value(c) = value;
    return STATUS_OK;
}

static enum status
read_section(struct cursor *c)
{
    c->at++; /* [ */
    skip_blanks(c);
    TRY(read_name(c, true, &c->section));
    skip_blanks(c);
    if (peek(c) != ']') {
        return refuse(c, "']' is expected after the table's name");
    }
    c->at++;
    for (unsigned i = 0; i < c->section_count; i++) {
        if (strcmp(c->sections[i], c->section) == 0) {
            return diag_fail(c->diag, STATUS_INVALID, SQLSTATE_CONFIG_FILE_ERROR,
                             "line %d: table [%s] is opened twice: merge the two", c->line,
                             c->section);
        }
    }
    if (c->section_count == SECTIONS_MAX) {
        return refuse(c, "too many tables");
    }
    c->sections[c->section_count++] = c->section;
    return STATUS_OK;
}

enum status
toml_parse(struct slice text, struct arena *arena, struct toml_document *document_out,
           struct diag *diag)
{
    memset(document_out, 0, sizeof(*document_out));
    struct cursor c = {.at = (const char *)text.data,
                       .end = (const char *)text.data + text.size,
                       .line = 1,
                       .arena = arena,
                       .document = document_out,
                       .section = "",
                       .diag = diag};
    for (skip_space(&c); c.at < c.end; skip_space(&c)) {
        TRY(peek(&c) == '[' ? read_section(&c) : read_pair(&c));
        skip_blanks(&c);
        skip_comment(&c);
        if (c.at < c.end && peek(&c) != '\n' && peek(&c) != '\r') {
            return refuse(&c, "the line should end here");
        }
    }
    return STATUS_OK;
}
