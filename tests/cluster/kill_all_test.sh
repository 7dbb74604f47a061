#!/usr/bin/env bash
# kill_all_test.sh [--rounds N]: kill -9 of all three nodes at once under the ledger client, then
# start: nothing acknowledged is lost. In the last round the ledger has ended before the start:
# it checks from its journal.
source "$(dirname "$0")/lib.sh"
rounds=2
[ "${1:-}" = --rounds ] && rounds=$2

up 3
ports=$(all_ports | paste -sd,)
"$LEDGER" --ports "$ports" --clients 6 --seconds 0 --seed "$SEED" --journal "$WORK/journal" \
    >"$WORK/ledger.log" 2>&1 &
ledger=$!
HELPERS+=("$ledger")
wait_for 20 sql "$P" "SELECT 1 FROM ledger"
for ((round = 1; round <= rounds; round++)); do
    sleep 1.$((RANDOM % 10))
    # shellcheck disable=SC2046
    kill_node $(node_names)
    timeout 90 "$BIN/rusty-db-cluster" local up --dir "$DIR" >"$WORK/up.log" 2>&1 ||
        { cat "$WORK/up.log" >&2; fail "local up after round $round"; }
done
sleep 1
kill -TERM "$ledger"
wait "$ledger" || { cat "$WORK/ledger.log" >&2; fail "the ledger found something"; }
tail -n 1 "$WORK/ledger.log"
expect_one_hash

# shellcheck disable=SC2046
kill_node $(node_names)
timeout 90 "$BIN/rusty-db-cluster" local up --dir "$DIR" >/dev/null 2>&1 || fail "the last local up"
"$LEDGER" --ports "$ports" --check --journal "$WORK/journal" || fail "the journal does not agree"
expect_one_hash
