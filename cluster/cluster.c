/* cluster.c: making, starting and ending a member; observers.
 *
 * Close path: cluster_stop() refuses new work, stops the loop, then the log writer, then apply;
 * from there on no thread of ours runs, and what still waits is told so. cluster_close() frees:
 * the transport's connections first, the loop (which ends connects under way), then the rest.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "base/vfs.h"
#include "cluster/cluster_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define IDENTITY_MAGIC "RDBIDEN1"
#define MEMBERS_MAGIC "RDBMEMB1"
#define DAMAGED_MAGIC "RDBDAMG1"
#define HEARTBEAT_MS_DEFAULT 40
#define ELECTION_TIMEOUT_MS_DEFAULT 250
#define KEEP_BYTES_DEFAULT ((uint64_t)256 << 20)
#define US_PER_S 1000000

/* ---- identity ---- */

static enum status
raft_dir_of(struct env *env, const char *data_dir, char *out, size_t size, struct diag *diag)
{
    int length = snprintf(out, size, "%s/raft", data_dir);
    if (length < 0 || (size_t)length >= size - 64) {
        return diag_fail(diag, STATUS_LIMIT, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                         "path of the data directory is too long");
    }
    TRY(vfs_make_dir(env->vfs, data_dir, diag));
    TRY(vfs_make_dir(env->vfs, out, diag));
    return vfs_sync_dir(env->vfs, data_dir, diag);
}

static enum status
identity_decode(struct slice bytes, const char *cluster_name, const char *node_name,
                struct cluster_identity *out, struct diag *diag)
{
    struct reader reader = reader_make(bytes);
    out->id = read_u64(&reader);
    out->incarnation = read_u64(&reader);
    struct slice cluster = read_bytes(&reader), node = read_bytes(&reader);
    if (!reader_done(&reader) || out->id == 0) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "the identity of this data directory cannot be read");
    }
    if (!slice_equal(cluster, slice_from_text(cluster_name)) ||
        !slice_equal(node, slice_from_text(node_name))) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_CONFIG_FILE_ERROR,
                         "this data directory belongs to node \"%.*s\" of cluster \"%.*s\"",
                         (int)node.size, (const char *)node.data, (int)cluster.size,
                         (const char *)cluster.data);
    }
    return STATUS_OK;
}

enum status
cluster_identity(struct env *env, const char *data_dir, const char *cluster_name,
                 const char *node_name, struct cluster_identity *identity_out,
                 struct diag *diag)
{
    char dir[CLUSTER_PATH_MAX];
    struct buf bytes = BUF_EMPTY;
    struct cluster_identity identity = {0};
    *identity_out = identity;
    TRY(raft_dir_of(env, data_dir, dir, sizeof(dir), diag));
    enum status status =
        durable_file_read(env->vfs, dir, "identity", IDENTITY_MAGIC, &bytes, diag);
    if (status == STATUS_OK) {
        status = identity_decode(buf_slice(&bytes), cluster_name, node_name, &identity, diag);
    } else if (status == STATUS_NOT_FOUND) {
        identity.id = member_founder_id(cluster_name, node_name);
        status = STATUS_OK;
    }
    if (status == STATUS_OK) {
        /* Of the clock, so that a data directory made anew does not repeat the old one's. */
        uint64_t now_s = (uint64_t)(clock_wall_us(env->clock) / US_PER_S);
        identity.incarnation = MAX(identity.incarnation + 1, now_s);
        buf_clear(&bytes);
        buf_u64(&bytes, identity.id);
        buf_u64(&bytes, identity.incarnation);
        buf_bytes(&bytes, slice_from_text(cluster_name));
        buf_bytes(&bytes, slice_from_text(node_name));
        status = durable_file_write(env->vfs, dir, "identity", IDENTITY_MAGIC,
                                    buf_slice(&bytes), diag);
    }
    buf_deinit(&bytes);
    if (status == STATUS_OK) {
        *identity_out = identity;
    }
    return status;
}

