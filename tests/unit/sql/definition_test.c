/* definition_test.c: CREATE, ALTER, DROP, TRUNCATE, and what the catalogs say afterwards.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/sql/cases.h"

/* Goal: messages and rules of definitions are PostgreSQL's. */
static void
definitions__good_and_bad__answered_as_in_postgresql(void **state)
{
    static const struct sql_case cases[] = {
        {"CREATE TABLE t (id int PRIMARY KEY, n int UNIQUE, s varchar(3) DEFAULT 'x')",
         "CREATE TABLE\n"},
        {"CREATE TABLE t (a int)", "ERROR 42P07: relation \"t\" already exists\n"},
        {"CREATE TABLE IF NOT EXISTS t (a int)",
         "NOTICE 42P07: relation \"t\" already exists, skipping\nCREATE TABLE\n"},
        {"CREATE TABLE u (a int, a int)",
         "ERROR 42701: column \"a\" specified more than once\n"},
        {"CREATE TABLE u (a nosuch)", "ERROR 42704: type \"nosuch\" does not exist\n"},
        {"CREATE TABLE u (a int PRIMARY KEY, b int PRIMARY KEY)",
         "ERROR 42P16: multiple primary keys for table \"u\" are not allowed\n"},
        {"CREATE TABLE u (a int, PRIMARY KEY (b))",
         "ERROR 42703: column \"b\" named in key does not exist\n"},
        {"CREATE TABLE nosuch.u (a int)", "ERROR 3F000: schema \"nosuch\" does not exist\n"},
        {"CREATE TABLE pg_catalog.u (a int)",
         "ERROR 42501: permission denied to create \"pg_catalog.u\"\n"
         "DETAIL: System catalog modifications are currently disallowed.\n"},
        {"CREATE TEMP TABLE u (a int)", "ERROR 0A000: temporary tables: not supported\n"},
        {"INSERT INTO t (id) VALUES (1), (2)", "INSERT 0 2\n"},
        {"INSERT INTO t (id, s) VALUES (3, 'long')",
         "ERROR 22001: value too long for type character varying(3)\n"},
        {"INSERT INTO t (s) VALUES ('a')",
         "ERROR 23502: null value in column \"id\" of relation \"t\" violates not-null "
         "constraint\nDETAIL: Failing row contains (null, null, a).\n"},
        {"CREATE INDEX ON t (s DESC, n)", "CREATE INDEX\n"},
        {"CREATE INDEX ON t (s DESC, n)", "CREATE INDEX\n"},
        {"CREATE INDEX t_s_n_idx ON t (s)",
         "ERROR 42P07: relation \"t_s_n_idx\" already exists\n"},
        {"SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 't' ORDER BY 1",
         "[indexname|indexdef]\n"
         "t_n_key|CREATE UNIQUE INDEX t_n_key ON public.t USING btree (n)\n"
         "t_pkey|CREATE UNIQUE INDEX t_pkey ON public.t USING btree (id)\n"
         "t_s_n_idx|CREATE INDEX t_s_n_idx ON public.t USING btree (s DESC, n)\n"
         "t_s_n_idx1|CREATE INDEX t_s_n_idx1 ON public.t USING btree (s DESC, n)\n"
         "SELECT 4\n"},
        {"DROP INDEX t_s_n_idx1, t_s_n_idx", "DROP INDEX\n"},
        {"DROP INDEX t_pkey",
         "ERROR 2BP01: cannot drop index t_pkey because constraint t_pkey on table t requires "
         "it\nHINT: You can drop constraint t_pkey on table t instead.\n"},
        {"DROP INDEX t", "ERROR 42809: \"t\" is not an index\nHINT: Use DROP TABLE to remove a "
                         "table.\n"},
        {"DROP TABLE t_pkey", "ERROR 42809: \"t_pkey\" is not a table\nHINT: Use DROP INDEX to "
                              "remove an index.\n"},
        {"DROP TABLE nosuch", "ERROR 42P01: table \"nosuch\" does not exist\n"},
        {"DROP TABLE IF EXISTS nosuch",
         "NOTICE 00000: table \"nosuch\" does not exist, skipping\nDROP TABLE\n"},
        {"DROP TABLE pg_class",
         "ERROR 42501: permission denied: \"pg_class\" is a system catalog\n"},
        {"DROP TABLE t", "DROP TABLE\n"},
        {"SELECT count(*) FROM pg_class WHERE relname LIKE 't\\_%' OR relname = 't'",
         "[count]\n0\nSELECT 1\n"},
        {"SELECT count(*) FROM pg_attribute WHERE attrelid >= 16384", "[count]\n0\nSELECT 1\n"},
        {"SELECT count(*) FROM pg_constraint", "[count]\n0\nSELECT 1\n"},
        {"SELECT * FROM v",
         "ERROR 42P01: relation \"v\" does not exist\nHINT: The shell probably expanded "
         "\"v$name\" to \"v\": put the statement in single quotes, or write v_name.\n"},
        {"SELECT * FROM v_nodes", "[node_name|weight]\nn1|7\nSELECT 1\n"},
        {"SELECT weight FROM \"v$nodes\" WHERE node_name = 'n1'", "[weight]\n7\nSELECT 1\n"},
    };
    struct fixture *f = *state;
    EXPECT_ALL(&f->a, cases);
}

