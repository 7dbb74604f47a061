/* settings.c: see settings.h. SPDX-License-Identifier: Apache-2.0 */
#include "sql/settings.h"
#include "base/errors.h"
#include "sql/settings_number.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define NS_PER_MS INT64_C(1000000)

struct setting {
    const char *name;
    enum setting_type type;
    char context;
    bool report;
    const char *value; /* default */
    int64_t min, max;
    const char *choices; /* ENUM: what is taken, separated by a comma without a space.
                            INT: its unit */
    const char *category, *about;
};

static const struct setting table[] = {
#define SETTING(id, name, type, context, report, value, min, max, choices, category, about)    \
    {(name), SETTING_##type, (context), (report),   (value),                                   \
     (min),  (max),          (choices), (category), (about)},
#include "sql/settings.def"
#undef SETTING
};

static int
find_setting(const char *name)
{
    int low = 0, high = SETTING_COUNT - 1;
    while (low <= high) {
        int middle = (low + high) / 2;
        int order = strcasecmp(name, table[middle].name);
        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            high = middle - 1;
        } else {
            low = middle + 1;
        }
    }
    /* The table is in PostgreSQL's order, where '_' sorts apart from letters: look again. */
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (strcasecmp(name, table[i].name) == 0) {
            return i;
        }
    }
    return -1;
}

static const char *
value_of(const struct settings *settings, int id)
{
    if (settings->values[id] != NULL) {
        return settings->values[id];
    }
    const struct settings_facts *facts = &settings->facts;
    const struct settings_now *now = &settings->now;
    switch ((enum setting_id)id) {
    case SETTING_SERVER_VERSION:
        return facts->server_version;
    case SETTING_CLUSTER_NAME:
        return facts->cluster_name;
    case SETTING_SESSION_AUTHORIZATION:
        return facts->user;
    case SETTING_MAX_CONNECTIONS:
        return settings->max_connections;
    case SETTING_PORT:
        return settings->port;
    case SETTING_IN_HOT_STANDBY:
        return now->in_hot_standby ? "on" : "off";
    case SETTING_TRANSACTION_ISOLATION:
        return now->isolation != NULL
                   ? now->isolation
                   : value_of(settings, SETTING_DEFAULT_TRANSACTION_ISOLATION);
    case SETTING_TRANSACTION_READ_ONLY:
        return now->read_only != NULL
                   ? now->read_only
                   : value_of(settings, SETTING_DEFAULT_TRANSACTION_READ_ONLY);
    case SETTING_WORK_MEM: /* the limit that there is */
        return value_of(settings, SETTING_STATEMENT_MEMORY);
    default:
        return settings->startup[id] != NULL ? settings->startup[id] : table[id].value;
    }
}

/* As a number of its unit, whatever spelling it has. */
static int64_t
number_of(const struct settings *settings, int id)
{
    int64_t number = 0;
    const char *hint;
    bool good = number_read(value_of(settings, id), table[id].choices, &number, &hint);
    ASSERT(good);
    return number;
}

/* What statements read without a look-up. */
static void
note_change(struct settings *settings)
{
    settings->read_only =
        strcmp(value_of(settings, SETTING_DEFAULT_TRANSACTION_READ_ONLY), "on") == 0;
    settings->repeatable_read =
        strcmp(value_of(settings, SETTING_DEFAULT_TRANSACTION_ISOLATION), "repeatable read") ==
        0;
    settings->is_strong = strcmp(value_of(settings, SETTING_READ_CONSISTENCY), "strong") == 0;
    settings->lock_timeout_ns = number_of(settings, SETTING_LOCK_TIMEOUT) * NS_PER_MS;
    settings->statement_timeout_ns = number_of(settings, SETTING_STATEMENT_TIMEOUT) * NS_PER_MS;
    settings->idle_in_transaction_timeout_ns =
        number_of(settings, SETTING_IDLE_IN_TRANSACTION_SESSION_TIMEOUT) * NS_PER_MS;
    int64_t slow_ms = number_of(settings, SETTING_LOG_MIN_DURATION_STATEMENT);
    settings->slow_statement_ns = slow_ms < 0 ? -1 : slow_ms * NS_PER_MS;
    settings->statement_memory_bytes = (uint64_t)number_of(settings, SETTING_STATEMENT_MEMORY)
                                       << 20;
}

static void
show_fact(char text_out[24], int64_t value, const char *otherwise)
{
    snprintf(text_out, 24, "%lld", (long long)value);
    if (value == 0) {
        snprintf(text_out, 24, "%s", otherwise);
    }
}

