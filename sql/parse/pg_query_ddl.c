/* pg_query_ddl.c: CREATE, ALTER, DROP, TRUNCATE. SPDX-License-Identifier: Apache-2.0 */
#include "sql/parse/pg_query_adapter.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- options ---- */

static enum status
option_text(struct reader *reader, const PgQuery__Node *node, const char **text_out)
{
    *text_out = NULL;
    if (node == NULL) {
        return STATUS_OK;
    }
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_STRING:
        *text_out = arena_strdup(reader->arena, node->string->sval);
        return STATUS_OK;
    case PG_QUERY__NODE__NODE_INTEGER:
        *text_out = arena_printf(reader->arena, "%d", node->integer->ival);
        return STATUS_OK;
    case PG_QUERY__NODE__NODE_FLOAT:
        *text_out = arena_strdup(reader->arena, node->float_->fval);
        return STATUS_OK;
    case PG_QUERY__NODE__NODE_BOOLEAN:
        *text_out = node->boolean->boolval ? "true" : "false";
        return STATUS_OK;
    case PG_QUERY__NODE__NODE_A_STAR:
        *text_out = "*";
        return STATUS_OK;
    case PG_QUERY__NODE__NODE_TYPE_NAME: { /* a bare word that is also a type's name */
        const PgQuery__TypeName *type = node->type_name;
        *text_out = parse__string(reader, type->names[type->n_names - 1]);
        return STATUS_OK;
    }
    case PG_QUERY__NODE__NODE_LIST: {
        const PgQuery__List *list = node->list;
        const char *text = "";
        for (size_t i = 0; i < list->n_items; i++) {
            const char *item = NULL;
            TRY(option_text(reader, list->items[i], &item));
            text = arena_printf(reader->arena, "%s%s%s", text, i == 0 ? "" : ",",
                                item == NULL ? "" : item);
        }
        *text_out = text;
        return STATUS_OK;
    }
    default:
        return parse__unsupported(reader, "this option value", -1);
    }
}

enum status
parse__options(struct reader *reader, size_t count, PgQuery__Node **nodes,
               struct ast_option_list *list_out)
{
    list_out->count = (unsigned)count;
    list_out->items = arena_array(reader->arena, struct ast_option, count);
    for (size_t i = 0; i < count; i++) {
        const PgQuery__DefElem *node = nodes[i]->def_elem;
        struct ast_option *option = &list_out->items[i];
        const char *space = parse__text(reader, node->defnamespace);
        option->name = space == NULL
                           ? parse__text(reader, node->defname)
                           : arena_printf(reader->arena, "%s.%s", space, node->defname);
        option->position = parse__position(reader, node->location);
        TRY(option_text(reader, node->arg, &option->value));
    }
    return STATUS_OK;
}

enum status
parse__relations(struct reader *reader, size_t count, PgQuery__Node **nodes,
                 struct ast_relation_list *list_out)
{
    list_out->count = (unsigned)count;
    list_out->items = arena_array(reader->arena, struct ast_relation, count);
    for (size_t i = 0; i < count; i++) {
        TRY(parse__relation(reader, nodes[i]->range_var, &list_out->items[i]));
    }
    return STATUS_OK;
}

/* ---- CREATE TABLE ---- */

/* Text of an expression, by libpg_query's own writer: the source gives no end of it. */
static enum status
write_expression(struct reader *reader, PgQuery__Node *node, const char **sql_out)
{
    PgQuery__ResTarget target = PG_QUERY__RES_TARGET__INIT;
    PgQuery__Node target_node = PG_QUERY__NODE__INIT;
    PgQuery__Node *targets[1] = {&target_node};
    PgQuery__SelectStmt select = PG_QUERY__SELECT_STMT__INIT;
    PgQuery__Node select_node = PG_QUERY__NODE__INIT;
    PgQuery__RawStmt raw = PG_QUERY__RAW_STMT__INIT;
    PgQuery__RawStmt *raws[1] = {&raw};
    PgQuery__ParseResult result = PG_QUERY__PARSE_RESULT__INIT;
    target.val = node;
    target_node.node_case = PG_QUERY__NODE__NODE_RES_TARGET;
    target_node.res_target = &target;
    select.n_target_list = 1;
    select.target_list = targets;
    select.limit_option = PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_DEFAULT;
    select.op = PG_QUERY__SET_OPERATION__SETOP_NONE;
    select_node.node_case = PG_QUERY__NODE__NODE_SELECT_STMT;
    select_node.select_stmt = &select;
    raw.stmt = &select_node;
    result.version = PG_VERSION_NUM;
    result.n_stmts = 1;
    result.stmts = raws;

    size_t size = pg_query__parse_result__get_packed_size(&result);
    uint8_t *bytes = arena_alloc(reader->arena, size);
    (void)pg_query__parse_result__pack(&result, bytes);
    PgQueryDeparseResult text =
        pg_query_deparse_protobuf((PgQueryProtobuf){.len = size, .data = (char *)bytes});
    enum status status = STATUS_OK;
    static const char prefix[] = "SELECT ";
    if (text.error != NULL || strncmp(text.query, prefix, sizeof(prefix) - 1) != 0) {
        status = diag_fail(reader->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                           "this DEFAULT expression cannot be written back as text: %s",
                           text.error != NULL ? text.error->message : text.query);
    } else {
        *sql_out = arena_strdup(reader->arena, text.query + sizeof(prefix) - 1);
    }
    pg_query_free_deparse_result(text);
    return status;
}

