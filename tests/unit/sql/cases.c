/* cases.c: see cases.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/sql/cases.h"

#include <stdio.h>
#include <stdlib.h>

int
fixture_open(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    lab_open(&f->lab);
    lab_connect(&f->lab, &f->a);
    lab_connect(&f->lab, &f->b);
    *state = f;
    return 0;
}

int
fixture_close(void **state)
{
    struct fixture *f = *state;
    lab_disconnect(&f->a);
    lab_disconnect(&f->b);
    lab_close(&f->lab);
    free(f);
    return 0;
}

void
expect(struct lab_session *session, const char *text, const char *answer)
{
    const char *got = lab_run(session, text);
    if (strcmp(got, answer) != 0) {
        fprintf(stderr, "text:   %s\nwanted: %s\ngot:    %s\n", text, answer, got);
    }
    assert_string_equal(got, answer);
}

void
expect_all(struct lab_session *session, const struct sql_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        expect(session, cases[i].text, cases[i].answer);
    }
}
