/* lock.c: see lock.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/lock.h"
#include "base/sched.h"

#include <stdatomic.h>
#include <time.h>

uint64_t
thread_number(void)
{
    static atomic_uint_fast64_t next = 1; /* process-wide on purpose: it numbers threads */
    static _Thread_local uint64_t mine;
    if (mine == 0) {
        mine = atomic_fetch_add(&next, 1);
    }
    return mine;
}

#ifdef RUSTYDB_DEBUG
#define HELD_MAX 16
static _Thread_local struct {
    const struct mutex *locks[HELD_MAX];
    unsigned count;
} held;

static void
note_locked(const struct mutex *mutex)
{
    for (unsigned i = 0; i < held.count; i++) {
        ASSERT(held.locks[i]->rank < mutex->rank || mutex->rank == LOCK_RANK_LEAF);
    }
    ASSERT(held.count < HELD_MAX);
    held.locks[held.count++] = mutex;
}

static void
note_unlocked(const struct mutex *mutex)
{
    unsigned after = held.count;
    while (after > 0 && held.locks[after - 1] != mutex) {
        after--;
    }
    ASSERT(after > 0); /* else this thread does not hold it */
    held.locks[after - 1] = held.locks[--held.count];
}
#else
#define note_locked(mutex) ((void)(mutex))
#define note_unlocked(mutex) ((void)(mutex))
#endif

void
mutex_init(struct mutex *mutex, enum lock_rank rank)
{
    ASSERT(pthread_mutex_init(&mutex->native, NULL) == 0);
    mutex->rank = rank;
    atomic_init(&mutex->owner, 0);
    atomic_init(&mutex->awaited, false);
}

void
mutex_deinit(struct mutex *mutex)
{
    ASSERT(atomic_load(&mutex->owner) == 0);
    pthread_mutex_destroy(&mutex->native);
}

/* Somebody else holds it. */
static void
take_contended(struct mutex *mutex) NO_THREAD_SAFETY_ANALYSIS
{
    struct sched *sched = sched_mine;
    if (LIKELY(sched == NULL)) {
        ASSERT(pthread_mutex_lock(&mutex->native) == 0);
        return;
    }
    do {
        atomic_store_explicit(&mutex->awaited, true, memory_order_relaxed);
        sched->ops->wait(sched, mutex, SCHED_FOREVER);
    } while (pthread_mutex_trylock(&mutex->native) != 0);
}

static void
take(struct mutex *mutex) NO_THREAD_SAFETY_ANALYSIS
{
    if (UNLIKELY(pthread_mutex_trylock(&mutex->native) != 0)) {
        take_contended(mutex);
    }
    atomic_store_explicit(&mutex->owner, thread_number(), memory_order_relaxed);
}

/* True: threads that share this one's scheduler wait for it; the caller wakes them. */
static bool
let_go(struct mutex *mutex) NO_THREAD_SAFETY_ANALYSIS
{
    bool awaited = atomic_load_explicit(&mutex->awaited, memory_order_relaxed);
    atomic_store_explicit(&mutex->owner, 0, memory_order_relaxed);
    if (UNLIKELY(awaited)) {
        atomic_store_explicit(&mutex->awaited, false, memory_order_relaxed);
    }
    ASSERT(pthread_mutex_unlock(&mutex->native) == 0);
    return awaited;
}

void
mutex_lock(struct mutex *mutex) NO_THREAD_SAFETY_ANALYSIS
{
    note_locked(mutex);
    take(mutex);
}

void
mutex_unlock(struct mutex *mutex) NO_THREAD_SAFETY_ANALYSIS
{
    note_unlocked(mutex);
    if (UNLIKELY(let_go(mutex))) {
        sched_mine->ops->wake(sched_mine, mutex, true);
    }
}

bool
mutex_held(struct mutex *mutex)
{
    return atomic_load_explicit(&mutex->owner, memory_order_relaxed) == thread_number();
}

void
cond_init(struct cond *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    ASSERT(pthread_cond_init(&cond->native, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
}

void
cond_deinit(struct cond *cond)
{
    pthread_cond_destroy(&cond->native);
}

/* True unless `deadline_ns` came first. */
static bool
sleep_on(struct cond *cond, struct mutex *mutex, int64_t deadline_ns) NO_THREAD_SAFETY_ANALYSIS
{
    struct sched *sched = sched_mine;
    if (UNLIKELY(sched != NULL)) {
        if (let_go(mutex)) {
            sched->ops->wake_and_stay(sched, mutex);
        }
        bool woken = sched->ops->wait(sched, cond, deadline_ns);
        take(mutex);
        return woken;
    }
    int rc = 0;
    atomic_store_explicit(&mutex->owner, 0, memory_order_relaxed);
    if (deadline_ns == SCHED_FOREVER) {
        pthread_cond_wait(&cond->native, &mutex->native);
    } else {
        struct timespec at = {.tv_sec = deadline_ns / 1000000000,
                              .tv_nsec = deadline_ns % 1000000000};
        rc = pthread_cond_timedwait(&cond->native, &mutex->native, &at);
    }
    atomic_store_explicit(&mutex->owner, thread_number(), memory_order_relaxed);
    return rc == 0;
}

void
cond_wait(struct cond *cond, struct mutex *mutex)
{
    (void)sleep_on(cond, mutex, SCHED_FOREVER);
}

bool
cond_wait_until(struct cond *cond, struct mutex *mutex, int64_t deadline_ns)
{
    return sleep_on(cond, mutex, deadline_ns);
}

void
cond_signal(struct cond *cond)
{
    if (UNLIKELY(sched_mine != NULL)) {
        sched_mine->ops->wake(sched_mine, cond, false);
        return;
    }
    pthread_cond_signal(&cond->native);
}

void
cond_broadcast(struct cond *cond)
{
    if (UNLIKELY(sched_mine != NULL)) {
        sched_mine->ops->wake(sched_mine, cond, true);
        return;
    }
    pthread_cond_broadcast(&cond->native);
}
