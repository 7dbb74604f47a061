/* key.h: index keys as bytes whose memcmp order is the order of the values.
 *
 * Layout:   for each column a marker (1 NULL first, 2 a value follows, 3 NULL last), then the
 *           value, its bytes inverted when descending. See docs/format/btree.md.
 * Promises: memcmp(a, b) has the sign of comparing the values in index order; equal values have
 *           equal keys (1.0 and 1.00, -0 and 0, 'a' and 'a ' of char(n)); no key is a prefix of
 *           another of as many columns, and the key of a prefix of columns is a prefix of the
 *           key.
 * Thread:   pure functions.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/heap/table.h"

void key_encode_column(struct buf *out, const struct index_column *column,
                       const struct column_value *value);
/* The key of a whole stored row; a column that the row does not hold counts as NULL. `out` is
 * cleared first. Answers whether any column is NULL: such a row never conflicts. */
bool key_from_tuple(struct buf *out, const struct index_definition *definition,
                    const struct table_definition *table, struct slice tuple);
