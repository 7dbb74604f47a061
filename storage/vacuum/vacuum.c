/* vacuum.c: takes away what no snapshot can see (rule 8, docs/rules.md). For each dead version
 * of a page: its index entries go under their leaf's latch, after the row's whole chain was
 * read again and no living version has the key; then the version is unlinked; then its line is
 * freed. After that the page is stamped, and compacted if nobody else looks at it.
 *
 * Chains are walked outside the gate, for a long one may lie on more pages than fit the pool;
 * what was found there stays true, because a chain only grows at its head, is cut at dead
 * versions by vacuum alone (one at a time a table), and what is dead stays dead. Inside the
 * gate a few pages are touched, each verified under its latch.
 *
 * Dead are: undone versions, and those superseded or deleted at or below the horizon. Both are
 * so for ever, so that what was found under a latch may be acted upon later; the line's bytes
 * tell whether it still holds what was found, for our pin keeps them in place.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "base/thread.h"
#include "storage/heap/table_internal.h"

#include <stdlib.h>

#define INDEXES_MAX 256

struct dead {
    unsigned line;
    struct version version; /* tuple borrowed from the pinned page */
};

struct vacuum {
    struct store *store;
    struct generation *table;
    struct generation *indexes[INDEXES_MAX];
    unsigned index_count;
    struct heap heap;
    struct csn horizon;
    uint64_t oldest_xid; /* lowest that a version is left with; at first: first running */
    int64_t dead_before, dead_left; /* body.dead_rows at the start; ended, but needed by some */
    struct waiter *waiter;
    struct warm warm;
    struct page *page; /* at hand, pinned */
    struct dead *dead;
    unsigned dead_count;
    struct buf key, other_key;
    struct vacuum_result *result;
};

static bool
is_dead(const struct vacuum *vacuum, const struct version *version)
{
    return version_undone(vacuum->store, version) ||
           version_expired(vacuum->store, version, vacuum->horizon);
}

/* ---- index entries ---- */
struct key_question {
    struct vacuum *vacuum;
    const struct index_definition *definition;
    struct row_id row;
    /* the chain from this committed version on was read before: no living version there has the
     * key. The page stays pinned, so that the bytes tell the version though its line may be
     * swung. */
    struct page *known_page;
    const uint8_t *known;
};

static bool
has_ended(const struct vacuum *vacuum, const struct version *version)
{
    return !version_undone(vacuum->store, version) &&
           version_expired(vacuum->store, version, vacuum->horizon);
}

static bool
lives_with_key(const struct key_question *question, const struct version *version)
{
    struct vacuum *vacuum = question->vacuum;
    if (is_dead(vacuum, version)) {
        return false;
    }
    (void)key_from_tuple(&vacuum->other_key, question->definition, vacuum->heap.definition,
                         version->tuple);
    return slice_equal(buf_slice(&vacuum->other_key), buf_slice(&vacuum->key));
}

/* Then it stays in the chain until it has ended; others may be linked over or unlinked. */
static bool
is_committed(const struct vacuum *vacuum, const struct version *version)
{
    struct csn csn;
    return version_writer_state(vacuum->store, version->xmin,
                                (version->flags & VERSION_XMIN_IS_CSN) != 0,
                                &csn) == XID_COMMITTED &&
           (version->flags & VERSION_DEAD) == 0;
}

/* Does a living version between the head and what is known have the key? */
static enum status
ask_chain(const struct key_question *question, struct walk *walk, bool *keep_out,
          struct page **first_page_out, const uint8_t **first_out, struct diag *diag)
{
    *keep_out = false;
    for (bool there = true; !*keep_out;) {
        TRY(walk_step(walk, &there, diag));
        if (!there || walk->version.tuple.data == question->known ||
            has_ended(question->vacuum, &walk->version)) { /* behind it all have ended */
            return STATUS_OK;
        }
        if (first_page_out != NULL && *first_page_out == NULL &&
            is_committed(question->vacuum, &walk->version)) {
            *first_page_out = walk->page;
            page_ref(walk->page);
            *first_out = walk->version.tuple.data;
        }
        *keep_out = lives_with_key(question, &walk->version);
    }
    return STATUS_OK;
}

/* Under the leaf's latch: the part of the chain that is new since it was read outside. */
static enum status
keep_entry(void *arg, bool *keep_out, struct diag *diag)
{
    struct key_question *question = arg;
    struct walk walk;
    walk_init(&walk, &question->vacuum->heap, question->row, &question->vacuum->warm);
    enum status status = ask_chain(question, &walk, keep_out, NULL, NULL, diag);
    walk_end(&walk);
    return status;
}

