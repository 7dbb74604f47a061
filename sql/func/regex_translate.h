/* regex_translate.h: PostgreSQL's advanced regular expressions in PCRE2's spelling.
 *
 * Promises: what the translation means in PCRE2 is what the pattern means in PostgreSQL, as to
 *           whether there is a match; which of several matches is taken, its caller sees to
 *           (`shortest`). What PCRE2 knows and PostgreSQL does not is refused as PostgreSQL
 *           does.
 * Owns:     the text, until regex_source_deinit().
 * Thread:   pure functions.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/slice.h"

/* regexp_replace() and its like take these as letters, patterns as (?letters). */
struct regex_options {
    bool caseless, literal, extended;
    bool dot_excludes_newline; /* . and [^..] do not match a newline */
    bool multiline;            /* ^ and $ match at newlines, too */
};

struct regex_source {
    struct buf text;
    struct regex_options options; /* with those of the pattern */
    bool shortest; /* PostgreSQL takes the shortest match there, not the longest */
    bool has_backreference;
    const char *fault;       /* NULL: none; else PostgreSQL's word for the mistake (2201B) */
    const char *unsupported; /* NULL: nothing; else what is not built (0A000) */
};

/* Changes the options by one letter of a flags argument or of (?..). false: no such letter;
 * *basic_out: it asks for a basic or extended expression, which is not built. */
bool regex_option(struct regex_options *options, uint8_t letter, bool *basic_out);
/* fault and unsupported tell how it went. */
void regex_translate(struct slice pattern, struct regex_options options,
                     struct regex_source *out);
void regex_source_deinit(struct regex_source *source);
