/* catalog_change.c: what DDL writes: rows of catalog tables and storage objects, in one
 * transaction.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/catalog/catalog_internal.h"

#include <stdio.h>

/* Later commands of the transaction see the change, and definitions are read anew. */
static enum status
finish_change(struct sql_context *cx)
{
    txn_next_command(cx->txn);
    catalog_touch(cx);
    return STATUS_OK;
}

enum status
catalog_add_schema(struct sql_context *cx, const char *name)
{
    struct object_id id;
    TRY(object_id_next(cx->txn, &id, cx->diag));
    struct catalog_row row;
    catalog__row_init(cx->catalog->catalogs, &row, PG_NAMESPACE_OID);
    row.values[NAMESPACE_OID] = value_oid(id.v);
    row.values[NAMESPACE_NAME] = value_text(name);
    row.values[2] = value_oid(OWNER_OID);
    row.values[NAMESPACE_DATABASE] = value_oid(DATABASE_POSTGRES_OID);
    TRY(catalog__insert(cx, PG_NAMESPACE_OID, row.values));
    return finish_change(cx);
}

/* A pg_class row. `options`: "{fillfactor=100}" or NULL. */
static enum status
add_class_row(struct sql_context *cx, uint32_t id, uint32_t schema, const char *name,
              enum relation_kind kind, unsigned column_count, const char *options)
{
    struct catalog_row row;
    catalog__row_init(cx->catalog->catalogs, &row, PG_CLASS_OID);
    struct value *v = row.values;
    v[CLASS_OID] = value_oid(id);
    v[CLASS_NAME] = value_text(name);
    v[CLASS_NAMESPACE] = value_oid(schema);
    v[5] = value_oid(OWNER_OID);
    v[6] = value_oid(kind == RELATION_TABLE ? 2u : kind == RELATION_INDEX ? 403u : 0u);
    v[7] = value_oid(id);
    v[CLASS_TUPLES].f32 = -1;
    /* the catalogs have all theirs from the start; others get them one by one */
    v[CLASS_HAS_INDEX] = value_bool(kind == RELATION_TABLE && id < CATALOG_OBJECT_ID_END);
    v[15] = value_char('p');
    v[CLASS_KIND] = value_char((char)kind);
    v[CLASS_NATTS] = value_i16((int)column_count);
    v[24] = value_bool(true); /* relispopulated */
    v[25] = value_char(kind == RELATION_TABLE ? 'd' : 'n');
    v[CLASS_OPTIONS] = value_text(options);
    return catalog__insert(cx, PG_CLASS_OID, row.values);
}

static char
type_align(const struct type_info *type)
{
    switch (type->length) {
    case 1:
    case 64:
        return 'c';
    case 2:
        return 's';
    case 8:
    case 16:
        return 'd';
    default:
        return 'i';
    }
}

static char
type_storage(const struct type_info *type)
{
    return type->length > 0 ? 'p' : type->id == TYPE_NUMERIC ? 'm' : 'x';
}

static uint32_t
type_collation(const struct type_info *type)
{
    return type->category != 'S' ? 0u : type->id == TYPE_NAME ? 950u : 100u;
}

static enum status
add_attribute_row(struct sql_context *cx, uint32_t relation, unsigned no,
                  const struct new_column *column)
{
    const struct type_info *type = type_info(column->type);
    ASSERT(type != NULL);
    struct catalog_row row;
    catalog__row_init(cx->catalog->catalogs, &row, PG_ATTRIBUTE_OID);
    struct value *v = row.values;
    v[ATTRIBUTE_RELID] = value_oid(relation);
    v[ATTRIBUTE_NAME] = value_text(column->name);
    v[ATTRIBUTE_TYPE] = value_oid(column->type);
    v[3] = value_i32(-1);
    v[4] = value_i16(type->length);
    v[ATTRIBUTE_NUM] = value_i16((int)no);
    v[7] = value_i32(-1);
    v[ATTRIBUTE_TYPMOD] = value_i32(column->typmod);
    v[9] = value_bool(type->length > 0 && type->length <= 8);
    v[10] = value_char(type_align(type));
    v[11] = value_char(type_storage(type));
    v[ATTRIBUTE_NOT_NULL] = value_bool(column->not_null);
    v[ATTRIBUTE_HAS_DEFAULT] = value_bool(column->default_sql != NULL);
    v[19] = value_bool(true); /* attislocal */
    v[21] = value_oid(type_collation(type));
    return catalog__insert(cx, PG_ATTRIBUTE_OID, row.values);
}

