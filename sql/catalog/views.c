/* views.c: rows of the built-in views that are not tables: types, functions, tables by name ...
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/catalog/views.h"
#include "sql/catalog/catalog_internal.h"
#include "sql/func/descriptions.h"
#include "sql/func/func.h"

#define OWNER_NAME "postgres"

void
view_rows_init(struct view_rows *rows, const struct table_def *table, struct sql_context *cx)
{
    *rows = (struct view_rows){.arena = cx->arena, .column_count = table->column_count};
}

struct value *
view_rows_add(struct view_rows *rows)
{
    if (rows->count == rows->capacity) {
        unsigned capacity = rows->capacity == 0 ? 32 : rows->capacity * 2;
        struct value *more =
            arena_array(rows->arena, struct value, (size_t)capacity * rows->column_count);
        if (rows->count > 0) {
            memcpy(more, rows->values,
                   (size_t)rows->count * rows->column_count * sizeof(struct value));
        }
        rows->values = more;
        rows->capacity = capacity;
    }
    struct value *row = &rows->values[(size_t)rows->count++ * rows->column_count];
    for (unsigned i = 0; i < rows->column_count; i++) {
        row[i] = (struct value){.is_null = true};
    }
    return row;
}

enum status
view_rows_give(const struct view_rows *rows, struct value **values_out, unsigned *row_count_out)
{
    *values_out = rows->values;
    *row_count_out = rows->count;
    return STATUS_OK;
}

enum status
view_nothing(const struct table_def *table, struct sql_context *cx, struct value **values_out,
             unsigned *row_count_out)
{
    UNUSED(table);
    UNUSED(cx);
    *values_out = NULL;
    *row_count_out = 0;
    return STATUS_OK;
}

enum status
view_types(const struct table_def *table, struct sql_context *cx, struct value **values_out,
           unsigned *row_count_out)
{
    struct view_rows rows;
    view_rows_init(&rows, table, cx);
    unsigned count;
    const struct type_info *types = type_table(&count);
    for (unsigned i = 0; i < count; i++) {
        const struct type_info *type = &types[i];
        struct value *v = view_rows_add(&rows);
        for (unsigned c = 0; c < 29; c++) {
            v[c] = (struct value){0};
        }
        v[0] = value_oid(type->id);
        v[1] = value_text(type->name);
        v[2] = value_oid(SCHEMA_PG_CATALOG);
        v[3] = value_oid(OWNER_OID);
        v[4] = value_i16(type->length);
        v[5] = value_bool(type->length > 0 && type->length <= 8);
        v[6] = value_char(type->category == 'P' ? 'p' : 'b');
        v[7] = value_char(type->category);
        v[8] = value_bool(type->preferred);
        v[9] = value_bool(true);
        v[10] = value_char(',');
        v[13] = value_oid(type->element_type);
        v[14] = value_oid(type->array_type);
        v[22] = value_char(type->length == 1 ? 'c' : type->length == 2 ? 's' : 'i');
        v[23] = value_char(type->length > 0 ? 'p' : 'x');
        v[26] = value_i32(-1);
        v[28] = value_oid(type->id == TYPE_NAME ? 950u : type->category == 'S' ? 100u : 0u);
    }
    return view_rows_give(&rows, values_out, row_count_out);
}

static enum status
describe_objects(const struct table_def *table, struct sql_context *cx, bool of_shared,
                 struct value **values_out, unsigned *row_count_out)
{
    unsigned count;
    const struct object_description *all = object_descriptions(&count);
    struct view_rows rows;
    view_rows_init(&rows, table, cx);
    for (unsigned i = 0; i < count; i++) {
        if (all[i].shared == of_shared) {
            struct value *v = view_rows_add(&rows);
            v[0] = value_oid(all[i].object);
            v[1] = value_oid(all[i].class_id);
            v[2] = of_shared ? value_text(all[i].text) : value_i32(0);
            if (!of_shared) {
                v[3] = value_text(all[i].text);
            }
        }
    }
    return view_rows_give(&rows, values_out, row_count_out);
}

enum status
view_descriptions(const struct table_def *table, struct sql_context *cx,
                  struct value **values_out, unsigned *row_count_out)
{
    return describe_objects(table, cx, false, values_out, row_count_out);
}

enum status
view_shared_descriptions(const struct table_def *table, struct sql_context *cx,
                         struct value **values_out, unsigned *row_count_out)
{
    return describe_objects(table, cx, true, values_out, row_count_out);
}

enum status
view_tablespaces(const struct table_def *table, struct sql_context *cx,
                 struct value **values_out, unsigned *row_count_out)
{
    struct view_rows rows;
    view_rows_init(&rows, table, cx);
    static const char *const names[] = {"pg_default", "pg_global"};
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        struct value *v = view_rows_add(&rows);
        v[0] = value_oid(1663 + i);
        v[1] = value_text(names[i]);
        v[2] = value_oid(OWNER_OID);
    }
    return view_rows_give(&rows, values_out, row_count_out);
}

enum status
view_access_methods(const struct table_def *table, struct sql_context *cx,
                    struct value **values_out, unsigned *row_count_out)
{
    struct view_rows rows;
    view_rows_init(&rows, table, cx);
    struct value *v = view_rows_add(&rows);
    v[0] = value_oid(2);
    v[1] = value_text("heap");
    v[2] = value_oid(0);
    v[3] = value_char('t');
    v = view_rows_add(&rows);
    v[0] = value_oid(403);
    v[1] = value_text("btree");
    v[2] = value_oid(0);
    v[3] = value_char('i');
    return view_rows_give(&rows, values_out, row_count_out);
}

enum status
view_languages(const struct table_def *table, struct sql_context *cx, struct value **values_out,
               unsigned *row_count_out)
{
    struct view_rows rows;
    view_rows_init(&rows, table, cx);
    static const struct {
        uint32_t id;
        const char *name;
    } languages[] = {{12, "internal"}, {14, "sql"}};
    for (unsigned i = 0; i < ARRAY_SIZE(languages); i++) {
        struct value *v = view_rows_add(&rows);
        v[0] = value_oid(languages[i].id);
        v[1] = value_text(languages[i].name);
        v[2] = value_oid(OWNER_OID);
        v[3] = v[4] = value_bool(false);
        v[5] = v[6] = v[7] = value_oid(0);
    }
    return view_rows_give(&rows, values_out, row_count_out);
}

enum status
view_collations(const struct table_def *table, struct sql_context *cx,
                struct value **values_out, unsigned *row_count_out)
{
    struct view_rows rows;
    view_rows_init(&rows, table, cx);
    static const struct {
        uint32_t id;
        const char *name;
        char provider;
    } collations[] = {{100, "default", 'd'}, {950, "C", 'c'}, {951, "POSIX", 'c'}};
    for (unsigned i = 0; i < ARRAY_SIZE(collations); i++) {
        struct value *v = view_rows_add(&rows);
        v[0] = value_oid(collations[i].id);
        v[1] = value_text(collations[i].name);
        v[2] = value_oid(SCHEMA_PG_CATALOG);
        v[3] = value_oid(OWNER_OID);
        v[4] = value_char(collations[i].provider);
        v[5] = value_bool(true);
        v[6] = value_i32(-1);
        if (collations[i].provider == 'c') {
            v[7] = v[8] = value_text(collations[i].name);
        }
    }
    return view_rows_give(&rows, values_out, row_count_out);
}

/* Copies a value of a catalog row: bytes are borrowed from a page until the scan moves on. */
static struct value
keep(struct arena *arena, const struct value *value, bool is_bytes)
{
    struct value copy = *value;
    if (is_bytes && !copy.is_null) {
        copy.bytes = arena_copy(arena, copy.bytes);
    }
    return copy;
}

