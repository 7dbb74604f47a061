/* cluster_events.c: what happens to a member: roles, messages, durable entries, damage, ticks.
 * Thread: the cluster loop unless said.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cluster/cluster_internal.h"

#include <inttypes.h>
#include <stdio.h>

#define RETAIN_TICKS 16U
#define SEGMENTS_KEPT 2U /* though nobody is known to need them */

struct member_state *
cluster__member(struct cluster *cluster, uint64_t id)
{
    for (unsigned i = 0; i < cluster->member_count; i++) {
        if (cluster->members[i].member.id == id) {
            return &cluster->members[i];
        }
    }
    return NULL;
}

/* mu held. */
static void
note_heard(struct cluster *cluster, struct member_state *state)
{
    state->last_heard_us = clock_wall_us(cluster->env->clock);
    state->heard_ns = clock_monotonic_ns(cluster->env->clock);
}

/* ---- from the consensus core ---- */

static void
core_send(void *arg, uint64_t to_id, const struct peer_message *message)
{
    struct cluster *cluster = arg;
    transport_send(cluster->transport, to_id, message);
}

static void
show(struct cluster *cluster)
{
    mutex_lock(&cluster->mu);
    cluster->shown.term = core_term(cluster->core);
    cluster->shown.leader_id = core_leader_id(cluster->core);
    cluster->shown.commit_index = core_commit_index(cluster->core);
    mutex_unlock(&cluster->mu);
}

static void
lose_leadership(struct cluster *cluster)
{
    log_info(cluster->env->log, "cluster", "no longer primary term=%" PRIu64,
             cluster->led_term);
    cluster->led_term = 0;
    atomic_store(&cluster->sole_leader, false);
    apply_lost(cluster->apply);
    reads_fail(&cluster->reads, STATUS_NOT_LEADER);
}

static void
core_changed(void *arg)
{
    struct cluster *cluster = arg;
    bool leader = core_role(cluster->core) == CORE_LEADER;
    uint64_t term = core_term(cluster->core);
    show(cluster);
    if (cluster->led_term != 0 && (!leader || term != cluster->led_term)) {
        lose_leadership(cluster);
    }
    if (leader && cluster->led_term == 0) {
        log_info(cluster->env->log, "cluster", "won the election term=%" PRIu64, term);
        cluster__submit_term_start(cluster);
    }
    cluster__watch_transfer(cluster);
}

static void
core_committed(void *arg, uint64_t index)
{
    struct cluster *cluster = arg;
    mutex_lock(&cluster->mu);
    cluster->shown.commit_index = index;
    mutex_unlock(&cluster->mu);
    atomic_store(&cluster->agreed_index, index);
    atomic_store(&cluster->sole_leader,
                 cluster->led_term != 0 && index >= cluster->term_start_index &&
                     members_voter_count(core_members(cluster->core)) == 1);
    apply_committed(cluster->apply, index);
    cluster__pump_reads(cluster);
}

static void
core_left_behind(void *arg, uint64_t id)
{
    struct cluster *cluster = arg;
    mutex_lock(&cluster->mu);
    struct member_state *state = cluster__member(cluster, id);
    bool fresh = state != NULL && !state->expelled;
    if (fresh) {
        state->expelled = true;
    }
    mutex_unlock(&cluster->mu);
    if (fresh) {
        log_warning(cluster->env->log, "cluster",
                    "member=%s is left behind: it needs log that is gone and must be "
                    "resynchronized",
                    state->member.name);
    }
}

static void
core_failed(void *arg, const struct diag *diag)
{
    struct cluster *cluster = arg;
    cluster__on_damage(cluster, diag);
}

const struct core_ops cluster__core_ops = {core_send, core_changed, core_committed,
                                           core_left_behind, core_failed};

/* ---- from the log ---- */

void
cluster__on_durable(void *arg)
{
    struct cluster *cluster = arg;
    loop_post(cluster->loop, &cluster->durable_call);
}

void
cluster__durable(void *arg)
{
    struct cluster *cluster = arg;
    if (!wal_damaged(cluster->wal)) {
        core_persisted(cluster->core);
    }
}

