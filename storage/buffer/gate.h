/* gate.h: what lets writers through together and a checkpoint cut alone.
 *
 * Promises: between gate__close() and gate__open() no other thread is inside. Entering is two
 *           atomic operations on a cache line that few threads share. Nested entering is fine.
 * Thread:   any; a thread may be inside the gates of up to GATE_NESTED_MAX nodes at a time.
 *           Enter, leave, close and open of one visit happen on one thread.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/lock.h"
#include <stdatomic.h>

#define GATE_COUNTERS 64
#define GATE_NESTED_MAX 4

struct gate_counter {
    _Alignas(64) _Atomic(int64_t) inside;
};

struct gate {
    struct gate_counter counters[GATE_COUNTERS]; /* by number of the thread */
    _Alignas(64) atomic_bool closed;
    struct mutex mu;    /* guards the closing and opening of the gate */
    struct cond change; /* closed, opened, or somebody left while it was closed */
};

void gate__init(struct gate *gate);
void gate__deinit(struct gate *gate);
void gate__enter(struct gate *gate);
void gate__leave(struct gate *gate);
bool gate__held(const struct gate *gate);
void gate__close(struct gate *gate);
void gate__open(struct gate *gate);
