/* node_host.c: what the node lends to sql (commits, reads, upkeep) and to cluster (apply).
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "node/node_internal.h"

#include <stdatomic.h>

/* ---- for cluster ---- */

static enum status
apply(void *arg, uint64_t index, uint64_t term, struct slice bytes, struct diag *diag)
{
    struct node *node = arg;
    TRY(store_apply(node->store, index, term, bytes, diag));
    atomic_fetch_add_explicit(&node->upkeep.log_bytes, bytes.size, memory_order_relaxed);
    uint64_t at = 0;
    struct hash128 hash;
    store_state_hash(node->store, &at, &hash);
    state_hashes_note(&node->state_hashes, at, hash);
    return STATUS_OK;
}

static void
applied(void *arg, uint64_t index)
{
    struct node *node = arg;
    cluster_note_commit_time(node->cluster, store_applied_commit_time_us(node->store));
    applied_waits_wake(&node->applied_waits, index);
}

static void
leadership(void *arg, uint64_t term, bool leader)
{
    struct node *node = arg;
    if (leader) {
        store_admit_writers(node->store, term);
    } else {
        store_refuse_writers(node->store);
    }
    atomic_store(&node->leader_term, leader ? term : 0);
    atomic_store(&node->primary, leader);
    log_info(&node->log, "node", "%s in term %llu", leader ? "primary" : "standby",
             (unsigned long long)term);
    if (leader) {
        upkeep_want_bootstrap(node);
    }
}

static void
damaged(void *arg, const struct diag *diag)
{
    struct node *node = arg;
    log_error(&node->log, "node", "damaged, stops serving: %s %s", diag->message, diag->detail);
    mutex_lock(&node->stop_mu);
    node->damaged = true;
    cond_broadcast(&node->stop_cond);
    mutex_unlock(&node->stop_mu);
}

/* A session, apply or upkeep found it; while the store opens there is no cluster yet, and the
 * failed start tells. */
void
node_store_damaged(void *arg, const struct diag *diag)
{
    struct node *node = arg;
    if (node->cluster != NULL) {
        cluster_report_damage(node->cluster, diag);
    }
}

const struct apply_ops node_apply_ops = {
    .apply = apply, .applied = applied, .leadership = leadership, .damaged = damaged};

static uint64_t
durable_index(void *arg)
{
    struct node *node = arg;
    uint64_t index = store_checkpoint_index(node->store); /* before what it needs */
    uint64_t needs = store_checkpoint_needs(node->store);
    return needs == 0 ? index : MIN(index, needs - 1); /* parts that wait for their commit */
}

const struct checkpoint_ops node_checkpoint_ops = {.durable_index = durable_index};

/* ---- for sql ---- */

static void
propose_commit(void *host_arg, uint64_t term, struct slice record, void (*refused)(void *arg),
               void *arg)
{
    struct node *node = host_arg;
    cluster_submit_txn(node->cluster, term, record, refused, arg);
}

static bool
is_primary(void *host_arg)
{
    return node_is_primary(host_arg);
}

static enum status
checkpoint(void *host_arg, struct waiter *waiter, struct diag *diag)
{
    if (waiter != NULL && waiter->about_to_block != NULL) {
        TRY(waiter->about_to_block(waiter));
    }
    return upkeep_checkpoint(host_arg, diag);
}

static enum status
vacuum(void *host_arg, struct waiter *waiter, struct object_id table, struct diag *diag)
{
    struct node *node = host_arg;
    struct vacuum_result result;
    if (waiter->about_to_block != NULL) {
        TRY(waiter->about_to_block(waiter)); /* it reads pages for long */
    }
    return store_vacuum(node->store, table, waiter, &result, diag);
}

/* The local answer, on the primary unless a READ ONLY block of a replica asks (sql/route.c):
 * there it may be "in progress" for what the primary knows to be undone. */
static enum status
txn_outcome(void *host_arg, struct waiter *waiter, struct gtid gtid,
            enum txn_outcome *outcome_out, struct diag *diag)
{
    struct node *node = host_arg;
    TRY(node_read_barrier(node, waiter, diag));
    *outcome_out = store_txn_outcome(node->store, gtid);
    return STATUS_OK;
}

static const char *
server_version(void *host_arg)
{
    UNUSED(host_arg);
    return "15.0 (RustyDB " RUSTYDB_VERSION ")";
}

void
node_host_init(struct node *node)
{
    node->host = (struct sql_host){.propose_commit = propose_commit,
                                   .reads_at_once = node_reads_at_once,
                                   .is_primary = is_primary,
                                   .views = node_views,
                                   .checkpoint = checkpoint,
                                   .vacuum = vacuum,
                                   .txn_outcome = txn_outcome,
                                   .slow_statement = slow_log_write,
                                   .server_version = server_version};
}
