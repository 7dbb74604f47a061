/* table_change.c: UPDATE, DELETE and row locks (walk A, docs/rules.md).
 *
 * Each try walks to the newest version that is not undone, pins its page, enters the gate,
 * latches the page and judges the version:
 *
 *   unchanged since the snapshot ----------------> claim it: xmax = ours
 *   its writer or deleter still runs ------------> row_lock() for the place in the queue, wait,
 * retry committed above the snapshot: READ COMMITTED -> row_lock(), then ROW_CHANGED or
 * ROW_GONE REPEATABLE READ -> 40001 another one's row lock is in the way --------> row_lock(),
 * retry
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "storage/heap/table_internal.h"
#include "storage/txn/txn_internal.h"

enum change_kind { CHANGE_UPDATE, CHANGE_DELETE, CHANGE_LOCK };

struct change {
    enum change_kind kind;
    struct txn *txn;
    const struct table_view *view;
    struct heap heap;
    struct warm warm;
    struct walk walk; /* at the version to change; its page stays pinned */
    struct slice tuple;
    struct xid xid;
    enum row_lock_mode mode;
    enum lock_wait wait;
    enum row_lock_mode row_locked; /* what row_lock() gave in this call; 0: nothing */
    bool locked_before;            /* READ COMMITTED: an earlier call answered ROW_CHANGED */
    uint64_t keys_changed;         /* by index; the last bit stands for all from 63 on */
    struct version_at old_at, new_at;
    struct slice old_tuple; /* stays where it is while we hold the page */
    bool claimed, placed, swung;
    struct page *map_page, *target; /* pinned */
};

enum verdict {
    VERDICT_OURS,    /* go on */
    VERDICT_CHANGED, /* committed above the snapshot */
    VERDICT_GONE,
    VERDICT_DELETED, /* by a transaction above the snapshot */
    VERDICT_WAIT,    /* for an xid */
    VERDICT_LOCKED,  /* a row lock is in the way */
    VERDICT_RESTART, /* not the newest any more */
};

/* KEY SHARE and an update that changes no key get along. */
static bool
mode_conflicts(const struct change *change, unsigned held)
{
    return !(change->kind == CHANGE_LOCK && change->mode == ROW_LOCK_KEY_SHARE &&
             held == ROW_LOCK_NO_KEY_UPDATE);
}

static enum verdict
judge_xmax(const struct change *change, const struct version *version, struct xid *wait_out)
{
    bool is_csn = (version->flags & VERSION_XMAX_IS_CSN) != 0;
    struct csn csn;
    if (version->xmax == 0) {
        return VERDICT_OURS;
    }
    if (!is_csn && txn_is_mine(change->txn, (struct xid){version->xmax})) {
        return VERDICT_GONE;
    }
    switch (version_writer_state(change->heap.store, version->xmax, is_csn, &csn)) {
    case XID_ABORTED:
        return VERDICT_OURS;
    case XID_RUNNING:
        *wait_out = (struct xid){version->xmax};
        return mode_conflicts(change, version->lock_mode) ? VERDICT_WAIT : VERDICT_OURS;
    case XID_COMMITTED:
        break;
    }
    if ((version->flags & VERSION_DELETED) == 0) {
        return VERDICT_RESTART;
    }
    return csn.v <= txn_snapshot_csn(change->txn).v ? VERDICT_GONE : VERDICT_DELETED;
}

/* Under the page's latch, of the newest version that is not undone. */
static enum verdict
judge(const struct change *change, const struct version *version, struct xid *wait_out)
{
    bool is_csn = (version->flags & VERSION_XMIN_IS_CSN) != 0;
    struct csn csn = {0};
    if (!is_csn && txn_is_mine(change->txn, (struct xid){version->xmin})) {
        if (!txn_sees(change->txn, (struct xid){version->xmin}, version->cmin)) {
            return VERDICT_GONE; /* made by this very command */
        }
        return judge_xmax(change, version, wait_out);
    }
    switch (version_writer_state(change->heap.store, version->xmin, is_csn, &csn)) {
    case XID_ABORTED:
        return VERDICT_RESTART;
    case XID_RUNNING:
        *wait_out = (struct xid){version->xmin};
        return VERDICT_WAIT;
    case XID_COMMITTED:
        break;
    }
    enum verdict verdict = judge_xmax(change, version, wait_out);
    if (verdict == VERDICT_OURS && csn.v > txn_snapshot_csn(change->txn).v) {
        return VERDICT_CHANGED;
    }
    return verdict;
}