static enum status
remove_entry(struct vacuum *vacuum, struct generation *index, const struct dead *dead,
             struct diag *diag)
{
    struct btree tree = btree_of(vacuum->store, index);
    struct key_question question = {
        .vacuum = vacuum, .definition = index->index_def, .row = dead->version.row};
    struct btree_entry entry = {.row = dead->version.row};
    struct walk walk;
    bool keep = false, removed = false;
    (void)key_from_tuple(&vacuum->key, index->index_def, vacuum->heap.definition,
                         dead->version.tuple);
    entry.key = buf_slice(&vacuum->key);
    walk_init(&walk, &vacuum->heap, dead->version.row, NULL);
    enum status status =
        ask_chain(&question, &walk, &keep, &question.known_page, &question.known, diag);
    walk_end(&walk);
    if (status == STATUS_OK && !keep) {
        status =
            btree_remove(&tree, entry, &vacuum->warm, keep_entry, &question, &removed, diag);
    }
    page_unpin(question.known_page);
    vacuum->result->index_entries_removed += removed;
    return status;
}

static enum status
remove_entries(struct vacuum *vacuum, const struct dead *dead, struct diag *diag)
{
    for (unsigned i = 0; i < vacuum->index_count; i++) {
        TRY(remove_entry(vacuum, vacuum->indexes[i], dead, diag));
    }
    return STATUS_OK;
}

/* ---- unlinking ---- */
/* Does the line still hold the version that was found dead? Under the page's latch. */
static bool
holds_still(const struct vacuum *vacuum, const struct dead *dead)
{
    struct version now;
    return heap_page_read(page_data(vacuum->page), vacuum->heap.page_size, dead->line, &now) &&
           now.row.v == dead->version.row.v && now.tuple.data == dead->version.tuple.data;
}

/* What `stop` answers true for, first from the head, and what comes before it. Pages stay
 * pinned until found_release(). */
struct found {
    bool there;
    struct version_at at, before_at;
    struct page *page, *before; /* before NULL: it is the head */
    struct version version;
};
typedef bool (*stop_fn)(const struct vacuum *vacuum, const struct walk *walk, const void *arg);

static void
found_release(struct found *found)
{
    page_unpin(found->page);
    page_unpin(found->before);
    found->page = found->before = NULL;
}

static void
remember(struct page **pinned, struct page *page)
{
    page_ref(page);
    page_unpin(*pinned);
    *pinned = page;
}

static enum status
find(struct vacuum *vacuum, struct row_id row, stop_fn stop, const void *arg,
     struct found *found, struct diag *diag)
{
    struct walk walk;
    *found = (struct found){.there = true};
    walk_init(&walk, &vacuum->heap, row, NULL);
    enum status status;
    for (;;) {
        unsigned restarts = walk.restarts;
        status = walk_step(&walk, &found->there, diag);
        if (status != STATUS_OK || !found->there) {
            break;
        }
        if (walk.restarts != restarts) { /* at the head again */
            page_unpin(found->before);
            found->before = NULL;
        }
        if (stop(vacuum, &walk, arg)) {
            remember(&found->page, walk.page);
            found->at = walk.at;
            found->version = walk.version;
            break;
        }
        remember(&found->before, walk.page);
        found->before_at = walk.at;
    }
    walk_end(&walk);
    return status;
}

static bool
stop_at_ended(const struct vacuum *vacuum, const struct walk *walk, const void *arg)
{
    UNUSED(arg);
    return has_ended(vacuum, &walk->version);
}

/* By its bytes, not by its place: a writer may have swung the line, and what lies there now is
 * the living version. */
static bool
stop_at_bytes(const struct vacuum *vacuum, const struct walk *walk, const void *arg)
{
    return walk->version.tuple.data == arg ||
           !version_undone(vacuum->store, &walk->version); /* no undone one lies behind */
}

/* The version before `found` gets `next` as its previous one, if it still has `found`. Nothing
 * happens when a swung line came between: the caller looks again. */
static void
relink(struct vacuum *vacuum, struct row_id row, const struct found *found,
       struct version_at next)
{
    struct version version;
    struct page *page = found->before;
    uint8_t *data = page_data(page);
    gate_enter(vacuum->heap.pages);
    page_latch_exclusive(page);
    if (heap_page_read(data, vacuum->heap.page_size, found->before_at.line, &version) &&
        version.row.v == row.v && version_at_equal(version.prev, found->at)) {
        page_dirty(page);
        version.prev = next;
        version.flags &= (uint8_t)~VERSION_KEYS_SAME;
        heap_page_write_header(data, found->before_at.line, &version);
    }
    page_unlatch(page);
    gate_leave(vacuum->heap.pages);
}

