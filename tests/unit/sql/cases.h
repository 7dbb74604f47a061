/* cases.h: a session's dialogue as a table: texts and the answers they must get.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/lib/unit.h"
#include "tests/unit/sql/lab.h"

struct sql_case {
    const char *text, *answer;
};

struct fixture {
    struct lab lab;
    struct lab_session a, b;
};

/* cmocka set-up and tear-down: an engine and two sessions. */
int fixture_open(void **state);
int fixture_close(void **state);
void expect(struct lab_session *session, const char *text, const char *answer);
void expect_all(struct lab_session *session, const struct sql_case *cases, size_t count);
#define EXPECT_ALL(session, cases) expect_all((session), (cases), ARRAY_SIZE(cases))
