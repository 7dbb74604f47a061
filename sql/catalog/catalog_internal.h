/* catalog_internal.h: what the files of sql/catalog share: built-in relations, generations of
 * definitions, rows of catalog tables.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/errors.h"
#include "base/lock.h"
#include "sql/catalog/catalog_change.h"
#include "sql/host.h"

#include <stdatomic.h>

#define SCHEMA_HOST_FIRST_ID 15000u /* ids of host views, from here; local to the process */
#define CATALOG_BUCKETS 512u
#define CATALOG_COLUMNS_MAX 40u
#define OWNER_OID 10u /* the bootstrap role: owner of everything */

#define PG_TYPE_OID 1247u
#define PG_ATTRIBUTE_OID 1249u
#define PG_CLASS_OID 1259u
#define PG_AUTHID_OID 1260u
#define PG_DATABASE_OID 1262u
#define PG_ATTRDEF_OID 2604u
#define PG_CONSTRAINT_OID 2606u
#define PG_DEPEND_OID 2608u
#define PG_INDEX_OID 2610u
#define PG_NAMESPACE_OID 2615u
#define DATABASE_POSTGRES_OID 5u /* as PostgreSQL's */
#define DATABASE_SHARED_OID 0u   /* of schemas that every database has in common */
#define PG_SEQUENCE_OID 2224u

/* Column numbers (from 0) that code names; the order is that of builtin.def. */
enum {
    CLASS_OID,
    CLASS_NAME,
    CLASS_NAMESPACE,
    CLASS_PAGES = 9,
    CLASS_TUPLES = 10,
    CLASS_HAS_INDEX = 13,
    CLASS_KIND = 16,
    CLASS_NATTS = 17,
    CLASS_OPTIONS = 31
};
enum {
    ATTRIBUTE_RELID,
    ATTRIBUTE_NAME,
    ATTRIBUTE_TYPE,
    ATTRIBUTE_NUM = 5,
    ATTRIBUTE_TYPMOD = 8,
    ATTRIBUTE_NOT_NULL = 13,
    ATTRIBUTE_HAS_DEFAULT = 14,
    ATTRIBUTE_DROPPED = 18
};
enum { ATTRDEF_OID, ATTRDEF_RELID, ATTRDEF_NUM, ATTRDEF_TEXT };
enum {
    CONSTRAINT_OID,
    CONSTRAINT_NAME,
    CONSTRAINT_NAMESPACE,
    CONSTRAINT_TYPE,
    CONSTRAINT_RELID = 7,
    CONSTRAINT_INDEX = 9,
    CONSTRAINT_KEY = 18
};
enum {
    INDEX_RELID,
    INDEX_TABLE,
    INDEX_NATTS,
    INDEX_NKEYATTS,
    INDEX_UNIQUE_FLAG,
    INDEX_PRIMARY = 6,
    INDEX_KEY = 15,
    INDEX_OPTION = 18
};
enum { NAMESPACE_OID, NAMESPACE_NAME, NAMESPACE_DATABASE = 4 };
enum { AUTHID_CAN_LOGIN = 6 };
enum { DATABASE_ALLOWS = 6 };
enum {
    SEQUENCE_RELID,
    SEQUENCE_TYPE,
    SEQUENCE_START,
    SEQUENCE_INCREMENT,
    SEQUENCE_MAX,
    SEQUENCE_MIN,
    SEQUENCE_CACHE,
    SEQUENCE_CYCLE
};
enum {
    DEPEND_CLASS,
    DEPEND_OBJECT,
    DEPEND_OBJECT_SUB,
    DEPEND_REF_CLASS,
    DEPEND_REF_OBJECT,
    DEPEND_REF_SUB,
    DEPEND_TYPE
};

/* Indexes of catalog tables: fixed ids, made by the bootstrap. */
struct builtin_index {
    uint32_t id, table;
    const char *name;
    bool primary;
    unsigned column_count;
    uint16_t columns[3]; /* from 0 */
};
const struct builtin_index *builtin_indexes(unsigned *count_out);
/* Ids of the indexes that look-ups use. */
#define CLASS_OID_INDEX 2662u
#define CLASS_NAME_INDEX 2663u
#define ATTRIBUTE_INDEX 2659u
#define ATTRDEF_INDEX 2656u
#define CONSTRAINT_TABLE_INDEX 2665u
#define INDEX_TABLE_INDEX 2678u
#define INDEX_ID_INDEX 2679u
#define NAMESPACE_NAME_INDEX 2684u
#define NAMESPACE_OID_INDEX 2685u
#define SEQUENCE_INDEX 5002u
#define AUTHID_NAME_INDEX 2676u
#define AUTHID_OID_INDEX 2677u
#define DATABASE_NAME_INDEX 2671u
#define DATABASE_OID_INDEX 2672u
#define DEPEND_OBJECT_INDEX 2673u
#define DEPEND_REFERENCE_INDEX 2674u

/* One definition, with the memory it lies in. */
struct cached_table {
    struct cached_table *next_by_name, *next_by_id;
    struct arena arena;
    struct table_def def;
};

/* One generation of definitions. */
struct catalog {
    struct catalogs *catalogs;
    _Atomic(unsigned) reference_count;
    uint64_t version;
    struct csn csn;           /* shared ones: the catalog CSN it holds for */
    bool is_private;          /* of one transaction; not in catalogs->current */
    struct catalog *previous; /* private: what the transaction used before it; a reference */
    struct mutex mu;          /* rank CATALOG; below it: the buckets */
    struct cached_table *by_name[CATALOG_BUCKETS], *by_id[CATALOG_BUCKETS];
};

