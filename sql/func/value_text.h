/* value_text.h: texts of values of any type, where an object's name counts.
 *
 * Promises: as value_to_text() and value_from_text() (sql/types), but regclass, regproc,
 *           regrole and regnamespace are read and shown by name, as PostgreSQL does: 42P01,
 *           42883, 42704, 3F000 for a name that there is not. A number of no object is shown
 *           as the number. Without a context or its catalog hooks they are numbers.
 * Thread:   the session's; names need a transaction in cx->txn.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sql/context.h"

/* Are the texts of this type names that the catalog knows? */
bool type_is_named(enum type_id type);
/* Appends the text form; the value is not NULL. `cx` NULL is fine. */
MUST_CHECK enum status value_show(struct sql_context *cx, enum type_id type,
                                  const struct value *value, struct buf *out);
struct value_source {
    enum type_id type;
    int32_t typmod;
    struct slice text;
};
/* Memory comes from `arena`, errors go to `diag`. */
MUST_CHECK enum status value_read(struct sql_context *cx, const struct value_source *source,
                                  struct arena *arena, struct value *value_out,
                                  struct diag *diag);
