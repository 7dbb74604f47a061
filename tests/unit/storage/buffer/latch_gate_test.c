/* latch_gate_test.c: latches and the gate keep out whom they must.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"
#include "storage/buffer/gate.h"
#include "storage/buffer/latch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define THREADS 4u
#define ROUNDS 20000u

struct shared {
    struct latch latch;
    struct gate gate;
    uint64_t a, b; /* equal whenever nobody is inside exclusively */
    _Atomic(uint64_t) inside, broken;
};

/* Half of the rounds write, half read. */
static void
use_latch(void *arg)
{
    struct shared *shared = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i % 2 == 0) {
            latch_exclusive(&shared->latch);
            shared->a++;
            shared->b++;
        } else {
            latch_shared(&shared->latch);
            latch_shared(&shared->latch); /* nested readers never wait for a writer */
            if (shared->a != shared->b) {
                atomic_fetch_add(&shared->broken, 1);
            }
            latch_release(&shared->latch);
        }
        latch_release(&shared->latch);
    }
}

static void
use_gate(void *arg)
{
    struct shared *shared = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i % 64 == 0) {
            gate__close(&shared->gate);
            if (atomic_load(&shared->inside) != 0) {
                atomic_fetch_add(&shared->broken, 1);
            }
            shared->a++;
            gate__enter(&shared->gate); /* nested in the closed gate */
            shared->b++;
            gate__leave(&shared->gate);
            gate__open(&shared->gate);
        } else {
            gate__enter(&shared->gate);
            gate__enter(&shared->gate);
            atomic_fetch_add(&shared->inside, 1);
            if (shared->a != shared->b || !gate__held(&shared->gate)) {
                atomic_fetch_add(&shared->broken, 1);
            }
            atomic_fetch_sub(&shared->inside, 1);
            gate__leave(&shared->gate);
            gate__leave(&shared->gate);
        }
    }
}

static void
run_threads(struct shared *shared, void (*run)(void *))
{
    struct thread threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(thread_start(&threads[i], THREAD_ANY, "user", run, shared, NULL),
                         STATUS_OK);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        thread_join(&threads[i]);
    }
}

/* Writers are alone, readers see no half of a write, nobody sleeps for ever.
 * Method: threads bump two counters exclusively and compare them shared. */
static void
latch__many_threads__writers_are_alone(void **state)
{
    (void)state;
    struct shared shared;
    memset(&shared, 0, sizeof(shared));
    run_threads(&shared, use_latch);
    assert_int_equal(shared.a, THREADS * ROUNDS / 2);
    assert_int_equal(shared.b, shared.a);
    assert_int_equal(atomic_load(&shared.broken), 0);
    assert_int_equal(atomic_load(&shared.latch.word), 0);
}

/* A try never waits. Method: free, held shared, held exclusive. */
static void
latch__try_exclusive__answers_at_once(void **state)
{
    (void)state;
    struct latch latch = {0};
    assert_true(latch_try_exclusive(&latch));
    assert_false(latch_try_exclusive(&latch));
    assert_false(latch_try_shared(&latch));
    latch_release(&latch);
    latch_shared(&latch);
    assert_false(latch_try_exclusive(&latch));
    assert_true(latch_try_shared(&latch));
    latch_release(&latch);
    latch_release(&latch);
    assert_true(latch_try_exclusive(&latch));
    latch_release(&latch);
}

/* Who closes the gate is alone in it. Method: threads enter (nested) and close in turns. */
static void
gate__closed__nobody_is_inside(void **state)
{
    (void)state;
    struct shared shared;
    memset(&shared, 0, sizeof(shared));
    gate__init(&shared.gate);
    run_threads(&shared, use_gate);
    assert_int_equal(atomic_load(&shared.broken), 0);
    assert_int_equal(shared.a, THREADS * ((ROUNDS + 63) / 64));
    assert_false(gate__held(&shared.gate));
    gate__deinit(&shared.gate);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(latch__many_threads__writers_are_alone),
        cmocka_unit_test(latch__try_exclusive__answers_at_once),
        cmocka_unit_test(gate__closed__nobody_is_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
