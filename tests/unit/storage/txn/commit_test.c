/* commit_test.c: commits, replay, replicas, large transactions, savepoints, sequences, objects.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/storage/txn/lab.h"

#include "base/errors.h"
#include "storage/txn/txn_internal.h"

#include <stdlib.h>

/* Two stores fed with the same entries agree; the one that ran the transactions with the one
 * that applied them. Method: inserts, updates, deletes, aborts; compare hashes and rows. */
static void
apply__same_entries__same_state_on_primary_and_follower(void **state)
{
    struct lab_pair *f = *state;
    struct lab *p = &f->primary;
    struct row_id rows[20];
    struct txn *txn = lab_begin(p);
    for (int i = 0; i < 20; i++) {
        rows[i] = lab_insert(p, txn, i, "first");
    }
    lab_commit(p, txn);
    txn = lab_begin(p);
    for (int i = 0; i < 20; i += 2) {
        assert_int_equal(lab_update(p, txn, rows[i], 100 + i, "second"), ROW_DONE);
    }
    lab_commit(p, txn);
    txn = lab_begin(p);
    lab_insert(p, txn, 1000, "aborted");
    lab_delete(p, txn, rows[3]);
    txn_abort(txn);
    txn = lab_begin(p);
    lab_delete(p, txn, rows[0]);
    lab_delete(p, txn, rows[1]);
    lab_commit(p, txn);
    lab_catch_up(&f->follower, 0);
    lab_same_state(p, &f->follower);
    assert_int_equal(lab_count_now(p), 18);
    assert_int_equal(lab_count_now(&f->follower), 18);
    txn = lab_begin(&f->follower);
    assert_int_equal(lab_read(&f->follower, txn, rows[2]), 102);
    assert_int_equal(lab_read(&f->follower, txn, rows[3]), 3);
    assert_int_equal(lab_read(&f->follower, txn, rows[0]), -1);
    txn_end_read_only(txn);
}

/* The hash is that of the live rows alone. Method: all rows deleted again: the hash of none. */
static void
state_hash__all_rows_deleted__is_that_of_an_empty_table(void **state)
{
    struct lab_pair *f = *state;
    struct lab *p = &f->primary;
    struct hash128 empty = lab_hash(p);
    struct txn *txn = lab_begin(p);
    struct row_id a = lab_insert(p, txn, 1, "a"), b = lab_insert(p, txn, 2, "b");
    lab_update(p, txn, a, 3, "c");
    lab_commit(p, txn);
    assert_int_not_equal(lab_hash(p).low, empty.low);
    txn = lab_begin(p);
    lab_delete(p, txn, a);
    lab_delete(p, txn, b);
    lab_commit(p, txn);
    assert_int_equal(lab_hash(p).low, empty.low);
    assert_int_equal(lab_hash(p).high, empty.high);
}

/* Savepoints: what was rolled back is nowhere: not here, not in the log's effect, not in the
 * hash; what was released stays. */
static void
savepoint__rolled_back_and_released__only_released_stays(void **state)
{
    struct lab_pair *f = *state;
    struct lab *p = &f->primary;
    struct txn *txn = lab_begin(p);
    struct row_id kept = lab_insert(p, txn, 1, "kept");
    uint64_t first = txn_savepoint(txn);
    struct row_id undone = lab_insert(p, txn, 2, "undone");
    lab_update(p, txn, kept, 11, "undone");
    uint64_t nested = txn_savepoint(txn);
    lab_insert(p, txn, 3, "undone with its outer");
    txn_release(txn, nested);
    txn_next_command(txn);
    assert_int_equal(lab_count(p, txn), 3);
    txn_rollback_to(txn, first);
    assert_int_equal(lab_count(p, txn), 1);
    assert_int_equal(lab_read(p, txn, kept), 1);
    struct row_id again = lab_insert(p, txn, 4, "after the rollback, in the same savepoint");
    uint64_t second = txn_savepoint(txn);
    struct row_id released = lab_insert(p, txn, 5, "released");
    txn_release(txn, second);
    lab_commit(p, txn);
    lab_catch_up(&f->follower, 0);
    lab_same_state(p, &f->follower);
    struct lab *labs[] = {p, &f->follower};
    for (size_t i = 0; i < ARRAY_SIZE(labs); i++) {
        txn = lab_begin(labs[i]);
        assert_int_equal(lab_read(labs[i], txn, kept), 1);
        assert_int_equal(lab_read(labs[i], txn, undone), -1);
        assert_int_equal(lab_read(labs[i], txn, again), 4);
        assert_int_equal(lab_read(labs[i], txn, released), 5);
        assert_int_equal(lab_count(labs[i], txn), 3);
        txn_end_read_only(txn);
    }
}

