/* codec.h: fixed-size and variable-size integers as bytes, and a reader that cannot overrun.
 * Little-endian unless the name says be. The reader latches: after the first short read
 * `failed` stays true and every read gives zeros, so that a decoder checks once, at its end.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/slice.h"

static inline void
put_u16(void *at, uint16_t v)
{
    memcpy(at, &v, 2);
}
static inline void
put_u32(void *at, uint32_t v)
{
    memcpy(at, &v, 4);
}
static inline void
put_u64(void *at, uint64_t v)
{
    memcpy(at, &v, 8);
}
static inline uint16_t
get_u16(const void *at)
{
    uint16_t v;
    memcpy(&v, at, 2);
    return v;
}
static inline uint32_t
get_u32(const void *at)
{
    uint32_t v;
    memcpy(&v, at, 4);
    return v;
}
static inline uint64_t
get_u64(const void *at)
{
    uint64_t v;
    memcpy(&v, at, 8);
    return v;
}
static inline void
put_be16(void *at, uint16_t v)
{
    put_u16(at, __builtin_bswap16(v));
}
static inline void
put_be32(void *at, uint32_t v)
{
    put_u32(at, __builtin_bswap32(v));
}
static inline void
put_be64(void *at, uint64_t v)
{
    put_u64(at, __builtin_bswap64(v));
}
static inline uint16_t
get_be16(const void *at)
{
    return __builtin_bswap16(get_u16(at));
}
static inline uint32_t
get_be32(const void *at)
{
    return __builtin_bswap32(get_u32(at));
}
static inline uint64_t
get_be64(const void *at)
{
    return __builtin_bswap64(get_u64(at));
}

static inline void
buf_u8(struct buf *buf, uint8_t v)
{
    *buf_extend(buf, 1) = v;
}
static inline void
buf_u16(struct buf *buf, uint16_t v)
{
    put_u16(buf_extend(buf, 2), v);
}
static inline void
buf_u32(struct buf *buf, uint32_t v)
{
    put_u32(buf_extend(buf, 4), v);
}
static inline void
buf_u64(struct buf *buf, uint64_t v)
{
    put_u64(buf_extend(buf, 8), v);
}
static inline void
buf_be16(struct buf *buf, uint16_t v)
{
    put_be16(buf_extend(buf, 2), v);
}
static inline void
buf_be32(struct buf *buf, uint32_t v)
{
    put_be32(buf_extend(buf, 4), v);
}
static inline void
buf_be64(struct buf *buf, uint64_t v)
{
    put_be64(buf_extend(buf, 8), v);
}
/* LEB128, at most 10 bytes. */
void buf_varint(struct buf *buf, uint64_t v);
/* A varint size, then the bytes. */
void buf_bytes(struct buf *buf, struct slice bytes);

struct reader {
    const uint8_t *next, *end;
    bool failed;
};

static inline struct reader
reader_make(struct slice bytes)
{
    return (struct reader){.next = bytes.data, .end = bytes.data + bytes.size};
}

static inline size_t
reader_left(const struct reader *reader)
{
    return (size_t)(reader->end - reader->next);
}

/* True when nothing failed and nothing is left. */
static inline bool
reader_done(const struct reader *reader)
{
    return !reader->failed && reader->next == reader->end;
}

uint8_t read_u8(struct reader *reader);
uint16_t read_u16(struct reader *reader);
uint32_t read_u32(struct reader *reader);
uint64_t read_u64(struct reader *reader);
uint16_t read_be16(struct reader *reader);
uint32_t read_be32(struct reader *reader);
uint64_t read_be64(struct reader *reader);
uint64_t read_varint(struct reader *reader);
/* `size` bytes, borrowed from the reader's source; empty when short. */
struct slice read_slice(struct reader *reader, size_t size);
struct slice read_bytes(struct reader *reader);
/* A text up to its zero, which must be there; NULL when short. */
const char *read_cstring(struct reader *reader);
