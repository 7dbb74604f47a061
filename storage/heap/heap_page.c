/* heap_page.c: see heap_page.h. SPDX-License-Identifier: Apache-2.0 */
#include "storage/heap/heap_page.h"
#include <assert.h>

/* Page header behind the pages' own (docs/format/heap.md). */
enum {
    AT_LINE_COUNT = 34,
    AT_DATA_BEGIN = 36, /* 0: the page's end */
    AT_GARBAGE = 38,    /* bytes of freed versions */
    AT_FREE_LINES = 40,
};
#define LINE_BYTES 4

/* Version header. */
enum {
    V_XMIN = 0,
    V_XMAX = 8,
    V_ROW = 16,
    V_CMIN = 24,
    V_CMAX = 28,
    V_PREV_PAGE = 32,
    V_PREV_LINE = 36,
    V_FLAGS = 38,
    V_LOCK_MODE = 39,
};
static_assert(V_LOCK_MODE + 1 == VERSION_HEADER_BYTES, "header is full");
static_assert(PAGE_HEADER_BYTES <= AT_LINE_COUNT, "the pages' header comes first");

static const uint8_t *
line_at(const uint8_t *page, unsigned line)
{
    return page + HEAP_LINES_AT + (size_t)line * LINE_BYTES;
}

static uint8_t *
line_at_mutable(uint8_t *page, unsigned line)
{
    return page + HEAP_LINES_AT + (size_t)line * LINE_BYTES;
}

static uint32_t
data_begin(const uint8_t *page, uint32_t page_size)
{
    uint32_t begin = get_u16(page + AT_DATA_BEGIN);
    return begin == 0 ? page_size : begin;
}

size_t
heap_tuple_max(uint32_t page_size)
{
    return page_size - HEAP_LINES_AT - LINE_BYTES - VERSION_HEADER_BYTES;
}

unsigned
heap_page_line_count(const uint8_t *page)
{
    return get_u16(page + AT_LINE_COUNT);
}

bool
heap_page_read(const uint8_t *page, uint32_t page_size, unsigned line,
               struct version *version_out)
{
    if (line >= heap_page_line_count(page)) {
        return false;
    }
    uint32_t offset = get_u16(line_at(page, line));
    uint32_t size = get_u16(line_at(page, line) + 2);
    if (offset == 0) {
        return false;
    }
    ASSERT(offset + size <= page_size && size >= VERSION_HEADER_BYTES);
    const uint8_t *at = page + offset;
    *version_out = (struct version){
        .xmin = get_u64(at + V_XMIN),
        .xmax = get_u64(at + V_XMAX),
        .row = {get_u64(at + V_ROW)},
        .cmin = get_u32(at + V_CMIN),
        .cmax = get_u32(at + V_CMAX),
        .prev = {.page = {get_u32(at + V_PREV_PAGE)}, .line = get_u16(at + V_PREV_LINE)},
        .flags = at[V_FLAGS],
        .lock_mode = at[V_LOCK_MODE],
        .tuple = slice_make(at + VERSION_HEADER_BYTES, size - VERSION_HEADER_BYTES),
    };
    return true;
}

static size_t
room(const uint8_t *page, size_t free_bytes)
{
    size_t line = get_u16(page + AT_FREE_LINES) > 0 ? 0 : LINE_BYTES;
    size_t taken = line + VERSION_HEADER_BYTES;
    return free_bytes > taken ? free_bytes - taken : 0;
}

size_t
heap_page_room(const uint8_t *page, uint32_t page_size)
{
    size_t lines_end = HEAP_LINES_AT + (size_t)heap_page_line_count(page) * LINE_BYTES;
    return room(page, data_begin(page, page_size) - lines_end);
}

size_t
heap_page_room_compacted(const uint8_t *page, uint32_t page_size)
{
    size_t lines_end = HEAP_LINES_AT + (size_t)heap_page_line_count(page) * LINE_BYTES;
    return room(page, data_begin(page, page_size) - lines_end + get_u16(page + AT_GARBAGE));
}

static void
write_header(uint8_t *at, const struct version *version)
{
    put_u64(at + V_XMIN, version->xmin);
    put_u64(at + V_XMAX, version->xmax);
    put_u64(at + V_ROW, version->row.v);
    put_u32(at + V_CMIN, version->cmin);
    put_u32(at + V_CMAX, version->cmax);
    put_u32(at + V_PREV_PAGE, version->prev.page.v);
    put_u16(at + V_PREV_LINE, version->prev.line);
    at[V_FLAGS] = version->flags;
    at[V_LOCK_MODE] = version->lock_mode;
}

/* A line nobody uses: a freed one, or one more. */
static unsigned
take_line(uint8_t *page)
{
    unsigned count = heap_page_line_count(page);
    unsigned free_count = get_u16(page + AT_FREE_LINES);
    if (free_count > 0) {
        for (unsigned line = 0; line < count; line++) {
            if (get_u16(line_at(page, line)) == 0) {
                put_u16(page + AT_FREE_LINES, (uint16_t)(free_count - 1));
                return line;
            }
        }
        ASSERT(false);
    }
    put_u16(page + AT_LINE_COUNT, (uint16_t)(count + 1));
    return count;
}

