/* sim_world.c: see sim_world.h.
 *
 * Objects that events point to (timers, workers, loops, streams) are marked dead when their
 * owner deletes them and freed with the world: an event that meets a dead one does nothing.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/sim_world.h"
#include "base/clock.h"
#include "base/errors.h"
#include "base/hash.h"
#include "base/net.h"
#include "base/worker.h"

#include <stdio.h>
#include <stdlib.h>

#define NS_PER_US 1000
#define NS_PER_MS 1000000
#define TURN_NS_MAX (20 * NS_PER_US)
#define BREAK_NS_LEAST (100 * (int64_t)NS_PER_MS)
#define BREAK_NS_MOST (1000 * (int64_t)NS_PER_MS)
#define WALL_START_US 1700000000000000

enum event_kind {
    EVENT_TIMER,
    EVENT_CALLS,
    EVENT_WORK,
    EVENT_BYTES,
    EVENT_READY,
    EVENT_BREAK,
    EVENT_CONNECT,
    EVENT_TEST
};

struct event {
    int64_t at_ns;
    uint64_t seq;
    enum event_kind kind;
    void *object;
    uint64_t generation; /* timers: of the start that made it */
    struct chunk *chunk; /* bytes */
    loop_fn run;
};

struct chunk {
    size_t size;
    bool end; /* of the stream */
    uint8_t bytes[];
};

/* First member of all objects. */
struct object {
    struct object *next; /* of all, for the end */
    void (*free)(struct object *);
    unsigned node;
    bool dead;
};

struct sim_node {
    struct sim_world *world;
    unsigned number;
    struct clock clock;
    struct net net;
    struct workers workers;
    struct loops loops;
};

struct sim_world {
    struct rng rng;
    int64_t now_ns;
    uint64_t seq, trace, event_count;
    struct event *heap;
    size_t heap_count, heap_capacity;
    struct object *objects;
    struct sim_node nodes[SIM_NODES_MAX];
    bool cut[SIM_NODES_MAX][SIM_NODES_MAX];
    int64_t delay_least_ns, delay_most_ns, work_least_ns, work_most_ns;
};

/* ---- events: a binary heap by time, then order of making ---- */

static bool
earlier(const struct event *a, const struct event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->seq < b->seq;
}

static void
swap(struct event *a, struct event *b)
{
    struct event held = *a;
    *a = *b;
    *b = held;
}

static void
push(struct sim_world *world, int64_t delay_ns, struct event event)
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

