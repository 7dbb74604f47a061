/* heap_page.h: one page of row versions, as bytes. See docs/format/heap.md.
 *
 * Promises: a version keeps its bytes where they are until heap_page_compact(): a reader that
 *           pinned the page may go on reading a tuple without a latch. Header fields change
 *           under the exclusive latch only. A zeroed page is an empty one.
 * Does not: latch, dirty or log; and knows nothing of visibility.
 * Thread:   the caller holds the page's latch, exclusive for changes.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/heap/tuple.h"
#include "storage/page/pages.h"

#define HEAP_LINES_AT 48
#define VERSION_HEADER_BYTES 40

enum version_flags {                          /* stored */
                     VERSION_XMIN_IS_CSN = 1, /* vacuum replaced the xid by its CSN */
                     VERSION_XMAX_IS_CSN = 2,
                     VERSION_DELETED =
                         4, /* xmax deletes the row; else it superseded this version */
                     VERSION_DEAD = 8, /* undone by its own statement: nobody ever sees it */
                     VERSION_KEYS_SAME = 16, /* has the index keys of `prev` */
};

struct version {
    uint64_t xmin, xmax; /* xids, or CSNs by the flags; xmax 0: not superseded */
    struct row_id row;
    uint32_t cmin, cmax;
    struct version_at prev; /* the version superseded; page PAGE_NO_NONE: none */
    uint8_t flags;
    uint8_t lock_mode; /* row lock that xmax stands for */
    struct slice tuple;
};

static inline bool
version_at_none(struct version_at at)
{
    return at.page.v == PAGE_NO_NONE;
}
static inline bool
version_at_equal(struct version_at a, struct version_at b)
{
    return a.page.v == b.page.v && a.line == b.line;
}
#define VERSION_AT_NONE ((struct version_at){.page = {PAGE_NO_NONE}, .line = 0})

/* Largest tuple that fits a page. */
size_t heap_tuple_max(uint32_t page_size);
unsigned heap_page_line_count(const uint8_t *page);
/* False: no such line, or a free one. The tuple is borrowed from the page. */
bool heap_page_read(const uint8_t *page, uint32_t page_size, unsigned line,
                    struct version *version_out);
/* Bytes a new tuple may have without compaction, and with it. */
size_t heap_page_room(const uint8_t *page, uint32_t page_size);
size_t heap_page_room_compacted(const uint8_t *page, uint32_t page_size);
/* Room was checked. Gives the line. */
unsigned heap_page_add(uint8_t *page, uint32_t page_size, const struct version *version);
/* The new version takes over `line`; what lay there gets another line, which is answered and
 * becomes the new one's `prev` when `link` says so. */
unsigned heap_page_swing(uint8_t *page, uint32_t page_size, unsigned line,
                         const struct version *version, bool link);
/* Writes back header fields (all but row, tuple) of a version read before. */
void heap_page_write_header(uint8_t *page, unsigned line, const struct version *version);
/* Frees the line; its bytes come back by compaction. */
void heap_page_free(uint8_t *page, unsigned line);
/* Moves versions together; no one may hold a tuple of the page: page_only_mine(). */
void heap_page_compact(uint8_t *page, uint32_t page_size);
/* Structure of the page; false tells what is wrong. */
MUST_CHECK bool heap_page_check(const uint8_t *page, uint32_t page_size, const char **why_out);
