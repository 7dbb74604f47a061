/* pages_check.c: are maps, slots and pages what they should be? See storage/page/pages.h.
 *
 * It runs beside writers and evictions, but not beside a checkpoint. A page that is being
 * written while it is read looks damaged for an instant: it is read again, with its new place.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/env.h"
#include "base/errors.h"
#include "base/log.h"
#include "base/thread.h"
#include "storage/checkpoint/checkpoint_internal.h"

#include <stdlib.h>

#define TRIES_MAX 10

static enum status
read_and_verify(struct pages *pages, struct page_ref ref, struct page_identity identity,
                uint8_t *image, struct diag *diag)
{
    TRY(slots_read(&pages->slots, ref.slot, image, diag));
    return page_verify(image, pages->page_size, identity, ref.sum, diag);
}

/* A page without a slot is right only while its frame is dirty. */
static bool
in_pool(struct pages *pages, struct page_identity identity)
{
    struct page *page =
        pool_find_locked(&pages->pool, pool_key(identity.space, identity.number));
    if (page != NULL) {
        pool_unpin(page);
    }
    return page != NULL;
}

static bool
check_page(struct pages *pages, uint32_t id, uint32_t no, uint8_t *image, struct diag *diag)
{
    struct page_identity identity = {.kind = PAGE_KIND_DATA, .space = id, .number = no};
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        struct diag mine = {0};
        struct page_ref ref = {0};
        mutex_lock(&pages->spaces.mu);
        struct space *space = spaces_find_locked(&pages->spaces, id);
        bool gone = space == NULL || space->dropped_epoch != 0 || no >= space->page_count;
        if (!gone) {
            ref = page_map_get(&space->map, no);
        }
        mutex_unlock(&pages->spaces.mu);
        bool good =
            gone || (ref.slot == SLOT_NONE
                         ? in_pool(pages, identity)
                         : read_and_verify(pages, ref, identity, image, &mine) == STATUS_OK);
        if (good) {
            return true;
        }
        if (tries + 1 == TRIES_MAX) {
            diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED, "%s",
                      ref.slot == SLOT_NONE ? "a page is neither on disk nor in memory"
                                            : mine.message);
        }
        thread_sleep_us(1000);
    }
    return false;
}

static bool
check_map_pages(struct pages *pages, const struct space *space, uint8_t *image,
                struct diag *diag)
{
    for (unsigned level = 0; level < MAP_LEVELS_MAX; level++) {
        const struct map_level *at = &space->map.levels[level];
        for (uint32_t i = 0; i < at->count; i++) {
            struct page_identity identity = {.kind = PAGE_KIND_MAP,
                                             .level = (uint8_t)level,
                                             .space = space->id,
                                             .number = i};
            if (at->stale[i] == 0 &&
                read_and_verify(pages, at->refs[i], identity, image, diag) != STATUS_OK) {
                return false;
            }
        }
    }
    return true;
}

static bool
check_blob(struct pages *pages, const struct space *space, uint8_t *image, struct diag *diag)
{
    for (uint32_t i = 0; i < space->page_count; i++) {
        struct page_identity identity = {
            .kind = PAGE_KIND_BLOB, .space = space->id, .number = i};
        if (read_and_verify(pages, page_map_get(&space->map, i), identity, image, diag) !=
            STATUS_OK) {
            return false;
        }
    }
    return check_map_pages(pages, space, image, diag);
}

/* Live spaces; only checkpoints free them, and none runs. The caller frees. */
static struct space **
list_spaces(struct pages *pages, size_t *count_out)
{
    struct spaces *spaces = &pages->spaces;
    mutex_lock(&spaces->mu);
    struct space **list = malloc((spaces->count + 1) * sizeof(struct space *));
    ASSERT(list != NULL);
    *count_out = 0;
    for (uint32_t i = 0; i < spaces->table_size; i++) {
        if (spaces->table[i] != NULL) {
            list[(*count_out)++] = spaces->table[i];
        }
    }
    mutex_unlock(&spaces->mu);
    return list;
}

static bool
check_deeply(struct pages *pages, struct diag *diag)
{
    size_t count = 0;
    struct space **list = list_spaces(pages, &count);
    struct staging *staging = pages__borrow_staging(pages);
    bool good = true;
    for (size_t i = 0; i < count && good; i++) {
        uint32_t page_count = spaces_page_count(&pages->spaces, list[i]->id);
        for (uint32_t no = 0; no < page_count && good; no++) {
            good = check_page(pages, list[i]->id, no, staging->data, diag);
        }
        good = good && check_map_pages(pages, list[i], staging->data, diag);
    }
    if (pages->directory_bytes.size > 0) { /* else a failed checkpoint was in the middle */
        good = good && check_blob(pages, &pages->spaces.directory, staging->data, diag);
    }
    if (pages->meta_bytes.size > 0) {
        good = good && check_blob(pages, &pages->spaces.meta, staging->data, diag);
    }
    pages__return_staging(pages, staging);
    free(list);
    return good;
}

bool
pages_check(struct pages *pages, bool deep, struct diag *diag)
{
    struct diag mine = {0};
    struct diag *to = diag == NULL ? &mine : diag;
    pages__begin_run(pages);
    bool good = pages__refuse_damaged(pages, to) == STATUS_OK;
    good = good && spaces_check(&pages->spaces, to);
    good = good && (!deep || check_deeply(pages, to));
    pages__end_run(pages);
    if (!good) {
        log_error(pages->env->log, "storage", "check of pages failed: %s", to->message);
    }
    return good;
}
