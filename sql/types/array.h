/* array.h: arrays, which are kept as PostgreSQL's text form: {1,2,NULL,"a b"}. One dimension.
 * Thread: pure functions.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/types/type.h"

struct array_reader {
    struct slice text; /* trimmed */
    size_t at;
    bool comma, failed; /* failed: malformed; no more elements */
    bool spaces;        /* int2vector, oidvector: no braces, spaces between */
};

/* A text without braces is an int2vector or oidvector: "1 2 3". `failed`: the closing brace is
 * missing. */
struct array_reader array_read(struct slice text);
/* The first subscript: 1, and 0 of int2vector and oidvector. */
int array_lower_bound(enum type_id type);
/* The next element without its quotes; false at the end, or when malformed. */
bool array_next(struct array_reader *reader, bool *is_null_out, struct buf *element);
/* Two elements of this type, by their texts in an array. */
int array_compare_elements(enum type_id element_type, struct slice a, struct slice b);
/* PostgreSQL's order: element by element, NULLs last, then the shorter one first. */
int array_compare(enum type_id element_type, struct slice a, struct slice b);
/* The same for arrays that compare equal. */
uint64_t array_hash(enum type_id element_type, struct slice array);
/* Adds an element, quoted if need be, and the opening brace before the first; the caller adds
 * the closing one. */
void array_append(struct buf *out, bool is_null, struct slice element);
/* The wire's binary form. 0A000 for elements that have none, and arrays that are not kept. */
MUST_CHECK enum status array_to_binary(enum type_id type, struct slice array, struct buf *out,
                                       struct diag *diag);
MUST_CHECK enum status array_from_binary(enum type_id type, struct slice bytes,
                                         struct arena *arena, struct slice *array_out,
                                         struct diag *diag);
