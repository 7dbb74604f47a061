/* query_test.c: queries planned and run over a real store. Answers are PostgreSQL 15's.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"
#include "tests/unit/sql/lab.h"

#include "base/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
    struct lab lab;
    struct lab_session a, b;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    lab_open(&f->lab);
    lab_start_applier(&f->lab);
    lab_connect(&f->lab, &f->a);
    f->a.brief = true;
    lab_connect(&f->lab, &f->b);
    f->b.brief = true;
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    lab_disconnect(&f->a);
    lab_disconnect(&f->b);
    lab_stop_applier(&f->lab);
    lab_close(&f->lab);
    free(f);
    return 0;
}

struct sql_case {
    const char *text, *answer;
};

static void
run_cases(struct lab_session *client, const struct sql_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *answer = lab_run(client, cases[i].text);
        if (strcmp(answer, cases[i].answer) != 0) {
            fprintf(stderr, "%s\n  expected: %s\n  answered: %s\n", cases[i].text,
                    cases[i].answer, answer);
        }
        assert_string_equal(answer, cases[i].answer);
    }
}
#define RUN(client, cases) run_cases((client), (cases), ARRAY_SIZE(cases))

static void
fill(struct fixture *f)
{
    static const struct sql_case cases[] = {
        {"create table t (id int primary key, g int, name text, amount numeric(10,2))", ""},
        {"insert into t select i, i % 3, 'n' || i, i * 1.5 from generate_series(1, 10) i", ""},
        {"create table u (id bigint primary key, t_id int, note text)", ""},
        {"create index u_t on u (t_id)", ""},
        {"insert into u values (1, 1, 'one'), (2, 1, 'uno'), (3, 3, null), (4, 99, 'none'), "
         "(5, null, 'null')",
         ""},
    };
    RUN(&f->a, cases);
}

/* Goal: scalars without FROM. Method: a table of queries. */
static void
exec_scalar__operators__postgres_answers(void **state)
{
    struct fixture *f = *state;
    static const struct sql_case cases[] = {
        {"select 1", "1\n"},
        {"select 1 + 2 * 3, 7 / 2, -7 / 2, 7 % 3", "7|3|-3|1\n"},
        {"select 1 / 0", "ERROR 22012: division by zero"},
        {"select 2147483647 + 1", "ERROR 22003: integer out of range"},
        {"select null and false, null and true, null or true, null or false", "f||t|\n"},
        {"select not null::bool, not true", "|f\n"},
        {"select case when 1 = 2 then 1/0 else 5 end", "5\n"},
        {"select case 3 when 1 then 'a' when 3 then 'c' end", "c\n"},
        {"select coalesce(null, null, 3, 1/0)", "3\n"},
        {"select nullif(1, 1), nullif(1, 2)", "|1\n"},
        {"select greatest(1, null, 3), least(2, null, 1)", "3|1\n"},
        {"select 1 is distinct from null, null is distinct from null, 1 is not distinct from 1",
         "t|f|t\n"},
        {"select 1 in (1, 2), 3 in (1, 2), 3 in (1, null), 3 not in (1, 2)", "t|f||t\n"},
        {"select 2 = any (array[1, 2]), 2 = all (array[2, 2]), 3 = any ('{1,2,NULL}'::int[])",
         "t|t|\n"},
        {"select array[1, 2, null]", "{1,2,NULL}\n"},
        {"select null::int is null, 1 is not null, (1 = 2) is false", "t|t|t\n"},
        {"select '12'::int + 1, 12::text || 'x', 1.5::numeric(10,1)", "13|12x|1.5\n"},
        {"select (select 3), (select 1 where false), exists (select 1), array(select 1)",
         "3||t|{1}\n"},
        {"select (select generate_series from generate_series(1, 2))",
         "ERROR 21000: more than one row returned by a subquery used as an expression"},
        {"values (1, 'a'), (2, 'b')", "1|a\n2|b\n"},
        {"select where false", ""},
    };
    RUN(&f->a, cases);
}

