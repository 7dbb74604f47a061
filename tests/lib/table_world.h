/* table_world.h: a store with a log in memory, for tests of tables: what a transaction submits
 * becomes the next entry and is applied at once.
 * Thread: sessions in threads of their own; commits take turns. Asserts with abort(), so that
 * threads other than cmocka's may use it.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/worker.h"
#include "storage/store.h"
#include "tests/lib/sim_vfs.h"

struct world {
    struct sim_vfs *sim;
    struct env env;
    struct store *store;
    struct store_options options;
    struct mutex mu; /* one commit at a time */
    struct buf *entries;
    uint64_t *terms;
    uint64_t entry_count, entry_capacity; /* entries[i] has index i + 1 */
    uint64_t term, incarnation;
};

struct session {
    struct world *world;
    struct waiter waiter;
    struct txn *txn;
    struct diag diag;
};

void world_open(struct world *world, uint32_t page_size, uint32_t pool_pages);
/* One that will follow another: a node of its own, with the same first entry. */
void world_open_follower(struct world *world, uint32_t page_size, uint32_t pool_pages);
void world_close(struct world *world);
void world_checkpoint(struct world *world);
/* As after a crash: opens the newest checkpoint and replays the log, in a new term. */
void world_restart(struct world *world);
/* Applies what the leader's log has more; the leader may go on meanwhile. */
void world_follow(struct world *follower, struct world *leader);

void session_init(struct session *session, struct world *world);
void session_deinit(struct session *session);
void session_begin(struct session *session, enum isolation isolation);
/* The next statement: new command, new snapshot under READ COMMITTED. */
void session_next(struct session *session);
void session_commit(struct session *session);
void session_abort(struct session *session);

/* ---- a table of (id int8, n int8, text) ---- */
#define WORLD_TABLE ((struct object_id){20000})
#define WORLD_INDEX_ID ((struct object_id){20001}) /* unique on id */
#define WORLD_INDEX_N ((struct object_id){20002})  /* on n */
struct world_row {
    int64_t id, n;
    bool n_null;
    const char *text;
};
const struct table_definition *world_table_definition(void);
struct index_definition world_index(struct object_id index, bool unique, unsigned column);
void world_row_encode(struct buf *out, const struct world_row *row);
void world_row_decode(struct slice tuple, struct world_row *row_out); /* text left NULL */
/* Creates the table and both indexes, committed. */
void world_make_table(struct world *world);
/* The bounds of `index column = value`, into `key`. */
struct index_range world_equal(struct buf *key, int64_t value);
/* Row with this id by the unique index, or false. */
bool world_find(struct session *session, int64_t id, struct row_id *row_out,
                struct world_row *values_out);
