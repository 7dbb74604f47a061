#!/usr/bin/env bash
# durability.sh [--commits N]: what system calls say about commits. strace watches three nodes while
# one client inserts, first at the primary, then at a replica; for each commit the sync (or the
# synchronous write) of log bytes written after the request arrived must have ended on two nodes
# before the reply is sent. Then the checker is shown traces without two nodes' syncs: it must object.
source "$(dirname "$0")/../cluster/lib.sh"
commits=100
[ "${1:-}" = --commits ] && commits=$2
command -v strace >/dev/null || fail "strace is not installed"

up 3
must "$P" "CREATE TABLE durable (number int)"
primary=$(primary_name)
replica=$(node_names | grep -vx "$primary" | head -n 1)
for name in $(node_names); do
    strace -f -ttt -T -yy -s 256 -o "$WORK/$name.trace" -p "$(node_pid "$name")" \
        -e trace=read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,pwritev,pwritev2,fdatasync,fsync,openat,io_uring_enter \
        >"$WORK/$name.strace" 2>&1 &
    HELPERS+=($!)
done
for name in $(node_names); do wait_for 20 grep -q attached "$WORK/$name.strace"; done
sleep 0.5

insert_at() { # PORT FIRST LAST: autocommit, and blocks of two statements
    local i
    for ((i = $2; i <= $3; i++)); do
        if [ $((i % 2)) = 0 ]; then
            echo "INSERT INTO durable VALUES ($i);"
        else
            echo "BEGIN; INSERT INTO durable VALUES (-$i); COMMIT /* $i */;"
        fi
    done >"$WORK/inserts.sql"
    timeout 120 psql -XAtq -v ON_ERROR_STOP=1 -p "$1" -f "$WORK/inserts.sql" || fail "inserts at port $1"
}
insert_at "$(port_of "$primary")" 1 "$commits"
insert_at "$(port_of "$replica")" $((commits + 1)) $((2 * commits))
sleep 0.5
for pid in "${HELPERS[@]}"; do kill -INT "$pid" 2>/dev/null; done
for pid in "${HELPERS[@]}"; do wait "$pid" 2>/dev/null; done
HELPERS=()
equal "rows" $((2 * commits)) "$(must "$P" 'SELECT count(*) FROM durable')"

check() { python3 "$ROOT/tests/trace/check_durability.py" --commits $((2 * commits)) "$@" "$WORK"/*.trace; }
check || { [ -z "${KEEP:-}" ] || wc "$WORK"/*.trace; fail "a reply went out before two nodes had synced"; }
check --without "$primary" --without "$replica" >/dev/null && fail "the checker takes one node's sync for two"
say "traces without two nodes' syncs are refused, as they should be"
