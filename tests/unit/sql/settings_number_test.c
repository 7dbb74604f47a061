/* settings_number_test.c: numbers with units, as PostgreSQL 15 reads and shows them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/settings_number.h"

#include "base/macros.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

static void
number__units__read_and_shown(void **state)
{
    static const struct {
        const char *text, *unit, *shown; /* shown NULL: refused */
        int64_t value;
    } cases[] = {
        {"0", "ms", "0", 0},
        {"5000", "ms", "5s", 5000},
        {"1500", "ms", "1500ms", 1500},
        {"5s", "ms", "5s", 5000},
        {" 1 min ", "ms", "1min", 60000},
        {"1.5s", "ms", "1500ms", 1500},
        {"1e3", "ms", "1s", 1000},
        {"2500us", "ms", "2ms", 2},
        {"24h", "ms", "1d", 86400000},
        {"-1", "ms", "-1", -1},
        {"256MB", "MB", "256MB", 256},
        {"1GB", "MB", "1GB", 1024},
        {"2048kB", "MB", "2MB", 2},
        {"3", NULL, "3", 3},
        {"3s", NULL, NULL, 0},
        {"5x", "ms", NULL, 0},
        {"5 s s", "ms", NULL, 0},
        {"s", "ms", NULL, 0},
        {"", "ms", NULL, 0},
        {"5000000000", "ms", NULL, 0},
        {"30d", "ms", NULL, 0},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t value = 0;
        const char *hint;
        char shown[NUMBER_TEXT_MAX];
        assert_int_equal(number_read(cases[i].text, cases[i].unit, &value, &hint),
                         cases[i].shown != NULL);
        if (cases[i].shown != NULL) {
            assert_int_equal(value, cases[i].value);
            number_show(value, cases[i].unit, shown);
            assert_string_equal(shown, cases[i].shown);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(number__units__read_and_shown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
