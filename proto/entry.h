/* entry.h: what one entry of the Raft log says, as bytes.
 *
 * Promises: encode and decode are inverse; a decoder reads any bytes without harm and answers
 *           STATUS_CORRUPT (bad checksum, short, unknown number where none may be) or
 *           STATUS_UNSUPPORTED (min_reader above ENTRY_VERSION: the message says which version
 *           is needed). Kind and effect numbers are never reused.
 * Does not: know what a tuple or an index definition holds: bytes to this file.
 * Layout:   envelope = u8 header size | EntryHeader (proto/entry.proto: version, min_reader,
 *           kind, crc32c of the payload) | payload.
 * Thread:   pure functions.
 * See:      docs/format/entry.md.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/codec.h"
#include "base/status.h"
#include "proto/ids.h"

#define ENTRY_VERSION 1
#define ENTRY_BYTES_MAX ((size_t)1 << 20) /* payload of one entry */

enum entry_kind {
    ENTRY_TXNS = 1,      /* transaction records, one after the other */
    ENTRY_TXN_PART = 2,  /* effects of a transaction that is still running; kept unapplied */
    ENTRY_TXN_ABORT = 3, /* drops the parts of one transaction */
    ENTRY_SEQUENCE = 4,  /* raises the reserved mark of sequences */
    ENTRY_MEMBERSHIP = 5,
    ENTRY_TERM_START = 6,
    ENTRY_UPGRADE = 7,
};

struct entry_view {
    uint32_t version, min_reader;
    enum entry_kind kind;
    struct slice payload; /* borrowed from the bytes decoded */
};

void entry_encode(struct buf *out, enum entry_kind kind, struct slice payload);
MUST_CHECK enum status entry_decode(struct slice bytes, struct entry_view *view_out,
                                    struct diag *diag);

/* ---- effects: the body of a transaction record and of a part ---- */
enum effect_kind {
    EFFECT_INSERT = 1,         /* object, row, tuple */
    EFFECT_UPDATE = 2,         /* object, row, tuple */
    EFFECT_DELETE = 3,         /* object, row */
    EFFECT_NEW_GENERATION = 4, /* object, reason, definition: create, truncate or rewrite */
    EFFECT_DROP = 5,           /* object */
    EFFECT_BUILD_INDEX = 6,    /* object = the index, table, definition */
    EFFECT_SAVEPOINT = 7,    /* number: what follows belongs to that sub-transaction, 0 = top */
    EFFECT_SEQUENCE_SET = 8, /* object, value, definition: CREATE and ALTER SEQUENCE */
};

enum generation_reason {
    GENERATION_CREATE = 1,
    GENERATION_TRUNCATE = 2,
    GENERATION_REWRITE = 3,
    GENERATION_ALTER = 4, /* a new definition over the same rows */
};

struct effect {
    enum effect_kind kind;
    struct object_id object, table;
    struct row_id row;
    enum generation_reason reason;
    uint64_t number;    /* savepoint number or sequence value */
    struct slice bytes; /* tuple or definition; borrowed */
};

void effect_encode(struct buf *out, const struct effect *effect);
/* STATUS_NOT_FOUND at the end of the reader. */
MUST_CHECK enum status effect_decode(struct reader *reader, struct effect *effect_out,
                                     struct diag *diag);

/* ---- a committed transaction: one record of an ENTRY_TXNS payload ---- */
struct txn_record {
    struct gtid gtid;
    uint64_t commit_time_us;  /* of the origin's clock: for lag, never for order */
    struct slice rolled_back; /* varints: savepoint numbers whose effects do not count */
    struct slice parts;       /* varints: log indexes of its ENTRY_TXN_PART entries */
    struct slice effects;     /* what did not fit the parts; may be all */
};

/* u32 size, then the record. */
void txn_record_encode(struct buf *out, const struct txn_record *record);
/* STATUS_NOT_FOUND at the end of the reader. */
MUST_CHECK enum status txn_record_decode(struct reader *reader, struct txn_record *record_out,
                                         struct diag *diag);

/* ENTRY_TXN_PART payload: gtid, savepoint numbers inside the effects. ENTRY_TXN_ABORT: gtid. */
void txn_part_encode(struct buf *out, struct gtid gtid, struct slice effects);
MUST_CHECK enum status txn_part_decode(struct slice payload, struct gtid *gtid_out,
                                       struct slice *effects_out, struct diag *diag);
/* ENTRY_SEQUENCE payload: marks. `called`: values up to and including this one are reserved;
 * else it is the next value (setval with is_called false). */
struct sequence_mark {
    struct object_id object;
    int64_t value;
    bool called;
};
void sequence_mark_encode(struct buf *out, const struct sequence_mark *mark);
/* STATUS_NOT_FOUND at the end of the reader. */
MUST_CHECK enum status sequence_mark_decode(struct reader *reader,
                                            struct sequence_mark *mark_out, struct diag *diag);