/* Goal: scans, filters, order, limits. */
static void
exec_scan__filters_and_order__postgres_answers(void **state)
{
    struct fixture *f = *state;
    fill(f);
    static const struct sql_case cases[] = {
        {"select id, name from t where id = 3", "3|n3\n"},
        {"select id from t where id > 7 order by id", "8\n9\n10\n"},
        {"select id from t where id >= 9 or id = 1 order by id desc", "10\n9\n1\n"},
        {"select id from t where id between 2 and 4 order by id", "2\n3\n4\n"},
        {"select id from t where 4 > id and id > 1 order by 1", "2\n3\n"},
        {"select id from t where id in (3, 1, 3, 77) order by id", "1\n3\n"},
        {"select id from t where id = any ('{5,6}') order by id", "5\n6\n"},
        {"select id from t where id = 3000000000", ""},
        {"select count(*) from t where id < 3000000000", "10\n"},
        {"select id from t where id > 3000000000", ""},
        {"select id from t where id = null", ""},
        {"select id from t order by id limit 3", "1\n2\n3\n"},
        {"select id from t order by id desc limit 2 offset 1", "9\n8\n"},
        {"select id from t order by name limit 3", "1\n10\n2\n"},
        {"select id from t order by g desc, id limit 4", "2\n5\n8\n1\n"},
        {"select id from t limit 0", ""},
        {"select id from t order by id limit -1", "ERROR 2201W: LIMIT must not be negative"},
        {"select note from u order by note nulls first, id limit 2", "\nnone\n"},
        {"select note from u order by note desc limit 2", "\nuno\n"},
        {"select id from u where t_id = 1 order by id", "1\n2\n"},
        {"select id from u where t_id is null", "5\n"},
        {"select id from u where t_id > 0 order by t_id, id", "1\n2\n3\n4\n"},
        {"select distinct g from t order by g", "0\n1\n2\n"},
        {"select sum(amount) from t where name like 'n1%'", "16.50\n"},
    };
    RUN(&f->a, cases);
}

/* Goal: joins of each kind, by hash, index and plain loop. */
static void
exec_join__kinds__postgres_answers(void **state)
{
    struct fixture *f = *state;
    fill(f);
    static const struct sql_case cases[] = {
        {"select t.id, u.note from t join u on u.t_id = t.id order by u.id",
         "1|one\n1|uno\n3|\n"},
        {"select t.id, u.note from t, u where u.t_id = t.id and t.id = 1 order by u.id",
         "1|one\n1|uno\n"},
        {"select u.id, t.name from u left join t on t.id = u.t_id order by u.id",
         "1|n1\n2|n1\n3|n3\n4|\n5|\n"},
        {"select u.id, t.name from t right join u on t.id = u.t_id and t.g = 1 order by u.id",
         "1|n1\n2|n1\n3|\n4|\n5|\n"},
        {"select t.id, u.id from t full join u on t.id = u.t_id where t.id is null or t.id < 4 "
         "order by t.id, u.id",
         "1|1\n1|2\n2|\n3|3\n|4\n|5\n"},
        {"select count(*) from t cross join u", "50\n"},
        {"select count(*) from t a join t b on a.id < b.id", "45\n"},
        {"select a.id, b.id from t a left join t b on b.id = a.id + 8 where a.id < 4 order by "
         "a.id",
         "1|9\n2|10\n3|\n"},
        {"select u.id from u left join t on t.id = u.t_id where t.id is null order by u.id",
         "4\n5\n"},
        {"select a.id from t a join t b on a.id = b.id join u on u.t_id = b.id where u.id = 3",
         "3\n"},
        {"select t.id, s.n from t, lateral (select count(*) as n from u where u.t_id = t.id) s "
         "where t.id < 4 order by t.id",
         "1|2\n2|0\n3|1\n"},
        {"select t.id, x from t, generate_series(1, t.id) x where t.id < 3 order by t.id, x",
         "1|1\n2|1\n2|2\n"},
        {"select s.id from (select id from t where id > 8) s order by s.id", "9\n10\n"},
    };
    RUN(&f->a, cases);
}

