/* explain.c: EXPLAIN: options, and the plan's lines as rows.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/options.h"
#include "sql/session_internal.h"

#include <strings.h>

static enum status
read_format(struct sql_context *cx, const struct ast_option *option)
{
    static const char *const others[] = {"xml", "json", "yaml"};
    const char *value = option->value == NULL ? "" : option->value;
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
        if (strcasecmp(value, others[i]) == 0) {
            return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                             "EXPLAIN format \"%s\" is not supported", others[i]);
        }
    }
    if (strcasecmp(value, "text") == 0) {
        return STATUS_OK;
    }
    diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
              "unrecognized value for EXPLAIN option \"format\": \"%s\"", value);
    diag_position(cx->diag, option->position);
    return STATUS_INVALID;
}

static enum status
read_options(struct sql_context *cx, const struct ast_option_list *options, bool *costs_out)
{
    /* Nothing is run, so there is nothing of these to show. */
    static const char *const of_runs[] = {"analyze", "verbose",  "buffers",
                                          "wal",     "settings", "timing"};
    *costs_out = true;
    for (unsigned i = 0; i < options->count; i++) {
        const struct ast_option *option = &options->items[i];
        if (strcmp(option->name, "format") == 0) {
            TRY(read_format(cx, option));
            continue;
        }
        bool on, known = strcmp(option->name, "summary") == 0;
        for (unsigned k = 0; k < ARRAY_SIZE(of_runs); k++) {
            known |= strcmp(option->name, of_runs[k]) == 0;
        }
        if (strcmp(option->name, "costs") == 0) {
            TRY(option_bool(cx, option, costs_out));
            continue;
        }
        if (!known) {
            return option_unknown(cx, option, "EXPLAIN");
        }
        TRY(option_bool(cx, option, &on));
        if (on) {
            return option_unsupported(cx, option, "EXPLAIN");
        }
    }
    return STATUS_OK;
}

enum status
explain__run(struct sql_session *session, const struct ast_explain *explain,
             struct sql_sink *sink)
{
    struct sql_context *cx = &session->cx;
    bool costs = true;
    TRY(read_options(cx, &explain->options, &costs));
    if (!statement__is_query(explain->statement)) {
        return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "EXPLAIN of this statement is not supported");
    }
    struct query *query = NULL;
    struct plan *plan = NULL;
    TRY(run__plan_query(session, explain->statement, &query, &plan));
    struct buf text = BUF_EMPTY;
    plan_explain(plan, costs, &text);
    buf_u8(&text, 0);
    char *line = arena_strndup(cx->arena, text.data, text.size);
    buf_deinit(&text);
    struct text_rows rows;
    static const char *const names[] = {"QUERY PLAN"};
    text_rows__init(&rows, sink, cx, names, 1);
    while (line != NULL && *line != 0) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end = 0;
        }
        const char *value = line;
        TRY(text_rows__send(&rows, &value));
        line = end == NULL ? NULL : end + 1;
    }
    return STATUS_OK;
}
