/* store_apply.c: the log drives the store. See store.h and rules 4, 6, 9.
 *
 * An entry is applied in two halves. First the work that may need pages: effects of
 * transactions that this node did not run itself, under one fresh apply xid for the entry (its
 * records see each other and become visible together). Readers see none of it. Then one step
 * inside the gate moves everything at once: xids to their CSN, hashes, row counts, gtid table,
 * pending parts, sequence marks, applied index. After that the visible CSN is published, then
 * locks go, then the sessions hear of it.
 *
 * A failure in the first half aborts the apply xid: the entry may be applied again as if never
 * tried (a full disk), or the store is damaged (divergence).
 * SPDX-License-Identifier: Apache-2.0 */
#include "storage/store_apply.h"
#include "base/errors.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/thread.h"
#include "storage/txn/txn_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#define PUBLISH_PAUSE_US 400000 /* of FAULT_PUBLISH_SLOW */

struct apply_scratch {
    struct ddl_list ddl;
    struct buf old, part;
    /* of the entry in hand */
    struct xid xid; /* 0: nothing foreign yet */
    struct txn_delta *deltas;
    size_t delta_count, delta_capacity;
    struct txn **mine; /* transactions of this node that the entry commits */
    size_t mine_count, mine_capacity;
    struct gtid *gtids; /* of all its records */
    size_t gtid_count, gtid_capacity;
    uint64_t *rolled_back; /* sorted; of the record in hand */
    size_t rolled_back_count, rolled_back_capacity;
    int64_t commit_time_us;
    struct slice sequence_marks;
    struct gtid part_of, dropped_part;
    bool has_part, drops_part, new_term;
};

void
store__apply_init(struct store *store)
{
    store->apply = calloc(1, sizeof(*store->apply));
    ASSERT(store->apply != NULL);
}

void
store__apply_deinit(struct store *store)
{
    struct apply_scratch *a = store->apply;
    free(a->ddl.items);
    buf_deinit(&a->old);
    buf_deinit(&a->part);
    free(a->deltas);
    free(a->mine);
    free(a->gtids);
    free(a->rolled_back);
    free(a);
}

struct ddl_list *
store__apply_ddl(struct store *store)
{
    return &store->apply->ddl;
}

enum status
store_damage(struct store *store, enum status status, struct diag *diag)
{
    if (atomic_exchange(&store->damaged, true)) {
        return status;
    }
    struct diag unknown = {0};
    if (diag == NULL) {
        diag = &unknown;
        STATUS_IGNORED(
            diag_fail(diag, status, SQLSTATE_DATA_CORRUPTED, "the store is damaged"));
    }
    if (store->env->log != NULL) {
        log_error(store->env->log, "storage", "store damaged: %s", diag->message);
    }
    if (store->options.on_damage != NULL) {
        store->options.on_damage(store->options.damage_arg, diag);
    }
    return status;
}

#define GROW(array, count, capacity)                                                           \
    do {                                                                                       \
        if ((count) == (capacity)) {                                                           \
            (capacity) = (capacity)*2 + 16;                                                    \
            (array) = realloc((array), (capacity) * sizeof(*(array)));                         \
            ASSERT((array) != NULL);                                                           \
        }                                                                                      \
    } while (0)

/* ---- effects of others ---- */

static void
add_delta(struct apply_scratch *a, struct body *body, struct hash128 hash, int64_t rows)
{
    for (size_t i = a->delta_count; i-- > 0;) {
        if (a->deltas[i].body == body) {
            a->deltas[i].hash = hash128_add(a->deltas[i].hash, hash);
            a->deltas[i].rows += rows;
            return;
        }
    }
    GROW(a->deltas, a->delta_count, a->delta_capacity);
    a->deltas[a->delta_count++] = (struct txn_delta){.body = body, .hash = hash, .rows = rows};
}

static enum status
diverged(enum status status, const struct effect *effect, struct diag *diag)
{
    if (status == STATUS_NOT_FOUND) {
        if (diag != NULL) {
            diag_clear(diag);
        }
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "the log changes storage object %" PRIu32
                         ", which does not exist here",
                         effect->object.v);
    }
    return status;
}

static void
raise_row_mark(struct body *body, struct row_id row)
{
    uint64_t next = atomic_load(&body->next_row);
    while (next <= row.v && !atomic_compare_exchange_weak(&body->next_row, &next, row.v + 1)) {
    }
}