/* Id of this data directory, without a new incarnation. */
static enum status
read_identity(struct cluster *cluster, struct diag *diag)
{
    const struct cluster_options *options = &cluster->options;
    struct buf bytes = BUF_EMPTY;
    enum status status = durable_file_read(cluster->env->vfs, cluster->raft_dir, "identity",
                                           IDENTITY_MAGIC, &bytes, diag);
    if (status == STATUS_OK) {
        status = identity_decode(buf_slice(&bytes), options->cluster_name, options->node_name,
                                 &cluster->identity, diag);
    }
    buf_deinit(&bytes);
    if (status == STATUS_NOT_FOUND) {
        return cluster_identity(cluster->env, options->data_dir, options->cluster_name,
                                options->node_name, &cluster->identity, diag);
    }
    return status;
}

/* ---- opening ---- */

static char *
copy_text(const char *text)
{
    char *copy = strdup(text == NULL ? "" : text);
    ASSERT(copy != NULL);
    return copy;
}

static struct cluster *
cluster_new(const struct cluster_options *options)
{
    struct cluster *cluster = calloc(1, sizeof(*cluster));
    ASSERT(cluster != NULL);
    cluster->options = *options;
    struct cluster_options *own = &cluster->options;
    own->data_dir = copy_text(options->data_dir);
    own->cluster_name = copy_text(options->cluster_name);
    own->node_name = copy_text(options->node_name);
    own->version = copy_text(options->version);
    own->listen_host = copy_text(options->listen_host);
    own->founders = NULL;
    own->heartbeat_ms =
        options->heartbeat_ms > 0 ? options->heartbeat_ms : HEARTBEAT_MS_DEFAULT;
    own->election_timeout_ms = options->election_timeout_ms > 0 ? options->election_timeout_ms
                                                                : ELECTION_TIMEOUT_MS_DEFAULT;
    own->keep_bytes = options->keep_bytes > 0 ? options->keep_bytes : KEEP_BYTES_DEFAULT;
    cluster->env = options->env;
    cluster->loops = options->env->loops != NULL ? options->env->loops : loops_system();
    mutex_init(&cluster->mu, LOCK_RANK_CLUSTER);
    mutex_init(&cluster->batch_mu, LOCK_RANK_BATCH);
    list_init(&cluster->units);
    list_init(&cluster->tasks);
    reads_init(&cluster->reads);
    asks_init(&cluster->asks);
    loop_call_init(&cluster->durable_call, cluster__durable, cluster);
    loop_call_init(&cluster->submit_call, cluster__submit_units, cluster);
    loop_call_init(&cluster->task_call, cluster__run_tasks, cluster);
    loop_call_init(&cluster->damage_call, cluster__damaged, cluster);
    return cluster;
}

/* A data directory that is new: term 1 and entry 1, the same on every founder. */
static enum status
bootstrap(struct cluster *cluster, const struct cluster_options *options, struct diag *diag)
{
    struct members members;
    TRY(members_from_founders(options->cluster_name, options->founders, options->founder_count,
                              &members, diag));
    if (members_find(&members, cluster->identity.id) == NULL) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_CONFIG_FILE_ERROR,
                         "node \"%s\" is not among the founding members", options->node_name);
    }
    struct buf bytes = BUF_EMPTY;
    core_encode_members(&members, &bytes);
    struct hard_state state = {.term = 1};
    enum status status = durable_file_write(cluster->env->vfs, cluster->raft_dir, "members",
                                            MEMBERS_MAGIC, buf_slice(&bytes), diag);
    if (status == STATUS_OK) {
        status = hard_state_write(cluster->env->vfs, cluster->raft_dir, &state, diag);
    }
    if (status == STATUS_OK) {
        wal_append(cluster->wal, wal_item_copy(CORE_CHANGE, 1, buf_slice(&bytes)));
        status = wal_write_now(cluster->wal, diag);
    }
    buf_deinit(&bytes);
    return status;
}

