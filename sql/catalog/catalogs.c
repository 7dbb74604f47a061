/* catalogs.c: generations of definitions, and look-ups along the search path.
 *
 * A shared generation belongs to one catalog CSN C. Sessions put into it what they read with a
 * snapshot that shows the catalogs of C and no other (the session makes sure, see
 * sql/session_snapshot.c), so that one entry is right for all. Definitions are read without the
 * mutex: reading may wait for a page.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "sql/catalog/catalog_internal.h"

#include <stdlib.h>

enum status
catalogs_open(const struct sql_host *host, void *host_arg, struct catalogs **catalogs_out,
              struct diag *diag)
{
    *catalogs_out = NULL;
    struct catalogs *catalogs = calloc(1, sizeof(*catalogs));
    if (catalogs == NULL) {
        return diag_fail(diag, STATUS_LIMIT, SQLSTATE_OUT_OF_MEMORY, "out of memory");
    }
    arena_init(&catalogs->arena);
    mutex_init(&catalogs->mu, LOCK_RANK_LEAF);
    atomic_init(&catalogs->next_version, 1);
    catalog__build_builtins(catalogs, host, host_arg);
    *catalogs_out = catalogs;
    return STATUS_OK;
}

void
catalogs_set_settings(struct catalogs *catalogs, catalog_settings_fn settings)
{
    catalogs->settings = settings;
}

void
catalogs_close(struct catalogs *catalogs)
{
    if (catalogs == NULL) {
        return;
    }
    catalog_unref(catalogs->current);
    mutex_deinit(&catalogs->mu);
    arena_deinit(&catalogs->arena);
    free(catalogs);
}

static struct catalog *
catalog_new(struct catalogs *catalogs)
{
    struct catalog *catalog = calloc(1, sizeof(*catalog));
    ASSERT(catalog != NULL);
    catalog->catalogs = catalogs;
    atomic_init(&catalog->reference_count, 1);
    catalog->version = atomic_fetch_add(&catalogs->next_version, 1);
    mutex_init(&catalog->mu, LOCK_RANK_CATALOG);
    return catalog;
}

struct catalog *
catalogs_at(struct catalogs *catalogs, struct csn csn)
{
    struct catalog *replaced = NULL;
    mutex_lock(&catalogs->mu);
    struct catalog *catalog = catalogs->current;
    if (catalog == NULL || catalog->csn.v != csn.v) {
        catalog = catalog_new(catalogs);
        catalog->csn = csn;
        /* A session that looked earlier must not bring an older generation back. */
        if (catalogs->current == NULL || catalogs->current->csn.v < csn.v) {
            replaced = catalogs->current;
            catalogs->current = catalog_ref(catalog);
        }
    } else {
        catalog_ref(catalog);
    }
    mutex_unlock(&catalogs->mu);
    catalog_unref(replaced);
    return catalog;
}

struct catalog *
catalogs_private(struct catalogs *catalogs, struct catalog *previous)
{
    struct catalog *catalog = catalog_new(catalogs);
    catalog->is_private = true;
    catalog->previous = previous;
    return catalog;
}

struct catalog *
catalog_ref(struct catalog *catalog)
{
    atomic_fetch_add(&catalog->reference_count, 1);
    return catalog;
}

void
catalog_unref(struct catalog *catalog)
{
    while (catalog != NULL && atomic_fetch_sub(&catalog->reference_count, 1) == 1) {
        for (unsigned i = 0; i < CATALOG_BUCKETS; i++) {
            for (struct cached_table *table = catalog->by_name[i]; table != NULL;) {
                struct cached_table *next = table->next_by_name;
                catalog__cached_free(table);
                table = next;
            }
        }
        struct catalog *previous = catalog->previous;
        mutex_deinit(&catalog->mu);
        free(catalog);
        catalog = previous;
    }
}

bool
catalog_is_private(const struct catalog *catalog)
{
    return catalog->is_private;
}

struct csn
catalog_csn(const struct catalog *catalog)
{
    return catalog->csn;
}

uint64_t
catalog_number(const struct catalog *catalog)
{
    return catalog->version;
}

uint64_t
catalog_version(struct sql_context *cx)
{
    return cx->catalog->version;
}

void
catalog_touch(struct sql_context *cx)
{
    cx->catalog = catalogs_private(cx->catalog->catalogs, cx->catalog);
}

void
catalog__cached_free(struct cached_table *table)
{
    struct arena arena = table->arena; /* the table lies in it */
    arena_deinit(&arena);
}

static unsigned
bucket_of_name(uint32_t schema, const char *name)
{
    return (unsigned)hash64(slice_from_text(name), schema) & (CATALOG_BUCKETS - 1);
}

static unsigned
bucket_of_id(uint32_t id)
{
    return (unsigned)hash_word(id) & (CATALOG_BUCKETS - 1);
}

