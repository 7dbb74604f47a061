/* core.c: raft_step() with what it expects, and its updates carried out.
 *
 *   event -> [preconditions, election shim] -> raft_step() -> act():
 *      1. term, vote  durable before anything else (synchronous: it happens at elections only)
 *      2. entries     truncate and append to the log; its writer starts at once
 *      3. messages    filled from the log
 *      4. role        callback, 5. commit index callback, 6. timer
 *
 * The shim (see README.md) makes a failover take about one election timeout instead of the
 * slowest timer of a majority: timers are staggered by rank, and a voter forgets a leader that
 * has been silent for nearly as long.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cluster/consensus/core.h"
#include "base/errors.h"
#include "base/log.h"
#include "base/rng.h"
#include "cluster/log/durable_file.h"

#include <assert.h>
#include <inttypes.h>
#include <raft.h>
#include <stdlib.h>

#if RAFT_VERSION_NUMBER < 2201
#error "libraft 0.22.1 or newer is needed"
#endif

#define NS_PER_MS 1000000
#define INFLIGHT_ENTRIES_MIN 4
#define INFLIGHT_ENTRIES_MAX 512
#define INFLIGHT_BYTES ((size_t)8 << 20)
#define MESSAGE_BYTES_MAX ((size_t)2 << 20)
#define MESSAGE_ENTRIES_MAX 256U
#define CHANGES_MAX 64U
#define RAFT_VERSION_APPEND_RESULT 1
#define RAFT_VERSION_VOTE 2
#define RAFT_VERSION_VOTE_RESULT 2

struct core {
    struct core_options options;
    struct raft raft;
    bool initialized, started, halted;
    struct loop_timer *timer;
    struct members members;
    struct rng rng;
    enum core_role role;
    uint64_t term, leader_id, commit_index; /* as last told */
    int64_t last_ms;
    size_t usual_bytes; /* of an entry: a moving average */
    /* While a step runs: where the entries of its update come from. */
    struct wal_item **submitted;
    unsigned submitted_count;
};

static_assert((int)CORE_COMMAND == (int)RAFT_COMMAND &&
                  (int)CORE_BARRIER == (int)RAFT_BARRIER &&
                  (int)CORE_CHANGE == (int)RAFT_CHANGE,
              "stored entry types are those of libraft");

/* ---- configuration entries ---- */

void
core_encode_members(const struct members *members, struct buf *bytes_out)
{
    struct raft_configuration conf;
    struct raft_buffer bytes;
    raft_configuration_init(&conf);
    for (unsigned i = 0; i < members->count; i++) {
        const struct member *member = &members->list[i];
        char address[MEMBER_ADDRESS_MAX];
        member_address_format(member, address);
        ASSERT(raft_configuration_add(&conf, member->id, address,
                                      member->voter ? RAFT_VOTER : RAFT_STANDBY) == 0);
    }
    ASSERT(raft_configuration_encode(&conf, &bytes) == 0);
    buf_clear(bytes_out);
    buf_append(bytes_out, bytes.base, bytes.len);
    raft_free(bytes.base);
    raft_configuration_close(&conf);
}

static enum status
members_of(const struct raft_configuration *conf, struct members *out, struct diag *diag)
{
    *out = (struct members){0};
    if (conf->n == 0 || conf->n > CLUSTER_MEMBERS_MAX) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "a configuration names %u members", conf->n);
    }
    for (unsigned i = 0; i < conf->n; i++) {
        struct member *member = &out->list[out->count++];
        member->id = conf->servers[i].id;
        member->voter = conf->servers[i].role == RAFT_VOTER;
        TRY(member_address_parse(conf->servers[i].address, member, diag));
    }
    return STATUS_OK;
}

enum status
core_decode_members(struct slice bytes, struct members *members_out, struct diag *diag)
{
    struct raft_configuration conf;
    struct raft_buffer buffer = {.base = (void *)(uintptr_t)bytes.data, .len = bytes.size};
    *members_out = (struct members){0};
    if (raft_configuration_decode(&buffer, &conf) != 0) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "a configuration cannot be read");
    }
    enum status status = members_of(&conf, members_out, diag);
    raft_configuration_close(&conf);
    return status;
}

/* ---- time ---- */

static int64_t
now_ms(struct core *core)
{
    int64_t now = clock_monotonic_ns(core->options.env->clock) / NS_PER_MS;
    core->last_ms = MAX(core->last_ms, now); /* raft_step() must not see time go back */
    return core->last_ms;
}

