/* ddl_common.c: what definitions share: finding and locking tables, making names.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/options.h"
#include "sql/session_internal.h"

#include <stdio.h>

#define NAME_BYTES_MAX 63u /* PostgreSQL's NAMEDATALEN - 1 */

enum status
ddl__schema(struct sql_session *session, const struct ast_relation *relation,
            uint32_t *schema_out)
{
    struct sql_context *cx = &session->cx;
    *schema_out = SCHEMA_PUBLIC;
    if (relation->schema == NULL) {
        return STATUS_OK;
    }
    TRY(catalog_schema_id(cx, relation->schema, schema_out));
    if (*schema_out == 0) {
        diag_fail(cx->diag, STATUS_NOT_FOUND, SQLSTATE_INVALID_SCHEMA_NAME,
                  "schema \"%s\" does not exist", relation->schema);
        diag_position(cx->diag, relation->position);
        return STATUS_NOT_FOUND;
    }
    if (*schema_out == SCHEMA_PG_CATALOG || *schema_out == SCHEMA_INFORMATION) {
        diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INSUFFICIENT_PRIVILEGE,
                  "permission denied to create \"%s.%s\"", relation->schema, relation->name);
        diag_detail(cx->diag, "System catalog modifications are currently disallowed.");
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* Locks and looks again: the definition may have changed while we waited. */
enum status
ddl__lock(struct sql_session *session, struct object_id table, enum table_lock_mode mode)
{
    struct sql_context *cx = &session->cx;
    TRY(table_lock(cx->txn, table, mode, LOCK_WAIT, cx->diag));
    if (session->repeatable_read && session->snapshot_taken) { /* it looks with what it has */
        const struct table_def *seen = NULL;
        TRY(catalog_table_by_id(cx, table, &seen));
        TRY(catalog_check_unchanged(cx, seen));
    }
    return session__refresh_latest(session, cx->diag);
}

enum status
ddl__find_table(struct sql_session *session, const struct ast_relation *relation,
                const char *verb, const struct table_def **table_out)
{
    UNUSED(verb);
    struct sql_context *cx = &session->cx;
    const struct index_def *index = NULL;
    TRY(catalog_find_table(cx, relation->schema, relation->name, table_out));
    if (*table_out == NULL) {
        TRY(catalog_find_index(cx, relation->schema, relation->name, table_out, &index));
    }
    if (index != NULL) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_WRONG_OBJECT_TYPE,
                         "\"%s\" is an index", index->name);
    }
    TRY(catalog_get_table(cx, relation->schema, relation->name, table_out));
    if ((*table_out)->id.v < CATALOG_OBJECT_ID_END) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INSUFFICIENT_PRIVILEGE,
                         "permission denied: \"%s\" is a system catalog", (*table_out)->name);
    }
    if ((*table_out)->kind != RELATION_TABLE) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_WRONG_OBJECT_TYPE,
                         "\"%s\" is not a table", (*table_out)->name);
    }
    return STATUS_OK;
}

/* There is one tablespace yet. */
enum status
ddl__check_tablespace(struct sql_context *cx, const char *name)
{
    if (name == NULL || strcmp(name, "pg_default") == 0) {
        return STATUS_OK;
    }
    return diag_fail(cx->diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_OBJECT,
                     "tablespace \"%s\" does not exist", name);
}

/* As PostgreSQL's makeObjectName(): the longer of the two names is cut until all fits. */
static const char *
join_name(struct arena *arena, const char *name1, const char *name2, const char *label)
{
    size_t size1 = strlen(name1), size2 = name2 == NULL ? 0 : strlen(name2);
    size_t overhead = (name2 == NULL ? 0 : 1) + strlen(label) + 1;
    while (size1 + size2 + overhead > NAME_BYTES_MAX) {
        if (size1 > size2) {
            size1--;
        } else {
            size2--;
        }
    }
    while (size1 > 0 && ((uint8_t)name1[size1] & 0xc0) == 0x80) {
        size1--; /* not inside a character */
    }
    while (name2 != NULL && size2 > 0 && ((uint8_t)name2[size2] & 0xc0) == 0x80) {
        size2--;
    }
    return arena_printf(arena, "%.*s%s%.*s_%s", (int)size1, name1, name2 == NULL ? "" : "_",
                        (int)size2, name2 == NULL ? "" : name2, label);
}

