/* txn.c: the life of a transaction. See txn.h, README.md.
 *
 * Who may touch what: a RUNNING transaction belongs to its session. From the compare-and-swap
 * in txn_submit() to `done` it belongs to apply. Rule 4 ends RUNNING ones of older terms from
 * apply too, but only by their state and xids, with the gate closed (where sessions change
 * neither); their memory and locks stay the session's, and locks of the dead count for nothing.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "storage/txn/txn_internal.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- the set of transactions ---- */

void
txns_init(struct store *store)
{
    mutex_init(&store->txns.mu, LOCK_RANK_TXN);
    store->txns.next_number = 1;
    list_init(&store->txns.writers);
    atomic_init(&store->txns.all, NULL);
}

void
txns_deinit(struct store *store)
{
    for (struct txn *txn = atomic_load(&store->txns.all); txn != NULL;) {
        struct txn *next = txn->all_next;
        if (txn->in_use) { /* in doubt: the log says what became of it at the next start */
            ASSERT(txn_state(txn) == TXN_SUBMITTED);
            txn__release(txn);
        }
        redo_free(txn);
        view_cache_free(&txn->views);
        free(txn->levels);
        free(txn->xids);
        free(txn->deltas);
        free(txn->ddl.items);
        free(txn->part_indexes);
        free(txn);
        txn = next;
    }
    mutex_deinit(&store->txns.mu);
}

static struct txn *
txn_new(struct store *store)
{
    struct txn *txn = calloc(1, sizeof(*txn));
    ASSERT(txn != NULL);
    txn->store = store;
    txn->level_capacity = 4;
    txn->levels = calloc(txn->level_capacity, sizeof(*txn->levels));
    ASSERT(txn->levels != NULL);
    list_init(&txn->end_waiters);
    list_init(&txn->running_link);
    list_init(&txn->table_locks);
    list_init(&txn->row_locks);
    txn->all_next = atomic_load(&store->txns.all);
    /* release: who walks `all` sees the struct whole */
    atomic_store_explicit(&store->txns.all, txn, memory_order_release);
    return txn;
}

enum status
txn_begin(struct store *store, const struct txn_options *options, struct txn **txn_out,
          struct diag *diag)
{
    *txn_out = NULL;
    ASSERT(options->waiter != NULL);
    if (atomic_load_explicit(&store->damaged, memory_order_relaxed)) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "this node found its data damaged and serves none of it");
    }
    mutex_lock(&store->txns.mu);
    struct txn *txn = store->txns.free;
    if (txn != NULL) {
        store->txns.free = txn->free_next;
    } else {
        txn = txn_new(store);
    }
    txn->in_use = true;
    txn->waiter = options->waiter;
    atomic_store(&txn->state, TXN_RUNNING);
    mutex_unlock(&store->txns.mu);
    txn->isolation = options->isolation;
    txn->read_only = options->read_only;
    txn->has_snapshot = false;
    txn->lock_timeout_ns = 0;
    txn->command = 1;
    txn->depth = 0;
    txn->levels[0] = (struct txn_level){0};
    txn->last_name = txn->last_number = 0;
    *txn_out = txn;
    return STATUS_OK;
}

/* Back to the free list. Nobody waits for it or finds it any more. */
static void
recycle(struct txn *txn)
{
    struct store *store = txn->store;
    ASSERT(list_empty(&txn->table_locks) && list_empty(&txn->row_locks));
    redo_reset(txn);
    txn->delta_count = 0;
    ASSERT(txn->ddl.count == 0);
    txn->part_count = 0;
    atomic_store_explicit(&txn->announced, 0, memory_order_release);
    atomic_store(&txn->term, 0);
    mutex_lock(&store->txns.mu);
    ASSERT(!txn->in_running && txn->gtid.number == 0);
    txn->xid_count = 0;
    txn->in_use = false;
    txn->waiter = NULL;
    txn->done = NULL;
    txn->free_next = store->txns.free;
    store->txns.free = txn;
    mutex_unlock(&store->txns.mu);
}

/* ---- small observers ---- */

enum txn_state
txn_state(const struct txn *txn)
{
    int state = atomic_load(&txn->state);
    return state == TXN_STATE_KILLED ? TXN_ABORTED : (enum txn_state)state;
}

bool
txn__alive(const struct txn *txn)
{
    int state = atomic_load(&txn->state);
    return state == TXN_RUNNING || state == TXN_SUBMITTED;
}