/* ---- the change itself, under the latch ---- */
static void
mark_old(struct change *change, uint8_t *data, struct version *old)
{
    old->xmax = change->xid.v;
    old->cmax = txn_command_id(change->txn);
    old->flags &= (uint8_t) ~(VERSION_XMAX_IS_CSN | VERSION_DELETED);
    if (change->kind == CHANGE_DELETE) {
        old->flags |= VERSION_DELETED;
    }
    old->lock_mode = (uint8_t)change->mode;
    heap_page_write_header(data, change->old_at.line, old);
    change->claimed = true;
    atomic_fetch_add_explicit(&change->heap.body->dead_rows, 1, memory_order_relaxed);
}

static struct version
new_version(const struct change *change)
{
    return (struct version){
        .xmin = change->xid.v,
        .row = change->walk.row,
        .cmin = txn_command_id(change->txn),
        .prev = change->old_at,
        .flags = change->keys_changed == 0 ? VERSION_KEYS_SAME : 0,
        .tuple = change->tuple,
    };
}

/* The line that the row map names may be taken over when it is on this page and holds the
 * version superseded or an undone one. The map is asked again, under the page's latch: our walk
 * may have read it before another writer linked elsewhere and aborted, and what hangs on a line
 * that the map does not name is lost. It stays as it is while we hold the latch: who may change
 * it for a row that is alive has claimed the row (not while we look at it unclaimed), or is
 * vacuum, which takes this latch too. */
static bool
may_swing(const struct change *change, const uint8_t *data, struct version_at *head_out)
{
    struct version head;
    struct version_at at = row_map_get(&change->heap, change->map_page, change->walk.row);
    *head_out = at;
    if (at.page.v != change->old_at.page.v) {
        return false;
    }
    return at.line == change->old_at.line ||
           (heap_page_read(data, change->heap.page_size, at.line, &head) &&
            head.row.v == change->walk.row.v && version_undone(change->heap.store, &head));
}

/* The successor on the same page, if it has room: one page is dirtied, and when the line can be
 * swung the row map stays as it is. */
static void
place_beside(struct change *change, struct page *page)
{
    uint8_t *data = page_data(page);
    if (!place_make_room(&change->heap, page, change->tuple.size)) {
        return;
    }
    struct version version = new_version(change);
    struct version_at head;
    change->swung = may_swing(change, data, &head);
    if (change->swung) {
        bool over_old = head.line == change->old_at.line;
        unsigned moved =
            heap_page_swing(data, change->heap.page_size, head.line, &version, over_old);
        if (over_old) {
            change->old_at.line = (uint16_t)moved;
        }
        change->new_at = head;
    } else {
        change->new_at.page = page_number(page);
        change->new_at.line = (uint16_t)heap_page_add(data, change->heap.page_size, &version);
    }
    change->placed = true;
}

static void
log_change(struct change *change)
{
    struct slice old = change->old_tuple;
    if (change->kind == CHANGE_DELETE) {
        txn_log_delete(change->txn, change->heap.table, change->walk.row, old);
    } else {
        txn_log_update(change->txn, change->heap.table, change->walk.row, old, change->tuple);
    }
}

/* The version lies where the walk found it and nobody else may move its bytes: we hold a pin.
 */
static void
read_old(const struct change *change, struct version *old)
{
    bool there = heap_page_read(page_data(change->walk.page), change->heap.page_size,
                                change->old_at.line, old);
    ASSERT(there && old->row.v == change->walk.row.v);
}

static void
claim(struct change *change, struct version *old)
{
    struct page *page = change->walk.page;
    page_dirty(page);
    mark_old(change, page_data(page), old);
    if (change->kind == CHANGE_UPDATE) {
        place_beside(change, page); /* may compact the page */
    }
    read_old(change, old);
    change->old_tuple = old->tuple;
}

/* One look at the version under its latch, inside the gate; claims it if it may. */
static enum verdict
try_claim(struct change *change, struct xid *wait_out)
{
    struct page *page = change->walk.page;
    struct version now;
    const struct version *seen = &change->walk.version;
    enum verdict verdict = VERDICT_RESTART;
    page_latch_exclusive(page);
    bool same =
        heap_page_read(page_data(page), change->heap.page_size, change->walk.at.line, &now) &&
        now.row.v == seen->row.v && now.cmin == seen->cmin &&
        now.tuple.data == seen->tuple.data;
    if (same) {
        verdict = judge(change, &now, wait_out);
        if (verdict == VERDICT_CHANGED && change->locked_before) {
            verdict = VERDICT_OURS; /* ROW_CHANGED was answered; nobody changed it since */
        }
    }
    if (verdict == VERDICT_OURS && change->row_locked < change->mode &&
        row_lock_conflicts(change->txn, change->heap.table, change->walk.row, change->mode)) {
        verdict = VERDICT_LOCKED;
    }
    if (verdict == VERDICT_OURS && change->kind != CHANGE_LOCK) {
        change->old_at = change->walk.at;
        claim(change, &now);
    }
    page_unlatch(page);
    return verdict;
}