enum status
ddl__make_name(struct sql_session *session, uint32_t schema, const char *name1,
               const char *name2, const char *label, const char **name_out)
{
    struct sql_context *cx = &session->cx;
    const char *try_label = label;
    for (unsigned attempt = 1;; attempt++) {
        *name_out = join_name(cx->arena, name1, name2, try_label);
        bool taken = false;
        TRY(catalog_name_taken(cx, schema, *name_out, &taken));
        if (!taken) {
            return STATUS_OK;
        }
        try_label = arena_printf(cx->arena, "%s%u", label, attempt);
    }
}

/* Skips what may be missing; *taken_out: the name is used. */
static enum status
check_free_name(struct sql_session *session, uint32_t schema, const char *name,
                bool if_not_exists, struct sql_sink *sink, bool *taken_out)
{
    struct sql_context *cx = &session->cx;
    TRY(catalog_name_taken(cx, schema, name, taken_out));
    if (!*taken_out) {
        return STATUS_OK;
    }
    if (if_not_exists) {
        session__notice(session, sink, "NOTICE", SQLSTATE_DUPLICATE_TABLE,
                        "relation \"%s\" already exists, skipping", name);
        return STATUS_OK;
    }
    return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_DUPLICATE_TABLE,
                     "relation \"%s\" already exists", name);
}

/* ---- sequences ---- */
static enum status
sequence_limits(struct sql_context *cx, enum type_id type, int64_t *min_out, int64_t *max_out)
{
    switch (type) {
    case TYPE_INT2:
        *min_out = INT16_MIN;
        *max_out = INT16_MAX;
        return STATUS_OK;
    case TYPE_INT4:
        *min_out = INT32_MIN;
        *max_out = INT32_MAX;
        return STATUS_OK;
    case TYPE_INT8:
        *min_out = INT64_MIN;
        *max_out = INT64_MAX;
        return STATUS_OK;
    default:
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                         "sequence type must be smallint, integer, or bigint");
    }
}

static enum status
check_sequence(struct sql_context *cx, const struct sequence_definition *d)
{
    if (d->min >= d->max) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                         "MINVALUE (%lld) must be less than MAXVALUE (%lld)", (long long)d->min,
                         (long long)d->max);
    }
    if (d->start < d->min) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                         "START value (%lld) cannot be less than MINVALUE (%lld)",
                         (long long)d->start, (long long)d->min);
    }
    if (d->start > d->max) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                         "START value (%lld) cannot be greater than MAXVALUE (%lld)",
                         (long long)d->start, (long long)d->max);
    }
    if (d->cache <= 0) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                         "CACHE (%lld) must be greater than zero", (long long)d->cache);
    }
    return STATUS_OK;
}

enum status
ddl__add_sequence(struct sql_session *session, uint32_t schema, const char *name,
                  enum type_id type, const struct ast_create_sequence *options,
                  struct object_id *id_out)
{
    struct sql_context *cx = &session->cx;
    int64_t low = 0, high = 0;
    TRY(sequence_limits(cx, type, &low, &high));
    struct sequence_definition d = {.increment = 1, .cache = 1};
    if (options != NULL && options->has_increment) {
        d.increment = options->increment;
    }
    if (d.increment == 0) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                         "INCREMENT must not be zero");
    }
    bool up = d.increment > 0;
    d.min = up ? 1 : low;
    d.max = up ? high : -1;
    if (options != NULL) {
        d.min = options->has_min ? options->min : d.min;
        d.max = options->has_max ? options->max : d.max;
        d.cache = options->has_cache ? options->cache : 1;
        d.cycle = options->cycle;
    }
    if (d.max > high || d.min < low) {
        bool is_max = d.max > high;
        struct buf text = BUF_EMPTY;
        type_format(type, -1, &text);
        diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                  "%s (%lld) is out of range for sequence data type %.*s",
                  is_max ? "MAXVALUE" : "MINVALUE", (long long)(is_max ? d.max : d.min),
                  (int)text.size, (const char *)text.data);
        buf_deinit(&text);
        return STATUS_INVALID;
    }
    d.start = options != NULL && options->has_start ? options->start : up ? d.min : d.max;
    TRY(check_sequence(cx, &d));
    return catalog_add_sequence(cx, schema, name, type, &d, id_out);
}

