/* map_io.c: page maps to and from disk. See checkpoint_internal.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "storage/checkpoint/checkpoint_internal.h"

#include <stdlib.h>

static struct page_identity
identity_of(const struct space *space, unsigned level, uint32_t i)
{
    return (struct page_identity){
        .kind = PAGE_KIND_MAP, .level = (uint8_t)level, .space = space->id, .number = i};
}

static bool
is_stale(const struct pages *pages, const struct space *space, unsigned level, uint32_t i)
{
    const struct map_level *at = &space->map.levels[level];
    return at->stale[i] != 0 || at->refs[i].slot == SLOT_NONE ||
           (level == 0 && page_map_leaf_stale(&space->map, i, pages->spaces.cut_epoch));
}

/* Fits a level to the cut's size; what it loses dies. */
static void
fit_level(struct pages *pages, struct space *space, unsigned level, uint32_t count)
{
    struct map_level *at = &space->map.levels[level];
    for (uint32_t i = count; i < at->count; i++) {
        spaces_kill_cut_locked(&pages->spaces, at->refs[i].slot);
    }
    if (count < at->count && level + 1 < MAP_LEVELS_MAX && count > 0) {
        struct map_level *above = &space->map.levels[level + 1];
        uint32_t parent = (count - 1) / space->map.fanout;
        if (parent < above->count) {
            above->stale[parent] = 1; /* it says less now */
        }
    }
    page_map_level_resize(at, count);
}

/* The next page of `level` from `*i` on that must be written: encoded, with a slot. */
static enum status
prepare_page(struct pages *pages, struct space *space, unsigned level, uint32_t *i,
             uint8_t *image, bool *found_out, struct diag *diag)
{
    struct map_level *at = &space->map.levels[level];
    enum status status = STATUS_OK;
    *found_out = false;
    mutex_lock(&pages->spaces.mu);
    while (*i < at->count && !is_stale(pages, space, level, *i)) {
        (*i)++;
    }
    if (*i < at->count) {
        uint32_t slot = SLOT_NONE;
        status = spaces_replace_locked(&pages->spaces, space, at->refs[*i], &slot, diag);
        if (status == STATUS_OK) {
            page_map_encode(&space->map, level, *i, image, pages->page_size);
            at->refs[*i] = (struct page_ref){.slot = slot};
            at->stale[*i] = 1; /* until it is written */
            if (level == 0) {
                page_map_leaf_written(&space->map, *i);
            }
            *found_out = true;
        }
    }
    mutex_unlock(&pages->spaces.mu);
    return status;
}

static void
note_written(struct pages *pages, struct space *space, unsigned level, uint32_t i, uint32_t sum)
{
    mutex_lock(&pages->spaces.mu);
    struct map_level *at = &space->map.levels[level];
    at->refs[i].sum = sum;
    at->stale[i] = 0;
    if (level + 1 < MAP_LEVELS_MAX) {
        struct map_level *above = &space->map.levels[level + 1];
        if (i / space->map.fanout < above->count) {
            above->stale[i / space->map.fanout] = 1;
        }
    }
    mutex_unlock(&pages->spaces.mu);
}

static enum status
write_level(struct pages *pages, struct space *space, unsigned level, uint8_t *image,
            struct diag *diag)
{
    struct map_level *at = &space->map.levels[level];
    for (uint32_t i = 0;; i++) {
        bool found = false;
        TRY(prepare_page(pages, space, level, &i, image, &found, diag));
        if (!found) {
            return STATUS_OK;
        }
        uint32_t sum = page_stamp(image, pages->page_size, identity_of(space, level, i),
                                  pages->spaces.cut_epoch);
        struct iovec part = {.iov_base = image, .iov_len = pages->page_size};
        TRY(pages__note(pages, slots_write(&pages->slots, at->refs[i].slot, &part, 1, diag),
                        diag));
        atomic_fetch_add(&pages->write_count, 1);
        note_written(pages, space, level, i, sum);
    }
}

