/* sim_vfs.c: the simulated disk. See sim_vfs.h for the promise.
 *
 * Every file has two contents: `now`, which reads see, and `durable`. A change goes to `now`
 * and is noted in the file's list; a sync replays the list on `durable`; a power loss replays
 * of it what the seed keeps, then `now` becomes a copy of `durable`. Names work the same way,
 * with one list for the whole disk, for a rename may touch two directories.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/sim_vfs.h"
#include "base/errors.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/lock.h"
#include "base/rng.h"
#include "tests/lib/sim_content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum change_kind { CHANGE_WRITE, CHANGE_RESIZE, CHANGE_RESERVE, CHANGE_PUNCH };

struct change { /* of content, not synced */
    struct list link;
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
    struct list inodes, name_changes;
    struct names now, durable;
    void (*before_write)(void *arg); /* set before threads start */
    void *before_arg;
    sim_operation_fn before_operation; /* set before threads start */
    void *operation_arg;
};

/* ---- names ---- */

static struct name *
find_name(struct names *names, const char *path)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i].path, path) == 0) {
            return &names->items[i];
        }
    }
    return NULL;
}

static char *
copy_text(const char *text)
{
    char *copy = strdup(text);
    ASSERT(copy != NULL);
    return copy;
}

static void
set_name(struct names *names, const char *path, struct inode *inode)
{
    struct name *old = find_name(names, path);
    if (old != NULL) {
        old->inode = inode;
        return;
    }
    if (names->count == names->capacity) {
        names->capacity = MAX(names->capacity * 2, 16);
        names->items = realloc(names->items, names->capacity * sizeof(*names->items));
        ASSERT(names->items != NULL);
    }
    names->items[names->count++] = (struct name){.path = copy_text(path), .inode = inode};
}

static void
unset_name(struct names *names, const char *path)
{
    struct name *old = find_name(names, path);
    if (old != NULL) {
        free(old->path);
        *old = names->items[--names->count];
    }
}

static void
clear_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i].path);
    }
    free(names->items);
    memset(names, 0, sizeof(*names));
}

/* The directory of a path: "" for "x", "/" for "/x". The caller frees. */
static char *
parent_of(const char *path)
{
    char *parent = copy_text(path);
    char *slash = strrchr(parent, '/');
    if (slash == NULL) {
        *parent = 0;
    } else {
        slash[slash == parent ? 1 : 0] = 0;
    }
    return parent;
}

static bool
is_root(const char *path)
{
    return strcmp(path, "") == 0 || strcmp(path, ".") == 0 || strcmp(path, "/") == 0;
}

static bool
dir_exists(struct names *names, const char *path)
{
    struct name *name = find_name(names, path);
    return is_root(path) || (name != NULL && name->inode->is_dir);
}

static bool
parent_exists(struct names *names, const char *path)
{
    char *parent = parent_of(path);
    bool exists = dir_exists(names, parent);
    free(parent);
    return exists;
}

static bool
lies_in(const char *path, const char *dir)
{
    char *parent = parent_of(path);
    bool same = strcmp(parent, dir) == 0 || (is_root(parent) && is_root(dir));
    free(parent);
    return same;
}

/* A copy without slashes at its end and double ones inside. The caller frees. */
static char *
clean_path(const char *path)
{
    char *clean = copy_text(path);
    char *to = clean;
    for (const char *from = path; *from != 0; from++) {
        if (*from != '/' || to == clean || to[-1] != '/') {
            *to++ = *from;
        }
    }
    if (to > clean + 1 && to[-1] == '/') {
        to--;
    }
    *to = 0;
    return clean;
}

static void
note_name_change(struct sim_vfs *sim, const char *from, const char *to, struct inode *inode)
{
    struct name_change *change = calloc(1, sizeof(*change));
    ASSERT(change != NULL);
    change->from = from == NULL ? NULL : copy_text(from);
    change->to = to == NULL ? NULL : copy_text(to);
    change->inode = inode;
    list_push_back(&sim->name_changes, &change->link);
}

static void
free_name_change(struct name_change *change)
{
    list_remove(&change->link);
    free(change->from);
    free(change->to);
    free(change);
}

