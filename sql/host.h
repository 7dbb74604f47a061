/* host.h: what node gives sql: commits, ReadIndex, views of the node, upkeep.
 * Thread: called on the session's thread; none may block but through the waiter.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/context.h"

/* A view whose rows node knows (v$cluster_nodes ...). Also visible as v_name. */
struct host_view_column {
    const char *name;
    enum type_id type;
};
struct host_view {
    const char *name; /* "v$cluster_nodes" */
    unsigned column_count;
    const struct host_view_column *columns;
    /* All rows, at once: row_count * column_count values in row order, in cx->arena. */
    enum status (*rows)(void *host_arg, struct sql_context *cx, struct value **values_out,
                        unsigned *row_count_out);
};

/* A statement that ran for log_min_duration_statement or longer. */
struct slow_statement {
    const char *user, *database, *text, *tag; /* tag "": it failed */
    uint64_t session_no;
    int64_t duration_ns;
};

struct sql_host {
    /* Proposes a submitted transaction's record (copied). `refused` is called, from the cluster
     * loop, only when it is certain that the log never gets it (not leader, full): sql then
     * calls txn_submit_refused() and goes on as if the transaction had been aborted with 40001.
     */
    void (*propose_commit)(void *host_arg, uint64_t term, struct slice record,
                           void (*refused)(void *arg), void *arg);
    /* May a strong read take its snapshot now, without asking the other voters? False: the
     * statement answers SQL_READING. NULL: always. Never blocks. */
    bool (*reads_at_once)(void *host_arg);
    bool (*is_primary)(void *host_arg);
    /* All host views. */
    const struct host_view *(*views)(void *host_arg, unsigned *count_out);
    enum status (*checkpoint)(void *host_arg, struct waiter *waiter, struct diag *diag);
    /* Vacuum of one table on this node. */
    enum status (*vacuum)(void *host_arg, struct waiter *waiter, struct object_id table,
                          struct diag *diag);
    /* committed, aborted, in progress, unknown: asks other nodes if it must. */
    enum status (*txn_outcome)(void *host_arg, struct waiter *waiter, struct gtid gtid,
                               enum txn_outcome *outcome_out, struct diag *diag);
    void (*slow_statement)(void *host_arg,
                           const struct slow_statement *slow); /* NULL is fine */
    const char *(*server_version)(void *host_arg);             /* "15.0 (RustyDB 0.6.0)" */
};