enum status
map__write(struct pages *pages, struct space *space, uint32_t page_count,
           struct page_ref *top_out, struct diag *diag)
{
    struct staging *staging = pages__borrow_staging(pages);
    enum status status = STATUS_OK;
    *top_out = (struct page_ref){0};
    for (unsigned level = 0; level < MAP_LEVELS_MAX && status == STATUS_OK; level++) {
        uint32_t count = page_map_level_count(&space->map, page_count, level);
        mutex_lock(&pages->spaces.mu);
        fit_level(pages, space, level, count);
        mutex_unlock(&pages->spaces.mu);
        if (count > 0) {
            status = write_level(pages, space, level, staging->data, diag);
        }
        if (count == 1) {
            *top_out = space->map.levels[level].refs[0];
        }
    }
    pages__return_staging(pages, staging);
    return status;
}

void
map__kill(struct pages *pages, struct space *space)
{
    mutex_lock(&pages->spaces.mu);
    for (uint32_t i = 0; i < space->map.leaf_count; i++) {
        struct map_leaf *leaf = space->map.leaves[i];
        for (uint32_t k = 0; leaf != NULL && k < space->map.fanout; k++) {
            spaces_kill_cut_locked(&pages->spaces, leaf->refs[k].slot);
        }
    }
    for (unsigned level = 0; level < MAP_LEVELS_MAX; level++) {
        fit_level(pages, space, level, 0);
    }
    page_map_deinit(&space->map);
    page_map_init(&space->map, pages->page_size);
    space->page_count = space->cut_page_count = 0;
    mutex_unlock(&pages->spaces.mu);
}

/* ---- reading ---- */

static enum status
take_slot(struct pages *pages, const struct space *space, struct page_ref ref,
          struct diag *diag)
{
    uint64_t slot_max = (uint64_t)SLOT_SEGMENTS_MAX * pages->slots.segment_slots;
    if (ref.slot == SLOT_NONE || ref.slot >= slot_max ||
        !slots_mark_used(&pages->slots, ref.slot)) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "the map of space %u names slot %u, which is not one or has another "
                         "owner",
                         space->id, ref.slot);
    }
    return STATUS_OK;
}

static enum status
read_page(struct pages *pages, struct space *space, unsigned level, uint32_t i, uint8_t *image,
          struct diag *diag)
{
    struct page_ref ref = space->map.levels[level].refs[i];
    TRY(take_slot(pages, space, ref, diag));
    TRY(slots_read(&pages->slots, ref.slot, image, diag));
    TRY(page_verify(image, pages->page_size, identity_of(space, level, i), ref.sum, diag));
    page_map_decode(&space->map, level, i, image);
    space->map.levels[level].stale[i] = 0;
    return STATUS_OK;
}

static enum status
read_levels(struct pages *pages, struct space *space, unsigned top_level, uint8_t *image,
            struct diag *diag)
{
    for (unsigned level = top_level + 1; level-- > 0;) {
        for (uint32_t i = 0; i < space->map.levels[level].count; i++) {
            TRY(read_page(pages, space, level, i, image, diag));
        }
    }
    for (uint32_t no = 0; no < space->page_count; no++) {
        TRY(take_slot(pages, space, page_map_get(&space->map, no), diag));
    }
    for (uint32_t no = space->page_count; no % space->map.fanout != 0; no++) {
        if (page_map_get(&space->map, no).slot != SLOT_NONE) {
            return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                             "the map of space %u names page %u beyond its %u pages", space->id,
                             no, space->page_count);
        }
    }
    return STATUS_OK;
}

enum status
map__read(struct pages *pages, struct space *space, uint32_t page_count, struct page_ref top,
          struct diag *diag)
{
    space->page_count = space->cut_page_count = page_count;
    if (page_count == 0) {
        return STATUS_OK;
    }
    unsigned top_level = 0;
    for (unsigned level = 0; level < MAP_LEVELS_MAX; level++) {
        uint32_t count = page_map_level_count(&space->map, page_count, level);
        page_map_level_resize(&space->map.levels[level], count);
        top_level = count > 0 ? level : top_level;
    }
    space->map.levels[top_level].refs[0] = top;
    struct staging *staging = pages__borrow_staging(pages);
    enum status status = read_levels(pages, space, top_level, staging->data, diag);
    pages__return_staging(pages, staging);
    return status;
}
