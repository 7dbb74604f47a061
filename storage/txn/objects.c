/* objects.c: see objects.h.
 *
 * A generation is undecided while created_by or dropped_by names an xid; the end of that
 * transaction settles it (ddl_commit, ddl_undo). Readers ask through a cache in their
 * transaction, valid while `version` stands still: every mark and every settling moves it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "storage/txn/objects.h"

#include "base/errors.h"
#include "storage/txn/txn_internal.h"

#include <inttypes.h>
#include <stdlib.h>

struct object {
    struct object_id id, table;
    struct object *next;        /* of the bucket */
    struct object *first_index; /* tables: their indexes */
    struct object *next_index;
    struct generation *newest;
};

void
objects_init(struct store *store)
{
    mutex_init(&store->objects.mu, LOCK_RANK_OBJECTS);
    atomic_init(&store->objects.version, 1);
    store->objects.apply_views = calloc(1, sizeof(*store->objects.apply_views));
    ASSERT(store->objects.apply_views != NULL);
}

static void
body_unref(struct body *body)
{
    ASSERT(body->reference_count > 0);
    if (--body->reference_count == 0) {
        table_memory_delete(body->memory);
        sequence_state_delete(body->sequence);
        free(body);
    }
}

static void
generation_free(struct generation *generation)
{
    body_unref(generation->body);
    free((void *)generation->definition.data);
    free(generation->table_def);
    free(generation->index_def);
    free(generation);
}

void
objects_deinit(struct store *store)
{
    for (unsigned i = 0; i < OBJECT_BUCKETS; i++) {
        for (struct object *object = store->objects.buckets[i]; object != NULL;) {
            struct object *next = object->next;
            while (object->newest != NULL) {
                struct generation *older = object->newest->older;
                generation_free(object->newest);
                object->newest = older;
            }
            free(object);
            object = next;
        }
    }
    view_cache_free(store->objects.apply_views);
    free(store->objects.apply_views);
    mutex_deinit(&store->objects.mu);
}

void
view_cache_free(struct view_cache *cache)
{
    for (unsigned i = 0; i < VIEWS_CACHED; i++) {
        free(cache->views[i].view.indexes);
    }
    memset(cache, 0, sizeof(*cache));
}

static void
changed(struct store *store)
{
    atomic_fetch_add(&store->objects.version, 1);
}

static struct object **
bucket_of(struct store *store, struct object_id id)
{
    return &store->objects.buckets[hash_word(id.v) % OBJECT_BUCKETS];
}

static struct object *
object_find(struct store *store, struct object_id id)
{
    struct object *object = *bucket_of(store, id);
    while (object != NULL && object->id.v != id.v) {
        object = object->next;
    }
    return object;
}

static struct object *
object_find_or_add(struct store *store, struct object_id id, struct object_id table)
{
    struct object *object = object_find(store, id);
    if (object != NULL) {
        return object;
    }
    object = calloc(1, sizeof(*object));
    ASSERT(object != NULL);
    object->id = id;
    object->table = table;
    object->next = *bucket_of(store, id);
    *bucket_of(store, id) = object;
    if (table.v != id.v) {
        struct object *owner = object_find(store, table);
        ASSERT(owner != NULL);
        object->next_index = owner->first_index;
        owner->first_index = object;
    }
    store->objects.object_count++;
    return object;
}

/* ---- which generation ---- */

/* Is what `xid` did (settled at `csn` when xid is 0) true for this looker? */
static bool
done_for(struct store *store, struct txn *txn, struct xid apply_xid, enum view_mode mode,
         struct xid xid, struct csn csn)
{
    if (xid.v != 0) {
        bool mine =
            mode == VIEW_APPLY ? xid.v == apply_xid.v : txn != NULL && txn_is_mine(txn, xid);
        if (mine) {
            return true;
        }
        uint64_t value = xids_get(&store->xids, xid);
        if (value <= XID_VALUE_ABORTED) {
            return false;
        }
        csn.v = value - 1;
    }
    return mode != VIEW_READ || csn.v <= txn->snapshot;
}

