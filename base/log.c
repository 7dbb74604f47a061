/* log.c: see log.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void
logger_init(struct logger *logger, struct clock *clock, const char *node, int fd)
{
    memset(logger, 0, sizeof(*logger));
    mutex_init(&logger->mu, LOCK_RANK_LOGGER);
    logger->clock = clock;
    logger->level = LOG_INFO;
    logger->fd = fd;
    logger->second_fd = -1;
    snprintf(logger->node, sizeof(logger->node), "%s", node);
}

void
logger_deinit(struct logger *logger)
{
    mutex_deinit(&logger->mu);
}

static void
write_line(struct logger *logger, int fd, const char *line, size_t size)
{
    if (fd >= 0 && write(fd, line, size) != (ssize_t)size) {
        logger->dropped_count++;
    }
}

void
log_write(struct logger *logger, enum log_level level, const char *area, const char *format,
          ...)
{
    static const char *const names[] = {"DEBUG", "INFO", "WARNING", "ERROR"};
    if (logger == NULL || level < logger->level) {
        return;
    }
    char line[2048];
    int64_t now_us = clock_wall_us(logger->clock);
    time_t seconds = now_us / 1000000;
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t used = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &utc);
    used += (size_t)snprintf(line + used, sizeof(line) - used,
                             ".%03dZ %s %s %s: ", (int)(now_us / 1000 % 1000), names[level],
                             logger->node, area);
    va_list args;
    va_start(args, format);
    int text = vsnprintf(line + used, sizeof(line) - used - 1, format, args);
    va_end(args);
    used = MIN(used + (size_t)MAX(text, 0), sizeof(line) - 2);
    line[used++] = '\n';
    mutex_lock(&logger->mu);
    write_line(logger, logger->fd, line, used);
    write_line(logger, logger->second_fd, line, used);
    mutex_unlock(&logger->mu);
}
