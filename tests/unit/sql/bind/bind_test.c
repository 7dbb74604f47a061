/* bind_test.c: bound statements against what PostgreSQL 15 makes of them, and the shape of
 * trees. SPDX-License-Identifier: Apache-2.0 */
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
    f->cx = (struct sql_context){.arena = &f->arena,
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

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bind_query__recorded_statements__as_postgresql, set_up,
                                        tear_down),
    };
    UNUSED(bind_ok);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