/* The column's default, and what it needs. */
static enum status
add_default_row(struct sql_context *cx, uint32_t relation, unsigned no,
                const struct new_column *column)
{
    struct object_id id;
    TRY(object_id_next(cx->txn, &id, cx->diag));
    struct catalog_row row;
    catalog__row_init(cx->catalog->catalogs, &row, PG_ATTRDEF_OID);
    row.values[ATTRDEF_OID] = value_oid(id.v);
    row.values[ATTRDEF_RELID] = value_oid(relation);
    row.values[ATTRDEF_NUM] = value_i16((int)no);
    row.values[ATTRDEF_TEXT] = value_text(column->default_sql);
    TRY(catalog__insert(cx, PG_ATTRDEF_OID, row.values));
    for (unsigned i = 0; i < column->default_need_count; i++) {
        struct dependency need = {.class_id = PG_ATTRDEF_OID,
                                  .object = id.v,
                                  .relation = column->default_needs[i],
                                  .type = 'n'};
        TRY(catalog__add_dependency(cx, &need));
    }
    return STATUS_OK;
}

enum status
catalog_add_table(struct sql_context *cx, uint32_t schema, const char *name,
                  const struct new_column *columns, unsigned column_count, const char *options,
                  struct object_id *id_out)
{
    TRY(object_id_next(cx->txn, id_out, cx->diag));
    struct table_definition *definition = arena_new(cx->arena, struct table_definition);
    definition->column_count = column_count;
    for (unsigned i = 0; i < column_count; i++) {
        definition->kinds[i] = type_info(columns[i].type)->column_kind;
    }
    TRY(table_create(cx->txn, *id_out, definition, cx->diag));
    TRY(add_class_row(cx, id_out->v, schema, name, RELATION_TABLE, column_count, options));
    for (unsigned i = 0; i < column_count; i++) {
        TRY(add_attribute_row(cx, id_out->v, i + 1, &columns[i]));
        if (columns[i].default_sql != NULL) {
            TRY(add_default_row(cx, id_out->v, i + 1, &columns[i]));
        }
    }
    return finish_change(cx);
}

/* Finds one row by a key, lets `change` edit its values, writes it back. */
typedef void (*edit_fn)(struct value *values, const void *arg);

static enum status
edit_row(struct sql_context *cx, uint32_t index_id, const struct value *keys,
         unsigned key_count, edit_fn edit, const void *arg)
{
    struct catalog_scan scan;
    TRY(catalog__scan(cx, index_id, keys, key_count, &scan));
    bool found = false;
    enum status status = catalog__scan_next(cx, &scan, &found);
    struct value values[CATALOG_COLUMNS_MAX];
    unsigned count = scan.table->column_count;
    for (unsigned i = 0; status == STATUS_OK && found && i < count; i++) {
        values[i] = scan.values[i];
        bool is_bytes = type_info(scan.table->columns[i].type)->physical == PHYSICAL_BYTES;
        if (is_bytes && !values[i].is_null) {
            values[i].bytes = arena_copy(cx->arena, values[i].bytes);
        }
    }
    struct row_id row = scan.row;
    uint32_t table_id = scan.table->id.v;
    catalog__scan_close(&scan);
    TRY(status);
    if (!found) {
        return diag_fail(cx->diag, STATUS_NOT_FOUND, SQLSTATE_INTERNAL_ERROR,
                         "cache lookup failed for relation %u", keys[0].u32);
    }
    edit(values, arg);
    return catalog__update(cx, table_id, row, values);
}