static enum status
apply_row(struct store *store, const struct effect *effect, struct diag *diag)
{
    struct apply_scratch *a = store->apply;
    if (store->env->faults != NULL &&
        fault_fires(store->env->faults, FAULT_CANARY_APPLY_SKIPS)) {
        return STATUS_OK;
    }
    const struct table_view *view = objects_table_apply(store, a->xid, effect->object);
    if (view == NULL || view->table->kind != OBJECT_TABLE) {
        return diverged(STATUS_NOT_FOUND, effect, diag);
    }
    struct body *body = view->table->body;
    TRY(diverged(table_apply_row(store, a->xid, effect, &a->old, diag), effect, diag));
    struct hash128 change = {0};
    if (effect->kind != EFFECT_DELETE) {
        change = row_hash(effect->object, effect->row, effect->bytes);
    }
    if (effect->kind != EFFECT_INSERT) {
        struct slice old = buf_slice(&a->old);
        change = hash128_subtract(change, row_hash(effect->object, effect->row, old));
    } else {
        raise_row_mark(body, effect->row);
    }
    int64_t rows = effect->kind == EFFECT_INSERT ? 1 : effect->kind == EFFECT_DELETE ? -1 : 0;
    add_delta(a, body, change, rows);
    return STATUS_OK;
}

static enum status
apply_generation(struct store *store, const struct effect *effect, struct diag *diag)
{
    struct apply_scratch *a = store->apply;
    struct generation *made;
    switch (effect->reason) {
    case GENERATION_CREATE:
        return objects_create_table(store, NULL, a->xid, effect->object, effect->bytes, &made,
                                    diag);
    case GENERATION_TRUNCATE:
    case GENERATION_REWRITE:
        return objects_replace_table(store, NULL, a->xid, effect->object, diag);
    case GENERATION_ALTER:
        return objects_alter_table(store, NULL, a->xid, effect->object, effect->bytes, diag);
    }
    return STATUS_CORRUPT; /* the decoder lets no other through */
}

static enum status
apply_index(struct store *store, const struct effect *effect, struct diag *diag)
{
    struct apply_scratch *a = store->apply;
    struct generation *index;
    gate_enter(store->pages);
    enum status status = objects_create_index(store, NULL, a->xid, effect->bytes, &index, diag);
    gate_leave(store->pages);
    TRY(diverged(status, effect, diag));
    return table_apply_index_build(store, a->xid, index->index_def, diag);
}

static enum status
apply_effect(struct store *store, const struct effect *effect, struct diag *diag)
{
    struct apply_scratch *a = store->apply;
    enum status status = STATUS_OK;
    switch (effect->kind) {
    case EFFECT_INSERT:
    case EFFECT_UPDATE:
    case EFFECT_DELETE:
        return apply_row(store, effect, diag);
    case EFFECT_BUILD_INDEX:
        return apply_index(store, effect, diag);
    case EFFECT_NEW_GENERATION:
    case EFFECT_DROP:
    case EFFECT_SEQUENCE_SET:
        gate_enter(store->pages);
        status = effect->kind == EFFECT_NEW_GENERATION ? apply_generation(store, effect, diag)
                 : effect->kind == EFFECT_DROP
                     ? objects_drop(store, NULL, a->xid, effect->object, diag)
                     : sequence_apply_set(store, a->xid, effect, diag);
        gate_leave(store->pages);
        return diverged(status, effect, diag);
    case EFFECT_SAVEPOINT:
        break;
    }
    return status;
}

static bool
is_rolled_back(const struct apply_scratch *a, uint64_t number)
{
    size_t low = 0, high = a->rolled_back_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (a->rolled_back[middle] < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < a->rolled_back_count && a->rolled_back[low] == number;
}

static enum status
apply_effects(struct store *store, struct slice effects, struct diag *diag)
{
    struct reader in = reader_make(effects);
    bool skip = false;
    for (;;) {
        struct effect effect;
        enum status status = effect_decode(&in, &effect, diag);
        if (status == STATUS_NOT_FOUND) {
            return STATUS_OK;
        }
        TRY(status);
        if (effect.kind == EFFECT_SAVEPOINT) {
            skip = is_rolled_back(store->apply, effect.number);
        } else if (!skip) {
            TRY(apply_effect(store, &effect, diag));
        }
    }
}

static enum status
apply_part(struct store *store, const struct txn_record *record, uint64_t index,
           struct diag *diag)
{
    struct apply_scratch *a = store->apply;
    ASSERT(store->options.read_entry != NULL);
    buf_clear(&a->part);
    TRY(store->options.read_entry(store->options.log_arg, index, &a->part, diag));
    struct entry_view view;
    TRY(entry_decode(buf_slice(&a->part), &view, diag));
    struct gtid gtid = {0};
    struct slice effects = {0};
    if (view.kind == ENTRY_TXN_PART) {
        TRY(txn_part_decode(view.payload, &gtid, &effects, diag));
    }
    if (view.kind != ENTRY_TXN_PART || !gtid_equal(gtid, record->gtid)) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "log entry %" PRIu64 " is not a part of the transaction that names it",
                         index);
    }
    return apply_effects(store, effects, diag);
}

