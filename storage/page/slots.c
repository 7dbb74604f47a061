/* slots.c: see slots.h. SPDX-License-Identifier: Apache-2.0 */
#include "storage/page/slots.h"
#include "base/errors.h"
#include "base/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 4096
#define PUNCH_RESERVE_EXTENTS                                                                  \
    64u                   /* free extents that keep their space, for the next writes           \
                           */
#define FREE_SHARE_MAX 4u /* grow the file only below a free share of 1/4 ... */
#define SMALL_EXTENTS 64u /* ... unless it has fewer extents than this */

void
slots_init(struct slots *slots, struct vfs *vfs, const char *dir, uint32_t page_size)
{
    memset(slots, 0, sizeof(*slots));
    slots->vfs = vfs;
    slots->dir = dir;
    slots->page_size = page_size;
    slots->segment_slots = (uint32_t)(SLOT_SEGMENT_BYTES / page_size);
    slots->segments = calloc(SLOT_SEGMENTS_MAX, sizeof(*slots->segments));
    ASSERT(slots->segments != NULL);
    mutex_init(&slots->open_mu, LOCK_RANK_SLOTS);
    ASSERT(slots_mark_used(slots, SLOT_NONE));
}

void
slots_deinit(struct slots *slots)
{
    for (uint32_t i = 0; i < SLOT_SEGMENTS_MAX; i++) {
        vfs_close(atomic_load(&slots->segments[i].file));
    }
    free(slots->segments);
    free(slots->used);
    free(slots->young[0]);
    free(slots->young[1]);
    free(slots->touched);
    mutex_deinit(&slots->open_mu);
}

/* ---- which slots are free ---- */

static void *
grow_zeroed(void *old, size_t old_count, size_t count, size_t item)
{
    uint8_t *grown = realloc(old, count * item);
    ASSERT(grown != NULL);
    memset(grown + old_count * item, 0, (count - old_count) * item);
    return grown;
}

static void
reach_extent(struct slots *slots, uint32_t extent)
{
    if (extent >= slots->extent_capacity) {
        uint32_t old = slots->extent_capacity;
        uint32_t capacity = MAX(MAX(extent + 1, old + old / 2), 1024u);
        slots->used = grow_zeroed(slots->used, old, capacity, sizeof(uint64_t));
        slots->young[0] = grow_zeroed(slots->young[0], old, capacity, sizeof(uint64_t));
        slots->young[1] = grow_zeroed(slots->young[1], old, capacity, sizeof(uint64_t));
        slots->touched = grow_zeroed(slots->touched, old, capacity, 1);
        slots->extent_capacity = capacity;
    }
    if (extent >= slots->extent_count) {
        slots->free_extent_count += extent + 1 - slots->extent_count;
        slots->extent_count = extent + 1;
    }
}

bool
slots_is_used(const struct slots *slots, uint32_t slot)
{
    uint32_t extent = slot / SLOT_EXTENT;
    return extent < slots->extent_count &&
           (slots->used[extent] >> (slot % SLOT_EXTENT) & 1) != 0;
}

bool
slots_is_young(const struct slots *slots, uint32_t slot, unsigned parity)
{
    return slot != SLOT_NONE &&
           (slots->young[parity][slot / SLOT_EXTENT] >> (slot % SLOT_EXTENT) & 1) != 0;
}

bool
slots_mark_used(struct slots *slots, uint32_t slot)
{
    uint32_t extent = slot / SLOT_EXTENT;
    reach_extent(slots, extent);
    if (slots_is_used(slots, slot)) {
        return false;
    }
    if (slots->used[extent] == 0) {
        slots->free_extent_count--;
        slots->idle_count -= slots->touched[extent];
    }
    slots->used[extent] |= 1ull << (slot % SLOT_EXTENT);
    slots->touched[extent] = 1;
    slots->used_count++;
    return true;
}

