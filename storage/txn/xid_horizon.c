/* xid_horizon.c: how much of the table of xids can go.
 *
 * An xid is asked about by who found it in a version, in a generation that is not settled, or
 * in a transaction. Versions lose theirs to vacuum, which stamps what every snapshot sees and
 * removes what was undone; it notes for each table the oldest xid that it had to leave
 * (body.oldest_xid). The lowest of those, and of the xids that still run, is where the table
 * may be cut. What is below counts as committed for ever, so nothing undone may be left there.
 *
 * In two steps, for a reader may hold in its hand a version that it read before vacuum came by:
 *
 *     reader                          vacuum, checkpoint
 *     reads version, xmin 7
 *                                     7 was undone: version removed; cut at 9 proposed, CSN 40
 *     asks: 7 is undone
 *     its snapshot (<= 40) ends       horizon above 40: cut at 9
 *
 * Readers without a snapshot are apply, which is within entry 41 at most, and other vacuums,
 * whose own table holds the cut back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "storage/txn/txn_internal.h"

static void
find_oldest(void *arg, struct generation *g)
{
    uint64_t *oldest = arg;
    if (g->kind == OBJECT_TABLE) {
        *oldest = MIN(*oldest, atomic_load(&g->body->oldest_xid));
    }
    if (g->created_by.v != 0) {
        *oldest = MIN(*oldest, g->created_by.v);
    }
    if (g->dropped_by.v != 0) {
        *oldest = MIN(*oldest, g->dropped_by.v);
    }
}

static uint64_t
oldest_needed(struct store *store)
{
    uint64_t oldest = xids_first_running(&store->xids).v;
    mutex_lock(&store->objects.mu);
    objects__foreach(store, find_oldest, &oldest);
    mutex_unlock(&store->objects.mu);
    return oldest;
}

void
store__forget_xids(struct store *store)
{
    if (store->xid_cut.oldest != 0 && store_horizon(store).v > store->xid_cut.after) {
        xids_cut(&store->xids, (struct xid){store->xid_cut.oldest});
        store->xid_cut.oldest = 0;
    }
    uint64_t oldest = oldest_needed(store);
    if (store->xid_cut.oldest == 0 &&
        oldest >= atomic_load(&store->xids.oldest) + XIDS_PER_CHUNK) {
        store->xid_cut.oldest = oldest;
        store->xid_cut.after = atomic_load(&store->visible_csn);
    }
}
