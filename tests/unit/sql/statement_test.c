/* statement_test.c: settings, PREPARE, COPY, VACUUM, and the extended protocol.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/sql/cases.h"

#include <stdio.h>

static void
settings__set_and_shown__follow_the_transaction(void **state)
{
    static const struct sql_case cases[] = {
        {"SHOW TimeZone", "[TimeZone]\nUTC\nSHOW\n"},
        {"SET nosuch = 1", "ERROR 42704: unrecognized configuration parameter \"nosuch\"\n"},
        {"SHOW nosuch", "ERROR 42704: unrecognized configuration parameter \"nosuch\"\n"},
        {"SET server_version = '9'",
         "ERROR 55P02: parameter \"server_version\" cannot be changed\n"},
        {"SET lock_timeout = '2s'; SHOW lock_timeout", "SET\n[lock_timeout]\n2s\nSHOW\n"},
        {"SET lock_timeout = -1",
         "ERROR 22023: -1 ms is outside the valid range for parameter \"lock_timeout\" (0 .. "
         "2147483647)\n"},
        {"RESET lock_timeout; SHOW lock_timeout", "RESET\n[lock_timeout]\n0\nSHOW\n"},
        {"SET LOCAL lock_timeout = 1",
         "WARNING 25P01: SET LOCAL can only be used in transaction blocks\nSET\n"},
        {"SHOW lock_timeout", "[lock_timeout]\n0\nSHOW\n"},
        {"BEGIN; SET LOCAL lock_timeout = 1; SHOW lock_timeout",
         "BEGIN\nSET\n[lock_timeout]\n1ms\nSHOW\n"},
        {"COMMIT; SHOW lock_timeout", "COMMIT\n[lock_timeout]\n0\nSHOW\n"},
        {"BEGIN; SET lock_timeout = 1; ROLLBACK; SHOW lock_timeout",
         "BEGIN\nSET\nROLLBACK\n[lock_timeout]\n0\nSHOW\n"},
        {"SET extra_float_digits = 3", "SET\n"},
        {"SET client_encoding TO 'utf-8'; SHOW client_encoding",
         "parameter client_encoding=UTF8\nSET\n[client_encoding]\nUTF8\nSHOW\n"},
        {"SET client_encoding TO 'latin1'",
         "ERROR 0A000: value \"latin1\" of parameter \"client_encoding\" is not supported\n"},
        {"SELECT current_setting('extra_float_digits')", "[current_setting]\n3\nSELECT 1\n"},
        {"SELECT setting, source FROM pg_settings WHERE name = 'extra_float_digits'",
         "[setting|source]\n3|session\nSELECT 1\n"},
    };
    struct fixture *f = *state;
    EXPECT_ALL(&f->a, cases);
}

static void
prepare__executed__runs_with_its_values(void **state)
{
    static const struct sql_case cases[] = {
        {"CREATE TABLE t (a int PRIMARY KEY, b text)", "CREATE TABLE\n"},
        {"PREPARE ins (int, text) AS INSERT INTO t VALUES ($1, $2)", "PREPARE\n"},
        {"PREPARE ins AS SELECT 1", "ERROR 42P05: prepared statement \"ins\" already exists\n"},
        {"EXECUTE ins (1, 'x'); EXECUTE ins (1 + 1, upper('y'))", "INSERT 0 1\nINSERT 0 1\n"},
        {"EXECUTE ins (1)",
         "ERROR 42601: wrong number of parameters for prepared statement \"ins\"\n"
         "DETAIL: Expected 2 parameters but got 1.\n"},
        {"EXECUTE nosuch", "ERROR 26000: prepared statement \"nosuch\" does not exist\n"},
        {"PREPARE q AS SELECT b FROM t WHERE a = $1; EXECUTE q(2)",
         "PREPARE\n[b]\nY\nSELECT 1\n"},
        {"DEALLOCATE q; EXECUTE q(2)",
         "DEALLOCATE\nERROR 26000: prepared statement \"q\" does not exist\n"},
        {"DEALLOCATE ALL", "DEALLOCATE ALL\n"},
        {"EXPLAIN (ANALYZE) SELECT 1", "ERROR 0A000: EXPLAIN option \"analyze\" is not "
                                       "supported\n"},
        {"DISCARD ALL", "DISCARD ALL\n"},
    };
    struct fixture *f = *state;
    EXPECT_ALL(&f->a, cases);
}

/* Goal: lines survive any cut of the input, escapes and all. Method: pieces of 1, 2, 3 ...
 * bytes give the same rows as one piece. */
