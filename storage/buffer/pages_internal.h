/* pages_internal.h: what stands behind struct pages; for storage/buffer and storage/checkpoint.
 *
 * Threads: the checkpoint owns `record`, `directory_bytes`, `meta_bytes`; `aside` has its lock;
 *          `epoch` and `cut_epoch` change only with the gate closed (cut_epoch goes back to 0
 *          with the gate open: then no page of the cut's epoch is left).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/vfs.h"
#include "storage/buffer/gate.h"
#include "storage/buffer/pool.h"
#include "storage/page/page_format.h"
#include "storage/page/root.h"
#include "storage/page/spaces.h"

#define WRITE_BATCH_MAX SLOT_RUN_MAX /* pages written out in one go */

struct aside { /* an old image that the running checkpoint has still to write */
    struct aside *next;
    uint64_t key, epoch;
    uint8_t data[];
};

struct staging { /* memory for one batch on its way to disk */
    struct staging *next;
    _Alignas(64) uint8_t data[];
};

struct pages {
    struct env *env;
    char *dir;
    uint32_t page_size;
    atomic_bool damaged;
    struct pages_options options; /* its functions; dir is not kept here */
    struct mutex run_mu;          /* guards running */
    struct cond run_over;         /* running became false */
    bool running;                 /* a checkpoint or a check is: one at a time */
    struct slots slots;
    struct spaces spaces;
    struct pool pool;
    struct gate gate;
    _Atomic(uint64_t) epoch, cut_epoch; /* cut_epoch 0: no checkpoint in flight */
    struct mutex aside_mu;              /* guards aside and staging */
    struct aside *asides;
    _Atomic(uint32_t) aside_count;
    uint32_t aside_max;
    struct staging *staging;
    _Atomic(uint64_t) read_count, write_count, checkpoint_count;
    /* the checkpoint's: */
    struct root_file root;
    struct root_record record; /* the newest durable one; sequence 0: none */
    struct buf directory_bytes, meta_bytes;
    struct buf meta_spare; /* memory for the next cut's meta bytes */
    struct buf root_meta;  /* until pages_root_forget() */
};

/* Latches damage for STATUS_IO and STATUS_CORRUPT; returns `status`. */
enum status pages__note(struct pages *pages, enum status status, struct diag *diag);
MUST_CHECK enum status pages__refuse_damaged(struct pages *pages, struct diag *diag);

/* Writes those of `list` (each pinned; unpins all) that were changed in `epoch_max` or before.
 * `wait`: also those that are latched or being written by another; else they are left. */
MUST_CHECK enum status pages__write_out(struct pages *pages, struct page **list, unsigned count,
                                        uint64_t epoch_max, bool wait, struct diag *diag);
/* Writes one image that is not in the pool. */
MUST_CHECK enum status pages__write_image(struct pages *pages, uint64_t key, uint64_t epoch,
                                          uint8_t *image, struct diag *diag);
/* Keeps a copy of the page as it is, for the checkpoint. */
void pages__set_aside(struct pages *pages, uint64_t key, uint64_t epoch, const uint8_t *data);
/* Takes all that was set aside; the caller frees each. */
struct aside *pages__take_asides(struct pages *pages);
struct staging *pages__borrow_staging(struct pages *pages);
void pages__return_staging(struct pages *pages, struct staging *staging);
void pages__begin_run(struct pages *pages); /* waits for the other checkpoint or check */
void pages__end_run(struct pages *pages);
/* Forgets frames of pages [from, to) of a space; inside the gate, nobody pins them. */
void pages__discard(struct pages *pages, uint32_t space, uint32_t from, uint32_t to);