/* Goal: aggregates, groups, HAVING, FILTER, DISTINCT. */
static void
exec_aggregate__groups__postgres_answers(void **state)
{
    struct fixture *f = *state;
    fill(f);
    static const struct sql_case cases[] = {
        {"select count(*), sum(id), avg(id), min(name), max(amount) from t",
         "10|55|5.5000000000000000|n1|15.00\n"},
        {"select count(*), sum(id) from t where id > 100", "0|\n"},
        {"select g, count(*), sum(id) from t group by g order by g",
         "0|3|18\n1|4|22\n2|3|15\n"},
        {"select g + 1, max(id) from t group by g + 1 having count(*) > 3", "2|10\n"},
        {"select g from t where id > 100 group by g", ""},
        {"select count(distinct g), count(t_id), count(distinct t_id) from t left join u on "
         "u.t_id = t.id",
         "3|3|2\n"},
        {"select count(*) filter (where id > 5), sum(id) filter (where g = 0) from t",
         "5|18\n"},
        {"select g, name from t group by id order by id limit 2", "1|n1\n2|n2\n"},
        {"select g, (select count(*) from u where u.t_id = t.g) from t group by g order by g",
         "0|0\n1|2\n2|0\n"},
        {"select sum(id) * 2 from t having sum(id) > 50", "110\n"},
        {"select t_id, count(*) from u group by t_id order by t_id", "1|2\n3|1\n99|1\n|1\n"},
    };
    RUN(&f->a, cases);
}

/* Goal: subqueries, correlated and not; IN with NULLs. */
static void
exec_subquery__kinds__postgres_answers(void **state)
{
    struct fixture *f = *state;
    fill(f);
    static const struct sql_case cases[] = {
        {"select id from t where id in (select t_id from u) order by id", "1\n3\n"},
        {"select id from t where id not in (select t_id from u) order by id", ""},
        {"select id from t where id not in (select t_id from u where t_id is not null) and id "
         "< 5 order by id",
         "2\n4\n"},
        {"select id from t where exists (select 1 from u where u.t_id = t.id) order by id",
         "1\n3\n"},
        {"select id from t where not exists (select 1 from u where u.t_id = t.id) and id < 5 "
         "order by id",
         "2\n4\n"},
        {"select id, (select max(note) from u where u.t_id = t.id) from t where id < 4 order "
         "by id",
         "1|uno\n2|\n3|\n"},
        {"select id from t where id = (select max(id) from t)", "10\n"},
        {"select id from t x where exists (select 1 from t y where y.id = x.id + 1 and exists "
         "(select 1 from u where u.t_id = x.id and u.id < y.id)) order by id",
         "1\n3\n"},
        {"select id from t where id > all (array[8, 9])", "10\n"},
        {"select 1 where 1 in (select null::int)", ""},
        {"select array(select id from t where id < 4 order by id)", "{1,2,3}\n"},
    };
    RUN(&f->a, cases);
}

/* Goal: set operations. */
static void
exec_set__operations__postgres_answers(void **state)
{
    struct fixture *f = *state;
    static const struct sql_case cases[] = {
        {"select 1 union all select 1", "1\n1\n"},
        {"select 1 union select 1", "1\n"},
        {"select 2 union select 1 order by 1", "1\n2\n"},
        {"select null::int union select null", "\n"},
        {"select x from generate_series(1, 5) x intersect select y from generate_series(4, 9) "
         "y "
         "order by 1",
         "4\n5\n"},
        {"select x from generate_series(1, 3) x except select 2 order by 1 desc", "3\n1\n"},
        {"select count(*) from (select 1 union all select 2) s", "2\n"},
        {"select 1 where 3 in (select 1 union select 3)", "1\n"},
    };
    RUN(&f->a, cases);
}

