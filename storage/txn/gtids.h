/* gtids.h: which transactions the log committed lately: gtid -> CSN.
 *
 * Promises: the same on every node at the same applied index: it forgets as a function of the
 *           log only (the last GTIDS_INDEX_WINDOW indexes, at most GTIDS_MAX records), and
 *           keeps the newest term it ever forgot.
 * Thread:   none of its own; the caller's mutex (store.state_mu).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/codec.h"
#include "base/status.h"
#include "storage/ids.h"

#define GTIDS_MAX 65536u /* a power of 2 */
#define GTIDS_INDEX_WINDOW 65536u

struct gtid_entry {
    struct gtid gtid;
    uint64_t csn;
};

struct gtids {
    struct gtid_entry *ring; /* GTIDS_MAX */
    uint64_t first, count;   /* position of the oldest, counted from the first ever */
    uint64_t newest_pruned_term;
};

void gtids_init(struct gtids *gtids);
void gtids_deinit(struct gtids *gtids);
void gtids_add(struct gtids *gtids, struct gtid gtid, struct csn csn);
/* Forgets what fell out of the window of log indexes that ends at `applied`. */
void gtids_prune(struct gtids *gtids, uint64_t applied);
bool gtids_find(const struct gtids *gtids, struct gtid gtid, struct csn *csn_out);

/* A table on its way to a checkpoint, encoded a piece at a time while it changes. */
struct gtids_image {
    struct buf bytes;
    uint64_t begin, end; /* positions encoded; some may be forgotten by now */
    struct gtid_entry last;
};

#define GTIDS_IMAGE_INIT ((struct gtids_image){0})
void gtids_image_deinit(struct gtids_image *image);
/* Encodes up to `count` more entries; true: that was all there are now. */
bool gtids_image_add(struct gtids_image *image, const struct gtids *gtids, uint64_t count);
/* What the image lacks, and all of it to `out`. */
void gtids_save(struct gtids_image *image, const struct gtids *gtids, struct buf *out);
/* `applied`: the index at which it was saved. */
MUST_CHECK enum status gtids_load(struct gtids *gtids, uint64_t applied, struct reader *in,
                                  struct diag *diag);
