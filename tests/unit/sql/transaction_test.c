/* transaction_test.c: blocks, savepoints, snapshots, the ways a commit can end.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/sql/cases.h"

#define TABLE "CREATE TABLE t (id int PRIMARY KEY, n int)"
#define FAILED                                                                                 \
    "ERROR 25P02: current transaction is aborted, commands ignored until end of transaction "  \
    "block\n"

/* Goal: the states of a block are PostgreSQL's. Method: one dialogue, answers recorded there.
 */
static void
block__statements__move_it_as_in_postgresql(void **state)
{
    static const struct sql_case cases[] = {
        {TABLE, "CREATE TABLE\n"},
        {"COMMIT", "WARNING 25P01: there is no transaction in progress\nCOMMIT\n"},
        {"ROLLBACK", "WARNING 25P01: there is no transaction in progress\nROLLBACK\n"},
        {"BEGIN", "BEGIN\n"},
        {"BEGIN", "WARNING 25001: there is already a transaction in progress\nBEGIN\n"},
        {"INSERT INTO t VALUES (1, 1)", "INSERT 0 1\n"},
        {"SELECT nope", "ERROR 42703: column \"nope\" does not exist\n"},
        {"SELECT 1", FAILED},
        {"INSERT INTO t VALUES (1, 1)", FAILED},
        {"COMMIT", "ROLLBACK\n"},
        {"SELECT count(*) FROM t", "[count]\n0\nSELECT 1\n"},
        {"INSERT INTO t VALUES (1, 1); SELECT 1 FROM nope",
         "INSERT 0 1\nERROR 42P01: relation \"nope\" does not exist\n"},
        {"SELECT count(*) FROM t", "[count]\n0\nSELECT 1\n"},
        {"INSERT INTO t VALUES (1, 1); BEGIN; INSERT INTO t VALUES (2, 2)",
         "INSERT 0 1\nBEGIN\nINSERT 0 1\n"},
        {"ROLLBACK", "ROLLBACK\n"},
        {"SELECT count(*) FROM t", "[count]\n0\nSELECT 1\n"},
        {"INSERT INTO t VALUES (1, 1); COMMIT; INSERT INTO t VALUES (1, 1)",
         "INSERT 0 1\nWARNING 25P01: there is no transaction in progress\nCOMMIT\n"
         "ERROR 23505: duplicate key value violates unique constraint \"t_pkey\"\n"
         "DETAIL: Key (id)=(1) already exists.\n"},
        {"SELECT count(*) FROM t", "[count]\n1\nSELECT 1\n"},
        {"", "empty\n"},
        {" ; ; ", "empty\n"},
        {"COMMIT AND CHAIN",
         "ERROR 25P01: COMMIT AND CHAIN can only be used in transaction blocks\n"},
    };
    struct fixture *f = *state;
    EXPECT_ALL(&f->a, cases);
    assert_int_equal(sql_txn_status(f->a.session), SQL_TXN_IDLE);
}