static void
edit_natts(struct value *values, const void *arg)
{
    values[CLASS_NATTS].i16 = (int16_t) * (const unsigned *)arg;
}

enum status
catalog_add_column(struct sql_context *cx, const struct table_def *table,
                   const struct new_column *column)
{
    struct table_definition *definition = arena_new(cx->arena, struct table_definition);
    *definition = table->storage;
    definition->kinds[definition->column_count++] = type_info(column->type)->column_kind;
    TRY(table_alter(cx->txn, table->id, definition, cx->diag));
    unsigned no = table->column_count + 1;
    struct value key = value_oid(table->id.v);
    TRY(edit_row(cx, CLASS_OID_INDEX, &key, 1, edit_natts, &no));
    TRY(add_attribute_row(cx, table->id.v, no, column));
    if (column->default_sql != NULL) {
        TRY(add_default_row(cx, table->id.v, no, column));
    }
    return finish_change(cx);
}

static void
edit_not_null(struct value *values, const void *arg)
{
    UNUSED(arg);
    values[ATTRIBUTE_NOT_NULL] = value_bool(true);
}

enum status
catalog_set_not_null(struct sql_context *cx, struct object_id table, unsigned attribute_no)
{
    struct value keys[] = {value_oid(table.v), value_i16((int)attribute_no)};
    TRY(edit_row(cx, ATTRIBUTE_INDEX, keys, 2, edit_not_null, NULL));
    return finish_change(cx);
}

/* The operator class that PostgreSQL would name: by type. */
static uint32_t
operator_class(enum type_id type)
{
    switch (type) {
    case TYPE_INT2:
        return 1979;
    case TYPE_INT4:
        return 1978;
    case TYPE_INT8:
        return 3124;
    case TYPE_OID:
        return 1981;
    case TYPE_TEXT:
    case TYPE_VARCHAR:
        return 3126;
    case TYPE_BPCHAR:
        return 426;
    case TYPE_NUMERIC:
        return 3125;
    case TYPE_FLOAT8:
        return 3123;
    case TYPE_FLOAT4:
        return 1970;
    case TYPE_BOOL:
        return 424;
    case TYPE_DATE:
        return 3122;
    case TYPE_TIMESTAMP:
        return 3128;
    case TYPE_TIMESTAMPTZ:
        return 3127;
    default:
        return 0;
    }
}

static enum status
add_index_row(struct sql_context *cx, const struct table_def *table,
              const struct index_definition *definition, enum constraint_kind constraint)
{
    struct buf key = BUF_EMPTY, option = BUF_EMPTY, collation = BUF_EMPTY, class = BUF_EMPTY;
    for (unsigned i = 0; i < definition->column_count; i++) {
        const struct index_column *column = &definition->columns[i];
        const char *gap = i == 0 ? "" : " ";
        enum type_id type = table->columns[column->column_no].type;
        buf_printf(&key, "%s%u", gap, column->column_no + 1u);
        buf_printf(&option, "%s%u", gap,
                   (column->descending ? 1u : 0u) | (column->nulls_first ? 2u : 0u));
        buf_printf(&collation, "%s%u", gap, type_collation(type_info(type)));
        buf_printf(&class, "%s%u", gap, operator_class(type));
    }
    struct catalog_row row;
    catalog__row_init(cx->catalog->catalogs, &row, PG_INDEX_OID);
    struct value *v = row.values;
    v[INDEX_RELID] = value_oid(definition->index.v);
    v[INDEX_TABLE] = value_oid(definition->table.v);
    v[INDEX_NATTS] = value_i16((int)definition->column_count);
    v[INDEX_NKEYATTS] = value_i16((int)definition->column_count);
    v[INDEX_UNIQUE_FLAG] = value_bool(definition->unique);
    v[INDEX_PRIMARY] = value_bool(constraint == CONSTRAINT_PRIMARY);
    v[8] = v[10] = v[12] = v[13] = value_bool(true); /* immediate, valid, ready, live */
    v[INDEX_KEY].bytes = buf_slice(&key);
    v[16].bytes = buf_slice(&collation);
    v[17].bytes = buf_slice(&class);
    v[INDEX_OPTION].bytes = buf_slice(&option);
    enum status status = catalog__insert(cx, PG_INDEX_OID, row.values);
    buf_deinit(&key);
    buf_deinit(&option);
    buf_deinit(&collation);
    buf_deinit(&class);
    return status;
}

