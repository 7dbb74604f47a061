/* sql.h: the SQL engine as node sees it: sessions, prepared statements, portals, transactions.
 *
 * Promises: PostgreSQL 15's semantics of statements, transactions (implicit, explicit, failed)
 *           and errors. Statements run on the caller's thread in blocking style (waits go
 *           through the session's waiter). A top-level commit never blocks: the call answers
 *           SQL_COMMITTING and `committed` is called later, from the apply thread; then node
 *           calls sql_commit_finish() on a thread of its own.
 * Picture:  node: parse -> (prepare -> bind -> run)* -> sync
 *
 *             run --> SQL_READING --> (asked: run again)
 *             run --> SQL_DONE | SQL_SUSPENDED | SQL_COPY_IN
 *             run --> SQL_COMMITTING --> sql_commit_finish
 *
 * Owns:     an engine owns catalog caches; a session its memory, transaction, portals.
 * Thread:   one thread at a time in a session; sql_session_cancel() from any.
 * Fails:    the error of a statement is in `struct sql_result`'s diag; the session goes on.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/host.h"

struct sql_options {
    struct store *store;
    const struct sql_host *host;
    void *host_arg;
    struct env *env;
    const char *cluster_name, *node_name;
    unsigned max_connections; /* to be shown */
};

MUST_CHECK enum status sql_engine_open(const struct sql_options *options,
                                       struct sql_engine **engine_out, struct diag *diag);
void sql_engine_close(struct sql_engine *engine);
/* Writes the catalogs of a new cluster (schemas, database, role) as one ordinary transaction if
 * they are not there; on the primary, after writers are admitted, on a thread that may block.
 */
MUST_CHECK enum status sql_engine_bootstrap(struct sql_engine *engine, struct waiter *waiter,
                                            struct diag *diag);
/* The catalogs are there: clients may be let in. */
bool sql_engine_ready(struct sql_engine *engine);

/* One end of a client's connection. */
struct sql_end {
    char host[64]; /* "": unknown */
    uint16_t port;
};

struct sql_session_options {
    const char *user, *database;
    struct waiter *waiter;        /* borrowed */
    void (*committed)(void *arg); /* apply thread: the pending commit's fate is known */
    /* Session's thread: a commit is about to be proposed; sql_gtid() names it. NULL is fine. */
    void (*submitting)(void *arg);
    /* Any thread: pg_terminate_backend() of this session. NULL: it is refused. */
    void (*terminate)(void *arg);
    void *arg;
    uint64_t session_no; /* pg_backend_pid() */
    struct sql_end client, server;
};
/* 28000 for an unknown user, 3D000 for an unknown database. */
MUST_CHECK enum status sql_session_open(struct sql_engine *engine,
                                        const struct sql_session_options *options,
                                        struct sql_session **session_out, struct diag *diag);
/* Aborts what runs. Not while a commit is pending. Takes session. */
void sql_session_close(struct sql_session *session);
/* From any thread: the running statement ends with 57014 at its next step. */
void sql_session_cancel(struct sql_session *session);

enum sql_state {
    SQL_DONE,
    SQL_READING,    /* nothing done yet: ask the voters, sql_read_admitted(), call again */
    SQL_SUSPENDED,  /* the row limit was reached */
    SQL_COPY_IN,    /* feed sql_copy_data(), then sql_copy_end() */
    SQL_COMMITTING, /* wait for `committed`, then sql_commit_finish() */
    SQL_FAILED,     /* diag says why; an open transaction block is failed now */
};

enum sql_txn_status { SQL_TXN_IDLE = 'I', SQL_TXN_BLOCK = 'T', SQL_TXN_FAILED = 'E' };

struct sql_column {
    const char *name;
    uint32_t table_id;
    uint16_t attribute_no;
    enum type_id type;
    int32_t typmod;
};

struct sql_result {
    enum sql_state state;
    char tag[96];     /* command tag once done: "SELECT 3", "" for an empty query */
    struct diag diag; /* of SQL_FAILED */
    bool empty_query;
};

