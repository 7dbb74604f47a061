/* pg_query_select.c: SELECT, VALUES, FROM, INSERT, UPDATE, DELETE.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/parse/pg_query_adapter.h"

enum status
parse__relation(struct reader *reader, const PgQuery__RangeVar *node,
                struct ast_relation *relation_out)
{
    *relation_out = (struct ast_relation){
        .database = parse__text(reader, node->catalogname),
        .schema = parse__text(reader, node->schemaname),
        .name = parse__text(reader, node->relname),
        .only = !node->inh,
        .position = parse__position(reader, node->location),
    };
    if (node->alias != NULL) {
        relation_out->alias = parse__text(reader, node->alias->aliasname);
        relation_out->column_aliases =
            parse__names(reader, node->alias->n_colnames, node->alias->colnames);
    }
    return STATUS_OK;
}

static enum status
read_targets(struct reader *reader, size_t count, PgQuery__Node **nodes,
             struct ast_target_list *list_out)
{
    list_out->count = (unsigned)count;
    list_out->items = arena_array(reader->arena, struct ast_target, count);
    for (size_t i = 0; i < count; i++) {
        const PgQuery__ResTarget *node = nodes[i]->res_target;
        struct ast_target *target = &list_out->items[i];
        target->name = parse__text(reader, node->name);
        target->position = parse__position(reader, node->location);
        TRY(parse__expr(reader, node->val, &target->expr));
    }
    return STATUS_OK;
}

static enum status read_from(struct reader *reader, const PgQuery__Node *node,
                             struct ast_from **from_out);

static enum status
read_from_list(struct reader *reader, size_t count, PgQuery__Node **nodes,
               struct ast_from_list *list_out)
{
    list_out->count = (unsigned)count;
    list_out->items = arena_array(reader->arena, struct ast_from *, count);
    for (size_t i = 0; i < count; i++) {
        TRY(read_from(reader, nodes[i], &list_out->items[i]));
    }
    return STATUS_OK;
}

static void
read_alias(struct reader *reader, const PgQuery__Alias *alias, struct ast_from *from)
{
    if (alias != NULL) {
        from->alias = parse__text(reader, alias->aliasname);
        from->column_aliases = parse__names(reader, alias->n_colnames, alias->colnames);
    }
}

static enum status
read_join(struct reader *reader, const PgQuery__JoinExpr *node, struct ast_from *from)
{
    from->kind = AST_FROM_JOIN;
    from->join.natural = node->is_natural;
    if (node->join_using_alias != NULL) {
        return parse__unsupported(reader, "an alias of JOIN USING", -1);
    }
    TRY(read_from(reader, node->larg, &from->join.left));
    TRY(read_from(reader, node->rarg, &from->join.right));
    from->join.using_columns = parse__names(reader, node->n_using_clause, node->using_clause);
    TRY(parse__expr(reader, node->quals, &from->join.on));
    switch (node->jointype) {
    case PG_QUERY__JOIN_TYPE__JOIN_LEFT:
        from->join.kind = AST_JOIN_LEFT;
        break;
    case PG_QUERY__JOIN_TYPE__JOIN_RIGHT:
        from->join.kind = AST_JOIN_RIGHT;
        break;
    case PG_QUERY__JOIN_TYPE__JOIN_FULL:
        from->join.kind = AST_JOIN_FULL;
        break;
    default: {
        bool is_plain = !node->is_natural && node->n_using_clause == 0 && node->quals == NULL;
        from->join.kind = is_plain ? AST_JOIN_CROSS : AST_JOIN_INNER;
        break;
    }
    }
    read_alias(reader, node->alias, from);
    return STATUS_OK;
}

static enum status
read_range_function(struct reader *reader, const PgQuery__RangeFunction *node,
                    struct ast_from *from)
{
    if (node->is_rowsfrom && node->n_functions != 1) {
        return parse__unsupported(reader, "ROWS FROM", -1);
    }
    const PgQuery__List *function = node->functions[0]->list; /* function, column definitions */
    bool has_definitions =
        node->n_coldeflist > 0 ||
        (function->n_items > 1 && function->items[1]->node_case == PG_QUERY__NODE__NODE_LIST &&
         function->items[1]->list->n_items > 0);
    if (has_definitions) {
        return parse__unsupported(reader, "a column definition list of a function in FROM", -1);
    }
    from->kind = AST_FROM_FUNCTION;
    from->lateral = node->lateral;
    from->function.with_ordinality = node->ordinality;
    TRY(parse__expr(reader, function->items[0], &from->function.call));
    from->position = from->function.call->position;
    read_alias(reader, node->alias, from);
    return STATUS_OK;
}

