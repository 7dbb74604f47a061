/* sim_client.c: see sim_client.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/sim_client.h"
#include "base/net.h"

#include <stdio.h>
#include <stdlib.h>

#define COLUMNS_MAX 16
#define PATIENCE_NS ((int64_t)5000 * 1000 * 1000)

static void
time_is_up(void *arg)
{
    struct sim_client *client = arg;
    client->timed_out = true;
}

void
sim_client_init(struct sim_client *client, struct sim_world *world, unsigned host)
{
    *client = (struct sim_client){.patience_ns = PATIENCE_NS, .txn_status = 'I'};
    sim_world_env(world, host, &client->env);
    ASSERT(loops_create(client->env.loops, &client->loop, NULL) == STATUS_OK);
    client->timer = loop_timer_new(client->loop, time_is_up, client);
}

void
sim_client_close(struct sim_client *client)
{
    stream_close(client->stream);
    client->stream = NULL;
    client->txn_status = 'I';
    buf_clear(&client->in);
    buf_clear(&client->out);
}

void
sim_client_deinit(struct sim_client *client)
{
    sim_client_close(client);
    loop_timer_delete(client->timer);
    loop_delete(client->loop);
    buf_deinit(&client->in);
    buf_deinit(&client->out);
}

/* ---- bytes ---- */

static void
put_int32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static uint32_t
get_int(const uint8_t *at, unsigned bytes)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

static void
add_text(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text) + 1);
}

/* Opens a message; close it with its start. `type` 0: the start-up message has none. */
static size_t
begin_message(struct buf *buf, char type)
{
    if (type != 0) {
        buf_append(buf, &type, 1);
    }
    size_t start = buf->size;
    memset(buf_extend(buf, 4), 0, 4);
    return start;
}

static void
end_message(struct buf *buf, size_t start)
{
    put_int32(buf->data + start, (uint32_t)(buf->size - start));
}

static void
wake(void *arg, struct stream *stream, unsigned ready)
{
    struct sim_client *client = arg;
    UNUSED(stream);
    UNUSED(ready);
    client->woken = true;
    stream_watch(client->stream, 0);
}

/* Until the stream is ready or the patience ends. */
static bool
wait_ready(struct sim_client *client, unsigned wanted)
{
    client->woken = false;
    stream_watch(client->stream, wanted);
    while (!client->woken && !client->timed_out) {
        loop_run_once(client->loop, true);
    }
    return client->woken;
}

static bool
send_all(struct sim_client *client)
{
    size_t sent = 0;
    while (sent < client->out.size) {
        size_t size = 0;
        enum status status = stream_write(client->stream, client->out.data + sent,
                                          client->out.size - sent, &size, NULL);
        sent += size;
        if ((status != STATUS_OK && status != STATUS_AGAIN) ||
            (status == STATUS_AGAIN && !wait_ready(client, STREAM_WRITABLE))) {
            return false;
        }
    }
    buf_clear(&client->out);
    return true;
}

/* At least `size` bytes of input. */
static bool
fill(struct sim_client *client, size_t size)
{
    while (client->in.size < size) {
        uint8_t chunk[4096];
        size_t got = 0;
        enum status status = stream_read(client->stream, chunk, sizeof(chunk), &got, NULL);
        if (status == STATUS_AGAIN && wait_ready(client, STREAM_READABLE)) {
            continue;
        }
        if (status != STATUS_OK) {
            return false;
        }
        buf_append(&client->in, chunk, got);
    }
    return true;
}

/* ---- answers ---- */

static void
read_error(struct sim_client *client, const uint8_t *body, size_t size)
{
    for (size_t at = 0; at < size && body[at] != 0;) {
        const char *text = (const char *)body + at + 1;
        if (body[at] == 'C') {
            snprintf(client->sqlstate, sizeof(client->sqlstate), "%s", text);
        } else if (body[at] == 'M') {
            snprintf(client->message, sizeof(client->message), "%s", text);
        } else if (body[at] == 'D') {
            snprintf(client->detail, sizeof(client->detail), "%s", text);
        }
        at += strlen(text) + 2;
    }
}

static void
read_row(struct sim_client *client, const uint8_t *body)
{
    char texts[COLUMNS_MAX][128];
    const char *values[COLUMNS_MAX] = {0};
    unsigned count = MIN(get_int(body, 2), (unsigned)COLUMNS_MAX);
    body += 2;
    for (unsigned i = 0; i < count; i++) {
        int32_t size = (int32_t)get_int(body, 4);
        body += 4;
        if (size >= 0) {
            snprintf(texts[i], sizeof(texts[i]), "%.*s", size, (const char *)body);
            values[i] = texts[i];
            body += size;
        }
    }
    snprintf(client->value, sizeof(client->value), "%s",
             count > 0 && values[0] != NULL ? values[0] : "");
    if (client->on_row != NULL) {
        client->on_row(client->row_arg, count, values);
    }
}

