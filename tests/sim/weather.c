/* weather.c: what goes wrong, and when. SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/simulation_internal.h"

#include "node/node_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define DOWN_NS_MOST (1500 * NS_PER_MS)
#define ROOT_CRASH_ONE_IN 20
#define PARTITION_NS_LEAST (200 * NS_PER_MS)
#define PARTITION_NS_MOST (3000 * NS_PER_MS)

static struct sim_member *
any_member(struct simulation *simulation)
{
    return &simulation->members[rng_below(simulation->rng, simulation->options.member_count)];
}

/* ---- power ---- */

static void
come_back(void *arg)
{
    struct sim_member *member = arg;
    if (member->state == SIM_DOWN) {
        sim_member_start(member);
    }
}

static void
lost_power(struct simulation *simulation, struct sim_member *member)
{
    sim_member_power_off(member);
    simulation->result->crash_count++;
    simulation->hashed[member->number] = 0;
    simulation->was_primary[member->number] = false;
    sim_world_at(simulation->world, draw_ns(simulation, DOWN_NS_MOST), come_back, member);
}

static void
crash(struct simulation *simulation, struct sim_member *member)
{
    if (member->state != SIM_DOWN) {
        lost_power(simulation, member);
    }
}

static void
crash_all(struct simulation *simulation)
{
    for (unsigned i = 0; i < simulation->options.member_count; i++) {
        crash(simulation, &simulation->members[i]);
    }
}

/* A checkpoint has just ended: right behind it a root meets a log that may lack its end. */
static bool
root_is_new(struct simulation *simulation, const struct sim_member *member)
{
    uint64_t index = sim_member_root_index(member);
    bool is_new = index > simulation->root_index[member->number];
    simulation->root_index[member->number] = index;
    return is_new;
}

void
weather_watch(struct simulation *simulation)
{
    for (unsigned i = 0; i < simulation->options.member_count; i++) {
        struct sim_member *member = &simulation->members[i];
        if (member->state != SIM_DOWN && sim_world_is_off(simulation->world, i)) {
            lost_power(simulation, member);
        } else if (root_is_new(simulation, member) && !simulation->healing &&
                   simulation->under_weather && chance(simulation, ROOT_CRASH_ONE_IN)) {
            lost_power(simulation, member);
        }
    }
}

static void
restart(struct simulation *simulation, struct sim_member *member)
{
    if (member->state == SIM_UP && !member->busy) {
        simulation->hashed[member->number] = 0;
        simulation->was_primary[member->number] = false;
        sim_member_stop(member);
    }
}

/* ---- links ---- */

static void
heal_links(struct simulation *simulation)
{
    for (unsigned a = 0; a < FIRST_CLIENT_HOST + CLIENT_COUNT; a++) {
        for (unsigned b = 0; b < a; b++) {
            sim_world_cut(simulation->world, a, b, false);
        }
    }
}

/* A partition ends; not yet, if another has begun since. */
static void
partition_over(void *arg)
{
    struct simulation *simulation = arg;
    if (sim_world_now_ns(simulation->world) >= simulation->partition_end_ns) {
        heal_links(simulation);
    }
}

/* One member alone, or any links at all. */
static void
partition(struct simulation *simulation)
{
    unsigned count = simulation->options.member_count;
    unsigned lonely = (unsigned)rng_below(simulation->rng, count);
    for (unsigned a = 0; a < count; a++) {
        for (unsigned b = 0; b < a; b++) {
            sim_world_cut(simulation->world, a, b,
                          a == lonely || b == lonely || chance(simulation, 8));
        }
    }
    if (chance(simulation, 3)) { /* from clients, too */
        for (unsigned i = 0; i < CLIENT_COUNT; i++) {
            sim_world_cut(simulation->world, FIRST_CLIENT_HOST + i, lonely, true);
        }
    }
    simulation->result->partition_count++;
    int64_t lasts_ns = MAX(draw_ns(simulation, PARTITION_NS_MOST), PARTITION_NS_LEAST);
    int64_t end_ns = sim_world_now_ns(simulation->world) + lasts_ns;
    simulation->partition_end_ns = MAX(simulation->partition_end_ns, end_ns);
    sim_world_at(simulation->world, lasts_ns, partition_over, simulation);
}

static void
reset_some(struct simulation *simulation, struct sim_member *member)
{
    unsigned other =
        chance(simulation, 2)
            ? (unsigned)rng_below(simulation->rng, simulation->options.member_count)
            : FIRST_CLIENT_HOST + (unsigned)rng_below(simulation->rng, CLIENT_COUNT);
    if (other != member->number) {
        sim_world_reset_connections(simulation->world, member->number, other);
    }
}

/* ---- switchover ---- */

struct handover {
    struct simulation *simulation;
    struct sim_member *member;
    struct node *node;
    struct switchover_request request;
};