/* Rule 10: store and log must agree. */
static enum status
check_position(struct cluster *cluster, struct diag *diag)
{
    uint64_t applied = cluster->options.applied_index;
    struct wal *wal = cluster->wal;
    if (applied == 0) {
        return wal_first_index(wal) == 1
                   ? STATUS_OK
                   : diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                               "the store is empty, but the log begins at entry %" PRIu64,
                               wal_first_index(wal));
    }
    if (wal_first_index(wal) > applied + 1) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "the log begins at entry %" PRIu64 ", the store ends at %" PRIu64,
                         wal_first_index(wal), applied);
    }
    if (wal_term_of(wal, applied) == cluster->options.applied_term) {
        return STATUS_OK;
    }
    log_info(cluster->env->log, "cluster",
             "the log does not hold the store's position: it starts anew behind index=%" PRIu64,
             applied);
    return wal_reset(wal, applied + 1, diag);
}

static enum status
refuse_damaged(struct cluster *cluster, struct diag *diag)
{
    struct buf bytes = BUF_EMPTY;
    enum status status = durable_file_read(cluster->env->vfs, cluster->raft_dir, "damaged",
                                           DAMAGED_MAGIC, &bytes, diag);
    if (status == STATUS_OK) {
        status = diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                           "this data directory was found damaged: %.*s", (int)bytes.size,
                           (const char *)bytes.data);
        diag_hint(diag, "Resynchronize this node from another member.");
    }
    buf_deinit(&bytes);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status
open_log(struct cluster *cluster, const struct cluster_options *options, struct diag *diag)
{
    char dir[CLUSTER_PATH_MAX];
    snprintf(dir, sizeof(dir), "%s/wal", cluster->options.data_dir);
    struct wal_options wal_options = {.env = cluster->env,
                                      .dir = dir,
                                      .segment_bytes = options->segment_bytes,
                                      .first_index = 1,
                                      .marked_type = CORE_CHANGE,
                                      .on_durable = cluster__on_durable,
                                      .on_damage = cluster__on_damage,
                                      .arg = cluster};
    TRY(wal_open(&wal_options, &cluster->wal, diag));
    TRY(vfs_sync_dir(cluster->env->vfs, cluster->options.data_dir, diag));
    if (wal_last_index(cluster->wal) == 0 && options->applied_index == 0) {
        TRY(bootstrap(cluster, options, diag));
    }
    return check_position(cluster, diag);
}

enum status
cluster_open(const struct cluster_options *options, struct cluster **cluster_out,
             struct diag *diag)
{
    *cluster_out = NULL;
    struct cluster *cluster = cluster_new(options);
    enum status status = raft_dir_of(cluster->env, cluster->options.data_dir, cluster->raft_dir,
                                     sizeof(cluster->raft_dir), diag);
    if (status == STATUS_OK) {
        status = refuse_damaged(cluster, diag);
    }
    if (status == STATUS_OK) {
        status = read_identity(cluster, diag);
    }
    if (status == STATUS_OK) {
        status = loops_create(cluster->loops, &cluster->loop, diag);
    }
    if (status == STATUS_OK) {
        status = open_log(cluster, options, diag);
    }
    if (status != STATUS_OK) {
        diag_while(diag, "opening the log of node \"%s\"", options->node_name);
        cluster_close(cluster);
        return status;
    }
    *cluster_out = cluster;
    return STATUS_OK;
}

/* ---- starting ---- */

