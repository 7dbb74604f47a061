/* table_fixture.c: see table_fixture.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/table_fixture.h"
#include "storage/verify/verify.h"

#include <stdio.h>
#include <stdlib.h>

int
table_fixture_setup(void **state)
{
    struct table_fixture *f = calloc(1, sizeof(*f));
    ASSERT(f != NULL);
    world_open(&f->world, 4096, 256);
    world_make_table(&f->world);
    session_init(&f->a, &f->world);
    session_init(&f->b, &f->world);
    *state = f;
    return 0;
}

static void
end_session(struct session *session)
{
    if (session->txn != NULL) {
        session_abort(session);
    }
    session_deinit(session);
}

int
table_fixture_teardown(void **state)
{
    struct table_fixture *f = *state;
    struct diag diag = {0};
    end_session(&f->a);
    end_session(&f->b);
    bool good = tables_check(f->world.store, &diag);
    if (!good) {
        fprintf(stderr, "check: %s\n", diag.message);
    }
    buf_deinit(&f->tuple);
    buf_deinit(&f->newest);
    world_close(&f->world);
    free(f);
    return good ? 0 : 1;
}

static struct slice
encode(struct table_fixture *f, int64_t id, int64_t n)
{
    world_row_encode(&f->tuple, &(struct world_row){.id = id, .n = n, .text = "some text"});
    return buf_slice(&f->tuple);
}

enum status
table_fixture_insert(struct table_fixture *f, struct session *session, int64_t id, int64_t n)
{
    diag_clear(&session->diag);
    return table_insert(session->txn, WORLD_TABLE, encode(f, id, n), &f->result,
                        &session->diag);
}

enum status
table_fixture_update(struct table_fixture *f, struct session *session, struct row_id row,
                     int64_t id, int64_t n)
{
    diag_clear(&session->diag);
    return table_update(session->txn, WORLD_TABLE, row, encode(f, id, n), &f->newest,
                        &f->result, &session->diag);
}

enum status
table_fixture_delete(struct table_fixture *f, struct session *session, struct row_id row)
{
    diag_clear(&session->diag);
    return table_delete(session->txn, WORLD_TABLE, row, &f->newest, &f->result, &session->diag);
}
