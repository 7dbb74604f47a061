/* sim_loop.c: loops and timers of the simulated world, turned by threads as real ones are.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/sim_world_internal.h"

#include <stdlib.h>

struct sim_loop {
    struct sim_object object;
    struct loop base;
    struct sim_world *world;
    struct list due, posted;           /* for the next turn */
    struct list turn_due, turn_posted; /* of the turn that runs; it may change threads */
    struct list connects;              /* under way: sim_net.c */
};

struct sim_timer {
    struct sim_object object;
    struct loop_timer base;
    struct sim_due due;
    uint64_t generation;
    bool running;
    loop_fn run;
    void *arg;
};

static struct sim_loop *
loop_of(struct loop *base)
{
    return CONTAINER_OF(base, struct sim_loop, base);
}

static struct sim_timer *
timer_of(struct loop_timer *base)
{
    return CONTAINER_OF(base, struct sim_timer, base);
}

static void
wake_loop(struct sim_loop *loop)
{
    loop->world->sched.ops->wake(&loop->world->sched, loop, true);
}

void
sim__due_init(struct sim_due *due, void (*run)(struct sim_due *due))
{
    list_init(&due->link);
    due->run = run;
}

void
sim__due(struct loop *base, struct sim_due *due)
{
    struct sim_loop *loop = loop_of(base);
    if (list_empty(&due->link) && !loop->object.dead) {
        list_push_back(&loop->due, &due->link);
        wake_loop(loop);
    }
}

struct list *
sim__loop_connects(struct loop *base)
{
    return &loop_of(base)->connects;
}

static void
sim_loop_destroy(struct loop *base)
{
    struct sim_loop *loop = loop_of(base);
    loop->object.dead = true;
    sim__end_connects(&loop->connects);
}

static int64_t
sim_loop_now_ns(struct loop *base)
{
    return loop_of(base)->world->now_ns;
}

static void
sim_loop_post(struct loop *base, struct loop_call *call)
{
    list_push_back(&loop_of(base)->posted, &call->link);
    wake_loop(loop_of(base));
}

static void
run_due(struct sim_loop *loop)
{
    list_move_all(&loop->turn_due, &loop->due);
    while (!list_empty(&loop->turn_due)) {
        struct sim_due *due = LIST_FIRST(&loop->turn_due, struct sim_due, link);
        list_remove(&due->link);
        due->run(due);
    }
}

static void
sim_loop_run_once(struct loop *base, bool may_wait)
{
    struct sim_loop *loop = loop_of(base);
    struct sched *sched = &loop->world->sched;
    if (may_wait && list_empty(&loop->due) && list_empty(&loop->turn_due) &&
        list_empty(&loop->posted) && list_empty(&loop->turn_posted) && !loop_stopping(base)) {
        sched->ops->wait(sched, loop, SCHED_FOREVER);
    }
    run_due(loop);
    list_move_all(&loop->turn_posted, &loop->posted);
    loop_run_calls(&loop->turn_posted);
}

static void
sim_loop_stop(struct loop *base)
{
    wake_loop(loop_of(base));
}

static void
timer_due(struct sim_due *due)
{
    struct sim_timer *timer = CONTAINER_OF(due, struct sim_timer, due);
    if (timer->running) {
        timer->running = false;
        timer->run(timer->arg);
    }
}

static struct loop_timer *
sim_timer_new(struct loop *base, loop_fn run, void *arg)
{
    struct sim_timer *timer = calloc(1, sizeof(*timer));
    ASSERT(timer != NULL);
    struct sim_node *node = loop_of(base)->object.node;
    sim__adopt(&timer->object, node, &node->others);
    timer->base.loop = base;
    timer->run = run;
    timer->arg = arg;
    sim__due_init(&timer->due, timer_due);
    return &timer->base;
}

static void
sim_timer_start(struct loop_timer *base, int64_t delay_ns)
{
    struct sim_timer *timer = timer_of(base);
    struct sim_world *world = timer->object.node->world;
    list_remove(&timer->due.link);
    timer->running = true;
    timer->generation++;
    sim__push(world, delay_ns + sim__between(world, 0, SIM_TURN_NS_MAX),
              (struct sim_event){.kind = SIM_EVENT_TIMER,
                                 .node = timer->object.node->number,
                                 .object = timer,
                                 .generation = timer->generation});
}

void
sim__timer_fires(const struct sim_event *event)
{
    struct sim_timer *timer = event->object;
    if (!timer->object.dead && timer->running && timer->generation == event->generation) {
        sim__due(timer->base.loop, &timer->due);
    }
}

static void
sim_timer_stop(struct loop_timer *base)
{
    timer_of(base)->running = false;
    list_remove(&timer_of(base)->due.link);
}

static void
sim_timer_delete(struct loop_timer *base)
{
    sim_timer_stop(base);
    timer_of(base)->object.dead = true;
}

static const struct loop_ops loop_table = {
    sim_loop_destroy, sim_loop_now_ns, sim_loop_post,  sim_loop_run_once, sim_loop_stop,
    sim_timer_new,    sim_timer_start, sim_timer_stop, sim_timer_delete};

/* ---- loops that turn by themselves ---- */

struct sim_driver {
    struct loop_driver base;
    struct thread thread;
};

static enum status
sim_loops_create(struct loops *loops, struct loop **out, struct diag *diag)
{
    UNUSED(diag);
    struct sim_node *node = CONTAINER_OF(loops, struct sim_node, loops);
    struct sim_loop *loop = calloc(1, sizeof(*loop));
    ASSERT(loop != NULL);
    sim__adopt(&loop->object, node, &node->others);
    loop->base.ops = &loop_table;
    loop->world = node->world;
    list_init(&loop->due);
    list_init(&loop->posted);
    list_init(&loop->turn_due);
    list_init(&loop->turn_posted);
    list_init(&loop->connects);
    *out = &loop->base;
    return STATUS_OK;
}

static void
drive(void *arg)
{
    loop_run(arg);
}

static enum status
sim_loops_start(struct loops *loops, struct loop *loop, enum thread_role role, const char *name,
                struct loop_driver **out, struct diag *diag)
{
    struct sim_driver *driver = calloc(1, sizeof(*driver));
    ASSERT(driver != NULL);
    driver->base = (struct loop_driver){.loops = loops, .loop = loop};
    ASSERT(thread_start(&driver->thread, role, name, drive, loop, diag) == STATUS_OK);
    *out = &driver->base;
    return STATUS_OK;
}

static void
sim_loops_stop(struct loop_driver *base)
{
    struct sim_driver *driver = CONTAINER_OF(base, struct sim_driver, base);
    loop_stop(base->loop);
    thread_join(&driver->thread);
    free(driver);
}

void
sim__loops_init(struct sim_node *node)
{
    static const struct loops_ops table = {sim_loops_create, sim_loops_start, sim_loops_stop};
    node->loops.ops = &table;
}
