/* main.c: rusty-db-server: one node as a process. SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "base/vfs.h"
#include "node/node.h"
#include "node/seeds.h"
#include "node/settings.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define STOP_SECONDS_MAX 30

enum exit_code { EXIT_OK = 0, EXIT_GENERAL = 1, EXIT_CONFIG = 2, EXIT_OPEN = 3 };

static int
usage(FILE *to)
{
    fprintf(
        to,
        "Usage: rusty-db-server --home DIR [--check-config]\n"
        "       rusty-db-server --version | --help\n\n"
        "  --home DIR       the instance's directory; it holds conf/rustydb.toml\n"
        "                   (default: $RUSTYDB_HOME, else /var/lib/rustydb/instances/default)\n"
        "  --check-config   read the configuration, say what is wrong, start nothing\n"
        "  --foreground     accepted: the server never detaches itself\n");
    return to == stdout ? EXIT_OK : EXIT_CONFIG;
}

static void
print_diag(const struct diag *diag)
{
    fprintf(stderr, "rusty-db-server: %s: %s\n", diag->sqlstate, diag->message);
    if (diag->detail[0] != '\0') {
        fprintf(stderr, "DETAIL: %s\n", diag->detail);
    }
    if (diag->hint[0] != '\0') {
        fprintf(stderr, "HINT: %s\n", diag->hint);
    }
    if (diag->while_chain[0] != '\0') {
        fprintf(stderr, "while %s\n", diag->while_chain);
    }
}

static int
check_config(const char *home)
{
    struct arena arena;
    struct settings settings;
    struct diag diag = {0};
    arena_init(&arena);
    struct member founders[CLUSTER_MEMBERS_MAX];
    unsigned founder_count;
    enum status status = settings_load(vfs_system(), home, &arena, &settings, &diag);
    if (status == STATUS_OK) {
        status = seeds_read(&settings, founders, &founder_count, &diag);
    }
    if (status == STATUS_OK) {
        printf("%s/conf/rustydb.toml: ok\n", home);
    } else {
        print_diag(&diag);
    }
    arena_deinit(&arena);
    return status == STATUS_OK ? EXIT_OK : EXIT_CONFIG;
}

/* SIGTERM and SIGINT are taken by a thread of their own, so that stopping runs no handler. */
static void *
wait_for_signal(void *arg)
{
    struct node *node = arg;
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    int signal_no = 0;
    sigwait(&stops, &signal_no);
    alarm(STOP_SECONDS_MAX); /* the log has all that counts: a stop that hangs is a crash */
    node_request_stop(node);
    return NULL;
}

static int
serve(const char *home)
{
    struct diag diag = {0};
    struct node *node = NULL;
    signal(SIGPIPE, SIG_IGN);
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stops, NULL);
    if (node_open(home, &node, &diag) != STATUS_OK) {
        print_diag(&diag);
        return strcmp(diag.sqlstate, SQLSTATE_CONFIG_FILE_ERROR) == 0 ? EXIT_CONFIG : EXIT_OPEN;
    }
    pthread_t waiter;
    if (pthread_create(&waiter, NULL, wait_for_signal, node) != 0) {
        fprintf(stderr, "rusty-db-server: could not start the signal thread\n");
        return EXIT_GENERAL;
    }
    sd_notify(0, "READY=1");
    if (!node_wait(node)) {
        fprintf(stderr, "rusty-db-server: damaged, see logs/rustydb.log\n");
        _exit(EXIT_GENERAL); /* nothing that is left could make it better */
    }
    pthread_join(waiter, NULL);
    sd_notify(0, "STOPPING=1");
    node_close(node);
    return EXIT_OK;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"home", required_argument, NULL, 'H'}, {"check-config", no_argument, NULL, 'c'},
        {"foreground", no_argument, NULL, 'f'}, {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, '?'},       {NULL, 0, NULL, 0}};
    const char *home = getenv("RUSTYDB_HOME");
    bool check_only = false;
    for (int option = 0; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'H':
            home = optarg;
            break;
        case 'c':
            check_only = true;
            break;
        case 'f':
            break;
        case 'v':
            printf("rusty-db-server %s\n", RUSTYDB_VERSION);
            return EXIT_OK;
        default:
            return usage(optopt == 0 && argc > 1 && strcmp(argv[argc - 1], "--help") == 0
                             ? stdout
                             : stderr);
        }
    }
    if (optind < argc) {
        return usage(stderr);
    }
    home = home == NULL || home[0] == '\0' ? "/var/lib/rustydb/instances/default" : home;
    return check_only ? check_config(home) : serve(home);
}
