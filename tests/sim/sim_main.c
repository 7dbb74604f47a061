/* sim_main.c: the simulation's command line; see usage() and README.md.
 *
 * Each seed runs in a process of its own: a world keeps the memory of what lost its power, and
 * a failed assertion of the product is a finding like any other. Before many seeds it proves
 * that it can see: one seed twice is one run, and each canary is caught.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/simulation.h"

#include "base/macros.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANARY_SEEDS 40
#define HANG_SECONDS 120

struct arguments {
    uint64_t seed;
    unsigned long runs;
    unsigned members, jobs;
    int64_t seconds;
    bool verbose;
    enum canary canary;
};

static const char *const canary_names[] = {[CANARY_NONE] = "none",
                                           [CANARY_EARLY_ACK] = "early-ack",
                                           [CANARY_APPLY_SKIPS] = "apply-skips",
                                           [CANARY_EARLY_ROOT] = "early-root",
                                           [CANARY_ROOT_AHEAD] = "root-ahead"};

static int
usage(const char *name)
{
    fprintf(stderr,
            "usage: %s [--seed N] [--runs N] [--seconds S] [--members N] [--jobs N]\n"
            "       [--canary early-ack|apply-skips|early-root|root-ahead] [--verbose]\n",
            name);
    return 2;
}

static unsigned
members_for(const struct arguments *arguments, uint64_t seed)
{
    return arguments->members != 0 ? arguments->members : seed % 10 == 9 ? 5 : 3;
}

/* In the child: one processor, for only one thread runs at a time. */
static void
stay_on_one_processor(uint64_t seed)
{
    cpu_set_t all, one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof(all), &all) != 0) {
        return;
    }
    int skip = (int)(seed % (uint64_t)CPU_COUNT(&all));
    for (size_t i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &all) && skip-- == 0) {
            CPU_SET(i, &one);
        }
    }
    UNUSED(sched_setaffinity(0, sizeof(one), &one)); /* slower, not wrong */
}

struct run {
    pid_t pid;
    uint64_t seed;
    struct simulation_result *result; /* shared with the child */
};

