/* vector_test.c: columns of rows. SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sql/types/vector.h"

/* A value of the type for row `i`; different rows differ where the type has enough values. */
static void
sample(enum type_id type, unsigned i, struct arena *arena, struct value *out)
{
    const struct type_info *info = type_info(type);
    *out = (struct value){0};
    switch (info->physical) {
    case PHYSICAL_BOOL:
        out->b = i % 2;
        return;
    case PHYSICAL_I16:
        out->i16 = (int16_t)i;
        return;
    case PHYSICAL_I32:
    case PHYSICAL_U32:
        out->u32 = i;
        return;
    case PHYSICAL_I64:
        out->i64 = (int64_t)i << 32;
        return;
    case PHYSICAL_F32:
        out->f32 = (float)i / 2;
        return;
    case PHYSICAL_F64:
        out->f64 = i / 4.0;
        return;
    case PHYSICAL_INTERVAL:
        out->interval = (struct interval){.days = (int32_t)i};
        return;
    case PHYSICAL_BYTES:
        break;
    }
    char *shown = arena_printf(arena, "%u", i);
    if (type == TYPE_NUMERIC) {
        assert_int_equal(value_from_text(type, -1, slice_from_text(shown), arena, out, NULL),
                         STATUS_OK);
    } else {
        out->bytes = slice_from_text(shown);
    }
}

/* What is set is got back, NULLs too, after rows were selected, for every type.
 * Method: 100 rows, every third NULL; keep every second; compare. */
static void
vector__set_select_get__same_values(void **state)
{
    (void)state;
    enum { ROWS = 100 };
    unsigned type_count = 0;
    const struct type_info *types = type_table(&type_count);
    for (unsigned t = 0; t < type_count; t++) {
        struct arena arena;
        struct vector vector;
        uint16_t kept[ROWS];
        arena_init(&arena);
        vector_init(&vector, types[t].id, ROWS, &arena);
        (void)vector_nulls(&vector, ROWS, &arena);
        for (unsigned i = 0; i < ROWS; i++) {
            struct value value;
            sample(types[t].id, i, &arena, &value);
            value.is_null = i % 3 == 0;
            vector_set(&vector, i, &value);
            kept[i / 2] = (uint16_t)(i / 2 * 2);
        }
        vector_select(&vector, kept, ROWS / 2);
        for (unsigned i = 0; i < ROWS / 2; i++) {
            struct value value, wanted;
            vector_get(&vector, i, &value);
            assert_int_equal(value.is_null, i * 2 % 3 == 0);
            assert_int_equal(vector_is_null(&vector, i), value.is_null);
            sample(types[t].id, i * 2, &arena, &wanted);
            if (!value.is_null) {
                assert_int_equal(value_compare(types[t].id, &value, &wanted), 0);
            }
        }
        arena_deinit(&arena);
    }
}

/* A constant answers for every row and is not touched by a selection.
 * Method: a constant and a constant NULL. */
static void
vector__constant__holds_for_every_row(void **state)
{
    (void)state;
    static const uint16_t rows[] = {3, 7};
    struct arena arena;
    struct vector vector;
    struct value value = {.i32 = 42};
    arena_init(&arena);
    vector_set_constant(&vector, TYPE_INT4, &value, &arena);
    vector_select(&vector, rows, 2);
    vector_get(&vector, 900, &value);
    assert_int_equal(value.i32, 42);
    assert_int_equal(VECTOR_AT(&vector, int32_t, 17), 42);
    value.is_null = true;
    vector_set_constant(&vector, TYPE_TEXT, &value, &arena);
    assert_true(vector_is_null(&vector, 900));
    arena_deinit(&arena);
}

/* Values of every storable type survive the way into a tuple's column and back.
 * Method: value_to_column, value_from_column. */
static void
value_column__storable_types__same_values(void **state)
{
    (void)state;
    unsigned type_count = 0;
    const struct type_info *types = type_table(&type_count);
    for (unsigned t = 0; t < type_count; t++) {
        struct arena arena;
        struct value value, again;
        uint8_t scratch[16];
        struct column_value column;
        if (types[t].column_kind == 0) {
            continue;
        }
        arena_init(&arena);
        sample(types[t].id, 77, &arena, &value);
        value_to_column(types[t].id, &value, scratch, &column);
        unsigned size = column_kind_size(types[t].column_kind);
        assert_true(size == 0 || column.bytes.size == size);
        value_from_column(types[t].id, &column, &again);
        assert_int_equal(value_compare(types[t].id, &value, &again), 0);
        value.is_null = true;
        value_to_column(types[t].id, &value, scratch, &column);
        value_from_column(types[t].id, &column, &again);
        assert_true(again.is_null);
        arena_deinit(&arena);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector__set_select_get__same_values),
        cmocka_unit_test(vector__constant__holds_for_every_row),
        cmocka_unit_test(value_column__storable_types__same_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