static int
compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static enum status
apply_record(struct store *store, const struct txn_record *record, struct diag *diag)
{
    struct apply_scratch *a = store->apply;
    if (a->xid.v == 0) {
        a->xid = xids_assign(&store->xids);
    }
    a->rolled_back_count = 0;
    struct reader in = reader_make(record->rolled_back);
    while (!in.failed && reader_left(&in) > 0) {
        GROW(a->rolled_back, a->rolled_back_count, a->rolled_back_capacity);
        a->rolled_back[a->rolled_back_count++] = read_varint(&in);
    }
    if (a->rolled_back_count > 1) {
        qsort(a->rolled_back, a->rolled_back_count, sizeof(*a->rolled_back), compare_u64);
    }
    struct reader parts = reader_make(record->parts);
    while (!parts.failed && reader_left(&parts) > 0) {
        uint64_t index = read_varint(&parts);
        if (!parts.failed) {
            TRY(apply_part(store, record, index, diag));
        }
    }
    if (in.failed || parts.failed) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "transaction record with a broken list");
    }
    return apply_effects(store, record->effects, diag);
}

/* ---- first half ---- */

/* One of ours that still waits for this (walk D): its versions are in place. */
static struct txn *
find_mine(struct store *store, struct gtid gtid)
{
    if (gtid.origin != store->options.origin ||
        gtid.incarnation != store->options.incarnation) {
        return NULL;
    }
    mutex_lock(&store->txns.mu);
    struct txn *txn = txn__by_number(store, gtid.number);
    if (txn != NULL && atomic_load(&txn->state) != TXN_SUBMITTED) {
        txn = NULL;
    }
    mutex_unlock(&store->txns.mu);
    return txn;
}

static enum status
prepare_txns(struct store *store, struct slice payload, struct diag *diag)
{
    struct apply_scratch *a = store->apply;
    struct reader in = reader_make(payload);
    for (;;) {
        struct txn_record record;
        enum status status = txn_record_decode(&in, &record, diag);
        if (status == STATUS_NOT_FOUND) {
            return STATUS_OK;
        }
        TRY(status);
        GROW(a->gtids, a->gtid_count, a->gtid_capacity);
        a->gtids[a->gtid_count++] = record.gtid;
        a->commit_time_us = (int64_t)record.commit_time_us;
        struct txn *txn = find_mine(store, record.gtid);
        if (txn != NULL) {
            GROW(a->mine, a->mine_count, a->mine_capacity);
            a->mine[a->mine_count++] = txn;
        } else {
            TRY(apply_record(store, &record, diag));
        }
    }
}