static void
arm_timer(struct core *core)
{
    if (core->halted) {
        loop_timer_stop(core->timer);
        return;
    }
    /* A member without a vote leaves a time in the past: one more turn, never a spin. */
    int64_t delay_ms = (int64_t)raft_timeout(&core->raft) - now_ms(core);
    int64_t most_ms = core->options.election_timeout_ms * 4;
    loop_timer_start(core->timer, MIN(MAX(delay_ms, 1), most_ms) * NS_PER_MS);
}

/* ---- the election shim ---- */

static int64_t
stagger_ms(const struct core *core)
{
    return MAX(core->options.election_timeout_ms / 6, 10);
}

/* A timer of its own for each rank, with a little chance so that no two can stay in step. */
static void
stagger_timer(struct core *core)
{
    unsigned rank = members_voter_rank(&core->members, core->options.id);
    int64_t step = stagger_ms(core);
    int64_t chance = (int64_t)rng_below(&core->rng, (uint64_t)(step / 2));
    unsigned timeout =
        (unsigned)(core->options.election_timeout_ms + (int64_t)rank * step + chance);
    if (core->raft.state == RAFT_FOLLOWER) {
        core->raft.follower_state.randomized_election_timeout = timeout;
    } else if (core->raft.state == RAFT_CANDIDATE) {
        core->raft.candidate_state.randomized_election_timeout = timeout;
    }
}

/* A leader silent for that long does not keep us from voting. */
static void
forget_silent_leader(struct core *core)
{
    struct raft *raft = &core->raft;
    int64_t silent_ms = now_ms(core) - (int64_t)raft->election_timer_start;
    if (raft->state == RAFT_FOLLOWER && raft->follower_state.current_leader.id != 0 &&
        silent_ms >= core->options.election_timeout_ms - stagger_ms(core)) {
        raft->follower_state.current_leader.id = 0;
        raft_free(raft->follower_state.current_leader.address);
        raft->follower_state.current_leader.address = NULL;
    }
}

/* ---- acting on an update ---- */

static void
fail(struct core *core, const struct diag *diag)
{
    if (!core->halted) {
        core_halt(core);
        core->options.ops->failed(core->options.arg, diag);
    }
}

static enum status
save_term(struct core *core, struct diag *diag)
{
    struct hard_state state = {.term = raft_current_term(&core->raft),
                               .vote = raft_voted_for(&core->raft)};
    return hard_state_write(core->options.env->vfs, core->options.state_dir, &state, diag);
}

/* libraft bounds what a follower has not acknowledged by entries; we mean bytes, so that a bulk
 * load does not overrun the transport's queue. */
static void
bound_inflight(struct core *core, size_t entry_bytes)
{
    core->usual_bytes = (core->usual_bytes * 7 + entry_bytes) / 8;
    size_t fit = INFLIGHT_BYTES / (core->usual_bytes + 1);
    fit = MIN(MAX(fit, (size_t)INFLIGHT_ENTRIES_MIN), (size_t)INFLIGHT_ENTRIES_MAX);
    raft_set_max_inflight_entries(&core->raft, (unsigned)fit);
}

static void
log_entries(struct core *core, const struct raft_update *update)
{
    struct wal *wal = core->options.wal;
    uint64_t last = wal_last_index(wal);
    ASSERT(update->entries.index >= 1);
    ASSERT(update->entries.index <= last + 1);
    if (update->entries.index <= last) {
        wal_truncate(wal, update->entries.index);
    }
    for (unsigned i = 0; i < update->entries.n; i++) {
        const struct raft_entry *entry = &update->entries.batch[i];
        struct wal_item *item = NULL;
        if (core->submitted != NULL) {
            ASSERT(update->entries.n == core->submitted_count);
            item = core->submitted[i];
            core->submitted[i] = NULL;
        } else {
            item = wal_item_copy((uint8_t)entry->type, entry->term,
                                 slice_make(entry->buf.base, entry->buf.len));
        }
        bound_inflight(core, item->bytes.size);
        wal_append(wal, item);
    }
    wal_flush(wal);
}

