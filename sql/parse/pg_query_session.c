/* pg_query_session.c: transactions, settings, COPY, upkeep, prepared statements.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/parse/pg_query_adapter.h"

/* ---- transactions ---- */

static enum status
read_isolation(struct reader *reader, const char *text, enum ast_isolation *isolation_out)
{
    static const struct {
        const char *name;
        enum ast_isolation isolation;
    } names[] = {
        {"read uncommitted", AST_ISOLATION_READ_UNCOMMITTED},
        {"read committed", AST_ISOLATION_READ_COMMITTED},
        {"repeatable read", AST_ISOLATION_REPEATABLE_READ},
        {"serializable", AST_ISOLATION_SERIALIZABLE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(text, names[i].name) == 0) {
            *isolation_out = names[i].isolation;
            return STATUS_OK;
        }
    }
    return diag_fail(reader->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                     "invalid value for parameter \"transaction_isolation\": \"%s\"", text);
}

static bool
constant_is_true(const PgQuery__Node *node)
{
    if (node == NULL || node->node_case != PG_QUERY__NODE__NODE_A_CONST) {
        return false;
    }
    const PgQuery__AConst *constant = node->a_const;
    return (constant->val_case == PG_QUERY__A__CONST__VAL_IVAL && constant->ival->ival != 0) ||
           (constant->val_case == PG_QUERY__A__CONST__VAL_BOOLVAL &&
            constant->boolval->boolval);
}

static enum status
read_modes(struct reader *reader, size_t count, PgQuery__Node **nodes,
           struct ast_transaction_modes *modes_out)
{
    for (size_t i = 0; i < count; i++) {
        const PgQuery__DefElem *element = nodes[i]->def_elem;
        enum ast_choice choice =
            constant_is_true(element->arg) ? AST_CHOICE_YES : AST_CHOICE_NO;
        if (strcmp(element->defname, "transaction_isolation") == 0) {
            TRY(read_isolation(reader, element->arg->a_const->sval->sval,
                               &modes_out->isolation));
        } else if (strcmp(element->defname, "transaction_read_only") == 0) {
            modes_out->read_only = choice;
        } else {
            modes_out->deferrable = choice;
        }
    }
    return STATUS_OK;
}

static enum status
read_transaction(struct reader *reader, const PgQuery__TransactionStmt *node,
                 struct ast_transaction *transaction)
{
    switch (node->kind) {
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_BEGIN:
        transaction->kind = AST_TXN_BEGIN;
        break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_START:
        transaction->kind = AST_TXN_START;
        break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT:
        transaction->kind = AST_TXN_COMMIT;
        break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK:
        transaction->kind = AST_TXN_ROLLBACK;
        break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_SAVEPOINT:
        transaction->kind = AST_TXN_SAVEPOINT;
        break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_RELEASE:
        transaction->kind = AST_TXN_RELEASE;
        break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO:
        transaction->kind = AST_TXN_ROLLBACK_TO;
        break;
    default:
        return parse__unsupported(reader, "two-phase commit (PREPARE TRANSACTION)", -1);
    }
    transaction->savepoint = parse__text(reader, node->savepoint_name);
    transaction->chain = node->chain;
    return read_modes(reader, node->n_options, node->options, &transaction->modes);
}

/* ---- settings ---- */

static enum status
read_set_values(struct reader *reader, const PgQuery__VariableSetStmt *node,
                struct ast_set *set)
{
    set->values = arena_array(reader->arena, struct ast_set_value, node->n_args);
    for (size_t i = 0; i < node->n_args; i++) {
        if (node->args[i]->node_case != PG_QUERY__NODE__NODE_A_CONST) {
            return parse__unsupported(reader, "SET TIME ZONE INTERVAL", -1);
        }
        const PgQuery__AConst *constant = node->args[i]->a_const;
        struct ast_set_value *value = &set->values[set->value_count++];
        switch (constant->val_case) {
        case PG_QUERY__A__CONST__VAL_IVAL:
            value->text = arena_printf(reader->arena, "%d", constant->ival->ival);
            value->is_number = true;
            break;
        case PG_QUERY__A__CONST__VAL_FVAL:
            value->text = arena_strdup(reader->arena, constant->fval->fval);
            value->is_number = true;
            break;
        case PG_QUERY__A__CONST__VAL_BOOLVAL:
            value->text = constant->boolval->boolval ? "true" : "false";
            break;
        case PG_QUERY__A__CONST__VAL_SVAL:
            value->text = arena_strdup(reader->arena, constant->sval->sval);
            break;
        default:
            return parse__unsupported(reader, "a bit string constant", constant->location);
        }
    }
    return STATUS_OK;
}

