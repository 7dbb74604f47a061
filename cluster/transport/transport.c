/* transport.c: see transport.h.
 *
 *   out:  [waiting] --timer--> [connecting] --hello sent--> [open] --broken--> [waiting]
 *   in:   [fresh] --valid hello--> [known] --broken or senseless--> closed
 *
 * Nothing is read from a connection out but its end: that is how a dead peer is noticed before
 * a vote is lost in a broken pipe.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cluster/transport/transport.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/net.h"
#include "base/rng.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NS_PER_MS 1000000
#define RETRY_MS 50
#define QUEUE_BYTES_MAX ((size_t)16 << 20)
#define READ_BYTES ((size_t)64 << 10)
#define PEERS_MAX CLUSTER_MEMBERS_MAX
#define CALLERS_MAX (8U * PEERS_MAX) /* with strangers that say nothing */

enum peer_state { PEER_WAITING, PEER_CONNECTING, PEER_OPEN };

/* A connection out. */
struct peer {
    struct transport *transport;
    struct member member;
    enum peer_state state;
    struct stream *stream;
    struct loop_timer *retry;
    struct buf queue;
    size_t sent; /* bytes of the queue that are gone */
    size_t
        empty_append; /* where the last frame begins if it is an empty append; else SIZE_MAX */
    unsigned failure_count;
};

/* A connection in. */
struct caller {
    struct list link;
    struct transport *transport;
    struct stream *stream;
    uint64_t id; /* 0 until its hello */
    struct buf input;
    size_t used; /* bytes of input that are done with */
    bool closed;
    bool busy; /* its messages are being handled: free it later */
};

struct transport {
    struct transport_options options;
    struct listener *listener;
    struct peer *peers[PEERS_MAX];
    unsigned peer_count;
    struct list callers;
    unsigned caller_count;
    struct arena arena; /* of the message in hand */
    struct rng rng;
    bool closed;
};

/* ---- out ---- */

static struct peer *
find_peer(const struct transport *transport, uint64_t id)
{
    for (unsigned i = 0; i < transport->peer_count; i++) {
        if (transport->peers[i]->member.id == id) {
            return transport->peers[i];
        }
    }
    return NULL;
}

static void
peer_wait(struct peer *peer)
{
    stream_close(peer->stream);
    peer->stream = NULL;
    peer->state = PEER_WAITING;
    buf_clear(&peer->queue);
    peer->sent = 0;
    peer->empty_append = SIZE_MAX;
    if (!peer->transport->closed) {
        int64_t delay_ms = RETRY_MS + (int64_t)rng_below(&peer->transport->rng, RETRY_MS);
        loop_timer_start(peer->retry, delay_ms * NS_PER_MS);
    }
}

static void
peer_flush(struct peer *peer)
{
    while (peer->sent < peer->queue.size) {
        size_t count = 0;
        enum status status = stream_write(peer->stream, peer->queue.data + peer->sent,
                                          peer->queue.size - peer->sent, &count, NULL);
        if (status == STATUS_AGAIN) {
            stream_watch(peer->stream, STREAM_READABLE | STREAM_WRITABLE);
            return;
        }
        if (status != STATUS_OK) {
            peer_wait(peer);
            return;
        }
        peer->sent += count;
        if (peer->empty_append != SIZE_MAX && peer->sent > peer->empty_append) {
            peer->empty_append = SIZE_MAX; /* it is on its way */
        }
    }
    buf_clear(&peer->queue);
    peer->sent = 0;
    peer->empty_append = SIZE_MAX;
    stream_watch(peer->stream, STREAM_READABLE);
}

static void
peer_ready(void *arg, struct stream *stream, unsigned ready)
{
    struct peer *peer = arg;
    if ((ready & STREAM_READABLE) != 0) {
        uint8_t bytes[256];
        size_t count = 0;
        enum status status = stream_read(stream, bytes, sizeof(bytes), &count, NULL);
        if (status != STATUS_AGAIN) { /* its end, or bytes where none may come */
            peer_wait(peer);
            return;
        }
    }
    if ((ready & STREAM_WRITABLE) != 0) {
        peer_flush(peer);
    }
}

static void
peer_connected(void *arg, struct stream *stream, const struct diag *diag)
{
    struct peer *peer = arg;
    struct transport *transport = peer->transport;
    if (transport->closed) {
        stream_close(stream);
        peer->state = PEER_WAITING;
        return;
    }
    if (stream == NULL) {
        if (peer->failure_count++ == 0) {
            log_info(transport->options.env->log, "cluster", "member=%s is not reachable: %s",
                     peer->member.name, diag->message);
        }
        peer_wait(peer);
        return;
    }
    peer->failure_count = 0;
    peer->state = PEER_OPEN;
    peer->stream = stream;
    stream_attach(stream, transport->options.loop, peer_ready, peer);
    struct peer_message hello = {.kind = PEER_HELLO, .hello = transport->options.self};
    peer_message_encode(&peer->queue, &hello);
    peer_flush(peer);
}

