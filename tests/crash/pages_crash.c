/* pages_crash.c: after a crash at any sync, exactly a complete checkpoint is there.
 *
 * A scripted workload changes pages, spaces and checkpoints on a simulated disk; a model keeps
 * what each checkpoint cut saw. The run is repeated with a crash at each sync it makes, and at
 * some writes. After reopening, content must be that of the newest completed checkpoint, or of
 * the one in flight if its root made it. Then work goes on, and a second crash is checked too.
 *
 * So that changes fall into a running checkpoint although there is one thread, the disk calls
 * back before each write, and the workload changes a few pages from there.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/codec.h"
#include "base/env.h"
#include "base/hash.h"
#include "base/rng.h"
#include "storage/page/pages.h"
#include "tests/crash/crash.h"
#include "tests/lib/sim_vfs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIR "/pages"
#define PAGE_BYTES 4096u
#define SPACES_MAX 10u
#define PAGES_MAX 700u /* of a space: more than one map page holds */
#define STEPS 160u
#define META_MAX 9000u

struct model_space {
    uint32_t id; /* 0: none */
    uint32_t count;
    uint64_t stamps[PAGES_MAX];
};

struct model {
    struct model_space spaces[SPACES_MAX];
    uint64_t index; /* applied index of its cut; 0: nothing was ever checkpointed */
    uint32_t meta_size;
};

struct run {
    struct rng rng;
    struct sim_vfs *sim;
    struct env env;
    struct faults faults;
    struct pages *pages;
    uint32_t pool_pages;
    struct model now, durable, flight;
    bool has_flight; /* a cut was taken and not yet reported complete */
    uint64_t next_index, next_stamp;
    bool in_checkpoint, nested, refuse_log;
    uint64_t refused_count, checked_count;
    char broken[700]; /* what was wrong; empty: nothing */
};

static void
broke(struct run *run, const char *what, uint64_t a, uint64_t b)
{
    if (run->broken[0] == 0) {
        snprintf(run->broken, sizeof(run->broken), "%s (%" PRIu64 ", %" PRIu64 ")", what, a, b);
    }
}

/* ---- pages with a stamp ---- */

static uint64_t
word_of(uint64_t stamp, uint32_t i)
{
    return hash_word(stamp * 4096 + i);
}

static void
fill(uint8_t *data, uint64_t stamp)
{
    put_u64(data + PAGE_HEADER_BYTES, stamp);
    for (uint32_t i = PAGE_HEADER_BYTES + 8; i < PAGE_BYTES; i += 8) {
        put_u64(data + i, word_of(stamp, i));
    }
}

static bool
holds(const uint8_t *data, uint64_t stamp)
{
    if (get_u64(data + PAGE_HEADER_BYTES) != stamp) {
        return false;
    }
    for (uint32_t i = PAGE_HEADER_BYTES + 8; i < PAGE_BYTES; i += 8) {
        if (get_u64(data + i) != word_of(stamp, i)) {
            return false;
        }
    }
    return true;
}

/* ---- steps: each changes the pages and, if that worked, the model ---- */

static enum status
step_write(struct run *run, struct model_space *space, uint32_t no)
{
    struct page *page = NULL;
    unsigned flags = rng_below(&run->rng, 4) == 0 ? PIN_SCAN : 0;
    TRY(page_pin(run->pages, (struct space_id){space->id}, (struct page_no){no}, flags, &page,
                 NULL));
    gate_enter(run->pages);
    page_latch_exclusive(page);
    if (!holds(page_data(page), space->stamps[no])) {
        broke(run, "a page has not what was written last", space->id, no);
    }
    page_dirty(page);
    space->stamps[no] = ++run->next_stamp;
    fill(page_data(page), space->stamps[no]);
    page_unlatch(page);
    gate_leave(run->pages);
    page_unpin(page);
    return STATUS_OK;
}