static char *
long_text(void)
{
    static char bytes[1500];
    memset(bytes, 'x', sizeof(bytes) - 1);
    return bytes;
}

/* Walk H: a transaction of many MiB goes through parts; nothing of it shows before its commit;
 * a checkpoint in between and a restart lose nothing; savepoints in shipped parts count. */
static void
large_transaction__parts__applied_at_commit_only(void **state)
{
    struct lab_pair *f = *state;
    struct lab *p = &f->primary;
    struct txn *txn = lab_begin(p);
    for (int i = 0; i < 3000; i++) {
        lab_insert(p, txn, i, long_text());
    }
    uint64_t savepoint = txn_savepoint(txn);
    for (int i = 0; i < 3000; i++) {
        lab_insert(p, txn, 10000 + i, long_text());
    }
    txn_rollback_to(txn, savepoint);
    lab_insert(p, txn, 20000, "tail");
    assert_true(txn->part_count > 3);
    assert_true(txn->redo.size <= REDO_CHUNK_BYTES);
    lab_catch_up(&f->follower, 0);
    assert_int_equal(lab_count_now(&f->follower), 0);
    assert_int_equal(f->follower.store->parts.count, 1);
    lab_checkpoint(&f->follower);
    assert_int_equal(store_checkpoint_needs(f->follower.store), txn->part_indexes[0]);
    lab_crash(&f->follower);
    assert_int_equal(f->follower.store->parts.count, 1);
    lab_commit(p, txn);
    lab_catch_up(&f->follower, 0);
    lab_same_state(p, &f->follower);
    assert_int_equal(lab_count_now(p), 3001);
    assert_int_equal(lab_count_now(&f->follower), 3001);
    assert_int_equal(f->follower.store->parts.count, 0);
    lab_crash(p);
    lab_same_state(p, &f->follower);
    assert_int_equal(lab_count_now(p), 3001);
}

/* Parts of a transaction that aborts are dropped by an entry; those of a lost primary by the
 * first entry of the newer term. */
static void
large_transaction__aborted_or_lost__parts_are_dropped(void **state)
{
    struct lab_pair *f = *state;
    struct lab *p = &f->primary;
    for (int way = 0; way < 2; way++) {
        struct txn *txn = lab_begin(p);
        for (int i = 0; i < 4000; i++) {
            lab_insert(p, txn, i, long_text());
        }
        lab_catch_up(&f->follower, 0);
        assert_int_equal(f->follower.store->parts.count, 1);
        if (way == 1) {
            lab_log_new_term(f->log);
            lab_catch_up(p, 0);
        }
        txn_abort(txn);
        lab_catch_up(p, 0);
        lab_catch_up(&f->follower, 0);
        assert_int_equal(p->store->parts.count, 0);
        assert_int_equal(f->follower.store->parts.count, 0);
        lab_same_state(p, &f->follower);
        assert_int_equal(lab_count_now(p), 0);
    }
}

/* A part whose fate is not known is never sent twice: the transaction cannot commit any more,
 * and its abort drops the part that may be in the log after all. Method: the proposer logs the
 * entry but answers that it timed out. */
static enum status
log_and_time_out(void *arg, enum entry_kind kind, struct slice payload, struct waiter *waiter,
                 struct diag *diag)
{
    struct lab *lab = arg;
    UNUSED(waiter);
    lab_log_append(lab->log, kind, payload);
    return diag_fail(diag, STATUS_TIMEOUT, SQLSTATE_QUERY_CANCELED, "too slow");
}

