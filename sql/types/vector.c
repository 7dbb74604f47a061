/* vector.c: columns of rows. See vector.h. SPDX-License-Identifier: Apache-2.0 */
#include "sql/types/vector.h"

static enum physical
physical_of(enum type_id type)
{
    const struct type_info *info = type_info(type);
    ASSERT(info != NULL);
    return info->physical;
}

void
vector_init(struct vector *vector, enum type_id type, unsigned count, struct arena *arena)
{
    unsigned size = physical_size(physical_of(type));
    *vector = (struct vector){.type = type};
    vector->data = arena_alloc(arena, (size_t)size * MAX(count, 1U));
}

bool *
vector_nulls(struct vector *vector, unsigned count, struct arena *arena)
{
    if (vector->nulls == NULL) {
        vector->nulls = arena_zalloc(arena, MAX(count, 1U));
    }
    return vector->nulls;
}

void
vector_set_constant(struct vector *vector, enum type_id type, const struct value *value,
                    struct arena *arena)
{
    vector_init(vector, type, 1, arena);
    vector->is_constant = true;
    if (value->is_null) {
        vector_nulls(vector, 1, arena)[0] = true;
    }
    vector_set(vector, 0, value);
}

bool
vector_is_null(const struct vector *vector, unsigned row)
{
    return vector->nulls != NULL && vector->nulls[vector->is_constant ? 0 : row];
}

void
vector_get(const struct vector *vector, unsigned row, struct value *value_out)
{
    if (vector->is_constant) {
        row = 0;
    }
    value_out->is_null = vector->nulls != NULL && vector->nulls[row];
    if (value_out->is_null) {
        value_out->bytes = (struct slice){0};
        return;
    }
    switch (physical_of(vector->type)) {
    case PHYSICAL_BOOL:
        value_out->b = ((const uint8_t *)vector->data)[row];
        return;
    case PHYSICAL_I16:
        value_out->i16 = ((const int16_t *)vector->data)[row];
        return;
    case PHYSICAL_I32:
        value_out->i32 = ((const int32_t *)vector->data)[row];
        return;
    case PHYSICAL_U32:
        value_out->u32 = ((const uint32_t *)vector->data)[row];
        return;
    case PHYSICAL_I64:
        value_out->i64 = ((const int64_t *)vector->data)[row];
        return;
    case PHYSICAL_F32:
        value_out->f32 = ((const float *)vector->data)[row];
        return;
    case PHYSICAL_F64:
        value_out->f64 = ((const double *)vector->data)[row];
        return;
    case PHYSICAL_INTERVAL:
        value_out->interval = ((const struct interval *)vector->data)[row];
        return;
    case PHYSICAL_BYTES:
        value_out->bytes = ((const struct slice *)vector->data)[row];
        return;
    }
}

/* A NULL needs the nulls array; its data become zeros, so that nobody reads garbage. */
void
vector_set(struct vector *vector, unsigned row, const struct value *value)
{
    struct value zero = {.interval = {0}};
    if (value->is_null) {
        ASSERT(vector->nulls != NULL);
        vector->nulls[row] = true;
        value = &zero;
    } else if (vector->nulls != NULL) {
        vector->nulls[row] = false;
    }
    switch (physical_of(vector->type)) {
    case PHYSICAL_BOOL:
        ((uint8_t *)vector->data)[row] = value->b;
        return;
    case PHYSICAL_I16:
        ((int16_t *)vector->data)[row] = value->i16;
        return;
    case PHYSICAL_I32:
        ((int32_t *)vector->data)[row] = value->i32;
        return;
    case PHYSICAL_U32:
        ((uint32_t *)vector->data)[row] = value->u32;
        return;
    case PHYSICAL_I64:
        ((int64_t *)vector->data)[row] = value->i64;
        return;
    case PHYSICAL_F32:
        ((float *)vector->data)[row] = value->f32;
        return;
    case PHYSICAL_F64:
        ((double *)vector->data)[row] = value->f64;
        return;
    case PHYSICAL_INTERVAL:
        ((struct interval *)vector->data)[row] = value->interval;
        return;
    case PHYSICAL_BYTES:
        ((struct slice *)vector->data)[row] = value->bytes;
        return;
    }
}

#define SELECT_LOOP(ctype)                                                                     \
    do {                                                                                       \
        ctype *data = vector->data;                                                            \
        for (unsigned i = 0; i < count; i++) {                                                 \
            data[i] = data[rows[i]];                                                           \
        }                                                                                      \
    } while (0)

/* rows[] rises, so that no element is overwritten before it was read. */
void
vector_select(struct vector *vector, const uint16_t *rows, unsigned count)
{
    if (vector->is_constant) {
        return;
    }
    if (vector->nulls != NULL) {
        for (unsigned i = 0; i < count; i++) {
            vector->nulls[i] = vector->nulls[rows[i]];
        }
    }
    switch (physical_size(physical_of(vector->type))) {
    case 1:
        SELECT_LOOP(uint8_t);
        return;
    case 2:
        SELECT_LOOP(uint16_t);
        return;
    case 4:
        SELECT_LOOP(uint32_t);
        return;
    case 8:
        SELECT_LOOP(uint64_t);
        return;
    case sizeof(struct slice):
        SELECT_LOOP(struct slice);
        return;
    default:
        ASSERT(false);
    }
}
