/* ledger.c: ledger --ports P1,P2,.. [--clients N] [--seconds S] [--seed N] [--times FILE]
 *                  [--journal FILE] [--check] [--settle S] [--verbose]
 *
 * Inserts rows for S seconds (0: until SIGTERM or SIGINT), then checks every node. With
 * --journal it leaves what it was told in a file; --check inserts nothing, and checks the
 * cluster against such a file. --times writes "begin_us end_us port" of each acknowledged
 * insert. Exit status 1 on any violation; the seed is on the first line.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/cluster/ledger.h"
#include "base/clock.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL_US 20000
#define SETTLE_SECONDS 60

struct arguments {
    struct ledger ledger;
    const char *times_path, *journal_path;
    bool check_only;
};

static int
usage(void)
{
    fprintf(stderr, "usage: ledger --ports P1,P2,.. [--clients N] [--seconds S] [--seed N]\n"
                    "              [--times FILE] [--journal FILE] [--check] [--settle S] "
                    "[--verbose]\n");
    return 2;
}

static bool
read_number(const char *text, int64_t max, int64_t *number_out)
{
    char *end = NULL;
    *number_out = strtoll(text, &end, 10);
    return *text != '\0' && *end == '\0' && *number_out >= 0 && *number_out <= max;
}

static bool
read_ports(char *text, struct ledger *ledger)
{
    char *rest = NULL;
    for (char *port = strtok_r(text, ",", &rest); port != NULL;
         port = strtok_r(NULL, ",", &rest)) {
        if (ledger->port_count == LEDGER_NODES_MAX) {
            return false;
        }
        ledger->ports[ledger->port_count++] = port;
    }
    return ledger->port_count > 0;
}

static bool
read_arguments(int argc, char **argv, struct arguments *out)
{
    static const struct option options[] = {
        {"ports", required_argument, NULL, 'p'},   {"clients", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 's'}, {"seed", required_argument, NULL, 'e'},
        {"times", required_argument, NULL, 't'},   {"journal", required_argument, NULL, 'j'},
        {"check", no_argument, NULL, 'k'},         {"settle", required_argument, NULL, 'S'},
        {"verbose", no_argument, NULL, 'v'},       {NULL, 0, NULL, 0}};
    struct ledger *ledger = &out->ledger;
    int64_t clients = 8, seed = (int64_t)(clock_wall_us(clock_system()) % 1000000007);
    ledger->seconds = 10;
    ledger->settle_seconds = SETTLE_SECONDS;
    bool good = true;
    for (int option; good && (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'p':
            good = read_ports(optarg, ledger);
            break;
        case 'c':
            good = read_number(optarg, LEDGER_CLIENTS_MAX, &clients) && clients > 0;
            break;
        case 's':
            good = read_number(optarg, 86400, &ledger->seconds);
            break;
        case 'e':
            good = read_number(optarg, INT64_MAX, &seed);
            break;
        case 't':
            out->times_path = optarg;
            break;
        case 'j':
            out->journal_path = optarg;
            break;
        case 'k':
            out->check_only = true;
            break;
        case 'S':
            good = read_number(optarg, 3600, &ledger->settle_seconds);
            break;
        case 'v':
            ledger->verbose = true;
            break;
        default:
            good = false;
        }
    }
    ledger->client_count = (unsigned)clients;
    ledger->seed = (uint64_t)seed;
    return good && optind == argc && ledger->port_count > 0 &&
           (!out->check_only || out->journal_path != NULL);
}

/* ---- files ---- */

static bool
write_journal(const struct ledger *ledger, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return false;
    }
    fprintf(file, "%u %" PRIu64 "\n", ledger->client_count, ledger->seed);
    for (unsigned c = 0; c < ledger->client_count; c++) {
        const struct client *client = &ledger->clients[c];
        for (size_t i = 0; i < client->entry_count; i++) {
            const struct entry *entry = &client->entries[i];
            fprintf(file, "%u %zu %u %u %s\n", c, i + 1, entry->outcome, entry->answer,
                    entry->gtid[0] == '\0' ? "-" : entry->gtid);
        }
    }
    return fclose(file) == 0;
}

static void
make_clients(struct ledger *ledger)
{
    ledger->clients = calloc(ledger->client_count, sizeof(*ledger->clients));
    ASSERT(ledger->clients != NULL);
    for (unsigned c = 0; c < ledger->client_count; c++) {
        struct client *client = &ledger->clients[c];
        client->ledger = ledger;
        client->index = c;
        client->port_index = c % ledger->port_count;
        rng_seed(&client->rng, ledger->seed * LEDGER_CLIENTS_MAX + c);
    }
}