/* Sends entries [prev + 1, prev + count] in messages of bounded size, filled from the log. */
static void
send_entries(struct core *core, uint64_t to_id, struct peer_message *message, unsigned count)
{
    struct wal_item *items[MESSAGE_ENTRIES_MAX];
    struct peer_entry entries[MESSAGE_ENTRIES_MAX];
    while (count > 0) {
        unsigned got = 0;
        struct diag diag = {0};
        enum status status =
            wal_read(core->options.wal, message->prev_index + 1,
                     MIN(count, MESSAGE_ENTRIES_MAX), MESSAGE_BYTES_MAX, items, &got, &diag);
        if (status == STATUS_NOT_FOUND) {
            return; /* retention was faster: the follower will reject, and be left behind */
        }
        if (status != STATUS_OK) {
            fail(core, &diag);
            return;
        }
        for (unsigned i = 0; i < got; i++) {
            entries[i] = (struct peer_entry){
                .term = items[i]->term, .type = items[i]->type, .bytes = items[i]->bytes};
        }
        message->entries = entries;
        message->entry_count = got;
        core->options.ops->send(core->options.arg, to_id, message);
        message->prev_index += got;
        message->prev_term = entries[got - 1].term;
        count -= got;
        for (unsigned i = 0; i < got; i++) {
            wal_item_unref(items[i]);
        }
    }
}

static void
send_append(struct core *core, const struct raft_message *raft)
{
    const struct raft_append_entries *args = &raft->append_entries;
    struct peer_message message = {.kind = PEER_APPEND,
                                   .term = args->term,
                                   .prev_index = args->prev_log_index,
                                   .prev_term = args->prev_log_term,
                                   .commit_index = args->leader_commit};
    if (args->n_entries > 0) {
        send_entries(core, raft->server_id, &message, args->n_entries);
        return;
    }
    core->options.ops->send(core->options.arg, raft->server_id, &message);
}

static void
send_one(struct core *core, const struct raft_message *raft)
{
    struct peer_message message = {0};
    switch (raft->type) {
    case RAFT_APPEND_ENTRIES:
        send_append(core, raft);
        return;
    case RAFT_INSTALL_SNAPSHOT:
        core->options.ops->left_behind(core->options.arg, raft->server_id);
        return;
    case RAFT_APPEND_ENTRIES_RESULT:
        message.kind = PEER_APPEND_RESULT;
        message.term = raft->append_entries_result.term;
        message.rejected = raft->append_entries_result.rejected;
        message.last_index = raft->append_entries_result.last_log_index;
        if (message.term > 0 && message.rejected > 0 &&
            message.last_index >= message.rejected) {
            message.last_index = message.rejected - 1; /* a field that libraft left unset */
        }
        break;
    case RAFT_REQUEST_VOTE:
        message.kind = PEER_VOTE;
        message.term = raft->request_vote.term;
        message.last_index = raft->request_vote.last_log_index;
        message.last_term = raft->request_vote.last_log_term;
        message.disrupt = raft->request_vote.disrupt_leader;
        message.pre_vote = raft->request_vote.pre_vote;
        break;
    case RAFT_REQUEST_VOTE_RESULT:
        message.kind = PEER_VOTE_RESULT;
        message.term = raft->request_vote_result.term;
        message.granted = raft->request_vote_result.vote_granted;
        message.pre_vote = raft->request_vote_result.pre_vote;
        break;
    case RAFT_TIMEOUT_NOW:
        message.kind = PEER_TIMEOUT_NOW;
        message.term = raft->timeout_now.term;
        message.last_index = raft->timeout_now.last_log_index;
        message.last_term = raft->timeout_now.last_log_term;
        break;
    default:
        break;
    }
    ASSERT(message.kind != 0); /* libraft sends no others */
    core->options.ops->send(core->options.arg, raft->server_id, &message);
}

static void
tell_changes(struct core *core)
{
    static const enum core_role roles[] = {[RAFT_FOLLOWER] = CORE_FOLLOWER,
                                           [RAFT_CANDIDATE] = CORE_CANDIDATE,
                                           [RAFT_LEADER] = CORE_LEADER};
    raft_id leader_id = 0;
    const char *address = NULL;
    raft_leader(&core->raft, &leader_id, &address);
    enum core_role role = roles[raft_state(&core->raft)];
    uint64_t term = raft_current_term(&core->raft);
    if (role != core->role || term != core->term || leader_id != core->leader_id) {
        core->role = role;
        core->term = term;
        core->leader_id = leader_id;
        core->options.ops->changed(core->options.arg);
    }
}

static void confirm_change(struct core *core, uint64_t commit_index);