/* Where rows go; called during sql_run on its thread. */
struct sql_sink {
    /* Before the first rows of a statement that has a result. */
    void (*columns)(struct sql_sink *sink, const struct sql_column *columns, unsigned count);
    /* A status other than OK ends the statement: `diag` says what is wrong with a value, or
     * stays empty when it is the client that is gone. */
    enum status (*rows)(struct sql_sink *sink, const struct batch *batch, struct diag *diag);
    void (*copy_out_begin)(struct sql_sink *sink, unsigned column_count);
    enum status (*copy_out)(struct sql_sink *sink, struct slice line);
    void (*copy_in_begin)(struct sql_sink *sink, unsigned column_count);
    /* NOTICE, WARNING: severity, then a diag with its texts. */
    void (*notice)(struct sql_sink *sink, const char *severity, const struct diag *diag);
    /* A setting that clients are told of has changed. */
    void (*parameter)(struct sql_sink *sink, const char *name, const char *value);
};

/* Appends the text of a result's value, with regclass and its like by name. While its statement
 * runs; `session` NULL: they are numbers. */
MUST_CHECK enum status sql_value_show(struct sql_session *session, enum type_id type,
                                      const struct value *value, struct buf *out,
                                      struct diag *diag);

/* ---- simple protocol: one text, statement after statement ---- */
struct sql_script;
/* A syntax error anywhere fails the whole text, as in PostgreSQL. Owned by the session. */
MUST_CHECK enum status sql_script_open(struct sql_session *session, const char *text,
                                       struct sql_script **script_out, struct diag *diag);
unsigned sql_script_count(const struct sql_script *script);
/* Runs the next statement to its end. Statements of one text share an implicit transaction,
 * which ends with the last one (SQL_COMMITTING comes before its tag counts). After SQL_FAILED
 * the rest of the text is dropped by the caller. */
void sql_script_run_next(struct sql_script *script, struct sql_sink *sink,
                         struct sql_result *result);
void sql_script_close(struct sql_script *script);

/* ---- extended protocol ---- */
struct sql_prepared;
MUST_CHECK enum status sql_prepare(struct sql_session *session, const char *name,
                                   const char *text, const uint32_t *param_types,
                                   unsigned param_count, struct diag *diag);
/* 26000 when there is none. Borrowed until it is closed or replaced. */
MUST_CHECK enum status sql_prepared_find(struct sql_session *session, const char *name,
                                         struct sql_prepared **prepared_out, struct diag *diag);
/* *columns_out NULL: it returns no rows; not NULL with no column: SELECT without any. */
void sql_prepared_describe(struct sql_prepared *prepared, const enum type_id **params_out,
                           unsigned *param_count_out, const struct sql_column **columns_out,
                           unsigned *column_count_out);
void sql_prepared_close(struct sql_session *session, const char *name);

struct sql_param {
    bool is_null, binary;
    struct slice bytes; /* borrowed for the call */
};
MUST_CHECK enum status sql_bind(struct sql_session *session, const char *portal_name,
                                const char *prepared_name, const struct sql_param *params,
                                unsigned param_count, struct diag *diag);
/* As sql_prepared_describe(). 34000 when there is none. */
MUST_CHECK enum status sql_portal_describe(struct sql_session *session, const char *portal_name,
                                           const struct sql_column **columns_out,
                                           unsigned *column_count_out, struct diag *diag);
/* `row_limit` 0: all. */
void sql_portal_run(struct sql_session *session, const char *portal_name, uint64_t row_limit,
                    struct sql_sink *sink, struct sql_result *result);
void sql_portal_close(struct sql_session *session, const char *portal_name);
/* Sync: ends the implicit transaction: SQL_DONE, SQL_COMMITTING or SQL_FAILED. After an error
 * `failed` is true and it is rolled back. */
void sql_sync(struct sql_session *session, bool failed, struct sql_sink *sink,
              struct sql_result *result);

/* ---- what both share ---- */
/* After `committed`: the final state and tag. 08007 with the gtid in DETAIL when in doubt. */
void sql_commit_finish(struct sql_session *session, struct sql_sink *sink,
                       struct sql_result *result);
/* After SQL_READING: the voters have answered (ReadIndex), and what they know is applied here;
 * the same call made again runs the statement. `admitted` false: this node is not the primary
 * any more, the statement will fail with 40001. */
void sql_read_admitted(struct sql_session *session, bool admitted);
/* Not while SQL_COMMITTING's `committed` is on its way: the session waits no longer. True:
 * `committed` will not be called, and sql_commit_finish() reports the doubt. False: it was or
 * is being called. */
