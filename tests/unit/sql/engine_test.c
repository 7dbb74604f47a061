/* engine_test.c: sessions over a real store. SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"
#include "tests/unit/sql/lab.h"
static void
engine__opened__is_ready(void **state)
{
    UNUSED(state);
    static struct lab lab;
    lab_open(&lab);
    assert_true(sql_engine_ready(lab.engine));
    lab_close(&lab);
}
int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(engine__opened__is_ready)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
