/* relay.c: the connection to the primary: made, primed, read, written, lost.
 *
 * The stream lives on the client's lane; the runner, who has given the lane away before it
 * first sleeps, talks to it by posted calls (connect, write, hang up) and through `in` and
 * `out`.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "node/node_internal.h"
#include "node/relay_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define READ_BYTES ((size_t)16 << 10)
#define OUT_BYTES_MAX ((size_t)1 << 20) /* of a COPY's data, not taken yet */
#define MS ((int64_t)1000 * 1000)
#define RETRY_NS (10 * MS)
#define ATTEMPT_NS (2000 * MS) /* of one link, until it is ready */
#define LOOK_NS (40 * MS)      /* who waits looks that often who the primary is */
/* A member that is up says something every heartbeat. */
#define SILENCE_NS_MAX (500 * MS)

/* ---- lane ---- */

static void
set_link(struct relay *relay, enum relay_link link)
{
    mutex_lock(&relay->mu);
    relay->link_state = link;
    mutex_unlock(&relay->mu);
    waiter_wake(&relay->client->waiter);
}

/* Writes what the stream takes; true when something is left. */
static bool
write_out(struct relay *relay)
{
    mutex_lock(&relay->mu);
    enum status status = STATUS_OK;
    while (relay->out.size > 0 && status == STATUS_OK) {
        size_t wrote = 0;
        status = stream_write(relay->stream, relay->out.data, relay->out.size, &wrote, NULL);
        buf_consume(&relay->out, wrote);
    }
    bool left = relay->out.size > 0;
    bool wake = relay->runner_waits && relay->out.size < OUT_BYTES_MAX / 4;
    relay->runner_waits = relay->runner_waits && !wake;
    mutex_unlock(&relay->mu);
    if (wake) {
        waiter_wake(&relay->client->waiter);
    }
    if (status != STATUS_OK && status != STATUS_AGAIN) {
        set_link(relay, RELAY_BROKEN);
        return false;
    }
    return left;
}

static void
relay_write(void *arg)
{
    struct relay *relay = arg;
    if (relay->stream != NULL) {
        bool left = write_out(relay);
        stream_watch(relay->stream, STREAM_READABLE | (left ? STREAM_WRITABLE : 0));
    }
}

static void
read_in(struct relay *relay)
{
    enum status status = STATUS_OK;
    mutex_lock(&relay->mu);
    while (status == STATUS_OK) {
        size_t got = 0;
        uint8_t *at = buf_reserve(&relay->in, READ_BYTES);
        status = stream_read(relay->stream, at, READ_BYTES, &got, NULL);
        relay->in.size += got;
    }
    if (status != STATUS_AGAIN) {
        relay->link_state = RELAY_BROKEN;
    }
    mutex_unlock(&relay->mu);
    if (status != STATUS_AGAIN) {
        stream_watch(relay->stream, 0);
    }
    waiter_wake(&relay->client->waiter);
}

/* stream_ready_fn. */
static void
relay_stream_ready(void *arg, struct stream *stream, unsigned ready)
{
    struct relay *relay = arg;
    UNUSED(stream);
    if ((ready & STREAM_WRITABLE) != 0) {
        relay_write(relay);
    }
    if ((ready & STREAM_READABLE) != 0) {
        read_in(relay);
    }
}

/* net_connect_fn. */
static void
relay_connected(void *arg, struct stream *stream, const struct diag *diag)
{
    struct relay *relay = arg;
    UNUSED(diag);
    mutex_lock(&relay->mu);
    relay->connect_pending = false;
    mutex_unlock(&relay->mu);
    if (relay->closed) {
        stream_close(stream);
        if (relay->released) {
            relay_delete(relay);
        }
        return;
    }
    if (relay->drop_wanted) {
        stream_close(stream);
        relay->drop_wanted = false;
        set_link(relay, RELAY_DOWN);
        return;
    }
    if (stream == NULL) {
        set_link(relay, RELAY_BROKEN);
        return;
    }
    relay->stream = stream;
    stream_attach(stream, relay->client->lane->loop, relay_stream_ready, relay);
    set_link(relay, RELAY_UP);
    relay_write(relay);
}

