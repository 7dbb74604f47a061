/* vacuum_test.c: what goes, what stays, and that space comes back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "storage/txn/objects.h"
#include "tests/lib/table_fixture.h"
#include "tests/lib/unit.h"

#include <stdio.h>

static struct vacuum_result
vacuum(struct table_fixture *f)
{
    struct vacuum_result result;
    struct diag diag = {0};
    assert_int_equal(store_vacuum(f->world.store, WORLD_TABLE, NULL, &result, &diag),
                     STATUS_OK);
    return result;
}

static struct row_id
insert(struct table_fixture *f, int64_t id, int64_t n)
{
    assert_int_equal(table_fixture_insert(f, &f->a, id, n), STATUS_OK);
    return f->result.row;
}

static void
update(struct table_fixture *f, struct row_id row, int64_t id, int64_t n)
{
    assert_int_equal(table_fixture_update(f, &f->a, row, id, n), STATUS_OK);
    assert_int_equal(f->result.outcome, ROW_DONE);
}

static void
remove_row(struct table_fixture *f, struct row_id row)
{
    assert_int_equal(table_fixture_delete(f, &f->a, row), STATUS_OK);
    assert_int_equal(f->result.outcome, ROW_DONE);
}

/* A version that some snapshot sees stays; without that snapshot it goes, with its index entry.
 * Method: b holds the snapshot while a moves the key. */
static void
vacuum__old_snapshot__keeps_its_versions(void **state)
{
    struct table_fixture *f = *state;
    struct row_id row, found;
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    row = insert(f, 1, 1);
    session_commit(&f->a);
    session_begin(&f->b, ISOLATION_REPEATABLE_READ);
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    update(f, row, 2, 2);
    session_commit(&f->a);
    assert_int_equal(vacuum(f).versions_removed, 0);
    assert_true(world_find(&f->b, 1, &found, NULL));
    session_commit(&f->b);
    struct vacuum_result result = vacuum(f);
    assert_int_equal(result.versions_removed, 1);
    assert_int_equal(result.index_entries_removed, 2);
    assert_int_equal(result.rows_live, 1);
    session_begin(&f->b, ISOLATION_REPEATABLE_READ);
    assert_false(world_find(&f->b, 1, &found, NULL));
    assert_true(world_find(&f->b, 2, &found, NULL));
    session_commit(&f->b);
}

/* An entry stays while any living version of the row has its key: also the one from before an
 * update that was undone, and the one that came back to an old key.
 * Method: key 1 -> 2 (aborted); key 1 -> 3 -> 1 (committed). */
static void
vacuum__key_still_lives__entry_stays(void **state)
{
    struct table_fixture *f = *state;
    struct row_id row, found;
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    row = insert(f, 1, 1);
    session_commit(&f->a);
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    update(f, row, 2, 1);
    session_abort(&f->a);
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    update(f, row, 1, 5); /* id stays, n changes: the old entry of id must not go */
    session_commit(&f->a);
    for (int64_t id = 3; id >= 1; id -= 2) {
        session_begin(&f->a, ISOLATION_READ_COMMITTED);
        update(f, row, id, 5);
        session_commit(&f->a);
    }
    struct vacuum_result result = vacuum(f);
    assert_int_equal(result.versions_removed, 4);
    assert_int_equal(result.index_entries_removed, 3); /* ids 2 and 3, n 1 */
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    assert_true(world_find(&f->a, 1, &found, NULL));
    assert_false(world_find(&f->a, 3, &found, NULL));
    session_commit(&f->a);
    assert_int_equal(vacuum(f).versions_removed, 0);
}

/* A table that is updated and emptied for ever does not grow for ever.
 * Method: rounds of insert, update, delete, with a vacuum each; pages after the first and the
 * last round. */
static void
vacuum__many_rounds__space_is_used_again(void **state)
{
    struct table_fixture *f = *state;
    struct object_size size;
    uint64_t heap_after_first = 0;
    for (unsigned round = 0; round < 12; round++) {
        struct row_id rows[300];
        session_begin(&f->a, ISOLATION_READ_COMMITTED);
        for (int64_t i = 0; i < 300; i++) {
            rows[i] = insert(f, i, (int64_t)round);
        }
        session_commit(&f->a);
        session_begin(&f->a, ISOLATION_READ_COMMITTED);
        for (int64_t i = 0; i < 300; i++) {
            update(f, rows[i], i, -i);
            session_next(&f->a);
            remove_row(f, rows[i]);
        }
        session_commit(&f->a);
        assert_int_equal(vacuum(f).versions_removed, 600);
        assert_int_equal(object_size(f->world.store, WORLD_TABLE, &size, &f->a.diag),
                         STATUS_OK);
        assert_int_equal(size.live_rows, 0);
        assert_int_equal(size.dead_rows, 0);
        if (round == 0) {
            heap_after_first = size.heap_bytes;
        }
    }
    assert_true(size.heap_bytes <= heap_after_first + 3 * 4096);
}

/* Updates that keep the keys need no vacuum: the page prunes itself.
 * Method: 20,000 updates of one row, each committed; one heap page or two. */
static void
vacuum__same_keys__pages_prune_themselves(void **state)
{
    struct table_fixture *f = *state;
    struct object_size size;
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    struct row_id row = insert(f, 1, 1);
    session_commit(&f->a);
    char text[64] = {0};
    for (unsigned i = 0; i < 20000; i++) {
        (void)snprintf(text, sizeof(text), "number %u", i);
        world_row_encode(&f->tuple, &(struct world_row){.id = 1, .n = 1, .text = text});
        session_begin(&f->a, ISOLATION_READ_COMMITTED);
        assert_int_equal(table_update(f->a.txn, WORLD_TABLE, row, buf_slice(&f->tuple),
                                      &f->newest, &f->result, &f->a.diag),
                         STATUS_OK);
        session_commit(&f->a);
    }
    assert_int_equal(object_size(f->world.store, WORLD_TABLE, &size, &f->a.diag), STATUS_OK);
    assert_true(size.heap_bytes <= 2 * 4096);
}

