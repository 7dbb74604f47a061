/* members.c: see members.h. SPDX-License-Identifier: Apache-2.0 */
#include "cluster/membership/members.h"
#include "base/errors.h"
#include "base/hash.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t
member_founder_id(const char *cluster_name, const char *node_name)
{
    char text[4 * NODE_NAME_MAX];
    int length = snprintf(text, sizeof(text), "%s/%s", cluster_name, node_name);
    ASSERT(length > 0);
    uint64_t id = hash64(slice_from_text(text), 0x52444e4f4445ULL) >> 1; /* fits a bigint */
    return id == 0 ? 1 : id;
}

static enum status
check_founder(const struct members *members, const struct member *founder, struct diag *diag)
{
    if (founder->name[0] == '\0' || founder->host[0] == '\0' || founder->peer_port == 0 ||
        strpbrk(founder->name, " \t\n") != NULL || strpbrk(founder->host, " \t\n") != NULL) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_CONFIG_FILE_ERROR,
                         "founding member \"%s\" needs a name, a host and a peer port",
                         founder->name);
    }
    if (members_find(members, founder->id) != NULL) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_CONFIG_FILE_ERROR,
                         "founding member \"%s\" is named twice", founder->name);
    }
    for (unsigned i = 0; i < members->count; i++) {
        if (strcmp(members->list[i].host, founder->host) == 0 &&
            members->list[i].peer_port == founder->peer_port) {
            return diag_fail(diag, STATUS_INVALID, SQLSTATE_CONFIG_FILE_ERROR,
                             "founding members \"%s\" and \"%s\" have the same address",
                             members->list[i].name, founder->name);
        }
    }
    return STATUS_OK;
}

static int
by_id(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

enum status
members_from_founders(const char *cluster_name, const struct member *founders,
                      unsigned founder_count, struct members *members_out, struct diag *diag)
{
    *members_out = (struct members){0};
    if (founder_count == 0 || founder_count > CLUSTER_MEMBERS_MAX) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_CONFIG_FILE_ERROR,
                         "a cluster has 1 to %u founding members, not %u", CLUSTER_MEMBERS_MAX,
                         founder_count);
    }
    for (unsigned i = 0; i < founder_count; i++) {
        struct member founder = founders[i];
        founder.id = member_founder_id(cluster_name, founder.name);
        TRY(check_founder(members_out, &founder, diag));
        members_out->list[members_out->count++] = founder;
    }
    qsort(members_out->list, members_out->count, sizeof(struct member), by_id);
    return STATUS_OK;
}

const struct member *
members_find(const struct members *members, uint64_t id)
{
    for (unsigned i = 0; i < members->count; i++) {
        if (members->list[i].id == id) {
            return &members->list[i];
        }
    }
    return NULL;
}

const struct member *
members_find_name(const struct members *members, const char *name)
{
    for (unsigned i = 0; i < members->count; i++) {
        if (strcmp(members->list[i].name, name) == 0) {
            return &members->list[i];
        }
    }
    return NULL;
}

unsigned
members_voter_count(const struct members *members)
{
    unsigned count = 0;
    for (unsigned i = 0; i < members->count; i++) {
        count += members->list[i].voter ? 1 : 0;
    }
    return count;
}

unsigned
members_voter_rank(const struct members *members, uint64_t id)
{
    unsigned rank = 0;
    for (unsigned i = 0; i < members->count && members->list[i].id != id; i++) {
        rank += members->list[i].voter ? 1 : 0;
    }
    return rank;
}

void
member_address_format(const struct member *member, char text[MEMBER_ADDRESS_MAX])
{
    snprintf(text, MEMBER_ADDRESS_MAX, "%s %s %u", member->name, member->host,
             member->peer_port);
}

enum status
member_address_parse(const char *text, struct member *member, struct diag *diag)
{
    unsigned port = 0;
    static_assert(NODE_NAME_MAX == 64 && sizeof(member->host) == 64, "widths below");
    if (sscanf(text, "%63s %63s %u", member->name, member->host, &port) != 3 || port == 0 ||
        port > UINT16_MAX) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "a member's address cannot be read: \"%s\"", text);
    }
    member->peer_port = (uint16_t)port;
    return STATUS_OK;
}
