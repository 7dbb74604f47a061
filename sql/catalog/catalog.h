/* catalog.h: definitions of schemas, tables, columns, indexes and sequences.
 *
 * Promises: the truth is rows of catalog tables (ids below CATALOG_OBJECT_ID_END), read with
 *           the caller's snapshot, changed in the caller's transaction: DDL is transactional.
 *           Look-ups are cached: shared between sessions while store_catalog_csn() stands,
 *           privately in a transaction that made DDL itself. catalog_version() changes when any
 *           definition may have: plans made before it are made anew.
 * Owns:     the shared cache. A `struct table_def` is borrowed until the statement ends (it is
 *           reference-counted by the context's arena: catalog_get_table pins it there).
 * Thread:   any session.
 * Fails:    42P01, 3F000, 42704, 42P07, 42701 with PostgreSQL's messages.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/context.h"

enum relation_kind { /* pg_class.relkind */
                     RELATION_TABLE = 'r',
                     RELATION_INDEX = 'i',
                     RELATION_SEQUENCE = 'S',
                     RELATION_VIEW = 'v', /* host views and built-in catalog views: rows made by
                                             a function */
};

#define SCHEMA_PG_CATALOG 11
#define SCHEMA_PUBLIC 2200
#define SCHEMA_INFORMATION 13000

struct column_def {
    const char *name;
    enum type_id type;
    int32_t typmod;
    uint16_t attribute_no; /* from 1, as pg_attribute.attnum */
    bool not_null, dropped;
    const char *default_sql; /* SQL text of the default; NULL: none */
};

enum constraint_kind { CONSTRAINT_NONE = 0, CONSTRAINT_PRIMARY = 'p', CONSTRAINT_UNIQUE = 'u' };

struct index_def {
    struct object_id id;
    const char *name;
    struct index_definition storage; /* what the storage layer knows of it */
    enum constraint_kind constraint;
    const char *constraint_name;
};

struct table_def {
    struct object_id id;
    const char *name;
    uint32_t schema;
    const char *schema_name;
    enum relation_kind kind;
    unsigned column_count; /* dropped ones too */
    struct column_def *columns;
    unsigned index_count;
    struct index_def *indexes;
    struct table_definition storage; /* kinds of the columns */
    double row_count;                /* of the last ANALYZE; -1: never */
    /* Views only: makes all rows (host views, pg_catalog views without a table). */
    enum status (*view_rows)(const struct table_def *table, struct sql_context *cx,
                             struct value **values_out, unsigned *row_count_out);
    const void *view_arg;
};

/* By name, along the search path (pg_catalog, public, then host views) when `schema` is NULL.
 */
MUST_CHECK enum status catalog_get_table(struct sql_context *cx, const char *schema,
                                         const char *name, const struct table_def **table_out);
/* NULL in *table_out when there is none. */
MUST_CHECK enum status catalog_find_table(struct sql_context *cx, const char *schema,
                                          const char *name, const struct table_def **table_out);
MUST_CHECK enum status catalog_table_by_id(struct sql_context *cx, struct object_id id,
                                           const struct table_def **table_out);
/* The error is about this table: its schema and name for the client. */
void catalog_name_table(struct diag *diag, const struct table_def *table);
uint64_t catalog_version(struct sql_context *cx);
