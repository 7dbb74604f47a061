/* sim_main.c: the simulation's command line; see usage() and README.md.
 *
 * Each seed runs in a process of its own: a world keeps the memory of what lost its power, and
 * a failed assertion of the product is a finding like any other. Before many seeds it proves
 * that it can see: one seed twice is one run, and each canary is caught. Different seeds are
 * different runs: two of one trace are a failure.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/simulation.h"

#include "base/macros.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANARY_SEEDS 40
#define RUNS_MAX 100000u
#define SECONDS_MAX 86400u
#define MEMBERS_MOST 5u
#define HANG_SECONDS 120 /* and one for each that is simulated */

struct arguments {
    uint64_t seed;
    unsigned long runs;
    unsigned members, jobs;
    int64_t seconds;
    bool verbose, twice;
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
            "       [--canary early-ack|apply-skips|early-root|root-ahead] [--twice] "
            "[--verbose]\n",
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
        alarm(HANG_SECONDS + (unsigned)arguments->seconds);
        stay_on_one_processor(seed);
        simulation_run(&options, run->result);
        _exit(0);
    }
}

/* What is wrong with the run as such, whatever it found. */
static const char *
fault_of_run(const struct arguments *arguments, const struct simulation_result *result,
             int how_it_ended)
{
    bool whole = arguments->seconds >= 10 && arguments->canary == CANARY_NONE;
    if (WIFSIGNALED(how_it_ended) && WTERMSIG(how_it_ended) == SIGALRM) {
        return "it hangs";
    }
    if (!WIFEXITED(how_it_ended) || WEXITSTATUS(how_it_ended) != 0) {
        return "the process died";
    }
    if (whole && result->crash_count == 0) {
        return "no crash";
    }
    if (whole && result->partition_count == 0) {
        return "no partition";
    }
    return whole && result->commit_count < SIM_COMMITS_LEAST ? "too few commits" : NULL;
}

/* False: the run found something, or is none that counts. */
static bool
run_wait(struct run *run, const struct arguments *arguments, struct simulation_result *out)
{
    int how_it_ended = 0;
    ASSERT(waitpid(run->pid, &how_it_ended, 0) == run->pid);
    *out = *run->result;
    munmap(run->result, sizeof(*run->result));
    const char *fault = fault_of_run(arguments, out, how_it_ended);
    printf("seed=%" PRIu64 " members=%u trace=%016" PRIx64 " events=%" PRIu64
           " commits=%" PRIu64 " refused=%" PRIu64 " doubt=%" PRIu64 " reads=%" PRIu64
           " leaders=%" PRIu64 " switchovers=%" PRIu64 " crashes=%" PRIu64
           " partitions=%" PRIu64 "%s%s%s%s\n",
           run->seed, members_for(arguments, run->seed), out->trace, out->event_count,
           out->commit_count, out->refused_count, out->doubt_count, out->read_count,
           out->leader_count, out->switchover_count, out->crash_count, out->partition_count,
           out->violated ? " VIOLATED: " : "", out->what, fault != NULL ? " FAILED: " : "",
           fault != NULL ? fault : "");
    fflush(stdout);
    return !out->violated && fault == NULL;
}

static bool
run_seed(const struct arguments *arguments, uint64_t seed, struct simulation_result *out)
{
    struct run run;
    run_start(&run, arguments, seed);
    return run_wait(&run, arguments, out);
}

/* By a check: a run that dies or hangs has not seen anything. */
static bool
canary_is_caught(const struct arguments *arguments, enum canary canary)
{
    struct arguments with = *arguments;
    struct simulation_result result;
    with.canary = canary;
    for (uint64_t i = 0; i < CANARY_SEEDS; i++) {
        if (!run_seed(&with, arguments->seed + i, &result) && result.violated) {
            printf("the canary %s was caught\n", canary_names[canary]);
            return true;
        }
    }
    printf("the canary %s was not caught in %d seeds\n", canary_names[canary], CANARY_SEEDS);
    return false;
}

/* The same seed twice is the same run. */
static bool
runs_agree(uint64_t seed, const struct simulation_result *first,
           const struct simulation_result *second)
{
    bool same = first->trace == second->trace && first->event_count == second->event_count;
    if (!same) {
        printf("seed=%" PRIu64 " gave two different runs\n", seed);
    }
    return same;
}

static bool
prove_sight(const struct arguments *arguments)
{
    struct simulation_result first, second;
    bool good = run_seed(arguments, arguments->seed, &first);
    good = run_seed(arguments, arguments->seed, &second) && good;
    good = runs_agree(arguments->seed, &first, &second) && good;
    for (size_t canary = CANARY_NONE + 1; canary < ARRAY_SIZE(canary_names); canary++) {
        good = canary_is_caught(arguments, (enum canary)canary) && good;
    }
    return good;
}

/* Whether no two of them are one run. */
static bool
all_differ(const struct simulation_result *results, const struct arguments *arguments)
{
    for (unsigned long i = 0; i < arguments->runs; i++) {
        for (unsigned long k = 0; k < i; k++) {
            if (results[i].trace == results[k].trace) {
                printf("seed=%" PRIu64 " and seed=%" PRIu64 " gave one run\n",
                       arguments->seed + k, arguments->seed + i);
                return false;
            }
        }
    }
    return true;
}

/* `jobs` at a time, reported in order. */
static bool
run_all(const struct arguments *arguments, struct simulation_result *results)
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
        good = run_wait(&runs[i], arguments, &results[i]) && good;
    }
    free(runs);
    return good;
}

static bool
run_and_compare(const struct arguments *arguments)
{
    struct simulation_result *first = calloc(arguments->runs, sizeof(*first));
    struct simulation_result *second = calloc(arguments->runs, sizeof(*second));
    ASSERT(first != NULL && second != NULL);
    bool good = run_all(arguments, first);
    good = all_differ(first, arguments) && good;
    if (arguments->twice) {
        good = run_all(arguments, second) && good;
        for (unsigned long i = 0; i < arguments->runs; i++) {
            good = runs_agree(arguments->seed + i, &first[i], &second[i]) && good;
        }
    }
    free(first);
    free(second);
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

/* A whole number and nothing else. */
static bool
parse_number(const char *text, uint64_t *out)
{
    char *end = NULL;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

static bool
parse_option(const char *word, const char *value, struct arguments *out)
{
    uint64_t number = 0;
    if (strcmp(word, "--canary") == 0) {
        return parse_canary(value, &out->canary);
    }
    if (!parse_number(value, &number)) {
        return false;
    }
    if (strcmp(word, "--seed") == 0) {
        out->seed = number;
    } else if (strcmp(word, "--runs") == 0 && number >= 1 && number <= RUNS_MAX) {
        out->runs = (unsigned long)number;
    } else if (strcmp(word, "--seconds") == 0 && number <= SECONDS_MAX) {
        out->seconds = (int64_t)number;
    } else if (strcmp(word, "--members") == 0 && number >= 1 && number <= MEMBERS_MOST) {
        out->members = (unsigned)number;
    } else if (strcmp(word, "--jobs") == 0 && number >= 1 && number <= RUNS_MAX) {
        out->jobs = (unsigned)number;
    } else {
        return false;
    }
    return true;
}

static bool
parse(int count, char **words, struct arguments *out)
{
    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], "--verbose") == 0) {
            out->verbose = true;
        } else if (strcmp(words[i], "--twice") == 0) {
            out->twice = true;
        } else if (i + 1 == count || !parse_option(words[i], words[i + 1], out)) {
            return false;
        } else {
            i++;
        }
    }
    return true;
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
    return run_and_compare(&arguments) && good ? 0 : 1;
}
