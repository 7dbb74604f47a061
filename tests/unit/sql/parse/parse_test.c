/* parse_test.c: texts to trees: kinds, positions, errors, limits.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "sql/parse/parse.h"
#include "sql/parse/parse_limits.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct parse_fixture {
    struct arena arena;
    struct diag diag;
    struct parsed_script script;
};

static int
set_up(void **state)
{
    struct parse_fixture *f = calloc(1, sizeof(*f));
    arena_init(&f->arena);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct parse_fixture *f = *state;
    arena_deinit(&f->arena);
    free(f);
    return 0;
}

static enum status
parse(struct parse_fixture *f, const char *text)
{
    diag_clear(&f->diag);
    return parse_script(text, &f->arena, &f->script, &f->diag);
}

static const struct ast_statement *
parse_one(struct parse_fixture *f, const char *text)
{
    enum status status = parse(f, text);
    if (status != STATUS_OK) {
        print_error("%s: %s\n", text, f->diag.message);
    }
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(f->script.count, 1);
    return f->script.statements[0];
}

/* Each statement of the goal gets its own kind, and none is refused.
 * Method: a table of texts and kinds. */
static void
parse_script__statements_of_the_goal__have_their_kind(void **state)
{
    static const struct kind_case {
        const char *text;
        enum ast_statement_kind kind;
        bool returns_rows;
    } cases[] = {
        {"select 1", AST_SELECT, true},
        {"values (1), (2)", AST_SELECT, true},
        {"table t", AST_SELECT, true},
        {"insert into t values (1)", AST_INSERT, false},
        {"insert into t(a) select 1 returning a", AST_INSERT, true},
        {"insert into t default values", AST_INSERT, false},
        {"update t set a = 1, (b, c) = (2, 3)", AST_UPDATE, false},
        {"delete from t using u where t.a = u.a", AST_DELETE, false},
        {"create table t(a int primary key, b serial)", AST_CREATE_TABLE, false},
        {"create table pgbench_history(tid int,bid int,aid    int,delta int,mtime timestamp,"
         "filler char(22))",
         AST_CREATE_TABLE, false},
        {"create unique index concurrently if not exists i on t (a desc nulls last)",
         AST_CREATE_INDEX, false},
        {"create sequence s increment by 5 start 10 maxvalue 100 no minvalue cycle cache 7",
         AST_CREATE_SEQUENCE, false},
        {"alter table pgbench_accounts add primary key (aid)", AST_ALTER_TABLE, false},
        {"drop table if exists pgbench_accounts, pgbench_branches cascade", AST_DROP, false},
        {"truncate table pgbench_accounts, pgbench_branches", AST_TRUNCATE, false},
        {"begin isolation level repeatable read, read only", AST_TRANSACTION, false},
        {"start transaction", AST_TRANSACTION, false},
        {"end", AST_TRANSACTION, false},
        {"rollback to savepoint s", AST_TRANSACTION, false},
        {"copy pgbench_accounts from stdin with (freeze on)", AST_COPY, false},
        {"copy t (a, b) to stdout csv header", AST_COPY, false},
        {"set transaction isolation level serializable", AST_SET, false},
        {"set local search_path to a, 'b', c", AST_SET, false},
        {"reset all", AST_SET, false},
        {"show all", AST_SHOW, true},
        {"vacuum analyze pgbench_branches", AST_VACUUM, false},
        {"analyze", AST_ANALYZE, false},
        {"checkpoint", AST_CHECKPOINT, false},
        {"explain (analyze, costs off) select 1", AST_EXPLAIN, true},
        {"prepare p (int, text) as select $1, $2", AST_PREPARE, false},
        {"execute p (1, 'x')", AST_EXECUTE, false},
        {"deallocate all", AST_DEALLOCATE, false},
        {"discard all", AST_DISCARD, false},
        {"lock table t in share mode nowait", AST_LOCK, false},
        {"create view v as select 1", AST_UNSUPPORTED, false},
        {"create table t(a int check (a > 1))", AST_UNSUPPORTED, false},
        {"create table t(a int) partition by range (a)", AST_UNSUPPORTED, false},
        {"select sum(a) over () from t", AST_UNSUPPORTED, false},
        {"insert into t values (1) on conflict do nothing", AST_UNSUPPORTED, false},
        {"with recursive r as (select 1) select * from r", AST_UNSUPPORTED, false},
    };
    struct parse_fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct ast_statement *statement = parse_one(f, cases[i].text);
        if (statement->kind != cases[i].kind) {
            print_error("%s: kind %d%s%s\n", cases[i].text, (int)statement->kind,
                        statement->kind == AST_UNSUPPORTED ? ": " : "",
                        statement->kind == AST_UNSUPPORTED ? statement->unsupported->message
                                                           : "");
        }
        assert_int_equal(statement->kind, cases[i].kind);
        assert_int_equal(statement->returns_rows, cases[i].returns_rows);
        if (cases[i].kind == AST_UNSUPPORTED) {
            assert_string_equal(statement->unsupported->sqlstate,
                                SQLSTATE_FEATURE_NOT_SUPPORTED);
        }
    }
}

