/* format_func.c: concat(), format(), quoting, and other functions over values of any type.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"
#include "sql/func/value_text.h"

enum status
func__append_value(struct func_call *call, const struct vector *arg, unsigned row,
                   struct buf *out)
{
    struct value value;
    vector_get(arg, row, &value);
    return value.is_null ? STATUS_OK : value_show(call->cx, arg->type, &value, out);
}

/* any || text: a boolean shows as true and false there, for it is a cast. */
enum status
any_concat(FUNC_PARAMETERS)
{
    struct buf text = BUF_EMPTY;
    struct slice *r = result->data;
    enum status status = STATUS_OK;
    EACH_ROW(i)
    {
        buf_clear(&text);
        for (unsigned a = 0; a < 2 && status == STATUS_OK; a++) {
            if (args[a].type == TYPE_BOOL) {
                buf_append_text(&text, VECTOR_AT(&args[a], uint8_t, i) != 0 ? "true" : "false");
            } else {
                status = func__append_value(call, &args[a], i, &text);
            }
        }
        r[i] = arena_copy(call->arena, buf_slice(&text));
    }
    buf_deinit(&text);
    return status;
}

/* NULLs are left out; `separator` NULL: concat(). */
static enum status
concat(FUNC_PARAMETERS, unsigned first, unsigned arg_count)
{
    struct buf text = BUF_EMPTY;
    struct slice *r = result->data;
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < count && status == STATUS_OK; i++) {
        if (first == 1 && vector_is_null(&args[0], i)) {
            func__set_null(call, result, i, count);
            continue;
        }
        buf_clear(&text);
        bool any = false;
        for (unsigned a = first; a < arg_count && status == STATUS_OK; a++) {
            if (vector_is_null(&args[a], i)) {
                continue;
            }
            if (any && first == 1) {
                struct slice separator = VECTOR_AT(&args[0], struct slice, i);
                buf_append(&text, separator.data, separator.size);
            }
            any = true;
            status = func__append_value(call, &args[a], i, &text);
        }
        r[i] = arena_copy(call->arena, buf_slice(&text));
    }
    buf_deinit(&text);
    return status;
}

#define CONCAT(n)                                                                              \
    enum status concat_##n(FUNC_PARAMETERS)                                                    \
    {                                                                                          \
        return concat(call, args, count, result, 0, n);                                        \
    }
#define CONCAT_WS(n)                                                                           \
    enum status concat_ws_##n(FUNC_PARAMETERS)                                                 \
    {                                                                                          \
        return concat(call, args, count, result, 1, n);                                        \
    }
CONCAT(1)
CONCAT(2)
CONCAT(3)
CONCAT(4)
CONCAT(5)
CONCAT(6)
CONCAT(7)
CONCAT(8)
CONCAT_WS(2)
CONCAT_WS(3)
CONCAT_WS(4)
CONCAT_WS(5)
CONCAT_WS(6)
CONCAT_WS(7)
CONCAT_WS(8)

/* ---- quoting ---- */

/* Keywords that PostgreSQL quotes: all but the unreserved ones. Sorted. */
static const char *const keywords[] = {"all",
                                       "analyse",
                                       "analyze",
                                       "and",
                                       "any",
                                       "array",
                                       "as",
                                       "asc",
                                       "asymmetric",
                                       "authorization",
                                       "between",
                                       "bigint",
                                       "binary",
                                       "bit",
                                       "boolean",
                                       "both",
                                       "case",
                                       "cast",
                                       "char",
                                       "character",
                                       "check",
                                       "coalesce",
                                       "collate",
                                       "collation",
                                       "column",
                                       "concurrently",
                                       "constraint",
                                       "create",
                                       "cross",
                                       "current_catalog",
                                       "current_date",
                                       "current_role",
                                       "current_schema",
                                       "current_time",
                                       "current_timestamp",
                                       "current_user",
                                       "dec",
                                       "decimal",
                                       "default",
                                       "deferrable",
                                       "desc",
                                       "distinct",
                                       "do",
                                       "else",
                                       "end",
                                       "except",
                                       "exists",
                                       "extract",
                                       "false",
                                       "fetch",
                                       "float",
                                       "for",
                                       "foreign",
                                       "freeze",
                                       "from",
                                       "full",
                                       "grant",
                                       "greatest",
                                       "group",
                                       "grouping",
                                       "having",
                                       "ilike",
                                       "in",
                                       "initially",
                                       "inner",
                                       "inout",
                                       "int",
                                       "integer",
                                       "intersect",
                                       "interval",
                                       "into",
                                       "is",
                                       "isnull",
                                       "join",
                                       "lateral",
                                       "leading",
                                       "least",
                                       "left",
                                       "like",
                                       "limit",
                                       "localtime",
                                       "localtimestamp",
                                       "national",
                                       "natural",
                                       "nchar",
                                       "none",
                                       "normalize",
                                       "not",
                                       "notnull",
                                       "null",
                                       "nullif",
                                       "numeric",
                                       "offset",
                                       "on",
                                       "only",
                                       "or",
                                       "order",
                                       "out",
                                       "outer",
                                       "overlaps",
                                       "overlay",
                                       "placing",
                                       "position",
                                       "precision",
                                       "primary",
                                       "real",
                                       "references",
                                       "returning",
                                       "right",
                                       "row",
                                       "select",
                                       "session_user",
                                       "setof",
                                       "similar",
                                       "smallint",
                                       "some",
                                       "substring",
                                       "symmetric",
                                       "table",
                                       "tablesample",
                                       "then",
                                       "time",
                                       "timestamp",
                                       "to",
                                       "trailing",
                                       "treat",
                                       "trim",
                                       "true",
                                       "union",
                                       "unique",
                                       "user",
                                       "using",
                                       "values",
                                       "varchar",
                                       "variadic",
                                       "verbose",
                                       "when",
                                       "where",
                                       "window",
                                       "with",
                                       "xmlattributes",
                                       "xmlconcat",
                                       "xmlelement",
                                       "xmlexists",
                                       "xmlforest",
                                       "xmlnamespaces",
                                       "xmlparse",
                                       "xmlpi",
                                       "xmlroot",
                                       "xmlserialize",
                                       "xmltable"};

