/* wal_test.c: the log on a simulated disk: restarts, power loss, damage, truncation, retention.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/rng.h"
#include "base/vfs.h"
#include "base/worker.h"
#include "cluster/log/wal_internal.h"
#include "tests/lib/sim_vfs.h"

// clang-format off
#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>

struct wal_fixture {
    struct sim_vfs *sim;
    struct env env;
    struct wal *wal;
    struct rng rng;
    /* What the log should hold. */
    uint64_t last;
    uint64_t term[4096];
    unsigned size[4096];
    unsigned damage_count;
};

static void
no_durable(void *arg)
{
    UNUSED(arg);
}

static void
count_damage(void *arg, const struct diag *diag)
{
    struct wal_fixture *f = arg;
    UNUSED(diag);
    f->damage_count++;
}

static enum status
open_log(struct wal_fixture *f, struct diag *diag)
{
    struct wal_options options = {.env = &f->env,
                                  .dir = "wal",
                                  .segment_bytes = WAL_SEGMENT_BYTES_MIN,
                                  .cache_bytes = 64 << 10,
                                  .first_index = 1,
                                  .marked_type = 3,
                                  .on_durable = no_durable,
                                  .on_damage = count_damage,
                                  .arg = f};
    return wal_open(&options, &f->wal, diag);
}

static void
reopen(struct wal_fixture *f)
{
    struct diag diag = {0};
    wal_close(f->wal);
    f->wal = NULL;
    enum status status = open_log(f, &diag);
    if (status != STATUS_OK) {
        print_message("open: %s; while %s\n", diag.message, diag.while_chain);
    }
    assert_int_equal(status, STATUS_OK);
}

static struct wal_fixture *
fixture_new(uint64_t seed)
{
    struct wal_fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->sim = sim_vfs_new(seed);
    f->env = (struct env){
        .vfs = sim_vfs_base(f->sim), .clock = clock_system(), .workers = workers_system()};
    rng_seed(&f->rng, seed);
    struct diag diag = {0};
    assert_int_equal(open_log(f, &diag), STATUS_OK);
    assert_int_equal(vfs_sync_dir(f->env.vfs, ".", &diag), STATUS_OK); /* the name "wal" */
    return f;
}

static void
fixture_delete(struct wal_fixture *f)
{
    wal_close(f->wal);
    sim_vfs_delete(f->sim);
    free(f);
}

static struct wal_item *
item_for(uint64_t index, uint64_t term, unsigned size)
{
    uint8_t *bytes = malloc(size + 1U);
    assert_non_null(bytes);
    for (unsigned i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(index * 31 + term * 7 + i);
    }
    struct wal_item *item = wal_item_copy(1, term, slice_make(bytes, size));
    free(bytes);
    return item;
}

static void
append(struct wal_fixture *f, uint64_t term, unsigned size)
{
    f->last++;
    f->term[f->last] = term;
    f->size[f->last] = size;
    wal_append(f->wal, item_for(f->last, term, size));
}

/* Everything from `first` to `last` reads back as it was appended. */
static void
check_content(struct wal_fixture *f, uint64_t first, uint64_t last)
{
    struct wal_item *items[64];
    struct diag diag = {0};
    for (uint64_t index = first; index <= last;) {
        unsigned count = 0;
        unsigned most = (unsigned)MIN((uint64_t)ARRAY_SIZE(items), last - index + 1);
        assert_int_equal(wal_read(f->wal, index, most, 1 << 20, items, &count, &diag),
                         STATUS_OK);
        assert_true(count > 0);
        for (unsigned i = 0; i < count; i++, index++) {
            struct wal_item *want = item_for(index, f->term[index], f->size[index]);
            assert_int_equal(items[i]->index, index);
            assert_int_equal(items[i]->term, f->term[index]);
            assert_true(slice_equal(items[i]->bytes, want->bytes));
            assert_int_equal(wal_term_of(f->wal, index), f->term[index]);
            wal_item_unref(want);
            wal_item_unref(items[i]);
        }
    }
}

/* Entries of all sizes, over several segments, come back after a restart and from disk (the
 * cache is smaller). */
