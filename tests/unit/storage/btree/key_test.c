/* key_test.c: the order of keys is the order of values. SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"
#include "storage/btree/key.h"
#include "tests/lib/unit.h"

#include <math.h>

struct value {
    struct column_value column;
    uint8_t bytes[64];
};

/* ---- the order that is wanted, written a second time in the plainest way ---- */
static int
order_of(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return (isnan(a) != 0) - (isnan(b) != 0);
    }
    return (a > b) - (a < b);
}

static double
numeric_value(const uint8_t *bytes)
{
    unsigned flags = bytes[0];
    if (flags & 2) {
        return (double)NAN;
    }
    if (flags & 12) {
        return flags & 4 ? (double)INFINITY : -(double)INFINITY;
    }
    double sum = 0;
    int weight = (int16_t)get_u16(bytes + 3);
    for (int i = 0; i < get_u16(bytes + 5); i++) {
        sum += get_u16(bytes + 7 + 2 * i) * pow(10000, weight - i);
    }
    return flags & 1 ? -sum : sum;
}

static struct slice
trimmed(struct slice text)
{
    while (text.size > 0 && text.data[text.size - 1] == ' ') {
        text.size--;
    }
    return text;
}

static int
compare_values(enum column_kind kind, const struct value *a, const struct value *b)
{
    const uint8_t *x = a->column.bytes.data, *y = b->column.bytes.data;
    double fx, fy;
    float sx, sy;
    switch (kind) {
    case COLUMN_BOOL:
        return x[0] - y[0];
    case COLUMN_INT2:
        return order_of((int16_t)get_u16(x), (int16_t)get_u16(y));
    case COLUMN_INT4:
    case COLUMN_DATE:
        return order_of((int32_t)get_u32(x), (int32_t)get_u32(y));
    case COLUMN_UINT4:
        return order_of(get_u32(x), get_u32(y));
    case COLUMN_INT8:
    case COLUMN_TIMESTAMP:
        return ((int64_t)get_u64(x) > (int64_t)get_u64(y)) -
               ((int64_t)get_u64(x) < (int64_t)get_u64(y));
    case COLUMN_FLOAT8:
        memcpy(&fx, x, 8);
        memcpy(&fy, y, 8);
        return order_of(fx, fy);
    case COLUMN_FLOAT4:
        memcpy(&sx, x, 4);
        memcpy(&sy, y, 4);
        return order_of((double)sx, (double)sy);
    case COLUMN_BYTES:
        return slice_compare(a->column.bytes, b->column.bytes);
    case COLUMN_BPCHAR:
        return slice_compare(trimmed(a->column.bytes), trimmed(b->column.bytes));
    case COLUMN_NUMERIC:
        return order_of(numeric_value(x), numeric_value(y));
    }
    return 0;
}

/* ---- values with a taste for the corners ---- */
static void
make_numeric(struct value *value, struct rng *rng)
{
    static const uint8_t specials[] = {2, 4, 8};
    unsigned count = (unsigned)rng_below(rng, 3);
    bool special = rng_below(rng, 8) == 0;
    value->bytes[0] = special ? specials[rng_below(rng, 3)] : (uint8_t)rng_below(rng, 2);
    count = special ? 0 : count;
    put_u16(value->bytes + 1, (uint16_t)rng_below(rng, 5)); /* display scale: 1.0 and 1.00 */
    put_u16(value->bytes + 3, (uint16_t)(rng_below(rng, 5) - 2));
    put_u16(value->bytes + 5, (uint16_t)count);
    for (unsigned i = 0; i < count; i++) {
        put_u16(value->bytes + 7 + 2 * i, (uint16_t)(1 + rng_below(rng, 3) * 4999));
    }
    value->column.bytes = slice_make(value->bytes, 7 + 2 * (size_t)count);
}

