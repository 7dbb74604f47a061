/* table_fixture.h: two sessions on a store with WORLD_TABLE: what tests of rows start from.
 *
 * Promises: the setup is for cmocka. The teardown aborts what a test left open, and fails the
 *           test when the checker of tables finds anything.
 * Thread:   the test's.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/lib/table_world.h"

struct table_fixture {
    struct world world;
    struct session a, b;
    struct buf tuple, newest;
    struct change_result result; /* of the last change */
};

int table_fixture_setup(void **state);
int table_fixture_teardown(void **state);
/* Some text stands in each row. The diag of the session is cleared first. */
enum status table_fixture_insert(struct table_fixture *f, struct session *session, int64_t id,
                                 int64_t n);
enum status table_fixture_update(struct table_fixture *f, struct session *session,
                                 struct row_id row, int64_t id, int64_t n);
enum status table_fixture_delete(struct table_fixture *f, struct session *session,
                                 struct row_id row);
