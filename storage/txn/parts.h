/* parts.h: TXN_PART entries in the log whose transaction has not ended: by gtid.
 *
 * Promises: the same on every node at the same applied index (rules 4 and 6).
 * Thread:   none of its own; the caller's mutex (store.state_mu).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/codec.h"
#include "base/status.h"
#include "proto/ids.h"

struct pending_parts {
    struct gtid gtid;
    uint64_t *indexes;
    size_t count, capacity;
};

struct parts {
    struct pending_parts *items; /* few: transactions of many MiB that run now */
    size_t count, capacity;
};

void parts_deinit(struct parts *parts);
void parts_add(struct parts *parts, struct gtid gtid, uint64_t index);
void parts_drop(struct parts *parts, struct gtid gtid);
void parts_drop_older_terms(struct parts *parts, uint64_t term);
uint64_t parts_oldest(const struct parts *parts); /* 0: none */
void parts_save(const struct parts *parts, struct buf *out);
MUST_CHECK enum status parts_load(struct parts *parts, struct reader *in, struct diag *diag);
