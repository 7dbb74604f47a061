/* client_message.c: the protocol of a session: what each message does and what is answered.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "node/client.h"
#include "node/node_internal.h"
#include "node/relay.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- result formats: Bind says them, Describe and Execute of the portal need them ---- */

struct portal_formats {
    struct list link;
    unsigned count;
    uint16_t formats[TUPLE_COLUMNS_MAX];
    char portal[];
};

static struct portal_formats *
find_formats(struct client *client, const char *portal)
{
    LIST_EACH(link, &client->portal_formats)
    {
        struct portal_formats *formats = LIST_ITEM(link, struct portal_formats, link);
        if (strcmp(formats->portal, portal) == 0) {
            return formats;
        }
    }
    return NULL;
}

static struct portal_formats *
make_formats(struct client *client, const char *portal)
{
    struct portal_formats *formats = find_formats(client, portal);
    if (formats == NULL) {
        formats = malloc(sizeof(*formats) + strlen(portal) + 1);
        ASSERT(formats != NULL);
        memcpy(formats->portal, portal, strlen(portal) + 1);
        list_push_front(&client->portal_formats, &formats->link);
    }
    formats->count = 0;
    return formats;
}

static void
drop_formats(struct client *client, const char *portal)
{
    struct portal_formats *formats = find_formats(client, portal);
    if (formats != NULL) {
        list_remove(&formats->link);
        free(formats);
    }
}

/* No portal outlives its transaction; the unnamed one's place is kept for the next. */
static void
drop_named_formats(struct client *client)
{
    LIST_EACH(link, &client->portal_formats)
    {
        struct portal_formats *formats = LIST_ITEM(link, struct portal_formats, link);
        if (formats->portal[0] != '\0') {
            list_remove(link);
            free(formats);
        }
    }
    client->row_formats = NULL;
    client->row_format_count = 0;
}

void
client_free_formats(struct client *client)
{
    LIST_EACH(link, &client->portal_formats)
    {
        free(LIST_ITEM(link, struct portal_formats, link));
    }
    list_init(&client->portal_formats);
}

void
client_portal_formats(struct client *client, const char *portal)
{
    struct portal_formats *formats = find_formats(client, portal);
    client->row_formats = formats == NULL ? NULL : formats->formats;
    client->row_format_count = formats == NULL ? 0 : formats->count;
}

/* ---- ends of statements ---- */

/* `failed`: the last statement did. */
static void
ready_for_query(struct client *client, bool failed)
{
    if (client->phase == CLIENT_CLOSING) {
        return; /* FATAL was the last word */
    }
    client->phase = CLIENT_IDLE;
    client->at_unit_end = true;
    if (sql_txn_status(client->session) == SQL_TXN_IDLE) {
        drop_named_formats(client);
        relay_block_ended(client, !failed && !client->rolled_back);
    }
    waiter_reset_cancel(&client->waiter); /* a cancel that came too late hits nothing */
    client->waiter.limit_ns = WAIT_FOREVER;
    relay_tell_commit(client);
    wire_ready(&client->out, sql_txn_status(client->session));
}

static void
script_ended(struct client *client)
{
    bool failed = client->result.state == SQL_FAILED;
    if (!failed) {
        relay_note_script(client, client->began_failed);
    }
    sql_script_close(client->script);
    client->script = NULL;
    ready_for_query(client, failed);
}

/* Refused because this node does not lead any more, before anything of the text was done or
 * said: it is as if the client had asked the other one. */
static bool
goes_elsewhere(struct client *client, const struct diag *diag)
{
    if (client->script == NULL || diag->status != STATUS_NOT_LEADER || client->is_relayed ||
        client->answers_sent || sql_txn_status(client->session) != SQL_TXN_IDLE) {
        return false;
    }
    return sql_text_says(client->session, sql_script_text(client->script)) == SQL_SAYS_OTHER &&
           relay_may_lead_elsewhere(client);
}

static void
go_elsewhere(struct client *client)
{
    char *text = strdup(sql_script_text(client->script));
    ASSERT(text != NULL);
    sql_script_close(client->script);
    client->script = NULL;
    client->phase = CLIENT_IDLE;
    client->copies_out = false;
    client->out.size = client->script_out;
    client->waiter.limit_ns = WAIT_FOREVER; /* the session there has its own */
    relay_run_refused(client, text);
    free(text);
}

/* What failed because this node does not lead can be tried elsewhere: by a router at once, for
 * outside a block nothing of it is left; else by the client. */
