/* spaces.c: see spaces.h. SPDX-License-Identifier: Apache-2.0 */
#include "storage/page/spaces.h"
#include "base/errors.h"
#include "base/hash.h"
#include "base/thread.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_SIZE_MIN 64u

static unsigned
parity_of(uint64_t epoch)
{
    return (unsigned)(epoch & 1);
}

static void
push_slot(struct slot_list *list, uint32_t slot)
{
    if (list->count == list->capacity) {
        list->capacity = MAX(list->capacity * 2, 256);
        list->items = realloc(list->items, list->capacity * sizeof(*list->items));
        ASSERT(list->items != NULL);
    }
    list->items[list->count++] = slot;
}

void
spaces_init(struct spaces *spaces, struct slots *slots, uint32_t page_size)
{
    memset(spaces, 0, sizeof(*spaces));
    mutex_init(&spaces->mu, LOCK_RANK_PAGE_MAP);
    spaces->slots = slots;
    spaces->page_size = page_size;
    spaces->table_size = TABLE_SIZE_MIN;
    spaces->table = calloc(spaces->table_size, sizeof(*spaces->table));
    ASSERT(spaces->table != NULL);
    spaces->next_id = 1;
    spaces->epoch = 1;
    spaces->directory.id = SPACE_DIRECTORY;
    spaces->meta.id = SPACE_META;
    page_map_init(&spaces->directory.map, page_size);
    page_map_init(&spaces->meta.map, page_size);
}

static void
delete_space(struct space *space)
{
    page_map_deinit(&space->map);
    free(space);
}

void
spaces_deinit(struct spaces *spaces)
{
    for (uint32_t i = 0; i < spaces->table_size; i++) {
        if (spaces->table[i] != NULL) {
            delete_space(spaces->table[i]);
        }
    }
    free(spaces->table);
    page_map_deinit(&spaces->directory.map);
    page_map_deinit(&spaces->meta.map);
    free(spaces->dead[0].items);
    free(spaces->dead[1].items);
    mutex_deinit(&spaces->mu);
}

/* ---- the table ---- */

static uint32_t
home_of(const struct spaces *spaces, uint32_t id)
{
    return (uint32_t)hash_word(id) & (spaces->table_size - 1);
}

struct space *
spaces_find_locked(struct spaces *spaces, uint32_t id)
{
    ASSERT(mutex_held(&spaces->mu));
    for (uint32_t i = home_of(spaces, id);; i = (i + 1) & (spaces->table_size - 1)) {
        struct space *space = spaces->table[i];
        if (space == NULL || space->id == id) {
            return space;
        }
    }
}

static void
put_space(struct spaces *spaces, struct space *space)
{
    uint32_t i = home_of(spaces, space->id);
    while (spaces->table[i] != NULL) {
        i = (i + 1) & (spaces->table_size - 1);
    }
    spaces->table[i] = space;
}

static void
rebuild_table(struct spaces *spaces, uint32_t size)
{
    struct space **old = spaces->table;
    uint32_t old_size = spaces->table_size;
    spaces->table = calloc(size, sizeof(*spaces->table));
    ASSERT(spaces->table != NULL);
    spaces->table_size = size;
    for (uint32_t i = 0; i < old_size; i++) {
        if (old[i] != NULL) {
            put_space(spaces, old[i]);
        }
    }
    free(old);
}

struct space *
spaces_add_locked(struct spaces *spaces, uint32_t id)
{
    ASSERT(mutex_held(&spaces->mu));
    ASSERT(spaces_find_locked(spaces, id) == NULL);
    if ((spaces->count + 1) * 2 > spaces->table_size) {
        rebuild_table(spaces, spaces->table_size * 2);
    }
    struct space *space = calloc(1, sizeof(*space));
    ASSERT(space != NULL);
    space->id = id;
    space->created_epoch = spaces->epoch;
    page_map_init(&space->map, spaces->page_size);
    put_space(spaces, space);
    spaces->count++;
    return space;
}

struct space_id
spaces_create(struct spaces *spaces)
{
    mutex_lock(&spaces->mu);
    ASSERT(spaces->next_id < SPACE_ID_MAX);
    struct space_id id = {.v = spaces->next_id++};
    spaces_add_locked(spaces, id.v);
    spaces->changed = true;
    mutex_unlock(&spaces->mu);
    return id;
}

static struct space *
find_live(struct spaces *spaces, uint32_t id)
{
    struct space *space = spaces_find_locked(spaces, id);
    return space != NULL && space->dropped_epoch == 0 ? space : NULL;
}

void
spaces_drop(struct spaces *spaces, uint32_t id)
{
    mutex_lock(&spaces->mu);
    struct space *space = find_live(spaces, id);
    ASSERT(space != NULL);
    spaces->changed = true;
    space->dropped_epoch = spaces->epoch; /* its slots die at that epoch's checkpoint */
    mutex_unlock(&spaces->mu);
}

uint32_t
spaces_page_count(struct spaces *spaces, uint32_t id)
{
    mutex_lock(&spaces->mu);
    struct space *space = find_live(spaces, id);
    uint32_t count = space == NULL ? 0 : space->page_count - space->arriving_count;
    mutex_unlock(&spaces->mu);
    return count;
}

