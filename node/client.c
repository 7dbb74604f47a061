/* client.c: a connection's life on its lane: bytes in, bytes out, and who runs it.
 *
 * Happy path: readable -> client_readable reads into `in` -> ready -> client_run -> client_step
 * as long as there is something -> the lane writes `out`. When a step blocked, the thread came
 * out of it without the lane: finished_call brings the client back (client_finished). A pending
 * commit: `committed` (apply thread) posts committed_call; the client is made ready and
 * client_step goes on with the answer.
 * SPDX-License-Identifier: Apache-2.0 */
#include "node/client.h"
#include "base/errors.h"
#include "node/node_internal.h"
#include "node/relay.h"

#include <stdlib.h>

#define READ_BYTES ((size_t)16 << 10)
#define IN_BYTES_MAX ((size_t)WIRE_MESSAGE_BYTES_MAX + READ_BYTES)

static void client_ready(void *arg, struct stream *stream, unsigned ready);

/* ---- out: the lane's side ---- */

/* Writes what the stream takes. */
static void
flush_locked(struct client *client)
{
    while (client->flushed < client->flushing.size && !client->out_broken) {
        size_t wrote = 0;
        enum status status =
            stream_write(client->stream, client->flushing.data + client->flushed,
                         client->flushing.size - client->flushed, &wrote, NULL);
        if (status == STATUS_AGAIN) {
            return;
        }
        client->out_broken = status != STATUS_OK;
        client->flushed += wrote;
    }
    buf_clear(&client->flushing);
    client->flushed = 0;
}

static void
watch(struct client *client)
{
    mutex_lock(&client->mu);
    bool unsent = client->flushing.size > client->flushed && !client->out_broken;
    mutex_unlock(&client->mu);
    bool listens = !client->busy && !client->disconnected;
    stream_watch(client->stream,
                 (listens ? STREAM_READABLE : 0) | (unsent ? STREAM_WRITABLE : 0));
}

/* Lane: sends, and wakes a runner that waits for room. */
static void
client_flush(void *arg)
{
    struct client *client = arg;
    if (client->stream == NULL) {
        return; /* deleted meanwhile; client_free comes next */
    }
    mutex_lock(&client->mu);
    flush_locked(client);
    bool wake = client->runner_waits &&
                (client->out_broken || client->flushing.size < CLIENT_OUT_BYTES_MAX / 4);
    client->runner_waits = client->runner_waits && !wake;
    mutex_unlock(&client->mu);
    if (wake) {
        waiter_wake(&client->waiter);
    }
    watch(client);
}

/* Lane, client not busy: all of `out` goes to the stream. */
static void
send_out(struct client *client)
{
    if (client->out.size == 0) {
        return;
    }
    client->answers_sent = true;
    mutex_lock(&client->mu);
    if (client->flushing.size == 0) {
        struct buf empty = client->flushing;
        client->flushing = client->out;
        client->out = empty;
    } else {
        buf_append(&client->flushing, client->out.data, client->out.size);
        buf_clear(&client->out);
    }
    flush_locked(client);
    mutex_unlock(&client->mu);
}

/* ---- out: the runner's side ---- */

enum status
client_push(struct client *client)
{
    client->answers_sent = true;
    mutex_lock(&client->mu);
    buf_append(&client->flushing, client->out.data, client->out.size);
    buf_clear(&client->out);
    bool full = client->flushing.size - client->flushed > CLIENT_OUT_BYTES_MAX;
    if (full) {
        waiter_arm(&client->waiter);
        client->runner_waits = true;
    }
    bool broken = client->out_broken;
    mutex_unlock(&client->mu);
    loop_post(client->lane->loop, &client->flush_call);
    if (broken) {
        return diag_fail(&client->diag, STATUS_IO, SQLSTATE_CONNECTION_FAILURE,
                         "connection to client lost");
    }
    return full ? waiter_wait(&client->waiter, WAIT_FOREVER) : STATUS_OK;
}

/* ---- running ---- */

/* waiter.about_to_block: the lane goes to another thread before this one sleeps. */
static enum status
before_blocking(struct waiter *waiter)
{
    struct client *client = waiter->owner;
    return driver_has_lane(client->driver) ? lane_give_away(client->driver) : STATUS_OK;
}

