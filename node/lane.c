/* lane.c: see lane.h. SPDX-License-Identifier: Apache-2.0 */
#include "node/lane.h"
#include "base/errors.h"
#include "node/client.h"
#include "node/node_internal.h"

#include <stdlib.h>
#include <unistd.h>

#define LANES_MAX 16
#define SHUT_POLL_US 1000

/* A thread that drives a lane, or waits to. */
struct driver {
    struct node *node;
    struct thread thread;
    struct cond assigned;
    struct lane *lane; /* guarded by drivers.mu while idle, else the thread's own */
    struct list link;
};

bool
driver_has_lane(const struct driver *driver)
{
    return driver->lane != NULL;
}

void
lane_make_ready(struct lane *lane, struct client *client)
{
    if (!client->queued) {
        client->queued = true;
        list_push_back(&lane->ready, &client->ready_link);
        lane->ready_count++;
    }
}

/* Runs each client that is ready now, once. False when the lane went to another thread, which
 * then also has the clients that are still in the list. */
static bool
run_ready(struct driver *driver, struct lane *lane)
{
    for (unsigned left = lane->ready_count; left > 0 && lane->ready_count > 0; left--) {
        struct client *client = LIST_ITEM(lane->ready.next, struct client, ready_link);
        list_remove(&client->ready_link);
        client->queued = false;
        lane->ready_count--;
        client_run(client, driver);
        if (driver->lane == NULL) {
            return false;
        }
    }
    return true;
}

static bool
is_quiet(struct lane *lane)
{
    LIST_EACH(link, &lane->clients)
    {
        if (client_in_work(LIST_ITEM(link, struct client, link))) {
            return false;
        }
    }
    return true;
}

/* A stopping lane ends when no client of it is in the middle of something. */
static bool
lane_ended(struct lane *lane)
{
    if (!lane->stopping) {
        return false;
    }
    bool quiet = is_quiet(lane);
    atomic_store(&lane->quiet, quiet); /* lanes_shut_clients() waits for it */
    return lane->ending && quiet;
}

static void
drive(struct driver *driver)
{
    struct lane *lane = driver->lane;
    while (!lane_ended(lane)) {
        loop_run_once(lane->loop, list_empty(&lane->ready));
        if (!run_ready(driver, lane)) {
            return;
        }
    }
    driver->lane = NULL;
}

static void
driver_main(void *arg)
{
    struct driver *driver = arg;
    struct drivers *drivers = &driver->node->drivers;
    for (;;) {
        if (driver->lane != NULL) {
            drive(driver);
        }
        mutex_lock(&drivers->mu);
        list_push_front(&drivers->idle, &driver->link);
        while (driver->lane == NULL && !drivers->stopping) {
            cond_wait(&driver->assigned, &drivers->mu);
        }
        bool assigned = driver->lane != NULL;
        if (!assigned) {
            list_remove(&driver->link);
            drivers->count--;
            cond_broadcast(&drivers->ended);
        }
        mutex_unlock(&drivers->mu);
        if (!assigned) {
            break;
        }
    }
    pthread_detach(pthread_self());
    cond_deinit(&driver->assigned);
    free(driver);
}

/* A new thread that starts with `lane`. */
static enum status
driver_start(struct node *node, struct lane *lane, struct diag *diag)
{
    struct driver *driver = calloc(1, sizeof(*driver));
    ASSERT(driver != NULL);
    driver->node = node;
    driver->lane = lane;
    cond_init(&driver->assigned);
    list_init(&driver->link);
    enum status status =
        thread_start(&driver->thread, THREAD_LANE, "lane", driver_main, driver, diag);
    if (status != STATUS_OK) {
        cond_deinit(&driver->assigned);
        free(driver);
    }
    return status;
}

/* Hands `lane` to an idle thread or a new one. */
static enum status
assign(struct node *node, struct lane *lane, struct diag *diag)
{
    struct drivers *drivers = &node->drivers;
    mutex_lock(&drivers->mu);
    struct driver *spare = LIST_FIRST(&drivers->idle, struct driver, link);
    if (spare != NULL) {
        list_remove(&spare->link);
        spare->lane = lane;
        cond_signal(&spare->assigned);
        mutex_unlock(&drivers->mu);
        return STATUS_OK;
    }
    bool room = drivers->count < drivers->count_max;
    drivers->count += room;
    mutex_unlock(&drivers->mu);
    if (!room) {
        return diag_fail(diag, STATUS_LIMIT, SQLSTATE_OUT_OF_MEMORY,
                         "no thread is left to wait on");
    }
    enum status status = driver_start(node, lane, diag);
    if (status != STATUS_OK) {
        mutex_lock(&drivers->mu);
        drivers->count--;
        mutex_unlock(&drivers->mu);
    }
    return status;
}

