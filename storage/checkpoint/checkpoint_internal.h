/* checkpoint_internal.h: writing and reading what lies between the root and the pages.
 *
 * Thread: the checkpoint (or the opening thread); spaces.mu is taken inside, never held over
 * I/O.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/buffer/pages_internal.h"

#define DIRECTORY_ENTRY_BYTES                                                                  \
    16 /* u32 each: space, page count, slot and checksum of its map                            \
        */

/* Writes map pages of the cut's view of `page_count` pages that are not on disk yet. */
MUST_CHECK enum status map__write(struct pages *pages, struct space *space, uint32_t page_count,
                                  struct page_ref *top_out, struct diag *diag);
/* The other way: reads the whole map and marks its slots used. */
MUST_CHECK enum status map__read(struct pages *pages, struct space *space, uint32_t page_count,
                                 struct page_ref top, struct diag *diag);
/* A space that was dropped before the cut: all its slots die. */
void map__kill(struct pages *pages, struct space *space);

/* Byte strings as pages of a hidden space. Pages that say the same as in `before` stay. */
MUST_CHECK enum status blob__write(struct pages *pages, struct space *space, struct slice bytes,
                                   struct slice before, struct page_ref *top_out,
                                   struct diag *diag);
MUST_CHECK enum status blob__read(struct pages *pages, struct space *space, uint64_t size,
                                  struct page_ref top, struct buf *bytes_out,
                                  struct diag *diag);
