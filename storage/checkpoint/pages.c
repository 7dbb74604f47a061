/* pages.c: opening, closing and observing; see storage/page/pages.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/codec.h"
#include "base/env.h"
#include "base/errors.h"
#include "base/log.h"
#include "storage/checkpoint/checkpoint_internal.h"

#include <stdlib.h>
#include <string.h>

#define POOL_PAGES_MIN 8u

static enum status
check_options(const struct pages_options *options, struct diag *diag)
{
    uint32_t size = options->page_size;
    if (size < PAGE_SIZE_MIN || size > PAGE_SIZE_MAX || (size & (size - 1)) != 0) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                         "page size %u is not a power of 2 from %u to %u", size, PAGE_SIZE_MIN,
                         PAGE_SIZE_MAX);
    }
    if (options->pool_pages < POOL_PAGES_MIN) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                         "a buffer pool of %u pages is too small, the least is %u",
                         options->pool_pages, POOL_PAGES_MIN);
    }
    return STATUS_OK;
}

/* Makes the directory and its name durable. */
static enum status
make_dir(const struct pages_options *options, struct diag *diag)
{
    TRY(vfs_make_dir(options->env->vfs, options->dir, diag));
    char *parent = strdup(options->dir);
    ASSERT(parent != NULL);
    size_t length = strlen(parent);
    while (length > 1 && parent[length - 1] == '/') {
        parent[--length] = 0;
    }
    char *slash = strrchr(parent, '/');
    if (slash != NULL) {
        slash[slash == parent ? 1 : 0] = 0;
    }
    enum status status = vfs_sync_dir(options->env->vfs, slash == NULL ? "." : parent, diag);
    free(parent);
    return status;
}

static struct pages *
new_pages(const struct pages_options *options)
{
    struct pages *pages = aligned_alloc(64, (sizeof(*pages) + 63) / 64 * 64);
    ASSERT(pages != NULL);
    memset(pages, 0, sizeof(*pages));
    pages->env = options->env;
    pages->options = *options;
    pages->options.dir = NULL;
    pages->dir = strdup(options->dir);
    ASSERT(pages->dir != NULL);
    pages->page_size = options->page_size;
    pages->aside_max = MAX(options->pool_pages / 4, 1u);
    slots_init(&pages->slots, options->env->vfs, pages->dir, options->page_size);
    spaces_init(&pages->spaces, &pages->slots, options->page_size);
    gate__init(&pages->gate);
    mutex_init(&pages->run_mu, LOCK_RANK_CHECKPOINT);
    cond_init(&pages->run_over);
    mutex_init(&pages->aside_mu, LOCK_RANK_LEAF);
    return pages;
}

static enum status
read_spaces(struct pages *pages, struct diag *diag)
{
    struct reader reader = reader_make(buf_slice(&pages->directory_bytes));
    mutex_lock(&pages->spaces.mu); /* for the callees' assertions: nobody else is here yet */
    enum status status = STATUS_OK;
    while (status == STATUS_OK && reader_left(&reader) >= DIRECTORY_ENTRY_BYTES) {
        uint32_t id = read_u32(&reader), page_count = read_u32(&reader);
        struct page_ref top = {.slot = read_u32(&reader)};
        top.sum = read_u32(&reader);
        if (id == 0 || id >= pages->spaces.next_id ||
            spaces_find_locked(&pages->spaces, id) != NULL) {
            status = diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                               "the directory of spaces names %u twice or out of range", id);
            break;
        }
        struct space *space = spaces_add_locked(&pages->spaces, id);
        mutex_unlock(&pages->spaces.mu);
        status = map__read(pages, space, page_count, top, diag);
        mutex_lock(&pages->spaces.mu);
    }
    mutex_unlock(&pages->spaces.mu);
    if (status == STATUS_OK && !reader_done(&reader)) {
        status = diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                           "the directory of spaces has an odd length");
    }
    return status;
}

static enum status
read_root(struct pages *pages, struct diag *diag)
{
    const struct root_record *record = &pages->record;
    struct spaces *spaces = &pages->spaces;
    spaces->epoch = record->epoch + 1;
    spaces->next_id = record->next_space_id;
    TRY(blob__read(pages, &spaces->directory, record->directory_bytes, record->directory,
                   &pages->directory_bytes, diag));
    TRY(blob__read(pages, &spaces->meta, record->meta_bytes, record->meta, &pages->meta_bytes,
                   diag));
    return read_spaces(pages, diag);
}

