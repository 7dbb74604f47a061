/* page_format_test.c: the header of a page. SPDX-License-Identifier: Apache-2.0 */
#include "base/codec.h"
#include "base/crc.h"
#include "storage/page/page_format.h"
#include "tests/lib/unit.h"

#define BYTES 4096u

static const struct page_identity identity = {.kind = PAGE_KIND_DATA, .space = 7, .number = 9};

static uint32_t
seal(uint8_t *page)
{
    uint32_t sum = crc32c(0, page + 4, BYTES - 4);
    put_u32(page + PAGE_CHECKSUM_AT, sum);
    return sum;
}

/* Every byte counts, and so does being the page that was looked for. */
static void
page_verify__any_other_page__is_corrupt(void **state)
{
    UNUSED(state);
    uint8_t page[BYTES] = {0};
    uint32_t sum = page_stamp(page, BYTES, identity, 3);
    assert_int_equal(page_verify(page, BYTES, identity, sum, NULL), STATUS_OK);
    for (unsigned i = 0; i < BYTES; i++) {
        page[i] ^= 0x10;
        assert_int_equal(page_verify(page, BYTES, identity, sum, NULL), STATUS_CORRUPT);
        page[i] ^= 0x10;
    }
    struct page_identity others[] = {identity, identity, identity};
    others[0].number = 10;
    others[1].space = 8;
    others[2].kind = PAGE_KIND_MAP;
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
        assert_int_equal(page_verify(page, BYTES, others[i], sum, NULL), STATUS_CORRUPT);
    }
    uint32_t older = page_stamp(page, BYTES, identity, 2);
    assert_int_not_equal(older, sum);
    assert_int_equal(page_verify(page, BYTES, identity, sum, NULL), STATUS_CORRUPT);
}

/* A page of a newer format is read if it allows it; else it is refused, and is no damage. */
static void
page_verify__newer_format__asks_min_reader(void **state)
{
    UNUSED(state);
    uint8_t page[BYTES] = {0};
    struct diag diag = {0};
    (void)page_stamp(page, BYTES, identity, 3);
    put_u16(page + PAGE_FORMAT_AT, PAGE_FORMAT + 1);
    assert_int_equal(page_verify(page, BYTES, identity, seal(page), NULL), STATUS_OK);
    put_u16(page + PAGE_MIN_READER_AT, PAGE_FORMAT + 1);
    assert_int_equal(page_verify(page, BYTES, identity, seal(page), &diag), STATUS_UNSUPPORTED);
    assert_non_null(strstr(diag.message, "reader of format 2"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_verify__any_other_page__is_corrupt),
        cmocka_unit_test(page_verify__newer_format__asks_min_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
