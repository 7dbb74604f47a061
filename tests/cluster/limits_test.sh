#!/usr/bin/env bash
# limits_test.sh: what ends a statement or a session before its time: statement_timeout,
# lock_timeout, idle_in_transaction_session_timeout, a cancel, a query's memory; on the primary and
# through a standby. Each soon, and others are served meanwhile.
source "$(dirname "$0")/lib.sh"
up 3
wait_for 30 sql "$P" "CREATE TABLE t (a int PRIMARY KEY, b text);
           INSERT INTO t SELECT g, md5(g::text) FROM generate_series(1, 100000) g"
wait_for 20 sql $((P + 1)) "SELECT 1 / count(*) FROM t"

milliseconds() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# ends PORT SETTING SQLSTATE TEXT SQL: the statement fails with it, within 5 s, which is for
# a machine that is busy with other things.
ends() {
    local begin end said
    begin=$(milliseconds)
    said=$(timeout 20 psql -XAtq -v VERBOSITY=verbose -p "$1" -c "SET $2" -c "$5" 2>&1 >/dev/null |
        grep -m 1 -E '^(ERROR|FATAL): ')
    end=$(milliseconds)
    equal "$2, $5" "$3: $4" "${said#*:  }"
    [ $((end - begin)) -lt 5000 ] || fail "$5 ended after $((end - begin)) ms"
}

timeout_text="canceling statement due to statement timeout"
for port in "$P" $((P + 1)); do
    while read -r text; do
        ends "$port" "statement_timeout = '150ms'" 57014 "$timeout_text" "$text"
    done <<'SQL'
SELECT count(*) FROM t x, t y
SELECT count(*) FROM generate_series(1, 10000000000)
SELECT generate_series(1, 1000000000)
SELECT g FROM generate_series(1, 20000000) g ORDER BY md5(g::text) LIMIT 1 OFFSET 10000000
SELECT count(*), g % 1000000 k FROM generate_series(1, 100000000) g GROUP BY k ORDER BY 1 LIMIT 1
SELECT count(DISTINCT g) FROM generate_series(1, 30000000) g
COPY (SELECT g FROM generate_series(1, 100000000) g) TO STDOUT
INSERT INTO t SELECT g, 'x' FROM generate_series(200000, 20000000) g
SQL
done

# COPY FROM and an index build; the table is as before.
{ echo "SET statement_timeout = '100ms'; COPY t FROM STDIN;"; seq 1000000 4000000 | sed 's/$/\tx/'; echo '\.'; } |
    timeout 30 psql -XAtq -v VERBOSITY=sqlstate -p "$P" >"$WORK/copy.log" 2>&1
grep -q '^ERROR:  57014' "$WORK/copy.log" || fail "COPY: $(head -n 3 "$WORK/copy.log")"
# A client that is silent for long hears of it with what it sends next, as PostgreSQL's do.
for port in "$P" $((P + 1)); do
    { echo "SET statement_timeout = '100ms'; COPY t FROM STDIN;"; sleep 1; printf '900000\tx\n\\.\n'; } |
        timeout 30 psql -XAtq -v VERBOSITY=sqlstate -p "$port" >"$WORK/copy.log" 2>&1
    equal "a silent COPY at $port" "ERROR:  57014" "$(cat "$WORK/copy.log")"
done
ends "$P" "statement_timeout = '20ms'" 57014 "$timeout_text" "CREATE INDEX ON t (b)"
equal "rows" 100000 "$(must "$P" 'SELECT count(*) FROM t')"

# Locks.
open_session 1 "$P"
expect 1 "BEGIN" "BEGIN"
expect 1 "UPDATE t SET b = '' WHERE a = 1" "UPDATE 1"
for port in "$P" $((P + 1)); do
    ends "$port" "lock_timeout = '150ms'" 55P03 "canceling statement due to lock timeout" \
        "UPDATE t SET b = '' WHERE a = 1"
    ends "$port" "lock_timeout = '150ms'" 55P03 "canceling statement due to lock timeout" \
        "DROP TABLE t"
    ends "$port" "statement_timeout = '150ms'" 57014 "$timeout_text" \
        "UPDATE t SET b = '' WHERE a = 1"
