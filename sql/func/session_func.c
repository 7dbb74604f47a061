/* session_func.c: the session, the server, the cluster: version(), current_user, settings,
 * sequences, gtids.
 * SPDX-License-Identifier: Apache-2.0 */
#include "proto/ids.h"
#include "sql/func/func_catalog.h"
#include "sql/func/func_internal.h"
#include "sql/func/func_session.h"
#include "sql/func/value_text.h"
#include "sql/host.h"
#include "sql/sql.h"

#define SLEEP_SECONDS_MAX 1e9 /* 30 years: what nanoseconds hold */

#include <stdio.h>

static const struct func_session_hooks *
hooks_of(struct func_call *call)
{
    static const struct func_session_hooks none = {0};
    ASSERT(call->cx != NULL);
    return call->cx->session_hooks != NULL ? call->cx->session_hooks : &none;
}

static void
fill_text(struct func_call *call, const char *text, unsigned count, struct vector *result)
{
    struct slice copy = func__text(call, text);
    for (unsigned i = 0; i < count; i++) {
        ((struct slice *)result->data)[i] = copy;
    }
}

enum status
version(FUNC_PARAMETERS)
{
    UNUSED(args);
    fill_text(call, "RustyDB " RUSTYDB_VERSION " (PostgreSQL 15 compatible)", count, result);
    return STATUS_OK;
}
enum status
current_user_name(FUNC_PARAMETERS)
{
    UNUSED(args);
    fill_text(call, call->cx->user != NULL ? call->cx->user : "", count, result);
    return STATUS_OK;
}
enum status
current_database(FUNC_PARAMETERS)
{
    UNUSED(args);
    fill_text(call, call->cx->database != NULL ? call->cx->database : "", count, result);
    return STATUS_OK;
}
enum status
current_schema(FUNC_PARAMETERS)
{
    UNUSED(args);
    const struct func_session_hooks *hooks = hooks_of(call);
    const char *name =
        hooks->current_schema != NULL ? hooks->current_schema(call->cx) : "public";
    if (name != NULL) {
        fill_text(call, name, count, result);
        return STATUS_OK;
    }
    for (unsigned i = 0; i < count; i++) {
        func__set_null(call, result, i, count);
    }
    return STATUS_OK;
}
/* Without the temporary schema, which there is not. */
DEFINE_ROWS(current_schemas, 1)
{
    const struct func_session_hooks *hooks = hooks_of(call);
    const char *name =
        hooks->current_schema != NULL ? hooks->current_schema(call->cx) : "public";
    out->bytes = slice_from_text(
        arena_printf(call->arena, "{%s%s%s}", v[0].b != 0 ? "pg_catalog" : "",
                     v[0].b != 0 && name != NULL ? "," : "", name != NULL ? name : ""));
    return STATUS_OK;
}
enum status
backend_pid(FUNC_PARAMETERS)
{
    UNUSED(args);
    const struct func_session_hooks *hooks = hooks_of(call);
    uint64_t number = hooks->session_no != NULL ? hooks->session_no(call->cx) : 0;
    for (unsigned i = 0; i < count; i++) {
        ((int32_t *)result->data)[i] = (int32_t)number;
    }
    return STATUS_OK;
}
enum status
is_in_recovery(FUNC_PARAMETERS)
{
    UNUSED(args);
    const struct func_session_hooks *hooks = hooks_of(call);
    const struct sql_host *host = call->cx->host;
    bool standby = false;
    if (hooks->in_recovery != NULL) {
        standby = hooks->in_recovery(call->cx);
    } else if (host != NULL && host->is_primary != NULL) {
        standby = !host->is_primary(call->cx->host_arg);
    }
    for (unsigned i = 0; i < count; i++) {
        ((uint8_t *)result->data)[i] = standby;
    }
    return STATUS_OK;
}
static enum status
interrupt_backend(struct func_call *call, int32_t pid, bool terminates, struct value *out)
{
    const struct func_session_hooks *hooks = hooks_of(call);
    if (hooks->interrupt == NULL) {
        return func__unsupported(call, "to interrupt a session");
    }
    out->b = pid > 0 && hooks->interrupt(call->cx, (uint64_t)pid, terminates);
    return STATUS_OK;
}
DEFINE_ROWS(cancel_backend, 1)
{
    return interrupt_backend(call, v[0].i32, false, out);
}
DEFINE_ROWS(terminate_backend, 1)
{
    return interrupt_backend(call, v[0].i32, true, out);
}
DEFINE_ROWS(sleep_seconds, 1)
{
    const struct func_session_hooks *hooks = hooks_of(call);
    if (hooks->sleep == NULL) {
        return func__unsupported(call, "pg_sleep()");
    }
    out->bytes = slice_make(NULL, 0);             /* void */
    double seconds = v[0].f64 > 0 ? v[0].f64 : 0; /* NaN: not at all */
    return hooks->sleep(call->cx, (int64_t)(MIN(seconds, SLEEP_SECONDS_MAX) * 1e9));
}