/* The row map names a deleted version that expired: the row is gone. */
static void
forget_row(struct vacuum *vacuum, struct row_id row, const struct found *found,
           struct page *map_page)
{
    struct version now;
    gate_enter(vacuum->heap.pages);
    page_latch_exclusive(map_page);
    page_latch_shared(found->page);
    if (version_at_equal(row_map_get(&vacuum->heap, map_page, row), found->at) &&
        heap_page_read(page_data(found->page), vacuum->heap.page_size, found->at.line, &now) &&
        now.tuple.data == found->version.tuple.data) {
        page_dirty(map_page);
        row_map_put(&vacuum->heap, map_page, row, VERSION_AT_NONE);
    }
    page_unlatch(found->page);
    page_unlatch(map_page);
    gate_leave(vacuum->heap.pages);
}

/* Cuts the row's chain before its first version that expired, until there is none: everything
 * behind is dead and becomes orphans, and the next walk along this chain is short. */
static enum status
cut_expired(struct vacuum *vacuum, struct row_id row, struct page *map_page, struct diag *diag)
{
    for (;;) {
        struct found found;
        enum status status = find(vacuum, row, stop_at_ended, NULL, &found, diag);
        bool there = status == STATUS_OK && found.there;
        if (there && found.before == NULL) {
            forget_row(vacuum, row, &found, map_page);
        } else if (there) {
            relink(vacuum, row, &found, VERSION_AT_NONE);
        }
        found_release(&found);
        if (!there) {
            return status;
        }
    }
}

/* Leads the chain past an undone version, unless it is the head: to what it wanted to
 * supersede, perhaps undone too, perhaps alive. */
static enum status
bypass_undone(struct vacuum *vacuum, const struct dead *dead, struct diag *diag)
{
    for (;;) {
        struct found found;
        const uint8_t *bytes = dead->version.tuple.data;
        enum status status =
            find(vacuum, dead->version.row, stop_at_bytes, bytes, &found, diag);
        bool there = status == STATUS_OK && found.there && found.before != NULL &&
                     found.version.tuple.data == bytes;
        if (there) {
            relink(vacuum, dead->version.row, &found, found.version.prev);
        }
        found_release(&found);
        if (!there) {
            return status;
        }
    }
}

/* Unlinked already, but for an undone head. */
static void
free_version(struct vacuum *vacuum, const struct dead *dead, struct page *map_page, bool undone)
{
    struct version now;
    struct row_id row = dead->version.row;
    struct version_at at = {.page = page_number(vacuum->page), .line = (uint16_t)dead->line};
    uint8_t *data = page_data(vacuum->page);
    gate_enter(vacuum->heap.pages);
    page_latch_exclusive(map_page);
    page_latch_exclusive(vacuum->page);
    if (holds_still(vacuum, dead) && /* else a writer swung the line meanwhile */
        heap_page_read(data, vacuum->heap.page_size, dead->line, &now)) {
        if (undone && version_at_equal(row_map_get(&vacuum->heap, map_page, row), at)) {
            page_dirty(map_page);
            row_map_put(&vacuum->heap, map_page, row, now.prev);
        }
        page_dirty(vacuum->page);
        heap_page_free(data, dead->line);
        vacuum->result->versions_removed++;
        atomic_fetch_sub_explicit(&vacuum->heap.body->dead_rows, 1, memory_order_relaxed);
    }
    page_unlatch(vacuum->page);
    page_unlatch(map_page);
    gate_leave(vacuum->heap.pages);
}

static enum status
unlink_version(struct vacuum *vacuum, const struct dead *dead, struct diag *diag)
{
    struct row_id row = dead->version.row;
    struct page *map_page = NULL;
    bool undone = version_undone(vacuum->store, &dead->version);
    TRY(row_map_pin(&vacuum->heap, row, &vacuum->warm, &map_page, diag));
    enum status status =
        undone ? bypass_undone(vacuum, dead, diag) : cut_expired(vacuum, row, map_page, diag);
    if (status == STATUS_OK) {
        free_version(vacuum, dead, map_page, undone);
    }
    page_unpin(map_page);
    warm_release(&vacuum->warm);
    return status;
}

