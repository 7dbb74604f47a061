/* table_threads_test.c: many sessions at once. SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"
#include "base/thread.h"
#include "storage/verify/verify.h"
#include "tests/lib/table_world.h"
#include "tests/lib/unit.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define ACCOUNTS 40
#define OPENING 1000
#define WRITERS 4
#define MOVERS_IDS 30

struct bank {
    struct world world;
    struct world follower;
    struct world *read_world; /* where readers and vacuum are */
    struct row_id rows[ACCOUNTS];
    _Atomic(bool) stop;
    _Atomic(unsigned) transfers, retries, reads, moved, refused;
    unsigned transfers_wanted;
};

struct worker_arg {
    struct bank *bank;
    unsigned number;
    struct thread thread;
};

static void
fail_hard(const struct session *session, const char *what)
{
    fprintf(stderr, "%s: %s %s\n", what, session->diag.sqlstate, session->diag.message);
    abort();
}

static bool
is_conflict(const struct session *session)
{
    return strcmp(session->diag.sqlstate, "40001") == 0 ||
           strcmp(session->diag.sqlstate, "40P01") == 0;
}

/* Adds to the balance of a row as READ COMMITTED does it: what changed is read again. False: a
 * conflict, the transaction must be aborted. */
static bool
add(struct session *session, struct row_id row, int64_t amount, struct buf *tuple,
    struct buf *newest)
{
    bool found = false;
    struct change_result result;
    diag_clear(&session->diag);
    if (table_fetch(session->txn, WORLD_TABLE, row, newest, &found, &session->diag) !=
            STATUS_OK ||
        !found) {
        fail_hard(session, "fetch");
    }
    for (;;) {
        struct world_row values;
        world_row_decode(buf_slice(newest), &values);
        values.n += amount;
        values.text = amount % 3 == 0 ? "a somewhat longer text than the other" : "x";
        world_row_encode(tuple, &values);
        enum status status = table_update(session->txn, WORLD_TABLE, row, buf_slice(tuple),
                                          newest, &result, &session->diag);
        if (status != STATUS_OK) {
            if (!is_conflict(session)) {
                fail_hard(session, "update");
            }
            return false;
        }
        if (result.outcome == ROW_DONE) {
            return true;
        }
        if (result.outcome != ROW_CHANGED) {
            fail_hard(session, "the row is gone");
        }
    }
}

static void
transfer_all(void *arg)
{
    struct worker_arg *worker = arg;
    struct bank *bank = worker->bank;
    struct session session;
    struct rng rng;
    struct buf tuple = BUF_EMPTY, newest = BUF_EMPTY;
    session_init(&session, &bank->world);
    rng_seed(&rng, worker->number);
    while (atomic_load(&bank->transfers) < bank->transfers_wanted) {
        uint64_t from = rng_below(&rng, ACCOUNTS), to = rng_below(&rng, ACCOUNTS);
        int64_t amount = (int64_t)rng_below(&rng, 10);
        if (from == to) {
            continue;
        }
        session_begin(&session, rng_below(&rng, 2) == 0 ? ISOLATION_READ_COMMITTED
                                                        : ISOLATION_REPEATABLE_READ);
        bool good = add(&session, bank->rows[from], -amount, &tuple, &newest);
        if (good) {
            session_next(&session);
            good = add(&session, bank->rows[to], amount, &tuple, &newest);
        }
        if (good && rng_below(&rng, 8) != 0) {
            session_commit(&session);
            atomic_fetch_add(&bank->transfers, 1);
        } else {
            session_abort(&session);
            atomic_fetch_add(&bank->retries, 1);
        }
    }
    buf_deinit(&tuple);
    buf_deinit(&newest);
    session_deinit(&session);
}

