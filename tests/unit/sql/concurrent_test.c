/* concurrent_test.c: sessions on threads of their own, commits through an apply thread.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/env.h"
#include "base/fault.h"
#include "base/rng.h"
#include "tests/unit/sql/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCOUNTS 8
#define WORKERS 4
#define TRANSFERS 150

struct worker_of_test {
    struct thread thread;
    struct lab *lab;
    unsigned no, done_count, conflict_count;
    char failure[256]; /* an answer that must not be */
};

/* Errors that a client retries: deadlocks and term changes. */
static bool
is_retryable(const char *answer)
{
    return strstr(answer, "ERROR 40") != NULL;
}

static void
transfer_money(void *arg)
{
    struct worker_of_test *worker = arg;
    struct lab_session session;
    lab_connect(worker->lab, &session);
    struct rng rng;
    rng_seed(&rng, worker->no);
    while (worker->done_count < TRANSFERS && worker->failure[0] == 0) {
        char text[256];
        unsigned from = (unsigned)rng_below(&rng, ACCOUNTS),
                 to = (unsigned)rng_below(&rng, ACCOUNTS);
        snprintf(text, sizeof(text),
                 "BEGIN; UPDATE bank SET n = n - 1 WHERE id = %u; "
                 "UPDATE bank SET n = n + 1 WHERE id = %u; COMMIT",
                 from, to);
        const char *answer = lab_run(&session, text);
        if (strcmp(answer, "BEGIN\nUPDATE 1\nUPDATE 1\nCOMMIT\n") == 0) {
            worker->done_count++;
        } else if (is_retryable(answer)) {
            worker->conflict_count++;
            (void)lab_run(&session, "ROLLBACK");
        } else {
            snprintf(worker->failure, sizeof(worker->failure), "%s", answer);
        }
        answer = lab_run(&session, "SELECT sum(n) FROM bank");
        if (strcmp(answer, "[sum]\n800\nSELECT 1\n") != 0 && worker->failure[0] == 0) {
            snprintf(worker->failure, sizeof(worker->failure), "%s", answer);
        }
    }
    lab_disconnect(&session);
}

/* Goal: money is neither made nor lost, every snapshot shows the same sum, and plans survive
 * definitions that change under them. Method: transfers on threads while another makes and
 * drops an index and adds columns. */
static void
transfers__definitions_change__sum_holds(void **state)
{
    struct fixture *f = *state;
    expect(&f->a, "CREATE TABLE bank (id int PRIMARY KEY, n int)", "CREATE TABLE\n");
    expect(&f->a, "INSERT INTO bank SELECT g, 100 FROM generate_series(0, 7) g",
           "INSERT 0 8\n");
    lab_start_applier(&f->lab);
    struct worker_of_test workers[WORKERS] = {0};
    for (unsigned i = 0; i < WORKERS; i++) {
        struct diag diag = {0};
        workers[i].lab = &f->lab;
        workers[i].no = i;
        assert_int_equal(thread_start(&workers[i].thread, THREAD_LANE, "worker", transfer_money,
                                      &workers[i], &diag),
                         STATUS_OK);
    }
    char failure[256] = "";
    for (unsigned i = 0; i < 10; i++) {
        char text[128];
        snprintf(text, sizeof(text),
                 i % 2 == 0 ? "CREATE INDEX bank_n ON bank (n)" : "DROP INDEX bank_n");
        const char *answer = lab_run(&f->a, text);
        if (strstr(answer, "ERROR") != NULL && !is_retryable(answer)) {
            snprintf(failure, sizeof(failure), "%s", answer);
            break;
        }
        snprintf(text, sizeof(text), "ALTER TABLE bank ADD COLUMN c%u int", i);
        answer = lab_run(&f->a, text);
        if (strstr(answer, "ERROR") != NULL && !is_retryable(answer)) {
            snprintf(failure, sizeof(failure), "%s", answer);
        }
        usleep(5000);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        thread_join(&workers[i].thread);
    }
    lab_stop_applier(&f->lab);
    assert_string_equal(failure, "");
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_string_equal(workers[i].failure, "");
        assert_int_equal(workers[i].done_count, TRANSFERS);
    }
    expect(&f->b, "SELECT sum(n) FROM bank", "[sum]\n800\nSELECT 1\n");
}

struct waiting {
    struct thread thread;
    struct lab_session *session;
    const char *text;
    char answer[256];
};

static void
run_text(void *arg)
{
    struct waiting *waiting = arg;
    snprintf(waiting->answer, sizeof(waiting->answer), "%s",
             lab_run(waiting->session, waiting->text));
}

static void
start_waiting(struct waiting *waiting, struct lab_session *session, const char *text)
{
    struct diag diag = {0};
    waiting->session = session;
    waiting->text = text;
    assert_int_equal(
        thread_start(&waiting->thread, THREAD_LANE, "waiting", run_text, waiting, &diag),
        STATUS_OK);
    usleep(100000); /* until it stands in its queue; too short only makes the test weaker */
}

/* Until the log has more than `count` entries: a commit is under way. */
static void
wait_for_entry(struct lab *lab, uint64_t count)
{
    for (bool more = false; !more; usleep(1000)) {
        mutex_lock(&lab->mu);
        more = lab->entry_count > count;
        mutex_unlock(&lab->mu);
    }
}