static enum status
check_marks(struct slice marks, struct diag *diag)
{
    struct reader in = reader_make(marks);
    struct sequence_mark mark;
    enum status status;
    do {
        status = sequence_mark_decode(&in, &mark, diag);
    } while (status == STATUS_OK);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status
prepare(struct store *store, struct slice bytes, struct diag *diag)
{
    struct apply_scratch *a = store->apply;
    struct entry_view view;
    struct slice none;
    if (bytes.size == 0) {
        return STATUS_OK; /* the consensus core's own */
    }
    TRY(entry_decode(bytes, &view, diag));
    switch (view.kind) {
    case ENTRY_TXNS:
        return prepare_txns(store, view.payload, diag);
    case ENTRY_TXN_PART:
        a->has_part = true;
        return txn_part_decode(view.payload, &a->part_of, &none, diag);
    case ENTRY_TXN_ABORT:
        a->drops_part = true;
        return txn_part_decode(view.payload, &a->dropped_part, &none, diag);
    case ENTRY_SEQUENCE:
        a->sequence_marks = view.payload;
        return check_marks(view.payload, diag);
    case ENTRY_MEMBERSHIP:
    case ENTRY_TERM_START:
    case ENTRY_UPGRADE:
        return STATUS_OK; /* the node's to act upon */
    }
    return STATUS_OK;
}

static void
reset(struct apply_scratch *a)
{
    a->xid.v = 0;
    a->delta_count = a->mine_count = a->gtid_count = 0;
    a->commit_time_us = 0;
    a->sequence_marks = slice_make(NULL, 0);
    a->has_part = a->drops_part = a->new_term = false;
    ASSERT(a->ddl.count == 0);
}

static void
undo_first_half(struct store *store)
{
    struct apply_scratch *a = store->apply;
    ddl_undo(store, &a->ddl, 0);
    if (a->xid.v != 0) {
        gate_enter(store->pages);
        xids_set(&store->xids, a->xid, XID_VALUE_ABORTED);
        gate_leave(store->pages);
    }
}

/* ---- rule 4: a newer term ---- */

static void
abort_older_terms(struct store *store, uint64_t term)
{
    mutex_lock(&store->state_mu);
    store->newest_term = term; /* store_admit_writers() looks at it under the mutex */
    if (atomic_load(&store->writer_term) < term) {
        atomic_store(&store->writer_term, 0);
    }
    mutex_unlock(&store->state_mu);
    struct txn *submitted;
    gate_close(store->pages);
    txn__abort_older_terms(store, term, &submitted);
    gate_open(store->pages);
    txn__wake_everyone(store); /* locks of the dead count for nothing: look again */
    while (submitted != NULL) {
        struct txn *txn = submitted;
        submitted = txn->free_next;
        txn_done_fn done = txn->done;
        void *arg = txn->done_arg;
        ddl_undo(store, &txn->ddl, 0);
        txn__release(txn);
        done(arg, TXN_ABORTED, (struct csn){0}); /* the session may free txn from here on */
    }
}

/* ---- second half: rule 6 ---- */

static void
commit_delta(struct store *store, const struct txn_delta *delta)
{
    ASSERT(mutex_held(&store->state_mu));
    delta->body->hash = hash128_add(delta->body->hash, delta->hash);
    store->hash = hash128_add(store->hash, delta->hash);
    if (delta->rows != 0) {
        atomic_fetch_add(&delta->body->live_rows, delta->rows);
    }
}

static void
commit_mine(struct store *store, struct txn *txn, struct csn csn)
{
    for (size_t i = 0; i < txn->xid_count; i++) {
        xids_set(&store->xids, txn->xids[i].xid, XID_VALUE_COMMITTED(csn.v));
    }
    for (size_t i = 0; i < txn->delta_count; i++) {
        commit_delta(store, &txn->deltas[i]);
    }
    if (txn->ddl.count > 0) {
        store->hash = hash128_subtract(store->hash, ddl_commit(store, &txn->ddl, csn));
    }
}

static void
commit_others(struct store *store, struct csn csn)
{
    struct apply_scratch *a = store->apply;
    if (a->xid.v != 0) {
        xids_set(&store->xids, a->xid, XID_VALUE_COMMITTED(csn.v));
    }
    for (size_t i = 0; i < a->delta_count; i++) {
        commit_delta(store, &a->deltas[i]);
    }
    if (a->ddl.count > 0) {
        store->hash = hash128_subtract(store->hash, ddl_commit(store, &a->ddl, csn));
    }
}

static void
move_tables(struct store *store, uint64_t index, uint64_t term)
{
    struct apply_scratch *a = store->apply;
    if (a->new_term) {
        parts_drop_older_terms(&store->parts, term);
    }
    for (size_t i = 0; i < a->gtid_count; i++) {
        gtids_add(&store->gtids, a->gtids[i], (struct csn){index});
        if (store->parts.count > 0) {
            parts_drop(&store->parts, a->gtids[i]);
        }
    }
    gtids_prune(&store->gtids, index);
    if (a->has_part && a->part_of.term >= term) {
        parts_add(&store->parts, a->part_of, index);
    }
    if (a->drops_part) {
        parts_drop(&store->parts, a->dropped_part);
    }
    store->applied_index = index;
    store->applied_term = term;
    if (a->commit_time_us != 0) {
        atomic_store(&store->applied_commit_time_us, a->commit_time_us);
    }
}

static void
raise_sequences(struct store *store, struct slice marks)
{
    struct reader in = reader_make(marks);
    struct sequence_mark mark;
    while (sequence_mark_decode(&in, &mark, NULL) == STATUS_OK) {
        sequence_raise(store, &mark);
    }
}

static bool
changes_catalog(const struct txn_delta *deltas, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (deltas[i].body->is_catalog) {
            return true;
        }
    }
    return false;
}