static void
act(struct core *core, const struct raft_update *update)
{
    const unsigned durable = RAFT_UPDATE_CURRENT_TERM | RAFT_UPDATE_VOTED_FOR;
    struct diag diag = {0};
    if ((update->flags & durable) != 0 && save_term(core, &diag) != STATUS_OK) {
        fail(core, &diag);
        return;
    }
    if ((update->flags & (RAFT_UPDATE_ENTRIES)) != 0) {
        log_entries(core, update);
    }
    if ((update->flags & (RAFT_UPDATE_STATE)) != 0) {
        stagger_timer(core);
    }
    if ((update->flags & (RAFT_UPDATE_MESSAGES)) != 0) {
        for (unsigned i = 0; i < update->messages.n && !core->halted; i++) {
            send_one(core, &update->messages.batch[i]);
        }
    }
    if (core->halted) {
        return;
    }
    uint64_t commit_index = raft_commit_index(&core->raft);
    arm_timer(core);
    if (commit_index != core->commit_index) {
        ASSERT(commit_index > core->commit_index);
        core->commit_index = commit_index;
        confirm_change(core, commit_index);
        core->options.ops->committed(core->options.arg, commit_index);
    }
    tell_changes(core); /* last: it may submit, which is another step */
}

/* libraft's answer, 0 for well; the update has been carried out then. */
static int
step(struct core *core, struct raft_event *event)
{
    struct raft_update update = {0};
    ASSERT(core->started || event->type == RAFT_START);
    event->time = (raft_time)now_ms(core);
    int rc = raft_step(&core->raft, event, &update);
    ASSERT(rc != RAFT_NOMEM);
    if (rc == RAFT_SHUTDOWN || rc == RAFT_CORRUPT) {
        struct diag diag = {0};
        (void)diag_fail(&diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                        "the log of this member contradicts what the cluster has agreed");
        fail(core, &diag);
    }
    if (rc == 0) {
        /* Only libraft's own barrier comes along this way; its memory is ours now. */
        void *barrier =
            (update.flags & (RAFT_UPDATE_ENTRIES)) != 0 ? update.entries.batch[0].batch : NULL;
        act(core, &update);
        raft_free(barrier);
    }
    return rc;
}

static void
on_timer(void *arg)
{
    struct core *core = arg;
    if (core->halted) {
        return;
    }
    struct raft_event event = {.type = RAFT_TIMEOUT};
    (void)step(core, &event);
    if (!core->halted) {
        arm_timer(core);
    }
}

/* ---- configuration ---- */

/* The configuration as of now, committed or not: Raft uses it from the moment it is logged. */
static void
reread_members(struct core *core)
{
    struct diag diag = {0};
    struct members members;
    if (members_of(&core->raft.configuration, &members, &diag) == STATUS_OK) {
        core->members = members;
    } else if (core->raft.configuration.n > 0) {
        fail(core, &diag);
    }
}

static void
confirm_change(struct core *core, uint64_t commit_index)
{
    uint64_t index = core->raft.configuration_uncommitted_index;
    if (index == 0 || index > commit_index) {
        return;
    }
    struct raft_event event = {.type = RAFT_CONFIGURATION};
    event.configuration.index = index;
    struct buf bytes = BUF_EMPTY;
    reread_members(core);
    core_encode_members(&core->members, &bytes);
    struct raft_buffer buffer = {.base = bytes.data, .len = bytes.size};
    /* raft_step() takes the decoded configuration. */
    ASSERT(raft_configuration_decode(&buffer, &event.configuration.conf) == 0);
    buf_deinit(&bytes);
    (void)step(core, &event);
}

/* ---- receiving ---- */

/* Drops the marker that says who owns the memory of received entries, if libraft left it to us.
 */
struct received {
    struct raft_entry *entries;
    void *batch;
};

static bool
append_is_sound(const struct core *core, const struct peer_message *m)
{
    if ((m->prev_index == 0) != (m->prev_term == 0) || m->prev_term > m->term ||
        (core->raft.state == RAFT_LEADER && m->term == raft_current_term(&core->raft))) {
        return false;
    }
    uint64_t term = m->prev_term;
    for (unsigned i = 0; i < m->entry_count; i++) {
        if (m->entries[i].term == 0 || m->entries[i].term < term ||
            m->entries[i].term > m->term || m->entries[i].type < CORE_COMMAND ||
            m->entries[i].type > CORE_CHANGE) {
            return false;
        }
        term = m->entries[i].term;
    }
    return true;
}

