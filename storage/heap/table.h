/* table.h: rows of a table and its indexes: read, change, lock.
 *
 * Promises: readers see the rows of their snapshot and no others; writers follow walk A;
 *           unique indexes admit one live row a key (rule 8), NULLs aside; redo goes to the
 *           transaction at the change it describes.
 * Owns:     scans own their pins.  Borrows: txn, and the table definition the store holds.
 * Thread:   a session's; many sessions at once.
 * Fails:    23505 unique violation (STATUS_CONFLICT; out: the index), 40001, 40P01, 55P03,
 * 57014, 54000 for a row beyond a page, 53100 disk full, 42P01-like STATUS_NOT_FOUND when the
 *           object has no generation for the snapshot.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/heap/tuple.h"
#include "storage/txn/locks.h"

/* ---- definitions: encoded in EFFECT_NEW_GENERATION and EFFECT_BUILD_INDEX ---- */
struct table_definition {
    unsigned column_count; /* kinds of the columns, as many as the table ever had */
    enum column_kind kinds[TUPLE_COLUMNS_MAX];
};

#define INDEX_COLUMNS_MAX 32

struct index_column {
    uint16_t column_no; /* from 0 */
    enum column_kind kind;
    bool descending, nulls_first;
};

struct index_definition {
    struct object_id index, table;
    bool unique;
    unsigned column_count;
    struct index_column columns[INDEX_COLUMNS_MAX];
};

void table_definition_encode(struct buf *out, const struct table_definition *definition);
MUST_CHECK enum status table_definition_decode(struct slice bytes,
                                               struct table_definition *definition_out,
                                               struct diag *diag);
void index_definition_encode(struct buf *out, const struct index_definition *definition);
MUST_CHECK enum status index_definition_decode(struct slice bytes,
                                               struct index_definition *definition_out,
                                               struct diag *diag);

/* ---- reading ---- */
struct row_view {
    struct row_id row;
    struct slice tuple; /* borrowed until the scan moves on or closes */
};

struct table_scan;
MUST_CHECK enum status table_scan_open(struct txn *txn, struct object_id table,
                                       struct table_scan **scan_out, struct diag *diag);
/* Up to `capacity` rows of about one page; *count_out 0 at the end. */
MUST_CHECK enum status table_scan_next(struct table_scan *scan, struct row_view *rows,
                                       unsigned capacity, unsigned *count_out,
                                       struct diag *diag);
void table_scan_close(struct table_scan *scan); /* takes scan; NULL is fine */

/* Bounds are encoded keys (index_key_encode) of a prefix of the index's columns: a row is in
 * the range when its key, cut to the prefix's length, is >= low and <= high (or < / > if not
 * inclusive). Empty slice with data NULL: unbounded. */
struct index_range {
    struct slice low, high;
    bool low_inclusive, high_inclusive;
    bool backward;
};

struct index_scan;
MUST_CHECK enum status index_scan_open(struct txn *txn, struct object_id index,
                                       const struct index_range *range,
                                       struct index_scan **scan_out, struct diag *diag);
/* In key order. Rows stay borrowed until the next call. */
MUST_CHECK enum status index_scan_next(struct index_scan *scan, struct row_view *rows,
                                       unsigned capacity, unsigned *count_out,
                                       struct diag *diag);
/* Starts over with another range, keeping memory: for nested loops and prepared look-ups. */
MUST_CHECK enum status index_scan_restart(struct index_scan *scan,
                                          const struct index_range *range, struct diag *diag);
void index_scan_close(struct index_scan *scan);

/* The version of one row that the snapshot sees. *found_out false: none. The tuple is copied to
 * `copy_out`. */
MUST_CHECK enum status table_fetch(struct txn *txn, struct object_id table, struct row_id row,
                                   struct buf *copy_out, bool *found_out, struct diag *diag);

/* Encodes the first `count` columns of an index key; values in index column order. */
void index_key_encode(struct buf *out, const struct index_definition *definition,
                      const struct column_value *values, unsigned count);

/* ---- changing ---- */
enum row_outcome {
    ROW_DONE,
    ROW_CHANGED, /* READ COMMITTED: another committed first; the row is locked for us now, its
                    newest tuple is in newest_out: re-evaluate and call again, or leave it */
    ROW_GONE,    /* READ COMMITTED: deleted by another, or already changed by this command */
    ROW_BUSY,    /* LOCK_NOWAIT or LOCK_SKIP_LOCKED only */
};

struct change_result {
    enum row_outcome outcome;
    struct row_id row;            /* insert: the new row */
    struct object_id conflicting; /* 23505: the unique index, and the row in its way */
    struct row_id conflicting_row;
};

MUST_CHECK enum status table_insert(struct txn *txn, struct object_id table, struct slice tuple,
                                    struct change_result *result_out, struct diag *diag);
/* `seen`: the tuple that the statement evaluated (for "changed keys" only the stored one
 * counts). */
MUST_CHECK enum status table_update(struct txn *txn, struct object_id table, struct row_id row,
                                    struct slice tuple, struct buf *newest_out,
                                    struct change_result *result_out, struct diag *diag);
MUST_CHECK enum status table_delete(struct txn *txn, struct object_id table, struct row_id row,
                                    struct buf *newest_out, struct change_result *result_out,
                                    struct diag *diag);
/* SELECT .. FOR UPDATE and friends. */
MUST_CHECK enum status table_lock_row(struct txn *txn, struct object_id table,
                                      struct row_id row, enum row_lock_mode mode,
                                      enum lock_wait wait, struct buf *newest_out,
                                      struct change_result *result_out, struct diag *diag);

/* ---- objects, transactional; ids come from the catalog ---- */
MUST_CHECK enum status table_create(struct txn *txn, struct object_id table,
                                    const struct table_definition *definition,
                                    struct diag *diag);
/* A new empty generation of the table and its indexes. The caller holds ACCESS EXCLUSIVE. */
MUST_CHECK enum status table_truncate(struct txn *txn, struct object_id table,
                                      struct diag *diag);
MUST_CHECK enum status object_drop(struct txn *txn, struct object_id object, struct diag *diag);
/* Builds from the rows that the transaction sees; on followers at apply. The caller holds
 * SHARE. */
MUST_CHECK enum status index_create(struct txn *txn, const struct index_definition *definition,
                                    struct change_result *result_out, struct diag *diag);
/* Later columns (ALTER TABLE ADD COLUMN): the kinds only. */
MUST_CHECK enum status table_alter(struct txn *txn, struct object_id table,
                                   const struct table_definition *definition,
                                   struct diag *diag);
/* Made or truncated by this transaction and, as COPY FREEZE wants it, not before the innermost
 * of its savepoints. */
bool table_is_new_in(struct txn *txn, struct object_id table);

struct object_size {
    uint64_t heap_bytes, row_map_bytes, index_bytes;
    uint64_t live_rows, dead_rows; /* estimates */
};
MUST_CHECK enum status object_size(struct store *store, struct object_id object,
                                   struct object_size *size_out, struct diag *diag);
