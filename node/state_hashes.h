/* state_hashes.h: the state hash of the last positions, and everyone's at one common position.
 *
 * Promises: nodes with equal data have equal hashes at an equal position of the log. A node
 *           that is too far behind the others, or does not answer, has none.
 * Thread:   note on apply; the rest any.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/hash.h"
#include "base/lock.h"
#include "cluster/cluster.h"

#define STATE_HASHES_KEPT 4096

struct node;

struct state_hashes {
    struct mutex mu;
    uint64_t newest;                        /* guarded by mu, as all below */
    uint64_t oldest;                        /* 0: none */
    struct hash128 ring[STATE_HASHES_KEPT]; /* by index modulo its size */
};

void state_hashes_init(struct state_hashes *hashes);
void state_hashes_deinit(struct state_hashes *hashes);
/* Apply thread, after each entry. */
void state_hashes_note(struct state_hashes *hashes, uint64_t index, struct hash128 hash);

struct member_hash {
    char name[NODE_NAME_MAX];
    bool known;
    struct hash128 hash;
};
/* Asks all members (twice: for their positions, then for the hash at the lowest); waits up to
 * two seconds. Returns their number and the position. */
MUST_CHECK enum status state_hashes_ask(struct node *node, struct waiter *waiter,
                                        struct member_hash *members_out, unsigned *count_out,
                                        uint64_t *position_out, struct diag *diag);
/* peer_request_fn: answers what state_hashes_ask() of another node asks. arg is the node. */
void state_hashes_answer(void *arg, uint64_t from_id, uint64_t request_no,
                         struct slice request);
