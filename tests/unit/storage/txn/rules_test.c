/* rules_test.c: the rules of docs/rules.md that transactions keep, each by its name.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/storage/txn/lab.h"

#include "base/errors.h"
#include "base/thread.h"
#include "storage/txn/txn_internal.h"

#include <stdlib.h>

/* Rule 1: a transaction keeps the term of its first write or lock.
 * Method: write in term 1, the node leads term 2, write again: 40001. One that only locked is
 * bound as well; one that only read is not. */
static void
rule_1_term__next_write_in_a_newer_term__fails(void **state)
{
    struct lab_pair *f = *state;
    struct lab *lab = &f->primary;
    struct txn *wrote = lab_begin(lab), *locked = lab_begin(lab), *read = lab_begin(lab);
    lab_insert(lab, wrote, 1, "a");
    assert_int_equal(table_lock(locked, LAB_TABLE, TABLE_LOCK_ROW_SHARE, LOCK_WAIT, &lab->diag),
                     STATUS_OK);
    assert_int_equal(txn_term(wrote), 1);
    assert_int_equal(txn_term(locked), 1);
    assert_int_equal(txn_term(read), 0);
    lab_log_new_term(f->log);
    lab_lead(lab);
    struct xid xid;
    struct diag diag;
    gate_enter(lab->store->pages);
    diag_clear(&diag);
    assert_int_equal(txn_write_xid(wrote, &xid, &diag), STATUS_NOT_LEADER);
    assert_string_equal(diag.sqlstate, SQLSTATE_SERIALIZATION_FAILURE);
    assert_int_equal(txn_write_xid(locked, &xid, NULL), STATUS_NOT_LEADER);
    assert_int_equal(txn_write_xid(read, &xid, NULL), STATUS_OK);
    gate_leave(lab->store->pages);
    assert_int_equal(txn_check(wrote, NULL), STATUS_NOT_LEADER);
    txn_abort(wrote);
    txn_abort(locked);
    txn_abort(read);
}

/* Rule 2: once submitted only the log decides; before it a newer term may win.
 * Method: submit and let the entry arrive after a refusal of writers: committed. The other way
 * round, the newer term first: submit fails and nothing of it reaches the log. */
static void
rule_2_point_of_no_return__submitted__log_decides(void **state)
{
    struct lab_pair *f = *state;
    struct lab *lab = &f->primary;
    lab->held = true;
    struct txn *txn = lab_begin(lab);
    lab_insert(lab, txn, 1, "a");
    struct lab_fate fate;
    lab_submit(lab, txn, &fate);
    store_refuse_writers(lab->store);
    assert_int_equal(txn_state(txn), TXN_SUBMITTED);
    lab_catch_up(lab, 0);
    assert_int_equal(fate.state, TXN_COMMITTED);
    txn_free(txn);

    lab_lead(lab);
    txn = lab_begin(lab);
    lab_insert(lab, txn, 2, "b");
    lab_log_new_term(f->log);
    lab_catch_up(lab, 0);
    struct buf record = BUF_EMPTY;
    assert_int_equal(txn_submit(txn, NULL, NULL, &record, NULL), STATUS_NOT_LEADER);
    assert_int_equal(record.size, 0);
    assert_int_equal(txn_state(txn), TXN_ABORTED);
    txn_abort(txn);
    buf_deinit(&record);
    assert_int_equal(lab_count_now(lab), 1);
}

/* A refused record leaves a running transaction, which can be aborted. */
static void
submit__record_refused__transaction_runs_and_aborts(void **state)
{
    struct lab_pair *f = *state;
    struct lab *lab = &f->primary;
    struct txn *txn = lab_begin(lab);
    lab_insert(lab, txn, 1, "a");
    struct buf record = BUF_EMPTY;
    assert_int_equal(txn_submit(txn, NULL, NULL, &record, NULL), STATUS_OK);
    assert_true(txn_submit_refused(txn));
    assert_int_equal(txn_state(txn), TXN_RUNNING);
    txn_abort(txn);
    buf_deinit(&record);
    assert_int_equal(lab_count_now(lab), 0);
}

