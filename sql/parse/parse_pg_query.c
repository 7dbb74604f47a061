/* parse_pg_query.c: text in, our tree out; with the files pg_query_*.c the sole user of
 * libpg_query.
 *
 *   text -> parse_limits -> pg_query_parse_protobuf -> unpack (scratch arena) -> our tree
 * (arena)
 *
 * libpg_query leaves its errors by longjmp; none of ours runs below it, and its result is freed
 * on every path. The unpacked tree lies in an arena of its own, which goes when the parse ends.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/parse/parse_limits.h"
#include "sql/parse/pg_query_adapter.h"

/* ---- what all files of the adapter share ---- */

int
parse__position(struct reader *reader, int location)
{
    if (location < 0) {
        return 0;
    }
    if (reader->is_ascii) {
        return location + 1;
    }
    if (location < reader->counted_bytes) {
        reader->counted_bytes = 0;
        reader->counted_characters = 0;
    }
    int at = reader->counted_bytes, characters = reader->counted_characters;
    for (; at < location && reader->text[at] != '\0'; at++) {
        characters += ((uint8_t)reader->text[at] & 0xc0) != 0x80;
    }
    reader->counted_bytes = at;
    reader->counted_characters = characters;
    return characters + 1;
}

enum status
parse__unsupported(struct reader *reader, const char *what, int location)
{
    enum status status = diag_fail(reader->diag, STATUS_UNSUPPORTED,
                                   SQLSTATE_FEATURE_NOT_SUPPORTED, "%s is not supported", what);
    if (location >= 0) {
        diag_position(reader->diag, parse__position(reader, location));
    }
    return status;
}

const char *
parse__text(struct reader *reader, const char *text)
{
    return text == NULL || text[0] == '\0' ? NULL : arena_strdup(reader->arena, text);
}

const char *
parse__string(struct reader *reader, const PgQuery__Node *node)
{
    ASSERT(node->node_case == PG_QUERY__NODE__NODE_STRING);
    return arena_strdup(reader->arena, node->string->sval);
}

struct ast_name_list
parse__names(struct reader *reader, size_t count, PgQuery__Node **nodes)
{
    struct ast_name_list list = {
        .count = (unsigned)count,
        .items = count == 0 ? NULL : arena_array(reader->arena, struct ast_name, count),
    };
    for (size_t i = 0; i < count; i++) {
        list.items[i].name = parse__string(reader, nodes[i]);
    }
    return list;
}

/* ---- statements ---- */

