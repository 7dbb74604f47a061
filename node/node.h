/* node.h: one RustyDB server: storage, consensus member, SQL engine, listeners. A value: a
 * process may hold several.
 *
 * Promises: node_open() either gives a node that answers on its ports (SQL clients get 57P03
 *           until a primary has written the catalogs) or says why not. node_stop() checkpoints.
 * Owns:     everything under the instance's home, held against other processes by data/lock.
 * Thread:   open, stop, close from one thread; the rest any.
 * Fails:    F0000 configuration, F0001 another server on the home, 53100, XX001 damage.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/status.h"
#include <stdbool.h>
#include <stdint.h>

struct env;
struct node;

/* Starts serving. `home` is the instance's directory with conf/rustydb.toml. */
MUST_CHECK enum status node_open(const char *home, struct node **node_out, struct diag *diag);

/* A node in another world than the machine's, for the simulator. */
struct node_world {
    const struct env *env; /* copied; its log stays unused */
    unsigned lane_count;
    int log_fd; /* -1: silent */
    bool without_rest;
    uint64_t segment_bytes; /* of the log, below what settings allow; 0: as set */
};
MUST_CHECK enum status node_open_in(const struct node_world *world, const char *home,
                                    struct node **node_out, struct diag *diag);
/* Lets transactions in progress go, checkpoints, closes. Takes node. */
void node_close(struct node *node);
/* Sleeps until node_request_stop() or damage. False: damage. */
bool node_wait(struct node *node);
void node_request_stop(struct node *node); /* also from a signal handler's thread */
bool node_is_primary(struct node *node);
