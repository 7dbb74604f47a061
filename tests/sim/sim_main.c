/* sim_main.c: sim_test [--seed N] [--runs N] [--seconds S] [--members N] [--verbose] [--canary]
 *
 * Runs a Raft group under faults, once per seed, each with one, three or five members unless
 * told; prints the seed and what broke; exit status 1 on a violation. Before that it proves
 * that it can see: the same seed twice gives the same trace, and a canary build-in (members
 * that acknowledge before their sync) is caught. SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/group.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CANARY_SEEDS 40

struct arguments {
    uint64_t seed;
    unsigned long runs;
    unsigned members;
    int64_t seconds;
    bool verbose, canary;
};

static unsigned
members_for(const struct arguments *arguments, uint64_t seed)
{
    static const unsigned counts[] = {3, 3, 1, 3, 5};
    return arguments->members != 0 ? arguments->members : counts[seed % 5];
}

static bool
run_seed(const struct arguments *arguments, uint64_t seed, struct group_result *result)
{
    struct group_options options = {.seed = seed,
                                    .member_count = members_for(arguments, seed),
                                    .seconds = arguments->seconds,
                                    .canary = arguments->canary,
                                    .verbose = arguments->verbose};
    group_run(&options, result);
    printf("seed=%" PRIu64 " members=%u trace=%016" PRIx64 " events=%" PRIu64
           " acknowledged=%" PRIu64 " reads=%" PRIu64 " leaders=%" PRIu64 " crashes=%" PRIu64
           "%s%s\n",
           seed, options.member_count, result->trace, result->event_count, result->acked_count,
           result->read_count, result->leader_count, result->crash_count,
           result->violated ? " VIOLATED: " : "", result->what);
    fflush(stdout);
    return !result->violated;
}

/* The same seed twice is the same run; a canary is caught. */
static bool
prove_sight(const struct arguments *arguments)
{
    struct arguments canary = *arguments;
    struct group_result first, second;
    (void)run_seed(arguments, arguments->seed, &first);
    (void)run_seed(arguments, arguments->seed, &second);
    if (first.trace != second.trace || first.event_count != second.event_count) {
        printf("seed=%" PRIu64 " gave two different runs\n", arguments->seed);
        return false;
    }
    canary.canary = true;
    for (uint64_t i = 0; i < CANARY_SEEDS; i++) {
        if (!run_seed(&canary, arguments->seed + i, &first)) {
            printf("the canary was caught\n");
            return true;
        }
    }
    printf("the canary (acknowledge before sync) was not caught in %d seeds\n", CANARY_SEEDS);
    return false;
}

static bool
parse(int count, char **words, struct arguments *out)
{
    for (int i = 1; i < count; i++) {
        const char *value = i + 1 < count ? words[i + 1] : NULL;
        if (strcmp(words[i], "--verbose") == 0) {
            out->verbose = true;
        } else if (strcmp(words[i], "--canary") == 0) {
            out->canary = true;
        } else if (value == NULL) {
            return false;
        } else {
            unsigned long long number = strtoull(value, NULL, 10);
            i++;
            if (strcmp(words[i - 1], "--seed") == 0) {
                out->seed = number;
            } else if (strcmp(words[i - 1], "--runs") == 0) {
                out->runs = (unsigned long)number;
            } else if (strcmp(words[i - 1], "--seconds") == 0) {
                out->seconds = (int64_t)number;
            } else if (strcmp(words[i - 1], "--members") == 0) {
                out->members = (unsigned)number;
            } else {
                return false;
            }
        }
    }
    return out->members <= 5;
}

int
main(int count, char **words)
{
    struct arguments arguments = {.seed = 1, .runs = 10, .seconds = 10};
    if (!parse(count, words, &arguments)) {
        fprintf(stderr,
                "usage: %s [--seed N] [--runs N] [--seconds S] [--members N] [--verbose] "
                "[--canary]\n",
                words[0]);
        return 2;
    }
    bool good = arguments.runs == 1 || arguments.canary || prove_sight(&arguments);
    for (unsigned long i = 0; i < arguments.runs; i++) {
        struct group_result result;
        good = run_seed(&arguments, arguments.seed + i, &result) && good;
    }
    return good ? 0 : 1;
}
