/* aggregates.c: count, sum, avg, min, max, bool_and, bool_or, string_agg, array_agg.
 *
 * Sums of integers run in 128 bits; sums of numerics in 128 bits of fixed point with 16
 * decimals, and what does not fit there goes to a numeric beside it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/aggregate_internal.h"
#include "sql/func/value_text.h"
#include "sql/types/array.h"

struct count_state {
    int64_t count;
};
struct int_state {
    __int128 sum;
    int64_t count;
};
struct float_state {
    double sum;
    int64_t count;
};
struct bool_state {
    bool any, value;
};
struct interval_state {
    struct interval sum;
    int64_t count;
};

struct extreme_state {
    bool any;
    struct value value;
    struct kept bytes;
};
struct text_state {
    bool any;
    struct kept text;
};

#define FIXED_DIGITS 4     /* base-10000 digits after the point of `fixed` */
#define FIXED_WEIGHT_MAX 3 /* largest weight that goes there: below 10^16 */
struct numeric_state {
    __int128 fixed;
    int64_t count; /* of finite ones */
    int64_t nan_count, infinity_count, minus_infinity_count;
    int scale; /* the largest seen */
    bool has_rest;
    struct kept rest; /* encoded numeric */
};

/* ---- count ---- */

static enum status
count_rows_update(UPDATE_PARAMETERS)
{
    UNUSED(call);
    UNUSED(args);
    for (unsigned i = 0; i < count; i++) {
        ((struct count_state *)states[i])->count++;
    }
    return STATUS_OK;
}

static enum status
count_any_update(UPDATE_PARAMETERS)
{
    UNUSED(call);
    EACH_VALUE(i)
    {
        ((struct count_state *)states[i])->count++;
    }
    return STATUS_OK;
}

static enum status
count_finish(FINISH_PARAMETERS)
{
    UNUSED(call);
    *out = (struct value){.i64 = ((const struct count_state *)state)->count};
    return STATUS_OK;
}

/* ---- sums of integers ---- */

#define INT_SUM(T)                                                                             \
    EACH_VALUE(i)                                                                              \
    {                                                                                          \
        struct int_state *s = states[i];                                                       \
        s->sum += VECTOR_AT(&args[0], T, i);                                                   \
        s->count++;                                                                            \
    }

static enum status
int_sum_update(UPDATE_PARAMETERS)
{
    UNUSED(call);
    switch (args[0].type) {
    case TYPE_INT2:
        INT_SUM(int16_t);
        break;
    case TYPE_INT4:
        INT_SUM(int32_t);
        break;
    default:
        ASSERT(args[0].type == TYPE_INT8);
        INT_SUM(int64_t);
        break;
    }
    return STATUS_OK;
}

static enum status
int_sum_finish(FINISH_PARAMETERS)
{
    const struct int_state *s = state;
    *out = (struct value){.is_null = s->count == 0, .i64 = (int64_t)s->sum};
    if (s->sum > INT64_MAX || s->sum < INT64_MIN) {
        return func__out_of_range(call, "bigint");
    }
    return STATUS_OK;
}

static enum status
int_sum_numeric_finish(FINISH_PARAMETERS)
{
    const struct int_state *s = state;
    struct numeric n;
    *out = (struct value){.is_null = s->count == 0};
    numeric_from_int128(s->sum, call->arena, &n);
    return func__numeric_result(call, &n, out);
}

static enum status
divide_by_count(struct func_call *call, const struct numeric *sum, int64_t count,
                struct value *out)
{
    struct numeric divisor, quotient;
    numeric_from_int64(count, call->arena, &divisor);
    TRY(numeric_divide(sum, &divisor, call->arena, &quotient, call->diag));
    return func__numeric_result(call, &quotient, out);
}

static enum status
int_avg_finish(FINISH_PARAMETERS)
{
    const struct int_state *s = state;
    struct numeric sum;
    *out = (struct value){.is_null = s->count == 0};
    if (s->count == 0) {
        return STATUS_OK;
    }
    numeric_from_int128(s->sum, call->arena, &sum);
    return divide_by_count(call, &sum, s->count, out);
}

