/* fake_catalog.h: a catalog for the binder's tests: the built-in relations of builtin.def and a
 * few tables, without a store. Found by sql_context.host_arg.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/catalog/catalog.h"

struct fake_catalog {
    struct arena arena;
    unsigned count;
    struct table_def **tables;
};

void fake_catalog_init(struct fake_catalog *fake);
void fake_catalog_deinit(struct fake_catalog *fake);
/* NULL: none. */
struct table_def *fake_catalog_find(struct fake_catalog *fake, const char *schema,
                                    const char *name);
/* Names of its tables; any schema and role has the number 10. */
const struct func_catalog_hooks *fake_catalog_hooks(void);