static enum status
no_such_page(uint32_t id, uint32_t no, struct diag *diag)
{
    return diag_fail(diag, STATUS_NOT_FOUND, SQLSTATE_DATA_CORRUPTED,
                     "page %u of space %u does not exist", no, id);
}

enum status
spaces_append(struct spaces *spaces, uint32_t id, uint32_t *no_out, struct diag *diag)
{
    mutex_lock(&spaces->mu);
    struct space *space = find_live(spaces, id);
    bool fits = space != NULL && space->page_count < PAGE_NO_NONE;
    if (fits) {
        *no_out = space->page_count++;
        space->arriving_count++;
        spaces->changed = true;
    }
    mutex_unlock(&spaces->mu);
    return fits ? STATUS_OK : no_such_page(id, PAGE_NO_NONE, diag);
}

/* In the order of their numbers: who is ahead of a lower one waits for it, which is a moment.
 */
void
spaces_appended(struct spaces *spaces, uint32_t id, uint32_t no)
{
    for (;;) {
        mutex_lock(&spaces->mu);
        struct space *space = find_live(spaces, id);
        ASSERT(space != NULL && space->arriving_count > 0);
        bool mine = space->page_count - space->arriving_count == no;
        space->arriving_count -= mine;
        mutex_unlock(&spaces->mu);
        if (mine) {
            return;
        }
        thread_yield();
    }
}

enum status
spaces_ref(struct spaces *spaces, uint32_t id, uint32_t no, struct page_ref *ref_out,
           struct diag *diag)
{
    mutex_lock(&spaces->mu);
    struct space *space = spaces_find_locked(spaces, id);
    bool there = space != NULL && no < space->page_count;
    *ref_out = there ? page_map_get(&space->map, no) : (struct page_ref){0};
    mutex_unlock(&spaces->mu);
    return there && ref_out->slot != SLOT_NONE ? STATUS_OK : no_such_page(id, no, diag);
}

/* ---- the life of slots ---- */

static bool
for_cut(const struct spaces *spaces, uint64_t epoch)
{
    return spaces->in_flight && epoch <= spaces->cut_epoch;
}

/* A slot leaves the view of `epoch`: free at once if no root can have it. */
static void
kill_slot(struct spaces *spaces, uint32_t slot, uint64_t epoch)
{
    if (slot == SLOT_NONE) {
        return;
    }
    if (slots_is_young(spaces->slots, slot, parity_of(epoch))) {
        slots_free(spaces->slots, slot);
    } else {
        push_slot(&spaces->dead[parity_of(epoch)], slot);
    }
}

void
spaces_kill_cut_locked(struct spaces *spaces, uint32_t slot)
{
    ASSERT(spaces->in_flight);
    kill_slot(spaces, slot, spaces->cut_epoch);
}

void
spaces_truncate(struct spaces *spaces, uint32_t id, uint32_t page_count)
{
    mutex_lock(&spaces->mu);
    struct space *space = find_live(spaces, id);
    ASSERT(space != NULL && page_count <= space->page_count);
    for (uint32_t no = page_count; no < space->page_count; no++) {
        struct page_ref ref = page_map_get(&space->map, no);
        if (ref.slot != SLOT_NONE) {
            page_map_set(&space->map, no, (struct page_ref){0}, spaces->epoch,
                         spaces->in_flight);
            kill_slot(spaces, ref.slot, spaces->epoch);
        }
    }
    space->page_count = page_count;
    spaces->changed = true;
    mutex_unlock(&spaces->mu);
}

/* The page is not part of what `epoch` will leave behind. */
static bool
page_gone(const struct space *space, uint32_t no, uint64_t epoch, bool cut)
{
    return space == NULL || (space->dropped_epoch != 0 && space->dropped_epoch <= epoch) ||
           no >= (cut ? space->cut_page_count : space->page_count);
}

enum status
spaces_place(struct spaces *spaces, uint32_t id, uint32_t no, uint64_t epoch,
             uint32_t *slot_out, struct diag *diag)
{
    *slot_out = SLOT_NONE;
    mutex_lock(&spaces->mu);
    bool cut = for_cut(spaces, epoch);
    epoch = cut ? spaces->cut_epoch : spaces->epoch;
    struct space *space = spaces_find_locked(spaces, id);
    enum status status = STATUS_OK;
    if (!page_gone(space, no, epoch, cut)) {
        struct page_ref old =
            cut ? page_map_get_cut(&space->map, no) : page_map_get(&space->map, no);
        if (slots_is_young(spaces->slots, old.slot, parity_of(epoch))) {
            *slot_out = old.slot;
        } else {
            status =
                slots_take(spaces->slots, &space->extent, parity_of(epoch), slot_out, diag);
        }
        spaces->placed_count += status == STATUS_OK;
    }
    mutex_unlock(&spaces->mu);
    return status;
}

