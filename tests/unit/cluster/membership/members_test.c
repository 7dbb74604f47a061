/* members_test.c: founders and their addresses. SPDX-License-Identifier: Apache-2.0 */
#include "cluster/membership/members.h"

// clang-format off
#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>

static struct member
founder(const char *name, const char *host, uint16_t port)
{
    struct member member = {.peer_port = port, .voter = true};
    snprintf(member.name, sizeof(member.name), "%s", name);
    snprintf(member.host, sizeof(member.host), "%s", host);
    return member;
}

/* Founders in any order give the same list; another cluster name gives other ids. */
static void
members_from_founders__any_order__same_list(void **state)
{
    UNUSED(state);
    struct member one[] = {founder("a", "h1", 1), founder("b", "h1", 2), founder("c", "h2", 1)};
    struct member two[] = {one[2], one[0], one[1]};
    struct members x, y;
    assert_int_equal(members_from_founders("k", one, 3, &x, NULL), STATUS_OK);
    assert_int_equal(members_from_founders("k", two, 3, &y, NULL), STATUS_OK);
    assert_memory_equal(&x, &y, sizeof(x));
    for (unsigned i = 0; i < 3; i++) {
        assert_true(x.list[i].id != 0);
        assert_int_equal(members_voter_rank(&x, x.list[i].id), i);
        assert_ptr_equal(members_find(&x, x.list[i].id), &x.list[i]);
    }
    assert_int_not_equal(member_founder_id("k", "a"), member_founder_id("l", "a"));
}

/* What two founders may not share, and what one may not lack. */
static void
members_from_founders__bad_list__is_refused(void **state)
{
    UNUSED(state);
    struct bad {
        struct member list[2];
        unsigned count;
    } cases[] = {
        {{founder("a", "h", 1), founder("a", "h", 2)}, 2},
        {{founder("a", "h", 1), founder("b", "h", 1)}, 2},
        {{founder("", "h", 1)}, 1},
        {{founder("a", "", 1)}, 1},
        {{founder("a", "h", 0)}, 1},
        {{founder("a b", "h", 1)}, 1},
        {{founder("a", "h", 1)}, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct members members;
        struct diag diag = {0};
        assert_int_equal(
            members_from_founders("k", cases[i].list, cases[i].count, &members, &diag),
            STATUS_INVALID);
        assert_true(diag.message[0] != '\0');
    }
}

/* An address comes back from its text; nonsense is refused. */
static void
member_address__formatted__parses_back(void **state)
{
    UNUSED(state);
    static const char *const bad[] = {"", "a", "a b", "a b 0", "a b 70000", "a b x"};
    struct member member = founder("node1", "::1", 7000), back = {0};
    char text[MEMBER_ADDRESS_MAX];
    member_address_format(&member, text);
    assert_int_equal(member_address_parse(text, &back, NULL), STATUS_OK);
    assert_string_equal(back.name, "node1");
    assert_string_equal(back.host, "::1");
    assert_int_equal(back.peer_port, 7000);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(member_address_parse(bad[i], &back, NULL), STATUS_CORRUPT);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_from_founders__any_order__same_list),
        cmocka_unit_test(members_from_founders__bad_list__is_refused),
        cmocka_unit_test(member_address__formatted__parses_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
