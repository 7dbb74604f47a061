/* vfs.c: calls through the table, and what is the same for every kind of disk.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/vfs.h"
#include "base/errors.h"

#include <stdio.h>

#define PATH_MAX_BYTES 4096

enum status
vfs_open(struct vfs *vfs, const char *path, unsigned flags, struct vfs_file **file_out,
         struct diag *diag)
{
    *file_out = NULL;
    return vfs->ops->open(vfs, path, flags, file_out, diag);
}

void
vfs_close(struct vfs_file *file)
{
    if (file != NULL) {
        file->vfs->ops->close(file);
    }
}

enum status
vfs_read_some(struct vfs_file *file, uint64_t offset, void *data, size_t size, size_t *size_out,
              struct diag *diag)
{
    *size_out = 0;
    return file->vfs->ops->read(file, offset, data, size, size_out, diag);
}

enum status
vfs_read(struct vfs_file *file, uint64_t offset, void *data, size_t size, struct diag *diag)
{
    size_t got = 0;
    TRY(vfs_read_some(file, offset, data, size, &got, diag));
    if (got < size) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "file ends early: wanted %zu bytes at offset %llu, found %zu", size,
                         (unsigned long long)offset, got);
    }
    return STATUS_OK;
}

enum status
vfs_read_cached(struct vfs_file *file, uint64_t offset, void *data, size_t size)
{
    size_t got = 0;
    if (file->vfs->ops->read_cached == NULL) {
        return STATUS_AGAIN;
    }
    enum status status = file->vfs->ops->read_cached(file, offset, data, size, &got, NULL);
    return status == STATUS_OK && got == size ? STATUS_OK : STATUS_AGAIN;
}

enum status
vfs_write(struct vfs_file *file, uint64_t offset, const void *data, size_t size,
          struct diag *diag)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
    return vfs_write_parts(file, offset, &part, 1, diag);
}

enum status
vfs_write_parts(struct vfs_file *file, uint64_t offset, const struct iovec *parts,
                unsigned part_count, struct diag *diag)
{
    return file->vfs->ops->write(file, offset, parts, part_count, diag);
}

enum status
vfs_sync(struct vfs_file *file, struct diag *diag)
{
    return file->vfs->ops->sync(file, diag);
}

enum status
vfs_truncate(struct vfs_file *file, uint64_t size, struct diag *diag)
{
    return file->vfs->ops->truncate(file, size, diag);
}

enum status
vfs_allocate(struct vfs_file *file, uint64_t offset, uint64_t size, struct diag *diag)
{
    return file->vfs->ops->allocate(file, offset, size, diag);
}

enum status
vfs_punch(struct vfs_file *file, uint64_t offset, uint64_t size, struct diag *diag)
{
    return file->vfs->ops->punch(file, offset, size, diag);
}

enum status
vfs_size(struct vfs_file *file, uint64_t *size_out, struct diag *diag)
{
    *size_out = 0;
    return file->vfs->ops->size(file, size_out, diag);
}

enum status
vfs_lock(struct vfs_file *file, struct diag *diag)
{
    return file->vfs->ops->lock(file, diag);
}

enum status
vfs_make_dir(struct vfs *vfs, const char *path, struct diag *diag)
{
    return vfs->ops->make_dir(vfs, path, diag);
}

enum status
vfs_list(struct vfs *vfs, const char *path, vfs_name_fn each, void *arg, struct diag *diag)
{
    return vfs->ops->list(vfs, path, each, arg, diag);
}

enum status
vfs_rename(struct vfs *vfs, const char *from, const char *to, struct diag *diag)
{
    return vfs->ops->rename(vfs, from, to, diag);
}

enum status
vfs_remove(struct vfs *vfs, const char *path, struct diag *diag)
{
    return vfs->ops->remove(vfs, path, diag);
}

uint64_t
vfs_free_bytes(struct vfs *vfs, const char *path)
{
    uint64_t bytes = 0;
    return vfs->ops->free_bytes != NULL && vfs->ops->free_bytes(vfs, path, &bytes) == STATUS_OK
               ? bytes
               : UINT64_MAX;
}

enum status
vfs_sync_dir(struct vfs *vfs, const char *path, struct diag *diag)
{
    return vfs->ops->sync_dir(vfs, path, diag);
}

enum status
vfs_write_file(struct vfs *vfs, const char *dir, const char *name, const void *data,
               size_t size, struct diag *diag)
{
    char path[PATH_MAX_BYTES], temporary[PATH_MAX_BYTES];
    int length = snprintf(path, sizeof(path), "%s/%s", dir, name);
    int longer = snprintf(temporary, sizeof(temporary), "%s/%s.new", dir, name);
    if (length < 0 || longer < 0 || (size_t)longer >= sizeof(temporary)) {
        return diag_fail(diag, STATUS_LIMIT, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                         "path is too long: \"%s/%s\"", dir, name);
    }
    struct vfs_file *file = NULL;
    TRY(vfs_open(vfs, temporary, VFS_WRITE | VFS_CREATE, &file, diag));
    enum status status = vfs_truncate(file, 0, diag);
    if (status == STATUS_OK) {
        status = vfs_write(file, 0, data, size, diag);
    }
    if (status == STATUS_OK) {
        status = vfs_sync(file, diag);
    }
    vfs_close(file);
    TRY(status);
    TRY(vfs_rename(vfs, temporary, path, diag));
    return vfs_sync_dir(vfs, dir, diag);
}
