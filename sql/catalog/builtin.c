/* builtin.c: definitions of the relations that every cluster has, made of builtin.def, and of
 * the host's views.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "sql/catalog/catalog_internal.h"
#include "sql/catalog/views.h"

struct builtin {
    uint32_t id, schema;
    const char *name;
    char kind;
    enum status (*rows)(const struct table_def *table, struct sql_context *cx,
                        struct value **values_out, unsigned *row_count_out);
    const char *columns;
};

static const struct builtin builtins[] = {
#define BUILTIN(id, schema, name, kind, rows, columns)                                         \
    {(id), SCHEMA_##schema, (name), (kind), (rows), (columns)},
#include "sql/catalog/builtin.def"
#undef BUILTIN
};

static const struct builtin_index indexes[] = {
    {CLASS_OID_INDEX, PG_CLASS_OID, "pg_class_oid_index", true, 1, {CLASS_OID}},
    {CLASS_NAME_INDEX,
     PG_CLASS_OID,
     "pg_class_relname_nsp_index",
     false,
     2,
     {CLASS_NAME, CLASS_NAMESPACE}},
    {ATTRIBUTE_INDEX,
     PG_ATTRIBUTE_OID,
     "pg_attribute_relid_attnum_index",
     true,
     2,
     {ATTRIBUTE_RELID, ATTRIBUTE_NUM}},
    {ATTRDEF_INDEX,
     PG_ATTRDEF_OID,
     "pg_attrdef_adrelid_adnum_index",
     false,
     2,
     {ATTRDEF_RELID, ATTRDEF_NUM}},
    {CONSTRAINT_TABLE_INDEX,
     PG_CONSTRAINT_OID,
     "pg_constraint_conrelid_contypid_conname_index",
     false,
     3,
     {CONSTRAINT_RELID, 8, CONSTRAINT_NAME}},
    {INDEX_TABLE_INDEX,
     PG_INDEX_OID,
     "pg_index_indrelid_index",
     false,
     2,
     {INDEX_TABLE, INDEX_RELID}},
    {INDEX_ID_INDEX, PG_INDEX_OID, "pg_index_indexrelid_index", true, 1, {INDEX_RELID}},
    {NAMESPACE_NAME_INDEX,
     PG_NAMESPACE_OID,
     "pg_namespace_nspname_index",
     false,
     2,
     {NAMESPACE_NAME, NAMESPACE_DATABASE}},
    {NAMESPACE_OID_INDEX, PG_NAMESPACE_OID, "pg_namespace_oid_index", true, 1, {NAMESPACE_OID}},
    {SEQUENCE_INDEX, PG_SEQUENCE_OID, "pg_sequence_seqrelid_index", true, 1, {SEQUENCE_RELID}},
    {AUTHID_NAME_INDEX, PG_AUTHID_OID, "pg_authid_rolname_index", false, 1, {1}},
    {AUTHID_OID_INDEX, PG_AUTHID_OID, "pg_authid_oid_index", true, 1, {0}},
    {DATABASE_NAME_INDEX, PG_DATABASE_OID, "pg_database_datname_index", false, 1, {1}},
    {DATABASE_OID_INDEX, PG_DATABASE_OID, "pg_database_oid_index", true, 1, {0}},
    {DEPEND_OBJECT_INDEX,
     PG_DEPEND_OID,
     "pg_depend_depender_index",
     false,
     3,
     {DEPEND_OBJECT, DEPEND_REF_OBJECT, DEPEND_REF_SUB}},
    {DEPEND_REFERENCE_INDEX,
     PG_DEPEND_OID,
     "pg_depend_reference_index",
     false,
     3,
     {DEPEND_REF_OBJECT, DEPEND_REF_SUB, DEPEND_OBJECT}},
};

const struct builtin_index *
builtin_indexes(unsigned *count_out)
{
    *count_out = ARRAY_SIZE(indexes);
    return indexes;
}

static const struct type_info *
type_of_spec(const char *name, size_t size)
{
    char text[32];
    ASSERT(size < sizeof(text));
    memcpy(text, name, size);
    text[size] = 0;
    if (strcmp(text, "char") == 0) {
        return type_info(TYPE_CHAR);
    }
    if (text[0] == '_') { /* array: by its element */
        const struct type_info *element =
            strcmp(text, "_char") == 0 ? type_info(TYPE_CHAR) : type_by_name(text + 1);
        return element == NULL ? NULL : type_info(element->array_type);
    }
    return type_by_name(text);
}

/* "oid oid, relname name, relacl _text?" */
static void
parse_columns(struct arena *arena, const char *spec, struct table_def *table)
{
    unsigned count = 1;
    for (const char *p = spec; *p != 0; p++) {
        count += *p == ',';
    }
    ASSERT(count <= CATALOG_COLUMNS_MAX);
    table->column_count = count;
    table->columns = arena_array(arena, struct column_def, count);
    const char *p = spec;
    for (unsigned i = 0; i < count; i++) {
        p += strspn(p, " ,");
        size_t name_size = strcspn(p, " ");
        const char *type = p + name_size + 1;
        size_t type_size = strcspn(type, "?,");
        const struct type_info *info = type_of_spec(type, type_size);
        ASSERT(info != NULL);
        table->columns[i] = (struct column_def){
            .name = arena_strndup(arena, p, name_size),
            .type = info->id,
            .typmod = -1,
            .attribute_no = (uint16_t)(i + 1),
            .not_null = type[type_size] != '?' && table->kind == RELATION_TABLE,
        };
        table->storage.kinds[i] = info->column_kind;
        p = type + type_size + (type[type_size] == '?');
    }
    table->storage.column_count = count;
}

