/* array_func.c: arrays: elements, joining, searching. SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"
#include "sql/func/value_text.h"
#include "sql/types/array.h"

static enum status
join_elements(struct func_call *call, struct slice array, struct slice separator,
              const struct slice *null_text, struct value *out)
{
    struct array_reader reader = array_read(array);
    struct buf element = BUF_EMPTY, text = BUF_EMPTY;
    bool is_null = false, any = false;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && array_next(&reader, &is_null, &element)) {
        if (is_null && null_text == NULL) {
            continue;
        }
        if (any) {
            buf_append(&text, separator.data, separator.size);
        }
        any = true;
        struct slice shown = is_null ? *null_text : buf_slice(&element);
        buf_append(&text, shown.data, shown.size);
        status = func__check_room(call, call->arena, text.size);
    }
    out->bytes = arena_copy(call->arena, buf_slice(&text));
    buf_deinit(&element);
    buf_deinit(&text);
    return status;
}
DEFINE_ROWS(array_to_string, 2)
{
    return join_elements(call, v[0].bytes, v[1].bytes, NULL, out);
}
DEFINE_ROWS(array_to_string_null, 3)
{
    out->is_null = v[0].is_null || v[1].is_null;
    if (out->is_null) {
        return STATUS_OK;
    }
    return join_elements(call, v[0].bytes, v[1].bytes, v[2].is_null ? NULL : &v[2].bytes, out);
}
static int32_t
count_elements(struct slice array)
{
    struct array_reader reader = array_read(array);
    struct buf element = BUF_EMPTY;
    bool is_null = false;
    int32_t count = 0;
    while (array_next(&reader, &is_null, &element)) {
        count++;
    }
    buf_deinit(&element);
    return count;
}
DEFINE_ROWS(array_length, 2)
{
    UNUSED(call);
    out->i32 = count_elements(v[0].bytes);
    out->is_null = v[1].i32 != 1 || out->i32 == 0;
    return STATUS_OK;
}
/* int2vector and oidvector count from 0 */
static int32_t
lower_bound(struct slice array)
{
    return array_read(array).spaces ? 0 : 1;
}
DEFINE_ROWS(array_lower, 2)
{
    UNUSED(call);
    out->is_null = v[1].i32 != 1 || count_elements(v[0].bytes) == 0;
    out->i32 = lower_bound(v[0].bytes);
    return STATUS_OK;
}
DEFINE_ROWS(array_upper, 2)
{
    UNUSED(call);
    int32_t count = count_elements(v[0].bytes);
    out->is_null = v[1].i32 != 1 || count == 0;
    out->i32 = lower_bound(v[0].bytes) + count - 1;
    return STATUS_OK;
}
/* array[n], from 1 (0 in int2vector and oidvector); NULL outside. */
enum status
array_subscript(FUNC_PARAMETERS)
{
    struct buf element = BUF_EMPTY;
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < count && status == STATUS_OK; i++) {
        struct value value = {.is_null = true};
        if (ROW_SKIPPED(i)) {
            continue;
        }
        int64_t wanted = VECTOR_AT(&args[1], int32_t, i);
        struct array_reader reader = array_read(VECTOR_AT(&args[0], struct slice, i));
        bool is_null = true, found = false;
        for (int64_t n = array_lower_bound(args[0].type); n <= wanted; n++) {
            found = array_next(&reader, &is_null, &element);
            if (!found) {
                break;
            }
        }
        if (found && !is_null) {
            struct value_source source = {call->result_type, -1,
                                          arena_copy(call->arena, buf_slice(&element))};
            status = value_read(call->cx, &source, call->arena, &value, call->diag);
        }
        if (status == STATUS_OK && value.is_null) {
            func__set_null(call, result, i, count);
        } else if (status == STATUS_OK) {
            vector_set(result, i, &value);
        }
    }
    buf_deinit(&element);
    return status;
}

DEFINE_ROWS(cardinality, 1)
{
    UNUSED(call);
    out->i32 = count_elements(v[0].bytes);
    return STATUS_OK;
}
DEFINE_ROWS(string_to_array, 2)
{
    struct buf text = BUF_EMPTY;
    struct slice rest = v[0].bytes, separator = v[1].bytes;
    out->is_null = v[0].is_null;
    if (out->is_null) {
        return STATUS_OK;
    }
    buf_append(&text, "{", 1);
    while (rest.size > 0) {
        size_t size = rest.size, skip = 0;
        if (v[1].is_null) {
            size = utf8_size(rest.data[0]);
        } else if (separator.size > 0) {
            const uint8_t *at = memmem(rest.data, rest.size, separator.data, separator.size);
            size = at != NULL ? (size_t)(at - rest.data) : rest.size;
            skip = at != NULL ? separator.size : 0;
        }
        array_append(&text, false, slice_make(rest.data, size));
        rest = slice_make(rest.data + size + skip, rest.size - size - skip);
        if (rest.size == 0 && skip > 0) {
            array_append(&text, false, slice_make(NULL, 0)); /* it ended with a separator */
        }
    }
    buf_append(&text, "}", 1);
    out->bytes = arena_copy(call->arena, buf_slice(&text));
    buf_deinit(&text);
    return STATUS_OK;
}

/* ---- building ---- */