/* Rule 3: a write checks its term inside the gate each time.
 * Method: the node is refused writers between two writes of one transaction, and on a node that
 * does not lead a first write is refused as well. */
static void
rule_3_gate__writers_refused__write_fails_at_once(void **state)
{
    struct lab_pair *f = *state;
    struct lab *lab = &f->primary;
    struct txn *txn = lab_begin(lab), *fresh = lab_begin(lab);
    lab_insert(lab, txn, 1, "a");
    store_refuse_writers(lab->store);
    struct xid xid;
    struct diag diag;
    diag_clear(&diag);
    gate_enter(lab->store->pages);
    assert_int_equal(txn_write_xid(txn, &xid, NULL), STATUS_NOT_LEADER);
    assert_int_equal(txn_write_xid(fresh, &xid, &diag), STATUS_NOT_LEADER);
    gate_leave(lab->store->pages);
    assert_string_equal(diag.sqlstate, SQLSTATE_READ_ONLY_SQL_TRANSACTION);
    assert_int_equal(table_lock(fresh, LAB_TABLE, TABLE_LOCK_SHARE, LOCK_WAIT, NULL),
                     STATUS_NOT_LEADER);
    assert_int_equal(table_lock(fresh, LAB_TABLE, TABLE_LOCK_ACCESS_SHARE, LOCK_WAIT, NULL),
                     STATUS_OK);
    txn_abort(txn);
    txn_end_read_only(fresh);
}

/* Rule 4: the first entry of a newer term aborts what the log has not committed: running and
 * submitted; what was logged before it commits first.
 * Method: held node with one record in the log, one submitted but never logged, one running;
 * then a newer term's TERM_START. */
static void
rule_4_new_term__unlogged_transactions__are_aborted(void **state)
{
    struct lab_pair *f = *state;
    struct lab *lab = &f->primary;
    lab->held = true;
    struct txn *logged = lab_begin(lab), *lost = lab_begin(lab), *running = lab_begin(lab);
    struct row_id row_logged = lab_insert(lab, logged, 1, "logged");
    struct row_id row_lost = lab_insert(lab, lost, 2, "lost");
    struct row_id row_running = lab_insert(lab, running, 3, "running");
    struct lab_fate fate_logged, fate_lost;
    lab_submit(lab, logged, &fate_logged);
    lab_submit(lab, lost, &fate_lost);
    f->log->count--; /* the lost one's entry never reached a majority */
    buf_deinit(&f->log->entries[f->log->count].bytes);
    struct gtid gtid = txn_gtid(lost);
    assert_int_equal(store_txn_outcome(lab->store, gtid), OUTCOME_IN_PROGRESS);
    lab_log_new_term(f->log);
    lab_catch_up(lab, 0);
    assert_int_equal(fate_logged.state, TXN_COMMITTED);
    assert_int_equal(fate_logged.calls, 1);
    assert_int_equal(fate_lost.state, TXN_ABORTED);
    assert_int_equal(fate_lost.calls, 1);
    assert_int_equal(txn_state(running), TXN_ABORTED);
    assert_int_equal(store_txn_outcome(lab->store, gtid), OUTCOME_ABORTED);
    assert_int_equal(store_writer_term(lab->store), 0);
    txn_free(logged);
    txn_free(lost);
    txn_abort(running);
    struct txn *txn = lab_begin(lab);
    assert_int_equal(lab_read(lab, txn, row_logged), 1);
    assert_int_equal(lab_read(lab, txn, row_lost), -1);
    assert_int_equal(lab_read(lab, txn, row_running), -1);
    txn_end_read_only(txn);
}

