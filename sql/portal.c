/* portal.c: bound statements of the extended protocol. A portal lives until it is closed,
 * replaced, or its transaction ends.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/session_internal.h"

#include <stdlib.h>

static struct portal *
find_portal(struct sql_session *session, const char *name)
{
    LIST_EACH(it, &session->portals)
    {
        struct portal *portal = LIST_ITEM(it, struct portal, link);
        if (strcmp(portal->name, name) == 0) {
            return portal;
        }
    }
    return NULL;
}

static void
close_portal(struct sql_session *session, struct portal *portal)
{
    if (session->copying == &portal->run) {
        session->copying = NULL;
    }
    list_remove(&portal->link);
    run__close(&portal->run);
    if (session->spare_portal == NULL && portal->name[0] == 0) {
        arena_reset(&portal->arena); /* the unnamed one comes again at once */
        session->spare_portal = portal;
        return;
    }
    arena_deinit(&portal->arena);
    free((char *)(uintptr_t)portal->name);
    free(portal);
}

void
portal__close_all(struct sql_session *session)
{
    LIST_EACH(it, &session->portals)
    {
        close_portal(session, LIST_ITEM(it, struct portal, link));
    }
}

enum status
portal__store_all(struct sql_session *session, struct diag *diag)
{
    LIST_EACH(it, &session->portals)
    {
        struct run *run = &LIST_ITEM(it, struct portal, link)->run;
        if (run->started && !run->finished && run->execution != NULL) {
            TRY(run__store_rest(run, diag));
        }
    }
    return STATUS_OK;
}

void
portal__free_spare(struct sql_session *session)
{
    struct portal *portal = session->spare_portal;
    if (portal != NULL) {
        arena_deinit(&portal->arena);
        free((char *)(uintptr_t)portal->name);
        free(portal);
        session->spare_portal = NULL;
    }
}

static struct portal *
new_portal(struct sql_session *session, const char *name)
{
    struct portal *portal = session->spare_portal;
    if (portal != NULL && name[0] == 0) {
        session->spare_portal = NULL;
    } else {
        portal = calloc(1, sizeof(*portal));
        ASSERT(portal != NULL);
        portal->name = strdup(name);
        ASSERT(portal->name != NULL);
        arena_init(&portal->arena);
    }
    portal->params = NULL;
    portal->param_count = 0;
    list_push_front(&session->portals, &portal->link);
    return portal;
}

/* A parameter in the text form. A name (regclass) is looked up in the catalog, which takes a
 * transaction and what it sees now. */
static enum status
read_text(struct sql_session *session, struct portal *portal, enum type_id type,
          struct slice text, struct value *value_out, struct diag *diag)
{
    struct value_source source = {type, -1, text};
    if (type_is_named(type) && session->block != BLOCK_FAILED) {
        if (session->block == BLOCK_NONE) {
            TRY(session__begin(session, BLOCK_IMPLICIT, diag));
        }
        TRY(session__snapshot(session, diag));
        session->cx.arena = &portal->arena;
        session->cx.diag = diag;
        return value_read(&session->cx, &source, &portal->arena, value_out, diag);
    }
    return value_read(NULL, &source, &portal->arena, value_out, diag);
}

static enum status
read_params(struct sql_session *session, struct portal *portal, const struct compiled *compiled,
            const struct sql_param *params, unsigned count, struct diag *diag)
{
    portal->params = arena_alloc(&portal->arena, sizeof(struct value) * (count + 1));
    portal->param_types = arena_alloc(&portal->arena, sizeof(enum type_id) * (count + 1));
    portal->param_count = count;
    for (unsigned i = 0; i < count; i++) {
        enum type_id type = compiled->params.types[i];
        portal->param_types[i] = type;
        portal->params[i] = (struct value){.is_null = params[i].is_null};
        if (params[i].is_null) {
            continue;
        }
        /* The bytes are the client's buffer: values keep a copy. */
        struct slice bytes = arena_copy(&portal->arena, params[i].bytes);
        enum status status =
            params[i].binary
                ? value_from_binary(type, -1, bytes, &portal->arena, &portal->params[i], diag)
                : read_text(session, portal, type, bytes, &portal->params[i], diag);
        if (status != STATUS_OK) {
            diag_while(diag,
                       portal->name[0] == 0 ? "unnamed portal%s parameter $%u = '%s'"
                                            : "portal \"%s\" parameter $%u = '%s'",
                       portal->name, i + 1, params[i].bytes.size == 0 ? "" : "...");
            return status;
        }
    }
    return STATUS_OK;
}

static enum status
check_bind(struct sql_session *session, const char *portal_name, const char *prepared_name,
           const struct sql_prepared *prepared, unsigned param_count, struct diag *diag)
{
    unsigned wanted = prepared->count == 0 ? 0 : prepared->statements[0].params.count;
    if (wanted != param_count) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_PROTOCOL_VIOLATION,
                         "bind message supplies %u parameters, but prepared statement \"%s\" "
                         "requires %u",
                         param_count, prepared_name, wanted);
    }
    if (session->block == BLOCK_FAILED && prepared->count == 1) {
        const struct ast_statement *ast = prepared->statements[0].ast;
        if (ast->kind != AST_TRANSACTION || ast_opens_block(&ast->transaction) ||
            ast->transaction.kind == AST_TXN_SAVEPOINT ||
            ast->transaction.kind == AST_TXN_RELEASE) {
            return diag_fail(diag, STATUS_INVALID, SQLSTATE_IN_FAILED_SQL_TRANSACTION,
                             "current transaction is aborted, commands ignored until end of "
                             "transaction block");
        }
    }
    if (portal_name[0] != 0 && find_portal(session, portal_name) != NULL) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_DUPLICATE_CURSOR,
                         "cursor \"%s\" already exists", portal_name);
    }
    return STATUS_OK;
}

