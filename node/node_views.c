/* node_views.c: views of the cluster: the same rows on every node, NULL where this one cannot
 * know.
 * SPDX-License-Identifier: Apache-2.0 */
#include "node/node_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EPOCH_2000_US ((int64_t)946684800 * 1000000)
#define UNHEARD_NS ((int64_t)2 * 1000000000) /* a member silent for so long is unhealthy */
#define LAGGING_SECONDS 10.0                 /* one that is so far behind is degraded */

/* One row of values being filled. */
struct row {
    struct value *values;
    struct arena *arena;
    unsigned used;
};

static void
put_null(struct row *row)
{
    row->values[row->used++] = (struct value){.is_null = true};
}

static void
put_text(struct row *row, const char *text)
{
    row->values[row->used++] =
        (struct value){.bytes = slice_from_text(arena_strdup(row->arena, text))};
}

static void
put_int8(struct row *row, int64_t value)
{
    row->values[row->used++] = (struct value){.i64 = value};
}

static void
put_float8(struct row *row, bool known, double value)
{
    row->values[row->used++] = (struct value){.is_null = !known, .f64 = value};
}

static void
put_time(struct row *row, int64_t wall_us)
{
    row->values[row->used++] =
        (struct value){.is_null = wall_us == 0, .i64 = wall_us - EPOCH_2000_US};
}

/* What can be said of a member's health and lag from here. */
struct view_of_member {
    const struct member_state *state;
    bool primary, heard, lag_known;
    double lag_seconds;
};

/* A member is as late as the newest transaction that it applied is old, unless it has applied
 * everything that was committed. */
static struct view_of_member
look_at(struct node *node, const struct cluster_state *cluster, unsigned member_no)
{
    const struct member_state *state = &cluster->members[member_no];
    int64_t now_us = clock_wall_us(node->env.clock);
    int64_t silent_ns = clock_monotonic_ns(node->env.clock) - state->heard_ns;
    struct view_of_member view = {.state = state};
    view.primary = cluster->leader_id != 0 && state->member.id == cluster->leader_id;
    view.heard = state->self || (state->connected && silent_ns < UNHEARD_NS);
    if (view.primary || state->applied_index >= cluster->commit_index) {
        view.lag_known = view.heard;
    } else if (state->applied_commit_time_us != 0) {
        view.lag_known = true;
        view.lag_seconds = MAX((double)(now_us - state->applied_commit_time_us) / 1e6, 0.0);
    }
    return view;
}

static const char *
health(const struct view_of_member *view, const struct cluster_state *cluster)
{
    if (!view->heard || view->state->expelled || (view->state->self && cluster->damaged)) {
        return "unhealthy";
    }
    bool lags = view->lag_known && view->lag_seconds > LAGGING_SECONDS;
    return lags || cluster->leader_id == 0 ? "degraded" : "healthy";
}

static int
by_name(const void *a, const void *b)
{
    const struct member_state *left = a, *right = b;
    return strcmp(left->member.name, right->member.name);
}

static enum status
member_rows(void *host_arg, struct sql_context *cx, bool standbys_only, unsigned column_count,
            void (*fill)(struct row *row, const struct view_of_member *view,
                         const struct cluster_state *cluster),
            struct value **values_out, unsigned *row_count_out)
{
    struct node *node = host_arg;
    struct cluster_state *cluster = arena_new(cx->arena, struct cluster_state);
    cluster_state(node->cluster, cluster);
    qsort(cluster->members, cluster->member_count, sizeof(cluster->members[0]), by_name);
    *values_out =
        arena_array(cx->arena, struct value, MAX(cluster->member_count, 1u) * column_count);
    *row_count_out = 0;
    for (unsigned i = 0; i < cluster->member_count; i++) {
        struct view_of_member view = look_at(node, cluster, i);
        if (standbys_only && view.primary) {
            continue;
        }
        struct row row = {*values_out + *row_count_out * column_count, cx->arena, 0};
        fill(&row, &view, cluster);
        ASSERT(row.used == column_count);
        ++*row_count_out;
    }
    return STATUS_OK;
}

/* ---- v$cluster_nodes ---- */

static const struct host_view_column cluster_nodes_columns[] = {
    {"node_name", TYPE_TEXT},
    {"version", TYPE_TEXT},
    {"status", TYPE_TEXT},
    {"node_id", TYPE_TEXT},
    {"role", TYPE_TEXT},
    {"last_heartbeat", TYPE_TIMESTAMPTZ},
    {"replication_lag_seconds", TYPE_FLOAT8},
    {"membership", TYPE_TEXT},
    {"sql_port", TYPE_INT8},
    {"log_position", TYPE_INT8},
    {"applied_position", TYPE_INT8},
    {"api_port", TYPE_INT8},
};

static void
fill_cluster_node(struct row *row, const struct view_of_member *view,
                  const struct cluster_state *cluster)
{
    char id[24];
    const struct member_state *state = view->state;
    snprintf(id, sizeof(id), "%" PRIu64, state->member.id);
    put_text(row, state->member.name);
    if (state->version[0] == '\0') {
        put_null(row);
    } else {
        put_text(row, state->version);
    }
    put_text(row, health(view, cluster));
    put_text(row, id);
    put_text(row, view->primary ? "primary" : "standby");
    put_time(row, state->last_heard_us);
    put_float8(row, view->lag_known, view->lag_seconds);
    put_text(row, state->member.voter ? "voter" : "learner");
    put_int8(row, state->member.sql_port);
    put_int8(row, (int64_t)state->log_index);
    put_int8(row, (int64_t)state->applied_index);
    put_int8(row, state->member.api_port);
}

