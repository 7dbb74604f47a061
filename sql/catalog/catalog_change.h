/* catalog_change.h: the catalog as the session sees it: its generations, DDL's changes to it.
 *
 * Promises: changes are rows of catalog tables and storage objects, written in cx->txn: they
 *           become visible and go with it. After each change cx->catalog is a private
 *           generation of that transaction; what was borrowed from the one before stays good
 *           until the transaction has ended.
 * Picture:  catalogs (engine) --current--> catalog (shared, for one catalog CSN)
 *           a transaction with DDL  -----> catalog (private) -> the one before -> ...
 * Thread:   catalogs: any; a private catalog: its session's.
 * Fails:    42P07, 42710, 23505 ... with PostgreSQL's messages; what storage reports.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/catalog/catalog.h"

struct catalogs;
struct func_catalog_hooks;

/* Rows of a view being made, in the statement's arena. */
struct view_rows {
    struct arena *arena;
    unsigned column_count, count, capacity;
    struct value *values;
};
void view_rows_init(struct view_rows *rows, const struct table_def *table,
                    struct sql_context *cx);
/* The values of one more row, all NULL. */
struct value *view_rows_add(struct view_rows *rows);

/* ---- generations ---- */
MUST_CHECK enum status catalogs_open(const struct sql_host *host, void *host_arg,
                                     struct catalogs **catalogs_out, struct diag *diag);
/* Rows of pg_settings: sessions know their settings, this folder does not. */
typedef enum status (*catalog_settings_fn)(struct sql_context *cx, struct view_rows *rows);
void catalogs_set_settings(struct catalogs *catalogs, catalog_settings_fn settings);
/* What functions ask of the catalog: for sql_context.catalog_hooks. */
const struct func_catalog_hooks *catalog_func_hooks(void);
void catalogs_close(struct catalogs *catalogs); /* no reference may be left */
/* The shared generation of a catalog CSN, with a reference. */
struct catalog *catalogs_at(struct catalogs *catalogs, struct csn csn);
/* One of nobody else's: for a snapshot older than the newest catalog, and after DDL. Takes the
 * reference to `previous` (NULL is fine). */
struct catalog *catalogs_private(struct catalogs *catalogs, struct catalog *previous);
struct catalog *catalog_ref(struct catalog *catalog);
void catalog_unref(struct catalog *catalog); /* NULL is fine */
bool catalog_is_private(const struct catalog *catalog);
struct csn catalog_csn(const struct catalog *catalog);
uint64_t catalog_number(const struct catalog *catalog); /* as catalog_version() */
/* After a change (or a rollback to a savepoint): definitions are read anew. */
void catalog_touch(struct sql_context *cx);
/* In REPEATABLE READ, before rows or indexes of `table` are written, with a lock on it: 40001
 * if others changed its columns or indexes after the transaction's snapshot, 42P01 if they
 * dropped it. A load while no definition at all was changed. */
MUST_CHECK enum status catalog_check_unchanged(struct sql_context *cx,
                                               const struct table_def *table);

/* ---- look-ups beside catalog.h ---- */
/* 0: no such schema. */
MUST_CHECK enum status catalog_schema_id(struct sql_context *cx, const char *name,
                                         uint32_t *id_out);
/* An index by name: its table, and which of its indexes. NULL in *table_out: none. */
MUST_CHECK enum status catalog_find_index(struct sql_context *cx, const char *schema,
                                          const char *name, const struct table_def **table_out,
                                          const struct index_def **index_out);
/* Is there any relation (table, index, sequence, view) of that name in the schema? */
MUST_CHECK enum status catalog_name_taken(struct sql_context *cx, uint32_t schema,
                                          const char *name, bool *taken_out);
MUST_CHECK enum status catalog_role_id(struct sql_context *cx, const char *name,
                                       uint32_t *id_out); /* 0: none */
/* 28000: no such role, or it may not log in; 3D000: no such database; 55000: it takes none. */
MUST_CHECK enum status catalog_check_login(struct sql_context *cx, const char *role,
                                           const char *database);
