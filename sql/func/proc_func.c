/* proc_func.c: functions as text: arguments, results, definitions. All of them are built in.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"

/* What pg_proc has under that number: a function, or an aggregate. */
struct proc {
    const char *name;
    enum type_id result;
    unsigned arg_count;
    const enum type_id *args;
    const struct func *func; /* NULL: an aggregate */
};

static bool
find_proc(uint32_t oid, struct proc *proc_out)
{
    unsigned count;
    const struct func *funcs = func_table(&count);
    for (unsigned i = 0; i < count; i++) {
        const struct func *func = &funcs[i];
        if (func->oid == oid) {
            *proc_out =
                (struct proc){func->name, func->result, func->arg_count, func->args, func};
            return true;
        }
    }
    const struct aggregate *aggregates = aggregate_table(&count);
    for (unsigned i = 0; i < count; i++) {
        const struct aggregate *one = &aggregates[i];
        if (one->oid == oid) {
            *proc_out = (struct proc){one->name, one->result, one->arg_count, one->args, NULL};
            return true;
        }
    }
    return false;
}

static void
append_arguments(const struct proc *proc, struct buf *out)
{
    for (unsigned i = 0; i < proc->arg_count; i++) {
        buf_append_text(out, i == 0 ? "" : ", ");
        type_format(proc->args[i], -1, out);
    }
}

static void
append_definition(const struct proc *proc, struct buf *out)
{
    static const char *const volatilities[] = {" IMMUTABLE", " STABLE", ""};
    buf_printf(out, "CREATE OR REPLACE FUNCTION pg_catalog.%s(", proc->name);
    append_arguments(proc, out);
    buf_append_text(out, ")\n RETURNS ");
    type_format(proc->result, -1, out);
    buf_printf(out, "\n LANGUAGE internal\n%s PARALLEL SAFE%s\nAS $function$%s$function$\n",
               volatilities[proc->func->volatility], proc->func->strict ? " STRICT" : "",
               proc->name);
}

/* `text` is taken. */
static void
give_text(struct func_call *call, struct buf *text, struct value *out)
{
    out->bytes = arena_copy(call->arena, buf_slice(text));
    buf_deinit(text);
}

DEFINE_ROWS(get_function_text, 1)
{
    struct proc proc;
    out->is_null = !find_proc(v[0].u32, &proc);
    if (!out->is_null) {
        struct buf text = BUF_EMPTY;
        append_arguments(&proc, &text);
        give_text(call, &text, out);
    }
    return STATUS_OK;
}

DEFINE_ROWS(get_function_result, 1)
{
    struct proc proc;
    out->is_null = !find_proc(v[0].u32, &proc);
    if (!out->is_null) {
        struct buf text = BUF_EMPTY;
        type_format(proc.result, -1, &text);
        give_text(call, &text, out);
    }
    return STATUS_OK;
}

DEFINE_ROWS(function_definition, 1)
{
    struct proc proc;
    out->is_null = !find_proc(v[0].u32, &proc);
    if (out->is_null) {
        return STATUS_OK;
    }
    if (proc.func == NULL) {
        return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_WRONG_OBJECT_TYPE,
                         "\"%s\" is an aggregate function", proc.name);
    }
    struct buf text = BUF_EMPTY;
    append_definition(&proc, &text);
    give_text(call, &text, out);
    return STATUS_OK;
}
