/* session_internal.h: what the files of sql/ share: a session, its transaction, plans and
 * portals.
 *
 * Picture:
 *
 *   text --parse--> sql_prepared: statements (struct compiled) --bind, plan--> plan_unit
 *   portal / script --struct run--> execution --batches--> sink
 *
 * See:      README.md.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/errors.h"
#include "base/hash.h"
#include "base/list.h"
#include "sql/bind/bind.h"
#include "sql/catalog/catalog_change.h"
#include "sql/commit.h"
#include "sql/exec/exec.h"
#include "sql/func/value_text.h"
#include "sql/parse/parse.h"
#include "sql/settings.h"
#include "sql/sql.h"

#include <stdatomic.h>

#define TEXT_CACHE_MAX 32u         /* statements of a session kept by their text */
#define TEXT_CACHE_BYTES_MAX 4096u /* longer texts are not kept */
#define EPOCH_2000_US INT64_C(946684800000000)

struct sql_engine {
    struct sql_options options;
    struct catalogs *catalogs;
    struct mutex sessions_mu; /* rank SESSIONS; below it: sessions */
    struct list sessions;
    struct list left;    /* pending_commit that a late call may still name */
    _Atomic(bool) ready; /* catalogs seen; never unset */
};

/* ---- statements ---- */
/* A bound and planned query; immutable but for the count. One session's. */
struct plan_unit {
    unsigned reference_count;
    struct arena arena;
    struct catalog *catalog; /* reference: definitions that the plan borrows */
    struct query *query;
    struct plan *plan;
    struct execution *idle; /* of an earlier run, for the next */
    bool has_result;        /* rows, if only of no columns */
    unsigned column_count;
    struct sql_column *columns;
};

/* One statement of a text. */
struct compiled {
    const struct ast_statement *ast;
    struct bind_params params; /* types in the owner's arena, once bound */
    bool described;            /* columns of a utility statement are known */
    struct plan_unit *unit;    /* NULL: not planned, or no query */
    unsigned column_count;     /* of utility statements that return rows */
    const struct sql_column *columns;
};

/* A parsed text: of Parse, PREPARE or the simple protocol. */
struct sql_prepared {
    struct list link;         /* in session->texts while kept by its text */
    unsigned reference_count; /* names, portals, scripts, the list */
    struct arena arena;       /* text and tree */
    const char *text;
    uint64_t text_hash;
    unsigned given_count; /* parameter types given by the client */
    enum type_id *given;
    unsigned count;
    struct compiled *statements;
    bool needs_primary;
    struct sql_prepared *owner; /* of PREPARE: the text whose tree it borrows; a reference */
};

struct named_prepared {
    struct list link;
    const char *name; /* owned */
    struct sql_prepared *prepared;
};

/* ---- running ---- */
struct copy_in;

struct stored_batch {
    struct stored_batch *next;
    struct batch batch;
};

/* A statement being run: of a portal or of a script. */
struct run {
    struct sql_prepared *prepared; /* reference */
    struct compiled *compiled;
    struct plan_unit *unit; /* reference, while executing */
    struct sql_context cx;  /* of the execution, which borrows it */
    struct execution *execution;
    struct stored_batch *stored; /* kept rows of a suspended one, in its arena */
    bool is_stored;              /* the execution has ended: only stored rows come */
    struct batch *batch;         /* not sent whole yet: from first_row on */
    unsigned first_row;
    bool started, finished, sent_columns;
    uint64_t row_count;
    struct copy_in *copy_in;
};

struct portal {
    struct list link;
    const char *name; /* owned */
    struct arena arena;
    struct value *params;
    enum type_id *param_types;
    unsigned param_count;
    struct run run;
};

struct sql_script {
    struct sql_session *session;
    struct sql_prepared *prepared;
    unsigned next_no;
    bool open;
};