static void
copy__input_cut_anywhere__same_rows(void **state)
{
    static const char data[] =
        "1\ta\\tb\n2\t\\N\n3\tback\\\\slash\n4\tnew\\\nline\n5\t\\x41\\102"
        "\n6\tlast";
    static const char wanted[] = "[id|s]\n1|a\tb\n2|NULL\n3|back\\slash\n4|new\nline\n5|AB\n"
                                 "6|last\nSELECT 6\n";
    struct fixture *f = *state;
    expect(&f->a, "CREATE TABLE t (id int PRIMARY KEY, s text)", "CREATE TABLE\n");
    for (size_t piece = 1; piece < sizeof(data); piece++) {
        assert_string_equal(lab_copy(&f->a, "COPY t FROM STDIN", data, piece),
                            "copy 2\nCOPY 6\n");
        expect(&f->a, "SELECT * FROM t ORDER BY id", wanted);
        expect(&f->a, "TRUNCATE t", "TRUNCATE TABLE\n");
    }
}

static void
copy__bad_input__fails_with_its_place(void **state)
{
    static const struct {
        const char *text, *data, *answer;
    } cases[] = {
        {"COPY t FROM STDIN", "1\n",
         "copy 2\nERROR 22P04: missing data for column \"s\"\nCONTEXT: COPY t, line 1: "
         "\"1\"\n"},
        {"COPY t FROM STDIN", "1\ta\tb\n",
         "copy 2\nERROR 22P04: extra data after last expected column\nCONTEXT: COPY t, line 1: "
         "\"1\ta\tb\"\n"},
        {"COPY t FROM STDIN", "1\ta\nx\tb\n",
         "copy 2\nERROR 22P02: invalid input syntax for type integer: \"x\"\nCONTEXT: COPY t, "
         "line 2, column id: \"x\"\n"},
        {"COPY t FROM STDIN", "1\ta\n1\tb\n",
         "copy 2\nERROR 23505: duplicate key value violates unique constraint \"t_pkey\"\n"
         "DETAIL: Key (id)=(1) already exists.\nCONTEXT: COPY t, line 2\n"},
        {"COPY t (nosuch) FROM STDIN", "",
         "ERROR 42703: column \"nosuch\" of relation \"t\" does not exist\n"},
        {"COPY t FROM STDIN (FREEZE)", "",
         "copy 2\nERROR 55000: cannot perform COPY FREEZE because the table was not created or "
         "truncated "
         "in the current subtransaction\n"},
        {"COPY t FROM STDIN (FORMAT csv)", "",
         "ERROR 0A000: COPY format \"csv\" is not supported\n"},
        {"COPY t FROM '/etc/passwd'", "",
         "ERROR 0A000: COPY with a file or program on the server is not supported\n"},
        {"COPY t FROM STDIN", NULL,
         "copy 2\nERROR 57014: COPY from stdin failed: no data\nCONTEXT: COPY t, line 1\n"},
        {"COPY t (s, id) FROM STDIN (DELIMITER ',', NULL '', HEADER)",
         "s,id\nx,1\n,2\n\\.\nrest\n", "copy 2\nCOPY 2\n"},
        {"BEGIN; TRUNCATE t; COPY t FROM STDIN (FREEZE); COMMIT", "9\tz\n",
         "BEGIN\nTRUNCATE TABLE\ncopy 2\nCOPY 1\nCOMMIT\n"},
    };
    struct fixture *f = *state;
    expect(&f->a, "CREATE TABLE t (id int PRIMARY KEY, s text)", "CREATE TABLE\n");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *got = lab_copy(&f->a, cases[i].text, cases[i].data, 5);
        if (strcmp(got, cases[i].answer) != 0) {
            fprintf(stderr, "%s\n%s\n", cases[i].text, got);
        }
        assert_string_equal(got, cases[i].answer);
    }
    expect(&f->a, "INSERT INTO t VALUES (10, E'a\\tb\\\\c\\n'), (11, NULL)", "INSERT 0 2\n");
    expect(&f->a, "COPY t TO STDOUT", "copy 2\n9\tz\n10\ta\\tb\\\\c\\n\n11\t\\N\nCOPY 3\n");
    expect(&f->a, "COPY (SELECT id FROM t WHERE id > 9) TO STDOUT (HEADER)",
           "copy 1\nid\n10\n11\nCOPY 2\n");
}

