# lib.sh: what the tests of real processes share; source it first.
# It makes a temporary directory $WORK, prints a seed, and at exit stops what it started and
# removes the directory, whatever happened. RUSTYDB_BUILD names the build folder (build);
# RUSTYDB_SEED repeats a seed; PORT fixes the first port instead of looking for free ones.
# shellcheck shell=bash
set -uo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${RUSTYDB_BUILD:-$ROOT/build}
BIN=$BUILD/bin
LEDGER=$BUILD/tests/ledger
SEED=${RUSTYDB_SEED:-$((RANDOM * 32768 + RANDOM))}
NAME=$(basename "$0" .sh)
WORK=$(mktemp -d "${TMPDIR:-/tmp}/rustydb-$NAME.XXXXXX")
DIR=$WORK/cluster
export PGHOST=127.0.0.1 PGUSER=postgres PGDATABASE=postgres PGCONNECT_TIMEOUT=10
export PGOPTIONS='' PSQLRC=/dev/null RUSTYDB_DIR=$DIR
unset PGPORT PGPASSWORD PGSSLMODE
RANDOM=$((SEED % 32768))
HELPERS=() # process ids to end at exit

printf '%s: seed=%s\n' "$NAME" "$SEED"
for program in "$BIN/rusty-db-server" "$BIN/rusty-db-cluster" "$BIN/rusty-db-cli"; do
    [ -x "$program" ] || { echo "$NAME: no $program; build first" >&2; exit 2; }
done

cluster() { "$BIN/rusty-db-cluster" "$@"; }

say() { printf '%s: %s\n' "$NAME" "$*"; }

fail() {
    printf '%s: FAILED: %s (seed=%s)\n' "$NAME" "$*" "$SEED" >&2
    exit 1
}

# Logs of the nodes, for a failure: the last lines of each, and all that is not routine.
show_logs() {
    local home
    for home in "$DIR"/*/; do
        printf -- '--- %s ---\n' "$home"
        grep -hE ' (WARN|ERROR|FATAL) ' "$home"logs/rustydb.log 2>/dev/null | tail -n 15
        tail -n 5 "$home/logs/rustydb.log" 2>/dev/null
        tail -n 15 "$home/logs/server.out" 2>/dev/null
    done
}

clean_up() {
    local rc=$? pid name
    trap - EXIT INT TERM
    for pid in "${HELPERS[@]:-}"; do
        [ -n "$pid" ] && kill -9 "$pid" 2>/dev/null
    done
    [ "$rc" = 0 ] || show_logs >&2
    ! declare -F also_clean_up >/dev/null || also_clean_up
    if [ -e "$DIR/cluster.json" ]; then
        timeout 60 "$BIN/rusty-db-cluster" local down --dir "$DIR" >/dev/null 2>&1
        for name in $(node_names); do
            pid=$(node_pid "$name")
            [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null
        done
    fi
    if grep -hE 'Sanitizer|runtime error|ssertion' "$DIR"/*/logs/server.out >"$WORK/crashes" 2>/dev/null; then
        echo "$NAME: FAILED: a server reported a bug of its own:" >&2
        cat "$WORK/crashes" >&2
        grep -hE -A 12 'Sanitizer|runtime error|ssertion' "$DIR"/*/logs/server.out | head -n 60 >&2
        rc=1
    fi
    if [ "$rc" != 0 ] && [ -n "${KEEP:-}" ]; then
        echo "$NAME: kept $WORK" >&2
    else
        rm -rf "$WORK"
    fi
    [ "$rc" = 0 ] && say "ok"
    exit "$rc"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# ---- ports and nodes ----

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# A base P of 15000, 15010, ... where SQL, REST and peer ports of five nodes are free. The search
# begins at a place of this process: tests that start together do not find the same ports free.
free_base() {
    local base offset i free turn
    for ((turn = 0; turn < 90; turn++)); do
        base=$((15000 + (BASHPID + turn) % 90 * 10))
        free=yes
        for offset in 0 1000 2000; do
            for i in 0 1 2 3 4; do
                port_is_free $((base + offset + i)) || free=no
            done
        done
        [ $free = yes ] && { echo $base; return; }
    done
    return 1
}

# up N [arguments of local up]: a fresh cluster of N nodes. Sets P, the first SQL port.
up() {
    local count=$1
    shift
    P=${PORT:-$(free_base)} || fail "no free ports"
    mkdir -p "$DIR"
    timeout 90 "$BIN/rusty-db-cluster" local up --nodes "$count" --dir "$DIR" --port "$P" "$@" \
        >"$WORK/up.log" 2>&1 || { cat "$WORK/up.log" >&2; fail "local up"; }
}

# up_again: starts what does not run of it, and waits until all serve.
up_again() {
    timeout 90 "$BIN/rusty-db-cluster" local up --dir "$DIR" >"$WORK/up.log" 2>&1 ||
        { cat "$WORK/up.log" >&2; fail "local up"; }
}

node_names() { sed -n 's/.*"name": *"\([^"]*\)".*/\1/p' "$DIR/cluster.json"; }

# port_of NAME: its SQL port.
port_of() {
    tr -d '\n' <"$DIR/cluster.json" | tr '{' '\n' | grep "\"name\": *\"$1\"" |
        sed 's/.*"sql_port": *\([0-9]*\).*/\1/'
}

all_ports() { sed -n 's/.*"sql_port": *\([0-9]*\).*/\1/p' "$DIR/cluster.json"; }

# The process of a node; empty when it does not run.
node_pid() {
    local pid
    pid=$(cat "$DIR/$1/run/rustydb.pid" 2>/dev/null)
    [ -n "$pid" ] && tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "$DIR/$1" &&
        echo "$pid"
}

# kill_node NAME...: SIGKILL to all of them at once. Sets KILLED_US, wall clock.
kill_node() {
    local name pids=()
    for name in "$@"; do pids+=("$(node_pid "$name")"); done
    kill -9 "${pids[@]}" || fail "kill -9 of $*"
    KILLED_US=${EPOCHREALTIME/[.,]/}
    for name in "$@"; do
        while [ -n "$(node_pid "$name")" ]; do sleep 0.01; done
    done
}

# ---- SQL ----

# sql PORT TEXT: unaligned rows without headers; fails like psql does.
sql() { timeout 60 psql -XAtq -v ON_ERROR_STOP=1 -p "$1" -c "$2"; }

# must PORT TEXT: the same, and the end of the test if it fails.
must() { sql "$1" "$2" || fail "port $1: $2"; }

# sqlstate_of PORT TEXT: the SQLSTATE that a statement fails with; "ok" when it does not.
sqlstate_of() {
    local said
    said=$(timeout 60 psql -XAtq -v VERBOSITY=sqlstate -p "$1" -c "$2" 2>&1 >/dev/null |
        sed -n 's/^ERROR: *//p' | head -n 1)
    echo "${said:-ok}"
}

# equal WHAT WANTED GOT
equal() { [ "$2" = "$3" ] || fail "$1: expected \"$2\", got \"$3\""; }

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt "$end" ] || fail "waited in vain for: $*"
        sleep 0.1
    done
}