static void
report_failure(struct client *client, const struct diag *diag)
{
    struct diag refusal;
    if (diag->status == STATUS_NOT_LEADER) {
        bool by_router = client->is_relayed && sql_txn_status(client->session) == SQL_TXN_IDLE;
        refusal = *diag;
        memcpy(refusal.sqlstate,
               by_router ? SQLSTATE_NOT_PRIMARY : SQLSTATE_SERIALIZATION_FAILURE,
               sizeof(refusal.sqlstate));
        diag = &refusal;
    }
    client_fail(client, "ERROR", diag);
}

/* An error of the simple protocol ends the text; of the extended one, all up to Sync. */
static void
statement_failed(struct client *client, const struct diag *diag)
{
    if (goes_elsewhere(client, diag)) {
        go_elsewhere(client);
        return;
    }
    client->copies_out = false;
    report_failure(client, diag);
    if (client->script != NULL) {
        script_ended(client);
    } else if (client->phase != CLIENT_CLOSING) {
        client->phase = CLIENT_IDLE;
        client->skip_to_sync = true;
    }
}

static void
statement_done(struct client *client)
{
    if (client->copies_out) {
        client->copies_out = false;
        wire_empty(&client->out, 'c');
    }
    if (client->result.empty_query) {
        wire_empty(&client->out, 'I');
    } else {
        wire_complete(&client->out, client->result.tag);
        client->rolled_back = strcmp(client->result.tag, "ROLLBACK") == 0;
    }
    client->phase = client->script != NULL ? CLIENT_SCRIPT : CLIENT_IDLE;
}

static void
sync_ended(struct client *client)
{
    if (client->result.state == SQL_FAILED) {
        report_failure(client, &client->result.diag);
    }
    ready_for_query(client, client->unit_failed || client->result.state == SQL_FAILED);
}

void
client_statement_ended(struct client *client)
{
    switch (client->result.state) {
    case SQL_DONE:
        statement_done(client);
        break;
    case SQL_READING:
        client->awaits_read = true;
        node_ask_read(client->node, client);
        break;
    case SQL_SUSPENDED:
        wire_empty(&client->out, 's');
        break;
    case SQL_COPY_IN:
        client->copy_is_simple = client->script != NULL;
        client->phase = CLIENT_COPY_IN;
        break;
    case SQL_COMMITTING:
        client->awaits_commit = true;
        break;
    case SQL_FAILED:
        statement_failed(client, &client->result.diag);
        break;
    }
}

/* The statement that asked comes again: the next of its script, or its Execute. Refused, this
 * node does not lead any more: without a block the statement reads what is here, as at any
 * replica, and the session's own commits are. */
static void
admit_read(struct client *client)
{
    client->awaits_read = false;
    client->read_known = false;
    bool is_replicas = !client->is_relayed && sql_txn_status(client->session) == SQL_TXN_IDLE;
    sql_read_admitted(client->session, client->read_admitted || is_replicas);
}

static void
finish_commit(struct client *client)
{
    client->awaits_commit = false;
    client->commit_known = false;
    sql_commit_finish(client->session, &client->sink, &client->result);
    if (client->sync_after_commit) {
        client->sync_after_commit = false;
        sync_ended(client);
    } else {
        client_statement_ended(client);
    }
}

/* ---- simple protocol ---- */

static void
protocol_error(struct client *client, const char *what)
{
    struct diag diag = {0};
    UNUSED(diag_fail(&diag, STATUS_INVALID, SQLSTATE_PROTOCOL_VIOLATION, "%s", what));
    client_fail(client, "FATAL", &diag);
}

/* What comes between messages of the extended protocol goes on with an ERROR, as those do. */
static void
message_failed(struct client *client, const char *sqlstate, const char *what)
{
    struct diag diag = {0};
    UNUSED(diag_fail(&diag, STATUS_INVALID, sqlstate, "%s", what));
    client_fail(client, "ERROR", &diag);
    sql_fail(client->session);
    ready_for_query(client, true);
}

static void
simple_query(struct client *client, struct reader *body)
{
    const char *text = read_cstring(body);
    if (text == NULL || !reader_done(body)) {
        message_failed(client, SQLSTATE_PROTOCOL_VIOLATION,
                       text == NULL ? "invalid string in message" : "invalid message format");
        return;
    }
    struct diag diag = {0};
    client->row_format_count = 0;
    client->began_failed = sql_txn_status(client->session) == SQL_TXN_FAILED;
    client->answers_sent = false;
    client->script_out = client->out.size;
    if (sql_script_open(client->session, text, &client->script, &diag) != STATUS_OK) {
        client->script = NULL;
        client_fail(client, "ERROR", &diag);
        ready_for_query(client, true);
        return;
    }
    client->script_left = sql_script_count(client->script);
    if (client->script_left == 0) {
        client->result.state = SQL_DONE;
        wire_empty(&client->out, 'I');
        script_ended(client);
        return;
    }
    client->phase = CLIENT_SCRIPT;
}