static void
wal_reopen__many_sizes__reads_all_back(void **state)
{
    UNUSED(state);
    struct wal_fixture *f = fixture_new(1);
    struct diag diag = {0};
    static const unsigned sizes[] = {0, 1, 471, 472, 473, 495, 496, 497, 5000, 70000, 1 << 20};
    for (int round = 0; round < 12; round++) {
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
            append(f, (uint64_t)(1 + round / 4), sizes[i]);
            if ((round + (int)i) % 3 == 0) {
                assert_int_equal(wal_write_now(f->wal, &diag), STATUS_OK);
            }
        }
    }
    assert_int_equal(wal_write_now(f->wal, &diag), STATUS_OK);
    assert_true(f->wal->segment_count > 2);
    check_content(f, 1, f->last);
    reopen(f);
    assert_int_equal(wal_last_index(f->wal), f->last);
    check_content(f, 1, f->last);
    fixture_delete(f);
}

/* What was synced survives any power loss, at every sync and write of a history with
 * truncations; the log opens again, and what it holds beyond that is what was appended. Method:
 * random appends and truncations until the ordered crash; reopen; compare; go on. */
static void
wal_reopen__power_loss_anywhere__keeps_what_was_durable(void **state)
{
    UNUSED(state);
    unsigned torn_count = 0;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct wal_fixture *f = fixture_new(seed);
        for (int life = 0; life < 4; life++) {
            struct diag diag = {0};
            uint64_t durable = f->last, term = f->last == 0 ? 1 : f->term[f->last];
            if (rng_below(&f->rng, 2) == 0) {
                sim_vfs_crash_at_sync(f->sim, 1 + rng_below(&f->rng, 12));
            } else {
                sim_vfs_crash_at_write(f->sim, 1 + rng_below(&f->rng, 30));
            }
            while (!sim_vfs_is_off(f->sim) && f->last < 4000) {
                if (f->last > 3 && rng_below(&f->rng, 5) == 0) {
                    /* A new leader: the tail goes, and another comes. */
                    uint64_t cut = f->last - rng_below(&f->rng, 3);
                    wal_truncate(f->wal, cut);
                    f->last = cut - 1;
                    durable = MIN(durable, f->last);
                    term++;
                }
                for (uint64_t n = 1 + rng_below(&f->rng, 4); n > 0; n--) {
                    append(f, term, (unsigned)rng_below(&f->rng, 3000));
                }
                uint64_t before = durable;
                if (wal_write_now(f->wal, &diag) == STATUS_OK) {
                    durable = f->last;
                }
                assert_true(durable >= before);
            }
            sim_vfs_power_off(f->sim);
            wal_close(f->wal);
            f->wal = NULL;
            sim_vfs_power_on(f->sim);
            reopen(f);
            uint64_t last = wal_last_index(f->wal);
            if (last < durable) {
                print_message("seed %llu life %d\n", (unsigned long long)seed, life);
            }
            assert_true(last >= durable);
            torn_count += last < f->last ? 1 : 0;
            /* The suffix that was never durable may be an older version that a cut did not
             * reach. */
            check_content(f, 1, durable);
            if (last > durable) {
                wal_truncate(f->wal, durable + 1);
            }
            f->last = durable;
        }
        fixture_delete(f);
    }
    assert_true(torn_count > 20);
}

/* A truncation between the write of a group and its sync: what it took does not become durable
 * with that sync, and what replaced it only with its own. Method: take single steps of the
 * writer. */
static void
wal_truncate__between_write_and_sync__is_not_counted(void **state)
{
    UNUSED(state);
    struct wal_fixture *f = fixture_new(5);
    struct diag diag = {0};
    append(f, 1, 10);
    assert_int_equal(wal_write_now(f->wal, &diag), STATUS_OK);
    append(f, 1, 10);
    append(f, 1, 10);
    append(f, 1, 10);
    assert_true(wal__write_step(f->wal)); /* 2, 3 and 4 are written */
    assert_int_equal(wal_durable_index(f->wal), 1);
    wal_truncate(f->wal, 3);
    f->last = 2;
    append(f, 2, 20);
    append(f, 2, 20);
    assert_true(wal__write_step(f->wal)); /* and synced: only 2 counts */
    assert_int_equal(wal_durable_index(f->wal), 2);
    assert_true(wal__write_step(f->wal));
    assert_int_equal(wal_durable_index(f->wal), 2);
    assert_true(wal__write_step(f->wal));
    assert_int_equal(wal_durable_index(f->wal), 4);
    reopen(f);
    assert_int_equal(wal_last_index(f->wal), 4);
    check_content(f, 1, 4);
    fixture_delete(f);
}

