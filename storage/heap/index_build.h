/* index_build.h: filling a new index from the rows of its table. Nobody writes the table
 * meanwhile (a SHARE lock, or apply's order). For storage/heap only.
 * Fails: when `txn` is given: 23505 for a unique index with equal keys; 40001 when its snapshot
 * shows a version that is not the newest; 57014.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/heap/table_internal.h"

struct index_build {
    const struct heap *heap;
    struct generation *index;
    version_own_fn own; /* whose versions count besides the committed ones */
    const void *own_arg;
    struct txn *txn; /* NULL at apply: duplicates are taken as they come, nothing cancels */
    struct change_result *result;
};
MUST_CHECK enum status index_build_run(const struct index_build *build, struct diag *diag);