/* ---- a page ---- */
/* Notes the dead; answers whether something can be stamped. */
static bool
look_at_page(struct vacuum *vacuum)
{
    const uint8_t *data = page_data(vacuum->page);
    bool stampable = false;
    struct version version;
    vacuum->dead_count = 0;
    page_latch_shared(vacuum->page);
    for (unsigned line = 0; line < heap_page_line_count(data); line++) {
        if (!heap_page_read(data, vacuum->heap.page_size, line, &version)) {
            continue;
        }
        if (is_dead(vacuum, &version)) {
            vacuum->dead[vacuum->dead_count++] =
                (struct dead){.line = line, .version = version};
            continue;
        }
        vacuum->result->rows_live += version.xmax == 0;
        stampable = place_stamp(&vacuum->heap, &version, vacuum->horizon) || stampable;
    }
    page_unlatch(vacuum->page);
    return stampable;
}

static void
tidy_page(struct vacuum *vacuum)
{
    struct page *page = vacuum->page;
    uint8_t *data = page_data(page);
    uint32_t page_size = vacuum->heap.page_size;
    warm_release(&vacuum->warm); /* it may hold this page */
    gate_enter(vacuum->heap.pages);
    page_latch_exclusive(page);
    page_dirty(page);
    place_prune(&vacuum->heap, page, vacuum->horizon);
    if (heap_page_room_compacted(data, page_size) > heap_page_room(data, page_size) &&
        page_only_mine(page)) {
        heap_page_compact(data, page_size);
    }
    heap_memory_note(vacuum->heap.memory, page_number(page),
                     heap_page_room_compacted(data, page_size), page_size);
    page_unlatch(page);
    gate_leave(vacuum->heap.pages);
}

/* What ended before the vacuum began writes nothing any more: so this stays true of the page,
 * but for xids that were running then, and those count from the start. */
static void
note_xids_left(struct vacuum *vacuum)
{
    const uint8_t *data = page_data(vacuum->page);
    struct version version;
    page_latch_shared(vacuum->page);
    for (unsigned line = 0; line < heap_page_line_count(data); line++) {
        if (!heap_page_read(data, vacuum->heap.page_size, line, &version)) {
            continue;
        }
        if ((version.flags & VERSION_XMIN_IS_CSN) == 0) {
            vacuum->oldest_xid = MIN(vacuum->oldest_xid, version.xmin);
        }
        vacuum->dead_left += version.xmax != 0;
        if (version.xmax != 0 && (version.flags & VERSION_XMAX_IS_CSN) == 0) {
            vacuum->oldest_xid = MIN(vacuum->oldest_xid, version.xmax);
        }
    }
    page_unlatch(vacuum->page);
}

static enum status
vacuum_page(struct vacuum *vacuum, struct page_no no, struct diag *diag)
{
    TRY(page_pin(vacuum->heap.pages, vacuum->heap.space, no, PIN_SCAN, &vacuum->page, diag));
    bool stampable = look_at_page(vacuum);
    enum status status = STATUS_OK;
    for (unsigned i = 0; status == STATUS_OK && i < vacuum->dead_count; i++) {
        status = remove_entries(vacuum, &vacuum->dead[i], diag);
        if (status == STATUS_OK) {
            status = unlink_version(vacuum, &vacuum->dead[i], diag);
        }
    }
    if (status == STATUS_OK && (stampable || vacuum->dead_count > 0)) {
        tidy_page(vacuum);
    }
    note_xids_left(vacuum);
    page_unpin(vacuum->page);
    vacuum->page = NULL;
    vacuum->result->pages_scanned++;
    return status;
}

static enum status
check_cancel(const struct vacuum *vacuum, struct diag *diag)
{
    return vacuum->waiter != NULL && waiter_check(vacuum->waiter)
               ? waiter_report_cancel(vacuum->waiter, diag)
               : STATUS_OK;
}

/* One vacuum of a table at a time: another one waits. */
static enum status
take_turn(struct vacuum *vacuum, struct diag *diag)
{
    while (!heap_memory_begin_vacuum(vacuum->heap.memory)) {
        TRY(check_cancel(vacuum, diag));
        thread_sleep_us(1000);
    }
    struct xids *xids = &vacuum->store->xids;
    vacuum->horizon = store_horizon(vacuum->store);
    vacuum->oldest_xid = xids_first_running(xids).v;
    vacuum->dead_before = atomic_load(&vacuum->heap.body->dead_rows);
    atomic_store(&vacuum->heap.body->vacuumed_at, atomic_load(&xids->next));
    return STATUS_OK;
}

