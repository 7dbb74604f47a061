/* table_model_test.c: a naive store in memory answers the same operations.
 * Method: a few sessions take turns at random (seed printed on failure): inserts, updates with
 * and without changed keys, deletes, savepoints, rollbacks, aborts, commits, vacuums,
 * checkpoints, restarts. A session never touches what another has open, for it would wait for
 * itself. After each step a session's view by scan and by both indexes is compared with the
 * model; in the end a second store is fed the log and must have the same rows and state hash.
 * SPDX-License-Identifier: Apache-2.0 */
#include "storage/verify/verify.h"
#include "tests/lib/table_world.h"
#include "tests/lib/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"

#define SESSIONS 4
#define IDS 60
#define ROWS_MAX 8192
#define SAVEPOINTS_MAX 4

struct model_row {
    bool alive;
    int64_t id, n;
};

struct model_view {
    struct model_row rows[ROWS_MAX];
};

struct model_session {
    struct session session;
    bool open;
    enum isolation isolation;
    struct model_view *view; /* what it must see */
    bool touched[ROWS_MAX];  /* its own changes */
    struct model_view *saved[SAVEPOINTS_MAX];
    bool saved_touched[SAVEPOINTS_MAX][ROWS_MAX];
    uint64_t savepoints[SAVEPOINTS_MAX];
    unsigned savepoint_count;
};

struct model {
    struct world world;
    struct model_session sessions[SESSIONS];
    struct model_view committed;
    uint64_t changed_at[ROWS_MAX]; /* commit number that changed the row last */
    uint64_t commits, begun_at[SESSIONS];
    int row_owner[ROWS_MAX]; /* session number + 1 */
    int id_owner[IDS];
    struct rng rng;
    struct buf tuple, newest;
    char text[700];
    unsigned done[16];
};

static void
own(struct model *m, unsigned s, uint64_t row, int64_t id)
{
    m->row_owner[row] = (int)s + 1;
    m->id_owner[id] = (int)s + 1;
    m->sessions[s].touched[row] = true;
}

static bool
free_for(const struct model *m, unsigned s, uint64_t row, int64_t id)
{
    return (row == 0 || m->row_owner[row] == 0 || m->row_owner[row] == (int)s + 1) &&
           (m->id_owner[id] == 0 || m->id_owner[id] == (int)s + 1);
}

static void
refresh_view(struct model *m, unsigned s)
{
    struct model_session *session = &m->sessions[s];
    if (session->isolation == ISOLATION_REPEATABLE_READ) {
        return;
    }
    for (uint64_t row = 0; row < ROWS_MAX; row++) {
        if (!session->touched[row]) {
            session->view->rows[row] = m->committed.rows[row];
        }
    }
}

static void
begin(struct model *m, unsigned s)
{
    struct model_session *session = &m->sessions[s];
    session->isolation =
        rng_below(&m->rng, 2) == 0 ? ISOLATION_READ_COMMITTED : ISOLATION_REPEATABLE_READ;
    session_begin(&session->session, session->isolation);
    *session->view = m->committed;
    memset(session->touched, 0, sizeof(session->touched));
    session->savepoint_count = 0;
    session->open = true;
    m->begun_at[s] = m->commits;
}

static void
end(struct model *m, unsigned s, bool commit)
{
    struct model_session *session = &m->sessions[s];
    m->commits++;
    for (uint64_t row = 0; row < ROWS_MAX; row++) {
        if (session->touched[row] && commit) {
            m->committed.rows[row] = session->view->rows[row];
            m->changed_at[row] = m->commits;
        }
        if (m->row_owner[row] == (int)s + 1) {
            m->row_owner[row] = 0;
        }
    }
    for (int64_t id = 0; id < IDS; id++) {
        if (m->id_owner[id] == (int)s + 1) {
            m->id_owner[id] = 0;
        }
    }
    session->open = false;
    if (commit) {
        session_commit(&session->session);
    } else {
        session_abort(&session->session);
    }
}

