/* settings.c: see settings.h. SPDX-License-Identifier: Apache-2.0 */
#include "node/settings.h"
#include "base/errors.h"
#include "base/toml.h"
#include "base/vfs.h"

#include <stddef.h>
#include <stdio.h>

#define CONFIG_BYTES_MAX ((uint64_t)1 << 20)

struct key {
    const char *section, *name;
    enum toml_kind kind;
    size_t offset;
    const char *text;
    int64_t integer, min, max;
};

static const struct key keys[] = {
#define TEXT(section, key, value)                                                              \
    {#section, #key, TOML_STRING, offsetof(struct settings, section##_##key), value, 0, 0, 0},
#define INTEGER(section, key, value, min, max)                                                 \
    {#section, #key,  TOML_INTEGER, offsetof(struct settings, section##_##key),                \
     NULL,     value, min,          max},
#define LIST(section, key)                                                                     \
    {#section, #key, TOML_STRINGS, offsetof(struct settings, section##_##key), NULL, 0, 0, 0},
#include "node/settings.def"
#undef TEXT
#undef INTEGER
#undef LIST
};

static void
set_defaults(struct settings *settings)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        char *field = (char *)settings + keys[i].offset;
        if (keys[i].kind == TOML_STRING) {
            memcpy(field, &keys[i].text, sizeof(keys[i].text));
        } else if (keys[i].kind == TOML_INTEGER) {
            memcpy(field, &keys[i].integer, sizeof(keys[i].integer));
        }
    }
}

/* Edits that turn a into b (Levenshtein), for names of at most 63 bytes. */
static unsigned
distance(const char *a, const char *b)
{
    unsigned row[64];
    size_t width = MIN(strlen(b), (size_t)63);
    for (unsigned j = 0; j <= width; j++) {
        row[j] = j;
    }
    for (unsigned i = 1; a[i - 1] != '\0'; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= width; j++) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[width];
}

/* The key that was meant, if the name or its place is a slip of the pen; NULL: neither. */
static const struct key *
nearest_key(const struct toml_value *value)
{
    const struct key *best = NULL;
    unsigned best_distance = UINT32_MAX;
    size_t slips_max = MAX(strlen(value->key) / 3, (size_t)2);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        unsigned slips = distance(keys[i].name, value->key);
        unsigned far = 2 * slips + distance(keys[i].section, value->section);
        if (slips <= slips_max && far < best_distance) {
            best_distance = far;
            best = &keys[i];
        }
    }
    return best;
}

/* Appends names after a comma. */
static void
add_name(char list[DIAG_TEXT_MAX], const char *name)
{
    size_t used = strlen(list);
    snprintf(list + used, DIAG_TEXT_MAX - used, "%s%s", used > 0 ? ", " : "", name);
}

/* The keys of the section; of one that is unknown, the sections that there are. */
static void
hint_known(const struct toml_value *value, struct diag *diag)
{
    char names[DIAG_TEXT_MAX] = "", sections[DIAG_TEXT_MAX] = "";
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (strcmp(keys[i].section, value->section) == 0) {
            add_name(names, keys[i].name);
        }
        if (i == 0 || strcmp(keys[i].section, keys[i - 1].section) != 0) {
            add_name(sections, keys[i].section);
        }
    }
    if (names[0] != '\0') {
        diag_hint(diag, "[%s] has the keys %s.", value->section, names);
    } else {
        diag_hint(diag, "The sections are %s.", sections);
    }
}

static const struct key *
find_key(const struct toml_value *value)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (strcmp(keys[i].section, value->section) == 0 &&
            strcmp(keys[i].name, value->key) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

static enum status
refuse_unknown(const struct toml_value *value, const char *name, struct diag *diag)
{
    bool is_top = value->section[0] == '\0';
    enum status status = diag_fail(diag, STATUS_INVALID, SQLSTATE_CONFIG_FILE_ERROR,
                                   "%s, line %d: unknown key \"%s\" %s%s%s", name, value->line,
                                   value->key, is_top ? "before the first [section]" : "in [",
                                   value->section, is_top ? "" : "]");
    const struct key *near = nearest_key(value);
    if (near != NULL) {
        diag_hint(diag, "The nearest known key is \"%s\" in [%s].", near->name, near->section);
    } else {
        hint_known(value, diag);
    }
    return status;
}

static enum status
apply_value(struct settings *settings, const struct toml_value *value, const char *name,
            struct diag *diag)
{
    static const char *const wanted[] = {[TOML_STRING] = "a string",
                                         [TOML_INTEGER] = "an integer",
                                         [TOML_BOOLEAN] = "true or false",
                                         [TOML_STRINGS] = "an array of strings"};
    const struct key *key = find_key(value);
    if (key == NULL) {
        return refuse_unknown(value, name, diag);
    }
    if (key->kind != value->kind) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_CONFIG_FILE_ERROR,
                         "%s, line %d: [%s] %s must be %s", name, value->line, key->section,
                         key->name, wanted[key->kind]);
    }
    char *field = (char *)settings + key->offset;
    if (key->kind == TOML_INTEGER) {
        if (value->integer < key->min || value->integer > key->max) {
            return diag_fail(diag, STATUS_INVALID, SQLSTATE_CONFIG_FILE_ERROR,
                             "%s, line %d: [%s] %s = %lld is outside %lld .. %lld", name,
                             value->line, key->section, key->name, (long long)value->integer,
                             (long long)key->min, (long long)key->max);
        }
        memcpy(field, &value->integer, sizeof(value->integer));
    } else if (key->kind == TOML_STRING) {
        memcpy(field, &value->string, sizeof(value->string));
    } else {
        struct text_list list = {value->string_count, value->strings};
        memcpy(field, &list, sizeof(list));
    }
    return STATUS_OK;
}

