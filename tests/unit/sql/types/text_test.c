/* text_test.c: texts in and out of every type, compared with what PostgreSQL 15 answered.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "sql/types/array.h"
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
        if (strcmp(c->state, "ok") != 0 || array_lower_bound(c->type) != 1) {
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

/* One to four bytes of a recorded text changed, dropped or doubled. */
static struct slice
mutate(const char *text, struct rng *rng, uint8_t *space)
{
    static const char alphabet[] = "0123456789+-.eE:,{}[]\"\\ aTZPBCxyinf/";
    size_t size = MIN(strlen(text), (size_t)200);
    memcpy(space, text, size);
    for (uint64_t times = 1 + rng_below(rng, 4); times > 0; times--) {
        size_t at = size > 0 ? (size_t)rng_below(rng, size) : 0;
        uint8_t c = (uint8_t)alphabet[rng_below(rng, sizeof alphabet - 1)];
        switch (rng_below(rng, 3)) {
        case 0:
            space[at] = c;
            size = MAX(size, (size_t)1);
            break;
        case 1:
            memmove(space + at, space + at + 1, size > at ? size - at - 1 : 0);
            size -= size > 0;
            break;
        default:
            memmove(space + at + 1, space + at, size - at);
            space[at] = c;
            size++;
            break;
        }
    }
    return slice_make(space, size);
}

/* No text breaks the readers, and what they accept is written as a text that means the same.
 * Method: seeded mutations of all recorded texts, read as every type; write, read, write again.
 */
static void
value_text__mutations__read_back_or_fail(void **state)
{
    (void)state;
    struct arena arena;
    struct rng rng;
    arena_init(&arena);
    rng_seed(&rng, 42);
    unsigned type_count = 0;
    const struct type_info *types = type_table(&type_count);
    for (size_t round = 0; round < 20000; round++) {
        uint8_t space[256];
        struct value value, again;
        struct diag diag = {0};
        const struct text_case *c = &cases[rng_below(&rng, ARRAY_SIZE(cases))];
        enum type_id type =
            rng_below(&rng, 2) == 0 ? c->type : types[rng_below(&rng, type_count)].id;
        struct slice text = mutate(c->text, &rng, space);
        arena_reset(&arena);
        if (value_from_text(type, -1, text, &arena, &value, &diag) != STATUS_OK) {
            assert_int_not_equal(diag.message[0], 0);
            continue;
        }
        struct buf first = BUF_EMPTY, second = BUF_EMPTY;
        value_to_text(type, &value, &first);
        enum status status =
            value_from_text(type, -1, buf_slice(&first), &arena, &again, &diag);
        if (status != STATUS_OK) {
            print_error("%s: '%.*s' became '%.*s': %s\n", type_info(type)->name, (int)text.size,
                        (const char *)text.data, (int)first.size, (const char *)first.data,
                        diag.message);
        }
        assert_int_equal(status, STATUS_OK);
        value_to_text(type, &again, &second);
        assert_true(slice_equal(buf_slice(&first), buf_slice(&second)));
        assert_int_equal(value_compare(type, &value, &again), 0);
        assert_true(value_hash(type, &value) == value_hash(type, &again));
        buf_deinit(&first);
        buf_deinit(&second);
    }
    arena_deinit(&arena);
}

/* Random doubles read back as the same bits.
 * Method: random bit patterns through text. */
static void
double_text__random_bits__reads_back(void **state)
{
    (void)state;
    struct rng rng;
    struct arena arena;
    rng_seed(&rng, 7);
    arena_init(&arena);
    for (unsigned i = 0; i < 50000; i++) {
        struct value value = {0}, again;
        uint64_t bits = rng_next(&rng);
        struct buf text = BUF_EMPTY;
        memcpy(&value.f64, &bits, 8);
        if (__builtin_isnan(value.f64)) {
            continue;
        }
        value_to_text(TYPE_FLOAT8, &value, &text);
        assert_true(text.size <= 24);
        assert_int_equal(
            value_from_text(TYPE_FLOAT8, -1, buf_slice(&text), &arena, &again, NULL),
            STATUS_OK);
        assert_memory_equal(&value.f64, &again.f64, 8);
        buf_clear(&text);
        uint32_t half = (uint32_t)bits;
        memcpy(&value.f32, &half, 4);
        if (!__builtin_isnan(value.f32)) {
            value_to_text(TYPE_FLOAT4, &value, &text);
            assert_int_equal(
                value_from_text(TYPE_FLOAT4, -1, buf_slice(&text), &arena, &again, NULL),
                STATUS_OK);
            assert_memory_equal(&value.f32, &again.f32, 4);
        }
        buf_deinit(&text);
    }
    arena_deinit(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_text__recorded_cases__same_as_postgresql),
        cmocka_unit_test(value_binary__good_cases__reads_back),
        cmocka_unit_test(value_text__mutations__read_back_or_fail),
        cmocka_unit_test(double_text__random_bits__reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