static void
next_of_script(struct client *client)
{
    if (client->script_left == 0) {
        script_ended(client);
        return;
    }
    client->script_left--;
    diag_clear(&client->result.diag);
    sql_script_run_next(client->script, &client->sink, &client->result);
    client->script_left += client->result.state == SQL_READING;
    client_statement_ended(client);
}

/* ---- extended protocol ---- */

static void
extended_failed(struct client *client, const struct diag *diag)
{
    client_fail(client, "ERROR", diag);
    client->skip_to_sync = true;
}

static enum status
message_short(struct diag *diag, const char *name)
{
    return diag_fail(diag, STATUS_INVALID, SQLSTATE_PROTOCOL_VIOLATION, "invalid %s message",
                     name);
}

static enum status
parse(struct client *client, struct reader *body, struct diag *diag)
{
    const char *name = read_cstring(body), *text = read_cstring(body);
    unsigned count = read_be16(body);
    if (name == NULL || text == NULL || reader_left(body) != count * (size_t)4) {
        return message_short(diag, "Parse");
    }
    uint32_t few[16];
    uint32_t *types = count <= ARRAY_SIZE(few) ? few : malloc(count * sizeof(*types));
    ASSERT(types != NULL);
    for (unsigned i = 0; i < count; i++) {
        types[i] = read_be32(body);
    }
    enum status status = sql_prepare(client->session, name, text, types, count, diag);
    if (types != few) {
        free(types);
    }
    if (status == STATUS_OK) {
        wire_empty(&client->out, '1');
    }
    return status;
}

/* Format codes of Bind, as they lie in the message: each 0 or 1. */
static enum status
read_formats(struct reader *body, struct slice *formats_out, struct diag *diag)
{
    *formats_out = read_slice(body, read_be16(body) * (size_t)2);
    if (body->failed) {
        return message_short(diag, "Bind");
    }
    for (size_t i = 0; i < formats_out->size; i += 2) {
        if (get_be16(formats_out->data + i) > 1) {
            return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                             "unsupported format code: %u", get_be16(formats_out->data + i));
        }
    }
    return STATUS_OK;
}

static bool
is_binary(struct slice formats, unsigned i)
{
    size_t at = formats.size == 2 ? 0 : i * (size_t)2;
    return at < formats.size && get_be16(formats.data + at) == 1;
}

static enum status
read_params(struct reader *body, struct sql_param *params, unsigned count, struct slice formats,
            struct diag *diag)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t size = read_be32(body);
        params[i].is_null = size == UINT32_MAX;
        params[i].bytes = read_slice(body, params[i].is_null ? 0 : size);
        params[i].binary = is_binary(formats, i);
    }
    return body->failed ? message_short(diag, "Bind") : STATUS_OK;
}

static enum status
keep_formats(struct client *client, const char *portal, struct slice formats, struct diag *diag)
{
    if (formats.size / 2 > TUPLE_COLUMNS_MAX) {
        return message_short(diag, "Bind");
    }
    struct portal_formats *kept = make_formats(client, portal);
    for (kept->count = 0; kept->count < formats.size / 2; kept->count++) {
        kept->formats[kept->count] = get_be16(formats.data + kept->count * (size_t)2);
    }
    return STATUS_OK;
}

static enum status
check_result_formats(struct client *client, const char *portal, size_t format_count,
                     struct diag *diag)
{
    const struct sql_column *columns = NULL;
    unsigned count = 0;
    if (format_count <= 1) {
        return STATUS_OK;
    }
    TRY(sql_portal_describe(client->session, portal, &columns, &count, diag));
    return format_count == count
               ? STATUS_OK
               : diag_fail(diag, STATUS_INVALID, SQLSTATE_PROTOCOL_VIOLATION,
                           "bind message has %zu result formats but query has %u columns",
                           format_count, count);
}

static enum status
bind_params(struct client *client, struct reader *body, const char *portal,
            const char *prepared, struct arena *arena, struct diag *diag)
{
    struct slice formats, result_formats;
    TRY(read_formats(body, &formats, diag));
    unsigned count = read_be16(body);
    struct sql_param *params = arena_array(arena, struct sql_param, MAX(count, 1u));
    if (formats.size / 2 > 1 && formats.size / 2 != count) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_PROTOCOL_VIOLATION,
                         "bind message has %zu parameter formats but %u parameters",
                         formats.size / 2, count);
    }
    TRY(read_params(body, params, count, formats, diag));
    TRY(read_formats(body, &result_formats, diag));
    if (!reader_done(body)) {
        return message_short(diag, "Bind");
    }
    TRY(keep_formats(client, portal, result_formats, diag));
    TRY(sql_bind(client->session, portal, prepared, params, count, diag));
    return check_result_formats(client, portal, result_formats.size / 2, diag);
}

