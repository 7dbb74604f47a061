/* slots_test.c: which slots are given out. SPDX-License-Identifier: Apache-2.0 */
#include "storage/page/slots.h"
#include "tests/lib/sim_vfs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAGE_BYTES 4096u

struct slots_fixture {
    struct sim_vfs *sim;
    struct slots slots;
};

static int
setup(void **state)
{
    struct slots_fixture *f = calloc(1, sizeof(*f));
    f->sim = sim_vfs_new(1);
    slots_init(&f->slots, sim_vfs_base(f->sim), "", PAGE_BYTES);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct slots_fixture *f = *state;
    slots_deinit(&f->slots);
    sim_vfs_delete(f->sim);
    free(f);
    return 0;
}

static uint32_t
take(struct slots_fixture *f, uint32_t *hint)
{
    uint32_t slot = SLOT_NONE;
    assert_int_equal(slots_take(&f->slots, hint, 0, &slot, NULL), STATUS_OK);
    assert_int_not_equal(slot, SLOT_NONE);
    return slot;
}

/* Two owners that take turns each get runs of neighbours.
 * Method: take 64 slots each in turn; all of one owner lie in one extent, none in both. */
static void
slots__two_owners_in_turn__each_has_its_extent(void **state)
{
    struct slots_fixture *f = *state;
    uint32_t hints[2] = {0, 0}, first[2] = {0, 0};
    for (uint32_t i = 0; i < SLOT_EXTENT; i++) {
        for (unsigned owner = 0; owner < 2; owner++) {
            uint32_t slot = take(f, &hints[owner]);
            first[owner] = i == 0 ? slot : first[owner];
            assert_int_equal(slot, first[owner] + i);
        }
    }
    assert_int_not_equal(first[0] / SLOT_EXTENT, first[1] / SLOT_EXTENT);
}

/* Freed slots are used again before the file grows without end.
 * Method: take 6400, free every second, take 3200 by many owners: growth stays below a third.
 */
static void
slots__free_in_pieces__are_used_again(void **state)
{
    struct slots_fixture *f = *state;
    uint32_t hint = 0, slots[6400];
    for (unsigned i = 0; i < ARRAY_SIZE(slots); i++) {
        slots[i] = take(f, &hint);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(slots); i += 2) {
        slots_free(&f->slots, slots[i]);
        assert_false(slots_is_used(&f->slots, slots[i]));
    }
    uint32_t extents = f->slots.extent_count;
    for (unsigned i = 0; i < 32; i++) {
        uint32_t other = 0;
        for (unsigned k = 0; k < 100; k++) {
            take(f, &other);
        }
    }
    assert_true(f->slots.extent_count < extents + extents / 3);
    assert_int_equal(f->slots.used_count, 6400 + 1);
}

/* Young is by epoch, and moves when a checkpoint fails. Method: take in both, merge, forget. */
static void
slots__young__is_by_parity(void **state)
{
    struct slots_fixture *f = *state;
    uint32_t hint = 0, even = 0, odd = 0;
    assert_int_equal(slots_take(&f->slots, &hint, 0, &even, NULL), STATUS_OK);
    assert_int_equal(slots_take(&f->slots, &hint, 1, &odd, NULL), STATUS_OK);
    assert_true(slots_is_young(&f->slots, even, 0));
    assert_false(slots_is_young(&f->slots, even, 1));
    assert_true(slots_is_young(&f->slots, odd, 1));
    assert_false(slots_is_young(&f->slots, SLOT_NONE, 0));
    slots_merge_young(&f->slots, 0, 1);
    assert_true(slots_is_young(&f->slots, even, 1));
    assert_false(slots_is_young(&f->slots, even, 0));
    slots_forget_young(&f->slots, 1);
    assert_false(slots_is_young(&f->slots, even, 1));
    assert_true(slots_is_used(&f->slots, even));
}

/* Written runs come back, survive a crash once synced, and a second owner is noticed.
 * Method: write a run of three, sync, crash, read each. */
static void
slots__written_and_synced__survive(void **state)
{
    struct slots_fixture *f = *state;
    static uint8_t pages[3][PAGE_BYTES], back[PAGE_BYTES];
    struct iovec parts[3];
    uint32_t hint = 0, first = take(f, &hint);
    for (unsigned i = 0; i < 3; i++) {
        memset(pages[i], (int)i + 1, PAGE_BYTES);
        parts[i] = (struct iovec){.iov_base = pages[i], .iov_len = PAGE_BYTES};
    }
    assert_int_equal(slots_write(&f->slots, first, parts, 3, NULL), STATUS_OK);
    assert_int_equal(slots_sync(&f->slots, NULL), STATUS_OK);
    assert_int_equal(sim_vfs_unsynced_count(f->sim), 0);
    slots_deinit(&f->slots);
    sim_vfs_power_off(f->sim);
    sim_vfs_power_on(f->sim);
    slots_init(&f->slots, sim_vfs_base(f->sim), "", PAGE_BYTES);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(slots_mark_used(&f->slots, first + i));
        assert_false(slots_mark_used(&f->slots, first + i));
        assert_int_equal(slots_read(&f->slots, first + i, back, NULL), STATUS_OK);
        assert_memory_equal(back, pages[i], PAGE_BYTES);
    }
}

int
main(void)
{
#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(slots__two_owners_in_turn__each_has_its_extent),
        WITH_FIXTURE(slots__free_in_pieces__are_used_again),
        WITH_FIXTURE(slots__young__is_by_parity),
        WITH_FIXTURE(slots__written_and_synced__survive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