static void
vacuum__in_and_out_of_blocks__counts_rows(void **state)
{
    static const struct sql_case cases[] = {
        {"CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2), (3)",
         "CREATE TABLE\nINSERT 0 3\n"},
        {"BEGIN; VACUUM", "BEGIN\nERROR 25001: VACUUM cannot run inside a transaction block\n"},
        {"ROLLBACK; VACUUM",
         "ROLLBACK\nERROR 25001: VACUUM cannot run inside a transaction block\n"},
        {"VACUUM; SELECT 1", "ERROR 25001: VACUUM cannot run inside a transaction block\n"},
        {"BEGIN", "BEGIN\n"},
        {"ROLLBACK", "ROLLBACK\n"},
        {"SELECT reltuples FROM pg_class WHERE relname = 't'", "[reltuples]\n-1\nSELECT 1\n"},
        {"VACUUM ANALYZE t", "VACUUM\n"},
        {"SELECT reltuples FROM pg_class WHERE relname = 't'", "[reltuples]\n3\nSELECT 1\n"},
        {"VACUUM nosuch", "ERROR 42P01: relation \"nosuch\" does not exist\n"},
        {"VACUUM (FULL) t", "ERROR 0A000: VACUUM option \"full\" is not supported\n"},
        {"BEGIN; ANALYZE; COMMIT", "BEGIN\nANALYZE\nCOMMIT\n"},
    };
    struct fixture *f = *state;
    EXPECT_ALL(&f->a, cases);
    assert_int_equal(f->lab.vacuum_count, 1);
}

static const char *
execute(struct lab_session *s, const char *portal, uint64_t limit)
{
    struct sql_result result;
    buf_clear(&s->out);
    lab_portal_run(s, portal, limit, &result);
    lab_answer(s, &result);
    buf_u8(&s->out, 0);
    return (const char *)s->out.data;
}

static void
sync(struct lab_session *s, const char *answer)
{
    struct sql_result result;
    buf_clear(&s->out);
    sql_sync(s->session, false, &s->sink, &result);
    lab_answer(s, &result);
    buf_u8(&s->out, 0);
    assert_string_equal((const char *)s->out.data, answer);
}

/* Goal: a portal gives its rows in the pieces asked for, and ends with its transaction. */
static void
portal__row_limits__suspend_and_go_on(void **state)
{
    struct fixture *f = *state;
    struct sql_session *s = f->a.session;
    struct diag diag = {0};
    assert_int_equal(
        sql_prepare(s, "g", "SELECT g FROM generate_series(1, $1::int) g", NULL, 0, &diag),
        STATUS_OK);
    struct sql_param five = {.bytes = slice_from_text("5")};
    assert_int_equal(sql_bind(s, "p", "g", &five, 1, &diag), STATUS_OK);
    assert_string_equal(execute(&f->a, "p", 2), "[g]\n1\n2\nsuspended\n");
    assert_string_equal(execute(&f->a, "p", 2), "3\n4\nsuspended\n");
    assert_string_equal(execute(&f->a, "p", 2), "5\nSELECT 1\n");
    assert_string_equal(execute(&f->a, "p", 2), "SELECT 0\n");
    sync(&f->a, "");
    assert_string_equal(execute(&f->a, "p", 2), "ERROR 34000: portal \"p\" does not exist\n");
    sync(&f->a, "");
    diag_clear(&diag);
    assert_int_equal(sql_bind(s, "", "g", NULL, 0, &diag), STATUS_INVALID);
    assert_string_equal(diag.message, "bind message supplies 0 parameters, but prepared "
                                      "statement \"g\" requires 1");
    diag_clear(&diag);
    assert_int_equal(sql_bind(s, "", "nosuch", NULL, 0, &diag), STATUS_NOT_FOUND);
    assert_string_equal(diag.sqlstate, "26000");
}

/* Goal: a suspended portal goes on with the rows of its own snapshot, whatever the transaction
 * does in between. */
