/* sequences.c: sequence generators. See store.h.
 *
 * The replicated state is a mark: values up to it may have been given out. The primary reserves
 * a range by an ENTRY_SEQUENCE and hands it out from memory; what is left of it is lost with
 * its term. A sequence that its own transaction just made needs no entry: its final state goes
 * with the commit record.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "storage/txn/txn_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#define RANGE_MIN 32                       /* values reserved at least */
#define RANGE_MAX 8192                     /* and at most, for who draws fast */
#define DRAWS_FAST_NS ((int64_t)200000000) /* two refills within this double the range */
#define OBJECT_ID_SEQUENCE ((struct object_id){UINT32_MAX})
#define OBJECT_ID_FIRST 16384 /* below: fixed ids of catalog tables */

struct sequence_state {
    struct sequence_definition definition;
    /* replicated: next is value (not called) or the one after it; under sequences_mu */
    int64_t value;
    bool called;
    bool changed; /* since its own transaction logged it */
    /* this node's range; under sequences_mu */
    uint64_t range_term; /* 0: none */
    int64_t next, given;
    uint64_t left, range_size;
    bool any_given;
    int64_t refilled_ns;
    bool proposing;
    struct list sleepers; /* while proposing */
};

struct sequence_sleeper {
    struct list link;
    struct waiter *waiter;
};

/* ---- definition bytes ---- */

static void
definition_encode(struct buf *out, const struct sequence_definition *d, bool called)
{
    buf_u64(out, (uint64_t)d->start);
    buf_u64(out, (uint64_t)d->increment);
    buf_u64(out, (uint64_t)d->min);
    buf_u64(out, (uint64_t)d->max);
    buf_u64(out, (uint64_t)d->cache);
    buf_u8(out, (uint8_t)((d->cycle ? 1 : 0) | (called ? 2 : 0)));
}

struct sequence_state *
sequence_state_new(struct slice definition, int64_t value)
{
    struct reader in = reader_make(definition);
    struct sequence_definition d;
    d.start = (int64_t)read_u64(&in);
    d.increment = (int64_t)read_u64(&in);
    d.min = (int64_t)read_u64(&in);
    d.max = (int64_t)read_u64(&in);
    d.cache = (int64_t)read_u64(&in);
    uint8_t flags = read_u8(&in);
    d.cycle = (flags & 1) != 0;
    if (!reader_done(&in) || d.increment == 0 || d.min > d.max || value < d.min ||
        value > d.max) {
        return NULL;
    }
    struct sequence_state *state = calloc(1, sizeof(*state));
    ASSERT(state != NULL);
    state->definition = d;
    state->value = value;
    state->called = (flags & 2) != 0;
    list_init(&state->sleepers);
    return state;
}

void
sequence_state_delete(struct sequence_state *state)
{
    free(state);
}

void
sequence_state_save(const struct sequence_state *state, struct buf *out)
{
    buf_u64(out, (uint64_t)state->value);
    buf_u8(out, state->called);
}

struct sequence_state *
sequence_state_load(struct slice definition, struct reader *in)
{
    int64_t value = (int64_t)read_u64(in);
    bool called = read_u8(in) != 0;
    struct sequence_state *state = in->failed ? NULL : sequence_state_new(definition, value);
    if (state != NULL) {
        state->called = called;
    }
    return state;
}

/* ---- looking up ---- */

/* The generation that `txn` (NULL: anyone) draws from, pinned; NULL: none. */
static struct generation *
find(struct store *store, struct txn *txn, struct object_id id)
{
    mutex_lock(&store->objects.mu);
    struct generation *g = objects__find(store, txn, (struct xid){0}, VIEW_WRITE, id);
    if (g != NULL && g->kind == OBJECT_SEQUENCE) {
        generation_pin(g);
    } else {
        g = NULL;
    }
    mutex_unlock(&store->objects.mu);
    return g;
}

