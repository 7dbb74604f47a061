/* verdict.c: what must be true when all is healed: runs as one more client.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/simulation_internal.h"

#include <stdlib.h>
#include <string.h>

#define HEAL_NS (20 * NS_PER_S)

/* A transfer gets through on that node, within the time to heal. */
static bool
works(struct simulation *simulation, struct sim_client *client, unsigned node)
{
    int64_t end_ns = sim_world_now_ns(simulation->world) + HEAL_NS;
    while (sim_world_now_ns(simulation->world) < end_ns) {
        if (client->stream == NULL && !sim_client_connect(client, node, SIM_SQL_PORT)) {
            sleep_ns(50 * NS_PER_MS);
        } else if (bank_transfer(simulation, client)) {
            return true;
        } else {
            sleep_ns(10 * NS_PER_MS);
        }
    }
    violate(simulation, "node %u: no transfer gets through though all is healed: %s %s",
            node + 1, client->sqlstate, client->message);
    return false;
}

/* What clients still have under way ends by itself. */
static bool
all_gone_home(struct simulation *simulation)
{
    int64_t end_ns = sim_world_now_ns(simulation->world) + HEAL_NS;
    while (simulation->client_count > 0 && sim_world_now_ns(simulation->world) < end_ns) {
        sleep_ns(20 * NS_PER_MS);
    }
    if (simulation->client_count > 0) {
        violate(simulation, "%u clients do not come to an end", simulation->client_count);
    }
    return simulation->client_count == 0;
}

static bool
at_one_position(const struct simulation *simulation)
{
    uint64_t first = sim_member_applied_index(&simulation->members[0]);
    for (unsigned i = 0; i < simulation->options.member_count; i++) {
        const struct sim_member *member = &simulation->members[i];
        if (member->state != SIM_UP || first == 0 ||
            sim_member_applied_index(member) != first ||
            sim_member_hashed_index(member) != first) {
            return false;
        }
    }
    return true;
}

static bool
converge(struct simulation *simulation)
{
    int64_t end_ns = sim_world_now_ns(simulation->world) + HEAL_NS;
    while (sim_world_now_ns(simulation->world) < end_ns) {
        if (at_one_position(simulation)) {
            return true;
        }
        sleep_ns(20 * NS_PER_MS);
    }
    violate(simulation, "the members do not come to one position: %llu %llu %llu",
            (unsigned long long)sim_member_applied_index(&simulation->members[0]),
            (unsigned long long)sim_member_applied_index(&simulation->members[1]),
            (unsigned long long)sim_member_applied_index(&simulation->members[2]));
    return false;
}

/* Asks until it has an end: a block whose client is gone ends when its node notices that. */
static bool
settle(struct simulation *simulation, struct sim_client *client, uint64_t id)
{
    const struct transfer *transfer = &simulation->transfers[id];
    int64_t end_ns = sim_world_now_ns(simulation->world) + HEAL_NS;
    while (sim_world_now_ns(simulation->world) < end_ns) {
        if (client->stream != NULL || sim_client_connect(client, 0, SIM_SQL_PORT)) {
            UNUSED(bank_ask_status(simulation, client, id));
        }
        if (transfer->state != TRANSFER_DOUBT) {
            return true;
        }
        sleep_ns(50 * NS_PER_MS);
    }
    violate(simulation, "transfer %llu (%s) is \"%s\" though all is healed: %s %s",
            (unsigned long long)id, transfer->gtid, client->value, client->sqlstate,
            client->message);
    return false;
}

/* No transfer is in doubt for ever: whose name is known has an end by now. */
static bool
settle_doubts(struct simulation *simulation, struct sim_client *client)
{
    for (uint64_t id = 0; id < simulation->transfer_count; id++) {
        const struct transfer *transfer = &simulation->transfers[id];
        if (transfer->state == TRANSFER_DOUBT && transfer->gtid[0] != '\0' &&
            !settle(simulation, client, id)) {
            return false;
        }
    }
    return true;
}

/* ---- what a node holds against what was told ---- */

struct books {
    struct simulation *simulation;
    unsigned node;
    unsigned *seen; /* times each transfer is in the history */
    int64_t balance[ACCOUNT_COUNT], shown[ACCOUNT_COUNT];
};

