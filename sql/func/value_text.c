/* value_text.c: see value_text.h. SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/value_text.h"
#include "base/errors.h"
#include "sql/func/func.h"
#include "sql/func/func_catalog.h"
#include "sql/types/number_text.h"

bool
type_is_named(enum type_id type)
{
    return type == TYPE_REGCLASS || type == TYPE_REGPROC || type == TYPE_REGROLE ||
           type == TYPE_REGNAMESPACE;
}

static const struct func_catalog_hooks *
hooks_of(struct sql_context *cx)
{
    static const struct func_catalog_hooks none = {0};
    return cx != NULL && cx->catalog_hooks != NULL ? cx->catalog_hooks : &none;
}

/* ---- functions are not in the catalog's tables ---- */
static bool
function_name(uint32_t oid, struct buf *out)
{
    unsigned count = 0;
    const struct func *funcs = func_table(&count);
    for (unsigned i = 0; i < count; i++) {
        if (funcs[i].oid == oid) {
            buf_append_text(out, funcs[i].name);
            return true;
        }
    }
    const struct aggregate *aggregates = aggregate_table(&count);
    for (unsigned i = 0; i < count; i++) {
        if (aggregates[i].oid == oid) {
            buf_append_text(out, aggregates[i].name);
            return true;
        }
    }
    return false;
}

/* Counts the functions of that name that are none of `oid`, which becomes the last of them. A
 * function of many arguments stands in the table more than once, with one oid. */
static unsigned
find_function(struct slice name, uint32_t *oid)
{
    unsigned count = 0, found = 0;
    const struct func *funcs = func_table(&count);
    for (unsigned i = 0; i < count; i++) {
        if (slice_equal(slice_from_text(funcs[i].name), name) && funcs[i].oid != *oid) {
            *oid = funcs[i].oid;
            found++;
        }
    }
    const struct aggregate *aggregates = aggregate_table(&count);
    for (unsigned i = 0; i < count; i++) {
        if (slice_equal(slice_from_text(aggregates[i].name), name) &&
            aggregates[i].oid != *oid) {
            *oid = aggregates[i].oid;
            found++;
        }
    }
    return found;
}

static enum status
function_by_name(struct slice name, uint32_t *oid_out, struct diag *diag)
{
    static const char schema[] = "pg_catalog.";
    size_t skip =
        name.size > sizeof schema - 1 && memcmp(name.data, schema, sizeof schema - 1) == 0
            ? sizeof schema - 1
            : 0;
    *oid_out = 0;
    unsigned found = find_function(slice_make(name.data + skip, name.size - skip), oid_out);
    if (found == 1) {
        return STATUS_OK;
    }
    return found == 0 ? diag_fail(diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_FUNCTION,
                                  "function \"%.*s\" does not exist", (int)MIN(name.size, 200U),
                                  (const char *)name.data)
                      : diag_fail(diag, STATUS_INVALID, SQLSTATE_AMBIGUOUS_FUNCTION,
                                  "more than one function named \"%.*s\"",
                                  (int)MIN(name.size, 200U), (const char *)name.data);
}

static enum status
show_name(struct sql_context *cx, enum type_id type, uint32_t oid, struct buf *out)
{
    const struct func_catalog_hooks *hooks = hooks_of(cx);
    enum status (*hook)(struct sql_context *, uint32_t, struct buf *, bool *) =
        type == TYPE_REGCLASS  ? hooks->relation_name
        : type == TYPE_REGROLE ? hooks->role_name
                               : hooks->schema_name;
    size_t begin = out->size;
    bool found = false;
    if (type == TYPE_REGPROC) {
        found = function_name(oid, out);
    } else if (hook != NULL) {
        TRY(hook(cx, oid, out, &found));
    }
    if (!found) {
        out->size = begin;
        int_to_text(oid, out);
    }
    return STATUS_OK;
}

enum status
value_show(struct sql_context *cx, enum type_id type, const struct value *value,
           struct buf *out)
{
    if (!type_is_named(type) || value->u32 == 0) {
        value_to_text(type, value, out);
        return STATUS_OK;
    }
    return show_name(cx, type, value->u32, out);
}

static bool
is_number(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    return text.size > 0;
}

enum status
value_read(struct sql_context *cx, const struct value_source *source, struct arena *arena,
           struct value *value_out, struct diag *diag)
{
    enum type_id type = source->type;
    struct slice name = type_is_named(type) ? number_text_trim(source->text) : source->text;
    bool is_dash = name.size == 1 && name.data[0] == '-';
    if (!type_is_named(type) || is_number(name) || is_dash) {
        return value_from_text(type, source->typmod, name, arena, value_out, diag);
    }
    const struct func_catalog_hooks *hooks = hooks_of(cx);
    value_out->is_null = false;
    if (type == TYPE_REGPROC) {
        return function_by_name(name, &value_out->u32, diag);
    }
    if (hooks->relation_by_name == NULL || hooks->role_by_name == NULL ||
        hooks->schema_by_name == NULL) {
        return diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "names as %s are not supported here", type_info(type)->sql_name);
    }
    struct diag *diag_before = cx->diag;
    cx->diag = diag;
    enum status status =
        type == TYPE_REGCLASS  ? hooks->relation_by_name(cx, name, false, &value_out->u32)
        : type == TYPE_REGROLE ? hooks->role_by_name(cx, name, &value_out->u32)
                               : hooks->schema_by_name(cx, name, &value_out->u32);
    cx->diag = diag_before;
    return status;
}
