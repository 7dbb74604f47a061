/* table_test.c: rows through a store with a log. SPDX-License-Identifier: Apache-2.0 */
#include "storage/verify/verify.h"
#include "tests/lib/table_fixture.h"
#include "tests/lib/unit.h"

static unsigned
count_rows(struct session *session, int64_t *sum_out)
{
    struct table_scan *scan = NULL;
    struct row_view rows[7];
    unsigned count = 0, total = 0;
    *sum_out = 0;
    assert_int_equal(table_scan_open(session->txn, WORLD_TABLE, &scan, &session->diag), 0);
    do {
        assert_int_equal(table_scan_next(scan, rows, 7, &count, &session->diag), 0);
        for (unsigned i = 0; i < count; i++) {
            struct world_row row;
            world_row_decode(rows[i].tuple, &row);
            *sum_out += row.n;
        }
        total += count;
    } while (count > 0);
    table_scan_close(scan);
    return total;
}

/* Inserted rows are seen by the inserter's next command and, after commit, by others.
 * Method: count in both sessions before and after. */
static void
table_insert__committed__others_see_it(void **state)
{
    struct table_fixture *f = *state;
    int64_t sum;
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    for (int64_t i = 0; i < 500; i++) {
        assert_int_equal(table_fixture_insert(f, &f->a, i, 1), STATUS_OK);
    }
    assert_int_equal(count_rows(&f->a, &sum), 0);
    session_next(&f->a);
    assert_int_equal(count_rows(&f->a, &sum), 500);
    session_begin(&f->b, ISOLATION_READ_COMMITTED);
    assert_int_equal(count_rows(&f->b, &sum), 0);
    session_commit(&f->a);
    assert_int_equal(count_rows(&f->b, &sum), 0);
    session_next(&f->b);
    assert_int_equal(count_rows(&f->b, &sum), 500);
    assert_int_equal(sum, 500);
    struct row_id row;
    for (int64_t i = 0; i < 500; i++) {
        assert_true(world_find(&f->b, i, &row, NULL));
    }
    assert_false(world_find(&f->b, 500, &row, NULL));
}

/* A row may fill a page; one byte more is 54000, for insert and update, and costs nothing else.
 */
static void
table_insert__row_beyond_a_page__is_54000(void **state)
{
    struct table_fixture *f = *state;
    char text[4096];
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    memset(text, 'x', sizeof(text));
    struct world_row row = {.id = 1, .n = 1, .text = text};
    enum status status = STATUS_LIMIT;
    size_t longest = sizeof(text) - 1;
    for (; status != STATUS_OK; longest--) {
        text[longest] = '\0';
        buf_clear(&f->tuple);
        world_row_encode(&f->tuple, &row);
        diag_clear(&f->a.diag);
        status =
            table_insert(f->a.txn, WORLD_TABLE, buf_slice(&f->tuple), &f->result, &f->a.diag);
        if (status != STATUS_OK) {
            assert_int_equal(status, STATUS_LIMIT);
            assert_string_equal(f->a.diag.sqlstate, "54000");
            assert_true(f->tuple.size > 4096 - 92);
        }
    }
    assert_int_equal(f->tuple.size, 4096 - 92);
    session_next(&f->a);
    struct row_id at;
    assert_true(world_find(&f->a, 1, &at, NULL));
    memset(text, 'y', sizeof(text) - 1);
    text[longest + 2] = '\0';
    buf_clear(&f->tuple);
    world_row_encode(&f->tuple, &row);
    diag_clear(&f->a.diag);
    assert_int_equal(table_update(f->a.txn, WORLD_TABLE, at, buf_slice(&f->tuple), &f->newest,
                                  &f->result, &f->a.diag),
                     STATUS_LIMIT);
    assert_string_equal(f->a.diag.sqlstate, "54000");
    session_commit(&f->a);
}

/* A key is unique among what is live: a second insert fails, after a delete it succeeds, and a
 * failed one leaves nothing behind.
 * Method: one session; the row in the way is named. */