/* A table with many dead rows is named for the background vacuum, and no more after it.
 * Method: delete half of 400 rows. */
static void
vacuum_candidates__many_dead__names_the_table(void **state)
{
    struct table_fixture *f = *state;
    struct object_id tables[4];
    struct row_id rows[400];
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    for (int64_t i = 0; i < 400; i++) {
        rows[i] = insert(f, i, i);
    }
    session_commit(&f->a);
    assert_int_equal(store_vacuum_candidates(f->world.store, tables, 4), 0);
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    for (int64_t i = 0; i < 200; i++) {
        remove_row(f, rows[i]);
    }
    session_commit(&f->a);
    assert_int_equal(store_vacuum_candidates(f->world.store, tables, 4), 1);
    assert_int_equal(tables[0].v, WORLD_TABLE.v);
    assert_int_equal(vacuum(f).versions_removed, 200);
    assert_int_equal(store_vacuum_candidates(f->world.store, tables, 4), 0);
}

/* Dead versions that a snapshot keeps do not make their table ask again and again, but do once
 * the snapshot is gone. */
static void
vacuum_candidates__old_snapshot__asks_when_it_is_gone(void **state)
{
    struct table_fixture *f = *state;
    struct object_id table;
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    struct row_id row = insert(f, 1, 1);
    session_commit(&f->a);
    session_begin(&f->b, ISOLATION_REPEATABLE_READ);
    for (int64_t i = 0; i < 100; i++) {
        session_begin(&f->a, ISOLATION_READ_COMMITTED);
        update(f, row, i + 2, i);
        session_commit(&f->a);
    }
    assert_int_equal(store_vacuum_candidates(f->world.store, &table, 1), 1);
    assert_int_equal(vacuum(f).versions_removed, 0);
    assert_int_equal(store_vacuum_candidates(f->world.store, &table, 1), 0);
    session_commit(&f->b);
    assert_int_equal(store_vacuum_candidates(f->world.store, &table, 1), 1);
    assert_int_equal(vacuum(f).versions_removed, 100);
    assert_int_equal(store_vacuum_candidates(f->world.store, &table, 1), 0);
}

/* An estimate that went wrong (a crash between root and log) does not make a table ask for
 * ever: a vacuum counts what is left. Method: an estimate out of nothing; then an old snapshot
 * that keeps real dead versions, which stay counted. */
static void
vacuum__wrong_estimate__is_corrected(void **state)
{
    struct table_fixture *f = *state;
    struct object_id table;
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    struct row_id row = insert(f, 1, 1);
    session_commit(&f->a);
    struct generation *generation = objects_pin(f->world.store, WORLD_TABLE);
    atomic_store(&generation->body->dead_rows, 1000);
    assert_int_equal(store_vacuum_candidates(f->world.store, &table, 1), 1);
    (void)vacuum(f);
    assert_int_equal(atomic_load(&generation->body->dead_rows), 0);
    assert_int_equal(store_vacuum_candidates(f->world.store, &table, 1), 0);
    session_begin(&f->b, ISOLATION_REPEATABLE_READ);
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    remove_row(f, row);
    session_commit(&f->a);
    (void)vacuum(f);
    assert_int_equal(atomic_load(&generation->body->dead_rows), 1);
    session_commit(&f->b);
    generation_unpin(generation);
}

static void
reach_limit(struct waiter *waiter)
{
    waiter_cancel_for(waiter, CANCEL_TIMEOUT);
}

/* A vacuum is a statement like others: statement_timeout ends it, and a stop says that it is
 * one. Method: a waiter that finds its limit reached once it is asked; one that is told of a
 * shutdown. */
static void
vacuum__timeout_or_shutdown__ends_with_its_reason(void **state)
{
    struct table_fixture *f = *state;
    struct vacuum_result result;
    struct waiter waiter;
    struct diag diag = {0};
    session_begin(&f->a, ISOLATION_READ_COMMITTED);
    for (int64_t i = 0; i < 1000; i++) {
        insert(f, i, i);
    }
    session_commit(&f->a);
    waiter_init(&waiter);
    waiter.breathe = reach_limit;
    assert_int_equal(store_vacuum(f->world.store, WORLD_TABLE, &waiter, &result, &diag),
                     STATUS_CANCELLED);
    assert_string_equal(diag.message, "canceling statement due to statement timeout");
    waiter_cancel_for(&waiter, CANCEL_SHUTDOWN);
    diag_clear(&diag);
    assert_int_equal(store_vacuum(f->world.store, WORLD_TABLE, &waiter, &result, &diag),
                     STATUS_CANCELLED);
    assert_string_equal(diag.sqlstate, "57P01");
    waiter_deinit(&waiter);
}

int
main(void)
{
#define T(name)                                                                                \
    cmocka_unit_test_setup_teardown(name, table_fixture_setup, table_fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(vacuum__old_snapshot__keeps_its_versions),
        T(vacuum__key_still_lives__entry_stays),
        T(vacuum__many_rounds__space_is_used_again),
        T(vacuum__same_keys__pages_prune_themselves),
        T(vacuum_candidates__many_dead__names_the_table),
        T(vacuum_candidates__old_snapshot__asks_when_it_is_gone),
        T(vacuum__wrong_estimate__is_corrected),
        T(vacuum__timeout_or_shutdown__ends_with_its_reason),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
