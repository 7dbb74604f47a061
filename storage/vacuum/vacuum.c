/* vacuum.c: takes away what no snapshot can see (DESIGN rule 8). For each dead version of a
 * page: its index entries go under their leaf's latch, after the row's whole chain was read
 * again and no living version has the key; then the version is unlinked; then its line is
 * freed. After that the page is stamped, and compacted if nobody else looks at it.
 *
 * Dead are: undone versions, and those superseded or deleted at or below the horizon. Both are
 * so for ever, so that what was found under a latch may be acted upon later; the line's bytes
 * tell whether it still holds what was found, for our pin keeps them in place.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
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
};

/* Under the leaf's latch: does a living version of the row have the key? */
static enum status
keep_entry(void *arg, bool *keep_out, struct diag *diag)
{
    struct key_question *question = arg;
    struct vacuum *vacuum = question->vacuum;
    struct walk walk;
    bool there = false;
    *keep_out = false;
    walk_init(&walk, &vacuum->heap, question->row, &vacuum->warm);
    enum status status;
    do {
        status = walk_step(&walk, &there, diag);
        if (status != STATUS_OK || !there) {
            break;
        }
        if (!is_dead(vacuum, &walk.version)) {
            (void)key_from_tuple(&vacuum->other_key, question->definition,
                                 vacuum->heap.definition, walk.version.tuple);
            *keep_out = slice_equal(buf_slice(&vacuum->other_key), buf_slice(&vacuum->key));
        }
    } while (!*keep_out);
    walk_end(&walk);
    return status;
}

static enum status
remove_entries(struct vacuum *vacuum, const struct dead *dead, struct diag *diag)
{
    for (unsigned i = 0; i < vacuum->index_count; i++) {
        struct generation *index = vacuum->indexes[i];
        struct btree tree = btree_of(vacuum->store, index);
        struct key_question question = {
            .vacuum = vacuum, .definition = index->index_def, .row = dead->version.row};
        (void)key_from_tuple(&vacuum->key, index->index_def, vacuum->heap.definition,
                             dead->version.tuple);
        struct btree_entry entry = {.key = buf_slice(&vacuum->key), .row = dead->version.row};
        bool removed = false;
        TRY(btree_remove(&tree, entry, &vacuum->warm, keep_entry, &question, &removed, diag));
        vacuum->result->index_entries_removed += removed;
    }
    return STATUS_OK;
}

/* ---- unlinking: inside the gate, the row map page latched ---- */
/* Does the line still hold the version that was found dead? Under the page's latch. */
static bool
holds_still(const struct vacuum *vacuum, const struct dead *dead)
{
    struct version now;
    return heap_page_read(page_data(vacuum->page), vacuum->heap.page_size, dead->line, &now) &&
           now.row.v == dead->version.row.v && now.tuple.data == dead->version.tuple.data;
}

static void
free_line(struct vacuum *vacuum, const struct dead *dead)
{
    page_dirty(vacuum->page);
    heap_page_free(page_data(vacuum->page), dead->line);
    vacuum->result->versions_removed++;
    atomic_fetch_sub_explicit(&vacuum->heap.body->dead_rows, 1, memory_order_relaxed);
}

/* What takes the dead version's place in the chain: behind an undone one lies what it wanted to
 * supersede, perhaps undone too, perhaps alive; what lies behind an expired one has expired and
 * becomes orphans. */
static struct version_at
heir(const struct vacuum *vacuum, const struct version *version)
{
    return version_undone(vacuum->store, version) ? version->prev : VERSION_AT_NONE;
}

/* `successor` was seen to have the dead version as its previous one. */
static void
unlink_behind(struct vacuum *vacuum, const struct walk *successor, struct version_at at,
              struct version_at next)
{
    struct version version;
    uint8_t *data = page_data(successor->page);
    page_latch_exclusive(successor->page);
    if (heap_page_read(data, vacuum->heap.page_size, successor->at.line, &version) &&
        version.row.v == successor->row.v && version_at_equal(version.prev, at)) {
        page_dirty(successor->page);
        version.prev = next;
        version.flags &= (uint8_t)~VERSION_KEYS_SAME;
        heap_page_write_header(data, successor->at.line, &version);
    }
    page_unlatch(successor->page);
}

/* Leads the chain past `at`, as often as it is found there: a swung line may have moved the
 * successor between look and latch. */
static enum status
bypass(struct vacuum *vacuum, struct row_id row, struct version_at at, struct version_at next,
       struct diag *diag)
{
    bool there = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && there) {
        struct walk walk;
        walk_init(&walk, &vacuum->heap, row, &vacuum->warm);
        do {
            status = walk_step(&walk, &there, diag);
        } while (status == STATUS_OK && there && !version_at_equal(walk.version.prev, at));
        if (status == STATUS_OK && there) {
            unlink_behind(vacuum, &walk, at, next);
        }
        walk_end(&walk);
    }
    return status;
}

