/* clients.h: all connections of a node by number: for the limit and for cancel requests.
 * Owns:   nothing; a client is in it from accept to delete.
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/lock.h"
#include "base/rng.h"

struct client;

struct clients {
    struct mutex mu;
    struct rng rng;        /* guarded by mu, as all below */
    struct client **slots; /* NULL: free */
    unsigned slot_count, count;
    unsigned rank;   /* of this node among the members */
    uint32_t number; /* of the newest connection */
};

/* Room for `capacity` connections and some more that will be refused politely. */
void clients_init(struct clients *clients, unsigned capacity, uint64_t seed);
void clients_deinit(struct clients *clients);
/* Before the first client: the node's place among the members, which makes pids of theirs
 * differ from its own. */
void clients_set_rank(struct clients *clients, unsigned rank);
/* Gives the client its pid, which no other session of the cluster has now, and its secret. */
void clients_add(struct clients *clients, struct client *client);
void clients_remove(struct clients *clients, struct client *client);
unsigned clients_count(struct clients *clients);
/* Cancels what the client with this pid and secret runs; nothing if there is none. */
void clients_cancel(struct clients *clients, uint32_t pid, uint32_t secret);
