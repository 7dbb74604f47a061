/* redo.c: what a transaction says to the log: effects, in order, and its share of the state
 * hash.
 *
 * Redo grows in txn->redo up to REDO_CHUNK_BYTES; a full chunk is set aside. When several wait,
 * they are shipped as TXN_PART entries (walk H); the rest rides in the commit record. Each
 * chunk is self-contained: it starts at savepoint 0, so that apply may read it alone.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "storage/txn/txn_internal.h"

#include <stdlib.h>

#define REDO_KEPT_BYTES ((size_t)64 << 10) /* a larger buffer is freed with its transaction */
#define EFFECT_HEAD_MAX 32u                /* kind, object, row, size */

/* table id and row id enter through the seed: each distinct pair of them gives another one. */
struct hash128
row_hash(struct object_id table, struct row_id row, struct slice tuple)
{
    return hash128(tuple, hash_word(hash_word(table.v) + row.v));
}

void
txn__delta(struct txn *txn, struct body *body, struct hash128 hash, int64_t rows)
{
    for (size_t i = txn->delta_count; i-- > 0 && txn->deltas[i].depth == txn->depth;) {
        if (txn->deltas[i].body == body) {
            txn->deltas[i].hash = hash128_add(txn->deltas[i].hash, hash);
            txn->deltas[i].rows += rows;
            return;
        }
    }
    if (txn->delta_count == txn->delta_capacity) {
        txn->delta_capacity = txn->delta_capacity * 2 + 8;
        txn->deltas = realloc(txn->deltas, txn->delta_capacity * sizeof(*txn->deltas));
        ASSERT(txn->deltas != NULL);
    }
    txn->deltas[txn->delta_count++] =
        (struct txn_delta){.body = body, .hash = hash, .rows = rows, .depth = txn->depth};
}

static void
close_chunk(struct txn *txn)
{
    if (txn->chunk_count == txn->chunk_capacity) {
        txn->chunk_capacity = txn->chunk_capacity * 2 + 4;
        txn->chunks = realloc(txn->chunks, txn->chunk_capacity * sizeof(*txn->chunks));
        ASSERT(txn->chunks != NULL);
    }
    txn->chunks[txn->chunk_count++] = txn->redo;
    txn->redo = BUF_EMPTY;
    txn->redo_number = 0;
}

/* Makes room for an effect of `size` bytes and says whose it is. */
static struct buf *
redo_for(struct txn *txn, size_t size)
{
    ASSERT(size < REDO_CHUNK_BYTES);
    if (UNLIKELY(txn->redo.size + size + 2 * EFFECT_HEAD_MAX > REDO_CHUNK_BYTES)) {
        close_chunk(txn);
    }
    uint64_t number = txn->levels[txn->depth].number;
    if (UNLIKELY(number != txn->redo_number)) {
        effect_encode(&txn->redo, &(struct effect){.kind = EFFECT_SAVEPOINT, .number = number});
        txn->redo_number = number;
    }
    return &txn->redo;
}

static void
log_row(struct txn *txn, enum effect_kind kind, struct object_id table, struct row_id row,
        struct slice tuple)
{
    struct effect effect = {.kind = kind, .object = table, .row = row, .bytes = tuple};
    effect_encode(redo_for(txn, tuple.size + EFFECT_HEAD_MAX), &effect);
}

static struct body *
body_of(struct txn *txn, struct object_id table)
{
    const struct table_view *view = objects_table_write(txn, table);
    ASSERT(view != NULL);
    return view->table->body;
}

void
txn_log_insert(struct txn *txn, struct object_id table, struct row_id row, struct slice tuple)
{
    log_row(txn, EFFECT_INSERT, table, row, tuple);
    txn__delta(txn, body_of(txn, table), row_hash(table, row, tuple), 1);
}

void
txn_log_update(struct txn *txn, struct object_id table, struct row_id row, struct slice old,
               struct slice tuple)
{
    log_row(txn, EFFECT_UPDATE, table, row, tuple);
    struct hash128 change =
        hash128_subtract(row_hash(table, row, tuple), row_hash(table, row, old));
    txn__delta(txn, body_of(txn, table), change, 0);
}

