#!/usr/bin/env bash
# tpcb_test.sh [--scale N] [--seconds S] [--clients C]: pgbench on three nodes: no failed
# transaction, no aborted client; account, teller and branch sums agree with the history on every
# node, and v_state_hash shows one hash. Long form: --scale 10 --seconds 60.
source "$(dirname "$0")/lib.sh"
scale=2 seconds=5 clients=8
while [ $# -gt 0 ]; do
    case $1 in
    --scale) scale=$2 ;;
    --seconds) seconds=$2 ;;
    --clients) clients=$2 ;;
    *) fail "unknown argument $1" ;;
    esac
    shift 2
done
up 3
port=$(port_of "$(primary_name)")
begin=$SECONDS
timeout 600 pgbench -i -q -s "$scale" -p "$port" >"$WORK/init.log" 2>&1 || { cat "$WORK/init.log" >&2; fail "pgbench -i"; }
! grep -iE 'warning|error' "$WORK/init.log" || fail "pgbench -i complained"
say "pgbench -i -s $scale: $((SECONDS - begin)) s"
expect_one_hash
bench tpcb --max-tries=10 -M prepared -c "$clients" -T "$seconds" --random-seed="$SEED" -p "$port"
say "$(grep -E '^tps' "$WORK/tpcb.bench"), $(grep -E '^latency average' "$WORK/tpcb.bench")"
bank_agrees
equal "history rows" "$(sed -n 's/.*actually processed: \([0-9]*\).*/\1/p' "$WORK/tpcb.bench")" "$HISTORY_ROWS"
equal "accounts" $((scale * 100000)) "$(must "$port" 'SELECT count(*) FROM pgbench_accounts')"
expect_one_hash

# The same after a start of all three.
# shellcheck disable=SC2046
kill_node $(node_names)
up_again
before=$HISTORY_ROWS
bank_agrees
equal "history rows after kill -9 of all" "$before" "$HISTORY_ROWS"
expect_one_hash