static void
large_transaction__part_in_doubt__cannot_commit(void **state)
{
    struct lab_pair *f = *state;
    struct lab *p = &f->primary;
    store_propose_fn propose = p->store->propose;
    struct txn *txn = lab_begin(p);
    for (int i = 0; i < 1000; i++) {
        lab_insert(p, txn, i, long_text());
    }
    store_set_propose(p->store, log_and_time_out, p);
    struct buf record = BUF_EMPTY;
    assert_int_equal(txn_submit(txn, NULL, NULL, &record, NULL), STATUS_TIMEOUT);
    lab_catch_up(p, 0);
    assert_int_equal(p->store->parts.count, 1);
    store_set_propose(p->store, propose, p);
    assert_int_equal(txn_submit(txn, NULL, NULL, &record, NULL), STATUS_NOT_LEADER);
    assert_int_equal(record.size, 0);
    txn_abort(txn);
    assert_int_equal(p->store->parts.count, 0);
    assert_int_equal(lab_count_now(p), 0);
    buf_deinit(&record);
}

/* Restart: checkpoint, later entries, crash, replay: same hash, rows, row ids go on.
 * Method: many checkpoints between commits, crash after each. */
static void
restart__checkpoints_and_replay__same_state(void **state)
{
    struct lab_pair *f = *state;
    struct lab *p = &f->primary;
    struct row_id rows[200];
    unsigned count = 0;
    for (int round = 0; round < 8; round++) {
        for (int i = 0; i < 10; i++) {
            struct txn *txn = lab_begin(p);
            rows[count++] = lab_insert(p, txn, round, "row");
            if (count > 5) {
                lab_update(p, txn, rows[count - 5], 1000 + i, "changed");
            }
            lab_commit(p, txn);
        }
        if (round % 2 == 0) {
            lab_checkpoint(p);
        }
        struct txn *txn = lab_begin(p);
        rows[count++] = lab_insert(p, txn, -7, "after the checkpoint");
        lab_commit(p, txn);
        uint64_t checkpoint = store_checkpoint_index(p->store);
        assert_true(checkpoint < store_applied_index(p->store));
        lab_catch_up(&f->follower, 0);
        lab_crash(p);
        assert_int_equal(store_checkpoint_index(p->store), checkpoint);
        lab_same_state(p, &f->follower);
        assert_int_equal(lab_count_now(p), count);
        lab_log_new_term(f->log);
        lab_lead(p);
    }
    for (unsigned i = 1; i < count; i++) {
        assert_true(rows[i].v > rows[i - 1].v);
    }
}

/* Outcomes of a gtid on the node that ran it, on another, after a restart. */
static void
txn_outcome__all_fates__are_told(void **state)
{
    struct lab_pair *f = *state;
    struct lab *p = &f->primary, *other = &f->follower;
    struct txn *txn = lab_begin(p);
    lab_insert(p, txn, 1, "a");
    struct gtid committed = txn_gtid(txn);
    assert_int_equal(store_txn_outcome(p->store, committed), OUTCOME_IN_PROGRESS);
    assert_int_equal(store_txn_outcome(other->store, committed), OUTCOME_IN_PROGRESS);
    lab_commit(p, txn);
    assert_int_equal(store_txn_outcome(p->store, committed), OUTCOME_COMMITTED);
    lab_catch_up(other, 0);
    assert_int_equal(store_txn_outcome(other->store, committed), OUTCOME_COMMITTED);

    txn = lab_begin(p);
    lab_insert(p, txn, 2, "b");
    struct gtid aborted = txn_gtid(txn);
    txn_abort(txn);
    assert_int_equal(store_txn_outcome(p->store, aborted), OUTCOME_ABORTED);
    assert_int_equal(store_txn_outcome(other->store, aborted), OUTCOME_IN_PROGRESS);
    lab_log_new_term(f->log);
    lab_catch_up(other, 0);
    assert_int_equal(store_txn_outcome(other->store, aborted), OUTCOME_ABORTED);
    lab_checkpoint(p);
    lab_crash(p);
    assert_int_equal(store_txn_outcome(p->store, committed), OUTCOME_COMMITTED);
    assert_int_equal(store_txn_outcome(p->store, aborted), OUTCOME_ABORTED);
}

