/* group.c: see group.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/group.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/log.h"
#include "cluster/cluster.h"
#include "tests/lib/sim_vfs.h"
#include "tests/lib/sim_world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define NS_PER_MS 1000000
#define NS_PER_S 1000000000
#define MEMBERS_MAX 5
#define HEAL_S 20
#define PEER_PORT 7000

enum op_state { OP_NONE, OP_SUBMITTED, OP_REFUSED };

struct op {
    enum op_state state;
    unsigned node;
    uint64_t life, index; /* index: where it was applied; 0: not yet */
    bool acked;
};

struct truth {
    uint64_t term, hash;
};

struct group;
struct call;

struct node {
    struct group *group;
    unsigned number;
    struct env env;
    struct faults faults;
    struct sim_vfs *disk;
    struct cluster *cluster; /* NULL: down */
    uint64_t life, applied_index, leading_term;
    bool damaged;
};

struct group {
    struct group_options options;
    struct group_result *result;
    struct sim_world *world;
    struct rng *rng;
    struct logger log;
    struct member founders[MEMBERS_MAX];
    struct node nodes[MEMBERS_MAX];
    struct truth *truths;
    uint64_t truth_count, truth_capacity;
    struct op *ops;
    uint64_t op_count, op_capacity, acked_index;
    uint64_t *term_leaders; /* 1 + node, by term */
    uint64_t term_capacity;
    struct call *writes;
    int64_t client_ns, fault_ns; /* most between two turns */
    bool quiet;                  /* healing: no more faults */
};

struct call {
    struct call *next; /* of all writes, which may be refused until the end */
    struct group *group;
    unsigned node;
    uint64_t number;
};

static void violate(struct group *group, const char *format, ...) PRINTF_LIKE(2, 3);

static void
violate(struct group *group, const char *format, ...)
{
    if (!group->result->violated) {
        va_list args;
        va_start(args, format);
        vsnprintf(group->result->what, sizeof(group->result->what), format, args);
        va_end(args);
        group->result->violated = true;
    }
}

static void *
grow(void *memory, uint64_t *capacity, uint64_t needed, size_t size)
{
    uint64_t old = *capacity;
    if (needed <= old) {
        return memory;
    }
    *capacity = MAX(needed, MAX((uint64_t)1024, old * 2));
    uint8_t *more = realloc(memory, *capacity * size);
    ASSERT(more != NULL);
    memset(more + old * size, 0, (*capacity - old) * size);
    return more;
}

static uint64_t
chance(struct group *group, uint64_t one_in)
{
    return rng_below(group->rng, one_in) == 0;
}

/* ---- what members tell ---- */

static void
check_op(struct node *node, uint64_t index, struct slice bytes, bool first_time)
{
    struct group *group = node->group;
    struct entry_view view;
    if (bytes.size == 0 || entry_decode(bytes, &view, NULL) != STATUS_OK ||
        view.kind != ENTRY_TXNS) {
        return;
    }
    struct reader reader = reader_make(view.payload);
    while (reader_left(&reader) >= sizeof(uint64_t)) {
        uint64_t number = read_u64(&reader);
        size_t filler = read_u32(&reader);
        (void)read_slice(&reader, filler);
        if (reader.failed || number >= group->op_count) {
            violate(group, "entry %" PRIu64 " holds what nobody wrote", index);
            return;
        }
        struct op *op = &group->ops[number];
        if (first_time && op->index != 0) {
            violate(group, "operation %" PRIu64 " was applied twice", number);
        }
        if (op->state == OP_REFUSED) {
            violate(group, "operation %" PRIu64 " was refused, and applied", number);
        }
        op->index = index;
        if (op->node == node->number && op->life == node->life && !op->acked) {
            op->acked = true;
            group->result->acked_count++;
            group->acked_index = MAX(group->acked_index, index);
        }
    }
}

static enum status
on_apply(void *arg, uint64_t index, uint64_t term, struct slice bytes, struct diag *diag)
{
    UNUSED(diag);
    struct node *node = arg;
    struct group *group = node->group;
    if (index != node->applied_index + 1) {
        violate(group, "node %u applied %" PRIu64 " behind %" PRIu64, node->number, index,
                node->applied_index);
    }
    node->applied_index = index;
    group->truths =
        grow(group->truths, &group->truth_capacity, index + 1, sizeof(struct truth));
    struct truth *truth = &group->truths[index];
    struct truth mine = {.term = term, .hash = hash64(bytes, term)};
    bool first_time = truth->term == 0;
    if (first_time) {
        *truth = mine;
        group->truth_count = MAX(group->truth_count, index);
    } else if (truth->term != mine.term || truth->hash != mine.hash) {
        violate(group,
                "node %u applied another entry %" PRIu64 " (term %" PRIu64 ", was %" PRIu64 ")",
                node->number, index, term, truth->term);
    }
    check_op(node, index, bytes, first_time);
    return STATUS_OK;
}

