/* locks_test.c: conflicts, queues, fairness, timeouts, deadlocks of table and row locks.
 * Sleepers are threads; a test waits until they sleep by looking at the lock tables.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/storage/txn/lab.h"

#include "base/errors.h"
#include "base/thread.h"
#include "storage/txn/txn_internal.h"

#include <stdlib.h>
#include <time.h>

struct fixture {
    struct lab_log *log;
    struct lab lab;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->log = lab_log_new();
    lab_init(&f->lab, f->log, 1, true);
    lab_create_table(&f->lab);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    lab_deinit(&f->lab);
    lab_log_delete(f->log);
    free(f);
    return 0;
}

/* A session that takes one lock on its own thread. */
struct session {
    struct waiter waiter;
    struct txn *txn;
    struct thread thread;
    unsigned mode;
    struct row_id row;   /* 0: the table's lock */
    struct xid wait_for; /* not 0: wait for that xid instead */
    enum status status;
    struct diag diag;
    _Atomic(bool) *go;        /* of take_and_end() */
    _Atomic(unsigned) *order; /* who came when */
    unsigned came;
};

static void
session_begin(struct session *s, struct lab *lab)
{
    memset(s, 0, sizeof(*s));
    waiter_init(&s->waiter);
    diag_clear(&s->diag);
    s->txn = lab_begin_as(lab, ISOLATION_READ_COMMITTED, &s->waiter);
}

static void
session_end(struct session *s)
{
    txn_abort(s->txn);
    waiter_deinit(&s->waiter);
}

static void
take(void *arg)
{
    struct session *s = arg;
    s->status = s->wait_for.v != 0 ? txn_wait_xid(s->txn, s->wait_for, &s->diag)
                : s->row.v == 0
                    ? table_lock(s->txn, LAB_TABLE, s->mode, LOCK_WAIT, &s->diag)
                    : row_lock(s->txn, LAB_TABLE, s->row, s->mode, LOCK_WAIT, &s->diag);
    if (s->order != NULL) {
        s->came = atomic_fetch_add(s->order, 1);
    }
}

static bool
sleeps(struct session *s)
{
    struct store *store = s->txn->store;
    mutex_lock(&store->table_locks.mu);
    mutex_lock(&store->row_locks.mu);
    mutex_lock(&store->txns.mu);
    bool asleep = s->txn->sleeps;
    mutex_unlock(&store->txns.mu);
    mutex_unlock(&store->row_locks.mu);
    mutex_unlock(&store->table_locks.mu);
    return asleep;
}