static int64_t
sum_by_scan(struct session *session, unsigned *count_out)
{
    struct table_scan *scan = NULL;
    struct row_view rows[10];
    unsigned count = 0;
    int64_t sum = 0;
    *count_out = 0;
    if (table_scan_open(session->txn, WORLD_TABLE, &scan, &session->diag) != STATUS_OK) {
        fail_hard(session, "scan");
    }
    do {
        if (table_scan_next(scan, rows, 10, &count, &session->diag) != STATUS_OK) {
            fail_hard(session, "scan");
        }
        for (unsigned i = 0; i < count; i++) {
            struct world_row values;
            world_row_decode(rows[i].tuple, &values);
            if (values.id < ACCOUNTS) {
                sum += values.n;
                (*count_out)++;
            }
        }
    } while (count > 0);
    table_scan_close(scan);
    return sum;
}

static int64_t
sum_by_index(struct session *session, struct object_id index, bool backward,
             unsigned *count_out)
{
    struct index_scan *scan = NULL;
    struct index_range range = {.backward = backward};
    struct row_view rows[10];
    unsigned count = 0;
    int64_t sum = 0, last = backward ? INT64_MAX : INT64_MIN;
    *count_out = 0;
    if (index_scan_open(session->txn, index, &range, &scan, &session->diag) != STATUS_OK) {
        fail_hard(session, "index scan");
    }
    do {
        if (index_scan_next(scan, rows, 10, &count, &session->diag) != STATUS_OK) {
            fail_hard(session, "index scan");
        }
        for (unsigned i = 0; i < count; i++) {
            struct world_row values;
            world_row_decode(rows[i].tuple, &values);
            int64_t key = index.v == WORLD_INDEX_ID.v ? values.id : values.n;
            bool equal_allowed = index.v != WORLD_INDEX_ID.v;
            if (backward ? key > last : key < last) {
                fail_hard(session, "keys out of order");
            }
            if (key == last && !equal_allowed) {
                fail_hard(session, "two rows of one snapshot have the same unique key");
            }
            last = key;
            if (values.id < ACCOUNTS) {
                sum += values.n;
                (*count_out)++;
            }
        }
    } while (count > 0);
    index_scan_close(scan);
    return sum;
}

/* Each snapshot has all accounts and all the money, whichever way it looks. */
static void
read_all(void *arg)
{
    struct worker_arg *worker = arg;
    struct bank *bank = worker->bank;
    struct session session;
    session_init(&session, bank->read_world);
    while (!atomic_load(&bank->stop)) {
        session_begin(&session, ISOLATION_REPEATABLE_READ);
        for (unsigned way = 0; way < 4; way++) {
            unsigned count = 0;
            int64_t sum =
                way == 0 ? sum_by_scan(&session, &count)
                         : sum_by_index(&session, way == 1 ? WORLD_INDEX_ID : WORLD_INDEX_N,
                                        way == 3, &count);
            if (sum != (int64_t)ACCOUNTS * OPENING || count != ACCOUNTS) {
                fprintf(stderr, "way %u: %u accounts with %lld\n", way, count, (long long)sum);
                abort();
            }
        }
        session_commit(&session);
        atomic_fetch_add(&bank->reads, 1);
    }
    session_deinit(&session);
}

