/* node.c: putting a node together and taking it apart, in the one order that works.
 *
 * Up:   settings -> directories, log, lock -> identity -> store -> cluster (opened) -> sql ->
 *       upkeep -> lanes -> cluster (started) -> REST
 * Down: the same backwards, with a checkpoint before the store closes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "node/node.h"
#include "base/errors.h"
#include "base/net.h"
#include "base/thread.h"
#include "node/node_internal.h"
#include "node/seeds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOCK_PATIENCE_MS 3000
#define LOCK_RETRY_MS 20

bool
node_is_primary(struct node *node)
{
    return atomic_load_explicit(&node->primary, memory_order_relaxed);
}

void
node_request_stop(struct node *node)
{
    mutex_lock(&node->stop_mu);
    node->stop_requested = true;
    cond_broadcast(&node->stop_cond);
    mutex_unlock(&node->stop_mu);
}

bool
node_wait(struct node *node)
{
    mutex_lock(&node->stop_mu);
    while (!node->stop_requested && !node->damaged) {
        cond_wait(&node->stop_cond, &node->stop_mu);
    }
    bool sound = !node->damaged;
    mutex_unlock(&node->stop_mu);
    return sound;
}

/* ---- up ---- */

static enum status
make_directories(struct node *node, struct diag *diag)
{
    struct vfs *vfs = node->env.vfs;
    TRY(vfs_make_dir(vfs, node->settings.paths_data_dir, diag));
    TRY(vfs_make_dir(vfs, node->settings.paths_logs_dir, diag));
    return vfs_make_dir(vfs, node->settings.paths_run_dir, diag);
}

static enum status
open_log(struct node *node, struct diag *diag)
{
    if (node->world != NULL) {
        logger_deinit(&node->log);
        logger_init(&node->log, node->env.clock, node->settings.instance_name,
                    node->world->log_fd);
        return STATUS_OK;
    }
    const char *path =
        arena_printf(&node->arena, "%s/rustydb.log", node->settings.paths_logs_dir);
    const char *slow =
        arena_printf(&node->arena, "%s/slow-query.log", node->settings.paths_logs_dir);
    node->log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    slow_log_open(node, slow);
    if (node->log_fd < 0 || node->slow_fd < 0) {
        return diag_fail(diag, STATUS_IO, SQLSTATE_IO_ERROR, "could not open \"%s\"",
                         node->log_fd < 0 ? path : slow);
    }
    logger_deinit(&node->log);
    logger_init(&node->log, node->env.clock, node->settings.instance_name, node->log_fd);
    return STATUS_OK;
}

static enum status
lock_data(struct node *node, struct diag *diag)
{
    const char *path = arena_printf(&node->arena, "%s/lock", node->settings.paths_data_dir);
    TRY(vfs_open(node->env.vfs, path, VFS_WRITE | VFS_CREATE, &node->lock_file, diag));
    /* A server that was just killed holds its files until its last write to disk has ended. */
    enum status status = vfs_lock(node->lock_file, NULL);
    for (int waited_ms = 0; status == STATUS_CONFLICT && waited_ms < LOCK_PATIENCE_MS;
         waited_ms += LOCK_RETRY_MS) {
        thread_sleep_us(LOCK_RETRY_MS * 1000);
        status = vfs_lock(node->lock_file, NULL);
    }
    if (status == STATUS_CONFLICT) {
        diag_fail(diag, status, SQLSTATE_LOCK_FILE_EXISTS,
                  "another server is running on data directory \"%s\"",
                  node->settings.paths_data_dir);
        diag_hint(diag, "Stop it first, or give this instance a home of its own.");
        return status;
    }
    return status == STATUS_OK ? STATUS_OK : diag_errno(diag, EIO, "lock \"%s\"", path);
}

/* For operators and rusty-db-cluster; the lock, not this file, keeps a second server out. */
static enum status
write_pid(struct node *node, struct diag *diag)
{
    char text[24];
    int pid = node->world != NULL ? 1 : (int)getpid(); /* the same in each run of a seed */
    int size = snprintf(text, sizeof(text), "%d\n", pid);
    return vfs_write_file(node->env.vfs, node->settings.paths_run_dir, "rustydb.pid", text,
                          (size_t)size, diag);
}