/* Rule 4: locks of the dead count for nothing, though their session sleeps on.
 * Method: an idle transaction holds strong locks; a newer term; a writer of it takes them. */
static void
rule_4_new_term__locks_of_idle_dead__do_not_block(void **state)
{
    struct lab_pair *f = *state;
    struct lab *lab = &f->primary;
    struct txn *idle = lab_begin(lab);
    assert_int_equal(table_lock(idle, LAB_TABLE, TABLE_LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, NULL),
                     STATUS_OK);
    struct row_id row = {1};
    assert_int_equal(row_lock(idle, LAB_TABLE, row, ROW_LOCK_UPDATE, LOCK_WAIT, NULL),
                     STATUS_OK);
    lab_log_new_term(f->log);
    lab_lead(lab);
    struct txn *txn = lab_begin(lab);
    assert_int_equal(
        table_lock(txn, LAB_TABLE, TABLE_LOCK_ACCESS_EXCLUSIVE, LOCK_NOWAIT, &lab->diag),
        STATUS_OK);
    assert_int_equal(row_lock(txn, LAB_TABLE, row, ROW_LOCK_UPDATE, LOCK_NOWAIT, NULL),
                     STATUS_OK);
    txn_abort(txn);
    txn_abort(idle);
}

/* Rule 4: what a dead transaction had dropped can be dropped by the new primary while the dead
 * one's session has not noticed; its late undo takes nothing back. */
static void
rule_4_new_term__dead_transactions_drop__is_undone_only_for_itself(void **state)
{
    struct lab_pair *f = *state;
    struct lab *lab = &f->primary;
    struct lab other;
    lab_init(&other, f->log, 2, false);
    struct txn *dead = lab_begin(lab);
    assert_int_equal(object_drop(dead, LAB_TABLE, &lab->diag), STATUS_OK);
    lab_log_new_term(f->log);
    lab_lead(&other);
    lab_catch_up(lab, 0);
    struct txn *txn = lab_begin(lab);
    assert_non_null(objects_table_read(txn, LAB_TABLE));
    txn_end_read_only(txn);
    txn = lab_begin(&other);
    assert_int_equal(object_drop(txn, LAB_TABLE, &other.diag), STATUS_OK);
    lab_commit(&other, txn);
    lab_catch_up(lab, 0);
    txn_abort(dead);
    txn = lab_begin(lab);
    assert_null(objects_table_read(txn, LAB_TABLE));
    txn_end_read_only(txn);
    lab_same_state(lab, &other);
    lab_deinit(&other);
}

static void
abort_it(void *arg)
{
    txn_abort(arg);
}

/* A session that aborts at the same time stands before the gate, its state settled and its xids
 * not: the first entry of the term must find them undone.
 * Method: gate closed; a thread aborts; rule 4; look at the xid before the gate opens. */
static void
rule_4_new_term__aborting_before_the_gate__is_undone_as_well(void **state)
{
    struct lab_pair *f = *state;
    struct lab *lab = &f->primary;
    struct txn *txn = lab_begin(lab), *submitted = NULL;
    struct thread session;
    struct csn csn;
    lab_insert(lab, txn, 1, "going");
    struct xid xid = txn->xids[0].xid;
    gate_close(lab->store->pages);
    assert_int_equal(thread_start(&session, THREAD_ANY, "session", abort_it, txn, NULL),
                     STATUS_OK);
    while (txn_state(txn) == TXN_RUNNING) {
        thread_sleep_us(100);
    }
    assert_int_equal(xid_state(lab->store, xid, &csn), XID_RUNNING);
    txn__abort_older_terms(lab->store, f->log->term + 1, &submitted);
    assert_int_equal(xid_state(lab->store, xid, &csn), XID_ABORTED);
    assert_null(submitted);
    gate_open(lab->store->pages);
    thread_join(&session);
}

