/* copy_in.c: COPY FROM STDIN in the text format.
 *
 * Input comes in pieces of any size: whole lines are read where they lie, the rest waits in
 * `pending`. A newline after an odd number of backslashes belongs to the data.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/copy.h"
#include "sql/types/utf8.h"

#include <stdio.h>
#include <stdlib.h>

#define SHOWN_BYTES_MAX ((size_t)100) /* of a line or value, in an error's context */
#define CHECK_ROWS 1024               /* between looks at cancel and term */

enum line_end { LINE_END_UNKNOWN, LINE_END_LF, LINE_END_CRLF };

struct copy_in {
    struct sql_session *session;
    const struct table_def *table;
    struct copy_options options;
    unsigned column_count;
    const unsigned *columns;
    struct row_inserter *inserter;
    struct value *values; /* by column_no */
    struct buf pending, field;
    struct arena line_arena;
    uint64_t line_no, row_count;
    bool skip_header, ended; /* ended: \. was seen */
    enum line_end line_end;  /* of the first line; all are to end like it */
};

void
copy__close_in(struct copy_in *copy)
{
    if (copy == NULL) {
        return;
    }
    row_inserter_close(copy->inserter);
    buf_deinit(&copy->pending);
    buf_deinit(&copy->field);
    arena_deinit(&copy->line_arena);
    free(copy);
}

static enum status
check_target(struct sql_context *cx, const struct table_def *table)
{
    if (table->kind == RELATION_TABLE && table->id.v < CATALOG_OBJECT_ID_END) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_INSUFFICIENT_PRIVILEGE,
                         "permission denied: \"%s\" is a system catalog", table->name);
    }
    return STATUS_OK;
}

/* What PostgreSQL finds only after it has asked for the data: a client that reads a script
 * skips the lines then, and does not take them for statements. */
static enum status
check_after_response(struct sql_context *cx, const struct table_def *table, bool freeze)
{
    if (table->kind != RELATION_TABLE) {
        diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_WRONG_OBJECT_TYPE,
                  "cannot copy to %s \"%s\"",
                  table->kind == RELATION_VIEW ? "view" : "sequence", table->name);
        if (table->kind == RELATION_VIEW) {
            diag_hint(cx->diag, "To enable copying to a view, provide an INSTEAD OF INSERT "
                                "trigger.");
        }
        return STATUS_INVALID;
    }
    if (freeze && !table_is_new_in(cx->txn, table->id)) {
        return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                         "cannot perform COPY FREEZE because the table was not created or "
                         "truncated in the current subtransaction");
    }
    return STATUS_OK;
}

enum status
copy__start_in(struct sql_session *session, struct run *run, const struct ast_copy *statement,
               struct sql_sink *sink)
{
    struct sql_context *cx = &session->cx;
    struct copy_options options;
    TRY(copy__read_options(cx, statement, &options));
    const struct table_def *table;
    TRY(catalog_get_table(cx, statement->table.schema, statement->table.name, &table));
    TRY(check_target(cx, table));
    if (table->kind == RELATION_TABLE) {
        TRY(ddl__lock(session, table->id, TABLE_LOCK_ROW_EXCLUSIVE));
        TRY(catalog_get_table(cx, statement->table.schema, statement->table.name, &table));
        TRY(check_target(cx, table));
    }
    unsigned *columns, count;
    TRY(copy__columns(cx, table, &statement->columns, &columns, &count));
    enum status status = check_after_response(cx, table, options.freeze);
    if (status != STATUS_OK) {
        sink->copy_in_begin(sink, count);
        return status;
    }
    bool *given = arena_array(cx->arena, bool, table->column_count + 1);
    for (unsigned i = 0; i < count; i++) {
        given[columns[i]] = true;
    }
    struct copy_in *copy = calloc(1, sizeof(*copy));
    ASSERT(copy != NULL);
    arena_init(&copy->line_arena);
    copy->session = session;
    copy->table = table;
    copy->options = options;
    copy->options.null_text = arena_copy(cx->arena, options.null_text);
    copy->column_count = count;
    copy->columns = columns;
    copy->skip_header = options.header;
    copy->values = arena_array(cx->arena, struct value, table->column_count + 1);
    run->copy_in = copy; /* freed with the run from here on */
    run->cx.catalog = cx->catalog;
    TRY(row_inserter_open(&run->cx, table, given, &copy->inserter));
    sink->copy_in_begin(sink, count);
    return STATUS_OK;
}