static const struct serial_name {
    const char *name, *type;
    unsigned bytes;
} serial_names[] = {
    {"smallserial", "int2", 2}, {"serial2", "int2", 2},   {"serial", "int4", 4},
    {"serial4", "int4", 4},     {"bigserial", "int8", 8}, {"serial8", "int8", 8},
};

static void
find_serial(struct ast_column_def *column)
{
    if (column->type.schema != NULL || column->type.is_array) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(serial_names); i++) {
        if (strcmp(column->type.name, serial_names[i].name) == 0) {
            column->serial_bytes = serial_names[i].bytes;
            column->type.schema = "pg_catalog";
            column->type.name = serial_names[i].type;
            column->not_null = true;
        }
    }
}

static enum status
refuse_constraint(struct reader *reader, const PgQuery__Constraint *node)
{
    switch (node->contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
        return parse__unsupported(reader, "a CHECK constraint", node->location);
    case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN:
        return parse__unsupported(reader, "a FOREIGN KEY constraint", node->location);
    case PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION:
        return parse__unsupported(reader, "an EXCLUDE constraint", node->location);
    case PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY:
        return parse__unsupported(reader, "an identity column", node->location);
    case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED:
        return parse__unsupported(reader, "a generated column", node->location);
    default:
        return parse__unsupported(reader, "a DEFERRABLE constraint", node->location);
    }
}

static enum status
read_constraint(struct reader *reader, const PgQuery__Constraint *node,
                struct ast_constraint *constraint_out)
{
    bool is_primary = node->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY;
    if (!is_primary && node->contype != PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE) {
        return refuse_constraint(reader, node);
    }
    if (node->deferrable || node->initdeferred) {
        return parse__unsupported(reader, "a DEFERRABLE constraint", node->location);
    }
    if (node->n_including > 0) {
        return parse__unsupported(reader, "INCLUDE in a constraint", node->location);
    }
    if (node->nulls_not_distinct) {
        return parse__unsupported(reader, "NULLS NOT DISTINCT", node->location);
    }
    *constraint_out = (struct ast_constraint){
        .kind = is_primary ? AST_CONSTRAINT_PRIMARY : AST_CONSTRAINT_UNIQUE,
        .name = parse__text(reader, node->conname),
        .columns = parse__names(reader, node->n_keys, node->keys),
        .using_index = parse__text(reader, node->indexname),
        .tablespace = parse__text(reader, node->indexspace),
        .position = parse__position(reader, node->location),
    };
    return parse__options(reader, node->n_options, node->options, &constraint_out->options);
}

struct column_reader {
    struct reader *reader;
    const char *table_name;
    struct ast_column_def *column;
    struct ast_constraint *constraints; /* room for the column's at the end */
    unsigned *constraint_count;
};

static enum status
conflicting_null(struct column_reader *cr, int location)
{
    enum status status =
        diag_fail(cr->reader->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                  "conflicting NULL/NOT NULL declarations for column \"%s\" of table \"%s\"",
                  cr->column->name, cr->table_name);
    diag_position(cr->reader->diag, parse__position(cr->reader, location));
    return status;
}

static enum status
read_column_default(struct column_reader *cr, const PgQuery__Constraint *node)
{
    if (cr->column->default_expr != NULL) {
        enum status status =
            diag_fail(cr->reader->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                      "multiple default values specified for column \"%s\" of table \"%s\"",
                      cr->column->name, cr->table_name);
        diag_position(cr->reader->diag, parse__position(cr->reader, node->location));
        return status;
    }
    TRY(parse__expr(cr->reader, node->raw_expr, &cr->column->default_expr));
    return write_expression(cr->reader, node->raw_expr, &cr->column->default_sql);
}

