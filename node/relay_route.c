/* relay_route.c: which of a client's messages run here and which on the primary.
 *
 * A unit is a Query, or the messages of the extended protocol up to Sync or Flush. A unit that
 * needs the primary goes there whole; its answers come back to the client as they are, but for
 * the few that are between the nodes. In a block on the primary everything goes there; in a
 * READ ONLY block begun here everything stays here.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "node/node_internal.h"
#include "node/relay_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* Of messages kept here before their unit is run, but for one message. */
#define BATCH_BYTES_MAX ((size_t)1 << 20)

/* ---- statements by name ---- */

struct relay_statement *
relay__find_statement(struct relay *relay, const char *name)
{
    LIST_EACH(link, &relay->statements)
    {
        struct relay_statement *statement = LIST_ITEM(link, struct relay_statement, link);
        if (strcmp(statement->name, name) == 0) {
            return statement;
        }
    }
    return NULL;
}

void
relay__drop_statement(struct relay_statement *statement)
{
    list_remove(&statement->link);
    buf_deinit(&statement->message);
    free(statement);
}

static struct relay_statement *
note_statement(struct client *client, struct slice whole, const char *name, const char *text)
{
    struct relay *relay = client->relay;
    struct relay_statement *statement = relay__find_statement(relay, name);
    if (statement != NULL && slice_equal(buf_slice(&statement->message), whole)) {
        return statement; /* also when `whole` is that very message */
    }
    if (statement != NULL) {
        relay__drop_statement(statement);
    }
    statement = calloc(1, sizeof(*statement) + strlen(name) + 1);
    ASSERT(statement != NULL);
    memcpy(statement->name, name, strlen(name) + 1);
    buf_append(&statement->message, whole.data, whole.size);
    statement->text = (const char *)statement->message.data + (text - (const char *)whole.data);
    list_push_front(&relay->statements, &statement->link);
    return statement;
}

/* Looked up when first asked: on a primary nobody asks. */
static bool
needs_primary(struct client *client, struct relay_statement *statement)
{
    if (!statement->classified) {
        statement->classified = true;
        statement->needs_primary = sql_text_needs_primary(client->session, statement->text);
    }
    return statement->needs_primary;
}

/* ---- a unit's messages ---- */

bool
relay__next_message(struct unit_reader *reader, struct wire_message *message,
                    struct slice *whole)
{
    size_t size = 0;
    if (wire_read(reader->rest, false, message, &size, NULL) != STATUS_OK) {
        return false;
    }
    *whole = slice_make(reader->rest.data, size);
    reader->rest = slice_make(reader->rest.data + size, reader->rest.size - size);
    return true;
}

const char *
relay__statement_named(const struct wire_message *message)
{
    struct reader body = reader_make(message->body);
    if (message->type == 'B') {
        const char *portal = read_cstring(&body);
        return portal == NULL ? NULL : read_cstring(&body);
    }
    if (message->type == 'D' || message->type == 'C') {
        return read_u8(&body) == 'S' ? read_cstring(&body) : NULL;
    }
    return NULL;
}

bool
relay__is_part(struct slice unit)
{
    struct unit_reader reader = {unit};
    struct wire_message message = {0};
    struct slice whole;
    while (relay__next_message(&reader, &message, &whole)) {
    }
    return message.type == 'H';
}

/* Notes the unit's Parse messages and says whether any of it needs the primary. */
static bool
unit_needs_primary(struct client *client, struct slice unit)
{
    bool needs = false;
    struct unit_reader reader = {unit};
    struct wire_message message;
    struct slice whole;
    while (relay__next_message(&reader, &message, &whole)) {
        if (message.type == 'P') {
            struct reader body = reader_make(message.body);
            const char *name = read_cstring(&body), *text = read_cstring(&body);
            if (name != NULL && text != NULL) {
                needs |= needs_primary(client, note_statement(client, whole, name, text));
            }
        } else {
            const char *name = relay__statement_named(&message);
            struct relay_statement *statement =
                name == NULL ? NULL : relay__find_statement(client->relay, name);
            if (statement != NULL) {
                needs |= message.type != 'C' && needs_primary(client, statement);
            } else if (name != NULL && name[0] != '\0' && message.type == 'B') {
                needs |= sql_name_needs_primary(client->session, name); /* made by PREPARE */
            }
        }
    }
    return needs;
}