/* ---- sums of binary fractions ---- */

static enum status
float_overflow(struct func_call *call)
{
    return func__report_float(call, false);
}

static enum status
float_sum_update(UPDATE_PARAMETERS)
{
    bool single = args[0].type == TYPE_FLOAT4;
    EACH_VALUE(i)
    {
        struct float_state *s = states[i];
        double x =
            single ? (double)VECTOR_AT(&args[0], float, i) : VECTOR_AT(&args[0], double, i);
        double before = s->sum;
        s->sum += x;
        s->count++;
        if (__builtin_isinf(s->sum) && !__builtin_isinf(before) && !__builtin_isinf(x)) {
            return float_overflow(call);
        }
    }
    return STATUS_OK;
}

static enum status
float_sum_finish(FINISH_PARAMETERS)
{
    UNUSED(call);
    const struct float_state *s = state;
    *out = (struct value){.is_null = s->count == 0, .f64 = s->sum};
    return STATUS_OK;
}

static enum status
float_avg_finish(FINISH_PARAMETERS)
{
    UNUSED(call);
    const struct float_state *s = state;
    *out = (struct value){.is_null = s->count == 0};
    if (s->count != 0) {
        out->f64 = s->sum / (double)s->count;
    }
    return STATUS_OK;
}

/* sum(real) adds in single precision, as PostgreSQL does. */
static enum status
float4_sum_update(UPDATE_PARAMETERS)
{
    EACH_VALUE(i)
    {
        struct float_state *s = states[i];
        float x = VECTOR_AT(&args[0], float, i), before = (float)s->sum, sum = before + x;
        s->sum = (double)sum;
        s->count++;
        if (__builtin_isinf(sum) && !__builtin_isinf(before) && !__builtin_isinf(x)) {
            return float_overflow(call);
        }
    }
    return STATUS_OK;
}

static enum status
float4_sum_finish(FINISH_PARAMETERS)
{
    UNUSED(call);
    const struct float_state *s = state;
    *out = (struct value){.is_null = s->count == 0, .f32 = (float)s->sum};
    return STATUS_OK;
}

/* ---- sums of numerics ---- */

/* Adds to the numeric beside the fixed-point sum. */
static enum status
add_rest(struct func_call *call, struct numeric_state *s, const struct numeric *n)
{
    struct numeric rest, sum;
    struct slice bytes;
    if (!s->has_rest) {
        sum = *n;
    } else {
        numeric_decode(slice_make(s->rest.data, s->rest.size), call->arena, &rest);
        numeric_add(&rest, n, call->arena, &sum);
    }
    TRY(numeric_encode(&sum, call->arena, &bytes, call->diag));
    s->has_rest = true;
    s->rest.size = 0;
    func__keep(&s->rest, call->state_arena, bytes);
    return STATUS_OK;
}

/* The fixed-point sum as a numeric. */
static void
fixed_to_numeric(__int128 fixed, struct arena *arena, struct numeric *out)
{
    numeric_from_int128(fixed, arena, out);
    out->weight -= out->count > 0 ? FIXED_DIGITS : 0;
    out->scale = FIXED_DIGITS * 4;
}

/* false: too large or too fine for fixed point. */
static bool
fixed_of(struct slice bytes, __int128 *out)
{
    int weight = (int16_t)get_u16(bytes.data + 3), digits = get_u16(bytes.data + 5);
    if (digits == 0) {
        *out = 0;
        return true;
    }
    if (weight > FIXED_WEIGHT_MAX || digits - 1 - weight > FIXED_DIGITS) {
        return false;
    }
    int total = weight + 1 + FIXED_DIGITS; /* digits down to the last of the fixed point */
    uint64_t high = 0, low = 0;            /* four base-10000 digits each, at most */
    int split = MAX(total - 4, 0);
    const uint8_t *at = bytes.data + 7;
    for (int i = 0; i < split; i++) {
        high = high * NUMERIC_BASE + (i < digits ? get_u16(at + 2 * i) : 0U);
    }
    for (int i = split; i < total; i++) {
        low = low * NUMERIC_BASE + (i < digits ? get_u16(at + 2 * i) : 0U);
    }
    __int128 magnitude = (__int128)high * 10000000000000000 + low;
    *out = bytes.data[0] == NUMERIC_MINUS ? -magnitude : magnitude;
    return true;
}

