/* sql_world.c: see sql_world.h. SPDX-License-Identifier: Apache-2.0 */
#include "sql_world.h"

#include "base/worker.h"
#include "proto/entry.h"

#include <stdio.h>
#include <stdlib.h>

static void
must(enum status status, const struct diag *diag, const char *what)
{
    if (status != STATUS_OK) {
        fprintf(stderr, "%s: %s %s %s %s %s:%d\n", what, status_name(status), diag->sqlstate,
                diag->message, diag->while_chain, diag->file, diag->line);
        abort();
    }
}

static enum status
read_entry(void *arg, uint64_t index, struct buf *bytes_out, struct diag *diag)
{
    struct sql_world *world = arg;
    UNUSED(diag);
    ASSERT(index >= 1 && index <= world->entry_count);
    buf_append(bytes_out, world->entries[index - 1].data, world->entries[index - 1].size);
    return STATUS_OK;
}

static enum status
log_durable(void *arg, uint64_t index, struct diag *diag)
{
    UNUSED(arg);
    UNUSED(index);
    UNUSED(diag);
    return STATUS_OK;
}

static void
log_entry(struct sql_world *world, enum entry_kind kind, struct slice payload)
{
    mutex_lock(&world->mu);
    if (world->entry_count == world->entry_capacity) {
        world->entry_capacity = MAX((uint64_t)64, world->entry_capacity * 2);
        world->entries =
            realloc(world->entries, world->entry_capacity * sizeof(world->entries[0]));
    }
    struct buf *entry = &world->entries[world->entry_count++];
    *entry = BUF_EMPTY;
    entry_encode(entry, kind, payload);
    struct diag diag = {0};
    must(store_apply(world->store, world->entry_count, world->term, buf_slice(entry), &diag),
         &diag, "store_apply");
    mutex_unlock(&world->mu);
}

static enum status
propose(void *arg, enum entry_kind kind, struct slice payload, struct waiter *waiter,
        struct diag *diag)
{
    UNUSED(waiter);
    UNUSED(diag);
    log_entry(arg, kind, payload);
    return STATUS_OK;
}

/* ---- host ---- */
static void
propose_commit(void *host_arg, uint64_t term, struct slice record, void (*refused)(void *arg),
               void *arg)
{
    UNUSED(term);
    UNUSED(refused);
    UNUSED(arg);
    log_entry(host_arg, ENTRY_TXNS, record);
}

static bool
is_primary(void *host_arg)
{
    UNUSED(host_arg);
    return true;
}

static const struct host_view *
no_views(void *host_arg, unsigned *count_out)
{
    UNUSED(host_arg);
    *count_out = 0;
    return NULL;
}

static enum status
no_checkpoint(void *host_arg, struct waiter *waiter, struct diag *diag)
{
    UNUSED(host_arg);
    UNUSED(waiter);
    UNUSED(diag);
    return STATUS_OK;
}

static enum status
no_vacuum(void *host_arg, struct waiter *waiter, struct object_id table, struct diag *diag)
{
    UNUSED(host_arg);
    UNUSED(waiter);
    UNUSED(table);
    UNUSED(diag);
    return STATUS_OK;
}

static enum status
no_outcome(void *host_arg, struct waiter *waiter, struct gtid gtid,
           enum txn_outcome *outcome_out, struct diag *diag)
{
    UNUSED(host_arg);
    UNUSED(waiter);
    UNUSED(gtid);
    UNUSED(diag);
    *outcome_out = OUTCOME_UNKNOWN;
    return STATUS_OK;
}

static const char *
server_version(void *host_arg)
{
    UNUSED(host_arg);
    return "15.0 (RustyDB test)";
}

static const struct sql_host host = {
    .propose_commit = propose_commit,
    .is_primary = is_primary,
    .views = no_views,
    .checkpoint = no_checkpoint,
    .vacuum = no_vacuum,
    .txn_outcome = no_outcome,
    .server_version = server_version,
};

void
sql_world_open(struct sql_world *world)
{
    memset(world, 0, sizeof(*world));
    mutex_init(&world->mu, LOCK_RANK_NODE);
    world->sim = sim_vfs_new(1);
    world->env = (struct env){.vfs = sim_vfs_base(world->sim),
                              .clock = clock_system(),
                              .workers = workers_system(),
                              .seed = 1};
    struct diag diag = {0};
    must(vfs_make_dir(world->env.vfs, "data", &diag), &diag, "vfs_make_dir");
    world->options = (struct store_options){.env = &world->env,
                                            .dir = "data",
                                            .page_size = 4096,
                                            .pool_pages = 2048,
                                            .origin = 1,
                                            .incarnation = 1,
                                            .read_entry = read_entry,
                                            .log_durable = log_durable,
                                            .log_arg = world};
    must(store_open(&world->options, &world->store, &diag), &diag, "store_open");
    store_set_propose(world->store, propose, world);
    world->term = 1;
    log_entry(world, ENTRY_TERM_START, slice_make("", 0));
    store_admit_writers(world->store, 1);
    struct sql_options options = {.store = world->store,
                                  .host = &host,
                                  .host_arg = world,
                                  .env = &world->env,
                                  .cluster_name = "test",
                                  .node_name = "n1"};
    must(sql_engine_open(&options, &world->engine, &diag), &diag, "sql_engine_open");
    struct waiter waiter;
    waiter_init(&waiter);
    must(sql_engine_bootstrap(world->engine, &waiter, &diag), &diag, "sql_engine_bootstrap");
    waiter_deinit(&waiter);
}

