/* worker.h: a thread that does one thing whenever it is kicked.
 *
 * Promises: after worker_kick() the step runs at least once more; kicks while it runs are
 * folded into one. A step that returns true wants to run again at once.
 * Owns:     its thread. The step's argument outlives worker_stop().
 * Thread:   kick from any; new, stop and delete from the owner.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/thread.h"

struct worker;
struct workers;

typedef bool (*worker_step_fn)(void *arg);

struct workers_ops {
    enum status (*start)(struct workers *, enum thread_role role, const char *name,
                         worker_step_fn step, void *arg, struct worker **, struct diag *);
    void (*kick)(struct worker *);
    void (*stop)(struct worker *);
};

struct workers {
    const struct workers_ops *ops;
};
struct worker {
    struct workers *workers;
};

/* Real threads; a constant. */
struct workers *workers_system(void);

MUST_CHECK enum status worker_start(struct workers *workers, enum thread_role role,
                                    const char *name, worker_step_fn step, void *arg,
                                    struct worker **worker_out, struct diag *diag);
void worker_kick(struct worker *worker);
/* Waits for the step in progress, if any; kicks not yet served are dropped. Takes worker. */
void worker_stop(struct worker *worker);
