/* upkeep.c: ANALYZE and VACUUM. SPDX-License-Identifier: Apache-2.0 */
#include "sql/options.h"
#include "sql/session_internal.h"

#include <stdlib.h>
#include <strings.h>

#define RELPAGE_BYTES 8192U /* what PostgreSQL's tools take for a page, whatever ours are */

/* ---- tables ---- */
static enum status
analyze_table(void *arg, struct sql_context *cx, const struct table_def *table)
{
    UNUSED(arg);
    if (table->kind != RELATION_TABLE) {
        return STATUS_OK;
    }
    TRY(table_lock(cx->txn, table->id, TABLE_LOCK_SHARE_UPDATE_EXCLUSIVE, LOCK_WAIT, cx->diag));
    struct object_size size = {0};
    TRY(object_size(cx->store, table->id, &size, cx->diag));
    uint64_t pages = (size.heap_bytes + RELPAGE_BYTES - 1) / RELPAGE_BYTES;
    return catalog_set_counts(cx, table->id, (double)size.live_rows,
                              (int32_t)MIN(pages, (uint64_t)INT32_MAX));
}

static enum status
collect_id(void *arg, struct sql_context *cx, const struct table_def *table)
{
    UNUSED(cx);
    if (table->kind == RELATION_TABLE) {
        buf_append(arg, &table->id, sizeof(table->id));
    }
    return STATUS_OK;
}

/* The table of that name; NULL, with PostgreSQL's warning, for a sequence or an index. */
static enum status
find_table(struct sql_session *session, const struct ast_relation *relation, const char *verb,
           struct sql_sink *sink, const struct table_def **table_out)
{
    struct sql_context *cx = &session->cx;
    const struct index_def *index = NULL;
    TRY(catalog_find_table(cx, relation->schema, relation->name, table_out));
    if (*table_out == NULL) {
        TRY(catalog_find_index(cx, relation->schema, relation->name, table_out, &index));
    }
    if (*table_out == NULL) { /* for its error */
        return catalog_get_table(cx, relation->schema, relation->name, table_out);
    }
    if (index != NULL || (*table_out)->kind == RELATION_SEQUENCE) {
        session__notice(session, sink, "WARNING", SQLSTATE_WARNING,
                        "skipping \"%s\" --- cannot %s non-tables or special system tables",
                        relation->name, verb);
        *table_out = NULL;
    }
    return STATUS_OK;
}

/* The tables named, or all. */
static enum status
collect_tables(struct sql_session *session, const struct ast_vacuum *vacuum, const char *verb,
               struct sql_sink *sink, struct buf *ids)
{
    struct sql_context *cx = &session->cx;
    if (vacuum->table_count == 0) {
        return catalog_each_table(cx, collect_id, ids);
    }
    for (unsigned i = 0; i < vacuum->table_count; i++) {
        const struct ast_relation *relation = &vacuum->tables[i].table;
        const struct table_def *table;
        const struct ast_name_list *columns = &vacuum->tables[i].columns;
        TRY(find_table(session, relation, verb, sink, &table));
        if (table == NULL) {
            continue;
        }
        for (unsigned k = 0; k < columns->count; k++) {
            if (!ddl__has_column(table, columns->items[k].name)) {
                return diag_fail(cx->diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_COLUMN,
                                 "column \"%s\" of relation \"%s\" does not exist",
                                 columns->items[k].name, table->name);
            }
        }
        TRY(collect_id(ids, cx, table));
    }
    return STATUS_OK;
}

static enum status
analyze_tables(struct sql_session *session, const struct buf *ids)
{
    struct sql_context *cx = &session->cx;
    for (size_t at = 0; at < ids->size; at += sizeof(struct object_id)) {
        struct object_id id;
        memcpy(&id, ids->data + at, sizeof(id));
        TRY(session__refresh_latest(session, cx->diag));
        const struct table_def *table;
        TRY(catalog_table_by_id(cx, id, &table));
        TRY(analyze_table(NULL, cx, table));
    }
    return STATUS_OK;
}

/* ---- options ---- */
/* Of VACUUM and ANALYZE: which values ask for what is done anyway; others are refused. */
enum meaning {
    TAKEN,     /* true or false: the same is done */
    TRUE_ONLY, /* what is always done */
    FALSE_ONLY,
};

static enum status
check_parallel(struct sql_context *cx, const struct ast_option *option)
{
    char *end = NULL;
    long count = option->value == NULL ? -1 : strtol(option->value, &end, 10);
    if (option->value != NULL && *end == 0 && count >= 0 && count <= 1024) {
        return STATUS_OK; /* the most workers; none is used */
    }
    diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
              option->value == NULL ? "parallel option requires a value between 0 and 1024"
                                    : "parallel workers for vacuum must be between 0 and 1024");
    diag_position(cx->diag, option->position);
    return STATUS_INVALID;
}