/* Adds all elements of an array, or of one element when it is none. */
static enum status
append_all(struct func_call *call, const struct vector *arg, unsigned row, bool is_array,
           struct buf *out)
{
    struct buf element = BUF_EMPTY;
    bool is_null = vector_is_null(arg, row);
    enum status status = STATUS_OK;
    if (!is_array) {
        status = func__append_value(call, arg, row, &element);
        array_append(out, is_null, buf_slice(&element));
    } else if (!is_null) {
        struct array_reader reader = array_read(VECTOR_AT(arg, struct slice, row));
        while (array_next(&reader, &is_null, &element)) {
            array_append(out, is_null, buf_slice(&element));
        }
    }
    buf_deinit(&element);
    return status;
}

/* Both NULL: NULL; a NULL array counts as empty. */
static enum status
join(FUNC_PARAMETERS, bool left_is_array, bool right_is_array)
{
    struct buf text = BUF_EMPTY;
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < count && status == STATUS_OK; i++) {
        if (left_is_array && right_is_array && vector_is_null(&args[0], i) &&
            vector_is_null(&args[1], i)) {
            func__set_null(call, result, i, count);
            continue;
        }
        buf_clear(&text);
        buf_append(&text, "{", 1);
        status = append_all(call, &args[0], i, left_is_array, &text);
        if (status == STATUS_OK) {
            status = append_all(call, &args[1], i, right_is_array, &text);
        }
        buf_append(&text, "}", 1);
        ((struct slice *)result->data)[i] = arena_copy(call->arena, buf_slice(&text));
    }
    buf_deinit(&text);
    return status;
}
enum status
array_concat(FUNC_PARAMETERS)
{
    return join(call, args, count, result, true, true);
}
enum status
array_append_element(FUNC_PARAMETERS)
{
    return join(call, args, count, result, true, false);
}
enum status
array_prepend_element(FUNC_PARAMETERS)
{
    return join(call, args, count, result, false, true);
}

/* ---- searching: elements are equal when their texts are, for those are canonical, but in the
 * types of which several texts are equal: those compare by value ---- */

static bool
same_element(enum type_id array_type, struct slice a, struct slice b)
{
    const struct type_info *info = type_info(array_type);
    enum type_id type = info != NULL ? info->element_type : TYPE_INVALID;
    if (slice_equal(a, b) || type == TYPE_INVALID || type_compares_bytes(type)) {
        return slice_equal(a, b);
    }
    return array_compare_elements(type, a, b) == 0;
}

static bool
same_array(const struct vector *args, unsigned row)
{
    struct value a = {.bytes = VECTOR_AT(&args[0], struct slice, row)};
    struct value b = {.bytes = VECTOR_AT(&args[1], struct slice, row)};
    return value_compare(args[0].type, &a, &b) == 0;
}
enum status
array_equal(FUNC_PARAMETERS)
{
    UNUSED(call);
    EACH_ROW(i)
    {
        ((uint8_t *)result->data)[i] = same_array(args, i);
    }
    return STATUS_OK;
}
enum status
array_not_equal(FUNC_PARAMETERS)
{
    UNUSED(call);
    EACH_ROW(i)
    {
        ((uint8_t *)result->data)[i] = !same_array(args, i);
    }
    return STATUS_OK;
}

/* Number from 1 of an element; `wanted` NULL: of a NULL; 0: none. */
static int32_t
find_element(enum type_id array_type, struct slice array, const struct slice *wanted)
{
    struct array_reader reader = array_read(array);
    struct buf element = BUF_EMPTY;
    bool is_null = false, found = false;
    int32_t position = 0;
    while (!found && array_next(&reader, &is_null, &element)) {
        position++;
        found = wanted == NULL
                    ? is_null
                    : !is_null && same_element(array_type, buf_slice(&element), *wanted);
    }
    buf_deinit(&element);
    return found ? position : 0;
}

/* Are all (or any) elements of `some` in `array`? */
static bool
has_elements(enum type_id type, struct slice array, struct slice some, bool all)
{
    struct array_reader reader = array_read(some);
    struct buf element = BUF_EMPTY;
    bool is_null = false, answer = all;
    while (answer == all && array_next(&reader, &is_null, &element)) {
        struct slice wanted = buf_slice(&element);
        answer = !is_null && find_element(type, array, &wanted) != 0;
    }
    buf_deinit(&element);
    return answer;
}

static enum status
run_search(FUNC_PARAMETERS, unsigned whole, bool all)
{
    UNUSED(call);
    EACH_ROW(i)
    {
        ((uint8_t *)result->data)[i] =
            has_elements(args[0].type, VECTOR_AT(&args[whole], struct slice, i),
                         VECTOR_AT(&args[1 - whole], struct slice, i), all);
    }
    return STATUS_OK;
}
enum status
array_contains(FUNC_PARAMETERS)
{
    return run_search(call, args, count, result, 0, true);
}
enum status
array_contained(FUNC_PARAMETERS)
{
    return run_search(call, args, count, result, 1, true);
}
enum status
array_overlaps(FUNC_PARAMETERS)
{
    return run_search(call, args, count, result, 0, false);
}
enum status
array_position(FUNC_PARAMETERS)
{
    struct buf wanted = BUF_EMPTY;
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < count && status == STATUS_OK; i++) {
        buf_clear(&wanted);
        int32_t position = 0;
        if (!vector_is_null(&args[0], i)) {
            status = func__append_value(call, &args[1], i, &wanted);
            struct slice text = buf_slice(&wanted);
            position = find_element(args[0].type, VECTOR_AT(&args[0], struct slice, i),
                                    vector_is_null(&args[1], i) ? NULL : &text);
        }
        if (position == 0) {
            func__set_null(call, result, i, count);
        } else {
            ((int32_t *)result->data)[i] =
                position - 1 + lower_bound(VECTOR_AT(&args[0], struct slice, i));
        }
    }
    buf_deinit(&wanted);
    return status;
}
