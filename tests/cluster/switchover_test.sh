#!/usr/bin/env bash
# switchover_test.sh [--rounds N]: pgbench runs at n1 and at n2 while the primary is moved to and
# fro: no failed transaction, no aborted client, and the sums agree on every node. Prints how
# long each switchover took.
source "$(dirname "$0")/lib.sh"
rounds=2
[ "${1:-}" = --rounds ] && rounds=$2
seconds=$((4 + rounds * 4))

up 3
timeout 120 pgbench -q -i -s 2 -p "$P" >"$WORK/init.log" 2>&1 || { cat "$WORK/init.log" >&2; fail "pgbench -i"; }
from=$(primary_name) || fail "no primary"
for name in n1 n2; do
    timeout $((seconds + 60)) pgbench -n --max-tries=10 -M prepared -c 4 -T $seconds \
        --random-seed="$SEED" -p "$(port_of $name)" >"$WORK/$name.bench" 2>&1 &
    HELPERS+=($!)
done
for ((round = 1; round <= rounds; round++)); do
    sleep 2
    to=n2
    [ "$from" != n2 ] || to=n1
    begin_us=${EPOCHREALTIME/[.,]/}
    cluster --switchover --from "$from" --to "$to" --dir "$DIR" || fail "switchover $from to $to"
    say "switchover $from to $to: $(((${EPOCHREALTIME/[.,]/} - begin_us) / 1000)) ms"
    wait_for 20 primary_is "$to"
    from=$to
done
for pid in "${HELPERS[@]}"; do
    wait "$pid" || { tail -n 20 "$WORK"/n?.bench >&2; fail "pgbench ended badly"; }
done
for name in n1 n2; do
    say "$name: $(grep -E 'transactions actually' "$WORK/$name.bench")" \
        "$(grep -E '^tps' "$WORK/$name.bench")"
    bench_clean "$WORK/$name.bench"
done
bank_agrees
processed=$(cat "$WORK"/n?.bench | sed -n 's/.*actually processed: \([0-9]*\).*/\1/p' | awk '{ n += $1 } END { print n }')
equal "history rows" "$processed" "$HISTORY_ROWS"
expect_one_hash
