/* hold.h: keeping new transactions back at their first statement while the primary changes.
 *
 * Promises: while held, a session outside a transaction does not start another statement; those
 *           in a transaction go on. Releasing makes every session look at its input again.
 * Thread:   hold and release from control; the rest from lanes.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/wait.h"

struct node;
struct client;
struct lane;

struct hold {
    _Atomic(bool) held;
    _Atomic(unsigned) active_count; /* sessions with a transaction or statement under way */
};

/* Runner, before a message is taken: false while it must wait. Counts the session as active. */
bool hold_admits(struct client *client);
/* Runner or lane: the session is outside a transaction again, or gone. */
void hold_leave(struct client *client);
void hold_lane_init(struct lane *lane);
void hold_close(struct node *node);
void hold_release(struct node *node);
unsigned hold_active_count(struct node *node);