/* Goal: changes, RETURNING, constraints with PostgreSQL's words. */
static void
exec_change__rows__postgres_answers(void **state)
{
    struct fixture *f = *state;
    static const struct sql_case cases[] = {
        {"create table t (id int primary key, n int not null default 7, s varchar(3))", ""},
        {"insert into t (id) values (1)", ""},
        {"insert into t values (2, 5, 'abc') returning id, n + 1, s", "2|6|abc\n"},
        {"insert into t values (2, 5, 'abc')",
         "ERROR 23505: duplicate key value violates unique constraint \"t_pkey\" (Key (id)=(2) "
         "already exists.)"},
        {"insert into t values (3, null, 'x')",
         "ERROR 23502: null value in column \"n\" of relation \"t\" violates not-null "
         "constraint (Failing row contains (3, null, x).)"},
        {"insert into t values (3, 1, 'abcd')",
         "ERROR 22001: value too long for type character varying(3)"},
        {"insert into t (id, n) values (3, default), (4, 9)", ""},
        {"select * from t order by id", "1|7|\n2|5|abc\n3|7|\n4|9|\n"},
        {"update t set n = n + 1 where id = 2 returning n, id", "6|2\n"},
        {"update t set n = n * 10, s = 'z' where id > 2", ""},
        {"update t set id = id + 100", ""},
        {"select id, n, s from t order by id", "101|7|\n102|6|abc\n103|70|z\n104|90|z\n"},
        {"update t set id = 101 where id = 102",
         "ERROR 23505: duplicate key value violates unique constraint \"t_pkey\" (Key "
         "(id)=(101) already exists.)"},
        {"update t set n = null where id = 101",
         "ERROR 23502: null value in column \"n\" of relation \"t\" violates not-null "
         "constraint (Failing row contains (101, null, null).)"},
        {"delete from t where id = 104 returning *", "104|90|z\n"},
        {"create table v (id int, m int)", ""},
        {"insert into v values (101, 1), (103, 3), (103, 4)", ""},
        {"update t set n = v.m from v where v.id = t.id and v.m < 4 returning t.id, t.n, v.m",
         "101|1|1\n103|3|3\n"},
        {"delete from t using v where v.id = t.id and v.m = 1", ""},
        {"insert into t select id + 1000, n, s from t", ""},
        {"select id, n, s from t order by id", "102|6|abc\n103|3|z\n1102|6|abc\n1103|3|z\n"},
        {"delete from t", ""},
        {"select count(*) from t", "0\n"},
    };
    RUN(&f->a, cases);
}

struct waiting {
    struct lab_session *client;
    const char *text, *answer;
};

static void
ask_waiting(void *arg)
{
    struct waiting *waiting = arg;
    waiting->answer = lab_run(waiting->client, waiting->text);
}

/* Goal: under READ COMMITTED a statement that waited for a row asks WHERE and SET again of what
 * the other transaction left.
 * Method: a changes and keeps its transaction open, b's statement waits in a thread, a commits.
 */
static void
exec_change__changed_by_another__asked_again(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *first, *second, *answer, *left;
    } cases[] = {
        {"update t set n = n + 5 where id = 1",
         "update t set n = n * 2 where id = 1 returning n", "30\n", "1|30\n2|20\n"},
        {"update t set n = 500 where id = 1", "update t set n = 0 where id = 1 and n < 100", "",
         "1|500\n2|20\n"},
        {"update t set n = 500 where id = 1", "update t set n = n + 1", "", "1|501\n2|21\n"},
        {"delete from t where id = 1", "update t set n = 7 where n > 0 returning id", "2\n",
         "2|7\n"},
        {"update t set n = 11 where id = 1", "delete from t where n = 10", "", "1|11\n2|20\n"},
        {"update t set n = 11 where id = 1", "delete from t where n < 15 returning *", "1|11\n",
         "2|20\n"},
        {"update t set n = 11 where id = 1", "select n from t where id = 1 for update", "11\n",
         "1|11\n2|20\n"},
        {"update t set n = 11 where id = 1", "select n from t where n = 10 for update", "",
         "1|11\n2|20\n"},
        {"update t set n = 11 where id = 1",
         "update t set n = t.n + v.m from v where v.id = t.id and t.n < 20 returning t.n, v.m",
         "111|100\n", "1|111\n2|20\n"},
        {"insert into t values (3, 1)", "insert into t values (3, 2)",
         "ERROR 23505: duplicate key value violates unique constraint \"t_pkey\" (Key (id)=(3) "
         "already exists.)",
         "1|10\n2|20\n3|1\n"},
    };
    assert_string_equal(lab_run(&f->a, "create table t (id int primary key, n int);"
                                       "create table v (id int, m int);"
                                       "insert into v values (1, 100)"),
                        "");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct waiting waiting = {.client = &f->b, .text = cases[i].second};
        struct thread thread;
        assert_string_equal(
            lab_run(&f->a, "delete from t; insert into t values (1, 10), (2, 20)"), "");
        assert_string_equal(lab_run(&f->a, "begin"), "");
        assert_string_equal(lab_run(&f->a, cases[i].first), "");
        assert_int_equal(
            thread_start(&thread, THREAD_ANY, "waiting", ask_waiting, &waiting, NULL),
            STATUS_OK);
        usleep(50000); /* not needed for the answer: without it b might not have to wait */
        assert_string_equal(lab_run(&f->a, "commit"), "");
        thread_join(&thread);
        assert_string_equal(waiting.answer, cases[i].answer);
        assert_string_equal(lab_run(&f->a, "select * from t order by id"), cases[i].left);
    }
}

