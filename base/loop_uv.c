/* loop_uv.c: loop.h on libuv.
 *
 * A turn is uv_run() (timers, sockets), then the calls posted so far. libuv's own wake-up (an
 * eventfd) is written only while the driving thread may sleep in epoll, so that posts to a busy
 * loop cost a lock and nothing else. Posts that arrive while calls run wait for the next turn.
 *
 * Close path: loop_delete() ends what is pending (connects), closes all handles and turns the
 * loop until libuv has let go of them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/loop_uv.h"
#include "base/errors.h"
#include "base/lock.h"

#include <stdlib.h>
#include <uv.h>

#define NS_PER_MS 1000000

struct uv_loop {
    struct loop base;
    uv_loop_t uv;
    uv_async_t wake;
    struct list running; /* calls of this turn that did not run yet; driving thread */
    struct list pending; /* driving thread */
    int64_t now_ns;      /* driving thread */
    struct mutex mu;
    struct list posted; /* guarded by mu */
    bool asleep;        /* guarded by mu: a post must wake the loop */
};

struct uv_timer_box {
    struct loop_timer base;
    uv_timer_t uv;
    loop_fn run;
    void *arg;
};

static struct uv_loop *
of(struct loop *base)
{
    return CONTAINER_OF(base, struct uv_loop, base);
}

struct uv_loop_s *
loop_uv_native(struct loop *loop)
{
    return &of(loop)->uv;
}

void
loop_uv_add_pending(struct loop *loop, struct loop_uv_pending *pending)
{
    list_push_back(&of(loop)->pending, &pending->link);
}

static void
close_any(uv_handle_t *handle, void *arg)
{
    UNUSED(arg);
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL); /* only our own wake-up: makers closed the rest */
    }
}

static void
destroy(struct loop *base)
{
    struct uv_loop *loop = of(base);
    LIST_EACH(it, &loop->pending)
    {
        struct loop_uv_pending *pending = LIST_ITEM(it, struct loop_uv_pending, link);
        pending->end(pending);
    }
    uv_walk(&loop->uv, close_any, NULL);
    while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0) {
    }
    ASSERT(uv_loop_close(&loop->uv) == 0);
    mutex_deinit(&loop->mu);
    free(loop);
}

static int64_t
now_ns(struct loop *base)
{
    return of(base)->now_ns;
}

static void
wake_if_asleep(struct uv_loop *loop) RELEASE(loop->mu)
{
    bool wake = loop->asleep;
    loop->asleep = false;
    mutex_unlock(&loop->mu);
    if (wake) {
        ASSERT(uv_async_send(&loop->wake) == 0);
    }
}

static void
post(struct loop *base, struct loop_call *call)
{
    struct uv_loop *loop = of(base);
    mutex_lock(&loop->mu);
    list_push_back(&loop->posted, &call->link);
    wake_if_asleep(loop);
}

static void
stop(struct loop *base)
{
    mutex_lock(&of(base)->mu);
    wake_if_asleep(of(base));
}

/* Notes that posts must wake us, unless there is something to do already. */
static bool
may_sleep(struct uv_loop *loop)
{
    if (!list_empty(&loop->running)) {
        return false;
    }
    mutex_lock(&loop->mu);
    bool idle = list_empty(&loop->posted) && !atomic_load(&loop->base.stopping);
    loop->asleep = idle;
    mutex_unlock(&loop->mu);
    return idle;
}

static void
run_posted(struct uv_loop *loop)
{
    mutex_lock(&loop->mu);
    loop->asleep = false;
    list_move_all(&loop->running, &loop->posted);
    mutex_unlock(&loop->mu);
    loop_run_calls(&loop->running);
}

static void
run_once(struct loop *base, bool may_wait)
{
    struct uv_loop *loop = of(base);
    loop->now_ns = (int64_t)uv_hrtime();
    bool sleep = may_wait && may_sleep(loop);
    uv_run(&loop->uv, sleep ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    if (sleep) {
        loop->now_ns = (int64_t)uv_hrtime();
    }
    run_posted(loop);
}

static void
on_timer(uv_timer_t *uv)
{
    struct uv_timer_box *timer = CONTAINER_OF(uv, struct uv_timer_box, uv);
    of(timer->base.loop)->now_ns = (int64_t)uv_hrtime();
    timer->run(timer->arg);
}

static struct loop_timer *
system_timer_new(struct loop *base, loop_fn run, void *arg)
{
    struct uv_timer_box *timer = calloc(1, sizeof(*timer));
    ASSERT(timer != NULL);
    timer->base.loop = base;
    timer->run = run;
    timer->arg = arg;
    ASSERT(uv_timer_init(&of(base)->uv, &timer->uv) == 0);
    return &timer->base;
}

static void
system_timer_start(struct loop_timer *base, int64_t delay_ns)
{
    struct uv_timer_box *timer = CONTAINER_OF(base, struct uv_timer_box, base);
    uv_update_time(&of(base->loop)->uv); /* a long call may lie behind us */
    uint64_t delay_ms = ((uint64_t)delay_ns + NS_PER_MS - 1) / NS_PER_MS;
    ASSERT(uv_timer_start(&timer->uv, on_timer, delay_ms, 0) == 0);
}

static void
system_timer_stop(struct loop_timer *base)
{
    ASSERT(uv_timer_stop(&CONTAINER_OF(base, struct uv_timer_box, base)->uv) == 0);
}

static void
timer_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF((uv_timer_t *)handle, struct uv_timer_box, uv));
}

static void
system_timer_delete(struct loop_timer *base)
{
    uv_close((uv_handle_t *)&CONTAINER_OF(base, struct uv_timer_box, base)->uv, timer_closed);
}

static void
on_wake(uv_async_t *wake)
{
    UNUSED(wake); /* uv_run() returns, and posted calls run behind it */
}

enum status
loop_new_system(struct loop **loop_out, struct diag *diag)
{
    static const struct loop_ops ops = {destroy,
                                        now_ns,
                                        post,
                                        run_once,
                                        stop,
                                        system_timer_new,
                                        system_timer_start,
                                        system_timer_stop,
                                        system_timer_delete};
    *loop_out = NULL;
    struct uv_loop *loop = calloc(1, sizeof(*loop));
    ASSERT(loop != NULL);
    loop->base.ops = &ops;
    list_init(&loop->running);
    list_init(&loop->pending);
    list_init(&loop->posted);
    int rc = uv_loop_init(&loop->uv);
    if (rc != 0) {
        free(loop);
        return diag_errno(diag, -rc, "create an event loop");
    }
    rc = uv_async_init(&loop->uv, &loop->wake, on_wake);
    if (rc != 0) {
        ASSERT(uv_loop_close(&loop->uv) == 0);
        free(loop);
        return diag_errno(diag, -rc, "create the wake-up of an event loop");
    }
    mutex_init(&loop->mu, LOCK_RANK_MAILBOX);
    loop->now_ns = (int64_t)uv_hrtime();
    *loop_out = &loop->base;
    return STATUS_OK;
}