static enum status
own_by(struct sql_session *session, const struct ast_create_sequence *statement,
       struct object_id sequence)
{
    struct sql_context *cx = &session->cx;
    const struct table_def *table;
    TRY(catalog_get_table(cx, NULL, statement->owned_by_table, &table));
    for (unsigned i = 0; i < table->column_count; i++) {
        if (!table->columns[i].dropped &&
            strcmp(table->columns[i].name, statement->owned_by_column) == 0) {
            return catalog_own_sequence(cx, sequence, table->id, i + 1);
        }
    }
    return diag_fail(cx->diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_COLUMN,
                     "column \"%s\" of relation \"%s\" does not exist",
                     statement->owned_by_column, table->name);
}

enum status
ddl__create_sequence(struct sql_session *session, const struct ast_create_sequence *statement,
                     struct sql_sink *sink)
{
    struct sql_context *cx = &session->cx;
    if (statement->persistence == 't') {
        return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "temporary sequences are not supported");
    }
    uint32_t schema;
    TRY(ddl__schema(session, &statement->sequence, &schema));
    bool taken = false;
    TRY(check_free_name(session, schema, statement->sequence.name, statement->if_not_exists,
                        sink, &taken));
    if (taken) {
        return STATUS_OK;
    }
    enum type_id type = TYPE_INT8;
    int32_t typmod = -1;
    if (statement->has_type) {
        TRY(bind_type_name(cx, &statement->type, &type, &typmod));
    }
    struct object_id id;
    TRY(ddl__add_sequence(session, schema, statement->sequence.name, type, statement, &id));
    return statement->owned_by_table == NULL ? STATUS_OK : own_by(session, statement, id);
}

/* ---- indexes ---- */
static enum status
index_column(struct sql_context *cx, const struct table_def *table,
             const struct ast_index_column *ast, struct index_column *out)
{
    if (ast->name == NULL) {
        return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "indexes on expressions are not supported");
    }
    if (ast->operator_class != NULL || ast->collation != NULL) {
        return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "operator classes and collations of index columns are not supported");
    }
    for (unsigned i = 0; i < table->column_count; i++) {
        if (table->columns[i].dropped || strcmp(table->columns[i].name, ast->name) != 0) {
            continue;
        }
        *out = (struct index_column){.column_no = (uint16_t)i,
                                     .descending = ast->descending,
                                     .nulls_first = ast->nulls_first};
        return STATUS_OK;
    }
    return diag_fail(cx->diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_COLUMN,
                     "column \"%s\" does not exist", ast->name);
}

static enum status
refuse_index_features(struct sql_context *cx, const struct ast_create_index *statement)
{
    static const char *const methods[] = {"hash", "gist", "gin", "spgist", "brin"};
    const char *what = NULL, *ignored;
    for (unsigned i = 0; statement->method != NULL && i < ARRAY_SIZE(methods); i++) {
        if (strcmp(statement->method, methods[i]) == 0) {
            return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                             "access method \"%s\" is not supported", statement->method);
        }
    }
    if (statement->method != NULL && strcmp(statement->method, "btree") != 0) {
        return diag_fail(cx->diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_OBJECT,
                         "access method \"%s\" does not exist", statement->method);
    }
    TRY(storage_options(cx, &statement->options, true, &ignored));
    TRY(ddl__check_tablespace(cx, statement->tablespace));
    if (statement->where != NULL) {
        what = "partial indexes";
    } else if (statement->include.count > 0) {
        what = "INCLUDE columns";
    } else if (statement->nulls_not_distinct) {
        what = "NULLS NOT DISTINCT indexes";
    } else if (statement->concurrently) {
        what = "CREATE INDEX CONCURRENTLY";
    }
    if (what == NULL) {
        return STATUS_OK;
    }
    return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "%s: not supported", what);
}

