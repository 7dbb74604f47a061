/* vectors.c: moving values between vectors. SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "sql/exec/exec_internal.h"

void
scratch__reset(struct scratch *scratch)
{
    struct arena *arena = &scratch->arena;
    size_t used = arena->used_bytes;
    if (scratch->has_mark) {
        bool grew = arena->chunk != scratch->mark.chunk;
        arena_rewind(arena, scratch->mark);
        if (!grew) {
            return;
        }
    }
    if (used <= 8192) { /* one small chunk */
        arena_reset(arena);
        return;
    }
    /* one chunk of the size that was needed, kept from now on */
    arena_deinit(arena);
    uint8_t *first = arena_alloc(arena, MIN(used, (size_t)4 << 20));
    scratch->mark = (struct arena_mark){arena->chunk, first, arena->used_bytes};
    scratch->has_mark = true;
    arena_rewind(arena, scratch->mark);
}

void
scratch__deinit(struct scratch *scratch)
{
    arena_deinit(&scratch->arena);
    scratch->has_mark = false;
}

static unsigned
size_of(enum type_id type)
{
    return physical_size(type_info(type)->physical);
}

#define MOVE_LOOP(ctype, to_index, from_index)                                                 \
    do {                                                                                       \
        ctype *to_data = to;                                                                   \
        const ctype *from_data = from;                                                         \
        for (unsigned i = 0; i < count; i++) {                                                 \
            to_data[to_index] = from_data[from_index];                                         \
        }                                                                                      \
    } while (0)

struct wide {
    uint64_t word[2];
};

static void
gather_data(void *to, const void *from, unsigned size, const uint16_t *rows, unsigned count)
{
    switch (size) {
    case 1:
        MOVE_LOOP(uint8_t, i, rows[i]);
        return;
    case 2:
        MOVE_LOOP(uint16_t, i, rows[i]);
        return;
    case 4:
        MOVE_LOOP(uint32_t, i, rows[i]);
        return;
    case 8:
        MOVE_LOOP(uint64_t, i, rows[i]);
        return;
    default:
        ASSERT(size == sizeof(struct wide));
        MOVE_LOOP(struct wide, i, rows[i]);
    }
}

static void
scatter_data(void *to, const void *from, unsigned size, const uint16_t *rows, unsigned count)
{
    switch (size) {
    case 1:
        MOVE_LOOP(uint8_t, rows[i], i);
        return;
    case 2:
        MOVE_LOOP(uint16_t, rows[i], i);
        return;
    case 4:
        MOVE_LOOP(uint32_t, rows[i], i);
        return;
    case 8:
        MOVE_LOOP(uint64_t, rows[i], i);
        return;
    default:
        ASSERT(size == sizeof(struct wide));
        MOVE_LOOP(struct wide, rows[i], i);
    }
}

void
vector__gather(struct vector *out, const struct vector *from, const uint16_t *rows,
               unsigned count, struct arena *arena)
{
    if (from->is_constant) {
        *out = *from;
        return;
    }
    vector_init(out, from->type, count, arena);
    if (from->nulls != NULL) {
        bool *nulls = vector_nulls(out, count, arena);
        for (unsigned i = 0; i < count; i++) {
            nulls[i] = from->nulls[rows[i]];
        }
    }
    gather_data(out->data, from->data, size_of(from->type), rows, count);
}

void
vector__scatter(struct vector *to, const struct vector *from, const uint16_t *rows,
                unsigned count, unsigned capacity, struct arena *arena)
{
    if (from->is_constant) {
        struct value value;
        vector_get(from, 0, &value);
        for (unsigned i = 0; i < count; i++) {
            vector__set_any(to, rows[i], &value, capacity, arena);
        }
        return;
    }
    scatter_data(to->data, from->data, size_of(from->type), rows, count);
    if (from->nulls == NULL && to->nulls == NULL) {
        return;
    }
    bool *nulls = vector_nulls(to, capacity, arena);
    for (unsigned i = 0; i < count; i++) {
        nulls[rows[i]] = from->nulls != NULL && from->nulls[i];
    }
}

