/* btree_page.c: see btree_page.h. SPDX-License-Identifier: Apache-2.0 */
#include "storage/btree/btree_page.h"

/* Page header behind the pages' own (docs/format/btree.md). */
enum {
    AT_LEVEL = 33,
    AT_COUNT = 34,
    AT_RIGHT = 36, /* 0: none; page 0 is the root and nobody's right sibling */
    AT_DATA_BEGIN = 40,
    AT_GARBAGE = 42,
    AT_HIGH_OFFSET = 44, /* 0: no high key */
    AT_HIGH_SIZE = 46,
};
#define SLOT_BYTES 4
#define LEAF_ITEM_BYTES 8   /* row, then the key */
#define INNER_ITEM_BYTES 12 /* row, child, then the key */
#define BTREE_PAGE_SIZE_MAX 32768

size_t
btree_key_max(uint32_t page_size)
{
    return (page_size - BTREE_SLOTS_AT) / 5 - SLOT_BYTES - INNER_ITEM_BYTES;
}

unsigned
btree_page_level(const uint8_t *page)
{
    return page[AT_LEVEL];
}

unsigned
btree_page_count(const uint8_t *page)
{
    return get_u16(page + AT_COUNT);
}

struct page_no
btree_page_right(const uint8_t *page)
{
    uint32_t right = get_u32(page + AT_RIGHT);
    return (struct page_no){right == 0 ? PAGE_NO_NONE : right};
}

static size_t
item_header(const uint8_t *page)
{
    return page[AT_LEVEL] == 0 ? LEAF_ITEM_BYTES : INNER_ITEM_BYTES;
}

static const uint8_t *
slot_at(const uint8_t *page, unsigned slot)
{
    return page + BTREE_SLOTS_AT + (size_t)slot * SLOT_BYTES;
}

static size_t
data_begin(const uint8_t *page, uint32_t page_size)
{
    size_t begin = get_u16(page + AT_DATA_BEGIN);
    return begin == 0 ? page_size : begin;
}

static struct btree_entry
entry_at(const uint8_t *page, size_t header, size_t offset, size_t size)
{
    ASSERT(size >= header && offset + size <= BTREE_PAGE_SIZE_MAX);
    return (struct btree_entry){.key = slice_make(page + offset + header, size - header),
                                .row = {get_u64(page + offset)}};
}

static struct btree_entry
slot_entry(const uint8_t *page, size_t header, unsigned slot)
{
    const uint8_t *at = slot_at(page, slot);
    return entry_at(page, header, get_u16(at), get_u16(at + 2));
}

bool
btree_page_high(const uint8_t *page, struct btree_entry *high_out)
{
    size_t offset = get_u16(page + AT_HIGH_OFFSET);
    *high_out = (struct btree_entry){0};
    if (offset == 0) {
        return false;
    }
    *high_out = entry_at(page, LEAF_ITEM_BYTES, offset, get_u16(page + AT_HIGH_SIZE));
    return true;
}

struct btree_item
btree_page_item(const uint8_t *page, unsigned slot)
{
    ASSERT(slot < btree_page_count(page));
    struct btree_item item = {.entry = slot_entry(page, item_header(page), slot),
                              .child = {PAGE_NO_NONE}};
    if (page[AT_LEVEL] != 0) {
        item.child.v = get_u32(page + get_u16(slot_at(page, slot)) + 8);
    }
    return item;
}

