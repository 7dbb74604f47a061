/* thread.c: see thread.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include <signal.h>
#include <stdio.h>

static _Thread_local enum thread_role my_role;

static void *
thread_main(void *arg)
{
    struct thread *thread = arg;
    my_role = thread->role;
    pthread_setname_np(pthread_self(), thread->name);
    thread->run(thread->arg);
    return NULL;
}

enum status
thread_start(struct thread *thread, enum thread_role role, const char *name,
             void (*run)(void *arg), void *arg, struct diag *diag)
{
    thread->role = role;
    thread->run = run;
    thread->arg = arg;
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
    ASSERT(pthread_join(thread->native, NULL) == 0);
}

void
thread_assert(enum thread_role role)
{
    ASSERT(my_role == THREAD_ANY || my_role == role);
}
