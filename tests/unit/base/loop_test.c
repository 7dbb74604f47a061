/* loop_test.c: the libuv loop and sockets on it. SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/loop.h"
#include "base/net.h"
#include "base/thread.h"

// clang-format off
#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>

struct fixture {
    struct loop *loop;
    char trace[64];
};

struct letter {
    struct loop_call call;
    struct fixture *fixture;
    char name;
    bool again;
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct diag diag = {0};
    if (f == NULL || loop_new_system(&f->loop, &diag) != STATUS_OK) {
        return -1;
    }
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;
    loop_delete(f->loop);
    free(f);
    return 0;
}

static void
write_letter(void *arg)
{
    struct letter *letter = arg;
    size_t length = strlen(letter->fixture->trace);
    letter->fixture->trace[length] = letter->name;
    if (letter->again) {
        letter->again = false;
        loop_post(letter->fixture->loop, &letter->call);
    }
}

static void
letter_init(struct letter *letter, struct fixture *f, char name, bool again)
{
    *letter = (struct letter){.fixture = f, .name = name, .again = again};
    loop_call_init(&letter->call, write_letter, letter);
}

/* Posted calls run in order, once each, and one posted from a call runs in the next turn.
 * Method: post a, b, b, c where a posts itself again; read the trace after each turn. */
static void
loop_post__several__run_in_order_once(void **state)
{
    struct fixture *f = *state;
    struct letter a, b, c;
    letter_init(&a, f, 'a', true);
    letter_init(&b, f, 'b', false);
    letter_init(&c, f, 'c', false);
    loop_post(f->loop, &a.call);
    loop_post(f->loop, &b.call);
    loop_post(f->loop, &b.call);
    loop_post(f->loop, &c.call);
    assert_string_equal(f->trace, "");
    loop_run_once(f->loop, true);
    assert_string_equal(f->trace, "abc");
    loop_run_once(f->loop, true);
    assert_string_equal(f->trace, "abca");
}

static void
stop_loop(void *arg)
{
    loop_stop(arg);
}

static void
post_later(void *arg)
{
    struct letter *letter = arg;
    for (int i = 0; i < 1000; i++) {
        loop_post(letter->fixture->loop, &letter->call);
    }
    loop_stop(letter->fixture->loop);
}

/* A post from another thread wakes a sleeping loop, and so does a stop.
 * Method: another thread posts and stops; loop_run() must come back. */
static void
loop_post__from_another_thread__wakes_the_loop(void **state)
{
    struct fixture *f = *state;
    struct letter a;
    struct thread thread;
    letter_init(&a, f, 'a', false);
    a.fixture = f;
    struct diag diag = {0};
    f->trace[0] = '\0';
    a.name = '\0'; /* only the wake-up counts */
    assert_int_equal(thread_start(&thread, THREAD_ANY, "poster", post_later, &a, &diag),
                     STATUS_OK);
    loop_run(f->loop);
    thread_join(&thread);
    assert_true(loop_stopping(f->loop));
}

/* Timers run at their time, the earlier first; moved and stopped ones obey.
 * Method: three timers, one stopped, one moved; the last one stops the loop. */
static void
loop_timer__started_moved_stopped__run_at_their_time(void **state)
{
    struct fixture *f = *state;
    struct letter a, b, c;
    letter_init(&a, f, 'a', false);
    letter_init(&b, f, 'b', false);
    letter_init(&c, f, 'c', false);
    struct loop_timer *timers[] = {
        loop_timer_new(f->loop, write_letter, &a), loop_timer_new(f->loop, write_letter, &b),
        loop_timer_new(f->loop, write_letter, &c), loop_timer_new(f->loop, stop_loop, f->loop)};
    int64_t start = clock_monotonic_ns(clock_system());
    loop_timer_start(timers[0], 1000000);
    loop_timer_start(timers[1], 2000000);
    loop_timer_start(timers[2], 1000000);
    loop_timer_start(timers[0], 5000000);
    loop_timer_stop(timers[2]);
    loop_timer_start(timers[3], 10000000);
    loop_run(f->loop);
    assert_string_equal(f->trace, "ba");
    assert_true(clock_monotonic_ns(clock_system()) - start >= 9000000);
    for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
        loop_timer_delete(timers[i]);
    }
}

struct echo {
    struct loop *loop;
    struct stream *client, *server;
    struct diag connect_diag;
    bool connect_done;
    size_t received_bytes, sent_bytes;
    bool ended;
};

#define ECHO_BYTES ((size_t)3 << 20)

