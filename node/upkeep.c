/* upkeep.c: the node's two background threads: checkpoints by time and by log written, and the
 * catalogs of a new cluster; vacuum of the tables that ask for it, which may take long.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "node/node_internal.h"

#include <stdatomic.h>

#define TURN_NS ((int64_t)1000 * 1000 * 1000)
#define VACUUM_TABLES_MAX 16
#define CHECKPOINT_ENTRIES_MAX ((uint64_t)200000) /* bounds replay when entries are small */

enum status
upkeep_checkpoint(struct node *node, struct diag *diag)
{
    struct checkpoint_result result;
    mutex_lock(&node->upkeep.checkpoint_mu);
    uint64_t log_bytes = atomic_load(&node->upkeep.log_bytes);
    enum status status = store_checkpoint(node->store, &result, diag);
    mutex_unlock(&node->upkeep.checkpoint_mu);
    if (status == STATUS_OK) {
        atomic_store(&node->upkeep.log_bytes_in_root, log_bytes);
        log_info(
            &node->log, "storage",
            "checkpoint at position %llu: %llu pages, %llu bytes, %.1f ms, gate closed %.3f ms",
            (unsigned long long)result.applied_index, (unsigned long long)result.page_count,
            (unsigned long long)result.bytes_written, (double)result.total_ns / 1e6,
            (double)result.gate_closed_ns / 1e6);
    } else {
        log_error(&node->log, "storage", "checkpoint did not succeed: %s",
                  diag == NULL ? status_name(status) : diag->message);
    }
    return status;
}

void
upkeep_want_bootstrap(struct node *node)
{
    mutex_lock(&node->upkeep.mu);
    node->upkeep.bootstrap_wanted = true;
    cond_signal(&node->upkeep.changed);
    mutex_unlock(&node->upkeep.mu);
}

static bool
checkpoint_is_due(struct node *node, int64_t last_ns)
{
    uint64_t behind = store_applied_index(node->store) - store_checkpoint_index(node->store);
    int64_t age_ms = (clock_monotonic_ns(node->env.clock) - last_ns) / 1000000;
    uint64_t bytes =
        atomic_load(&node->upkeep.log_bytes) - atomic_load(&node->upkeep.log_bytes_in_root);
    uint64_t bytes_max = ((uint64_t)node->settings.wal_keep_mb << 20) / 2;
    return (behind > 0 && age_ms >= node->settings.wal_checkpoint_interval_ms) ||
           behind > CHECKPOINT_ENTRIES_MAX || bytes > bytes_max;
}

static void
vacuum_where_due(struct node *node, struct waiter *waiter)
{
    struct object_id tables[VACUUM_TABLES_MAX];
    unsigned count = store_vacuum_candidates(node->store, tables, VACUUM_TABLES_MAX);
    for (unsigned i = 0; i < count; i++) {
        struct vacuum_result result;
        struct diag diag = {0};
        enum status status = store_vacuum(node->store, tables[i], waiter, &result, &diag);
        if (status == STATUS_OK) {
            log_info(&node->log, "storage",
                     "vacuum of object %u: %llu versions and %llu index entries removed",
                     tables[i].v, (unsigned long long)result.versions_removed,
                     (unsigned long long)result.index_entries_removed);
        } else if (status != STATUS_CANCELLED && status != STATUS_NOT_FOUND) {
            log_warning(&node->log, "storage", "vacuum of object %u put off: %s", tables[i].v,
                        diag.message);
        }
    }
}

static bool
bootstrap(struct node *node, struct waiter *waiter)
{
    struct diag diag = {0};
    if (!node_is_primary(node)) {
        return true; /* the new primary does it */
    }
    enum status status = sql_engine_bootstrap(node->engine, waiter, &diag);
    if (status != STATUS_OK && status != STATUS_CANCELLED) {
        log_warning(&node->log, "sql", "writing the catalogs will be tried again: %s",
                    diag.message);
    }
    return status == STATUS_OK;
}

struct turn {
    bool stop, bootstrap;
};

static struct turn
next_turn(struct upkeep *upkeep, struct clock *clock, int64_t wait_ns)
{
    mutex_lock(&upkeep->mu);
    if (!upkeep->stopping && !upkeep->bootstrap_wanted) {
        UNUSED(cond_wait_until(&upkeep->changed, &upkeep->mu,
                               clock_monotonic_ns(clock) + wait_ns));
    }
    struct turn turn = {.stop = upkeep->stopping, .bootstrap = upkeep->bootstrap_wanted};
    upkeep->bootstrap_wanted = false;
    mutex_unlock(&upkeep->mu);
    return turn;
}

static void
upkeep_run(void *arg)
{
    struct node *node = arg;
    struct waiter waiter;
    waiter_init(&waiter);
    int64_t last_ns = clock_monotonic_ns(node->env.clock);
    for (;;) {
        int64_t wait_ns = MIN(TURN_NS, disk_look(node));
        struct turn turn = next_turn(&node->upkeep, node->env.clock, wait_ns);
        if (turn.stop) {
            break;
        }
        if (turn.bootstrap && !bootstrap(node, &waiter)) {
            upkeep_want_bootstrap(node);
        }
        if (checkpoint_is_due(node, last_ns)) {
            struct diag diag = {0};
            STATUS_IGNORED(
                upkeep_checkpoint(node, &diag)); /* logged; storage latches what is damage */
            last_ns = clock_monotonic_ns(node->env.clock);
        }
    }
    waiter_deinit(&waiter);
}

static void
vacuum_run(void *arg)
{
    struct node *node = arg;
    struct upkeep *upkeep = &node->upkeep;
    for (bool stop = false; !stop;) {
        vacuum_where_due(node, &upkeep->vacuum_waiter);
        mutex_lock(&upkeep->mu);
        if (!upkeep->stopping) {
            UNUSED(cond_wait_until(&upkeep->vacuum_changed, &upkeep->mu,
                                   clock_monotonic_ns(node->env.clock) + TURN_NS));
        }
        stop = upkeep->stopping;
        mutex_unlock(&upkeep->mu);
    }
}

static void
stop_thread(struct upkeep *upkeep, struct thread *thread)
{
    mutex_lock(&upkeep->mu);
    upkeep->stopping = true;
    cond_signal(&upkeep->changed);
    cond_signal(&upkeep->vacuum_changed);
    mutex_unlock(&upkeep->mu);
    thread_join(thread);
}

enum status
upkeep_start(struct node *node, struct diag *diag)
{
    mutex_init(&node->upkeep.mu, LOCK_RANK_LEAF);
    mutex_init(&node->upkeep.checkpoint_mu, LOCK_RANK_CONTROL);
    cond_init(&node->upkeep.changed);
    cond_init(&node->upkeep.vacuum_changed);
    waiter_init(&node->upkeep.vacuum_waiter);
    TRY(thread_start(&node->upkeep.thread, THREAD_BACKGROUND, "upkeep", upkeep_run, node,
                     diag));
    enum status status = thread_start(&node->upkeep.vacuum_thread, THREAD_BACKGROUND, "vacuum",
                                      vacuum_run, node, diag);
    if (status != STATUS_OK) {
        stop_thread(&node->upkeep, &node->upkeep.thread);
    }
    return status;
}

void
upkeep_stop(struct node *node)
{
    waiter_cancel(&node->upkeep.vacuum_waiter);
    stop_thread(&node->upkeep, &node->upkeep.thread);
    stop_thread(&node->upkeep, &node->upkeep.vacuum_thread);
    waiter_deinit(&node->upkeep.vacuum_waiter);
}