void
slots_free(struct slots *slots, uint32_t slot)
{
    uint32_t extent = slot / SLOT_EXTENT;
    uint64_t bit = 1ull << (slot % SLOT_EXTENT);
    ASSERT(slot != SLOT_NONE);
    ASSERT(slots_is_used(slots, slot));
    slots->used[extent] &= ~bit;
    slots->young[0][extent] &= ~bit;
    slots->young[1][extent] &= ~bit;
    if (slots->used[extent] == 0) {
        slots->free_extent_count++;
        slots->idle_count += slots->touched[extent];
    }
    slots->used_count--;
}

/* A whole free extent, else a new one, else (much is free, but in pieces) any with room. */
static enum status
find_extent(struct slots *slots, uint32_t *extent_out, struct diag *diag)
{
    uint64_t total = (uint64_t)slots->extent_count * SLOT_EXTENT;
    bool in_pieces = slots->extent_count > SMALL_EXTENTS &&
                     total - slots->used_count > total / FREE_SHARE_MAX;
    if (slots->free_extent_count > 0 || in_pieces) {
        for (uint32_t i = 0; i < slots->extent_count; i++) {
            uint32_t extent = slots->next_extent + i;
            extent -= extent >= slots->extent_count ? slots->extent_count : 0;
            bool fits = slots->free_extent_count > 0 ? slots->used[extent] == 0
                                                     : slots->used[extent] != UINT64_MAX;
            if (fits) {
                slots->next_extent = extent;
                *extent_out = extent;
                return STATUS_OK;
            }
        }
    }
    uint64_t limit = (uint64_t)SLOT_SEGMENTS_MAX * slots->segment_slots;
    if (total + SLOT_EXTENT > MIN(limit, (uint64_t)UINT32_MAX)) {
        return diag_fail(diag, STATUS_LIMIT, SQLSTATE_DISK_FULL,
                         "the slot files have reached their largest size");
    }
    *extent_out = slots->extent_count;
    reach_extent(slots, slots->extent_count);
    return STATUS_OK;
}

enum status
slots_take(struct slots *slots, uint32_t *hint, unsigned parity, uint32_t *slot_out,
           struct diag *diag)
{
    *slot_out = SLOT_NONE;
    uint32_t extent = *hint;
    if (extent >= slots->extent_count || slots->used[extent] == UINT64_MAX || extent == 0) {
        TRY(find_extent(slots, &extent, diag));
        *hint = extent;
    }
    unsigned bit = (unsigned)__builtin_ctzll(~slots->used[extent]);
    uint32_t slot = extent * SLOT_EXTENT + bit;
    ASSERT(slots_mark_used(slots, slot));
    slots->young[parity][extent] |= 1ull << bit;
    *slot_out = slot;
    return STATUS_OK;
}

void
slots_forget_young(struct slots *slots, unsigned parity)
{
    memset(slots->young[parity], 0, slots->extent_count * sizeof(uint64_t));
}

void
slots_merge_young(struct slots *slots, unsigned from, unsigned to)
{
    for (uint32_t i = 0; i < slots->extent_count; i++) {
        slots->young[to][i] |= slots->young[from][i];
        slots->young[from][i] = 0;
    }
}

uint32_t
slots_punch_begin(struct slots *slots)
{
    if (slots->idle_count <= MAX(PUNCH_RESERVE_EXTENTS, slots->extent_count / 16)) {
        return 0;
    }
    for (uint32_t i = 1; i < slots->extent_count; i++) {
        uint32_t from = slots->punch_from;
        uint32_t extent =
            from > 1 && from <= slots->extent_count ? from - 1 : slots->extent_count - 1;
        slots->punch_from = extent;
        if (slots->used[extent] == 0 && slots->touched[extent] != 0) {
            slots->used[extent] = UINT64_MAX;
            slots->free_extent_count--;
            slots->idle_count--;
            return extent;
        }
    }
    return 0;
}