static enum status
bind(struct client *client, struct reader *body, struct diag *diag)
{
    const char *portal = read_cstring(body), *prepared = read_cstring(body);
    if (portal == NULL || prepared == NULL) {
        return message_short(diag, "Bind");
    }
    struct arena_mark mark = arena_mark(&client->message_arena);
    enum status status =
        bind_params(client, body, portal, prepared, &client->message_arena, diag);
    arena_rewind(&client->message_arena, mark);
    if (status == STATUS_OK) {
        relay_note_bind(client, prepared);
        wire_empty(&client->out, '2');
    }
    return status;
}

static void
describe_columns(struct client *client, const struct sql_column *columns, unsigned count)
{
    if (columns == NULL) {
        wire_empty(&client->out, 'n');
    } else {
        wire_row_description(&client->out, columns, count, client->row_formats,
                             client->row_format_count);
    }
}

static enum status
describe(struct client *client, struct reader *body, struct diag *diag)
{
    char kind = (char)read_u8(body);
    const char *name = read_cstring(body);
    const struct sql_column *columns = NULL;
    unsigned count = 0;
    if (name == NULL || (kind != 'S' && kind != 'P')) {
        return message_short(diag, "Describe");
    }
    if (kind == 'P') {
        TRY(sql_portal_describe(client->session, name, &columns, &count, diag));
        client_portal_formats(client, name);
    } else {
        struct sql_prepared *prepared = NULL;
        const enum type_id *params = NULL;
        unsigned param_count = 0;
        TRY(sql_prepared_find(client->session, name, &prepared, diag));
        sql_prepared_describe(prepared, &params, &param_count, &columns, &count);
        wire_parameter_description(&client->out, params, param_count);
        client->row_format_count = 0;
    }
    describe_columns(client, columns, count);
    return STATUS_OK;
}

static enum status
execute(struct client *client, struct reader *body, struct diag *diag)
{
    const char *portal = read_cstring(body);
    uint32_t row_limit = read_be32(body);
    if (portal == NULL || body->failed) {
        return message_short(diag, "Execute");
    }
    client_portal_formats(client, portal);
    diag_clear(&client->result.diag);
    sql_portal_run(client->session, portal, row_limit, &client->sink, &client->result);
    client_statement_ended(client);
    return STATUS_OK;
}

static enum status
close_named(struct client *client, struct reader *body, struct diag *diag)
{
    char kind = (char)read_u8(body);
    const char *name = read_cstring(body);
    if (name == NULL || (kind != 'S' && kind != 'P')) {
        return message_short(diag, "Close");
    }
    if (kind == 'S') {
        sql_prepared_close(client->session, name);
    } else {
        sql_portal_close(client->session, name);
        drop_formats(client, name);
    }
    wire_empty(&client->out, '3');
    return STATUS_OK;
}

static void
sync(struct client *client)
{
    bool failed = client->skip_to_sync;
    client->skip_to_sync = false;
    client->unit_failed = failed;
    diag_clear(&client->result.diag);
    sql_sync(client->session, failed, &client->sink, &client->result);
    if (client->result.state == SQL_COMMITTING) {
        client->awaits_commit = true;
        client->sync_after_commit = true;
    } else {
        sync_ended(client);
    }
}

/* ---- dispatch ---- */

static void
copy_message(struct client *client, char type, struct reader *body)
{
    diag_clear(&client->result.diag);
    if (type == 'd') {
        sql_copy_data(client->session, slice_make(body->next, reader_left(body)),
                      &client->result);
        if (client->result.state == SQL_FAILED) {
            client_statement_ended(client);
        }
        return;
    }
    const char *failure = type == 'f' ? read_cstring(body) : NULL;
    if (type == 'f' && failure == NULL) {
        failure = "";
    }
    client->phase = client->copy_is_simple ? CLIENT_SCRIPT : CLIENT_IDLE;
    sql_copy_end(client->session, failure, &client->sink, &client->result);
    client_statement_ended(client);
}

