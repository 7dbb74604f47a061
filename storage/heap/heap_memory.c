/* heap_memory.c: a byte a page that says how much is free, and a page a thread likes to insert
 * into, so that threads do not meet on one page.
 * SPDX-License-Identifier: Apache-2.0 */
#include "storage/heap/table_internal.h"
#include <stdlib.h>

#define TARGETS 16
#define PROBES_MAX 512 /* pages looked at before the heap grows */

struct table_memory {
    struct {
        _Atomic(uint32_t) page; /* PAGE_NO_NONE: none */
        char own_line[60];
    } targets[TARGETS];
    _Atomic(bool) looked, vacuuming;
    struct mutex mu; /* LEAF */
    /* guarded by mu */
    uint8_t *classes; /* free bytes in 1/256 of a page */
    uint32_t class_count, class_capacity, cursor;
    uint32_t known_count; /* classes above 0 */
};

struct table_memory *
table_memory_new(void)
{
    struct table_memory *memory = calloc(1, sizeof(*memory));
    ASSERT(memory != NULL);
    mutex_init(&memory->mu, LOCK_RANK_LEAF);
    for (unsigned i = 0; i < TARGETS; i++) {
        atomic_init(&memory->targets[i].page, PAGE_NO_NONE);
    }
    return memory;
}

void
table_memory_delete(struct table_memory *memory)
{
    if (memory != NULL) {
        mutex_deinit(&memory->mu);
        free(memory->classes);
        free(memory);
    }
}

/* After a restart the last page is the likeliest to have room. */
static void
look_once(struct table_memory *memory, struct pages *pages, struct space_id space)
{
    if (LIKELY(atomic_load_explicit(&memory->looked, memory_order_relaxed)) ||
        atomic_exchange(&memory->looked, true)) {
        return;
    }
    uint32_t page_count = space_page_count(pages, space);
    if (page_count > 0) {
        heap_memory_note(memory, (struct page_no){page_count - 1}, 1, 1);
    }
}

struct heap
heap_of(struct store *store, struct generation *table)
{
    ASSERT(table->kind == OBJECT_TABLE);
    look_once(table->body->memory, store->pages, table->body->heap);
    return (struct heap){
        .store = store,
        .pages = store->pages,
        .page_size = pages_page_size(store->pages),
        .table = table->id,
        .space = table->body->heap,
        .row_map = table->body->row_map,
        .body = table->body,
        .memory = table->body->memory,
        .definition = table->table_def,
    };
}

struct btree
btree_of(struct store *store, const struct generation *index)
{
    ASSERT(index->kind == OBJECT_INDEX);
    return (struct btree){.pages = store->pages,
                          .space = index->body->heap,
                          .page_size = pages_page_size(store->pages),
                          .last_leaf = &index->body->last_leaf};
}

struct page_no
heap_memory_target(struct table_memory *memory)
{
    return (struct page_no){atomic_load_explicit(
        &memory->targets[thread_number() % TARGETS].page, memory_order_relaxed)};
}

void
heap_memory_set_target(struct table_memory *memory, struct page_no no)
{
    atomic_store_explicit(&memory->targets[thread_number() % TARGETS].page, no.v,
                          memory_order_relaxed);
}

static void
grow(struct table_memory *memory, uint32_t count)
{
    if (count > memory->class_capacity) {
        memory->class_capacity = MAX(64U, MAX(count, memory->class_capacity * 2));
        memory->classes = realloc(memory->classes, memory->class_capacity);
        ASSERT(memory->classes != NULL);
    }
    if (count > memory->class_count) {
        memset(memory->classes + memory->class_count, 0, count - memory->class_count);
        memory->class_count = count;
    }
}

void
heap_memory_note(struct table_memory *memory, struct page_no no, size_t room,
                 uint32_t page_size)
{
    size_t class = room * 256 / page_size;
    class = class < 8 ? 0 : MIN(class, 255U); /* crumbs are not worth a visit */
    mutex_lock(&memory->mu);
    if (class > 0 || no.v < memory->class_count) {
        grow(memory, no.v + 1);
        memory->known_count -= memory->classes[no.v] > 0;
        memory->known_count += class > 0;
        memory->classes[no.v] = (uint8_t) class;
    }
    mutex_unlock(&memory->mu);
}

struct page_no
heap_memory_find(struct table_memory *memory, size_t need, uint32_t page_size)
{
    struct page_no found = {PAGE_NO_NONE};
    size_t class = need * 256 / page_size + 1;
    mutex_lock(&memory->mu);
    uint32_t probes = MIN(memory->class_count, (uint32_t)PROBES_MAX);
    for (uint32_t i = 0; memory->known_count > 0 && i < probes; i++) {
        uint32_t at = memory->cursor++ % memory->class_count;
        if (memory->classes[at] >= class || memory->classes[at] == 255) {
            memory->classes[at] = 0;
            memory->known_count--;
            found.v = at;
            break;
        }
    }
    mutex_unlock(&memory->mu);
    return found;
}

bool
heap_memory_begin_vacuum(struct table_memory *memory)
{
    return !atomic_exchange(&memory->vacuuming, true);
}

void
heap_memory_end_vacuum(struct table_memory *memory)
{
    atomic_store(&memory->vacuuming, false);
}
