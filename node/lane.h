/* lane.h: event loops with their clients, each driven by one thread at a time.
 *
 * Promises: a statement runs on the lane's own thread, from the lane's loop, never below a
 *           callback: no hand-over for a short one. When it is about to block, its thread gives
 *           the lane to a spare thread and carries on alone; from then on it touches nothing
 *           that the lane owns and comes back by mailbox (client_finished).
 * Picture:
 *
 *   driver thread --drives--> lane: loop turn -> ready clients -> client_run() -> loop turn ..
 *                                                    | about to block
 *           +-----gives lane to--> spare driver      +--> continues alone, becomes a spare
 *
 * Owns:     its loop; its clients.
 * Thread:   functions with "lane" in their comment run on the thread that drives it.
 * Fails:    53200 when a statement would block and no thread can be had.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/lock.h"
#include "base/net.h"
#include "base/thread.h"

struct node;
struct client;
struct lane;
struct driver;

struct lane {
    struct node *node;
    unsigned number;
    struct loop *loop;
    struct listener *listener; /* lane 0 only */
    struct list clients;       /* lane thread */
    struct list ready;         /* lane thread: clients with work to do */
    unsigned ready_count;
    struct loop_call shut_call;    /* tells clients to go */
    struct loop_call stop_call;    /* ends the driving */
    struct loop_call wake_call;    /* after a hold: clients look at their input again */
    bool stopping;                 /* lane thread: clients are told to go, new ones refused */
    bool ending;                   /* lane thread: the driving ends when no client is in work */
    _Atomic(bool) quiet;           /* stopping, and no client is in work */
    struct loop_timer *look_timer; /* client_limits.c */
    bool looks;                    /* it runs */
};

struct drivers {
    struct mutex mu;
    struct cond ended;
    struct list idle;          /* guarded by mu */
    unsigned count, count_max; /* guarded by mu: threads alive */
    bool stopping;             /* guarded by mu */
};

MUST_CHECK enum status lanes_start(struct node *node, struct diag *diag);
/* Tells all clients 57P01 and returns when none is in work; who still comes is told 57P03. */
void lanes_shut_clients(struct node *node);
/* Ends the driving of all lanes and all threads; clients are closed. */
void lanes_stop(struct node *node);

/* The lane in the hands of the calling thread goes to a spare. STATUS_LIMIT: there is none. */
MUST_CHECK enum status lane_give_away(struct driver *driver);
bool driver_has_lane(const struct driver *driver);
/* Lane: client_work() will be called for the client from the lane's loop. */
void lane_make_ready(struct lane *lane, struct client *client);
