/* split.h: the statements of a text, as a shell sees them: up to a semicolon outside of quotes,
 * dollar quotes, comments and parentheses.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct statement_reader {
    const char *next;
};

/* The next statement that is not empty, without its semicolon; free() it. NULL at the end. */
char *next_statement(struct statement_reader *reader);
