/* wait.h: how a session sleeps: on a row, a table lock, a commit, a page.
 *
 * Promises: a wake that comes before the wait is not lost (the waiter latches it). A cancel is
 *           sticky until waiter_reset_cancel(), and keeps its reason. Before the first sleep
 *           of a wait the hook `about_to_block` runs, so that a lane can be given to a spare
 *           thread. No wait lasts beyond `limit_ns`: reaching it is a cancel, too.
 *           Code that has no waiter at hand and may wait for the disk asks waiter_before_io():
 *           the thread's current waiter is that of the session whose statement it runs.
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

enum cancel_reason {
    CANCEL_NONE,
    CANCEL_USER,
    CANCEL_TIMEOUT,  /* limit_ns was reached: statement_timeout */
    CANCEL_SHUTDOWN, /* the node stops; outranks the others */
};

#define WAITER_CHECKS_FREE 4U /* a short statement does not pay for reading the clock */

struct waiter {
    struct mutex mu;
    struct cond changed;
    bool woken;             /* guarded by mu */
    _Atomic(int) cancelled; /* enum cancel_reason; written under mu, read anywhere */
    /* the waiter's own thread: */
    int64_t limit_ns; /* of the statement, monotonic; WAIT_FOREVER: none */
    unsigned checks;  /* since the last reset */
    MUST_CHECK enum status (*about_to_block)(struct waiter *waiter); /* NULL: nothing to do */
    void (*breathe)(struct waiter *waiter); /* NULL, or: a statement has run for a while */
    void *owner;                            /* for the hooks */
};

void waiter_init(struct waiter *waiter);
void waiter_deinit(struct waiter *waiter);
/* Forgets earlier wakes. Call before entering a queue, not after. */
void waiter_arm(struct waiter *waiter);
/* Sleeps until woken, cancelled, or `deadline_ns` on the monotonic clock passes. */
MUST_CHECK enum status waiter_wait(struct waiter *waiter, int64_t deadline_ns);
/* Sleeps until woken, cancelled or not: for what ends by itself and must be seen to. */
MUST_CHECK enum status waiter_wait_woken(struct waiter *waiter);
void waiter_wake(struct waiter *waiter);
void waiter_cancel(struct waiter *waiter); /* CANCEL_USER */
void waiter_cancel_for(struct waiter *waiter, enum cancel_reason reason);
/* For the next statement. A shutdown stays. */
void waiter_reset_cancel(struct waiter *waiter);
bool waiter_cancelled(const struct waiter *waiter);
/* From here on this thread runs statements of the waiter's session; NULL: of none. */
void waiter_set_current(struct waiter *waiter);
/* Is there a hook to run before this thread waits for the disk? */
bool waiter_cares_about_io(void);
/* Runs it. STATUS_LIMIT, 53200: it says that this thread must not wait. */
MUST_CHECK enum status waiter_before_io(struct diag *diag);
/* STATUS_CANCELLED as the client hears it: 57014 or 57P01. */
enum status waiter_report_cancel(const struct waiter *waiter, struct diag *diag);
/* Between two batches of work, nothing held: lets the hook breathe; true: cancelled. */
static inline bool
waiter_check(struct waiter *waiter)
{
    if (UNLIKELY(++waiter->checks > WAITER_CHECKS_FREE) && waiter->breathe != NULL) {
        waiter->breathe(waiter);
    }
    return UNLIKELY(waiter_cancelled(waiter));
}
