/* catalog_hooks.c: what functions ask of the catalog (sql/func/func_catalog.h).
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/catalog/catalog_internal.h"
#include "sql/func/func_catalog.h"

/* Reads one part of a qualified name: folded to lower case unless quoted. NULL: bad syntax. */
static const char *
read_part(struct arena *arena, const uint8_t **at, const uint8_t *end)
{
    char *out = arena_alloc(arena, (size_t)(end - *at) + 1);
    size_t size = 0;
    const uint8_t *p = *at;
    if (p < end && *p == '"') {
        for (p++; p < end; p++) {
            if (*p == '"') {
                if (p + 1 >= end || p[1] != '"') {
                    break;
                }
                p++;
            }
            out[size++] = (char)*p;
        }
        if (p == end) {
            return NULL;
        }
        p++;
    } else {
        for (; p < end && *p != '.'; p++) {
            out[size++] = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
        }
    }
    out[size] = 0;
    *at = p;
    return size == 0 ? NULL : out;
}

static enum status
split_name(struct sql_context *cx, struct slice text, const char **schema_out,
           const char **name_out)
{
    const uint8_t *at = text.data, *end = text.data + text.size;
    *schema_out = NULL;
    *name_out = read_part(cx->arena, &at, end);
    if (*name_out != NULL && at < end && *at == '.') {
        at++;
        *schema_out = *name_out;
        *name_out = read_part(cx->arena, &at, end);
    }
    if (*name_out != NULL && at < end && *at == '.' && *schema_out != NULL) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                         "improper relation name (too many dotted names): %.*s",
                         (int)MIN(text.size, 200U), (const char *)text.data);
    }
    if (*name_out == NULL || at != end) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_NAME,
                         "invalid name syntax");
    }
    return STATUS_OK;
}

/* `find` gives 0 for none; the error says which kind of thing is missing. */
struct named_kind {
    enum status (*find)(struct sql_context *cx, const char *name, uint32_t *oid_out);
    const char *sqlstate, *what;
};

static enum status
oid_by_name(struct sql_context *cx, const struct named_kind *kind, struct slice name,
            uint32_t *oid_out)
{
    const char *text = arena_strndup(cx->arena, name.data, name.size);
    TRY(kind->find(cx, text, oid_out));
    return *oid_out != 0 ? STATUS_OK
                         : diag_fail(cx->diag, STATUS_NOT_FOUND, kind->sqlstate,
                                     "%s \"%s\" does not exist", kind->what, text);
}

static enum status
schema_by_name(struct sql_context *cx, struct slice name, uint32_t *oid_out)
{
    static const struct named_kind kind = {catalog_schema_id, SQLSTATE_INVALID_SCHEMA_NAME,
                                           "schema"};
    return oid_by_name(cx, &kind, name, oid_out);
}

static enum status
role_by_name(struct sql_context *cx, struct slice name, uint32_t *oid_out)
{
    static const struct named_kind kind = {catalog_role_id, SQLSTATE_UNDEFINED_OBJECT, "role"};
    return oid_by_name(cx, &kind, name, oid_out);
}

static enum status
relation_by_name(struct sql_context *cx, struct slice text, bool missing_ok, uint32_t *oid_out)
{
    *oid_out = 0;
    const char *schema, *name;
    TRY(split_name(cx, text, &schema, &name));
    const struct table_def *table;
    TRY(catalog_find_table(cx, schema, name, &table));
    if (table != NULL) {
        *oid_out = table->id.v;
        return STATUS_OK;
    }
    const struct index_def *index;
    TRY(catalog_find_index(cx, schema, name, &table, &index));
    if (index != NULL) {
        *oid_out = index->id.v;
        return STATUS_OK;
    }
    if (missing_ok) {
        return STATUS_OK;
    }
    uint32_t schema_id = SCHEMA_PUBLIC;
    if (schema != NULL) {
        TRY(schema_by_name(cx, slice_from_text(schema), &schema_id));
    }
    return catalog_get_table(cx, schema, name, &table);
}

static enum status
relation_name(struct sql_context *cx, uint32_t oid, struct buf *out, bool *found_out)
{
    const char *schema, *name;
    TRY(catalog_relation_name(cx, oid, &schema, &name));
    *found_out = name != NULL;
    if (name == NULL) {
        return STATUS_OK;
    }
    if (schema != NULL && strcmp(schema, "public") != 0 && strcmp(schema, "pg_catalog") != 0) {
        catalog_quote_identifier(schema, out);
        buf_append_text(out, ".");
    }
    catalog_quote_identifier(name, out);
    return STATUS_OK;
}

