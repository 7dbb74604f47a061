/* status.h: how a function says that it could not do what it promises.
 *
 * Promises: `enum status` is a short list to branch on; `struct diag` holds what a person
 * needs: SQLSTATE, message, detail, hint and a chain of what was being done. It has a fixed
 *           size, so that reporting out-of-memory allocates nothing.
 * Owns:     a diag belongs to the request that made it and travels with it between threads.
 *           NULL is allowed wherever a diag is taken: the caller does not want to know.
 * Fails:    never. The first error wins: diag_fail() on a diag that is set keeps the first.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/macros.h"
#include <stdarg.h>
#include <stdbool.h>

enum status {
    STATUS_OK = 0,
    STATUS_NOT_FOUND,
    STATUS_CONFLICT,   /* another transaction was there first; the statement may be retried */
    STATUS_NOT_LEADER, /* only the primary can do this, and this node is not it */
    STATUS_TIMEOUT,
    STATUS_CANCELLED,
    STATUS_LIMIT, /* a bound of memory, disk, size or count */
    STATUS_IO,
    STATUS_CORRUPT,         /* bytes that fail their check */
    STATUS_OUTCOME_UNKNOWN, /* a commit whose fate this node cannot learn now */
    STATUS_INVALID,         /* bad input, whoever sent it */
    STATUS_AGAIN,           /* nothing now; you will be told when */
    STATUS_UNSUPPORTED,     /* a known feature that is not built yet (0A000) */
};

#define DIAG_TEXT_MAX 512
#define DIAG_WHILE_MAX 512
#define DIAG_NAME_MAX 64

struct diag {
    enum status status; /* STATUS_OK: nothing reported */
    char sqlstate[6];
    int position; /* 1-based character position in the statement's text; 0: none */
    char message[DIAG_TEXT_MAX];
    char detail[DIAG_TEXT_MAX];
    char hint[DIAG_TEXT_MAX];
    char while_chain[DIAG_WHILE_MAX]; /* innermost first, separated by "; while " */
    char schema_name[DIAG_NAME_MAX], table_name[DIAG_NAME_MAX], column_name[DIAG_NAME_MAX];
    char constraint_name[DIAG_NAME_MAX], data_type_name[DIAG_NAME_MAX];
    const char *file; /* place that reported first: a string literal */
    int line;
};

/* Returns at once with the status of `x`. Only while the function owns nothing. */
#define TRY(x)                                                                                 \
    do {                                                                                       \
        enum status try_status_ = (x);                                                         \
        if (UNLIKELY(try_status_ != STATUS_OK)) {                                              \
            return try_status_;                                                                \
        }                                                                                      \
    } while (0)

/* For a status that changes nothing here; the line says why in a comment. */
#define STATUS_IGNORED(x)                                                                      \
    do {                                                                                       \
        enum status ignored_status_ = (x);                                                     \
        (void)ignored_status_;                                                                 \
    } while (0)

void diag_clear(struct diag *diag);

/* Reports `message` under `sqlstate` (a name of base/errors.h, for example
 * SQLSTATE_SYNTAX_ERROR) unless something is reported already; returns `status`. */
#define diag_fail(diag, status, sqlstate, ...)                                                 \
    diag_fail_at((diag), (status), (sqlstate), __FILE__, __LINE__, __VA_ARGS__)
enum status diag_fail_at(struct diag *diag, enum status status, const char *sqlstate,
                         const char *file, int line, const char *format, ...) PRINTF_LIKE(6, 7);

/* Details of the error just reported. They fill a field that is still empty. */
void diag_detail(struct diag *diag, const char *format, ...) PRINTF_LIKE(2, 3);
void diag_hint(struct diag *diag, const char *format, ...) PRINTF_LIKE(2, 3);
void diag_position(struct diag *diag, int position);
/* Adds what a layer was doing: "writing the header of log segment 7". */
void diag_while(struct diag *diag, const char *format, ...) PRINTF_LIKE(2, 3);

const char *status_name(enum status status);

/* Reports an errno of a system call: STATUS_IO, or STATUS_LIMIT with 53100 for a full disk. */
enum status diag_errno(struct diag *diag, int error_no, const char *format, ...)
    PRINTF_LIKE(3, 4);
