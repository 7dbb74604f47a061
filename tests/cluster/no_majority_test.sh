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

mkfifo "$WORK/block"
timeout 60 psql -XAtq -v VERBOSITY=verbose -p "$port" <"$WORK/block" >"$WORK/block.log" 2>&1 &
block=$!
exec 5>"$WORK/block"
echo "BEGIN; INSERT INTO t VALUES (1); SELECT 'is open';" >&5
wait_for 5 grep -q 'is open' "$WORK/block.log"
# The commit must be under way before the primary notices that it is alone: its session waits.
mkfifo "$WORK/doubt"
timeout 40 psql -XAtq -v VERBOSITY=verbose -p "$port" <"$WORK/doubt" >"$WORK/doubt.log" 2>&1 &
doubt=$!
exec 6>"$WORK/doubt"
echo "SELECT 'is there';" >&6
wait_for 5 grep -q 'is there' "$WORK/doubt.log"
pids=()
for name in "${others[@]}"; do pids+=("$(node_pid "$name")"); done
kill -STOP "${pids[@]}"
echo "INSERT INTO t VALUES (2);" >&6
mark
exec 6>&-
wait "$doubt"
within 15 "the commit in doubt"
grep -q '^ERROR:  08007: ' "$WORK/doubt.log" || fail "no 08007: $(cat "$WORK/doubt.log")"
gtid=$(sed -n 's/^DETAIL: .*Transaction \([0-9-]*\) was submitted.*/\1/p' "$WORK/doubt.log")
[ -n "$gtid" ] || fail "no gtid: $(cat "$WORK/doubt.log")"
grep -q "^HINT:  Ask rustydb_transaction_status('$gtid')" "$WORK/doubt.log" || fail "no hint"

echo "INSERT INTO t VALUES (3); SELECT 'in it'; ROLLBACK; SELECT 'goes on';" >&5
wait_for 5 grep -q 'goes on' "$WORK/block.log"
grep -q '^ERROR:  40001: ' "$WORK/block.log" || fail "no 40001: $(cat "$WORK/block.log")"
grep -q '^ERROR:  25P02: ' "$WORK/block.log" || fail "no failed block: $(cat "$WORK/block.log")"
exec 5>&-
wait "$block" || fail "the connection of the block"

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
