/* concurrent_test.c: writers, readers, evictions and checkpoints at the same time.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/codec.h"
#include "base/env.h"
#include "base/rng.h"
#include "base/thread.h"
#include "base/vfs.h"
#include "storage/page/pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE_BYTES 4096u
#define WRITERS 3u
#define MOVES 6000u
#define ACCOUNTS 200u /* pages with a balance; far more than the pool has frames */
#define POOL_PAGES 48u

struct bank {
    struct env env;
    char dir[64];
    struct pages *pages;
    struct space_id accounts;
    atomic_bool stop, failed;
    _Atomic(uint64_t) index;
};

struct teller {
    struct bank *bank;
    struct thread thread;
    uint64_t seed;
};

/* A page holds a balance and its complement: torn or stale halves would not match. */
static void
put_balance(struct page *page, int64_t balance)
{
    put_u64(page_data(page) + PAGE_HEADER_BYTES, (uint64_t)balance);
    put_u64(page_data(page) + PAGE_BYTES - 8, ~(uint64_t)balance);
}

static bool
get_balance(struct page *page, int64_t *balance_out)
{
    uint64_t value = get_u64(page_data(page) + PAGE_HEADER_BYTES);
    *balance_out = (int64_t)value;
    return get_u64(page_data(page) + PAGE_BYTES - 8) == ~value;
}

static struct page *
pin(struct bank *bank, uint32_t no, unsigned flags)
{
    struct page *page = NULL;
    struct diag diag = {0};
    while (page_pin(bank->pages, bank->accounts, (struct page_no){no}, flags, &page, &diag) !=
           STATUS_OK) {
        if (diag.status != STATUS_LIMIT) { /* 53200: every frame is pinned for an instant */
            fprintf(stderr, "pin: %s\n", diag.message);
            atomic_store(&bank->failed, true);
            return NULL;
        }
        diag_clear(&diag);
    }
    return page;
}

/* Moves 1 between two pages inside one visit of the gate: every cut sees a sum of 0. */
static void
move(struct bank *bank, struct rng *rng)
{
    uint32_t a = (uint32_t)rng_below(rng, ACCOUNTS - 1);
    uint32_t b = a + 1 + (uint32_t)rng_below(rng, ACCOUNTS - 1 - a);
    struct page *from = pin(bank, a, 0), *to = pin(bank, b, 0);
    int64_t x = 0, y = 0;
    if (from != NULL && to != NULL) {
        gate_enter(bank->pages);
        page_latch_exclusive(from);
        page_latch_exclusive(to);
        if (!get_balance(from, &x) || !get_balance(to, &y)) {
            atomic_store(&bank->failed, true);
        }
        page_dirty(from);
        put_balance(from, x - 1);
        page_dirty(to);
        put_balance(to, y + 1);
        page_unlatch(to);
        page_unlatch(from);
        gate_leave(bank->pages);
    }
    page_unpin(from);
    page_unpin(to);
}

static void
run_teller(void *arg)
{
    struct teller *teller = arg;
    struct rng rng;
    rng_seed(&rng, teller->seed);
    for (unsigned i = 0; i < MOVES && !atomic_load(&teller->bank->failed); i++) {
        move(teller->bank, &rng);
    }
}

/* Own spaces come and go meanwhile: append, truncate, drop. */
static void
run_builder(void *arg)
{
    struct teller *teller = arg;
    struct bank *bank = teller->bank;
    struct rng rng;
    rng_seed(&rng, teller->seed);
    while (!atomic_load(&bank->stop) && !atomic_load(&bank->failed)) {
        gate_enter(bank->pages);
        struct space_id space = space_create(bank->pages);
        gate_leave(bank->pages);
        for (uint64_t i = rng_below(&rng, 120); i > 0; i--) {
            struct page *page = NULL;
            struct page_no no;
            gate_enter(bank->pages);
            enum status status = page_append(bank->pages, space, &no, &page, NULL);
            if (status == STATUS_OK) {
                put_balance(page, (int64_t)i);
                page_unlatch(page);
                page_unpin(page);
            }
            gate_leave(bank->pages);
            if (status == STATUS_AGAIN && pages_make_room(bank->pages, NULL) == STATUS_IO) {
                atomic_store(&bank->failed, true);
            }
        }
        gate_enter(bank->pages);
        uint32_t count = space_page_count(bank->pages, space);
        space_truncate(bank->pages, space, (uint32_t)rng_below(&rng, count + 1u));
        if (rng_below(&rng, 4) != 0) {
            space_drop(bank->pages, space);
        }
        gate_leave(bank->pages);
    }
}

/* Scans all accounts: each page must be whole. */
static void
run_reader(void *arg)
{
    struct teller *teller = arg;
    struct bank *bank = teller->bank;
    for (uint32_t no = 0; !atomic_load(&bank->stop); no = (no + 1) % ACCOUNTS) {
        int64_t balance;
        struct page *page = pin(bank, no, PIN_SCAN);
        if (page == NULL) {
            return;
        }
        page_latch_shared(page);
        if (!get_balance(page, &balance)) {
            atomic_store(&bank->failed, true);
        }
        page_unlatch(page);
        page_unpin(page);
    }
}

