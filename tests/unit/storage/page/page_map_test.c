/* page_map_test.c: two views, levels, and the way to bytes and back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "storage/page/page_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define PAGE_BYTES 4096u

static struct page_ref
ref(uint32_t slot)
{
    return (struct page_ref){.slot = slot, .sum = slot * 7};
}

/* While a checkpoint runs a change shows in its own view only; without a change of the current
 * view, the cut's shows in both. Method: a table of changes in order, both views after each. */
static void
page_map__during_a_checkpoint__views_are_apart(void **state)
{
    (void)state;
    static const struct change {
        bool cut, only_cut;
        uint32_t no, slot, want_cut, want_current;
    } changes[] = {
        {true, false, 0, 10, 10, 10},  /* not touched yet: both */
        {false, false, 0, 20, 10, 20}, /* the current one goes its way */
        {true, false, 0, 11, 11, 20},  /* and is not pulled back */
        {true, false, 1, 30, 30, 30},  /* another page of the same leaf: both */
        {true, true, 2, 40, 40, 0},    /* truncated since: the cut only */
        {true, true, 600, 50, 50, 0},  /* in a leaf of its own */
    };
    struct page_map map;
    page_map_init(&map, PAGE_BYTES);
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        const struct change *c = &changes[i];
        if (c->cut) {
            assert_int_equal(page_map_set_cut(&map, c->no, ref(c->slot), 1, c->only_cut),
                             c->want_current == c->slot);
        } else {
            page_map_set(&map, c->no, ref(c->slot), 2, true);
        }
        assert_int_equal(page_map_get_cut(&map, c->no).slot, c->want_cut);
        assert_int_equal(page_map_get(&map, c->no).slot, c->want_current);
    }
    assert_true(page_map_leaf_stale(&map, 0, 1));
    page_map_leaf_written(&map, 0);
    assert_false(page_map_leaf_stale(&map, 0, 1));
    page_map_thaw(&map);
    assert_int_equal(page_map_get_cut(&map, 0).slot, 20);
    assert_true(page_map_leaf_stale(&map, 0, 2)); /* the change of epoch 2 is to be written */
    page_map_deinit(&map);
}

/* The height follows the size. Method: sizes around each border, pages of each level. */
static void
page_map__size__gives_levels(void **state)
{
    (void)state;
    struct page_map map;
    page_map_init(&map, PAGE_BYTES);
    uint32_t fanout = map.fanout;
    assert_int_equal(fanout, 508);
    const struct size_case {
        uint32_t pages, levels[4];
    } cases[] = {
        {0, {0, 0, 0, 0}},
        {1, {1, 0, 0, 0}},
        {fanout, {1, 0, 0, 0}},
        {fanout + 1, {2, 1, 0, 0}},
        {fanout * fanout, {fanout, 1, 0, 0}},
        {fanout * fanout + 1, {fanout + 1, 2, 1, 0}},
        {UINT32_MAX, {8454661, 16644, 33, 1}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (unsigned level = 0; level < 4; level++) {
            assert_int_equal(page_map_level_count(&map, cases[i].pages, level),
                             cases[i].levels[level]);
        }
        assert_int_equal(page_map_level_count(&map, cases[i].pages, 5), 0);
    }
    page_map_deinit(&map);
}

/* A leaf is the same after encode and decode, and so is a level above.
 * Method: fill, encode, decode into an empty map, compare. */
static void
page_map__encoded__comes_back(void **state)
{
    (void)state;
    struct page_map map, back;
    uint8_t page[PAGE_BYTES];
    page_map_init(&map, PAGE_BYTES);
    page_map_init(&back, PAGE_BYTES);
    for (uint32_t no = 508; no < 700; no++) {
        page_map_set(&map, no, ref(no), 1, false);
    }
    page_map_encode(&map, 0, 1, page, PAGE_BYTES);
    page_map_decode(&back, 0, 1, page);
    for (uint32_t no = 0; no < 1016; no++) {
        assert_int_equal(page_map_get(&back, no).slot, no >= 508 && no < 700 ? no : 0);
        assert_int_equal(page_map_get(&back, no).sum, page_map_get(&map, no).sum);
    }
    page_map_level_resize(&map.levels[0], 3);
    page_map_level_resize(&back.levels[0], 3);
    for (uint32_t i = 0; i < 3; i++) {
        map.levels[0].refs[i] = ref(i + 5);
    }
    page_map_encode(&map, 1, 0, page, PAGE_BYTES);
    page_map_decode(&back, 1, 0, page);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(back.levels[0].refs[i].slot, i + 5);
    }
    page_map_deinit(&map);
    page_map_deinit(&back);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_map__during_a_checkpoint__views_are_apart),
        cmocka_unit_test(page_map__size__gives_levels),
        cmocka_unit_test(page_map__encoded__comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
