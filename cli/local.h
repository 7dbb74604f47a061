/* local.h: a cluster of detached processes on this machine, described by DIR/cluster.json.
 *
 * Promises: what is written down is enough to start, stop and find every node again, whoever
 *           asks and in whatever state the nodes are.
 * Owns:     DIR: cluster.json, and one home a node (conf, data, logs, run).
 * Fails:    false or a non-zero exit status, the reason on stderr.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define LOCAL_NODES_MAX 5

struct local_node {
    char name[64];
    int sql_port, rest_port, peer_port;
};

struct local_cluster {
    char dir[3072];
    unsigned node_count;
    struct local_node nodes[LOCAL_NODES_MAX];
};

/* Reads DIR/cluster.json; says nothing when there is none. */
bool local_read(const char *dir, struct local_cluster *cluster_out);
bool local_exists(const char *dir); /* there is a DIR/cluster.json, readable or not */
/* SQL port of the node `name`, as text. */
bool local_node_port(const char *dir, const char *name, char port_out[8]);
/* SQL port of the first node that answers. */
bool local_any_port(const char *dir, char port_out[8]);
/* `rusty-db-cluster local ...`; argv[0] is the verb. Returns the exit status. */
int local_main(int argc, char **argv);
