/* catalog_text.c: definitions as SQL text, as pg_get_indexdef() and friends show them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/catalog/catalog_internal.h"

#include <stdio.h>

/* Words that PostgreSQL quotes: its reserved and column-name keywords, sorted. */
static const char *const quoted_words[] = {
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
};

static bool
is_plain_identifier(const char *name)
{
    bool plain = (name[0] >= 'a' && name[0] <= 'z') || name[0] == '_';
    for (const char *p = name; plain && *p != 0; p++) {
        plain = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_';
    }
    if (!plain) {
        return false;
    }
    size_t low = 0, high = ARRAY_SIZE(quoted_words);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(name, quoted_words[middle]);
        if (order == 0) {
            return false;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return true;
}

void
catalog_quote_identifier(const char *name, struct buf *out)
{
    if (is_plain_identifier(name)) {
        buf_append_text(out, name);
        return;
    }
    buf_u8(out, '"');
    for (const char *p = name; *p != 0; p++) {
        if (*p == '"') {
            buf_u8(out, '"');
        }
        buf_u8(out, (uint8_t)*p);
    }
    buf_u8(out, '"');
}

static void
append_columns(const struct table_def *table, const struct index_definition *index,
               bool with_order, struct buf *out)
{
    buf_append_text(out, "(");
    for (unsigned i = 0; i < index->column_count; i++) {
        const struct index_column *column = &index->columns[i];
        buf_append_text(out, i == 0 ? "" : ", ");
        catalog_quote_identifier(table->columns[column->column_no].name, out);
        if (!with_order) {
            continue;
        }
        if (column->descending) {
            buf_append_text(out, column->nulls_first ? " DESC" : " DESC NULLS LAST");
        } else if (column->nulls_first) {
            buf_append_text(out, " NULLS FIRST");
        }
    }
    buf_append_text(out, ")");
}

void
catalog_index_definition(const struct table_def *table, const struct index_def *index,
                         bool with_schema, struct buf *out)
{
    buf_append_text(out, index->storage.unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ");
    catalog_quote_identifier(index->name, out);
    buf_append_text(out, " ON ");
    if (with_schema) {
        catalog_quote_identifier(table->schema_name, out);
        buf_append_text(out, ".");
    }
    catalog_quote_identifier(table->name, out);
    buf_append_text(out, " USING btree ");
    append_columns(table, &index->storage, true, out);
}

void
catalog_constraint_definition(const struct table_def *table, const struct index_def *index,
                              struct buf *out)
{
    buf_append_text(out, index->constraint == CONSTRAINT_PRIMARY ? "PRIMARY KEY " : "UNIQUE ");
    append_columns(table, &index->storage, false, out);
}

void
catalog_name_table(struct diag *diag, const struct table_def *table)
{
    snprintf(diag->schema_name, sizeof(diag->schema_name), "%s", table->schema_name);
    snprintf(diag->table_name, sizeof(diag->table_name), "%s", table->name);
}
