/* page_map.c: see page_map.h. SPDX-License-Identifier: Apache-2.0 */
#include "storage/page/page_map.h"
#include "base/codec.h"

#include <stdlib.h>
#include <string.h>

#define REF_BYTES 8u

void
page_map_init(struct page_map *map, uint32_t page_size)
{
    memset(map, 0, sizeof(*map));
    map->fanout = (page_size - PAGE_HEADER_BYTES) / REF_BYTES;
}

void
page_map_deinit(struct page_map *map)
{
    for (uint32_t i = 0; i < map->leaf_count; i++) {
        if (map->leaves[i] != NULL) {
            free(map->leaves[i]->frozen);
            free(map->leaves[i]);
        }
    }
    free(map->leaves);
    for (unsigned level = 0; level < MAP_LEVELS_MAX; level++) {
        free(map->levels[level].refs);
        free(map->levels[level].stale);
    }
    memset(map, 0, sizeof(*map));
}

static const struct map_leaf *
find_leaf(const struct page_map *map, uint32_t no)
{
    uint32_t i = no / map->fanout;
    return i < map->leaf_count ? map->leaves[i] : NULL;
}

static struct map_leaf *
reach_leaf(struct page_map *map, uint32_t no)
{
    uint32_t i = no / map->fanout;
    if (i >= map->leaf_count) {
        uint32_t count = MAX(i + 1, map->leaf_count * 2);
        map->leaves = realloc(map->leaves, count * sizeof(*map->leaves));
        ASSERT(map->leaves != NULL);
        memset(map->leaves + map->leaf_count, 0,
               (count - map->leaf_count) * sizeof(*map->leaves));
        map->leaf_count = count;
    }
    if (map->leaves[i] == NULL) {
        map->leaves[i] =
            calloc(1, sizeof(struct map_leaf) + map->fanout * sizeof(struct page_ref));
        ASSERT(map->leaves[i] != NULL);
    }
    return map->leaves[i];
}

struct page_ref
page_map_get(const struct page_map *map, uint32_t no)
{
    const struct map_leaf *leaf = find_leaf(map, no);
    return leaf == NULL ? (struct page_ref){0} : leaf->refs[no % map->fanout];
}

struct page_ref
page_map_get_cut(const struct page_map *map, uint32_t no)
{
    const struct map_leaf *leaf = find_leaf(map, no);
    if (leaf == NULL) {
        return (struct page_ref){0};
    }
    return leaf->frozen != NULL ? leaf->frozen[no % map->fanout] : leaf->refs[no % map->fanout];
}

static void
freeze_leaf(const struct page_map *map, struct map_leaf *leaf)
{
    if (leaf->frozen == NULL) {
        size_t size = map->fanout * sizeof(struct page_ref);
        leaf->frozen = malloc(size);
        ASSERT(leaf->frozen != NULL);
        memcpy(leaf->frozen, leaf->refs, size);
        leaf->frozen_dirty = leaf->dirty_epoch != 0;
    }
}

void
page_map_set(struct page_map *map, uint32_t no, struct page_ref ref, uint64_t epoch,
             bool freeze)
{
    struct map_leaf *leaf = reach_leaf(map, no);
    if (freeze) {
        freeze_leaf(map, leaf);
    }
    leaf->refs[no % map->fanout] = ref;
    leaf->dirty_epoch = epoch;
}

bool
page_map_set_cut(struct page_map *map, uint32_t no, struct page_ref ref, uint64_t epoch,
                 bool only_cut)
{
    struct map_leaf *leaf = reach_leaf(map, no);
    struct page_ref *current = &leaf->refs[no % map->fanout];
    if (only_cut) {
        freeze_leaf(map, leaf);
    }
    if (leaf->frozen == NULL) {
        *current = ref;
        leaf->dirty_epoch = epoch;
        return true;
    }
    struct page_ref *cut = &leaf->frozen[no % map->fanout];
    bool same = cut->slot == current->slot && !only_cut;
    *cut = ref;
    leaf->frozen_dirty = true;
    if (same) {
        *current = ref;
    }
    return same;
}

