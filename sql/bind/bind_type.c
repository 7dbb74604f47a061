/* bind_type.c: type names, conversions, literals and parameters that get their types.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/bind/bind_internal.h"
#include "sql/func/value_text.h"

enum status
bind__fail_at(struct binder *b, int position, enum status status)
{
    if (!b->no_positions && position > 0) {
        diag_position(b->cx->diag, position);
    }
    return status;
}

const char *
bind__type_text(struct binder *b, enum type_id type)
{
    struct buf text = BUF_EMPTY;
    type_format(type, -1, &text);
    const char *copy = arena_strndup(b->arena, text.data, text.size);
    buf_deinit(&text);
    return copy;
}

struct expr *
bind__new(struct binder *b, enum expr_kind kind, enum type_id type, int position)
{
    struct expr *expr = arena_new(b->arena, struct expr);
    expr->kind = kind;
    expr->type = type;
    expr->typmod = -1;
    expr->position = b->no_positions ? 0 : position;
    return expr;
}

int
bind__leftmost(int position, unsigned count, struct expr *const *args)
{
    for (unsigned i = 0; i < count; i++) {
        int at = args[i]->position;
        position = at > 0 && (position == 0 || at < position) ? at : position;
    }
    return position;
}

struct expr *
bind__null(struct binder *b, enum type_id type)
{
    struct expr *expr = bind__new(b, EXPR_CONST, type, 0);
    expr->constant.is_null = true;
    return expr;
}

struct expr *
bind__bool(struct binder *b, bool value)
{
    struct expr *expr = bind__new(b, EXPR_CONST, TYPE_BOOL, 0);
    expr->constant.b = value;
    return expr;
}

/* ---- conversions ---- */

static struct expr *
new_cast(struct binder *b, struct expr *arg, enum type_id type, int32_t typmod,
         struct cast cast, bool is_explicit)
{
    struct expr *expr = bind__new(b, EXPR_CAST, type, arg->position);
    expr->typmod = typmod;
    expr->op.cast = cast;
    expr->op.cast_explicit = is_explicit;
    expr->arg_count = 1;
    expr->args = arena_array(b->arena, struct expr *, 1);
    expr->args[0] = arg;
    return expr;
}

static enum status
literal_to(struct binder *b, const struct expr *literal, enum type_id type, int32_t typmod,
           bool is_explicit, struct expr **expr_out)
{
    struct expr *expr = bind__new(b, EXPR_CONST, type, literal->position);
    expr->typmod = typmod;
    *expr_out = expr;
    if (literal->constant.is_null) {
        expr->constant.is_null = true;
        return STATUS_OK;
    }
    struct value_source source = {type, -1, literal->constant.bytes};
    enum status status = value_read(b->cx, &source, b->arena, &expr->constant, b->cx->diag);
    if (status != STATUS_OK) {
        return bind__fail_at(b, literal->position, status);
    }
    /* PostgreSQL applies lengths when the statement runs: without a place in the text. */
    return value_apply_typmod(type, typmod, is_explicit, &expr->constant, b->arena,
                              b->cx->diag);
}

static enum status
param_to(struct binder *b, struct expr *param, enum type_id type)
{
    enum type_id *known = &b->params->types[param->param_no - 1];
    if (*known == TYPE_INVALID || *known == TYPE_UNKNOWN) {
        *known = type;
    }
    if (*known != type) {
        enum status status =
            diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_AMBIGUOUS_PARAMETER,
                      "inconsistent types deduced for parameter $%u", param->param_no);
        diag_detail(b->cx->diag, "%s versus %s", bind__type_text(b, *known),
                    bind__type_text(b, type));
        return bind__fail_at(b, param->position, status);
    }
    param->type = type;
    return STATUS_OK;
}

static enum status
apply_typmod(struct binder *b, struct expr *expr, int32_t typmod, bool is_explicit,
             struct expr **expr_out)
{
    *expr_out = expr;
    if (typmod < 0 || expr->typmod == typmod) {
        return STATUS_OK;
    }
    struct cast same = {.method = CAST_RELABEL};
    *expr_out = new_cast(b, expr, expr->type, typmod, same, is_explicit);
    return STATUS_OK;
}