/* What remains inside the gate after the claim: another page, the row map. */
static enum status
link_new(struct change *change, struct diag *diag)
{
    if (change->kind != CHANGE_UPDATE) {
        return STATUS_OK;
    }
    if (!change->placed) {
        struct version version = new_version(change);
        TRY(place_version(&change->heap, &change->warm, &version, &change->target,
                          &change->new_at, diag));
        change->placed = true;
    }
    if (!change->swung) {
        row_map_set(&change->heap, change->map_page, change->walk.row, change->new_at);
    }
    return STATUS_OK;
}

/* Enters the gate as often as it takes to link; logs at once when no index entry follows. */
static enum status
finish_link(struct change *change, enum status status, struct diag *diag)
{
    while (status == STATUS_AGAIN) {
        TRY(warm_fetch(&change->warm, change->heap.pages, diag));
        gate_enter(change->heap.pages);
        status = txn_write_xid(change->txn, &change->xid, diag);
        if (status == STATUS_OK) {
            status = link_new(change, diag);
        }
        if (status == STATUS_OK && change->keys_changed == 0) {
            log_change(change);
        }
        gate_leave(change->heap.pages);
    }
    return status;
}

/* ---- undo of an update whose index entries failed ---- */
static void
clear_claim(struct change *change)
{
    struct version old;
    struct page *page = change->walk.page;
    page_latch_exclusive(page);
    read_old(change, &old);
    if (old.xmax == change->xid.v && (old.flags & VERSION_XMAX_IS_CSN) == 0) {
        page_dirty(page);
        old.xmax = 0;
        old.cmax = 0;
        old.flags &= (uint8_t)~VERSION_DELETED;
        heap_page_write_header(page_data(page), change->old_at.line, &old);
    }
    page_unlatch(page);
}

static void
undo_update(struct change *change)
{
    struct version version;
    bool beside = change->new_at.page.v == page_number(change->walk.page).v;
    struct page *page = beside ? change->walk.page : change->target;
    gate_enter(change->heap.pages);
    if (change->placed) {
        page_latch_exclusive(page);
        if (heap_page_read(page_data(page), change->heap.page_size, change->new_at.line,
                           &version) &&
            version.xmin == change->xid.v && version.row.v == change->walk.row.v) {
            page_dirty(page);
            version.flags |= VERSION_DEAD;
            heap_page_write_header(page_data(page), change->new_at.line, &version);
        }
        page_unlatch(page);
    }
    clear_claim(change); /* after it: until then others wait for us */
    gate_leave(change->heap.pages);
}

/* ---- waiting and answers, outside the gate ---- */
static enum status
serialization_failure(struct diag *diag, const char *what)
{
    return diag_fail(diag, STATUS_CONFLICT, SQLSTATE_SERIALIZATION_FAILURE,
                     "could not serialize access due to concurrent %s", what);
}

static enum status
take_row_lock(struct change *change, struct change_result *result, struct diag *diag)
{
    struct diag *to = change->wait == LOCK_WAIT ? diag : NULL;
    enum status status = row_lock(change->txn, change->heap.table, change->walk.row,
                                  change->mode, change->wait, to);
    change->row_locked = status == STATUS_OK ? change->mode : 0;
    if (status == STATUS_CONFLICT && change->wait != LOCK_WAIT) {
        result->outcome = ROW_BUSY;
        return STATUS_OK;
    }
    return status;
}