/* ---- transactions ---- */
enum block {
    BLOCK_NONE,     /* no transaction */
    BLOCK_IMPLICIT, /* of one message or text */
    BLOCK_OPEN,     /* after BEGIN */
    BLOCK_FAILED,   /* waits for ROLLBACK */
};

struct savepoint {
    struct savepoint *outer;
    const char *name;
    uint64_t number;
    size_t settings_mark;
};

struct sequence_seen {
    uint32_t sequence;
    int64_t value;
};

/* What the voters said to the strong read that is about to start. */
enum read_gate {
    READ_GATE_SHUT, /* not asked */
    READ_GATE_OPEN,
    READ_GATE_REFUSED,
};

struct sql_session {
    struct sql_engine *engine;
    struct list link;       /* in engine->sessions */
    struct sql_context cx;  /* template of each run's; its catalog is the session's reference */
    struct arena statement; /* of utility statements and scripts: reset at each */
    char *user, *database;
    uint64_t session_no;
    struct waiter *waiter;
    void (*committed)(void *arg);
    void (*submitting)(void *arg);
    void (*terminate)(void *arg);
    void *node_arg; /* of the three */
    struct sql_end client, server;
    struct rng rng;

    /* transaction */
    struct txn *txn;
    enum block block;
    bool snapshot_taken, repeatable_read;
    enum read_gate read_gate; /* until the statement that asked has run */
    struct arena txn_arena;
    struct savepoint *savepoints; /* innermost first */
    uint64_t catalog_seen;        /* catalog CSN when the catalog was chosen */
    struct pending_commit *commit, *spare_commit;
    char commit_tag[96];
    struct gtid doubt; /* of a commit given up; number 0: none */
    uint64_t last_commit_index;
    bool chain; /* COMMIT AND CHAIN */
    enum isolation chain_isolation;
    bool chain_read_only;

    struct settings settings;

    struct list texts; /* sql_prepared by text, newest first */
    unsigned text_count;
    struct list names; /* named_prepared; the unnamed one, too */
    struct list portals;
    struct portal *spare_portal; /* the unnamed one, between two uses */
    struct sql_script script;
    struct run script_run;
    struct run *copying; /* whose COPY FROM takes input */

    struct sequence_seen *sequences;
    unsigned sequence_count, sequence_capacity;
    uint32_t last_sequence;
};

/* ---- session.c ---- */
/* With what changes by itself brought up to date. */
const struct settings *session__settings(struct sql_session *session);

/* ---- transaction.c ---- */
MUST_CHECK enum status session__begin(struct sql_session *session, enum block block,
                                      struct diag *diag);
/* The snapshot of a statement, and the catalog that goes with it. */
MUST_CHECK enum status session__snapshot(struct sql_session *session, struct diag *diag);
/* Ends the transaction: SQL_DONE, SQL_COMMITTING (session->commit_tag is the tag), SQL_FAILED.
 */
enum sql_state session__commit(struct sql_session *session, const char *tag, struct diag *diag);
void session__abort(struct sql_session *session, enum block block_after);
/* A statement failed: what is left of its transaction. */
void session__fail(struct sql_session *session);
/* BEGIN, COMMIT, SAVEPOINT ... */
void session__run_transaction(struct sql_session *session,
                              const struct ast_transaction *statement, struct sql_sink *sink,
                              struct sql_result *result);
/* SET TRANSACTION and BEGIN's modes. */
MUST_CHECK enum status session__set_modes(struct sql_session *session,
                                          const struct ast_transaction_modes *modes,
                                          struct diag *diag);
/* Told to the client if client_min_messages lets it through. */
void session__notice(struct sql_session *session, struct sql_sink *sink, const char *severity,
                     const char *sqlstate, const char *format, ...) PRINTF_LIKE(5, 6);
/* A transaction of several statements: a block, or a text of more than one. */
bool session__in_block(const struct sql_session *session);
/* 25001 inside a block. */
MUST_CHECK enum status session__forbid_block(struct sql_session *session, const char *what,
                                             struct diag *diag);
