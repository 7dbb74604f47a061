/* catalog_bootstrap.c: the catalogs of a new cluster: tables with fixed ids, their rows about
 * themselves, schemas, the role and the databases.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/catalog/catalog_internal.h"

#define ROLE_DATABASE_OWNER_OID 6171u
/* Privileges as PostgreSQL's initdb grants them; GRANT itself is not built. */
#define TEMPLATE_ACL "{=c/postgres,postgres=CTc/postgres}"
#define SYSTEM_SCHEMA_ACL "{postgres=UC/postgres,=U/postgres}"
#define PUBLIC_SCHEMA_ACL "{pg_database_owner=UC/pg_database_owner,=U/pg_database_owner}"

static enum status
create_storage(struct sql_context *cx)
{
    const struct catalogs *catalogs = cx->catalog->catalogs;
    for (unsigned i = 0; i < catalogs->builtin_count; i++) {
        const struct table_def *table = &catalogs->builtins[i];
        if (table->kind != RELATION_TABLE) {
            continue;
        }
        TRY(table_create(cx->txn, table->id, &table->storage, cx->diag));
        for (unsigned k = 0; k < table->index_count; k++) {
            struct change_result result = {0};
            TRY(index_create(cx->txn, &table->indexes[k].storage, &result, cx->diag));
        }
    }
    return STATUS_OK;
}

static enum status
add_namespace(struct sql_context *cx, uint32_t id, const char *name, uint32_t owner,
              const char *acl, uint32_t database)
{
    struct catalog_row row;
    catalog__row_init(cx->catalog->catalogs, &row, PG_NAMESPACE_OID);
    row.values[NAMESPACE_OID] = value_oid(id);
    row.values[NAMESPACE_NAME] = value_text(name);
    row.values[2] = value_oid(owner);
    row.values[3] = value_text(acl);
    row.values[NAMESPACE_DATABASE] = value_oid(database);
    return catalog__insert(cx, PG_NAMESPACE_OID, row.values);
}

static enum status
add_database(struct sql_context *cx, uint32_t id, const char *name, bool is_template,
             bool allows_connections)
{
    struct catalog_row row;
    catalog__row_init(cx->catalog->catalogs, &row, PG_DATABASE_OID);
    struct value *v = row.values;
    v[0] = value_oid(id);
    v[1] = value_text(name);
    v[2] = value_oid(OWNER_OID);
    v[3] = value_i32(6); /* UTF8 */
    v[4] = value_char('c');
    v[5] = value_bool(is_template);
    v[6] = value_bool(allows_connections);
    v[7] = value_i32(-1);
    v[10] = value_oid(1663);
    v[11] = v[12] = value_text("C.UTF-8");
    v[15] = value_text(is_template ? TEMPLATE_ACL : NULL);
    return catalog__insert(cx, PG_DATABASE_OID, row.values);
}

static enum status
add_role(struct sql_context *cx, uint32_t id, const char *name, bool is_superuser)
{
    struct catalog_row row;
    catalog__row_init(cx->catalog->catalogs, &row, PG_AUTHID_OID);
    struct value *v = row.values;
    v[0] = value_oid(id);
    v[1] = value_text(name);
    for (unsigned i = 2; i <= 8; i++) {
        v[i] = value_bool(is_superuser || i == 3); /* 3: it inherits */
    }
    v[9] = value_i32(-1);
    return catalog__insert(cx, PG_AUTHID_OID, row.values);
}

enum status
catalog_bootstrap(struct sql_context *cx)
{
    TRY(create_storage(cx));
    txn_next_command(cx->txn);
    TRY(catalog__describe_builtins(cx));
    TRY(add_namespace(cx, SCHEMA_PG_CATALOG, "pg_catalog", OWNER_OID, SYSTEM_SCHEMA_ACL,
                      DATABASE_SHARED_OID));
    TRY(add_namespace(cx, SCHEMA_PUBLIC, "public", ROLE_DATABASE_OWNER_OID, PUBLIC_SCHEMA_ACL,
                      DATABASE_POSTGRES_OID));
    TRY(add_namespace(cx, SCHEMA_INFORMATION, "information_schema", OWNER_OID,
                      SYSTEM_SCHEMA_ACL, DATABASE_SHARED_OID));
    TRY(add_role(cx, OWNER_OID, "postgres", true));
    TRY(add_role(cx, ROLE_DATABASE_OWNER_OID, "pg_database_owner", false));
    TRY(add_database(cx, 1, "template1", true, true));
    TRY(add_database(cx, 4, "template0", true, false));
    TRY(add_database(cx, DATABASE_POSTGRES_OID, "postgres", false, true));
    txn_next_command(cx->txn);
    return STATUS_OK;
}