static enum status
step_append(struct run *run, struct model_space *space)
{
    struct page *page = NULL;
    struct page_no no;
    if (space->count == PAGES_MAX) {
        return STATUS_OK;
    }
    for (;;) {
        gate_enter(run->pages);
        enum status status =
            page_append(run->pages, (struct space_id){space->id}, &no, &page, NULL);
        if (status == STATUS_OK) {
            break;
        }
        gate_leave(run->pages);
        if (status != STATUS_AGAIN) {
            return status;
        }
        TRY(pages_make_room(run->pages, NULL));
    }
    if (no.v != space->count) {
        broke(run, "append gave an unexpected number", no.v, space->count);
    }
    space->stamps[space->count++] = ++run->next_stamp;
    fill(page_data(page), run->next_stamp);
    page_unlatch(page);
    gate_leave(run->pages);
    page_unpin(page);
    return STATUS_OK;
}

static void
step_truncate(struct run *run, struct model_space *space)
{
    uint32_t count = (uint32_t)rng_below(&run->rng, space->count + 1u);
    gate_enter(run->pages);
    space_truncate(run->pages, (struct space_id){space->id}, count);
    gate_leave(run->pages);
    space->count = count;
}

static void
step_create(struct run *run, struct model_space *space)
{
    gate_enter(run->pages);
    space->id = space_create(run->pages).v;
    gate_leave(run->pages);
    space->count = 0;
}

static void
step_drop(struct run *run, struct model_space *space)
{
    gate_enter(run->pages);
    space_drop(run->pages, (struct space_id){space->id});
    gate_leave(run->pages);
    memset(space, 0, sizeof(*space));
}

static enum status
step_small(struct run *run)
{
    struct model_space *space = &run->now.spaces[rng_below(&run->rng, SPACES_MAX)];
    uint64_t dice = rng_below(&run->rng, 100);
    if (space->id == 0) {
        step_create(run, space);
        return STATUS_OK;
    }
    if (dice < 3) {
        step_drop(run, space);
        return STATUS_OK;
    }
    if (dice < 7 && !run->nested) { /* it may wait for pages that are being written */
        step_truncate(run, space);
        return STATUS_OK;
    }
    if (dice < 40 || space->count == 0) {
        uint64_t times = dice == 10 ? 300 : rng_below(&run->rng, 8);
        for (uint64_t i = 0; i < times; i++) {
            TRY(step_append(run, space));
        }
        return STATUS_OK;
    }
    uint64_t times = rng_below(&run->rng, 12);
    for (uint64_t i = 0; i < times; i++) {
        TRY(step_write(run, space, (uint32_t)rng_below(&run->rng, space->count)));
    }
    return STATUS_OK;
}

static void
before_write(void *arg)
{
    struct run *run = arg;
    if (!run->in_checkpoint || run->nested || sim_vfs_is_off(run->sim)) {
        return;
    }
    run->nested = true;
    for (uint64_t i = rng_below(&run->rng, 3); i > 0 && step_small(run) == STATUS_OK; i--) {
    }
    run->nested = false;
}

/* ---- checkpoints ---- */

static void
make_meta(uint64_t index, uint32_t size, struct buf *meta)
{
    for (uint32_t i = 0; i < size; i++) {
        buf_u8(meta, (uint8_t)(i / 4000 == 0 ? index + i : i)); /* later pages stay the same */
    }
}

static void
cut(void *arg, uint64_t *applied_index_out, uint64_t *applied_term_out, struct buf *meta_out)
{
    struct run *run = arg;
    run->now.index = run->next_index++;
    run->now.meta_size = (uint32_t)rng_below(&run->rng, META_MAX);
    run->flight = run->now;
    run->has_flight = true;
    *applied_index_out = run->now.index;
    *applied_term_out = run->now.index / 7;
    make_meta(run->now.index, run->now.meta_size, meta_out);
}

static enum status
log_durable(void *arg, uint64_t index, struct diag *diag)
{
    struct run *run = arg;
    (void)index;
    (void)diag;
    run->refuse_log = rng_below(&run->rng, 5) == 0;
    return run->refuse_log ? STATUS_TIMEOUT : STATUS_OK;
}