bool
txn_has_writes(const struct txn *txn)
{
    return txn->xid_count > 0 || txn->shipped;
}

uint64_t
txn_term(const struct txn *txn)
{
    return atomic_load(&txn->term);
}

void
txn_set_read_only(struct txn *txn, bool read_only)
{
    txn->read_only = read_only;
}

bool
txn_read_only(const struct txn *txn)
{
    return txn->read_only;
}

struct waiter *
txn_waiter(struct txn *txn)
{
    return txn->waiter;
}

struct store *
txn_store(struct txn *txn)
{
    return txn->store;
}

uint32_t
txn_command_id(const struct txn *txn)
{
    return txn->command;
}

void
txn_next_command(struct txn *txn)
{
    ASSERT(txn->command < UINT32_MAX);
    txn->command++;
}

void
txn_set_lock_timeout(struct txn *txn, int64_t timeout_ns)
{
    txn->lock_timeout_ns = timeout_ns;
}

int64_t
txn__deadline(const struct txn *txn)
{
    return txn->lock_timeout_ns == 0
               ? WAIT_FOREVER
               : clock_monotonic_ns(txn->store->env->clock) + txn->lock_timeout_ns;
}

enum status
txn__killed(struct diag *diag)
{
    enum status status =
        diag_fail(diag, STATUS_NOT_LEADER, SQLSTATE_SERIALIZATION_FAILURE,
                  "could not serialize access: this node is no longer the primary");
    diag_hint(diag, "The transaction might succeed if retried.");
    return status;
}

enum status
txn_check(struct txn *txn, struct diag *diag)
{
    uint64_t term = atomic_load_explicit(&txn->term, memory_order_relaxed);
    if (UNLIKELY(atomic_load(&txn->state) == TXN_STATE_KILLED ||
                 (term != 0 && term != atomic_load(&txn->store->writer_term)))) {
        return txn__killed(diag);
    }
    if (waiter_check(txn->waiter)) {
        return waiter_report_cancel(txn->waiter, diag);
    }
    return txn_ship_if_large(txn, diag);
}

/* ---- numbers ---- */

static void
assign_gtid(struct txn *txn)
{
    struct txns *txns = &txn->store->txns;
    ASSERT(mutex_held(&txns->mu));
    txn->gtid = (struct gtid){.origin = txn->store->options.origin,
                              .incarnation = txn->store->options.incarnation,
                              .term = atomic_load(&txn->term),
                              .number = txns->next_number++};
    struct txn **bucket = &txns->by_number[txn->gtid.number % TXN_BUCKETS];
    txn->number_next = *bucket;
    *bucket = txn;
}

struct txn *
txn__by_number(struct store *store, uint64_t number)
{
    ASSERT(mutex_held(&store->txns.mu));
    struct txn *txn = store->txns.by_number[number % TXN_BUCKETS];
    while (txn != NULL && txn->gtid.number != number) {
        txn = txn->number_next;
    }
    return txn;
}

struct gtid
txn_gtid(struct txn *txn)
{
    mutex_lock(&txn->store->txns.mu);
    if (txn->gtid.number == 0) {
        if (atomic_load(&txn->term) == 0) {
            atomic_store(&txn->term, atomic_load(&txn->store->writer_term));
        }
        assign_gtid(txn);
    }
    struct gtid gtid = txn->gtid;
    mutex_unlock(&txn->store->txns.mu);
    return gtid;
}

/* Rules 1 and 3: inside the gate. A transaction keeps the term in which it first wrote or
 * locked; rule 4 shuts writers out before it closes the gate, so that none slips in after. */
enum status
txn__claim_term(struct txn *txn, struct diag *diag)
{
    ASSERT(gate_held(txn->store->pages));
    uint64_t now = atomic_load(&txn->store->writer_term);
    uint64_t term = atomic_load_explicit(&txn->term, memory_order_relaxed);
    if (UNLIKELY(atomic_load(&txn->state) != TXN_RUNNING)) {
        return txn__killed(diag);
    }
    if (LIKELY(term == now && now != 0)) {
        return STATUS_OK;
    }
    if (term != 0) {
        return txn__killed(diag);
    }
    if (now == 0) {
        return diag_fail(diag, STATUS_NOT_LEADER, SQLSTATE_READ_ONLY_SQL_TRANSACTION,
                         "cannot write: this node is not the primary");
    }
    atomic_store(&txn->term, now);
    return STATUS_OK;
}

