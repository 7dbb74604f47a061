/* clients.h: all connections of a node by number: for the limit and for cancel requests.
 * Owns:   nothing; a client is in it from accept to delete.
 * Thread: any. SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/lock.h"
#include "base/rng.h"

struct client;

struct clients {
    struct mutex mu;
    struct rng rng;        /* guarded by mu, as all below */
    struct client **slots; /* by pid - 1; NULL: free */
    unsigned slot_count, count;
};

/* Room for `capacity` connections and some more that will be refused politely. */
void clients_init(struct clients *clients, unsigned capacity, uint64_t seed);
void clients_deinit(struct clients *clients);
/* Gives the client its pid and secret. */
void clients_add(struct clients *clients, struct client *client);
void clients_remove(struct clients *clients, struct client *client);
unsigned clients_count(struct clients *clients);
/* Cancels what the client with this pid and secret runs; nothing if there is none. */
void clients_cancel(struct clients *clients, uint32_t pid, uint32_t secret);