static void
portal__suspended_while_others_run__keeps_its_snapshot(void **state)
{
    struct fixture *f = *state;
    struct sql_session *s = f->a.session;
    struct diag diag = {0};
    expect(&f->a, "CREATE TABLE t (a int PRIMARY KEY, b text)", "CREATE TABLE\n");
    expect(&f->a, "INSERT INTO t SELECT g, 'x' || g FROM generate_series(1, 3000) g",
           "INSERT 0 3000\n");
    expect(&f->a, "BEGIN", "BEGIN\n");
    assert_int_equal(sql_prepare(s, "q", "SELECT * FROM t", NULL, 0, &diag), STATUS_OK);
    assert_int_equal(sql_bind(s, "p", "q", NULL, 0, &diag), STATUS_OK);
    assert_string_equal(execute(&f->a, "p", 2), "[a|b]\n1|x1\n2|x2\nsuspended\n");
    expect(&f->a, "DELETE FROM t WHERE a < 3000; SAVEPOINT s; UPDATE t SET b = 'y'",
           "DELETE 2999\nSAVEPOINT\nUPDATE 1\n");
    expect(&f->b, "INSERT INTO t VALUES (0, 'new')", "INSERT 0 1\n");
    assert_string_equal(execute(&f->a, "p", 2), "3|x3\n4|x4\nsuspended\n");
    const char *rest = execute(&f->a, "p", 0);
    assert_int_equal(strncmp(rest, "5|x5\n", 5), 0);
    assert_non_null(strstr(rest, "\n3000|x3000\nSELECT 2996\n"));
    expect(&f->a, "COMMIT", "COMMIT\n");
    expect(&f->a, "SELECT * FROM t ORDER BY a", "[a|b]\n0|new\n3000|y\nSELECT 2\n");
}

/* Goal: a prepared statement survives changes of the tables that it reads, unless its result
 * changes; and its second run does not plan again. */
static void
prepared__definitions_change__is_planned_again(void **state)
{
    struct fixture *f = *state;
    struct sql_session *s = f->a.session;
    struct diag diag = {0};
    expect(&f->a, "CREATE TABLE t (a int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 10)",
           "CREATE TABLE\nINSERT 0 1\n");
    assert_int_equal(sql_prepare(s, "q", "SELECT b FROM t WHERE a = $1", NULL, 0, &diag),
                     STATUS_OK);
    assert_int_equal(sql_prepare(s, "all", "SELECT * FROM t", NULL, 0, &diag), STATUS_OK);
    sync(&f->a, "");
    struct sql_param one = {.bytes = slice_from_text("1")};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sql_bind(s, "", "q", &one, 1, &diag), STATUS_OK);
        assert_string_equal(execute(&f->a, "", 0), "[b]\n10\nSELECT 1\n");
        sync(&f->a, "");
    }
    expect(&f->b, "ALTER TABLE t ADD COLUMN c int", "ALTER TABLE\n");
    assert_int_equal(sql_bind(s, "", "q", &one, 1, &diag), STATUS_OK);
    assert_string_equal(execute(&f->a, "", 0), "[b]\n10\nSELECT 1\n");
    sync(&f->a, "");
    assert_int_equal(sql_bind(s, "", "all", NULL, 0, &diag), STATUS_OK);
    assert_string_equal(execute(&f->a, "", 0),
                        "ERROR 0A000: cached plan must not change result type\n");
}

/* Goal: a text that was prepared before definitions changed is taken anew, as a simple query
 * and under another name: with the parameter types and the columns of now. */
static void
prepared__same_text_after_change__is_new(void **state)
{
    struct fixture *f = *state;
    struct sql_session *s = f->a.session;
    struct diag diag = {0};
    static const char text[] = "SELECT * FROM t WHERE a = $1", all[] = "SELECT * FROM t";
    expect(&f->a, "CREATE TABLE t (a int)", "CREATE TABLE\n");
    assert_int_equal(sql_prepare(s, "old", text, NULL, 0, &diag), STATUS_OK);
    assert_int_equal(sql_prepare(s, "all", all, NULL, 0, &diag), STATUS_OK);
    sync(&f->a, "");
    expect(&f->b, "DROP TABLE t; CREATE TABLE t (a text, b int)", "DROP TABLE\nCREATE TABLE\n");
    expect(&f->b, "INSERT INTO t VALUES ('x', 1)", "INSERT 0 1\n");
    expect(&f->a, all, "[a|b]\nx|1\nSELECT 1\n");
    const char *const x[] = {"x"};
    assert_string_equal(lab_extended(&f->a, text, x, 1), "[a|b]\nx|1\nSELECT 1\n");
    assert_int_equal(sql_bind(s, "", "all", NULL, 0, &diag), STATUS_OK);
    assert_string_equal(execute(&f->a, "", 0),
                        "ERROR 0A000: cached plan must not change result type\n");
}

