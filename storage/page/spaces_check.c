/* spaces_check.c: does every slot have one owner? See spaces.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "storage/page/spaces.h"

#include <stdlib.h>

struct census {
    struct spaces *spaces;
    uint64_t *owned; /* bit = slot: in the current view or a map page */
    uint64_t *seen;  /* bit = slot: anywhere */
    uint64_t seen_count;
    struct diag *diag;
};

static bool
see(struct census *census, uint32_t space, uint32_t slot)
{
    if (!slots_is_used(census->spaces->slots, slot)) {
        diag_fail(census->diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                  "slot %u is needed by space %u but counts as free", slot, space);
        return false;
    }
    uint64_t bit = 1ull << (slot % 64);
    census->seen_count += (census->seen[slot / 64] & bit) == 0;
    census->seen[slot / 64] |= bit;
    return true;
}

static bool
own(struct census *census, uint32_t space, uint32_t slot)
{
    if (slot == SLOT_NONE) {
        return true;
    }
    if (!see(census, space, slot)) {
        return false;
    }
    uint64_t bit = 1ull << (slot % 64);
    if ((census->owned[slot / 64] & bit) != 0) {
        diag_fail(census->diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                  "slot %u has two owners, one of them space %u", slot, space);
        return false;
    }
    census->owned[slot / 64] |= bit;
    return true;
}

static bool
count_leaf(struct census *census, const struct space *space, const struct map_leaf *leaf)
{
    for (uint32_t i = 0; i < space->map.fanout; i++) {
        if (!own(census, space->id, leaf->refs[i].slot)) {
            return false;
        }
        if (leaf->frozen != NULL && leaf->frozen[i].slot != SLOT_NONE &&
            !see(census, space->id, leaf->frozen[i].slot)) {
            return false;
        }
    }
    return true;
}

static bool
count_space(struct census *census, const struct space *space)
{
    for (uint32_t i = 0; i < space->map.leaf_count; i++) {
        if (space->map.leaves[i] != NULL && !count_leaf(census, space, space->map.leaves[i])) {
            return false;
        }
    }
    for (unsigned level = 0; level < MAP_LEVELS_MAX; level++) {
        for (uint32_t i = 0; i < space->map.levels[level].count; i++) {
            if (!own(census, space->id, space->map.levels[level].refs[i].slot)) {
                return false;
            }
        }
    }
    return true;
}

static bool
count_all(struct census *census)
{
    struct spaces *spaces = census->spaces;
    for (uint32_t i = 0; i < spaces->table_size; i++) {
        if (spaces->table[i] != NULL && !count_space(census, spaces->table[i])) {
            return false;
        }
    }
    if (!count_space(census, &spaces->directory) || !count_space(census, &spaces->meta)) {
        return false;
    }
    for (unsigned parity = 0; parity < 2; parity++) {
        for (size_t i = 0; i < spaces->dead[parity].count; i++) {
            if (!see(census, 0, spaces->dead[parity].items[i])) {
                return false;
            }
        }
    }
    uint64_t used = spaces->slots->used_count - 1; /* slot 0 */
    if (spaces->placed_count == 0 && census->seen_count != used) {
        diag_fail(census->diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                  "%llu slots are in use but only %llu have an owner", (unsigned long long)used,
                  (unsigned long long)census->seen_count);
        return false;
    }
    return true;
}

bool
spaces_check(struct spaces *spaces, struct diag *diag)
{
    mutex_lock(&spaces->mu);
    struct census census = {.spaces = spaces, .diag = diag};
    census.owned = calloc(spaces->slots->extent_count, sizeof(uint64_t));
    census.seen = calloc(spaces->slots->extent_count, sizeof(uint64_t));
    ASSERT(census.owned != NULL && census.seen != NULL);
    bool good = count_all(&census);
    mutex_unlock(&spaces->mu);
    free(census.owned);
    free(census.seen);
    return good;
}