static struct generation *
find_in(struct store *store, struct txn *txn, struct xid xid, enum view_mode mode,
        const struct object *object)
{
    for (struct generation *g = object->newest; g != NULL; g = g->older) {
        if (g->created_aborted ||
            !done_for(store, txn, xid, mode, g->created_by, g->created_csn)) {
            continue;
        }
        bool marked = g->dropped_by.v != 0 || g->dropped_csn.v != 0;
        bool gone = marked && done_for(store, txn, xid, mode, g->dropped_by, g->dropped_csn);
        return gone ? NULL : g;
    }
    return NULL;
}

struct generation *
objects__find(struct store *store, struct txn *txn, struct xid xid, enum view_mode mode,
              struct object_id id)
{
    const struct object *object = object_find(store, id);
    return object == NULL ? NULL : find_in(store, txn, xid, mode, object);
}

/* Nothing undecided, and no past that a snapshot at or above `csn` could see differently. */
static bool
is_settled(const struct object *object, uint64_t csn)
{
    const struct generation *g = object->newest;
    while (g != NULL && g->created_aborted) {
        g = g->older;
    }
    return g == NULL || (g->created_by.v == 0 && g->dropped_by.v == 0 &&
                         g->created_csn.v <= csn && g->dropped_csn.v <= csn);
}

static void
fill_view(struct store *store, struct txn *txn, struct xid xid, struct cached_view *cached)
{
    const struct object *object = object_find(store, cached->id);
    uint64_t csn = cached->mode == VIEW_READ ? cached->snapshot : UINT64_MAX;
    cached->view.table = object == NULL ? NULL : find_in(store, txn, xid, cached->mode, object);
    cached->view.index_count = 0;
    cached->settled = object != NULL && is_settled(object, csn);
    for (const struct object *index = object == NULL ? NULL : object->first_index;
         index != NULL; index = index->next_index) {
        cached->settled = cached->settled && is_settled(index, csn);
        struct generation *g = find_in(store, txn, xid, cached->mode, index);
        if (g == NULL) {
            continue;
        }
        if (cached->view.index_count == cached->capacity) {
            cached->capacity = cached->capacity * 2 + 4;
            cached->view.indexes =
                realloc(cached->view.indexes, cached->capacity * sizeof(*cached->view.indexes));
            ASSERT(cached->view.indexes != NULL);
        }
        cached->view.indexes[cached->view.index_count++] = g;
    }
}

static bool
still_good(const struct cached_view *cached, uint64_t version, uint64_t snapshot, uint64_t xid)
{
    if (cached->version != version) {
        return false;
    }
    return cached->settled || cached->mode == VIEW_WRITE ||
           (cached->mode == VIEW_READ ? cached->snapshot == snapshot : cached->xid == xid);
}

static const struct table_view *
look(struct store *store, struct txn *txn, struct xid xid, enum view_mode mode,
     struct view_cache *cache, struct object_id id)
{
    uint64_t version = atomic_load_explicit(&store->objects.version, memory_order_acquire);
    uint64_t snapshot = mode == VIEW_READ ? txn->snapshot : 0;
    struct cached_view *cached = NULL;
    for (unsigned i = 0; i < VIEWS_CACHED && cached == NULL; i++) {
        struct cached_view *it = &cache->views[i];
        cached = it->id.v == id.v && it->mode == mode ? it : NULL;
    }
    if (cached != NULL && still_good(cached, version, snapshot, xid.v)) {
        return cached->view.table == NULL ? NULL : &cached->view;
    }
    if (cached == NULL) {
        cached = &cache->views[cache->next++ % VIEWS_CACHED];
    }
    cached->id = id;
    cached->mode = mode;
    cached->version = version;
    cached->snapshot = snapshot;
    cached->xid = xid.v;
    mutex_lock(&store->objects.mu);
    fill_view(store, txn, xid, cached);
    mutex_unlock(&store->objects.mu);
    return cached->view.table == NULL ? NULL : &cached->view;
}