/* ---- both ends of the connection ---- */

static const struct sql_end *
end_of(struct func_call *call, bool is_server)
{
    const struct func_session_hooks *hooks = hooks_of(call);
    return hooks->end == NULL ? NULL : hooks->end(call->cx, is_server);
}
static enum status
fill_host(struct func_call *call, bool is_server, unsigned count, struct vector *result)
{
    const struct sql_end *end = end_of(call, is_server);
    if (end != NULL) {
        fill_text(call, end->host, count, result);
    }
    for (unsigned i = 0; end == NULL && i < count; i++) {
        func__set_null(call, result, i, count);
    }
    return STATUS_OK;
}
static enum status
fill_port(struct func_call *call, bool is_server, unsigned count, struct vector *result)
{
    const struct sql_end *end = end_of(call, is_server);
    for (unsigned i = 0; i < count; i++) {
        if (end == NULL) {
            func__set_null(call, result, i, count);
        } else {
            ((int32_t *)result->data)[i] = end->port;
        }
    }
    return STATUS_OK;
}
enum status
client_address(FUNC_PARAMETERS)
{
    UNUSED(args);
    return fill_host(call, false, count, result);
}
enum status
client_port(FUNC_PARAMETERS)
{
    UNUSED(args);
    return fill_port(call, false, count, result);
}
enum status
server_address(FUNC_PARAMETERS)
{
    UNUSED(args);
    return fill_host(call, true, count, result);
}
enum status
server_port(FUNC_PARAMETERS)
{
    UNUSED(args);
    return fill_port(call, true, count, result);
}

/* ---- settings ---- */

static enum status
setting_of(struct func_call *call, struct slice name, bool missing_ok, struct value *out)
{
    const struct func_session_hooks *hooks = hooks_of(call);
    if (hooks->setting == NULL) {
        return func__unsupported(call, "current_setting()");
    }
    const char *text = arena_strndup(call->arena, name.data, name.size);
    const char *value = hooks->setting(call->cx, text);
    out->is_null = value == NULL;
    if (value == NULL && !missing_ok) {
        return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_UNDEFINED_OBJECT,
                         "unrecognized configuration parameter \"%s\"", text);
    }
    if (value != NULL) {
        out->bytes = func__text(call, value);
    }
    return STATUS_OK;
}
DEFINE_ROWS(current_setting, 1)
{
    return setting_of(call, v[0].bytes, false, out);
}
DEFINE_ROWS(current_setting_missing, 2)
{
    return setting_of(call, v[0].bytes, v[1].b != 0, out);
}
DEFINE_ROWS(set_config, 3)
{
    const struct func_session_hooks *hooks = hooks_of(call);
    if (hooks->set_setting == NULL) {
        return func__unsupported(call, "set_config()");
    }
    if (v[0].is_null) {
        return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_NULL_VALUE_NOT_ALLOWED,
                         "SET requires parameter name");
    }
    const char *name = arena_strndup(call->arena, v[0].bytes.data, v[0].bytes.size);
    const char *value =
        v[1].is_null ? "" : arena_strndup(call->arena, v[1].bytes.data, v[1].bytes.size);
    TRY(hooks->set_setting(call->cx, name, value, !v[2].is_null && v[2].b != 0));
    return setting_of(call, slice_from_text(name), false, out);
}