static enum status
unknown_sequence(struct object_id id, struct diag *diag)
{
    return diag_fail(diag, STATUS_NOT_FOUND, SQLSTATE_UNDEFINED_TABLE,
                     "sequence with id %" PRIu32 " does not exist", id.v);
}

/* Made by this transaction: nobody else sees it, no entry is needed. */
static bool
is_own(const struct txn *txn, const struct generation *g)
{
    return g->created_by.v != 0 && txn_is_mine(txn, g->created_by);
}

/* ---- arithmetic ---- */

static enum status
first_after(const struct sequence_state *state, int64_t *first_out, struct diag *diag)
{
    const struct sequence_definition *d = &state->definition;
    bool up = d->increment > 0;
    *first_out = state->value;
    if (!state->called) {
        return STATUS_OK;
    }
    bool over = __builtin_add_overflow(state->value, d->increment, first_out) ||
                (up ? *first_out > d->max : *first_out < d->min);
    if (over && !d->cycle) {
        return diag_fail(diag, STATUS_LIMIT, SQLSTATE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED,
                         "nextval: reached %s value of sequence (%" PRId64 ")",
                         up ? "maximum" : "minimum", up ? d->max : d->min);
    }
    if (over) {
        *first_out = up ? d->min : d->max;
    }
    return STATUS_OK;
}

/* How many values from `first` on fit before the bound, at most `want`. */
static uint64_t
fitting(const struct sequence_definition *d, int64_t first, uint64_t want)
{
    uint64_t room, step;
    if (d->increment > 0) {
        room = (uint64_t)d->max - (uint64_t)first;
        step = (uint64_t)d->increment;
    } else {
        room = (uint64_t)first - (uint64_t)d->min;
        step = 0 - (uint64_t)d->increment;
    }
    // cppcheck-suppress zerodivcond ; an increment of 0 is refused at CREATE SEQUENCE
    return MIN(want, room / step + 1);
}

/* ---- drawing ---- */

static uint64_t
range_size(struct store *store, struct sequence_state *state)
{
    int64_t now = clock_monotonic_ns(store->env->clock);
    bool fast = state->refilled_ns != 0 && now - state->refilled_ns < DRAWS_FAST_NS;
    uint64_t floor = MAX((uint64_t)RANGE_MIN, (uint64_t)MAX(state->definition.cache, 1));
    uint64_t size = fast ? MIN(state->range_size * 2, RANGE_MAX) : floor;
    state->refilled_ns = now;
    state->range_size = MAX(size, floor);
    return state->range_size;
}

static void
wake_sleepers(struct sequence_state *state)
{
    LIST_EACH(it, &state->sleepers)
    {
        struct sequence_sleeper *sleeper = LIST_ITEM(it, struct sequence_sleeper, link);
        list_remove(&sleeper->link);
        waiter_wake(sleeper->waiter);
    }
}

/* sequences_mu held; given up while asleep. Another session is proposing. */
static enum status
sleep_for_proposal(struct txn *txn, struct sequence_state *state,
                   struct diag *diag) NO_THREAD_SAFETY_ANALYSIS
{
    struct mutex *mu = &txn->store->sequences_mu;
    struct sequence_sleeper sleeper = {.waiter = txn->waiter};
    waiter_arm(txn->waiter);
    list_push_back(&state->sleepers, &sleeper.link);
    mutex_unlock(mu);
    enum status status = txn__woken(txn, waiter_wait(txn->waiter, WAIT_FOREVER), diag);
    mutex_lock(mu);
    list_remove(&sleeper.link);
    return status;
}

