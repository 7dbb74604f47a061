/* latch.h: a reader-writer latch of 4 bytes, for pages.
 *
 * Promises: any number of readers or one writer. A reader may take it again while a writer
 *           waits (readers do not queue behind writers), so that nested readers cannot
 *           deadlock.
 * Does not: know its owner, time out, or be fair.
 * Thread:   any.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct latch {
    _Atomic(uint32_t) word; /* LATCH_EXCLUSIVE, LATCH_WAITERS, number of readers */
};

#define LATCH_EXCLUSIVE 0x80000000u
#define LATCH_WAITERS 0x40000000u
#define LATCH_READERS 0x3fffffffu

void latch_shared_wait(struct latch *latch);
void latch_exclusive_wait(struct latch *latch);
void latch_wake(struct latch *latch);

static inline bool
latch_try_shared(struct latch *latch)
{
    uint32_t word = atomic_load_explicit(&latch->word, memory_order_relaxed);
    while ((word & LATCH_EXCLUSIVE) == 0) {
        if (atomic_compare_exchange_weak_explicit(&latch->word, &word, word + 1,
                                                  memory_order_acquire, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

static inline void
latch_shared(struct latch *latch)
{
    if (!latch_try_shared(latch)) {
        latch_shared_wait(latch);
    }
}

static inline bool
latch_try_exclusive(struct latch *latch)
{
    uint32_t word = atomic_load_explicit(&latch->word, memory_order_relaxed);
    return (word & (LATCH_EXCLUSIVE | LATCH_READERS)) == 0 &&
           atomic_compare_exchange_strong_explicit(&latch->word, &word, word | LATCH_EXCLUSIVE,
                                                   memory_order_acquire, memory_order_relaxed);
}

static inline void
latch_exclusive(struct latch *latch)
{
    if (!latch_try_exclusive(latch)) {
        latch_exclusive_wait(latch);
    }
}

static inline bool
latch_is_exclusive(const struct latch *latch)
{
    return (atomic_load_explicit(&latch->word, memory_order_relaxed) & LATCH_EXCLUSIVE) != 0;
}

/* Of either kind: while the exclusive bit is set only its owner can be the caller. The waiters'
 * bit goes with the last holder, and all who wait look again. */
static inline void
latch_release(struct latch *latch)
{
    uint32_t word = atomic_load_explicit(&latch->word, memory_order_relaxed);
    for (;;) {
        uint32_t next = (word & LATCH_EXCLUSIVE) != 0 ? 0 : word - 1;
        if ((next & LATCH_READERS) == 0) {
            next = 0;
        }
        if (atomic_compare_exchange_weak_explicit(&latch->word, &word, next,
                                                  memory_order_release, memory_order_relaxed)) {
            break;
        }
    }
    uint32_t holders = word & (LATCH_EXCLUSIVE | LATCH_READERS);
    if ((word & LATCH_WAITERS) != 0 && (holders == LATCH_EXCLUSIVE || holders == 1)) {
        latch_wake(latch);
    }
}
