/* locks.c: see locks.h.
 *
 * Two lock tables (by table id, by row) with one mechanism: an entry has holders and a queue in
 * order. Whoever releases hands the lock on to the first of the queue that it fits. In front of
 * the table locks stands a fast path: the three weak modes, which do not conflict with each
 * other, are noted in the transaction itself unless `strong` says that someone wants or holds a
 * strong mode on a table of that hash.
 *
 *     weak                              strong
 *     note in own slot                  strong[h]++
 *     strong[h] == 0? then it is held   look at every transaction's slots, wait for their ends
 * One of the two sees the other: all these accesses are sequentially consistent, as are
 * clearing a slot and looking at has_end_waiters against setting that and looking at the slot
 * again.
 *
 * Locks of a transaction that is not alive count for nothing: rule 4 ends it by its state, the
 * memory goes when its session comes by.
 * SPDX-License-Identifier: Apache-2.0 */
#include "storage/txn/locks.h"

#include "base/errors.h"
#include "storage/txn/txn_internal.h"

#include <stdlib.h>

struct lock_entry {
    uint32_t table;
    uint64_t row; /* 0: the table itself */
    struct lock_entry *next;
    struct list holders, queue;
    bool strong; /* counted in store->strong */
};

/* One transaction's hold at one savepoint depth. */
struct lock_holder {
    struct list entry_link, txn_link;
    struct lock_entry *entry;
    struct txn *txn;
    unsigned modes; /* bits */
    unsigned depth;
    struct lock_holder *free_next;
};

struct lock_request {
    struct list link;
    struct lock_table *locks;
    struct lock_entry *entry;
    struct txn *txn;
    unsigned mode;
    bool granted;
};

#define BIT(mode) ((uint16_t)(1u << (mode)))
#define AS BIT(TABLE_LOCK_ACCESS_SHARE)
#define RS BIT(TABLE_LOCK_ROW_SHARE)
#define RX BIT(TABLE_LOCK_ROW_EXCLUSIVE)
#define SUX BIT(TABLE_LOCK_SHARE_UPDATE_EXCLUSIVE)
#define S BIT(TABLE_LOCK_SHARE)
#define SRX BIT(TABLE_LOCK_SHARE_ROW_EXCLUSIVE)
#define X BIT(TABLE_LOCK_EXCLUSIVE)
#define AX BIT(TABLE_LOCK_ACCESS_EXCLUSIVE)

/* PostgreSQL's table 13.2. */
static const uint16_t table_conflicts[] = {
    [TABLE_LOCK_ACCESS_SHARE] = AX,
    [TABLE_LOCK_ROW_SHARE] = X | AX,
    [TABLE_LOCK_ROW_EXCLUSIVE] = S | SRX | X | AX,
    [TABLE_LOCK_SHARE_UPDATE_EXCLUSIVE] = SUX | S | SRX | X | AX,
    [TABLE_LOCK_SHARE] = RX | SUX | SRX | X | AX,
    [TABLE_LOCK_SHARE_ROW_EXCLUSIVE] = RX | SUX | S | SRX | X | AX,
    [TABLE_LOCK_EXCLUSIVE] = RS | RX | SUX | S | SRX | X | AX,
    [TABLE_LOCK_ACCESS_EXCLUSIVE] = AS | RS | RX | SUX | S | SRX | X | AX,
};

/* PostgreSQL's table 13.3. */
static const uint16_t row_conflicts[] = {
    [ROW_LOCK_KEY_SHARE] = BIT(ROW_LOCK_UPDATE),
    [ROW_LOCK_SHARE] = BIT(ROW_LOCK_NO_KEY_UPDATE) | BIT(ROW_LOCK_UPDATE),
    [ROW_LOCK_NO_KEY_UPDATE] =
        BIT(ROW_LOCK_SHARE) | BIT(ROW_LOCK_NO_KEY_UPDATE) | BIT(ROW_LOCK_UPDATE),
    [ROW_LOCK_UPDATE] = BIT(ROW_LOCK_KEY_SHARE) | BIT(ROW_LOCK_SHARE) |
                        BIT(ROW_LOCK_NO_KEY_UPDATE) | BIT(ROW_LOCK_UPDATE),
};