static void
on_applied(void *arg, uint64_t index)
{
    UNUSED(arg);
    UNUSED(index);
}

static void
on_leadership(void *arg, uint64_t term, bool leader)
{
    struct node *node = arg;
    struct group *group = node->group;
    node->leading_term = leader ? term : 0;
    if (!leader) {
        return;
    }
    group->result->leader_count++;
    group->term_leaders =
        grow(group->term_leaders, &group->term_capacity, term + 1, sizeof(uint64_t));
    if (group->term_leaders[term] != 0) {
        violate(group, "term %" PRIu64 " had two leaders", term);
    }
    group->term_leaders[term] = node->number + 1;
}

static void
on_damaged(void *arg, const struct diag *diag)
{
    struct node *node = arg;
    node->damaged = true;
    if (node->faults.fired_count[FAULT_LOG_SYNC_FAILS] == 0 && !sim_vfs_is_off(node->disk)) {
        violate(node->group, "node %u took itself for damaged: %s", node->number,
                diag->message);
    }
}

static const struct apply_ops apply_table = {on_apply, on_applied, on_leadership, on_damaged};

/* ---- members come and go ---- */

static void
start_node(struct node *node)
{
    struct group *group = node->group;
    struct diag diag = {0};
    char name[16];
    snprintf(name, sizeof(name), "node%u", node->number);
    struct cluster_identity identity;
    node->life++;
    node->applied_index = node->leading_term = 0;
    struct cluster_options options = {.env = &node->env,
                                      .data_dir = "data",
                                      .cluster_name = "sim",
                                      .node_name = name,
                                      .version = "0.6.0",
                                      .listen_host = name,
                                      .peer_port = PEER_PORT,
                                      .founders = group->founders,
                                      .founder_count = group->options.member_count,
                                      .segment_bytes = 4 << 20,
                                      .apply = &apply_table,
                                      .arg = node};
    enum status status = cluster_identity(&node->env, "data", "sim", name, &identity, &diag);
    if (status == STATUS_OK) {
        status = vfs_sync_dir(node->env.vfs, ".", &diag);
    }
    if (status == STATUS_OK) {
        status = cluster_open(&options, &node->cluster, &diag);
    }
    if (status == STATUS_OK) {
        status = cluster_start(node->cluster, &diag);
    }
    if (status != STATUS_OK) {
        violate(group, "node %u does not start: %s; while %s", node->number, diag.message,
                diag.while_chain);
    }
}

static void
take_down(struct node *node)
{
    if (node->cluster != NULL) {
        cluster_stop(node->cluster);
        cluster_close(node->cluster);
        node->cluster = NULL;
    }
    node->leading_term = 0;
}

static void
restart_node(void *arg)
{
    struct node *node = arg;
    if (node->cluster == NULL && !node->group->result->violated) {
        sim_vfs_power_on(node->disk);
        start_node(node);
    }
}

/* The power goes: what was not synced is kept, lost or torn. */
static void
crash_node(struct node *node)
{
    struct group *group = node->group;
    if (node->cluster == NULL) {
        return;
    }
    group->result->crash_count++;
    sim_vfs_power_off(node->disk);
    take_down(node);
    int64_t down_ms = (int64_t)rng_below(group->rng, 1500);
    sim_world_at(group->world, down_ms * NS_PER_MS, restart_node, node);
}

/* ---- clients ---- */

static void
on_refused(void *arg)
{
    struct call *call = arg;
    call->group->ops[call->number].state = OP_REFUSED;
    if (call->group->ops[call->number].index != 0) {
        violate(call->group, "operation %" PRIu64 " was applied, and refused", call->number);
    }
}

static void
write_one(struct group *group, struct node *node)
{
    group->ops = grow(group->ops, &group->op_capacity, group->op_count + 1, sizeof(struct op));
    uint64_t number = group->op_count++;
    group->ops[number] =
        (struct op){.state = OP_SUBMITTED, .node = node->number, .life = node->life};
    struct buf record = BUF_EMPTY;
    size_t filler = (size_t)rng_below(group->rng, chance(group, 20) ? 20000 : 200);
    buf_u64(&record, number);
    buf_u32(&record, (uint32_t)filler);
    memset(buf_extend(&record, filler), (int)(number & 0xff), filler);
    struct call *call = calloc(1, sizeof(*call));
    ASSERT(call != NULL);
    *call = (struct call){
        .next = group->writes, .group = group, .node = node->number, .number = number};
    group->writes = call;
    cluster_submit_txn(node->cluster, node->leading_term, buf_slice(&record), on_refused, call);
    buf_deinit(&record);
}

