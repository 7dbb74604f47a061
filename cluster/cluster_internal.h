/* cluster_internal.h: the insides of struct cluster, for cluster/ *.c only.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/lock.h"
#include "base/log.h"
#include "base/loop.h"
#include "cluster/apply/apply.h"
#include "cluster/cluster.h"
#include "cluster/consensus/core.h"
#include "cluster/control/asks.h"
#include "cluster/log/durable_file.h"
#include "cluster/log/wal.h"
#include "cluster/membership/members.h"
#include "cluster/reads/reads.h"
#include "cluster/transport/transport.h"

#define NS_PER_MS 1000000
#define CLUSTER_PATH_MAX 4096

/* Something for the cluster loop to do; made by any thread. */
struct task {
    struct list link;
    void (*run)(struct cluster *cluster, struct task *task);    /* does not free */
    void (*cancel)(struct cluster *cluster, struct task *task); /* the loop will not run */
    uint64_t id, number;
    int64_t timeout_ms;
    char name[NODE_NAME_MAX];
    bool any;
    struct buf bytes;
    union {
        read_index_fn read;
        transfer_fn transfer;
        peer_reply_fn reply;
    } done;
    void *arg;
};

struct unit_waiter {
    refused_fn fn;
    void *arg;
};

/* What becomes one log entry. */
struct unit {
    struct list link;
    uint64_t term;
    enum entry_kind kind;
    struct buf payload;
    struct unit_waiter *waiters; /* of cluster_submit_txn() */
    size_t waiter_count, waiter_capacity;
    proposal_fn logged; /* of cluster_submit(); NULL: records of cluster_submit_txn() */
    void *arg;
};

/* A hand-over of leadership that somebody waits for. */
struct transfer {
    bool active;
    uint64_t target, term;
    int64_t deadline_ns;
    bool tried;
    transfer_fn done;
    void *arg;
};

struct cluster {
    struct cluster_options options; /* strings are ours */
    struct env *env;
    struct loops *loops;
    struct cluster_identity identity;
    char raft_dir[CLUSTER_PATH_MAX];
    struct loop *loop;
    struct loop_driver *driver;
    struct wal *wal;
    struct core *core;
    struct apply *apply;
    struct transport *transport;
    struct loop_timer *tick;
    bool started;

    /* cluster loop */
    struct reads reads;
    struct asks asks;
    struct transfer transfer;
    uint64_t led_term;         /* 0: not leading */
    uint64_t term_start_index; /* of led_term */
    unsigned tick_count;
    bool left_behind; /* warned of: the leader has not the log that this member needs */
    struct loop_call durable_call, submit_call, task_call, damage_call;

    struct mutex batch_mu; /* LOCK_RANK_BATCH */
    struct list units;     /* guarded by batch_mu */
    struct list tasks;     /* guarded by batch_mu */
    bool stopping;         /* guarded by batch_mu: refuse at once */

    struct mutex mu; /* LOCK_RANK_CLUSTER */
    /* guarded by mu; written by the cluster loop */
    struct {
        uint64_t term, leader_id, commit_index;
        bool damaged;
    } shown;
    struct member_state members[CLUSTER_MEMBERS_MAX];
    unsigned member_count;

    /* For cluster_read_index_now(): the index is stored before anybody can be told of what it
     * covers. */
    _Atomic(bool) sole_leader;
    _Atomic(uint64_t) agreed_index;

    _Atomic(int64_t) commit_time_us;
    peer_request_fn on_request;
    void *request_arg;
};

/* ---- cluster_batch.c ---- */
void cluster__submit_units(void *cluster); /* loop call */
void cluster__refuse_units(struct cluster *cluster, enum status status);
void cluster__submit_term_start(struct cluster *cluster);

/* ---- cluster_tasks.c ---- */
void cluster__run_tasks(void *cluster); /* loop call */
void cluster__cancel_tasks(struct cluster *cluster);
void cluster__watch_transfer(struct cluster *cluster);
void cluster__pump_reads(struct cluster *cluster);
void cluster__end_transfer(struct cluster *cluster, enum status status, const char *why);
void cluster__handle_request(struct cluster *cluster, uint64_t from_id, uint64_t number,
                             struct slice bytes);

/* ---- cluster_events.c ---- */
extern const struct core_ops cluster__core_ops;
extern const struct transport_ops cluster__transport_ops;
void cluster__on_durable(void *cluster);                         /* log writer */
void cluster__durable(void *cluster);                            /* loop call */
void cluster__on_damage(void *cluster, const struct diag *diag); /* log writer, apply */
void cluster__damaged(void *cluster);                            /* loop call */
void cluster__tick(void *cluster);
void cluster__ping_for_reads(struct cluster *cluster);
struct member_state *cluster__member(struct cluster *cluster, uint64_t id); /* mu held */
