/* message.c: see message.h. SPDX-License-Identifier: Apache-2.0 */
#include "cluster/transport/message.h"
#include "base/codec.h"
#include "base/crc.h"
#include "base/errors.h"
#include "proto/peer.pb-c.h"

#include <stdlib.h>

#define INLINE_ENTRIES 64U

struct entry_columns {
    uint64_t terms[INLINE_ENTRIES];
    uint32_t types[INLINE_ENTRIES], sizes[INLINE_ENTRIES];
    uint64_t *terms_at;
    uint32_t *types_at, *sizes_at;
    void *memory;
};

static size_t
columns_fill(struct entry_columns *columns, const struct peer_message *message)
{
    unsigned count = message->entry_count;
    columns->terms_at = columns->terms;
    columns->types_at = columns->types;
    columns->sizes_at = columns->sizes;
    columns->memory = NULL;
    if (count > INLINE_ENTRIES) {
        uint64_t *memory = malloc(count * (sizeof(uint64_t) + 2 * sizeof(uint32_t)));
        ASSERT(memory != NULL);
        columns->memory = columns->terms_at = memory;
        columns->types_at = (uint32_t *)(memory + count);
        columns->sizes_at = columns->types_at + count;
    }
    size_t bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        columns->terms_at[i] = message->entries[i].term;
        columns->types_at[i] = message->entries[i].type;
        columns->sizes_at[i] = (uint32_t)message->entries[i].bytes.size;
        bytes += message->entries[i].bytes.size;
    }
    return bytes;
}

static char *
text(const char *value)
{
    static char empty[] = "";
    return value == NULL ? empty : (char *)(uintptr_t)value;
}

static void
hello_fill(Rustydb__Proto__PeerHello *out, const struct peer_hello *hello)
{
    rustydb__proto__peer_hello__init(out);
    out->protocol = hello->protocol;
    out->min_reader = hello->min_reader;
    out->cluster_name = text(hello->cluster_name);
    out->node_name = text(hello->node_name);
    out->node_id = hello->node_id;
    out->version = text(hello->version);
    out->peer_port = hello->peer_port;
    out->sql_port = hello->sql_port;
    out->api_port = hello->api_port;
}

static void
header_fill(Rustydb__Proto__PeerHeader *out, const struct peer_message *message)
{
    rustydb__proto__peer_header__init(out);
    out->kind = (uint32_t)message->kind;
    out->term = message->term;
    out->prev_index = message->prev_index;
    out->prev_term = message->prev_term;
    out->commit_index = message->commit_index;
    out->rejected = message->rejected;
    out->last_index = message->last_index;
    out->last_term = message->last_term;
    out->disrupt = message->disrupt;
    out->pre_vote = message->pre_vote;
    out->granted = message->granted;
    out->number = message->number;
    out->log_index = message->log_index;
    out->applied_index = message->applied_index;
    out->first_index = message->first_index;
    out->commit_time_us = message->commit_time_us;
}

void
peer_message_encode(struct buf *out, const struct peer_message *message)
{
    Rustydb__Proto__PeerHeader header;
    Rustydb__Proto__PeerHello hello;
    struct entry_columns columns;
    header_fill(&header, message);
    if (message->kind == PEER_HELLO) {
        hello_fill(&hello, &message->hello);
        header.hello = &hello;
    }
    size_t payload_size = columns_fill(&columns, message) + message->payload.size;
    header.n_entry_terms = header.n_entry_types = header.n_entry_sizes = message->entry_count;
    header.entry_terms = columns.terms_at;
    header.entry_types = columns.types_at;
    header.entry_sizes = columns.sizes_at;
    size_t header_size = rustydb__proto__peer_header__get_packed_size(&header);
    ASSERT(header_size <= PEER_HEADER_BYTES_MAX);
    ASSERT(payload_size <= PEER_PAYLOAD_BYTES_MAX);
    size_t start = out->size;
    (void)buf_extend(out, PEER_FRAME_HEADER_BYTES + header_size);
    rustydb__proto__peer_header__pack(&header, out->data + start + PEER_FRAME_HEADER_BYTES);
    for (unsigned i = 0; i < message->entry_count; i++) {
        buf_append(out, message->entries[i].bytes.data, message->entries[i].bytes.size);
    }
    buf_append(out, message->payload.data, message->payload.size);
    free(columns.memory);
    uint8_t *frame = out->data + start;
    put_u32(frame, (uint32_t)header_size);
    put_u32(frame + 4, (uint32_t)payload_size);
    put_u32(frame + 8, crc32c(0, frame + PEER_FRAME_HEADER_BYTES, header_size + payload_size));
}

static enum status
corrupt(struct diag *diag, const char *what)
{
    return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_PROTOCOL_VIOLATION,
                     "a message of another member cannot be read: %s", what);
}