static void
table_insert__same_key__is_refused_until_deleted(void **state)
{
    struct table_fixture *f = *state;
    struct row_id row;
    struct world_row values;
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    assert_int_equal(table_fixture_insert(f, &f->a, 1, 10), STATUS_OK);
    row = f->result.row;
    session_next(&f->a);
    assert_int_equal(table_fixture_insert(f, &f->a, 1, 11), STATUS_CONFLICT);
    assert_string_equal(f->a.diag.sqlstate, "23505");
    assert_int_equal(f->result.conflicting.v, WORLD_INDEX_ID.v);
    assert_int_equal(f->result.conflicting_row.v, row.v);
    session_next(&f->a);
    assert_true(world_find(&f->a, 1, &row, &values));
    assert_int_equal(values.n, 10);
    assert_int_equal(table_fixture_delete(f, &f->a, row), STATUS_OK);
    assert_int_equal(f->result.outcome, ROW_DONE);
    session_next(&f->a);
    assert_int_equal(table_fixture_insert(f, &f->a, 1, 12), STATUS_OK);
    session_next(&f->a);
    assert_true(world_find(&f->a, 1, &row, &values));
    assert_int_equal(values.n, 12);
    session_commit(&f->a);
}

/* A row whose keys change is found by the new key only, in each snapshot by its own.
 * Method: b keeps an old snapshot while a moves the row. */
static void
table_update__key_changed__each_snapshot_finds_its_key(void **state)
{
    struct table_fixture *f = *state;
    struct row_id row, found;
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    assert_int_equal(table_fixture_insert(f, &f->a, 1, 10), STATUS_OK);
    row = f->result.row;
    session_commit(&f->a);
    session_begin(&f->b, ISOLATION_REPEATABLE_READ);
    assert_true(world_find(&f->b, 1, &found, NULL));
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    assert_int_equal(table_fixture_update(f, &f->a, row, 2, 10), STATUS_OK);
    session_next(&f->a);
    assert_false(world_find(&f->a, 1, &found, NULL));
    assert_true(world_find(&f->a, 2, &found, NULL));
    assert_int_equal(table_fixture_update(f, &f->a, row, 1, 11), STATUS_OK); /* and back */
    session_next(&f->a);
    assert_true(world_find(&f->a, 1, &found, NULL));
    assert_false(world_find(&f->a, 2, &found, NULL));
    session_commit(&f->a);
    assert_true(world_find(&f->b, 1, &found, NULL));
    assert_false(world_find(&f->b, 2, &found, NULL));
}

/* The version of a transaction that aborted is linked over; what a rolled-back savepoint did is
 * gone, what the transaction did before it stays.
 * Method: abort twice, then commit once; values at each step. */
static void
table_update__after_aborts__goes_on_from_the_live_version(void **state)
{
    struct table_fixture *f = *state;
    struct row_id row;
    struct world_row values;
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    assert_int_equal(table_fixture_insert(f, &f->a, 1, 10), STATUS_OK);
    row = f->result.row;
    session_commit(&f->a);
    for (int64_t i = 0; i < 40; i++) {
        session_begin(&f->a, ISOLATION_READ_COMMITTED);
        assert_int_equal(table_fixture_update(f, &f->a, row, 1 + i % 3, 100 + i), STATUS_OK);
        session_abort(&f->a);
    }
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    assert_int_equal(table_fixture_update(f, &f->a, row, 1, 20), STATUS_OK);
    session_next(&f->a);
    uint64_t savepoint = txn_savepoint(f->a.txn);
    assert_int_equal(table_fixture_update(f, &f->a, row, 7, 30), STATUS_OK);
    session_next(&f->a);
    assert_int_equal(table_fixture_delete(f, &f->a, row), STATUS_OK);
    txn_rollback_to(f->a.txn, savepoint);
    session_next(&f->a);
    assert_true(world_find(&f->a, 1, &row, &values));
    assert_int_equal(values.n, 20);
    assert_int_equal(table_fixture_update(f, &f->a, row, 1, 21), STATUS_OK);
    session_commit(&f->a);
    session_begin(&f->b, ISOLATION_READ_COMMITTED);
    assert_true(world_find(&f->b, 1, &row, &values));
    assert_int_equal(values.n, 21);
}

