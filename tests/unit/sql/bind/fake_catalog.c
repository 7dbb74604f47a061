/* fake_catalog.c: see fake_catalog.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/sql/bind/fake_catalog.h"

#include "base/errors.h"
#include "sql/func/func_catalog.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const struct fake_relation {
    uint32_t id, schema;
    const char *name;
    char kind;
    const char *columns; /* name type[?], ... */
} relations[] = {
#define BUILTIN(id, schema, name, kind, rows, columns)                                         \
    {id, SCHEMA_##schema, name, kind, columns},
#include "sql/catalog/builtin.def"
#undef BUILTIN
    {20001, SCHEMA_PUBLIC, "t1", 'r', "id int4, name varchar, v numeric?, ts timestamptz?"},
    {20002, SCHEMA_PUBLIC, "t2", 'r', "a int4?, b text?"},
    {20003, SCHEMA_PUBLIC, "t3", 'r', "id int8?, name text?, w float8?"},
    {20004, SCHEMA_PUBLIC, "pgbench_accounts", 'r',
     "aid int4, bid int4?, abalance int4?, filler bpchar?"},
    {20005, SCHEMA_PUBLIC, "pgbench_branches", 'r', "bid int4, bbalance int4?, filler bpchar?"},
    {20006, SCHEMA_PUBLIC, "pgbench_tellers", 'r',
     "tid int4, bid int4?, tbalance int4?, filler bpchar?"},
    {20007, SCHEMA_PUBLIC, "pgbench_history", 'r',
     "tid int4?, bid int4?, aid int4?, delta int4?, mtime timestamp?, filler bpchar?"},
};

static void
add_column(struct fake_catalog *fake, struct table_def *table, char *spec)
{
    char *type = strchr(spec, ' ');
    assert(type != NULL);
    *type++ = '\0';
    size_t size = strlen(type);
    struct column_def *column = &table->columns[table->column_count++];
    column->not_null = type[size - 1] != '?';
    if (!column->not_null) {
        type[size - 1] = '\0';
    }
    column->name = spec;
    bool is_char = strcmp(type, "char") == 0;
    const struct type_info *info = is_char ? type_info(TYPE_CHAR) : type_by_name(type);
    if (info == NULL && fake != NULL) {
        (void)fprintf(stderr, "no type %s of %s.%s\n", type, table->name, spec);
    }
    column->type = info == NULL ? TYPE_TEXT : info->id;
    column->typmod = -1;
    column->attribute_no = (uint16_t)table->column_count;
}

static struct table_def *
build(struct fake_catalog *fake, const struct fake_relation *relation)
{
    struct table_def *table = arena_new(&fake->arena, struct table_def);
    table->id.v = relation->id;
    table->name = relation->name;
    table->schema = relation->schema;
    table->schema_name = relation->schema == SCHEMA_PUBLIC       ? "public"
                         : relation->schema == SCHEMA_PG_CATALOG ? "pg_catalog"
                                                                 : "information_schema";
    table->kind = relation->kind == 'r' ? RELATION_TABLE : RELATION_VIEW;
    table->columns = arena_array(&fake->arena, struct column_def, 64);
    char *at = arena_strdup(&fake->arena, relation->columns);
    for (char *comma; at != NULL; at = comma) {
        comma = strchr(at, ',');
        if (comma != NULL) {
            *comma++ = '\0';
            comma += strspn(comma, " ");
        }
        add_column(fake, table, at);
    }
    return table;
}

/* What the specs above cannot say of t1: lengths, defaults, its primary key; a dropped column.
 */
static void
finish_tables(struct fake_catalog *fake)
{
    struct table_def *t1 = fake_catalog_find(fake, NULL, "t1");
    ASSERT(t1 != NULL);
    t1->columns[1].typmod = 20 + 4;
    t1->columns[1].default_sql = "'x'";
    t1->columns[2].typmod = (10 << 16 | 2) + 4;
    t1->columns[3].default_sql = "now()";
    t1->index_count = 1;
    t1->indexes = arena_new(&fake->arena, struct index_def);
    t1->indexes[0].name = "t1_pkey";
    t1->indexes[0].constraint = CONSTRAINT_PRIMARY;
    t1->indexes[0].storage.unique = true;
    t1->indexes[0].storage.column_count = 1;
    struct table_def *t3 = fake_catalog_find(fake, NULL, "t3");
    ASSERT(t3 != NULL);
    memmove(t3->columns + 2, t3->columns + 1, 2 * sizeof(*t3->columns));
    t3->columns[1] = (struct column_def){
        .name = "gone", .type = TYPE_INT4, .typmod = -1, .attribute_no = 2, .dropped = true};
    t3->columns[2].attribute_no = 3;
    t3->columns[3].attribute_no = 4;
    t3->column_count = 4;
}

void
fake_catalog_init(struct fake_catalog *fake)
{
    memset(fake, 0, sizeof(*fake));
    arena_init(&fake->arena);
    fake->count = ARRAY_SIZE(relations);
    fake->tables = arena_array(&fake->arena, struct table_def *, fake->count);
    for (unsigned i = 0; i < fake->count; i++) {
        fake->tables[i] = build(fake, &relations[i]);
    }
    finish_tables(fake);
}

void
fake_catalog_deinit(struct fake_catalog *fake)
{
    arena_deinit(&fake->arena);
}

struct table_def *
fake_catalog_find(struct fake_catalog *fake, const char *schema, const char *name)
{
    for (unsigned i = 0; i < fake->count; i++) {
        struct table_def *table = fake->tables[i];
        bool same = schema == NULL ? table->schema != SCHEMA_INFORMATION
                                   : strcmp(schema, table->schema_name) == 0;
        if (same && strcmp(table->name, name) == 0) {
            return table;
        }
    }
    return NULL;
}

/* In place of sql/catalog's. */
enum status
catalog_get_table(struct sql_context *cx, const char *schema, const char *name,
                  const struct table_def **table_out)
{
    struct fake_catalog *fake = (struct fake_catalog *)cx->host_arg;
    *table_out = fake_catalog_find(fake, schema, name);
    if (*table_out != NULL) {
        return STATUS_OK;
    }
    return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_UNDEFINED_TABLE,
                     "relation \"%s%s%s\" does not exist", schema == NULL ? "" : schema,
                     schema == NULL ? "" : ".", name);
}

static enum status
relation_by_name(struct sql_context *cx, struct slice name, bool missing_ok, uint32_t *oid_out)
{
    const char *text = arena_strndup(cx->arena, name.data, name.size);
    const char *dot = strchr(text, '.');
    const char *schema =
        dot == NULL ? NULL
                    : arena_strndup(cx->arena, (const uint8_t *)text, (size_t)(dot - text));
    const struct table_def *table = fake_catalog_find((struct fake_catalog *)cx->host_arg,
                                                      schema, dot == NULL ? text : dot + 1);
    *oid_out = table == NULL ? 0 : table->id.v;
    return table != NULL || missing_ok
               ? STATUS_OK
               : catalog_get_table(cx, schema, dot == NULL ? text : dot + 1, &table);
}

static enum status
fixed_oid(struct sql_context *cx, struct slice name, uint32_t *oid_out)
{
    UNUSED(cx);
    UNUSED(name);
    *oid_out = 10;
    return STATUS_OK;
}

const struct func_catalog_hooks *
fake_catalog_hooks(void)
{
    static const struct func_catalog_hooks hooks = {.relation_by_name = relation_by_name,
                                                    .schema_by_name = fixed_oid,
                                                    .role_by_name = fixed_oid};
    return &hooks;
}
