/* loop.c: calls through the table, and what is the same for every kind of loop.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

void
loop_delete(struct loop *loop)
{
    if (loop != NULL) {
        loop->ops->destroy(loop);
    }
}

int64_t
loop_now_ns(struct loop *loop)
{
    return loop->ops->now_ns(loop);
}

void
loop_call_init(struct loop_call *call, loop_fn run, void *arg)
{
    list_init(&call->link);
    call->run = run;
    call->arg = arg;
    atomic_init(&call->queued, false);
}

void
loop_post(struct loop *loop, struct loop_call *call)
{
    /* Pairs with the store before the call runs: who finds it queued knows that a run comes. */
    if (!atomic_exchange(&call->queued, true)) {
        loop->ops->post(loop, call);
    }
}

void
loop_run_once(struct loop *loop, bool may_wait)
{
    loop->ops->run_once(loop, may_wait);
}

void
loop_run(struct loop *loop)
{
    while (!loop_stopping(loop)) {
        loop->ops->run_once(loop, true);
    }
}

void
loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    loop->ops->stop(loop);
}

bool
loop_stopping(struct loop *loop)
{
    return atomic_load(&loop->stopping);
}

void
loop_run_calls(struct list *calls)
{
    while (!list_empty(calls)) {
        struct loop_call *call = LIST_FIRST(calls, struct loop_call, link);
        loop_fn run = call->run;
        void *arg = call->arg;
        list_remove(&call->link);
        atomic_store(&call->queued, false);
        run(arg); /* may free the call */
    }
}

struct loop_timer *
loop_timer_new(struct loop *loop, loop_fn run, void *arg)
{
    return loop->ops->timer_new(loop, run, arg);
}

void
loop_timer_start(struct loop_timer *timer, int64_t delay_ns)
{
    timer->loop->ops->timer_start(timer, delay_ns > 0 ? delay_ns : 0);
}

void
loop_timer_stop(struct loop_timer *timer)
{
    timer->loop->ops->timer_stop(timer);
}

void
loop_timer_delete(struct loop_timer *timer)
{
    if (timer != NULL) {
        timer->loop->ops->timer_delete(timer);
    }
}