unsigned
btree_page_lower_bound(const uint8_t *page, struct btree_entry entry)
{
    size_t header = item_header(page);
    unsigned low = 0, high = btree_page_count(page);
    if (high > 0 && btree_compare(slot_entry(page, header, high - 1), entry) < 0) {
        return high; /* rising keys */
    }
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (btree_compare(slot_entry(page, header, middle), entry) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

unsigned
btree_page_child_slot(const uint8_t *page, struct btree_entry entry)
{
    unsigned low = 0, high = btree_page_count(page);
    ASSERT(high > 0);
    while (high - low > 1) { /* item[low] <= entry, slot 0 taken as the lowest of all */
        unsigned middle = (low + high) / 2;
        if (btree_compare(slot_entry(page, INNER_ITEM_BYTES, middle), entry) <= 0) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

void
btree_page_init(uint8_t *page, unsigned level)
{
    memset(page + PAGE_HEADER_BYTES, 0, BTREE_SLOTS_AT - PAGE_HEADER_BYTES);
    page[AT_LEVEL] = (uint8_t)level;
}

static size_t
contiguous(const uint8_t *page, uint32_t page_size)
{
    return data_begin(page, page_size) - BTREE_SLOTS_AT -
           (size_t)btree_page_count(page) * SLOT_BYTES;
}

size_t
btree_page_used(const uint8_t *page, uint32_t page_size)
{
    return page_size - contiguous(page, page_size) - get_u16(page + AT_GARBAGE);
}

bool
btree_page_fits(const uint8_t *page, uint32_t page_size, size_t key_size)
{
    return SLOT_BYTES + item_header(page) + key_size <=
           page_size - btree_page_used(page, page_size);
}

/* Takes `size` bytes of the data area; room was made. */
static size_t
take_bytes(uint8_t *page, uint32_t page_size, size_t size)
{
    ASSERT(contiguous(page, page_size) >= size);
    size_t offset = data_begin(page, page_size) - size;
    put_u16(page + AT_DATA_BEGIN, (uint16_t)offset);
    return offset;
}

static void
put_item(uint8_t *page, uint32_t page_size, unsigned slot, const struct btree_item *item)
{
    size_t header = item_header(page);
    size_t size = header + item->entry.key.size;
    size_t offset = take_bytes(page, page_size, size);
    put_u64(page + offset, item->entry.row.v);
    if (page[AT_LEVEL] != 0) {
        put_u32(page + offset + 8, item->child.v);
    }
    if (item->entry.key.size > 0) { /* the key of a leftmost child is nothing at all */
        memcpy(page + offset + header, item->entry.key.data, item->entry.key.size);
    }
    uint8_t *at = page + BTREE_SLOTS_AT + (size_t)slot * SLOT_BYTES;
    put_u16(at, (uint16_t)offset);
    put_u16(at + 2, (uint16_t)size);
}

static void
put_high(uint8_t *page, uint32_t page_size, struct btree_entry high)
{
    size_t size = LEAF_ITEM_BYTES + high.key.size;
    size_t offset = take_bytes(page, page_size, size);
    put_u64(page + offset, high.row.v);
    memcpy(page + offset + LEAF_ITEM_BYTES, high.key.data, high.key.size);
    put_u16(page + AT_HIGH_OFFSET, (uint16_t)offset);
    put_u16(page + AT_HIGH_SIZE, (uint16_t)size);
}

/* Appends slots [begin, end) of `from` to `page`. */
static void
copy_items(uint8_t *page, uint32_t page_size, const uint8_t *from, unsigned begin, unsigned end)
{
    for (unsigned slot = begin; slot < end; slot++) {
        struct btree_item item = btree_page_item(from, slot);
        unsigned count = btree_page_count(page);
        put_u16(page + AT_COUNT, (uint16_t)(count + 1));
        put_item(page, page_size, count, &item);
    }
}

static void
compact(uint8_t *page, uint32_t page_size)
{
    uint8_t old[BTREE_PAGE_SIZE_MAX];
    ASSERT(page_size <= sizeof(old));
    memcpy(old, page, page_size);
    btree_page_init(page, btree_page_level(old));
    put_u32(page + AT_RIGHT, get_u32(old + AT_RIGHT));
    struct btree_entry high;
    if (btree_page_high(old, &high)) {
        put_high(page, page_size, high);
    }
    copy_items(page, page_size, old, 0, btree_page_count(old));
}

void
btree_page_insert(uint8_t *page, uint32_t page_size, unsigned slot,
                  const struct btree_item *item)
{
    size_t size = SLOT_BYTES + item_header(page) + item->entry.key.size;
    if (contiguous(page, page_size) < size) {
        compact(page, page_size);
    }
    unsigned count = btree_page_count(page);
    ASSERT(slot <= count);
    uint8_t *at = page + BTREE_SLOTS_AT + (size_t)slot * SLOT_BYTES;
    memmove(at + SLOT_BYTES, at, (size_t)(count - slot) * SLOT_BYTES);
    put_u16(page + AT_COUNT, (uint16_t)(count + 1));
    put_item(page, page_size, slot, item);
}

void
btree_page_delete(uint8_t *page, unsigned slot)
{
    unsigned count = btree_page_count(page);
    ASSERT(slot < count);
    uint8_t *at = page + BTREE_SLOTS_AT + (size_t)slot * SLOT_BYTES;
    put_u16(page + AT_GARBAGE, (uint16_t)(get_u16(page + AT_GARBAGE) + get_u16(at + 2)));
    memmove(at, at + SLOT_BYTES, (size_t)(count - slot - 1) * SLOT_BYTES);
    put_u16(page + AT_COUNT, (uint16_t)(count - 1));
}

size_t
btree_separator(struct btree_entry left, struct btree_entry right, struct row_id *row_out)
{
    size_t common = 0, shorter = MIN(left.key.size, right.key.size);
    while (common < shorter && left.key.data[common] == right.key.data[common]) {
        common++;
    }
    if (common == right.key.size) { /* equal keys: only the rows tell them apart */
        *row_out = right.row;
        return right.key.size;
    }
    row_out->v = 0;
    return common + 1;
}

static size_t
item_bytes(const uint8_t *page, unsigned slot)
{
    return SLOT_BYTES + (size_t)get_u16(slot_at(page, slot) + 2);
}

/* Of an ascending load: as many as fit beside the high key that the page gets now. */
static unsigned
full_left(const uint8_t *page, uint32_t page_size, size_t new_key_size)
{
    unsigned keep = 0, count = btree_page_count(page);
    size_t header = item_header(page), used = BTREE_SLOTS_AT;
    while (keep < count) {
        used += item_bytes(page, keep);
        size_t high =
            keep + 1 < count ? item_bytes(page, keep + 1) - SLOT_BYTES - header : new_key_size;
        if (used + LEAF_ITEM_BYTES + high > page_size) {
            break;
        }
        keep++;
    }
    return keep;
}

/* How many items stay left, so that the new one of `key_size` at `slot` likely fits on its
 * side. An ascending load (the last slot of the last page) leaves the left page full. */
static unsigned
split_point(const uint8_t *page, uint32_t page_size, unsigned slot, size_t key_size)
{
    unsigned count = btree_page_count(page);
    size_t bytes = SLOT_BYTES + item_header(page) + key_size;
    if (slot == count && btree_page_right(page).v == PAGE_NO_NONE) {
        return full_left(page, page_size, key_size);
    }
    size_t total = bytes, left = 0;
    for (unsigned i = 0; i < count; i++) {
        total += item_bytes(page, i);
    }
    unsigned keep = 0;
    while (keep < count && left < total / 2) {
        left += item_bytes(page, keep) + (keep == slot ? bytes : 0);
        keep++;
    }
    return MAX(1U, MIN(keep, count - 1));
}

struct row_id
btree_page_split(uint8_t *left, uint8_t *right, struct page_no right_no, uint32_t page_size,
                 unsigned slot, const struct btree_item *item, struct buf *separator_out)
{
    uint8_t old[BTREE_PAGE_SIZE_MAX];
    ASSERT(page_size <= sizeof(old));
    memcpy(old, left, page_size);
    unsigned count = btree_page_count(old);
    unsigned keep = split_point(old, page_size, slot, item->entry.key.size);
    ASSERT(keep > 0 && keep <= count);
    struct btree_entry left_last = btree_page_item(old, keep - 1).entry;
    struct btree_entry right_first =
        keep < count ? btree_page_item(old, keep).entry : item->entry;
    struct btree_entry separator = right_first, high;
    if (btree_page_level(old) == 0) {
        separator.key.size = btree_separator(left_last, right_first, &separator.row);
    }
    btree_page_init(right, btree_page_level(old));
    put_u32(right + AT_RIGHT, get_u32(old + AT_RIGHT));
    if (btree_page_high(old, &high)) {
        put_high(right, page_size, high);
    }
    copy_items(right, page_size, old, keep, count);
    btree_page_init(left, btree_page_level(old));
    put_u32(left + AT_RIGHT, right_no.v);
    put_high(left, page_size, separator);
    copy_items(left, page_size, old, 0, keep);
    buf_append(separator_out, separator.key.data, separator.key.size);
    return separator.row;
}

void
btree_page_close(uint8_t *page, uint32_t page_size, struct btree_entry high,
                 struct page_no right)
{
    ASSERT(right.v != PAGE_NO_NONE && right.v != 0);
    put_u32(page + AT_RIGHT, right.v);
    put_high(page, page_size, high);
}

static const char *
check_order(const uint8_t *page)
{
    struct btree_entry high;
    bool bounded = btree_page_high(page, &high);
    unsigned count = btree_page_count(page);
    unsigned first = btree_page_level(page) == 0 ? 0 : 1; /* slot 0 of an inner page: any key */
    for (unsigned slot = first; slot < count; slot++) {
        struct btree_entry entry = btree_page_item(page, slot).entry;
        if (slot > first && btree_compare(btree_page_item(page, slot - 1).entry, entry) >= 0) {
            return "items are out of order";
        }
        if (bounded && btree_compare(entry, high) >= 0) {
            return "an item is not below the high key";
        }
    }
    return NULL;
}

bool
btree_page_check(const uint8_t *page, uint32_t page_size, const char **why_out)
{
    size_t begin = data_begin(page, page_size), used = 0;
    unsigned count = btree_page_count(page);
    *why_out = NULL;
    if (begin > page_size || BTREE_SLOTS_AT + (size_t)count * SLOT_BYTES > begin) {
        *why_out = "slots run into the items";
        return false;
    }
    for (unsigned slot = 0; slot < count; slot++) {
        size_t offset = get_u16(slot_at(page, slot)), size = get_u16(slot_at(page, slot) + 2);
        if (offset < begin || size < item_header(page) || offset + size > page_size) {
            *why_out = "a slot points outside the items";
            return false;
        }
        used += size;
    }
    size_t high_offset = get_u16(page + AT_HIGH_OFFSET);
    size_t high_size = high_offset == 0 ? 0 : get_u16(page + AT_HIGH_SIZE);
    if (high_offset != 0 && (high_offset < begin || high_offset + high_size > page_size ||
                             high_size < LEAF_ITEM_BYTES)) {
        *why_out = "the high key lies outside the items";
        return false;
    }
    if (used + high_size + get_u16(page + AT_GARBAGE) != page_size - begin) {
        *why_out = "items and garbage do not add up to the page";
    } else if ((high_offset == 0) != (btree_page_right(page).v == PAGE_NO_NONE)) {
        *why_out = "a page has a right sibling without a high key, or the other way round";
    } else {
        *why_out = check_order(page);
    }
    return *why_out == NULL;
}
