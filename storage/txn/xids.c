/* xids.c: see xids.h.
 *
 * In memory: groups of chunks of atomic words, found by shifting the xid: three loads. On disk:
 * one space, eight bytes an xid, in order; page p holds entries from p * per_page on, counted
 * from space_first. A flush before each checkpoint copies the chunks that changed; what changes
 * between the flush and the cut rides in the root's meta bytes, for the gate is closed then.
 * SPDX-License-Identifier: Apache-2.0 */
#include "storage/txn/xids.h"

#include "base/errors.h"

#include <inttypes.h>
#include <stdlib.h>

/* A space is rewritten to lose this much. */
#define REBASE_XIDS ((uint64_t)64 * XIDS_PER_CHUNK)

void
xids_init(struct xids *xids)
{
    memset(xids, 0, sizeof(*xids));
    atomic_init(&xids->next, 1);
    atomic_init(&xids->oldest, 1);
    atomic_init(&xids->ended, 1);
    mutex_init(&xids->grow_mu, LOCK_RANK_XID_TABLE);
    xids->groups = calloc(XIDS_GROUPS, sizeof(*xids->groups));
    ASSERT(xids->groups != NULL);
}

static uint64_t
chunk_count(const struct xids *xids)
{
    return atomic_load(&xids->next) / XIDS_PER_CHUNK + 1;
}

/* NULL when it was never made or is cut. Acquire pairs with the release stores of grow(). */
static struct xid_chunk *
chunk_at(const struct xids *xids, uint64_t no)
{
    struct xid_group *group =
        atomic_load_explicit(&xids->groups[no / XIDS_CHUNKS_PER_GROUP], memory_order_acquire);
    return group == NULL ? NULL
                         : atomic_load_explicit(&group->chunks[no % XIDS_CHUNKS_PER_GROUP],
                                                memory_order_acquire);
}

void
xids_deinit(struct xids *xids)
{
    for (uint64_t g = 0; g <= chunk_count(xids) / XIDS_CHUNKS_PER_GROUP; g++) {
        struct xid_group *group = atomic_load(&xids->groups[g]);
        for (unsigned i = 0; group != NULL && i < XIDS_CHUNKS_PER_GROUP; i++) {
            free(atomic_load(&group->chunks[i]));
        }
        free(group);
    }
    while (xids->spare != NULL) {
        struct xid_chunk *chunk = xids->spare;
        xids->spare = chunk->spare;
        free(chunk);
    }
    free(xids->groups);
    mutex_deinit(&xids->grow_mu);
}

/* A spare one, or a new one; all running. Release: who reads one of these values for an xid of
 * the chunk's earlier life sees that it was cut (xids_get()). */
static struct xid_chunk *
take_chunk(struct xids *xids)
{
    ASSERT(mutex_held(&xids->grow_mu));
    struct xid_chunk *chunk = xids->spare;
    if (chunk == NULL) {
        xids->chunk_count++;
        chunk = calloc(1, sizeof(*chunk));
        ASSERT(chunk != NULL);
        return chunk;
    }
    xids->spare = chunk->spare;
    for (unsigned i = 0; i < XIDS_PER_CHUNK; i++) {
        atomic_store_explicit(&chunk->values[i], XID_VALUE_RUNNING, memory_order_release);
    }
    atomic_store(&chunk->dirty, false);
    return chunk;
}

static struct xid_chunk *
grow(struct xids *xids, uint64_t no)
{
    ASSERT(no / XIDS_CHUNKS_PER_GROUP < XIDS_GROUPS);
    mutex_lock(&xids->grow_mu);
    struct xid_chunk *chunk = chunk_at(xids, no);
    if (chunk == NULL) {
        _Atomic(struct xid_group *) *slot = &xids->groups[no / XIDS_CHUNKS_PER_GROUP];
        struct xid_group *group = atomic_load(slot);
        if (group == NULL) {
            group = calloc(1, sizeof(*group));
            ASSERT(group != NULL);
            atomic_store_explicit(slot, group, memory_order_release);
        }
        chunk = take_chunk(xids);
        atomic_store_explicit(&group->chunks[no % XIDS_CHUNKS_PER_GROUP], chunk,
                              memory_order_release);
    }
    mutex_unlock(&xids->grow_mu);
    return chunk;
}

