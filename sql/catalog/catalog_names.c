/* catalog_names.c: look-ups by name beside tables: schemas, indexes, roles, databases; and
 * lists.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/catalog/catalog_internal.h"

/* The first column (an oid) of the row that the key finds, 0: none; and, with `flag_no`, the
 * boolean of that column. */
static enum status
find_flagged(struct sql_context *cx, uint32_t index_id, const struct value *keys,
             unsigned key_count, unsigned flag_no, uint32_t *oid_out, bool *flag_out)
{
    *oid_out = 0;
    *flag_out = false;
    struct catalog_scan scan;
    TRY(catalog__scan(cx, index_id, keys, key_count, &scan));
    bool found = false;
    enum status status = catalog__scan_next(cx, &scan, &found);
    if (status == STATUS_OK && found) {
        *oid_out = scan.values[0].u32;
        *flag_out = flag_no != 0 && scan.values[flag_no].b != 0;
    }
    catalog__scan_close(&scan);
    return status;
}

static enum status
find_oid(struct sql_context *cx, uint32_t index_id, const struct value *keys,
         unsigned key_count, uint32_t *oid_out)
{
    bool ignored;
    return find_flagged(cx, index_id, keys, key_count, 0, oid_out, &ignored);
}

enum status
catalog_schema_id(struct sql_context *cx, const char *name, uint32_t *id_out)
{
    if (strcmp(name, "public") == 0) {
        *id_out = SCHEMA_PUBLIC;
        return STATUS_OK;
    }
    if (strcmp(name, "pg_catalog") == 0) {
        *id_out = SCHEMA_PG_CATALOG;
        return STATUS_OK;
    }
    if (strcmp(name, "information_schema") == 0) {
        *id_out = SCHEMA_INFORMATION;
        return STATUS_OK;
    }
    struct value key = value_text(name); /* of the one database that has tables */
    return find_oid(cx, NAMESPACE_NAME_INDEX, &key, 1, id_out);
}

enum status
catalog_role_id(struct sql_context *cx, const char *name, uint32_t *id_out)
{
    struct value key = value_text(name);
    return find_oid(cx, AUTHID_NAME_INDEX, &key, 1, id_out);
}

enum status
catalog_check_login(struct sql_context *cx, const char *role, const char *database)
{
    struct value key = value_text(role);
    uint32_t id;
    bool allowed;
    TRY(find_flagged(cx, AUTHID_NAME_INDEX, &key, 1, AUTHID_CAN_LOGIN, &id, &allowed));
    if (id == 0 || !allowed) {
        return diag_fail(
            cx->diag, STATUS_NOT_FOUND, SQLSTATE_INVALID_AUTHORIZATION_SPECIFICATION,
            id == 0 ? "role \"%s\" does not exist" : "role \"%s\" is not permitted to log in",
            role);
    }
    key = value_text(database);
    TRY(find_flagged(cx, DATABASE_NAME_INDEX, &key, 1, DATABASE_ALLOWS, &id, &allowed));
    if (id == 0) {
        return diag_fail(cx->diag, STATUS_NOT_FOUND, SQLSTATE_INVALID_CATALOG_NAME,
                         "database \"%s\" does not exist", database);
    }
    if (!allowed) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                         "database \"%s\" is not currently accepting connections", database);
    }
    return STATUS_OK;
}

enum status
catalog_name_taken(struct sql_context *cx, uint32_t schema, const char *name, bool *taken_out)
{
    uint32_t id;
    struct value keys[] = {value_text(name), value_oid(schema)};
    TRY(find_oid(cx, CLASS_NAME_INDEX, keys, 2, &id));
    *taken_out = id != 0;
    return STATUS_OK;
}