/* Under catalog->mu. */
static struct cached_table *
find_cached_name(struct catalog *catalog, uint32_t schema, const char *name)
{
    struct cached_table *table = catalog->by_name[bucket_of_name(schema, name)];
    while (table != NULL &&
           (table->def.schema != schema || strcmp(table->def.name, name) != 0)) {
        table = table->next_by_name;
    }
    return table;
}

static struct cached_table *
find_cached_id(struct catalog *catalog, uint32_t id)
{
    struct cached_table *table = catalog->by_id[bucket_of_id(id)];
    while (table != NULL && table->def.id.v != id) {
        table = table->next_by_id;
    }
    return table;
}

/* Two sessions may have read the same table: the first one's stays. Takes `table`. */
static struct cached_table *
add_cached(struct catalog *catalog, struct cached_table *table)
{
    mutex_lock(&catalog->mu);
    struct cached_table *there = find_cached_id(catalog, table->def.id.v);
    if (there == NULL) {
        unsigned by_name = bucket_of_name(table->def.schema, table->def.name);
        unsigned by_id = bucket_of_id(table->def.id.v);
        table->next_by_name = catalog->by_name[by_name];
        catalog->by_name[by_name] = table;
        table->next_by_id = catalog->by_id[by_id];
        catalog->by_id[by_id] = table;
    }
    mutex_unlock(&catalog->mu);
    if (there != NULL) {
        catalog__cached_free(table);
        return there;
    }
    return table;
}

static enum status
find_stored(struct sql_context *cx, uint32_t schema, const char *schema_name, const char *name,
            const struct table_def **table_out)
{
    struct catalog *catalog = cx->catalog;
    mutex_lock(&catalog->mu);
    struct cached_table *table = find_cached_name(catalog, schema, name);
    mutex_unlock(&catalog->mu);
    if (table == NULL) {
        TRY(catalog__load_by_name(cx, schema, schema_name, name, &table));
        if (table != NULL) {
            table = add_cached(catalog, table);
        }
    }
    *table_out = table == NULL ? NULL : &table->def;
    return STATUS_OK;
}

enum status
catalog_find_table(struct sql_context *cx, const char *schema, const char *name,
                   const struct table_def **table_out)
{
    *table_out = NULL;
    const struct catalogs *catalogs = cx->catalog->catalogs;
    if (schema == NULL) {
        *table_out = catalog__builtin_by_name(catalogs, SCHEMA_PG_CATALOG, name);
        return *table_out != NULL ? STATUS_OK
                                  : find_stored(cx, SCHEMA_PUBLIC, "public", name, table_out);
    }
    uint32_t schema_id = 0;
    TRY(catalog_schema_id(cx, schema, &schema_id));
    if (schema_id == 0) {
        return STATUS_OK;
    }
    if (schema_id == SCHEMA_PG_CATALOG || schema_id == SCHEMA_INFORMATION) {
        *table_out = catalog__builtin_by_name(catalogs, schema_id, name);
        return STATUS_OK;
    }
    return find_stored(cx, schema_id, schema, name, table_out);
}

static enum status
report_missing(struct sql_context *cx, const char *schema, const char *name)
{
    bool is_system = schema == NULL || strcmp(schema, "pg_catalog") == 0;
    if (is_system && catalog__is_not_built(name)) {
        return diag_fail(cx->diag, STATUS_NOT_FOUND, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "system relation \"%s\" is not supported", name);
    }
    if (schema != NULL) {
        return diag_fail(cx->diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_TABLE,
                         "relation \"%s.%s\" does not exist", schema, name);
    }
    diag_fail(cx->diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_TABLE,
              "relation \"%s\" does not exist", name);
    if (strcmp(name, "v") == 0) {
        diag_hint(cx->diag,
                  "The shell probably expanded \"v$name\" to \"v\": put the statement "
                  "in single quotes, or write v_name.");
    }
    return STATUS_NOT_FOUND;
}

enum status
catalog_get_table(struct sql_context *cx, const char *schema, const char *name,
                  const struct table_def **table_out)
{
    TRY(catalog_find_table(cx, schema, name, table_out));
    return *table_out != NULL ? STATUS_OK : report_missing(cx, schema, name);
}

enum status
catalog_table_by_id(struct sql_context *cx, struct object_id id,
                    const struct table_def **table_out)
{
    *table_out = NULL;
    struct catalog *catalog = cx->catalog;
    if (id.v < CATALOG_OBJECT_ID_END) {
        *table_out = catalog__builtin_by_id(catalog->catalogs, id.v);
        if (*table_out != NULL) {
            return STATUS_OK;
        }
    } else {
        mutex_lock(&catalog->mu);
        struct cached_table *table = find_cached_id(catalog, id.v);
        mutex_unlock(&catalog->mu);
        if (table == NULL) {
            TRY(catalog__load_by_id(cx, id.v, &table));
            if (table != NULL) {
                table = add_cached(catalog, table);
            }
        }
        if (table != NULL) {
            *table_out = &table->def;
            return STATUS_OK;
        }
    }
    return diag_fail(cx->diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_TABLE,
                     "relation with OID %u does not exist", id.v);
}
