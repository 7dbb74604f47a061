/* clients.c: see clients.h. SPDX-License-Identifier: Apache-2.0 */
#include "node/clients.h"
#include "cluster/cluster.h"
#include "node/client.h"

#include <stdlib.h>

/* A pid is number * CLUSTER_MEMBERS_MAX + rank + 1, positive as an int4. */
#define NUMBER_MAX ((uint32_t)INT32_MAX / CLUSTER_MEMBERS_MAX - 1)

void
clients_init(struct clients *clients, unsigned capacity, uint64_t seed)
{
    mutex_init(&clients->mu, LOCK_RANK_NODE);
    rng_seed(&clients->rng, seed ^ 0x636c69656e747321ULL);
    clients->slot_count = capacity;
    clients->count = 0;
    clients->rank = 0;
    clients->number = 0;
    clients->slots = calloc(capacity, sizeof(*clients->slots));
    ASSERT(clients->slots != NULL);
}

void
clients_deinit(struct clients *clients)
{
    ASSERT(clients->count == 0);
    free(clients->slots);
    mutex_deinit(&clients->mu);
}

void
clients_set_rank(struct clients *clients, unsigned rank)
{
    ASSERT(rank < CLUSTER_MEMBERS_MAX);
    mutex_lock(&clients->mu);
    ASSERT(clients->count == 0);
    clients->rank = rank;
    mutex_unlock(&clients->mu);
}

/* The slot of the client with that pid, or the slot count. Under mu. */
static unsigned
slot_of(const struct clients *clients, uint32_t pid)
{
    unsigned slot = 0;
    while (slot < clients->slot_count &&
           (clients->slots[slot] == NULL || clients->slots[slot]->pid != pid)) {
        slot++;
    }
    return slot;
}

/* Numbers come again late: a pid that somebody wrote down names nobody else soon after. */
static uint32_t
next_pid(struct clients *clients)
{
    uint32_t pid;
    do {
        clients->number = clients->number == NUMBER_MAX ? 0 : clients->number + 1;
        pid = clients->number * CLUSTER_MEMBERS_MAX + clients->rank + 1;
    } while (slot_of(clients, pid) < clients->slot_count);
    return pid;
}

static unsigned
free_slot(struct clients *clients)
{
    for (unsigned i = 0; i < clients->slot_count; i++) {
        if (clients->slots[i] == NULL) {
            return i;
        }
    }
    unsigned grown = clients->slot_count * 2;
    clients->slots = realloc(clients->slots, grown * sizeof(*clients->slots));
    ASSERT(clients->slots != NULL);
    for (unsigned i = clients->slot_count; i < grown; i++) {
        clients->slots[i] = NULL;
    }
    unsigned slot = clients->slot_count;
    clients->slot_count = grown;
    return slot;
}

void
clients_add(struct clients *clients, struct client *client)
{
    mutex_lock(&clients->mu);
    unsigned slot = free_slot(clients);
    client->pid = next_pid(clients);
    clients->slots[slot] = client;
    clients->count++;
    client->secret = (uint32_t)rng_next(&clients->rng);
    mutex_unlock(&clients->mu);
}

void
clients_remove(struct clients *clients, struct client *client)
{
    mutex_lock(&clients->mu);
    unsigned slot = slot_of(clients, client->pid);
    ASSERT(slot < clients->slot_count && clients->slots[slot] == client);
    clients->slots[slot] = NULL;
    clients->count--;
    mutex_unlock(&clients->mu);
}

unsigned
clients_count(struct clients *clients)
{
    mutex_lock(&clients->mu);
    unsigned count = clients->count;
    mutex_unlock(&clients->mu);
    return count;
}

void
clients_cancel(struct clients *clients, uint32_t pid, uint32_t secret)
{
    mutex_lock(&clients->mu);
    unsigned slot = slot_of(clients, pid);
    if (slot < clients->slot_count && clients->slots[slot]->secret == secret) {
        waiter_cancel(&clients->slots[slot]->waiter);
    }
    mutex_unlock(&clients->mu);
}
