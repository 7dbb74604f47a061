/* lab.c: see lab.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/sql/lab.h"
#include "proto/entry.h"

#include <stdio.h>
#include <stdlib.h>

static void
must(enum status status, const struct diag *diag, const char *what)
{
    if (status != STATUS_OK) {
        fprintf(stderr, "%s: %s %s %s\n", what, status_name(status), diag->sqlstate,
                diag->message);
        abort();
    }
}

/* ---- the log ---- */
static enum status
read_entry(void *arg, uint64_t index, struct buf *bytes_out, struct diag *diag)
{
    struct lab *lab = arg;
    UNUSED(diag);
    struct buf *bytes = &lab->entries[index - 1].bytes;
    buf_append(bytes_out, bytes->data, bytes->size);
    return STATUS_OK;
}

static enum status
log_durable(void *arg, uint64_t index, struct diag *diag)
{
    UNUSED(arg);
    UNUSED(index);
    UNUSED(diag);
    return STATUS_OK;
}

static void
append_entry(struct lab *lab, enum entry_kind kind, struct slice payload)
{
    if (lab->entry_count == lab->entry_capacity) {
        lab->entry_capacity = lab->entry_capacity * 2 + 64;
        lab->entries = realloc(lab->entries, lab->entry_capacity * sizeof(*lab->entries));
    }
    struct lab_entry *entry = &lab->entries[lab->entry_count++];
    *entry = (struct lab_entry){.term = lab->term};
    entry_encode(&entry->bytes, kind, payload);
}

void
lab_release(struct lab *lab)
{
    while (lab->applied_count < lab->entry_count) {
        struct diag diag = {0};
        uint64_t index = ++lab->applied_count; /* one thread: no need of mu */
        const struct lab_entry *entry = &lab->entries[index - 1];
        must(store_apply(lab->store, index, entry->term, buf_slice(&entry->bytes), &diag),
             &diag, "store_apply");
    }
}

/* The log's thread: one entry after the other. */
static void
apply_entries(void *arg)
{
    struct lab *lab = arg;
    mutex_lock(&lab->mu);
    while (!lab->stopping) {
        if (lab->applied_count == lab->entry_count) {
            cond_wait(&lab->changed, &lab->mu);
            continue;
        }
        uint64_t index = lab->applied_count + 1;
        struct lab_entry entry = lab->entries[index - 1]; /* the array may grow meanwhile */
        mutex_unlock(&lab->mu);
        struct diag diag = {0};
        must(store_apply(lab->store, index, entry.term, buf_slice(&entry.bytes), &diag), &diag,
             "store_apply");
        mutex_lock(&lab->mu);
        lab->applied_count = index;
        cond_broadcast(&lab->changed);
    }
    mutex_unlock(&lab->mu);
}

void
lab_start_applier(struct lab *lab)
{
    struct diag diag = {0};
    lab->threaded = true;
    lab->stopping = false;
    must(thread_start(&lab->applier, THREAD_APPLY, "apply", apply_entries, lab, &diag), &diag,
         "thread_start");
}

void
lab_stop_applier(struct lab *lab)
{
    mutex_lock(&lab->mu);
    lab->stopping = true;
    cond_broadcast(&lab->changed);
    mutex_unlock(&lab->mu);
    thread_join(&lab->applier);
    lab->threaded = false;
    lab_release(lab);
}

static enum status
propose(void *arg, enum entry_kind kind, struct slice payload, struct waiter *waiter,
        struct diag *diag)
{
    UNUSED(waiter);
    UNUSED(diag);
    struct lab *lab = arg;
    mutex_lock(&lab->mu);
    append_entry(lab, kind, payload);
    uint64_t index = lab->entry_count;
    cond_broadcast(&lab->changed);
    while (lab->threaded && lab->applied_count < index) {
        cond_wait(&lab->changed, &lab->mu);
    }
    mutex_unlock(&lab->mu);
    if (!lab->threaded) {
        lab_release(lab);
    }
    return STATUS_OK;
}

static void
propose_commit(void *arg, uint64_t term, struct slice record, void (*refused)(void *),
               void *refused_arg)
{
    struct lab *lab = arg;
    ASSERT(term == lab->term || lab->refuse);
    if (lab->refuse) {
        refused(refused_arg);
        return;
    }
    mutex_lock(&lab->mu);
    append_entry(lab, ENTRY_TXNS, record);
    cond_broadcast(&lab->changed);
    mutex_unlock(&lab->mu);
    if (!lab->hold && !lab->threaded) {
        lab_release(lab);
    }
}

