/* routing.c: what a text is to the router of another node: where it has to run, what it does to
 * transactions, and what of it belongs to the session.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/session_internal.h"

bool
sql_prepared_needs_primary(const struct sql_prepared *prepared)
{
    if (prepared->needs_primary) {
        return true;
    }
    for (unsigned i = 0; i < prepared->count; i++) {
        const struct plan_unit *unit = prepared->statements[i].unit;
        if (unit != NULL && !unit->query->reads_only) {
            return true;
        }
    }
    return false;
}

bool
sql_name_needs_primary(struct sql_session *session, const char *name)
{
    const struct named_prepared *named = prepared__find(session, name);
    return named == NULL || sql_prepared_needs_primary(named->prepared);
}

bool
sql_text_needs_primary(struct sql_session *session, const char *text)
{
    struct diag ignored;
    diag_clear(&ignored);
    struct sql_prepared *prepared = NULL;
    if (prepared__parse(session, text, NULL, 0, &prepared, &ignored) != STATUS_OK) {
        return false; /* the error is the same anywhere */
    }
    bool needs = sql_prepared_needs_primary(prepared);
    for (unsigned i = 0; i < prepared->count; i++) {
        const struct ast_statement *ast = prepared->statements[i].ast;
        needs |= ast->kind == AST_EXECUTE && sql_name_needs_primary(session, ast->execute.name);
    }
    prepared__unref(prepared);
    return needs;
}

static unsigned
says(const struct ast_statement *ast)
{
    if (ast->kind != AST_TRANSACTION) {
        return SQL_SAYS_OTHER;
    }
    unsigned chain = ast->transaction.chain ? SQL_SAYS_OTHER : 0;
    switch (ast->transaction.kind) {
    case AST_TXN_BEGIN:
    case AST_TXN_START:
        return SQL_SAYS_BEGIN;
    case AST_TXN_COMMIT:
        return SQL_SAYS_COMMIT | chain;
    case AST_TXN_ROLLBACK:
        return SQL_SAYS_ROLLBACK | chain;
    default:
        return SQL_SAYS_OTHER;
    }
}

unsigned
sql_text_says(struct sql_session *session, const char *text)
{
    struct diag ignored;
    diag_clear(&ignored);
    struct sql_prepared *prepared = NULL;
    if (prepared__parse(session, text, NULL, 0, &prepared, &ignored) != STATUS_OK) {
        return SQL_SAYS_OTHER;
    }
    unsigned said = 0;
    for (unsigned i = 0; i < prepared->count; i++) {
        said |= says(prepared->statements[i].ast);
    }
    prepared__unref(prepared);
    return said;
}

/* What a statement makes of the session, in `part`. */
static void
tell_own(const struct ast_statement *ast, struct sql_part *part)
{
    const char *name = "";
    switch (ast->kind) {
    case AST_SET:
        if (ast->set.local || ast->set.kind == AST_SET_TRANSACTION) {
            return;
        }
        part->own = SQL_OWN_SETTING;
        part->undoes = ast->set.kind == AST_SET_RESET || ast->set.kind == AST_SET_RESET_ALL ||
                       ast->set.kind == AST_SET_DEFAULT;
        if (ast->set.kind == AST_SET_SESSION_CHARACTERISTICS) {
            part->name = part->text; /* its modes are settings of their own */
            return;
        }
        name = ast->set.kind == AST_SET_RESET_ALL ? "" : ast->set.name;
        break;
    case AST_PREPARE:
        part->own = SQL_OWN_PREPARED;
        name = ast->prepare.name;
        break;
    case AST_DEALLOCATE:
        part->own = SQL_OWN_PREPARED;
        part->undoes = true;
        name = ast->deallocate.name == NULL ? "" : ast->deallocate.name;
        break;
    case AST_DISCARD:
        part->own = SQL_OWN_ALL;
        part->undoes = true;
        if (ast->discard.target != AST_DISCARD_ALL) {
            part->own = SQL_OWN_SETTING; /* of no name that there is */
            part->name = part->text;
            return;
        }
        break;
    default:
        return;
    }
    part->name = slice_from_text(name);
}

static struct sql_part
part_of(const struct sql_prepared *prepared, const struct ast_statement *ast)
{
    struct sql_part part = {.text =
                                slice_make(prepared->text + ast->text_offset, ast->text_size),
                            .offset = ast->text_offset,
                            .says = says(ast)};
    tell_own(ast, &part);
    return part;
}

static void
each_part(const struct sql_prepared *prepared, sql_part_fn each, void *arg)
{
    for (unsigned i = 0; i < prepared->count; i++) {
        struct sql_part part = part_of(prepared, prepared->statements[i].ast);
        each(arg, &part);
    }
}

void
sql_text_each_part(struct sql_session *session, const char *text, sql_part_fn each, void *arg)
{
    struct diag ignored;
    diag_clear(&ignored);
    struct sql_prepared *prepared = NULL;
    if (prepared__parse(session, text, NULL, 0, &prepared, &ignored) == STATUS_OK) {
        each_part(prepared, each, arg);
        prepared__unref(prepared);
    }
}

void
sql_script_each_part(const struct sql_script *script, sql_part_fn each, void *arg)
{
    each_part(script->prepared, each, arg);
}

void
sql_name_each_part(struct sql_session *session, const char *name, sql_part_fn each, void *arg)
{
    const struct named_prepared *named = prepared__find(session, name);
    if (named != NULL) {
        each_part(named->prepared, each, arg);
    }
}

const char *
sql_script_text(const struct sql_script *script)
{
    return script->prepared->text;
}

struct part_counts {
    unsigned all, own;
};

/* sql_part_fn */
static void
count_part(void *arg, const struct sql_part *part)
{
    struct part_counts *counts = arg;
    counts->all++;
    counts->own += part->own != SQL_OWN_NOT;
}

bool
sql_text_is_of_session(struct sql_session *session, const char *text)
{
    struct part_counts counts = {0};
    sql_text_each_part(session, text, count_part, &counts);
    return counts.all > 0 && counts.own == counts.all;
}