/* *done_out: the call is over with result->outcome; else it starts anew. */
static enum status
answer(struct change *change, enum verdict verdict, struct xid wait_for, struct buf *newest_out,
       struct change_result *result, bool *done_out, struct diag *diag)
{
    bool read_committed = change->txn->isolation == ISOLATION_READ_COMMITTED;
    switch (verdict) {
    case VERDICT_OURS:
        *done_out = true;
        return STATUS_OK;
    case VERDICT_RESTART:
        return STATUS_OK;
    case VERDICT_GONE:
        result->outcome = ROW_GONE;
        *done_out = true;
        return STATUS_OK;
    case VERDICT_DELETED:
        result->outcome = ROW_GONE;
        *done_out = true;
        return read_committed ? STATUS_OK : serialization_failure(diag, "delete");
    case VERDICT_CHANGED:
        if (!read_committed) {
            return serialization_failure(diag, "update");
        }
        if (change->row_locked >= change->mode) {
            result->outcome = ROW_CHANGED;
            buf_clear(newest_out);
            buf_append(newest_out, change->walk.version.tuple.data,
                       change->walk.version.tuple.size);
            *done_out = true;
            return STATUS_OK;
        }
        break;
    case VERDICT_WAIT:
    case VERDICT_LOCKED:
        break;
    }
    walk_end(&change->walk);
    warm_release(&change->warm);
    if (change->row_locked < change->mode) {
        TRY(take_row_lock(change, result, diag)); /* our place in the queue */
        *done_out = result->outcome == ROW_BUSY;
    }
    if (!*done_out && verdict == VERDICT_WAIT) {
        if (change->wait != LOCK_WAIT) {
            result->outcome = ROW_BUSY;
            *done_out = true;
            return STATUS_OK;
        }
        return txn_wait_xid(change->txn, wait_for, diag);
    }
    return STATUS_OK;
}

/* ---- one try ---- */
static void
find_changed_keys(struct change *change)
{
    change->keys_changed = 0;
    if (change->kind != CHANGE_UPDATE) {
        return;
    }
    change->mode = ROW_LOCK_NO_KEY_UPDATE;
    for (unsigned i = 0; i < change->view->index_count; i++) {
        const struct index_definition *definition = change->view->indexes[i]->index_def;
        if (!keys_equal(&change->heap, definition, change->walk.version.tuple, change->tuple)) {
            change->keys_changed |= UINT64_C(1) << MIN(i, 63U);
            if (definition->unique) {
                change->mode = ROW_LOCK_UPDATE;
            }
        }
    }
}

/* KEY SHARE does not wait for an update that keeps the keys: the version that it superseded is
 * the one to lock. */
static enum status
look_behind(struct change *change, bool *there_out, struct diag *diag)
{
    struct version newest = change->walk.version;
    struct csn csn;
    if ((newest.flags & VERSION_XMIN_IS_CSN) != 0 || version_at_none(newest.prev) ||
        txn_is_mine(change->txn, (struct xid){newest.xmin}) ||
        xid_state_for_writer(change->heap.store, (struct xid){newest.xmin}, &csn) !=
            XID_RUNNING) {
        return STATUS_OK;
    }
    TRY(walk_step(&change->walk, there_out, diag));
    if (*there_out && change->walk.version.xmax == newest.xmin &&
        change->walk.version.lock_mode == ROW_LOCK_NO_KEY_UPDATE) {
        return STATUS_OK;
    }
    walk_end(&change->walk);
    walk_init(&change->walk, &change->heap, change->walk.row, NULL);
    return walk_newest(&change->walk, there_out, diag);
}

static enum status
prepare(struct change *change, bool *there_out, struct diag *diag)
{
    walk_end(&change->walk);
    walk_init(&change->walk, &change->heap, change->walk.row, NULL);
    TRY(walk_newest(&change->walk, there_out, diag));
    if (!*there_out) {
        return STATUS_OK;
    }
    if (change->kind == CHANGE_LOCK && change->mode == ROW_LOCK_KEY_SHARE) {
        return look_behind(change, there_out, diag);
    }
    find_changed_keys(change);
    if (change->kind == CHANGE_UPDATE && change->map_page == NULL) {
        TRY(row_map_pin(&change->heap, change->walk.row, &change->warm, &change->map_page,
                        diag));
    }
    return STATUS_OK;
}

static enum status
insert_entries(struct change *change, struct change_result *result, struct diag *diag)
{
    const struct key_writer writer = {.heap = &change->heap,
                                      .txn = change->txn,
                                      .warm = &change->warm,
                                      .row = change->walk.row,
                                      .tuple = change->tuple,
                                      .result = result};
    for (unsigned i = 0; i < change->view->index_count; i++) {
        if ((change->keys_changed >> MIN(i, 63U) & 1U) != 0) {
            TRY(key_insert(&writer, change->view->indexes[i], diag));
        }
    }
    return STATUS_OK;
}

static enum status
log_after_entries(struct change *change, struct diag *diag)
{
    gate_enter(change->heap.pages);
    enum status status = txn_write_xid(change->txn, &change->xid, diag);
    if (status == STATUS_OK) {
        log_change(change);
    }
    gate_leave(change->heap.pages);
    return status;
}