static void
on_read(void *arg, enum status status, uint64_t index)
{
    struct call *call = arg;
    if (status == STATUS_OK) {
        call->group->result->read_count++;
        if (index < call->number) {
            violate(call->group,
                    "node %u read at %" PRIu64 " though %" PRIu64 " was acknowledged before",
                    call->node, index, call->number);
        }
    }
    free(call);
}

static void
read_one(struct group *group, struct node *node)
{
    struct call *call = calloc(1, sizeof(*call));
    ASSERT(call != NULL);
    *call = (struct call){.group = group, .node = node->number, .number = group->acked_index};
    cluster_read_index(node->cluster, on_read, call);
}

static void
on_transfer(void *arg, enum status status, const struct diag *diag)
{
    UNUSED(arg);
    UNUSED(status);
    UNUSED(diag);
}

static void
client_turn(void *arg)
{
    struct group *group = arg;
    struct node *node = &group->nodes[rng_below(group->rng, group->options.member_count)];
    if (node->cluster != NULL) {
        if (node->leading_term != 0 && !node->damaged) {
            for (uint64_t n = 1 + rng_below(group->rng, 4); n > 0; n--) {
                write_one(group, node);
            }
        }
        if (chance(group, 4)) {
            read_one(group, node);
        }
        if (chance(group, 500)) {
            cluster_transfer(node->cluster, NULL, 1000, on_transfer, NULL);
        }
    }
    if (!group->quiet) {
        sim_world_at(group->world, (int64_t)rng_below(group->rng, (uint64_t)group->client_ns),
                     client_turn, group);
    }
}

/* ---- faults ---- */

static void
cut_some(struct group *group)
{
    unsigned count = group->options.member_count;
    unsigned lonely = (unsigned)rng_below(group->rng, count);
    bool heal = chance(group, 2);
    for (unsigned a = 0; a < count; a++) {
        for (unsigned b = 0; b < a; b++) {
            bool cut = a == lonely || b == lonely || chance(group, 8);
            sim_world_cut(group->world, a, b, cut && !heal);
        }
    }
}

static void
fault_turn(void *arg)
{
    struct group *group = arg;
    if (group->quiet) {
        return;
    }
    struct node *node = &group->nodes[rng_below(group->rng, group->options.member_count)];
    switch (rng_below(group->rng, 6)) {
    case 0:
        crash_node(node);
        break;
    case 1:
        if (node->cluster != NULL) { /* in the middle of something */
            sim_vfs_crash_at_sync(node->disk, 1 + rng_below(group->rng, 20));
        }
        break;
    case 2:
        cut_some(group);
        break;
    case 3:
        node->faults.chance[FAULT_MESSAGE_DROPPED] = rng_double(group->rng) * 0.3;
        break;
    case 4:
        node->faults.chance[FAULT_LOG_SYNC_SLOW] = rng_double(group->rng);
        node->faults.chance[FAULT_APPLY_SLOW] = rng_double(group->rng);
        break;
    default:
        if (chance(group, 3)) { /* all at once */
            for (unsigned i = 0; i < group->options.member_count; i++) {
                crash_node(&group->nodes[i]);
            }
        } else {
            node->faults.chance[FAULT_MESSAGE_DROPPED] = 0;
            node->faults.chance[FAULT_LOG_SYNC_SLOW] = 0;
        }
        break;
    }
    sim_world_at(group->world, (int64_t)rng_below(group->rng, (uint64_t)group->fault_ns),
                 fault_turn, group);
}

/* ---- a run ---- */

static void
make(struct group *group)
{
    group->world = sim_world_new(group->options.seed);
    group->rng = sim_world_rng(group->world);
    for (unsigned i = 0; i < group->options.member_count; i++) {
        struct node *node = &group->nodes[i];
        node->group = group;
        node->number = i;
        node->disk = sim_vfs_new(group->options.seed * 31 + i);
        sim_world_env(group->world, i, &node->env);
        node->env.vfs = sim_vfs_base(node->disk);
        node->env.faults = &node->faults;
        node->env.seed = group->options.seed * 131 + i;
        rng_seed(&node->faults.rng, node->env.seed);
        node->faults.chance[FAULT_CANARY_EARLY_ACK] = group->options.canary ? 1 : 0;
        if (group->options.verbose) {
            node->env.log = &group->log;
        }
        struct member *founder = &group->founders[i];
        founder->voter = true;
        founder->peer_port = PEER_PORT;
        snprintf(founder->name, sizeof(founder->name), "node%u", i);
        snprintf(founder->host, sizeof(founder->host), "node%u", i);
    }
    if (group->options.verbose) {
        logger_init(&group->log, group->nodes[0].env.clock, "sim", 2);
    }
}