/* ---- memory ---- */

static void
lock_table_init(struct lock_table *locks, enum lock_rank rank, const uint16_t *conflicts,
                unsigned bucket_count, uint64_t held_max)
{
    mutex_init(&locks->mu, rank);
    locks->conflicts = conflicts;
    locks->bucket_count = bucket_count;
    locks->held_max = held_max;
    locks->buckets = calloc(bucket_count, sizeof(struct lock_entry *));
    locks->used = calloc(bucket_count, sizeof(*locks->used));
    ASSERT(locks->buckets != NULL && locks->used != NULL);
}

static void
lock_table_deinit(struct lock_table *locks)
{
    ASSERT(locks->held_count == 0);
    while (locks->free_entries != NULL) {
        struct lock_entry *entry = locks->free_entries;
        locks->free_entries = entry->next;
        free(entry);
    }
    while (locks->free_holders != NULL) {
        struct lock_holder *holder = locks->free_holders;
        locks->free_holders = holder->free_next;
        free(holder);
    }
    free(locks->buckets);
    free(locks->used);
    mutex_deinit(&locks->mu);
}

void
locks_init(struct store *store)
{
    lock_table_init(&store->table_locks, LOCK_RANK_TABLE_LOCKS, table_conflicts,
                    TABLE_LOCK_BUCKETS, ROW_LOCKS_MAX);
    lock_table_init(&store->row_locks, LOCK_RANK_ROW_LOCKS, row_conflicts, ROW_LOCK_BUCKETS,
                    ROW_LOCKS_MAX);
}

void
locks_deinit(struct store *store)
{
    lock_table_deinit(&store->table_locks);
    lock_table_deinit(&store->row_locks);
}

static unsigned
bucket_no(const struct lock_table *locks, uint32_t table, uint64_t row)
{
    return (unsigned)(hash_word(hash_word(table) + row) & (locks->bucket_count - 1));
}

static struct lock_entry *
entry_find(struct lock_table *locks, uint32_t table, uint64_t row)
{
    struct lock_entry *entry = locks->buckets[bucket_no(locks, table, row)];
    while (entry != NULL && (entry->table != table || entry->row != row)) {
        entry = entry->next;
    }
    return entry;
}

static struct lock_entry *
entry_find_or_add(struct lock_table *locks, uint32_t table, uint64_t row)
{
    struct lock_entry *entry = entry_find(locks, table, row);
    if (entry != NULL) {
        return entry;
    }
    entry = locks->free_entries;
    if (entry != NULL) {
        locks->free_entries = entry->next;
    } else {
        entry = malloc(sizeof(*entry));
        ASSERT(entry != NULL);
    }
    unsigned bucket = bucket_no(locks, table, row);
    *entry = (struct lock_entry){.table = table, .row = row, .next = locks->buckets[bucket]};
    list_init(&entry->holders);
    list_init(&entry->queue);
    locks->buckets[bucket] = entry;
    atomic_fetch_add(&locks->used[bucket], 1);
    return entry;
}

static _Atomic(uint32_t) *
strong_counter(struct store *store, uint32_t table)
{
    return &store->strong[hash_word(table) % STRONG_COUNTERS];
}

static void
entry_tidy(struct store *store, struct lock_table *locks, struct lock_entry *entry)
{
    if (!list_empty(&entry->holders) || !list_empty(&entry->queue)) {
        return;
    }
    if (entry->strong) {
        atomic_fetch_sub(strong_counter(store, entry->table), 1);
    }
    unsigned bucket = bucket_no(locks, entry->table, entry->row);
    struct lock_entry **at = &locks->buckets[bucket];
    while (*at != entry) {
        at = &(*at)->next;
    }
    *at = entry->next;
    atomic_fetch_sub(&locks->used[bucket], 1);
    entry->next = locks->free_entries;
    locks->free_entries = entry;
}

static struct list *
holders_of(struct store *store, struct lock_table *locks, struct txn *txn)
{
    return locks == &store->table_locks ? &txn->table_locks : &txn->row_locks;
}