/* All of an engine. */
struct catalogs {
    struct arena arena; /* built-in definitions; constant after open */
    unsigned builtin_count;
    struct table_def *builtins; /* those of builtin.def, then the host's views */
    unsigned *builtin_buckets;  /* index + 1 by hash of the name; 0 empty; linear probing */
    unsigned bucket_count;
    catalog_settings_fn settings;
    _Atomic(uint64_t) next_version;
    struct mutex mu; /* rank LEAF; below it: current */
    struct catalog *current;
};

void catalog__build_builtins(struct catalogs *catalogs, const struct sql_host *host,
                             void *host_arg);
const struct table_def *catalog__builtin_by_name(const struct catalogs *catalogs,
                                                 uint32_t schema, const char *name);
/* A system relation of PostgreSQL 15 that does not exist here. */
bool catalog__is_not_built(const char *name);
const struct table_def *catalog__builtin_by_id(const struct catalogs *catalogs, uint32_t id);

/* ---- dependencies (catalog_depend.c) ---- */
/* An object needs a relation, or a column of it. */
struct dependency {
    uint32_t class_id, object;
    struct object_id relation;
    unsigned attribute_no; /* 0: the whole relation */
    char type;             /* 'a': it goes with it; 'n': it holds it */
};

MUST_CHECK enum status catalog__add_dependency(struct sql_context *cx,
                                               const struct dependency *d);
/* Appends the ids in column `column_no` of the rows that the key finds; with `class_id`, only
 * of those of pg_depend that are about such an object. */
MUST_CHECK enum status catalog__collect_ids(struct sql_context *cx, uint32_t index_id,
                                            struct object_id key, unsigned column_no,
                                            uint32_t class_id, struct buf *ids);
static inline struct object_id
catalog__id_at(const struct buf *ids, size_t no)
{
    struct object_id id;
    memcpy(&id, ids->data + no * sizeof(id), sizeof(id));
    return id;
}

/* ---- rows of catalog tables (catalog_rows.c) ---- */
struct catalog_scan {
    const struct table_def *table;
    struct index_scan *index;
    struct table_scan *heap;
    struct row_view rows[64];
    unsigned row_count, next_row;
    struct row_id row;                        /* of the values below */
    struct value values[CATALOG_COLUMNS_MAX]; /* borrowed until the next step */
};

/* By an index with its first `key_count` columns equal to `keys`. */
MUST_CHECK enum status catalog__scan(struct sql_context *cx, uint32_t index_id,
                                     const struct value *keys, unsigned key_count,
                                     struct catalog_scan *scan_out);
/* All rows of a table. */
MUST_CHECK enum status catalog__scan_all(struct sql_context *cx, uint32_t table_id,
                                         struct catalog_scan *scan_out);
MUST_CHECK enum status catalog__scan_next(struct sql_context *cx, struct catalog_scan *scan,
                                          bool *found_out);
void catalog__scan_close(struct catalog_scan *scan);
MUST_CHECK enum status catalog__insert(struct sql_context *cx, uint32_t table_id,
                                       const struct value *values);
MUST_CHECK enum status catalog__update(struct sql_context *cx, uint32_t table_id,
                                       struct row_id row, const struct value *values);
MUST_CHECK enum status catalog__delete(struct sql_context *cx, uint32_t table_id,
                                       struct row_id row);
/* Deletes all rows that the key finds. */
MUST_CHECK enum status catalog__delete_where(struct sql_context *cx, uint32_t index_id,
                                             const struct value *keys, unsigned key_count);

/* Values of a row being made: all NULL or zero by type at first. */
struct catalog_row {
    const struct table_def *table;
    struct value values[CATALOG_COLUMNS_MAX];
};
void catalog__row_init(const struct catalogs *catalogs, struct catalog_row *row,
                       uint32_t table_id);

static inline struct value
value_oid(uint32_t v)
{
    return (struct value){.u32 = v};
}
static inline struct value
value_text(const char *text)
{
    return (struct value){.bytes = {(const uint8_t *)text, text == NULL ? 0 : strlen(text)},
                          .is_null = text == NULL};
}
static inline struct value
value_bool(bool v)
{
    return (struct value){.b = v};
}
static inline struct value
value_char(char v)
{
    return (struct value){.b = (uint8_t)v};
}
static inline struct value
value_i16(int v)
{
    return (struct value){.i16 = (int16_t)v};
}
static inline struct value
value_i32(int32_t v)
{
    return (struct value){.i32 = v};
}
static inline struct value
value_i64(int64_t v)
{
    return (struct value){.i64 = v};
}

/* Rows of pg_class, pg_attribute and pg_index for the built-in relations (catalog_change.c). */
MUST_CHECK enum status catalog__describe_builtins(struct sql_context *cx);

/* ---- definitions from rows (catalog_load.c) ---- */
/* NULL in *out: no such relation. The caller frees what it gets with cached_table_free(). */
MUST_CHECK enum status catalog__load_by_name(struct sql_context *cx, uint32_t schema,
                                             const char *schema_name, const char *name,
                                             struct cached_table **out);
MUST_CHECK enum status catalog__load_by_id(struct sql_context *cx, uint32_t id,
                                           struct cached_table **out);
void catalog__cached_free(struct cached_table *table);