/* Lays the bytes down and points `line` at them. */
static void
place(uint8_t *page, uint32_t page_size, unsigned line, const struct version *version)
{
    size_t size = VERSION_HEADER_BYTES + version->tuple.size;
    size_t offset = data_begin(page, page_size) - size;
    ASSERT(offset >= HEAP_LINES_AT + (size_t)heap_page_line_count(page) * LINE_BYTES);
    put_u16(page + AT_DATA_BEGIN, (uint16_t)offset);
    write_header(page + offset, version);
    memcpy(page + offset + VERSION_HEADER_BYTES, version->tuple.data, version->tuple.size);
    put_u16(line_at_mutable(page, line), (uint16_t)offset);
    put_u16(line_at_mutable(page, line) + 2, (uint16_t)size);
}

unsigned
heap_page_add(uint8_t *page, uint32_t page_size, const struct version *version)
{
    ASSERT(heap_page_room(page, page_size) >= version->tuple.size);
    unsigned line = take_line(page);
    place(page, page_size, line, version);
    return line;
}

unsigned
heap_page_swing(uint8_t *page, uint32_t page_size, unsigned line, const struct version *version,
                bool link)
{
    ASSERT(heap_page_room(page, page_size) >= version->tuple.size);
    unsigned moved = take_line(page);
    memcpy(line_at_mutable(page, moved), line_at(page, line), LINE_BYTES);
    struct version linked = *version;
    if (link) {
        linked.prev.line = (uint16_t)moved;
    }
    place(page, page_size, line, &linked);
    return moved;
}

void
heap_page_write_header(uint8_t *page, unsigned line, const struct version *version)
{
    ASSERT(line < heap_page_line_count(page));
    uint32_t offset = get_u16(line_at(page, line));
    ASSERT(offset != 0 && get_u64(page + offset + V_ROW) == version->row.v);
    write_header(page + offset, version);
}

void
heap_page_free(uint8_t *page, unsigned line)
{
    uint8_t *at = line_at_mutable(page, line);
    ASSERT(line < heap_page_line_count(page) && get_u16(at) != 0);
    put_u16(page + AT_GARBAGE, (uint16_t)(get_u16(page + AT_GARBAGE) + get_u16(at + 2)));
    put_u16(page + AT_FREE_LINES, (uint16_t)(get_u16(page + AT_FREE_LINES) + 1));
    put_u32(at, 0);
}

/* Free lines at the end go; their numbers come anew. */
static void
trim_lines(uint8_t *page)
{
    unsigned count = heap_page_line_count(page);
    unsigned free_count = get_u16(page + AT_FREE_LINES);
    while (count > 0 && get_u16(line_at(page, count - 1)) == 0) {
        count--;
        free_count--;
    }
    put_u16(page + AT_LINE_COUNT, (uint16_t)count);
    put_u16(page + AT_FREE_LINES, (uint16_t)free_count);
}

void
heap_page_compact(uint8_t *page, uint32_t page_size)
{
    uint8_t old[32768];
    ASSERT(page_size <= sizeof(old));
    trim_lines(page);
    uint32_t begin = data_begin(page, page_size);
    memcpy(old + begin, page + begin, page_size - begin);
    uint32_t next = page_size;
    unsigned count = heap_page_line_count(page);
    for (unsigned line = 0; line < count; line++) {
        uint8_t *at = line_at_mutable(page, line);
        uint32_t offset = get_u16(at), size = get_u16(at + 2);
        if (offset != 0) {
            next -= size;
            memcpy(page + next, old + offset, size);
            put_u16(at, (uint16_t)next);
        }
    }
    put_u16(page + AT_DATA_BEGIN, (uint16_t)(next == page_size ? 0 : next));
    put_u16(page + AT_GARBAGE, 0);
}

bool
heap_page_check(const uint8_t *page, uint32_t page_size, const char **why_out)
{
    size_t count = heap_page_line_count(page);
    size_t begin = data_begin(page, page_size);
    size_t used = 0, free_count = 0;
    *why_out = NULL;
    if (HEAP_LINES_AT + count * LINE_BYTES > begin || begin > page_size) {
        *why_out = "lines run into the versions";
        return false;
    }
    for (unsigned line = 0; line < count; line++) {
        size_t offset = get_u16(line_at(page, line)), size = get_u16(line_at(page, line) + 2);
        if (offset == 0) {
            free_count++;
            continue;
        }
        if (offset < begin || size < VERSION_HEADER_BYTES || offset + size > page_size) {
            *why_out = "a line points outside the versions";
            return false;
        }
        used += size;
    }
    if (used + get_u16(page + AT_GARBAGE) != page_size - begin) {
        *why_out = "versions and garbage do not add up to the page";
    } else if (free_count != get_u16(page + AT_FREE_LINES)) {
        *why_out = "the count of free lines is wrong";
    }
    return *why_out == NULL;
}
