/* ddl_drop.c: DROP TABLE, SEQUENCE, INDEX. SPDX-License-Identifier: Apache-2.0 */
#include "sql/session_internal.h"

static const char *const object_names[] = {"table", "index", "sequence", "view"};

/* "table "t" does not exist", or a notice with IF EXISTS. */
static enum status
report_missing(struct sql_session *session, const struct ast_drop *statement,
               const struct ast_relation *relation, struct sql_sink *sink)
{
    const char *what = object_names[statement->object];
    uint32_t schema = SCHEMA_PUBLIC;
    if (relation->schema != NULL) {
        TRY(catalog_schema_id(&session->cx, relation->schema, &schema));
    }
    if (schema == 0 && statement->if_exists) {
        session__notice(session, sink, "NOTICE", SQLSTATE_SUCCESS,
                        "schema \"%s\" does not exist, skipping", relation->schema);
        return STATUS_OK;
    }
    if (schema == 0) {
        return diag_fail(session->cx.diag, STATUS_NOT_FOUND, SQLSTATE_INVALID_SCHEMA_NAME,
                         "schema \"%s\" does not exist", relation->schema);
    }
    if (statement->if_exists) {
        session__notice(session, sink, "NOTICE", SQLSTATE_SUCCESS,
                        "%s \"%s\" does not exist, skipping", what, relation->name);
        return STATUS_OK;
    }
    enum status status =
        statement->object == AST_OBJECT_INDEX
            ? diag_fail(session->cx.diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_OBJECT,
                        "index \"%s\" does not exist", relation->name)
            : diag_fail(session->cx.diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_TABLE,
                        "%s \"%s\" does not exist", what, relation->name);
    return status;
}

static enum status
wrong_kind(struct sql_session *session, const char *name, enum ast_object_kind wanted,
           const char *drop)
{
    static const char *const articles[] = {"a table", "an index", "a sequence", "a view"};
    diag_fail(session->cx.diag, STATUS_INVALID, SQLSTATE_WRONG_OBJECT_TYPE, "\"%s\" is not %s",
              name, articles[wanted]);
    diag_hint(session->cx.diag, "Use DROP %s to remove %s.", drop,
              strcmp(drop, "TABLE") == 0      ? "a table"
              : strcmp(drop, "INDEX") == 0    ? "an index"
              : strcmp(drop, "SEQUENCE") == 0 ? "a sequence"
                                              : "a view");
    return STATUS_INVALID;
}

static enum status
drop_index(struct sql_session *session, const struct ast_drop *statement,
           const struct ast_relation *relation, struct sql_sink *sink)
{
    struct sql_context *cx = &session->cx;
    const struct table_def *table;
    const struct index_def *index;
    TRY(catalog_find_index(cx, relation->schema, relation->name, &table, &index));
    if (index == NULL) {
        TRY(catalog_find_table(cx, relation->schema, relation->name, &table));
        if (table == NULL) {
            return report_missing(session, statement, relation, sink);
        }
        return wrong_kind(session, relation->name, AST_OBJECT_INDEX,
                          table->kind == RELATION_SEQUENCE ? "SEQUENCE" : "TABLE");
    }
    TRY(ddl__lock(session, table->id, TABLE_LOCK_ACCESS_EXCLUSIVE));
    TRY(catalog_find_index(cx, relation->schema, relation->name, &table, &index));
    if (index == NULL) {
        return report_missing(session, statement, relation, sink);
    }
    if (table->id.v < CATALOG_OBJECT_ID_END) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INSUFFICIENT_PRIVILEGE,
                         "permission denied: \"%s\" is a system catalog", index->name);
    }
    if (index->constraint != CONSTRAINT_NONE) {
        diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                  "cannot drop index %s because constraint %s on table %s requires it",
                  index->name, index->constraint_name, table->name);
        diag_hint(cx->diag, "You can drop constraint %s on table %s instead.",
                  index->constraint_name, table->name);
        return STATUS_INVALID;
    }
    return catalog_drop_index(cx, table, index);
}

/* ---- what holds them ---- */
static bool
is_among(const struct object_id *ids, unsigned count, struct object_id id)
{
    for (unsigned i = 0; i < count; i++) {
        if (ids[i].v == id.v) {
            return true;
        }
    }
    return false;
}

/* "default value for column a of table t depends on sequence s" */
static enum status
describe_user(struct sql_context *cx, const struct default_user *user, const char **text_out)
{
    const struct table_def *table, *relation;
    TRY(catalog_table_by_id(cx, user->table, &table));
    TRY(catalog_table_by_id(cx, user->relation, &relation));
    *text_out = arena_printf(
        cx->arena, "default value for column %s of table %s depends on %s %s",
        table->columns[user->attribute_no - 1].name, table->name,
        relation->kind == RELATION_SEQUENCE ? "sequence" : "table", relation->name);
    return STATUS_OK;
}

/* The lines that fit into a detail, and how many do not. */
static enum status
describe_users(struct sql_context *cx, const struct default_user *users, unsigned count,
               struct buf *text)
{
    static const char more[] = "\nand 4294967295 other objects";
    unsigned shown = 0;
    for (; shown < count; shown++) {
        const char *line = NULL;
        TRY(describe_user(cx, &users[shown], &line));
        if (text->size + strlen(line) + sizeof(more) > DIAG_TEXT_MAX) {
            break;
        }
        buf_printf(text, "%s%s", shown == 0 ? "" : "\n", line);
    }
    if (shown < count) {
        buf_printf(text, "\nand %u other object%s", count - shown,
                   count - shown == 1 ? "" : "s");
    }
    return STATUS_OK;
}

