/* worker.c: real threads behind worker.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/worker.h"
#include "base/lock.h"

#include <stdlib.h>

struct system_worker {
    struct worker base;
    struct thread thread;
    worker_step_fn step;
    void *arg;
    struct mutex mu;
    struct cond kicked_cond;
    bool kicked, stopping; /* guarded by mu */
};

static struct system_worker *
of(struct worker *worker)
{
    return CONTAINER_OF(worker, struct system_worker, base);
}

/* Waits for a kick; false when it is time to end. */
static bool
next_kick(struct system_worker *worker)
{
    mutex_lock(&worker->mu);
    while (!worker->kicked && !worker->stopping) {
        cond_wait(&worker->kicked_cond, &worker->mu);
    }
    worker->kicked = false;
    bool go_on = !worker->stopping;
    mutex_unlock(&worker->mu);
    return go_on;
}

static bool
stopping(struct system_worker *worker)
{
    mutex_lock(&worker->mu);
    bool stop = worker->stopping;
    mutex_unlock(&worker->mu);
    return stop;
}

static void
run(void *arg)
{
    struct system_worker *worker = arg;
    while (next_kick(worker)) {
        while (worker->step(worker->arg) && !stopping(worker)) {
        }
    }
}

static enum status
system_start(struct workers *workers, enum thread_role role, const char *name,
             worker_step_fn step, void *arg, struct worker **out, struct diag *diag)
{
    struct system_worker *worker = calloc(1, sizeof(*worker));
    ASSERT(worker != NULL);
    worker->base.workers = workers;
    worker->step = step;
    worker->arg = arg;
    mutex_init(&worker->mu, LOCK_RANK_WORKER);
    cond_init(&worker->kicked_cond);
    enum status status = thread_start(&worker->thread, role, name, run, worker, diag);
    if (status != STATUS_OK) {
        cond_deinit(&worker->kicked_cond);
        mutex_deinit(&worker->mu);
        free(worker);
        return status;
    }
    *out = &worker->base;
    return STATUS_OK;
}

static void
system_kick(struct worker *base)
{
    struct system_worker *worker = of(base);
    mutex_lock(&worker->mu);
    if (!worker->kicked) {
        worker->kicked = true;
        cond_signal(&worker->kicked_cond);
    }
    mutex_unlock(&worker->mu);
}

static void
system_stop(struct worker *base)
{
    struct system_worker *worker = of(base);
    mutex_lock(&worker->mu);
    worker->stopping = true;
    cond_signal(&worker->kicked_cond);
    mutex_unlock(&worker->mu);
    thread_join(&worker->thread);
    cond_deinit(&worker->kicked_cond);
    mutex_deinit(&worker->mu);
    free(worker);
}

struct workers *
workers_system(void)
{
    static const struct workers_ops ops = {system_start, system_kick, system_stop};
    static struct workers system = {.ops = &ops}; /* stateless */
    return &system;
}

enum status
worker_start(struct workers *workers, enum thread_role role, const char *name,
             worker_step_fn step, void *arg, struct worker **worker_out, struct diag *diag)
{
    *worker_out = NULL;
    return workers->ops->start(workers, role, name, step, arg, worker_out, diag);
}

void
worker_kick(struct worker *worker)
{
    worker->workers->ops->kick(worker);
}

void
worker_stop(struct worker *worker)
{
    if (worker != NULL) {
        worker->workers->ops->stop(worker);
    }
}
