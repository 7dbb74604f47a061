/* client_limits.c: what the clock ends: long turns of a lane, statements, idle blocks, waiting
 * for a commit's fate.
 *
 * A statement looks at the clock itself, between batches (client_breathe). For clients that
 * nobody runs, their lane looks every LOOK_NS, and only while one of them has a deadline.
 *
 * A pending commit: the log decides, and as long as this node leads it soon will. Once it does
 * not lead any more and COMMIT_PATIENCE_NS have passed without a word, no majority is in reach:
 * the client gets 08007 and its session goes on.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "node/client.h"
#include "node/node_internal.h"
#include "node/relay.h"

#include <stdatomic.h>

#define MS INT64_C(1000000)
#define LOOK_NS (50 * MS)
#define TURN_NS_MAX (20 * MS) /* of one statement, while others of the lane wait */
#define COMMIT_PATIENCE_NS (10000 * MS)
#define COMMIT_PATIENCE_AT_STOP_NS (5000 * MS)

/* ---- of a running statement ---- */

void
client_breathe(struct waiter *waiter)
{
    struct client *client = waiter->owner;
    int64_t now_ns = clock_monotonic_ns(client->node->env.clock);
    if (now_ns >= waiter->limit_ns) {
        waiter_cancel_for(waiter, CANCEL_TIMEOUT);
    }
    if (client->driver != NULL && driver_has_lane(client->driver) &&
        now_ns - loop_now_ns(client->lane->loop) > TURN_NS_MAX) {
        STATUS_IGNORED(lane_give_away(client->driver)); /* no spare thread: it keeps the lane */
    }
}

/* ---- of a client that nobody runs ---- */

static int64_t
now(const struct client *client)
{
    return clock_monotonic_ns(client->node->env.clock);
}

static bool
awaits_fate(const struct client *client)
{
    return client->awaits_commit && !client->commit_known;
}

static int64_t
idle_timeout_ns(const struct client *client)
{
    if (client->session == NULL || client->is_relayed || client->phase != CLIENT_IDLE) {
        return 0; /* a relayed session is as idle as its client: that is its router's to see */
    }
    bool in_block = sql_txn_status(client->session) != SQL_TXN_IDLE || relay_in_block(client);
    return in_block ? sql_idle_in_transaction_timeout_ns(client->session) : 0;
}

void
client_limit(struct client *client)
{
    struct lane *lane = client->lane;
    client->deadline_ns = 0;
    if (awaits_fate(client)) {
        client->deadline_ns = loop_now_ns(lane->loop) + COMMIT_PATIENCE_NS;
        if (lane->stopping) {
            client->deadline_ns = now(client) + COMMIT_PATIENCE_AT_STOP_NS;
        }
    } else if (!client_in_work(client)) {
        int64_t timeout_ns = idle_timeout_ns(client);
        client->deadline_ns = timeout_ns == 0 ? 0 : now(client) + timeout_ns;
    }
    if (client->deadline_ns != 0 && !lane->looks) {
        lane->looks = true;
        loop_timer_start(lane->look_timer, LOOK_NS);
    }
}

static void
end_idle(struct client *client)
{
    struct diag diag = {0};
    UNUSED(diag_fail(&diag, STATUS_TIMEOUT, SQLSTATE_IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                     "terminating connection due to idle-in-transaction timeout"));
    client_end(client, &diag);
}

static void
give_up_commit(struct client *client)
{
    client->deadline_ns = 0;
    if (sql_commit_give_up(client->session)) {
        client->commit_known = true; /* as far as it ever will be for this session */
        lane_make_ready(client->lane, client);
    }
}

static void
look_at(struct client *client, int64_t now_ns)
{
    if (client->busy) {
        return;
    }
    if (awaits_fate(client) && node_is_primary(client->node) && !client->lane->stopping) {
        client->deadline_ns = now_ns + COMMIT_PATIENCE_NS;
    } else if (now_ns >= client->deadline_ns) {
        if (awaits_fate(client)) {
            give_up_commit(client);
        } else {
            end_idle(client);
        }
    }
}

static void
look(void *arg)
{
    struct lane *lane = arg;
    int64_t now_ns = loop_now_ns(lane->loop);
    bool more = false;
    LIST_EACH(link, &lane->clients)
    {
        struct client *client = LIST_ITEM(link, struct client, link);
        if (client->deadline_ns != 0) {
            more = true;
            look_at(client, now_ns); /* may delete it */
        }
    }
    lane->looks = more;
    if (more) {
        loop_timer_start(lane->look_timer, LOOK_NS);
    }
}

void
client_limits_open(struct lane *lane)
{
    lane->look_timer = loop_timer_new(lane->loop, look, lane);
}

void
client_limits_close(struct lane *lane)
{
    loop_timer_delete(lane->look_timer);
    lane->look_timer = NULL;
}
