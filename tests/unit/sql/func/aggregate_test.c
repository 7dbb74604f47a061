/* aggregate_test.c: aggregates compared with PostgreSQL 15; series; sums near the limits.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sql/context.h"
#include "sql/func/func.h"

#define VALUES_MAX 64

static const struct aggregate_case {
    const char *name;
    enum type_id type;
    unsigned count;
    const char *texts[VALUES_MAX];
    const char *result_type, *state, *expected;
} cases[] = {
#include "aggregate_cases.inc"
};

/* One value a batch, with another group's state between the calls: states must not mix. */
static enum status
feed(const struct aggregate_case *c, const struct func_match *match, struct func_call *call,
     void *state, void *other)
{
    enum type_id type = match->arg_types[0];
    for (unsigned i = 0; i < c->count; i++) {
        struct vector arg;
        struct value value = {.is_null = c->texts[i] == NULL};
        void *states[2] = {state, other};
        if (!value.is_null) {
            TRY(value_from_text(type, -1, slice_from_text(c->texts[i]), call->arena, &value,
                                call->diag));
        }
        vector_init(&arg, type, 2, call->arena);
        (void)vector_nulls(&arg, 2, call->arena);
        vector_set(&arg, 0, &value);
        vector_set(&arg, 1, &value);
        TRY(match->aggregate->update(call, states, &arg, i % 2 + 1));
        if (i % 2 == 0) { /* the other group gets every other value in a batch of its own */
            TRY(match->aggregate->update(call, &states[1], &arg, 1));
        }
    }
    return STATUS_OK;
}

static enum status
run_case(const struct aggregate_case *c, struct func_call *call, struct buf *out,
         struct buf *type_out)
{
    struct func_match match;
    TRY(func_resolve(c->name, &c->type, 1, &match, call->diag));
    assert_int_equal(match.kind, FUNC_KIND_AGGREGATE);
    void *state = arena_zalloc(call->state_arena, match.aggregate->state_size);
    void *other = arena_zalloc(call->state_arena, match.aggregate->state_size);
    match.aggregate->init(state);
    match.aggregate->init(other);
    call->result_type = match.result;
    TRY(feed(c, &match, call, state, other));
    struct value value;
    TRY(match.aggregate->finish(call, state, &value));
    buf_append_text(type_out, type_info(match.result)->sql_name);
    if (value.is_null) {
        buf_append_text(out, "NULL");
    } else {
        value_to_text(match.result, &value, out);
    }
    return STATUS_OK;
}

/* Every aggregate gives PostgreSQL's result, type or error.
 * Method: feed value by value, finish, compare. */
static void
aggregate__recorded_cases__same_as_postgresql(void **unused)
{
    (void)unused;
    unsigned failed = 0;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct aggregate_case *c = &cases[i];
        struct arena arena, kept;
        struct diag diag = {0};
        struct buf out = BUF_EMPTY, type = BUF_EMPTY;
        arena_init(&arena);
        arena_init(&kept);
        struct func_call call = {.arena = &arena, .state_arena = &kept, .diag = &diag};
        enum status status = run_case(c, &call, &out, &type);
        if (status != STATUS_OK) {
            buf_append_text(&out, diag.message);
        }
        bool holds = strcmp(status == STATUS_OK ? "ok" : diag.sqlstate, c->state) == 0 &&
                     slice_equal(buf_slice(&out), slice_from_text(c->expected)) &&
                     (status != STATUS_OK ||
                      slice_equal(buf_slice(&type), slice_from_text(c->result_type)));
        if (!holds) {
            failed++;
            print_error("%s(%s %s ...): got %.*s (%.*s), PostgreSQL has %s %s (%s)\n", c->name,
                        type_info(c->type)->name,
                        c->count > 0 && c->texts[0] ? c->texts[0] : "", (int)out.size,
                        (const char *)out.data, (int)type.size, (const char *)type.data,
                        c->state, c->expected, c->result_type);
        }
        buf_deinit(&out);
        buf_deinit(&type);
        arena_deinit(&arena);
        arena_deinit(&kept);
    }
    assert_int_equal(failed, 0);
}

/* A sum beyond the 128 bits of fixed point goes on exactly.
 * Method: add 9999999999999999.9999999999999999 (the largest that fits there) two million
 * times. */
