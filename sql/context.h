/* context.h: what a running statement can reach: its memory, transaction, session and node.
 * Owns:   nothing. Lives as long as the statement.
 * Thread: the session's.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/errors.h"
#include "base/rng.h"
#include "base/status.h"
#include "sql/types/vector.h"
#include "storage/store.h"

struct sql_session;
struct sql_engine;
struct catalog;
struct sql_host;
struct func_session_hooks; /* sql/func/func_session.h */
struct func_catalog_hooks; /* sql/func/func_catalog.h */

struct sql_context {
    struct sql_engine *engine;
    struct sql_session *session;
    struct store *store;
    struct catalog *catalog;
    const struct sql_host *host; /* and its argument */
    void *host_arg;
    const struct func_session_hooks *session_hooks; /* what functions ask of the session */
    const struct func_catalog_hooks *catalog_hooks; /* and of the catalog */
    struct txn *txn;                                /* NULL while binding outside one */
    struct arena *arena;                            /* of the statement */
    struct diag *diag;
    struct rng *rng;      /* of the session: random() */
    int64_t txn_start_us; /* now(): microseconds since 2000-01-01 UTC */
    int64_t statement_start_us;
    const struct value *params; /* $1 .. ; values of a bound portal */
    const enum type_id *param_types;
    unsigned param_count;
    const char *user, *database;
    uint64_t memory_limit_bytes; /* of one query; 0: none */
};

/* More than memory_limit_bytes are needed. */
static inline enum status
sql_out_of_memory(struct sql_context *cx)
{
    enum status status =
        diag_fail(cx->diag, STATUS_LIMIT, SQLSTATE_OUT_OF_MEMORY, "out of memory");
    diag_detail(cx->diag, "The statement needs more than its %llu MiB of memory.",
                (unsigned long long)(cx->memory_limit_bytes >> 20));
    diag_hint(cx->diag, "Raise rustydb.statement_memory, or let the statement keep less.");
    return status;
}
