/* node_crash.c: a whole node behind SQL loses its power at each sync that it makes.
 *
 * A script (DDL, rows, savepoints, a COPY large enough to be logged in parts, checkpoints,
 * vacuum, truncate) runs once without a crash: after each of its steps a fingerprint of all
 * that SQL shows is taken. Then it runs again and again, each time with a power loss at another
 * sync, of whose unsynced writes the seed keeps, loses or tears. After the restart the
 * fingerprint must be the one behind the last acknowledged step, or behind the one that was not
 * answered; storage's checkers must find nothing; and the script must go on from there to the
 * same end.
 *
 * Each run is a process: a world keeps the memory of what lost its power.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "tests/crash/crash.h"
#include "tests/lib/sim_client.h"
#include "tests/world/sim_member.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NS_PER_S ((int64_t)1000000000)
#define STEPS_MAX 40
#define CLIENT_HOST 8
#define COPY_ROWS 45000 /* more than is kept for the record of a commit: logged in parts */
#define HANG_SECONDS 60
#define END_NS (120 * NS_PER_S)
#define UNITS_OF_SAMPLE 90 /* crash points of a sampled run */

static const char *const script[] = {
    "CREATE TABLE t (id int PRIMARY KEY, v text, n int)",
    "INSERT INTO t SELECT g, repeat('a', g % 50), g % 7 FROM generate_series(1, 300) g",
    "CREATE INDEX t_n ON t (n)",
    "BEGIN; UPDATE t SET n = n + 1 WHERE id < 50; SAVEPOINT s; DELETE FROM t WHERE id < 100; "
    "ROLLBACK TO SAVEPOINT s; INSERT INTO t VALUES (1000, 'kept', 1); SAVEPOINT s2; "
    "INSERT INTO t VALUES (1001, 'kept too', 2); RELEASE SAVEPOINT s2; COMMIT",
    "CHECKPOINT",
    "UPDATE t SET v = repeat('y', 300) WHERE id % 2 = 0",
    "CREATE TABLE big (id int, v text)",
    "COPY big FROM STDIN",
    "DELETE FROM t WHERE id % 5 = 0",
    "VACUUM t",
    "CHECKPOINT",
    "BEGIN; DELETE FROM t; DROP INDEX t_n; ROLLBACK",
    "UPDATE t SET n = n * 2, v = 'short' WHERE id % 3 = 0",
    "TRUNCATE big",
    "INSERT INTO big SELECT g, 'again' FROM generate_series(1, 50) g",
    "CHECKPOINT",
    "CREATE UNIQUE INDEX big_id ON big (id)",
    "DROP INDEX t_n",
    "INSERT INTO t SELECT g, 'late', 0 FROM generate_series(2000, 2040) g",
    "DROP TABLE big",
    "CREATE TABLE big (id int PRIMARY KEY, v text)",
    "INSERT INTO big VALUES (1, 'new'), (2, 'newer')",
};
#define STEP_COUNT ARRAY_SIZE(script)
static_assert(sizeof(script) / sizeof(script[0]) < STEPS_MAX, "the fingerprints have room");

/* What SQL shows: each query's rows, or its error. */
static const char *const questions[] = {
    "SELECT count(*), sum(id), sum(n), sum(length(v)) FROM t",
    "SELECT count(*), sum(id) FROM t WHERE n = 2",
    "SELECT id, n, v FROM t WHERE id % 31 = 0 ORDER BY id",
    "SELECT count(*), sum(id), sum(length(v)) FROM big",
    "SELECT v FROM big WHERE id = 2",
    "SELECT relname FROM pg_class WHERE relname LIKE 't%' OR relname LIKE 'big%' ORDER BY 1",
};

/* Shared with the processes that run. */
struct findings {
    uint64_t prints[STEPS_MAX + 1]; /* before the script, behind each step; of the first run */
    uint64_t sync_count;            /* of the first run */
    bool broken, finished;
    char what[400];
};

struct crash_run {
    struct findings *findings;
    struct sim_world *world;
    struct sim_member member;
    struct sim_client client;
    uint64_t print;
    unsigned answered;  /* steps */
    bool reference;     /* nothing goes wrong: prints are taken */
    bool done, crashed; /* crashed: and up again, not looked at yet */
    bool lost_power;    /* at all */
};

static void broke(struct crash_run *run, const char *format, ...) PRINTF_LIKE(2, 3);