/* One piece: a CHANGE is at its front or it holds none. */
static void
receive_piece(struct core *core, struct raft_message *message, const struct peer_message *m,
              unsigned first, unsigned count)
{
    struct raft_append_entries *args = &message->append_entries;
    struct raft_entry entries[MESSAGE_ENTRIES_MAX];
    uint64_t end = m->prev_index + first + count;
    *args = (struct raft_append_entries){
        .term = m->term,
        .prev_log_index = m->prev_index + first,
        .prev_log_term = first == 0 ? m->prev_term : m->entries[first - 1].term,
        /* Clipped to the piece; libraft, which clips it too, would else let the commit index
         * fall back when an old append comes late. */
        .leader_commit = MIN(m->commit_index, end),
        .entries = count > 0 ? entries : NULL,
        .n_entries = count};
    void *batch = NULL;
    if (count > 0) {
        batch = raft_malloc(1); /* libraft frees it where it wants no entry */
        ASSERT(batch != NULL);
    }
    for (unsigned i = 0; i < count; i++) {
        const struct peer_entry *entry = &m->entries[first + i];
        entries[i] = (struct raft_entry){
            .term = entry->term,
            .type = (enum raft_entry_type)entry->type,
            .buf = {.base = (void *)(uintptr_t)entry->bytes.data, .len = entry->bytes.size},
            .batch = batch};
    }
    struct raft_event event = {.type = RAFT_RECEIVE, .receive = {.message = message}};
    struct raft_update update = {0};
    event.time = (raft_time)now_ms(core);
    int rc = raft_step(&core->raft, &event, &update);
    if (rc == 0) {
        bool ours = (update.flags & (RAFT_UPDATE_ENTRIES)) != 0;
        bool change = ours && update.entries.batch[0].type == RAFT_CHANGE;
        act(core, &update);
        if (ours) {
            raft_free(batch);
        }
        if (change) {
            reread_members(core);
        }
        return;
    }
    if (rc == RAFT_SHUTDOWN) {
        struct diag diag = {0};
        (void)diag_fail(&diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                        "the log of this member contradicts what the cluster has agreed");
        fail(core, &diag);
    }
}

static void
receive_append(struct core *core, struct raft_message *message, const struct peer_message *m)
{
    if (!append_is_sound(core, m)) {
        log_warning(core->options.env->log, "cluster",
                    "ignored a senseless append from=%" PRIu64, (uint64_t)message->server_id);
        return;
    }
    unsigned first = 0;
    do {
        unsigned count = MIN(m->entry_count - first, MESSAGE_ENTRIES_MAX);
        for (unsigned i = 1; i < count; i++) {
            if (m->entries[first + i].type == CORE_CHANGE) {
                count = i;
            }
        }
        receive_piece(core, message, m, first, count);
        first += count;
    } while (first < m->entry_count && !core->halted);
}

void
core_receive(struct core *core, uint64_t from_id, const struct peer_message *m)
{
    static char no_address[] = "-";
    if (core->halted || m->term == 0 || members_find(&core->members, from_id) == NULL) {
        return;
    }
    struct raft_message message = {.server_id = from_id, .server_address = no_address};
    switch (m->kind) {
    case PEER_APPEND:
        message.type = RAFT_APPEND_ENTRIES;
        receive_append(core, &message, m);
        return;
    case PEER_APPEND_RESULT:
        message.type = RAFT_APPEND_ENTRIES_RESULT;
        message.append_entries_result =
            (struct raft_append_entries_result){.version = RAFT_VERSION_APPEND_RESULT,
                                                .term = m->term,
                                                .rejected = m->rejected,
                                                .last_log_index = m->last_index};
        break;
    case PEER_VOTE:
        message.type = RAFT_REQUEST_VOTE;
        message.request_vote = (struct raft_request_vote){.version = RAFT_VERSION_VOTE,
                                                          .term = m->term,
                                                          .candidate_id = from_id,
                                                          .last_log_index = m->last_index,
                                                          .last_log_term = m->last_term,
                                                          .disrupt_leader = m->disrupt,
                                                          .pre_vote = m->pre_vote};
        forget_silent_leader(core);
        break;
    case PEER_VOTE_RESULT:
        message.type = RAFT_REQUEST_VOTE_RESULT;
        message.request_vote_result =
            (struct raft_request_vote_result){.version = RAFT_VERSION_VOTE_RESULT,
                                              .term = m->term,
                                              .vote_granted = m->granted,
                                              .pre_vote = m->pre_vote};
        break;
    case PEER_TIMEOUT_NOW:
        message.type = RAFT_TIMEOUT_NOW;
        message.timeout_now = (struct raft_timeout_now){
            .term = m->term, .last_log_index = m->last_index, .last_log_term = m->last_term};
        break;
    default:
        return;
    }
    struct raft_event event = {.type = RAFT_RECEIVE, .receive = {.message = &message}};
    (void)step(core, &event);
}

