/* hash.h: hashes that may be stored: XXH3, 64 and 128 bits.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/slice.h"

struct hash128 {
    uint64_t low, high;
};

uint64_t hash64(struct slice bytes, uint64_t seed);
struct hash128 hash128(struct slice bytes, uint64_t seed);

/* A good mix of one word: for tables in memory. */
static inline uint64_t
hash_word(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93;
    return x ^ (x >> 32);
}

/* Sums modulo 2^128: the state hash adds and subtracts rows in any order. */
static inline struct hash128
hash128_add(struct hash128 a, struct hash128 b)
{
    struct hash128 sum = {.low = a.low + b.low, .high = a.high + b.high};
    sum.high += sum.low < a.low;
    return sum;
}

static inline struct hash128
hash128_subtract(struct hash128 a, struct hash128 b)
{
    struct hash128 rest = {.low = a.low - b.low, .high = a.high - b.high};
    rest.high -= a.low < b.low;
    return rest;
}
