/* seeds.c: see seeds.h. SPDX-License-Identifier: Apache-2.0 */
#include "node/seeds.h"
#include "base/errors.h"

#include <stdio.h>
#include <stdlib.h>

#define FOUNDERS_MAX 5

static enum status
refuse(const char *seed, const char *why, struct diag *diag)
{
    enum status status = diag_fail(diag, STATUS_INVALID, SQLSTATE_CONFIG_FILE_ERROR,
                                   "[clustering] seeds: \"%s\" %s", seed, why);
    diag_hint(diag, "Write each member as \"name=host:port\" with its peer port.");
    return status;
}

static enum status
read_seed(const char *seed, struct member *member, struct diag *diag)
{
    const char *equals = strchr(seed, '='), *colon = strrchr(seed, ':');
    memset(member, 0, sizeof(*member));
    member->voter = true;
    if (equals == NULL || equals == seed || colon == NULL || colon < equals ||
        (size_t)(equals - seed) >= sizeof(member->name) ||
        (size_t)(colon - equals) > sizeof(member->host) || colon == equals + 1) {
        return refuse(seed, "is not name=host:port", diag);
    }
    memcpy(member->name, seed, (size_t)(equals - seed));
    memcpy(member->host, equals + 1, (size_t)(colon - equals - 1));
    char *end = NULL;
    long port = strtol(colon + 1, &end, 10);
    if (*end != '\0' || end == colon + 1 || port < 1 || port > 65535) {
        return refuse(seed, "has no port between 1 and 65535", diag);
    }
    member->peer_port = (uint16_t)port;
    if (!settings_is_loopback(member->host)) {
        enum status status =
            diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "[clustering] seeds: \"%s\" is beyond loopback, which needs "
                      "authentication and TLS",
                      seed);
        diag_hint(diag, "Neither exists yet. All members listen on 127.0.0.1.");
        return status;
    }
    return STATUS_OK;
}

/* Differs from those before it, and is as this node listens if it is this node. */
static enum status
check_seed(const struct settings *settings, const char *seed, const struct member *founders,
           unsigned no, struct diag *diag)
{
    const struct member *member = &founders[no];
    for (unsigned i = 0; i < no; i++) {
        if (strcmp(founders[i].name, member->name) == 0) {
            return refuse(seed, "names a member twice", diag);
        }
        if (founders[i].peer_port == member->peer_port &&
            strcmp(founders[i].host, member->host) == 0) {
            return refuse(seed, "has the address of another member", diag);
        }
    }
    if (strcmp(member->name, settings->instance_name) == 0 &&
        member->peer_port != settings->clustering_listen_port) {
        return refuse(seed, "is this instance, whose [clustering] listen_port differs", diag);
    }
    return STATUS_OK;
}

static void
only_myself(const struct settings *settings, struct member *member)
{
    memset(member, 0, sizeof(*member));
    snprintf(member->name, sizeof(member->name), "%s", settings->instance_name);
    snprintf(member->host, sizeof(member->host), "%s", settings->server_listen_host);
    member->peer_port = (uint16_t)settings->clustering_listen_port;
    member->voter = true;
}

enum status
seeds_read(const struct settings *settings, struct member *founders_out, unsigned *count_out,
           struct diag *diag)
{
    const struct text_list *seeds = &settings->clustering_seeds;
    if (seeds->count == 0) {
        only_myself(settings, &founders_out[0]);
        *count_out = 1;
        return STATUS_OK;
    }
    if (seeds->count > FOUNDERS_MAX) {
        return refuse(seeds->texts[FOUNDERS_MAX],
                      "is one too many: a cluster starts with one to five", diag);
    }
    bool found_myself = false;
    for (unsigned i = 0; i < seeds->count; i++) {
        TRY(read_seed(seeds->texts[i], &founders_out[i], diag));
        TRY(check_seed(settings, seeds->texts[i], founders_out, i, diag));
        found_myself |= strcmp(founders_out[i].name, settings->instance_name) == 0;
    }
    if (!found_myself) {
        return refuse(settings->instance_name, "(this instance) is not among them", diag);
    }
    *count_out = seeds->count;
    return STATUS_OK;
}
