/* relay_there.c: one unit on the primary: sent, answered, or lost with its primary.
 *
 *   ready link --> sent --> answers passed on --> ended
 *       |           |  RN001, the link broken, or the primary deposed and silent
 *       | block     v
 *       +------> judged --> again: nothing of it was done, and nothing said
 *         lost      |-----> here:  it gives up a block that is lost, or that the client knows
 * as |              failed: the session here takes it over as failed
 *                   +-----> told:  40001, or 08007 where a commit may have gone through
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "node/node_internal.h"
#include "node/relay_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define PUSH_BYTES ((size_t)256 << 10) /* of answers, before they go on to the client */

/* A unit on its way, and what its answers have shown so far. */
struct attempt {
    struct slice unit;
    enum sql_txn_status block; /* the client's, before the unit */
    bool is_part;              /* its Sync is to come */
    bool goes_on;              /* a part of it was sent and answered before */
    size_t out_size;           /* of client->out, before the first answer */
    unsigned hidden_parses;    /* ParseComplete of statements that we parsed there unasked */
    unsigned due;              /* of a part: answers still to come before it has ended */
    bool pushed;      /* answers are on their way to the client: not to be taken back */
    bool committed;   /* a COMMIT of it has ended well */
    bool failed;      /* it was answered with an error */
    bool ended;       /* ReadyForQuery, CopyInResponse, or all answers up to a Flush */
    bool not_primary; /* the other side is a replica by now, or stops */
    bool rolled_back; /* the newest command tag is ROLLBACK */
};

/* ---- what a unit says ---- */

/* The text that a message runs: Query's own, Bind's by name; NULL: not known here, or none. */
static const char *
text_of(struct client *client, const struct wire_message *message)
{
    struct reader body = reader_make(message->body);
    if (message->type == 'Q') {
        return read_cstring(&body);
    }
    const char *name = message->type == 'B' ? relay__statement_named(message) : NULL;
    struct relay_statement *statement =
        name == NULL ? NULL : relay__find_statement(client->relay, name);
    return statement == NULL ? NULL : statement->text;
}

/* Of all its statements: enum sql_says. */
static unsigned
unit_says(struct client *client, struct slice unit)
{
    struct unit_reader reader = {unit};
    struct wire_message message;
    struct slice whole;
    unsigned said = 0, bound_count = 0, run_count = 0;
    while (relay__next_message(&reader, &message, &whole)) {
        if (message.type == 'B' || message.type == 'Q') {
            const char *text = text_of(client, &message);
            said |=
                text == NULL ? (unsigned)SQL_SAYS_OTHER : sql_text_says(client->session, text);
        }
        bound_count += message.type == 'B';
        run_count += message.type == 'E';
    }
    return run_count > bound_count ? said | SQL_SAYS_OTHER : said; /* a portal of before */
}

/* Sent outside a block it has changed nothing by itself. */
static bool
is_harmless(unsigned said)
{
    return (said & SQL_SAYS_OTHER) == 0 ||
           ((said & SQL_SAYS_BEGIN) != 0 &&
            (said & (SQL_SAYS_COMMIT | SQL_SAYS_ROLLBACK)) == 0);
}

/* Had it been run to its end, something might be committed now. */
static bool
may_commit(const struct attempt *attempt, unsigned said)
{
    const unsigned ends = SQL_SAYS_COMMIT | SQL_SAYS_ROLLBACK;
    bool goes_on_after = (said & ends) != 0 && (said & SQL_SAYS_OTHER) != 0;
    switch (attempt->block) {
    case SQL_TXN_BLOCK:
        return goes_on_after || (said & SQL_SAYS_COMMIT) != 0;
    case SQL_TXN_FAILED:
        return goes_on_after;
    default:
        if (attempt->is_part) {
            return (said & SQL_SAYS_COMMIT) != 0; /* its Sync was not sent */
        }
        return attempt->goes_on || !is_harmless(said);
    }
}

/* It only ends the block that the client is in. */
static bool
gives_up_block(const struct attempt *attempt, unsigned said)
{
    if (attempt->pushed || attempt->goes_on) {
        return false;
    }
    return attempt->block == SQL_TXN_FAILED ? !may_commit(attempt, said)
                                            : said == SQL_SAYS_ROLLBACK;
}

