/* wal_open.c: reading the log at start: check, cut a torn tail, refuse damage.
 *
 *   segment k      segment k+1         last segment
 *   [h|b1 b2 b3]   [h|b4 b5 .. old]    [h|b6 b7 torn old zero]
 *
 * The header of k+1 names the first batch it holds, so that k is whole when its batches reach
 * there; what lies behind them is of no interest. The tail of the last segment is torn when
 * every bad block could be what a write that was never synced, or an older life of the file,
 * left; anything else is damage. Behind a torn tail the log goes on in a new segment: blocks of
 * the write that failed could otherwise mix with those of its repetition.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "cluster/log/wal_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct names {
    uint64_t *numbers;
    size_t count, capacity;
};

static void
note_name(void *arg, const char *name)
{
    struct names *names = arg;
    char *end = NULL;
    unsigned long long no = strtoull(name, &end, 16);
    if (end == name || strcmp(end, ".seg") != 0 || no == 0) {
        return;
    }
    if (names->count == names->capacity) {
        names->capacity = MAX((size_t)16, names->capacity * 2);
        names->numbers = realloc(names->numbers, names->capacity * sizeof(uint64_t));
        ASSERT(names->numbers != NULL);
    }
    names->numbers[names->count++] = no; /* vfs_list() sorts, and the names have fixed width */
}

static enum status
damage(struct diag *diag, uint64_t no, const char *what)
{
    return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                     "log segment %" PRIx64 " is damaged: %s", no, what);
}

/* Opens the file and syncs it: what the page cache holds may be there by luck only. */
static enum status
open_segment(struct wal *wal, uint64_t no, struct wal_header *header_out,
             struct vfs_file **file_out, struct diag *diag)
{
    char path[4096];
    struct vfs_file *file = NULL;
    wal__segment_path(wal, no, path, sizeof(path));
    TRY(vfs_open(wal->env->vfs, path, VFS_READ | VFS_WRITE, &file, diag));
    enum status status = vfs_sync(file, diag);
    if (status == STATUS_OK) {
        status = wal__header_read(file, header_out, diag);
    }
    if (status == STATUS_OK && header_out->segment_no != no) {
        status = STATUS_NOT_FOUND; /* renamed for reuse, and the header never written */
    }
    if (status != STATUS_OK) {
        vfs_close(file);
        return status;
    }
    *file_out = file;
    return STATUS_OK;
}

static enum status
apply_record(struct wal *wal, const struct wal_record *record, struct wal_marker at,
             struct diag *diag)
{
    if (record->kind == WAL_RECORD_TRUNCATE) {
        if (record->index < wal->first_index || record->index > wal->last_index + 1) {
            return damage(diag, at.segment_no, "it cuts the log outside its range");
        }
        wal__cache_truncate(wal, record->index);
        wal__runs_truncate(wal, record->index);
        wal__markers_truncate(wal, record->index);
        wal__types_truncate(wal, record->index);
        wal->durable_index = MIN(wal->durable_index, record->index - 1);
        wal->last_index = record->index - 1;
        return STATUS_OK;
    }
    if (record->index != wal->last_index + 1 || record->term == 0 ||
        record->term < wal__term_of(wal, wal->last_index)) {
        return damage(diag, at.segment_no, "an entry is out of order");
    }
    at.index = record->index;
    wal__marker_push(wal, at);
    struct wal_item *item = wal_item_copy(record->type, record->term, record->bytes);
    item->index = record->index;
    wal->last_index = record->index;
    wal->durable_index = record->index;
    wal__run_push(wal, record->index, record->term);
    wal__note_type(wal, item);
    wal__cache_push(wal, item);
    wal__cache_evict(wal);
    return STATUS_OK;
}

static enum status
apply_batch(struct wal *wal, const struct wal_scan *scan, uint64_t first_block,
            struct diag *diag)
{
    struct reader reader = reader_make(buf_slice(&scan->stream));
    struct wal_marker at = {.segment_no = scan->generation, .block = first_block};
    for (;;) {
        struct wal_record record;
        enum status status = wal__record_decode(&reader, &record, diag);
        if (status == STATUS_NOT_FOUND) {
            return STATUS_OK;
        }
        TRY(status);
        TRY(apply_record(wal, &record, at, diag));
    }
}

/* Reads batches until `end_batch_no` (0: as far as they go). */
static enum status
read_batches(struct wal *wal, struct wal_scan *scan, uint64_t end_batch_no, struct diag *diag)
{
    while (end_batch_no == 0 || scan->batch_no < end_batch_no) {
        uint64_t first_block = scan->block;
        enum status status = wal__scan_batch(scan, diag);
        if (status == STATUS_NOT_FOUND) {
            return end_batch_no == 0
                       ? STATUS_OK
                       : damage(diag, scan->generation, "a batch that was synced is missing");
        }
        TRY(status);
        TRY(apply_batch(wal, scan, first_block, diag));
    }
    return STATUS_OK;
}

/* `next`: the header of the segment behind, NULL for the last. */
static enum status
read_segment(struct wal *wal, struct wal_segment *segment, const struct wal_header *header,
             const struct wal_header *next, bool *torn_out, struct diag *diag)
{
    uint64_t size = 0;
    TRY(vfs_size(segment->file, &size, diag));
    struct wal_scan scan;
    wal__scan_init(&scan, segment->file, segment->no, 1, header->first_batch_no,
                   size / WAL_BLOCK_BYTES);
    enum status status =
        read_batches(wal, &scan, next != NULL ? next->first_batch_no : 0, diag);
    bool torn = true, clean = true;
    if (status == STATUS_OK && next == NULL) {
        status = wal__scan_tail(&scan, &torn, &clean, diag);
    }
    if (status == STATUS_OK && !torn) {
        status = damage(diag, segment->no, "bytes behind its last batch fail their check");
    }
    *torn_out = !clean;
    wal->next_block = scan.block;
    wal->next_batch_no = scan.batch_no;
    wal__scan_deinit(&scan);
    return status;
}

