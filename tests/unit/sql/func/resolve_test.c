/* resolve_test.c: which operator or function a name and types mean; casts; common types.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sql/func/func.h"

struct resolve_case {
    bool is_operator;
    const char *name;
    unsigned arg_count;
    enum type_id args[3];
    enum type_id resolved[3], result; /* TYPE_INVALID result: it fails */
    const char *state, *message, *hint;
};

#define HINT_OPERATOR                                                                          \
    "No operator matches the given name and argument types. You might need to add explicit "   \
    "type casts."
#define HINT_OPERATOR_ONE                                                                      \
    "No operator matches the given name and argument type. You might need to add an explicit " \
    "type cast."
#define HINT_FUNCTION                                                                          \
    "No function matches the given name and argument types. You might need to add explicit "   \
    "type casts."

/* Results and messages are those of PostgreSQL 15 (psql, \gdesc). */
static const struct resolve_case cases[] = {
    {true, "+", 2, {TYPE_INT4, TYPE_INT8}, {TYPE_INT4, TYPE_INT8}, TYPE_INT8, 0, 0, 0},
    {true, "+", 2, {TYPE_INT4, TYPE_UNKNOWN}, {TYPE_INT4, TYPE_INT4}, TYPE_INT4, 0, 0, 0},
    {true,
     "+",
     2,
     {TYPE_INT4, TYPE_NUMERIC},
     {TYPE_NUMERIC, TYPE_NUMERIC},
     TYPE_NUMERIC,
     0,
     0,
     0},
    {true,
     "+",
     2,
     {TYPE_NUMERIC, TYPE_FLOAT8},
     {TYPE_FLOAT8, TYPE_FLOAT8},
     TYPE_FLOAT8,
     0,
     0,
     0},
    {true, "+", 2, {TYPE_FLOAT4, TYPE_INT4}, {TYPE_FLOAT4, TYPE_FLOAT8}, TYPE_FLOAT8, 0, 0, 0},
    {true, "+", 2, {TYPE_DATE, TYPE_INT4}, {TYPE_DATE, TYPE_INT4}, TYPE_DATE, 0, 0, 0},
    {true, "-", 2, {TYPE_DATE, TYPE_UNKNOWN}, {TYPE_DATE, TYPE_DATE}, TYPE_INT4, 0, 0, 0},
    {true,
     "-",
     2,
     {TYPE_TIMESTAMPTZ, TYPE_INTERVAL},
     {TYPE_TIMESTAMPTZ, TYPE_INTERVAL},
     TYPE_TIMESTAMPTZ,
     0,
     0,
     0},
    {true, "=", 2, {TYPE_VARCHAR, TYPE_VARCHAR}, {TYPE_TEXT, TYPE_TEXT}, TYPE_BOOL, 0, 0, 0},
    {true, "=", 2, {TYPE_VARCHAR, TYPE_UNKNOWN}, {TYPE_TEXT, TYPE_TEXT}, TYPE_BOOL, 0, 0, 0},
    {true, "=", 2, {TYPE_UNKNOWN, TYPE_UNKNOWN}, {TYPE_TEXT, TYPE_TEXT}, TYPE_BOOL, 0, 0, 0},
    {true, "=", 2, {TYPE_BPCHAR, TYPE_UNKNOWN}, {TYPE_BPCHAR, TYPE_BPCHAR}, TYPE_BOOL, 0, 0, 0},
    {true, "=", 2, {TYPE_BPCHAR, TYPE_TEXT}, {TYPE_TEXT, TYPE_TEXT}, TYPE_BOOL, 0, 0, 0},
    {true, "=", 2, {TYPE_OID, TYPE_INT4}, {TYPE_OID, TYPE_OID}, TYPE_BOOL, 0, 0, 0},
    {true, "=", 2, {TYPE_REGCLASS, TYPE_UNKNOWN}, {TYPE_OID, TYPE_OID}, TYPE_BOOL, 0, 0, 0},
    {true, "=", 2, {TYPE_NAME, TYPE_UNKNOWN}, {TYPE_NAME, TYPE_NAME}, TYPE_BOOL, 0, 0, 0},
    {true, "!=", 2, {TYPE_INT4, TYPE_INT4}, {TYPE_INT4, TYPE_INT4}, TYPE_BOOL, 0, 0, 0},
    {true, "~", 2, {TYPE_NAME, TYPE_UNKNOWN}, {TYPE_NAME, TYPE_TEXT}, TYPE_BOOL, 0, 0, 0},
    {true, "~~", 2, {TYPE_VARCHAR, TYPE_UNKNOWN}, {TYPE_TEXT, TYPE_TEXT}, TYPE_BOOL, 0, 0, 0},
    {true, "||", 2, {TYPE_VARCHAR, TYPE_UNKNOWN}, {TYPE_TEXT, TYPE_TEXT}, TYPE_TEXT, 0, 0, 0},
    {true, "||", 2, {TYPE_UNKNOWN, TYPE_INT4}, {TYPE_TEXT, TYPE_INT4}, TYPE_TEXT, 0, 0, 0},
    {true, "-", 1, {TYPE_INT2}, {TYPE_INT2}, TYPE_INT2, 0, 0, 0},
    {true,
     "-",
     1,
     {TYPE_UNKNOWN},
     {0},
     TYPE_INVALID,
     "42725",
     "operator is not unique: - unknown",
     "Could not choose a best candidate operator. You might need to add explicit type casts."},
    {true,
     "=",
     2,
     {TYPE_INT4_ARRAY, TYPE_UNKNOWN},
     {TYPE_INT4_ARRAY, TYPE_INT4_ARRAY},
     TYPE_BOOL,
     0,
     0,
     0},
    {true,
     "+",
     2,
     {TYPE_INT4, TYPE_BOOL},
     {0},
     TYPE_INVALID,
     "42883",
     "operator does not exist: integer + boolean",
     HINT_OPERATOR},
    {true,
     "=",
     2,
     {TYPE_INT4, TYPE_TEXT},
     {0},
     TYPE_INVALID,
     "42883",
     "operator does not exist: integer = text",
     HINT_OPERATOR},
    {true,
     "-",
     1,
     {TYPE_TEXT},
     {0},
     TYPE_INVALID,
     "42883",
     "operator does not exist: - text",
     HINT_OPERATOR_ONE},
    {true,
     "+",
     2,
     {TYPE_UNKNOWN, TYPE_UNKNOWN},
     {0},
     TYPE_INVALID,
     "42725",
     "operator is not unique: unknown + unknown",
     "Could not choose a best candidate operator. You might need to add explicit type casts."},
    {false, "abs", 1, {TYPE_INT4}, {TYPE_INT4}, TYPE_INT4, 0, 0, 0},
    {false, "abs", 1, {TYPE_UNKNOWN}, {TYPE_FLOAT8}, TYPE_FLOAT8, 0, 0, 0},
    {false, "round", 1, {TYPE_INT4}, {TYPE_FLOAT8}, TYPE_FLOAT8, 0, 0, 0},
    {false,
     "round",
     2,
     {TYPE_INT4, TYPE_INT4},
     {TYPE_NUMERIC, TYPE_INT4},
     TYPE_NUMERIC,
     0,
     0,
     0},
    {false, "lower", 1, {TYPE_VARCHAR}, {TYPE_TEXT}, TYPE_TEXT, 0, 0, 0},
    {false, "length", 1, {TYPE_UNKNOWN}, {TYPE_TEXT}, TYPE_INT4, 0, 0, 0},
    {false, "nextval", 1, {TYPE_UNKNOWN}, {TYPE_REGCLASS}, TYPE_INT8, 0, 0, 0},
    {false, "sum", 1, {TYPE_INT4}, {TYPE_INT4}, TYPE_INT8, 0, 0, 0},
    {false, "sum", 1, {TYPE_INT8}, {TYPE_INT8}, TYPE_NUMERIC, 0, 0, 0},
    {false, "max", 1, {TYPE_VARCHAR}, {TYPE_TEXT}, TYPE_TEXT, 0, 0, 0},
    {false, "max", 1, {TYPE_UNKNOWN}, {TYPE_TEXT}, TYPE_TEXT, 0, 0, 0},
    {false, "count", 1, {TYPE_DATE}, {TYPE_DATE}, TYPE_INT8, 0, 0, 0},
    {false, "count", 0, {0}, {0}, TYPE_INT8, 0, 0, 0},
    {false, "array_agg", 1, {TYPE_INT4}, {TYPE_INT4}, TYPE_INT4_ARRAY, 0, 0, 0},
    {false, "unnest", 1, {TYPE_INT8_ARRAY}, {TYPE_INT8_ARRAY}, TYPE_INT8, 0, 0, 0},
    {false,
     "generate_series",
     2,
     {TYPE_INT4, TYPE_INT8},
     {TYPE_INT8, TYPE_INT8},
     TYPE_INT8,
     0,
     0,
     0},
    {false,
     "generate_series",
     3,
     {TYPE_DATE, TYPE_DATE, TYPE_INTERVAL},
     {TYPE_TIMESTAMPTZ, TYPE_TIMESTAMPTZ, TYPE_INTERVAL},
     TYPE_TIMESTAMPTZ,
     0,
     0,
     0},
    {false, "concat", 2, {TYPE_UNKNOWN, TYPE_INT4}, {TYPE_TEXT, TYPE_INT4}, TYPE_TEXT, 0, 0, 0},
    {false,
     "foo",
     1,
     {TYPE_INT4},
     {0},
     TYPE_INVALID,
     "42883",
     "function foo(integer) does not exist",
     HINT_FUNCTION},
    {false,
     "length",
     1,
     {TYPE_INT4},
     {0},
     TYPE_INVALID,
     "42883",
     "function length(integer) does not exist",
     HINT_FUNCTION},
    {false,
     "sum",
     1,
     {TYPE_TEXT},
     {0},
     TYPE_INVALID,
     "42883",
     "function sum(text) does not exist",
     HINT_FUNCTION},
    {false,
     "sum",
     1,
     {TYPE_UNKNOWN},
     {0},
     TYPE_INVALID,
     "42725",
     "function sum(unknown) is not unique",
     "Could not choose a best candidate function. You might need to add explicit type casts."},
};

