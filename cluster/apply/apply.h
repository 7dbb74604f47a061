/* apply.h: the thread that hands agreed entries to the node, in order.
 *
 * Promises: each entry behind the starting position once, in order, in runs; leadership is told
 *           in its place among them: won behind the entries before TERM_START, lost at the next
 *           chance after the loss.
 * Borrows:  wal, env, the node's table.
 * Thread:   calls from the cluster loop; the table's functions on the apply thread; applied
 *           index from any.
 * Fails:    an entry that cannot be applied stops it for good: `failed` is called once. A full
 *           disk (STATUS_LIMIT) makes it wait for the next kick.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/env.h"
#include "cluster/cluster.h"
#include "cluster/log/wal.h"

struct apply;

struct apply_options {
    struct env *env;
    struct wal *wal;
    uint64_t applied_index;
    const struct apply_ops *ops;
    void *ops_arg;
    void (*failed)(void *arg, const struct diag *diag); /* apply thread */
    void *arg;
};

MUST_CHECK enum status apply_new(const struct apply_options *options, struct apply **apply_out,
                                 struct diag *diag);
MUST_CHECK enum status apply_start(struct apply *apply, struct diag *diag);
void apply_stop(struct apply *apply);
void apply_delete(struct apply *apply); /* takes apply, stopped; NULL is fine */
/* Entries through `index` are agreed. */
void apply_committed(struct apply *apply, uint64_t index);
void apply_kick(struct apply *apply);
/* This member leads `term`, whose TERM_START is entry `index`. */
void apply_won(struct apply *apply, uint64_t term, uint64_t index);
void apply_lost(struct apply *apply);
uint64_t apply_index(const struct apply *apply);
/* The term that was told as won and not as lost; 0: none. */
uint64_t apply_leading_term(const struct apply *apply);
