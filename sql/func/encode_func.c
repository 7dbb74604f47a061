/* encode_func.c: encode() and decode(): bytes as texts of hex, base64 or escapes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/func/func_internal.h"
#include "sql/types/number_text.h"
#include "sql/types/utf8.h"
#include <strings.h>

#define BASE64_LINE_MAX 76 /* symbols before a newline */

static const char base64_symbols[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool
is_space(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static int
hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* ---- hex ---- */
static enum status
encode_hex(struct func_call *call, struct slice in, struct buf *out)
{
    UNUSED(call);
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < in.size; i++) {
        buf_u8(out, (uint8_t)digits[in.data[i] >> 4]);
        buf_u8(out, (uint8_t)digits[in.data[i] & 15]);
    }
    return STATUS_OK;
}

static enum status
decode_hex(struct func_call *call, struct slice in, struct buf *out)
{
    int high = -1;
    for (size_t i = 0; i < in.size; i++) {
        int digit = hex_digit(in.data[i]);
        if (is_space(in.data[i]) && high < 0) {
            continue;
        }
        if (digit < 0) {
            return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                             "invalid hexadecimal digit: \"%.*s\"",
                             (int)MIN(utf8_size(in.data[i]), in.size - i),
                             (const char *)in.data + i);
        }
        if (high >= 0) {
            buf_u8(out, (uint8_t)(high << 4 | digit));
        }
        high = high >= 0 ? -1 : digit;
    }
    return high < 0 ? STATUS_OK
                    : func__invalid(call, "invalid hexadecimal data: odd number of digits");
}

/* ---- base64 ---- */
static enum status
encode_base64(struct func_call *call, struct slice in, struct buf *out)
{
    UNUSED(call);
    unsigned on_line = 0;
    for (size_t i = 0; i < in.size; i += 3) {
        size_t left = MIN(in.size - i, (size_t)3);
        uint32_t bits = (uint32_t)in.data[i] << 16;
        bits |= left > 1 ? (uint32_t)in.data[i + 1] << 8 : 0;
        bits |= left > 2 ? (uint32_t)in.data[i + 2] : 0;
        if (on_line == BASE64_LINE_MAX) {
            buf_u8(out, '\n');
            on_line = 0;
        }
        for (unsigned k = 0; k < 4; k++) {
            buf_u8(out, k <= left ? (uint8_t)base64_symbols[bits >> (18 - 6 * k) & 63] : '=');
        }
        on_line += 4;
    }
    return STATUS_OK;
}

static enum status
bad_base64_end(struct func_call *call)
{
    enum status status = func__invalid(call, "invalid base64 end sequence");
    diag_hint(call->diag,
              "Input data is missing padding, is truncated, or is otherwise corrupted.");
    return status;
}

static enum status
decode_base64(struct func_call *call, struct slice in, struct buf *out)
{
    uint32_t bits = 0;
    unsigned symbols = 0, padding = 0;
    for (size_t i = 0; i < in.size; i++) {
        uint8_t c = in.data[i];
        const char *symbol = c == 0 ? NULL : strchr(base64_symbols, c);
        if (is_space(c)) {
            continue;
        }
        if (c == '=') {
            if (padding == 0 && symbols < 2) {
                return func__invalid(call, "unexpected \"=\" while decoding base64 sequence");
            }
            padding++;
        } else if (symbol == NULL || padding > 0) {
            return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                             "invalid symbol \"%.*s\" found while decoding base64 sequence",
                             (int)MIN(utf8_size(in.data[i]), in.size - i),
                             (const char *)in.data + i);
        }
        bits = bits << 6 | (c == '=' ? 0 : (uint32_t)(symbol - base64_symbols));
        if (++symbols == 4) {
            buf_u8(out, (uint8_t)(bits >> 16));
            if (padding < 2) {
                buf_u8(out, (uint8_t)(bits >> 8));
            }
            if (padding == 0) {
                buf_u8(out, (uint8_t)bits);
            }
            bits = symbols = padding = 0;
        }
    }
    return symbols == 0 ? STATUS_OK : bad_base64_end(call);
}

/* ---- escapes: zero bytes and those of no ASCII as \nnn, the backslash doubled ---- */
static enum status
encode_escape(struct func_call *call, struct slice in, struct buf *out)
{
    UNUSED(call);
    for (size_t i = 0; i < in.size; i++) {
        uint8_t c = in.data[i];
        if (c == 0 || c >= 0x80) {
            buf_printf(out, "\\%03o", c);
        } else {
            buf_append_text(out, c == '\\' ? "\\" : "");
            buf_u8(out, c);
        }
    }
    return STATUS_OK;
}

static bool
is_octal(struct slice in, size_t at)
{
    return at + 3 <= in.size && in.data[at] >= '0' && in.data[at] <= '3' &&
           in.data[at + 1] >= '0' && in.data[at + 1] <= '7' && in.data[at + 2] >= '0' &&
           in.data[at + 2] <= '7';
}

static enum status
decode_escape(struct func_call *call, struct slice in, struct buf *out)
{
    for (size_t i = 0; i < in.size; i++) {
        uint8_t c = in.data[i];
        if (c != '\\') {
            buf_u8(out, c);
        } else if (is_octal(in, i + 1)) {
            buf_u8(out, (uint8_t)((in.data[i + 1] - '0') << 6 | (in.data[i + 2] - '0') << 3 |
                                  (in.data[i + 3] - '0')));
            i += 3;
        } else if (i + 1 < in.size && in.data[i + 1] == '\\') {
            buf_u8(out, '\\');
            i++;
        } else {
            return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_TEXT_REPRESENTATION,
                             "invalid input syntax for type bytea");
        }
    }
    return STATUS_OK;
}

/* ---- both directions ---- */
typedef enum status (*convert_fn)(struct func_call *call, struct slice in, struct buf *out);

static enum status
convert(struct func_call *call, const struct value *v, bool decodes, struct value *out)
{
    static const struct {
        const char *name;
        convert_fn encode, decode;
    } encodings[] = {{"hex", encode_hex, decode_hex},
                     {"base64", encode_base64, decode_base64},
                     {"escape", encode_escape, decode_escape}};
    struct slice name = v[1].bytes;
    for (unsigned i = 0; i < ARRAY_SIZE(encodings); i++) {
        if (strlen(encodings[i].name) != name.size ||
            strncasecmp(encodings[i].name, (const char *)name.data, name.size) != 0) {
            continue;
        }
        struct buf bytes = BUF_EMPTY;
        enum status status =
            (decodes ? encodings[i].decode : encodings[i].encode)(call, v[0].bytes, &bytes);
        out->bytes = arena_copy(call->arena, buf_slice(&bytes));
        buf_deinit(&bytes);
        return status;
    }
    return diag_fail(call->diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                     "unrecognized encoding: \"%.*s\"", number_text_shown(name),
                     (const char *)name.data);
}
DEFINE_ROWS(bytea_encode, 2)
{
    return convert(call, v, false, out);
}
DEFINE_ROWS(bytea_decode, 2)
{
    return convert(call, v, true, out);
}
