/* wire.h: messages of PostgreSQL's frontend/backend protocol 3.0, as bytes.
 *
 * Promises: writers append whole messages to a buf; readers never overrun and never trust a
 *           length.
 * Thread:   pure functions.
 * See:      the PostgreSQL 15 manual, chapter 55.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/codec.h"
#include "base/status.h"
#include "sql/sql.h"

#define WIRE_MESSAGE_BYTES_MAX ((uint32_t)64 << 20)
#define WIRE_STARTUP_BYTES_MAX ((uint32_t)10000)

enum wire_startup_code {
    WIRE_PROTOCOL_3 = 196608,
    WIRE_CANCEL = 80877102,
    WIRE_SSL = 80877103,
    WIRE_GSSENC = 80877104,
};

/* ---- reading ---- */
struct wire_message {
    char type; /* 0 for a start-up packet */
    struct slice body;
};
/* The message at the start of `bytes`: STATUS_AGAIN while it is not whole; STATUS_INVALID 08P01
 * for a length that cannot be. *size_out: its bytes, header included. */
MUST_CHECK enum status wire_read(struct slice bytes, bool startup,
                                 struct wire_message *message_out, size_t *size_out,
                                 struct diag *diag);

/* ---- writing ---- */
/* Opens a message; wire_end() fills in its length. */
size_t wire_begin(struct buf *out, char type);
void wire_end(struct buf *out, size_t start);
void wire_cstring(struct buf *out, const char *text);
void wire_empty(struct buf *out, char type); /* a message without a body */

void wire_authentication_ok(struct buf *out);
void wire_parameter(struct buf *out, const char *name, const char *value);
void wire_key_data(struct buf *out, uint32_t pid, uint32_t secret);
void wire_ready(struct buf *out, enum sql_txn_status status);
void wire_complete(struct buf *out, const char *tag);
/* ErrorResponse ('E') or NoticeResponse ('N'). */
void wire_report(struct buf *out, char type, const char *severity, const struct diag *diag);
void wire_row_description(struct buf *out, const struct sql_column *columns, unsigned count,
                          const uint16_t *formats, unsigned format_count);
void wire_parameter_description(struct buf *out, const enum type_id *types, unsigned count);
/* CopyInResponse ('G') or CopyOutResponse ('H'), text. */
void wire_copy_response(struct buf *out, char type, unsigned column_count);
/* How the cells of a result are shown. */
struct wire_cells {
    const uint16_t *formats; /* as Bind has them: none = text, one = for all */
    unsigned format_count;
    struct sql_session *session; /* knows names (regclass); NULL: they are numbers */
};
/* DataRow for each row of a batch. */
MUST_CHECK enum status wire_rows(struct buf *out, const struct batch *batch,
                                 const struct wire_cells *cells, struct diag *diag);