static void
make_name_durable(struct sim_vfs *sim, const struct name_change *change)
{
    if (change->from != NULL) {
        struct name *old = find_name(&sim->durable, change->from);
        if (old == NULL || old->inode != change->inode) {
            return; /* that name never became durable */
        }
        unset_name(&sim->durable, change->from);
    }
    if (change->to != NULL) {
        set_name(&sim->durable, change->to, change->inode);
    }
}

/* ---- content ---- */

static void
apply_change(struct sim_content *content, const struct change *change)
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

static void
free_change(struct change *change)
{
    list_remove(&change->link);
    free(change->data);
    free(change);
}

static void
drop_changes(struct inode *inode)
{
    LIST_EACH(it, &inode->changes)
    {
        free_change(LIST_ITEM(it, struct change, link));
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
            apply_change(&inode->durable, change);
        } else if (fate == 2 && change->kind == CHANGE_WRITE) {
            apply_torn(sim, &inode->durable, change);
        }
        free_change(change);
    }
    sim_content_copy(&inode->now, &inode->durable);
    inode->lock_holder = NULL;
}

/* ---- inodes ---- */

static struct inode *
new_inode(struct sim_vfs *sim, bool is_dir)
{
    struct inode *inode = calloc(1, sizeof(*inode));
    ASSERT(inode != NULL);
    inode->is_dir = is_dir;
    list_init(&inode->changes);
    list_push_back(&sim->inodes, &inode->link);
    return inode;
}

static void
delete_inode(struct inode *inode)
{
    list_remove(&inode->link);
    drop_changes(inode);
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

static bool
inode_needed(struct sim_vfs *sim, const struct inode *inode)
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

static void
collect_inodes(struct sim_vfs *sim)
{
    LIST_EACH(it, &sim->inodes)
    {
        struct inode *inode = LIST_ITEM(it, struct inode, link);
        if (!inode_needed(sim, inode)) {
            delete_inode(inode);
        }
    }
}

/* ---- power ---- */

/* Names whose directory is not durable are lost with it. */
static void
drop_orphans(struct sim_vfs *sim)
{
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < sim->durable.count && !again; i++) {
            if (!parent_exists(&sim->durable, sim->durable.items[i].path)) {
                unset_name(&sim->durable, sim->durable.items[i].path);
                again = true;
            }
        }
    }
}

static void
power_off(struct sim_vfs *sim)
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
            make_name_durable(sim, change);
        }
        free_name_change(change);
    }
    drop_orphans(sim);
    LIST_EACH(it, &sim->inodes)
    {
        settle_inode(sim, LIST_ITEM(it, struct inode, link));
    }
    clear_names(&sim->now);
    for (size_t i = 0; i < sim->durable.count; i++) {
        set_name(&sim->now, sim->durable.items[i].path, sim->durable.items[i].inode);
    }
    collect_inodes(sim);
}

/* Counts an ordered event down; true when it is due. */
static bool
due(uint64_t *count)
{
    return *count > 0 && --*count == 0;
}

/* Without our lock. */
static void
announce(struct sim_vfs *sim, enum sim_operation_kind kind, uint64_t offset, struct slice bytes)
{
    if (sim->before_operation != NULL) {
        struct sim_operation operation = {
            .kind = kind, .offset = offset, .size = bytes.size, .hash = 0};
        if (bytes.data != NULL) {
            operation.hash = hash64(bytes, bytes.size);
        }
        sim->before_operation(sim->operation_arg, &operation);
    }
}

static enum status
refuse_off(struct sim_vfs *sim, struct diag *diag)
{
    return sim->off ? diag_errno(diag, EIO, "reach the disk (power is off)") : STATUS_OK;
}

static enum status
admit_write(struct sim_vfs *sim, struct diag *diag)
{
    TRY(refuse_off(sim, diag));
    sim->write_count++;
    if (due(&sim->crash_write)) {
        power_off(sim);
    }
    TRY(refuse_off(sim, diag));
    return due(&sim->fail_write) ? diag_errno(diag, EIO, "write (an ordered failure)")
                                 : STATUS_OK;
}