/* ---- running a unit here ---- */

static enum status
wait_for_own_commit(struct client *client, struct diag *diag)
{
    struct node *node = client->node;
    uint64_t index = client->relay == NULL ? 0 : client->relay->commit_index;
    bool reads_nothing = sql_txn_status(client->session) == SQL_TXN_FAILED;
    return reads_nothing || index <= store_applied_index(node->store)
               ? STATUS_OK
               : node_wait_applied(node, index, &client->waiter,
                                   clock_monotonic_ns(node->env.clock) + RELAY_PATIENCE_NS,
                                   diag);
}

/* A statement parsed only there so far: parsed here now, its answer is nobody's. */
static void
parse_here(struct client *client, struct relay_statement *statement)
{
    struct wire_message message;
    size_t size = 0;
    if (statement->known_here ||
        wire_read(buf_slice(&statement->message), false, &message, &size, NULL) != STATUS_OK) {
        return;
    }
    size_t before = client->out.size;
    UNUSED(client_step_message(client, &message));
    statement->known_here = !client->skip_to_sync;
    if (statement->known_here) {
        client->out.size = before;
    }
}

/* Bytes taken too early are the next of the input again. */
static void
put_back(struct client *client, struct slice bytes)
{
    struct buf in = BUF_EMPTY;
    buf_append(&in, bytes.data, bytes.size);
    buf_append(&in, client->in.data + client->in_used, client->in.size - client->in_used);
    buf_deinit(&client->in);
    client->in = in;
    client->in_used = 0;
}

static void
run_unit_here(struct client *client, struct slice unit)
{
    struct unit_reader reader = {unit};
    struct wire_message message;
    struct slice whole;
    struct diag diag = {0};
    if (wait_for_own_commit(client, &diag) != STATUS_OK) {
        client_fail(client, "ERROR", &diag);
        client->skip_to_sync = true;
    }
    while (relay__next_message(&reader, &message, &whole) && client->phase != CLIENT_CLOSING) {
        struct reader body = reader_make(message.body);
        const char *name =
            message.type == 'P' ? read_cstring(&body) : relay__statement_named(&message);
        struct relay_statement *statement =
            name == NULL ? NULL : relay__find_statement(client->relay, name);
        if (statement != NULL && message.type == 'P') {
            statement->known_here = true;
        } else if (statement != NULL && message.type == 'C') {
            relay__drop_statement(statement);
        } else if (statement != NULL) {
            parse_here(client, statement);
        }
        UNUSED(client_step_message(client, &message));
        if (client->awaits_read) { /* it comes again, and the rest behind it */
            put_back(client, slice_make(whole.data, whole.size + reader.rest.size));
            return;
        }
        if (client->awaits_commit) { /* this is the primary by now: the rest comes behind it */
            put_back(client, reader.rest);
            return;
        }
    }
}

/* ---- deciding ---- */

bool
relay_copies_in(const struct client *client)
{
    return client->relay != NULL && client->relay->copy_in;
}

bool
relay_in_block(const struct client *client)
{
    const struct relay *relay = client->relay;
    return relay != NULL &&
           (relay->txn_status != SQL_TXN_IDLE || relay->copy_in || relay->batch.size > 0 ||
            relay->part_there || relay->part_here || relay->skips);
}

static bool
block_is_here(struct client *client)
{
    return sql_txn_status(client->session) != SQL_TXN_IDLE;
}

static bool
block_is_there(struct client *client)
{
    return client->relay != NULL && client->relay->txn_status != SQL_TXN_IDLE;
}

