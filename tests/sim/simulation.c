/* simulation.c: see simulation.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/simulation_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOAD_NS_MOST (30 * NS_PER_S)
#define LATE_NS (60 * NS_PER_S)
#define END_NS_MOST (120 * NS_PER_S)

void
violate(struct simulation *simulation, const char *format, ...)
{
    struct simulation_result *result = simulation->result;
    if (!result->violated) {
        va_list args;
        va_start(args, format);
        vsnprintf(result->what, sizeof(result->what), format, args);
        va_end(args);
        result->violated = true;
    }
}

bool
chance(struct simulation *simulation, uint64_t one_in)
{
    return rng_below(simulation->rng, one_in) == 0;
}

int64_t
draw_ns(struct simulation *simulation, int64_t most_ns)
{
    return (int64_t)rng_below(simulation->rng, (uint64_t)most_ns) + 1;
}

void
sleep_ns(int64_t delay_ns)
{
    thread_sleep_us(delay_ns / 1000);
}

/* ---- what members show ---- */

static struct truth *
truth_at(struct simulation *simulation, uint64_t index)
{
    if (index >= simulation->truth_capacity) {
        uint64_t old = simulation->truth_capacity;
        simulation->truth_capacity = MAX(index + 1, MAX((uint64_t)4096, old * 2));
        simulation->truths =
            realloc(simulation->truths, simulation->truth_capacity * sizeof(struct truth));
        ASSERT(simulation->truths != NULL);
        memset(&simulation->truths[old], 0,
               (simulation->truth_capacity - old) * sizeof(struct truth));
    }
    return &simulation->truths[index];
}

/* Positions that the member reached since the last look: the first to be there sets the truth.
 */
static void
compare_hashes(struct simulation *simulation, struct sim_member *member)
{
    uint64_t newest = sim_member_hashed_index(member);
    for (uint64_t at = simulation->hashed[member->number] + 1; at <= newest; at++) {
        struct hash128 hash;
        if (!sim_member_hash_at(member, at, &hash)) {
            continue; /* before this life */
        }
        struct truth *truth = truth_at(simulation, at);
        if (!truth->known) {
            *truth = (struct truth){.known = true, .hash = hash};
        } else if (truth->hash.low != hash.low || truth->hash.high != hash.high) {
            violate(simulation, "node %u differs from the others at position %llu",
                    member->number + 1, (unsigned long long)at);
        }
    }
    simulation->hashed[member->number] = newest;
}

static void
watch(struct simulation *simulation)
{
    weather_watch(simulation);
    for (unsigned i = 0; i < simulation->options.member_count; i++) {
        struct sim_member *member = &simulation->members[i];
        compare_hashes(simulation, member);
        bool primary = sim_member_is_primary(member);
        simulation->result->leader_count += primary && !simulation->was_primary[i];
        simulation->was_primary[i] = primary;
        if (sim_member_is_damaged(member)) {
            violate(simulation, "node %u takes itself for damaged", i + 1);
        }
        if (sim_member_root_index(member) > sim_member_durable_index(member)) {
            violate(simulation, "node %u's root is ahead of its log", i + 1);
        }
        if (member->state == SIM_REFUSED) {
            violate(simulation, "node %u does not start: %s; while %s", i + 1,
                    member->diag.message, member->diag.while_chain);
        }
    }
}

/* Steps until `*flag`, a violation, or the time. */
static void
run_until(struct simulation *simulation, const bool *flag, int64_t until_ns)
{
    while (!simulation->result->violated && (flag == NULL || !*flag) &&
           sim_world_step(simulation->world, until_ns)) {
        watch(simulation);
    }
}

/* ---- a run ---- */

/* Each seed has a world of its own: fast or slow disks and links, few or many clients and
 * faults, small pools. */
