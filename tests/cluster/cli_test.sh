#!/usr/bin/env bash
# cli_test.sh: rusty-db-cluster and rusty-db-cli as an operator types them: every verb, both
# spellings, where they connect, what they print, exit statuses, and what wrong input is told.
source "$(dirname "$0")/lib.sh"
CLI=$BIN/rusty-db-cli
CLUSTER=$BIN/rusty-db-cluster

# says STATUS PATTERN COMMAND...: exit status and a pattern (extended) somewhere in its output.
says() {
    local status=$1 pattern=$2 got rc
    shift 2
    got=$(timeout 60 "$@" 2>&1 </dev/null)
    rc=$?
    [ "$rc" = "$status" ] || fail "$*: status $rc instead of $status: $got"
    grep -qE -- "$pattern" <<<"$got" || fail "$*: no \"$pattern\" in: $got"
}

# ---- local ----
P=${PORT:-$(free_base)} || fail "no free ports"
says 2 'no verb "nosuch"' "$CLUSTER" local nosuch
says 1 'no local cluster' "$CLUSTER" local status --dir "$DIR"
says 1 'port P is needed' "$CLUSTER" local up --dir "$DIR"
says 2 'must be between 1 and 5' "$CLUSTER" local up --dir "$DIR" --port "$P" --nodes 6
says 1 'different names' "$CLUSTER" local up --dir "$DIR" --port "$P" --names a,a,b
says 1 'asked for twice' "$CLUSTER" local up --dir "$DIR" --port "$P" --rest-port "$P"
python3 -c "
import socket, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('127.0.0.1', $((P + 1)))); s.listen(); print('bound', flush=True); time.sleep(20)" >"$WORK/bound" &
HELPERS+=($!)
wait_for 5 grep -q bound "$WORK/bound"
says 1 "port $((P + 1)), the SQL port of \"b\", cannot be used" \
    "$CLUSTER" local up --dir "$DIR" --port "$P" --names a,b,c
kill "${HELPERS[-1]}"
wait "${HELPERS[-1]}" 2>/dev/null
[ ! -e "$DIR" ] || fail "a refused up left a directory"
says 0 "a +[0-9]+ +running +$P +$((P + 900)) +$((P + 2000))" \
    "$CLUSTER" local up --dir "$DIR" --port "$P" --rest-port $((P + 900)) --names a,b,c
equal "the first node leads" a "$(primary_name)"
pids=$(cat "$DIR"/*/run/rustydb.pid)
RUSTYDB_DIR=$DIR says 0 'c +[0-9]+ +running' "$CLUSTER" local up --nodes 3
equal "a second up starts nothing" "$pids" "$(cat "$DIR"/*/run/rustydb.pid)"
says 1 'exists already, and --port' "$CLUSTER" local up --dir "$DIR" --port $((P + 1))
says 1 'runs already' "$CLUSTER" local start b --dir "$DIR"
says 2 'no node "n1"' "$CLUSTER" local kill n1 --dir "$DIR"
says 2 'needs the name' "$CLUSTER" local stop --dir "$DIR"
"$CLUSTER" local pause b --dir "$DIR" || fail pause
says 0 'b +[0-9]+ +paused' "$CLUSTER" local status --dir "$DIR"
says 0 'b +[0-9]+ +paused' "$CLUSTER" local up --dir "$DIR"
"$CLUSTER" local resume b --dir "$DIR" || fail resume
"$CLUSTER" local kill b --dir "$DIR" && "$CLUSTER" local stop c --dir "$DIR" || fail "kill, stop"
says 0 '"state": "stopped"' "$CLUSTER" local status -o json --dir "$DIR"
says 1 'does not run' "$CLUSTER" local kill b --dir "$DIR"
"$CLUSTER" local start b --dir "$DIR" || fail start
says 1 'runs already' "$CLUSTER" local start b --dir "$DIR" # known at once, also before it serves
wait_for 10 answers $((P + 1))
kill_node a b # and c is down: all must come again
says 0 'a +[0-9]+ +running' "$CLUSTER" local up --dir "$DIR"

# ---- status, switchover ----
wait_for 20 all_healthy
"$CLUSTER" --status -o json --dir "$DIR" >"$WORK/status.json" || fail "--status"
python3 - "$WORK/status.json" "$P" <<'PY' || fail "$(cat "$WORK/status.json")"
import json, sys
status = json.load(open(sys.argv[1]))
assert list(status) == ["cluster", "primary", "nodes"], status
keys = ["name", "role", "membership", "status", "version", "sql_port", "log_position",
        "applied_position", "lag_seconds"]
assert [node["name"] for node in status["nodes"]] == ["a", "b", "c"]
for i, node in enumerate(status["nodes"]):
    assert list(node) == keys, node
    assert node["role"] == ("primary" if node["name"] == status["primary"] else "standby")
    assert node["membership"] == "voter" and node["sql_port"] == int(sys.argv[2]) + i
