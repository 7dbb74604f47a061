/* catalog_func.c: what psql and drivers ask about definitions. Those that need the catalog
 * reach it through func_catalog.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/descriptions.h"
#include "sql/func/func_catalog.h"
#include "sql/func/func_internal.h"

static const struct func_catalog_hooks *
hooks_of(struct func_call *call)
{
    static const struct func_catalog_hooks none = {0};
    ASSERT(call->cx != NULL);
    return call->cx->catalog_hooks != NULL ? call->cx->catalog_hooks : &none;
}

/* Takes a text that a hook made into the batch; NULL when there was nothing. */
static void
take_text(struct func_call *call, struct buf *text, bool found, struct value *out)
{
    out->is_null = !found;
    if (found) {
        out->bytes = arena_copy(call->arena, buf_slice(text));
    }
    buf_deinit(text);
}

DEFINE_ROWS(format_type, 2)
{
    out->is_null = v[0].is_null;
    if (!out->is_null) {
        struct buf text = BUF_EMPTY;
        int32_t typmod = v[1].is_null ? -1 : v[1].i32;
        if (v[1].is_null && v[0].u32 == TYPE_BPCHAR) {
            buf_append_text(&text, "character"); /* NULL: the standard's name, no modifier */
        } else {
            type_format((enum type_id)v[0].u32, typmod, &text);
        }
        take_text(call, &text, true, out);
    }
    return STATUS_OK;
}
DEFINE_ROWS(get_userbyid, 1)
{
    struct buf text = BUF_EMPTY;
    bool found = false;
    const struct func_catalog_hooks *hooks = hooks_of(call);
    if (hooks->role_name != NULL) {
        TRY(hooks->role_name(call->cx, v[0].u32, &text, &found));
    }
    if (!found) {
        buf_clear(&text);
        buf_printf(&text, "unknown (OID=%u)", v[0].u32);
    }
    take_text(call, &text, true, out);
    return STATUS_OK;
}
DEFINE_ROWS(table_is_visible, 1)
{
    const struct func_catalog_hooks *hooks = hooks_of(call);
    bool visible = false, found = false;
    if (hooks->relation_is_visible == NULL) {
        return func__unsupported(call, "pg_table_is_visible()");
    }
    TRY(hooks->relation_is_visible(call->cx, v[0].u32, &visible, &found));
    out->is_null = !found;
    out->b = visible;
    return STATUS_OK;
}
/* All types, functions, operators and collations lie in pg_catalog. */
DEFINE_ROWS(type_is_visible, 1)
{
    UNUSED(call);
    out->is_null = type_info((enum type_id)v[0].u32) == NULL;
    out->b = 1;
    return STATUS_OK;
}
DEFINE_ROWS(always_true, 1)
{
    UNUSED(call);
    UNUSED(v);
    out->b = 1;
    return STATUS_OK;
}
/* pg_attrdef keeps the SQL text itself. */
DEFINE_ROWS(get_expr, 2)
{
    UNUSED(call);
    out->bytes = v[0].bytes;
    return STATUS_OK;
}
DEFINE_ROWS(get_expr_pretty, 3)
{
    UNUSED(call);
    out->bytes = v[0].bytes;
    return STATUS_OK;
}

static enum status
index_definition(struct func_call *call, uint32_t oid, int column, struct value *out)
{
    struct buf text = BUF_EMPTY;
    bool found = false;
    const struct func_catalog_hooks *hooks = hooks_of(call);
    if (hooks->index_definition == NULL) {
        return func__unsupported(call, "pg_get_indexdef()");
    }
    TRY(hooks->index_definition(call->cx, oid, column, &text, &found));
    take_text(call, &text, found, out);
    return STATUS_OK;
}
DEFINE_ROWS(get_indexdef, 1)
{
    return index_definition(call, v[0].u32, 0, out);
}
DEFINE_ROWS(get_indexdef_column, 3)
{
    return index_definition(call, v[0].u32, v[1].i32, out);
}

typedef enum status (*definition_hook)(struct sql_context *cx, uint32_t oid, struct buf *out,
                                       bool *found_out);