static bool
read_journal(struct ledger *ledger, const char *path)
{
    FILE *file = fopen(path, "r");
    char gtid[LEDGER_GTID_SIZE];
    unsigned client_index, outcome, answer;
    size_t number;
    if (file == NULL) {
        return false;
    }
    bool good = fscanf(file, "%u %" SCNu64, &ledger->client_count, &ledger->seed) == 2 &&
                ledger->client_count > 0 && ledger->client_count <= LEDGER_CLIENTS_MAX;
    if (good) {
        make_clients(ledger);
    }
    while (good && fscanf(file, "%u %zu %u %u %87s", &client_index, &number, &outcome, &answer,
                          gtid) == 5) {
        struct client *client =
            client_index < ledger->client_count ? &ledger->clients[client_index] : NULL;
        good = client != NULL && number == client->entry_count + 1;
        if (good) {
            struct entry *entry = ledger_add_entry(client);
            entry->outcome = (uint8_t)outcome;
            entry->answer = (uint8_t)answer;
            snprintf(entry->gtid, sizeof(entry->gtid), "%s",
                     strcmp(gtid, "-") == 0 ? "" : gtid);
        }
    }
    good &= feof(file) != 0;
    fclose(file);
    return good;
}

static bool
write_times(const struct ledger *ledger, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return false;
    }
    for (unsigned c = 0; c < ledger->client_count; c++) {
        const struct client *client = &ledger->clients[c];
        for (size_t i = 0; i < client->entry_count; i++) {
            const struct entry *entry = &client->entries[i];
            if (entry->outcome == OUTCOME_ACKNOWLEDGED) {
                fprintf(file, "%" PRId64 " %" PRId64 " %s\n", entry->begin_us, entry->end_us,
                        ledger->ports[entry->port_index]);
            }
        }
    }
    return fclose(file) == 0;
}

/* ---- running ---- */

/* SIGTERM and SIGINT are blocked everywhere and taken here. */
static void
wait_for_end(struct ledger *ledger, const sigset_t *signals)
{
    int64_t begin_ns = clock_monotonic_ns(clock_system());
    const struct timespec poll = {.tv_nsec = (long)POLL_US * 1000};
    while (sigtimedwait(signals, NULL, &poll) < 0) {
        int64_t ran_ns = clock_monotonic_ns(clock_system()) - begin_ns;
        if (ledger->seconds > 0 && ran_ns > ledger->seconds * 1000 * 1000 * 1000) {
            break;
        }
    }
    atomic_store(&ledger->stop, true);
}

static bool
run_clients(struct ledger *ledger)
{
    sigset_t signals;
    struct diag diag = {0};
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (!ledger_create_table(ledger)) {
        fprintf(stderr, "ledger: the table could not be made\n");
        return false;
    }
    make_clients(ledger);
    for (unsigned c = 0; c < ledger->client_count; c++) {
        struct client *client = &ledger->clients[c];
        if (thread_start(&client->thread, THREAD_ANY, "client", ledger_run_client, client,
                         &diag) != STATUS_OK) {
            fprintf(stderr, "ledger: %s\n", diag.message);
            exit(2);
        }
    }
    wait_for_end(ledger, &signals);
    for (unsigned c = 0; c < ledger->client_count; c++) {
        thread_join(&ledger->clients[c].thread);
    }
    return true;
}

static void
free_clients(struct ledger *ledger)
{
    for (unsigned c = 0; ledger->clients != NULL && c < ledger->client_count; c++) {
        free(ledger->clients[c].entries);
    }
    free(ledger->clients);
}

int
main(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct ledger *ledger = &arguments.ledger;
    if (!read_arguments(argc, argv, &arguments)) {
        return usage();
    }
    printf("seed=%" PRIu64 "\n", ledger->seed);
    fflush(stdout);
    bool good = arguments.check_only ? read_journal(ledger, arguments.journal_path)
                                     : run_clients(ledger);
    if (!good) {
        fprintf(stderr, "ledger: could not %s\n",
                arguments.check_only ? "read the journal" : "run");
        return 2;
    }
    good = ledger_check(ledger);
    if (arguments.times_path != NULL && !write_times(ledger, arguments.times_path)) {
        perror(arguments.times_path);
        good = false;
    }
    if (!arguments.check_only && arguments.journal_path != NULL &&
        !write_journal(ledger, arguments.journal_path)) {
        perror(arguments.journal_path);
        good = false;
    }
    free_clients(ledger);
    return good ? 0 : 1;
}
