/* member_fixture.h: members of a group in this process, on the real disk, clock and loopback,
 * behind them a list of what was applied.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/clock.h"
#include "base/env.h"
#include "base/fault.h"
#include "base/lock.h"
#include "base/loop.h"
#include "base/net.h"
#include "base/vfs.h"
#include "base/worker.h"
#include "cluster/cluster.h"

#define FIXTURE_NODES_MAX 3

struct fixture_node {
    struct env env;
    struct faults faults;
    char dir[128];
    struct cluster *cluster;
    /* Where its store stands at the next start (0: empty), and what checkpoints cover. */
    uint64_t store_index, store_term;
    _Atomic(uint64_t) checkpoint_index;
    struct mutex mu;
    struct cond changed;
    /* guarded by mu */
    uint64_t applied_index, applied_term;
    uint64_t leading_term;
    bool damaged;
    struct buf content; /* payloads of TXNS entries, one after the other */
};

struct fixture {
    char dir[64];
    uint64_t keep_bytes;
    unsigned count;
    struct member founders[FIXTURE_NODES_MAX];
    struct fixture_node nodes[FIXTURE_NODES_MAX];
};

struct fixture *fixture_new(unsigned count);
void fixture_delete(struct fixture *fixture); /* removes its files */
void fixture_start(struct fixture *fixture, unsigned node);
void fixture_stop(struct fixture *fixture,
                  unsigned node); /* content is forgotten: replayed at start */
/* Index of the node that leads and has applied its TERM_START; waits up to 10 s. */
unsigned fixture_leader(struct fixture *fixture);
/* Submits on the leader, again where it is refused, and waits until it is applied there; the
 * index of its entry is at most what it returns. */
uint64_t fixture_write(struct fixture *fixture, const char *text);
/* Waits up to 10 s until node has applied index. */
bool fixture_wait_applied(struct fixture *fixture, unsigned node, uint64_t index);
bool fixture_holds(struct fixture *fixture, unsigned node, const char *text);
