/* cluster_tasks.c: what other threads ask of the cluster loop: reads, transfers, requests.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "cluster/cluster_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define REQUEST_BYTES_MAX ((size_t)1 << 20)

static struct task *
task_new(void (*run)(struct cluster *, struct task *),
         void (*cancel)(struct cluster *, struct task *), void *arg)
{
    struct task *task = calloc(1, sizeof(*task));
    ASSERT(task != NULL);
    task->run = run;
    task->cancel = cancel;
    task->arg = arg;
    return task;
}

static void
task_free(struct task *task)
{
    buf_deinit(&task->bytes);
    free(task);
}

/* Takes task. */
static void
give(struct cluster *cluster, struct task *task)
{
    mutex_lock(&cluster->batch_mu);
    bool stopping = cluster->stopping;
    if (!stopping) {
        list_push_back(&cluster->tasks, &task->link);
    }
    mutex_unlock(&cluster->batch_mu);
    if (stopping) {
        task->cancel(cluster, task);
        task_free(task);
        return;
    }
    loop_post(cluster->loop, &cluster->task_call);
}

static struct task *
take_task(struct cluster *cluster)
{
    mutex_lock(&cluster->batch_mu);
    struct task *task = LIST_FIRST(&cluster->tasks, struct task, link);
    if (task != NULL) {
        list_remove(&task->link);
    }
    mutex_unlock(&cluster->batch_mu);
    return task;
}

void
cluster__run_tasks(void *arg)
{
    struct cluster *cluster = arg;
    for (struct task *task; (task = take_task(cluster)) != NULL;) {
        task->run(cluster, task);
        task_free(task);
    }
    cluster__pump_reads(cluster);
}

void
cluster__cancel_tasks(struct cluster *cluster)
{
    for (struct task *task; (task = take_task(cluster)) != NULL;) {
        task->cancel(cluster, task);
        task_free(task);
    }
}

/* ---- linearizable reads ---- */

static void
run_read(struct cluster *cluster, struct task *task)
{
    if (cluster->led_term == 0) {
        task->done.read(task->arg, STATUS_NOT_LEADER, 0);
        return;
    }
    reads_add(&cluster->reads, task->done.read, task->arg);
}

static void
cancel_read(struct cluster *cluster, struct task *task)
{
    UNUSED(cluster);
    task->done.read(task->arg, STATUS_CANCELLED, 0);
}

void
cluster_read_index(struct cluster *cluster, read_index_fn done, void *arg)
{
    struct task *task = task_new(run_read, cancel_read, arg);
    task->done.read = done;
    give(cluster, task);
}

bool
cluster_read_index_now(struct cluster *cluster, uint64_t *index_out)
{
    if (!atomic_load(&cluster->sole_leader)) {
        return false;
    }
    *index_out = atomic_load(&cluster->agreed_index);
    return true;
}

void
cluster__pump_reads(struct cluster *cluster)
{
    /* Until an entry of this term is agreed, the commit index may lag behind what an earlier
     * leader acknowledged. */
    uint64_t commit_index = core_commit_index(cluster->core);
    if (cluster->led_term == 0 || commit_index < cluster->term_start_index) {
        return;
    }
    if (reads_begin(&cluster->reads, cluster->led_term, commit_index,
                    core_members(cluster->core), cluster->identity.id)) {
        cluster__ping_for_reads(cluster);
    }
}

/* ---- handing leadership over ---- */

void
cluster__end_transfer(struct cluster *cluster, enum status status, const char *why)
{
    struct transfer transfer = cluster->transfer;
    struct diag diag = {0};
    if (!transfer.active) {
        return;
    }
    cluster->transfer.active = false;
    if (status != STATUS_OK) {
        (void)diag_fail(&diag, status, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "%s", why);
    }
    transfer.done(transfer.arg, status, &diag);
}

/* The connected voter that has most of the log; 0: none. */
static uint64_t
most_caught_up(struct cluster *cluster)
{
    uint64_t best = 0, best_index = 0;
    const struct members *members = core_members(cluster->core);
    mutex_lock(&cluster->mu);
    for (unsigned i = 0; i < members->count; i++) {
        const struct member *member = &members->list[i];
        const struct member_state *state = cluster__member(cluster, member->id);
        if (member->id != cluster->identity.id && member->voter && state != NULL &&
            state->connected && (best == 0 || state->log_index > best_index)) {
            best = member->id;
            best_index = state->log_index;
        }
    }
    mutex_unlock(&cluster->mu);
    return best;
}

static void
try_transfer(struct cluster *cluster)
{
    struct diag diag = {0};
    cluster->transfer.tried = true;
    enum status status = core_transfer(cluster->core, cluster->transfer.target, &diag);
    if (status != STATUS_OK && status != STATUS_CONFLICT) {
        cluster__end_transfer(cluster, status, diag.message);
    }
}

