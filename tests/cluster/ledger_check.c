/* ledger_check.c: what became of every id, on every node.
 *
 * Each node is first made to commit a row of its own: its reads after that show everything that
 * was committed before, for a session sees its own writes and log order is visibility order.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "tests/cluster/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRY_US 50000
#define SHOWN_MAX 10 /* violations named one by one */

struct findings {
    uint64_t acknowledged, refused, unknown, told_committed, told_aborted;
    uint64_t lost, doubled, contradicted, differing, alien, undecided, unreachable, wrong_gtid,
        stray;
    unsigned shown;
};

static void
show(struct findings *findings, const char *what, const struct client *client, size_t number)
{
    const struct entry *entry = &client->entries[number - 1];
    if (findings->shown++ < SHOWN_MAX) {
        printf("%s: client=%u number=%zu gtid=%s outcome=%u answer=%u begin_us=%" PRId64
               " end_us=%" PRId64 " port=%s seen=",
               what, client->index, number, entry->gtid, entry->outcome, entry->answer,
               entry->begin_us, entry->end_us, client->ledger->ports[entry->port_index]);
        for (unsigned i = 0; i < client->ledger->port_count; i++) {
            printf("%s%u", i == 0 ? "" : ",", entry->seen[i]);
        }
        printf("\n");
    }
}

static bool
late(const struct ledger *ledger, int64_t since_ns)
{
    return clock_monotonic_ns(clock_system()) - since_ns >
           ledger->settle_seconds * 1000 * 1000 * 1000;
}

/* ---- reading ---- */

static void
note_row(struct ledger *ledger, unsigned port_index, const PGresult *rows, int row,
         struct findings *findings)
{
    long client_index = strtol(PQgetvalue(rows, row, 0), NULL, 10);
    unsigned long long number = strtoull(PQgetvalue(rows, row, 1), NULL, 10);
    if (client_index < 0) {
        return; /* a node's own row */
    }
    struct client *client =
        client_index < (long)ledger->client_count ? &ledger->clients[client_index] : NULL;
    if (client == NULL || number == 0 || number > client->entry_count) {
        findings->alien++;
        return;
    }
    struct entry *entry = &client->entries[number - 1];
    if (entry->seen[port_index] < UINT8_MAX) {
        entry->seen[port_index]++;
    }
    if (entry->gtid[0] == '\0') { /* stored with the row: good for asking, too */
        snprintf(entry->gtid, sizeof(entry->gtid), "%s", PQgetvalue(rows, row, 2));
    } else if (strcmp(entry->gtid, PQgetvalue(rows, row, 2)) != 0) {
        findings->wrong_gtid++;
        show(findings, "gtid differs from the stored one", client, number);
    }
}

static bool
query_good(PGconn *connection, const char *text, PGresult **result_out)
{
    *result_out = ledger_query(connection, text);
    ExecStatusType status = PQresultStatus(*result_out);
    return *result_out != NULL && (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK);
}

static PGresult *
read_once(const char *port)
{
    PGconn *connection = ledger_connect(port);
    PGresult *result = NULL, *rows = NULL;
    if (connection == NULL) {
        return NULL;
    }
    bool wrote = query_good(connection, "INSERT INTO ledger VALUES (-1, 0, '')", &result);
    if (wrote && !query_good(connection, "SELECT client, number, gtid FROM ledger", &rows)) {
        fprintf(stderr, "ledger: port %s: %s", port, PQerrorMessage(connection));
        PQclear(rows);
        rows = NULL;
    }
    PQclear(result);
    PQfinish(connection);
    return rows;
}

static void
read_node(struct ledger *ledger, unsigned port_index, struct findings *findings)
{
    int64_t since_ns = clock_monotonic_ns(clock_system());
    PGresult *rows = NULL;
    while (rows == NULL && !late(ledger, since_ns)) {
        rows = read_once(ledger->ports[port_index]);
        if (rows == NULL) {
            usleep(RETRY_US);
        }
    }
    if (rows == NULL) {
        printf("port %s: neither writes nor reads in %" PRId64 " s\n",
               ledger->ports[port_index], ledger->settle_seconds);
        findings->unreachable++;
    }
    for (int row = 0; row < PQntuples(rows); row++) {
        note_row(ledger, port_index, rows, row, findings);
    }
    PQclear(rows);
}

