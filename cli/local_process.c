/* local_process.c: homes, starts, signals and waits of a local cluster.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/connect.h"
#include "cli/http.h"
#include "cli/local_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POLL_US 20000
#define START_MS_MAX 60000
#define GONE_MS_MAX 40000
#define MOVE_MS_MAX 30000
#define KNOWN_MS_MAX 5000
#define ENDED_MS 1000 /* a process without a pid file may still be on its way until then */

/* Waiting is by the clock: an attempt takes long on a machine that is busy. */
static long
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* DIR/NAME/SUB; "" is the home itself. */
static bool
make_dir(const struct local_cluster *cluster, const struct local_node *node, const char *sub)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s/%s", cluster->dir, node->name, sub);
    if (mkdir(path, 0750) == 0 || errno == EEXIST) {
        return true;
    }
    fprintf(stderr, "could not create directory \"%s\": %s\n", path, strerror(errno));
    return false;
}

static void
write_config(FILE *file, const struct local_cluster *cluster, const struct local_node *node)
{
    fprintf(file,
            "# Written by rusty-db-cluster local up; edit it freely.\n"
            "[instance]\nname = \"%s\"\n\n"
            "[server]\nlisten_host = \"127.0.0.1\"\nlisten_port = %d\napi_port = %d\n\n"
            "[clustering]\nlisten_port = %d\nseeds = [",
            node->name, node->sql_port, node->rest_port, node->peer_port);
    for (unsigned i = 0; i < cluster->node_count; i++) {
        fprintf(file, "%s\"%s=127.0.0.1:%d\"", i == 0 ? "" : ", ", cluster->nodes[i].name,
                cluster->nodes[i].peer_port);
    }
    fprintf(file, "]\n");
}

bool
local_make_home(const struct local_cluster *cluster, const struct local_node *node)
{
    char path[4096];
    if (!make_dir(cluster, node, "") || !make_dir(cluster, node, "conf") ||
        !make_dir(cluster, node, "logs")) {
        return false;
    }
    snprintf(path, sizeof(path), "%s/%s/conf/rustydb.toml", cluster->dir, node->name);
    if (access(path, F_OK) == 0) {
        return true;
    }
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        fprintf(stderr, "could not write \"%s\": %s\n", path, strerror(errno));
        return false;
    }
    write_config(file, cluster, node);
    return fclose(file) == 0;
}

/* The server beside this program. */
static bool
server_path(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    if (length <= 0) {
        return false;
    }
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    snprintf(slash + 1, size - (size_t)(slash + 1 - path), "rusty-db-server");
    return true;
}

/* In the child: a session of its own, output to a file, then the server. */
static void
become_server(const char *server, const char *home)
{
    char out[4200];
    snprintf(out, sizeof(out), "%s/logs/server.out", home);
    setsid();
    int null_fd = open("/dev/null", O_RDONLY);
    int out_fd = open(out, O_WRONLY | O_CREAT | O_APPEND, 0640);
    if (null_fd < 0 || out_fd < 0) {
        _exit(127);
    }
    dup2(null_fd, STDIN_FILENO);
    dup2(out_fd, STDOUT_FILENO);
    dup2(out_fd, STDERR_FILENO);
    for (int fd = STDERR_FILENO + 1; fd < 256; fd++) {
        close(fd);
    }
    execl(server, server, "--home", home, (char *)NULL);
    fprintf(stderr, "could not run \"%s\": %s\n", server, strerror(errno));
    _exit(127);
}

