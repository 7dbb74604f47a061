/* loop.h: an event loop, real (libuv) or simulated: timers, posted calls, streams.
 *
 * Promises: callbacks run on the thread that drives the loop, one at a time, never from inside
 *           the call that asked for them. Posted calls run in the order of their posting.
 * Owns:     timers and streams made on it belong to their makers, who stop them before
 *           loop_delete().
 * Thread:   the driving thread (one at a time); loop_post() and loop_stop() from any.
 * See:      base/net.h for streams on a loop.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/list.h"
#include "base/status.h"
#include "base/thread.h"
#include <stdatomic.h>
#include <stdint.h>

struct loop;
struct loop_timer;
struct loop_driver;

typedef void (*loop_fn)(void *arg);

/* A posted call: embedded by its owner, who leaves it alone until it ran. Posting one that is
 * still queued does nothing (it will run once). */
struct loop_call {
    struct list link;
    loop_fn run;
    void *arg;
    _Atomic(bool) queued;
};

struct loop_ops {
    void (*destroy)(struct loop *loop);
    int64_t (*now_ns)(struct loop *loop);
    void (*post)(struct loop *loop, struct loop_call *call);
    void (*run_once)(struct loop *loop, bool may_wait);
    void (*stop)(struct loop *loop);
    struct loop_timer *(*timer_new)(struct loop *loop, loop_fn run, void *arg);
    void (*timer_start)(struct loop_timer *timer, int64_t delay_ns);
    void (*timer_stop)(struct loop_timer *timer);
    void (*timer_delete)(struct loop_timer *timer);
};

struct loop {
    const struct loop_ops *ops;
    _Atomic(bool) stopping; /* set by loop_stop(), never taken back */
};

/* First member of each kind of timer. */
struct loop_timer {
    struct loop *loop;
};

/* Makes loops and drives them with threads: libuv's, or the simulator's. */
struct loops;
struct loops_ops {
    enum status (*create)(struct loops *, struct loop **, struct diag *);
    enum status (*start)(struct loops *, struct loop *, enum thread_role, const char *name,
                         struct loop_driver **, struct diag *);
    void (*stop)(struct loop_driver *);
};
struct loops {
    const struct loops_ops *ops;
};
struct loop_driver {
    struct loops *loops;
    struct loop *loop;
};

/* libuv loops and real threads; a constant. */
struct loops *loops_system(void);
MUST_CHECK enum status loops_create(struct loops *loops, struct loop **loop_out,
                                    struct diag *diag);
/* From now on the loop turns by itself, on a thread of that role. */
MUST_CHECK enum status loops_start(struct loops *loops, struct loop *loop,
                                   enum thread_role role, const char *name,
                                   struct loop_driver **driver_out, struct diag *diag);
/* Stops the loop (loop_stop()) and waits for its turn to end. Takes driver; NULL is fine. */
void loops_stop(struct loop_driver *driver);

/* A libuv loop. */
MUST_CHECK enum status loop_new_system(struct loop **loop_out, struct diag *diag);
void loop_delete(struct loop *loop);
int64_t loop_now_ns(struct loop *loop); /* cached at the start of a turn */
void loop_call_init(struct loop_call *call, loop_fn run, void *arg);
void loop_post(struct loop *loop, struct loop_call *call);
/* One turn: due timers, posted calls, ready streams. `may_wait`: sleep until there is
 * something. */
void loop_run_once(struct loop *loop, bool may_wait);
/* Turns until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
bool loop_stopping(struct loop *loop);

/* For kinds of loops: runs the calls of this list, which is the loop's and not the stack's: a
 * call may hand the loop to another thread, which then goes on with the rest. */
void loop_run_calls(struct list *calls);

/* One-shot timers; starting a running one moves it. */
struct loop_timer *loop_timer_new(struct loop *loop, loop_fn run, void *arg);
void loop_timer_start(struct loop_timer *timer, int64_t delay_ns);
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_delete(struct loop_timer *timer);
