/* cluster.h: one member of a Raft group: agrees on a log of bytes and applies it in order.
 *
 * Promises: an entry reported committed is durable on a majority; every member applies the same
 *           entries in the same order, each once after the position it started from. A
 *           linearizable read waits for cluster_read_index().
 * Does not: know what an entry says (node hands it the apply table), nor SQL, nor pages.
 * Owns:     data/wal/ (log segments), data/raft/ (term, vote, identity); its threads: the
 *           cluster loop, the log writer, apply.  Borrows: env, tables of functions.
 * Thread:   calls from any thread unless said; callbacks on the thread named at their type.
 * Fails:    a failed log sync latches damage: the member stops acknowledging and steps down.
 * See:      cluster/README.md, docs/rules.md, docs/ARCHITECTURE.md.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/env.h"
#include "base/slice.h"
#include "base/status.h"
#include "base/wait.h"
#include "proto/entry.h"

#define CLUSTER_MEMBERS_MAX 16
#define NODE_NAME_MAX 64

struct cluster;

struct member {
    uint64_t id; /* Raft id */
    char name[NODE_NAME_MAX];
    char host[64];
    uint16_t peer_port, sql_port,
        api_port; /* sql and api as the member announced them; 0 unknown */
    bool voter;   /* else learner */
};

/* What the node does with committed entries; apply thread. */
struct apply_ops {
    /* Entry `index`; `bytes` empty for the core's own. Borrowed for the call. */
    enum status (*apply)(void *arg, uint64_t index, uint64_t term, struct slice bytes,
                         struct diag *diag);
    /* After a run of entries, before the thread sleeps: good for wake-ups in bulk. */
    void (*applied)(void *arg, uint64_t index);
    /* Leadership, in log order: won and TERM_START applied (leader true), or lost. */
    void (*leadership)(void *arg, uint64_t term, bool leader);
    /* The log or disk is damaged: stop serving. Any thread. */
    void (*damaged)(void *arg, const struct diag *diag);
};

/* Where checkpoints come from and go to; source and sink for streaming. Streaming is not built
 * yet: only `durable_index` is used, for log retention. */
struct checkpoint_ops {
    uint64_t (*durable_index)(void *arg);
    enum status (*source_open)(void *arg, void **stream_out, uint64_t *index_out,
                               struct diag *);
    enum status (*source_read)(void *stream, struct buf *chunk_out, struct diag *);
    void (*source_close)(void *stream);
    enum status (*sink_open)(void *arg, void **stream_out, struct diag *);
    enum status (*sink_write)(void *stream, struct slice chunk, struct diag *);
    enum status (*sink_install)(void *stream, uint64_t index, uint64_t term, struct diag *);
};

struct cluster_options {
    struct env *env;
    const char *data_dir;
    const char *cluster_name;
    const char *node_name;
    const char *version; /* "0.6.0", told to the others */
    const char *listen_host;
    uint16_t peer_port, sql_port, api_port;
    /* The founding members, this one among them; only used while data_dir is new. Ids are
     * derived from the names (all members must agree). */
    const struct member *founders;
    unsigned founder_count;
    uint64_t segment_bytes, keep_bytes;
    int64_t heartbeat_ms, election_timeout_ms; /* 0: defaults 40 and 250 */
    uint64_t applied_index, applied_term; /* of the store as opened: replay starts behind it */
    const struct apply_ops *apply;
    const struct checkpoint_ops *checkpoint;
    void *arg; /* for both tables */
};

/* Reads or makes the identity of this data directory: Raft id and a boot incarnation that is
 * new and durable. Before cluster_open(), for the store needs them. */
struct cluster_identity {
    uint64_t id, incarnation;
};
MUST_CHECK enum status cluster_identity(struct env *env, const char *data_dir,
                                        const char *cluster_name, const char *node_name,
                                        struct cluster_identity *identity_out,
                                        struct diag *diag);

/* Opens the log (so that read_entry and log_durable work) without joining yet. */
MUST_CHECK enum status cluster_open(const struct cluster_options *options,
                                    struct cluster **cluster_out, struct diag *diag);
/* Starts threads, listens, joins: from here entries are applied. */
MUST_CHECK enum status cluster_start(struct cluster *cluster, struct diag *diag);
/* Stops taking part; returns when no callback runs any more. */
void cluster_stop(struct cluster *cluster);
void cluster_close(struct cluster *cluster); /* takes cluster, stopped */

