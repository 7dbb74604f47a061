/* local_internal.h: the parts of local.h between its files.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/local.h"

#include <sys/types.h>

enum local_state { LOCAL_STOPPED, LOCAL_RUNNING, LOCAL_PAUSED };

bool local_write(const struct local_cluster *cluster);
const struct local_node *local_find(const struct local_cluster *cluster, const char *name);
/* 0: it does not run. */
pid_t local_pid(const struct local_cluster *cluster, const struct local_node *node);
enum local_state local_state(const struct local_cluster *cluster,
                             const struct local_node *node);
const char *local_state_name(enum local_state state);
/* ---- local_plan.c ---- */
#define LOCAL_NODES_DEFAULT 3
struct local_plan {
    const char *dir, *names;     /* names NULL: n1, n2 .. */
    long nodes, port, rest_port; /* 0: not said */
};
/* Checks all, then makes the directory and writes cluster.json. */
bool local_plan_new(const struct local_plan *plan, struct local_cluster *cluster);
/* What was said is what the cluster has. */
bool local_plan_fits(const struct local_plan *plan, const struct local_cluster *cluster);
/* Those of nodes that do not run are free. */
bool local_check_ports(const struct local_cluster *cluster);
/* ---- local_process.c ---- */
/* Writes conf/rustydb.toml of a home that has none. */
bool local_make_home(const struct local_cluster *cluster, const struct local_node *node);
bool local_launch(const struct local_cluster *cluster, const struct local_node *node);
/* Returns when a launched server has left its number, or seems not to come: until then nobody
 * could stop it, and a second start would make a second process. */
void local_wait_known(const struct local_cluster *cluster, const struct local_node *node);
bool local_signal(const struct local_cluster *cluster, const struct local_node *node,
                  int signal_no);
/* Waits until the process is gone. */
bool local_wait_gone(const struct local_cluster *cluster, const struct local_node *node);
/* Waits until every running node answers and a write commits. */
bool local_wait_serving(const struct local_cluster *cluster);
/* Moves the primary to `node`, wherever it is. */
bool local_move_primary(const struct local_cluster *cluster, const struct local_node *node);
