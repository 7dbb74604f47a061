/* output.c: see output.h. SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OID_BOOL = 16,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701
};

bool
output_format_by_name(const char *name, enum output_format *format_out)
{
    *format_out = strcmp(name, "json") == 0 ? OUTPUT_JSON : OUTPUT_TABLE;
    return strcmp(name, "json") == 0 || strcmp(name, "table") == 0;
}

static void
print_table(const PGresult *result, bool tuples_only)
{
    PQprintOpt options = {.header = !tuples_only, .align = 1, .fieldSep = (char[]){"|"}};
    PQprint(stdout, result, &options);
}

static json_t *
json_cell(const PGresult *result, int row, int column)
{
    const char *text = PQgetvalue(result, row, column);
    if (PQgetisnull(result, row, column)) {
        return json_null();
    }
    switch (PQftype(result, column)) {
    case OID_BOOL:
        return json_boolean(text[0] == 't');
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
        return json_integer(strtoll(text, NULL, 10));
    case OID_FLOAT4:
    case OID_FLOAT8: {
        json_t *number = json_real(strtod(text, NULL));
        return number == NULL ? json_string(text) : number; /* NaN and Infinity */
    }
    default:
        return json_string(text);
    }
}

/* An object has a name once: the second column of a name is NAME_2, and so on. */
static void
add_cell(json_t *object, const char *name, json_t *cell)
{
    char other[256];
    const char *free_name = name;
    for (unsigned no = 2; json_object_get(object, free_name) != NULL; no++) {
        snprintf(other, sizeof(other), "%s_%u", name, no);
        free_name = other;
    }
    json_object_set_new(object, free_name, cell);
}

static void
print_json(const PGresult *result)
{
    json_t *rows = json_array();
    for (int row = 0; row < PQntuples(result); row++) {
        json_t *object = json_object();
        for (int column = 0; column < PQnfields(result); column++) {
            add_cell(object, PQfname(result, column), json_cell(result, row, column));
        }
        json_array_append_new(rows, object);
    }
    json_dumpf(rows, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(rows);
}

static bool
copy_from_stdin(PGconn *connection)
{
    char chunk[65536];
    size_t got;
    while ((got = fread(chunk, 1, sizeof(chunk), stdin)) > 0) {
        if (PQputCopyData(connection, chunk, (int)got) != 1) {
            return false;
        }
    }
    return PQputCopyEnd(connection, NULL) == 1;
}

static void
copy_to_stdout(PGconn *connection)
{
    char *line = NULL;
    int size;
    while ((size = PQgetCopyData(connection, &line, 0)) > 0) {
        fwrite(line, 1, (size_t)size, stdout);
        PQfreemem(line);
    }
}

static bool
print_result(PGconn *connection, PGresult *result, enum output_format format, bool tuples_only)
{
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
        if (format == OUTPUT_JSON) {
            print_json(result);
        } else {
            print_table(result, tuples_only);
        }
        return true;
    case PGRES_COMMAND_OK:
        if (format == OUTPUT_TABLE && !tuples_only) {
            printf("%s\n", PQcmdStatus(result));
        }
        return true;
    case PGRES_EMPTY_QUERY:
        return true;
    case PGRES_COPY_IN:
        return copy_from_stdin(connection);
    case PGRES_COPY_OUT:
        copy_to_stdout(connection);
        return true;
    default:
        fprintf(stderr, "%s", PQresultErrorMessage(result));
        return false;
    }
}

int
output_run(PGconn *connection, const char *statement, enum output_format format,
           bool tuples_only)
{
    bool good = PQsendQuery(connection, statement) == 1;
    if (!good) {
        fprintf(stderr, "%s", PQerrorMessage(connection));
    }
    for (PGresult *result; good && (result = PQgetResult(connection)) != NULL;
         PQclear(result)) {
        good = print_result(connection, result, format, tuples_only);
    }
    fflush(stdout);
    return good ? 0 : 1;
}