/* As the line is now; false when it holds something else. */
static bool
read_dead(struct vacuum *vacuum, const struct dead *dead, struct version *now)
{
    page_latch_shared(vacuum->page);
    bool same =
        holds_still(vacuum, dead) &&
        heap_page_read(page_data(vacuum->page), vacuum->heap.page_size, dead->line, now);
    page_unlatch(vacuum->page);
    return same;
}

static enum status
unlink_latched(struct vacuum *vacuum, const struct dead *dead, struct page *map_page,
               struct diag *diag)
{
    struct row_id row = dead->version.row;
    struct version now;
    struct version_at at = {.page = page_number(vacuum->page), .line = (uint16_t)dead->line};
    if (!read_dead(vacuum, dead, &now)) {
        return STATUS_OK;
    }
    bool head = version_at_equal(row_map_get(&vacuum->heap, map_page, row), at);
    if (!head) {
        TRY(bypass(vacuum, row, at, heir(vacuum, &now), diag));
    }
    page_latch_exclusive(vacuum->page);
    if (holds_still(vacuum, dead)) { /* else a writer swung the line meanwhile */
        if (head) {
            page_dirty(map_page);
            row_map_put(&vacuum->heap, map_page, row, heir(vacuum, &now));
        }
        free_line(vacuum, dead);
    }
    page_unlatch(vacuum->page);
    return STATUS_OK;
}

static enum status
unlink_version(struct vacuum *vacuum, const struct dead *dead, struct diag *diag)
{
    struct page *map_page = NULL;
    TRY(row_map_pin(&vacuum->heap, dead->version.row, &vacuum->warm, &map_page, diag));
    enum status status;
    for (;;) {
        gate_enter(vacuum->heap.pages);
        page_latch_exclusive(map_page);
        status = unlink_latched(vacuum, dead, map_page, diag);
        page_unlatch(map_page);
        gate_leave(vacuum->heap.pages);
        if (status != STATUS_AGAIN) {
            break;
        }
        status = warm_fetch(&vacuum->warm, vacuum->heap.pages, diag);
        if (status != STATUS_OK) {
            break;
        }
    }
    page_unpin(map_page);
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
    page_unpin(vacuum->page);
    vacuum->page = NULL;
    vacuum->result->pages_scanned++;
    return status;
}

static enum status
vacuum_pages(struct vacuum *vacuum, struct diag *diag)
{
    uint32_t page_count = space_page_count(vacuum->heap.pages, vacuum->heap.space);
    for (uint32_t no = 0; no < page_count; no++) {
        if (vacuum->waiter != NULL && waiter_cancelled(vacuum->waiter)) {
            return diag_fail(diag, STATUS_CANCELLED, SQLSTATE_QUERY_CANCELED,
                             "canceling statement due to user request");
        }
        TRY(vacuum_page(vacuum, (struct page_no){no}, diag));
    }
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
                            .horizon = store_horizon(store),
                            .waiter = waiter,
                            .result = result_out};
    vacuum.index_count = objects_pin_indexes(store, table, vacuum.indexes, INDEXES_MAX);
    size_t lines_max = vacuum.heap.page_size / VERSION_HEADER_BYTES;
    vacuum.dead = malloc(lines_max * sizeof(vacuum.dead[0]));
    ASSERT(vacuum.dead != NULL);
    enum status status = vacuum_pages(&vacuum, diag);
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

/* As PostgreSQL's autovacuum: 50 rows and a fifth of the table. */
#define CANDIDATE_ROWS 50
#define CANDIDATE_SHARE 5
#define TABLES_MAX 65536

unsigned
store_vacuum_candidates(struct store *store, struct object_id *tables_out, unsigned capacity)
{
    struct object_id *tables = malloc(TABLES_MAX * sizeof(tables[0]));
    ASSERT(tables != NULL);
    unsigned table_count = MIN(objects_tables(store, tables, TABLES_MAX), (unsigned)TABLES_MAX);
    unsigned count = 0;
    for (unsigned i = 0; i < table_count && count < capacity; i++) {
        struct generation *generation = objects_pin(store, tables[i]);
        if (generation == NULL) {
            continue;
        }
        int64_t dead = atomic_load(&generation->body->dead_rows);
        int64_t live = atomic_load(&generation->body->live_rows);
        if (dead > CANDIDATE_ROWS + live / CANDIDATE_SHARE) {
            tables_out[count++] = tables[i];
        }
        generation_unpin(generation);
    }
    free(tables);
    return count;
}
