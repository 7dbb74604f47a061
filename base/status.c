/* status.c: see status.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"
#include "base/errors.h"

#include <errno.h>
#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
assert_failed(const char *condition, const char *file, int line)
{
    void *frames[64];
    fprintf(stderr, "assertion failed: %s (%s:%d)\n", condition, file, line);
    fflush(stderr);
    backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
    abort();
}

void
diag_clear(struct diag *diag)
{
    if (diag != NULL) {
        /* Ends of texts, not all 2.5 KiB: every statement begins with this. */
        diag->status = STATUS_OK;
        memset(diag->sqlstate, 0, sizeof(diag->sqlstate));
        diag->position = 0;
        diag->message[0] = diag->detail[0] = diag->hint[0] = diag->while_chain[0] = 0;
        diag->schema_name[0] = diag->table_name[0] = diag->column_name[0] = 0;
        diag->constraint_name[0] = diag->data_type_name[0] = 0;
        diag->file = NULL;
        diag->line = 0;
    }
}

enum status
diag_fail_at(struct diag *diag, enum status status, const char *sqlstate, const char *file,
             int line, const char *format, ...)
{
    ASSERT(status != STATUS_OK);
    if (diag == NULL || diag->status != STATUS_OK) {
        return status;
    }
    diag->status = status;
    snprintf(diag->sqlstate, sizeof(diag->sqlstate), "%s", sqlstate);
    diag->file = file;
    diag->line = line;
    va_list args;
    va_start(args, format);
    vsnprintf(diag->message, sizeof(diag->message), format, args);
    va_end(args);
    return status;
}

void
diag_detail(struct diag *diag, const char *format, ...)
{
    if (diag == NULL || diag->detail[0] != '\0') {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(diag->detail, sizeof(diag->detail), format, args);
    va_end(args);
}

void
diag_hint(struct diag *diag, const char *format, ...)
{
    if (diag == NULL || diag->hint[0] != '\0') {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(diag->hint, sizeof(diag->hint), format, args);
    va_end(args);
}

void
diag_position(struct diag *diag, int position)
{
    if (diag != NULL && diag->position == 0) {
        diag->position = position;
    }
}

void
diag_while(struct diag *diag, const char *format, ...)
{
    if (diag == NULL) {
        return;
    }
    size_t used = strlen(diag->while_chain);
    if (used > 0) {
        used += (size_t)snprintf(diag->while_chain + used, sizeof(diag->while_chain) - used,
                                 "; while ");
    }
    if (used >= sizeof(diag->while_chain)) {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(diag->while_chain + used, sizeof(diag->while_chain) - used, format, args);
    va_end(args);
}

const char *
status_name(enum status status)
{
    static const char *const names[] = {
        [STATUS_OK] = "ok",
        [STATUS_NOT_FOUND] = "not found",
        [STATUS_CONFLICT] = "conflict",
        [STATUS_NOT_LEADER] = "not leader",
        [STATUS_TIMEOUT] = "timeout",
        [STATUS_CANCELLED] = "cancelled",
        [STATUS_LIMIT] = "limit",
        [STATUS_IO] = "I/O",
        [STATUS_CORRUPT] = "corrupt",
        [STATUS_OUTCOME_UNKNOWN] = "outcome unknown",
        [STATUS_INVALID] = "invalid",
        [STATUS_AGAIN] = "again",
        [STATUS_UNSUPPORTED] = "unsupported",
    };
    ASSERT((size_t)status < ARRAY_SIZE(names));
    return names[status];
}

enum status
diag_errno(struct diag *diag, int error_no, const char *format, ...)
{
    char what[DIAG_TEXT_MAX / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    if (error_no == ENOSPC || error_no == EDQUOT) {
        return diag_fail(diag, STATUS_LIMIT, SQLSTATE_DISK_FULL, "could not %s: %s", what,
                         strerror(error_no));
    }
    return diag_fail(diag, error_no == ENOENT ? STATUS_NOT_FOUND : STATUS_IO, SQLSTATE_IO_ERROR,
                     "could not %s: %s", what, strerror(error_no));
}