static enum status
accumulate(struct func_call *call, struct numeric_state *s, struct slice bytes)
{
    uint8_t flags = bytes.data[0];
    if (UNLIKELY(flags >= NUMERIC_NAN)) {
        s->nan_count += flags == NUMERIC_NAN;
        s->infinity_count += flags == NUMERIC_INFINITY;
        s->minus_infinity_count += flags == NUMERIC_MINUS_INFINITY;
        return STATUS_OK;
    }
    s->count++;
    s->scale = MAX(s->scale, (int)get_u16(bytes.data + 1));
    __int128 fixed;
    struct numeric n;
    if (LIKELY(fixed_of(bytes, &fixed))) {
        if (LIKELY(!__builtin_add_overflow(s->fixed, fixed, &s->fixed))) {
            return STATUS_OK;
        }
        /* wrapped: undo, move the sum so far aside, begin anew */
        __int128 before = (__int128)((unsigned __int128)s->fixed - (unsigned __int128)fixed);
        s->fixed = fixed;
        fixed_to_numeric(before, call->arena, &n);
        return add_rest(call, s, &n);
    }
    numeric_decode(bytes, call->arena, &n);
    return add_rest(call, s, &n);
}

static enum status
numeric_sum_update(UPDATE_PARAMETERS)
{
    EACH_VALUE(i)
    {
        TRY(accumulate(call, states[i], VECTOR_AT(&args[0], struct slice, i)));
    }
    return STATUS_OK;
}

static bool
special_sum(const struct numeric_state *s, struct numeric *out)
{
    if (s->nan_count == 0 && s->infinity_count == 0 && s->minus_infinity_count == 0) {
        return false;
    }
    uint8_t flags = NUMERIC_NAN;
    if (s->nan_count == 0 && s->minus_infinity_count == 0) {
        flags = NUMERIC_INFINITY;
    } else if (s->nan_count == 0 && s->infinity_count == 0) {
        flags = NUMERIC_MINUS_INFINITY;
    }
    *out = (struct numeric){.flags = flags};
    return true;
}

/* false: no rows. */
static bool
numeric_total(struct func_call *call, const struct numeric_state *s, struct numeric *out)
{
    struct numeric fixed, rest;
    if (special_sum(s, out)) {
        return true;
    }
    fixed_to_numeric(s->fixed, call->arena, &fixed);
    *out = fixed;
    if (s->has_rest) {
        numeric_decode(slice_make(s->rest.data, s->rest.size), call->arena, &rest);
        numeric_add(&fixed, &rest, call->arena, out);
    }
    out->scale = s->scale;
    return s->count > 0;
}

static enum status
numeric_sum_finish(FINISH_PARAMETERS)
{
    struct numeric sum;
    *out = (struct value){0};
    out->is_null = !numeric_total(call, state, &sum);
    return out->is_null ? STATUS_OK : func__numeric_result(call, &sum, out);
}

static enum status
numeric_avg_finish(FINISH_PARAMETERS)
{
    const struct numeric_state *s = state;
    struct numeric sum;
    *out = (struct value){0};
    out->is_null = !numeric_total(call, s, &sum);
    if (out->is_null) {
        return STATUS_OK;
    }
    if (numeric_is_special(&sum)) {
        return func__numeric_result(call, &sum, out);
    }
    return divide_by_count(call, &sum, s->count, out);
}

/* ---- sums of intervals ---- */

