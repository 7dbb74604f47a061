/* sim_vfs_test.c: the simulated disk loses what it may lose and nothing else.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/sim_vfs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SEEDS 40u

static struct vfs_file *
open_file(struct sim_vfs *sim, const char *path, unsigned flags)
{
    struct vfs_file *file = NULL;
    assert_int_equal(vfs_open(sim_vfs_base(sim), path, flags, &file, NULL), STATUS_OK);
    return file;
}

static void
cut_power(struct sim_vfs *sim, struct vfs_file *file)
{
    sim_vfs_power_off(sim);
    vfs_close(file);
    sim_vfs_power_on(sim);
}

/* A durable file of `size` bytes, all `value`. */
static struct vfs_file *
durable_file(struct sim_vfs *sim, char value, size_t size)
{
    static char data[8192];
    assert_true(size <= sizeof(data));
    memset(data, value, size);
    struct vfs_file *file = open_file(sim, "f", VFS_READ | VFS_WRITE | VFS_CREATE);
    assert_int_equal(vfs_write(file, 0, data, size, NULL), STATUS_OK);
    assert_int_equal(vfs_sync(file, NULL), STATUS_OK);
    assert_int_equal(vfs_sync_dir(sim_vfs_base(sim), ".", NULL), STATUS_OK);
    return file;
}

/* Synced content stays; an unsynced write is, over the seeds, kept, lost and torn, but never
 * torn inside a sector. Method: overwrite four sectors, cut the power, count what is new. */
static void
sim_vfs__power_loss__keeps_loses_and_tears(void **state)
{
    (void)state;
    unsigned kept = 0, lost = 0, torn = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sim_vfs *sim = sim_vfs_new(seed);
        char data[4 * SIM_SECTOR_BYTES], back[4 * SIM_SECTOR_BYTES];
        struct vfs_file *file = durable_file(sim, 'a', sizeof(data));
        memset(data, 'b', sizeof(data));
        assert_int_equal(vfs_write(file, 0, data, sizeof(data), NULL), STATUS_OK);
        cut_power(sim, file);
        file = open_file(sim, "f", VFS_READ);
        assert_int_equal(vfs_read(file, 0, back, sizeof(back), NULL), STATUS_OK);
        unsigned fresh = 0;
        for (unsigned i = 0; i < 4; i++) {
            const char *sector = back + i * SIM_SECTOR_BYTES;
            assert_memory_equal(sector, sector + 1, SIM_SECTOR_BYTES - 1);
            fresh += sector[0] == 'b';
        }
        kept += fresh == 4;
        lost += fresh == 0;
        torn += fresh != 0 && fresh != 4;
        vfs_close(file);
        sim_vfs_delete(sim);
    }
    assert_true(kept > 0 && lost > 0 && torn > 0);
}

/* Names are durable by sync_dir of their directory only, and with their directory's own name.
 * Method: a table of which directories are synced before a power loss that loses all else. */
static void
sim_vfs__names__need_their_directory_synced(void **state)
{
    (void)state;
    static const struct sync_case {
        bool parent, dir, there;
    } cases[] = {
        {false, false, false}, {true, false, false}, {false, true, false}, {true, true, true}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct sim_vfs *sim = sim_vfs_new(1);
        struct vfs *vfs = sim_vfs_base(sim);
        struct vfs_file *file = NULL;
        sim_vfs_set_loss(sim, SIM_LOSS_ALL);
        assert_int_equal(vfs_make_dir(vfs, "/d", NULL), STATUS_OK);
        file = open_file(sim, "/d/f", VFS_WRITE | VFS_CREATE);
        assert_int_equal(vfs_write(file, 0, "x", 1, NULL), STATUS_OK);
        assert_int_equal(vfs_sync(file, NULL), STATUS_OK);
        assert_int_equal(cases[i].parent ? vfs_sync_dir(vfs, "/", NULL) : STATUS_OK, STATUS_OK);
        assert_int_equal(cases[i].dir ? vfs_sync_dir(vfs, "/d", NULL) : STATUS_OK, STATUS_OK);
        cut_power(sim, file);
        assert_int_equal(vfs_open(vfs, "/d/f", VFS_READ, &file, NULL),
                         cases[i].there ? STATUS_OK : STATUS_NOT_FOUND);
        vfs_close(file);
        sim_vfs_delete(sim);
    }
}

