/* vector.h: columns of rows: what moves between operators.
 * Owns:     nothing: data lies in the arena of the batch, or is borrowed from a page that the
 *           scan below keeps pinned until the next batch.
 * Thread:   one at a time.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/types/type.h"

#define BATCH_ROWS_MAX 1024

struct vector {
    enum type_id type;
    bool is_constant; /* row 0's value holds for every row */
    bool *nulls;      /* NULL: no row is NULL */
    void *data;       /* array of physical_size() elements; as many as rows, or 1 */
};

struct batch {
    unsigned row_count, column_count;
    struct vector *columns;
};

/* Room for `count` rows in `arena`; no NULLs yet. */
void vector_init(struct vector *vector, enum type_id type, unsigned count, struct arena *arena);
/* nulls array, made and cleared if missing. */
bool *vector_nulls(struct vector *vector, unsigned count, struct arena *arena);
void vector_set_constant(struct vector *vector, enum type_id type, const struct value *value,
                         struct arena *arena);
bool vector_is_null(const struct vector *vector, unsigned row);
void vector_get(const struct vector *vector, unsigned row, struct value *value_out);
void vector_set(struct vector *vector, unsigned row, const struct value *value);
/* Keeps the rows listed, in place. */
void vector_select(struct vector *vector, const uint16_t *rows, unsigned count);

#define VECTOR_AT(vector, ctype, row)                                                          \
    (((const ctype *)(vector)->data)[(vector)->is_constant ? 0 : (row)])