done
expect 1 "ROLLBACK" "ROLLBACK"
close_session 1

# An idle block ends with its connection, and lets its lock go; one that works does not.
for port in "$P" $((P + 1)); do
    open_session 2 "$port"
    expect 2 "SET idle_in_transaction_session_timeout = '1s'" "SET"
    expect 2 "BEGIN" "BEGIN"
    expect 2 "DELETE FROM t WHERE a = 2" "DELETE 1"
    sleep 0.1
    expect 2 "SELECT count(*) FROM t WHERE a = 2" "count; 0"
    sleep 2
    send 2 "COMMIT"
    last_words 2
    [[ $GOT == *"FATAL:  25P03: terminating connection due to idle-in-transaction timeout"* ]] ||
        fail "idle block at $port: $GOT"
done
equal "the idle block's row" 1 "$(must "$P" 'SELECT count(*) FROM t WHERE a = 2')"

# More long statements than cores: others are served, and a cancel reaches each.
pids=()
for i in $(seq 6); do
    timeout 30 psql -XAtq -v VERBOSITY=verbose -p "$P" -c "SELECT 'begins'" \
        -c "SELECT count(*) FROM t x, t y" >"$WORK/long.$i" 2>&1 &
    pids+=($!)
done
for i in $(seq 6); do wait_for 20 grep -q begins "$WORK/long.$i"; done
begin=$(milliseconds)
equal "a short statement beside long ones" 1 "$(must "$P" 'SELECT 1')"
# A cancel that comes before its statement hits nothing: until each has ended.
for pid in "${pids[@]}"; do
    while kill -0 "$pid" 2>/dev/null; do
        pkill -INT -P "$pid" psql
        sleep 0.1
    done
    wait "$pid"
done
[ $(($(milliseconds) - begin)) -lt 5000 ] || fail "cancels took $(($(milliseconds) - begin)) ms"
for i in $(seq 6); do
    grep -q '^ERROR:  57014: canceling statement due to user request' "$WORK/long.$i" ||
        fail "a cancel: $(cat "$WORK/long.$i")"
done

# Memory.
while read -r text; do
    equal "$text" 53200 "$(sqlstate_of "$P" "SET rustydb.statement_memory = '8MB'; $text")"
done <<'SQL'
SELECT g FROM generate_series(1, 2000000) g ORDER BY md5(g::text)
SELECT count(*) FROM generate_series(1, 2000000) g GROUP BY g
SELECT count(*) FROM generate_series(1, 2000000) x JOIN generate_series(1, 2000000) y ON x = y
SELECT DISTINCT g FROM generate_series(1, 2000000) g
SELECT count(DISTINCT g) FROM generate_series(1, 2000000) g
SELECT length(string_agg(g::text, ',')) FROM generate_series(1, 5000000) g
SELECT g FROM generate_series(1, 2000000) g UNION SELECT 1
SELECT count(*) FROM t WHERE a IN (SELECT g FROM generate_series(1, 5000000) g)
SELECT max(length(repeat('x', 1000000) || g)) FROM generate_series(1, 1000000) g
SQL
equal "a query within its memory" 100000 "$(must "$P" "SET rustydb.statement_memory = '64MB'; SELECT count(*) FROM (SELECT b FROM t ORDER BY b) x")"

# What took long is written down by the node that ran it, and nothing else is.
psql -XAtq -v ON_ERROR_STOP=1 -p "$P" -c "SET log_min_duration_statement = '1s'" -c "SELECT 'quick_one'" \
    -c "SELECT pg_sleep(1.1), 'slow_one'" >/dev/null || fail "slow statements"
cat "$DIR"/*/logs/slow-query.log >"$WORK/slow"
grep -q slow_one "$WORK/slow" || { cat "$WORK/slow" >&2; fail "slow-query.log does not have the slow statement"; }
! grep -q quick_one "$WORK/slow" || { cat "$WORK/slow" >&2; fail "slow-query.log has a quick statement"; }
