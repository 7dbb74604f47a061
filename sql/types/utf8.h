/* utf8.h: characters of UTF-8 texts.
 * Thread:   pure functions.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/slice.h"

/* Bytes of the first valid prefix: text.size if all is valid (no zero byte, no surrogate). */
size_t utf8_valid_prefix(struct slice text);
/* Characters of a valid text. */
size_t utf8_length(struct slice text);
/* Byte offset of character `index` (from 0) or text.size when there are fewer. */
size_t utf8_offset(struct slice text, size_t index);
/* Bytes of the character that starts with `first`; a byte that starts none stands alone. */
static inline size_t
utf8_size(uint8_t first)
{
    return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 1;
}
/* The code point at `at` (a whole valid character). */
uint32_t utf8_decode(const uint8_t *at);
/* Writes up to 4 bytes and answers how many. */
size_t utf8_encode(uint32_t code, uint8_t *at);
bool utf8_is_ascii(struct slice text);
