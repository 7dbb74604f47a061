/* member_fixture.c: see member_fixture.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cluster/member_fixture.h"
#include "base/hash.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WAIT_MS 10000

static enum status
node_apply(void *arg, uint64_t index, uint64_t term, struct slice bytes, struct diag *diag)
{
    struct fixture_node *node = arg;
    enum status status = STATUS_OK;
    mutex_lock(&node->mu);
    ASSERT(index == node->applied_index + 1);
    ASSERT(term >= node->applied_term);
    struct entry_view view = {0};
    if (bytes.size > 0) {
        status = entry_decode(bytes, &view, diag);
    }
    if (view.kind == ENTRY_TXNS) {
        buf_append(&node->content, view.payload.data, view.payload.size);
    }
    node->applied_index = index;
    node->applied_term = term;
    mutex_unlock(&node->mu);
    return status;
}

static void
node_applied(void *arg, uint64_t index)
{
    struct fixture_node *node = arg;
    UNUSED(index);
    cond_broadcast(&node->changed);
}

static void
node_leadership(void *arg, uint64_t term, bool leader)
{
    struct fixture_node *node = arg;
    mutex_lock(&node->mu);
    ASSERT(leader ? node->leading_term == 0 : node->leading_term == term);
    node->leading_term = leader ? term : 0;
    mutex_unlock(&node->mu);
    cond_broadcast(&node->changed);
}

static void
node_damaged(void *arg, const struct diag *diag)
{
    struct fixture_node *node = arg;
    UNUSED(diag);
    mutex_lock(&node->mu);
    node->damaged = true;
    mutex_unlock(&node->mu);
    cond_broadcast(&node->changed);
}

static const struct apply_ops apply_table = {node_apply, node_applied, node_leadership,
                                             node_damaged};

static uint64_t
node_checkpoint(void *arg)
{
    struct fixture_node *node = arg;
    return atomic_load(&node->checkpoint_index);
}

static const struct checkpoint_ops checkpoint_table = {.durable_index = node_checkpoint};

/* Answers what it was asked. */
static void
echo(void *arg, uint64_t from_id, uint64_t request_no, struct slice request)
{
    struct fixture_node *node = arg;
    cluster_reply(node->cluster, from_id, request_no, request);
}

static uint16_t
free_port(void)
{
    struct loop *loop = NULL;
    struct listener *listener = NULL;
    struct diag diag = {0};
    ASSERT(loop_new_system(&loop, &diag) == STATUS_OK);
    ASSERT(net_listen(net_system(), loop, "127.0.0.1", 0, NULL, NULL, &listener, &diag) ==
           STATUS_OK);
    uint16_t port = listener_port(listener);
    listener_close(listener);
    loop_delete(loop);
    return port;
}

struct fixture *
fixture_new(unsigned count)
{
    struct fixture *f = calloc(1, sizeof(*f));
    ASSERT(f != NULL);
    ASSERT(count <= FIXTURE_NODES_MAX);
    snprintf(f->dir, sizeof(f->dir), "/tmp/cl-member-XXXXXX");
    ASSERT(mkdtemp(f->dir) != NULL);
    f->count = count;
    for (unsigned i = 0; i < count; i++) {
        struct fixture_node *node = &f->nodes[i];
        node->env = (struct env){.vfs = vfs_system(),
                                 .clock = clock_system(),
                                 .net = net_system(),
                                 .workers = workers_system(),
                                 .faults = &node->faults,
                                 .seed = 7 + i};
        rng_seed(&node->faults.rng, i);
        snprintf(node->dir, sizeof(node->dir), "%s/n%u", f->dir, i);
        mutex_init(&node->mu, LOCK_RANK_LEAF);
        cond_init(&node->changed);
        f->founders[i] =
            (struct member){.host = "127.0.0.1", .peer_port = free_port(), .voter = true};
        snprintf(f->founders[i].name, sizeof(f->founders[i].name), "n%u", i);
    }
    return f;
}