const struct table_view *
objects_table_read(struct txn *txn, struct object_id table)
{
    return look(txn->store, txn, (struct xid){0}, VIEW_READ, &txn->views, table);
}

const struct table_view *
objects_table_write(struct txn *txn, struct object_id table)
{
    return look(txn->store, txn, (struct xid){0}, VIEW_WRITE, &txn->views, table);
}

const struct table_view *
objects_table_apply(struct store *store, struct xid xid, struct object_id table)
{
    return look(store, NULL, xid, VIEW_APPLY, store->objects.apply_views, table);
}

/* An index is looked up like a table without indexes of its own. */
struct generation *
objects_index_read(struct txn *txn, struct object_id index)
{
    const struct table_view *view = objects_table_read(txn, index);
    return view == NULL ? NULL : view->table;
}

bool
objects_is_new_in(struct txn *txn, struct object_id table)
{
    const struct table_view *view = objects_table_write(txn, table);
    if (view == NULL || view->table->created_by.v == 0) {
        return false;
    }
    for (size_t i = txn->xid_count; i-- > 0;) {
        if (txn->xids[i].xid.v == view->table->created_by.v) {
            return txn->xids[i].depth == txn->depth;
        }
    }
    return false;
}

/* ---- pins for workers ---- */

struct generation *
objects_pin(struct store *store, struct object_id object)
{
    mutex_lock(&store->objects.mu);
    struct generation *g = objects__find(store, NULL, (struct xid){0}, VIEW_WRITE, object);
    if (g != NULL) {
        generation_pin(g);
    }
    mutex_unlock(&store->objects.mu);
    return g;
}

unsigned
objects_pin_indexes(struct store *store, struct object_id table, struct generation **out,
                    unsigned capacity)
{
    unsigned count = 0;
    mutex_lock(&store->objects.mu);
    const struct object *object = object_find(store, table);
    for (const struct object *index = object == NULL ? NULL : object->first_index;
         index != NULL; index = index->next_index) {
        for (struct generation *g = index->newest; g != NULL; g = g->older) {
            if (!g->created_aborted && count < capacity) {
                generation_pin(g);
                out[count++] = g;
            }
        }
    }
    mutex_unlock(&store->objects.mu);
    return count;
}

void
generation_unpin(struct generation *generation)
{
    ASSERT(atomic_fetch_sub(&generation->pin_count, 1) > 0);
}

unsigned
objects_tables(struct store *store, struct object_id *out, unsigned capacity)
{
    unsigned count = 0;
    mutex_lock(&store->objects.mu);
    for (unsigned i = 0; i < OBJECT_BUCKETS; i++) {
        for (const struct object *o = store->objects.buckets[i]; o != NULL; o = o->next) {
            const struct generation *g = find_in(store, NULL, (struct xid){0}, VIEW_WRITE, o);
            if (g == NULL || g->kind != OBJECT_TABLE) {
                continue;
            }
            if (count < capacity) {
                out[count] = o->id;
            }
            count++;
        }
    }
    mutex_unlock(&store->objects.mu);
    return count;
}

void
objects__foreach(struct store *store, void (*each)(void *arg, struct generation *), void *arg)
{
    ASSERT(mutex_held(&store->objects.mu));
    for (unsigned i = 0; i < OBJECT_BUCKETS; i++) {
        for (struct object *o = store->objects.buckets[i]; o != NULL; o = o->next) {
            for (struct generation *g = o->newest; g != NULL; g = g->older) {
                each(arg, g);
            }
        }
    }
}

/* ---- making ---- */

void
ddl_add(struct ddl_list *list, struct generation *generation, bool dropped, struct xid xid,
        unsigned depth)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity * 2 + 4;
        list->items = realloc(list->items, list->capacity * sizeof(*list->items));
        ASSERT(list->items != NULL);
    }
    list->items[list->count++] = (struct ddl_item){
        .generation = generation, .dropped = dropped, .xid = xid, .depth = depth};
}

static struct ddl_list *
ddl_of(struct store *store, struct txn *txn)
{
    return txn != NULL ? &txn->ddl : store__apply_ddl(store);
}

