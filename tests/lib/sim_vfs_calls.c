/* sim_vfs_calls.c: what base/vfs.h asks of the simulated disk. See sim_vfs.h for the promise.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "base/hash.h"
#include "tests/lib/sim_vfs_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
        disk__power_off(sim);
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
        disk__power_off(sim);
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

/* ---- the calls ---- */

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
    struct name *name = disk__find_name(&sim->now, path);
    if (name != NULL) {
        *inode_out = name->inode;
        if (name->inode->is_dir || (flags & VFS_EXCLUSIVE) != 0) {
            return diag_errno(diag, name->inode->is_dir ? EISDIR : EEXIST, "open \"%s\"", path);
        }
        return STATUS_OK;
    }
    if ((flags & VFS_CREATE) == 0 || !disk__parent_exists(&sim->now, path)) {
        return diag_errno(diag, ENOENT, "open \"%s\"", path);
    }
    TRY(admit_write(sim, diag));
    *inode_out = disk__new_inode(sim, false);
    disk__set_name(&sim->now, path, *inode_out);
    disk__note_name_change(sim, NULL, path, *inode_out);
    return STATUS_OK;
}

static enum status
sim_open(struct vfs *vfs, const char *path, unsigned flags, struct vfs_file **out,
         struct diag *diag)
{
    struct sim_vfs *sim = sim_of(vfs);
    struct sim_file *file = calloc(1, sizeof(*file));
    ASSERT(file != NULL);
    char *clean = disk__clean_path(path);
    if ((flags & VFS_CREATE) != 0) {
        announce(sim, SIM_OPERATION_WRITE, 3, slice_from_text(clean));
    }
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
    if (!disk__inode_needed(sim, file->inode)) {
        disk__delete_inode(file->inode);
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

static enum status
check_space(struct sim_vfs *sim, const struct inode *inode, const struct change *change,
            struct diag *diag)
{
    if (sim->limit_bytes == UINT64_MAX ||
        (change->kind != CHANGE_WRITE && change->kind != CHANGE_RESERVE)) {
        return STATUS_OK;
    }
    uint64_t growth = sim_content_growth(&inode->now, change->offset, change->size);
    bool fits =
        growth == 0 || disk__used_bytes(sim) + growth * SIM_CHUNK_BYTES <= sim->limit_bytes;
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
        disk__apply_change(&file->inode->now, change);
        change->no = ++sim->change_no;
        list_push_back(&file->inode->changes, &change->link);
    }
    mutex_unlock(&sim->mu);
    if (status != STATUS_OK) {
        disk__free_change(change);
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

/* A sync covers what was changed before it was asked for: what comes while the disk works at
 * it may be lost. */
static uint64_t
newest_change(struct sim_vfs *sim)
{
    mutex_lock(&sim->mu);
    uint64_t no = sim->change_no;
    mutex_unlock(&sim->mu);
    return no;
}

static enum status
sim_sync(struct vfs_file *base, struct diag *diag)
{
    struct sim_file *file = file_of(base);
    struct sim_vfs *sim = sim_of(base->vfs);
    bool fail = false;
    uint64_t covered = newest_change(sim);
    announce(sim, SIM_OPERATION_SYNC, 0, slice_make(NULL, 0));
    mutex_lock(&sim->mu);
    enum status status = admit_handle(sim, file, diag);
    if (status == STATUS_OK) {
        status = admit_sync(sim, &fail, diag);
    }
    if (status == STATUS_OK) { /* failed: readable still, durable never */
        disk__take_changes(file->inode, covered, !fail);
        status = fail ? diag_errno(diag, EIO, "sync a file (an ordered failure)") : STATUS_OK;
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
    if (disk__is_root(path) || disk__find_name(&sim->now, path) != NULL) {
        return STATUS_OK;
    }
    if (!disk__parent_exists(&sim->now, path)) {
        return diag_errno(diag, ENOENT, "create directory \"%s\"", path);
    }
    TRY(admit_write(sim, diag));
    struct inode *inode = disk__new_inode(sim, true);
    disk__set_name(&sim->now, path, inode);
    disk__note_name_change(sim, NULL, path, inode);
    return STATUS_OK;
}

static enum status
sim_make_dir(struct vfs *vfs, const char *path, struct diag *diag)
{
    struct sim_vfs *sim = sim_of(vfs);
    char *clean = disk__clean_path(path);
    announce(sim, SIM_OPERATION_WRITE, 4, slice_from_text(clean));
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
        if (disk__lies_in(path, dir)) {
            found[count++] = disk__copy_text(slash == NULL ? path : slash + 1);
        }
    }
    qsort(found, count, sizeof(*found), by_text);
    return count;
}

static enum status
sim_list(struct vfs *vfs, const char *path, vfs_name_fn each, void *arg, struct diag *diag)
{
    struct sim_vfs *sim = sim_of(vfs);
    char *clean = disk__clean_path(path);
    mutex_lock(&sim->mu);
    char **found = calloc(sim->now.count + 1, sizeof(*found));
    ASSERT(found != NULL);
    size_t count = 0;
    enum status status = refuse_off(sim, diag);
    if (status == STATUS_OK && !disk__dir_exists(&sim->now, clean)) {
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
    struct name *name = disk__find_name(&sim->now, from);
    if (name == NULL || (to != NULL && !disk__parent_exists(&sim->now, to))) {
        return diag_errno(diag, ENOENT, "%s \"%s\"", to == NULL ? "remove" : "rename", from);
    }
    ASSERT(to == NULL || !name->inode->is_dir); /* renaming directories is not simulated */
    for (size_t i = 0; name->inode->is_dir && i < sim->now.count; i++) {
        if (disk__lies_in(sim->now.items[i].path, from)) {
            return diag_errno(diag, ENOTEMPTY, "remove \"%s\"", from);
        }
    }
    struct inode *inode = name->inode;
    TRY(admit_write(sim, diag));
    disk__unset_name(&sim->now, from);
    if (to != NULL) {
        disk__set_name(&sim->now, to, inode);
    }
    disk__note_name_change(sim, from, to, inode);
    return STATUS_OK;
}

static enum status
sim_rename(struct vfs *vfs, const char *from, const char *to, struct diag *diag)
{
    struct sim_vfs *sim = sim_of(vfs);
    char *clean_from = disk__clean_path(from), *clean_to = disk__clean_path(to);
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
    char *clean = disk__clean_path(path);
    announce(sim, SIM_OPERATION_WRITE, 2, slice_from_text(clean));
    mutex_lock(&sim->mu);
    enum status status = move_locked(sim, clean, NULL, diag);
    mutex_unlock(&sim->mu);
    free(clean);
    return status;
}

static enum status
sync_dir_locked(struct sim_vfs *sim, const char *dir, uint64_t covered, struct diag *diag)
{
    bool fail = false;
    TRY(admit_sync(sim, &fail, diag));
    if (!disk__dir_exists(&sim->now, dir)) {
        return diag_errno(diag, ENOENT, "open directory \"%s\"", dir);
    }
    if (fail) {
        return diag_errno(diag, EIO, "sync directory \"%s\" (an ordered failure)", dir);
    }
    LIST_EACH(it, &sim->name_changes)
    {
        struct name_change *change = LIST_ITEM(it, struct name_change, link);
        bool here = (change->from != NULL && disk__lies_in(change->from, dir)) ||
                    (change->to != NULL && disk__lies_in(change->to, dir));
        if (here && change->no <= covered) {
            disk__make_name_durable(sim, change);
            disk__free_name_change(change);
        }
    }
    disk__collect_inodes(sim);
    return STATUS_OK;
}

static enum status
sim_sync_dir(struct vfs *vfs, const char *path, struct diag *diag)
{
    struct sim_vfs *sim = sim_of(vfs);
    char *clean = disk__clean_path(path);
    uint64_t covered = newest_change(sim);
    announce(sim, SIM_OPERATION_SYNC, 1, slice_make(NULL, 0));
    mutex_lock(&sim->mu);
    enum status status = sync_dir_locked(sim, clean, covered, diag);
    mutex_unlock(&sim->mu);
    free(clean);
    return status;
}

const struct vfs_ops disk__ops = {
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