/* One holder for each depth at which the transaction took something of the entry. */
static void
hold(struct store *store, struct lock_table *locks, struct lock_entry *entry, struct txn *txn,
     unsigned mode)
{
    LIST_EACH(it, &entry->holders)
    {
        struct lock_holder *holder = LIST_ITEM(it, struct lock_holder, entry_link);
        if (holder->txn == txn && holder->depth == txn->depth) {
            holder->modes |= BIT(mode);
            return;
        }
    }
    struct lock_holder *holder = locks->free_holders;
    if (holder != NULL) {
        locks->free_holders = holder->free_next;
    } else {
        holder = malloc(sizeof(*holder));
        ASSERT(holder != NULL);
    }
    *holder = (struct lock_holder){
        .entry = entry, .txn = txn, .modes = BIT(mode), .depth = txn->depth};
    list_push_back(&entry->holders, &holder->entry_link);
    list_push_back(holders_of(store, locks, txn), &holder->txn_link);
    locks->held_count++;
}

/* ---- conflicts ---- */

static bool
holders_conflict(const struct lock_table *locks, const struct lock_entry *entry,
                 const struct txn *txn, unsigned mode)
{
    LIST_EACH(it, &entry->holders)
    {
        const struct lock_holder *holder = LIST_ITEM(it, struct lock_holder, entry_link);
        if (holder->txn != txn && (holder->modes & locks->conflicts[mode]) != 0 &&
            txn__alive(holder->txn)) {
            return true;
        }
    }
    return false;
}

/* Someone who came before `until` (NULL: anyone in the queue) and waits for a conflicting mode.
 */
static bool
queue_conflicts(const struct lock_table *locks, const struct lock_entry *entry,
                const struct txn *txn, unsigned mode, const struct lock_request *until)
{
    LIST_EACH(it, &entry->queue)
    {
        const struct lock_request *request = LIST_ITEM(it, struct lock_request, link);
        if (request == until) {
            return false;
        }
        if (request->txn != txn && (BIT(request->mode) & locks->conflicts[mode]) != 0 &&
            txn__alive(request->txn)) {
            return true;
        }
    }
    return false;
}

static unsigned
modes_held(const struct lock_entry *entry, const struct txn *txn)
{
    unsigned modes = 0;
    LIST_EACH(it, &entry->holders)
    {
        const struct lock_holder *holder = LIST_ITEM(it, struct lock_holder, entry_link);
        modes |= holder->txn == txn ? holder->modes : 0;
    }
    return modes;
}

/* Hands the lock to those of the queue whom nothing keeps from it any more, in order. */
static void
grant_queue(struct store *store, struct lock_table *locks, struct lock_entry *entry)
{
    LIST_EACH(it, &entry->queue)
    {
        struct lock_request *request = LIST_ITEM(it, struct lock_request, link);
        if (holders_conflict(locks, entry, request->txn, request->mode) ||
            queue_conflicts(locks, entry, request->txn, request->mode, request)) {
            continue;
        }
        list_remove(&request->link);
        request->granted = true;
        hold(store, locks, entry, request->txn, request->mode);
        waiter_wake(request->txn->waiter);
    }
}

/* ---- taking ---- */

static enum status
not_available(struct diag *diag, const char *what)
{
    return diag_fail(diag, STATUS_CONFLICT, SQLSTATE_LOCK_NOT_AVAILABLE,
                     "could not obtain lock on %s", what);
}

/* Gives up a request that was not granted; mu held. */
static void
withdraw(struct store *store, struct lock_table *locks, struct lock_request *request)
{
    request->txn->requests = NULL;
    request->txn->sleeps = false;
    if (!request->granted) {
        list_remove(&request->link);
        grant_queue(store, locks, request->entry); /* who stood behind it */
        entry_tidy(store, locks, request->entry);
    }
}

