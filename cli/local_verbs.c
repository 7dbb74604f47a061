/* local_verbs.c: rusty-db-cluster local up, status, down, kill, stop, start, pause, resume.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/local_internal.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct local_arguments {
    const char *verb, *node, *dir, *names;
    long nodes, port, rest_port;
    bool json;
};

static int
usage(FILE *to)
{
    fprintf(to,
            "Usage: rusty-db-cluster local up [--nodes N] --dir DIR --port P [--rest-port R]\n"
            "                             [--names n1,n2,n3]\n"
            "       rusty-db-cluster local status [-o json] | down       --dir DIR\n"
            "       rusty-db-cluster local kill|stop|start|pause|resume NODE --dir DIR\n\n"
            "up starts (or starts again) N detached servers on loopback: SQL on P, P+1, ...,\n"
            "REST from R (P+1000), peers from P+2000, homes DIR/NAME; it returns when all\n"
            "serve and writes work; the first node of a new cluster is its primary.\n"
            "kill, stop, pause and resume send KILL, TERM, STOP, CONT.\n"
            "DIR defaults to $RUSTYDB_DIR.\n");
    return to == stdout ? 0 : 2;
}

static bool
read_number(const char *text, long min, long max, const char *name, long *number_out)
{
    char *end = NULL;
    *number_out = strtol(text, &end, 10);
    if (*text != '\0' && *end == '\0' && *number_out >= min && *number_out <= max) {
        return true;
    }
    fprintf(stderr, "%s must be between %ld and %ld, not \"%s\"\n", name, min, max, text);
    return false;
}

static bool
read_arguments(int argc, char **argv, struct local_arguments *arguments)
{
    static const struct option options[] = {{"nodes", required_argument, NULL, 'n'},
                                            {"dir", required_argument, NULL, 'D'},
                                            {"port", required_argument, NULL, 'p'},
                                            {"rest-port", required_argument, NULL, 'r'},
                                            {"names", required_argument, NULL, 'N'},
                                            {"output", required_argument, NULL, 'o'},
                                            {NULL, 0, NULL, 0}};
    const char *dir = getenv("RUSTYDB_DIR");
    *arguments = (struct local_arguments){.verb = argv[0], .dir = dir, .nodes = 3};
    bool good = true;
    for (int option; good && (option = getopt_long(argc, argv, "o:", options, NULL)) != -1;) {
        switch (option) {
        case 'n':
            good = read_number(optarg, 1, LOCAL_NODES_MAX, "--nodes", &arguments->nodes);
            break;
        case 'D':
            arguments->dir = optarg;
            break;
        case 'p':
            good = read_number(optarg, 1, 63000, "--port", &arguments->port);
            break;
        case 'r':
            good = read_number(optarg, 1, 65000, "--rest-port", &arguments->rest_port);
            break;
        case 'N':
            arguments->names = optarg;
            break;
        case 'o':
            good = strcmp(optarg, "json") == 0 || strcmp(optarg, "table") == 0;
            arguments->json = strcmp(optarg, "json") == 0;
            break;
        default:
            good = false;
        }
    }
    if (good && optind < argc) {
        arguments->node = argv[optind++];
    }
    if (!good || optind < argc) {
        usage(stderr);
        return false;
    }
    if (arguments->dir == NULL || arguments->dir[0] == '\0') {
        fprintf(stderr, "--dir DIR (or $RUSTYDB_DIR) says where the cluster lives\n");
        return false;
    }
    return true;
}

/* ---- up ---- */

static bool
name_nodes(struct local_cluster *cluster, const struct local_arguments *arguments)
{
    char names[512];
    char *rest = NULL;
    snprintf(names, sizeof(names), "%s", arguments->names == NULL ? "" : arguments->names);
    char *name = strtok_r(names, ",", &rest);
    for (unsigned i = 0; i < cluster->node_count; i++) {
        struct local_node *node = &cluster->nodes[i];
        if (arguments->names == NULL) {
            snprintf(node->name, sizeof(node->name), "n%u", i + 1);
            continue;
        }
        if (name == NULL || strlen(name) >= sizeof(node->name) ||
            strpbrk(name, "/ =:\"") != NULL) {
            fprintf(stderr, "--names must hold %u names of at most 63 bytes\n",
                    cluster->node_count);
            return false;
        }
        snprintf(node->name, sizeof(node->name), "%s", name);
        name = strtok_r(NULL, ",", &rest);
    }
    return name == NULL || arguments->names == NULL;
}

static bool
describe_new(struct local_cluster *cluster, const struct local_arguments *arguments)
{
    if (arguments->port == 0) {
        fprintf(stderr, "--port P is needed for a new cluster\n");
        return false;
    }
    if (mkdir(arguments->dir, 0750) != 0 && errno != EEXIST) {
        fprintf(stderr, "could not create \"%s\": %s\n", arguments->dir, strerror(errno));
        return false;
    }
    char *absolute = realpath(arguments->dir, NULL);
    if (absolute == NULL || strlen(absolute) >= sizeof(cluster->dir)) {
        fprintf(stderr, "could not use directory \"%s\"\n", arguments->dir);
        free(absolute);
        return false;
    }
    snprintf(cluster->dir, sizeof(cluster->dir), "%s", absolute);
    free(absolute);
    cluster->node_count = (unsigned)arguments->nodes;
    long rest_port = arguments->rest_port != 0 ? arguments->rest_port : arguments->port + 1000;
    for (unsigned i = 0; i < cluster->node_count; i++) {
        cluster->nodes[i].sql_port = (int)(arguments->port + i);
        cluster->nodes[i].rest_port = (int)(rest_port + i);
        cluster->nodes[i].peer_port = (int)(arguments->port + 2000 + i);
    }
    return name_nodes(cluster, arguments) && local_write(cluster);
}