answers() { [ "$(sql "$1" 'SELECT 1')" = 1 ]; }

stopped() { [ -z "$(node_pid "$1")" ]; }

# The name of the primary, as the first node that answers has it.
primary_name() {
    local port name
    for port in $(all_ports); do
        name=$(sql "$port" "SELECT node_name FROM v_cluster_nodes WHERE role = 'primary'" 2>/dev/null)
        [ -n "$name" ] && { echo "$name"; return; }
    done
    return 1
}

a_primary_that_is_not() {
    local name
    name=$(primary_name) && [ "$name" != "$1" ]
}

primary_is() { [ "$(primary_name)" = "$1" ]; }

# Every node is healthy in the eyes of every node.
all_healthy() {
    local port count
    count=$(node_names | wc -l)
    for port in $(all_ports); do
        [ "$(sql "$port" "SELECT count(*) FROM v_cluster_nodes WHERE status = 'healthy'")" = "$count" ] ||
            return 1
    done
}

# v_state_hash has a row for each node, all with one hash, and says so on every node.
one_hash() {
    local port count
    count=$(node_names | wc -l)
    for port in $(all_ports); do
        [ "$(sql "$port" 'SELECT count(state_hash), count(DISTINCT state_hash) FROM v_state_hash')" = "$count|1" ] ||
            return 1
    done
}

show_hashes() { sql "$(all_ports | head -n 1)" 'SELECT * FROM v_state_hash' >&2; }

expect_one_hash() {
    local end=$((SECONDS + 20))
    until one_hash; do
        [ $SECONDS -lt $end ] || { show_hashes; fail "state hashes differ"; }
        sleep 0.2
    done
}

# ---- sessions that stay ----