/* Goal: a savepoint brings back rows, settings and definitions of its time. */
static void
savepoint__rolled_back__restores(void **state)
{
    static const struct sql_case cases[] = {
        {TABLE, "CREATE TABLE\n"},
        {"SAVEPOINT a", "ERROR 25P01: SAVEPOINT can only be used in transaction blocks\n"},
        {"BEGIN; INSERT INTO t VALUES (1, 1); SAVEPOINT a; INSERT INTO t VALUES (2, 2)",
         "BEGIN\nINSERT 0 1\nSAVEPOINT\nINSERT 0 1\n"},
        {"SET application_name = 'x'; CREATE TABLE u (a int)",
         "parameter application_name=x\nSET\nCREATE TABLE\n"},
        {"INSERT INTO t VALUES (2, 3)",
         "ERROR 23505: duplicate key value violates unique constraint \"t_pkey\"\n"
         "DETAIL: Key (id)=(2) already exists.\n"},
        {"SAVEPOINT b", FAILED},
        {"ROLLBACK TO nope", "ERROR 3B001: savepoint \"nope\" does not exist\n"},
        {"ROLLBACK TO a", "ROLLBACK\n"},
        {"SELECT * FROM t", "[id|n]\n1|1\nSELECT 1\n"},
        {"SHOW application_name", "[application_name]\n\nSHOW\n"},
        {"SAVEPOINT b; SELECT * FROM u",
         "SAVEPOINT\nERROR 42P01: relation \"u\" does not exist\n"},
        {"ROLLBACK TO a; RELEASE a; INSERT INTO t VALUES (4, 4)",
         "ROLLBACK\nRELEASE\nINSERT 0 1\n"},
        {"ROLLBACK TO a", "ERROR 3B001: savepoint \"a\" does not exist\n"},
        {"COMMIT", "ROLLBACK\n"},
        {"SELECT count(*) FROM t", "[count]\n0\nSELECT 1\n"},
    };
    struct fixture *f = *state;
    EXPECT_ALL(&f->a, cases);
}

/* Goal: each statement under READ COMMITTED sees what others committed before it; REPEATABLE
 * READ keeps its first snapshot and refuses to change what has changed since. */
static void
isolation__other_commits__seen_as_asked(void **state)
{
    struct fixture *f = *state;
    expect(&f->a, TABLE "; INSERT INTO t VALUES (1, 1)", "CREATE TABLE\nINSERT 0 1\n");
    expect(&f->a, "BEGIN; SELECT n FROM t", "BEGIN\n[n]\n1\nSELECT 1\n");
    expect(&f->b, "UPDATE t SET n = 2", "UPDATE 1\n");
    expect(&f->a, "SELECT n FROM t", "[n]\n2\nSELECT 1\n");
    expect(&f->a, "COMMIT", "COMMIT\n");
    expect(&f->a, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT n FROM t",
           "BEGIN\n[n]\n2\nSELECT 1\n");
    expect(&f->b, "UPDATE t SET n = 3", "UPDATE 1\n");
    expect(&f->a, "SELECT n FROM t", "[n]\n2\nSELECT 1\n");
    expect(&f->a, "UPDATE t SET n = 9",
           "ERROR 40001: could not serialize access due to concurrent update\n");
    expect(&f->a, "ROLLBACK", "ROLLBACK\n");
    expect(
        &f->a, "BEGIN; SELECT 1; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "BEGIN\n[?column?]\n1\nSELECT 1\nERROR 25001: SET TRANSACTION ISOLATION LEVEL must be "
        "called before any query\n");
    expect(&f->a, "ROLLBACK", "ROLLBACK\n");
    expect(&f->a, "BEGIN ISOLATION LEVEL SERIALIZABLE",
           "ERROR 0A000: isolation level SERIALIZABLE is not supported\n");
    expect(&f->a, "ROLLBACK", "ROLLBACK\n");
}

#define REPEATABLE_BEGIN "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 AS one"
#define CHANGED                                                                                \
    "ERROR 40001: could not serialize access due to a concurrent change of the definition "    \
    "of \"t\"\n"

/* Goal: what others change of a table after a REPEATABLE READ transaction's snapshot is not
 * written around: no row without a new column's NOT NULL, none that a dropped index should have
 * had, none past a new constraint. Reading goes on, and so do tables that were let alone. */
