/* ledger_run.c: clients that insert, and note what they are told.
 *
 * A transaction is one of: a block of simple queries, a block of one query text, an autocommit
 * INSERT, a prepared INSERT, or a block that rolls back on purpose. What is known after each:
 *     connection lost or error before COMMIT was sent    -> refused: it must not be there
 *     COMMIT or an autocommit INSERT answered with a tag -> acknowledged
 *     answered with an error                             -> refused, but for those below
 *     08xxx, 40003, 57P01 to 57P03 (FATAL), or no answer -> unknown
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "tests/cluster/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAUSE_US                                                                               \
    5000 /* after a failure, so that a dead cluster is not asked in a tight loop               \
          */

/* ---- words with a server ---- */

PGconn *
ledger_connect(const char *port)
{
    const char *const keys[] = {"host", "port", "user", "dbname", "sslmode", "connect_timeout",
                                NULL};
    const char *const values[] = {"127.0.0.1", port, "postgres", "postgres",
                                  "disable",   "3",  NULL};
    PGconn *connection = PQconnectdbParams(keys, values, 0);
    if (PQstatus(connection) != CONNECTION_OK) {
        PQfinish(connection);
        return NULL;
    }
    return connection;
}

/* False: nothing more will come. */
static bool
wait_for_input(PGconn *connection, int64_t deadline_ns)
{
    while (PQisBusy(connection)) {
        int64_t left_ms = (deadline_ns - clock_monotonic_ns(clock_system())) / 1000000;
        struct pollfd wanted = {.fd = PQsocket(connection), .events = POLLIN};
        int ready = left_ms <= 0 ? 0 : poll(&wanted, 1, (int)left_ms);
        if (ready == 0 || (ready < 0 && errno != EINTR) ||
            (ready > 0 && !PQconsumeInput(connection))) {
            return false;
        }
    }
    return true;
}

/* The last result; an error wins over what follows it. */
static PGresult *
last_result(PGconn *connection)
{
    int64_t deadline_ns =
        clock_monotonic_ns(clock_system()) + (int64_t)LEDGER_QUERY_MS * 1000000;
    PGresult *last = NULL;
    for (;;) {
        if (!wait_for_input(connection, deadline_ns)) {
            PQclear(last);
            return NULL;
        }
        PGresult *next = PQgetResult(connection);
        if (next == NULL) {
            break;
        }
        if (last != NULL && PQresultStatus(last) == PGRES_FATAL_ERROR) {
            PQclear(next);
            continue;
        }
        PQclear(last);
        last = next;
    }
    /* libpq makes up a result without SQLSTATE when the connection breaks. */
    if (last != NULL && PQresultStatus(last) == PGRES_FATAL_ERROR &&
        PQresultErrorField(last, PG_DIAG_SQLSTATE) == NULL) {
        PQclear(last);
        return NULL;
    }
    return last;
}

PGresult *
ledger_query(PGconn *connection, const char *text)
{
    return PQsendQuery(connection, text) ? last_result(connection) : NULL;
}

static bool
good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* A session reads its own writes: after this every node that is up knows the table. */
static void
show_table(const struct ledger *ledger)
{
    for (unsigned i = 0; i < ledger->port_count; i++) {
        PGconn *connection = ledger_connect(ledger->ports[i]);
        if (connection != NULL) {
            PQclear(ledger_query(connection, "INSERT INTO ledger VALUES (-1, 0, '')"));
            PQclear(ledger_query(connection, "SELECT count(*) FROM ledger"));
            PQfinish(connection);
        }
    }
}

bool
ledger_create_table(const struct ledger *ledger)
{
    for (unsigned i = 0; i < ledger->port_count; i++) {
        PGconn *connection = ledger_connect(ledger->ports[i]);
        if (connection == NULL) {
            continue;
        }
        PGresult *result = ledger_query(
            connection, "DROP TABLE IF EXISTS ledger; "
                        "CREATE TABLE ledger (client int, number int8, gtid text)");
        bool done = result != NULL && good(result);
        if (!done) {
            fprintf(stderr, "ledger: port %s: %s", ledger->ports[i],
                    PQerrorMessage(connection));
        }
        PQclear(result);
        PQfinish(connection);
        if (done) {
            show_table(ledger);
            return true;
        }
    }
    return false;
}

enum answer
ledger_ask(PGconn *connection, const char *gtid)
{
    const char *values[] = {gtid};
    if (!PQsendQueryParams(connection, "SELECT rustydb_transaction_status($1)", 1, NULL, values,
                           NULL, NULL, 0)) {
        return ANSWER_NONE;
    }
    PGresult *result = last_result(connection);
    const char *word = result != NULL && PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : "";
    enum answer answer = strcmp(word, "committed") == 0     ? ANSWER_COMMITTED
                         : strcmp(word, "aborted") == 0     ? ANSWER_ABORTED
                         : strcmp(word, "in progress") == 0 ? ANSWER_OPEN
                                                            : ANSWER_NONE;
    PQclear(result);
    return answer;
}

