/* apply.c: see apply.h. SPDX-License-Identifier: Apache-2.0 */
#include "cluster/apply/apply.h"
#include "base/fault.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/worker.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#define RUN_ENTRIES 128U
#define RUN_BYTES ((size_t)4 << 20)

struct apply {
    struct apply_options options;
    struct worker *worker;
    _Atomic(uint64_t)
        applied_index;           /* written by the apply thread after the entry took effect */
    _Atomic(uint64_t) announced; /* written by the apply thread */
    _Atomic(uint64_t) commit_index; /* written by the cluster loop */
    struct mutex mu;
    uint64_t leading_term, term_start_index; /* guarded by mu; term 0: not leading */
    bool failed;                             /* apply thread */
    uint64_t waits_at;                       /* apply thread: entry that was told to wait */
};

enum status
apply_new(const struct apply_options *options, struct apply **apply_out, struct diag *diag)
{
    UNUSED(diag);
    struct apply *apply = calloc(1, sizeof(*apply));
    ASSERT(apply != NULL);
    apply->options = *options;
    atomic_init(&apply->applied_index, options->applied_index);
    atomic_init(&apply->commit_index, options->applied_index);
    mutex_init(&apply->mu, LOCK_RANK_LEAF);
    *apply_out = apply;
    return STATUS_OK;
}

static bool apply_step(void *arg);

enum status
apply_start(struct apply *apply, struct diag *diag)
{
    return worker_start(apply->options.env->workers, THREAD_APPLY, "apply", apply_step, apply,
                        &apply->worker, diag);
}

void
apply_stop(struct apply *apply)
{
    if (apply->worker != NULL) {
        worker_stop(apply->worker);
        apply->worker = NULL;
    }
}

void
apply_delete(struct apply *apply)
{
    if (apply != NULL) {
        ASSERT(apply->worker == NULL);
        mutex_deinit(&apply->mu);
        free(apply);
    }
}

/* ---- leadership ---- */

struct lead {
    uint64_t term, start_index;
};

static struct lead
current_lead(struct apply *apply)
{
    mutex_lock(&apply->mu);
    struct lead lead = {.term = apply->leading_term, .start_index = apply->term_start_index};
    mutex_unlock(&apply->mu);
    return lead;
}

static void
announce(struct apply *apply)
{
    struct lead lead = current_lead(apply);
    uint64_t announced = atomic_load(&apply->announced);
    if (announced != 0 && announced != lead.term) {
        atomic_store(&apply->announced, 0);
        apply->options.ops->leadership(apply->options.ops_arg, announced, false);
        announced = 0;
    }
    if (announced == 0 && lead.term != 0 &&
        atomic_load(&apply->applied_index) >= lead.start_index &&
        wal_term_of(apply->options.wal, lead.start_index) == lead.term) {
        /* (Where another leader's entry stands there, the loss is about to be told.) */
        /* First the promise, then the word: who reads the term may write at once. */
        atomic_store(&apply->announced, lead.term);
        apply->options.ops->leadership(apply->options.ops_arg, lead.term, true);
    }
}

/* ---- the thread ---- */

static enum status
apply_one(struct apply *apply, const struct wal_item *item, struct diag *diag)
{
    struct slice bytes = item->type == 1 ? item->bytes : slice_make(NULL, 0);
    enum status status =
        apply->options.ops->apply(apply->options.ops_arg, item->index, item->term, bytes, diag);
    if (status == STATUS_OK) {
        /* Pairs with apply_index(): who sees the index sees what the entry did. */
        atomic_store(&apply->applied_index, item->index);
    }
    return status;
}

static void
give_up(struct apply *apply, uint64_t index, const struct diag *diag)
{
    apply->failed = true;
    log_error(apply->options.env->log, "cluster", "apply error at index=%" PRIu64 ": %s", index,
              diag->message);
    apply->options.failed(apply->options.arg, diag);
}

/* True when it may go on. */
static bool
apply_run(struct apply *apply, struct wal_item **items, unsigned count)
{
    struct diag diag = {0};
    enum status status = STATUS_OK;
    uint64_t index = 0;
    for (unsigned i = 0; i < count; i++) {
        if (status == STATUS_OK) {
            index = items[i]->index;
            status = apply_one(apply, items[i], &diag);
        }
        wal_item_unref(items[i]);
    }
    apply->options.ops->applied(apply->options.ops_arg, atomic_load(&apply->applied_index));
    if (status == STATUS_LIMIT) {
        if (apply->waits_at != index) { /* not at each try: many a second, on a full disk */
            apply->waits_at = index;
            log_warning(apply->options.env->log, "cluster",
                        "apply waits at index=%" PRIu64 ": %s", index, diag.message);
        }
        return false;
    }
    if (status != STATUS_OK) {
        give_up(apply, index, &diag);
        return false;
    }
    return true;
}

static bool
apply_step(void *arg)
{
    struct apply *apply = arg;
    if (apply->failed) {
        return false;
    }
    announce(apply);
    uint64_t next = atomic_load(&apply->applied_index) + 1;
    uint64_t commit = atomic_load(&apply->commit_index);
    if (next > commit) {
        return false;
    }
    struct lead lead = current_lead(apply);
    if (lead.term != 0 && lead.start_index >= next) {
        commit = MIN(commit, lead.start_index); /* leadership is told right behind it */
    }
    struct wal_item *items[RUN_ENTRIES];
    unsigned count = 0;
    unsigned most = fault_fires(apply->options.env->faults, FAULT_APPLY_SLOW)
                        ? 1
                        : (unsigned)MIN((uint64_t)RUN_ENTRIES, commit - next + 1);
    struct diag diag = {0};
    enum status status =
        wal_read(apply->options.wal, next, most, RUN_BYTES, items, &count, &diag);
    if (status == STATUS_NOT_FOUND) {
        status = diag_fail(&diag, STATUS_CORRUPT, "XX001",
                           "agreed entry %" PRIu64 " is not in the log", next);
    }
    if (status != STATUS_OK) {
        give_up(apply, next, &diag);
        return false;
    }
    bool go_on = apply_run(apply, items, count);
    if (go_on) {
        announce(apply);
    }
    return go_on;
}

/* ---- calls of the cluster loop ---- */

void
apply_kick(struct apply *apply)
{
    if (apply->worker != NULL) {
        worker_kick(apply->worker);
    }
}

void
apply_committed(struct apply *apply, uint64_t index)
{
    if (index > atomic_load(&apply->commit_index)) {
        atomic_store(&apply->commit_index, index);
        apply_kick(apply);
    }
}

static void
set_lead(struct apply *apply, uint64_t term, uint64_t index)
{
    mutex_lock(&apply->mu);
    apply->leading_term = term;
    apply->term_start_index = index;
    mutex_unlock(&apply->mu);
    apply_kick(apply);
}

void
apply_won(struct apply *apply, uint64_t term, uint64_t index)
{
    set_lead(apply, term, index);
}

void
apply_lost(struct apply *apply)
{
    set_lead(apply, 0, 0);
}

uint64_t
apply_index(const struct apply *apply)
{
    return atomic_load(&apply->applied_index);
}

uint64_t
apply_leading_term(const struct apply *apply)
{
    return atomic_load(&apply->announced);
}