static enum status
queue_and_sleep(struct store *store, struct lock_table *locks, struct lock_request *request,
                bool first, int64_t deadline_ns, struct diag *diag) RELEASE(locks->mu)
{
    struct txn *txn = request->txn;
    waiter_arm(txn->waiter);
    if (first) { /* it holds a mode already: those in front of it wait for it anyway */
        list_push_front(&request->entry->queue, &request->link);
    } else {
        list_push_back(&request->entry->queue, &request->link);
    }
    txn->requests = request;
    mutex_unlock(&locks->mu);
    enum status status = deadlock_check(txn, diag);
    for (;;) {
        if (status == STATUS_OK) {
            status = txn__woken(txn, waiter_wait(txn->waiter, deadline_ns), diag);
        }
        mutex_lock(&locks->mu);
        if (!request->granted && status == STATUS_OK &&
            !holders_conflict(locks, request->entry, txn, request->mode)) {
            grant_queue(store, locks, request->entry); /* a holder died by rule 4 */
        }
        if (request->granted || status != STATUS_OK) {
            withdraw(store, locks, request);
            mutex_unlock(&locks->mu);
            /* granted and cancelled at once: it holds the lock until its end, harmlessly */
            return request->granted && txn__alive(txn) ? STATUS_OK : status;
        }
        mutex_unlock(&locks->mu);
    }
}

static enum status
lock_slow(struct txn *txn, struct lock_table *locks, uint32_t table, uint64_t row,
          unsigned mode, bool no_wait, int64_t deadline_ns, bool *busy_out, struct diag *diag)
{
    struct store *store = txn->store;
    *busy_out = false;
    mutex_lock(&locks->mu);
    if (locks->held_count >= locks->held_max) {
        mutex_unlock(&locks->mu);
        return diag_fail(diag, STATUS_LIMIT, SQLSTATE_OUT_OF_MEMORY, "out of memory for locks");
    }
    struct lock_entry *entry = entry_find_or_add(locks, table, row);
    if (row == 0 && mode > TABLE_LOCK_ROW_EXCLUSIVE && !entry->strong) {
        entry->strong = true;
        atomic_fetch_add(strong_counter(store, table), 1);
    }
    unsigned held = modes_held(entry, txn);
    if (!holders_conflict(locks, entry, txn, mode) &&
        (held != 0 || !queue_conflicts(locks, entry, txn, mode, NULL))) {
        hold(store, locks, entry, txn, mode);
        mutex_unlock(&locks->mu);
        return STATUS_OK;
    }
    if (no_wait) {
        *busy_out = true;
        entry_tidy(store, locks, entry);
        mutex_unlock(&locks->mu);
        return STATUS_OK;
    }
    struct lock_request request = {.locks = locks, .entry = entry, .txn = txn, .mode = mode};
    return queue_and_sleep(store, locks, &request, held != 0, deadline_ns, diag);
}

/* ---- table locks ---- */

static bool
weak(enum table_lock_mode mode)
{
    return mode <= TABLE_LOCK_ROW_EXCLUSIVE;
}

static unsigned
fast_modes(const struct txn *txn, uint32_t table)
{
    unsigned modes = 0, count = atomic_load(&txn->fast_count);
    for (unsigned i = 0; i < count; i++) {
        uint64_t word = atomic_load(&txn->fast[i].word);
        modes |= word >> 8 == table ? (unsigned)(word & 0xff) << 1 : 0;
    }
    return modes;
}

/* Bit n of the word's low byte is mode n + 1: eight modes, eight bits. */
static uint64_t
fast_word(uint32_t table, unsigned mode)
{
    return (uint64_t)table << 8 | 1u << (mode - 1);
}