static enum status
read_from(struct reader *reader, const PgQuery__Node *node, struct ast_from **from_out)
{
    struct ast_from *from = arena_new(reader->arena, struct ast_from);
    *from_out = from;
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_RANGE_VAR:
        from->kind = AST_FROM_TABLE;
        TRY(parse__relation(reader, node->range_var, &from->table));
        from->alias = from->table.alias;
        from->column_aliases = from->table.column_aliases;
        from->position = from->table.position;
        return STATUS_OK;
    case PG_QUERY__NODE__NODE_RANGE_SUBSELECT:
        from->kind = AST_FROM_SUBQUERY;
        from->lateral = node->range_subselect->lateral;
        from->subquery = arena_new(reader->arena, struct ast_select);
        read_alias(reader, node->range_subselect->alias, from);
        TRY(parse__select(reader, node->range_subselect->subquery->select_stmt,
                          from->subquery));
        from->position = from->subquery->position;
        return STATUS_OK;
    case PG_QUERY__NODE__NODE_RANGE_FUNCTION:
        return read_range_function(reader, node->range_function, from);
    case PG_QUERY__NODE__NODE_JOIN_EXPR:
        return read_join(reader, node->join_expr, from);
    case PG_QUERY__NODE__NODE_RANGE_TABLE_SAMPLE:
        return parse__unsupported(reader, "TABLESAMPLE", node->range_table_sample->location);
    case PG_QUERY__NODE__NODE_RANGE_TABLE_FUNC:
        return parse__unsupported(reader, "XMLTABLE", node->range_table_func->location);
    default:
        return parse__unsupported(reader, "this item in FROM", -1);
    }
}

static enum status
read_with(struct reader *reader, const PgQuery__WithClause *node, struct ast_cte_list *list_out)
{
    if (node == NULL) {
        return STATUS_OK;
    }
    if (node->recursive) {
        return parse__unsupported(reader, "WITH RECURSIVE", node->location);
    }
    list_out->count = (unsigned)node->n_ctes;
    list_out->items = arena_array(reader->arena, struct ast_cte, node->n_ctes);
    for (size_t i = 0; i < node->n_ctes; i++) {
        const PgQuery__CommonTableExpr *cte = node->ctes[i]->common_table_expr;
        struct ast_cte *item = &list_out->items[i];
        if (cte->ctequery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT) {
            return parse__unsupported(reader, "a data-modifying statement in WITH",
                                      cte->location);
        }
        item->name = parse__text(reader, cte->ctename);
        item->position = parse__position(reader, cte->location);
        item->column_aliases = parse__names(reader, cte->n_aliascolnames, cte->aliascolnames);
        item->query = arena_new(reader->arena, struct ast_select);
        TRY(parse__select(reader, cte->ctequery->select_stmt, item->query));
    }
    return STATUS_OK;
}

static void
read_locking_clause(struct reader *reader, const PgQuery__LockingClause *node,
                    struct ast_select *select)
{
    enum ast_row_lock row_lock = AST_LOCK_UPDATE;
    switch (node->strength) {
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORKEYSHARE:
        row_lock = AST_LOCK_KEY_SHARE;
        break;
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORSHARE:
        row_lock = AST_LOCK_SHARE;
        break;
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORNOKEYUPDATE:
        row_lock = AST_LOCK_NO_KEY_UPDATE;
        break;
    default:
        break;
    }
    select->row_lock = row_lock;
    select->lock_wait =
        node->wait_policy == PG_QUERY__LOCK_WAIT_POLICY__LockWaitSkip    ? AST_LOCK_SKIP_LOCKED
        : node->wait_policy == PG_QUERY__LOCK_WAIT_POLICY__LockWaitError ? AST_LOCK_NOWAIT
                                                                         : AST_LOCK_WAIT;
    select->lock_of.count = (unsigned)node->n_locked_rels;
    select->lock_of.items = arena_array(reader->arena, struct ast_name, node->n_locked_rels);
    for (size_t i = 0; i < node->n_locked_rels; i++) {
        const PgQuery__RangeVar *relation = node->locked_rels[i]->range_var;
        select->lock_of.items[i] =
            (struct ast_name){.name = parse__text(reader, relation->relname),
                              .position = parse__position(reader, relation->location)};
    }
}