/* sequences_mu held and state->proposing set by the caller; given up while proposing. */
static enum status
propose_mark(struct txn *txn, struct sequence_state *state, const struct sequence_mark *mark,
             uint64_t term, struct diag *diag) NO_THREAD_SAFETY_ANALYSIS
{
    struct store *store = txn->store;
    mutex_unlock(&store->sequences_mu);
    struct buf payload = BUF_EMPTY;
    sequence_mark_encode(&payload, mark);
    enum status status =
        store->propose == NULL
            ? diag_fail(diag, STATUS_NOT_LEADER, SQLSTATE_READ_ONLY_SQL_TRANSACTION,
                        "cannot draw from a sequence: this node has no log to write to")
            : store->propose(store->propose_arg, ENTRY_SEQUENCE, buf_slice(&payload),
                             txn->waiter, diag);
    buf_deinit(&payload);
    mutex_lock(&store->sequences_mu);
    state->proposing = false;
    wake_sleepers(state);
    if (status == STATUS_OK && atomic_load(&store->writer_term) != term) {
        status = txn__killed(diag);
    }
    return status;
}

static enum status
refill(struct txn *txn, struct sequence_state *state, struct object_id id, uint64_t term,
       struct diag *diag)
{
    int64_t first;
    TRY(first_after(state, &first, diag));
    uint64_t count = fitting(&state->definition, first, range_size(txn->store, state));
    int64_t step = state->definition.increment;
    struct sequence_mark mark = {.object = id,
                                 .value =
                                     (int64_t)((uint64_t)first + (count - 1) * (uint64_t)step),
                                 .called = true};
    state->proposing = true;
    TRY(propose_mark(txn, state, &mark, term, diag));
    state->range_term = term;
    state->next = first;
    state->left = count;
    return STATUS_OK;
}

static int64_t
draw(struct sequence_state *state)
{
    int64_t value = state->next;
    ASSERT(state->left > 0);
    state->left--;
    state->next = (int64_t)((uint64_t)state->next + (uint64_t)state->definition.increment);
    state->given = value;
    state->any_given = true;
    return value;
}

static enum status
draw_shared(struct txn *txn, struct sequence_state *state, struct object_id id,
            int64_t *value_out, struct diag *diag)
{
    for (;;) {
        uint64_t term = atomic_load(&txn->store->writer_term);
        if (term == 0) {
            return diag_fail(diag, STATUS_NOT_LEADER, SQLSTATE_READ_ONLY_SQL_TRANSACTION,
                             "cannot draw from a sequence: this node is not the primary");
        }
        if (state->range_term == term && state->left > 0) {
            *value_out = draw(state);
            return STATUS_OK;
        }
        if (state->proposing) {
            TRY(sleep_for_proposal(txn, state, diag));
        } else {
            TRY(refill(txn, state, id, term, diag));
        }
    }
}

static enum status
draw_own(struct sequence_state *state, int64_t *value_out, struct diag *diag)
{
    TRY(first_after(state, value_out, diag));
    state->value = *value_out;
    state->called = true;
    state->changed = true;
    return STATUS_OK;
}

static enum status
refuse_read_only(const struct txn *txn, const char *what, struct diag *diag)
{
    return txn->read_only ? diag_fail(diag, STATUS_INVALID, SQLSTATE_READ_ONLY_SQL_TRANSACTION,
                                      "cannot execute %s() in a read-only transaction", what)
                          : STATUS_OK;
}

enum status
sequence_next(struct txn *txn, struct object_id sequence, int64_t *value_out, struct diag *diag)
{
    *value_out = 0;
    TRY(refuse_read_only(txn, "nextval", diag));
    struct generation *g = find(txn->store, txn, sequence);
    if (g == NULL) {
        return unknown_sequence(sequence, diag);
    }
    struct sequence_state *state = g->body->sequence;
    mutex_lock(&txn->store->sequences_mu);
    enum status status = is_own(txn, g) ? draw_own(state, value_out, diag)
                                        : draw_shared(txn, state, sequence, value_out, diag);
    mutex_unlock(&txn->store->sequences_mu);
    generation_unpin(g);
    return status;
}

/* setval() of a sequence that others see takes effect at once and is not undone, as in
 * PostgreSQL. */