static bool
lock_fast(struct txn *txn, uint32_t table, unsigned mode)
{
    struct fast_lock *slot = NULL;
    unsigned count = atomic_load_explicit(&txn->fast_count, memory_order_relaxed);
    for (unsigned i = 0; i < count; i++) {
        uint64_t word = atomic_load_explicit(&txn->fast[i].word, memory_order_relaxed);
        if (word >> 8 == table && txn->fast[i].depth == txn->depth) {
            slot = &txn->fast[i];
            break;
        }
        if (word == 0 && slot == NULL) {
            slot = &txn->fast[i];
        }
    }
    if (slot == NULL) {
        if (count == FAST_LOCKS) {
            return false;
        }
        slot = &txn->fast[count];
        atomic_store(&txn->fast_count, count + 1);
    }
    uint64_t before = atomic_load_explicit(&slot->word, memory_order_relaxed);
    slot->depth = txn->depth;
    atomic_store(&slot->word, before | fast_word(table, mode));
    if (atomic_load(strong_counter(txn->store, table)) == 0) {
        return true;
    }
    atomic_store(&slot->word, before);
    txn__wake_end_waiters(txn); /* a strong locker may have seen the note */
    return false;
}

/* A live transaction with a conflicting note, registered as the one we sleep for; txns.mu. */
static struct txn *
weak_holder(struct txn *txn, uint32_t table, unsigned mode)
{
    struct store *store = txn->store;
    for (struct txn *it = atomic_load(&store->txns.all); it != NULL; it = it->all_next) {
        if (it == txn || !it->in_use || !txn__alive(it)) {
            continue;
        }
        atomic_store(&it->has_end_waiters, true);
        if ((fast_modes(it, table) & table_conflicts[mode]) != 0) {
            return it;
        }
    }
    return NULL;
}

/* For the analysis: txn__sleep_until_end() gives the mutex back. */
static enum status
wait_for_weak_holders(struct txn *txn, uint32_t table, unsigned mode, bool no_wait,
                      int64_t deadline_ns, bool *busy_out,
                      struct diag *diag) NO_THREAD_SAFETY_ANALYSIS
{
    struct txns *txns = &txn->store->txns;
    for (;;) {
        mutex_lock(&txns->mu);
        struct txn *holder = weak_holder(txn, table, mode);
        if (holder == NULL || no_wait) {
            mutex_unlock(&txns->mu);
            *busy_out = holder != NULL;
            return STATUS_OK;
        }
        TRY(txn__sleep_until_end(txn, holder, deadline_ns, diag));
    }
}

/* Takes back the mode that lock_slow() just granted at this depth. */
static void
give_back(struct txn *txn, uint32_t table, unsigned mode)
{
    struct lock_table *locks = &txn->store->table_locks;
    mutex_lock(&locks->mu);
    struct lock_entry *entry = entry_find(locks, table, 0);
    LIST_EACH(it, &entry->holders)
    {
        struct lock_holder *holder = LIST_ITEM(it, struct lock_holder, entry_link);
        if (holder->txn == txn && holder->depth == txn->depth) {
            holder->modes &= ~(unsigned)BIT(mode);
            if (holder->modes == 0) {
                list_remove(&holder->entry_link);
                list_remove(&holder->txn_link);
                holder->free_next = locks->free_holders;
                locks->free_holders = holder;
                locks->held_count--;
            }
        }
    }
    grant_queue(txn->store, locks, entry);
    entry_tidy(txn->store, locks, entry);
    mutex_unlock(&locks->mu);
}

bool
table_lock_held(struct txn *txn, struct object_id table, enum table_lock_mode mode)
{
    unsigned modes = fast_modes(txn, table.v);
    if ((modes & BIT(mode)) == 0 && !list_empty(&txn->table_locks)) {
        struct lock_table *locks = &txn->store->table_locks;
        mutex_lock(&locks->mu);
        const struct lock_entry *entry = entry_find(locks, table.v, 0);
        modes |= entry == NULL ? 0 : modes_held(entry, txn);
        mutex_unlock(&locks->mu);
    }
    return (modes & BIT(mode)) != 0;
}

/* Locks above ACCESS SHARE carry a term (rule 1): checked inside the gate (rule 3). */
static enum status
claim(struct txn *txn, struct diag *diag)
{
    gate_enter(txn->store->pages);
    enum status status = txn__claim_term(txn, diag);
    gate_leave(txn->store->pages);
    return status;
}