/* Is the id taken by a row that counts for a unique check by this session? */
static bool
id_taken(const struct model *m, unsigned s, int64_t id, uint64_t except)
{
    const struct model_session *session = &m->sessions[s];
    for (uint64_t row = 1; row < ROWS_MAX; row++) {
        const struct model_row *now =
            session->touched[row] ? &session->view->rows[row] : &m->committed.rows[row];
        if (row != except && now->alive && now->id == id) {
            return true;
        }
    }
    return false;
}

static void
encode(struct model *m, int64_t id, int64_t n)
{
    size_t size = (size_t)rng_below(&m->rng, rng_below(&m->rng, 8) == 0 ? 600 : 60);
    memset(m->text, 'a' + (int)(n % 26), size);
    m->text[size] = 0;
    world_row_encode(&m->tuple, &(struct world_row){.id = id, .n = n, .text = m->text});
}

static void
step_insert(struct model *m, unsigned s)
{
    struct model_session *session = &m->sessions[s];
    int64_t id = (int64_t)rng_below(&m->rng, IDS), n = (int64_t)rng_below(&m->rng, 30);
    if (!free_for(m, s, 0, id)) {
        return;
    }
    struct change_result result;
    encode(m, id, n);
    enum status status = table_insert(session->session.txn, WORLD_TABLE, buf_slice(&m->tuple),
                                      &result, &session->session.diag);
    if (id_taken(m, s, id, 0)) {
        assert_int_equal(status, STATUS_CONFLICT);
        assert_string_equal(session->session.diag.sqlstate, "23505");
        return;
    }
    assert_int_equal(status, STATUS_OK);
    assert_true(result.row.v < ROWS_MAX);
    own(m, s, result.row.v, id);
    session->view->rows[result.row.v] = (struct model_row){.alive = true, .id = id, .n = n};
}

static uint64_t
pick_row(struct model *m, unsigned s)
{
    const struct model_view *view = m->sessions[s].view;
    uint64_t start = rng_below(&m->rng, ROWS_MAX - 1) + 1;
    for (uint64_t i = 0; i < ROWS_MAX; i++) {
        uint64_t row = (start + i) % ROWS_MAX;
        if (row != 0 && view->rows[row].alive) {
            return row;
        }
    }
    return 0;
}

/* REPEATABLE READ must fail on what another committed since. True: it did, and is over. */
static bool
must_fail(struct model *m, unsigned s, uint64_t row, enum status status)
{
    struct model_session *session = &m->sessions[s];
    if (session->isolation == ISOLATION_READ_COMMITTED || session->touched[row] ||
        m->changed_at[row] <= m->begun_at[s]) {
        return false;
    }
    assert_int_equal(status, STATUS_CONFLICT);
    assert_string_equal(session->session.diag.sqlstate, "40001");
    end(m, s, false);
    return true;
}

static void
step_update(struct model *m, unsigned s, bool change_id)
{
    struct model_session *session = &m->sessions[s];
    uint64_t row = pick_row(m, s);
    if (row == 0) {
        return;
    }
    struct model_row *now = &session->view->rows[row];
    int64_t id = change_id ? (int64_t)rng_below(&m->rng, IDS) : now->id;
    int64_t n = rng_below(&m->rng, 2) == 0 ? now->n : (int64_t)rng_below(&m->rng, 30);
    if (!free_for(m, s, row, id) || !free_for(m, s, row, now->id)) {
        return;
    }
    struct change_result result;
    encode(m, id, n);
    enum status status =
        table_update(session->session.txn, WORLD_TABLE, (struct row_id){row},
                     buf_slice(&m->tuple), &m->newest, &result, &session->session.diag);
    if (must_fail(m, s, row, status)) {
        return;
    }
    if (id_taken(m, s, id, row)) {
        assert_int_equal(status, STATUS_CONFLICT);
        assert_string_equal(session->session.diag.sqlstate, "23505");
        return;
    }
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(result.outcome, ROW_DONE);
    own(m, s, row, id);
    own(m, s, row, now->id);
    now->id = id;
    now->n = n;
}

