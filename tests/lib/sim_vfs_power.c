/* sim_vfs_power.c: changes that are not synced, and what a power loss makes of them. See
 * sim_vfs_internal.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/sim_vfs_internal.h"

#include <stdlib.h>

void
disk__apply_change(struct sim_content *content, const struct change *change)
{
    switch (change->kind) {
    case CHANGE_WRITE:
        sim_content_write(content, change->offset, change->data, change->size);
        break;
    case CHANGE_RESIZE:
        sim_content_resize(content, change->size);
        break;
    case CHANGE_RESERVE:
        sim_content_reserve(content, change->offset, change->size);
        break;
    case CHANGE_PUNCH:
        sim_content_punch(content, change->offset, change->size);
        break;
    }
}

void
disk__free_change(struct change *change)
{
    list_remove(&change->link);
    free(change->data);
    free(change);
}

void
disk__take_changes(struct inode *inode, uint64_t up_to, bool durable)
{
    LIST_EACH(it, &inode->changes)
    {
        struct change *change = LIST_ITEM(it, struct change, link);
        if (change->no > up_to) {
            break;
        }
        if (durable) {
            disk__apply_change(&inode->durable, change);
        }
        disk__free_change(change);
    }
}

/* Each sector of the write is there or not, by a coin each. */
static void
apply_torn(struct sim_vfs *sim, struct sim_content *content, const struct change *change)
{
    uint64_t end = change->offset + change->size;
    for (uint64_t at = change->offset; at < end;) {
        uint64_t next = MIN(end, (at / SIM_SECTOR_BYTES + 1) * SIM_SECTOR_BYTES);
        if (rng_below(&sim->rng, 2) == 0) {
            sim_content_write(content, at, change->data + (at - change->offset),
                              (size_t)(next - at));
        }
        at = next;
    }
}

static void
settle_inode(struct sim_vfs *sim, struct inode *inode)
{
    LIST_EACH(it, &inode->changes)
    {
        struct change *change = LIST_ITEM(it, struct change, link);
        uint64_t fate = sim->loss == SIM_LOSS_ALL    ? 1
                        : sim->loss == SIM_LOSS_NONE ? 0
                                                     : rng_below(&sim->rng, 3);
        if (fate == 0) {
            disk__apply_change(&inode->durable, change);
        } else if (fate == 2 && change->kind == CHANGE_WRITE) {
            apply_torn(sim, &inode->durable, change);
        }
        disk__free_change(change);
    }
    sim_content_copy(&inode->now, &inode->durable);
    inode->lock_holder = NULL;
}

/* ---- inodes ---- */

struct inode *
disk__new_inode(struct sim_vfs *sim, bool is_dir)
{
    struct inode *inode = calloc(1, sizeof(*inode));
    ASSERT(inode != NULL);
    inode->is_dir = is_dir;
    list_init(&inode->changes);
    list_push_back(&sim->inodes, &inode->link);
    return inode;
}

void
disk__delete_inode(struct inode *inode)
{
    list_remove(&inode->link);
    disk__take_changes(inode, UINT64_MAX, false);
    sim_content_free(&inode->now);
    sim_content_free(&inode->durable);
    free(inode);
}

static bool
names_hold(const struct names *names, const struct inode *inode)
{
    for (size_t i = 0; i < names->count; i++) {
        if (names->items[i].inode == inode) {
            return true;
        }
    }
    return false;
}

bool
disk__inode_needed(struct sim_vfs *sim, const struct inode *inode)
{
    if (inode->handle_count > 0 || names_hold(&sim->now, inode) ||
        names_hold(&sim->durable, inode)) {
        return true;
    }
    LIST_EACH(it, &sim->name_changes)
    {
        if (LIST_ITEM(it, struct name_change, link)->inode == inode) {
            return true;
        }
    }
    return false;
}

void
disk__collect_inodes(struct sim_vfs *sim)
{
    LIST_EACH(it, &sim->inodes)
    {
        struct inode *inode = LIST_ITEM(it, struct inode, link);
        if (!disk__inode_needed(sim, inode)) {
            disk__delete_inode(inode);
        }
    }
}

/* ---- power ---- */

void
disk__power_off(struct sim_vfs *sim)
{
    if (sim->off) {
        return;
    }
    sim->off = true;
    sim->boot++;
    LIST_EACH(it, &sim->name_changes)
    {
        struct name_change *change = LIST_ITEM(it, struct name_change, link);
        if (sim->loss == SIM_LOSS_NONE ||
            (sim->loss == SIM_LOSS_BY_SEED && rng_below(&sim->rng, 2) == 0)) {
            disk__make_name_durable(sim, change);
        }
        disk__free_name_change(change);
    }
    disk__drop_orphans(sim);
    LIST_EACH(it, &sim->inodes)
    {
        settle_inode(sim, LIST_ITEM(it, struct inode, link));
    }
    disk__clear_names(&sim->now);
    for (size_t i = 0; i < sim->durable.count; i++) {
        disk__set_name(&sim->now, sim->durable.items[i].path, sim->durable.items[i].inode);
    }
    disk__collect_inodes(sim);
}

uint64_t
disk__used_bytes(struct sim_vfs *sim)
{
    uint64_t used = 0;
    LIST_EACH(it, &sim->inodes)
    {
        used += LIST_ITEM(it, struct inode, link)->now.used_count;
    }
    return used * SIM_CHUNK_BYTES;
}