static enum status
definition(struct func_call *call, definition_hook hook, const char *what, uint32_t oid,
           struct value *out)
{
    struct buf text = BUF_EMPTY;
    bool found = false;
    if (hook == NULL) {
        return func__unsupported(call, what);
    }
    TRY(hook(call->cx, oid, &text, &found));
    take_text(call, &text, found, out);
    return STATUS_OK;
}
DEFINE_ROWS(get_constraintdef, 1)
{
    return definition(call, hooks_of(call)->constraint_definition, "pg_get_constraintdef()",
                      v[0].u32, out);
}
DEFINE_ROWS(get_constraintdef_pretty, 2)
{
    return definition(call, hooks_of(call)->constraint_definition, "pg_get_constraintdef()",
                      v[0].u32, out);
}
DEFINE_ROWS(get_viewdef, 1)
{
    return definition(call, hooks_of(call)->view_definition, "pg_get_viewdef()", v[0].u32, out);
}
DEFINE_ROWS(get_viewdef_pretty, 2)
{
    return definition(call, hooks_of(call)->view_definition, "pg_get_viewdef()", v[0].u32, out);
}
DEFINE_ROWS(tablespace_location, 1)
{
    definition_hook hook = hooks_of(call)->tablespace_location;
    if (hook == NULL) {
        out->bytes = func__text(call, "");
        return STATUS_OK;
    }
    return definition(call, hook, "pg_tablespace_location()", v[0].u32, out);
}
DEFINE_ROWS(get_serial_sequence, 2)
{
    struct buf text = BUF_EMPTY;
    bool found = false;
    const struct func_catalog_hooks *hooks = hooks_of(call);
    if (hooks->serial_sequence == NULL) {
        return func__unsupported(call, "pg_get_serial_sequence()");
    }
    TRY(hooks->serial_sequence(call->cx, v[0].bytes, v[1].bytes, &text, &found));
    take_text(call, &text, found, out);
    return STATUS_OK;
}
DEFINE_ROWS(to_regclass, 1)
{
    const struct func_catalog_hooks *hooks = hooks_of(call);
    if (hooks->relation_by_name == NULL) {
        return func__unsupported(call, "to_regclass()");
    }
    TRY(hooks->relation_by_name(call->cx, v[0].bytes, true, &out->u32));
    out->is_null = out->u32 == 0;
    return STATUS_OK;
}
DEFINE_ROWS(to_regtype, 1)
{
    const char *name = arena_strndup(call->arena, v[0].bytes.data, v[0].bytes.size);
    const struct type_info *info = type_by_name(name);
    out->is_null = info == NULL;
    out->u32 = info != NULL ? (uint32_t)info->id : 0;
    return STATUS_OK;
}
/* What initdb says of an object; COMMENT ON is not built. */
static void
describe(struct func_call *call, uint32_t object, struct slice class_name, bool shared,
         struct value *out)
{
    unsigned count;
    const struct object_description *all = object_descriptions(&count);
    static const struct {
        const char *name;
        uint32_t id;
    } classes[] = {{"pg_database", 1262}, {"pg_namespace", 2615}, {"pg_proc", 1255}};
    uint32_t class_id = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(classes); i++) {
        if (slice_equal(class_name, slice_from_text(classes[i].name))) {
            class_id = classes[i].id;
        }
    }
    out->is_null = true;
    for (unsigned i = 0; i < count; i++) {
        if (all[i].object == object && all[i].class_id == class_id && all[i].shared == shared) {
            *out = (struct value){.bytes = func__text(call, all[i].text)};
        }
    }
}
DEFINE_ROWS(obj_description, 2)
{
    describe(call, v[0].u32, v[1].bytes, false, out);
    return STATUS_OK;
}
DEFINE_ROWS(shobj_description, 2)
{
    describe(call, v[0].u32, v[1].bytes, true, out);
    return STATUS_OK;
}
/* There are no comments on columns, partitions, rules, triggers and extended statistics, so no
 * object has such a text. */
DEFINE_ROWS(no_description, 2)
{
    UNUSED(call);
    UNUSED(v);
    out->is_null = true;
    return STATUS_OK;
}
DEFINE_ROWS(no_description_one, 1)
{
    UNUSED(call);
    UNUSED(v);
    out->is_null = true;
    return STATUS_OK;
}
DEFINE_ROWS(no_description_bool, 2)
{
    UNUSED(call);
    UNUSED(v);
    out->is_null = true;
    return STATUS_OK;
}
DEFINE_ROWS(encoding_to_char, 1)
{
    out->bytes = func__text(call, v[0].i32 == 6 ? "UTF8" : v[0].i32 == 0 ? "SQL_ASCII" : "");
    return STATUS_OK;
}
/* No publications: logical replication is not supported. */
DEFINE_ROWS(relation_is_publishable, 1)
{
    UNUSED(call);
    UNUSED(v);
    out->b = 0;
    return STATUS_OK;
}
enum status
database_encoding(FUNC_PARAMETERS)
{
    UNUSED(args);
    for (unsigned i = 0; i < count; i++) {
        ((struct slice *)result->data)[i] = func__text(call, "UTF8");
    }
    return STATUS_OK;
}
DEFINE_ROWS(char_to_encoding, 1)
{
    UNUSED(call);
    bool is_utf8 = slice_equal(v[0].bytes, slice_from_text("UTF8")) ||
                   slice_equal(v[0].bytes, slice_from_text("utf8"));
    out->i32 = is_utf8 ? 6 : -1;
    return STATUS_OK;
}
/* There are no temporary schemas: 0 is PostgreSQL's answer when a session has none. */
enum status
my_temp_schema(FUNC_PARAMETERS)
{
    UNUSED(call);
    UNUSED(args);
    memset(result->data, 0, count * sizeof(uint32_t));
    return STATUS_OK;
}
DEFINE_ROWS(is_no_temp_schema, 1)
{
    UNUSED(call);
    UNUSED(v);
    out->b = 0;
    return STATUS_OK;
}

/* ---- sizes ---- */

static enum status
relation_size(struct func_call *call, uint32_t oid, bool total, struct value *out)
{
    const struct func_catalog_hooks *hooks = hooks_of(call);
    bool found = false;
    if (hooks->relation_size == NULL) {
        return func__unsupported(call, "the size of a relation");
    }
    TRY(hooks->relation_size(call->cx, oid, total, &out->i64, &found));
    out->is_null = !found;
    return STATUS_OK;
}
DEFINE_ROWS(relation_size_main, 1)
{
    return relation_size(call, v[0].u32, false, out);
}
DEFINE_ROWS(relation_size_total, 1)
{
    return relation_size(call, v[0].u32, true, out);
}
DEFINE_ROWS(database_size, 1)
{
    const struct func_catalog_hooks *hooks = hooks_of(call);
    UNUSED(v);
    if (hooks->database_size == NULL) {
        return func__unsupported(call, "the size of a database");
    }
    return hooks->database_size(call->cx, &out->i64);
}

/* ---- privileges: roles own everything they can see until GRANT is built ---- */

DEFINE_ROWS(has_privilege_two, 2)
{
    UNUSED(call);
    UNUSED(v);
    out->b = 1;
    return STATUS_OK;
}
DEFINE_ROWS(has_privilege_three, 3)
{
    UNUSED(call);
    UNUSED(v);
    out->b = 1;
    return STATUS_OK;
}
