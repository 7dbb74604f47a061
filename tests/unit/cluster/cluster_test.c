/* cluster_test.c: members of one and of three, with real files, threads and sockets.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cluster/member_fixture.h"

// clang-format off
#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* A sole voter leads at once, and what it acknowledged is there after a restart, under a higher
 * term. */
static void
cluster__one_member__keeps_what_it_acknowledged(void **state)
{
    UNUSED(state);
    struct fixture *f = fixture_new(1);
    struct cluster_state before, after;
    uint64_t index = 0;
    fixture_start(f, 0);
    fixture_write(f, "<alpha>");
    index = fixture_write(f, "<beta>");
    cluster_state(f->nodes[0].cluster, &before);
    assert_true(before.durable_index >= index);
    assert_int_equal(before.member_count, 1);
    fixture_stop(f, 0);
    fixture_start(f, 0);
    fixture_leader(f);
    assert_true(fixture_wait_applied(f, 0, index));
    assert_true(fixture_holds(f, 0, "<alpha><beta>"));
    cluster_state(f->nodes[0].cluster, &after);
    assert_true(after.term > before.term);
    fixture_delete(f);
}

/* The same when the process is killed. Method: a child writes numbers and tells each
 * acknowledged one through a pipe; it is killed in the middle; all told are there. */
static void
cluster__one_member_killed__keeps_what_it_acknowledged(void **state)
{
    UNUSED(state);
    struct fixture *f = fixture_new(1);
    int pipe_fd[2];
    char text[32];
    uint32_t number = 0, told = 0;
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t child = fork();
    if (child == 0) {
        close(pipe_fd[0]);
        fixture_start(f, 0);
        for (number = 1;; number++) {
            snprintf(text, sizeof(text), "<%u>", number);
            fixture_write(f, text);
            if (write(pipe_fd[1], &number, sizeof(number)) != sizeof(number)) {
                _exit(0);
            }
        }
    }
    close(pipe_fd[1]);
    while (told < 50 && read(pipe_fd[0], &number, sizeof(number)) == sizeof(number)) {
        told = number;
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(pipe_fd[0], &number, sizeof(number)) == sizeof(number)) {
        told = number;
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(pipe_fd[0]);
    assert_true(told >= 50);
    fixture_start(f, 0);
    fixture_write(f, "<end>");
    for (number = 1; number <= told; number++) {
        snprintf(text, sizeof(text), "<%u>", number);
        assert_true(fixture_holds(f, 0, text));
    }
    fixture_delete(f);
}

static void
start_three(struct fixture *f)
{
    for (unsigned i = 0; i < 3; i++) {
        fixture_start(f, i);
    }
}

/* Three members elect one leader; what is written is applied on all, in one order. */
static void
cluster__three_members__apply_the_same(void **state)
{
    UNUSED(state);
    struct fixture *f = fixture_new(3);
    uint64_t index = 0;
    char text[32];
    start_three(f);
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof(text), "<%d>", i);
        index = fixture_write(f, text);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_true(fixture_wait_applied(f, i, index));
    }
    for (unsigned i = 1; i < 3; i++) {
        assert_int_equal(f->nodes[i].content.size, f->nodes[0].content.size);
        assert_memory_equal(f->nodes[i].content.data, f->nodes[0].content.data,
                            f->nodes[0].content.size);
    }
    fixture_delete(f);
}

/* The leader goes: another takes over, keeps all, and the old one catches up when it is back.
 */
static void
cluster__leader_stops__another_takes_over(void **state)
{
    UNUSED(state);
    struct fixture *f = fixture_new(3);
    start_three(f);
    fixture_write(f, "<before>");
    for (int round = 0; round < 3; round++) {
        char text[32];
        unsigned old = fixture_leader(f);
        fixture_stop(f, old);
        int64_t start = clock_monotonic_ns(clock_system());
        snprintf(text, sizeof(text), "<round %d>", round);
        uint64_t index = fixture_write(f, text);
        int64_t took_ms = (clock_monotonic_ns(clock_system()) - start) / 1000000;
        print_message("a new primary acknowledged after %lld ms\n", (long long)took_ms);
        assert_true(took_ms < 5000);
        fixture_start(f, old);
        assert_true(fixture_wait_applied(f, old, index));
        assert_true(fixture_holds(f, old, "<before>"));
        assert_true(fixture_holds(f, old, text));
    }
    fixture_delete(f);
}

