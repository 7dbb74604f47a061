/* store_open.c: opening, checkpointing and closing a store. See store.h, walks C and E,
 * docs/format/store_meta.md.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "base/vfs.h"
#include "storage/store_apply.h"
#include "storage/txn/txn_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define META_VERSION 1
#define PATH_BYTES 1024u

/* ---- meta: what a root says besides pages ---- */

/* Gate closed: nothing moves. */
static void
save_meta(struct store *store, struct buf *out)
{
    buf_u8(out, META_VERSION);
    buf_u64(out, store->hash.low);
    buf_u64(out, store->hash.high);
    buf_u64(out, (uint64_t)atomic_load(&store->applied_commit_time_us));
    xids_save(&store->xids, out);
    objects_save(store, out);
    gtids_save(&store->gtids_image, &store->gtids, out);
    parts_save(&store->parts, out);
}

static enum status
load_meta(struct store *store, struct slice meta, uint64_t applied, struct diag *diag)
{
    struct reader in = reader_make(meta);
    uint8_t version = read_u8(&in);
    if (version != META_VERSION) {
        return diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "checkpoint has meta format %u, this binary reads %d", version,
                         META_VERSION);
    }
    store->hash.low = read_u64(&in);
    store->hash.high = read_u64(&in);
    atomic_store(&store->applied_commit_time_us, (int64_t)read_u64(&in));
    TRY(xids_load(&store->xids, store->pages, &in, diag));
    TRY(objects_load(store, &in, diag));
    TRY(gtids_load(&store->gtids, applied, &in, diag));
    TRY(parts_load(&store->parts, &in, diag));
    return reader_done(&in) ? STATUS_OK
                            : diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                                        "checkpoint: bytes behind the end of its meta data");
}

/* ---- open and close ---- */

static void
on_damage(void *arg, const struct diag *diag)
{
    struct store *store = arg;
    if (store->options.on_damage != NULL) {
        store->options.on_damage(store->options.damage_arg, diag);
    }
}

struct owner_search {
    struct space_id space;
    const struct generation *owner;
};

static void
match_owner(void *arg, struct generation *g)
{
    struct owner_search *search = arg;
    bool has_pages = g->kind != OBJECT_SEQUENCE;
    if (has_pages && (g->body->heap.v == search->space.v ||
                      (g->kind == OBJECT_TABLE && g->body->row_map.v == search->space.v))) {
        search->owner = g;
    }
}

static void
describe_space(void *arg, struct space_id space, char *text, size_t size)
{
    struct store *store = arg;
    struct owner_search search = {.space = space};
    mutex_lock(&store->objects.mu);
    objects__foreach(store, match_owner, &search);
    const struct generation *owner = search.owner;
    if (owner == NULL) {
        bool xids = store->xids.has_space && store->xids.space.v == space.v;
        snprintf(text, size, "%s", xids ? "transactions' outcomes" : "of no object");
    } else if (owner->kind == OBJECT_INDEX) {
        snprintf(text, size, "index %u of table %u", owner->id.v, owner->table.v);
    } else {
        snprintf(text, size, "%s of table %u",
                 owner->body->heap.v == space.v ? "heap" : "row map", owner->id.v);
    }
    mutex_unlock(&store->objects.mu);
}

static struct store *
store_new(const struct store_options *options)
{
    struct store *store = calloc(1, sizeof(*store));
    ASSERT(store != NULL);
    store->env = options->env;
    store->options = *options;
    store->options.dir = NULL; /* borrowed for the call only */
    xids_init(&store->xids);
    objects_init(store);
    txns_init(store);
    locks_init(store);
    gtids_init(&store->gtids);
    store->xids_kept_max = XIDS_KEPT_MAX;
    mutex_init(&store->state_mu, LOCK_RANK_LEAF);
    mutex_init(&store->sequences_mu, LOCK_RANK_SEQUENCES);
    store__apply_init(store);
    return store;
}

void
store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    txns_deinit(store);
    objects_deinit(store);
    locks_deinit(store);
    gtids_deinit(&store->gtids);
    gtids_image_deinit(&store->gtids_image);
    parts_deinit(&store->parts);
    store__apply_deinit(store);
    mutex_deinit(&store->state_mu);
    mutex_deinit(&store->sequences_mu);
    xids_deinit(&store->xids);
    if (store->pages != NULL) {
        pages_close(store->pages);
    }
    free(store);
}

/* The data directory's own name must outlive a power loss, too. */
static enum status
make_data_dir(const struct store_options *options, struct diag *diag)
{
    char parent[PATH_BYTES];
    TRY(vfs_make_dir(options->env->vfs, options->dir, diag));
    snprintf(parent, sizeof(parent), "%s", options->dir);
    char *slash = strrchr(parent, '/');
    if (slash == NULL) {
        snprintf(parent, sizeof(parent), ".");
    } else {
        slash[slash == parent ? 1 : 0] = '\0';
    }
    return vfs_sync_dir(options->env->vfs, parent, diag);
}