/* Each statement of a script knows its own text.
 * Method: cut the texts out by offset and size. */
static void
parse_script__several_statements__text_of_each(void **state)
{
    static const char text[] = " select 1 ;\n-- c\nselect 'x;y';; begin";
    static const char *const wanted[] = {"select 1 ", "-- c\nselect 'x;y'", "begin"};
    struct parse_fixture *f = *state;
    assert_int_equal(parse(f, text), STATUS_OK);
    assert_int_equal(f->script.count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct ast_statement *statement = f->script.statements[i];
        assert_int_equal(statement->text_size, strlen(wanted[i]));
        assert_memory_equal(text + statement->text_offset, wanted[i], statement->text_size);
    }
    assert_int_equal(parse(f, "  -- nothing\n ; "), STATUS_OK);
    assert_int_equal(f->script.count, 0);
}

/* Syntax errors are PostgreSQL's, with the position in characters.
 * Method: texts, messages and positions seen on PostgreSQL 15. */
static void
parse_script__syntax_error__message_and_position(void **state)
{
    static const struct error_case {
        const char *text, *message, *sqlstate;
        int position;
    } cases[] = {
        {"selec 1", "syntax error at or near \"selec\"", "42601", 1},
        {"select 1 +", "syntax error at end of input", "42601", 11},
        {"select 'ä', 'ö' frm t", "syntax error at or near \"t\"", "42601", 21},
        {"select 'x", "unterminated quoted string at or near \"'x\"", "42601", 8},
        {"select 1; selec 2", "syntax error at or near \"selec\"", "42601", 11},
        {"select \"\"", "zero-length delimited identifier at or near \"\"\"\"", "42601", 8},
        {"select 1 /* x", "unterminated /* comment at or near \"/* x\"", "42601", 10},
        {"select $1x \xff", "invalid byte sequence for encoding \"UTF8\": 0xff", "22021", 0},
        {"select '\xe4\xb8'", "invalid byte sequence for encoding \"UTF8\": 0xe4 0xb8 0x27",
         "22021", 0},
    };
    struct parse_fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        enum status status = parse(f, cases[i].text);
        assert_int_equal(status, STATUS_INVALID);
        assert_string_equal(f->diag.message, cases[i].message);
        assert_string_equal(f->diag.sqlstate, cases[i].sqlstate);
        if (f->diag.position != cases[i].position) {
            print_error("%s: position %d\n", cases[i].text, f->diag.position);
        }
        assert_int_equal(f->diag.position, cases[i].position);
    }
}

/* Positions in trees count characters, not bytes, forwards and backwards. */
static void
parse_script__text_beyond_ascii__positions_in_characters(void **state)
{
    struct parse_fixture *f = *state;
    const struct ast_select *select =
        &parse_one(f, "select 'ä', bcd from t where é = 1")->select;
    assert_int_equal(select->targets.items[1].expr->position, 13);
    assert_int_equal(select->where->args.items[0]->position, 30);
    assert_int_equal(select->where->position, 32); /* of the operator */
}

static char *
repeat(const char *head, const char *unit, size_t count, const char *tail)
{
    size_t unit_size = strlen(unit);
    char *text = malloc(strlen(head) + unit_size * count + strlen(tail) + 1);
    char *at = stpcpy(text, head);
    for (size_t i = 0; i < count; i++) {
        at = stpcpy(at, unit);
    }
    (void)stpcpy(at, tail);
    return text;
}

/* No nesting harms the node: deep ones answer 54001, whatever they are made of, and those just
 * below the bound parse on this thread's stack.
 * Method: for each unit a million (or a thousand) copies. */
