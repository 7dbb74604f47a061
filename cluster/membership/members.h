/* members.h: who belongs to the group: names, ids, addresses.
 *
 * Promises: a founder's id depends on cluster name and node name only, so that founders agree
 *           on it without talking.
 * Thread:   pure functions.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/slice.h"
#include "base/status.h"
#include "cluster/cluster.h"

#define MEMBER_ADDRESS_MAX 192

struct members {
    struct member list[CLUSTER_MEMBERS_MAX]; /* by id */
    unsigned count;
};

uint64_t member_founder_id(const char *cluster_name, const char *node_name); /* never 0 */
/* Founders with their ids, by id. Names and addresses must be there and differ. */
MUST_CHECK enum status members_from_founders(const char *cluster_name,
                                             const struct member *founders,
                                             unsigned founder_count,
                                             struct members *members_out, struct diag *diag);
const struct member *members_find(const struct members *members, uint64_t id); /* or NULL */
const struct member *members_find_name(const struct members *members, const char *name);
unsigned members_voter_count(const struct members *members);
/* Position of `id` among the voters by id; the count where it is none. */
unsigned members_voter_rank(const struct members *members, uint64_t id);

/* The text that the consensus core keeps for a member: "name host port". */
void member_address_format(const struct member *member, char text[MEMBER_ADDRESS_MAX]);
MUST_CHECK enum status member_address_parse(const char *text, struct member *member,
                                            struct diag *diag);
