/* views_func.c: functions, aggregates, operators and casts as rows of pg_proc, pg_operator,
 * pg_cast.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/catalog/catalog_internal.h"
#include "sql/catalog/views.h"
#include "sql/func/func.h"

#define LANGUAGE_INTERNAL 12
#define CASTS_OID 10035u /* casts are numbered from here, in the order of casts.def */

static const char *
argument_types(struct arena *arena, const enum type_id *args, unsigned count)
{
    char *text = arena_strdup(arena, "");
    for (unsigned i = 0; i < count; i++) {
        text = arena_printf(arena, "%s%s%u", text, i == 0 ? "" : " ", (unsigned)args[i]);
    }
    return text;
}

static struct value *
add_proc(struct view_rows *rows, const struct func *func, char kind)
{
    struct value *v = view_rows_add(rows);
    for (unsigned c = 0; c < 19; c++) {
        v[c] = (struct value){0};
    }
    v[0] = value_oid(func->oid);
    v[1] = value_text(func->name);
    v[2] = value_oid(SCHEMA_PG_CATALOG);
    v[3] = value_oid(OWNER_OID);
    v[4] = value_oid(LANGUAGE_INTERNAL);
    v[5].f32 = 1;
    v[9] = value_char(kind);
    v[12] = value_bool(func->strict);
    v[14] = value_char("isv"[func->volatility]);
    v[15] = value_char('s');
    v[16] = value_i16((int)func->arg_count);
    v[18] = value_oid(func->result);
    v[19] = value_text(argument_types(rows->arena, func->args, func->arg_count));
    v[25] = value_text(kind == 'a' ? "aggregate_dummy" : func->name);
    return v;
}

/* What operators and casts call, unless it is a function by its own name, too. */
static bool
is_listed(const struct view_rows *rows, uint32_t oid)
{
    for (unsigned i = 0; i < rows->count; i++) {
        if (rows->values[(size_t)i * rows->column_count].u32 == oid) {
            return true;
        }
    }
    return false;
}

static void
add_hidden_procs(struct view_rows *rows)
{
    unsigned count;
    const struct operator_entry *operators = operator_table(&count);
    for (unsigned i = 0; i < count; i++) {
        if (!is_listed(rows, operators[i].func.oid)) {
            add_proc(rows, &operators[i].func, 'f');
        }
    }
    const struct cast_entry *casts = cast_table(&count);
    for (unsigned i = 0; i < count; i++) {
        if (casts[i].method == CAST_FUNC && !is_listed(rows, casts[i].func.oid)) {
            add_proc(rows, &casts[i].func, 'f');
        }
    }
}

enum status
view_functions(const struct table_def *table, struct sql_context *cx, struct value **values_out,
               unsigned *row_count_out)
{
    struct view_rows rows;
    view_rows_init(&rows, table, cx);
    unsigned count;
    const struct func *funcs = func_table(&count);
    for (unsigned i = 0; i < count; i++) {
        bool is_again = i > 0 && funcs[i].oid == funcs[i - 1].oid; /* for more arguments */
        if (funcs[i].oid != 0 && !is_again) {
            add_proc(&rows, &funcs[i], 'f');
        }
    }
    const struct aggregate *aggregates = aggregate_table(&count);
    for (unsigned i = 0; i < count; i++) {
        const struct aggregate *aggregate = &aggregates[i];
        struct func func = {.oid = aggregate->oid,
                            .name = aggregate->name,
                            .result = aggregate->result,
                            .arg_count = aggregate->arg_count};
        memcpy(func.args, aggregate->args, sizeof(aggregate->args));
        add_proc(&rows, &func, 'a');
    }
    add_hidden_procs(&rows);
    return view_rows_give(&rows, values_out, row_count_out);
}

enum status
view_operators(const struct table_def *table, struct sql_context *cx, struct value **values_out,
               unsigned *row_count_out)
{
    struct view_rows rows;
    view_rows_init(&rows, table, cx);
    unsigned count;
    const struct operator_entry *operators = operator_table(&count);
    for (unsigned i = 0; i < count; i++) {
        const struct func *func = &operators[i].func;
        bool is_prefix = func->arg_count == 1;
        struct value *v = view_rows_add(&rows);
        for (unsigned c = 0; c < table->column_count; c++) {
            v[c] = (struct value){0};
        }
        v[0] = value_oid(operators[i].oid);
        v[1] = value_text(operators[i].name);
        v[2] = value_oid(SCHEMA_PG_CATALOG);
        v[3] = value_oid(OWNER_OID);
        v[4] = value_char(is_prefix ? 'l' : 'b');
        v[7] = value_oid(is_prefix ? TYPE_INVALID : func->args[0]);
        v[8] = value_oid(func->args[is_prefix ? 0 : 1]);
        v[9] = value_oid(func->result);
        v[12] = value_oid(func->oid);
    }
    return view_rows_give(&rows, values_out, row_count_out);
}

enum status
view_casts(const struct table_def *table, struct sql_context *cx, struct value **values_out,
           unsigned *row_count_out)
{
    struct view_rows rows;
    view_rows_init(&rows, table, cx);
    static const char contexts[] = {
        [CAST_IMPLICIT] = 'i', [CAST_ASSIGNMENT] = 'a', [CAST_EXPLICIT] = 'e'};
    static const char methods[] = {[CAST_RELABEL] = 'b', [CAST_FUNC] = 'f', [CAST_TEXT] = 'i'};
    unsigned count;
    const struct cast_entry *casts = cast_table(&count);
    for (unsigned i = 0; i < count; i++) {
        bool has_func = casts[i].method == CAST_FUNC;
        struct value *v = view_rows_add(&rows);
        v[0] = value_oid(CASTS_OID + i);
        v[1] = value_oid(casts[i].from);
        v[2] = value_oid(casts[i].to);
        v[3] = value_oid(has_func ? casts[i].func.oid : 0);
        v[4] = value_char(contexts[casts[i].context]);
        v[5] = value_char(methods[casts[i].method]);
    }
    return view_rows_give(&rows, values_out, row_count_out);
}