/* For the analysis: the directory's mutex is taken only when there is something for it. */
static void
one_step(struct store *store, uint64_t index, uint64_t term) NO_THREAD_SAFETY_ANALYSIS
{
    struct apply_scratch *a = store->apply;
    bool ddl = a->ddl.count > 0;
    bool catalog = changes_catalog(a->deltas, a->delta_count);
    for (size_t i = 0; i < a->mine_count; i++) {
        ddl = ddl || a->mine[i]->ddl.count > 0;
        catalog = catalog || changes_catalog(a->mine[i]->deltas, a->mine[i]->delta_count);
    }
    gate_enter(store->pages);
    raise_sequences(store, a->sequence_marks);
    if (ddl) {
        mutex_lock(&store->objects.mu);
    }
    mutex_lock(&store->state_mu);
    for (size_t i = 0; i < a->mine_count; i++) {
        commit_mine(store, a->mine[i], (struct csn){index});
    }
    commit_others(store, (struct csn){index});
    move_tables(store, index, term);
    mutex_unlock(&store->state_mu);
    if (ddl) {
        mutex_unlock(&store->objects.mu);
    }
    gate_leave(store->pages);
    if (ddl || catalog) {
        /* first: who reads it after taking a snapshot that sees the change is told of it */
        atomic_store(&store->catalog_csn, index);
        if (fault_fires(store->env->faults, FAULT_PUBLISH_SLOW)) {
            thread_sleep_us(PUBLISH_PAUSE_US);
        }
    }
    /* pairs with the loads of txn_take_snapshot(), store_horizon(), xid_state_for_writer() */
    atomic_store(&store->visible_csn, index);
}

/* The proposer of a part learns its index before its proposal returns. */
static void
note_part(struct store *store, uint64_t index)
{
    struct gtid gtid = store->apply->part_of;
    if (gtid.origin != store->options.origin ||
        gtid.incarnation != store->options.incarnation) {
        return;
    }
    mutex_lock(&store->txns.mu);
    struct txn *txn = txn__by_number(store, gtid.number);
    if (txn != NULL && txn__alive(txn)) {
        GROW(txn->part_indexes, txn->part_count, txn->part_capacity);
        txn->part_indexes[txn->part_count++] = index;
    }
    mutex_unlock(&store->txns.mu);
}

static void
tell_sessions(struct store *store, uint64_t index)
{
    struct apply_scratch *a = store->apply;
    for (size_t i = 0; i < a->mine_count; i++) {
        struct txn *txn = a->mine[i];
        txn_done_fn done = txn->done;
        void *arg = txn->done_arg;
        atomic_store(&txn->state, TXN_COMMITTED); /* its locks count no more */
        txn__release(txn);
        done(arg, TXN_COMMITTED, (struct csn){index});
    }
}

enum status
store_apply(struct store *store, uint64_t index, uint64_t term, struct slice bytes,
            struct diag *diag)
{
    thread_assert(THREAD_APPLY);
    struct apply_scratch *a = store->apply;
    if (atomic_load(&store->damaged)) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "the store is damaged and applies nothing");
    }
    if (index <= store->applied_index) {
        return STATUS_OK; /* idempotent */
    }
    if (index != store->applied_index + 1 || term < store->applied_term) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_INTERNAL_ERROR,
                         "log entry %" PRIu64 " of term %" PRIu64 " cannot follow %" PRIu64
                         " of term %" PRIu64,
                         index, term, store->applied_index, store->applied_term);
    }
    reset(a);
    a->new_term = term > store->applied_term;
    if (a->new_term) {
        abort_older_terms(store, term);
    }
    enum status status = prepare(store, bytes, diag);
    if (status != STATUS_OK) {
        undo_first_half(store);
        diag_while(diag, "applying log entry %" PRIu64, index);
        return status == STATUS_CORRUPT || status == STATUS_IO
                   ? store_damage(store, status, diag)
                   : status;
    }
    if (a->has_part) {
        note_part(store, index);
    }
    one_step(store, index, term);
    tell_sessions(store, index);
    return STATUS_OK;
}
