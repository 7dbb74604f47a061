/* pages.h: all pages of one node: slot files, page maps, buffer pool, checkpoints.
 *
 * Promises: a page changed under the rules below is in the next checkpoint whole or not at all;
 *           after a crash pages_open() shows exactly the newest complete checkpoint, with the
 *           meta bytes that its cut returned. Pages of a pinned root stay readable.
 *           Dirty pages may be evicted at any time; memory is bounded by pool_pages.
 * Rules:    1. pin, then latch; latches are taken in the order of the caller's structure.
 *           2. page_dirty() before the first change under an exclusive latch, inside the gate.
 *           3. nothing waits inside the gate (no lock, no I/O: a pin that misses answers
 *              STATUS_AGAIN when `in_gate`; leave the gate, pin again, enter again).
 *           4. spaces are made and dropped inside the gate.
 * Owns:     data/pages/ of the node.  Borrows: env.
 * Thread:   any; pages_checkpoint() one at a time.
 * Fails:    STATUS_IO and STATUS_CORRUPT latch the node as damaged (pages_damaged()): every
 *           later call fails; STATUS_LIMIT 53100 for a full disk, 53200 when every frame is
 *           pinned.
 * See:      storage/README.md, docs/format/pages.md.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/env.h"
#include "base/slice.h"
#include "base/status.h"
#include "storage/ids.h"

struct pages;
struct page; /* a pinned frame */

/* Checksum, space, page number, format; the rest is the owner's. */
#define PAGE_HEADER_BYTES 32

struct pages_options {
    struct env *env;
    const char *dir;    /* data/pages; made when missing */
    uint32_t page_size; /* 4096..32768, a power of 2; fixed at creation */
    uint32_t pool_pages;
    /* Both may be NULL. Damage was found: once, by any thread, perhaps under latches. */
    void (*on_damage)(void *arg, const struct diag *diag);
    /* What the space is, for messages: "heap of table 20000". No latch is taken after it. */
    void (*describe)(void *arg, struct space_id space, char *text, size_t size);
    void *arg;
};

/* What the newest root says; meta is borrowed until pages_root_forget(). */
struct root_info {
    bool found; /* false: a new directory */
    uint64_t applied_index, applied_term;
    struct slice meta;
};

MUST_CHECK enum status pages_open(const struct pages_options *options, struct pages **pages_out,
                                  struct root_info *root_out, struct diag *diag);
void pages_root_forget(struct pages *pages);
/* Without a checkpoint: what was not checkpointed is gone, as in a crash. Takes pages. */
void pages_close(struct pages *pages);
uint32_t pages_page_size(const struct pages *pages);
bool pages_damaged(const struct pages *pages);

/* ---- the gate: writers and apply hold it shared, a cut closes it for an instant ---- */
void gate_enter(struct pages *pages);
void gate_leave(struct pages *pages);
bool gate_held(struct pages *pages); /* by this thread, shared or closed: for assertions */
/* Waits until all left, keeps others out. Between close and open the caller is alone. */
void gate_close(struct pages *pages);
void gate_open(struct pages *pages);

/* ---- spaces ---- */
struct space_id space_create(struct pages *pages); /* inside the gate; no pages yet */
/* Inside the gate, nobody uses it any more. Its slots are free once no root needs them. */
void space_drop(struct pages *pages, struct space_id space);
uint32_t space_page_count(struct pages *pages, struct space_id space);
uint64_t space_bytes(struct pages *pages, struct space_id space); /* on disk, for accounting */
/* Drops pages from `page_count` on; inside the gate, none of them pinned. */
void space_truncate(struct pages *pages, struct space_id space, uint32_t page_count);

/* ---- pages ---- */
enum pin_flags {
    PIN_IN_GATE = 1, /* the caller is inside the gate: STATUS_AGAIN instead of I/O */
    PIN_SCAN = 2,    /* a large scan: do not push the hot pages out */
};

MUST_CHECK enum status page_pin(struct pages *pages, struct space_id space, struct page_no no,
                                unsigned flags, struct page **page_out, struct diag *diag);
/* Appends a zeroed page; pinned, latched exclusive and dirty. Inside the gate. STATUS_AGAIN
 * when no frame can be had without I/O: leave, call pages_make_room(), enter, try again. */
MUST_CHECK enum status page_append(struct pages *pages, struct space_id space,
                                   struct page_no *no_out, struct page **page_out,
                                   struct diag *diag);
MUST_CHECK enum status pages_make_room(struct pages *pages, struct diag *diag);
void page_unpin(struct page *page); /* takes page; NULL is fine; not latched any more */
void page_ref(struct page *page);   /* one more pin */
void page_latch_shared(struct page *page);
void page_latch_exclusive(struct page *page);
bool page_try_latch_exclusive(struct page *page);
void page_unlatch(struct page *page); /* of either kind */
/* Under the exclusive latch, inside the gate, before the first change. If the page belongs to
 * the epoch of a running checkpoint its image is set aside first. */
void page_dirty(struct page *page);
/* The whole page; the owner's part begins at PAGE_HEADER_BYTES. Borrowed while pinned. */
uint8_t *page_data(struct page *page);
struct page_no page_number(const struct page *page);
/* True when the caller's is the only pin: vacuum may move bytes (under the exclusive latch). */
bool page_only_mine(const struct page *page);

/* ---- checkpoints ---- */
/* Runs with the gate closed, no I/O, no waiting: fills what the root will say. */
typedef void (*checkpoint_cut_fn)(void *arg, uint64_t *applied_index_out,
                                  uint64_t *applied_term_out, struct buf *meta_out);
/* Asked before the root is written (rule 10): is the local log durable through `index`? May
 * wait. */
typedef enum status (*checkpoint_log_fn)(void *arg, uint64_t index, struct diag *diag);

struct checkpoint_result {
    uint64_t applied_index;
    uint64_t page_count, bytes_written;
    int64_t gate_closed_ns, total_ns;
};

MUST_CHECK enum status pages_checkpoint(struct pages *pages, checkpoint_cut_fn cut,
                                        checkpoint_log_fn log_durable, void *arg,
                                        struct checkpoint_result *result_out,
                                        struct diag *diag);

struct pages_stats {
    uint64_t hits, reads, writes, evictions, checkpoints;
    uint64_t pool_pages, used_pages, dirty_pages, slot_count, slot_free_count;
};
void pages_stats(struct pages *pages, struct pages_stats *stats_out);

/* Checks maps, slots and (deep) every page's checksum; false logs the clause that broke. */
bool pages_check(struct pages *pages, bool deep, struct diag *diag);
