/* sim_vfs.c: life of the simulated disk, orders to it, observers. See sim_vfs.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/sim_vfs_internal.h"

#include <stdlib.h>

struct sim_vfs *
sim_vfs_new(uint64_t seed)
{
    struct sim_vfs *sim = calloc(1, sizeof(*sim));
    ASSERT(sim != NULL);
    sim->base.ops = &disk__ops;
    mutex_init(&sim->mu, LOCK_RANK_LEAF);
    rng_seed(&sim->rng, seed);
    sim->limit_bytes = UINT64_MAX;
    list_init(&sim->inodes);
    list_init(&sim->name_changes);
    return sim;
}

void
sim_vfs_delete(struct sim_vfs *sim)
{
    if (sim == NULL) {
        return;
    }
    LIST_EACH(it, &sim->name_changes)
    {
        disk__free_name_change(LIST_ITEM(it, struct name_change, link));
    }
    LIST_EACH(it, &sim->inodes)
    {
        struct inode *inode = LIST_ITEM(it, struct inode, link);
        ASSERT(inode->handle_count == 0);
        disk__delete_inode(inode);
    }
    disk__clear_names(&sim->now);
    disk__clear_names(&sim->durable);
    mutex_deinit(&sim->mu);
    free(sim);
}

struct vfs *
sim_vfs_base(struct sim_vfs *sim)
{
    return &sim->base;
}

void
sim_vfs_power_off(struct sim_vfs *sim)
{
    mutex_lock(&sim->mu);
    disk__power_off(sim);
    mutex_unlock(&sim->mu);
}

void
sim_vfs_power_on(struct sim_vfs *sim)
{
    mutex_lock(&sim->mu);
    sim->off = false;
    sim->crash_sync = sim->crash_write = 0;
    sim->fail_write = sim->fail_sync = sim->fail_read = 0;
    mutex_unlock(&sim->mu);
}

static uint64_t
get_locked(struct sim_vfs *sim, const uint64_t *at)
{
    mutex_lock(&sim->mu);
    uint64_t value = *at;
    mutex_unlock(&sim->mu);
    return value;
}

static void
set_locked(struct sim_vfs *sim, uint64_t *at, uint64_t value)
{
    mutex_lock(&sim->mu);
    *at = value;
    mutex_unlock(&sim->mu);
}

bool
sim_vfs_is_off(struct sim_vfs *sim)
{
    mutex_lock(&sim->mu);
    bool off = sim->off;
    mutex_unlock(&sim->mu);
    return off;
}

void
sim_vfs_set_loss(struct sim_vfs *sim, enum sim_loss loss)
{
    mutex_lock(&sim->mu);
    sim->loss = loss;
    mutex_unlock(&sim->mu);
}

void
sim_vfs_crash_at_sync(struct sim_vfs *sim, uint64_t count)
{
    set_locked(sim, &sim->crash_sync, count);
}

void
sim_vfs_crash_at_write(struct sim_vfs *sim, uint64_t count)
{
    set_locked(sim, &sim->crash_write, count);
}

void
sim_vfs_fail_write(struct sim_vfs *sim, uint64_t count)
{
    set_locked(sim, &sim->fail_write, count);
}

void
sim_vfs_fail_sync(struct sim_vfs *sim, uint64_t count)
{
    set_locked(sim, &sim->fail_sync, count);
}

void
sim_vfs_fail_read(struct sim_vfs *sim, uint64_t count)
{
    set_locked(sim, &sim->fail_read, count);
}

void
sim_vfs_limit(struct sim_vfs *sim, uint64_t bytes)
{
    set_locked(sim, &sim->limit_bytes, bytes);
}

void
sim_vfs_on_write(struct sim_vfs *sim, void (*before)(void *arg), void *arg)
{
    sim->before_write = before;
    sim->before_arg = arg;
}

void
sim_vfs_on_operation(struct sim_vfs *sim, sim_operation_fn before, void *arg)
{
    sim->before_operation = before;
    sim->operation_arg = arg;
}

static void
flip_bits(struct sim_content *content, uint64_t offset, uint64_t size)
{
    for (uint64_t at = offset; at < offset + size; at++) {
        uint8_t byte = 0;
        if (sim_content_read(content, at, &byte, 1) == 1) {
            byte = (uint8_t)~byte;
            sim_content_write(content, at, &byte, 1);
        }
    }
}

void
sim_vfs_corrupt(struct sim_vfs *sim, const char *path, uint64_t offset, uint64_t size)
{
    char *clean = disk__clean_path(path);
    mutex_lock(&sim->mu);
    struct name *name = disk__find_name(&sim->now, clean);
    ASSERT(name != NULL);
    flip_bits(&name->inode->now, offset, size);
    flip_bits(&name->inode->durable, offset, size);
    mutex_unlock(&sim->mu);
    free(clean);
}

uint64_t
sim_vfs_sync_count(struct sim_vfs *sim)
{
    return get_locked(sim, &sim->sync_count);
}

uint64_t
sim_vfs_write_count(struct sim_vfs *sim)
{
    return get_locked(sim, &sim->write_count);
}

uint64_t
sim_vfs_used_bytes(struct sim_vfs *sim)
{
    mutex_lock(&sim->mu);
    uint64_t used = disk__used_bytes(sim);
    mutex_unlock(&sim->mu);
    return used;
}

uint64_t
sim_vfs_unsynced_count(struct sim_vfs *sim)
{
    uint64_t count = 0;
    mutex_lock(&sim->mu);
    LIST_EACH(it, &sim->name_changes)
    {
        count++;
    }
    LIST_EACH(it, &sim->inodes)
    {
        LIST_EACH(other, &LIST_ITEM(it, struct inode, link)->changes)
        {
            count++;
        }
    }
    mutex_unlock(&sim->mu);
    return count;
}
