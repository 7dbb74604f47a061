/* lock.h: mutexes with ranks, conditions and reader-writer locks.
 *
 * Promises: threads take ranked locks in rising order; debug builds stop at the first breach.
 * Does not: measure or time out; waits of sessions go through base/wait.h.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/macros.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum lock_rank {
#define LOCK_RANK(name, rank, what) LOCK_RANK_##name = (rank),
#include "base/lock_ranks.def"
#undef LOCK_RANK
};

#if defined(__clang__)
#define CAPABILITY(x) __attribute__((capability(x)))
#define ACQUIRE(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define RELEASE(...) __attribute__((release_capability(__VA_ARGS__)))
#define REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#define NO_THREAD_SAFETY_ANALYSIS __attribute__((no_thread_safety_analysis))
#else
#define CAPABILITY(x)
#define ACQUIRE(...)
#define RELEASE(...)
#define REQUIRES(...)
#define NO_THREAD_SAFETY_ANALYSIS
#endif

struct CAPABILITY("mutex") mutex {
    pthread_mutex_t native;
    enum lock_rank rank;
    _Atomic(uint64_t) owner; /* thread number, 0 when free: for mutex_held() */
    _Atomic(bool) awaited;   /* by threads of a scheduler (base/sched.h) */
};

void mutex_init(struct mutex *mutex, enum lock_rank rank);
void mutex_deinit(struct mutex *mutex);
void mutex_lock(struct mutex *mutex) ACQUIRE(mutex);
void mutex_unlock(struct mutex *mutex) RELEASE(mutex);
bool mutex_held(struct mutex *mutex); /* by the calling thread */

struct cond {
    pthread_cond_t native; /* on CLOCK_MONOTONIC */
};

void cond_init(struct cond *cond);
void cond_deinit(struct cond *cond);
void cond_wait(struct cond *cond, struct mutex *mutex) REQUIRES(mutex);
/* False when `deadline_ns` (CLOCK_MONOTONIC) passed first. */
bool cond_wait_until(struct cond *cond, struct mutex *mutex, int64_t deadline_ns)
    REQUIRES(mutex);
void cond_signal(struct cond *cond);
void cond_broadcast(struct cond *cond);

/* A small number of the calling thread, unique in the process, never 0. */
uint64_t thread_number(void);
