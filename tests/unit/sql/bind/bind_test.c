/* bind_test.c: bound statements against what PostgreSQL 15 makes of them, and the shape of
 * trees.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "sql/bind/bind.h"
#include "sql/parse/parse.h"
#include "tests/unit/sql/bind/fake_catalog.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct bind_fixture {
    struct arena arena;
    struct diag diag;
    struct fake_catalog catalog;
    struct sql_context cx;
    struct bind_params params;
    struct query *query;
};

static int
set_up(void **state)
{
    struct bind_fixture *f = calloc(1, sizeof(*f));
    arena_init(&f->arena);
    fake_catalog_init(&f->catalog);
    f->cx = (struct sql_context){.catalog_hooks = fake_catalog_hooks(),
                                 .arena = &f->arena,
                                 .diag = &f->diag,
                                 .host_arg = &f->catalog,
                                 .database = "bind_cases"};
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct bind_fixture *f = *state;
    fake_catalog_deinit(&f->catalog);
    arena_deinit(&f->arena);
    free(f);
    return 0;
}

static enum status
bind(struct bind_fixture *f, const char *text)
{
    struct parsed_script script;
    diag_clear(&f->diag);
    f->params = (struct bind_params){0};
    f->query = NULL;
    enum status status = parse_script(text, &f->arena, &script, &f->diag);
    if (status != STATUS_OK) {
        return status;
    }
    assert_int_equal(script.count, 1);
    return bind_query(&f->cx, script.statements[0], &f->params, &f->query);
}

static const struct query *
bind_ok(struct bind_fixture *f, const char *text)
{
    enum status status = bind(f, text);
    if (status != STATUS_OK) {
        print_error("%s: %s\n", text, f->diag.message);
    }
    assert_int_equal(status, STATUS_OK);
    return f->query;
}

static void
add_type(struct buf *out, const char *name, enum type_id type, int32_t typmod)
{
    buf_printf(out, "%s%s ", out->size > 0 ? ", " : "", name);
    type_format(type, typmod, out);
}

/* As record.py writes PostgreSQL's answer. */
static const char *
answer(struct bind_fixture *f, const char *text)
{
    struct buf out = BUF_EMPTY;
    if (bind(f, text) != STATUS_OK) {
        buf_printf(&out, "ERROR %s %d %s", f->diag.sqlstate, f->diag.position, f->diag.message);
    } else {
        char name[16];
        for (unsigned i = 0; i < f->params.count; i++) {
            (void)snprintf(name, sizeof(name), "$%u", i + 1);
            add_type(&out, name, f->params.types[i], -1);
        }
        bool is_select = f->query->kind == QUERY_SELECT || f->query->kind == QUERY_VALUES;
        const struct target *targets = is_select ? f->query->targets : f->query->returning;
        unsigned count = is_select ? f->query->target_count : f->query->returning_count;
        for (unsigned i = 0; i < count; i++) {
            if (!targets[i].junk) {
                add_type(&out, targets[i].name, targets[i].expr->type, targets[i].expr->typmod);
            }
        }
    }
    const char *copy = arena_strndup(&f->arena, out.data, out.size);
    buf_deinit(&out);
    return copy;
}

static const struct recorded {
    const char *text, *answer;
} recorded[] = {
#include "tests/unit/sql/bind/bind_cases.inc"
};

/* Where we answer otherwise, on purpose: features that are not built, and named. */
static const struct recorded differing[] = {
#include "tests/unit/sql/bind/bind_differing.inc"
};

static const char *
wanted_answer(const struct recorded *c)
{
    for (size_t i = 0; i < ARRAY_SIZE(differing); i++) {
        if (strcmp(differing[i].text, c->text) == 0) {
            return differing[i].answer;
        }
    }
    return c->answer;
}

/* Names, types and errors are PostgreSQL's.
 * Method: bind_cases.sql, prepared by a PostgreSQL 15 (record.py), against ours. */
static void
bind_query__recorded_statements__as_postgresql(void **state)
{
    struct bind_fixture *f = *state;
    unsigned bad_count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(recorded); i++) {
        const char *wanted = wanted_answer(&recorded[i]);
        const char *got = answer(f, recorded[i].text);
        if (strcmp(wanted, got) != 0) {
            print_error("%s\n  wanted %s\n  got    %s\n", recorded[i].text, wanted, got);
            bad_count++;
        }
    }
    assert_int_equal(bad_count, 0);
}