static bool
is_keyword(struct slice name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(keywords); i++) {
        if (slice_equal(name, slice_from_text(keywords[i]))) {
            return true;
        }
    }
    return false;
}

static bool
is_plain_identifier(struct slice name)
{
    if (name.size == 0 || (name.data[0] >= '0' && name.data[0] <= '9')) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
    }
    return !is_keyword(name);
}

static void
append_doubled(struct slice text, uint8_t quote, bool backslash, struct buf *out)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == quote || (backslash && text.data[i] == '\\')) {
            buf_append(out, text.data + i, 1);
        }
        buf_append(out, text.data + i, 1);
    }
}

void
func__quote_identifier(struct slice name, struct buf *out)
{
    if (is_plain_identifier(name)) {
        buf_append(out, name.data, name.size);
        return;
    }
    buf_append(out, "\"", 1);
    append_doubled(name, '"', false, out);
    buf_append(out, "\"", 1);
}

void
func__quote_literal(struct slice text, struct buf *out)
{
    bool escapes = text.size > 0 && memchr(text.data, '\\', text.size) != NULL;
    buf_append_text(out, escapes ? "E'" : "'");
    append_doubled(text, '\'', true, out);
    buf_append(out, "'", 1);
}

typedef void (*quote_fn)(struct slice text, struct buf *out);
static struct slice
quoted(struct func_call *call, struct slice text, quote_fn quote)
{
    struct buf out = BUF_EMPTY;
    quote(text, &out);
    struct slice copy = arena_copy(call->arena, buf_slice(&out));
    buf_deinit(&out);
    return copy;
}
DEFINE_ROWS(quote_ident, 1)
{
    out->bytes = quoted(call, v[0].bytes, func__quote_identifier);
    return STATUS_OK;
}
DEFINE_ROWS(quote_literal, 1)
{
    out->bytes = quoted(call, v[0].bytes, func__quote_literal);
    return STATUS_OK;
}
DEFINE_ROWS(quote_nullable, 1)
{
    out->bytes =
        v[0].is_null ? func__text(call, "NULL") : quoted(call, v[0].bytes, func__quote_literal);
    return STATUS_OK;
}

/* ---- format(): %s %I %L %%, with n$, - and a width ---- */

struct format_spec {
    unsigned arg; /* 0: the next one */
    bool left, arg_is_zero;
    int width;
    uint8_t kind;
};

static size_t
read_spec(struct slice text, size_t at, struct format_spec *spec)
{
    *spec = (struct format_spec){0};
    int number = 0;
    size_t digits = at;
    while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9') {
        number = MIN(number * 10 + (text.data[digits] - '0'), 1000000);
        digits++;
    }
    if (digits > at && digits < text.size && text.data[digits] == '$') {
        spec->arg = (unsigned)number;
        spec->arg_is_zero = number == 0;
        at = digits + 1;
    }
    while (at < text.size && text.data[at] == '-') {
        spec->left = true;
        at++;
    }
    while (at < text.size && text.data[at] >= '0' && text.data[at] <= '9') {
        spec->width = MIN(spec->width * 10 + (text.data[at] - '0'), 1000000);
        at++;
    }
    spec->kind = at < text.size ? text.data[at] : 0;
    return at + 1;
}

