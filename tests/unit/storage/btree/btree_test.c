/* btree_test.c: the tree over pages, against a sorted array.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"
#include "base/worker.h"
#include "storage/btree/btree.h"
#include "storage/verify/verify.h"
#include "tests/lib/sim_vfs.h"
#include "tests/lib/unit.h"

#include <stdlib.h>

#define ENTRIES_MAX 6000
#define KEY_BYTES_MAX 900

struct entry {
    uint8_t key[KEY_BYTES_MAX];
    size_t size;
    uint64_t row;
};

struct fixture {
    struct sim_vfs *sim;
    struct env env;
    struct pages *pages;
    struct btree tree;
    _Atomic(uint32_t) last_leaf;
    struct warm warm;
    struct rng rng;
    struct entry *entries; /* sorted */
    unsigned count;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct diag diag = {0};
    struct root_info root;
    f->sim = sim_vfs_new(1);
    f->env = (struct env){.vfs = sim_vfs_base(f->sim),
                          .clock = clock_system(),
                          .workers = workers_system(),
                          .seed = 1};
    struct pages_options options = {
        .env = &f->env, .dir = "pages", .page_size = 4096, .pool_pages = 64};
    assert_int_equal(pages_open(&options, &f->pages, &root, &diag), STATUS_OK);
    pages_root_forget(f->pages);
    gate_enter(f->pages);
    f->tree = (struct btree){.pages = f->pages,
                             .space = space_create(f->pages),
                             .page_size = 4096,
                             .last_leaf = &f->last_leaf};
    gate_leave(f->pages);
    rng_seed(&f->rng, 11);
    f->entries = calloc(ENTRIES_MAX, sizeof(f->entries[0]));
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    warm_release(&f->warm);
    pages_close(f->pages);
    sim_vfs_delete(f->sim);
    free(f->entries);
    free(f);
    return 0;
}

static struct btree_entry
as_entry(const struct entry *entry)
{
    return (struct btree_entry){.key = slice_make(entry->key, entry->size),
                                .row = {entry->row}};
}

/* Few leading bytes, so that keys share prefixes and some are equal; now and then a long one.
 */
static void
make_entry(struct fixture *f, struct entry *entry)
{
    size_t max = btree_key_max(4096);
    entry->size = rng_below(&f->rng, 20) == 0 ? 1 + (size_t)rng_below(&f->rng, max)
                                              : 1 + (size_t)rng_below(&f->rng, 6);
    for (size_t i = 0; i < entry->size; i++) {
        entry->key[i] = (uint8_t)(1 + rng_below(&f->rng, 4));
    }
    entry->row = 1 + rng_below(&f->rng, 1000);
}

