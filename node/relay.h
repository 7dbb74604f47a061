/* relay.h: a replica's clients reach the primary: the router's half of a session.
 *
 * Promises: on a replica, a statement that only reads runs here once the session's last
 *           commit is applied; everything else, and every block not READ ONLY, runs in a
 *           session of the same user, database, settings and prepared statements on the
 *           primary, whose answers are passed on byte by byte. Before a transaction has begun,
 *           a change of primary is masked: the statement goes to the new one. Afterwards it is
 *           40001, and the session here has the block, failed; a commit in flight is 08007.
 *           A primary that hangs is left as soon as another one leads.
 * Picture:  client <-> client.c <-> relay_route.c (what goes where)
 *                      <-> relay_there.c (a unit's fate) <-> relay.c (the connection)
 * Owns:     the connection to the primary; texts of prepared statements and SETs.
 * Thread:   "runner" functions by the client's runner; the connection itself by its lane.
 * Fails:    57P03 when there is no primary in RELAY_PATIENCE_NS.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "node/wire.h"

struct client;
struct relay;

/* A session for another node's router found itself on a replica: "ask the new primary". Goes
 * between nodes only. */
#define SQLSTATE_NOT_PRIMARY "RN001"
#define RELAY_PATIENCE_NS ((int64_t)10 * 1000 * 1000 * 1000)

/* Runner: is this message the router's business? False: it runs here (after waiting for the
 * session's last commit to be applied here, if it reads). */
bool relay_takes(struct client *client, const struct wire_message *message);
/* Runner: deals with a message that relay_takes() took. True: go on with the next. */
bool relay_step(struct client *client, const struct wire_message *message);
/* Runner: the session has a block on the primary, or a COPY or half a unit under way. */
bool relay_in_block(const struct client *client);
/* Runner: a COPY FROM STDIN there takes the client's data. */
bool relay_copies_in(const struct client *client);
/* Runner, of what runs here: notes what the session must take along to a primary elsewhere. The
 * script has run to its end well; `failed`: in a block that was failed. */
void relay_note_parse(struct client *client, const struct wire_message *message);
void relay_note_script(struct client *client, bool failed);
void relay_note_bind(struct client *client, const char *prepared);
/* Runner: the session's transaction is over, and with it what was noted in it counts, or not.
 */
void relay_block_ended(struct client *client, bool committed);
/* Another node leads, or nobody, as far as is known: what was refused here may run there. */
bool relay_may_lead_elsewhere(const struct client *client);
/* Runner: a Query that this node refused because it does not lead any more, of which nothing
 * was done or said, runs on the primary. */
void relay_run_refused(struct client *client, const char *text);
/* Runner, before ReadyForQuery: tells a router up to where it must wait to read its writes. */
void relay_tell_commit(struct client *client);
/* Lane: ends the connection; relay_delete() comes later, from the loop. NULL is fine. */
void relay_close(struct relay *relay);
void relay_delete(struct relay *relay); /* takes relay; NULL is fine */
