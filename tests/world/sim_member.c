/* sim_member.c: see sim_member.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/sim_member.h"
#include "cluster/cluster_internal.h"
#include "cluster/log/wal_internal.h"
#include "node/node_internal.h"
#include "storage/verify/verify.h"

#include <stdio.h>

#define HOME "srv"
#define PEER_PORT 7432

static void
print_configuration(const struct sim_member *member, struct buf *out)
{
    const struct sim_member_options *options = &member->options;
    buf_printf(out, "[instance]\nname = \"n%u\"\n", member->number + 1);
    buf_printf(out, "[server]\nlisten_host = \"127.0.0.%u\"\nlisten_port = %d\n",
               member->number + 1, SIM_SQL_PORT);
    buf_printf(out, "max_connections = 50\n[storage]\nbuffer_pool_pages = %u\n",
               options->pool_pages);
    buf_printf(out, "[wal]\ncheckpoint_interval_ms = %u\n", options->checkpoint_ms);
    buf_printf(out, "[clustering]\nlisten_port = %d\nseeds = [", PEER_PORT);
    for (unsigned i = 0; i < options->member_count; i++) {
        buf_printf(out, "%s\"n%u=127.0.0.%u:%d\"", i == 0 ? "" : ", ", i + 1, i + 1, PEER_PORT);
    }
    buf_append_text(out, "]\n");
}

void
sim_member_init(struct sim_member *member, struct sim_world *world, unsigned number,
                const struct sim_member_options *options)
{
    *member = (struct sim_member){.world = world, .number = number, .options = *options};
    sim_world_env(world, number, &member->env);
    member->env.faults = &member->faults;
    rng_seed(&member->faults.rng, member->env.seed);
    struct buf text = BUF_EMPTY;
    struct vfs *vfs = member->env.vfs;
    print_configuration(member, &text);
    ASSERT(vfs_make_dir(vfs, HOME, NULL) == STATUS_OK);
    ASSERT(vfs_sync_dir(vfs, ".", NULL) == STATUS_OK);
    ASSERT(vfs_make_dir(vfs, HOME "/conf", NULL) == STATUS_OK);
    ASSERT(vfs_sync_dir(vfs, HOME, NULL) == STATUS_OK);
    ASSERT(vfs_write_file(vfs, HOME "/conf", "rustydb.toml", text.data, text.size, NULL) ==
           STATUS_OK);
    buf_deinit(&text);
}

/* On a thread of the member, as all that follows up to the observers. */
static void
open_it(void *arg)
{
    struct sim_member *member = arg;
    struct node_world world = {.env = &member->env,
                               .lane_count = member->options.lane_count,
                               .log_fd = member->options.verbose ? 2 : -1,
                               .without_rest = true,
                               .segment_bytes = member->options.segment_bytes};
    member->diag = (struct diag){0};
    struct node *node = NULL;
    enum status status = node_open_in(&world, HOME, &node, &member->diag);
    member->node = node;
    member->state = status == STATUS_OK ? SIM_UP : SIM_REFUSED;
}

static void
close_it(void *arg)
{
    struct sim_member *member = arg;
    struct node *node = member->node;
    member->node = NULL;
    node_close(node);
    member->state = SIM_DOWN;
}

void
sim_member_start(struct sim_member *member)
{
    ASSERT(member->state == SIM_DOWN);
    if (sim_world_is_off(member->world, member->number)) {
        sim_world_power_on(member->world, member->number);
    }
    member->state = SIM_OPENING;
    member->env.seed = rng_next(sim_world_rng(member->world));
    sim_world_start(member->world, member->number, "open", open_it, member);
}

void
sim_member_stop(struct sim_member *member)
{
    ASSERT(member->state == SIM_UP);
    member->state = SIM_CLOSING;
    sim_world_start(member->world, member->number, "close", close_it, member);
}

void
sim_member_power_off(struct sim_member *member)
{
    sim_world_power_off(member->world, member->number);
    member->state = SIM_DOWN;
    member->node = NULL;
    member->busy = false;
}

void
sim_member_run(struct sim_member *member, loop_fn run, void *arg)
{
    sim_world_start(member->world, member->number, "test", run, arg);
}

/* ---- observers ---- */

bool
sim_member_is_primary(const struct sim_member *member)
{
    return member->node != NULL && node_is_primary(member->node);
}

bool
sim_member_is_damaged(const struct sim_member *member)
{
    return member->node != NULL && member->node->damaged; /* one thread runs: no lock */
}

uint64_t
sim_member_applied_index(const struct sim_member *member)
{
    return member->node == NULL ? 0 : store_applied_index(member->node->store);
}

uint64_t
sim_member_root_index(const struct sim_member *member)
{
    return member->node == NULL ? 0 : store_checkpoint_index(member->node->store);
}

uint64_t
sim_member_durable_index(const struct sim_member *member)
{
    return member->node == NULL ? 0 : member->node->cluster->wal->durable_index; /* no lock */
}

uint64_t
sim_member_hashed_index(const struct sim_member *member)
{
    return member->node == NULL ? 0 : member->node->state_hashes.newest;
}

bool
sim_member_hash_at(const struct sim_member *member, uint64_t index, struct hash128 *hash_out)
{
    const struct state_hashes *hashes = &member->node->state_hashes;
    if (hashes->oldest == 0 || index < hashes->oldest || index > hashes->newest) {
        return false;
    }
    *hash_out = hashes->ring[index % STATE_HASHES_KEPT];
    return true;
}

bool
sim_member_verify(struct sim_member *member, struct diag *diag)
{
    return store_check(member->node->store, true, diag) &&
           tables_check(member->node->store, diag);
}
