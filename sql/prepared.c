/* prepared.c: texts parsed, bound and planned; kept by name and by text.
 *
 * A text seen before costs a hash and a comparison: drivers that parse anew each time and
 * simple queries like BEGIN profit alike. A plan is made anew when catalog_version() has moved
 * on; one that still runs keeps its unit (a reference).
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/session_internal.h"

#include <stdlib.h>

struct plan_unit *
plan_unit__ref(struct plan_unit *unit)
{
    unit->reference_count++;
    return unit;
}

void
plan_unit__unref(struct plan_unit *unit)
{
    if (unit == NULL || --unit->reference_count > 0) {
        return;
    }
    execution_close(unit->idle);
    catalog_unref(unit->catalog);
    struct arena arena = unit->arena; /* the unit lies in it */
    arena_deinit(&arena);
}

struct sql_prepared *
prepared__ref(struct sql_prepared *prepared)
{
    prepared->reference_count++;
    return prepared;
}

void
prepared__unref(struct sql_prepared *prepared)
{
    if (prepared == NULL || --prepared->reference_count > 0) {
        return;
    }
    for (unsigned i = 0; i < prepared->count; i++) {
        plan_unit__unref(prepared->statements[i].unit);
    }
    struct sql_prepared *owner = prepared->owner;
    struct arena arena = prepared->arena;
    arena_deinit(&arena);
    prepared__unref(owner);
}

bool
statement__is_query(const struct ast_statement *statement)
{
    return statement->kind == AST_SELECT || statement->kind == AST_INSERT ||
           statement->kind == AST_UPDATE || statement->kind == AST_DELETE;
}

static struct sql_prepared *
find_text(struct sql_session *session, const char *text, uint64_t hash,
          const uint32_t *param_types, unsigned param_count)
{
    LIST_EACH(it, &session->texts)
    {
        struct sql_prepared *prepared = LIST_ITEM(it, struct sql_prepared, link);
        if (prepared->text_hash != hash || prepared->given_count != param_count ||
            strcmp(prepared->text, text) != 0) {
            continue;
        }
        bool same = true;
        for (unsigned i = 0; i < param_count; i++) {
            same &= prepared->given[i] == (enum type_id)param_types[i];
        }
        if (same) {
            list_remove(it);
            list_push_front(&session->texts, it);
            return prepared;
        }
    }
    return NULL;
}

/* Was it planned for the definitions there are now? If not, what it was found to take and give
 * may be wrong, and may not be put right: names given to it earlier stand for just that. */
static bool
is_current(const struct sql_session *session, const struct sql_prepared *prepared)
{
    const struct catalog *own = session->cx.catalog;
    uint64_t newest = store_catalog_csn(session->cx.store);
    for (unsigned i = 0; i < prepared->count; i++) {
        const struct plan_unit *unit = prepared->statements[i].unit;
        bool current = unit == NULL || (catalog_is_private(unit->catalog)
                                            ? own != NULL && catalog_number(unit->catalog) ==
                                                                 catalog_number(own)
                                            : catalog_csn(unit->catalog).v == newest);
        if (!current) {
            return false;
        }
    }
    return true;
}

/* EXECUTE is of what has that name then: its description does not keep. */
static bool
may_keep(const struct sql_prepared *prepared)
{
    for (unsigned i = 0; i < prepared->count; i++) {
        if (prepared->statements[i].ast->kind == AST_EXECUTE) {
            return false;
        }
    }
    return true;
}

static void
forget_text(struct sql_session *session, struct sql_prepared *prepared)
{
    list_remove(&prepared->link);
    prepared__unref(prepared);
    session->text_count--;
}

static void
keep_text(struct sql_session *session, struct sql_prepared *prepared)
{
    if (session->text_count == TEXT_CACHE_MAX) {
        forget_text(session, LIST_ITEM(session->texts.prev, struct sql_prepared, link));
    }
    list_push_front(&session->texts, &prepared->link);
    prepared__ref(prepared);
    session->text_count++;
}

void
prepared__drop_texts(struct sql_session *session)
{
    LIST_EACH(it, &session->texts)
    {
        list_remove(it);
        prepared__unref(LIST_ITEM(it, struct sql_prepared, link));
    }
    session->text_count = 0;
}

