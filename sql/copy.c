/* copy.c: columns of COPY, and COPY TO STDOUT in the text format.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/copy.h"

enum status
copy__columns(struct sql_context *cx, const struct table_def *table,
              const struct ast_name_list *names, unsigned **numbers_out, unsigned *count_out)
{
    unsigned *numbers = arena_array(cx->arena, unsigned, table->column_count + names->count);
    unsigned count = 0;
    *numbers_out = numbers;
    for (unsigned i = 0; names->count == 0 && i < table->column_count; i++) {
        if (!table->columns[i].dropped) {
            numbers[count++] = i;
        }
    }
    for (unsigned i = 0; i < names->count; i++) {
        const char *name = names->items[i].name;
        unsigned no = 0;
        while (no < table->column_count &&
               (table->columns[no].dropped || strcmp(table->columns[no].name, name) != 0)) {
            no++;
        }
        if (no == table->column_count) {
            return diag_fail(cx->diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_COLUMN,
                             "column \"%s\" of relation \"%s\" does not exist", name,
                             table->name);
        }
        for (unsigned k = 0; k < count; k++) {
            if (numbers[k] == no) {
                return diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_DUPLICATE_COLUMN,
                                 "column \"%s\" specified more than once", name);
            }
        }
        numbers[count++] = no;
    }
    *count_out = count;
    return STATUS_OK;
}

/* ---- COPY TO ---- */
static void
append_escaped(struct buf *out, const uint8_t *data, size_t size, char delimiter)
{
    static const char letters[] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['\v'] = 'v'};
    size_t from = 0;
    for (size_t i = 0; i < size; i++) {
        uint8_t c = data[i];
        char letter = c < sizeof(letters) ? letters[c] : 0;
        if (letter == 0 && c != '\\' && c != (uint8_t)delimiter) {
            continue;
        }
        buf_append(out, data + from, i - from);
        from = i + 1;
        buf_u8(out, '\\');
        buf_u8(out, letter != 0 ? (uint8_t)letter : c);
    }
    buf_append(out, data + from, size - from);
}

static enum status
append_row(struct sql_context *cx, const struct batch *batch, unsigned row,
           const struct copy_options *options, struct buf *field, struct buf *line)
{
    for (unsigned i = 0; i < batch->column_count; i++) {
        const struct vector *vector = &batch->columns[i];
        if (i > 0) {
            buf_u8(line, (uint8_t)options->delimiter);
        }
        if (vector_is_null(vector, row)) {
            buf_append(line, options->null_text.data, options->null_text.size);
            continue;
        }
        struct value value;
        vector_get(vector, row, &value);
        buf_clear(field);
        TRY(value_show(cx, vector->type, &value, field));
        append_escaped(line, field->data, field->size, options->delimiter);
    }
    buf_u8(line, '\n');
    return STATUS_OK;
}

static enum status
send_header(const struct sql_context *cx, const struct query *query,
            const struct copy_options *options, struct sql_sink *sink, struct buf *line)
{
    buf_clear(line);
    unsigned sent = 0;
    for (unsigned i = 0; i < query->target_count; i++) {
        if (query->targets[i].junk) {
            continue;
        }
        if (sent++ > 0) {
            buf_u8(line, (uint8_t)options->delimiter);
        }
        const char *name = query->targets[i].name;
        append_escaped(line, (const uint8_t *)name, strlen(name), options->delimiter);
    }
    buf_u8(line, '\n');
    return run__sink_status(cx, sink->copy_out(sink, buf_slice(line)));
}

/* COPY t (a, b) TO is COPY (SELECT a, b FROM t) TO. */
static enum status
table_query(struct sql_context *cx, const struct ast_copy *statement,
            const struct ast_statement **query_out)
{
    const struct table_def *table;
    TRY(catalog_get_table(cx, statement->table.schema, statement->table.name, &table));
    if (table->kind == RELATION_VIEW || table->kind == RELATION_SEQUENCE) {
        diag_fail(cx->diag, STATUS_INVALID, SQLSTATE_WRONG_OBJECT_TYPE,
                  "cannot copy from %s \"%s\"",
                  table->kind == RELATION_VIEW ? "view" : "sequence", table->name);
        if (table->kind == RELATION_VIEW) {
            diag_hint(cx->diag, "Try the COPY (SELECT ...) TO variant.");
        }
        return STATUS_INVALID;
    }
    unsigned *numbers, count;
    TRY(copy__columns(cx, table, &statement->columns, &numbers, &count));
    struct buf text = BUF_EMPTY;
    buf_append_text(&text, "SELECT ");
    for (unsigned i = 0; i < count; i++) {
        buf_append_text(&text, i == 0 ? "" : ", ");
        catalog_quote_identifier(table->columns[numbers[i]].name, &text);
    }
    buf_append_text(&text, " FROM ");
    catalog_quote_identifier(table->schema_name, &text);
    buf_append_text(&text, ".");
    catalog_quote_identifier(table->name, &text);
    buf_u8(&text, 0);
    struct parsed_script script = {0};
    const char *copy = arena_strndup(cx->arena, text.data, text.size);
    buf_deinit(&text);
    TRY(parse_script(copy, cx->arena, &script, cx->diag));
    *query_out = script.statements[0];
    return STATUS_OK;
}

static enum status
send_batches(struct sql_context *cx, struct execution *execution,
             const struct copy_options *options, struct sql_sink *sink, uint64_t *row_count_out)
{
    struct buf field = BUF_EMPTY, line = BUF_EMPTY;
    enum status status;
    struct batch *batch = NULL;
    while ((status = execution_next(execution, &batch)) == STATUS_OK && batch != NULL) {
        for (unsigned row = 0; status == STATUS_OK && row < batch->row_count; row++) {
            buf_clear(&line);
            status = append_row(cx, batch, row, options, &field, &line);
            if (status == STATUS_OK) {
                status = run__sink_status(cx, sink->copy_out(sink, buf_slice(&line)));
            }
        }
        *row_count_out += batch->row_count;
        if (status != STATUS_OK) {
            break;
        }
    }
    buf_deinit(&field);
    buf_deinit(&line);
    return status;
}

enum status
copy__out(struct sql_session *session, const struct ast_copy *statement, struct sql_sink *sink,
          uint64_t *row_count_out)
{
    struct sql_context *cx = &session->cx;
    *row_count_out = 0;
    struct copy_options options;
    const struct ast_statement *ast = statement->query;
    if (ast == NULL) { /* before the options, as PostgreSQL: the table may not be there */
        TRY(table_query(cx, statement, &ast));
    }
    TRY(copy__read_options(cx, statement, &options));
    if (!statement__is_query(ast)) {
        return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "COPY of this statement is not supported");
    }
    struct query *query = NULL;
    struct plan *plan = NULL;
    TRY(run__plan_query(session, ast, &query, &plan));
    if (query->kind != QUERY_SELECT && query->kind != QUERY_VALUES) {
        return diag_fail(cx->diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "COPY of a statement that changes rows is not supported");
    }
    unsigned count = 0;
    for (unsigned i = 0; i < query->target_count; i++) {
        count += !query->targets[i].junk;
    }
    struct execution *execution = NULL;
    TRY(execution_open(cx, plan, &execution));
    sink->copy_out_begin(sink, count);
    enum status status = STATUS_OK;
    if (options.header) {
        struct buf line = BUF_EMPTY;
        status = send_header(cx, query, &options, sink, &line);
        buf_deinit(&line);
    }
    if (status == STATUS_OK) {
        status = send_batches(cx, execution, &options, sink, row_count_out);
    }
    execution_close(execution);
    return status;
}
