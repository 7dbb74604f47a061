/* state_hashes.c: see state_hashes.h.
 *
 * Messages: request = u64 position wanted (0: only say how far you are).
 *           reply   = u64 newest position noted | u8 known | u64 low | u64 high.
 * SPDX-License-Identifier: Apache-2.0 */
#include "node/state_hashes.h"
#include "base/errors.h"
#include "node/node_internal.h"

#include <stdatomic.h>
#include <stdlib.h>

#define ANSWER_MS 1000

void
state_hashes_init(struct state_hashes *hashes)
{
    mutex_init(&hashes->mu, LOCK_RANK_LEAF);
    hashes->newest = hashes->oldest = 0;
}

void
state_hashes_deinit(struct state_hashes *hashes)
{
    mutex_deinit(&hashes->mu);
}

void
state_hashes_note(struct state_hashes *hashes, uint64_t index, struct hash128 hash)
{
    mutex_lock(&hashes->mu);
    bool follows = hashes->newest != 0 && index == hashes->newest + 1;
    hashes->oldest = follows ? hashes->oldest : index;
    hashes->newest = index;
    if (hashes->newest - hashes->oldest >= STATE_HASHES_KEPT) {
        hashes->oldest = hashes->newest - STATE_HASHES_KEPT + 1;
    }
    hashes->ring[index % STATE_HASHES_KEPT] = hash;
    mutex_unlock(&hashes->mu);
}

struct position_hash {
    uint64_t newest;
    bool known;
    struct hash128 hash;
};

static struct position_hash
find(struct state_hashes *hashes, uint64_t position)
{
    mutex_lock(&hashes->mu);
    struct position_hash found = {.newest = hashes->newest};
    found.known =
        hashes->newest != 0 && position >= hashes->oldest && position <= hashes->newest;
    if (found.known) {
        found.hash = hashes->ring[position % STATE_HASHES_KEPT];
    }
    mutex_unlock(&hashes->mu);
    return found;
}

void
state_hashes_answer(void *arg, uint64_t from_id, uint64_t request_no, struct slice request)
{
    struct node *node = arg;
    struct reader reader = reader_make(request);
    struct position_hash found = find(&node->state_hashes, read_u64(&reader));
    if (!reader_done(&reader)) {
        return; /* not a question we know: the asker times out */
    }
    struct buf reply = BUF_EMPTY;
    buf_u64(&reply, found.newest);
    buf_u8(&reply, found.known);
    buf_u64(&reply, found.hash.low);
    buf_u64(&reply, found.hash.high);
    cluster_reply(node->cluster, from_id, request_no, buf_slice(&reply));
    buf_deinit(&reply);
}

/* One round of questions; counted by the asker and each question, for a reply may come late. */
struct round {
    atomic_int refs;
    struct mutex mu;
    struct waiter *waiter; /* guarded by mu, as all below; NULL once nobody waits */
    unsigned open_count;
    struct {
        bool answered;
        struct position_hash answer;
    } of[CLUSTER_MEMBERS_MAX];
};

struct question {
    struct round *round;
    unsigned member_no;
};

static void
round_unref(struct round *round)
{
    if (atomic_fetch_sub(&round->refs, 1) == 1) {
        mutex_deinit(&round->mu);
        free(round);
    }
}

static void
answered(void *arg, enum status status, struct slice reply)
{
    struct question *question = arg;
    struct round *round = question->round;
    struct reader reader = reader_make(reply);
    struct position_hash answer = {.newest = read_u64(&reader)};
    answer.known = read_u8(&reader) != 0;
    answer.hash.low = read_u64(&reader);
    answer.hash.high = read_u64(&reader);
    mutex_lock(&round->mu);
    round->of[question->member_no].answered = status == STATUS_OK && reader_done(&reader);
    round->of[question->member_no].answer = answer;
    if (--round->open_count == 0 && round->waiter != NULL) {
        waiter_wake(round->waiter);
    }
    mutex_unlock(&round->mu);
    round_unref(round);
    free(question);
}

static void
ask(struct node *node, struct round *round, unsigned member_no, uint64_t id, uint64_t position)
{
    struct question *question = calloc(1, sizeof(*question));
    ASSERT(question != NULL);
    question->round = round;
    question->member_no = member_no;
    uint8_t request[8];
    put_u64(request, position);
    cluster_ask(node->cluster, id, slice_make(request, sizeof(request)), ANSWER_MS, answered,
                question);
}

static enum status
wait_for_round(struct round *round)
{
    enum status status = STATUS_OK;
    mutex_lock(&round->mu);
    while (round->open_count > 0 && status == STATUS_OK) {
        struct waiter *waiter = round->waiter;
        mutex_unlock(&round->mu);
        status = waiter_wait(waiter, WAIT_FOREVER); /* each question ends by itself */
        mutex_lock(&round->mu);
    }
    round->waiter = NULL;
    mutex_unlock(&round->mu);
    return status;
}

/* Asks every other connected member about `position`. The caller unrefs the round. */
static enum status
ask_all(struct node *node, const struct cluster_state *state, struct waiter *waiter,
        uint64_t position, struct round **round_out)
{
    struct round *round = calloc(1, sizeof(*round));
    ASSERT(round != NULL);
    *round_out = round;
    mutex_init(&round->mu, LOCK_RANK_MAILBOX);
    atomic_init(&round->refs, 1);
    round->waiter = waiter;
    waiter_arm(waiter);
    for (unsigned i = 0; i < state->member_count; i++) {
        bool other = !state->members[i].self && state->members[i].connected;
        round->open_count += other;
        atomic_fetch_add(&round->refs, other);
    }
    for (unsigned i = 0; i < state->member_count; i++) {
        if (state->members[i].self) {
            round->of[i].answered = true;
            round->of[i].answer = find(&node->state_hashes, position);
        } else if (state->members[i].connected) {
            ask(node, round, i, state->members[i].member.id, position);
        }
    }
    return wait_for_round(round);
}

static uint64_t
lowest_position(const struct round *round, const struct cluster_state *state)
{
    uint64_t lowest = UINT64_MAX;
    for (unsigned i = 0; i < state->member_count; i++) {
        if (round->of[i].answered) {
            lowest = MIN(lowest, round->of[i].answer.newest);
        }
    }
    return lowest;
}

static enum status
asking_failed(enum status status, const struct waiter *waiter, struct diag *diag)
{
    return status == STATUS_CANCELLED ? waiter_report_cancel(waiter, diag)
                                      : diag_fail(diag, status, SQLSTATE_OUT_OF_MEMORY,
                                                  "no thread is left to wait on");
}

enum status
state_hashes_ask(struct node *node, struct waiter *waiter, struct member_hash *members_out,
                 unsigned *count_out, uint64_t *position_out, struct diag *diag)
{
    struct cluster_state state;
    struct round *round = NULL;
    cluster_state(node->cluster, &state);
    enum status status = ask_all(node, &state, waiter, 0, &round);
    *position_out = lowest_position(round, &state);
    round_unref(round);
    if (status != STATUS_OK) {
        return asking_failed(status, waiter, diag);
    }
    status = ask_all(node, &state, waiter, *position_out, &round);
    for (unsigned i = 0; i < state.member_count; i++) {
        struct member_hash *member = &members_out[i];
        memcpy(member->name, state.members[i].member.name, sizeof(member->name));
        member->known = round->of[i].answered && round->of[i].answer.known;
        member->hash = round->of[i].answer.hash;
    }
    *count_out = state.member_count;
    round_unref(round);
    return status == STATUS_OK ? STATUS_OK : asking_failed(status, waiter, diag);
}