static void
note(struct store *store, struct txn *txn, struct xid xid, struct generation *g, bool dropped)
{
    ddl_add(ddl_of(store, txn), g, dropped, xid, txn == NULL ? 0 : txn->depth);
    changed(store);
}

static enum status
decode_definition(struct generation *g, struct diag *diag)
{
    if (g->kind == OBJECT_TABLE) {
        g->table_def = calloc(1, sizeof(*g->table_def));
        ASSERT(g->table_def != NULL);
        return table_definition_decode(g->definition, g->table_def, diag);
    }
    if (g->kind == OBJECT_INDEX) {
        g->index_def = calloc(1, sizeof(*g->index_def));
        ASSERT(g->index_def != NULL);
        return index_definition_decode(g->definition, g->index_def, diag);
    }
    return STATUS_OK;
}

static struct generation *
generation_new(enum object_kind kind, struct object_id id, struct object_id table,
               struct slice definition)
{
    struct generation *g = calloc(1, sizeof(*g));
    uint8_t *copy = malloc(MAX(definition.size, 1));
    ASSERT(g != NULL && copy != NULL);
    if (definition.size > 0) {
        memcpy(copy, definition.data, definition.size);
    }
    g->id = id;
    g->table = table;
    g->kind = kind;
    g->definition = slice_make(copy, definition.size);
    return g;
}

static struct body *
body_new(enum object_kind kind)
{
    struct body *body = calloc(1, sizeof(*body));
    ASSERT(body != NULL);
    body->kind = kind;
    atomic_init(&body->next_row, 1);
    if (kind == OBJECT_TABLE) {
        body->memory = table_memory_new();
    }
    return body;
}

static struct body *
body_create(struct store *store, enum object_kind kind)
{
    struct body *body = body_new(kind);
    /* who ended before writes nothing here */
    atomic_store(&body->oldest_xid, xids_first_running(&store->xids).v);
    if (kind != OBJECT_SEQUENCE) {
        body->heap = space_create(store->pages);
    }
    if (kind == OBJECT_TABLE) {
        body->row_map = space_create(store->pages);
    }
    return body;
}

static void
mark_dropped(struct store *store, struct txn *txn, struct xid xid, struct generation *g)
{
    g->dropped_by = xid;
    note(store, txn, xid, g, true);
}

/* Links a new generation before the others; takes g and a reference to body. objects.mu. */
static void
link_generation(struct store *store, struct txn *txn, struct xid xid, struct generation *g,
                struct body *body)
{
    struct object *object = object_find_or_add(store, g->id, g->table);
    struct generation *before =
        find_in(store, txn, xid, txn == NULL ? VIEW_APPLY : VIEW_WRITE, object);
    if (before != NULL) {
        mark_dropped(store, txn, xid, before);
    }
    g->body = body;
    body->is_catalog = g->table.v < CATALOG_OBJECT_ID_END;
    body->reference_count++;
    g->created_by = xid;
    g->older = object->newest;
    object->newest = g;
    note(store, txn, xid, g, false);
}

static enum status
unknown_object(struct object_id id, struct diag *diag)
{
    return diag_fail(diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_OBJECT,
                     "storage object %" PRIu32 " does not exist", id.v);
}

static enum status
create(struct store *store, struct txn *txn, struct xid xid, struct generation *g,
       struct body *body, struct diag *diag)
{
    ASSERT(gate_held(store->pages));
    enum status status = decode_definition(g, diag);
    if (status == STATUS_OK && g->kind == OBJECT_INDEX &&
        (g->index_def->index.v != g->id.v || g->index_def->table.v != g->table.v)) {
        status = diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                           "definition of index %" PRIu32 " names another object", g->id.v);
    }
    if (status != STATUS_OK) {
        free((void *)g->definition.data);
        free(g->table_def);
        free(g->index_def);
        free(g);
        return status;
    }
    mutex_lock(&store->objects.mu);
    link_generation(store, txn, xid, g, body == NULL ? body_create(store, g->kind) : body);
    mutex_unlock(&store->objects.mu);
    return STATUS_OK;
}

