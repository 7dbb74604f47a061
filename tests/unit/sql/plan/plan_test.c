/* plan_test.c: which operators the planner chooses. SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/unit.h"
#include "tests/unit/sql/lab.h"

#include <stdio.h>
#include <stdlib.h>

struct fixture {
    struct lab lab;
    struct lab_session client;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    lab_open(&f->lab);
    lab_start_applier(&f->lab);
    lab_connect(&f->lab, &f->client);
    f->client.brief = true;
    const char *made =
        lab_run(&f->client,
                "create table t (id int primary key, g int, h int, name text);"
                "create index t_gh on t (g, h desc);"
                "create table u (id bigint primary key, t_id int, note text);"
                "create index u_t on u (t_id);"
                "insert into t select i, i % 100, i % 7, 'n' from generate_series(1, 3000) i;"
                "insert into u select i, i, 'n' from generate_series(1, 3000) i;");
    assert_string_equal(made, "");
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    lab_disconnect(&f->client);
    lab_stop_applier(&f->lab);
    lab_close(&f->lab);
    free(f);
    return 0;
}

/* The plan's lines without costs and indentation, joined by "; ". */
static char *
shape(struct lab_session *client, const char *text)
{
    static char out[2048];
    char question[512];
    size_t size = 0;
    snprintf(question, sizeof(question), "explain %s", text);
    const char *plan = lab_run(client, question);
    while (*plan != 0) {
        plan += strspn(plan, " ->");
        size_t line = strcspn(plan, "\n");
        size_t name = line;
        const char *cost = strstr(plan, "  (cost");
        if (cost != NULL && cost < plan + line) {
            name = (size_t)(cost - plan);
        }
        size += (size_t)snprintf(out + size, sizeof(out) - size, "%s%.*s", size > 0 ? "; " : "",
                                 (int)name, plan);
        plan += line + (plan[line] == '\n');
    }
    out[size] = 0;
    return out;
}

/* Goal: the operators that a query deserves. Method: EXPLAIN's lines for a table of queries. */
static void
plan_query__indexes_and_joins__chosen(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *plan;
    } cases[] = {
        {"select * from t", "Seq Scan on t"},
        {"select * from t where id = 5", "Index Scan using t_pkey on t"},
        {"select * from t where id = 5::bigint", "Index Scan using t_pkey on t"},
        {"select * from t where 5 = id", "Index Scan using t_pkey on t"},
        {"select * from t where id + 1 = 5", "Seq Scan on t"},
        {"select * from t where id = random()", "Seq Scan on t"},
        {"select * from t where id in (1, 2)", "Index Scan using t_pkey on t"},
        {"select * from t where id = any ('{1,2}')", "Index Scan using t_pkey on t"},
        {"select * from t where g = 3 and h > 2", "Index Scan using t_gh on t"},
        {"select * from t where h = 3", "Seq Scan on t"},
        {"select * from t where id > 5 and id < 9", "Index Scan using t_pkey on t"},
        {"select * from t x where id = 1", "Index Scan using t_pkey on t x"},
        {"select * from t order by id limit 5", "Limit; Index Scan using t_pkey on t"},
        {"select * from t order by id desc limit 5",
         "Limit; Index Scan Backward using t_pkey on t"},
        {"select * from t order by g, h desc limit 5", "Limit; Index Scan using t_gh on t"},
        {"select * from t order by g, h limit 5", "Limit; Sort; Seq Scan on t"},
        {"select * from t where g = 1 order by h", "Index Scan Backward using t_gh on t"},
        {"select * from t order by name", "Sort; Seq Scan on t"},
        {"select * from t, u where t.id = u.t_id and u.id = 7",
         "Nested Loop; Index Scan using u_pkey on u; Index Scan using t_pkey on t"},
        {"select * from t join u on t.id = u.t_id", "Hash Join; Seq Scan on t; Seq Scan on u"},
        {"select * from t left join u on t.id = u.t_id where t.id = 3",
         "Nested Loop Left Join; Index Scan using t_pkey on t; Index Scan using u_t on u"},
        {"select * from t full join u on t.id = u.t_id",
         "Hash Full Join; Seq Scan on t; Seq Scan on u"},
        {"select g, count(*) from t group by g", "HashAggregate; Seq Scan on t"},
        {"select 1 union select 2", "Unique (hashed); Append; Result; Result"},
        {"update t set g = 1 where id = 4", "Update on t; Index Scan using t_pkey on t"},
        {"delete from t where id = 4", "Delete on t; Index Scan using t_pkey on t"},
        {"insert into t values (1, 1)", "Insert on t; Result"},
        {"select * from t where id = 3 for update", "LockRows; Index Scan using t_pkey on t"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *plan = shape(&f->client, cases[i].text);
        if (strcmp(plan, cases[i].plan) != 0) {
            fprintf(stderr, "%s\n", cases[i].text);
        }
        assert_string_equal(plan, cases[i].plan);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plan_query__indexes_and_joins__chosen, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
