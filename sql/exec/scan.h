/* scan.h: stored rows to vectors (sql/exec only).
 * Thread: the session's.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/exec/exec_internal.h"

struct decode_step {
    int slot;      /* -1: stepped over */
    unsigned size; /* 0: varying */
};
struct decoder {
    unsigned count; /* leading columns that are looked at */
    struct decode_step *steps;
    int row_slot, tuple_slot; /* -1: not wanted */
    bool fixed_only;          /* nothing is borrowed from the page */
};

void decoder__init(struct decoder *decoder, const struct plan_node *plan, struct arena *arena);
/* Vectors of `capacity` rows. */
void decoder__begin(const struct decoder *decoder, const struct plan_node *plan,
                    unsigned capacity, struct vector *columns, struct arena *arena);
/* Puts `count` rows at `first`. */
void decoder__add(const struct decoder *decoder, const struct row_view *views, unsigned count,
                  unsigned first, unsigned capacity, struct vector *columns,
                  struct arena *arena);
/* Applies the node's filter to its own batch, in place. */
MUST_CHECK enum status scan__filter_batch(struct node *node, bool *any_out);
