/* sched.h: the seam through which a simulator decides which thread runs.
 *
 * Promises: a thread that has a scheduler blocks only through it: mutexes that are held,
 *           conditions, futexes, joins, sleeps and yields. Threads without one (all threads of
 *           a server) are left to the operating system, at the price of one look at a
 *           thread-local pointer where they are about to block, never where they are not.
 * Thread:   a thread started by one that has a scheduler has the same one.
 * See:      lock.c, thread.c, futex.c for its callers; tests/lib/sim_sched.h for the
 * simulator's.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHED_FOREVER INT64_MAX

struct sched;

struct sched_ops {
    /* A place for a thread that is about to be started. */
    void *(*make_seat)(struct sched *);
    /* On the new thread: returns when it may run. */
    void (*begin)(struct sched *, void *seat);
    /* On the thread that ends, its last call. */
    void (*end)(struct sched *, void *seat);
    void (*join)(struct sched *, void *seat);
    /* Lets others run until sched_wake() of that key; false when `deadline_ns` came first. */
    bool (*wait)(struct sched *, const void *key, int64_t deadline_ns);
    /* One of those that wait for the key, or all of them; the caller may lose its turn. */
    void (*wake)(struct sched *, const void *key, bool all);
    /* All of them, and the caller keeps its turn: it is about to wait, and whoever came between
     * would not find it waiting. */
    void (*wake_and_stay)(struct sched *, const void *key);
    /* Lets others run for that long, or for a moment (0). */
    void (*pause)(struct sched *, int64_t delay_ns);
};

struct sched {
    const struct sched_ops *ops;
};

/* The calling thread's; NULL: the operating system. */
extern _Thread_local struct sched *sched_mine;
