/* page_map.h: where the pages of one space lie: page number -> slot and checksum.
 *
 * Promises: two views while a checkpoint runs: the cut's (what the next root will say) and the
 *           current one; a change to one never shows in the other. On disk it is a tree of map
 *           pages whose top the root (or the directory of spaces) vouches for.
 * Does not: page itself out: a leaf that was loaded or made stays, 8 bytes a page.
 * Thread:   under the lock of struct spaces.
 * See:      docs/format/pages.md, spaces.h (which slot dies when).
 *
 *        top ref ---> [ level 1 map page: refs of leaves ] ---> [ leaf: refs of data pages ]
 *                      (a level more for each factor of page_size / 8)
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/status.h"
#include "storage/page/pages.h"

struct page_ref {
    uint32_t slot; /* SLOT_NONE: not on disk */
    uint32_t sum;
};

#define MAP_LEVELS_MAX 6

struct map_leaf {
    struct page_ref *frozen; /* the cut's view where it differs; NULL: the same as refs */
    bool frozen_dirty;       /* the cut's view is not on disk yet */
    uint64_t dirty_epoch;    /* of the newest change that is not on disk; 0: none */
    struct page_ref refs[];  /* the current view */
};

/* Where the map pages of one level lie (level 0: leaves). Touched by checkpoints only. */
struct map_level {
    struct page_ref *refs;
    uint8_t *stale; /* must be written again */
    uint32_t count, capacity;
};

struct page_map {
    uint32_t fanout; /* refs in a map page */
    struct map_leaf **leaves;
    uint32_t leaf_count;
    struct map_level levels[MAP_LEVELS_MAX];
};

void page_map_init(struct page_map *map, uint32_t page_size);
void page_map_deinit(struct page_map *map);

struct page_ref page_map_get(const struct page_map *map, uint32_t no);
/* The cut's view. */
struct page_ref page_map_get_cut(const struct page_map *map, uint32_t no);
/* Changes the current view in `epoch`; `freeze`: a checkpoint runs and this is not its epoch.
 */
void page_map_set(struct page_map *map, uint32_t no, struct page_ref ref, uint64_t epoch,
                  bool freeze);
/* Changes the cut's view; the current one too if it was the same there, unless `only_cut` (the
 * page was truncated since). True if the current view changed. */
bool page_map_set_cut(struct page_map *map, uint32_t no, struct page_ref ref, uint64_t epoch,
                      bool only_cut);
/* The checkpoint ended, well or not: one view again. */
void page_map_thaw(struct page_map *map);

/* Number of map pages at `level` for `page_count` pages; 0 above the top. */
uint32_t page_map_level_count(const struct page_map *map, uint32_t page_count, unsigned level);
void page_map_level_resize(struct map_level *level, uint32_t count);
/* Must leaf `i` be written for the checkpoint of `epoch`? */
bool page_map_leaf_stale(const struct page_map *map, uint32_t i, uint64_t epoch);
void page_map_leaf_written(struct page_map *map, uint32_t i);
/* The body of a map page, PAGE_HEADER_BYTES of `page` on: of the cut's view. */
void page_map_encode(const struct page_map *map, unsigned level, uint32_t i, uint8_t *page,
                     uint32_t page_size);
/* The other way, while opening: a leaf, or a level's refs. */
void page_map_decode(struct page_map *map, unsigned level, uint32_t i, const uint8_t *page);