static enum status
refuse_select_features(struct reader *reader, const PgQuery__SelectStmt *node)
{
    if (node->into_clause != NULL) {
        return parse__unsupported(reader, "SELECT INTO", node->into_clause->rel->location);
    }
    if (node->n_window_clause > 0) {
        return parse__unsupported(reader, "WINDOW", -1);
    }
    if (node->limit_option == PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES) {
        return parse__unsupported(reader, "FETCH FIRST .. WITH TIES", -1);
    }
    if (node->n_locking_clause > 1) {
        return parse__unsupported(reader, "more than one locking clause", -1);
    }
    bool is_on = node->n_distinct_clause > 0 && node->distinct_clause[0] != NULL &&
                 node->distinct_clause[0]->node_case != PG_QUERY__NODE__NODE__NOT_SET;
    if (is_on) {
        return parse__unsupported(reader, "SELECT DISTINCT ON", -1);
    }
    return STATUS_OK;
}

static enum status
read_values(struct reader *reader, const PgQuery__SelectStmt *node, struct ast_select *select)
{
    select->row_count = (unsigned)node->n_values_lists;
    select->rows = arena_array(reader->arena, struct ast_expr_list, node->n_values_lists);
    for (size_t i = 0; i < node->n_values_lists; i++) {
        const PgQuery__List *row = node->values_lists[i]->list;
        TRY(parse__exprs(reader, row->n_items, row->items, &select->rows[i]));
    }
    if (select->row_count > 0 && select->rows[0].count > 0) {
        select->position = select->rows[0].items[0]->position;
    }
    return STATUS_OK;
}

static enum status
read_select_core(struct reader *reader, const PgQuery__SelectStmt *node,
                 struct ast_select *select)
{
    select->distinct = node->n_distinct_clause > 0;
    TRY(read_targets(reader, node->n_target_list, node->target_list, &select->targets));
    TRY(read_from_list(reader, node->n_from_clause, node->from_clause, &select->from));
    TRY(parse__expr(reader, node->where_clause, &select->where));
    TRY(parse__exprs(reader, node->n_group_clause, node->group_clause, &select->group_by));
    TRY(parse__expr(reader, node->having_clause, &select->having));
    if (select->targets.count > 0) {
        select->position = select->targets.items[0].position;
    }
    return STATUS_OK;
}

static enum status
read_set_operation(struct reader *reader, const PgQuery__SelectStmt *node,
                   struct ast_select *select)
{
    select->set_operation = node->op == PG_QUERY__SET_OPERATION__SETOP_UNION ? AST_SET_UNION
                            : node->op == PG_QUERY__SET_OPERATION__SETOP_INTERSECT
                                ? AST_SET_INTERSECT
                                : AST_SET_EXCEPT;
    select->set_all = node->all;
    select->left = arena_new(reader->arena, struct ast_select);
    select->right = arena_new(reader->arena, struct ast_select);
    TRY(parse__select(reader, node->larg, select->left));
    TRY(parse__select(reader, node->rarg, select->right));
    select->position = select->left->position;
    return STATUS_OK;
}

enum status
parse__select(struct reader *reader, const PgQuery__SelectStmt *node,
              struct ast_select *select_out)
{
    TRY(refuse_select_features(reader, node));
    TRY(read_with(reader, node->with_clause, &select_out->with));
    if (node->op > PG_QUERY__SET_OPERATION__SETOP_NONE) {
        TRY(read_set_operation(reader, node, select_out));
    } else if (node->n_values_lists > 0) {
        TRY(read_values(reader, node, select_out));
    } else {
        TRY(read_select_core(reader, node, select_out));
    }
    TRY(parse__sort(reader, node->n_sort_clause, node->sort_clause, &select_out->order_by));
    TRY(parse__expr(reader, node->limit_count, &select_out->limit));
    TRY(parse__expr(reader, node->limit_offset, &select_out->offset));
    if (select_out->limit != NULL && select_out->limit->kind == AST_NULL) {
        select_out->limit = NULL; /* LIMIT ALL */
    }
    if (node->n_locking_clause == 1) {
        read_locking_clause(reader, node->locking_clause[0]->locking_clause, select_out);
    }
    return STATUS_OK;
}