/* READ COMMITTED is told of a row that changed since its snapshot, and may go on then;
 * REPEATABLE READ fails with 40001.
 * Method: b's snapshot is older than a's commit. */
static void
table_update__changed_since_snapshot__by_isolation(void **state)
{
    struct table_fixture *f = *state;
    struct row_id row;
    struct world_row values;
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    assert_int_equal(table_fixture_insert(f, &f->a, 1, 10), STATUS_OK);
    row = f->result.row;
    session_commit(&f->a);
    static const enum isolation isolations[] = {ISOLATION_READ_COMMITTED,
                                                ISOLATION_REPEATABLE_READ};
    for (unsigned i = 0; i < 2; i++) {
        session_begin(&f->b, isolations[i]);
        session_begin(&f->a, ISOLATION_READ_COMMITTED);
        assert_int_equal(table_fixture_update(f, &f->a, row, 1, 20 + (int64_t)i), STATUS_OK);
        session_commit(&f->a);
        enum status status = table_fixture_update(f, &f->b, row, 1, 99);
        if (i == 0) {
            assert_int_equal(status, STATUS_OK);
            assert_int_equal(f->result.outcome, ROW_CHANGED);
            world_row_decode(buf_slice(&f->newest), &values);
            assert_int_equal(values.n, 20);
            assert_int_equal(table_fixture_update(f, &f->b, row, 1, 30), STATUS_OK);
            assert_int_equal(f->result.outcome, ROW_DONE);
            session_commit(&f->b);
        } else {
            assert_int_equal(status, STATUS_CONFLICT);
            assert_string_equal(f->b.diag.sqlstate, "40001");
            session_abort(&f->b);
        }
    }
    session_begin(&f->b, ISOLATION_READ_COMMITTED);
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    assert_int_equal(table_fixture_delete(f, &f->a, row), STATUS_OK);
    session_commit(&f->a);
    assert_int_equal(table_fixture_update(f, &f->b, row, 1, 99), STATUS_OK);
    assert_int_equal(f->result.outcome, ROW_GONE);
}

/* SKIP LOCKED and NOWAIT answer BUSY for a row that another changed or locked.
 * Method: a holds, b asks. */
static void
table_lock_row__held_by_another__is_busy(void **state)
{
    struct table_fixture *f = *state;
    struct row_id first, second;
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    assert_int_equal(table_fixture_insert(f, &f->a, 1, 10), STATUS_OK);
    first = f->result.row;
    assert_int_equal(table_fixture_insert(f, &f->a, 2, 10), STATUS_OK);
    second = f->result.row;
    session_commit(&f->a);
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    session_begin(&f->b, ISOLATION_READ_COMMITTED);
    assert_int_equal(table_fixture_update(f, &f->a, first, 1, 11), STATUS_OK);
    assert_int_equal(table_lock_row(f->a.txn, WORLD_TABLE, second, ROW_LOCK_UPDATE, LOCK_WAIT,
                                    &f->newest, &f->result, &f->a.diag),
                     STATUS_OK);
    assert_int_equal(f->result.outcome, ROW_DONE);
    static const struct busy_case {
        bool second;
        enum row_lock_mode mode;
        enum row_outcome outcome;
    } cases[] = {
        {false, ROW_LOCK_UPDATE, ROW_BUSY},    {false, ROW_LOCK_SHARE, ROW_BUSY},
        {false, ROW_LOCK_KEY_SHARE, ROW_DONE}, /* the update keeps the keys */
        {true, ROW_LOCK_KEY_SHARE, ROW_BUSY},  {true, ROW_LOCK_UPDATE, ROW_BUSY},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(table_lock_row(f->b.txn, WORLD_TABLE, cases[i].second ? second : first,
                                        cases[i].mode, LOCK_NOWAIT, &f->newest, &f->result,
                                        &f->b.diag),
                         STATUS_OK);
        assert_int_equal(f->result.outcome, cases[i].outcome);
    }
    session_abort(&f->b);
    session_commit(&f->a);
}

/* A restart shows what was committed, with or without a checkpoint, and no more.
 * Method: commit, checkpoint in the middle of an open transaction, commit, restart. */