void
settings_init(struct settings *settings, const struct settings_facts *facts)
{
    memset(settings, 0, sizeof(*settings));
    settings->facts = *facts;
    if (facts->cluster_name == NULL) {
        settings->facts.cluster_name = "";
    }
    show_fact(settings->max_connections, facts->max_connections,
              table[SETTING_MAX_CONNECTIONS].value);
    show_fact(settings->port, facts->port, table[SETTING_PORT].value);
    note_change(settings);
}

void
settings_deinit(struct settings *settings)
{
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        free(settings->values[i]);
        free(settings->startup[i]);
    }
    for (size_t i = 0; i < settings->undo_count; i++) {
        free(settings->undo[i].value);
    }
    free(settings->undo);
}

const char *
settings_get(const struct settings *settings, const char *name)
{
    int id = find_setting(name);
    return id < 0 ? NULL : value_of(settings, id);
}

const char *
settings_name(const char *name)
{
    int id = find_setting(name);
    return id < 0 ? NULL : table[id].name;
}

static bool
parse_bool(const char *text, bool *value_out)
{
    static const struct {
        const char *text;
        bool value;
    } words[] = {{"on", true},  {"off", false}, {"true", true}, {"false", false},
                 {"yes", true}, {"no", false},  {"1", true},    {"0", false},
                 {"t", true},   {"f", false},   {"y", true},    {"n", false}};
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        if (strcasecmp(text, words[i].text) == 0) {
            *value_out = words[i].value;
            return true;
        }
    }
    return false;
}

static enum status
bad_value(const struct setting *setting, const char *value, struct diag *diag)
{
    return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                     "invalid value for parameter \"%s\": \"%s\"", setting->name, value);
}

static bool
is_choice(const char *choices, const char *value)
{
    size_t size = strlen(value);
    for (const char *at = choices;;) {
        const char *end = at;
        while (*end != 0 && !(end[0] == ',' && end[1] != ' ')) {
            end++;
        }
        if ((size_t)(end - at) == size && strncasecmp(at, value, size) == 0) {
            return true;
        }
        if (*end == 0) {
            return false;
        }
        at = end + 1;
    }
}

/* Is it one of "a, b, c"? */
static bool
is_in_hint(const char *values, const char *value)
{
    size_t size = strlen(value);
    for (const char *at = values; at != NULL; at = strstr(at, ", ")) {
        at += at == values ? 0 : strlen(", ");
        const char *end = strstr(at, ", ");
        size_t item = end != NULL ? (size_t)(end - at) : strlen(at);
        if (item == size && strncasecmp(at, value, size) == 0) {
            return true;
        }
    }
    return false;
}

/* Values that PostgreSQL takes and that ask for something that is not built are 0A000; others,
 * where its list is a short one, 22023. */
static enum status
refuse_choice(const struct setting *setting, const char *value, struct diag *diag)
{
    static const struct {
        const char *name, *values; /* PostgreSQL's, as in its hint; NULL: not a list */
    } elsewhere[] = {
        {"DateStyle", NULL},
        {"TimeZone", NULL},
        {"search_path", NULL},
        {"client_encoding", NULL},
        {"default_tablespace", NULL},
        {"IntervalStyle", "postgres, postgres_verbose, sql_standard, iso_8601"},
        {"bytea_output", "escape, hex"},
        {"synchronous_commit", "local, remote_write, remote_apply, on, off"},
        {"default_transaction_isolation",
         "serializable, repeatable read, read committed, read uncommitted"},
        {"client_min_messages",
         "debug5, debug4, debug3, debug2, debug1, log, notice, warning, error"},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(elsewhere); i++) {
        if (strcmp(setting->name, elsewhere[i].name) != 0) {
            continue;
        }
        if (elsewhere[i].values != NULL && !is_in_hint(elsewhere[i].values, value)) {
            enum status status = bad_value(setting, value, diag);
            diag_hint(diag, "Available values: %s.", elsewhere[i].values);
            return status;
        }
        diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                  "value \"%s\" of parameter \"%s\" is not supported", value, setting->name);
        if (strcmp(setting->name, "TimeZone") == 0) {
            diag_hint(diag, "There is no time zone but UTC; have the client send that one.");
        }
        return STATUS_UNSUPPORTED;
    }
    return bad_value(setting, value, diag);
}