static void
run_transfer(struct cluster *cluster, struct task *task)
{
    struct diag diag = {0};
    uint64_t target = 0;
    if (task->any) {
        target = most_caught_up(cluster);
    } else {
        const struct member *member =
            members_find_name(core_members(cluster->core), task->name);
        target = member == NULL ? 0 : member->id;
    }
    enum status status = STATUS_OK;
    if (cluster->led_term == 0) {
        status = diag_fail(&diag, STATUS_NOT_LEADER, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                           "this node is not the primary");
    } else if (target == 0) {
        status = diag_fail(&diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_OBJECT,
                           "there is no connected voting member \"%s\"",
                           task->any ? "(any)" : task->name);
    } else if (cluster->transfer.active) {
        status = diag_fail(&diag, STATUS_CONFLICT, SQLSTATE_OBJECT_IN_USE,
                           "a switchover is under way already");
    }
    if (status != STATUS_OK) {
        task->done.transfer(task->arg, status, &diag);
        return;
    }
    cluster->transfer = (struct transfer){.active = true,
                                          .target = target,
                                          .term = cluster->led_term,
                                          .deadline_ns = loop_now_ns(cluster->loop) +
                                                         task->timeout_ms * NS_PER_MS,
                                          .done = task->done.transfer,
                                          .arg = task->arg};
    try_transfer(cluster);
}

static void
cancel_transfer(struct cluster *cluster, struct task *task)
{
    UNUSED(cluster);
    struct diag diag = {0};
    (void)diag_fail(&diag, STATUS_CANCELLED, SQLSTATE_ADMIN_SHUTDOWN, "this node is stopping");
    task->done.transfer(task->arg, STATUS_CANCELLED, &diag);
}

void
cluster_transfer(struct cluster *cluster, const char *name, int64_t timeout_ms,
                 transfer_fn done, void *arg)
{
    struct task *task = task_new(run_transfer, cancel_transfer, arg);
    task->any = name == NULL;
    snprintf(task->name, sizeof(task->name), "%s", name == NULL ? "" : name);
    task->timeout_ms = timeout_ms;
    task->done.transfer = done;
    give(cluster, task);
}

void
cluster__watch_transfer(struct cluster *cluster)
{
    const struct transfer *transfer = &cluster->transfer;
    if (!transfer->active) {
        return;
    }
    uint64_t leader_id = core_leader_id(cluster->core);
    if (core_term(cluster->core) > transfer->term && leader_id != 0) {
        bool wanted = leader_id == transfer->target;
        cluster__end_transfer(cluster, wanted ? STATUS_OK : STATUS_CONFLICT,
                              "another member than the one named took over");
    } else if (loop_now_ns(cluster->loop) >= transfer->deadline_ns) {
        cluster__end_transfer(cluster, STATUS_TIMEOUT,
                              "the new primary did not take over in time");
    } else if (core_role(cluster->core) == CORE_LEADER && core_transferee(cluster->core) == 0) {
        try_transfer(cluster); /* libraft gave up after one election timeout */
    }
}

/* ---- requests between nodes ---- */

void
cluster_on_request(struct cluster *cluster, peer_request_fn on_request, void *arg)
{
    ASSERT(!cluster->started);
    cluster->on_request = on_request;
    cluster->request_arg = arg;
}

void
cluster__handle_request(struct cluster *cluster, uint64_t from_id, uint64_t number,
                        struct slice bytes)
{
    if (cluster->on_request != NULL) {
        cluster->on_request(cluster->request_arg, from_id, number, bytes);
    }
}

static void
run_reply(struct cluster *cluster, struct task *task)
{
    if (task->id == cluster->identity.id) {
        asks_replied(&cluster->asks, task->id, task->number, buf_slice(&task->bytes));
        return;
    }
    struct peer_message message = {
        .kind = PEER_REPLY, .number = task->number, .payload = buf_slice(&task->bytes)};
    transport_send(cluster->transport, task->id, &message);
}

static void
cancel_nothing(struct cluster *cluster, struct task *task)
{
    UNUSED(cluster);
    UNUSED(task);
}

void
cluster_reply(struct cluster *cluster, uint64_t to_id, uint64_t request_no, struct slice reply)
{
    ASSERT(reply.size <= REQUEST_BYTES_MAX);
    struct task *task = task_new(run_reply, cancel_nothing, NULL);
    task->id = to_id;
    task->number = request_no;
    buf_append(&task->bytes, reply.data, reply.size);
    give(cluster, task);
}

static void
run_ask(struct cluster *cluster, struct task *task)
{
    int64_t deadline_ns = loop_now_ns(cluster->loop) + task->timeout_ms * NS_PER_MS;
    uint64_t number =
        asks_add(&cluster->asks, task->id, deadline_ns, task->done.reply, task->arg);
    if (task->id == cluster->identity.id) {
        cluster__handle_request(cluster, task->id, number, buf_slice(&task->bytes));
        return;
    }
    struct peer_message message = {
        .kind = PEER_REQUEST, .number = number, .payload = buf_slice(&task->bytes)};
    transport_send(cluster->transport, task->id, &message);
}

static void
cancel_ask(struct cluster *cluster, struct task *task)
{
    UNUSED(cluster);
    task->done.reply(task->arg, STATUS_CANCELLED, slice_make(NULL, 0));
}

void
cluster_ask(struct cluster *cluster, uint64_t to_id, struct slice request, int64_t timeout_ms,
            peer_reply_fn done, void *arg)
{
    ASSERT(request.size <= REQUEST_BYTES_MAX);
    struct task *task = task_new(run_ask, cancel_ask, arg);
    task->id = to_id;
    task->timeout_ms = timeout_ms;
    task->done.reply = done;
    buf_append(&task->bytes, request.data, request.size);
    give(cluster, task);
}
