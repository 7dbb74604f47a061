/* series.c: functions in FROM: generate_series, unnest, string_to_table.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"
#include "sql/func/value_text.h"
#include "sql/types/array.h"

/* Made at the first batch, in call.state_arena. */
struct int_series {
    int64_t next, stop, step;
    bool done;
};

static enum status
zero_step(struct func_call *call)
{
    return func__invalid(call, "step size cannot equal zero");
}

static bool
any_null(const struct set_func_call *call, unsigned arg_count)
{
    for (unsigned a = 0; a < arg_count; a++) {
        if (call->args[a].is_null) {
            return true;
        }
    }
    return false;
}

static int64_t
int_arg(const struct set_func_call *call, unsigned a, bool wide)
{
    return wide ? call->args[a].i64 : call->args[a].i32;
}

static enum status
next_ints(struct set_func_call *call, unsigned arg_count, bool wide, struct vector *result,
          unsigned *count_out)
{
    struct int_series *s = call->state;
    if (s == NULL) {
        s = arena_new(call->call.state_arena, struct int_series);
        call->state = s;
        s->done = any_null(call, arg_count);
        if (!s->done) {
            s->next = int_arg(call, 0, wide);
            s->stop = int_arg(call, 1, wide);
            s->step = arg_count == 3 ? int_arg(call, 2, wide) : 1;
            if (s->step == 0) {
                return zero_step(&call->call);
            }
        }
    }
    unsigned count = 0;
    while (!s->done && count < BATCH_ROWS_MAX) {
        if (s->step > 0 ? s->next > s->stop : s->next < s->stop) {
            s->done = true;
            break;
        }
        if (wide) {
            ((int64_t *)result->data)[count++] = s->next;
        } else {
            ((int32_t *)result->data)[count++] = (int32_t)s->next;
        }
        s->done = __builtin_add_overflow(s->next, s->step, &s->next);
    }
    *count_out = count;
    return STATUS_OK;
}
#define SET_PARAMETERS struct set_func_call *call, struct vector *result, unsigned *count_out
static enum status
series_i32(SET_PARAMETERS)
{
    return next_ints(call, 2, false, result, count_out);
}
static enum status
series_i32_step(SET_PARAMETERS)
{
    return next_ints(call, 3, false, result, count_out);
}
static enum status
series_i64(SET_PARAMETERS)
{
    return next_ints(call, 2, true, result, count_out);
}
static enum status
series_i64_step(SET_PARAMETERS)
{
    return next_ints(call, 3, true, result, count_out);
}

/* ---- numeric ---- */

struct numeric_series {
    struct numeric next, stop, step;
    bool done;
};

static enum status
start_numeric(struct set_func_call *call, unsigned arg_count, struct numeric_series *s)
{
    struct arena *arena = call->call.state_arena;
    s->done = any_null(call, arg_count);
    if (s->done) {
        return STATUS_OK;
    }
    numeric_decode(call->args[0].bytes, arena, &s->next);
    numeric_decode(call->args[1].bytes, arena, &s->stop);
    numeric_from_int64(1, arena, &s->step);
    if (arg_count == 3) {
        numeric_decode(call->args[2].bytes, arena, &s->step);
    }
    static const char *const names[] = {"start", "stop", "step size"};
    const struct numeric *parts[] = {&s->next, &s->stop, &s->step};
    for (unsigned i = 0; i < 3; i++) {
        if (numeric_is_special(parts[i])) {
            return func__invalid(
                &call->call, arena_printf(call->call.arena, "%s value cannot be %s", names[i],
                                          parts[i]->flags == NUMERIC_NAN ? "NaN" : "infinity"));
        }
    }
    return numeric_is_zero(&s->step) ? zero_step(&call->call) : STATUS_OK;
}

static enum status
next_numerics(struct set_func_call *call, unsigned arg_count, struct vector *result,
              unsigned *count_out)
{
    struct numeric_series *s = call->state;
    *count_out = 0;
    if (s == NULL) {
        s = arena_new(call->call.state_arena, struct numeric_series);
        call->state = s;
        TRY(start_numeric(call, arg_count, s));
    }
    unsigned count = 0;
    while (!s->done && count < BATCH_ROWS_MAX) {
        int order = numeric_compare(&s->next, &s->stop);
        if (s->step.flags == NUMERIC_MINUS ? order < 0 : order > 0) {
            s->done = true;
            break;
        }
        TRY(numeric_encode(&s->next, call->call.arena, (struct slice *)result->data + count++,
                           call->call.diag));
        struct numeric sum;
        numeric_add(&s->next, &s->step, call->call.state_arena, &sum);
        s->next = sum;
    }
    *count_out = count;
    return STATUS_OK;
}
static enum status
series_numeric(SET_PARAMETERS)
{
    return next_numerics(call, 2, result, count_out);
}
static enum status
series_numeric_step(SET_PARAMETERS)
{
    return next_numerics(call, 3, result, count_out);
}

