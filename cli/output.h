/* output.h: runs one statement and prints its result. Results on stdout, errors on stderr.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>

enum output_format { OUTPUT_TABLE, OUTPUT_JSON };

bool output_format_by_name(const char *name, enum output_format *format_out);
/* 0, or 1 after an error. COPY FROM STDIN reads standard input. */
int output_run(PGconn *connection, const char *statement, enum output_format format,
               bool tuples_only);
