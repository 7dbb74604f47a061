/* lab.h: an engine over a real store, with a test log in the place of the cluster.
 *
 * Promises: what a session submits becomes the next entry and is applied at once, or when
 *           lab_release() says so; texts are run as node would run them and answered as text:
 *           rows "a|b", notices, "tag", errors "ERROR 42P01: message".
 * Thread:   the test's own, until lab_start_applier(): then entries are applied by a thread of
 * the lab and sessions may run on threads of their own.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/worker.h"
#include "sql/sql.h"
#include "tests/lib/sim_vfs.h"

#include <stdatomic.h>

struct lab_entry {
    struct buf bytes;
    uint64_t term;
};

struct lab {
    struct sim_vfs *sim;
    struct env env;
    struct store_options store_options;
    struct store *store;
    struct sql_host host;
    struct sql_engine *engine;
    struct lab_entry *entries;
    uint64_t entry_count, applied_count, entry_capacity, term, incarnation;
    bool hold;   /* entries wait for lab_release() */
    bool refuse; /* proposals are refused */
    bool reads_refused;
    bool is_replica;
    _Atomic(unsigned) barrier_count, vacuum_count, checkpoint_count;
    struct mutex mu; /* rank NODE; below it: the log */
    struct cond changed;
    bool threaded, stopping;
    struct thread applier;
};

struct lab_session {
    struct lab *lab;
    struct waiter waiter;
    struct sql_session *session;
    struct sql_sink sink;
    struct buf out; /* the answer so far */
    bool brief; /* only rows (NULL is nothing) and errors, "ERROR 23505: message (detail)" */
    bool committed; /* under lab->mu once threaded */
    unsigned column_count;
};

void lab_open(struct lab *lab); /* bootstrapped */
void lab_close(struct lab *lab);
void lab_release(struct lab *lab);
void lab_start_applier(struct lab *lab);
void lab_stop_applier(struct lab *lab);
/* Closes and opens store and engine again; what was not checkpointed is replayed. */
void lab_restart(struct lab *lab);

void lab_connect(struct lab *lab, struct lab_session *session);
void lab_disconnect(struct lab_session *session);
/* Runs a text by the simple protocol; the answer is good until the next call. */
const char *lab_run(struct lab_session *session, const char *text);
/* With COPY data for the first COPY FROM in it; `piece`: bytes a message. */
const char *lab_copy(struct lab_session *session, const char *text, const char *data,
                     size_t piece);
/* Parse, Bind with text parameters (NULL: NULL), Execute all, Sync. */
const char *lab_extended(struct lab_session *session, const char *text,
                         const char *const *params, unsigned param_count);
/* Execute; asks the voters when it must. */
void lab_portal_run(struct lab_session *session, const char *portal, uint64_t limit,
                    struct sql_result *result);
/* Appends what a result says, and finishes a commit that is known. */
void lab_answer(struct lab_session *session, struct sql_result *result);