static void
definitions__not_built__0a000(void **state)
{
    static const struct sql_case cases[] = {
        {"CREATE TABLE u (a int[] UNIQUE)",
         "ERROR 0A000: an index on an array (column \"a\") is not supported\n"},
        {"SELECT * FROM pg_opclass",
         "ERROR 0A000: system relation \"pg_opclass\" is not supported\n"},
        {"SELECT * FROM pg_catalog.pg_locks",
         "ERROR 0A000: system relation \"pg_locks\" is not supported\n"},
        {"SELECT * FROM public.pg_locks",
         "ERROR 42P01: relation \"public.pg_locks\" does not exist\n"},
        {"SELECT to_regclass('pg_locks') IS NULL AS r", "[r]\nt\nSELECT 1\n"},
    };
    struct fixture *f = *state;
    EXPECT_ALL(&f->a, cases);
}

static void
serial__column__owns_its_sequence(void **state)
{
    static const struct sql_case cases[] = {
        {"CREATE TABLE t (id serial PRIMARY KEY, b bigserial, s text)", "CREATE TABLE\n"},
        {"INSERT INTO t (s) VALUES ('a'), ('b') RETURNING id, b",
         "[id|b]\n1|1\n2|2\nINSERT 0 2\n"},
        {"SELECT currval('t_id_seq'), lastval()", "[currval|lastval]\n2|2\nSELECT 1\n"},
        {"SELECT pg_get_serial_sequence('t', 'b')",
         "[pg_get_serial_sequence]\npublic.t_b_seq\nSELECT 1\n"},
        {"DROP SEQUENCE t_id_seq",
         "ERROR 2BP01: cannot drop sequence t_id_seq because other objects depend on it\n"
         "DETAIL: default value for column id of table t depends on sequence t_id_seq\n"
         "HINT: Use DROP ... CASCADE to drop the dependent objects too.\n"},
        {"TRUNCATE t RESTART IDENTITY", "TRUNCATE TABLE\n"},
        {"INSERT INTO t (s) VALUES ('c') RETURNING id", "[id]\n1\nINSERT 0 1\n"},
        {"DROP TABLE t", "DROP TABLE\n"},
        {"SELECT nextval('t_id_seq')", "ERROR 42P01: relation \"t_id_seq\" does not exist\n"},
        {"CREATE SEQUENCE s INCREMENT BY -2 START WITH 10 MAXVALUE 10", "CREATE SEQUENCE\n"},
        {"SELECT nextval('s'), nextval('s')", "[nextval|nextval]\n10|8\nSELECT 1\n"},
        {"CREATE SEQUENCE u START 5 MAXVALUE 4",
         "ERROR 22023: START value (5) cannot be greater than MAXVALUE (4)\n"},
        {"CREATE SEQUENCE u INCREMENT 0", "ERROR 22023: INCREMENT must not be zero\n"},
        {"CREATE SEQUENCE s", "ERROR 42P07: relation \"s\" already exists\n"},
        {"DROP SEQUENCE s", "DROP SEQUENCE\n"},
    };
    struct fixture *f = *state;
    EXPECT_ALL(&f->a, cases);
}

/* Goal: what would go beside the relation named is refused by name, and what an error cannot
 * hold is counted. */
static void
drop__held_by_many_defaults__refused(void **state)
{
    static const struct sql_case cases[] = {
        {"CREATE SEQUENCE s", "CREATE SEQUENCE\n"},
        {"CREATE TABLE a_long_name_of_a_table_that_fills_the_detail_of_an_error ("
         "a int DEFAULT nextval('s'), b int DEFAULT nextval('s'), c int DEFAULT nextval('s'), "
         "d int DEFAULT nextval('s'), e int DEFAULT nextval('s'), f int DEFAULT nextval('s'))",
         "CREATE TABLE\n"},
        {"DROP SEQUENCE s CASCADE",
         "ERROR 0A000: DROP .. CASCADE of what a default value needs is not supported\n"},
    };
    struct fixture *f = *state;
    EXPECT_ALL(&f->a, cases);
    const char *answer = lab_run(&f->a, "DROP SEQUENCE s");
    assert_non_null(
        strstr(answer, "\nDETAIL: default value for column a of table a_long_name"));
    assert_non_null(strstr(answer, " depends on sequence s\nand 2 other objects\nHINT: "));
    expect(&f->a, "DROP TABLE a_long_name_of_a_table_that_fills_the_detail_of_an_error",
           "DROP TABLE\n");
    expect(&f->a, "DROP SEQUENCE s CASCADE", "DROP SEQUENCE\n");
}