static enum status
interval_sum_update(UPDATE_PARAMETERS)
{
    EACH_VALUE(i)
    {
        struct interval_state *s = states[i];
        struct interval x = VECTOR_AT(&args[0], struct interval, i);
        s->count++;
        if (__builtin_add_overflow(s->sum.months, x.months, &s->sum.months) ||
            __builtin_add_overflow(s->sum.days, x.days, &s->sum.days) ||
            __builtin_add_overflow(s->sum.microseconds, x.microseconds, &s->sum.microseconds)) {
            return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                             "interval out of range");
        }
    }
    return STATUS_OK;
}

static enum status
interval_sum_finish(FINISH_PARAMETERS)
{
    UNUSED(call);
    const struct interval_state *s = state;
    *out = (struct value){.is_null = s->count == 0, .interval = s->sum};
    return STATUS_OK;
}

static enum status
interval_avg_finish(FINISH_PARAMETERS)
{
    UNUSED(call);
    const struct interval_state *s = state;
    *out = (struct value){.is_null = s->count == 0};
    if (s->count != 0) {
        struct value v[2] = {{.interval = s->sum}, {.f64 = (double)s->count}};
        return func__interval_divide(call, &v[0].interval, v[1].f64, &out->interval);
    }
    return STATUS_OK;
}

/* ---- min and max ---- */

/* `sign` 1: max, -1: min. */
static enum status
extreme_update(UPDATE_PARAMETERS, int sign)
{
    enum type_id type = args[0].type;
    bool has_memory = type_info(type)->physical == PHYSICAL_BYTES;
    EACH_VALUE(i)
    {
        struct extreme_state *s = states[i];
        struct value value;
        vector_get(&args[0], i, &value);
        if (s->any && value_compare(type, &value, &s->value) * sign <= 0) {
            continue;
        }
        s->any = true;
        s->value = value;
        if (has_memory) {
            s->bytes.size = 0;
            func__keep(&s->bytes, call->state_arena, value.bytes);
            s->value.bytes = slice_make(s->bytes.data, s->bytes.size);
        }
    }
    return STATUS_OK;
}

#define EXTREME_LOOP(T, member, TEST)                                                          \
    EACH_VALUE(i)                                                                              \
    {                                                                                          \
        struct extreme_state *s = states[i];                                                   \
        T x = VECTOR_AT(&args[0], T, i);                                                       \
        if (!s->any || x TEST s->value.member) {                                               \
            s->any = true;                                                                     \
            s->value.member = x;                                                               \
        }                                                                                      \
    }

static enum status
max_update(UPDATE_PARAMETERS)
{
    switch (type_info(args[0].type)->physical) {
    case PHYSICAL_I32:
        EXTREME_LOOP(int32_t, i32, >);
        return STATUS_OK;
    case PHYSICAL_I64:
        EXTREME_LOOP(int64_t, i64, >);
        return STATUS_OK;
    default:
        return extreme_update(call, states, args, count, 1);
    }
}

static enum status
min_update(UPDATE_PARAMETERS)
{
    switch (type_info(args[0].type)->physical) {
    case PHYSICAL_I32:
        EXTREME_LOOP(int32_t, i32, <);
        return STATUS_OK;
    case PHYSICAL_I64:
        EXTREME_LOOP(int64_t, i64, <);
        return STATUS_OK;
    default:
        return extreme_update(call, states, args, count, -1);
    }
}

static enum status
extreme_finish(FINISH_PARAMETERS)
{
    UNUSED(call);
    const struct extreme_state *s = state;
    *out = s->value;
    out->is_null = !s->any;
    return STATUS_OK;
}

/* ---- booleans ---- */

static enum status
bool_and_update(UPDATE_PARAMETERS)
{
    UNUSED(call);
    EACH_VALUE(i)
    {
        struct bool_state *s = states[i];
        s->value = VECTOR_AT(&args[0], uint8_t, i) != 0 && (!s->any || s->value);
        s->any = true;
    }
    return STATUS_OK;
}

static enum status
bool_or_update(UPDATE_PARAMETERS)
{
    UNUSED(call);
    EACH_VALUE(i)
    {
        struct bool_state *s = states[i];
        s->value = VECTOR_AT(&args[0], uint8_t, i) != 0 || s->value;
        s->any = true;
    }
    return STATUS_OK;
}