static void
step_delete(struct model *m, unsigned s)
{
    struct model_session *session = &m->sessions[s];
    uint64_t row = pick_row(m, s);
    if (row == 0 || !free_for(m, s, row, session->view->rows[row].id)) {
        return;
    }
    struct change_result result;
    enum status status = table_delete(session->session.txn, WORLD_TABLE, (struct row_id){row},
                                      &m->newest, &result, &session->session.diag);
    if (must_fail(m, s, row, status)) {
        return;
    }
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(result.outcome, ROW_DONE);
    own(m, s, row, session->view->rows[row].id);
    session->view->rows[row].alive = false;
}

static void
step_savepoint(struct model *m, unsigned s)
{
    struct model_session *session = &m->sessions[s];
    unsigned count = session->savepoint_count;
    if (count < SAVEPOINTS_MAX && rng_below(&m->rng, 2) == 0) {
        session->savepoints[count] = txn_savepoint(session->session.txn);
        *session->saved[count] = *session->view;
        memcpy(session->saved_touched[count], session->touched, sizeof(session->touched));
        session->savepoint_count++;
    } else if (count > 0) {
        unsigned to = (unsigned)rng_below(&m->rng, count);
        if (rng_below(&m->rng, 3) == 0) {
            txn_release(session->session.txn, session->savepoints[to]);
            session->savepoint_count = to;
        } else {
            txn_rollback_to(session->session.txn, session->savepoints[to]);
            *session->view = *session->saved[to];
            memcpy(session->touched, session->saved_touched[to], sizeof(session->touched));
            session->savepoint_count = to + 1;
        }
    }
}

static void
check_row(const struct model_view *view, const struct row_view *row, unsigned *seen)
{
    struct world_row values;
    world_row_decode(row->tuple, &values);
    assert_true(row->row.v < ROWS_MAX && view->rows[row->row.v].alive);
    assert_int_equal(view->rows[row->row.v].id, values.id);
    assert_int_equal(view->rows[row->row.v].n, values.n);
    (*seen)++;
}

static void
check_index(struct txn *txn, struct object_id index, const struct model_view *view,
            unsigned expected, bool backward)
{
    struct diag diag = {0};
    struct index_range range = {.backward = backward};
    struct index_scan *scan = NULL;
    struct row_view rows[13];
    unsigned count = 0, seen = 0;
    int64_t last = backward ? INT64_MAX : INT64_MIN;
    assert_int_equal(index_scan_open(txn, index, &range, &scan, &diag), STATUS_OK);
    do {
        assert_int_equal(index_scan_next(scan, rows, 13, &count, &diag), STATUS_OK);
        for (unsigned i = 0; i < count; i++) {
            struct world_row values;
            check_row(view, &rows[i], &seen);
            world_row_decode(rows[i].tuple, &values);
            int64_t key = index.v == WORLD_INDEX_ID.v ? values.id : values.n;
            assert_true(backward ? key <= last : key >= last);
            last = key;
        }
    } while (count > 0);
    assert_int_equal(seen, expected);
    index_scan_close(scan);
}

static void
check_view(struct txn *txn, const struct model_view *view, bool backward)
{
    struct diag diag = {0};
    struct table_scan *scan = NULL;
    struct row_view rows[20];
    unsigned expected = 0, seen = 0, count = 0;
    for (uint64_t row = 1; row < ROWS_MAX; row++) {
        expected += view->rows[row].alive;
    }
    assert_int_equal(table_scan_open(txn, WORLD_TABLE, &scan, &diag), STATUS_OK);
    do {
        assert_int_equal(table_scan_next(scan, rows, 20, &count, &diag), STATUS_OK);
        for (unsigned i = 0; i < count; i++) {
            check_row(view, &rows[i], &seen);
        }
    } while (count > 0);
    table_scan_close(scan);
    assert_int_equal(seen, expected);
    check_index(txn, WORLD_INDEX_ID, view, expected, backward);
    check_index(txn, WORLD_INDEX_N, view, expected, !backward);
}