void
sql_world_close(struct sql_world *world)
{
    sql_engine_close(world->engine);
    store_close(world->store);
    sim_vfs_delete(world->sim);
    for (uint64_t i = 0; i < world->entry_count; i++) {
        buf_deinit(&world->entries[i]);
    }
    free(world->entries);
    mutex_deinit(&world->mu);
}

/* ---- clients ---- */
static void
committed(void *arg)
{
    UNUSED(arg); /* the log applies at once: nobody waits */
}

void
sql_client_open(struct sql_client *client, struct sql_world *world)
{
    memset(client, 0, sizeof(*client));
    client->world = world;
    waiter_init(&client->waiter);
    struct sql_session_options options = {.user = "postgres",
                                          .database = "postgres",
                                          .waiter = &client->waiter,
                                          .committed = committed,
                                          .arg = client,
                                          .session_no = 1};
    struct diag diag = {0};
    must(sql_session_open(world->engine, &options, &client->session, &diag), &diag,
         "sql_session_open");
}

void
sql_client_close(struct sql_client *client)
{
    sql_session_close(client->session);
    waiter_deinit(&client->waiter);
    buf_deinit(&client->answer);
}

struct sink {
    struct sql_sink base;
    struct sql_client *client;
};

static void
on_columns(struct sql_sink *sink, const struct sql_column *columns, unsigned count)
{
    UNUSED(sink);
    UNUSED(columns);
    UNUSED(count);
}

static enum status
on_rows(struct sql_sink *sink, const struct batch *batch)
{
    struct sql_client *client = ((struct sink *)sink)->client;
    client->row_count += batch->row_count;
    for (unsigned row = 0; row < batch->row_count; row++) {
        for (unsigned c = 0; c < batch->column_count; c++) {
            struct value value;
            vector_get(&batch->columns[c], row, &value);
            buf_append_text(&client->answer, c > 0 ? "|" : "");
            if (!value.is_null) {
                value_to_text(batch->columns[c].type, &value, &client->answer);
            }
        }
        buf_append_text(&client->answer, "\n");
    }
    return STATUS_OK;
}

static void
on_copy_begin(struct sql_sink *sink, unsigned column_count)
{
    UNUSED(sink);
    UNUSED(column_count);
}

static enum status
on_copy_out(struct sql_sink *sink, struct slice line)
{
    struct sql_client *client = ((struct sink *)sink)->client;
    buf_append(&client->answer, line.data, line.size);
    return STATUS_OK;
}

static void
on_notice(struct sql_sink *sink, const char *severity, const struct diag *diag)
{
    UNUSED(sink);
    UNUSED(severity);
    UNUSED(diag);
}

static void
on_parameter(struct sql_sink *sink, const char *name, const char *value)
{
    UNUSED(sink);
    UNUSED(name);
    UNUSED(value);
}

static struct sink
make_sink(struct sql_client *client)
{
    return (struct sink){.client = client,
                         .base = {.columns = on_columns,
                                  .rows = on_rows,
                                  .copy_out_begin = on_copy_begin,
                                  .copy_out = on_copy_out,
                                  .copy_in_begin = on_copy_begin,
                                  .notice = on_notice,
                                  .parameter = on_parameter}};
}

static void
note_error(struct sql_client *client, const struct diag *diag)
{
    buf_printf(&client->answer, "ERROR %s: %s", diag->sqlstate, diag->message);
    if (diag->detail[0] != 0) {
        buf_printf(&client->answer, " (%s)", diag->detail);
    }
}

static const char *
finish(struct sql_client *client)
{
    *buf_extend(&client->answer, 1) = 0;
    return (const char *)client->answer.data;
}

static bool
settle(struct sql_client *client, struct sink *sink, struct sql_result *result)
{
    if (result->state == SQL_COMMITTING) {
        sql_commit_finish(client->session, &sink->base, result);
    }
    if (result->state == SQL_FAILED) {
        note_error(client, &result->diag);
        return false;
    }
    return true;
}

const char *
sql_ask(struct sql_client *client, const char *text)
{
    struct sink sink = make_sink(client);
    struct diag diag = {0};
    struct sql_script *script;
    buf_clear(&client->answer);
    client->row_count = 0;
    if (sql_script_open(client->session, text, &script, &diag) != STATUS_OK) {
        note_error(client, &diag);
        return finish(client);
    }
    for (unsigned i = 0; i < sql_script_count(script); i++) {
        struct sql_result result = {0};
        sql_script_run_next(script, &sink.base, &result);
        if (!settle(client, &sink, &result)) {
            break;
        }
    }
    sql_script_close(script);
    return finish(client);
}

const char *
sql_ask_prepared(struct sql_client *client, const char *text, const char *const *params,
                 unsigned param_count)
{
    struct sink sink = make_sink(client);
    struct diag diag = {0};
    struct sql_result result = {0};
    struct sql_param values[16] = {0};
    buf_clear(&client->answer);
    client->row_count = 0;
    for (unsigned i = 0; i < param_count; i++) {
        values[i].is_null = params[i] == NULL;
        values[i].bytes = slice_from_text(params[i] == NULL ? "" : params[i]);
    }
    bool failed = true;
    if (sql_prepare(client->session, "", text, NULL, 0, &diag) != STATUS_OK ||
        sql_bind(client->session, "", "", values, param_count, &diag) != STATUS_OK) {
        note_error(client, &diag);
    } else {
        sql_portal_run(client->session, "", 0, &sink.base, &result);
        failed = !settle(client, &sink, &result);
    }
    sql_sync(client->session, failed, &sink.base, &result);
    (void)settle(client, &sink, &result);
    return finish(client);
}