void
vector__set_any(struct vector *vector, unsigned row, const struct value *value,
                unsigned capacity, struct arena *arena)
{
    if (vector->is_constant) { /* every row gets a value of its own */
        struct vector wide;
        struct value same;
        vector_get(vector, 0, &same);
        vector_init(&wide, vector->type, capacity, arena);
        if (same.is_null) {
            vector_nulls(&wide, capacity, arena);
        }
        for (unsigned i = 0; i < capacity; i++) {
            vector_set(&wide, i, &same);
        }
        *vector = wide;
    }
    if (value->is_null) {
        vector_nulls(vector, capacity, arena);
    }
    vector_set(vector, row, value);
}

struct value
value__copy(enum type_id type, const struct value *value, struct arena *arena)
{
    struct value copy = *value;
    if (!value->is_null && type_info(type)->physical == PHYSICAL_BYTES) {
        copy.bytes = arena_copy(arena, value->bytes);
    }
    return copy;
}

struct vector
vector__borrow(enum type_id type, struct value *value)
{
    return (struct vector){
        .type = type,
        .is_constant = true,
        .nulls = value->is_null ? &value->is_null : NULL,
        .data = &value->bytes, /* all members of the union begin at one place */
    };
}

void
batch__gather(struct batch *out, const struct batch *in, const uint16_t *rows, unsigned count,
              const uint16_t *slots, unsigned slot_count, struct arena *arena)
{
    out->row_count = count;
    out->column_count = in->column_count;
    out->columns = arena_array(arena, struct vector, MAX(in->column_count, 1U));
    unsigned wanted = slots == NULL ? in->column_count : slot_count;
    for (unsigned i = 0; i < wanted; i++) {
        unsigned slot = slots == NULL ? i : slots[i];
        vector__gather(&out->columns[slot], &in->columns[slot], rows, count, arena);
    }
}

static int64_t
integer_at(const struct vector *vector, unsigned row)
{
    switch (vector->type) {
    case TYPE_INT2:
        return VECTOR_AT(vector, int16_t, row);
    case TYPE_INT4:
        return VECTOR_AT(vector, int32_t, row);
    default:
        return VECTOR_AT(vector, int64_t, row);
    }
}

void
vector__widen(struct vector *vector, unsigned count, struct arena *arena)
{
    if (vector->type == TYPE_INT8) {
        return;
    }
    unsigned rows = vector->is_constant ? 1 : count;
    int64_t *data = arena_alloc(arena, sizeof(*data) * MAX(rows, 1U));
    for (unsigned i = 0; i < rows; i++) {
        data[i] = integer_at(vector, i);
    }
    vector->type = TYPE_INT8;
    vector->data = data;
}

#define NULL_HASH UINT64_C(0x9e3779b97f4a7c15)

static uint64_t
hash_at(const struct vector *vector, unsigned row, unsigned size, bool generic)
{
    if (vector_is_null(vector, row)) {
        return NULL_HASH;
    }
    if (generic) {
        struct value value;
        vector_get(vector, row, &value);
        return value_hash(vector->type, &value);
    }
    switch (size) {
    case 1:
        return hash_word(VECTOR_AT(vector, uint8_t, row));
    case 2:
        return hash_word(VECTOR_AT(vector, uint16_t, row));
    case 4:
        return hash_word(VECTOR_AT(vector, uint32_t, row));
    case 8:
        return hash_word(VECTOR_AT(vector, uint64_t, row));
    default:
        return hash64(VECTOR_AT(vector, struct slice, row), 0);
    }
}

void
vector__hash_all(const struct vector *vectors, unsigned column_count, unsigned row_count,
                 uint64_t *hashes_out)
{
    memset(hashes_out, 0, sizeof(*hashes_out) * row_count);
    for (unsigned c = 0; c < column_count; c++) {
        unsigned size = size_of(vectors[c].type);
        bool generic = !type_compares_bytes(vectors[c].type);
        for (unsigned i = 0; i < row_count; i++) {
            uint64_t hash = hash_at(&vectors[c], i, size, generic);
            hashes_out[i] = hash_word(hashes_out[i] * 31 + hash);
        }
    }
}
