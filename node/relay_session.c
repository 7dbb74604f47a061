/* relay_session.c: what of a session lives in its own statements (SET, PREPARE ..): kept as
 * texts, to be told to the session that it has, or will have, on the primary.
 *
 *   ran, here or there --> block_notes --its transaction commits--> notes, told at the next
 * unit
 *                                      \--rolls back--> forgotten
 *
 * What ran there is told already, and is run here, too. A later statement takes the place of an
 * earlier one about the same thing, and one that only undoes (RESET, DEALLOCATE) is kept until
 * the session there knows: there are as many as there are names.
 * SPDX-License-Identifier: Apache-2.0 */
#include "node/node_internal.h"
#include "node/relay_internal.h"

#include <stdlib.h>
#include <strings.h>

struct relay_note {
    struct list link;
    enum sql_own own;
    bool undoes;
    bool ran_there; /* in the block under way: not here yet */
    bool told;      /* the session there has it */
    size_t name_size;
    char *name; /* behind the text */
    char text[];
};

static struct relay_note *
note_new(const struct sql_part *part, bool there)
{
    size_t size = sizeof(struct relay_note) + part->text.size + 1 + part->name.size;
    struct relay_note *note = calloc(1, size);
    ASSERT(note != NULL);
    *note = (struct relay_note){.own = part->own,
                                .undoes = part->undoes,
                                .ran_there = there,
                                .told = there,
                                .name_size = part->name.size};
    list_init(&note->link);
    memcpy(note->text, part->text.data, part->text.size);
    note->name = note->text + part->text.size + 1;
    if (part->name.size > 0) {
        memcpy(note->name, part->name.data, part->name.size);
    }
    return note;
}

static void
note_delete(struct relay_note *note)
{
    list_remove(&note->link);
    free(note);
}

static void
forget_notes(struct list *notes)
{
    LIST_EACH(link, notes)
    {
        note_delete(LIST_ITEM(link, struct relay_note, link));
    }
}

static bool
replaces(const struct relay_note *note, const struct relay_note *old)
{
    return note->own == SQL_OWN_ALL ||
           (note->own == old->own &&
            (note->name_size == 0 || slice_equal(slice_make(note->name, note->name_size),
                                                 slice_make(old->name, old->name_size))));
}

/* Takes `note`. */
static void
keep(struct relay *relay, struct relay_note *note)
{
    list_remove(&note->link);
    LIST_EACH(link, &relay->notes)
    {
        struct relay_note *old = LIST_ITEM(link, struct relay_note, link);
        if (replaces(note, old) || (old->undoes && old->told)) {
            note_delete(old);
        }
    }
    if (note->undoes && (note->told || relay_is_down(relay))) {
        note_delete(note);
    } else {
        list_push_back(&relay->notes, &note->link);
    }
}

const char *
relay__untold(struct relay *relay)
{
    LIST_EACH(link, &relay->notes)
    {
        struct relay_note *note = LIST_ITEM(link, struct relay_note, link);
        if (!note->told) {
            note->told = true;
            return note->text;
        }
    }
    return NULL;
}

void
relay__untell(struct relay *relay)
{
    forget_notes(&relay->block_notes);
    LIST_EACH(link, &relay->notes)
    {
        struct relay_note *note = LIST_ITEM(link, struct relay_note, link);
        note->told = false;
        if (note->undoes) {
            note_delete(note);
        }
    }
}

void
relay__forget_session(struct relay *relay)
{
    forget_notes(&relay->block_notes);
    forget_notes(&relay->notes);
}

/* ---- running here what ran there ---- */

static void
no_columns(struct sql_sink *sink, const struct sql_column *columns, unsigned count)
{
    UNUSED(sink);
    UNUSED(columns);
    UNUSED(count);
}

/* The client has its answer already. */
static void
run_quietly(struct client *client, const char *text)
{
    struct sql_sink quiet = {.columns = no_columns};
    struct sql_result result = {0};
    struct sql_script *script = NULL;
    struct diag diag = {0};
    if (sql_script_open(client->session, text, &script, &diag) == STATUS_OK) {
        sql_script_run_next(script, &quiet, &result);
        sql_script_close(script);
    }
}

void
relay_block_ended(struct client *client, bool committed)
{
    struct relay *relay = client->relay;
    if (relay == NULL) {
        return;
    }
    if (!committed) {
        forget_notes(&relay->block_notes);
    }
    LIST_EACH(link, &relay->block_notes)
    {
        struct relay_note *note = LIST_ITEM(link, struct relay_note, link);
        if (note->ran_there) {
            run_quietly(client, note->text);
            note->ran_there = false;
        }
        keep(relay, note);
    }
}

/* ---- noting ---- */

struct noting {
    struct client *client;
    bool there;
    bool failed; /* the block that goes on is failed: its COMMIT is a ROLLBACK */
};

/* sql_part_fn */
static void
note_part(void *arg, const struct sql_part *part)
{
    struct noting *noting = arg;
    if (part->own != SQL_OWN_NOT) {
        struct relay *relay = relay_of(noting->client);
        list_push_back(&relay->block_notes, &note_new(part, noting->there)->link);
    } else if ((part->says & (SQL_SAYS_COMMIT | SQL_SAYS_ROLLBACK)) != 0) {
        relay_block_ended(noting->client,
                          (part->says & SQL_SAYS_COMMIT) != 0 && !noting->failed);
        noting->failed = false;
    }
}

/* A single statement shows by its first word; most are not of the kind, and need not be parsed
 * again to see it. */
static bool
may_be_noted(const char *text)
{
    static const char *const words[] = {"set", "reset", "discard", "prepare", "deallocate"};
    text += strspn(text, " \n\t\r;");
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strncasecmp(text, words[i], strlen(words[i])) == 0) {
            return true;
        }
    }
    const char *semicolon = strchr(text, ';');
    bool has_more =
        semicolon != NULL && semicolon[1 + strspn(semicolon + 1, " \n\t\r;")] != '\0';
    return has_more || text[0] == '/' || text[0] == '-'; /* a comment before it */
}

void
relay_note_there(struct client *client, const char *text, bool failed)
{
    struct noting noting = {client, true, failed};
    if (may_be_noted(text)) {
        sql_text_each_part(client->session, text, note_part, &noting);
    }
}

void
relay_note_script(struct client *client, bool failed)
{
    struct noting noting = {client, false, failed};
    if (!client->is_relayed) {
        sql_script_each_part(client->script, note_part, &noting);
    }
}

void
relay_note_bind(struct client *client, const char *prepared)
{
    struct noting noting = {client, false, false};
    if (!client->is_relayed) {
        sql_name_each_part(client->session, prepared, note_part, &noting);
    }
}

bool
relay_is_session_text(struct client *client, const char *text)
{
    return may_be_noted(text) && sql_text_is_of_session(client->session, text);
}
