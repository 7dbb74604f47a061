#!/usr/bin/env bash
# relay_test.sh: a session at a standby, followed closely: Flush without Sync, settings and
# statements that the session made itself (also in blocks, also beyond a switchover), and the gtid
# of a commit whose primary died under it.
source "$(dirname "$0")/lib.sh"
up 3
must "$P" "CREATE TABLE flushed (a int PRIMARY KEY); CREATE TABLE t (a int PRIMARY KEY)"
primary=$(primary_name)
standby=$(node_names | grep -vx "$primary" | head -n 1)
other=$(node_names | grep -vx "$primary" | tail -n 1)

want='prepared: 1tT
executed: 2DC
synced: Z
prepared: 1tn
executed: 2C
synced: Z
read: 12DC
duplicate: 12E[23505]
synced: Z
begun: 12C
inserted: 12CZ
committed: 12CZ'
for name in "$primary" "$standby"; do
    got=$(timeout 30 python3 "$ROOT/tests/cluster/flush_client.py" "$(port_of "$name")" 2>&1)
    equal "Flush at $name" "$want" "$got"
    equal "rows at $name" "1
2" "$(must "$P" "DELETE FROM flushed RETURNING a")"
done

# A session of the standby over two switchovers: away from the primary, then to its own node.
mkfifo "$WORK/in"
timeout 60 psql -XAtq -p "$(port_of "$standby")" <"$WORK/in" >"$WORK/session.log" 2>&1 &
session=$!
exec 5>"$WORK/in"
cat >&5 <<'SQL'
SET application_name = 'first';
PREPARE put (int) AS INSERT INTO t VALUES ($1);
EXECUTE put (1);
BEGIN;
SET lock_timeout = '7s';
SET LOCAL statement_timeout = '9s';
INSERT INTO t VALUES (2);
COMMIT;
BEGIN;
INSERT INTO t VALUES (3);
SET application_name = 'rolled back';
ROLLBACK;
SHOW lock_timeout;
SHOW application_name;
SET statement_timeout = '1min'\; INSERT INTO t VALUES (100);
SELECT 'before';
SQL
wait_for 10 grep -q before "$WORK/session.log"
for to in "$other" "$standby"; do
    cluster --switchover --from "$(primary_name)" --to "$to" --dir "$DIR" >/dev/null ||
        fail "switchover to $to"
    number=$(($([ "$to" = "$other" ] && echo 10 || echo 20)))
    cat >&5 <<SQL
EXECUTE put ($number);
BEGIN;
EXECUTE put ($number + 1);
SHOW lock_timeout;
SHOW application_name;
SHOW statement_timeout;
COMMIT;
SHOW lock_timeout;
SELECT 'after $to';
SQL
    wait_for 10 grep -q "after $to" "$WORK/session.log"
done
exec 5>&-
wait "$session"
equal "what the session saw" "7s
first
before
7s
first
1min
7s
after $other
7s
first
1min
7s
after $standby" "$(cat "$WORK/session.log")"
equal "what it wrote" "1 2 10 11 20 21 100" "$(must "$P" 'SELECT a FROM t ORDER BY a' | xargs)"

# What a text of several statements does to a session: SETs of it are the session's once it went well;
# in a block that failed here, the end of the block runs here and what is behind it there.
primary=$(primary_name)
standby=$(node_names | grep -vx "$primary" | head -n 1)
open_session 1 "$(port_of "$standby")"
expect 1 "SET application_name = 'along'\\; INSERT INTO t VALUES (200)" "SET; INSERT 0 1"
expect 1 "SHOW application_name" "application_name; along"
expect 1 "SET application_name = 'lost'\\; INSERT INTO t VALUES (200)" "SET; ERROR:  23505"
expect 1 "BEGIN\\; SET application_name = 'lost'\\; DELETE FROM t\\; ROLLBACK" "BEGIN; SET; DELETE"
expect 1 "SHOW application_name" "application_name; along"
expect 1 "BEGIN\\; SET application_name = 'kept'\\; COMMIT\\; SET lock_timeout = '8s'" "BEGIN; SET; COMMIT; SET"
expect 1 "SHOW application_name" "application_name; kept"
for text in "SELECT 1 / 0" "SELECT nosuch"; do
    expect 1 "BEGIN READ ONLY" "BEGIN"
    expect 1 "$text" "ERROR:  "
    expect 1 "ROLLBACK\\; BEGIN\\; DELETE FROM t WHERE a = 200\\; SHOW application_name\\; SHOW lock_timeout" \
        "ROLLBACK; BEGIN; DELETE 1; application_name; kept; (1 row); lock_timeout; 8s"
    expect 1 "ROLLBACK" "ROLLBACK"