/* ---- asking ---- */

/* Every node is asked, and each must say the same in the end. */
static void
ask_node(struct ledger *ledger, unsigned port_index, struct findings *findings)
{
    int64_t since_ns = clock_monotonic_ns(clock_system());
    PGconn *connection = NULL;
    for (unsigned c = 0; c < ledger->client_count; c++) {
        struct client *client = &ledger->clients[c];
        for (size_t i = 0; i < client->entry_count; i++) {
            struct entry *entry = &client->entries[i];
            enum answer answer = ANSWER_NONE;
            if (entry->outcome != OUTCOME_UNKNOWN || entry->gtid[0] == '\0') {
                continue;
            }
            while (answer != ANSWER_COMMITTED && answer != ANSWER_ABORTED &&
                   !late(ledger, since_ns)) {
                if (connection == NULL || PQstatus(connection) != CONNECTION_OK) {
                    PQfinish(connection);
                    connection = ledger_connect(ledger->ports[port_index]);
                }
                answer = connection == NULL ? ANSWER_NONE : ledger_ask(connection, entry->gtid);
                if (answer != ANSWER_COMMITTED && answer != ANSWER_ABORTED) {
                    usleep(RETRY_US);
                }
            }
            bool known = answer == ANSWER_COMMITTED || answer == ANSWER_ABORTED;
            bool known_before =
                entry->answer == ANSWER_COMMITTED || entry->answer == ANSWER_ABORTED;
            if (!known) {
                findings->undecided++;
                show(findings, "no outcome to be learned", client, i + 1);
            } else if (known_before && entry->answer != answer) {
                findings->contradicted++;
                show(findings, "two answers for one gtid", client, i + 1);
            }
            entry->answer = (uint8_t)(known ? answer : (enum answer)entry->answer);
        }
    }
    PQfinish(connection);
}

/* ---- judging ---- */

static void
judge_unknown(struct client *client, size_t number, bool there, struct findings *findings)
{
    const struct entry *entry = &client->entries[number - 1];
    findings->unknown++;
    findings->told_committed += entry->answer == ANSWER_COMMITTED;
    findings->told_aborted += entry->answer == ANSWER_ABORTED;
    if ((entry->answer == ANSWER_COMMITTED && !there) ||
        (entry->answer == ANSWER_ABORTED && there)) {
        findings->contradicted++;
        show(findings, "the status says otherwise", client, number);
    }
}

static void
judge_entry(struct client *client, size_t number, struct findings *findings)
{
    const struct entry *entry = &client->entries[number - 1];
    uint8_t most = 0, least = UINT8_MAX;
    for (unsigned i = 0; i < client->ledger->port_count; i++) {
        most = MAX(most, entry->seen[i]);
        least = MIN(least, entry->seen[i]);
    }
    if (most > 1) {
        findings->doubled++;
        show(findings, "doubled", client, number);
    }
    if (most != least && entry->outcome != OUTCOME_ACKNOWLEDGED) {
        findings->differing++;
        show(findings, "nodes differ", client, number);
    }
    if (entry->outcome == OUTCOME_ACKNOWLEDGED) {
        findings->acknowledged++;
        if (least == 0) {
            findings->lost++;
            show(findings, "lost", client, number);
        }
    } else if (entry->outcome == OUTCOME_REFUSED) {
        findings->refused++;
        if (most > 0) {
            findings->contradicted++;
            show(findings, "refused, but there", client, number);
        }
    } else {
        judge_unknown(client, number, most > 0, findings);
    }
}

/* ---- the whole ---- */

