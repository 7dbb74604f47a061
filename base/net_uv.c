/* net_uv.c: net.h on sockets watched by libuv (uv_poll).
 *
 * Readiness instead of uv_tcp's completions: a session reads into and writes from its own
 * buffers, and a statement that ran on a spare thread can be answered by one write() here.
 * A connect tries the addresses of a name in turn, each for NET_CONNECT_TIMEOUT_MS at most.
 *
 *   net_connect -> [resolving] -> [connecting] -> on_connect(stream)
 *        | numeric ^     | failed     | next address, or on_connect(NULL)
 *
 * Thread: that of the loop.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "base/loop_uv.h"
#include "base/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#define NET_CONNECT_TIMEOUT_MS 2000
#define NET_ACCEPT_PAUSE_MS 100
#define NET_BACKLOG 1024
#define PEER_NAME_MAX 64

/* ---- streams ---- */

/* Lives until libuv has let go of it, which is after stream_close(). */
struct poll_box {
    uv_poll_t uv;
    struct tcp_stream *stream; /* NULL once the stream is closed */
};

struct tcp_stream {
    struct stream base;
    int fd;
    unsigned watched;
    struct poll_box *poll; /* NULL: not attached */
    stream_ready_fn on_ready;
    void *arg;
    char peer_name[PEER_NAME_MAX];
};

static struct tcp_stream *
of(struct stream *base)
{
    return CONTAINER_OF(base, struct tcp_stream, base);
}

static void
name_address(const struct sockaddr_storage *address, char *name)
{
    char host[INET6_ADDRSTRLEN] = "?";
    uint16_t port = 0;
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        port = ntohs(in->sin_port);
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        port = ntohs(in6->sin6_port);
    }
    snprintf(name, PEER_NAME_MAX, "%s:%u", host, port);
}

static enum status
tcp_read(struct stream *base, void *data, size_t size, size_t *size_out, struct diag *diag)
{
    ssize_t got;
    do {
        got = recv(of(base)->fd, data, size, 0);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        *size_out = (size_t)got;
        return STATUS_OK;
    }
    if (got == 0) {
        return STATUS_NOT_FOUND;
    }
    return errno == EAGAIN ? STATUS_AGAIN
                           : diag_errno(diag, errno, "read from %s", of(base)->peer_name);
}

static enum status
tcp_write(struct stream *base, const void *data, size_t size, size_t *size_out,
          struct diag *diag)
{
    ssize_t sent;
    do {
        sent = send(of(base)->fd, data, size, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        *size_out = (size_t)sent;
        return STATUS_OK;
    }
    return errno == EAGAIN ? STATUS_AGAIN
                           : diag_errno(diag, errno, "write to %s", of(base)->peer_name);
}

static void
on_poll(uv_poll_t *uv, int status, int events)
{
    struct tcp_stream *stream = CONTAINER_OF(uv, struct poll_box, uv)->stream;
    /* An error shows itself to the next read or write. */
    unsigned ready = status < 0 ? stream->watched : 0;
    ready |= (events & UV_READABLE) != 0 ? (unsigned)STREAM_READABLE : 0;
    ready |= (events & UV_WRITABLE) != 0 ? (unsigned)STREAM_WRITABLE : 0;
    stream->on_ready(stream->arg, &stream->base, ready); /* may close the stream */
}

static void
tcp_watch(struct stream *base, unsigned wanted)
{
    struct tcp_stream *stream = of(base);
    ASSERT(stream->poll != NULL);
    if (wanted == stream->watched) {
        return;
    }
    stream->watched = wanted;
    if (wanted == 0) {
        ASSERT(uv_poll_stop(&stream->poll->uv) == 0);
        return;
    }
    int events = (wanted & STREAM_READABLE) != 0 ? UV_READABLE : 0;
    events |= (wanted & STREAM_WRITABLE) != 0 ? UV_WRITABLE : 0;
    ASSERT(uv_poll_start(&stream->poll->uv, events, on_poll) == 0);
}

static void
poll_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF((uv_poll_t *)handle, struct poll_box, uv));
}

static void
detach(struct tcp_stream *stream)
{
    if (stream->poll != NULL) {
        uv_close((uv_handle_t *)&stream->poll->uv, poll_closed);
        stream->poll = NULL;
    }
    stream->watched = 0;
}