static enum status
read_entry(void *arg, uint64_t index, struct buf *bytes_out, struct diag *diag)
{
    struct node *node = arg;
    return cluster_read_entry(node->cluster, index, bytes_out, diag);
}

static enum status
log_durable(void *arg, uint64_t index, struct diag *diag)
{
    struct node *node = arg;
    return cluster_log_durable(node->cluster, index, diag);
}

static enum status
open_store(struct node *node, struct diag *diag)
{
    const struct settings *settings = &node->settings;
    TRY(cluster_identity(&node->env, settings->paths_data_dir,
                         settings->clustering_cluster_name, settings->instance_name,
                         &node->identity, diag));
    struct store_options options = {.env = &node->env,
                                    .dir = settings->paths_data_dir,
                                    .page_size = (uint32_t)settings->storage_page_size,
                                    .pool_pages = (uint32_t)settings->storage_buffer_pool_pages,
                                    .origin = node->identity.id,
                                    .incarnation = node->identity.incarnation,
                                    .read_entry = read_entry,
                                    .log_durable = log_durable,
                                    .log_arg = node,
                                    .on_damage = node_store_damaged,
                                    .damage_arg = node};
    TRY(store_open(&options, &node->store, diag));
    store_set_propose(node->store, node_propose, node);
    return STATUS_OK;
}

static uint64_t
segment_bytes(const struct node *node)
{
    return node->world != NULL && node->world->segment_bytes != 0
               ? node->world->segment_bytes
               : (uint64_t)node->settings.wal_max_segment_mb << 20;
}

/* This node's place among the members, by id. */
static unsigned
own_rank(struct node *node)
{
    struct cluster_state state;
    cluster_state(node->cluster, &state);
    unsigned rank = 0;
    while (rank + 1 < state.member_count && !state.members[rank].self) {
        rank++;
    }
    return rank;
}

static enum status
open_cluster(struct node *node, struct diag *diag)
{
    const struct settings *settings = &node->settings;
    struct member founders[CLUSTER_MEMBERS_MAX];
    unsigned founder_count = 0;
    TRY(seeds_read(settings, founders, &founder_count, diag));
    struct cluster_options options = {
        .env = &node->env,
        .data_dir = settings->paths_data_dir,
        .cluster_name = settings->clustering_cluster_name,
        .node_name = settings->instance_name,
        .version = RUSTYDB_VERSION,
        .listen_host = settings->server_listen_host,
        .peer_port = (uint16_t)settings->clustering_listen_port,
        .sql_port = (uint16_t)settings->server_listen_port,
        .api_port = (uint16_t)settings->server_api_port,
        .founders = founders,
        .founder_count = founder_count,
        .segment_bytes = segment_bytes(node),
        .keep_bytes = (uint64_t)settings->wal_keep_mb << 20,
        .applied_index = store_applied_index(node->store),
        .applied_term = store_applied_term(node->store),
        .apply = &node_apply_ops,
        .checkpoint = &node_checkpoint_ops,
        .arg = node,
    };
    TRY(cluster_open(&options, &node->cluster, diag));
    cluster_on_request(node->cluster, state_hashes_answer, node);
    clients_set_rank(&node->clients, own_rank(node));
    return STATUS_OK;
}

static enum status
open_engine(struct node *node, struct diag *diag)
{
    node_host_init(node);
    struct sql_options options = {.store = node->store,
                                  .host = &node->host,
                                  .host_arg = node,
                                  .env = &node->env,
                                  .cluster_name = node->settings.clustering_cluster_name,
                                  .node_name = node->settings.instance_name,
                                  .max_connections =
                                      (unsigned)node->settings.server_max_connections};
    return sql_engine_open(&options, &node->engine, diag);
}