static enum status
step_checkpoint(struct run *run)
{
    struct checkpoint_result result;
    run->in_checkpoint = true;
    run->refuse_log = false;
    enum status status = pages_checkpoint(run->pages, cut, log_durable, run, &result, NULL);
    run->in_checkpoint = false;
    if (status == STATUS_OK) {
        run->durable = run->flight;
        run->has_flight = false;
    } else if (run->refuse_log) {
        run->has_flight = false; /* a root that was refused must never appear */
        run->refused_count++;
        return STATUS_OK;
    }
    return status;
}

/* ---- what must be there after a crash ---- */

static bool
check_space(struct run *run, const struct model_space *space)
{
    if (space_page_count(run->pages, (struct space_id){space->id}) != space->count) {
        broke(run, "a space has the wrong size: (id, pages)", space->id,
              space_page_count(run->pages, (struct space_id){space->id}));
        return false;
    }
    for (uint32_t no = 0; no < space->count; no++) {
        struct page *page = NULL;
        struct diag diag = {0};
        if (page_pin(run->pages, (struct space_id){space->id}, (struct page_no){no}, PIN_SCAN,
                     &page, &diag) != STATUS_OK) {
            broke(run, diag.message, space->id, no);
            return false;
        }
        page_latch_shared(page);
        bool good = holds(page_data(page), space->stamps[no]);
        page_unlatch(page);
        page_unpin(page);
        run->checked_count++;
        if (!good) {
            broke(run, "a page has not what the checkpoint had: (space, page)", space->id, no);
            return false;
        }
    }
    return true;
}

static bool
check_model(struct run *run, const struct model *model)
{
    for (unsigned i = 0; i < SPACES_MAX; i++) {
        if (model->spaces[i].id != 0 && !check_space(run, &model->spaces[i])) {
            return false;
        }
    }
    return true;
}

static bool
check_root(struct run *run, const struct root_info *root, const struct model *model)
{
    struct buf meta = BUF_EMPTY;
    make_meta(model->index, model->meta_size, &meta);
    bool good =
        root->applied_term == model->index / 7 && slice_equal(root->meta, buf_slice(&meta));
    buf_deinit(&meta);
    if (!good) {
        broke(run, "the root's meta bytes or term are wrong", root->meta.size,
              model->meta_size);
    }
    return good;
}

static bool
open_pages(struct run *run, struct root_info *root_out)
{
    struct diag diag = {0};
    struct pages_options options = {
        .env = &run->env, .dir = DIR, .page_size = PAGE_BYTES, .pool_pages = run->pool_pages};
    if (pages_open(&options, &run->pages, root_out, &diag) != STATUS_OK) {
        snprintf(run->broken, sizeof(run->broken), "open after a crash: %s", diag.message);
        return false;
    }
    return true;
}

/* Power is off; the pages were closed. */
static bool
reopen(struct run *run)
{
    struct root_info root;
    sim_vfs_power_on(run->sim);
    if (!open_pages(run, &root)) {
        return false;
    }
    uint64_t index = root.found ? root.applied_index : 0;
    bool from_flight = run->has_flight && index == run->flight.index;
    if (!from_flight && index != run->durable.index) {
        broke(run, "not the newest complete checkpoint: (found, wanted)", index,
              run->durable.index);
        return false;
    }
    if (from_flight) {
        run->durable = run->flight;
    }
    run->has_flight = false;
    run->now = run->durable;
    if (root.found && !check_root(run, &root, &run->now)) {
        return false;
    }
    pages_root_forget(run->pages);
    struct diag diag = {0};
    if (!check_model(run, &run->now) || !pages_check(run->pages, true, &diag)) {
        broke(run, diag.message, 0, 0);
        return false;
    }
    return true;
}

static bool
crash_and_reopen(struct run *run)
{
    sim_vfs_power_off(run->sim);
    pages_close(run->pages);
    run->pages = NULL;
    return run->broken[0] == 0 && reopen(run);
}