/* Goal: a SELECT of no columns has a result, an INSERT has none; EXECUTE has that of the
 * statement which has the name when it is described. */
static void
describe__results__told_from_none(void **state)
{
    static const struct {
        const char *name, *text;
        bool has_result;
        unsigned count;
    } cases[] = {{"none", "SELECT", true, 0},
                 {"insert", "INSERT INTO t VALUES (1)", false, 0},
                 {"returning", "INSERT INTO t VALUES (1) RETURNING a", true, 1},
                 {"begin", "BEGIN", false, 0},
                 {"execute", "EXECUTE p", true, 1}};
    struct fixture *f = *state;
    struct sql_session *s = f->a.session;
    struct diag diag = {0};
    const struct sql_column *columns = NULL;
    unsigned count = 9;
    expect(&f->a, "CREATE TABLE t (a int)", "CREATE TABLE\n");
    expect(&f->a, "PREPARE p AS SELECT 1", "PREPARE\n");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *name = cases[i].name;
        assert_int_equal(sql_prepare(s, name, cases[i].text, NULL, 0, &diag), STATUS_OK);
        assert_int_equal(sql_bind(s, name, name, NULL, 0, &diag), STATUS_OK);
        assert_int_equal(sql_portal_describe(s, name, &columns, &count, &diag), STATUS_OK);
        assert_int_equal(columns != NULL, cases[i].has_result);
        assert_int_equal(count, cases[i].count);
    }
    sync(&f->a, "");
    expect(&f->a, "DEALLOCATE p", "DEALLOCATE\n");
    expect(&f->a, "PREPARE p AS SELECT 1, 2", "PREPARE\n");
    assert_int_equal(sql_bind(s, "", "execute", NULL, 0, &diag), STATUS_OK);
    assert_int_equal(sql_portal_describe(s, "", &columns, &count, &diag), STATUS_OK);
    assert_int_equal(count, 2);
}

/* Goal: what must run on the primary is told by the text alone. */
static void
route__texts__know_the_primary(void **state)
{
    static const struct {
        const char *text;
        bool needs;
    } cases[] = {
        {"SELECT 1", false},
        {"SELECT * FROM t FOR UPDATE", true},
        {"SELECT nextval('s')", true},
        {"SELECT rustydb_transaction_status('1-1-1-1')", true},
        {"SELECT (SELECT setval('s', 1))", true},
        {"SELECT * FROM (SELECT * FROM t FOR SHARE) x", true},
        {"INSERT INTO t VALUES (1)", true},
        {"BEGIN", true},
        {"BEGIN READ ONLY", false},
        {"SHOW ALL", false},
        {"SELECT 1; DELETE FROM t", true},
        {"COPY t TO STDOUT", false},
        {"COPY t FROM STDIN", true},
        {"CREATE TABLE x (a int)", true},
        {"PREPARE later AS INSERT INTO t VALUES (1)", false},
        {"EXECUTE put", true},
        {"EXECUTE find", false},
        {"EXECUTE not_here", true},
        {"not sql", false},
    };
    struct fixture *f = *state;
    expect(&f->a, "CREATE TABLE t (a int)", "CREATE TABLE\n");
    expect(&f->a, "PREPARE put AS INSERT INTO t VALUES (1)", "PREPARE\n");
    expect(&f->a, "PREPARE find AS SELECT 1", "PREPARE\n");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(sql_text_needs_primary(f->a.session, cases[i].text), cases[i].needs);
    }
}