static enum status
refuse_held(struct sql_session *session, const struct ast_drop *statement, const char *name,
            const struct default_user *users, unsigned user_count)
{
    struct sql_context *cx = &session->cx;
    if (statement->cascade) {
        return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "DROP .. CASCADE of what a default value needs is not supported");
    }
    struct buf text = BUF_EMPTY;
    enum status status = describe_users(cx, users, user_count, &text);
    if (status == STATUS_OK) {
        status = STATUS_INVALID;
        diag_fail(cx->diag, status, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                  name != NULL
                      ? "cannot drop %s %s because other objects depend on it"
                      : "cannot drop desired object(s) because other objects depend on "
                        "them",
                  object_names[statement->object], name);
        diag_detail(cx->diag, "%.*s", (int)text.size, (const char *)text.data);
        diag_hint(cx->diag, "Use DROP ... CASCADE to drop the dependent objects too.");
    }
    buf_deinit(&text);
    return status;
}

/* A relation that the default of a column needs stays, unless the column's table goes, too. */
static enum status
check_held(struct sql_session *session, const struct ast_drop *statement,
           const struct table_def *const *relations, unsigned count)
{
    struct sql_context *cx = &session->cx;
    struct object_id *ids = arena_array(cx->arena, struct object_id, count + 1);
    struct buf found = BUF_EMPTY;
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < count; i++) {
        ids[i] = relations[i]->id;
    }
    for (unsigned i = count; status == STATUS_OK && i > 0; i--) { /* in PostgreSQL's order */
        status = catalog_default_users(cx, ids[i - 1], &found);
    }
    unsigned found_count = (unsigned)(found.size / sizeof(struct default_user));
    struct default_user *users = arena_array(cx->arena, struct default_user, found_count + 1);
    unsigned user_count = 0;
    for (unsigned i = 0; i < found_count; i++) {
        memcpy(&users[user_count], found.data + i * sizeof(*users), sizeof(*users));
        user_count += !is_among(ids, count, users[user_count].table);
    }
    buf_deinit(&found);
    TRY(status);
    return user_count == 0
               ? STATUS_OK
               : refuse_held(session, statement, count == 1 ? relations[0]->name : NULL, users,
                             user_count);
}

/* ---- tables and sequences ---- */
/* Finds and locks one; *table_out NULL: it is not there, and need not be. */
static enum status
find_relation(struct sql_session *session, const struct ast_drop *statement,
              const struct ast_relation *relation, struct sql_sink *sink,
              const struct table_def **table_out)
{
    struct sql_context *cx = &session->cx;
    const struct table_def *table;
    *table_out = NULL;
    TRY(catalog_find_table(cx, relation->schema, relation->name, &table));
    if (table == NULL) {
        const struct index_def *index;
        TRY(catalog_find_index(cx, relation->schema, relation->name, &table, &index));
        return index != NULL ? wrong_kind(session, relation->name, statement->object, "INDEX")
                             : report_missing(session, statement, relation, sink);
    }
    enum relation_kind wanted = statement->object == AST_OBJECT_TABLE      ? RELATION_TABLE
                                : statement->object == AST_OBJECT_SEQUENCE ? RELATION_SEQUENCE
                                                                           : RELATION_VIEW;
    if (table->kind != wanted) {
        return wrong_kind(session, relation->name, statement->object,
                          table->kind == RELATION_TABLE      ? "TABLE"
                          : table->kind == RELATION_SEQUENCE ? "SEQUENCE"
                                                             : "VIEW");
    }
    if (table->id.v < CATALOG_OBJECT_ID_END) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INSUFFICIENT_PRIVILEGE,
                         "permission denied: \"%s\" is a system catalog", table->name);
    }
    TRY(ddl__lock(session, table->id, TABLE_LOCK_ACCESS_EXCLUSIVE));
    TRY(catalog_find_table(cx, relation->schema, relation->name, table_out));
    return *table_out != NULL ? STATUS_OK : report_missing(session, statement, relation, sink);
}

/* All are found before the first one goes: each may need another one. */
static enum status
drop_relations(struct sql_session *session, const struct ast_drop *statement,
               struct sql_sink *sink)
{
    struct sql_context *cx = &session->cx;
    unsigned count = 0;
    const struct table_def **found =
        arena_array(cx->arena, const struct table_def *, statement->names.count + 1);
    for (unsigned i = 0; i < statement->names.count; i++) {
        const struct table_def *table;
        TRY(find_relation(session, statement, &statement->names.items[i], sink, &table));
        bool again = false; /* named twice, it goes once */
        for (unsigned k = 0; table != NULL && k < count; k++) {
            again |= found[k]->id.v == table->id.v;
        }
        if (table != NULL && !again) {
            found[count++] = table;
        }
    }
    for (unsigned i = 0; i < count; i++) { /* while it waited for a lock, it may have changed */
        TRY(catalog_table_by_id(cx, found[i]->id, &found[i]));
    }
    TRY(check_held(session, statement, found, count));
    for (unsigned i = 0; i < count; i++) {
        TRY(catalog_drop_relation(cx, found[i]));
    }
    return STATUS_OK;
}

enum status
ddl__drop(struct sql_session *session, const struct ast_drop *statement, struct sql_sink *sink)
{
    if (statement->concurrently) {
        return diag_fail(session->cx.diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "DROP INDEX CONCURRENTLY is not supported");
    }
    if (statement->object != AST_OBJECT_INDEX) {
        return drop_relations(session, statement, sink);
    }
    for (unsigned i = 0; i < statement->names.count; i++) {
        TRY(drop_index(session, statement, &statement->names.items[i], sink));
    }
    return STATUS_OK;
}