static enum status
read_column_constraint(struct column_reader *cr, const PgQuery__Constraint *node)
{
    struct ast_column_def *column = cr->column;
    switch (node->contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_NULL:
        column->null_given = true;
        return column->not_null ? conflicting_null(cr, node->location) : STATUS_OK;
    case PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL:
        column->not_null = true;
        return column->null_given ? conflicting_null(cr, node->location) : STATUS_OK;
    case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT:
        return read_column_default(cr, node);
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_NOT_DEFERRABLE:
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_IMMEDIATE:
        return STATUS_OK; /* what all constraints are */
    default:
        break;
    }
    struct ast_constraint *constraint = &cr->constraints[*cr->constraint_count];
    TRY(read_constraint(cr->reader, node, constraint));
    constraint->columns.count = 1;
    constraint->columns.items = arena_new(cr->reader->arena, struct ast_name);
    constraint->columns.items[0] =
        (struct ast_name){.name = column->name, .position = column->position};
    (*cr->constraint_count)++;
    return STATUS_OK;
}

static enum status
read_column_def(struct column_reader *cr, const PgQuery__ColumnDef *node)
{
    struct ast_column_def *column = cr->column;
    struct reader *reader = cr->reader;
    column->name = parse__text(reader, node->colname);
    column->position = parse__position(reader, node->location);
    if (node->type_name == NULL) {
        return parse__unsupported(reader, "a column without a type", node->location);
    }
    TRY(parse__type(reader, node->type_name, &column->type));
    find_serial(column);
    if (node->coll_clause != NULL) {
        size_t count = node->coll_clause->n_collname;
        column->collation = parse__string(reader, node->coll_clause->collname[count - 1]);
    }
    for (size_t i = 0; i < node->n_constraints; i++) {
        TRY(read_column_constraint(cr, node->constraints[i]->constraint));
    }
    if (column->serial_bytes != 0 && column->default_expr != NULL) {
        return diag_fail(reader->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                         "multiple default values specified for column \"%s\" of table \"%s\"",
                         column->name, cr->table_name);
    }
    return STATUS_OK;
}

static enum status
refuse_table_features(struct reader *reader, const PgQuery__CreateStmt *node)
{
    if (node->partspec != NULL) {
        return parse__unsupported(reader, "PARTITION BY", node->partspec->location);
    }
    if (node->partbound != NULL) {
        return parse__unsupported(reader, "PARTITION OF", node->relation->location);
    }
    if (node->n_inh_relations > 0) {
        return parse__unsupported(reader, "INHERITS", node->relation->location);
    }
    if (node->of_typename != NULL) {
        return parse__unsupported(reader, "CREATE TABLE OF a type", node->relation->location);
    }
    if (node->access_method[0] != '\0' && strcmp(node->access_method, "heap") != 0) {
        enum status status =
            diag_fail(reader->diag, STATUS_INVALID, SQLSTATE_UNDEFINED_OBJECT,
                      "access method \"%s\" does not exist", node->access_method);
        return status;
    }
    return STATUS_OK;
}

/* Room for all constraints: those of the table and of its columns. */
static size_t
constraint_room(const PgQuery__CreateStmt *node)
{
    size_t room = node->n_table_elts;
    for (size_t i = 0; i < node->n_table_elts; i++) {
        if (node->table_elts[i]->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF) {
            room += node->table_elts[i]->column_def->n_constraints;
        }
    }
    return room;
}

static enum status
read_table_elements(struct reader *reader, const PgQuery__CreateStmt *node,
                    struct ast_create_table *create)
{
    create->columns = arena_array(reader->arena, struct ast_column_def, node->n_table_elts);
    create->constraints =
        arena_array(reader->arena, struct ast_constraint, constraint_room(node));
    for (size_t i = 0; i < node->n_table_elts; i++) {
        const PgQuery__Node *element = node->table_elts[i];
        switch (element->node_case) {
        case PG_QUERY__NODE__NODE_COLUMN_DEF: {
            struct column_reader cr = {
                .reader = reader,
                .table_name = create->table.name,
                .column = &create->columns[create->column_count],
                .constraints = create->constraints,
                .constraint_count = &create->constraint_count,
            };
            TRY(read_column_def(&cr, element->column_def));
            create->column_count++;
            break;
        }
        case PG_QUERY__NODE__NODE_CONSTRAINT:
            TRY(read_constraint(reader, element->constraint,
                                &create->constraints[create->constraint_count]));
            create->constraint_count++;
            break;
        default:
            return parse__unsupported(reader, "LIKE in CREATE TABLE", node->relation->location);
        }
    }
    return STATUS_OK;
}