enum status
bind__try_coerce(struct binder *b, struct expr *expr, enum type_id type, int32_t typmod,
                 enum cast_context context, struct expr **expr_out)
{
    bool is_explicit = context == CAST_EXPLICIT;
    *expr_out = NULL;
    if (type == TYPE_ANY || type == TYPE_UNKNOWN) {
        *expr_out = expr;
        return type == TYPE_ANY ? bind__resolve_unknown(b, expr_out) : STATUS_OK;
    }
    if (expr->type == TYPE_UNKNOWN && expr->kind == EXPR_CONST) {
        return literal_to(b, expr, type, typmod, is_explicit, expr_out);
    }
    if (expr->type == TYPE_UNKNOWN && expr->kind == EXPR_PARAM) {
        TRY(param_to(b, expr, type));
    }
    if (expr->type == type) {
        return apply_typmod(b, expr, typmod, is_explicit, expr_out);
    }
    struct cast cast = cast_find(expr->type, type, context);
    if (cast.method == CAST_NONE) {
        return STATUS_OK;
    }
    *expr_out = new_cast(b, expr, type, typmod, cast, is_explicit);
    return STATUS_OK;
}

enum status
bind__coerce(struct binder *b, struct expr *expr, enum type_id type, int32_t typmod,
             enum cast_context context, int position, struct expr **expr_out)
{
    TRY(bind__try_coerce(b, expr, type, typmod, context, expr_out));
    if (*expr_out != NULL) {
        return STATUS_OK;
    }
    enum status status = diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_CANNOT_COERCE,
                                   "cannot cast type %s to %s", bind__type_text(b, expr->type),
                                   bind__type_text(b, type));
    return bind__fail_at(b, position, status);
}

enum status
bind__require(struct binder *b, struct expr *expr, enum type_id type, const char *what,
              struct expr **expr_out)
{
    enum cast_context context = type == TYPE_BOOL ? CAST_IMPLICIT : CAST_ASSIGNMENT;
    TRY(bind__try_coerce(b, expr, type, -1, context, expr_out));
    if (*expr_out != NULL) {
        return STATUS_OK;
    }
    enum status status = diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_DATATYPE_MISMATCH,
                                   "argument of %s must be type %s, not type %s", what,
                                   bind__type_text(b, type), bind__type_text(b, expr->type));
    return bind__fail_at(b, expr->position, status);
}

enum status
bind__resolve_unknown(struct binder *b, struct expr **expr)
{
    if ((*expr)->type != TYPE_UNKNOWN) {
        return STATUS_OK;
    }
    return bind__try_coerce(b, *expr, TYPE_TEXT, -1, CAST_IMPLICIT, expr);
}

enum status
bind__common(struct binder *b, unsigned count, struct expr **exprs, const char *what,
             int position, enum type_id *type_out)
{
    enum type_id *types = arena_array(b->arena, enum type_id, count);
    for (unsigned i = 0; i < count; i++) {
        types[i] = exprs[i]->type;
    }
    enum status status = type_common(types, count, what, type_out, b->cx->diag);
    if (status != STATUS_OK) { /* PostgreSQL points at the first that does not fit */
        unsigned fitting = 1;
        while (fitting < count &&
               type_common(types, fitting + 1, what, type_out, NULL) == STATUS_OK) {
            fitting++;
        }
        return bind__fail_at(b, fitting < count ? exprs[fitting]->position : position, status);
    }
    for (unsigned i = 0; i < count; i++) {
        struct expr *as_common = NULL;
        TRY(bind__try_coerce(b, exprs[i], *type_out, -1, CAST_IMPLICIT, &as_common));
        if (as_common == NULL) {
            status =
                diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_CANNOT_COERCE,
                          "%s could not convert type %s to %s", what,
                          bind__type_text(b, exprs[i]->type), bind__type_text(b, *type_out));
            return bind__fail_at(b, exprs[i]->position, status);
        }
        exprs[i] = as_common;
    }
    return STATUS_OK;
}

int32_t
bind__common_typmod(unsigned count, struct expr *const *exprs)
{
    for (unsigned i = 1; i < count; i++) {
        if (exprs[i]->typmod != exprs[0]->typmod) {
            return -1;
        }
    }
    return exprs[0]->typmod;
}

