/* connect.h: how the command-line programs reach a node.
 *
 * Promises: --host takes an address or a node's name; names are looked up in the local
 * cluster's directory (--dir, $RUSTYDB_DIR) or, without one, by asking the server at the port.
 *           --dir alone means a node of that cluster, whichever answers, and nobody else.
 *           A server that is just starting is waited for, CONNECT_PATIENCE_MS at most. No
 * prompt.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>

#define CONNECT_PATIENCE_MS 5000

struct connect_options {
    const char *host, *port, *dir, *user, *database;
};

void connect_options_init(struct connect_options *options);
/* One of h, p, D, U, d. False: not a valid value (said on stderr). */
bool connect_option(struct connect_options *options, int option, const char *value);
/* NULL: the reason is on stderr. */
PGconn *connect_open(const struct connect_options *options);
/* The same without patience and words, for probes. */
PGconn *connect_try(const char *host, const char *port);
