#!/usr/bin/env bash
# chaos_test.sh [--steps N]: the ledger runs while nodes are killed, paused, stopped, moved about, as
# the seed has it: one node at a time, or all at once. Long form: --steps 60.
source "$(dirname "$0")/lib.sh"
steps=8
[ "${1:-}" = --steps ] && steps=$2

up 3
names=($(node_names))
ledger_start
start_node() { cluster local start "$1" --dir "$DIR" >/dev/null || fail "local start $1"; }
nap() { sleep "$((RANDOM % ${1:-2})).$((RANDOM % 10))"; }

for ((step = 1; step <= steps; step++)); do
    victim=${names[RANDOM % 3]}
    action=$((RANDOM % 8))
    case $action in
    0 | 1) # the primary, whoever it is
        victim=$(primary_name) || fail "step $step: no primary"
        kill_node "$victim"
        nap 3
        start_node "$victim"
        ;;
    2) # any node, and again before it has caught up
        kill_node "$victim"
        nap
        start_node "$victim"
        nap 1
        wait_for 10 node_pid "$victim"
        kill_node "$victim"
        start_node "$victim"
        ;;
    3 | 4) # a node that is not dead: longer and shorter than an election
        victim=${names[RANDOM % 3]}
        [ $action = 3 ] || victim=$(primary_name)
        cluster local pause "$victim" --dir "$DIR" || fail "local pause $victim"
        nap 4
        cluster local resume "$victim" --dir "$DIR" || fail "local resume $victim"
        ;;
    5)
        cluster local stop "$victim" --dir "$DIR" || fail "local stop $victim"
        nap
        start_node "$victim"
        ;;
    6) # may be refused while a node catches up
        from=$(primary_name)
        [ "$from" = "$victim" ] || cluster --switchover --from "$from" --to "$victim" --dir "$DIR" >>"$WORK/switchovers" 2>&1
        ;;
    7)
        kill_node "${names[@]}"
        victim=all
        up_again
        ;;
    esac
    say "step $step: action $action, $victim"
    wait_for 60 all_healthy
    [ $((RANDOM % 4)) != 0 ] || must "$(port_of "${names[RANDOM % 3]}")" CHECKPOINT
    nap
    ledger_runs
done
ledger_end
expect_one_hash