/* During COPY FROM STDIN only its own messages make sense: where the data ends is lost. */
static void
stray_message(struct client *client, char type)
{
    struct diag diag = {0};
    UNUSED(diag_fail(&diag, STATUS_INVALID, SQLSTATE_PROTOCOL_VIOLATION,
                     "unexpected message type 0x%02X during COPY from stdin",
                     (unsigned)(unsigned char)type));
    client_fail(client, "ERROR", &diag);
    protocol_error(client, "terminating connection because protocol synchronization was lost");
}

static void
extended(struct client *client, char type, struct reader *body)
{
    struct diag *diag = &client->diag;
    enum status status = STATUS_OK;
    diag_clear(diag);
    switch (type) {
    case 'P':
        status = parse(client, body, diag);
        break;
    case 'B':
        status = bind(client, body, diag);
        break;
    case 'D':
        status = describe(client, body, diag);
        break;
    case 'E':
        status = execute(client, body, diag);
        break;
    case 'C':
        status = close_named(client, body, diag);
        break;
    default: /* 'H', Flush: what is ready goes out when the input is used up */
        break;
    }
    if (status != STATUS_OK) {
        extended_failed(client, diag);
    }
}

/* COPY's messages outside of a COPY are left-overs of one that failed: ignored, as PostgreSQL
 * does. */
static bool
is_copy_message(char type)
{
    return type == 'd' || type == 'c' || type == 'f';
}

bool
client_step_message(struct client *client, const struct wire_message *message)
{
    struct reader body = reader_make(message->body);
    char type = message->type;
    client->at_unit_end = false;
    if (type == 'X') {
        client->phase = CLIENT_CLOSING;
    } else if (client->phase == CLIENT_COPY_IN || relay_copies_in(client)) {
        if (is_copy_message(type)) {
            copy_message(client, type, &body);
        } else if (type != 'H' && type != 'S') {
            stray_message(client, type);
        }
    } else if (is_copy_message(type)) {
        return true;
    } else if (type == 'S') {
        sync(client);
    } else if (client->skip_to_sync && strchr("QF", type) != NULL && type != '\0') {
        return true; /* skipped like the messages of the extended protocol */
    } else if (type == 'Q') {
        simple_query(client, &body);
    } else if (type == 'F') {
        message_failed(client, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "the FunctionCall message is not supported");
    } else if (strchr("PBDECH", type) != NULL && type != '\0') {
        if (!client->skip_to_sync) {
            extended(client, type, &body);
        }
        if (type == 'P' && !client->skip_to_sync) {
            relay_note_parse(client, message);
        }
    } else {
        char what[64];
        snprintf(what, sizeof(what), "invalid frontend message type %u", (unsigned char)type);
        protocol_error(client, what);
    }
    return true;
}

/* Nothing of the session is under way: a hold may keep it here. */
static bool
is_at_rest(const struct client *client)
{
    return client->phase == CLIENT_IDLE && !client->awaits_commit && !client->skip_to_sync &&
           client->at_unit_end && sql_txn_status(client->session) == SQL_TXN_IDLE &&
           !relay_in_block(client);
}

/* The next whole message of the input, if there is one. */
static bool
step_input(struct client *client)
{
    struct wire_message message;
    struct diag diag = {0};
    size_t size = 0;
    struct slice bytes =
        slice_make(client->in.data + client->in_used, client->in.size - client->in_used);
    enum status status = wire_read(bytes, false, &message, &size, &diag);
    if (status == STATUS_AGAIN) {
        return false;
    }
    if (status != STATUS_OK) {
        client_fail(client, "FATAL", &diag);
        return false;
    }
    if (message.type != 'X' && !hold_admits(client)) {
        return false; /* hold_release() makes the client ready again */
    }
    client->in_used += size;
    if (relay_takes(client, &message)) {
        bool go_on = relay_step(client, &message);
        client->at_unit_end = !relay_in_block(client);
        return go_on;
    }
    bool go_on = client_step_message(client, &message);
    if (client->awaits_read && client->phase != CLIENT_SCRIPT) {
        client->in_used -= size; /* Execute stays in the input until its read is admitted */
    }
    return go_on;
}

bool
client_step(struct client *client)
{
    if (client->phase == CLIENT_CLOSING) {
        return false;
    }
    bool go_on = true;
    if (client->awaits_commit) {
        finish_commit(client);
    } else if (client->awaits_read) {
        admit_read(client);
    } else if (client->phase == CLIENT_STARTUP) {
        return client_step_startup(client);
    } else if (client->phase == CLIENT_SCRIPT) {
        next_of_script(client);
    } else {
        go_on = step_input(client);
    }
    if (is_at_rest(client)) {
        hold_leave(client);
    }
    return go_on && !client->awaits_commit && !client->awaits_read;
}
