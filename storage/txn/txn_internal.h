/* txn_internal.h: the insides of a transaction, for storage/ only.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/store_internal.h"
#include "storage/txn/locks.h"

#define FAST_LOCKS 16u  /* weak table locks kept in the transaction */
#define VIEWS_CACHED 8u /* table views remembered */
#define REDO_CHUNK_BYTES                                                                       \
    ((size_t)960 << 10)     /* a part; leaves room for its head in an entry                    \
                             */
#define REDO_SHIP_CHUNKS 4u /* more than this is shipped before the commit */
#define TXN_STATE_KILLED 4  /* ABORTED by a newer term; the session must end it */

/* One xid of the transaction. Tail entries belong to the deeper savepoints. */
struct txn_xid {
    struct xid xid;
    uint64_t number; /* savepoint number in the redo; 0: top */
    unsigned depth;
};

/* A savepoint that is on the stack. levels[0] is the transaction itself. */
struct txn_level {
    uint64_t name;   /* what txn_savepoint() returned */
    uint64_t number; /* in the redo; a fresh one after each ROLLBACK TO */
    struct xid xid;  /* 0: wrote nothing yet */
};

/* What the transaction adds to a body when it commits. */
struct txn_delta {
    struct body *body;
    struct hash128 hash;
    int64_t rows;
    unsigned depth;
};

struct ddl_item {
    struct generation *generation;
    bool dropped; /* else made */
    struct xid xid;
    unsigned depth;
};

struct ddl_list {
    struct ddl_item *items;
    size_t count, capacity;
};

enum view_mode { VIEW_READ, VIEW_WRITE, VIEW_APPLY };

struct view_cache {
    struct cached_view {
        struct object_id id;
        enum view_mode mode;
        bool settled; /* nothing about the table is undecided */
        uint64_t version, snapshot, xid;
        struct table_view view;
        unsigned capacity;
    } views[VIEWS_CACHED];
    unsigned next;
};

/* Somebody asleep until a transaction ends. Lives on the sleeper's stack; under txns.mu. */
struct end_wait {
    struct list link;
    struct txn *sleeper;
};

struct fast_lock {
    _Atomic(uint64_t) word; /* table id << 8 | 1 << mode, modes joined; 0: free */
    unsigned depth;         /* the owner's: savepoint depth at which it was taken */
};

struct txn {
    /* ---- read by anyone ---- */
    struct store *store;
    struct txn *all_next;        /* set once */
    _Atomic(int) state;          /* enum txn_state, or TXN_STATE_KILLED */
    _Atomic(uint64_t) announced; /* lowest CSN that its snapshot may be; 0: none (rule 7) */
    _Atomic(uint64_t) term;      /* 0: no write and no lock yet (rule 1) */
    struct fast_lock fast[FAST_LOCKS];
    _Atomic(unsigned) fast_count; /* slots ever used in this life */
    _Atomic(bool) has_end_waiters;

    /* ---- the session's ---- */
    bool in_use;
    enum isolation isolation;
    bool read_only, has_snapshot, has_ddl;
    struct waiter *waiter;
    int64_t lock_timeout_ns;
    uint64_t snapshot;
    uint32_t command;
    struct txn_level *levels;
    unsigned depth, level_capacity; /* levels[depth] is the innermost */
    uint64_t last_name, last_number;
    struct txn_xid *xids; /* rising; changed inside the gate and under txns.mu */
    size_t xid_count, xid_capacity;
    struct txn_delta *deltas;
    size_t delta_count, delta_capacity;
    struct ddl_list ddl;
    struct view_cache views;

    /* redo: chunks[0..chunk_count) are full, redo is growing */
    struct buf redo;
    struct buf *chunks;
    size_t chunk_count, chunk_capacity;
    uint64_t redo_number;   /* savepoint number last said in redo */
    struct buf rolled_back; /* varints */
    uint64_t *part_indexes; /* under txns.mu: apply adds */
    size_t part_count, part_capacity;
    bool shipped;     /* a part was proposed: it may be in the log whatever the answer was */
    bool ship_failed; /* ... and the answer was not yes: it must not be sent again */

    /* ---- under txns.mu ---- */
    struct gtid gtid; /* number 0: none yet */
    struct txn *number_next;
    struct list running_link; /* txns.writers, from the first xid on */
    bool in_running;
    struct list end_waiters;
    struct txn *free_next;
    txn_done_fn done;
    void *done_arg;

    /* ---- waits-for graph; under all three lock mutexes to read, under one to write ---- */
    struct txn *waits_for;         /* txns.mu: sleeps until that one ends */
    struct lock_request *requests; /* the lock it queues for, or NULL; that lock table's mu */
    bool sleeps;                   /* deadlock_check() let it: its edges are in the graph */
    uint64_t walk_mark;            /* of the deadlock walk */
    struct txn *walk_next;

    struct list table_locks; /* holders; table_locks.mu */
    struct list row_locks;   /* holders; row_locks.mu */
};