/* Any thread. Where bytes or a sync are bad the latch is a file, so that a restart does not
 * forget it; what a restart may cure (a full disk) only stops this run. */
void
cluster__on_damage(void *arg, const struct diag *diag)
{
    struct cluster *cluster = arg;
    struct diag quiet = {0};
    mutex_lock(&cluster->mu);
    bool first = !cluster->shown.damaged;
    cluster->shown.damaged = true;
    mutex_unlock(&cluster->mu);
    if (!first) {
        return;
    }
    bool lasting = diag->status == STATUS_IO || diag->status == STATUS_CORRUPT;
    if (lasting &&
        durable_file_write(cluster->env->vfs, cluster->raft_dir, "damaged", "RDBDAMG1",
                           slice_from_text(diag->message), &quiet) != STATUS_OK) {
        log_warning(cluster->env->log, "cluster", "the damage mark could not be written: %s",
                    quiet.message);
    }
    loop_post(cluster->loop, &cluster->damage_call);
    cluster->options.apply->damaged(cluster->options.arg, diag);
}

void
cluster_report_damage(struct cluster *cluster, const struct diag *diag)
{
    cluster__on_damage(cluster, diag);
}

void
cluster__damaged(void *arg)
{
    struct cluster *cluster = arg;
    core_halt(cluster->core);
    if (cluster->led_term != 0) {
        lose_leadership(cluster);
    }
    reads_fail(&cluster->reads, STATUS_NOT_LEADER);
    show(cluster);
    cluster__end_transfer(cluster, STATUS_IO, "this node is damaged");
}

/* ---- from other members ---- */

static struct peer_message
my_state(struct cluster *cluster, enum peer_kind kind, uint64_t number)
{
    return (struct peer_message){.kind = kind,
                                 .term = core_term(cluster->core),
                                 .number = number,
                                 .first_index = wal_first_index(cluster->wal),
                                 .log_index = wal_durable_index(cluster->wal),
                                 .applied_index = apply_index(cluster->apply),
                                 .commit_time_us = atomic_load(&cluster->commit_time_us)};
}

/* With the number of the round of reads that is under way. */
static void
ping_all(struct cluster *cluster)
{
    struct peer_message message = my_state(cluster, PEER_PING, cluster->reads.round);
    const struct members *members = core_members(cluster->core);
    for (unsigned i = 0; i < members->count; i++) {
        if (members->list[i].id != cluster->identity.id) {
            transport_send(cluster->transport, members->list[i].id, &message);
        }
    }
}

void
cluster__ping_for_reads(struct cluster *cluster)
{
    const struct reads *reads = &cluster->reads;
    if (reads->quick_count == 0) {
        ping_all(cluster);
        return;
    }
    struct peer_message message = my_state(cluster, PEER_PING, reads->round);
    for (unsigned i = 0; i < reads->quick_count; i++) {
        transport_send(cluster->transport, reads->quick[i], &message);
    }
}

static void
note_state(struct cluster *cluster, uint64_t from_id, const struct peer_message *message)
{
    mutex_lock(&cluster->mu);
    struct member_state *state = cluster__member(cluster, from_id);
    if (state != NULL) {
        state->first_index = message->first_index;
        state->log_index = message->log_index;
        state->applied_index = message->applied_index;
        state->applied_commit_time_us = message->commit_time_us;
        note_heard(cluster, state);
        state->expelled =
            state->expelled && message->log_index + 1 < wal_first_index(cluster->wal);
    }
    mutex_unlock(&cluster->mu);
}

/* The leader's log begins behind the end of ours. */
static void
watch_leader(struct cluster *cluster, uint64_t from_id, const struct peer_message *message)
{
    bool behind = from_id == core_leader_id(cluster->core) &&
                  message->first_index > wal_last_index(cluster->wal) + 1;
    if (behind && !cluster->left_behind) {
        log_warning(cluster->env->log, "cluster",
                    "this member is left behind: it has the log up to %llu, the primary keeps "
                    "it from %llu on; it must be resynchronized",
                    (unsigned long long)wal_last_index(cluster->wal),
                    (unsigned long long)message->first_index);
    }
    cluster->left_behind = behind;
}