static enum status
vacuum_pages(struct vacuum *vacuum, struct diag *diag)
{
    uint32_t page_count = space_page_count(vacuum->heap.pages, vacuum->heap.space);
    for (uint32_t no = 0; no < page_count; no++) {
        TRY(check_cancel(vacuum, diag));
        TRY(vacuum_page(vacuum, (struct page_no){no}, diag));
    }
    struct body *body = vacuum->heap.body;
    if (atomic_load(&body->oldest_xid) < vacuum->oldest_xid) {
        atomic_store(&body->oldest_xid, vacuum->oldest_xid);
    }
    /* the estimate begins anew: what was left, and what came meanwhile */
    int64_t more = atomic_load(&body->dead_rows) - vacuum->dead_before +
                   (int64_t)vacuum->result->versions_removed;
    atomic_store(&body->dead_rows, vacuum->dead_left + MAX(more, 0));
    atomic_store(&body->dead_left, vacuum->dead_left);
    atomic_store(&body->vacuumed_to, vacuum->horizon.v);
    return STATUS_OK;
}

enum status
store_vacuum(struct store *store, struct object_id table, struct waiter *waiter,
             struct vacuum_result *result_out, struct diag *diag)
{
    *result_out = (struct vacuum_result){0};
    objects_collect(store);
    struct generation *generation = objects_pin(store, table);
    if (generation == NULL || generation->kind != OBJECT_TABLE) {
        if (generation != NULL) {
            generation_unpin(generation);
        }
        return diag_fail(diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_TABLE,
                         "table %u does not exist", table.v);
    }
    struct vacuum vacuum = {.store = store,
                            .table = generation,
                            .heap = heap_of(store, generation),
                            .waiter = waiter,
                            .result = result_out};
    vacuum.index_count = objects_pin_indexes(store, table, vacuum.indexes, INDEXES_MAX);
    size_t lines_max = vacuum.heap.page_size / VERSION_HEADER_BYTES;
    vacuum.dead = malloc(lines_max * sizeof(vacuum.dead[0]));
    ASSERT(vacuum.dead != NULL);
    enum status status = take_turn(&vacuum, diag);
    if (status == STATUS_OK) {
        status = vacuum_pages(&vacuum, diag);
        heap_memory_end_vacuum(vacuum.heap.memory);
    }
    warm_release(&vacuum.warm);
    free(vacuum.dead);
    buf_deinit(&vacuum.key);
    buf_deinit(&vacuum.other_key);
    for (unsigned i = 0; i < vacuum.index_count; i++) {
        generation_unpin(vacuum.indexes[i]);
    }
    generation_unpin(generation);
    return status;
}

#define CANDIDATE_ROWS 50
#define CANDIDATE_SHARE 5
#define TABLES_MAX 65536

/* As PostgreSQL's autovacuum: 50 rows and a fifth of the table. What the last vacuum had to
 * leave counts again once no snapshot is left that it was left for. */
static bool
has_many_dead(const struct body *body, struct csn horizon)
{
    int64_t dead = atomic_load(&body->dead_rows), live = atomic_load(&body->live_rows);
    if (horizon.v <= atomic_load(&body->vacuumed_to)) {
        dead -= atomic_load(&body->dead_left);
    }
    return dead > CANDIDATE_ROWS + live / CANDIDATE_SHARE;
}

/* A table that nobody changes keeps old xids, and with them the table of xids. Not again soon
 * if it could not be helped: a snapshot may need them. */
static bool
has_old_xids(const struct store *store, const struct body *body)
{
    uint64_t next = atomic_load(&store->xids.next), kept = store->xids_kept_max;
    return next - atomic_load(&body->oldest_xid) > kept &&
           next - atomic_load(&body->vacuumed_at) > kept / 8;
}

unsigned
store_vacuum_candidates(struct store *store, struct object_id *tables_out, unsigned capacity)
{
    struct object_id *tables = malloc(TABLES_MAX * sizeof(tables[0]));
    ASSERT(tables != NULL);
    unsigned table_count = MIN(objects_tables(store, tables, TABLES_MAX), (unsigned)TABLES_MAX);
    struct csn horizon = store_horizon(store);
    unsigned count = 0;
    for (unsigned i = 0; i < table_count && count < capacity; i++) {
        struct generation *generation = objects_pin(store, tables[i]);
        if (generation == NULL) {
            continue;
        }
        if (has_many_dead(generation->body, horizon) || has_old_xids(store, generation->body)) {
            tables_out[count++] = tables[i];
        }
        generation_unpin(generation);
    }
    free(tables);
    return count;
}
