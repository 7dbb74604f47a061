/* wal_writer.c: the writer's thread: groups of entries become durable, old segments go.
 *
 * One step: take what was appended (bounded), cut it into blocks, one write, one sync, tell.
 * Entries that are truncated while their group is being written stay on disk until the next
 * group, whose first record cuts them off; wal_truncate() has taken them out of durable_index
 * by then, and `truncate_from` keeps this group from putting them back.
 *
 * With nothing to write the step prepares a zeroed file for the next segment, a part at a time,
 * so that a roll costs a rename and one small sync.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "base/fault.h"
#include "base/thread.h"
#include "cluster/log/wal_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPARE_STEP_BYTES ((size_t)256 << 10)
#define SLOW_SYNC_US 200000 /* of FAULT_LOG_SYNC_SLOW */

/* Moves what is due into wal->group; false when there is nothing. */
static bool
take_group(struct wal *wal, struct wal_group *group_out)
{
    struct wal_group group = {0};
    wal->group_count = 0;
    mutex_lock(&wal->mu);
    group.truncate_from = wal->truncate_from;
    wal->truncate_from = 0;
    group.first = wal->write_next;
    group.prev_term = wal__term_of(wal, wal->write_next - 1);
    size_t bytes = 0;
    while (wal->write_next <= wal->last_index && bytes < WAL_BATCH_BYTES) {
        if (wal->group_count == wal->group_capacity) {
            wal->group_capacity = MAX((size_t)64, wal->group_capacity * 2);
            wal->group = realloc(wal->group, wal->group_capacity * sizeof(*wal->group));
            ASSERT(wal->group != NULL);
        }
        struct wal_item *item = wal->ring[wal->write_next & (wal->ring_capacity - 1)];
        wal->group[wal->group_count++] = wal_item_ref(item);
        bytes += WAL_RECORD_HEADER_BYTES + item->bytes.size;
        wal->write_next++;
    }
    group.last = wal->write_next - 1;
    bool work = !wal->damaged && (wal->group_count > 0 || group.truncate_from != 0);
    mutex_unlock(&wal->mu);
    *group_out = group;
    return work;
}

static void
encode_group(struct wal *wal, const struct wal_group *group)
{
    buf_clear(&wal->stream);
    if (group->truncate_from != 0) {
        wal__record_encode(&wal->stream, &(struct wal_record){.kind = WAL_RECORD_TRUNCATE,
                                                              .index = group->truncate_from});
    }
    for (size_t i = 0; i < wal->group_count; i++) {
        const struct wal_item *item = wal->group[i];
        wal__record_encode(&wal->stream, &(struct wal_record){.kind = WAL_RECORD_ENTRY,
                                                              .type = item->type,
                                                              .index = item->index,
                                                              .term = item->term,
                                                              .bytes = item->bytes});
    }
}

static struct wal_segment *
growing(struct wal *wal)
{
    return wal->segments[wal->segment_count - 1]; /* only this thread changes the list */
}

static enum status
write_group(struct wal *wal, const struct wal_group *group, uint64_t *block_out,
            struct diag *diag)
{
    encode_group(wal, group);
    uint64_t count = (wal->stream.size + WAL_BLOCK_PAYLOAD_BYTES - 1) / WAL_BLOCK_PAYLOAD_BYTES;
    if (wal->next_block + count > wal->segment_bytes / WAL_BLOCK_BYTES) {
        uint64_t first = group->truncate_from != 0 ? group->truncate_from : group->first;
        TRY(wal__segment_create(wal, first, group->prev_term, diag));
    }
    ASSERT(wal->next_block + count <= wal->segment_bytes / WAL_BLOCK_BYTES);
    struct wal_segment *segment = growing(wal);
    wal__blocks_encode(&wal->blocks, buf_slice(&wal->stream), segment->no, wal->next_block,
                       wal->next_batch_no);
    TRY(vfs_write(segment->file, wal->next_block * WAL_BLOCK_BYTES, wal->blocks.data,
                  wal->blocks.size, diag));
    *block_out = wal->next_block;
    wal->next_block += count;
    wal->next_batch_no++;
    return STATUS_OK;
}

static enum status
sync_group(struct wal *wal, struct diag *diag)
{
    if (fault_fires(wal->env->faults, FAULT_LOG_SYNC_FAILS)) {
        return diag_fail(diag, STATUS_IO, SQLSTATE_IO_ERROR, "sync a file: fault injected");
    }
    if (fault_fires(wal->env->faults, FAULT_LOG_SYNC_SLOW)) {
        thread_sleep_us(SLOW_SYNC_US);
    }
    if (fault_fires(wal->env->faults, FAULT_CANARY_EARLY_ACK)) {
        return STATUS_OK;
    }
    return vfs_sync(growing(wal)->file, diag);
}

/* Makes the group count as durable, less what was truncated meanwhile. */
static void
publish(struct wal *wal, const struct wal_group *group, uint64_t block)
{
    struct wal_marker marker = {.segment_no = growing(wal)->no, .block = block};
    mutex_lock(&wal->mu);
    if (group->truncate_from != 0) {
        wal__markers_truncate(wal, group->truncate_from);
    }
    if (group->last >= group->first) {
        marker.index = group->first;
        wal__marker_push(wal, marker);
    }
    uint64_t limit = wal->truncate_from != 0 ? wal->truncate_from - 1 : UINT64_MAX;
    wal->durable_index = MAX(wal->durable_index, MIN(group->last, limit));
    ASSERT(wal->durable_index <= wal->last_index);
    wal__cache_evict(wal);
    mutex_unlock(&wal->mu);
    cond_broadcast(&wal->durable_changed);
    wal->on_durable(wal->arg);
}

