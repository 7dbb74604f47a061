/* vfs_system.c: the machine's file system behind vfs.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "base/vfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct system_file {
    struct vfs_file base;
    int fd;
};

static int
fd_of(struct vfs_file *file)
{
    return CONTAINER_OF(file, struct system_file, base)->fd;
}

static enum status
system_open(struct vfs *vfs, const char *path, unsigned flags, struct vfs_file **out,
            struct diag *diag)
{
    int mode = (flags & VFS_WRITE) != 0 ? O_RDWR : O_RDONLY;
    mode |= (flags & VFS_CREATE) != 0 ? O_CREAT : 0;
    mode |= (flags & VFS_EXCLUSIVE) != 0 ? O_EXCL : 0;
    int fd = open(path, mode | O_CLOEXEC, 0640);
    if (fd < 0) {
        return diag_errno(diag, errno, "open \"%s\"", path);
    }
    struct system_file *file = calloc(1, sizeof(*file));
    ASSERT(file != NULL);
    file->base.vfs = vfs;
    file->fd = fd;
    *out = &file->base;
    return STATUS_OK;
}

static void
system_close(struct vfs_file *file)
{
    close(fd_of(file));
    free(CONTAINER_OF(file, struct system_file, base));
}

static enum status
system_read(struct vfs_file *file, uint64_t offset, void *data, size_t size, size_t *size_out,
            struct diag *diag)
{
    while (*size_out < size) {
        ssize_t got = pread(fd_of(file), (char *)data + *size_out, size - *size_out,
                            (off_t)(offset + *size_out));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return diag_errno(diag, errno, "read %zu bytes at offset %llu", size,
                              (unsigned long long)offset);
        }
        if (got == 0) {
            break;
        }
        *size_out += (size_t)got;
    }
    return STATUS_OK;
}

/* A file system that cannot tell says so with an error: then it counts as waiting. */
static enum status
system_read_cached(struct vfs_file *file, uint64_t offset, void *data, size_t size,
                   size_t *size_out, struct diag *diag)
{
    UNUSED(diag);
    struct iovec part = {.iov_base = data, .iov_len = size};
    ssize_t got = preadv2(fd_of(file), &part, 1, (off_t)offset, RWF_NOWAIT);
    *size_out = got > 0 ? (size_t)got : 0;
    return got >= 0 ? STATUS_OK : STATUS_AGAIN;
}

/* Writes parts[0..count) less the first `skip` bytes. */
static ssize_t
write_from(int fd, uint64_t offset, const struct iovec *parts, unsigned count, size_t skip)
{
    struct iovec rest[16];
    unsigned used = 0;
    size_t passed = 0;
    for (unsigned i = 0; i < count && used < ARRAY_SIZE(rest); i++) {
        size_t cut = skip > passed ? MIN(skip - passed, parts[i].iov_len) : 0;
        passed += parts[i].iov_len;
        if (cut < parts[i].iov_len) {
            rest[used].iov_base = (char *)parts[i].iov_base + cut;
            rest[used++].iov_len = parts[i].iov_len - cut;
        }
    }
    return pwritev(fd, rest, (int)used, (off_t)(offset + skip));
}

static enum status
system_write(struct vfs_file *file, uint64_t offset, const struct iovec *parts,
             unsigned part_count, struct diag *diag)
{
    size_t total = 0;
    for (unsigned i = 0; i < part_count; i++) {
        total += parts[i].iov_len;
    }
    for (size_t done = 0; done < total;) {
        ssize_t wrote = write_from(fd_of(file), offset, parts, part_count, done);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return diag_errno(diag, wrote == 0 ? ENOSPC : errno,
                              "write %zu bytes at offset %llu", total,
                              (unsigned long long)offset);
        }
        done += (size_t)wrote;
    }
    return STATUS_OK;
}

static enum status
system_sync(struct vfs_file *file, struct diag *diag)
{
    return fdatasync(fd_of(file)) == 0 ? STATUS_OK : diag_errno(diag, errno, "sync a file");
}

static enum status
system_truncate(struct vfs_file *file, uint64_t size, struct diag *diag)
{
    return ftruncate(fd_of(file), (off_t)size) == 0
               ? STATUS_OK
               : diag_errno(diag, errno, "truncate a file to %llu bytes",
                            (unsigned long long)size);
}