static void
cut(void *arg, uint64_t *index_out, uint64_t *term_out, struct buf *meta_out)
{
    struct bank *bank = arg;
    *index_out = atomic_fetch_add(&bank->index, 1) + 1;
    *term_out = 1;
    buf_u64(meta_out, *index_out);
}

static void
run_checkpoints(void *arg)
{
    struct teller *teller = arg;
    struct bank *bank = teller->bank;
    while (!atomic_load(&bank->stop) && !atomic_load(&bank->failed)) {
        struct checkpoint_result result;
        struct diag diag = {0};
        if (pages_checkpoint(bank->pages, cut, NULL, bank, &result, &diag) != STATUS_OK ||
            !pages_check(bank->pages, false, &diag)) {
            fprintf(stderr, "checkpoint: %s\n", diag.message);
            atomic_store(&bank->failed, true);
        }
    }
}

static void
open_bank(struct bank *bank, struct root_info *root_out)
{
    struct diag diag = {0};
    struct pages_options options = {
        .env = &bank->env, .dir = bank->dir, .page_size = PAGE_BYTES, .pool_pages = POOL_PAGES};
    if (pages_open(&options, &bank->pages, root_out, &diag) != STATUS_OK) {
        fail_msg("%s", diag.message);
    }
}

static void
make_accounts(struct bank *bank)
{
    gate_enter(bank->pages);
    bank->accounts = space_create(bank->pages);
    gate_leave(bank->pages);
    for (uint32_t i = 0; i < ACCOUNTS;) {
        struct page *page = NULL;
        struct page_no no;
        gate_enter(bank->pages);
        enum status status = page_append(bank->pages, bank->accounts, &no, &page, NULL);
        if (status == STATUS_OK) {
            put_balance(page, 0);
            page_unlatch(page);
            page_unpin(page);
            i++;
        }
        gate_leave(bank->pages);
        if (status == STATUS_AGAIN) {
            assert_int_equal(pages_make_room(bank->pages, NULL), STATUS_OK);
        }
    }
}

static int64_t
sum_accounts(struct bank *bank)
{
    int64_t sum = 0;
    for (uint32_t no = 0; no < ACCOUNTS; no++) {
        int64_t balance = 0;
        struct page *page = pin(bank, no, 0);
        assert_non_null(page);
        assert_true(get_balance(page, &balance));
        page_unpin(page);
        sum += balance;
    }
    return sum;
}

static void
check_deeply(struct bank *bank)
{
    struct diag diag = {0};
    if (!pages_check(bank->pages, true, &diag)) {
        fail_msg("%s", diag.message);
    }
}

static void
remove_name(void *arg, const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", (const char *)arg, name);
    unlink(path);
}

/* Whatever runs beside them, checkpoints see each visit of the gate whole, and pages stay
 * whole. Method: moves between pages on several threads, scans, spaces that come and go,
 * checkpoints without a pause and a pool smaller than the data; then close without a checkpoint
 * and reopen: the sum of all balances is that of a cut, 0. */
static void
pages_concurrently__all_at_once__cut_is_consistent(void **state)
{
    (void)state;
    struct bank bank = {.env = {.vfs = vfs_system(), .clock = clock_system()}};
    struct root_info root;
    strcpy(bank.dir, "/tmp/rustydb-concurrent-XXXXXX");
    assert_non_null(mkdtemp(bank.dir));
    open_bank(&bank, &root);
    assert_false(root.found);
    make_accounts(&bank);
    static void (*const helpers[])(void *) = {run_builder, run_reader, run_checkpoints};
    struct teller tellers[WRITERS + ARRAY_SIZE(helpers)];
    for (unsigned i = 0; i < ARRAY_SIZE(tellers); i++) {
        tellers[i] = (struct teller){.bank = &bank, .seed = i + 1};
        assert_int_equal(thread_start(&tellers[i].thread, THREAD_ANY, "teller",
                                      i < WRITERS ? run_teller : helpers[i - WRITERS],
                                      &tellers[i], NULL),
                         STATUS_OK);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        thread_join(&tellers[i].thread);
    }
    atomic_store(&bank.stop, true);
    for (unsigned i = WRITERS; i < ARRAY_SIZE(tellers); i++) {
        thread_join(&tellers[i].thread);
    }
    assert_false(atomic_load(&bank.failed));
    check_deeply(&bank);
    assert_int_equal(sum_accounts(&bank), 0);
    struct pages_stats stats;
    pages_stats(bank.pages, &stats);
    assert_true(stats.checkpoints > 1);
    assert_true(stats.evictions > 0);
    pages_close(bank.pages);
    open_bank(&bank, &root);
    assert_true(root.found);
    assert_int_equal(get_u64(root.meta.data), root.applied_index);
    pages_root_forget(bank.pages);
    check_deeply(&bank);
    assert_int_equal(sum_accounts(&bank), 0);
    pages_close(bank.pages);
    assert_int_equal(vfs_list(bank.env.vfs, bank.dir, remove_name, bank.dir, NULL), STATUS_OK);
    rmdir(bank.dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_concurrently__all_at_once__cut_is_consistent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