static void
make_float(struct value *value, enum column_kind kind, struct rng *rng)
{
    static const double corners[] = {0.0, -0.0, 1.0, -1.0, 1e300, -1e300, 5e-324};
    double wide = rng_below(rng, 3) == 0   ? corners[rng_below(rng, ARRAY_SIZE(corners))]
                  : rng_below(rng, 8) == 0 ? (double)NAN
                                           : (rng_double(rng) - 0.5) * 100;
    float narrow = (float)wide;
    memcpy(value->bytes, kind == COLUMN_FLOAT8 ? (void *)&wide : (void *)&narrow,
           column_kind_size(kind));
    value->column.bytes = slice_make(value->bytes, column_kind_size(kind));
}

static void
make_value(struct value *value, enum column_kind kind, struct rng *rng)
{
    memset(value, 0, sizeof(*value));
    if (rng_below(rng, 10) == 0) {
        value->column.is_null = true;
        return;
    }
    unsigned size = column_kind_size(kind);
    if (kind == COLUMN_NUMERIC) {
        make_numeric(value, rng);
    } else if (kind == COLUMN_FLOAT8 || kind == COLUMN_FLOAT4) {
        make_float(value, kind, rng);
    } else if (size == 0) {
        size = (unsigned)rng_below(rng, 5);
        for (unsigned i = 0; i < size; i++) {
            static const uint8_t letters[] = {0, 1, ' ', 'a', 0xff};
            value->bytes[i] = letters[rng_below(rng, sizeof(letters))];
        }
        value->column.bytes = slice_make(value->bytes, size);
    } else {
        uint64_t bits = rng_below(rng, 3) == 0 ? rng_below(rng, 4) - 2 : rng_next(rng);
        bits = kind == COLUMN_BOOL ? bits & 1 : bits;
        memcpy(value->bytes, &bits, size);
        value->column.bytes = slice_make(value->bytes, size);
    }
}

static int
compare_wanted(const struct index_column *column, const struct value *a, const struct value *b)
{
    if (a->column.is_null || b->column.is_null) {
        int order = a->column.is_null - b->column.is_null;
        return column->nulls_first ? -order : order;
    }
    int order = compare_values(column->kind, a, b);
    return column->descending ? -order : order;
}

static int
sign(int v)
{
    return (v > 0) - (v < 0);
}

/* memcmp of keys has the sign of comparing the values, for every kind and direction, and in
 * keys of two columns the first one decides first. Method: random pairs against a comparison
 * written in C's own terms. */
static void
key__any_values__sort_as_the_values(void **state)
{
    UNUSED(state);
    struct rng rng;
    rng_seed(&rng, 7);
    for (unsigned kind = COLUMN_BOOL; kind <= COLUMN_FLOAT4; kind++) {
        for (unsigned round = 0; round < 4 * 3000; round++) {
            struct index_definition definition = {.column_count = 2,
                                                  .columns = {{.kind = kind,
                                                               .descending = (round & 1) != 0,
                                                               .nulls_first = (round & 2) != 0},
                                                              {.kind = COLUMN_BYTES}}};
            struct value a[2], b[2];
            struct buf x = BUF_EMPTY, y = BUF_EMPTY;
            make_value(&a[0], kind, &rng);
            make_value(&b[0], kind, &rng);
            make_value(&a[1], COLUMN_BYTES, &rng);
            make_value(&b[1], COLUMN_BYTES, &rng);
            struct column_value a_columns[2] = {a[0].column, a[1].column};
            struct column_value b_columns[2] = {b[0].column, b[1].column};
            index_key_encode(&x, &definition, a_columns, 2);
            index_key_encode(&y, &definition, b_columns, 2);
            int wanted = compare_wanted(&definition.columns[0], &a[0], &b[0]);
            if (wanted == 0) {
                wanted = compare_wanted(&definition.columns[1], &a[1], &b[1]);
            }
            assert_int_equal(sign(slice_compare(buf_slice(&x), buf_slice(&y))), sign(wanted));
            struct buf prefix = BUF_EMPTY;
            index_key_encode(&prefix, &definition, a_columns, 1);
            assert_memory_equal(prefix.data, x.data, prefix.size);
            buf_deinit(&prefix);
            buf_deinit(&x);
            buf_deinit(&y);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key__any_values__sort_as_the_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
