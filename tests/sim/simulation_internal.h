/* simulation_internal.h: what the parts of a simulation share.
 *
 *   simulation.c   the run: set up, let it happen, heal, end
 *   bank.c         clients and what they know of their transfers
 *   weather.c      faults
 *   verdict.c      checks at the end
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/macros.h"
#include "tests/lib/sim_client.h"
#include "tests/sim/simulation.h"
#include "tests/world/sim_member.h"

#define MEMBERS_MAX 5
#define CLIENT_COUNT 6
#define FIRST_CLIENT_HOST 8 /* machines of the clients, behind those of members */
#define VERDICT_HOST 20
#define ACCOUNT_COUNT 24
#define START_BALANCE 1000
#define GTID_SIZE 64
#define NS_PER_S ((int64_t)1000000000)
#define NS_PER_MS ((int64_t)1000000)

enum transfer_state {
    TRANSFER_REFUSED,   /* or never sent: must not be there */
    TRANSFER_DOUBT,     /* sent, and no answer: may be there */
    TRANSFER_COMMITTED, /* acknowledged, or said so by the status function */
};

struct transfer {
    enum transfer_state state;
    int from, to, amount;
    char gtid[GTID_SIZE]; /* "": not known */
};

struct truth {
    bool known;
    struct hash128 hash;
};

struct simulation {
    struct simulation_options options;
    struct simulation_result *result;
    struct sim_world *world;
    struct rng *rng;
    struct sim_member members[MEMBERS_MAX];
    uint64_t hashed[MEMBERS_MAX]; /* checked up to here, in this life */
    bool was_primary[MEMBERS_MAX];
    uint64_t root_index[MEMBERS_MAX];
    struct truth *truths;
    uint64_t truth_capacity;
    struct transfer *transfers;
    uint64_t transfer_count, transfer_capacity;
    bool loaded;                /* the bank is open */
    bool under_weather;         /* faults have begun */
    bool healing;               /* no more faults, no more clients */
    int64_t partition_end_ns;   /* of the longest so far */
    unsigned client_count;      /* still at work */
    int64_t think_ns, fault_ns; /* most between two turns */
};

void violate(struct simulation *simulation, const char *format, ...) PRINTF_LIKE(2, 3);
/* True once in `one_in` times. */
bool chance(struct simulation *simulation, uint64_t one_in);
int64_t draw_ns(struct simulation *simulation, int64_t most_ns);
/* Sleeps on a thread of the world. */
void sleep_ns(int64_t delay_ns);

/* ---- bank.c ---- */
void bank_open(struct simulation *simulation); /* starts all clients */
/* Asks what became of a transfer in doubt whose gtid is known, and keeps the answer, which the
 * client has as its value. */
enum sim_answer bank_ask_status(struct simulation *simulation, struct sim_client *client,
                                uint64_t id);
/* One transfer by that client; true when acknowledged. On a thread. */
bool bank_transfer(struct simulation *simulation, struct sim_client *client);

/* ---- weather.c ---- */
void weather_start(struct simulation *simulation);
void weather_clear(struct simulation *simulation);
/* After each step: whose power went at a sync? */
void weather_watch(struct simulation *simulation);

/* ---- verdict.c ---- */
/* On a thread; sets `*done`. */
struct verdict {
    struct simulation *simulation;
    bool done;
};
void verdict_reach(void *arg);
