/* pool.c: see pool.h. SPDX-License-Identifier: Apache-2.0 */
#include "storage/buffer/pool.h"
#include "base/errors.h"
#include "base/hash.h"
#include "base/thread.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CHAIN_STEPS_MAX                                                                        \
    64u /* of a look-up without lock, which a moving frame may lead astray */
#define RING_MAX 256u

/* ---- life ---- */

enum status
pool_init(struct pool *pool, struct pages *pages, uint32_t frame_count, uint32_t page_size,
          struct diag *diag)
{
    memset(pool, 0, sizeof(*pool));
    pool->frame_count = frame_count;
    pool->page_size = page_size;
    pool->memory_bytes = (size_t)frame_count * page_size;
    void *memory = mmap(NULL, pool->memory_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return diag_fail(diag, STATUS_LIMIT, SQLSTATE_OUT_OF_MEMORY,
                         "no memory for a buffer pool of %zu bytes", pool->memory_bytes);
    }
    pool->memory = memory;
    uint32_t buckets = 64;
    while (buckets < frame_count && buckets < 1u << 30) {
        buckets *= 2;
    }
    pool->bucket_mask = buckets - 1;
    pool->buckets = calloc(buckets, sizeof(*pool->buckets));
    pool->frames = aligned_alloc(64, (size_t)frame_count * sizeof(struct page));
    pool->free_list = calloc(frame_count, sizeof(*pool->free_list));
    pool->ring_size = MAX(MIN(RING_MAX, frame_count / 8), 1u);
    pool->ring = calloc(pool->ring_size, sizeof(*pool->ring));
    ASSERT(pool->buckets != NULL && pool->frames != NULL);
    ASSERT(pool->free_list != NULL && pool->ring != NULL);
    memset(pool->frames, 0, (size_t)frame_count * sizeof(struct page));
    for (uint32_t i = 0; i < frame_count; i++) {
        struct page *page = &pool->frames[i];
        page->pages = pages;
        page->data = pool->memory + (size_t)i * page_size;
        atomic_init(&page->state, FRAME_TAKEN);
        atomic_init(&page->key, KEY_NONE);
    }
    for (unsigned i = 0; i < POOL_PARTITIONS; i++) {
        mutex_init(&pool->partitions[i], LOCK_RANK_POOL);
    }
    mutex_init(&pool->free_mu, LOCK_RANK_LEAF);
    mutex_init(&pool->wait_mu, LOCK_RANK_LEAF);
    cond_init(&pool->changed);
    return STATUS_OK;
}

void
pool_deinit(struct pool *pool)
{
    if (pool->memory == NULL) {
        return;
    }
    munmap(pool->memory, pool->memory_bytes);
    free(pool->buckets);
    free(pool->frames);
    free(pool->free_list);
    free(pool->ring);
    for (unsigned i = 0; i < POOL_PARTITIONS; i++) {
        mutex_deinit(&pool->partitions[i]);
    }
    mutex_deinit(&pool->free_mu);
    mutex_deinit(&pool->wait_mu);
    cond_deinit(&pool->changed);
    pool->memory = NULL;
}

/* ---- finding ---- */

static uint32_t
bucket_of(const struct pool *pool, uint64_t key)
{
    return (uint32_t)hash_word(key) & pool->bucket_mask;
}

static struct mutex *
partition_of(struct pool *pool, uint64_t key)
{
    return &pool->partitions[bucket_of(pool, key) % POOL_PARTITIONS];
}

bool
pool_try_pin(struct page *page, uint64_t key)
{
    uint32_t state = atomic_load_explicit(&page->state, memory_order_relaxed);
    do {
        if ((state & FRAME_TAKEN) != 0) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(
        &page->state, &state, state + 1, memory_order_acquire, memory_order_relaxed));
    /* pinned: its key is fixed now. Pairs with the release in pool_link(). */
    if (LIKELY(atomic_load_explicit(&page->key, memory_order_relaxed) == key)) {
        return true;
    }
    pool_unpin(page);
    return false;
}

void
pool_unpin(struct page *page)
{
    uint32_t before = atomic_fetch_sub_explicit(&page->state, 1, memory_order_release);
    ASSERT((before & FRAME_PINS) > 0);
}

struct page *
pool_find(struct pool *pool, uint64_t key)
{
    uint32_t at =
        atomic_load_explicit(&pool->buckets[bucket_of(pool, key)], memory_order_acquire);
    for (uint32_t steps = 0; at != 0 && steps < CHAIN_STEPS_MAX; steps++) {
        struct page *page = &pool->frames[at - 1];
        if (atomic_load_explicit(&page->key, memory_order_relaxed) == key) {
            return pool_try_pin(page, key) ? page : NULL;
        }
        at = atomic_load_explicit(&page->next, memory_order_acquire);
    }
    return NULL;
}