/* "a_b" of columns a, b, for the name of an index; a column's second time counts: "a_a1". */
static const char *
column_names(struct arena *arena, const struct table_def *table,
             const struct index_column *columns, unsigned count)
{
    char *text = arena_strdup(arena, "");
    for (unsigned i = 0; i < count; i++) {
        unsigned again = 0;
        for (unsigned k = 0; k < i; k++) {
            again += columns[k].column_no == columns[i].column_no;
        }
        text = arena_printf(arena, "%s%s%s", text, i == 0 ? "" : "_",
                            table->columns[columns[i].column_no].name);
        if (again > 0) {
            text = arena_printf(arena, "%s%u", text, again);
        }
    }
    return text;
}

static enum status
check_key_size(struct sql_context *cx, unsigned count)
{
    if (count > INDEX_COLUMNS_MAX) {
        return diag_fail(cx->diag, STATUS_LIMIT, SQLSTATE_TOO_MANY_COLUMNS,
                         "cannot use more than %d columns in an index", INDEX_COLUMNS_MAX);
    }
    return STATUS_OK;
}

enum status
ddl__create_index(struct sql_session *session, const struct ast_create_index *statement,
                  struct sql_sink *sink)
{
    struct sql_context *cx = &session->cx;
    TRY(refuse_index_features(cx, statement));
    TRY(check_key_size(cx, statement->column_count));
    const struct table_def *table;
    TRY(ddl__find_table(session, &statement->table, "CREATE INDEX", &table));
    TRY(ddl__lock(session, table->id, TABLE_LOCK_SHARE));
    TRY(ddl__find_table(session, &statement->table, "CREATE INDEX", &table));
    struct new_index index = {.name = statement->name,
                              .unique = statement->unique,
                              .column_count = statement->column_count};
    for (unsigned i = 0; i < statement->column_count; i++) {
        TRY(index_column(cx, table, &statement->columns[i], &index.columns[i]));
    }
    if (index.name == NULL) {
        TRY(ddl__make_name(session, table->schema, table->name,
                           column_names(cx->arena, table, index.columns, index.column_count),
                           "idx", &index.name));
    }
    bool taken = false;
    TRY(check_free_name(session, table->schema, index.name, statement->if_not_exists, sink,
                        &taken));
    if (taken) {
        return STATUS_OK;
    }
    struct object_id id;
    return catalog_add_index(cx, table, &index, &id);
}

/* ---- constraints ---- */
/* 23502 when a row has a NULL in the column. */
static enum status
check_no_nulls(struct sql_context *cx, const struct table_def *table, unsigned column_no)
{
    struct table_scan *scan = NULL;
    TRY(table_scan_open(cx->txn, table->id, &scan, cx->diag));
    struct row_view rows[64];
    struct column_value *values =
        arena_array(cx->arena, struct column_value, table->column_count);
    unsigned count = 0;
    enum status status = STATUS_OK;
    do {
        status = table_scan_next(scan, rows, ARRAY_SIZE(rows), &count, cx->diag);
        for (unsigned i = 0; status == STATUS_OK && i < count; i++) {
            tuple_decode(rows[i].tuple, table->storage.kinds, column_no + 1, values);
            if (values[column_no].is_null || values[column_no].bytes.data == NULL) {
                status = diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_NOT_NULL_VIOLATION,
                                   "column \"%s\" of relation \"%s\" contains null values",
                                   table->columns[column_no].name, table->name);
                catalog_name_table(cx->diag, table);
                snprintf(cx->diag->column_name, sizeof(cx->diag->column_name), "%s",
                         table->columns[column_no].name);
            }
        }
        if (status == STATUS_OK) {
            status = txn_check(cx->txn, cx->diag);
        }
    } while (status == STATUS_OK && count > 0);
    table_scan_close(scan);
    return status;
}

