/* arena.h: memory that lives as long as its owner: session > transaction > statement > batch.
 *
 * Promises: allocation is a pointer bump; everything goes at once by reset or deinit.
 * Owns:     its chunks. What it gave out is the arena's: never free() it.
 * Thread:   one at a time.
 * Fails:    arena_alloc() never: out of memory stops the node. User-sized work asks
 *           arena_try_alloc(), which answers NULL above the arena's budget: report it as
 *           STATUS_LIMIT with 53200.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/slice.h"
#include <stdarg.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunk; /* newest; the others behind it */
    uint8_t *next, *end;
    size_t used_bytes;   /* of all chunks */
    size_t budget_bytes; /* 0: none */
};

struct arena_mark {
    struct arena_chunk *chunk;
    uint8_t *next;
    size_t used_bytes;
};

void arena_init(struct arena *arena);
void arena_deinit(struct arena *arena);
/* Frees all but one chunk of normal size. */
void arena_reset(struct arena *arena);
struct arena_mark arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, struct arena_mark mark);

/* Aligned to 16 bytes; content undefined. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_zalloc(struct arena *arena, size_t size);
void *arena_try_alloc(struct arena *arena, size_t size);
#define arena_new(arena, type) ((type *)arena_zalloc((arena), sizeof(type)))
#define arena_array(arena, type, count)                                                        \
    ((type *)arena_zalloc((arena), sizeof(type) * (size_t)(count)))

char *arena_strdup(struct arena *arena, const char *text);               /* NULL for NULL */
char *arena_strndup(struct arena *arena, const void *text, size_t size); /* adds a zero */
struct slice arena_copy(struct arena *arena, struct slice bytes);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
char *arena_vprintf(struct arena *arena, const char *format, va_list args) PRINTF_LIKE(2, 0);