/* ---- the host ---- */
/* Each strong read asks; the answer comes at once. */
static bool
reads_at_once(void *arg)
{
    ((struct lab *)arg)->barrier_count++;
    return false;
}

/* True: the same call again. */
static bool
admitted(struct lab_session *session, const struct sql_result *result)
{
    bool asks = result->state == SQL_READING;
    if (asks) {
        sql_read_admitted(session->session, !session->lab->reads_refused);
    }
    return asks;
}

void
lab_portal_run(struct lab_session *session, const char *portal, uint64_t limit,
               struct sql_result *result)
{
    do {
        sql_portal_run(session->session, portal, limit, &session->sink, result);
    } while (admitted(session, result));
}

static bool
is_primary(void *arg)
{
    return !((struct lab *)arg)->is_replica;
}

static enum status
node_rows(void *arg, struct sql_context *cx, struct value **values_out, unsigned *row_count_out)
{
    UNUSED(arg);
    struct value *values = arena_array(cx->arena, struct value, 2);
    values[0].bytes = slice_from_text("n1");
    values[1].i64 = 7;
    *values_out = values;
    *row_count_out = 1;
    return STATUS_OK;
}

static const struct host_view *
views(void *arg, unsigned *count_out)
{
    UNUSED(arg);
    static const struct host_view_column columns[] = {{"node_name", TYPE_TEXT},
                                                      {"weight", TYPE_INT8}};
    static const struct host_view all[] = {{"v$nodes", 2, columns, node_rows}};
    *count_out = ARRAY_SIZE(all);
    return all;
}

static enum status
checkpoint(void *arg, struct waiter *waiter, struct diag *diag)
{
    UNUSED(waiter);
    struct lab *lab = arg;
    lab->checkpoint_count++;
    struct checkpoint_result result;
    return store_checkpoint(lab->store, &result, diag);
}

static enum status
vacuum(void *arg, struct waiter *waiter, struct object_id table, struct diag *diag)
{
    UNUSED(waiter);
    UNUSED(table);
    UNUSED(diag);
    ((struct lab *)arg)->vacuum_count++;
    return STATUS_OK;
}

static enum status
txn_outcome(void *arg, struct waiter *waiter, struct gtid gtid, enum txn_outcome *outcome_out,
            struct diag *diag)
{
    UNUSED(waiter);
    UNUSED(diag);
    *outcome_out = store_txn_outcome(((struct lab *)arg)->store, gtid);
    return STATUS_OK;
}

static const char *
server_version(void *arg)
{
    UNUSED(arg);
    return "15.0 (RustyDB test)";
}

/* ---- life ---- */
static void
open_all(struct lab *lab)
{
    struct diag diag = {0};
    lab->store_options.incarnation = ++lab->incarnation;
    must(store_open(&lab->store_options, &lab->store, &diag), &diag, "store_open");
    store_set_propose(lab->store, propose, lab);
    lab->applied_count = store_applied_index(lab->store);
    lab_release(lab);
    lab->term++;
    append_entry(lab, ENTRY_TERM_START, slice_make("", 0));
    lab_release(lab);
    store_admit_writers(lab->store, lab->term);
    struct sql_options options = {.store = lab->store,
                                  .host = &lab->host,
                                  .host_arg = lab,
                                  .env = &lab->env,
                                  .cluster_name = "lab",
                                  .node_name = "n1"};
    must(sql_engine_open(&options, &lab->engine, &diag), &diag, "sql_engine_open");
    struct waiter waiter;
    waiter_init(&waiter);
    must(sql_engine_bootstrap(lab->engine, &waiter, &diag), &diag, "sql_engine_bootstrap");
    waiter_deinit(&waiter);
}

void
lab_open(struct lab *lab)
{
    memset(lab, 0, sizeof(*lab));
    mutex_init(&lab->mu, LOCK_RANK_NODE);
    cond_init(&lab->changed);
    lab->sim = sim_vfs_new(1);
    lab->env = (struct env){.vfs = sim_vfs_base(lab->sim),
                            .clock = clock_system(),
                            .workers = workers_system(),
                            .seed = 1};
    struct diag diag = {0};
    must(vfs_make_dir(lab->env.vfs, "data", &diag), &diag, "vfs_make_dir");
    lab->store_options = (struct store_options){.env = &lab->env,
                                                .dir = "data",
                                                .page_size = 8192,
                                                .pool_pages = 4096,
                                                .origin = 1,
                                                .read_entry = read_entry,
                                                .log_durable = log_durable,
                                                .log_arg = lab};
    lab->host = (struct sql_host){.propose_commit = propose_commit,
                                  .reads_at_once = reads_at_once,
                                  .is_primary = is_primary,
                                  .views = views,
                                  .checkpoint = checkpoint,
                                  .vacuum = vacuum,
                                  .txn_outcome = txn_outcome,
                                  .server_version = server_version};
    open_all(lab);
}

