/* tuple_test.c: rows and definitions as bytes. SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"
#include "storage/heap/table.h"
#include "tests/lib/unit.h"

static const enum column_kind kinds[] = {COLUMN_INT4,   COLUMN_BYTES,  COLUMN_BOOL,
                                         COLUMN_FLOAT8, COLUMN_BPCHAR, COLUMN_INT8,
                                         COLUMN_BYTES,  COLUMN_INT2,   COLUMN_NUMERIC};
#define KINDS ARRAY_SIZE(kinds)

static void
make_values(struct column_value *values, uint8_t *bytes, struct rng *rng)
{
    for (unsigned i = 0; i < KINDS; i++) {
        unsigned size = column_kind_size(kinds[i]);
        size = size == 0 ? (unsigned)rng_below(rng, 200) : size;
        for (unsigned b = 0; b < size; b++) {
            bytes[b] = (uint8_t)rng_next(rng);
        }
        values[i] = (struct column_value){.is_null = rng_below(rng, 4) == 0,
                                          .bytes = slice_make(bytes, size)};
        bytes += size;
    }
}

/* What was encoded is decoded; columns added later are missing.
 * Method: random values; ask for two columns more than were stored. */
static void
tuple__encoded__decodes_to_the_values(void **state)
{
    UNUSED(state);
    struct rng rng;
    uint8_t bytes[4096];
    rng_seed(&rng, 3);
    for (unsigned round = 0; round < 2000; round++) {
        struct column_value values[KINDS], got[KINDS];
        struct buf tuple = BUF_EMPTY;
        unsigned count = (unsigned)rng_below(&rng, KINDS + 1);
        make_values(values, bytes, &rng);
        tuple_encode(&tuple, kinds, values, count);
        assert_int_equal(tuple_check(buf_slice(&tuple), kinds, KINDS, NULL), STATUS_OK);
        assert_int_equal(tuple_column_count(buf_slice(&tuple)), count);
        tuple_decode(buf_slice(&tuple), kinds, KINDS, got);
        for (unsigned i = 0; i < KINDS; i++) {
            bool missing = i >= count;
            assert_int_equal(got[i].is_null, !missing && values[i].is_null);
            if (missing || values[i].is_null) {
                assert_null(got[i].bytes.data);
            } else {
                assert_true(slice_equal(got[i].bytes, values[i].bytes));
            }
        }
        buf_deinit(&tuple);
    }
}

/* Damaged bytes are found or read as other values, never read beyond their end.
 * Method: every cut, and random bits turned; the sanitizers watch the decoder. */
static void
tuple_check__damaged__never_reads_beyond(void **state)
{
    UNUSED(state);
    struct rng rng;
    uint8_t bytes[4096];
    struct column_value values[KINDS];
    struct buf tuple = BUF_EMPTY;
    rng_seed(&rng, 4);
    make_values(values, bytes, &rng);
    tuple_encode(&tuple, kinds, values, KINDS);
    for (size_t cut = 0; cut < tuple.size; cut++) {
        assert_int_not_equal(tuple_check(slice_make(tuple.data, cut), kinds, KINDS, NULL),
                             STATUS_OK);
    }
    for (unsigned round = 0; round < 20000; round++) {
        struct buf damaged = BUF_EMPTY;
        buf_append(&damaged, tuple.data, tuple.size);
        for (unsigned i = 0; i < 3; i++) {
            damaged.data[rng_below(&rng, damaged.size)] ^= (uint8_t)(1U << rng_below(&rng, 8));
        }
        if (tuple_check(buf_slice(&damaged), kinds, KINDS, NULL) == STATUS_OK) {
            tuple_decode(buf_slice(&damaged), kinds, KINDS, values);
        }
        buf_deinit(&damaged);
    }
    buf_deinit(&tuple);
}

/* A row says which readers it needs: a newer format that asks for no newer reader is read, one
 * that does is refused by name and is no damage. */
static void
tuple_check__newer_format__asks_min_reader(void **state)
{
    UNUSED(state);
    struct rng rng;
    uint8_t bytes[4096];
    struct column_value values[KINDS];
    struct buf tuple = BUF_EMPTY;
    rng_seed(&rng, 5);
    make_values(values, bytes, &rng);
    tuple_encode(&tuple, kinds, values, KINDS);
    tuple.data[0] = TUPLE_VERSION + 1;
    assert_int_equal(tuple_check(buf_slice(&tuple), kinds, KINDS, NULL), STATUS_OK);
    tuple.data[1] = TUPLE_VERSION << TUPLE_MIN_READER_SHIFT;
    struct diag diag = {0};
    assert_int_equal(tuple_check(buf_slice(&tuple), kinds, KINDS, &diag), STATUS_UNSUPPORTED);
    assert_string_equal(diag.sqlstate, "0A000");
    assert_non_null(strstr(diag.message, "reader of format 2"));
    buf_deinit(&tuple);
}

/* Definitions survive encoding; cut ones are refused.
 * Method: one of each; every prefix. */
static void
definition__encoded__decodes(void **state)
{
    UNUSED(state);
    struct table_definition table = {.column_count = 3,
                                     .kinds = {COLUMN_INT4, COLUMN_NUMERIC, COLUMN_BYTES}};
    struct index_definition index = {
        .index = {70000},
        .table = {69999},
        .unique = true,
        .column_count = 2,
        .columns = {{.column_no = 2, .kind = COLUMN_BYTES, .descending = true},
                    {.column_no = 0, .kind = COLUMN_INT4, .nulls_first = true}}};
    struct table_definition got_table;
    struct index_definition got_index;
    struct buf bytes = BUF_EMPTY;
    table_definition_encode(&bytes, &table);
    assert_int_equal(table_definition_decode(buf_slice(&bytes), &got_table, NULL), STATUS_OK);
    assert_memory_equal(&table, &got_table, sizeof(table));
    for (size_t cut = 0; cut < bytes.size; cut++) {
        assert_int_equal(table_definition_decode(slice_make(bytes.data, cut), &got_table, NULL),
                         STATUS_CORRUPT);
    }
    buf_clear(&bytes);
    index_definition_encode(&bytes, &index);
    assert_int_equal(index_definition_decode(buf_slice(&bytes), &got_index, NULL), STATUS_OK);
    assert_int_equal(got_index.index.v, 70000);
    assert_int_equal(got_index.column_count, 2);
    assert_true(got_index.unique && got_index.columns[0].descending &&
                got_index.columns[1].nulls_first && got_index.columns[0].column_no == 2);
    for (size_t cut = 0; cut < bytes.size; cut++) {
        assert_int_equal(index_definition_decode(slice_make(bytes.data, cut), &got_index, NULL),
                         STATUS_CORRUPT);
    }
    buf_deinit(&bytes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tuple__encoded__decodes_to_the_values),
        cmocka_unit_test(tuple_check__damaged__never_reads_beyond),
        cmocka_unit_test(tuple_check__newer_format__asks_min_reader),
        cmocka_unit_test(definition__encoded__decodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
