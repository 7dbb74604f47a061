/* settings.h: what an operator configured: conf/rustydb.toml under the instance's home.
 *
 * Promises: every key of settings.def has a value in its range; paths are absolute. An unknown
 *           key is refused with its line and the nearest known one.
 * Owns:     texts lie in the arena given to settings_load().
 * Fails:    STATUS_INVALID with F0000; STATUS_NOT_FOUND when there is no file.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "base/vfs.h"

struct text_list {
    unsigned count;
    const char **texts;
};

struct settings {
    const char *home;
#define TEXT(section, key, value) const char *section##_##key;
#define INTEGER(section, key, value, min, max) int64_t section##_##key;
#define LIST(section, key) struct text_list section##_##key;
#include "node/settings.def"
#undef TEXT
#undef INTEGER
#undef LIST
};

/* Is this name or address of this machine only? */
bool settings_is_loopback(const char *host);
/* Reads `home`/conf/rustydb.toml. */
MUST_CHECK enum status settings_load(struct vfs *vfs, const char *home, struct arena *arena,
                                     struct settings *settings_out, struct diag *diag);
/* The same of a text, for --check-config and tests; `name` is for messages. */
MUST_CHECK enum status settings_parse(const char *home, const char *name, struct slice text,
                                      struct arena *arena, struct settings *settings_out,
                                      struct diag *diag);
