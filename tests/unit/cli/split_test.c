/* split_test.c: where a statement of a text ends. SPDX-License-Identifier: Apache-2.0 */
#include "cli/split.h"

#include "base/macros.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdlib.h>
#include <string.h>

/* The statements of a text, each closed by a bar. */
static void
check(const char *text, const char *want)
{
    char got[512] = "";
    struct statement_reader reader = {.next = text};
    char *statement;
    while ((statement = next_statement(&reader)) != NULL) {
        assert_true(strlen(got) + strlen(statement) + 2 < sizeof(got));
        strcat(strcat(got, statement), "|");
        free(statement);
    }
    assert_string_equal(got, want);
}

static void
next_statement__semicolons__end_only_statements(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {" ;; ; ", ""},
        {"-- nothing\n; /* nor /* here */ */", ""},
        {"SELECT 1", "SELECT 1|"},
        {"SELECT 1; SELECT 2;", "SELECT 1| SELECT 2|"},
        {"SELECT ';'; SELECT 2", "SELECT ';'| SELECT 2|"},
        {"SELECT 'it''s; one'; 2", "SELECT 'it''s; one'| 2|"},
        {"SELECT '\\'; SELECT 2", "SELECT '\\'| SELECT 2|"},
        {"SELECT E'\\'; one'; 2", "SELECT E'\\'; one'| 2|"},
        {"SELECT name'\\'; 2", "SELECT name'\\'| 2|"},
        {"SELECT \"a;b\" -- c;d\n; 2", "SELECT \"a;b\" -- c;d\n| 2|"},
        {"SELECT /* ; /* ; */ ; */ 1; 2", "SELECT /* ; /* ; */ ; */ 1| 2|"},
        {"SELECT $$;$$, $a$ $$;$a$; 2", "SELECT $$;$$, $a$ $$;$a$| 2|"},
        {"SELECT $1; SELECT a$b$; 2", "SELECT $1| SELECT a$b$| 2|"},
        {"CREATE RULE r AS (a; b); 2", "CREATE RULE r AS (a; b)| 2|"},
        {"SELECT 'never closed; 2", "SELECT 'never closed; 2|"},
        {"SELECT v$nodes; 2", "SELECT v$nodes| 2|"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        check(cases[i].text, cases[i].want);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_statement__semicolons__end_only_statements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
