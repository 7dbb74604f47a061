/* connect.c: see connect.h. SPDX-License-Identifier: Apache-2.0 */
#include "cli/connect.h"
#include "cli/local.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRY_US 100000

void
connect_options_init(struct connect_options *options)
{
    const char *dir = getenv("RUSTYDB_DIR");
    *options = (struct connect_options){.dir = dir != NULL && dir[0] != '\0' ? dir : NULL,
                                        .user = "postgres",
                                        .database = "postgres"};
}

bool
connect_option(struct connect_options *options, int option, const char *value)
{
    char *end = NULL;
    switch (option) {
    case 'h':
        options->host = value;
        return true;
    case 'D':
        options->dir = value;
        return true;
    case 'U':
        options->user = value;
        return true;
    case 'd':
        options->database = value;
        return true;
    case 'p': {
        long port = strtol(value, &end, 10);
        if (*end == '\0' && port > 0 && port < 65536) {
            options->port = value;
            return true;
        }
        fprintf(stderr, "--port must be between 1 and 65535, not \"%s\"\n", value);
        return false;
    }
    default:
        return false;
    }
}

static PGconn *
open_once(const char *host, const char *port, const char *user, const char *database)
{
    const char *keys[] = {
        "host",    "port",       "user", "dbname", "application_name", "connect_timeout",
        "sslmode", "gssencmode", NULL};
    const char *values[] = {host, port,      user,      database, "rusty-db-cli",
                            "5",  "disable", "disable", NULL};
    return PQconnectdbParams(keys, values, 0);
}

PGconn *
connect_try(const char *host, const char *port)
{
    PGconn *connection = open_once(host, port, "postgres", "postgres");
    if (PQstatus(connection) == CONNECTION_OK) {
        return connection;
    }
    PQfinish(connection);
    return NULL;
}

/* Not up yet (refused, 57P03) is worth waiting for; a wrong user or database is not. */
static bool
may_come_up(PGconn *connection)
{
    const char *message = PQerrorMessage(connection);
    return strstr(message, "Connection refused") != NULL ||
           strstr(message, "starting up") != NULL;
}

static PGconn *
open_patiently(const char *host, const char *port, const struct connect_options *options)
{
    for (int waited_ms = 0;; waited_ms += RETRY_US / 1000) {
        PGconn *connection = open_once(host, port, options->user, options->database);
        if (PQstatus(connection) == CONNECTION_OK) {
            return connection;
        }
        if (waited_ms >= CONNECT_PATIENCE_MS || !may_come_up(connection)) {
            fprintf(stderr, "%s", PQerrorMessage(connection));
            PQfinish(connection);
            return NULL;
        }
        PQfinish(connection);
        usleep(RETRY_US);
    }
}

static bool
is_address(const char *host)
{
    unsigned char address[16];
    return strcmp(host, "localhost") == 0 || strchr(host, '/') != NULL ||
           inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* The SQL port of the node `name`, asked of the server at `port`. */
static bool
ask_for_node(const char *name, const char *port, char port_out[8])
{
    PGconn *connection = connect_try("127.0.0.1", port);
    if (connection == NULL) {
        return false;
    }
    const char *values[] = {name};
    PGresult *result =
        PQexecParams(connection, "SELECT sql_port FROM v_cluster_nodes WHERE node_name = $1", 1,
                     NULL, values, NULL, NULL, 0);
    bool found = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
    if (found) {
        snprintf(port_out, 8, "%s", PQgetvalue(result, 0, 0));
    }
    PQclear(result);
    PQfinish(connection);
    return found;
}

/* The local cluster of --dir, and no other server: a directory that is not the one meant must
 * not lead to whoever listens on the default port. */
static PGconn *
open_local(const struct connect_options *options)
{
    char port[8];
    if (!local_exists(options->dir)) {
        fprintf(stderr, "there is no local cluster in \"%s\"\n", options->dir);
        return NULL;
    }
    for (int waited_ms = 0; !local_any_port(options->dir, port); waited_ms += RETRY_US / 1000) {
        if (waited_ms >= CONNECT_PATIENCE_MS) {
            fprintf(stderr, "no node of the local cluster in \"%s\" answers\n", options->dir);
            return NULL;
        }
        usleep(RETRY_US);
    }
    return open_patiently("127.0.0.1", port, options);
}

PGconn *
connect_open(const struct connect_options *options)
{
    const char *port = options->port == NULL ? "5432" : options->port;
    char node_port[8];
    if (options->host != NULL && !is_address(options->host)) {
        bool found =
            (options->dir != NULL && local_node_port(options->dir, options->host, node_port)) ||
            ask_for_node(options->host, port, node_port);
        return found ? open_patiently("127.0.0.1", node_port, options)
                     : open_patiently(options->host, port, options);
    }
    if (options->host == NULL && options->port == NULL && options->dir != NULL) {
        return open_local(options);
    }
    return open_patiently(options->host == NULL ? "127.0.0.1" : options->host, port, options);
}
