/* like_test.c: LIKE against the simplest matcher there is.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "sql/func/func.h"

/* Characters are one byte here. */
static bool
naive(const uint8_t *t, size_t text, const uint8_t *p, size_t pattern)
{
    if (pattern == 0) {
        return text == 0;
    }
    if (*p == '%') {
        return naive(t, text, p + 1, pattern - 1) ||
               (text > 0 && naive(t + 1, text - 1, p, pattern));
    }
    if (text == 0) {
        return false;
    }
    if (*p == '_') {
        return naive(t + 1, text - 1, p + 1, pattern - 1);
    }
    bool quoted = *p == '\\';
    return p[quoted] == *t && naive(t + 1, text - 1, p + 1 + quoted, pattern - 1 - quoted);
}

static struct slice
random_text(struct rng *rng, const char *alphabet, size_t size_max, uint8_t *space)
{
    size_t size = (size_t)rng_below(rng, size_max + 1);
    for (size_t i = 0; i < size; i++) {
        space[i] = (uint8_t)alphabet[rng_below(rng, strlen(alphabet))];
    }
    if (size > 0 && space[size - 1] == '\\') {
        space[size - 1] = 'a'; /* the pattern's error is another matter */
    }
    return slice_make(space, size);
}

/* Same answers as the naive matcher, as a constant pattern and as one of each row's own.
 * Method: seeded texts and patterns over three letters and the wildcards. */
static void
like__random_patterns__as_naive_matcher(void **state)
{
    (void)state;
    struct rng rng;
    struct arena arena;
    enum type_id types[2] = {TYPE_TEXT, TYPE_TEXT};
    struct func_match match;
    rng_seed(&rng, 11);
    arena_init(&arena);
    assert_int_equal(operator_resolve("~~", types, 2, &match, NULL), STATUS_OK);
    for (unsigned round = 0; round < 50000; round++) {
        uint8_t text_space[16], pattern_space[16];
        struct value values[2] = {0}, answer;
        values[0].bytes = random_text(&rng, "abc%", 12, text_space);
        values[1].bytes = random_text(&rng, "ab%_%\\", 8, pattern_space);
        bool wanted = naive(values[0].bytes.data, values[0].bytes.size, values[1].bytes.data,
                            values[1].bytes.size);
        struct vector args[2], result;
        struct func_call call = {.arena = &arena, .state_arena = &arena};
        arena_reset(&arena);
        vector_init(&args[0], TYPE_TEXT, 1, &arena);
        vector_set(&args[0], 0, &values[0]);
        if (round % 2 == 0) {
            vector_set_constant(&args[1], TYPE_TEXT, &values[1], &arena);
        } else {
            vector_init(&args[1], TYPE_TEXT, 1, &arena);
            vector_set(&args[1], 0, &values[1]);
        }
        vector_init(&result, TYPE_BOOL, 1, &arena);
        assert_int_equal(match.func->run(&call, args, 1, &result), STATUS_OK);
        vector_get(&result, 0, &answer);
        if ((answer.b != 0) != wanted) {
            print_error("'%.*s' LIKE '%.*s'\n", (int)values[0].bytes.size,
                        (const char *)text_space, (int)values[1].bytes.size,
                        (const char *)pattern_space);
        }
        assert_int_equal(answer.b, wanted);
    }
    arena_deinit(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like__random_patterns__as_naive_matcher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