/* Goal: a table that changes while it is encoded in pieces is loaded as it was at the cut. */
static void
gtids__encoded_while_it_changes__loaded_as_at_the_cut(void **state)
{
    UNUSED(state);
    struct gtids gtids, loaded;
    gtids_init(&gtids);
    gtids_init(&loaded);
    struct gtids_image image = GTIDS_IMAGE_INIT;
    uint64_t number = 0;
    const uint64_t piece = 1000, between[] = {0, 10, 999, 70000};
    for (size_t i = 0; i < 120; i++) {
        for (uint64_t k = 0; k < between[i == 119 ? 3 : i % 3]; k++) {
            number++;
            gtids_add(&gtids, (struct gtid){1, 2, 3 + number / 5000, number * 3},
                      (struct csn){number * 2});
            gtids_prune(&gtids, number * 2);
        }
        (void)gtids_image_add(&image, &gtids, piece);
        struct buf saved = BUF_EMPTY;
        if (i % 17 == 0 || i >= 118) {
            gtids_save(&image, &gtids, &saved);
            struct reader in = reader_make(buf_slice(&saved));
            assert_int_equal(gtids_load(&loaded, number * 2, &in, NULL), STATUS_OK);
            assert_true(reader_done(&in));
            assert_int_equal(loaded.count, gtids.count);
            assert_int_equal(loaded.newest_pruned_term, gtids.newest_pruned_term);
            for (uint64_t k = 0; k < gtids.count; k += 97) {
                struct gtid_entry *want = &gtids.ring[(gtids.first + k) % GTIDS_MAX];
                struct gtid_entry *have = &loaded.ring[(loaded.first + k) % GTIDS_MAX];
                assert_true(gtid_equal(want->gtid, have->gtid) && want->csn == have->csn);
            }
            buf_deinit(&saved);
        }
    }
    gtids_image_deinit(&image);
    gtids_deinit(&gtids);
    gtids_deinit(&loaded);
}

/* The table of outcomes forgets as a function of the log alone and then says "unknown". */
static void
gtids__beyond_retention__unknown(void **state)
{
    UNUSED(state);
    struct gtids gtids, loaded;
    gtids_init(&gtids);
    gtids_init(&loaded);
    for (uint64_t i = 1; i <= GTIDS_MAX + 10; i++) {
        gtids_add(&gtids, (struct gtid){1, 2, 3 + i / 1000, i}, (struct csn){i / 2 + 1});
    }
    struct csn csn;
    assert_false(gtids_find(&gtids, (struct gtid){1, 2, 3, 10}, &csn));
    assert_true(gtids_find(&gtids, (struct gtid){1, 2, 3, 11}, &csn));
    assert_int_equal(gtids.newest_pruned_term, 3);
    gtids_prune(&gtids, GTIDS_INDEX_WINDOW + 1000);
    assert_int_equal(gtids.newest_pruned_term, 3 + 1999 / 1000);
    struct buf saved = BUF_EMPTY;
    struct gtids_image image = GTIDS_IMAGE_INIT;
    gtids_save(&image, &gtids, &saved);
    gtids_image_deinit(&image);
    struct reader in = reader_make(buf_slice(&saved));
    assert_int_equal(gtids_load(&loaded, GTIDS_INDEX_WINDOW + 1000, &in, NULL), STATUS_OK);
    assert_true(reader_done(&in));
    assert_int_equal(loaded.count, gtids.count);
    assert_int_equal(loaded.newest_pruned_term, gtids.newest_pruned_term);
    assert_true(gtids_find(&loaded, (struct gtid){1, 2, 3 + 65, 65500}, &csn));
    assert_int_equal(csn.v, 65500 / 2 + 1);
    buf_deinit(&saved);
    gtids_deinit(&gtids);
    gtids_deinit(&loaded);
}

/* ---- objects ---- */

/* TRUNCATE: an older snapshot sees the old rows, a new one none; aborted, nothing happened; the
 * spaces of the old generation go once nobody can see it. */