static char
persistence_of(const PgQuery__RangeVar *relation)
{
    return relation->relpersistence[0] == '\0' ? 'p' : relation->relpersistence[0];
}

static enum status
read_create_table(struct reader *reader, const PgQuery__CreateStmt *node,
                  struct ast_create_table *create)
{
    TRY(refuse_table_features(reader, node));
    TRY(parse__relation(reader, node->relation, &create->table));
    create->persistence = persistence_of(node->relation);
    create->if_not_exists = node->if_not_exists;
    create->tablespace = parse__text(reader, node->tablespacename);
    create->on_commit = node->oncommit == PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_PRESERVE_ROWS
                            ? AST_ON_COMMIT_PRESERVE_ROWS
                        : node->oncommit == PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_DELETE_ROWS
                            ? AST_ON_COMMIT_DELETE_ROWS
                        : node->oncommit == PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_DROP
                            ? AST_ON_COMMIT_DROP
                            : AST_ON_COMMIT_NONE;
    TRY(read_table_elements(reader, node, create));
    return parse__options(reader, node->n_options, node->options, &create->options);
}

/* ---- CREATE INDEX ---- */

static enum status
read_index_column(struct reader *reader, const PgQuery__IndexElem *node,
                  struct ast_index_column *column)
{
    column->name = parse__text(reader, node->name);
    TRY(parse__expr(reader, node->expr, &column->expr));
    if (node->n_collation > 0) {
        column->collation = parse__string(reader, node->collation[node->n_collation - 1]);
    }
    if (node->n_opclass > 0) {
        column->operator_class = parse__string(reader, node->opclass[node->n_opclass - 1]);
    }
    column->descending = node->ordering == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
    column->nulls_given = node->nulls_ordering > PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT;
    column->nulls_first = column->nulls_given ? node->nulls_ordering ==
                                                    PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST
                                              : column->descending;
    return STATUS_OK;
}

static enum status
read_create_index(struct reader *reader, const PgQuery__IndexStmt *node,
                  struct ast_create_index *create)
{
    TRY(parse__relation(reader, node->relation, &create->table));
    create->name = parse__text(reader, node->idxname);
    create->unique = node->unique;
    create->if_not_exists = node->if_not_exists;
    create->concurrently = node->concurrent;
    create->nulls_not_distinct = node->nulls_not_distinct;
    create->method = parse__text(reader, node->access_method);
    create->tablespace = parse__text(reader, node->table_space);
    create->column_count = (unsigned)node->n_index_params;
    create->columns = arena_array(reader->arena, struct ast_index_column, node->n_index_params);
    for (size_t i = 0; i < node->n_index_params; i++) {
        TRY(read_index_column(reader, node->index_params[i]->index_elem, &create->columns[i]));
    }
    create->include.count = (unsigned)node->n_index_including_params;
    create->include.items = arena_array(reader->arena, struct ast_name, create->include.count);
    for (size_t i = 0; i < node->n_index_including_params; i++) {
        create->include.items[i].name =
            parse__text(reader, node->index_including_params[i]->index_elem->name);
    }
    TRY(parse__expr(reader, node->where_clause, &create->where));
    return parse__options(reader, node->n_options, node->options, &create->options);
}

/* ---- DROP, TRUNCATE ---- */

static enum status
read_dropped_name(struct reader *reader, const PgQuery__Node *node,
                  struct ast_relation *relation)
{
    const PgQuery__List *names = node->list;
    if (names->n_items > 3) {
        return diag_fail(reader->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                         "improper relation name (too many dotted names)");
    }
    relation->name = parse__string(reader, names->items[names->n_items - 1]);
    if (names->n_items >= 2) {
        relation->schema = parse__string(reader, names->items[names->n_items - 2]);
    }
    if (names->n_items == 3) {
        relation->database = parse__string(reader, names->items[0]);
    }
    return STATUS_OK;
}