# open_session NUMBER PORT: a psql of its own, NUMBER 1 to 9; then send NUMBER TEXT, and answer NUMBER
# puts into GOT what it said since, on one line. ask NUMBER TEXT does both.
open_session() {
    mkfifo "$WORK/in$1" "$WORK/out$1"
    timeout 120 psql -XA -v VERBOSITY=verbose -p "$2" <"$WORK/in$1" >"$WORK/out$1" 2>&1 &
    HELPERS+=($!)
    eval "exec 1$1>'$WORK/in$1' 2$1<'$WORK/out$1'"
}
send() { printf '%s;\n\\echo end\n' "$2" >&"1$1"; }
answer() {
    local line
    GOT=
    while IFS= read -r -t 30 line <&"2$1"; do
        [ "$line" != end ] || return 0
        GOT+="${GOT:+; }$line"
    done
    fail "session $1 is silent after \"$GOT\""
}
ask() {
    send "$1" "$2"
    answer "$1"
}
# expect NUMBER TEXT WANTED: what it says begins so.
expect() {
    ask "$1" "$2"
    [ "${GOT#"$3"}" != "$GOT" ] || fail "session $1, $2: expected \"$3\", got \"$GOT\""
}
# last_words NUMBER: the same as answer, up to the end of a session that was ended.
last_words() {
    GOT=$(timeout 40 cat <&"2$1" | paste -sd';')
    close_session "$1"
}
close_session() {
    eval "exec 1$1>&- 2$1<&-"
    rm "$WORK/in$1" "$WORK/out$1"
}

# ---- the ledger ----

# ledger_start [arguments]: six clients at all nodes, until ledger_end, which fails with them.
ledger_start() {
    "$LEDGER" --ports "$(all_ports | paste -sd,)" --clients 6 --seconds 0 --seed "$SEED" "$@" \
        >"$WORK/ledger.log" 2>&1 &
    LEDGER_PID=$!
    HELPERS+=("$LEDGER_PID")
    wait_for 30 sql "$P" "SELECT 1 FROM ledger"
}
ledger_runs() {
    kill -0 "$LEDGER_PID" 2>/dev/null || { cat "$WORK/ledger.log" >&2; fail "the ledger ended"; }
}
ledger_end() {
    kill -TERM "$LEDGER_PID"
    wait "$LEDGER_PID" || { cat "$WORK/ledger.log" >&2; fail "the ledger found something"; }
    tail -n 2 "$WORK/ledger.log"
}

# ---- pgbench ----

# Sums of accounts, tellers, branches and history agree, the same on each node. The INSERT makes
# the session of each node see all that was committed before.
bank_agrees() {
    local port sums first=
    must "$(all_ports | head -n 1)" "DROP TABLE IF EXISTS bank_mark; CREATE TABLE bank_mark (at int)" 2>/dev/null
    for port in $(all_ports); do
        sums=$(timeout 60 psql -XAtq -v ON_ERROR_STOP=1 -p "$port" <<'SQL'
INSERT INTO bank_mark VALUES (1);
SELECT (SELECT coalesce(sum(abalance), 0) FROM pgbench_accounts),
       (SELECT coalesce(sum(tbalance), 0) FROM pgbench_tellers),
       (SELECT coalesce(sum(bbalance), 0) FROM pgbench_branches),
       (SELECT coalesce(sum(delta), 0) FROM pgbench_history),
       (SELECT count(*) FROM pgbench_history), (SELECT count(*) FROM pgbench_accounts);
SQL
        ) || fail "port $port: reading the bank"
        IFS='|' read -r accounts tellers branches history rows _ <<<"$sums"
        [ "$accounts" = "$tellers" ] && [ "$accounts" = "$branches" ] && [ "$accounts" = "$history" ] ||
            fail "port $port: sums differ: $sums"
        [ -z "$first" ] || [ "$first" = "$sums" ] || fail "nodes differ: $first and $sums"
        first=$sums
    done
    HISTORY_ROWS=$rows
}

# bench NAME ARGUMENTS...: pgbench that must end well: no failed transaction, no aborted client.
bench() {
    local log=$WORK/$1.bench
    shift
    timeout 300 pgbench -n "$@" >"$log" 2>&1 || { tail -n 20 "$log" >&2; fail "pgbench $*"; }
    bench_clean "$log"
}

bench_clean() {
    grep -q 'number of failed transactions: 0 ' "$1" && ! grep -qE 'aborted|FATAL|ERROR' "$1" ||
        { tail -n 20 "$1" >&2; fail "pgbench lost transactions or clients"; }
}