static void
peer_retry(void *arg)
{
    struct peer *peer = arg;
    struct transport *transport = peer->transport;
    struct diag diag = {0};
    ASSERT(peer->state == PEER_WAITING);
    peer->state = PEER_CONNECTING;
    if (net_connect(transport->options.env->net, transport->options.loop, peer->member.host,
                    peer->member.peer_port, peer_connected, peer, &diag) != STATUS_OK) {
        peer_wait(peer);
    }
}

void
transport_add(struct transport *transport, const struct member *member)
{
    if (find_peer(transport, member->id) != NULL || transport->peer_count == PEERS_MAX) {
        return;
    }
    struct peer *peer = calloc(1, sizeof(*peer));
    ASSERT(peer != NULL);
    peer->transport = transport;
    peer->member = *member;
    peer->state = PEER_WAITING;
    peer->empty_append = SIZE_MAX;
    peer->retry = loop_timer_new(transport->options.loop, peer_retry, peer);
    loop_timer_start(peer->retry, 0);
    transport->peers[transport->peer_count++] = peer;
}

void
transport_send(struct transport *transport, uint64_t to_id, const struct peer_message *message)
{
    struct peer *peer = find_peer(transport, to_id);
    if (peer == NULL || peer->state != PEER_OPEN || transport->closed ||
        fault_fires(transport->options.env->faults, FAULT_MESSAGE_DROPPED)) {
        return;
    }
    bool empty_append = message->kind == PEER_APPEND && message->entry_count == 0;
    if (empty_append && peer->empty_append != SIZE_MAX) {
        peer->queue.size = peer->empty_append; /* what waits is superseded */
    } else if (peer->queue.size - peer->sent > QUEUE_BYTES_MAX) {
        return;
    }
    bool idle = peer->queue.size == peer->sent;
    if (idle) {
        buf_clear(&peer->queue);
        peer->sent = 0;
    }
    peer->empty_append = empty_append ? peer->queue.size : SIZE_MAX;
    peer_message_encode(&peer->queue, message);
    if (idle) {
        peer_flush(peer);
    }
}

bool
transport_connected(const struct transport *transport, uint64_t id)
{
    const struct peer *peer = find_peer(transport, id);
    return peer != NULL && peer->state == PEER_OPEN;
}

/* ---- in ---- */

static void
caller_free(struct caller *caller)
{
    caller->transport->caller_count--;
    list_remove(&caller->link);
    buf_deinit(&caller->input);
    free(caller);
}

static void
caller_close(struct caller *caller)
{
    if (caller->closed) {
        return;
    }
    struct transport *transport = caller->transport;
    uint64_t id = caller->id;
    caller->closed = true;
    stream_close(caller->stream);
    if (!caller->busy) {
        caller_free(caller);
    }
    if (id != 0 && !transport->closed) {
        transport->options.ops->heard(transport->options.arg, id, NULL);
    }
}

/* The reason to turn a caller away; NULL: none. */
static const char *
objection(const struct transport *transport, const struct peer_hello *hello)
{
    const struct peer_hello *self = &transport->options.self;
    if (strcmp(hello->cluster_name, self->cluster_name) != 0) {
        return "it belongs to another cluster";
    }
    if (hello->min_reader > PEER_PROTOCOL || self->min_reader > hello->protocol) {
        return "its version does not talk to ours";
    }
    const struct member *member =
        transport->options.ops->member(transport->options.arg, hello->node_id);
    if (member == NULL) {
        return "it is no member";
    }
    if (strcmp(member->name, hello->node_name) != 0) {
        return "its id belongs to another name";
    }
    return NULL;
}

/* False: close it. */
static bool
caller_hello(struct caller *caller, const struct peer_hello *hello)
{
    struct transport *transport = caller->transport;
    const char *why = objection(transport, hello);
    if (why != NULL) {
        log_warning(transport->options.env->log, "cluster",
                    "turned away node=%s cluster=%s at=%s: %s", hello->node_name,
                    hello->cluster_name, stream_peer_name(caller->stream), why);
        return false;
    }
    /* A member has one connection in: an older one is a leftover. */
    LIST_EACH(it, &transport->callers)
    {
        struct caller *other = LIST_ITEM(it, struct caller, link);
        if (other != caller && other->id == hello->node_id && !other->busy) {
            other->id = 0;
            caller_close(other);
        }
    }
    caller->id = hello->node_id;
    transport->options.ops->heard(transport->options.arg, caller->id, hello);
    return true;
}

