/* options.c: see options.h. SPDX-License-Identifier: Apache-2.0 */
#include "sql/options.h"
#include "base/errors.h"

#include <stdlib.h>
#include <strings.h>

enum status
option_bool(struct sql_context *cx, const struct ast_option *option, bool *value_out)
{
    static const struct {
        const char *text;
        bool value;
    } words[] = {{"true", true},   {"on", true},   {"1", true},
                 {"false", false}, {"off", false}, {"0", false}};
    *value_out = true;
    for (unsigned i = 0; option->value != NULL && i < ARRAY_SIZE(words); i++) {
        if (strcasecmp(option->value, words[i].text) == 0) {
            *value_out = words[i].value;
            return STATUS_OK;
        }
    }
    return option->value == NULL ? STATUS_OK
                                 : diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                                             "%s requires a Boolean value", option->name);
}

enum status
option_unknown(struct sql_context *cx, const struct ast_option *option, const char *statement)
{
    diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR, "unrecognized %s option \"%s\"",
              statement, option->name);
    diag_position(cx->diag, option->position);
    return STATUS_INVALID;
}

enum status
option_unsupported(struct sql_context *cx, const struct ast_option *option,
                   const char *statement)
{
    return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "%s option \"%s\" is not supported", statement, option->name);
}

/* ---- storage parameters ---- */
static enum status
check_fillfactor(struct sql_context *cx, const struct ast_option *option, bool is_index)
{
    const char *text = option->value == NULL ? "true" : option->value;
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end != 0) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                         "invalid value for integer option \"fillfactor\": %s", text);
    }
    if (value < 10 || value > 100) {
        diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                  "value %ld out of bounds for option \"fillfactor\"", value);
        diag_detail(cx->diag, "Valid values are between \"10\" and \"100\".");
        return STATUS_INVALID;
    }
    if (is_index || value != 100) {
        return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         is_index ? "fillfactor of an index is not supported"
                                  : "fillfactor other than 100 is not supported");
    }
    return STATUS_OK;
}

/* Does PostgreSQL 15 have it? */
static bool
is_known_parameter(const char *name, bool is_index)
{
    static const char *const of_tables[] = {"parallel_workers", "user_catalog_table",
                                            "toast_tuple_target", "vacuum_index_cleanup",
                                            "vacuum_truncate"};
    if (is_index) {
        return strcmp(name, "deduplicate_items") == 0;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(of_tables); i++) {
        if (strcmp(name, of_tables[i]) == 0) {
            return true;
        }
    }
    return strncmp(name, "autovacuum_", strlen("autovacuum_")) == 0 ||
           strncmp(name, "toast.", strlen("toast.")) == 0;
}

enum status
storage_options(struct sql_context *cx, const struct ast_option_list *options, bool is_index,
                const char **text_out)
{
    *text_out = NULL;
    for (unsigned i = 0; i < options->count; i++) {
        const struct ast_option *option = &options->items[i];
        if (strcmp(option->name, "fillfactor") == 0) {
            TRY(check_fillfactor(cx, option, is_index));
            *text_out = "{fillfactor=100}";
        } else if (is_known_parameter(option->name, is_index)) {
            return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                             "storage parameter \"%s\" is not supported", option->name);
        } else {
            return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                             "unrecognized parameter \"%s\"", option->name);
        }
    }
    return STATUS_OK;
}
