/* transport.h: connections among members.
 *
 * Promises: one connection out to each member, kept up (tried again every 50 to 100 ms), for
 *           what we send; one in from each, for what it sends. Messages on one connection
 *           arrive in order or not at all; what does not fit the bounded queue is dropped. An
 *           empty append that waits is replaced by a newer one. A connection begins with a
 *           hello; one of another cluster, of an unknown member, of an id that its name does
 *           not have, or of an incompatible version is closed and logged.
 * Does not: retry messages; Raft and askers do.
 * Owns:     its streams and its listener.  Borrows: env, loop.
 * Thread:   the cluster loop.
 * See:      docs/protocol/peer.md.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/env.h"
#include "base/loop.h"
#include "cluster/cluster.h"
#include "cluster/transport/message.h"

struct transport;

struct transport_ops {
    /* `message` lives until this returns. */
    void (*received)(void *arg, uint64_t from_id, const struct peer_message *message);
    /* Who it is: NULL when no member has this id. */
    const struct member *(*member)(void *arg, uint64_t id);
    /* A member said hello, or its connection in broke (hello NULL). */
    void (*heard)(void *arg, uint64_t id, const struct peer_hello *hello);
};

struct transport_options {
    struct env *env;
    struct loop *loop;
    struct peer_hello self; /* strings borrowed */
    const char *listen_host;
    uint16_t port; /* 0: any free one */
    const struct transport_ops *ops;
    void *arg;
};

MUST_CHECK enum status transport_new(const struct transport_options *options,
                                     struct transport **transport_out, struct diag *diag);
uint16_t transport_port(const struct transport *transport);
/* Keeps a connection to this member from now on. */
void transport_add(struct transport *transport, const struct member *member);
void transport_send(struct transport *transport, uint64_t to_id,
                    const struct peer_message *message);
bool transport_connected(const struct transport *transport, uint64_t id); /* out */
/* Closes everything; the loop must be deleted before transport_delete(), for it ends connects
 * that are under way. */
void transport_close(struct transport *transport);
void transport_delete(struct transport *transport); /* takes transport; NULL is fine */