/* ---- timestamps ---- */

struct timestamp_series {
    int64_t next;
    bool started, done, falls;
};

static enum status
series_timestamp(SET_PARAMETERS)
{
    struct timestamp_series *s = call->state;
    *count_out = 0;
    if (s == NULL) {
        s = arena_new(call->call.state_arena, struct timestamp_series);
        call->state = s;
        s->done = any_null(call, 3);
        if (!s->done) {
            __int128 span = interval_span(&call->args[2].interval);
            if (span == 0) {
                return zero_step(&call->call);
            }
            s->falls = span < 0;
            s->next = call->args[0].i64;
        }
    }
    unsigned count = 0;
    while (!s->done && count < BATCH_ROWS_MAX) {
        int64_t stop = call->args[1].i64;
        if (s->falls ? s->next < stop : s->next > stop) {
            s->done = true;
            break;
        }
        ((int64_t *)result->data)[count++] = s->next;
        TRY(timestamp_add_interval(s->next, &call->args[2].interval, &s->next,
                                   call->call.diag));
    }
    *count_out = count;
    return STATUS_OK;
}

/* ---- elements of an array ---- */

static enum status
unnest(SET_PARAMETERS)
{
    struct array_reader *reader = call->state;
    *count_out = 0;
    if (reader == NULL) {
        reader = arena_new(call->call.state_arena, struct array_reader);
        *reader = call->args[0].is_null ? (struct array_reader){.failed = true}
                                        : array_read(call->args[0].bytes);
        call->state = reader;
    }
    struct buf element = BUF_EMPTY;
    enum status status = STATUS_OK;
    unsigned count = 0;
    bool is_null = false;
    while (count < BATCH_ROWS_MAX && status == STATUS_OK &&
           array_next(reader, &is_null, &element)) {
        struct value value = {.is_null = true};
        if (is_null) {
            (void)vector_nulls(result, BATCH_ROWS_MAX, call->call.arena);
        } else {
            struct value_source source = {result->type, -1,
                                          arena_copy(call->call.arena, buf_slice(&element))};
            status =
                value_read(call->call.cx, &source, call->call.arena, &value, call->call.diag);
        }
        if (status == STATUS_OK) {
            vector_set(result, count++, &value);
        }
    }
    buf_deinit(&element);
    *count_out = count;
    return status;
}

#define SET_FUNC(oid_, name_, result_, next_, strict_, arg_count_, ...)                        \
    {                                                                                          \
        .func = {.oid = oid_,                                                                  \
                 .name = name_,                                                                \
                 .result = TYPE_##result_,                                                     \
                 .arg_count = arg_count_,                                                      \
                 .args = {__VA_ARGS__},                                                        \
                 .strict = strict_},                                                           \
        .next = next_                                                                          \
    }
static const struct set_func set_funcs[] = {
    SET_FUNC(1066, "generate_series", INT4, series_i32_step, true, 3, TYPE_INT4, TYPE_INT4,
             TYPE_INT4),
    SET_FUNC(1067, "generate_series", INT4, series_i32, true, 2, TYPE_INT4, TYPE_INT4),
    SET_FUNC(1068, "generate_series", INT8, series_i64_step, true, 3, TYPE_INT8, TYPE_INT8,
             TYPE_INT8),
    SET_FUNC(1069, "generate_series", INT8, series_i64, true, 2, TYPE_INT8, TYPE_INT8),
    SET_FUNC(3259, "generate_series", NUMERIC, series_numeric_step, true, 3, TYPE_NUMERIC,
             TYPE_NUMERIC, TYPE_NUMERIC),
    SET_FUNC(3260, "generate_series", NUMERIC, series_numeric, true, 2, TYPE_NUMERIC,
             TYPE_NUMERIC),
    SET_FUNC(938, "generate_series", TIMESTAMP, series_timestamp, true, 3, TYPE_TIMESTAMP,
             TYPE_TIMESTAMP, TYPE_INTERVAL),
    SET_FUNC(939, "generate_series", TIMESTAMPTZ, series_timestamp, true, 3, TYPE_TIMESTAMPTZ,
             TYPE_TIMESTAMPTZ, TYPE_INTERVAL),
    SET_FUNC(2331, "unnest", ANYELEMENT, unnest, true, 1, TYPE_ANYARRAY),
};

const struct set_func *
func__set_funcs(unsigned *count_out)
{
    *count_out = ARRAY_SIZE(set_funcs);
    return set_funcs;
}
