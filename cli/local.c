/* local.c: the file that describes a local cluster, and its processes' numbers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/connect.h"
#include "cli/local_internal.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
node_from_json(json_t *json, struct local_node *node)
{
    const char *name = NULL;
    bool good =
        json_unpack(json, "{s:s, s:i, s:i, s:i}", "name", &name, "sql_port", &node->sql_port,
                    "rest_port", &node->rest_port, "peer_port", &node->peer_port) == 0 &&
        strlen(name) < sizeof(node->name);
    if (good) {
        snprintf(node->name, sizeof(node->name), "%s", name);
    }
    return good;
}

bool
local_read(const char *dir, struct local_cluster *cluster_out)
{
    char path[4096];
    memset(cluster_out, 0, sizeof(*cluster_out));
    snprintf(path, sizeof(path), "%s/cluster.json", dir);
    json_t *json = json_load_file(path, 0, NULL);
    json_t *nodes = json_object_get(json, "nodes");
    bool good = json_is_array(nodes) && json_array_size(nodes) >= 1 &&
                json_array_size(nodes) <= LOCAL_NODES_MAX;
    for (size_t i = 0; good && i < json_array_size(nodes); i++) {
        good = node_from_json(json_array_get(nodes, i), &cluster_out->nodes[i]);
        cluster_out->node_count++;
    }
    char *absolute = realpath(dir, NULL); /* as the servers were started with it */
    good = good && absolute != NULL && strlen(absolute) < sizeof(cluster_out->dir);
    if (good) {
        snprintf(cluster_out->dir, sizeof(cluster_out->dir), "%s", absolute);
    }
    free(absolute);
    json_decref(json);
    return good;
}

bool
local_exists(const char *dir)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/cluster.json", dir);
    return access(path, F_OK) == 0;
}

bool
local_write(const struct local_cluster *cluster)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/cluster.json", cluster->dir);
    json_t *nodes = json_array();
    for (unsigned i = 0; i < cluster->node_count; i++) {
        const struct local_node *node = &cluster->nodes[i];
        json_array_append_new(nodes, json_pack("{s:s, s:i, s:i, s:i}", "name", node->name,
                                               "sql_port", node->sql_port, "rest_port",
                                               node->rest_port, "peer_port", node->peer_port));
    }
    json_t *json = json_pack("{s:o}", "nodes", nodes);
    bool good = json_dump_file(json, path, JSON_INDENT(2)) == 0;
    json_decref(json);
    if (!good) {
        fprintf(stderr, "could not write \"%s\": %s\n", path, strerror(errno));
    }
    return good;
}

const struct local_node *
local_find(const struct local_cluster *cluster, const char *name)
{
    for (unsigned i = 0; i < cluster->node_count; i++) {
        if (strcmp(cluster->nodes[i].name, name) == 0) {
            return &cluster->nodes[i];
        }
    }
    return NULL;
}

bool
local_node_port(const char *dir, const char *name, char port_out[8])
{
    struct local_cluster cluster;
    const struct local_node *node =
        local_read(dir, &cluster) ? local_find(&cluster, name) : NULL;
    if (node != NULL) {
        snprintf(port_out, 8, "%d", node->sql_port);
    }
    return node != NULL;
}

bool
local_any_port(const char *dir, char port_out[8])
{
    struct local_cluster cluster;
    if (!local_read(dir, &cluster)) {
        return false;
    }
    for (unsigned i = 0; i < cluster.node_count; i++) {
        if (local_state(&cluster, &cluster.nodes[i]) != LOCAL_RUNNING) {
            continue;
        }
        snprintf(port_out, 8, "%d", cluster.nodes[i].sql_port);
        PGconn *connection = connect_try("127.0.0.1", port_out);
        if (connection != NULL) {
            PQfinish(connection);
            return true;
        }
    }
    return false;
}

/* ---- processes ---- */

/* A number in run/rustydb.pid counts only while that process is a server with this home. */
static bool
is_our_server(const struct local_cluster *cluster, const struct local_node *node, pid_t pid)
{
    char path[64], words[8192], home[4096];
    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    snprintf(home, sizeof(home), "%s/%s", cluster->dir, node->name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    size_t size = fread(words, 1, sizeof(words) - 1, file);
    fclose(file);
    words[size] = '\0';
    for (size_t at = 0; at < size; at += strlen(words + at) + 1) {
        if (strcmp(words + at, home) == 0) {
            return true;
        }
    }
    return false;
}

pid_t
local_pid(const struct local_cluster *cluster, const struct local_node *node)
{
    char path[4096];
    int pid = 0;
    snprintf(path, sizeof(path), "%s/%s/run/rustydb.pid", cluster->dir, node->name);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        if (fscanf(file, "%d", &pid) != 1) {
            pid = 0;
        }
        fclose(file);
    }
    return pid > 0 && is_our_server(cluster, node, pid) ? pid : 0;
}

enum local_state
local_state(const struct local_cluster *cluster, const struct local_node *node)
{
    char path[64], state = 'X';
    pid_t pid = local_pid(cluster, node);
    if (pid == 0) {
        return LOCAL_STOPPED;
    }
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1) {
            state = 'X';
        }
        fclose(file);
    }
    return state == 'T'                   ? LOCAL_PAUSED
           : state == 'Z' || state == 'X' ? LOCAL_STOPPED
                                          : LOCAL_RUNNING;
}

const char *
local_state_name(enum local_state state)
{
    static const char *const names[] = {
        [LOCAL_STOPPED] = "stopped", [LOCAL_RUNNING] = "running", [LOCAL_PAUSED] = "paused"};
    return names[state];
}
