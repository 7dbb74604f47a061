/* threads_test.c: many sessions at once, with checkpoints and changes of term in between: for
 * the thread sanitizer above all.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/storage/txn/lab.h"

#include "base/rng.h"
#include "base/thread.h"

#include <stdlib.h>
#include <time.h>

#define ACCOUNTS 8
#define WORKERS 4
#define TRANSFERS 60
#define START_BALANCE 1000

struct world {
    struct lab_log *log;
    struct lab lab, follower;
    struct row_id accounts[ACCOUNTS];
    _Atomic(unsigned) committed, failed, running;
    _Atomic(bool) wrong_sum;
};

struct worker {
    struct world *world;
    struct thread thread;
    uint64_t seed;
    bool reader;
};

/* Balance of an account as the transaction sees it after it has locked the row. */
static enum status
change(struct world *w, struct txn *txn, unsigned account, int64_t by, struct diag *diag)
{
    static const enum column_kind kinds[] = {COLUMN_INT8, COLUMN_BYTES};
    struct buf newest = BUF_EMPTY, tuple = BUF_EMPTY;
    struct change_result result;
    struct row_id row = w->accounts[account];
    enum status status =
        table_lock_row(txn, LAB_TABLE, row, ROW_LOCK_UPDATE, LOCK_WAIT, &newest, &result, diag);
    if (status == STATUS_OK) {
        txn_take_snapshot(txn);
        int64_t balance = lab_read(&w->lab, txn, row) + by;
        struct column_value values[2] = {{.bytes = slice_make(&balance, 8)},
                                         {.bytes = slice_make("", 0)}};
        tuple_encode(&tuple, kinds, values, 2);
        status = table_update(txn, LAB_TABLE, row, buf_slice(&tuple), &newest, &result, diag);
    }
    if (status == STATUS_OK && result.outcome != ROW_DONE) {
        status = STATUS_CONFLICT;
    }
    buf_deinit(&newest);
    buf_deinit(&tuple);
    return status;
}

static bool
transfer(struct world *w, struct rng *rng, struct waiter *waiter)
{
    unsigned from = (unsigned)rng_below(rng, ACCOUNTS);
    unsigned to = (from + 1 + (unsigned)rng_below(rng, ACCOUNTS - 1)) % ACCOUNTS;
    int64_t amount = (int64_t)rng_below(rng, 50);
    struct diag diag;
    diag_clear(&diag);
    struct txn *txn = lab_begin_as(&w->lab, ISOLATION_READ_COMMITTED, waiter);
    enum status status = table_lock(txn, LAB_TABLE, TABLE_LOCK_ROW_EXCLUSIVE, LOCK_WAIT, &diag);
    if (status == STATUS_OK) {
        status = change(w, txn, from, -amount, &diag);
    }
    txn_next_command(txn);
    if (status == STATUS_OK) {
        status = change(w, txn, to, amount, &diag);
    }
    if (status != STATUS_OK || rng_below(rng, 8) == 0) {
        txn_abort(txn);
        return false;
    }
    lab_commit(&w->lab, txn);
    return true;
}

static void
read_sum(struct world *w, struct waiter *waiter)
{
    struct txn *txn = lab_begin_as(&w->lab, ISOLATION_REPEATABLE_READ, waiter);
    int64_t sum = 0;
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        sum += lab_read(&w->lab, txn, w->accounts[i]);
    }
    if (sum != (int64_t)ACCOUNTS * START_BALANCE) {
        atomic_store(&w->wrong_sum, true);
    }
    txn_end_read_only(txn);
}

static void
work(void *arg)
{
    struct worker *worker = arg;
    struct world *w = worker->world;
    struct waiter waiter;
    struct rng rng;
    waiter_init(&waiter);
    rng_seed(&rng, worker->seed);
    for (unsigned i = 0; i < TRANSFERS; i++) {
        if (worker->reader) {
            read_sum(w, &waiter);
        } else if (transfer(w, &rng, &waiter)) {
            atomic_fetch_add(&w->committed, 1);
        } else {
            atomic_fetch_add(&w->failed, 1);
        }
    }
    atomic_fetch_sub(&w->running, 1);
    waiter_deinit(&waiter);
}

/* Money is neither made nor lost: not to a reader at any time, not on the follower, not after a
 * restart, while checkpoints go on. */
