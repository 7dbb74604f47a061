/* latch.c: the slow side of latch.h: spin a little, then sleep on the word.
 * SPDX-License-Identifier: Apache-2.0 */
#include "storage/buffer/latch.h"
#include "base/futex.h"

#define SPINS 100

/* Sleeps while the word is `word` with the waiters' bit; sets the bit first. */
static void
sleep_on(struct latch *latch, uint32_t word)
{
    uint32_t marked = word | LATCH_WAITERS;
    if (word != marked &&
        !atomic_compare_exchange_strong_explicit(&latch->word, &word, marked,
                                                 memory_order_relaxed, memory_order_relaxed)) {
        return; /* it changed: look again */
    }
    futex_wait(&latch->word, marked);
}

void
latch_wake(struct latch *latch)
{
    futex_wake_all(&latch->word);
}

void
latch_shared_wait(struct latch *latch)
{
    for (unsigned spins = 0;; spins++) {
        uint32_t word = atomic_load_explicit(&latch->word, memory_order_relaxed);
        if ((word & LATCH_EXCLUSIVE) == 0) {
            if (atomic_compare_exchange_strong_explicit(&latch->word, &word, word + 1,
                                                        memory_order_acquire,
                                                        memory_order_relaxed)) {
                return;
            }
        } else if (spins > SPINS) {
            sleep_on(latch, word);
        }
    }
}

void
latch_exclusive_wait(struct latch *latch)
{
    for (unsigned spins = 0;; spins++) {
        uint32_t word = atomic_load_explicit(&latch->word, memory_order_relaxed);
        if ((word & (LATCH_EXCLUSIVE | LATCH_READERS)) == 0) {
            if (atomic_compare_exchange_strong_explicit(
                    &latch->word, &word, word | LATCH_EXCLUSIVE, memory_order_acquire,
                    memory_order_relaxed)) {
                return;
            }
        } else if (spins > SPINS) {
            sleep_on(latch, word);
        }
    }
}