static void
start_and_sleep(struct session *s)
{
    assert_int_equal(thread_start(&s->thread, THREAD_LANE, "session", take, s, NULL),
                     STATUS_OK);
    while (!sleeps(s)) {
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
}

/* PostgreSQL's tables 13.2 and 13.3, row by row: 'x' conflicts. Method: every pair of modes,
 * the second with NOWAIT. */
static void
table_lock__every_pair_of_modes__conflicts_as_postgresql(void **state)
{
    struct fixture *f = *state;
    static const char *const conflicts[] = {".......x", "......xx", "....xxxx", "...xxxxx",
                                            "..xx.xxx", "..xxxxxx", ".xxxxxxx", "xxxxxxxx"};
    for (unsigned a = 1; a <= 8; a++) {
        for (unsigned b = 1; b <= 8; b++) {
            struct session first, second;
            session_begin(&first, &f->lab);
            session_begin(&second, &f->lab);
            assert_int_equal(table_lock(first.txn, LAB_TABLE, a, LOCK_WAIT, NULL), STATUS_OK);
            assert_true(table_lock_held(first.txn, LAB_TABLE, a));
            enum status status =
                table_lock(second.txn, LAB_TABLE, b, LOCK_NOWAIT, &second.diag);
            bool conflict = conflicts[a - 1][b - 1] == 'x';
            assert_int_equal(status, conflict ? STATUS_CONFLICT : STATUS_OK);
            assert_int_equal(table_lock_held(second.txn, LAB_TABLE, b), !conflict);
            if (conflict) {
                assert_string_equal(second.diag.sqlstate, SQLSTATE_LOCK_NOT_AVAILABLE);
            }
            session_end(&first);
            session_end(&second);
        }
    }
}

static void
row_lock__every_pair_of_modes__conflicts_as_postgresql(void **state)
{
    struct fixture *f = *state;
    static const char *const conflicts[] = {"...x", "..xx", ".xxx", "xxxx"};
    struct row_id row = {5};
    for (unsigned a = 1; a <= 4; a++) {
        for (unsigned b = 1; b <= 4; b++) {
            struct session first, second;
            session_begin(&first, &f->lab);
            session_begin(&second, &f->lab);
            bool conflict = conflicts[a - 1][b - 1] == 'x';
            assert_int_equal(row_lock(first.txn, LAB_TABLE, row, a, LOCK_WAIT, NULL),
                             STATUS_OK);
            assert_int_equal(row_lock_conflicts(second.txn, LAB_TABLE, row, b), conflict);
            assert_false(row_lock_conflicts(first.txn, LAB_TABLE, row, b));
            assert_int_equal(row_lock(second.txn, LAB_TABLE, row, b, LOCK_SKIP_LOCKED, NULL),
                             conflict ? STATUS_CONFLICT : STATUS_OK);
            session_end(&first);
            session_end(&second);
        }
    }
    assert_int_equal(f->lab.store->row_locks.held_count, 0);
}

/* Waiters are served in order, and who comes later does not overtake by a weaker mode.
 * Method: a holder in SHARE, then sleepers: EXCLUSIVE, SHARE, EXCLUSIVE; a NOWAIT SHARE that
 * would fit the holder is refused because of the queue. */
static void
table_lock__queue__is_served_in_order(void **state)
{
    struct fixture *f = *state;
    struct session holder, queue[3], late;
    static const unsigned modes[] = {TABLE_LOCK_EXCLUSIVE, TABLE_LOCK_SHARE,
                                     TABLE_LOCK_EXCLUSIVE};
    session_begin(&holder, &f->lab);
    assert_int_equal(table_lock(holder.txn, LAB_TABLE, TABLE_LOCK_SHARE, LOCK_WAIT, NULL),
                     STATUS_OK);
    _Atomic(unsigned) order = 0;
    for (size_t i = 0; i < ARRAY_SIZE(queue); i++) {
        session_begin(&queue[i], &f->lab);
        queue[i].mode = modes[i];
        queue[i].order = &order;
        start_and_sleep(&queue[i]);
    }
    session_begin(&late, &f->lab);
    assert_int_equal(table_lock(late.txn, LAB_TABLE, TABLE_LOCK_SHARE, LOCK_NOWAIT, NULL),
                     STATUS_CONFLICT);
    assert_int_equal(table_lock(holder.txn, LAB_TABLE, TABLE_LOCK_ROW_SHARE, LOCK_NOWAIT, NULL),
                     STATUS_OK); /* its own lock does not stand in its way */
    session_end(&holder);
    for (size_t i = 0; i < ARRAY_SIZE(queue); i++) {
        thread_join(&queue[i].thread);
        assert_int_equal(queue[i].status, STATUS_OK);
        assert_int_equal(queue[i].came, i);
        if (i + 1 < ARRAY_SIZE(queue)) {
            assert_true(sleeps(&queue[i + 1]));
        }
        session_end(&queue[i]);
    }
    session_end(&late);
}

/* Weak locks are noted in the transactions: a strong locker waits for them all, and new weak
 * ones queue behind it. */
static void
table_lock__strong_after_weak__waits_for_all_and_blocks_new_ones(void **state)
{
    struct fixture *f = *state;
    struct session weak[3], strong, late;
    for (size_t i = 0; i < ARRAY_SIZE(weak); i++) {
        session_begin(&weak[i], &f->lab);
        assert_int_equal(
            table_lock(weak[i].txn, LAB_TABLE, TABLE_LOCK_ROW_EXCLUSIVE, LOCK_WAIT, NULL),
            STATUS_OK);
        assert_true(list_empty(&weak[i].txn->table_locks)); /* the fast path */
    }
    session_begin(&strong, &f->lab);
    strong.mode = TABLE_LOCK_SHARE;
    start_and_sleep(&strong);
    session_begin(&late, &f->lab);
    assert_int_equal(
        table_lock(late.txn, LAB_TABLE, TABLE_LOCK_ROW_EXCLUSIVE, LOCK_NOWAIT, NULL),
        STATUS_CONFLICT);
    assert_int_equal(
        table_lock(late.txn, LAB_TABLE, TABLE_LOCK_ACCESS_SHARE, LOCK_NOWAIT, NULL), STATUS_OK);
    for (size_t i = 0; i < ARRAY_SIZE(weak); i++) {
        assert_true(sleeps(&strong));
        session_end(&weak[i]);
    }
    thread_join(&strong.thread);
    assert_int_equal(strong.status, STATUS_OK);
    session_end(&strong);
    assert_int_equal(
        table_lock(late.txn, LAB_TABLE, TABLE_LOCK_ROW_EXCLUSIVE, LOCK_NOWAIT, NULL),
        STATUS_OK);
    session_end(&late);
    assert_int_equal(f->lab.store->table_locks.held_count, 0);
    for (unsigned i = 0; i < STRONG_COUNTERS; i++) {
        assert_int_equal(atomic_load(&f->lab.store->strong[i]), 0);
    }
}

/* Locks taken in a savepoint go with its rollback and stay with its release. */
static void
locks__savepoint__rollback_frees_release_keeps(void **state)
{
    struct fixture *f = *state;
    struct session s, other;
    struct row_id row = {3};
    session_begin(&s, &f->lab);
    session_begin(&other, &f->lab);
    uint64_t savepoint = txn_savepoint(s.txn);
    static const unsigned modes[] = {TABLE_LOCK_ROW_EXCLUSIVE, TABLE_LOCK_SHARE};
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        assert_int_equal(table_lock(s.txn, LAB_TABLE, modes[i], LOCK_WAIT, NULL), STATUS_OK);
    }
    assert_int_equal(row_lock(s.txn, LAB_TABLE, row, ROW_LOCK_UPDATE, LOCK_WAIT, NULL),
                     STATUS_OK);
    txn_rollback_to(s.txn, savepoint);
    assert_int_equal(
        table_lock(other.txn, LAB_TABLE, TABLE_LOCK_ACCESS_EXCLUSIVE, LOCK_NOWAIT, NULL),
        STATUS_OK);
    assert_false(row_lock_conflicts(other.txn, LAB_TABLE, row, ROW_LOCK_UPDATE));
    session_end(&other);
    session_begin(&other, &f->lab);
    assert_int_equal(row_lock(s.txn, LAB_TABLE, row, ROW_LOCK_UPDATE, LOCK_WAIT, NULL),
                     STATUS_OK);
    txn_release(s.txn, savepoint);
    savepoint = txn_savepoint(s.txn);
    txn_rollback_to(s.txn, savepoint);
    assert_true(row_lock_conflicts(other.txn, LAB_TABLE, row, ROW_LOCK_UPDATE));
    session_end(&s);
    session_end(&other);
}