static void
add_xid(struct txn *txn, struct txn_level *level)
{
    struct txns *txns = &txn->store->txns;
    level->xid = xids_assign(&txn->store->xids);
    mutex_lock(&txns->mu);
    if (txn->xid_count == txn->xid_capacity) {
        txn->xid_capacity = txn->xid_capacity * 2 + 2;
        txn->xids = realloc(txn->xids, txn->xid_capacity * sizeof(*txn->xids));
        ASSERT(txn->xids != NULL);
    }
    txn->xids[txn->xid_count++] =
        (struct txn_xid){.xid = level->xid, .number = level->number, .depth = txn->depth};
    if (!txn->in_running) {
        txn->in_running = true;
        list_push_back(&txns->writers, &txn->running_link);
    }
    if (txn->gtid.number == 0) {
        assign_gtid(txn);
    }
    mutex_unlock(&txns->mu);
}

enum status
txn_write_xid(struct txn *txn, struct xid *xid_out, struct diag *diag)
{
    xid_out->v = 0;
    if (UNLIKELY(txn->read_only)) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_READ_ONLY_SQL_TRANSACTION,
                         "cannot write in a read-only transaction");
    }
    TRY(txn__claim_term(txn, diag));
    struct txn_level *level = &txn->levels[txn->depth];
    if (UNLIKELY(level->xid.v == 0)) {
        add_xid(txn, level);
    }
    *xid_out = level->xid;
    return STATUS_OK;
}

