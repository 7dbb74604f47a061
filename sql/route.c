/* route.c: which statements only the primary may run, as far as their text tells.
 * A block runs where it began: BEGIN READ ONLY here, every other BEGIN on the primary.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/session_internal.h"

/* By name, for the tree is not bound yet: functions with effects (func.has_effects), and what
 * the primary alone can tell: that a transaction of its own term was undone stands in no log.
 */
static bool
is_of_primary(const char *name)
{
    static const char *const names[] = {"nextval", "setval", "set_config", "pg_advisory_lock",
                                        "rustydb_transaction_status"};
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool select_needs(const struct ast_select *select);

static bool
expr_needs(const struct ast_expr *expr)
{
    if (expr == NULL) {
        return false;
    }
    switch (expr->kind) {
    case AST_FUNC:
        if (is_of_primary(expr->op.name) || expr_needs(expr->op.filter)) {
            return true;
        }
        break;
    case AST_SUBQUERY:
    case AST_EXISTS:
    case AST_ANY_SUBQUERY:
    case AST_ALL_SUBQUERY:
    case AST_ARRAY_SUBQUERY:
        if (select_needs(expr->op.subquery)) {
            return true;
        }
        break;
    case AST_CASE:
        if (expr_needs(expr->case_of.operand)) {
            return true;
        }
        break;
    default:
        break;
    }
    for (unsigned i = 0; i < expr->args.count; i++) {
        if (expr_needs(expr->args.items[i])) {
            return true;
        }
    }
    return false;
}

static bool
from_needs(const struct ast_from *from)
{
    switch (from->kind) {
    case AST_FROM_SUBQUERY:
        return select_needs(from->subquery);
    case AST_FROM_FUNCTION:
        return expr_needs(from->function.call);
    case AST_FROM_JOIN:
        return from_needs(from->join.left) || from_needs(from->join.right) ||
               expr_needs(from->join.on);
    default:
        return false;
    }
}

static bool
list_needs(const struct ast_expr_list *list)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (expr_needs(list->items[i])) {
            return true;
        }
    }
    return false;
}

static bool
select_needs(const struct ast_select *select)
{
    if (select == NULL) {
        return false;
    }
    bool needs = select->row_lock != AST_LOCK_NONE || expr_needs(select->where) ||
                 expr_needs(select->having) || expr_needs(select->limit) ||
                 expr_needs(select->offset) || list_needs(&select->group_by) ||
                 select_needs(select->left) || select_needs(select->right);
    for (unsigned i = 0; !needs && i < select->with.count; i++) {
        needs = select_needs(select->with.items[i].query);
    }
    for (unsigned i = 0; !needs && i < select->row_count; i++) {
        needs = list_needs(&select->rows[i]);
    }
    for (unsigned i = 0; !needs && i < select->targets.count; i++) {
        needs = expr_needs(select->targets.items[i].expr);
    }
    for (unsigned i = 0; !needs && i < select->from.count; i++) {
        needs = from_needs(select->from.items[i]);
    }
    for (unsigned i = 0; !needs && i < select->order_by.count; i++) {
        needs = expr_needs(select->order_by.items[i].expr);
    }
    return needs;
}

bool
statement__needs_primary(const struct ast_statement *statement)
{
    switch (statement->kind) {
    case AST_SELECT:
        return select_needs(&statement->select);
    case AST_TRANSACTION:
        return ast_opens_block(&statement->transaction) &&
               statement->transaction.modes.read_only != AST_CHOICE_YES;
    case AST_COPY:
        return statement->copy.from;
    case AST_EXPLAIN:
        return statement->explain.statement->kind == AST_EXECUTE ||
               statement__needs_primary(statement->explain.statement);
    case AST_PREPARE: /* belongs to the session, on whichever node that has its statements run
                       */
    case AST_EXECUTE: /* of what was prepared: sql_text_needs_primary() looks the name up */
    case AST_SET:
    case AST_SHOW:
    case AST_DISCARD:
    case AST_DEALLOCATE:
    case AST_CHECKPOINT:
    case AST_UNSUPPORTED:
        return false;
    default:
        return true;
    }
}