static void
parse_script__deep_nesting__54001(void **state)
{
    static const struct nest_case {
        const char *head, *unit, *tail;
    } cases[] = {
        {"select ", "(", ""},
        {"select ", "[", ""},
        {"select 1", "+1", ""},
        {"select ", "- ", "1"},
        {"select ", "+", "1"},
        {"select ", "not ", "true"},
        {"select 1", "::int", ""},
        {"select 1", " is null", ""},
        {"select 1", " collate \"C\"", ""},
        {"select 1", " at time zone 'x'", ""},
        {"select 'a'", " || 'b'", ""},
        {"select 1", " union select 1", ""},
        {"select 1", " union select 1, 1", ""},
        {"values (1)", " except values (1)", ""},
        {"select * from a", " cross join b", ""},
        {"select ", "(select ", "1"},
        {"select ", "case when 1 then ", "1"},
        {"select ", "case (", "1"},
        {"select ", "f(1,", "1"},
        {"select ", "array[", "1"},
        {"select 1 ", "and (1 or ", "1"},
        {"select * from ", "(select * from ", "t"},
        {"select ", "exists(select ", "1"},
        {"explain ", "explain ", "select 1"},
        {"select $$ ( $$ /* ( */ + 'x' ", "- 'a''b'", ""},
    };
    struct parse_fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *text =
            repeat(cases[i].head, cases[i].unit, i < 2 ? 1000000 : 100000, cases[i].tail);
        enum status status = parse(f, text);
        if (status != STATUS_LIMIT) {
            print_error("%s%s..: %s\n", cases[i].head, cases[i].unit, f->diag.message);
        }
        assert_int_equal(status, STATUS_LIMIT);
        assert_string_equal(f->diag.sqlstate, SQLSTATE_STATEMENT_TOO_COMPLEX);
        assert_string_equal(f->diag.message, "stack depth limit exceeded");
        free(text);
    }
}

static size_t
deepest(struct parse_fixture *f, const char *head, const char *unit, const char *middle,
        const char *close)
{
    size_t count = 1;
    for (;; count += 1) {
        char *half = repeat(head, unit, count, middle);
        char *text = repeat(half, close, close[0] == '\0' ? 0 : count, "");
        enum status status = parse_limits_check(slice_from_text(text), &f->diag);
        if (status != STATUS_OK) {
            free(text);
            free(half);
            break;
        }
        free(text);
        free(half);
    }
    char *half = repeat(head, unit, count - 1, middle);
    char *text = repeat(half, close, close[0] == '\0' ? 0 : count - 1, "");
    (void)parse_one(f, text);
    free(text);
    free(half);
    return count - 1;
}

/* The deepest texts that pass the bound do parse: the bound fits the stack, and is not so low
 * that real statements meet it.
 * Method: search the bound of each form, parse at it, compare with a floor. */
static void
parse_script__just_below_the_limit__parses(void **state)
{
    struct parse_fixture *f = *state;
    assert_true(deepest(f, "select ", "(", "1", ")") >= 1000);
    assert_true(deepest(f, "select 1", "+1", "", "") >= 1000);
    assert_true(deepest(f, "select ", "(select ", "1", ")") >= 100);
    assert_true(deepest(f, "select 1", " union select 1", "", "") >= 400);
    assert_true(deepest(f, "select ", "case when true then ", "1", " end") >= 1000);
    assert_true(deepest(f, "select * from t", " cross join t", "", "") >= 1000);
    assert_true(deepest(f, "select * from ", "(select * from ", "t", ") x") >= 100);
}

/* Long flat texts are not refused.
 * Method: lists, AND and OR chains, many statements. */
static void
parse_script__long_flat_texts__parse(void **state)
{
    static const struct flat_case {
        const char *head, *unit, *tail;
    } cases[] = {
        {"select 1", ", 1 + 1", ""},
        {"select 1", " and a = 1", ""},
        {"select 1", " or (a = 1 and b = -1)", ""},
        {"insert into t values (1, 'x')", ", (1 + 2, case when a then b end)", ""},
        {"select 1 where a in (1", ", -1", ")"},
        {"", "select (1 + 1) union select 2;", ""},
    };
    struct parse_fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *text = repeat(cases[i].head, cases[i].unit, 5000, cases[i].tail);
        assert_int_equal(parse(f, text), STATUS_OK);
        free(text);
    }
}