static enum status
system_allocate(struct vfs_file *file, uint64_t offset, uint64_t size, struct diag *diag)
{
    int rc = posix_fallocate(fd_of(file), (off_t)offset, (off_t)size);
    return rc == 0 ? STATUS_OK
                   : diag_errno(diag, rc, "allocate %llu bytes", (unsigned long long)size);
}

static enum status
system_punch(struct vfs_file *file, uint64_t offset, uint64_t size, struct diag *diag)
{
    int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    if (fallocate(fd_of(file), mode, (off_t)offset, (off_t)size) == 0 || errno == EOPNOTSUPP) {
        return STATUS_OK; /* where the file system cannot, the space is reused by us all the
                             same */
    }
    return diag_errno(diag, errno, "free %llu bytes", (unsigned long long)size);
}

static enum status
system_size(struct vfs_file *file, uint64_t *size_out, struct diag *diag)
{
    struct stat info;
    if (fstat(fd_of(file), &info) != 0) {
        return diag_errno(diag, errno, "find the size of a file");
    }
    *size_out = (uint64_t)info.st_size;
    return STATUS_OK;
}

static enum status
system_lock(struct vfs_file *file, struct diag *diag)
{
    if (flock(fd_of(file), LOCK_EX | LOCK_NB) == 0) {
        return STATUS_OK;
    }
    if (errno == EWOULDBLOCK) {
        return diag_fail(diag, STATUS_CONFLICT, SQLSTATE_LOCK_FILE_EXISTS,
                         "another process holds the lock file");
    }
    return diag_errno(diag, errno, "lock a file");
}

static enum status
system_make_dir(struct vfs *vfs, const char *path, struct diag *diag)
{
    UNUSED(vfs);
    if (mkdir(path, 0750) == 0 || errno == EEXIST) {
        return STATUS_OK;
    }
    return diag_errno(diag, errno, "create directory \"%s\"", path);
}

static int
visible_name(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int
by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static enum status
system_list(struct vfs *vfs, const char *path, vfs_name_fn each, void *arg, struct diag *diag)
{
    UNUSED(vfs);
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, visible_name, by_bytes);
    if (count < 0) {
        return diag_errno(diag, errno, "list directory \"%s\"", path);
    }
    for (int i = 0; i < count; i++) {
        each(arg, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return STATUS_OK;
}

static enum status
system_rename(struct vfs *vfs, const char *from, const char *to, struct diag *diag)
{
    UNUSED(vfs);
    return rename(from, to) == 0 ? STATUS_OK
                                 : diag_errno(diag, errno, "rename \"%s\" to \"%s\"", from, to);
}

static enum status
system_remove(struct vfs *vfs, const char *path, struct diag *diag)
{
    UNUSED(vfs);
    return remove(path) == 0 ? STATUS_OK : diag_errno(diag, errno, "remove \"%s\"", path);
}

static enum status
system_sync_dir(struct vfs *vfs, const char *path, struct diag *diag)
{
    UNUSED(vfs);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return diag_errno(diag, errno, "open directory \"%s\"", path);
    }
    int rc = fsync(fd);
    int error_no = errno;
    close(fd);
    return rc == 0 ? STATUS_OK : diag_errno(diag, error_no, "sync directory \"%s\"", path);
}

static enum status
system_free_bytes(struct vfs *vfs, const char *path, uint64_t *bytes_out)
{
    UNUSED(vfs);
    struct statvfs stat;
    if (statvfs(path, &stat) != 0) {
        return STATUS_IO;
    }
    *bytes_out = (uint64_t)stat.f_bavail * stat.f_frsize;
    return STATUS_OK;
}

struct vfs *
vfs_system(void)
{
    static const struct vfs_ops ops = {
        .open = system_open,
        .close = system_close,
        .read = system_read,
        .read_cached = system_read_cached,
        .write = system_write,
        .sync = system_sync,
        .truncate = system_truncate,
        .allocate = system_allocate,
        .punch = system_punch,
        .size = system_size,
        .lock = system_lock,
        .make_dir = system_make_dir,
        .list = system_list,
        .rename = system_rename,
        .remove = system_remove,
        .sync_dir = system_sync_dir,
        .free_bytes = system_free_bytes,
    };
    static struct vfs system = {.ops = &ops}; /* stateless */
    return &system;
}