/* A rename is there wholly or not at all. Method: replace a file by rename over seeds. */
static void
sim_vfs__rename__is_atomic(void **state)
{
    (void)state;
    unsigned old_count = 0, new_count = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sim_vfs *sim = sim_vfs_new(seed);
        struct vfs *vfs = sim_vfs_base(sim);
        char got = 0;
        vfs_close(durable_file(sim, 'o', 1));
        struct vfs_file *file = open_file(sim, "f.new", VFS_WRITE | VFS_CREATE);
        assert_int_equal(vfs_write(file, 0, "n", 1, NULL), STATUS_OK);
        assert_int_equal(vfs_sync(file, NULL), STATUS_OK);
        assert_int_equal(vfs_rename(vfs, "f.new", "f", NULL), STATUS_OK);
        cut_power(sim, file);
        file = open_file(sim, "f", VFS_READ);
        assert_int_equal(vfs_read(file, 0, &got, 1, NULL), STATUS_OK);
        assert_true(got == 'o' || got == 'n');
        old_count += got == 'o';
        new_count += got == 'n';
        vfs_close(file);
        sim_vfs_delete(sim);
    }
    assert_true(old_count > 0 && new_count > 0);
}

struct busy {
    struct sim_vfs *sim;
    struct vfs_file *file;
    bool dir; /* it is a sync of the directory */
};

/* While the disk works at a sync, the file gets other content or another file is made. */
static void
change_under_sync(void *arg, const struct sim_operation *operation)
{
    struct busy *busy = arg;
    if (operation->kind == SIM_OPERATION_SYNC && busy->dir) {
        vfs_close(open_file(busy->sim, "g", VFS_WRITE | VFS_CREATE));
    } else if (operation->kind == SIM_OPERATION_SYNC) {
        assert_int_equal(vfs_write(busy->file, 0, "b", 1, NULL), STATUS_OK);
    }
}

/* A sync covers what was there when it was asked for, of content and of names; the next one
 * covers the rest. Method: change both while a sync runs, cut the power. */
static void
sim_vfs__sync__leaves_out_what_comes_meanwhile(void **state)
{
    (void)state;
    for (unsigned again = 0; again < 2; again++) {
        struct sim_vfs *sim = sim_vfs_new(1);
        struct vfs_file *file = durable_file(sim, 'a', 1), *other = NULL;
        struct busy busy = {sim, file, false};
        char got = 0;
        sim_vfs_set_loss(sim, SIM_LOSS_ALL);
        sim_vfs_on_operation(sim, change_under_sync, &busy);
        assert_int_equal(vfs_sync(file, NULL), STATUS_OK);
        busy.dir = true;
        assert_int_equal(vfs_sync_dir(sim_vfs_base(sim), ".", NULL), STATUS_OK);
        sim_vfs_on_operation(sim, NULL, NULL);
        if (again != 0) {
            assert_int_equal(vfs_sync(file, NULL), STATUS_OK);
            assert_int_equal(vfs_sync_dir(sim_vfs_base(sim), ".", NULL), STATUS_OK);
        }
        cut_power(sim, file);
        file = open_file(sim, "f", VFS_READ);
        assert_int_equal(vfs_read(file, 0, &got, 1, NULL), STATUS_OK);
        assert_int_equal(got, again != 0 ? 'b' : 'a');
        assert_int_equal(vfs_open(sim_vfs_base(sim), "g", VFS_READ, &other, NULL),
                         again != 0 ? STATUS_OK : STATUS_NOT_FOUND);
        vfs_close(other);
        vfs_close(file);
        sim_vfs_delete(sim);
    }
}

/* Ordered crashes and failures come at the operation named, once; a failed sync never makes
 * its writes durable, not even by the next one that succeeds. */
