/* text_test.c: texts in and out of every type, compared with what PostgreSQL 15 answered.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sql/types/type.h"
#include <stdio.h>

static const struct text_case {
    enum type_id type;
    int32_t typmod;
    const char *text, *state, *expected;
} cases[] = {
#include "text_cases.inc"
};

static bool
case_holds(const struct text_case *c, struct arena *arena)
{
    struct diag diag = {0};
    struct value value;
    struct buf out = BUF_EMPTY;
    enum status status =
        value_from_text(c->type, c->typmod, slice_from_text(c->text), arena, &value, &diag);
    if (status == STATUS_OK) {
        value_to_text(c->type, &value, &out);
    } else {
        buf_append_text(&out, diag.message);
    }
    const char *state = status == STATUS_OK ? "ok" : diag.sqlstate;
    bool holds = strcmp(state, c->state) == 0 &&
                 slice_equal(buf_slice(&out), slice_from_text(c->expected));
    if (!holds) {
        print_error("%s '%s': got %s %.*s, PostgreSQL has %s %s\n", type_info(c->type)->name,
                    c->text, state, (int)out.size, (const char *)out.data, c->state,
                    c->expected);
    }
    buf_deinit(&out);
    return holds;
}

/* Every text gives the result or the error that PostgreSQL gave.
 * Method: read, write again, compare; count what differs. */
static void
value_text__recorded_cases__same_as_postgresql(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    unsigned failed = 0;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        failed += !case_holds(&cases[i], &arena);
        arena_reset(&arena);
    }
    arena_deinit(&arena);
    assert_int_equal(failed, 0);
}

/* What was written in binary reads back as the same text.
 * Method: text -> value -> binary -> value -> text for all good cases. */
static void
value_binary__good_cases__reads_back(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct text_case *c = &cases[i];
        struct value value, again;
        struct buf binary = BUF_EMPTY, text = BUF_EMPTY;
        struct diag diag = {0};
        if (strcmp(c->state, "ok") != 0 || type_info(c->type)->category == 'A') {
            continue;
        }
        assert_int_equal(value_from_text(c->type, c->typmod, slice_from_text(c->text), &arena,
                                         &value, &diag),
                         STATUS_OK);
        assert_int_equal(value_to_binary(c->type, &value, &binary, &diag), STATUS_OK);
        assert_int_equal(
            value_from_binary(c->type, c->typmod, buf_slice(&binary), &arena, &again, &diag),
            STATUS_OK);
        value_to_text(c->type, &again, &text);
        assert_int_equal(text.size, strlen(c->expected));
        assert_memory_equal(text.data != NULL ? (const char *)text.data : "", c->expected,
                            text.size);
        assert_int_equal(value_compare(c->type, &value, &again), 0);
        assert_true(value_hash(c->type, &value) == value_hash(c->type, &again));
        buf_deinit(&binary);
        buf_deinit(&text);
        arena_reset(&arena);
    }
    arena_deinit(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_text__recorded_cases__same_as_postgresql),
        cmocka_unit_test(value_binary__good_cases__reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
