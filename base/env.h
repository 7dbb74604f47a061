/* env.h: the world around a node: disk, clock, network, threads, chance, log, faults. The real
 * one or the simulator's; handed down by the composition root. Borrows all it points to.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

struct vfs;
struct clock;
struct net;
struct workers;
struct loops;
struct rng;
struct logger;
struct faults;

struct env {
    struct vfs *vfs;
    struct clock *clock;
    struct net *net;
    struct workers *workers;
    struct loops *loops;   /* NULL: the machine's */
    struct logger *log;    /* NULL: silent */
    struct faults *faults; /* NULL: none */
    uint64_t seed;         /* for the rng of each component: mix it with a constant of yours */
};