/* Goal: a statement that waited for a table's lock runs with the definition that it finds. */
static void
statement__table_changes_while_it_waits__plans_anew(void **state)
{
    struct fixture *f = *state;
    expect(&f->a, "CREATE TABLE t (a int, b int); INSERT INTO t VALUES (1, 2)",
           "CREATE TABLE\nINSERT 0 1\n");
    expect(&f->b, "SELECT * FROM t", "[a|b]\n1|2\nSELECT 1\n");
    lab_start_applier(&f->lab);
    expect(&f->a, "BEGIN; LOCK TABLE t; ALTER TABLE t ADD COLUMN c int",
           "BEGIN\nLOCK TABLE\nALTER TABLE\n");
    struct waiting waiting = {0};
    start_waiting(&waiting, &f->b, "SELECT * FROM t");
    expect(&f->a, "UPDATE t SET c = 3; COMMIT", "UPDATE 1\nCOMMIT\n");
    thread_join(&waiting.thread);
    assert_string_equal(waiting.answer, "[a|b|c]\n1|2|3\nSELECT 1\n");
    expect(&f->a, "BEGIN; DROP TABLE t", "BEGIN\nDROP TABLE\n");
    start_waiting(&waiting, &f->b, "INSERT INTO t VALUES (5, 5)");
    expect(&f->a, "COMMIT", "COMMIT\n");
    thread_join(&waiting.thread);
    lab_stop_applier(&f->lab);
    assert_string_equal(waiting.answer, "ERROR 42P01: relation \"t\" does not exist\n");
}

/* Goal: a snapshot taken after the catalog CSN moved, but before the change is visible, does
 * not pass for the new definitions. Method: apply pauses between the two publications; another
 * session begins its statement in the pause and waits for the table's lock until its end. */
static void
statement__begins_between_the_publications__plans_anew(void **state)
{
    static const char *const begins[] = {"SET lock_timeout = 0",
                                         "BEGIN; CREATE TABLE own (x int)"};
    struct fixture *f = *state;
    static struct faults faults;
    faults = (struct faults){.chance[FAULT_PUBLISH_SLOW] = 1};
    rng_seed(&faults.rng, 1);
    for (unsigned i = 0; i < ARRAY_SIZE(begins); i++) {
        expect(&f->a, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)",
               "CREATE TABLE\nINSERT 0 1\n");
        (void)lab_run(&f->b, begins[i]);
        expect(&f->b, "SELECT * FROM t", "[a]\n1\nSELECT 1\n");
        expect(&f->b, "ROLLBACK",
               i == 0 ? "WARNING 25P01: there is no transaction in progress\nROLLBACK\n"
                      : "ROLLBACK\n");
        (void)lab_run(&f->b, begins[i]);
        lab_start_applier(&f->lab);
        f->lab.env.faults = &faults;
        struct waiting waiting = {0};
        uint64_t entry_count = f->lab.entry_count;
        start_waiting(&waiting, &f->a, "DROP TABLE t");
        wait_for_entry(&f->lab, entry_count);
        expect(&f->b, "SELECT * FROM t", "ERROR 42P01: relation \"t\" does not exist\n");
        thread_join(&waiting.thread);
        lab_stop_applier(&f->lab);
        f->lab.env.faults = NULL;
        assert_string_equal(waiting.answer, "DROP TABLE\n");
        (void)lab_run(&f->b, "ROLLBACK");
    }
    assert_int_equal(faults.fired_count[FAULT_PUBLISH_SLOW], 2);
}

/* Goal: a cancel ends a statement that waits, lock_timeout does, and the block is failed. */
static void
statement__cancelled_while_it_waits__is_57014(void **state)
{
    struct fixture *f = *state;
    expect(&f->a, "CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1)",
           "CREATE TABLE\nINSERT 0 1\n");
    lab_start_applier(&f->lab);
    expect(&f->a, "BEGIN; UPDATE t SET a = 2", "BEGIN\nUPDATE 1\n");
    struct waiting waiting = {0};
    start_waiting(&waiting, &f->b, "UPDATE t SET a = 3");
    sql_session_cancel(f->b.session);
    thread_join(&waiting.thread);
    assert_string_equal(waiting.answer,
                        "ERROR 57014: canceling statement due to user request\n");
    expect(&f->b, "BEGIN; SET LOCAL lock_timeout = 20; UPDATE t SET a = 3",
           "BEGIN\nSET\nERROR 55P03: canceling statement due to lock timeout\n");
    expect(&f->b, "SELECT 1",
           "ERROR 25P02: current transaction is aborted, commands ignored until end of "
           "transaction block\n");
    expect(&f->b, "ROLLBACK", "ROLLBACK\n");
    expect(&f->a, "COMMIT", "COMMIT\n");
    expect(&f->b, "SELECT * FROM t", "[a]\n2\nSELECT 1\n");
    lab_stop_applier(&f->lab);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        CASE(transfers__definitions_change__sum_holds),
        CASE(statement__table_changes_while_it_waits__plans_anew),
        CASE(statement__begins_between_the_publications__plans_anew),
        CASE(statement__cancelled_while_it_waits__is_57014),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
