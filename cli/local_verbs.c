/* local_verbs.c: rusty-db-cluster local up, status, down, kill, stop, start, pause, resume.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/local_internal.h"

#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct local_arguments {
    const char *verb, *node;
    struct local_plan plan;
    bool json;
};

/* Verbs that are about one node. */
static const struct node_verb {
    const char *name;
    int signal_no; /* 0: start */
    bool waits;    /* until the process is gone */
} node_verbs[] = {{"kill", SIGKILL, true},
                  {"stop", SIGTERM, true},
                  {"start", 0, false},
                  {"pause", SIGSTOP, false},
                  {"resume", SIGCONT, false}};

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

static const struct node_verb *
node_verb_of(const char *verb)
{
    for (size_t i = 0; i < sizeof(node_verbs) / sizeof(node_verbs[0]); i++) {
        if (strcmp(verb, node_verbs[i].name) == 0) {
            return &node_verbs[i];
        }
    }
    return NULL;
}

static bool
is_verb(const char *verb)
{
    return strcmp(verb, "up") == 0 || strcmp(verb, "status") == 0 ||
           strcmp(verb, "down") == 0 || node_verb_of(verb) != NULL;
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
    *arguments = (struct local_arguments){.verb = argv[0], .plan.dir = dir};
    bool good = true;
    for (int option; good && (option = getopt_long(argc, argv, "o:", options, NULL)) != -1;) {
        switch (option) {
        case 'n':
            good = read_number(optarg, 1, LOCAL_NODES_MAX, "--nodes", &arguments->plan.nodes);
            break;
        case 'D':
            arguments->plan.dir = optarg;
            break;
        case 'p':
            good = read_number(optarg, 1, 63000, "--port", &arguments->plan.port);
            break;
        case 'r':
            good = read_number(optarg, 1, 65000, "--rest-port", &arguments->plan.rest_port);
            break;
        case 'N':
            arguments->plan.names = optarg;
            break;
        case 'o':
            good = strcmp(optarg, "json") == 0 || strcmp(optarg, "table") == 0;
            arguments->json = strcmp(optarg, "json") == 0;
            break;
        default:
            good = false;
        }
    }
    if (good && optind < argc && node_verb_of(arguments->verb) != NULL) {
        arguments->node = argv[optind++];
    }
    if (good && optind < argc) {
        fprintf(stderr, "unexpected argument \"%s\"\n", argv[optind]);
        good = false;
    }
    if (!good) {
        usage(stderr);
        return false;
    }
    if (arguments->plan.dir == NULL || arguments->plan.dir[0] == '\0') {
        fprintf(stderr, "--dir DIR (or $RUSTYDB_DIR) says where the cluster lives\n");
        return false;
    }
    return true;
}

/* ---- up ---- */

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
    if (!local_check_ports(cluster)) {
        return 1;
    }
    for (unsigned i = 0; i < cluster->node_count; i++) {
        const struct local_node *node = &cluster->nodes[i];
        if (local_state(cluster, node) == LOCAL_STOPPED &&
            (!local_make_home(cluster, node) || !local_launch(cluster, node))) {
            return 1;
        }
    }
    /* Who wins the first election is chance; a new cluster has its first node as primary. */
    if (!local_wait_serving(cluster) ||
        (fresh && !local_move_primary(cluster, &cluster->nodes[0]))) {
        fprintf(stderr,
                "the other nodes go on; `rusty-db-cluster local status --dir %s` shows "
                "them, `local down` stops them\n",
                cluster->dir);
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
    if (!local_launch(cluster, node)) {
        return 1;
    }
    local_wait_known(cluster, node);
    return 0;
}

static int
one_node(const struct local_cluster *cluster, const struct local_arguments *arguments)
{
    const struct node_verb *verb = node_verb_of(arguments->verb);
    if (arguments->node == NULL) {
        fprintf(stderr, "local %s needs the name of a node\n", verb->name);
        return 2;
    }
    const struct local_node *node = local_find(cluster, arguments->node);
    if (node == NULL) {
        fprintf(stderr, "there is no node \"%s\" in \"%s\"\n", arguments->node, cluster->dir);
        return 2;
    }
    if (verb->signal_no == 0) {
        return start(cluster, node);
    }
    return local_signal(cluster, node, verb->signal_no) &&
                   (!verb->waits || local_wait_gone(cluster, node))
               ? 0
               : 1;
}

static int
run_verb(struct local_cluster *cluster, const struct local_arguments *arguments, bool known)
{
    const char *dir = arguments->plan.dir;
    if (!known && local_exists(dir)) {
        fprintf(stderr, "\"%s/cluster.json\" is damaged\n", dir);
        return 1;
    }
    if (strcmp(arguments->verb, "up") == 0) {
        bool good = known ? local_plan_fits(&arguments->plan, cluster)
                          : local_plan_new(&arguments->plan, cluster);
        return good ? up(cluster, !known) : 1;
    }
    if (!known) {
        fprintf(stderr, "there is no local cluster in \"%s\"\n", dir);
        return 1;
    }
    if (strcmp(arguments->verb, "status") == 0) {
        return status(cluster, arguments->json);
    }
    return strcmp(arguments->verb, "down") == 0 ? down(cluster) : one_node(cluster, arguments);
}

int
local_main(int argc, char **argv)
{
    struct local_arguments arguments;
    struct local_cluster cluster;
    if (argc < 1 || strcmp(argv[0], "--help") == 0) {
        return usage(argc < 1 ? stderr : stdout);
    }
    if (!is_verb(argv[0])) {
        fprintf(stderr, "local has no verb \"%s\"\n", argv[0]);
        return usage(stderr);
    }
    if (!read_arguments(argc, argv, &arguments)) {
        return 2;
    }
    return run_verb(&cluster, &arguments, local_read(arguments.plan.dir, &cluster));
}