enum status
parse__insert(struct reader *reader, const PgQuery__InsertStmt *node,
              struct ast_insert *insert_out)
{
    if (node->on_conflict_clause != NULL) {
        return parse__unsupported(reader, "INSERT .. ON CONFLICT",
                                  node->on_conflict_clause->location);
    }
    if (node->override > PG_QUERY__OVERRIDING_KIND__OVERRIDING_NOT_SET) {
        return parse__unsupported(reader, "INSERT .. OVERRIDING", -1);
    }
    TRY(read_with(reader, node->with_clause, &insert_out->with));
    TRY(parse__relation(reader, node->relation, &insert_out->table));
    insert_out->columns.count = (unsigned)node->n_cols;
    insert_out->columns.items = arena_array(reader->arena, struct ast_name, node->n_cols);
    for (size_t i = 0; i < node->n_cols; i++) {
        const PgQuery__ResTarget *column = node->cols[i]->res_target;
        if (column->n_indirection > 0) {
            return parse__unsupported(reader, "inserting into a part of a column",
                                      column->location);
        }
        insert_out->columns.items[i] =
            (struct ast_name){.name = parse__text(reader, column->name),
                              .position = parse__position(reader, column->location)};
    }
    if (node->select_stmt != NULL) {
        insert_out->source = arena_new(reader->arena, struct ast_select);
        TRY(parse__select(reader, node->select_stmt->select_stmt, insert_out->source));
    }
    return read_targets(reader, node->n_returning_list, node->returning_list,
                        &insert_out->returning);
}

/* SET (a, b) = (1, 2): the element of the row for this column. */
static enum status
read_multi_assignment(struct reader *reader, const PgQuery__MultiAssignRef *node, int location,
                      struct ast_expr **expr_out)
{
    if (node->source->node_case != PG_QUERY__NODE__NODE_ROW_EXPR) {
        return parse__unsupported(reader, "SET (columns) = (sub-query)", location);
    }
    const PgQuery__RowExpr *row = node->source->row_expr;
    if ((int)row->n_args != node->ncolumns) {
        enum status status = diag_fail(reader->diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                                       "number of columns does not match number of values");
        diag_position(reader->diag, parse__position(reader, row->location));
        return status;
    }
    return parse__expr(reader, row->args[node->colno - 1], expr_out);
}

/* Only the first column of SET (a, b) = ROW carries the row in libpg_query's tree. */
static enum status
read_set_list(struct reader *reader, size_t count, PgQuery__Node **nodes,
              struct ast_target_list *list_out)
{
    list_out->count = (unsigned)count;
    list_out->items = arena_array(reader->arena, struct ast_target, count);
    for (size_t i = 0; i < count; i++) {
        const PgQuery__ResTarget *node = nodes[i]->res_target;
        struct ast_target *target = &list_out->items[i];
        if (node->n_indirection > 0) {
            return parse__unsupported(reader, "updating a part of a column", node->location);
        }
        target->name = parse__text(reader, node->name);
        target->position = parse__position(reader, node->location);
        if (node->val->node_case == PG_QUERY__NODE__NODE_MULTI_ASSIGN_REF) {
            TRY(read_multi_assignment(reader, node->val->multi_assign_ref, node->location,
                                      &target->expr));
        } else {
            TRY(parse__expr(reader, node->val, &target->expr));
        }
    }
    return STATUS_OK;
}

enum status
parse__update(struct reader *reader, const PgQuery__UpdateStmt *node,
              struct ast_update *update_out)
{
    TRY(read_with(reader, node->with_clause, &update_out->with));
    TRY(parse__relation(reader, node->relation, &update_out->table));
    TRY(read_set_list(reader, node->n_target_list, node->target_list, &update_out->set));
    TRY(read_from_list(reader, node->n_from_clause, node->from_clause, &update_out->from));
    TRY(parse__expr(reader, node->where_clause, &update_out->where));
    return read_targets(reader, node->n_returning_list, node->returning_list,
                        &update_out->returning);
}

enum status
parse__delete(struct reader *reader, const PgQuery__DeleteStmt *node,
              struct ast_delete *delete_out)
{
    TRY(read_with(reader, node->with_clause, &delete_out->with));
    TRY(parse__relation(reader, node->relation, &delete_out->table));
    TRY(read_from_list(reader, node->n_using_clause, node->using_clause,
                       &delete_out->using_from));
    TRY(parse__expr(reader, node->where_clause, &delete_out->where));
    return read_targets(reader, node->n_returning_list, node->returning_list,
                        &delete_out->returning);
}
