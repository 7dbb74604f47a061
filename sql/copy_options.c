/* copy_options.c: options of COPY, checked in PostgreSQL's order.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/copy.h"
#include "sql/options.h"

#include <strings.h>

static enum status
invalid(struct sql_context *cx, const char *message)
{
    return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE, "%s", message);
}

/* PostgreSQL's word for what the text format never has. */
static enum status
unfit(struct sql_context *cx, const char *message)
{
    return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED, "%s",
                     message);
}

static enum status
fail_at(struct sql_context *cx, const struct ast_option *option, const char *sqlstate,
        const char *message)
{
    diag_fail(cx->diag, STATUS_INVALID, sqlstate, "%s", message);
    diag_position(cx->diag, option->position);
    return STATUS_INVALID;
}

static enum status
check_format(struct sql_context *cx, const struct ast_option *option)
{
    const char *value = option->value == NULL ? "" : option->value;
    if (strcmp(value, "text") == 0) {
        return STATUS_OK;
    }
    if (strcmp(value, "csv") == 0 || strcmp(value, "binary") == 0) {
        return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "COPY format \"%s\" is not supported", value);
    }
    return fail_at(cx, option, SQLSTATE_INVALID_PARAMETER_VALUE,
                   arena_printf(cx->arena, "COPY format \"%s\" not recognized", value));
}

static enum status
check_encoding(struct sql_context *cx, const struct ast_option *option)
{
    static const char *const others[] = {"latin", "iso",  "win",   "sql_ascii",
                                         "euc",   "koi8", "sjis",  "big5",
                                         "gbk",   "uhc",  "johab", "gb18030"};
    const char *value = option->value == NULL ? "" : option->value;
    if (strcasecmp(value, "utf8") == 0 || strcasecmp(value, "utf-8") == 0 ||
        strcasecmp(value, "unicode") == 0) {
        return STATUS_OK;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
        if (strncasecmp(value, others[i], strlen(others[i])) == 0) {
            return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                             "COPY encoding \"%s\" is not supported", value);
        }
    }
    return fail_at(cx, option, SQLSTATE_INVALID_PARAMETER_VALUE,
                   "argument to option \"encoding\" must be a valid encoding name");
}

static enum status
read_header(struct sql_context *cx, const struct ast_option *option, bool from,
            struct copy_options *options)
{
    if (option->value != NULL && strcasecmp(option->value, "match") == 0) {
        options->header = options->header_match = true;
        return from ? STATUS_OK : unfit(cx, "cannot use \"match\" with HEADER in COPY TO");
    }
    struct diag ignored;
    diag_clear(&ignored);
    struct sql_context quiet = *cx;
    quiet.diag = &ignored;
    if (option_bool(&quiet, option, &options->header) == STATUS_OK) {
        return STATUS_OK;
    }
    return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                     "header requires a Boolean value or \"match\"");
}

/* Options of CSV are known, so that they can be refused with PostgreSQL's words. */
struct found {
    const char *delimiter, *null_text;
    bool quote, escape, force_quote, force_not_null, force_null;
};

static enum status
read_option(struct sql_context *cx, const struct ast_option *option, bool from,
            struct copy_options *options, struct found *found)
{
    const char *name = option->name, *value = option->value == NULL ? "" : option->value;
    if (strcmp(name, "format") == 0) {
        return check_format(cx, option);
    }
    if (strcmp(name, "header") == 0) {
        return read_header(cx, option, from, options);
    }
    if (strcmp(name, "freeze") == 0) {
        return option_bool(cx, option, &options->freeze);
    }
    if (strcmp(name, "encoding") == 0) {
        return check_encoding(cx, option);
    }
    if (strcmp(name, "delimiter") == 0) {
        found->delimiter = value;
        return STATUS_OK;
    }
    if (strcmp(name, "null") == 0) {
        found->null_text = value;
        return STATUS_OK;
    }
    bool *of_csv = strcmp(name, "quote") == 0            ? &found->quote
                   : strcmp(name, "escape") == 0         ? &found->escape
                   : strcmp(name, "force_quote") == 0    ? &found->force_quote
                   : strcmp(name, "force_not_null") == 0 ? &found->force_not_null
                   : strcmp(name, "force_null") == 0     ? &found->force_null
                                                         : NULL;
    if (of_csv != NULL) {
        *of_csv = true;
        return STATUS_OK;
    }
    return fail_at(cx, option, SQLSTATE_SYNTAX_ERROR,
                   arena_printf(cx->arena, "option \"%s\" not recognized", name));
}

static enum status
take_texts(struct sql_context *cx, const struct found *found, struct copy_options *options)
{
    const char *delimiter = found->delimiter == NULL ? "\t" : found->delimiter;
    const char *null_text = found->null_text == NULL ? "\\N" : found->null_text;
    if (strlen(delimiter) != 1) {
        return unfit(cx, "COPY delimiter must be a single one-byte character");
    }
    if (strpbrk(delimiter, "\r\n") != NULL) {
        return invalid(cx, "COPY delimiter cannot be newline or carriage return");
    }
    if (strpbrk(null_text, "\r\n") != NULL) {
        return invalid(cx, "COPY null representation cannot use newline or carriage return");
    }
    if (strpbrk(delimiter, "\\.abcdefghijklmnopqrstuvwxyz0123456789") != NULL) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                         "COPY delimiter cannot be \"%s\"", delimiter);
    }
    const char *of_csv = found->quote            ? "quote"
                         : found->escape         ? "escape"
                         : found->force_quote    ? "force quote"
                         : found->force_not_null ? "force not null"
                         : found->force_null     ? "force null"
                                                 : NULL;
    if (of_csv != NULL) {
        return unfit(cx, arena_printf(cx->arena, "COPY %s available only in CSV mode", of_csv));
    }
    if (strchr(null_text, delimiter[0]) != NULL) {
        return unfit(cx, "COPY delimiter must not appear in the NULL specification");
    }
    options->delimiter = delimiter[0];
    options->null_text = slice_from_text(null_text);
    return STATUS_OK;
}

static enum status
refuse_sources(struct sql_context *cx, const struct ast_copy *statement)
{
    if (statement->program || statement->file != NULL) {
        return unfit(cx, "COPY with a file or program on the server is not supported");
    }
    return statement->where == NULL ? STATUS_OK
                                    : unfit(cx, "COPY FROM with WHERE is not supported");
}

enum status
copy__read_options(struct sql_context *cx, const struct ast_copy *statement,
                   struct copy_options *options)
{
    *options = (struct copy_options){0};
    TRY(refuse_sources(cx, statement));
    struct found found = {0};
    const struct ast_option_list *list = &statement->options;
    for (unsigned i = 0; i < list->count; i++) {
        for (unsigned k = 0; k < i; k++) {
            if (strcmp(list->items[i].name, list->items[k].name) == 0) {
                return fail_at(cx, &list->items[i], SQLSTATE_SYNTAX_ERROR,
                               "conflicting or redundant options");
            }
        }
        TRY(read_option(cx, &list->items[i], statement->from, options, &found));
    }
    TRY(take_texts(cx, &found, options));
    if (!statement->from && options->freeze) {
        return unfit(cx, "COPY freeze cannot be used with COPY TO");
    }
    return STATUS_OK;
}
