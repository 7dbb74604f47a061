/* slow_log.c: logs/slow-query.log: statements that took log_min_duration_statement or longer,
 * one line each.
 * SPDX-License-Identifier: Apache-2.0 */
#include "node/node_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define TEXT_BYTES_MAX 4096U /* of a statement */

void
slow_log_open(struct node *node, const char *path)
{
    node->slow_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

void
slow_log_close(struct node *node)
{
    if (node->slow_fd >= 0) {
        close(node->slow_fd);
    }
}

/* On one line, whatever the statement holds. */
static void
append_text(struct buf *line, const char *text)
{
    size_t size = strnlen(text, TEXT_BYTES_MAX);
    for (size_t i = 0; i < size; i++) {
        buf_u8(line, (uint8_t)text[i] < ' ' ? ' ' : (uint8_t)text[i]);
    }
    if (text[size] != '\0') {
        buf_append(line, "...", 3);
    }
}

/* sql_host.slow_statement; any lane. A line is one write: lines of two sessions never mix. */
void
slow_log_write(void *host_arg, const struct slow_statement *slow)
{
    struct node *node = host_arg;
    if (node->slow_fd < 0) {
        return;
    }
    int64_t now_us = clock_wall_us(node->env.clock);
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm tm;
    char time_text[32], head[512];
    gmtime_r(&seconds, &tm);
    strftime(time_text, sizeof(time_text), "%Y-%m-%dT%H:%M:%S", &tm);
    int size =
        snprintf(head, sizeof(head),
                 "%s.%03dZ [SLOW QUERY] Query time: %.3f ms, session: %llu, user: %.64s, "
                 "database: %.64s, result: %.96s, Query: ",
                 time_text, (int)(now_us / 1000 % 1000), (double)slow->duration_ns / 1e6,
                 (unsigned long long)slow->session_no, slow->user, slow->database,
                 slow->tag[0] == '\0' ? "-" : slow->tag);
    struct buf line = BUF_EMPTY;
    buf_append(&line, head, MIN((size_t)size, sizeof(head) - 1));
    append_text(&line, slow->text);
    buf_u8(&line, '\n');
    /* What a full disk does not take is lost: the statement is not to suffer for it. */
    ssize_t wrote = write(node->slow_fd, line.data, line.size);
    UNUSED(wrote);
    buf_deinit(&line);
}
