/* page_format.h: the 32 bytes at the front of every page on disk.
 *
 * Promises: a page that page_verify() accepts has the content that page_stamp() saw, and is the
 *           page that its map says, not another one or an older one of the same number.
 * See:      docs/format/pages.md.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/status.h"
#include "storage/page/pages.h"
#include <assert.h>

#define PAGE_FORMAT 1
#define PAGE_SIZE_MIN 4096u
#define PAGE_SIZE_MAX 32768u

/* Offsets in the header. */
#define PAGE_CHECKSUM_AT 0    /* u32: CRC-32C of all bytes behind it */
#define PAGE_FORMAT_AT 4      /* u16 */
#define PAGE_KIND_AT 6        /* u8: enum page_kind */
#define PAGE_LEVEL_AT 7       /* u8: of a map page, 0 = leaf */
#define PAGE_SPACE_AT 8       /* u32 */
#define PAGE_NUMBER_AT 12     /* u32: page number, or the map page's position in its level */
#define PAGE_EPOCH_AT 16      /* u64: checkpoint that it was written for */
#define PAGE_MIN_READER_AT 24 /* u16: lowest PAGE_FORMAT that reads it; 0 counts as 1 */
#define PAGE_SPARE_AT 26      /* 6 bytes: zero */
static_assert(PAGE_SPARE_AT + 6 == PAGE_HEADER_BYTES, "the header is 32 bytes");

enum page_kind { PAGE_KIND_DATA = 1, PAGE_KIND_MAP = 2, PAGE_KIND_BLOB = 3 };

struct page_identity {
    enum page_kind kind;
    uint8_t level;
    uint32_t space, number;
};

/* Fills the header; returns the checksum. */
uint32_t page_stamp(uint8_t *page, uint32_t page_size, struct page_identity identity,
                    uint64_t epoch);
/* STATUS_CORRUPT says what is wrong; STATUS_UNSUPPORTED: a newer version wrote it. `sum` is
 * what the map (or root) has. */
MUST_CHECK enum status page_verify(const uint8_t *page, uint32_t page_size,
                                   struct page_identity identity, uint32_t sum,
                                   struct diag *diag);
