/* thread.c: see thread.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"
#include "base/sched.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static _Thread_local enum thread_role my_role;

static void *
thread_main(void *arg)
{
    struct thread *thread = arg;
    my_role = thread->role;
    pthread_setname_np(pthread_self(), thread->name);
    struct sched *sched = sched_mine = thread->sched;
    void *seat = thread->seat;
    if (sched != NULL) {
        sched->ops->begin(sched, seat);
    }
    thread->run(thread->arg); /* may free `thread` */
    if (sched != NULL) {
        sched->ops->end(sched, seat);
    }
    return NULL;
}

enum status
thread_start(struct thread *thread, enum thread_role role, const char *name,
             void (*run)(void *arg), void *arg, struct diag *diag)
{
    thread->role = role;
    thread->run = run;
    thread->arg = arg;
    thread->sched = sched_mine;
    thread->seat = sched_mine == NULL ? NULL : sched_mine->ops->make_seat(sched_mine);
    snprintf(thread->name, sizeof(thread->name), "%s", name);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    sigset_t all, before; /* signals belong to the main thread */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&thread->native, &attributes, thread_main, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return rc == 0 ? STATUS_OK : diag_errno(diag, rc, "start thread \"%s\"", name);
}

void
thread_join(struct thread *thread)
{
    if (thread->sched != NULL) {
        thread->sched->ops->join(thread->sched, thread->seat);
    }
    ASSERT(pthread_join(thread->native, NULL) == 0);
}

void
thread_assert(enum thread_role role)
{
    ASSERT(my_role == THREAD_ANY || my_role == role);
}

void
thread_sleep_us(int64_t delay_us)
{
    if (sched_mine != NULL) {
        sched_mine->ops->pause(sched_mine, delay_us * 1000);
        return;
    }
    (void)usleep((useconds_t)delay_us);
}

void
thread_yield(void)
{
    if (sched_mine != NULL) {
        sched_mine->ops->pause(sched_mine, 0);
        return;
    }
    sched_yield();
}