enum status
sql_bind(struct sql_session *session, const char *portal_name, const char *prepared_name,
         const struct sql_param *params, unsigned param_count, struct diag *diag)
{
    struct sql_prepared *prepared = NULL;
    TRY(sql_prepared_find(session, prepared_name, &prepared, diag));
    enum status status =
        check_bind(session, portal_name, prepared_name, prepared, param_count, diag);
    if (status != STATUS_OK) {
        session__fail(session);
        return status;
    }
    struct portal *there = portal_name[0] == 0 ? find_portal(session, portal_name) : NULL;
    if (there != NULL) {
        close_portal(session, there);
    }
    struct portal *portal = new_portal(session, portal_name);
    struct compiled *compiled = prepared->count == 0 ? NULL : &prepared->statements[0];
    run__init(&portal->run, session, prepared, compiled, &portal->arena);
    if (compiled != NULL) {
        status = read_params(session, portal, compiled, params, param_count, diag);
    }
    portal->run.cx.params = portal->params;
    portal->run.cx.param_types = portal->param_types;
    portal->run.cx.param_count = portal->param_count;
    if (status != STATUS_OK) {
        close_portal(session, portal);
        session__fail(session);
    }
    return status;
}

static enum status
need_portal(struct sql_session *session, const char *name, struct portal **portal_out,
            struct diag *diag)
{
    *portal_out = find_portal(session, name);
    if (*portal_out == NULL) {
        diag_fail(diag, STATUS_NOT_FOUND, SQLSTATE_INVALID_CURSOR_NAME,
                  "portal \"%s\" does not exist", name);
        session__fail(session);
        return STATUS_NOT_FOUND;
    }
    return STATUS_OK;
}

enum status
sql_portal_describe(struct sql_session *session, const char *portal_name,
                    const struct sql_column **columns_out, unsigned *column_count_out,
                    struct diag *diag)
{
    *columns_out = NULL;
    *column_count_out = 0;
    struct portal *portal = NULL;
    TRY(need_portal(session, portal_name, &portal, diag));
    struct sql_prepared *prepared = portal->run.prepared;
    if (prepared == NULL) {
        return STATUS_OK;
    }
    const struct ast_statement *ast =
        portal->run.compiled != NULL ? portal->run.compiled->ast : NULL;
    if (ast != NULL && ast->kind == AST_EXECUTE) { /* what has the name now */
        struct named_prepared *named = prepared__find(session, ast->execute.name);
        prepared = named != NULL ? named->prepared : prepared;
    }
    const enum type_id *params;
    unsigned param_count;
    sql_prepared_describe(prepared, &params, &param_count, columns_out, column_count_out);
    return STATUS_OK;
}

/* As PostgreSQL: a query has no more rows, anything else cannot be run twice. */
static void
run_again(struct sql_session *session, const struct portal *portal, struct sql_result *result)
{
    if (portal->run.compiled->ast->kind == AST_SELECT) {
        result->state = SQL_DONE;
        memcpy(result->tag, "SELECT 0", sizeof("SELECT 0"));
        return;
    }
    result->state = SQL_FAILED;
    diag_fail(&result->diag, STATUS_INVALID, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
              "portal \"%s\" cannot be run", portal->name);
    session__fail(session);
}

void
sql_portal_run(struct sql_session *session, const char *portal_name, uint64_t row_limit,
               struct sql_sink *sink, struct sql_result *result)
{
    diag_clear(&result->diag);
    result->empty_query = false;
    result->tag[0] = 0;
    struct portal *portal = NULL;
    if (need_portal(session, portal_name, &portal, &result->diag) != STATUS_OK) {
        result->state = SQL_FAILED;
        return;
    }
    if (portal->run.compiled == NULL) {
        result->state = SQL_DONE;
        result->empty_query = true;
        return;
    }
    if (portal->run.finished) {
        run_again(session, portal, result);
        return;
    }
    if (!portal->run.started && session->read_gate == READ_GATE_SHUT) {
        waiter_reset_cancel(session->waiter);
    }
    run__step(session, &portal->run, row_limit, sink, result);
    session->read_gate = READ_GATE_SHUT;
    if (result->state == SQL_COPY_IN) {
        session->copying = &portal->run;
    }
}

void
sql_portal_close(struct sql_session *session, const char *portal_name)
{
    struct portal *portal = find_portal(session, portal_name);
    if (portal != NULL) {
        close_portal(session, portal);
    }
}

void
sql_sync(struct sql_session *session, bool failed, struct sql_sink *sink,
         struct sql_result *result)
{
    UNUSED(sink);
    diag_clear(&result->diag);
    result->empty_query = false;
    result->tag[0] = 0;
    result->state = SQL_DONE;
    if (session->block == BLOCK_IMPLICIT) {
        if (failed) {
            session__abort(session, BLOCK_NONE);
        } else {
            result->state = session__commit(session, "", &result->diag);
        }
    } else if (failed) {
        session__fail(session);
    }
    if (session->block == BLOCK_NONE) {
        portal__close_all(session); /* those that were bound and never run, too */
    }
}

/* ---- values of results, as their client reads them ---- */
enum status
sql_value_show(struct sql_session *session, enum type_id type, const struct value *value,
               struct buf *out, struct diag *diag)
{
    struct sql_context *cx = session == NULL ? NULL : &session->cx;
    enum status status = value_show(cx, type, value, out);
    if (status != STATUS_OK && cx->diag != diag) {
        *diag = *cx->diag;
    }
    return status;
}