static enum status
open_parts(struct node *node, struct diag *diag)
{
    TRY(make_directories(node, diag));
    TRY(open_log(node, diag));
    TRY(lock_data(node, diag));
    TRY(write_pid(node, diag));
    TRY(open_store(node, diag));
    TRY(open_cluster(node, diag));
    TRY(open_engine(node, diag));
    TRY(upkeep_start(node, diag));
    node->upkeep_runs = true;
    TRY(lanes_start(node, diag));
    TRY(cluster_start(node->cluster, diag));
    node->cluster_runs = true;
    return node->world != NULL && node->world->without_rest ? STATUS_OK
                                                            : rest_start(node, diag);
}

static struct env
env_of_machine(void)
{
    struct rng rng;
    rng_seed_from_system(&rng);
    return (struct env){.vfs = vfs_system(),
                        .clock = clock_system(),
                        .net = net_system(),
                        .workers = workers_system(),
                        .loops = loops_system(),
                        .seed = rng_next(&rng)};
}

static void
node_init(struct node *node, const struct node_world *world)
{
    node->world = world;
    node->env = world != NULL ? *world->env : env_of_machine();
    node->env.log = &node->log;
    node->log_fd = node->slow_fd = -1;
    node->started_us = clock_wall_us(node->env.clock);
    arena_init(&node->arena);
    logger_init(&node->log, node->env.clock, "", STDERR_FILENO);
    applied_waits_init(&node->applied_waits);
    state_hashes_init(&node->state_hashes);
    mutex_init(&node->switchover_mu, LOCK_RANK_CONTROL);
    mutex_init(&node->stop_mu, LOCK_RANK_LEAF);
    cond_init(&node->stop_cond);
}

static void node_free(struct node *node);

enum status
node_open(const char *home, struct node **node_out, struct diag *diag)
{
    return node_open_in(NULL, home, node_out, diag);
}

enum status
node_open_in(const struct node_world *world, const char *home, struct node **node_out,
             struct diag *diag)
{
    *node_out = NULL;
    struct node *node = calloc(1, sizeof(*node));
    ASSERT(node != NULL);
    node_init(node, world);
    enum status status =
        settings_load(node->env.vfs, home, &node->arena, &node->settings, diag);
    if (status == STATUS_OK) {
        clients_init(&node->clients, (unsigned)node->settings.server_max_connections + 16,
                     node->env.seed);
        node->clients_made = true;
        status = open_parts(node, diag);
    }
    if (status != STATUS_OK) {
        node_free(node);
        return status;
    }
    log_info(&node->log, "node", "RustyDB %s serves SQL on %s:%lld, REST on %lld",
             RUSTYDB_VERSION, node->settings.server_listen_host,
             (long long)node->settings.server_listen_port,
             (long long)node->settings.server_api_port);
    node->world = NULL;
    *node_out = node;
    return STATUS_OK;
}

/* ---- down ---- */

static void
node_free(struct node *node)
{
    rest_stop(node);
    if (node->cluster_runs) {
        lanes_shut_clients(node);
    }
    if (node->upkeep_runs) {
        upkeep_stop(node);
    }
    if (node->cluster_runs) {
        cluster_stop(node->cluster);
    }
    if (node->store != NULL && node->cluster_runs && !node->damaged) {
        struct diag diag = {0};
        STATUS_IGNORED(upkeep_checkpoint(node, &diag)); /* logged; the log has it all */
    }
    lanes_stop(node);
    if (node->engine != NULL) {
        sql_engine_close(node->engine);
    }
    if (node->store != NULL) {
        store_close(node->store);
    }
    if (node->cluster != NULL) {
        cluster_close(node->cluster);
    }
    vfs_close(node->lock_file);
    if (node->clients_made) {
        clients_deinit(&node->clients);
    }
    state_hashes_deinit(&node->state_hashes);
    applied_waits_deinit(&node->applied_waits);
    if (node->cluster_runs) { /* else the log may be another server's */
        log_info(&node->log, "node", "stopped");
    }
    logger_deinit(&node->log);
    if (node->log_fd >= 0) {
        close(node->log_fd);
    }
    slow_log_close(node);
    cond_deinit(&node->stop_cond);
    mutex_deinit(&node->stop_mu);
    mutex_deinit(&node->switchover_mu);
    arena_deinit(&node->arena);
    free(node);
}

void
node_close(struct node *node)
{
    log_info(&node->log, "node", "stopping");
    node_free(node);
}
