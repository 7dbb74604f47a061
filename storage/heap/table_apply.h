/* table_apply.h: changing tables because the log says so, and what the object directory needs
 * of the heap. For storage/ only.
 *
 * Promises: an effect is applied as walks B to D say: a fresh version carrying the local
 *           apply xid is linked over aborted heads, index entries follow for changed keys, no
 *           unique check, no lock, no redo. The caller makes the xid committed afterwards.
 *           The same effect applied again after a crash (its earlier version aborted by then)
 *           gives the same rows.
 * Does not: move xids, CSNs, hashes or marks: the caller does (rule 6). The row id mark is the
 *           caller's too: raise it to the effect's row after an insert.
 * Thread:   apply only. Not inside the gate: it enters and leaves by itself, as often as it
 *           needs pages.
 * Fails:    STATUS_CORRUPT for divergence (a missing target of UPDATE or DELETE, a live target
 * of INSERT, an unknown table); STATUS_IO, STATUS_LIMIT 53100 from the pages.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "proto/entry.h"
#include "storage/heap/table.h"

/* EFFECT_INSERT, UPDATE or DELETE of a row. `old_out` (not NULL) is cleared, then holds the
 * tuple superseded as this node stored it: subtract its hash. For INSERT it stays empty. The
 * caller knows `xid` is its own; versions of it count as live. */
MUST_CHECK enum status table_apply_row(struct store *store, struct xid xid,
                                       const struct effect *effect, struct buf *old_out,
                                       struct diag *diag);

/* Fills the new index `definition->index` (its generation, made by `xid`, exists in the object
 * directory and is linked to its table) from the table's newest live rows: those committed or
 * made by `xid`. Waits for room as rows do; an index that cannot be built is invalid then, and
 * that is STATUS_OK. */
MUST_CHECK enum status table_apply_index_build(struct store *store, struct xid xid,
                                               const struct index_definition *definition,
                                               struct diag *diag);

/* What the heap keeps in memory for the body of a table (free space, insert targets). The
 * object directory holds the pointer: made with the body (also at open), deleted with it. A new
 * space is empty: heap, row map and index need nothing but space_create() in the gate. */
struct table_memory;
struct table_memory *table_memory_new(void);
void table_memory_delete(struct table_memory *memory); /* takes memory; NULL is fine */
