/* ledger.h: a client that knows what it was promised, and checks.
 *
 * Promises: every id (client, number) is sent once and never again. After the run each is one
 *           of: acknowledged, refused (the server said that it is not committed, or COMMIT was
 *           never sent) or unknown; unknown ones are asked for by gtid. The table has no unique
 *           key, so that an insert that the system repeats by itself shows.
 * Owns:     the table "ledger". One struct client a thread; nothing is shared while they run.
 * See:      ledger_run.c (inserts), ledger_check.c (what is found on every node).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/rng.h"
#include "base/thread.h"

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_NODES_MAX 5
#define LEDGER_CLIENTS_MAX 256
#define LEDGER_GTID_SIZE 88
#define LEDGER_ERRORS_MAX 16
#define LEDGER_QUERY_MS                                                                        \
    15000 /* a statement without an answer for so long is a lost connection */

enum outcome { OUTCOME_REFUSED = 0, OUTCOME_ACKNOWLEDGED, OUTCOME_UNKNOWN };
enum answer { ANSWER_NONE = 0, ANSWER_COMMITTED, ANSWER_ABORTED, ANSWER_OPEN };

struct entry {
    int64_t begin_us, end_us; /* wall clock */
    uint8_t outcome, answer, port_index;
    uint8_t seen[LEDGER_NODES_MAX]; /* rows found on each node; stops at 255 */
    char gtid[LEDGER_GTID_SIZE];    /* empty: never learned */
};

struct ledger {
    const char *ports[LEDGER_NODES_MAX];
    unsigned port_count, client_count;
    int64_t seconds, settle_seconds;
    uint64_t seed;
    bool verbose;
    atomic_bool stop; /* set by a signal or the clock; clients look at it between ids */
    struct client *clients;
};

/* How often the server answered with an error, by SQLSTATE. */
struct error_count {
    char state[6];
    uint64_t count;
};

struct client {
    struct ledger *ledger;
    unsigned index, port_index; /* where it is connected, or tries next */
    struct thread thread;
    struct rng rng;
    PGconn *connection; /* NULL: none */
    struct entry *entries;
    size_t entry_count, entry_capacity;
    uint64_t connects, losses, stray_count;
    struct error_count errors[LEDGER_ERRORS_MAX];
};

/* ---- ledger_run.c ---- */

/* NULL: it could not be reached now. */
PGconn *ledger_connect(const char *port);
/* NULL: the connection was lost, or there was no answer for LEDGER_QUERY_MS. */
PGresult *ledger_query(PGconn *connection, const char *text);
bool ledger_create_table(const struct ledger *ledger);
/* The next id of the client; the pointer is good until the next call. */
struct entry *ledger_add_entry(struct client *client);
/* A thread's life: inserts until ledger->stop. */
void ledger_run_client(void *client);
/* What rustydb_transaction_status(gtid) says there. */
enum answer ledger_ask(PGconn *connection, const char *gtid);

/* ---- ledger_check.c ---- */

/* Asks for what is unknown, reads the table on every node, says on stdout what it found.
 * False: something is wrong. */
bool ledger_check(struct ledger *ledger);
