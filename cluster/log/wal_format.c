/* wal_format.c: bytes of segments: header, blocks, records. See docs/format/log.md.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/crc.h"
#include "base/errors.h"
#include "cluster/log/wal_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SCAN_CHUNK_BYTES ((size_t)256 << 10)
#define FORMAT_VERSION 1U

void
wal__segment_path(const struct wal *wal, uint64_t no, char *path, size_t size)
{
    int length = snprintf(path, size, "%s/%016" PRIx64 ".seg", wal->dir, no);
    ASSERT(length > 0 && (size_t)length < size);
}

static void
header_encode(const struct wal_header *header, uint8_t block[WAL_BLOCK_BYTES])
{
    memset(block, 0, WAL_BLOCK_BYTES);
    memcpy(block, WAL_MAGIC, 8);
    put_u32(block + 8, FORMAT_VERSION);
    put_u64(block + 16, header->segment_no);
    put_u64(block + 24, header->first_index);
    put_u64(block + 32, header->prev_term);
    put_u64(block + 40, header->first_batch_no);
    put_u64(block + 48, header->segment_bytes);
    put_u32(block + 12, crc32c(0, block + 16, WAL_BLOCK_BYTES - 16));
}

enum status
wal__header_read(struct vfs_file *file, struct wal_header *header_out, struct diag *diag)
{
    uint8_t block[WAL_BLOCK_BYTES];
    size_t got = 0;
    TRY(vfs_read_some(file, 0, block, sizeof(block), &got, diag));
    if (got < sizeof(block) || memcmp(block, WAL_MAGIC, 8) != 0 ||
        get_u32(block + 12) != crc32c(0, block + 16, WAL_BLOCK_BYTES - 16)) {
        return STATUS_NOT_FOUND;
    }
    if (get_u32(block + 8) != FORMAT_VERSION) {
        return diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "log segment has format version %u, this binary reads %u",
                         get_u32(block + 8), FORMAT_VERSION);
    }
    header_out->segment_no = get_u64(block + 16);
    header_out->first_index = get_u64(block + 24);
    header_out->prev_term = get_u64(block + 32);
    header_out->first_batch_no = get_u64(block + 40);
    header_out->segment_bytes = get_u64(block + 48);
    return STATUS_OK;
}

/* Zeros up to the size of a segment, so that later syncs need no metadata. */
static enum status
fill_with_zeros(struct wal *wal, struct vfs_file *file, struct diag *diag)
{
    const size_t step = (size_t)1 << 20;
    uint8_t *zeros = calloc(1, step);
    ASSERT(zeros != NULL);
    enum status status = STATUS_OK;
    for (uint64_t at = 0; at < wal->segment_bytes && status == STATUS_OK; at += step) {
        status = vfs_write(file, at, zeros, (size_t)MIN(step, wal->segment_bytes - at), diag);
    }
    free(zeros);
    return status;
}

/* The file of the next segment: the spare if it is ready, else a new one. */
static enum status
segment_file(struct wal *wal, uint64_t no, struct vfs_file **file_out, struct diag *diag)
{
    char path[4096], spare_path[4096];
    wal__segment_path(wal, no, path, sizeof(path));
    if (wal->spare != NULL && wal->spare_bytes >= wal->segment_bytes) {
        snprintf(spare_path, sizeof(spare_path), "%s/spare", wal->dir);
        TRY(vfs_rename(wal->env->vfs, spare_path, path, diag));
        *file_out = wal->spare;
        wal->spare = NULL;
        wal->spare_bytes = 0;
        return STATUS_OK;
    }
    struct vfs_file *file = NULL;
    TRY(vfs_open(wal->env->vfs, path, VFS_READ | VFS_WRITE | VFS_CREATE, &file, diag));
    enum status status = fill_with_zeros(wal, file, diag);
    if (status != STATUS_OK) {
        vfs_close(file);
        return status;
    }
    *file_out = file;
    return STATUS_OK;
}