static enum status
cluster_nodes_rows(void *host_arg, struct sql_context *cx, struct value **values_out,
                   unsigned *row_count_out)
{
    return member_rows(host_arg, cx, false, ARRAY_SIZE(cluster_nodes_columns),
                       fill_cluster_node, values_out, row_count_out);
}

/* ---- v$replication_status, v$replication_lag ---- */

static const struct host_view_column replication_status_columns[] = {
    {"standby_name", TYPE_TEXT},
    {"lag_seconds", TYPE_FLOAT8},
    {"status", TYPE_TEXT},
    {"lag_bytes", TYPE_INT8},
    {"last_receive_time", TYPE_TIMESTAMPTZ},
    {"last_replay_time", TYPE_TIMESTAMPTZ},
    {"estimated_data_loss_mb", TYPE_FLOAT8},
};

/* Bytes behind are known only where nothing is behind: the log is counted in entries. */
static void
put_lag_bytes(struct row *row, const struct view_of_member *view,
              const struct cluster_state *cluster)
{
    if (view->heard && view->state->log_index >= cluster->commit_index) {
        put_int8(row, 0);
    } else {
        put_null(row);
    }
}

static void
fill_replication_status(struct row *row, const struct view_of_member *view,
                        const struct cluster_state *cluster)
{
    bool lags = view->lag_known && view->lag_seconds > LAGGING_SECONDS;
    put_text(row, view->state->member.name);
    put_float8(row, view->lag_known, view->lag_seconds);
    put_text(row, view->state->expelled ? "failed"
                  : !view->heard        ? "disconnected"
                  : lags                ? "lagging"
                                        : "streaming");
    put_lag_bytes(row, view, cluster);
    put_time(row, view->state->last_heard_us);
    put_time(row, view->state->applied_commit_time_us);
    /* What is acknowledged is on a majority: losing this node loses nothing. */
    put_float8(row, true, 0);
}

static enum status
replication_status_rows(void *host_arg, struct sql_context *cx, struct value **values_out,
                        unsigned *row_count_out)
{
    return member_rows(host_arg, cx, true, ARRAY_SIZE(replication_status_columns),
                       fill_replication_status, values_out, row_count_out);
}

static const struct host_view_column replication_lag_columns[] = {
    {"standby_name", TYPE_TEXT},
    {"lag_seconds", TYPE_FLOAT8},
    {"lag_bytes", TYPE_INT8},
    {"last_wal_receive_time", TYPE_TIMESTAMPTZ},
    {"last_wal_replay_time", TYPE_TIMESTAMPTZ},
};

static void
fill_replication_lag(struct row *row, const struct view_of_member *view,
                     const struct cluster_state *cluster)
{
    put_text(row, view->state->member.name);
    put_float8(row, view->lag_known, view->lag_seconds);
    put_lag_bytes(row, view, cluster);
    put_time(row, view->state->last_heard_us);
    put_time(row, view->state->applied_commit_time_us);
}

static enum status
replication_lag_rows(void *host_arg, struct sql_context *cx, struct value **values_out,
                     unsigned *row_count_out)
{
    return member_rows(host_arg, cx, true, ARRAY_SIZE(replication_lag_columns),
                       fill_replication_lag, values_out, row_count_out);
}

/* ---- v$state_hash ---- */

static const struct host_view_column state_hash_columns[] = {
    {"node_name", TYPE_TEXT},
    {"log_position", TYPE_INT8},
    {"state_hash", TYPE_TEXT},
};

static enum status
state_hash_rows(void *host_arg, struct sql_context *cx, struct value **values_out,
                unsigned *row_count_out)
{
    struct member_hash members[CLUSTER_MEMBERS_MAX];
    uint64_t position = 0;
    TRY(state_hashes_ask(host_arg, txn_waiter(cx->txn), members, row_count_out, &position,
                         cx->diag));
    *values_out = arena_array(cx->arena, struct value,
                              *row_count_out * (unsigned)ARRAY_SIZE(state_hash_columns));
    struct row row = {*values_out, cx->arena, 0};
    for (unsigned i = 0; i < *row_count_out; i++) {
        char hex[40];
        snprintf(hex, sizeof(hex), "%016" PRIx64 "%016" PRIx64, members[i].hash.high,
                 members[i].hash.low);
        put_text(&row, members[i].name);
        put_int8(&row, (int64_t)position);
        if (members[i].known) {
            put_text(&row, hex);
        } else {
            put_null(&row);
        }
    }
    return STATUS_OK;
}

#define VIEW(view_name, view_columns, view_rows)                                               \
    {                                                                                          \
        .name = (view_name), .column_count = ARRAY_SIZE(view_columns),                         \
        .columns = (view_columns), .rows = (view_rows)                                         \
    }

const struct host_view *
node_views(void *host_arg, unsigned *count_out)
{
    static const struct host_view views[] = {
        VIEW("v$cluster_nodes", cluster_nodes_columns, cluster_nodes_rows),
        VIEW("v$replication_lag", replication_lag_columns, replication_lag_rows),
        VIEW("v$replication_status", replication_status_columns, replication_status_rows),
        VIEW("v$state_hash", state_hash_columns, state_hash_rows),
    };
    UNUSED(host_arg);
    *count_out = ARRAY_SIZE(views);
    return views;
}