void
txn_log_delete(struct txn *txn, struct object_id table, struct row_id row, struct slice old)
{
    log_row(txn, EFFECT_DELETE, table, row, slice_make(NULL, 0));
    struct hash128 change = hash128_subtract((struct hash128){0}, row_hash(table, row, old));
    txn__delta(txn, body_of(txn, table), change, -1);
}

void
txn_log_effect(struct txn *txn, const struct effect *effect)
{
    ASSERT(effect->kind != EFFECT_SAVEPOINT);
    effect_encode(redo_for(txn, effect->bytes.size + EFFECT_HEAD_MAX), effect);
}

/* ---- shipping ---- */

static enum status
ship_chunk(struct txn *txn, struct slice effects, struct diag *diag)
{
    struct store *store = txn->store;
    if (store->propose == NULL) {
        return diag_fail(diag, STATUS_LIMIT, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                         "transaction is too large for this node without a log");
    }
    if (txn->ship_failed) {
        return diag_fail(diag, STATUS_NOT_LEADER, SQLSTATE_SERIALIZATION_FAILURE,
                         "an earlier part of this transaction may have been lost");
    }
    size_t before = txn->part_count;
    txn->shipped = true;
    txn->ship_failed = true; /* until it is known to be there, once */
    struct buf payload = BUF_EMPTY;
    txn_part_encode(&payload, txn->gtid, effects);
    enum status status = store->propose(store->propose_arg, ENTRY_TXN_PART, buf_slice(&payload),
                                        txn->waiter, diag);
    buf_deinit(&payload);
    if (status != STATUS_OK) {
        diag_while(diag, "sending a part of a large transaction to the log");
        return status;
    }
    mutex_lock(&store->txns.mu);
    bool arrived = txn->part_count == before + 1; /* apply noted its index */
    mutex_unlock(&store->txns.mu);
    txn->ship_failed = !arrived;
    return arrived ? STATUS_OK : txn__killed(diag);
}

static enum status
ship_chunks(struct txn *txn, struct diag *diag)
{
    enum status status = STATUS_OK;
    size_t shipped = 0;
    while (status == STATUS_OK && shipped < txn->chunk_count) {
        status = ship_chunk(txn, buf_slice(&txn->chunks[shipped]), diag);
        shipped += status == STATUS_OK;
    }
    for (size_t i = 0; i < shipped; i++) {
        buf_deinit(&txn->chunks[i]);
    }
    txn->chunk_count -= shipped;
    if (txn->chunk_count > 0) {
        memmove(txn->chunks, txn->chunks + shipped, txn->chunk_count * sizeof(*txn->chunks));
    }
    return status;
}

enum status
txn_ship_if_large(struct txn *txn, struct diag *diag)
{
    if (LIKELY(txn->chunk_count < REDO_SHIP_CHUNKS)) {
        return STATUS_OK;
    }
    ASSERT(!gate_held(txn->store->pages));
    return ship_chunks(txn, diag);
}

/* The record takes what is in txn->redo; what its list of savepoints and parts would push over
 * an entry's size is shipped as well. */
enum status
txn__ship_all_but_tail(struct txn *txn, struct diag *diag)
{
    size_t head = txn->rolled_back.size + (txn->part_count + txn->chunk_count) * 10 + 128;
    if (txn->redo.size + head > ENTRY_BYTES_MAX) {
        close_chunk(txn);
    }
    return ship_chunks(txn, diag);
}

void
redo_reset(struct txn *txn)
{
    while (txn->chunk_count > 0) {
        buf_deinit(&txn->chunks[--txn->chunk_count]);
    }
    if (txn->redo.capacity > REDO_KEPT_BYTES) {
        buf_deinit(&txn->redo);
    }
    buf_clear(&txn->redo);
    if (txn->rolled_back.capacity > REDO_KEPT_BYTES) {
        buf_deinit(&txn->rolled_back);
    }
    buf_clear(&txn->rolled_back);
    txn->redo_number = 0;
    txn->shipped = txn->ship_failed = false;
}

void
redo_free(struct txn *txn)
{
    redo_reset(txn);
    buf_deinit(&txn->redo);
    buf_deinit(&txn->rolled_back);
    free(txn->chunks);
}