/* ---- one client ---- */

struct entry *
ledger_add_entry(struct client *client)
{
    if (client->entry_count == client->entry_capacity) {
        client->entry_capacity = MAX(client->entry_capacity * 2, (size_t)4096);
        client->entries =
            realloc(client->entries, client->entry_capacity * sizeof(*client->entries));
        ASSERT(client->entries != NULL);
    }
    struct entry *entry = &client->entries[client->entry_count++];
    memset(entry, 0, sizeof(*entry));
    entry->port_index = (uint8_t)client->port_index;
    return entry;
}

static void
note_error(struct client *client, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (client->ledger->verbose) {
        fprintf(stderr, "ledger: client %u: %s %s", client->index, state,
                PQresultErrorMessage(result));
    }
    for (size_t i = 0; i < LEDGER_ERRORS_MAX; i++) {
        struct error_count *error = &client->errors[i];
        if (error->count == 0) {
            snprintf(error->state, sizeof(error->state), "%s", state);
        }
        if (strcmp(error->state, state) == 0) {
            error->count++;
            return;
        }
    }
}

static void
hang_up(struct client *client)
{
    PQfinish(client->connection);
    client->connection = NULL;
    client->port_index = (client->port_index + 1) % client->ledger->port_count;
}

/* A result that says whether the id is there: the tag or the error of COMMIT, or of an
 * autocommit INSERT. NULL: the connection is lost. */
static enum outcome
judge(struct client *client, const PGresult *result, const char *tag_wanted)
{
    if (result == NULL) {
        return OUTCOME_UNKNOWN;
    }
    if (good(result)) {
        return strncmp(PQcmdStatus((PGresult *)(uintptr_t)result), tag_wanted,
                       strlen(tag_wanted)) == 0
                   ? OUTCOME_ACKNOWLEDGED
                   : OUTCOME_REFUSED;
    }
    note_error(client, result);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    bool open = strncmp(state, "08", 2) == 0 || strncmp(state, "57P0", 4) == 0 ||
                strcmp(state, "40003") == 0;
    return open ? OUTCOME_UNKNOWN : OUTCOME_REFUSED;
}

/* 08007 carries the gtid in its detail: digits and dashes, at least three dashes. */
static void
read_gtid_of_error(const PGresult *result, struct entry *entry)
{
    const char *detail =
        result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    for (const char *at = detail; at != NULL && *at != '\0' && entry->gtid[0] == '\0';) {
        size_t size = strspn(at, "0123456789-"), dashes = 0;
        for (size_t i = 0; i < size; i++) {
            dashes += at[i] == '-';
        }
        if (dashes == 3 && size < LEDGER_GTID_SIZE) {
            snprintf(entry->gtid, sizeof(entry->gtid), "%.*s", (int)size, at);
        }
        at += MAX(size, (size_t)1);
    }
}

/* True: go on with the transaction. Otherwise it is refused, for COMMIT was not sent. */
static bool
step(struct client *client, const char *text, struct entry *entry)
{
    PGresult *result = ledger_query(client->connection, text);
    bool went = result != NULL && good(result);
    if (went && entry != NULL && PQntuples(result) == 1) {
        snprintf(entry->gtid, sizeof(entry->gtid), "%s", PQgetvalue(result, 0, 0));
    }
    if (result != NULL && !went) {
        note_error(client, result);
    }
    bool lost = result == NULL || PQstatus(client->connection) != CONNECTION_OK;
    PQclear(result);
    if (went && entry != NULL && PQtransactionStatus(client->connection) != PQTRANS_INTRANS) {
        client->stray_count++; /* the server ran a block's statement outside of the block */
    }
    if (!went && lost) {
        client->losses++;
        hang_up(client);
    } else if (!went && PQtransactionStatus(client->connection) != PQTRANS_IDLE) {
        PQclear(ledger_query(client->connection, "ROLLBACK"));
    }
    return went;
}

static void
insert_text(char text[256], const struct client *client)
{
    snprintf(text, 256, "INSERT INTO ledger VALUES (%u, %zu, rustydb_current_gtid())",
             client->index, client->entry_count);
}

/* Notes what the result says, and whether the connection lives. Takes the result. */
static void
settle(struct client *client, struct entry *entry, PGresult *result, const char *tag)
{
    entry->end_us = clock_wall_us(clock_system());
    entry->outcome = (uint8_t)judge(client, result, tag);
    read_gtid_of_error(result, entry);
    bool lost = result == NULL || PQstatus(client->connection) != CONNECTION_OK;
    PQclear(result);
    if (lost) {
        client->losses++;
        hang_up(client);
    }
}