static void
repeatable_read__definition_changed_since__writes_fail(void **state)
{
    static const struct sql_case changes[] = {
        {"ALTER TABLE t ADD COLUMN m int NOT NULL DEFAULT 7", "ALTER TABLE\n"},
        {"CREATE INDEX t_n ON t (n)", "CREATE INDEX\n"},
        {"DROP INDEX t_n", "DROP INDEX\n"},
        {"ALTER TABLE t ADD UNIQUE (n)", "ALTER TABLE\n"},
    };
    static const char *const writes[] = {"INSERT INTO t (id, n) VALUES (2, 2)",
                                         "UPDATE t SET n = 5", "DELETE FROM t",
                                         "CREATE INDEX t_id ON t (id)", "TRUNCATE t"};
    struct fixture *f = *state;
    expect(&f->a, TABLE "; INSERT INTO t VALUES (1, 1); CREATE TABLE u (a int)",
           "CREATE TABLE\nINSERT 0 1\nCREATE TABLE\n");
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        expect(&f->a, REPEATABLE_BEGIN, "BEGIN\n[one]\n1\nSELECT 1\n");
        expect(&f->b, changes[i].text, changes[i].answer);
        expect(&f->a, "INSERT INTO u VALUES (1); SELECT n FROM t",
               "INSERT 0 1\n[n]\n1\nSELECT 1\n");
        for (size_t w = 0; w < ARRAY_SIZE(writes); w++) {
            expect(&f->a, "SAVEPOINT s", "SAVEPOINT\n");
            expect(&f->a, writes[w], CHANGED);
            expect(&f->a, "ROLLBACK TO s", "ROLLBACK\n");
        }
        expect(&f->a, "ROLLBACK", "ROLLBACK\n");
    }
    expect(&f->a, REPEATABLE_BEGIN, "BEGIN\n[one]\n1\nSELECT 1\n");
    expect(&f->b, "DROP TABLE t", "DROP TABLE\n");
    expect(&f->a, "INSERT INTO t (id, n) VALUES (2, 2)",
           "ERROR 42P01: relation \"t\" does not exist\n");
    expect(&f->a, "ROLLBACK", "ROLLBACK\n");
}

/* Goal: a transaction's own definitions are no reason to refuse its writes, nor are those of
 * others from before its snapshot. */
static void
repeatable_read__own_definitions__writes_go_on(void **state)
{
    static const struct sql_case own[] = {
        {"ALTER TABLE t ADD COLUMN m int; CREATE INDEX t_n ON t (n); CREATE TABLE v (a int)",
         "ALTER TABLE\nCREATE INDEX\nCREATE TABLE\n"},
        {"INSERT INTO t VALUES (2, 2, 2); INSERT INTO v VALUES (1)",
         "INSERT 0 1\nINSERT 0 1\n"},
        {"SELECT m FROM t WHERE n = 2", "[m]\n2\nSELECT 1\n"},
        {"COMMIT", "COMMIT\n"},
    };
    struct fixture *f = *state;
    expect(&f->b, TABLE "; INSERT INTO t VALUES (1, 1)", "CREATE TABLE\nINSERT 0 1\n");
    expect(&f->a, REPEATABLE_BEGIN, "BEGIN\n[one]\n1\nSELECT 1\n");
    expect(&f->b, "CREATE TABLE w (a int)", "CREATE TABLE\n"); /* so that it is looked at */
    EXPECT_ALL(&f->a, own);
}

/* Goal: an index made under REPEATABLE READ is not one in which the transaction's own snapshot
 * would miss rows: those whose newest version it does not see. */
static void
repeatable_read__index_over_newer_rows__refused(void **state)
{
    struct fixture *f = *state;
    expect(&f->a, TABLE "; INSERT INTO t VALUES (1, 1)", "CREATE TABLE\nINSERT 0 1\n");
    expect(&f->a, REPEATABLE_BEGIN, "BEGIN\n[one]\n1\nSELECT 1\n");
    expect(&f->b, "UPDATE t SET n = 2", "UPDATE 1\n");
    expect(&f->a, "CREATE INDEX t_n ON t (n)",
           "ERROR 40001: could not serialize access due to concurrent update\n");
    expect(&f->a, "ROLLBACK", "ROLLBACK\n");
    expect(&f->a, "BEGIN ISOLATION LEVEL REPEATABLE READ; UPDATE t SET n = 3",
           "BEGIN\nUPDATE 1\n");
    expect(&f->a, "CREATE INDEX t_n ON t (n); SELECT n FROM t WHERE n = 3",
           "CREATE INDEX\n[n]\n3\nSELECT 1\n");
    expect(&f->a, "COMMIT", "COMMIT\n");
}