enum status
lane_give_away(struct driver *driver)
{
    struct lane *lane = driver->lane;
    ASSERT(lane != NULL);
    driver->lane = NULL; /* before the other thread can see the lane */
    enum status status = assign(driver->node, lane, NULL);
    if (status != STATUS_OK) {
        driver->lane = lane;
    }
    return status;
}

static void
lane_shut(void *arg)
{
    struct lane *lane = arg;
    lane->stopping = true;
    LIST_EACH(link, &lane->clients)
    {
        client_shut_down(LIST_ITEM(link, struct client, link));
    }
}

static void
lane_stop(void *arg)
{
    struct lane *lane = arg;
    listener_close(lane->listener);
    lane->listener = NULL;
    lane->ending = true;
    lane_shut(lane);
}

static enum status
lane_open(struct node *node, unsigned number, struct diag *diag)
{
    struct lane *lane = &node->lanes[number];
    lane->node = node;
    lane->number = number;
    list_init(&lane->clients);
    list_init(&lane->ready);
    loop_call_init(&lane->shut_call, lane_shut, lane);
    loop_call_init(&lane->stop_call, lane_stop, lane);
    hold_lane_init(lane);
    TRY(loops_create(node->env.loops, &lane->loop, diag));
    client_limits_open(lane);
    return STATUS_OK;
}

enum status
lanes_start(struct node *node, struct diag *diag)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    long wanted = node->world != NULL ? (long)node->world->lane_count : cores;
    node->lane_count = (unsigned)MIN(MAX(wanted, 1), LANES_MAX);
    node->lanes = calloc(node->lane_count, sizeof(*node->lanes));
    ASSERT(node->lanes != NULL);
    struct drivers *drivers = &node->drivers;
    mutex_init(&drivers->mu, LOCK_RANK_LANE);
    cond_init(&drivers->ended);
    list_init(&drivers->idle);
    drivers->count_max = node->lane_count + (unsigned)node->settings.server_max_connections;
    for (unsigned i = 0; i < node->lane_count; i++) {
        TRY(lane_open(node, i, diag));
    }
    TRY(net_listen(node->env.net, node->lanes[0].loop, node->settings.server_listen_host,
                   (uint16_t)node->settings.server_listen_port, client_accept, node,
                   &node->lanes[0].listener, diag));
    for (unsigned i = 0; i < node->lane_count; i++) {
        TRY(assign(node, &node->lanes[i], diag));
    }
    return STATUS_OK;
}

static void
lane_close(struct lane *lane)
{
    if (lane->loop == NULL) {
        return;
    }
    listener_close(lane->listener); /* still open only when lanes_start() failed half-way */
    LIST_EACH(link, &lane->clients)
    {
        client_delete(LIST_ITEM(link, struct client, link));
    }
    client_limits_close(lane);
    loop_run_once(lane->loop, false);
    loop_delete(lane->loop);
}

void
lanes_shut_clients(struct node *node)
{
    for (unsigned i = 0; i < node->lane_count; i++) {
        loop_post(node->lanes[i].loop, &node->lanes[i].shut_call);
    }
    for (unsigned i = 0; i < node->lane_count; i++) {
        while (!atomic_load(&node->lanes[i].quiet)) {
            thread_sleep_us(SHUT_POLL_US);
        }
    }
}

void
lanes_stop(struct node *node)
{
    if (node->lanes == NULL) {
        return;
    }
    struct drivers *drivers = &node->drivers;
    for (unsigned i = 0; i < node->lane_count; i++) {
        if (node->lanes[i].loop != NULL) {
            loop_post(node->lanes[i].loop, &node->lanes[i].stop_call);
        }
    }
    mutex_lock(&drivers->mu);
    drivers->stopping = true;
    LIST_EACH(link, &drivers->idle)
    {
        cond_signal(&LIST_ITEM(link, struct driver, link)->assigned);
    }
    while (drivers->count > 0) {
        cond_wait(&drivers->ended, &drivers->mu);
    }
    mutex_unlock(&drivers->mu);
    for (unsigned i = 0; i < node->lane_count; i++) {
        lane_close(&node->lanes[i]);
    }
    cond_deinit(&drivers->ended);
    mutex_deinit(&drivers->mu);
    free(node->lanes);
    node->lanes = NULL;
}