static void
take_history(void *arg, unsigned count, const char *const *values)
{
    struct books *books = arg;
    struct simulation *simulation = books->simulation;
    uint64_t id = count == 4 ? strtoull(values[0], NULL, 10) : UINT64_MAX;
    if (id >= simulation->transfer_count) {
        violate(simulation, "node %u holds a transfer that nobody made", books->node + 1);
        return;
    }
    const struct transfer *transfer = &simulation->transfers[id];
    int from = atoi(values[1]), to = atoi(values[2]), amount = atoi(values[3]);
    if (from != transfer->from || to != transfer->to || amount != transfer->amount) {
        violate(simulation, "node %u holds transfer %llu with other values", books->node + 1,
                (unsigned long long)id);
        return;
    }
    books->seen[id]++;
    books->balance[from] -= amount;
    books->balance[to] += amount;
}

static void
take_account(void *arg, unsigned count, const char *const *values)
{
    struct books *books = arg;
    int id = count == 2 ? atoi(values[0]) : -1;
    if (id < 0 || id >= ACCOUNT_COUNT) {
        violate(books->simulation, "node %u holds an account that nobody made",
                books->node + 1);
        return;
    }
    books->shown[id] = atoi(values[1]);
}

static void
compare(struct books *books)
{
    struct simulation *simulation = books->simulation;
    for (uint64_t id = 0; id < simulation->transfer_count; id++) {
        enum transfer_state state = simulation->transfers[id].state;
        unsigned seen = books->seen[id];
        if (seen > 1 || (state == TRANSFER_COMMITTED && seen == 0) ||
            (state == TRANSFER_REFUSED && seen > 0)) {
            violate(simulation, "node %u: transfer %llu was %s, and is there %u times",
                    books->node + 1, (unsigned long long)id,
                    state == TRANSFER_COMMITTED ? "acknowledged"
                    : state == TRANSFER_REFUSED ? "refused"
                                                : "in doubt",
                    seen);
        }
    }
    for (unsigned i = 0; i < ACCOUNT_COUNT; i++) {
        if (books->shown[i] != books->balance[i]) {
            violate(simulation, "node %u: account %u holds %lld, its history makes %lld",
                    books->node + 1, i, (long long)books->shown[i],
                    (long long)books->balance[i]);
        }
    }
}

static void
audit(struct simulation *simulation, struct sim_client *client, unsigned node)
{
    struct books books = {.simulation = simulation, .node = node};
    books.seen = calloc(simulation->transfer_count + 1, sizeof(*books.seen));
    ASSERT(books.seen != NULL);
    for (unsigned i = 0; i < ACCOUNT_COUNT; i++) {
        books.balance[i] = START_BALANCE;
    }
    client->row_arg = &books;
    bool read = sim_client_connect(client, node, SIM_SQL_PORT);
    client->on_row = take_history;
    read = read && sim_client_query(client, "SELECT id, source, target, amount FROM history") ==
                       SIM_DONE;
    client->on_row = take_account;
    read = read && sim_client_query(client, "SELECT id, balance FROM account") == SIM_DONE;
    client->on_row = NULL;
    if (!read) {
        violate(simulation, "node %u cannot be read: %s %s", node + 1, client->sqlstate,
                client->message);
    } else {
        compare(&books);
    }
    free(books.seen);
}

/* What storage's own checkers say, on a thread of the member. */
struct examination {
    struct simulation *simulation;
    struct sim_member *member;
    bool done;
};

static void
examine(void *arg)
{
    struct examination *examination = arg;
    struct diag diag = {0};
    if (!sim_member_verify(examination->member, &diag)) {
        violate(examination->simulation, "node %u: %s: %s; while %s",
                examination->member->number + 1, diag.message, diag.detail, diag.while_chain);
    }
    examination->done = true;
}

void
verdict_reach(void *arg)
{
    struct verdict *verdict = arg;
    struct simulation *simulation = verdict->simulation;
    unsigned count = simulation->options.member_count;
    struct sim_client client;
    sim_client_init(&client, simulation->world, VERDICT_HOST);
    bool good = true;
    for (unsigned i = 0; i < count && good; i++) {
        sim_client_close(&client);
        good = works(simulation, &client, i);
    }
    good = good && all_gone_home(simulation) && settle_doubts(simulation, &client) &&
           converge(simulation);
    for (unsigned i = 0; i < count && good; i++) {
        audit(simulation, &client, i);
        struct examination examination = {simulation, &simulation->members[i], false};
        sim_member_run(&simulation->members[i], examine, &examination);
        while (!examination.done) {
            sleep_ns(10 * NS_PER_MS);
        }
    }
    sim_client_deinit(&client);
    verdict->done = true;
}
