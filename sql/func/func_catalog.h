/* func_catalog.h: what functions ask of the catalog: names of objects, texts of definitions.
 *
 * Promises: sql_context.catalog_hooks points at one; a hook that is NULL makes the function
 *           that needs it answer 0A000.
 * Owns:     nothing: implemented by sql/catalog or sql/. Texts go to the caller's buf.
 * Thread:   the session's. Needs a transaction in cx->txn.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/context.h"

struct func_catalog_hooks {
    /* regclass input: "t", "s.t", "\"T\""; 42P01 with PostgreSQL's message if there is none,
     * unless `missing_ok`: then *oid_out is 0. */
    enum status (*relation_by_name)(struct sql_context *cx, struct slice name, bool missing_ok,
                                    uint32_t *oid_out);
    /* regclass output: quoted and, if it is not visible, with its schema. *found_out false:
     * none. */
    enum status (*relation_name)(struct sql_context *cx, uint32_t oid, struct buf *out,
                                 bool *found_out);
    enum status (*schema_name)(struct sql_context *cx, uint32_t oid, struct buf *out,
                               bool *found_out);
    /* 3F000; 42704 for a role. */
    enum status (*schema_by_name)(struct sql_context *cx, struct slice name, uint32_t *oid_out);
    enum status (*role_name)(struct sql_context *cx, uint32_t oid, struct buf *out,
                             bool *found_out);
    enum status (*role_by_name)(struct sql_context *cx, struct slice name, uint32_t *oid_out);
    enum status (*database_name)(struct sql_context *cx, uint32_t oid, struct buf *out,
                                 bool *found_out);
    enum status (*relation_is_visible)(struct sql_context *cx, uint32_t oid, bool *visible_out,
                                       bool *found_out);
    /* pg_get_indexdef(): `column` 0: the whole CREATE INDEX; else that key column's name. */
    enum status (*index_definition)(struct sql_context *cx, uint32_t oid, int column,
                                    struct buf *out, bool *found_out);
    /* pg_get_constraintdef(): "PRIMARY KEY (id)". */
    enum status (*constraint_definition)(struct sql_context *cx, uint32_t oid, struct buf *out,
                                         bool *found_out);
    enum status (*view_definition)(struct sql_context *cx, uint32_t oid, struct buf *out,
                                   bool *found_out);
    /* pg_get_serial_sequence(): "public.t_id_seq". */
    enum status (*serial_sequence)(struct sql_context *cx, struct slice table,
                                   struct slice column, struct buf *out, bool *found_out);
    /* pg_relation_size() (`total` false), pg_total_relation_size() (with indexes). */
    enum status (*relation_size)(struct sql_context *cx, uint32_t oid, bool total,
                                 int64_t *bytes_out, bool *found_out);
    enum status (*database_size)(struct sql_context *cx, int64_t *bytes_out);
    /* pg_tablespace_location(); without the hook: "", where the built-in ones lie. */
    enum status (*tablespace_location)(struct sql_context *cx, uint32_t oid, struct buf *out,
                                       bool *found_out);
};
