/* net.h: listening and connecting on a loop, over TCP or the simulated network.
 *
 * Promises: every socket of ours, client's or peer's, is a `struct stream`, so that TLS is one
 *           more kind of stream. Reads and writes never block: STATUS_AGAIN, and on_ready is
 *           called when it is worth another try (edge- or level-triggered: read until AGAIN).
 * Owns:     the maker of a stream closes it. After stream_close() no callback comes.
 * Thread:   that of the loop.
 * Fails:    a broken connection is STATUS_IO from read or write; end of stream is
 * STATUS_NOT_FOUND.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/loop.h"
#include "base/slice.h"

struct stream;
struct listener;
struct net;

enum stream_ready { STREAM_READABLE = 1, STREAM_WRITABLE = 2 };

/* `ready` is a set of enum stream_ready. */
typedef void (*stream_ready_fn)(void *arg, struct stream *stream, unsigned ready);
/* Takes nothing on failure (stream NULL, reason in diag). */
typedef void (*net_connect_fn)(void *arg, struct stream *stream, const struct diag *diag);
/* Gives the new stream to the callee. */
typedef void (*net_accept_fn)(void *arg, struct stream *stream);

struct stream_ops {
    enum status (*read)(struct stream *, void *data, size_t size, size_t *size_out,
                        struct diag *);
    enum status (*write)(struct stream *, const void *data, size_t size, size_t *size_out,
                         struct diag *);
    void (*watch)(struct stream *, unsigned ready_wanted);
    void (*attach)(struct stream *, struct loop *, stream_ready_fn, void *arg);
    void (*close)(struct stream *);
    const char *(*peer_name)(struct stream *);
};

struct stream {
    const struct stream_ops *ops;
};

/* At least one byte, or a status other than OK. */
MUST_CHECK enum status stream_read(struct stream *stream, void *data, size_t size,
                                   size_t *size_out, struct diag *diag);
/* Some bytes, or STATUS_AGAIN. */
MUST_CHECK enum status stream_write(struct stream *stream, const void *data, size_t size,
                                    size_t *size_out, struct diag *diag);
/* Says on which loop and to whom readiness is reported. A fresh stream has none. */
void stream_attach(struct stream *stream, struct loop *loop, stream_ready_fn on_ready,
                   void *arg);
/* What to report, a set of enum stream_ready; 0 mutes it. */
void stream_watch(struct stream *stream, unsigned ready_wanted);
void stream_close(struct stream *stream); /* takes stream; NULL is fine */
const char *stream_peer_name(struct stream *stream);

struct net_ops {
    enum status (*listen)(struct net *, struct loop *, const char *host, uint16_t port,
                          net_accept_fn, void *arg, struct listener **, struct diag *);
    uint16_t (*listener_port)(struct listener *);
    void (*listener_close)(struct listener *);
    enum status (*connect)(struct net *, struct loop *, const char *host, uint16_t port,
                           net_connect_fn, void *arg, struct diag *);
};

struct net {
    const struct net_ops *ops;
};
struct listener {
    struct net *net;
};

/* TCP with TCP_NODELAY; a constant. */
struct net *net_system(void);

/* Port 0 picks a free one. A port in use is STATUS_CONFLICT. */
MUST_CHECK enum status net_listen(struct net *net, struct loop *loop, const char *host,
                                  uint16_t port, net_accept_fn on_accept, void *arg,
                                  struct listener **listener_out, struct diag *diag);
uint16_t listener_port(struct listener *listener);
void listener_close(struct listener *listener); /* takes listener; NULL is fine */
/* `on_connect` comes exactly once, later. */
MUST_CHECK enum status net_connect(struct net *net, struct loop *loop, const char *host,
                                   uint16_t port, net_connect_fn on_connect, void *arg,
                                   struct diag *diag);