void
relay_note_parse(struct client *client, const struct wire_message *message)
{
    struct reader body = reader_make(message->body);
    const char *name = read_cstring(&body), *text = read_cstring(&body);
    if (client->is_relayed || name == NULL || text == NULL) {
        return;
    }
    if (name[0] == '\0') { /* it lives as long as its unit; one of an earlier unit is gone */
        struct relay_statement *old =
            client->relay == NULL ? NULL : relay__find_statement(client->relay, name);
        if (old != NULL) {
            relay__drop_statement(old);
        }
        return;
    }
    UNUSED(relay_of(client));
    struct slice whole = slice_make(message->body.data - 5, message->body.size + 5);
    note_statement(client, whole, name, text)->known_here = true;
}

static const char *
query_text(const struct wire_message *message)
{
    struct reader body = reader_make(message->body);
    return read_cstring(&body);
}

/* On a relayed session of a node that is not the primary (any more). */
static bool
refuse_as_replica(struct client *client, const struct wire_message *message)
{
    const char *text = message->type == 'Q' ? query_text(message) : NULL;
    if (text != NULL && relay_is_session_text(client, text)) {
        return false;
    }
    return strchr("QPBE", message->type) != NULL;
}

static bool
query_goes_there(struct client *client, const struct wire_message *message)
{
    const char *text = query_text(message);
    if (block_is_there(client)) {
        return true; /* also what is no text: it fails the block */
    }
    return text != NULL && !block_is_here(client) &&
           sql_text_needs_primary(client->session, text);
}

/* What was parsed only there is parsed here when it is used: this node is the primary by now,
 * or a block that was there is lost. */
static void
parse_named_here(struct client *client, const struct wire_message *message)
{
    const char *name = client->relay == NULL ? NULL : relay__statement_named(message);
    struct relay_statement *statement =
        name == NULL ? NULL : relay__find_statement(client->relay, name);
    if (statement != NULL && message->type != 'C' && !client->skip_to_sync &&
        client->phase != CLIENT_COPY_IN) {
        parse_here(client, statement);
    }
}

static bool
goes_by_router(struct client *client, const struct wire_message *message)
{
    bool primary = node_is_primary(client->node);
    char type = message->type;
    if (client->is_relayed) {
        return !primary && !client->skip_to_sync && refuse_as_replica(client, message);
    }
    bool there = relay_in_block(client);
    if ((primary && !there) || type == 'X' || type == '\0' || client->phase == CLIENT_COPY_IN) {
        return false;
    }
    if (type == 'd' || type == 'c' || type == 'f') {
        return relay_copies_in(client);
    }
    if (relay_copies_in(client) && type != 'H' && type != 'S') {
        return false; /* ends the connection */
    }
    if (strchr("PBDECSH", type) != NULL) {
        return !block_is_here(client) || there;
    }
    return type == 'Q' || (type == 'F' && there);
}

bool
relay_takes(struct client *client, const struct wire_message *message)
{
    bool takes = goes_by_router(client, message);
    if (!takes) {
        parse_named_here(client, message);
    }
    return takes;
}

static bool
step_relayed(struct client *client, const struct wire_message *message)
{
    struct diag diag = {0};
    UNUSED(diag_fail(&diag, STATUS_NOT_LEADER, SQLSTATE_NOT_PRIMARY,
                     "this node is not the primary any more"));
    client_fail(client, "ERROR", &diag);
    if (message->type == 'Q') {
        wire_ready(&client->out, sql_txn_status(client->session));
    } else {
        client->skip_to_sync = true;
    }
    return true;
}

/* The first statement of a text, and where the second begins; 0: there is none. */
struct opening {
    unsigned count, says;
    size_t rest_at;
};

/* sql_part_fn */
static void
look_at_opening(void *arg, const struct sql_part *part)
{
    struct opening *opening = arg;
    if (++opening->count == 1) {
        opening->says = part->says;
    } else if (opening->count == 2) {
        opening->rest_at = part->offset;
    }
}

