/* toml_test.c: base/toml.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/toml.h"
#include "tests/lib/unit.h"

static enum status
parse(const char *text, struct arena *arena, struct toml_document *document, struct diag *diag)
{
    diag_clear(diag);
    return toml_parse(slice_from_text(text), arena, document, diag);
}

/* The kinds of value are read as written, with their table and line. */
static void
toml_parse__every_kind__reads_value_and_line(void **state)
{
    UNUSED(state);
    struct arena arena;
    struct toml_document document;
    struct diag diag;
    arena_init(&arena);
    assert_int_equal(parse("# head\n[a]\nx = \"q\\\"t\" # why\ny = 26_2\nz=true\n[b.c]\n"
                           "l = [\"m\",\n \"n\", ]\r\n",
                           &arena, &document, &diag),
                     STATUS_OK);
    assert_int_equal(document.count, 4);
    assert_string_equal(document.values[0].string, "q\"t");
    assert_int_equal(document.values[1].integer, 262);
    assert_int_equal(document.values[2].kind, TOML_BOOLEAN);
    assert_string_equal(document.values[3].section, "b.c");
    assert_int_equal(document.values[3].line, 7);
    assert_string_equal(document.values[3].strings[1], "n");
    arena_deinit(&arena);
}

/* What is not understood is refused, and the message names the line. */
static void
toml_parse__bad_line__refused_with_its_line(void **state)
{
    UNUSED(state);
    static const struct bad_case {
        const char *text, *message;
    } cases[] = {
        {"x 1", "line 1: '=' is expected after the key"},
        {"\nx = \"a", "line 2: a string is not closed on its line"},
        {"x = 1\nx = 2", "line 2: key \"x\" is set twice, first on line 1"},
        {"[a]\n[a]", "line 2: table [a] is opened twice: merge the two"},
        {"x = 1 y = 2", "line 1: the line should end here"},
        {"x = 99999999999999999999", "line 1: integer out of range"},
        {"x = {}", "line 1: a string, integer, boolean or array of strings is expected"},
        {"x = [1]", "line 1: an array may hold strings only"},
        {"[a", "line 1: ']' is expected after the table's name"},
    };
    struct arena arena;
    struct toml_document document;
    struct diag diag;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(parse(cases[i].text, &arena, &document, &diag), STATUS_INVALID);
        assert_string_equal(diag.message, cases[i].message);
    }
    arena_deinit(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(toml_parse__every_kind__reads_value_and_line),
        cmocka_unit_test(toml_parse__bad_line__refused_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