static void
server_ready(void *arg, struct stream *stream, unsigned ready)
{
    struct echo *echo = arg;
    char bytes[4096];
    size_t got = 0;
    enum status status = STATUS_OK;
    assert_true((ready & STREAM_READABLE) != 0);
    while ((status = stream_read(stream, bytes, sizeof(bytes), &got, NULL)) == STATUS_OK) {
        echo->received_bytes += got;
    }
    if (status != STATUS_AGAIN) {
        echo->ended = status == STATUS_NOT_FOUND;
        stream_close(stream);
        echo->server = NULL;
        loop_stop(echo->loop);
    }
}

static void
client_ready(void *arg, struct stream *stream, unsigned ready)
{
    struct echo *echo = arg;
    static const char bytes[65536];
    size_t sent = 0;
    assert_true((ready & STREAM_WRITABLE) != 0);
    while (echo->sent_bytes < ECHO_BYTES) {
        size_t size = MIN(sizeof(bytes), ECHO_BYTES - echo->sent_bytes);
        if (stream_write(stream, bytes, size, &sent, NULL) != STATUS_OK) {
            return;
        }
        echo->sent_bytes += sent;
    }
    stream_close(stream);
    echo->client = NULL;
}

static void
accepted(void *arg, struct stream *stream)
{
    struct echo *echo = arg;
    echo->server = stream;
    stream_attach(stream, echo->loop, server_ready, echo);
    stream_watch(stream, STREAM_READABLE);
}

static void
connected(void *arg, struct stream *stream, const struct diag *diag)
{
    struct echo *echo = arg;
    echo->connect_done = true;
    echo->client = stream;
    if (stream == NULL) {
        echo->connect_diag = *diag;
        loop_stop(echo->loop);
        return;
    }
    stream_attach(stream, echo->loop, client_ready, echo);
    stream_watch(stream, STREAM_WRITABLE);
}

/* More bytes than socket buffers hold arrive whole, and the end is seen.
 * Method: listen on a free port, connect by number and by name, send 3 MiB, close, count. */
static void
net_connect__large_transfer__arrives_whole(void **state)
{
    UNUSED(state);
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        struct echo echo = {0};
        struct diag diag = {0};
        struct listener *listener = NULL;
        assert_int_equal(loop_new_system(&echo.loop, &diag), STATUS_OK);
        assert_int_equal(net_listen(net_system(), echo.loop, "127.0.0.1", 0, accepted, &echo,
                                    &listener, &diag),
                         STATUS_OK);
        assert_int_equal(net_connect(net_system(), echo.loop, hosts[i], listener_port(listener),
                                     connected, &echo, &diag),
                         STATUS_OK);
        assert_false(echo.connect_done);
        loop_run(echo.loop);
        assert_true(echo.ended);
        assert_int_equal(echo.received_bytes, ECHO_BYTES);
        listener_close(listener);
        loop_delete(echo.loop);
    }
}

/* A refused connect tells once, with a reason; a port in use is a conflict; a connect that is
 * pending when the loop goes is told too. */
static void
net_connect__refused_or_cut_short__tells_why(void **state)
{
    UNUSED(state);
    struct echo echo = {0};
    struct diag diag = {0};
    struct listener *listener = NULL, *second = NULL;
    assert_int_equal(loop_new_system(&echo.loop, &diag), STATUS_OK);
    assert_int_equal(
        net_listen(net_system(), echo.loop, "127.0.0.1", 0, accepted, &echo, &listener, &diag),
        STATUS_OK);
    uint16_t port = listener_port(listener);
    assert_int_equal(
        net_listen(net_system(), echo.loop, "127.0.0.1", port, accepted, &echo, &second, &diag),
        STATUS_CONFLICT);
    assert_null(second);
    listener_close(listener);
    loop_run_once(echo.loop, false);
    diag_clear(&diag);
    assert_int_equal(
        net_connect(net_system(), echo.loop, "127.0.0.1", port, connected, &echo, &diag),
        STATUS_OK);
    loop_run(echo.loop);
    assert_true(echo.connect_done);
    assert_null(echo.client);
    assert_non_null(strstr(echo.connect_diag.message, "cannot connect"));
    echo.connect_done = false;
    assert_int_equal(
        net_connect(net_system(), echo.loop, "127.0.0.1", port, connected, &echo, &diag),
        STATUS_OK);
    loop_delete(echo.loop);
    assert_true(echo.connect_done);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(loop_post__several__run_in_order_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(loop_post__from_another_thread__wakes_the_loop, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(loop_timer__started_moved_stopped__run_at_their_time,
                                        set_up, tear_down),
        cmocka_unit_test(net_connect__large_transfer__arrives_whole),
        cmocka_unit_test(net_connect__refused_or_cut_short__tells_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