/* ---- txn.c ---- */
bool txn__alive(const struct txn *txn); /* RUNNING or SUBMITTED: its locks count */
/* 40001 when a newer term or a demotion ended it; assigns the term when it has none. */
MUST_CHECK enum status txn__claim_term(struct txn *txn, struct diag *diag);
MUST_CHECK enum status txn__killed(struct diag *diag);
/* Locks go, sleepers wake, the transaction leaves the tables. Any thread; not in the gate. */
void txn__release(struct txn *txn);
void txn__wake_end_waiters(struct txn *txn);
/* Rule 4: gate closed. Collects the submitted ones that it aborted into `out` (a list by
 * free_next); the caller releases them and calls done. */
void txn__abort_older_terms(struct store *store, uint64_t term, struct txn **submitted_out);
void txn__wake_everyone(struct store *store);
void txns_init(struct store *store);
void txns_deinit(struct store *store);
/* The submitted transaction of this gtid, or NULL; txns.mu held. */
struct txn *txn__by_number(struct store *store, uint64_t number);
int64_t txn__deadline(const struct txn *txn);

/* ---- redo.c ---- */
struct hash128 row_hash(struct object_id table, struct row_id row, struct slice tuple);
void txn__delta(struct txn *txn, struct body *body, struct hash128 hash, int64_t rows);
MUST_CHECK enum status txn__ship_all_but_tail(struct txn *txn, struct diag *diag);
void redo_reset(struct txn *txn);
void redo_free(struct txn *txn);

/* ---- objects.c ---- */
void objects_init(struct store *store);
void objects_deinit(struct store *store);
void ddl_add(struct ddl_list *list, struct generation *generation, bool dropped, struct xid xid,
             unsigned depth);
/* In the last step of an entry, objects.mu and state_mu held: what the list did is true from
 * csn on; returns by how much the sum of all hashes falls (dropped bodies). */
struct hash128 ddl_commit(struct store *store, struct ddl_list *list, struct csn csn);
/* Undoes items from `first` on; takes objects.mu. */
void ddl_undo(struct store *store, struct ddl_list *list, size_t first);
void objects_save(struct store *store, struct buf *out);
MUST_CHECK enum status objects_load(struct store *store, struct reader *in, struct diag *diag);
void view_cache_free(struct view_cache *cache);
/* Current generation for a sequence: newest, as a writer sees it. objects.mu held. */
struct generation *objects__find(struct store *store, struct txn *txn, struct xid xid,
                                 enum view_mode mode, struct object_id id);
MUST_CHECK enum status objects_create_sequence(struct store *store, struct txn *txn,
                                               struct xid xid, struct object_id id,
                                               struct slice definition, int64_t last,
                                               struct diag *diag);
void objects__foreach(struct store *store, void (*each)(void *arg, struct generation *),
                      void *arg);

struct ddl_list *store__apply_ddl(struct store *store); /* store_apply.c */

/* ---- sequences.c ---- */
void sequence_state_delete(struct sequence_state *state); /* NULL is fine */
/* NULL: unreadable. */
struct sequence_state *sequence_state_new(struct slice definition, int64_t value);
void sequence_state_save(const struct sequence_state *state, struct buf *out);
/* `definition` as in the generation. */
struct sequence_state *sequence_state_load(struct slice definition, struct reader *in);
/* At submit: the final state of the sequences that this transaction made, as effects. */
void sequences_log_final(struct txn *txn);
/* An applied mark. Inside the gate. */
void sequence_raise(struct store *store, const struct sequence_mark *mark);
/* EFFECT_SEQUENCE_SET at apply. Inside the gate. */
MUST_CHECK enum status sequence_apply_set(struct store *store, struct xid xid,
                                          const struct effect *effect, struct diag *diag);
/* The built-in sequence of object ids; at open of an empty store. */
void sequences_create_builtin(struct store *store);

/* ---- locks.c ---- */
void locks_init(struct store *store);
void locks_deinit(struct store *store);
void locks__release(struct txn *txn, unsigned depth); /* taken at that depth or deeper */
void locks__move_up(struct txn *txn, unsigned depth); /* RELEASE SAVEPOINT */
/* 40P01 when `txn`, about to sleep, would close a cycle of sleepers; else it is one from here
 * on, until it clears `sleeps`. Takes the three mutexes. */
MUST_CHECK enum status deadlock_check(struct txn *txn, struct diag *diag);
/* Names the reason why a sleep ended: 57014 or 55P03; STATUS_OK for woken. */
MUST_CHECK enum status txn__woken(struct txn *txn, enum status status, struct diag *diag);
/* Sleeps until `owner` (alive, found under txns.mu, which is held and given up) ended or the
 * sleeper is woken otherwise. */
MUST_CHECK enum status txn__sleep_until_end(struct txn *txn, struct txn *owner,
                                            int64_t deadline_ns, struct diag *diag);