enum status
objects_create_table(struct store *store, struct txn *txn, struct xid xid,
                     struct object_id table, struct slice definition, struct generation **out,
                     struct diag *diag)
{
    *out = NULL;
    struct generation *g = generation_new(OBJECT_TABLE, table, table, definition);
    TRY(create(store, txn, xid, g, NULL, diag));
    *out = g;
    return STATUS_OK;
}

enum status
objects_create_index(struct store *store, struct txn *txn, struct xid xid,
                     struct slice definition, struct generation **out, struct diag *diag)
{
    *out = NULL;
    struct index_definition decoded;
    TRY(index_definition_decode(definition, &decoded, diag));
    mutex_lock(&store->objects.mu);
    bool known = object_find(store, decoded.table) != NULL;
    mutex_unlock(&store->objects.mu);
    if (!known) {
        return unknown_object(decoded.table, diag);
    }
    struct generation *g =
        generation_new(OBJECT_INDEX, decoded.index, decoded.table, definition);
    TRY(create(store, txn, xid, g, NULL, diag));
    *out = g;
    return STATUS_OK;
}

enum status
objects_create_sequence(struct store *store, struct txn *txn, struct xid xid,
                        struct object_id id, struct slice definition, int64_t last,
                        struct diag *diag)
{
    struct sequence_state *state = sequence_state_new(definition, last);
    if (state == NULL) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "unreadable definition of sequence %" PRIu32, id.v);
    }
    struct body *body = body_new(OBJECT_SEQUENCE);
    body->sequence = state;
    return create(store, txn, xid, generation_new(OBJECT_SEQUENCE, id, id, definition), body,
                  diag);
}

static struct generation *
copy_generation(struct store *store, const struct generation *from, struct diag *diag)
{
    UNUSED(store);
    struct generation *g = generation_new(from->kind, from->id, from->table, from->definition);
    ASSERT(decode_definition(g, diag) == STATUS_OK); /* it was decoded once */
    return g;
}

enum status
objects_replace_table(struct store *store, struct txn *txn, struct xid xid,
                      struct object_id table, struct diag *diag)
{
    ASSERT(gate_held(store->pages));
    enum view_mode mode = txn == NULL ? VIEW_APPLY : VIEW_WRITE;
    mutex_lock(&store->objects.mu);
    struct object *object = object_find(store, table);
    struct generation *now = object == NULL ? NULL : find_in(store, txn, xid, mode, object);
    if (now == NULL || now->kind != OBJECT_TABLE) {
        mutex_unlock(&store->objects.mu);
        return unknown_object(table, diag);
    }
    link_generation(store, txn, xid, copy_generation(store, now, diag),
                    body_create(store, OBJECT_TABLE));
    for (struct object *index = object->first_index; index != NULL; index = index->next_index) {
        struct generation *g = find_in(store, txn, xid, mode, index);
        if (g != NULL) {
            link_generation(store, txn, xid, copy_generation(store, g, diag),
                            body_create(store, OBJECT_INDEX));
        }
    }
    mutex_unlock(&store->objects.mu);
    return STATUS_OK;
}

enum status
objects_alter_table(struct store *store, struct txn *txn, struct xid xid,
                    struct object_id table, struct slice definition, struct diag *diag)
{
    mutex_lock(&store->objects.mu);
    struct generation *now =
        objects__find(store, txn, xid, txn == NULL ? VIEW_APPLY : VIEW_WRITE, table);
    struct body *body = now == NULL || now->kind != OBJECT_TABLE ? NULL : now->body;
    mutex_unlock(&store->objects.mu);
    if (body == NULL) {
        return unknown_object(table, diag);
    }
    return create(store, txn, xid, generation_new(OBJECT_TABLE, table, table, definition), body,
                  diag);
}