/* Goal: REPEATABLE READ refuses to change what another changed after its snapshot. */
static void
exec_change__changed_by_another__repeatable_read_refuses(void **state)
{
    struct fixture *f = *state;
    static const struct sql_case make[] = {
        {"create table t (id int primary key, n int)", ""},
        {"insert into t values (1, 10), (2, 20)", ""},
    };
    RUN(&f->a, make);
    static const struct sql_case begin[] = {
        {"begin isolation level repeatable read", ""},
        {"select n from t where id = 1", "10\n"},
    };
    RUN(&f->b, begin);
    static const struct sql_case change[] = {{"update t set n = n + 1 where id = 1", ""}};
    RUN(&f->a, change);
    static const struct sql_case refused[] = {
        {"select n from t where id = 1", "10\n"},
        {"update t set n = n + 1 where id = 1",
         "ERROR 40001: could not serialize access due to concurrent update"},
        {"rollback", ""},
        {"select n from t where id = 1", "11\n"},
    };
    RUN(&f->b, refused);
}

/* Goal: FOR UPDATE with SKIP LOCKED and NOWAIT; LIMIT locks no more rows than it gives. */
static void
exec_lock_rows__held_by_another__skipped_or_refused(void **state)
{
    struct fixture *f = *state;
    static const struct sql_case make[] = {
        {"create table q (id int primary key, n int)", ""},
        {"insert into q values (1, 10), (2, 20), (3, 30)", ""},
        {"begin", ""},
        {"select id from q order by id limit 1 for update skip locked", "1\n"},
    };
    RUN(&f->a, make);
    static const struct sql_case other[] = {
        {"begin", ""},
        {"select id from q order by id limit 1 for update skip locked", "2\n"},
        {"select id, n from q where id = 1 for update nowait",
         "ERROR 55P03: could not obtain lock on row in relation \"q\""},
        {"rollback", ""},
        {"begin", ""},
        {"select id from q order by id for update skip locked", "2\n3\n"},
        {"commit", ""},
    };
    RUN(&f->b, other);
    static const struct sql_case end[] = {{"commit", ""}};
    RUN(&f->a, end);
}