static void
relay_connect(void *arg)
{
    struct relay *relay = arg;
    struct client *client = relay->client;
    if (relay->closed) {
        return;
    }
    mutex_lock(&relay->mu);
    relay->connect_pending = true;
    mutex_unlock(&relay->mu);
    enum status status = net_connect(client->node->env.net, client->lane->loop, relay->host,
                                     relay->port, relay_connected, relay, NULL);
    if (status != STATUS_OK) {
        mutex_lock(&relay->mu);
        relay->connect_pending = false;
        mutex_unlock(&relay->mu);
        set_link(relay, RELAY_BROKEN);
    }
}

static void
relay_drop_stream(void *arg)
{
    struct relay *relay = arg;
    mutex_lock(&relay->mu);
    relay->drop_wanted = relay->connect_pending; /* then relay_connected() drops it */
    mutex_unlock(&relay->mu);
    if (!relay->drop_wanted) {
        stream_close(relay->stream);
        relay->stream = NULL;
        set_link(relay, RELAY_DOWN);
    }
}

struct relay *
relay_new(struct client *client)
{
    struct relay *relay = calloc(1, sizeof(*relay));
    ASSERT(relay != NULL);
    relay->client = client;
    relay->txn_status = SQL_TXN_IDLE;
    list_init(&relay->statements);
    list_init(&relay->notes);
    list_init(&relay->block_notes);
    mutex_init(&relay->mu, LOCK_RANK_MAILBOX);
    loop_call_init(&relay->connect_call, relay_connect, relay);
    loop_call_init(&relay->write_call, relay_write, relay);
    loop_call_init(&relay->hang_up_call, relay_drop_stream, relay);
    return relay;
}

struct relay *
relay_of(struct client *client)
{
    if (client->relay == NULL) {
        client->relay = relay_new(client);
    }
    return client->relay;
}

void
relay_close(struct relay *relay)
{
    if (relay != NULL) {
        relay->closed = true;
        stream_close(relay->stream);
        relay->stream = NULL;
    }
}

void
relay_delete(struct relay *relay)
{
    if (relay == NULL) {
        return;
    }
    mutex_lock(&relay->mu);
    bool pending = relay->connect_pending;
    mutex_unlock(&relay->mu);
    relay->released = true;
    if (pending) {
        return; /* relay_connected() comes once more and deletes it */
    }
    LIST_EACH(link, &relay->statements)
    {
        struct relay_statement *statement = LIST_ITEM(link, struct relay_statement, link);
        buf_deinit(&statement->message);
        free(statement);
    }
    buf_deinit(&relay->batch);
    relay__forget_session(relay);
    buf_deinit(&relay->in);
    buf_deinit(&relay->out);
    mutex_deinit(&relay->mu);
    free(relay);
}

/* ---- runner ---- */

static enum relay_link
link_of(struct relay *relay)
{
    mutex_lock(&relay->mu);
    enum relay_link link = relay->link_state;
    mutex_unlock(&relay->mu);
    return link;
}

static enum status
patience_ended(const struct relay *relay, enum status status, struct diag *diag)
{
    if (status == STATUS_CANCELLED) {
        return waiter_report_cancel(&relay->client->waiter, diag);
    }
    enum status reported =
        diag_fail(diag, status, SQLSTATE_CANNOT_CONNECT_NOW, "no primary could be reached");
    diag_hint(diag, "A majority of the voters must be up; see v_cluster_nodes.");
    return reported;
}

void
relay_send(struct relay *relay, struct slice bytes)
{
    mutex_lock(&relay->mu);
    buf_append(&relay->out, bytes.data, bytes.size);
    mutex_unlock(&relay->mu);
    loop_post(relay->client->lane->loop, &relay->write_call);
}

void
relay_hang_up(struct relay *relay)
{
    waiter_arm(&relay->client->waiter);
    loop_post(relay->client->lane->loop, &relay->hang_up_call);
    while (link_of(relay) != RELAY_DOWN) {
        STATUS_IGNORED(
            waiter_wait_woken(&relay->client->waiter)); /* the loop answers at once */
    }
    mutex_lock(&relay->mu);
    buf_clear(&relay->in);
    buf_clear(&relay->out);
    mutex_unlock(&relay->mu);
    relay->txn_status = SQL_TXN_IDLE;
    relay->copy_in = false;
    relay->part_there = relay->part_failed = false;
    relay__untell(relay);
    LIST_EACH(link, &relay->statements)
    {
        LIST_ITEM(link, struct relay_statement, link)->known_there = false;
    }
}