/* ---- writing ---- */
struct proposal;
/* status OK: it was logged and reached `index` on this leader; its fate is told by apply.
 * Other: refused and certain never to be applied. Cluster loop; do not block. */
typedef void (*proposal_fn)(void *arg, enum status status, uint64_t index);
/* Queues a transaction record for the batch that is filling (ENTRY_TXNS). Copies `record`. The
 * batch holds one term (rule 1): a record of another term than the leader's is refused.
 * `refused` is called (cluster loop) only when it is refused. Never blocks. */
typedef void (*refused_fn)(void *arg);
void cluster_submit_txn(struct cluster *cluster, uint64_t term, struct slice record,
                        refused_fn refused, void *arg);
/* An entry of its own: parts, sequences, ... `logged` is called in any case. */
void cluster_submit(struct cluster *cluster, uint64_t term, enum entry_kind kind,
                    struct slice payload, proposal_fn logged, void *arg);

/* ---- reading ---- */
/* `index`: apply must have reached it before the read. STATUS_NOT_LEADER when this is not the
 * leader any more. Cluster loop. One round serves all that asked before it was sent. */
typedef void (*read_index_fn)(void *arg, enum status status, uint64_t index);
void cluster_read_index(struct cluster *cluster, read_index_fn done, void *arg);
/* The same without waiting, where no other voter need be asked: the sole voter that leads.
 * False: ask cluster_read_index(). Two loads; any thread. */
bool cluster_read_index_now(struct cluster *cluster, uint64_t *index_out);
MUST_CHECK enum status cluster_read_entry(struct cluster *cluster, uint64_t index,
                                          struct buf *bytes_out, struct diag *diag);
/* Waits until the local log is durable through `index` (rule 10). */
MUST_CHECK enum status cluster_log_durable(struct cluster *cluster, uint64_t index,
                                           struct diag *diag);

/* What this member applied to is damaged: as damage to its log, a lasting latch; it stops. Any
 * thread. */
void cluster_report_damage(struct cluster *cluster, const struct diag *diag);

/* ---- control ---- */
typedef void (*transfer_fn)(void *arg, enum status status, const struct diag *diag);
/* Hands leadership to the voter `name` (NULL: the most caught up). Cluster loop callback. */
void cluster_transfer(struct cluster *cluster, const char *name, int64_t timeout_ms,
                      transfer_fn done, void *arg);

/* ---- requests between nodes: the node's own, in protobuf or any bytes; at most 1 MiB ---- */
typedef void (*peer_reply_fn)(void *arg, enum status status, struct slice reply);
/* Cluster loop: answers by cluster_reply(), now or later. */
typedef void (*peer_request_fn)(void *arg, uint64_t from_id, uint64_t request_no,
                                struct slice request);
void cluster_on_request(struct cluster *cluster, peer_request_fn on_request, void *arg);
void cluster_reply(struct cluster *cluster, uint64_t to_id, uint64_t request_no,
                   struct slice reply);
/* STATUS_TIMEOUT when no answer came in time. */
void cluster_ask(struct cluster *cluster, uint64_t to_id, struct slice request,
                 int64_t timeout_ms, peer_reply_fn done, void *arg);

/* ---- observers ---- */
struct member_state {
    struct member member;
    bool self, leader, connected;
    bool expelled; /* needs log that the leader has no more: waits for a checkpoint */
    char version[32];
    uint64_t first_index, log_index, applied_index; /* as last told; of self: now */
    int64_t last_heard_us;          /* wall clock of this node; self: now; 0: never */
    int64_t heard_ns;               /* the same on the monotonic clock, for how long ago */
    int64_t applied_commit_time_us; /* as last told: commit time of its newest applied txn */
};

struct cluster_state {
    uint64_t id, term, leader_id; /* leader_id 0: unknown */
    bool leader;                  /* this node, and its TERM_START is applied */
    bool damaged;
    uint64_t last_index, durable_index, commit_index, applied_index, first_index;
    unsigned member_count;
    struct member_state members[CLUSTER_MEMBERS_MAX];
};
void cluster_state(struct cluster *cluster, struct cluster_state *state_out);
/* The same `leader_id` alone. */
uint64_t cluster_leader_id(struct cluster *cluster);
/* A node tells its applied commit time along with its heartbeats. */
void cluster_note_commit_time(struct cluster *cluster, int64_t commit_time_us);
