/* log.h: what the node tells its operators: one line an event, fields as key=value.
 *
 * Promises: lines go whole to the sink, in order, with UTC time and level. Routine lines never
 *           hold the substring "error" (operators grep for it).
 * Owns:     the sink's descriptor stays the caller's.
 * Thread:   any.
 * Fails:    never: a line that cannot be written is dropped and counted.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/clock.h"
#include "base/lock.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

struct logger {
    struct mutex mu;
    struct clock *clock;
    enum log_level level; /* lines below it are not written */
    int fd;               /* -1: drop everything */
    int second_fd;        /* -1: none; standard output under a service manager */
    char node[64];
    uint64_t dropped_count;
};

void logger_init(struct logger *logger, struct clock *clock, const char *node, int fd);
void logger_deinit(struct logger *logger);
/* `area` names the folder that speaks ("storage", "cluster"). The text starts in lower case. */
void log_write(struct logger *logger, enum log_level level, const char *area,
               const char *format, ...) PRINTF_LIKE(4, 5);
#define log_debug(logger, area, ...) log_write((logger), LOG_DEBUG, (area), __VA_ARGS__)
#define log_info(logger, area, ...) log_write((logger), LOG_INFO, (area), __VA_ARGS__)
#define log_warning(logger, area, ...) log_write((logger), LOG_WARNING, (area), __VA_ARGS__)
#define log_error(logger, area, ...) log_write((logger), LOG_ERROR, (area), __VA_ARGS__)
