/* verify.h: do the structures of a table hold what they promise?
 *
 * Promises: true only when every page is sound, every chain ends, every row that is live now
 *           has exactly one entry with its key in each index, every entry's row exists, and
 *           trees are in order. False reports the first broken clause (XX001 or XX002).
 * Thread:   any; the table at rest (nobody writes it), or else a false alarm is possible.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/btree/btree.h"
#include "storage/store.h"

MUST_CHECK bool table_check(struct store *store, struct object_id table, struct diag *diag);
/* Order, links, levels. *entry_count_out: entries of the leaves. */
MUST_CHECK bool btree_check(const struct btree *tree, uint64_t *entry_count_out,
                            struct diag *diag);
/* All tables. */
MUST_CHECK bool tables_check(struct store *store, struct diag *diag);
