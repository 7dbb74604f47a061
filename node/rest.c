/* rest.c: HTTP: load balancers' /primary and /replica, and /api/v1/health. One thread of its
 * own.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "node/node_internal.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>

#define UPLOAD_BYTES_MAX ((size_t)4096)

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

/* The body of a POST, gathered over several calls of the handler. */
struct upload {
    size_t size;
    char text[UPLOAD_BYTES_MAX];
};

static bool
read_switchover(const struct upload *upload, struct switchover_request *request)
{
    const char *from = NULL, *to = NULL;
    json_t *json = json_loadb(upload->text, upload->size, 0, NULL);
    bool good = json != NULL &&
                json_unpack(json, "{s:s, s:s, s?F}", "from", &from, "to", &to, "drain_seconds",
                            &request->drain_seconds) == 0 &&
                strlen(from) < sizeof(request->from) && strlen(to) < sizeof(request->to);
    if (good) {
        snprintf(request->from, sizeof(request->from), "%s", from);
        snprintf(request->to, sizeof(request->to), "%s", to);
    }
    json_decref(json);
    return good && request->drain_seconds >= 0 && request->drain_seconds <= 3600;
}

static enum MHD_Result
answer_switchover(struct node *node, struct MHD_Connection *connection,
                  const struct upload *upload)
{
    struct switchover_request request = {.drain_seconds = 5};
    struct diag diag = {0};
    char report[512];
    if (!read_switchover(upload, &request)) {
        return answer(
            connection, MHD_HTTP_BAD_REQUEST,
            "{\"message\":\"a JSON object with from, to and drain_seconds is expected\"}\n");
    }
    enum status status = switchover_run(node, &request, report, sizeof(report), &diag);
    json_t *json = json_pack("{s:s}", "message", report);
    char *text = json_dumps(json, 0);
    enum MHD_Result result =
        answer(connection, status == STATUS_OK ? MHD_HTTP_OK : MHD_HTTP_CONFLICT, text);
    free(text);
    json_decref(json);
    return result;
}

static enum MHD_Result
handle_post(struct node *node, struct MHD_Connection *connection, const char *url,
            const char *bytes, size_t *byte_count, void **state)
{
    struct upload *upload = *state;
    if (upload == NULL) {
        *state = calloc(1, sizeof(*upload));
        return *state == NULL ? MHD_NO : MHD_YES;
    }
    if (*byte_count > 0) {
        if (*byte_count > UPLOAD_BYTES_MAX - upload->size) {
            return MHD_NO;
        }
        memcpy(upload->text + upload->size, bytes, *byte_count);
        upload->size += *byte_count;
        *byte_count = 0;
        return MHD_YES;
    }
    if (strcmp(url, "/api/v1/cluster/switchover") == 0) {
        return answer_switchover(node, connection, upload);
    }
    return answer(connection, MHD_HTTP_NOT_FOUND, "{\"message\":\"no such resource\"}\n");
}

static void
request_ended(void *arg, struct MHD_Connection *connection, void **state,
              enum MHD_RequestTerminationCode code)
{
    UNUSED(arg);
    UNUSED(connection);
    UNUSED(code);
    free(*state);
    *state = NULL;
}

static enum MHD_Result
handle(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
       const char *version, const char *upload, size_t *upload_size, void **state)
{
    struct node *node = ((struct rest *)arg)->node;
    UNUSED(version);
    if (strcmp(method, "POST") == 0) {
        return handle_post(node, connection, url, upload, upload_size, state);
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
                      "{\"message\":\"only GET, HEAD and POST are served here\"}\n");
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
                         MHD_OPTION_CONNECTION_TIMEOUT, 60u, MHD_OPTION_THREAD_POOL_SIZE, 2u,
                         MHD_OPTION_NOTIFY_COMPLETED, request_ended, NULL, MHD_OPTION_END);
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
