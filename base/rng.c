/* rng.c: see rng.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"
#include "base/macros.h"

#include <sys/random.h>

static uint64_t
rotate(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

void
rng_seed(struct rng *rng, uint64_t seed)
{
    for (unsigned i = 0; i < 4; i++) { /* splitmix64, as its authors advise */
        seed += 0x9e3779b97f4a7c15;
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        rng->state[i] = z ^ (z >> 31);
    }
}

void
rng_seed_from_system(struct rng *rng)
{
    uint64_t seed;
    ASSERT(getrandom(&seed, sizeof(seed), 0) == sizeof(seed));
    rng_seed(rng, seed);
}

uint64_t
rng_next(struct rng *rng)
{
    uint64_t *s = rng->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t
rng_below(struct rng *rng, uint64_t bound)
{
    ASSERT(bound > 0);
    return (uint64_t)(((unsigned __int128)rng_next(rng) * bound) >> 64);
}

double
rng_double(struct rng *rng)
{
    return (double)(rng_next(rng) >> 11) * 0x1.0p-53;
}
