#!/usr/bin/env bash
# pgbench.sh: RustyDB on one node and on three beside PostgreSQL 15, on this machine, in one run.
#
#   --scale N (20)  --seconds S (20)  --runs R (3)  --clients "1 8 32"  --tests "select tpcb"
#   --mode prepared  --systems "postgresql one three"  --pool-mb M (512)  --record
#
# A system postgresql3 is PostgreSQL with two standbys (ANY 1); ratios are to the PostgreSQL named
# last before a system: "postgresql one postgresql3 three" compares like with like.
#
# All systems are loaded alike and have the same buffer pool; each commit is synced (PostgreSQL:
# fsync and synchronous_commit on; three nodes: on a majority). They take turns within each round,
# the ones not measured are stopped by SIGSTOP (PostgreSQL idles). Printed are medians of the
# runs, ratios to PostgreSQL and server CPU per transaction, summed over all processes of a
# system, from /proc/PID/stat. --record appends the rows to docs/scoreboard.md.
# Needs root, to run PostgreSQL as the user postgres.
source "$(dirname "$0")/../cluster/lib.sh"
source "$(dirname "$0")/scoreboard.sh"

scale=20 seconds=20 runs=3 clients="1 8 32" tests="select tpcb" mode=prepared pool_mb=512
systems="postgresql one three" record=
while [ $# -gt 0 ]; do
    case $1 in
    --scale) scale=$2 ;;
    --seconds) seconds=$2 ;;
    --runs) runs=$2 ;;
    --clients) clients=$2 ;;
    --tests) tests=$2 ;;
    --mode) mode=$2 ;;
    --systems) systems=$2 ;;
    --pool-mb) pool_mb=$2 ;;
    --record) record=yes; shift; continue ;;
    *) sed -n '2,17p' "$0" >&2; exit 2 ;;
    esac
    shift 2
done
readonly PG=/usr/lib/postgresql/15/bin
readonly TICKS=$(getconf CLK_TCK)
PG_HOMES=()

# ---- PostgreSQL ----

# pg_start HOME PORT: a PostgreSQL of ours; its postmaster joins POSTMASTERS_$system.
pg_start() {
    as_postgres $PG/pg_ctl -D "$1/data" -o "-p $2 -k $1" -w -l "$1/log" start >/dev/null || { cat "$1/log" >&2; fail "PostgreSQL"; }
    printf -v "POSTMASTERS_$system" '%s %s' "$(postmasters_of "$system")" "$(head -n 1 "$1/data/postmaster.pid")"
    PG_HOMES+=("$1")
}

# start_postgresql PORT: one node.
start_postgresql() {
    local home=$WORK/$system
    [ -x $PG/initdb ] || fail "no PostgreSQL 15 in $PG"
    chmod 755 "$WORK"
    install -d -o postgres -g postgres "$home"
    as_postgres $PG/initdb -D "$home/data" -A trust -U postgres --locale=C.UTF-8 --encoding=UTF8 >"$WORK/initdb.log" 2>&1 ||
        { cat "$WORK/initdb.log" >&2; fail initdb; }
    cat >>"$home/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
shared_buffers = ${pool_mb}MB
fsync = on
synchronous_commit = on
max_connections = 200
max_wal_size = 4GB
checkpoint_timeout = 60s
timezone = UTC
CONF
    pg_start "$home" "$1"
}

# start_postgresql3 PORT: a primary and two standbys, of which one has to have each commit.
start_postgresql3() {
    local i home
    start_postgresql "$1"
    for i in 1 2; do
        home=$WORK/$system.standby$i
        install -d -o postgres -g postgres "$home"
        as_postgres $PG/pg_basebackup -h 127.0.0.1 -p "$1" -U postgres -D "$home/data" -R -c fast >"$WORK/backup.log" 2>&1 ||
            { cat "$WORK/backup.log" >&2; fail pg_basebackup; }
        pg_start "$home" $(($1 + i))
    done
    sql "$1" "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'"
    sql "$1" "SELECT pg_reload_conf()" >/dev/null
    wait_for 20 has_standbys "$1"
}