static struct page *
find_in_chain(struct pool *pool, uint64_t key)
{
    uint32_t at = atomic_load(&pool->buckets[bucket_of(pool, key)]);
    while (at != 0 && atomic_load(&pool->frames[at - 1].key) != key) {
        at = atomic_load(&pool->frames[at - 1].next);
    }
    return at == 0 ? NULL : &pool->frames[at - 1];
}

struct page *
pool_find_locked(struct pool *pool, uint64_t key)
{
    for (;;) {
        mutex_lock(partition_of(pool, key));
        struct page *page = find_in_chain(pool, key);
        bool pinned = page != NULL && pool_try_pin(page, key);
        mutex_unlock(partition_of(pool, key));
        if (page == NULL || pinned) {
            return page;
        }
        thread_yield(); /* it is being claimed: the claimer unlinks it next */
    }
}

void
pool_touch(struct page *page, bool scan)
{
    if (scan) {
        return;
    }
    uint8_t usage = atomic_load_explicit(&page->usage, memory_order_relaxed);
    if (usage < USAGE_MAX) {
        atomic_store_explicit(&page->usage, (uint8_t)(usage + 1), memory_order_relaxed);
    }
    if (atomic_load_explicit(&page->scan, memory_order_relaxed) != 0) {
        atomic_store_explicit(&page->scan, 0, memory_order_relaxed);
    }
}

/* ---- linking ---- */

bool
pool_link(struct pool *pool, struct page *page, uint64_t key, bool loading, bool scan)
{
    ASSERT(atomic_load(&page->state) == FRAME_TAKEN);
    mutex_lock(partition_of(pool, key));
    bool free_key = find_in_chain(pool, key) == NULL;
    if (free_key) {
        _Atomic(uint32_t) *bucket = &pool->buckets[bucket_of(pool, key)];
        atomic_store_explicit(&page->key, key, memory_order_relaxed);
        atomic_store_explicit(&page->usage, scan ? 0 : 1, memory_order_relaxed);
        atomic_store_explicit(&page->scan, scan ? 1 : 0, memory_order_relaxed);
        atomic_store_explicit(&page->next, atomic_load(bucket), memory_order_relaxed);
        atomic_store_explicit(&page->state, loading ? FRAME_LOADING | 1 : 1,
                              memory_order_release);
        atomic_store_explicit(bucket, (uint32_t)(page - pool->frames) + 1,
                              memory_order_release);
    }
    mutex_unlock(partition_of(pool, key));
    return free_key;
}

static void
unlink_page(struct pool *pool, struct page *page)
{
    uint64_t key = atomic_load(&page->key);
    if (key == KEY_NONE) {
        return;
    }
    mutex_lock(partition_of(pool, key));
    _Atomic(uint32_t) *at = &pool->buckets[bucket_of(pool, key)];
    uint32_t self = (uint32_t)(page - pool->frames) + 1;
    while (atomic_load(at) != self) {
        ASSERT(atomic_load(at) != 0);
        at = &pool->frames[atomic_load(at) - 1].next;
    }
    atomic_store_explicit(at, atomic_load(&page->next), memory_order_release);
    atomic_store_explicit(&page->key, KEY_NONE, memory_order_relaxed);
    mutex_unlock(partition_of(pool, key));
}

bool
pool_claim(struct pool *pool, struct page *page)
{
    uint32_t nobody = 0;
    if (!atomic_compare_exchange_strong(&page->state, &nobody, FRAME_TAKEN)) {
        return false;
    }
    if (atomic_load(&page->dirty_epoch) != 0) { /* dirtied since the caller looked */
        atomic_store(&page->state, 0);
        return false;
    }
    unlink_page(pool, page);
    return true;
}

static void
wake_waiters(struct pool *pool)
{
    if (atomic_load(&pool->waiters) != 0) {
        mutex_lock(&pool->wait_mu);
        cond_broadcast(&pool->changed);
        mutex_unlock(&pool->wait_mu);
    }
}

void
pool_loaded(struct pool *pool, struct page *page, bool good)
{
    if (!good) {
        unlink_page(pool, page); /* who waits for it sees that its key is gone */
    }
    atomic_fetch_and(&page->state, ~FRAME_LOADING);
    wake_waiters(pool);
}

void
pool_wait_loaded(struct pool *pool, struct page *page)
{
    atomic_fetch_add(&pool->waiters, 1);
    mutex_lock(&pool->wait_mu);
    while ((atomic_load(&page->state) & FRAME_LOADING) != 0) {
        cond_wait(&pool->changed, &pool->wait_mu);
    }
    mutex_unlock(&pool->wait_mu);
    atomic_fetch_sub(&pool->waiters, 1);
}

bool
pool_try_busy(struct page *page)
{
    uint16_t idle = 0;
    return atomic_compare_exchange_strong(&page->busy, &idle, 1);
}

