/* sim_world.h: a world for several nodes in one process, from one seed.
 *
 * Promises: nodes and their clients run as threads, but only one at a time: whoever would block
 *           (a lock, a wait, a disk, a sleep) hands over, and the world lets happen what comes
 *           next in simulated time. Everything that happens is an event with a time drawn from
 *           the seed; the same seed and the same calls give the same events, whatever the
 *           machine does: sim_world_trace() is a hash over all of them, of the bytes sent and
 *           of the operations on disks.
 *           Connections deliver bytes in order after a delay. Over a cut link bytes are lost,
 *           and both ends learn of it some time later, as with TCP.
 * Does not: take time for computing. Push back: a write to a connection never has to wait.
 *           Free the threads of a node that lost its power: they stand still for ever, as the
 *           machine does, and hold their memory until the process ends. So a process simulates
 *           one world.
 * Owns:     loops, timers, streams, disks of its nodes.
 * Thread:   the one that made it steps it ("the world's"); it must not block.
 * See:      base/sched.h for the seam; sim_world_internal.h for its parts.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/env.h"
#include "base/loop.h"
#include "base/rng.h"
#include "tests/lib/sim_vfs.h"

#define SIM_NODES_MAX 32

struct sim_world;

struct sim_world *sim_world_new(uint64_t seed);

/* Disk, clock, network, threads and loops of one node. A node listens and connects under the
 * host name "127.0.0.N", N = its number + 1. Its disk stays the same in all its lives. */
void sim_world_env(struct sim_world *world, unsigned node, struct env *env_out);
struct sim_vfs *sim_world_disk(struct sim_world *world, unsigned node);

/* A thread of a node; what it starts belongs to the node as well. */
void sim_world_start(struct sim_world *world, unsigned node, const char *name, loop_fn run,
                     void *arg);
/* One event; false when there is none at or before `until_ns`: then it is that time. */
bool sim_world_step(struct sim_world *world, int64_t until_ns);
int64_t sim_world_now_ns(const struct sim_world *world);
uint64_t sim_world_trace(const struct sim_world *world);
uint64_t sim_world_event_count(const struct sim_world *world);
/* Of the world's thread and all others. */
struct rng *sim_world_rng(struct sim_world *world);

/* An event of the test's own, on the world's thread. */
void sim_world_at(struct sim_world *world, int64_t delay_ns, loop_fn run, void *arg);

/* The power of a node goes: its threads stop where they stand, its connections are silent, of
 * its disk's unsynced writes the seed decides. Not from a thread of that node. */
void sim_world_power_off(struct sim_world *world, unsigned node);
/* The same at its `count`-th sync from now, before it takes effect; 0: never. */
void sim_world_power_off_at_sync(struct sim_world *world, unsigned node, uint64_t count);
bool sim_world_is_off(const struct sim_world *world, unsigned node);
/* The disk works again; the caller starts the node. */
void sim_world_power_on(struct sim_world *world, unsigned node);

/* Both directions of the link between two nodes. */
void sim_world_cut(struct sim_world *world, unsigned a, unsigned b, bool cut);
/* Breaks the connections between two nodes; new ones can be made. */
void sim_world_reset_connections(struct sim_world *world, unsigned a, unsigned b);
/* How long bytes travel: between least and most, drawn for each write. */
void sim_world_delay(struct sim_world *world, int64_t least_ns, int64_t most_ns);
/* How long a sync takes at most; other operations take a twentieth. */
void sim_world_disk_delay(struct sim_world *world, unsigned node, int64_t most_ns);
