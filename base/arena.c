/* arena.c: see arena.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

#define CHUNK_BYTES ((size_t)8192)
#define ALIGNMENT ((size_t)16)

struct arena_chunk {
    struct arena_chunk *older;
    size_t size_bytes;
    _Alignas(16) uint8_t data[];
};

void
arena_init(struct arena *arena)
{
    memset(arena, 0, sizeof(*arena));
}

static void
free_newest(struct arena *arena)
{
    struct arena_chunk *chunk = arena->chunk;
    arena->chunk = chunk->older;
    free(chunk);
}

void
arena_deinit(struct arena *arena)
{
    while (arena->chunk != NULL) {
        free_newest(arena);
    }
    memset(arena, 0, sizeof(*arena));
}

void
arena_reset(struct arena *arena)
{
    while (arena->chunk != NULL &&
           (arena->chunk->older != NULL || arena->chunk->size_bytes > CHUNK_BYTES)) {
        free_newest(arena);
    }
    arena->used_bytes = arena->chunk == NULL ? 0 : arena->chunk->size_bytes;
    arena->next = arena->chunk == NULL ? NULL : arena->chunk->data;
    arena->end = arena->chunk == NULL ? NULL : arena->chunk->data + arena->chunk->size_bytes;
}

struct arena_mark
arena_mark(const struct arena *arena)
{
    return (struct arena_mark){arena->chunk, arena->next, arena->used_bytes};
}

void
arena_rewind(struct arena *arena, struct arena_mark mark)
{
    while (arena->chunk != mark.chunk) {
        ASSERT(arena->chunk != NULL);
        free_newest(arena);
    }
    arena->next = mark.next;
    arena->end = mark.chunk == NULL ? NULL : mark.chunk->data + mark.chunk->size_bytes;
    arena->used_bytes = mark.used_bytes;
}

static bool
add_chunk(struct arena *arena, size_t size)
{
    size_t grown =
        arena->chunk == NULL ? CHUNK_BYTES : MIN(arena->chunk->size_bytes * 2, (size_t)1 << 20);
    size_t capacity = MAX(size, MAX(grown, CHUNK_BYTES));
    struct arena_chunk *chunk = malloc(sizeof(*chunk) + capacity);
    if (chunk == NULL) {
        return false;
    }
    chunk->older = arena->chunk;
    chunk->size_bytes = capacity;
    arena->chunk = chunk;
    arena->next = chunk->data;
    arena->end = chunk->data + capacity;
    arena->used_bytes += capacity;
    return true;
}

void *
arena_try_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 4) {
        return NULL;
    }
    size_t rounded = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if (UNLIKELY((size_t)(arena->end - arena->next) < rounded)) {
        if (arena->budget_bytes != 0 && arena->used_bytes + rounded > arena->budget_bytes) {
            return NULL;
        }
        if (!add_chunk(arena, rounded)) {
            return NULL;
        }
    }
    void *at = arena->next;
    arena->next += rounded;
    return at;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
    size_t rounded = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if (UNLIKELY((size_t)(arena->end - arena->next) < rounded)) {
        ASSERT(add_chunk(arena, rounded));
    }
    void *at = arena->next;
    arena->next += rounded;
    return at;
}

void *
arena_zalloc(struct arena *arena, size_t size)
{
    return memset(arena_alloc(arena, size), 0, size);
}

char *
arena_strndup(struct arena *arena, const void *text, size_t size)
{
    char *copy = arena_alloc(arena, size + 1);
    if (size > 0) {
        memcpy(copy, text, size);
    }
    copy[size] = '\0';
    return copy;
}

char *
arena_strdup(struct arena *arena, const char *text)
{
    return text == NULL ? NULL : arena_strndup(arena, text, strlen(text));
}

struct slice
arena_copy(struct arena *arena, struct slice bytes)
{
    uint8_t *copy = arena_alloc(arena, MAX(bytes.size, (size_t)1));
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return slice_make(copy, bytes.size);
}

char *
arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    ASSERT(size >= 0);
    char *text = arena_alloc(arena, (size_t)size + 1);
    vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    return text;
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}