struct expr *
bind__forget_typmod(struct binder *b, struct expr *expr)
{
    struct cast same = {.method = CAST_RELABEL};
    return expr->typmod < 0 ? expr : new_cast(b, expr, expr->type, -1, same, false);
}

enum status
bind__assign(struct binder *b, struct expr *expr, const struct column_def *column,
             struct expr **expr_out)
{
    TRY(bind__try_coerce(b, expr, column->type, column->typmod, CAST_ASSIGNMENT, expr_out));
    if (*expr_out != NULL) {
        return STATUS_OK;
    }
    enum status status =
        diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_DATATYPE_MISMATCH,
                  "column \"%s\" is of type %s but expression is of type %s", column->name,
                  bind__type_text(b, column->type), bind__type_text(b, expr->type));
    diag_hint(b->cx->diag, "You will need to rewrite or cast the expression.");
    return bind__fail_at(b, expr->position, status);
}

/* ---- type names ---- */

static enum status
bad_modifier(struct binder *b, const struct ast_type_name *name, const char *sqlstate,
             const char *message)
{
    return bind__fail_at(b, name->position,
                         diag_fail(b->cx->diag, STATUS_INVALID, sqlstate, "%s", message));
}

#define TYPE_LENGTH_MAX 10485760 /* PostgreSQL's MaxAttrSize in characters */
#define NUMERIC_PRECISION_MAX 1000
#define TIMESTAMP_PRECISION_MAX 6

