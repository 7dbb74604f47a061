/* split.c: see split.h. SPDX-License-Identifier: Apache-2.0 */
#include "cli/split.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Past a quoted text that starts at `at`; '' inside is one quote, \' counts in E'..'. */
static const char *
skip_quoted(const char *at, bool escapes)
{
    char quote = *at++;
    while (*at != '\0') {
        if (escapes && *at == '\\' && at[1] != '\0') {
            at += 2;
        } else if (*at == quote && at[1] == quote) {
            at += 2;
        } else if (*at++ == quote) {
            break;
        }
    }
    return at;
}

static const char *
skip_block_comment(const char *at)
{
    unsigned depth = 0;
    do {
        if (strncmp(at, "/*", 2) == 0) {
            depth++;
            at += 2;
        } else if (strncmp(at, "*/", 2) == 0) {
            depth--;
            at += 2;
        } else {
            at++;
        }
    } while (depth > 0 && *at != '\0');
    return at;
}

/* Past $tag$ .. $tag$ at `at`; `at` + 1 when it is no dollar quote. */
static const char *
skip_dollar_quote(const char *at)
{
    const char *end = at + 1;
    while (isalnum((unsigned char)*end) || *end == '_') {
        end++;
    }
    if (*end != '$' || isdigit((unsigned char)at[1])) {
        return at + 1;
    }
    size_t size = (size_t)(end - at) + 1;
    for (const char *close = end + 1; *close != '\0'; close++) {
        if (strncmp(close, at, size) == 0) {
            return close + size;
        }
    }
    return at + strlen(at);
}

static bool
is_word(char ch)
{
    return isalnum((unsigned char)ch) || ch == '_' || ch == '$' || (unsigned char)ch >= 0x80;
}

/* Past one token, string, comment or other character. */
static const char *
skip_one(const char *at, const char *start)
{
    bool after_word = at > start && is_word(at[-1]);
    if (*at == '\'' || *at == '"') {
        bool escapes = *at == '\'' && at > start && (at[-1] == 'E' || at[-1] == 'e') &&
                       !(at > start + 1 && is_word(at[-2]));
        return skip_quoted(at, escapes);
    }
    if (strncmp(at, "--", 2) == 0) {
        return at + strcspn(at, "\n");
    }
    if (strncmp(at, "/*", 2) == 0) {
        return skip_block_comment(at);
    }
    return *at == '$' && !after_word ? skip_dollar_quote(at) : at + 1;
}

static bool
is_blank(const char *text)
{
    while (*text != '\0') {
        if (isspace((unsigned char)*text)) {
            text++;
        } else if (strncmp(text, "--", 2) == 0) {
            text += strcspn(text, "\n");
        } else if (strncmp(text, "/*", 2) == 0) {
            text = skip_block_comment(text);
        } else {
            return false;
        }
    }
    return true;
}

char *
next_statement(struct statement_reader *reader)
{
    while (*reader->next != '\0') {
        const char *start = reader->next, *at = start;
        int depth = 0;
        while (*at != '\0' && !(*at == ';' && depth <= 0)) {
            depth += (*at == '(') - (*at == ')');
            at = skip_one(at, start);
        }
        reader->next = *at == ';' ? at + 1 : at;
        char *statement = strndup(start, (size_t)(at - start));
        if (statement == NULL || !is_blank(statement)) {
            return statement;
        }
        free(statement);
    }
    return NULL;
}