struct xid
xids_assign(struct xids *xids)
{
    uint64_t v = atomic_fetch_add(&xids->next, 1);
    if (chunk_at(xids, v / XIDS_PER_CHUNK) == NULL) {
        // cppcheck-suppress leakReturnValNotUsed ; the table keeps the chunk
        grow(xids, v / XIDS_PER_CHUNK);
    }
    return (struct xid){v};
}

/* All sequentially consistent: a flush clears the flag, then copies; who stores a value, then
 * looks at the flag, either finds it cleared (and sets it) or is copied. */
void
xids_set(struct xids *xids, struct xid xid, uint64_t value)
{
    struct xid_chunk *chunk = chunk_at(xids, xid.v / XIDS_PER_CHUNK);
    ASSERT(chunk != NULL);
    atomic_store(&chunk->values[xid.v % XIDS_PER_CHUNK], value);
    if (!atomic_load(&chunk->dirty)) {
        atomic_store(&chunk->dirty, true);
    }
}

/* The chunk may be cut, and even used again, while it is looked at: so `oldest` is read last.
 */
uint64_t
xids_get(const struct xids *xids, struct xid xid)
{
    struct xid_chunk *chunk = chunk_at(xids, xid.v / XIDS_PER_CHUNK);
    uint64_t value = chunk == NULL
                         ? XID_VALUE_RUNNING
                         : atomic_load_explicit(&chunk->values[xid.v % XIDS_PER_CHUNK],
                                                memory_order_acquire);
    return UNLIKELY(xid.v < atomic_load_explicit(&xids->oldest, memory_order_relaxed))
               ? XID_VALUE_COMMITTED(1)
               : value;
}

/* Each xid is passed once, for `ended` is remembered. */
struct xid
xids_first_running(struct xids *xids)
{
    uint64_t next = atomic_load(&xids->next);
    uint64_t xid = MAX(atomic_load(&xids->ended), atomic_load(&xids->oldest));
    while (xid < next && xids_get(xids, (struct xid){xid}) != XID_VALUE_RUNNING) {
        xid++;
    }
    uint64_t known = atomic_load(&xids->ended);
    while (known < xid && !atomic_compare_exchange_weak(&xids->ended, &known, xid)) {
    }
    return (struct xid){xid};
}

/* Chunks below the cut may still be under a reader's hand: they are used again, never freed. */
void
xids_cut(struct xids *xids, struct xid oldest)
{
    uint64_t before = atomic_load(&xids->oldest);
    if (oldest.v <= before) {
        return;
    }
    ASSERT(oldest.v <= xids_first_running(xids).v);
    atomic_store(&xids->oldest, oldest.v);
    mutex_lock(&xids->grow_mu);
    for (uint64_t no = before / XIDS_PER_CHUNK; no < oldest.v / XIDS_PER_CHUNK; no++) {
        struct xid_chunk *chunk = chunk_at(xids, no);
        if (chunk != NULL) {
            struct xid_group *group = atomic_load(&xids->groups[no / XIDS_CHUNKS_PER_GROUP]);
            atomic_store(&group->chunks[no % XIDS_CHUNKS_PER_GROUP], NULL);
            chunk->spare = xids->spare;
            xids->spare = chunk;
        }
    }
    mutex_unlock(&xids->grow_mu);
}

/* ---- pages ---- */

static uint64_t
per_page(struct pages *pages)
{
    return (pages_page_size(pages) - PAGE_HEADER_BYTES) / 8;
}

