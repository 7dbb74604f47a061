/* rng.h: random numbers from a seed (xoshiro256**, Blackman and Vigna 2018). Not for secrets.
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

struct rng {
    uint64_t state[4];
};

void rng_seed(struct rng *rng, uint64_t seed);
/* Seeds from the operating system. */
void rng_seed_from_system(struct rng *rng);
uint64_t rng_next(struct rng *rng);
/* Uniform in [0, bound); bound > 0. */
uint64_t rng_below(struct rng *rng, uint64_t bound);
/* Uniform in [0, 1). */
double rng_double(struct rng *rng);