static enum status
read_set_multi(struct reader *reader, const PgQuery__VariableSetStmt *node, struct ast_set *set)
{
    if (strcmp(node->name, "TRANSACTION") == 0) {
        set->kind = AST_SET_TRANSACTION;
    } else if (strcmp(node->name, "SESSION CHARACTERISTICS") == 0) {
        set->kind = AST_SET_SESSION_CHARACTERISTICS;
    } else {
        return parse__unsupported(reader, "SET TRANSACTION SNAPSHOT", -1);
    }
    return read_modes(reader, node->n_args, node->args, &set->modes);
}

/* Settings' names know no case, quoted or not. */
static const char *
setting_name(struct reader *reader, const char *name)
{
    char *copy = arena_strdup(reader->arena, name);
    for (char *at = copy; *at != '\0'; at++) {
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at + ('a' - 'A')) : *at;
    }
    return copy;
}

static enum status
read_set(struct reader *reader, const PgQuery__VariableSetStmt *node, struct ast_set *set)
{
    set->name = setting_name(reader, node->name);
    set->local = node->is_local;
    switch (node->kind) {
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_VALUE:
        set->kind = AST_SET_VALUE;
        return read_set_values(reader, node, set);
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_DEFAULT:
        set->kind = AST_SET_DEFAULT;
        return STATUS_OK;
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_CURRENT:
        set->kind = AST_SET_CURRENT;
        return STATUS_OK;
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI:
        return read_set_multi(reader, node, set);
    case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET:
        set->kind = AST_SET_RESET;
        return STATUS_OK;
    default:
        set->kind = AST_SET_RESET_ALL;
        return STATUS_OK;
    }
}

/* ---- COPY, VACUUM, EXPLAIN ---- */

static enum status
read_copy(struct reader *reader, const PgQuery__CopyStmt *node, struct ast_copy *copy)
{
    if (node->relation != NULL) {
        TRY(parse__relation(reader, node->relation, &copy->table));
    } else {
        copy->query = arena_new(reader->arena, struct ast_statement);
        TRY(parse__statement(reader, node->query, copy->query));
    }
    copy->columns = parse__names(reader, node->n_attlist, node->attlist);
    copy->from = node->is_from;
    copy->program = node->is_program;
    copy->file = parse__text(reader, node->filename);
    TRY(parse__options(reader, node->n_options, node->options, &copy->options));
    return parse__expr(reader, node->where_clause, &copy->where);
}

static enum status
read_vacuum(struct reader *reader, const PgQuery__VacuumStmt *node, struct ast_vacuum *vacuum)
{
    TRY(parse__options(reader, node->n_options, node->options, &vacuum->options));
    vacuum->table_count = (unsigned)node->n_rels;
    vacuum->tables = arena_array(reader->arena, struct ast_vacuum_table, node->n_rels);
    for (size_t i = 0; i < node->n_rels; i++) {
        const PgQuery__VacuumRelation *relation = node->rels[i]->vacuum_relation;
        TRY(parse__relation(reader, relation->relation, &vacuum->tables[i].table));
        vacuum->tables[i].columns =
            parse__names(reader, relation->n_va_cols, relation->va_cols);
    }
    return STATUS_OK;
}

static enum status
read_explain(struct reader *reader, const PgQuery__ExplainStmt *node,
             struct ast_explain *explain)
{
    TRY(parse__options(reader, node->n_options, node->options, &explain->options));
    explain->statement = arena_new(reader->arena, struct ast_statement);
    return parse__statement(reader, node->query, explain->statement);
}

/* ---- prepared statements ---- */

