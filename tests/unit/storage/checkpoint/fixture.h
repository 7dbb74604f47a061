/* fixture.h: pages on a simulated disk, with words to write and read a page by its stamp.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/env.h"
#include "storage/page/pages.h"
#include "tests/lib/sim_vfs.h"

#define FIXTURE_DIR "/pages"
#define FIXTURE_PAGE_BYTES 4096u

struct fixture {
    struct sim_vfs *sim;
    struct env env;
    struct pages *pages;
    struct root_info root; /* of the last open; meta was copied to `meta` */
    uint8_t meta[64];
    uint64_t index, term; /* what the next cut says */
    const char *meta_text;
    enum status log_answer;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
void fixture_open(struct fixture *f, uint32_t pool_pages);
enum status fixture_try_open(struct fixture *f, uint32_t pool_pages, struct diag *diag);
/* Power off, on, open again. */
void fixture_crash(struct fixture *f, uint32_t pool_pages);
enum status fixture_checkpoint(struct fixture *f, struct checkpoint_result *result_out);
struct space_id fixture_space(struct fixture *f);
/* Appends `count` pages with stamps from `stamp` on; outside the gate. */
enum status fixture_append(struct fixture *f, struct space_id space, uint32_t count,
                           uint64_t stamp);
enum status fixture_write(struct fixture *f, struct space_id space, uint32_t no,
                          uint64_t stamp);
/* The page's stamp; fails the test if it cannot be read. */
uint64_t fixture_read(struct fixture *f, struct space_id space, uint32_t no);
void fixture_check(struct fixture *f);
