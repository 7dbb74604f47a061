/* wait.c: see wait.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/wait.h"

#include <stdatomic.h>
#include <string.h>

void
waiter_init(struct waiter *waiter)
{
    memset(waiter, 0, sizeof(*waiter));
    mutex_init(&waiter->mu, LOCK_RANK_WAITER);
    cond_init(&waiter->changed);
}

void
waiter_deinit(struct waiter *waiter)
{
    cond_deinit(&waiter->changed);
    mutex_deinit(&waiter->mu);
}

void
waiter_arm(struct waiter *waiter)
{
    mutex_lock(&waiter->mu);
    waiter->woken = false;
    mutex_unlock(&waiter->mu);
}

static bool
settled(struct waiter *waiter)
{
    return waiter->woken || atomic_load(&waiter->cancelled);
}

enum status
waiter_wait(struct waiter *waiter, int64_t deadline_ns)
{
    mutex_lock(&waiter->mu);
    bool ready = settled(waiter);
    mutex_unlock(&waiter->mu);
    if (!ready && waiter->about_to_block != NULL) {
        TRY(waiter->about_to_block(waiter));
    }
    mutex_lock(&waiter->mu);
    bool in_time = true;
    while (!settled(waiter) && in_time) {
        if (deadline_ns == WAIT_FOREVER) {
            cond_wait(&waiter->changed, &waiter->mu);
        } else {
            in_time = cond_wait_until(&waiter->changed, &waiter->mu, deadline_ns);
        }
    }
    enum status status = waiter->woken                     ? STATUS_OK
                         : atomic_load(&waiter->cancelled) ? STATUS_CANCELLED
                                                           : STATUS_TIMEOUT;
    waiter->woken = false;
    mutex_unlock(&waiter->mu);
    return status;
}

void
waiter_wake(struct waiter *waiter)
{
    mutex_lock(&waiter->mu);
    waiter->woken = true;
    cond_signal(&waiter->changed);
    mutex_unlock(&waiter->mu);
}

void
waiter_cancel(struct waiter *waiter)
{
    mutex_lock(&waiter->mu);
    atomic_store(&waiter->cancelled, true);
    cond_signal(&waiter->changed);
    mutex_unlock(&waiter->mu);
}

void
waiter_reset_cancel(struct waiter *waiter)
{
    atomic_store(&waiter->cancelled, false);
}

bool
waiter_cancelled(const struct waiter *waiter)
{
    return atomic_load_explicit(&waiter->cancelled, memory_order_relaxed);
}
