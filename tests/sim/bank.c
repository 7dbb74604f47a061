/* bank.c: clients that move money, and remember what they were told.
 *
 * A transfer's record is written before its statements are sent, with the state that would be
 * right if nothing more were heard: refused up to COMMIT, in doubt from then on.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/simulation_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct teller {
    struct simulation *simulation;
    struct sim_client client;
    unsigned number;
    unsigned node; /* where it is connected */
};

/* What the weather explains: lost primaries, conflicts, shutdowns, full houses. */
static bool
excusable(const char *sqlstate)
{
    static const char *const good[] = {"40001", "40P01", "08007", "08006", "57P01", "57P03",
                                       "57P02", "25006", "53300", "57014", "55P03"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        if (strcmp(sqlstate, good[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Runs a statement; an error that nothing explains is a violation. */
static enum sim_answer
run(struct simulation *simulation, struct sim_client *client, const char *sql)
{
    enum sim_answer answer = chance(simulation, 3) && strchr(sql, ';') == NULL
                                 ? sim_client_execute(client, sql, NULL)
                                 : sim_client_query(client, sql);
    if (answer == SIM_ERROR && !excusable(client->sqlstate)) {
        violate(simulation, "\"%.100s\" failed with %s: %s", sql, client->sqlstate,
                client->message);
    }
    return answer;
}

/* ---- transfers ---- */

static uint64_t
new_transfer(struct simulation *simulation)
{
    if (simulation->transfer_count == simulation->transfer_capacity) {
        simulation->transfer_capacity = MAX((uint64_t)1024, simulation->transfer_capacity * 2);
        simulation->transfers = realloc(simulation->transfers, simulation->transfer_capacity *
                                                                   sizeof(struct transfer));
        ASSERT(simulation->transfers != NULL);
    }
    struct transfer *transfer = &simulation->transfers[simulation->transfer_count];
    *transfer = (struct transfer){.from = (int)rng_below(simulation->rng, ACCOUNT_COUNT),
                                  .to = (int)rng_below(simulation->rng, ACCOUNT_COUNT - 1),
                                  .amount = 1 + (int)rng_below(simulation->rng, 50)};
    transfer->to += transfer->to >= transfer->from;
    return simulation->transfer_count++;
}

static enum sim_answer
move_money(struct simulation *simulation, struct sim_client *client, int account, int amount)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "UPDATE account SET balance = balance + %d WHERE id = %d",
             amount, account);
    return run(simulation, client, sql);
}

static enum sim_answer
write_history(struct simulation *simulation, struct sim_client *client, uint64_t id)
{
    const struct transfer *transfer = &simulation->transfers[id];
    char sql[200];
    snprintf(sql, sizeof(sql),
             "INSERT INTO history (id, source, target, amount, note) VALUES (%llu, %d, %d, %d, "
             "repeat('x', %d))",
             (unsigned long long)id, transfer->from, transfer->to, transfer->amount,
             (int)rng_below(simulation->rng, 200));
    return run(simulation, client, sql);
}

/* Changes that are taken back: none of it may ever be seen. */
static enum sim_answer
change_of_mind(struct simulation *simulation, struct sim_client *client)
{
    enum sim_answer answer = run(simulation, client, "SAVEPOINT s");
    if (answer == SIM_DONE) {
        answer = move_money(simulation, client, (int)rng_below(simulation->rng, ACCOUNT_COUNT),
                            1000000);
    }
    return answer == SIM_DONE ? run(simulation, client, "ROLLBACK TO SAVEPOINT s") : answer;
}

static enum sim_answer
note_gtid(struct simulation *simulation, struct sim_client *client, uint64_t id)
{
    enum sim_answer answer = run(simulation, client, "SELECT rustydb_current_gtid()");
    if (answer == SIM_DONE) {
        snprintf(simulation->transfers[id].gtid, GTID_SIZE, "%.60s", client->value);
    }
    return answer;
}

/* All of the block but COMMIT. */
static enum sim_answer
fill_block(struct simulation *simulation, struct sim_client *client, uint64_t id)
{
    struct transfer transfer = simulation->transfers[id]; /* the array may move */
    enum sim_answer answer = move_money(simulation, client, transfer.from, -transfer.amount);
    if (answer == SIM_DONE && chance(simulation, 4)) {
        answer = change_of_mind(simulation, client);
    }
    if (answer == SIM_DONE) {
        answer = move_money(simulation, client, transfer.to, transfer.amount);
    }
    if (answer == SIM_DONE) {
        answer = write_history(simulation, client, id);
    }
    return answer == SIM_DONE && chance(simulation, 2) ? note_gtid(simulation, client, id)
                                                       : answer;
}

/* 08007 names the transaction: it is the one that was asked for before. */
static void
learn_gtid(struct simulation *simulation, struct sim_client *client, uint64_t id)
{
    char named[GTID_SIZE];
    struct transfer *transfer = &simulation->transfers[id];
    if (sscanf(client->detail, "Transaction %63s was submitted", named) != 1) {
        return; /* the primary had not told its name when the link went */
    }
    if (transfer->gtid[0] != '\0' && strcmp(transfer->gtid, named) != 0) {
        violate(simulation, "transfer %llu is %s, and in doubt as %s", (unsigned long long)id,
                transfer->gtid, named);
    }
    snprintf(transfer->gtid, sizeof(transfer->gtid), "%s", named);
}

/* An answer to COMMIT, or to a statement that commits by itself; true: it is acknowledged. */
static bool
learn(struct simulation *simulation, struct sim_client *client, uint64_t id,
      enum sim_answer answer)
{
    if (answer == SIM_DONE) {
        simulation->transfers[id].state = TRANSFER_COMMITTED;
        simulation->result->commit_count++;
    } else if (answer == SIM_ERROR && strncmp(client->sqlstate, "40", 2) == 0) {
        simulation->transfers[id].state = TRANSFER_REFUSED;
        simulation->result->refused_count++;
    } else {
        simulation->result->doubt_count++;
        if (answer == SIM_ERROR && strcmp(client->sqlstate, "08007") == 0) {
            learn_gtid(simulation, client, id);
        }
    }
    return answer == SIM_DONE;
}

static bool
commit(struct simulation *simulation, struct sim_client *client, uint64_t id)
{
    simulation->transfers[id].state = TRANSFER_DOUBT;
    enum sim_answer answer = run(simulation, client, "COMMIT");
    if (answer == SIM_DONE && strcmp(client->tag, "COMMIT") != 0) {
        violate(simulation, "COMMIT of transfer %llu was answered by %s",
                (unsigned long long)id, client->tag);
    }
    return learn(simulation, client, id, answer);
}

static bool
by_block(struct simulation *simulation, struct sim_client *client, uint64_t id)
{
    enum sim_answer answer =
        run(simulation, client,
            chance(simulation, 4) ? "BEGIN ISOLATION LEVEL REPEATABLE READ" : "BEGIN");
    if (answer == SIM_DONE) {
        answer = fill_block(simulation, client, id);
    }
    if (answer == SIM_DONE && !chance(simulation, 12)) {
        return commit(simulation, client, id);
    }
    simulation->result->refused_count++;
    if (answer != SIM_LOST && client->stream != NULL) {
        UNUSED(run(simulation, client, "ROLLBACK"));
    }
    return false;
}

/* The whole transfer in one message: one round trip, one implicit or explicit block. */
static bool
by_script(struct simulation *simulation, struct sim_client *client, uint64_t id)
{
    const struct transfer *transfer = &simulation->transfers[id];
    char sql[600];
    snprintf(sql, sizeof(sql),
             "BEGIN; UPDATE account SET balance = balance - %d WHERE id = %d; "
             "UPDATE account SET balance = balance + %d WHERE id = %d; "
             "INSERT INTO history (id, source, target, amount) VALUES (%llu, %d, %d, %d); "
             "COMMIT",
             transfer->amount, transfer->from, transfer->amount, transfer->to,
             (unsigned long long)id, transfer->from, transfer->to, transfer->amount);
    simulation->transfers[id].state = TRANSFER_DOUBT;
    enum sim_answer answer = run(simulation, client, sql);
    bool done = learn(simulation, client, id, answer);
    if (answer == SIM_ERROR && client->stream != NULL) {
        UNUSED(run(simulation, client, "ROLLBACK"));
    }
    return done;
}

/* Nobody's money moves, one statement commits by itself. */
static bool
by_autocommit(struct simulation *simulation, struct sim_client *client, uint64_t id)
{
    simulation->transfers[id].to = simulation->transfers[id].from;
    simulation->transfers[id].state = TRANSFER_DOUBT;
    return learn(simulation, client, id, write_history(simulation, client, id));
}

/* A session sees what it wrote, wherever it is. */
static void
read_own(struct simulation *simulation, struct sim_client *client, uint64_t id)
{
    char sql[100];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM history WHERE id = %llu",
             (unsigned long long)id);
    if (run(simulation, client, sql) == SIM_DONE) {
        simulation->result->read_count++;
        if (strcmp(client->value, "1") != 0) {
            violate(simulation, "transfer %llu was acknowledged, and its session sees %s of it",
                    (unsigned long long)id, client->value);
        }
    }
}

bool
bank_transfer(struct simulation *simulation, struct sim_client *client)
{
    static bool (*const ways[])(struct simulation *, struct sim_client *,
                                uint64_t) = {by_script, by_autocommit, by_block, by_block};
    uint64_t id = new_transfer(simulation);
    bool done = ways[rng_below(simulation->rng, ARRAY_SIZE(ways))](simulation, client, id);
    if (done && client->stream != NULL && chance(simulation, 4)) {
        read_own(simulation, client, id);
    }
    return done;
}

/* ---- questions ---- */

static void
check_sum(struct simulation *simulation, struct sim_client *client, unsigned node)
{
    if (run(simulation, client, "SELECT sum(balance) FROM account") == SIM_DONE) {
        simulation->result->read_count++;
        if (atoi(client->value) != ACCOUNT_COUNT * START_BALANCE) {
            violate(simulation, "node %u shows a bank of %s", node + 1, client->value);
        }
    }
}

/* Two looks of one snapshot at the same. */
static void
look_twice(struct simulation *simulation, struct sim_client *client, unsigned node)
{
    char first[32];
    if (run(simulation, client, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") !=
        SIM_DONE) {
        return;
    }
    if (run(simulation, client, "SELECT count(*) FROM history") == SIM_DONE) {
        snprintf(first, sizeof(first), "%.31s", client->value);
        sleep_ns(draw_ns(simulation, 20 * NS_PER_MS));
        check_sum(simulation, client, node);
        if (client->stream != NULL && client->txn_status == 'T' &&
            run(simulation, client, "SELECT count(*) FROM history") == SIM_DONE &&
            strcmp(first, client->value) != 0) {
            violate(simulation, "node %u: one snapshot has %s rows, then %s", node + 1, first,
                    client->value);
        }
    }
    if (client->stream != NULL) {
        UNUSED(run(simulation, client, "COMMIT"));
    }
}

enum sim_answer
bank_ask_status(struct simulation *simulation, struct sim_client *client, uint64_t id)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "SELECT rustydb_transaction_status('%s')",
             simulation->transfers[id].gtid);
    enum sim_answer answer = run(simulation, client, sql);
    if (answer == SIM_DONE && strcmp(client->value, "committed") == 0) {
        simulation->transfers[id].state = TRANSFER_COMMITTED;
    } else if (answer == SIM_DONE && strcmp(client->value, "aborted") == 0) {
        simulation->transfers[id].state = TRANSFER_REFUSED;
    }
    return answer;
}

/* Asks any node what became of the newest transfer in doubt. */
static void
ask_status(struct simulation *simulation, struct sim_client *client)
{
    for (uint64_t id = simulation->transfer_count; id-- > 0;) {
        if (simulation->transfers[id].state == TRANSFER_DOUBT &&
            simulation->transfers[id].gtid[0] != '\0') {
            UNUSED(bank_ask_status(simulation, client, id));
            return;
        }
    }
}

/* ---- tellers ---- */

static void
one_act(struct teller *teller)
{
    struct simulation *simulation = teller->simulation;
    struct sim_client *client = &teller->client;
    switch (rng_below(simulation->rng, 16)) {
    case 0:
        check_sum(simulation, client, teller->node);
        break;
    case 1:
        look_twice(simulation, client, teller->node);
        break;
    case 2:
        ask_status(simulation, client);
        break;
    case 3:
        if (chance(simulation, 4)) {
            UNUSED(run(simulation, client, "CHECKPOINT"));
        } else if (chance(simulation, 4)) {
            UNUSED(run(simulation, client,
                       chance(simulation, 2) ? "VACUUM account" : "VACUUM history"));
        }
        break;
    default:
        UNUSED(bank_transfer(simulation, client));
        break;
    }
}

static bool
find_node(struct teller *teller)
{
    struct simulation *simulation = teller->simulation;
    if (teller->client.stream != NULL && !chance(simulation, 30)) {
        return true;
    }
    teller->node = (unsigned)rng_below(simulation->rng, simulation->options.member_count);
    return sim_client_connect(&teller->client, teller->node, SIM_SQL_PORT);
}

/* The first teller opens the bank, as often as it takes: no faults yet. */
static void
load(struct teller *teller)
{
    static const char *const script[] = {
        "CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL)",
        "CREATE TABLE history (id int8, source int, target int, amount int, note text)",
        "CREATE INDEX history_id ON history (id)",
        "INSERT INTO account SELECT g, 1000 FROM generate_series(0, 23) g"};
    struct simulation *simulation = teller->simulation;
    for (unsigned i = 0; i < ARRAY_SIZE(script) && !simulation->result->violated;) {
        if (teller->client.stream == NULL &&
            !sim_client_connect(&teller->client, i % simulation->options.member_count,
                                SIM_SQL_PORT)) {
            sleep_ns(50 * NS_PER_MS);
        } else if (sim_client_query(&teller->client, script[i]) == SIM_DONE) {
            i++;
        } else if (strcmp(teller->client.sqlstate, "57P03") != 0 &&
                   strcmp(teller->client.sqlstate, "40001") != 0) {
            violate(simulation, "\"%s\" failed: %s %s", script[i], teller->client.sqlstate,
                    teller->client.message);
        }
    }
    sleep_ns(NS_PER_S); /* until replicas have it */
    simulation->loaded = true;
}

static void
teller_run(void *arg)
{
    struct teller *teller = arg;
    struct simulation *simulation = teller->simulation;
    sim_client_init(&teller->client, simulation->world, FIRST_CLIENT_HOST + teller->number);
    if (teller->number == 0) {
        load(teller);
    }
    while (!simulation->healing) {
        if (simulation->loaded && find_node(teller)) {
            one_act(teller);
        }
        sleep_ns(draw_ns(simulation, simulation->think_ns));
    }
    sim_client_deinit(&teller->client);
    simulation->client_count--;
    free(teller);
}

void
bank_open(struct simulation *simulation)
{
    simulation->client_count = CLIENT_COUNT;
    for (unsigned i = 0; i < CLIENT_COUNT; i++) {
        struct teller *teller = calloc(1, sizeof(*teller));
        ASSERT(teller != NULL);
        teller->simulation = simulation;
        teller->number = i;
        sim_world_start(simulation->world, FIRST_CLIENT_HOST + i, "teller", teller_run, teller);
    }
}
