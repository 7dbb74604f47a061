/* message.h: what members say to each other, as structs and as frames of bytes.
 *
 * Promises: encode and decode are inverse; a decoder reads any bytes without harm: a frame that
 *           is too large, fails its checksum or says what no message says is STATUS_CORRUPT.
 * Thread:   pure functions.
 * See:      docs/protocol/peer.md, proto/peer.proto.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"

#define PEER_PROTOCOL 1U
#define PEER_FRAME_HEADER_BYTES 12U
#define PEER_HEADER_BYTES_MAX ((size_t)256 << 10)
#define PEER_PAYLOAD_BYTES_MAX ((size_t)8 << 20)
#define PEER_ENTRIES_MAX 4096U

enum peer_kind {
    PEER_HELLO = 1,
    PEER_APPEND = 2,
    PEER_APPEND_RESULT = 3,
    PEER_VOTE = 4,
    PEER_VOTE_RESULT = 5,
    PEER_TIMEOUT_NOW = 6,
    PEER_PING = 7,
    PEER_PONG = 8,
    PEER_REQUEST = 9,
    PEER_REPLY = 10,
};

struct peer_entry {
    uint64_t term;
    uint8_t type;
    struct slice bytes;
};

struct peer_hello {
    uint32_t protocol, min_reader;
    const char *cluster_name, *node_name, *version;
    uint64_t node_id;
    uint16_t peer_port, sql_port, api_port;
};

/* Fields as in proto/peer.proto; those that a kind does not use are zero. */
struct peer_message {
    enum peer_kind kind;
    uint64_t term;
    uint64_t prev_index, prev_term, commit_index;
    const struct peer_entry *entries;
    unsigned entry_count;
    uint64_t rejected, last_index, last_term;
    bool disrupt, pre_vote, granted;
    uint64_t number, first_index, log_index, applied_index;
    int64_t commit_time_us;
    struct peer_hello hello;
    struct slice payload; /* request and reply */
};

/* Appends one frame. */
void peer_message_encode(struct buf *out, const struct peer_message *message);
/* Bytes of the frame that begins `bytes`: 0 when more are needed to tell or to have it whole.
 */
MUST_CHECK enum status peer_frame_size(struct slice bytes, size_t *size_out, struct diag *diag);
/* `frame` is one whole frame; the message borrows from it and from the arena. */
MUST_CHECK enum status peer_message_decode(struct slice frame, struct arena *arena,
                                           struct peer_message *message_out, struct diag *diag);
