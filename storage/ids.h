/* ids.h: numbers of one node's storage. SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "proto/ids.h"

/* A numbered run of pages: the heap, row map or index of one generation of a storage object.
 * Local to the node, never reused. */
struct space_id {
    uint32_t v;
};

/* Position of a page in its space, from 0. */
struct page_no {
    uint32_t v;
};
#define PAGE_NO_NONE UINT32_MAX

/* A transaction or savepoint of this node. 64 bits: no wraparound. 0: none. */
struct xid {
    uint64_t v;
};

/* Commit sequence number = index of the log entry that committed it. 0: none. */
struct csn {
    uint64_t v;
};

/* Where a row version lies. */
struct version_at {
    struct page_no page;
    uint16_t line;
};
