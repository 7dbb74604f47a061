/* rest.c: HTTP: load balancers' /primary and /replica, and /api/v1/health. One thread of its
 * own. SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "node/node_internal.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>

struct rest {
    struct node *node;
    struct MHD_Daemon *daemon;
};

static enum MHD_Result
answer(struct MHD_Connection *connection, unsigned code, const char *json)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(json), (void *)(uintptr_t)json, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", "application/json");
    enum MHD_Result result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result
answer_role(struct node *node, struct MHD_Connection *connection, bool primary_wanted)
{
    struct cluster_state state;
    cluster_state(node->cluster, &state);
    bool primary = node_is_primary(node) && sql_engine_ready(node->engine);
    bool replica = !node_is_primary(node) && state.leader_id != 0 && !state.damaged &&
                   sql_engine_ready(node->engine);
    return answer(connection,
                  (primary_wanted ? primary : replica) ? MHD_HTTP_OK
                                                       : MHD_HTTP_SERVICE_UNAVAILABLE,
                  primary ? "{\"role\":\"primary\"}\n" : "{\"role\":\"standby\"}\n");
}

static enum MHD_Result
answer_health(struct node *node, struct MHD_Connection *connection)
{
    struct cluster_state state;
    char json[160];
    cluster_state(node->cluster, &state);
    const char *status = state.damaged || store_damaged(node->store)               ? "unhealthy"
                         : state.leader_id == 0 || !sql_engine_ready(node->engine) ? "degraded"
                                                                                   : "healthy";
    long long uptime = (clock_wall_us(node->env.clock) - node->started_us) / 1000000;
    snprintf(json, sizeof(json),
             "{\"status\":\"%s\",\"version\":\"%s\",\"uptime_seconds\":%lld}\n", status,
             RUSTYDB_VERSION, uptime);
    return answer(connection, status[0] == 'u' ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK,
                  json);
}

static enum MHD_Result
handle(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
       const char *version, const char *upload, size_t *upload_size, void **state)
{
    struct node *node = ((struct rest *)arg)->node;
    UNUSED(version);
    UNUSED(upload);
    UNUSED(upload_size);
    UNUSED(state);
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
                      "{\"message\":\"only GET and HEAD are served here\"}\n");
    }
    if (strcmp(url, "/primary") == 0 || strcmp(url, "/replica") == 0) {
        return answer_role(node, connection, url[1] == 'p');
    }
    if (strcmp(url, "/api/v1/health") == 0) {
        return answer_health(node, connection);
    }
    return answer(connection, MHD_HTTP_NOT_FOUND, "{\"message\":\"no such resource\"}\n");
}

enum status
rest_start(struct node *node, struct diag *diag)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)node->settings.server_api_port)};
    const char *host = node->settings.server_listen_host;
    if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &at.sin_addr) !=
        1) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_CONFIG_FILE_ERROR,
                         "[server] listen_host = \"%s\" is not an IPv4 address", host);
    }
    struct rest *rest = calloc(1, sizeof(*rest));
    ASSERT(rest != NULL);
    rest->node = node;
    rest->daemon =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL,
                         (uint16_t)node->settings.server_api_port, NULL, NULL, handle, rest,
                         MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_CONNECTION_LIMIT, 100u,
                         MHD_OPTION_CONNECTION_TIMEOUT, 10u, MHD_OPTION_END);
    if (rest->daemon == NULL) {
        free(rest);
        return diag_fail(diag, STATUS_CONFLICT, SQLSTATE_OBJECT_IN_USE,
                         "could not listen for HTTP on %s:%lld", host,
                         (long long)node->settings.server_api_port);
    }
    node->rest = rest;
    return STATUS_OK;
}

void
rest_stop(struct node *node)
{
    if (node->rest != NULL) {
        MHD_stop_daemon(node->rest->daemon);
        free(node->rest);
        node->rest = NULL;
    }
}
