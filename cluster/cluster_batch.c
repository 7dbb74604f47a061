/* cluster_batch.c: records from many threads become log entries, one submission a loop turn.
 *
 * A lane takes batch_mu, copies its record behind those of others, and posts the loop (a flag
 * test when it is posted already). The loop takes the whole list and submits it as one step.
 * While it does, and while the log writes, the next batch fills; with one client a record waits
 * for nothing but the loop's turn.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/errors.h"
#include "cluster/cluster_internal.h"

#include <stdlib.h>

#define SUBMIT_ENTRIES_MAX 256U
#define ENTRY_TYPE_COMMAND ((uint8_t)CORE_COMMAND)

static void
unit_free(struct unit *unit)
{
    buf_deinit(&unit->payload);
    free(unit->waiters);
    free(unit);
}

static void
unit_wait(struct unit *unit, refused_fn fn, void *arg)
{
    if (unit->waiter_count == unit->waiter_capacity) {
        unit->waiter_capacity = MAX((size_t)8, unit->waiter_capacity * 2);
        unit->waiters = realloc(unit->waiters, unit->waiter_capacity * sizeof(*unit->waiters));
        ASSERT(unit->waiters != NULL);
    }
    unit->waiters[unit->waiter_count++] = (struct unit_waiter){.fn = fn, .arg = arg};
}

/* Takes unit. */
static void
unit_end(struct unit *unit, enum status status, uint64_t index)
{
    for (size_t i = 0; status != STATUS_OK && i < unit->waiter_count; i++) {
        unit->waiters[i].fn(unit->waiters[i].arg);
    }
    if (unit->logged != NULL) {
        unit->logged(unit->arg, status, index);
    }
    unit_free(unit);
}

/* A new unit at the end of the list; batch_mu held. */
static struct unit *
unit_new(struct cluster *cluster, uint64_t term, enum entry_kind kind)
{
    struct unit *unit = calloc(1, sizeof(*unit));
    ASSERT(unit != NULL);
    unit->term = term;
    unit->kind = kind;
    list_push_back(&cluster->units, &unit->link);
    return unit;
}

void
cluster_submit_txn(struct cluster *cluster, uint64_t term, struct slice record,
                   refused_fn refused, void *arg)
{
    if (record.size > ENTRY_BYTES_MAX) {
        term = 0; /* no leader has it: refused, and from the loop as promised */
        record.size = 0;
    }
    mutex_lock(&cluster->batch_mu);
    bool taken = !cluster->stopping;
    if (taken) {
        struct unit *last = list_empty(&cluster->units)
                                ? NULL
                                : LIST_ITEM(cluster->units.prev, struct unit, link);
        if (last == NULL || last->logged != NULL || last->kind != ENTRY_TXNS ||
            last->term != term || last->payload.size + record.size > ENTRY_BYTES_MAX) {
            last = unit_new(cluster, term, ENTRY_TXNS);
        }
        buf_append(&last->payload, record.data, record.size);
        unit_wait(last, refused, arg);
    }
    mutex_unlock(&cluster->batch_mu);
    if (taken) {
        loop_post(cluster->loop, &cluster->submit_call);
    } else {
        refused(arg); /* there is no loop any more */
    }
}

void
cluster_submit(struct cluster *cluster, uint64_t term, enum entry_kind kind,
               struct slice payload, proposal_fn logged, void *arg)
{
    ASSERT(logged != NULL);
    bool fits = payload.size <= ENTRY_BYTES_MAX;
    mutex_lock(&cluster->batch_mu);
    bool taken = fits && !cluster->stopping;
    if (taken) {
        struct unit *unit = unit_new(cluster, term, kind);
        unit->logged = logged;
        unit->arg = arg;
        buf_append(&unit->payload, payload.data, payload.size);
    }
    mutex_unlock(&cluster->batch_mu);
    if (taken) {
        loop_post(cluster->loop, &cluster->submit_call);
    } else {
        logged(arg, fits ? STATUS_CANCELLED : STATUS_LIMIT, 0);
    }
}

static struct wal_item *
item_of(const struct unit *unit)
{
    struct buf bytes = BUF_EMPTY;
    entry_encode(&bytes, unit->kind, buf_slice(&unit->payload));
    return wal_item_take(ENTRY_TYPE_COMMAND, unit->term, &bytes);
}

static void
submit_group(struct cluster *cluster, struct unit **units, unsigned count)
{
    struct wal_item *items[SUBMIT_ENTRIES_MAX];
    uint64_t first = 0;
    for (unsigned i = 0; i < count; i++) {
        items[i] = item_of(units[i]);
    }
    enum status status = core_submit(cluster->core, items, count, &first);
    for (unsigned i = 0; i < count; i++) {
        unit_end(units[i], status, status == STATUS_OK ? first + i : 0);
    }
}

/* All units that wait, in a list of the caller's. */
static void
take_units(struct cluster *cluster, struct list *out)
{
    list_init(out);
    mutex_lock(&cluster->batch_mu);
    while (!list_empty(&cluster->units)) {
        struct list *link = cluster->units.next;
        list_remove(link);
        list_push_back(out, link);
    }
    mutex_unlock(&cluster->batch_mu);
}

void
cluster__submit_units(void *arg)
{
    struct cluster *cluster = arg;
    struct list units;
    struct unit *group[SUBMIT_ENTRIES_MAX];
    unsigned count = 0;
    take_units(cluster, &units);
    uint64_t term = cluster->led_term;
    while (!list_empty(&units)) {
        struct unit *unit = LIST_FIRST(&units, struct unit, link);
        list_remove(&unit->link);
        if (term == 0 || unit->term != term) { /* rule 1 */
            unit_end(unit, STATUS_NOT_LEADER, 0);
            continue;
        }
        group[count++] = unit;
        if (count == SUBMIT_ENTRIES_MAX) {
            submit_group(cluster, group, count);
            count = 0;
        }
    }
    if (count > 0) {
        submit_group(cluster, group, count);
    }
}

void
cluster__refuse_units(struct cluster *cluster, enum status status)
{
    struct list units;
    take_units(cluster, &units);
    while (!list_empty(&units)) {
        struct unit *unit = LIST_FIRST(&units, struct unit, link);
        list_remove(&unit->link);
        unit_end(unit, status, 0);
    }
}

void
cluster__submit_term_start(struct cluster *cluster)
{
    struct unit unit = {.term = core_term(cluster->core), .kind = ENTRY_TERM_START};
    struct wal_item *item = item_of(&unit);
    uint64_t index = 0;
    cluster->led_term = unit.term;
    /* Known before it can be agreed: a sole voter's disk may be faster than this thread. */
    uint64_t expected = wal_last_index(cluster->wal) + 1;
    cluster->term_start_index = expected;
    apply_won(cluster->apply, unit.term, expected);
    if (core_submit(cluster->core, &item, 1, &index) == STATUS_OK) {
        ASSERT(index == expected);
        return;
    }
    cluster->led_term = 0;
    apply_lost(cluster->apply);
}