static void
broke(struct crash_run *run, const char *format, ...)
{
    if (!run->findings->broken) {
        va_list args;
        va_start(args, format);
        vsnprintf(run->findings->what, sizeof(run->findings->what), format, args);
        va_end(args);
        run->findings->broken = true;
    }
}

/* ---- the client, on a thread of the world ---- */

static void
connect_again(struct crash_run *run)
{
    int64_t end_ns = sim_world_now_ns(run->world) + 30 * NS_PER_S;
    while (run->client.stream == NULL && !run->findings->broken) {
        if (!sim_client_connect(&run->client, 0, SIM_SQL_PORT)) {
            thread_sleep_us(20000);
        }
        if (sim_world_now_ns(run->world) > end_ns) {
            broke(run, "no session can be had: %s", run->client.message);
        }
    }
}

static void
add_row(void *arg, unsigned count, const char *const *values)
{
    struct crash_run *run = arg;
    for (unsigned i = 0; i < count; i++) {
        run->print =
            hash64(slice_from_text(values[i] == NULL ? "(null)" : values[i]), run->print);
    }
}

/* False: the power went meanwhile. */
static bool
take_print(struct crash_run *run)
{
    run->print = 1;
    run->client.on_row = add_row;
    run->client.row_arg = run;
    bool whole = true;
    for (unsigned i = 0; i < ARRAY_SIZE(questions) && whole; i++) {
        enum sim_answer answer = sim_client_query(&run->client, questions[i]);
        whole = answer != SIM_LOST;
        run->print = hash64(slice_from_text(run->client.sqlstate), run->print + i);
    }
    run->client.on_row = NULL;
    return whole;
}

static enum sim_answer
copy_in(struct crash_run *run, const char *sql)
{
    struct buf data = BUF_EMPTY;
    for (unsigned i = 0; i < COPY_ROWS; i++) {
        buf_printf(&data,
                   "%u\tsome text that fills the row a little, and more of it so that parts "
                   "come: %u\n",
                   i, i * 7);
    }
    enum sim_answer answer = sim_client_copy(&run->client, sql, buf_slice(&data));
    buf_deinit(&data);
    return answer;
}

static enum sim_answer
take_step(struct crash_run *run, unsigned step)
{
    return strncmp(script[step], "COPY", 4) == 0 ? copy_in(run, script[step])
                                                 : sim_client_query(&run->client, script[step]);
}

static void
examine(void *arg)
{
    struct crash_run *run = arg;
    struct diag diag = {0};
    if (!sim_member_verify(&run->member, &diag)) {
        broke(run, "%s: %s; while %s", diag.message, diag.detail, diag.while_chain);
    }
    run->member.busy = false;
}

/* After a restart: the state is that behind the last answered step, or behind the next. */
static void
look(struct crash_run *run)
{
    connect_again(run);
    if (run->findings->broken || !take_print(run)) {
        return;
    }
    run->crashed = false;
    if (run->print == run->findings->prints[run->answered + 1] && run->answered < STEP_COUNT) {
        run->answered += run->print != run->findings->prints[run->answered];
    } else if (run->print != run->findings->prints[run->answered]) {
        broke(run, "after the restart the state is neither that behind step %u nor the next",
              run->answered);
    }
    run->member.busy = true;
    sim_member_run(&run->member, examine, run);
    while (run->member.busy) {
        thread_sleep_us(1000);
    }
}

static void
work_through(void *arg)
{
    struct crash_run *run = arg;
    sim_client_init(&run->client, run->world, CLIENT_HOST);
    run->client.patience_ns = 20 * NS_PER_S;
    connect_again(run);
    if (run->reference && take_print(run)) {
        run->findings->prints[0] = run->print;
    }
    while (run->answered < STEP_COUNT && !run->findings->broken) {
        if (run->client.stream == NULL || run->crashed) {
            look(run);
            continue;
        }
        enum sim_answer answer = take_step(run, run->answered);
        if (answer == SIM_DONE) {
            run->answered++;
        } else if (answer == SIM_ERROR && strncmp(run->client.sqlstate, "57P", 3) != 0 &&
                   strncmp(run->client.sqlstate, "40", 2) != 0) {
            broke(run, "step %u failed: %s %s", run->answered, run->client.sqlstate,
                  run->client.message);
        }
        if (run->reference && take_print(run)) {
            run->findings->prints[run->answered] = run->print;
        }
    }
    if (!run->findings->broken) {
        look(run);
    }
    run->done = true;
}

/* ---- a run, in a process of its own ---- */

