/* gate.c: see gate.h.
 *
 * Enter: count in, then look whether it is closed. Close: mark closed, then look at the counts.
 * Both are sequentially consistent, so that at least one of the two sees the other.
 * SPDX-License-Identifier: Apache-2.0 */
#include "storage/buffer/gate.h"

struct visit { /* this thread's stay inside one gate */
    const struct gate *gate;
    unsigned depth;
};
static _Thread_local struct visit visits[GATE_NESTED_MAX];

static struct visit *
find_visit(const struct gate *gate)
{
    for (unsigned i = 0; i < GATE_NESTED_MAX; i++) {
        if (visits[i].gate == gate) {
            return &visits[i];
        }
    }
    return NULL;
}

static struct visit *
begin_visit(const struct gate *gate)
{
    struct visit *visit = find_visit(NULL);
    ASSERT(visit != NULL);
    *visit = (struct visit){.gate = gate, .depth = 1};
    return visit;
}

void
gate__init(struct gate *gate)
{
    for (unsigned i = 0; i < GATE_COUNTERS; i++) {
        atomic_init(&gate->counters[i].inside, 0);
    }
    atomic_init(&gate->closed, false);
    mutex_init(&gate->mu, LOCK_RANK_GATE);
    cond_init(&gate->change);
}

void
gate__deinit(struct gate *gate)
{
    cond_deinit(&gate->change);
    mutex_deinit(&gate->mu);
}

static _Atomic(int64_t) *
my_counter(struct gate *gate)
{
    return &gate->counters[thread_number() % GATE_COUNTERS].inside;
}

static void
step_out(struct gate *gate)
{
    atomic_fetch_sub(my_counter(gate), 1);
    if (UNLIKELY(atomic_load(&gate->closed))) {
        mutex_lock(&gate->mu);
        cond_broadcast(&gate->change);
        mutex_unlock(&gate->mu);
    }
}

void
gate__enter(struct gate *gate)
{
    struct visit *visit = find_visit(gate);
    if (visit != NULL) {
        visit->depth++;
        return;
    }
    atomic_fetch_add(my_counter(gate), 1);
    while (UNLIKELY(atomic_load(&gate->closed))) {
        step_out(gate);
        mutex_lock(&gate->mu);
        while (atomic_load(&gate->closed)) {
            cond_wait(&gate->change, &gate->mu);
        }
        mutex_unlock(&gate->mu);
        atomic_fetch_add(my_counter(gate), 1);
    }
    begin_visit(gate);
}

void
gate__leave(struct gate *gate)
{
    struct visit *visit = find_visit(gate);
    ASSERT(visit != NULL && visit->depth > 0);
    if (--visit->depth == 0) {
        visit->gate = NULL;
        step_out(gate);
    }
}

bool
gate__held(const struct gate *gate)
{
    return find_visit(gate) != NULL;
}

static bool
anyone_inside(struct gate *gate)
{
    int64_t inside = 0;
    for (unsigned i = 0; i < GATE_COUNTERS; i++) {
        inside += atomic_load(&gate->counters[i].inside);
    }
    return inside != 0;
}

void
gate__close(struct gate *gate)
{
    ASSERT(!gate__held(gate)); /* it would wait for itself */
    mutex_lock(&gate->mu);
    while (atomic_load(&gate->closed)) {
        cond_wait(&gate->change, &gate->mu);
    }
    atomic_store(&gate->closed, true);
    while (anyone_inside(gate)) {
        cond_wait(&gate->change, &gate->mu);
    }
    mutex_unlock(&gate->mu);
    begin_visit(gate);
}

void
gate__open(struct gate *gate)
{
    struct visit *visit = find_visit(gate);
    ASSERT(visit != NULL && visit->depth == 1);
    visit->gate = NULL;
    visit->depth = 0;
    mutex_lock(&gate->mu);
    atomic_store(&gate->closed, false);
    cond_broadcast(&gate->change);
    mutex_unlock(&gate->mu);
}
