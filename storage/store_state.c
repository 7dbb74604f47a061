/* store_state.c: what others ask a store: position, leadership, outcomes, hash. See store.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "base/log.h"
#include "storage/txn/txn_internal.h"
#include "storage/verify/verify.h"

/* ---- position ---- */

uint64_t
store_applied_index(struct store *store)
{
    return atomic_load_explicit(&store->visible_csn, memory_order_acquire);
}

uint64_t
store_catalog_csn(struct store *store)
{
    return atomic_load_explicit(&store->catalog_csn, memory_order_acquire);
}

uint64_t
store_applied_term(struct store *store)
{
    mutex_lock(&store->state_mu);
    uint64_t term = store->applied_term;
    mutex_unlock(&store->state_mu);
    return term;
}

int64_t
store_applied_commit_time_us(struct store *store)
{
    return atomic_load(&store->applied_commit_time_us);
}

/* ---- leadership: rules 3 and 5 ---- */

void
store_admit_writers(struct store *store, uint64_t term)
{
    ASSERT(term != 0);
    mutex_lock(&store->state_mu);
    if (term >= store->newest_term) { /* else a newer term came meanwhile: rule 4 */
        atomic_store(&store->writer_term, term);
    }
    mutex_unlock(&store->state_mu);
}

void
store_refuse_writers(struct store *store)
{
    atomic_store(&store->writer_term, 0);
    txn__wake_everyone(store);
}

uint64_t
store_writer_term(struct store *store)
{
    return atomic_load(&store->writer_term);
}

void
store_set_propose(struct store *store, store_propose_fn propose, void *arg)
{
    store->propose = propose;
    store->propose_arg = arg;
}

/* ---- room ---- */

void
store_refuse_growth(struct store *store, bool refuse)
{
    atomic_store_explicit(&store->growth_refused, refuse, memory_order_relaxed);
}

enum status
store__check_growth(struct store *store, struct diag *diag)
{
    if (LIKELY(!atomic_load_explicit(&store->growth_refused, memory_order_relaxed))) {
        return STATUS_OK;
    }
    enum status status =
        diag_fail(diag, STATUS_LIMIT, SQLSTATE_DISK_FULL, "the disk is nearly full");
    diag_hint(diag, "Free disk space, or DELETE, TRUNCATE or DROP what is not needed; reads go "
                    "on.");
    return status;
}

/* ---- in doubt: walks C and D ---- */

static bool
runs_here(struct store *store, struct gtid gtid)
{
    mutex_lock(&store->txns.mu);
    struct txn *txn = txn__by_number(store, gtid.number);
    bool runs = txn != NULL && gtid_equal(txn->gtid, gtid) && txn__alive(txn);
    mutex_unlock(&store->txns.mu);
    return runs;
}

/* Looked at in this order: what runs here first, then the table, for a commit moves from the
 * one to the other between the looks, never back. */
enum txn_outcome
store_txn_outcome(struct store *store, struct gtid gtid)
{
    bool ours =
        gtid.origin == store->options.origin && gtid.incarnation == store->options.incarnation;
    uint64_t writer_term = atomic_load(&store->writer_term);
    bool running = ours && runs_here(store, gtid);
    struct csn csn;
    mutex_lock(&store->state_mu);
    bool committed = gtids_find(&store->gtids, gtid, &csn);
    bool forgotten = gtid.term <= store->gtids.newest_pruned_term;
    bool newer_term = store->applied_term > gtid.term;
    mutex_unlock(&store->state_mu);
    if (committed) {
        return OUTCOME_COMMITTED;
    }
    if (running) {
        return OUTCOME_IN_PROGRESS;
    }
    if (forgotten) {
        return OUTCOME_UNKNOWN;
    }
    if (newer_term || (ours && writer_term == gtid.term && writer_term != 0)) {
        return OUTCOME_ABORTED;
    }
    return OUTCOME_IN_PROGRESS;
}

/* ---- observers ---- */

void
store_state_hash(struct store *store, uint64_t *index_out, struct hash128 *hash_out)
{
    mutex_lock(&store->state_mu);
    *index_out = store->applied_index;
    *hash_out = store->hash;
    mutex_unlock(&store->state_mu);
}

void
store_stats(struct store *store, struct pages_stats *stats_out)
{
    pages_stats(store->pages, stats_out);
}

bool
store_damaged(struct store *store)
{
    return atomic_load(&store->damaged) || pages_damaged(store->pages);
}

/* ---- checks ---- */

struct hash_sum {
    struct hash128 sum;
};

static void
add_hash(void *arg, struct generation *g)
{
    struct hash_sum *all = arg;
    bool counted = g->kind == OBJECT_TABLE && !g->created_aborted;
    for (const struct generation *older = g->older; counted && older != NULL;
         older = older->older) {
        counted = older->body != g->body; /* a shared body counts once */
    }
    if (counted) {
        all->sum = hash128_add(all->sum, g->body->hash);
    }
}

/* The sum kept for the whole store is that of its tables'. */
static bool
hashes_add_up(struct store *store, struct diag *diag)
{
    struct hash_sum all = {0};
    mutex_lock(&store->objects.mu);
    mutex_lock(&store->state_mu);
    objects__foreach(store, add_hash, &all);
    bool ok = all.sum.low == store->hash.low && all.sum.high == store->hash.high;
    mutex_unlock(&store->state_mu);
    mutex_unlock(&store->objects.mu);
    if (!ok) {
        enum status status = diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                                       "the tables' state hashes do not add up to the store's");
        UNUSED(status);
    }
    return ok;
}

bool
store_check(struct store *store, bool deep, struct diag *diag)
{
    return pages_check(store->pages, deep, diag) && hashes_add_up(store, diag) &&
           (!deep || tables_check(store, diag));
}