static void
transfers__many_threads_and_checkpoints__sum_stays(void **state)
{
    UNUSED(state);
    struct world *w = calloc(1, sizeof(*w));
    w->log = lab_log_new();
    lab_init(&w->lab, w->log, 1, true);
    lab_init(&w->follower, w->log, 2, false);
    lab_create_table(&w->lab);
    struct txn *txn = lab_begin(&w->lab);
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        w->accounts[i] = lab_insert(&w->lab, txn, START_BALANCE, "");
    }
    lab_commit(&w->lab, txn);
    struct worker workers[WORKERS + 1];
    atomic_store(&w->running, WORKERS + 1);
    for (unsigned i = 0; i <= WORKERS; i++) {
        workers[i] = (struct worker){.world = w, .seed = i + 1, .reader = i == WORKERS};
        assert_int_equal(
            thread_start(&workers[i].thread, THREAD_ANY, "worker", work, &workers[i], NULL),
            STATUS_OK);
    }
    while (atomic_load(&w->running) > 0) {
        lab_checkpoint(&w->lab);
        nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
    }
    for (unsigned i = 0; i <= WORKERS; i++) {
        thread_join(&workers[i].thread);
    }
    print_message("%u committed, %u not\n", atomic_load(&w->committed),
                  atomic_load(&w->failed));
    assert_true(atomic_load(&w->committed) > WORKERS * TRANSFERS / 4);
    assert_false(atomic_load(&w->wrong_sum));
    assert_int_equal(w->lab.store->row_locks.held_count, 0);
    assert_int_equal(w->lab.store->table_locks.held_count, 0);
    lab_catch_up(&w->follower, 0);
    lab_same_state(&w->lab, &w->follower);
    lab_crash(&w->lab);
    lab_same_state(&w->lab, &w->follower);
    read_sum(w, &w->lab.waiter);
    assert_false(atomic_load(&w->wrong_sum));
    lab_deinit(&w->lab);
    lab_deinit(&w->follower);
    lab_log_delete(w->log);
    free(w);
}

/* ---- a newer term while sessions run ---- */

static void
work_until_demoted(void *arg)
{
    struct worker *worker = arg;
    struct world *w = worker->world;
    struct waiter waiter;
    waiter_init(&waiter);
    for (unsigned i = 0;; i++) {
        struct diag diag;
        diag_clear(&diag);
        struct txn *txn = lab_begin_as(&w->lab, ISOLATION_READ_COMMITTED, &waiter);
        if (table_lock(txn, LAB_TABLE, TABLE_LOCK_ROW_EXCLUSIVE, LOCK_WAIT, &diag) !=
                STATUS_OK ||
            change(w, txn, (unsigned)worker->seed % 2, 1, &diag) != STATUS_OK ||
            txn_check(txn, &diag) != STATUS_OK) {
            txn_abort(txn);
            if (diag.status == STATUS_NOT_LEADER) {
                break;
            }
            continue;
        }
        txn_abort(txn);
        atomic_fetch_add(&w->failed, 1);
    }
    atomic_fetch_sub(&w->running, 1);
    waiter_deinit(&waiter);
}

/* Rule 4 against running sessions: all of them learn it, none hangs, nothing of theirs stays.
 */
static void
new_term__sessions_in_full_run__all_are_told(void **state)
{
    UNUSED(state);
    struct world *w = calloc(1, sizeof(*w));
    w->log = lab_log_new();
    lab_init(&w->lab, w->log, 1, true);
    lab_create_table(&w->lab);
    struct txn *txn = lab_begin(&w->lab);
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        w->accounts[i] = lab_insert(&w->lab, txn, START_BALANCE, "");
    }
    lab_commit(&w->lab, txn);
    struct hash128 before = lab_hash(&w->lab);
    struct worker workers[WORKERS];
    atomic_store(&w->running, WORKERS);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.world = w, .seed = i};
        assert_int_equal(thread_start(&workers[i].thread, THREAD_ANY, "worker",
                                      work_until_demoted, &workers[i], NULL),
                         STATUS_OK);
    }
    while (atomic_load(&w->failed) < 50) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    lab_log_new_term(w->log);
    lab_catch_up(&w->lab, 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        thread_join(&workers[i].thread);
    }
    assert_int_equal(lab_hash(&w->lab).low, before.low);
    lab_lead(&w->lab);
    read_sum(w, &w->lab.waiter);
    assert_false(atomic_load(&w->wrong_sum));
    lab_deinit(&w->lab);
    lab_log_delete(w->log);
    free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transfers__many_threads_and_checkpoints__sum_stays),
        cmocka_unit_test(new_term__sessions_in_full_run__all_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