bool
local_launch(const struct local_cluster *cluster, const struct local_node *node)
{
    char server[4096], home[4096];
    snprintf(home, sizeof(home), "%s/%s", cluster->dir, node->name);
    if (!server_path(server, sizeof(server)) || access(server, X_OK) != 0) {
        fprintf(stderr, "no rusty-db-server beside this program\n");
        return false;
    }
    fflush(NULL);
    pid_t child = fork(); /* twice, so that nobody has to wait for the server */
    if (child == 0) {
        pid_t server_pid = fork();
        if (server_pid == 0) {
            become_server(server, home);
        }
        _exit(server_pid < 0);
    }
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

void
local_wait_known(const struct local_cluster *cluster, const struct local_node *node)
{
    long end_ms = now_ms() + KNOWN_MS_MAX;
    while (local_state(cluster, node) == LOCAL_STOPPED && now_ms() < end_ms) {
        usleep(POLL_US);
    }
}

bool
local_signal(const struct local_cluster *cluster, const struct local_node *node, int signal_no)
{
    pid_t pid = local_pid(cluster, node);
    if (pid == 0) {
        fprintf(stderr, "node \"%s\" does not run\n", node->name);
        return false;
    }
    if (kill(pid, signal_no) != 0) {
        fprintf(stderr, "could not signal node \"%s\" (pid %d): %s\n", node->name, (int)pid,
                strerror(errno));
        return false;
    }
    return true;
}

bool
local_wait_gone(const struct local_cluster *cluster, const struct local_node *node)
{
    long end_ms = now_ms() + GONE_MS_MAX;
    while (local_pid(cluster, node) != 0) {
        if (now_ms() > end_ms) {
            fprintf(stderr, "node \"%s\" does not stop\n", node->name);
            return false;
        }
        usleep(POLL_US);
    }
    return true;
}

/* What the node says to a text, for PQclear(); NULL: it cannot be reached. */
static PGresult *
ask(const struct local_node *node, const char *text)
{
    char port[8];
    snprintf(port, sizeof(port), "%d", node->sql_port);
    PGconn *connection = connect_try("127.0.0.1", port);
    if (connection == NULL) {
        return NULL;
    }
    PGresult *result = PQexec(connection, text);
    PQfinish(connection);
    return result;
}

static bool
answers_with(const struct local_node *node, const char *text, ExecStatusType wanted)
{
    PGresult *result = ask(node, text);
    bool good = PQresultStatus(result) == wanted;
    PQclear(result);
    return good;
}

static bool
answers(const struct local_node *node)
{
    return answers_with(node, "SELECT 1", PGRES_TUPLES_OK);
}

/* A commit that leaves nothing behind: a statement that changes no row of a fresh table would
 * not reach the log, so a sequence is made and dropped in one transaction. */
static bool
write_works(const struct local_node *node)
{
    return answers_with(node,
                        "BEGIN; CREATE SEQUENCE rustydb_write_check; "
                        "DROP SEQUENCE rustydb_write_check; COMMIT",
                        PGRES_COMMAND_OK);
}

/* The last line of DIR/NAME/logs/server.out: what ended the server. */
static void
print_reason(const struct local_cluster *cluster, const struct local_node *node)
{
    char path[4096], line[512], last[512] = "";
    snprintf(path, sizeof(path), "%s/%s/logs/server.out", cluster->dir, node->name);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "rusty-db-server:", strlen("rusty-db-server:")) == 0) {
            memcpy(last, line, sizeof(last));
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    fprintf(stderr, "node \"%s\" ended while starting; see %s\n%s", node->name, path, last);
}

static bool
wait_until(const struct local_cluster *cluster, const struct local_node *node,
           bool (*reached)(const struct local_node *node), const char *what)
{
    long begin_ms = now_ms();
    while (!reached(node)) {
        long waited_ms = now_ms() - begin_ms;
        if (waited_ms > ENDED_MS && local_state(cluster, node) == LOCAL_STOPPED) {
            print_reason(cluster, node);
            return false;
        }
        if (waited_ms > START_MS_MAX) {
            fprintf(stderr, "node \"%s\": %s\n", node->name, what);
            return false;
        }
        usleep(POLL_US);
    }
    return true;
}

bool
local_wait_serving(const struct local_cluster *cluster)
{
    const struct local_node *any = NULL;
    for (unsigned i = 0; i < cluster->node_count; i++) {
        const struct local_node *node = &cluster->nodes[i];
        if (local_state(cluster, node) == LOCAL_PAUSED) {
            continue;
        }
        if (!wait_until(cluster, node, answers, "does not answer")) {
            return false;
        }
        any = any == NULL ? node : any;
    }
    if (any == NULL) {
        fprintf(stderr, "all nodes are paused; `local resume` wakes them\n");
        return false;
    }
    return wait_until(cluster, any, write_works, "writes do not work");
}

/* ---- who leads ---- */

static const struct local_node *
primary_as_seen_by(const struct local_cluster *cluster, const struct local_node *node)
{
    PGresult *result =
        ask(node, "SELECT node_name FROM v_cluster_nodes WHERE role = 'primary'");
    const struct local_node *primary =
        PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1
            ? local_find(cluster, PQgetvalue(result, 0, 0))
            : NULL;
    PQclear(result);
    return primary;
}

static void
ask_to_move(const struct local_node *from, const struct local_node *to)
{
    char request[256], *answer = NULL;
    snprintf(request, sizeof(request), "{\"from\":\"%s\",\"to\":\"%s\"}", from->name, to->name);
    (void)http_post(from->rest_port, "/api/v1/cluster/switchover", request, MOVE_MS_MAX / 1000,
                    &answer);
    free(answer); /* who leads afterwards is what counts */
}

bool
local_move_primary(const struct local_cluster *cluster, const struct local_node *node)
{
    for (long end_ms = now_ms() + MOVE_MS_MAX; now_ms() < end_ms;) {
        const struct local_node *primary = primary_as_seen_by(cluster, node);
        if (primary == node) {
            return true;
        }
        if (primary != NULL) {
            ask_to_move(primary, node);
        }
        usleep(POLL_US);
    }
    fprintf(stderr, "node \"%s\" did not become the primary\n", node->name);
    return false;
}
