/* client_startup.c: from the first bytes of a connection to its session.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "node/client.h"
#include "node/node_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define OPTIONS_MAX 64

struct startup {
    const char *user, *database, *replication;
    bool relay; /* another node's router, on behalf of its client */
    unsigned option_count;
    struct {
        const char *name, *value;
    } options[OPTIONS_MAX];
};

void
client_fail(struct client *client, const char *severity, const struct diag *diag)
{
    bool fatal = severity[0] == 'F' || strcmp(diag->sqlstate, SQLSTATE_ADMIN_SHUTDOWN) == 0;
    wire_report(&client->out, 'E', fatal ? "FATAL" : severity, diag);
    if (fatal) {
        client->phase = CLIENT_CLOSING;
    }
}

/* A stream of PostgreSQL's log cannot be had: that log does not exist here. */
static enum status
check_replication(const char *value, struct diag *diag)
{
    static const char *const off[] = {"false", "off", "no", "0"};
    bool is_off = value == NULL;
    for (size_t i = 0; i < ARRAY_SIZE(off) && !is_off; i++) {
        is_off = strcasecmp(value, off[i]) == 0;
    }
    return is_off ? STATUS_OK
                  : diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                              "replication connections are not supported");
}

static enum status
read_parameters(struct slice body, struct startup *startup, struct diag *diag)
{
    struct reader reader = reader_make(body);
    for (;;) {
        const char *name = read_cstring(&reader);
        if (name == NULL || name[0] == '\0') {
            break;
        }
        const char *value = read_cstring(&reader);
        if (value == NULL || startup->option_count == OPTIONS_MAX) {
            reader.failed = true;
            break;
        }
        if (strcmp(name, "user") == 0) {
            startup->user = value;
        } else if (strcmp(name, "database") == 0) {
            startup->database = value;
        } else if (strcmp(name, "rustydb.relay") == 0) {
            startup->relay = strcmp(value, "on") == 0;
        } else if (strcmp(name, "replication") == 0) {
            startup->replication = value;
        } else if (strncmp(name, "_pq_.", 5) != 0) {
            startup->options[startup->option_count].name = name;
            startup->options[startup->option_count++].value = value;
        }
    }
    if (!reader_done(&reader)) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_PROTOCOL_VIOLATION,
                         "invalid startup packet layout: expected terminator as last byte");
    }
    if (startup->user == NULL || startup->user[0] == '\0') {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_AUTHORIZATION_SPECIFICATION,
                         "no PostgreSQL user name specified in startup packet");
    }
    if (startup->database == NULL || startup->database[0] == '\0') {
        startup->database = startup->user;
    }
    return check_replication(startup->replication, diag);
}

/* The next word of `options`, in its place; a backslash takes a blank's meaning away. NULL: the
 * end. */
static char *
next_word(char **rest)
{
    char *from = *rest + strspn(*rest, " \t\n"), *to = from, *word = from;
    if (*from == '\0') {
        return NULL;
    }
    while (*from != '\0' && strchr(" \t\n", *from) == NULL) {
        from += from[0] == '\\' && from[1] != '\0';
        *to++ = *from++;
    }
    *rest = *from == '\0' ? from : from + 1;
    *to = '\0';
    return word;
}

/* name=value; in --name-of-it=value a minus stands for an underscore. */
static enum status
apply_assignment(struct client *client, char *text, bool is_long, struct diag *diag)
{
    char *equals = strchr(text, '=');
    if (equals == NULL) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                         is_long ? "--%s requires a value" : "-c %s requires a value", text);
    }
    *equals = '\0';
    for (char *at = text; is_long && *at != '\0'; at++) {
        *at = *at == '-' ? '_' : *at;
    }
    return sql_set(client->session, text, equals + 1, diag);
}

static enum status
apply_options(struct client *client, const char *options, struct diag *diag)
{
    char *rest = arena_strdup(&client->message_arena, options);
    for (char *word; (word = next_word(&rest)) != NULL;) {
        bool is_long = strncmp(word, "--", 2) == 0;
        char *assignment = word + 2;
        if (strcmp(word, "-c") == 0) {
            assignment = next_word(&rest);
        }
        if (assignment == NULL || (!is_long && strncmp(word, "-c", 2) != 0)) {
            return diag_fail(diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                             "invalid command-line argument for server process: %s", word);
        }
        TRY(apply_assignment(client, assignment, is_long, diag));
    }
    return STATUS_OK;
}

/* One setting of the packet; "options" may hold several. */
static enum status
apply_option(struct client *client, const char *name, const char *value, struct diag *diag)
{
    return strcmp(name, "options") == 0 ? apply_options(client, value, diag)
                                        : sql_set(client->session, name, value, diag);
}

static enum status
check_admission(struct client *client, struct diag *diag)
{
    struct node *node = client->node;
    if (client->lane->stopping) {
        return diag_fail(diag, STATUS_AGAIN, SQLSTATE_CANNOT_CONNECT_NOW,
                         "the database system is shutting down");
    }
    if (clients_count(&node->clients) > (unsigned)node->settings.server_max_connections) {
        return diag_fail(diag, STATUS_LIMIT, SQLSTATE_TOO_MANY_CONNECTIONS,
                         "sorry, too many clients already");
    }
    if (!sql_engine_ready(node->engine)) {
        return diag_fail(diag, STATUS_AGAIN, SQLSTATE_CANNOT_CONNECT_NOW,
                         "the database system is starting up");
    }
    return STATUS_OK;
}