/* sql_part_fn: "kind/name/undoes/text|" a statement. */
static void
write_part(void *arg, const struct sql_part *part)
{
    static const char *const kinds[] = {[SQL_OWN_NOT] = "-",
                                        [SQL_OWN_SETTING] = "setting",
                                        [SQL_OWN_PREPARED] = "prepared",
                                        [SQL_OWN_ALL] = "all"};
    char *out = arg;
    size_t used = strlen(out);
    snprintf(out + used, 500 - used, "%s/%.*s/%s/%.*s@%zu|", kinds[part->own],
             (int)part->name.size, (const char *)part->name.data, part->undoes ? "undoes" : "",
             (int)part->text.size, (const char *)part->text.data, part->offset);
}

/* Goal: what of a text is the session's, and what it is about, is told statement by statement.
 */
static void
route__texts__know_what_is_the_sessions(void **state)
{
    static const struct {
        const char *text, *parts;
        bool all;
    } cases[] = {
        {"SET Lock_Timeout = 1; SELECT 1",
         "setting/lock_timeout//SET Lock_Timeout = 1@0|-///SELECT 1@22|", false},
        {" RESET lock_timeout;; RESET ALL",
         "setting/lock_timeout/undoes/RESET lock_timeout@1|setting//undoes/RESET ALL@22|",
         true},
        {"SET TIME ZONE 'UTC'", "setting/timezone//SET TIME ZONE 'UTC'@0|", true},
        {"BEGIN; SET LOCAL lock_timeout = 1", "-///BEGIN@0|-///SET LOCAL lock_timeout = 1@7|",
         false},
        {"PREPARE p AS SELECT 1; DEALLOCATE p",
         "prepared/p//PREPARE p AS SELECT 1@0|prepared/p/undoes/DEALLOCATE p@23|", true},
        {"DEALLOCATE ALL; DISCARD ALL",
         "prepared//undoes/DEALLOCATE ALL@0|all//undoes/DISCARD ALL@16|", true},
        {"/* c */ SET lock_timeout TO DEFAULT",
         "setting/lock_timeout/undoes//* c */ SET lock_timeout TO DEFAULT@0|", true},
        {"", "", false},
        {"not sql", "", false},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char parts[500] = "";
        sql_text_each_part(f->a.session, cases[i].text, write_part, parts);
        assert_string_equal(parts, cases[i].parts);
        assert_int_equal(sql_text_is_of_session(f->a.session, cases[i].text), cases[i].all);
    }
}

/* A portal ends with its unit, though nothing of it has run. */
static void
portal__bound_and_not_run__ends_at_sync(void **state)
{
    struct fixture *f = *state;
    struct sql_session *s = f->a.session;
    struct diag diag = {0};
    assert_int_equal(sql_prepare(s, "one", "SELECT 1", NULL, 0, &diag), STATUS_OK);
    assert_int_equal(sql_bind(s, "named", "one", NULL, 0, &diag), STATUS_OK);
    sync(&f->a, "");
    assert_string_equal(execute(&f->a, "named", 0),
                        "ERROR 34000: portal \"named\" does not exist\n");
    sync(&f->a, "");
    expect(&f->a, "BEGIN", "BEGIN\n");
    assert_int_equal(sql_bind(s, "named", "one", NULL, 0, &diag), STATUS_OK);
    sync(&f->a, "");
    assert_string_equal(execute(&f->a, "named", 0), "[?column?]\n1\nSELECT 1\n");
    expect(&f->a, "ROLLBACK", "ROLLBACK\n");
}

static void
login__unknown_names__refused(void **state)
{
    struct fixture *f = *state;
    struct waiter waiter;
    waiter_init(&waiter);
    struct sql_session_options options = {
        .user = "nobody", .database = "postgres", .waiter = &waiter};
    struct sql_session *session;
    struct diag diag = {0};
    assert_int_not_equal(sql_session_open(f->lab.engine, &options, &session, &diag), STATUS_OK);
    assert_string_equal(diag.sqlstate, "28000");
    assert_string_equal(diag.message, "role \"nobody\" does not exist");
    diag_clear(&diag);
    options.user = "postgres";
    options.database = "nowhere";
    assert_int_not_equal(sql_session_open(f->lab.engine, &options, &session, &diag), STATUS_OK);
    assert_string_equal(diag.sqlstate, "3D000");
    waiter_deinit(&waiter);
}

/* A parameter that names a relation is looked up when it is bound: in a transaction, with an
 * error if there is none. Method: outside a block, in one, and in a failed one. */