static void
print_nodes(const struct local_cluster *cluster)
{
    printf("%-16s %8s  %-8s %6s %6s %6s  %s\n", "node", "pid", "state", "sql", "rest", "peer",
           "home");
    for (unsigned i = 0; i < cluster->node_count; i++) {
        const struct local_node *node = &cluster->nodes[i];
        printf("%-16s %8d  %-8s %6d %6d %6d  %s/%s\n", node->name,
               (int)local_pid(cluster, node), local_state_name(local_state(cluster, node)),
               node->sql_port, node->rest_port, node->peer_port, cluster->dir, node->name);
    }
}

static int
up(struct local_cluster *cluster, bool fresh)
{
    for (unsigned i = 0; i < cluster->node_count; i++) {
        const struct local_node *node = &cluster->nodes[i];
        if (local_state(cluster, node) != LOCAL_STOPPED) {
            continue;
        }
        if (!local_make_home(cluster, node) || !local_launch(cluster, node)) {
            return 1;
        }
    }
    /* Who wins the first election is chance; a new cluster has its first node as primary. */
    if (!local_wait_serving(cluster) ||
        (fresh && !local_move_primary(cluster, &cluster->nodes[0]))) {
        return 1;
    }
    print_nodes(cluster);
    return 0;
}

/* ---- the others ---- */

static int
status(const struct local_cluster *cluster, bool json)
{
    if (!json) {
        print_nodes(cluster);
        return 0;
    }
    json_t *nodes = json_array();
    for (unsigned i = 0; i < cluster->node_count; i++) {
        const struct local_node *node = &cluster->nodes[i];
        char home[4096];
        snprintf(home, sizeof(home), "%s/%s", cluster->dir, node->name);
        json_array_append_new(
            nodes, json_pack("{s:s, s:i, s:s, s:i, s:i, s:i, s:s}", "name", node->name, "pid",
                             (int)local_pid(cluster, node), "state",
                             local_state_name(local_state(cluster, node)), "sql_port",
                             node->sql_port, "rest_port", node->rest_port, "peer_port",
                             node->peer_port, "home", home));
    }
    json_t *object = json_pack("{s:s, s:o}", "dir", cluster->dir, "nodes", nodes);
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
    return 0;
}

static int
down(const struct local_cluster *cluster)
{
    bool good = true;
    for (unsigned i = 0; i < cluster->node_count; i++) {
        const struct local_node *node = &cluster->nodes[i];
        if (local_state(cluster, node) == LOCAL_PAUSED) {
            good &= local_signal(cluster, node, SIGCONT);
        }
        if (local_pid(cluster, node) != 0) {
            good &= local_signal(cluster, node, SIGTERM);
        }
    }
    for (unsigned i = 0; i < cluster->node_count; i++) {
        good &= local_wait_gone(cluster, &cluster->nodes[i]);
    }
    return good ? 0 : 1;
}

static int
start(const struct local_cluster *cluster, const struct local_node *node)
{
    if (local_state(cluster, node) != LOCAL_STOPPED) {
        fprintf(stderr, "node \"%s\" runs already\n", node->name);
        return 1;
    }
    return local_launch(cluster, node) ? 0 : 1;
}

static int
one_node(const struct local_cluster *cluster, const struct local_arguments *arguments)
{
    static const struct {
        const char *verb;
        int signal_no;
        bool wait;
    } verbs[] = {{"kill", SIGKILL, true},
                 {"stop", SIGTERM, true},
                 {"pause", SIGSTOP, false},
                 {"resume", SIGCONT, false}};
    const struct local_node *node =
        arguments->node == NULL ? NULL : local_find(cluster, arguments->node);
    if (node == NULL) {
        fprintf(stderr, "local %s needs the name of a node of %s\n", arguments->verb,
                cluster->dir);
        return 2;
    }
    if (strcmp(arguments->verb, "start") == 0) {
        return start(cluster, node);
    }
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(arguments->verb, verbs[i].verb) == 0) {
            return local_signal(cluster, node, verbs[i].signal_no) &&
                           (!verbs[i].wait || local_wait_gone(cluster, node))
                       ? 0
                       : 1;
        }
    }
    return usage(stderr);
}

int
local_main(int argc, char **argv)
{
    struct local_arguments arguments;
    struct local_cluster cluster;
    if (argc < 1 || strcmp(argv[0], "--help") == 0) {
        return usage(argc < 1 ? stderr : stdout);
    }
    if (!read_arguments(argc, argv, &arguments)) {
        return 2;
    }
    char *absolute = realpath(arguments.dir, NULL);
    bool known = absolute != NULL && local_read(absolute, &cluster);
    free(absolute);
    if (strcmp(arguments.verb, "up") == 0) {
        return known || describe_new(&cluster, &arguments) ? up(&cluster, !known) : 1;
    }
    if (!known) {
        fprintf(stderr, "there is no local cluster in \"%s\"\n", arguments.dir);
        return 1;
    }
    if (strcmp(arguments.verb, "status") == 0) {
        return status(&cluster, arguments.json);
    }
    return strcmp(arguments.verb, "down") == 0 ? down(&cluster)
                                               : one_node(&cluster, &arguments);
}
