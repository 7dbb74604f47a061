/* pool_test.c: pins, eviction, scans, and what is allowed inside the gate.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/codec.h"
#include "base/env.h"
#include "base/wait.h"
#include "storage/page/pages.h"
#include "tests/lib/sim_vfs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define POOL_PAGES 64u

struct pool_fixture {
    struct sim_vfs *sim;
    struct env env;
    struct pages *pages;
    struct space_id space;
};

static int
setup(void **state)
{
    struct pool_fixture *f = calloc(1, sizeof(*f));
    f->sim = sim_vfs_new(1);
    f->env = (struct env){.vfs = sim_vfs_base(f->sim), .clock = clock_system()};
    struct pages_options options = {
        .env = &f->env, .dir = "pages", .page_size = 8192, .pool_pages = POOL_PAGES};
    struct root_info root;
    assert_int_equal(pages_open(&options, &f->pages, &root, NULL), STATUS_OK);
    gate_enter(f->pages);
    f->space = space_create(f->pages);
    gate_leave(f->pages);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct pool_fixture *f = *state;
    pages_close(f->pages);
    sim_vfs_delete(f->sim);
    free(f);
    return 0;
}

static enum status
append(struct pool_fixture *f)
{
    struct page *page = NULL;
    struct page_no no;
    gate_enter(f->pages);
    enum status status = page_append(f->pages, f->space, &no, &page, NULL);
    if (status == STATUS_OK) {
        put_u32(page_data(page) + PAGE_HEADER_BYTES, no.v * 3);
        page_unlatch(page);
        page_unpin(page);
    }
    gate_leave(f->pages);
    return status;
}

static void
append_many(struct pool_fixture *f, uint32_t count)
{
    for (uint32_t i = 0; i < count;) {
        enum status status = append(f);
        i += status == STATUS_OK;
        if (status == STATUS_AGAIN) {
            assert_int_equal(pages_make_room(f->pages, NULL), STATUS_OK);
        }
    }
}

static struct page *
pin(struct pool_fixture *f, uint32_t no, unsigned flags)
{
    struct page *page = NULL;
    assert_int_equal(page_pin(f->pages, f->space, (struct page_no){no}, flags, &page, NULL),
                     STATUS_OK);
    assert_int_equal(get_u32(page_data(page) + PAGE_HEADER_BYTES), no * 3);
    assert_int_equal(page_number(page).v, no);
    return page;
}

static uint64_t
reads(struct pool_fixture *f)
{
    struct pages_stats stats;
    pages_stats(f->pages, &stats);
    return stats.reads;
}

/* Data larger than the pool goes out dirty and comes back whole.
 * Method: append four pools of pages without a checkpoint, read all twice. */
static void
pool__more_pages_than_frames__evicts_dirty_and_reads_back(void **state)
{
    struct pool_fixture *f = *state;
    append_many(f, 4 * POOL_PAGES);
    for (uint32_t i = 0; i < 8 * POOL_PAGES; i++) {
        page_unpin(pin(f, i % (4 * POOL_PAGES), 0));
    }
    struct pages_stats stats;
    pages_stats(f->pages, &stats);
    assert_true(stats.evictions >= 3 * POOL_PAGES);
    assert_true(stats.writes >= 3 * POOL_PAGES);
    assert_int_equal(stats.used_pages, POOL_PAGES);
    assert_true(pages_check(f->pages, true, NULL));
}

/* Inside the gate a miss answers AGAIN and reads nothing; a hit works.
 * Method: read a page out of the pool, pin it in the gate, outside, and in the gate again. */
static void
pool__pin_in_gate__answers_again_instead_of_reading(void **state)
{
    struct pool_fixture *f = *state;
    struct page *page = NULL;
    append_many(f, 3 * POOL_PAGES);
    for (uint32_t no = POOL_PAGES; no < 3 * POOL_PAGES; no++) {
        page_unpin(pin(f, no, 0));
    }
    uint64_t before = reads(f);
    gate_enter(f->pages);
    assert_int_equal(
        page_pin(f->pages, f->space, (struct page_no){0}, PIN_IN_GATE, &page, NULL),
        STATUS_AGAIN);
    assert_null(page);
    assert_int_equal(reads(f), before);
    gate_leave(f->pages);
    page_unpin(pin(f, 0, 0));
    gate_enter(f->pages);
    page_unpin(pin(f, 0, PIN_IN_GATE));
    gate_leave(f->pages);
}

