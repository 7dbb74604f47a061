/* blob.c: byte strings of a root, as pages. See checkpoint_internal.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "storage/checkpoint/checkpoint_internal.h"

#include <string.h>

static struct page_identity
identity_of(const struct space *space, uint32_t i)
{
    return (struct page_identity){.kind = PAGE_KIND_BLOB, .space = space->id, .number = i};
}

/* The part of `bytes` that page `i` holds; empty beyond the end. */
static struct slice
part_of(struct slice bytes, uint32_t i, uint32_t body)
{
    uint64_t from = (uint64_t)i * body;
    if (from >= bytes.size) {
        return slice_make(NULL, 0);
    }
    return slice_make(bytes.data + from, (size_t)MIN(bytes.size - from, (uint64_t)body));
}

static enum status
write_part(struct pages *pages, struct space *space, uint32_t i, struct slice part,
           uint8_t *image, struct diag *diag)
{
    struct page_ref ref = {0};
    uint64_t epoch = pages->spaces.cut_epoch;
    memset(image, 0, pages->page_size);
    memcpy(image + PAGE_HEADER_BYTES, part.data, part.size);
    ref.sum = page_stamp(image, pages->page_size, identity_of(space, i), epoch);
    mutex_lock(&pages->spaces.mu);
    enum status status = spaces_replace_locked(
        &pages->spaces, space, page_map_get_cut(&space->map, i), &ref.slot, diag);
    if (status == STATUS_OK) {
        page_map_set_cut(&space->map, i, ref, epoch, false);
    }
    mutex_unlock(&pages->spaces.mu);
    TRY(status);
    struct iovec page = {.iov_base = image, .iov_len = pages->page_size};
    atomic_fetch_add(&pages->write_count, 1);
    return pages__note(pages, slots_write(&pages->slots, ref.slot, &page, 1, diag), diag);
}

static void
drop_tail(struct pages *pages, struct space *space, uint32_t count)
{
    mutex_lock(&pages->spaces.mu);
    for (uint32_t i = count; i < space->cut_page_count; i++) {
        spaces_kill_cut_locked(&pages->spaces, page_map_get_cut(&space->map, i).slot);
        page_map_set_cut(&space->map, i, (struct page_ref){0}, pages->spaces.cut_epoch, false);
    }
    space->page_count = space->cut_page_count = count;
    mutex_unlock(&pages->spaces.mu);
}

enum status
blob__write(struct pages *pages, struct space *space, struct slice bytes, struct slice before,
            struct page_ref *top_out, struct diag *diag)
{
    uint32_t body = pages->page_size - PAGE_HEADER_BYTES;
    uint32_t count = (uint32_t)((bytes.size + body - 1) / body);
    struct staging *staging = pages__borrow_staging(pages);
    enum status status = STATUS_OK;
    if (count > space->cut_page_count) { /* so that a failure leaves no page beyond the count */
        space->page_count = space->cut_page_count = count;
    }
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        struct slice part = part_of(bytes, i, body);
        if (!slice_equal(part, part_of(before, i, body))) {
            status = write_part(pages, space, i, part, staging->data, diag);
        }
    }
    pages__return_staging(pages, staging);
    TRY(status);
    drop_tail(pages, space, count);
    return map__write(pages, space, count, top_out, diag);
}

enum status
blob__read(struct pages *pages, struct space *space, uint64_t size, struct page_ref top,
           struct buf *bytes_out, struct diag *diag)
{
    uint32_t body = pages->page_size - PAGE_HEADER_BYTES;
    uint32_t count = (uint32_t)((size + body - 1) / body);
    TRY(map__read(pages, space, count, top, diag));
    struct staging *staging = pages__borrow_staging(pages);
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        struct page_ref ref = page_map_get(&space->map, i);
        status = slots_read(&pages->slots, ref.slot, staging->data, diag);
        if (status == STATUS_OK) {
            status = page_verify(staging->data, pages->page_size, identity_of(space, i),
                                 ref.sum, diag);
        }
        if (status == STATUS_OK) {
            buf_append(bytes_out, staging->data + PAGE_HEADER_BYTES,
                       (size_t)MIN(size - (uint64_t)i * body, (uint64_t)body));
        }
    }
    pages__return_staging(pages, staging);
    return status;
}