static enum status
read_drop(struct reader *reader, const PgQuery__DropStmt *node, struct ast_drop *drop)
{
    switch (node->remove_type) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE:
        drop->object = AST_OBJECT_TABLE;
        break;
    case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX:
        drop->object = AST_OBJECT_INDEX;
        break;
    case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE:
        drop->object = AST_OBJECT_SEQUENCE;
        break;
    case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW:
        drop->object = AST_OBJECT_VIEW;
        break;
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA:
        return parse__unsupported(reader, "DROP SCHEMA", -1);
    case PG_QUERY__OBJECT_TYPE__OBJECT_FUNCTION:
        return parse__unsupported(reader, "DROP FUNCTION", -1);
    case PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW:
        return parse__unsupported(reader, "DROP MATERIALIZED VIEW", -1);
    default:
        return parse__unsupported(reader, "DROP of this kind of object", -1);
    }
    drop->if_exists = node->missing_ok;
    drop->concurrently = node->concurrent;
    drop->cascade = node->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
    drop->names.count = (unsigned)node->n_objects;
    drop->names.items = arena_array(reader->arena, struct ast_relation, node->n_objects);
    for (size_t i = 0; i < node->n_objects; i++) {
        TRY(read_dropped_name(reader, node->objects[i], &drop->names.items[i]));
    }
    return STATUS_OK;
}

/* ---- ALTER TABLE ---- */

static const char *
alter_name(PgQuery__AlterTableType type)
{
    switch (type) {
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault:
        return "ALTER TABLE .. ALTER COLUMN .. DEFAULT";
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull:
        return "ALTER TABLE .. DROP NOT NULL";
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull:
        return "ALTER TABLE .. SET NOT NULL";
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn:
        return "ALTER TABLE .. DROP COLUMN";
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropConstraint:
        return "ALTER TABLE .. DROP CONSTRAINT";
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType:
        return "ALTER TABLE .. ALTER COLUMN .. TYPE";
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ChangeOwner:
        return "ALTER TABLE .. OWNER TO";
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetTableSpace:
        return "ALTER TABLE .. SET TABLESPACE";
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions:
        return "ALTER TABLE .. SET (options)";
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AttachPartition:
        return "ALTER TABLE .. ATTACH PARTITION";
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DetachPartition:
        return "ALTER TABLE .. DETACH PARTITION";
    default:
        return "this form of ALTER TABLE";
    }
}

static enum status
read_add_column(struct reader *reader, const PgQuery__ColumnDef *node, const char *table_name,
                struct ast_alter_command *command)
{
    command->kind = AST_ALTER_ADD_COLUMN;
    command->constraints =
        arena_array(reader->arena, struct ast_constraint, node->n_constraints + 1);
    struct column_reader cr = {
        .reader = reader,
        .table_name = table_name,
        .column = &command->column,
        .constraints = command->constraints,
        .constraint_count = &command->constraint_count,
    };
    return read_column_def(&cr, node);
}

static enum status
read_alter_table(struct reader *reader, const PgQuery__AlterTableStmt *node,
                 struct ast_alter_table *alter)
{
    if (node->objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE) {
        return parse__unsupported(reader, "ALTER of this kind of object",
                                  node->relation->location);
    }
    TRY(parse__relation(reader, node->relation, &alter->table));
    alter->if_exists = node->missing_ok;
    alter->command_count = (unsigned)node->n_cmds;
    alter->commands = arena_array(reader->arena, struct ast_alter_command, node->n_cmds);
    for (size_t i = 0; i < node->n_cmds; i++) {
        const PgQuery__AlterTableCmd *cmd = node->cmds[i]->alter_table_cmd;
        struct ast_alter_command *command = &alter->commands[i];
        command->if_not_exists = cmd->missing_ok;
        switch (cmd->subtype) {
        case PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint:
            command->kind = AST_ALTER_ADD_CONSTRAINT;
            TRY(read_constraint(reader, cmd->def->constraint, &command->constraint));
            break;
        case PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn:
            TRY(read_add_column(reader, cmd->def->column_def, alter->table.name, command));
            break;
        default:
            return parse__unsupported(reader, alter_name(cmd->subtype), -1);
        }
    }
    return STATUS_OK;
}

/* ---- CREATE SEQUENCE ---- */

static enum status
read_int64(struct reader *reader, const PgQuery__DefElem *element, int64_t *value_out)
{
    if (element->arg->node_case == PG_QUERY__NODE__NODE_INTEGER) {
        *value_out = element->arg->integer->ival;
        return STATUS_OK;
    }
    const char *text = NULL;
    TRY(option_text(reader, element->arg, &text));
    char *end = NULL;
    *value_out = strtoll(text, &end, 10);
    char again[32];
    (void)snprintf(again, sizeof(again), "%lld", (long long)*value_out);
    if (end == text || *end != '\0' || strcmp(again, text) != 0) {
        return diag_fail(reader->diag, STATUS_INVALID, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                         "value \"%s\" is out of range for type bigint", text);
    }
    return STATUS_OK;
}