static void
read_only__changes__refused(void **state)
{
    static const struct sql_case cases[] = {
        {TABLE, "CREATE TABLE\n"},
        {"BEGIN READ ONLY; SELECT count(*) FROM t", "BEGIN\n[count]\n0\nSELECT 1\n"},
        {"INSERT INTO t VALUES (1, 1)",
         "ERROR 25006: cannot execute INSERT in a read-only transaction\n"},
        {"ROLLBACK", "ROLLBACK\n"},
        {"START TRANSACTION READ ONLY; CREATE TABLE u (a int)",
         "START TRANSACTION\nERROR 25006: cannot execute CREATE TABLE in a read-only "
         "transaction\n"},
        {"ROLLBACK", "ROLLBACK\n"},
        {"SET default_transaction_read_only = on",
         "parameter default_transaction_read_only=on\nSET\n"},
        {"DELETE FROM t", "ERROR 25006: cannot execute DELETE in a read-only transaction\n"},
        {"BEGIN READ WRITE; DELETE FROM t; COMMIT", "BEGIN\nDELETE 0\nCOMMIT\n"},
    };
    struct fixture *f = *state;
    EXPECT_ALL(&f->a, cases);
}

/* Goal: a commit that the log has not got back is reported as such, and its effects are seen
 * only afterwards. Method: the log holds its entries. */
static void
commit__log_is_slow__waits_for_it(void **state)
{
    struct fixture *f = *state;
    expect(&f->a, TABLE, "CREATE TABLE\n");
    f->lab.hold = true;
    expect(&f->a, "INSERT INTO t VALUES (1, 1)", "committing\n");
    expect(&f->b, "SELECT count(*) FROM t", "[count]\n0\nSELECT 1\n");
    lab_release(&f->lab);
    assert_true(f->a.committed);
    f->a.committed = false;
    struct sql_result result = {.state = SQL_COMMITTING};
    sql_commit_finish(f->a.session, &f->a.sink, &result);
    assert_int_equal(result.state, SQL_DONE);
    assert_string_equal(result.tag, "INSERT 0 1");
    assert_int_equal(sql_last_commit_index(f->a.session), f->lab.applied_count);
    f->lab.hold = false;
    expect(&f->b, "SELECT count(*) FROM t", "[count]\n1\nSELECT 1\n");
}

/* Goal: what the session does not wait for is 08007 with a gtid, and is cleaned up by the apply
 * thread when it comes; the session goes on. */
static void
commit__not_waited_for__is_in_doubt(void **state)
{
    struct fixture *f = *state;
    expect(&f->a, TABLE, "CREATE TABLE\n");
    f->lab.hold = true;
    expect(&f->a, "INSERT INTO t VALUES (1, 1)", "committing\n");
    struct sql_result result = {.state = SQL_COMMITTING};
    assert_true(sql_commit_give_up(f->a.session));
    sql_commit_finish(f->a.session, &f->a.sink, &result);
    assert_int_equal(result.state, SQL_FAILED);
    assert_string_equal(result.diag.sqlstate, "08007");
    assert_non_null(strstr(result.diag.detail, "Transaction 1-"));
    assert_non_null(strstr(result.diag.hint, "rustydb_transaction_status('1-"));
    expect(&f->a, "SELECT count(*) FROM t", "[count]\n0\nSELECT 1\n");
    lab_release(&f->lab);
    f->lab.hold = false;
    assert_false(f->a.committed);
    expect(&f->a, "SELECT count(*) FROM t", "[count]\n1\nSELECT 1\n");
}

