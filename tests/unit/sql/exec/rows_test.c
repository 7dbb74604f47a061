/* rows_test.c: rows kept in memory. SPDX-License-Identifier: Apache-2.0 */
#include "sql/exec/exec_internal.h"
#include "tests/lib/unit.h"

#include <stdio.h>
#include <stdlib.h>

struct fixture {
    struct sql_context cx;
    struct diag diag;
    struct plan plan;
    struct execution *ex;
    struct rows rows;
    struct row_hash hash;
    struct arena arena;
};

static const enum type_id types[] = {TYPE_INT8, TYPE_TEXT};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    arena_init(&f->arena);
    f->cx.diag = &f->diag;
    f->cx.arena = &f->arena;
    f->ex = execution__make(&f->cx, &f->plan);
    rows__init(&f->rows, f->ex, types, ARRAY_SIZE(types));
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    rows__deinit(&f->rows);
    row_hash__deinit(&f->hash);
    assert_int_equal(f->ex->memory_used, 0);
    execution_close(f->ex);
    arena_deinit(&f->arena);
    free(f);
    return 0;
}

/* Row i: (i, "text i"), each fifth number NULL, each seventh text. */
static void
make_vectors(struct fixture *f, unsigned first, unsigned count, struct vector *vectors)
{
    vector_init(&vectors[0], TYPE_INT8, count, &f->arena);
    vector_init(&vectors[1], TYPE_TEXT, count, &f->arena);
    for (unsigned i = 0; i < count; i++) {
        unsigned number = first + i;
        char *text = arena_printf(&f->arena, "text %u", number);
        vector__set_any(&vectors[0], i,
                        &(struct value){.is_null = number % 5 == 0, .i64 = number}, count,
                        &f->arena);
        vector__set_any(
            &vectors[1], i,
            &(struct value){.is_null = number % 7 == 0, .bytes = slice_from_text(text)}, count,
            &f->arena);
    }
}

static void
assert_row(struct fixture *f, const struct vector *vectors, unsigned at, unsigned number)
{
    struct value value;
    vector_get(&vectors[0], at, &value);
    assert_int_equal(value.is_null, number % 5 == 0);
    assert_true(value.is_null || value.i64 == number);
    vector_get(&vectors[1], at, &value);
    assert_int_equal(value.is_null, number % 7 == 0);
    struct slice text = slice_from_text(arena_printf(&f->arena, "text %u", number));
    assert_true(value.is_null || slice_equal(value.bytes, text));
}

/* Goal: what was appended comes back, by number and by window, NULLs included.
 * Method: 3,000 rows in batches of odd sizes; every row is looked at both ways. */
static void
rows_append__many_batches__rows_come_back(void **state)
{
    struct fixture *f = *state;
    unsigned total = 0;
    for (unsigned size = 1; total < 3000; size = size % 90 + 7) {
        struct vector vectors[2];
        make_vectors(f, total, size, vectors);
        assert_int_equal(rows__append(&f->rows, vectors, size), STATUS_OK);
        total += size;
    }
    assert_int_equal(f->rows.count, total);
    for (unsigned number = 0; number < total; number++) {
        struct vector window[2], gathered[2];
        uint32_t numbers[2] = {number, ROW_NONE};
        for (unsigned c = 0; c < 2; c++) {
            rows__window(&f->rows, c, number, &window[c]);
            rows__gather(&f->rows, c, numbers, 2, &gathered[c], &f->arena);
            assert_true(vector_is_null(&gathered[c], 1));
        }
        assert_row(f, window, 0, number);
        assert_row(f, gathered, 0, number);
    }
}

/* Goal: a set holds each row once, NULLs being equal.
 * Method: every row is offered twice; the numbers told must agree. */
static void
row_set__rows_offered_twice__held_once(void **state)
{
    struct fixture *f = *state;
    for (unsigned pass = 0; pass < 2; pass++) {
        struct vector vectors[2];
        uint64_t hashes[BATCH_ROWS_MAX];
        make_vectors(f, 1, BATCH_ROWS_MAX, vectors);
        vector__hash_all(vectors, 2, BATCH_ROWS_MAX, hashes);
        for (unsigned i = 0; i < BATCH_ROWS_MAX; i++) {
            uint32_t number;
            bool added;
            assert_int_equal(row_set__find_or_add(&f->rows, &f->hash, vectors, 2, i, hashes[i],
                                                  &number, &added),
                             STATUS_OK);
            assert_int_equal(added, pass == 0 && number == f->rows.count - 1);
            assert_true(row_set__contains(&f->rows, &f->hash, vectors, 2, i, hashes[i]));
        }
    }
    /* rows 35, 70, ... are (NULL, NULL): one of them is held */
    assert_int_equal(f->rows.count, BATCH_ROWS_MAX - BATCH_ROWS_MAX / 35 + 1);
}

/* Goal: the query's memory is bounded, and given back.
 * Method: append under a limit of 100,000 bytes until refused; reset; append again. */
static void
rows_append__beyond_the_limit__53200(void **state)
{
    struct fixture *f = *state;
    f->cx.memory_limit_bytes = 100000;
    enum status status = STATUS_OK;
    unsigned total = 0;
    struct vector vectors[2];
    make_vectors(f, 1, 100, vectors);
    while (status == STATUS_OK && total < 100000) {
        status = rows__append(&f->rows, vectors, 100);
        total += 100;
    }
    assert_int_equal(status, STATUS_LIMIT);
    assert_string_equal(f->diag.sqlstate, SQLSTATE_OUT_OF_MEMORY);
    assert_in_range(total, 500, 10000);
    rows__reset(&f->rows);
    diag_clear(&f->diag);
    assert_int_equal(rows__append(&f->rows, vectors, 100), STATUS_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_append__many_batches__rows_come_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(row_set__rows_offered_twice__held_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(rows_append__beyond_the_limit__53200, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
