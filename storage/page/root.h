/* root.h: the record that vouches for a checkpoint, on disk in two copies.
 *
 * Promises: root_write() returns OK only when the root is durable in both copies. root_read()
 *           gives the newest durable root or refuses: never an older one whose slots may have
 *           been used again.
 * Owns:     data/pages/root.  Borrows: vfs, dir.
 * Thread:   opening, then the checkpoint only.
 * Fails:    STATUS_IO; STATUS_CORRUPT when no copy of the newest root can be read.
 * See:      docs/format/pages.md.
 *
 * The file has two pairs of blocks. Root n goes to pair n % 2, both blocks, one sync. Then root
 * n - 1 is overwritten by "void" and synced; only then are the slots free that only it needed.
 *
 *   write n:  [ n-1 n-1 | ?   ?  ]  ->  [ n-1 n-1 | n  n ]  ->  [ void void | n  n ]
 *
 * So a crash while n is written finds n - 1 whole (its slots are untouched), and a pair that is
 * unreadable beside a void pair is damage, not a crash.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/vfs.h"
#include "storage/page/page_map.h"

struct root_record {
    uint64_t sequence, epoch;
    uint64_t applied_index, applied_term;
    uint32_t page_size, next_space_id;
    uint64_t directory_bytes, meta_bytes; /* of these byte strings, stored as pages */
    struct page_ref directory, meta;      /* tops of their maps */
};

struct root_file {
    struct vfs_file *file;
    uint32_t page_size;
};

/* Opens or creates; `found_out`: is there a root at all? */
MUST_CHECK enum status root_open(struct root_file *root, struct vfs *vfs, const char *dir,
                                 uint32_t page_size, struct root_record *record_out,
                                 bool *found_out, struct diag *diag);
void root_close(struct root_file *root);
MUST_CHECK enum status root_write(struct root_file *root, const struct root_record *record,
                                  struct diag *diag);
/* Marks root `sequence` void, durably. */
MUST_CHECK enum status root_void(struct root_file *root, uint64_t sequence, struct diag *diag);