/* lock_timeout gives 55P03, a cancel 57014; neither leaves anything in the queue. */
static void
lock_wait__timeout_and_cancel__are_told_apart(void **state)
{
    struct fixture *f = *state;
    struct row_id row = {3};
    struct session holder, s;
    session_begin(&holder, &f->lab);
    assert_int_equal(row_lock(holder.txn, LAB_TABLE, row, ROW_LOCK_UPDATE, LOCK_WAIT, NULL),
                     STATUS_OK);
    session_begin(&s, &f->lab);
    s.mode = ROW_LOCK_SHARE;
    s.row = row;
    txn_set_lock_timeout(s.txn, 20 * 1000000);
    take(&s);
    assert_int_equal(s.status, STATUS_CONFLICT);
    assert_string_equal(s.diag.sqlstate, SQLSTATE_LOCK_NOT_AVAILABLE);
    txn_set_lock_timeout(s.txn, 0);
    diag_clear(&s.diag);
    start_and_sleep(&s);
    waiter_cancel(&s.waiter);
    thread_join(&s.thread);
    assert_int_equal(s.status, STATUS_CANCELLED);
    assert_string_equal(s.diag.sqlstate, SQLSTATE_QUERY_CANCELED);
    waiter_reset_cancel(&s.waiter);
    session_end(&s);
    session_end(&holder);
    assert_int_equal(f->lab.store->row_locks.held_count, 0);
}

/* A cycle over two rows: the one that closes it gets 40P01, the other its lock. */
static void
deadlock__two_rows__last_one_fails(void **state)
{
    struct fixture *f = *state;
    struct row_id rows[2] = {{1}, {2}};
    struct session a, b;
    session_begin(&a, &f->lab);
    session_begin(&b, &f->lab);
    assert_int_equal(row_lock(a.txn, LAB_TABLE, rows[0], ROW_LOCK_UPDATE, LOCK_WAIT, NULL),
                     STATUS_OK);
    assert_int_equal(row_lock(b.txn, LAB_TABLE, rows[1], ROW_LOCK_UPDATE, LOCK_WAIT, NULL),
                     STATUS_OK);
    a.row = rows[1];
    a.mode = ROW_LOCK_UPDATE;
    start_and_sleep(&a);
    assert_int_equal(row_lock(b.txn, LAB_TABLE, rows[0], ROW_LOCK_UPDATE, LOCK_WAIT, &b.diag),
                     STATUS_CONFLICT);
    assert_string_equal(b.diag.sqlstate, SQLSTATE_DEADLOCK_DETECTED);
    assert_string_equal(b.diag.message, "deadlock detected");
    session_end(&b);
    thread_join(&a.thread);
    assert_int_equal(a.status, STATUS_OK);
    session_end(&a);
}

