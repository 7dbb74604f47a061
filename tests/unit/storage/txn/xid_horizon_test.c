/* xid_horizon_test.c: the table of xids is cut where nobody can ask any more.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/storage/txn/lab.h"

#include <stdlib.h>

#define ROWS 40u

static void
vacuum_candidates(struct lab *lab)
{
    struct object_id tables[8];
    unsigned count = store_vacuum_candidates(lab->store, tables, ARRAY_SIZE(tables));
    for (unsigned i = 0; i < count; i++) {
        struct vacuum_result result;
        assert_int_equal(store_vacuum(lab->store, tables[i], NULL, &result, &lab->diag),
                         STATUS_OK);
    }
}

static void
vacuum_table(struct lab *lab)
{
    struct vacuum_result result;
    assert_int_equal(store_vacuum(lab->store, LAB_TABLE, NULL, &result, &lab->diag), STATUS_OK);
}

static uint64_t
cut_at(const struct lab *lab)
{
    return atomic_load(&lab->store->xids.oldest);
}

static void
insert_rows(struct lab *lab, struct row_id *rows)
{
    struct txn *txn = lab_begin(lab);
    for (unsigned i = 0; i < ROWS; i++) {
        rows[i] = lab_insert(lab, txn, i, "new");
    }
    lab_commit(lab, txn);
}

/* Aborted and committed changes of the rows, by turns. */
static void
run_transactions(struct lab *lab, const struct row_id *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct txn *txn = lab_begin(lab);
        assert_int_equal(lab_update(lab, txn, rows[i % ROWS], i % ROWS, "changed"), ROW_DONE);
        if (i % 3 == 0) {
            txn_abort(txn);
        } else {
            lab_commit(lab, txn);
        }
    }
}

/* Goal: memory is that of the xids kept, however many there were. Method: eight million, by
 * hand; chunks are counted. */
static void
xids__millions__chunks_are_used_again(void **state)
{
    UNUSED(state);
    struct xids xids;
    xids_init(&xids);
    for (unsigned i = 0; i < 8000000; i++) {
        struct xid xid = xids_assign(&xids);
        xids_set(&xids, xid, XID_VALUE_ABORTED);
        if (i % 100000 == 99999) {
            assert_int_equal(xids_first_running(&xids).v, xid.v + 1);
            xids_cut(&xids, (struct xid){xid.v - 10});
            assert_int_equal(xids_get(&xids, (struct xid){xid.v - 9}), XID_VALUE_ABORTED);
            assert_int_equal(xids_get(&xids, (struct xid){xid.v - 11}), XID_VALUE_COMMITTED(1));
            assert_int_equal(xids_get(&xids, (struct xid){xid.v + 1}), XID_VALUE_RUNNING);
        }
    }
    assert_in_range(xids.chunk_count, 1, 100000 / XIDS_PER_CHUNK + 4);
    xids_deinit(&xids);
}

/* Goal: with vacuum and checkpoints the table stays small, nothing undone comes back, and a
 * restart finds the same rows. Method: many more xids than may be kept, a third of them undone;
 * crashes between; the model is that each row is there once; the follower agrees. */
static void
transactions__vacuum_goes_on__table_stays_small(void **state)
{
    struct lab_pair *f = *state;
    struct lab *lab = &f->primary;
    struct row_id rows[ROWS];
    insert_rows(lab, rows);
    for (unsigned round = 0; round < 12; round++) {
        lab->store->xids_kept_max = 2 * XIDS_PER_CHUNK;
        for (unsigned step = 0; step < 6; step++) {
            run_transactions(lab, rows, 1000);
            vacuum_candidates(lab);
            lab_checkpoint(lab);
        }
        if (round % 4 == 3) {
            lab_crash(lab);
            lab_log_new_term(f->log);
            lab_lead(lab);
        }
        assert_int_equal(lab_count_now(lab), ROWS);
    }
    assert_in_range(atomic_load(&lab->store->xids.next), 50000, 200000);
    assert_in_range(atomic_load(&lab->store->xids.next) - cut_at(lab), 0, 5 * XIDS_PER_CHUNK);
    struct txn *txn = lab_begin(lab);
    for (unsigned i = 0; i < ROWS; i++) {
        assert_int_equal(lab_read(lab, txn, rows[i]), i);
    }
    txn_end_read_only(txn);
    lab_catch_up(&f->follower, 0);
    lab_same_state(lab, &f->follower);
    assert_true(store_check(lab->store, true, &lab->diag));
}

/* Goal: whoever may still ask holds the cut back. Method: a transaction that runs; a snapshot
 * from before the cut was proposed; a table that was not vacuumed. */
static void
cut__someone_may_ask__waits(void **state)
{
    struct lab_pair *f = *state;
    struct lab *lab = &f->primary;
    struct row_id rows[ROWS];
    insert_rows(lab, rows);
    run_transactions(lab, rows, 2 * XIDS_PER_CHUNK);
    for (unsigned i = 0; i < 3; i++) { /* not vacuumed */
        lab_checkpoint(lab);
        run_transactions(lab, rows, 2);
    }
    assert_in_range(cut_at(lab), 1, XIDS_PER_CHUNK);
    struct waiter other;
    waiter_init(&other);
    struct txn *reader = lab_begin_as(lab, ISOLATION_REPEATABLE_READ, &other);
    run_transactions(lab, rows, 2);
    vacuum_table(lab);
    lab_checkpoint(lab); /* proposed */
    run_transactions(lab, rows, 2);
    lab_checkpoint(lab);
    assert_in_range(cut_at(lab), 1, XIDS_PER_CHUNK);
    assert_int_equal(lab_count(lab, reader), ROWS);
    txn_end_read_only(reader);
    lab_checkpoint(lab);
    uint64_t cut = cut_at(lab);
    assert_in_range(cut, XIDS_PER_CHUNK, UINT64_MAX);
    struct txn *txn = lab_begin_as(lab, ISOLATION_READ_COMMITTED, &other);
    lab_insert(lab, txn, 7, "running"); /* holds its xid */
    uint64_t running = xids_first_running(&lab->store->xids).v;
    for (unsigned i = 0; i < 3; i++) {
        run_transactions(lab, rows, XIDS_PER_CHUNK);
        vacuum_table(lab);
        lab_checkpoint(lab);
    }
    assert_in_range(cut_at(lab), cut, running);
    txn_abort(txn);
    waiter_deinit(&other);
    assert_int_equal(lab_count_now(lab), ROWS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xids__millions__chunks_are_used_again),
        cmocka_unit_test_setup_teardown(transactions__vacuum_goes_on__table_stays_small,
                                        lab_pair_setup, lab_pair_teardown),
        cmocka_unit_test_setup_teardown(cut__someone_may_ask__waits, lab_pair_setup,
                                        lab_pair_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
