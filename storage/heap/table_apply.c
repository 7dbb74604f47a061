/* table_apply.c: effects of the log (walks B to D, docs/rules.md). As a change by a session,
 * without judging: whatever is not undone at the head of a row is what the log knows, and an
 * undone head is linked over. No latch is held between steps: apply is the only writer of what
 * it touches, besides vacuum.
 * SPDX-License-Identifier: Apache-2.0 */
#include "storage/heap/table_apply.h"
#include "base/env.h"
#include "base/errors.h"
#include "base/log.h"
#include "storage/heap/index_build.h"

#include <inttypes.h>
#include <string.h>

struct applying {
    struct store *store;
    const struct effect *effect;
    const struct table_view *view;
    struct heap heap;
    struct warm warm;
    struct walk walk; /* at the version superseded, if any; its page stays pinned */
    bool has_old;
    struct version version;
    struct version_at at;
    struct page *map_page, *target;
};

static enum status
divergence(const struct applying *a, struct diag *diag, const char *what)
{
    return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                     "this node differs from the log: %s, row %llu of table %u", what,
                     (unsigned long long)a->effect->row.v, a->effect->object.v);
}

/* Is the version at hand the row as the log knows it, alive? */
static enum status
check_old(struct applying *a, struct xid xid, bool *alive_out, struct diag *diag)
{
    const struct version *old = &a->walk.version;
    struct csn csn;
    *alive_out = true;
    if ((old->flags & VERSION_XMIN_IS_CSN) == 0 && old->xmin != xid.v &&
        xid_state(a->store, (struct xid){old->xmin}, &csn) == XID_RUNNING) {
        return divergence(a, diag, "a transaction that the log does not know is in progress");
    }
    if (old->xmax == 0) {
        return STATUS_OK;
    }
    if ((old->flags & VERSION_XMAX_IS_CSN) != 0 || old->xmax == xid.v) {
        *alive_out = false;
        return STATUS_OK;
    }
    switch (xid_state(a->store, (struct xid){old->xmax}, &csn)) {
    case XID_ABORTED:
        return STATUS_OK;
    case XID_COMMITTED:
        *alive_out = false;
        return STATUS_OK;
    case XID_RUNNING:
        break;
    }
    return divergence(a, diag, "a transaction that the log does not know is in progress");
}

static enum status
find_old(struct applying *a, struct xid xid, struct buf *old_out, struct diag *diag)
{
    bool there = false, alive = false;
    walk_init(&a->walk, &a->heap, a->effect->row, NULL);
    TRY(walk_newest(&a->walk, &there, diag));
    if (there) {
        TRY(check_old(a, xid, &alive, diag));
    }
    a->has_old = alive;
    if (a->effect->kind == EFFECT_INSERT) {
        return alive ? divergence(a, diag, "an insert finds a live row") : STATUS_OK;
    }
    if (!alive) {
        return divergence(a, diag, "the target of an update or delete is missing");
    }
    buf_append(old_out, a->walk.version.tuple.data, a->walk.version.tuple.size);
    return STATUS_OK;
}

/* Sets xmax of the version superseded. Its line moves for nobody else: vacuum takes dead ones
 * only. Inside the gate. */
static void
mark_old(struct applying *a, struct xid xid)
{
    struct version old;
    struct page *page = a->walk.page;
    page_latch_exclusive(page);
    page_dirty(page);
    bool there = heap_page_read(page_data(page), a->heap.page_size, a->walk.at.line, &old);
    ASSERT(there && old.row.v == a->effect->row.v);
    old.xmax = xid.v;
    old.cmax = 0;
    old.flags &= (uint8_t) ~(VERSION_XMAX_IS_CSN | VERSION_DELETED);
    if (a->effect->kind == EFFECT_DELETE) {
        old.flags |= VERSION_DELETED;
    }
    old.lock_mode = ROW_LOCK_UPDATE;
    heap_page_write_header(page_data(page), a->walk.at.line, &old);
    page_unlatch(page);
    atomic_fetch_add_explicit(&a->heap.body->dead_rows, 1, memory_order_relaxed);
}

/* Beside the version superseded, its line swung, when the row map names that and there is room.
 */
static bool
place_beside(struct applying *a)
{
    struct page *page = a->walk.page;
    bool done = false;
    if (!a->has_old) {
        return false;
    }
    page_latch_exclusive(page);
    if (version_at_equal(row_map_get(&a->heap, a->map_page, a->effect->row), a->walk.at) &&
        place_make_room(&a->heap, page, a->version.tuple.size)) {
        page_dirty(page);
        (void)heap_page_swing(page_data(page), a->heap.page_size, a->walk.at.line, &a->version,
                              true);
        done = true;
    }
    page_unlatch(page);
    return done;
}

static enum status
place_new(struct applying *a, struct diag *diag)
{
    for (;;) {
        gate_enter(a->heap.pages);
        enum status status = STATUS_OK;
        bool beside = place_beside(a);
        if (!beside) {
            status = place_version(&a->heap, &a->warm, &a->version, &a->target, &a->at, diag);
        }
        if (!beside && status == STATUS_OK) {
            row_map_set(&a->heap, a->map_page, a->effect->row, a->at);
        }
        gate_leave(a->heap.pages);
        if (status != STATUS_AGAIN) {
            return status;
        }
        TRY(warm_fetch(&a->warm, a->heap.pages, diag));
    }
}

