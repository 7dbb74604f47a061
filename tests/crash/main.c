/* main.c: crash_test [--seed N] [--runs N] [--nodes N] [--full]: the crash tests of pages with
 * seeds N, N + 1, ..., then those of a node with the first of them (--nodes: how many; --full:
 * at every sync). Prints the seed of each run; exit status 1 when a promise was broken. Each
 * first proves that it sees what it is for: a canary that it does not catch is a failure, too.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/crash/crash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arguments {
    uint64_t seed, runs, nodes;
    bool full;
};

static bool
parse(int count, char **words, struct arguments *out)
{
    for (int i = 1; i < count; i++) {
        const char *word = words[i];
        if (strcmp(word, "--full") == 0) {
            out->full = true;
            continue;
        }
        char *end = NULL;
        const char *value = i + 1 < count ? words[++i] : "";
        uint64_t number = strtoull(value, &end, 10);
        if (*value < '0' || *value > '9' || *end != '\0') {
            return false;
        }
        if (strcmp(word, "--seed") == 0) {
            out->seed = number;
        } else if (strcmp(word, "--runs") == 0) {
            out->runs = number;
        } else if (strcmp(word, "--nodes") == 0) {
            out->nodes = number;
        } else {
            return false;
        }
    }
    return true;
}

static bool
caught(const char *who, const char *canary, bool good)
{
    printf("%s: the canary %s was%s caught\n", who, canary, good ? " not" : "");
    fflush(stdout);
    return !good;
}

static bool
pages_see(uint64_t seed)
{
    return caught("pages", "early-root", crash_pages(seed, FAULT_CANARY_EARLY_ROOT));
}

static bool
nodes_see(uint64_t seed)
{
    return caught("node", "early-root", crash_node(seed, false, FAULT_CANARY_EARLY_ROOT)) &&
           caught("node", "early-ack", crash_node(seed, false, FAULT_CANARY_EARLY_ACK));
}

static int
failed(uint64_t seed)
{
    printf("FAILED: crash_test --seed %" PRIu64 "\n", seed);
    return 1;
}

int
main(int count, char **words)
{
    struct arguments arguments = {.seed = 1, .runs = 10, .nodes = 1};
    if (!parse(count, words, &arguments)) {
        fprintf(stderr, "usage: crash_test [--seed N] [--runs N] [--nodes N] [--full]\n");
        return 2;
    }
    if ((arguments.runs > 0 && !pages_see(arguments.seed)) ||
        (arguments.nodes > 0 && !nodes_see(arguments.seed))) {
        return failed(arguments.seed);
    }
    for (uint64_t i = 0; i < arguments.runs; i++) {
        printf("seed %" PRIu64 "\n", arguments.seed + i);
        fflush(stdout);
        if (!crash_pages(arguments.seed + i, FAULT_COUNT)) {
            return failed(arguments.seed + i);
        }
    }
    for (uint64_t i = 0; i < arguments.nodes; i++) {
        printf("node seed %" PRIu64 "\n", arguments.seed + i);
        if (!crash_node(arguments.seed + i, arguments.full, FAULT_COUNT)) {
            return failed(arguments.seed + i);
        }
    }
    printf("passed: %" PRIu64 " seeds of pages, %" PRIu64 " of a node\n", arguments.runs,
           arguments.nodes);
    return 0;
}