static const struct unsupported_statement {
    PgQuery__Node__NodeCase node_case;
    const char *name;
} unsupported_statements[] = {
    {PG_QUERY__NODE__NODE_MERGE_STMT, "MERGE"},
    {PG_QUERY__NODE__NODE_ALTER_DOMAIN_STMT, "ALTER DOMAIN"},
    {PG_QUERY__NODE__NODE_GRANT_STMT, "GRANT or REVOKE"},
    {PG_QUERY__NODE__NODE_GRANT_ROLE_STMT, "GRANT or REVOKE of roles"},
    {PG_QUERY__NODE__NODE_ALTER_DEFAULT_PRIVILEGES_STMT, "ALTER DEFAULT PRIVILEGES"},
    {PG_QUERY__NODE__NODE_CLOSE_PORTAL_STMT, "CLOSE (cursors)"},
    {PG_QUERY__NODE__NODE_CLUSTER_STMT, "CLUSTER"},
    {PG_QUERY__NODE__NODE_DEFINE_STMT, "CREATE of this kind of object"},
    {PG_QUERY__NODE__NODE_COMMENT_STMT, "COMMENT"},
    {PG_QUERY__NODE__NODE_FETCH_STMT, "FETCH or MOVE (cursors)"},
    {PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT, "CREATE FUNCTION"},
    {PG_QUERY__NODE__NODE_ALTER_FUNCTION_STMT, "ALTER FUNCTION"},
    {PG_QUERY__NODE__NODE_DO_STMT, "DO"},
    {PG_QUERY__NODE__NODE_RENAME_STMT, "ALTER .. RENAME"},
    {PG_QUERY__NODE__NODE_RULE_STMT, "CREATE RULE"},
    {PG_QUERY__NODE__NODE_NOTIFY_STMT, "NOTIFY"},
    {PG_QUERY__NODE__NODE_LISTEN_STMT, "LISTEN"},
    {PG_QUERY__NODE__NODE_UNLISTEN_STMT, "UNLISTEN"},
    {PG_QUERY__NODE__NODE_VIEW_STMT, "CREATE VIEW"},
    {PG_QUERY__NODE__NODE_LOAD_STMT, "LOAD"},
    {PG_QUERY__NODE__NODE_CREATE_DOMAIN_STMT, "CREATE DOMAIN"},
    {PG_QUERY__NODE__NODE_CREATEDB_STMT, "CREATE DATABASE"},
    {PG_QUERY__NODE__NODE_DROPDB_STMT, "DROP DATABASE"},
    {PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT, "CREATE TABLE AS"},
    {PG_QUERY__NODE__NODE_ALTER_SEQ_STMT, "ALTER SEQUENCE"},
    {PG_QUERY__NODE__NODE_CREATE_TRIG_STMT, "CREATE TRIGGER"},
    {PG_QUERY__NODE__NODE_CREATE_ROLE_STMT, "CREATE ROLE"},
    {PG_QUERY__NODE__NODE_ALTER_ROLE_STMT, "ALTER ROLE"},
    {PG_QUERY__NODE__NODE_ALTER_ROLE_SET_STMT, "ALTER ROLE .. SET"},
    {PG_QUERY__NODE__NODE_DROP_ROLE_STMT, "DROP ROLE"},
    {PG_QUERY__NODE__NODE_CONSTRAINTS_SET_STMT, "SET CONSTRAINTS"},
    {PG_QUERY__NODE__NODE_REINDEX_STMT, "REINDEX"},
    {PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT, "CREATE SCHEMA"},
    {PG_QUERY__NODE__NODE_ALTER_DATABASE_STMT, "ALTER DATABASE"},
    {PG_QUERY__NODE__NODE_ALTER_DATABASE_SET_STMT, "ALTER DATABASE .. SET"},
    {PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT, "DECLARE (cursors)"},
    {PG_QUERY__NODE__NODE_CREATE_TABLE_SPACE_STMT, "CREATE TABLESPACE"},
    {PG_QUERY__NODE__NODE_DROP_TABLE_SPACE_STMT, "DROP TABLESPACE"},
    {PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT, "ALTER .. SET SCHEMA"},
    {PG_QUERY__NODE__NODE_ALTER_OWNER_STMT, "ALTER .. OWNER TO"},
    {PG_QUERY__NODE__NODE_COMPOSITE_TYPE_STMT, "CREATE TYPE"},
    {PG_QUERY__NODE__NODE_CREATE_ENUM_STMT, "CREATE TYPE"},
    {PG_QUERY__NODE__NODE_CREATE_RANGE_STMT, "CREATE TYPE"},
    {PG_QUERY__NODE__NODE_CREATE_EXTENSION_STMT, "CREATE EXTENSION"},
    {PG_QUERY__NODE__NODE_ALTER_SYSTEM_STMT, "ALTER SYSTEM"},
    {PG_QUERY__NODE__NODE_CREATE_POLICY_STMT, "CREATE POLICY"},
    {PG_QUERY__NODE__NODE_CREATE_PUBLICATION_STMT, "CREATE PUBLICATION"},
    {PG_QUERY__NODE__NODE_CREATE_SUBSCRIPTION_STMT, "CREATE SUBSCRIPTION"},
    {PG_QUERY__NODE__NODE_CREATE_STATS_STMT, "CREATE STATISTICS"},
    {PG_QUERY__NODE__NODE_CALL_STMT, "CALL"},
    {PG_QUERY__NODE__NODE_REFRESH_MAT_VIEW_STMT, "REFRESH MATERIALIZED VIEW"},
};

static const char *
unsupported_name(PgQuery__Node__NodeCase node_case)
{
    for (size_t i = 0; i < ARRAY_SIZE(unsupported_statements); i++) {
        if (unsupported_statements[i].node_case == node_case) {
            return unsupported_statements[i].name;
        }
    }
    return "this kind of statement";
}