static void
tcp_attach(struct stream *base, struct loop *loop, stream_ready_fn on_ready, void *arg)
{
    struct tcp_stream *stream = of(base);
    detach(stream);
    stream->on_ready = on_ready;
    stream->arg = arg;
    stream->poll = calloc(1, sizeof(*stream->poll));
    ASSERT(stream->poll != NULL);
    stream->poll->stream = stream;
    ASSERT(uv_poll_init(loop_uv_native(loop), &stream->poll->uv, stream->fd) == 0);
}

static void
tcp_close(struct stream *base)
{
    struct tcp_stream *stream = of(base);
    detach(stream);
    close(stream->fd);
    free(stream);
}

static const char *
tcp_peer_name(struct stream *base)
{
    return of(base)->peer_name;
}

/* Takes fd, which does not block. */
static struct stream *
stream_of_fd(int fd, const struct sockaddr_storage *peer)
{
    static const struct stream_ops ops = {tcp_read,   tcp_write, tcp_watch,
                                          tcp_attach, tcp_close, tcp_peer_name};
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    struct tcp_stream *stream = calloc(1, sizeof(*stream));
    ASSERT(stream != NULL);
    stream->base.ops = &ops;
    stream->fd = fd;
    name_address(peer, stream->peer_name);
    return &stream->base;
}

/* ---- listening ---- */

struct tcp_listener {
    struct listener base;
    int fd;
    uv_poll_t poll;
    uv_timer_t pause; /* no descriptors left: try again a little later */
    unsigned open_handle_count;
    net_accept_fn on_accept;
    void *arg;
    bool closed; /* its memory stays until libuv has let go of it */
};

static void on_acceptable(uv_poll_t *uv, int status, int events);

static void
on_pause_over(uv_timer_t *timer)
{
    struct tcp_listener *listener = CONTAINER_OF(timer, struct tcp_listener, pause);
    ASSERT(uv_poll_start(&listener->poll, UV_READABLE, on_acceptable) == 0);
}

static void
on_acceptable(uv_poll_t *uv, int status, int events)
{
    UNUSED(status);
    UNUSED(events);
    struct tcp_listener *listener = CONTAINER_OF(uv, struct tcp_listener, poll);
    while (!listener->closed) {
        struct sockaddr_storage peer = {0};
        socklen_t size = sizeof(peer);
        int fd = accept4(listener->fd, (struct sockaddr *)&peer, &size,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            listener->on_accept(listener->arg, stream_of_fd(fd, &peer));
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED) {
            continue;
        }
        if (errno != EAGAIN) {
            ASSERT(uv_poll_stop(&listener->poll) == 0);
            ASSERT(uv_timer_start(&listener->pause, on_pause_over, NET_ACCEPT_PAUSE_MS, 0) ==
                   0);
        }
        break;
    }
}

static void
listener_handle_closed(uv_handle_t *handle)
{
    struct tcp_listener *listener = handle->data;
    if (--listener->open_handle_count == 0) {
        free(listener);
    }
}

static void
tcp_listener_close(struct listener *base)
{
    struct tcp_listener *listener = CONTAINER_OF(base, struct tcp_listener, base);
    listener->closed = true;
    uv_close((uv_handle_t *)&listener->poll, listener_handle_closed);
    uv_close((uv_handle_t *)&listener->pause, listener_handle_closed);
    close(listener->fd);
}

static uint16_t
tcp_listener_port(struct listener *base)
{
    struct tcp_listener *listener = CONTAINER_OF(base, struct tcp_listener, base);
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    if (getsockname(listener->fd, (struct sockaddr *)&address, &size) != 0) {
        return 0;
    }
    return address.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&address)->sin6_port)
                                         : ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static struct addrinfo
hints_of(int flags)
{
    return (struct addrinfo){
        .ai_flags = flags, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
}

/* A bound, listening socket, or -1 and errno. */
static int
listening_socket(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, NET_BACKLOG) != 0) {
        int error_no = errno;
        close(fd);
        errno = error_no;
        return -1;
    }
    return fd;
}