has_standbys() { [ "$(sql "$1" "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum'")" = 2 ]; }

postmasters_of() {
    local var=POSTMASTERS_$1
    echo "${!var:-}"
}

as_postgres() { (cd / && runuser -u postgres -- "$@"); }

also_clean_up() {
    local pid home
    for home in "${PG_HOMES[@]}"; do as_postgres $PG/pg_ctl -D "$home/data" -m immediate stop >/dev/null 2>&1; done
    for pid in ${PIDS_one:-} ${PIDS_three:-}; do kill -CONT "$pid" 2>/dev/null; done
    for dir in "$WORK/one" "$WORK/three"; do
        [ ! -e "$dir/cluster.json" ] || cluster local down --dir "$dir" >/dev/null 2>&1
    done
}

# ---- RustyDB ----

# start_ours NAME NODES: as `local up` makes it, but for the size of the pool.
start_ours() {
    DIR=$WORK/$1
    up "$2"
    cluster local down --dir "$DIR" >/dev/null || fail "local down"
    for name in $(node_names); do
        printf '\n[storage]\nbuffer_pool_pages = %d\n' $((pool_mb * 256)) >>"$DIR/$name/conf/rustydb.toml"
    done
    cluster local up --dir "$DIR" >/dev/null || fail "local up"
    printf -v "PIDS_$1" '%s' "$(for name in $(node_names); do node_pid "$name"; done | xargs)"
}

pids_of() {
    local var=PIDS_$1
    is_postgresql "$1" || echo "${!var}"
}

is_postgresql() { [[ $1 == postgresql* ]]; }

pause() { is_postgresql "$1" || kill -STOP $(pids_of "$1"); }

# The port to talk to: of the primary, once it is known again.
resume() {
    [ "$1" != postgresql ] || { echo "$PG_PORT"; return; }
    [ "$1" != postgresql3 ] || { echo "$PG3_PORT"; return; }
    kill -CONT $(pids_of "$1")
    DIR=$WORK/$1
    local i name
    for ((i = 0; i < 100; i++)); do
        name=$(primary_name) && sql "$(port_of "$name")" "CREATE TABLE awake (a int); DROP TABLE awake" >/dev/null 2>&1 &&
            { port_of "$name"; return; }
        sleep 0.1
    done
    return 1
}

# ---- measuring ----

# Ticks of CPU that a system has used. PostgreSQL: live processes, and those that have ended, which
# the postmaster has waited for.
ticks_of() {
    local pid postmaster
    if is_postgresql "$1"; then
        for postmaster in $(postmasters_of "$1"); do
            cut -d')' -f2- "/proc/$postmaster/stat" | awk '{ print $12 + $13 + $14 + $15 }'
            for pid in $(pgrep -P "$postmaster"); do
                cut -d')' -f2- "/proc/$pid/stat" 2>/dev/null | awk '{ print $12 + $13 }'
            done
        done
    else
        for pid in $(pids_of "$1"); do
            cut -d')' -f2- "/proc/$pid/stat" | awk '{ print $12 + $13 }'
        done
    fi | awk '{ sum += $1 } END { print sum }'
}

# measure SYSTEM TEST CLIENTS: appends "tps cpu_us latency_ms" to a file.
measure() {
    local system=$1 test=$2 count=$3 port before after script=select-only log=$WORK/run.log
    [ "$test" = select ] || script=tpcb-like
    port=$(resume "$system") || fail "$system does not come back"
    timeout 60 pgbench -n -b $script -M "$mode" -c "$count" -j 1 -T 1 --max-tries=10 -p "$port" >/dev/null 2>&1 # warm
    sleep 0.3
    before=$(ticks_of "$system")
    timeout $((seconds + 60)) pgbench -n -b $script -M "$mode" -c "$count" -j 1 -T "$seconds" --max-tries=10 \
        -p "$port" >"$log" 2>&1 || { cat "$log" >&2; fail "$system: pgbench $test with $count clients"; }
    sleep 0.3
    after=$(ticks_of "$system")
    pause "$system"
    bench_clean "$log"
    awk -v ticks=$((after - before)) -v hz="$TICKS" '
        /transactions actually processed/ { n = $NF }
        /^latency average/ { latency = $4 }
        /^tps/ { tps = $3 }
        END { printf "%.0f %.1f %.3f\n", tps, ticks * 1e6 / hz / n, latency }' "$log" |
        tee -a "$WORK/figures.$test.$count.$system" | sed "s/^/  $test, $count clients, $system: tps, cpu us, ms: /"
}

# median FILE COLUMN
median() { awk -v c="$2" '{ print $c }' "$1" | sort -g | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }

# ---- reporting ----

report() {
    local test count system tps cpu base base_tps base_cpu cpu_ratio ratio spread table commit here
    local -A rival=([postgresql]="one node" [postgresql3]="with two standbys, ANY 1 synchronous")
    commit=$(git -C "$ROOT" rev-parse --short HEAD)
    here=$(machine)
    printf '\n%-7s %7s  %-11s %9s %9s %9s %9s %7s\n' test clients system tps 'x pg' 'cpu us' 'cpu x pg' ms
    for test in $tests; do
        for count in $clients; do
            base_tps='' base_cpu=''
            for system in $systems; do
                local file=$WORK/figures.$test.$count.$system
                tps=$(median "$file" 1) cpu=$(median "$file" 2)
                ! is_postgresql $system || { base=$system base_tps=$tps base_cpu=$cpu; }
                ratio=$(awk -v a="$tps" -v b="${base_tps:-0}" 'BEGIN { if (b > 0) printf "%.2f", a / b; else print "-" }')
                cpu_ratio=$(awk -v a="$cpu" -v b="${base_cpu:-0}" 'BEGIN { if (b > 0) printf "%.2f", a / b; else print "-" }')
                printf '%-7s %7s  %-11s %9s %9s %9s %9s %7s\n' "$test" "$count" "$system" "$tps" "$ratio" "$cpu" "$cpu_ratio" \
                    "$(median "$file" 3)"
                [ -n "$record" ] && [ -n "$base_tps" ] && ! is_postgresql $system || continue
                spread=$(awk '{ print $1 }' "$file" | sort -g | paste -sd/)
                table='pgbench, one node'
                [ $system = one ] || table='pgbench, three nodes'
                add_row "$table" "| $(date +%F) | $commit | $here | $test, $mode, scale $scale, ${seconds} s | $count | $tps tps ($spread), $cpu us CPU each | PostgreSQL 15 ${rival[$base]}: $base_tps tps ($(awk '{ print $1 }' "$WORK/figures.$test.$count.$base" 2>/dev/null | sort -g | paste -sd/)), $base_cpu us | ${ratio}x, CPU ${cpu_ratio}x | pool $pool_mb MB each, all nodes and pgbench on this machine |"
            done
        done
    done
}

# ---- the run ----

base=${PORT:-$(free_base)} || fail "no free ports"
PG_PORT=$((base + 5)) PG3_PORT=$((base + 6))
for system in $systems; do
    case $system in
    postgresql) start_postgresql "$PG_PORT"; port=$PG_PORT ;;
    postgresql3) start_postgresql3 "$PG3_PORT"; port=$PG3_PORT ;;
    one) PORT=$((base)) start_ours one 1; port=$P ;;
    three) PORT=$((base + 1)) start_ours three 3; port=$(port_of "$(primary_name)") ;;
    *) fail "there is no system \"$system\"" ;;
    esac
    begin=${EPOCHREALTIME/[.,]/}
    timeout 600 pgbench -q -i -s "$scale" -p "$port" >"$WORK/init.log" 2>&1 || { cat "$WORK/init.log" >&2; fail "$system: pgbench -i"; }
    sql "$port" CHECKPOINT
    say "$system: loaded at scale $scale in $(((${EPOCHREALTIME/[.,]/} - begin) / 1000)) ms"
    pause "$system"
done
for ((run = 1; run <= runs; run++)); do
    for test in $tests; do
        for count in $clients; do
            for system in $systems; do measure "$system" "$test" "$count"; done
        done
    done
done
report