static enum status
length_modifier(struct binder *b, const struct ast_type_name *name, const char *shown,
                int32_t *typmod_out)
{
    int32_t length = name->modifiers[0];
    if (name->modifier_count != 1) {
        return bad_modifier(b, name, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid type modifier");
    }
    if (length < 1) {
        return bad_modifier(
            b, name, SQLSTATE_INVALID_PARAMETER_VALUE,
            arena_printf(b->arena, "length for type %s must be at least 1", shown));
    }
    if (length > TYPE_LENGTH_MAX) {
        return bad_modifier(b, name, SQLSTATE_INVALID_PARAMETER_VALUE,
                            arena_printf(b->arena, "length for type %s cannot exceed %d", shown,
                                         TYPE_LENGTH_MAX));
    }
    *typmod_out = length + 4;
    return STATUS_OK;
}

static enum status
numeric_modifier(struct binder *b, const struct ast_type_name *name, int32_t *typmod_out)
{
    int32_t precision = name->modifiers[0];
    int32_t scale = name->modifier_count == 2 ? name->modifiers[1] : 0;
    if (name->modifier_count > 2) {
        return bad_modifier(b, name, SQLSTATE_INVALID_PARAMETER_VALUE,
                            "invalid NUMERIC type modifier");
    }
    if (precision < 1 || precision > NUMERIC_PRECISION_MAX) {
        return bad_modifier(b, name, SQLSTATE_INVALID_PARAMETER_VALUE,
                            arena_printf(b->arena,
                                         "NUMERIC precision %d must be between 1 and %d",
                                         precision, NUMERIC_PRECISION_MAX));
    }
    if (scale < -NUMERIC_PRECISION_MAX || scale > NUMERIC_PRECISION_MAX) {
        return bad_modifier(b, name, SQLSTATE_INVALID_PARAMETER_VALUE,
                            arena_printf(b->arena, "NUMERIC scale %d must be between %d and %d",
                                         scale, -NUMERIC_PRECISION_MAX, NUMERIC_PRECISION_MAX));
    }
    *typmod_out = (precision << 16 | (scale & 0x7ff)) + 4;
    return STATUS_OK;
}

static enum status
read_modifiers(struct binder *b, const struct ast_type_name *name, enum type_id type,
               int32_t *typmod_out)
{
    switch (type) {
    case TYPE_VARCHAR:
        return length_modifier(b, name, "varchar", typmod_out);
    case TYPE_BPCHAR:
        return length_modifier(b, name, "char", typmod_out);
    case TYPE_NUMERIC:
        return numeric_modifier(b, name, typmod_out);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        if (name->modifiers[0] < 0) {
            return bad_modifier(b, name, SQLSTATE_INVALID_PARAMETER_VALUE,
                                "TIMESTAMP precision must not be negative");
        }
        *typmod_out = MIN(name->modifiers[0], TIMESTAMP_PRECISION_MAX);
        return STATUS_OK;
    case TYPE_INTERVAL:
        return bind__fail_at(b, name->position,
                             diag_fail(b->cx->diag, STATUS_UNSUPPORTED,
                                       SQLSTATE_FEATURE_NOT_SUPPORTED,
                                       "interval fields and precision are not supported"));
    default:
        return bad_modifier(
            b, name, SQLSTATE_SYNTAX_ERROR,
            arena_printf(b->arena, "type modifier is not allowed for type \"%s\"", name->name));
    }
}

/* Types of PostgreSQL 15 that are not built. */
static bool
is_type_elsewhere(const char *name)
{
    static const char *const names[] = {"aclitem",
                                        "bit",
                                        "box",
                                        "cid",
                                        "cidr",
                                        "circle",
                                        "cstring",
                                        "datemultirange",
                                        "daterange",
                                        "inet",
                                        "int4multirange",
                                        "int4range",
                                        "int8multirange",
                                        "int8range",
                                        "json",
                                        "jsonb",
                                        "jsonpath",
                                        "line",
                                        "lseg",
                                        "macaddr",
                                        "macaddr8",
                                        "money",
                                        "nummultirange",
                                        "numrange",
                                        "path",
                                        "pg_lsn",
                                        "pg_node_tree",
                                        "pg_snapshot",
                                        "point",
                                        "polygon",
                                        "refcursor",
                                        "regcollation",
                                        "regconfig",
                                        "regdictionary",
                                        "regoper",
                                        "regoperator",
                                        "regprocedure",
                                        "tid",
                                        "time",
                                        "timetz",
                                        "tsmultirange",
                                        "tsquery",
                                        "tsrange",
                                        "tstzmultirange",
                                        "tstzrange",
                                        "tsvector",
                                        "txid_snapshot",
                                        "uuid",
                                        "varbit",
                                        "xid",
                                        "xid8",
                                        "xml"};
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static enum status
no_such_type(struct binder *b, const struct ast_type_name *name)
{
    const char *schema = name->schema == NULL ? "" : name->schema;
    bool may_be_built_in = schema[0] == '\0' || strcmp(schema, "pg_catalog") == 0;
    if (may_be_built_in && is_type_elsewhere(name->name)) {
        return bind__fail_at(b, name->position,
                             diag_fail(b->cx->diag, STATUS_UNSUPPORTED,
                                       SQLSTATE_FEATURE_NOT_SUPPORTED,
                                       "type \"%s\" is not supported", name->name));
    }
    enum status status =
        diag_fail(b->cx->diag, STATUS_INVALID, SQLSTATE_UNDEFINED_OBJECT,
                  "type \"%s%s%s%s\" does not exist", schema, schema[0] == '\0' ? "" : ".",
                  name->name, name->is_array ? "[]" : "");
    return bind__fail_at(b, name->position, status);
}

enum status
bind__type_name(struct binder *b, const struct ast_type_name *name, enum type_id *type_out,
                int32_t *typmod_out)
{
    *typmod_out = -1;
    *type_out = TYPE_INVALID;
    bool is_ours = name->schema == NULL || strcmp(name->schema, "pg_catalog") == 0;
    const struct type_info *info = !is_ours ? NULL
                                   : strcmp(name->name, "char") == 0
                                       ? type_info(TYPE_CHAR) /* the keyword CHAR is bpchar */
                                       : type_by_name(name->name);
    bool is_spelling = info != NULL && strcmp(info->name, name->name) != 0; /* "integer" */
    if (info == NULL || is_spelling || name->is_setof) {
        return no_such_type(b, name);
    }
    if (name->modifier_count > 0) {
        TRY(read_modifiers(b, name, info->id, typmod_out));
    }
    *type_out = name->is_array ? info->array_type : info->id;
    return *type_out == TYPE_INVALID ? no_such_type(b, name) : STATUS_OK;
}