static void
attach_indexes(struct arena *arena, struct table_def *table)
{
    unsigned count = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(indexes); i++) {
        count += indexes[i].table == table->id.v;
    }
    table->index_count = count;
    table->indexes = arena_array(arena, struct index_def, count);
    struct index_def *index = table->indexes;
    for (unsigned i = 0; i < ARRAY_SIZE(indexes); i++) {
        if (indexes[i].table != table->id.v) {
            continue;
        }
        index->id = (struct object_id){indexes[i].id};
        index->name = indexes[i].name;
        index->storage.index = index->id;
        index->storage.table = table->id;
        index->storage.unique =
            indexes[i].id != DEPEND_OBJECT_INDEX && indexes[i].id != DEPEND_REFERENCE_INDEX;
        index->storage.column_count = indexes[i].column_count;
        for (unsigned c = 0; c < indexes[i].column_count; c++) {
            uint16_t no = indexes[i].columns[c];
            ASSERT(table->storage.kinds[no] != 0);
            index->storage.columns[c] =
                (struct index_column){.column_no = no, .kind = table->storage.kinds[no]};
        }
        index++;
    }
}

static enum status
host_view_rows(const struct table_def *table, struct sql_context *cx, struct value **values_out,
               unsigned *row_count_out)
{
    const struct host_view *view = table->view_arg;
    return view->rows(cx->host_arg, cx, values_out, row_count_out);
}

static void
build_host_view(struct arena *arena, const struct host_view *view, const char *name,
                uint32_t id, struct table_def *table)
{
    table->id.v = id;
    table->name = name;
    table->schema = SCHEMA_PG_CATALOG;
    table->schema_name = "pg_catalog";
    table->kind = RELATION_VIEW;
    table->view_rows = host_view_rows;
    table->view_arg = view;
    table->row_count = -1;
    table->column_count = view->column_count;
    table->columns = arena_array(arena, struct column_def, view->column_count);
    for (unsigned i = 0; i < view->column_count; i++) {
        table->columns[i] = (struct column_def){.name = view->columns[i].name,
                                                .type = view->columns[i].type,
                                                .typmod = -1,
                                                .attribute_no = (uint16_t)(i + 1)};
    }
}

static unsigned
name_bucket(const struct catalogs *catalogs, const char *name)
{
    return (unsigned)hash64(slice_from_text(name), 0) & (catalogs->bucket_count - 1);
}

static void
index_names(struct catalogs *catalogs)
{
    catalogs->bucket_count = 64;
    while (catalogs->bucket_count < 3 * catalogs->builtin_count) {
        catalogs->bucket_count *= 2;
    }
    catalogs->builtin_buckets = arena_array(&catalogs->arena, unsigned, catalogs->bucket_count);
    for (unsigned i = 0; i < catalogs->builtin_count; i++) {
        unsigned at = name_bucket(catalogs, catalogs->builtins[i].name);
        while (catalogs->builtin_buckets[at] != 0) {
            at = (at + 1) & (catalogs->bucket_count - 1);
        }
        catalogs->builtin_buckets[at] = i + 1;
    }
}

void
catalog__build_builtins(struct catalogs *catalogs, const struct sql_host *host, void *host_arg)
{
    struct arena *arena = &catalogs->arena;
    unsigned view_count = 0;
    const struct host_view *views =
        host == NULL || host->views == NULL ? NULL : host->views(host_arg, &view_count);
    catalogs->builtins =
        arena_array(arena, struct table_def, ARRAY_SIZE(builtins) + 2 * view_count);
    unsigned count = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(builtins); i++) {
        struct table_def *table = &catalogs->builtins[count++];
        table->id.v = builtins[i].id;
        table->name = builtins[i].name;
        table->schema = builtins[i].schema;
        table->schema_name =
            builtins[i].schema == SCHEMA_PG_CATALOG ? "pg_catalog" : "information_schema";
        table->kind = (enum relation_kind)builtins[i].kind;
        table->view_rows = builtins[i].rows;
        table->row_count = -1;
        parse_columns(arena, builtins[i].columns, table);
        attach_indexes(arena, table);
    }
    for (unsigned i = 0; i < view_count; i++) {
        const char *name = views[i].name;
        build_host_view(arena, &views[i], name, SCHEMA_HOST_FIRST_ID + 2 * i,
                        &catalogs->builtins[count++]);
        if (name[0] == 'v' && name[1] == '$') {
            build_host_view(arena, &views[i], arena_printf(arena, "v_%s", name + 2),
                            SCHEMA_HOST_FIRST_ID + 2 * i + 1, &catalogs->builtins[count++]);
        }
    }
    catalogs->builtin_count = count;
    index_names(catalogs);
}

const struct table_def *
catalog__builtin_by_name(const struct catalogs *catalogs, uint32_t schema, const char *name)
{
    unsigned at = name_bucket(catalogs, name);
    for (; catalogs->builtin_buckets[at] != 0; at = (at + 1) & (catalogs->bucket_count - 1)) {
        const struct table_def *table = &catalogs->builtins[catalogs->builtin_buckets[at] - 1];
        if (table->schema == schema && strcmp(table->name, name) == 0) {
            return table;
        }
    }
    return NULL;
}

const struct table_def *
catalog__builtin_by_id(const struct catalogs *catalogs, uint32_t id)
{
    for (unsigned i = 0; i < catalogs->builtin_count; i++) {
        if (catalogs->builtins[i].id.v == id) {
            return &catalogs->builtins[i];
        }
    }
    return NULL;
}
