#!/usr/bin/env bash
# replicas_test.sh: any node takes writes, and a session reads its own; DDL, prepared statements,
# settings and blocks go along; target_session_attrs works; one state hash on all nodes.
source "$(dirname "$0")/lib.sh"
up 3
must "$P" "CREATE TABLE notes (id int PRIMARY KEY, words text)"

# A session of each node writes and reads what it wrote, 100 times.
number=0
for port in $(all_ports); do
    for ((i = 0; i < 100; i++)); do
        number=$((number + 1))
        echo "INSERT INTO notes VALUES ($number, 'of port $port');"
        echo "SELECT CASE WHEN count(*) = 1 THEN 'seen' ELSE 'missing $number' END FROM notes WHERE id = $number;"
    done >"$WORK/own.sql"
    got=$(timeout 60 psql -XAtq -v ON_ERROR_STOP=1 -p "$port" -f "$WORK/own.sql" | sort | uniq -c | xargs)
    equal "own writes at port $port" "100 seen" "$got"
done

# A block at a replica, a failed one, a rolled-back one, savepoints, a cursor-free read only one.
primary=$(primary_name)
for name in $(node_names); do
    port=$(port_of "$name")
    got=$(timeout 60 psql -XAtq -p "$port" <<'SQL' 2>&1
BEGIN;
INSERT INTO notes VALUES (1000, 'a');
SAVEPOINT s;
INSERT INTO notes VALUES (1000, 'b');
ROLLBACK TO s;
INSERT INTO notes VALUES (1001, 'c');
SELECT count(*) FROM notes WHERE id >= 1000;
COMMIT;
SELECT count(*) FROM notes WHERE id >= 1000;
BEGIN;
DELETE FROM notes WHERE id >= 1000;
ROLLBACK;
SELECT count(*) FROM notes WHERE id >= 1000;
BEGIN READ ONLY;
SELECT count(*) FROM notes WHERE id >= 1000;
DELETE FROM notes;
ROLLBACK;
DELETE FROM notes WHERE id >= 1000;
SELECT count(*) FROM notes;
PREPARE find (int) AS SELECT words FROM notes WHERE id = $1;
EXECUTE find (1);
SET application_name = 'here';
SHOW application_name;
SQL
    )
    want="ERROR:  duplicate key value violates unique constraint \"notes_pkey\"
DETAIL:  Key (id)=(1000) already exists.
2
2
2
2
ERROR:  cannot execute DELETE in a read-only transaction
300
of port $P
here"
    equal "blocks at $name" "$want" "$got"
    recovery=t
    [ "$name" != "$primary" ] || recovery=f
    equal "pg_is_in_recovery at $name" $recovery "$(must "$port" 'SELECT pg_is_in_recovery()')"
done

# libpq finds the primary and a standby by itself.
hosts=$(all_ports | sed 's/.*/127.0.0.1/' | paste -sd,)
ports=$(all_ports | paste -sd,)
for wanted in read-write:f primary:f standby:t prefer-standby:t any:; do
    got=$(timeout 20 psql -XAtq "host=$hosts port=$ports target_session_attrs=${wanted%%:*}" \
        -c 'SELECT pg_is_in_recovery()') || fail "target_session_attrs=${wanted%%:*}"
    [ -z "${wanted#*:}" ] || equal "target_session_attrs=${wanted%%:*}" "${wanted#*:}" "$got"
done

# COPY, DDL and extended protocol through each node.
for port in $(all_ports); do
    # In one session: another one at a replica need not see these rows yet.
    got=$(timeout 20 psql -XAtq -p "$port" -v ON_ERROR_STOP=1 <<'SQL'
COPY notes FROM STDIN;
2000	copied
2001	copied
\.
COPY (SELECT * FROM notes WHERE id >= 2000 ORDER BY id) TO STDOUT;
DELETE FROM notes WHERE id >= 2000;
SQL
    ) || fail "COPY at port $port"
    equal "rows of COPY at port $port" "2000	copied
2001	copied" "$got"
    must "$port" "CREATE TABLE here_$port (a int); INSERT INTO here_$port VALUES (1); DROP TABLE here_$port"
done
timeout 120 pgbench -q -i -s 1 -p $((P + 1)) >"$WORK/init.log" 2>&1 || { cat "$WORK/init.log" >&2; fail "pgbench -i at n2"; }
for mode in simple extended prepared; do
    for port in $(all_ports); do
        bench "at-$port" --max-tries=10 -M $mode -c 2 -T 1 -p "$port"
    done
done
bank_agrees
expect_one_hash

# Parallel clients at all nodes, then equal hashes again.
pids=()
for port in $(all_ports); do
    timeout 60 pgbench -n --max-tries=10 -M prepared -c 3 -T 4 --random-seed="$SEED" -p "$port" \
        >"$WORK/$port.bench" 2>&1 &
    pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "pgbench at all nodes"; done
for port in $(all_ports); do bench_clean "$WORK/$port.bench"; done
bank_agrees
expect_one_hash
