/* cluster_main.c: rusty-db-cluster: status and control of a cluster, and clusters on this
 * machine.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/macros.h"
#include "cli/connect.h"
#include "cli/http.h"
#include "cli/local.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_SECONDS_MAX 30 /* beside the drain: catching up and the change itself */

struct arguments {
    struct connect_options connect;
    const char *verb, *from, *to;
    double drain_seconds;
    bool json;
};

static int
usage(FILE *to)
{
    fprintf(
        to,
        "Usage: rusty-db-cluster --status [-o json]\n"
        "       rusty-db-cluster --switchover --from NODE --to NODE [--drain-timeout SECONDS]\n"
        "       rusty-db-cluster local VERB ...   (local --help)\n\n"
        "Each verb is also spelled without dashes. Where the cluster is:\n"
        "      --dir DIR             a local cluster's directory (default: $RUSTYDB_DIR)\n"
        "  -h, --host H, -p, --port P  any of its nodes (127.0.0.1, 5432)\n"
        "      --version, --help\n");
    return to == stdout ? 0 : 2;
}

static const char *
verb_of(const char *word)
{
    static const char *const verbs[] = {"status", "switchover"};
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(word, verbs[i]) == 0) {
            return verbs[i];
        }
    }
    return NULL;
}

/* 0: go on; otherwise the exit status + 1. */
static int
read_arguments(int argc, char **argv, struct arguments *arguments)
{
    static const struct option options[] = {{"status", no_argument, NULL, 'S'},
                                            {"switchover", no_argument, NULL, 'W'},
                                            {"from", required_argument, NULL, 'F'},
                                            {"to", required_argument, NULL, 'T'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"drain-timeout", required_argument, NULL, 't'},
                                            {"host", required_argument, NULL, 'h'},
                                            {"port", required_argument, NULL, 'p'},
                                            {"dir", required_argument, NULL, 'D'},
                                            {"user", required_argument, NULL, 'U'},
                                            {"version", no_argument, NULL, 'V'},
                                            {"help", no_argument, NULL, 'H'},
                                            {NULL, 0, NULL, 0}};
    connect_options_init(&arguments->connect);
    arguments->drain_seconds = 5;
    for (int option; (option = getopt_long(argc, argv, "o:h:p:", options, NULL)) != -1;) {
        char *end = NULL;
        switch (option) {
        case 'S':
            arguments->verb = "status";
            break;
        case 'W':
            arguments->verb = "switchover";
            break;
        case 'F':
            arguments->from = optarg;
            break;
        case 'T':
            arguments->to = optarg;
            break;
        case 'o':
            arguments->json = strcmp(optarg, "json") == 0;
            if (!arguments->json && strcmp(optarg, "table") != 0) {
                fprintf(stderr, "--output is table or json, not \"%s\"\n", optarg);
                return 3;
            }
            break;
        case 't':
            arguments->drain_seconds = strtod(optarg, &end);
            if (*end != '\0' || end == optarg ||
                !(arguments->drain_seconds >= 0 && arguments->drain_seconds <= 3600)) {
                fprintf(stderr, "--drain-timeout takes 0 to 3600 seconds\n");
                return 3;
            }
            break;
        case 'V':
            printf("rusty-db-cluster %s\n", RUSTYDB_VERSION);
            return 1;
        case 'H':
            return usage(stdout) + 1;
        default:
            if (!connect_option(&arguments->connect, option, optarg)) {
                return usage(stderr) + 1;
            }
        }
    }
    if (optind < argc && arguments->verb == NULL) {
        arguments->verb = verb_of(argv[optind]);
        optind += arguments->verb != NULL;
    }
    if (optind < argc) {
        fprintf(stderr, "unexpected argument \"%s\"\n", argv[optind]);
    }
    return optind < argc || arguments->verb == NULL ? usage(stderr) + 1 : 0;
}

/* ---- status ---- */

static PGresult *
ask_nodes(PGconn *connection)
{
    PGresult *result =
        PQexec(connection,
               "SELECT node_name, role, membership, status, version, sql_port, log_position, "
               "applied_position, replication_lag_seconds, api_port FROM v_cluster_nodes "
               "ORDER BY node_name");
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        fprintf(stderr, "%s", PQresultErrorMessage(result));
        PQclear(result);
        return NULL;
    }
    return result;
}

