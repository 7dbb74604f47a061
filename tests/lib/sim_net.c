/* sim_net.c: listeners and connections of the simulated world.
 *
 *   net_connect -> CONNECT event -> [accept: due on the listener's loop]
 *                                -> [on_connect: due on the caller's loop]
 *   stream_write -> BYTES event -> input of the other end -> [ready: due on its loop]
 *
 * Bytes that meet a cut link, a dead end or a machine without power are lost, and the
 * connection with them: what is left of it breaks some time later.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "tests/lib/sim_world_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define SHORT_WRITE_ONE_IN 32

struct sim_stream {
    struct sim_object object;
    struct stream base;
    struct sim_due ready_due, accept_due;
    struct loop *loop; /* NULL: not attached */
    struct sim_listener *listener;
    struct sim_stream *peer;
    struct buf input;
    size_t used;
    bool ended, broken; /* what reads find behind the input */
    bool break_due;
    int64_t last_arrival_ns; /* of what was written to the peer */
    unsigned watched;
    stream_ready_fn on_ready;
    void *arg;
    char name[32];
};

struct sim_listener {
    struct sim_object object;
    struct listener base;
    struct loop *loop;
    uint16_t port;
    net_accept_fn on_accept;
    void *arg;
};

struct sim_connect {
    struct sim_object object;
    struct list link; /* in the connects of its loop */
    struct sim_due due;
    struct loop *loop;
    unsigned to;
    uint16_t port;
    struct sim_stream *stream; /* NULL: refused */
    net_connect_fn on_connect;
    void *arg;
};

static struct sim_stream *
stream_of(struct stream *base)
{
    return CONTAINER_OF(base, struct sim_stream, base);
}

static bool
readable(const struct sim_stream *stream)
{
    return stream->input.size > stream->used || stream->ended || stream->broken;
}

static unsigned
ready_now(const struct sim_stream *stream)
{
    unsigned ready = stream->watched & (unsigned)STREAM_WRITABLE;
    if (readable(stream)) {
        ready |= stream->watched & (unsigned)STREAM_READABLE;
    }
    return ready;
}

static void
tell_ready(struct sim_stream *stream)
{
    if (!stream->object.dead && stream->loop != NULL && ready_now(stream) != 0) {
        sim__due(stream->loop, &stream->ready_due);
    }
}

