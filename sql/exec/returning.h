/* returning.h: rows of RETURNING: kept until all changes are made (sql/exec only).
 * Thread: the session's.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/exec/exec_internal.h"

struct returning {
    struct rows rows;
    uint32_t next;
    struct scratch scratch;
};

void returning__init(struct returning *returning, struct node *node);
void returning__deinit(struct returning *returning);
void returning__restart(struct returning *returning);
/* The node's RETURNING list over `in`. */
MUST_CHECK enum status returning__add(struct returning *returning, struct node *node,
                                      const struct batch *in);
/* NULL at the end. */
void returning__next(struct returning *returning, struct node *node, struct batch **batch_out);