static void
hand_over(void *arg)
{
    struct handover *handover = arg;
    char report[200];
    struct diag diag = {0};
    if (switchover_run(handover->node, &handover->request, report, sizeof(report), &diag) ==
        STATUS_OK) {
        handover->simulation->result->switchover_count++;
    }
    handover->member->busy = false;
    free(handover);
}

static void
switch_over(struct simulation *simulation)
{
    for (unsigned i = 0; i < simulation->options.member_count; i++) {
        struct sim_member *member = &simulation->members[i];
        unsigned to = (unsigned)rng_below(simulation->rng, simulation->options.member_count);
        if (member->state == SIM_UP && !member->busy && sim_member_is_primary(member) &&
            to != i) {
            struct handover *handover = calloc(1, sizeof(*handover));
            ASSERT(handover != NULL);
            handover->simulation = simulation;
            handover->member = member;
            handover->node = member->node;
            member->busy = true;
            handover->request.drain_seconds = rng_double(simulation->rng);
            snprintf(handover->request.from, sizeof(handover->request.from), "n%u", i + 1);
            snprintf(handover->request.to, sizeof(handover->request.to), "n%u", to + 1);
            sim_member_run(member, hand_over, handover);
            return;
        }
    }
}

/* ---- turns ---- */

static void
slow_disk(struct simulation *simulation, struct sim_member *member)
{
    static const int64_t most_ms[] = {1, 2, 10, 80};
    sim_world_disk_delay(simulation->world, member->number,
                         NS_PER_MS * most_ms[rng_below(simulation->rng, ARRAY_SIZE(most_ms))]);
    member->faults.chance[FAULT_APPLY_SLOW] = chance(simulation, 2) ? 0.5 : 0;
    member->faults.chance[FAULT_LOG_SYNC_SLOW] = chance(simulation, 2) ? 0.3 : 0;
}

static void
one_fault(struct simulation *simulation)
{
    struct sim_member *member = any_member(simulation);
    switch (rng_below(simulation->rng, 10)) {
    case 0:
        crash(simulation, member);
        break;
    case 1:
    case 2: /* in the middle of something */
        sim_world_power_off_at_sync(simulation->world, member->number,
                                    1 + rng_below(simulation->rng, 30));
        break;
    case 3:
        partition(simulation);
        break;
    case 4:
        member->faults.chance[FAULT_MESSAGE_DROPPED] = rng_double(simulation->rng) * 0.2;
        break;
    case 5:
        reset_some(simulation, member);
        break;
    case 6:
        slow_disk(simulation, member);
        break;
    case 7:
        switch_over(simulation);
        break;
    case 8:
        restart(simulation, member);
        break;
    default:
        member->faults.chance[FAULT_MESSAGE_DROPPED] = 0;
        if (chance(simulation, 4)) {
            crash_all(simulation);
        }
        break;
    }
}

static void
fault_turn(void *arg)
{
    struct simulation *simulation = arg;
    if (!simulation->healing) {
        one_fault(simulation);
        sim_world_at(simulation->world, draw_ns(simulation, simulation->fault_ns), fault_turn,
                     simulation);
    }
}

static void
sure_crash(void *arg)
{
    struct simulation *simulation = arg;
    if (!simulation->healing && simulation->result->crash_count == 0) {
        crash(simulation, any_member(simulation));
    }
}

static void
sure_partition(void *arg)
{
    struct simulation *simulation = arg;
    if (!simulation->healing && simulation->result->partition_count == 0) {
        partition(simulation);
    }
}

/* A member that stopped by itself starts again, as systemd would have it. */
static void
restarter(void *arg)
{
    struct simulation *simulation = arg;
    for (unsigned i = 0; i < simulation->options.member_count; i++) {
        if (simulation->members[i].state == SIM_DOWN &&
            !sim_world_is_off(simulation->world, i)) {
            sim_member_start(&simulation->members[i]);
        }
    }
    sim_world_at(simulation->world, 300 * NS_PER_MS, restarter, simulation);
}

void
weather_start(struct simulation *simulation)
{
    simulation->under_weather = true;
    int64_t whole_ns = simulation->options.seconds * NS_PER_S;
    sim_world_at(simulation->world, 300 * NS_PER_MS, restarter, simulation);
    sim_world_at(simulation->world, draw_ns(simulation, NS_PER_S), fault_turn, simulation);
    sim_world_at(simulation->world, whole_ns / 2, sure_crash, simulation);
    sim_world_at(simulation->world, whole_ns / 4, sure_partition, simulation);
}

void
weather_clear(struct simulation *simulation)
{
    heal_links(simulation);
    for (unsigned i = 0; i < simulation->options.member_count; i++) {
        struct sim_member *member = &simulation->members[i];
        member->faults.chance[FAULT_MESSAGE_DROPPED] = 0;
        member->faults.chance[FAULT_APPLY_SLOW] = 0;
        member->faults.chance[FAULT_LOG_SYNC_SLOW] = 0;
        sim_world_disk_delay(simulation->world, i, NS_PER_MS);
        sim_world_power_off_at_sync(simulation->world, i, 0);
        come_back(member);
    }
}