static bool
case_holds(const struct resolve_case *c)
{
    struct diag diag = {0};
    struct func_match match;
    enum status status = c->is_operator
                             ? operator_resolve(c->name, c->args, c->arg_count, &match, &diag)
                             : func_resolve(c->name, c->args, c->arg_count, &match, &diag);
    if (c->result == TYPE_INVALID) {
        return status != STATUS_OK && strcmp(diag.sqlstate, c->state) == 0 &&
               strcmp(diag.message, c->message) == 0 && strcmp(diag.hint, c->hint) == 0;
    }
    return status == STATUS_OK && match.result == c->result &&
           memcmp(match.arg_types, c->resolved, c->arg_count * sizeof c->resolved[0]) == 0;
}

/* Names and types mean what PostgreSQL takes them to mean, or fail with its message and hint.
 * Method: a table of calls; print those that differ. */
static void
resolve__table__same_as_postgresql(void **state)
{
    (void)state;
    unsigned failed = 0;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (!case_holds(&cases[i])) {
            failed++;
            print_error("case %zu: %s differs\n", i, cases[i].name);
        }
    }
    assert_int_equal(failed, 0);
}

/* The look-up for indexes and hashing finds an operator for every type that can be stored.
 * Method: all stored types against themselves, and its name back. */
static void
operator_func__stored_types__all_comparable(void **state)
{
    (void)state;
    unsigned count = 0;
    const struct type_info *types = type_table(&count);
    for (unsigned i = 0; i < count; i++) {
        if (types[i].column_kind == 0) {
            continue;
        }
        const struct func *equal = operator_func("=", types[i].id, types[i].id);
        if (equal == NULL) {
            print_error("no = of %s\n", types[i].name);
        }
        assert_non_null(equal);
        assert_string_equal(func_operator_name(equal), "=");
        const struct func *less = operator_func("<", types[i].id, types[i].id);
        if (types[i].category != 'A') {
            assert_non_null(less);
            assert_string_equal(func_operator_name(less), "<");
        }
    }
    assert_null(operator_func("=", TYPE_INT4, TYPE_TEXT));
    unsigned funcs = 0;
    assert_null(func_operator_name(func_table(&funcs)));
}

