/* settings_test.c: node/settings.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "node/settings.h"
#include "tests/lib/unit.h"

#include <string.h>

static enum status
parse(const char *text, struct arena *arena, struct settings *settings, struct diag *diag)
{
    diag_clear(diag);
    return settings_parse("/home", "rustydb.toml", slice_from_text(text), arena, settings,
                          diag);
}

/* Keys that are not set have their defaults, and relative paths are below the home. */
static void
settings_parse__few_keys__others_have_defaults(void **state)
{
    UNUSED(state);
    struct arena arena;
    struct settings settings;
    struct diag diag;
    arena_init(&arena);
    assert_int_equal(parse("[server]\nlisten_port = 6000\n[paths]\ndata_dir = \"d\"\n", &arena,
                           &settings, &diag),
                     STATUS_OK);
    assert_int_equal(settings.server_listen_port, 6000);
    assert_int_equal(settings.server_max_connections, 500);
    assert_string_equal(settings.paths_data_dir, "/home/d");
    assert_string_equal(settings.instance_name, "default");
    arena_deinit(&arena);
}

/* Each wrong setting is refused with its line, and an unknown key with the nearest known one.
 */
static void
settings_parse__wrong_setting__refused(void **state)
{
    UNUSED(state);
    static const struct wrong_case {
        const char *text, *sqlstate, *message, *hint;
    } cases[] = {
        {"[storage]\nbufer_pool_pages = 100", SQLSTATE_CONFIG_FILE_ERROR,
         "rustydb.toml, line 2: unknown key \"bufer_pool_pages\" in [storage]",
         "The nearest known key is \"buffer_pool_pages\" in [storage]."},
        {"listen_port = 6000", SQLSTATE_CONFIG_FILE_ERROR,
         "rustydb.toml, line 1: unknown key \"listen_port\" before the first [section]",
         "The nearest known key is \"listen_port\" in [server]."},
        {"[maintenance]\nauto_vacuum = true", SQLSTATE_CONFIG_FILE_ERROR,
         "rustydb.toml, line 2: unknown key \"auto_vacuum\" in [maintenance]",
         "The sections are clustering, instance, paths, server, storage, wal."},
        {"[server]\nworkers = 4", SQLSTATE_CONFIG_FILE_ERROR,
         "rustydb.toml, line 2: unknown key \"workers\" in [server]",
         "[server] has the keys api_port, listen_host, listen_port, max_connections."},
        {"[server]\nlisten_port = 6000\napi_port = 6000", SQLSTATE_CONFIG_FILE_ERROR,
         "rustydb.toml: [server] listen_port and [server] api_port are both 6000", ""},
        {"[server]\nlisten_port = 6000\n[clustering]\nlisten_port = 6000",
         SQLSTATE_CONFIG_FILE_ERROR,
         "rustydb.toml: [server] listen_port and [clustering] listen_port are both 6000", ""},
        {"[server]\nlisten_port = \"x\"", SQLSTATE_CONFIG_FILE_ERROR,
         "rustydb.toml, line 2: [server] listen_port must be an integer", ""},
        {"[server]\nlisten_port = 70000", SQLSTATE_CONFIG_FILE_ERROR,
         "rustydb.toml, line 2: [server] listen_port = 70000 is outside 1 .. 65535", ""},
        {"[storage]\npage_size = 5000", SQLSTATE_CONFIG_FILE_ERROR,
         "rustydb.toml: [storage] page_size must be a power of 2", ""},
        {"[server]\nlisten_host = \"0.0.0.0\"", SQLSTATE_FEATURE_NOT_SUPPORTED,
         "rustydb.toml: [server] listen_host = \"0.0.0.0\" is beyond loopback, which needs "
         "authentication and TLS",
         "Neither exists yet. Listen on 127.0.0.1."},
    };
    struct arena arena;
    struct settings settings;
    struct diag diag;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_not_equal(parse(cases[i].text, &arena, &settings, &diag), STATUS_OK);
        assert_string_equal(diag.sqlstate, cases[i].sqlstate);
        assert_string_equal(diag.message, cases[i].message);
        assert_string_equal(diag.hint, cases[i].hint);
    }
    arena_deinit(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_parse__few_keys__others_have_defaults),
        cmocka_unit_test(settings_parse__wrong_setting__refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