static enum status
read_supported(struct reader *reader, const PgQuery__Node *node,
               struct ast_statement *statement)
{
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
        statement->kind = AST_SELECT;
        statement->returns_rows = true;
        return parse__select(reader, node->select_stmt, &statement->select);
    case PG_QUERY__NODE__NODE_INSERT_STMT:
        statement->kind = AST_INSERT;
        statement->returns_rows = node->insert_stmt->n_returning_list > 0;
        return parse__insert(reader, node->insert_stmt, &statement->insert);
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
        statement->kind = AST_UPDATE;
        statement->returns_rows = node->update_stmt->n_returning_list > 0;
        return parse__update(reader, node->update_stmt, &statement->update);
    case PG_QUERY__NODE__NODE_DELETE_STMT:
        statement->kind = AST_DELETE;
        statement->returns_rows = node->delete_stmt->n_returning_list > 0;
        return parse__delete(reader, node->delete_stmt, &statement->delete_from);
    default:
        break;
    }
    enum status status = parse__session(reader, node, statement);
    if (status == STATUS_NOT_FOUND) {
        status = parse__definition(reader, node, statement);
    }
    return status == STATUS_NOT_FOUND
               ? parse__unsupported(reader, unsupported_name(node->node_case), -1)
               : status;
}

enum status
parse__statement(struct reader *reader, const PgQuery__Node *node,
                 struct ast_statement *statement)
{
    struct diag diag;
    struct diag *outer = reader->diag;
    diag.status = STATUS_OK; /* cleared only when used: it is large */
    diag_clear(&diag);
    reader->diag = &diag;
    enum status status = read_supported(reader, node, statement);
    reader->diag = outer;
    if (status == STATUS_UNSUPPORTED) {
        struct diag *kept = arena_alloc(reader->arena, sizeof(*kept));
        *kept = diag;
        statement->kind = AST_UNSUPPORTED;
        statement->returns_rows = false;
        statement->unsupported = kept;
        return STATUS_OK;
    }
    if (status != STATUS_OK && outer != NULL) {
        *outer = diag;
    }
    return status;
}

/* ---- texts ---- */

struct grammar {
    struct arena scratch; /* of the unpacked tree */
    PgQuery__ParseResult *result;
};

static void *
scratch_alloc(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void
scratch_free(void *arena, void *pointer)
{
    UNUSED(arena);
    UNUSED(pointer);
}

/* The scanner's own errors come without a place, and name the rest of the text: its place is
 * where that begins. */
static int
error_position(struct reader *reader, const PgQueryError *error)
{
    static const char near[] = " at or near \"";
    const char *rest = strstr(error->message, near);
    if (error->cursorpos > 0 || rest == NULL) {
        return error->cursorpos; /* 1-based, in characters already */
    }
    rest += sizeof(near) - 1;
    size_t size = strlen(rest), text_size = strlen(reader->text);
    if (size == 0 || size - 1 > text_size ||
        memcmp(reader->text + text_size - (size - 1), rest, size - 1) != 0) {
        return 0;
    }
    return parse__position(reader, (int)(text_size - (size - 1)));
}

/* The library's errors come without PostgreSQL's hints; the grammar gives these two. */
static void
alias_hint(struct reader *reader, const char *message)
{
    if (strcmp(message, "subquery in FROM must have an alias") == 0) {
        diag_hint(reader->diag, "For example, FROM (SELECT ...) [AS] foo.");
    } else if (strcmp(message, "VALUES in FROM must have an alias") == 0) {
        diag_hint(reader->diag, "For example, FROM (VALUES ...) [AS] foo.");
    }
}

static enum status
syntax_error(struct reader *reader, const PgQueryError *error)
{
    /* PostgreSQL raises few others while it parses; their texts tell them apart. */
    const char *sqlstate = SQLSTATE_SYNTAX_ERROR;
    static const struct {
        const char *start, *sqlstate;
    } others[] = {
        {"memory exhausted", SQLSTATE_PROGRAM_LIMIT_EXCEEDED},
        {"out of memory", SQLSTATE_OUT_OF_MEMORY},
        {"invalid Unicode", SQLSTATE_SYNTAX_ERROR},
        {"unsafe use of", SQLSTATE_INVALID_PARAMETER_VALUE},
        {"invalid byte sequence", SQLSTATE_CHARACTER_NOT_IN_REPERTOIRE},
        {"interval precision specified twice", SQLSTATE_SYNTAX_ERROR},
    };
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        if (strncmp(error->message, others[i].start, strlen(others[i].start)) == 0) {
            sqlstate = others[i].sqlstate;
        }
    }
    size_t size = strlen(error->message);
    bool is_missing = size > 24 && strstr(error->message, "not implemented") != NULL;
    enum status status =
        diag_fail(reader->diag, STATUS_INVALID,
                  is_missing ? SQLSTATE_FEATURE_NOT_SUPPORTED : sqlstate, "%s", error->message);
    diag_position(reader->diag, error_position(reader, error));
    alias_hint(reader, error->message);
    return status;
}