/* 42704 for a type that is not here; 0 (unspecified) is inferred. */
static enum status
check_types(const uint32_t *types, unsigned count, struct diag *diag)
{
    for (unsigned i = 0; i < count; i++) {
        if (types[i] != 0 && types[i] != TYPE_UNKNOWN &&
            type_info((enum type_id)types[i]) == NULL) {
            return diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                             "parameter type with OID %u is not supported", types[i]);
        }
    }
    return STATUS_OK;
}

static void
fill_statements(struct sql_prepared *prepared, const struct parsed_script *script,
                const uint32_t *param_types, unsigned param_count)
{
    prepared->count = script->count;
    prepared->statements = arena_array(&prepared->arena, struct compiled, script->count);
    prepared->given_count = param_count;
    prepared->given = arena_array(&prepared->arena, enum type_id, param_count + 1);
    for (unsigned i = 0; i < param_count; i++) {
        prepared->given[i] = (enum type_id)param_types[i];
    }
    for (unsigned i = 0; i < script->count; i++) {
        struct compiled *compiled = &prepared->statements[i];
        compiled->ast = script->statements[i];
        compiled->params.count = compiled->params.capacity = param_count;
        compiled->params.types = arena_array(&prepared->arena, enum type_id, param_count + 1);
        for (unsigned p = 0; p < param_count; p++) {
            bool unknown = param_types[p] == 0 || param_types[p] == TYPE_UNKNOWN;
            compiled->params.types[p] = unknown ? TYPE_INVALID : (enum type_id)param_types[p];
        }
        prepared->needs_primary |= statement__needs_primary(compiled->ast);
    }
}

enum status
prepared__parse(struct sql_session *session, const char *text, const uint32_t *param_types,
                unsigned param_count, struct sql_prepared **prepared_out, struct diag *diag)
{
    *prepared_out = NULL;
    size_t size = strlen(text);
    uint64_t hash = hash64(slice_make(text, size), param_count);
    bool keep = size <= TEXT_CACHE_BYTES_MAX;
    struct sql_prepared *prepared =
        keep ? find_text(session, text, hash, param_types, param_count) : NULL;
    if (prepared != NULL && is_current(session, prepared)) {
        *prepared_out = prepared__ref(prepared);
        return STATUS_OK;
    }
    if (prepared != NULL) {
        forget_text(session, prepared);
    }
    TRY(check_types(param_types, param_count, diag));
    struct arena arena;
    arena_init(&arena);
    prepared = arena_new(&arena, struct sql_prepared);
    prepared->reference_count = 1;
    prepared->text = arena_strndup(&arena, text, size);
    prepared->text_hash = hash;
    struct parsed_script script = {0};
    enum status status = parse_script(prepared->text, &arena, &script, diag);
    if (status != STATUS_OK) {
        arena_deinit(&arena);
        return status;
    }
    prepared->arena = arena;
    fill_statements(prepared, &script, param_types, param_count);
    if (keep && may_keep(prepared)) {
        keep_text(session, prepared);
    }
    *prepared_out = prepared;
    return STATUS_OK;
}

struct sql_prepared *
prepared__within(struct sql_prepared *owner, const struct ast_statement *statement,
                 const uint32_t *param_types, unsigned param_count)
{
    struct arena arena;
    arena_init(&arena);
    struct sql_prepared *prepared = arena_new(&arena, struct sql_prepared);
    prepared->reference_count = 1;
    prepared->owner = prepared__ref(owner);
    prepared->text = owner->text;
    prepared->arena = arena;
    struct ast_statement **statements =
        arena_array(&prepared->arena, struct ast_statement *, 1);
    statements[0] = (struct ast_statement *)(uintptr_t)statement;
    struct parsed_script script = {.count = 1, .statements = statements};
    fill_statements(prepared, &script, param_types, param_count);
    return prepared;
}

static void
describe_unit(struct plan_unit *unit)
{
    const struct query *query = unit->query;
    bool changes = query->kind == QUERY_INSERT || query->kind == QUERY_UPDATE ||
                   query->kind == QUERY_DELETE;
    unsigned count = changes ? query->returning_count : query->target_count;
    const struct target *targets = changes ? query->returning : query->targets;
    unit->has_result = count > 0 || !changes;
    unit->columns = arena_array(&unit->arena, struct sql_column, count + 1);
    for (unsigned i = 0; i < count; i++) {
        if (targets[i].junk) {
            continue;
        }
        unit->columns[unit->column_count++] =
            (struct sql_column){.name = targets[i].name,
                                .table_id = targets[i].table_id,
                                .attribute_no = targets[i].attribute_no,
                                .type = targets[i].expr->type,
                                .typmod = targets[i].expr->typmod};
    }
}

