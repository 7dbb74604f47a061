/* entry.c: see entry.h and docs/format/entry.md. SPDX-License-Identifier: Apache-2.0 */
#include "proto/entry.h"

#include "base/crc.h"
#include "base/errors.h"
#include "proto/entry.pb-c.h"

#include <inttypes.h>

#define HEADER_BYTES_MAX 255u /* its size is one byte */
#define UNPACK_BYTES 4096u    /* for protobuf-c: the message and unknown fields of a header */

/* ---- envelope ---- */

void
entry_encode(struct buf *out, enum entry_kind kind, struct slice payload)
{
    ASSERT(payload.size <= ENTRY_BYTES_MAX);
    Rustydb__Proto__EntryHeader header = RUSTYDB__PROTO__ENTRY_HEADER__INIT;
    header.version = ENTRY_VERSION;
    header.min_reader = 1;
    header.kind = (uint32_t)kind;
    header.payload_crc32c = crc32c(0, payload.data, payload.size);
    uint8_t *at = buf_reserve(out, 1 + HEADER_BYTES_MAX + payload.size);
    size_t size = rustydb__proto__entry_header__pack(&header, at + 1);
    ASSERT(size <= HEADER_BYTES_MAX);
    at[0] = (uint8_t)size;
    out->size += 1 + size;
    buf_append(out, payload.data, payload.size);
}

/* protobuf-c takes memory for a message of a known small size: a piece of the stack will do. */
struct scrap {
    size_t used;
    _Alignas(16) uint8_t bytes[UNPACK_BYTES];
};

static void *
scrap_alloc(void *arg, size_t size)
{
    struct scrap *scrap = arg;
    size = (size + 15) & ~(size_t)15;
    if (size > sizeof(scrap->bytes) - scrap->used) {
        return NULL;
    }
    void *at = scrap->bytes + scrap->used;
    scrap->used += size;
    return at;
}

static void
scrap_free(void *arg, void *data)
{
    UNUSED(arg);
    UNUSED(data);
}

static enum status
corrupt(struct diag *diag, const char *what)
{
    return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED, "log entry: %s", what);
}

enum status
entry_decode(struct slice bytes, struct entry_view *view_out, struct diag *diag)
{
    *view_out = (struct entry_view){0};
    if (bytes.size < 1 || bytes.size < 1u + bytes.data[0]) {
        return corrupt(diag, "shorter than its header");
    }
    size_t header_size = bytes.data[0];
    struct scrap scrap = {.used = 0};
    ProtobufCAllocator allocator = {
        .alloc = scrap_alloc, .free = scrap_free, .allocator_data = &scrap};
    Rustydb__Proto__EntryHeader *header =
        rustydb__proto__entry_header__unpack(&allocator, header_size, bytes.data + 1);
    if (header == NULL) {
        return corrupt(diag, "unreadable header");
    }
    struct slice payload =
        slice_make(bytes.data + 1 + header_size, bytes.size - 1 - header_size);
    if (header->payload_crc32c != crc32c(0, payload.data, payload.size)) {
        return corrupt(diag, "wrong checksum");
    }
    if (header->min_reader > ENTRY_VERSION) {
        return diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "log entry needs a reader of entry version %" PRIu32
                         ", this node reads version %d",
                         header->min_reader, ENTRY_VERSION);
    }
    if (header->kind < ENTRY_TXNS || header->kind > ENTRY_UPGRADE) {
        return diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "log entry of unknown kind %" PRIu32, header->kind);
    }
    *view_out = (struct entry_view){.version = header->version,
                                    .min_reader = header->min_reader,
                                    .kind = (enum entry_kind)header->kind,
                                    .payload = payload};
    return STATUS_OK;
}

/* ---- effects ---- */

void
effect_encode(struct buf *out, const struct effect *effect)
{
    buf_u8(out, (uint8_t)effect->kind);
    if (effect->kind == EFFECT_SAVEPOINT) {
        buf_varint(out, effect->number);
        return;
    }
    buf_varint(out, effect->object.v);
    switch (effect->kind) {
    case EFFECT_INSERT:
    case EFFECT_UPDATE:
        buf_varint(out, effect->row.v);
        buf_bytes(out, effect->bytes);
        break;
    case EFFECT_DELETE:
        buf_varint(out, effect->row.v);
        break;
    case EFFECT_NEW_GENERATION:
        buf_u8(out, (uint8_t)effect->reason);
        buf_bytes(out, effect->bytes);
        break;
    case EFFECT_BUILD_INDEX:
        buf_varint(out, effect->table.v);
        buf_bytes(out, effect->bytes);
        break;
    case EFFECT_SEQUENCE_SET:
        buf_u64(out, effect->number);
        buf_bytes(out, effect->bytes);
        break;
    case EFFECT_DROP:
    case EFFECT_SAVEPOINT:
        break;
    }
}

static struct object_id
read_object(struct reader *reader)
{
    uint64_t v = read_varint(reader);
    if (v > UINT32_MAX) {
        reader->failed = true;
        v = 0;
    }
    return (struct object_id){(uint32_t)v};
}

