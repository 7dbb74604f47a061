/* regex_test.c: regular expressions of any form. SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/errors.h"
#include "base/rng.h"
#include "sql/func/func.h"

static const char *const pieces[] = {
    "a",    "b",     "(",        ")",   "(?:", "(?=",   "(?<!", "|",       "*",         "+",
    "?",    "{1,2}", "{",        "}",   "[",   "]",     "[^",   "-",       "[:alpha:]", "\\",
    "\\d",  "\\W",   "\\1",      "\\x", "\\m", "\\u00", "^",    "$",       ".",         "(?n)",
    "(?q)", "***",   "\303\244", " ",   "#",   "[.",    "[=",   "[[:<:]]", "(?#"};

static void
run(struct arena *arena, const char *name, struct slice text, struct slice pattern,
    bool *found_out)
{
    enum type_id types[2] = {TYPE_TEXT, TYPE_TEXT};
    struct value values[2] = {{.bytes = text}, {.bytes = pattern}}, answer;
    struct func_match match;
    struct vector args[2], result;
    struct diag diag = {0};
    struct func_call call = {.arena = arena, .state_arena = arena, .diag = &diag};
    bool is_operator = name[0] == '~';
    assert_int_equal(is_operator ? operator_resolve(name, types, 2, &match, NULL)
                                 : func_resolve(name, types, 2, &match, NULL),
                     STATUS_OK);
    for (unsigned i = 0; i < 2; i++) {
        vector_set_constant(&args[i], TYPE_TEXT, &values[i], arena);
    }
    vector_init(&result, is_operator ? TYPE_BOOL : TYPE_TEXT, 1, arena);
    enum status status = match.func->run(&call, args, 1, &result);
    *found_out = false;
    if (status == STATUS_OK) {
        vector_get(&result, 0, &answer);
        *found_out = is_operator ? answer.b != 0 : !answer.is_null;
        return;
    }
    bool known = strcmp(diag.sqlstate, SQLSTATE_INVALID_REGULAR_EXPRESSION) == 0 ||
                 strcmp(diag.sqlstate, SQLSTATE_FEATURE_NOT_SUPPORTED) == 0 ||
                 strcmp(diag.sqlstate, SQLSTATE_PROGRAM_LIMIT_EXCEEDED) == 0;
    assert_true(known);
}

/* Any pattern gives an answer or one of three errors, and substring() finds nothing where ~
 * does not match.
 * Method: seeded runs of pieces that mean something somewhere; the sanitizers watch. */
static void
regex__random_patterns__answer_or_fail(void **state)
{
    (void)state;
    struct rng rng;
    struct arena arena;
    unsigned matched = 0;
    rng_seed(&rng, 3);
    arena_init(&arena);
    for (unsigned round = 0; round < 20000; round++) {
        struct buf pattern = BUF_EMPTY;
        uint64_t count = rng_below(&rng, 8);
        for (uint64_t i = 0; i < count; i++) {
            buf_append_text(&pattern, pieces[rng_below(&rng, ARRAY_SIZE(pieces))]);
        }
        struct slice text = slice_from_text("ab\n\303\244 b1");
        bool matches = false, found = false;
        run(&arena, "~", text, buf_slice(&pattern), &matches);
        run(&arena, "substring", text, buf_slice(&pattern), &found);
        assert_true(matches || !found);
        matched += found;
        arena_reset(&arena);
        buf_deinit(&pattern);
    }
    arena_deinit(&arena);
    assert_in_range(matched, 1000, 19000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regex__random_patterns__answer_or_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