static enum status
tcp_listen(struct net *net, struct loop *loop, const char *host, uint16_t port,
           net_accept_fn on_accept, void *arg, struct listener **out, struct diag *diag)
{
    char service[8];
    snprintf(service, sizeof(service), "%u", port);
    struct addrinfo hints = hints_of(AI_PASSIVE), *found = NULL;
    bool any = host == NULL || host[0] == '\0' || strcmp(host, "*") == 0;
    /* Start-up only, so that a slow name service does no harm. */
    int rc = getaddrinfo(any ? "0.0.0.0" : host, service, &hints, &found);
    if (rc != 0) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_CONFIG_FILE_ERROR,
                         "cannot find the address of \"%s\": %s", host, gai_strerror(rc));
    }
    int fd = listening_socket(found);
    int error_no = errno;
    freeaddrinfo(found);
    if (fd < 0 && error_no == EADDRINUSE) {
        return diag_fail(diag, STATUS_CONFLICT, SQLSTATE_OBJECT_IN_USE,
                         "port %u of \"%s\" is in use", port, any ? "*" : host);
    }
    if (fd < 0) {
        return diag_errno(diag, error_no, "listen on %s port %u", any ? "*" : host, port);
    }
    struct tcp_listener *listener = calloc(1, sizeof(*listener));
    ASSERT(listener != NULL);
    listener->base.net = net;
    listener->fd = fd;
    listener->on_accept = on_accept;
    listener->arg = arg;
    listener->open_handle_count = 2;
    ASSERT(uv_poll_init(loop_uv_native(loop), &listener->poll, fd) == 0);
    ASSERT(uv_timer_init(loop_uv_native(loop), &listener->pause) == 0);
    listener->poll.data = listener->pause.data = listener;
    ASSERT(uv_poll_start(&listener->poll, UV_READABLE, on_acceptable) == 0);
    *out = &listener->base;
    return STATUS_OK;
}

/* ---- connecting ---- */

struct connecting {
    struct loop_uv_pending pending;
    struct loop *loop;
    char target[NI_MAXHOST + 8];
    struct addrinfo *found, *next; /* addresses; the next one to try */
    int fd;                        /* -1: none */
    struct sockaddr_storage address;
    uv_getaddrinfo_t resolve;
    uv_poll_t poll;
    uv_timer_t timer;
    bool resolving, poll_open, ended;
    unsigned open_count; /* handles and requests that libuv still holds */
    int last_error;
    net_connect_fn on_connect;
    void *arg;
};

static void try_next(struct connecting *c);

static void
let_go(struct connecting *c)
{
    if (--c->open_count == 0 && c->ended) {
        free(c);
    }
}

static void
poll_gone(uv_handle_t *handle)
{
    let_go(handle->data);
}

static void
close_poll(struct connecting *c)
{
    if (c->poll_open) {
        c->poll_open = false;
        uv_close((uv_handle_t *)&c->poll, poll_gone);
    }
}

/* The one answer; takes fd into a stream, or reports last_error. */
static void
end_connect(struct connecting *c, bool connected)
{
    ASSERT(!c->ended);
    c->ended = true;
    list_remove(&c->pending.link);
    close_poll(c);
    uv_close((uv_handle_t *)&c->timer, poll_gone);
    if (c->resolving) {
        uv_cancel((uv_req_t *)&c->resolve);
    }
    if (c->found != NULL) {
        uv_freeaddrinfo(c->found);
    }
    struct stream *stream = connected ? stream_of_fd(c->fd, &c->address) : NULL;
    if (!connected && c->fd >= 0) {
        close(c->fd);
    }
    struct diag diag;
    diag_clear(&diag);
    if (!connected) {
        (void)diag_fail(&diag, STATUS_IO, SQLSTATE_CONNECTION_FAILURE,
                        "cannot connect to %s: %s", c->target, uv_strerror(c->last_error));
    }
    c->on_connect(c->arg, stream, &diag);
}

static void
on_connected(uv_poll_t *uv, int status, int events)
{
    UNUSED(events);
    struct connecting *c = CONTAINER_OF(uv, struct connecting, poll);
    int error_no = 0;
    socklen_t size = sizeof(error_no);
    /* libuv says EBADF for whatever the socket has met: the socket itself knows better. */
    (void)getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error_no, &size);
    if (error_no == 0 && status < 0) {
        error_no = -status;
    }
    if (error_no == 0) {
        end_connect(c, true);
        return;
    }
    c->last_error = -error_no;
    try_next(c);
}