static void
send_parameters(struct client *client)
{
    static const char *const names[] = {
        "application_name",
        "client_encoding",
        "DateStyle",
        "default_transaction_read_only",
        "in_hot_standby",
        "integer_datetimes",
        "IntervalStyle",
        "is_superuser",
        "server_encoding",
        "server_version",
        "session_authorization",
        "standard_conforming_strings",
        "TimeZone",
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *value = sql_setting(client->session, names[i]);
        if (client->is_relayed && strcmp(names[i], "in_hot_standby") == 0) {
            value = "off"; /* the router's client is where it is */
        }
        ASSERT(value != NULL);
        wire_parameter(&client->out, names[i], value);
    }
}

/* "host:port" as streams name their other end. */
static struct sql_end
end_named(const char *name)
{
    struct sql_end end = {0};
    const char *colon = strrchr(name, ':');
    if (colon != NULL && (size_t)(colon - name) < sizeof(end.host)) {
        memcpy(end.host, name, (size_t)(colon - name));
        end.port = (uint16_t)strtoul(colon + 1, NULL, 10);
    }
    return end;
}

static struct sql_end
own_end(const struct settings *settings)
{
    struct sql_end end = {.port = (uint16_t)settings->server_listen_port};
    snprintf(end.host, sizeof(end.host), "%s", settings->server_listen_host);
    return end;
}

static enum status
open_session(struct client *client, const struct startup *startup, struct diag *diag)
{
    TRY(check_admission(client, diag));
    struct sql_session_options options = {.user = startup->user,
                                          .database = startup->database,
                                          .waiter = &client->waiter,
                                          .committed = client_committed,
                                          .submitting = client_submitting,
                                          .terminate = client_terminate,
                                          .arg = client,
                                          .session_no = client->pid,
                                          .client = end_named(stream_peer_name(client->stream)),
                                          .server = own_end(&client->node->settings)};
    TRY(sql_session_open(client->node->engine, &options, &client->session, diag));
    client->is_relayed = startup->relay;
    for (unsigned i = 0; i < startup->option_count; i++) {
        TRY(apply_option(client, startup->options[i].name, startup->options[i].value, diag));
    }
    snprintf(client->user, sizeof(client->user), "%s", startup->user);
    snprintf(client->database, sizeof(client->database), "%s", startup->database);
    wire_authentication_ok(&client->out);
    send_parameters(client);
    wire_key_data(&client->out, client->pid, client->secret);
    wire_ready(&client->out, SQL_TXN_IDLE);
    client->phase = CLIENT_IDLE;
    return STATUS_OK;
}

/* A newer minor version or unknown _pq_ options: we say what we speak and go on. */
static void
negotiate(struct client *client, uint32_t code)
{
    if (code != WIRE_PROTOCOL_3) {
        size_t start = wire_begin(&client->out, 'v');
        buf_be32(&client->out, WIRE_PROTOCOL_3);
        buf_be32(&client->out, 0);
        wire_end(&client->out, start);
    }
}

static enum status
start_session(struct client *client, uint32_t code, struct slice body, struct diag *diag)
{
    if (code >> 16 != 3) {
        return diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "unsupported frontend protocol %u.%u: server supports 3.0 to 3.0",
                         code >> 16, code & 0xffff);
    }
    struct startup startup = {0};
    TRY(read_parameters(body, &startup, diag));
    negotiate(client, code);
    return open_session(client, &startup, diag);
}

static void
startup_packet(struct client *client, struct slice body)
{
    struct reader reader = reader_make(body);
    uint32_t code = read_be32(&reader);
    if (code == WIRE_SSL || code == WIRE_GSSENC) {
        buf_u8(&client->out, 'N');
        return;
    }
    if (code == WIRE_CANCEL) {
        uint32_t pid = read_be32(&reader), secret = read_be32(&reader);
        clients_cancel(&client->node->clients, pid, secret);
        client->phase = CLIENT_CLOSING;
        return;
    }
    struct diag diag = {0};
    struct slice rest = slice_make(reader.next, reader_left(&reader));
    if (start_session(client, code, rest, &diag) != STATUS_OK) {
        client_fail(client, "FATAL", &diag);
    }
}

bool
client_step_startup(struct client *client)
{
    struct wire_message message;
    struct diag diag = {0};
    size_t size = 0;
    struct slice bytes =
        slice_make(client->in.data + client->in_used, client->in.size - client->in_used);
    enum status status = wire_read(bytes, true, &message, &size, &diag);
    if (status == STATUS_AGAIN) {
        return false;
    }
    if (status != STATUS_OK) {
        client_fail(client, "FATAL", &diag);
        return false;
    }
    client->in_used += size;
    startup_packet(client, message.body);
    return true;
}