enum status
table_lock(struct txn *txn, struct object_id table, enum table_lock_mode mode,
           enum lock_wait wait, struct diag *diag)
{
    ASSERT(table.v != 0 && mode >= TABLE_LOCK_ACCESS_SHARE);
    if (table_lock_held(txn, table, mode) && atomic_load(&txn->state) == TXN_RUNNING) {
        return STATUS_OK;
    }
    if (mode > TABLE_LOCK_ACCESS_SHARE) {
        TRY(claim(txn, diag));
    }
    if (weak(mode) && lock_fast(txn, table.v, mode)) {
        return STATUS_OK;
    }
    int64_t deadline_ns = txn__deadline(txn);
    bool busy, no_wait = wait != LOCK_WAIT;
    TRY(lock_slow(txn, &txn->store->table_locks, table.v, 0, mode, no_wait, deadline_ns, &busy,
                  diag));
    if (!busy && !weak(mode)) {
        enum status status =
            wait_for_weak_holders(txn, table.v, mode, no_wait, deadline_ns, &busy, diag);
        if (status != STATUS_OK || busy) {
            give_back(txn, table.v, mode);
        }
        TRY(status);
    }
    return busy ? not_available(diag, "relation") : STATUS_OK;
}

/* ---- row locks ---- */

enum status
row_lock(struct txn *txn, struct object_id table, struct row_id row, enum row_lock_mode mode,
         enum lock_wait wait, struct diag *diag)
{
    ASSERT(row.v != 0);
    TRY(claim(txn, diag));
    bool busy;
    TRY(lock_slow(txn, &txn->store->row_locks, table.v, row.v, mode, wait != LOCK_WAIT,
                  txn__deadline(txn), &busy, diag));
    return busy ? not_available(diag, "row") : STATUS_OK;
}

/* Who holds nothing on the row and finds others queueing for a mode that conflicts is told so,
 * too: it shall queue behind them. */
bool
row_lock_conflicts(struct txn *txn, struct object_id table, struct row_id row,
                   enum row_lock_mode mode)
{
    struct lock_table *locks = &txn->store->row_locks;
    if (LIKELY(atomic_load(&locks->used[bucket_no(locks, table.v, row.v)]) == 0)) {
        return false;
    }
    mutex_lock(&locks->mu);
    const struct lock_entry *entry = entry_find(locks, table.v, row.v);
    bool conflict = entry != NULL && holders_conflict(locks, entry, txn, mode);
    if (entry != NULL && !conflict && modes_held(entry, txn) == 0) {
        conflict = queue_conflicts(locks, entry, txn, mode, NULL);
    }
    mutex_unlock(&locks->mu);
    return conflict;
}

bool
row_lock_held(struct txn *txn, struct object_id table, struct row_id row,
              enum row_lock_mode mode)
{
    struct lock_table *locks = &txn->store->row_locks;
    if (LIKELY(atomic_load(&locks->used[bucket_no(locks, table.v, row.v)]) == 0)) {
        return false;
    }
    mutex_lock(&locks->mu);
    const struct lock_entry *entry = entry_find(locks, table.v, row.v);
    unsigned modes = entry != NULL ? modes_held(entry, txn) : 0;
    mutex_unlock(&locks->mu);
    return modes >> mode != 0;
}

/* ---- letting go ---- */

static void
release_slow(struct txn *txn, struct lock_table *locks, unsigned depth)
{
    struct list *held = holders_of(txn->store, locks, txn);
    if (list_empty(held)) {
        return;
    }
    mutex_lock(&locks->mu);
    LIST_EACH(it, held)
    {
        struct lock_holder *holder = LIST_ITEM(it, struct lock_holder, txn_link);
        if (holder->depth < depth) {
            continue;
        }
        struct lock_entry *entry = holder->entry;
        list_remove(&holder->entry_link);
        list_remove(&holder->txn_link);
        holder->free_next = locks->free_holders;
        locks->free_holders = holder;
        locks->held_count--;
        grant_queue(txn->store, locks, entry);
        entry_tidy(txn->store, locks, entry);
    }
    mutex_unlock(&locks->mu);
}