enum status
catalog_find_index(struct sql_context *cx, const char *schema, const char *name,
                   const struct table_def **table_out, const struct index_def **index_out)
{
    *table_out = NULL;
    *index_out = NULL;
    uint32_t schema_id = SCHEMA_PUBLIC, index_id, table_id = 0;
    if (schema != NULL) {
        TRY(catalog_schema_id(cx, schema, &schema_id));
    }
    struct value keys[] = {value_text(name), value_oid(schema_id)};
    TRY(find_oid(cx, CLASS_NAME_INDEX, keys, 2, &index_id));
    if (index_id == 0) {
        return STATUS_OK;
    }
    struct value key = value_oid(index_id);
    struct catalog_scan scan;
    TRY(catalog__scan(cx, INDEX_ID_INDEX, &key, 1, &scan));
    bool found = false;
    enum status status = catalog__scan_next(cx, &scan, &found);
    if (status == STATUS_OK && found) {
        table_id = scan.values[INDEX_TABLE].u32;
    }
    catalog__scan_close(&scan);
    TRY(status);
    if (table_id == 0) {
        return STATUS_OK;
    }
    const struct table_def *table;
    TRY(catalog_table_by_id(cx, (struct object_id){table_id}, &table));
    for (unsigned i = 0; i < table->index_count; i++) {
        if (table->indexes[i].id.v == index_id) {
            *table_out = table;
            *index_out = &table->indexes[i];
        }
    }
    return STATUS_OK;
}

enum status
catalog_relation_name(struct sql_context *cx, uint32_t id, const char **schema_out,
                      const char **name_out)
{
    *schema_out = NULL;
    *name_out = NULL;
    const struct table_def *builtin =
        id < CATALOG_OBJECT_ID_END ? catalog__builtin_by_id(cx->catalog->catalogs, id) : NULL;
    if (builtin != NULL) {
        *schema_out = builtin->schema_name;
        *name_out = builtin->name;
        return STATUS_OK;
    }
    struct value key = value_oid(id);
    struct catalog_scan scan;
    TRY(catalog__scan(cx, CLASS_OID_INDEX, &key, 1, &scan));
    bool found = false;
    enum status status = catalog__scan_next(cx, &scan, &found);
    uint32_t schema = 0;
    if (status == STATUS_OK && found) {
        schema = scan.values[CLASS_NAMESPACE].u32;
        *name_out = arena_strndup(cx->arena, scan.values[CLASS_NAME].bytes.data,
                                  scan.values[CLASS_NAME].bytes.size);
    }
    catalog__scan_close(&scan);
    if (status != STATUS_OK || schema == 0) {
        return status;
    }
    key = value_oid(schema);
    TRY(catalog__scan(cx, NAMESPACE_OID_INDEX, &key, 1, &scan));
    status = catalog__scan_next(cx, &scan, &found);
    if (status == STATUS_OK && found) {
        *schema_out = arena_strndup(cx->arena, scan.values[NAMESPACE_NAME].bytes.data,
                                    scan.values[NAMESPACE_NAME].bytes.size);
    }
    catalog__scan_close(&scan);
    return status;
}

enum status
catalog_each_table(struct sql_context *cx, catalog_each_fn each, void *arg)
{
    /* Ids first: reading a definition would scan the same pages again under the scan's pins. */
    struct catalog_scan scan;
    TRY(catalog__scan_all(cx, PG_CLASS_OID, &scan));
    struct buf ids = BUF_EMPTY;
    bool found = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && found) {
        status = catalog__scan_next(cx, &scan, &found);
        if (status == STATUS_OK && found && scan.values[CLASS_KIND].b != RELATION_INDEX &&
            scan.values[CLASS_OID].u32 >= CATALOG_OBJECT_ID_END) {
            buf_append(&ids, &scan.values[CLASS_OID].u32, sizeof(uint32_t));
        }
    }
    catalog__scan_close(&scan);
    for (size_t at = 0; status == STATUS_OK && at < ids.size; at += sizeof(uint32_t)) {
        uint32_t id;
        memcpy(&id, ids.data + at, sizeof(id));
        const struct table_def *table;
        status = catalog_table_by_id(cx, (struct object_id){id}, &table);
        if (status == STATUS_OK) {
            status = each(arg, cx, table);
        }
    }
    buf_deinit(&ids);
    return status;
}