/* Takes its row when the flag goes up, and ends, so that the next one goes on. */
static void
take_and_end(void *arg)
{
    struct session *s = arg;
    while (!atomic_load(s->go)) {
        thread_yield();
    }
    take(s);
    txn_abort(s->txn);
}

/* Many that close one ring at the same moment: one of them fails, and only one. */
static void
deadlock__ring_closed_by_all_at_once__has_one_victim(void **state)
{
    struct fixture *f = *state;
    struct session ring[12];
    for (unsigned round = 0; round < 200; round++) {
        _Atomic(bool) go = false;
        for (unsigned i = 0; i < ARRAY_SIZE(ring); i++) {
            struct session *s = &ring[i];
            session_begin(s, &f->lab);
            struct row_id first = {1 + i};
            assert_int_equal(
                row_lock(s->txn, LAB_TABLE, first, ROW_LOCK_UPDATE, LOCK_WAIT, NULL),
                STATUS_OK);
            s->go = &go;
            s->mode = ROW_LOCK_UPDATE;
            s->row.v = 1 + (i + 1) % ARRAY_SIZE(ring);
            assert_int_equal(
                thread_start(&s->thread, THREAD_LANE, "session", take_and_end, s, NULL),
                STATUS_OK);
        }
        atomic_store(&go, true);
        unsigned victims = 0;
        for (unsigned i = 0; i < ARRAY_SIZE(ring); i++) {
            thread_join(&ring[i].thread);
            victims += ring[i].status != STATUS_OK;
            waiter_deinit(&ring[i].waiter);
        }
        assert_int_equal(victims, 1);
    }
}

/* A cycle through all kinds of edges: a waits for the end of b (its xid), b for c's weak table
 * lock, c for a's row lock. */
static void
deadlock__xid_table_and_row__is_found(void **state)
{
    struct fixture *f = *state;
    struct session a, b, c;
    session_begin(&a, &f->lab);
    session_begin(&b, &f->lab);
    session_begin(&c, &f->lab);
    struct row_id row = {1};
    assert_int_equal(row_lock(a.txn, LAB_TABLE, row, ROW_LOCK_UPDATE, LOCK_WAIT, NULL),
                     STATUS_OK);
    gate_enter(f->lab.store->pages);
    assert_int_equal(txn_write_xid(b.txn, &a.wait_for, NULL), STATUS_OK);
    gate_leave(f->lab.store->pages);
    assert_int_equal(table_lock(c.txn, LAB_TABLE, TABLE_LOCK_ROW_EXCLUSIVE, LOCK_WAIT, NULL),
                     STATUS_OK);
    start_and_sleep(&a);
    b.mode = TABLE_LOCK_SHARE;
    start_and_sleep(&b);
    assert_int_equal(row_lock(c.txn, LAB_TABLE, row, ROW_LOCK_SHARE, LOCK_WAIT, &c.diag),
                     STATUS_CONFLICT);
    assert_string_equal(c.diag.sqlstate, SQLSTATE_DEADLOCK_DETECTED);
    session_end(&c);
    thread_join(&b.thread);
    assert_int_equal(b.status, STATUS_OK);
    session_end(&b);
    thread_join(&a.thread);
    assert_int_equal(a.status, STATUS_OK);
    session_end(&a);
}

/* Rule 4: who sleeps for a lock when a newer term comes is woken with 40001. */
static void
lock_wait__newer_term__wakes_with_40001(void **state)
{
    struct fixture *f = *state;
    struct session holder, s;
    session_begin(&holder, &f->lab);
    assert_int_equal(
        table_lock(holder.txn, LAB_TABLE, TABLE_LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, NULL),
        STATUS_OK);
    session_begin(&s, &f->lab);
    s.mode = TABLE_LOCK_SHARE;
    start_and_sleep(&s);
    lab_log_new_term(f->log);
    lab_catch_up(&f->lab, 0);
    thread_join(&s.thread);
    assert_int_equal(s.status, STATUS_NOT_LEADER);
    assert_string_equal(s.diag.sqlstate, SQLSTATE_SERIALIZATION_FAILURE);
    session_end(&s);
    session_end(&holder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(table_lock__every_pair_of_modes__conflicts_as_postgresql),
        T(row_lock__every_pair_of_modes__conflicts_as_postgresql),
        T(table_lock__queue__is_served_in_order),
        T(table_lock__strong_after_weak__waits_for_all_and_blocks_new_ones),
        T(locks__savepoint__rollback_frees_release_keeps),
        T(lock_wait__timeout_and_cancel__are_told_apart),
        T(deadlock__two_rows__last_one_fails),
        T(deadlock__ring_closed_by_all_at_once__has_one_victim),
        T(deadlock__xid_table_and_row__is_found),
        T(lock_wait__newer_term__wakes_with_40001),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
