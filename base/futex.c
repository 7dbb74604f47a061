/* futex.c: see futex.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/futex.h"
#include "base/macros.h"
#include "base/sched.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

void
futex_wait(_Atomic(uint32_t) *word, uint32_t expected)
{
    struct sched *sched = sched_mine;
    if (UNLIKELY(sched != NULL)) {
        if (atomic_load(word) == expected) {
            sched->ops->wait(sched, word, SCHED_FOREVER);
        }
        return;
    }
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

void
futex_wake_all(_Atomic(uint32_t) *word)
{
    struct sched *sched = sched_mine;
    if (UNLIKELY(sched != NULL)) {
        sched->ops->wake(sched, word, true);
        return;
    }
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