/* The input as PostgreSQL's context shows it: what fits into 100 bytes, and "...". */
static const char *
shown_input(struct copy_in *copy, struct slice data)
{
    bool cut = data.size > SHOWN_BYTES_MAX;
    data.size = utf8_valid_prefix(slice_make(data.data, MIN(data.size, SHOWN_BYTES_MAX)));
    return arena_printf(&copy->line_arena, "%.*s%s", (int)data.size, (const char *)data.data,
                        cut ? "..." : "");
}

static void
say_line(struct copy_in *copy, struct slice line)
{
    struct diag *diag = copy->session->cx.diag;
    if (line.size <= SHOWN_BYTES_MAX && utf8_valid_prefix(line) < line.size) {
        diag_while(diag, "COPY %s, line %llu", copy->table->name,
                   (unsigned long long)copy->line_no);
        return;
    }
    diag_while(diag, "COPY %s, line %llu: \"%s\"", copy->table->name,
               (unsigned long long)copy->line_no, shown_input(copy, line));
}

static enum status
line_error(struct copy_in *copy, struct slice line, const char *format, const char *name)
{
    struct diag *diag = copy->session->cx.diag;
    char text[DIAG_TEXT_MAX];
    size_t at = 0;
    for (const char *p = format; *p != 0 && at + 1 < sizeof(text); p++) {
        if (p[0] == '%' && p[1] == 's') {
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s", name);
            at = MIN(at, sizeof(text) - 1);
            p++;
        } else {
            text[at++] = *p;
        }
    }
    text[at] = 0;
    diag_fail(diag, STATUS_INVALID, SQLSTATE_BAD_COPY_FILE_FORMAT, "%s", text);
    say_line(copy, line);
    return STATUS_INVALID;
}

static unsigned
hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
           : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
           : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                  : 16;
}

/* One escape sequence after its backslash; returns how many bytes it took. */
static size_t
unescape(const uint8_t *at, const uint8_t *end, struct buf *out)
{
    static const char letters[] = "bfnrtv", values[] = "\b\f\n\r\t\v";
    uint8_t c = at[0];
    const char *letter = c == 0 ? NULL : strchr(letters, c);
    if (letter != NULL) {
        buf_u8(out, (uint8_t)values[letter - letters]);
        return 1;
    }
    size_t used = 0;
    unsigned number = 0;
    if (c >= '0' && c <= '7') {
        while (used < 3 && at + used < end && at[used] >= '0' && at[used] <= '7') {
            number = number * 8 + (unsigned)(at[used++] - '0');
        }
        buf_u8(out, (uint8_t)(number & 0xff));
        return used;
    }
    if (c == 'x' && at + 1 < end && hex_digit(at[1]) < 16) {
        for (used = 1; used < 3 && at + used < end && hex_digit(at[used]) < 16; used++) {
            number = number * 16 + hex_digit(at[used]);
        }
        buf_u8(out, (uint8_t)number);
        return used;
    }
    buf_u8(out, c);
    return 1;
}

/* The field that begins at *at: its raw bytes, or its text without escapes in copy->field.
 * *at then stands on the delimiter or the line's end. */
static struct slice
read_field(struct copy_in *copy, const uint8_t **at, const uint8_t *end, bool *is_null_out)
{
    const uint8_t *start = *at, *p = start;
    uint8_t delimiter = (uint8_t)copy->options.delimiter;
    while (p < end && *p != delimiter && *p != '\\') {
        p++;
    }
    if (p == end || *p == delimiter) { /* the common case: nothing to undo */
        *at = p;
        struct slice raw = slice_make(start, (size_t)(p - start));
        *is_null_out = slice_equal(raw, copy->options.null_text);
        return raw;
    }
    buf_clear(&copy->field);
    buf_append(&copy->field, start, (size_t)(p - start));
    while (p < end && *p != delimiter) {
        if (*p == '\\') {
            p++; /* the data's last byte may be one: it stands for nothing */
            p += p < end ? unescape(p, end, &copy->field) : 0;
        } else {
            buf_u8(&copy->field, *p++);
        }
    }
    *at = p;
    *is_null_out = slice_equal(slice_make(start, (size_t)(p - start)), copy->options.null_text);
    return buf_slice(&copy->field);
}