/* Rule 5: writers are admitted by store_admit_writers() only, for the term it names. */
static void
rule_5_leadership__before_admission__no_writer(void **state)
{
    struct lab_pair *f = *state;
    struct lab *lab = &f->primary;
    lab_log_new_term(f->log);
    lab_catch_up(lab, 0);
    struct txn *txn = lab_begin(lab);
    struct xid xid;
    gate_enter(lab->store->pages);
    assert_int_equal(txn_write_xid(txn, &xid, NULL), STATUS_NOT_LEADER);
    store_admit_writers(lab->store, f->log->term);
    assert_int_equal(txn_write_xid(txn, &xid, NULL), STATUS_OK);
    gate_leave(lab->store->pages);
    assert_int_equal(txn_term(txn), f->log->term);
    txn_abort(txn);
    lab_log_new_term(f->log);
    lab_catch_up(lab, 0);
    store_admit_writers(lab->store, f->log->term - 1); /* came late */
    assert_int_equal(store_writer_term(lab->store), 0);
}

/* Rule 6: a commit's parts move in one step, and only then is its CSN visible.
 * Method: two records in one entry; `done` of the first looks at everything. */
struct look {
    struct lab *lab;
    struct gtid second;
    struct row_id row;
    bool ok;
};

static void
look_around(void *arg, enum txn_state txn_state_, struct csn csn)
{
    struct look *look = arg;
    uint64_t index;
    struct hash128 hash;
    store_state_hash(look->lab->store, &index, &hash);
    struct txn *txn = lab_begin(look->lab);
    look->ok = txn_state_ == TXN_COMMITTED && index == csn.v &&
               store_applied_index(look->lab->store) == csn.v &&
               txn_snapshot_csn(txn).v == csn.v && lab_read(look->lab, txn, look->row) == 2 &&
               store_txn_outcome(look->lab->store, look->second) == OUTCOME_COMMITTED;
    txn_end_read_only(txn);
}

static void
ignore(void *arg, enum txn_state txn_state_, struct csn csn)
{
    UNUSED(arg);
    UNUSED(txn_state_);
    UNUSED(csn);
}

static void
rule_6_one_step__records_of_an_entry__visible_together(void **state)
{
    struct lab_pair *f = *state;
    struct lab *lab = &f->primary;
    struct txn *first = lab_begin(lab), *second = lab_begin(lab);
    lab_insert(lab, first, 1, "a");
    struct look look = {.lab = lab, .row = lab_insert(lab, second, 2, "b")};
    look.second = txn_gtid(second);
    struct buf payload = BUF_EMPTY;
    assert_int_equal(txn_submit(first, look_around, &look, &payload, NULL), STATUS_OK);
    assert_int_equal(txn_submit(second, ignore, NULL, &payload, NULL), STATUS_OK);
    lab_log_append(f->log, ENTRY_TXNS, buf_slice(&payload));
    lab_catch_up(lab, 0);
    assert_true(look.ok);
    txn_free(first);
    txn_free(second);
    buf_deinit(&payload);
}

/* Rule 6: a version whose CSN is not published yet is still locked for a writer. */
static void
rule_6_one_step__csn_above_visible__counts_as_running(void **state)
{
    struct lab_pair *f = *state;
    struct lab *lab = &f->primary;
    struct xid xid = xids_assign(&lab->store->xids);
    uint64_t visible = store_applied_index(lab->store);
    struct csn csn;
    xids_set(&lab->store->xids, xid, XID_VALUE_COMMITTED(visible + 1));
    assert_int_equal(xid_state(lab->store, xid, &csn), XID_COMMITTED);
    assert_int_equal(xid_state_for_writer(lab->store, xid, &csn), XID_RUNNING);
    struct txn *txn = lab_begin(lab);
    assert_false(txn_sees(txn, xid, 1));
    txn_end_read_only(txn);
    struct buf none = BUF_EMPTY;
    assert_int_equal(store_apply(lab->store, visible + 1, 1, buf_slice(&none), NULL),
                     STATUS_OK);
    assert_int_equal(xid_state_for_writer(lab->store, xid, &csn), XID_COMMITTED);
}