/* Name of any relation, index or not, in cx->arena; NULL: none. */
MUST_CHECK enum status catalog_relation_name(struct sql_context *cx, uint32_t id,
                                             const char **schema_out, const char **name_out);
/* Calls `each` for every table and sequence, built-in ones not among them. */
typedef enum status (*catalog_each_fn)(void *arg, struct sql_context *cx,
                                       const struct table_def *table);
MUST_CHECK enum status catalog_each_table(struct sql_context *cx, catalog_each_fn each,
                                          void *arg);

/* ---- changes ---- */
struct new_column {
    const char *name;
    enum type_id type;
    int32_t typmod;
    bool not_null;
    const char *default_sql;
    const struct object_id *default_needs; /* relations that the default names: they stay */
    unsigned default_need_count;
};

MUST_CHECK enum status catalog_add_schema(struct sql_context *cx, const char *name);
MUST_CHECK enum status catalog_add_table(struct sql_context *cx, uint32_t schema,
                                         const char *name, const struct new_column *columns,
                                         unsigned column_count, const char *options,
                                         struct object_id *id_out);
MUST_CHECK enum status catalog_add_column(struct sql_context *cx, const struct table_def *table,
                                          const struct new_column *column);
MUST_CHECK enum status catalog_set_not_null(struct sql_context *cx, struct object_id table,
                                            unsigned attribute_no);

struct new_index {
    const char *name;
    bool unique;
    enum constraint_kind constraint; /* PRIMARY, UNIQUE: a pg_constraint row of the same name */
    unsigned column_count;
    struct index_column columns[INDEX_COLUMNS_MAX]; /* kinds are filled in */
};
/* Builds it, too. 23505 with PostgreSQL's message when a unique one cannot be. */
MUST_CHECK enum status catalog_add_index(struct sql_context *cx, const struct table_def *table,
                                         const struct new_index *index,
                                         struct object_id *id_out);
MUST_CHECK enum status catalog_add_sequence(struct sql_context *cx, uint32_t schema,
                                            const char *name, enum type_id type,
                                            const struct sequence_definition *definition,
                                            struct object_id *id_out);
/* The sequence goes when the column's table goes (serial, OWNED BY). */
MUST_CHECK enum status catalog_own_sequence(struct sql_context *cx, struct object_id sequence,
                                            struct object_id table, unsigned attribute_no);
/* A table with its indexes, constraints and owned sequences; or a sequence. */
MUST_CHECK enum status catalog_drop_relation(struct sql_context *cx,
                                             const struct table_def *table);
MUST_CHECK enum status catalog_drop_index(struct sql_context *cx, const struct table_def *table,
                                          const struct index_def *index);
/* The column that owns a sequence; id 0: none does. */
MUST_CHECK enum status catalog_sequence_owner(struct sql_context *cx, struct object_id sequence,
                                              struct object_id *table_out,
                                              unsigned *attribute_no_out);
/* A column whose default names a relation. */
struct default_user {
    struct object_id relation, table;
    unsigned attribute_no;
};
/* Appends (as struct default_user) those of a relation, and of the sequences that go with it.
 */
MUST_CHECK enum status catalog_default_users(struct sql_context *cx, struct object_id relation,
                                             struct buf *users);
MUST_CHECK enum status catalog_read_sequence(struct sql_context *cx, struct object_id sequence,
                                             enum type_id *type_out,
                                             struct sequence_definition *definition_out);
/* pg_class.reltuples and relpages of a table: ANALYZE. */
MUST_CHECK enum status catalog_set_counts(struct sql_context *cx, struct object_id table,
                                          double rows, int32_t pages);

/* ---- the first transaction of a cluster ---- */
/* Creates the catalog tables and fills them. cx->txn is open with a snapshot; not committed. */
MUST_CHECK enum status catalog_bootstrap(struct sql_context *cx);

/* ---- texts of definitions, as pg_get_*def show them ---- */
void catalog_index_definition(const struct table_def *table, const struct index_def *index,
                              bool with_schema, struct buf *out);
void catalog_constraint_definition(const struct table_def *table, const struct index_def *index,
                                   struct buf *out);
/* Appends an identifier, quoted when it must be. */
void catalog_quote_identifier(const char *name, struct buf *out);