static enum status
make_parts(struct cluster *cluster, struct diag *diag)
{
    const struct cluster_options *options = &cluster->options;
    struct core_options core_options = {.env = cluster->env,
                                        .loop = cluster->loop,
                                        .wal = cluster->wal,
                                        .state_dir = cluster->raft_dir,
                                        .id = cluster->identity.id,
                                        .election_timeout_ms = options->election_timeout_ms,
                                        .heartbeat_ms = options->heartbeat_ms,
                                        .applied_index = options->applied_index,
                                        .applied_term = options->applied_term,
                                        .ops = &cluster__core_ops,
                                        .arg = cluster};
    TRY(core_new(&core_options, &cluster->core, diag));
    struct transport_options transport_options = {
        .env = cluster->env,
        .loop = cluster->loop,
        .self = {.protocol = PEER_PROTOCOL,
                 .min_reader = PEER_PROTOCOL,
                 .cluster_name = options->cluster_name,
                 .node_name = options->node_name,
                 .version = options->version,
                 .node_id = cluster->identity.id,
                 .peer_port = options->peer_port,
                 .sql_port = options->sql_port,
                 .api_port = options->api_port},
        .listen_host = options->listen_host,
        .port = options->peer_port,
        .ops = &cluster__transport_ops,
        .arg = cluster};
    TRY(transport_new(&transport_options, &cluster->transport, diag));
    struct apply_options apply_options = {.env = cluster->env,
                                          .wal = cluster->wal,
                                          .applied_index = options->applied_index,
                                          .ops = options->apply,
                                          .ops_arg = options->arg,
                                          .failed = cluster__on_damage,
                                          .arg = cluster};
    TRY(apply_new(&apply_options, &cluster->apply, diag));
    cluster->tick = loop_timer_new(cluster->loop, cluster__tick, cluster);
    return STATUS_OK;
}

static void
list_members(struct cluster *cluster)
{
    const struct members *members = core_members(cluster->core);
    mutex_lock(&cluster->mu);
    for (unsigned i = 0; i < members->count; i++) {
        struct member_state *state = &cluster->members[cluster->member_count++];
        *state = (struct member_state){.member = members->list[i]};
        state->self = members->list[i].id == cluster->identity.id;
    }
    mutex_unlock(&cluster->mu);
    for (unsigned i = 0; i < members->count; i++) {
        if (members->list[i].id != cluster->identity.id) {
            transport_add(cluster->transport, &members->list[i]);
        }
    }
}

enum status
cluster_start(struct cluster *cluster, struct diag *diag)
{
    ASSERT(!cluster->started);
    TRY(make_parts(cluster, diag));
    TRY(apply_start(cluster->apply, diag));
    TRY(wal_start(cluster->wal, diag));
    cluster->started = true; /* from here cluster_stop() has something to stop */
    TRY(core_start(cluster->core, diag));
    list_members(cluster);
    loop_timer_start(cluster->tick, cluster->options.heartbeat_ms * NS_PER_MS);
    return loops_start(cluster->loops, cluster->loop, THREAD_CLUSTER, "cluster",
                       &cluster->driver, diag);
}

void
cluster_stop(struct cluster *cluster)
{
    mutex_lock(&cluster->batch_mu);
    cluster->stopping = true;
    mutex_unlock(&cluster->batch_mu);
    loops_stop(cluster->driver);
    cluster->driver = NULL;
    if (cluster->wal != NULL) {
        wal_stop(cluster->wal);
    }
    if (cluster->apply != NULL) {
        apply_stop(cluster->apply);
    }
    if (cluster->core != NULL) {
        core_halt(cluster->core);
    }
    cluster__refuse_units(cluster, STATUS_CANCELLED);
    cluster__cancel_tasks(cluster);
    reads_fail(&cluster->reads, STATUS_CANCELLED);
    asks_fail(&cluster->asks, STATUS_CANCELLED);
    cluster__end_transfer(cluster, STATUS_CANCELLED, "this node is stopping");
}

static void
free_text(const char *text)
{
    free((void *)(uintptr_t)text);
}

void
cluster_close(struct cluster *cluster)
{
    if (cluster == NULL) {
        return;
    }
    ASSERT(cluster->driver == NULL);
    cluster_stop(cluster);
    if (cluster->transport != NULL) {
        transport_close(cluster->transport);
    }
    loop_timer_delete(cluster->tick);
    core_delete(cluster->core);
    apply_delete(cluster->apply);
    loop_delete(cluster->loop);
    transport_delete(cluster->transport);
    wal_close(cluster->wal);
    reads_deinit(&cluster->reads);
    mutex_deinit(&cluster->mu);
    mutex_deinit(&cluster->batch_mu);
    free_text(cluster->options.data_dir);
    free_text(cluster->options.cluster_name);
    free_text(cluster->options.node_name);
    free_text(cluster->options.version);
    free_text(cluster->options.listen_host);
    free(cluster);
}