static void
step_upkeep(struct model *m)
{
    struct diag diag = {0};
    struct vacuum_result result;
    switch (rng_below(&m->rng, 12)) {
    case 0:
        world_checkpoint(&m->world);
        break;
    case 1:
        for (unsigned s = 0; s < SESSIONS; s++) {
            if (m->sessions[s].open) {
                end(m, s, false);
            }
        }
        world_restart(&m->world);
        break;
    default:
        assert_int_equal(store_vacuum(m->world.store, WORLD_TABLE, NULL, &result, &diag),
                         STATUS_OK);
        m->done[0] += (unsigned)result.versions_removed;
        m->done[1] += (unsigned)result.index_entries_removed;
        break;
    }
}

static void
step(struct model *m)
{
    unsigned s = (unsigned)rng_below(&m->rng, SESSIONS);
    struct model_session *session = &m->sessions[s];
    if (!session->open) {
        begin(m, s);
    }
    diag_clear(&session->session.diag);
    session_next(&session->session);
    refresh_view(m, s);
    uint64_t dice = rng_below(&m->rng, 100);
    if (dice < 25) {
        step_insert(m, s);
    } else if (dice < 45) {
        step_update(m, s, false);
    } else if (dice < 65) {
        step_update(m, s, true);
    } else if (dice < 75) {
        step_delete(m, s);
    } else if (dice < 82) {
        step_savepoint(m, s);
    } else if (dice < 94) {
        end(m, s, dice < 90);
    } else {
        step_upkeep(m);
    }
    if (session->open && rng_below(&m->rng, 4) == 0) {
        session_next(&session->session);
        refresh_view(m, s);
        check_view(session->session.txn, session->view, dice % 2 == 0);
    }
}

static void
check_follower(struct model *m)
{
    struct world follower;
    world_open_follower(&follower, 4096, 64);
    struct session session;
    struct hash128 ours, theirs;
    uint64_t index;
    world_follow(&follower, &m->world);
    store_state_hash(m->world.store, &index, &ours);
    store_state_hash(follower.store, &index, &theirs);
    assert_true(ours.low == theirs.low && ours.high == theirs.high);
    session_init(&session, &follower);
    session_begin(&session, ISOLATION_READ_COMMITTED);
    check_view(session.txn, &m->committed, true);
    session_commit(&session);
    session_deinit(&session);
    struct diag diag = {0};
    assert_true(tables_check(follower.store, &diag));
    world_close(&follower);
}

static void
run_model(uint64_t seed, unsigned steps)
{
    struct model *m = calloc(1, sizeof(*m));
    rng_seed(&m->rng, seed);
    world_open(&m->world, 4096, 64);
    world_make_table(&m->world);
    for (unsigned s = 0; s < SESSIONS; s++) {
        session_init(&m->sessions[s].session, &m->world);
        m->sessions[s].view = calloc(1, sizeof(struct model_view));
        for (unsigned i = 0; i < SAVEPOINTS_MAX; i++) {
            m->sessions[s].saved[i] = calloc(1, sizeof(struct model_view));
        }
    }
    for (unsigned i = 0; i < steps; i++) {
        step(m);
    }
    for (unsigned s = 0; s < SESSIONS; s++) {
        if (m->sessions[s].open) {
            end(m, s, s % 2 == 0);
        }
    }
    struct diag diag = {0};
    bool good = tables_check(m->world.store, &diag);
    assert_string_equal(diag.message, "");
    assert_true(good);
    check_follower(m);
    assert_true(m->done[0] > 0 && m->done[1] > 0); /* vacuum had work */
    for (unsigned s = 0; s < SESSIONS; s++) {
        session_deinit(&m->sessions[s].session);
        free(m->sessions[s].view);
        for (unsigned i = 0; i < SAVEPOINTS_MAX; i++) {
            free(m->sessions[s].saved[i]);
        }
    }
    world_close(&m->world);
    buf_deinit(&m->tuple);
    buf_deinit(&m->newest);
    free(m);
}

static void
table__random_operations__answers_as_the_model(void **state)
{
    UNUSED(state);
    const char *text = getenv("MODEL_SEED");
    uint64_t first = text != NULL ? strtoull(text, NULL, 10) : 1;
    uint64_t count = text != NULL ? 1 : 12;
    for (uint64_t seed = first; seed < first + count; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        run_model(seed, 2500);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table__random_operations__answers_as_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