static void
run_ready(struct sim_due *due)
{
    struct sim_stream *stream = CONTAINER_OF(due, struct sim_stream, ready_due);
    unsigned ready = ready_now(stream);
    if (!stream->object.dead && ready != 0) {
        stream->on_ready(stream->arg, &stream->base, ready);
        tell_ready(stream);
    }
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
break_after(struct sim_stream *stream, int64_t least_ns, int64_t most_ns)
{
    struct sim_world *world = stream->object.node->world;
    if (!stream->break_due && !stream->object.dead) {
        stream->break_due = true;
        sim__push(world, sim__between(world, least_ns, most_ns),
                  (struct sim_event){.kind = SIM_EVENT_BREAK,
                                     .node = stream->object.node->number,
                                     .object = stream});
    }
}

static void
break_both(struct sim_stream *stream)
{
    break_after(stream, SIM_BREAK_NS_LEAST, SIM_BREAK_NS_MOST);
    break_after(stream->peer, SIM_BREAK_NS_LEAST, SIM_BREAK_NS_MOST);
}

static bool
link_is_cut(const struct sim_node *a, const struct sim_node *b)
{
    return a->world->cut[a->number][b->number] || a->off || b->off;
}

/* Sends a chunk on its way, or loses it and the connection with it. */
static void
deliver(struct sim_stream *from, const void *data, size_t size, bool end)
{
    struct sim_world *world = from->object.node->world;
    struct sim_stream *to = from->peer;
    if (link_is_cut(from->object.node, to->object.node) || to->object.dead || from->break_due ||
        to->break_due) {
        break_both(from);
        return;
    }
    struct sim_chunk *chunk = malloc(sizeof(*chunk) + size);
    ASSERT(chunk != NULL);
    chunk->size = size;
    chunk->end = end;
    if (size > 0) {
        memcpy(chunk->bytes, data, size);
        sim__trace(world, hash64(slice_make(data, size), size));
    }
    int64_t at_ns =
        world->now_ns + sim__between(world, world->delay_least_ns, world->delay_most_ns);
    from->last_arrival_ns = MAX(from->last_arrival_ns + 1, at_ns);
    sim__push(world, from->last_arrival_ns - world->now_ns,
              (struct sim_event){.kind = SIM_EVENT_BYTES,
                                 .node = to->object.node->number,
                                 .object = to,
                                 .chunk = chunk});
}

static enum status
sim_write(struct stream *base, const void *data, size_t size, size_t *size_out,
          struct diag *diag)
{
    struct sim_stream *stream = stream_of(base);
    struct sim_world *world = stream->object.node->world;
    if (stream->broken) {
        return diag_fail(diag, STATUS_IO, SQLSTATE_CONNECTION_FAILURE, "connection broke");
    }
    bool cut_short = size > 1 && rng_below(&world->rng, SHORT_WRITE_ONE_IN) == 0;
    *size_out = cut_short ? 1 + (size_t)rng_below(&world->rng, size - 1) : size;
    deliver(stream, data, *size_out, false);
    return STATUS_OK;
}

static void
sim_watch(struct stream *base, unsigned wanted)
{
    stream_of(base)->watched = wanted;
    tell_ready(stream_of(base));
}

static void
sim_attach(struct stream *base, struct loop *loop, stream_ready_fn on_ready, void *arg)
{
    struct sim_stream *stream = stream_of(base);
    list_remove(&stream->ready_due.link);
    stream->loop = loop;
    stream->on_ready = on_ready;
    stream->arg = arg;
    stream->watched = 0;
}

static void
sim_close(struct stream *base)
{
    struct sim_stream *stream = stream_of(base);
    stream->object.dead = true;
    list_remove(&stream->ready_due.link);
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
accept_due(struct sim_due *due)
{
    struct sim_stream *stream = CONTAINER_OF(due, struct sim_stream, accept_due);
    struct sim_listener *listener = stream->listener;
    listener->on_accept(listener->arg, &stream->base);
}

static struct sim_stream *
stream_new(struct sim_node *node, const struct sim_node *peer)
{
    static const struct stream_ops ops = {sim_read,   sim_write, sim_watch,
                                          sim_attach, sim_close, sim_peer_name};
    struct sim_stream *stream = calloc(1, sizeof(*stream));
    ASSERT(stream != NULL);
    sim__adopt(&stream->object, node, &node->streams);
    stream->base.ops = &ops;
    sim__due_init(&stream->ready_due, run_ready);
    sim__due_init(&stream->accept_due, accept_due);
    snprintf(stream->name, sizeof(stream->name), "127.0.0.%u", peer->number + 1);
    return stream;
}

static uint16_t
sim_listener_port(struct listener *base)
{
    return CONTAINER_OF(base, struct sim_listener, base)->port;
}

/* Connections that nobody accepted yet end with it. */
static void
sim_listener_close(struct listener *base)
{
    struct sim_listener *listener = CONTAINER_OF(base, struct sim_listener, base);
    listener->object.dead = true;
    LIST_EACH(it, &listener->object.node->streams)
    {
        struct sim_stream *stream = LIST_ITEM(it, struct sim_stream, object.link);
        if (stream->listener == listener && !list_empty(&stream->accept_due.link)) {
            list_remove(&stream->accept_due.link);
            sim_close(&stream->base);
        }
    }
}

static struct sim_listener *
find_listener(struct sim_node *node, uint16_t port)
{
    LIST_EACH(it, &node->listeners)
    {
        struct sim_listener *listener = LIST_ITEM(it, struct sim_listener, object.link);
        if (listener->port == port && !listener->object.dead) {
            return listener;
        }
    }
    return NULL;
}

static enum status
sim_listen(struct net *net, struct loop *loop, const char *host, uint16_t port,
           net_accept_fn on_accept, void *arg, struct listener **out, struct diag *diag)
{
    struct sim_node *node = CONTAINER_OF(net, struct sim_node, net);
    ASSERT(port != 0);
    if (find_listener(node, port) != NULL) {
        return diag_fail(diag, STATUS_CONFLICT, SQLSTATE_OBJECT_IN_USE,
                         "port %u of \"%s\" is in use", port, host);
    }
    struct sim_listener *listener = calloc(1, sizeof(*listener));
    ASSERT(listener != NULL);
    sim__adopt(&listener->object, node, &node->listeners);
    listener->base.net = net;
    listener->loop = loop;
    listener->port = port;
    listener->on_accept = on_accept;
    listener->arg = arg;
    *out = &listener->base;
    return STATUS_OK;
}

/* ---- connecting ---- */

static void
connect_due(struct sim_due *due)
{
    struct sim_connect *connect = CONTAINER_OF(due, struct sim_connect, due);
    connect->object.dead = true;
    list_remove(&connect->link);
    if (connect->stream == NULL) {
        struct diag diag = {0};
        STATUS_IGNORED(diag_fail(&diag, STATUS_IO, SQLSTATE_CONNECTION_FAILURE,
                                 "not reachable")); /* it is the message that counts */
        connect->on_connect(connect->arg, NULL, &diag);
        return;
    }
    connect->on_connect(connect->arg, &connect->stream->base, NULL);
}

/* The loop goes: who asked must hear of it. */
void
sim__end_connects(struct list *connects)
{
    while (!list_empty(connects)) {
        struct sim_connect *connect = LIST_FIRST(connects, struct sim_connect, link);
        list_remove(&connect->due.link);
        if (connect->stream != NULL) {
            sim_close(&connect->stream->base);
            connect->stream = NULL;
        }
        connect_due(&connect->due);
    }
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
    sim__adopt(&connect->object, node, &node->others);
    sim__due_init(&connect->due, connect_due);
    unsigned number = 0;
    ASSERT(sscanf(host, "127.0.0.%u", &number) == 1 && number >= 1 && number <= SIM_NODES_MAX);
    connect->to = number - 1;
    connect->port = port;
    connect->on_connect = on_connect;
    connect->loop = loop;
    connect->arg = arg;
    list_push_back(sim__loop_connects(loop), &connect->link);
    bool cut = link_is_cut(node, &world->nodes[connect->to]);
    sim__push(
        world,
        cut ? sim__between(world, SIM_BREAK_NS_LEAST, SIM_BREAK_NS_MOST)
            : 2 * sim__between(world, world->delay_least_ns, world->delay_most_ns),
        (struct sim_event){.kind = SIM_EVENT_CONNECT, .node = node->number, .object = connect});
    return STATUS_OK;
}

void
sim__connect_arrives(const struct sim_event *event)
{
    struct sim_connect *connect = event->object;
    if (connect->object.dead) {
        return;
    }
    struct sim_node *from = connect->object.node, *to = &from->world->nodes[connect->to];
    struct sim_listener *listener = find_listener(to, connect->port);
    if (listener != NULL && !link_is_cut(from, to)) {
        struct sim_stream *near = stream_new(from, to), *far = stream_new(to, from);
        near->peer = far;
        far->peer = near;
        far->listener = listener;
        connect->stream = near;
        sim__due(listener->loop, &far->accept_due);
    }
    sim__due(connect->loop, &connect->due);
}

/* ---- events ---- */

void
sim__bytes_arrive(const struct sim_event *event)
{
    struct sim_stream *stream = event->object;
    if (!stream->object.dead && !stream->broken && !stream->break_due) {
        buf_append(&stream->input, event->chunk->bytes, event->chunk->size);
        stream->ended = stream->ended || event->chunk->end;
        tell_ready(stream);
    }
    free(event->chunk);
}

void
sim__stream_breaks(const struct sim_event *event)
{
    struct sim_stream *stream = event->object;
    stream->broken = true;
    tell_ready(stream);
}

void
sim__silence(struct sim_node *node)
{
    LIST_EACH(it, &node->streams)
    {
        struct sim_stream *stream = LIST_ITEM(it, struct sim_stream, object.link);
        if (!stream->object.dead) {
            break_after(stream->peer, SIM_BREAK_NS_LEAST, SIM_BREAK_NS_MOST);
        }
    }
}

void
sim_world_reset_connections(struct sim_world *world, unsigned a, unsigned b)
{
    LIST_EACH(it, &world->nodes[a].streams)
    {
        struct sim_stream *stream = LIST_ITEM(it, struct sim_stream, object.link);
        if (!stream->object.dead && stream->peer->object.node->number == b) {
            break_after(stream, 0, NS_PER_MS);
            break_after(stream->peer, 0, NS_PER_MS);
        }
    }
}

void
sim__net_init(struct sim_node *node)
{
    static const struct net_ops table = {sim_listen, sim_listener_port, sim_listener_close,
                                         sim_connect};
    node->net.ops = &table;
}
