/* lab.c: see lab.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/storage/txn/lab.h"

#include <stdlib.h>

static const enum column_kind kinds[] = {COLUMN_INT8, COLUMN_BYTES};

/* ---- log ---- */

struct lab_log *
lab_log_new(void)
{
    struct lab_log *log = calloc(1, sizeof(*log));
    assert_non_null(log);
    log->term = 1;
    pthread_mutex_init(&log->mu, NULL);
    return log;
}

void
lab_log_delete(struct lab_log *log)
{
    for (size_t i = 0; i < log->count; i++) {
        buf_deinit(&log->entries[i].bytes);
    }
    free(log->entries);
    pthread_mutex_destroy(&log->mu);
    free(log);
}

static uint64_t
append_locked(struct lab_log *log, enum entry_kind kind, struct slice payload)
{
    if (log->count == log->capacity) {
        log->capacity = log->capacity * 2 + 64;
        log->entries = realloc(log->entries, log->capacity * sizeof(*log->entries));
        ASSERT(log->entries != NULL);
    }
    struct lab_entry *entry = &log->entries[log->count++];
    *entry = (struct lab_entry){.term = log->term};
    entry_encode(&entry->bytes, kind, payload);
    return log->count;
}

uint64_t
lab_log_append(struct lab_log *log, enum entry_kind kind, struct slice payload)
{
    pthread_mutex_lock(&log->mu);
    uint64_t index = append_locked(log, kind, payload);
    pthread_mutex_unlock(&log->mu);
    return index;
}

void
lab_log_new_term(struct lab_log *log)
{
    log->term++;
    lab_log_append(log, ENTRY_TERM_START, slice_make(NULL, 0));
}

/* ---- node ---- */

static void
catch_up_locked(struct lab *lab, uint64_t index)
{
    uint64_t end = index == 0 ? lab->log->count : index;
    while (store_applied_index(lab->store) < end) {
        uint64_t next = store_applied_index(lab->store) + 1;
        const struct lab_entry *entry = &lab->log->entries[next - 1];
        struct diag diag;
        diag_clear(&diag);
        enum status status =
            store_apply(lab->store, next, entry->term, buf_slice(&entry->bytes), &diag);
        if (status != STATUS_OK) {
            print_error("apply %zu: %s\n", (size_t)next, diag.message);
        }
        ASSERT(status == STATUS_OK);
    }
}

void
lab_catch_up(struct lab *lab, uint64_t index)
{
    pthread_mutex_lock(&lab->log->mu);
    catch_up_locked(lab, index);
    pthread_mutex_unlock(&lab->log->mu);
}

/* Runs under the log's mutex: apply of a large transaction's commit. */
static enum status
read_entry(void *arg, uint64_t index, struct buf *bytes_out, struct diag *diag)
{
    struct lab *lab = arg;
    UNUSED(diag);
    ASSERT(index >= 1 && index <= lab->log->count);
    struct slice bytes = buf_slice(&lab->log->entries[index - 1].bytes);
    buf_append(bytes_out, bytes.data, bytes.size);
    return STATUS_OK;
}

static enum status
propose(void *arg, enum entry_kind kind, struct slice payload, struct waiter *waiter,
        struct diag *diag)
{
    struct lab *lab = arg;
    UNUSED(waiter);
    UNUSED(diag);
    pthread_mutex_lock(&lab->log->mu);
    append_locked(lab->log, kind, payload);
    catch_up_locked(lab, 0);
    pthread_mutex_unlock(&lab->log->mu);
    return STATUS_OK;
}

static void
open_store(struct lab *lab)
{
    struct store_options options = {.env = &lab->env,
                                    .dir = "data",
                                    .page_size = 4096,
                                    .pool_pages = 2048,
                                    .origin = lab->origin,
                                    .incarnation = lab->incarnation,
                                    .read_entry = read_entry,
                                    .log_arg = lab};
    enum status status = store_open(&options, &lab->store, &lab->diag);
    if (status != STATUS_OK) {
        print_error("open: %s (%s)\n", lab->diag.message, lab->diag.while_chain);
    }
    assert_int_equal(status, STATUS_OK);
    store_set_propose(lab->store, propose, lab);
}