static enum status
add_constraint_row(struct sql_context *cx, const struct table_def *table, const char *name,
                   enum constraint_kind kind, const struct index_definition *index)
{
    struct object_id id;
    TRY(object_id_next(cx->txn, &id, cx->diag));
    struct buf keys = BUF_EMPTY;
    buf_append_text(&keys, "{");
    for (unsigned i = 0; i < index->column_count; i++) {
        buf_printf(&keys, "%s%u", i == 0 ? "" : ",", index->columns[i].column_no + 1u);
    }
    buf_append_text(&keys, "}");
    struct catalog_row row;
    catalog__row_init(cx->catalog->catalogs, &row, PG_CONSTRAINT_OID);
    struct value *v = row.values;
    v[CONSTRAINT_OID] = value_oid(id.v);
    v[CONSTRAINT_NAME] = value_text(name);
    v[CONSTRAINT_NAMESPACE] = value_oid(table->schema);
    v[CONSTRAINT_TYPE] = value_char((char)kind);
    v[6] = value_bool(true); /* convalidated */
    v[CONSTRAINT_RELID] = value_oid(table->id.v);
    v[CONSTRAINT_INDEX] = value_oid(index->index.v);
    v[12] = v[13] = v[14] = value_char(' ');
    v[15] = v[17] = value_bool(true); /* conislocal, connoinherit */
    v[CONSTRAINT_KEY] = (struct value){.bytes = buf_slice(&keys)};
    enum status status = catalog__insert(cx, PG_CONSTRAINT_OID, row.values);
    buf_deinit(&keys);
    return status;
}

static void
edit_has_index(struct value *values, const void *arg)
{
    values[CLASS_HAS_INDEX] = value_bool(*(const bool *)arg);
}

/* "Key (a, b)=(1, x) is duplicated." of a row that the build stumbled over. */
static void
describe_duplicate(struct sql_context *cx, const struct table_def *table,
                   const struct index_definition *definition, struct row_id row)
{
    struct buf tuple = BUF_EMPTY, text = BUF_EMPTY;
    bool found = false;
    struct diag ignored;
    diag_clear(&ignored);
    if (table_fetch(cx->txn, table->id, row, &tuple, &found, &ignored) == STATUS_OK && found) {
        unsigned count = table->storage.column_count;
        struct column_value *columns = arena_array(cx->arena, struct column_value, count);
        tuple_decode(buf_slice(&tuple), table->storage.kinds, count, columns);
        buf_append_text(&text, "Key (");
        for (unsigned i = 0; i < definition->column_count; i++) {
            const char *name = table->columns[definition->columns[i].column_no].name;
            buf_append_text(&text, i == 0 ? "" : ", ");
            catalog_quote_identifier(name, &text);
        }
        buf_append_text(&text, ")=(");
        for (unsigned i = 0; i < definition->column_count; i++) {
            unsigned no = definition->columns[i].column_no;
            buf_append_text(&text, i == 0 ? "" : ", ");
            if (columns[no].is_null || columns[no].bytes.data == NULL) {
                buf_append_text(&text, "null");
                continue;
            }
            struct value value;
            value_from_column(table->columns[no].type, &columns[no], &value);
            value_to_text(table->columns[no].type, &value, &text);
        }
        diag_detail(cx->diag, "%.*s) is duplicated.", (int)text.size, (const char *)text.data);
    }
    buf_deinit(&tuple);
    buf_deinit(&text);
}