/* Casts have the contexts of pg_cast; texts take part in all explicit ones.
 * Method: a table. */
static void
cast_find__contexts__as_pg_cast(void **state)
{
    (void)state;
    static const struct cast_case {
        enum type_id from, to;
        enum cast_context context;
        enum cast_method method;
    } casts[] = {
        {TYPE_INT4, TYPE_INT8, CAST_IMPLICIT, CAST_FUNC},
        {TYPE_INT8, TYPE_INT4, CAST_IMPLICIT, CAST_NONE},
        {TYPE_INT8, TYPE_INT4, CAST_ASSIGNMENT, CAST_FUNC},
        {TYPE_INT4, TYPE_BOOL, CAST_ASSIGNMENT, CAST_NONE},
        {TYPE_INT4, TYPE_BOOL, CAST_EXPLICIT, CAST_FUNC},
        {TYPE_INT4, TYPE_TEXT, CAST_IMPLICIT, CAST_NONE},
        {TYPE_INT4, TYPE_TEXT, CAST_ASSIGNMENT, CAST_TEXT},
        {TYPE_TEXT, TYPE_INT4, CAST_ASSIGNMENT, CAST_NONE},
        {TYPE_TEXT, TYPE_INT4, CAST_EXPLICIT, CAST_TEXT},
        {TYPE_VARCHAR, TYPE_TEXT, CAST_IMPLICIT, CAST_RELABEL},
        {TYPE_TEXT, TYPE_VARCHAR, CAST_IMPLICIT, CAST_RELABEL},
        {TYPE_BPCHAR, TYPE_TEXT, CAST_IMPLICIT, CAST_FUNC},
        {TYPE_UNKNOWN, TYPE_INT4, CAST_IMPLICIT, CAST_TEXT},
        {TYPE_INT4, TYPE_OID, CAST_IMPLICIT, CAST_RELABEL},
        {TYPE_TEXT, TYPE_REGCLASS, CAST_IMPLICIT, CAST_FUNC},
        {TYPE_TIMESTAMP, TYPE_TIMESTAMPTZ, CAST_IMPLICIT, CAST_RELABEL},
        {TYPE_DATE, TYPE_INT4, CAST_EXPLICIT, CAST_NONE},
        {TYPE_VARCHAR_ARRAY, TYPE_TEXT_ARRAY, CAST_IMPLICIT, CAST_RELABEL},
        {TYPE_TEXT_ARRAY, TYPE_INT4_ARRAY, CAST_EXPLICIT, CAST_TEXT},
    };
    for (size_t i = 0; i < ARRAY_SIZE(casts); i++) {
        struct cast cast = cast_find(casts[i].from, casts[i].to, casts[i].context);
        if (cast.method != casts[i].method) {
            print_error("cast %zu: %d\n", i, (int)cast.method);
        }
        assert_int_equal(cast.method, casts[i].method);
        assert_true((cast.func != NULL) == (cast.method == CAST_FUNC));
    }
}

