/* ids.h: numbers that cross folders, each a type of its own so that none is taken for another.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A table, index or sequence. Unique in the cluster across databases, given out by the primary
 * with the catalog row, never reused. 0: none. Catalog tables have fixed ids below 16384. */
struct object_id {
    uint32_t v;
};

/* A row of a table for as long as it lives, on every node the same. Given out by the primary
 * per table, from 1. */
struct row_id {
    uint64_t v;
};

/* A transaction everywhere and for ever: the node that ran it, that node's durable start
 * number, the term in which it first wrote, and a number of that start. All zero: none. */
struct gtid {
    uint64_t origin;      /* Raft id of the node */
    uint64_t incarnation; /* boot incarnation: new at each start and each install */
    uint64_t term;
    uint64_t number;
};

#define GTID_TEXT_MAX 88 /* "origin-incarnation-term-number" in decimal, with its zero */

static inline bool
gtid_equal(struct gtid a, struct gtid b)
{
    return a.origin == b.origin && a.incarnation == b.incarnation && a.term == b.term &&
           a.number == b.number;
}

/* `text` has room for GTID_TEXT_MAX bytes. */
void gtid_format(struct gtid gtid, char *text);
bool gtid_parse(const char *text, struct gtid *gtid_out);