struct answer {
    struct mutex mu;
    struct cond changed;
    bool done;
    enum status status;
    uint64_t index;
    char text[64];
};

static void
answer_init(struct answer *answer)
{
    *answer = (struct answer){0};
    mutex_init(&answer->mu, LOCK_RANK_LEAF);
    cond_init(&answer->changed);
}

static void
answer_give(struct answer *answer, enum status status, uint64_t index)
{
    mutex_lock(&answer->mu);
    answer->done = true;
    answer->status = status;
    answer->index = index;
    cond_broadcast(&answer->changed); /* held: the waiter may reuse the struct at once */
    mutex_unlock(&answer->mu);
}

static void
answer_wait(struct answer *answer)
{
    mutex_lock(&answer->mu);
    while (!answer->done) {
        cond_wait(&answer->changed, &answer->mu);
    }
    mutex_unlock(&answer->mu);
}

static void
read_done(void *arg, enum status status, uint64_t index)
{
    answer_give(arg, status, index);
}

/* A read index covers what was acknowledged before it was asked for; a follower is told that it
 * is none; a leader without a majority gets none. */
static void
cluster_read_index__leader_and_follower__covers_writes(void **state)
{
    UNUSED(state);
    struct fixture *f = fixture_new(3);
    start_three(f);
    uint64_t index = fixture_write(f, "<x>");
    unsigned leader = fixture_leader(f);
    struct answer answer;
    answer_init(&answer);
    cluster_read_index(f->nodes[leader].cluster, read_done, &answer);
    answer_wait(&answer);
    assert_int_equal(answer.status, STATUS_OK);
    assert_true(answer.index >= index);
    answer_init(&answer);
    cluster_read_index(f->nodes[(leader + 1) % 3].cluster, read_done, &answer);
    answer_wait(&answer);
    assert_int_equal(answer.status, STATUS_NOT_LEADER);
    fixture_stop(f, (leader + 1) % 3);
    fixture_stop(f, (leader + 2) % 3);
    answer_init(&answer);
    cluster_read_index(f->nodes[leader].cluster, read_done, &answer);
    answer_wait(&answer);
    assert_int_equal(answer.status, STATUS_NOT_LEADER);
    fixture_delete(f);
}

static void
transfer_done(void *arg, enum status status, const struct diag *diag)
{
    UNUSED(diag);
    answer_give(arg, status, 0);
}

/* Leadership goes to the member named, then to any, and writes go on; an unknown name and a
 * follower are refused. */
static void
cluster_transfer__to_named_and_any__takes_over(void **state)
{
    UNUSED(state);
    struct fixture *f = fixture_new(3);
    start_three(f);
    fixture_write(f, "<x>");
    for (int round = 0; round < 4; round++) {
        char text[32];
        unsigned leader = fixture_leader(f);
        unsigned target = (leader + 1) % 3;
        struct answer answer;
        answer_init(&answer);
        cluster_transfer(f->nodes[leader].cluster,
                         round % 2 == 0 ? f->founders[target].name : NULL, 5000, transfer_done,
                         &answer);
        answer_wait(&answer);
        assert_int_equal(answer.status, STATUS_OK);
        unsigned now = fixture_leader(f);
        assert_int_not_equal(now, leader);
        if (round % 2 == 0) {
            assert_int_equal(now, target);
        }
        snprintf(text, sizeof(text), "<after %d>", round);
        fixture_write(f, text);
    }
    struct answer answer;
    answer_init(&answer);
    cluster_transfer(f->nodes[fixture_leader(f)].cluster, "nobody", 1000, transfer_done,
                     &answer);
    answer_wait(&answer);
    assert_int_equal(answer.status, STATUS_NOT_FOUND);
    fixture_delete(f);
}