static enum status
open_root(struct pages *pages, struct root_info *root_out, struct diag *diag)
{
    TRY(root_open(&pages->root, pages->env->vfs, pages->dir, pages->page_size, &pages->record,
                  &root_out->found, diag));
    if (!root_out->found) {
        return STATUS_OK;
    }
    enum status status = read_root(pages, diag);
    if (status != STATUS_OK) {
        diag_while(diag, "reading the checkpoint of applied index %llu",
                   (unsigned long long)pages->record.applied_index);
        return status;
    }
    buf_append(&pages->root_meta, pages->meta_bytes.data, pages->meta_bytes.size);
    root_out->applied_index = pages->record.applied_index;
    root_out->applied_term = pages->record.applied_term;
    root_out->meta = buf_slice(&pages->root_meta);
    return STATUS_OK;
}

enum status
pages_open(const struct pages_options *options, struct pages **pages_out,
           struct root_info *root_out, struct diag *diag)
{
    *pages_out = NULL;
    *root_out = (struct root_info){0};
    TRY(check_options(options, diag));
    TRY(make_dir(options, diag));
    struct pages *pages = new_pages(options);
    enum status status =
        pool_init(&pages->pool, pages, options->pool_pages, options->page_size, diag);
    if (status == STATUS_OK) {
        status = open_root(pages, root_out, diag);
    }
    if (status != STATUS_OK) {
        pages_close(pages);
        *root_out = (struct root_info){0};
        return status;
    }
    atomic_store(&pages->epoch, pages->spaces.epoch);
    *pages_out = pages;
    return STATUS_OK;
}

void
pages_root_forget(struct pages *pages)
{
    buf_deinit(&pages->root_meta);
}

void
pages_close(struct pages *pages)
{
    if (pages == NULL) {
        return;
    }
    for (struct aside *aside = pages->asides; aside != NULL;) {
        struct aside *next = aside->next;
        free(aside);
        aside = next;
    }
    for (struct staging *staging = pages->staging; staging != NULL;) {
        struct staging *next = staging->next;
        free(staging);
        staging = next;
    }
    root_close(&pages->root);
    pool_deinit(&pages->pool);
    spaces_deinit(&pages->spaces);
    slots_deinit(&pages->slots);
    gate__deinit(&pages->gate);
    cond_deinit(&pages->run_over);
    mutex_deinit(&pages->run_mu);
    mutex_deinit(&pages->aside_mu);
    buf_deinit(&pages->directory_bytes);
    buf_deinit(&pages->meta_bytes);
    buf_deinit(&pages->meta_spare);
    buf_deinit(&pages->root_meta);
    free(pages->dir);
    free(pages);
}

uint32_t
pages_page_size(const struct pages *pages)
{
    return pages->page_size;
}

bool
pages_damaged(const struct pages *pages)
{
    return atomic_load(&pages->damaged);
}

void
pages_stats(struct pages *pages, struct pages_stats *stats_out)
{
    struct pool *pool = &pages->pool;
    memset(stats_out, 0, sizeof(*stats_out));
    for (unsigned i = 0; i < POOL_COUNTERS; i++) {
        stats_out->hits += atomic_load_explicit(&pool->counters[i].hits, memory_order_relaxed);
    }
    stats_out->reads = atomic_load(&pages->read_count);
    stats_out->writes = atomic_load(&pages->write_count);
    stats_out->evictions = atomic_load(&pool->eviction_count);
    stats_out->checkpoints = atomic_load(&pages->checkpoint_count);
    stats_out->pool_pages = pool->frame_count;
    stats_out->used_pages = atomic_load(&pool->used_count);
    stats_out->dirty_pages = atomic_load(&pool->dirty_count);
    mutex_lock(&pages->spaces.mu);
    stats_out->slot_count = (uint64_t)pages->slots.extent_count * SLOT_EXTENT;
    stats_out->slot_free_count = stats_out->slot_count - pages->slots.used_count;
    mutex_unlock(&pages->spaces.mu);
}
