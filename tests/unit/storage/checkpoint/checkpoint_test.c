/* checkpoint_test.c: what a checkpoint keeps, refuses, and gives back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/storage/checkpoint/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Pages, meta and position of a checkpoint come back; what came after it does not.
 * Method: append, checkpoint, change and append more, crash, read. */
static void
checkpoint__crash_after_more_changes__shows_the_cut(void **state)
{
    struct fixture *f = *state;
    fixture_open(f, 16);
    assert_false(f->root.found);
    struct space_id space = fixture_space(f);
    assert_int_equal(fixture_append(f, space, 40, 100), STATUS_OK);
    f->index = 7;
    f->term = 3;
    f->meta_text = "the state of seven";
    assert_int_equal(fixture_checkpoint(f, NULL), STATUS_OK);
    assert_int_equal(fixture_write(f, space, 5, 999), STATUS_OK);
    assert_int_equal(fixture_append(f, space, 10, 500), STATUS_OK);
    fixture_crash(f, 16);
    assert_true(f->root.found);
    assert_int_equal(f->root.applied_index, 7);
    assert_int_equal(f->root.applied_term, 3);
    assert_string_equal((char *)f->meta, "the state of seven");
    assert_int_equal(space_page_count(f->pages, space), 40);
    for (uint32_t no = 0; no < 40; no++) {
        assert_int_equal(fixture_read(f, space, no), 100 + no);
    }
    fixture_check(f);
    assert_int_not_equal(fixture_space(f).v, space.v);
}

/* A checkpoint of nothing new writes nothing; one of a new position alone writes a root.
 * Method: count the disk's syncs around each. */
static void
checkpoint__nothing_new__costs_no_disk(void **state)
{
    struct fixture *f = *state;
    struct checkpoint_result result;
    fixture_open(f, 16);
    assert_int_equal(fixture_append(f, fixture_space(f), 3, 1), STATUS_OK);
    assert_int_equal(fixture_checkpoint(f, NULL), STATUS_OK);
    uint64_t syncs = sim_vfs_sync_count(f->sim), writes = sim_vfs_write_count(f->sim);
    assert_int_equal(fixture_checkpoint(f, &result), STATUS_OK);
    assert_int_equal(result.page_count, 0);
    assert_int_equal(sim_vfs_sync_count(f->sim), syncs);
    assert_int_equal(sim_vfs_write_count(f->sim), writes);
    f->index++;
    assert_int_equal(fixture_checkpoint(f, &result), STATUS_OK);
    assert_true(sim_vfs_sync_count(f->sim) > syncs);
    fixture_crash(f, 16);
    assert_int_equal(f->root.applied_index, f->index);
}

/* Rule 10: while the log is not durable no root is written, and the changes are not lost for
 * the next one. Method: refuse, crash: the old one is there; refuse, allow, crash: the new. */
static void
checkpoint__log_not_durable__is_refused_and_made_up_for(void **state)
{
    struct fixture *f = *state;
    fixture_open(f, 16);
    struct space_id space = fixture_space(f);
    assert_int_equal(fixture_append(f, space, 30, 1), STATUS_OK);
    assert_int_equal(fixture_checkpoint(f, NULL), STATUS_OK);
    for (unsigned round = 0; round < 2; round++) {
        for (uint32_t no = 0; no < 30; no += 3) {
            assert_int_equal(fixture_write(f, space, no, 1000 + no), STATUS_OK);
        }
        f->index = 2 + round;
        f->log_answer = STATUS_TIMEOUT;
        assert_int_equal(fixture_checkpoint(f, NULL), STATUS_TIMEOUT);
        assert_false(pages_damaged(f->pages));
        fixture_check(f);
        if (round == 1) {
            f->log_answer = STATUS_OK;
            assert_int_equal(fixture_checkpoint(f, NULL), STATUS_OK);
        }
        fixture_crash(f, 16);
        assert_int_equal(f->root.applied_index, round == 0 ? 1 : 3);
        assert_int_equal(fixture_read(f, space, 3), round == 0 ? 4 : 1003);
        fixture_check(f);
    }
}

/* A full disk refuses with 53100 and damages nothing; with room again all goes through.
 * Method: limit the disk's bytes under the size of the dirty pages. */
