/* keys.c: index entries of a row that changed, and the unique check (rule 8). The check runs
 * under the latch of the leaf that every writer of this key must latch; what it cannot decide
 * (a writer in progress) is waited for outside, then everything is asked anew.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "storage/heap/table_internal.h"

void
scratch_init(struct scratch *scratch, size_t bound)
{
    scratch->buf = (struct buf){.data = scratch->space, .capacity = sizeof(scratch->space)};
    if (bound > sizeof(scratch->space)) {
        scratch->buf = BUF_EMPTY;
        (void)buf_reserve(&scratch->buf, bound);
    }
}

void
scratch_deinit(struct scratch *scratch)
{
    if (scratch->buf.data != scratch->space) {
        buf_deinit(&scratch->buf);
    }
}

/* No column's key is longer than twice its bytes and a few more. */
size_t
key_bound(const struct index_definition *definition, struct slice tuple)
{
    return definition->column_count * (2 * tuple.size + 16);
}

static unsigned
columns_needed(const struct index_definition *definition)
{
    unsigned count = 0;
    for (unsigned i = 0; i < definition->column_count; i++) {
        count = MAX(count, definition->columns[i].column_no + 1U);
    }
    return count;
}

/* Equal bytes have equal keys; the same key from other bytes (1.0, 1.00) costs an entry that is
 * there already. */
bool
keys_equal(const struct heap *heap, const struct index_definition *definition, struct slice a,
           struct slice b)
{
    struct column_value a_values[TUPLE_COLUMNS_MAX], b_values[TUPLE_COLUMNS_MAX];
    unsigned count = columns_needed(definition);
    ASSERT(count <= heap->definition->column_count);
    tuple_decode(a, heap->definition->kinds, count, a_values);
    tuple_decode(b, heap->definition->kinds, count, b_values);
    for (unsigned i = 0; i < definition->column_count; i++) {
        const struct column_value *x = &a_values[definition->columns[i].column_no];
        const struct column_value *y = &b_values[definition->columns[i].column_no];
        bool x_null = x->is_null || x->bytes.data == NULL;
        bool y_null = y->is_null || y->bytes.data == NULL;
        if (x_null != y_null || (!x_null && !slice_equal(x->bytes, y->bytes))) {
            return false;
        }
    }
    return true;
}

/* ---- unique check ---- */
struct unique_check {
    const struct key_writer *writer;
    const struct index_definition *definition;
    struct slice key;
    struct xid wait_for; /* 0: nobody */
};

#define MUST_WAIT STATUS_TIMEOUT /* of check_other() to key_insert(): see wait_for */

static enum status
conflict(struct unique_check *check, struct row_id other, struct diag *diag)
{
    if (check->writer->result != NULL) {
        check->writer->result->conflicting = check->definition->index;
        check->writer->result->conflicting_row = other;
    }
    return diag_fail(diag, STATUS_CONFLICT, SQLSTATE_UNIQUE_VIOLATION,
                     "duplicate key value violates unique index %u",
                     check->definition->index.v);
}

static bool
has_key(const struct heap *heap, const struct index_definition *definition, struct slice key,
        struct slice tuple)
{
    struct scratch scratch;
    scratch_init(&scratch, key_bound(definition, tuple));
    (void)key_from_tuple(&scratch.buf, definition, heap->definition, tuple);
    bool equal = slice_equal(buf_slice(&scratch.buf), key);
    scratch_deinit(&scratch);
    return equal;
}

/* xid in xmin or xmax as this transaction's writer sees it. */
static enum xid_state
writer_state(const struct txn *txn, struct store *store, uint64_t value, bool is_csn,
             bool *mine_out)
{
    struct csn csn;
    *mine_out = !is_csn && txn_is_mine(txn, (struct xid){value});
    return *mine_out ? XID_RUNNING : version_writer_state(store, value, is_csn, &csn);
}

