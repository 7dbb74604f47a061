/* settings.h: what SET, SHOW and pg_settings know.
 *
 * Promises: names are found without case; a value is checked before it is taken; a change
 *           inside a transaction goes with it, SET LOCAL always at its end.
 * Owns:     texts of the values that differ from the default.
 * Thread:   the session's.
 * Fails:    42704 unknown, 22023 bad value, 55P02 not changeable here, 0A000 not built.
 * See:      settings.def.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/catalog/catalog_change.h"

enum setting_id {
#define SETTING(id, name, type, context, report, value, min, max, choices, category, about)    \
    SETTING_##id,
#include "sql/settings.def"
#undef SETTING
    SETTING_COUNT,
};

enum setting_type { SETTING_BOOL, SETTING_INT, SETTING_REAL, SETTING_TEXT, SETTING_ENUM };

struct setting_undo {
    enum setting_id id;
    bool is_local; /* undone by COMMIT, too */
    char *value;   /* owned; NULL: the default */
};

/* What the settings that are only shown are taken from; texts are borrowed. */
struct settings_facts {
    const char *server_version, *cluster_name;
    const char *user;
    int64_t max_connections, port; /* 0: the setting's default */
};

/* Of the session as it is now: settings that change by themselves. */
struct settings_now {
    bool in_hot_standby;
    const char *isolation, *read_only; /* of the transaction; NULL: as the next one's */
};

struct settings {
    char *values[SETTING_COUNT];  /* owned; NULL: the default */
    char *startup[SETTING_COUNT]; /* of the start-up packet: RESET's value */
    struct settings_facts facts;
    struct settings_now now;
    char max_connections[24], port[24]; /* facts as texts */
    struct setting_undo *undo;
    size_t undo_count, undo_capacity;
    /* read on every statement */
    bool read_only, repeatable_read, is_strong;
    /* 0: none */
    int64_t lock_timeout_ns, statement_timeout_ns, idle_in_transaction_timeout_ns;
    uint64_t statement_memory_bytes;
    int64_t slow_statement_ns; /* -1: none is slow */
};

void settings_init(struct settings *settings, const struct settings_facts *facts);
void settings_deinit(struct settings *settings);
/* NULL: unknown. Borrowed until the next change. */
const char *settings_get(const struct settings *settings, const char *name);
/* `value` NULL: back to the default. *reported_out: a client wants to be told. */
MUST_CHECK enum status settings_set(struct settings *settings, const char *name,
                                    const char *value, bool is_local, bool in_transaction,
                                    const char **reported_out, struct diag *diag);
/* A start-up packet's: RESET goes back to it. */
MUST_CHECK enum status settings_set_startup(struct settings *settings, const char *name,
                                            const char *value, struct diag *diag);
void settings_reset_all(struct settings *settings, bool in_transaction);
size_t settings_mark(const struct settings *settings);
void settings_rollback(struct settings *settings, size_t mark);
void settings_commit(struct settings *settings);
/* Calls `each` for all, by name. */
typedef enum status (*settings_each_fn)(void *arg, const char *name, const char *value,
                                        const char *about);
MUST_CHECK enum status settings_each(const struct settings *settings, settings_each_fn each,
                                     void *arg);
/* Calls `each` for those that settings_set_startup() brought. */
void settings_each_startup(const struct settings *settings,
                           void (*each)(void *arg, const char *name, const char *value),
                           void *arg);
/* Name as it is written in the table ("TimeZone"); NULL: unknown. */
const char *settings_name(const char *name);
/* Rows of pg_settings. */
void settings_view(const struct settings *settings, struct view_rows *rows);