static void
end_shut_down(struct client *client)
{
    struct diag diag = {0};
    STATUS_IGNORED(waiter_report_cancel(&client->waiter, &diag));
    client_end(client, &diag);
}

/* Lane: the client is nobody's now; what came meanwhile is dealt with. */
static void
after_run(struct client *client)
{
    client->busy = false;
    client->driver = NULL;
    if (!client->awaits_commit && !client->awaits_read) {
        send_out(client); /* else one write for all, with what is awaited */
    }
    bool closing =
        client->disconnected || client->phase == CLIENT_CLOSING || client->out_broken;
    if (closing && !client_in_work(client)) {
        if (client->shut_down && client->phase != CLIENT_CLOSING) {
            end_shut_down(client);
        } else {
            client_delete(client);
        }
        return;
    }
    client_limit(client);
    if (client->commit_known || client->read_known) {
        lane_make_ready(client->lane, client);
    }
    if (client->input_waits) {
        client->input_waits = false;
        client_ready(client, client->stream, STREAM_READABLE);
        return;
    }
    watch(client);
}

static void
client_finished(void *arg)
{
    after_run(arg);
}

/* Nothing can go on before another thread has said something. */
static bool
client_awaits(const struct client *client)
{
    return (client->awaits_commit && !client->commit_known) ||
           (client->awaits_read && !client->read_known);
}

void
client_run(struct client *client, struct driver *driver)
{
    ASSERT(!client->busy);
    if (client_awaits(client)) {
        return; /* input that came early waits in `in` */
    }
    client->busy = true;
    client->deadline_ns = 0;
    client->driver = driver;
    waiter_set_current(&client->waiter); /* a page read from disk gives the lane away, too */
    while (client_step(client)) {
    }
    waiter_set_current(NULL);
    if (driver_has_lane(driver)) {
        after_run(client);
    } else {
        loop_post(client->lane->loop, &client->finished_call);
    }
}

bool
client_in_work(const struct client *client)
{
    return client->busy || client->awaits_commit || client->awaits_read;
}

/* ---- in ---- */

static bool
read_input(struct client *client)
{
    if (client->in_used == client->in.size) {
        buf_clear(&client->in);
        client->in_used = 0;
    } else if (client->in_used >= READ_BYTES) {
        buf_consume(&client->in, client->in_used);
        client->in_used = 0;
    }
    for (;;) {
        size_t got = 0;
        if (client->in.size - client->in_used > IN_BYTES_MAX) {
            return true; /* a message at a time; the rest stays in the kernel */
        }
        uint8_t *at = buf_reserve(&client->in, READ_BYTES);
        enum status status = stream_read(client->stream, at, READ_BYTES, &got, NULL);
        if (status == STATUS_AGAIN) {
            return true;
        }
        if (status != STATUS_OK) {
            return false;
        }
        client->in.size += got;
        if (got < READ_BYTES) {
            return true;
        }
    }
}

static void
client_gone(struct client *client)
{
    client->disconnected = true;
    if (client->session != NULL) {
        sql_session_cancel(client->session);
    }
    if (client_in_work(client)) {
        watch(client);
    } else {
        client_delete(client);
    }
}

/* stream_ready_fn. */
static void
client_ready(void *arg, struct stream *stream, unsigned ready)
{
    struct client *client = arg;
    UNUSED(stream);
    if ((ready & STREAM_WRITABLE) != 0) {
        client_flush(client);
    }
    if ((ready & STREAM_READABLE) == 0) {
        return;
    }
    if (client->busy) {
        client->input_waits = true;
        watch(client);
    } else if (!read_input(client)) {
        client_gone(client);
    } else {
        lane_make_ready(client->lane, client);
    }
}

/* ---- commits ---- */

/* sql_session_options.committed: apply thread. */
void
client_committed(void *arg)
{
    struct client *client = arg;
    loop_post(client->lane->loop, &client->committed_call);
}

static void
client_commit_known(void *arg)
{
    struct client *client = arg;
    client->commit_known = true;
    if (!client->busy) {
        lane_make_ready(client->lane, client);
    }
}