void
fixture_start(struct fixture *f, unsigned i)
{
    struct fixture_node *node = &f->nodes[i];
    struct diag diag = {0};
    struct cluster_identity identity;
    node->applied_index = node->store_index;
    node->applied_term = node->store_term;
    node->leading_term = 0;
    buf_clear(&node->content);
    ASSERT(cluster_identity(&node->env, node->dir, "test", f->founders[i].name, &identity,
                            &diag) == STATUS_OK);
    struct cluster_options options = {.env = &node->env,
                                      .data_dir = node->dir,
                                      .cluster_name = "test",
                                      .node_name = f->founders[i].name,
                                      .version = "0.6.0",
                                      .listen_host = "127.0.0.1",
                                      .peer_port = f->founders[i].peer_port,
                                      .founders = f->founders,
                                      .founder_count = f->count,
                                      .segment_bytes = 4 << 20,
                                      .keep_bytes = f->keep_bytes,
                                      .applied_index = node->store_index,
                                      .applied_term = node->store_term,
                                      .apply = &apply_table,
                                      .checkpoint = &checkpoint_table,
                                      .arg = node};
    enum status status = cluster_open(&options, &node->cluster, &diag);
    if (status != STATUS_OK) {
        fprintf(stderr, "open: %s; while %s\n", diag.message, diag.while_chain);
    }
    ASSERT(status == STATUS_OK);
    cluster_on_request(node->cluster, echo, node);
    status = cluster_start(node->cluster, &diag);
    if (status != STATUS_OK) {
        fprintf(stderr, "start: %s; while %s\n", diag.message, diag.while_chain);
    }
    ASSERT(status == STATUS_OK);
}

void
fixture_stop(struct fixture *f, unsigned i)
{
    if (f->nodes[i].cluster != NULL) {
        cluster_stop(f->nodes[i].cluster);
        cluster_close(f->nodes[i].cluster);
        f->nodes[i].cluster = NULL;
    }
}

void
fixture_delete(struct fixture *f)
{
    char command[128];
    for (unsigned i = 0; i < f->count; i++) {
        fixture_stop(f, i);
        buf_deinit(&f->nodes[i].content);
        cond_deinit(&f->nodes[i].changed);
        mutex_deinit(&f->nodes[i].mu);
    }
    snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
    ASSERT(system(command) == 0);
    free(f);
}

unsigned
fixture_leader(struct fixture *f)
{
    for (int waited = 0; waited < WAIT_MS; waited += 2) {
        for (unsigned i = 0; i < f->count; i++) {
            struct cluster_state state = {0};
            if (f->nodes[i].cluster != NULL) {
                cluster_state(f->nodes[i].cluster, &state);
            }
            if (state.leader) {
                return i;
            }
        }
        usleep(2000);
    }
    ASSERT(false && "no leader came up");
    return 0;
}

bool
fixture_holds(struct fixture *f, unsigned i, const char *text)
{
    struct fixture_node *node = &f->nodes[i];
    mutex_lock(&node->mu);
    bool found = node->content.size > 0 &&
                 memmem(node->content.data, node->content.size, text, strlen(text)) != NULL;
    mutex_unlock(&node->mu);
    return found;
}

struct fate {
    struct fixture_node *node;
    bool refused;
};

static void
refused(void *arg)
{
    struct fate *fate = arg;
    mutex_lock(&fate->node->mu);
    fate->refused = true;
    mutex_unlock(&fate->node->mu);
    cond_broadcast(&fate->node->changed);
}

/* Index at which text was applied; 0: refused or not in time. */
static uint64_t
try_write(struct fixture *f, unsigned i, const char *text)
{
    struct fixture_node *node = &f->nodes[i];
    struct fate fate = {.node = node};
    uint64_t index = 0;
    mutex_lock(&node->mu);
    uint64_t term = node->leading_term;
    mutex_unlock(&node->mu);
    if (term == 0) {
        return 0;
    }
    cluster_submit_txn(node->cluster, term, slice_from_text(text), refused, &fate);
    int64_t deadline_ns = clock_monotonic_ns(clock_system()) + (int64_t)WAIT_MS * 1000000;
    mutex_lock(&node->mu);
    while (!fate.refused && index == 0) {
        if (node->content.size > 0 &&
            memmem(node->content.data, node->content.size, text, strlen(text)) != NULL) {
            index = node->applied_index;
        } else if (!cond_wait_until(&node->changed, &node->mu, deadline_ns)) {
            break;
        }
    }
    mutex_unlock(&node->mu);
    return index;
}

uint64_t
fixture_write(struct fixture *f, const char *text)
{
    for (int tries = 0; tries < 100; tries++) {
        uint64_t index = try_write(f, fixture_leader(f), text);
        if (index != 0) {
            return index;
        }
        usleep(5000);
    }
    ASSERT(false && "a write never got through");
    return 0;
}

bool
fixture_wait_applied(struct fixture *f, unsigned i, uint64_t index)
{
    struct fixture_node *node = &f->nodes[i];
    int64_t deadline_ns = clock_monotonic_ns(clock_system()) + (int64_t)WAIT_MS * 1000000;
    bool in_time = true;
    mutex_lock(&node->mu);
    while (node->applied_index < index && in_time) {
        in_time = cond_wait_until(&node->changed, &node->mu, deadline_ns);
    }
    mutex_unlock(&node->mu);
    return in_time;
}