static unsigned
place_of(const struct fixture *f, const struct entry *entry)
{
    unsigned low = 0, high = f->count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (btree_compare(as_entry(&f->entries[middle]), as_entry(entry)) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void
insert(struct fixture *f, const struct entry *entry)
{
    struct diag diag = {0};
    struct btree_hooks hooks = {.warm = &f->warm};
    assert_int_equal(btree_insert(&f->tree, as_entry(entry), &hooks, &diag), STATUS_OK);
    unsigned at = place_of(f, entry);
    if (at < f->count && btree_compare(as_entry(&f->entries[at]), as_entry(entry)) == 0) {
        return;
    }
    memmove(&f->entries[at + 1], &f->entries[at], (f->count - at) * sizeof(f->entries[0]));
    f->entries[at] = *entry;
    f->count++;
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
remove_at(struct fixture *f, unsigned at)
{
    struct diag diag = {0};
    bool removed = false;
    assert_int_equal(btree_remove(&f->tree, as_entry(&f->entries[at]), &f->warm, let_it_go,
                                  NULL, &removed, &diag),
                     STATUS_OK);
    assert_true(removed);
    memmove(&f->entries[at], &f->entries[at + 1], (f->count - at - 1) * sizeof(f->entries[0]));
    f->count--;
}

static bool
in_bounds(const struct entry *entry, struct btree_bound low, struct btree_bound high)
{
    struct slice key = slice_make(entry->key, entry->size);
    if (low.key.data != NULL) {
        struct slice cut = slice_make(key.data, MIN(key.size, low.key.size));
        int order = slice_compare(cut, low.key);
        if (order < 0 || (order == 0 && !low.inclusive)) {
            return false;
        }
    }
    if (high.key.data != NULL) {
        struct slice cut = slice_make(key.data, MIN(key.size, high.key.size));
        int order = slice_compare(cut, high.key);
        if (order > 0 || (order == 0 && !high.inclusive)) {
            return false;
        }
    }
    return true;
}

static void
check_range(struct fixture *f, struct btree_bound low, struct btree_bound high, bool backward)
{
    struct diag diag = {0};
    struct btree_cursor cursor;
    btree_cursor_init(&cursor);
    btree_cursor_start(&cursor, &f->tree, low, high, backward);
    unsigned next = backward ? f->count : 0;
    for (;;) {
        assert_int_equal(btree_cursor_next(&cursor, &diag), STATUS_OK);
        if (cursor.count == 0) {
            break;
        }
        for (unsigned i = 0; i < cursor.count; i++) {
            const struct entry *wanted;
            do {
                assert_true(backward ? next > 0 : next < f->count);
                wanted = &f->entries[backward ? --next : next++];
            } while (!in_bounds(wanted, low, high));
            assert_int_equal(btree_compare(as_entry(wanted), btree_cursor_entry(&cursor, i)),
                             0);
        }
    }
    while (backward ? next > 0 : next < f->count) {
        assert_false(in_bounds(&f->entries[backward ? --next : next++], low, high));
    }
    btree_cursor_deinit(&cursor);
}

static void
check_all(struct fixture *f)
{
    struct diag diag = {0};
    uint64_t count = 0;
    struct btree_bound all = {0};
    assert_true(btree_check(&f->tree, &count, &diag));
    assert_int_equal(count, f->count);
    check_range(f, all, all, false);
    check_range(f, all, all, true);
    for (unsigned i = 0; i < 30; i++) {
        struct entry low, high;
        make_entry(f, &low);
        make_entry(f, &high);
        struct btree_bound from = {.key = slice_make(low.key, low.size),
                                   .inclusive = rng_below(&f->rng, 2) == 0};
        struct btree_bound to = {.key = slice_make(high.key, high.size),
                                 .inclusive = rng_below(&f->rng, 2) == 0};
        check_range(f, from, rng_below(&f->rng, 3) == 0 ? all : to, i % 2 == 0);
    }
}

/* Insertions and removals at random leave what the array has, in every range and direction.
 * Method: phases of growth and of shrinking; the pool is smaller than the tree. */
static void
btree__random_changes__equals_the_array(void **state)
{
    struct fixture *f = *state;
    for (unsigned phase = 0; phase < 8; phase++) {
        for (unsigned i = 0; i < 1500; i++) {
            bool grow = rng_below(&f->rng, 10) < (phase % 2 == 0 ? 9U : 3U);
            if (grow && f->count < ENTRIES_MAX - 1) {
                struct entry entry;
                make_entry(f, &entry);
                insert(f, &entry);
            } else if (f->count > 0) {
                remove_at(f, (unsigned)rng_below(&f->rng, f->count));
            }
        }
        check_all(f);
    }
}

/* Ascending and descending loads with keys of one size and with the longest.
 * Method: each into the tree one after the other. */
static void
btree_insert__sorted_loads__equals_the_array(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 3000; i++) {
        struct entry entry = {.row = i + 1, .size = i % 50 == 0 ? btree_key_max(4096) : 5};
        put_be32(entry.key, i < 1500 ? 100000 + i : 50000 - i);
        insert(f, &entry);
    }
    check_all(f);
    struct entry too_long = {.row = 1, .size = btree_key_max(4096) + 1};
    struct diag diag = {0};
    struct btree_hooks hooks = {.warm = &f->warm};
    assert_int_equal(btree_insert(&f->tree, as_entry(&too_long), &hooks, &diag), STATUS_LIMIT);
    assert_string_equal(diag.sqlstate, "54000");
}

/* A bulk build has all entries, and takes insertions and removals afterwards.
 * Method: sizes around none, one page and several levels. */
static void
btree_build__sorted_entries__is_a_tree(void **state)
{
    static const unsigned sizes[] = {0, 1, 2, 150, 5000};
    struct fixture *f = *state;
    struct diag diag = {0};
    for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++) {
        gate_enter(f->pages);
        f->tree.space = space_create(f->pages);
        gate_leave(f->pages);
        atomic_store(&f->last_leaf, 0);
        f->count = 0;
        struct btree_build *build = btree_build_new(&f->tree, 40);
        for (unsigned i = 0; i < sizes[s]; i++) {
            struct entry *entry = &f->entries[f->count++];
            *entry = (struct entry){.row = i + 1, .size = 4 + i % 30};
            put_be32(entry->key, i / 3); /* equal leading bytes */
            entry->key[4] = (uint8_t)(i % 3 + 1);
            entry->size = MAX(entry->size, (size_t)5);
            assert_int_equal(btree_build_add(build, as_entry(entry), &diag), STATUS_OK);
        }
        assert_int_equal(btree_build_finish(build, &diag), STATUS_OK);
        btree_build_delete(build);
        check_all(f);
        for (unsigned i = 0; i < 500; i++) {
            struct entry entry;
            make_entry(f, &entry);
            insert(f, &entry);
            remove_at(f, (unsigned)rng_below(&f->rng, f->count));
        }
        check_all(f);
    }
}

/* The check finds damage: items out of order, and an item beyond the high key.
 * Method: change a byte of a key on a leaf in place. */
static void
btree_check__key_changed_in_place__finds_it(void **state)
{
    struct fixture *f = *state;
    struct diag diag = {0};
    uint64_t count = 0;
    for (unsigned i = 0; i < 2000; i++) {
        struct entry entry = {.row = i + 1, .size = 8};
        put_be32(entry.key, i);
        insert(f, &entry);
    }
    assert_true(btree_check(&f->tree, &count, &diag));
    struct page *page = NULL;
    assert_int_equal(page_pin(f->pages, f->tree.space, (struct page_no){3}, 0, &page, &diag),
                     STATUS_OK);
    gate_enter(f->pages);
    page_latch_exclusive(page);
    page_dirty(page);
    struct btree_item item = btree_page_item(page_data(page), 2);
    *(uint8_t *)(uintptr_t)item.entry.key.data ^= 0x40;
    page_unlatch(page);
    gate_leave(f->pages);
    page_unpin(page);
    assert_false(btree_check(&f->tree, &count, &diag));
    assert_string_equal(diag.sqlstate, "XX002");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(btree__random_changes__equals_the_array),
        T(btree_insert__sorted_loads__equals_the_array),
        T(btree_build__sorted_entries__is_a_tree),
        T(btree_check__key_changed_in_place__finds_it),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
