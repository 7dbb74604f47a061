/* relay_session.c: what of a session lives in its own statements (SET, PREPARE ..): kept as
 * texts, to be told to the session that it has, or will have, on the primary.
 *
 *   ran here ------------------------------> settings, told at the next unit there
 *   ran there --> block_texts --COMMIT-----> settings (told), and run here, too
 *                             \--ROLLBACK--> forgotten
 * SPDX-License-Identifier: Apache-2.0 */
#include "node/node_internal.h"
#include "node/relay_internal.h"

#include <strings.h>

/* The words first: most texts are not of the kind, and need not be parsed to see it. */
static bool
may_be_of_session(const char *text)
{
    static const char *const words[] = {"set", "reset", "discard", "prepare", "deallocate"};
    while (*text == ' ' || *text == '\n' || *text == '\t') {
        text++;
    }
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strncasecmp(text, words[i], strlen(words[i])) == 0) {
            return true;
        }
    }
    return false;
}

bool
relay_is_session_text(struct client *client, const char *text)
{
    return may_be_of_session(text) && sql_text_is_of_session(client->session, text);
}

/* A text that comes again moves to the end: the list has each once. */
static void
drop_equal(struct relay *relay, const char *text)
{
    size_t size = strlen(text) + 1;
    for (size_t at = 0; at < relay->settings.size;) {
        char *old = (char *)relay->settings.data + at;
        size_t old_size = strlen(old) + 1;
        if (old_size == size && memcmp(old, text, size) == 0) {
            memmove(old, old + size, relay->settings.size - at - size);
            relay->settings.size -= size;
            relay->settings_told -= at < relay->settings_told ? size : 0;
            return;
        }
        at += old_size;
    }
}

static void
note(struct client *client, const char *text, bool told)
{
    struct relay *relay = relay_of(client);
    drop_equal(relay, text);
    bool all_told = relay->settings_told == relay->settings.size;
    buf_append(&relay->settings, text, strlen(text) + 1);
    if (told && all_told) {
        relay->settings_told = relay->settings.size;
    }
}

void
relay_note_query(struct client *client, const char *text)
{
    if (!client->is_relayed && relay_is_session_text(client, text)) {
        note(client, text, false);
    }
}

void
relay_note_bind(struct client *client, const char *prepared)
{
    const char *text =
        client->is_relayed ? NULL : sql_text_if_of_session(client->session, prepared);
    if (text != NULL) {
        note(client, text, false);
    }
}

static void
no_columns(struct sql_sink *sink, const struct sql_column *columns, unsigned count)
{
    UNUSED(sink);
    UNUSED(columns);
    UNUSED(count);
}

/* Runs here what has run there; the client has its answer already. */
static void
run_quietly(struct client *client, const char *text)
{
    struct sql_sink quiet = {.columns = no_columns};
    struct sql_result result = {0};
    struct sql_script *script = NULL;
    struct diag diag = {0};
    if (sql_script_open(client->session, text, &script, &diag) != STATUS_OK) {
        return;
    }
    unsigned left = sql_script_count(script);
    do {
        sql_script_run_next(script, &quiet, &result);
    } while (--left > 0 && result.state == SQL_DONE);
    sql_script_close(script);
}

void
relay_note_there(struct client *client, const char *text)
{
    if (relay_is_session_text(client, text)) {
        buf_append(&relay_of(client)->block_texts, text, strlen(text) + 1);
    }
}

void
relay_block_ended(struct client *client, bool committed)
{
    struct relay *relay = relay_of(client);
    for (size_t at = 0; committed && at < relay->block_texts.size;) {
        const char *text = (const char *)relay->block_texts.data + at;
        run_quietly(client, text);
        note(client, text, true);
        at += strlen(text) + 1;
    }
    buf_clear(&relay->block_texts);
}