/* After a change of definitions: session->cx.catalog is the run's, private now. */
MUST_CHECK enum status session__refresh_latest(struct sql_session *session, struct diag *diag);

/* ---- prepared.c ---- */
MUST_CHECK enum status prepared__parse(struct sql_session *session, const char *text,
                                       const uint32_t *param_types, unsigned param_count,
                                       struct sql_prepared **prepared_out, struct diag *diag);
/* The statement within a PREPARE, with a reference; not kept by its text. */
struct sql_prepared *prepared__within(struct sql_prepared *owner,
                                      const struct ast_statement *statement,
                                      const uint32_t *param_types, unsigned param_count);
struct sql_prepared *prepared__ref(struct sql_prepared *prepared);
void prepared__unref(struct sql_prepared *prepared); /* NULL is fine */
/* Binds and plans if it is not done or stale. The session has a snapshot. */
MUST_CHECK enum status prepared__compile(struct sql_session *session,
                                         struct sql_prepared *prepared,
                                         struct compiled *compiled, struct diag *diag);
struct named_prepared *prepared__find(struct sql_session *session, const char *name);
MUST_CHECK enum status prepared__add_name(struct sql_session *session, const char *name,
                                          struct sql_prepared *prepared);
void prepared__remove_name(struct named_prepared *named);
void prepared__close_all(struct sql_session *session); /* names; the cache stays */
void prepared__drop_texts(struct sql_session *session);
bool statement__is_query(const struct ast_statement *statement);
bool statement__needs_primary(const struct ast_statement *statement);
struct plan_unit *plan_unit__ref(struct plan_unit *unit);
void plan_unit__unref(struct plan_unit *unit);

/* ---- run.c ---- */
/* Starts or goes on; `row_limit` 0: all. Fills state and tag. Does not end transactions, but
 * for COMMIT and its like. After SQL_FAILED the transaction has been dealt with. */
void run__step(struct sql_session *session, struct run *run, uint64_t row_limit,
               struct sql_sink *sink, struct sql_result *result);
void run__init(struct run *run, struct sql_session *session, struct sql_prepared *prepared,
               struct compiled *compiled, struct arena *arena);
void run__close(struct run *run);
/* Reads the rest of a suspended run into memory: its snapshot is about to change. */
MUST_CHECK enum status run__store_rest(struct run *run, struct diag *diag);
/* What a sink's refusal of rows means to the statement: 57014, 57P01, 53200 or 08006. */
MUST_CHECK enum status run__sink_status(const struct sql_context *cx, enum status status);
/* Rows of text made by a utility statement. */
struct text_rows {
    struct sql_sink *sink;
    const struct sql_context *cx;
    unsigned column_count;
    struct batch batch;
    struct sql_column *columns;
};
void text_rows__init(struct text_rows *rows, struct sql_sink *sink,
                     const struct sql_context *cx, const char *const *names,
                     unsigned column_count);
MUST_CHECK enum status text_rows__send(struct text_rows *rows, const char *const *values);
/* Binds, plans and runs a query within a utility statement (EXPLAIN, COPY (query)). */
MUST_CHECK enum status run__plan_query(struct sql_session *session,
                                       const struct ast_statement *statement,
                                       struct query **query_out, struct plan **plan_out);

/* ---- utility.c, ddl.c, copy*.c ---- */
/* Runs a statement that is no query and no transaction statement; cx is the run's. */
void utility__run(struct sql_session *session, struct run *run, struct sql_sink *sink,
                  struct sql_result *result);
/* Columns of SHOW, EXPLAIN and EXECUTE. */
MUST_CHECK enum status utility__describe(struct sql_session *session,
                                         struct sql_prepared *prepared,
                                         struct compiled *compiled);
MUST_CHECK enum status explain__run(struct sql_session *session,
                                    const struct ast_explain *explain, struct sql_sink *sink);