static enum status
read_owned_by(struct reader *reader, const PgQuery__DefElem *element,
              struct ast_create_sequence *create)
{
    const PgQuery__List *names = element->arg->list;
    if (names->n_items >= 2) {
        create->owned_by_table = parse__string(reader, names->items[names->n_items - 2]);
        create->owned_by_column = parse__string(reader, names->items[names->n_items - 1]);
        return STATUS_OK;
    }
    if (strcmp(parse__string(reader, names->items[0]), "none") == 0) {
        return STATUS_OK;
    }
    diag_fail(reader->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR, "invalid OWNED BY option");
    diag_hint(reader->diag, "Specify OWNED BY table.column or OWNED BY NONE.");
    return STATUS_INVALID;
}

static enum status
read_sequence_option(struct reader *reader, const PgQuery__DefElem *element,
                     struct ast_create_sequence *create)
{
    const char *name = element->defname;
    if (strcmp(name, "as") == 0) {
        create->has_type = true;
        return parse__type(reader, element->arg->type_name, &create->type);
    }
    if (strcmp(name, "owned_by") == 0) {
        return read_owned_by(reader, element, create);
    }
    if (strcmp(name, "cycle") == 0) {
        create->cycle = element->arg != NULL && element->arg->boolean->boolval;
        return STATUS_OK;
    }
    struct sequence_number {
        const char *name;
        bool *has, *has_not;
        int64_t *value;
    } numbers[] = {
        {"start", &create->has_start, NULL, &create->start},
        {"increment", &create->has_increment, NULL, &create->increment},
        {"minvalue", &create->has_min, &create->no_min, &create->min},
        {"maxvalue", &create->has_max, &create->no_max, &create->max},
        {"cache", &create->has_cache, NULL, &create->cache},
    };
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        if (strcmp(name, numbers[i].name) != 0) {
            continue;
        }
        if (element->arg == NULL && numbers[i].has_not != NULL) {
            *numbers[i].has_not = true;
            return STATUS_OK;
        }
        *numbers[i].has = true;
        return read_int64(reader, element, numbers[i].value);
    }
    return parse__unsupported(reader, "this option of CREATE SEQUENCE", element->location);
}

static enum status
read_create_sequence(struct reader *reader, const PgQuery__CreateSeqStmt *node,
                     struct ast_create_sequence *create)
{
    TRY(parse__relation(reader, node->sequence, &create->sequence));
    create->if_not_exists = node->if_not_exists;
    create->persistence = persistence_of(node->sequence);
    for (size_t i = 0; i < node->n_options; i++) {
        TRY(read_sequence_option(reader, node->options[i]->def_elem, create));
    }
    return STATUS_OK;
}

static enum status
read_truncate(struct reader *reader, const PgQuery__TruncateStmt *node,
              struct ast_truncate *truncate_out)
{
    truncate_out->restart_identity = node->restart_seqs;
    truncate_out->cascade = node->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
    return parse__relations(reader, node->n_relations, node->relations, &truncate_out->tables);
}

enum status
parse__definition(struct reader *reader, const PgQuery__Node *node,
                  struct ast_statement *statement)
{
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_CREATE_STMT:
        statement->kind = AST_CREATE_TABLE;
        return read_create_table(reader, node->create_stmt, &statement->create_table);
    case PG_QUERY__NODE__NODE_INDEX_STMT:
        statement->kind = AST_CREATE_INDEX;
        return read_create_index(reader, node->index_stmt, &statement->create_index);
    case PG_QUERY__NODE__NODE_DROP_STMT:
        statement->kind = AST_DROP;
        return read_drop(reader, node->drop_stmt, &statement->drop);
    case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT:
        statement->kind = AST_ALTER_TABLE;
        return read_alter_table(reader, node->alter_table_stmt, &statement->alter_table);
    case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT:
        statement->kind = AST_CREATE_SEQUENCE;
        return read_create_sequence(reader, node->create_seq_stmt, &statement->create_sequence);
    case PG_QUERY__NODE__NODE_TRUNCATE_STMT:
        statement->kind = AST_TRUNCATE;
        return read_truncate(reader, node->truncate_stmt, &statement->truncate);
    default:
        return STATUS_NOT_FOUND;
    }
}
