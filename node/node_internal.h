/* node_internal.h: the insides of struct node, for this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/env.h"
#include "base/log.h"
#include "base/vfs.h"
#include "base/worker.h"
#include "cluster/cluster.h"
#include "node/clients.h"
#include "node/hold.h"
#include "node/lane.h"
#include "node/node.h"
#include "node/settings.h"
#include "node/state_hashes.h"
#include "sql/sql.h"

struct rest;

/* Who waits until the log is applied up to an index. */
struct applied_waits {
    struct mutex mu;
    struct list waiting; /* guarded by mu: struct applied_wait */
};

struct upkeep {
    struct thread thread;
    struct mutex mu; /* LEAF */
    struct cond changed, vacuum_changed;
    bool stopping, checkpoint_wanted, bootstrap_wanted; /* guarded by mu */
    uint64_t checkpoints_done;                          /* guarded by mu */
    struct mutex checkpoint_mu;  /* one checkpoint at a time; NODE rank is not held below it */
    _Atomic(uint64_t) log_bytes; /* of entries applied */
    _Atomic(uint64_t) log_bytes_in_root; /* of those that the newest checkpoint has */
    struct thread vacuum_thread;
    struct waiter vacuum_waiter; /* cancelled when the node stops */
};

struct node {
    struct arena arena; /* settings and texts that live as long as the node */
    struct settings settings;
    const struct node_world *world; /* while it is opened; NULL: the machine's */
    struct env env;
    struct logger log;
    int log_fd, slow_fd; /* -1: none */
    struct vfs_file *lock_file;
    struct cluster_identity identity;
    struct cluster *cluster;
    struct store *store;
    struct sql_engine *engine;
    struct sql_host host;
    struct clients clients;
    struct lane *lanes;
    unsigned lane_count, next_lane;
    struct drivers drivers;
    struct hold hold;
    struct applied_waits applied_waits;
    struct state_hashes state_hashes;
    struct upkeep upkeep;
    struct rest *rest;
    bool clients_made, upkeep_runs, cluster_runs; /* how far node_open() came */
    struct mutex switchover_mu; /* one at a time; no NODE lock is taken below it */
    bool disk_is_low;           /* upkeep thread */
    int64_t started_us;         /* wall clock */
    _Atomic(bool) primary;
    _Atomic(uint64_t) leader_term; /* of the term this node leads; 0 */

    struct mutex stop_mu;
    struct cond stop_cond;
    bool stop_requested, damaged; /* guarded by stop_mu */
};

/* ---- node_host.c: sql's and cluster's tables of functions ---- */
void node_host_init(struct node *node);
extern const struct apply_ops node_apply_ops;
void node_store_damaged(void *node, const struct diag *diag); /* store_options.on_damage */
extern const struct checkpoint_ops node_checkpoint_ops;
enum status node_propose(void *arg, enum entry_kind kind, struct slice payload,
                         struct waiter *waiter, struct diag *diag);

/* ---- node_wait.c: waiting for the log ---- */
void applied_waits_init(struct applied_waits *waits);
void applied_waits_deinit(struct applied_waits *waits);
/* Apply thread: position `index` is reached. */
void applied_waits_wake(struct applied_waits *waits, uint64_t index);
/* Waits until `index` is applied here. 57014, or 57P03 style STATUS_TIMEOUT at the deadline. */
MUST_CHECK enum status node_wait_applied(struct node *node, uint64_t index,
                                         struct waiter *waiter, int64_t deadline_ns,
                                         struct diag *diag);
/* A linearizable read of this node's state may begin: ReadIndex, then wait. Blocks. */
MUST_CHECK enum status node_read_barrier(struct node *node, struct waiter *waiter,
                                         struct diag *diag);
/* The same without waiting; false: it must be asked for. */
bool node_reads_at_once(void *host_arg);
/* Asks for it: client_read_answered() will be called, on any thread. */
void node_ask_read(struct node *node, struct client *client);

/* ---- node_views.c ---- */
const struct host_view *node_views(void *host_arg, unsigned *count_out);

/* ---- upkeep.c: checkpoints, vacuum, bootstrap of the catalogs ---- */
MUST_CHECK enum status upkeep_start(struct node *node, struct diag *diag);
void upkeep_stop(struct node *node);
void upkeep_want_bootstrap(struct node *node);
MUST_CHECK enum status upkeep_checkpoint(struct node *node, struct diag *diag);

/* ---- switchover.c ---- */
struct switchover_request {
    char from[NODE_NAME_MAX], to[NODE_NAME_MAX];
    double drain_seconds;
};
/* Hands the primary role over; blocks. `report_out` (of `report_size`) gets a sentence in any
 * case. Thread: HTTP. */
MUST_CHECK enum status switchover_run(struct node *node,
                                      const struct switchover_request *request,
                                      char *report_out, size_t report_size, struct diag *diag);

/* ---- rest.c ---- */
MUST_CHECK enum status rest_start(struct node *node, struct diag *diag);
void rest_stop(struct node *node);

/* ---- slow_log.c ---- */
void slow_log_open(struct node *node, const char *path);
void slow_log_close(struct node *node);
void slow_log_write(void *host_arg, const struct slow_statement *slow);

/* ---- disk.c ---- */
/* Upkeep: admits or refuses growth by what is left; when to look again. */
int64_t disk_look(struct node *node);
