/* row_map.c: row id -> newest version. An entry is one word, read without a latch: writers
 * store it whole, under the exclusive latch. A zeroed page is one of empty entries.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "storage/heap/table_internal.h"

#define ENTRY_BYTES 8

uint64_t
row_map_rows_per_page(const struct heap *heap)
{
    return (heap->page_size - PAGE_HEADER_BYTES) / ENTRY_BYTES;
}

static struct page_no
page_of(const struct heap *heap, struct row_id row)
{
    uint64_t no = (row.v - 1) / row_map_rows_per_page(heap);
    return (struct page_no){no < PAGE_NO_NONE ? (uint32_t)no : PAGE_NO_NONE};
}

static _Atomic(uint64_t) *
entry_of(const struct heap *heap, struct page *page, struct row_id row)
{
    uint64_t slot = (row.v - 1) % row_map_rows_per_page(heap);
    return (_Atomic(uint64_t) *)(void *)(page_data(page) + PAGE_HEADER_BYTES +
                                         slot * ENTRY_BYTES);
}

struct version_at
row_map_get(const struct heap *heap, struct page *page, struct row_id row)
{
    uint64_t word = atomic_load_explicit(entry_of(heap, page, row), memory_order_acquire);
    uint32_t page_plus_one = (uint32_t)word;
    if (page_plus_one == 0) {
        return VERSION_AT_NONE;
    }
    return (struct version_at){.page = {page_plus_one - 1}, .line = (uint16_t)(word >> 32)};
}

void
row_map_put(const struct heap *heap, struct page *page, struct row_id row, struct version_at at)
{
    uint64_t word = 0;
    if (!version_at_none(at)) {
        word = (uint64_t)at.line << 32 | (at.page.v + 1);
    }
    atomic_store_explicit(entry_of(heap, page, row), word, memory_order_release);
}

void
row_map_set(const struct heap *heap, struct page *page, struct row_id row, struct version_at at)
{
    page_latch_exclusive(page);
    page_dirty(page);
    row_map_put(heap, page, row, at);
    page_unlatch(page);
}

enum status
row_map_read(const struct heap *heap, struct row_id row, struct warm *warm,
             struct version_at *at_out, struct diag *diag)
{
    struct page_no no = page_of(heap, row);
    struct page *page = NULL;
    *at_out = VERSION_AT_NONE;
    if (row.v == 0 || no.v >= space_page_count(heap->pages, heap->row_map)) {
        return STATUS_OK;
    }
    if (warm == NULL) {
        TRY(page_pin(heap->pages, heap->row_map, no, 0, &page, diag));
    } else {
        TRY(warm_pin(warm, heap->pages, heap->row_map, no, &page, diag));
    }
    *at_out = row_map_get(heap, page, row);
    page_unpin(page);
    return STATUS_OK;
}

/* Two at once may append one page more than needed: it serves later rows. */
static enum status
grow_to(const struct heap *heap, struct page_no no, struct warm *warm, struct diag *diag)
{
    while (space_page_count(heap->pages, heap->row_map) <= no.v) {
        struct page_no made;
        struct page *page = NULL;
        gate_enter(heap->pages);
        enum status status = warm_append(warm, heap->pages, heap->row_map, &made, &page, diag);
        if (status == STATUS_OK) {
            page_unlatch(page);
            page_unpin(page);
        }
        gate_leave(heap->pages);
        if (status == STATUS_AGAIN) {
            status = warm_fetch(warm, heap->pages, diag);
        }
        TRY(status);
    }
    return STATUS_OK;
}

enum status
row_map_pin(const struct heap *heap, struct row_id row, struct warm *warm,
            struct page **page_out, struct diag *diag)
{
    struct page_no no = page_of(heap, row);
    *page_out = NULL;
    if (row.v == 0 || no.v == PAGE_NO_NONE) {
        return diag_fail(diag, STATUS_LIMIT, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                         "row number %llu is beyond what a table of this page size holds",
                         (unsigned long long)row.v);
    }
    TRY(grow_to(heap, no, warm, diag));
    return page_pin(heap->pages, heap->row_map, no, 0, page_out, diag);
}