/* Rule 7: the horizon never passes a snapshot in use, and follows when it ends.
 * Method: a REPEATABLE READ reader, commits after it; READ COMMITTED moves its own on. */
static void
rule_7_snapshot__horizon__holds_at_oldest_reader(void **state)
{
    struct lab_pair *f = *state;
    struct lab *lab = &f->primary;
    struct txn *reader = lab_begin_as(lab, ISOLATION_REPEATABLE_READ, &lab->waiter);
    uint64_t seen = txn_snapshot_csn(reader).v;
    for (int i = 0; i < 3; i++) {
        struct txn *txn = lab_begin(lab);
        lab_insert(lab, txn, i, "x");
        lab_commit(lab, txn);
    }
    txn_take_snapshot(reader);
    assert_int_equal(txn_snapshot_csn(reader).v, seen);
    assert_int_equal(lab_count(lab, reader), 0);
    assert_int_equal(store_horizon(lab->store).v, seen);
    txn_end_read_only(reader);
    assert_int_equal(store_horizon(lab->store).v, store_applied_index(lab->store));
    assert_int_equal(lab_count_now(lab), 3);
}

/* Rule 9: what does not fit the state is divergence and latches; a second delivery of an entry
 * changes nothing; bytes of a future version are refused without harm. */
static void
rule_9_apply__missing_target__latches_the_node(void **state)
{
    struct lab_pair *f = *state;
    struct lab *lab = &f->primary;
    struct hash128 before = lab_hash(lab);
    uint64_t index = store_applied_index(lab->store);
    assert_int_equal(store_apply(lab->store, index, 1, slice_make("junk", 4), NULL), STATUS_OK);
    assert_int_equal(lab_hash(lab).low, before.low);

    struct buf effects = BUF_EMPTY, payload = BUF_EMPTY;
    effect_encode(
        &effects,
        &(struct effect){.kind = EFFECT_DELETE, .object = LAB_TABLE, .row = {.v = 4711}});
    txn_record_encode(
        &payload, &(struct txn_record){.gtid = {9, 1, 1, 1}, .effects = buf_slice(&effects)});
    lab_log_append(f->log, ENTRY_TXNS, buf_slice(&payload));
    struct diag diag;
    diag_clear(&diag);
    assert_int_equal(
        store_apply(lab->store, index + 1, 1, buf_slice(&f->log->entries[index].bytes), &diag),
        STATUS_CORRUPT);
    assert_true(store_damaged(lab->store));
    assert_int_equal(store_applied_index(lab->store), index);
    struct txn *txn;
    struct txn_options options = {.waiter = &lab->waiter};
    assert_int_equal(txn_begin(lab->store, &options, &txn, NULL), STATUS_CORRUPT);
    buf_deinit(&effects);
    buf_deinit(&payload);
}

/* Rule 9, walk D: a row id that this node gave out and lost is given out again by the
 * new primary: its insert is linked over the aborted head. */
static void
rule_9_apply__insert_over_aborted_head__wins(void **state)
{
    struct lab_pair *f = *state;
    struct lab *lab = &f->primary;
    struct lab other;
    lab_init(&other, f->log, 2, false);
    lab_catch_up(&other, 0);
    struct txn *lost = lab_begin(lab);
    struct row_id row = lab_insert(lab, lost, 1, "lost");
    lab_log_new_term(f->log);
    lab_lead(&other);
    struct txn *txn = lab_begin(&other);
    struct row_id again = lab_insert(&other, txn, 2, "won");
    assert_int_equal(again.v, row.v);
    lab_commit(&other, txn);
    lab_catch_up(lab, 0);
    txn_abort(lost);
    lab_same_state(lab, &other);
    txn = lab_begin(lab);
    assert_int_equal(lab_read(lab, txn, row), 2);
    txn_end_read_only(txn);
    lab_deinit(&other);
}

