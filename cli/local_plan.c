/* local_plan.c: what `local up` is to bring up: a new cluster from its arguments, checked
 * before anything is written, or a known one, whose arguments must not contradict it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/local_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PORT_TRIES 20
#define PORT_PAUSE_US 100000

static bool
is_name(const char *name)
{
    return name[0] != '\0' && strlen(name) < sizeof(((struct local_node *)0)->name) &&
           strpbrk(name, "/\\ =:\"") == NULL && name[0] != '.' && name[0] != '-';
}

static bool
bad_names(const struct local_cluster *cluster)
{
    fprintf(stderr,
            "--names must hold %u different names, separated by commas, of at most 63 bytes "
            "without any of / \\ = : \" or a space\n",
            cluster->node_count);
    return false;
}

static bool
name_nodes(struct local_cluster *cluster, const char *names)
{
    const char *at = names;
    for (unsigned i = 0; i < cluster->node_count; i++) {
        struct local_node *node = &cluster->nodes[i];
        if (names == NULL) {
            snprintf(node->name, sizeof(node->name), "n%u", i + 1);
            continue;
        }
        size_t size = strcspn(at, ",");
        bool last = i + 1 == cluster->node_count;
        if (size >= sizeof(node->name) || (at[size] == ',') == last) {
            return bad_names(cluster);
        }
        memcpy(node->name, at, size);
        at += size + !last;
        const struct local_node *first = local_find(cluster, node->name);
        if (!is_name(node->name) || first != node) {
            return bad_names(cluster);
        }
    }
    return true;
}

static bool
can_bind(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
    int error = errno;
    close(fd);
    errno = error;
    return bound;
}

/* A server that was killed a moment ago is gone before its sockets are. */
static bool
becomes_free(int port)
{
    for (unsigned i = 0; i < PORT_TRIES; i++) {
        if (can_bind(port)) {
            return true;
        }
        (void)usleep(PORT_PAUSE_US);
    }
    return can_bind(port);
}

/* Every port once, none of them in use. */
static bool
check_port(const struct local_cluster *cluster, unsigned no, int port, const char *what)
{
    int uses = 0;
    for (unsigned i = 0; i < cluster->node_count; i++) {
        const struct local_node *node = &cluster->nodes[i];
        uses +=
            (node->sql_port == port) + (node->rest_port == port) + (node->peer_port == port);
    }
    if (uses > 1 || port > 65535) {
        fprintf(stderr, "port %d, %s of \"%s\", %s\n", port, what, cluster->nodes[no].name,
                uses > 1 ? "is asked for twice" : "is above 65535");
        return false;
    }
    bool is_free = becomes_free(port);
    if (!is_free) {
        fprintf(stderr, "port %d, %s of \"%s\", cannot be used: %s\n", port, what,
                cluster->nodes[no].name, strerror(errno));
    }
    return is_free;
}

bool
local_check_ports(const struct local_cluster *cluster)
{
    for (unsigned i = 0; i < cluster->node_count; i++) {
        const struct local_node *node = &cluster->nodes[i];
        if (local_state(cluster, node) == LOCAL_STOPPED &&
            (!check_port(cluster, i, node->sql_port, "the SQL port") ||
             !check_port(cluster, i, node->rest_port, "the REST port") ||
             !check_port(cluster, i, node->peer_port, "the peers' port"))) {
            return false;
        }
    }
    return true;
}

static bool
make_dir(const char *dir, struct local_cluster *cluster)
{
    if (mkdir(dir, 0750) != 0 && errno != EEXIST) {
        fprintf(stderr, "could not create \"%s\": %s\n", dir, strerror(errno));
        return false;
    }
    char *absolute = realpath(dir, NULL);
    bool good = absolute != NULL && strlen(absolute) < sizeof(cluster->dir);
    if (good) {
        snprintf(cluster->dir, sizeof(cluster->dir), "%s", absolute);
    } else {
        fprintf(stderr, "could not use directory \"%s\"\n", dir);
    }
    free(absolute);
    return good;
}

bool
local_plan_new(const struct local_plan *plan, struct local_cluster *cluster)
{
    memset(cluster, 0, sizeof(*cluster));
    if (plan->port == 0) {
        fprintf(stderr, "--port P is needed for a new cluster\n");
        return false;
    }
    cluster->node_count = (unsigned)(plan->nodes == 0 ? LOCAL_NODES_DEFAULT : plan->nodes);
    long rest_port = plan->rest_port != 0 ? plan->rest_port : plan->port + 1000;
    for (unsigned i = 0; i < cluster->node_count; i++) {
        cluster->nodes[i].sql_port = (int)(plan->port + i);
        cluster->nodes[i].rest_port = (int)(rest_port + i);
        cluster->nodes[i].peer_port = (int)(plan->port + 2000 + i);
    }
    return name_nodes(cluster, plan->names) && local_check_ports(cluster) &&
           make_dir(plan->dir, cluster) && local_write(cluster);
}

static bool
contradicts(const struct local_cluster *cluster, const char *option)
{
    fprintf(stderr,
            "the cluster in \"%s\" exists already, and %s is not what it has; leave the option "
            "out, or choose another --dir\n",
            cluster->dir, option);
    return false;
}

bool
local_plan_fits(const struct local_plan *plan, const struct local_cluster *cluster)
{
    if (plan->nodes != 0 && (unsigned)plan->nodes != cluster->node_count) {
        return contradicts(cluster, "--nodes");
    }
    if (plan->port != 0 && plan->port != cluster->nodes[0].sql_port) {
        return contradicts(cluster, "--port");
    }
    if (plan->rest_port != 0 && plan->rest_port != cluster->nodes[0].rest_port) {
        return contradicts(cluster, "--rest-port");
    }
    if (plan->names != NULL) {
        struct local_cluster named = {.node_count = cluster->node_count};
        if (!name_nodes(&named, plan->names)) {
            return false;
        }
        for (unsigned i = 0; i < cluster->node_count; i++) {
            if (strcmp(named.nodes[i].name, cluster->nodes[i].name) != 0) {
                return contradicts(cluster, "--names");
            }
        }
    }
    return true;
}