/* Inserts, moves and deletes rows with few ids: unique conflicts by the dozen. */
static void
move_keys(void *arg)
{
    struct worker_arg *worker = arg;
    struct bank *bank = worker->bank;
    struct session session;
    struct rng rng;
    struct buf tuple = BUF_EMPTY, newest = BUF_EMPTY;
    session_init(&session, &bank->world);
    rng_seed(&rng, worker->number);
    while (!atomic_load(&bank->stop)) {
        struct row_id row;
        struct change_result result;
        int64_t id = ACCOUNTS + (int64_t)rng_below(&rng, MOVERS_IDS);
        int64_t to = ACCOUNTS + (int64_t)rng_below(&rng, MOVERS_IDS);
        enum status status;
        session_begin(&session, ISOLATION_READ_COMMITTED);
        world_row_encode(&tuple, &(struct world_row){.id = to, .n = to, .text = "mover"});
        if (!world_find(&session, id, &row, NULL)) {
            status = table_insert(session.txn, WORLD_TABLE, buf_slice(&tuple), &result,
                                  &session.diag);
        } else if (rng_below(&rng, 3) == 0) {
            status =
                table_delete(session.txn, WORLD_TABLE, row, &newest, &result, &session.diag);
        } else {
            uint64_t savepoint = txn_savepoint(session.txn);
            status = table_update(session.txn, WORLD_TABLE, row, buf_slice(&tuple), &newest,
                                  &result, &session.diag);
            if (status == STATUS_OK && rng_below(&rng, 3) == 0) {
                txn_rollback_to(session.txn, savepoint);
                session_next(&session);
                world_row_encode(&tuple,
                                 &(struct world_row){.id = id, .n = -id, .text = "mover"});
                status = table_update(session.txn, WORLD_TABLE, row, buf_slice(&tuple), &newest,
                                      &result, &session.diag);
            }
        }
        if (status != STATUS_OK && !is_conflict(&session) &&
            strcmp(session.diag.sqlstate, "23505") != 0) {
            fail_hard(&session, "mover");
        }
        if (status == STATUS_OK && rng_below(&rng, 6) != 0) {
            session_commit(&session);
            atomic_fetch_add(&bank->moved, 1);
        } else {
            session_abort(&session);
            atomic_fetch_add(&bank->refused, 1);
        }
    }
    buf_deinit(&tuple);
    buf_deinit(&newest);
    session_deinit(&session);
}

static void
keep_tidy(void *arg)
{
    struct worker_arg *worker = arg;
    struct bank *bank = worker->bank;
    struct diag diag = {0};
    struct vacuum_result result;
    for (unsigned round = 0; !atomic_load(&bank->stop); round++) {
        if (store_vacuum(bank->read_world->store, WORLD_TABLE, NULL, &result, &diag) !=
            STATUS_OK) {
            fprintf(stderr, "vacuum: %s\n", diag.message);
            abort();
        }
        if (round % 8 == 0 && worker->number % 2 == 0) {
            world_checkpoint(bank->read_world);
        }
    }
}

static void
open_accounts(struct bank *bank)
{
    struct session session;
    struct buf tuple = BUF_EMPTY;
    struct change_result result;
    session_init(&session, &bank->world);
    session_begin(&session, ISOLATION_READ_COMMITTED);
    for (int64_t i = 0; i < ACCOUNTS; i++) {
        world_row_encode(&tuple, &(struct world_row){.id = i, .n = OPENING, .text = "x"});
        assert_int_equal(
            table_insert(session.txn, WORLD_TABLE, buf_slice(&tuple), &result, &session.diag),
            STATUS_OK);
        bank->rows[i] = result.row;
    }
    session_commit(&session);
    session_deinit(&session);
    buf_deinit(&tuple);
}

static void
follow(void *arg)
{
    struct bank *bank = ((struct worker_arg *)arg)->bank;
    while (!atomic_load(&bank->stop)) {
        world_follow(&bank->follower, &bank->world);
    }
}

static void
check_at_rest(struct world *world)
{
    struct session session;
    struct diag diag = {0};
    unsigned count;
    bool good = tables_check(world->store, &diag);
    assert_string_equal(diag.message, "");
    assert_true(good);
    session_init(&session, world);
    session_begin(&session, ISOLATION_READ_COMMITTED);
    assert_int_equal(sum_by_scan(&session, &count), ACCOUNTS * OPENING);
    assert_int_equal(sum_by_index(&session, WORLD_INDEX_ID, true, &count), ACCOUNTS * OPENING);
    assert_int_equal(sum_by_index(&session, WORLD_INDEX_N, false, &count), ACCOUNTS * OPENING);
    assert_int_equal(count, ACCOUNTS);
    session_commit(&session);
    session_deinit(&session);
}