enum status
wal__segment_create(struct wal *wal, uint64_t first_index, uint64_t prev_term,
                    struct diag *diag)
{
    uint64_t no = 1;
    if (wal->segment_count > 0) {
        no = wal->segments[wal->segment_count - 1]->no + 1;
    }
    struct vfs_file *file = NULL;
    TRY(segment_file(wal, no, &file, diag));
    struct wal_header header = {.segment_no = no,
                                .first_index = first_index,
                                .prev_term = prev_term,
                                .first_batch_no = wal->next_batch_no,
                                .segment_bytes = wal->segment_bytes};
    uint8_t block[WAL_BLOCK_BYTES];
    header_encode(&header, block);
    enum status status = vfs_write(file, 0, block, sizeof(block), diag);
    if (status == STATUS_OK) {
        status = vfs_sync(file, diag);
    }
    if (status == STATUS_OK) {
        status = vfs_sync_dir(wal->env->vfs, wal->dir, diag);
    }
    if (status != STATUS_OK) {
        diag_while(diag, "creating log segment %" PRIu64, no);
        vfs_close(file);
        return status;
    }
    struct wal_segment *segment = calloc(1, sizeof(*segment));
    ASSERT(segment != NULL);
    *segment = (struct wal_segment){
        .no = no, .first_index = first_index, .file = file, .ref_count = 1};
    mutex_lock(&wal->mu);
    wal__segment_push(wal, segment);
    mutex_unlock(&wal->mu);
    wal->next_block = 1;
    return STATUS_OK;
}

/* ---- blocks ---- */

static uint32_t
block_crc(const uint8_t *bytes, uint64_t block)
{
    return crc32c((uint32_t)block, bytes + 4, WAL_BLOCK_BYTES - 4);
}

void
wal__blocks_encode(struct buf *blocks, struct slice stream, uint64_t generation, uint64_t block,
                   uint64_t batch_no)
{
    size_t count = (stream.size + WAL_BLOCK_PAYLOAD_BYTES - 1) / WAL_BLOCK_PAYLOAD_BYTES;
    ASSERT(count > 0);
    buf_clear(blocks);
    uint8_t *at = buf_extend(blocks, count * WAL_BLOCK_BYTES);
    for (size_t i = 0; i < count; i++, at += WAL_BLOCK_BYTES) {
        size_t done = i * WAL_BLOCK_PAYLOAD_BYTES;
        size_t used = MIN(stream.size - done, (size_t)WAL_BLOCK_PAYLOAD_BYTES);
        unsigned flags = i == 0 ? (unsigned)WAL_BLOCK_FIRST : 0;
        flags |= i + 1 == count ? (unsigned)WAL_BLOCK_LAST : 0;
        put_u32(at + 4, (uint32_t)generation);
        put_u32(at + 8, (uint32_t)batch_no);
        put_u16(at + 12, (uint16_t)used);
        put_u16(at + 14, (uint16_t)flags);
        memcpy(at + WAL_BLOCK_HEADER_BYTES, stream.data + done, used);
        memset(at + WAL_BLOCK_HEADER_BYTES + used, 0, WAL_BLOCK_PAYLOAD_BYTES - used);
        put_u32(at, block_crc(at, block + i));
    }
}

static bool
all_zero(const uint8_t *bytes, size_t size)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

void
wal__block_decode(const uint8_t *bytes, uint64_t generation, uint64_t block,
                  struct wal_block_view *view_out)
{
    *view_out = (struct wal_block_view){.state = WAL_BLOCK_BAD};
    if (get_u32(bytes) != block_crc(bytes, block)) {
        /* A header that an older life of the file left in block 0 is never looked at here. */
        view_out->state = all_zero(bytes, WAL_BLOCK_BYTES) ? WAL_BLOCK_BLANK : WAL_BLOCK_BAD;
        return;
    }
    uint32_t stamp = get_u32(bytes + 4);
    unsigned used = get_u16(bytes + 12);
    if (stamp != (uint32_t)generation) {
        view_out->state = stamp < (uint32_t)generation ? WAL_BLOCK_OLD : WAL_BLOCK_BAD;
        return;
    }
    if (used == 0 || used > WAL_BLOCK_PAYLOAD_BYTES) {
        return;
    }
    view_out->state = WAL_BLOCK_GOOD;
    view_out->batch_no = get_u32(bytes + 8);
    view_out->flags = get_u16(bytes + 14);
    view_out->payload = slice_make(bytes + WAL_BLOCK_HEADER_BYTES, used);
}

/* ---- records ---- */

void
wal__record_encode(struct buf *stream, const struct wal_record *record)
{
    uint8_t *at = buf_extend(stream, WAL_RECORD_HEADER_BYTES);
    at[0] = (uint8_t)record->kind;
    at[1] = record->type;
    put_u16(at + 2, 0);
    put_u32(at + 4, (uint32_t)record->bytes.size);
    put_u64(at + 8, record->index);
    put_u64(at + 16, record->term);
    buf_append(stream, record->bytes.data, record->bytes.size);
}