static enum status
admit_sync(struct sim_vfs *sim, bool *fail_out, struct diag *diag)
{
    TRY(refuse_off(sim, diag));
    sim->sync_count++;
    if (due(&sim->crash_sync)) {
        power_off(sim);
    }
    *fail_out = due(&sim->fail_sync);
    return refuse_off(sim, diag);
}

static enum status
admit_handle(struct sim_vfs *sim, const struct sim_file *file, struct diag *diag)
{
    TRY(refuse_off(sim, diag));
    return file->boot == sim->boot
               ? STATUS_OK
               : diag_errno(diag, EIO, "use a file opened before the crash");
}

/* ---- the table of calls ---- */

static struct sim_vfs *
sim_of(struct vfs *vfs)
{
    return CONTAINER_OF(vfs, struct sim_vfs, base);
}

static struct sim_file *
file_of(struct vfs_file *file)
{
    return CONTAINER_OF(file, struct sim_file, base);
}

static enum status
find_or_make(struct sim_vfs *sim, const char *path, unsigned flags, struct inode **inode_out,
             struct diag *diag)
{
    TRY(refuse_off(sim, diag));
    struct name *name = find_name(&sim->now, path);
    if (name != NULL) {
        *inode_out = name->inode;
        if (name->inode->is_dir || (flags & VFS_EXCLUSIVE) != 0) {
            return diag_errno(diag, name->inode->is_dir ? EISDIR : EEXIST, "open \"%s\"", path);
        }
        return STATUS_OK;
    }
    if ((flags & VFS_CREATE) == 0 || !parent_exists(&sim->now, path)) {
        return diag_errno(diag, ENOENT, "open \"%s\"", path);
    }
    TRY(admit_write(sim, diag));
    *inode_out = new_inode(sim, false);
    set_name(&sim->now, path, *inode_out);
    note_name_change(sim, NULL, path, *inode_out);
    return STATUS_OK;
}

static enum status
sim_open(struct vfs *vfs, const char *path, unsigned flags, struct vfs_file **out,
         struct diag *diag)
{
    struct sim_vfs *sim = sim_of(vfs);
    struct sim_file *file = calloc(1, sizeof(*file));
    ASSERT(file != NULL);
    char *clean = clean_path(path);
    mutex_lock(&sim->mu);
    enum status status = find_or_make(sim, clean, flags, &file->inode, diag);
    if (status == STATUS_OK) {
        file->base.vfs = vfs;
        file->boot = sim->boot;
        file->may_write = (flags & VFS_WRITE) != 0;
        file->inode->handle_count++;
    }
    mutex_unlock(&sim->mu);
    free(clean);
    if (status == STATUS_OK) {
        *out = &file->base;
    } else {
        free(file);
    }
    return status;
}

static void
sim_close(struct vfs_file *base)
{
    struct sim_file *file = file_of(base);
    struct sim_vfs *sim = sim_of(base->vfs);
    mutex_lock(&sim->mu);
    if (file->inode->lock_holder == file) {
        file->inode->lock_holder = NULL;
    }
    file->inode->handle_count--;
    if (!inode_needed(sim, file->inode)) {
        delete_inode(file->inode);
    }
    mutex_unlock(&sim->mu);
    free(file);
}

static enum status
sim_read(struct vfs_file *base, uint64_t offset, void *data, size_t size, size_t *size_out,
         struct diag *diag)
{
    struct sim_file *file = file_of(base);
    struct sim_vfs *sim = sim_of(base->vfs);
    announce(sim, SIM_OPERATION_READ, offset, slice_make(NULL, size));
    mutex_lock(&sim->mu);
    enum status status = admit_handle(sim, file, diag);
    if (status == STATUS_OK && due(&sim->fail_read)) {
        status = diag_errno(diag, EIO, "read (an ordered failure)");
    }
    if (status == STATUS_OK) {
        *size_out = sim_content_read(&file->inode->now, offset, data, size);
    }
    mutex_unlock(&sim->mu);
    return status;
}

static uint64_t
used_bytes(struct sim_vfs *sim)
{
    uint64_t used = 0;
    LIST_EACH(it, &sim->inodes)
    {
        used += LIST_ITEM(it, struct inode, link)->now.used_count;
    }
    return used * SIM_CHUNK_BYTES;
}