done
expect 1 "BEGIN READ ONLY" "BEGIN"
expect 1 "SELECT 1 / 0" "ERROR:  "
expect 1 "COMMIT\\; DELETE FROM t WHERE a = 200\\; SELECT nosuch" "ROLLBACK; DELETE 1; ERROR:  42703: column \"nosuch\" does not exist; LINE 1: COMMIT; DELETE FROM t WHERE a = 200; SELECT nosuch;;"
expect 1 "DELETE FROM t WHERE a = 200" "DELETE 1"

# A session at rest does not keep a switchover waiting, whether it ran here and there or there only.
open_session 2 "$(port_of "$standby")"
expect 2 "INSERT INTO t VALUES (300)" "INSERT 0 1"
for to in "$standby" "$primary"; do
    cluster --switchover --from "$(primary_name)" --to "$to" --dir "$DIR" >"$WORK/switchover" || fail "switchover to $to"
    ! grep 'still running' "$WORK/switchover" || fail "a session at rest held the switchover up"
    expect 1 "SHOW lock_timeout" "lock_timeout; 8s"
    expect 1 "INSERT INTO t VALUES (200)" "INSERT 0 1"
    expect 1 "DELETE FROM t WHERE a = 200" "DELETE 1"
done
expect 2 "DELETE FROM t WHERE a = 300" "DELETE 1"
close_session 1
close_session 2

# kill -9 of the primary under single inserts at a standby: the one in doubt names its gtid.
found=no
for round in {1..10}; do
    primary=$(primary_name)
    standby=$(node_names | grep -vx "$primary" | head -n 1)
    for ((i = round * 1000000; i < round * 1000000 + 30000; i++)); do
        echo "INSERT INTO t VALUES ($i);"
    done >"$WORK/in.sql"
    rm -f "$WORK/in.log" # of the round before: this one is not under way yet
    timeout 60 psql -XAtqe -v VERBOSITY=verbose -p "$(port_of "$standby")" -f "$WORK/in.sql" \
        >"$WORK/in.log" 2>&1 &
    client=$!
    is_under_way() { [ "$(grep -c INSERT "$WORK/in.log")" -gt 100 ]; }
    wait_for 20 is_under_way
    kill_node "$primary"
    wait_for 30 a_primary_that_is_not "$primary"
    sleep 0.3
    pkill -P "$client" psql # what comes now says nothing new
    cluster local start "$primary" --dir "$DIR" || fail "local start $primary"
    wait_for 30 all_healthy
    wait "$client"
    if grep -q 'ERROR:  08007: the connection to the primary was lost' "$WORK/in.log"; then
        gtid=$(sed -n 's/^DETAIL:  Transaction \([0-9-]*\) was submitted.*/\1/p' "$WORK/in.log")
        if [ -n "$gtid" ]; then
            found=yes
            row=$(grep -B 3 'ERROR:  08007' "$WORK/in.log" | sed -n 's/^INSERT.*(\([0-9]*\));$/\1/p' | tail -n 1)
            there=$(must "$P" "SELECT count(*) FROM t WHERE a = $row")
            said=$(must "$P" "SELECT rustydb_transaction_status('$gtid')")
            case $said,$there in
            committed,1 | aborted,0 | unknown,0) ;;
            *) fail "$gtid is $said, row $row is there $there times" ;;
            esac
            break
        fi
    fi
done
[ $found = yes ] || fail "no commit was in doubt with its gtid: $(grep -A 3 ERROR "$WORK/in.log" | head -n 20)"
expect_one_hash