static void
sim_vfs__orders__come_when_due(void **state)
{
    (void)state;
    struct sim_vfs *sim = sim_vfs_new(1);
    struct vfs_file *file = durable_file(sim, 'a', 1);
    char got = 0;
    sim_vfs_set_loss(sim, SIM_LOSS_ALL);
    sim_vfs_fail_write(sim, 2);
    assert_int_equal(vfs_write(file, 0, "b", 1, NULL), STATUS_OK);
    assert_int_equal(vfs_write(file, 0, "c", 1, NULL), STATUS_IO);
    assert_int_equal(vfs_write(file, 0, "d", 1, NULL), STATUS_OK);
    sim_vfs_fail_sync(sim, 1);
    assert_int_equal(vfs_sync(file, NULL), STATUS_IO);
    assert_int_equal(vfs_sync(file, NULL), STATUS_OK);
    assert_int_equal(vfs_read(file, 0, &got, 1, NULL), STATUS_OK);
    assert_int_equal(got, 'd');
    sim_vfs_crash_at_sync(sim, 2);
    assert_int_equal(vfs_sync(file, NULL), STATUS_OK);
    assert_int_equal(vfs_sync(file, NULL), STATUS_IO);
    assert_true(sim_vfs_is_off(sim));
    assert_int_equal(vfs_read(file, 0, &got, 1, NULL), STATUS_IO);
    vfs_close(file);
    sim_vfs_power_on(sim);
    file = open_file(sim, "f", VFS_READ);
    assert_int_equal(vfs_read(file, 0, &got, 1, NULL), STATUS_OK);
    assert_int_equal(got, 'a');
    vfs_close(file);
    sim_vfs_delete(sim);
}

/* A full disk refuses growth, not overwriting; punched space counts as free again. */
static void
sim_vfs__limit__refuses_growth_only(void **state)
{
    (void)state;
    struct sim_vfs *sim = sim_vfs_new(1);
    struct vfs_file *file = durable_file(sim, 'a', 8192);
    struct diag diag = {0};
    sim_vfs_limit(sim, 8192);
    assert_int_equal(vfs_write(file, 8192, "x", 1, &diag), STATUS_LIMIT);
    assert_string_equal(diag.sqlstate, "53100");
    assert_int_equal(vfs_write(file, 100, "x", 1, NULL), STATUS_OK);
    assert_int_equal(vfs_punch(file, 0, 4096, NULL), STATUS_OK);
    assert_int_equal(sim_vfs_used_bytes(sim), 4096);
    assert_int_equal(vfs_write(file, 8192, "x", 1, NULL), STATUS_OK);
    vfs_close(file);
    sim_vfs_delete(sim);
}

static void
add_name(void *arg, const char *name)
{
    strcat(strcat(arg, name), " ");
}

/* Listing is sorted and of one directory; a locked file is refused to a second handle. */
static void
sim_vfs__list_and_lock__as_the_real_one(void **state)
{
    (void)state;
    struct sim_vfs *sim = sim_vfs_new(1);
    char names[64] = "";
    assert_int_equal(vfs_make_dir(sim_vfs_base(sim), "d", NULL), STATUS_OK);
    struct vfs_file *b = open_file(sim, "d/b", VFS_WRITE | VFS_CREATE);
    struct vfs_file *a = open_file(sim, "d//a", VFS_WRITE | VFS_CREATE);
    struct vfs_file *again = open_file(sim, "d/a", VFS_READ);
    assert_int_equal(vfs_list(sim_vfs_base(sim), "d/", add_name, names, NULL), STATUS_OK);
    assert_string_equal(names, "a b ");
    assert_int_equal(vfs_lock(a, NULL), STATUS_OK);
    assert_int_equal(vfs_lock(again, NULL), STATUS_CONFLICT);
    vfs_close(a);
    assert_int_equal(vfs_lock(again, NULL), STATUS_OK);
    vfs_close(again);
    vfs_close(b);
    sim_vfs_delete(sim);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sim_vfs__power_loss__keeps_loses_and_tears),
        cmocka_unit_test(sim_vfs__names__need_their_directory_synced),
        cmocka_unit_test(sim_vfs__rename__is_atomic),
        cmocka_unit_test(sim_vfs__sync__leaves_out_what_comes_meanwhile),
        cmocka_unit_test(sim_vfs__orders__come_when_due),
        cmocka_unit_test(sim_vfs__limit__refuses_growth_only),
        cmocka_unit_test(sim_vfs__list_and_lock__as_the_real_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