static enum status
append_page(struct xids *xids, struct pages *pages, struct diag *diag)
{
    for (;;) {
        struct page_no no;
        struct page *page;
        gate_enter(pages);
        enum status status = page_append(pages, xids->space, &no, &page, diag);
        if (status == STATUS_OK) {
            page_unlatch(page);
            gate_leave(pages);
            page_unpin(page);
            return STATUS_OK;
        }
        gate_leave(pages);
        if (status != STATUS_AGAIN) {
            return status;
        }
        TRY(pages_make_room(pages, diag));
    }
}

static enum status
flush_chunk(struct xids *xids, struct pages *pages, uint64_t no, struct diag *diag)
{
    struct xid_chunk *chunk = chunk_at(xids, no);
    uint64_t at = no * XIDS_PER_CHUNK - xids->space_first, end = at + XIDS_PER_CHUNK;
    unsigned i = 0;
    while (at < end) {
        struct page_no page_no = {(uint32_t)(at / per_page(pages))};
        while (space_page_count(pages, xids->space) <= page_no.v) {
            TRY(append_page(xids, pages, diag));
        }
        struct page *page;
        TRY(page_pin(pages, xids->space, page_no, 0, &page, diag));
        gate_enter(pages);
        page_latch_exclusive(page);
        page_dirty(page);
        uint8_t *data = page_data(page) + PAGE_HEADER_BYTES;
        uint64_t slot = at % per_page(pages);
        for (; slot < per_page(pages) && at < end; slot++, at++, i++) {
            put_u64(data + slot * 8, atomic_load(&chunk->values[i]));
        }
        page_unlatch(page);
        gate_leave(pages);
        page_unpin(page);
    }
    return STATUS_OK;
}

/* A new space once what was cut outweighs what is left. */
static void
rebase(struct xids *xids, struct pages *pages)
{
    uint64_t first = atomic_load(&xids->oldest) / XIDS_PER_CHUNK * XIDS_PER_CHUNK;
    uint64_t lost = first - xids->space_first;
    bool worth = lost > REBASE_XIDS && lost > atomic_load(&xids->next) - first;
    if (xids->has_space && !worth) {
        return;
    }
    gate_enter(pages);
    if (xids->has_space) {
        space_drop(pages, xids->space);
    }
    xids->space = space_create(pages);
    xids->has_space = true;
    xids->space_first = first;
    gate_leave(pages);
    for (uint64_t no = first / XIDS_PER_CHUNK; no < chunk_count(xids); no++) {
        struct xid_chunk *chunk = chunk_at(xids, no);
        if (chunk != NULL) {
            atomic_store(&chunk->dirty, true);
        }
    }
}

enum status
xids_flush(struct xids *xids, struct pages *pages, struct diag *diag)
{
    rebase(xids, pages);
    for (uint64_t no = xids->space_first / XIDS_PER_CHUNK; no < chunk_count(xids); no++) {
        struct xid_chunk *chunk = chunk_at(xids, no);
        if (chunk == NULL || !atomic_exchange(&chunk->dirty, false)) {
            continue;
        }
        enum status status = flush_chunk(xids, pages, no, diag);
        if (status != STATUS_OK) {
            atomic_store(&chunk->dirty, true);
            return status;
        }
    }
    return STATUS_OK;
}

void
xids_save(struct xids *xids, struct buf *meta_out)
{
    uint64_t next = atomic_load(&xids->next);
    buf_varint(meta_out, next);
    buf_varint(meta_out, atomic_load(&xids->oldest));
    buf_u8(meta_out, xids->has_space);
    buf_varint(meta_out, xids->space.v);
    buf_varint(meta_out, xids->space_first);
    for (uint64_t no = xids->space_first / XIDS_PER_CHUNK; no < chunk_count(xids); no++) {
        struct xid_chunk *chunk = chunk_at(xids, no);
        if (chunk == NULL || !atomic_load(&chunk->dirty)) {
            continue;
        }
        uint64_t count = MIN((uint64_t)XIDS_PER_CHUNK, next - no * XIDS_PER_CHUNK);
        buf_u8(meta_out, 1);
        buf_varint(meta_out, no);
        buf_varint(meta_out, count);
        for (uint64_t i = 0; i < count; i++) {
            buf_u64(meta_out, atomic_load(&chunk->values[i]));
        }
    }
    buf_u8(meta_out, 0);
}