static enum status
check_number(const struct setting *setting, const char **value, char out[NUMBER_TEXT_MAX],
             struct diag *diag)
{
    int64_t number;
    const char *hint, *unit = setting->choices;
    if (!number_read(*value, unit, &number, &hint)) {
        enum status status = bad_value(setting, *value, diag);
        if (hint != NULL) {
            diag_hint(diag, "%s", hint);
        }
        return status;
    }
    if (number < setting->min || number > setting->max) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                         "%lld%s%s is outside the valid range for parameter \"%s\" (%lld .. "
                         "%lld)",
                         (long long)number, unit != NULL ? " " : "", unit != NULL ? unit : "",
                         setting->name, (long long)setting->min, (long long)setting->max);
    }
    if (number < 1 && strcmp(setting->name, "extra_float_digits") == 0) {
        return diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "parameter \"%s\" below 1 is not supported", setting->name);
    }
    number_show(number, unit, out);
    *value = out;
    return STATUS_OK;
}

/* Checks, and brings the value into its normal form (in `out`, when it differs). */
static enum status
check_value(const struct setting *setting, const char **value, char out[NUMBER_TEXT_MAX],
            struct diag *diag)
{
    bool truth;
    switch (setting->type) {
    case SETTING_BOOL:
        if (!parse_bool(*value, &truth)) {
            return diag_fail(diag, STATUS_INVALID, SQLSTATE_INVALID_PARAMETER_VALUE,
                             "parameter \"%s\" requires a Boolean value", setting->name);
        }
        *value = truth ? "on" : "off";
        return STATUS_OK;
    case SETTING_INT:
        return check_number(setting, value, out, diag);
    case SETTING_ENUM:
        if (strcmp(setting->name, "synchronous_commit") == 0 && parse_bool(*value, &truth)) {
            *value = truth ? "on" : "off";
        }
        return is_choice(setting->choices, *value) ? STATUS_OK
                                                   : refuse_choice(setting, *value, diag);
    default:
        return STATUS_OK;
    }
}

static void
push_undo(struct settings *settings, int id, bool is_local)
{
    if (settings->undo_count == settings->undo_capacity) {
        settings->undo_capacity = settings->undo_capacity * 2 + 8;
        settings->undo =
            realloc(settings->undo, settings->undo_capacity * sizeof(*settings->undo));
        ASSERT(settings->undo != NULL);
    }
    settings->undo[settings->undo_count++] = (struct setting_undo){
        .id = (enum setting_id)id,
        .is_local = is_local,
        .value = settings->values[id] == NULL ? NULL : strdup(settings->values[id])};
}

static void
store_value(struct settings *settings, int id, const char *value)
{
    char *copy = value == NULL ? NULL : strdup(value);
    free(settings->values[id]);
    settings->values[id] = copy;
    note_change(settings);
}

/* Does the value mean what the setting shows? */
static bool
shows_same(const struct settings *settings, int id, const char *value)
{
    const struct setting *setting = &table[id];
    const char *shown = value_of(settings, id), *hint;
    bool truth;
    int64_t number;
    switch (setting->type) {
    case SETTING_BOOL:
        return parse_bool(value, &truth) && strcmp(shown, truth ? "on" : "off") == 0;
    case SETTING_INT:
        return number_read(value, setting->choices, &number, &hint) &&
               number == number_of(settings, id);
    default:
        return strcasecmp(value, shown) == 0;
    }
}

/* Values that mean the same are shown in one spelling. */
static const char *
normal_spelling(int id, const char *value)
{
    switch ((enum setting_id)id) {
    case SETTING_CLIENT_ENCODING:
        return "UTF8";
    case SETTING_CLIENT_MIN_MESSAGES:
        return strcasecmp(value, "debug") == 0 ? "debug2" : value;
    case SETTING_DATESTYLE:
        return "ISO, MDY";
    case SETTING_DEFAULT_TRANSACTION_ISOLATION:
        return strcasecmp(value, "repeatable read") == 0 ? "repeatable read" : "read committed";
    default:
        return value;
    }
}

/* A setting that is only shown: taken when it asks for what is there already. */
static enum status
keep_shown(const struct settings *settings, int id, const char *value, struct diag *diag)
{
    const struct setting *setting = &table[id];
    bool is_back = value == NULL && setting->context == 'k';
    if (is_back || (value != NULL && shows_same(settings, id, value))) {
        return STATUS_OK;
    }
    enum status status = diag_fail(diag, STATUS_INVALID, SQLSTATE_CANT_CHANGE_RUNTIME_PARAM,
                                   "parameter \"%s\" cannot be changed", setting->name);
    if (id == SETTING_WORK_MEM) {
        diag_hint(diag, "It shows rustydb.statement_memory, which can be set.");
    }
    return status;
}