bool
txn_is_mine(const struct txn *txn, struct xid xid)
{
    size_t low = 0, high = txn->xid_count;
    if (high == 0 || xid.v < txn->xids[0].xid.v || xid.v > txn->xids[high - 1].xid.v) {
        return false;
    }
    while (low < high) {
        size_t middle = (low + high) / 2;
        uint64_t v = txn->xids[middle].xid.v;
        if (v == xid.v) {
            return true;
        }
        if (v < xid.v) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

/* ---- savepoints ---- */

uint64_t
txn_savepoint(struct txn *txn)
{
    if (txn->depth + 1 == txn->level_capacity) {
        txn->level_capacity *= 2;
        txn->levels = realloc(txn->levels, txn->level_capacity * sizeof(*txn->levels));
        ASSERT(txn->levels != NULL);
    }
    txn->levels[++txn->depth] =
        (struct txn_level){.name = ++txn->last_name, .number = ++txn->last_number};
    return txn->last_name;
}

static unsigned
depth_of(const struct txn *txn, uint64_t savepoint)
{
    unsigned depth = txn->depth;
    while (depth > 0 && txn->levels[depth].name != savepoint) {
        depth--;
    }
    ASSERT(depth > 0);
    return depth;
}

/* What belongs to a savepoint lies at the tail of each list: only the deepest level grows. */
static void
undo_xids(struct txn *txn, unsigned depth)
{
    struct store *store = txn->store;
    mutex_lock(&store->txns.mu);
    while (txn->xid_count > 0 && txn->xids[txn->xid_count - 1].depth >= depth) {
        struct txn_xid *last = &txn->xids[--txn->xid_count];
        xids_set(&store->xids, last->xid, XID_VALUE_ABORTED);
        buf_varint(&txn->rolled_back, last->number);
    }
    mutex_unlock(&store->txns.mu);
}

void
txn_rollback_to(struct txn *txn, uint64_t savepoint)
{
    unsigned depth = depth_of(txn, savepoint);
    gate_enter(txn->store->pages); /* rule 4 reads the xids with the gate closed */
    undo_xids(txn, depth);
    gate_leave(txn->store->pages);
    while (txn->delta_count > 0 && txn->deltas[txn->delta_count - 1].depth >= depth) {
        txn->delta_count--;
    }
    size_t ddl_kept = txn->ddl.count;
    while (ddl_kept > 0 && txn->ddl.items[ddl_kept - 1].depth >= depth) {
        ddl_kept--;
    }
    ddl_undo(txn->store, &txn->ddl, ddl_kept);
    txn->depth = depth;
    txn->levels[depth].xid.v = 0;
    txn->levels[depth].number = ++txn->last_number;
    locks__release(txn, depth);
    txn__wake_end_waiters(txn);
}

void
txn_release(struct txn *txn, uint64_t savepoint)
{
    unsigned depth = depth_of(txn, savepoint);
    mutex_lock(&txn->store->txns.mu);
    for (size_t i = txn->xid_count; i > 0 && txn->xids[i - 1].depth >= depth; i--) {
        txn->xids[i - 1].depth = depth - 1;
    }
    mutex_unlock(&txn->store->txns.mu);
    size_t first = txn->delta_count;
    while (first > 0 && txn->deltas[first - 1].depth >= depth) {
        first--;
    }
    size_t end = txn->delta_count;
    txn->delta_count = first;
    txn->depth = depth - 1;
    for (size_t i = first; i < end; i++) {
        struct txn_delta delta = txn->deltas[i];
        txn__delta(txn, delta.body, delta.hash, delta.rows); /* writes at or before i */
    }
    for (size_t i = txn->ddl.count; i > 0 && txn->ddl.items[i - 1].depth >= depth; i--) {
        txn->ddl.items[i - 1].depth = depth - 1;
    }
    locks__move_up(txn, depth);
}

/* ---- end ---- */

/* Sleepers look again: at the end of the transaction, or when a savepoint was rolled back. */
void
txn__wake_end_waiters(struct txn *txn)
{
    struct txns *txns = &txn->store->txns;
    /* sequentially consistent with our change before it: who set it looks at our locks again */
    if (!atomic_load(&txn->has_end_waiters)) {
        return;
    }
    mutex_lock(&txns->mu);
    atomic_store(&txn->has_end_waiters, false);
    LIST_EACH(it, &txn->end_waiters)
    {
        struct end_wait *wait = LIST_ITEM(it, struct end_wait, link);
        list_remove(&wait->link);
        wait->sleeper->waits_for = NULL;
        waiter_wake(wait->sleeper->waiter);
    }
    mutex_unlock(&txns->mu);
}

void
txn__release(struct txn *txn)
{
    struct txns *txns = &txn->store->txns;
    locks__release(txn, 0);
    if (txn->in_running || txn->gtid.number != 0) {
        mutex_lock(&txns->mu);
        list_remove(&txn->running_link);
        txn->in_running = false;
        struct txn **at = &txns->by_number[txn->gtid.number % TXN_BUCKETS];
        while (*at != NULL && *at != txn) {
            at = &(*at)->number_next;
        }
        if (*at == txn) {
            *at = txn->number_next;
        }
        txn->gtid.number = 0;
        mutex_unlock(&txns->mu);
    }
    txn__wake_end_waiters(txn);
}

void
txn_end_read_only(struct txn *txn)
{
    if (txn == NULL) {
        return;
    }
    ASSERT(!txn_has_writes(txn) && txn->ddl.count == 0);
    atomic_store(&txn->state, TXN_ABORTED); /* its locks count no more */
    txn__release(txn);
    recycle(txn);
}

/* Parts that are in the log are dropped by an entry. If this node cannot propose it any more
 * the newer term's first entry drops them (rule 4). The session does not care which: it waits
 * on a waiter of its own, so that a cancel does not keep the entry from going out. */
static void
propose_abort(struct txn *txn, struct gtid gtid)
{
    struct store *store = txn->store;
    if (store->propose == NULL) {
        return;
    }
    struct waiter waiter;
    waiter_init(&waiter);
    waiter.about_to_block = txn->waiter->about_to_block;
    waiter.owner = txn->waiter->owner;
    struct buf payload = BUF_EMPTY;
    txn_part_encode(&payload, gtid, slice_make(NULL, 0));
    struct diag diag;
    diag_clear(&diag);
    enum status status = store->propose(store->propose_arg, ENTRY_TXN_ABORT,
                                        buf_slice(&payload), &waiter, &diag);
    UNUSED(status);
    buf_deinit(&payload);
    waiter_deinit(&waiter);
}

void
txn_abort(struct txn *txn)
{
    if (txn == NULL) {
        return;
    }
    struct store *store = txn->store;
    int running = TXN_RUNNING;
    bool mine = atomic_compare_exchange_strong(&txn->state, &running, TXN_ABORTED);
    ASSERT(mine || running == TXN_STATE_KILLED || running == TXN_ABORTED);
    gate_enter(store->pages);
    for (size_t i = 0; i < txn->xid_count; i++) {
        xids_set(&store->xids, txn->xids[i].xid, XID_VALUE_ABORTED);
    }
    gate_leave(store->pages);
    ddl_undo(store, &txn->ddl, 0);
    struct gtid gtid = txn->gtid;
    bool shipped = txn->shipped;
    txn__release(txn);
    if (shipped && mine) {
        propose_abort(txn, gtid);
    }
    recycle(txn);
}

static void
encode_record(struct txn *txn, struct buf *record_out)
{
    struct buf parts = BUF_EMPTY;
    for (size_t i = 0; i < txn->part_count; i++) {
        buf_varint(&parts, txn->part_indexes[i]);
    }
    struct txn_record record = {
        .gtid = txn->gtid,
        .commit_time_us = (uint64_t)clock_wall_us(txn->store->env->clock),
        .rolled_back = buf_slice(&txn->rolled_back),
        .parts = buf_slice(&parts),
        .effects = buf_slice(&txn->redo),
    };
    txn_record_encode(record_out, &record);
    buf_deinit(&parts);
}

enum status
txn_submit(struct txn *txn, txn_done_fn done, void *arg, struct buf *record_out,
           struct diag *diag)
{
    TRY(txn_check(txn, diag));
    ASSERT(txn_has_writes(txn));
    if (txn->ship_failed) {
        return txn__killed(diag);
    }
    sequences_log_final(txn);
    TRY(txn__ship_all_but_tail(txn, diag));
    size_t size_before = record_out->size;
    encode_record(txn, record_out);
    if (record_out->size - size_before > ENTRY_BYTES_MAX) {
        record_out->size = size_before;
        return diag_fail(diag, STATUS_LIMIT, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                         "too many savepoints were rolled back in this transaction");
    }
    mutex_lock(&txn->store->txns.mu);
    txn->done = done;
    txn->done_arg = arg;
    mutex_unlock(&txn->store->txns.mu);
    /* Rule 2, the point of no return: against rule 4. From here the log decides. */
    int running = TXN_RUNNING;
    if (!atomic_compare_exchange_strong(&txn->state, &running, TXN_SUBMITTED)) {
        record_out->size = size_before;
        return txn__killed(diag);
    }
    return STATUS_OK;
}

bool
txn_submit_refused(struct txn *txn)
{
    int submitted = TXN_SUBMITTED;
    return atomic_compare_exchange_strong(&txn->state, &submitted, TXN_RUNNING);
}

void
txn_free(struct txn *txn)
{
    if (txn == NULL) {
        return;
    }
    ASSERT(txn_state(txn) == TXN_COMMITTED || txn_state(txn) == TXN_ABORTED);
    recycle(txn);
}

/* Rule 4, gate closed, writers shut out. Also of a transaction that its session aborts just
 * now: it may stand before the gate, and what comes next must find its versions undone. */
void
txn__abort_older_terms(struct store *store, uint64_t term, struct txn **submitted_out)
{
    *submitted_out = NULL;
    mutex_lock(&store->txns.mu);
    for (struct txn *txn = atomic_load(&store->txns.all); txn != NULL; txn = txn->all_next) {
        uint64_t mine = atomic_load(&txn->term);
        if (!txn->in_use || mine == 0 || mine >= term) {
            continue;
        }
        int running = TXN_RUNNING, submitted = TXN_SUBMITTED;
        bool was_running =
            atomic_compare_exchange_strong(&txn->state, &running, TXN_STATE_KILLED);
        bool was_submitted = !was_running && atomic_compare_exchange_strong(
                                                 &txn->state, &submitted, TXN_ABORTED);
        bool aborts = was_running || was_submitted || submitted == TXN_ABORTED;
        for (size_t i = 0; aborts && i < txn->xid_count; i++) {
            xids_set(&store->xids, txn->xids[i].xid, XID_VALUE_ABORTED);
        }
        if (was_submitted) {
            txn->free_next = *submitted_out;
            *submitted_out = txn;
        }
    }
    mutex_unlock(&store->txns.mu);
}

void
txn__wake_everyone(struct store *store)
{
    mutex_lock(&store->txns.mu);
    for (struct txn *txn = atomic_load(&store->txns.all); txn != NULL; txn = txn->all_next) {
        if (txn->in_use) {
            waiter_wake(txn->waiter);
        }
    }
    mutex_unlock(&store->txns.mu);
}