void
slots_punch_done(struct slots *slots, uint32_t extent)
{
    ASSERT(slots->used[extent] == UINT64_MAX);
    slots->used[extent] = 0;
    slots->touched[extent] = 0;
    slots->free_extent_count++;
}

/* ---- the files ---- */

static enum status
open_segment(struct slots *slots, uint32_t segment_no, unsigned flags,
             struct vfs_file **file_out, struct diag *diag)
{
    struct slot_segment *segment = &slots->segments[segment_no];
    *file_out = atomic_load_explicit(&segment->file, memory_order_acquire);
    if (LIKELY(*file_out != NULL)) { /* pairs with the release below */
        return STATUS_OK;
    }
    char path[PATH_BYTES];
    int length = snprintf(path, sizeof(path), "%s/slots.%04u", slots->dir, segment_no);
    ASSERT(length > 0 && (size_t)length < sizeof(path));
    enum status status = STATUS_OK;
    mutex_lock(&slots->open_mu);
    *file_out = atomic_load(&segment->file);
    if (*file_out == NULL) {
        status = vfs_open(slots->vfs, path, VFS_READ | VFS_WRITE | flags, file_out, diag);
        atomic_store_explicit(&segment->file, *file_out, memory_order_release);
        if ((flags & VFS_CREATE) != 0) {
            atomic_store(&slots->names_dirty, true);
        }
    }
    mutex_unlock(&slots->open_mu);
    return status;
}

static uint64_t
offset_of(const struct slots *slots, uint32_t slot)
{
    return (uint64_t)(slot % slots->segment_slots) * slots->page_size;
}

enum status
slots_read(struct slots *slots, uint32_t slot, void *data, struct diag *diag)
{
    struct vfs_file *file = NULL;
    enum status status = open_segment(slots, slot / slots->segment_slots, 0, &file, diag);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_CORRUPT; /* the diag names the file that is missing */
    }
    TRY(status);
    uint64_t offset = offset_of(slots, slot);
    if (waiter_cares_about_io()) {
        if (vfs_read_cached(file, offset, data, slots->page_size) == STATUS_OK) {
            return STATUS_OK;
        }
        TRY(waiter_before_io(diag));
    }
    return vfs_read(file, offset, data, slots->page_size, diag);
}

enum status
slots_write(struct slots *slots, uint32_t slot, const struct iovec *pages, unsigned count,
            struct diag *diag)
{
    ASSERT(slot != SLOT_NONE);
    ASSERT(count > 0 && count <= SLOT_RUN_MAX);
    ASSERT(slot % slots->segment_slots + count <= slots->segment_slots);
    struct vfs_file *file = NULL;
    TRY(open_segment(slots, slot / slots->segment_slots, VFS_CREATE, &file, diag));
    enum status status = vfs_write_parts(file, offset_of(slots, slot), pages, count, diag);
    atomic_store(&slots->segments[slot / slots->segment_slots].dirty, true);
    return status;
}

enum status
slots_punch(struct slots *slots, uint32_t extent, struct diag *diag)
{
    struct vfs_file *file = NULL;
    uint32_t slot = extent * SLOT_EXTENT;
    TRY(open_segment(slots, slot / slots->segment_slots, VFS_CREATE, &file, diag));
    return vfs_punch(file, offset_of(slots, slot), (uint64_t)SLOT_EXTENT * slots->page_size,
                     diag);
}

enum status
slots_sync(struct slots *slots, struct diag *diag)
{
    for (uint32_t i = 0; i < SLOT_SEGMENTS_MAX; i++) {
        if (atomic_load(&slots->segments[i].dirty) &&
            atomic_exchange(&slots->segments[i].dirty, false)) {
            TRY(vfs_sync(atomic_load(&slots->segments[i].file), diag));
        }
    }
    if (atomic_exchange(&slots->names_dirty, false)) {
        TRY(vfs_sync_dir(slots->vfs, slots->dir, diag));
    }
    return STATUS_OK;
}
