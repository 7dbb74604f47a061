#!/usr/bin/env bash
# single_node_test.sh: one server. pgbench in every mode, kill -9 and back; then what users and
# strangers get wrong: each a clear error, nothing lost, other sessions undisturbed.
source "$(dirname "$0")/lib.sh"
up 1
home=$DIR/n1

# ---- psql and pgbench ----
equal "a query" "2" "$(must "$P" 'SELECT 1 + 1')"
timeout 120 pgbench -q -i -s 1 -p "$P" >"$WORK/init.log" 2>&1 || { cat "$WORK/init.log" >&2; fail "pgbench -i"; }
grep -iE 'warning|error' "$WORK/init.log" && fail "pgbench -i complained"
for script in tpcb-like simple-update select-only; do
    for mode in simple extended prepared; do
        bench "$script-$mode" -b $script -M $mode -c 4 -T 1 --random-seed="$SEED" -p "$P"
    done
done
# simple-update leaves tellers and branches alone: its rows do not count for them.
equal "accounts and history" "t" \
    "$(must "$P" 'SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)')"
timeout 120 pgbench -q -i -s 1 -p "$P" >"$WORK/init.log" 2>&1 || fail "pgbench -i again"
bench tpcb -M prepared -c 8 -T 2 --random-seed="$SEED" -p "$P"
bank_agrees
before=$HISTORY_ROWS

# ---- kill -9 and back ----
must "$P" "CREATE TABLE kept (id int PRIMARY KEY, words text); INSERT INTO kept SELECT i, 'row ' || i FROM generate_series(1, 5000) i"
must "$P" "BEGIN; UPDATE kept SET words = 'changed' WHERE id <= 100; DELETE FROM kept WHERE id > 4000; COMMIT"
psql -XAtq -p "$P" -c "BEGIN; INSERT INTO kept VALUES (9999, 'never committed'); SELECT pg_sleep(30)" >/dev/null 2>&1 &
HELPERS+=($!)
must "$P" "CHECKPOINT"
must "$P" "INSERT INTO kept VALUES (6000, 'after the checkpoint')"
kept="4001|100|1|$(must "$P" 'SELECT sum(id) FROM kept')"
what="SELECT count(*), count(*) FILTER (WHERE words = 'changed'), count(*) FILTER (WHERE id = 6000), sum(id) FROM kept"
[ "$(sqlstate_of "$P" "$what")" = ok ] ||
    what="SELECT count(*), sum(CASE WHEN words = 'changed' THEN 1 ELSE 0 END), sum(CASE WHEN id = 6000 THEN 1 ELSE 0 END), sum(id) FROM kept"
equal "before the crash" "$kept" "$(must "$P" "$what")"
for ((round = 1; round <= 3; round++)); do
    timeout 60 pgbench -n -M prepared -c 4 -T 30 -p "$P" >/dev/null 2>&1 &
    HELPERS+=($!)
    sleep 1.$((RANDOM % 10))
    kill_node n1
    cluster local up --dir "$DIR" >/dev/null || fail "start after kill -9"
    equal "after the crash" "$kept" "$(must "$P" "$what")"
    bank_agrees
    [ "$HISTORY_ROWS" -gt "$before" ] || fail "history did not grow: $before, $HISTORY_ROWS"
    before=$HISTORY_ROWS
done
equal "the index" "row 3000" "$(must "$P" 'SELECT words FROM kept WHERE id = 3000')"
equal "the unique key" "23505" "$(sqlstate_of "$P" "INSERT INTO kept VALUES (1, '')")"
cluster local stop n1 --dir "$DIR" || fail "a clean stop"
cluster local up --dir "$DIR" >/dev/null || fail "start after a clean stop"
equal "after a clean stop" "$kept" "$(must "$P" "$what")"

# ---- mistakes ----
equal "syntax error" 42601 "$(sqlstate_of "$P" 'SELEC 1')"
equal "unknown table" 42P01 "$(sqlstate_of "$P" 'SELECT * FROM nowhere')"
equal "unknown column" 42703 "$(sqlstate_of "$P" 'SELECT nothing FROM kept')"
equal "type error" 22P02 "$(sqlstate_of "$P" "SELECT 'x'::int")"
equal "operator" 42883 "$(sqlstate_of "$P" "SELECT true + 1")"
equal "unknown function" 42883 "$(sqlstate_of "$P" 'SELECT nothing(1)')"
equal "division" 22012 "$(sqlstate_of "$P" 'SELECT 1/0')"
equal "unknown setting" 42704 "$(sqlstate_of "$P" 'SET nothing = 1')"
said=$(psql -XAtq -U nobody -p "$P" -c 'SELECT 1' 2>&1)
[[ $said == *'role "nobody" does not exist'* ]] || fail "unknown user: $said"
said=$(psql -XAtq -d nowhere -p "$P" -c 'SELECT 1' 2>&1)
[[ $said == *'database "nowhere" does not exist'* ]] || fail "unknown database: $said"