/* Rows of pg_authid, some columns of them: `columns[i]` is the pg_authid column (from 0) of
 * column i, or -1: stays NULL. */
static enum status
roles_as(const struct table_def *table, struct sql_context *cx, const int *columns,
         struct value **values_out, unsigned *row_count_out)
{
    struct view_rows rows;
    view_rows_init(&rows, table, cx);
    struct catalog_scan scan;
    TRY(catalog__scan_all(cx, PG_AUTHID_OID, &scan));
    bool found = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && found) {
        status = catalog__scan_next(cx, &scan, &found);
        if (status != STATUS_OK || !found) {
            continue;
        }
        struct value *v = view_rows_add(&rows);
        for (unsigned i = 0; i < table->column_count; i++) {
            if (columns[i] >= 0) {
                v[i] = keep(cx->arena, &scan.values[columns[i]], columns[i] == 1);
            }
        }
    }
    catalog__scan_close(&scan);
    TRY(status);
    return view_rows_give(&rows, values_out, row_count_out);
}

enum status
view_roles(const struct table_def *table, struct sql_context *cx, struct value **values_out,
           unsigned *row_count_out)
{
    static const int columns[] = {1, 2, 3, 4, 5, 6, 7, 9, -1, 11, 8, -1, 0};
    TRY(roles_as(table, cx, columns, values_out, row_count_out));
    for (unsigned i = 0; i < *row_count_out; i++) {
        (*values_out)[i * table->column_count + 8] = value_text("********");
    }
    return STATUS_OK;
}

