/* hash.c: see hash.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <xxhash.h>

uint64_t
hash64(struct slice bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes.data, bytes.size, seed);
}

struct hash128
hash128(struct slice bytes, uint64_t seed)
{
    XXH128_hash_t h = XXH3_128bits_withSeed(bytes.data, bytes.size, seed);
    return (struct hash128){.low = h.low64, .high = h.high64};
}