static enum status
set_shared(struct txn *txn, struct sequence_state *state, const struct sequence_mark *mark,
           struct diag *diag)
{
    while (state->proposing) {
        TRY(sleep_for_proposal(txn, state, diag));
    }
    uint64_t term = atomic_load(&txn->store->writer_term);
    if (term == 0) {
        return diag_fail(diag, STATUS_NOT_LEADER, SQLSTATE_READ_ONLY_SQL_TRANSACTION,
                         "cannot set a sequence: this node is not the primary");
    }
    state->proposing = true;
    enum status status = propose_mark(txn, state, mark, term, diag);
    if (status == STATUS_NOT_LEADER) {
        /* It may be in the log all the same: run again on the new primary, unseen, it could
         * take back what others have drawn since. The client is told, and knows whether to try.
         */
        status = STATUS_CONFLICT;
        if (diag != NULL) {
            diag->status = status;
        }
    }
    return status;
}

enum status
sequence_set(struct txn *txn, struct object_id sequence, int64_t value, bool is_called,
             struct diag *diag)
{
    TRY(refuse_read_only(txn, "setval", diag));
    struct generation *g = find(txn->store, txn, sequence);
    if (g == NULL) {
        return unknown_sequence(sequence, diag);
    }
    struct sequence_state *state = g->body->sequence;
    const struct sequence_definition *d = &state->definition;
    enum status status = STATUS_OK;
    mutex_lock(&txn->store->sequences_mu);
    if (value < d->min || value > d->max) {
        status = diag_fail(diag, STATUS_INVALID, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
                           "setval: value %" PRId64 " is out of bounds for sequence (%" PRId64
                           "..%" PRId64 ")",
                           value, d->min, d->max);
    } else if (is_own(txn, g)) {
        state->value = value;
        state->called = is_called;
        state->changed = true;
    } else {
        struct sequence_mark mark = {.object = sequence, .value = value, .called = is_called};
        status = set_shared(txn, state, &mark, diag);
    }
    mutex_unlock(&txn->store->sequences_mu);
    generation_unpin(g);
    return status;
}

enum status
sequence_read(struct store *store, struct object_id sequence, int64_t *last_value_out,
              bool *is_called_out, struct diag *diag)
{
    *last_value_out = 0;
    *is_called_out = false;
    struct generation *g = find(store, NULL, sequence);
    if (g == NULL) {
        return unknown_sequence(sequence, diag);
    }
    const struct sequence_state *state = g->body->sequence;
    mutex_lock(&store->sequences_mu);
    bool live = state->range_term != 0 &&
                state->range_term == atomic_load(&store->writer_term) && state->any_given;
    *last_value_out = live ? state->given : state->value;
    *is_called_out = live || state->called;
    mutex_unlock(&store->sequences_mu);
    generation_unpin(g);
    return STATUS_OK;
}

/* ---- making ---- */

enum status
sequence_create(struct txn *txn, struct object_id sequence,
                const struct sequence_definition *definition, struct diag *diag)
{
    struct store *store = txn->store;
    struct buf bytes = BUF_EMPTY;
    definition_encode(&bytes, definition, false);
    struct xid xid;
    gate_enter(store->pages);
    enum status status = txn_write_xid(txn, &xid, diag);
    if (status == STATUS_OK) {
        status = objects_create_sequence(store, txn, xid, sequence, buf_slice(&bytes),
                                         definition->start, diag);
    }
    if (status == STATUS_OK) {
        txn_log_effect(txn, &(struct effect){.kind = EFFECT_SEQUENCE_SET,
                                             .object = sequence,
                                             .number = (uint64_t)definition->start,
                                             .bytes = buf_slice(&bytes)});
    }
    gate_leave(store->pages);
    buf_deinit(&bytes);
    return status;
}

