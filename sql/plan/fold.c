/* fold.c: constants computed once, while planning.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/plan/planner.h"

bool
type__is_integer(enum type_id type)
{
    return type == TYPE_INT2 || type == TYPE_INT4 || type == TYPE_INT8;
}

static bool
all_constant(const struct px *px)
{
    for (unsigned i = 0; i < px->arg_count; i++) {
        if (px->args[i]->kind != EXPR_CONST) {
            return false;
        }
    }
    return true;
}

static bool
any_null(const struct px *px)
{
    for (unsigned i = 0; i < px->arg_count; i++) {
        if (px->args[i]->constant.is_null) {
            return true;
        }
    }
    return false;
}

/* Calls `func` over one row of constants. */
static enum status
call_constant(struct sql_context *cx, const struct func *func, struct px *px, struct diag *diag,
              struct value *value_out)
{
    if (func->strict && any_null(px)) {
        *value_out = (struct value){.is_null = true};
        return STATUS_OK;
    }
    struct vector *args = arena_array(cx->arena, struct vector, MAX(px->arg_count, 1U));
    for (unsigned i = 0; i < px->arg_count; i++) {
        vector_set_constant(&args[i], px->args[i]->type, &px->args[i]->constant, cx->arena);
    }
    struct func_call call = {
        .cx = cx,
        .arena = cx->arena,
        .diag = diag,
        .result_type = px->type,
        .typmod = px->typmod,
        .state_arena = cx->arena,
    };
    struct vector result;
    vector_init(&result, px->type, 1, cx->arena);
    TRY(func->run(&call, args, 1, &result));
    if (vector_is_null(&result, 0)) {
        *value_out = (struct value){.is_null = true};
    } else {
        vector_get(&result, 0, value_out);
    }
    return STATUS_OK;
}

static enum status
cast_constant(struct sql_context *cx, struct px *px, struct diag *diag, struct value *value_out)
{
    const struct px *arg = px->args[0];
    *value_out = arg->constant;
    if (px->cast.method == CAST_FUNC) {
        TRY(call_constant(cx, px->cast.func, px, diag, value_out));
    } else if (px->cast.method != CAST_RELABEL) {
        return STATUS_UNSUPPORTED; /* by its text form: left to the execution */
    }
    if (px->typmod >= 0 && !value_out->is_null) {
        TRY(value_apply_typmod(px->type, px->typmod, px->cast_explicit, value_out, cx->arena,
                               diag));
    }
    return STATUS_OK;
}

/* An error stays for the execution to report, if it ever gets there: CASE may never do. */
void
plan__fold(struct sql_context *cx, struct px *px)
{
    bool is_func = px->kind == EXPR_FUNC;
    bool is_cast = px->kind == EXPR_CAST;
    const struct func *func = is_func ? px->func : is_cast ? px->cast.func : NULL;
    if ((!is_func && !is_cast) || !all_constant(px) || (is_func && func->run == NULL) ||
        (func != NULL && func->volatility != VOLATILITY_IMMUTABLE)) {
        return;
    }
    struct diag ignored;
    diag_clear(&ignored);
    struct value value;
    enum status status = is_func ? call_constant(cx, func, px, &ignored, &value)
                                 : cast_constant(cx, px, &ignored, &value);
    if (status != STATUS_OK) {
        return;
    }
    px->kind = EXPR_CONST;
    px->constant = value;
    px->arg_count = 0;
    px->is_safe = true;
}
