/* sched_test.c: threads of a scheduler block through it alone, in an order that the seed
 * decides.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "base/lock.h"
#include "base/worker.h"
#include "tests/lib/sim_world.h"

// clang-format off
#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#define THREADS 5
#define TURNS 20
#define HANDOVER_SEEDS 40
#define WORLDS_MAX (HANDOVER_SEEDS + 8)
#define MS ((int64_t)1000 * 1000)

struct fixture {
    struct sim_world *world;
    struct mutex mu;
    struct cond changed;
    unsigned inside, turns, ended; /* guarded by mu */
    uint64_t order;                /* hash of who had its turn when */
    bool overlapped, late;
    int64_t woke_ns;
};

struct player {
    struct fixture *f;
    unsigned number;
};

/* Worlds are never deleted; so that a leak checker finds them. */
static struct sim_world *kept[WORLDS_MAX];
static unsigned kept_count;

static void
fixture_init(struct fixture *f, uint64_t seed)
{
    *f = (struct fixture){.world = sim_world_new(seed)};
    assert_true(kept_count < WORLDS_MAX);
    kept[kept_count++] = f->world;
    mutex_init(&f->mu, LOCK_RANK_NODE);
    cond_init(&f->changed);
}

/* Sleeps inside the lock: others must stay out. */
static void
play(void *arg)
{
    struct player *player = arg;
    struct fixture *f = player->f;
    for (unsigned i = 0; i < TURNS; i++) {
        mutex_lock(&f->mu);
        f->overlapped |= f->inside++ > 0;
        thread_sleep_us(100);
        f->order = hash_word(f->order ^ player->number);
        f->turns++;
        f->inside--;
        cond_broadcast(&f->changed);
        mutex_unlock(&f->mu);
        thread_yield();
    }
}

static uint64_t
order_of(uint64_t seed)
{
    struct fixture f;
    struct player players[THREADS];
    fixture_init(&f, seed);
    for (unsigned i = 0; i < THREADS; i++) {
        players[i] = (struct player){.f = &f, .number = i + 1};
        sim_world_start(f.world, i, "player", play, &players[i]);
    }
    while (sim_world_step(f.world, INT64_MAX)) {
    }
    assert_int_equal(f.turns, THREADS * TURNS);
    assert_false(f.overlapped);
    return f.order;
}

/* Goal: a lock held over a sleep keeps others out; the seed, and nothing else, gives the order.
 */
static void
mutex__threads_of_a_world__one_order_per_seed(void **state)
{
    UNUSED(state);
    uint64_t first = order_of(7);
    assert_true(first == order_of(7));
    assert_true(first != order_of(8));
}

static void
wait_in_vain(void *arg)
{
    struct fixture *f = arg;
    mutex_lock(&f->mu);
    int64_t deadline_ns = sim_world_now_ns(f->world) + 50 * MS;
    f->late = !cond_wait_until(&f->changed, &f->mu, deadline_ns);
    f->woke_ns = sim_world_now_ns(f->world) - deadline_ns;
    mutex_unlock(&f->mu);
}

/* Goal: a deadline passes in simulated time, which takes no real time. */
static void
cond_wait_until__nobody_signals__simulated_deadline(void **state)
{
    UNUSED(state);
    struct fixture f;
    fixture_init(&f, 1);
    sim_world_start(f.world, 0, "waiter", wait_in_vain, &f);
    while (sim_world_step(f.world, INT64_MAX)) {
    }
    assert_true(f.late);
    assert_true(f.woke_ns >= 0 && f.woke_ns < MS);
}

static void
wait_for_other(void *arg)
{
    struct fixture *f = arg;
    mutex_lock(&f->mu);
    thread_sleep_us(1000); /* the other comes, and has to wait for the lock */
    while (f->turns == 0) {
        cond_wait(&f->changed, &f->mu);
    }
    f->ended++;
    mutex_unlock(&f->mu);
}

static void
be_the_other(void *arg)
{
    struct fixture *f = arg;
    thread_sleep_us(500);
    mutex_lock(&f->mu);
    f->turns++;
    cond_broadcast(&f->changed);
    mutex_unlock(&f->mu);
}

/* Goal: giving the lock back and waiting are one step: who waited for the lock finds a waiter
 * to wake. Method: many seeds, for only some would let another in between. */
static void
cond_wait__another_waits_for_the_lock__is_woken_by_it(void **state)
{
    UNUSED(state);
    for (uint64_t seed = 1; seed <= HANDOVER_SEEDS; seed++) {
        struct fixture f;
        fixture_init(&f, seed);
        sim_world_start(f.world, 0, "waiter", wait_for_other, &f);
        sim_world_start(f.world, 0, "other", be_the_other, &f);
        while (sim_world_step(f.world, INT64_MAX)) {
        }
        assert_int_equal(f.turns, 1);
        assert_int_equal(f.ended, 1);
    }
}

static bool
count_step(void *arg)
{
    struct fixture *f = arg;
    f->turns++;
    return f->turns < 3;
}

static void
use_worker(void *arg)
{
    struct fixture *f = arg;
    struct worker *worker = NULL;
    struct diag diag = {0};
    if (worker_start(workers_system(), THREAD_APPLY, "worker", count_step, f, &worker, &diag) ==
        STATUS_OK) {
        worker_kick(worker);
        thread_sleep_us(1000);
        worker_stop(worker); /* joins */
        f->ended = f->turns;
    }
}

/* Goal: what the product builds of threads, kicks and joins runs in a world unchanged. */
static void
worker__in_a_world__runs_and_joins(void **state)
{
    UNUSED(state);
    struct fixture f;
    fixture_init(&f, 3);
    sim_world_start(f.world, 0, "owner", use_worker, &f);
    while (sim_world_step(f.world, INT64_MAX)) {
    }
    assert_int_equal(f.ended, 3);
}

/* Goal: who loses its power never runs again, even holding a lock; others go on. */
static void
power_off__holder_of_a_lock__stands_still(void **state)
{
    UNUSED(state);
    struct fixture f;
    struct player player = {.f = &f, .number = 1};
    fixture_init(&f, 5);
    sim_world_start(f.world, 0, "player", play, &player);
    while (f.turns < 3) {
        assert_true(sim_world_step(f.world, INT64_MAX));
    }
    sim_world_power_off(f.world, 0);
    unsigned turns = f.turns;
    while (sim_world_step(f.world, INT64_MAX)) {
    }
    assert_int_equal(f.turns, turns);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutex__threads_of_a_world__one_order_per_seed),
        cmocka_unit_test(cond_wait_until__nobody_signals__simulated_deadline),
        cmocka_unit_test(cond_wait__another_waits_for_the_lock__is_woken_by_it),
        cmocka_unit_test(worker__in_a_world__runs_and_joins),
        cmocka_unit_test(power_off__holder_of_a_lock__stands_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