/* CREATE TABLE keeps what the catalog needs. */
static void
parse_script__create_table__columns_and_constraints(void **state)
{
    struct parse_fixture *f = *state;
    const struct ast_create_table *create =
        &parse_one(f, "create table if not exists s.t (id bigserial primary key, "
                      "n numeric(10,2) not null default 1 + 2 * 3, "
                      "c varchar(20) constraint cu unique default 'it''s', "
                      "m timestamp with time zone default now(), "
                      "constraint pu unique (n, c)) with (fillfactor=70)")
             ->create_table;
    assert_string_equal(create->table.schema, "s");
    assert_true(create->if_not_exists);
    assert_int_equal(create->column_count, 4);
    assert_int_equal(create->columns[0].serial_bytes, 8);
    assert_string_equal(create->columns[0].type.name, "int8");
    assert_true(create->columns[0].not_null);
    assert_string_equal(create->columns[1].type.name, "numeric");
    assert_int_equal(create->columns[1].type.modifiers[1], 2);
    assert_string_equal(create->columns[1].default_sql, "1 + (2 * 3)");
    assert_string_equal(create->columns[2].default_sql, "'it''s'");
    assert_string_equal(create->columns[3].type.name, "timestamptz");
    assert_string_equal(create->columns[3].default_sql, "now()");
    assert_int_equal(create->constraint_count, 3);
    assert_string_equal(create->constraints[0].columns.items[0].name, "id");
    assert_string_equal(create->constraints[1].name, "cu");
    assert_int_equal(create->constraints[2].columns.count, 2);
    assert_string_equal(create->options.items[0].name, "fillfactor");
    assert_string_equal(create->options.items[0].value, "70");
}

/* Options, settings and sequences keep their values. */
static void
parse_script__options__kept(void **state)
{
    struct parse_fixture *f = *state;
    const struct ast_copy *copy =
        &parse_one(f, "copy t (a) from stdin with (format csv, delimiter '|', header)")->copy;
    assert_true(copy->from);
    assert_null(copy->file);
    assert_string_equal(copy->options.items[0].value, "csv");
    assert_string_equal(copy->options.items[1].value, "|");
    assert_null(copy->options.items[2].value);
    const struct ast_set *set = &parse_one(f, "set time zone 'UTC'")->set;
    assert_string_equal(set->name, "timezone");
    assert_string_equal(set->values[0].text, "UTC");
    const struct ast_create_sequence *sequence =
        &parse_one(f, "create sequence s as bigint minvalue -5 maxvalue 9223372036854775807")
             ->create_sequence;
    assert_int_equal(sequence->min, -5);
    assert_true(sequence->max == INT64_MAX);
    assert_false(sequence->has_start);
    const struct ast_transaction *begin =
        &parse_one(f, "begin isolation level repeatable read read only")->transaction;
    assert_int_equal(begin->modes.isolation, AST_ISOLATION_REPEATABLE_READ);
    assert_int_equal(begin->modes.read_only, AST_CHOICE_YES);
    const struct ast_statement *vacuum = parse_one(f, "vacuum (full, verbose off) t (a)");
    assert_string_equal(vacuum->vacuum.options.items[1].value, "off");
}

/* An expression alone, as defaults are kept, and what is more than one. */
static void
parse_expression__one_or_not__read_or_refused(void **state)
{
    struct parse_fixture *f = *state;
    struct ast_expr *expr = NULL;
    assert_int_equal(parse_expression("nextval('s'::regclass)", &f->arena, &expr, &f->diag),
                     STATUS_OK);
    assert_int_equal(expr->kind, AST_FUNC);
    assert_int_equal(parse_expression("1, 2", &f->arena, &expr, &f->diag), STATUS_INVALID);
    assert_int_equal(parse_expression("1; select 2", &f->arena, &expr, NULL), STATUS_INVALID);
    assert_int_equal(parse_expression("", &f->arena, &expr, NULL), STATUS_INVALID);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parse_script__statements_of_the_goal__have_their_kind,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(parse_script__several_statements__text_of_each, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(parse_script__syntax_error__message_and_position,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            parse_script__text_beyond_ascii__positions_in_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parse_script__deep_nesting__54001, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parse_script__just_below_the_limit__parses, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(parse_script__long_flat_texts__parse, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(parse_script__create_table__columns_and_constraints,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(parse_script__options__kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parse_expression__one_or_not__read_or_refused, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
