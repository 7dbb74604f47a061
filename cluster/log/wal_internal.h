/* wal_internal.h: the insides of the log, for this folder only.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/codec.h"
#include "base/env.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/vfs.h"
#include "base/worker.h"
#include "cluster/log/wal.h"

#define WAL_BLOCK_BYTES 512U
#define WAL_BLOCK_HEADER_BYTES 16U
#define WAL_BLOCK_PAYLOAD_BYTES (WAL_BLOCK_BYTES - WAL_BLOCK_HEADER_BYTES)
#define WAL_RECORD_HEADER_BYTES 24U
#define WAL_BATCH_BYTES ((size_t)1 << 20) /* a group is closed when it has that much */
#define WAL_BATCH_MAX ((size_t)3 << 20)   /* with the entry that closed it and headers */
#define WAL_MARKER_GAP_BYTES (32U << 10)
#define WAL_MAGIC "RDBWAL01"

enum wal_block_flag { WAL_BLOCK_FIRST = 1, WAL_BLOCK_LAST = 2 };
enum wal_record_kind { WAL_RECORD_ENTRY = 1, WAL_RECORD_TRUNCATE = 2 };

struct wal_segment {
    uint64_t no; /* also the generation of its blocks */
    uint64_t first_index;
    struct vfs_file *file;
    unsigned ref_count; /* guarded by mu; the list has one */
};

/* Where to begin to look for an entry: the first entry at or behind `block` is `index`. */
struct wal_marker {
    uint64_t index, segment_no, block;
    bool rewrite; /* entries from here on replace some that lie before it */
};

struct wal_term_run {
    uint64_t first_index, term;
};

struct wal_record {
    enum wal_record_kind kind;
    uint8_t type;
    uint64_t index, term;
    struct slice bytes;
};

/* What one write and one sync make durable. */
struct wal_group {
    uint64_t truncate_from; /* 0: no */
    uint64_t prev_term;     /* of the entry before what this group changes */
    uint64_t first, last;   /* entries; last < first: none */
};

struct wal {
    struct env *env;
    char *dir;
    uint64_t segment_bytes;
    size_t cache_bytes;
    void (*on_durable)(void *arg);
    void (*on_damage)(void *arg, const struct diag *diag);
    void *arg;
    struct worker *writer;

    struct mutex mu;
    struct cond durable_changed;
    /* guarded by mu */
    uint64_t first_index, last_index, durable_index;
    uint64_t write_next;    /* first entry that no group has taken */
    uint64_t truncate_from; /* to be told to the disk before anything else; 0: nothing */
    bool damaged;
    struct diag damage;
    struct wal_item **ring; /* entries [cache_first, last_index], at index % capacity */
    uint64_t ring_capacity, cache_first;
    size_t cached_bytes;
    struct wal_term_run *runs;
    size_t run_count, run_capacity;
    struct wal_segment **segments; /* oldest first; the last one grows */
    size_t segment_count, segment_capacity;
    struct wal_marker *markers;
    size_t marker_count, marker_capacity;
    uint64_t keep_index, keep_bytes;
    uint8_t marked_type;
    uint64_t *marked; /* indexes of entries of marked_type */
    size_t marked_count, marked_capacity;
    bool rewriting; /* the next marker begins what a truncation rewrote */

    /* writer's thread (and open) */
    uint64_t next_block; /* of the last segment */
    uint64_t next_batch_no;
    struct buf stream, blocks;
    struct vfs_file *spare;  /* a zeroed file to become the next segment */
    uint64_t spare_bytes;    /* zeroed so far */
    struct wal_item **group; /* entries being written */
    bool written;            /* the group is written, and not yet synced */
    struct wal_group written_group;
    uint64_t written_block;
    size_t group_count, group_capacity;
};

/* ---- wal_format.c ---- */
void wal__segment_path(const struct wal *wal, uint64_t no, char *path, size_t size);
MUST_CHECK enum status wal__segment_create(struct wal *wal, uint64_t first_index,
                                           uint64_t prev_term, struct diag *diag);
struct wal_header {
    uint64_t segment_no, first_index, prev_term, first_batch_no, segment_bytes;
};
/* STATUS_NOT_FOUND: not a header (a new segment that was never finished). */
MUST_CHECK enum status wal__header_read(struct vfs_file *file, struct wal_header *header_out,
                                        struct diag *diag);
/* Cuts the stream into blocks from `block` on. */
void wal__blocks_encode(struct buf *blocks, struct slice stream, uint64_t generation,
                        uint64_t block, uint64_t batch_no);
enum wal_block_state { WAL_BLOCK_GOOD, WAL_BLOCK_BLANK, WAL_BLOCK_OLD, WAL_BLOCK_BAD };
struct wal_block_view {
    enum wal_block_state state;
    uint32_t batch_no; /* low bits */
    unsigned flags;
    struct slice payload;
};
void wal__block_decode(const uint8_t *bytes, uint64_t generation, uint64_t block,
                       struct wal_block_view *view_out);
void wal__record_encode(struct buf *stream, const struct wal_record *record);
/* STATUS_NOT_FOUND at the end. */
MUST_CHECK enum status wal__record_decode(struct reader *reader, struct wal_record *record_out,
                                          struct diag *diag);

/* Reads batches one after the other. */
struct wal_scan {
    struct vfs_file *file;
    uint64_t generation, block, batch_no;
    uint64_t file_blocks;
    uint64_t chunk_block;
    size_t chunk_bytes;
    uint8_t *chunk;
    struct buf stream; /* of the batch last read */
};
void wal__scan_init(struct wal_scan *scan, struct vfs_file *file, uint64_t generation,
                    uint64_t block, uint64_t batch_no, uint64_t file_blocks);
void wal__scan_deinit(struct wal_scan *scan);
/* STATUS_NOT_FOUND where no whole batch begins; scan->block stays there. */
MUST_CHECK enum status wal__scan_batch(struct wal_scan *scan, struct diag *diag);
/* After it: true when all that follows is what an unsynced write or an older life of the
 * segment may leave behind. `clean_out`: nothing of an unsynced write is among it. */
MUST_CHECK enum status wal__scan_tail(struct wal_scan *scan, bool *torn_out, bool *clean_out,
                                      struct diag *diag);

/* ---- wal_open.c, wal.c, wal_writer.c ---- */
void wal__cache_push(struct wal *wal, struct wal_item *item); /* takes item */
void wal__cache_evict(struct wal *wal);
void wal__cache_truncate(struct wal *wal, uint64_t index);
void wal__run_push(struct wal *wal, uint64_t index, uint64_t term);
void wal__runs_truncate(struct wal *wal, uint64_t index);
uint64_t wal__term_of(const struct wal *wal, uint64_t index);
void wal__cache_drop_below(struct wal *wal, uint64_t index);
/* Keeps it if it is far enough from the one before. */
void wal__marker_push(struct wal *wal, struct wal_marker marker);
void wal__note_type(struct wal *wal, const struct wal_item *item);
void wal__types_truncate(struct wal *wal, uint64_t index);
void wal__markers_truncate(struct wal *wal, uint64_t index);
void wal__segment_push(struct wal *wal, struct wal_segment *segment);
void wal__segment_unref(struct wal *wal, struct wal_segment *segment);
bool wal__write_step(void *arg);
void wal__forget_group(struct wal *wal);
void wal__latch_damage(struct wal *wal, const struct diag *diag);
