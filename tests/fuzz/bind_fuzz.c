/* bind_fuzz.c: any SQL text, bound over the unit tests' catalog: an error that says what it is
 * or a query, never a crash.
 *
 * Run:    as a test, over the lines of tests/sql/cases and what replay.c makes of them; for
 *         longer: bind_fuzz_libfuzzer -dict=tests/fuzz/sql.dict -max_len=2048
 *         (cmake --preset fuzz)
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/bind/bind.h"
#include "sql/parse/parse.h"
#include "tests/unit/sql/bind/fake_catalog.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
bind_all(struct sql_context *cx, const struct parsed_script *script)
{
    for (unsigned i = 0; i < script->count; i++) {
        const struct ast_statement *statement = script->statements[i];
        struct bind_params params = {0};
        struct query *query = NULL;
        if (statement->kind > AST_DELETE) {
            continue;
        }
        diag_clear(cx->diag);
        enum status status = bind_query(cx, statement, &params, &query);
        if ((status == STATUS_OK) != (query != NULL) ||
            (status != STATUS_OK && cx->diag->message[0] == '\0')) {
            abort();
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct diag diag;
    struct fake_catalog catalog;
    struct parsed_script script;
    arena_init(&arena);
    diag_clear(&diag);
    fake_catalog_init(&catalog);
    struct sql_context cx = {.arena = &arena,
                             .diag = &diag,
                             .catalog_hooks = fake_catalog_hooks(),
                             .host_arg = &catalog,
                             .database = "bind_cases"};
    const char *text = arena_strndup(&arena, data, size);
    if (parse_script(text, &arena, &script, &diag) == STATUS_OK) {
        bind_all(&cx, &script);
    }
    fake_catalog_deinit(&catalog);
    arena_deinit(&arena);
    return 0;
}
