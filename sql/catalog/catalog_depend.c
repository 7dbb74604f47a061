/* catalog_depend.c: pg_depend: what goes with a relation, and what holds it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/catalog/catalog_internal.h"

enum status
catalog__add_dependency(struct sql_context *cx, const struct dependency *d)
{
    struct catalog_row row;
    catalog__row_init(cx->catalog->catalogs, &row, PG_DEPEND_OID);
    row.values[DEPEND_CLASS] = value_oid(d->class_id);
    row.values[DEPEND_OBJECT] = value_oid(d->object);
    row.values[DEPEND_REF_CLASS] = value_oid(PG_CLASS_OID);
    row.values[DEPEND_REF_OBJECT] = value_oid(d->relation.v);
    row.values[DEPEND_REF_SUB] = value_i32((int32_t)d->attribute_no);
    row.values[DEPEND_TYPE] = value_char(d->type);
    return catalog__insert(cx, PG_DEPEND_OID, row.values);
}

enum status
catalog_own_sequence(struct sql_context *cx, struct object_id sequence, struct object_id table,
                     unsigned attribute_no)
{
    struct dependency owned = {.class_id = PG_CLASS_OID,
                               .object = sequence.v,
                               .relation = table,
                               .attribute_no = attribute_no,
                               .type = 'a'};
    TRY(catalog__add_dependency(cx, &owned));
    txn_next_command(cx->txn);
    catalog_touch(cx);
    return STATUS_OK;
}

enum status
catalog_sequence_owner(struct sql_context *cx, struct object_id sequence,
                       struct object_id *table_out, unsigned *attribute_no_out)
{
    table_out->v = 0;
    *attribute_no_out = 0;
    struct value key = value_oid(sequence.v);
    struct catalog_scan scan;
    TRY(catalog__scan(cx, DEPEND_OBJECT_INDEX, &key, 1, &scan));
    bool found = false;
    enum status status = catalog__scan_next(cx, &scan, &found);
    if (status == STATUS_OK && found) {
        table_out->v = scan.values[DEPEND_REF_OBJECT].u32;
        *attribute_no_out = (unsigned)scan.values[DEPEND_REF_SUB].i32;
    }
    catalog__scan_close(&scan);
    return status;
}

enum status
catalog__collect_ids(struct sql_context *cx, uint32_t index_id, struct object_id key,
                     unsigned column_no, uint32_t class_id, struct buf *ids)
{
    struct value key_value = value_oid(key.v);
    struct catalog_scan scan;
    TRY(catalog__scan(cx, index_id, &key_value, 1, &scan));
    bool found = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && found) {
        status = catalog__scan_next(cx, &scan, &found);
        if (status == STATUS_OK && found &&
            (class_id == 0 || scan.values[DEPEND_CLASS].u32 == class_id)) {
            struct object_id id = {scan.values[column_no].u32};
            buf_append(ids, &id, sizeof(id));
        }
    }
    catalog__scan_close(&scan);
    return status;
}

/* The columns that have the defaults `ids`, in the order of their making. */
static enum status
add_default_users(struct sql_context *cx, struct object_id relation, const struct buf *ids,
                  struct buf *users)
{
    struct catalog_scan scan;
    TRY(catalog__scan_all(cx, PG_ATTRDEF_OID, &scan));
    size_t count = ids->size / sizeof(struct object_id);
    struct default_user *in_order = arena_array(cx->arena, struct default_user, count + 1);
    bool found = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && found) {
        status = catalog__scan_next(cx, &scan, &found);
        for (size_t i = 0; status == STATUS_OK && found && i < count; i++) {
            if (scan.values[ATTRDEF_OID].u32 == catalog__id_at(ids, i).v) {
                in_order[i] = (struct default_user){.relation = relation,
                                                    .table = {scan.values[ATTRDEF_RELID].u32},
                                                    .attribute_no =
                                                        (unsigned)scan.values[ATTRDEF_NUM].i16};
            }
        }
    }
    catalog__scan_close(&scan);
    for (size_t i = 0; i < count; i++) {
        if (in_order[i].table.v != 0) {
            buf_append(users, &in_order[i], sizeof(in_order[i]));
        }
    }
    return status;
}

enum status
catalog_default_users(struct sql_context *cx, struct object_id relation, struct buf *users)
{
    struct buf relations = BUF_EMPTY, defaults = BUF_EMPTY;
    buf_append(&relations, &relation, sizeof(relation));
    enum status status = catalog__collect_ids(cx, DEPEND_REFERENCE_INDEX, relation,
                                              DEPEND_OBJECT, PG_CLASS_OID, &relations);
    size_t count = relations.size / sizeof(relation);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        buf_clear(&defaults);
        status = catalog__collect_ids(cx, DEPEND_REFERENCE_INDEX, catalog__id_at(&relations, i),
                                      DEPEND_OBJECT, PG_ATTRDEF_OID, &defaults);
        if (status == STATUS_OK && defaults.size > 0) {
            status = add_default_users(cx, catalog__id_at(&relations, i), &defaults, users);
        }
    }
    buf_deinit(&relations);
    buf_deinit(&defaults);
    return status;
}
