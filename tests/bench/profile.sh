#!/usr/bin/env bash
# profile.sh: where the time goes on each node of three, under pgbench at the primary.
#
#   --scale N (20)  --seconds S (10)  --clients N (8)  --tests "select tpcb"  --pool-mb M (512)  --record
#
# For each test and node: system calls and context switches per transaction (perf stat on the
# kernel's tracepoints: nothing is stopped or traced), CPU per transaction (/proc/PID/stat), and
# the ten costliest functions (perf record, in a second run). --record appends the rows to
# docs/scoreboard.md. Needs root and perf (Debian: linux-perf).
source "$(dirname "$0")/../cluster/lib.sh"
source "$(dirname "$0")/scoreboard.sh"

scale=20 seconds=10 clients=8 tests="select tpcb" pool_mb=512 record=
while [ $# -gt 0 ]; do
    case $1 in
    --scale) scale=$2 ;;
    --seconds) seconds=$2 ;;
    --clients) clients=$2 ;;
    --tests) tests=$2 ;;
    --pool-mb) pool_mb=$2 ;;
    --record) record=yes; shift; continue ;;
    *) sed -n '2,10p' "$0" >&2; exit 2 ;;
    esac
    shift 2
done
readonly TICKS=$(getconf CLK_TCK)
readonly CALLS="futex epoll_wait sendto recvfrom read write fdatasync pwritev pwrite64 pread64"
events=raw_syscalls:sys_enter,context-switches
for call in $CALLS; do events+=,syscalls:sys_enter_$call; done
perf stat -e "$events" true >"$WORK/perf.log" 2>&1 || { cat "$WORK/perf.log" >&2; fail "perf stat does not count system calls here"; }

ticks_of() { cut -d')' -f2- "/proc/$1/stat" | awk '{ print $12 + $13 }'; }

# load TEST: pgbench against the primary; sets TRANSACTIONS.
load() {
    local script=select-only
    [ "$1" = select ] || script=tpcb-like
    timeout $((seconds + 60)) pgbench -n -b $script -M prepared -c "$clients" -j 1 -T "$seconds" --max-tries=10 \
        -p "$(port_of "$primary")" >"$WORK/run.log" 2>&1 || { cat "$WORK/run.log" >&2; fail "pgbench $1"; }
    bench_clean "$WORK/run.log"
    TRANSACTIONS=$(awk '/transactions actually processed/ { print $NF }' "$WORK/run.log")
    TPS=$(awk '/^tps/ { printf "%.0f", $3 }' "$WORK/run.log")
}

# watch NAME PERF-ARGUMENTS...: perf on a node until stop_watching.
watch() {
    local name=$1
    shift
    perf "$@" -p "$(node_pid "$name")" >"$WORK/$name.perf.log" 2>&1 &
    HELPERS+=($!)
}

stop_watching() {
    for pid in "${HELPERS[@]}"; do kill -INT "$pid"; done
    wait "${HELPERS[@]}" 2>/dev/null
    HELPERS=()
}

# per_transaction NAME: "12.3 system calls (futex 3.1, ...), 4.5 context switches"
per_transaction() {
    awk -F, -v n="$TRANSACTIONS" '
        { sub(/^syscalls:sys_enter_/, "", $3) }
        $3 == "raw_syscalls:sys_enter" { calls = $1 / n; next }
        $3 == "context-switches" { switches = $1 / n; next }
        $1 / n >= 0.05 { which = which (which == "" ? "" : ", ") sprintf("%s %.2f", $3, $1 / n) }
        END { printf "%.2f system calls (%s), %.2f context switches", calls, which, switches }' "$WORK/$1.stat"
}

costliest() {
    perf report -i "$WORK/$1.data" --no-children --sort symbol --stdio 2>/dev/null |
        awk '/^ +[0-9.]+%/ && n++ < 10 { share = $1; sub(/^ +[^ ]+ +\[\.\] +/, ""); sub(/^ +[^ ]+ +\[k\] +/, "kernel:")
             printf "%s%s %s", (n == 1 ? "" : ", "), $1, share }'
}

profile() {
    local test=$1 name before=() i=0 ticks role row
    load "$test" # warm
    for name in $(node_names); do
        before+=("$(ticks_of "$(node_pid "$name")")")
        watch "$name" stat -x, -e "$events" -o "$WORK/$name.stat"
    done
    sleep 0.5
    load "$test"
    stop_watching
    for name in $(node_names); do
        ticks=$(($(ticks_of "$(node_pid "$name")") - before[i++]))
        row[i]="$(per_transaction "$name"), $(awk -v t=$ticks -v hz="$TICKS" -v n="$TRANSACTIONS" 'BEGIN { printf "%.0f", t * 1e6 / hz / n }') us CPU"
    done
    local tps=$TPS
    for name in $(node_names); do watch "$name" record -F 1499 -o "$WORK/$name.data"; done
    sleep 0.5
    load "$test"
    stop_watching
    i=0
    for name in $(node_names); do
        i=$((i + 1)) role=standby
        [ "$name" != "$primary" ] || role=primary
        printf '\n%s, %s clients, %s tps, %s (%s)\n  per transaction: %s\n  functions: %s\n' "$test" "$clients" "$tps" "$name" $role \
            "${row[i]}" "$(costliest "$name")"
        [ -z "$record" ] ||
            add_row "Where the time goes, three nodes" "| $(date +%F) | $(git -C "$ROOT" rev-parse --short HEAD) | $here | $test, prepared, scale $scale, $clients clients, ${seconds} s | $tps | $role | ${row[i]} | $(costliest "$name") |"
    done
}

up 3
cluster local down --dir "$DIR" >/dev/null || fail "local down"
for name in $(node_names); do
    printf '\n[storage]\nbuffer_pool_pages = %d\n' $((pool_mb * 256)) >>"$DIR/$name/conf/rustydb.toml"
done
cluster local up --dir "$DIR" >/dev/null || fail "local up"
primary=$(primary_name) || fail "no primary"
here=$(machine)
timeout 600 pgbench -q -i -s "$scale" -p "$(port_of "$primary")" >"$WORK/init.log" 2>&1 || { cat "$WORK/init.log" >&2; fail "pgbench -i"; }
must "$(port_of "$primary")" CHECKPOINT
for test in $tests; do profile "$test"; done