static struct bank *
bank_new(void)
{
    struct bank *bank = calloc(1, sizeof(*bank));
    const char *wanted = getenv("TRANSFERS");
    bank->transfers_wanted = wanted != NULL ? (unsigned)atoi(wanted) : 2000;
    world_open(&bank->world, 4096, 128);
    world_make_table(&bank->world);
    open_accounts(bank);
    bank->read_world = &bank->world;
    return bank;
}

/* The writers, and `runs` beside them until the writers are done. */
static void
run_bank(struct bank *bank, void (*const *runs)(void *), unsigned run_count)
{
    struct worker_arg workers[WRITERS + 8];
    struct diag diag = {0};
    assert_true(run_count <= 8);
    for (unsigned i = 0; i < WRITERS + run_count; i++) {
        workers[i] = (struct worker_arg){.bank = bank, .number = i};
        assert_int_equal(thread_start(&workers[i].thread, THREAD_ANY, "test",
                                      i < WRITERS ? transfer_all : runs[i - WRITERS],
                                      &workers[i], &diag),
                         STATUS_OK);
    }
    for (unsigned i = 0; i < WRITERS + run_count; i++) {
        if (i == WRITERS) {
            atomic_store(&bank->stop, true);
        }
        thread_join(&workers[i].thread);
    }
    print_message("%u transfers, %u given up, %u reads, %u keys moved, %u not\n",
                  atomic_load(&bank->transfers), atomic_load(&bank->retries),
                  atomic_load(&bank->reads), atomic_load(&bank->moved),
                  atomic_load(&bank->refused));
    assert_true(atomic_load(&bank->reads) > 0 && atomic_load(&bank->moved) > 0);
}

/* Money moves between accounts by several writers while others change keys, vacuum and
 * checkpoints run: no snapshot ever shows more or less of it, and a restart neither. Method:
 * threads; each reader sums by scan and by index in both directions. */
static void
table__transfers_by_threads__money_stays(void **state)
{
    UNUSED(state);
    static void (*const runs[])(void *) = {read_all, move_keys, move_keys, keep_tidy,
                                           keep_tidy};
    struct bank *bank = bank_new();
    run_bank(bank, runs, ARRAY_SIZE(runs));
    check_at_rest(&bank->world);
    world_restart(&bank->world);
    check_at_rest(&bank->world);
    world_close(&bank->world);
    free(bank);
}

/* The same on a node that follows: apply links versions while readers, vacuum and checkpoints
 * go on there, and in the end it has the leader's state hash, also after a restart. Method: the
 * follower is fed the log as it grows; readers and vacuum are on the follower. */
static void
table_apply__transfers_on_leader__follower_agrees(void **state)
{
    UNUSED(state);
    static void (*const runs[])(void *) = {follow,    read_all,  read_all,
                                           move_keys, move_keys, keep_tidy};
    struct bank *bank = bank_new();
    struct hash128 ours, theirs;
    uint64_t index;
    world_open_follower(&bank->follower, 4096, 128);
    world_follow(&bank->follower, &bank->world);
    bank->read_world = &bank->follower;
    run_bank(bank, runs, ARRAY_SIZE(runs));
    for (unsigned i = 0; i < 2; i++) {
        world_follow(&bank->follower, &bank->world);
        store_state_hash(bank->world.store, &index, &ours);
        store_state_hash(bank->follower.store, &index, &theirs);
        assert_true(ours.low == theirs.low && ours.high == theirs.high);
        check_at_rest(&bank->follower);
        if (i == 0) {
            world_restart(&bank->follower); /* adds a term of its own, without rows */
        }
    }
    world_close(&bank->follower);
    world_close(&bank->world);
    free(bank);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table__transfers_by_threads__money_stays),
        cmocka_unit_test(table_apply__transfers_on_leader__follower_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