# A session that must not notice anything of what follows.
mkfifo "$WORK/in"
psql -XAtq -p "$P" <"$WORK/in" >"$WORK/witness" 2>&1 &
witness=$!
HELPERS+=("$witness")
exec 9>"$WORK/in"
echo "BEGIN; INSERT INTO kept VALUES (7000, 'of the witness');" >&9

# 1,000,000 parentheses, and other towers.
{ printf 'SELECT '; head -c 1000000 /dev/zero | tr '\0' '('; printf 1; head -c 1000000 /dev/zero | tr '\0' ')'; } >"$WORK/deep.sql"
{ printf 'SELECT 1'; for ((i = 0; i < 50000; i++)); do printf '+1'; done; } >"$WORK/chain.sql"
{ for ((i = 0; i < 20000; i++)); do printf 'SELECT * FROM ('; done; printf 'SELECT 1'; for ((i = 0; i < 20000; i++)); do printf ') x'; done; } >"$WORK/nested.sql"
{ printf 'SELECT 1'; for ((i = 0; i < 20000; i++)); do printf ' UNION SELECT 1'; done; } >"$WORK/unions.sql"
for tower in deep chain nested unions; do
    said=$(timeout 60 psql -XAtq -v VERBOSITY=sqlstate -p "$P" -f "$WORK/$tower.sql" 2>&1)
    case $said in
    *54001* | *0A000*) ;;
    *) [ $tower = chain ] && [ "$said" = 50001 ] || fail "$tower.sql: ${said:0:200}" ;;
    esac
done
said=$(timeout 60 psql -XAtq -v VERBOSITY=sqlstate -p "$P" -f "$WORK/deep.sql" 2>&1)
[[ $said == *54001* ]] || fail "1,000,000 parentheses: ${said:0:200}"

# Bytes that are no protocol. Every stranger is answered or cut off within two seconds.
throw() {
    exec 8<>"/dev/tcp/127.0.0.1/$P" || fail "connect to $P"
    cat >&8 2>/dev/null
    timeout 2 cat <&8 >/dev/null
    exec 8>&- 8<&-
}
startup='\0\0\0\x29\0\3\0\0user\0postgres\0database\0postgres\0\0'
head -c 4096 /dev/urandom | throw
printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' | throw
printf '\xff\xff\xff\xff\0\3\0\0' | throw
printf '\0\0\0\4' | throw
printf '\0\0\0\x8\0\x9\0\0' | throw
printf '\0\0\0\x9\0\3\0\0x' | throw
printf "$startup"'Q\xff\xff\xff\xff' | throw
printf "$startup"'Q\0\0\0\0' | throw
printf "$startup"'Q\0\0\0\x6ab' | throw
printf "$startup"'\1\0\0\0\4' | throw
printf "$startup"'B\0\0\0\x8\0\0\0\xff' | throw
printf "$startup"'P\0\0\0\x5xS\0\0\0\4' | throw
printf "$startup"'E\0\0\0\x4S\0\0\0\4' | throw
printf "$startup"'D\0\0\0\x6Zq\0S\0\0\0\4' | throw
printf "$startup"'d\0\0\0\x5xc\0\0\0\4' | throw
for ((i = 0; i < 20; i++)); do
    { printf "$startup"; head -c $((RANDOM % 300)) /dev/urandom; } | throw
done
echo "COMMIT; SELECT words FROM kept WHERE id = 7000;" >&9
exec 9>&-
wait "$witness" || fail "the witness was disturbed: $(cat "$WORK/witness")"
equal "the witness" "of the witness" "$(cat "$WORK/witness")"

# ---- settings and the data directory ----
server=$BIN/rusty-db-server
pid=$(node_pid n1)
timeout 20 "$server" --home "$home" >"$WORK/second.log" 2>&1 && fail "a second server on one data directory"
said=$(cat "$WORK/second.log")
[[ $said == *"$home"* || $said == *lock* ]] || fail "a second server: unclear: $said"
equal "the first server" "$pid" "$(node_pid n1)"
[[ $(tail -n 1 "$home/logs/rustydb.log") != *stopped ]] || fail "the second server wrote into the first one's log"
answers "$P" || fail "the first server does not answer any more"
mkdir -p "$WORK/other/conf"
refused() {
    timeout 20 "$server" --home "$WORK/other" >"$WORK/refused.log" 2>&1 && fail "$1 was taken"
    grep -qF "$2" "$WORK/refused.log" || fail "$1: unclear: $(cat "$WORK/refused.log")"
}
printf '[server]\nlisten_prot = 5432\n' >"$WORK/other/conf/rustydb.toml"
refused "an unknown key" "listen_port"
grep -qE '(line |:)2' "$WORK/refused.log" || fail "an unknown key: no line: $(cat "$WORK/refused.log")"
printf '[server]\nlisten_host = "0.0.0.0"\nlisten_port = %d\n' $((P + 4)) >"$WORK/other/conf/rustydb.toml"
refused "a listener beyond loopback" "loopback"
printf '[server]\nlisten_port = 99999\n' >"$WORK/other/conf/rustydb.toml"
refused "a port too large" "listen_port"
[ "$(must "$P" 'SELECT count(*) FROM kept')" = 4002 ] || fail "rows of kept"