static enum status
read_value(struct copy_in *copy, struct slice line, unsigned no, struct slice text,
           struct value *value_out)
{
    const struct column_def *column = &copy->table->columns[no];
    struct diag *diag = copy->session->cx.diag;
    if (type_info(column->type)->physical == PHYSICAL_BYTES) {
        text = arena_copy(&copy->line_arena, text); /* the field's buffer is used again */
    }
    struct value_source source = {column->type, column->typmod, text};
    enum status status =
        value_read(&copy->session->cx, &source, &copy->line_arena, value_out, diag);
    if (status == STATUS_OK && column->typmod >= 0) {
        status = value_apply_typmod(column->type, column->typmod, false, value_out,
                                    &copy->line_arena, diag);
    }
    bool is_text = strcmp(diag->sqlstate, SQLSTATE_CHARACTER_NOT_IN_REPERTOIRE) != 0;
    if (status != STATUS_OK && !is_text) { /* what a client may show is the line as it came */
        say_line(copy, line);
    } else if (status != STATUS_OK) {
        diag_while(diag, "COPY %s, line %llu, column %s: \"%s\"", copy->table->name,
                   (unsigned long long)copy->line_no, column->name, shown_input(copy, text));
    }
    return status;
}

static enum status
read_row(struct copy_in *copy, struct slice line)
{
    const uint8_t *at = line.data, *end = line.data + line.size;
    for (unsigned i = 0; i < copy->column_count; i++) {
        unsigned no = copy->columns[i];
        if (i > 0) {
            if (at == end) {
                return line_error(copy, line, "missing data for column \"%s\"",
                                  copy->table->columns[no].name);
            }
            at++;
        }
        bool is_null = false;
        struct slice text = read_field(copy, &at, end, &is_null);
        copy->values[no].is_null = is_null;
        if (!is_null) {
            TRY(read_value(copy, line, no, text, &copy->values[no]));
        }
    }
    if (at != end) {
        return line_error(copy, line, "extra data after last expected column", "");
    }
    return STATUS_OK;
}

/* HEADER MATCH: the columns' names, in their order. */
static enum status
check_header(struct copy_in *copy, struct slice line)
{
    const uint8_t *at = line.data, *end = line.data + line.size;
    unsigned fields = 0;
    while (fields == 0 || at < end) {
        at += fields++ > 0;
        bool is_null;
        (void)read_field(copy, &at, end, &is_null);
    }
    if (fields != copy->column_count) {
        return line_error(
            copy, line, "wrong number of fields in header line: %s",
            arena_printf(&copy->line_arena, "got %u, expected %u", fields, copy->column_count));
    }
    at = line.data;
    for (unsigned i = 0; i < copy->column_count; i++) {
        const char *wanted = copy->table->columns[copy->columns[i]].name;
        bool is_null;
        at += i > 0;
        struct slice name = read_field(copy, &at, end, &is_null);
        if (is_null || !slice_equal(name, slice_from_text(wanted))) {
            return line_error(
                copy, line, "column name mismatch in header line field %s",
                arena_printf(&copy->line_arena, "%u: got %s\"%.*s\"%s, expected \"%s\"", i + 1,
                             is_null ? "null value (" : "", (int)MIN(name.size, 63U),
                             (const char *)name.data, is_null ? ")" : "", wanted));
        }
    }
    return STATUS_OK;
}

static enum status
bad_line_end(const struct copy_in *copy, const char *message, const char *hint)
{
    struct diag *diag = copy->session->cx.diag;
    diag_fail(diag, STATUS_INVALID, SQLSTATE_BAD_COPY_FILE_FORMAT, "%s", message);
    if (hint != NULL) {
        diag_hint(diag, "%s", hint);
    }
    diag_while(diag, "COPY %s, line %llu", copy->table->name,
               (unsigned long long)copy->line_no);
    return STATUS_INVALID;
}