/* ---- the log ---- */

enum status
cluster_read_entry(struct cluster *cluster, uint64_t index, struct buf *bytes_out,
                   struct diag *diag)
{
    struct wal_item *item = NULL;
    unsigned count = 0;
    buf_clear(bytes_out);
    enum status status = wal_read(cluster->wal, index, 1, 0, &item, &count, diag);
    if (status == STATUS_NOT_FOUND) {
        return diag_fail(diag, STATUS_NOT_FOUND, SQLSTATE_DATA_CORRUPTED,
                         "log entry %" PRIu64 " is not in the log", index);
    }
    TRY(status);
    buf_append(bytes_out, item->bytes.data, item->bytes.size);
    wal_item_unref(item);
    return STATUS_OK;
}

enum status
cluster_log_durable(struct cluster *cluster, uint64_t index, struct diag *diag)
{
    return wal_wait_durable(cluster->wal, index, diag);
}

/* ---- observers ---- */

uint64_t
cluster_leader_id(struct cluster *cluster)
{
    mutex_lock(&cluster->mu);
    uint64_t leader_id = cluster->shown.leader_id;
    mutex_unlock(&cluster->mu);
    return leader_id;
}

void
cluster_note_commit_time(struct cluster *cluster, int64_t commit_time_us)
{
    atomic_store(&cluster->commit_time_us, commit_time_us);
}

/* Who needs log that the leader has no more; every member sees the same. */
static void
note_expelled(struct cluster_state *state)
{
    uint64_t first = 0;
    for (unsigned i = 0; i < state->member_count; i++) {
        first = state->members[i].leader ? state->members[i].first_index : first;
    }
    for (unsigned i = 0; i < state->member_count; i++) {
        struct member_state *member = &state->members[i];
        bool told = member->self || member->last_heard_us != 0;
        member->expelled = told && !member->leader && member->log_index + 1 < first;
    }
}

void
cluster_state(struct cluster *cluster, struct cluster_state *state_out)
{
    *state_out = (struct cluster_state){.id = cluster->identity.id};
    state_out->last_index = wal_last_index(cluster->wal);
    state_out->durable_index = wal_durable_index(cluster->wal);
    state_out->first_index = wal_first_index(cluster->wal);
    state_out->applied_index = cluster->options.applied_index;
    uint64_t leading_term = 0;
    if (cluster->apply != NULL) {
        state_out->applied_index = apply_index(cluster->apply);
        leading_term = apply_leading_term(cluster->apply);
    }
    mutex_lock(&cluster->mu);
    state_out->term = cluster->shown.term;
    state_out->leader_id = cluster->shown.leader_id;
    state_out->commit_index = cluster->shown.commit_index;
    state_out->damaged = cluster->shown.damaged;
    state_out->member_count = cluster->member_count;
    memcpy(state_out->members, cluster->members,
           cluster->member_count * sizeof(struct member_state));
    mutex_unlock(&cluster->mu);
    state_out->leader = leading_term != 0 && leading_term == state_out->term &&
                        state_out->leader_id == state_out->id && !state_out->damaged;
    for (unsigned i = 0; i < state_out->member_count; i++) {
        struct member_state *member = &state_out->members[i];
        member->leader = member->member.id == state_out->leader_id;
        if (member->self) {
            member->connected = true;
            member->member.sql_port = cluster->options.sql_port;
            member->member.api_port = cluster->options.api_port;
            snprintf(member->version, sizeof(member->version), "%s", cluster->options.version);
            member->first_index = state_out->first_index;
            member->log_index = state_out->last_index;
            member->applied_index = state_out->applied_index;
            member->last_heard_us = clock_wall_us(cluster->env->clock);
            member->heard_ns = clock_monotonic_ns(cluster->env->clock);
            member->applied_commit_time_us = atomic_load(&cluster->commit_time_us);
        }
    }
    note_expelled(state_out);
}