enum status
objects_drop(struct store *store, struct txn *txn, struct xid xid, struct object_id id,
             struct diag *diag)
{
    ASSERT(gate_held(store->pages));
    enum view_mode mode = txn == NULL ? VIEW_APPLY : VIEW_WRITE;
    mutex_lock(&store->objects.mu);
    struct object *object = object_find(store, id);
    struct generation *now = object == NULL ? NULL : find_in(store, txn, xid, mode, object);
    bool gone_by_me = now == NULL && object != NULL && object->newest != NULL &&
                      object->newest->dropped_by.v != 0;
    if (now == NULL && !gone_by_me) {
        mutex_unlock(&store->objects.mu);
        return unknown_object(id, diag);
    }
    for (struct object *index = object->first_index; now != NULL && index != NULL;
         index = index->next_index) {
        struct generation *g = find_in(store, txn, xid, mode, index);
        if (g != NULL) {
            mark_dropped(store, txn, xid, g);
        }
    }
    if (now != NULL) {
        mark_dropped(store, txn, xid, now);
    }
    mutex_unlock(&store->objects.mu);
    return STATUS_OK;
}

/* ---- the end of the transaction that made or dropped ---- */

/* A body falls out of the sum when none of its generations is alive any more. */
static bool
body_has_living(struct store *store, const struct generation *of)
{
    const struct object *object = object_find(store, of->id);
    ASSERT(object != NULL);
    for (const struct generation *g = object->newest; g != NULL; g = g->older) {
        if (g->body == of->body && !g->created_aborted && g->dropped_csn.v == 0) {
            return true;
        }
    }
    return false;
}

struct hash128
ddl_commit(struct store *store, struct ddl_list *list, struct csn csn)
{
    ASSERT(mutex_held(&store->objects.mu));
    struct hash128 gone = {0};
    for (size_t i = 0; i < list->count; i++) {
        struct generation *g = list->items[i].generation;
        if (list->items[i].dropped) {
            g->dropped_by.v = 0;
            g->dropped_csn = csn;
            store->objects.garbage_count++;
        } else {
            g->created_by.v = 0;
            g->created_csn = csn;
        }
    }
    for (size_t i = 0; i < list->count; i++) {
        struct generation *g = list->items[i].generation;
        if (list->items[i].dropped && !body_has_living(store, g)) {
            gone = hash128_add(gone, g->body->hash);
            g->body->hash = (struct hash128){0};
        }
    }
    if (list->count > 0) {
        changed(store);
    }
    list->count = 0;
    return gone;
}

void
ddl_undo(struct store *store, struct ddl_list *list, size_t first)
{
    if (list->count <= first) {
        return;
    }
    mutex_lock(&store->objects.mu);
    while (list->count > first) {
        struct ddl_item *item = &list->items[--list->count];
        if (item->dropped) {
            /* after a newer term's apply may have marked what this dead one marked before */
            if (item->generation->dropped_by.v == item->xid.v) {
                item->generation->dropped_by.v = 0;
            }
        } else {
            item->generation->created_aborted = true;
            store->objects.garbage_count++;
        }
    }
    changed(store);
    mutex_unlock(&store->objects.mu);
}

/* ---- collecting ---- */

static bool
is_garbage(const struct generation *g, struct csn horizon)
{
    bool dead = g->created_aborted || (g->dropped_by.v == 0 && g->dropped_csn.v != 0 &&
                                       g->dropped_csn.v <= horizon.v);
    return dead && atomic_load(&g->pin_count) == 0;
}

static void
collect_generation(struct store *store, struct generation *g)
{
    if (g->body->reference_count == 1) {
        if (g->body->kind != OBJECT_SEQUENCE) {
            space_drop(store->pages, g->body->heap);
        }
        if (g->body->kind == OBJECT_TABLE) {
            space_drop(store->pages, g->body->row_map);
        }
    }
    generation_free(g);
    store->objects.garbage_count--;
}

static void
unlink_from_table(struct store *store, struct object *index)
{
    struct object *owner =
        index->table.v == index->id.v ? NULL : object_find(store, index->table);
    for (struct object **at = owner == NULL ? NULL : &owner->first_index;
         at != NULL && *at != NULL; at = &(*at)->next_index) {
        if (*at == index) {
            *at = index->next_index;
            return;
        }
    }
}