static void
draw_world(struct simulation *simulation, struct sim_member_options *options)
{
    static const unsigned pool_pages[] = {256, 512, 2048};
    static const int64_t link_us[] = {100, 500, 2000, 10000};
    static const int64_t think_ms[] = {20, 40, 60};
    static const int64_t fault_ms[] = {800, 1500, 2500};
    static const int64_t disk_us[] = {100, 1000, 5000, 20000};
    struct rng *rng = simulation->rng;
    *options = (struct sim_member_options){
        .member_count = simulation->options.member_count,
        .pool_pages = pool_pages[rng_below(rng, ARRAY_SIZE(pool_pages))],
        .checkpoint_ms = 1000,
        .lane_count = 1 + (unsigned)rng_below(rng, 3),
        .segment_bytes = (uint64_t)1 << 20,
        .verbose = simulation->options.verbose};
    sim_world_delay(simulation->world, 50000,
                    1000 * link_us[rng_below(rng, ARRAY_SIZE(link_us))]);
    for (unsigned i = 0; i < options->member_count; i++) {
        sim_world_disk_delay(simulation->world, i,
                             1000 * disk_us[rng_below(rng, ARRAY_SIZE(disk_us))]);
    }
    simulation->think_ns = NS_PER_MS * think_ms[rng_below(rng, ARRAY_SIZE(think_ms))];
    simulation->fault_ns = NS_PER_MS * fault_ms[rng_below(rng, ARRAY_SIZE(fault_ms))];
}

static void
set_canary(struct simulation *simulation, struct sim_member *member)
{
    switch (simulation->options.canary) {
    case CANARY_EARLY_ACK:
        member->faults.chance[FAULT_CANARY_EARLY_ACK] = 1;
        break;
    case CANARY_APPLY_SKIPS:
        member->faults.chance[FAULT_CANARY_APPLY_SKIPS] = 0.001;
        break;
    case CANARY_EARLY_ROOT:
        member->faults.chance[FAULT_CANARY_EARLY_ROOT] = 1;
        break;
    case CANARY_ROOT_AHEAD:
        member->faults.chance[FAULT_CANARY_ROOT_AHEAD] = 1;
        break;
    default:
        break;
    }
}

static void
heal_and_judge(struct simulation *simulation)
{
    struct verdict verdict = {.simulation = simulation};
    simulation->healing = true;
    weather_clear(simulation);
    sim_world_start(simulation->world, VERDICT_HOST, "verdict", verdict_reach, &verdict);
    run_until(simulation, &verdict.done, sim_world_now_ns(simulation->world) + END_NS_MOST);
    if (!verdict.done) {
        violate(simulation, "the end was not reached");
    }
}

void
simulation_run(const struct simulation_options *options, struct simulation_result *result_out)
{
    *result_out = (struct simulation_result){0};
    struct simulation *simulation = calloc(1, sizeof(*simulation));
    ASSERT(simulation != NULL);
    simulation->options = *options;
    simulation->result = result_out;
    simulation->world = sim_world_new(options->seed);
    simulation->rng = sim_world_rng(simulation->world);
    struct sim_member_options member_options;
    draw_world(simulation, &member_options);
    for (unsigned i = 0; i < options->member_count; i++) {
        sim_member_init(&simulation->members[i], simulation->world, i, &member_options);
        set_canary(simulation, &simulation->members[i]);
        sim_member_start(&simulation->members[i]);
    }
    bank_open(simulation);
    run_until(simulation, &simulation->loaded, LOAD_NS_MOST);
    if (!simulation->loaded) {
        violate(simulation, "the bank did not open");
    }
    weather_start(simulation);
    run_until(simulation, NULL,
              sim_world_now_ns(simulation->world) + options->seconds * NS_PER_S);
    while (!result_out->violated && result_out->commit_count < SIM_COMMITS_LEAST &&
           sim_world_now_ns(simulation->world) < LATE_NS) { /* much weather, little work */
        run_until(simulation, NULL, sim_world_now_ns(simulation->world) + NS_PER_S);
    }
    if (!result_out->violated) {
        heal_and_judge(simulation);
    }
    result_out->trace = sim_world_trace(simulation->world);
    result_out->event_count = sim_world_event_count(simulation->world);
    /* Frozen threads hold what they hold: the process ends next, and frees all. */
}
