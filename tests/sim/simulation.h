/* simulation.h: a cluster in a simulated world, its clients, faults and checkers.
 *
 * Checks while it runs (a broken one is reported and ends the run):
 *   - equal state: all members, in all lives, have one state hash at one position of the log;
 *   - the bank: in every snapshot on every node the accounts hold the same sum;
 *   - a session reads its own acknowledged transfer, on whatever node it is;
 *   - statements fail only for reasons that the weather explains;
 *   - no member takes itself for damaged, none refuses to start;
 *   - no member has a root that is ahead of its durable log (rule 10);
 * and at the end, when all is healed:
 *   - every member comes up, a transfer gets through on each, all reach one state;
 *   - of each transfer in doubt whose gtid is known, rustydb_transaction_status() tells the
 * end;
 *   - an acknowledged transfer is in the history once, a refused one not at all, one in doubt
 *     at most once and as rustydb_transaction_status() says;
 *   - balances are what the history makes them; storage's own checkers find nothing.
 * Thread: simulation_run() once in a process, for what lost its power keeps its memory.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SIM_COMMITS_LEAST 100 /* of a run of 10 seconds or more */

enum canary {
    CANARY_NONE,
    CANARY_EARLY_ACK,   /* members acknowledge entries before their sync */
    CANARY_APPLY_SKIPS, /* apply loses an effect now and then */
    CANARY_EARLY_ROOT,  /* a checkpoint's root does not wait for its pages */
    CANARY_ROOT_AHEAD,  /* nor for the log up to its index */
};

struct simulation_options {
    uint64_t seed;
    unsigned member_count;
    int64_t seconds;
    enum canary canary;
    bool verbose;
};

struct simulation_result {
    bool violated;
    char what[400];
    uint64_t trace, event_count;
    uint64_t commit_count, doubt_count, refused_count, read_count;
    uint64_t crash_count, partition_count, leader_count, switchover_count;
};

void simulation_run(const struct simulation_options *options,
                    struct simulation_result *result_out);
