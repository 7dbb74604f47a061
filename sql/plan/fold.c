/* fold.c: constants computed once, while planning.
 *
 * The plan keeps its constants as long as it is kept: a large one is left to the execution,
 * where the statement's memory bounds it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/plan/planner.h"

#define FOLD_WORK_BYTES_MAX ((size_t)1 << 20)
#define FOLD_VALUE_BYTES_MAX ((size_t)16 << 10)

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

/* Computes it in `work`; the value is copied into the plan's memory, or refused as too large.
 */
static enum status
compute(struct sql_context *cx, struct px *px, struct arena *work, struct value *value_out)
{
    struct diag ignored;
    struct sql_context inner = *cx;
    diag_clear(&ignored);
    inner.arena = work;
    inner.diag = &ignored;
    inner.memory_limit_bytes = FOLD_WORK_BYTES_MAX;
    TRY(px->kind == EXPR_FUNC ? call_constant(&inner, px->func, px, &ignored, value_out)
                              : cast_constant(&inner, px, &ignored, value_out));
    if (!value_out->is_null && type_info(px->type)->physical == PHYSICAL_BYTES) {
        if (value_out->bytes.size > FOLD_VALUE_BYTES_MAX) {
            return STATUS_LIMIT;
        }
        value_out->bytes = arena_copy(cx->arena, value_out->bytes);
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
    struct arena work;
    struct value value;
    arena_init(&work);
    enum status status = compute(cx, px, &work, &value);
    arena_deinit(&work);
    if (status != STATUS_OK) {
        return;
    }
    px->kind = EXPR_CONST;
    px->constant = value;
    px->arg_count = 0;
    px->is_safe = true;
}