static enum status
check_meaning(struct sql_context *cx, const struct ast_option *option, enum meaning meaning,
              const char *statement)
{
    bool on = true;
    bool is_auto = strcmp(option->name, "index_cleanup") == 0 && option->value != NULL &&
                   strcasecmp(option->value, "auto") == 0;
    if (!is_auto) {
        TRY(option_bool(cx, option, &on));
    }
    bool fits = meaning == TAKEN || on == (meaning == TRUE_ONLY);
    return fits ? STATUS_OK : option_unsupported(cx, option, statement);
}

static enum status
check_options(struct sql_context *cx, const struct ast_vacuum *vacuum, bool is_vacuum,
              bool *analyze_out)
{
    static const struct {
        const char *name;
        enum meaning meaning;
        bool of_analyze;
    } known[] = {
        {"verbose", FALSE_ONLY, true},
        {"skip_locked", FALSE_ONLY, true},
        {"full", FALSE_ONLY, false},
        {"freeze", TAKEN, false},                /* no version needs it later */
        {"disable_page_skipping", TAKEN, false}, /* no page is skipped */
        {"index_cleanup", TRUE_ONLY, false},     /* done as far as there are dead rows */
        {"process_toast", TAKEN, false},         /* there are no such tables */
        {"truncate", FALSE_ONLY, false},         /* free pages stay the table's */
    };
    const char *statement = is_vacuum ? "VACUUM" : "ANALYZE";
    *analyze_out = false;
    for (unsigned i = 0; i < vacuum->options.count; i++) {
        const struct ast_option *option = &vacuum->options.items[i];
        unsigned k = 0;
        while (k < ARRAY_SIZE(known) && (strcmp(known[k].name, option->name) != 0 ||
                                         !(is_vacuum || known[k].of_analyze))) {
            k++;
        }
        if (k < ARRAY_SIZE(known)) {
            TRY(check_meaning(cx, option, known[k].meaning, statement));
        } else if (is_vacuum && strcmp(option->name, "analyze") == 0) {
            TRY(option_bool(cx, option, analyze_out));
        } else if (is_vacuum && strcmp(option->name, "parallel") == 0) {
            TRY(check_parallel(cx, option));
        } else {
            return option_unknown(cx, option, statement);
        }
    }
    for (unsigned i = 0; is_vacuum && !*analyze_out && i < vacuum->table_count; i++) {
        if (vacuum->tables[i].columns.count > 0) {
            return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                             "ANALYZE option must be specified when a column list is provided");
        }
    }
    return STATUS_OK;
}

/* Vacuum runs outside any transaction: the statement's own snapshot would hold dead rows back.
 * The portal that runs this may be gone after that. */
void
upkeep__vacuum(struct sql_session *session, const struct ast_vacuum *vacuum,
               struct sql_sink *sink, struct sql_result *result)
{
    struct sql_context *cx = &session->cx;
    struct buf ids = BUF_EMPTY;
    bool analyze = false;
    result->state = SQL_FAILED;
    enum status status = session__forbid_block(session, "VACUUM", cx->diag);
    if (status == STATUS_OK && txn_has_writes(session->txn)) {
        status = diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_ACTIVE_SQL_TRANSACTION,
                           "VACUUM cannot run inside a transaction block");
    }
    if (status == STATUS_OK) {
        status = check_options(cx, vacuum, true, &analyze);
    }
    if (status == STATUS_OK) {
        status = collect_tables(session, vacuum, "vacuum", sink, &ids);
    }
    if (status != STATUS_OK) {
        buf_deinit(&ids);
        return;
    }
    (void)session__commit(session, "", cx->diag); /* has no writes: done at once */
    arena_reset(&session->statement);
    cx->arena = &session->statement;
    const struct sql_host *host = cx->host;
    for (size_t at = 0; status == STATUS_OK && at < ids.size; at += sizeof(struct object_id)) {
        struct object_id id;
        memcpy(&id, ids.data + at, sizeof(id));
        status = host->vacuum(cx->host_arg, session->waiter, id, cx->diag);
    }
    if (status == STATUS_OK && analyze) {
        status = session__begin(session, BLOCK_IMPLICIT, cx->diag);
        if (status == STATUS_OK) {
            status = analyze_tables(session, &ids);
        }
    }
    buf_deinit(&ids);
    if (status == STATUS_OK) {
        result->state = SQL_DONE;
    }
}

enum status
upkeep__analyze(struct sql_session *session, const struct ast_vacuum *analyze,
                struct sql_sink *sink)
{
    bool ignored;
    TRY(check_options(&session->cx, analyze, false, &ignored));
    struct buf ids = BUF_EMPTY;
    enum status status = collect_tables(session, analyze, "analyze", sink, &ids);
    if (status == STATUS_OK) {
        status = analyze_tables(session, &ids);
    }
    buf_deinit(&ids);
    return status;
}