static enum status
format_one(struct func_call *call, const struct format_spec *spec, const struct vector *arg,
           unsigned row, struct buf *out)
{
    struct buf raw = BUF_EMPTY, shown = BUF_EMPTY;
    bool is_null = vector_is_null(arg, row);
    enum status status = func__append_value(call, arg, row, &raw);
    if (status != STATUS_OK) {
        /* said by what read the name */
    } else if (spec->kind == 's') {
        buf_append(&shown, raw.data, raw.size);
    } else if (spec->kind == 'I' && is_null) {
        status = diag_fail(call->diag, STATUS_INVALID, SQLSTATE_NULL_VALUE_NOT_ALLOWED,
                           "null values cannot be formatted as an SQL identifier");
    } else if (spec->kind == 'I') {
        func__quote_identifier(buf_slice(&raw), &shown);
    } else if (is_null) {
        buf_append_text(&shown, "NULL");
    } else {
        func__quote_literal(buf_slice(&raw), &shown);
    }
    size_t length = utf8_length(buf_slice(&shown));
    size_t padding = (size_t)spec->width > length ? (size_t)spec->width - length : 0;
    if (spec->left) {
        buf_append(out, shown.data, shown.size);
    }
    if (padding > 0) {
        memset(buf_extend(out, padding), ' ', padding);
    }
    if (!spec->left) {
        buf_append(out, shown.data, shown.size);
    }
    buf_deinit(&shown);
    buf_deinit(&raw);
    return status;
}

static enum status
format_row(struct func_call *call, struct slice text, const struct vector *args,
           unsigned arg_count, unsigned row, struct buf *out)
{
    unsigned next = 1;
    for (size_t at = 0; at < text.size;) {
        if (text.data[at] != '%') {
            buf_append(out, text.data + at++, 1);
            continue;
        }
        struct format_spec spec;
        at = read_spec(text, at + 1, &spec);
        if (spec.arg_is_zero) {
            return func__invalid(call,
                                 "format specifies argument 0, but arguments are numbered "
                                 "from 1");
        }
        if (spec.kind == '%') {
            buf_append(out, "%", 1);
            continue;
        }
        if (spec.kind == '*') {
            return func__unsupported(call, "format() with a width that is an argument (*)");
        }
        if (spec.kind == 0) {
            (void)diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                            "unterminated format() type specifier");
            diag_hint(call->diag, "For a single \"%%\" use \"%%%%\".");
            return STATUS_INVALID;
        }
        if (spec.kind != 's' && spec.kind != 'I' && spec.kind != 'L') {
            (void)diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                            "unrecognized format() type specifier \"%c\"", spec.kind);
            diag_hint(call->diag, "For a single \"%%\" use \"%%%%\".");
            return STATUS_INVALID;
        }
        unsigned arg = spec.arg != 0 ? spec.arg : next;
        next = arg + 1;
        if (arg >= arg_count) {
            return func__invalid(call, "too few arguments for format()");
        }
        TRY(format_one(call, &spec, &args[arg], row, out));
        TRY(func__check_room(call, call->arena, out->size));
    }
    return STATUS_OK;
}

static enum status
run_format(FUNC_PARAMETERS, unsigned arg_count)
{
    struct buf text = BUF_EMPTY;
    struct slice *r = result->data;
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < count && status == STATUS_OK; i++) {
        if (vector_is_null(&args[0], i)) {
            func__set_null(call, result, i, count);
            continue;
        }
        buf_clear(&text);
        status =
            format_row(call, VECTOR_AT(&args[0], struct slice, i), args, arg_count, i, &text);
        r[i] = arena_copy(call->arena, buf_slice(&text));
    }
    buf_deinit(&text);
    return status;
}
#define FORMAT(n)                                                                              \
    enum status format_##n(FUNC_PARAMETERS)                                                    \
    {                                                                                          \
        return run_format(call, args, count, result, n);                                       \
    }
FORMAT(1)
FORMAT(2)
FORMAT(3)
FORMAT(4)
FORMAT(5)
FORMAT(6)
FORMAT(7)
FORMAT(8)

/* ---- types ---- */

enum status
type_of_any(FUNC_PARAMETERS)
{
    UNUSED(call);
    for (unsigned i = 0; i < count; i++) {
        ((uint32_t *)result->data)[i] = (uint32_t)args[0].type;
    }
    return STATUS_OK;
}
