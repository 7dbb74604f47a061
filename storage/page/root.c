/* root.c: see root.h. SPDX-License-Identifier: Apache-2.0 */
#include "storage/page/root.h"
#include "base/codec.h"
#include "base/crc.h"
#include "base/errors.h"
#include "storage/page/page_format.h"

#include <stdio.h>
#include <string.h>

#define ROOT_MAGIC 0x54524452u /* "RDRT" */
#define ROOT_FORMAT 1u
#define ROOT_BYTES 512u   /* of a record: one sector, so that it is written whole or not */
#define BLOCK_BYTES 4096u /* from one record to the next */
#define BLOCK_COUNT 4u

enum block_state { BLOCK_UNREADABLE, BLOCK_VOID, BLOCK_LIVE };

struct block {
    enum block_state state;
    struct root_record record;
};

static void
encode(const struct root_record *record, enum block_state state, uint8_t *at)
{
    memset(at, 0, ROOT_BYTES);
    put_u32(at, ROOT_MAGIC);
    put_u16(at + 4, ROOT_FORMAT);
    put_u16(at + 6, (uint16_t)state);
    put_u64(at + 8, record->sequence);
    put_u64(at + 16, record->epoch);
    put_u64(at + 24, record->applied_index);
    put_u64(at + 32, record->applied_term);
    put_u32(at + 40, record->page_size);
    put_u32(at + 44, record->next_space_id);
    put_u64(at + 48, record->directory_bytes);
    put_u64(at + 56, record->meta_bytes);
    put_u32(at + 64, record->directory.slot);
    put_u32(at + 68, record->directory.sum);
    put_u32(at + 72, record->meta.slot);
    put_u32(at + 76, record->meta.sum);
    put_u32(at + ROOT_BYTES - 4, crc32c(0, at, ROOT_BYTES - 4));
}

static struct block
decode(const uint8_t *at)
{
    struct block block = {.state = BLOCK_UNREADABLE};
    uint16_t state = get_u16(at + 6);
    if (get_u32(at) != ROOT_MAGIC || get_u16(at + 4) != ROOT_FORMAT ||
        get_u32(at + ROOT_BYTES - 4) != crc32c(0, at, ROOT_BYTES - 4) ||
        (state != BLOCK_VOID && state != BLOCK_LIVE)) {
        return block;
    }
    block.state = (enum block_state)state;
    block.record = (struct root_record){
        .sequence = get_u64(at + 8),
        .epoch = get_u64(at + 16),
        .applied_index = get_u64(at + 24),
        .applied_term = get_u64(at + 32),
        .page_size = get_u32(at + 40),
        .next_space_id = get_u32(at + 44),
        .directory_bytes = get_u64(at + 48),
        .meta_bytes = get_u64(at + 56),
        .directory = {.slot = get_u32(at + 64), .sum = get_u32(at + 68)},
        .meta = {.slot = get_u32(at + 72), .sum = get_u32(at + 76)},
    };
    return block;
}

/* A sector that cannot be read is as good as one with a wrong checksum: the other copy counts.
 */
static struct block
read_block(struct vfs_file *file, unsigned i)
{
    uint8_t image[ROOT_BYTES] = {0};
    struct block none = {.state = BLOCK_UNREADABLE};
    return vfs_read(file, (uint64_t)i * BLOCK_BYTES, image, sizeof(image), NULL) == STATUS_OK
               ? decode(image)
               : none;
}

struct name_search {
    bool root, slots;
};

static void
note_name(void *arg, const char *name)
{
    struct name_search *search = arg;
    search->root = search->root || strcmp(name, "root") == 0;
    search->slots = search->slots || strncmp(name, "slots.", 6) == 0;
}

/* A root file of void blocks, whole or not at all; slot files are made after it. */
static enum status
create_file(struct vfs *vfs, const char *dir, uint32_t page_size, struct diag *diag)
{
    uint8_t image[BLOCK_COUNT * BLOCK_BYTES] = {0};
    struct root_record none = {.page_size = page_size};
    for (unsigned i = 0; i < BLOCK_COUNT; i++) {
        encode(&none, BLOCK_VOID, image + i * BLOCK_BYTES);
    }
    return vfs_write_file(vfs, dir, "root", image, sizeof(image), diag);
}