static enum status
build_index(struct sql_context *cx, const struct table_def *table,
            const struct index_definition *definition, const char *name)
{
    struct change_result result = {0};
    enum status status = index_create(cx->txn, definition, &result, cx->diag);
    if (status == STATUS_CONFLICT &&
        strcmp(cx->diag->sqlstate, SQLSTATE_UNIQUE_VIOLATION) == 0) {
        diag_clear(cx->diag);
        diag_fail(cx->diag, status, SQLSTATE_UNIQUE_VIOLATION,
                  "could not create unique index \"%s\"", name);
        catalog_name_table(cx->diag, table);
        snprintf(cx->diag->constraint_name, sizeof(cx->diag->constraint_name), "%s", name);
        if (result.conflicting_row.v != 0) {
            describe_duplicate(cx, table, definition, result.conflicting_row);
        }
    }
    return status;
}

/* Keys are in the order of their bytes; arrays are not. */
static enum status
check_index_types(struct sql_context *cx, const struct table_def *table,
                  const struct new_index *index)
{
    for (unsigned i = 0; i < index->column_count; i++) {
        const struct column_def *column = &table->columns[index->columns[i].column_no];
        if (type_is_array(column->type)) {
            return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                             "an index on an array (column \"%s\") is not supported",
                             column->name);
        }
    }
    return STATUS_OK;
}

enum status
catalog_add_index(struct sql_context *cx, const struct table_def *table,
                  const struct new_index *index, struct object_id *id_out)
{
    struct index_definition definition = {
        .table = table->id, .unique = index->unique, .column_count = index->column_count};
    TRY(check_index_types(cx, table, index));
    TRY(object_id_next(cx->txn, &definition.index, cx->diag));
    for (unsigned i = 0; i < index->column_count; i++) {
        definition.columns[i] = index->columns[i];
        definition.columns[i].kind = table->storage.kinds[index->columns[i].column_no];
    }
    TRY(build_index(cx, table, &definition, index->name));
    uint32_t id = definition.index.v;
    TRY(add_class_row(cx, id, table->schema, index->name, RELATION_INDEX, index->column_count,
                      NULL));
    for (unsigned i = 0; i < index->column_count; i++) {
        const struct column_def *column = &table->columns[index->columns[i].column_no];
        struct new_column copy = {
            .name = column->name, .type = column->type, .typmod = column->typmod};
        TRY(add_attribute_row(cx, id, i + 1, &copy));
    }
    TRY(add_index_row(cx, table, &definition, index->constraint));
    if (index->constraint != CONSTRAINT_NONE) {
        TRY(add_constraint_row(cx, table, index->name, index->constraint, &definition));
    }
    txn_next_command(cx->txn);
    struct value key = value_oid(table->id.v);
    bool has_index = true;
    TRY(edit_row(cx, CLASS_OID_INDEX, &key, 1, edit_has_index, &has_index));
    *id_out = definition.index;
    return finish_change(cx);
}

enum status
catalog_add_sequence(struct sql_context *cx, uint32_t schema, const char *name,
                     enum type_id type, const struct sequence_definition *definition,
                     struct object_id *id_out)
{
    TRY(object_id_next(cx->txn, id_out, cx->diag));
    TRY(sequence_create(cx->txn, *id_out, definition, cx->diag));
    static const struct new_column columns[] = {
        {.name = "last_value", .type = TYPE_INT8, .typmod = -1, .not_null = true},
        {.name = "log_cnt", .type = TYPE_INT8, .typmod = -1, .not_null = true},
        {.name = "is_called", .type = TYPE_BOOL, .typmod = -1, .not_null = true},
    };
    TRY(add_class_row(cx, id_out->v, schema, name, RELATION_SEQUENCE, ARRAY_SIZE(columns),
                      NULL));
    for (unsigned i = 0; i < ARRAY_SIZE(columns); i++) {
        TRY(add_attribute_row(cx, id_out->v, i + 1, &columns[i]));
    }
    struct catalog_row row;
    catalog__row_init(cx->catalog->catalogs, &row, PG_SEQUENCE_OID);
    row.values[SEQUENCE_RELID] = value_oid(id_out->v);
    row.values[SEQUENCE_TYPE] = value_oid(type);
    row.values[SEQUENCE_START] = value_i64(definition->start);
    row.values[SEQUENCE_INCREMENT] = value_i64(definition->increment);
    row.values[SEQUENCE_MAX] = value_i64(definition->max);
    row.values[SEQUENCE_MIN] = value_i64(definition->min);
    row.values[SEQUENCE_CACHE] = value_i64(definition->cache);
    row.values[SEQUENCE_CYCLE] = value_bool(definition->cycle);
    TRY(catalog__insert(cx, PG_SEQUENCE_OID, row.values));
    return finish_change(cx);
}

