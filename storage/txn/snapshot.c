/* snapshot.c: what a transaction sees, and waiting for others to end. See txn.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "storage/txn/txn_internal.h"

#define APPLY_POLL_NS ((int64_t)1000000)

/* Rule 7: announce, fence, re-read, use what was re-read. The fence is in the sequential
 * consistency of these accesses and of the publishing store (one_step() in store_apply.c): on
 * the machines we know the announcing store is a full barrier.
 *
 *     reader                      vacuum
 *     v = visible                 V = visible
 *     announced = v               horizon = min(V, every announced)
 *     snapshot = visible
 * If vacuum missed the announcement, the re-read came after its look: snapshot >= V. */
void
txn_take_snapshot(struct txn *txn)
{
    if (txn->has_snapshot && txn->isolation == ISOLATION_REPEATABLE_READ) {
        return;
    }
    struct store *store = txn->store;
    uint64_t first = atomic_load_explicit(&store->visible_csn, memory_order_acquire);
    atomic_store(&txn->announced, MAX(first, 1));
    txn->snapshot = atomic_load(&store->visible_csn);
    txn->has_snapshot = true;
}

struct csn
txn_snapshot_csn(const struct txn *txn)
{
    return (struct csn){txn->snapshot};
}

struct csn
store_horizon(struct store *store)
{
    uint64_t horizon = atomic_load(&store->visible_csn);
    for (struct txn *txn = atomic_load_explicit(&store->txns.all, memory_order_acquire);
         txn != NULL; txn = txn->all_next) {
        uint64_t announced = atomic_load(&txn->announced);
        if (announced != 0 && announced < horizon) {
            horizon = announced;
        }
    }
    return (struct csn){horizon};
}

static enum xid_state
state_of(uint64_t value, struct csn *csn_out)
{
    if (value == XID_VALUE_RUNNING || value == XID_VALUE_ABORTED) {
        csn_out->v = 0;
        return value == XID_VALUE_RUNNING ? XID_RUNNING : XID_ABORTED;
    }
    csn_out->v = value - 1;
    return XID_COMMITTED;
}

enum xid_state
xid_state(struct store *store, struct xid xid, struct csn *csn_out)
{
    return state_of(xids_get(&store->xids, xid), csn_out);
}

/* Rule 6: what is committed but not yet published still counts as locked. */
enum xid_state
xid_state_for_writer(struct store *store, struct xid xid, struct csn *csn_out)
{
    enum xid_state state = xid_state(store, xid, csn_out);
    if (state == XID_COMMITTED &&
        csn_out->v > atomic_load_explicit(&store->visible_csn, memory_order_acquire)) {
        return XID_RUNNING;
    }
    return state;
}

bool
txn_sees(const struct txn *txn, struct xid xid, uint32_t command_id)
{
    uint64_t value = xids_get(&txn->store->xids, xid);
    if (LIKELY(value > XID_VALUE_ABORTED)) {
        return value - 1 <= txn->snapshot;
    }
    return value == XID_VALUE_RUNNING && txn_is_mine(txn, xid) && command_id < txn->command;
}

/* ---- waiting ---- */

enum status
txn__woken(struct txn *txn, enum status status, struct diag *diag)
{
    uint64_t term = atomic_load(&txn->term);
    if (atomic_load(&txn->state) == TXN_STATE_KILLED ||
        (term != 0 && term != atomic_load(&txn->store->writer_term))) {
        return txn__killed(diag);
    }
    switch (status) {
    case STATUS_OK:
        return STATUS_OK;
    case STATUS_TIMEOUT:
        return diag_fail(diag, STATUS_CONFLICT, SQLSTATE_LOCK_NOT_AVAILABLE,
                         "canceling statement due to lock timeout");
    case STATUS_CANCELLED:
        return waiter_report_cancel(txn->waiter, diag);
    default:
        return diag_fail(diag, status, SQLSTATE_OUT_OF_MEMORY,
                         "no thread is left to wait for a lock");
    }
}

/* The mutex is the store's, held by the caller under another name. */
enum status
txn__sleep_until_end(struct txn *txn, struct txn *owner, int64_t deadline_ns,
                     struct diag *diag) NO_THREAD_SAFETY_ANALYSIS
{
    struct txns *txns = &txn->store->txns;
    ASSERT(mutex_held(&txns->mu) && owner != txn);
    struct end_wait wait = {.sleeper = txn};
    waiter_arm(txn->waiter);
    list_push_back(&owner->end_waiters, &wait.link);
    atomic_store(&owner->has_end_waiters, true);
    txn->waits_for = owner;
    mutex_unlock(&txns->mu);

    enum status status = deadlock_check(txn, diag);
    if (status == STATUS_OK) {
        status = txn__woken(txn, waiter_wait(txn->waiter, deadline_ns), diag);
    }
    mutex_lock(&txns->mu);
    list_remove(&wait.link);
    txn->waits_for = NULL;
    txn->sleeps = false;
    mutex_unlock(&txns->mu);
    return status;
}

/* Few write at one time, and only who waits walks them. */
static struct txn *
owner_of(struct txns *txns, struct xid xid)
{
    ASSERT(mutex_held(&txns->mu));
    LIST_EACH(it, &txns->writers)
    {
        struct txn *txn = LIST_ITEM(it, struct txn, running_link);
        if (txn_is_mine(txn, xid)) {
            return txn;
        }
    }
    return NULL;
}

/* For the analysis: txn__sleep_until_end() gives the mutex back. */
enum status
txn_wait_xid(struct txn *txn, struct xid xid, struct diag *diag) NO_THREAD_SAFETY_ANALYSIS
{
    struct store *store = txn->store;
    int64_t deadline_ns = txn__deadline(txn);
    struct csn csn;
    ASSERT(!gate_held(store->pages));
    while (xid_state_for_writer(store, xid, &csn) == XID_RUNNING) {
        TRY(txn_check(txn, diag));
        mutex_lock(&store->txns.mu);
        struct txn *owner = owner_of(&store->txns, xid);
        if (owner != NULL) {
            /* look again under the mutex: it leaves the list after its CSN is visible */
            if (xid_state_for_writer(store, xid, &csn) != XID_RUNNING) {
                mutex_unlock(&store->txns.mu);
                return STATUS_OK;
            }
            TRY(txn__sleep_until_end(txn, owner, deadline_ns, diag));
            continue;
        }
        mutex_unlock(&store->txns.mu);
        /* an xid of apply, which ends soon whatever happens */
        waiter_arm(txn->waiter);
        int64_t poll = clock_monotonic_ns(store->env->clock) + APPLY_POLL_NS;
        enum status status = waiter_wait(txn->waiter, MIN(poll, deadline_ns));
        if (status != STATUS_TIMEOUT || poll > deadline_ns) {
            TRY(txn__woken(txn, status, diag));
        }
    }
    return STATUS_OK;
}
