#!/usr/bin/env bash
# record.sh [NAME ...]: writes expected/NAME.out anew (default: of every case) from a PostgreSQL 15
# that it makes in a temporary directory and ends afterwards. Run as root: the server refuses to
# run as root and is run as the user postgres. PG_BIN names its programs.
# SPDX-License-Identifier: Apache-2.0
set -uo pipefail
source "$(dirname "$0")/lib.sh"
PG_BIN=${PG_BIN:-/usr/lib/postgresql/15/bin}
export PGPORT=15999
names=$(case_names "$@") || exit 2

work=$(mktemp -d "${TMPDIR:-/tmp}/rustydb-record.XXXXXX")
as_postgres() { (cd "$work" && runuser -u postgres -- "$@"); }
clean_up() {
    local rc=$?
    trap - EXIT INT TERM
    [ ! -e "$work/data/postmaster.pid" ] || as_postgres "$PG_BIN/pg_ctl" -D "$work/data" -m immediate -w stop >/dev/null
    rm -rf "$work"
    exit "$rc"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

chown postgres "$work" || exit 2
as_postgres "$PG_BIN/initdb" -D "$work/data" -A trust -U postgres --locale=C.UTF-8 --encoding=UTF8 >"$work/log" 2>&1 &&
    as_postgres "$PG_BIN/pg_ctl" -D "$work/data" -l "$work/server.log" -w \
        -o "-p $PGPORT -k '' -c listen_addresses=127.0.0.1 -c TimeZone=UTC -c fsync=off" start >>"$work/log" 2>&1 ||
    { cat "$work/log" >&2; exit 2; }

mkdir -p "$HERE/expected"
count=0
for name in $names; do
    run_case "$name" "$work/out" && cp "$work/out" "$HERE/expected/$name.out" || exit 2
    ! grep -H '^left behind: ' "$HERE/expected/$name.out" || exit 1
    count=$((count + 1))
done
echo "$count cases recorded"
