/* relay_route.c: which of a client's messages run here and which on the primary.
 *
 * A unit is a Query, or the messages of the extended protocol up to Sync or Flush. A unit that
 * needs the primary goes there whole; its answers come back to the client as they are, but for
 * the few that are between the nodes. In a block on the primary everything goes there; in a
 * READ ONLY block begun here everything stays here. SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "node/node_internal.h"
#include "node/relay_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* ---- statements by name ---- */

static struct relay_statement *
find_statement(struct relay *relay, const char *name)
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

static void
drop_statement(struct relay_statement *statement)
{
    list_remove(&statement->link);
    buf_deinit(&statement->message);
    free(statement);
}

static struct relay_statement *
note_statement(struct client *client, struct slice whole, const char *name, const char *text)
{
    struct relay *relay = client->relay;
    struct relay_statement *statement = find_statement(relay, name);
    if (statement != NULL && slice_equal(buf_slice(&statement->message), whole)) {
        return statement; /* also when `whole` is that very message */
    }
    if (statement != NULL) {
        drop_statement(statement);
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

struct unit_reader {
    struct slice rest;
};

static bool
next_message(struct unit_reader *reader, struct wire_message *message, struct slice *whole)
{
    size_t size = 0;
    if (wire_read(reader->rest, false, message, &size, NULL) != STATUS_OK) {
        return false;
    }
    *whole = slice_make(reader->rest.data, size);
    reader->rest = slice_make(reader->rest.data + size, reader->rest.size - size);
    return true;
}

/* The prepared statement that a message names: Bind's second text, Describe's and Close's. */
static const char *
statement_named(const struct wire_message *message)
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

/* Notes the unit's Parse messages and says whether any of it needs the primary. */
static bool
unit_needs_primary(struct client *client, struct slice unit)
{
    bool needs = false;
    struct unit_reader reader = {unit};
    struct wire_message message;
    struct slice whole;
    while (next_message(&reader, &message, &whole)) {
        if (message.type == 'P') {
            struct reader body = reader_make(message.body);
            const char *name = read_cstring(&body), *text = read_cstring(&body);
            if (name != NULL && text != NULL) {
                needs |= needs_primary(client, note_statement(client, whole, name, text));
            }
        } else {
            const char *name = statement_named(&message);
            struct relay_statement *statement =
                name == NULL ? NULL : find_statement(client->relay, name);
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
    return index <= store_applied_index(node->store)
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
    while (next_message(&reader, &message, &whole) && client->phase != CLIENT_CLOSING) {
        struct reader body = reader_make(message.body);
        const char *name =
            message.type == 'P' ? read_cstring(&body) : statement_named(&message);
        struct relay_statement *statement =
            name == NULL ? NULL : find_statement(client->relay, name);
        if (statement != NULL && message.type == 'P') {
            statement->known_here = true;
        } else if (statement != NULL && message.type == 'C') {
            drop_statement(statement);
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

/* ---- running a unit there ---- */

/* What the answers to a unit have shown so far. */
struct answers {
    unsigned hidden_parses; /* ParseComplete of statements that we parsed there unasked */
    bool forwarded;         /* the client has seen something */
    bool ended;             /* ReadyForQuery, CopyInResponse, or all answers up to a Flush */
    bool not_primary;       /* the other side is a replica by now, or stops */
    bool rolled_back;       /* the newest command tag is ROLLBACK */
    unsigned due;           /* of a part: answers still to come before it has ended */
};

/* It ends with a Flush, and goes on after it. */
static bool
is_part(struct slice unit)
{
    struct unit_reader reader = {unit};
    struct wire_message message = {0};
    struct slice whole;
    while (next_message(&reader, &message, &whole)) {
    }
    return message.type == 'H';
}

static bool
message_is(const struct buf *message, const char *name)
{
    return strcmp((const char *)message->data + 5, name) == 0;
}

/* ParameterStatus: our own is noted, a role is the router's to say, others are passed on. */
static bool
take_parameter(struct relay *relay, const struct buf *message)
{
    if (message_is(message, "rustydb.commit_index")) {
        const char *value = (const char *)message->data + 5 + sizeof("rustydb.commit_index");
        relay->commit_index = MAX(relay->commit_index, strtoull(value, NULL, 10));
        return true;
    }
    if (message_is(message, "rustydb.gtid")) {
        const char *value = (const char *)message->data + 5 + sizeof("rustydb.gtid");
        snprintf(relay->gtid, sizeof(relay->gtid), "%s", value);
        return true;
    }
    return message_is(message, "in_hot_standby");
}

static bool
has_sqlstate(const struct buf *message, const char *sqlstate)
{
    struct reader body = reader_make(slice_make(message->data + 5, message->size - 5));
    for (;;) {
        uint8_t field = read_u8(&body);
        const char *text = field == 0 ? NULL : read_cstring(&body);
        if (text == NULL) {
            return false;
        }
        if (field == 'C') {
            return strcmp(text, sqlstate) == 0;
        }
    }
}

/* Each message of a part has one last answer. An error answers all that are left. */
static void
count_answer(struct relay *relay, char type, struct answers *answers)
{
    if (type == 'E') {
        relay->part_failed = true;
        answers->due = 0;
    } else if (strchr("123TnCIs", type) != NULL) {
        answers->due--;
    }
    answers->ended = answers->due == 0;
}

static unsigned
answers_due(struct slice unit)
{
    struct unit_reader reader = {unit};
    struct wire_message message;
    struct slice whole;
    unsigned count = 0;
    while (next_message(&reader, &message, &whole)) {
        count += message.type != 'H';
    }
    return count;
}

static void
take_answer(struct relay *relay, const struct buf *message, struct answers *answers)
{
    struct client *client = relay->client;
    char type = (char)message->data[0];
    if (type == 'S' && take_parameter(relay, message)) {
        return;
    }
    if (type == '1' && answers->hidden_parses > 0) {
        answers->hidden_parses--;
        return;
    }
    if (type == 'E' && (has_sqlstate(message, SQLSTATE_NOT_PRIMARY) ||
                        has_sqlstate(message, SQLSTATE_ADMIN_SHUTDOWN))) {
        answers->not_primary = true;
        return;
    }
    if (type == 'C') {
        answers->rolled_back = message_is(message, "ROLLBACK");
    }
    if (answers->due > 0) {
        count_answer(relay, type, answers);
    }
    if (type == 'Z') {
        relay->txn_status = (char)message->data[5];
        relay->part_there = relay->part_failed = false;
        answers->ended = true;
        if (answers->not_primary) {
            return;
        }
    }
    if (type == 'G') {
        relay->copy_in = true;
        answers->ended = true;
    }
    answers->forwarded = true;
    buf_append(&client->out, message->data, message->size);
}

/* Passes answers on until the unit has ended. STATUS_IO: the link is lost. */
static enum status
pass_answers(struct relay *relay, struct answers *answers, struct diag *diag)
{
    struct buf message = BUF_EMPTY;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && !answers->ended) {
        status = relay_receive(relay, RELAY_WAIT_ANSWER, &message, diag);
        if (status == STATUS_CANCELLED) {
            break;
        }
        if (status == STATUS_OK) {
            take_answer(relay, &message, answers);
            status = relay->client->out.size > ((size_t)256 << 10) ? client_push(relay->client)
                                                                   : STATUS_OK;
        }
    }
    buf_deinit(&message);
    return status;
}

/* Statements that the unit uses and the session there does not know go before it. */
static void
send_missing_statements(struct relay *relay, struct slice unit, struct answers *answers)
{
    struct unit_reader reader = {unit};
    struct wire_message message;
    struct slice whole;
    while (next_message(&reader, &message, &whole)) {
        struct reader body = reader_make(message.body);
        const char *name =
            message.type == 'P' ? read_cstring(&body) : statement_named(&message);
        struct relay_statement *statement = name == NULL ? NULL : find_statement(relay, name);
        if (statement == NULL) {
            continue;
        }
        if (message.type != 'P' && !statement->known_there) {
            relay_send(relay, buf_slice(&statement->message));
            answers->hidden_parses++;
        }
        statement->known_there = true;
    }
}

static void
forget_closed(struct client *client, struct slice unit)
{
    struct unit_reader reader = {unit};
    struct wire_message message;
    struct slice whole;
    while (next_message(&reader, &message, &whole)) {
        const char *name = message.type == 'C' ? statement_named(&message) : NULL;
        struct relay_statement *statement =
            name == NULL ? NULL : find_statement(client->relay, name);
        if (statement != NULL) {
            sql_prepared_close(client->session, name);
            drop_statement(statement);
        }
    }
}

/* A unit that Flush ended has its ReadyForQuery after its Sync only, and what comes before is
 * skipped as after any error. */
static void
end_unit(struct relay *relay, struct slice unit, enum sql_txn_status txn_status)
{
    if (is_part(unit)) {
        relay->skips = true;
    } else {
        wire_ready(&relay->client->out, txn_status);
    }
}

/* The answer when the link broke or the primary changed under a unit. */
static void
report_loss(struct relay *relay, const struct answers *answers, struct slice unit,
            bool in_block)
{
    struct client *client = relay->client;
    struct diag diag = {0};
    if (in_block || answers->not_primary || is_part(unit)) {
        UNUSED(diag_fail(&diag, STATUS_NOT_LEADER, SQLSTATE_SERIALIZATION_FAILURE,
                         "could not finish the transaction: the primary has changed"));
        diag_hint(&diag, "Retry the transaction.");
    } else {
        UNUSED(diag_fail(&diag, STATUS_OUTCOME_UNKNOWN, SQLSTATE_TRANSACTION_RESOLUTION_UNKNOWN,
                         "the connection to the primary was lost: the statement may have been "
                         "committed"));
        if (relay->gtid[0] != '\0') {
            diag_detail(&diag, "Transaction %s was submitted; it may be committed later.",
                        relay->gtid);
            diag_hint(&diag, "Ask rustydb_transaction_status('%s') on any node.", relay->gtid);
        }
    }
    relay->block_lost = in_block;
    relay->txn_status = in_block ? SQL_TXN_FAILED : SQL_TXN_IDLE;
    client_fail(client, "ERROR", &diag);
    end_unit(relay, unit, in_block ? SQL_TXN_FAILED : SQL_TXN_IDLE);
}

static bool
begins_with(struct slice unit, const char *word, const char *other_word)
{
    const char *const words[] = {word, other_word};
    struct unit_reader reader = {unit};
    struct wire_message message;
    struct slice whole;
    while (next_message(&reader, &message, &whole)) {
        struct reader body = reader_make(message.body);
        if (message.type == 'P') {
            UNUSED(read_cstring(&body));
        }
        const char *text =
            message.type == 'P' || message.type == 'Q' ? read_cstring(&body) : NULL;
        while (text != NULL && (*text == ' ' || *text == '\n' || *text == '\t')) {
            text++;
        }
        for (size_t i = 0; text != NULL && i < ARRAY_SIZE(words); i++) {
            if (strncasecmp(text, words[i], strlen(words[i])) == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool
is_commit(struct slice unit)
{
    return begins_with(unit, "commit", "end");
}

static void
fail_unit(struct relay *relay, struct slice unit, const struct diag *diag)
{
    client_fail(relay->client, "ERROR", diag);
    end_unit(relay, unit,
             relay->block_lost ? SQL_TXN_FAILED : (enum sql_txn_status)relay->txn_status);
}

/* The block there is gone, and this unit was not sent. The client is told by 40001, unless it
 * knows the block as failed or gives it up itself: then a failed one takes its place. */
static bool
lose_block(struct relay *relay, struct slice unit)
{
    struct answers answers = {.not_primary = true};
    bool tell = relay->txn_status == SQL_TXN_BLOCK && !begins_with(unit, "rollback", "abort");
    relay->block_lost = true;
    if (tell) {
        report_loss(relay, &answers, unit, !is_commit(unit));
    }
    return tell;
}

/* This node is the primary: what the client had there goes on in the session here. */
static void
go_on_here(struct relay *relay)
{
    if (relay->block_lost) {
        sql_enter_failed_block(relay->client->session);
    }
    relay->block_lost = false;
    relay->txn_status = SQL_TXN_IDLE;
}

/* What a unit did there to the session itself, as far as it went well. */
static void
note_unit(struct client *client, struct slice unit, const struct answers *answers)
{
    struct unit_reader reader = {unit};
    struct wire_message message;
    struct slice whole;
    while (next_message(&reader, &message, &whole)) {
        struct reader body = reader_make(message.body);
        const char *name = message.type == 'B' ? statement_named(&message) : NULL;
        struct relay_statement *statement =
            name == NULL ? NULL : find_statement(client->relay, name);
        const char *text = message.type == 'Q' ? read_cstring(&body)
                           : statement != NULL ? statement->text
                                               : NULL;
        if (text != NULL) {
            relay_note_there(client, text);
        }
    }
    if (client->relay->txn_status == SQL_TXN_IDLE && !client->relay->part_there) {
        relay_block_ended(client, !answers->rolled_back);
    }
}

static enum status
exchange(struct relay *relay, struct slice unit, struct answers *answers, struct diag *diag)
{
    answers->due = is_part(unit) ? answers_due(unit) : 0;
    relay->gtid[0] = '\0';
    send_missing_statements(relay, unit, answers);
    relay_send(relay, unit);
    relay->part_there = is_part(unit);
    return pass_answers(relay, answers, diag);
}

/* A unit was sent and its end not seen. True: it is to be sent again, to another primary. */
static bool
lost_unit(struct relay *relay, struct slice unit, const struct answers *answers,
          enum status status, const struct diag *diag)
{
    bool in_block = relay->txn_status != SQL_TXN_IDLE;
    bool ended_here = status == STATUS_CANCELLED || status == STATUS_LIMIT;
    relay_hang_up(relay);
    if (ended_here && (in_block || is_part(unit)) && !is_commit(unit)) {
        relay->block_lost = in_block;
        fail_unit(relay, unit, diag);
        return false;
    }
    /* Also after a cancel: the unit was sent, and hanging up does not say what became of it. */
    if (ended_here || !answers->not_primary || in_block || answers->forwarded) {
        report_loss(relay, answers, unit, in_block && !is_commit(unit));
        return false;
    }
    return true;
}

/* One unit on the primary, whoever that is by then. False: this node is the primary now. */
static bool
run_unit_there(struct client *client, struct slice unit)
{
    struct relay *relay = client->relay;
    for (;;) {
        struct diag diag = {0};
        struct answers answers = {.not_primary = relay->part_there};
        if (relay->part_there && !relay_is_up(relay)) { /* and with it what it had begun */
            relay_hang_up(relay);
            report_loss(relay, &answers, unit, relay->txn_status != SQL_TXN_IDLE);
            return true;
        }
        answers.not_primary = false;
        bool goes_on = relay->part_there;
        enum status status = goes_on ? STATUS_OK : relay_ready_link(relay, &diag);
        if (status == STATUS_CONFLICT) {
            if (lose_block(relay, unit)) {
                return true;
            }
            continue;
        }
        if (status == STATUS_AGAIN) {
            go_on_here(relay);
            return false;
        }
        if (status != STATUS_OK) {
            fail_unit(relay, unit, &diag);
            return true;
        }
        status = exchange(relay, unit, &answers, &diag);
        if (status == STATUS_OK && !answers.not_primary) {
            note_unit(client, unit, &answers);
            forget_closed(client, unit);
            return true;
        }
        answers.forwarded |= goes_on;
        if (!lost_unit(relay, unit, &answers, status, &diag)) {
            return true;
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
            relay->block_lost || relay->part_there || relay->part_here || relay->skips);
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
            client->relay == NULL ? NULL : find_statement(client->relay, name);
        if (old != NULL) {
            drop_statement(old);
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

/* This node is the primary by now: what was parsed only there is parsed here when it is used.
 */
static void
parse_named_here(struct client *client, const struct wire_message *message)
{
    const char *name = client->relay == NULL ? NULL : statement_named(message);
    struct relay_statement *statement =
        name == NULL ? NULL : find_statement(client->relay, name);
    if (statement != NULL && message->type != 'C' && !client->skip_to_sync) {
        parse_here(client, statement);
    }
}

bool
relay_takes(struct client *client, const struct wire_message *message)
{
    bool primary = node_is_primary(client->node);
    char type = message->type;
    if (client->is_relayed) {
        return !primary && !client->skip_to_sync && refuse_as_replica(client, message);
    }
    bool there = relay_in_block(client);
    if (primary && !there) {
        parse_named_here(client, message);
    }
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

static bool
step_query(struct client *client, const struct wire_message *message, struct slice whole)
{
    struct diag diag = {0};
    if (message->type == 'F' || query_goes_there(client, message)) {
        struct relay *relay = relay_of(client);
        relay->simple = true;
        if (!run_unit_there(client, whole)) {
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
step_copy(struct client *client, const struct wire_message *message, struct slice whole)
{
    struct relay *relay = client->relay;
    relay_send(relay, whole);
    if (message->type == 'd') {
        return true;
    }
    relay->copy_in = false;
    if (relay->simple) {
        struct answers answers = {0};
        struct diag diag = {0};
        if (pass_answers(relay, &answers, &diag) != STATUS_OK) {
            relay_hang_up(relay);
            report_loss(relay, &answers, slice_make(NULL, 0),
                        relay->txn_status != SQL_TXN_IDLE);
        }
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
        wire_ready(&client->out, relay->block_lost ? SQL_TXN_FAILED : SQL_TXN_IDLE);
    }
}

/* What ran here of a unit only read, and is over: the rest may go there. */
static void
leave_part_here(struct client *client)
{
    struct diag *diag = &client->result.diag;
    diag_clear(diag);
    sql_sync(client->session, false, &client->sink, &client->result);
    client->relay->part_here = false;
}

/* Where the messages up to a Sync or Flush go. */
static void
run_extended(struct client *client, struct slice unit)
{
    struct relay *relay = client->relay;
    bool part = is_part(unit);
    relay->simple = false;
    bool needs = relay->part_there || block_is_there(client) ||
                 (!client->skip_to_sync && unit_needs_primary(client, unit));
    if (relay->part_failed && part) {
        return; /* skipped there as well */
    }
    if (needs && relay->part_here) {
        leave_part_here(client);
    }
    if (!needs || !run_unit_there(client, unit)) {
        relay->part_here = part;
        run_unit_here(client, unit);
    }
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
    if (message->type == 'H' && relay->batch.size == 0) {
        return true; /* nothing is due */
    }
    buf_append(&relay->batch, whole.data, whole.size);
    if (message->type == 'S' || message->type == 'H') {
        struct buf unit = relay->batch;
        relay->batch = BUF_EMPTY;
        run_extended(client, buf_slice(&unit));
        buf_deinit(&unit);
    }
    return true;
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
        return step_query(client, message, whole);
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