void
lab_init(struct lab *lab, struct lab_log *log, uint64_t origin, bool primary)
{
    *lab = (struct lab){.log = log, .origin = origin, .incarnation = 1};
    diag_clear(&lab->diag);
    lab->disk = sim_vfs_new(origin);
    lab->env = (struct env){.vfs = sim_vfs_base(lab->disk), .clock = clock_system()};
    waiter_init(&lab->waiter);
    open_store(lab);
    if (primary) {
        if (log->count == 0) {
            lab_log_append(log, ENTRY_TERM_START, slice_make(NULL, 0));
        }
        lab_lead(lab);
    }
}

void
lab_deinit(struct lab *lab)
{
    store_close(lab->store);
    sim_vfs_delete(lab->disk);
    waiter_deinit(&lab->waiter);
}

void
lab_lead(struct lab *lab)
{
    lab_catch_up(lab, 0);
    store_admit_writers(lab->store, lab->log->term);
}

void
lab_crash(struct lab *lab)
{
    sim_vfs_set_loss(lab->disk, SIM_LOSS_ALL);
    sim_vfs_power_off(lab->disk);
    store_close(lab->store);
    sim_vfs_power_on(lab->disk);
    lab->incarnation++;
    open_store(lab);
    lab_catch_up(lab, 0);
}

void
lab_checkpoint(struct lab *lab)
{
    struct checkpoint_result result;
    enum status status = store_checkpoint(lab->store, &result, &lab->diag);
    if (status != STATUS_OK) {
        print_error("checkpoint: %s\n", lab->diag.message);
    }
    assert_int_equal(status, STATUS_OK);
}

struct hash128
lab_hash(struct lab *lab)
{
    uint64_t index;
    struct hash128 hash;
    store_state_hash(lab->store, &index, &hash);
    return hash;
}

void
lab_same_state(struct lab *a, struct lab *b)
{
    uint64_t index_a, index_b;
    struct hash128 hash_a, hash_b;
    store_state_hash(a->store, &index_a, &hash_a);
    store_state_hash(b->store, &index_b, &hash_b);
    assert_int_equal(index_a, index_b);
    assert_int_equal(hash_a.low, hash_b.low);
    assert_int_equal(hash_a.high, hash_b.high);
}

/* ---- transactions ---- */

struct txn *
lab_begin_as(struct lab *lab, enum isolation isolation, struct waiter *waiter)
{
    struct txn_options options = {.isolation = isolation, .waiter = waiter};
    struct txn *txn;
    ASSERT(txn_begin(lab->store, &options, &txn, &lab->diag) == STATUS_OK);
    txn_take_snapshot(txn);
    return txn;
}

struct txn *
lab_begin(struct lab *lab)
{
    return lab_begin_as(lab, ISOLATION_READ_COMMITTED, &lab->waiter);
}

static void
done(void *arg, enum txn_state state, struct csn csn)
{
    struct lab_fate *fate = arg;
    fate->state = state;
    fate->csn = csn;
    fate->calls++;
}

void
lab_submit(struct lab *lab, struct txn *txn, struct lab_fate *fate)
{
    struct buf record = BUF_EMPTY;
    struct diag diag;
    diag_clear(&diag);
    *fate = (struct lab_fate){0};
    ASSERT(txn_submit(txn, done, fate, &record, &diag) == STATUS_OK);
    pthread_mutex_lock(&lab->log->mu);
    append_locked(lab->log, ENTRY_TXNS, buf_slice(&record));
    if (!lab->held) {
        catch_up_locked(lab, 0);
    }
    pthread_mutex_unlock(&lab->log->mu);
    buf_deinit(&record);
}

void
lab_commit(struct lab *lab, struct txn *txn)
{
    ASSERT(!lab->held);
    struct lab_fate fate;
    lab_submit(lab, txn, &fate);
    ASSERT(fate.calls == 1 && fate.state == TXN_COMMITTED);
    txn_free(txn);
}

void
lab_create_table(struct lab *lab)
{
    struct txn *txn = lab_begin(lab);
    struct table_definition definition = {.column_count = 2,
                                          .kinds = {COLUMN_INT8, COLUMN_BYTES}};
    enum status status = table_create(txn, LAB_TABLE, &definition, &lab->diag);
    if (status != STATUS_OK) {
        print_error("create: %s\n", lab->diag.message);
    }
    assert_int_equal(status, STATUS_OK);
    lab_commit(lab, txn);
}