static int
compare_times(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The longest time between two acknowledgements, of whatever clients. */
static int64_t
longest_gap_us(const struct ledger *ledger)
{
    size_t count = 0, room = 0;
    for (unsigned c = 0; c < ledger->client_count; c++) {
        room += ledger->clients[c].entry_count;
    }
    int64_t *times = calloc(room + 1, sizeof(*times));
    ASSERT(times != NULL);
    for (unsigned c = 0; c < ledger->client_count; c++) {
        for (size_t i = 0; i < ledger->clients[c].entry_count; i++) {
            const struct entry *entry = &ledger->clients[c].entries[i];
            if (entry->outcome == OUTCOME_ACKNOWLEDGED) {
                times[count++] = entry->end_us;
            }
        }
    }
    qsort(times, count, sizeof(*times), compare_times);
    int64_t longest = 0;
    for (size_t i = 1; i < count; i++) {
        longest = MAX(longest, times[i] - times[i - 1]);
    }
    free(times);
    return longest;
}

/* What a client has to live with when nodes die: retry, in doubt, not now. */
static bool
is_expected(const char *state)
{
    static const char *const states[] = {"40001", "08006", "08007", "57P01", "57P02", "57P03"};
    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        if (strcmp(states[i], state) == 0) {
            return true;
        }
    }
    return false;
}

/* Returns how many were errors that no client should see. */
static uint64_t
print_errors(const struct ledger *ledger)
{
    uint64_t unexpected = 0;
    struct error_count sums[64] = {0};
    for (unsigned c = 0; c < ledger->client_count; c++) {
        for (size_t i = 0; i < LEDGER_ERRORS_MAX; i++) {
            const struct error_count *error = &ledger->clients[c].errors[i];
            for (size_t k = 0; error->count > 0 && k < ARRAY_SIZE(sums); k++) {
                if (sums[k].count == 0 || strcmp(sums[k].state, error->state) == 0) {
                    memcpy(sums[k].state, error->state, sizeof(error->state));
                    sums[k].count += error->count;
                    break;
                }
            }
        }
    }
    printf("errors:");
    for (size_t k = 0; k < ARRAY_SIZE(sums) && sums[k].count > 0; k++) {
        printf(" %s=%" PRIu64, sums[k].state, sums[k].count);
        unexpected += is_expected(sums[k].state) ? 0 : sums[k].count;
    }
    printf("\n");
    return unexpected;
}

bool
ledger_check(struct ledger *ledger)
{
    struct findings f = {0};
    uint64_t losses = 0;
    for (unsigned i = 0; i < ledger->port_count; i++) {
        read_node(ledger, i, &f);
    }
    for (unsigned i = 0; i < ledger->port_count && f.unreachable == 0; i++) {
        ask_node(ledger, i, &f);
    }
    for (unsigned c = 0; c < ledger->client_count; c++) {
        losses += ledger->clients[c].losses;
        f.stray += ledger->clients[c].stray_count;
        for (size_t i = 0; i < ledger->clients[c].entry_count; i++) {
            judge_entry(&ledger->clients[c], i + 1, &f);
        }
    }
    uint64_t unexpected = print_errors(ledger);
    bool fine = unexpected + f.stray == 0 && f.acknowledged > 0 &&
                f.lost + f.doubled + f.contradicted + f.differing + f.alien + f.undecided +
                        f.unreachable + f.wrong_gtid ==
                    0;
    printf("ledger: seed=%" PRIu64 " acknowledged=%" PRIu64 " refused=%" PRIu64
           " unknown=%" PRIu64 " (told committed=%" PRIu64 " aborted=%" PRIu64
           ") connections_lost=%" PRIu64 " longest_gap_ms=%" PRId64 " lost=%" PRIu64
           " doubled=%" PRIu64 " contradicted=%" PRIu64 " differing=%" PRIu64 " alien=%" PRIu64
           " undecided=%" PRIu64 " wrong_gtid=%" PRIu64 " unreachable=%" PRIu64
           " unexpected_errors=%" PRIu64 " stray=%" PRIu64 " %s\n",
           ledger->seed, f.acknowledged, f.refused, f.unknown, f.told_committed, f.told_aborted,
           losses, longest_gap_us(ledger) / 1000, f.lost, f.doubled, f.contradicted,
           f.differing, f.alien, f.undecided, f.wrong_gtid, f.unreachable, unexpected, f.stray,
           fine ? "ok" : "VIOLATED");
    return fine;
}