/* column_count: none. */
static unsigned
find_column(const struct table_def *table, const char *name)
{
    unsigned no = 0;
    while (no < table->column_count &&
           (table->columns[no].dropped || strcmp(table->columns[no].name, name) != 0)) {
        no++;
    }
    return no;
}

bool
ddl__has_column(const struct table_def *table, const char *name)
{
    return find_column(table, name) < table->column_count;
}

static enum status
constraint_columns(struct sql_context *cx, const struct table_def *table,
                   const struct ast_constraint *constraint, struct new_index *index)
{
    const char *what = constraint->kind == AST_CONSTRAINT_PRIMARY ? "primary key" : "unique";
    TRY(check_key_size(cx, constraint->columns.count));
    for (unsigned i = 0; i < constraint->columns.count; i++) {
        const char *name = constraint->columns.items[i].name;
        unsigned no = find_column(table, name);
        if (no == table->column_count) {
            diag_fail(cx->diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_COLUMN,
                      "column \"%s\" named in key does not exist", name);
            diag_position(cx->diag, constraint->position);
            return STATUS_NOT_FOUND;
        }
        for (unsigned k = 0; k < i; k++) {
            if (index->columns[k].column_no == no) {
                diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_DUPLICATE_COLUMN,
                          "column \"%s\" appears twice in %s constraint", name, what);
                diag_position(cx->diag, constraint->position);
                return STATUS_INVALID;
            }
        }
        index->columns[index->column_count++] =
            (struct index_column){.column_no = (uint16_t)no};
    }
    return STATUS_OK;
}

enum status
ddl__set_not_null(struct sql_session *session, struct object_id table_id, unsigned column_no)
{
    struct sql_context *cx = &session->cx;
    const struct table_def *table;
    TRY(catalog_table_by_id(cx, table_id, &table));
    if (table->columns[column_no].not_null) {
        return STATUS_OK;
    }
    TRY(check_no_nulls(cx, table, column_no));
    return catalog_set_not_null(cx, table_id, column_no + 1);
}

enum status
ddl__add_constraint(struct sql_session *session, struct object_id table_id,
                    const struct ast_constraint *constraint, struct sql_sink *sink)
{
    struct sql_context *cx = &session->cx;
    const struct table_def *table;
    TRY(catalog_table_by_id(cx, table_id, &table));
    bool primary = constraint->kind == AST_CONSTRAINT_PRIMARY;
    const char *ignored;
    TRY(storage_options(cx, &constraint->options, true, &ignored));
    TRY(ddl__check_tablespace(cx, constraint->tablespace));
    if (constraint->using_index != NULL) {
        return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "ADD CONSTRAINT USING INDEX is not supported");
    }
    for (unsigned i = 0; primary && i < table->index_count; i++) {
        if (table->indexes[i].constraint == CONSTRAINT_PRIMARY) {
            return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INVALID_TABLE_DEFINITION,
                             "multiple primary keys for table \"%s\" are not allowed",
                             table->name);
        }
    }
    struct new_index index = {
        .name = constraint->name,
        .unique = true,
        .constraint = primary ? CONSTRAINT_PRIMARY : CONSTRAINT_UNIQUE,
    };
    TRY(constraint_columns(cx, table, constraint, &index));
    if (index.name == NULL && primary) {
        TRY(ddl__make_name(session, table->schema, table->name, NULL, "pkey", &index.name));
    } else if (index.name == NULL) {
        TRY(ddl__make_name(session, table->schema, table->name,
                           column_names(cx->arena, table, index.columns, index.column_count),
                           "key", &index.name));
    }
    bool taken = false;
    TRY(check_free_name(session, table->schema, index.name, false, sink, &taken));
    struct object_id id;
    TRY(catalog_add_index(cx, table, &index, &id));
    for (unsigned i = 0; primary && i < index.column_count; i++) {
        TRY(ddl__set_not_null(session, table_id, index.columns[i].column_no));
    }
    return STATUS_OK;
}