/* The first whole message of `in`, taken out. */
static bool
take_message(struct relay *relay, struct buf *message_out)
{
    struct wire_message message;
    size_t size = 0;
    mutex_lock(&relay->mu);
    bool whole = wire_read(buf_slice(&relay->in), false, &message, &size, NULL) == STATUS_OK;
    if (whole) {
        buf_clear(message_out);
        buf_append(message_out, relay->in.data, size);
        buf_consume(&relay->in, size);
    }
    mutex_unlock(&relay->mu);
    return whole;
}

/* ---- waiting for the other side ---- */

static int64_t
now(const struct relay *relay)
{
    return clock_monotonic_ns(relay->client->node->env.clock);
}

/* Another node leads, as far as this one knows. */
static bool
primary_moved(const struct relay *relay)
{
    uint64_t leader_id = cluster_leader_id(relay->client->node->cluster);
    return leader_id != 0 && leader_id != relay->primary_id;
}

static int64_t
primary_silent_ns(const struct relay *relay)
{
    struct node *node = relay->client->node;
    struct cluster_state state;
    cluster_state(node->cluster, &state);
    for (unsigned i = 0; i < state.member_count; i++) {
        if (state.members[i].member.id == relay->primary_id) {
            return now(relay) - state.members[i].heard_ns;
        }
    }
    return INT64_MAX;
}

/* While a link is made nothing is lost by trying another node. A former primary that is alive
 * still says what became of a unit, so that one waits until it is silent, too: it hangs, or is
 * cut off. */
static bool
is_given_up(const struct relay *relay, enum relay_wait wait)
{
    if (wait == RELAY_WAIT_LINK) {
        return primary_moved(relay) || now(relay) >= relay->attempt_end_ns;
    }
    if (cluster_leader_id(relay->client->node->cluster) == relay->primary_id) {
        return false;
    }
    return primary_silent_ns(relay) >=
           (primary_moved(relay) ? SILENCE_NS_MAX : RELAY_PATIENCE_NS);
}

/* After waiter_arm(). STATUS_IO: it is not worth waiting any longer. */
static enum status
wait_a_turn(struct relay *relay, enum relay_wait wait, struct diag *diag)
{
    enum status status = waiter_wait(&relay->client->waiter, now(relay) + LOOK_NS);
    if (status == STATUS_TIMEOUT) {
        return is_given_up(relay, wait) ? STATUS_IO : STATUS_OK;
    }
    return status == STATUS_OK ? STATUS_OK : patience_ended(relay, status, diag);
}

enum status
relay_receive(struct relay *relay, enum relay_wait wait, struct buf *message_out,
              struct diag *diag)
{
    for (;;) {
        waiter_arm(&relay->client->waiter);
        if (take_message(relay, message_out)) {
            return STATUS_OK;
        }
        if (link_of(relay) != RELAY_UP) {
            return STATUS_IO;
        }
        TRY(wait_a_turn(relay, wait, diag));
    }
}

/* ---- making a link ---- */

static void
startup_setting(void *arg, const char *name, const char *value)
{
    wire_cstring(arg, name);
    wire_cstring(arg, value);
}

static void
send_startup(struct relay *relay)
{
    struct client *client = relay->client;
    struct buf packet = BUF_EMPTY;
    buf_be32(&packet, 0);
    buf_be32(&packet, WIRE_PROTOCOL_3);
    wire_cstring(&packet, "user");
    wire_cstring(&packet, client->user);
    wire_cstring(&packet, "database");
    wire_cstring(&packet, client->database);
    wire_cstring(&packet, "rustydb.relay");
    wire_cstring(&packet, "on");
    sql_each_startup_setting(client->session, startup_setting, &packet);
    buf_u8(&packet, 0);
    put_be32(packet.data, (uint32_t)packet.size);
    relay_send(relay, buf_slice(&packet));
    buf_deinit(&packet);
}

static void
send_query(struct relay *relay, const char *text)
{
    struct buf message = BUF_EMPTY;
    size_t start = wire_begin(&message, 'Q');
    wire_cstring(&message, text);
    wire_end(&message, start);
    relay_send(relay, buf_slice(&message));
    buf_deinit(&message);
}

/* Reads up to ReadyForQuery; STATUS_IO also when the other side answered FATAL. */
static enum status
skip_to_ready(struct relay *relay, struct diag *diag)
{
    struct buf message = BUF_EMPTY;
    enum status status = STATUS_OK;
    do {
        status = relay_receive(relay, RELAY_WAIT_LINK, &message, diag);
    } while (status == STATUS_OK && message.data[0] != 'Z');
    if (status == STATUS_OK && message.size > 5) {
        relay->txn_status = (char)message.data[5];
    }
    buf_deinit(&message);
    return status;
}