/* ---- answers ---- */

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
count_answer(struct relay *relay, char type, struct attempt *attempt)
{
    if (type == 'E') {
        relay->part_failed = true;
        attempt->due = 0;
    } else if (strchr("123TnCIs", type) != NULL) {
        attempt->due--;
    }
    attempt->ended = attempt->due == 0;
}

static unsigned
answers_due(struct slice unit)
{
    struct unit_reader reader = {unit};
    struct wire_message message;
    struct slice whole;
    unsigned count = 0;
    while (relay__next_message(&reader, &message, &whole)) {
        count += message.type != 'H';
    }
    return count;
}

/* What of an answer is the router's own. True: it goes no further. */
static bool
keep_answer(struct relay *relay, const struct buf *message, struct attempt *attempt)
{
    char type = (char)message->data[0];
    if (type == 'S') {
        return take_parameter(relay, message);
    }
    if (type == '1' && attempt->hidden_parses > 0) {
        attempt->hidden_parses--;
        return true;
    }
    if (type == 'E' && (has_sqlstate(message, SQLSTATE_NOT_PRIMARY) ||
                        has_sqlstate(message, SQLSTATE_ADMIN_SHUTDOWN))) {
        attempt->not_primary = true;
        attempt->ended = attempt->due > 0; /* a part has no ReadyForQuery to wait for */
        return true;
    }
    return false;
}

static void
take_answer(struct relay *relay, const struct buf *message, struct attempt *attempt)
{
    char type = (char)message->data[0];
    if (keep_answer(relay, message, attempt)) {
        return;
    }
    attempt->failed |= type == 'E';
    if (type == 'C') {
        attempt->committed |= message_is(message, "COMMIT");
        attempt->rolled_back = message_is(message, "ROLLBACK");
    }
    if (attempt->due > 0) {
        count_answer(relay, type, attempt);
    }
    if (type == 'Z') {
        relay->txn_status = (char)message->data[5];
        relay->part_there = relay->part_failed = false;
        attempt->ended = true;
        if (attempt->not_primary) {
            return;
        }
    }
    if (type == 'G') {
        relay->copy_in = true;
        relay->part_there = !relay->simple;
        attempt->ended = true;
    }
    buf_append(&relay->client->out, message->data, message->size);
}

/* Passes answers on until the unit has ended. STATUS_IO: the link is lost. */
static enum status
pass_answers(struct relay *relay, struct attempt *attempt, struct diag *diag)
{
    struct buf message = BUF_EMPTY;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && !attempt->ended) {
        status = relay_receive(relay, RELAY_WAIT_ANSWER, &message, diag);
        if (status == STATUS_OK) {
            take_answer(relay, &message, attempt);
            if (relay->client->out.size > PUSH_BYTES) {
                attempt->pushed = true;
                status = client_push(relay->client);
            }
        }
    }
    buf_deinit(&message);
    return status;
}

/* ---- to and fro ---- */

/* Statements that the unit uses and the session there does not know go before it. */
static void
send_missing_statements(struct relay *relay, struct attempt *attempt)
{
    struct unit_reader reader = {attempt->unit};
    struct wire_message message;
    struct slice whole;
    while (relay__next_message(&reader, &message, &whole)) {
        struct reader body = reader_make(message.body);
        const char *name =
            message.type == 'P' ? read_cstring(&body) : relay__statement_named(&message);
        struct relay_statement *statement =
            name == NULL ? NULL : relay__find_statement(relay, name);
        if (statement == NULL) {
            continue;
        }
        if (message.type != 'P' && !statement->known_there) {
            relay_send(relay, buf_slice(&statement->message));
            attempt->hidden_parses++;
        }
        statement->known_there = true;
    }
}

static enum status
exchange(struct relay *relay, struct attempt *attempt, struct diag *diag)
{
    attempt->due = attempt->is_part ? answers_due(attempt->unit) : 0;
    relay->gtid[0] = '\0';
    send_missing_statements(relay, attempt);
    relay_send(relay, attempt->unit);
    relay->part_there = attempt->is_part;
    return pass_answers(relay, attempt, diag);
}

