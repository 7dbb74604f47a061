/* wire_test.c: node/wire.h. SPDX-License-Identifier: Apache-2.0 */
#include "node/wire.h"
#include "tests/lib/unit.h"

/* A value that cannot be sent leaves no half message behind: the error comes after whole ones.
 * Method: two rows in the binary format, the second of them an array that is none. */
static void
wire_rows__value_cannot_be_sent__keeps_whole_messages(void **state)
{
    UNUSED(state);
    static const char *const texts[] = {"{1,NULL}", "{1,x}"};
    static const uint16_t binary = 1;
    struct arena arena;
    arena_init(&arena);
    struct vector column;
    vector_init(&column, TYPE_INT4_ARRAY, ARRAY_SIZE(texts), &arena);
    for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
        struct value value = {.bytes = slice_from_text(texts[i])};
        vector_set(&column, i, &value);
    }
    struct batch batch = {.row_count = 1, .column_count = 1, .columns = &column};
    struct wire_cells cells = {.formats = &binary, .format_count = 1};
    struct diag diag;
    diag_clear(&diag);
    struct buf one = BUF_EMPTY, two = BUF_EMPTY;
    assert_int_equal(wire_rows(&one, &batch, &cells, &diag), STATUS_OK);
    batch.row_count = 2;
    assert_int_not_equal(wire_rows(&two, &batch, &cells, &diag), STATUS_OK);
    assert_string_equal(diag.sqlstate, "22P02");
    assert_int_equal(two.size, one.size);
    buf_deinit(&one);
    buf_deinit(&two);
    arena_deinit(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wire_rows__value_cannot_be_sent__keeps_whole_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
