/* pool.h: the frames that hold pages in memory, found by page and given up by age.
 *
 * Promises: a pinned page keeps its frame. Finding a page that is here takes no lock. A frame
 *           is reused only when nobody pins it and its content is on disk or unwanted.
 * Does not: read or write disks (pages_io.c), or know epochs beyond carrying them.
 * Owns:     frames and their memory.
 * Thread:   any.
 *
 *   free --take--> taken --link--> loading --loaded--> here --claim--> taken
 *                    ^                 | (read failed)            (pins = 0, clean)
 *                    +--- give_back ---+---> unlinked, claimed when the last pin goes
 *
 * `state` counts pins; two bits stand for "taken" (nobody may pin) and "loading" (pins may be
 * had, the content is not here yet). A frame's key changes only while it is taken.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/lock.h"
#include "storage/buffer/latch.h"
#include "storage/page/pages.h"

#define FRAME_TAKEN 0x80000000u
#define FRAME_LOADING 0x40000000u
#define FRAME_PINS 0x3fffffffu
#define KEY_NONE UINT64_MAX
#define USAGE_MAX 3u
#define POOL_PARTITIONS 64u
#define POOL_COUNTERS 64u

struct page { /* a frame */
    _Alignas(64) _Atomic(uint32_t) state;
    struct latch latch;
    _Atomic(uint64_t) key;         /* space << 32 | page number */
    _Atomic(uint32_t) next;        /* in its chain: index + 1 of the next frame; 0: last */
    _Atomic(uint8_t) usage;        /* times the clock hand passes by */
    _Atomic(uint8_t) scan;         /* came by a scan and nobody else wanted it */
    _Atomic(uint16_t) busy;        /* its content is being written out */
    _Atomic(uint64_t) dirty_epoch; /* 0: clean. Up by page_dirty() under the exclusive latch, to
                                      0 by the one who set busy, under the shared latch */
    struct pages *pages;
    uint8_t *data;
};

struct pool_counter {
    _Alignas(64) _Atomic(uint64_t) hits;
};

struct pool {
    struct page *frames;
    uint8_t *memory;
    size_t memory_bytes;
    uint32_t frame_count, bucket_mask, page_size;
    _Atomic(uint32_t) *buckets; /* index + 1 of a chain's first frame */
    struct mutex partitions[POOL_PARTITIONS];
    _Atomic(uint32_t) fresh; /* frames never used yet begin here */
    _Atomic(uint32_t) hand;
    struct mutex free_mu; /* guards the free list and the ring */
    uint32_t *free_list, free_count;
    uint32_t *ring, ring_size, ring_next; /* frames of scans: index + 1 */
    struct mutex wait_mu;                 /* for those who wait for loading or busy */
    struct cond changed;
    _Atomic(uint32_t) waiters;
    _Atomic(uint64_t) used_count, dirty_count, eviction_count;
    struct pool_counter counters[POOL_COUNTERS];
};

static inline uint64_t
pool_key(uint32_t space, uint32_t no)
{
    return (uint64_t)space << 32 | no;
}

MUST_CHECK enum status pool_init(struct pool *pool, struct pages *pages, uint32_t frame_count,
                                 uint32_t page_size, struct diag *diag);
void pool_deinit(struct pool *pool);

/* Pins the frame of `key` if it is here, without a lock; may miss one that just came. */
struct page *pool_find(struct pool *pool, uint64_t key);
/* The same under the chain's lock: exact. */
struct page *pool_find_locked(struct pool *pool, uint64_t key);
void pool_touch(struct page *page, bool scan);

/* A frame without content, taken; NULL: none can be had without writing. Looks at no more than
 * `steps` frames; `dirty_out` (of `dirty_max`) get cold dirty frames it met, pinned. */
struct page *pool_take(struct pool *pool, bool scan, uint32_t steps, struct page **dirty_out,
                       unsigned dirty_max, unsigned *dirty_count_out);
void pool_give_back(struct pool *pool, struct page *page); /* a taken frame */
/* Makes a taken frame findable with one pin; `loading`: its content is to come. False: another
 * frame has that key; the frame stays taken. */
bool pool_link(struct pool *pool, struct page *page, uint64_t key, bool loading, bool scan);
void pool_loaded(struct pool *pool, struct page *page, bool good);
/* Of a frame that is linked and nobody else pins: taken, findable no more. */
bool pool_claim(struct pool *pool, struct page *page);

bool pool_try_pin(struct page *page, uint64_t key); /* if it is still that page's frame */
void pool_unpin(struct page *page);
void pool_wait_loaded(struct pool *pool, struct page *page);
/* Busy keeps two writers of one frame apart. */
bool pool_try_busy(struct page *page);
void pool_wait_idle(struct pool *pool, struct page *page);
void pool_idle(struct pool *pool, struct page *page);
