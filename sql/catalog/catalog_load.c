/* catalog_load.c: definitions read from the rows of catalog tables, with the caller's snapshot.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/catalog/catalog_internal.h"
#include "sql/catalog/views.h"

#include <stdlib.h>

static const char *
keep_text(struct arena *arena, const struct value *value)
{
    return value->is_null ? NULL : arena_strndup(arena, value->bytes.data, value->bytes.size);
}

/* "1 2 3" */
static unsigned
parse_vector(const struct value *value, int *numbers_out, unsigned capacity)
{
    char text[256];
    size_t size = MIN(value->bytes.size, sizeof(text) - 1);
    memcpy(text, value->bytes.data, size);
    text[size] = 0;
    unsigned count = 0;
    char *at = text;
    while (count < capacity) {
        char *end;
        long number = strtol(at, &end, 10);
        if (end == at) {
            break;
        }
        numbers_out[count++] = (int)number;
        at = end;
    }
    return count;
}

static enum status
load_columns(struct sql_context *cx, struct cached_table *table)
{
    struct table_def *def = &table->def;
    struct value key = value_oid(def->id.v);
    struct catalog_scan scan;
    TRY(catalog__scan(cx, ATTRIBUTE_INDEX, &key, 1, &scan));
    bool found = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && found) {
        status = catalog__scan_next(cx, &scan, &found);
        int no = scan.values[ATTRIBUTE_NUM].i16;
        if (status != STATUS_OK || !found || no < 1 || (unsigned)no > def->column_count) {
            continue;
        }
        struct column_def *column = &def->columns[no - 1];
        column->name = keep_text(&table->arena, &scan.values[ATTRIBUTE_NAME]);
        column->type = (enum type_id)scan.values[ATTRIBUTE_TYPE].u32;
        column->typmod = scan.values[ATTRIBUTE_TYPMOD].i32;
        column->attribute_no = (uint16_t)no;
        column->not_null = scan.values[ATTRIBUTE_NOT_NULL].b != 0;
        column->dropped = scan.values[ATTRIBUTE_DROPPED].b != 0;
        const struct type_info *info = type_info(column->type);
        def->storage.kinds[no - 1] = info == NULL ? COLUMN_BYTES : info->column_kind;
    }
    catalog__scan_close(&scan);
    def->storage.column_count = def->column_count;
    return status;
}

static enum status
load_defaults(struct sql_context *cx, struct cached_table *table)
{
    struct value key = value_oid(table->def.id.v);
    struct catalog_scan scan;
    TRY(catalog__scan(cx, ATTRDEF_INDEX, &key, 1, &scan));
    bool found = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && found) {
        status = catalog__scan_next(cx, &scan, &found);
        int no = scan.values[ATTRDEF_NUM].i16;
        if (status == STATUS_OK && found && no >= 1 &&
            (unsigned)no <= table->def.column_count) {
            table->def.columns[no - 1].default_sql =
                keep_text(&table->arena, &scan.values[ATTRDEF_TEXT]);
        }
    }
    catalog__scan_close(&scan);
    return status;
}

static void
read_index_row(struct cached_table *table, const struct value *values, struct index_def *index)
{
    int keys[INDEX_COLUMNS_MAX], options[INDEX_COLUMNS_MAX] = {0};
    index->id.v = values[INDEX_RELID].u32;
    index->storage.index = index->id;
    index->storage.table = table->def.id;
    index->storage.unique = values[INDEX_UNIQUE_FLAG].b != 0;
    index->constraint = values[INDEX_PRIMARY].b != 0 ? CONSTRAINT_PRIMARY : CONSTRAINT_NONE;
    unsigned count = parse_vector(&values[INDEX_KEY], keys, INDEX_COLUMNS_MAX);
    parse_vector(&values[INDEX_OPTION], options, INDEX_COLUMNS_MAX);
    for (unsigned i = 0; i < count; i++) {
        if (keys[i] < 1 || (unsigned)keys[i] > table->def.column_count) {
            continue;
        }
        struct index_column *column = &index->storage.columns[index->storage.column_count++];
        column->column_no = (uint16_t)(keys[i] - 1);
        column->kind = table->def.storage.kinds[keys[i] - 1];
        column->descending = (options[i] & 1) != 0;
        column->nulls_first = (options[i] & 2) != 0;
    }
}