static struct event
pop(struct sim_world *world)
{
    struct event first = world->heap[0];
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

static int64_t
between(struct sim_world *world, int64_t least, int64_t most)
{
    return least + (int64_t)rng_below(&world->rng, (uint64_t)(most - least) + 1);
}

static void
adopt(struct sim_world *world, struct object *object, unsigned node,
      void (*free_fn)(struct object *))
{
    object->next = world->objects;
    object->free = free_fn;
    object->node = node;
    world->objects = object;
}

static void
free_plain(struct object *object)
{
    free(object);
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

/* ---- loops ---- */

struct sim_loop {
    struct object object;
    struct loop base;
    struct sim_world *world;
    struct list posted;
    bool driven, turn_due;
};

struct sim_timer {
    struct object object;
    struct loop_timer base;
    struct sim_loop *loop;
    uint64_t generation;
    bool running;
    loop_fn run;
    void *arg;
};

static struct sim_loop *
loop_of(struct loop *base)
{
    return CONTAINER_OF(base, struct sim_loop, base);
}

static struct sim_timer *
timer_of(struct loop_timer *base)
{
    return CONTAINER_OF(base, struct sim_timer, base);
}

static void
sim_loop_destroy(struct loop *base)
{
    loop_of(base)->object.dead = true;
}

static int64_t
sim_loop_now_ns(struct loop *base)
{
    return loop_of(base)->world->now_ns;
}

static void
sim_loop_post(struct loop *base, struct loop_call *call)
{
    struct sim_loop *loop = loop_of(base);
    list_push_back(&loop->posted, &call->link);
    if (!loop->turn_due) {
        loop->turn_due = true;
        push(loop->world, between(loop->world, 1, TURN_NS_MAX),
             (struct event){.kind = EVENT_CALLS, .object = loop});
    }
}

static void
run_calls(struct sim_loop *loop)
{
    struct list now;
    list_init(&now);
    loop->turn_due = false;
    while (!list_empty(&loop->posted)) {
        struct list *link = loop->posted.next;
        list_remove(link);
        list_push_back(&now, link);
    }
    while (!list_empty(&now)) {
        struct loop_call *call = LIST_FIRST(&now, struct loop_call, link);
        list_remove(&call->link);
        atomic_store(&call->queued, false);
        call->run(call->arg);
    }
}

static void
sim_loop_run_once(struct loop *base, bool may_wait)
{
    UNUSED(base);
    UNUSED(may_wait);
    ASSERT(!"the world turns its loops itself");
}

static void
sim_loop_stop(struct loop *base)
{
    loop_of(base)->driven = false;
}

static struct loop_timer *
sim_timer_new(struct loop *base, loop_fn run, void *arg)
{
    struct sim_loop *loop = loop_of(base);
    struct sim_timer *timer = calloc(1, sizeof(*timer));
    ASSERT(timer != NULL);
    adopt(loop->world, &timer->object, loop->object.node, free_plain);
    timer->base.loop = base;
    timer->loop = loop;
    timer->run = run;
    timer->arg = arg;
    return &timer->base;
}

static void
sim_timer_start(struct loop_timer *base, int64_t delay_ns)
{
    struct sim_timer *timer = timer_of(base);
    timer->running = true;
    timer->generation++;
    push(timer->loop->world, delay_ns + between(timer->loop->world, 0, TURN_NS_MAX),
         (struct event){.kind = EVENT_TIMER, .object = timer, .generation = timer->generation});
}

static void
sim_timer_stop(struct loop_timer *base)
{
    timer_of(base)->running = false;
}

static void
sim_timer_delete(struct loop_timer *base)
{
    timer_of(base)->running = false;
    timer_of(base)->object.dead = true;
}

static const struct loop_ops loop_table = {
    sim_loop_destroy, sim_loop_now_ns, sim_loop_post,  sim_loop_run_once, sim_loop_stop,
    sim_timer_new,    sim_timer_start, sim_timer_stop, sim_timer_delete};

static enum status
sim_loops_create(struct loops *loops, struct loop **out, struct diag *diag)
{
    UNUSED(diag);
    struct sim_node *node = CONTAINER_OF(loops, struct sim_node, loops);
    struct sim_loop *loop = calloc(1, sizeof(*loop));
    ASSERT(loop != NULL);
    adopt(node->world, &loop->object, node->number, free_plain);
    loop->base.ops = &loop_table;
    loop->world = node->world;
    list_init(&loop->posted);
    *out = &loop->base;
    return STATUS_OK;
}

static enum status
sim_loops_start(struct loops *loops, struct loop *loop, enum thread_role role, const char *name,
                struct loop_driver **out, struct diag *diag)
{
    UNUSED(role);
    UNUSED(name);
    UNUSED(diag);
    struct loop_driver *driver = calloc(1, sizeof(*driver));
    ASSERT(driver != NULL);
    *driver = (struct loop_driver){.loops = loops, .loop = loop};
    loop_of(loop)->driven = true;
    *out = driver;
    return STATUS_OK;
}

static void
sim_loops_stop(struct loop_driver *driver)
{
    loop_stop(driver->loop);
    free(driver);
}

/* ---- workers ---- */

struct sim_worker {
    struct object object;
    struct worker base;
    struct sim_world *world;
    worker_step_fn step;
    void *arg;
    bool due;
};

static struct sim_worker *
worker_of(struct worker *base)
{
    return CONTAINER_OF(base, struct sim_worker, base);
}

static void
schedule_work(struct sim_worker *worker)
{
    if (!worker->due) {
        worker->due = true;
        push(worker->world,
             between(worker->world, worker->world->work_least_ns, worker->world->work_most_ns),
             (struct event){.kind = EVENT_WORK, .object = worker});
    }
}

static enum status
sim_worker_start(struct workers *workers, enum thread_role role, const char *name,
                 worker_step_fn step, void *arg, struct worker **out, struct diag *diag)
{
    UNUSED(role);
    UNUSED(name);
    UNUSED(diag);
    struct sim_node *node = CONTAINER_OF(workers, struct sim_node, workers);
    struct sim_worker *worker = calloc(1, sizeof(*worker));
    ASSERT(worker != NULL);
    adopt(node->world, &worker->object, node->number, free_plain);
    worker->base.workers = workers;
    worker->world = node->world;
    worker->step = step;
    worker->arg = arg;
    *out = &worker->base;
    return STATUS_OK;
}

static void
sim_worker_kick(struct worker *base)
{
    schedule_work(worker_of(base));
}

static void
sim_worker_stop(struct worker *base)
{
    worker_of(base)->object.dead = true;
}

/* ---- network ---- */

struct sim_stream {
    struct object object;
    struct stream base;
    struct sim_world *world;
    struct sim_stream *peer;
    struct buf input;
    size_t used;
    bool ended, broken; /* what reads find behind the input */
    bool break_due, ready_due;
    int64_t last_arrival_ns; /* of what was written to the peer */
    unsigned watched;
    stream_ready_fn on_ready;
    void *arg;
    char name[32];
};

struct sim_listener {
    struct object object;
    struct listener base;
    uint16_t port;
    net_accept_fn on_accept;
    void *arg;
};

struct sim_connect {
    struct object object;
    struct sim_world *world;
    unsigned to;
    uint16_t port;
    net_connect_fn on_connect;
    struct sim_loop *loop;
    void *arg;
};

static struct sim_stream *
stream_of(struct stream *base)
{
    return CONTAINER_OF(base, struct sim_stream, base);
}

static void
schedule_ready(struct sim_stream *stream)
{
    if (!stream->ready_due && stream->watched != 0) {
        stream->ready_due = true;
        push(stream->world, between(stream->world, 1, TURN_NS_MAX),
             (struct event){.kind = EVENT_READY, .object = stream});
    }
}

static bool
readable(const struct sim_stream *stream)
{
    return stream->input.size > stream->used || stream->ended || stream->broken;
}

static enum status
sim_read(struct stream *base, void *data, size_t size, size_t *size_out, struct diag *diag)
{
    struct sim_stream *stream = stream_of(base);
    size_t left = stream->input.size - stream->used;
    if (left > 0) {
        *size_out = MIN(left, size);
        memcpy(data, stream->input.data + stream->used, *size_out);
        stream->used += *size_out;
        if (stream->used == stream->input.size) {
            buf_clear(&stream->input);
            stream->used = 0;
        }
        return STATUS_OK;
    }
    if (stream->broken) {
        return diag_fail(diag, STATUS_IO, SQLSTATE_CONNECTION_FAILURE, "connection broke");
    }
    return stream->ended ? STATUS_NOT_FOUND : STATUS_AGAIN;
}

static void
break_later(struct sim_stream *stream)
{
    if (!stream->break_due) {
        stream->break_due = true;
        push(stream->world, between(stream->world, BREAK_NS_LEAST, BREAK_NS_MOST),
             (struct event){.kind = EVENT_BREAK, .object = stream});
    }
}

/* Sends a chunk on its way, or loses it and the connection with it. */
static void
deliver(struct sim_stream *from, const void *data, size_t size, bool end)
{
    struct sim_world *world = from->world;
    struct sim_stream *to = from->peer;
    if (world->cut[from->object.node][to->object.node] || from->break_due || to->break_due) {
        break_later(from);
        break_later(to);
        return;
    }
    struct chunk *chunk = malloc(sizeof(*chunk) + size);
    ASSERT(chunk != NULL);
    chunk->size = size;
    chunk->end = end;
    if (size > 0) {
        memcpy(chunk->bytes, data, size);
    }
    int64_t at_ns = world->now_ns + between(world, world->delay_least_ns, world->delay_most_ns);
    from->last_arrival_ns = MAX(from->last_arrival_ns + 1, at_ns);
    push(world, from->last_arrival_ns - world->now_ns,
         (struct event){.kind = EVENT_BYTES, .object = to, .chunk = chunk});
}

static enum status
sim_write(struct stream *base, const void *data, size_t size, size_t *size_out,
          struct diag *diag)
{
    struct sim_stream *stream = stream_of(base);
    if (stream->broken) {
        return diag_fail(diag, STATUS_IO, SQLSTATE_CONNECTION_FAILURE, "connection broke");
    }
    deliver(stream, data, size, false);
    *size_out = size;
    return STATUS_OK;
}

static void
sim_watch(struct stream *base, unsigned wanted)
{
    struct sim_stream *stream = stream_of(base);
    stream->watched = wanted;
    if ((wanted & STREAM_WRITABLE) != 0 ||
        ((wanted & STREAM_READABLE) != 0 && readable(stream))) {
        schedule_ready(stream);
    }
}

static void
sim_attach(struct stream *base, struct loop *loop, stream_ready_fn on_ready, void *arg)
{
    UNUSED(loop);
    stream_of(base)->on_ready = on_ready;
    stream_of(base)->arg = arg;
    stream_of(base)->watched = 0;
}

static void
sim_close(struct stream *base)
{
    struct sim_stream *stream = stream_of(base);
    stream->object.dead = true;
    if (!stream->peer->object.dead) {
        deliver(stream, NULL, 0, true);
    }
}

static const char *
sim_peer_name(struct stream *base)
{
    return stream_of(base)->name;
}

static void
free_stream(struct object *object)
{
    struct sim_stream *stream = CONTAINER_OF(object, struct sim_stream, object);
    buf_deinit(&stream->input);
    free(stream);
}

static struct sim_stream *
stream_new(struct sim_world *world, unsigned node, unsigned peer)
{
    static const struct stream_ops ops = {sim_read,   sim_write, sim_watch,
                                          sim_attach, sim_close, sim_peer_name};
    struct sim_stream *stream = calloc(1, sizeof(*stream));
    ASSERT(stream != NULL);
    adopt(world, &stream->object, node, free_stream);
    stream->base.ops = &ops;
    stream->world = world;
    snprintf(stream->name, sizeof(stream->name), "node%u", peer);
    return stream;
}

static uint16_t
sim_listener_port(struct listener *base)
{
    return CONTAINER_OF(base, struct sim_listener, base)->port;
}

static void
sim_listener_close(struct listener *base)
{
    CONTAINER_OF(base, struct sim_listener, base)->object.dead = true;
}

static void
free_listener(struct object *object)
{
    free(CONTAINER_OF(object, struct sim_listener, object));
}

static enum status
sim_listen(struct net *net, struct loop *loop, const char *host, uint16_t port,
           net_accept_fn on_accept, void *arg, struct listener **out, struct diag *diag)
{
    UNUSED(loop);
    UNUSED(host);
    UNUSED(diag);
    struct sim_node *node = CONTAINER_OF(net, struct sim_node, net);
    struct sim_listener *listener = calloc(1, sizeof(*listener));
    ASSERT(listener != NULL);
    ASSERT(port != 0);
    adopt(node->world, &listener->object, node->number, free_listener);
    listener->base.net = net;
    listener->port = port;
    listener->on_accept = on_accept;
    listener->arg = arg;
    *out = &listener->base;
    return STATUS_OK;
}

static struct sim_listener *
find_listener(struct sim_world *world, unsigned node, uint16_t port)
{
    for (struct object *it = world->objects; it != NULL; it = it->next) {
        if (it->free == free_listener && it->node == node && !it->dead) {
            struct sim_listener *listener = CONTAINER_OF(it, struct sim_listener, object);
            if (listener->port == port) {
                return listener;
            }
        }
    }
    return NULL;
}

static enum status
sim_connect(struct net *net, struct loop *loop, const char *host, uint16_t port,
            net_connect_fn on_connect, void *arg, struct diag *diag)
{
    UNUSED(diag);
    struct sim_node *node = CONTAINER_OF(net, struct sim_node, net);
    struct sim_world *world = node->world;
    struct sim_connect *connect = calloc(1, sizeof(*connect));
    ASSERT(connect != NULL);
    adopt(world, &connect->object, node->number, free_plain);
    connect->world = world;
    ASSERT(sscanf(host, "node%u", &connect->to) == 1);
    connect->port = port;
    connect->on_connect = on_connect;
    connect->loop = loop_of(loop);
    connect->arg = arg;
    bool cut = world->cut[node->number][connect->to];
    push(world,
         cut ? between(world, BREAK_NS_LEAST, BREAK_NS_MOST)
             : 2 * between(world, world->delay_least_ns, world->delay_most_ns),
         (struct event){.kind = EVENT_CONNECT, .object = connect});
    return STATUS_OK;
}

static void
run_connect(struct sim_connect *connect)
{
    struct sim_world *world = connect->world;
    unsigned from = connect->object.node;
    struct sim_listener *listener = find_listener(world, connect->to, connect->port);
    connect->object.dead = true;
    if (connect->loop->object.dead || !connect->loop->driven) {
        return; /* its owner is gone */
    }
    if (listener == NULL || world->cut[from][connect->to]) {
        struct diag diag = {0};
        (void)diag_fail(&diag, STATUS_IO, SQLSTATE_CONNECTION_FAILURE, "not reachable");
        connect->on_connect(connect->arg, NULL, &diag);
        return;
    }
    struct sim_stream *near = stream_new(world, from, connect->to);
    struct sim_stream *far = stream_new(world, connect->to, from);
    near->peer = far;
    far->peer = near;
    listener->on_accept(listener->arg, &far->base);
    connect->on_connect(connect->arg, &near->base, NULL);
}

/* ---- the world ---- */

static void
run_ready(struct sim_stream *stream)
{
    stream->ready_due = false;
    unsigned ready = (stream->watched & STREAM_WRITABLE) != 0 ? (unsigned)STREAM_WRITABLE : 0;
    if ((stream->watched & STREAM_READABLE) != 0 && readable(stream)) {
        ready |= (unsigned)STREAM_READABLE;
    }
    if (ready == 0) {
        return;
    }
    stream->on_ready(stream->arg, &stream->base, ready);
    if (!stream->object.dead &&
        ((stream->watched & STREAM_WRITABLE) != 0 ||
         (readable(stream) && (stream->watched & STREAM_READABLE) != 0))) {
        schedule_ready(stream);
    }
}

static void
run_bytes(struct sim_stream *stream, struct chunk *chunk)
{
    if (!stream->object.dead && !stream->broken && !stream->break_due) {
        buf_append(&stream->input, chunk->bytes, chunk->size);
        stream->ended = stream->ended || chunk->end;
        schedule_ready(stream);
    }
    free(chunk);
}

static void
run_timer(struct sim_timer *timer, uint64_t generation)
{
    if (timer->running && timer->generation == generation && timer->loop->driven) {
        timer->running = false;
        timer->run(timer->arg);
    }
}

static void
run_event(struct event *event)
{
    struct object *object = event->object;
    if (event->kind == EVENT_TEST) {
        event->run(event->object);
        return;
    }
    if (event->kind == EVENT_BYTES) {
        run_bytes(CONTAINER_OF(object, struct sim_stream, object), event->chunk);
        return;
    }
    if (object->dead) {
        return;
    }
    struct sim_loop *loop = CONTAINER_OF(object, struct sim_loop, object);
    struct sim_worker *worker = CONTAINER_OF(object, struct sim_worker, object);
    struct sim_stream *stream = CONTAINER_OF(object, struct sim_stream, object);
    switch (event->kind) {
    case EVENT_TIMER:
        run_timer(CONTAINER_OF(object, struct sim_timer, object), event->generation);
        break;
    case EVENT_CALLS:
        if (loop->driven) {
            run_calls(loop);
        }
        break;
    case EVENT_WORK:
        worker->due = false;
        if (worker->step(worker->arg) && !object->dead) {
            schedule_work(worker);
        }
        break;
    case EVENT_READY:
        run_ready(stream);
        break;
    case EVENT_BREAK:
        stream->broken = true;
        schedule_ready(stream);
        break;
    case EVENT_CONNECT:
        run_connect(CONTAINER_OF(object, struct sim_connect, object));
        break;
    default:
        break;
    }
}

static void
note(struct sim_world *world, const struct event *event)
{
    unsigned node =
        event->kind == EVENT_TEST ? SIM_NODES_MAX : ((struct object *)event->object)->node;
    uint64_t size = event->chunk == NULL ? 0 : event->chunk->size;
    uint64_t word = (uint64_t)event->at_ns ^ ((uint64_t)event->kind << 56) ^
                    ((uint64_t)node << 48) ^ (size << 20);
    world->trace = hash_word(world->trace ^ hash_word(word + event->seq));
    world->event_count++;
}

bool
sim_world_step(struct sim_world *world, int64_t until_ns)
{
    if (world->heap_count == 0 || world->heap[0].at_ns > until_ns) {
        world->now_ns = MAX(world->now_ns, until_ns);
        return false;
    }
    struct event event = pop(world);
    world->now_ns = MAX(world->now_ns, event.at_ns);
    note(world, &event);
    run_event(&event);
    return true;
}

struct sim_world *
sim_world_new(uint64_t seed)
{
    struct sim_world *world = calloc(1, sizeof(*world));
    ASSERT(world != NULL);
    rng_seed(&world->rng, seed);
    world->delay_least_ns = 50 * NS_PER_US;
    world->delay_most_ns = 500 * NS_PER_US;
    world->work_least_ns = 10 * NS_PER_US;
    world->work_most_ns = 1000 * NS_PER_US;
    world->now_ns = NS_PER_MS;
    return world;
}

void
sim_world_delete(struct sim_world *world)
{
    while (world->heap_count > 0) {
        struct event event = pop(world);
        free(event.chunk);
    }
    while (world->objects != NULL) {
        struct object *object = world->objects;
        world->objects = object->next;
        object->free(object);
    }
    free(world->heap);
    free(world);
}

void
sim_world_env(struct sim_world *world, unsigned number, struct env *env_out)
{
    static const struct net_ops net_table = {sim_listen, sim_listener_port, sim_listener_close,
                                             sim_connect};
    static const struct workers_ops worker_table = {sim_worker_start, sim_worker_kick,
                                                    sim_worker_stop};
    static const struct loops_ops loops_table = {sim_loops_create, sim_loops_start,
                                                 sim_loops_stop};
    ASSERT(number < SIM_NODES_MAX);
    struct sim_node *node = &world->nodes[number];
    *node = (struct sim_node){.world = world,
                              .number = number,
                              .clock = {sim_monotonic_ns, sim_wall_us},
                              .net = {&net_table},
                              .workers = {&worker_table},
                              .loops = {&loops_table}};
    env_out->clock = &node->clock;
    env_out->net = &node->net;
    env_out->workers = &node->workers;
    env_out->loops = &node->loops;
}

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
sim_world_at(struct sim_world *world, int64_t delay_ns, loop_fn run, void *arg)
{
    push(world, delay_ns, (struct event){.kind = EVENT_TEST, .object = arg, .run = run});
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
sim_world_work_delay(struct sim_world *world, int64_t least_ns, int64_t most_ns)
{
    world->work_least_ns = least_ns;
    world->work_most_ns = most_ns;
}