void
client_submitting(void *arg)
{
    struct client *client = arg;
    if (!client->is_relayed) {
        return;
    }
    char gtid[GTID_TEXT_MAX];
    sql_gtid(client->session, gtid);
    wire_parameter(&client->out, "rustydb.gtid", gtid);
    if (driver_has_lane(client->driver)) {
        send_out(client);
    } else {
        STATUS_IGNORED(client_push(client)); /* a lost router hears nothing anyway */
    }
}

/* ---- reads ---- */

void
client_read_answered(struct client *client, bool admitted)
{
    client->read_admitted = admitted;
    loop_post(client->lane->loop, &client->read_call);
}

static void
client_read_known(void *arg)
{
    struct client *client = arg;
    client->read_known = true;
    if (!client->busy) {
        lane_make_ready(client->lane, client);
    }
}

/* ---- life ---- */

static void client_free(void *arg);
static void client_end_asked(void *arg);

static void
client_start(void *arg)
{
    struct client *client = arg;
    list_push_back(&client->lane->clients, &client->link);
    stream_attach(client->stream, client->lane->loop, client_ready, client);
    watch(client);
}

void
client_accept(void *arg, struct stream *stream)
{
    struct node *node = arg;
    struct client *client = calloc(1, sizeof(*client));
    ASSERT(client != NULL);
    client->node = node;
    client->stream = stream;
    client->lane = &node->lanes[node->next_lane++ % node->lane_count];
    list_init(&client->link);
    list_init(&client->ready_link);
    list_init(&client->portal_formats);
    mutex_init(&client->mu, LOCK_RANK_MAILBOX);
    waiter_init(&client->waiter);
    arena_init(&client->message_arena);
    client->waiter.about_to_block = before_blocking;
    client->waiter.breathe = client_breathe;
    client->waiter.owner = client;
    client_sink_init(client);
    loop_call_init(&client->start_call, client_start, client);
    loop_call_init(&client->finished_call, client_finished, client);
    loop_call_init(&client->committed_call, client_commit_known, client);
    loop_call_init(&client->read_call, client_read_known, client);
    loop_call_init(&client->flush_call, client_flush, client);
    loop_call_init(&client->terminate_call, client_end_asked, client);
    loop_call_init(&client->free_call, client_free, client);
    clients_add(&node->clients, client);
    loop_post(client->lane->loop, &client->start_call);
}

void
client_shut_down(struct client *client)
{
    if (client->phase == CLIENT_STARTUP && !client->busy) {
        return; /* it will be told 57P03 when it has said who it is */
    }
    client->disconnected = client->shut_down = true;
    waiter_cancel_for(&client->waiter, CANCEL_SHUTDOWN);
    if (client_in_work(client)) {
        client_limit(client);
    } else {
        end_shut_down(client);
    }
}

void
client_terminate(void *arg)
{
    struct client *client = arg;
    loop_post(client->lane->loop, &client->terminate_call);
}

/* Lane. */
static void
client_end_asked(void *arg)
{
    struct client *client = arg;
    if (client->stream != NULL && !client->shut_down) { /* else it is on its way out */
        client_shut_down(client);
    }
}

void
client_end(struct client *client, const struct diag *diag)
{
    wire_report(&client->out, 'E', "FATAL", diag);
    send_out(client);
    client_delete(client);
}

void
client_delete(struct client *client)
{
    ASSERT(!client_in_work(client));
    clients_remove(&client->node->clients, client);
    hold_leave(client);
    relay_close(client->relay);
    if (client->script != NULL) {
        sql_script_close(client->script);
    }
    if (client->session != NULL) {
        sql_session_close(client->session);
    }
    if (client->queued) {
        client->lane->ready_count--;
    }
    list_remove(&client->ready_link);
    list_remove(&client->link);
    stream_close(client->stream);
    client->stream = NULL;
    loop_post(client->lane->loop, &client->free_call); /* behind a flush that may be queued */
}

static void
client_free(void *arg)
{
    struct client *client = arg;
    relay_delete(client->relay);
    client_free_formats(client);
    arena_deinit(&client->message_arena);
    buf_deinit(&client->in);
    buf_deinit(&client->out);
    buf_deinit(&client->flushing);
    waiter_deinit(&client->waiter);
    mutex_deinit(&client->mu);
    free(client);
}
