/* crc.c: see crc.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/crc.h"

#include <string.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#define STEP8(crc, v) ((uint32_t)_mm_crc32_u64((crc), (v)))
#define STEP1(crc, v) _mm_crc32_u8((crc), (v))
#elif defined(__aarch64__)
#include <arm_acle.h>
#define STEP8(crc, v) __crc32cd((crc), (v))
#define STEP1(crc, v) __crc32cb((crc), (v))
#else
#error "CRC-32C needs SSE 4.2 or the ARMv8 CRC extension"
#endif

uint32_t
crc32c(uint32_t crc, const void *data, size_t size)
{
    const uint8_t *at = data;
    uint32_t state = ~crc;
    for (; size >= 8; at += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        state = STEP8(state, word);
    }
    for (; size > 0; at++, size--) {
        state = STEP1(state, *at);
    }
    return ~state;
}
