/* relay_internal.h: the connection to the primary, for relay*.c.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/list.h"
#include "base/net.h"
#include "node/client.h"
#include "node/relay.h"

enum relay_link { RELAY_DOWN, RELAY_CONNECTING, RELAY_UP, RELAY_BROKEN };

/* A prepared statement by name: known to the session here, to the one there, or to neither yet.
 */
struct relay_statement {
    struct list link;
    struct buf message; /* its whole Parse message */
    const char *text;   /* in `message` */
    bool classified, needs_primary, known_here, known_there;
    char name[];
};

struct relay {
    struct client *client;

    /* runner */
    struct list statements;
    struct buf batch;         /* extended messages up to Sync or Flush */
    struct list notes;        /* SET statements and their like: relay_session.c */
    struct list block_notes;  /* the same, of the transaction under way */
    char gtid[GTID_TEXT_MAX]; /* of the commit under way there; "" */
    bool part_there;          /* Flush or COPY sent a part of a unit there, its Sync is due */
    bool part_here;           /* Flush had a part of a unit run here, its Sync is due */
    bool part_wrote;          /* it did, this node being the primary by then: all stays */
    bool part_failed;         /* the part there failed: nothing is answered before the Sync */
    bool skips;               /* a part was lost: so is what comes before the Sync */
    char txn_status;          /* of the session there: I, T or E */
    bool copy_in;             /* CopyData goes there */
    bool simple;              /* the unit under way is a Query */
    unsigned copy_says;       /* of the unit that the COPY is of: enum sql_says */
    uint64_t commit_index;    /* the session's last commit, as the primary told */
    uint64_t primary_id;      /* whom the link goes to */
    int64_t attempt_end_ns;   /* of making a link */

    /* lane */
    struct stream *stream;
    struct loop_call connect_call, write_call, hang_up_call;
    bool closed;      /* the client is gone */
    bool released;    /* relay_delete() was called */
    bool drop_wanted; /* hang-up while a connect was under way */

    /* guarded by mu */
    struct mutex mu;
    enum relay_link link_state;
    bool connect_pending; /* net_connect's callback is to come */
    char host[64];
    uint16_t port;
    struct buf in, out;
    bool runner_waits; /* for room in `out` */
};

struct relay *relay_new(struct client *client);
struct relay *relay_of(struct client *client); /* made if need be */
bool relay_is_up(struct relay *relay);         /* and goes to the primary, as far as is known */
bool relay_is_down(struct relay *relay);       /* there is no session there, nor will be soon */
/* Runner: a session on the primary that is ready for a query, primed with settings.
 * STATUS_AGAIN: this node is the primary now. STATUS_CONFLICT: the link is gone, and with it
 * the block that was open there (txn_status before the call). 57P03 when no primary can be had
 * by `deadline_ns`. */
MUST_CHECK enum status relay_ready_link(struct relay *relay, int64_t deadline_ns,
                                        struct diag *diag);
/* Runner: a pause before another try; 57P03 at the deadline. */
MUST_CHECK enum status relay_rest(struct relay *relay, int64_t deadline_ns, struct diag *diag);
/* Runner: gives the link up (broken, or to a node that is not the primary). */
void relay_hang_up(struct relay *relay);
void relay_send(struct relay *relay, struct slice bytes);
/* Runner: until not too much of what was sent lies here. STATUS_IO as relay_receive(). */
MUST_CHECK enum status relay_wait_for_room(struct relay *relay, struct diag *diag);
/* Until when a wait for the other side goes on, its link being up. */
enum relay_wait {
    RELAY_WAIT_LINK,   /* nothing is lost by another try: end of the attempt or of its lead */
    RELAY_WAIT_ANSWER, /* a unit was sent: it does not lead any more, and is silent */
};
/* Runner: the next whole message from there, in `message_out` (copied); STATUS_IO: the link is
 * lost, or it is not worth waiting any longer. */
MUST_CHECK enum status relay_receive(struct relay *relay, enum relay_wait wait,
                                     struct buf *message_out, struct diag *diag);

/* ---- relay_route.c ---- */
struct relay_statement *relay__find_statement(struct relay *relay, const char *name);
void relay__drop_statement(struct relay_statement *statement);
/* The messages of a unit, one by one. */
struct unit_reader {
    struct slice rest;
};
bool relay__next_message(struct unit_reader *reader, struct wire_message *message,
                         struct slice *whole);
/* The prepared statement that a message names: Bind's second text, Describe's and Close's. */
const char *relay__statement_named(const struct wire_message *message);
/* It ends with a Flush, and goes on after it. */
bool relay__is_part(struct slice unit);

/* ---- relay_there.c ---- */
/* One unit on the primary, whoever that is by then. False: it is to run here: this node is the
 * primary now, or the unit ends a block that is lost (a failed one in the session here). */
bool relay__run_there(struct client *client, struct slice unit);
/* The next message of a COPY may be sent, now that there is room. False: it is lost. */
bool relay__may_copy(struct client *client);
/* CopyDone or CopyFail of a Query was sent: passes on what it says, to the Query's end. */
void relay__end_copy(struct client *client);

/* ---- relay_session.c ---- */
bool relay_is_session_text(struct client *client, const char *text);
/* A text that ran there, to its end; `failed`: in a block that was failed. */
void relay_note_there(struct client *client, const char *text, bool failed);
/* The next text that the session there is to run before any other, which counts as told then;
 * NULL: it knows all. The text is lent until the next note. */
const char *relay__untold(struct relay *relay);
/* The session there is gone, and its block. */
void relay__untell(struct relay *relay);
void relay__forget_session(struct relay *relay);