enum status
settings_set(struct settings *settings, const char *name, const char *value, bool is_local,
             bool in_transaction, const char **reported_out, struct diag *diag)
{
    *reported_out = NULL;
    int id = find_setting(name);
    if (id < 0) {
        return diag_fail(diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_OBJECT,
                         "unrecognized configuration parameter \"%s\"", name);
    }
    const struct setting *setting = &table[id];
    if (setting->context != 'u') {
        return keep_shown(settings, id, value, diag);
    }
    char number[NUMBER_TEXT_MAX];
    if (value != NULL) {
        TRY(check_value(setting, &value, number, diag));
        value = normal_spelling(id, value);
    }
    if (in_transaction) {
        push_undo(settings, id, is_local);
    } else if (is_local) {
        return STATUS_OK; /* the transaction of this statement ends with it */
    }
    store_value(settings, id, value);
    *reported_out = setting->report ? setting->name : NULL;
    return STATUS_OK;
}

enum status
settings_set_startup(struct settings *settings, const char *name, const char *value,
                     struct diag *diag)
{
    const char *reported;
    TRY(settings_set(settings, name, value, false, false, &reported, diag));
    int id = find_setting(name);
    free(settings->startup[id]);
    settings->startup[id] = settings->values[id];
    settings->values[id] = NULL;
    note_change(settings);
    return STATUS_OK;
}

void
settings_reset_all(struct settings *settings, bool in_transaction)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (settings->values[i] != NULL) {
            if (in_transaction) {
                push_undo(settings, i, false);
            }
            store_value(settings, i, NULL);
        }
    }
}

size_t
settings_mark(const struct settings *settings)
{
    return settings->undo_count;
}

void
settings_rollback(struct settings *settings, size_t mark)
{
    bool changed = settings->undo_count > mark;
    while (settings->undo_count > mark) {
        struct setting_undo *undo = &settings->undo[--settings->undo_count];
        free(settings->values[undo->id]);
        settings->values[undo->id] = undo->value;
    }
    if (changed) {
        note_change(settings);
    }
}

void
settings_commit(struct settings *settings)
{
    bool changed = settings->undo_count > 0;
    /* A SET after a SET LOCAL of the same name stays: what an older local undo would bring back
     * is dropped then. */
    for (size_t i = settings->undo_count; i-- > 0;) {
        struct setting_undo *undo = &settings->undo[i];
        bool set_later = false;
        for (size_t later = i + 1; later < settings->undo_count; later++) {
            set_later |=
                settings->undo[later].id == undo->id && !settings->undo[later].is_local;
        }
        if (undo->is_local && !set_later) {
            free(settings->values[undo->id]);
            settings->values[undo->id] = undo->value;
            undo->value = NULL;
        }
    }
    for (size_t i = 0; i < settings->undo_count; i++) {
        free(settings->undo[i].value);
    }
    settings->undo_count = 0;
    if (changed) {
        note_change(settings);
    }
}

enum status
settings_each(const struct settings *settings, settings_each_fn each, void *arg)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        TRY(each(arg, table[i].name, value_of(settings, i), table[i].about));
    }
    return STATUS_OK;
}

void
settings_each_startup(const struct settings *settings,
                      void (*each)(void *arg, const char *name, const char *value), void *arg)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (settings->startup[i] != NULL) {
            each(arg, table[i].name, settings->startup[i]);
        }
    }
}

static struct value
text_value(const char *text)
{
    return text == NULL ? (struct value){.is_null = true}
                        : (struct value){.bytes = slice_from_text(text)};
}

void
settings_view(const struct settings *settings, struct view_rows *rows)
{
    static const char *const types[] = {"bool", "integer", "real", "string", "enum"};
    for (int i = 0; i < SETTING_COUNT; i++) {
        const struct setting *setting = &table[i];
        struct value *v = view_rows_add(rows);
        v[0] = text_value(setting->name);
        v[1] = text_value(
            setting->type == SETTING_INT
                ? arena_printf(rows->arena, "%lld", (long long)number_of(settings, i))
                : arena_strdup(rows->arena, value_of(settings, i)));
        v[2] = text_value(setting->type == SETTING_INT ? setting->choices : NULL);
        v[3] = text_value(setting->category);
        v[4] = text_value(setting->about);
        v[6] = text_value(setting->context == 'u' ? "user" : "internal");
        v[7] = text_value(types[setting->type]);
        v[8] = text_value(settings->values[i] == NULL ? "default" : "session");
        v[12] = text_value(setting->value);
        v[13] = text_value(settings->startup[i] != NULL
                               ? arena_strdup(rows->arena, settings->startup[i])
                               : setting->value);
        v[16] = (struct value){.b = 0};
    }
}
