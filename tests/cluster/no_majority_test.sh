#!/usr/bin/env bash
# no_majority_test.sh: a primary cut off from both standbys. A commit that waits becomes 08007 with
# its gtid, a running transaction gets 40001, reads go on, writes say what is missing, a stop is
# clean; and when the majority is back the gtid tells what became of the commit.
source "$(dirname "$0")/lib.sh"
up 3
must "$P" "CREATE TABLE t (a int PRIMARY KEY)"
primary=$(primary_name)
port=$(port_of "$primary")
mapfile -t others < <(node_names | grep -vx "$primary")

# Seconds since the mark: whole numbers are enough.
mark() { MARK=$SECONDS; }
within() { [ $((SECONDS - MARK)) -le "$1" ] || fail "$2 took $((SECONDS - MARK)) s"; }

open_session 1 "$port"
expect 1 "BEGIN" "BEGIN"
expect 1 "INSERT INTO t VALUES (1)" "INSERT 0 1"
# The commit must be under way before the primary notices that it is alone: its session waits.
open_session 2 "$port"
ask 2 "SELECT 'is there'"
pids=()
for name in "${others[@]}"; do pids+=("$(node_pid "$name")"); done
kill -STOP "${pids[@]}"
send 2 "INSERT INTO t VALUES (2)"
mark
answer 2
within 15 "the commit in doubt"
[[ $GOT =~ ^"ERROR:  08007: ".*"DETAIL:  Transaction "([0-9-]+)" was submitted" ]] || fail "no 08007 with its gtid: $GOT"
gtid=${BASH_REMATCH[1]}
[[ $GOT == *"HINT:  Ask rustydb_transaction_status('$gtid')"* ]] || fail "no hint: $GOT"

expect 1 "INSERT INTO t VALUES (3)" "ERROR:  40001: "
expect 1 "SELECT 'in it'" "ERROR:  25P02: "
expect 1 "ROLLBACK" "ROLLBACK"
close_session 1
close_session 2

mark
equal "a read without a majority" 0 "$(must "$port" 'SELECT count(*) FROM t')"
within 3 "a read"
mark
cluster local stop "$primary" --dir "$DIR" || fail "a stop without a majority"
within 10 "a stop"

for name in "${others[@]}"; do cluster local resume "$name" --dir "$DIR" || fail "resume $name"; done
cluster local start "$primary" --dir "$DIR" || fail "start $primary"
wait_for 30 all_healthy
said=$(must "$(port_of "${others[0]}")" "SELECT rustydb_transaction_status('$gtid')")
there=$(must "$(port_of "${others[0]}")" "SELECT count(*) FROM t WHERE a = 2")
case $said,$there in
committed,1 | aborted,0 | unknown,0) ;;
*) fail "the status is $said, the row is there $there times" ;;
esac
equal "rows of the lost block" 0 "$(must "$port" 'SELECT count(*) FROM t WHERE a IN (1, 3)')"
expect_one_hash