/* Goal: prepared statements run again with other parameters. */
static void
exec_prepared__point_statements__right_rows(void **state)
{
    struct fixture *f = *state;
    fill(f);
    static const struct {
        const char *text, *params[2];
        unsigned count;
        const char *answer;
    } cases[] = {
        {"select name from t where id = $1", {"4"}, 1, "n4\n"},
        {"select name from t where id = $1", {"5"}, 1, "n5\n"},
        {"select name from t where id = $1", {NULL}, 1, ""},
        {"select name from t where id = $1::bigint", {"99999999999"}, 1, ""},
        {"update t set g = g + $1 where id = $2", {"10", "4"}, 2, ""},
        {"select g from t where id = $1", {"4"}, 1, "11\n"},
        {"insert into t (id, g) values ($1, $2)", {"50", "60"}, 2, ""},
        {"select id, g, name from t where id > $1 limit $2", {"49", "3"}, 2, "50|60|\n"},
        {"delete from t where id = $1", {"50"}, 1, ""},
        {"select count(*) from t where id = any ($1::int[])", {"{1,2,77}"}, 1, "2\n"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *answer =
            lab_extended(&f->a, cases[i].text, cases[i].params, cases[i].count);
        if (strcmp(answer, cases[i].answer) != 0) {
            fprintf(stderr, "%s\n", cases[i].text);
        }
        assert_string_equal(answer, cases[i].answer);
    }
}

/* Goal: values that differ from row to row although nothing in the expression does, and what
 * statements read of themselves. */
static void
exec_change__sequences_and_subqueries__postgres_answers(void **state)
{
    struct fixture *f = *state;
    fill(f);
    static const struct sql_case cases[] = {
        {"create table s (id serial primary key, x int, t text default 'd' || 1)", ""},
        {"insert into s (x) select g from t where id < 4 returning id, t",
         "1|d1\n2|d1\n3|d1\n"},
        {"insert into s (x) values (7), (8) returning id", "4\n5\n"},
        {"insert into s default values returning id, x", "6|\n"},
        {"update s set x = (select max(g) from t) + s.id where id > 4 returning id, x",
         "5|7\n6|8\n"},
        {"update s set x = (select count(*) from u where u.t_id = s.id) where id < 4", ""},
        {"select id, x from s where id < 4 order by id", "1|2\n2|0\n3|1\n"},
        {"delete from s where x in (select id from t where id > 6)", ""},
        {"insert into s (id, x) select id + 10, (select count(*) from s) from s", ""},
        {"select count(*), max(x), sum(id) from s", "6|3|42\n"},
        {"update s set id = id + 1 where id > 10",
         "ERROR 23505: duplicate key value violates "
         "unique constraint \"s_pkey\" (Key (id)=(12) "
         "already exists.)"},
        {"select t.id, u.id from t join u on u.t_id = t.id where t.id = 1 order by u.id for "
         "update",
         "1|1\n1|2\n"},
        {"select case when g = 0 then 1 / g else g end from t where g > 0 order by 1 limit 1",
         "1\n"},
        {"select id from t where g <> 0 and 6 / g > 3 order by id", "1\n4\n7\n10\n"},
        {"select count(*) from generate_series(1, 100000) x where x % 1000 = 0", "100\n"},
        {"select x from generate_series(1, 3) with ordinality as g(x, n) where n > 1",
         "2\n3\n"},
        {"select sum(a.x) from (values (1), (2), (null)) a(x)", "3\n"},
    };
    RUN(&f->a, cases);
}

/* Goal: batches beyond one, in each operator that keeps rows.
 * Method: 5,000 rows through sort, top-N, group, hash join, distinct; sums are known. */
static void
exec_many_rows__all_operators__sums_fit(void **state)
{
    struct fixture *f = *state;
    static const struct sql_case cases[] = {
        {"create table big (id int primary key, k int, s text)", ""},
        {"insert into big select i, i % 97, 'row ' || i from generate_series(1, 5000) i", ""},
        {"select count(*), sum(id), min(s), max(s) from big", "5000|12502500|row 1|row 999\n"},
        {"select sum(id) from (select id from big order by s limit 4000) x where id < 100",
         "1000\n"},
        {"select id from big order by k desc, id desc limit 3", "4946\n4849\n4752\n"},
        {"select count(*), sum(n) from (select k, count(*) as n from big group by k) x",
         "97|5000\n"},
        {"select count(*) from big a join big b on a.id = b.id", "5000\n"},
        {"select count(*) from big a join big b on a.k = b.k", "257756\n"},
        {"select count(*) from (select distinct k, id % 2 from big) x", "194\n"},
        {"select count(*) from big where s in (select s from big where id > 4000)", "1000\n"},
        {"update big set k = k + 1 where id % 2 = 0", ""},
        {"select sum(k) from big", "241387\n"},
        {"delete from big where id > 2500", ""},
        {"select count(*), sum(id) from big", "2500|3126250\n"},
        {"select id from big where id > 2490 order by id desc limit 2", "2500\n2499\n"},
        {"select count(*) from (select id from big offset 2498) x", "2\n"},
    };
    RUN(&f->a, cases);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(exec_scalar__operators__postgres_answers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(exec_scan__filters_and_order__postgres_answers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(exec_join__kinds__postgres_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(exec_aggregate__groups__postgres_answers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(exec_subquery__kinds__postgres_answers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(exec_set__operations__postgres_answers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(exec_change__rows__postgres_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(exec_change__changed_by_another__asked_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            exec_change__changed_by_another__repeatable_read_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(exec_lock_rows__held_by_another__skipped_or_refused,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(exec_prepared__point_statements__right_rows, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(exec_change__sequences_and_subqueries__postgres_answers,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(exec_many_rows__all_operators__sums_fit, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