/* Column 1 (a name) of the row whose oid is in an index's only column. */
static enum status
name_by_oid(struct sql_context *cx, uint32_t index_id, uint32_t oid, struct buf *out,
            bool *found_out)
{
    struct value key = value_oid(oid);
    struct catalog_scan scan;
    TRY(catalog__scan(cx, index_id, &key, 1, &scan));
    enum status status = catalog__scan_next(cx, &scan, found_out);
    if (status == STATUS_OK && *found_out) {
        buf_append(out, scan.values[1].bytes.data, scan.values[1].bytes.size);
    }
    catalog__scan_close(&scan);
    return status;
}

static enum status
schema_name(struct sql_context *cx, uint32_t oid, struct buf *out, bool *found_out)
{
    return name_by_oid(cx, NAMESPACE_OID_INDEX, oid, out, found_out);
}

static enum status
role_name(struct sql_context *cx, uint32_t oid, struct buf *out, bool *found_out)
{
    return name_by_oid(cx, AUTHID_OID_INDEX, oid, out, found_out);
}

static enum status
database_name(struct sql_context *cx, uint32_t oid, struct buf *out, bool *found_out)
{
    return name_by_oid(cx, DATABASE_OID_INDEX, oid, out, found_out);
}

static enum status
relation_is_visible(struct sql_context *cx, uint32_t oid, bool *visible_out, bool *found_out)
{
    const char *schema, *name;
    TRY(catalog_relation_name(cx, oid, &schema, &name));
    *found_out = name != NULL;
    *visible_out =
        schema != NULL && (strcmp(schema, "public") == 0 || strcmp(schema, "pg_catalog") == 0);
    return STATUS_OK;
}

/* The table that an index is of; *index_out NULL: none. */
static enum status
index_by_id(struct sql_context *cx, uint32_t oid, const struct table_def **table_out,
            const struct index_def **index_out)
{
    *index_out = NULL;
    struct value key = value_oid(oid);
    struct catalog_scan scan;
    TRY(catalog__scan(cx, INDEX_ID_INDEX, &key, 1, &scan));
    bool found = false;
    enum status status = catalog__scan_next(cx, &scan, &found);
    struct object_id table_id = {found ? scan.values[INDEX_TABLE].u32 : 0};
    catalog__scan_close(&scan);
    if (status != STATUS_OK || !found) {
        return status;
    }
    TRY(catalog_table_by_id(cx, table_id, table_out));
    for (unsigned i = 0; i < (*table_out)->index_count; i++) {
        if ((*table_out)->indexes[i].id.v == oid) {
            *index_out = &(*table_out)->indexes[i];
        }
    }
    return STATUS_OK;
}

static enum status
index_definition(struct sql_context *cx, uint32_t oid, int column, struct buf *out,
                 bool *found_out)
{
    const struct table_def *table;
    const struct index_def *index;
    TRY(index_by_id(cx, oid, &table, &index));
    *found_out = index != NULL;
    if (index == NULL) {
        return STATUS_OK;
    }
    if (column == 0) {
        catalog_index_definition(table, index, true, out);
    } else if (column >= 1 && (unsigned)column <= index->storage.column_count) {
        unsigned no = index->storage.columns[column - 1].column_no;
        catalog_quote_identifier(table->columns[no].name, out);
    }
    return STATUS_OK;
}

static enum status
constraint_definition(struct sql_context *cx, uint32_t oid, struct buf *out, bool *found_out)
{
    *found_out = false;
    struct catalog_scan scan;
    TRY(catalog__scan_all(cx, PG_CONSTRAINT_OID, &scan));
    bool found = true;
    uint32_t index_id = 0;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && found && index_id == 0) {
        status = catalog__scan_next(cx, &scan, &found);
        if (status == STATUS_OK && found && scan.values[CONSTRAINT_OID].u32 == oid) {
            index_id = scan.values[CONSTRAINT_INDEX].u32;
        }
    }
    catalog__scan_close(&scan);
    if (status != STATUS_OK || index_id == 0) {
        return status;
    }
    const struct table_def *table;
    const struct index_def *index;
    TRY(index_by_id(cx, index_id, &table, &index));
    *found_out = index != NULL;
    if (index != NULL) {
        catalog_constraint_definition(table, index, out);
    }
    return STATUS_OK;
}