static void
encode(struct buf *out, int64_t key, const char *text)
{
    struct column_value values[2] = {{.bytes = slice_make(&key, 8)},
                                     {.bytes = slice_make(text, strlen(text))}};
    tuple_encode(out, kinds, values, 2);
}

static void
must(enum status status, const struct diag *diag)
{
    if (status != STATUS_OK) {
        print_error("%s: %s\n", status_name(status), diag->message);
    }
    ASSERT(status == STATUS_OK);
}

struct row_id
lab_insert(struct lab *lab, struct txn *txn, int64_t key, const char *text)
{
    UNUSED(lab);
    struct buf tuple = BUF_EMPTY;
    encode(&tuple, key, text);
    struct change_result result;
    struct diag diag;
    diag_clear(&diag);
    must(table_insert(txn, LAB_TABLE, buf_slice(&tuple), &result, &diag), &diag);
    must(txn_ship_if_large(txn, &diag), &diag);
    buf_deinit(&tuple);
    return result.row;
}

enum row_outcome
lab_update(struct lab *lab, struct txn *txn, struct row_id row, int64_t key, const char *text)
{
    UNUSED(lab);
    struct buf tuple = BUF_EMPTY, newest = BUF_EMPTY;
    encode(&tuple, key, text);
    struct change_result result;
    struct diag diag;
    diag_clear(&diag);
    must(table_update(txn, LAB_TABLE, row, buf_slice(&tuple), &newest, &result, &diag), &diag);
    buf_deinit(&tuple);
    buf_deinit(&newest);
    return result.outcome;
}

enum row_outcome
lab_delete(struct lab *lab, struct txn *txn, struct row_id row)
{
    UNUSED(lab);
    struct buf newest = BUF_EMPTY;
    struct change_result result;
    struct diag diag;
    diag_clear(&diag);
    must(table_delete(txn, LAB_TABLE, row, &newest, &result, &diag), &diag);
    buf_deinit(&newest);
    return result.outcome;
}

int64_t
lab_read(struct lab *lab, struct txn *txn, struct row_id row)
{
    UNUSED(lab);
    struct buf copy = BUF_EMPTY;
    struct diag diag;
    diag_clear(&diag);
    bool found;
    must(table_fetch(txn, LAB_TABLE, row, &copy, &found, &diag), &diag);
    int64_t key = -1;
    if (found) {
        struct column_value values[2];
        tuple_decode(buf_slice(&copy), kinds, 2, values);
        key = (int64_t)get_u64(values[0].bytes.data);
    }
    buf_deinit(&copy);
    return key;
}

unsigned
lab_count(struct lab *lab, struct txn *txn)
{
    UNUSED(lab);
    struct table_scan *scan;
    struct diag diag;
    diag_clear(&diag);
    must(table_scan_open(txn, LAB_TABLE, &scan, &diag), &diag);
    unsigned total = 0, count;
    do {
        struct row_view rows[64];
        must(table_scan_next(scan, rows, 64, &count, &diag), &diag);
        total += count;
    } while (count > 0);
    table_scan_close(scan);
    return total;
}

unsigned
lab_count_now(struct lab *lab)
{
    struct txn *txn = lab_begin(lab);
    unsigned count = lab_count(lab, txn);
    txn_end_read_only(txn);
    return count;
}

/* ---- for cmocka ---- */

int
lab_pair_setup_alone(void **state)
{
    struct lab_pair *pair = calloc(1, sizeof(*pair));
    assert_non_null(pair);
    pair->log = lab_log_new();
    lab_init(&pair->primary, pair->log, 1, true);
    lab_create_table(&pair->primary);
    *state = pair;
    return 0;
}

int
lab_pair_setup(void **state)
{
    int rc = lab_pair_setup_alone(state);
    struct lab_pair *pair = *state;
    lab_init(&pair->follower, pair->log, 2, false);
    pair->has_follower = true;
    return rc;
}

int
lab_pair_teardown(void **state)
{
    struct lab_pair *pair = *state;
    lab_deinit(&pair->primary);
    if (pair->has_follower) {
        lab_deinit(&pair->follower);
    }
    lab_log_delete(pair->log);
    free(pair);
    return 0;
}