static enum status
read_prepare(struct reader *reader, const PgQuery__PrepareStmt *node,
             struct ast_prepare *prepare)
{
    prepare->name = parse__text(reader, node->name);
    prepare->type_count = (unsigned)node->n_argtypes;
    prepare->types = arena_array(reader->arena, struct ast_type_name, node->n_argtypes);
    for (size_t i = 0; i < node->n_argtypes; i++) {
        TRY(parse__type(reader, node->argtypes[i]->type_name, &prepare->types[i]));
    }
    prepare->statement = arena_new(reader->arena, struct ast_statement);
    return parse__statement(reader, node->query, prepare->statement);
}

static enum status
read_execute(struct reader *reader, const PgQuery__ExecuteStmt *node,
             struct ast_execute *execute)
{
    execute->name = parse__text(reader, node->name);
    return parse__exprs(reader, node->n_params, node->params, &execute->args);
}

static enum ast_discard_target
discard_target(PgQuery__DiscardMode mode)
{
    switch (mode) {
    case PG_QUERY__DISCARD_MODE__DISCARD_PLANS:
        return AST_DISCARD_PLANS;
    case PG_QUERY__DISCARD_MODE__DISCARD_SEQUENCES:
        return AST_DISCARD_SEQUENCES;
    case PG_QUERY__DISCARD_MODE__DISCARD_TEMP:
        return AST_DISCARD_TEMP;
    default:
        return AST_DISCARD_ALL;
    }
}

static enum status
read_prepared_statement(struct reader *reader, const PgQuery__Node *node,
                        struct ast_statement *statement)
{
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_PREPARE_STMT:
        statement->kind = AST_PREPARE;
        return read_prepare(reader, node->prepare_stmt, &statement->prepare);
    case PG_QUERY__NODE__NODE_EXECUTE_STMT:
        statement->kind = AST_EXECUTE;
        return read_execute(reader, node->execute_stmt, &statement->execute);
    case PG_QUERY__NODE__NODE_DEALLOCATE_STMT:
        statement->kind = AST_DEALLOCATE;
        statement->deallocate.name = parse__text(reader, node->deallocate_stmt->name);
        return STATUS_OK;
    default:
        return STATUS_NOT_FOUND;
    }
}

enum status
parse__session(struct reader *reader, const PgQuery__Node *node,
               struct ast_statement *statement)
{
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_TRANSACTION_STMT:
        statement->kind = AST_TRANSACTION;
        return read_transaction(reader, node->transaction_stmt, &statement->transaction);
    case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT:
        statement->kind = AST_SET;
        return read_set(reader, node->variable_set_stmt, &statement->set);
    case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT:
        statement->kind = AST_SHOW;
        statement->returns_rows = true;
        statement->show.name = setting_name(reader, node->variable_show_stmt->name);
        return STATUS_OK;
    case PG_QUERY__NODE__NODE_COPY_STMT:
        statement->kind = AST_COPY;
        return read_copy(reader, node->copy_stmt, &statement->copy);
    case PG_QUERY__NODE__NODE_VACUUM_STMT:
        statement->kind = node->vacuum_stmt->is_vacuumcmd ? AST_VACUUM : AST_ANALYZE;
        return read_vacuum(reader, node->vacuum_stmt, &statement->vacuum);
    case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
        statement->kind = AST_EXPLAIN;
        statement->returns_rows = true;
        return read_explain(reader, node->explain_stmt, &statement->explain);
    case PG_QUERY__NODE__NODE_CHECK_POINT_STMT:
        statement->kind = AST_CHECKPOINT;
        return STATUS_OK;
    case PG_QUERY__NODE__NODE_DISCARD_STMT:
        statement->kind = AST_DISCARD;
        statement->discard.target = discard_target(node->discard_stmt->target);
        return STATUS_OK;
    case PG_QUERY__NODE__NODE_LOCK_STMT:
        statement->kind = AST_LOCK;
        statement->lock.mode = node->lock_stmt->mode;
        statement->lock.nowait = node->lock_stmt->nowait;
        return parse__relations(reader, node->lock_stmt->n_relations,
                                node->lock_stmt->relations, &statement->lock.tables);
    default:
        return read_prepared_statement(reader, node, statement);
    }
}
