/* asks.h: requests to other members that wait for their replies.
 * Thread: the cluster loop.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/list.h"
#include "cluster/cluster.h"

struct asks {
    struct list pending;
    uint64_t next_no;
};

void asks_init(struct asks *asks);
/* Returns the number that the reply will name. */
uint64_t asks_add(struct asks *asks, uint64_t to_id, int64_t deadline_ns, peer_reply_fn done,
                  void *arg);
void asks_replied(struct asks *asks, uint64_t from_id, uint64_t number, struct slice reply);
void asks_expire(struct asks *asks, int64_t now_ns);
void asks_fail(struct asks *asks, enum status status); /* all of them */