/* ---- events of our own ---- */

enum status
core_submit(struct core *core, struct wal_item **items, unsigned count,
            uint64_t *first_index_out)
{
    struct raft_entry entries[MESSAGE_ENTRIES_MAX];
    ASSERT(count > 0);
    ASSERT(count <= MESSAGE_ENTRIES_MAX);
    *first_index_out = 0;
    int rc = RAFT_NOTLEADER;
    if (!core->halted && core->raft.state == RAFT_LEADER) {
        *first_index_out = wal_last_index(core->options.wal) + 1;
        for (unsigned i = 0; i < count; i++) {
            ASSERT(items[i]->term == raft_current_term(&core->raft));
            entries[i] = (struct raft_entry){
                .term = items[i]->term,
                .type = (enum raft_entry_type)items[i]->type,
                .buf = {.base = (void *)(uintptr_t)items[i]->bytes.data,
                        .len = items[i]->bytes.size},
                .batch = items[i]}; /* never freed by libraft: see log_entries() */
        }
        core->submitted = items;
        core->submitted_count = count;
        struct raft_event event = {.type = RAFT_SUBMIT,
                                   .submit = {.entries = entries, .n = count}};
        struct raft_update update = {0};
        event.time = (raft_time)now_ms(core);
        rc = raft_step(&core->raft, &event, &update);
        if (rc == 0) {
            ASSERT(update.entries.index == *first_index_out);
            log_entries(core, &update);
            core->submitted = NULL;
            update.flags &= ~(unsigned)(RAFT_UPDATE_ENTRIES);
            act(core, &update);
        }
        core->submitted = NULL;
    }
    for (unsigned i = 0; i < count; i++) {
        if (items[i] != NULL) {
            wal_item_unref(items[i]);
        }
    }
    return rc == 0 ? STATUS_OK : STATUS_NOT_LEADER;
}

void
core_persisted(struct core *core)
{
    uint64_t index = wal_durable_index(core->options.wal);
    /* A candidate has no write under way; what truncation left behind is counted already. */
    if (core->halted || index <= core->raft.last_stored || core->raft.state == RAFT_CANDIDATE) {
        return;
    }
    struct raft_event event = {.type = RAFT_PERSISTED_ENTRIES,
                               .persisted_entries = {.index = index}};
    (void)step(core, &event);
}

enum status
core_transfer(struct core *core, uint64_t id, struct diag *diag)
{
    const struct member *member = id == 0 ? NULL : members_find(&core->members, id);
    if (core->halted || core->raft.state != RAFT_LEADER) {
        return diag_fail(diag, STATUS_NOT_LEADER, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                         "this node is not the primary");
    }
    if (id == core->options.id || (id != 0 && (member == NULL || !member->voter)) ||
        members_voter_count(&core->members) < 2) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                         "there is no such other voting member to take over");
    }
    if (raft_transferee(&core->raft) != 0) {
        return diag_fail(diag, STATUS_CONFLICT, SQLSTATE_OBJECT_IN_USE,
                         "a switchover is under way already");
    }
    struct raft_event event = {.type = RAFT_TRANSFER, .transfer = {.server_id = id}};
    int rc = step(core, &event);
    return rc == 0
               ? STATUS_OK
               : diag_fail(diag, STATUS_NOT_LEADER, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                           "cannot hand leadership over: %s", raft_strerror(rc));
}

