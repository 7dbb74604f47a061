/* sim_sched.c: threads of the simulated world, one at a time.
 *
 *   world's thread:  next event is RESUME of seat -> post seat.go, wait for turn_over
 *   seat's thread:   ... would block -> (queue itself) -> post turn_over, wait for seat.go
 *
 * A seat that waits for a key stands in world.waiting until a wake or its deadline; then a
 * RESUME event with a small random delay brings it back, so that the order among those who
 * could run is the seed's. A wake may also make the waker step aside: that is where a real one
 * is preempted.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/sim_world_internal.h"

#include <errno.h>
#include <stdlib.h>

#define STEP_ASIDE_ONE_IN 8

struct seat {
    struct list link;    /* in sim_node.seats */
    struct list waiting; /* in sim_world.waiting, or alone */
    struct sim_node *node;
    const void *key;
    uint64_t generation; /* of the wait: a deadline of an older one is stale */
    bool timed_out, ended, frozen;
    sem_t go;
};

static _Thread_local struct seat *mine; /* NULL: the world's thread */

static struct sim_world *
world_of(struct sched *sched)
{
    return CONTAINER_OF(sched, struct sim_world, sched);
}

static void
wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0) {
        ASSERT(errno == EINTR);
    }
}

static void
resume_later(struct sim_world *world, struct seat *seat, int64_t delay_ns)
{
    sim__push(world, delay_ns + sim__between(world, 1, SIM_TURN_NS_MAX),
              (struct sim_event){
                  .kind = SIM_EVENT_RESUME, .node = seat->node->number, .object = seat});
}

/* The world goes on; returns when it is this thread's turn again. */
static void
hand_over(struct sim_world *world)
{
    struct seat *seat = mine;
    ASSERT(seat != NULL); /* the world's thread must not block */
    ASSERT(sem_post(&world->turn_over) == 0);
    wait_for(&seat->go);
}

void
sim__resume(struct sim_world *world, const struct sim_event *event)
{
    struct seat *seat = event->object;
    if (!seat->frozen) {
        ASSERT(sem_post(&seat->go) == 0);
        wait_for(&world->turn_over);
    }
}

void
sim__deadline(struct sim_world *world, const struct sim_event *event)
{
    struct seat *seat = event->object;
    if (!seat->frozen && seat->generation == event->generation && !list_empty(&seat->waiting)) {
        seat->timed_out = true;
        list_remove(&seat->waiting);
        resume_later(world, seat, 0);
    }
}

/* ---- base/sched.h ---- */

static struct seat *
seat_new(struct sim_world *world, struct sim_node *node)
{
    struct seat *seat = calloc(1, sizeof(*seat));
    ASSERT(seat != NULL);
    ASSERT(sem_init(&seat->go, 0, 0) == 0);
    seat->node = node;
    list_init(&seat->waiting);
    list_push_back(&node->seats, &seat->link);
    resume_later(world, seat, 0);
    return seat;
}

static void *
make_seat(struct sched *sched)
{
    ASSERT(mine != NULL); /* the world's thread uses sim_world_start() */
    return seat_new(world_of(sched), mine->node);
}

static void
begin(struct sched *sched, void *seat)
{
    UNUSED(sched);
    mine = seat;
    wait_for(&mine->go);
}

static void
end(struct sched *sched, void *seat_arg)
{
    struct seat *seat = seat_arg;
    struct sim_world *world = world_of(sched);
    seat->ended = true;
    sched->ops->wake(sched, seat, true);
    mine = NULL;
    ASSERT(sem_post(&world->turn_over) == 0);
}

static bool
wait_key(struct sched *sched, const void *key, int64_t deadline_ns)
{
    struct sim_world *world = world_of(sched);
    ASSERT(mine != NULL);
    mine->key = key;
    mine->timed_out = false;
    mine->generation++;
    list_push_back(&world->waiting, &mine->waiting);
    if (deadline_ns != SCHED_FOREVER) {
        sim__push(world, deadline_ns - world->now_ns,
                  (struct sim_event){.kind = SIM_EVENT_DEADLINE,
                                     .node = mine->node->number,
                                     .object = mine,
                                     .generation = mine->generation});
    }
    hand_over(world);
    return !mine->timed_out;
}

static void
join(struct sched *sched, void *seat_arg)
{
    struct seat *seat = seat_arg;
    while (!seat->ended) {
        wait_key(sched, seat, SCHED_FOREVER);
    }
}

static void
pause_for(struct sched *sched, int64_t delay_ns)
{
    if (mine != NULL) {
        resume_later(world_of(sched), mine, delay_ns);
        hand_over(world_of(sched));
    }
}

static unsigned
resume_waiting(struct sim_world *world, const void *key, bool all)
{
    unsigned woken_count = 0;
    LIST_EACH(it, &world->waiting)
    {
        struct seat *seat = LIST_ITEM(it, struct seat, waiting);
        if (seat->key == key && (all || woken_count == 0)) {
            list_remove(&seat->waiting);
            resume_later(world, seat, 0);
            woken_count++;
        }
    }
    return woken_count;
}

static void
wake(struct sched *sched, const void *key, bool all)
{
    struct sim_world *world = world_of(sched);
    unsigned woken_count = resume_waiting(world, key, all);
    if (woken_count > 0 && mine != NULL && !mine->ended &&
        rng_below(&world->rng, STEP_ASIDE_ONE_IN) == 0) {
        pause_for(sched, 0);
    }
}

static void
wake_and_stay(struct sched *sched, const void *key)
{
    (void)resume_waiting(world_of(sched), key, true);
}

void
sim__sched_init(struct sim_world *world)
{
    static const struct sched_ops ops = {make_seat, begin, end,           join,
                                         wait_key,  wake,  wake_and_stay, pause_for};
    world->sched.ops = &ops;
    list_init(&world->waiting);
    ASSERT(sem_init(&world->turn_over, 0, 0) == 0);
    sched_mine = &world->sched;
}

struct sim_node *
sim__my_node(void)
{
    return mine == NULL ? NULL : mine->node;
}

/* ---- threads of nodes ---- */

struct start {
    struct thread thread;
    loop_fn run;
    void *arg;
};

static void
run_and_free(void *arg)
{
    struct start *start = arg;
    pthread_detach(start->thread.native);
    start->run(start->arg);
    free(start);
}

/* From the world's thread, or from any other for any node. */
void
sim_world_start(struct sim_world *world, unsigned node, const char *name, loop_fn run,
                void *arg)
{
    struct seat *before = mine;
    struct seat creator = {.node = &world->nodes[node]};
    struct start *start = calloc(1, sizeof(*start));
    ASSERT(start != NULL);
    start->run = run;
    start->arg = arg;
    mine = &creator; /* the seat is made for its node */
    ASSERT(thread_start(&start->thread, THREAD_ANY, name, run_and_free, start, NULL) ==
           STATUS_OK);
    mine = before;
}

void
sim__freeze(struct sim_node *node)
{
    LIST_EACH(it, &node->seats)
    {
        struct seat *seat = LIST_ITEM(it, struct seat, link);
        seat->frozen = true;
        list_remove(&seat->waiting);
    }
}

void
sim__freeze_me(struct sim_world *world)
{
    ASSERT(mine != NULL && mine->frozen);
    hand_over(world); /* for ever */
    ASSERT(false && "a frozen thread ran");
}