/* Looks for what may not stand in a line as it is: returns (a CR that is none of the end), and
 * \. before its end. What is left of `line` before \. is the last row, if there is anything. */
static enum status
check_bytes(struct copy_in *copy, struct slice *line, bool whole)
{
    const uint8_t *end = line->data + line->size;
    bool escapes = memchr(line->data, '\\', line->size) != NULL;
    if (!escapes && memchr(line->data, '\r', line->size) == NULL) {
        return STATUS_OK;
    }
    for (const uint8_t *p = line->data; p < end; p++) {
        if (*p == '\r') {
            return bad_line_end(copy, "literal carriage return found in data",
                                "Use \"\\r\" to represent carriage return.");
        }
        if (*p != '\\' || p + 1 == end) {
            continue;
        }
        if (p[1] == '.' && (p + 2 != end || !whole)) {
            return bad_line_end(copy, "end-of-copy marker corrupt", NULL);
        }
        if (p[1] == '.') {
            copy->ended = true;
            line->size = (size_t)(p - line->data);
            return STATUS_OK;
        }
        p++; /* what is escaped is data */
    }
    return STATUS_OK;
}

/* Takes a CR off the end; it is one when no backslash makes it data. */
static bool
take_return(struct slice *line)
{
    size_t escapes = 0;
    if (line->size == 0 || line->data[line->size - 1] != '\r') {
        return false;
    }
    while (escapes + 1 < line->size && line->data[line->size - 2 - escapes] == '\\') {
        escapes++;
    }
    line->size -= escapes % 2 == 0;
    return escapes % 2 == 0;
}

static enum status
check_line_end(struct copy_in *copy, struct slice *line, bool whole)
{
    if (!whole) {
        return STATUS_OK;
    }
    if (copy->line_end == LINE_END_UNKNOWN) {
        copy->line_end = take_return(line) ? LINE_END_CRLF : LINE_END_LF;
        return STATUS_OK;
    }
    if (copy->line_end == LINE_END_CRLF && !take_return(line)) {
        return bad_line_end(copy, "literal newline found in data",
                            "Use \"\\n\" to represent newline.");
    }
    return STATUS_OK;
}

/* `whole`: it had its newline. */
static enum status
take_line(struct copy_in *copy, struct slice line, bool whole)
{
    if (copy->ended) {
        return STATUS_OK; /* nothing counts after \. */
    }
    copy->line_no++;
    TRY(check_line_end(copy, &line, whole));
    TRY(check_bytes(copy, &line, whole));
    if (copy->ended && line.size == 0) {
        return STATUS_OK;
    }
    if (copy->skip_header) {
        copy->skip_header = false;
        return copy->options.header_match ? check_header(copy, line) : STATUS_OK;
    }
    if (copy->column_count == 0 && line.size > 0) {
        return line_error(copy, line, "extra data after last expected column", "");
    }
    arena_reset(&copy->line_arena);
    TRY(read_row(copy, line));
    enum status status = row_inserter_insert(copy->inserter, copy->values);
    if (status != STATUS_OK) {
        struct diag *diag = copy->session->cx.diag;
        if (strcmp(diag->sqlstate, SQLSTATE_NOT_NULL_VIOLATION) == 0) {
            say_line(copy, line);
        } else {
            diag_while(diag, "COPY %s, line %llu", copy->table->name,
                       (unsigned long long)copy->line_no);
        }
        return status;
    }
    if (++copy->row_count % CHECK_ROWS == 0) {
        return txn_check(copy->session->txn, copy->session->cx.diag);
    }
    return STATUS_OK;
}

/* The end of the first whole line in the bytes; NULL: there is none. */
static const uint8_t *
find_line_end(const uint8_t *from, const uint8_t *start, const uint8_t *end)
{
    while (from < end) {
        const uint8_t *newline = memchr(from, '\n', (size_t)(end - from));
        if (newline == NULL) {
            return NULL;
        }
        const uint8_t *p = newline;
        while (p > start && p[-1] == '\\') {
            p--;
        }
        if ((newline - p) % 2 == 0) {
            return newline;
        }
        from = newline + 1;
    }
    return NULL;
}