static void
run_start(struct run *run, const struct arguments *arguments, uint64_t seed)
{
    run->seed = seed;
    run->result = mmap(NULL, sizeof(*run->result), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT(run->result != MAP_FAILED);
    fflush(stdout);
    run->pid = fork();
    ASSERT(run->pid >= 0);
    if (run->pid == 0) {
        struct simulation_options options = {.seed = seed,
                                             .member_count = members_for(arguments, seed),
                                             .seconds = arguments->seconds,
                                             .canary = arguments->canary,
                                             .verbose = arguments->verbose};
        alarm(HANG_SECONDS);
        stay_on_one_processor(seed);
        simulation_run(&options, run->result);
        _exit(0);
    }
}

static void
judge(const struct arguments *arguments, struct simulation_result *result, int how_it_ended)
{
    const char *what = NULL;
    bool whole = arguments->seconds >= 10 && arguments->canary == CANARY_NONE;
    if (WIFSIGNALED(how_it_ended) && WTERMSIG(how_it_ended) == SIGALRM) {
        what = "it hangs";
    } else if (!WIFEXITED(how_it_ended) || WEXITSTATUS(how_it_ended) != 0) {
        what = "the process died";
    } else if (whole && result->crash_count == 0) {
        what = "no crash";
    } else if (whole && result->partition_count == 0) {
        what = "no partition";
    } else if (whole && result->commit_count < SIM_COMMITS_LEAST) {
        what = "too few commits";
    }
    if (!result->violated && what != NULL) {
        result->violated = true;
        snprintf(result->what, sizeof(result->what), "%s", what);
    }
}

static bool
run_wait(struct run *run, const struct arguments *arguments, struct simulation_result *out)
{
    int how_it_ended = 0;
    ASSERT(waitpid(run->pid, &how_it_ended, 0) == run->pid);
    *out = *run->result;
    munmap(run->result, sizeof(*run->result));
    judge(arguments, out, how_it_ended);
    printf("seed=%" PRIu64 " members=%u trace=%016" PRIx64 " events=%" PRIu64
           " commits=%" PRIu64 " refused=%" PRIu64 " doubt=%" PRIu64 " reads=%" PRIu64
           " leaders=%" PRIu64 " switchovers=%" PRIu64 " crashes=%" PRIu64
           " partitions=%" PRIu64 "%s%s\n",
           run->seed, members_for(arguments, run->seed), out->trace, out->event_count,
           out->commit_count, out->refused_count, out->doubt_count, out->read_count,
           out->leader_count, out->switchover_count, out->crash_count, out->partition_count,
           out->violated ? " VIOLATED: " : "", out->what);
    fflush(stdout);
    return !out->violated;
}

static bool
run_seed(const struct arguments *arguments, uint64_t seed, struct simulation_result *out)
{
    struct run run;
    run_start(&run, arguments, seed);
    return run_wait(&run, arguments, out);
}

static bool
canary_is_caught(const struct arguments *arguments, enum canary canary)
{
    struct arguments with = *arguments;
    struct simulation_result result;
    with.canary = canary;
    for (uint64_t i = 0; i < CANARY_SEEDS; i++) {
        if (!run_seed(&with, arguments->seed + i, &result)) {
            printf("the canary %s was caught\n", canary_names[canary]);
            return true;
        }
    }
    printf("the canary %s was not caught in %d seeds\n", canary_names[canary], CANARY_SEEDS);
    return false;
}

/* The same seed twice is the same run; canaries are caught. */
static bool
prove_sight(const struct arguments *arguments)
{
    struct simulation_result first, second;
    bool good = run_seed(arguments, arguments->seed, &first);
    good = run_seed(arguments, arguments->seed, &second) && good;
    if (first.trace != second.trace || first.event_count != second.event_count) {
        printf("seed=%" PRIu64 " gave two different runs\n", arguments->seed);
        good = false;
    }
    for (size_t canary = CANARY_NONE + 1; canary < ARRAY_SIZE(canary_names); canary++) {
        good = canary_is_caught(arguments, (enum canary)canary) && good;
    }
    return good;
}

/* `jobs` at a time, reported in order. */
static bool
run_all(const struct arguments *arguments)
{
    struct run *runs = calloc(arguments->runs, sizeof(*runs));
    ASSERT(runs != NULL);
    bool good = true;
    unsigned long started = 0;
    for (unsigned long i = 0; i < arguments->runs; i++) {
        while (started < arguments->runs && started < i + arguments->jobs) {
            run_start(&runs[started], arguments, arguments->seed + started);
            started++;
        }
        struct simulation_result result;
        good = run_wait(&runs[i], arguments, &result) && good;
    }
    free(runs);
    return good;
}

static bool
parse_canary(const char *name, enum canary *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(canary_names); i++) {
        if (strcmp(canary_names[i], name) == 0) {
            *out = (enum canary)i;
            return true;
        }
    }
    return false;
}

static bool
parse(int count, char **words, struct arguments *out)
{
    for (int i = 1; i < count; i++) {
        const char *word = words[i], *value = i + 1 < count ? words[i + 1] : "";
        unsigned long long number = strtoull(value, NULL, 10);
        if (strcmp(word, "--verbose") == 0) {
            out->verbose = true;
            continue;
        }
        i++;
        if (strcmp(word, "--seed") == 0) {
            out->seed = number;
        } else if (strcmp(word, "--runs") == 0) {
            out->runs = (unsigned long)number;
        } else if (strcmp(word, "--seconds") == 0) {
            out->seconds = (int64_t)number;
        } else if (strcmp(word, "--members") == 0) {
            out->members = (unsigned)number;
        } else if (strcmp(word, "--jobs") == 0) {
            out->jobs = (unsigned)number;
        } else if (strcmp(word, "--canary") != 0 || !parse_canary(value, &out->canary)) {
            return false;
        }
    }
    return out->members <= 5 && out->jobs >= 1 && out->runs >= 1;
}

int
main(int count, char **words)
{
    struct arguments arguments = {.seed = 1, .runs = 10, .seconds = 10, .jobs = 1};
    if (!parse(count, words, &arguments)) {
        return usage(words[0]);
    }
    bool good =
        arguments.runs == 1 || arguments.canary != CANARY_NONE || prove_sight(&arguments);
    return run_all(&arguments) && good ? 0 : 1;
}