static json_t *
cell(const PGresult *nodes, int row, int column, bool number)
{
    const char *text = PQgetvalue(nodes, row, column);
    if (PQgetisnull(nodes, row, column)) {
        return json_null();
    }
    if (!number) {
        return json_string(text);
    }
    return column == 8 ? json_real(strtod(text, NULL)) : json_integer(strtoll(text, NULL, 10));
}

static void
print_json(const PGresult *nodes, const char *cluster)
{
    static const char *const names[] = {
        "name",     "role",         "membership",       "status",     "version",
        "sql_port", "log_position", "applied_position", "lag_seconds"};
    json_t *array = json_array(), *primary = json_null();
    for (int row = 0; row < PQntuples(nodes); row++) {
        json_t *node = json_object();
        for (int column = 0; column < (int)ARRAY_SIZE(names); column++) {
            json_object_set_new(node, names[column], cell(nodes, row, column, column >= 5));
        }
        if (strcmp(PQgetvalue(nodes, row, 1), "primary") == 0) {
            primary = json_string(PQgetvalue(nodes, row, 0));
        }
        json_array_append_new(array, node);
    }
    json_t *object =
        json_pack("{s:s, s:o, s:o}", "cluster", cluster, "primary", primary, "nodes", array);
    /* 15 digits are as exact as microseconds need, and none of them is noise. */
    json_dumpf(object, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15));
    putchar('\n');
    json_decref(object);
}

static int
status(PGconn *connection, bool json)
{
    PGresult *nodes = ask_nodes(connection);
    if (nodes == NULL) {
        return 1;
    }
    PGresult *name = PQexec(connection, "SHOW cluster_name");
    if (json) {
        print_json(nodes, PQntuples(name) == 1 ? PQgetvalue(name, 0, 0) : "");
    } else {
        PQprintOpt options = {.header = 1, .align = 1, .fieldSep = (char[]){"|"}};
        PQprint(stdout, nodes, &options);
    }
    PQclear(name);
    PQclear(nodes);
    return 0;
}

/* ---- switchover ---- */

static int
port_of_primary(const PGresult *nodes, char name_out[64])
{
    for (int row = 0; row < PQntuples(nodes); row++) {
        if (strcmp(PQgetvalue(nodes, row, 1), "primary") == 0) {
            snprintf(name_out, 64, "%s", PQgetvalue(nodes, row, 0));
            return (int)strtol(PQgetvalue(nodes, row, 9), NULL, 10);
        }
    }
    fprintf(stderr, "the cluster has no primary now\n");
    return 0;
}

static int
switchover(PGconn *connection, const struct arguments *arguments)
{
    char primary[64] = "", *answer = NULL;
    if (arguments->from == NULL || arguments->to == NULL) {
        fprintf(stderr, "--switchover needs --from NODE and --to NODE\n");
        return 2;
    }
    PGresult *nodes = ask_nodes(connection);
    int port = nodes == NULL ? 0 : port_of_primary(nodes, primary);
    PQclear(nodes);
    if (port == 0) {
        return 1;
    }
    if (strcmp(primary, arguments->from) != 0) {
        fprintf(stderr, "node \"%s\" is not the primary: \"%s\" is\n", arguments->from,
                primary);
        return 1;
    }
    json_t *request = json_pack("{s:s, s:s, s:f}", "from", arguments->from, "to", arguments->to,
                                "drain_seconds", arguments->drain_seconds);
    char *text = json_dumps(request, 0);
    int http = http_post(port, "/api/v1/cluster/switchover", text,
                         (int)arguments->drain_seconds + ANSWER_SECONDS_MAX, &answer);
    free(text);
    json_decref(request);
    json_t *reply = json_loads(answer == NULL ? "" : answer, 0, NULL);
    const char *message = json_string_value(json_object_get(reply, "message"));
    bool good = http == 200;
    fprintf(good ? stdout : stderr, "%s\n",
            message != NULL ? message : "the primary does not answer on its REST port");
    json_decref(reply);
    free(answer);
    return good ? 0 : 1;
}

int
main(int argc, char **argv)
{
    struct arguments arguments = {0};
    if (argc > 1 && strcmp(argv[1], "local") == 0) {
        return local_main(argc - 2, argv + 2);
    }
    int end = read_arguments(argc, argv, &arguments);
    if (end != 0) {
        return end - 1;
    }
    PGconn *connection = connect_open(&arguments.connect);
    if (connection == NULL) {
        return 4;
    }
    int exit_code = strcmp(arguments.verb, "status") == 0 ? status(connection, arguments.json)
                                                          : switchover(connection, &arguments);
    PQfinish(connection);
    return exit_code;
}