/* Flipped bytes in what was synced are damage, wherever they lie; a torn tail is not.
 * Method: five synced batches; corrupt one block of each; open. */
static void
wal_open__flipped_block__is_damage(void **state)
{
    UNUSED(state);
    for (uint64_t block = 1; block <= 5; block++) {
        struct wal_fixture *f = fixture_new(block);
        struct diag diag = {0};
        for (int i = 0; i < 5; i++) {
            append(f, 1, 100); /* one block each */
            assert_int_equal(wal_write_now(f->wal, &diag), STATUS_OK);
        }
        wal_close(f->wal);
        f->wal = NULL;
        sim_vfs_corrupt(f->sim, "wal/0000000000000001.seg", block * WAL_BLOCK_BYTES + 40, 8);
        assert_int_equal(open_log(f, &diag), STATUS_CORRUPT);
        assert_null(f->wal);
        fixture_delete(f);
    }
}

/* A failed sync latches damage: nothing counts as durable after it, and waiters are told. */
static void
wal_write__sync_fails__latches_damage(void **state)
{
    UNUSED(state);
    struct wal_fixture *f = fixture_new(3);
    struct diag diag = {0};
    append(f, 1, 100);
    assert_int_equal(wal_write_now(f->wal, &diag), STATUS_OK);
    append(f, 1, 100);
    sim_vfs_fail_sync(f->sim, 1);
    assert_int_equal(wal_write_now(f->wal, &diag), STATUS_IO);
    assert_int_equal(f->damage_count, 1);
    assert_true(wal_damaged(f->wal));
    assert_int_equal(wal_durable_index(f->wal), 1);
    fixture_delete(f);
}

/* Retention drops whole old segments, and only below the index to keep; the rest stays
 * readable, also after a restart. */
static void
wal_retain__old_segments__go(void **state)
{
    UNUSED(state);
    struct wal_fixture *f = fixture_new(4);
    struct diag diag = {0};
    for (int i = 0; i < 40; i++) {
        append(f, 1 + (uint64_t)i / 10, 500000);
        assert_int_equal(wal_write_now(f->wal, &diag), STATUS_OK);
    }
    size_t before = f->wal->segment_count;
    assert_true(before >= 5);
    wal_retain(f->wal, 20, 0);
    for (int i = 0; i < 100; i++) {
        (void)wal__write_step(f->wal);
    }
    uint64_t first = wal_first_index(f->wal);
    assert_true(first > 1);
    assert_true(first <= 20);
    assert_true(f->wal->segment_count < before);
    check_content(f, first, f->last);
    assert_int_equal(wal_term_of(f->wal, first - 1), f->term[first - 1]);
    reopen(f);
    assert_int_equal(wal_first_index(f->wal), first);
    assert_int_equal(wal_term_of(f->wal, first - 1), f->term[first - 1]);
    check_content(f, first, f->last);
    struct wal_item *item = NULL;
    unsigned count = 0;
    assert_int_equal(wal_read(f->wal, first - 1, 1, 0, &item, &count, &diag), STATUS_NOT_FOUND);
    fixture_delete(f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wal_reopen__many_sizes__reads_all_back),
        cmocka_unit_test(wal_reopen__power_loss_anywhere__keeps_what_was_durable),
        cmocka_unit_test(wal_truncate__between_write_and_sync__is_not_counted),
        cmocka_unit_test(wal_open__flipped_block__is_damage),
        cmocka_unit_test(wal_write__sync_fails__latches_damage),
        cmocka_unit_test(wal_retain__old_segments__go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
