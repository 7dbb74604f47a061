/* wal.c: the log in memory: cache, terms, markers, segments; and reading back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "cluster/log/wal_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- items ---- */

static struct wal_item *
item_new(uint8_t type, uint64_t term, size_t extra)
{
    struct wal_item *item = malloc(sizeof(*item) + extra);
    ASSERT(item != NULL);
    *item = (struct wal_item){.refs = 1, .type = type, .term = term};
    return item;
}

struct wal_item *
wal_item_copy(uint8_t type, uint64_t term, struct slice bytes)
{
    struct wal_item *item = item_new(type, term, bytes.size);
    item->bytes = slice_make(item + 1, bytes.size);
    if (bytes.size > 0) {
        memcpy(item + 1, bytes.data, bytes.size);
    }
    return item;
}

struct wal_item *
wal_item_take(uint8_t type, uint64_t term, struct buf *bytes)
{
    struct wal_item *item = item_new(type, term, 0);
    item->bytes = buf_slice(bytes);
    item->owned = bytes->data;
    *bytes = BUF_EMPTY;
    return item;
}

struct wal_item *
wal_item_ref(struct wal_item *item)
{
    __atomic_fetch_add((uint32_t *)&item->refs, 1, __ATOMIC_RELAXED);
    return item;
}

void
wal_item_unref(struct wal_item *item)
{
    /* The last one out sees all writes of the others: release here, acquire there. */
    if (__atomic_sub_fetch((uint32_t *)&item->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        free(item->owned);
        free(item);
    }
}

/* ---- cache: a ring by index ---- */

static struct wal_item **
slot(struct wal *wal, uint64_t index)
{
    return &wal->ring[index & (wal->ring_capacity - 1)];
}

static void
ring_grow(struct wal *wal)
{
    uint64_t capacity = MAX((uint64_t)1024, wal->ring_capacity * 2);
    struct wal_item **ring = calloc(capacity, sizeof(struct wal_item *));
    ASSERT(ring != NULL);
    for (uint64_t i = 0; i < wal->ring_capacity; i++) {
        if (wal->ring[i] != NULL) {
            ring[wal->ring[i]->index & (capacity - 1)] = wal->ring[i];
        }
    }
    free(wal->ring);
    wal->ring = ring;
    wal->ring_capacity = capacity;
}

static size_t
item_cost(const struct wal_item *item)
{
    return sizeof(*item) + item->bytes.size;
}

void
wal__cache_push(struct wal *wal, struct wal_item *item)
{
    if (item->index - wal->cache_first >= wal->ring_capacity) {
        ring_grow(wal);
    }
    ASSERT(*slot(wal, item->index) == NULL);
    *slot(wal, item->index) = item;
    wal->cached_bytes += item_cost(item);
}

static void
cache_drop(struct wal *wal, uint64_t index)
{
    struct wal_item *item = *slot(wal, index);
    wal->cached_bytes -= item_cost(item);
    *slot(wal, index) = NULL;
    wal_item_unref(item);
}

void
wal__cache_evict(struct wal *wal)
{
    while (wal->cached_bytes > wal->cache_bytes && wal->cache_first <= wal->durable_index &&
           wal->cache_first <= wal->last_index) {
        cache_drop(wal, wal->cache_first++);
    }
}

void
wal__cache_drop_below(struct wal *wal, uint64_t index)
{
    while (wal->cache_first < index) {
        cache_drop(wal, wal->cache_first++);
    }
}

void
wal__cache_truncate(struct wal *wal, uint64_t index)
{
    for (uint64_t i = MAX(index, wal->cache_first); i <= wal->last_index; i++) {
        cache_drop(wal, i);
    }
    wal->cache_first = MIN(wal->cache_first, index);
}

/* ---- terms ---- */

void
wal__run_push(struct wal *wal, uint64_t index, uint64_t term)
{
    if (wal->run_count > 0 && wal->runs[wal->run_count - 1].term == term) {
        return;
    }
    if (wal->run_count == wal->run_capacity) {
        wal->run_capacity = MAX((size_t)16, wal->run_capacity * 2);
        wal->runs = realloc(wal->runs, wal->run_capacity * sizeof(*wal->runs));
        ASSERT(wal->runs != NULL);
    }
    wal->runs[wal->run_count++] = (struct wal_term_run){.first_index = index, .term = term};
}

void
wal__runs_truncate(struct wal *wal, uint64_t index)
{
    while (wal->run_count > 0 && wal->runs[wal->run_count - 1].first_index >= index) {
        wal->run_count--;
    }
}

uint64_t
wal__term_of(const struct wal *wal, uint64_t index)
{
    if (index > wal->last_index || index + 1 < wal->first_index) {
        return 0;
    }
    for (size_t i = wal->run_count; i > 0; i--) {
        if (wal->runs[i - 1].first_index <= index) {
            return wal->runs[i - 1].term;
        }
    }
    return 0;
}

/* ---- markers and segments ---- */

void
wal__marker_push(struct wal *wal, struct wal_marker marker)
{
    marker.rewrite = wal->rewriting;
    wal->rewriting = false;
    if (!marker.rewrite && wal->marker_count > 0) {
        const struct wal_marker *last = &wal->markers[wal->marker_count - 1];
        if (last->segment_no == marker.segment_no &&
            (marker.block - last->block) * WAL_BLOCK_BYTES < WAL_MARKER_GAP_BYTES) {
            return;
        }
    }
    if (wal->marker_count == wal->marker_capacity) {
        wal->marker_capacity = MAX((size_t)64, wal->marker_capacity * 2);
        wal->markers = realloc(wal->markers, wal->marker_capacity * sizeof(*wal->markers));
        ASSERT(wal->markers != NULL);
    }
    wal->markers[wal->marker_count++] = marker;
}

void
wal__markers_truncate(struct wal *wal, uint64_t index)
{
    while (wal->marker_count > 0 && wal->markers[wal->marker_count - 1].index >= index) {
        wal->marker_count--;
    }
    wal->rewriting = true; /* the next marker is kept in any case */
}

void
wal__note_type(struct wal *wal, const struct wal_item *item)
{
    if (item->type != wal->marked_type) {
        return;
    }
    if (wal->marked_count == wal->marked_capacity) {
        wal->marked_capacity = MAX((size_t)16, wal->marked_capacity * 2);
        wal->marked = realloc(wal->marked, wal->marked_capacity * sizeof(*wal->marked));
        ASSERT(wal->marked != NULL);
    }
    wal->marked[wal->marked_count++] = item->index;
}

void
wal__types_truncate(struct wal *wal, uint64_t index)
{
    while (wal->marked_count > 0 && wal->marked[wal->marked_count - 1] >= index) {
        wal->marked_count--;
    }
}

unsigned
wal_marked(struct wal *wal, uint64_t *indexes, unsigned count_max)
{
    unsigned count = 0;
    mutex_lock(&wal->mu);
    for (size_t i = 0; i < wal->marked_count; i++) {
        if (wal->marked[i] >= wal->first_index && wal->marked_count - i <= count_max) {
            indexes[count++] = wal->marked[i];
        }
    }
    mutex_unlock(&wal->mu);
    return count;
}

void
wal__segment_push(struct wal *wal, struct wal_segment *segment)
{
    if (wal->segment_count == wal->segment_capacity) {
        wal->segment_capacity = MAX((size_t)16, wal->segment_capacity * 2);
        wal->segments = realloc(wal->segments, wal->segment_capacity * sizeof(segment));
        ASSERT(wal->segments != NULL);
    }
    wal->segments[wal->segment_count++] = segment;
}

void
wal__segment_unref(struct wal *wal, struct wal_segment *segment)
{
    mutex_lock(&wal->mu);
    bool last = --segment->ref_count == 0;
    mutex_unlock(&wal->mu);
    if (last) {
        vfs_close(segment->file);
        free(segment);
    }
}

/* ---- lifecycle ---- */

enum status
wal_start(struct wal *wal, struct diag *diag)
{
    return worker_start(wal->env->workers, THREAD_LOG_WRITER, "log-writer", wal__write_step,
                        wal, &wal->writer, diag);
}

void
wal_stop(struct wal *wal)
{
    if (wal->writer != NULL) {
        worker_stop(wal->writer);
        wal->writer = NULL;
        /* What was appended becomes durable still: others may have agreed on it, so that it is
         * applied, and the checkpoint at the end waits for it. */
        while (wal_durable_index(wal) < wal_last_index(wal) && !wal_damaged(wal) &&
               wal__write_step(wal)) {
        }
    }
}

static void
forget_all(struct wal *wal)
{
    for (uint64_t i = 0; i < wal->ring_capacity; i++) {
        if (wal->ring[i] != NULL) {
            wal_item_unref(wal->ring[i]);
            wal->ring[i] = NULL;
        }
    }
    wal->cached_bytes = 0;
    wal->run_count = wal->marker_count = wal->marked_count = 0;
    while (wal->segment_count > 0) {
        wal__segment_unref(wal, wal->segments[--wal->segment_count]);
    }
}

void
wal_close(struct wal *wal)
{
    if (wal == NULL) {
        return;
    }
    ASSERT(wal->writer == NULL);
    wal__forget_group(wal);
    forget_all(wal);
    vfs_close(wal->spare);
    free(wal->ring);
    free(wal->runs);
    free(wal->markers);
    free(wal->marked);
    free(wal->segments);
    free(wal->group);
    free(wal->dir);
    buf_deinit(&wal->stream);
    buf_deinit(&wal->blocks);
    cond_deinit(&wal->durable_changed);
    mutex_deinit(&wal->mu);
    free(wal);
}

enum status
wal_reset(struct wal *wal, uint64_t first_index, struct diag *diag)
{
    ASSERT(wal->writer == NULL);
    uint64_t oldest = wal->segments[0]->no, newest = wal->segments[wal->segment_count - 1]->no;
    forget_all(wal);
    for (uint64_t no = newest; no >= oldest; no--) { /* newest first: never a hole */
        char path[4096];
        wal__segment_path(wal, no, path, sizeof(path));
        TRY(vfs_remove(wal->env->vfs, path, diag));
    }
    TRY(vfs_sync_dir(wal->env->vfs, wal->dir, diag));
    wal->first_index = wal->cache_first = wal->write_next = first_index;
    wal->last_index = wal->durable_index = first_index - 1;
    wal->next_batch_no = 1;
    return wal__segment_create(wal, first_index, 0, diag);
}

/* ---- the growing end ---- */

void
wal_append(struct wal *wal, struct wal_item *item)
{
    mutex_lock(&wal->mu);
    item->index = ++wal->last_index;
    ASSERT(item->term >= wal__term_of(wal, item->index - 1));
    wal__run_push(wal, item->index, item->term);
    wal__note_type(wal, item);
    wal__cache_push(wal, item);
    mutex_unlock(&wal->mu);
}

void
wal_flush(struct wal *wal)
{
    worker_kick(wal->writer);
}

void
wal_truncate(struct wal *wal, uint64_t index)
{
    mutex_lock(&wal->mu);
    ASSERT(index >= wal->first_index);
    ASSERT(index <= wal->last_index);
    wal__cache_truncate(wal, index);
    wal__runs_truncate(wal, index);
    wal__types_truncate(wal, index);
    wal->last_index = index - 1;
    wal->durable_index = MIN(wal->durable_index, index - 1);
    if (index < wal->write_next) {
        wal->write_next = index;
        wal->truncate_from = wal->truncate_from == 0 ? index : MIN(wal->truncate_from, index);
    }
    mutex_unlock(&wal->mu);
}

void
wal_retain(struct wal *wal, uint64_t keep_index, uint64_t keep_bytes)
{
    mutex_lock(&wal->mu);
    wal->keep_index = keep_index;
    wal->keep_bytes = keep_bytes;
    bool much = wal->segment_count * wal->segment_bytes > keep_bytes + wal->segment_bytes;
    mutex_unlock(&wal->mu);
    if (much && wal->writer != NULL) {
        worker_kick(wal->writer);
    }
}

enum status
wal_write_now(struct wal *wal, struct diag *diag)
{
    ASSERT(wal->writer == NULL);
    while (wal_durable_index(wal) < wal_last_index(wal)) {
        if (!wal__write_step(wal) && wal_damaged(wal)) {
            return wal_wait_durable(wal, wal_last_index(wal), diag);
        }
    }
    return STATUS_OK;
}

/* ---- observers ---- */

uint64_t
wal_term_of(struct wal *wal, uint64_t index)
{
    mutex_lock(&wal->mu);
    uint64_t term = wal__term_of(wal, index);
    mutex_unlock(&wal->mu);
    return term;
}

static uint64_t
locked_get(struct wal *wal, const uint64_t *value)
{
    mutex_lock(&wal->mu);
    uint64_t copy = *value;
    mutex_unlock(&wal->mu);
    return copy;
}

uint64_t
wal_first_index(struct wal *wal)
{
    return locked_get(wal, &wal->first_index);
}

uint64_t
wal_last_index(struct wal *wal)
{
    return locked_get(wal, &wal->last_index);
}

uint64_t
wal_durable_index(struct wal *wal)
{
    return locked_get(wal, &wal->durable_index);
}

uint64_t
wal_bytes(struct wal *wal)
{
    mutex_lock(&wal->mu);
    uint64_t bytes = wal->segment_count * wal->segment_bytes;
    mutex_unlock(&wal->mu);
    return bytes;
}

bool
wal_damaged(struct wal *wal)
{
    mutex_lock(&wal->mu);
    bool damaged = wal->damaged;
    mutex_unlock(&wal->mu);
    return damaged;
}

enum status
wal_wait_durable(struct wal *wal, uint64_t index, struct diag *diag)
{
    mutex_lock(&wal->mu);
    while (wal->durable_index < index && !wal->damaged) {
        cond_wait(&wal->durable_changed, &wal->mu);
    }
    bool durable = wal->durable_index >= index;
    if (!durable && diag != NULL && diag->status == STATUS_OK) {
        *diag = wal->damage;
    }
    mutex_unlock(&wal->mu);
    return durable ? STATUS_OK : STATUS_IO;
}

/* ---- reading back ---- */

/* Cached entries from index on; mu held. */
static unsigned
take_cached(struct wal *wal, uint64_t index, unsigned count_max, size_t bytes_max,
            struct wal_item **items)
{
    unsigned count = 0;
    size_t bytes = 0;
    for (uint64_t i = index; i <= wal->last_index && count < count_max; i++) {
        struct wal_item *item = *slot(wal, i);
        bytes += item->bytes.size;
        if (count > 0 && bytes > bytes_max) {
            break;
        }
        items[count++] = wal_item_ref(item);
    }
    return count;
}

/* The segment of the last marker at or before index, with a reference; mu held. */
static struct wal_segment *
find_segment(struct wal *wal, uint64_t index, size_t *position_out)
{
    size_t low = 0, high = wal->marker_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (wal->markers[middle].index <= index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return NULL;
    }
    *position_out = low - 1;
    struct wal_segment *segment =
        wal->segments[wal->markers[low - 1].segment_no - wal->segments[0]->no];
    segment->ref_count++;
    return segment;
}

struct collect {
    uint64_t index; /* wanted next */
    unsigned count, count_max;
    size_t bytes, bytes_max;
    struct wal_item **items;
};

static bool
collect_full(const struct collect *c)
{
    return c->count == c->count_max || (c->count > 0 && c->bytes > c->bytes_max);
}

static enum status
collect_batch(struct collect *c, struct slice stream, struct diag *diag)
{
    struct reader reader = reader_make(stream);
    while (!collect_full(c)) {
        struct wal_record record;
        enum status status = wal__record_decode(&reader, &record, diag);
        if (status == STATUS_NOT_FOUND) {
            break;
        }
        TRY(status);
        if (record.kind == WAL_RECORD_ENTRY && record.index == c->index) {
            struct wal_item *item = wal_item_copy(record.type, record.term, record.bytes);
            item->index = record.index;
            c->items[c->count++] = item;
            c->bytes += record.bytes.size;
            c->index++;
        }
    }
    return STATUS_OK;
}

/* The batch number stamped on a block: a scan may begin anywhere. */
static enum status
batch_no_at(struct vfs_file *file, uint64_t generation, uint64_t block, uint64_t *batch_no_out,
            struct diag *diag)
{
    uint8_t bytes[WAL_BLOCK_BYTES];
    TRY(vfs_read(file, block * WAL_BLOCK_BYTES, bytes, sizeof(bytes), diag));
    struct wal_block_view view;
    wal__block_decode(bytes, generation, block, &view);
    if (view.state != WAL_BLOCK_GOOD) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "log segment %" PRIx64 " is damaged at block %" PRIu64, generation,
                         block);
    }
    *batch_no_out = view.batch_no;
    return STATUS_OK;
}

