/* root_test.c: which root is trusted. SPDX-License-Identifier: Apache-2.0 */
#include "storage/page/root.h"
#include "tests/lib/sim_vfs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PAGE_BYTES 4096u
#define BLOCK_BYTES 4096u

static enum status
open_root(struct sim_vfs *sim, struct root_file *root, struct root_record *record, bool *found)
{
    return root_open(root, sim_vfs_base(sim), "d", PAGE_BYTES, record, found, NULL);
}

static void
write_root(struct root_file *root, uint64_t sequence)
{
    struct root_record record = {.sequence = sequence,
                                 .epoch = sequence + 1,
                                 .applied_index = sequence * 10,
                                 .applied_term = 4,
                                 .page_size = PAGE_BYTES,
                                 .next_space_id = 9,
                                 .directory_bytes = 11,
                                 .meta_bytes = 12,
                                 .directory = {.slot = 13, .sum = 14},
                                 .meta = {.slot = 15, .sum = 16}};
    assert_int_equal(root_write(root, &record, NULL), STATUS_OK);
}

/* All fields come back. Method: write one root, open, compare. */
static void
root__written__comes_back_whole(void **state)
{
    (void)state;
    struct sim_vfs *sim = sim_vfs_new(1);
    struct root_file root;
    struct root_record record;
    bool found = true;
    assert_int_equal(vfs_make_dir(sim_vfs_base(sim), "d", NULL), STATUS_OK);
    assert_int_equal(open_root(sim, &root, &record, &found), STATUS_OK);
    assert_false(found);
    write_root(&root, 1);
    root_close(&root);
    assert_int_equal(open_root(sim, &root, &record, &found), STATUS_OK);
    assert_true(found);
    assert_int_equal(record.sequence, 1);
    assert_int_equal(record.epoch, 2);
    assert_int_equal(record.applied_index, 10);
    assert_int_equal(record.applied_term, 4);
    assert_int_equal(record.next_space_id, 9);
    assert_int_equal(record.directory_bytes, 11);
    assert_int_equal(record.meta_bytes, 12);
    assert_int_equal(record.directory.slot, 13);
    assert_int_equal(record.directory.sum, 14);
    assert_int_equal(record.meta.slot, 15);
    assert_int_equal(record.meta.sum, 16);
    root_close(&root);
    sim_vfs_delete(sim);
}

/* One bad copy is masked; both bad, and an older root only if its slots were never reused.
 * Method: roots 1..n written, the one before the last void or not, blocks damaged by a mask
 * (bit = block; root n lies in blocks 0 and 1 if n is even, in 2 and 3 if it is odd). */
static void
root__damaged_blocks__newest_or_refused(void **state)
{
    (void)state;
    static const struct damage {
        uint64_t roots;
        bool old_void;
        unsigned damaged;
        uint64_t expect; /* index found; 0: none found; UINT64_MAX: refused */
    } cases[] = {
        {0, false, 0x0, 0},          {1, false, 0x0, 10},         {1, false, 0x4, 10},
        {1, false, 0x8, 10},         {1, false, 0xc, UINT64_MAX}, {2, false, 0x0, 20},
        {2, true, 0x0, 20},          {2, true, 0x1, 20},          {2, true, 0x2, 20},
        {2, true, 0x3, UINT64_MAX},  {2, false, 0x3, 10},         {2, true, 0xd, 20},
        {2, false, 0xf, UINT64_MAX}, {3, true, 0xc, UINT64_MAX},  {3, true, 0x7, 30},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct sim_vfs *sim = sim_vfs_new(1);
        struct root_file root;
        struct root_record record;
        bool found = false;
        assert_int_equal(vfs_make_dir(sim_vfs_base(sim), "d", NULL), STATUS_OK);
        assert_int_equal(open_root(sim, &root, &record, &found), STATUS_OK);
        for (uint64_t n = 1; n <= cases[i].roots; n++) {
            write_root(&root, n);
            if (n > 1 && (n < cases[i].roots || cases[i].old_void)) {
                assert_int_equal(root_void(&root, n - 1, NULL), STATUS_OK);
            }
        }
        root_close(&root);
        for (unsigned block = 0; block < 4; block++) {
            if ((cases[i].damaged >> block & 1) != 0) {
                sim_vfs_corrupt(sim, "d/root", block * BLOCK_BYTES + 20, 1);
            }
        }
        enum status status = open_root(sim, &root, &record, &found);
        assert_int_equal(status, cases[i].expect == UINT64_MAX ? STATUS_CORRUPT : STATUS_OK);
        if (status == STATUS_OK) {
            assert_int_equal(found, cases[i].expect != 0);
            assert_int_equal(record.applied_index, cases[i].expect);
        }
        root_close(&root);
        sim_vfs_delete(sim);
    }
}

/* Slot files without a root are not taken for a new directory. Method: remove the root. */
static void
root__missing_beside_slot_files__is_refused(void **state)
{
    (void)state;
    struct sim_vfs *sim = sim_vfs_new(1);
    struct vfs *vfs = sim_vfs_base(sim);
    struct vfs_file *file = NULL;
    struct root_file root;
    struct root_record record;
    bool found = false;
    assert_int_equal(vfs_make_dir(vfs, "d", NULL), STATUS_OK);
    assert_int_equal(vfs_open(vfs, "d/slots.0000", VFS_WRITE | VFS_CREATE, &file, NULL),
                     STATUS_OK);
    vfs_close(file);
    assert_int_equal(open_root(sim, &root, &record, &found), STATUS_CORRUPT);
    sim_vfs_delete(sim);
}

/* The page size is fixed when the directory is made. Method: open with another. */
static void
root__other_page_size__is_refused(void **state)
{
    (void)state;
    struct sim_vfs *sim = sim_vfs_new(1);
    struct root_file root;
    struct root_record record;
    bool found = false;
    assert_int_equal(vfs_make_dir(sim_vfs_base(sim), "d", NULL), STATUS_OK);
    assert_int_equal(open_root(sim, &root, &record, &found), STATUS_OK);
    write_root(&root, 1);
    root_close(&root);
    assert_int_equal(
        root_open(&root, sim_vfs_base(sim), "d", 2 * PAGE_BYTES, &record, &found, NULL),
        STATUS_INVALID);
    sim_vfs_delete(sim);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root__written__comes_back_whole),
        cmocka_unit_test(root__damaged_blocks__newest_or_refused),
        cmocka_unit_test(root__missing_beside_slot_files__is_refused),
        cmocka_unit_test(root__other_page_size__is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
