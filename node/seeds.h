/* seeds.h: the founding members, as [clustering] seeds names them: "name=host:port".
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cluster/cluster.h"
#include "node/settings.h"

/* All founders, this node among them (it need not be listed when it is the only one).
 * `founders_out` has room for CLUSTER_MEMBERS_MAX. F0000 for seeds that cannot
 * be, 0A000 for one beyond loopback. */
MUST_CHECK enum status seeds_read(const struct settings *settings, struct member *founders_out,
                                  unsigned *count_out, struct diag *diag);
