#!/usr/bin/env bash
# kill_primary_test.sh [--rounds N]: kill -9 of the primary under the ledger client. Nothing
# acknowledged is lost, nothing is doubled or contradicted; inserts go on through the other
# nodes, soon; the killed node comes back by `local start` and nothing else.
source "$(dirname "$0")/lib.sh"
rounds=3
[ "${1:-}" = --rounds ] && rounds=$2

up 3
ledger_start --times "$WORK/times"
sleep 2
for ((round = 1; round <= rounds; round++)); do
    victim=$(primary_name) || fail "no primary before round $round"
    kill_node "$victim"
    echo "$KILLED_US $(port_of "$victim")" >>"$WORK/kills"
    wait_for 30 a_primary_that_is_not "$victim"
    sleep 1.$((RANDOM % 10))
    cluster local start "$victim" --dir "$DIR" || fail "local start $victim"
    wait_for 60 all_healthy
    ledger_runs
    sleep 0.$((RANDOM % 10))
done
ledger_end
expect_one_hash

# From each kill to the end of the first insert that began after it, through another node.
while read -r killed_us port; do
    awk -v killed="$killed_us" -v port="$port" \
        '$1 >= killed && $3 != port && (best == "" || $2 < best) { best = $2 }
         END { if (best == "") exit 1; printf "%d\n", (best - killed) / 1000 }' "$WORK/times" ||
        fail "no insert was acknowledged after a kill"
done <"$WORK/kills" >"$WORK/waits"
median=$(sort -n "$WORK/waits" | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }')
say "milliseconds to the first acknowledged insert: $(paste -sd' ' "$WORK/waits"); median $median"
[ "$median" -lt 2000 ] || fail "the median is above 2 s"