/* False: close it. */
static bool
caller_handle(struct caller *caller, struct slice frame)
{
    struct transport *transport = caller->transport;
    struct peer_message message;
    struct diag diag = {0};
    arena_reset(&transport->arena);
    if (peer_message_decode(frame, &transport->arena, &message, &diag) != STATUS_OK) {
        log_warning(transport->options.env->log, "cluster", "from=%s: %s",
                    stream_peer_name(caller->stream), diag.message);
        return false;
    }
    if (message.kind == PEER_HELLO) {
        return caller->id == 0 && caller_hello(caller, &message.hello);
    }
    if (caller->id == 0) {
        return false;
    }
    transport->options.ops->received(transport->options.arg, caller->id, &message);
    return true;
}

/* Handles whole frames; false: close it. */
static bool
caller_drain(struct caller *caller)
{
    for (;;) {
        struct slice rest =
            slice_make(caller->input.data + caller->used, caller->input.size - caller->used);
        size_t size = 0;
        if (peer_frame_size(rest, &size, NULL) != STATUS_OK) {
            return false;
        }
        if (size == 0) {
            break;
        }
        caller->used += size;
        if (!caller_handle(caller, slice_make(rest.data, size)) || caller->closed) {
            return false;
        }
    }
    buf_consume(&caller->input, caller->used);
    caller->used = 0;
    return true;
}

static void
caller_ready(void *arg, struct stream *stream, unsigned ready)
{
    UNUSED(ready);
    struct caller *caller = arg;
    bool good = true;
    caller->busy = true;
    while (good) {
        size_t count = 0;
        uint8_t *at = buf_reserve(&caller->input, READ_BYTES);
        enum status status = stream_read(stream, at, READ_BYTES, &count, NULL);
        if (status == STATUS_AGAIN) {
            break;
        }
        good = status == STATUS_OK;
        if (good) {
            caller->input.size += count;
            good = caller_drain(caller);
        }
        if (good && count < READ_BYTES) {
            break; /* most likely all there is; if not we are called again */
        }
    }
    caller->busy = false;
    if (caller->closed) {
        caller_free(caller);
    } else if (!good) {
        caller_close(caller);
    }
}

static void
accepted(void *arg, struct stream *stream)
{
    struct transport *transport = arg;
    if (transport->caller_count == CALLERS_MAX) {
        stream_close(stream);
        return;
    }
    struct caller *caller = calloc(1, sizeof(*caller));
    ASSERT(caller != NULL);
    caller->transport = transport;
    caller->stream = stream;
    transport->caller_count++;
    list_push_back(&transport->callers, &caller->link);
    stream_attach(stream, transport->options.loop, caller_ready, caller);
    stream_watch(stream, STREAM_READABLE);
}

/* ---- lifecycle ---- */

enum status
transport_new(const struct transport_options *options, struct transport **transport_out,
              struct diag *diag)
{
    *transport_out = NULL;
    struct transport *transport = calloc(1, sizeof(*transport));
    ASSERT(transport != NULL);
    transport->options = *options;
    list_init(&transport->callers);
    arena_init(&transport->arena);
    rng_seed(&transport->rng, options->env->seed ^ options->self.node_id ^ 0x7472616eULL);
    enum status status =
        net_listen(options->env->net, options->loop, options->listen_host, options->port,
                   accepted, transport, &transport->listener, diag);
    if (status != STATUS_OK) {
        transport_delete(transport);
        return status;
    }
    *transport_out = transport;
    return STATUS_OK;
}

uint16_t
transport_port(const struct transport *transport)
{
    return listener_port(transport->listener);
}

void
transport_close(struct transport *transport)
{
    transport->closed = true;
    listener_close(transport->listener);
    transport->listener = NULL;
    for (unsigned i = 0; i < transport->peer_count; i++) {
        struct peer *peer = transport->peers[i];
        stream_close(peer->stream);
        peer->stream = NULL;
        loop_timer_delete(peer->retry);
        peer->retry = NULL;
    }
    while (!list_empty(&transport->callers)) {
        caller_close(LIST_FIRST(&transport->callers, struct caller, link));
    }
}

void
transport_delete(struct transport *transport)
{
    if (transport == NULL) {
        return;
    }
    for (unsigned i = 0; i < transport->peer_count; i++) {
        buf_deinit(&transport->peers[i]->queue);
        free(transport->peers[i]);
    }
    arena_deinit(&transport->arena);
    free(transport);
}
