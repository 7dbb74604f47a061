/* sql_world.h: an SQL engine over a store whose log applies at once, and answers as text.
 * Thread: a client's calls on one thread at a time. Asserts with abort().
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/sql.h"
#include "tests/lib/sim_vfs.h"

struct sql_world {
    struct sim_vfs *sim;
    struct env env;
    struct store *store;
    struct store_options options;
    struct mutex mu; /* one entry at a time */
    struct buf *entries;
    uint64_t entry_count, entry_capacity, term;
    struct sql_engine *engine;
};

struct sql_client {
    struct sql_world *world;
    struct waiter waiter;
    struct sql_session *session;
    struct buf answer; /* with its zero */
    unsigned row_count;
};

void sql_world_open(struct sql_world *world);
void sql_world_close(struct sql_world *world);
void sql_client_open(struct sql_client *client, struct sql_world *world);
void sql_client_close(struct sql_client *client);
/* Runs all statements of the text. Rows as "1|a|\n" (NULL is empty), then, after each
 * statement, nothing; an error as "ERROR 23505: message (detail)". Borrowed until the next
 * call. */
const char *sql_ask(struct sql_client *client, const char *text);
/* The same by the extended protocol: parameters as text, NULL for NULL. */
const char *sql_ask_prepared(struct sql_client *client, const char *text,
                             const char *const *params, unsigned param_count);