/* With every frame pinned a pin fails with 53200 and an append with AGAIN; a pin given back
 * cures both. Method: pin as many pages as there are frames. */
static void
pool__every_frame_pinned__refuses_with_53200(void **state)
{
    struct pool_fixture *f = *state;
    struct page *pinned[POOL_PAGES], *page = NULL;
    struct diag diag = {0};
    append_many(f, 2 * POOL_PAGES);
    for (uint32_t i = 0; i < POOL_PAGES; i++) {
        pinned[i] = pin(f, i, 0);
    }
    assert_int_equal(
        page_pin(f->pages, f->space, (struct page_no){POOL_PAGES}, 0, &page, &diag),
        STATUS_LIMIT);
    assert_string_equal(diag.sqlstate, "53200");
    assert_int_equal(append(f), STATUS_AGAIN);
    assert_int_equal(pages_make_room(f->pages, NULL), STATUS_LIMIT);
    page_unpin(pinned[7]);
    page_unpin(pin(f, POOL_PAGES, 0));
    for (uint32_t i = 0; i < POOL_PAGES; i++) {
        page_unpin(i == 7 ? NULL : pinned[i]);
    }
    append_many(f, 1);
}

/* A scan far larger than the pool leaves the hot pages in it.
 * Method: warm up half a pool, scan with PIN_SCAN, count reads of the hot pages after. */
static void
pool__large_scan__keeps_hot_pages(void **state)
{
    struct pool_fixture *f = *state;
    static const struct scan_case {
        unsigned flags;
        bool keeps;
    } cases[] = {{PIN_SCAN, true}, {0, false}};
    append_many(f, 10 * POOL_PAGES);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (unsigned round = 0; round < 5; round++) {
            for (uint32_t no = 0; no < POOL_PAGES / 2; no++) {
                page_unpin(pin(f, no, 0));
            }
        }
        for (uint32_t no = POOL_PAGES; no < 10 * POOL_PAGES; no++) {
            page_unpin(pin(f, no, cases[i].flags));
        }
        uint64_t before = reads(f);
        for (uint32_t no = 0; no < POOL_PAGES / 2; no++) {
            page_unpin(pin(f, no, 0));
        }
        assert_int_equal(reads(f) == before, cases[i].keeps);
    }
}

/* A page that is not there is refused without damage.
 * Method: beyond the end, in a space never made, in one dropped. */
static void
pool__no_such_page__is_not_damage(void **state)
{
    struct pool_fixture *f = *state;
    struct page *page = NULL;
    append_many(f, 2);
    const struct missing {
        uint32_t space, no;
    } cases[] = {{f->space.v, 2}, {f->space.v + 5, 0}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(page_pin(f->pages, (struct space_id){cases[i].space},
                                  (struct page_no){cases[i].no}, 0, &page, NULL),
                         STATUS_NOT_FOUND);
        assert_null(page);
    }
    assert_false(pages_damaged(f->pages));
    page_unpin(pin(f, 1, 0));
}

/* page_only_mine() sees every other pin. Method: one pin, two, one. */
static void
pool__second_pin__is_seen(void **state)
{
    struct pool_fixture *f = *state;
    append_many(f, 1);
    struct page *page = pin(f, 0, 0);
    assert_true(page_only_mine(page));
    page_ref(page);
    assert_false(page_only_mine(page));
    page_unpin(page);
    assert_true(page_only_mine(page));
    page_unpin(page);
}

/* After truncation the same numbers are new, zeroed pages.
 * Method: truncate with the frames in the pool and on disk, append again. */
static void
pool__truncate_and_append__gives_zeroed_pages(void **state)
{
    struct pool_fixture *f = *state;
    append_many(f, 2 * POOL_PAGES);
    gate_enter(f->pages);
    space_truncate(f->pages, f->space, 5);
    gate_leave(f->pages);
    assert_int_equal(space_page_count(f->pages, f->space), 5);
    gate_enter(f->pages);
    struct page *page = NULL;
    struct page_no no;
    assert_int_equal(page_append(f->pages, f->space, &no, &page, NULL), STATUS_OK);
    assert_int_equal(no.v, 5);
    for (uint32_t i = PAGE_HEADER_BYTES; i < 8192; i++) {
        assert_int_equal(page_data(page)[i], 0);
    }
    page_unlatch(page);
    page_unpin(page);
    gate_leave(f->pages);
    assert_true(pages_check(f->pages, true, NULL));
}