static void
on_timeout(uv_timer_t *timer)
{
    struct connecting *c = CONTAINER_OF(timer, struct connecting, timer);
    c->last_error = UV_ETIMEDOUT;
    try_next(c);
}

/* One handle serves one address: while libuv still closes the last one, the timer (0 ms) brings
 * us back. */
static void
try_next(struct connecting *c)
{
    close_poll(c);
    if (c->fd >= 0) {
        close(c->fd);
        c->fd = -1;
    }
    if (c->next == NULL) {
        end_connect(c, false);
        return;
    }
    if (c->open_count > 1) {
        ASSERT(uv_timer_start(&c->timer, on_timeout, 0, 0) == 0);
        return;
    }
    const struct addrinfo *address = c->next;
    c->next = address->ai_next;
    memcpy(&c->address, address->ai_addr, MIN(address->ai_addrlen, sizeof(c->address)));
    c->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0 ||
        (connect(c->fd, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS)) {
        c->last_error = -errno;
        ASSERT(uv_timer_start(&c->timer, on_timeout, 0, 0) == 0);
        return;
    }
    ASSERT(uv_poll_init(loop_uv_native(c->loop), &c->poll, c->fd) == 0);
    c->poll.data = c;
    c->poll_open = true;
    c->open_count++;
    ASSERT(uv_poll_start(&c->poll, UV_WRITABLE, on_connected) == 0);
    ASSERT(uv_timer_start(&c->timer, on_timeout, NET_CONNECT_TIMEOUT_MS, 0) == 0);
}

static void
on_resolved(uv_getaddrinfo_t *resolve, int status, struct addrinfo *found)
{
    struct connecting *c = CONTAINER_OF(resolve, struct connecting, resolve);
    c->resolving = false;
    if (c->ended) {
        uv_freeaddrinfo(found);
        let_go(c);
        return;
    }
    c->open_count--;
    c->found = c->next = found;
    c->last_error = status;
    try_next(c);
}

static void
end_pending(struct loop_uv_pending *pending)
{
    struct connecting *c = CONTAINER_OF(pending, struct connecting, pending);
    c->last_error = UV_ECANCELED;
    end_connect(c, false);
}

/* The first step, one turn later for numeric addresses too: no call-back from inside the call.
 */
static void
on_begin(uv_timer_t *timer)
{
    try_next(CONTAINER_OF(timer, struct connecting, timer));
}

static enum status
tcp_connect(struct net *net, struct loop *loop, const char *host, uint16_t port,
            net_connect_fn on_connect, void *arg, struct diag *diag)
{
    UNUSED(net);
    char service[8];
    snprintf(service, sizeof(service), "%u", port);
    struct connecting *c = calloc(1, sizeof(*c));
    ASSERT(c != NULL);
    c->pending.end = end_pending;
    c->loop = loop;
    c->fd = -1;
    c->last_error = UV_EAI_NONAME;
    c->on_connect = on_connect;
    c->arg = arg;
    snprintf(c->target, sizeof(c->target), "%s:%u", host, port);
    struct addrinfo hints = hints_of(AI_NUMERICHOST);
    uv_loop_t *uv = loop_uv_native(loop);
    if (getaddrinfo(host, service, &hints, &c->found) != 0) {
        struct addrinfo name_hints = hints_of(0);
        int rc = uv_getaddrinfo(uv, &c->resolve, on_resolved, host, service, &name_hints);
        if (rc != 0) {
            free(c);
            return diag_errno(diag, -rc, "find the address of \"%s\"", host);
        }
        c->resolving = true;
        c->open_count++;
    }
    c->next = c->found;
    ASSERT(uv_timer_init(uv, &c->timer) == 0);
    c->timer.data = c;
    c->open_count++;
    loop_uv_add_pending(loop, &c->pending);
    if (!c->resolving) {
        ASSERT(uv_timer_start(&c->timer, on_begin, 0, 0) == 0);
    }
    return STATUS_OK;
}

struct net *
net_system(void)
{
    static const struct net_ops ops = {tcp_listen, tcp_listener_port, tcp_listener_close,
                                       tcp_connect};
    static struct net system = {.ops = &ops}; /* stateless */
    return &system;
}
