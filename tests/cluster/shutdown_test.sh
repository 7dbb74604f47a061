#!/usr/bin/env bash
# shutdown_test.sh: what clients hear when a node stops by SIGTERM: 57P01 whether idle, in a block
# or in a statement; 08007 for a commit that no majority answers; 57P03 for who comes too late; and
# through a standby next to nothing.
source "$(dirname "$0")/lib.sh"
up 3
must "$P" "CREATE TABLE t (a int)"
primary=$(primary_name)
port=$(port_of "$primary")
mapfile -t others < <(node_names | grep -vx "$primary")

# ends_with FILE SQLSTATE
ends_with() { grep -q "^FATAL:  $2: " "$1" || fail "no $2 in $(cat "$1")"; }

# psql_with NAME SECONDS TEXT: sends TEXT, then nothing for a while, then one more statement.
psql_with() {
    { echo "$3"; sleep "$2"; echo "SELECT 'too late';"; } |
        timeout 40 psql -XAtq -v VERBOSITY=verbose -p "$port" >"$WORK/$1" 2>&1 &
    PSQLS+=($!)
}
PSQLS=()
psql_with idle 4 "SELECT 'idle';"
psql_with block 4 "BEGIN; INSERT INTO t VALUES (1); SELECT 'block';"
psql_with busy 4 "SELECT 'busy'; SELECT count(*) FROM generate_series(1, 100000000000);"
for name in idle block busy; do wait_for 5 grep -q $name "$WORK/$name"; done
# A commit that nobody answers holds the stop up for a while: it is under way before the primary
# notices that it is alone.
mkfifo "$WORK/in"
timeout 40 psql -XAtq -v VERBOSITY=verbose -p "$port" <"$WORK/in" >"$WORK/doubt" 2>&1 &
PSQLS+=($!)
exec 5>"$WORK/in"
echo "SELECT 'is there';" >&5
wait_for 5 grep -q 'is there' "$WORK/doubt"
pids=()
for name in "${others[@]}"; do pids+=("$(node_pid "$name")"); done
primary_pid=$(node_pid "$primary")
kill -STOP "${pids[@]}"
echo "INSERT INTO t VALUES (2);" >&5
sleep 0.1
kill -TERM "$primary_pid"
exec 5>&-
sleep 0.3
late=$(PGOPTIONS='' timeout 10 psql -XAtq -v VERBOSITY=verbose -p "$port" -c 'SELECT 1' 2>&1)
[[ $late == *"the database system is shutting down"* ]] || fail "late: $late"
kill -CONT "${pids[@]}"
for pid in "${PSQLS[@]}"; do wait "$pid"; done
for name in idle block busy; do
    ends_with "$WORK/$name" 57P01
    ! grep -q 'too late' "$WORK/$name" || fail "$name went on"
done
grep -qE '^ERROR:  (08007|40001): ' "$WORK/doubt" || ! grep -q ERROR "$WORK/doubt" || fail "$(cat "$WORK/doubt")"
wait_for 30 test -z "$(node_pid "$primary")"
cluster local start "$primary" --dir "$DIR" || fail "start"
wait_for 30 all_healthy
equal "the block is gone" 0 "$(must "$port" 'SELECT count(*) FROM t WHERE a = 1')"

# A stop of the primary under clients of a standby: they retry what is 40001, and lose nothing.
timeout 60 pgbench -q -i -s 1 -p "$port" >"$WORK/init.log" 2>&1 || fail "pgbench -i"
primary=$(primary_name)
standby=$(node_names | grep -vx "$primary" | head -n 1)
timeout 60 pgbench -n --max-tries=50 -M prepared -c 4 -T 4 -p "$(port_of "$standby")" >"$WORK/stop.bench" 2>&1 &
bench=$!
sleep 1.5
cluster local stop "$primary" --dir "$DIR" || fail "stop under pgbench"
cluster local start "$primary" --dir "$DIR" || fail "start after the stop"
wait "$bench"
grep -q 'number of failed transactions: 0 ' "$WORK/stop.bench" || say "$(tail -n 15 "$WORK/stop.bench")"
wait_for 30 all_healthy
bank_agrees
expect_one_hash