/* ---- sequences ---- */

static enum status
sequence_ready(struct func_call *call, const char *what)
{
    if (call->cx == NULL || call->cx->txn == NULL) {
        return func__unsupported(call, what);
    }
    return STATUS_OK;
}

/* The store knows sequences by number: puts the name into its message. */
static enum status
name_sequence(struct func_call *call, uint32_t sequence, enum status status)
{
    struct value value = {.u32 = sequence};
    struct buf name = BUF_EMPTY;
    struct diag *diag = call->diag;
    if (status == STATUS_OK) {
        return STATUS_OK;
    }
    char *after = strstr(diag->message, " sequence (");
    if (strstr(diag->message, "sequence with id") != NULL &&
        value_show(call->cx, TYPE_REGCLASS, &value, &name) == STATUS_OK) {
        diag_clear(diag);
        diag_fail(diag, status, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not a sequence",
                  (int)name.size, (const char *)name.data);
    } else if (after != NULL &&
               value_show(call->cx, TYPE_REGCLASS, &value, &name) == STATUS_OK) {
        char rest[64];
        after += strlen(" sequence ");
        snprintf(rest, sizeof(rest), "%s", after);
        snprintf(after, sizeof(diag->message) - (size_t)(after - diag->message), "\"%.*s\" %s",
                 (int)name.size, (const char *)name.data, rest);
    }
    buf_deinit(&name);
    return status;
}

DEFINE_ROWS(nextval, 1)
{
    TRY(sequence_ready(call, "nextval() outside a transaction"));
    struct object_id sequence = {v[0].u32};
    TRY(name_sequence(call, v[0].u32,
                      sequence_next(call->cx->txn, sequence, &out->i64, call->diag)));
    const struct func_session_hooks *hooks = hooks_of(call);
    if (hooks->sequence_note != NULL) {
        hooks->sequence_note(call->cx, v[0].u32, out->i64);
    }
    return STATUS_OK;
}
static enum status
set_sequence(struct func_call *call, const struct value *v, bool is_called, struct value *out)
{
    TRY(sequence_ready(call, "setval() outside a transaction"));
    struct object_id sequence = {v[0].u32};
    TRY(name_sequence(call, v[0].u32,
                      sequence_set(call->cx->txn, sequence, v[1].i64, is_called, call->diag)));
    const struct func_session_hooks *hooks = hooks_of(call);
    if (is_called && hooks->sequence_note != NULL) {
        hooks->sequence_note(call->cx, v[0].u32, v[1].i64);
    }
    out->i64 = v[1].i64;
    return STATUS_OK;
}
DEFINE_ROWS(setval, 2)
{
    return set_sequence(call, v, true, out);
}
DEFINE_ROWS(setval_called, 3)
{
    return set_sequence(call, v, v[2].b != 0, out);
}
DEFINE_ROWS(currval, 1)
{
    const struct func_session_hooks *hooks = hooks_of(call);
    if (hooks->sequence_current == NULL) {
        return func__unsupported(call, "currval()");
    }
    if (!hooks->sequence_current(call->cx, v[0].u32, &out->i64)) {
        const struct func_catalog_hooks *catalog = call->cx->catalog_hooks;
        struct buf name = BUF_EMPTY;
        bool found = false;
        enum status status = STATUS_OK;
        if (catalog != NULL && catalog->relation_name != NULL) {
            status = catalog->relation_name(call->cx, v[0].u32, &name, &found);
        }
        if (status == STATUS_OK) {
            status =
                diag_fail(call->diag, STATUS_INVALID, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                          "currval of sequence \"%.*s\" is not yet defined in this session",
                          (int)MIN(name.size, 64U), found ? (const char *)name.data : "");
        }
        buf_deinit(&name);
        return status;
    }
    return STATUS_OK;
}
enum status
lastval(FUNC_PARAMETERS)
{
    UNUSED(args);
    const struct func_session_hooks *hooks = hooks_of(call);
    uint32_t sequence = 0;
    int64_t value = 0;
    if (hooks->sequence_last == NULL) {
        return func__unsupported(call, "lastval()");
    }
    if (!hooks->sequence_last(call->cx, &sequence, &value)) {
        return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                         "lastval is not yet defined in this session");
    }
    for (unsigned i = 0; i < count; i++) {
        ((int64_t *)result->data)[i] = value;
    }
    return STATUS_OK;
}
DEFINE_ROWS(sequence_last_value, 1)
{
    bool is_called = false;
    TRY(sequence_ready(call, "pg_sequence_last_value() outside a transaction"));
    TRY(sequence_read(call->cx->store, (struct object_id){v[0].u32}, &out->i64, &is_called,
                      call->diag));
    out->is_null = !is_called;
    return STATUS_OK;
}