/* Now and then a block lies idle, so that its primary dies between two statements. */
static void
dawdle(struct client *client)
{
    if (rng_below(&client->rng, 20) == 0) {
        usleep((useconds_t)rng_below(&client->rng, 300000));
    }
}

static void
run_block(struct client *client, struct entry *entry, bool roll_back)
{
    char insert[256];
    insert_text(insert, client);
    if (!step(client, "BEGIN", NULL)) {
        return;
    }
    dawdle(client);
    if (!step(client, insert, NULL)) {
        return;
    }
    dawdle(client);
    if (!step(client, "SELECT rustydb_current_gtid()", entry)) {
        return;
    }
    dawdle(client);
    if (roll_back) {
        (void)step(client, "ROLLBACK", NULL);
        return;
    }
    settle(client, entry, ledger_query(client->connection, "COMMIT"), "COMMIT");
}

static void
run_block_in_one_text(struct client *client, struct entry *entry)
{
    char insert[256], text[320];
    insert_text(insert, client);
    snprintf(text, sizeof(text), "BEGIN; %s; COMMIT", insert);
    settle(client, entry, ledger_query(client->connection, text), "COMMIT");
    if (client->connection != NULL && PQtransactionStatus(client->connection) != PQTRANS_IDLE) {
        PQclear(ledger_query(client->connection, "ROLLBACK"));
    }
}

static void
run_autocommit(struct client *client, struct entry *entry)
{
    char insert[256];
    insert_text(insert, client);
    settle(client, entry, ledger_query(client->connection, insert), "INSERT 0 1");
}

static void
run_prepared(struct client *client, struct entry *entry)
{
    char index[16], number[24];
    const char *values[] = {index, number};
    snprintf(index, sizeof(index), "%u", client->index);
    snprintf(number, sizeof(number), "%zu", client->entry_count);
    PGresult *result = PQsendQueryPrepared(client->connection, "put", 2, values, NULL, NULL, 0)
                           ? last_result(client->connection)
                           : NULL;
    settle(client, entry, result, "INSERT 0 1");
}

static void
run_transaction(struct client *client)
{
    int64_t begin_us = clock_wall_us(clock_system());
    struct entry *entry = ledger_add_entry(client);
    entry->begin_us = begin_us;
    uint64_t draw = rng_below(&client->rng, 100);
    if (draw < 45) {
        run_block(client, entry, false);
    } else if (draw < 50) {
        run_block(client, entry, true);
    } else if (draw < 60) {
        run_block_in_one_text(client, entry);
    } else if (draw < 80) {
        run_autocommit(client, entry);
    } else {
        run_prepared(client, entry);
    }
    if (entry->outcome == OUTCOME_UNKNOWN && entry->gtid[0] != '\0' &&
        client->connection != NULL) {
        entry->answer = (uint8_t)ledger_ask(client->connection, entry->gtid);
    }
    if (client->connection == NULL || entry->outcome != OUTCOME_ACKNOWLEDGED) {
        usleep(PAUSE_US);
    }
}

/* By PREPARE or by the protocol's Parse: a router has to take both along. A node that has just
 * come back may not have the table yet: then another one is tried. */
static bool
prepare(struct client *client)
{
    static const char insert[] = "INSERT INTO ledger VALUES ($1, $2, rustydb_current_gtid())";
    char text[256];
    snprintf(text, sizeof(text), "PREPARE put (int, int8) AS %s", insert);
    bool sent = rng_below(&client->rng, 2) == 0
                    ? PQsendQuery(client->connection, text)
                    : PQsendPrepare(client->connection, "put", insert, 0, NULL);
    PGresult *result = sent ? last_result(client->connection) : NULL;
    bool went = result != NULL && good(result);
    if (result != NULL && !went &&
        strcmp(PQresultErrorField(result, PG_DIAG_SQLSTATE), "42P01") != 0) {
        note_error(client, result);
    }
    PQclear(result);
    if (!went) {
        client->losses++;
        hang_up(client);
    }
    return went;
}

static bool
ready(struct client *client)
{
    if (client->connection != NULL && rng_below(&client->rng, 500) == 0) {
        hang_up(client); /* another node now and then, also without a failure */
    }
    if (client->connection != NULL) {
        return true;
    }
    client->connection = ledger_connect(client->ledger->ports[client->port_index]);
    if (client->connection == NULL) {
        hang_up(client);
        usleep(PAUSE_US);
        return false;
    }
    client->connects++;
    return prepare(client);
}

void
ledger_run_client(void *arg)
{
    struct client *client = arg;
    while (!atomic_load(&client->ledger->stop)) {
        if (ready(client)) {
            run_transaction(client);
        }
    }
    PQfinish(client->connection);
    client->connection = NULL;
}
