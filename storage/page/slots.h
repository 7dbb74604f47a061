/* slots.h: the slot files: where pages lie on disk, and which slots are free.
 *
 * Promises: a slot is given out to one owner until slots_free(). Slots of one hint come near
 * each other: each hint fills an extent of 64 slots before it asks for another. Whole free
 *           extents go back to the file system, but for a reserve.
 * Does not: know what lies in a slot or when it may be freed (spaces.h does).
 * Owns:     data/pages/slots.NNNN, 1 GiB each.  Borrows: vfs, dir.
 * Thread:   slots_read(), slots_write() from any; the rest under the caller's lock, but
 *           slots_sync() from the checkpoint only, without it.
 * Fails:    STATUS_IO, STATUS_CORRUPT (short file), STATUS_LIMIT (53100).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/lock.h"
#include "base/vfs.h"
#include <stdatomic.h>

#define SLOT_NONE 0u    /* slot 0 is never given out */
#define SLOT_EXTENT 64u /* slots in an extent: one word of a bitmap */
#define SLOT_SEGMENT_BYTES (1ull << 30)
#define SLOT_SEGMENTS_MAX 16384u /* 16 TiB */
#define SLOT_RUN_MAX 64u         /* pages in one write */

struct slot_segment {
    _Atomic(struct vfs_file *) file; /* opened at first use */
    atomic_bool dirty;               /* written since its last sync */
};

struct slots {
    struct vfs *vfs;
    const char *dir;
    uint32_t page_size, segment_slots;
    struct slot_segment *segments; /* SLOT_SEGMENTS_MAX */
    struct mutex open_mu;          /* opening a segment */
    atomic_bool names_dirty;       /* a segment was made since the last sync of the directory */
    /* under the caller's lock: */
    uint64_t *used, *young[2]; /* bit = slot; young: given out in the epoch of this parity */
    uint8_t *touched;          /* extent: may hold blocks of the file system */
    uint32_t extent_count, extent_capacity;
    uint32_t free_extent_count;
    uint64_t used_count;
    uint32_t idle_count;  /* extents free and touched */
    uint32_t next_extent; /* where the search for a free extent goes on */
    uint32_t punch_from;  /* the same for giving space back, downwards */
};

void slots_init(struct slots *slots, struct vfs *vfs, const char *dir, uint32_t page_size);
void slots_deinit(struct slots *slots);

/* `hint` is the owner's extent, 0 at first; it moves on when the extent is full. */
MUST_CHECK enum status slots_take(struct slots *slots, uint32_t *hint, unsigned parity,
                                  uint32_t *slot_out, struct diag *diag);
void slots_free(struct slots *slots, uint32_t slot);
bool slots_is_used(const struct slots *slots, uint32_t slot);
bool slots_is_young(const struct slots *slots, uint32_t slot, unsigned parity);
/* While opening: this slot belongs to the root. False: another page has it already. */
bool slots_mark_used(struct slots *slots, uint32_t slot);
void slots_forget_young(struct slots *slots, unsigned parity);
/* A checkpoint failed: what was young in `from` is young in `to`. */
void slots_merge_young(struct slots *slots, unsigned from, unsigned to);
/* An extent that is free but takes space, beyond the reserve: it is marked used until
 * slots_punch_done(); 0: none. Punch between the two, without the lock. */
uint32_t slots_punch_begin(struct slots *slots);
MUST_CHECK enum status slots_punch(struct slots *slots, uint32_t extent, struct diag *diag);
void slots_punch_done(struct slots *slots, uint32_t extent);

/* A thread that runs statements of a session hears of it first if it must wait for the disk
 * (waiter_before_io()). */
MUST_CHECK enum status slots_read(struct slots *slots, uint32_t slot, void *data,
                                  struct diag *diag);
/* `count` pages into consecutive slots from `slot` on, at most SLOT_RUN_MAX. */
MUST_CHECK enum status slots_write(struct slots *slots, uint32_t slot,
                                   const struct iovec *pages, unsigned count,
                                   struct diag *diag);
/* All writes that ended before the call are durable after it. */
MUST_CHECK enum status slots_sync(struct slots *slots, struct diag *diag);