static enum status
check_space(struct sim_vfs *sim, const struct inode *inode, const struct change *change,
            struct diag *diag)
{
    if (sim->limit_bytes == UINT64_MAX ||
        (change->kind != CHANGE_WRITE && change->kind != CHANGE_RESERVE)) {
        return STATUS_OK;
    }
    uint64_t growth = sim_content_growth(&inode->now, change->offset, change->size);
    bool fits = growth == 0 || used_bytes(sim) + growth * SIM_CHUNK_BYTES <= sim->limit_bytes;
    return fits ? STATUS_OK : diag_errno(diag, ENOSPC, "write to the simulated disk");
}

/* Takes `change` (and its data). */
static enum status
change_content(struct vfs_file *base, struct change *change, struct diag *diag)
{
    struct sim_file *file = file_of(base);
    struct sim_vfs *sim = sim_of(base->vfs);
    ASSERT(file->may_write);
    list_init(&change->link);
    announce(sim, SIM_OPERATION_WRITE, change->offset, slice_make(change->data, change->size));
    mutex_lock(&sim->mu);
    enum status status = admit_handle(sim, file, diag);
    if (status == STATUS_OK) {
        status = admit_write(sim, diag);
    }
    if (status == STATUS_OK) {
        status = check_space(sim, file->inode, change, diag);
    }
    if (status == STATUS_OK) {
        apply_change(&file->inode->now, change);
        list_push_back(&file->inode->changes, &change->link);
    }
    mutex_unlock(&sim->mu);
    if (status != STATUS_OK) {
        free_change(change);
    }
    return status;
}

static struct change *
new_change(enum change_kind kind, uint64_t offset, uint64_t size)
{
    struct change *change = calloc(1, sizeof(*change));
    ASSERT(change != NULL);
    change->kind = kind;
    change->offset = offset;
    change->size = size;
    return change;
}

static enum status
sim_write(struct vfs_file *base, uint64_t offset, const struct iovec *parts,
          unsigned part_count, struct diag *diag)
{
    struct sim_vfs *sim = sim_of(base->vfs);
    if (sim->before_write != NULL) {
        sim->before_write(sim->before_arg);
    }
    size_t size = 0;
    for (unsigned i = 0; i < part_count; i++) {
        size += parts[i].iov_len;
    }
    struct change *change = new_change(CHANGE_WRITE, offset, size);
    change->data = malloc(MAX(size, (size_t)1));
    ASSERT(change->data != NULL);
    size_t done = 0;
    for (unsigned i = 0; i < part_count; i++) {
        if (parts[i].iov_len > 0) {
            memcpy(change->data + done, parts[i].iov_base, parts[i].iov_len);
            done += parts[i].iov_len;
        }
    }
    return change_content(base, change, diag);
}

static enum status
sim_truncate(struct vfs_file *base, uint64_t size, struct diag *diag)
{
    return change_content(base, new_change(CHANGE_RESIZE, 0, size), diag);
}

static enum status
sim_allocate(struct vfs_file *base, uint64_t offset, uint64_t size, struct diag *diag)
{
    return change_content(base, new_change(CHANGE_RESERVE, offset, size), diag);
}

static enum status
sim_punch(struct vfs_file *base, uint64_t offset, uint64_t size, struct diag *diag)
{
    return change_content(base, new_change(CHANGE_PUNCH, offset, size), diag);
}

static enum status
sim_sync(struct vfs_file *base, struct diag *diag)
{
    struct sim_file *file = file_of(base);
    struct sim_vfs *sim = sim_of(base->vfs);
    bool fail = false;
    announce(sim, SIM_OPERATION_SYNC, 0, slice_make(NULL, 0));
    mutex_lock(&sim->mu);
    enum status status = admit_handle(sim, file, diag);
    if (status == STATUS_OK) {
        status = admit_sync(sim, &fail, diag);
    }
    if (status == STATUS_OK && fail) {
        drop_changes(file->inode); /* readable still, durable never */
        status = diag_errno(diag, EIO, "sync a file (an ordered failure)");
    }
    if (status == STATUS_OK) {
        LIST_EACH(it, &file->inode->changes)
        {
            struct change *change = LIST_ITEM(it, struct change, link);
            apply_change(&file->inode->durable, change);
            free_change(change);
        }
    }
    mutex_unlock(&sim->mu);
    return status;
}