/* Collects from one segment; the entries wanted may go on in the next. */
static enum status
collect_from(struct wal_segment *segment, uint64_t block, struct collect *c, struct diag *diag)
{
    uint64_t size = 0, batch_no = 0;
    TRY(vfs_size(segment->file, &size, diag));
    TRY(batch_no_at(segment->file, segment->no, block, &batch_no, diag));
    struct wal_scan scan;
    wal__scan_init(&scan, segment->file, segment->no, block, batch_no, size / WAL_BLOCK_BYTES);
    enum status status = STATUS_OK;
    while (status == STATUS_OK && !collect_full(c)) {
        status = wal__scan_batch(&scan, diag);
        if (status == STATUS_OK) {
            status = collect_batch(c, buf_slice(&scan.stream), diag);
        }
    }
    wal__scan_deinit(&scan);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* Where a truncation rewrote entries, the marker of the new ones limits a run of the old. */
static uint64_t
rewritten_from(const struct wal *wal, size_t position, uint64_t index)
{
    for (size_t i = position + 1; i < wal->marker_count; i++) {
        if (wal->markers[i].rewrite && wal->markers[i].index > index) {
            return wal->markers[i].index;
        }
        if (wal->markers[i].segment_no != wal->markers[position].segment_no) {
            break; /* a run ends with its segment */
        }
    }
    return UINT64_MAX;
}

static enum status
read_disk(struct wal *wal, uint64_t index, struct collect *c, struct diag *diag)
{
    size_t position = 0;
    uint64_t block = 0;
    mutex_lock(&wal->mu);
    struct wal_segment *segment = find_segment(wal, index, &position);
    if (segment != NULL) {
        block = wal->markers[position].block;
        uint64_t limit = MIN(rewritten_from(wal, position, index), wal->durable_index + 1);
        c->count_max = (unsigned)MIN((uint64_t)c->count_max, limit - index);
    }
    mutex_unlock(&wal->mu);
    if (segment == NULL) {
        return STATUS_NOT_FOUND;
    }
    enum status status = collect_from(segment, block, c, diag);
    wal__segment_unref(wal, segment);
    if (status == STATUS_OK && c->count == 0) {
        status = diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                           "log entry %" PRIu64 " cannot be read back", index);
    }
    if (status != STATUS_OK) {
        for (unsigned i = 0; i < c->count; i++) {
            wal_item_unref(c->items[i]);
        }
    }
    return status;
}

enum status
wal_read(struct wal *wal, uint64_t index, unsigned count_max, size_t bytes_max,
         struct wal_item **items_out, unsigned *count_out, struct diag *diag)
{
    *count_out = 0;
    mutex_lock(&wal->mu);
    bool outside = index < wal->first_index || index > wal->last_index;
    bool cached = !outside && index >= wal->cache_first;
    if (cached) {
        *count_out = take_cached(wal, index, count_max, bytes_max, items_out);
    }
    mutex_unlock(&wal->mu);
    if (outside) {
        return STATUS_NOT_FOUND;
    }
    if (cached) {
        return STATUS_OK;
    }
    struct collect collect = {
        .index = index, .count_max = count_max, .bytes_max = bytes_max, .items = items_out};
    TRY(read_disk(wal, index, &collect, diag));
    *count_out = collect.count;
    return STATUS_OK;
}