static enum status
load_index_names(struct sql_context *cx, struct cached_table *table)
{
    for (unsigned i = 0; i < table->def.index_count; i++) {
        struct value key = value_oid(table->def.indexes[i].id.v);
        struct catalog_scan scan;
        TRY(catalog__scan(cx, CLASS_OID_INDEX, &key, 1, &scan));
        bool found = false;
        enum status status = catalog__scan_next(cx, &scan, &found);
        if (status == STATUS_OK && found) {
            table->def.indexes[i].name = keep_text(&table->arena, &scan.values[CLASS_NAME]);
        }
        catalog__scan_close(&scan);
        TRY(status);
    }
    return STATUS_OK;
}

static enum status
load_constraints(struct sql_context *cx, struct cached_table *table)
{
    struct value key = value_oid(table->def.id.v);
    struct catalog_scan scan;
    TRY(catalog__scan(cx, CONSTRAINT_TABLE_INDEX, &key, 1, &scan));
    bool found = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && found) {
        status = catalog__scan_next(cx, &scan, &found);
        for (unsigned i = 0; status == STATUS_OK && found && i < table->def.index_count; i++) {
            struct index_def *index = &table->def.indexes[i];
            if (index->id.v == scan.values[CONSTRAINT_INDEX].u32) {
                index->constraint = (enum constraint_kind)scan.values[CONSTRAINT_TYPE].b;
                index->constraint_name =
                    keep_text(&table->arena, &scan.values[CONSTRAINT_NAME]);
            }
        }
    }
    catalog__scan_close(&scan);
    return status;
}

static enum status
load_indexes(struct sql_context *cx, struct cached_table *table)
{
    struct value key = value_oid(table->def.id.v);
    struct catalog_scan scan;
    TRY(catalog__scan(cx, INDEX_TABLE_INDEX, &key, 1, &scan));
    unsigned capacity = 0;
    bool found = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && found) {
        status = catalog__scan_next(cx, &scan, &found);
        if (status != STATUS_OK || !found) {
            continue;
        }
        if (table->def.index_count == capacity) {
            struct index_def *more =
                arena_array(&table->arena, struct index_def, capacity * 2 + 4);
            if (capacity > 0) {
                memcpy(more, table->def.indexes, capacity * sizeof(*more));
            }
            table->def.indexes = more;
            capacity = capacity * 2 + 4;
        }
        read_index_row(table, scan.values, &table->def.indexes[table->def.index_count++]);
    }
    catalog__scan_close(&scan);
    TRY(status);
    TRY(load_index_names(cx, table));
    return table->def.index_count == 0 ? STATUS_OK : load_constraints(cx, table);
}

/* What SELECT .. FROM a sequence shows: one row, of its state. */
static void
describe_sequence(struct cached_table *table)
{
    static const struct column_def columns[] = {
        {.name = "last_value", .type = TYPE_INT8, .typmod = -1, .attribute_no = 1},
        {.name = "log_cnt", .type = TYPE_INT8, .typmod = -1, .attribute_no = 2},
        {.name = "is_called", .type = TYPE_BOOL, .typmod = -1, .attribute_no = 3},
    };
    struct table_def *def = &table->def;
    def->column_count = ARRAY_SIZE(columns);
    def->columns = arena_array(&table->arena, struct column_def, ARRAY_SIZE(columns));
    memcpy(def->columns, columns, sizeof(columns));
    def->view_rows = view_sequence;
}

