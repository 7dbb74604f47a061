/* loops.c: loops driven by real threads, and calls through the table.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include <stdlib.h>

struct system_driver {
    struct loop_driver base;
    struct thread thread;
};

static enum status
system_create(struct loops *loops, struct loop **out, struct diag *diag)
{
    UNUSED(loops);
    return loop_new_system(out, diag);
}

static void
drive(void *arg)
{
    loop_run(arg);
}

static enum status
system_start(struct loops *loops, struct loop *loop, enum thread_role role, const char *name,
             struct loop_driver **out, struct diag *diag)
{
    struct system_driver *driver = calloc(1, sizeof(*driver));
    ASSERT(driver != NULL);
    driver->base.loops = loops;
    driver->base.loop = loop;
    enum status status = thread_start(&driver->thread, role, name, drive, loop, diag);
    if (status != STATUS_OK) {
        free(driver);
        return status;
    }
    *out = &driver->base;
    return STATUS_OK;
}

static void
system_stop(struct loop_driver *base)
{
    struct system_driver *driver = CONTAINER_OF(base, struct system_driver, base);
    loop_stop(base->loop);
    thread_join(&driver->thread);
    free(driver);
}

struct loops *
loops_system(void)
{
    static const struct loops_ops ops = {system_create, system_start, system_stop};
    static struct loops system = {.ops = &ops}; /* stateless */
    return &system;
}

enum status
loops_create(struct loops *loops, struct loop **loop_out, struct diag *diag)
{
    *loop_out = NULL;
    return loops->ops->create(loops, loop_out, diag);
}

enum status
loops_start(struct loops *loops, struct loop *loop, enum thread_role role, const char *name,
            struct loop_driver **driver_out, struct diag *diag)
{
    *driver_out = NULL;
    return loops->ops->start(loops, loop, role, name, driver_out, diag);
}

void
loops_stop(struct loop_driver *driver)
{
    if (driver != NULL) {
        driver->loops->ops->stop(driver);
    }
}
