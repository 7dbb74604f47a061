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

/* Values at the edges of their types. */
static const struct {
    enum type_id type;
    const char *texts[10];
} extremes[] = {
    {TYPE_BOOL, {"t", "f"}},
    {TYPE_CHAR, {"", "a", "\177"}},
    {TYPE_INT2, {"-32768", "32767", "0", "-1", "1"}},
    {TYPE_INT4, {"-2147483648", "2147483647", "0", "-1", "1", "7"}},
    {TYPE_INT8, {"-9223372036854775808", "9223372036854775807", "0", "-1", "1", "20"}},
    {TYPE_FLOAT4, {"-3.4e38", "1e-45", "NaN", "Infinity", "0", "-0", "1.5"}},
    {TYPE_FLOAT8, {"-1.7e308", "5e-324", "NaN", "-Infinity", "0", "1e18", "-2.5"}},
    {TYPE_NUMERIC, {"0", "NaN", "Infinity", "-1e300", "1e-300", "-0.5", "9999.9999", "3"}},
    {TYPE_TEXT,
     {"", "a", "\303\244\346\227\245", "YYYY-MM-DD HH24:MI:SS.US TZ Day", "FM999.99S", "%_\\",
      "(a|b)*", "year", "1.5", "*"}},
    {TYPE_NAME, {"", "pg_class"}},
    {TYPE_BPCHAR, {"", "a  "}},
    {TYPE_BYTEA, {"", "\\x00ff"}},
    {TYPE_DATE, {"infinity", "-infinity", "4714-11-24 BC", "5874897-12-31", "2000-02-29"}},
    {TYPE_TIMESTAMP,
     {"infinity", "-infinity", "4714-11-24 BC", "294276-12-31 23:59:59.999999", "2000-02-29"}},
    {TYPE_TIMESTAMPTZ,
     {"infinity", "-infinity", "4714-11-24 BC", "294276-12-31 23:59:59.999999", "2000-02-29"}},
    {TYPE_INTERVAL,
     {"178000000 years", "-178000000 years", "2147483647 days", "-2147483648 days",
      "2562047788:00:54.775807", "-2562047788:00:54.775807", "0", "1 mon -1 day"}},
    {TYPE_OID, {"0", "4294967295", "23", "1042"}},
    {TYPE_REGCLASS, {"0", "1259"}},
    {TYPE_INT4_ARRAY, {"{}", "{1,NULL,3}"}},
    {TYPE_TEXT_ARRAY, {"{}", "{a,NULL,\"b c\"}"}},
    {TYPE_OIDVECTOR, {"", "1 2 3"}},
};

static bool
random_extreme(enum type_id type, struct rng *rng, struct evaluation_arg *out)
{
    type = type == TYPE_ANYARRAY                         ? TYPE_INT4_ARRAY
           : type == TYPE_ANYELEMENT || type == TYPE_ANY ? TYPE_INT4
                                                         : type;
    for (size_t i = 0; i < ARRAY_SIZE(extremes); i++) {
        if (extremes[i].type != type) {
            continue;
        }
        uint64_t count = 0;
        while (count < ARRAY_SIZE(extremes[i].texts) && extremes[i].texts[count] != NULL) {
            count++;
        }
        *out = (struct evaluation_arg){type, extremes[i].texts[rng_below(rng, count)]};
        return true;
    }
    return false;
}

static void
call_at_extremes(struct sql_context *cx, const struct func *func, const char *operator_name,
                 struct rng *rng)
{
    struct evaluation_arg args[FUNC_ARGS_MAX];
    struct diag diag = {0};
    struct buf out = BUF_EMPTY;
    enum type_id type = TYPE_INVALID;
    for (unsigned a = 0; a < func->arg_count; a++) {
        if (!random_extreme(func->args[a], rng, &args[a])) {
            return;
        }
    }
    enum status status =
        evaluate(cx, operator_name != NULL, operator_name != NULL ? operator_name : func->name,
                 args, func->arg_count, &out, &type, &diag);
    if (status != STATUS_OK) {
        assert_int_not_equal(diag.message[0], 0);
    }
    buf_deinit(&out);
}

/* Values at the edges give a result or an error, never a crash, in every function and operator.
 * Method: seeded choices of edge values, in all shapes; the sanitizers watch. */
static void
func__extreme_arguments__answer_or_fail(void **state)
{
    (void)state;
    static const char *const signs[] = {"+", "-",  "*", "/", "%",  "^", "||", "=",
                                        "<", "~~", "~", "&", "<<", "@", "|/", "@>"};
    struct arena arena;
    struct rng rng;
    unsigned count = 0;
    arena_init(&arena);
    rng_seed(&rng, 5);
    struct sql_context cx = {.arena = &arena, .rng = &rng, .user = "u", .database = "d"};
    const struct func *funcs = func_table(&count);
    for (unsigned i = 0; i < count; i++) {
        for (unsigned round = 0; round < 25 && funcs[i].volatility != VOLATILITY_VOLATILE;
             round++) {
            call_at_extremes(&cx, &funcs[i], NULL, &rng);
            arena_reset(&arena);
        }
    }
    for (unsigned round = 0; round < 30000; round++) {
        enum type_id left = extremes[rng_below(&rng, ARRAY_SIZE(extremes))].type;
        enum type_id right = extremes[rng_below(&rng, ARRAY_SIZE(extremes))].type;
        struct func any = {.arg_count = 1 + (unsigned)rng_below(&rng, 2),
                           .args = {left, right}};
        call_at_extremes(&cx, &any, signs[rng_below(&rng, ARRAY_SIZE(signs))], &rng);
        arena_reset(&arena);
    }
    arena_deinit(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(func__recorded_cases__same_as_postgresql),
        cmocka_unit_test(func__extreme_arguments__answer_or_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