static void
read_effect_body(struct reader *reader, struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_INSERT:
    case EFFECT_UPDATE:
        effect->row.v = read_varint(reader);
        effect->bytes = read_bytes(reader);
        break;
    case EFFECT_DELETE:
        effect->row.v = read_varint(reader);
        break;
    case EFFECT_NEW_GENERATION:
        effect->reason = (enum generation_reason)read_u8(reader);
        effect->bytes = read_bytes(reader);
        if (effect->reason < GENERATION_CREATE || effect->reason > GENERATION_ALTER) {
            reader->failed = true;
        }
        break;
    case EFFECT_BUILD_INDEX:
        effect->table = read_object(reader);
        effect->bytes = read_bytes(reader);
        break;
    case EFFECT_SEQUENCE_SET:
        effect->number = read_u64(reader);
        effect->bytes = read_bytes(reader);
        break;
    case EFFECT_DROP:
    case EFFECT_SAVEPOINT:
        break;
    }
}

enum status
effect_decode(struct reader *reader, struct effect *effect_out, struct diag *diag)
{
    *effect_out = (struct effect){0};
    if (reader_done(reader)) {
        return STATUS_NOT_FOUND;
    }
    uint8_t kind = read_u8(reader);
    if (reader->failed || kind < EFFECT_INSERT || kind > EFFECT_SEQUENCE_SET) {
        return corrupt(diag, "unknown effect");
    }
    effect_out->kind = (enum effect_kind)kind;
    if (effect_out->kind == EFFECT_SAVEPOINT) {
        effect_out->number = read_varint(reader);
    } else {
        effect_out->object = read_object(reader);
        read_effect_body(reader, effect_out);
    }
    return reader->failed ? corrupt(diag, "effect cut short") : STATUS_OK;
}

/* ---- transaction records ---- */

static void
buf_gtid(struct buf *out, struct gtid gtid)
{
    buf_varint(out, gtid.origin);
    buf_varint(out, gtid.incarnation);
    buf_varint(out, gtid.term);
    buf_varint(out, gtid.number);
}

static struct gtid
read_gtid(struct reader *reader)
{
    struct gtid gtid;
    gtid.origin = read_varint(reader);
    gtid.incarnation = read_varint(reader);
    gtid.term = read_varint(reader);
    gtid.number = read_varint(reader);
    return gtid;
}

void
txn_record_encode(struct buf *out, const struct txn_record *record)
{
    size_t start = out->size;
    buf_u32(out, 0);
    buf_gtid(out, record->gtid);
    buf_varint(out, record->commit_time_us);
    buf_bytes(out, record->rolled_back);
    buf_bytes(out, record->parts);
    buf_append(out, record->effects.data, record->effects.size);
    size_t size = out->size - start - 4;
    ASSERT(size <= ENTRY_BYTES_MAX);
    put_u32(out->data + start, (uint32_t)size);
}

enum status
txn_record_decode(struct reader *reader, struct txn_record *record_out, struct diag *diag)
{
    *record_out = (struct txn_record){0};
    if (reader_done(reader)) {
        return STATUS_NOT_FOUND;
    }
    uint32_t size = read_u32(reader);
    struct slice bytes = read_slice(reader, size);
    if (reader->failed) {
        return corrupt(diag, "transaction record cut short");
    }
    struct reader in = reader_make(bytes);
    record_out->gtid = read_gtid(&in);
    record_out->commit_time_us = read_varint(&in);
    record_out->rolled_back = read_bytes(&in);
    record_out->parts = read_bytes(&in);
    if (in.failed) {
        return corrupt(diag, "transaction record with a broken head");
    }
    record_out->effects = slice_make(in.next, reader_left(&in));
    return STATUS_OK;
}

void
txn_part_encode(struct buf *out, struct gtid gtid, struct slice effects)
{
    buf_gtid(out, gtid);
    buf_append(out, effects.data, effects.size);
}

enum status
txn_part_decode(struct slice payload, struct gtid *gtid_out, struct slice *effects_out,
                struct diag *diag)
{
    struct reader in = reader_make(payload);
    *gtid_out = read_gtid(&in);
    if (in.failed) {
        *effects_out = (struct slice){0};
        return corrupt(diag, "part of a transaction without its id");
    }
    *effects_out = slice_make(in.next, reader_left(&in));
    return STATUS_OK;
}

/* ---- sequence marks ---- */

void
sequence_mark_encode(struct buf *out, const struct sequence_mark *mark)
{
    buf_varint(out, mark->object.v);
    buf_u64(out, (uint64_t)mark->value);
    buf_u8(out, mark->called);
}

enum status
sequence_mark_decode(struct reader *reader, struct sequence_mark *mark_out, struct diag *diag)
{
    *mark_out = (struct sequence_mark){0};
    if (reader_done(reader)) {
        return STATUS_NOT_FOUND;
    }
    struct object_id object = read_object(reader);
    int64_t value = (int64_t)read_u64(reader);
    uint8_t called = read_u8(reader);
    if (reader->failed || called > 1) {
        return corrupt(diag, "sequence mark cut short");
    }
    *mark_out = (struct sequence_mark){.object = object, .value = value, .called = called == 1};
    return STATUS_OK;
}