static void
collect_object(struct store *store, struct object *object, struct csn horizon)
{
    for (struct generation **at = &object->newest; *at != NULL;) {
        struct generation *g = *at;
        if (is_garbage(g, horizon)) {
            *at = g->older;
            collect_generation(store, g);
        } else {
            at = &g->older;
        }
    }
}

void
objects_collect(struct store *store)
{
    struct csn horizon = store_horizon(store);
    gate_enter(store->pages);
    mutex_lock(&store->objects.mu);
    for (unsigned i = 0; i < OBJECT_BUCKETS && store->objects.garbage_count > 0; i++) {
        for (struct object **at = &store->objects.buckets[i]; *at != NULL;) {
            struct object *object = *at;
            collect_object(store, object, horizon);
            if (object->newest == NULL && object->first_index == NULL) {
                unlink_from_table(store, object);
                *at = object->next;
                free(object);
                store->objects.object_count--;
            } else {
                at = &object->next;
            }
        }
    }
    changed(store);
    mutex_unlock(&store->objects.mu);
    gate_leave(store->pages);
}

/* ---- checkpoint ---- */

enum { SAVED_GARBAGE = 1, SAVED_SHARES_BODY = 2, SAVED_INVALID = 4 };

static void
save_body(const struct body *body, struct buf *out)
{
    buf_varint(out, body->heap.v);
    buf_varint(out, body->row_map.v);
    buf_varint(out, atomic_load(&body->next_row));
    buf_varint(out, (uint64_t)atomic_load(&body->live_rows));
    buf_varint(out, (uint64_t)atomic_load(&body->dead_rows));
    buf_u64(out, body->hash.low);
    buf_u64(out, body->hash.high);
    if (body->kind == OBJECT_SEQUENCE) {
        sequence_state_save(body->sequence, out);
    }
}

/* The first generation of the list that has the body of `of`: its place, from the newest. Does
 * not walk for a body of its own: the list is long where an old snapshot outlived many
 * TRUNCATEs, and the gate is closed. */
static unsigned
place_of_body(const struct object *object, const struct generation *of,
              const struct generation **out)
{
    unsigned place = 0;
    const struct generation *g = of->body->reference_count == 1 ? of : object->newest;
    for (; g->body != of->body; g = g->older) {
        place++;
    }
    *out = g;
    return place;
}

static void
save_generation(struct store *store, const struct object *object, struct generation *g,
                struct buf *out)
{
    bool settled = g->created_by.v == 0; /* also at CSN 0: what a store is born with */
    uint64_t created = settled ? 0 : xids_get(&store->xids, g->created_by);
    uint64_t dropped = g->dropped_by.v == 0
                           ? (g->dropped_csn.v == 0 ? 0 : XID_VALUE_COMMITTED(g->dropped_csn.v))
                           : xids_get(&store->xids, g->dropped_by);
    bool garbage = g->created_aborted || (!settled && created <= XID_VALUE_ABORTED);
    const struct generation *first;
    unsigned place = place_of_body(object, g, &first);
    bool shares = first != g;
    buf_u8(out, (uint8_t)((garbage ? SAVED_GARBAGE : 0) | (shares ? SAVED_SHARES_BODY : 0) |
                          (atomic_load(&g->invalid) ? SAVED_INVALID : 0)));
    buf_varint(out, settled                        ? g->created_csn.v
                    : created <= XID_VALUE_ABORTED ? 0
                                                   : created - 1);
    buf_varint(out, dropped <= XID_VALUE_ABORTED ? 0 : dropped - 1);
    buf_bytes(out, g->definition);
    if (shares) {
        buf_varint(out, place);
    } else {
        save_body(g->body, out);
    }
}

static void
save_object(struct store *store, struct object *object, struct buf *out)
{
    unsigned count = 0;
    for (struct generation *g = object->newest; g != NULL; g = g->older) {
        count++;
    }
    buf_varint(out, object->id.v);
    buf_varint(out, object->table.v);
    buf_u8(out, object->newest == NULL ? 0 : (uint8_t)object->newest->kind);
    buf_varint(out, count);
    for (struct generation *g = object->newest; g != NULL; g = g->older) {
        save_generation(store, object, g, out);
    }
}