/* The version is claimed; the rest must follow or be undone. */
static enum status
complete(struct change *change, enum status status, struct change_result *result,
         struct diag *diag)
{
    status = finish_link(change, status, diag);
    if (status == STATUS_OK && change->keys_changed != 0) {
        status = insert_entries(change, result, diag);
        if (status == STATUS_OK) {
            status = log_after_entries(change, diag);
        }
    }
    if (status != STATUS_OK && change->kind == CHANGE_UPDATE) {
        undo_update(change);
    }
    return status;
}

static enum status
try_once(struct change *change, struct buf *newest_out, struct change_result *result,
         bool *done_out, struct diag *diag)
{
    bool there = false;
    TRY(prepare(change, &there, diag));
    if (!there) {
        result->outcome = ROW_GONE;
        *done_out = true;
        return STATUS_OK;
    }
    struct xid wait_for = {0};
    gate_enter(change->heap.pages);
    enum status status = STATUS_OK;
    if (change->kind != CHANGE_LOCK) {
        status = txn_write_xid(change->txn, &change->xid, diag);
    }
    if (status != STATUS_OK) {
        gate_leave(change->heap.pages);
        return status;
    }
    enum verdict verdict = try_claim(change, &wait_for);
    if (change->claimed) {
        status = link_new(change, diag);
        if (status == STATUS_OK && change->keys_changed == 0) {
            log_change(change);
        }
    }
    gate_leave(change->heap.pages);
    if (change->claimed) {
        *done_out = true;
        return complete(change, status, result, diag);
    }
    return answer(change, verdict, wait_for, newest_out, result, done_out, diag);
}

static enum status
run(struct change *change, struct object_id table, struct row_id row, struct buf *newest_out,
    struct change_result *result, struct diag *diag)
{
    *result = (struct change_result){.outcome = ROW_DONE, .row = row};
    change->view = change->kind == CHANGE_LOCK ? objects_table_read(change->txn, table)
                                               : objects_table_write(change->txn, table);
    if (change->view == NULL) {
        return diag_fail(diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_TABLE,
                         "table %u does not exist", table.v);
    }
    change->heap = heap_of(txn_store(change->txn), change->view->table);
    walk_init(&change->walk, &change->heap, row, NULL);
    change->locked_before = change->kind != CHANGE_LOCK &&
                            change->txn->isolation == ISOLATION_READ_COMMITTED &&
                            row_lock_held(change->txn, table, row, ROW_LOCK_NO_KEY_UPDATE);
    enum status status = STATUS_OK;
    if (change->kind == CHANGE_UPDATE) {
        status = place_check_size(&change->heap, change->tuple, diag);
    }
    bool done = false;
    while (status == STATUS_OK && !done) {
        status = try_once(change, newest_out, result, &done, diag);
    }
    walk_end(&change->walk);
    page_unpin(change->map_page);
    page_unpin(change->target);
    warm_release(&change->warm);
    return status;
}

enum status
table_update(struct txn *txn, struct object_id table, struct row_id row, struct slice tuple,
             struct buf *newest_out, struct change_result *result_out, struct diag *diag)
{
    TRY(store__check_growth(txn_store(txn), diag));
    TRY(txn_ship_if_large(txn, diag));
    struct change change = {.kind = CHANGE_UPDATE,
                            .txn = txn,
                            .tuple = tuple,
                            .mode = ROW_LOCK_NO_KEY_UPDATE,
                            .wait = LOCK_WAIT};
    return run(&change, table, row, newest_out, result_out, diag);
}

enum status
table_delete(struct txn *txn, struct object_id table, struct row_id row, struct buf *newest_out,
             struct change_result *result_out, struct diag *diag)
{
    TRY(txn_ship_if_large(txn, diag));
    struct change change = {
        .kind = CHANGE_DELETE, .txn = txn, .mode = ROW_LOCK_UPDATE, .wait = LOCK_WAIT};
    return run(&change, table, row, newest_out, result_out, diag);
}

enum status
table_lock_row(struct txn *txn, struct object_id table, struct row_id row,
               enum row_lock_mode mode, enum lock_wait wait, struct buf *newest_out,
               struct change_result *result_out, struct diag *diag)
{
    struct change change = {.kind = CHANGE_LOCK, .txn = txn, .mode = mode, .wait = wait};
    *result_out = (struct change_result){.outcome = ROW_DONE, .row = row};
    change.walk.row = row;
    change.heap.table = table;
    /* first our place among the lockers, then the writers */
    TRY(take_row_lock(&change, result_out, diag));
    if (result_out->outcome == ROW_BUSY) {
        return STATUS_OK;
    }
    return run(&change, table, row, newest_out, result_out, diag);
}