static enum status
sim_size(struct vfs_file *base, uint64_t *size_out, struct diag *diag)
{
    struct sim_file *file = file_of(base);
    struct sim_vfs *sim = sim_of(base->vfs);
    mutex_lock(&sim->mu);
    enum status status = admit_handle(sim, file, diag);
    if (status == STATUS_OK) {
        *size_out = file->inode->now.size;
    }
    mutex_unlock(&sim->mu);
    return status;
}

static enum status
sim_lock(struct vfs_file *base, struct diag *diag)
{
    struct sim_file *file = file_of(base);
    struct sim_vfs *sim = sim_of(base->vfs);
    mutex_lock(&sim->mu);
    enum status status = admit_handle(sim, file, diag);
    if (status == STATUS_OK && file->inode->lock_holder != NULL &&
        file->inode->lock_holder != file) {
        status = diag_fail(diag, STATUS_CONFLICT, SQLSTATE_LOCK_FILE_EXISTS,
                           "another process holds the lock file");
    }
    if (status == STATUS_OK) {
        file->inode->lock_holder = file;
    }
    mutex_unlock(&sim->mu);
    return status;
}

static enum status
make_dir_locked(struct sim_vfs *sim, const char *path, struct diag *diag)
{
    TRY(refuse_off(sim, diag));
    if (is_root(path) || find_name(&sim->now, path) != NULL) {
        return STATUS_OK;
    }
    if (!parent_exists(&sim->now, path)) {
        return diag_errno(diag, ENOENT, "create directory \"%s\"", path);
    }
    TRY(admit_write(sim, diag));
    struct inode *inode = new_inode(sim, true);
    set_name(&sim->now, path, inode);
    note_name_change(sim, NULL, path, inode);
    return STATUS_OK;
}