/* The rows that every relation has. */
static enum status
delete_relation_rows(struct sql_context *cx, uint32_t id)
{
    struct value key = value_oid(id);
    TRY(catalog__delete_where(cx, CLASS_OID_INDEX, &key, 1));
    TRY(catalog__delete_where(cx, ATTRIBUTE_INDEX, &key, 1));
    return catalog__delete_where(cx, DEPEND_OBJECT_INDEX, &key, 1);
}

static enum status
delete_index_rows(struct sql_context *cx, uint32_t id)
{
    struct value key = value_oid(id);
    TRY(catalog__delete_where(cx, INDEX_ID_INDEX, &key, 1));
    return delete_relation_rows(cx, id);
}

static enum status
drop_sequence(struct sql_context *cx, struct object_id sequence)
{
    struct value key = value_oid(sequence.v);
    TRY(object_drop(cx->txn, sequence, cx->diag));
    TRY(catalog__delete_where(cx, SEQUENCE_INDEX, &key, 1));
    return delete_relation_rows(cx, sequence.v);
}

static enum status
drop_owned_sequences(struct sql_context *cx, struct object_id table)
{
    struct buf ids = BUF_EMPTY;
    enum status status = catalog__collect_ids(cx, DEPEND_REFERENCE_INDEX, table, DEPEND_OBJECT,
                                              PG_CLASS_OID, &ids);
    for (size_t i = 0; status == STATUS_OK && i < ids.size / sizeof(struct object_id); i++) {
        status = drop_sequence(cx, catalog__id_at(&ids, i));
    }
    buf_deinit(&ids);
    return status;
}

/* With what they needed. */
static enum status
drop_defaults(struct sql_context *cx, struct object_id table)
{
    struct buf ids = BUF_EMPTY;
    enum status status = catalog__collect_ids(cx, ATTRDEF_INDEX, table, ATTRDEF_OID, 0, &ids);
    for (size_t i = 0; status == STATUS_OK && i < ids.size / sizeof(struct object_id); i++) {
        struct value key = value_oid(catalog__id_at(&ids, i).v);
        status = catalog__delete_where(cx, DEPEND_OBJECT_INDEX, &key, 1);
    }
    buf_deinit(&ids);
    TRY(status);
    struct value key = value_oid(table.v);
    return catalog__delete_where(cx, ATTRDEF_INDEX, &key, 1);
}

enum status
catalog_drop_relation(struct sql_context *cx, const struct table_def *table)
{
    if (table->kind == RELATION_SEQUENCE) {
        TRY(drop_sequence(cx, table->id));
        return finish_change(cx);
    }
    ASSERT(table->kind == RELATION_TABLE);
    TRY(object_drop(cx->txn, table->id, cx->diag)); /* takes its indexes along */
    for (unsigned i = 0; i < table->index_count; i++) {
        TRY(delete_index_rows(cx, table->indexes[i].id.v));
    }
    struct value key = value_oid(table->id.v);
    TRY(catalog__delete_where(cx, CONSTRAINT_TABLE_INDEX, &key, 1));
    TRY(drop_defaults(cx, table->id));
    TRY(drop_owned_sequences(cx, table->id));
    TRY(delete_relation_rows(cx, table->id.v));
    return finish_change(cx);
}

