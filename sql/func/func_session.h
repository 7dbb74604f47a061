/* func_session.h: what functions ask of the session: sequences seen, settings, the clock.
 *
 * Promises: sql_context.session_hooks points at one; a hook that is NULL (or no hooks at all,
 *           as while folding constants) makes the function that needs it answer 0A000 or NULL.
 * Owns:     nothing: implemented by sql/, borrowed for the statement.
 * Thread:   the session's.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/context.h"

struct func_session_hooks {
    /* nextval() and setval(.., true) gave `value` of this sequence to the session. */
    void (*sequence_note)(struct sql_context *cx, uint32_t sequence, int64_t value);
    /* currval(): false when the session has seen none yet (55000). */
    bool (*sequence_current)(struct sql_context *cx, uint32_t sequence, int64_t *value_out);
    /* lastval(): the sequence used last by the session, too. */
    bool (*sequence_last)(struct sql_context *cx, uint32_t *sequence_out, int64_t *value_out);
    /* clock_timestamp(): microseconds since 2000-01-01 UTC. */
    int64_t (*now_us)(struct sql_context *cx);
    uint64_t (*session_no)(struct sql_context *cx); /* pg_backend_pid() */
    /* current_setting(): borrowed until the statement ends; NULL: unknown. */
    const char *(*setting)(struct sql_context *cx, const char *name);
    enum status (*set_setting)(struct sql_context *cx, const char *name, const char *value,
                               bool is_local);
    /* First schema of the search path that exists; NULL: none. */
    const char *(*current_schema)(struct sql_context *cx);
    bool (*in_recovery)(struct sql_context *cx); /* pg_is_in_recovery(): this is no primary */
    /* pg_cancel_backend(), pg_terminate_backend(): is there such a session, and was it told? */
    bool (*interrupt)(struct sql_context *cx, uint64_t session_no, bool terminates);
    /* pg_sleep(): without the lane, until a cancel (57014). */
    enum status (*sleep)(struct sql_context *cx, int64_t duration_ns);
    /* inet_client_addr() and its like; NULL: unknown. */
    const struct sql_end *(*end)(struct sql_context *cx, bool is_server);
};
