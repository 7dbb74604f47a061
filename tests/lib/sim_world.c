/* sim_world.c: events by time, the clock, the nodes and their power. See sim_world.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/sim_world_internal.h"

#include <stdlib.h>

#define WALL_START_US 1700000000000000
#define WRITE_WAITS_ONE_IN 4

/* ---- events: a binary heap by time, then order of making ---- */

static bool
earlier(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->seq < b->seq;
}

static void
swap(struct sim_event *a, struct sim_event *b)
{
    struct sim_event held = *a;
    *a = *b;
    *b = held;
}

void
sim__push(struct sim_world *world, int64_t delay_ns, struct sim_event event)
{
    if (world->heap_count == world->heap_capacity) {
        world->heap_capacity = MAX((size_t)256, world->heap_capacity * 2);
        world->heap = realloc(world->heap, world->heap_capacity * sizeof(event));
        ASSERT(world->heap != NULL);
    }
    event.at_ns = world->now_ns + MAX(delay_ns, 0);
    event.seq = world->seq++;
    size_t i = world->heap_count++;
    world->heap[i] = event;
    while (i > 0 && earlier(&world->heap[i], &world->heap[(i - 1) / 2])) {
        swap(&world->heap[i], &world->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static struct sim_event
pop(struct sim_world *world)
{
    struct sim_event first = world->heap[0];
    world->heap[0] = world->heap[--world->heap_count];
    for (size_t i = 0;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++) {
            if (child < world->heap_count &&
                earlier(&world->heap[child], &world->heap[least])) {
                least = child;
            }
        }
        if (least == i) {
            return first;
        }
        swap(&world->heap[i], &world->heap[least]);
        i = least;
    }
}

int64_t
sim__between(struct sim_world *world, int64_t least, int64_t most)
{
    return least + (int64_t)rng_below(&world->rng, (uint64_t)(most - least) + 1);
}

void
sim__trace(struct sim_world *world, uint64_t word)
{
    world->trace = hash_word(world->trace ^ hash_word(word));
}

static void
run_event(struct sim_world *world, const struct sim_event *event)
{
    switch (event->kind) {
    case SIM_EVENT_TEST:
        event->run(event->object);
        break;
    case SIM_EVENT_RESUME:
        sim__resume(world, event);
        break;
    case SIM_EVENT_DEADLINE:
        sim__deadline(world, event);
        break;
    case SIM_EVENT_TIMER:
        sim__timer_fires(event);
        break;
    case SIM_EVENT_BYTES:
        sim__bytes_arrive(event);
        break;
    case SIM_EVENT_BREAK:
        sim__stream_breaks(event);
        break;
    case SIM_EVENT_CONNECT:
        sim__connect_arrives(event);
        break;
    }
}

bool
sim_world_step(struct sim_world *world, int64_t until_ns)
{
    if (world->heap_count == 0 || world->heap[0].at_ns > until_ns) {
        world->now_ns = MAX(world->now_ns, until_ns);
        return false;
    }
    struct sim_event event = pop(world);
    world->now_ns = event.at_ns;
    world->event_count++;
    sim__trace(world, (uint64_t)event.at_ns ^ ((uint64_t)event.kind << 56) ^
                          ((uint64_t)event.node << 48) ^ (event.seq << 20));
    run_event(world, &event);
    return true;
}

void
sim_world_at(struct sim_world *world, int64_t delay_ns, loop_fn run, void *arg)
{
    sim__push(world, delay_ns,
              (struct sim_event){
                  .kind = SIM_EVENT_TEST, .node = SIM_NODES_MAX, .object = arg, .run = run});
}

/* ---- clock ---- */

static int64_t
sim_monotonic_ns(struct clock *clock)
{
    return CONTAINER_OF(clock, struct sim_node, clock)->world->now_ns;
}

static int64_t
sim_wall_us(struct clock *clock)
{
    return WALL_START_US + sim_monotonic_ns(clock) / NS_PER_US;
}

/* ---- disks take time, and are where the power goes ---- */

static void
before_disk(void *arg, const struct sim_operation *operation)
{
    struct sim_node *node = arg;
    struct sim_world *world = node->world;
    struct sched *sched = &world->sched;
    if (sim__my_node() != node) {
        return; /* the test looks at it, or its power goes while the world's thread runs */
    }
    bool is_sync = operation->kind == SIM_OPERATION_SYNC;
    sim__trace(world, operation->offset ^ ((uint64_t)operation->kind << 60) ^
                          (operation->size << 40) ^ operation->hash);
    if (is_sync && node->crash_sync > 0 && --node->crash_sync == 0) {
        sim_world_power_off(world, node->number);
        sim__freeze_me(world);
    }
    int64_t most_ns = is_sync ? node->sync_ns_most : node->sync_ns_most / 20;
    if (operation->kind != SIM_OPERATION_WRITE ||
        rng_below(&world->rng, WRITE_WAITS_ONE_IN) == 0) {
        sched->ops->pause(sched, sim__between(world, 0, most_ns));
    }
}

/* ---- nodes ---- */

void
sim__adopt(struct sim_object *object, struct sim_node *node, struct list *list)
{
    object->node = node;
    list_push_back(list, &object->link);
}

static void
node_init(struct sim_world *world, unsigned number, uint64_t seed)
{
    struct sim_node *node = &world->nodes[number];
    node->world = world;
    node->number = number;
    node->clock = (struct clock){sim_monotonic_ns, sim_wall_us};
    node->sync_ns_most = NS_PER_MS;
    list_init(&node->streams);
    list_init(&node->listeners);
    list_init(&node->others);
    list_init(&node->seats);
    sim__net_init(node);
    sim__loops_init(node);
    node->disk = sim_vfs_new(seed * SIM_NODES_MAX + number);
    sim_vfs_on_operation(node->disk, before_disk, node);
}

struct sim_world *
sim_world_new(uint64_t seed)
{
    struct sim_world *world = calloc(1, sizeof(*world));
    ASSERT(world != NULL);
    rng_seed(&world->rng, seed);
    world->delay_least_ns = 50 * NS_PER_US;
    world->delay_most_ns = 500 * NS_PER_US;
    world->now_ns = NS_PER_MS;
    sim__sched_init(world);
    for (unsigned i = 0; i < SIM_NODES_MAX; i++) {
        node_init(world, i, seed);
    }
    return world;
}

void
sim_world_env(struct sim_world *world, unsigned number, struct env *env_out)
{
    ASSERT(number < SIM_NODES_MAX);
    struct sim_node *node = &world->nodes[number];
    *env_out = (struct env){.vfs = sim_vfs_base(node->disk),
                            .clock = &node->clock,
                            .net = &node->net,
                            .workers = workers_system(), /* on threads of the world */
                            .loops = &node->loops,
                            .seed = rng_next(&world->rng)};
}

struct sim_vfs *
sim_world_disk(struct sim_world *world, unsigned node)
{
    return world->nodes[node].disk;
}

static void
bury(struct list *objects)
{
    LIST_EACH(it, objects)
    {
        LIST_ITEM(it, struct sim_object, link)->dead = true;
    }
}

void
sim_world_power_off(struct sim_world *world, unsigned number)
{
    struct sim_node *node = &world->nodes[number];
    if (node->off) {
        return;
    }
    node->off = true;
    node->crash_sync = 0;
    sim_vfs_power_off(node->disk);
    sim__freeze(node);
    sim__silence(node);
    bury(&node->streams);
    bury(&node->listeners);
    bury(&node->others);
}

void
sim_world_power_off_at_sync(struct sim_world *world, unsigned node, uint64_t count)
{
    world->nodes[node].crash_sync = count;
}

bool
sim_world_is_off(const struct sim_world *world, unsigned node)
{
    return world->nodes[node].off;
}

void
sim_world_power_on(struct sim_world *world, unsigned node)
{
    ASSERT(world->nodes[node].off);
    world->nodes[node].off = false;
    sim_vfs_power_on(world->nodes[node].disk);
}

/* ---- observers and settings ---- */

int64_t
sim_world_now_ns(const struct sim_world *world)
{
    return world->now_ns;
}

uint64_t
sim_world_trace(const struct sim_world *world)
{
    return world->trace;
}

uint64_t
sim_world_event_count(const struct sim_world *world)
{
    return world->event_count;
}

struct rng *
sim_world_rng(struct sim_world *world)
{
    return &world->rng;
}

void
sim_world_cut(struct sim_world *world, unsigned a, unsigned b, bool cut)
{
    world->cut[a][b] = world->cut[b][a] = cut;
}

void
sim_world_delay(struct sim_world *world, int64_t least_ns, int64_t most_ns)
{
    world->delay_least_ns = least_ns;
    world->delay_most_ns = most_ns;
}

void
sim_world_disk_delay(struct sim_world *world, unsigned node, int64_t most_ns)
{
    world->nodes[node].sync_ns_most = most_ns;
}
