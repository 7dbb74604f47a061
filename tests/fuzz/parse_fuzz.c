/* parse_fuzz.c: any bytes as SQL text: an error or a tree, never a crash.
 *
 * Run:    as a test, over the lines of tests/sql/cases and what replay.c makes of them; for
 *         longer: parse_fuzz_libfuzzer -max_len=4096 (cmake --preset fuzz)
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/parse/parse.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct diag diag;
    struct parsed_script script;
    arena_init(&arena);
    diag_clear(&diag);
    const char *text = arena_strndup(&arena, data, size);
    if (parse_script(text, &arena, &script, &diag) == STATUS_OK) {
        size_t text_size = strlen(text);
        for (unsigned i = 0; i < script.count; i++) {
            const struct ast_statement *statement = script.statements[i];
            if (statement->text_offset + statement->text_size > text_size) {
                abort();
            }
        }
    } else if (diag.status == STATUS_OK || diag.message[0] == '\0') {
        abort(); /* an error says what it is */
    }
    arena_deinit(&arena);
    return 0;
}
