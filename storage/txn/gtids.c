/* gtids.c: see gtids.h. A ring in log order: pruning takes from its old end, a look-up walks
 * from the new one, for who asks wants to know of a recent commit.
 * SPDX-License-Identifier: Apache-2.0 */
#include "storage/txn/gtids.h"

#include "base/errors.h"

#include <stdlib.h>

void
gtids_init(struct gtids *gtids)
{
    memset(gtids, 0, sizeof(*gtids));
    gtids->ring = calloc(GTIDS_MAX, sizeof(*gtids->ring));
    ASSERT(gtids->ring != NULL);
}

void
gtids_deinit(struct gtids *gtids)
{
    free(gtids->ring);
    gtids->ring = NULL;
}

static struct gtid_entry *
entry_at(const struct gtids *gtids, uint64_t position)
{
    return &gtids->ring[position % GTIDS_MAX];
}

static void
forget_oldest(struct gtids *gtids)
{
    ASSERT(gtids->count > 0);
    struct gtid_entry *entry = entry_at(gtids, gtids->first);
    gtids->newest_pruned_term = MAX(gtids->newest_pruned_term, entry->gtid.term);
    gtids->first++;
    gtids->count--;
}

void
gtids_add(struct gtids *gtids, struct gtid gtid, struct csn csn)
{
    if (gtids->count == GTIDS_MAX) {
        forget_oldest(gtids);
    }
    *entry_at(gtids, gtids->first + gtids->count) =
        (struct gtid_entry){.gtid = gtid, .csn = csn.v};
    gtids->count++;
}

void
gtids_prune(struct gtids *gtids, uint64_t applied)
{
    while (gtids->count > 0 &&
           entry_at(gtids, gtids->first)->csn + GTIDS_INDEX_WINDOW <= applied) {
        forget_oldest(gtids);
    }
}

bool
gtids_find(const struct gtids *gtids, struct gtid gtid, struct csn *csn_out)
{
    csn_out->v = 0;
    for (uint64_t i = gtids->count; i-- > 0;) {
        const struct gtid_entry *entry = entry_at(gtids, gtids->first + i);
        if (gtid_equal(entry->gtid, gtid)) {
            csn_out->v = entry->csn;
            return true;
        }
    }
    return false;
}

/* ---- to and from a checkpoint ---- */

void
gtids_image_deinit(struct gtids_image *image)
{
    buf_deinit(&image->bytes);
}

/* Neighbours differ little: each entry says by flags what it shares with the one before. */
enum { SAME_NODE = 1, SAME_TERM = 2, NEXT_NUMBER = 4, SAME_CSN = 8 };

static void
save_entry(struct buf *out, const struct gtid_entry *last, const struct gtid_entry *e)
{
    bool same_node =
        e->gtid.origin == last->gtid.origin && e->gtid.incarnation == last->gtid.incarnation;
    bool same_term = e->gtid.term == last->gtid.term;
    bool next_number = e->gtid.number == last->gtid.number + 1;
    bool same_csn = e->csn == last->csn;
    buf_u8(out, (uint8_t)((same_node ? SAME_NODE : 0) | (same_term ? SAME_TERM : 0) |
                          (next_number ? NEXT_NUMBER : 0) | (same_csn ? SAME_CSN : 0)));
    if (!same_node) {
        buf_varint(out, e->gtid.origin);
        buf_varint(out, e->gtid.incarnation);
    }
    if (!same_term) {
        buf_varint(out, e->gtid.term);
    }
    if (!next_number) {
        buf_varint(out, e->gtid.number);
    }
    if (!same_csn) {
        buf_varint(out, e->csn - last->csn);
    }
}

bool
gtids_image_add(struct gtids_image *image, const struct gtids *gtids, uint64_t count)
{
    uint64_t end = gtids->first + gtids->count;
    if (image->end < gtids->first) { /* none of it is left */
        uint64_t first = gtids->first;
        buf_clear(&image->bytes);
        image->begin = image->end = first;
        image->last = (struct gtid_entry){0};
    }
    for (; image->end < end && count > 0; image->end++, count--) {
        const struct gtid_entry *entry = entry_at(gtids, image->end);
        save_entry(&image->bytes, &image->last, entry);
        image->last = *entry;
    }
    return image->end == end;
}

/* What was forgotten since it was encoded is forgotten again by gtids_load(). */
void
gtids_save(struct gtids_image *image, const struct gtids *gtids, struct buf *out)
{
    bool whole = gtids_image_add(image, gtids, UINT64_MAX);
    ASSERT(whole);
    buf_varint(out, gtids->newest_pruned_term);
    buf_varint(out, image->end - image->begin);
    buf_append(out, image->bytes.data, image->bytes.size);
}

static void
load_entry(struct gtid_entry *last, struct reader *in)
{
    uint8_t flags = read_u8(in);
    if ((flags & SAME_NODE) == 0) {
        last->gtid.origin = read_varint(in);
        last->gtid.incarnation = read_varint(in);
    }
    if ((flags & SAME_TERM) == 0) {
        last->gtid.term = read_varint(in);
    }
    last->gtid.number = (flags & NEXT_NUMBER) != 0 ? last->gtid.number + 1 : read_varint(in);
    if ((flags & SAME_CSN) == 0) {
        last->csn += read_varint(in);
    }
}

enum status
gtids_load(struct gtids *gtids, uint64_t applied, struct reader *in, struct diag *diag)
{
    gtids->newest_pruned_term = read_varint(in);
    uint64_t left = read_varint(in);
    gtids->first = 0;
    gtids->count = 0;
    for (struct gtid_entry last = {0}; !in->failed && left > 0; left--) {
        load_entry(&last, in);
        gtids_add(gtids, last.gtid, (struct csn){last.csn});
    }
    gtids_prune(gtids, applied);
    return in->failed ? diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                                  "checkpoint: unreadable table of transaction outcomes")
                      : STATUS_OK;
}
