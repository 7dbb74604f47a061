/* array.c: see array.h. SPDX-License-Identifier: Apache-2.0 */
#include "sql/types/array.h"
#include "base/hash.h"
#include "sql/types/number_text.h"
#include <strings.h>

static bool
must_quote(struct slice element)
{
    if (element.size == 0 ||
        (element.size == 4 && strncasecmp((const char *)element.data, "null", 4) == 0)) {
        return true;
    }
    for (size_t i = 0; i < element.size; i++) {
        uint8_t c = element.data[i];
        if (c == '"' || c == '\\' || c == '{' || c == '}' || c == ',' || c == ' ' ||
            (c >= '\t' && c <= '\r')) {
            return true;
        }
    }
    return false;
}

void
array_append(struct buf *out, bool is_null, struct slice element)
{
    if (out->size > 0 && out->data[out->size - 1] != '{') {
        buf_append(out, ",", 1);
    } else if (out->size == 0) {
        buf_append(out, "{", 1);
    }
    if (is_null) {
        buf_append_text(out, "NULL");
        return;
    }
    if (!must_quote(element)) {
        buf_append(out, element.data, element.size);
        return;
    }
    buf_append(out, "\"", 1);
    for (size_t i = 0; i < element.size; i++) {
        if (element.data[i] == '"' || element.data[i] == '\\') {
            buf_append(out, "\\", 1);
        }
        buf_append(out, element.data + i, 1);
    }
    buf_append(out, "\"", 1);
}

struct array_reader
array_read(struct slice text)
{
    struct slice trimmed = number_text_trim(text);
    if (trimmed.size == 0 || trimmed.data[0] != '{') {
        return (struct array_reader){.text = trimmed, .spaces = true};
    }
    struct array_reader reader = {.text = trimmed, .at = 1};
    reader.failed = trimmed.size < 2 || trimmed.data[trimmed.size - 1] != '}';
    return reader;
}

static bool
read_quoted(struct array_reader *reader, struct buf *element)
{
    for (reader->at++; reader->at + 1 < reader->text.size; reader->at++) {
        uint8_t c = reader->text.data[reader->at];
        if (c == '"') {
            reader->at++;
            return true;
        }
        if (c == '\\') {
            c = reader->text.data[++reader->at];
        }
        buf_append(element, &c, 1);
    }
    return false;
}

static bool
at_space(const struct array_reader *reader)
{
    uint8_t c = reader->text.data[reader->at];
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int
array_lower_bound(enum type_id type)
{
    return type == TYPE_INT2VECTOR || type == TYPE_OIDVECTOR ? 0 : 1;
}

static bool
next_of_vector(struct array_reader *reader, struct buf *element)
{
    while (reader->at < reader->text.size && at_space(reader)) {
        reader->at++;
    }
    size_t begin = reader->at;
    while (reader->at < reader->text.size && !at_space(reader)) {
        reader->at++;
    }
    buf_append(element, reader->text.data + begin, reader->at - begin);
    return element->size > 0;
}

static void
read_plain(struct array_reader *reader, size_t last, struct buf *element)
{
    while (reader->at < last && reader->text.data[reader->at] != ',') {
        uint8_t c = reader->text.data[reader->at++];
        reader->failed |= c == '{' || c == '}' || c == '"';
        if (c == '\\' && reader->at < last) {
            c = reader->text.data[reader->at++];
        }
        buf_append(element, &c, 1);
    }
    while (element->size > 0 && element->data[element->size - 1] == ' ') {
        element->size--;
    }
    reader->failed |= element->size == 0;
}

bool
array_next(struct array_reader *reader, bool *is_null_out, struct buf *element)
{
    buf_clear(element);
    *is_null_out = false;
    if (reader->spaces) {
        return next_of_vector(reader, element);
    }
    size_t last = reader->text.size - 1; /* the closing brace */
    while (!reader->failed && reader->at < last && at_space(reader)) {
        reader->at++;
    }
    if (reader->failed || (reader->at >= last && !reader->comma)) {
        return false;
    }
    bool quoted = reader->at < last && reader->text.data[reader->at] == '"';
    if (quoted) {
        reader->failed = !read_quoted(reader, element);
    } else {
        read_plain(reader, last, element);
    }
    *is_null_out = !quoted && element->size == 4 &&
                   strncasecmp((const char *)element->data, "null", 4) == 0;
    while (!reader->failed && reader->at < last && at_space(reader)) {
        reader->at++;
    }
    reader->comma = reader->at < last;
    if (reader->comma) {
        reader->failed |= reader->text.data[reader->at] != ',';
        reader->at++;
    }
    return !reader->failed;
}

int
array_compare_elements(enum type_id element_type, struct slice a, struct slice b)
{
    struct arena arena;
    struct value x, y;
    arena_init(&arena);
    bool valid = value_from_text(element_type, -1, a, &arena, &x, NULL) == STATUS_OK &&
                 value_from_text(element_type, -1, b, &arena, &y, NULL) == STATUS_OK;
    int order = valid ? value_compare(element_type, &x, &y) : slice_compare(a, b);
    arena_deinit(&arena);
    return order;
}

int
array_compare(enum type_id element_type, struct slice a, struct slice b)
{
    struct array_reader left = array_read(a), right = array_read(b);
    struct buf x = BUF_EMPTY, y = BUF_EMPTY;
    int order = 0;
    bool more = !slice_equal(a, b);
    while (more && order == 0) {
        bool x_null = false, y_null = false;
        bool has_x = array_next(&left, &x_null, &x), has_y = array_next(&right, &y_null, &y);
        more = has_x && has_y;
        if (!more) {
            order = has_x - has_y;
        } else if (x_null || y_null) {
            order = x_null - y_null;
        } else if (!slice_equal(buf_slice(&x), buf_slice(&y))) {
            order = array_compare_elements(element_type, buf_slice(&x), buf_slice(&y));
        }
    }
    buf_deinit(&x);
    buf_deinit(&y);
    return order;
}

uint64_t
array_hash(enum type_id element_type, struct slice array)
{
    struct array_reader reader = array_read(array);
    struct buf element = BUF_EMPTY;
    struct arena arena;
    bool is_null = false;
    uint64_t hash = 0;
    arena_init(&arena);
    while (array_next(&reader, &is_null, &element)) {
        struct arena_mark mark = arena_mark(&arena);
        struct value value;
        bool valid = !is_null && value_from_text(element_type, -1, buf_slice(&element), &arena,
                                                 &value, NULL) == STATUS_OK;
        hash = hash_word(hash ^ (valid ? value_hash(element_type, &value) : 0));
        arena_rewind(&arena, mark);
    }
    arena_deinit(&arena);
    buf_deinit(&element);
    return hash;
}