void
wal__latch_damage(struct wal *wal, const struct diag *diag)
{
    mutex_lock(&wal->mu);
    bool first = !wal->damaged;
    wal->damaged = true;
    if (first) {
        wal->damage = *diag;
    }
    mutex_unlock(&wal->mu);
    cond_broadcast(&wal->durable_changed);
    if (first) {
        log_error(wal->env->log, "cluster", "log error, this member stops: %s (%s)",
                  diag->message, diag->while_chain);
        wal->on_damage(wal->arg, diag);
    }
}

/* ---- housekeeping ---- */

/* The oldest segment, taken off the list, if retention lets it go. */
static struct wal_segment *
take_oldest(struct wal *wal)
{
    struct wal_segment *oldest = NULL;
    mutex_lock(&wal->mu);
    if (wal->segment_count > 1 && wal->marker_count > 0 &&
        wal->segment_count * wal->segment_bytes > wal->keep_bytes + wal->segment_bytes) {
        uint64_t no = wal->segments[0]->no;
        size_t dead = 0;
        while (dead < wal->marker_count && wal->markers[dead].segment_no == no) {
            dead++;
        }
        /* What the next segment begins with is the first entry that stays. */
        if (dead < wal->marker_count && wal->markers[dead].index <= wal->keep_index) {
            oldest = wal->segments[0];
            wal->first_index = MAX(wal->first_index, wal->markers[dead].index);
            memmove(wal->markers, wal->markers + dead,
                    (wal->marker_count - dead) * sizeof(*wal->markers));
            wal->marker_count -= dead;
            memmove(wal->segments, wal->segments + 1,
                    (wal->segment_count - 1) * sizeof(struct wal_segment *));
            wal->segment_count--;
            wal__cache_drop_below(wal, wal->first_index);
        }
    }
    mutex_unlock(&wal->mu);
    return oldest;
}

/* True when a segment went. */
static bool
drop_oldest(struct wal *wal, enum status *status_out, struct diag *diag)
{
    struct wal_segment *oldest = take_oldest(wal);
    if (oldest == NULL) {
        return false;
    }
    char path[4096];
    wal__segment_path(wal, oldest->no, path, sizeof(path));
    *status_out = vfs_remove(wal->env->vfs, path, diag);
    wal__segment_unref(wal, oldest);
    return true;
}

/* True when there is more to do. A failure here is not damage: a roll makes its own file. */
static bool
prepare_spare(struct wal *wal)
{
    char path[4096];
    struct diag diag = {0};
    if (wal->spare == NULL) {
        snprintf(path, sizeof(path), "%s/spare", wal->dir);
        if (vfs_open(wal->env->vfs, path, VFS_READ | VFS_WRITE | VFS_CREATE, &wal->spare,
                     &diag) != STATUS_OK) {
            return false;
        }
        wal->spare_bytes = 0;
    }
    if (wal->spare_bytes >= wal->segment_bytes) {
        return false;
    }
    static const uint8_t zeros[SPARE_STEP_BYTES];
    size_t size =
        (size_t)MIN((uint64_t)SPARE_STEP_BYTES, wal->segment_bytes - wal->spare_bytes);
    enum status status = vfs_write(wal->spare, wal->spare_bytes, zeros, size, &diag);
    if (status == STATUS_OK && wal->spare_bytes + size >= wal->segment_bytes) {
        status = vfs_sync(wal->spare, &diag);
    }
    if (status != STATUS_OK) { /* a full disk: the next roll will say so */
        vfs_close(wal->spare);
        wal->spare = NULL;
        return false;
    }
    wal->spare_bytes += size;
    return wal->spare_bytes < wal->segment_bytes;
}

static bool
keep_house(struct wal *wal)
{
    enum status status = STATUS_OK;
    struct diag diag = {0};
    if (wal_damaged(wal)) {
        return false;
    }
    if (drop_oldest(wal, &status, &diag)) {
        if (status != STATUS_OK) {
            log_warning(wal->env->log, "cluster", "cannot remove a log segment: %s",
                        diag.message);
        }
        return true;
    }
    return prepare_spare(wal);
}

void
wal__forget_group(struct wal *wal)
{
    for (size_t i = 0; i < wal->group_count; i++) {
        wal_item_unref(wal->group[i]);
    }
    wal->group_count = 0;
    wal->written = false;
}

/* A group that is written becomes durable. */
static bool
finish_group(struct wal *wal)
{
    struct diag diag = {0};
    enum status status = sync_group(wal, &diag);
    if (status == STATUS_OK) {
        publish(wal, &wal->written_group, wal->written_block);
    } else {
        wal__latch_damage(wal, &diag);
    }
    wal__forget_group(wal);
    return status == STATUS_OK;
}

/* Write and sync are two steps, so that in the simulator things happen between them. */
bool
wal__write_step(void *arg)
{
    struct wal *wal = arg;
    if (wal->written) {
        return finish_group(wal);
    }
    struct wal_group group;
    if (!take_group(wal, &group)) {
        wal__forget_group(wal);
        return keep_house(wal);
    }
    struct diag diag = {0};
    if (write_group(wal, &group, &wal->written_block, &diag) != STATUS_OK) {
        wal__latch_damage(wal, &diag);
        wal__forget_group(wal);
        return false;
    }
    wal->written_group = group;
    wal->written = true;
    return true;
}