static void
numeric_sum__beyond_fixed_point__exact(void **unused)
{
    (void)unused;
    enum { ROWS = 1000, BATCHES = 2000 };
    struct arena arena, kept;
    struct diag diag = {0};
    arena_init(&arena);
    arena_init(&kept);
    enum type_id type = TYPE_NUMERIC;
    struct func_match match;
    assert_int_equal(func_resolve("sum", &type, 1, &match, &diag), STATUS_OK);
    void *state = arena_zalloc(&kept, match.aggregate->state_size);
    void *states[ROWS];
    struct value value;
    struct slice text = slice_from_text("9999999999999999.9999999999999999");
    assert_int_equal(value_from_text(type, -1, text, &kept, &value, &diag), STATUS_OK);
    struct vector arg;
    vector_set_constant(&arg, type, &value, &kept);
    for (unsigned i = 0; i < ROWS; i++) {
        states[i] = state;
    }
    struct func_call call = {.arena = &arena, .state_arena = &kept, .diag = &diag};
    for (unsigned i = 0; i < BATCHES; i++) {
        assert_int_equal(match.aggregate->update(&call, states, &arg, ROWS), STATUS_OK);
        arena_reset(&arena);
    }
    assert_int_equal(match.aggregate->finish(&call, state, &value), STATUS_OK);
    struct buf out = BUF_EMPTY;
    value_to_text(type, &value, &out);
    *buf_extend(&out, 1) = 0;
    assert_string_equal((const char *)out.data, "19999999999999999999999.9999999998000000");
    buf_deinit(&out);
    arena_deinit(&arena);
    arena_deinit(&kept);
}

struct series_case {
    enum type_id type, step_type;
    const char *first, *last, *step; /* step NULL: two arguments */
    unsigned count;
    const char *final, *message;
};

static void
run_series(const struct series_case *c, struct arena *arena)
{
    struct diag diag = {0};
    enum type_id types[3] = {c->type, c->type, c->step_type};
    const char *texts[3] = {c->first, c->last, c->step};
    unsigned arg_count = c->step != NULL ? 3 : 2;
    struct value args[3], last = {.is_null = true};
    struct func_match match;
    assert_int_equal(func_resolve("generate_series", types, arg_count, &match, &diag),
                     STATUS_OK);
    assert_int_equal(match.kind, FUNC_KIND_SET);
    for (unsigned a = 0; a < arg_count; a++) {
        assert_int_equal(
            value_from_text(types[a], -1, slice_from_text(texts[a]), arena, &args[a], &diag),
            STATUS_OK);
    }
    struct set_func_call call = {.call = {.arena = arena, .state_arena = arena, .diag = &diag},
                                 .args = args};
    unsigned total = 0, count = 1;
    while (count > 0) {
        struct vector result;
        vector_init(&result, match.result, BATCH_ROWS_MAX, arena);
        enum status status = match.set_func->next(&call, &result, &count);
        if (c->message != NULL) {
            assert_int_not_equal(status, STATUS_OK);
            assert_string_equal(diag.message, c->message);
            return;
        }
        assert_int_equal(status, STATUS_OK);
        total += count;
        if (count > 0) {
            vector_get(&result, count - 1, &last);
        }
    }
    assert_int_equal(total, c->count);
    if (c->final != NULL) {
        struct buf out = BUF_EMPTY;
        value_to_text(match.result, &last, &out);
        assert_true(slice_equal(buf_slice(&out), slice_from_text(c->final)));
        buf_deinit(&out);
    }
}

/* Series have as many rows as PostgreSQL gives, over batches, and end at the type's limit.
 * Method: read to the end, count, compare the last value. */
static void
generate_series__cases__same_rows(void **unused)
{
    (void)unused;
    static const struct series_case series[] = {
        {TYPE_INT4, TYPE_INT4, "1", "5000", NULL, 5000, "5000", NULL},
        {TYPE_INT4, TYPE_INT4, "1", "1024", NULL, 1024, "1024", NULL},
        {TYPE_INT4, TYPE_INT4, "5", "1", NULL, 0, NULL, NULL},
        {TYPE_INT4, TYPE_INT4, "5", "1", "-2", 3, "1", NULL},
        {TYPE_INT4, TYPE_INT4, "2147483640", "2147483647", "3", 3, "2147483646", NULL},
        {TYPE_INT4, TYPE_INT4, "1", "2", "0", 0, NULL, "step size cannot equal zero"},
        {TYPE_INT8, TYPE_INT8, "9223372036854775806", "9223372036854775807", NULL, 2,
         "9223372036854775807", NULL},
        {TYPE_NUMERIC, TYPE_NUMERIC, "0", "1", "0.25", 5, "1.00", NULL},
        {TYPE_NUMERIC, TYPE_NUMERIC, "3", "1", "-1.5", 2, "1.5", NULL},
        {TYPE_NUMERIC, TYPE_NUMERIC, "NaN", "1", "1", 0, NULL, "start value cannot be NaN"},
        {TYPE_TIMESTAMP, TYPE_INTERVAL, "2020-01-31", "2020-06-01", "1 month", 5,
         "2020-05-29 00:00:00", NULL},
        {TYPE_TIMESTAMP, TYPE_INTERVAL, "2020-01-02", "2020-01-01", "-12 hours", 3,
         "2020-01-01 00:00:00", NULL},
    };
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_SIZE(series); i++) {
        run_series(&series[i], &arena);
        arena_reset(&arena);
    }
    arena_deinit(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aggregate__recorded_cases__same_as_postgresql),
        cmocka_unit_test(numeric_sum__beyond_fixed_point__exact),
        cmocka_unit_test(generate_series__cases__same_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