static void
truncate__old_snapshot__still_sees_its_generation(void **state)
{
    struct lab_pair *f = *state;
    struct lab *p = &f->primary;
    struct hash128 empty = lab_hash(p);
    struct txn *txn = lab_begin(p);
    for (int i = 0; i < 100; i++) {
        lab_insert(p, txn, i, "row");
    }
    lab_commit(p, txn);
    txn = lab_begin(p);
    assert_int_equal(table_truncate(txn, LAB_TABLE, &p->diag), STATUS_OK);
    txn_abort(txn);
    assert_int_equal(lab_count_now(p), 100);

    struct txn *old = lab_begin_as(p, ISOLATION_REPEATABLE_READ, &p->waiter);
    txn = lab_begin(p);
    assert_int_equal(table_truncate(txn, LAB_TABLE, &p->diag), STATUS_OK);
    lab_insert(p, txn, 7, "new");
    lab_commit(p, txn);
    objects_collect(p->store);
    assert_int_equal(lab_count(p, old), 100);
    assert_int_equal(lab_count_now(p), 1);
    txn_end_read_only(old);
    objects_collect(p->store);
    assert_int_equal(p->store->objects.garbage_count, 0);
    assert_int_equal(lab_count_now(p), 1);
    lab_catch_up(&f->follower, 0);
    lab_same_state(p, &f->follower);
    assert_int_equal(lab_count_now(&f->follower), 1);

    txn = lab_begin(p);
    assert_int_equal(object_drop(txn, LAB_TABLE, &p->diag), STATUS_OK);
    lab_commit(p, txn);
    assert_int_equal(lab_hash(p).low, empty.low);
    txn = lab_begin(p);
    assert_null(objects_table_read(txn, LAB_TABLE));
    txn_end_read_only(txn);
    lab_checkpoint(p);
    lab_catch_up(&f->follower, 0);
    lab_same_state(p, &f->follower);
    lab_crash(p);
    lab_same_state(p, &f->follower);
    assert_int_equal(p->store->objects.object_count, 1); /* the ids' own sequence */
}

/* Objects made and dropped in savepoints and aborted transactions leave nothing behind. */
static void
create__rolled_back__is_gone_and_collected(void **state)
{
    struct lab_pair *f = *state;
    struct lab *p = &f->primary;
    struct table_definition definition = {.column_count = 1, .kinds = {COLUMN_INT4}};
    struct object_id other = {30000}, kept = {30001};
    struct txn *txn = lab_begin(p);
    uint64_t savepoint = txn_savepoint(txn);
    assert_int_equal(table_create(txn, other, &definition, &p->diag), STATUS_OK);
    assert_true(objects_is_new_in(txn, other));
    txn_rollback_to(txn, savepoint);
    assert_null(objects_table_write(txn, other));
    assert_int_equal(table_create(txn, kept, &definition, &p->diag), STATUS_OK);
    lab_commit(p, txn);
    txn = lab_begin(p);
    assert_int_equal(object_drop(txn, kept, &p->diag), STATUS_OK);
    assert_null(objects_table_write(txn, kept));
    txn_abort(txn);
    objects_collect(p->store);
    assert_int_equal(p->store->objects.garbage_count, 0);
    lab_checkpoint(p);
    lab_crash(p);
    txn = lab_begin(p);
    assert_non_null(objects_table_read(txn, kept));
    assert_null(objects_table_read(txn, other));
    assert_non_null(objects_table_read(txn, LAB_TABLE));
    txn_end_read_only(txn);
}

/* ---- sequences ---- */

static int64_t
next_of(struct lab *lab, struct txn *txn, struct object_id sequence)
{
    int64_t value;
    struct diag diag;
    diag_clear(&diag);
    enum status status = sequence_next(txn, sequence, &value, &diag);
    if (status != STATUS_OK) {
        print_error("nextval: %s\n", diag.message);
    }
    assert_int_equal(status, STATUS_OK);
    UNUSED(lab);
    return value;
}

/* A value is never given out twice: not by one node, not after a crash, not by a new primary.
 */
static void
sequence__leader_changes_and_crashes__values_only_rise(void **state)
{
    struct lab_pair *f = *state;
    struct lab *p = &f->primary;
    struct object_id id = {40000};
    struct sequence_definition d = {.start = 1, .increment = 1, .min = 1, .max = INT64_MAX};
    struct txn *txn = lab_begin(p);
    assert_int_equal(sequence_create(txn, id, &d, &p->diag), STATUS_OK);
    assert_int_equal(next_of(p, txn, id), 1); /* its own: no entry needed */
    size_t entries = f->log->count;
    assert_int_equal(next_of(p, txn, id), 2);
    assert_int_equal(f->log->count, entries);
    lab_commit(p, txn);
    txn = lab_begin(p);
    int64_t last = 2;
    for (int i = 0; i < 100; i++) {
        int64_t value = next_of(p, txn, id);
        assert_int_equal(value, last + 1);
        last = value;
    }
    txn_end_read_only(txn);
    assert_true(f->log->count <= entries + 5); /* 32 and more values an entry */
    lab_checkpoint(p);
    lab_log_new_term(f->log);
    lab_catch_up(p, 0);
    lab_lead(&f->follower);
    txn = lab_begin(&f->follower);
    int64_t taken = next_of(&f->follower, txn, id);
    assert_true(taken > last);
    txn_end_read_only(txn);
    lab_crash(p);
    lab_log_new_term(f->log);
    lab_lead(p);
    txn = lab_begin(p);
    assert_true(next_of(p, txn, id) > taken);
    txn_end_read_only(txn);
}