static void
reply_done(void *arg, enum status status, struct slice reply)
{
    struct answer *answer = arg;
    memcpy(answer->text, reply.data == NULL ? (const uint8_t *)"" : reply.data, reply.size);
    answer_give(answer, status, 0);
}

/* States travel with the pings; a request is answered by the member asked, and one that is gone
 * is a timeout. */
static void
cluster_ask__members__answer(void **state)
{
    UNUSED(state);
    struct fixture *f = fixture_new(3);
    struct cluster_state seen;
    struct answer answer;
    start_three(f);
    uint64_t index = fixture_write(f, "<x>");
    usleep(300000);
    cluster_state(f->nodes[0].cluster, &seen);
    assert_int_equal(seen.member_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(seen.members[i].connected);
        assert_true(seen.members[i].applied_index >= index);
        assert_string_equal(seen.members[i].version, "0.6.0");
        assert_true(seen.members[i].last_heard_us > 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        answer_init(&answer);
        cluster_ask(f->nodes[0].cluster, seen.members[i].member.id, slice_from_text("hi"), 5000,
                    reply_done, &answer);
        answer_wait(&answer);
        assert_int_equal(answer.status, STATUS_OK);
        assert_string_equal(answer.text, "hi");
    }
    fixture_stop(f, 1);
    fixture_stop(f, 2);
    for (unsigned i = 0; i < 3; i++) {
        answer_init(&answer);
        cluster_ask(f->nodes[0].cluster, seen.members[i].member.id, slice_from_text("hi"), 200,
                    reply_done, &answer);
        answer_wait(&answer);
        assert_int_equal(answer.status, seen.members[i].self ? STATUS_OK : STATUS_TIMEOUT);
    }
    fixture_delete(f);
}

/* A sync that fails: the member is damaged, steps down, the others go on; it does not open
 * again. */
static void
cluster__log_sync_fails__latches_damage(void **state)
{
    UNUSED(state);
    struct fixture *f = fixture_new(3);
    start_three(f);
    fixture_write(f, "<before>");
    unsigned leader = fixture_leader(f);
    f->nodes[leader].faults.chance[FAULT_LOG_SYNC_FAILS] = 1;
    struct answer unused;
    answer_init(&unused);
    struct cluster_state seen;
    cluster_state(f->nodes[leader].cluster, &seen);
    cluster_submit(f->nodes[leader].cluster, seen.term, ENTRY_SEQUENCE, slice_make(NULL, 0),
                   read_done, &unused);
    for (int waited = 0; waited < 5000 && !seen.damaged; waited += 5) {
        usleep(5000);
        cluster_state(f->nodes[leader].cluster, &seen);
    }
    assert_true(seen.damaged);
    uint64_t index = fixture_write(f, "<after>");
    assert_int_not_equal(fixture_leader(f), leader);
    assert_true(fixture_wait_applied(f, (leader + 1) % 3, index));
    fixture_stop(f, leader);
    struct cluster *cluster = NULL;
    struct diag diag = {0};
    struct cluster_options options = {.env = &f->nodes[leader].env,
                                      .data_dir = f->nodes[leader].dir,
                                      .cluster_name = "test",
                                      .node_name = f->founders[leader].name};
    assert_int_equal(cluster_open(&options, &cluster, &diag), STATUS_CORRUPT);
    assert_null(cluster);
    fixture_delete(f);
}

static void
remember_position(struct fixture_node *node)
{
    mutex_lock(&node->mu);
    node->store_index = node->applied_index;
    node->store_term = node->applied_term;
    mutex_unlock(&node->mu);
    atomic_store(&node->checkpoint_index, node->store_index);
}

static void
write_many(struct fixture *f, unsigned count)
{
    static char text[200000];
    memset(text, 'x', sizeof(text) - 1);
    for (unsigned i = 0; i < count; i++) {
        char name[32];
        memcpy(text + 1000, name, (size_t)snprintf(name, sizeof(name), "<big %u>", i));
        fixture_write(f, text);
    }
}

/* A store that holds entries through K gets those behind K only; log that checkpoints cover
 * goes, and the member still starts. Method: one member and three; write, note the position,
 * write, restart. */
static void
cluster__store_with_position__gets_the_rest(void **state)
{
    UNUSED(state);
    static const unsigned counts[] = {1, 3};
    for (size_t c = 0; c < ARRAY_SIZE(counts); c++) {
        struct fixture *f = fixture_new(counts[c]);
        struct cluster_state seen;
        f->keep_bytes = 1;
        for (unsigned i = 0; i < f->count; i++) {
            fixture_start(f, i);
        }
        write_many(f, 100); /* 20 MB: five segments */
        uint64_t index = fixture_write(f, "<early>");
        for (unsigned i = 0; i < f->count; i++) {
            assert_true(fixture_wait_applied(f, i, index));
            remember_position(&f->nodes[i]);
        }
        uint64_t first = 1;
        for (int waited = 0; waited < 5000 && first == 1; waited += 10) {
            usleep(10000);
            cluster_state(f->nodes[0].cluster, &seen);
            first = seen.first_index;
        }
        assert_true(first > 1);
        fixture_write(f, "<late>");
        for (unsigned i = 0; i < f->count; i++) {
            fixture_stop(f, i);
        }
        for (unsigned i = 0; i < f->count; i++) {
            fixture_start(f, i);
        }
        index = fixture_write(f, "<last>");
        for (unsigned i = 0; i < f->count; i++) {
            assert_true(fixture_wait_applied(f, i, index));
            assert_false(fixture_holds(f, i, "<early>"));
            assert_true(fixture_holds(f, i, "<late>"));
        }
        fixture_delete(f);
    }
}

/* A member that was away for longer than the log reaches back is shown as expelled; the others
 * go on.
 */
static void
cluster__member_away_too_long__is_expelled(void **state)
{
    UNUSED(state);
    struct fixture *f = fixture_new(3);
    f->keep_bytes = 1;
    start_three(f);
    fixture_write(f, "<before>");
    unsigned away = (fixture_leader(f) + 1) % 3;
    fixture_stop(f, away);
    write_many(f, 150); /* 30 MB: more than is kept for a voter that is behind */
    for (unsigned i = 0; i < 3; i++) {
        if (i != away) {
            remember_position(&f->nodes[i]);
        }
    }
    struct cluster_state seen = {0};
    unsigned leader = fixture_leader(f);
    for (int waited = 0; waited < 5000 && seen.first_index <= 1; waited += 10) {
        usleep(10000);
        cluster_state(f->nodes[leader].cluster, &seen);
    }
    assert_true(seen.first_index > 1);
    fixture_start(f, away);
    bool expelled = false;
    for (int waited = 0; waited < 5000 && !expelled; waited += 10) {
        usleep(10000);
        cluster_state(f->nodes[leader].cluster, &seen);
        for (unsigned i = 0; i < 3; i++) {
            expelled = expelled || seen.members[i].expelled;
        }
    }
    assert_true(expelled);
    fixture_write(f, "<after>");
    fixture_delete(f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cluster__one_member__keeps_what_it_acknowledged),
        cmocka_unit_test(cluster__one_member_killed__keeps_what_it_acknowledged),
        cmocka_unit_test(cluster__three_members__apply_the_same),
        cmocka_unit_test(cluster__leader_stops__another_takes_over),
        cmocka_unit_test(cluster_read_index__leader_and_follower__covers_writes),
        cmocka_unit_test(cluster_transfer__to_named_and_any__takes_over),
        cmocka_unit_test(cluster_ask__members__answer),
        cmocka_unit_test(cluster__log_sync_fails__latches_damage),
        cmocka_unit_test(cluster__store_with_position__gets_the_rest),
        cmocka_unit_test(cluster__member_away_too_long__is_expelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
