/* node_wait.c: sessions that wait for a position of the log.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "node/client.h"
#include "node/node_internal.h"

#include <stdatomic.h>
#include <stdlib.h>

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
            list_remove(link);
            wait->reached(wait->arg);
        }
    }
    mutex_unlock(&waits->mu);
}

/* Calls `reached` at once where the position is reached already. */
static void
applied_waits_add(struct node *node, struct applied_wait *wait)
{
    mutex_lock(&node->applied_waits.mu);
    if (store_applied_index(node->store) >= wait->index) {
        list_init(&wait->link);
        wait->reached(wait->arg);
    } else {
        list_push_back(&node->applied_waits.waiting, &wait->link);
    }
    mutex_unlock(&node->applied_waits.mu);
}

static void
applied_waits_remove(struct node *node, struct applied_wait *wait)
{
    mutex_lock(&node->applied_waits.mu);
    list_remove(&wait->link);
    mutex_unlock(&node->applied_waits.mu);
}

static void
wake(void *arg)
{
    waiter_wake(arg);
}

static enum status
wait_failed(enum status status, const struct waiter *waiter, const char *what,
            struct diag *diag)
{
    if (status == STATUS_CANCELLED) {
        return waiter_report_cancel(waiter, diag);
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
    struct applied_wait wait = {.index = index, .reached = wake, .arg = waiter};
    waiter_arm(waiter);
    applied_waits_add(node, &wait);
    enum status status = STATUS_OK;
    while (store_applied_index(node->store) < index && status == STATUS_OK) {
        status = waiter_wait(waiter, deadline_ns);
    }
    applied_waits_remove(node, &wait);
    return status == STATUS_OK
               ? STATUS_OK
               : wait_failed(status, waiter, "waiting for the log to be applied", diag);
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

bool
node_reads_at_once(void *host_arg)
{
    struct node *node = host_arg;
    uint64_t index = 0;
    /* A replica reads its own state: session consistency is the router's. */
    return !node_is_primary(node) || (cluster_read_index_now(node->cluster, &index) &&
                                      store_applied_index(node->store) >= index);
}

enum status
node_read_barrier(struct node *node, struct waiter *waiter, struct diag *diag)
{
    if (node_reads_at_once(node)) {
        return STATUS_OK;
    }
    uint64_t index = 0;
    int64_t deadline_ns = clock_monotonic_ns(node->env.clock) + LOG_WAIT_NS;
    struct index_question *question = question_new(waiter);
    cluster_read_index(node->cluster, question_answered, question);
    enum status status = question_wait(question, deadline_ns, &index);
    if (status == STATUS_NOT_LEADER) {
        return diag_fail(diag, status, SQLSTATE_SERIALIZATION_FAILURE,
                         "this node is not the primary any more");
    }
    if (status != STATUS_OK) {
        return wait_failed(status, waiter, "asking the voters for a read position", diag);
    }
    return node_wait_applied(node, index, waiter, deadline_ns, diag);
}

static void
read_admitted(void *arg)
{
    client_read_answered(arg, true);
}

/* read_index_fn: cluster loop. */
static void
read_position(void *arg, enum status status, uint64_t index)
{
    struct client *client = arg;
    if (status != STATUS_OK) {
        client_read_answered(client, false);
        return;
    }
    client->read_wait =
        (struct applied_wait){.index = index, .reached = read_admitted, .arg = client};
    applied_waits_add(client->node, &client->read_wait);
}

void
node_ask_read(struct node *node, struct client *client)
{
    cluster_read_index(node->cluster, read_position, client);
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
    return status == STATUS_OK ? STATUS_OK
                               : wait_failed(status, waiter, "waiting for the log", diag);
}
