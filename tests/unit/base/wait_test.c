/* wait_test.c: what ends a wait, and what is said of it. SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "base/wait.h"

// clang-format off
#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdlib.h>

#define MS INT64_C(1000000)

static int
set_up(void **state)
{
    struct waiter *waiter = malloc(sizeof(*waiter));
    if (waiter == NULL) {
        return -1;
    }
    waiter_init(waiter);
    *state = waiter;
    return 0;
}

static int
tear_down(void **state)
{
    waiter_deinit(*state);
    free(*state);
    return 0;
}

static int64_t
in_ms(int64_t ms)
{
    return clock_monotonic_ns(clock_system()) + ms * MS;
}

static void
waiter_wait__deadline_and_limit__the_earlier_one_tells_why(void **state)
{
    struct waiter *waiter = *state;
    waiter->limit_ns = in_ms(10000);
    waiter_arm(waiter);
    assert_int_equal(waiter_wait(waiter, in_ms(5)), STATUS_TIMEOUT);
    assert_false(waiter_cancelled(waiter));
    waiter->limit_ns = in_ms(5);
    assert_int_equal(waiter_wait(waiter, WAIT_FOREVER), STATUS_CANCELLED);
    struct diag diag = {0};
    assert_int_equal(waiter_report_cancel(waiter, &diag), STATUS_CANCELLED);
    assert_string_equal(diag.sqlstate, SQLSTATE_QUERY_CANCELED);
    assert_string_equal(diag.message, "canceling statement due to statement timeout");
    waiter->limit_ns = WAIT_FOREVER;
    waiter_reset_cancel(waiter);
    assert_false(waiter_cancelled(waiter));
}

static void
waiter_cancel__shutdown__outranks_and_outlasts_the_others(void **state)
{
    struct waiter *waiter = *state;
    struct diag diag = {0};
    waiter_cancel_for(waiter, CANCEL_SHUTDOWN);
    waiter_cancel(waiter);
    waiter_reset_cancel(waiter);
    assert_int_equal(waiter_wait(waiter, WAIT_FOREVER), STATUS_CANCELLED);
    assert_int_equal(waiter_report_cancel(waiter, &diag), STATUS_CANCELLED);
    assert_string_equal(diag.sqlstate, SQLSTATE_ADMIN_SHUTDOWN);
    waiter_wake(waiter); /* what must be seen to its end is waited for all the same */
    assert_int_equal(waiter_wait_woken(waiter), STATUS_OK);
}

static void
count_breath(struct waiter *waiter)
{
    ++*(unsigned *)waiter->owner;
}

static void
waiter_check__short_statement__never_breathes(void **state)
{
    struct waiter *waiter = *state;
    unsigned breaths = 0;
    waiter->owner = &breaths;
    waiter->breathe = count_breath;
    for (unsigned statement = 0; statement < 3; statement++) {
        waiter_reset_cancel(waiter);
        for (unsigned i = 0; i < WAITER_CHECKS_FREE; i++) {
            assert_false(waiter_check(waiter));
        }
    }
    assert_int_equal(breaths, 0);
    assert_false(waiter_check(waiter));
    assert_int_equal(breaths, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            waiter_wait__deadline_and_limit__the_earlier_one_tells_why, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            waiter_cancel__shutdown__outranks_and_outlasts_the_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waiter_check__short_statement__never_breathes, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
