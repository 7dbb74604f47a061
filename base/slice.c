/* slice.c: see slice.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/slice.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void
buf_init(struct buf *buf)
{
    *buf = BUF_EMPTY;
}

void
buf_deinit(struct buf *buf)
{
    free(buf->data);
    *buf = BUF_EMPTY;
}

uint8_t *
buf_reserve(struct buf *buf, size_t extra)
{
    if (buf->capacity - buf->size < extra) {
        size_t capacity = MAX(buf->capacity * 2, (size_t)64);
        while (capacity - buf->size < extra) {
            ASSERT(capacity < SIZE_MAX / 2);
            capacity *= 2;
        }
        buf->data = realloc(buf->data, capacity);
        ASSERT(buf->data != NULL);
        buf->capacity = capacity;
    }
    return buf->data + buf->size;
}

uint8_t *
buf_extend(struct buf *buf, size_t size)
{
    uint8_t *at = buf_reserve(buf, size);
    buf->size += size;
    return at;
}

void
buf_append(struct buf *buf, const void *data, size_t size)
{
    if (size > 0) {
        memcpy(buf_extend(buf, size), data, size);
    }
}

void
buf_append_text(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    ASSERT(size >= 0);
    vsnprintf((char *)buf_reserve(buf, (size_t)size + 1), (size_t)size + 1, format, again);
    buf->size += (size_t)size;
    va_end(again);
    va_end(args);
}

void
buf_consume(struct buf *buf, size_t size)
{
    ASSERT(size <= buf->size);
    if (size < buf->size) {
        memmove(buf->data, buf->data + size, buf->size - size);
    }
    buf->size -= size;
}