bool sql_commit_give_up(struct sql_session *session);
/* Of the transaction that is being submitted. */
void sql_gtid(struct sql_session *session, char text_out[GTID_TEXT_MAX]);
/* COPY FROM STDIN: any split of the input; SQL_COPY_IN again, or SQL_FAILED. */
void sql_copy_data(struct sql_session *session, struct slice data, struct sql_result *result);
/* `failure` NULL: the end of the input; else CopyFail's message (57014). */
void sql_copy_end(struct sql_session *session, const char *failure, struct sql_sink *sink,
                  struct sql_result *result);
enum sql_txn_status sql_txn_status(const struct sql_session *session);
/* What the client sent is no statement: an error like any other, an open block is failed now.
 */
void sql_fail(struct sql_session *session);
/* The block that the client is in died on another node: the idle session takes it over as
 * failed, and waits for ROLLBACK. */
void sql_enter_failed_block(struct sql_session *session);
/* ---- for the router of a replica: routing.c ---- */
/* Must this statement run on the primary? Write, lock, effects, or a block not READ ONLY. For
 * the router of a replica; parses only. */
bool sql_text_needs_primary(struct sql_session *session, const char *text);
bool sql_prepared_needs_primary(const struct sql_prepared *prepared);
/* The same of a statement prepared under that name; true when there is none here. */
bool sql_name_needs_primary(struct sql_session *session, const char *name);
/* What the statements of a text do to transactions, a set; SQL_SAYS_OTHER for all that is none
 * of these, AND CHAIN, and a text that does not parse. */
enum sql_says {
    SQL_SAYS_BEGIN = 1,
    SQL_SAYS_COMMIT = 2,
    SQL_SAYS_ROLLBACK = 4,
    SQL_SAYS_OTHER = 8
};
unsigned sql_text_says(struct sql_session *session, const char *text);
/* What of the session a statement changes, for it to be taken along to another node. SET LOCAL
 * and SET TRANSACTION are the transaction's. */
enum sql_own {
    SQL_OWN_NOT,
    SQL_OWN_SETTING,  /* SET, RESET */
    SQL_OWN_PREPARED, /* PREPARE, DEALLOCATE */
    SQL_OWN_ALL       /* DISCARD ALL */
};
/* One statement of a text. */
struct sql_part {
    struct slice text; /* without the semicolon; lent for the call */
    size_t offset;     /* of it, in the whole text */
    unsigned says;     /* enum sql_says */
    enum sql_own own;
    struct slice name; /* of the setting or prepared statement; empty: all of them */
    bool undoes;       /* a session that never had it need not be told */
};
typedef void (*sql_part_fn)(void *arg, const struct sql_part *part);
/* Calls `each` for the statements of a text in their order; not at all where it does not
 * parse. */
void sql_text_each_part(struct sql_session *session, const char *text, sql_part_fn each,
                        void *arg);
void sql_script_each_part(const struct sql_script *script, sql_part_fn each, void *arg);
/* The same of a prepared statement; not at all where there is none of that name. */
void sql_name_each_part(struct sql_session *session, const char *name, sql_part_fn each,
                        void *arg);
/* The whole text, lent until the script is closed. */
const char *sql_script_text(const struct sql_script *script);
/* All its statements change the session and nothing else. */
bool sql_text_is_of_session(struct sql_session *session, const char *text);
/* ---- */
/* SHOW's value; NULL: unknown. For ParameterStatus. */
const char *sql_setting(struct sql_session *session, const char *name);
MUST_CHECK enum status sql_set(struct sql_session *session, const char *name, const char *value,
                               struct diag *diag); /* start-up packet options */
/* Calls `each` for the settings that the start-up packet brought. */
void sql_each_startup_setting(const struct sql_session *session,
                              void (*each)(void *arg, const char *name, const char *value),
                              void *arg);
/* Settings of that name; 0: none. */
int64_t sql_statement_timeout_ns(const struct sql_session *session);
int64_t sql_idle_in_transaction_timeout_ns(const struct sql_session *session);
/* Log index of the session's last commit: a replica waits for it (read your own writes). */
uint64_t sql_last_commit_index(const struct sql_session *session);