static void
checkpoint__full_disk__succeeds_when_there_is_room(void **state)
{
    struct fixture *f = *state;
    fixture_open(f, 64);
    struct space_id space = fixture_space(f);
    assert_int_equal(fixture_append(f, space, 20, 1), STATUS_OK);
    assert_int_equal(fixture_checkpoint(f, NULL), STATUS_OK);
    assert_int_equal(fixture_append(f, space, 40, 21), STATUS_OK);
    f->index = 2;
    sim_vfs_limit(f->sim, sim_vfs_used_bytes(f->sim) + 10 * FIXTURE_PAGE_BYTES);
    assert_int_equal(fixture_checkpoint(f, NULL), STATUS_LIMIT);
    assert_int_equal(fixture_checkpoint(f, NULL), STATUS_LIMIT);
    assert_false(pages_damaged(f->pages));
    assert_int_equal(fixture_read(f, space, 59), 60);
    sim_vfs_limit(f->sim, UINT64_MAX);
    assert_int_equal(fixture_checkpoint(f, NULL), STATUS_OK);
    fixture_crash(f, 64);
    assert_int_equal(f->root.applied_index, 2);
    for (uint32_t no = 0; no < 60; no++) {
        assert_int_equal(fixture_read(f, space, no), 1 + no);
    }
    fixture_check(f);
}

/* A failed write or sync of a checkpoint latches damage: nothing is tried again, and after a
 * restart the old checkpoint is there. Method: fail the k-th of each until one run is clean. */
static void
checkpoint__disk_failure__latches_damage(void **state)
{
    UNUSED(state);
    for (unsigned kind = 0; kind < 2; kind++) {
        bool clean = false;
        for (uint64_t k = 1; !clean; k++) {
            void *fresh = NULL;
            fixture_setup(&fresh);
            struct fixture *f = fresh;
            fixture_open(f, 16);
            struct space_id space = fixture_space(f);
            assert_int_equal(fixture_append(f, space, 6, 1), STATUS_OK);
            assert_int_equal(fixture_checkpoint(f, NULL), STATUS_OK);
            assert_int_equal(fixture_write(f, space, 2, 77), STATUS_OK);
            f->index = 2;
            (kind == 0 ? sim_vfs_fail_write : sim_vfs_fail_sync)(f->sim, k);
            enum status status = fixture_checkpoint(f, NULL);
            clean = status == STATUS_OK;
            assert_int_equal(pages_damaged(f->pages), !clean);
            if (!clean) {
                struct page *page = NULL;
                assert_int_equal(status, STATUS_IO);
                assert_int_equal(fixture_checkpoint(f, NULL), STATUS_IO);
                assert_int_equal(page_pin(f->pages, space, (struct page_no){0}, 0, &page, NULL),
                                 STATUS_IO);
                assert_false(pages_check(f->pages, false, NULL));
            }
            fixture_crash(f, 16);
            assert_in_range(f->root.applied_index, clean ? 2 : 1, 2);
            assert_int_equal(fixture_read(f, space, 2), f->root.applied_index == 1 ? 3 : 77);
            fixture_teardown(&fresh);
        }
    }
}

/* What a drop or a truncation leaves is used again, and what lies idle goes back to the disk.
 * Method: fill, drop, checkpoint; count the disk's bytes; fill again. */
static void
checkpoint__after_drop_and_truncate__gives_space_back(void **state)
{
    struct fixture *f = *state;
    struct pages_stats stats;
    fixture_open(f, 256);
    struct space_id keep = fixture_space(f), big = fixture_space(f);
    assert_int_equal(fixture_append(f, keep, 1000, 1), STATUS_OK);
    assert_int_equal(fixture_append(f, big, 20000, 1), STATUS_OK);
    assert_int_equal(fixture_checkpoint(f, NULL), STATUS_OK);
    uint64_t full = sim_vfs_used_bytes(f->sim);
    gate_enter(f->pages);
    space_drop(f->pages, big);
    space_truncate(f->pages, keep, 10);
    gate_leave(f->pages);
    assert_int_equal(fixture_checkpoint(f, NULL), STATUS_OK);
    pages_stats(f->pages, &stats);
    assert_true(stats.slot_free_count > 20000);
    assert_true(sim_vfs_used_bytes(f->sim) < full / 2);
    assert_int_equal(space_page_count(f->pages, big), 0);
    fixture_check(f);
    uint64_t slots = stats.slot_count;
    big = fixture_space(f);
    assert_int_equal(fixture_append(f, big, 15000, 1), STATUS_OK);
    assert_int_equal(fixture_checkpoint(f, NULL), STATUS_OK);
    pages_stats(f->pages, &stats);
    assert_int_equal(stats.slot_count, slots);
    fixture_crash(f, 256);
    assert_int_equal(fixture_read(f, keep, 9), 10);
    assert_int_equal(fixture_read(f, big, 14999), 15000);
    fixture_check(f);
}

