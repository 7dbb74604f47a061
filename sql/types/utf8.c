/* utf8.c: see utf8.h. SPDX-License-Identifier: Apache-2.0 */
#include "sql/types/utf8.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

static bool
is_trail(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

/* Size of the valid character at p, 0 if it is none. */
static size_t
valid_size(const uint8_t *p, size_t left)
{
    uint8_t c = p[0];
    if (c < 0x80) {
        return c != 0;
    }
    if (c < 0xc2 || c > 0xf4) {
        return 0;
    }
    size_t size = utf8_size(c);
    if (size > left) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if (!is_trail(p[i])) {
            return 0;
        }
    }
    if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) ||
        (c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f)) {
        return 0;
    }
    return size;
}

size_t
utf8_valid_prefix(struct slice text)
{
    size_t at = 0;
    while (at < text.size) {
        while (at + 8 <= text.size) {
            uint64_t word;
            memcpy(&word, text.data + at, 8);
            bool has_zero = ((word - UINT64_C(0x0101010101010101)) & ~word & HIGH_BITS) != 0;
            if ((word & HIGH_BITS) != 0 || has_zero) {
                break;
            }
            at += 8;
        }
        if (at == text.size) {
            break;
        }
        size_t size = valid_size(text.data + at, text.size - at);
        if (size == 0) {
            break;
        }
        at += size;
    }
    return at;
}

bool
utf8_is_ascii(struct slice text)
{
    uint8_t any = 0;
    for (size_t i = 0; i < text.size; i++) {
        any |= text.data[i];
    }
    return any < 0x80;
}

size_t
utf8_length(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        count += !is_trail(text.data[i]);
    }
    return count;
}

size_t
utf8_offset(struct slice text, size_t index)
{
    size_t at = 0;
    for (; at < text.size && index > 0; index--) {
        at += utf8_size(text.data[at]);
    }
    return MIN(at, text.size);
}

uint32_t
utf8_decode(const uint8_t *at)
{
    uint8_t c = at[0];
    if (c < 0x80) {
        return c;
    }
    if (c < 0xe0) {
        return (uint32_t)(c & 0x1f) << 6 | (at[1] & 0x3f);
    }
    if (c < 0xf0) {
        return (uint32_t)(c & 0x0f) << 12 | (uint32_t)(at[1] & 0x3f) << 6 | (at[2] & 0x3f);
    }
    return (uint32_t)(c & 0x07) << 18 | (uint32_t)(at[1] & 0x3f) << 12 |
           (uint32_t)(at[2] & 0x3f) << 6 | (at[3] & 0x3f);
}

size_t
utf8_encode(uint32_t code, uint8_t *at)
{
    if (code < 0x80) {
        at[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        at[0] = (uint8_t)(0xc0 | code >> 6);
        at[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        at[0] = (uint8_t)(0xe0 | code >> 12);
        at[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        at[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    at[0] = (uint8_t)(0xf0 | code >> 18);
    at[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    at[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    at[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}
