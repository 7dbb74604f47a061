/* sim_vfs.h: a disk in memory behind base/vfs.h that can lose power.
 *
 * Promises: reads see every write. A power loss keeps what was synced; of each write, size
 *           change and name change that was not synced, the seed decides: kept, lost, or (a
 *           write) torn at sectors of 512 bytes, each alone. vfs_sync() covers a file's content
 *           and size, vfs_sync_dir() the names in one directory (not the directory's own name:
 *           that is its parent's), as they are when it is called: what is changed while it runs
 *           is not covered. A name that is lost loses its file; a lost directory all in
 *           it. Equal seed and equal calls give equal outcomes.
 *           After a sync that failed, the writes it covered stay readable but are never
 *           durable, as on Linux.
 * Does not: take time. Directories "", ".", and "/" are there; others are made by
 *           vfs_make_dir().
 * Owns:     all content. Handles that are open at a power loss answer STATUS_IO until closed.
 * Thread:   any (one lock); deterministic only with calls in a fixed order.
 * Fails:    STATUS_IO while the power is off and where a failure was ordered; 53100 above the
 *           byte limit; STATUS_NOT_FOUND, STATUS_CONFLICT as the real one.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/vfs.h"

struct sim_vfs;

#define SIM_SECTOR_BYTES 512

/* What a power loss does to changes that were not synced. */
enum sim_loss {
    SIM_LOSS_BY_SEED, /* each kept, lost or torn */
    SIM_LOSS_ALL,     /* all lost */
    SIM_LOSS_NONE,    /* all kept: as if only the process died */
};

struct sim_vfs *sim_vfs_new(uint64_t seed);
void sim_vfs_delete(struct sim_vfs *sim); /* takes sim; every handle was closed. NULL is fine */
/* To put into struct env. */
struct vfs *sim_vfs_base(struct sim_vfs *sim);

/* ---- power ---- */
void sim_vfs_set_loss(struct sim_vfs *sim, enum sim_loss loss); /* SIM_LOSS_BY_SEED at first */
/* The power goes when the `count`-th sync from now (of a file or a directory, 1 = the next) is
 * asked for, before it takes effect. 0: never. */
void sim_vfs_crash_at_sync(struct sim_vfs *sim, uint64_t count);
/* The same for the `count`-th write (content, truncate, allocate, punch or name change). */
void sim_vfs_crash_at_write(struct sim_vfs *sim, uint64_t count);
/* Now. Fine when it is off already. */
void sim_vfs_power_off(struct sim_vfs *sim);
bool sim_vfs_is_off(struct sim_vfs *sim);
/* New handles work again; orders for crashes and failures are forgotten. */
void sim_vfs_power_on(struct sim_vfs *sim);

/* ---- failures: the `count`-th from now answers STATUS_IO, once (0: never) ---- */
void sim_vfs_fail_write(struct sim_vfs *sim, uint64_t count);
void sim_vfs_fail_sync(struct sim_vfs *sim, uint64_t count);
void sim_vfs_fail_read(struct sim_vfs *sim, uint64_t count);
/* Content beyond `bytes` in all files together is refused with 53100 (UINT64_MAX: no limit).
 * Holes do not count. */
void sim_vfs_limit(struct sim_vfs *sim, uint64_t bytes);
/* Damages bytes of a file as a bad sector would: flips every bit of the range, durably. */
void sim_vfs_corrupt(struct sim_vfs *sim, const char *path, uint64_t offset, uint64_t size);

/* Calls `before` ahead of each content write, on the thread that writes and without our lock,
 * so that a test of one thread can act in the middle of things. NULL: no more. */
void sim_vfs_on_write(struct sim_vfs *sim, void (*before)(void *arg), void *arg);

/* Calls `before` ahead of each operation, as above: for a world in which disks take time.
 * Opening is one where it may make the file; what only asks (size, names, locks) is none. */
enum sim_operation_kind { SIM_OPERATION_READ, SIM_OPERATION_WRITE, SIM_OPERATION_SYNC };
struct sim_operation {
    enum sim_operation_kind kind; /* size and name changes are writes */
    uint64_t offset, size;
    uint64_t hash; /* of what is written */
};
typedef void (*sim_operation_fn)(void *arg, const struct sim_operation *operation);
void sim_vfs_on_operation(struct sim_vfs *sim, sim_operation_fn before, void *arg);

/* ---- observers ---- */
uint64_t sim_vfs_sync_count(struct sim_vfs *sim);     /* since sim_vfs_new() */
uint64_t sim_vfs_write_count(struct sim_vfs *sim);    /* since sim_vfs_new() */
uint64_t sim_vfs_used_bytes(struct sim_vfs *sim);     /* of all files, holes left out */
uint64_t sim_vfs_unsynced_count(struct sim_vfs *sim); /* changes that a power loss could take */
