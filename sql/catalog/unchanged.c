/* unchanged.c: is a definition that a REPEATABLE READ transaction goes by still the newest?
 *
 * Such a transaction reads definitions with its one snapshot. What others changed since is kept
 * by the rows and indexes there are now, not by what the transaction knows: it would write
 * rows without a new column's NOT NULL or DEFAULT, or look for them in an index that is gone.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sql/catalog/catalog_internal.h"

static bool
has_index(const struct table_def *table, struct object_id id)
{
    for (unsigned i = 0; i < table->index_count; i++) {
        if (table->indexes[i].id.v == id.v) {
            return true;
        }
    }
    return false;
}

static bool
same_indexes(const struct table_def *a, const struct table_def *b)
{
    bool same = a->index_count == b->index_count;
    for (unsigned i = 0; same && i < a->index_count; i++) {
        same = has_index(b, a->indexes[i].id);
    }
    return same;
}

static bool
same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* `seen` may be ahead by what the transaction itself did, when it changed definitions. */
static bool
stands(const struct table_def *seen, const struct table_def *now, bool own_changes)
{
    if (seen->column_count < now->column_count ||
        (!own_changes &&
         (seen->column_count != now->column_count || !same_indexes(seen, now)))) {
        return false;
    }
    for (unsigned i = 0; i < now->column_count; i++) {
        const struct column_def *a = &seen->columns[i], *b = &now->columns[i];
        if ((b->not_null && !a->not_null) || a->dropped != b->dropped ||
            !same_text(a->default_sql, b->default_sql)) {
            return false;
        }
    }
    return true;
}

static enum status
compare_with(struct sql_context *now_cx, const struct table_def *table, bool own_changes)
{
    const struct table_def *now = NULL;
    enum status status = catalog_table_by_id(now_cx, table->id, &now);
    if (status == STATUS_NOT_FOUND) {
        diag_clear(now_cx->diag);
        return own_changes ? STATUS_OK /* its own table */
                           : diag_fail(now_cx->diag, status, SQLSTATE_UNDEFINED_TABLE,
                                       "relation \"%s\" does not exist", table->name);
    }
    if (status == STATUS_OK && !stands(table, now, own_changes)) {
        status = diag_fail(now_cx->diag, STATUS_CONFLICT, SQLSTATE_SERIALIZATION_FAILURE,
                           "could not serialize access due to a concurrent change of the "
                           "definition of \"%s\"",
                           table->name);
    }
    return status;
}

enum status
catalog_check_unchanged(struct sql_context *cx, const struct table_def *table)
{
    if (store_catalog_csn(cx->store) <= txn_snapshot_csn(cx->txn).v) {
        return STATUS_OK;
    }
    struct txn_options options = {.isolation = ISOLATION_READ_COMMITTED,
                                  .read_only = true,
                                  .waiter = txn_waiter(cx->txn)};
    struct sql_context now = *cx;
    TRY(txn_begin(cx->store, &options, &now.txn, cx->diag));
    txn_take_snapshot(now.txn); /* the table is locked: what changed it is visible by now */
    now.catalog = catalogs_private(cx->catalog->catalogs, NULL);
    enum status status = compare_with(&now, table, cx->catalog->previous != NULL);
    catalog_unref(now.catalog);
    txn_end_read_only(now.txn);
    return status;
}
