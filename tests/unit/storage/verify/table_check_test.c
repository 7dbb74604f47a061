/* table_check_test.c: the check finds what it is for. SPDX-License-Identifier: Apache-2.0 */
#include "storage/heap/table_internal.h"
#include "storage/verify/verify.h"
#include "tests/lib/table_world.h"
#include "tests/lib/unit.h"

#include <stdlib.h>

static void
fill(struct world *world)
{
    struct session session;
    struct change_result result;
    struct buf tuple = BUF_EMPTY;
    session_init(&session, world);
    session_begin(&session, ISOLATION_READ_COMMITTED);
    for (int64_t i = 0; i < 200; i++) {
        world_row_encode(&tuple, &(struct world_row){.id = i, .n = i % 7, .text = "row"});
        assert_int_equal(
            table_insert(session.txn, WORLD_TABLE, buf_slice(&tuple), &result, &session.diag),
            STATUS_OK);
    }
    session_commit(&session);
    session_deinit(&session);
    buf_deinit(&tuple);
}

static enum status
let_it_go(void *arg, bool *keep_out, struct diag *diag)
{
    UNUSED(arg);
    UNUSED(diag);
    *keep_out = false;
    return STATUS_OK;
}

static void
lose_entry(struct world *world, struct heap *heap)
{
    struct generation *index = objects_pin(world->store, WORLD_INDEX_ID);
    struct btree tree = btree_of(world->store, index);
    struct buf key = BUF_EMPTY;
    struct warm warm = {0};
    bool removed = false;
    UNUSED(heap);
    (void)world_equal(&key, 17);
    struct btree_entry entry = {.key = buf_slice(&key), .row = {18}};
    assert_int_equal(btree_remove(&tree, entry, &warm, let_it_go, NULL, &removed, NULL),
                     STATUS_OK);
    assert_true(removed);
    warm_release(&warm);
    buf_deinit(&key);
    generation_unpin(index);
}

static void
add_entry(struct world *world, struct heap *heap)
{
    struct generation *index = objects_pin(world->store, WORLD_INDEX_N);
    struct btree tree = btree_of(world->store, index);
    struct buf key = BUF_EMPTY;
    struct warm warm = {0};
    struct btree_hooks hooks = {.warm = &warm};
    UNUSED(heap);
    (void)world_equal(&key, 3);
    struct btree_entry entry = {.key = buf_slice(&key), .row = {5000}};
    assert_int_equal(btree_insert(&tree, entry, &hooks, NULL), STATUS_OK);
    warm_release(&warm);
    buf_deinit(&key);
    generation_unpin(index);
}

static void
lose_map_entry(struct world *world, struct heap *heap)
{
    struct page *page = NULL;
    struct warm warm = {0};
    struct row_id row = {42};
    UNUSED(world);
    assert_int_equal(row_map_pin(heap, row, &warm, &page, NULL), STATUS_OK);
    gate_enter(heap->pages);
    row_map_set(heap, page, row, VERSION_AT_NONE);
    gate_leave(heap->pages);
    page_unpin(page);
}

static void
damage_page(struct world *world, struct heap *heap)
{
    struct page *page = NULL;
    UNUSED(world);
    assert_int_equal(page_pin(heap->pages, heap->space, (struct page_no){0}, 0, &page, NULL),
                     STATUS_OK);
    gate_enter(heap->pages);
    page_latch_exclusive(page);
    page_dirty(page);
    put_u16(page_data(page) + 40, 9); /* free lines that are not there */
    page_unlatch(page);
    gate_leave(heap->pages);
    page_unpin(page);
}

/* Each kind of damage is found, and named with the SQLSTATE of damage.
 * Method: do it to a sound table through the layers below. */
static void
table_check__damage__is_found(void **state)
{
    UNUSED(state);
    static const struct damage_case {
        const char *name;
        void (*damage)(struct world *world, struct heap *heap);
    } cases[] = {{"a lost index entry", lose_entry},
                 {"an entry for no row", add_entry},
                 {"a lost map entry", lose_map_entry},
                 {"a heap page", damage_page}};
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct world world;
        struct diag diag = {0};
        world_open(&world, 4096, 256);
        world_make_table(&world);
        fill(&world);
        assert_true(tables_check(world.store, &diag));
        struct generation *table = objects_pin(world.store, WORLD_TABLE);
        struct heap heap = heap_of(world.store, table);
        cases[i].damage(&world, &heap);
        generation_unpin(table);
        print_message("%s\n", cases[i].name);
        assert_false(tables_check(world.store, &diag));
        assert_string_equal(diag.sqlstate, "XX001");
        world_close(&world);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_check__damage__is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
