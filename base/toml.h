/* toml.h: a strict reader of the part of TOML that configuration files need.
 *
 * Promises: tables, dotted table names, bare keys, basic strings with escapes, integers (with
 *           _), booleans and arrays of strings; everything else of TOML is refused with its
 *           line, as are duplicate keys and duplicate tables. Any bytes are safe to feed.
 * Owns:     the document's values lie in `arena`.
 * Fails:    STATUS_INVALID, F0000, "line N: ...".
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/status.h"

enum toml_kind { TOML_STRING, TOML_INTEGER, TOML_BOOLEAN, TOML_STRINGS };

struct toml_value {
    const char *section; /* "" before the first table */
    const char *key;
    int line;
    enum toml_kind kind;
    const char *string;
    int64_t integer; /* also 0 or 1 of a boolean */
    unsigned string_count;
    const char **strings;
};

struct toml_document {
    unsigned count, capacity;
    struct toml_value *values;
};

MUST_CHECK enum status toml_parse(struct slice text, struct arena *arena,
                                  struct toml_document *document_out, struct diag *diag);
