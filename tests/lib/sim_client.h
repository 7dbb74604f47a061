/* sim_client.h: a PostgreSQL client in the simulated world, one thread that blocks.
 *
 * Promises: a statement's answer is DONE, ERROR (sqlstate and message tell) or LOST: the
 *           connection broke or the deadline passed, and what became of it is not known.
 * Owns:     its loop and connection.
 * Thread:   that of the world which runs the client.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/slice.h"
#include "tests/lib/sim_world.h"

enum sim_answer { SIM_DONE, SIM_ERROR, SIM_LOST };

/* A value is NULL or text. */
typedef void (*sim_row_fn)(void *arg, unsigned count, const char *const *values);

struct sim_client {
    struct env env;
    struct loop *loop;
    struct loop_timer *timer;
    struct stream *stream; /* NULL: not connected */
    struct buf in, out;
    bool woken, timed_out, connecting;
    int64_t patience_ns; /* for one answer */
    sim_row_fn on_row;   /* of the next statements; NULL: nobody looks */
    void *row_arg;

    /* of the last answer */
    char sqlstate[6], message[256], detail[256];
    char value[128]; /* first column of the last row; "" if NULL or none */
    char tag[64];    /* of the last statement that completed */
    char txn_status; /* I, T or E */
    bool copy_in;    /* the server waits for CopyData */
};

void sim_client_init(struct sim_client *client, struct sim_world *world, unsigned host);
void sim_client_deinit(struct sim_client *client);
/* True when the session is ready for statements; else closed, and sqlstate may tell why. */
bool sim_client_connect(struct sim_client *client, unsigned node, uint16_t port);
void sim_client_close(struct sim_client *client);
/* A simple query. After SIM_LOST the connection is closed. */
enum sim_answer sim_client_query(struct sim_client *client, const char *sql);
/* The same by the extended protocol, with a text parameter for $1 (NULL: none). */
enum sim_answer sim_client_execute(struct sim_client *client, const char *sql,
                                   const char *parameter);
/* COPY .. FROM STDIN with all of its data. */
enum sim_answer sim_client_copy(struct sim_client *client, const char *sql, struct slice data);
