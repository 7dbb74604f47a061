/* hold.c: see hold.h. SPDX-License-Identifier: Apache-2.0 */
#include "node/hold.h"
#include "node/client.h"
#include "node/node_internal.h"

#include <stdatomic.h>

bool
hold_admits(struct client *client)
{
    struct hold *hold = &client->node->hold;
    if (client->is_active) {
        return true;
    }
    /* Counted before looking: hold_close() sets the flag before it looks at the count. */
    atomic_fetch_add(&hold->active_count, 1);
    if (atomic_load(&hold->held)) {
        atomic_fetch_sub(&hold->active_count, 1);
        return false;
    }
    client->is_active = true;
    return true;
}

void
hold_leave(struct client *client)
{
    if (client->is_active) {
        client->is_active = false;
        atomic_fetch_sub(&client->node->hold.active_count, 1);
    }
}

void
hold_close(struct node *node)
{
    atomic_store(&node->hold.held, true);
}

/* Posted to each lane: every client that is not busy looks at its input again. */
static void
wake_clients(void *arg)
{
    struct lane *lane = arg;
    LIST_EACH(link, &lane->clients)
    {
        struct client *client = LIST_ITEM(link, struct client, link);
        if (!client->busy && client->in.size > client->in_used) {
            lane_make_ready(lane, client);
        }
    }
}

void
hold_lane_init(struct lane *lane)
{
    loop_call_init(&lane->wake_call, wake_clients, lane);
}

void
hold_release(struct node *node)
{
    atomic_store(&node->hold.held, false);
    for (unsigned i = 0; i < node->lane_count; i++) {
        loop_post(node->lanes[i].loop, &node->lanes[i].wake_call);
    }
}

unsigned
hold_active_count(struct node *node)
{
    return atomic_load(&node->hold.active_count);
}
