/* returning.h: rows of RETURNING: kept until all changes are made (sql/exec only).
 * Thread: the session's. SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/exec/exec_internal.h"

struct returning {
    struct rows rows;
    uint32_t next;
    struct scratch scratch;
};

void returning_init(struct returning *returning, struct node *node);
void returning_deinit(struct returning *returning);
void returning_restart(struct returning *returning);
/* The node's RETURNING list over `in`. */
MUST_CHECK enum status returning_add(struct returning *returning, struct node *node,
                                     const struct batch *in);
/* NULL at the end. */
void returning_next(struct returning *returning, struct node *node, struct batch **batch_out);
