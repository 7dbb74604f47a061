/* core.h: the Raft state machine of one member: libraft's raft_step() behind checked calls.
 *
 * Promises: acts on an update in the order that Raft needs: term and vote durable first, then
 *           entries handed to the log, then messages. Entries a leader sends go out while it
 *           writes them itself. What reaches raft_step() meets its preconditions (libraft is
 *           built without assertions).
 * Does not: move bytes (the caller sends), apply, or keep entries (cluster/log does).
 * Owns:     its timer and data/raft/state.  Borrows: loop, wal, env.
 * Thread:   the cluster loop; callbacks come from inside the calls.
 * Fails:    a failed write of term and vote, or a log that contradicts a committed one, stops
 *           it: `failed` is called once and every call after that is refused.
 * See:      cluster/consensus/README.md. The only files that include raft.h are here.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/env.h"
#include "base/loop.h"
#include "cluster/log/wal.h"
#include "cluster/membership/members.h"
#include "cluster/transport/message.h"

struct core;

/* Types of log entries as stored; those of libraft. */
enum core_entry_type { CORE_COMMAND = 1, CORE_BARRIER = 2, CORE_CHANGE = 3 };

enum core_role { CORE_FOLLOWER, CORE_CANDIDATE, CORE_LEADER };

struct core_ops {
    void (*send)(void *arg, uint64_t to_id, const struct peer_message *message);
    /* Role, term or known leader changed. */
    void (*changed)(void *arg);
    void (*committed)(void *arg, uint64_t index);
    /* A follower needs entries that the log has no more. */
    void (*left_behind)(void *arg, uint64_t id);
    void (*failed)(void *arg, const struct diag *diag);
};

struct core_options {
    struct env *env;
    struct loop *loop;
    struct wal *wal;
    const char *state_dir; /* data/raft */
    uint64_t id;
    int64_t election_timeout_ms, heartbeat_ms;
    /* The store's position; 0: it starts empty. */
    uint64_t applied_index, applied_term;
    const struct core_ops *ops;
    void *arg;
};

/* The bytes of log entry 1: the same on all founders. */
void core_encode_members(const struct members *members, struct buf *bytes_out);
MUST_CHECK enum status core_decode_members(struct slice bytes, struct members *members_out,
                                           struct diag *diag);

MUST_CHECK enum status core_new(const struct core_options *options, struct core **core_out,
                                struct diag *diag);
/* Reads term, vote and configuration, and begins: callbacks may come at once. */
MUST_CHECK enum status core_start(struct core *core, struct diag *diag);
void core_delete(struct core *core); /* takes core; NULL is fine */

/* The message is checked here; a senseless one is ignored. */
void core_receive(struct core *core, uint64_t from_id, const struct peer_message *message);
/* Takes the items in any case; all have the current term. STATUS_NOT_LEADER: none was logged.
 */
MUST_CHECK enum status core_submit(struct core *core, struct wal_item **items, unsigned count,
                                   uint64_t *first_index_out);
/* The log says that more is durable. */
void core_persisted(struct core *core);
/* Entries below the log's first index are gone; those up to `index` are in a durable root. */
void core_compacted(struct core *core, uint64_t index);
/* Begins to hand leadership over; `id` 0: libraft picks. */
MUST_CHECK enum status core_transfer(struct core *core, uint64_t id, struct diag *diag);
/* Stops taking part: no message, vote or acknowledgement leaves any more. */
void core_halt(struct core *core);

enum core_role core_role(const struct core *core);
uint64_t core_term(const struct core *core);
uint64_t core_leader_id(const struct core *core); /* 0: unknown */
uint64_t core_commit_index(const struct core *core);
uint64_t core_transferee(const struct core *core); /* 0: none */
const struct members *core_members(const struct core *core);
