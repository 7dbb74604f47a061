/* relay_internal.h: the connection to the primary, for relay*.c. SPDX-License-Identifier:
 * Apache-2.0 */
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
    struct buf settings;      /* texts of SET statements and their like, each with its zero */
    size_t settings_told;     /* of settings: bytes the session there has */
    struct buf block_texts;   /* the same, of the block under way there */
    char gtid[GTID_TEXT_MAX]; /* of the commit under way there; "" */
    bool part_there;          /* Flush sent a part of a unit there, its Sync is due */
    bool part_here;           /* Flush had a part of a unit run here, its Sync is due */
    bool part_failed;         /* the part there failed: nothing is answered before the Sync */
    bool skips;               /* a part was lost: so is what comes before the Sync */
    char txn_status;          /* of the session there: I, T or E */
    bool block_lost;       /* the block died with its primary: the next session starts failed */
    bool copy_in;          /* CopyData goes there */
    bool simple;           /* the unit under way is a Query */
    uint64_t commit_index; /* the session's last commit, as the primary told */
    uint64_t primary_id;   /* whom the link goes to */
    int64_t attempt_end_ns; /* of making a link */

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
};

struct relay *relay_new(struct client *client);
struct relay *relay_of(struct client *client); /* made if need be */
bool relay_is_up(struct relay *relay);
/* Runner: a session on the primary that is ready for a query, primed with settings;
 * STATUS_AGAIN: this node is the primary now. STATUS_CONFLICT: the link went while a block was
 * open there, which is known to nobody yet. 57P03 when no primary can be had in time. */
MUST_CHECK enum status relay_ready_link(struct relay *relay, struct diag *diag);
/* Runner: gives the link up (broken, or to a node that is not the primary). */
void relay_hang_up(struct relay *relay);
void relay_send(struct relay *relay, struct slice bytes);
/* Until when a wait for the other side goes on, its link being up. */
enum relay_wait {
    RELAY_WAIT_LINK,   /* nothing is lost by another try: end of the attempt or of its lead */
    RELAY_WAIT_ANSWER, /* a unit was sent: it does not lead any more, and is silent */
};
/* Runner: the next whole message from there, in `message_out` (copied); STATUS_IO: the link is
 * lost, or it is not worth waiting any longer. */
MUST_CHECK enum status relay_receive(struct relay *relay, enum relay_wait wait,
                                     struct buf *message_out, struct diag *diag);

/* ---- relay_session.c ---- */
bool relay_is_session_text(struct client *client, const char *text);
/* A text that ran there, in a block or not; then the end of what it is part of. */
void relay_note_there(struct client *client, const char *text);
void relay_block_ended(struct client *client, bool committed);
