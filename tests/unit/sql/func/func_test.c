/* func_test.c: functions, operators and casts, compared with what PostgreSQL 15 answered.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "evaluate.h"

enum case_kind { CALL, SIGN, CONVERT };
static const struct func_case {
    enum case_kind kind;
    const char *name; /* CONVERT: the target's name */
    unsigned arg_count;
    struct evaluation_arg args[4];
    const char *type; /* of the result, as format_type has it */
    const char *state, *expected;
} cases[] = {
#include "func_cases.inc"
};

static bool
case_holds(const struct func_case *c, struct sql_context *cx)
{
    struct diag diag = {0};
    struct buf out = BUF_EMPTY, type = BUF_EMPTY;
    enum type_id type_id = TYPE_INVALID;
    enum status status;
    if (c->kind == CONVERT) {
        type_id = type_by_name(c->name[0] == (char)34 ? "char" : c->name)->id;
        status = evaluate_cast(cx, c->args[0].type, type_id, c->args[0].text, &out, &diag);
    } else {
        status = evaluate(cx, c->kind == SIGN, c->name, c->args, c->arg_count, &out, &type_id,
                          &diag);
    }
    if (status != STATUS_OK) {
        buf_clear(&out);
        buf_append_text(&out, diag.message);
    }
    buf_append_text(&type, type_id != TYPE_INVALID ? type_info(type_id)->sql_name : "");
    const char *state = status == STATUS_OK ? "ok" : diag.sqlstate;
    bool holds =
        strcmp(state, c->state) == 0 &&
        slice_equal(buf_slice(&out), slice_from_text(c->expected)) &&
        (status != STATUS_OK || slice_equal(buf_slice(&type), slice_from_text(c->type)));
    if (!holds) {
        print_error("%s(%s, %s, %s): got %s %.*s (%.*s), PostgreSQL has %s %s (%s)\n", c->name,
                    c->arg_count > 0 && c->args[0].text ? c->args[0].text : "-",
                    c->arg_count > 1 && c->args[1].text ? c->args[1].text : "-",
                    c->arg_count > 2 && c->args[2].text ? c->args[2].text : "-", state,
                    (int)out.size, (const char *)out.data, (int)type.size,
                    (const char *)type.data, c->state, c->expected, c->type);
    }
    buf_deinit(&out);
    buf_deinit(&type);
    return holds;
}

/* Every call gives the result, the type or the error that PostgreSQL gave.
 * Method: resolve, cast, run in all shapes; count what differs. */
static void
func__recorded_cases__same_as_postgresql(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    struct rng rng;
    rng_seed(&rng, 1);
    struct sql_context cx = {
        .arena = &arena, .rng = &rng, .user = "postgres", .database = "postgres"};
    unsigned failed = 0;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        failed += !case_holds(&cases[i], &cx);
        arena_reset(&arena);
    }
    arena_deinit(&arena);
    assert_int_equal(failed, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(func__recorded_cases__same_as_postgresql),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
