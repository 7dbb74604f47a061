/* fixture.c: see fixture.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/storage/checkpoint/fixture.h"
#include "base/clock.h"
#include "base/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

int
fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->sim = sim_vfs_new(1);
    f->env = (struct env){.vfs = sim_vfs_base(f->sim), .clock = clock_system()};
    f->index = 1;
    f->term = 1;
    f->meta_text = "meta";
    *state = f;
    return 0;
}

int
fixture_teardown(void **state)
{
    struct fixture *f = *state;
    pages_close(f->pages);
    sim_vfs_delete(f->sim);
    free(f);
    return 0;
}

enum status
fixture_try_open(struct fixture *f, uint32_t pool_pages, struct diag *diag)
{
    struct pages_options options = {.env = &f->env,
                                    .dir = FIXTURE_DIR,
                                    .page_size = FIXTURE_PAGE_BYTES,
                                    .pool_pages = pool_pages};
    return pages_open(&options, &f->pages, &f->root, diag);
}

void
fixture_open(struct fixture *f, uint32_t pool_pages)
{
    struct diag diag = {0};
    if (fixture_try_open(f, pool_pages, &diag) != STATUS_OK) {
        fail_msg("%s", diag.message);
    }
    memset(f->meta, 0, sizeof(f->meta));
    if (f->root.meta.size > 0) {
        memcpy(f->meta, f->root.meta.data, MIN(f->root.meta.size, sizeof(f->meta) - 1));
    }
    pages_root_forget(f->pages);
}

void
fixture_crash(struct fixture *f, uint32_t pool_pages)
{
    sim_vfs_power_off(f->sim);
    pages_close(f->pages);
    f->pages = NULL;
    sim_vfs_power_on(f->sim);
    fixture_open(f, pool_pages);
}

static void
cut(void *arg, uint64_t *index_out, uint64_t *term_out, struct buf *meta_out)
{
    struct fixture *f = arg;
    *index_out = f->index;
    *term_out = f->term;
    buf_append_text(meta_out, f->meta_text);
}

static enum status
log_durable(void *arg, uint64_t index, struct diag *diag)
{
    struct fixture *f = arg;
    assert_int_equal(index, f->index);
    UNUSED(diag);
    return f->log_answer;
}

enum status
fixture_checkpoint(struct fixture *f, struct checkpoint_result *result_out)
{
    struct checkpoint_result ignored;
    return pages_checkpoint(f->pages, cut, log_durable, f,
                            result_out == NULL ? &ignored : result_out, NULL);
}

struct space_id
fixture_space(struct fixture *f)
{
    gate_enter(f->pages);
    struct space_id space = space_create(f->pages);
    gate_leave(f->pages);
    return space;
}

static void
put_stamp(struct page *page, uint64_t stamp)
{
    put_u64(page_data(page) + PAGE_HEADER_BYTES, stamp);
    put_u64(page_data(page) + FIXTURE_PAGE_BYTES - 8, stamp);
}

enum status
fixture_append(struct fixture *f, struct space_id space, uint32_t count, uint64_t stamp)
{
    for (uint32_t i = 0; i < count;) {
        struct page *page = NULL;
        struct page_no no;
        gate_enter(f->pages);
        enum status status = page_append(f->pages, space, &no, &page, NULL);
        if (status == STATUS_OK) {
            put_stamp(page, stamp + i++);
            page_unlatch(page);
            page_unpin(page);
        }
        gate_leave(f->pages);
        if (status == STATUS_AGAIN) {
            status = pages_make_room(f->pages, NULL);
        }
        TRY(status);
    }
    return STATUS_OK;
}

enum status
fixture_write(struct fixture *f, struct space_id space, uint32_t no, uint64_t stamp)
{
    struct page *page = NULL;
    TRY(page_pin(f->pages, space, (struct page_no){no}, 0, &page, NULL));
    gate_enter(f->pages);
    page_latch_exclusive(page);
    page_dirty(page);
    put_stamp(page, stamp);
    page_unlatch(page);
    gate_leave(f->pages);
    page_unpin(page);
    return STATUS_OK;
}

uint64_t
fixture_read(struct fixture *f, struct space_id space, uint32_t no)
{
    struct page *page = NULL;
    struct diag diag = {0};
    if (page_pin(f->pages, space, (struct page_no){no}, 0, &page, &diag) != STATUS_OK) {
        fail_msg("page %u: %s", no, diag.message);
    }
    uint64_t stamp = get_u64(page_data(page) + PAGE_HEADER_BYTES);
    assert_int_equal(stamp, get_u64(page_data(page) + FIXTURE_PAGE_BYTES - 8));
    page_unpin(page);
    return stamp;
}

void
fixture_check(struct fixture *f)
{
    struct diag diag = {0};
    if (!pages_check(f->pages, true, &diag)) {
        fail_msg("%s", diag.message);
    }
}
