/* client.h: one client connection: its bytes, its place in the protocol, its session.
 *
 * Promises: messages are answered in order; after an error of the extended protocol everything
 *           up to Sync is skipped; a broken message ends this connection and no other. A result
 *           larger than memory waits for the client to read (CLIENT_OUT_BYTES_MAX).
 * Picture:  phases. In any but STARTUP a commit may be pending: work goes on when its fate is
 *           known.
 *
 *             STARTUP --> IDLE <--> SCRIPT (a simple query's statements) <--> COPY_IN
 *                         IDLE <--> COPY_IN (extended)
 *             any --> CLOSING --> deleted
 *
 * Owns:     stream, buffers, sql session.
 * Thread:   "lane" fields by the thread that drives the lane; "runner" fields by whoever runs
 *           the client: the same thread, or alone after the lane was given away.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/net.h"
#include "base/wait.h"
#include "node/lane.h"
#include "node/wire.h"

#define CLIENT_OUT_BYTES_MAX ((size_t)1 << 20)

enum client_phase {
    CLIENT_STARTUP,
    CLIENT_IDLE,
    CLIENT_SCRIPT,
    CLIENT_COPY_IN,
    CLIENT_CLOSING,
};

struct relay;

/* Somebody waits until the log is applied up to `index`: node_wait.c. */
struct applied_wait {
    struct list link;
    uint64_t index;
    void (*reached)(void *arg); /* apply thread, or who asked; out of the list by then */
    void *arg;
};

struct client {
    /* lane */
    struct list link, ready_link;
    struct lane *lane;
    struct stream *stream;
    bool queued;         /* in lane->ready */
    bool busy;           /* a thread is in client_run, perhaps alone */
    bool disconnected;   /* the other side is gone: delete when not busy */
    bool commit_known;   /* `committed` came */
    bool read_known;     /* the voters have answered */
    bool input_waits;    /* bytes came while busy */
    bool shut_down;      /* 57P01 is due before it goes */
    int64_t deadline_ns; /* client_limits.c looks then; 0: none */
    struct loop_call start_call, finished_call, committed_call, read_call, flush_call,
        terminate_call, free_call;

    /* runner */
    struct driver *driver;
    struct node *node;
    struct waiter waiter;
    enum client_phase phase;
    struct buf in;  /* lane reads into it, and only while not busy */
    size_t in_used; /* of `in`: consumed */
    struct buf out;
    struct sql_session *session;
    struct sql_script *script;
    unsigned script_left;
    bool awaits_commit; /* SQL_COMMITTING: nothing goes on before commit_known */
    bool awaits_read;   /* SQL_READING: the statement runs again once read_known */
    bool read_admitted; /* what they said; written before read_call is posted */
    struct applied_wait read_wait;
    bool sync_after_commit; /* it was Sync's commit: ReadyForQuery, no tag */
    bool skip_to_sync;
    bool unit_failed;    /* what Sync ends did not end well */
    bool at_unit_end;    /* ReadyForQuery was the last thing said */
    bool rolled_back;    /* the newest command tag is ROLLBACK */
    bool began_failed;   /* the script began in a failed block */
    bool answers_sent;   /* something of what the script said has left `out` */
    size_t script_out;   /* of `out`, before its first answer */
    bool copies_out;     /* CopyDone is due before the tag */
    bool copy_is_simple; /* COPY_IN came from a script */
    struct sql_sink sink;
    struct diag diag;
    struct sql_result result;
    const uint16_t *row_formats; /* of the portal that runs */
    unsigned row_format_count;
    struct list portal_formats;
    struct arena message_arena; /* what one message needs while it is read */
    uint32_t pid, secret;
    char user[64], database[64];
    bool is_active;      /* counted by hold.h: in a transaction or a statement */
    bool is_relayed;     /* the other end is a replica's router */
    struct relay *relay; /* to the primary, when this node is a replica; NULL: none yet */

    /* guarded by mu */
    struct mutex mu;
    struct buf flushing; /* bytes on their way to the stream */
    size_t flushed;      /* of flushing */
    bool runner_waits;   /* for room in flushing */
    bool out_broken;     /* the stream takes no more */
};

/* net_accept_fn of the SQL listener, lane 0; arg is the node. */
void client_accept(void *arg, struct stream *stream);
/* Lane: does what can be done now. May return without the lane (driver_has_lane). */
void client_run(struct client *client, struct driver *driver);
/* Lane: it may not be deleted now: busy, or its commit is pending. */
bool client_in_work(const struct client *client);
/* Lane: the node stops: tells the client 57P01 and lets go of it as soon as it may. */
void client_shut_down(struct client *client);
/* Lane: not in work. Says FATAL, closes. Takes client. */
void client_end(struct client *client, const struct diag *diag);
/* Lane (or after the lanes ended): not in work. Takes client. */
void client_delete(struct client *client);

/* ---- for client_*.c and relay.c ---- */
/* Runner: processes one step; false when nothing can go on now. What it awaits is known. */
bool client_step(struct client *client);
bool client_step_startup(struct client *client);
bool client_step_message(struct client *client, const struct wire_message *message);
/* Runner: the answer to what just ended (a statement, a commit, a COPY). */
void client_statement_ended(struct client *client);
/* 57P01 is FATAL whoever reports it. */
void client_fail(struct client *client, const char *severity, const struct diag *diag);
/* Runner: `out` has grown: hands it to the lane and waits for room if need be. */
MUST_CHECK enum status client_push(struct client *client);
void client_sink_init(struct client *client);
/* sql_session_options.committed; apply thread. */
void client_committed(void *arg);
/* sql_session_options.submitting: a router is told the gtid before the log is. */
void client_submitting(void *arg);
/* sql_session_options.terminate; any thread, while the session is open. */
void client_terminate(void *arg);
/* The voters answered node_ask_read(); any thread. */
void client_read_answered(struct client *client, bool admitted);
void client_portal_formats(struct client *client, const char *portal);
void client_free_formats(struct client *client);

/* ---- client_limits.c ---- */
/* waiter.breathe: runner. */
void client_breathe(struct waiter *waiter);
/* Lane, the client is nobody's now: notes until when it may stay as it is. */
void client_limit(struct client *client);
/* The lane has its loop, and nobody drives it. */
void client_limits_open(struct lane *lane);
void client_limits_close(struct lane *lane);
