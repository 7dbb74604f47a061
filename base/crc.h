/* crc.h: CRC-32C (Castagnoli), in hardware. SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The checksum of `size` bytes that follow bytes of checksum `crc` (0 at the start). */
uint32_t crc32c(uint32_t crc, const void *data, size_t size);
