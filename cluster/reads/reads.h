/* reads.h: linearizable reads: ReadIndex (Ongaro's thesis, 6.4), batched.
 *
 * Promises: `done` gets the commit index as of a moment after the call, at which this member
 * was still the leader: a majority answered a ping, sent after that index was read, in our
 *           term. All that asked before a ping was sent share its round.
 * Does not: send (the caller does, when reads_begin() says so).
 * Thread:   the cluster loop.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cluster/cluster.h"
#include "cluster/membership/members.h"

struct read_waiter {
    read_index_fn done;
    void *arg;
};

struct read_list {
    struct read_waiter *waiters;
    size_t count, capacity;
};

struct reads {
    struct read_list waiting, asked; /* for the next round; in the round under way */
    uint64_t round;                  /* number of the round under way or of the last one */
    uint64_t term, index;            /* of the round under way */
    uint64_t answered[CLUSTER_MEMBERS_MAX]; /* this member first */
    unsigned answered_count;
    uint64_t quick[CLUSTER_MEMBERS_MAX]; /* who made up the majority of the round before */
    unsigned quick_count;
};

void reads_init(struct reads *reads);
void reads_deinit(struct reads *reads);
void reads_add(struct reads *reads, read_index_fn done, void *arg);
bool reads_waiting(const struct reads *reads);
/* Begins a round if one is due; true: ping reads->quick now with reads->round, or everyone if
 * there are none; whoever has not answered by the next tick is pinged then, and all others. A
 * sole voter's round ends at once. `commit_index` must belong to the leader's own term already.
 */
bool reads_begin(struct reads *reads, uint64_t term, uint64_t commit_index,
                 const struct members *members, uint64_t self_id);
/* A member answered ping `round` and was in `term` then. True: the round ended. */
bool reads_answered(struct reads *reads, uint64_t from_id, uint64_t term, uint64_t round,
                    const struct members *members);
/* Not the leader any more (or shutting down): all get `status`. */
void reads_fail(struct reads *reads, enum status status);
