/* client_sink.c: rows, COPY lines and notices of a running statement, as messages.
 * SPDX-License-Identifier: Apache-2.0 */
#include "node/client.h"

#include <stdlib.h>

#define PUSH_BYTES ((size_t)256 << 10)

static struct client *
of(struct sql_sink *sink)
{
    return CONTAINER_OF(sink, struct client, sink);
}

static enum status
push_if_large(struct client *client)
{
    return client->out.size < PUSH_BYTES ? STATUS_OK : client_push(client);
}

/* The extended protocol describes on Describe, the simple one with the rows. */
static void
sink_columns(struct sql_sink *sink, const struct sql_column *columns, unsigned count)
{
    struct client *client = of(sink);
    if (client->phase == CLIENT_SCRIPT) {
        wire_row_description(&client->out, columns, count, NULL, 0);
    }
}

static enum status
sink_rows(struct sql_sink *sink, const struct batch *batch, struct diag *diag)
{
    struct client *client = of(sink);
    struct wire_cells cells = {client->row_formats, client->row_format_count, client->session};
    TRY(wire_rows(&client->out, batch, &cells, diag));
    return push_if_large(client);
}

static void
sink_copy_out_begin(struct sql_sink *sink, unsigned column_count)
{
    of(sink)->copies_out = true;
    wire_copy_response(&of(sink)->out, 'H', column_count);
}

static enum status
sink_copy_out(struct sql_sink *sink, struct slice line)
{
    struct client *client = of(sink);
    size_t start = wire_begin(&client->out, 'd');
    buf_append(&client->out, line.data, line.size);
    wire_end(&client->out, start);
    return push_if_large(client);
}

static void
sink_copy_in_begin(struct sql_sink *sink, unsigned column_count)
{
    wire_copy_response(&of(sink)->out, 'G', column_count);
}

static void
sink_notice(struct sql_sink *sink, const char *severity, const struct diag *diag)
{
    wire_report(&of(sink)->out, 'N', severity, diag);
}

static void
sink_parameter(struct sql_sink *sink, const char *name, const char *value)
{
    wire_parameter(&of(sink)->out, name, value);
}

void
client_sink_init(struct client *client)
{
    client->sink = (struct sql_sink){.columns = sink_columns,
                                     .rows = sink_rows,
                                     .copy_out_begin = sink_copy_out_begin,
                                     .copy_out = sink_copy_out,
                                     .copy_in_begin = sink_copy_in_begin,
                                     .notice = sink_notice,
                                     .parameter = sink_parameter};
}