void
page_map_thaw(struct page_map *map)
{
    for (uint32_t i = 0; i < map->leaf_count; i++) {
        if (map->leaves[i] != NULL) {
            free(map->leaves[i]->frozen);
            map->leaves[i]->frozen = NULL;
            map->leaves[i]->frozen_dirty = false;
        }
    }
}

uint32_t
page_map_level_count(const struct page_map *map, uint32_t page_count, unsigned level)
{
    uint64_t count = page_count;
    for (unsigned i = 0; i <= level; i++) {
        if (i > 0 && count <= 1) {
            return 0;
        }
        count = (count + map->fanout - 1) / map->fanout;
    }
    return (uint32_t)count;
}

void
page_map_level_resize(struct map_level *level, uint32_t count)
{
    if (count > level->capacity) {
        uint32_t capacity = MAX(count, level->capacity * 2);
        level->refs = realloc(level->refs, capacity * sizeof(*level->refs));
        level->stale = realloc(level->stale, capacity);
        ASSERT(level->refs != NULL && level->stale != NULL);
        level->capacity = capacity;
    }
    for (uint32_t i = level->count; i < count; i++) {
        level->refs[i] = (struct page_ref){0};
        level->stale[i] = 1;
    }
    level->count = count;
}

bool
page_map_leaf_stale(const struct page_map *map, uint32_t i, uint64_t epoch)
{
    const struct map_leaf *leaf = i < map->leaf_count ? map->leaves[i] : NULL;
    if (leaf == NULL) {
        return false;
    }
    return leaf->frozen != NULL ? leaf->frozen_dirty
                                : leaf->dirty_epoch != 0 && leaf->dirty_epoch <= epoch;
}

void
page_map_leaf_written(struct page_map *map, uint32_t i)
{
    struct map_leaf *leaf = i < map->leaf_count ? map->leaves[i] : NULL;
    if (leaf != NULL && leaf->frozen != NULL) {
        leaf->frozen_dirty = false;
    } else if (leaf != NULL) {
        leaf->dirty_epoch = 0;
    }
}

static void
put_refs(uint8_t *at, const struct page_ref *refs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        put_u32(at + i * REF_BYTES, refs[i].slot);
        put_u32(at + i * REF_BYTES + 4, refs[i].sum);
    }
}

static void
get_refs(const uint8_t *at, struct page_ref *refs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        refs[i] = (struct page_ref){.slot = get_u32(at + i * REF_BYTES),
                                    .sum = get_u32(at + i * REF_BYTES + 4)};
    }
}

void
page_map_encode(const struct page_map *map, unsigned level, uint32_t i, uint8_t *page,
                uint32_t page_size)
{
    memset(page, 0, page_size);
    uint8_t *body = page + PAGE_HEADER_BYTES;
    if (level == 0) {
        const struct map_leaf *leaf = i < map->leaf_count ? map->leaves[i] : NULL;
        if (leaf != NULL) {
            put_refs(body, leaf->frozen != NULL ? leaf->frozen : leaf->refs, map->fanout);
        }
        return;
    }
    const struct map_level *below = &map->levels[level - 1];
    uint32_t first = i * map->fanout;
    put_refs(body, below->refs + first, MIN(map->fanout, below->count - first));
}

void
page_map_decode(struct page_map *map, unsigned level, uint32_t i, const uint8_t *page)
{
    const uint8_t *body = page + PAGE_HEADER_BYTES;
    if (level == 0) {
        get_refs(body, reach_leaf(map, i * map->fanout)->refs, map->fanout);
        return;
    }
    struct map_level *below = &map->levels[level - 1];
    uint32_t first = i * map->fanout;
    get_refs(body, below->refs + first, MIN(map->fanout, below->count - first));
}