static void
forget_closed(struct client *client, struct slice unit)
{
    struct unit_reader reader = {unit};
    struct wire_message message;
    struct slice whole;
    while (relay__next_message(&reader, &message, &whole)) {
        const char *name = message.type == 'C' ? relay__statement_named(&message) : NULL;
        struct relay_statement *statement =
            name == NULL ? NULL : relay__find_statement(client->relay, name);
        if (statement != NULL) {
            sql_prepared_close(client->session, name);
            relay__drop_statement(statement);
        }
    }
}

/* What a unit did there to the session itself, if it went well. */
static void
note_unit(struct client *client, const struct attempt *attempt)
{
    struct unit_reader reader = {attempt->unit};
    struct wire_message message;
    struct slice whole;
    while (!attempt->failed && relay__next_message(&reader, &message, &whole)) {
        const char *text = text_of(client, &message);
        if (text != NULL) {
            relay_note_there(client, text, attempt->block == SQL_TXN_FAILED);
        }
    }
    if (client->relay->txn_status == SQL_TXN_IDLE && !client->relay->part_there) {
        relay_block_ended(client,
                          attempt->committed || (!attempt->failed && !attempt->rolled_back));
    }
}

/* A unit that Flush ended has its ReadyForQuery after its Sync only, and what comes before is
 * skipped as after any error. */
static void
end_unit(struct relay *relay, bool is_part, enum sql_txn_status txn_status)
{
    if (is_part) {
        relay->skips = true;
    } else {
        wire_ready(&relay->client->out, txn_status);
    }
}

/* ---- losses ---- */

/* 40001, or 08007 with the transaction's name where the primary has told it. */
static void
describe_loss(const struct relay *relay, bool in_doubt, struct diag *diag)
{
    if (!in_doubt) {
        UNUSED(diag_fail(diag, STATUS_NOT_LEADER, SQLSTATE_SERIALIZATION_FAILURE,
                         "could not finish the transaction: the primary has changed"));
        diag_hint(diag, "Retry the transaction.");
        return;
    }
    UNUSED(diag_fail(diag, STATUS_OUTCOME_UNKNOWN, SQLSTATE_TRANSACTION_RESOLUTION_UNKNOWN,
                     "the connection to the primary was lost: the statement may have been "
                     "committed"));
    if (relay->gtid[0] != '\0') {
        diag_detail(diag, "Transaction %s was submitted; it may be committed later.",
                    relay->gtid);
        diag_hint(diag, "Ask rustydb_transaction_status('%s') on any node.", relay->gtid);
    }
}

/* Had it failed where it ran, the client would be in a failed block now: its own, or one that
 * the unit begins and does something in ("BEGIN; INSERT .."). */
static bool
leaves_failed_block(const struct attempt *attempt, unsigned said)
{
    if ((said & SQL_SAYS_COMMIT) != 0) {
        return false;
    }
    return attempt->block != SQL_TXN_IDLE || said == (SQL_SAYS_BEGIN | SQL_SAYS_OTHER);
}

/* The client hears of it, and of its block that is failed now. */
static void
tell_loss(struct client *client, const struct attempt *attempt, unsigned said,
          const struct diag *diag)
{
    bool in_block = leaves_failed_block(attempt, said);
    if (in_block) {
        sql_enter_failed_block(client->session);
    }
    client_fail(client, "ERROR", diag);
    end_unit(client->relay, attempt->is_part, in_block ? SQL_TXN_FAILED : SQL_TXN_IDLE);
}

enum verdict { UNIT_AGAIN, UNIT_HERE, UNIT_TOLD }; /* see above */

/* A unit that was not answered to its end, for the reason `status`; or was not sent, and is as
 * if the other side had refused it. */
