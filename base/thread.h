/* thread.h: threads with a role and a name.
 *
 * Promises: thread_assert(ROLE) opens functions that belong to one role. A thread without a
 * role (a test's main) passes every assertion. A thread has its starter's scheduler.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/status.h"
#include <pthread.h>
#include <stdint.h>

enum thread_role {
    THREAD_ANY = 0, /* tests: every role */
    THREAD_LANE,
    THREAD_CLUSTER,
    THREAD_LOG_WRITER,
    THREAD_APPLY,
    THREAD_BACKGROUND,
    THREAD_HTTP,
};

/* What libpg_query needs within its bounds on nesting. */
#define THREAD_STACK_BYTES ((size_t)8 << 20)

struct thread {
    pthread_t native;
    enum thread_role role;
    char name[16];
    void (*run)(void *arg);
    void *arg;
    struct sched *sched; /* of the thread that started it; NULL: the operating system's */
    void *seat;          /* there */
};

/* The struct lives until thread_join() has returned. */
MUST_CHECK enum status thread_start(struct thread *thread, enum thread_role role,
                                    const char *name, void (*run)(void *arg), void *arg,
                                    struct diag *diag);
void thread_join(struct thread *thread);
void thread_assert(enum thread_role role);
void thread_sleep_us(int64_t delay_us);
/* Others first: for loops that wait for what takes a moment. */
void thread_yield(void);