/* Settings that were SET here since. */
static enum status
prime(struct relay *relay, struct diag *diag)
{
    for (const char *text; (text = relay__untold(relay)) != NULL;) {
        send_query(relay, text);
        TRY(skip_to_ready(relay, diag)); /* failing, the link is given up */
    }
    return STATUS_OK;
}

/* One attempt with the primary known now. STATUS_AGAIN: it is this node. */
static enum status
try_link(struct relay *relay, struct diag *diag)
{
    struct cluster_state state;
    const struct member_state *primary = NULL;
    cluster_state(relay->client->node->cluster, &state);
    for (unsigned i = 0; i < state.member_count; i++) {
        if (state.leader_id != 0 && state.members[i].member.id == state.leader_id) {
            primary = &state.members[i];
        }
    }
    if (primary == NULL || primary->member.sql_port == 0) {
        return STATUS_NOT_FOUND;
    }
    if (primary->self) {
        return node_is_primary(relay->client->node) ? STATUS_AGAIN : STATUS_NOT_FOUND;
    }
    relay->primary_id = state.leader_id;
    mutex_lock(&relay->mu);
    snprintf(relay->host, sizeof(relay->host), "%s", primary->member.host);
    relay->port = primary->member.sql_port;
    relay->link_state = RELAY_CONNECTING;
    mutex_unlock(&relay->mu);
    waiter_arm(&relay->client->waiter);
    send_startup(relay);
    loop_post(relay->client->lane->loop, &relay->connect_call);
    enum status status = STATUS_OK;
    while (link_of(relay) == RELAY_CONNECTING && status == STATUS_OK) {
        status = wait_a_turn(relay, RELAY_WAIT_LINK, diag);
    }
    if (status == STATUS_OK) {
        status = skip_to_ready(relay, diag);
    }
    return status == STATUS_OK ? prime(relay, diag) : status;
}

enum status
relay_rest(struct relay *relay, int64_t deadline_ns, struct diag *diag)
{
    waiter_arm(&relay->client->waiter);
    int64_t now_ns = now(relay);
    if (now_ns >= deadline_ns) {
        return patience_ended(relay, STATUS_TIMEOUT, diag);
    }
    enum status status = waiter_wait(&relay->client->waiter, now_ns + RETRY_NS);
    return status == STATUS_CANCELLED ? patience_ended(relay, status, diag) : STATUS_OK;
}

bool
relay_is_up(struct relay *relay)
{
    return link_of(relay) == RELAY_UP && !primary_moved(relay);
}

bool
relay_is_down(struct relay *relay)
{
    return link_of(relay) == RELAY_DOWN;
}

enum status
relay_wait_for_room(struct relay *relay, struct diag *diag)
{
    for (;;) {
        waiter_arm(&relay->client->waiter);
        mutex_lock(&relay->mu);
        bool full = relay->out.size > OUT_BYTES_MAX;
        relay->runner_waits = full;
        mutex_unlock(&relay->mu);
        if (!relay_is_up(relay)) {
            return STATUS_IO;
        }
        if (!full) {
            return STATUS_OK;
        }
        TRY(wait_a_turn(relay, RELAY_WAIT_ANSWER, diag));
    }
}

enum status
relay_ready_link(struct relay *relay, int64_t deadline_ns, struct diag *diag)
{
    relay->attempt_end_ns = deadline_ns;
    if (relay_is_up(relay) && prime(relay, NULL) == STATUS_OK) {
        return STATUS_OK;
    }
    bool in_block = relay->txn_status != SQL_TXN_IDLE;
    if (link_of(relay) != RELAY_DOWN) {
        relay_hang_up(relay);
    }
    if (in_block) {
        return STATUS_CONFLICT;
    }
    for (;;) {
        struct diag reason = {0};
        relay->attempt_end_ns = MIN(deadline_ns, now(relay) + ATTEMPT_NS);
        enum status status = try_link(relay, &reason);
        if (status == STATUS_OK || status == STATUS_AGAIN) {
            return status;
        }
        if (link_of(relay) != RELAY_DOWN) {
            relay_hang_up(relay);
        }
        if (status == STATUS_CANCELLED) {
            return patience_ended(relay, status, diag);
        }
        TRY(relay_rest(relay, deadline_ns, diag));
    }
}
