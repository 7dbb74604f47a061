/* page_format.c: see page_format.h. SPDX-License-Identifier: Apache-2.0 */
#include "storage/page/page_format.h"
#include "base/codec.h"
#include "base/crc.h"
#include "base/errors.h"

uint32_t
page_stamp(uint8_t *page, uint32_t page_size, struct page_identity identity, uint64_t epoch)
{
    put_u16(page + PAGE_FORMAT_AT, PAGE_FORMAT);
    page[PAGE_KIND_AT] = (uint8_t)identity.kind;
    page[PAGE_LEVEL_AT] = identity.level;
    put_u32(page + PAGE_SPACE_AT, identity.space);
    put_u32(page + PAGE_NUMBER_AT, identity.number);
    put_u64(page + PAGE_EPOCH_AT, epoch);
    put_u64(page + PAGE_MIN_READER_AT, PAGE_FORMAT); /* and the spare bytes */
    uint32_t sum = crc32c(0, page + 4, page_size - 4);
    put_u32(page + PAGE_CHECKSUM_AT, sum);
    return sum;
}

enum status
page_verify(const uint8_t *page, uint32_t page_size, struct page_identity identity,
            uint32_t sum, struct diag *diag)
{
    uint32_t found = crc32c(0, page + 4, page_size - 4);
    if (get_u32(page + PAGE_CHECKSUM_AT) != found || found != sum) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "page %u of space %u fails its check: content %08x, page says %08x, "
                         "map says %08x",
                         identity.number, identity.space, found,
                         get_u32(page + PAGE_CHECKSUM_AT), sum);
    }
    if (get_u16(page + PAGE_MIN_READER_AT) > PAGE_FORMAT) {
        return diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "page %u of space %u has format %u and asks for a reader of format "
                         "%u; this version reads format %d",
                         identity.number, identity.space, get_u16(page + PAGE_FORMAT_AT),
                         get_u16(page + PAGE_MIN_READER_AT), PAGE_FORMAT);
    }
    if (page[PAGE_KIND_AT] != (uint8_t)identity.kind || page[PAGE_LEVEL_AT] != identity.level ||
        get_u32(page + PAGE_SPACE_AT) != identity.space ||
        get_u32(page + PAGE_NUMBER_AT) != identity.number) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "found page %u of space %u where page %u of space %u belongs",
                         get_u32(page + PAGE_NUMBER_AT), get_u32(page + PAGE_SPACE_AT),
                         identity.number, identity.space);
    }
    return STATUS_OK;
}
