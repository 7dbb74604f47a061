/* node_wait.c: sessions that wait for a position of the log. SPDX-License-Identifier:
 * Apache-2.0 */
#include "base/errors.h"
#include "node/node_internal.h"

#include <stdatomic.h>
#include <stdlib.h>

struct applied_wait {
    struct list link;
    uint64_t index;
    struct waiter *waiter;
};

void
applied_waits_init(struct applied_waits *waits)
{
    mutex_init(&waits->mu, LOCK_RANK_NODE);
    list_init(&waits->waiting);
}

void
applied_waits_deinit(struct applied_waits *waits)
{
    ASSERT(list_empty(&waits->waiting));
    mutex_deinit(&waits->mu);
}

void
applied_waits_wake(struct applied_waits *waits, uint64_t index)
{
    mutex_lock(&waits->mu);
    LIST_EACH(link, &waits->waiting)
    {
        struct applied_wait *wait = LIST_ITEM(link, struct applied_wait, link);
        if (wait->index <= index) {
            waiter_wake(wait->waiter);
        }
    }
    mutex_unlock(&waits->mu);
}

static enum status
wait_failed(enum status status, const char *what, struct diag *diag)
{
    if (status == STATUS_CANCELLED) {
        return diag_fail(diag, status, SQLSTATE_QUERY_CANCELED,
                         "canceling statement due to user request");
    }
    if (status == STATUS_LIMIT) {
        return diag_fail(diag, status, SQLSTATE_OUT_OF_MEMORY, "no thread is left to wait on");
    }
    enum status reported =
        diag_fail(diag, status, SQLSTATE_CANNOT_CONNECT_NOW, "timed out while %s", what);
    diag_hint(diag, "A majority of the voters may be out of reach; see v_cluster_nodes.");
    return reported;
}

enum status
node_wait_applied(struct node *node, uint64_t index, struct waiter *waiter, int64_t deadline_ns,
                  struct diag *diag)
{
    if (store_applied_index(node->store) >= index) {
        return STATUS_OK;
    }
    struct applied_wait wait = {.index = index, .waiter = waiter};
    waiter_arm(waiter);
    mutex_lock(&node->applied_waits.mu);
    list_push_back(&node->applied_waits.waiting, &wait.link);
    mutex_unlock(&node->applied_waits.mu);
    enum status status = STATUS_OK;
    while (store_applied_index(node->store) < index && status == STATUS_OK) {
        status = waiter_wait(waiter, deadline_ns);
    }
    mutex_lock(&node->applied_waits.mu);
    list_remove(&wait.link);
    mutex_unlock(&node->applied_waits.mu);
    return status == STATUS_OK ? STATUS_OK
                               : wait_failed(status, "waiting for the log to be applied", diag);
}

/* A question to the cluster loop that may outlive the session's patience: counted by both. */
struct index_question {
    atomic_int refs;
    struct mutex mu;
    struct waiter *waiter; /* guarded by mu; NULL once nobody waits */
    bool answered;         /* guarded by mu */
    enum status status;
    uint64_t index;
};

static void
question_unref(struct index_question *question)
{
    if (atomic_fetch_sub(&question->refs, 1) == 1) {
        mutex_deinit(&question->mu);
        free(question);
    }
}

/* read_index_fn and proposal_fn: cluster loop. */
static void
question_answered(void *arg, enum status status, uint64_t index)
{
    struct index_question *question = arg;
    mutex_lock(&question->mu);
    question->answered = true;
    question->status = status;
    question->index = index;
    if (question->waiter != NULL) {
        waiter_wake(question->waiter);
    }
    mutex_unlock(&question->mu);
    question_unref(question);
}

static struct index_question *
question_new(struct waiter *waiter)
{
    struct index_question *question = calloc(1, sizeof(*question));
    ASSERT(question != NULL);
    atomic_init(&question->refs, 2);
    mutex_init(&question->mu, LOCK_RANK_MAILBOX); /* the waiter's lock ranks above it */
    question->waiter = waiter;
    waiter_arm(waiter);
    return question;
}

/* Waits for the answer; gives back the caller's reference. */
static enum status
question_wait(struct index_question *question, int64_t deadline_ns, uint64_t *index_out)
{
    enum status status = STATUS_OK;
    mutex_lock(&question->mu);
    while (!question->answered && status == STATUS_OK) {
        struct waiter *waiter = question->waiter;
        mutex_unlock(&question->mu);
        status = waiter_wait(waiter, deadline_ns);
        mutex_lock(&question->mu);
    }
    question->waiter = NULL;
    if (question->answered) {
        status = question->status;
        *index_out = question->index;
    }
    mutex_unlock(&question->mu);
    question_unref(question);
    return status;
}

#define LOG_WAIT_NS ((int64_t)10 * 1000 * 1000 * 1000)

enum status
node_read_barrier(void *host_arg, struct waiter *waiter, struct diag *diag)
{
    struct node *node = host_arg;
    if (!node_is_primary(node)) {
        return STATUS_OK; /* a replica reads its own state: session consistency is the router's
                           */
    }
    uint64_t index = 0;
    if (cluster_read_index_now(node->cluster, &index)) {
        return store_applied_index(node->store) >= index
                   ? STATUS_OK
                   : node_wait_applied(node, index, waiter,
                                       clock_monotonic_ns(node->env.clock) + LOG_WAIT_NS, diag);
    }
    int64_t deadline_ns = clock_monotonic_ns(node->env.clock) + LOG_WAIT_NS;
    struct index_question *question = question_new(waiter);
    cluster_read_index(node->cluster, question_answered, question);
    enum status status = question_wait(question, deadline_ns, &index);
    if (status == STATUS_NOT_LEADER) {
        return diag_fail(diag, status, SQLSTATE_SERIALIZATION_FAILURE,
                         "this node is not the primary any more");
    }
    if (status != STATUS_OK) {
        return wait_failed(status, "asking the voters for a read position", diag);
    }
    return node_wait_applied(node, index, waiter, deadline_ns, diag);
}

enum status
node_propose(void *arg, enum entry_kind kind, struct slice payload, struct waiter *waiter,
             struct diag *diag)
{
    struct node *node = arg;
    uint64_t term = store_writer_term(node->store), index = 0;
    int64_t deadline_ns = clock_monotonic_ns(node->env.clock) + LOG_WAIT_NS;
    struct index_question *question = question_new(waiter);
    cluster_submit(node->cluster, term, kind, payload, question_answered, question);
    enum status status = question_wait(question, deadline_ns, &index);
    if (status == STATUS_OK) {
        status = node_wait_applied(node, index, waiter, deadline_ns, diag);
        /* With our term still the newest applied one, the entry at our index is ours. */
        if (status == STATUS_OK && store_applied_term(node->store) != term) {
            status = STATUS_NOT_LEADER;
        }
    }
    if (status == STATUS_NOT_LEADER) {
        return diag_fail(diag, status, SQLSTATE_SERIALIZATION_FAILURE,
                         "this node is not the primary any more");
    }
    return status == STATUS_OK ? STATUS_OK : wait_failed(status, "waiting for the log", diag);
}