enum status
peer_frame_size(struct slice bytes, size_t *size_out, struct diag *diag)
{
    *size_out = 0;
    if (bytes.size < PEER_FRAME_HEADER_BYTES) {
        return STATUS_OK;
    }
    size_t header_size = get_u32(bytes.data), payload_size = get_u32(bytes.data + 4);
    if (header_size > PEER_HEADER_BYTES_MAX || payload_size > PEER_PAYLOAD_BYTES_MAX) {
        return corrupt(diag, "it is too large");
    }
    size_t size = PEER_FRAME_HEADER_BYTES + header_size + payload_size;
    *size_out = bytes.size >= size ? size : 0;
    return STATUS_OK;
}

static enum status
entries_read(const Rustydb__Proto__PeerHeader *header, struct slice payload,
             struct arena *arena, struct peer_message *out, struct diag *diag)
{
    size_t count = header->n_entry_terms;
    if (header->n_entry_types != count || header->n_entry_sizes != count ||
        count > PEER_ENTRIES_MAX) {
        return corrupt(diag, "its entries do not add up");
    }
    struct peer_entry *entries = arena_array(arena, struct peer_entry, count);
    struct reader reader = reader_make(payload);
    for (size_t i = 0; i < count; i++) {
        if (header->entry_types[i] > UINT8_MAX) {
            return corrupt(diag, "an entry has an unknown type");
        }
        entries[i].term = header->entry_terms[i];
        entries[i].type = (uint8_t)header->entry_types[i];
        entries[i].bytes = read_slice(&reader, header->entry_sizes[i]);
    }
    if (!reader_done(&reader)) {
        return corrupt(diag, "its entries have other sizes than it says");
    }
    out->entries = entries;
    out->entry_count = (unsigned)count;
    return STATUS_OK;
}

static void
hello_read(const Rustydb__Proto__PeerHello *hello, struct arena *arena, struct peer_hello *out)
{
    out->protocol = hello->protocol;
    out->min_reader = hello->min_reader;
    out->cluster_name = arena_strdup(arena, hello->cluster_name);
    out->node_name = arena_strdup(arena, hello->node_name);
    out->version = arena_strdup(arena, hello->version);
    out->node_id = hello->node_id;
    out->peer_port = (uint16_t)hello->peer_port;
    out->sql_port = (uint16_t)hello->sql_port;
    out->api_port = (uint16_t)hello->api_port;
}

static enum status
header_read(const Rustydb__Proto__PeerHeader *header, struct slice payload, struct arena *arena,
            struct peer_message *out, struct diag *diag)
{
    if (header->kind < PEER_HELLO || header->kind > PEER_REPLY) {
        return corrupt(diag, "its kind is unknown");
    }
    *out = (struct peer_message){.kind = (enum peer_kind)header->kind,
                                 .term = header->term,
                                 .prev_index = header->prev_index,
                                 .prev_term = header->prev_term,
                                 .commit_index = header->commit_index,
                                 .rejected = header->rejected,
                                 .last_index = header->last_index,
                                 .last_term = header->last_term,
                                 .disrupt = header->disrupt,
                                 .pre_vote = header->pre_vote,
                                 .granted = header->granted,
                                 .number = header->number,
                                 .log_index = header->log_index,
                                 .applied_index = header->applied_index,
                                 .first_index = header->first_index,
                                 .commit_time_us = header->commit_time_us};
    if ((out->kind == PEER_HELLO) != (header->hello != NULL)) {
        return corrupt(diag, "a hello says nothing");
    }
    if (header->hello != NULL) {
        hello_read(header->hello, arena, &out->hello);
    }
    if (out->kind == PEER_APPEND) {
        return entries_read(header, payload, arena, out, diag);
    }
    out->payload = payload;
    return STATUS_OK;
}

enum status
peer_message_decode(struct slice frame, struct arena *arena, struct peer_message *message_out,
                    struct diag *diag)
{
    size_t size = 0;
    TRY(peer_frame_size(frame, &size, diag));
    if (size == 0 || size != frame.size) {
        return corrupt(diag, "it is cut short");
    }
    size_t header_size = get_u32(frame.data);
    const uint8_t *body = frame.data + PEER_FRAME_HEADER_BYTES;
    if (get_u32(frame.data + 8) != crc32c(0, body, size - PEER_FRAME_HEADER_BYTES)) {
        return corrupt(diag, "its checksum is wrong");
    }
    Rustydb__Proto__PeerHeader *header =
        rustydb__proto__peer_header__unpack(NULL, header_size, body);
    if (header == NULL) {
        return corrupt(diag, "its header is no header");
    }
    struct slice payload =
        slice_make(body + header_size, size - PEER_FRAME_HEADER_BYTES - header_size);
    enum status status = header_read(header, payload, arena, message_out, diag);
    rustydb__proto__peer_header__free_unpacked(header, NULL);
    return status;
}