/* The sequence of object ids, which no log entry made, is in the checkpoint.
 * Method: draw, checkpoint, crash, draw again. */
static void
object_ids__checkpoint_and_crash__go_on(void **state)
{
    struct lab_pair *f = *state;
    struct lab *p = &f->primary;
    struct object_id before = {0}, after = {0};
    struct txn *txn = lab_begin(p);
    assert_int_equal(object_id_next(txn, &before, &p->diag), STATUS_OK);
    txn_end_read_only(txn);
    lab_checkpoint(p);
    lab_crash(p);
    lab_log_new_term(f->log);
    lab_lead(p);
    txn = lab_begin(p);
    assert_int_equal(object_id_next(txn, &after, &p->diag), STATUS_OK);
    assert_true(after.v > before.v);
    txn_end_read_only(txn);
}

static enum status
log_and_lose_the_lead(void *arg, enum entry_kind kind, struct slice payload,
                      struct waiter *waiter, struct diag *diag)
{
    struct lab *lab = arg;
    UNUSED(waiter);
    lab_log_append(lab->log, kind, payload);
    return diag_fail(diag, STATUS_NOT_LEADER, SQLSTATE_SERIALIZATION_FAILURE, "not any more");
}

/* What a lost lead says of setval() is not that nothing was done: nobody may run it again but
 * the client. A range for nextval() may be drawn again. */
static void
sequence__lead_lost_under_it__setval_is_not_refused_whole(void **state)
{
    struct lab_pair *f = *state;
    struct lab *p = &f->primary;
    struct object_id id = {40001};
    struct sequence_definition d = {.start = 1, .increment = 1, .min = 1, .max = 10};
    store_propose_fn propose = p->store->propose;
    struct txn *txn = lab_begin(p);
    assert_int_equal(sequence_create(txn, id, &d, &p->diag), STATUS_OK);
    lab_commit(p, txn);
    txn = lab_begin(p);
    store_set_propose(p->store, log_and_lose_the_lead, p);
    struct diag diag = {0};
    int64_t value;
    assert_int_equal(sequence_next(txn, id, &value, &diag), STATUS_NOT_LEADER);
    diag_clear(&diag);
    assert_int_equal(sequence_set(txn, id, 5, true, &diag), STATUS_CONFLICT);
    assert_int_equal(diag.status, STATUS_CONFLICT);
    assert_string_equal(diag.sqlstate, SQLSTATE_SERIALIZATION_FAILURE);
    store_set_propose(p->store, propose, p);
    txn_end_read_only(txn);
    lab_catch_up(p, 0);
}

/* PostgreSQL's edges: setval with and without is_called, bounds, cycle, descending. */
static void
sequence__bounds_cycle_and_setval__as_postgresql(void **state)
{
    struct lab_pair *f = *state;
    struct lab *p = &f->primary;
    struct object_id up = {40001}, down = {40002};
    struct sequence_definition d = {.start = 8, .increment = 1, .min = 1, .max = 10};
    struct sequence_definition c = {
        .start = -1, .increment = -2, .min = -4, .max = -1, .cycle = true};
    struct txn *txn = lab_begin(p);
    assert_int_equal(sequence_create(txn, up, &d, &p->diag), STATUS_OK);
    assert_int_equal(sequence_create(txn, down, &c, &p->diag), STATUS_OK);
    lab_commit(p, txn);
    txn = lab_begin(p);
    int64_t value;
    bool called;
    assert_int_equal(sequence_read(p->store, up, &value, &called, NULL), STATUS_OK);
    assert_true(value == 8 && !called);
    assert_int_equal(next_of(p, txn, up), 8);
    assert_int_equal(next_of(p, txn, up), 9);
    assert_int_equal(next_of(p, txn, up), 10);
    struct diag diag;
    diag_clear(&diag);
    assert_int_equal(sequence_next(txn, up, &value, &diag), STATUS_LIMIT);
    assert_string_equal(diag.sqlstate, "2200H");
    assert_int_equal(sequence_set(txn, up, 3, false, NULL), STATUS_OK);
    assert_int_equal(sequence_read(p->store, up, &value, &called, NULL), STATUS_OK);
    assert_true(value == 3 && !called);
    assert_int_equal(next_of(p, txn, up), 3);
    assert_int_equal(sequence_set(txn, up, 5, true, NULL), STATUS_OK);
    assert_int_equal(next_of(p, txn, up), 6);
    assert_int_equal(sequence_set(txn, up, 11, true, NULL), STATUS_INVALID);
    static const int64_t expected[] = {-1, -3, -1, -3, -1};
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        assert_int_equal(next_of(p, txn, down), expected[i]);
    }
    struct object_id a, b;
    assert_int_equal(object_id_next(txn, &a, NULL), STATUS_OK);
    assert_int_equal(object_id_next(txn, &b, NULL), STATUS_OK);
    assert_true(a.v >= 16384 && b.v == a.v + 1);
    txn_end_read_only(txn);
}