/* The rest of a relation whose pg_class row was found. Takes `table`. */
static enum status
load_rest(struct sql_context *cx, struct cached_table *table, struct cached_table **out)
{
    enum status status = STATUS_OK;
    if (table->def.kind == RELATION_SEQUENCE) {
        describe_sequence(table);
    } else if (table->def.column_count > 0) {
        status = load_columns(cx, table);
    }
    if (status == STATUS_OK && table->def.kind == RELATION_TABLE) {
        status = load_defaults(cx, table);
    }
    if (status == STATUS_OK && table->def.kind == RELATION_TABLE) {
        status = load_indexes(cx, table);
    }
    if (status != STATUS_OK) {
        catalog__cached_free(table);
        return status;
    }
    *out = table;
    return STATUS_OK;
}

static struct cached_table *
table_from_class_row(const struct value *values)
{
    struct arena arena;
    arena_init(&arena);
    struct cached_table *table = arena_new(&arena, struct cached_table);
    struct table_def *def = &table->def;
    def->id.v = values[CLASS_OID].u32;
    def->name = keep_text(&arena, &values[CLASS_NAME]);
    def->schema = values[CLASS_NAMESPACE].u32;
    def->kind = (enum relation_kind)values[CLASS_KIND].b;
    def->column_count = (unsigned)MAX(values[CLASS_NATTS].i16, 0);
    if (def->column_count > TUPLE_COLUMNS_MAX) {
        def->column_count = TUPLE_COLUMNS_MAX;
    }
    def->columns = arena_array(&arena, struct column_def, def->column_count);
    def->row_count = (double)values[CLASS_TUPLES].f32;
    table->arena = arena;
    return table;
}

static enum status
schema_name_by_id(struct sql_context *cx, uint32_t id, struct arena *arena,
                  const char **name_out)
{
    *name_out = id == SCHEMA_PUBLIC ? "public" : id == SCHEMA_PG_CATALOG ? "pg_catalog" : NULL;
    if (*name_out != NULL) {
        return STATUS_OK;
    }
    struct value key = value_oid(id);
    struct catalog_scan scan;
    TRY(catalog__scan(cx, NAMESPACE_OID_INDEX, &key, 1, &scan));
    bool found = false;
    enum status status = catalog__scan_next(cx, &scan, &found);
    *name_out =
        status == STATUS_OK && found ? keep_text(arena, &scan.values[NAMESPACE_NAME]) : "?";
    catalog__scan_close(&scan);
    return status;
}

/* `kinds`: relations of other kinds are not tables. */
static enum status
load_by_key(struct sql_context *cx, uint32_t index_id, const struct value *keys,
            unsigned key_count, struct cached_table **out)
{
    *out = NULL;
    struct catalog_scan scan;
    TRY(catalog__scan(cx, index_id, keys, key_count, &scan));
    bool found = false;
    enum status status = catalog__scan_next(cx, &scan, &found);
    struct cached_table *table = NULL;
    if (status == STATUS_OK && found && scan.values[CLASS_KIND].b != RELATION_INDEX) {
        table = table_from_class_row(scan.values);
    }
    catalog__scan_close(&scan);
    if (table == NULL) {
        return status;
    }
    status = schema_name_by_id(cx, table->def.schema, &table->arena, &table->def.schema_name);
    if (status != STATUS_OK) {
        catalog__cached_free(table);
        return status;
    }
    return load_rest(cx, table, out);
}

enum status
catalog__load_by_name(struct sql_context *cx, uint32_t schema, const char *schema_name,
                      const char *name, struct cached_table **out)
{
    UNUSED(schema_name);
    struct value keys[] = {value_text(name), value_oid(schema)};
    return load_by_key(cx, CLASS_NAME_INDEX, keys, 2, out);
}

enum status
catalog__load_by_id(struct sql_context *cx, uint32_t id, struct cached_table **out)
{
    struct value key = value_oid(id);
    return load_by_key(cx, CLASS_OID_INDEX, &key, 1, out);
}
