/* wal.h: the Raft log of this member, in memory and in segments of data/wal/.
 *
 * Promises: entries become durable as a prefix, in groups: while one group is written and
 *           synced the next one fills. wal_durable_index() never counts an entry that was
 *           truncated. At open a torn tail (bytes of a write that was never synced) is cut;
 *           anything else that fails its check is STATUS_CORRUPT. Recent entries are in memory
 *           (bounded bytes), older ones are read from segments.
 * Does not: decide what is agreed, or look into entries.
 * Owns:     the segment files, its writer (a worker).  Borrows: env, dir.
 * Thread:   append, truncate, retain: one thread (the cluster loop). Reads, observers and
 *           wal_wait_durable(): any. Callbacks: the writer's thread.
 * Fails:    any failed write or sync latches damage: on_damage() is called once, nothing
 *           becomes durable after it.
 * See:      docs/format/log.md, docs/rules.md ("Damage").
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/env.h"
#include "base/slice.h"
#include "base/status.h"

#define WAL_SEGMENT_BYTES_MIN ((uint64_t)4 << 20)
#define WAL_SEGMENT_BYTES_DEFAULT ((uint64_t)16 << 20)
#define WAL_CACHE_BYTES_DEFAULT ((size_t)32 << 20)

struct wal;

/* An entry, immutable once appended; shared by count. */
struct wal_item {
    _Atomic(uint32_t) refs;
    uint8_t type; /* of the consensus core: command, barrier, change */
    uint64_t index, term;
    struct slice bytes;
    void *owned; /* what free() takes with the item; NULL: bytes lie behind the item */
};

/* One reference, index 0 (given by wal_append). */
struct wal_item *wal_item_copy(uint8_t type, uint64_t term, struct slice bytes);
/* Takes the memory of `bytes`, which is empty afterwards. */
struct wal_item *wal_item_take(uint8_t type, uint64_t term, struct buf *bytes);
struct wal_item *wal_item_ref(struct wal_item *item);
void wal_item_unref(struct wal_item *item);

struct wal_options {
    struct env *env;
    const char *dir;        /* made if missing */
    uint64_t segment_bytes; /* 0: default */
    size_t cache_bytes;     /* 0: default */
    uint64_t first_index;   /* of a log that is new */
    uint8_t marked_type;    /* see wal_marked() */
    void (*on_durable)(void *arg);
    void (*on_damage)(void *arg, const struct diag *diag);
    void *arg;
};

/* Reads the whole log; every segment is synced before this returns. */
MUST_CHECK enum status wal_open(const struct wal_options *options, struct wal **wal_out,
                                struct diag *diag);
MUST_CHECK enum status wal_start(struct wal *wal, struct diag *diag);
void wal_stop(struct wal *wal);  /* what was appended is durable then, or the log damaged */
void wal_close(struct wal *wal); /* takes wal, stopped; NULL is fine */

/* ---- the growing end ---- */
/* Takes item and numbers it last + 1. */
void wal_append(struct wal *wal, struct wal_item *item);
/* Lets the writer know of what was appended or truncated. */
void wal_flush(struct wal *wal);
/* Forgets `index` and all behind it; they were never agreed. */
void wal_truncate(struct wal *wal, uint64_t index);
/* Writes what was appended, on the calling thread. Before wal_start() only. */
MUST_CHECK enum status wal_write_now(struct wal *wal, struct diag *diag);
/* Drops everything and starts anew at `first_index`. Before wal_start() only. */
MUST_CHECK enum status wal_reset(struct wal *wal, uint64_t first_index, struct diag *diag);
/* Segments that hold only entries below `keep_index` may go while the log has more than
 * `keep_bytes` and a segment. */
void wal_retain(struct wal *wal, uint64_t keep_index, uint64_t keep_bytes);

/* ---- reading ---- */
/* Up to `count_max` entries from `index` on, as references; a run ends before an entry that is
 * not there, and after `bytes_max` bytes (but holds one entry at least).
 * STATUS_NOT_FOUND: index lies outside the log. */
MUST_CHECK enum status wal_read(struct wal *wal, uint64_t index, unsigned count_max,
                                size_t bytes_max, struct wal_item **items_out,
                                unsigned *count_out, struct diag *diag);
uint64_t wal_term_of(struct wal *wal, uint64_t index); /* 0: not there */
uint64_t wal_first_index(struct wal *wal);
uint64_t wal_last_index(struct wal *wal);
uint64_t wal_durable_index(struct wal *wal);
uint64_t wal_bytes(struct wal *wal); /* of its segments on disk */
bool wal_damaged(struct wal *wal);
/* STATUS_IO once damage is latched. */
MUST_CHECK enum status wal_wait_durable(struct wal *wal, uint64_t index, struct diag *diag);
/* Indexes of the entries of options.marked_type that are in the log, newest last; returns how
 * many were written to `indexes`, the newest when there are more than `count_max`. */
unsigned wal_marked(struct wal *wal, uint64_t *indexes, unsigned count_max);