/* Goal: a refused proposal aborts with 40001 and leaves nothing behind. */
static void
commit__refused__is_40001(void **state)
{
    struct fixture *f = *state;
    expect(&f->a, TABLE, "CREATE TABLE\n");
    f->lab.refuse = true;
    expect(&f->a, "INSERT INTO t VALUES (1, 1)",
           "ERROR 40001: could not commit: the primary changed before the transaction was "
           "agreed\n");
    f->lab.refuse = false;
    expect(&f->a, "INSERT INTO t VALUES (1, 1)", "INSERT 0 1\n");
}

/* Goal: a strong read asks the cluster, a write and a session-consistent read do not. */
static void
read__strong__asks_first(void **state)
{
    struct fixture *f = *state;
    expect(&f->a, TABLE, "CREATE TABLE\n");
    f->lab.barrier_count = 0;
    expect(&f->a, "SELECT count(*) FROM t", "[count]\n0\nSELECT 1\n");
    assert_int_equal(f->lab.barrier_count, 1);
    expect(&f->a, "INSERT INTO t VALUES (1, 1)", "INSERT 0 1\n");
    assert_int_equal(f->lab.barrier_count, 1);
    expect(&f->a, "BEGIN; UPDATE t SET n = 2; SELECT n FROM t; COMMIT",
           "BEGIN\nUPDATE 1\n[n]\n2\nSELECT 1\nCOMMIT\n");
    assert_int_equal(f->lab.barrier_count, 1);
    expect(&f->a, "SET rustydb.read_consistency = session; SELECT n FROM t",
           "SET\n[n]\n2\nSELECT 1\n");
    assert_int_equal(f->lab.barrier_count, 1);
    f->lab.reads_refused = true;
    expect(&f->a, "RESET rustydb.read_consistency; BEGIN; SELECT n FROM t; SELECT 1",
           "RESET\nBEGIN\nERROR 40001: this node is not the primary any more\n");
    expect(&f->a, "ROLLBACK", "ROLLBACK\n");
    f->lab.reads_refused = false;
    expect(&f->a, "SELECT n FROM t", "[n]\n2\nSELECT 1\n");
}

/* Goal: statements of one text are in a transaction block as far as they ask, as in PostgreSQL.
 */
static void
script__several_statements__are_a_block(void **state)
{
    static const struct sql_case cases[] = {
        {"CREATE TABLE t (a int)", "CREATE TABLE\n"},
        {"VACUUM t; SELECT 1", "ERROR 25001: VACUUM cannot run inside a transaction block\n"},
        {"VACUUM t", "VACUUM\n"},
        {"LOCK TABLE t", "ERROR 25P01: LOCK TABLE can only be used in transaction blocks\n"},
        {"LOCK TABLE t; SELECT 1", "LOCK TABLE\n[?column?]\n1\nSELECT 1\n"},
        {"SET TRANSACTION READ ONLY; SELECT 1", "SET\n[?column?]\n1\nSELECT 1\n"},
        {"SET LOCAL lock_timeout = 7; SHOW lock_timeout", "SET\n[lock_timeout]\n7ms\nSHOW\n"},
        {"SHOW lock_timeout", "[lock_timeout]\n0\nSHOW\n"},
    };
    struct fixture *f = *state;
    EXPECT_ALL(&f->a, cases);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        CASE(block__statements__move_it_as_in_postgresql),
        CASE(script__several_statements__are_a_block),
        CASE(savepoint__rolled_back__restores),
        CASE(repeatable_read__definition_changed_since__writes_fail),
        CASE(repeatable_read__own_definitions__writes_go_on),
        CASE(repeatable_read__index_over_newer_rows__refused),
        CASE(isolation__other_commits__seen_as_asked),
        CASE(read_only__changes__refused),
        CASE(commit__log_is_slow__waits_for_it),
        CASE(commit__not_waited_for__is_in_doubt),
        CASE(commit__refused__is_40001),
        CASE(read__strong__asks_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
