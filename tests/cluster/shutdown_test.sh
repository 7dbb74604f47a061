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

for number in 1 2 3 4; do
    open_session $number "$port"
    ask $number "SELECT 'is there'"
done
expect 2 "BEGIN" "BEGIN"
expect 2 "INSERT INTO t VALUES (1)" "INSERT 0 1"
send 3 "SELECT count(*) FROM generate_series(1, 100000000000)"
# A commit that nobody answers holds the stop up for a while: it is under way before the primary
# notices that it is alone.
pids=()
for name in "${others[@]}"; do pids+=("$(node_pid "$name")"); done
primary_pid=$(node_pid "$primary")
kill -STOP "${pids[@]}"
send 4 "INSERT INTO t VALUES (2)"
sleep 0.3
kill -TERM "$primary_pid"
is_late() { [[ $(timeout 10 psql -XAtq -p "$port" -c 'SELECT 1' 2>&1) == *"the database system is shutting down"* ]]; }
wait_for 4 is_late
kill -CONT "${pids[@]}"
for number in 1 2 3; do
    [ $number = 3 ] || send $number "SELECT 'too late'" # psql looks at its connection no sooner
    last_words $number
    [[ $GOT == *"FATAL:  57P01: "* && $GOT != *"too late"* ]] || fail "session $number: $GOT"
done
send 4 "SELECT 'too late'"
last_words 4
[[ $GOT != *ERROR:* || $GOT =~ "ERROR:  "(08007|40001)": " ]] || fail "the commit: $GOT"
wait_for 30 stopped "$primary"
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
