/* durable_file.c: see durable_file.h. SPDX-License-Identifier: Apache-2.0 */
#include "cluster/log/durable_file.h"
#include "base/codec.h"
#include "base/crc.h"
#include "base/errors.h"

#include <stdio.h>

#define PREFIX_BYTES 16U
#define CONTENT_BYTES_MAX ((size_t)1 << 20)
#define STATE_MAGIC "RDBSTAT1"

static uint32_t
checksum(const char *magic, struct slice content)
{
    uint8_t head[12];
    memcpy(head, magic, 8);
    put_u32(head + 8, (uint32_t)content.size);
    return crc32c(crc32c(0, head, sizeof(head)), content.data, content.size);
}

enum status
durable_file_write(struct vfs *vfs, const char *dir, const char *name, const char *magic,
                   struct slice content, struct diag *diag)
{
    struct buf bytes = BUF_EMPTY;
    ASSERT(content.size <= CONTENT_BYTES_MAX);
    buf_append(&bytes, magic, 8);
    buf_u32(&bytes, (uint32_t)content.size);
    buf_u32(&bytes, checksum(magic, content));
    buf_append(&bytes, content.data, content.size);
    enum status status = vfs_write_file(vfs, dir, name, bytes.data, bytes.size, diag);
    buf_deinit(&bytes);
    if (status != STATUS_OK) {
        diag_while(diag, "writing \"%s/%s\"", dir, name);
    }
    return status;
}

static enum status
read_all(struct vfs_file *file, const char *magic, struct buf *out, struct diag *diag)
{
    uint8_t prefix[PREFIX_BYTES];
    TRY(vfs_read(file, 0, prefix, sizeof(prefix), diag));
    size_t size = get_u32(prefix + 8);
    if (memcmp(prefix, magic, 8) != 0 || size > CONTENT_BYTES_MAX) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED, "not such a file");
    }
    TRY(vfs_read(file, PREFIX_BYTES, buf_extend(out, size), size, diag));
    if (get_u32(prefix + 12) != checksum(magic, buf_slice(out))) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED, "checksum is wrong");
    }
    return STATUS_OK;
}

enum status
durable_file_read(struct vfs *vfs, const char *dir, const char *name, const char *magic,
                  struct buf *content_out, struct diag *diag)
{
    char path[4096];
    struct diag quiet = {0}; /* a missing file is for the caller to judge */
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    buf_clear(content_out);
    struct vfs_file *file = NULL;
    enum status status = vfs_open(vfs, path, VFS_READ, &file, &quiet);
    if (status == STATUS_NOT_FOUND) {
        return status;
    }
    if (status != STATUS_OK) {
        return diag_fail(diag, status, quiet.sqlstate, "%s", quiet.message);
    }
    status = read_all(file, magic, content_out, diag);
    vfs_close(file);
    if (status != STATUS_OK) {
        diag_while(diag, "reading \"%s\"", path);
    }
    return status;
}

enum status
hard_state_write(struct vfs *vfs, const char *dir, const struct hard_state *state,
                 struct diag *diag)
{
    uint8_t bytes[16];
    put_u64(bytes, state->term);
    put_u64(bytes + 8, state->vote);
    return durable_file_write(vfs, dir, "state", STATE_MAGIC, slice_make(bytes, sizeof(bytes)),
                              diag);
}

enum status
hard_state_read(struct vfs *vfs, const char *dir, struct hard_state *state_out,
                struct diag *diag)
{
    struct buf bytes = BUF_EMPTY;
    *state_out = (struct hard_state){0};
    enum status status = durable_file_read(vfs, dir, "state", STATE_MAGIC, &bytes, diag);
    if (status == STATUS_OK && bytes.size != 16) {
        status = diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                           "\"%s/state\" has a wrong size", dir);
    }
    if (status == STATUS_OK) {
        state_out->term = get_u64(bytes.data);
        state_out->vote = get_u64(bytes.data + 8);
    }
    buf_deinit(&bytes);
    return status;
}