struct counting_waiter {
    struct waiter waiter;
    unsigned call_count;
    enum status answer;
};

static enum status
count_call(struct waiter *waiter)
{
    struct counting_waiter *counting = waiter->owner;
    counting->call_count++;
    return counting->answer;
}

/* A session's thread hears of it before it waits for the disk, and not for a page in memory; if
 * it must not wait, the pin is refused with 53200 and nothing else is lost. */
static void
pool__miss_of_a_session__hook_runs_first(void **state)
{
    struct pool_fixture *f = *state;
    struct counting_waiter counting = {.answer = STATUS_OK};
    waiter_init(&counting.waiter);
    counting.waiter.about_to_block = count_call;
    counting.waiter.owner = &counting;
    append_many(f, 3 * POOL_PAGES);
    assert_int_equal(pages_make_room(f->pages, NULL), STATUS_OK);
    page_unpin(pin(f, 3 * POOL_PAGES - 1, 0));
    waiter_set_current(&counting.waiter);
    page_unpin(pin(f, 3 * POOL_PAGES - 1, 0));
    assert_int_equal(counting.call_count, 0);
    page_unpin(pin(f, 0, 0));
    assert_true(counting.call_count > 0);
    counting.answer = STATUS_LIMIT;
    struct diag diag = {0};
    struct page *page = NULL;
    assert_int_equal(
        page_pin(f->pages, f->space, (struct page_no){POOL_PAGES}, 0, &page, &diag),
        STATUS_LIMIT);
    assert_string_equal(diag.sqlstate, "53200");
    counting.call_count = 0;
    waiter_set_current(NULL);
    page_unpin(pin(f, POOL_PAGES, 0));
    assert_int_equal(counting.call_count, 0);
    assert_false(pages_damaged(f->pages));
    waiter_deinit(&counting.waiter);
}

static enum status
refuse_first(struct waiter *waiter)
{
    struct counting_waiter *counting = waiter->owner;
    return counting->call_count++ == 0 ? STATUS_LIMIT : STATUS_OK;
}

/* A frame that was found although a write was refused leaves no error behind: the next one of
 * the statement would be lost under it. Method: now and then half the frames dirty, the
 * clean ones wanted, so that the dirty ones are met first; the thread may wait to read, not to
 * write. */
static void
pool__write_refused_and_frame_found__no_error_is_told(void **state)
{
    struct pool_fixture *f = *state;
    struct counting_waiter counting = {0};
    unsigned refused_count = 0;
    waiter_init(&counting.waiter);
    counting.waiter.about_to_block = refuse_first;
    counting.waiter.owner = &counting;
    append_many(f, 3 * POOL_PAGES);
    assert_int_equal(pages_make_room(f->pages, NULL), STATUS_OK); /* all are clean now */
    for (uint32_t no = 0; no < 2 * POOL_PAGES; no++) {
        append_many(f, no % 16 == 0 ? POOL_PAGES / 2 : 0);
        struct diag diag = {0};
        struct page *page = NULL;
        counting.call_count = 0;
        waiter_set_current(&counting.waiter);
        enum status status =
            page_pin(f->pages, f->space, (struct page_no){no}, 0, &page, &diag);
        waiter_set_current(NULL);
        assert_int_equal(diag.status, status);
        refused_count += status == STATUS_OK && counting.call_count > 1;
        page_unpin(page);
        for (unsigned i = 0; i < 4; i++) {
            page_unpin(pin(f, no, 0));
        }
    }
    assert_true(refused_count > 0);
    waiter_deinit(&counting.waiter);
}

int
main(void)
{
#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(pool__more_pages_than_frames__evicts_dirty_and_reads_back),
        WITH_FIXTURE(pool__pin_in_gate__answers_again_instead_of_reading),
        WITH_FIXTURE(pool__every_frame_pinned__refuses_with_53200),
        WITH_FIXTURE(pool__large_scan__keeps_hot_pages),
        WITH_FIXTURE(pool__no_such_page__is_not_damage),
        WITH_FIXTURE(pool__second_pin__is_seen),
        WITH_FIXTURE(pool__miss_of_a_session__hook_runs_first),
        WITH_FIXTURE(pool__write_refused_and_frame_found__no_error_is_told),
        WITH_FIXTURE(pool__truncate_and_append__gives_zeroed_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