enum status
view_users(const struct table_def *table, struct sql_context *cx, struct value **values_out,
           unsigned *row_count_out)
{
    static const int columns[] = {1, 0, 5, 2, 7, 8, -1, 11, -1};
    TRY(roles_as(table, cx, columns, values_out, row_count_out));
    for (unsigned i = 0; i < *row_count_out; i++) {
        (*values_out)[i * table->column_count + 6] = value_text("********");
    }
    return STATUS_OK;
}

/* The definitions borrow from the catalog until the transaction's end: no copies needed. */
static enum status
add_table_row(void *arg, struct sql_context *cx, const struct table_def *def)
{
    UNUSED(cx);
    struct view_rows *rows = arg;
    if (def->kind != RELATION_TABLE) {
        return STATUS_OK;
    }
    struct value *v = view_rows_add(rows);
    v[0] = value_text(def->schema_name);
    v[1] = value_text(def->name);
    v[2] = value_text(OWNER_NAME);
    v[4] = value_bool(def->index_count > 0);
    v[5] = v[6] = v[7] = value_bool(false);
    return STATUS_OK;
}

/* Runs `each` over the built-in tables and the stored ones. */
static enum status
each_relation(struct sql_context *cx, catalog_each_fn each, void *arg)
{
    const struct catalogs *catalogs = cx->catalog->catalogs;
    for (unsigned i = 0; i < catalogs->builtin_count; i++) {
        TRY(each(arg, cx, &catalogs->builtins[i]));
    }
    return catalog_each_table(cx, each, arg);
}

enum status
view_tables(const struct table_def *table, struct sql_context *cx, struct value **values_out,
            unsigned *row_count_out)
{
    struct view_rows rows;
    view_rows_init(&rows, table, cx);
    TRY(each_relation(cx, add_table_row, &rows));
    return view_rows_give(&rows, values_out, row_count_out);
}

static enum status
add_index_rows(void *arg, struct sql_context *cx, const struct table_def *def)
{
    struct view_rows *rows = arg;
    for (unsigned i = 0; i < def->index_count; i++) {
        struct buf text = BUF_EMPTY;
        catalog_index_definition(def, &def->indexes[i], true, &text);
        struct value *v = view_rows_add(rows);
        v[0] = value_text(def->schema_name);
        v[1] = value_text(def->name);
        v[2] = value_text(def->indexes[i].name);
        v[4] = (struct value){.bytes = arena_copy(cx->arena, buf_slice(&text))};
        buf_deinit(&text);
    }
    return STATUS_OK;
}

enum status
view_indexes(const struct table_def *table, struct sql_context *cx, struct value **values_out,
             unsigned *row_count_out)
{
    struct view_rows rows;
    view_rows_init(&rows, table, cx);
    TRY(each_relation(cx, add_index_rows, &rows));
    return view_rows_give(&rows, values_out, row_count_out);
}

enum status
view_sequence(const struct table_def *table, struct sql_context *cx, struct value **values_out,
              unsigned *row_count_out)
{
    struct view_rows rows;
    view_rows_init(&rows, table, cx);
    int64_t last = 0;
    bool is_called = false;
    TRY(sequence_read(cx->store, table->id, &last, &is_called, cx->diag));
    struct value *v = view_rows_add(&rows);
    v[0] = value_i64(last);
    v[1] = value_i64(0); /* nothing is fetched ahead of the log by this count */
    v[2] = value_bool(is_called);
    return view_rows_give(&rows, values_out, row_count_out);
}

static enum status
add_sequence_row(void *arg, struct sql_context *cx, const struct table_def *def)
{
    struct view_rows *rows = arg;
    if (def->kind != RELATION_SEQUENCE) {
        return STATUS_OK;
    }
    enum type_id type;
    struct sequence_definition definition;
    TRY(catalog_read_sequence(cx, def->id, &type, &definition));
    int64_t last = 0;
    bool is_called = false;
    TRY(sequence_read(cx->store, def->id, &last, &is_called, cx->diag));
    struct value *v = view_rows_add(rows);
    v[0] = value_text(def->schema_name);
    v[1] = value_text(def->name);
    v[2] = value_text(OWNER_NAME);
    v[3] = value_oid(type);
    v[4] = value_i64(definition.start);
    v[5] = value_i64(definition.min);
    v[6] = value_i64(definition.max);
    v[7] = value_i64(definition.increment);
    v[8] = value_bool(definition.cycle);
    v[9] = value_i64(definition.cache);
    if (is_called) {
        v[10] = value_i64(last);
    }
    return STATUS_OK;
}

enum status
view_sequences(const struct table_def *table, struct sql_context *cx, struct value **values_out,
               unsigned *row_count_out)
{
    struct view_rows rows;
    view_rows_init(&rows, table, cx);
    TRY(catalog_each_table(cx, add_sequence_row, &rows));
    return view_rows_give(&rows, values_out, row_count_out);
}