/* Rule 10: a root is written only when the log is durable through its index; at start what it
 * found in progress is aborted, and replay gives the same state.
 * Method: log_durable fails: no root. Then with a running transaction across a checkpoint and a
 * crash; its own committed entries after the cut are replayed as another's would be. */
static enum status
refuse_durable(void *arg, uint64_t index, struct diag *diag)
{
    *(uint64_t *)arg = index;
    return diag_fail(diag, STATUS_IO, SQLSTATE_IO_ERROR, "log is not durable");
}

static void
rule_10_root_and_log__log_not_durable__no_root(void **state)
{
    struct lab_pair *f = *state;
    struct lab *lab = &f->primary;
    lab_checkpoint(lab);
    uint64_t first = store_checkpoint_index(lab->store), asked = 0;
    struct txn *txn = lab_begin(lab);
    lab_insert(lab, txn, 1, "a");
    lab_commit(lab, txn);
    lab->store->options.log_durable = refuse_durable;
    void *arg = lab->store->options.log_arg;
    lab->store->options.log_arg = &asked;
    struct checkpoint_result result;
    assert_int_equal(store_checkpoint(lab->store, &result, NULL), STATUS_IO);
    assert_int_equal(asked, store_applied_index(lab->store));
    assert_int_equal(store_checkpoint_index(lab->store), first);
    lab->store->options.log_durable = NULL;
    lab->store->options.log_arg = arg;
}

static void
rule_10_root_and_log__running_at_the_cut__is_aborted_and_log_replayed(void **state)
{
    struct lab_pair *f = *state;
    struct lab *lab = &f->primary;
    lab->held = true;
    struct txn *running = lab_begin(lab), *late = lab_begin(lab);
    struct row_id row_running = lab_insert(lab, running, 1, "running");
    struct row_id row_late = lab_insert(lab, late, 2, "late");
    lab_checkpoint(lab); /* holds eager versions of both */
    struct lab_fate fate;
    lab_submit(lab, late, &fate);
    lab_catch_up(lab, 0);
    assert_int_equal(fate.state, TXN_COMMITTED);
    txn_free(late);
    struct hash128 before = lab_hash(lab);
    txn_abort(running);
    lab_crash(lab);
    assert_int_equal(lab_hash(lab).low, before.low);
    assert_int_equal(lab_hash(lab).high, before.high);
    struct txn *txn = lab_begin(lab);
    assert_int_equal(lab_read(lab, txn, row_running), -1);
    assert_int_equal(lab_read(lab, txn, row_late), 2);
    assert_int_equal(lab_count(lab, txn), 1);
    txn_end_read_only(txn);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, lab_pair_setup_alone, lab_pair_teardown)
        T(rule_1_term__next_write_in_a_newer_term__fails),
        T(rule_2_point_of_no_return__submitted__log_decides),
        T(submit__record_refused__transaction_runs_and_aborts),
        T(rule_3_gate__writers_refused__write_fails_at_once),
        T(rule_4_new_term__unlogged_transactions__are_aborted),
        T(rule_4_new_term__locks_of_idle_dead__do_not_block),
        T(rule_4_new_term__dead_transactions_drop__is_undone_only_for_itself),
        T(rule_4_new_term__aborting_before_the_gate__is_undone_as_well),
        T(rule_5_leadership__before_admission__no_writer),
        T(rule_6_one_step__records_of_an_entry__visible_together),
        T(rule_6_one_step__csn_above_visible__counts_as_running),
        T(rule_7_snapshot__horizon__holds_at_oldest_reader),
        T(rule_9_apply__missing_target__latches_the_node),
        T(rule_9_apply__insert_over_aborted_head__wins),
        T(rule_10_root_and_log__log_not_durable__no_root),
        T(rule_10_root_and_log__running_at_the_cut__is_aborted_and_log_replayed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
