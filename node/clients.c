/* clients.c: see clients.h. SPDX-License-Identifier: Apache-2.0 */
#include "node/clients.h"
#include "node/client.h"

#include <stdlib.h>

void
clients_init(struct clients *clients, unsigned capacity, uint64_t seed)
{
    mutex_init(&clients->mu, LOCK_RANK_NODE);
    rng_seed(&clients->rng, seed ^ 0x636c69656e747321ULL);
    clients->slot_count = capacity;
    clients->count = 0;
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
    clients->slots[slot] = client;
    clients->count++;
    client->pid = slot + 1;
    client->secret = (uint32_t)rng_next(&clients->rng);
    mutex_unlock(&clients->mu);
}

void
clients_remove(struct clients *clients, struct client *client)
{
    mutex_lock(&clients->mu);
    ASSERT(clients->slots[client->pid - 1] == client);
    clients->slots[client->pid - 1] = NULL;
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
    struct client *client =
        pid >= 1 && pid <= clients->slot_count ? clients->slots[pid - 1] : NULL;
    if (client != NULL && client->secret == secret) {
        waiter_cancel(&client->waiter);
    }
    mutex_unlock(&clients->mu);
}