struct truncation {
    struct fixture *f;
    struct space_id space;
};

static void
truncate_once(void *arg)
{
    struct truncation *truncation = arg;
    sim_vfs_on_write(truncation->f->sim, NULL, NULL);
    gate_enter(truncation->f->pages);
    space_truncate(truncation->f->pages, truncation->space, 1);
    gate_leave(truncation->f->pages);
}

/* A page that was never on disk and is truncated while the checkpoint runs is in that root, but
 * not in the next. Method: truncate from within the first write of the checkpoint, which writes
 * another space; then a second checkpoint, and reopen after each. */
static void
checkpoint__new_page_truncated_meanwhile__is_in_the_cut_only(void **state)
{
    struct fixture *f = *state;
    for (unsigned checkpoints = 1; checkpoints <= 2; checkpoints++) {
        if (f->pages == NULL) {
            fixture_open(f, 8);
        }
        struct space_id first = fixture_space(f), second = fixture_space(f);
        assert_int_equal(fixture_append(f, first, 2, 1), STATUS_OK);
        assert_int_equal(fixture_append(f, second, 2, 9), STATUS_OK);
        struct truncation truncation = {.f = f, .space = second};
        sim_vfs_on_write(f->sim, truncate_once, &truncation);
        f->index++;
        assert_int_equal(fixture_checkpoint(f, NULL), STATUS_OK);
        fixture_check(f);
        if (checkpoints == 2) {
            assert_int_equal(fixture_checkpoint(f, NULL), STATUS_OK);
        }
        fixture_crash(f, 8);
        assert_int_equal(space_page_count(f->pages, second), 3 - checkpoints);
        if (checkpoints == 1) {
            assert_int_equal(fixture_read(f, second, 1), 10);
        }
        fixture_check(f);
    }
}

/* Damage on disk is found, named, and never served.
 * Method: flip bytes of every slot in turn; opening, reading or the deep check must refuse. */
static void
checkpoint__damaged_slot__is_never_served(void **state)
{
    struct fixture *f = *state;
    fixture_open(f, 8);
    struct space_id space = fixture_space(f);
    assert_int_equal(fixture_append(f, space, 20, 1), STATUS_OK);
    assert_int_equal(fixture_checkpoint(f, NULL), STATUS_OK);
    struct pages_stats stats;
    pages_stats(f->pages, &stats);
    unsigned refused = 0;
    for (uint64_t slot = 1; slot < stats.slot_count; slot++) {
        uint64_t at = slot * FIXTURE_PAGE_BYTES + 123;
        pages_close(f->pages);
        f->pages = NULL;
        sim_vfs_corrupt(f->sim, FIXTURE_DIR "/slots.0000", at, 4);
        struct diag diag = {0};
        enum status status = fixture_try_open(f, 8, &diag);
        if (status != STATUS_OK) {
            assert_int_equal(status, STATUS_CORRUPT);
            refused++;
        } else if (!pages_check(f->pages, true, NULL)) {
            refused++;
        }
        sim_vfs_corrupt(f->sim, FIXTURE_DIR "/slots.0000", at, 4); /* flips back */
    }
    assert_int_equal(refused, stats.slot_count - stats.slot_free_count - 1);
    pages_close(f->pages);
    fixture_open(f, 8);
    fixture_check(f);
}

int
main(void)
{
#define WITH_FIXTURE(test)                                                                     \
    cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(checkpoint__crash_after_more_changes__shows_the_cut),
        WITH_FIXTURE(checkpoint__nothing_new__costs_no_disk),
        WITH_FIXTURE(checkpoint__log_not_durable__is_refused_and_made_up_for),
        WITH_FIXTURE(checkpoint__full_disk__succeeds_when_there_is_room),
        cmocka_unit_test(checkpoint__disk_failure__latches_damage),
        WITH_FIXTURE(checkpoint__after_drop_and_truncate__gives_space_back),
        WITH_FIXTURE(checkpoint__new_page_truncated_meanwhile__is_in_the_cut_only),
        WITH_FIXTURE(checkpoint__damaged_slot__is_never_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