/* ---- the xid table ---- */

/* Values survive flush, save and load; running becomes aborted; the cut forgets.
 * Method: more than one chunk, through a real checkpoint, with the cut below. */
static void
xids__checkpoint_and_cut__values_survive(void **state)
{
    struct lab_pair *f = *state;
    struct lab *p = &f->primary;
    struct xids *xids = &p->store->xids;
    struct xid first = xids_assign(xids), last = first;
    for (unsigned i = 1; i < 3 * XIDS_PER_CHUNK; i++) {
        last = xids_assign(xids);
    }
    for (uint64_t v = first.v; v <= last.v; v++) {
        if (v % 3 != 0) {
            xids_set(xids, (struct xid){v},
                     v % 3 == 1 ? XID_VALUE_ABORTED : XID_VALUE_COMMITTED(v));
        }
    }
    lab_checkpoint(p);
    xids_set(xids, (struct xid){3}, XID_VALUE_ABORTED);
    lab_crash(p);
    xids = &p->store->xids;
    assert_int_equal(atomic_load(&xids->next) > last.v, 1);
    for (uint64_t v = first.v; v <= last.v; v++) {
        uint64_t expected = v % 3 == 2 ? XID_VALUE_COMMITTED(v) : XID_VALUE_ABORTED;
        assert_int_equal(xids_get(xids, (struct xid){v}), expected);
    }
    xids_cut(xids, (struct xid){2 * XIDS_PER_CHUNK + 5});
    assert_int_equal(xids_get(xids, (struct xid){2 * XIDS_PER_CHUNK + 4}),
                     XID_VALUE_COMMITTED(1));
    lab_checkpoint(p);
    lab_crash(p);
    assert_int_equal(xids_get(&p->store->xids, (struct xid){7}), XID_VALUE_COMMITTED(1));
    assert_int_equal(xids_get(&p->store->xids, (struct xid){2 * XIDS_PER_CHUNK + 10}),
                     XID_VALUE_COMMITTED(2 * XIDS_PER_CHUNK + 10) *
                             ((2 * XIDS_PER_CHUNK + 10) % 3 == 2) +
                         XID_VALUE_ABORTED * ((2 * XIDS_PER_CHUNK + 10) % 3 != 2));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, lab_pair_setup, lab_pair_teardown)
        T(apply__same_entries__same_state_on_primary_and_follower),
        T(state_hash__all_rows_deleted__is_that_of_an_empty_table),
        T(savepoint__rolled_back_and_released__only_released_stays),
        T(large_transaction__parts__applied_at_commit_only),
        T(large_transaction__aborted_or_lost__parts_are_dropped),
        T(large_transaction__part_in_doubt__cannot_commit),
        T(restart__checkpoints_and_replay__same_state),
        T(txn_outcome__all_fates__are_told),
        T(truncate__old_snapshot__still_sees_its_generation),
        T(create__rolled_back__is_gone_and_collected),
        T(sequence__leader_changes_and_crashes__values_only_rise),
        T(object_ids__checkpoint_and_crash__go_on),
        T(sequence__bounds_cycle_and_setval__as_postgresql),
        T(sequence__lead_lost_under_it__setval_is_not_refused_whole),
        T(xids__checkpoint_and_cut__values_survive),
        cmocka_unit_test(gtids__encoded_while_it_changes__loaded_as_at_the_cut),
        cmocka_unit_test(gtids__beyond_retention__unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