static enum status
make_unit(struct sql_session *session, struct compiled *compiled, struct sql_prepared *prepared,
          struct plan_unit **unit_out, struct diag *diag)
{
    struct arena arena;
    arena_init(&arena);
    struct plan_unit *unit = arena_new(&arena, struct plan_unit);
    unit->arena = arena;
    unit->reference_count = 1;
    unit->catalog = catalog_ref(session->cx.catalog);
    struct sql_context cx = session->cx;
    cx.arena = &unit->arena;
    cx.diag = diag;
    cx.params = NULL;
    cx.param_count = 0;
    struct bind_params params = compiled->params;
    if (params.count > 0) { /* the binder may grow it: it starts from a copy */
        params.types = arena_array(&unit->arena, enum type_id, params.capacity);
        memcpy(params.types, compiled->params.types, params.count * sizeof(*params.types));
    }
    enum status status = bind_query(&cx, compiled->ast, &params, &unit->query);
    if (status == STATUS_OK) {
        status = plan_query(&cx, unit->query, &unit->plan);
    }
    if (status != STATUS_OK) {
        plan_unit__unref(unit);
        return status;
    }
    describe_unit(unit);
    if (params.count > compiled->params.capacity) {
        compiled->params.types = arena_array(&prepared->arena, enum type_id, params.count);
        compiled->params.capacity = params.count;
    }
    if (params.count > 0) {
        memcpy(compiled->params.types, params.types, params.count * sizeof(*params.types));
    }
    compiled->params.count = params.count;
    *unit_out = unit;
    return STATUS_OK;
}

static bool
same_columns(const struct plan_unit *a, const struct plan_unit *b)
{
    bool same = a->column_count == b->column_count;
    for (unsigned i = 0; same && i < a->column_count; i++) {
        same = a->columns[i].type == b->columns[i].type &&
               a->columns[i].typmod == b->columns[i].typmod &&
               strcmp(a->columns[i].name, b->columns[i].name) == 0;
    }
    return same;
}

enum status
prepared__compile(struct sql_session *session, struct sql_prepared *prepared,
                  struct compiled *compiled, struct diag *diag)
{
    if (!statement__is_query(compiled->ast)) {
        if (!compiled->described) {
            TRY(utility__describe(session, prepared, compiled));
            compiled->described = true;
        }
        return STATUS_OK;
    }
    struct plan_unit *old = compiled->unit;
    if (old != NULL && catalog_number(old->catalog) == catalog_number(session->cx.catalog)) {
        return STATUS_OK;
    }
    struct plan_unit *unit = NULL;
    TRY(make_unit(session, compiled, prepared, &unit, diag));
    if (old != NULL && compiled->described && !same_columns(old, unit)) {
        plan_unit__unref(unit);
        return diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "cached plan must not change result type");
    }
    plan_unit__unref(old);
    compiled->unit = unit;
    return STATUS_OK;
}

/* ---- names ---- */
struct named_prepared *
prepared__find(struct sql_session *session, const char *name)
{
    LIST_EACH(it, &session->names)
    {
        struct named_prepared *named = LIST_ITEM(it, struct named_prepared, link);
        if (strcmp(named->name, name) == 0) {
            return named;
        }
    }
    return NULL;
}

void
prepared__remove_name(struct named_prepared *named)
{
    list_remove(&named->link);
    prepared__unref(named->prepared);
    free((char *)(uintptr_t)named->name);
    free(named);
}

void
prepared__close_all(struct sql_session *session)
{
    LIST_EACH(it, &session->names)
    {
        prepared__remove_name(LIST_ITEM(it, struct named_prepared, link));
    }
}

enum status
prepared__add_name(struct sql_session *session, const char *name, struct sql_prepared *prepared)
{
    struct named_prepared *named = calloc(1, sizeof(*named));
    ASSERT(named != NULL);
    named->name = strdup(name);
    ASSERT(named->name != NULL);
    named->prepared = prepared;
    list_push_front(&session->names, &named->link);
    return STATUS_OK;
}

/* ---- the facade ---- */
static bool
ends_transaction(const struct ast_statement *statement)
{
    return statement->kind == AST_TRANSACTION &&
           (statement->transaction.kind == AST_TXN_COMMIT ||
            statement->transaction.kind == AST_TXN_ROLLBACK ||
            statement->transaction.kind == AST_TXN_ROLLBACK_TO);
}

