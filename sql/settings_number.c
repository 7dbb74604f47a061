/* settings_number.c: see settings_number.h. SPDX-License-Identifier: Apache-2.0 */
#include "sql/settings_number.h"
#include "base/macros.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Largest first; `factor` units of the base make one. */
static const struct unit {
    const char *base, *name;
    double factor;
} units[] = {
    {"ms", "d", 86400000},
    {"ms", "h", 3600000},
    {"ms", "min", 60000},
    {"ms", "s", 1000},
    {"ms", "ms", 1},
    {"ms", "us", 1.0 / 1000},
    {"MB", "TB", 1048576},
    {"MB", "GB", 1024},
    {"MB", "MB", 1},
    {"MB", "kB", 1.0 / 1024},
    {"MB", "B", 1.0 / 1048576},
};

static const char *
hint_of(const char *base)
{
    return strcmp(base, "ms") == 0
               ? "Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", "
                 "and \"d\"."
               : "Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and "
                 "\"TB\".";
}

static bool
find_factor(const char *base, const char *name, double *factor_out)
{
    for (unsigned i = 0; i < ARRAY_SIZE(units); i++) {
        if (strcmp(units[i].base, base) == 0 && strcmp(units[i].name, name) == 0) {
            *factor_out = units[i].factor;
            return true;
        }
    }
    return false;
}

bool
number_read(const char *text, const char *unit, int64_t *value_out, const char **hint_out)
{
    char *end, *unit_end;
    *hint_out = NULL;
    errno = 0;
    double value = (double)strtol(text, &end, 0);
    if (*end == '.' || *end == 'e' || *end == 'E' || errno == ERANGE) {
        errno = 0;
        value = strtod(text, &end);
    }
    if (end == text || errno == ERANGE || isnan(value)) {
        return false;
    }
    char name[8] = "";
    end += strspn(end, " \t\n");
    size_t size = strcspn(end, " \t\n");
    unit_end = end + size + strspn(end + size, " \t\n");
    double factor = 1;
    if (*unit_end != '\0' || (size > 0 && unit == NULL)) {
        return false;
    }
    if (size > 0) {
        snprintf(name, sizeof(name), "%.*s", (int)MIN(size, sizeof(name) - 1), end);
        if (!find_factor(unit, name, &factor)) {
            *hint_out = hint_of(unit);
            return false;
        }
    }
    value = rint(value * factor);
    if (value > INT32_MAX || value < INT32_MIN) {
        *hint_out = "Value exceeds integer range.";
        return false;
    }
    *value_out = (int64_t)value;
    return true;
}

void
number_show(int64_t value, const char *unit, char out[NUMBER_TEXT_MAX])
{
    for (unsigned i = 0; unit != NULL && value > 0 && i < ARRAY_SIZE(units); i++) {
        if (strcmp(units[i].base, unit) == 0 && units[i].factor >= 1 &&
            value % (int64_t)units[i].factor == 0) {
            snprintf(out, NUMBER_TEXT_MAX, "%lld%s",
                     (long long)(value / (int64_t)units[i].factor), units[i].name);
            return;
        }
    }
    snprintf(out, NUMBER_TEXT_MAX, "%lld", (long long)value);
}