PY
says 0 'a +\|' "$CLUSTER" status --host 127.0.0.1 --port "$P"
says 0 'a +\|' "$CLUSTER" status --host b --port "$P"
says 4 'refused' "$CLUSTER" status --port 1
says 4 'no local cluster in' "$CLUSTER" status --dir "$WORK/nowhere"
says 4 'no local cluster in' "$CLI" --dir "$WORK/nowhere" -c 'SELECT 1'
says 4 'nosuch' "$CLUSTER" status --host nosuch --port "$P"
says 2 'not "xml"' "$CLUSTER" status -o xml
says 2 'unexpected argument "nosuch"' "$CLUSTER" nosuch
for seconds in nan -1 3601 '' x; do
    says 2 'takes 0 to 3600 seconds' "$CLUSTER" switchover --from a --to b --drain-timeout "$seconds" --dir "$DIR"
done
says 2 'needs --from NODE and --to NODE' "$CLUSTER" --switchover --to a --dir "$DIR"
primary=$(primary_name)
standby=$(node_names | grep -vx "$primary" | head -n 1)
says 1 "is not the primary: \"$primary\" is" "$CLUSTER" --switchover --from "$standby" --to a --dir "$DIR"
says 1 'nosuch' "$CLUSTER" --switchover --from "$primary" --to nosuch --dir "$DIR"
says 0 . "$CLUSTER" switchover --from "$primary" --to "$standby" --dir "$DIR"
equal "after the switchover" "$standby" "$(primary_name)"

# ---- rusty-db-cli ----
says 0 '\(1 row\)' "$CLI" --dir "$DIR" --command "SELECT 1"
for name in a b c; do
    recovery=t
    [ "$name" != "$standby" ] || recovery=f
    for where in "--dir $DIR" "--port $P"; do
        equal "--host $name $where" $recovery \
            "$(RUSTYDB_DIR='' "$CLI" -t $where --host $name -c 'SELECT pg_is_in_recovery()' | xargs)"
    done
done
equal "json" '[{"a": 1, "b": "x", "c": null, "d": true}]' \
    "$("$CLI" --port "$P" --output json -c "SELECT 1 a, 'x' b, NULL c, true d" |
        python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)))')"
got=$("$CLI" --port "$P" -t -c "SELECT 1; SELECT nosuch; SELECT 3" 2>"$WORK/cli.err")
equal "the status of a statement that fails" 1 $?
equal "those before it ran" 1 "$(xargs <<<"$got")"
grep -q '^ERROR:  column "nosuch" does not exist' "$WORK/cli.err" || fail "$(cat "$WORK/cli.err")"
equal "statements of standard input" "5 CREATE TABLE INSERT 0 2 1 2 COPY 2 DROP TABLE" "$(echo "SELECT 5; CREATE TABLE zz (a int);
    INSERT INTO zz VALUES (1), (2); -- ; a comment
    COPY zz TO STDOUT; DROP TABLE zz" | "$CLI" --port "$P" | grep -vE 'column|--|row' | xargs)"
echo "SELECT 'of a file'" >"$WORK/file.sql"
says 0 'of a file' "$CLI" --port "$P" --file "$WORK/file.sql"
says 2 'could not open' "$CLI" --port "$P" --file "$WORK/nosuch.sql"
says 2 'not both' "$CLI" --port "$P" -c 'SELECT 1' --file "$WORK/file.sql"
equal "json, one name twice" '[{"a": 1, "a_2": 2, "a_3": 3}]' \
    "$("$CLI" --port "$P" --output json -c "SELECT 1 a, 2 a, 3 a" |
        python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)))')"
says 2 'table or json' "$CLI" --port "$P" -o xml -c 'SELECT 1'
says 2 'between 1 and 65535' "$CLI" --port 0 -c 'SELECT 1'
says 2 'unexpected argument' "$CLI" --port "$P" 'SELECT 1'
says 4 'database "nosuch" does not exist' "$CLI" --port "$P" -d nosuch -c 'SELECT 1'
says 4 'role "nosuch" does not exist' "$CLI" --port "$P" -U nosuch -c 'SELECT 1'
says 0 'cluster_nodes|node_name' "$CLI" --port "$P" -c 'SELECT * FROM v$cluster_nodes'
for program in "$CLI" "$CLUSTER"; do
    says 0 '^Usage: ' "$program" --help
    says 0 '[0-9]\.[0-9]' "$program" --version
done

# ---- the end ----
cp "$DIR/cluster.json" "$WORK/good.json"
echo "{" >"$DIR/cluster.json"
says 1 'is damaged' "$CLUSTER" local up --dir "$DIR" --port "$P"
cp "$WORK/good.json" "$DIR/cluster.json"
says 0 '' "$CLUSTER" local down --dir "$DIR"
says 0 '' "$CLUSTER" local down --dir "$DIR"
for name in a b c; do [ -z "$(node_pid $name)" ] || fail "$name still runs"; done