static void
portal__parameter_is_a_name__looked_up(void **state)
{
    struct fixture *f = *state;
    const char *there[] = {"t"}, *missing[] = {"nosuch"};
    const char *text = "SELECT $1::regclass::text";
    const char *error = "ERROR 42P01: relation \"nosuch\" does not exist\n"
                        "CONTEXT: unnamed portal parameter $1 = '...'\n";
    expect(&f->a, "CREATE TABLE t (a int)", "CREATE TABLE\n");
    for (unsigned i = 0; i < 2; i++) {
        assert_string_equal(lab_extended(&f->a, text, there, 1), "[text]\nt\nSELECT 1\n");
        assert_string_equal(lab_extended(&f->a, text, missing, 1), error);
        expect(&f->a, i == 0 ? "BEGIN" : "ROLLBACK", i == 0 ? "BEGIN\n" : "ROLLBACK\n");
    }
}

/* Goal: no function makes a text beyond the statement's memory, nor keeps a plan a large one.
 * Method: small arguments, large results; constants, which the planner would compute, too. */
static void
function__large_result__53200(void **state)
{
    static const char *const texts[] = {
        "SELECT length(repeat('a', 10000000))",
        "SELECT length(replace(repeat('a', 1000), 'a', repeat('b', 10000)))",
        "SELECT length(regexp_replace(repeat('a', 1000), 'a', repeat('b', 10000), 'g'))",
        "SELECT length(regexp_replace(repeat('a', 10000), 'a*', repeat('\\&', 1000)))",
        "SELECT length(array_to_string(string_to_array(repeat('a', 1000), NULL), "
        "repeat('b', 10000)))",
        "SELECT length(format('%1000000s%1000000s%1000000s', 1, 2, 3))",
        "SELECT length(string_agg(repeat('b', 10000), '')) FROM generate_series(1, 1000)",
        "SELECT cardinality(array_agg(repeat('b', 10000))) FROM generate_series(1, 1000)",
    };
    struct fixture *f = *state;
    expect(&f->a, "SET rustydb.statement_memory = '2MB'", "SET\n");
    for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
        expect(&f->a, texts[i],
               "ERROR 53200: out of memory\nDETAIL: The statement needs more than its 2 MiB of "
               "memory.\nHINT: Raise rustydb.statement_memory, or let the statement keep "
               "less.\n");
    }
    expect(&f->a, "SELECT length(replace(repeat('a', 1000), 'a', 'bcd'))",
           "[length]\n3000\nSELECT 1\n");
}

/* Goal: a list of more columns than a row's description counts is refused, as in
 * PostgreSQL. */
static void
targets__too_many__refused(void **state)
{
    static const char *const forms[] = {"SELECT 1", "VALUES (1",
                                        "INSERT INTO t VALUES (1, 1) "
                                        "RETURNING 1"};
    struct fixture *f = *state;
    expect(&f->a, "CREATE TABLE t (id int PRIMARY KEY, n int)", "CREATE TABLE\n");
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        struct buf text = BUF_EMPTY;
        buf_append_text(&text, forms[i]);
        for (unsigned n = 1; n < 1665; n++) {
            buf_append_text(&text, ",1");
        }
        buf_append_text(&text, i == 1 ? ")" : "");
        buf_u8(&text, 0);
        expect(&f->a, (const char *)text.data,
               "ERROR 54011: target lists can have at most 1664 entries\n");
        buf_deinit(&text);
    }
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        CASE(settings__set_and_shown__follow_the_transaction),
        CASE(targets__too_many__refused),
        CASE(prepare__executed__runs_with_its_values),
        CASE(copy__input_cut_anywhere__same_rows),
        CASE(copy__bad_input__fails_with_its_place),
        CASE(vacuum__in_and_out_of_blocks__counts_rows),
        CASE(portal__row_limits__suspend_and_go_on),
        CASE(portal__suspended_while_others_run__keeps_its_snapshot),
        CASE(prepared__definitions_change__is_planned_again),
        CASE(prepared__same_text_after_change__is_new),
        CASE(describe__results__told_from_none),
        CASE(route__texts__know_the_primary),
        CASE(route__texts__know_what_is_the_sessions),
        CASE(portal__bound_and_not_run__ends_at_sync),
        CASE(login__unknown_names__refused),
        CASE(portal__parameter_is_a_name__looked_up),
        CASE(function__large_result__53200),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