enum status
catalog_drop_index(struct sql_context *cx, const struct table_def *table,
                   const struct index_def *index)
{
    ASSERT(index->constraint == CONSTRAINT_NONE);
    TRY(object_drop(cx->txn, index->id, cx->diag));
    TRY(delete_index_rows(cx, index->id.v));
    if (table->index_count == 1) {
        struct value key = value_oid(table->id.v);
        bool has_index = false;
        TRY(edit_row(cx, CLASS_OID_INDEX, &key, 1, edit_has_index, &has_index));
    }
    return finish_change(cx);
}

enum status
catalog_read_sequence(struct sql_context *cx, struct object_id sequence, enum type_id *type_out,
                      struct sequence_definition *definition_out)
{
    struct value key = value_oid(sequence.v);
    struct catalog_scan scan;
    TRY(catalog__scan(cx, SEQUENCE_INDEX, &key, 1, &scan));
    bool found = false;
    enum status status = catalog__scan_next(cx, &scan, &found);
    if (status == STATUS_OK && found) {
        *type_out = (enum type_id)scan.values[SEQUENCE_TYPE].u32;
        *definition_out = (struct sequence_definition){
            .start = scan.values[SEQUENCE_START].i64,
            .increment = scan.values[SEQUENCE_INCREMENT].i64,
            .max = scan.values[SEQUENCE_MAX].i64,
            .min = scan.values[SEQUENCE_MIN].i64,
            .cache = scan.values[SEQUENCE_CACHE].i64,
            .cycle = scan.values[SEQUENCE_CYCLE].b != 0,
        };
    }
    catalog__scan_close(&scan);
    if (status == STATUS_OK && !found) {
        return diag_fail(cx->diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_TABLE,
                         "cache lookup failed for sequence %u", sequence.v);
    }
    return status;
}

struct counts {
    double rows;
    int32_t pages;
};

static void
edit_counts(struct value *values, const void *arg)
{
    const struct counts *counts = arg;
    values[CLASS_TUPLES].f32 = (float)counts->rows;
    values[CLASS_PAGES].i32 = counts->pages;
}

enum status
catalog_set_counts(struct sql_context *cx, struct object_id table, double rows, int32_t pages)
{
    struct counts counts = {rows, pages};
    struct value key = value_oid(table.v);
    TRY(edit_row(cx, CLASS_OID_INDEX, &key, 1, edit_counts, &counts));
    return finish_change(cx);
}

/* ---- the bootstrap's rows about the built-in relations themselves ---- */
static enum status
describe_indexes(struct sql_context *cx, const struct table_def *table)
{
    for (unsigned i = 0; i < table->index_count; i++) {
        const struct index_def *index = &table->indexes[i];
        unsigned count = index->storage.column_count;
        TRY(add_class_row(cx, index->id.v, table->schema, index->name, RELATION_INDEX, count,
                          NULL));
        for (unsigned k = 0; k < count; k++) {
            const struct column_def *column =
                &table->columns[index->storage.columns[k].column_no];
            struct new_column copy = {
                .name = column->name, .type = column->type, .typmod = column->typmod};
            TRY(add_attribute_row(cx, index->id.v, k + 1, &copy));
        }
        TRY(add_index_row(cx, table, &index->storage, CONSTRAINT_NONE));
    }
    return STATUS_OK;
}

enum status
catalog__describe_builtins(struct sql_context *cx)
{
    const struct catalogs *catalogs = cx->catalog->catalogs;
    for (unsigned i = 0; i < catalogs->builtin_count; i++) {
        const struct table_def *table = &catalogs->builtins[i];
        if (table->id.v >= SCHEMA_HOST_FIRST_ID) {
            continue; /* the host's views differ from version to version: not stored */
        }
        TRY(add_class_row(cx, table->id.v, table->schema, table->name, table->kind,
                          table->column_count, NULL));
        for (unsigned c = 0; c < table->column_count; c++) {
            const struct column_def *column = &table->columns[c];
            struct new_column copy = {.name = column->name,
                                      .type = column->type,
                                      .typmod = column->typmod,
                                      .not_null = column->not_null};
            TRY(add_attribute_row(cx, table->id.v, c + 1, &copy));
        }
        TRY(describe_indexes(cx, table));
    }
    return STATUS_OK;
}
