/* call.c: what the functions of this folder share. SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"

enum status
func__run_rows(FUNC_PARAMETERS, unsigned arg_count, func_row_fn row)
{
    struct value values[FUNC_ARGS_MAX], out;
    ASSERT(arg_count <= FUNC_ARGS_MAX);
    for (unsigned a = 0; a < arg_count; a++) {
        if (args[a].is_constant) {
            vector_get(&args[a], 0, &values[a]);
        }
    }
    EACH_ROW(i)
    {
        for (unsigned a = 0; a < arg_count; a++) {
            if (!args[a].is_constant) {
                vector_get(&args[a], i, &values[a]);
            }
        }
        out = (struct value){0};
        TRY(row(call, values, &out));
        if (out.is_null) {
            (void)vector_nulls(result, count, call->arena);
        }
        vector_set(result, i, &out);
    }
    return STATUS_OK;
}

void
func__set_null(struct func_call *call, struct vector *result, unsigned row, unsigned count)
{
    struct value null = {.is_null = true};
    (void)vector_nulls(result, count, call->arena);
    vector_set(result, row, &null);
}

enum status
func__out_of_range(struct func_call *call, const char *type)
{
    return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                     "%s out of range", type);
}

enum status
func__division_by_zero(struct func_call *call)
{
    return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_DIVISION_BY_ZERO, "division by zero");
}

enum status
func__unsupported(struct func_call *call, const char *what)
{
    return diag_fail(call->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "%s is not supported here", what);
}

enum status
func__report_i16(struct func_call *call, bool zero)
{
    UNUSED(zero);
    return func__out_of_range(call, "smallint");
}
enum status
func__report_i32(struct func_call *call, bool zero)
{
    UNUSED(zero);
    return func__out_of_range(call, "integer");
}
enum status
func__report_i64(struct func_call *call, bool zero)
{
    UNUSED(zero);
    return func__out_of_range(call, "bigint");
}
enum status
func__report_float(struct func_call *call, bool zero)
{
    return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                     "value out of range: %s", zero ? "underflow" : "overflow");
}

enum status
func__check_room(const struct func_call *call, const struct arena *arena, size_t size)
{
    uint64_t limit = call->cx == NULL ? 0 : call->cx->memory_limit_bytes;
    return limit != 0 && arena->used_bytes + size > limit ? sql_out_of_memory(call->cx)
                                                          : STATUS_OK;
}

enum status
func__invalid(struct func_call *call, const char *message)
{
    return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE, "%s",
                     message);
}

struct slice
func__text(struct func_call *call, const char *text)
{
    return arena_copy(call->arena, slice_from_text(text));
}

enum status
func__numeric_result(struct func_call *call, const struct numeric *n, struct value *out)
{
    return numeric_encode(n, call->arena, &out->bytes, call->diag);
}

locale_t
func__utf8_locale(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    ASSERT(locale != (locale_t)0); /* built into glibc */
    return locale;
}