static enum status
bool_finish(FINISH_PARAMETERS)
{
    UNUSED(call);
    const struct bool_state *s = state;
    *out = (struct value){.is_null = !s->any, .b = s->value};
    return STATUS_OK;
}

/* ---- texts ---- */

static enum status
string_agg_update(UPDATE_PARAMETERS)
{
    EACH_VALUE(i)
    {
        struct text_state *s = states[i];
        size_t size = VECTOR_AT(&args[0], struct slice, i).size;
        size += vector_is_null(&args[1], i) ? 0 : VECTOR_AT(&args[1], struct slice, i).size;
        TRY(func__check_room(call, call->state_arena, size));
        if (s->any && !vector_is_null(&args[1], i)) {
            func__keep(&s->text, call->state_arena, VECTOR_AT(&args[1], struct slice, i));
        }
        s->any = true;
        func__keep(&s->text, call->state_arena, VECTOR_AT(&args[0], struct slice, i));
    }
    return STATUS_OK;
}

static enum status
string_agg_finish(FINISH_PARAMETERS)
{
    UNUSED(call);
    const struct text_state *s = state;
    *out = (struct value){.is_null = !s->any};
    out->bytes = slice_make(s->text.data, s->text.size);
    return STATUS_OK;
}

static enum status
array_agg_update(UPDATE_PARAMETERS)
{
    struct buf element = BUF_EMPTY, shown = BUF_EMPTY;
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < count && status == STATUS_OK; i++) {
        struct text_state *s = states[i];
        struct value value;
        vector_get(&args[0], i, &value);
        buf_clear(&element);
        buf_clear(&shown);
        if (!value.is_null) {
            status = value_show(call->cx, args[0].type, &value, &shown);
        }
        buf_append(&element, s->any ? "," : "{", 1);
        size_t skip = element.size;
        struct buf quoted = BUF_EMPTY;
        array_append(&quoted, value.is_null, buf_slice(&shown));
        buf_append(&element, quoted.data + 1, quoted.size - 1); /* its own brace is ours */
        buf_deinit(&quoted);
        ASSERT(element.size > skip);
        s->any = true;
        if (status == STATUS_OK) {
            status = func__check_room(call, call->state_arena, element.size);
        }
        if (status == STATUS_OK) {
            func__keep(&s->text, call->state_arena, buf_slice(&element));
        }
    }
    buf_deinit(&shown);
    buf_deinit(&element);
    return status;
}

static enum status
array_agg_finish(FINISH_PARAMETERS)
{
    const struct text_state *s = state;
    *out = (struct value){.is_null = !s->any};
    if (s->any) {
        uint8_t *bytes = arena_alloc(call->arena, s->text.size + 1);
        memcpy(bytes, s->text.data, s->text.size);
        bytes[s->text.size] = '}';
        out->bytes = slice_make(bytes, s->text.size + 1);
    }
    return STATUS_OK;
}

/* States begin as zeros; nothing more to do. */
static void
init_nothing(void *state)
{
    UNUSED(state);
}

#define AGGREGATE(oid_, name_, result_, state_, nulls_, update_, finish_, arg_count_, ...)     \
    {.oid = oid_,                                                                              \
     .name = name_,                                                                            \
     .result = TYPE_##result_,                                                                 \
     .arg_count = arg_count_,                                                                  \
     .args = {__VA_ARGS__},                                                                    \
     .counts_nulls = nulls_,                                                                   \
     .state_size = sizeof(struct state_),                                                      \
     .init = init_nothing,                                                                     \
     .update = update_,                                                                        \
     .finish = finish_},
static const struct aggregate aggregates[] = {
#include "sql/func/aggregates.def"
};
#undef AGGREGATE

const struct aggregate *
aggregate_table(unsigned *count_out)
{
    *count_out = ARRAY_SIZE(aggregates);
    return aggregates;
}
