/* aggregate_internal.h: what the aggregates share. SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/func/func_internal.h"

/* rows that count: the first argument is not NULL */
#define EACH_VALUE(i)                                                                          \
    for (unsigned i = 0; i < count; i++)                                                       \
        if (!vector_is_null(&args[0], i))
#define UPDATE_PARAMETERS                                                                      \
    struct func_call *call, void **states, const struct vector *args, unsigned count
#define FINISH_PARAMETERS struct func_call *call, const void *state, struct value *out

/* Bytes that a state keeps, in memory of the statement that grows by doubling. */
struct kept {
    uint8_t *data;
    size_t size, capacity;
};
void func__keep(struct kept *kept, struct arena *arena, struct slice bytes);

/* Count, sum and sum of squares. */
struct moments_state {
    int64_t count;
    __int128 sum, squares; /* of int2 and int4 */
    double float_sum, float_squares;
    bool is_nan;                              /* a NaN or infinity was among them */
    struct kept numeric_sum, numeric_squares; /* encoded; of int8 and numeric */
};
enum status func__moments_int_update(UPDATE_PARAMETERS);
enum status func__moments_numeric_update(UPDATE_PARAMETERS);
enum status func__moments_float_update(UPDATE_PARAMETERS);
enum status func__var_samp_finish(FINISH_PARAMETERS);
enum status func__var_pop_finish(FINISH_PARAMETERS);
enum status func__stddev_samp_finish(FINISH_PARAMETERS);
enum status func__stddev_pop_finish(FINISH_PARAMETERS);