/* Tables first: an index is linked to its table as it is loaded. */
void
objects_save(struct store *store, struct buf *out)
{
    mutex_lock(&store->objects.mu);
    buf_varint(out, store->objects.object_count);
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < OBJECT_BUCKETS; i++) {
            for (struct object *o = store->objects.buckets[i]; o != NULL; o = o->next) {
                if ((o->table.v != o->id.v) == (pass == 1)) {
                    save_object(store, o, out);
                }
            }
        }
    }
    mutex_unlock(&store->objects.mu);
}

static struct body *
load_body(enum object_kind kind, struct slice definition, struct reader *in)
{
    struct body *body = body_new(kind);
    body->heap.v = (uint32_t)read_varint(in);
    body->row_map.v = (uint32_t)read_varint(in);
    atomic_store(&body->next_row, read_varint(in));
    atomic_store(&body->live_rows, (int64_t)read_varint(in));
    atomic_store(&body->dead_rows, (int64_t)read_varint(in));
    body->hash.low = read_u64(in);
    body->hash.high = read_u64(in);
    if (kind == OBJECT_SEQUENCE) {
        body->sequence = sequence_state_load(definition, in);
        in->failed = in->failed || body->sequence == NULL;
    }
    return body;
}

static struct body *
body_at(const struct object *object, uint64_t place, struct reader *in)
{
    const struct generation *g = object->newest;
    for (; g != NULL && place > 0; place--) {
        g = g->older;
    }
    in->failed = in->failed || g == NULL;
    return g == NULL ? NULL : g->body;
}

static enum status
load_generation(struct store *store, struct object *object, enum object_kind kind,
                struct generation ***tail, struct reader *in, struct diag *diag)
{
    uint8_t flags = read_u8(in);
    uint64_t created = read_varint(in), dropped = read_varint(in);
    struct slice definition = read_bytes(in);
    bool shares = (flags & SAVED_SHARES_BODY) != 0;
    struct body *body =
        shares ? body_at(object, read_varint(in), in) : load_body(kind, definition, in);
    if (body == NULL) {
        return STATUS_OK; /* the caller reports it */
    }
    struct generation *g = generation_new(kind, object->id, object->table, definition);
    g->body = body;
    body->is_catalog = g->table.v < CATALOG_OBJECT_ID_END;
    g->body->reference_count++;
    atomic_store(&body->oldest_xid, atomic_load(&store->xids.oldest));
    g->created_csn.v = created;
    g->dropped_csn.v = dropped;
    g->created_aborted = (flags & SAVED_GARBAGE) != 0;
    atomic_store(&g->invalid, (flags & SAVED_INVALID) != 0);
    store->objects.garbage_count += g->created_aborted || dropped != 0;
    **tail = g;
    *tail = &g->older;
    return decode_definition(g, diag);
}

enum status
objects_load(struct store *store, struct reader *in, struct diag *diag)
{
    uint64_t count = read_varint(in);
    mutex_lock(&store->objects.mu);
    enum status status = STATUS_OK;
    for (uint64_t i = 0; i < count && !in->failed && status == STATUS_OK; i++) {
        struct object_id id = {(uint32_t)read_varint(in)};
        struct object_id table = {(uint32_t)read_varint(in)};
        enum object_kind kind = (enum object_kind)read_u8(in);
        uint64_t generation_count = read_varint(in);
        if (table.v != id.v && object_find(store, table) == NULL) {
            in->failed = true;
            break;
        }
        struct object *object = object_find_or_add(store, id, table);
        struct generation **tail = &object->newest;
        for (uint64_t k = 0; k < generation_count && !in->failed && status == STATUS_OK; k++) {
            status = load_generation(store, object, kind, &tail, in, diag);
        }
    }
    mutex_unlock(&store->objects.mu);
    if (status == STATUS_OK && in->failed) {
        status = diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                           "checkpoint: unreadable directory of storage objects");
    }
    return status;
}