static const char *const client_queries[] = {
#include "tests/unit/sql/bind/client_queries.inc"
};

/* Functions that these texts want and sql/func does not have: the only reason to fail. */
static const char *const missing_functions[] = {
    "function pg_partition_ancestors(unknown) does not exist", /* \d of a partition */
    "function pg_partition_ancestors(oid) does not exist",
    "function pg_get_statisticsobjdef_columns(oid) does not exist",
    "cannot cast type int2vector to smallint[]",
    "subscripts of arrays are not supported",
    "function pg_get_triggerdef(oid, boolean) does not exist", /* \d with triggers */
    "operator does not exist: text[] || text[]",
    "function pg_get_function_result(oid) does not exist",  /* \df */
    "function pg_tablespace_location(oid) does not exist",  /* \db */
    "function array_position(name[], name) does not exist", /* pgbench's partitions */
};

static bool
lacks_function(const char *message)
{
    for (size_t i = 0; i < ARRAY_SIZE(missing_functions); i++) {
        if (strcmp(message, missing_functions[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* All that psql and pgbench ask is understood. */
static void
bind_query__what_psql_and_pgbench_send__bound(void **state)
{
    struct bind_fixture *f = *state;
    unsigned bad_count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(client_queries); i++) {
        if (bind(f, client_queries[i]) != STATUS_OK && !lacks_function(f->diag.message)) {
            print_error("%s at %d of %.300s\n", f->diag.message, f->diag.position,
                        client_queries[i]);
            bad_count++;
        }
    }
    assert_int_equal(bad_count, 0);
}

/* Columns of outer queries carry how many queries they are away; a set operation is one, too.
 * Method: the innermost `id` of nested texts. */
static void
bind_query__correlated__levels_counted(void **state)
{
    struct bind_fixture *f = *state;
    const struct query *query =
        bind_ok(f, "select (select (select t1.id from t2 limit 1) from t2) from t1");
    const struct query *inner =
        query->targets[0].expr->op.subquery->targets[0].expr->op.subquery;
    assert_int_equal(inner->targets[0].expr->kind, EXPR_COLUMN);
    assert_int_equal(inner->targets[0].expr->column.level, 2);

    query = bind_ok(f, "select (select a from t2 union select t1.id from t2) from t1");
    inner = query->targets[0].expr->op.subquery;
    assert_int_equal(inner->set_operation, SET_UNION);
    assert_int_equal(inner->right->targets[0].expr->column.level, 2);

    query = bind_ok(f, "select 1 from t1, lateral (select a from t2 where a = t1.id) l");
    const struct expr *where = query->ranges[1].subquery->where;
    assert_int_equal(where->args[1]->column.level, 1);
    assert_true(query->ranges[1].lateral);
}

/* A cast that a column of a sub-query needs goes around the query where it orders or groups;
 * its references outwards are one level further away then. */
static void
bind_query__column_of_ordered_query_cast__query_wrapped(void **state)
{
    struct bind_fixture *f = *state;
    const struct query *query = bind_ok(
        f, "select 1 from t1 where v in (select a from t2 where a = t1.id order by a limit 1)");
    const struct query *outer = query->where->op.subquery;
    assert_int_equal(outer->targets[0].expr->kind, EXPR_CAST);
    assert_int_equal(outer->targets[0].expr->type, TYPE_NUMERIC);
    const struct query *inner = outer->ranges[0].subquery;
    assert_int_equal(inner->sort_count, 1);
    assert_int_equal(inner->where->args[0]->column.level, 0);
    assert_int_equal(inner->where->args[1]->column.level, 2);
    /* Not where nothing orders. */
    query = bind_ok(f, "select 1 from t1 where v in (select a from t2)");
    assert_int_equal(query->where->op.subquery->ranges[0].kind, RANGE_TABLE);
    /* BETWEEN uses its operand twice: raised once all the same. */
    query = bind_ok(f, "select 1 from t1 where v in "
                       "(select a from t2 where t1.id between 1 and 2 order by a)");
    inner = query->where->op.subquery->ranges[0].subquery;
    assert_int_equal(inner->where->args[0]->args[0]->column.level, 2);
    assert_int_equal(inner->where->args[1]->args[0]->column.level, 2);
}

/* ORDER BY and GROUP BY share targets with the result where they can, and add hidden ones. */
static void
bind_query__order_and_group__targets_shared(void **state)
{
    struct bind_fixture *f = *state;
    const struct query *query =
        bind_ok(f, "select name, id + 1 from t1 order by 2 desc, name, v, id + 1 nulls first");
    assert_int_equal(query->target_count, 3);
    assert_true(query->targets[2].junk);
    assert_int_equal(query->sort_count, 3); /* id + 1 is there already */
    assert_int_equal(query->sort_keys[0].target_no, 1);
    assert_true(query->sort_keys[0].descending && query->sort_keys[0].nulls_first);
    assert_int_equal(query->sort_keys[2].target_no, 2);

    query = bind_ok(f, "select count(*) from t1 group by name, v having v > 1 order by name");
    assert_int_equal(query->group_count, 2);
    assert_int_equal(query->target_count, 3);
    assert_int_equal(query->sort_keys[0].target_no, query->group_targets[0]);
    assert_true(query->has_aggregates);
}

/* INSERT: the row's expressions have the columns' types; what is not given has its default. */
static void
bind_query__insert__columns_matched(void **state)
{
    struct bind_fixture *f = *state;
    const struct query *query = bind_ok(f, "insert into t1 (v, id) values ('1.239', 5)");
    assert_int_equal(query->source->range_count, 0); /* one row: no VALUES list */
    assert_int_equal(query->insert_column_count, 2);
    assert_int_equal(query->insert_columns[0], 2);
    assert_int_equal(query->source->targets[0].expr->kind, EXPR_CONST);
    assert_int_equal(query->source->targets[0].expr->type, TYPE_NUMERIC);
    assert_null(query->defaults[0]);
    assert_int_equal(query->defaults[1]->kind, EXPR_CONST);
    assert_int_equal(query->defaults[1]->type, TYPE_VARCHAR);
    assert_int_equal(query->defaults[3]->kind, EXPR_FUNC);
    assert_int_equal(query->defaults[3]->position, 0);
    assert_false(query->reads_only);

    query = bind_ok(f, "insert into t1 (id, name) values (1, 'a'), (2, default)");
    assert_int_equal(query->source->ranges[0].kind, RANGE_VALUES);
    assert_int_equal(query->source->ranges[0].row_count, 2);
    assert_int_equal(query->source->ranges[0].rows[1][1]->type, TYPE_VARCHAR);

    query = bind_ok(f, "insert into t3 values (1, 'a', 2)"); /* a dropped column between */
    assert_int_equal(query->insert_columns[1], 2);
    assert_int_equal(query->insert_columns[2], 3);
}

/* USING merges; a dropped column is not seen. */
static void
bind_query__using__merged_column(void **state)
{
    struct bind_fixture *f = *state;
    const struct query *query = bind_ok(f, "select * from t1 full join t3 using (id)");
    assert_int_equal(query->targets[0].expr->kind, EXPR_COALESCE);
    assert_int_equal(query->targets[0].expr->type, TYPE_INT8);
    assert_int_equal(query->target_count, 6);
    assert_int_equal(query->from[0]->join, JOIN_FULL);
    assert_int_equal(query->from[0]->on->kind, EXPR_FUNC);
    query = bind_ok(f, "select * from t3");
    assert_int_equal(query->target_count, 3);
    assert_int_equal(query->targets[1].expr->column.column_no, 2);
    assert_int_equal(query->targets[1].attribute_no, 3);
    assert_int_equal(query->targets[1].table_id, 20003);
}

/* What may run on a replica: no change, no lock, no function with effects, however deep. */
static void
bind_query__effects__not_reads_only(void **state)
{
    static const struct effect_case {
        const char *text;
        bool reads_only;
    } cases[] = {
        {"select * from t1", true},
        {"select now(), random()", true},
        {"values (1)", true},
        {"select 1 union select 2", true},
        {"select id from t1 for update", false},
        {"select nextval('t1')", false},
        {"select 1 from t1 where exists (select nextval('t1'))", false},
        {"select * from (select setval('t1', 1)) x", false},
        {"with w as (select nextval('t1')) select 1", true}, /* never used, never run */
        {"delete from t1", false},
    };
    struct bind_fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct query *query = bind_ok(f, cases[i].text);
        if (query->reads_only != cases[i].reads_only) {
            print_error("%s\n", cases[i].text);
        }
        assert_int_equal(query->reads_only, cases[i].reads_only);
    }
}

/* A parameter's type, once told, holds for all its uses; given types stand. */
static void
bind_query__parameters__types_kept(void **state)
{
    struct bind_fixture *f = *state;
    const struct query *query = bind_ok(f, "select $1 is null, $1 + 1");
    assert_int_equal(f->params.types[0], TYPE_INT4);
    assert_int_equal(query->targets[0].expr->args[0]->type, TYPE_INT4);

    struct parsed_script script;
    assert_int_equal(parse_script("select $1 + 1", &f->arena, &script, &f->diag), STATUS_OK);
    enum type_id given[1] = {TYPE_INT8};
    struct bind_params params = {.count = 1, .capacity = 1, .types = given};
    assert_int_equal(bind_query(&f->cx, script.statements[0], &params, &f->query), STATUS_OK);
    assert_int_equal(f->query->targets[0].expr->type, TYPE_INT8);
    assert_int_equal(bind_query(&f->cx, script.statements[0], NULL, &f->query), STATUS_INVALID);
    assert_string_equal(f->diag.sqlstate, SQLSTATE_UNDEFINED_PARAMETER);
}

/* Small texts that would make huge trees are refused.
 * Method: WITH queries that use each other twice; BETWEEN in BETWEEN; CASE in CASE. */
static void
bind_query__small_text_huge_tree__54001(void **state)
{
    struct bind_fixture *f = *state;
    struct buf with = BUF_EMPTY, between = BUF_EMPTY, cases = BUF_EMPTY;
    buf_append_text(&with, "with w0 as (select 1 as a)");
    buf_append_text(&between, "select ");
    buf_append_text(&cases, "select ");
    for (int i = 1; i < 60; i++) {
        buf_printf(&with, ", w%d as (select x.a from w%d x, w%d y)", i, i - 1, i - 1);
        buf_append_text(&between, "(");
        buf_append_text(&cases, "case ");
    }
    buf_append_text(&with, " select * from w59");
    buf_append_text(&between, "true");
    buf_append_text(&cases, "1");
    for (int i = 1; i < 60; i++) {
        buf_append_text(&between, " between false and true)");
        buf_append_text(&cases, " when 1 then 2 when 3 then 4 end");
    }
    struct buf *texts[] = {&with, &between, &cases};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        buf_append(texts[i], "", 1);
        assert_int_equal(bind(f, (const char *)texts[i]->data), STATUS_LIMIT);
        assert_string_equal(f->diag.sqlstate, SQLSTATE_STATEMENT_TOO_COMPLEX);
        buf_deinit(texts[i]);
    }
}

/* Statements that are not built answer what they were. */
static void
bind_query__unsupported_statement__0a000(void **state)
{
    struct bind_fixture *f = *state;
    assert_int_equal(bind(f, "insert into t1 values (1) on conflict do nothing"),
                     STATUS_UNSUPPORTED);
    assert_string_equal(f->diag.sqlstate, SQLSTATE_FEATURE_NOT_SUPPORTED);
    assert_string_equal(f->diag.message, "INSERT .. ON CONFLICT is not supported");
    assert_int_equal(f->diag.position, 27);
}

/* The deepest tree that the parser lets through binds on a thread's stack. */
static void
bind_query__deepest_texts__bound(void **state)
{
    struct bind_fixture *f = *state;
    struct buf chain = BUF_EMPTY, nested = BUF_EMPTY, unions = BUF_EMPTY;
    buf_append_text(&chain, "select 1");
    buf_append_text(&nested, "select ");
    buf_append_text(&unions, "select 1");
    for (int i = 0; i < 1150; i++) {
        buf_append_text(&chain, " + 1");
    }
    for (int i = 0; i < 120; i++) {
        buf_append_text(&nested, "(select ");
    }
    buf_append_text(&nested, "1");
    for (int i = 0; i < 120; i++) {
        buf_append_text(&nested, ")");
    }
    for (int i = 0; i < 500; i++) {
        buf_append_text(&unions, " union select 1");
    }
    struct buf *texts[] = {&chain, &nested, &unions};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        buf_append(texts[i], "", 1);
        (void)bind_ok(f, (const char *)texts[i]->data);
        buf_deinit(texts[i]);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bind_query__recorded_statements__as_postgresql, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(bind_query__what_psql_and_pgbench_send__bound, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(bind_query__correlated__levels_counted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(bind_query__column_of_ordered_query_cast__query_wrapped,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(bind_query__order_and_group__targets_shared, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(bind_query__insert__columns_matched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bind_query__using__merged_column, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bind_query__effects__not_reads_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bind_query__parameters__types_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bind_query__small_text_huge_tree__54001, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(bind_query__unsupported_statement__0a000, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(bind_query__deepest_texts__bound, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
