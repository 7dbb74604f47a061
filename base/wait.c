/* wait.c: see wait.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/wait.h"
#include "base/errors.h"

#include <stdatomic.h>
#include <string.h>

static _Thread_local struct waiter *current;

void
waiter_init(struct waiter *waiter)
{
    memset(waiter, 0, sizeof(*waiter));
    mutex_init(&waiter->mu, LOCK_RANK_WAITER);
    cond_init(&waiter->changed);
    waiter->limit_ns = WAIT_FOREVER;
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
    return waiter->woken || atomic_load(&waiter->cancelled) != CANCEL_NONE;
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
    int64_t until_ns = MIN(deadline_ns, waiter->limit_ns);
    bool in_time = true;
    while (!settled(waiter) && in_time) {
        if (until_ns == WAIT_FOREVER) {
            cond_wait(&waiter->changed, &waiter->mu);
        } else {
            in_time = cond_wait_until(&waiter->changed, &waiter->mu, until_ns);
        }
    }
    if (!settled(waiter) && waiter->limit_ns <= deadline_ns) {
        atomic_store(&waiter->cancelled, CANCEL_TIMEOUT);
    }
    enum status status = waiter->woken              ? STATUS_OK
                         : waiter_cancelled(waiter) ? STATUS_CANCELLED
                                                    : STATUS_TIMEOUT;
    waiter->woken = false;
    mutex_unlock(&waiter->mu);
    return status;
}

enum status
waiter_wait_woken(struct waiter *waiter)
{
    mutex_lock(&waiter->mu);
    bool ready = waiter->woken;
    mutex_unlock(&waiter->mu);
    if (!ready && waiter->about_to_block != NULL) {
        TRY(waiter->about_to_block(waiter));
    }
    mutex_lock(&waiter->mu);
    while (!waiter->woken) {
        cond_wait(&waiter->changed, &waiter->mu);
    }
    waiter->woken = false;
    mutex_unlock(&waiter->mu);
    return STATUS_OK;
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
    waiter_cancel_for(waiter, CANCEL_USER);
}

void
waiter_cancel_for(struct waiter *waiter, enum cancel_reason reason)
{
    mutex_lock(&waiter->mu);
    if (atomic_load(&waiter->cancelled) < (int)reason) {
        atomic_store(&waiter->cancelled, (int)reason);
    }
    cond_signal(&waiter->changed);
    mutex_unlock(&waiter->mu);
}

void
waiter_reset_cancel(struct waiter *waiter)
{
    waiter->checks = 0;
    if (waiter_cancelled(waiter)) {
        mutex_lock(&waiter->mu);
        if (atomic_load(&waiter->cancelled) != CANCEL_SHUTDOWN) {
            atomic_store(&waiter->cancelled, CANCEL_NONE);
        }
        mutex_unlock(&waiter->mu);
    }
}

bool
waiter_cancelled(const struct waiter *waiter)
{
    return atomic_load_explicit(&waiter->cancelled, memory_order_relaxed) != CANCEL_NONE;
}

enum status
waiter_report_cancel(const struct waiter *waiter, struct diag *diag)
{
    switch ((enum cancel_reason)atomic_load(&waiter->cancelled)) {
    case CANCEL_SHUTDOWN:
        return diag_fail(diag, STATUS_CANCELLED, SQLSTATE_ADMIN_SHUTDOWN,
                         "terminating connection due to administrator command");
    case CANCEL_TIMEOUT:
        return diag_fail(diag, STATUS_CANCELLED, SQLSTATE_QUERY_CANCELED,
                         "canceling statement due to statement timeout");
    default:
        return diag_fail(diag, STATUS_CANCELLED, SQLSTATE_QUERY_CANCELED,
                         "canceling statement due to user request");
    }
}

void
waiter_set_current(struct waiter *waiter)
{
    current = waiter;
}

bool
waiter_cares_about_io(void)
{
    return current != NULL && current->about_to_block != NULL;
}

enum status
waiter_before_io(struct diag *diag)
{
    if (!waiter_cares_about_io()) {
        return STATUS_OK;
    }
    enum status status = current->about_to_block(current);
    return status == STATUS_OK ? STATUS_OK
                               : diag_fail(diag, status, SQLSTATE_OUT_OF_MEMORY,
                                           "no thread is left to wait for the disk");
}