void
lab_close(struct lab *lab)
{
    sql_engine_close(lab->engine);
    store_close(lab->store);
    sim_vfs_delete(lab->sim);
    for (uint64_t i = 0; i < lab->entry_count; i++) {
        buf_deinit(&lab->entries[i].bytes);
    }
    free(lab->entries);
    cond_deinit(&lab->changed);
    mutex_deinit(&lab->mu);
}

void
lab_restart(struct lab *lab)
{
    sql_engine_close(lab->engine);
    store_close(lab->store);
    open_all(lab);
}

/* ---- a session and its answers ---- */
static struct lab_session *
of_sink(struct sql_sink *sink)
{
    return CONTAINER_OF(sink, struct lab_session, sink);
}

static void
on_columns(struct sql_sink *sink, const struct sql_column *columns, unsigned count)
{
    struct lab_session *session = of_sink(sink);
    session->column_count = count;
    if (session->brief) {
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        buf_printf(&session->out, "%s%s", i == 0 ? "[" : "|", columns[i].name);
    }
    buf_append_text(&session->out, count == 0 ? "[]\n" : "]\n");
}

static enum status
on_rows(struct sql_sink *sink, const struct batch *batch, struct diag *diag)
{
    UNUSED(diag);
    struct lab_session *session = of_sink(sink);
    ASSERT(batch->column_count == session->column_count);
    for (unsigned row = 0; row < batch->row_count; row++) {
        for (unsigned i = 0; i < batch->column_count; i++) {
            buf_append_text(&session->out, i == 0 ? "" : "|");
            if (vector_is_null(&batch->columns[i], row)) {
                buf_append_text(&session->out, session->brief ? "" : "NULL");
                continue;
            }
            struct value value;
            vector_get(&batch->columns[i], row, &value);
            value_to_text(batch->columns[i].type, &value, &session->out);
        }
        buf_append_text(&session->out, "\n");
    }
    return STATUS_OK;
}

static void
on_copy_begin(struct sql_sink *sink, unsigned column_count)
{
    buf_printf(&of_sink(sink)->out, "copy %u\n", column_count);
}

static enum status
on_copy_out(struct sql_sink *sink, struct slice line)
{
    buf_append(&of_sink(sink)->out, line.data, line.size);
    return STATUS_OK;
}

static void
on_notice(struct sql_sink *sink, const char *severity, const struct diag *diag)
{
    if (!of_sink(sink)->brief) {
        buf_printf(&of_sink(sink)->out, "%s %s: %s\n", severity, diag->sqlstate, diag->message);
    }
}

static void
on_parameter(struct sql_sink *sink, const char *name, const char *value)
{
    if (!of_sink(sink)->brief) {
        buf_printf(&of_sink(sink)->out, "parameter %s=%s\n", name, value);
    }
}

static void
on_committed(void *arg)
{
    struct lab_session *session = arg;
    mutex_lock(&session->lab->mu);
    session->committed = true;
    cond_broadcast(&session->lab->changed);
    mutex_unlock(&session->lab->mu);
}

void
lab_connect(struct lab *lab, struct lab_session *session)
{
    memset(session, 0, sizeof(*session));
    session->lab = lab;
    waiter_init(&session->waiter);
    session->sink = (struct sql_sink){.columns = on_columns,
                                      .rows = on_rows,
                                      .copy_out_begin = on_copy_begin,
                                      .copy_out = on_copy_out,
                                      .copy_in_begin = on_copy_begin,
                                      .notice = on_notice,
                                      .parameter = on_parameter};
    struct sql_session_options options = {.user = "postgres",
                                          .database = "postgres",
                                          .waiter = &session->waiter,
                                          .committed = on_committed,
                                          .arg = session,
                                          .session_no = 1};
    struct diag diag = {0};
    must(sql_session_open(lab->engine, &options, &session->session, &diag), &diag,
         "sql_session_open");
}

