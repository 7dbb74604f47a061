/* table_insert.c: new rows. Page first, then row map, then index entries (rule 8), then redo:
 * what happens in between is undone by the transaction's abort, or here when the statement may
 * go on without the row (ON CONFLICT).
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "storage/heap/table_internal.h"

struct insertion {
    struct txn *txn;
    const struct table_view *view;
    struct heap heap;
    struct warm warm;
    struct version version;
    struct version_at at;
    struct page *map_page, *target; /* pinned */
};

/* One hold of the gate: the version and its map entry; and the redo if no index follows. */
static enum status
place_step(struct insertion *in, struct diag *diag)
{
    struct xid xid;
    gate_enter(in->heap.pages);
    enum status status = txn_write_xid(in->txn, &xid, diag);
    if (status == STATUS_OK) {
        in->version.xmin = xid.v;
        status = place_version(&in->heap, &in->warm, &in->version, &in->target, &in->at, diag);
    }
    if (status == STATUS_OK) {
        row_map_set(&in->heap, in->map_page, in->version.row, in->at);
        if (in->view->index_count == 0) {
            txn_log_insert(in->txn, in->heap.table, in->version.row, in->version.tuple);
        }
    }
    gate_leave(in->heap.pages);
    return status;
}

static enum status
log_step(struct insertion *in, struct diag *diag)
{
    struct xid xid;
    gate_enter(in->heap.pages);
    enum status status = txn_write_xid(in->txn, &xid, diag);
    if (status == STATUS_OK) {
        txn_log_insert(in->txn, in->heap.table, in->version.row, in->version.tuple);
    }
    gate_leave(in->heap.pages);
    return status;
}

/* The page is pinned still: nothing here can fail. */
static void
undo(struct insertion *in)
{
    struct version version;
    gate_enter(in->heap.pages);
    page_latch_exclusive(in->target);
    uint8_t *data = page_data(in->target);
    if (heap_page_read(data, in->heap.page_size, in->at.line, &version) &&
        version.xmin == in->version.xmin && version.row.v == in->version.row.v) {
        page_dirty(in->target);
        version.flags |= VERSION_DEAD;
        heap_page_write_header(data, in->at.line, &version);
    }
    page_unlatch(in->target);
    gate_leave(in->heap.pages);
    atomic_fetch_add_explicit(&in->heap.body->dead_rows, 1, memory_order_relaxed);
}

static enum status
insert_entries(struct insertion *in, struct change_result *result, struct diag *diag)
{
    const struct key_writer writer = {.heap = &in->heap,
                                      .txn = in->txn,
                                      .warm = &in->warm,
                                      .row = in->version.row,
                                      .tuple = in->version.tuple,
                                      .result = result};
    for (unsigned i = 0; i < in->view->index_count; i++) {
        TRY(key_insert(&writer, in->view->indexes[i], diag));
    }
    return STATUS_OK;
}

static enum status
insert_row(struct insertion *in, struct change_result *result, struct diag *diag)
{
    TRY(row_map_pin(&in->heap, in->version.row, &in->warm, &in->map_page, diag));
    for (;;) {
        enum status status = place_step(in, diag);
        if (status == STATUS_OK) {
            break;
        }
        if (status != STATUS_AGAIN) {
            return status;
        }
        TRY(warm_fetch(&in->warm, in->heap.pages, diag));
    }
    if (in->view->index_count == 0) {
        return STATUS_OK;
    }
    enum status status = insert_entries(in, result, diag);
    if (status == STATUS_OK) {
        status = log_step(in, diag);
    }
    if (status != STATUS_OK) {
        undo(in);
    }
    return status;
}

enum status
table_insert(struct txn *txn, struct object_id table, struct slice tuple,
             struct change_result *result_out, struct diag *diag)
{
    *result_out = (struct change_result){.outcome = ROW_DONE};
    TRY(store__check_growth(txn_store(txn), diag));
    TRY(txn_ship_if_large(txn, diag));
    const struct table_view *view = objects_table_write(txn, table);
    if (view == NULL) {
        return diag_fail(diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_TABLE,
                         "table %u does not exist", table.v);
    }
    struct insertion in = {
        .txn = txn, .view = view, .heap = heap_of(txn_store(txn), view->table)};
    TRY(place_check_size(&in.heap, tuple, diag));
    struct row_id row = {atomic_fetch_add(&in.heap.body->next_row, 1)};
    in.version = (struct version){
        .row = row, .cmin = txn_command_id(txn), .prev = VERSION_AT_NONE, .tuple = tuple};
    enum status status = insert_row(&in, result_out, diag);
    page_unpin(in.map_page);
    page_unpin(in.target);
    warm_release(&in.warm);
    result_out->row = row;
    return status;
}