/* Works until the script ends or the power goes. */
static bool
work(struct run *run, unsigned steps)
{
    for (unsigned i = 0; i < steps && run->broken[0] == 0; i++) {
        enum status status =
            rng_below(&run->rng, 20) == 0 ? step_checkpoint(run) : step_small(run);
        if (status != STATUS_OK) {
            if (!sim_vfs_is_off(run->sim)) {
                broke(run, "a step failed although the disk is well: (step, status)", i,
                      (uint64_t)status);
            }
            break;
        }
        if (rng_below(&run->rng, 40) == 0 && !pages_check(run->pages, false, NULL) &&
            !sim_vfs_is_off(run->sim)) {
            broke(run, "slots and maps do not agree, at step", i, 0);
        }
    }
    return run->broken[0] == 0;
}

struct crash_plan {
    uint64_t seed, sync, write; /* crash at the n-th; 0: not so */
    enum sim_loss loss;
    enum fault canary; /* FAULT_COUNT: none */
};

static void
begin_run(struct run *run, const struct crash_plan *plan)
{
    memset(run, 0, sizeof(*run));
    rng_seed(&run->rng, plan->seed);
    run->sim = sim_vfs_new(hash_word(plan->seed * 7919 + plan->sync * 31 + plan->write));
    run->env = (struct env){.vfs = sim_vfs_base(run->sim), .clock = clock_system()};
    if (plan->canary != FAULT_COUNT) {
        rng_seed(&run->faults.rng, plan->seed);
        run->faults.chance[plan->canary] = 1;
        run->env.faults = &run->faults;
    }
    run->pool_pages = 8u << rng_below(&run->rng, 6);
    run->next_index = 1;
    sim_vfs_set_loss(run->sim, plan->loss);
    sim_vfs_on_write(run->sim, before_write, run);
}

/* One run with one crash, then more work and another crash. Gives the syncs and writes made. */
static bool
run_plan(const struct crash_plan *plan, uint64_t *syncs_out, uint64_t *writes_out,
         uint64_t *checked_out)
{
    struct run *run = calloc(1, sizeof(*run));
    if (run == NULL) {
        return false;
    }
    begin_run(run, plan);
    struct root_info root;
    bool good = open_pages(run, &root);
    if (good) {
        sim_vfs_crash_at_sync(run->sim, plan->sync);
        sim_vfs_crash_at_write(run->sim, plan->write);
        uint64_t syncs = sim_vfs_sync_count(run->sim), writes = sim_vfs_write_count(run->sim);
        good = work(run, STEPS);
        *syncs_out = sim_vfs_sync_count(run->sim) - syncs;
        *writes_out = sim_vfs_write_count(run->sim) - writes;
        good = good && crash_and_reopen(run) && work(run, STEPS / 2) && crash_and_reopen(run);
    }
    *checked_out += run->checked_count;
    if (!good) {
        printf("pages: seed %" PRIu64 ", crash at sync %" PRIu64 ", at write %" PRIu64 ": %s\n",
               plan->seed, plan->sync, plan->write, run->broken);
    }
    pages_close(run->pages);
    sim_vfs_delete(run->sim);
    free(run);
    return good;
}

bool
crash_pages(uint64_t seed, enum fault canary)
{
    uint64_t syncs = 0, writes = 0, checked = 0, a, b;
    struct crash_plan plan = {.seed = seed, .canary = canary};
    if (!run_plan(&plan, &syncs, &writes, &checked)) {
        return false;
    }
    for (uint64_t i = 1; i <= syncs; i++) {
        plan.sync = i;
        plan.loss = i % 8 == 0 ? SIM_LOSS_ALL : i % 8 == 1 ? SIM_LOSS_NONE : SIM_LOSS_BY_SEED;
        if (!run_plan(&plan, &a, &b, &checked)) {
            return false;
        }
    }
    plan.sync = 0;
    plan.loss = SIM_LOSS_BY_SEED;
    for (uint64_t i = 1; i <= writes; i += 1 + writes / 12) {
        plan.write = i;
        if (!run_plan(&plan, &a, &b, &checked)) {
            return false;
        }
    }
    printf("pages: %" PRIu64 " syncs, %" PRIu64 " writes, %" PRIu64 " pages compared\n", syncs,
           writes, checked);
    return true;
}
