/* parts.c: see parts.h. SPDX-License-Identifier: Apache-2.0 */
#include "storage/txn/parts.h"

#include "base/errors.h"

#include <stdlib.h>

static void
forget(struct parts *parts, size_t at)
{
    free(parts->items[at].indexes);
    parts->items[at] = parts->items[--parts->count];
}

void
parts_deinit(struct parts *parts)
{
    while (parts->count > 0) {
        forget(parts, parts->count - 1);
    }
    free(parts->items);
    *parts = (struct parts){0};
}

static struct pending_parts *
find_or_add(struct parts *parts, struct gtid gtid)
{
    for (size_t i = 0; i < parts->count; i++) {
        if (gtid_equal(parts->items[i].gtid, gtid)) {
            return &parts->items[i];
        }
    }
    if (parts->count == parts->capacity) {
        parts->capacity = parts->capacity * 2 + 8;
        parts->items = realloc(parts->items, parts->capacity * sizeof(*parts->items));
        ASSERT(parts->items != NULL);
    }
    parts->items[parts->count] = (struct pending_parts){.gtid = gtid};
    return &parts->items[parts->count++];
}

void
parts_add(struct parts *parts, struct gtid gtid, uint64_t index)
{
    struct pending_parts *item = find_or_add(parts, gtid);
    if (item->count == item->capacity) {
        item->capacity = item->capacity * 2 + 8;
        item->indexes = realloc(item->indexes, item->capacity * sizeof(*item->indexes));
        ASSERT(item->indexes != NULL);
    }
    item->indexes[item->count++] = index;
}

void
parts_drop(struct parts *parts, struct gtid gtid)
{
    for (size_t i = parts->count; i-- > 0;) {
        if (gtid_equal(parts->items[i].gtid, gtid)) {
            forget(parts, i);
        }
    }
}

void
parts_drop_older_terms(struct parts *parts, uint64_t term)
{
    for (size_t i = parts->count; i-- > 0;) {
        if (parts->items[i].gtid.term < term) {
            forget(parts, i);
        }
    }
}

uint64_t
parts_oldest(const struct parts *parts)
{
    uint64_t oldest = 0;
    for (size_t i = 0; i < parts->count; i++) {
        uint64_t first = parts->items[i].indexes[0];
        oldest = oldest == 0 ? first : MIN(oldest, first);
    }
    return oldest;
}

void
parts_save(const struct parts *parts, struct buf *out)
{
    buf_varint(out, parts->count);
    for (size_t i = 0; i < parts->count; i++) {
        const struct pending_parts *item = &parts->items[i];
        buf_varint(out, item->gtid.origin);
        buf_varint(out, item->gtid.incarnation);
        buf_varint(out, item->gtid.term);
        buf_varint(out, item->gtid.number);
        buf_varint(out, item->count);
        for (size_t k = 0; k < item->count; k++) {
            buf_varint(out, item->indexes[k]);
        }
    }
}

enum status
parts_load(struct parts *parts, struct reader *in, struct diag *diag)
{
    uint64_t count = read_varint(in);
    for (uint64_t i = 0; i < count && !in->failed; i++) {
        struct gtid gtid;
        gtid.origin = read_varint(in);
        gtid.incarnation = read_varint(in);
        gtid.term = read_varint(in);
        gtid.number = read_varint(in);
        uint64_t index_count = read_varint(in);
        for (uint64_t k = 0; k < index_count && !in->failed; k++) {
            parts_add(parts, gtid, read_varint(in));
        }
    }
    return in->failed ? diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                                  "checkpoint: unreadable list of pending parts")
                      : STATUS_OK;
}
