/* sim_world.h: a world for several nodes in one process and one thread, from one seed.
 *
 * Promises: everything that happens (a loop's call, a timer, a worker's step, bytes arriving)
 * is an event with a time; the next one is the earliest, times are drawn from the seed. The
 * same seed and the same calls give the same events: sim_world_trace() is a hash over all of
 * them. Connections deliver bytes in order after a delay. Over a cut link bytes are lost, and
 *           both ends learn of it some time later, as with TCP.
 * Does not: make disks (tests/lib/sim_vfs.h) or run sessions as threads.
 * Owns:     loops, timers, workers, streams of its nodes.
 * Thread:   one. SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/env.h"
#include "base/loop.h"
#include "base/rng.h"

#define SIM_NODES_MAX 8

struct sim_world;

struct sim_world *sim_world_new(uint64_t seed);
void sim_world_delete(struct sim_world *world); /* takes world; all users are closed. */

/* Clock, network, workers and loops of one node, to be put into its env. A node listens and
 * connects under the host name "node0", "node1", ... */
void sim_world_env(struct sim_world *world, unsigned node, struct env *env_out);

/* One event; false when there is none at or before `until_ns`: then it is that time. */
bool sim_world_step(struct sim_world *world, int64_t until_ns);
int64_t sim_world_now_ns(const struct sim_world *world);
uint64_t sim_world_trace(const struct sim_world *world);
uint64_t sim_world_event_count(const struct sim_world *world);
struct rng *sim_world_rng(struct sim_world *world);

/* An event of the test's own. */
void sim_world_at(struct sim_world *world, int64_t delay_ns, loop_fn run, void *arg);

/* Both directions of the link between two nodes. */
void sim_world_cut(struct sim_world *world, unsigned a, unsigned b, bool cut);
/* How long bytes travel: between least and most, drawn for each write. */
void sim_world_delay(struct sim_world *world, int64_t least_ns, int64_t most_ns);
/* How long a worker's step lies behind its kick. */
void sim_world_work_delay(struct sim_world *world, int64_t least_ns, int64_t most_ns);