static void
table__restart__shows_the_committed(void **state)
{
    struct table_fixture *f = *state;
    int64_t sum;
    struct row_id row = {0};
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    for (int64_t i = 0; i < 300; i++) {
        assert_int_equal(table_fixture_insert(f, &f->a, i, 1), STATUS_OK);
        row = f->result.row;
    }
    session_commit(&f->a);
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    session_begin(&f->b, ISOLATION_READ_COMMITTED);
    assert_int_equal(table_fixture_update(f, &f->a, row, 299, 5), STATUS_OK);
    assert_int_equal(table_fixture_insert(f, &f->b, 1000, 7), STATUS_OK);
    world_checkpoint(&f->world);
    session_commit(&f->a);
    session_abort(&f->b);
    for (unsigned i = 0; i < 2; i++) {
        world_restart(&f->world);
        session_begin(&f->a, ISOLATION_READ_COMMITTED);
        assert_int_equal(count_rows(&f->a, &sum), 300);
        assert_int_equal(sum, 304);
        assert_false(world_find(&f->a, 1000, &row, NULL));
        assert_true(world_find(&f->a, 299, &row, NULL));
        session_commit(&f->a);
        world_checkpoint(&f->world);
    }
}

/* An index made over rows finds them, and a unique one refuses rows that share a key.
 * Method: rows with descending n; then two with the same. */
static void
index_create__over_rows__finds_them(void **state)
{
    struct table_fixture *f = *state;
    struct object_id id = {20010};
    struct index_definition definition = world_index(id, true, 1);
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    for (int64_t i = 0; i < 3000; i++) {
        assert_int_equal(table_fixture_insert(f, &f->a, i, 5000 - i), STATUS_OK);
    }
    session_commit(&f->a);
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    assert_int_equal(index_create(f->a.txn, &definition, &f->result, &f->a.diag), STATUS_OK);
    session_commit(&f->a);
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    static const bool directions[] = {false, true};
    for (unsigned d = 0; d < 2; d++) {
        struct index_range range = {.backward = directions[d]};
        struct index_scan *scan = NULL;
        struct row_view rows[100];
        unsigned count = 0, total = 0;
        int64_t last = directions[d] ? INT64_MAX : INT64_MIN;
        assert_int_equal(index_scan_open(f->a.txn, id, &range, &scan, &f->a.diag), STATUS_OK);
        do {
            assert_int_equal(index_scan_next(scan, rows, 100, &count, &f->a.diag), STATUS_OK);
            for (unsigned i = 0; i < count; i++) {
                struct world_row row;
                world_row_decode(rows[i].tuple, &row);
                assert_true(directions[d] ? row.n < last : row.n > last);
                last = row.n;
            }
            total += count;
        } while (count > 0);
        assert_int_equal(total, 3000);
        index_scan_close(scan);
    }
    assert_int_equal(table_fixture_insert(f, &f->a, 9000, 5000), STATUS_CONFLICT);
    session_abort(&f->a);
    definition.index.v = 20011;
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    assert_int_equal(index_create(f->a.txn, &definition, &f->result, &f->a.diag), STATUS_OK);
    session_abort(&f->a);
}

/* TRUNCATE leaves older snapshots their rows and a rollback brings them back.
 * Method: count in an old snapshot, after abort, after commit. */
static void
table_truncate__old_snapshot__keeps_rows(void **state)
{
    struct table_fixture *f = *state;
    int64_t sum;
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    for (int64_t i = 0; i < 50; i++) {
        assert_int_equal(table_fixture_insert(f, &f->a, i, 1), STATUS_OK);
    }
    session_commit(&f->a);
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    assert_int_equal(table_truncate(f->a.txn, WORLD_TABLE, &f->a.diag), STATUS_OK);
    session_next(&f->a);
    assert_int_equal(count_rows(&f->a, &sum), 0);
    session_abort(&f->a);
    session_begin(&f->b, ISOLATION_REPEATABLE_READ);
    assert_int_equal(count_rows(&f->b, &sum), 50);
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    assert_int_equal(table_truncate(f->a.txn, WORLD_TABLE, &f->a.diag), STATUS_OK);
    session_next(&f->a);
    assert_int_equal(table_fixture_insert(f, &f->a, 3, 1), STATUS_OK);
    session_commit(&f->a);
    assert_int_equal(count_rows(&f->b, &sum), 50);
    session_commit(&f->b);
    session_begin(&f->b, ISOLATION_READ_COMMITTED);
    assert_int_equal(count_rows(&f->b, &sum), 1);
}