static const char *
below_home(const char *home, const char *path, struct arena *arena)
{
    return path[0] == '/' ? path : arena_printf(arena, "%s/%s", home, path);
}

bool
settings_is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0 ||
           strcmp(host, "::1") == 0;
}

/* All three listen on one host. */
static enum status
check_ports(const struct settings *settings, const char *name, struct diag *diag)
{
    const struct {
        const char *key;
        int64_t port;
    } ports[] = {{"[server] listen_port", settings->server_listen_port},
                 {"[server] api_port", settings->server_api_port},
                 {"[clustering] listen_port", settings->clustering_listen_port}};
    for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
        for (size_t j = 0; j < i; j++) {
            if (ports[i].port == ports[j].port) {
                return diag_fail(diag, STATUS_INVALID, SQLSTATE_CONFIG_FILE_ERROR,
                                 "%s: %s and %s are both %lld", name, ports[j].key,
                                 ports[i].key, (long long)ports[i].port);
            }
        }
    }
    return STATUS_OK;
}

/* What no single key can say. */
static enum status
check_whole(const struct settings *settings, const char *name, struct diag *diag)
{
    if (!settings_is_loopback(settings->server_listen_host)) {
        enum status status = diag_fail(diag, STATUS_UNSUPPORTED, SQLSTATE_FEATURE_NOT_SUPPORTED,
                                       "%s: [server] listen_host = \"%s\" is beyond loopback, "
                                       "which needs authentication and TLS",
                                       name, settings->server_listen_host);
        diag_hint(diag, "Neither exists yet. Listen on 127.0.0.1.");
        return status;
    }
    if ((settings->storage_page_size & (settings->storage_page_size - 1)) != 0) {
        return diag_fail(diag, STATUS_INVALID, SQLSTATE_CONFIG_FILE_ERROR,
                         "%s: [storage] page_size must be a power of 2", name);
    }
    if (settings->instance_name[0] == '\0' || strlen(settings->instance_name) > 63 ||
        strpbrk(settings->instance_name, " =:,/\"'\\") != NULL) {
        return diag_fail(
            diag, STATUS_INVALID, SQLSTATE_CONFIG_FILE_ERROR,
            "%s: [instance] name must be 1 to 63 bytes without blanks and = : , / quotes",
            name);
    }
    return check_ports(settings, name, diag);
}

enum status
settings_parse(const char *home, const char *name, struct slice text, struct arena *arena,
               struct settings *settings_out, struct diag *diag)
{
    memset(settings_out, 0, sizeof(*settings_out));
    set_defaults(settings_out);
    settings_out->home = arena_strdup(arena, home);
    struct toml_document document;
    enum status status = toml_parse(text, arena, &document, diag);
    if (status != STATUS_OK) {
        diag_while(diag, "reading %s", name);
        return status;
    }
    for (unsigned i = 0; i < document.count; i++) {
        TRY(apply_value(settings_out, &document.values[i], name, diag));
    }
    TRY(check_whole(settings_out, name, diag));
    settings_out->paths_data_dir = below_home(home, settings_out->paths_data_dir, arena);
    settings_out->paths_logs_dir = below_home(home, settings_out->paths_logs_dir, arena);
    settings_out->paths_run_dir = below_home(home, settings_out->paths_run_dir, arena);
    return STATUS_OK;
}

enum status
settings_load(struct vfs *vfs, const char *home, struct arena *arena,
              struct settings *settings_out, struct diag *diag)
{
    const char *path = arena_printf(arena, "%s/conf/rustydb.toml", home);
    struct vfs_file *file = NULL;
    uint64_t size = 0;
    TRY(vfs_open(vfs, path, VFS_READ, &file, diag));
    enum status status = vfs_size(file, &size, diag);
    if (status == STATUS_OK && size > CONFIG_BYTES_MAX) {
        status = diag_fail(diag, STATUS_LIMIT, SQLSTATE_CONFIG_FILE_ERROR,
                           "\"%s\" is larger than 1 MiB", path);
    }
    uint8_t *text = status == STATUS_OK ? arena_alloc(arena, (size_t)size + 1) : NULL;
    if (status == STATUS_OK) {
        status = vfs_read(file, 0, text, (size_t)size, diag);
    }
    vfs_close(file);
    TRY(status);
    return settings_parse(home, path, slice_make(text, (size_t)size), arena, settings_out,
                          diag);
}