static enum verdict
judge(struct client *client, const struct attempt *attempt, unsigned said, enum status status,
      struct diag *diag)
{
    struct relay *relay = client->relay;
    bool cancelled = status == STATUS_CANCELLED || status == STATUS_LIMIT;
    bool refused = attempt->not_primary && !cancelled;
    bool in_doubt = !refused && may_commit(attempt, said);
    relay_hang_up(relay);
    if (!attempt->pushed) {
        client->out.size = attempt->out_size;
    }
    if (attempt->block != SQL_TXN_IDLE && gives_up_block(attempt, said)) {
        sql_enter_failed_block(client->session);
        return UNIT_HERE;
    }
    if (attempt->block == SQL_TXN_IDLE && !attempt->pushed && !attempt->goes_on && !cancelled &&
        !in_doubt && !attempt->committed) {
        return UNIT_AGAIN;
    }
    if (!cancelled || in_doubt) { /* a cancel does not say what became of the unit */
        diag_clear(diag);
        describe_loss(relay, in_doubt, diag);
    }
    tell_loss(client, attempt, said, diag);
    return UNIT_TOLD;
}

/* One try. UNIT_TOLD: the client has its answer. */
static enum verdict
try_unit(struct client *client, struct slice unit, int64_t deadline_ns)
{
    struct relay *relay = client->relay;
    struct diag diag = {0};
    struct attempt attempt = {.unit = unit,
                              .block = (enum sql_txn_status)relay->txn_status,
                              .is_part = relay__is_part(unit),
                              .goes_on = relay->part_there,
                              .out_size = client->out.size};
    enum status status = STATUS_OK;
    if (!attempt.goes_on) {
        status = relay_ready_link(relay, deadline_ns, &diag);
    } else if (!relay_is_up(relay)) {
        status = STATUS_CONFLICT; /* and with it what it had begun */
    }
    if (status == STATUS_AGAIN) {
        return UNIT_HERE;
    }
    if (status == STATUS_CONFLICT) {
        attempt.not_primary = true;
        return judge(client, &attempt, unit_says(client, unit), status, &diag);
    }
    if (status != STATUS_OK) {
        tell_loss(client, &attempt, unit_says(client, unit), &diag);
        return UNIT_TOLD;
    }
    status = exchange(relay, &attempt, &diag);
    if (status != STATUS_OK || attempt.not_primary) {
        return judge(client, &attempt, unit_says(client, unit), status, &diag);
    }
    if (relay->copy_in) {
        relay->copy_says = unit_says(client, unit);
    }
    note_unit(client, &attempt);
    forget_closed(client, unit);
    return UNIT_TOLD;
}

bool
relay__run_there(struct client *client, struct slice unit)
{
    int64_t deadline_ns = clock_monotonic_ns(client->node->env.clock) + RELAY_PATIENCE_NS;
    enum verdict verdict;
    while ((verdict = try_unit(client, unit, deadline_ns)) == UNIT_AGAIN) {
        struct diag diag = {0};
        if (relay_rest(client->relay, deadline_ns, &diag) != STATUS_OK) {
            struct attempt attempt = {.block = SQL_TXN_IDLE, .is_part = relay__is_part(unit)};
            tell_loss(client, &attempt, unit_says(client, unit), &diag);
            return true;
        }
    }
    return verdict != UNIT_HERE;
}

/* Lost before its end was sent, a COPY has left nothing; the client hears of it at once, and
 * what it still sends is dropped. */
bool
relay__may_copy(struct client *client)
{
    struct relay *relay = client->relay;
    struct diag diag = {0};
    enum status status = relay_wait_for_room(relay, &diag);
    if (status != STATUS_OK) {
        struct attempt attempt = {.block = (enum sql_txn_status)relay->txn_status,
                                  .is_part = !relay->simple,
                                  .pushed = true, /* CopyInResponse */
                                  .not_primary = true};
        UNUSED(judge(client, &attempt, relay->copy_says, status, &diag));
    }
    return status == STATUS_OK;
}

void
relay__end_copy(struct client *client)
{
    struct relay *relay = client->relay;
    struct diag diag = {0};
    struct attempt attempt = {.block = (enum sql_txn_status)relay->txn_status,
                              .goes_on = true,
                              .out_size = client->out.size};
    enum status status = pass_answers(relay, &attempt, &diag);
    if (status != STATUS_OK || attempt.not_primary) {
        UNUSED(judge(client, &attempt, relay->copy_says, status, &diag));
    }
}