void
core_compacted(struct core *core, uint64_t index)
{
    uint64_t first_index = wal_first_index(core->options.wal);
    if (core->halted || core->raft.trail.offset + 1 >= first_index ||
        index <= core->raft.trail.snapshot.index || index + 1 < first_index) {
        return;
    }
    struct raft_event event = {.type = RAFT_SNAPSHOT};
    struct buf bytes = BUF_EMPTY;
    core_encode_members(&core->members, &bytes);
    struct raft_buffer buffer = {.base = bytes.data, .len = bytes.size};
    event.snapshot.metadata.index = index;
    event.snapshot.metadata.term = wal_term_of(core->options.wal, index);
    event.snapshot.metadata.configuration_index = core->raft.configuration_committed_index;
    ASSERT(raft_configuration_decode(&buffer, &event.snapshot.metadata.configuration) == 0);
    event.snapshot.trailing = (unsigned)(index - (first_index - 1));
    buf_deinit(&bytes);
    (void)step(core, &event);
}

void
core_halt(struct core *core)
{
    core->halted = true;
    core->role = CORE_FOLLOWER;
    core->leader_id = 0;
    loop_timer_stop(core->timer);
}

/* ---- lifecycle ---- */

enum status
core_new(const struct core_options *options, struct core **core_out, struct diag *diag)
{
    *core_out = NULL;
    struct core *core = calloc(1, sizeof(*core));
    ASSERT(core != NULL);
    core->options = *options;
    rng_seed(&core->rng, options->env->seed ^ options->id ^ 0x636f7265ULL);
    int rc = raft_init(&core->raft, NULL, NULL, options->id, "-");
    if (rc != 0) {
        free(core);
        return diag_fail(diag, STATUS_LIMIT, SQLSTATE_OUT_OF_MEMORY,
                         "cannot start consensus: %s", raft_strerror(rc));
    }
    if (getenv("LIBRAFT_TRACE") == NULL) {
        /* Its default tracer formats every step's text, into a buffer that all cores of a
         * process share, and then throws it away. */
        core->raft.tracer = NULL;
    }
    raft_seed(&core->raft, (unsigned)rng_next(&core->rng));
    raft_set_election_timeout(&core->raft, (unsigned)options->election_timeout_ms);
    raft_set_heartbeat_timeout(&core->raft, (unsigned)options->heartbeat_ms);
    raft_set_pre_vote(&core->raft, true);
    raft_set_max_inflight_entries(&core->raft, INFLIGHT_ENTRIES_MAX);
    core->timer = loop_timer_new(options->loop, on_timer, core);
    *core_out = core;
    return STATUS_OK;
}

void
core_delete(struct core *core)
{
    if (core != NULL) {
        loop_timer_delete(core->timer);
        raft_close(&core->raft, NULL);
        free(core);
    }
}

/* Bytes of a configuration entry, in memory of libraft's own kind. */
static enum status
load_change(struct core *core, uint64_t index, struct raft_entry *entry, struct diag *diag)
{
    struct wal_item *item = NULL;
    unsigned count = 0;
    TRY(wal_read(core->options.wal, index, 1, 0, &item, &count, diag));
    entry->type = RAFT_CHANGE;
    entry->buf.len = item->bytes.size;
    entry->buf.base = malloc(item->bytes.size + 1);
    ASSERT(entry->buf.base != NULL);
    memcpy(entry->buf.base, item->bytes.data, item->bytes.size);
    wal_item_unref(item);
    return STATUS_OK;
}

struct start {
    struct raft_entry *entries;
    unsigned count;
    uint64_t changes[CHANGES_MAX];
    unsigned change_count;
};

static enum status
load_entries(struct core *core, struct start *start, struct diag *diag)
{
    struct wal *wal = core->options.wal;
    uint64_t first = wal_first_index(wal), last = wal_last_index(wal);
    start->count = (unsigned)(last + 1 - first);
    start->entries = calloc((size_t)start->count + 1, sizeof(struct raft_entry));
    ASSERT(start->entries != NULL);
    for (unsigned i = 0; i < start->count; i++) {
        start->entries[i].type = RAFT_COMMAND;
        start->entries[i].term = wal_term_of(wal, first + i);
    }
    start->change_count = wal_marked(wal, start->changes, CHANGES_MAX);
    for (unsigned i = 0; i < start->change_count; i++) {
        TRY(load_change(core, start->changes[i], &start->entries[start->changes[i] - first],
                        diag));
    }
    return STATUS_OK;
}

static void
unload_entries(struct start *start)
{
    for (unsigned i = 0; start->entries != NULL && i < start->count; i++) {
        free(start->entries[i].buf.base);
    }
    free(start->entries);
}

/* The configuration that holds at `index`: the newest change at or below it, or, when that
 * entry is gone from the log, what was saved when it was agreed. */
