/* sim_content.c: see sim_content.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/sim_content.h"
#include "base/macros.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t zero_chunk[SIM_CHUNK_BYTES];

static bool
is_zero_chunk(const uint8_t *chunk)
{
    return chunk == zero_chunk;
}

static void
drop_chunk(struct sim_content *content, size_t i)
{
    if (content->chunks[i] == NULL) {
        return;
    }
    if (!is_zero_chunk(content->chunks[i])) {
        free(content->chunks[i]);
    }
    content->chunks[i] = NULL;
    content->used_count--;
}

void
sim_content_free(struct sim_content *content)
{
    for (size_t i = 0; i < content->chunk_count; i++) {
        drop_chunk(content, i);
    }
    free(content->chunks);
    memset(content, 0, sizeof(*content));
}

static void
reach_chunk(struct sim_content *content, size_t i)
{
    if (i < content->chunk_count) {
        return;
    }
    size_t count = MAX(i + 1, content->chunk_count * 2);
    content->chunks = realloc(content->chunks, count * sizeof(*content->chunks));
    ASSERT(content->chunks != NULL);
    memset(content->chunks + content->chunk_count, 0,
           (count - content->chunk_count) * sizeof(*content->chunks));
    content->chunk_count = count;
}

/* A chunk that may be written. */
static uint8_t *
own_chunk(struct sim_content *content, size_t i)
{
    reach_chunk(content, i);
    uint8_t *chunk = content->chunks[i];
    if (chunk == NULL || is_zero_chunk(chunk)) {
        content->used_count += chunk == NULL;
        chunk = calloc(1, SIM_CHUNK_BYTES);
        ASSERT(chunk != NULL);
        content->chunks[i] = chunk;
    }
    return chunk;
}

void
sim_content_copy(struct sim_content *to, const struct sim_content *from)
{
    sim_content_free(to);
    for (size_t i = 0; i < from->chunk_count; i++) {
        if (from->chunks[i] == NULL) {
            continue;
        }
        if (is_zero_chunk(from->chunks[i])) {
            sim_content_reserve(to, (uint64_t)i * SIM_CHUNK_BYTES, 1);
        } else {
            memcpy(own_chunk(to, i), from->chunks[i], SIM_CHUNK_BYTES);
        }
    }
    to->size = from->size;
}

size_t
sim_content_growth(const struct sim_content *content, uint64_t offset, uint64_t size)
{
    size_t growth = 0;
    if (size > 0) {
        for (uint64_t i = offset / SIM_CHUNK_BYTES; i <= (offset + size - 1) / SIM_CHUNK_BYTES;
             i++) {
            growth += i >= content->chunk_count || content->chunks[i] == NULL;
        }
    }
    return growth;
}

void
sim_content_write(struct sim_content *content, uint64_t offset, const uint8_t *data,
                  size_t size)
{
    content->size = MAX(content->size, offset + size);
    while (size > 0) {
        size_t at = offset % SIM_CHUNK_BYTES;
        size_t part = MIN(size, SIM_CHUNK_BYTES - at);
        memcpy(own_chunk(content, offset / SIM_CHUNK_BYTES) + at, data, part);
        offset += part;
        data += part;
        size -= part;
    }
}

void
sim_content_reserve(struct sim_content *content, uint64_t offset, uint64_t size)
{
    if (size == 0) {
        return;
    }
    size_t last = (offset + size - 1) / SIM_CHUNK_BYTES;
    reach_chunk(content, last);
    for (size_t i = offset / SIM_CHUNK_BYTES; i <= last; i++) {
        if (content->chunks[i] == NULL) {
            content->chunks[i] = (uint8_t *)(uintptr_t)zero_chunk;
            content->used_count++;
        }
    }
    content->size = MAX(content->size, offset + size);
}

void
sim_content_punch(struct sim_content *content, uint64_t offset, uint64_t size)
{
    uint64_t end = MIN(offset + size, (uint64_t)content->chunk_count * SIM_CHUNK_BYTES);
    while (offset < end) {
        size_t i = offset / SIM_CHUNK_BYTES;
        size_t at = offset % SIM_CHUNK_BYTES;
        size_t part = (size_t)MIN(end - offset, SIM_CHUNK_BYTES - at);
        if (part == SIM_CHUNK_BYTES) {
            drop_chunk(content, i);
        } else if (content->chunks[i] != NULL) {
            memset(own_chunk(content, i) + at, 0, part);
        }
        offset += part;
    }
}

void
sim_content_resize(struct sim_content *content, uint64_t size)
{
    if (size < content->size) {
        sim_content_punch(content, size, UINT64_MAX - size);
    }
    content->size = size;
}

size_t
sim_content_read(const struct sim_content *content, uint64_t offset, uint8_t *data, size_t size)
{
    if (offset >= content->size) {
        return 0;
    }
    size = (size_t)MIN(size, content->size - offset);
    for (size_t done = 0; done < size;) {
        size_t i = (offset + done) / SIM_CHUNK_BYTES;
        size_t at = (offset + done) % SIM_CHUNK_BYTES;
        size_t part = MIN(size - done, SIM_CHUNK_BYTES - at);
        if (i < content->chunk_count && content->chunks[i] != NULL) {
            memcpy(data + done, content->chunks[i] + at, part);
        } else {
            memset(data + done, 0, part);
        }
        done += part;
    }
    return size;
}