/* ---- global transaction ids ---- */

enum status
current_gtid(FUNC_PARAMETERS)
{
    UNUSED(args);
    TRY(sequence_ready(call, "rustydb_current_gtid() outside a transaction"));
    char text[GTID_TEXT_MAX];
    gtid_format(txn_gtid(call->cx->txn), text);
    fill_text(call, text, count, result);
    return STATUS_OK;
}
DEFINE_ROWS(transaction_status, 1)
{
    static const char *const names[] = {[OUTCOME_UNKNOWN] = "unknown",
                                        [OUTCOME_IN_PROGRESS] = "in progress",
                                        [OUTCOME_COMMITTED] = "committed",
                                        [OUTCOME_ABORTED] = "aborted"};
    struct gtid gtid;
    const char *text = arena_strndup(call->arena, v[0].bytes.data, v[0].bytes.size);
    if (!gtid_parse(text, &gtid)) {
        return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_TEXT_REPRESENTATION,
                         "invalid input syntax for a global transaction id: \"%.100s\"", text);
    }
    const struct sql_host *host = call->cx->host;
    enum txn_outcome outcome = OUTCOME_UNKNOWN;
    if (host != NULL && host->txn_outcome != NULL && call->cx->txn != NULL) {
        TRY(host->txn_outcome(call->cx->host_arg, txn_waiter(call->cx->txn), gtid, &outcome,
                              call->diag));
    } else {
        outcome = store_txn_outcome(call->cx->store, gtid);
    }
    ASSERT((unsigned)outcome < ARRAY_SIZE(names));
    out->bytes = func__text(call, names[outcome]);
    return STATUS_OK;
}

/* ---- known, and not there ---- */

enum status
no_transaction_ids(FUNC_PARAMETERS)
{
    FUNC_UNUSED();
    return func__unsupported(call, "a function of PostgreSQL's transaction ids (see "
                                   "rustydb_current_gtid())");
}
enum status
no_log_positions(FUNC_PARAMETERS)
{
    FUNC_UNUSED();
    return func__unsupported(call, "a function of PostgreSQL's write-ahead log (see the v$ "
                                   "views)");
}
enum status
no_advisory_locks(FUNC_PARAMETERS)
{
    FUNC_UNUSED();
    return func__unsupported(call, "an advisory lock");
}
enum status
no_reload(FUNC_PARAMETERS)
{
    FUNC_UNUSED();
    return func__unsupported(call, "pg_reload_conf()");
}