/* Headers of all segments; an unfinished last one is dropped. */
static enum status
read_headers(struct wal *wal, const struct names *names, struct wal_header *headers,
             size_t *count_out, struct diag *diag)
{
    for (size_t i = 0; i < names->count; i++) {
        struct vfs_file *file = NULL;
        enum status status = open_segment(wal, names->numbers[i], &headers[i], &file, diag);
        if (status == STATUS_NOT_FOUND && i + 1 == names->count) {
            char path[4096];
            wal__segment_path(wal, names->numbers[i], path, sizeof(path));
            TRY(vfs_remove(wal->env->vfs, path, diag));
            return STATUS_OK;
        }
        if (status == STATUS_NOT_FOUND) {
            return damage(diag, names->numbers[i], "its header cannot be read");
        }
        TRY(status);
        struct wal_segment *segment = calloc(1, sizeof(*segment));
        ASSERT(segment != NULL);
        *segment = (struct wal_segment){.no = names->numbers[i],
                                        .first_index = headers[i].first_index,
                                        .file = file,
                                        .ref_count = 1};
        wal__segment_push(wal, segment);
        *count_out = i + 1;
        if (i > 0 && (names->numbers[i] != names->numbers[i - 1] + 1 ||
                      headers[i].first_batch_no < headers[i - 1].first_batch_no)) {
            return damage(diag, names->numbers[i], "it does not follow the one before");
        }
    }
    return STATUS_OK;
}

static enum status
read_all(struct wal *wal, const struct names *names, struct diag *diag)
{
    struct wal_header *headers = calloc(MAX(names->count, (size_t)1), sizeof(*headers));
    ASSERT(headers != NULL);
    size_t count = 0;
    bool torn = false;
    enum status status = read_headers(wal, names, headers, &count, diag);
    if (status == STATUS_OK && count > 0) {
        wal->first_index = headers[0].first_index;
        wal->last_index = wal->durable_index = headers[0].first_index - 1;
        wal->cache_first = headers[0].first_index;
        if (headers[0].prev_term != 0) {
            wal__run_push(wal, wal->last_index, headers[0].prev_term);
        }
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (headers[i].first_index > wal->last_index + 1) {
            status = damage(diag, names->numbers[i], "entries before it are missing");
            break;
        }
        status = read_segment(wal, wal->segments[i], &headers[i],
                              i + 1 < count ? &headers[i + 1] : NULL, &torn, diag);
    }
    free(headers);
    TRY(status);
    if (torn) {
        log_info(wal->env->log, "cluster", "cut a torn log tail after_index=%" PRIu64,
                 wal->last_index);
    }
    if (count == 0 || torn) {
        return wal__segment_create(wal, wal->last_index + 1, wal__term_of(wal, wal->last_index),
                                   diag);
    }
    return STATUS_OK;
}

static enum status
find_spare(struct wal *wal, struct diag *diag)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/spare", wal->dir);
    TRY(vfs_open(wal->env->vfs, path, VFS_READ | VFS_WRITE | VFS_CREATE, &wal->spare, diag));
    wal->spare_bytes =
        0; /* whatever it held, it is zeroed anew: it may never have been synced */
    return STATUS_OK;
}

enum status
wal_open(const struct wal_options *options, struct wal **wal_out, struct diag *diag)
{
    *wal_out = NULL;
    struct wal *wal = calloc(1, sizeof(*wal));
    ASSERT(wal != NULL);
    wal->env = options->env;
    wal->dir = strdup(options->dir);
    ASSERT(wal->dir != NULL);
    wal->segment_bytes =
        options->segment_bytes == 0 ? WAL_SEGMENT_BYTES_DEFAULT : options->segment_bytes;
    wal->segment_bytes =
        MAX(wal->segment_bytes, WAL_SEGMENT_BYTES_MIN) / WAL_BLOCK_BYTES * WAL_BLOCK_BYTES;
    wal->cache_bytes =
        options->cache_bytes == 0 ? WAL_CACHE_BYTES_DEFAULT : options->cache_bytes;
    wal->marked_type = options->marked_type;
    wal->on_durable = options->on_durable;
    wal->on_damage = options->on_damage;
    wal->arg = options->arg;
    mutex_init(&wal->mu, LOCK_RANK_LOG);
    cond_init(&wal->durable_changed);
    wal->first_index = wal->cache_first = options->first_index;
    wal->last_index = wal->durable_index = options->first_index - 1;
    wal->next_batch_no = 1;
    struct names names = {0};
    enum status status = vfs_make_dir(wal->env->vfs, wal->dir, diag);
    if (status == STATUS_OK) {
        status = vfs_list(wal->env->vfs, wal->dir, note_name, &names, diag);
    }
    if (status == STATUS_OK) {
        status = read_all(wal, &names, diag);
    }
    if (status == STATUS_OK) {
        status = find_spare(wal, diag);
    }
    free(names.numbers);
    wal->write_next = wal->last_index + 1;
    if (status != STATUS_OK) {
        wal_close(wal);
        return status;
    }
    *wal_out = wal;
    return STATUS_OK;
}