enum status
wal__record_decode(struct reader *reader, struct wal_record *record_out, struct diag *diag)
{
    if (reader_left(reader) == 0) {
        return STATUS_NOT_FOUND;
    }
    uint8_t kind = read_u8(reader);
    record_out->type = read_u8(reader);
    (void)read_u16(reader);
    uint32_t size = read_u32(reader);
    record_out->index = read_u64(reader);
    record_out->term = read_u64(reader);
    record_out->bytes = read_slice(reader, size);
    record_out->kind = kind == WAL_RECORD_TRUNCATE ? WAL_RECORD_TRUNCATE : WAL_RECORD_ENTRY;
    if (reader->failed || kind < WAL_RECORD_ENTRY || kind > WAL_RECORD_TRUNCATE) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "a record of the log cannot be read");
    }
    return STATUS_OK;
}

/* ---- scanning ---- */

void
wal__scan_init(struct wal_scan *scan, struct vfs_file *file, uint64_t generation,
               uint64_t block, uint64_t batch_no, uint64_t file_blocks)
{
    *scan = (struct wal_scan){.file = file,
                              .generation = generation,
                              .block = block,
                              .batch_no = batch_no,
                              .file_blocks = file_blocks};
    scan->chunk = malloc(SCAN_CHUNK_BYTES);
    ASSERT(scan->chunk != NULL);
    buf_init(&scan->stream);
}

void
wal__scan_deinit(struct wal_scan *scan)
{
    free(scan->chunk);
    buf_deinit(&scan->stream);
}

/* The bytes of `block`; NULL behind the end. */
static enum status
block_at(struct wal_scan *scan, uint64_t block, const uint8_t **bytes_out, struct diag *diag)
{
    *bytes_out = NULL;
    if (block >= scan->file_blocks) {
        return STATUS_OK;
    }
    uint64_t held = scan->chunk_bytes / WAL_BLOCK_BYTES;
    if (held == 0 || block < scan->chunk_block || block >= scan->chunk_block + held) {
        TRY(vfs_read_some(scan->file, block * WAL_BLOCK_BYTES, scan->chunk, SCAN_CHUNK_BYTES,
                          &scan->chunk_bytes, diag));
        scan->chunk_block = block;
        held = scan->chunk_bytes / WAL_BLOCK_BYTES;
        if (held == 0) {
            return STATUS_OK;
        }
    }
    *bytes_out = scan->chunk + (block - scan->chunk_block) * WAL_BLOCK_BYTES;
    return STATUS_OK;
}

enum status
wal__scan_batch(struct wal_scan *scan, struct diag *diag)
{
    buf_clear(&scan->stream);
    for (uint64_t block = scan->block;; block++) {
        const uint8_t *bytes = NULL;
        TRY(block_at(scan, block, &bytes, diag));
        if (bytes == NULL) {
            return STATUS_NOT_FOUND;
        }
        struct wal_block_view view;
        wal__block_decode(bytes, scan->generation, block, &view);
        bool first = block == scan->block;
        if (view.state != WAL_BLOCK_GOOD || view.batch_no != (uint32_t)scan->batch_no ||
            ((view.flags & WAL_BLOCK_FIRST) != 0) != first) {
            return STATUS_NOT_FOUND;
        }
        buf_append(&scan->stream, view.payload.data, view.payload.size);
        if ((view.flags & WAL_BLOCK_LAST) != 0) {
            scan->block = block + 1;
            scan->batch_no++;
            return STATUS_OK;
        }
        if (scan->stream.size > WAL_BATCH_MAX) {
            return STATUS_NOT_FOUND;
        }
    }
}

enum status
wal__scan_tail(struct wal_scan *scan, bool *torn_out, bool *clean_out, struct diag *diag)
{
    *torn_out = *clean_out = true;
    for (uint64_t block = scan->block; block < scan->file_blocks; block++) {
        const uint8_t *bytes = NULL;
        struct wal_block_view view;
        TRY(block_at(scan, block, &bytes, diag));
        if (bytes == NULL) {
            break;
        }
        wal__block_decode(bytes, scan->generation, block, &view);
        /* A good block of the batch that should begin here: its write was not synced. One of a
         * later batch proves that it was: batches are written one after the other. */
        bool unsynced =
            view.state == WAL_BLOCK_GOOD && view.batch_no == (uint32_t)scan->batch_no;
        *clean_out = *clean_out && !unsynced;
        if (view.state == WAL_BLOCK_BAD || (view.state == WAL_BLOCK_GOOD && !unsynced)) {
            *torn_out = false;
        }
    }
    return STATUS_OK;
}