static enum status
add_information_table(void *arg, struct sql_context *cx, const struct table_def *def)
{
    struct view_rows *rows = arg;
    if (def->kind != RELATION_TABLE && def->kind != RELATION_VIEW) {
        return STATUS_OK;
    }
    bool is_table = def->kind == RELATION_TABLE;
    struct value *v = view_rows_add(rows);
    v[0] = value_text(cx->database);
    v[1] = value_text(def->schema_name);
    v[2] = value_text(def->name);
    v[3] = value_text(is_table ? "BASE TABLE" : "VIEW");
    v[9] = value_text(is_table ? "YES" : "NO");
    v[10] = value_text("NO");
    return STATUS_OK;
}

enum status
view_information_tables(const struct table_def *table, struct sql_context *cx,
                        struct value **values_out, unsigned *row_count_out)
{
    struct view_rows rows;
    view_rows_init(&rows, table, cx);
    TRY(each_relation(cx, add_information_table, &rows));
    return view_rows_give(&rows, values_out, row_count_out);
}

/* Precision and length, as information_schema derives them from type and typmod. */
static void
set_sizes(struct value *v, const struct column_def *column)
{
    switch (column->type) {
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
        v[9] = value_i32(column->type == TYPE_INT2 ? 16 : column->type == TYPE_INT4 ? 32 : 64);
        v[10] = value_i32(0);
        break;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        v[9] = value_i32(column->type == TYPE_FLOAT4 ? 24 : 53);
        break;
    case TYPE_NUMERIC:
        if (column->typmod >= 4) {
            v[9] = value_i32(((column->typmod - 4) >> 16) & 0xffff);
            v[10] = value_i32((column->typmod - 4) & 0x7ff);
        }
        break;
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
        if (column->typmod >= 4) {
            v[8] = value_i32(column->typmod - 4);
        }
        break;
    default:
        break;
    }
}

static enum status
add_information_columns(void *arg, struct sql_context *cx, const struct table_def *def)
{
    struct view_rows *rows = arg;
    if (def->kind != RELATION_TABLE && def->kind != RELATION_VIEW) {
        return STATUS_OK;
    }
    for (unsigned i = 0; i < def->column_count; i++) {
        const struct column_def *column = &def->columns[i];
        const struct type_info *type = type_info(column->type);
        if (column->dropped || type == NULL) {
            continue;
        }
        struct value *v = view_rows_add(rows);
        v[0] = value_text(cx->database);
        v[1] = value_text(def->schema_name);
        v[2] = value_text(def->name);
        v[3] = value_text(column->name);
        v[4] = value_i32(column->attribute_no);
        v[5] = value_text(column->default_sql);
        v[6] = value_text(column->not_null ? "NO" : "YES");
        v[7] = value_text(type->category == 'A' ? "ARRAY" : type->sql_name);
        set_sizes(v, column);
        v[11] = value_text(cx->database);
        v[12] = value_text("pg_catalog");
        v[13] = value_text(type->name);
        v[14] = value_text("NO");
        v[15] = value_text("NEVER");
        v[16] = value_text(def->kind == RELATION_TABLE ? "YES" : "NO");
    }
    return STATUS_OK;
}

enum status
view_information_columns(const struct table_def *table, struct sql_context *cx,
                         struct value **values_out, unsigned *row_count_out)
{
    struct view_rows rows;
    view_rows_init(&rows, table, cx);
    TRY(each_relation(cx, add_information_columns, &rows));
    return view_rows_give(&rows, values_out, row_count_out);
}

enum status
view_information_schemata(const struct table_def *table, struct sql_context *cx,
                          struct value **values_out, unsigned *row_count_out)
{
    struct view_rows rows;
    view_rows_init(&rows, table, cx);
    struct catalog_scan scan;
    TRY(catalog__scan_all(cx, PG_NAMESPACE_OID, &scan));
    bool found = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && found) {
        status = catalog__scan_next(cx, &scan, &found);
        if (status == STATUS_OK && found) {
            struct value *v = view_rows_add(&rows);
            v[0] = value_text(cx->database);
            v[1] = keep(cx->arena, &scan.values[NAMESPACE_NAME], true);
            v[2] = value_text(OWNER_NAME);
        }
    }
    catalog__scan_close(&scan);
    TRY(status);
    return view_rows_give(&rows, values_out, row_count_out);
}

enum status
view_settings(const struct table_def *table, struct sql_context *cx, struct value **values_out,
              unsigned *row_count_out)
{
    *values_out = NULL;
    *row_count_out = 0;
    struct view_rows rows;
    view_rows_init(&rows, table, cx);
    catalog_settings_fn settings = cx->catalog->catalogs->settings;
    if (settings != NULL) {
        TRY(settings(cx, &rows));
    }
    return view_rows_give(&rows, values_out, row_count_out);
}
