/* main.c: crash_test [--seed N] [--runs N]: runs the crash tests with seeds N, N + 1, ...
 * Prints the seed of each run; exit status 1 when a promise was broken.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/crash/crash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
read_options(int argc, char **argv, uint64_t *seed, uint64_t *runs)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seed") == 0) {
            *seed = strtoull(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--runs") == 0) {
            *runs = strtoull(argv[i + 1], NULL, 10);
        } else {
            return false;
        }
    }
    return argc % 2 == 1;
}

int
main(int argc, char **argv)
{
    uint64_t seed = 1, runs = 10;
    if (!read_options(argc, argv, &seed, &runs)) {
        fprintf(stderr, "usage: crash_test [--seed N] [--runs N]\n");
        return 2;
    }
    for (uint64_t i = 0; i < runs; i++) {
        printf("seed %" PRIu64 "\n", seed + i);
        fflush(stdout);
        if (!crash_pages(seed + i)) {
            printf("FAILED: crash_test --seed %" PRIu64 " --runs 1\n", seed + i);
            return 1;
        }
    }
    printf("passed: %" PRIu64 " seeds\n", runs);
    return 0;
}