/* Applies the leader's log while the disk of `follower` is full; gives it room whenever that
 * makes an entry wait, and takes it again. Returns how often. */
static unsigned
follow_without_room(struct world *follower, const struct world *leader)
{
    unsigned waits = 0;
    for (uint64_t i = follower->entry_count; i < leader->entry_count; i++) {
        struct slice entry = buf_slice(&leader->entries[i]);
        struct diag diag = {0};
        sim_vfs_limit(follower->sim, sim_vfs_used_bytes(follower->sim));
        enum status status =
            store_apply(follower->store, i + 1, leader->terms[i], entry, &diag);
        sim_vfs_limit(follower->sim, UINT64_MAX);
        if (status == STATUS_LIMIT) {
            assert_string_equal(diag.sqlstate, "53100");
            waits++;
            diag_clear(&diag);
            status = store_apply(follower->store, i + 1, leader->terms[i], entry, &diag);
        }
        assert_int_equal(status, STATUS_OK);
    }
    return waits;
}

/* Rule 9: a full disk makes apply wait, also where it is an index that needs the room: the
 * index is not given up.
 * Method: a follower with a small pool and a disk that is full at each entry; afterwards its
 * indexes find what the leader's find. */
static void
table_apply__full_disk__waits_and_keeps_its_indexes(void **state)
{
    struct table_fixture *f = *state;
    struct world follower;
    struct session session;
    struct object_id built = {20010};
    struct index_definition definition = world_index(built, true, 1);
    world_open_follower(&follower, 4096, 32);
    for (int64_t i = 0; i < 4000; i += 40) {
        session_begin(&f->a, ISOLATION_READ_COMMITTED);
        for (int64_t k = 0; k < 40; k++) {
            int64_t id = (i + k) * 7919 % 4001; /* in no order */
            assert_int_equal(table_fixture_insert(f, &f->a, id, 10000 - id), STATUS_OK);
        }
        session_commit(&f->a);
    }
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    assert_int_equal(index_create(f->a.txn, &definition, &f->result, &f->a.diag), STATUS_OK);
    session_commit(&f->a);
    assert_true(follow_without_room(&follower, &f->world) > 0);
    const struct object_id indexes[] = {WORLD_INDEX_ID, WORLD_INDEX_N, built};
    session_init(&session, &follower);
    session_begin(&session, ISOLATION_READ_COMMITTED);
    for (unsigned i = 0; i < ARRAY_SIZE(indexes); i++) {
        struct index_range all = {0};
        struct index_scan *scan = NULL;
        struct row_view rows[100];
        unsigned count = 0, total = 0;
        assert_int_equal(index_scan_open(session.txn, indexes[i], &all, &scan, &session.diag),
                         STATUS_OK);
        do {
            assert_int_equal(index_scan_next(scan, rows, 100, &count, &session.diag),
                             STATUS_OK);
            total += count;
        } while (count > 0);
        assert_int_equal(total, 4000);
        index_scan_close(scan);
    }
    session_commit(&session);
    session_deinit(&session);
    assert_true(tables_check(follower.store, &f->a.diag));
    world_close(&follower);
}

int
main(void)
{
#define T(name)                                                                                \
    cmocka_unit_test_setup_teardown(name, table_fixture_setup, table_fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(table_insert__committed__others_see_it),
        T(table_insert__row_beyond_a_page__is_54000),
        T(table_insert__same_key__is_refused_until_deleted),
        T(table_update__key_changed__each_snapshot_finds_its_key),
        T(table_update__after_aborts__goes_on_from_the_live_version),
        T(table_update__changed_since_snapshot__by_isolation),
        T(table_lock_row__held_by_another__is_busy),
        T(table__restart__shows_the_committed),
        T(index_create__over_rows__finds_them),
        T(table_truncate__old_snapshot__keeps_rows),
        T(table_apply__full_disk__waits_and_keeps_its_indexes),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