static enum status
take_data(struct copy_in *copy, struct slice data)
{
    const uint8_t *at = data.data, *end = data.data + data.size;
    while (copy->pending.size > 0 && at < end) { /* first the line that was cut */
        size_t old_size = copy->pending.size;
        const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
        size_t take = newline == NULL ? (size_t)(end - at) : (size_t)(newline - at) + 1;
        buf_append(&copy->pending, at, take);
        at += take;
        const uint8_t *start = copy->pending.data;
        const uint8_t *line_end =
            find_line_end(start + old_size, start, start + copy->pending.size);
        if (line_end != NULL) {
            enum status status =
                take_line(copy, slice_make(start, (size_t)(line_end - start)), true);
            buf_clear(&copy->pending);
            TRY(status);
        }
    }
    const uint8_t *line_end;
    while (at < end && (line_end = find_line_end(at, at, end)) != NULL) {
        TRY(take_line(copy, slice_make(at, (size_t)(line_end - at)), true));
        at = line_end + 1;
    }
    buf_append(&copy->pending, at, (size_t)(end - at));
    return STATUS_OK;
}

/* The statement is over with an error. */
static void
fail_copy(struct sql_session *session, struct sql_result *result)
{
    struct run *run = session->copying;
    session->copying = NULL;
    copy__close_in(run->copy_in);
    run->copy_in = NULL;
    run->finished = true;
    result->state = SQL_FAILED;
    if (run == &session->script_run) {
        run__close(run);
    }
    session__fail(session);
}

/* Between two pieces the client may have been silent for long. As with PostgreSQL, what ends
 * the statement meanwhile does so when the next piece comes. */
static enum status
check_clock(struct sql_session *session, struct diag *diag)
{
    struct waiter *waiter = session->waiter;
    const struct copy_in *copy = session->copying->copy_in;
    if (waiter->breathe != NULL) {
        waiter->breathe(waiter);
    }
    if (!waiter_cancelled(waiter)) {
        return STATUS_OK;
    }
    enum status status = waiter_report_cancel(waiter, diag);
    diag_while(diag, "COPY %s, line %llu", copy->table->name,
               (unsigned long long)copy->line_no + 1);
    return status;
}

void
sql_copy_data(struct sql_session *session, struct slice data, struct sql_result *result)
{
    ASSERT(session->copying != NULL);
    struct run *run = session->copying;
    diag_clear(&result->diag);
    result->state = SQL_COPY_IN;
    session->cx.diag = run->cx.diag = &result->diag;
    if (check_clock(session, &result->diag) != STATUS_OK ||
        take_data(run->copy_in, data) != STATUS_OK) {
        fail_copy(session, result);
    }
}

static enum status
finish_copy(struct copy_in *copy)
{
    if (copy->pending.size == 0) {
        return STATUS_OK;
    }
    return take_line(copy, buf_slice(&copy->pending),
                     false); /* a last line without its newline */
}

void
sql_copy_end(struct sql_session *session, const char *failure, struct sql_sink *sink,
             struct sql_result *result)
{
    UNUSED(sink);
    ASSERT(session->copying != NULL);
    struct run *run = session->copying;
    diag_clear(&result->diag);
    result->empty_query = false;
    session->cx.diag = run->cx.diag = &result->diag;
    if (failure != NULL) {
        diag_fail(&result->diag, STATUS_CANCELLED, SQLSTATE_QUERY_CANCELED,
                  "COPY from stdin failed: %s", failure);
        diag_while(&result->diag, "COPY %s, line %llu", run->copy_in->table->name,
                   (unsigned long long)run->copy_in->line_no + 1);
    }
    if (failure != NULL || finish_copy(run->copy_in) != STATUS_OK) {
        fail_copy(session, result);
        return;
    }
    snprintf(result->tag, sizeof(result->tag), "COPY %llu",
             (unsigned long long)run->copy_in->row_count);
    result->state = SQL_DONE;
    copy__close_in(run->copy_in);
    run->copy_in = NULL;
    run->finished = true;
    session->copying = NULL;
    if (run == &session->script_run) {
        script__copy_done(session, result);
    }
}