void
locks__release(struct txn *txn, unsigned depth)
{
    unsigned count = atomic_load(&txn->fast_count);
    for (unsigned i = 0; i < count; i++) {
        if (txn->fast[i].depth >= depth) {
            atomic_store(&txn->fast[i].word, 0);
        }
    }
    if (depth == 0) {
        atomic_store(&txn->fast_count, 0);
    }
    release_slow(txn, &txn->store->row_locks, depth);
    release_slow(txn, &txn->store->table_locks, depth);
}

static void
move_up_slow(struct txn *txn, struct lock_table *locks, unsigned depth)
{
    mutex_lock(&locks->mu);
    LIST_EACH(it, holders_of(txn->store, locks, txn))
    {
        struct lock_holder *holder = LIST_ITEM(it, struct lock_holder, txn_link);
        holder->depth = MIN(holder->depth, depth - 1);
    }
    mutex_unlock(&locks->mu);
}

void
locks__move_up(struct txn *txn, unsigned depth)
{
    unsigned count = atomic_load(&txn->fast_count);
    for (unsigned i = 0; i < count; i++) {
        txn->fast[i].depth = MIN(txn->fast[i].depth, depth - 1);
    }
    move_up_slow(txn, &txn->store->row_locks, depth);
    move_up_slow(txn, &txn->store->table_locks, depth);
}

/* ---- deadlocks ----
 * A cycle closes with the last sleeper that joins it, so each looks once, before it sleeps: is
 * it reachable from itself? Edges: the transaction whose end it sleeps for; the holders of what
 * it queues for, and those in front of it whose mode conflicts. All three mutexes are held, so
 * nothing moves. Looking and joining are one step (`sleeps`): of two that close a cycle at once
 * the second finds it, and the first, whose edges it followed, gets its lock. */

struct walk {
    uint64_t mark;
    struct txn *start, *first, **tail;
    bool found;
};

static void
walk_to(struct walk *walk, struct txn *txn)
{
    if (!txn__alive(txn)) {
        return;
    }
    if (txn == walk->start) {
        walk->found = true;
    } else if (txn->walk_mark != walk->mark) {
        txn->walk_mark = walk->mark;
        txn->walk_next = NULL;
        *walk->tail = txn;
        walk->tail = &txn->walk_next;
    }
}

static void
walk_edges(struct walk *walk, const struct txn *txn)
{
    if (txn->waits_for != NULL) {
        walk_to(walk, txn->waits_for);
    }
    const struct lock_request *mine = txn->requests;
    if (mine == NULL || mine->granted) {
        return;
    }
    uint16_t conflicts = mine->locks->conflicts[mine->mode];
    LIST_EACH(it, &mine->entry->holders)
    {
        struct lock_holder *holder = LIST_ITEM(it, struct lock_holder, entry_link);
        if (holder->txn != txn && (holder->modes & conflicts) != 0) {
            walk_to(walk, holder->txn);
        }
    }
    LIST_EACH(it, &mine->entry->queue)
    {
        struct lock_request *request = LIST_ITEM(it, struct lock_request, link);
        if (request == mine) {
            break;
        }
        if (request->txn != txn && (BIT(request->mode) & conflicts) != 0) {
            walk_to(walk, request->txn);
        }
    }
}

enum status
deadlock_check(struct txn *txn, struct diag *diag)
{
    struct store *store = txn->store;
    mutex_lock(&store->table_locks.mu);
    mutex_lock(&store->row_locks.mu);
    mutex_lock(&store->txns.mu);
    struct walk walk = {.mark = ++store->deadlock_walks, .start = txn};
    walk.tail = &walk.first;
    walk_edges(&walk, txn);
    for (struct txn *it = walk.first; it != NULL && !walk.found; it = it->walk_next) {
        if (it->sleeps) {
            walk_edges(&walk, it);
        }
    }
    txn->sleeps = !walk.found;
    mutex_unlock(&store->txns.mu);
    mutex_unlock(&store->row_locks.mu);
    mutex_unlock(&store->table_locks.mu);
    return walk.found ? diag_fail(diag, STATUS_CONFLICT, SQLSTATE_DEADLOCK_DETECTED,
                                  "deadlock detected")
                      : STATUS_OK;
}
