/* wait.h: how a session sleeps: on a row, a table lock, a commit, a page.
 *
 * Promises: a wake that comes before the wait is not lost (the waiter latches it). A cancel is
 *           sticky until waiter_reset_cancel(). Before the first sleep of a wait the hook
 *           `about_to_block` runs, so that a lane can be given to a spare thread; after it
 *           `unblocked` runs.
 * Owns:     nothing; a waiter is embedded in its session and outlives every queue it stands in.
 * Thread:   waiter_wait() on the session's thread; wake and cancel from any.
 * Fails:    STATUS_TIMEOUT and STATUS_CANCELLED; the caller reports the SQLSTATE that fits.
 *           STATUS_LIMIT when about_to_block says that there is no spare thread (53200).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/clock.h"
#include "base/lock.h"
#include "base/status.h"

#define WAIT_FOREVER INT64_MAX

struct waiter {
    struct mutex mu;
    struct cond changed;
    bool woken;              /* guarded by mu */
    _Atomic(bool) cancelled; /* written under mu, read anywhere */
    MUST_CHECK enum status (*about_to_block)(struct waiter *waiter); /* NULL: nothing to do */
    void *owner;                                                     /* for the hook */
};

void waiter_init(struct waiter *waiter);
void waiter_deinit(struct waiter *waiter);
/* Forgets earlier wakes. Call before entering a queue, not after. */
void waiter_arm(struct waiter *waiter);
/* Sleeps until woken, cancelled, or `deadline_ns` on the monotonic clock passes. */
MUST_CHECK enum status waiter_wait(struct waiter *waiter, int64_t deadline_ns);
void waiter_wake(struct waiter *waiter);
void waiter_cancel(struct waiter *waiter);
void waiter_reset_cancel(struct waiter *waiter);
bool waiter_cancelled(const struct waiter *waiter);