/* Binds within the message's transaction; opens an implicit one if there is none. */
static enum status
compile_in_transaction(struct sql_session *session, struct sql_prepared *prepared,
                       struct diag *diag)
{
    struct compiled *compiled = &prepared->statements[0];
    if (session->block == BLOCK_FAILED) {
        if (ends_transaction(compiled->ast)) {
            return STATUS_OK;
        }
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_IN_FAILED_SQL_TRANSACTION,
                         "current transaction is aborted, commands ignored until end of "
                         "transaction block");
    }
    if (!statement__is_query(compiled->ast) && compiled->ast->kind != AST_EXECUTE) {
        session->cx.diag = diag;
        return prepared__compile(session, prepared, compiled, diag);
    }
    if (compiled->unit != NULL && session->cx.catalog != NULL &&
        catalog_number(compiled->unit->catalog) == catalog_number(session->cx.catalog)) {
        return STATUS_OK; /* checked again when it runs */
    }
    enum status status = STATUS_OK;
    if (session->block == BLOCK_NONE) {
        status = session__begin(session, BLOCK_IMPLICIT, diag);
    }
    if (status == STATUS_OK) {
        status = session__snapshot(session, diag);
    }
    if (status == STATUS_OK) {
        session->cx.diag = diag;
        status = prepared__compile(session, prepared, compiled, diag);
    }
    if (status == STATUS_OK) {
        compiled->described = true;
    }
    return status;
}

enum status
sql_prepare(struct sql_session *session, const char *name, const char *text,
            const uint32_t *param_types, unsigned param_count, struct diag *diag)
{
    struct named_prepared *there = prepared__find(session, name);
    enum status status = STATUS_OK;
    struct sql_prepared *prepared = NULL;
    if (there != NULL && name[0] != 0) {
        status = diag_fail(diag, STATUS_INVALID, SQLSTATE_DUPLICATE_PREPARED_STATEMENT,
                           "prepared statement \"%s\" already exists", name);
        goto fail;
    }
    if (there != NULL) {
        prepared__remove_name(there);
    }
    status = prepared__parse(session, text, param_types, param_count, &prepared, diag);
    if (status == STATUS_OK && prepared->count > 1) {
        status = diag_fail(diag, STATUS_INVALID, SQLSTATE_SYNTAX_ERROR,
                           "cannot insert multiple commands into a prepared statement");
    }
    if (status == STATUS_OK && prepared->count == 1) {
        status = compile_in_transaction(session, prepared, diag);
    }
    if (status != STATUS_OK) {
        prepared__unref(prepared);
        goto fail;
    }
    return prepared__add_name(session, name, prepared);
fail:
    session__fail(session);
    return status;
}

enum status
sql_prepared_find(struct sql_session *session, const char *name,
                  struct sql_prepared **prepared_out, struct diag *diag)
{
    *prepared_out = NULL;
    struct named_prepared *named = prepared__find(session, name);
    if (named == NULL) {
        if (name[0] == 0) {
            diag_fail(diag, STATUS_NOT_FOUND, SQLSTATE_INVALID_SQL_STATEMENT_NAME,
                      "unnamed prepared statement does not exist");
        } else {
            diag_fail(diag, STATUS_NOT_FOUND, SQLSTATE_INVALID_SQL_STATEMENT_NAME,
                      "prepared statement \"%s\" does not exist", name);
        }
        session__fail(session);
        return STATUS_NOT_FOUND;
    }
    *prepared_out = named->prepared;
    return STATUS_OK;
}

void
sql_prepared_describe(struct sql_prepared *prepared, const enum type_id **params_out,
                      unsigned *param_count_out, const struct sql_column **columns_out,
                      unsigned *column_count_out)
{
    *params_out = NULL;
    *param_count_out = 0;
    *columns_out = NULL;
    *column_count_out = 0;
    if (prepared->count == 0) {
        return;
    }
    const struct compiled *compiled = &prepared->statements[0];
    *params_out = compiled->params.types;
    *param_count_out = compiled->params.count;
    if (compiled->unit != NULL && compiled->unit->has_result) {
        *columns_out = compiled->unit->columns;
        *column_count_out = compiled->unit->column_count;
    } else if (compiled->unit == NULL && compiled->column_count > 0) {
        *columns_out = compiled->columns;
        *column_count_out = compiled->column_count;
    }
}

void
sql_prepared_close(struct sql_session *session, const char *name)
{
    struct named_prepared *named = prepared__find(session, name);
    if (named != NULL) {
        prepared__remove_name(named);
    }
}
