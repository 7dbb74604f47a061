/* durable_file.h: a small file that is replaced whole: term and vote, identity, configuration.
 *
 * Promises: after a write returns OK the new content survives power loss; before, the old one
 *           does. A file that fails its checksum is STATUS_CORRUPT, never taken for missing.
 * Layout:   8 bytes magic | u32 size | u32 crc32c of magic, size and content | content.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/slice.h"
#include "base/vfs.h"

/* `magic` has 8 characters. */
MUST_CHECK enum status durable_file_write(struct vfs *vfs, const char *dir, const char *name,
                                          const char *magic, struct slice content,
                                          struct diag *diag);
/* STATUS_NOT_FOUND when there is none. */
MUST_CHECK enum status durable_file_read(struct vfs *vfs, const char *dir, const char *name,
                                         const char *magic, struct buf *content_out,
                                         struct diag *diag);

/* Term and vote of the consensus core: data/raft/state. */
struct hard_state {
    uint64_t term, vote;
};
MUST_CHECK enum status hard_state_write(struct vfs *vfs, const char *dir,
                                        const struct hard_state *state, struct diag *diag);
MUST_CHECK enum status hard_state_read(struct vfs *vfs, const char *dir,
                                       struct hard_state *state_out, struct diag *diag);
