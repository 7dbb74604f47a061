/* sim_vfs_internal.h: the parts of the simulated disk, for sim_vfs*.c only.
 *
 *   sim_vfs.c         life, orders, observers
 *   sim_vfs_calls.c   what base/vfs.h asks for
 *   sim_vfs_names.c   paths, and names that are durable or not yet
 *   sim_vfs_power.c   changes of content, and what a power loss makes of them
 *
 * Every file has two contents: `now`, which reads see, and `durable`. A change goes to `now`
 * and is noted in the file's list; a sync replays the list on `durable`; a power loss replays
 * of it what the seed keeps, then `now` becomes a copy of `durable`. Names work the same way,
 * with one list for the whole disk, for a rename may touch two directories.
 * Thread:   all functions but those of sim_vfs.h are called under the disk's lock.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/list.h"
#include "base/lock.h"
#include "base/rng.h"
#include "tests/lib/sim_content.h"
#include "tests/lib/sim_vfs.h"

enum change_kind { CHANGE_WRITE, CHANGE_RESIZE, CHANGE_RESERVE, CHANGE_PUNCH };

struct change { /* of content, not synced */
    struct list link;
    uint64_t no;
    enum change_kind kind;
    uint64_t offset, size;
    uint8_t *data; /* of a write */
};

struct inode {
    struct list link; /* in sim_vfs.inodes, in the order of making */
    bool is_dir;
    unsigned handle_count;
    struct sim_content now, durable;
    struct list changes;
    struct sim_file *lock_holder;
};

struct name {
    char *path;
    struct inode *inode;
};

struct names {
    struct name *items;
    size_t count, capacity;
};

struct name_change { /* not synced */
    struct list link;
    uint64_t no;
    char *from, *to; /* from NULL: made; to NULL: removed; both: renamed */
    struct inode *inode;
};

struct sim_file {
    struct vfs_file base;
    struct inode *inode;
    uint64_t boot; /* dead when the disk has another */
    bool may_write;
};

struct sim_vfs {
    struct vfs base;
    struct mutex mu; /* guards all below */
    struct rng rng;
    enum sim_loss loss;
    bool off;
    uint64_t boot;
    uint64_t crash_sync, crash_write, fail_write, fail_sync, fail_read; /* counts; 0: never */
    uint64_t limit_bytes;
    uint64_t sync_count, write_count;
    uint64_t change_no; /* of the newest change of content or names */
    struct list inodes, name_changes;
    struct names now, durable;
    void (*before_write)(void *arg); /* set before threads start */
    void *before_arg;
    sim_operation_fn before_operation; /* set before threads start */
    void *operation_arg;
};

/* ---- sim_vfs_calls.c ---- */
extern const struct vfs_ops disk__ops;

/* ---- sim_vfs_names.c ---- */
char *disk__copy_text(const char *text);  /* the caller frees */
char *disk__clean_path(const char *path); /* without doubled slashes; the caller frees */
bool disk__is_root(const char *path);
bool disk__lies_in(const char *path, const char *dir);
struct name *disk__find_name(struct names *names, const char *path);
void disk__set_name(struct names *names, const char *path, struct inode *inode);
void disk__unset_name(struct names *names, const char *path);
void disk__clear_names(struct names *names);
bool disk__dir_exists(struct names *names, const char *path);
bool disk__parent_exists(struct names *names, const char *path);
void disk__note_name_change(struct sim_vfs *sim, const char *from, const char *to,
                            struct inode *inode);
void disk__free_name_change(struct name_change *change);
void disk__make_name_durable(struct sim_vfs *sim, const struct name_change *change);
/* Durable names whose directory is not durable are lost with it. */
void disk__drop_orphans(struct sim_vfs *sim);

/* ---- sim_vfs_power.c ---- */
void disk__apply_change(struct sim_content *content, const struct change *change);
void disk__free_change(struct change *change);
/* Changes with numbers up to that one become durable, or are dropped. */
void disk__take_changes(struct inode *inode, uint64_t up_to, bool durable);
struct inode *disk__new_inode(struct sim_vfs *sim, bool is_dir);
void disk__delete_inode(struct inode *inode);
bool disk__inode_needed(struct sim_vfs *sim, const struct inode *inode);
/* Deletes those that no name, handle or change needs. */
void disk__collect_inodes(struct sim_vfs *sim);
void disk__power_off(struct sim_vfs *sim);
uint64_t disk__used_bytes(struct sim_vfs *sim);