/* The rest of a text as a Query, with blanks before it: it stays at its place. */
static void
make_rest(const char *text, size_t rest_at, struct buf *rest)
{
    size_t start = wire_begin(rest, 'Q'), text_at = rest->size;
    wire_cstring(rest, text);
    wire_end(rest, start);
    memset(rest->data + text_at, ' ', rest_at);
}

/* "ROLLBACK; INSERT .." in a block that is failed here: its end runs here, and what is behind
 * it becomes a Query of its own, for the primary. False: it is not so. */
static bool
end_block_before(struct client *client, const struct wire_message *message, struct buf *rest)
{
    const char *text = message->type == 'Q' ? query_text(message) : NULL;
    struct opening opening = {0};
    if (text == NULL || sql_txn_status(client->session) != SQL_TXN_FAILED) {
        return false;
    }
    sql_text_each_part(client->session, text, look_at_opening, &opening);
    if (opening.rest_at == 0 ||
        (opening.says != SQL_SAYS_COMMIT && opening.says != SQL_SAYS_ROLLBACK) ||
        !sql_text_needs_primary(client->session, text + opening.rest_at)) {
        return false;
    }
    struct sql_script *script = NULL;
    struct diag diag = {0};
    if (sql_script_open(client->session, text, &script, &diag) != STATUS_OK) {
        return false;
    }
    diag_clear(&client->result.diag);
    sql_script_run_next(script, &client->sink, &client->result);
    ASSERT(client->result.state == SQL_DONE); /* a failed block ends without the log */
    wire_complete(&client->out, client->result.tag);
    sql_script_close(script);
    relay_block_ended(client, false);
    make_rest(text, opening.rest_at, rest);
    return true;
}

static bool
run_query(struct client *client, const struct wire_message *message, struct slice whole)
{
    struct diag diag = {0};
    if (message->type == 'F' || query_goes_there(client, message)) {
        struct relay *relay = relay_of(client);
        relay->simple = true;
        if (!relay__run_there(client, whole)) {
            return client_step_message(client, message);
        }
        return true;
    }
    if (wait_for_own_commit(client, &diag) != STATUS_OK) {
        client_fail(client, "ERROR", &diag);
        wire_ready(&client->out, sql_txn_status(client->session));
        return true;
    }
    return client_step_message(client, message);
}

static bool
step_query(struct client *client, const struct wire_message *message, struct slice whole)
{
    struct buf rest = BUF_EMPTY;
    struct wire_message query = *message;
    if (end_block_before(client, message, &rest)) {
        whole = buf_slice(&rest);
        query.body = slice_make(rest.data + 5, rest.size - 5);
    }
    bool go_on = run_query(client, &query, whole);
    buf_deinit(&rest);
    return go_on;
}

bool
relay_may_lead_elsewhere(const struct client *client)
{
    return cluster_leader_id(client->node->cluster) != client->node->identity.id;
}

void
relay_run_refused(struct client *client, const char *text)
{
    struct buf query = BUF_EMPTY;
    make_rest(text, 0, &query);
    struct wire_message message = {'Q', slice_make(query.data + 5, query.size - 5)};
    relay_of(client)->simple = true;
    if (!relay__run_there(client, buf_slice(&query))) {
        UNUSED(client_step_message(client, &message));
    }
    buf_deinit(&query);
}

static bool
step_copy(struct client *client, const struct wire_message *message, struct slice whole)
{
    struct relay *relay = client->relay;
    if (!relay__may_copy(client)) {
        return true;
    }
    relay_send(relay, whole);
    if (message->type == 'd') {
        return true;
    }
    relay->copy_in = false;
    if (relay->simple) { /* else its Sync is to come */
        relay__end_copy(client);
    }
    return true;
}