static enum status
serial_sequence(struct sql_context *cx, struct slice table_text, struct slice column_name,
                struct buf *out, bool *found_out)
{
    *found_out = false;
    const char *schema, *name;
    TRY(split_name(cx, table_text, &schema, &name));
    const struct table_def *table;
    TRY(catalog_get_table(cx, schema, name, &table));
    unsigned no = 0;
    for (unsigned i = 0; i < table->column_count; i++) {
        if (!table->columns[i].dropped &&
            slice_equal(slice_from_text(table->columns[i].name), column_name)) {
            no = table->columns[i].attribute_no;
        }
    }
    if (no == 0) {
        return diag_fail(cx->diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_COLUMN,
                         "column \"%.*s\" of relation \"%s\" does not exist",
                         (int)column_name.size, (const char *)column_name.data, table->name);
    }
    struct value keys[] = {value_oid(table->id.v), value_i32((int32_t)no)};
    struct catalog_scan scan;
    TRY(catalog__scan(cx, DEPEND_REFERENCE_INDEX, keys, 2, &scan));
    bool found = false;
    enum status status = catalog__scan_next(cx, &scan, &found);
    uint32_t sequence = found ? scan.values[DEPEND_OBJECT].u32 : 0;
    catalog__scan_close(&scan);
    if (status != STATUS_OK || !found) {
        return status;
    }
    TRY(catalog_relation_name(cx, sequence, &schema, &name));
    *found_out = name != NULL && schema != NULL;
    if (*found_out) {
        catalog_quote_identifier(schema, out);
        buf_append_text(out, ".");
        catalog_quote_identifier(name, out);
    }
    return STATUS_OK;
}

static enum status
relation_size(struct sql_context *cx, uint32_t oid, bool total, int64_t *bytes_out,
              bool *found_out)
{
    *bytes_out = 0;
    const char *schema, *name;
    TRY(catalog_relation_name(cx, oid, &schema, &name));
    *found_out = name != NULL;
    if (name == NULL) {
        return STATUS_OK;
    }
    struct object_size size = {0};
    struct diag ignored = {0};
    if (object_size(cx->store, (struct object_id){oid}, &size, &ignored) != STATUS_OK) {
        return STATUS_OK; /* a view or a sequence has no pages */
    }
    uint64_t bytes = size.heap_bytes;
    if (total) {
        bytes += size.row_map_bytes + size.index_bytes;
    } else if (bytes == 0) {
        bytes = size.index_bytes;
    }
    *bytes_out = (int64_t)bytes;
    return STATUS_OK;
}

struct size_sum {
    int64_t bytes;
};

static enum status
add_size(void *arg, struct sql_context *cx, const struct table_def *table)
{
    struct size_sum *sum = arg;
    int64_t bytes = 0;
    bool found = false;
    if (table->kind == RELATION_TABLE) {
        TRY(relation_size(cx, table->id.v, true, &bytes, &found));
    }
    sum->bytes += bytes;
    return STATUS_OK;
}

static enum status
database_size(struct sql_context *cx, int64_t *bytes_out)
{
    struct size_sum sum = {0};
    const struct catalogs *catalogs = cx->catalog->catalogs;
    for (unsigned i = 0; i < catalogs->builtin_count; i++) {
        TRY(add_size(&sum, cx, &catalogs->builtins[i]));
    }
    TRY(catalog_each_table(cx, add_size, &sum));
    *bytes_out = sum.bytes;
    return STATUS_OK;
}

const struct func_catalog_hooks *
catalog_func_hooks(void)
{
    static const struct func_catalog_hooks hooks = {
        .relation_by_name = relation_by_name,
        .relation_name = relation_name,
        .schema_name = schema_name,
        .schema_by_name = schema_by_name,
        .role_name = role_name,
        .role_by_name = role_by_name,
        .database_name = database_name,
        .relation_is_visible = relation_is_visible,
        .index_definition = index_definition,
        .constraint_definition = constraint_definition,
        .serial_sequence = serial_sequence,
        .relation_size = relation_size,
        .database_size = database_size,
    };
    return &hooks;
}
