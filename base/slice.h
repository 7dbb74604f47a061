/* slice.h: borrowed bytes, and a buffer that grows.
 * Owns:     a buf owns its memory (malloc); a slice never does.
 * Fails:    out of memory stops the node, for every buffer that users can size is bounded by
 *           its owner first.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/macros.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *data;
    size_t size;
};

static inline struct slice
slice_make(const void *data, size_t size)
{
    return (struct slice){.data = data, .size = size};
}

static inline struct slice
slice_from_text(const char *text)
{
    return (struct slice){.data = (const uint8_t *)text, .size = strlen(text)};
}

/* memcmp order; of two with a common prefix the shorter one is first. */
static inline int
slice_compare(struct slice a, struct slice b)
{
    size_t common = MIN(a.size, b.size);
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static inline bool
slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

struct buf {
    uint8_t *data; /* NULL while capacity is 0 */
    size_t size, capacity;
};

#define BUF_EMPTY ((struct buf){0})

void buf_init(struct buf *buf);
void buf_deinit(struct buf *buf); /* frees; the buf is empty and usable again */
static inline void
buf_clear(struct buf *buf)
{
    buf->size = 0;
}
/* Makes room for `extra` more bytes and returns where they go; size does not change. */
uint8_t *buf_reserve(struct buf *buf, size_t extra);
/* Appends `size` bytes of whatever content and returns the first. */
uint8_t *buf_extend(struct buf *buf, size_t size);
void buf_append(struct buf *buf, const void *data, size_t size);
void buf_append_text(struct buf *buf, const char *text); /* without its final zero */
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
/* Drops the first `size` bytes. */
void buf_consume(struct buf *buf, size_t size);
static inline struct slice
buf_slice(const struct buf *buf)
{
    return slice_make(buf->data, buf->size);
}
