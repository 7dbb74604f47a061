/* vfs.h: files, real or simulated.
 *
 * Promises: vfs_sync() returns OK only when file content (and the size needed to read it) is on
 *           stable storage; vfs_sync_dir() the same for names. Nothing else is durable.
 * Does not: retry. A failed sync means that this file's unsynced writes are lost: the caller
 *           latches damage (docs/rules.md, "Damage").
 * Owns:     a vfs_file owns its descriptor until vfs_close().
 * Thread:   any; one file may be read and written by several threads at different offsets.
 * Fails:    STATUS_IO, STATUS_LIMIT (disk full, 53100), STATUS_NOT_FOUND.
 * See:      tests/lib/sim_vfs.h for the simulated disk.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/status.h"
#include <stdint.h>
#include <sys/uio.h>

struct vfs_file {
    struct vfs *vfs;
};

enum vfs_open_flags {
    VFS_READ = 1,
    VFS_WRITE = 2,
    VFS_CREATE = 4,    /* if missing */
    VFS_EXCLUSIVE = 8, /* with CREATE: fails when it is there */
};

struct vfs {
    const struct vfs_ops *ops;
};

/* Called once for each name in a directory, "." and ".." left out, in sorted order. */
typedef void (*vfs_name_fn)(void *arg, const char *name);

struct vfs_ops {
    enum status (*open)(struct vfs *, const char *path, unsigned flags, struct vfs_file **out,
                        struct diag *);
    void (*close)(struct vfs_file *);
    enum status (*read)(struct vfs_file *, uint64_t offset, void *data, size_t size,
                        size_t *size_out, struct diag *);
    /* As read, but STATUS_AGAIN where it would wait for the device; NULL: it always would. */
    enum status (*read_cached)(struct vfs_file *, uint64_t offset, void *data, size_t size,
                               size_t *size_out, struct diag *);
    enum status (*write)(struct vfs_file *, uint64_t offset, const struct iovec *parts,
                         unsigned part_count, struct diag *);
    enum status (*sync)(struct vfs_file *, struct diag *);
    enum status (*truncate)(struct vfs_file *, uint64_t size, struct diag *);
    enum status (*allocate)(struct vfs_file *, uint64_t offset, uint64_t size, struct diag *);
    enum status (*punch)(struct vfs_file *, uint64_t offset, uint64_t size, struct diag *);
    enum status (*size)(struct vfs_file *, uint64_t *size_out, struct diag *);
    enum status (*lock)(struct vfs_file *, struct diag *);
    enum status (*make_dir)(struct vfs *, const char *path, struct diag *);
    enum status (*list)(struct vfs *, const char *path, vfs_name_fn, void *arg, struct diag *);
    enum status (*rename)(struct vfs *, const char *from, const char *to, struct diag *);
    enum status (*remove)(struct vfs *, const char *path, struct diag *);
    enum status (*sync_dir)(struct vfs *, const char *path, struct diag *);
    /* Of the file system that holds the path; NULL: there is no end to it. */
    enum status (*free_bytes)(struct vfs *, const char *path, uint64_t *bytes_out);
};

/* The machine's file system; a constant. */
struct vfs *vfs_system(void);

/* What a file system has left for us; UINT64_MAX where that cannot be known. */
uint64_t vfs_free_bytes(struct vfs *vfs, const char *path);

MUST_CHECK enum status vfs_open(struct vfs *vfs, const char *path, unsigned flags,
                                struct vfs_file **file_out, struct diag *diag);
void vfs_close(struct vfs_file *file); /* takes file; NULL is fine */
/* Reads all of `size` bytes; a short file is STATUS_CORRUPT. */
MUST_CHECK enum status vfs_read(struct vfs_file *file, uint64_t offset, void *data, size_t size,
                                struct diag *diag);
/* As vfs_read() if that needs no waiting, else STATUS_AGAIN; what is wrong with the file is
 * left to vfs_read() to find. */
MUST_CHECK enum status vfs_read_cached(struct vfs_file *file, uint64_t offset, void *data,
                                       size_t size);
/* Reads up to `size` bytes; fewer only at the end of the file. */
MUST_CHECK enum status vfs_read_some(struct vfs_file *file, uint64_t offset, void *data,
                                     size_t size, size_t *size_out, struct diag *diag);
MUST_CHECK enum status vfs_write(struct vfs_file *file, uint64_t offset, const void *data,
                                 size_t size, struct diag *diag);
MUST_CHECK enum status vfs_write_parts(struct vfs_file *file, uint64_t offset,
                                       const struct iovec *parts, unsigned part_count,
                                       struct diag *diag);
MUST_CHECK enum status vfs_sync(struct vfs_file *file, struct diag *diag);
MUST_CHECK enum status vfs_truncate(struct vfs_file *file, uint64_t size, struct diag *diag);
/* Reserves space; it reads as zeros. The size grows if need be. */
MUST_CHECK enum status vfs_allocate(struct vfs_file *file, uint64_t offset, uint64_t size,
                                    struct diag *diag);
/* Gives space back to the file system; it reads as zeros. */
MUST_CHECK enum status vfs_punch(struct vfs_file *file, uint64_t offset, uint64_t size,
                                 struct diag *diag);
MUST_CHECK enum status vfs_size(struct vfs_file *file, uint64_t *size_out, struct diag *diag);
/* Holds the file against other processes until closed; STATUS_CONFLICT if another holds it. */
MUST_CHECK enum status vfs_lock(struct vfs_file *file, struct diag *diag);
MUST_CHECK enum status vfs_make_dir(struct vfs *vfs, const char *path,
                                    struct diag *diag); /* fine if it is there */
MUST_CHECK enum status vfs_list(struct vfs *vfs, const char *path, vfs_name_fn each, void *arg,
                                struct diag *diag);
MUST_CHECK enum status vfs_rename(struct vfs *vfs, const char *from, const char *to,
                                  struct diag *diag);
MUST_CHECK enum status vfs_remove(struct vfs *vfs, const char *path, struct diag *diag);
MUST_CHECK enum status vfs_sync_dir(struct vfs *vfs, const char *path, struct diag *diag);
/* Writes a whole small file durably and atomically: temporary name, sync, rename, sync_dir. */
MUST_CHECK enum status vfs_write_file(struct vfs *vfs, const char *dir, const char *name,
                                      const void *data, size_t size, struct diag *diag);
