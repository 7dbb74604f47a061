/* sim_content.h: the bytes of one simulated file, with holes.
 * Owns:     its chunks.
 * Does not: know what is durable (sim_vfs.c keeps two of these a file).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_CHUNK_BYTES 4096

struct sim_content {
    uint8_t **chunks;   /* NULL: a hole; sim_zero_chunk: space reserved, reads as zeros */
    size_t chunk_count; /* entries of chunks */
    size_t used_count;  /* entries that are not NULL */
    uint64_t size;
};

void sim_content_free(struct sim_content *content);
void sim_content_copy(struct sim_content *to, const struct sim_content *from);
/* Chunks that a write or a reservation of this range would add. */
size_t sim_content_growth(const struct sim_content *content, uint64_t offset, uint64_t size);
void sim_content_write(struct sim_content *content, uint64_t offset, const uint8_t *data,
                       size_t size);
/* Reserves space; the size grows if need be. */
void sim_content_reserve(struct sim_content *content, uint64_t offset, uint64_t size);
void sim_content_resize(struct sim_content *content, uint64_t size);
void sim_content_punch(struct sim_content *content, uint64_t offset, uint64_t size);
/* Bytes read: fewer than `size` at the end. */
size_t sim_content_read(const struct sim_content *content, uint64_t offset, uint8_t *data,
                        size_t size);
