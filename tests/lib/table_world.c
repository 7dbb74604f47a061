/* table_world.c: see table_world.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/table_world.h"
#include "proto/entry.h"

#include <stdio.h>
#include <stdlib.h>

static void
must(enum status status, const struct diag *diag, const char *what)
{
    if (status != STATUS_OK) {
        fprintf(stderr, "%s: %s %s %s\n", what, status_name(status), diag->sqlstate,
                diag->message);
        abort();
    }
}

static enum status
read_entry(void *arg, uint64_t index, struct buf *bytes_out, struct diag *diag)
{
    struct world *world = arg;
    UNUSED(diag);
    ASSERT(index >= 1 && index <= world->entry_count);
    buf_append(bytes_out, world->entries[index - 1].data, world->entries[index - 1].size);
    return STATUS_OK;
}

static enum status
log_durable(void *arg, uint64_t index, struct diag *diag)
{
    UNUSED(arg);
    UNUSED(index);
    UNUSED(diag);
    return STATUS_OK;
}

/* Under mu. */
static void
append_entry(struct world *world, struct slice bytes, uint64_t term)
{
    if (world->entry_count == world->entry_capacity) {
        world->entry_capacity = MAX((uint64_t)64, world->entry_capacity * 2);
        world->entries =
            realloc(world->entries, world->entry_capacity * sizeof(world->entries[0]));
        world->terms = realloc(world->terms, world->entry_capacity * sizeof(world->terms[0]));
    }
    struct buf *entry = &world->entries[world->entry_count];
    *entry = BUF_EMPTY;
    buf_append(entry, bytes.data, bytes.size);
    world->terms[world->entry_count++] = term;
}

static void
apply_entry(struct world *world, uint64_t index)
{
    struct diag diag = {0};
    must(store_apply(world->store, index, world->terms[index - 1],
                     buf_slice(&world->entries[index - 1]), &diag),
         &diag, "store_apply");
}

static void
log_entry(struct world *world, enum entry_kind kind, struct slice payload)
{
    struct buf bytes = BUF_EMPTY;
    entry_encode(&bytes, kind, payload);
    mutex_lock(&world->mu);
    append_entry(world, buf_slice(&bytes), world->term);
    apply_entry(world, world->entry_count);
    mutex_unlock(&world->mu);
    buf_deinit(&bytes);
}

static void
start_term(struct world *world)
{
    world->term++;
    log_entry(world, ENTRY_TERM_START, slice_make("", 0));
    store_admit_writers(world->store, world->term);
}

static void
open_store(struct world *world)
{
    struct diag diag = {0};
    world->options.incarnation = ++world->incarnation;
    must(store_open(&world->options, &world->store, &diag), &diag, "store_open");
}

static void
open_node(struct world *world, uint64_t origin, uint32_t page_size, uint32_t pool_pages)
{
    memset(world, 0, sizeof(*world));
    world->sim = sim_vfs_new(1);
    world->env = (struct env){.vfs = sim_vfs_base(world->sim),
                              .clock = clock_system(),
                              .workers = workers_system(),
                              .seed = 1};
    mutex_init(&world->mu, LOCK_RANK_NODE);
    struct diag diag = {0};
    must(vfs_make_dir(world->env.vfs, "data", &diag), &diag, "vfs_make_dir");
    world->options = (struct store_options){.env = &world->env,
                                            .dir = "data",
                                            .page_size = page_size,
                                            .pool_pages = pool_pages,
                                            .origin = origin,
                                            .read_entry = read_entry,
                                            .log_durable = log_durable,
                                            .log_arg = world};
    open_store(world);
    start_term(world);
}

void
world_open(struct world *world, uint32_t page_size, uint32_t pool_pages)
{
    open_node(world, 1, page_size, pool_pages);
}

void
world_open_follower(struct world *world, uint32_t page_size, uint32_t pool_pages)
{
    open_node(world, 2, page_size, pool_pages);
    store_refuse_writers(world->store);
}

void
world_close(struct world *world)
{
    store_close(world->store);
    sim_vfs_delete(world->sim);
    for (uint64_t i = 0; i < world->entry_count; i++) {
        buf_deinit(&world->entries[i]);
    }
    free(world->entries);
    free(world->terms);
    mutex_deinit(&world->mu);
}

void
world_checkpoint(struct world *world)
{
    struct diag diag = {0};
    struct checkpoint_result result;
    must(store_checkpoint(world->store, &result, &diag), &diag, "store_checkpoint");
}

void
world_restart(struct world *world)
{
    store_close(world->store);
    sim_vfs_power_off(world->sim);
    sim_vfs_power_on(world->sim);
    open_store(world);
    for (uint64_t i = store_applied_index(world->store); i < world->entry_count; i++) {
        apply_entry(world, i + 1);
    }
    start_term(world);
}

void
world_follow(struct world *follower, struct world *leader)
{
    struct buf bytes = BUF_EMPTY;
    for (;;) {
        mutex_lock(&leader->mu);
        uint64_t next = follower->entry_count;
        bool more = next < leader->entry_count;
        uint64_t term = more ? leader->terms[next] : 0;
        buf_clear(&bytes);
        if (more) {
            buf_append(&bytes, leader->entries[next].data, leader->entries[next].size);
        }
        mutex_unlock(&leader->mu);
        if (!more) {
            break;
        }
        append_entry(follower, buf_slice(&bytes), term);
        apply_entry(follower, next + 1);
    }
    buf_deinit(&bytes);
}

