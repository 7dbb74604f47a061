/* disk.c: how much room the disk of this node has, and growth refused before there is none.
 *
 * The reserve is for what must go on: checkpoints, the log of DELETE and DROP, a new term. It
 * is a few log segments, for the log takes a whole one at a time.
 * SPDX-License-Identifier: Apache-2.0 */
#include "node/node_internal.h"

#define RESERVE_SEGMENTS 4U
#define NEAR_FACTOR 16U /* within so many reserves it is looked at more often */
#define LOOK_NS ((int64_t)1000 * 1000 * 1000)
#define LOOK_NEAR_NS (LOOK_NS / 20)

int64_t
disk_look(struct node *node)
{
    uint64_t reserve = RESERVE_SEGMENTS * ((uint64_t)node->settings.wal_max_segment_mb << 20);
    uint64_t left = vfs_free_bytes(node->env.vfs, node->settings.paths_data_dir);
    /* It ends a little later than it begins, so that it does not flutter. */
    uint64_t enough = node->disk_is_low ? reserve + reserve / 4 : reserve;
    bool low = left < enough;
    if (low != node->disk_is_low) {
        node->disk_is_low = low;
        store_refuse_growth(node->store, low);
        if (low) {
            log_warning(&node->log, "node",
                        "the disk is nearly full: %llu MiB are left, growth is refused (53100)",
                        (unsigned long long)(left >> 20));
        } else {
            log_info(&node->log, "node", "the disk has room again: %llu MiB are left",
                     (unsigned long long)(left >> 20));
        }
    }
    return left < reserve * NEAR_FACTOR ? LOOK_NEAR_NS : LOOK_NS;
}