static enum status
metadata_at(struct core *core, const struct start *start, uint64_t index,
            struct raft_snapshot_metadata *out, struct diag *diag)
{
    struct buf saved = BUF_EMPTY;
    uint64_t first = wal_first_index(core->options.wal);
    struct raft_buffer bytes = {0};
    out->index = index;
    out->term = core->options.applied_term;
    out->configuration_index = 1;
    for (unsigned i = 0; i < start->change_count; i++) {
        if (start->changes[i] <= index) {
            bytes = start->entries[start->changes[i] - first].buf;
            out->configuration_index = start->changes[i];
        }
    }
    if (bytes.base == NULL) {
        enum status status = durable_file_read(core->options.env->vfs, core->options.state_dir,
                                               "members", "RDBMEMB1", &saved, diag);
        if (status != STATUS_OK) {
            return status == STATUS_NOT_FOUND
                       ? diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                                   "the list of members is missing")
                       : status;
        }
        bytes = (struct raft_buffer){.base = saved.data, .len = saved.size};
    }
    int rc = raft_configuration_decode(&bytes, &out->configuration);
    buf_deinit(&saved);
    return rc == 0 ? STATUS_OK
                   : diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                               "the list of members cannot be read");
}

/* Rule 5: what a sole voter sent but did not store must never share its term with other
 * entries. */
static enum status
raise_term_of_sole_voter(struct core *core, const struct start *start,
                         const struct raft_snapshot_metadata *metadata,
                         struct hard_state *state, struct diag *diag)
{
    struct members members = {0};
    if (metadata->index != 0) {
        TRY(members_of(&metadata->configuration, &members, diag));
    }
    if (start->change_count > 0) {
        uint64_t first = wal_first_index(core->options.wal);
        const struct raft_buffer *bytes =
            &start->entries[start->changes[start->change_count - 1] - first].buf;
        TRY(core_decode_members(slice_make(bytes->base, bytes->len), &members, diag));
    }
    core->members = members;
    const struct member *self = members_find(&members, core->options.id);
    if (self == NULL || !self->voter || members_voter_count(&members) != 1) {
        return STATUS_OK;
    }
    state->term++;
    state->vote = 0;
    return hard_state_write(core->options.env->vfs, core->options.state_dir, state, diag);
}

static enum status
start_step(struct core *core, struct start *start, struct raft_snapshot_metadata *metadata,
           const struct hard_state *state, struct diag *diag)
{
    struct raft_event event = {.type = RAFT_START};
    event.start.term = state->term;
    event.start.voted_for = state->vote;
    event.start.metadata = metadata->index != 0 ? metadata : NULL;
    event.start.start_index = wal_first_index(core->options.wal);
    event.start.entries = start->entries;
    event.start.n_entries = start->count;
    event.time = (raft_time)now_ms(core);
    struct raft_update update = {0};
    int rc = raft_step(&core->raft, &event, &update);
    if (rc != 0) {
        start->entries = NULL; /* libraft has freed them */
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "consensus cannot start from this log: %s", raft_strerror(rc));
    }
    core->started = true;
    reread_members(core);
    stagger_timer(core);
    act(core, &update);
    return STATUS_OK;
}

enum status
core_start(struct core *core, struct diag *diag)
{
    struct hard_state state = {0};
    TRY(hard_state_read(core->options.env->vfs, core->options.state_dir, &state, diag));
    struct start start = {0};
    struct raft_snapshot_metadata metadata = {0};
    enum status status = load_entries(core, &start, diag);
    if (status == STATUS_OK && core->options.applied_index != 0) {
        status = metadata_at(core, &start, core->options.applied_index, &metadata, diag);
    }
    if (status == STATUS_OK) {
        status = raise_term_of_sole_voter(core, &start, &metadata, &state, diag);
    }
    if (status == STATUS_OK) {
        status = start_step(core, &start, &metadata, &state, diag);
    }
    unload_entries(&start);
    return status;
}

/* ---- observers ---- */

enum core_role
core_role(const struct core *core)
{
    return core->role;
}

uint64_t
core_term(const struct core *core)
{
    return core->term;
}

uint64_t
core_leader_id(const struct core *core)
{
    return core->leader_id;
}

uint64_t
core_commit_index(const struct core *core)
{
    return core->commit_index;
}

uint64_t
core_transferee(const struct core *core)
{
    return core->halted ? 0 : raft_transferee(&core->raft);
}

const struct members *
core_members(const struct core *core)
{
    return &core->members;
}
