/* sim_world_internal.h: the parts of the simulated world, for sim_*.c only.
 *
 *   sim_world.c   events by time, the clock, nodes and their power
 *   sim_sched.c   threads, one at a time (base/sched.h)
 *   sim_loop.c    loops and timers (base/loop.h), turned by threads
 *   sim_net.c     listeners, connections, streams (base/net.h)
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/clock.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/net.h"
#include "base/sched.h"
#include "base/worker.h"
#include "tests/lib/sim_world.h"

#include <semaphore.h>

#define NS_PER_US 1000
#define NS_PER_MS 1000000
#define SIM_TURN_NS_MAX (20 * NS_PER_US)
#define SIM_BREAK_NS_LEAST (100 * (int64_t)NS_PER_MS)
#define SIM_BREAK_NS_MOST (1000 * (int64_t)NS_PER_MS)

enum sim_event_kind { /* numbers enter the trace */
                      SIM_EVENT_TEST,
                      SIM_EVENT_RESUME,
                      SIM_EVENT_DEADLINE,
                      SIM_EVENT_TIMER,
                      SIM_EVENT_BYTES,
                      SIM_EVENT_BREAK,
                      SIM_EVENT_CONNECT,
};

struct sim_chunk {
    size_t size;
    bool end; /* of the stream */
    uint8_t bytes[];
};

struct sim_event {
    int64_t at_ns;
    uint64_t seq;
    enum sim_event_kind kind;
    unsigned node;
    void *object;
    uint64_t generation; /* of deadlines and timers */
    struct sim_chunk *chunk;
    loop_fn run;
};

/* First member of what belongs to a node. A dead one is never touched by events again. */
struct sim_object {
    struct list link; /* in sim_node.objects */
    struct sim_node *node;
    bool dead;
};

struct sim_node {
    struct sim_world *world;
    unsigned number;
    bool off;
    uint64_t crash_sync;
    int64_t sync_ns_most;
    struct clock clock;
    struct net net;
    struct loops loops;
    struct sim_vfs *disk;
    struct list streams, listeners, others; /* struct sim_object */
    struct list seats;
};

struct sim_world {
    struct sched sched;
    struct rng rng;
    int64_t now_ns;
    uint64_t seq, trace, event_count;
    struct sim_event *heap;
    size_t heap_count, heap_capacity;
    struct list waiting; /* seats that wait for a key */
    sem_t turn_over;     /* posted by the thread that hands back */
    struct sim_node nodes[SIM_NODES_MAX];
    bool cut[SIM_NODES_MAX][SIM_NODES_MAX];
    int64_t delay_least_ns, delay_most_ns;
};

void sim__push(struct sim_world *world, int64_t delay_ns, struct sim_event event);
int64_t sim__between(struct sim_world *world, int64_t least, int64_t most);
void sim__trace(struct sim_world *world, uint64_t word);
void sim__adopt(struct sim_object *object, struct sim_node *node, struct list *list);

/* ---- sim_sched.c ---- */
void sim__sched_init(struct sim_world *world);
void sim__resume(struct sim_world *world, const struct sim_event *event);
void sim__deadline(struct sim_world *world, const struct sim_event *event);
/* The node of the calling thread; NULL: the world's own. */
struct sim_node *sim__my_node(void);
/* The threads of a node never run again. */
void sim__freeze(struct sim_node *node);
/* On a thread of a node that just lost its power: does not come back. */
void sim__freeze_me(struct sim_world *world);

/* ---- sim_loop.c ---- */
/* Something that a loop does in its next turn: embedded, queued once. */
struct sim_due {
    struct list link;
    void (*run)(struct sim_due *due);
};
void sim__due_init(struct sim_due *due, void (*run)(struct sim_due *due));
void sim__due(struct loop *loop, struct sim_due *due);
void sim__loops_init(struct sim_node *node);
void sim__timer_fires(const struct sim_event *event);
/* Connects under way on it end with the loop. */
struct list *sim__loop_connects(struct loop *loop);
void sim__end_connects(struct list *connects);

/* ---- sim_net.c ---- */
void sim__net_init(struct sim_node *node);
void sim__bytes_arrive(const struct sim_event *event);
void sim__stream_breaks(const struct sim_event *event);
void sim__connect_arrives(const struct sim_event *event);
/* The power of a node went: the other ends learn of it in time. */
void sim__silence(struct sim_node *node);
