#!/usr/bin/env bash
# kill_all_test.sh [--rounds N]: kill -9 of all three nodes at once under the ledger client, then
# start: nothing acknowledged is lost. In the last round the ledger has ended before the start:
# it checks from its journal.
source "$(dirname "$0")/lib.sh"
rounds=2
[ "${1:-}" = --rounds ] && rounds=$2

up 3
ledger_start --journal "$WORK/journal"
for ((round = 1; round <= rounds; round++)); do
    sleep 1.$((RANDOM % 10))
    # shellcheck disable=SC2046
    kill_node $(node_names)
    up_again
done
sleep 1
ledger_end
expect_one_hash

# shellcheck disable=SC2046
kill_node $(node_names)
up_again
"$LEDGER" --ports "$(all_ports | paste -sd,)" --check --journal "$WORK/journal" || fail "the journal does not agree"
expect_one_hash