/* Messages up to ReadyForQuery, or up to CopyInResponse. */
static enum sim_answer
read_answer(struct sim_client *client)
{
    enum sim_answer answer = SIM_DONE;
    for (;;) {
        if (!fill(client, 5) || !fill(client, 1 + (size_t)get_int(client->in.data + 1, 4))) {
            return SIM_LOST;
        }
        const uint8_t *body = client->in.data + 5;
        size_t whole = 1 + (size_t)get_int(client->in.data + 1, 4);
        char type = (char)client->in.data[0];
        if (type == 'E') {
            read_error(client, body, whole - 5);
            answer = SIM_ERROR;
        } else if (type == 'D') {
            read_row(client, body);
        } else if (type == 'C') {
            snprintf(client->tag, sizeof(client->tag), "%s", (const char *)body);
        } else if (type == 'Z') {
            client->txn_status = (char)body[0];
        }
        client->copy_in = type == 'G';
        buf_consume(&client->in, whole);
        if (type == 'Z' || type == 'G') {
            return answer;
        }
    }
}

/* Sends what is in `out`, reads the answer. */
static enum sim_answer
converse(struct sim_client *client)
{
    client->sqlstate[0] = client->message[0] = client->detail[0] = client->value[0] = '\0';
    client->timed_out = false;
    if (client->stream == NULL) {
        return SIM_LOST;
    }
    loop_timer_start(client->timer, client->patience_ns);
    enum sim_answer answer = send_all(client) ? read_answer(client) : SIM_LOST;
    loop_timer_stop(client->timer);
    if (answer == SIM_LOST) {
        sim_client_close(client);
    }
    return answer;
}

/* ---- connecting ---- */

static void
connected(void *arg, struct stream *stream, const struct diag *diag)
{
    struct sim_client *client = arg;
    UNUSED(diag);
    client->connecting = false;
    client->stream = stream;
}

bool
sim_client_connect(struct sim_client *client, unsigned node, uint16_t port)
{
    char host[16];
    snprintf(host, sizeof(host), "127.0.0.%u", node + 1);
    sim_client_close(client);
    client->connecting = true;
    ASSERT(net_connect(client->env.net, client->loop, host, port, connected, client, NULL) ==
           STATUS_OK);
    while (client->connecting) {
        loop_run_once(client->loop, true);
    }
    if (client->stream == NULL) {
        return false;
    }
    stream_attach(client->stream, client->loop, wake, client);
    size_t start = begin_message(&client->out, 0);
    memset(buf_extend(&client->out, 4), 0, 4);
    put_int32(client->out.data + start + 4, 3 << 16); /* protocol 3.0 */
    add_text(&client->out, "user");
    add_text(&client->out, "postgres");
    add_text(&client->out, "database");
    add_text(&client->out, "postgres");
    add_text(&client->out, "");
    end_message(&client->out, start);
    enum sim_answer answer = converse(client);
    if (answer != SIM_DONE) {
        sim_client_close(client);
    }
    return answer == SIM_DONE;
}

/* ---- statements ---- */

enum sim_answer
sim_client_query(struct sim_client *client, const char *sql)
{
    size_t start = begin_message(&client->out, 'Q');
    add_text(&client->out, sql);
    end_message(&client->out, start);
    return converse(client);
}

enum sim_answer
sim_client_execute(struct sim_client *client, const char *sql, const char *parameter)
{
    struct buf *out = &client->out;
    size_t start = begin_message(out, 'P');
    add_text(out, ""); /* the unnamed statement */
    add_text(out, sql);
    buf_append(out, "\0\0", 2); /* no types given */
    end_message(out, start);
    start = begin_message(out, 'B');
    buf_append(out, "\0\0\0\0", 4); /* unnamed portal and statement, formats: text */
    buf_append(out, parameter == NULL ? "\0\0" : "\0\1", 2);
    if (parameter != NULL) {
        uint8_t size[4];
        put_int32(size, (uint32_t)strlen(parameter));
        buf_append(out, size, 4);
        buf_append_text(out, parameter);
    }
    buf_append(out, "\0\0", 2); /* results: text */
    end_message(out, start);
    start = begin_message(out, 'E');
    buf_append(out, "\0\0\0\0\0", 5); /* unnamed portal, all rows */
    end_message(out, start);
    end_message(out, begin_message(out, 'S'));
    return converse(client);
}

enum sim_answer
sim_client_copy(struct sim_client *client, const char *sql, struct slice data)
{
    enum sim_answer answer = sim_client_query(client, sql);
    if (answer != SIM_DONE || !client->copy_in) {
        return answer;
    }
    for (size_t at = 0; at < data.size;) {
        size_t size = MIN(data.size - at, (size_t)16384);
        size_t start = begin_message(&client->out, 'd');
        buf_append(&client->out, data.data + at, size);
        end_message(&client->out, start);
        at += size;
    }
    end_message(&client->out, begin_message(&client->out, 'c'));
    return converse(client);
}