/* Each seed has a world of its own: fast or slow disks and links, few or many clients and
 * faults. */
static void
draw_world(struct group *group)
{
    static const int64_t work_us[] = {100, 1000, 5000, 30000};
    static const int64_t link_us[] = {100, 500, 5000, 40000};
    static const int64_t client_us[] = {500, 2000, 5000};
    static const int64_t fault_ms[] = {100, 300, 600, 2000};
    sim_world_work_delay(group->world, 10000,
                         1000 * work_us[rng_below(group->rng, ARRAY_SIZE(work_us))]);
    sim_world_delay(group->world, 50000,
                    1000 * link_us[rng_below(group->rng, ARRAY_SIZE(link_us))]);
    group->client_ns = 1000 * client_us[rng_below(group->rng, ARRAY_SIZE(client_us))];
    group->fault_ns = NS_PER_MS * fault_ms[rng_below(group->rng, ARRAY_SIZE(fault_ms))];
}

static void
run_until(struct group *group, int64_t until_ns)
{
    while (!group->result->violated && sim_world_step(group->world, until_ns)) {
        for (unsigned i = 0; i < group->options.member_count; i++) {
            if (group->nodes[i].cluster != NULL && sim_vfs_is_off(group->nodes[i].disk)) {
                crash_node(&group->nodes[i]);
            }
        }
    }
}

static bool
all_caught_up(const struct group *group)
{
    for (unsigned i = 0; i < group->options.member_count; i++) {
        if (group->nodes[i].applied_index < group->truth_count) {
            return false;
        }
    }
    return true;
}

/* All faults end; a write must get through, and everybody must apply everything. */
static void
heal_and_check(struct group *group)
{
    uint64_t acked = group->result->acked_count;
    group->quiet = true;
    for (unsigned a = 0; a < group->options.member_count; a++) {
        struct node *node = &group->nodes[a];
        for (unsigned b = 0; b < a; b++) {
            sim_world_cut(group->world, a, b, false);
        }
        sim_vfs_crash_at_sync(node->disk, 0);
        node->faults.chance[FAULT_MESSAGE_DROPPED] = 0;
        node->faults.chance[FAULT_LOG_SYNC_SLOW] = 0;
        node->faults.chance[FAULT_APPLY_SLOW] = 0;
        restart_node(node);
    }
    int64_t end_ns = sim_world_now_ns(group->world) + (int64_t)HEAL_S * NS_PER_S;
    while (!group->result->violated && sim_world_now_ns(group->world) < end_ns &&
           (group->result->acked_count == acked || !all_caught_up(group))) {
        run_until(group, sim_world_now_ns(group->world) + 20 * NS_PER_MS);
        for (unsigned i = 0; i < group->options.member_count; i++) {
            struct node *node = &group->nodes[i];
            if (node->leading_term != 0 && group->result->acked_count == acked) {
                write_one(group, node);
            }
        }
    }
    if (group->result->acked_count == acked) {
        violate(group, "no write got through for %d s after all was healed", HEAL_S);
    }
    for (unsigned i = 0; i < group->options.member_count; i++) {
        if (group->nodes[i].applied_index < group->acked_index) {
            violate(group, "node %u applied %" PRIu64 ", but %" PRIu64 " was acknowledged", i,
                    group->nodes[i].applied_index, group->acked_index);
        }
    }
}

void
group_run(const struct group_options *options, struct group_result *result_out)
{
    struct group *group = calloc(1, sizeof(*group));
    ASSERT(group != NULL);
    *result_out = (struct group_result){0};
    group->options = *options;
    group->result = result_out;
    make(group);
    draw_world(group);
    for (unsigned i = 0; i < options->member_count; i++) {
        start_node(&group->nodes[i]);
    }
    sim_world_at(group->world, NS_PER_MS, client_turn, group);
    sim_world_at(group->world, 500 * (int64_t)NS_PER_MS, fault_turn, group);
    run_until(group, options->seconds * NS_PER_S);
    if (!result_out->violated) {
        heal_and_check(group);
    }
    result_out->trace = sim_world_trace(group->world);
    result_out->event_count = sim_world_event_count(group->world);
    for (unsigned i = 0; i < options->member_count; i++) {
        take_down(&group->nodes[i]);
    }
    sim_world_delete(group->world);
    for (unsigned i = 0; i < options->member_count; i++) {
        sim_vfs_delete(group->nodes[i].disk);
    }
    if (options->verbose) {
        logger_deinit(&group->log);
    }
    while (group->writes != NULL) {
        struct call *call = group->writes;
        group->writes = call->next;
        free(call);
    }
    free(group->truths);
    free(group->ops);
    free(group->term_leaders);
    free(group);
}