MUST_CHECK enum status upkeep__analyze(struct sql_session *session,
                                       const struct ast_vacuum *analyze, struct sql_sink *sink);
/* Ends the transaction that it runs in, and the portal may go with it. */
void upkeep__vacuum(struct sql_session *session, const struct ast_vacuum *vacuum,
                    struct sql_sink *sink, struct sql_result *result);
MUST_CHECK enum status ddl__create_table(struct sql_session *session,
                                         const struct ast_create_table *statement,
                                         struct sql_sink *sink);
MUST_CHECK enum status ddl__alter_table(struct sql_session *session,
                                        const struct ast_alter_table *statement,
                                        struct sql_sink *sink);
MUST_CHECK enum status ddl__create_index(struct sql_session *session,
                                         const struct ast_create_index *statement,
                                         struct sql_sink *sink);
MUST_CHECK enum status ddl__create_sequence(struct sql_session *session,
                                            const struct ast_create_sequence *statement,
                                            struct sql_sink *sink);
MUST_CHECK enum status ddl__drop(struct sql_session *session, const struct ast_drop *statement,
                                 struct sql_sink *sink);
MUST_CHECK enum status ddl__truncate(struct sql_session *session,
                                     const struct ast_truncate *statement,
                                     struct sql_sink *sink);
/* Shared by the ddl files. */
MUST_CHECK enum status ddl__schema(struct sql_session *session,
                                   const struct ast_relation *relation, uint32_t *schema_out);
MUST_CHECK enum status ddl__find_table(struct sql_session *session,
                                       const struct ast_relation *relation, const char *verb,
                                       const struct table_def **table_out);
MUST_CHECK enum status ddl__lock(struct sql_session *session, struct object_id table,
                                 enum table_lock_mode mode);
/* A name of PostgreSQL's making that is free: "t_a_key", "t_a_key1" ...; in cx->arena. */
MUST_CHECK enum status ddl__make_name(struct sql_session *session, uint32_t schema,
                                      const char *name1, const char *name2, const char *label,
                                      const char **name_out);
MUST_CHECK enum status ddl__add_constraint(struct sql_session *session, struct object_id table,
                                           const struct ast_constraint *constraint,
                                           struct sql_sink *sink);
bool ddl__has_column(const struct table_def *table, const char *name);
/* 42704 unless it is the one there is; NULL is fine. */
MUST_CHECK enum status ddl__check_tablespace(struct sql_context *cx, const char *name);
/* 23502 if a row has none; `column_no` from 0. */
MUST_CHECK enum status ddl__set_not_null(struct sql_session *session, struct object_id table,
                                         unsigned column_no);
MUST_CHECK enum status ddl__add_sequence(struct sql_session *session, uint32_t schema,
                                         const char *name, enum type_id type,
                                         const struct ast_create_sequence *options,
                                         struct object_id *id_out);
MUST_CHECK enum status ddl__bind_columns(struct sql_session *session,
                                         const struct ast_column_def *column,
                                         struct new_column *out);

MUST_CHECK enum status copy__start_in(struct sql_session *session, struct run *run,
                                      const struct ast_copy *statement, struct sql_sink *sink);
void copy__close_in(struct copy_in *copy); /* takes copy; NULL is fine */
MUST_CHECK enum status copy__out(struct sql_session *session, const struct ast_copy *statement,
                                 struct sql_sink *sink, uint64_t *row_count_out);

/* ---- script.c ---- */
void script__copy_done(struct sql_session *session, struct sql_result *result);

/* ---- portal.c ---- */
void portal__close_all(struct sql_session *session); /* at the end of a transaction */
/* Stores the rest of all suspended portals. */
MUST_CHECK enum status portal__store_all(struct sql_session *session, struct diag *diag);
void portal__free_spare(struct sql_session *session);

/* ---- session.c ---- */
const struct func_session_hooks *session__hooks(void);