static enum status
find_or_create(struct vfs *vfs, const char *dir, uint32_t page_size, struct diag *diag)
{
    struct name_search search = {0};
    TRY(vfs_list(vfs, dir, note_name, &search, diag));
    if (search.root) {
        return STATUS_OK;
    }
    if (search.slots) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "\"%s\" has slot files but no root: nothing says what they hold", dir);
    }
    return create_file(vfs, dir, page_size, diag);
}

/* The newest live root, if the other pair allows to trust it. */
static enum status
choose(const struct block *blocks, struct root_record *record_out, bool *found_out,
       struct diag *diag)
{
    const struct block *newest = NULL;
    uint64_t void_sequence = 0;
    bool pair_lost = false;
    for (unsigned i = 0; i < BLOCK_COUNT; i++) {
        if (blocks[i].state == BLOCK_LIVE &&
            (newest == NULL || blocks[i].record.sequence > newest->record.sequence)) {
            newest = &blocks[i];
        }
        if (blocks[i].state == BLOCK_VOID) {
            void_sequence = MAX(void_sequence, blocks[i].record.sequence);
        }
    }
    for (unsigned i = 0; i < BLOCK_COUNT; i += 2) {
        pair_lost = pair_lost || (blocks[i].state == BLOCK_UNREADABLE &&
                                  blocks[i + 1].state == BLOCK_UNREADABLE);
    }
    *found_out = newest != NULL;
    if (newest != NULL && newest->record.sequence > void_sequence) {
        *record_out = newest->record;
        return STATUS_OK;
    }
    if (newest == NULL && void_sequence == 0 && !pair_lost) {
        return STATUS_OK; /* new: no checkpoint was completed yet */
    }
    return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                     "no copy of the newest checkpoint root can be read (root %llu is void)",
                     (unsigned long long)void_sequence);
}

enum status
root_open(struct root_file *root, struct vfs *vfs, const char *dir, uint32_t page_size,
          struct root_record *record_out, bool *found_out, struct diag *diag)
{
    char path[4096];
    struct block blocks[BLOCK_COUNT];
    memset(root, 0, sizeof(*root));
    memset(record_out, 0, sizeof(*record_out));
    *found_out = false;
    TRY(find_or_create(vfs, dir, page_size, diag));
    int length = snprintf(path, sizeof(path), "%s/root", dir);
    ASSERT(length > 0 && (size_t)length < sizeof(path));
    TRY(vfs_open(vfs, path, VFS_READ | VFS_WRITE, &root->file, diag));
    root->page_size = page_size;
    for (unsigned i = 0; i < BLOCK_COUNT; i++) {
        blocks[i] = read_block(root->file, i);
    }
    enum status status = choose(blocks, record_out, found_out, diag);
    if (status == STATUS_OK && *found_out && record_out->page_size != page_size) {
        status = diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                           "pages are of %u bytes here, not %u: the size is fixed when a data "
                           "directory is made",
                           record_out->page_size, page_size);
    }
    if (status != STATUS_OK) {
        root_close(root);
    }
    return status;
}

void
root_close(struct root_file *root)
{
    vfs_close(root->file);
    root->file = NULL;
}

static enum status
write_pair(struct root_file *root, const struct root_record *record, enum block_state state,
           struct diag *diag)
{
    uint8_t image[ROOT_BYTES];
    uint64_t pair = (record->sequence % 2) * 2 * BLOCK_BYTES;
    encode(record, state, image);
    TRY(vfs_write(root->file, pair, image, sizeof(image), diag));
    TRY(vfs_write(root->file, pair + BLOCK_BYTES, image, sizeof(image), diag));
    return vfs_sync(root->file, diag);
}

enum status
root_write(struct root_file *root, const struct root_record *record, struct diag *diag)
{
    ASSERT(record->sequence > 0 && record->page_size == root->page_size);
    return write_pair(root, record, BLOCK_LIVE, diag);
}

enum status
root_void(struct root_file *root, uint64_t sequence, struct diag *diag)
{
    struct root_record record = {.sequence = sequence, .page_size = root->page_size};
    return write_pair(root, &record, BLOCK_VOID, diag);
}