static void
set_current(struct spaces *spaces, struct space *space, uint32_t no, struct page_ref ref)
{
    struct page_ref old = page_map_get(&space->map, no);
    page_map_set(&space->map, no, ref, spaces->epoch, spaces->in_flight);
    spaces->changed = true;
    if (old.slot != ref.slot) {
        kill_slot(spaces, old.slot, spaces->epoch);
    }
}

static void
set_cut(struct spaces *spaces, struct space *space, uint32_t no, struct page_ref ref)
{
    struct page_ref old = page_map_get_cut(&space->map, no);
    bool truncated = no >= space->page_count; /* since the cut */
    bool same = page_map_set_cut(&space->map, no, ref, spaces->cut_epoch, truncated);
    if (old.slot == ref.slot) {
        return;
    }
    if (same) {
        kill_slot(spaces, old.slot, spaces->cut_epoch);
    } else { /* `old` died with the current epoch already; now `ref` needs the same */
        push_slot(&spaces->dead[parity_of(spaces->epoch)], ref.slot);
    }
}

void
spaces_placed(struct spaces *spaces, uint32_t id, uint32_t no, uint64_t epoch,
              struct page_ref ref, bool written)
{
    mutex_lock(&spaces->mu);
    struct space *space = spaces_find_locked(spaces, id);
    ASSERT(space != NULL);
    ASSERT(spaces->placed_count > 0);
    spaces->placed_count--;
    bool cut = for_cut(spaces, epoch);
    struct page_ref old =
        cut ? page_map_get_cut(&space->map, no) : page_map_get(&space->map, no);
    if (!written) {
        if (old.slot != ref.slot) {
            slots_free(spaces->slots, ref.slot);
        }
    } else if (cut) {
        set_cut(spaces, space, no, ref);
    } else {
        set_current(spaces, space, no, ref);
    }
    mutex_unlock(&spaces->mu);
}

/* ---- checkpoints ---- */

void
spaces_cut(struct spaces *spaces)
{
    mutex_lock(&spaces->mu);
    ASSERT(!spaces->in_flight);
    for (uint32_t i = 0; i < spaces->table_size; i++) {
        if (spaces->table[i] != NULL) {
            spaces->table[i]->cut_page_count = spaces->table[i]->page_count;
        }
    }
    spaces->cut_next_id = spaces->next_id;
    spaces->cut_epoch = spaces->epoch++;
    spaces->in_flight = true;
    spaces->changed = false;
    ASSERT(spaces->dead[parity_of(spaces->epoch)].count == 0);
    mutex_unlock(&spaces->mu);
}

enum status
spaces_replace_locked(struct spaces *spaces, struct space *space, struct page_ref old,
                      uint32_t *slot_out, struct diag *diag)
{
    ASSERT(mutex_held(&spaces->mu));
    ASSERT(spaces->in_flight);
    unsigned parity = parity_of(spaces->cut_epoch);
    if (slots_is_young(spaces->slots, old.slot, parity)) {
        *slot_out = old.slot;
        return STATUS_OK;
    }
    TRY(slots_take(spaces->slots, &space->map_extent, parity, slot_out, diag));
    spaces_kill_cut_locked(spaces, old.slot);
    return STATUS_OK;
}

/* Drops that the durable root shows; the others get one view again. */
static void
settle_spaces(struct spaces *spaces, bool durable)
{
    bool dropped = false;
    for (uint32_t i = 0; i < spaces->table_size; i++) {
        struct space *space = spaces->table[i];
        if (space == NULL) {
            continue;
        }
        page_map_thaw(&space->map);
        if (durable && space->dropped_epoch != 0 && space->dropped_epoch <= spaces->cut_epoch) {
            delete_space(space);
            spaces->table[i] = NULL;
            spaces->count--;
            dropped = true;
        }
    }
    page_map_thaw(&spaces->directory.map);
    page_map_thaw(&spaces->meta.map);
    if (dropped) {
        rebuild_table(spaces, spaces->table_size); /* holes would cut chains of collisions */
    }
}

void
spaces_cut_done(struct spaces *spaces)
{
    mutex_lock(&spaces->mu);
    ASSERT(spaces->in_flight);
    unsigned parity = parity_of(spaces->cut_epoch);
    settle_spaces(spaces, true);
    slots_forget_young(spaces->slots, parity);
    struct slot_list *dead = &spaces->dead[parity];
    for (size_t i = 0; i < dead->count; i++) {
        slots_free(spaces->slots, dead->items[i]);
    }
    dead->count = 0;
    spaces->in_flight = false;
    mutex_unlock(&spaces->mu);
}

void
spaces_cut_failed(struct spaces *spaces)
{
    mutex_lock(&spaces->mu);
    ASSERT(spaces->in_flight);
    unsigned from = parity_of(spaces->cut_epoch), to = parity_of(spaces->epoch);
    settle_spaces(spaces, false);
    slots_merge_young(spaces->slots, from, to);
    struct slot_list *dead = &spaces->dead[from];
    for (size_t i = 0; i < dead->count; i++) {
        push_slot(&spaces->dead[to], dead->items[i]);
    }
    dead->count = 0;
    spaces->in_flight = false;
    spaces->changed = true;
    mutex_unlock(&spaces->mu);
}