/* Rule 9: for what passes (no room on the disk or in the pool) apply waits. Anything else is an
 * index that cannot be had here: it is invalid, and the rows are what counts. */
static enum status
settle_index(struct store *store, struct generation *index, enum status status,
             const struct diag *local, struct diag *diag)
{
    bool passes = status == STATUS_LIMIT && strncmp(local->sqlstate, "53", 2) == 0;
    if (status == STATUS_OK || passes || status == STATUS_IO) {
        return status == STATUS_OK
                   ? status
                   : diag_fail(diag, status, local->sqlstate, "%s", local->message);
    }
    if (!atomic_exchange(&index->invalid, true) && store->env->log != NULL) {
        log_warning(store->env->log, "storage", "index %" PRIu32 " is invalid here: %s",
                    index->id.v, local->message);
    }
    return STATUS_OK;
}

static enum status
insert_entries(struct applying *a, uint64_t keys_changed, struct diag *diag)
{
    const struct key_writer writer = {
        .heap = &a->heap, .warm = &a->warm, .row = a->effect->row, .tuple = a->effect->bytes};
    for (unsigned i = 0; i < a->view->index_count; i++) {
        struct generation *index = a->view->indexes[i];
        if ((keys_changed >> MIN(i, 63U) & 1U) != 0) {
            struct diag local;
            diag_clear(&local);
            enum status status = key_insert(&writer, index, &local);
            TRY(settle_index(a->store, index, status, &local, diag));
        }
    }
    return STATUS_OK;
}

static uint64_t
find_changed_keys(const struct applying *a, struct slice old)
{
    uint64_t changed = 0;
    for (unsigned i = 0; i < a->view->index_count; i++) {
        if (!a->has_old ||
            !keys_equal(&a->heap, a->view->indexes[i]->index_def, old, a->effect->bytes)) {
            changed |= UINT64_C(1) << MIN(i, 63U);
        }
    }
    return changed;
}

static enum status
apply_row(struct applying *a, struct xid xid, struct buf *old_out, struct diag *diag)
{
    TRY(find_old(a, xid, old_out, diag));
    if (a->effect->kind == EFFECT_DELETE) {
        gate_enter(a->heap.pages);
        mark_old(a, xid);
        gate_leave(a->heap.pages);
        return STATUS_OK;
    }
    TRY(tuple_check(a->effect->bytes, a->heap.definition->kinds,
                    a->heap.definition->column_count, diag));
    TRY(place_check_size(&a->heap, a->effect->bytes, diag));
    uint64_t keys_changed = find_changed_keys(a, buf_slice(old_out));
    TRY(row_map_pin(&a->heap, a->effect->row, &a->warm, &a->map_page, diag));
    a->version = (struct version){
        .xmin = xid.v,
        .row = a->effect->row,
        .prev = a->has_old ? a->walk.at : VERSION_AT_NONE,
        .flags = a->has_old && keys_changed == 0 ? VERSION_KEYS_SAME : 0,
        .tuple = a->effect->bytes,
    };
    if (a->has_old) {
        gate_enter(a->heap.pages);
        mark_old(a, xid);
        gate_leave(a->heap.pages);
    }
    TRY(place_new(a, diag));
    return insert_entries(a, keys_changed, diag);
}

enum status
table_apply_row(struct store *store, struct xid xid, const struct effect *effect,
                struct buf *old_out, struct diag *diag)
{
    buf_clear(old_out);
    struct applying a = {.store = store, .effect = effect};
    a.view = objects_table_apply(store, xid, effect->object);
    if (a.view == NULL) {
        return divergence(&a, diag, "the table is missing");
    }
    a.heap = heap_of(store, a.view->table);
    enum status status = apply_row(&a, xid, old_out, diag);
    walk_end(&a.walk);
    page_unpin(a.map_page);
    page_unpin(a.target);
    warm_release(&a.warm);
    return status;
}

static bool
own_of_apply(const void *arg, struct xid xid)
{
    return ((const struct xid *)arg)->v == xid.v;
}

enum status
table_apply_index_build(struct store *store, struct xid xid,
                        const struct index_definition *definition, struct diag *diag)
{
    const struct table_view *view = objects_table_apply(store, xid, definition->table);
    struct generation *index = NULL;
    for (unsigned i = 0; view != NULL && i < view->index_count; i++) {
        if (view->indexes[i]->id.v == definition->index.v) {
            index = view->indexes[i];
        }
    }
    if (index == NULL) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "this node differs from the log: index %u or its table %u is missing",
                         definition->index.v, definition->table.v);
    }
    struct heap heap = heap_of(store, view->table);
    struct index_build build = {
        .heap = &heap, .index = index, .own = own_of_apply, .own_arg = &xid};
    struct diag local;
    diag_clear(&local);
    enum status status = index_build_run(&build, &local);
    return settle_index(store, index, status, &local, diag);
}
