/* local_test.c: what `local up` accepts before it writes anything.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/local_internal.h"

#include "base/macros.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

/* Known cluster: three nodes, n1 n2 n3, SQL from 100, REST from 1100. */
static struct local_cluster
known(void)
{
    return (struct local_cluster){
        .dir = "/nowhere",
        .node_count = 3,
        .nodes = {{"n1", 100, 1100, 2100}, {"n2", 101, 1101, 2101}, {"n3", 102, 1102, 2102}}};
}

static void
local_plan_fits__options__only_as_the_cluster_is(void **state)
{
    static const struct {
        struct local_plan plan;
        bool fits;
    } cases[] = {
        {{0}, true},
        {{.nodes = 3, .port = 100, .rest_port = 1100, .names = "n1,n2,n3"}, true},
        {{.nodes = 2}, false},
        {{.port = 101}, false},
        {{.rest_port = 100}, false},
        {{.names = "n1,n2"}, false},
        {{.names = "n1,n3,n2"}, false},
    };
    (void)state;
    struct local_cluster cluster = known();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(local_plan_fits(&cases[i].plan, &cluster), cases[i].fits);
    }
}

/* Refused, and no directory made. */
static void
local_plan_new__bad_arguments__refused_before_anything_is_made(void **state)
{
    static const struct local_plan cases[] = {
        {.dir = "/nowhere/at/all"},
        {.dir = "/nowhere/at/all", .port = 64000},
        {.dir = "/nowhere/at/all", .port = 20000, .rest_port = 20001},
        {.dir = "/nowhere/at/all", .port = 20000, .names = "a,b"},
        {.dir = "/nowhere/at/all", .port = 20000, .names = "a,b,c,d"},
        {.dir = "/nowhere/at/all", .port = 20000, .names = "a,b,a"},
        {.dir = "/nowhere/at/all", .port = 20000, .names = "a,,b"},
        {.dir = "/nowhere/at/all", .port = 20000, .names = "a,b,../c"},
        {.dir = "/nowhere/at/all", .port = 20000, .names = ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct local_cluster cluster;
        assert_false(local_plan_new(&cases[i], &cluster));
        assert_string_equal(cluster.dir, "");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_plan_fits__options__only_as_the_cluster_is),
        cmocka_unit_test(local_plan_new__bad_arguments__refused_before_anything_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
