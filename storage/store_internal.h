/* store_internal.h: the parts of a store, for storage/ only.
 *
 * Lock order: table_locks.mu, row_locks.mu, txns.mu, sequences, objects.mu, gate, page latches,
 * state_mu. No mutex is held while waiting for the gate; state_mu is a leaf.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/list.h"
#include "storage/store.h"
#include "storage/txn/gtids.h"
#include "storage/txn/objects.h"
#include "storage/txn/parts.h"
#include "storage/txn/xids.h"

#define OBJECT_BUCKETS 4096u
#define TXN_BUCKETS 1024u
#define STRONG_COUNTERS 1024u
#define TABLE_LOCK_BUCKETS 1024u
#define ROW_LOCK_BUCKETS 16384u
#define ROW_LOCKS_MAX ((uint64_t)4 << 20) /* beyond: 53200 */
#define XIDS_KEPT_MAX ((uint64_t)8 << 20) /* 64 MiB of outcomes */

struct object;     /* objects.c */
struct lock_entry; /* locks.c */
struct lock_holder;

struct objects {
    struct mutex mu;           /* OBJECTS */
    _Atomic(uint64_t) version; /* rises with each change that a cached view could miss */
    struct object *buckets[OBJECT_BUCKETS]; /* guarded by mu */
    unsigned object_count, garbage_count;   /* guarded by mu; garbage: to be collected */
    struct view_cache *apply_views;         /* apply only */
};

struct txns {
    struct mutex mu; /* TXN */
    /* guarded by mu */
    struct txn *by_number[TXN_BUCKETS]; /* those with a gtid */
    struct txn *free;
    uint64_t next_number;
    struct list writers; /* transactions with an xid, until they are released */
    /* every txn struct ever made; pushed under mu, walked by anyone (rule 7) */
    _Atomic(struct txn *) all;
};

/* One of two: tables by id, rows by (table, row). */
struct lock_table {
    struct mutex mu;
    const uint16_t *conflicts; /* by mode: bits of the modes it cannot stand */
    struct lock_entry **buckets;
    unsigned bucket_count; /* a power of 2 */
    uint64_t held_count, held_max;
    struct lock_entry *free_entries; /* kept for reuse */
    struct lock_holder *free_holders;
    _Atomic(uint32_t) *used; /* entries in the bucket: read without mu */
};

struct store {
    struct env *env;
    struct pages *pages;
    struct store_options options;

    struct xids xids;
    struct objects objects;
    struct txns txns;
    struct lock_table table_locks, row_locks;
    /* tables that someone wants or holds in a strong mode, by hash: weak lockers look first */
    _Atomic(uint32_t) strong[STRONG_COUNTERS];
    struct mutex sequences_mu; /* SEQUENCES: ranges and marks of all sequences */
    uint64_t deadlock_walks;   /* under all three lock mutexes */

    _Atomic(uint64_t) visible_csn; /* published last (rule 6); pairs with txn_take_snapshot */
    _Atomic(uint64_t) catalog_csn; /* published just before it; see sql/transaction.c */
    _Atomic(uint64_t) writer_term; /* 0: writers are refused (rules 3 and 5) */
    _Atomic(bool) damaged;
    _Atomic(int64_t) applied_commit_time_us;

    struct mutex state_mu; /* LEAF: what moves together at the end of an entry */
    /* guarded by state_mu; written by apply */
    uint64_t applied_index, applied_term;
    uint64_t newest_term; /* of the entry being applied: admits no writers of an older one */
    struct hash128 hash;
    struct gtids gtids;
    struct parts parts;

    _Atomic(uint64_t) checkpoint_index; /* of the newest durable root */
    _Atomic(uint64_t) checkpoint_needs; /* oldest log index that root needs (parts); 0: none */
    _Atomic(bool) checkpoint_running;
    uint64_t cut_index, cut_needs; /* of the checkpoint in flight */
    uint64_t xids_kept_max;        /* tables with older xids ask for a vacuum */
    struct {                       /* the checkpoint's: see store__forget_xids() */
        uint64_t oldest;           /* 0: nothing proposed */
        uint64_t after;            /* CSN that every snapshot must have passed */
    } xid_cut;
    struct gtids_image gtids_image; /* the checkpoint's */

    store_propose_fn propose;
    void *propose_arg;
    struct apply_scratch *apply;  /* store_apply.c: buffers kept between entries */
    _Atomic(bool) growth_refused; /* the disk is nearly full */
};

/* Everything at or below this CSN is the past of every snapshot: versions that ended there can
 * go (rule 7). */
struct csn store_horizon(struct store *store);
/* Latches the node as damaged: divergence, corruption. */
enum status store_damage(struct store *store, enum status status, struct diag *diag);

/* Cuts the table of xids where no page and no reader can need it. Before each checkpoint. */
void store__forget_xids(struct store *store);

/* Ships redo as TXN_PART entries when it has grown large. Outside the gate, no latch held; call
 * it after each change. Cheap when there is nothing to do. */
MUST_CHECK enum status txn_ship_if_large(struct txn *txn, struct diag *diag);

/* 53100 while growth is refused. */
MUST_CHECK enum status store__check_growth(struct store *store, struct diag *diag);