/* After a part was lost: the Sync alone is answered. */
static void
skip_message(struct client *client, char type)
{
    struct relay *relay = client->relay;
    if (type == 'S') {
        relay->skips = false;
        wire_ready(&client->out, sql_txn_status(client->session));
    }
}

/* What ran here of a unit only read, and is over: the rest may go there. */
static void
leave_part_here(struct client *client)
{
    struct diag *diag = &client->result.diag;
    diag_clear(diag);
    sql_sync(client->session, false, &client->sink, &client->result);
    relay_block_ended(client, client->result.state != SQL_FAILED);
    client->relay->part_here = false;
}

/* Where the messages up to a Sync or Flush go. */
static void
run_extended(struct client *client, struct slice unit)
{
    struct relay *relay = client->relay;
    bool part = relay__is_part(unit);
    relay->simple = false;
    bool needs = !client->skip_to_sync && unit_needs_primary(client, unit); /* and notes it */
    needs |= relay->part_there || block_is_there(client);
    if (relay->part_failed && part) {
        return; /* skipped there as well */
    }
    bool stays = relay->part_here && relay->part_wrote;
    if (needs && relay->part_here && !stays) {
        leave_part_here(client);
    }
    if (stays || !needs || !relay__run_there(client, unit)) {
        relay->part_wrote = part && (stays || needs);
        relay->part_here = part;
        run_unit_here(client, unit);
    }
}

static void
run_batch(struct client *client)
{
    struct buf unit = client->relay->batch;
    client->relay->batch = BUF_EMPTY;
    run_extended(client, buf_slice(&unit));
    buf_deinit(&unit);
}

/* Sync or Flush completes a unit of the extended protocol, or a part of it. */
static bool
step_extended(struct client *client, const struct wire_message *message, struct slice whole)
{
    struct relay *relay = relay_of(client);
    if (relay->skips) {
        skip_message(client, message->type);
        return true;
    }
    if (relay->copy_in || (message->type == 'H' && relay->batch.size == 0)) {
        return true; /* no part of a COPY, or nothing is due */
    }
    buf_append(&relay->batch, whole.data, whole.size);
    bool is_long = relay->batch.size > BATCH_BYTES_MAX;
    if (is_long && message->type != 'S' && message->type != 'H') {
        wire_empty(&relay->batch, 'H'); /* much before a Sync: as if a Flush had come */
    }
    if (is_long || message->type == 'S' || message->type == 'H') {
        run_batch(client);
    }
    return true;
}

/* What came before a Query without a Sync of its own runs before it, and the Query is the next
 * of the input again; after an error it is skipped, as all up to that Sync. True: not now. */
static bool
waits_or_skips(struct client *client, struct slice query)
{
    struct relay *relay = client->relay;
    if (relay == NULL) {
        return false;
    }
    if (relay->batch.size > 0) {
        put_back(client, query);
        wire_empty(&relay->batch, 'H');
        run_batch(client);
        return true;
    }
    bool skips = relay->skips || relay->part_failed || client->skip_to_sync;
    if (!skips && relay->part_here && !relay->part_wrote) {
        leave_part_here(client);
    }
    return skips;
}

bool
relay_step(struct client *client, const struct wire_message *message)
{
    struct slice whole = slice_make(message->body.data - 5, message->body.size + 5);
    if (client->is_relayed) {
        return step_relayed(client, message);
    }
    switch (message->type) {
    case 'Q':
    case 'F':
        return waits_or_skips(client, whole) || step_query(client, message, whole);
    case 'd':
    case 'c':
    case 'f':
        return step_copy(client, message, whole);
    default:
        return step_extended(client, message, whole);
    }
}

void
relay_tell_commit(struct client *client)
{
    if (client->is_relayed) {
        char index[24];
        snprintf(index, sizeof(index), "%llu",
                 (unsigned long long)sql_last_commit_index(client->session));
        wire_parameter(&client->out, "rustydb.commit_index", index);
    }
}