enum finding { FINDING_OLDER, FINDING_FREE, FINDING_TAKEN, FINDING_WAIT };

/* One version of the other row, newest first. */
static enum finding
judge_other(struct unique_check *check, const struct version *version)
{
    const struct heap *heap = check->writer->heap;
    const struct txn *txn = check->writer->txn;
    bool mine;
    if ((version->flags & VERSION_DEAD) != 0) {
        return FINDING_OLDER;
    }
    enum xid_state state = writer_state(txn, heap->store, version->xmin,
                                        (version->flags & VERSION_XMIN_IS_CSN) != 0, &mine);
    if (state == XID_ABORTED) {
        return FINDING_OLDER;
    }
    bool same = has_key(heap, check->definition, check->key, version->tuple);
    if (state == XID_RUNNING && !mine) {
        check->wait_for.v = version->xmin;
        return same ? FINDING_WAIT : FINDING_OLDER; /* the older one is back if it aborts */
    }
    if (!same) {
        return FINDING_FREE;
    }
    if (version->xmax == 0) {
        return FINDING_TAKEN;
    }
    state = writer_state(txn, heap->store, version->xmax,
                         (version->flags & VERSION_XMAX_IS_CSN) != 0, &mine);
    if (state == XID_ABORTED) {
        return FINDING_TAKEN;
    }
    if (state == XID_RUNNING && !mine) {
        check->wait_for.v = version->xmax;
        return FINDING_WAIT;
    }
    return FINDING_FREE;
}

static enum status
check_other(void *arg, struct row_id other, struct diag *diag)
{
    struct unique_check *check = arg;
    struct walk walk;
    bool there = false;
    enum finding finding = FINDING_OLDER;
    walk_init(&walk, check->writer->heap, other, check->writer->warm);
    enum status status = STATUS_OK;
    while (status == STATUS_OK && finding == FINDING_OLDER) {
        status = walk_step(&walk, &there, diag);
        if (!there) {
            break;
        }
        finding = judge_other(check, &walk.version);
    }
    walk_end(&walk);
    if (status == STATUS_OK && finding == FINDING_TAKEN) {
        return conflict(check, other, diag);
    }
    if (status == STATUS_OK && finding == FINDING_WAIT) {
        return MUST_WAIT;
    }
    check->wait_for.v = 0;
    return status;
}

static enum status
admit(void *arg, struct diag *diag)
{
    struct unique_check *check = arg;
    struct xid xid;
    return txn_write_xid(check->writer->txn, &xid, diag);
}

enum status
key_insert(const struct key_writer *writer, struct generation *index, struct diag *diag)
{
    const struct index_definition *definition = index->index_def;
    if (atomic_load_explicit(&index->invalid, memory_order_relaxed)) {
        return STATUS_OK; /* to be rebuilt anyway */
    }
    struct btree tree = btree_of(writer->heap->store, index);
    struct scratch scratch;
    scratch_init(&scratch, key_bound(definition, writer->tuple));
    bool has_null =
        key_from_tuple(&scratch.buf, definition, writer->heap->definition, writer->tuple);
    struct unique_check check = {
        .writer = writer, .definition = definition, .key = buf_slice(&scratch.buf)};
    struct btree_hooks hooks = {.arg = &check, .warm = writer->warm};
    if (writer->txn != NULL) {
        hooks.admit = admit;
        hooks.check = definition->unique && !has_null ? check_other : NULL;
    }
    struct btree_entry entry = {.key = check.key, .row = writer->row};
    enum status status;
    do {
        check.wait_for.v = 0;
        status = btree_insert(&tree, entry, &hooks, diag);
        if (status == MUST_WAIT && check.wait_for.v != 0) {
            warm_release(writer->warm);
            status = txn_wait_xid(writer->txn, check.wait_for, diag);
        } else {
            check.wait_for.v = 0;
        }
    } while (status == STATUS_OK && check.wait_for.v != 0);
    scratch_deinit(&scratch);
    return status;
}
