/* sim_member.h: a whole server (struct node) as a machine of the simulated world.
 *
 * Promises: what runs is the product: storage, SQL, consensus, router, lanes; only REST is left
 *           out. A power loss freezes it where it stands; a start opens what its disk kept.
 * Owns:     the node; its disk is the world's.
 * Thread:   the world's, unless said. Starts and stops take simulated time: `state` tells.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/fault.h"
#include "base/hash.h"
#include "node/node.h"
#include "tests/lib/sim_world.h"

#define SIM_SQL_PORT 5432

enum sim_member_state {
    SIM_DOWN,    /* no power, or stopped */
    SIM_OPENING, /* node_open_in() runs */
    SIM_UP,
    SIM_CLOSING, /* node_close() runs */
    SIM_REFUSED, /* it did not start: `diag` */
};

struct sim_member_options {
    unsigned member_count; /* founders: members 0 to member_count - 1 */
    unsigned pool_pages, checkpoint_ms, lane_count;
    uint64_t segment_bytes;
    bool verbose;
};

struct sim_member {
    struct sim_world *world;
    unsigned number;
    struct sim_member_options options;
    enum sim_member_state state;
    struct node *node; /* while it is up */
    bool busy;         /* the test's threads are in the node: it may not be stopped */
    struct env env;
    struct faults faults;
    struct diag diag;
};

/* Writes the configuration to the member's disk. It is down. */
void sim_member_init(struct sim_member *member, struct sim_world *world, unsigned number,
                     const struct sim_member_options *options);
void sim_member_start(struct sim_member *member);
/* Like SIGTERM. Only while it is up. */
void sim_member_stop(struct sim_member *member);
void sim_member_power_off(struct sim_member *member);
/* Runs a function on a thread of the member; not when it goes down first. */
void sim_member_run(struct sim_member *member, loop_fn run, void *arg);

bool sim_member_is_primary(const struct sim_member *member);
bool sim_member_is_damaged(const struct sim_member *member);
uint64_t sim_member_applied_index(const struct sim_member *member);
/* Of the newest durable root. */
uint64_t sim_member_root_index(const struct sim_member *member);
/* Of its log. */
uint64_t sim_member_durable_index(const struct sim_member *member);
/* The newest position with a known state hash; 0: none. */
uint64_t sim_member_hashed_index(const struct sim_member *member);
/* False when the member does not remember that position. */
bool sim_member_hash_at(const struct sim_member *member, uint64_t index,
                        struct hash128 *hash_out);
/* On a thread of the member: all its structures; XX001 or XX002 in diag. */
bool sim_member_verify(struct sim_member *member, struct diag *diag);