static enum status
load_pages(struct xids *xids, struct pages *pages, struct diag *diag)
{
    uint64_t next = atomic_load(&xids->next), oldest = atomic_load(&xids->oldest), at = 0;
    uint32_t page_count = xids->has_space ? space_page_count(pages, xids->space) : 0;
    for (uint32_t no = 0; no < page_count; no++) {
        struct page *page;
        TRY(page_pin(pages, xids->space, (struct page_no){no}, PIN_SCAN, &page, diag));
        page_latch_shared(page);
        const uint8_t *data = page_data(page) + PAGE_HEADER_BYTES;
        for (uint64_t slot = 0; slot < per_page(pages); slot++, at++) {
            uint64_t xid = xids->space_first + at;
            uint64_t value = get_u64(data + slot * 8);
            if (value != XID_VALUE_RUNNING && xid >= oldest && xid < next) {
                struct xid_chunk *chunk = grow(xids, xid / XIDS_PER_CHUNK);
                atomic_store_explicit(&chunk->values[xid % XIDS_PER_CHUNK], value,
                                      memory_order_relaxed);
            }
        }
        page_unlatch(page);
        page_unpin(page);
    }
    return STATUS_OK;
}

static void
load_changes(struct xids *xids, struct reader *meta)
{
    while (read_u8(meta) == 1) {
        uint64_t no = read_varint(meta), count = read_varint(meta);
        if (meta->failed || count > XIDS_PER_CHUNK || no >= chunk_count(xids)) {
            meta->failed = true;
            return;
        }
        struct xid_chunk *chunk = grow(xids, no);
        for (uint64_t i = 0; i < count; i++) {
            atomic_store(&chunk->values[i], read_u64(meta));
        }
        atomic_store(&chunk->dirty, true);
    }
}

/* Rule 10: what the root found in progress is aborted. */
static void
abort_running(struct xids *xids)
{
    uint64_t next = atomic_load(&xids->next);
    for (uint64_t no = atomic_load(&xids->oldest) / XIDS_PER_CHUNK; no < chunk_count(xids);
         no++) {
        struct xid_chunk *chunk = grow(xids, no);
        for (uint64_t i = 0; i < XIDS_PER_CHUNK; i++) {
            uint64_t xid = no * XIDS_PER_CHUNK + i;
            if (xid < next && atomic_load(&chunk->values[i]) == XID_VALUE_RUNNING) {
                xids_set(xids, (struct xid){xid}, XID_VALUE_ABORTED);
            }
        }
    }
}

enum status
xids_load(struct xids *xids, struct pages *pages, struct reader *meta, struct diag *diag)
{
    atomic_store(&xids->next, read_varint(meta));
    atomic_store(&xids->oldest, read_varint(meta));
    xids->has_space = read_u8(meta) != 0;
    xids->space.v = (uint32_t)read_varint(meta);
    xids->space_first = read_varint(meta);
    if (meta->failed || atomic_load(&xids->next) == 0 ||
        chunk_count(xids) / XIDS_CHUNKS_PER_GROUP >= XIDS_GROUPS) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "checkpoint: unreadable table of transactions");
    }
    TRY(load_pages(xids, pages, diag));
    load_changes(xids, meta);
    if (meta->failed) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "checkpoint: unreadable changes of the table of transactions");
    }
    abort_running(xids);
    return STATUS_OK;
}