void
pool_idle(struct pool *pool, struct page *page)
{
    atomic_store(&page->busy, 0);
    wake_waiters(pool);
}

void
pool_wait_idle(struct pool *pool, struct page *page)
{
    atomic_fetch_add(&pool->waiters, 1);
    mutex_lock(&pool->wait_mu);
    while (atomic_load(&page->busy) != 0) {
        cond_wait(&pool->changed, &pool->wait_mu);
    }
    mutex_unlock(&pool->wait_mu);
    atomic_fetch_sub(&pool->waiters, 1);
}

/* ---- taking ---- */

static struct page *
take_free(struct pool *pool)
{
    uint32_t fresh = atomic_load_explicit(&pool->fresh, memory_order_relaxed);
    while (fresh < pool->frame_count) {
        if (atomic_compare_exchange_weak(&pool->fresh, &fresh, fresh + 1)) {
            atomic_fetch_add(&pool->used_count, 1);
            return &pool->frames[fresh];
        }
    }
    struct page *page = NULL;
    mutex_lock(&pool->free_mu);
    if (pool->free_count > 0) {
        page = &pool->frames[pool->free_list[--pool->free_count]];
        atomic_fetch_add(&pool->used_count, 1);
    }
    mutex_unlock(&pool->free_mu);
    return page;
}

void
pool_give_back(struct pool *pool, struct page *page)
{
    ASSERT(atomic_load(&page->state) == FRAME_TAKEN);
    ASSERT(atomic_load(&page->key) == KEY_NONE);
    mutex_lock(&pool->free_mu);
    ASSERT(pool->free_count < pool->frame_count);
    pool->free_list[pool->free_count++] = (uint32_t)(page - pool->frames);
    mutex_unlock(&pool->free_mu);
    atomic_fetch_sub(&pool->used_count, 1);
}

static bool
is_cold(const struct page *page)
{
    return atomic_load_explicit(&page->state, memory_order_relaxed) == 0 &&
           atomic_load_explicit(&page->busy, memory_order_relaxed) == 0;
}

/* A scan takes back the oldest frame that scans filled, if nobody else came to want it. */
static struct page *
take_from_ring(struct pool *pool)
{
    mutex_lock(&pool->free_mu);
    uint32_t at = pool->ring[pool->ring_next];
    mutex_unlock(&pool->free_mu);
    if (at == 0) {
        return NULL;
    }
    struct page *page = &pool->frames[at - 1];
    bool usable = atomic_load(&page->scan) != 0 && is_cold(page) &&
                  atomic_load(&page->dirty_epoch) == 0 && pool_claim(pool, page);
    if (usable) {
        atomic_fetch_add(&pool->eviction_count, 1);
    }
    return usable ? page : NULL;
}

static void
put_on_ring(struct pool *pool, const struct page *page)
{
    mutex_lock(&pool->free_mu);
    pool->ring[pool->ring_next] = (uint32_t)(page - pool->frames) + 1;
    pool->ring_next = (pool->ring_next + 1) % pool->ring_size;
    mutex_unlock(&pool->free_mu);
}

static bool
age(struct page *page)
{
    uint8_t usage = atomic_load_explicit(&page->usage, memory_order_relaxed);
    if (usage > 0) {
        atomic_store_explicit(&page->usage, (uint8_t)(usage - 1), memory_order_relaxed);
    }
    return usage > 0;
}

static struct page *
sweep(struct pool *pool, uint32_t steps, struct page **dirty_out, unsigned dirty_max,
      unsigned *dirty_count_out)
{
    for (uint32_t i = 0; i < steps; i++) {
        uint32_t hand = atomic_fetch_add_explicit(&pool->hand, 1, memory_order_relaxed);
        struct page *page = &pool->frames[hand % pool->frame_count];
        if (!is_cold(page) || age(page)) {
            continue;
        }
        if (atomic_load(&page->dirty_epoch) == 0) {
            if (pool_claim(pool, page)) {
                atomic_fetch_add(&pool->eviction_count, 1);
                return page;
            }
        } else if (*dirty_count_out < dirty_max) {
            uint64_t key = atomic_load(&page->key);
            if (key != KEY_NONE && pool_try_pin(page, key)) {
                dirty_out[(*dirty_count_out)++] = page;
            }
            if (*dirty_count_out == dirty_max) {
                return NULL;
            }
        }
    }
    return NULL;
}

struct page *
pool_take(struct pool *pool, bool scan, uint32_t steps, struct page **dirty_out,
          unsigned dirty_max, unsigned *dirty_count_out)
{
    *dirty_count_out = 0;
    struct page *page = scan ? take_from_ring(pool) : NULL;
    if (page == NULL) {
        page = take_free(pool);
    }
    if (page == NULL) {
        page = sweep(pool, steps, dirty_out, dirty_max, dirty_count_out);
    }
    if (scan && page != NULL) {
        put_on_ring(pool, page);
    }
    return page;
}