static enum status
grammar_read(struct reader *reader, struct grammar *grammar)
{
    arena_init(&grammar->scratch);
    struct slice text = slice_from_text(reader->text);
    TRY(parse_limits_check(text, reader->diag));
    PgQueryProtobufParseResult parsed = pg_query_parse_protobuf(reader->text);
    enum status status = STATUS_OK;
    if (parsed.error != NULL) {
        status = syntax_error(reader, parsed.error);
    } else {
        ProtobufCAllocator allocator = {
            .alloc = scratch_alloc, .free = scratch_free, .allocator_data = &grammar->scratch};
        grammar->result = pg_query__parse_result__unpack(
            &allocator, parsed.parse_tree.len, (const uint8_t *)parsed.parse_tree.data);
        if (grammar->result == NULL) {
            status = diag_fail(reader->diag, STATUS_INVALID, SQLSTATE_INTERNAL_ERROR,
                               "the parser's tree could not be read");
        }
    }
    pg_query_free_protobuf_parse_result(parsed);
    return status;
}

static bool
text_is_ascii(const char *text)
{
    uint8_t all = 0;
    for (; *text != '\0'; text++) {
        all |= (uint8_t)*text;
    }
    return all < 0x80;
}

static struct reader
reader_of(const char *text, struct arena *arena, struct diag *diag)
{
    return (struct reader){
        .text = text, .is_ascii = text_is_ascii(text), .arena = arena, .diag = diag};
}

/* Where the statement's text lies, without white space before it. */
static void
place_statement(const char *text, const PgQuery__RawStmt *raw, struct ast_statement *statement)
{
    size_t offset = (size_t)MAX(raw->stmt_location, 0);
    size_t end = raw->stmt_len > 0 ? offset + (size_t)raw->stmt_len : strlen(text);
    while (offset < end && strchr(" \t\r\n\f\v", text[offset]) != NULL) {
        offset++;
    }
    statement->text_offset = (unsigned)offset;
    statement->text_size = (unsigned)(end - offset);
}

enum status
parse_script(const char *text, struct arena *arena, struct parsed_script *script_out,
             struct diag *diag)
{
    *script_out = (struct parsed_script){0};
    struct reader reader = reader_of(text, arena, diag);
    struct grammar grammar = {0};
    enum status status = grammar_read(&reader, &grammar);
    if (status != STATUS_OK) {
        goto done;
    }
    const PgQuery__ParseResult *result = grammar.result;
    script_out->count = (unsigned)result->n_stmts;
    script_out->statements = arena_array(arena, struct ast_statement *, result->n_stmts);
    for (size_t i = 0; i < result->n_stmts && status == STATUS_OK; i++) {
        struct ast_statement *statement = arena_new(arena, struct ast_statement);
        script_out->statements[i] = statement;
        place_statement(text, result->stmts[i], statement);
        status = parse__statement(&reader, result->stmts[i]->stmt, statement);
    }
done:
    arena_deinit(&grammar.scratch);
    return status;
}

enum status
parse_expression(const char *text, struct arena *arena, struct ast_expr **expr_out,
                 struct diag *diag)
{
    *expr_out = NULL;
    struct parsed_script script;
    const char *statement = arena_printf(arena, "SELECT %s", text);
    TRY(parse_script(statement, arena, &script, diag));
    const struct ast_select *select = script.count == 1 ? &script.statements[0]->select : NULL;
    if (script.count == 1 && script.statements[0]->kind == AST_UNSUPPORTED) {
        if (diag != NULL) {
            *diag = *script.statements[0]->unsupported;
        }
        return STATUS_UNSUPPORTED;
    }
    if (select == NULL || script.statements[0]->kind != AST_SELECT ||
        select->targets.count != 1 || select->from.count > 0 || select->where != NULL ||
        select->order_by.count > 0 || select->limit != NULL) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                         "not a single expression: %s", text);
    }
    *expr_out = select->targets.items[0].expr;
    return STATUS_OK;
}