/* ---- sessions ---- */
void
session_init(struct session *session, struct world *world)
{
    memset(session, 0, sizeof(*session));
    session->world = world;
    waiter_init(&session->waiter);
}

void
session_deinit(struct session *session)
{
    ASSERT(session->txn == NULL);
    waiter_deinit(&session->waiter);
}

void
session_begin(struct session *session, enum isolation isolation)
{
    struct txn_options options = {.isolation = isolation, .waiter = &session->waiter};
    diag_clear(&session->diag);
    must(txn_begin(session->world->store, &options, &session->txn, &session->diag),
         &session->diag, "txn_begin");
    txn_take_snapshot(session->txn);
}

void
session_next(struct session *session)
{
    diag_clear(&session->diag);
    txn_next_command(session->txn);
    txn_take_snapshot(session->txn);
}

static void
done(void *arg, enum txn_state state, struct csn csn)
{
    UNUSED(csn);
    *(enum txn_state *)arg = state;
}

void
session_commit(struct session *session)
{
    struct txn *txn = session->txn;
    session->txn = NULL;
    if (!txn_has_writes(txn)) {
        txn_end_read_only(txn);
        return;
    }
    struct buf record = BUF_EMPTY;
    enum txn_state state = TXN_RUNNING;
    diag_clear(&session->diag);
    must(txn_submit(txn, done, &state, &record, &session->diag), &session->diag, "txn_submit");
    log_entry(session->world, ENTRY_TXNS, buf_slice(&record));
    ASSERT(state == TXN_COMMITTED);
    buf_deinit(&record);
    txn_free(txn);
}

void
session_abort(struct session *session)
{
    txn_abort(session->txn);
    session->txn = NULL;
}

/* ---- the table ---- */
const struct table_definition *
world_table_definition(void)
{
    static const struct table_definition definition = {
        .column_count = 3, .kinds = {COLUMN_INT8, COLUMN_INT8, COLUMN_BYTES}};
    return &definition;
}

struct index_definition
world_index(struct object_id index, bool unique, unsigned column)
{
    return (struct index_definition){
        .index = index,
        .table = WORLD_TABLE,
        .unique = unique,
        .column_count = 1,
        .columns = {{.column_no = (uint16_t)column, .kind = COLUMN_INT8}}};
}

void
world_row_encode(struct buf *out, const struct world_row *row)
{
    struct column_value values[3] = {
        {.bytes = slice_make(&row->id, 8)},
        {.is_null = row->n_null, .bytes = slice_make(&row->n, 8)},
        {.is_null = row->text == NULL,
         .bytes = slice_from_text(row->text != NULL ? row->text : "")}};
    buf_clear(out);
    tuple_encode(out, world_table_definition()->kinds, values, 3);
}

void
world_row_decode(struct slice tuple, struct world_row *row_out)
{
    struct column_value values[3];
    tuple_decode(tuple, world_table_definition()->kinds, 3, values);
    *row_out = (struct world_row){.n_null = values[1].is_null};
    row_out->id = (int64_t)get_u64(values[0].bytes.data);
    row_out->n = values[1].is_null ? 0 : (int64_t)get_u64(values[1].bytes.data);
}

void
world_make_table(struct world *world)
{
    struct session session;
    struct change_result result;
    session_init(&session, world);
    session_begin(&session, ISOLATION_READ_COMMITTED);
    must(table_create(session.txn, WORLD_TABLE, world_table_definition(), &session.diag),
         &session.diag, "table_create");
    struct index_definition by_id = world_index(WORLD_INDEX_ID, true, 0);
    struct index_definition by_n = world_index(WORLD_INDEX_N, false, 1);
    must(index_create(session.txn, &by_id, &result, &session.diag), &session.diag,
         "index_create");
    must(index_create(session.txn, &by_n, &result, &session.diag), &session.diag,
         "index_create");
    session_commit(&session);
    session_deinit(&session);
}

struct index_range
world_equal(struct buf *key, int64_t value)
{
    struct index_definition definition = world_index(WORLD_INDEX_ID, true, 0);
    struct column_value column = {.bytes = slice_make(&value, 8)};
    buf_clear(key);
    index_key_encode(key, &definition, &column, 1);
    return (struct index_range){.low = buf_slice(key),
                                .high = buf_slice(key),
                                .low_inclusive = true,
                                .high_inclusive = true};
}

bool
world_find(struct session *session, int64_t id, struct row_id *row_out,
           struct world_row *values_out)
{
    struct buf key = BUF_EMPTY;
    struct index_range range = world_equal(&key, id);
    struct index_scan *scan = NULL;
    struct row_view rows[4];
    unsigned count = 0;
    struct diag diag = {0};
    must(index_scan_open(session->txn, WORLD_INDEX_ID, &range, &scan, &diag), &diag,
         "index_scan_open");
    must(index_scan_next(scan, rows, 4, &count, &diag), &diag, "index_scan_next");
    ASSERT(count <= 1);
    if (count == 1) {
        *row_out = rows[0].row;
        if (values_out != NULL) {
            world_row_decode(rows[0].tuple, values_out);
        }
    }
    index_scan_close(scan);
    buf_deinit(&key);
    return count == 1;
}