static enum status
sim_make_dir(struct vfs *vfs, const char *path, struct diag *diag)
{
    struct sim_vfs *sim = sim_of(vfs);
    char *clean = clean_path(path);
    mutex_lock(&sim->mu);
    enum status status = make_dir_locked(sim, clean, diag);
    mutex_unlock(&sim->mu);
    free(clean);
    return status;
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in `dir`, sorted, so that the callback runs without our lock. */
static size_t
collect_list(struct sim_vfs *sim, const char *dir, char **found)
{
    size_t count = 0;
    for (size_t i = 0; i < sim->now.count; i++) {
        const char *path = sim->now.items[i].path;
        const char *slash = strrchr(path, '/');
        if (lies_in(path, dir)) {
            found[count++] = copy_text(slash == NULL ? path : slash + 1);
        }
    }
    qsort(found, count, sizeof(*found), by_text);
    return count;
}

static enum status
sim_list(struct vfs *vfs, const char *path, vfs_name_fn each, void *arg, struct diag *diag)
{
    struct sim_vfs *sim = sim_of(vfs);
    char *clean = clean_path(path);
    mutex_lock(&sim->mu);
    char **found = calloc(sim->now.count + 1, sizeof(*found));
    ASSERT(found != NULL);
    size_t count = 0;
    enum status status = refuse_off(sim, diag);
    if (status == STATUS_OK && !dir_exists(&sim->now, clean)) {
        status = diag_errno(diag, ENOENT, "list directory \"%s\"", path);
    }
    if (status == STATUS_OK) {
        count = collect_list(sim, clean, found);
    }
    mutex_unlock(&sim->mu);
    for (size_t i = 0; i < count; i++) {
        each(arg, found[i]);
        free(found[i]);
    }
    free(found);
    free(clean);
    return status;
}

/* `to` NULL: remove. */
static enum status
move_locked(struct sim_vfs *sim, const char *from, const char *to, struct diag *diag)
{
    TRY(refuse_off(sim, diag));
    struct name *name = find_name(&sim->now, from);
    if (name == NULL || (to != NULL && !parent_exists(&sim->now, to))) {
        return diag_errno(diag, ENOENT, "%s \"%s\"", to == NULL ? "remove" : "rename", from);
    }
    ASSERT(to == NULL || !name->inode->is_dir); /* renaming directories is not simulated */
    for (size_t i = 0; name->inode->is_dir && i < sim->now.count; i++) {
        if (lies_in(sim->now.items[i].path, from)) {
            return diag_errno(diag, ENOTEMPTY, "remove \"%s\"", from);
        }
    }
    struct inode *inode = name->inode;
    TRY(admit_write(sim, diag));
    unset_name(&sim->now, from);
    if (to != NULL) {
        set_name(&sim->now, to, inode);
    }
    note_name_change(sim, from, to, inode);
    return STATUS_OK;
}

static enum status
sim_rename(struct vfs *vfs, const char *from, const char *to, struct diag *diag)
{
    struct sim_vfs *sim = sim_of(vfs);
    char *clean_from = clean_path(from), *clean_to = clean_path(to);
    announce(sim, SIM_OPERATION_WRITE, 1, slice_from_text(clean_to));
    mutex_lock(&sim->mu);
    enum status status = move_locked(sim, clean_from, clean_to, diag);
    mutex_unlock(&sim->mu);
    free(clean_from);
    free(clean_to);
    return status;
}

static enum status
sim_remove(struct vfs *vfs, const char *path, struct diag *diag)
{
    struct sim_vfs *sim = sim_of(vfs);
    char *clean = clean_path(path);
    announce(sim, SIM_OPERATION_WRITE, 2, slice_from_text(clean));
    mutex_lock(&sim->mu);
    enum status status = move_locked(sim, clean, NULL, diag);
    mutex_unlock(&sim->mu);
    free(clean);
    return status;
}

static enum status
sync_dir_locked(struct sim_vfs *sim, const char *dir, struct diag *diag)
{
    bool fail = false;
    TRY(admit_sync(sim, &fail, diag));
    if (!dir_exists(&sim->now, dir)) {
        return diag_errno(diag, ENOENT, "open directory \"%s\"", dir);
    }
    if (fail) {
        return diag_errno(diag, EIO, "sync directory \"%s\" (an ordered failure)", dir);
    }
    LIST_EACH(it, &sim->name_changes)
    {
        struct name_change *change = LIST_ITEM(it, struct name_change, link);
        if ((change->from != NULL && lies_in(change->from, dir)) ||
            (change->to != NULL && lies_in(change->to, dir))) {
            make_name_durable(sim, change);
            free_name_change(change);
        }
    }
    collect_inodes(sim);
    return STATUS_OK;
}

static enum status
sim_sync_dir(struct vfs *vfs, const char *path, struct diag *diag)
{
    struct sim_vfs *sim = sim_of(vfs);
    char *clean = clean_path(path);
    announce(sim, SIM_OPERATION_SYNC, 1, slice_make(NULL, 0));
    mutex_lock(&sim->mu);
    enum status status = sync_dir_locked(sim, clean, diag);
    mutex_unlock(&sim->mu);
    free(clean);
    return status;
}

static const struct vfs_ops sim_ops = {
    .open = sim_open,
    .close = sim_close,
    .read = sim_read,
    .write = sim_write,
    .sync = sim_sync,
    .truncate = sim_truncate,
    .allocate = sim_allocate,
    .punch = sim_punch,
    .size = sim_size,
    .lock = sim_lock,
    .make_dir = sim_make_dir,
    .list = sim_list,
    .rename = sim_rename,
    .remove = sim_remove,
    .sync_dir = sim_sync_dir,
};

/* ---- life, orders, observers ---- */

struct sim_vfs *
sim_vfs_new(uint64_t seed)
{
    struct sim_vfs *sim = calloc(1, sizeof(*sim));
    ASSERT(sim != NULL);
    sim->base.ops = &sim_ops;
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
        free_name_change(LIST_ITEM(it, struct name_change, link));
    }
    LIST_EACH(it, &sim->inodes)
    {
        struct inode *inode = LIST_ITEM(it, struct inode, link);
        ASSERT(inode->handle_count == 0);
        delete_inode(inode);
    }
    clear_names(&sim->now);
    clear_names(&sim->durable);
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
    power_off(sim);
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
    char *clean = clean_path(path);
    mutex_lock(&sim->mu);
    struct name *name = find_name(&sim->now, clean);
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
    uint64_t used = used_bytes(sim);
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
