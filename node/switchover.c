/* switchover.c: the planned change of the primary.
 *
 *   check the target -> wait until it has almost all of the log -> hold new transactions -> let
 *   running ones finish within the drain timeout (then 40001) -> transfer leadership -> wait
 * until the target leads -> release the held statements, which go to the new primary. After a
 * failed transfer a barrier commits before they are released on the old one, so that no other
 * primary can exist beside it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "base/thread.h"
#include "node/node_internal.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define CATCH_UP_MS 10000
#define TRANSFER_MS 2000
#define LEADER_MS 5000
#define POLL_US 1000
#define NEAR_ENTRIES 64 /* so close that the transfer itself covers the rest at once */

static int64_t
now_ms(struct node *node)
{
    return clock_monotonic_ns(node->env.clock) / 1000000;
}

static const struct member_state *
find_member(const struct cluster_state *state, const char *name)
{
    for (unsigned i = 0; i < state->member_count; i++) {
        if (strcmp(state->members[i].member.name, name) == 0) {
            return &state->members[i];
        }
    }
    return NULL;
}

/* `node "NAME" WHAT`. */
static enum status
refuse(struct diag *diag, const char *name, const char *what)
{
    return diag_fail(diag, STATUS_INVALID, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     "node \"%s\" %s", name, what);
}

static enum status
check_target(struct node *node, const struct switchover_request *request, struct diag *diag)
{
    struct cluster_state state;
    cluster_state(node->cluster, &state);
    const struct member_state *target = find_member(&state, request->to);
    if (!node_is_primary(node) || strcmp(request->from, node->settings.instance_name) != 0) {
        return refuse(diag, request->from, "is not the primary");
    }
    if (target == NULL) {
        return refuse(diag, request->to, "is not in the cluster");
    }
    if (target->self) {
        return refuse(diag, request->to, "is the primary already");
    }
    if (!target->member.voter) {
        return refuse(diag, request->to, "is a learner and cannot lead");
    }
    return target->connected ? STATUS_OK : refuse(diag, request->to, "cannot be reached");
}

static enum status
wait_for_catch_up(struct node *node, const char *name, struct diag *diag)
{
    int64_t deadline_ms = now_ms(node) + CATCH_UP_MS;
    for (;;) {
        struct cluster_state state;
        cluster_state(node->cluster, &state);
        const struct member_state *target = find_member(&state, name);
        if (target != NULL && target->applied_index + NEAR_ENTRIES >= state.commit_index) {
            return STATUS_OK;
        }
        if (now_ms(node) > deadline_ms) {
            return refuse(diag, name, "did not catch up in time");
        }
        thread_sleep_us(POLL_US);
    }
}

/* True when every session came to rest. */
static bool
drain(struct node *node, double seconds)
{
    int64_t deadline_ms = now_ms(node) + (int64_t)(seconds * 1000);
    while (hold_active_count(node) > 0 && now_ms(node) < deadline_ms) {
        thread_sleep_us(POLL_US);
    }
    return hold_active_count(node) == 0;
}

/* The transfer's end, told by the cluster loop to a thread that polls for it. */
struct transfer {
    atomic_int refs;
    atomic_bool ended;
    enum status status;
    struct diag diag;
};

static void
transfer_unref(struct transfer *transfer)
{
    if (atomic_fetch_sub(&transfer->refs, 1) == 1) {
        free(transfer);
    }
}

static void
transfer_ended(void *arg, enum status status, const struct diag *diag)
{
    struct transfer *transfer = arg;
    transfer->status = status;
    if (diag != NULL) {
        transfer->diag = *diag;
    }
    atomic_store(&transfer->ended, true);
    transfer_unref(transfer);
}

static enum status
transfer_to(struct node *node, const char *name, struct diag *diag)
{
    struct transfer *transfer = calloc(1, sizeof(*transfer));
    ASSERT(transfer != NULL);
    atomic_init(&transfer->refs, 2);
    cluster_transfer(node->cluster, name, TRANSFER_MS, transfer_ended, transfer);
    while (!atomic_load(&transfer->ended)) {
        thread_sleep_us(POLL_US);
    }
    enum status status = transfer->status;
    if (status != STATUS_OK && diag != NULL) {
        *diag = transfer->diag;
    }
    transfer_unref(transfer);
    return status;
}

/* Until this node knows that the target leads: only then can held statements be sent there. */
static bool
wait_for_leader(struct node *node, const char *name)
{
    int64_t deadline_ms = now_ms(node) + LEADER_MS;
    do {
        struct cluster_state state;
        cluster_state(node->cluster, &state);
        const struct member_state *target = find_member(&state, name);
        if (target != NULL && target->leader && !node_is_primary(node)) {
            return true;
        }
        thread_sleep_us(POLL_US);
    } while (now_ms(node) < deadline_ms);
    return false;
}

static void
commit_barrier(struct node *node)
{
    struct waiter waiter;
    waiter_init(&waiter);
    STATUS_IGNORED(node_propose(node, ENTRY_SEQUENCE, slice_make(NULL, 0), &waiter, NULL));
    waiter_deinit(&waiter);
}

static enum status
hand_over(struct node *node, const struct switchover_request *request, bool *drained_out,
          struct diag *diag)
{
    hold_close(node);
    *drained_out = drain(node, request->drain_seconds);
    if (!*drained_out) {
        store_refuse_writers(node->store); /* what still runs gets 40001 */
    }
    enum status status = transfer_to(node, request->to, diag);
    bool moved = status == STATUS_OK && wait_for_leader(node, request->to);
    if (!moved && node_is_primary(node)) {
        commit_barrier(node);
        store_admit_writers(node->store, atomic_load(&node->leader_term));
    }
    hold_release(node);
    if (status == STATUS_OK && !moved) {
        status = refuse(diag, request->to, "has not taken over in time");
    }
    return status;
}

enum status
switchover_run(struct node *node, const struct switchover_request *request, char *report_out,
               size_t report_size, struct diag *diag)
{
    bool drained = false;
    mutex_lock(&node->switchover_mu);
    enum status status = check_target(node, request, diag);
    if (status == STATUS_OK) {
        status = wait_for_catch_up(node, request->to, diag);
    }
    int64_t start_ms = now_ms(node);
    if (status == STATUS_OK) {
        status = hand_over(node, request, &drained, diag);
    }
    int64_t pause_ms = now_ms(node) - start_ms;
    mutex_unlock(&node->switchover_mu);
    if (status == STATUS_OK) {
        snprintf(report_out, report_size,
                 "\"%s\" is the primary now; new transactions waited %lld ms%s", request->to,
                 (long long)pause_ms,
                 drained
                     ? ""
                     : "; those still running after the drain timeout were ended with 40001");
        log_info(&node->log, "cluster", "switchover: %s", report_out);
    } else {
        snprintf(report_out, report_size, "switchover refused: %s", diag->message);
        log_warning(&node->log, "cluster", "%s", report_out);
    }
    return status;
}
