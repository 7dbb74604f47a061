/* show.c: see show.h; the rules are those of PostgreSQL's ruleutils.c (pretty, as psql asks).
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/bind/show.h"
#include "sql/catalog/catalog_change.h"
#include "sql/func/value_text.h"

struct shower {
    struct sql_context *cx;
    struct buf *out;
    bool shown;
};

static enum status show(struct shower *s, const struct expr *expr, bool implicit_too);

/* A literal in quotes: backslashes are plain in it (standard_conforming_strings). */
static void
append_literal(struct buf *out, struct slice text)
{
    buf_append_text(out, "'");
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\'') {
            buf_u8(out, '\'');
        }
        buf_u8(out, text.data[i]);
    }
    buf_u8(out, '\'');
}

/* Would the scanner read this number as the constant's own type? */
static bool
reads_as_number(enum type_id type, struct slice text)
{
    bool has_digit_first = text.size > 0 && text.data[0] >= '0' && text.data[0] <= '9';
    if (type == TYPE_INT4) {
        return has_digit_first;
    }
    bool looks_real = false;
    for (size_t i = 0; i < text.size; i++) {
        looks_real |= text.data[i] == '.' || text.data[i] == 'e' || text.data[i] == 'E';
    }
    return type == TYPE_NUMERIC && has_digit_first && looks_real;
}

static void
append_type(struct buf *out, enum type_id type, int32_t typmod)
{
    buf_append_text(out, "::");
    type_format(type, typmod, out);
}

static enum status
show_constant(struct shower *s, const struct expr *expr, bool with_type)
{
    if (expr->constant.is_null) {
        buf_append_text(s->out, "NULL");
        if (with_type && expr->type != TYPE_UNKNOWN) {
            append_type(s->out, expr->type, expr->typmod);
        }
        return STATUS_OK;
    }
    if (expr->type == TYPE_BOOL) {
        buf_append_text(s->out, expr->constant.b != 0 ? "true" : "false");
        return STATUS_OK;
    }
    struct buf text = BUF_EMPTY;
    enum status status = value_show(s->cx, expr->type, &expr->constant, &text);
    bool is_plain = reads_as_number(expr->type, buf_slice(&text));
    if (is_plain) {
        buf_append(s->out, text.data, text.size);
    } else {
        append_literal(s->out, buf_slice(&text));
    }
    buf_deinit(&text);
    bool labelled = !is_plain || (expr->type == TYPE_NUMERIC && expr->typmod >= 0);
    if (with_type && labelled && expr->type != TYPE_UNKNOWN) {
        append_type(s->out, expr->type, expr->typmod);
    }
    return status;
}

/* ---- operators ---- */
static unsigned
rank_of(const char *sign)
{
    return sign == NULL                                                                 ? 0
           : strcmp(sign, "+") == 0 || strcmp(sign, "-") == 0                           ? 1
           : strcmp(sign, "*") == 0 || strcmp(sign, "/") == 0 || strcmp(sign, "%") == 0 ? 2
                                                                                        : 0;
}

static const char *
sign_of(const struct expr *expr)
{
    return expr->kind == EXPR_FUNC ? func_operator_sign(expr->op.func) : NULL;
}

/* Is it clear without parentheses as an argument of the operator `parent`? */
static bool
is_clear(const struct expr *expr, const char *parent, bool is_left)
{
    const char *sign = sign_of(expr);
    if (sign == NULL) {
        return true;
    }
    unsigned rank = rank_of(sign), above = rank_of(parent);
    return rank != 0 && above != 0 && expr->arg_count == 2 &&
           (rank > above || (rank == above && is_left));
}

static enum status
show_argument(struct shower *s, const struct expr *expr, const char *parent, bool is_left)
{
    bool clear = is_clear(expr, parent, is_left);
    buf_append_text(s->out, clear ? "" : "(");
    TRY(show(s, expr, true));
    buf_append_text(s->out, clear ? "" : ")");
    return STATUS_OK;
}

static enum status
show_operator(struct shower *s, const struct expr *expr, const char *sign)
{
    bool is_prefix = expr->arg_count == 1;
    if (!is_prefix) {
        TRY(show_argument(s, expr->args[0], sign, true));
        buf_append_text(s->out, " ");
    }
    buf_append_text(s->out, sign);
    buf_append_text(s->out, " ");
    return show_argument(s, expr->args[is_prefix ? 0 : 1], sign, false);
}

/* CURRENT_USER: a word of the grammar, without parentheses. */
static void
append_value_function(struct buf *out, const char *name)
{
    for (; *name != '\0'; name++) {
        buf_u8(out, (uint8_t)(*name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name));
    }
}

static enum status
show_call(struct shower *s, const struct expr *expr)
{
    const char *sign = sign_of(expr);
    if (sign != NULL) {
        return show_operator(s, expr, sign);
    }
    const char *name = expr->op.func->name;
    if (strcmp(name, "array_subscript") == 0) { /* has a form of its own */
        s->shown = false;
        return STATUS_OK;
    }
    size_t start = s->out->size;
    catalog_quote_identifier(name, s->out); /* "extract" and others are words of the grammar */
    if (expr->arg_count == 0 && s->out->data[start] == '"') {
        s->out->size = start;
        append_value_function(s->out, name);
        return STATUS_OK;
    }
    buf_append_text(s->out, "(");
    for (unsigned i = 0; i < expr->arg_count; i++) {
        buf_append_text(s->out, i == 0 ? "" : ", ");
        TRY(show(s, expr->args[i], true));
    }
    buf_append_text(s->out, ")");
    return STATUS_OK;
}

static enum status
show_cast(struct shower *s, const struct expr *expr, bool implicit_too)
{
    const struct expr *arg = expr->args[0];
    if (!expr->op.cast_explicit && !implicit_too) {
        return show(s, arg, false);
    }
    if (arg->kind == EXPR_CONST && arg->type == expr->type && arg->typmod < 0) {
        TRY(show_constant(s, arg, false));
    } else {
        bool clear = sign_of(arg) == NULL;
        buf_append_text(s->out, clear ? "" : "(");
        TRY(show(s, arg, false));
        buf_append_text(s->out, clear ? "" : ")");
    }
    append_type(s->out, expr->type, expr->typmod);
    return STATUS_OK;
}

static enum status
show(struct shower *s, const struct expr *expr, bool implicit_too)
{
    switch (expr->kind) {
    case EXPR_CONST:
        return show_constant(s, expr, true);
    case EXPR_FUNC:
        return show_call(s, expr);
    case EXPR_CAST:
        return show_cast(s, expr, implicit_too);
    default:
        s->shown = false;
        return STATUS_OK;
    }
}

enum status
expr_show(struct sql_context *cx, const struct expr *expr, struct buf *out, bool *shown_out)
{
    struct shower shower = {.cx = cx, .out = out, .shown = true};
    TRY(show(&shower, expr, false));
    *shown_out = shower.shown;
    return STATUS_OK;
}
