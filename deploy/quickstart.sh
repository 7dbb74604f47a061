#!/usr/bin/env bash
# quickstart.sh [--stop]: installs, builds, starts a three-node cluster on loopback and shows it.
# As root, or with sudo. Running it again starts what is stopped and repeats the tour.
set -euo pipefail
cd "$(dirname "$0")/.."
unset "${!PG@}" # a PGDATABASE or PGSSLMODE of the caller's is not meant here

readonly ROOT=$PWD
readonly BIN=$ROOT/build/bin
readonly DIR=${RUSTYDB_DIR:-$ROOT/build/quickstart}

say() { printf '\n== %s\n' "$*"; }

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The first base P of 5432, 5442, ... where the SQL, REST and peer ports of three nodes are free.
free_base() {
    local base offset i free
    for ((base = 5432; base < 6432; base += 10)); do
        free=yes
        for offset in 0 1000 2000; do
            for i in 0 1 2; do
                port_is_free $((base + offset + i)) || free=no
            done
        done
        [ $free = yes ] && { echo $base; return; }
    done
    echo "no free ports between 5432 and 6432" >&2
    return 1
}

first_port() { sed -n 's/.*"sql_port": *\([0-9]*\).*/\1/p' "$DIR/cluster.json" | head -n 1; }

sql() {
    printf '\n$ psql -p %s -c "%s"\n' "$1" "$2"
    psql -X -h 127.0.0.1 -p "$1" -U postgres -d postgres -v ON_ERROR_STOP=1 -c "$2"
}

primary_name() {
    "$BIN/rusty-db-cluster" --status -o json --dir "$DIR" | sed -n 's/.*"primary": *"\([^"]*\)".*/\1/p'
}

# The primary may just have moved: its name is asked again until it is `$1` (any, if that is empty).
wait_for_primary() {
    local i name
    for ((i = 0; i < 100; i++)); do
        name=$(primary_name) || name=
        [ -n "$name" ] && [ "${1:-$name}" = "$name" ] && return
        sleep 0.1
    done
    echo "no primary${1:+: \"$1\" did not become it}" >&2
    return 1
}

# What it says is shown only if it fails.
quietly() {
    local log rc=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 || rc=$?
    [ $rc = 0 ] || tail -n 40 "$log" >&2
    rm -f "$log"
    return $rc
}

tour() {
    local port=$1 from to
    say "SQL on one node"
    sql "$port" "CREATE TABLE IF NOT EXISTS greeting (id int PRIMARY KEY, words text)"
    sql "$port" "DELETE FROM greeting"
    sql "$port" "INSERT INTO greeting VALUES (1, 'three nodes, one log') RETURNING *"
    say "another node takes writes, too, and reads what it wrote"
    sql $((port + 1)) "INSERT INTO greeting VALUES (2, 'any node takes writes')"
    sql $((port + 1)) "SELECT * FROM greeting ORDER BY id"
    say "a planned change of the primary"
    wait_for_primary ''
    from=$(primary_name)
    to=n2
    [ "$from" != n2 ] || to=n3
    "$BIN/rusty-db-cluster" --switchover --from "$from" --to "$to" --dir "$DIR"
    wait_for_primary "$to"
    sql "$port" "INSERT INTO greeting VALUES (3, 'the primary has moved') RETURNING *"
    say "status"
    "$BIN/rusty-db-cluster" --status --dir "$DIR"
}

if [ "${1:-}" = --stop ]; then
    [ -e "$DIR/cluster.json" ] || { echo "nothing runs in $DIR"; exit 0; }
    "$BIN/rusty-db-cluster" local down --dir "$DIR"
    echo "stopped; the data stays in $DIR"
    exit 0
fi
[ $# = 0 ] || { echo "usage: quickstart.sh [--stop]" >&2; exit 2; }

say "installing what is missing"
deploy/setup.sh
say "building"
quietly cmake --preset release || { echo "cmake failed; if this folder was moved or copied here, remove build/CMakeCache.txt" >&2; exit 1; }
quietly cmake --build --preset release || { echo "the build failed" >&2; exit 1; }
say "starting three nodes"
mkdir -p "$DIR"
if [ -e "$DIR/cluster.json" ]; then
    "$BIN/rusty-db-cluster" local up --dir "$DIR"
else
    base=$(free_base)
    [ "$base" = 5432 ] || echo "port 5432 or one of its companions is taken: using $base"
    "$BIN/rusty-db-cluster" local up --nodes 3 --dir "$DIR" --port "$base"
fi
port=$(first_port)
tour "$port"
cat <<TXT

RustyDB runs. Talk to it:
    psql -h 127.0.0.1 -p $port -U postgres
The programs:
    export PATH=$(printf %q "$BIN"):\$PATH RUSTYDB_DIR=$(printf %q "$DIR")
Data directory: $DIR
Stop it: ${RUSTYDB_DIR:+RUSTYDB_DIR=$(printf %q "$DIR") }deploy/quickstart.sh --stop
TXT
