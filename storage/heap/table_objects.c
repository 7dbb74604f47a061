/* table_objects.c: CREATE, TRUNCATE, ALTER and DROP of tables and indexes by a transaction: the
 * object directory notes it under the transaction's xid, the log is told, and an index is
 * filled.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "storage/heap/index_build.h"

/* Inside the gate; leaves it when the writer is refused. */
static enum status
enter_writing(struct txn *txn, struct xid *xid_out, struct diag *diag)
{
    struct pages *pages = txn_store(txn)->pages;
    gate_enter(pages);
    enum status status = txn_write_xid(txn, xid_out, diag);
    if (status != STATUS_OK) {
        gate_leave(pages);
    }
    return status;
}

enum status
table_create(struct txn *txn, struct object_id table, const struct table_definition *definition,
             struct diag *diag)
{
    struct store *store = txn_store(txn);
    struct buf bytes = BUF_EMPTY;
    struct xid xid;
    TRY(enter_writing(txn, &xid, diag));
    table_definition_encode(&bytes, definition);
    struct generation *generation = NULL;
    enum status status =
        objects_create_table(store, txn, xid, table, buf_slice(&bytes), &generation, diag);
    if (status == STATUS_OK) {
        struct effect effect = {.kind = EFFECT_NEW_GENERATION,
                                .object = table,
                                .reason = GENERATION_CREATE,
                                .bytes = buf_slice(&bytes)};
        txn_log_effect(txn, &effect);
    }
    gate_leave(store->pages);
    buf_deinit(&bytes);
    return status;
}

enum status
table_truncate(struct txn *txn, struct object_id table, struct diag *diag)
{
    struct store *store = txn_store(txn);
    struct xid xid;
    TRY(enter_writing(txn, &xid, diag));
    enum status status = objects_replace_table(store, txn, xid, table, diag);
    if (status == STATUS_OK) {
        struct effect effect = {
            .kind = EFFECT_NEW_GENERATION, .object = table, .reason = GENERATION_TRUNCATE};
        txn_log_effect(txn, &effect);
    }
    gate_leave(store->pages);
    return status;
}

enum status
table_alter(struct txn *txn, struct object_id table, const struct table_definition *definition,
            struct diag *diag)
{
    struct store *store = txn_store(txn);
    struct buf bytes = BUF_EMPTY;
    struct xid xid;
    TRY(enter_writing(txn, &xid, diag));
    table_definition_encode(&bytes, definition);
    enum status status = objects_alter_table(store, txn, xid, table, buf_slice(&bytes), diag);
    if (status == STATUS_OK) {
        struct effect effect = {.kind = EFFECT_NEW_GENERATION,
                                .object = table,
                                .reason = GENERATION_ALTER,
                                .bytes = buf_slice(&bytes)};
        txn_log_effect(txn, &effect);
    }
    gate_leave(store->pages);
    buf_deinit(&bytes);
    return status;
}

enum status
object_drop(struct txn *txn, struct object_id object, struct diag *diag)
{
    struct store *store = txn_store(txn);
    struct xid xid;
    TRY(enter_writing(txn, &xid, diag));
    enum status status = objects_drop(store, txn, xid, object, diag);
    if (status == STATUS_OK) {
        struct effect effect = {.kind = EFFECT_DROP, .object = object};
        txn_log_effect(txn, &effect);
    }
    gate_leave(store->pages);
    return status;
}

static bool
own_of_txn(const void *arg, struct xid xid)
{
    return txn_is_mine(arg, xid);
}

/* Notes the index and tells the log; the rows come after, outside the gate. */
static enum status
announce_index(struct txn *txn, const struct index_definition *definition,
               struct generation **index_out, struct diag *diag)
{
    struct store *store = txn_store(txn);
    struct buf bytes = BUF_EMPTY;
    struct xid xid;
    TRY(enter_writing(txn, &xid, diag));
    index_definition_encode(&bytes, definition);
    enum status status =
        objects_create_index(store, txn, xid, buf_slice(&bytes), index_out, diag);
    if (status == STATUS_OK) {
        struct effect effect = {.kind = EFFECT_BUILD_INDEX,
                                .object = definition->index,
                                .table = definition->table,
                                .bytes = buf_slice(&bytes)};
        txn_log_effect(txn, &effect);
    }
    gate_leave(store->pages);
    buf_deinit(&bytes);
    return status;
}

enum status
index_create(struct txn *txn, const struct index_definition *definition,
             struct change_result *result_out, struct diag *diag)
{
    *result_out = (struct change_result){.outcome = ROW_DONE};
    struct generation *index = NULL;
    TRY(announce_index(txn, definition, &index, diag));
    const struct table_view *view = objects_table_write(txn, definition->table);
    if (view == NULL) {
        return diag_fail(diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_TABLE,
                         "table %u does not exist", definition->table.v);
    }
    struct heap heap = heap_of(txn_store(txn), view->table);
    struct index_build build = {.heap = &heap,
                                .index = index,
                                .own = own_of_txn,
                                .own_arg = txn,
                                .txn = txn,
                                .result = result_out};
    return index_build_run(&build, diag);
}

bool
table_is_new_in(struct txn *txn, struct object_id table)
{
    return objects_is_new_in(txn, table);
}

static void
add_index_sizes(struct store *store, struct object_id table, struct object_size *size)
{
    struct generation *indexes[256];
    unsigned count = objects_pin_indexes(store, table, indexes, ARRAY_SIZE(indexes));
    for (unsigned i = 0; i < count; i++) {
        size->index_bytes += space_bytes(store->pages, indexes[i]->body->heap);
        generation_unpin(indexes[i]);
    }
}

enum status
object_size(struct store *store, struct object_id object, struct object_size *size_out,
            struct diag *diag)
{
    *size_out = (struct object_size){0};
    struct generation *generation = objects_pin(store, object);
    if (generation == NULL) {
        return diag_fail(diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_OBJECT,
                         "object %u does not exist", object.v);
    }
    struct body *body = generation->body;
    if (generation->kind == OBJECT_INDEX) {
        size_out->index_bytes = space_bytes(store->pages, body->heap);
    } else if (generation->kind == OBJECT_TABLE) {
        size_out->heap_bytes = space_bytes(store->pages, body->heap);
        size_out->row_map_bytes = space_bytes(store->pages, body->row_map);
        size_out->live_rows = (uint64_t)MAX(0, atomic_load(&body->live_rows));
        size_out->dead_rows = (uint64_t)MAX(0, atomic_load(&body->dead_rows));
        add_index_sizes(store, object, size_out);
    }
    generation_unpin(generation);
    return STATUS_OK;
}
