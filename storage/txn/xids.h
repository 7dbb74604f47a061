/* xids.h: what became of each xid of this node: running, aborted, or committed at a CSN.
 *
 * Promises: reads take no lock. An entry changes once, from running to its end. Entries are
 *           checkpointed; what a checkpoint found running is aborted after a restart. Memory is
 *           8 bytes for each xid that was not cut (xids_cut(), xid_horizon.c).
 * Does not: know who runs (txn.c).
 * Thread:   reads any; xids_assign any; xids_set by the ender, inside the gate.
 * See:      docs/format/store_meta.md.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/codec.h"
#include "base/lock.h"
#include "storage/page/pages.h"

#include <stdatomic.h>

#define XIDS_PER_CHUNK 4096u
#define XIDS_CHUNKS_PER_GROUP 4096u
#define XIDS_GROUPS ((size_t)1 << 20) /* 2^44 xids: 55 years at 10,000 a second */

/* Values of an entry. */
#define XID_VALUE_RUNNING 0u
#define XID_VALUE_ABORTED 1u
#define XID_VALUE_COMMITTED(csn) ((csn) + 1) /* a CSN is at least 1 */

struct xid_chunk {
    _Atomic(uint64_t) values[XIDS_PER_CHUNK];
    _Atomic(bool) dirty;     /* since it was last copied to pages */
    struct xid_chunk *spare; /* the next one, once this one is spare */
};
struct xid_group {
    _Atomic(struct xid_chunk *) chunks[XIDS_CHUNKS_PER_GROUP];
};

struct xids {
    _Atomic(uint64_t) next;   /* first xid never given out */
    _Atomic(uint64_t) oldest; /* below it every xid counts as committed before all snapshots */
    _Atomic(uint64_t) ended;  /* every xid below it has ended; lags behind */
    struct mutex grow_mu;     /* XID_TABLE */
    struct space_id space;    /* pages of the table; changed by xids_flush only */
    bool has_space;
    uint64_t space_first; /* xid of the space's first entry; a multiple of XIDS_PER_CHUNK */
    _Atomic(struct xid_group *) *groups;
    struct xid_chunk *spare; /* under grow_mu: cut, to be used again */
    uint64_t chunk_count;    /* under grow_mu: chunks in memory, spare ones included */
};

void xids_init(struct xids *xids);
void xids_deinit(struct xids *xids);
/* The next xid, running. */
struct xid xids_assign(struct xids *xids);
void xids_set(struct xids *xids, struct xid xid, uint64_t value);
uint64_t xids_get(const struct xids *xids, struct xid xid);
/* The first xid that may still be running: all below it have ended. */
struct xid xids_first_running(struct xids *xids);
/* No page carries an unstamped xid below `oldest` any more: forgets them. All have ended. Not
 * beside xids_flush(). */
void xids_cut(struct xids *xids, struct xid oldest);

/* Before a checkpoint, outside the gate: copies chunks that changed to the pages. */
MUST_CHECK enum status xids_flush(struct xids *xids, struct pages *pages, struct diag *diag);
/* At the cut, gate closed: what is not in the pages yet. Load is the inverse, at open. */
void xids_save(struct xids *xids, struct buf *meta_out);
MUST_CHECK enum status xids_load(struct xids *xids, struct pages *pages, struct reader *meta,
                                 struct diag *diag);
