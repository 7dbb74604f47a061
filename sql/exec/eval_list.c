/* eval_list.c: IN (..), op ANY/ALL (array), ARRAY[..]. SPDX-License-Identifier: Apache-2.0 */
#include "sql/exec/exec_internal.h"
#include "sql/types/array.h"

enum status
array__values(struct execution *ex, enum type_id type, struct slice text, struct arena *arena,
              struct value **values_out, unsigned *count_out)
{
    struct array_reader reader = array_read(text);
    struct buf element = BUF_EMPTY;
    unsigned capacity = 0, count = 0;
    enum status status = STATUS_OK;
    bool is_null;
    *values_out = NULL;
    while (status == STATUS_OK && array_next(&reader, &is_null, &element)) {
        if (count == capacity) {
            capacity = MAX(8U, capacity * 2);
            struct value *grown = arena_array(arena, struct value, capacity);
            if (count > 0) {
                memcpy(grown, *values_out, count * sizeof(*grown));
            }
            *values_out = grown;
        }
        struct value *value = &(*values_out)[count++];
        value->is_null = is_null;
        if (!is_null) {
            struct value_source source = {type, -1, arena_copy(arena, buf_slice(&element))};
            status = value_read(ex->cx, &source, arena, value, ex->cx->diag);
        }
    }
    if (status == STATUS_OK && reader.failed) {
        status = diag_fail(ex->cx->diag, STATUS_INVALID, SQLSTATE_INVALID_TEXT_REPRESENTATION,
                           "malformed array literal: \"%.*s\"", (int)MIN(text.size, 200U),
                           (const char *)text.data);
    }
    buf_deinit(&element);
    *count_out = count;
    return status;
}

/* What is known of "some element fits" (or, for ALL, "one does not"). */
struct found {
    uint8_t *hit, *unknown;
};

static struct found
start_found(unsigned count, struct arena *arena)
{
    return (struct found){arena_zalloc(arena, MAX(count, 1U)),
                          arena_zalloc(arena, MAX(count, 1U))};
}

/* Compares all rows with one element. `sought`: the answer that decides. */
static enum status
compare_element(struct execution *ex, const struct px *px, const struct vector *left,
                const struct vector *element, unsigned count, bool sought, struct arena *arena,
                struct found *found)
{
    struct vector args[2] = {*left, *element}, result;
    TRY(px__call(ex, px, px->func, TYPE_BOOL, args, 2, count, arena, &result));
    for (unsigned i = 0; i < count; i++) {
        bool is_null = vector_is_null(&result, i);
        found->unknown[i] |= is_null;
        found->hit[i] |= !is_null && (VECTOR_AT(&result, uint8_t, i) != 0) == sought;
    }
    return STATUS_OK;
}

/* A hit answers `if_hit`; else an unknown is NULL; else the opposite. */
static void
answer(const struct found *found, unsigned count, bool if_hit, struct arena *arena,
       struct vector *out)
{
    vector_init(out, TYPE_BOOL, count, arena);
    uint8_t *data = out->data;
    for (unsigned i = 0; i < count; i++) {
        data[i] = (found->hit[i] != 0) == if_hit;
        if (!found->hit[i] && found->unknown[i]) {
            vector_nulls(out, count, arena)[i] = true;
        }
    }
}

static enum status
eval_in_list(struct execution *ex, const struct px *px, const struct batch *in,
             struct arena *arena, struct vector *out)
{
    struct vector left;
    struct found found = start_found(in->row_count, arena);
    TRY(px__eval(ex, px->args[0], in, arena, &left));
    for (unsigned a = 1; a < px->arg_count; a++) {
        struct vector element;
        TRY(px__eval(ex, px->args[a], in, arena, &element));
        TRY(compare_element(ex, px, &left, &element, in->row_count, true, arena, &found));
    }
    answer(&found, in->row_count, !px->negated, arena, out);
    return STATUS_OK;
}

/* Rows whose array is the same: all of them, or the one given. */
static enum status
compare_array(struct execution *ex, const struct px *px, const struct vector *left,
              const struct vector *array, unsigned row, unsigned count, struct arena *arena,
              struct found *found)
{
    if (vector_is_null(array, row)) {
        memset(found->unknown, 1, count);
        return STATUS_OK;
    }
    const struct type_info *info = type_info(px->args[1]->type);
    enum type_id type =
        info->element_type != TYPE_INVALID ? info->element_type : px->func->args[1];
    struct value *values;
    unsigned value_count;
    TRY(array__values(ex, type, VECTOR_AT(array, struct slice, row), arena, &values,
                      &value_count));
    for (unsigned i = 0; i < value_count; i++) {
        struct vector element = vector__borrow(type, &values[i]);
        TRY(compare_element(ex, px, left, &element, count, !px->negated, arena, found));
    }
    return STATUS_OK;
}

static enum status
eval_any_array(struct execution *ex, const struct px *px, const struct batch *in,
               struct arena *arena, struct vector *out)
{
    struct vector left, array;
    struct found found = start_found(in->row_count, arena);
    TRY(px__eval(ex, px->args[0], in, arena, &left));
    TRY(px__eval(ex, px->args[1], in, arena, &array));
    if (array.is_constant) {
        TRY(compare_array(ex, px, &left, &array, 0, in->row_count, arena, &found));
    }
    for (unsigned i = 0; !array.is_constant && i < in->row_count; i++) {
        struct vector one;
        struct found at = {found.hit + i, found.unknown + i};
        uint16_t row = (uint16_t)i;
        vector__gather(&one, &left, &row, 1, arena);
        TRY(compare_array(ex, px, &one, &array, i, 1, arena, &at));
    }
    answer(&found, in->row_count, !px->negated, arena, out); /* ALL: a miss decides: false */
    return STATUS_OK;
}

static enum status
eval_array(struct execution *ex, const struct px *px, const struct batch *in,
           struct arena *arena, struct vector *out)
{
    struct vector *args = arena_array(arena, struct vector, MAX(px->arg_count, 1U));
    for (unsigned a = 0; a < px->arg_count; a++) {
        TRY(px__eval(ex, px->args[a], in, arena, &args[a]));
    }
    struct buf text = BUF_EMPTY, element = BUF_EMPTY;
    vector_init(out, px->type, in->row_count, arena);
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < in->row_count && status == STATUS_OK; i++) {
        buf_clear(&text);
        for (unsigned a = 0; a < px->arg_count && status == STATUS_OK; a++) {
            struct value value;
            vector_get(&args[a], i, &value);
            buf_clear(&element);
            if (!value.is_null) {
                status = value_show(ex->cx, args[a].type, &value, &element);
            }
            array_append(&text, value.is_null, buf_slice(&element));
        }
        buf_append_text(&text, text.size == 0 ? "{}" : "}");
        vector_set(out, i, &(struct value){.bytes = arena_copy(arena, buf_slice(&text))});
    }
    buf_deinit(&text);
    buf_deinit(&element);
    return status;
}

enum status
px__eval_list(struct execution *ex, const struct px *px, const struct batch *in,
              struct arena *arena, struct vector *out)
{
    switch (px->kind) {
    case EXPR_IN_LIST:
        return eval_in_list(ex, px, in, arena, out);
    case EXPR_ANY_ARRAY:
        return eval_any_array(ex, px, in, arena, out);
    default:
        return eval_array(ex, px, in, arena, out);
    }
}
