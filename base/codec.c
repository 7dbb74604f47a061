/* codec.c: see codec.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/codec.h"

void
buf_varint(struct buf *buf, uint64_t v)
{
    while (v >= 0x80) {
        buf_u8(buf, (uint8_t)(v | 0x80));
        v >>= 7;
    }
    buf_u8(buf, (uint8_t)v);
}

void
buf_bytes(struct buf *buf, struct slice bytes)
{
    buf_varint(buf, bytes.size);
    buf_append(buf, bytes.data, bytes.size);
}

struct slice
read_slice(struct reader *reader, size_t size)
{
    if (reader->failed || reader_left(reader) < size) {
        reader->failed = true;
        return slice_make(NULL, 0);
    }
    struct slice bytes = slice_make(reader->next, size);
    reader->next += size;
    return bytes;
}

uint8_t
read_u8(struct reader *reader)
{
    struct slice at = read_slice(reader, 1);
    return at.size == 0 ? 0 : at.data[0];
}

uint16_t
read_u16(struct reader *reader)
{
    struct slice at = read_slice(reader, 2);
    return at.size == 0 ? 0 : get_u16(at.data);
}

uint32_t
read_u32(struct reader *reader)
{
    struct slice at = read_slice(reader, 4);
    return at.size == 0 ? 0 : get_u32(at.data);
}

uint64_t
read_u64(struct reader *reader)
{
    struct slice at = read_slice(reader, 8);
    return at.size == 0 ? 0 : get_u64(at.data);
}

uint16_t
read_be16(struct reader *reader)
{
    return __builtin_bswap16(read_u16(reader));
}

uint32_t
read_be32(struct reader *reader)
{
    return __builtin_bswap32(read_u32(reader));
}

uint64_t
read_be64(struct reader *reader)
{
    return __builtin_bswap64(read_u64(reader));
}

uint64_t
read_varint(struct reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = read_u8(reader);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            return value;
        }
    }
    reader->failed = true;
    return 0;
}

struct slice
read_bytes(struct reader *reader)
{
    uint64_t size = read_varint(reader);
    if (size > reader_left(reader)) {
        reader->failed = true;
    }
    return read_slice(reader, reader->failed ? 0 : (size_t)size);
}

const char *
read_cstring(struct reader *reader)
{
    const uint8_t *zero = reader->failed ? NULL : memchr(reader->next, 0, reader_left(reader));
    if (zero == NULL) {
        reader->failed = true;
        return NULL;
    }
    const char *text = (const char *)reader->next;
    reader->next = zero + 1;
    return text;
}
