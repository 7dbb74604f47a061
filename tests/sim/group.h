/* group.h: a Raft group in a simulated world, its clients, faults and checkers.
 *
 * Checks while it runs (a broken one is reported and ends the run):
 *   - log matching: every member that applies entry i applies the same bytes in the same term,
 *     in every life;
 *   - one leader per term;
 *   - an entry refused is never applied, none is applied twice;
 *   - a read index covers everything that was acknowledged before it was asked for;
 * and at the end, when all is healed: every member applies everything that was acknowledged,
 * and a new write gets through. SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct group_options {
    uint64_t seed;
    unsigned member_count;
    int64_t seconds;
    bool canary; /* acknowledge before the sync: the checks must notice */
    bool verbose;
};

struct group_result {
    bool violated;
    char what[256];
    uint64_t trace, event_count, acked_count, crash_count, leader_count, read_count;
};

void group_run(const struct group_options *options, struct group_result *result_out);