static void
received(void *arg, uint64_t from_id, const struct peer_message *message)
{
    struct cluster *cluster = arg;
    struct peer_message answer;
    switch (message->kind) {
    case PEER_PING:
        note_state(cluster, from_id, message);
        watch_leader(cluster, from_id, message);
        if (!wal_damaged(cluster->wal)) {
            answer = my_state(cluster, PEER_PONG, message->number);
            transport_send(cluster->transport, from_id, &answer);
        }
        return;
    case PEER_PONG:
        note_state(cluster, from_id, message);
        if (reads_answered(&cluster->reads, from_id, message->term, message->number,
                           core_members(cluster->core))) {
            cluster__pump_reads(cluster);
        }
        return;
    case PEER_REQUEST:
        cluster__handle_request(cluster, from_id, message->number, message->payload);
        return;
    case PEER_REPLY:
        asks_replied(&cluster->asks, from_id, message->number, message->payload);
        return;
    default:
        core_receive(cluster->core, from_id, message);
    }
}

static const struct member *
member_of(void *arg, uint64_t id)
{
    struct cluster *cluster = arg;
    return members_find(core_members(cluster->core), id);
}

static void
heard(void *arg, uint64_t id, const struct peer_hello *hello)
{
    struct cluster *cluster = arg;
    mutex_lock(&cluster->mu);
    struct member_state *state = cluster__member(cluster, id);
    if (state != NULL) {
        state->connected = hello != NULL;
        if (hello != NULL) {
            snprintf(state->version, sizeof(state->version), "%s", hello->version);
            state->member.sql_port = hello->sql_port;
            state->member.api_port = hello->api_port;
            note_heard(cluster, state);
        }
    }
    mutex_unlock(&cluster->mu);
}

const struct transport_ops cluster__transport_ops = {received, member_of, heard};

/* ---- the tick ---- */

/* The lowest entry that may still be needed: by our own replay, and by voters that are behind,
 * unless the log has grown beyond what is kept for them. A voter's log may end in entries that
 * were never agreed: what it has applied is what it surely has. */
static void
retain(struct cluster *cluster)
{
    const struct checkpoint_ops *checkpoint = cluster->options.checkpoint;
    if (checkpoint == NULL || checkpoint->durable_index == NULL) {
        return;
    }
    uint64_t durable = checkpoint->durable_index(cluster->options.arg);
    uint64_t keep = durable;
    const struct members *members = core_members(cluster->core);
    mutex_lock(&cluster->mu);
    for (unsigned i = 0; i < members->count; i++) {
        const struct member_state *state = cluster__member(cluster, members->list[i].id);
        if (members->list[i].id != cluster->identity.id && members->list[i].voter &&
            state != NULL && !state->expelled) {
            keep = MIN(keep, state->applied_index);
        }
    }
    mutex_unlock(&cluster->mu);
    uint64_t floor_bytes = SEGMENTS_KEPT * cluster->options.segment_bytes;
    if (wal_bytes(cluster->wal) > cluster->options.keep_bytes) {
        keep = durable;
        floor_bytes =
            MAX(floor_bytes, cluster->options.keep_bytes) - cluster->options.segment_bytes;
    }
    wal_retain(cluster->wal, keep, floor_bytes);
    core_compacted(cluster->core, durable);
}

void
cluster__tick(void *arg)
{
    struct cluster *cluster = arg;
    loop_timer_start(cluster->tick, cluster->options.heartbeat_ms * NS_PER_MS);
    ping_all(cluster);
    asks_expire(&cluster->asks, loop_now_ns(cluster->loop));
    cluster__watch_transfer(cluster);
    if (apply_index(cluster->apply) < core_commit_index(cluster->core)) {
        apply_kick(cluster->apply); /* it may wait for room on the disk */
    }
    if (++cluster->tick_count % RETAIN_TICKS == 0) {
        retain(cluster);
    }
}