enum status
store_open(const struct store_options *options, struct store **store_out, struct diag *diag)
{
    *store_out = NULL;
    char dir[PATH_BYTES];
    int length = snprintf(dir, sizeof(dir), "%s/pages", options->dir);
    if (length < 0 || (size_t)length >= sizeof(dir)) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_CONFIG_FILE_ERROR,
                         "data directory's name is too long");
    }
    TRY(make_data_dir(options, diag));
    struct store *store = store_new(options);
    struct pages_options pages_options = {.env = options->env,
                                          .dir = dir,
                                          .page_size = options->page_size,
                                          .pool_pages = options->pool_pages,
                                          .on_damage = on_damage,
                                          .describe = describe_space,
                                          .arg = store};
    struct root_info root;
    enum status status = pages_open(&pages_options, &store->pages, &root, diag);
    if (status != STATUS_OK) {
        store->pages = NULL;
        goto fail;
    }
    if (root.found) {
        status = load_meta(store, root.meta, root.applied_index, diag);
        store->applied_index = root.applied_index;
        store->applied_term = store->newest_term = root.applied_term;
        pages_root_forget(store->pages);
        if (status != STATUS_OK) {
            diag_while(diag, "reading the newest checkpoint");
            goto fail;
        }
    } else {
        sequences_create_builtin(store);
    }
    atomic_store(&store->catalog_csn, store->applied_index);
    atomic_store(&store->visible_csn, store->applied_index);
    atomic_store(&store->checkpoint_index, store->applied_index);
    atomic_store(&store->checkpoint_needs, parts_oldest(&store->parts));
    *store_out = store;
    return STATUS_OK;
fail:
    store_close(store);
    return status;
}

/* ---- checkpoint: walk E ---- */

static void
cut(void *arg, uint64_t *applied_index_out, uint64_t *applied_term_out, struct buf *meta_out)
{
    struct store *store = arg;
    mutex_lock(&store->sequences_mu);
    save_meta(store, meta_out);
    mutex_unlock(&store->sequences_mu);
    *applied_index_out = store->cut_index = store->applied_index;
    *applied_term_out = store->applied_term;
    store->cut_needs = parts_oldest(&store->parts);
}

/* Rule 10. */
static enum status
log_durable(void *arg, uint64_t index, struct diag *diag)
{
    struct store *store = arg;
    return store->options.log_durable == NULL
               ? STATUS_OK
               : store->options.log_durable(store->options.log_arg, index, diag);
}

#define OUTCOMES_AT_ONCE 512u

/* Nearly all of the table of outcomes, so that little of it is encoded while the gate is
 * closed; in pieces, so that apply does not wait for long either. */
static void
encode_outcomes(struct store *store)
{
    gtids_image_deinit(&store->gtids_image);
    store->gtids_image = GTIDS_IMAGE_INIT;
    for (bool all = false; !all;) {
        mutex_lock(&store->state_mu);
        all = gtids_image_add(&store->gtids_image, &store->gtids, OUTCOMES_AT_ONCE);
        mutex_unlock(&store->state_mu);
    }
}

static enum status
checkpoint(struct store *store, struct checkpoint_result *result_out, struct diag *diag)
{
    if (atomic_load(&store->damaged)) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "the store is damaged: no checkpoint is taken of it");
    }
    objects_collect(store);
    store__forget_xids(store);
    TRY(xids_flush(&store->xids, store->pages, diag));
    encode_outcomes(store);
    TRY(pages_checkpoint(store->pages, cut, log_durable, store, result_out, diag));
    atomic_store(&store->checkpoint_needs, store->cut_needs);
    atomic_store(&store->checkpoint_index, store->cut_index);
    return STATUS_OK;
}

enum status
store_checkpoint(struct store *store, struct checkpoint_result *result_out, struct diag *diag)
{
    *result_out = (struct checkpoint_result){0};
    if (atomic_exchange(&store->checkpoint_running, true)) {
        return diag_fail(diag, STATUS_AGAIN, SQLSTATE_OBJECT_IN_USE,
                         "a checkpoint is being taken already");
    }
    enum status status = checkpoint(store, result_out, diag);
    atomic_store(&store->checkpoint_running, false);
    return status;
}

uint64_t
store_checkpoint_index(struct store *store)
{
    return atomic_load(&store->checkpoint_index);
}

uint64_t
store_checkpoint_needs(struct store *store)
{
    return atomic_load(&store->checkpoint_needs);
}