static void
watch(struct crash_run *run)
{
    if (run->member.state != SIM_DOWN && sim_world_is_off(run->world, 0)) {
        sim_member_power_off(&run->member);
        sim_world_power_on(run->world, 0);
        sim_member_start(&run->member);
        run->crashed = run->lost_power = true;
    }
    if (run->member.state == SIM_REFUSED) {
        broke(run, "it does not start: %s; while %s", run->member.diag.message,
              run->member.diag.while_chain);
    }
    if (sim_member_is_damaged(&run->member)) {
        broke(run, "it takes itself for damaged");
    }
}

/* What a run is made of. */
struct plan {
    uint64_t seed, crash_sync; /* 0: nothing goes wrong */
    enum sim_loss loss;
    enum fault canary; /* FAULT_COUNT: none */
};

static void
run_once(struct findings *findings, const struct plan *plan)
{
    static const struct sim_member_options options = {.member_count = 1,
                                                      .pool_pages = 512,
                                                      .checkpoint_ms = 60000,
                                                      .lane_count = 1,
                                                      .segment_bytes = (uint64_t)1 << 20};
    struct crash_run *run = calloc(1, sizeof(*run));
    ASSERT(run != NULL);
    run->findings = findings;
    run->reference = plan->crash_sync == 0;
    run->world = sim_world_new(plan->seed);
    sim_member_init(&run->member, run->world, 0, &options);
    if (plan->canary != FAULT_COUNT) {
        run->member.faults.chance[plan->canary] = 1;
    }
    sim_world_disk_delay(run->world, 0, 100000);
    uint64_t before = sim_vfs_sync_count(sim_world_disk(run->world, 0));
    sim_vfs_set_loss(sim_world_disk(run->world, 0), plan->loss);
    sim_world_power_off_at_sync(run->world, 0, plan->crash_sync);
    sim_member_start(&run->member);
    sim_world_start(run->world, CLIENT_HOST, "script", work_through, run);
    while (!run->done && !findings->broken && sim_world_step(run->world, END_NS)) {
        watch(run);
    }
    if (!run->done) {
        broke(run, "it does not come to its end: step %u", run->answered);
    }
    if (run->reference) {
        findings->sync_count = sim_vfs_sync_count(sim_world_disk(run->world, 0)) - before;
    } else if (!run->lost_power) {
        broke(run, "the sync of the power loss never came");
    }
    findings->finished = true;
}

static bool
run_in_process(struct findings *findings, const struct plan *plan)
{
    static const char *const names[] = {
        [SIM_LOSS_BY_SEED] = "by seed", [SIM_LOSS_ALL] = "all", [SIM_LOSS_NONE] = "none"};
    findings->finished = findings->broken = false;
    fflush(stdout);
    pid_t pid = fork();
    ASSERT(pid >= 0);
    if (pid == 0) {
        alarm(HANG_SECONDS);
        run_once(findings, plan);
        _exit(0);
    }
    int how_it_ended = 0;
    ASSERT(waitpid(pid, &how_it_ended, 0) == pid);
    bool good = findings->finished && !findings->broken;
    if (!good) {
        printf("node: seed %" PRIu64 ", power loss at sync %" PRIu64
               ", unsynced writes lost: %s: %s\n",
               plan->seed, plan->crash_sync, names[plan->loss],
               findings->broken ? findings->what : "the process died or hung");
    }
    return good;
}

bool
crash_node(uint64_t seed, bool full, enum fault canary)
{
    struct findings *findings = mmap(NULL, sizeof(*findings), PROT_READ | PROT_WRITE,
                                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT(findings != MAP_FAILED);
    struct plan plan = {.seed = seed, .loss = SIM_LOSS_BY_SEED, .canary = canary};
    bool good = run_in_process(findings, &plan);
    uint64_t count = findings->sync_count, runs = 0;
    uint64_t stride = full ? 1 : MAX(count / UNITS_OF_SAMPLE, (uint64_t)1);
    for (uint64_t at = 1 + (full ? 0 : seed % stride); good && at <= count; at += stride) {
        for (unsigned loss = 0; good && loss < 3; loss++) {
            if (full || loss == (at / stride + seed) % 3) {
                plan.crash_sync = at;
                plan.loss = (enum sim_loss)loss;
                good = run_in_process(findings, &plan);
                runs++;
            }
        }
    }
    printf("node: %" PRIu64 " syncs, %" PRIu64 " power losses\n", count, runs);
    munmap(findings, sizeof(*findings));
    return good;
}