void
sequences_log_final(struct txn *txn)
{
    for (size_t i = 0; i < txn->ddl.count; i++) {
        const struct ddl_item *item = &txn->ddl.items[i];
        struct sequence_state *state = item->generation->body->sequence;
        if (item->dropped || state == NULL || !state->changed ||
            item->generation->dropped_by.v != 0) {
            continue;
        }
        struct buf bytes = BUF_EMPTY;
        definition_encode(&bytes, &state->definition, state->called);
        txn_log_effect(txn, &(struct effect){.kind = EFFECT_SEQUENCE_SET,
                                             .object = item->generation->id,
                                             .number = (uint64_t)state->value,
                                             .bytes = buf_slice(&bytes)});
        buf_deinit(&bytes);
        state->changed = false;
    }
}

/* ---- apply ---- */

/* Waiting for another node's mark would be pointless: a range of an older term is void. */
void
sequence_raise(struct store *store, const struct sequence_mark *mark)
{
    ASSERT(gate_held(store->pages));
    struct generation *g = find(store, NULL, mark->object);
    if (g == NULL) {
        return; /* dropped by an entry between proposal and now: the same on every node */
    }
    struct sequence_state *state = g->body->sequence;
    mutex_lock(&store->sequences_mu);
    state->value = mark->value;
    state->called = mark->called;
    state->range_term = 0;
    state->left = 0;
    state->any_given = false;
    mutex_unlock(&store->sequences_mu);
    generation_unpin(g);
}

/* The first effect for a sequence in a transaction makes a generation, later ones (its final
 * state) change that. */
enum status
sequence_apply_set(struct store *store, struct xid xid, const struct effect *effect,
                   struct diag *diag)
{
    mutex_lock(&store->objects.mu);
    struct generation *g = objects__find(store, NULL, xid, VIEW_APPLY, effect->object);
    struct sequence_state *state =
        g != NULL && g->created_by.v == xid.v ? g->body->sequence : NULL;
    mutex_unlock(&store->objects.mu);
    if (state == NULL) {
        return objects_create_sequence(store, NULL, xid, effect->object, effect->bytes,
                                       (int64_t)effect->number, diag);
    }
    struct sequence_state *fresh = sequence_state_new(effect->bytes, (int64_t)effect->number);
    if (fresh == NULL) {
        return diag_fail(diag, STATUS_CORRUPT, SQLSTATE_DATA_CORRUPTED,
                         "unreadable state of sequence %" PRIu32, effect->object.v);
    }
    mutex_lock(&store->sequences_mu);
    state->definition = fresh->definition;
    state->value = fresh->value;
    state->called = fresh->called;
    mutex_unlock(&store->sequences_mu);
    sequence_state_delete(fresh);
    return STATUS_OK;
}

/* ---- object ids ---- */

void
sequences_create_builtin(struct store *store)
{
    struct sequence_definition definition = {.start = OBJECT_ID_FIRST,
                                             .increment = 1,
                                             .min = OBJECT_ID_FIRST,
                                             .max = UINT32_MAX - 1,
                                             .cache = 1};
    struct buf bytes = BUF_EMPTY;
    definition_encode(&bytes, &definition, false);
    gate_enter(store->pages);
    ASSERT(objects_create_sequence(store, NULL, (struct xid){0}, OBJECT_ID_SEQUENCE,
                                   buf_slice(&bytes), definition.start, NULL) == STATUS_OK);
    mutex_lock(&store->objects.mu);
    struct hash128 gone = ddl_commit(store, store__apply_ddl(store), (struct csn){0});
    ASSERT(gone.low == 0 && gone.high == 0);
    mutex_unlock(&store->objects.mu);
    gate_leave(store->pages);
    buf_deinit(&bytes);
}

enum status
object_id_next(struct txn *txn, struct object_id *id_out, struct diag *diag)
{
    int64_t value;
    id_out->v = 0;
    TRY(sequence_next(txn, OBJECT_ID_SEQUENCE, &value, diag));
    id_out->v = (uint32_t)value;
    return STATUS_OK;
}
