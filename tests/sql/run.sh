#!/usr/bin/env bash
# run.sh [NAME ...]: runs the cases (default: all) against one RustyDB node that it starts in a
# temporary directory and takes down afterwards, and compares with expected/*.out. Prints a diff
# for each case that differs, then the number of cases; status 1 if any differs, 2 if it cannot run.
#
# The expected outputs are PostgreSQL 15's: record.sh writes them; the database is empty.
# RUSTYDB_BIN names the folder of the programs (build/bin).
# SPDX-License-Identifier: Apache-2.0
set -uo pipefail
source "$(dirname "$0")/lib.sh"
BIN=${RUSTYDB_BIN:-$ROOT/build/bin}
names=$(case_names "$@") || exit 2
for program in rusty-db-server rusty-db-cluster; do
    [ -x "$BIN/$program" ] || { echo "run.sh: no $BIN/$program; build first" >&2; exit 2; }
done

work=$(mktemp -d "${TMPDIR:-/tmp}/rustydb-sql.XXXXXX")
clean_up() {
    local rc=$?
    trap - EXIT INT TERM
    [ ! -e "$work/cluster/cluster.json" ] || timeout 60 "$BIN/rusty-db-cluster" local down --dir "$work/cluster" >/dev/null
    rm -rf "$work"
    exit "$rc"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# A node takes three ports: SQL, REST (+1000) and peers (+2000).
port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
start_node() {
    local port
    for ((port = 15950; port <= 15990; port += 2)); do
        port_is_free "$port" && port_is_free $((port + 1000)) && port_is_free $((port + 2000)) || continue
        export PGPORT=$port
        timeout 60 "$BIN/rusty-db-cluster" local up --nodes 1 --dir "$work/cluster" --port "$port" >"$work/log" 2>&1 && return
        cat "$work/log" >&2
        return 1
    done
    echo "run.sh: no free port between 15950 and 15990" >&2
    return 1
}
start_node || exit 2

count=0
failed=0
for name in $names; do
    count=$((count + 1))
    run_case "$name" "$work/out"
    diff -u --label "expected/$name.out" --label "$name" "$HERE/expected/$name.out" "$work/out" && continue
    failed=$((failed + 1))
    echo "FAILED $name"
done
echo "$count cases, $failed differ"
[ "$failed" = 0 ]