void
lab_disconnect(struct lab_session *session)
{
    sql_session_close(session->session);
    waiter_deinit(&session->waiter);
    buf_deinit(&session->out);
}

static void
append_error(struct lab_session *session, const struct diag *diag)
{
    if (session->brief) {
        buf_printf(&session->out, diag->detail[0] != 0 ? "ERROR %s: %s (%s)" : "ERROR %s: %s",
                   diag->sqlstate, diag->message, diag->detail);
        return;
    }
    buf_printf(&session->out, "ERROR %s: %s\n", diag->sqlstate, diag->message);
    if (diag->detail[0] != 0) {
        buf_printf(&session->out, "DETAIL: %s\n", diag->detail);
    }
    if (diag->hint[0] != 0) {
        buf_printf(&session->out, "HINT: %s\n", diag->hint);
    }
    if (diag->while_chain[0] != 0) {
        buf_printf(&session->out, "CONTEXT: %s\n", diag->while_chain);
    }
}

void
lab_answer(struct lab_session *session, struct sql_result *result)
{
    if (result->state == SQL_COMMITTING) {
        mutex_lock(&session->lab->mu);
        while (session->lab->threaded && !session->committed) {
            cond_wait(&session->lab->changed, &session->lab->mu);
        }
        mutex_unlock(&session->lab->mu);
        if (!session->committed) {
            buf_append_text(&session->out, "committing\n");
            return;
        }
        session->committed = false;
        sql_commit_finish(session->session, &session->sink, result);
    }
    switch (result->state) {
    case SQL_FAILED:
        append_error(session, &result->diag);
        break;
    case SQL_DONE:
        if (session->brief) {
            break;
        }
        if (result->empty_query) {
            buf_append_text(&session->out, "empty\n");
        } else if (result->tag[0] != 0) {
            buf_printf(&session->out, "%s\n", result->tag);
        }
        break;
    case SQL_SUSPENDED:
        buf_append_text(&session->out, "suspended\n");
        break;
    default:
        break;
    }
}

static const char *
finish(struct lab_session *session)
{
    buf_u8(&session->out, 0);
    return (const char *)session->out.data;
}

const char *
lab_copy(struct lab_session *session, const char *text, const char *data, size_t piece)
{
    buf_clear(&session->out);
    struct diag diag = {0};
    struct sql_script *script = NULL;
    if (sql_script_open(session->session, text, &script, &diag) != STATUS_OK) {
        append_error(session, &diag);
        return finish(session);
    }
    unsigned count = MAX(sql_script_count(script), 1u);
    struct sql_result result = {.state = SQL_DONE};
    for (unsigned i = 0; i < count && result.state != SQL_FAILED; i++) {
        do {
            sql_script_run_next(script, &session->sink, &result);
        } while (admitted(session, &result));
        size_t size = data == NULL ? 0 : strlen(data);
        for (size_t at = 0; result.state == SQL_COPY_IN && at < size; at += piece) {
            struct slice part = slice_make(data + at, MIN(piece, size - at));
            sql_copy_data(session->session, part, &result);
        }
        if (result.state == SQL_COPY_IN) {
            sql_copy_end(session->session, data == NULL ? "no data" : NULL, &session->sink,
                         &result);
        }
        lab_answer(session, &result);
    }
    sql_script_close(script);
    return finish(session);
}

const char *
lab_run(struct lab_session *session, const char *text)
{
    return lab_copy(session, text, NULL, 1);
}

const char *
lab_extended(struct lab_session *session, const char *text, const char *const *params,
             unsigned param_count)
{
    buf_clear(&session->out);
    struct sql_param *values = calloc(param_count + 1, sizeof(*values));
    for (unsigned i = 0; i < param_count; i++) {
        values[i].is_null = params[i] == NULL;
        if (params[i] != NULL) {
            values[i].bytes = slice_from_text(params[i]);
        }
    }
    struct sql_result result = {.state = SQL_DONE};
    struct diag diag = {0};
    bool failed = sql_prepare(session->session, "", text, NULL, 0, &diag) != STATUS_OK ||
                  sql_bind(session->session, "", "", values, param_count, &diag) != STATUS_OK;
    free(values);
    if (failed) {
        append_error(session, &diag);
    } else {
        lab_portal_run(session, "", 0, &result);
        failed = result.state == SQL_FAILED;
        lab_answer(session, &result);
    }
    sql_sync(session->session, failed, &session->sink, &result);
    lab_answer(session, &result);
    return finish(session);
}