/* Goal: ALTER TABLE checks the rows that are there. */
static void
alter_table__rows_there__are_checked(void **state)
{
    static const struct sql_case cases[] = {
        {"CREATE TABLE t (a int, b int)", "CREATE TABLE\n"},
        {"INSERT INTO t VALUES (1, 1), (NULL, 3)", "INSERT 0 2\n"},
        {"ALTER TABLE t ADD PRIMARY KEY (a)",
         "ERROR 23502: column \"a\" of relation \"t\" contains null values\n"},
        {"DELETE FROM t WHERE a IS NULL; INSERT INTO t VALUES (1, 2)",
         "DELETE 1\nINSERT 0 1\n"},
        {"ALTER TABLE t ADD PRIMARY KEY (a)",
         "ERROR 23505: could not create unique index \"t_pkey\"\n"
         "DETAIL: Key (a)=(1) is duplicated.\n"},
        {"ALTER TABLE t ADD CONSTRAINT k PRIMARY KEY (b)", "ALTER TABLE\n"},
        {"INSERT INTO t VALUES (5, NULL)",
         "ERROR 23502: null value in column \"b\" of relation \"t\" violates not-null "
         "constraint\nDETAIL: Failing row contains (5, null).\n"},
        {"INSERT INTO t VALUES (5, 1)",
         "ERROR 23505: duplicate key value violates unique constraint \"k\"\n"
         "DETAIL: Key (b)=(1) already exists.\n"},
        {"ALTER TABLE t ADD COLUMN c text", "ALTER TABLE\n"},
        {"SELECT * FROM t ORDER BY b", "[a|b|c]\n1|1|NULL\n1|2|NULL\nSELECT 2\n"},
        {"UPDATE t SET c = 'x' WHERE b = 2", "UPDATE 1\n"},
        {"SELECT * FROM t ORDER BY b", "[a|b|c]\n1|1|NULL\n1|2|x\nSELECT 2\n"},
        {"ALTER TABLE t ADD COLUMN c text",
         "ERROR 42701: column \"c\" of relation \"t\" already exists\n"},
    };
    struct fixture *f = *state;
    EXPECT_ALL(&f->a, cases);
}

/* Goal: definitions are transactional and private until they are committed; plans follow. */
static void
definitions__in_a_transaction__are_its_own(void **state)
{
    struct fixture *f = *state;
    expect(&f->a, "BEGIN; CREATE TABLE t (a int); INSERT INTO t VALUES (1); SELECT * FROM t",
           "BEGIN\nCREATE TABLE\nINSERT 0 1\n[a]\n1\nSELECT 1\n");
    expect(&f->b, "SELECT * FROM t", "ERROR 42P01: relation \"t\" does not exist\n");
    expect(&f->a, "ROLLBACK", "ROLLBACK\n");
    expect(&f->a, "SELECT * FROM t", "ERROR 42P01: relation \"t\" does not exist\n");
    expect(&f->a, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)",
           "CREATE TABLE\nINSERT 0 1\n");
    expect(&f->b, "SELECT * FROM t", "[a]\n1\nSELECT 1\n");
    expect(&f->a, "DROP TABLE t; CREATE TABLE t (b text)", "DROP TABLE\nCREATE TABLE\n");
    expect(&f->b, "SELECT * FROM t", "[b]\nSELECT 0\n");
    expect(&f->a, "CREATE INDEX i ON t (b)", "CREATE INDEX\n");
    expect(&f->b, "INSERT INTO t VALUES ('x')", "INSERT 0 1\n");
    expect(&f->a, "SELECT b FROM t WHERE b = 'x'", "[b]\nx\nSELECT 1\n");
}

/* Goal: what was committed is there after a restart, from the checkpoint and from the log. */
static void
restart__catalogs_and_rows__are_there(void **state)
{
    struct fixture *f = *state;
    expect(&f->a, "CREATE TABLE t (a serial PRIMARY KEY); INSERT INTO t DEFAULT VALUES",
           "CREATE TABLE\nINSERT 0 1\n");
    expect(&f->a, "CHECKPOINT", "CHECKPOINT\n");
    expect(&f->a, "CREATE TABLE u (b int DEFAULT 7); INSERT INTO u DEFAULT VALUES",
           "CREATE TABLE\nINSERT 0 1\n");
    lab_disconnect(&f->a);
    lab_disconnect(&f->b);
    lab_restart(&f->lab);
    lab_connect(&f->lab, &f->a);
    lab_connect(&f->lab, &f->b);
    expect(&f->a, "SELECT * FROM t, u", "[a|b]\n1|7\nSELECT 1\n");
    expect(&f->a, "INSERT INTO u DEFAULT VALUES RETURNING b", "[b]\n7\nINSERT 0 1\n");
    expect(&f->a, "CREATE TABLE w (a serial); INSERT INTO w DEFAULT VALUES RETURNING a",
           "CREATE TABLE\n[a]\n1\nINSERT 0 1\n");
    expect(&f->a, "DROP TABLE t, u, w", "DROP TABLE\n");
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        CASE(definitions__good_and_bad__answered_as_in_postgresql),
        CASE(definitions__not_built__0a000),
        CASE(serial__column__owns_its_sequence),
        CASE(drop__held_by_many_defaults__refused),
        CASE(alter_table__rows_there__are_checked),
        CASE(definitions__in_a_transaction__are_its_own),
        CASE(restart__catalogs_and_rows__are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