/* The common type follows the first preferred one; different categories cannot be matched.
 * Method: a table. */
static void
type_common__cases__same_as_postgresql(void **state)
{
    (void)state;
    static const struct common_case {
        enum type_id types[3], result;
        const char *message;
    } common[] = {
        {{TYPE_INT4, TYPE_INT8, TYPE_INT2}, TYPE_INT8, NULL},
        {{TYPE_UNKNOWN, TYPE_UNKNOWN, TYPE_UNKNOWN}, TYPE_TEXT, NULL},
        {{TYPE_UNKNOWN, TYPE_INT4, TYPE_UNKNOWN}, TYPE_INT4, NULL},
        {{TYPE_INT4, TYPE_NUMERIC, TYPE_FLOAT8}, TYPE_FLOAT8, NULL},
        {{TYPE_VARCHAR, TYPE_TEXT, TYPE_UNKNOWN}, TYPE_VARCHAR, NULL},
        {{TYPE_DATE, TYPE_TIMESTAMP, TYPE_TIMESTAMPTZ}, TYPE_TIMESTAMPTZ, NULL},
        {{TYPE_INT4, TYPE_TEXT, TYPE_INT4},
         TYPE_INVALID,
         "CASE types integer and text cannot be matched"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(common); i++) {
        struct diag diag = {0};
        enum type_id type;
        enum status status = type_common(common[i].types, 3, "CASE types", &type, &diag);
        if (common[i].message != NULL) {
            assert_int_not_equal(status, STATUS_OK);
            assert_string_equal(diag.message, common[i].message);
            assert_string_equal(diag.sqlstate, "42804");
        } else {
            assert_int_equal(status, STATUS_OK);
            assert_int_equal(type, common[i].result);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolve__table__same_as_postgresql),
        cmocka_unit_test(operator_func__stored_types__all_comparable),
        cmocka_unit_test(cast_find__contexts__as_pg_cast),
        cmocka_unit_test(type_common__cases__same_as_postgresql),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
