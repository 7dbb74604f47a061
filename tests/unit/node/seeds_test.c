/* seeds_test.c: node/seeds.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "node/seeds.h"
#include "tests/lib/unit.h"

#define CONFIG "[instance]\nname = \"n1\"\n[clustering]\nlisten_port = 7001\n"

static enum status
read_seeds(const char *config, struct member *founders, unsigned *count, struct diag *diag)
{
    struct arena arena;
    struct settings settings;
    arena_init(&arena);
    diag_clear(diag);
    *count = 0;
    assert_int_equal(settings_parse("/home", "rustydb.toml", slice_from_text(config), &arena,
                                    &settings, diag),
                     STATUS_OK);
    enum status status = seeds_read(&settings, founders, count, diag);
    arena_deinit(&arena);
    return status;
}

/* Without seeds this node is the only member; with them it is one of those listed. */
static void
seeds_read__good_list__founders_in_its_order(void **state)
{
    UNUSED(state);
    struct member founders[CLUSTER_MEMBERS_MAX];
    unsigned count;
    struct diag diag;
    assert_int_equal(read_seeds(CONFIG, founders, &count, &diag), STATUS_OK);
    assert_int_equal(count, 1);
    assert_string_equal(founders[0].name, "n1");
    assert_int_equal(founders[0].peer_port, 7001);
    assert_int_equal(read_seeds(CONFIG "seeds = [\"n2=localhost:7001\", \"n1=127.0.0.1:7001\"]",
                                founders, &count, &diag),
                     STATUS_OK);
    assert_int_equal(count, 2);
    assert_string_equal(founders[0].name, "n2");
    assert_string_equal(founders[0].host, "localhost");
    assert_string_equal(founders[1].name, "n1");
}

/* A list with which no cluster could start is refused, and the seed is named. */
static void
seeds_read__wrong_list__refused(void **state)
{
    UNUSED(state);
    static const struct wrong_case {
        const char *config, *sqlstate, *message;
    } cases[] = {
        {CONFIG "seeds = [\"n1\"]", SQLSTATE_CONFIG_FILE_ERROR,
         "[clustering] seeds: \"n1\" is not name=host:port"},
        {CONFIG "seeds = [\"n1=127.0.0.1:0\"]", SQLSTATE_CONFIG_FILE_ERROR,
         "[clustering] seeds: \"n1=127.0.0.1:0\" has no port between 1 and 65535"},
        {CONFIG "seeds = [\"n1=127.0.0.1:7001\", \"n1=127.0.0.1:7002\"]",
         SQLSTATE_CONFIG_FILE_ERROR,
         "[clustering] seeds: \"n1=127.0.0.1:7002\" names a member twice"},
        {CONFIG "seeds = [\"n1=127.0.0.1:7001\", \"n2=127.0.0.1:7001\"]",
         SQLSTATE_CONFIG_FILE_ERROR,
         "[clustering] seeds: \"n2=127.0.0.1:7001\" has the address of another member"},
        {CONFIG "seeds = [\"n2=127.0.0.1:7002\"]", SQLSTATE_CONFIG_FILE_ERROR,
         "[clustering] seeds: \"n1\" (this instance) is not among them"},
        {CONFIG "seeds = [\"n1=127.0.0.1:7009\"]", SQLSTATE_CONFIG_FILE_ERROR,
         "[clustering] seeds: \"n1=127.0.0.1:7009\" is this instance, whose [clustering] "
         "listen_port differs"},
        {CONFIG "seeds = [\"n1=127.0.0.1:7001\", \"n2=10.0.0.2:7001\"]",
         SQLSTATE_FEATURE_NOT_SUPPORTED,
         "[clustering] seeds: \"n2=10.0.0.2:7001\" is beyond loopback, which needs "
         "authentication and TLS"},
    };
    struct member founders[CLUSTER_MEMBERS_MAX];
    unsigned count;
    struct diag diag;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_not_equal(read_seeds(cases[i].config, founders, &count, &diag), STATUS_OK);
        assert_string_equal(diag.message, cases[i].message);
        assert_string_equal(diag.sqlstate, cases[i].sqlstate);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_read__good_list__founders_in_its_order),
        cmocka_unit_test(seeds_read__wrong_list__refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
