/* cli_main.c: rusty-db-cli: SQL from the command line, a file or standard input.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/connect.h"
#include "cli/output.h"
#include "cli/split.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arguments {
    struct connect_options connect;
    enum output_format format;
    const char *command, *file;
    bool tuples_only;
};

static int
usage(FILE *to)
{
    fprintf(to,
            "Usage: rusty-db-cli [options] [--command SQL | --file FILE | < FILE]\n\n"
            "  -c, --command SQL   run these statements, one by one, and exit\n"
            "  -f, --file FILE     the same from a file (- is standard input, the default)\n"
            "  -h, --host HOST     address, or the name of a node of the cluster (127.0.0.1)\n"
            "  -p, --port PORT     SQL port (5432)\n"
            "      --dir DIR       a local cluster's directory (default: $RUSTYDB_DIR)\n"
            "  -U, --user NAME     (postgres)      -d, --database NAME (postgres)\n"
            "  -o, --output FORMAT table or json (table)\n"
            "  -t, --tuples-only   rows without header and count\n"
            "      --version, --help\n\n"
            "Exit status: 0 all statements ran, 1 a statement failed, 2 wrong usage,\n"
            "4 no connection. Write v$name in single quotes, or v_name: in double quotes the\n"
            "shell expands it.\n");
    return to == stdout ? 0 : 2;
}

static bool
read_arguments(int argc, char **argv, struct arguments *arguments, int *exit_code)
{
    static const struct option options[] = {
        {"command", required_argument, NULL, 'c'},  {"file", required_argument, NULL, 'f'},
        {"host", required_argument, NULL, 'h'},     {"port", required_argument, NULL, 'p'},
        {"dir", required_argument, NULL, 'D'},      {"user", required_argument, NULL, 'U'},
        {"database", required_argument, NULL, 'd'}, {"output", required_argument, NULL, 'o'},
        {"tuples-only", no_argument, NULL, 't'},    {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, '?'},           {NULL, 0, NULL, 0}};
    connect_options_init(&arguments->connect);
    bool help_wanted = argc == 2 && strcmp(argv[1], "--help") == 0;
    for (int option;
         (option = getopt_long(argc, argv, "c:f:h:p:U:d:o:t", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            arguments->command = optarg;
            break;
        case 'f':
            arguments->file = optarg;
            break;
        case 'o':
            if (!output_format_by_name(optarg, &arguments->format)) {
                fprintf(stderr, "rusty-db-cli: --output is table or json, not \"%s\"\n",
                        optarg);
                *exit_code = 2;
                return false;
            }
            break;
        case 't':
            arguments->tuples_only = true;
            break;
        case 'V':
            printf("rusty-db-cli %s\n", RUSTYDB_VERSION);
            *exit_code = 0;
            return false;
        case '?':
            *exit_code = usage(help_wanted ? stdout : stderr);
            return false;
        default:
            if (!connect_option(&arguments->connect, option, optarg)) {
                *exit_code = 2;
                return false;
            }
        }
    }
    if (arguments->command != NULL && arguments->file != NULL) {
        fprintf(stderr, "rusty-db-cli: --command or --file, not both\n");
        *exit_code = 2;
        return false;
    }
    if (optind < argc) {
        fprintf(stderr, "rusty-db-cli: unexpected argument \"%s\"\n", argv[optind]);
        *exit_code = usage(stderr);
        return false;
    }
    return true;
}

static char *
read_all(FILE *from)
{
    size_t size = 0, capacity = 1 << 16;
    char *text = malloc(capacity);
    while (text != NULL) {
        size_t got = fread(text + size, 1, capacity - size - 1, from);
        size += got;
        if (got == 0) {
            text[size] = '\0';
            return text;
        }
        if (capacity - size < 2) {
            capacity *= 2;
            char *grown = realloc(text, capacity);
            if (grown == NULL) {
                free(text);
            }
            text = grown;
        }
    }
    fprintf(stderr, "rusty-db-cli: out of memory\n");
    exit(1);
}

static char *
input_text(const struct arguments *arguments)
{
    if (arguments->command != NULL) {
        return strdup(arguments->command);
    }
    if (arguments->file == NULL || strcmp(arguments->file, "-") == 0) {
        return read_all(stdin);
    }
    FILE *file = fopen(arguments->file, "r");
    if (file == NULL) {
        fprintf(stderr, "rusty-db-cli: could not open \"%s\": %s\n", arguments->file,
                strerror(errno));
        return NULL;
    }
    char *text = read_all(file);
    fclose(file);
    return text;
}

/* Statement by statement, each in its own transaction unless the text opens a block; the first
 * that fails ends it. */
static int
run(PGconn *connection, const struct arguments *arguments, const char *text)
{
    struct statement_reader reader = {.next = text};
    char *statement = NULL;
    int exit_code = 0;
    while (exit_code == 0 && (statement = next_statement(&reader)) != NULL) {
        exit_code =
            output_run(connection, statement, arguments->format, arguments->tuples_only);
        free(statement);
    }
    return exit_code;
}

int
main(int argc, char **argv)
{
    struct arguments arguments = {0};
    int exit_code = 0;
    if (!read_arguments(argc, argv, &arguments, &exit_code)) {
        return exit_code;
    }
    char *text = input_text(&arguments);
    if (text == NULL) {
        return 2;
    }
    PGconn *connection = connect_open(&arguments.connect);
    exit_code = connection == NULL ? 4 : run(connection, &arguments, text);
    PQfinish(connection);
    free(text);
    return exit_code;
}
